"""Declares every setting of the program once: name, type, default, limits, unit, meaning, and what it affects.

The classes of an input file (UserInputArgs, PlottingArgs, DataInfoArgs, SaveDataArgs) become frozen dataclasses with
the same attribute names, so that `config.user.hidden_size` is what the user wrote as `self.hidden_size`. The checks of
single values and docs/settings.md follow from the declarations; settings/conflicts.py checks combinations of settings.
"""

import dataclasses
import difflib
import functools
import inspect
import json
import typing
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from settings import values
from settings.description import SHIP, TIME_UNITS, Described, Description, TextFormat
from settings.kinds import KINDS
from settings.values import ColumnName, Indices, Names, Reading, network_name, odd, pattern, source_name
from system.errors import InputError, counted

NETWORKS_FOLDER = Path("saved_models")
DEFAULT_NAME = "recently_trained_model"
SET_NAMES = ("train", "val", "test")
MOST_SHOWN = 200  # characters of a faulty value in an error


# ---- how a setting is declared ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Setting:
    """One attribute of an input file.

    name, type, default: of the dataclass field; a default of None means that the setting may be None.
    help: one sentence. group: its heading in docs/settings.md. unit: of a number; limits: both included.
    choices: the texts that are allowed. check: converts a value of the right type, other than the default, to the one
        that is kept, or raises ValueError with what was expected.
    bears_on: "run" (no influence on the network), "repetition" (distinguishes trainings with the same settings),
        "channels" (what is read of a realization), "network" (its structure), "training" (everything else that
        determines the trained network).
    swept: whether SweepArgs may list values of it.
    """

    name: str
    type: Any
    default: Any
    help: str
    group: str = ""
    unit: str = ""
    limits: tuple[float, float] | None = None
    choices: Collection[str] = ()
    check: Callable[[Any], Any] | None = None
    bears_on: str = "run"
    swept: bool = False

    def convert(self, value: Any) -> Any:
        """The value, converted to the setting's type. Raises ValueError that says what was expected."""
        plain, as_type = values.TYPES[self.type]
        value = values.without_numpy(value)
        if value is None:
            if self.default is None or self.type is Indices:
                return self.default
            raise ValueError(f"expected {plain}")
        value = as_type(value)
        if self.limits and not self.limits[0] <= value <= self.limits[1]:
            unit = f" {self.unit}" if self.unit else ""
            raise ValueError(f"expected {self.limits[0]:g} to {self.limits[1]:g}{unit} ({self.help})")
        if self.choices:
            value = value.lower()
            if value not in self.choices:
                near = nearest(value, self.choices)
                raise ValueError(f"expected one of {', '.join(self.choices)}; the nearest is {near!r}")
        return self.check(value) if self.check and value != self.default else value


def setting(default: Any, help: str, **more: Any) -> Any:
    """A dataclass field that declares a setting; see `Setting`."""
    return dataclasses.field(default=default, metadata={"help": help, **more})


@functools.cache
def declared(section: type) -> dict[str, Setting]:
    """The settings of a section by name, in the order of their declaration."""
    fields = [f for f in dataclasses.fields(section) if "help" in f.metadata]  # others follow from settings
    types = {f.name: f.type if f.type in values.TYPES else typing.get_args(f.type)[0] for f in fields}
    return {f.name: Setting(f.name, types[f.name], f.default, **f.metadata) for f in fields}


def user_settings(*bears_on: str) -> tuple[str, ...]:
    """Names of the settings of UserInputArgs that affect one of these."""
    return tuple(f.name for f in dataclasses.fields(UserInput) if f.metadata.get("bears_on", "run") in bears_on)


run = partial(setting, group="The run")
channels = partial(setting, group="Channels", bears_on="channels", swept=True)
timing = partial(setting, group="Time", bears_on="training", swept=True)
steps = partial(timing, unit="network steps")
structure = partial(setting, group="Network", bears_on="network", swept=True)
training = partial(setting, group="Training", bears_on="training", swept=True)
drawn = partial(setting, group="Realizations that are drawn")
look = partial(setting, group="Look of the figures")
pair = partial(setting, group="Realizations with LAMP output")
lone = partial(setting, group="Realizations without LAMP output")
ANY_PAIR = "Any pair of sources"
source = partial(setting, group=ANY_PAIR)
saved = partial(setting, group="Predictions as text")
search = partial(setting, group="Sweep")


# ---- the settings -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class UserInput:
    """UserInputArgs. The defaults are the earlier tool's recipe, so that an older input file keeps its meaning."""

    training_mode: bool = run(True, "train a network; False: load model_load_filename instead")
    model_load_filename: str = run(DEFAULT_NAME, "the network to load, a folder in saved_models", check=network_name)
    model_save_filename: str = run(
        DEFAULT_NAME, "the name to save the trained network under", check=network_name, bears_on="repetition"
    )
    overwrite: bool = run(False, "the training may replace a network or an interrupted training of its name")
    resume: bool = run(False, "continue an interrupted training of this name; a finished one is used unchanged")
    checkpoint_every: int = run(0, "epochs between saved checkpoints; 0: none", unit="epochs", limits=(0, 10**7))
    max_checkpoints: int = run(5, "checkpoints that are kept, the newest ones", limits=(1, 10**6))
    tensorboard: bool = run(False, "write losses and learning rate for TensorBoard")
    strict_data: bool = run(False, "contradictions in the data are errors instead of warnings")
    lamp_hours: float | None = run(
        None, "duration of one LAMP run; the run then says what its predictions saved", unit="h", limits=(0.001, 1e5)
    )
    input_size: int | None = run(None, "number of input channels; derived, and checked if given")
    output_size: int | None = run(None, "number of output channels; derived, and checked if given")

    input_3dof: bool = channels(True, "SimpleCode's heave, roll and pitch are inputs")
    input_waves: bool = channels(True, "the wave elevation at the ship is an input")
    input_vbm: bool = channels(False, "SimpleCode's vertical bending moment is an input")
    output_3dof: bool = channels(True, "predict LAMP's heave, roll and pitch", swept=False)
    output_vbm: bool = channels(False, "predict LAMP's vertical bending moment", swept=False)
    wave_grid_x_size: int = channels(
        1, "wave points from bow to stern, an odd number; above 1: from the .sea files", limits=(1, 99), check=odd
    )
    wave_grid_y_size: int = channels(
        1, "wave points from side to side, an odd number; above 1: from the .sea files", limits=(1, 99), check=odd
    )
    ship_length: float | None = channels(
        None, "length between bow and stern; needed for a wave_grid_x_size above 1", unit="m", limits=(0.1, 1000)
    )
    ship_beam: float | None = channels(None, "beam; needed for a wave_grid_y_size above 1", unit="m", limits=(0.1, 200))
    wave_ramp_time: float = channels(
        10.0, "time over which LAMP ramps the waves of a wave grid up; 0: no ramp", unit="s", limits=(0, 1e6)
    )

    time_res: int = timing(
        9, "the network sees every n-th time step; its n interleaved sequences are all used", limits=(1, 10000)
    )
    seq_length: int = steps(0, "records are cut into sequences of about this length; 0: whole", limits=(0, 10**8))
    window_length: int = steps(
        0, "steps in the loss of a window, half as many at first; 0: no windows", limits=(0, 10**8)
    )
    washout_length: int = steps(
        0, "steps before each window, outside its loss, in which the network settles", limits=(0, 10**6)
    )
    transient_time: float = timing(
        0.0, "beginning of each record that is predicted, but neither learned nor counted", unit="s", limits=(0, 1e6)
    )
    num_batches: int = timing(0, "batches in an epoch; 0: as many as give 32 windows a batch", limits=(0, 10**7))

    network_type: str = structure("lstm", "kind of network", choices=KINDS)
    hidden_size: int = structure(30, "units in a layer", limits=(1, 4096))
    num_layers: int = structure(2, "layers", limits=(1, 50))
    bi_directional: bool = structure(False, "read the record forwards and backwards, at twice the cost")
    dropout: float = structure(
        0.0, "share of the values dropped between layers while training", limits=(0, 0.95), bears_on="training"
    )
    predict_correction: bool = structure(False, "learn the difference LAMP - SimpleCode instead of LAMP itself")
    mirror_symmetry: bool = structure(
        False,
        "the ship is symmetric: half of the windows are learned mirrored, and the prediction averages both sides",
        bears_on="training",
    )
    look_ahead: int = structure(0, "future steps that an LSTM or GRU also sees", unit="network steps", limits=(0, 100))
    num_networks: int = structure(1, "networks of an ensemble, whose mean is the prediction", limits=(1, 100))
    fewer_rows: bool = structure(
        False,
        "predict every few rows, with a spline between them, where this raises no error by more than 1 %",
        bears_on="training",
        swept=False,
    )
    output_filter: bool = structure(
        False,
        "after training, fit the remaining error to inputs and states by least squares",
        bears_on="training",
    )
    num_folds: int = training(
        0,
        "cross-fitting: networks that each leave out a fold of the train and val records; their mean is the prediction",
        limits=(0, 50),
        check=values.not_one,
        group="Network",
    )

    optimizer: str = training("adam", "optimizer", choices=("muon", "adam", "adamw", "sgd", "rmsprop"))
    lr: float = training(0.005, "initial learning rate; 0.001 to 0.05 is usual", limits=(1e-12, 100))
    momentum: float | None = training(None, "momentum; None: the optimizer's own default", limits=(0, 0.9999))
    weight_decay: float | None = training(
        None, "share of each weight, times lr, removed at each step; None: the optimizer's own default", limits=(0, 10)
    )
    lr_schedule: str = training(
        "constant",
        "how the learning rate falls; automatic: the training ends when little is left to gain",
        choices=("constant", "plateau", "step", "exponential", "cosine", "automatic"),
    )
    weight_averaging: float = training(
        0.0,
        "decay of the exponential moving average of the weights, about 1 / (1 - decay) steps long; 0: none",
        limits=(0, 0.9999),
    )
    epochs: int = training(500, "the largest number of epochs", limits=(1, 10**7))
    max_minutes: float = training(
        0.0, "training time after which no further epoch begins; 0: no limit", unit="min", limits=(0, 1e6)
    )
    patience: int = training(
        30,
        "training stops after this many epochs without a better validation loss; not with lr_schedule automatic",
        unit="epochs",
        limits=(1, 10**7),
    )
    train_fun_hyp: tuple[float, ...] = training(
        (0, 0.0, 0.0), "objective [kind, a, b] of the training, see [conventions.md](conventions.md)"
    )
    val_fun_hyp: tuple[float, ...] = training((0, 0.0, 0.0), "objective [kind, a, b] of the validation")
    seed: int | None = training(
        None,
        "seed of all random numbers; None: drawn, and saved in settings.json",
        limits=(0, 2**31 - 1),
        bears_on="repetition",
    )
    fine_tune_filename: str = training(
        "", "start from the weights and standardization of this saved network", check=network_name
    )

    description: Description = dataclasses.field(default=SHIP, metadata={"bears_on": "channels"})  # from DataInfoArgs

    @property
    def channel_choice(self) -> dict[str, Any]:
        """What determines what is read of a realization; plain types."""
        chosen = dataclasses.asdict(self)
        return {name: chosen[name] for name in user_settings("channels")}

    @property
    def source_network(self) -> str:
        """The saved network that the run loads or starts from; empty if it starts from none."""
        return self.fine_tune_filename if self.training_mode else self.model_load_filename


PREDICTION = "time histories around the largest response"
ERRORS = "error over time and at the peaks"
MAXIMA = "the records' maxima"
HISTOGRAM = "histograms of motions"
FREQUENCIES, ANGLES = ("encounter", "wave"), ("per metre", "per slope")


@dataclass(frozen=True)
class Plotting:
    """PlottingArgs. An index list may also be "all" or "first", which `resolve_indices` replaces."""

    plotting_mode: bool = drawn(True, "draw figures")
    prediction_ID_list_train: Indices = drawn("first", PREDICTION)
    prediction_ID_list_val: Indices = drawn("first", PREDICTION)
    prediction_ID_list_test: Indices = drawn("first", PREDICTION)
    error_ID_list_train: Indices = drawn("first", ERRORS)
    error_ID_list_val: Indices = drawn("first", ERRORS)
    error_ID_list_test: Indices = drawn("first", ERRORS)
    maxima_ID_list_train: Indices = drawn("all", MAXIMA)
    maxima_ID_list_val: Indices = drawn("all", MAXIMA)
    maxima_ID_list_test: Indices = drawn("all", MAXIMA)
    histo_ID_list_train: Indices = drawn((), HISTOGRAM)
    histo_ID_list_val: Indices = drawn((), HISTOGRAM)
    histo_ID_list_test: Indices = drawn((), HISTOGRAM)
    evolution_ID_list_val: Indices = drawn((), "prediction over the checkpoints of the training; see checkpoint_every")
    show_figures: bool = look(False, "open windows too, on a machine with a display")
    response_frequency: str = look(
        "encounter", "abscissa of response amplitude operators: frequencies of encounter or wave", choices=FREQUENCIES
    )
    response_of_angles: str = look(
        "per metre", "ordinate of roll and pitch: per metre of wave amplitude or per slope of the wave", choices=ANGLES
    )
    simple_color: str = look("red", "colour of SimpleCode", check=values.color)
    lamp_color: str = look("black", "colour of LAMP", check=values.color)
    lstm_color: str = look("green", "colour of the network", check=values.color)
    running_avg_span: int = look(100, "span of running means, to either side", unit="time steps", limits=(0, 10**7))
    maxima_bullet_size: float = look(20.0, "area of the markers", unit="points squared", limits=(0.01, 10**4))


@dataclass(frozen=True)
class DataInfo:
    """DataInfoArgs: paths without extensions, with forward slashes."""

    train_sc: tuple[str, ...] = pair((), "SimpleCode's files of the training set")
    train_lamp: tuple[str, ...] = pair((), "LAMP's files of the training set, in the same order")
    val_sc: tuple[str, ...] = pair((), "SimpleCode's files of the validation set")
    val_lamp: tuple[str, ...] = pair((), "LAMP's files of the validation set, in the same order")
    test_sc: tuple[str, ...] = pair((), "SimpleCode's files of the test set")
    test_lamp: tuple[str, ...] = pair((), "LAMP's files of the test set, in the same order")
    predict_sc: tuple[str, ...] = lone((), "SimpleCode's files of realizations to predict")
    predict_waves: tuple[str, ...] = lone((), "their wave files; empty: beside SimpleCode's, or in its .mot")
    low_file: str = source("", "pattern of the fast source's files, with {} for the record's name", check=pattern)
    high_file: str = source("", "pattern of the accurate source's files", check=pattern)
    low_name: str = source("", "what the fast source is called; empty: SimpleCode, or Low fidelity", check=source_name)
    high_name: str = source("", "what the accurate source is called", check=source_name)
    channels: tuple[Described, ...] = source(
        (), "data_io.Output and data_io.Input of each channel; of SimpleCode and LAMP those that are added"
    )
    train: Names = source((), "names of the training records, such as data_io.names(1, 8)")
    val: Names = source((), "names of the validation records")
    test: Names = source((), "names of the test records")
    predict: Names = source((), "names of records that only the fast source has, to predict")
    read_low: Reading = source(
        None,
        "function from a path to a pandas.DataFrame, or a data_io.TextFormat; None: a text table, which is found out",
        check=partial(values.reading, "read_low"),
    )
    read_high: Reading = source(None, "the same for the accurate source", check=partial(values.reading, "read_high"))
    time: ColumnName = source(None, "column of time in both; None: that called t or time, else the first")
    time_unit: str | None = source(
        None, "unit of time in both; None: as the header says, else s", choices=tuple(TIME_UNITS)
    )
    cache_path: str = setting(
        "",
        "folder for parsed records, which are then streamed from it; empty: all in memory",
        group="Large data",
        check=values.folder,
    )

    def description(self) -> Description:
        """Of the pair of sources and the channels that are added to those of the switches in UserInputArgs."""
        both = TextFormat(time=self.time, time_unit=self.time_unit)
        names = ("Low fidelity", "High fidelity") if self.low_file else (SHIP.low_name, SHIP.high_name)
        chosen = self.low_name or names[0], self.high_name or names[1], self.low_file, self.high_file, self.channels
        readers = [
            dataclasses.replace(
                reading,
                time=self.time if reading.time is None else reading.time,
                time_unit=reading.time_unit or self.time_unit,
            )
            for reading in (self.read_low or both, self.read_high or both)
        ]
        return Description(*chosen, *readers, both)

    def with_lists(self) -> "DataInfo":
        """The same with the names of the records in the lists of both sources, and without the description."""
        lists = {f"{part}_{of}": getattr(self, part) for part in SET_NAMES for of in ("sc", "lamp")}
        lists["predict_sc"] = self.predict
        described = {f.name: f.default for f in dataclasses.fields(self) if f.metadata["group"] == ANY_PAIR}
        return dataclasses.replace(self, **described, **{name: names for name, names in lists.items() if names})

    def pairs(self, set_name: str) -> list[tuple[str, str]]:
        """(SimpleCode path, LAMP path) of each realization of a set."""
        # Lists of different lengths are an error that settings/conflicts.py finds.
        return list(zip(getattr(self, f"{set_name}_sc"), getattr(self, f"{set_name}_lamp"), strict=False))


@dataclass(frozen=True)
class SaveData:
    """SaveDataArgs. Index lists as in PlottingArgs."""

    save_data_mode: bool = saved(True, "write predictions as text")
    output_path: str = saved("output_files", "folder for everything but the network", check=values.folder)
    prefix: str = saved("lstm_output_for_", "beginning of the names of prediction files", check=values.file_prefix)
    bands: bool = saved(True, "columns for the lower and upper bound of the 90 % band, with a network trained in folds")
    train: Indices = saved("all", "realizations of the training set that are written")
    val: Indices = saved("all", "realizations of the validation set that are written")
    test: Indices = saved("all", "realizations of the test set that are written")


@dataclass(frozen=True)
class Search:
    """The settings of SweepArgs other than lists of values to try."""

    sampler: str = search("grid", "how combinations of the values are chosen", choices=("grid", "random", "tpe"))
    num_draws: int = search(0, "combinations to train, 0 for all", limits=(0, 10**6))
    draw_seed: int = search(0, "seed of the random draws", limits=(0, 2**31 - 1))
    prune_after: int = search(
        8, "epochs before an unpromising combination may be stopped; 0: never", unit="epochs", limits=(0, 10**7)
    )


@dataclass(frozen=True)
class Config:
    """Every setting of a run, checked."""

    user: UserInput = UserInput()
    plotting: Plotting = Plotting()
    data: DataInfo = DataInfo()
    save: SaveData = SaveData()
    input_file: str = ""
    base: UserInput = UserInput()  # what the user's own settings started from, and where that stands
    base_file: str = ""

    @property
    def network_name(self) -> str:
        """The network that the run trains or loads."""
        return self.user.model_save_filename if self.user.training_mode else self.user.model_load_filename

    @property
    def network_folder(self) -> Path:
        return NETWORKS_FOLDER / self.network_name

    @property
    def output_folder(self) -> Path:
        return Path(self.save.output_path) / self.network_name

    def with_user(self, **settings: Any) -> "Config":
        """The same with other settings of UserInputArgs."""
        return dataclasses.replace(self, user=dataclasses.replace(self.user, **settings))

    def as_dict(self) -> dict[str, Any]:
        """Plain types, ready for JSON; of `base` what differs from `user`."""
        plain = json.loads(json.dumps(dataclasses.asdict(self)))
        differing = {name: value for name, value in plain["base"].items() if value != plain["user"][name]}
        return plain | {"base": differing}


SECTIONS = {
    "UserInputArgs": ("user", UserInput),
    "PlottingArgs": ("plotting", Plotting),
    "DataInfoArgs": ("data", DataInfo),
    "SaveDataArgs": ("save", SaveData),
}


# ---- from the user's classes to sections --------------------------------------------------------------------------


def fill(section: type, instance: Any, class_name: str) -> tuple[Any, list[str]]:
    """A frozen section from the user's instance, and a line for each unknown name and each invalid value."""
    declarations, converted, faults = declared(section), {}, []
    for name, value in attributes(instance).items():
        if name in declarations:
            try:
                converted[name] = declarations[name].convert(value)
            except InputError as error:  # lines about parts of the value
                faults += [f"{class_name}.{name}, {line}" for line in error.lines]
            except ValueError as error:
                shown = " ".join(repr(value).split())
                shown = shown if len(shown) < MOST_SHOWN else f"{shown[:MOST_SHOWN]} ..."
                faults.append(f"{class_name}.{name} = {shown}: {error}")
        elif not is_helper(value):
            faults.append(f"{class_name}.{name}: there is no such setting{_hint(name, section)}")
    return section(**converted), faults


def changed(source: type, **settings: Any) -> type:
    """A class of an input file with other values of some settings, for input files that hold only what differs."""

    def set_up(self: Any, *arguments: Any) -> None:
        source.__init__(self, *arguments)
        vars(self).update(settings)

    module = inspect.currentframe().f_back.f_globals["__name__"]  # the input file
    return type(source.__name__, (source,), {"__init__": set_up, "__module__": module})


def attributes(instance: Any) -> dict[str, Any]:
    """The attributes that the user has set, on the instance (in that order) or on its class, but for _names."""
    names = (*vars(instance), *dir(instance))
    return {name: getattr(instance, name) for name in names if not name.startswith("_")}


def is_helper(value: Any) -> bool:
    """Whether an attribute that is no setting is a function, a class or a module, of which nothing need be said."""
    return callable(value) or inspect.ismodule(value)


def _hint(name: str, section: type) -> str:
    for other_class, (_, other) in SECTIONS.items():
        if name in declared(other):
            return f" in this class; it belongs in {other_class}"
    return f"; the nearest is {nearest(name, declared(section))}; {helper_advice(name)}"


def helper_advice(name: str) -> str:
    """What to do with an attribute that was not meant to be a setting."""
    return f"for a helper of your own use a local variable, or the name _{name}"


def nearest(name: str, names: Iterable[str]) -> str:
    """The one of the names that is most similar to this one."""
    lowered = {candidate.lower(): candidate for candidate in names}
    return lowered[difflib.get_close_matches(name.lower(), lowered, n=1, cutoff=0.0)[0]]


def resolve_indices(section: Any, data: DataInfo) -> tuple[Any, list[str]]:
    """The section with all index lists as indices from 0, and a line for each list with indices beyond its set."""
    resolved, left_out = {}, []
    for name, declaration in declared(type(section)).items():
        if declaration.type is not Indices:
            continue
        set_name = name.rsplit("_", 1)[-1]
        size = len(getattr(data, f"{set_name}_sc"))
        indices = getattr(section, name)
        if indices in values.WHOLE_LISTS:
            indices = range(size)[values.WHOLE_LISTS[indices]]
        wrong = [i for i in indices if not -size <= i < size]
        if wrong and not size:
            left_out.append(f"{name} = {list(indices)} is left out: the {set_name} set is empty")
        elif wrong:
            left_out.append(
                f"{name}: {', '.join(map(str, wrong))} left out; the {set_name} set has "
                f"{counted(size, 'realization')}, 0 to {size - 1}, or counted from the end -1 to {-size}"
            )
        resolved[name] = tuple(i % size for i in indices if i not in wrong)
    return dataclasses.replace(section, **resolved), left_out
