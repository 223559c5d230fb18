"""Fits a network: windows, objectives, callbacks, resuming, several machines."""
