"""Batches of windows for each epoch: shuffled, mirrored, and determined by the seed and the epoch."""

import functools

import numpy as np
import tensorflow as tf

from networks.symmetry import Symmetry
from settings import UserInput
from training.sequences import Sequences, Windows, cut_pieces, cut_windows, gather, start_windows

MIRRORED_SHARE = 0.5  # of windows: the prediction averages both sides of the ship, so both have to be known
ENDING_SHARE = 0.1  # of windows
SHORT_WINDOWS_SHARE, SHORT_WINDOWS_EPOCHS = 0.25, 8  # of the epochs, and at most that many
# Further windows from the start of each sequence in an epoch. LAMP ramps the waves up and SimpleCode does not: the
# first seconds of a record hold much of the error, and there are only as many starts as records.
START_WINDOWS = 2
DEFAULT_BATCH = 32  # windows, if num_batches is 0
BYTES_A_UNIT = 50  # per unit, step and window of a training batch; measured 40 to 48
LARGE_BATCH = 1.0  # GB; larger batches cause a warning


class TrainingBatches:
    """Batches of windows, cut and shuffled again for each epoch. A batch depends on the seed and its number only."""

    def __init__(self, sequences: Sequences, user: UserInput, seed: int, symmetry: Symmetry | None = None):
        self.sequences, self._user, self._seed, self._symmetry = sequences, user, seed, symmetry
        # The number of windows varies a little with the cuts, and no batch may be empty in any epoch.
        lengths, window = sequences.lengths, user.window_length
        fewest = int(np.maximum(-(-lengths // window), 1).sum()) if window else len(self._cut(0).begin)
        self.batches_an_epoch = min(user.num_batches or -(-fewest // DEFAULT_BATCH), fewest)
        self._windows_of = functools.lru_cache(maxsize=2)(self._cut_and_shuffle)

    def dataset(self, first_epoch: int) -> tf.data.Dataset:
        """The batches of all epochs from first_epoch (from 0) on."""
        numbers = tf.data.Dataset.range(first_epoch * self.batches_an_epoch, self._user.epochs * self.batches_an_epoch)
        options = tf.data.Options()
        # Its thread sleeps for 10 ms, 20 ms, 40 ms, ... up to a minute, and a training would wait for it at the end.
        options.autotune.enabled = False
        return numbers.map(self._tensors).prefetch(2).with_options(options)

    def remarks(self) -> list[str]:
        """A warning if a few batches of many windows would take much memory."""
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
        if self._symmetry:
            rng = np.random.default_rng((self._seed, epoch, 2, position))
            mirrored = rng.random(len(inputs)) < MIRRORED_SHARE
            inputs[mirrored] = self._symmetry.inputs(inputs[mirrored])
            targets[mirrored] = self._symmetry.outputs(targets[mirrored])
        if self._user.look_ahead:
            rng = np.random.default_rng((self._seed, epoch, 3, position))
            inputs = with_record_ends(inputs, targets, self._user.look_ahead, rng)
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
        if not user.window_length:
            return cut_pieces(self.sequences, user.seq_length)
        rng = np.random.default_rng((self._seed, epoch, 0))
        part = windows_part(epoch, user.epochs)
        window, washout = -(-user.window_length // part), user.washout_length // part
        after = max(washout * user.bi_directional, user.look_ahead)
        windows = cut_windows(self.sequences, window, washout, after, rng)
        starts = start_windows(self.sequences, window + washout, after)
        return Windows(*map(np.concatenate, zip(windows, *[starts] * START_WINDOWS, strict=True)))


def windows_part(epoch: int, epochs: int) -> int:
    """Divisor of the window and washout length in an epoch (from 0): 2 halves them, 1 leaves them.

    What is learned first needs little of the past, and short windows take less time.
    """
    return 2 if epoch < min(SHORT_WINDOWS_SHARE * epochs, SHORT_WINDOWS_EPOCHS) else 1


def with_record_ends(inputs: np.ndarray, targets: np.ndarray, ahead: int, rng: np.random.Generator) -> np.ndarray:
    """The inputs of a batch with some windows ending like records: after the counted steps, the last one is repeated.

    A network that looks ahead has to learn how records end, and few windows contain an end.
    """
    if inputs.shape[1] <= ahead:
        return inputs
    counted = np.isfinite(targets).any(axis=2)
    ended = counted[:, -ahead - 1] & ~counted[:, -ahead:].any(axis=1) & (rng.random(len(inputs)) < ENDING_SHARE)
    inputs = inputs.copy()
    inputs[ended, -ahead:] = inputs[ended, -ahead - 1, None]
    return inputs
