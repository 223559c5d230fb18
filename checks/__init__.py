"""How far data and predictions can be trusted: contradictions in pairs, records unlike the training's, bands."""
