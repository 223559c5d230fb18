"""How far data and predictions can be trusted: checks of pairs, prediction bands, novelty of records."""
