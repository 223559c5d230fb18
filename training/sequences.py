"""What a network sees: the sequences of standardized records, and windows cut from them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from data_io import Record
from networks.standardization import Standardization, all_channels
from networks.symmetry import Symmetry
from readers.rows_on_disk import RowsOnDisk, write_rows

Sets = Mapping[str, Sequence[Record]]  # train, val and test
VALIDATION_BATCH = 128  # sequences at once; limits the memory
VALIDATION_STEPS = 2**17  # steps at once, for long sequences


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
        tables = interleaved(records, time_res, s, transient)
        if folder:
            on_disk = write_rows(tables, folder)
            rows, lengths = on_disk.rows, on_disk.lengths
        else:
            tables = list(tables)
            on_disk, rows, lengths = None, np.concatenate(tables), np.array([len(table) for table in tables], np.int64)
        inputs, targets = np.split(rows, [len(s.input_mean)], axis=1)
        return cls(inputs, targets, np.cumsum(lengths) - lengths, lengths, on_disk)

    def with_mirrored(self, symmetry: Symmetry) -> "Sequences":
        """All sequences, followed by their mirror images."""
        return Sequences(
            np.concatenate([self.inputs, symmetry.inputs(self.inputs)]),
            np.concatenate([self.targets, symmetry.outputs(self.targets)]),
            np.concatenate([self.starts, self.starts + len(self.inputs)]),
            np.tile(self.lengths, 2),
        )

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Inputs and targets of one sequence after the other."""
        for start, length in zip(self.starts, self.lengths, strict=True):
            yield self.inputs[start : start + length], self.targets[start : start + length]


def interleaved(records: Sequence[Record], time_res: int, s: Standardization, transient: float) -> Iterator[np.ndarray]:
    """Yields each sequence as (step, input and output channel), float32; NaN in the transient (s) of the outputs."""
    mean, deviation = np.array(s.input_mean + s.output_mean), np.array(s.input_deviation + s.output_deviation)
    for record in records:
        standardized = ((all_channels(record) - mean) / deviation).astype(np.float32)
        standardized[record.time < record.time[0] + transient, len(s.input_mean) :] = np.nan
        for first in range(time_res):
            yield standardized[first::time_res]


# ---- windows ----------------------------------------------------------------------------------------------------


class Windows(NamedTuple):
    """Parts of sequences to train on: (window,) arrays of positions in `Sequences.inputs`.

    The network sees the steps from begin to end; those from counted_begin to counted_end carry the loss.
    """

    begin: np.ndarray
    end: np.ndarray
    counted_begin: np.ndarray
    counted_end: np.ndarray


def cut_pieces(sequences: Sequences, seq_length: int) -> Windows:
    """Whole sequences, or parts of about seq_length steps where they are longer (0: always whole)."""
    begins, ends = [], []
    for start, length in zip(sequences.starts, sequences.lengths, strict=True):
        count = max(1, round(length / seq_length)) if seq_length else 1
        bounds = start + np.linspace(0, length, count + 1).round().astype(np.int64)
        begins.append(bounds[:-1])
        ends.append(bounds[1:])
    begin, end = np.concatenate(begins), np.concatenate(ends)
    return Windows(begin, end, begin, end)


def cut_windows(sequences: Sequences, window: int, washout: int, after: int, rng: np.random.Generator) -> Windows:
    """Windows, randomly shifted, that together count each step of each sequence once.

    Before each window comes a washout of steps that do not count, so that the state of the network has settled, and
    after it come `after` steps: what the network looks ahead, or a washout if it also reads backwards. At the ends of a
    sequence nothing needs a washout.
    """
    starts, lengths = sequences.starts, sequences.lengths
    total = window + washout + after
    shift = rng.integers(1, window + 1, len(starts))  # end of the first window
    counts = np.where(lengths > shift, 1 + -(-(lengths - shift) // window), 1)
    sequence = np.repeat(np.arange(len(starts)), counts)
    number = np.arange(len(sequence)) - np.repeat(np.cumsum(counts) - counts, counts)
    last = lengths[sequence]
    counted_begin = np.maximum(shift[sequence] + (number - 1) * window, 0)
    counted_end = np.minimum(shift[sequence] + number * window, last)
    # All windows of a long sequence have one length: those at its ends reach further inwards.
    begin = np.clip(shift[sequence] + (number - 1) * window - washout, 0, np.maximum(last - total, 0))
    end = np.minimum(begin + total, last)
    first = starts[sequence]
    return Windows(first + begin, first + end, first + counted_begin, first + counted_end)


def start_windows(sequences: Sequences, steps: int, after: int) -> Windows:
    """One window from the start of each sequence, of so many steps that all count, and `after` steps behind them."""
    first, last = sequences.starts, sequences.starts + sequences.lengths
    return Windows(first, np.minimum(first + steps + after, last), first, np.minimum(first + steps, last))


def gather(sequences: Sequences, windows: Windows, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A batch of windows: inputs and targets (window, time, channel).

    Windows shorter than the longest of the batch are padded with inputs of 0; steps that do not count have targets of
    NaN.
    """
    begin, end = windows.begin[numbers, None], windows.end[numbers, None]
    steps = begin + np.arange(int((end - begin).max()))
    inside = steps < end
    counted = (steps >= windows.counted_begin[numbers, None]) & (steps < windows.counted_end[numbers, None])
    steps = np.where(inside, steps, begin)
    if sequences.on_disk:
        sequences.on_disk.expect(windows.begin[numbers], windows.end[numbers])
    inputs = sequences.inputs[steps]
    inputs[~inside] = 0
    targets = sequences.targets[steps]
    targets[~counted] = np.nan
    if sequences.on_disk:
        sequences.on_disk.release()
    return inputs, targets


def whole_sequence_batches(sequences: Sequences) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Inputs and targets (sequence, time, channel) in batches of equal length, so that no padding is needed."""
    windows = cut_pieces(sequences, 0)
    for length in np.unique(sequences.lengths):
        numbers = np.flatnonzero(sequences.lengths == length)
        at_once = max(1, min(VALIDATION_BATCH, VALIDATION_STEPS // length))
        for start in range(0, len(numbers), at_once):
            yield gather(sequences, windows, numbers[start : start + at_once])
