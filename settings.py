"""Finds the input file, fills in defaults, checks every setting in one pass and freezes them.

The classes of an input file (UserInputArgs, PlottingArgs, DataInfoArgs, SaveDataArgs) become frozen dataclasses with
the same attribute names, so that `config.user.hidden_size` is what the user wrote as `self.hidden_size`. Whatever is
wrong is collected and reported together, one line a fault.
"""

import dataclasses
import difflib
import importlib
import importlib.util
import json
import math
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from matplotlib.colors import is_color_like

from support.files import posix

NETWORKS_FOLDER = Path("saved_models")
REPORT_FILE = "error_report.csv"
DEFAULT_NAME = "recently_trained_model"
SET_NAMES = ("train", "val", "test")

NETWORK_TYPES = ("lstm", "gru", "transformer", "linear")
OPTIMIZERS = ("muon", "adam", "adamw", "sgd", "rmsprop")
SAMPLERS = ("grid", "random", "tpe")
SCHEDULES = ("constant", "plateau", "step", "exponential", "cosine")
OBJECTIVE_KINDS = range(7)
ALL = "all"  # in place of an index list: every realization of the set


@dataclass(frozen=True)
class UserInput:
    """UserInputArgs. The defaults are the earlier tool's recipe: an older input file keeps its meaning."""

    training_mode: bool = True
    model_load_filename: str = DEFAULT_NAME
    model_save_filename: str = DEFAULT_NAME
    overwrite: bool = False  # let model_save_filename replace a network of that name

    input_3dof: bool = True
    input_waves: bool = True
    input_vbm: bool = False
    output_3dof: bool = True
    output_vbm: bool = False
    wave_grid_x_size: int = 1
    wave_grid_y_size: int = 1
    ship_length: float | None = None  # m
    ship_beam: float | None = None  # m
    wave_ramp_time: float = 10.0  # s

    time_res: int = 9
    seq_length: int = 0  # network steps; 0: whole records
    window_length: int = 0  # network steps; 0: whole sequences
    washout_length: int = 0  # network steps
    num_batches: int = 0  # 0: batches of 32 windows

    network_type: str = "lstm"
    hidden_size: int = 30
    num_layers: int = 2
    bi_directional: bool = False
    dropout: float = 0.0
    predict_correction: bool = False
    mirror_symmetry: bool = False
    look_ahead: int = 0  # network steps
    num_networks: int = 1

    optimizer: str = "adam"
    lr: float = 0.005
    momentum: float | None = None  # None: the optimizer's own default
    weight_decay: float | None = None  # None: the optimizer's own default
    lr_schedule: str = "constant"
    weight_averaging: float = 0.0  # 0: none
    epochs: int = 500
    patience: int = 30
    train_fun_hyp: tuple[float, ...] = (0, 0.0, 0.0)
    val_fun_hyp: tuple[float, ...] = (0, 0.0, 0.0)
    seed: int | None = None  # None: drawn, and written down

    fine_tune_filename: str = ""
    resume: bool = False
    checkpoint_every: int = 0
    max_checkpoints: int = 5
    tensorboard: bool = False  # losses for TensorBoard beside the report
    strict_data: bool = False  # end the run where the data are odd, instead of a warning

    input_size: int | None = None  # derived; accepted and checked
    output_size: int | None = None


@dataclass(frozen=True)
class Plotting:
    """PlottingArgs. An index list may also be "all", or None for its default: `resolve_indices` makes indices of it."""

    plotting_mode: bool = True
    show_figures: bool = False  # open windows too, on a machine with a display
    prediction_ID_list_train: tuple[int, ...] | None = None
    prediction_ID_list_val: tuple[int, ...] | None = None
    prediction_ID_list_test: tuple[int, ...] | None = None
    error_ID_list_train: tuple[int, ...] | None = None
    error_ID_list_val: tuple[int, ...] | None = None
    error_ID_list_test: tuple[int, ...] | None = None
    maxima_ID_list_train: tuple[int, ...] | None = None
    maxima_ID_list_val: tuple[int, ...] | None = None
    maxima_ID_list_test: tuple[int, ...] | None = None
    histo_ID_list_train: tuple[int, ...] | None = None
    histo_ID_list_val: tuple[int, ...] | None = None
    histo_ID_list_test: tuple[int, ...] | None = None
    evolution_ID_list_val: tuple[int, ...] | None = None
    simple_color: str = "red"
    lamp_color: str = "black"
    lstm_color: str = "green"
    running_avg_span: int = 100
    maxima_bullet_size: float = 20.0


@dataclass(frozen=True)
class DataInfo:
    """DataInfoArgs: paths without their endings, with forward slashes."""

    train_lamp: tuple[str, ...] = ()
    train_sc: tuple[str, ...] = ()
    val_lamp: tuple[str, ...] = ()
    val_sc: tuple[str, ...] = ()
    test_lamp: tuple[str, ...] = ()
    test_sc: tuple[str, ...] = ()
    predict_sc: tuple[str, ...] = ()
    predict_waves: tuple[str, ...] = ()
    cache_path: str = ""  # a folder for parsed records, which are then streamed from it; empty: all in memory

    def pairs(self, set_name: str) -> list[tuple[str, str]]:
        """(SimpleCode path, LAMP path) of each realization of a set."""
        return list(zip(getattr(self, f"{set_name}_sc"), getattr(self, f"{set_name}_lamp"), strict=True))


@dataclass(frozen=True)
class SaveData:
    """SaveDataArgs. An index list of None means every realization of the set."""

    save_data_mode: bool = True
    output_path: str = "output_files"
    prefix: str = "lstm_output_for_"
    train: tuple[int, ...] | None = None
    val: tuple[int, ...] | None = None
    test: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Search:
    """What SweepArgs says beside the lists of values to try."""

    sampler: str = "grid"
    num_draws: int = 0  # members; 0: all combinations
    draw_seed: int = 0
    prune_after: int = 8  # epochs before a member may be pruned; 0: none is


@dataclass(frozen=True)
class Config:
    """Every setting of a run, checked."""

    user: UserInput = field(default_factory=UserInput)
    plotting: Plotting = field(default_factory=Plotting)
    data: DataInfo = field(default_factory=DataInfo)
    save: SaveData = field(default_factory=SaveData)
    input_file: str = ""

    @property
    def network_name(self) -> str:
        """The network this run is about: the one it trains, or the one it loads."""
        return self.user.model_save_filename if self.user.training_mode else self.user.model_load_filename

    @property
    def network_folder(self) -> Path:
        return NETWORKS_FOLDER / self.network_name

    @property
    def output_folder(self) -> Path:
        return Path(self.save.output_path) / self.network_name

    def as_dict(self) -> dict[str, Any]:
        """Plain types, ready for JSON."""
        return json.loads(json.dumps(dataclasses.asdict(self)))


SECTIONS = {
    "UserInputArgs": ("user", UserInput),
    "PlottingArgs": ("plotting", Plotting),
    "DataInfoArgs": ("data", DataInfo),
    "SaveDataArgs": ("save", SaveData),
}

# setting: (lower limit, upper limit, what to do); limits are included
RANGES = {
    "wave_grid_x_size": (1, 99, "an odd number of points from bow to stern"),
    "wave_grid_y_size": (1, 99, "an odd number of points from side to side"),
    "ship_length": (0.1, 1000, "the length between bow and stern in m"),
    "ship_beam": (0.1, 200, "the beam in m"),
    "wave_ramp_time": (0, 1e6, "seconds, 0 for none"),
    "time_res": (1, 10000, "1 for every time step, n for every n-th"),
    "seq_length": (0, 10**8, "network steps, 0 for whole records"),
    "window_length": (0, 10**8, "network steps, 0 for whole records"),
    "washout_length": (0, 10**6, "network steps"),
    "look_ahead": (0, 100, "network steps"),
    "weight_decay": (0, 10, "the share of each weight, times the learning rate, taken off at each step"),
    "weight_averaging": (0, 0.9999, "0.99 averages about the last 100 steps of the training, 0 for none"),
    "num_batches": (0, 10**7, "batches in an epoch, 0 for batches of 32 windows"),
    "hidden_size": (1, 4096, "units in a layer"),
    "num_layers": (1, 50, "layers"),
    "dropout": (0, 0.95, "the share of values dropped between layers"),
    "num_networks": (1, 100, "networks whose mean is taken"),
    "lr": (1e-12, 100, "the learning rate, 0.001 to 0.05 is usual"),
    "momentum": (0, 0.9999, "0.9 is usual"),
    "epochs": (1, 10**7, "the largest number of epochs"),
    "patience": (1, 10**7, "epochs without a better validation loss before training stops"),
    "seed": (0, 2**31 - 1, "any number in that range, or None"),
    "checkpoint_every": (0, 10**7, "epochs, 0 for none"),
    "max_checkpoints": (1, 10**6, "files kept"),
    "running_avg_span": (0, 10**7, "time steps to either side"),
    "maxima_bullet_size": (0.01, 10**4, "points squared"),
    "num_draws": (0, 10**6, "members of a sweep, 0 for all combinations"),
    "draw_seed": (0, 2**31 - 1, "any number in that range"),
    "prune_after": (0, 10**7, "epochs, 0 to prune no member"),
}
CHOICES = {"network_type": NETWORK_TYPES, "optimizer": OPTIMIZERS, "lr_schedule": SCHEDULES, "sampler": SAMPLERS}
INDEX_LISTS = re.compile(r"(?P<kind>prediction|error|maxima|histo|evolution)_ID_list_(?P<set>train|val|test)")


def fill(section: type, instance: Any, class_name: str, faults: list[str]) -> Any:
    """A frozen section from the user's instance; unknown names and wrong types become faults."""
    known = {f.name: f for f in dataclasses.fields(section)}
    given = attributes(instance)
    values = {}
    for name, value in given.items():
        if callable(value):
            continue
        if name not in known:
            faults.append(f"{class_name}.{name}: there is no such setting{_nearest(name, class_name)}")
            continue
        try:
            values[name] = convert(name, value, known[name].type, section)
        except ValueError as error:
            faults.append(f"{class_name}.{name} = {value!r}: {error}")
    return section(**values)


def attributes(instance: Any) -> dict[str, Any]:
    """What the user has set, on the instance, in that order, or on its class."""
    names = (*vars(instance), *dir(instance))
    return {name: getattr(instance, name) for name in names if not name.startswith("_")}


def _nearest(name: str, class_name: str) -> str:
    for other_class, (_, section) in SECTIONS.items():
        if name in {f.name for f in dataclasses.fields(section)}:
            return f" in this class; it belongs in {other_class}"
    return f"; the nearest is {nearest(name, [f.name for f in dataclasses.fields(SECTIONS[class_name][1])])}"


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that looks most like this one."""
    lowered = {candidate.lower(): candidate for candidate in known}
    return lowered[difflib.get_close_matches(name.lower(), lowered, n=1, cutoff=0.0)[0]]


def convert(name: str, value: Any, kind: Any, section: type) -> Any:
    """The value as the section's type. Raises ValueError with what was expected."""
    kind = str(kind) if not isinstance(kind, type) else kind.__name__
    value = without_numpy(value)
    if value is None:
        if "None" in kind:
            return None
        raise ValueError(f"expected {_plain(kind)}")
    if name in ("train_fun_hyp", "val_fun_hyp"):
        return _objective(value)
    if section is DataInfo and kind.startswith("tuple"):
        return _paths(value)
    if kind.startswith("tuple[int"):
        if value == ALL:
            return ALL
        if isinstance(value, str) or not hasattr(value, "__iter__"):
            raise ValueError('expected a list of indices, such as [0, 1], or "all"')
        items = [without_numpy(item) for item in value]
        if not all(_is_whole(item) for item in items):
            raise ValueError("expected a list of whole numbers, such as [0, 1]")
        return tuple(int(item) for item in items)
    if kind.startswith("bool"):
        if isinstance(value, bool) or value in (0, 1):
            return bool(value)
        raise ValueError("expected True or False")
    if kind.startswith("int"):
        if not _is_whole(value) or isinstance(value, bool):
            raise ValueError("expected a whole number")
        return _in_range(name, int(value))
    if kind.startswith("float"):
        if isinstance(value, bool) or not _is_number(value):
            raise ValueError("expected a number")
        return _in_range(name, float(value))
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if not isinstance(value, str):
        raise ValueError("expected text in quotes")
    if name in CHOICES:
        if value.lower() not in CHOICES[name]:
            near = difflib.get_close_matches(value.lower(), CHOICES[name], n=1, cutoff=0.0)[0]
            raise ValueError(f"expected one of {', '.join(CHOICES[name])}; the nearest is {near!r}")
        return value.lower()
    if name in ("model_load_filename", "model_save_filename", "fine_tune_filename"):
        return _network_name(value, may_be_empty=name == "fine_tune_filename")
    if name.endswith("_color") and not is_color_like(value):
        raise ValueError('expected the name of a colour, such as "black", "tab:blue" or "#1f77b4"')
    if name in ("output_path", "cache_path"):
        return str(PurePosixPath(posix(value) or ".")) if value or name == "output_path" else ""
    if name == "prefix" and re.search(r'[\\/:*?"<>|]', value):
        raise ValueError('expected text that can begin a file name, without any of \\ / : * ? " < > |')
    return value


def _plain(kind: str) -> str:
    names = {"bool": "True or False", "int": "a whole number", "float": "a number", "str": "text in quotes"}
    return names.get(kind.split(" ")[0].split("[")[0], "a list")


def without_numpy(value: Any) -> Any:
    """NumPy's scalars and arrays as Python's own numbers and lists."""
    return value.tolist() if hasattr(value, "tolist") else value


def _is_number(value: Any) -> bool:
    try:
        return isinstance(value, int | float) and math.isfinite(value)
    except OverflowError:  # a whole number beyond the largest float
        return False


def _is_whole(value: Any) -> bool:
    return _is_number(value) and float(value).is_integer()


def _in_range(name: str, value: float) -> float:
    if name in RANGES:
        lower, upper, meaning = RANGES[name]
        if not lower <= value <= upper:
            raise ValueError(f"expected {lower:g} to {upper:g} ({meaning})")
    if name in ("wave_grid_x_size", "wave_grid_y_size") and value % 2 == 0:
        raise ValueError(f"expected an odd number, such as {int(value) + 1}, so that one point lies amidships")
    return value


def _objective(value: Any) -> tuple[float, ...]:
    items = list(value) if hasattr(value, "__iter__") and not isinstance(value, str) else [value]
    items = [without_numpy(item) for item in items]
    if not all(map(_is_number, items)) or not 1 <= len(items) <= 3 or items[0] not in OBJECTIVE_KINDS:
        raise ValueError("expected [kind, a, b] with kind 0 to 6 and numbers a and b")
    padded = items + [0.0] * (3 - len(items))
    return (int(padded[0]), float(padded[1]), float(padded[2]))


def _paths(value: Any) -> tuple[str, ...]:
    if isinstance(value, str | os.PathLike) or not hasattr(value, "__iter__"):
        raise ValueError("expected a list of paths without their endings")
    items = list(value)
    if not all(isinstance(item, str | os.PathLike) and str(item).strip() for item in items):
        raise ValueError("expected a list of paths without their endings, each as text in quotes")
    if not all(str(item).isprintable() for item in items):
        raise ValueError(
            "a path holds a line break, a tab or the like; Python takes \\n and \\t for those: write / instead of \\"
        )
    return tuple(_without_ending(posix(item)) for item in items)


def _without_ending(path: str) -> str:
    for ending in (".mot", ".wav", ".sea", ".vbm"):
        if path.lower().endswith(ending):
            return path[: -len(ending)]
    return path


def _network_name(value: str, may_be_empty: bool) -> str:
    name = posix(value).strip()
    if name.startswith("saved_models/"):
        name = name[len("saved_models/") :].rstrip("/")
    if not name and may_be_empty:
        return ""
    if not name or name in (".", "..") or re.search(r'[/:*?"<>|]', name) or name.endswith("."):
        raise ValueError('expected the name of a folder in saved_models, without any of \\ / : * ? " < > |')
    return name


def check_data(data: DataInfo, faults: list[str], warnings: list[str]) -> DataInfo:
    """The lists of realizations, made equally long so that the rest of the checks can go on."""
    shortened = {}
    for name in SET_NAMES:
        sc, lamp = getattr(data, f"{name}_sc"), getattr(data, f"{name}_lamp")
        if len(sc) != len(lamp):
            faults.append(
                f"DataInfoArgs.{name}_sc has {len(sc)} paths and {name}_lamp has {len(lamp)}: "
                "each realization needs one of both, in the same order"
            )
            common = min(len(sc), len(lamp))
            shortened |= {f"{name}_sc": sc[:common], f"{name}_lamp": lamp[:common]}
    if data.predict_waves and len(data.predict_waves) != len(data.predict_sc):
        faults.append(
            f"DataInfoArgs.predict_waves has {len(data.predict_waves)} paths and predict_sc has "
            f"{len(data.predict_sc)}: give one each in the same order, or an empty list if the .wav files lie beside "
            "the SimpleCode .mot files"
        )
        shortened["predict_waves"] = ()
    for first, second in (("train", "test"), ("val", "test"), ("train", "val")):
        shared = sorted(set(getattr(data, f"{first}_lamp")) & set(getattr(data, f"{second}_lamp")))
        if shared:
            warnings.append(
                f"DataInfoArgs: {len(shared)} LAMP record(s) are in both {first}_lamp and {second}_lamp ({shared[0]}): "
                f"errors on the {second} set will look better than they are; use different realizations"
            )
    return dataclasses.replace(data, **shortened)


def check_user(config: Config, faults: list[str], warnings: list[str]) -> None:
    """Settings that only make sense together."""
    user, data = config.user, config.data
    if not (user.input_3dof or user.input_waves or user.input_vbm):
        faults.append("UserInputArgs: input_3dof, input_waves and input_vbm are all False; set at least one to True")
    if not (user.output_3dof or user.output_vbm):
        faults.append("UserInputArgs: output_3dof and output_vbm are both False; set at least one to True")
    expected_input = input_size(user)
    expected_output = 3 * user.output_3dof + user.output_vbm
    for name, expected in (("input_size", expected_input), ("output_size", expected_output)):
        value = getattr(user, name)
        if value is not None and value != expected:
            faults.append(
                f"UserInputArgs.{name} = {value}: the channels that are switched on make {expected}; "
                "correct it or leave it out, it is derived"
            )
    if user.wave_grid_x_size > 1 and user.ship_length is None:
        faults.append("UserInputArgs.ship_length: needed in m for a wave_grid_x_size above 1")
    if user.wave_grid_y_size > 1 and user.ship_beam is None:
        faults.append("UserInputArgs.ship_beam: needed in m for a wave_grid_y_size above 1")
    if user.predict_correction:
        if user.output_3dof and not user.input_3dof or user.output_vbm and not user.input_vbm:
            faults.append(
                "UserInputArgs.predict_correction = True: every output needs SimpleCode's own value as input; "
                "set input_3dof (and input_vbm with output_vbm) to True"
            )
    if user.training_mode and not data.train_sc and not any("DataInfoArgs" in line for line in faults):
        faults.append(
            "DataInfoArgs.train_sc is empty: training needs at least one realization (or training_mode = False)"
        )
    if not user.training_mode and not any(getattr(data, f"{name}_sc") for name in (*SET_NAMES, "predict")):
        faults.append("DataInfoArgs: all lists are empty; name the realizations to predict in predict_sc or test_sc")
    _check_evolution(config, faults)
    if user.tensorboard and user.training_mode and importlib.util.find_spec("tensorboard") is None:
        faults.append(
            "UserInputArgs.tensorboard = True, but the package tensorboard is not installed; "
            "run: python -m pip install tensorboard"
        )
    if user.network_type == "linear" and user.training_mode:
        _check_linear(user, faults, warnings)
    if user.num_layers == 1 and user.dropout > 0 and user.network_type in ("lstm", "gru"):
        warnings.append(
            f"UserInputArgs.dropout = {user.dropout:g} has no effect with num_layers = 1: it acts between layers"
        )
    if user.momentum is not None and user.optimizer in ("adam", "adamw"):
        warnings.append(f"UserInputArgs.momentum has no effect with optimizer = {user.optimizer!r}")
    if user.look_ahead and user.network_type not in ("lstm", "gru"):
        warnings.append(f"UserInputArgs.look_ahead has no effect with network_type = {user.network_type!r}")
    if user.washout_length and not user.window_length:
        warnings.append("UserInputArgs.washout_length has no effect with window_length = 0: whole records are used")


def _check_evolution(config: Config, faults: list[str]) -> None:
    """A line if a figure of the checkpoints is asked for and there are none, or will be none."""
    wanted = config.plotting.evolution_ID_list_val
    if not (wanted and config.plotting.plotting_mode and config.data.val_sc):
        return
    asked = (
        f"PlottingArgs.evolution_ID_list_val = {list(wanted)} follows realizations over the checkpoints of a training"
    )
    if config.user.training_mode and not config.user.checkpoint_every:
        faults.append(
            f"{asked}; set UserInputArgs.checkpoint_every to the epochs between them, or leave the list empty"
        )


def _check_linear(user: UserInput, faults: list[str], warnings: list[str]) -> None:
    """What makes no sense with a filter that is found in one go."""
    if user.resume:
        faults.append(
            "UserInputArgs.resume = True: network_type 'linear' is fitted in one go and leaves nothing to go on with; "
            "set resume = False"
        )
    if user.fine_tune_filename:
        faults.append(
            f"UserInputArgs.fine_tune_filename = {user.fine_tune_filename!r}: network_type 'linear' is fitted in one "
            'go and starts from no other network; set it to ""'
        )
    if user.num_networks > 1:
        faults.append(
            f"UserInputArgs.num_networks = {user.num_networks}: network_type 'linear' has one solution, an ensemble "
            "would hold it several times; set num_networks = 1"
        )
    if user.train_fun_hyp[0] != 0:
        warnings.append(
            "UserInputArgs.train_fun_hyp has no effect with network_type = 'linear': it is a least-squares fit"
        )
    if user.checkpoint_every:
        warnings.append("UserInputArgs.checkpoint_every has no effect with network_type = 'linear': it has no epochs")


def input_size(user: UserInput) -> int:
    """Number of input channels that the settings switch on."""
    return user.input_vbm + 3 * user.input_3dof + user.input_waves * user.wave_grid_x_size * user.wave_grid_y_size


def resolve_indices(section: Any, data: DataInfo) -> tuple[Any, list[str]]:
    """Index lists as indices from 0 on, the defaults of those that were not given, and a line for what is left out."""
    resolved, left_out = {}, []
    for f in dataclasses.fields(section):
        match = INDEX_LISTS.fullmatch(f.name)
        set_name = match["set"] if match else f.name if f.name in SET_NAMES else None
        if set_name is None:
            continue
        size = len(getattr(data, f"{set_name}_sc"))
        indices = getattr(section, f.name)
        if indices is None:
            kind = match["kind"] if match else "all"
            indices = range(
                {"prediction": min(size, 1), "error": min(size, 1), "histo": 0, "evolution": 0}.get(kind, size)
            )
        elif indices == ALL:
            indices = range(size)
        wrong = [i for i in indices if not -size <= i < size]
        if wrong and not size:
            left_out.append(f"{f.name} = {list(indices)} is left out: the {set_name} set is empty")
        elif wrong:
            left_out.append(
                f"{f.name}: {', '.join(map(str, wrong))} left out; the {set_name} set has {size} realization(s), 0 to "
                f"{size - 1}, or counted from the end -1 to {-size}"
            )
        resolved[f.name] = tuple(i % size for i in indices if i not in wrong)
    return dataclasses.replace(section, **resolved), left_out
