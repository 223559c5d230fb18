"""Data augmentation: the records of the ship mirrored at its centre plane."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from data_io import mirrored_channels
from layers.standardization import Standardization
from training.sequences import Sequences

MIRRORED_SHARE = 0.5  # of windows: the prediction averages both sides of the ship, so both have to be known


@dataclass(frozen=True)
class Mirror:
    """Mirrors the ship at its centre plane, on standardized channels: channels @ map + shift, float32.

    Roll changes sign, and the port and starboard points of a wave grid change places.
    """

    input_map: np.ndarray
    input_shift: np.ndarray
    target_map: np.ndarray
    target_shift: np.ndarray

    @classmethod
    def of(cls, inputs: Sequence[str], outputs: Sequence[str], s: Standardization) -> "Mirror":
        return cls(
            *_mirror_map(inputs, s.input_mean, s.input_deviation),
            *_mirror_map(outputs, s.output_mean, s.output_deviation),
        )

    def inputs(self, values: np.ndarray) -> np.ndarray:
        """(..., input channel) of the mirrored ship."""
        return values @ self.input_map + self.input_shift

    def targets(self, values: np.ndarray) -> np.ndarray:
        """(..., output channel) of the mirrored ship."""
        return values @ self.target_map + self.target_shift


def with_mirrored(sequences: Sequences, mirror: Mirror) -> Sequences:
    """All sequences, followed by their mirror images."""
    return Sequences(
        np.concatenate([sequences.inputs, mirror.inputs(sequences.inputs)]),
        np.concatenate([sequences.targets, mirror.targets(sequences.targets)]),
        np.concatenate([sequences.starts, sequences.starts + len(sequences.inputs)]),
        np.tile(sequences.lengths, 2),
    )


def _mirror_map(
    channels: Sequence[str], mean: Sequence[float], deviation: Sequence[float]
) -> tuple[np.ndarray, np.ndarray]:
    mean, deviation = np.asarray(mean), np.asarray(deviation)
    opposite, sign = mirrored_channels(channels)
    signs = np.zeros((len(channels), len(channels)))
    signs[np.arange(len(channels)), opposite] = sign
    scaled = signs * deviation[:, None] / deviation
    return scaled.astype(np.float32), ((mean @ signs - mean) / deviation).astype(np.float32)
