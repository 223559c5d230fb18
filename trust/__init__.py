"""How far data and predictions can be trusted: checks of pairs, bands, novelty and statistics of records."""
