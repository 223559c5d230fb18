"""Fits a network to the records of SimpleCode and LAMP."""

from training import cross_fitting, fit


def train(config, sets, after_epoch=None):
    """Trains by cross-fitting where num_folds asks for it, else on the train set; see `fit.train`."""
    if config.user.num_folds:
        return cross_fitting.train(config, sets)
    return fit.train(config, sets, after_epoch)
