"""Splits standardized records into the sequences that the network sees: every time_res-th step."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from data_io import Record
from layers.standardization import Standardization, all_channels
from readers.rows_on_disk import RowsOnDisk, write_rows


@dataclass(frozen=True)
class Sequences:
    """All sequences of a set, concatenated, standardized, float32.

    With time_res = n each record gives n sequences: rows 0, n, 2n, ...; rows 1, n + 1, ...; and so on.

    inputs: (steps, input channel); targets: (steps, output channel), NaN in the transient at the start of a record;
    starts, lengths: (sequence,) in steps.
    on_disk: the file that inputs and targets are read from; None if they are in memory.
    """

    inputs: np.ndarray
    targets: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    on_disk: RowsOnDisk | None = None

    @classmethod
    def of(
        cls, records: Sequence[Record], time_res: int, s: Standardization, folder: str = "", transient: float = 0.0
    ) -> "Sequences":
        """folder: where to keep them in a temporary file instead of memory; empty for memory. transient: in s.

        Raises InputError if the file cannot be written.
        """
        tables = _interleaved(records, time_res, s, transient)
        if folder:
            on_disk = write_rows(tables, folder)
            rows, lengths = on_disk.rows, on_disk.lengths
        else:
            tables = list(tables)
            on_disk, rows, lengths = None, np.concatenate(tables), np.array([len(table) for table in tables], np.int64)
        inputs, targets = np.split(rows, [len(s.input_mean)], axis=1)
        return cls(inputs, targets, np.cumsum(lengths) - lengths, lengths, on_disk)


def _interleaved(
    records: Sequence[Record], time_res: int, s: Standardization, transient: float
) -> Iterator[np.ndarray]:
    """Yields each sequence as (step, input and output channel), float32."""
    mean, deviation = np.array(s.input_mean + s.output_mean), np.array(s.input_deviation + s.output_deviation)
    for record in records:
        standardized = ((all_channels(record) - mean) / deviation).astype(np.float32)
        standardized[record.time < record.time[0] + transient, len(s.input_mean) :] = np.nan
        for first in range(time_res):
            yield standardized[first::time_res]
