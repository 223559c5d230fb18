"""Fits a network to the records of SimpleCode and LAMP."""

from network import TrainedNetwork
from settings import Config
from system.workers import LOCAL, Workers
from training import cross_fitting, fit
from training.fit import AfterEpoch
from training.sequences import Sets


def train(
    config: Config, sets: Sets, after_epoch: AfterEpoch | None = None, workers: Workers = LOCAL
) -> TrainedNetwork:
    """Trains by cross-fitting on train and val if num_folds is set, else on train; see `fit.train`.

    workers: train the folds.
    """
    if config.user.num_folds:
        return cross_fitting.train(config, sets, workers)
    return fit.train(config, sets, after_epoch)
