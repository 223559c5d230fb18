"""Means and standard deviations of the training set, which standardize a network's inputs and outputs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from readers.records import Record


@dataclass(frozen=True)
class Standardization:
    """Mean and standard deviation of each channel over the training set, in the files' units."""

    input_mean: tuple[float, ...]
    input_deviation: tuple[float, ...]
    output_mean: tuple[float, ...]
    output_deviation: tuple[float, ...]

    @classmethod
    def of(cls, records: Sequence[Record]) -> "Standardization":
        """Mean and standard deviation of each channel over all rows; 1 for a constant channel (roll in head seas)."""
        # Each record is read only twice, as it may come from disk.
        rows, sums = zip(*((len(record.time), all_channels(record).sum(axis=0)) for record in records), strict=True)
        rows, mean = sum(rows), sum(sums) / sum(rows)
        deviation = np.sqrt(sum(((all_channels(record) - mean) ** 2).sum(axis=0) for record in records) / rows)
        deviation = np.where(deviation > 1e-9 * np.maximum(1.0, np.abs(mean)), deviation, 1.0)
        inputs = records[0].inputs.shape[1]
        parts = (mean[:inputs], deviation[:inputs], mean[inputs:], deviation[inputs:])
        return cls(*(tuple(part.tolist()) for part in parts))


def all_channels(record: Record) -> np.ndarray:
    """(row, input and output channel) of a record with LAMP."""
    return np.hstack([record.inputs, record.targets])
