"""How far data and predictions can be trusted: checks of pairs, bands, a flag for what was not seen in training."""
