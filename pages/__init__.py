"""Pages to read in a browser."""
