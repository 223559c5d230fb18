"""Cuts standardized records into the sequences and windows that the network learns from."""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from data_io import Record, mirrored_channels
from readers.rows_on_disk import RowsOnDisk, write_rows
from settings import UserInput

ENDING_SHARE = 0.1  # of windows
SHORT_WINDOWS_SHARE, SHORT_WINDOWS_EPOCHS = 0.25, 8  # of the epochs, and at most so many
DEFAULT_BATCH = 32  # windows, where num_batches is 0
BYTES_A_UNIT = 50  # of a layer, at each step of each window of a batch that is trained on; measured 40 to 48
LARGE_BATCH = 1.0  # GB; batches above it are remarked on
VALIDATION_BATCH = 128  # sequences at once; bounds the memory
VALIDATION_STEPS = 2**17  # steps at once, for long sequences


@dataclass(frozen=True)
class Standardization:
    """Mean and deviation of each channel over the training set, inputs and outputs, in the files' units."""

    input_mean: tuple[float, ...]
    input_deviation: tuple[float, ...]
    output_mean: tuple[float, ...]
    output_deviation: tuple[float, ...]

    @classmethod
    def of(cls, records: Sequence[Record]) -> "Standardization":
        """One mean and deviation a channel over all rows; a constant channel (roll in head seas) gets deviation 1."""
        # Each record is asked for twice, no more: it may come from the disk.
        rows, sums = zip(*((len(record.time), _columns(record).sum(axis=0)) for record in records), strict=True)
        rows, mean = sum(rows), sum(sums) / sum(rows)
        deviation = np.sqrt(sum(((_columns(record) - mean) ** 2).sum(axis=0) for record in records) / rows)
        deviation = np.where(deviation > 1e-9 * np.maximum(1.0, np.abs(mean)), deviation, 1.0)
        inputs = records[0].inputs.shape[1]
        parts = (mean[:inputs], deviation[:inputs], mean[inputs:], deviation[inputs:])
        return cls(*(tuple(part.tolist()) for part in parts))


def _columns(record: Record) -> np.ndarray:
    """(row, input and output channel) of a record with LAMP."""
    return np.hstack([record.inputs, record.targets])


@dataclass(frozen=True)
class Sequences:
    """All sequences of a set behind each other, standardized, float32.

    With time_res = n each record gives n sequences: rows 0, n, 2n, ...; rows 1, n + 1, ...; and so on.

    inputs: (steps, input channel); targets: (steps, output channel); starts, lengths: (sequence,) in steps.
    on_disk: the file that inputs and targets are read from; None if they are in memory.
    """

    inputs: np.ndarray
    targets: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    on_disk: RowsOnDisk | None = None

    @classmethod
    def of(cls, records: Sequence[Record], time_res: int, s: Standardization, folder: str = "") -> "Sequences":
        """folder: where a file for them is made, which they are read from; empty for none.

        Raises:
            InputError: the file cannot be written.
        """
        tables = _interleaved(records, time_res, s)
        if folder:
            on_disk = write_rows(tables, folder)
            rows, lengths = on_disk.rows, on_disk.lengths
        else:
            tables = list(tables)
            on_disk, rows, lengths = None, np.concatenate(tables), np.array([len(table) for table in tables], np.int64)
        inputs, targets = np.split(rows, [len(s.input_mean)], axis=1)
        return cls(inputs, targets, np.cumsum(lengths) - lengths, lengths, on_disk)


def _interleaved(records: Sequence[Record], time_res: int, s: Standardization) -> Iterator[np.ndarray]:
    """Each sequence as (step, input and output channel), float32."""
    mean, deviation = np.array(s.input_mean + s.output_mean), np.array(s.input_deviation + s.output_deviation)
    for record in records:
        standardized = ((_columns(record) - mean) / deviation).astype(np.float32)
        for first in range(time_res):
            yield standardized[first::time_res]


@dataclass(frozen=True)
class Mirror:
    """Standardized channels as they are for a ship mirrored at its centre plane: channels @ map + shift, float32.

    Roll changes its sign and the points of a wave grid change places, port for starboard; the rest stays.
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


def with_mirrored(sequences: Sequences, mirror: Mirror) -> Sequences:
    """All sequences, and all of them mirrored behind them."""
    return Sequences(
        np.concatenate([sequences.inputs, sequences.inputs @ mirror.input_map + mirror.input_shift]),
        np.concatenate([sequences.targets, sequences.targets @ mirror.target_map + mirror.target_shift]),
        np.concatenate([sequences.starts, sequences.starts + len(sequences.inputs)]),
        np.tile(sequences.lengths, 2),
    )


def _mirror_map(
    channels: Sequence[str], mean: Sequence[float], deviation: Sequence[float]
) -> tuple[np.ndarray, np.ndarray]:
    mean, deviation = np.asarray(mean), np.asarray(deviation)
    opposite, sign = mirrored_channels(channels)
    places = np.zeros((len(channels), len(channels)))
    places[np.arange(len(channels)), opposite] = sign
    scaled = places * deviation[:, None] / deviation
    return scaled.astype(np.float32), ((mean @ places - mean) / deviation).astype(np.float32)


@dataclass(frozen=True)
class Windows:
    """Pieces of sequences to train on: (window,) arrays in steps from the beginning of `Sequences.inputs`.

    The network sees begin to end; the steps from counted_begin to counted_end carry the loss.
    """

    begin: np.ndarray
    end: np.ndarray
    counted_begin: np.ndarray
    counted_end: np.ndarray


class TrainingBatches:
    """Batches of windows, cut and shuffled anew for each epoch; each follows from the seed and its number alone."""

    def __init__(self, sequences: Sequences, user: UserInput, seed: int, mirror: Mirror | None = None):
        self.sequences, self._user, self._seed, self._mirror = sequences, user, seed, mirror
        fewest = self._fewest_windows()
        self.batches_an_epoch = min(user.num_batches or -(-fewest // DEFAULT_BATCH), fewest)
        self._windows_of = functools.lru_cache(maxsize=2)(self._cut_and_shuffle)

    def dataset(self, first_epoch: int, epochs: int) -> tf.data.Dataset:
        """Inputs and targets as `gather` makes them, from the first batch of first_epoch (from 0) on."""
        numbers = tf.data.Dataset.range(first_epoch * self.batches_an_epoch, epochs * self.batches_an_epoch)
        options = tf.data.Options()
        # Its thread sleeps for 10 ms, 20 ms, 40 ms, ... up to a minute, and the end of a training waits for it to wake.
        options.autotune.enabled = False
        return numbers.map(self._tensors).prefetch(2).with_options(options)

    def remarks(self) -> list[str]:
        """A line where few batches of many windows would take much memory."""
        user = self._user
        if not user.num_batches:
            return []
        windows = self._cut(user.epochs)  # long ones
        steps = int((windows.end - windows.begin).max())
        windows_a_batch = -(-len(windows.begin) // self.batches_an_epoch)
        units = user.hidden_size * user.num_layers * (1 + user.bi_directional) * user.num_networks
        gigabytes = windows_a_batch * steps * units * BYTES_A_UNIT / 1e9
        if gigabytes < LARGE_BATCH:
            return []
        return [
            f"UserInputArgs.num_batches = {user.num_batches}: with so many records a batch holds "
            f"{windows_a_batch} windows of {steps} steps, which take about {gigabytes:.1f} GB of memory; set "
            f"num_batches = 0 (batches of {DEFAULT_BATCH} windows) or a larger number"
        ]

    def batch(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Inputs and targets (window, time, channel) of one batch, counted from the first of the first epoch."""
        epoch, position = divmod(int(number), self.batches_an_epoch)
        windows, batches = self._windows_of(epoch)
        inputs, targets = gather(self.sequences, windows, batches[position])
        if self._mirror:
            rng = np.random.default_rng((self._seed, epoch, 2, position))
            turned = rng.random(len(inputs)) < mirrored_share(epoch, self._user.epochs)
            inputs[turned] = inputs[turned] @ self._mirror.input_map + self._mirror.input_shift
            targets[turned] = targets[turned] @ self._mirror.target_map + self._mirror.target_shift
        if self._user.look_ahead:
            rng = np.random.default_rng((self._seed, epoch, 3, position))
            end_some(inputs, targets, self._user.look_ahead, rng)
        return inputs, targets

    def _tensors(self, number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        inputs, targets = tf.numpy_function(self.batch, [number], [tf.float32, tf.float32])
        inputs.set_shape((None, None, self.sequences.inputs.shape[1]))
        targets.set_shape((None, None, self.sequences.targets.shape[1]))
        return inputs, targets

    def _cut_and_shuffle(self, epoch: int) -> tuple[Windows, list[np.ndarray]]:
        windows = self._cut(epoch)
        order = np.random.default_rng((self._seed, epoch, 1)).permutation(len(windows.begin))
        return windows, np.array_split(order, self.batches_an_epoch)

    def _cut(self, epoch: int) -> Windows:
        user = self._user
        if user.window_length:
            rng = np.random.default_rng((self._seed, epoch, 0))
            part = windows_part(epoch, user.epochs)
            window, washout = -(-user.window_length // part), user.washout_length // part
            after = max(washout * user.bi_directional, user.look_ahead)
            return cut_windows(self.sequences, window, washout, after, rng)
        return cut_pieces(self.sequences, user.seq_length)

    def _fewest_windows(self) -> int:
        """In any epoch: where windows are cut changes their number a little, and no batch may be empty."""
        window = self._user.window_length
        if not window:
            return len(self._cut(0).begin)
        return int(np.maximum(-(-self.sequences.lengths // window), 1).sum())


def windows_part(epoch: int, epochs: int) -> int:
    """Windows and washout of an epoch (from 0) are this part of what the settings say: 2 is half, 1 the whole.

    What is learned first needs little of the past, and short windows cost less time.
    """
    return 2 if epoch < min(SHORT_WINDOWS_SHARE * epochs, SHORT_WINDOWS_EPOCHS) else 1


def mirrored_share(epoch: int, epochs: int) -> float:
    """The share of windows to mirror: a half in the first epoch (from 0), then less, to none at the end.

    Mirrored records teach what holds in any sea. What is left to learn then is this sea, whose waves may come from one
    side only.
    """
    return 0.5 * (1.0 - epoch / epochs)


def end_some(inputs: np.ndarray, targets: np.ndarray, ahead: int, rng: np.random.Generator) -> None:
    """Lets some windows of a batch end as records do, in place: what lies behind the counted steps is the last of them.

    A network that looks ahead has to know how records end, and of those there are few.
    """
    if inputs.shape[1] <= ahead:
        return
    counted = np.isfinite(targets).any(axis=2)
    ended = counted[:, -ahead - 1] & ~counted[:, -ahead:].any(axis=1) & (rng.random(len(inputs)) < ENDING_SHARE)
    inputs[ended, -ahead:] = inputs[ended, -ahead - 1, None]


def cut_pieces(sequences: Sequences, seq_length: int) -> Windows:
    """Every sequence whole, or in pieces of about seq_length steps where it is longer (0: always whole)."""
    begins, ends = [], []
    for start, length in zip(sequences.starts, sequences.lengths, strict=True):
        count = max(1, round(length / seq_length)) if seq_length else 1
        bounds = start + np.linspace(0, length, count + 1).round().astype(np.int64)
        begins.append(bounds[:-1])
        ends.append(bounds[1:])
    begin, end = np.concatenate(begins), np.concatenate(ends)
    return Windows(begin, end, begin, end)


def cut_windows(sequences: Sequences, window: int, washout: int, after: int, rng: np.random.Generator) -> Windows:
    """Windows that together count each step of each sequence once, at places that `rng` shifts.

    A washout of steps that do not count goes before each window, so that the network's state has settled, and `after`
    steps behind it: what a network looks ahead, or a washout if it reads backwards as well. At the ends of a sequence
    there is nothing to wash out.
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
    # One length for all windows of a long sequence: those at its ends reach further inwards.
    begin = np.clip(shift[sequence] + (number - 1) * window - washout, 0, np.maximum(last - total, 0))
    end = np.minimum(begin + total, last)
    first = starts[sequence]
    return Windows(first + begin, first + end, first + counted_begin, first + counted_end)


def gather(sequences: Sequences, windows: Windows, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A batch of windows: inputs and targets (window, time, channel).

    Where a window is shorter than the longest of the batch it is filled up with inputs of 0; steps that do not count
    have targets of NaN.
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
    """Inputs and targets (sequence, time, channel) in batches of equal length, so that nothing has to be filled up."""
    windows = cut_pieces(sequences, 0)
    for length in np.unique(sequences.lengths):
        chosen = np.flatnonzero(sequences.lengths == length)
        at_once = max(1, min(VALIDATION_BATCH, VALIDATION_STEPS // length))
        for start in range(0, len(chosen), at_once):
            yield gather(sequences, windows, chosen[start : start + at_once])
