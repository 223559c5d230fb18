"""Builds, saves and loads the network that predicts LAMP's motions from SimpleCode's."""

import dataclasses
import io
import platform
import re
import time
import warnings
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from networks import start_tensorflow  # noqa: F401 - before anything else that imports TensorFlow
import h5py
import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from data_io import Record, conditions_of
from networks import keras_layers
from networks.fused_lstm import FusedLSTM
from networks.network_folder import SETTINGS_FILE, NetworkFolder
from networks.standardization import Standardization
from networks.symmetry import Symmetry
from settings import Config, UserInput, declared, user_settings
from settings.channels import channel_of, input_channels, output_channels
from settings.description import in_use, time_scale
from settings.kinds import KINDS
from system.errors import InputError, first_line, warn
from system.files import written_aside


# Of its records, what settings.json of a network has to say for others to be compared with.
CONDITIONS = {"time_step": "time step", "wave_ramp": "ramp of the waves", "vbm_unit": "unit of the bending moment"}
LEAST_DEVIATION = 1e-6  # that Keras' Normalization takes as it is


@dataclass(frozen=True)
class Architecture:
    """Everything needed to rebuild the network, except its weights."""

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
    look_ahead: int = 0
    mean_with_mirrored: bool = False  # the mean of the prediction and the mirrored prediction of the mirrored record
    time_step: float | None = None  # of the training records, s; a network step is time_res times as long
    wave_ramp: float | None = None  # s over which their waves grow, 0 for none; None: not known
    vbm_unit: str | None = None  # of the bending moment in their headers; None: not named
    row_step: int = 1  # of every so many rows one is predicted, see `prediction.with_row_step`
    spline_costs: float | None = None  # share by which the spline between them raises the mean squared error
    filter_lags: tuple[int, int] | None = None  # network steps before and after, of its output filter if it has one
    time_scale: float | None = None  # of durations, see `description.time_scale_of`; None: not known, as 1

    @classmethod
    def of(
        cls,
        user: UserInput,
        standardization: Standardization,
        records: Sequence[Record] = (),
        vbm_unit: str | None = None,
    ) -> "Architecture":
        """That of the settings, to be trained on these records, whose bending moment has this unit."""
        shared = {f.name for f in dataclasses.fields(cls)} & {f.name for f in dataclasses.fields(user)}
        return cls(
            inputs=input_channels(user),
            outputs=output_channels(user),
            standardization=standardization,
            mean_with_mirrored=user.mirror_symmetry and not KINDS[user.network_type].closed_form,
            **{name: getattr(user, name) for name in shared},
            **vars(conditions_of(records, user)) | {"vbm_unit": vbm_unit, "time_scale": time_scale()},
        )

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Architecture":
        values = values | {"standardization": Standardization(**_tuples(values["standardization"]))}
        return cls(**_tuples(values))


@dataclass(frozen=True)
class TrainedNetwork:
    """A network ready to predict.

    model: keras.Model of built-in layers; takes and returns (batch, time, channel) in physical units.
    history: columns epoch, elapsed_s, loss, val_loss, learning_rate, then the `validation_error` of each output.
    """

    model: keras.Model
    architecture: Architecture
    history: pd.DataFrame
    best_epoch: int

    @property
    def title(self) -> str:
        """Its name in tables and figures, such as LSTM."""
        return KINDS[self.architecture.network_type].title


def _tuples(values: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


# ---- building ---------------------------------------------------------------------------------------------------


def build_training_model(architecture: Architecture) -> keras.Model:
    """The network on standardized motions, with the layers that train fastest on this machine.

    Returns (batch, time, networks * output channels), one member of the ensemble after the other. Its weights are in
    the same order as those of `build_model`.
    """
    inputs = keras.Input((None, len(architecture.inputs)))
    members = _members(inputs, architecture, fastest_lstm())
    return keras.Model(inputs, keras.layers.Concatenate()(members) if len(members) > 1 else members[0])


def fastest_lstm() -> type[keras.layers.LSTM]:
    """The class of LSTM layers that is fastest on this machine; on a GPU, Keras' own uses cuDNN."""
    return keras.layers.LSTM if tf.config.list_physical_devices("GPU") else FusedLSTM


def mean_of_members(outputs: tf.Tensor, architecture: Architecture) -> tf.Tensor:
    """The ensemble's mean (batch, time, output channel) from the outputs of the training model."""
    if architecture.num_networks == 1:
        return outputs
    return tf.add_n(tf.split(outputs, architecture.num_networks, axis=-1)) / architecture.num_networks


def training_variables(model: keras.Model) -> list[keras.Variable]:
    """All variables that training changes: weights, states of random number generators (dropout), the optimizer's."""
    weights = {id(variable) for variable in model.weights}
    dropout_seeds = [variable for variable in model.non_trainable_variables if id(variable) not in weights]
    return [*model.weights, *dropout_seeds, *model.optimizer.variables]


def build_model(architecture: Architecture, lstm: type[keras.layers.LSTM] = keras.layers.LSTM) -> keras.Model:
    """The network of built-in Keras layers: takes and returns (batch, time, channel) in m, deg and file units.

    With `fastest_lstm` it cannot be saved for use without this project.
    """
    standardization = architecture.standardization
    inputs = seen = keras.Input((None, len(architecture.inputs)), name="simplecode")
    if architecture.mean_with_mirrored:
        symmetry = Symmetry.physical(architecture)
        seen = symmetry.both_sides(inputs)
    before, after = _factors(standardization.input_deviation), _factors(standardization.output_deviation)
    if set(before) != {1.0}:
        seen = keras.layers.Rescaling(before, name="usual_inputs")(seen)
    standardized = keras.layers.Normalization(
        mean=[mean * factor for mean, factor in zip(standardization.input_mean, before, strict=True)],
        variance=[(d * factor) ** 2 for d, factor in zip(standardization.input_deviation, before, strict=True)],
        name="standardize",
    )(seen)
    members = _members(standardized, architecture, lstm)
    outputs = keras.layers.Normalization(
        mean=[mean * factor for mean, factor in zip(standardization.output_mean, after, strict=True)],
        variance=[(d * factor) ** 2 for d, factor in zip(standardization.output_deviation, after, strict=True)],
        invert=True,
        name="lamp",
    )(keras.layers.Average(name="ensemble_mean")(members) if len(members) > 1 else members[0])
    if set(after) != {1.0}:
        outputs = keras.layers.Rescaling([1 / factor for factor in after], name="given_outputs")(outputs)
    if architecture.mean_with_mirrored:
        outputs = symmetry.mean_of_both_sides(outputs)
    return keras.Model(inputs, outputs, name="simplecode_to_lamp")


def _factors(deviations: Sequence[float]) -> list[float]:
    """(channel,): powers of ten that make the numbers of a channel usual ones, 1 for most.

    Keras' Normalization takes a deviation below 1e-7 for that, as of a moment in GN.
    """
    return [1.0 if deviation >= LEAST_DEVIATION else 10.0 ** -round(np.log10(deviation)) for deviation in deviations]


def _members(inputs: keras.KerasTensor, architecture: Architecture, lstm: type) -> list[keras.KerasTensor]:
    """Standardized inputs to the standardized outputs of each member of the ensemble."""
    return [_layers(inputs, architecture, lstm, prefix) for prefix in member_prefixes(architecture)]


def member_prefixes(architecture: Architecture) -> list[str]:
    """Of the names of each member's layers."""
    members = architecture.num_networks
    return [f"net{n}_" for n in range(1, members + 1)] if members > 1 else [""]


def _layers(inputs: keras.KerasTensor, architecture: Architecture, lstm: type, prefix: str) -> keras.KerasTensor:
    """Standardized inputs to standardized outputs of one network."""
    outputs, seen = _without_filter(inputs, architecture, lstm, prefix)
    if architecture.filter_lags:
        added = keras_layers.output_filter(seen, architecture, prefix, lstm)
        outputs = keras.layers.Add(name=f"{prefix}filtered")([outputs, added])
    return outputs


def _without_filter(
    inputs: keras.KerasTensor, architecture: Architecture, lstm: type, prefix: str
) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """The outputs of one network but for its output filter, and what this sees: the inputs and the layers' states."""
    build = getattr(keras_layers, KINDS[architecture.network_type].build)
    built = build(inputs, architecture, prefix, lstm)
    outputs, states = built if isinstance(built, tuple) else (built, [])
    if architecture.predict_correction:
        simplecode = _simplecode_layer(architecture, f"{prefix}simplecode_motions")
        outputs = keras.layers.Add(name=f"{prefix}corrected")([outputs, simplecode(inputs)])
    return outputs, keras.layers.Concatenate()([inputs, *states])


def build_filter_inputs(architecture: Architecture, prefix: str) -> keras.Model:
    """Standardized inputs to the outputs of a member without its filter, and what this filter sees.

    prefix: one of `member_prefixes`.
    """
    inputs = keras.Input((None, len(architecture.inputs)))
    return keras.Model(inputs, _without_filter(inputs, architecture, fastest_lstm(), prefix))


def copy_weights(model: keras.Model, source: keras.Model) -> None:
    """Gives the layers of a network the weights of the layers of the same names; an output filter may have none."""
    names = {layer.name for layer in source.layers}
    for layer in model.layers:
        if layer.weights and (layer.name in names or not layer.name.endswith("output_filter")):
            layer.set_weights(source.get_layer(layer.name).get_weights())


def without_output_filter(network: "TrainedNetwork") -> "TrainedNetwork":
    """The network as its training left it, before the output filter was fitted."""
    architecture = dataclasses.replace(network.architecture, filter_lags=None)
    model = build_model(architecture)
    copy_weights(model, network.model)
    return dataclasses.replace(network, model=model, architecture=architecture)


def _simplecode_layer(architecture: Architecture, name: str) -> keras.layers.Dense:
    """A layer that passes on SimpleCode's motions (see `simplecode_weights`) and is not trained.

    It is a Dense layer with fixed weights, because built-in layers load without this project.
    """
    layer = keras.layers.Dense(len(architecture.outputs), trainable=False, name=name)
    layer.build((None, None, len(architecture.inputs)))
    layer.set_weights(simplecode_weights(architecture))
    return layer


def simplecode_weights(architecture: Architecture) -> tuple[np.ndarray, np.ndarray]:
    """Kernel and bias that select SimpleCode's motions from the standardized inputs, in LAMP's standardization."""
    s = architecture.standardization
    kernel = np.zeros((len(architecture.inputs), len(architecture.outputs)))
    bias = np.zeros(len(architecture.outputs))
    for column, channel in enumerate(architecture.outputs):
        if channel not in architecture.inputs:
            continue  # it has no counterpart: the network gives it whole
        row = architecture.inputs.index(channel)
        kernel[row, column] = s.input_deviation[row] / s.output_deviation[column]
        bias[column] = (s.input_mean[row] - s.output_mean[column]) / s.output_deviation[column]
    return kernel, bias


def join_networks(networks: Sequence["TrainedNetwork"]) -> "TrainedNetwork":
    """One network that predicts the mean of several with the same architecture, which become its members."""
    members = networks[0].architecture.num_networks
    lags = next((n.architecture.filter_lags for n in networks if n.architecture.filter_lags), None)
    several = {"num_networks": members * len(networks), "filter_lags": lags}  # a filter that is missing adds nothing
    architecture = dataclasses.replace(networks[0].architecture, **several)
    joint = build_model(architecture)
    for number, network in enumerate(networks):
        for layer in network.model.layers:
            member, name = re.fullmatch(r"(?:net(\d+)_)?(.*)", layer.name).groups(default="1")
            if layer.weights and name not in ("standardize", "lamp"):
                joint.get_layer(f"net{number * members + int(member)}_{name}").set_weights(layer.get_weights())
    return dataclasses.replace(networks[0], model=joint, architecture=architecture)


# ---- saving and loading -----------------------------------------------------------------------------------------


def save_model(model: keras.Model, path: Path) -> None:
    """Saves a .keras file atomically."""
    with written_aside(path) as aside:
        model.save(aside)


def new_metadata(settings: dict[str, Any], architecture: Architecture) -> dict[str, Any]:
    """The metadata (settings.json) of a network at the start of its training. settings: `Config.as_dict`."""
    return {
        "settings": settings,
        "seed": settings["user"]["seed"],
        "network": dataclasses.asdict(architecture),
        "units": _units(architecture),
        "versions": {
            "python": platform.python_version(),
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
            "numpy": np.__version__,
            "platform": f"{platform.system()} {platform.machine()}",
        },
        "started": time.strftime("%Y-%m-%d %H:%M:%S"),
        "finished": False,
    }


def _units(architecture: Architecture) -> str:
    if in_use().is_ship and not in_use().channels:
        return "m and deg (VBM as in the .vbm files), time in s"
    names = dict.fromkeys((*architecture.inputs, *architecture.outputs))
    return ", ".join(f"{name} in {channel_of(name).unit}" for name in names) + ", time in s"


def load(config: Config) -> TrainedNetwork:
    """The network called model_load_filename.

    Raises:
        InputError: it is missing or damaged, or was trained with other channels, time_res or wave grid.
    """
    folder, user = NetworkFolder(config.network_folder), config.user
    metadata, architecture = read_metadata(folder)
    saved = folder.description
    sources = [(pair.low_name, pair.high_name) for pair in (saved, user.description)]
    compared = [
        ("input channels", architecture.inputs, input_channels(user)),
        ("output channels", architecture.outputs, output_channels(user)),
        ("time_res", architecture.time_res, user.time_res),
        ("low_name, high_name", *sources),
        *wave_grids(metadata, user),
    ]
    faults = [
        f"{folder}: trained with {name} {listed(has)}, the input file asks for {listed(asked)}; make them the same"
        for name, has, asked in compared
        if has != asked
    ]
    faults += [f"{folder}: {line}; make them the same, or train again" for line in user.description.differences(saved)]
    if faults:
        raise InputError(faults)
    folds = len(metadata.get("folds", ())) or 1
    asked = dataclasses.replace(architecture, num_networks=architecture.num_networks // folds)
    unused = [
        f"{name} (here {listed(getattr(user, name))}, saved {listed(getattr(asked, name))})"
        for name in user_settings("network")
        if getattr(user, name) != getattr(asked, name)
    ]
    if unused:
        warn([f"the saved network {folder} is used unchanged; these settings have no effect: {', '.join(unused)}"])
    return _with_weights(folder, metadata, architecture)


def wave_grids(metadata: dict[str, Any], user: UserInput) -> list[tuple[str, Any, Any]]:
    """(name, saved value, value in the input file) of the settings that place the points of a wave grid."""
    along, across = user.wave_grid_x_size > 1, user.wave_grid_y_size > 1
    bears_on = {"ship_length": along, "ship_beam": across, "wave_ramp_time": along or across}
    names = [name for name, bears in bears_on.items() if bears and user.input_waves]
    saved = metadata.get("settings", {}).get("user", {})
    return [(name, saved[name], getattr(user, name)) for name in names if name in saved]


def load_network(folder: Path) -> TrainedNetwork:
    """The network in a folder of saved_models. Raises InputError if it is missing or damaged."""
    network_folder = NetworkFolder(folder)
    return _with_weights(network_folder, *read_metadata(network_folder))


def _with_weights(folder: NetworkFolder, metadata: dict[str, Any], architecture: Architecture) -> TrainedNetwork:
    model, architecture = load_as_saved(folder.model, architecture, bool(metadata.get("finished")))
    missing = " and ".join(words for name, words in CONDITIONS.items() if name not in metadata["network"])
    if missing:
        warn([f"{folder}: was saved without the {missing} of its records: other ones go unnoticed; train it again"])
    return TrainedNetwork(model, architecture, folder.read_history(), metadata.get("best_epoch"))


def load_as_saved(path: Path, architecture: Architecture, finished: bool) -> tuple[keras.Model, Architecture]:
    """The network with its output filter; of a training that has not finished, maybe without, and its architecture.

    A process killed between saving settings.json and the network leaves one of them alone. Raises InputError if neither
    can be loaded.
    """
    try:
        return load_model_file(path, architecture), architecture
    except InputError:
        if finished or not architecture.filter_lags:
            raise
        plain = dataclasses.replace(architecture, filter_lags=None)
        return load_model_file(path, plain), plain


def load_model_file(path: Path, architecture: Architecture) -> keras.Model:
    """The network of this architecture with the weights in a .keras file.

    Such a file also says which classes Keras should import to build the network. Files travel between people, so
    nothing is taken from it but the weights.

    Raises:
        InputError: the file is damaged, or has the weights of another network.
    """
    try:
        stored = _number_of_weights(path)
        a = architecture
        if KINDS[a.network_type].has_units and 3 * a.hidden_size**2 * a.num_layers * a.num_networks > stored:
            raise ValueError(f"{stored} weights are too few for the network described in {SETTINGS_FILE}")
        model = build_model(architecture)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # whatever is amiss with the weights is one error
            model.load_weights(path)
        needed = sum(np.size(weight) for weight in model.weights)
        if stored != needed:
            raise ValueError(f"it has {stored} weights, but the network described in {SETTINGS_FILE} has {needed}")
        return model
    except Exception as error:
        raise InputError(f"{path}: cannot be loaded ({first_line(error)}); train it again") from error


def _number_of_weights(path: Path) -> int:
    """Number of weights in a .keras file, without the states of random number generators."""
    with zipfile.ZipFile(path) as archive:
        if archive.getinfo("model.weights.h5").compress_type != zipfile.ZIP_STORED:  # Keras' own are not compressed
            raise ValueError("its weights are compressed, and could be a small file of endless zeros")
        content = archive.read("model.weights.h5")  # checks the checksum as well
    sizes: dict[str, int] = {}
    with h5py.File(io.BytesIO(content)) as groups:
        groups.visititems(lambda name, item: sizes.update({name: getattr(item, "size", 0)}))
    return sum(size for name, size in sizes.items() if "seed_generator" not in name)


def read_metadata(folder: NetworkFolder) -> tuple[dict[str, Any], Architecture]:
    """The metadata of a saved network (settings.json), and its architecture."""
    folder.restore_replaced()
    metadata = folder.read_metadata()
    try:
        architecture = Architecture.from_dict(metadata["network"])
        _check_architecture(architecture)
        return metadata, architecture
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise folder.damaged_settings(error) from error


def _check_architecture(architecture: Architecture) -> None:
    """Raises ValueError or TypeError for values that no training writes, as a network is built from them."""
    limits = declared(UserInput)
    for name in ("time_res", "hidden_size", "num_layers", "num_networks", "dropout", "look_ahead"):
        lower, upper = limits[name].limits
        if not lower <= getattr(architecture, name) <= upper:
            raise ValueError(f"{name} {getattr(architecture, name)!r}, expected {lower:g} to {upper:g}")
    lags = architecture.filter_lags
    most = keras_layers.filter_lags(both_ways=True)
    if lags is not None and not (
        len(lags) == 2 and all(type(n) is int and 0 <= n <= most[i] for i, n in enumerate(lags))
    ):
        raise ValueError(f"filter_lags {lags!r}, expected two numbers of steps, at most {most}")
    n, row_step = architecture.time_res, architecture.row_step
    if not isinstance(row_step, int) or row_step < 1 or n % row_step:
        raise ValueError(f"row_step {row_step!r}, expected a divisor of time_res {n}")
    if architecture.time_scale is not None and not 0 < architecture.time_scale <= 1e6:
        raise ValueError(f"time_scale {architecture.time_scale!r}, expected more than 0, at most 1e6")
    for name in ("time_step", "wave_ramp"):
        value = getattr(architecture, name)
        if value is not None and not 0 <= value <= 1e6:
            raise ValueError(f"{name} {value!r}, expected 0 to 1e6 s")
    s = architecture.standardization
    for names, *numbers in (
        (architecture.inputs, s.input_mean, s.input_deviation),
        (architecture.outputs, s.output_mean, s.output_deviation),
    ):
        if not all(isinstance(name, str) for name in names) or any(len(names) != len(values) for values in numbers):
            raise ValueError(
                f"{len(names)} channels and {[len(values) for values in numbers]} means and standard deviations"
            )
        if not np.isfinite(numbers).all():
            raise ValueError("a mean or standard deviation that is not finite")


def listed(value: Any) -> str:
    return ", ".join(value) if isinstance(value, tuple) else str(value)
