"""Means and standard deviations of the training set, which standardize a network's inputs and outputs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from readers.records import Record
from settings.channels import channel_of
from settings.description import in_use
from system.errors import warn

LEAST = 1e-9  # of a channel's size or mean: with less it is constant
RESOLVED = 1e-5  # of the mean: 0.3 % of a smaller deviation are rounding, as networks compute with seven digits


@dataclass(frozen=True)
class Standardization:
    """Mean and standard deviation of each channel over the training set, in the files' units."""

    input_mean: tuple[float, ...]
    input_deviation: tuple[float, ...]
    output_mean: tuple[float, ...]
    output_deviation: tuple[float, ...]

    @classmethod
    def of(cls, records: Sequence[Record], channels: Sequence[str] = ()) -> "Standardization":
        """Mean and standard deviation of each channel over all rows; 1 for a constant channel (roll in head seas).

        channels: names of inputs and outputs; those that the user describes may have numbers of any size.
        """
        # Each record is read only twice, as it may come from disk.
        rows, sums = zip(*((len(record.time), all_channels(record).sum(axis=0)) for record in records), strict=True)
        rows, mean = sum(rows), sum(sums) / sum(rows)
        deviation = np.sqrt(sum(((all_channels(record) - mean) ** 2).sum(axis=0) for record in records) / rows)
        least = LEAST * np.maximum(_sizes(channels, deviation), np.abs(mean))
        warn(_unresolved(channels, (deviation > least) & (deviation < RESOLVED * np.abs(mean))))
        deviation = np.where(deviation > least, deviation, 1.0)
        inputs = records[0].inputs.shape[1]
        parts = (mean[:inputs], deviation[:inputs], mean[inputs:], deviation[inputs:])
        return cls(*(tuple(part.tolist()) for part in parts))


def _unresolved(channels: Sequence[str], hardly_moves: np.ndarray) -> list[str]:
    """A line for each described channel that hardly moves about its mean. hardly_moves: (channel,)."""
    found = {name for name, hardly in zip(channels, hardly_moves, strict=False) if hardly and name in in_use().names}
    return [
        f"{name}: its standard deviation over the training records is less than {RESOLVED:g} of its mean; networks "
        'compute with seven digits and see little of it: subtract a constant in its files, or set trend="removed"'
        for name in sorted(found)
    ]


def _sizes(channels: Sequence[str], deviation: np.ndarray) -> np.ndarray:
    """(channel,): 1, of a channel that the user describes the largest deviation of those in its unit."""
    units = [channel_of(name).unit for name in channels]
    largest = {unit: max(d for d, of in zip(deviation, units, strict=True) if of == unit) for unit in set(units)}
    described = [name in in_use().names for name in channels]
    return np.where(described, [largest[unit] for unit in units], 1.0) if units else np.array(1.0)


def all_channels(record: Record) -> np.ndarray:
    """(row, input and output channel) of a record with LAMP."""
    return np.hstack([record.inputs, record.targets])
