"""Cuts sequences into windows with a washout, and gathers windows into batches."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from training.sequences import Sequences

VALIDATION_BATCH = 128  # sequences at once; limits the memory
VALIDATION_STEPS = 2**17  # steps at once, for long sequences


@dataclass(frozen=True)
class Windows:
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


def joined(*parts: Windows) -> Windows:
    """The windows of all parts."""
    names = [f.name for f in dataclasses.fields(Windows)]
    return Windows(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def gather(sequences: Sequences, windows: Windows, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A batch of windows: inputs and targets (window, time, channel).

    Windows shorter than the longest of the batch are padded with inputs of 0; steps that do not count have targets of
    NaN.
    """
    begin, end = windows.begin[chosen, None], windows.end[chosen, None]
    steps = begin + np.arange(int((end - begin).max()))
    inside = steps < end
    counted = (steps >= windows.counted_begin[chosen, None]) & (steps < windows.counted_end[chosen, None])
    steps = np.where(inside, steps, begin)
    if sequences.on_disk:
        sequences.on_disk.expect(windows.begin[chosen], windows.end[chosen])
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
        chosen = np.flatnonzero(sequences.lengths == length)
        at_once = max(1, min(VALIDATION_BATCH, VALIDATION_STEPS // length))
        for start in range(0, len(chosen), at_once):
            yield gather(sequences, windows, chosen[start : start + at_once])
