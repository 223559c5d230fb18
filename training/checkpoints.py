"""Saves the networks of a training (best, last, checkpoints), and stops it early."""

import shutil
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from network import Architecture, build_model, load_model_file, save_model
from settings import UserInput
from support.files import written_aside
from support.saved_networks import CHECKPOINT_FILES, CHECKPOINTS, LAST_FILE, MODEL_FILE


class Checkpoints(keras.callbacks.Callback):
    """Saves the best network, the last one and one every few epochs, and stops the training when patience is exhausted.

    The network is saved once per epoch as the last one, and copied if it is also the best or a checkpoint, since saving
    takes as long as a hundred copies. However a training ends, the network of its last completed epoch is there. Keras'
    own callbacks for this restore nothing after Ctrl-C, and take a NaN in the first epoch for the best value.
    """

    def __init__(self, architecture: Architecture, folder: Path, watched: str, user: UserInput):
        super().__init__()
        self.best_model = build_model(architecture)
        self._last_model = build_model(architecture)
        self._architecture, self._folder, self._watched, self._user = architecture, folder, watched, user
        self.epoch: int | None = None
        self._value = float("inf")

    def on_epoch_end(self, epoch, logs=None):
        checkpoints = self._folder / CHECKPOINTS
        last = checkpoints / LAST_FILE
        self._last_model.set_weights(self.model.get_weights())
        save_model(self._last_model, last)
        if 0 < logs[self._watched] < self._value:  # neither NaN nor 0, which is a mean over no sample
            self.epoch, self._value = epoch + 1, logs[self._watched]
            self.best_model.set_weights(self.model.get_weights())
            _copy(last, self._folder / MODEL_FILE)
        if self._user.checkpoint_every and (epoch + 1) % self._user.checkpoint_every == 0:
            _copy(last, checkpoints / f"epoch_{epoch + 1:06d}.keras")
            for path in sorted(checkpoints.glob(CHECKPOINT_FILES))[: -self._user.max_checkpoints]:
                path.unlink()
        if self.out_of_patience(epoch + 1):
            self.model.stop_training = True

    def out_of_patience(self, epochs: int) -> bool:
        """Whether the given number of epochs is at least `patience` beyond the best epoch.

        The automatic schedule decides by itself when to end: its last epochs, of small rates, are the best.
        """
        return self._user.lr_schedule != "automatic" and epochs - (self.epoch or 0) >= self._user.patience

    def continue_from(self, history: pd.DataFrame) -> None:
        """Restores the best epoch of an interrupted training, whose weights are in the folder."""
        values = history[self._watched].where(history[self._watched] > 0)
        if np.isfinite(values).any():
            best = int(values.argmin())
            self.epoch, self._value = int(history["epoch"].iloc[best]), float(values.iloc[best])
            self.best_model = load_model_file(self._folder / MODEL_FILE, self._architecture)


def with_averaged_weights(callbacks: list[keras.callbacks.Callback]) -> list[keras.callbacks.Callback]:
    """Wraps the callbacks so that at the end of an epoch they see the exponential moving average (EMA) of the weights.

    Keras' SwapEMAWeights swaps the weights either around Keras' own validation, which pads batches, or until the next
    epoch begins, so that an interrupted training would be saved with swapped weights.
    """
    exchange = keras.callbacks.SwapEMAWeights()
    before = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: exchange.on_test_begin())
    after = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: exchange.on_test_end())
    return [exchange, before, *callbacks, after]


def _copy(file: Path, path: Path) -> None:
    with written_aside(path) as aside:
        shutil.copyfile(file, aside)
