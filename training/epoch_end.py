"""Callbacks at the end of an epoch: validation, and saving of the best and the last network."""

import shutil
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from data_io import VALIDATION_ERRORS
from network import Architecture, build_model, load_model_file, mean_of_members, save_model
from settings import UserInput
from support.files import written_aside
from support.saved_networks import CHECKPOINT_FILES, CHECKPOINTS, LAST_FILE, MODEL_FILE
from training.objectives import objective_sum_and_count
from training.sequences import Sequences, whole_sequence_batches


class Validation(keras.callbacks.Callback):
    """Adds val_loss to each epoch's logs: the objective over all elements of the set at once, not a mean over batches.

    It is NaN where the objective counts large errors alone and there are none: that is no loss to compare with others.
    It also adds the root mean squared error of each channel in the files' units.
    """

    def __init__(self, sequences: Sequences, objective: tuple[int, float, float], architecture: Architecture):
        super().__init__()
        self._sequences = sequences
        self._objective, self._architecture = objective, architecture
        self._terms = None

    def on_epoch_end(self, epoch, logs=None):
        logs |= self.measured(self.model)

    def measured(self, model: keras.Model) -> dict[str, float]:
        """val_loss and the error of each channel. `model` is a training model, the same at each call."""
        if self._terms is None:
            self.set_model(model)
            # Without autograph, which has nothing to translate here and takes a second to find out.
            self._terms = tf.function(self._sums, reduce_retracing=True, autograph=False)
        batches = whole_sequence_batches(self._sequences)
        parts = [self._terms(tf.constant(inputs), tf.constant(targets)).numpy() for inputs, targets in batches]
        sums = np.sum(parts, axis=0, dtype=np.float64)
        total, count, squares = sums[0], sums[1], sums[2:]
        errors = np.sqrt(squares / len(self._sequences.targets)) * self._architecture.standardization.output_deviation
        names = [VALIDATION_ERRORS[channel] for channel in self._architecture.outputs]
        return {"val_loss": float(total / count) if count else float("nan")} | dict(
            zip(names, errors.tolist(), strict=True)
        )

    def _sums(self, inputs, targets):
        """The objective's sum and count, then the sum of squared errors of each channel."""
        outputs = mean_of_members(self.model(inputs, training=False), self._architecture)
        sum_and_count = objective_sum_and_count(self._objective, targets, outputs)
        return tf.concat((sum_and_count, tf.reduce_sum(tf.square(outputs - targets), axis=(0, 1))), axis=0)


class BestAndLast(keras.callbacks.Callback):
    """Keeps the best weights, and saves the best network, the last one, and one every few epochs.

    The network is saved once per epoch as the last one, and copied if it is also the best or a checkpoint, since saving
    takes as long as a hundred copies. However a training ends, the network of its last completed epoch is there.
    """

    def __init__(self, architecture: Architecture, folder: Path, watched: str, user: UserInput):
        super().__init__()
        self.best_model = build_model(architecture)
        self._last_model = build_model(architecture)
        self._folder, self._watched, self._user = folder, watched, user
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
        """Whether the given number of epochs is at least `patience` beyond the best epoch."""
        return epochs - (self.epoch or 0) >= self._user.patience

    def continue_from(self, history: pd.DataFrame) -> None:
        """Restores the best epoch of an interrupted training, whose weights are in the folder."""
        values = history[self._watched].where(history[self._watched] > 0)
        if np.isfinite(values).any():
            best = int(values.argmin())
            self.epoch, self._value = int(history["epoch"].iloc[best]), float(values.iloc[best])
            saved = load_model_file(self._folder / MODEL_FILE)
            self.best_model.set_weights(saved.get_weights())


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
