"""Validation after each epoch: the objective over the whole validation set, and the error of each channel."""

import keras
import numpy as np
import tensorflow as tf

from data_io import VALIDATION_ERRORS
from network import Architecture, mean_of_members
from training.mirroring import Mirror
from training.objectives import objective_sum_and_count
from training.sequences import Sequences
from training.windows import whole_sequence_batches


class Validation(keras.callbacks.Callback):
    """Adds val_loss to each epoch's logs: the objective over all elements of the set at once, not a mean over batches.

    It is NaN where the objective counts large errors alone and there are none: that is no loss to compare with others.
    It also adds the root mean squared error of each channel in the files' units.
    """

    def __init__(self, sequences: Sequences, objective: tuple[int, float, float], architecture: Architecture):
        super().__init__()
        self._sequences = sequences
        self._objective, self._architecture = objective, architecture
        a = architecture
        self._mirror = Mirror.of(a.inputs, a.outputs, a.standardization) if a.mean_with_mirrored else None
        self._terms = None

    def on_epoch_end(self, epoch, logs=None):
        logs |= self.measure(self.model)

    def measure(self, model: keras.Model) -> dict[str, float]:
        """val_loss and the error of each channel. `model` is a training model, the same at each call."""
        if self._terms is None:
            self.set_model(model)
            # Without autograph, which has nothing to translate here and takes a second to find out.
            self._terms = tf.function(self._sums, reduce_retracing=True, autograph=False)
        batches = whole_sequence_batches(self._sequences)
        parts = [self._terms(tf.constant(inputs), tf.constant(targets)).numpy() for inputs, targets in batches]
        sums = np.sum(parts, axis=0, dtype=np.float64)
        total, count, squares = sums[0], sums[1], sums[2:]
        steps = np.isfinite(self._sequences.targets[:, 0]).sum()
        errors = np.sqrt(squares / steps) * self._architecture.standardization.output_deviation
        names = [VALIDATION_ERRORS[channel] for channel in self._architecture.outputs]
        return {"val_loss": float(total / count) if count else float("nan")} | dict(
            zip(names, errors.tolist(), strict=True)
        )

    def _sums(self, inputs, targets):
        """The objective's sum and count, then the sum of squared errors of each channel."""
        outputs = self._outputs(inputs)
        if self._mirror:
            outputs = (outputs + self._mirror.targets(self._outputs(self._mirror.inputs(inputs)))) / 2.0
        sum_and_count = objective_sum_and_count(self._objective, targets, outputs)
        squares = tf.where(tf.math.is_finite(targets), tf.square(outputs - targets), 0.0)
        return tf.concat((sum_and_count, tf.reduce_sum(squares, axis=(0, 1))), axis=0)

    def _outputs(self, inputs):
        return mean_of_members(self.model(inputs, training=False), self._architecture)
