"""The network that turns SimpleCode's motions into LAMP's: builds it, saves and loads it, predicts with it."""

import dataclasses
import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import start_tensorflow  # noqa: F401 - before anything else that imports TensorFlow
import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from data_io import input_channels, output_channels
from fused_lstm import FusedLSTM
from network_file import open_network
from sequences import Standardization
from settings import MODEL_FILE, RANGES, SETTINGS_FILE, Config, InputError, UserInput, warn, written_aside

HISTORY_FILE = "history.csv"
HISTORY_COLUMNS = ("epoch", "elapsed_s", "loss", "val_loss", "learning_rate")
BESIDE = (".training", ".old")  # endings of folders that hold a network for the time being

PREDICTION_BATCH = 64  # sequences at once on each core; bounds the memory that prediction takes
LENGTH_STEP = 64  # steps; sequences are filled up to multiples of it
XLA_MINIMUM = 24  # sequences of one length from which on compiling for that length pays


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
    num_networks: int
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


def _tuples(values: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


# ---- building ---------------------------------------------------------------------------------------------------


def build_training_model(architecture: Architecture) -> keras.Model:
    """The network on standardized motions, with the layers that train fastest on this machine.

    Gives (batch, time, networks * output channels), the ensemble's members behind each other. Its weights are in the
    same order as those of `build_model`.
    """
    inputs = keras.Input((None, len(architecture.inputs)))
    lstm = keras.layers.LSTM if tf.config.list_physical_devices("GPU") else FusedLSTM  # on a GPU Keras uses cuDNN
    members = _members(inputs, architecture, lstm)
    return keras.Model(inputs, keras.layers.Concatenate()(members) if len(members) > 1 else members[0])


def mean_of_members(outputs: tf.Tensor, architecture: Architecture) -> tf.Tensor:
    """The ensemble's mean (batch, time, output channel) from what the training model gives."""
    if architecture.num_networks == 1:
        return outputs
    return tf.add_n(tf.split(outputs, architecture.num_networks, axis=-1)) / architecture.num_networks


def build_model(architecture: Architecture) -> keras.Model:
    """The network of built-in Keras layers: (batch, time, channel) in m, deg and file units in, the same out."""
    standardization = architecture.standardization
    inputs = keras.Input((None, len(architecture.inputs)), name="simplecode")
    standardized = keras.layers.Normalization(
        mean=list(standardization.input_mean),
        variance=[deviation**2 for deviation in standardization.input_deviation],
        name="standardize",
    )(inputs)
    members = _members(standardized, architecture, keras.layers.LSTM)
    outputs = keras.layers.Normalization(
        mean=list(standardization.output_mean),
        variance=[deviation**2 for deviation in standardization.output_deviation],
        invert=True,
        name="lamp",
    )(keras.layers.Average(name="ensemble_mean")(members) if len(members) > 1 else members[0])
    return keras.Model(inputs, outputs, name="simplecode_to_lamp")


def _members(inputs: keras.KerasTensor, architecture: Architecture, lstm: type) -> list[keras.KerasTensor]:
    """Standardized inputs to the standardized outputs of each member of the ensemble."""
    numbers = range(1, architecture.num_networks + 1)
    return [_layers(inputs, architecture, lstm, f"net{n}_" if len(numbers) > 1 else "") for n in numbers]


def _layers(inputs: keras.KerasTensor, architecture: Architecture, lstm: type, prefix: str) -> keras.KerasTensor:
    """Standardized inputs to standardized outputs of one network."""
    hidden = inputs
    for number in range(1, architecture.num_layers + 1):
        if architecture.dropout and number > 1:
            hidden = keras.layers.Dropout(architecture.dropout, name=f"{prefix}dropout_{number - 1}")(hidden)
        layer = lstm(architecture.hidden_size, return_sequences=True, name=f"{prefix}lstm_{number}")
        if architecture.bi_directional:
            layer = keras.layers.Bidirectional(layer, name=f"{prefix}bidirectional_{number}")
        hidden = layer(hidden)
    outputs = keras.layers.Dense(len(architecture.outputs), name=f"{prefix}outputs")(hidden)
    if architecture.predict_correction:
        simplecode = _simplecode_layer(architecture, f"{prefix}simplecode_motions")
        outputs = keras.layers.Add(name=f"{prefix}corrected")([outputs, simplecode(inputs)])
    return outputs


def _simplecode_layer(architecture: Architecture, name: str) -> keras.layers.Dense:
    """Picks SimpleCode's motions out of the standardized inputs, standardized as LAMP's are; it is not trained.

    A Dense layer with given weights, as built-in layers load without this project.
    """
    s = architecture.standardization
    kernel = np.zeros((len(architecture.inputs), len(architecture.outputs)))
    bias = np.zeros(len(architecture.outputs))
    for column, channel in enumerate(architecture.outputs):
        row = architecture.inputs.index(channel)
        kernel[row, column] = s.input_deviation[row] / s.output_deviation[column]
        bias[column] = (s.input_mean[row] - s.output_mean[column]) / s.output_deviation[column]
    layer = keras.layers.Dense(len(architecture.outputs), trainable=False, name=name)
    layer.build((None, None, len(architecture.inputs)))
    layer.set_weights([kernel, bias])
    return layer


# ---- saving and loading -----------------------------------------------------------------------------------------


def save_model(model: keras.Model, path: Path) -> None:
    """A .keras file, whole at any moment."""
    with written_aside(path) as aside:
        model.save(aside)


def load(config: Config) -> TrainedNetwork:
    """The network called model_load_filename.

    Raises:
        InputError: it is missing or damaged, or the input file's channels or time_res are not its own.
    """
    folder = config.network_folder
    facts, architecture = read_facts(folder)
    wanted = (input_channels(config.user), output_channels(config.user), config.user.time_res)
    own = (architecture.inputs, architecture.outputs, architecture.time_res)
    names = ("input channels", "output channels", "time_res")
    faults = [
        f"{folder}: trained with {name} {listed(has)}, the input file asks for {listed(asked)}; make them the same"
        for name, has, asked in zip(names, own, wanted, strict=True)
        if has != asked
    ]
    if faults:
        raise InputError(faults)
    beside = (
        "network_type",
        "hidden_size",
        "num_layers",
        "bi_directional",
        "predict_correction",
        "num_networks",
    )
    unused = [
        f"{name} (here {listed(getattr(config.user, name))}, saved {listed(getattr(architecture, name))})"
        for name in beside
        if getattr(config.user, name) != getattr(architecture, name)
    ]
    if unused:
        warn([f"the saved network {folder} is used as it is; settings without effect: {', '.join(unused)}"])
    return _with_model(folder, facts, architecture)


def load_network(folder: Path) -> TrainedNetwork:
    """The network in a folder of saved_models. Raises InputError if it is missing or damaged."""
    return _with_model(folder, *read_facts(folder))


def _with_model(folder: Path, facts: dict[str, Any], architecture: Architecture) -> TrainedNetwork:
    try:
        model = open_network(folder / MODEL_FILE)
        channels = [shape[-1] for shape in (model.input_shape, model.output_shape)]
        if channels != [len(architecture.inputs), len(architecture.outputs)]:
            raise ValueError(f"it has {channels} input and output channels, {SETTINGS_FILE} says otherwise")
    except Exception as error:
        raise InputError(f"{folder / MODEL_FILE}: cannot be loaded ({first_line(error)}); train it again") from error
    try:
        history = pd.read_csv(folder / HISTORY_FILE)[list(HISTORY_COLUMNS)].astype(float)
    except FileNotFoundError:
        history = pd.DataFrame()
    except (OSError, ValueError, KeyError) as error:
        warn([f"{folder / HISTORY_FILE}: cannot be read ({first_line(error)}); there is no learning curve"])
        history = pd.DataFrame()
    return TrainedNetwork(model, architecture, history, facts.get("best_epoch"))


def replaced(folder: Path) -> Path:
    """Where a network lies for the moment in which a newer one takes its place."""
    return folder.with_name(folder.name + ".old")


def restore_replaced(folder: Path) -> None:
    """Puts a network back that was moved away by a run that was cut off before the newer one was in its place."""
    if not folder.exists() and (replaced(folder) / MODEL_FILE).is_file():
        os.replace(replaced(folder), folder)


def read_facts(folder: Path) -> tuple[dict[str, Any], Architecture]:
    """What settings.json of a saved network says, as it stands and as the network's architecture."""
    restore_replaced(folder)
    if not (folder / MODEL_FILE).is_file():
        known = sorted(
            path.parent.name for path in folder.parent.glob(f"*/{MODEL_FILE}") if path.parent.suffix not in BESIDE
        )
        raise InputError(
            f"{folder}: there is no saved network of this name; saved networks are: {', '.join(known) or 'none yet'}"
        )
    try:
        facts = json.loads((folder / SETTINGS_FILE).read_text(encoding="utf-8"))
        architecture = Architecture.from_dict(facts["network"])
        _check_architecture(architecture)
        return facts, architecture
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(
            f"{folder / SETTINGS_FILE}: missing or damaged ({first_line(error)}); train the network again"
        ) from error


def _check_architecture(architecture: Architecture) -> None:
    """Raises ValueError or TypeError for what no training writes: a network is built from it."""
    for name in ("time_res", "hidden_size", "num_layers", "num_networks", "dropout"):
        lower, upper, _ = RANGES[name]
        if not lower <= getattr(architecture, name) <= upper:
            raise ValueError(f"{name} {getattr(architecture, name)!r}, expected {lower:g} to {upper:g}")
    s = architecture.standardization
    for names, *numbers in (
        (architecture.inputs, s.input_mean, s.input_deviation),
        (architecture.outputs, s.output_mean, s.output_deviation),
    ):
        if not all(isinstance(name, str) for name in names) or any(len(names) != len(values) for values in numbers):
            raise ValueError(f"{len(names)} channels and {[len(values) for values in numbers]} means and deviations")
        if not np.isfinite(numbers).all():
            raise ValueError("a mean or deviation that is not finite")


def listed(value: Any) -> str:
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:120]}" if lines else type(error).__name__


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
        try:
            fused.set_weights(network.model.get_weights())
        except ValueError as error:
            raise InputError(
                f"{MODEL_FILE} and {SETTINGS_FILE} are not of one network ({first_line(error)}); train it again"
            ) from error
        s = network.architecture.standardization
        mean, deviation = np.float32(s.input_mean), np.float32(s.input_deviation)
        out_mean, out_deviation = np.float32(s.output_mean), np.float32(s.output_deviation)
        self._any_length = tf.function(
            lambda x: (
                mean_of_members(fused((x - mean) / deviation, training=False), network.architecture) * out_deviation
                + out_mean
            ),
            reduce_retracing=True,
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
                by_length.setdefault(self._common_length(len(array[first::n])), []).append((record, first))
        parts = [
            (length, chosen[start : start + PREDICTION_BATCH])
            for length, chosen in by_length.items()
            for start in range(0, len(chosen), PREDICTION_BATCH)
        ]

        def predict_part(length: int, part: list[tuple[int, int]]) -> None:
            compiled = self._xla is not None and len(part) >= XLA_MINIMUM
            batch = np.zeros((PREDICTION_BATCH if compiled else len(part), length, inputs[0].shape[1]), np.float32)
            for row, (record, first) in enumerate(part):
                sequence = inputs[record][first::n]
                batch[row, : len(sequence)] = sequence
            results = self._run(batch, compiled)
            for result, (record, first) in zip(results, part, strict=False):  # the rest of a batch is filling
                outputs[record][first::n] = result[: len(outputs[record][first::n])]

        with ThreadPoolExecutor(os.cpu_count()) as pool:  # the network runs on one core, outside of Python
            list(pool.map(lambda job: predict_part(*job), parts))
        return outputs

    def _common_length(self, length: int) -> int:
        """A length that sequences of about this length are filled up to, so that one compiled program serves all.

        Only where later steps do not change earlier ones.
        """
        return length if self._architecture.bi_directional else -(-length // LENGTH_STEP) * LENGTH_STEP

    def _run(self, batch: np.ndarray, compiled: bool) -> np.ndarray:
        if compiled:
            try:
                return self._xla(tf.constant(batch)).numpy()
            except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError, tf.errors.InternalError):
                self._xla = None  # a TensorFlow without its compiler, as on some Windows machines
        return self._any_length(tf.constant(batch)).numpy()
