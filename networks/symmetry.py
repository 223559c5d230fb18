"""The ship is symmetric about its centre plane: it answers the mirrored sea with the mirrored motions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from settings.channels import mirrored_channels

Architecture = Any  # that of network.py, which stands above this module


@dataclass(frozen=True)
class Symmetry:
    """Functions that mirror a network's inputs and its outputs (..., channel)."""

    inputs: Callable
    outputs: Callable

    @classmethod
    def physical(cls, a: Architecture) -> "Symmetry":
        """For tensors in the files' units."""
        return cls(_exchange(a.inputs), _exchange(a.outputs))

    @classmethod
    def standardized(cls, a: Architecture) -> "Symmetry":
        """For standardized arrays or tensors."""
        s = a.standardization
        inputs = _transform(a.inputs, s.input_mean, s.input_deviation)
        return cls(inputs, _transform(a.outputs, s.output_mean, s.output_deviation))

    def mean(self, outputs, outputs_of_mirrored):
        """The mean of a network's outputs and of those of the mirrored inputs, mirrored back."""
        return (outputs + self.outputs(outputs_of_mirrored)) / 2.0

    def both_sides(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """A batch, followed by its mirror images."""
        return keras.ops.concatenate([inputs, self.inputs(inputs)], axis=0)

    def mean_of_both_sides(self, outputs: keras.KerasTensor) -> keras.KerasTensor:
        """The `mean` of a network's outputs for `both_sides`."""
        return self.mean(*keras.ops.split(outputs, 2, axis=0))


def _exchange(channels: Sequence[str]) -> Callable:
    order, sign = map(np.array, mirrored_channels(channels))
    return lambda motions: keras.ops.take(motions, order, axis=-1) * sign.astype(np.float32)


def _transform(channels: Sequence[str], mean: Sequence[float], deviation: Sequence[float]) -> Callable:
    mean, deviation = np.asarray(mean), np.asarray(deviation)
    opposite, sign = mirrored_channels(channels)
    signs = np.eye(len(channels))[opposite] * np.array(sign)[:, None]
    scaled = (signs * deviation[:, None] / deviation).astype(np.float32)
    shift = ((mean @ signs - mean) / deviation).astype(np.float32)
    return lambda values: values @ scaled + shift
