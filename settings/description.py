"""How a user describes a pair of sources: a fast one of low fidelity and an accurate one, their files and channels.

SimpleCode and LAMP are the built-in description, `SHIP`, whose channels are the table in settings/channels.py.
"""

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from math import inf, pi
from typing import Any

from system.files import write_columns_with

NAME = "{}"  # in a pattern of file names, stands for the record's name
TIME_UNITS = {"ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}  # in s
FACTORS = {"deg": 180 / pi, "rad": pi / 180}
REFERENCE = re.compile(r"\s*(?P<minus>-?)\s*(?P<column>.+?)\s*(?:\*\s*(?P<factor>deg|rad|[-+.\deE]+)\s*)?")


@dataclass(frozen=True)
class Reference:
    """Where a channel stands in a file: the column's name in the header or its place from 0, and a factor."""

    column: str | int
    factor: float = 1.0

    @classmethod
    def of(cls, text: str | int) -> "Reference":
        """From what a user writes: "FairTen1 * 1e-3", "-z(ship)", "phi * deg" or a place. Raises ValueError."""
        if isinstance(text, int):
            return cls(text)
        match = REFERENCE.fullmatch(text)
        if not match:
            raise ValueError('expected the name of a column, such as "FairTen1 * 1e-3", "-z(ship)" or "phi * deg"')
        if " *" in match["column"]:
            raise ValueError('expected a number, deg or rad behind " * ", as in "FairTen1 * 1e-3"')
        written = match["factor"] or "1"
        factor = FACTORS.get(written) or _number(written)
        return cls(match["column"], -factor if match["minus"] else factor)


def _number(text: str) -> float:
    with suppress(ValueError):
        if 0 < abs(number := float(text)) < inf:
            return number
    raise ValueError(f"expected a number other than 0, deg or rad in place of {text!r}")


@dataclass(frozen=True)
class Output:
    """A channel of the accurate source that the network predicts.

    name: in tables and texts. unit: of its values behind the factors. high: its column in the files of the accurate
    source: the header's name, units and case ignored, or a place from 0; a leading "-" and a factor are allowed, as in
    "-z(ship)", "FairTen1 * 1e-3", "phi * deg" (from rad) or "roll * rad". low: its counterpart in the files of the
    other source, which is an input, the baseline of the report, and what the network corrects; None if there is none.
    label: in figures and sentences; by default the name. mirrored: of the mirrored state it is the same ("+"), has the
    other sign ("-"), or changes places with the channel of this name. mean: "removed" if largest values, exceedances
    and shares of error are about the record's own mean, else "kept". extremes: which largest values matter: "both",
    "up" or "down". trend: "removed" if a straight line is subtracted from each record, as of a ship's surge.
    """

    name: str
    unit: str
    high: str | int
    low: str | int | None = None
    label: str = ""
    mirrored: str = "+"
    mean: str = "kept"
    extremes: str = "both"
    trend: str = "kept"

    @property
    def reads(self) -> dict[str, str | int]:
        """The columns by source, as in `readers.record_files.files_of`."""
        return ({} if self.low is None else {"sc": self.low}) | {"lamp": self.high}

    @property
    def is_input(self) -> bool:
        return self.low is not None


@dataclass(frozen=True)
class Input:
    """A channel that the network sees beside the counterparts of its outputs.

    low: its column, see `Output`; by default that of its name. file: the pattern of a third file that has it, such as
    "waves/{}.wav"; empty: that of the fast source. Others: see `Output`.
    """

    name: str
    unit: str
    low: str | int | None = None
    file: str = ""
    label: str = ""
    mirrored: str = "+"
    trend: str = "kept"
    mean, extremes, is_input = "kept", "both", True  # no fields: of an input nothing is counted

    @property
    def reads(self) -> dict[str, str | int]:
        return {self.file or "sc": self.name if self.low is None else self.low}


Described = Output | Input
BEARING = ("unit", "high", "low", "file", "mirrored", "trend")  # on a network
CHOICES = {"mean": ("kept", "removed"), "extremes": ("both", "up", "down"), "trend": ("kept", "removed")}


@dataclass(frozen=True)
class UserFunction:
    """The function read_low or read_high of an input file, which other processes find there again."""

    file: str
    name: str
    time: str | int | None = None  # as in `TextFormat`
    time_unit: str | None = None

    def __call__(self, path: str) -> Any:
        with _loading:  # files are read by several threads
            function = _function_of(self)
        return function(path)


_loading = threading.Lock()


@cache
def _function_of(reading: UserFunction) -> Callable[[str], Any]:
    from settings.input_file import load_module  # which imports this module

    return getattr(load_module(reading.file).DataInfoArgs(), reading.name)


@dataclass(frozen=True)
class TextFormat:
    """What a user says of text tables instead of having it found out: words of `pandas.read_csv`, and the time column.

    sep: the separator. header: the line of names, from 0; None: there is none. skiprows: lines before it. comment: the
    mark of comments. names: of the columns. decimal: the decimal mark. time: the column of time, a name or a place.
    time_unit: "ms", "s", "min", "h" or "d".
    """

    sep: str | None = None
    header: int | None | str = "infer"
    skiprows: int | None = None
    comment: str | None = None
    names: tuple[str, ...] = ()
    decimal: str | None = None
    time: str | int | None = None
    time_unit: str | None = None


@dataclass(frozen=True)
class Description:
    """A pair of sources.

    low_name, high_name: of the sources, in tables, figures and messages. low_file, high_file: patterns of their files,
    in which {} stands for the record's name; empty for SimpleCode and LAMP, whose files have fixed endings.
    channels: what the user describes, for SimpleCode and LAMP in addition to the channels of the table.
    read_low, read_high: how their files are read, if not as text tables that are found out; read_third: third files.
    """

    low_name: str = "SimpleCode"
    high_name: str = "LAMP"
    low_file: str = ""
    high_file: str = ""
    channels: tuple[Described, ...] = ()
    read_low: UserFunction | TextFormat = TextFormat()
    read_high: UserFunction | TextFormat = TextFormat()
    read_third: TextFormat = TextFormat()

    @property
    def is_ship(self) -> bool:
        """Whether the sources are SimpleCode and LAMP."""
        return not self.low_file

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(channel.name for channel in self.channels)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Description":
        """What `dataclasses.asdict` made of one, also through JSON. Raises TypeError or KeyError."""
        channels = tuple((Output if "high" in channel else Input)(**channel) for channel in values["channels"])
        readers = {}
        for name in {"read_low", "read_high", "read_third"} & values.keys():
            kind = UserFunction if "file" in values[name] else TextFormat
            readers[name] = kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in values[name].items()})
        return cls(**{**values, "channels": channels, **readers})

    @property
    def programs(self) -> list[str]:
        """The input files whose functions read files of the sources."""
        return [of.file for of in (self.read_low, self.read_high) if isinstance(of, UserFunction)]

    @property
    def bearing(self) -> dict[str, dict[str, Any]]:
        """By channel, what bears on a network that is trained with it."""
        return {of.name: {name: getattr(of, name) for name in BEARING if hasattr(of, name)} for of in self.channels}

    def differences(self, saved: "Description") -> list[str]:
        """What a network that was trained with the description `saved` cannot take of this one, a clause each."""
        trained = saved.bearing
        return [
            f"{name}: {fact} = {now!r}, in the training {trained[name][fact]!r}"
            for name, facts in self.bearing.items()
            for fact, now in facts.items()
            if fact != "file" and fact in trained.get(name, ()) and now != trained[name][fact]
        ]


SHIP = Description()


def names(first: int, last: int, digits: int = 3) -> list[str]:
    """Names of records that are numbers: names(9, 11) is ["009", "010", "011"]."""
    return [f"{number:0{digits}d}" for number in range(first, last + 1)]


def faults(pair: Description, mirror_symmetry: bool, taken: Sequence[str] = ()) -> list[str]:
    """A line for each contradiction in a description. taken: names of the built-in channels of a run."""
    where = "DataInfoArgs.channels"
    if not pair.is_ship and not any(isinstance(channel, Output) for channel in pair.channels):
        return [f'{where}: describe at least one output, such as data_io.Output("T1", "kN", high="FairTen1 * 1e-3")']
    lines, lowered = [], [name.lower() for name in (*taken, *pair.names)]
    for place, name in enumerate(pair.names, start=len(taken)):
        if name.lower() in lowered[:place]:
            lines.append(f"{where}: {name} is there twice; give each a name of its own")
        words = {name.lower(), *name.lower().split("_")}
        if words & {"time", "lamp", "sc", "simplecode", pair.low_name.lower(), pair.high_name.lower()}:
            lines.append(f"{where}, {name}: columns of tables are called so; choose another name")
    by_name = dict(zip(pair.names, pair.channels, strict=True))
    columns = {}
    for name, channel in by_name.items():
        first = columns.setdefault(Reference.of(channel.high).column, name) if isinstance(channel, Output) else name
        if first != name:
            lines.append(f"{where}, {name}: high is the column of {first} too; each output has its own")
    for name, channel in by_name.items():
        other, here = channel.mirrored.lstrip("-"), f"{where}, {name}"
        if other in ("", "+"):
            continue
        if (partner := by_name.get(other)) is None:
            lines.append(f"{here}: mirrored = {channel.mirrored!r}; expected '+', '-' or the name of a channel")
        elif partner.mirrored != channel.mirrored.replace(other, name):
            lines.append(f"{here}: changes places with {other}, but {other} not with it, or with the other sign")
        elif (type(partner), partner.is_input) != (type(channel), channel.is_input):
            lines.append(f"{here}: changes places with {other}, but only one of them is an input")
    if mirror_symmetry and not pair.is_ship and all(channel.mirrored == "+" for channel in pair.channels):
        lines.append(
            "UserInputArgs.mirror_symmetry = True, but no channel says how it is mirrored; "
            'give mirrored="-" or the channel with which it changes places, or set mirror_symmetry = False'
        )
    return lines


# ---- the description in use ---------------------------------------------------------------------------------------

SHIP_PERIODS = 3.0, 30.0  # s, mean zero-upcrossing periods at full scale, for which all durations were chosen
SHIP_PERIOD = 10.0  # s, the usual one
_in_use: Description = SHIP
_time_scale = 1.0


def use(pair: Description, time_scale: float = 1.0) -> None:
    """Makes this the pair of sources whose names, channels and durations a run has from here on.

    A process works for one run at a time, and nearly every line that it prints or draws asks for a word of these; they
    are looked up here, as Matplotlib's style is, rather than passed on. time_scale: see `time_scale_of`.
    """
    global _in_use, _time_scale
    _in_use, _time_scale = pair, time_scale
    sources = {"lamp": "high_name", "simplecode": "low_name", "sc": "low_name"}
    names_ = {word: getattr(pair, of) for word, of in sources.items() if getattr(pair, of) != getattr(SHIP, of)}
    # No column has a word with capital letters.
    write_columns_with({word: name if name != name.lower() else name.capitalize() for word, name in names_.items()})


def in_use() -> Description:
    return _in_use


def low_name() -> str:
    """What the fast source of the run is called."""
    return _in_use.low_name


def high_name() -> str:
    """What the accurate source of the run is called."""
    return _in_use.high_name


def signal_word() -> str:
    """What a channel's course in time is called."""
    return "motion" if _in_use.is_ship else "signal"


def list_name(part: str, source: str = "sc") -> str:
    """The list of DataInfoArgs with the records of a part of the data, such as "train" or "predict"."""
    return f"{part}_{source}" if _in_use.is_ship else part


def time_scale_of(period: float) -> float:
    """The factor of all durations of a run with this mean zero-upcrossing period (s); 1 for ships at full scale.

    Windows, lags and segments were chosen on ships, with periods about SHIP_PERIOD. In a model basin everything runs
    by the root of the scale faster, in hydrology it takes days.
    """
    low, high = SHIP_PERIODS
    return 1.0 if not period > 0 or low <= period <= high else period / SHIP_PERIOD


def time_scale() -> float:
    """The factor of all durations in the run, see `time_scale_of`."""
    return _time_scale


def seconds(duration: float) -> float:
    """A duration (s) that was chosen for ships at full scale, at the time scale of the run."""
    return duration * _time_scale


def has_ship_digits() -> bool:
    """Whether five decimals are right for the numbers of the run, as for a ship's motions; else seven digits are."""
    return _in_use.is_ship and not _in_use.channels and _time_scale == 1


def in_this_run(function: Callable) -> Callable:
    """The function for another process, in which it is called with the description and time scale of this one."""
    return partial(_used_in, _in_use, _time_scale, function)


def _used_in(pair: Description, time_scale: float, function: Callable, *arguments: Any) -> Any:
    use(pair, time_scale)
    return function(*arguments)
