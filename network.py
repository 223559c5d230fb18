"""Builds, trains, saves and loads the network that turns SimpleCode's motions into LAMP's."""

import dataclasses
import json
import os
import platform
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import start_tensorflow  # noqa: F401 - before anything else that imports TensorFlow
import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from data_io import Record, input_channels, output_channels
from fused_lstm import FusedLSTM
from objectives import objective_loss, objective_sum_and_count
from settings import Config, InputError, UserInput
from training_log import Progress

MODEL_FILE, SETTINGS_FILE, HISTORY_FILE = "model.keras", "settings.json", "history.csv"
DEFAULT_BATCH = 16  # sequences, where num_batches is 0
PREDICTION_BATCH = 128  # sequences at once; bounds the memory that prediction takes
XLA_MINIMUM = 24  # sequences of one length from which on compiling for that length pays


@dataclass(frozen=True)
class Standardization:
    """Mean and deviation of each channel over the training set, inputs and outputs, in the files' units."""

    input_mean: tuple[float, ...]
    input_deviation: tuple[float, ...]
    output_mean: tuple[float, ...]
    output_deviation: tuple[float, ...]

    @classmethod
    def of(cls, records: Sequence[Record]) -> "Standardization":
        inputs = _mean_and_deviation([record.inputs for record in records])
        outputs = _mean_and_deviation([record.targets for record in records])
        return cls(*inputs, *outputs)


@dataclass(frozen=True)
class Architecture:
    """What has to be known to build the network again; everything but the weights."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    time_res: int
    network_type: str
    hidden_size: int
    num_layers: int
    bi_directional: bool
    dropout: float
    predict_correction: bool
    standardization: Standardization

    @classmethod
    def of(cls, user: UserInput, standardization: Standardization) -> "Architecture":
        own = {f.name for f in dataclasses.fields(cls)} & {f.name for f in dataclasses.fields(user)}
        return cls(
            inputs=input_channels(user),
            outputs=output_channels(user),
            standardization=standardization,
            **{name: getattr(user, name) for name in own},
        )

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Architecture":
        values = values | {"standardization": Standardization(**_tuples(values["standardization"]))}
        return cls(**_tuples(values))


@dataclass(frozen=True)
class TrainedNetwork:
    """A network ready to predict.

    model: keras.Model of built-in layers, (batch, time, channel) in physical units to the same.
    history: columns epoch, elapsed_s, loss, val_loss, learning_rate.
    """

    model: keras.Model
    architecture: Architecture
    history: pd.DataFrame
    best_epoch: int


def _mean_and_deviation(arrays: Sequence[np.ndarray]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """One mean and deviation a channel over all rows; a constant channel (roll in head seas) gets deviation 1."""
    rows = sum(len(array) for array in arrays)
    mean = sum(array.sum(axis=0) for array in arrays) / rows
    deviation = np.sqrt(sum(((array - mean) ** 2).sum(axis=0) for array in arrays) / rows)
    deviation = np.where(deviation > 1e-9 * np.maximum(1.0, np.abs(mean)), deviation, 1.0)
    return tuple(mean.tolist()), tuple(deviation.tolist())


def _tuples(values: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


# ---- building ---------------------------------------------------------------------------------------------------


def build_training_model(architecture: Architecture) -> keras.Model:
    """The network on standardized motions, with the layers that train fastest on this machine.

    Its weights are in the same order as those of `build_model`.
    """
    inputs = keras.Input((None, len(architecture.inputs)))
    lstm = keras.layers.LSTM if tf.config.list_physical_devices("GPU") else FusedLSTM  # on a GPU Keras uses cuDNN
    return keras.Model(inputs, _layers(inputs, architecture, lstm))


def build_model(architecture: Architecture) -> keras.Model:
    """The network of built-in Keras layers: (batch, time, channel) in m, deg, N m in, the same out."""
    standardization = architecture.standardization
    inputs = keras.Input((None, len(architecture.inputs)), name="simplecode")
    standardized = keras.layers.Normalization(
        mean=list(standardization.input_mean),
        variance=[deviation**2 for deviation in standardization.input_deviation],
        name="standardize",
    )(inputs)
    outputs = keras.layers.Normalization(
        mean=list(standardization.output_mean),
        variance=[deviation**2 for deviation in standardization.output_deviation],
        invert=True,
        name="lamp",
    )(_layers(standardized, architecture, keras.layers.LSTM))
    return keras.Model(inputs, outputs, name="simplecode_to_lamp")


def _layers(inputs: keras.KerasTensor, architecture: Architecture, lstm: type) -> keras.KerasTensor:
    """Standardized inputs to standardized outputs."""
    hidden = inputs
    for number in range(1, architecture.num_layers + 1):
        if architecture.dropout and number > 1:
            hidden = keras.layers.Dropout(architecture.dropout, name=f"dropout_{number - 1}")(hidden)
        layer = lstm(architecture.hidden_size, return_sequences=True, name=f"lstm_{number}")
        if architecture.bi_directional:
            layer = keras.layers.Bidirectional(layer, name=f"bidirectional_{number}")
        hidden = layer(hidden)
    outputs = keras.layers.Dense(len(architecture.outputs), name="outputs")(hidden)
    if architecture.predict_correction:
        outputs = keras.layers.Add(name="corrected")([outputs, _simplecode_layer(architecture)(inputs)])
    return outputs


def _simplecode_layer(architecture: Architecture) -> keras.layers.Dense:
    """A fixed layer that picks SimpleCode's motions out of the inputs, standardized as LAMP's are.

    A Dense layer with given weights, as built-in layers load without this project.
    """
    s = architecture.standardization
    kernel = np.zeros((len(architecture.inputs), len(architecture.outputs)), np.float32)
    bias = np.zeros(len(architecture.outputs), np.float32)
    for column, name in enumerate(architecture.outputs):
        row = architecture.inputs.index(name)
        kernel[row, column] = s.input_deviation[row] / s.output_deviation[column]
        bias[column] = (s.input_mean[row] - s.output_mean[column]) / s.output_deviation[column]
    layer = keras.layers.Dense(len(architecture.outputs), trainable=False, name="simplecode_motions")
    layer.build((None, None, len(architecture.inputs)))
    layer.set_weights([kernel, bias])
    return layer


# ---- sequences and windows --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sequences:
    """All sequences of a set behind each other, standardized, float32.

    With time_res = n each record gives n sequences: rows 0, n, 2n, ...; rows 1, n + 1, ...; and so on.

    inputs: (steps, input channel); targets: (steps, output channel); starts, lengths: (sequence,) in steps.
    """

    inputs: np.ndarray
    targets: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray

    @classmethod
    def of(cls, records: Sequence[Record], time_res: int, s: Standardization) -> "Sequences":
        inputs, targets = [], []
        for record in records:
            standardized_inputs = ((record.inputs - s.input_mean) / s.input_deviation).astype(np.float32)
            standardized_targets = ((record.targets - s.output_mean) / s.output_deviation).astype(np.float32)
            inputs += [standardized_inputs[i::time_res] for i in range(time_res)]
            targets += [standardized_targets[i::time_res] for i in range(time_res)]
        lengths = np.array([len(sequence) for sequence in inputs], np.int64)
        return cls(np.concatenate(inputs), np.concatenate(targets), np.cumsum(lengths) - lengths, lengths)


@dataclass(frozen=True)
class Windows:
    """Pieces of sequences to train on: (window,) arrays in steps from the beginning of `Sequences.inputs`.

    The network sees begin to end; the steps from counted_begin to counted_end carry the loss.
    """

    begin: np.ndarray
    end: np.ndarray
    counted_begin: np.ndarray
    counted_end: np.ndarray


class TrainingBatches(keras.utils.PyDataset):
    """Batches of windows, cut and shuffled anew for each epoch, reproducibly from (seed, epoch)."""

    def __init__(self, sequences: Sequences, user: UserInput, seed: int):
        super().__init__()
        self._sequences, self._user, self._seed = sequences, user, seed
        self._epoch = 0
        first = self._cut()
        self._num_batches = user.num_batches or -(-len(first.begin) // DEFAULT_BATCH)
        self._num_batches = min(self._num_batches, len(sequences.starts) if not user.window_length else 10**9)
        self._shuffle()

    def __len__(self) -> int:
        return self._num_batches

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        return gather(self._sequences, self._windows, self._batches[index])

    def on_epoch_end(self) -> None:
        self._epoch += 1
        self._shuffle()

    def _cut(self) -> Windows:
        user = self._user
        if user.window_length:
            rng = np.random.default_rng((self._seed, self._epoch, 0))
            return cut_windows(self._sequences, user.window_length, user.washout_length, user.bi_directional, rng)
        return cut_pieces(self._sequences, user.seq_length)

    def _shuffle(self) -> None:
        self._windows = self._cut()
        order = np.random.default_rng((self._seed, self._epoch, 1)).permutation(len(self._windows.begin))
        self._batches = np.array_split(order, self._num_batches)


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


def cut_windows(sequences: Sequences, window: int, washout: int, both_sides: bool, rng: np.random.Generator) -> Windows:
    """Windows that together count each step of each sequence once, at places that `rng` shifts.

    A washout of steps that do not count goes before each window, so that the network's state has settled, and with a
    network that reads in both directions behind it too; at the ends of a sequence there is nothing to wash out.
    """
    starts, lengths = sequences.starts, sequences.lengths
    total = window + (2 if both_sides else 1) * washout
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
    inputs = sequences.inputs[steps]
    inputs[~inside] = 0
    targets = sequences.targets[steps]
    targets[~counted] = np.nan
    return inputs, targets


# ---- training ---------------------------------------------------------------------------------------------------


def train(config: Config, sets: dict[str, tuple[Record, ...]]) -> TrainedNetwork:
    """Trains on the train set, stops and chooses the best weights on the val set, and saves the network.

    The test set is not touched. Ctrl-C ends the training and keeps the best network found so far.

    Raises:
        InputError: the training diverged before any network was found.
    """
    user = config.user
    seed = user.seed if user.seed is not None else int(np.random.SeedSequence().generate_state(1)[0] >> 1)
    keras.utils.set_random_seed(seed)
    standardization = Standardization.of(sets["train"])
    architecture = Architecture.of(user, standardization)
    training_model = build_training_model(architecture)
    batches = TrainingBatches(Sequences.of(sets["train"], user.time_res, standardization), user, seed)
    validation = None
    if sets["val"]:
        validation = Validation(Sequences.of(sets["val"], user.time_res, standardization), user.val_fun_hyp)
    training_model.compile(
        optimizer=make_optimizer(user, len(batches)), loss=objective_loss(user.train_fun_hyp), jit_compile=False
    )
    folder = _folder_to_train_in(config.network_folder)
    watched = "val_loss" if validation else "loss"
    log = Progress(user.epochs, watched, folder / HISTORY_FILE)
    best = BestNetwork(architecture, folder, watched)
    facts = _facts(config, architecture, seed)
    folder.mkdir(parents=True, exist_ok=True)
    _write_json(folder / SETTINGS_FILE, facts)
    callbacks = [
        *([validation] if validation else []),
        log,
        best,
        keras.callbacks.TerminateOnNaN(),
        keras.callbacks.EarlyStopping(watched, patience=user.patience, mode="min"),
    ]
    if user.lr_schedule == "plateau":
        # min_delta is absolute in Keras and 1e-4 by default: larger than a good standardized loss.
        plateau = keras.callbacks.ReduceLROnPlateau(
            watched, factor=0.5, patience=max(1, user.patience // 3), min_delta=0.0
        )
        callbacks.insert(-1, plateau)
    why_stopped = "all epochs done"
    try:
        training_model.fit(batches, epochs=user.epochs, verbose=0, callbacks=callbacks)
        if best.last_value is None or not np.isfinite(best.last_value):
            why_stopped = "diverged"
        elif len(log.rows) < user.epochs:
            why_stopped = f"no better {watched} in {user.patience} epochs"
    except KeyboardInterrupt:
        why_stopped = "stopped by Ctrl-C"
    if best.epoch is None:
        shutil.rmtree(folder, ignore_errors=True)
        raise InputError(
            f"training ended in its first epoch ({why_stopped}) and found no network; lower lr (now {user.lr:g}) "
            "or check the data for outliers"
        )
    log.close(why_stopped, best.epoch)
    facts |= {"epochs_trained": len(log.rows), "best_epoch": best.epoch, "stopped": why_stopped, "finished": True}
    _write_json(folder / SETTINGS_FILE, facts)
    _publish(folder, config.network_folder)
    return TrainedNetwork(best.best_model, architecture, log.history(), best.epoch)


def make_optimizer(user: UserInput, steps_an_epoch: int) -> keras.optimizers.Optimizer:
    """Keras' optimizer and learning-rate schedule of the settings' names."""
    steps = steps_an_epoch * user.epochs
    rate: Any = user.lr
    if user.lr_schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(user.lr, steps)
    elif user.lr_schedule == "exponential":  # to a hundredth at the end
        rate = keras.optimizers.schedules.ExponentialDecay(user.lr, steps, 0.01)
    elif user.lr_schedule == "step":  # halved ten times
        rate = keras.optimizers.schedules.ExponentialDecay(user.lr, max(1, steps // 10), 0.5, staircase=True)
    momentum = {} if user.momentum is None else {"momentum": user.momentum}
    optimizers = {
        "muon": keras.optimizers.Muon,
        "adam": keras.optimizers.Adam,
        "adamw": keras.optimizers.AdamW,
        "sgd": keras.optimizers.SGD,
        "rmsprop": keras.optimizers.RMSprop,
    }
    if user.optimizer in ("adam", "adamw"):
        momentum = {}
    return optimizers[user.optimizer](rate, **momentum)


class Validation(keras.callbacks.Callback):
    """Puts val_loss into each epoch's logs: the objective over all elements of the set at once, not a mean of means."""

    def __init__(self, sequences: Sequences, objective: tuple[int, float, float]):
        super().__init__()
        self._batches = [
            (tf.constant(inputs), tf.constant(targets)) for inputs, targets in whole_sequence_batches(sequences)
        ]
        self._objective = objective
        self._terms = None

    def on_epoch_end(self, epoch, logs=None):
        if self._terms is None:
            self._terms = tf.function(
                lambda x, y: objective_sum_and_count(self._objective, y, self.model(x, training=False)),
                reduce_retracing=True,
            )
        total, count = np.sum([self._terms(x, y) for x, y in self._batches], axis=0)
        logs["val_loss"] = float(total / count) if count else 0.0


def whole_sequence_batches(sequences: Sequences) -> list[tuple[np.ndarray, np.ndarray]]:
    """Inputs and targets (sequence, time, channel) in batches of equal length, so that nothing has to be filled up."""
    windows = cut_pieces(sequences, 0)
    batches = []
    for length in np.unique(sequences.lengths):
        chosen = np.flatnonzero(sequences.lengths == length)
        for start in range(0, len(chosen), PREDICTION_BATCH):
            batches.append(gather(sequences, windows, chosen[start : start + PREDICTION_BATCH]))
    return batches


class BestNetwork(keras.callbacks.Callback):
    """Keeps the weights of the best epoch, and saves them as a network of built-in layers as they are found."""

    def __init__(self, architecture: Architecture, folder: Path, watched: str):
        super().__init__()
        self.best_model = build_model(architecture)
        self._folder, self._watched = folder, watched
        self.epoch: int | None = None
        self.value = float("inf")
        self.last_value: float | None = None

    def on_epoch_end(self, epoch, logs=None):
        self.last_value = logs[self._watched]
        if self.last_value < self.value:  # never true for NaN
            self.epoch, self.value = epoch + 1, self.last_value
            self.best_model.set_weights(self.model.get_weights())
            save_model(self.best_model, self._folder / MODEL_FILE)


# ---- saving and loading -----------------------------------------------------------------------------------------


def save_model(model: keras.Model, path: Path) -> None:
    """Writes aside and renames: under the name there is always a whole model."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name("writing_" + path.name)
    model.save(aside)
    os.replace(aside, path)


def load(config: Config) -> TrainedNetwork:
    """The network called model_load_filename.

    Raises:
        InputError: it is missing or damaged, or the input file's channels or time_res are not its own.
    """
    folder = config.network_folder
    facts, architecture = load_facts(folder)
    wanted = (input_channels(config.user), output_channels(config.user), config.user.time_res)
    own = (architecture.inputs, architecture.outputs, architecture.time_res)
    names = ("input channels", "output channels", "time_res")
    faults = [
        f"{folder}: trained with {name} {_listed(has)}, the input file asks for {_listed(asked)}; make them the same"
        for name, has, asked in zip(names, own, wanted, strict=True)
        if has != asked
    ]
    if faults:
        raise InputError(faults)
    try:
        model = keras.models.load_model(folder / MODEL_FILE, compile=False)
    except Exception as error:
        raise InputError(f"{folder / MODEL_FILE}: cannot be loaded ({_first_line(error)}); train it again") from error
    history = pd.read_csv(folder / HISTORY_FILE) if (folder / HISTORY_FILE).is_file() else pd.DataFrame()
    return TrainedNetwork(model, architecture, history, facts.get("best_epoch"))


def load_facts(folder: Path) -> tuple[dict[str, Any], Architecture]:
    """What settings.json of a saved network says, as it stands and as the network's architecture."""
    if not (folder / MODEL_FILE).is_file():
        known = sorted(path.parent.name for path in folder.parent.glob(f"*/{MODEL_FILE}"))
        raise InputError(
            f"{folder}: there is no saved network of this name; saved networks are: {', '.join(known) or 'none yet'}"
        )
    try:
        facts = json.loads((folder / SETTINGS_FILE).read_text(encoding="utf-8"))
        return facts, Architecture.from_dict(facts["network"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{folder / SETTINGS_FILE}: missing or damaged ({_first_line(error)}); train the network again"
        ) from error


def _listed(value: Any) -> str:
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:120]}" if lines else type(error).__name__


def _facts(config: Config, architecture: Architecture, seed: int) -> dict[str, Any]:
    settings = config.as_dict()
    settings["user"]["seed"] = seed
    return {
        "settings": settings,
        "seed": seed,
        "network": dataclasses.asdict(architecture),
        "units": "m and deg (VBM as in the .vbm files), time in s",
        "versions": {
            "python": platform.python_version(),
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
            "numpy": np.__version__,
            "platform": platform.platform(),
        },
        "started": time.strftime("%Y-%m-%d %H:%M:%S"),
        "finished": False,
    }


def _write_json(path: Path, values: dict[str, Any]) -> None:
    aside = path.with_name(path.name + ".part")
    aside.write_text(json.dumps(values, indent=1), encoding="utf-8")
    os.replace(aside, path)


def _folder_to_train_in(folder: Path) -> Path:
    """The network's own folder, or one beside it while a good network of that name still stands there."""
    if (folder / MODEL_FILE).is_file():
        folder = folder.with_name(folder.name + ".training")
    if folder.is_dir():
        shutil.rmtree(folder)
    return folder


def _publish(trained: Path, folder: Path) -> None:
    """Puts the folder of a finished training in the place of an older network."""
    if trained == folder:
        return
    old = folder.with_name(folder.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    os.replace(folder, old)
    os.replace(trained, folder)
    shutil.rmtree(old, ignore_errors=True)


# ---- prediction -------------------------------------------------------------------------------------------------


class Predictor:
    """Predicts whole records with one network; holds what is compiled for it."""

    def __init__(self, network: TrainedNetwork):
        self._architecture = network.architecture
        self._xla = None
        if tf.config.list_physical_devices("GPU"):
            self._any_length = tf.function(network.model, reduce_retracing=True)
            return
        self._xla = tf.function(network.model, jit_compile=True)
        fused = build_training_model(network.architecture)
        fused.set_weights(network.model.get_weights())
        s = network.architecture.standardization
        mean, deviation = np.float32(s.input_mean), np.float32(s.input_deviation)
        out_mean, out_deviation = np.float32(s.output_mean), np.float32(s.output_deviation)
        self._any_length = tf.function(
            lambda x: fused((x - mean) / deviation, training=False) * out_deviation + out_mean, reduce_retracing=True
        )

    def predict(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """LAMP's motions as the network sees them, for every row.

        Args:
            inputs: one (rows, input channel) array a record, physical units.

        Returns:
            one (rows, output channel) float64 array a record.
        """
        n = self._architecture.time_res
        outputs = [np.empty((len(array), len(self._architecture.outputs))) for array in inputs]
        by_length: dict[int, list[tuple[int, int]]] = {}
        for record, array in enumerate(inputs):
            for first in range(min(n, len(array))):
                by_length.setdefault(len(array[first::n]), []).append((record, first))
        for chosen in by_length.values():
            for start in range(0, len(chosen), PREDICTION_BATCH):
                part = chosen[start : start + PREDICTION_BATCH]
                batch = np.stack([inputs[record][first::n] for record, first in part]).astype(np.float32)
                for (record, first), sequence in zip(part, self._run(batch), strict=True):
                    outputs[record][first::n] = sequence
        return outputs

    def _run(self, batch: np.ndarray) -> np.ndarray:
        if self._xla is not None and len(batch) >= XLA_MINIMUM:
            try:
                return self._xla(tf.constant(batch)).numpy()
            except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError, tf.errors.InternalError):
                self._xla = None  # a TensorFlow without its compiler, as on some Windows machines
        return self._any_length(tf.constant(batch)).numpy()
