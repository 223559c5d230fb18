"""Below everything that knows ships: messages, files written whole, the folder of a run, cores."""
