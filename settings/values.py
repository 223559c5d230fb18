"""Converts values of input files to the types of their settings.

Each function returns the value that is kept or raises ValueError with what was expected.
"""

import os
import re
import sys
from collections.abc import Callable
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from settings.description import CHOICES, NAME, Described, Reference, TextFormat, UserFunction
from system.errors import InputError
from system.files import posix

OBJECTIVE_KINDS = range(7)
Indices = tuple[int, ...] | str
Names = tuple[str | int, ...]
Reading = UserFunction | TextFormat | None
ColumnName = str | int | None
WHOLE_LISTS = {"all": slice(None), "first": slice(1)}  # allowed instead of indices
FORBIDDEN = re.compile(r'[\\/:*?"<>|]')  # in file names
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)  # by Windows, whatever follows the dot
ALLOWED = 'without any of \\ / : * ? " < > |'


def without_numpy(value: Any) -> Any:
    """NumPy scalars and arrays as Python numbers and lists."""
    return value.tolist() if hasattr(value, "tolist") else value


def _is_number(value: Any) -> bool:
    # Neither NaN nor infinity, nor an integer beyond the largest float.
    return isinstance(value, int | float) and abs(value) <= sys.float_info.max


def _is_whole(value: Any) -> bool:
    return _is_number(value) and float(value).is_integer()


def _is_list(value: Any) -> bool:
    return hasattr(value, "__iter__") and not isinstance(value, str | os.PathLike)


def as_indices(value: Any) -> Indices:
    if isinstance(value, str) and value.lower() in WHOLE_LISTS:
        return value.lower()
    if not _is_list(value):
        raise ValueError('expected a list of indices, such as [0, 1], or "all"')
    items = [without_numpy(item) for item in value]
    if not all(map(_is_whole, items)):
        raise ValueError("expected a list of whole numbers, such as [0, 1]")
    return tuple(map(int, items))


def as_objective(value: Any) -> tuple[float, ...]:
    items = [without_numpy(item) for item in (value if _is_list(value) else [value])]
    if not all(map(_is_number, items)) or not 1 <= len(items) <= 3 or items[0] not in OBJECTIVE_KINDS:
        raise ValueError("expected [kind, a, b] with kind 0 to 6 and numbers a and b")
    kind, a, b = items + [0.0] * (3 - len(items))
    return int(kind), float(a), float(b)


def as_paths(value: Any) -> tuple[str, ...]:
    if not _is_list(value):
        raise ValueError("expected a list of paths without file extensions")
    items = list(value)
    if not all(isinstance(item, str | os.PathLike) and str(item).strip() for item in items):
        raise ValueError("expected a list of paths without file extensions, each as text in quotes")
    if not all(str(item).isprintable() for item in items):
        cause = "a path contains a line break, a tab or the like, since Python reads \\n and \\t as such"
        raise ValueError(f"{cause}: write / instead of \\")
    return tuple(re.sub(r"\.(mot|wav|sea|vbm)$", "", posix(item), flags=re.IGNORECASE) for item in items)


def as_column(value: Any) -> ColumnName:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError("expected the name of a column, or its place from 0")
    return value


def as_names(value: Any) -> tuple[str, ...]:
    if not _is_list(value) or not all(str(item).strip() and str(item).isprintable() for item in value):
        raise ValueError("expected a list of names, such as data_io.names(1, 8)")
    return tuple(posix(str(without_numpy(item))) for item in value)


def as_channels(value: Any) -> tuple[Described, ...]:
    if not _is_list(value) or not all(isinstance(item, Described) for item in value):
        raise ValueError('expected a list of data_io.Output("Roll", "deg", high=..., low=...) and data_io.Input(...)')
    faults = [f"{channel.name}: {fault}" for channel in value for fault in _faults_of_channel(channel)]
    if faults:
        raise InputError(faults)
    return tuple(value)


def _faults_of_channel(channel: Described) -> list[str]:
    texts = {name: getattr(channel, name) for name in ("name", "unit", "label", "mirrored")}
    lines = [f"{name} = {text!r}, expected text" for name, text in texts.items() if not isinstance(text, str)]
    if lines or not channel.name.strip() or FORBIDDEN.search(channel.name) or channel.name.lower() == "all":
        lines += [f"name = {channel.name!r}, expected a name other than All, {ALLOWED}"]
    for setting, allowed in CHOICES.items():
        if getattr(channel, setting) not in allowed:
            lines.append(f"{setting} = {getattr(channel, setting)!r}, expected one of {', '.join(allowed)}")
    if (file := getattr(channel, "file", "")) and posix(str(file)).count(NAME) != 1:
        lines.append(f"file = {file!r}, expected a path with {{}} where the name of the record stands")
    for source, written in channel.reads.items():
        try:
            Reference.of(as_column(written))
        except ValueError as error:
            lines.append(f"{'high' if source == 'lamp' else 'low'} = {written!r}, {error}")
    return lines


def as_reading(value: Any) -> Any:
    if not isinstance(value, TextFormat) and not callable(value):
        raise ValueError("expected a function that takes a path and returns a pandas.DataFrame, or data_io.TextFormat")
    return value


def reading(name: str, value: Any) -> Reading:
    return value if isinstance(value, TextFormat) else UserFunction("", name)


def pattern(value: str) -> str:
    if posix(value).count(NAME) != 1:
        raise ValueError('expected a path with {} where the name of the record stands, such as "fast/run_{}.csv"')
    return posix(value)


def source_name(value: str) -> str:
    if not value.strip() or not value.isprintable() or value.lower() in ("all", "linear filter"):
        raise ValueError("expected the name of a code or a measurement, other than Linear filter")
    return value.strip()


def odd(value: int) -> int:
    if value % 2 == 0:
        raise ValueError(f"expected an odd number, such as {value + 1}, so that one point lies amidships")
    return value


def network_name(value: str) -> str:
    name = posix(value).strip()
    if name.startswith("saved_models/"):
        name = name.removeprefix("saved_models/").rstrip("/")
    if not name or FORBIDDEN.search(name) or RESERVED.match(name) or name.endswith("."):
        raise ValueError(f"expected the name of a folder in saved_models, {ALLOWED}")
    if name.lower() in ("simplecode", "lamp"):
        raise ValueError("expected another name, as tables and figures use this one for the code")
    return name


def folder(value: str) -> str:
    return str(PurePosixPath(posix(value)))


def _is_color(value: Any) -> bool:
    from matplotlib.colors import is_color_like  # only here, as Matplotlib takes a moment to load

    return is_color_like(value)


def _checked(expected: str, fits: Callable[[Any], bool], convert: Callable, value: Any) -> Any:
    if not fits(value):
        raise ValueError(f"expected {expected}")
    return convert(value)


not_one = partial(_checked, "0, or 2 and more: one fold would leave no record to train on", lambda n: n != 1, int)
file_prefix = partial(
    _checked,
    f"text that can begin a file name, {ALLOWED}",
    lambda text: not (FORBIDDEN.search(text) or RESERVED.match(f"{text}_")),
    str,
)
color = partial(_checked, 'the name of a colour, such as "black", "tab:blue" or "#1f77b4"', _is_color, str)

SINGLE = {  # types of single values, in words, with what fits and how it is converted
    bool: ("True or False", lambda value: isinstance(value, bool) or value in (0, 1), bool),
    int: ("a whole number", lambda value: _is_whole(value) and not isinstance(value, bool), int),
    float: ("a number", lambda value: _is_number(value) and not isinstance(value, bool), float),
    str: ("text in quotes", lambda value: isinstance(value, str | os.PathLike), os.fspath),
}
TYPES: dict[Any, tuple[str, Callable[[Any], Any]]] = {  # in words, and the function that converts to the type
    **{kind: (single[0], partial(_checked, *single)) for kind, single in SINGLE.items()},
    Indices: ("a list", as_indices),
    tuple[str, ...]: ("a list", as_paths),
    tuple[float, ...]: ("a list", as_objective),
    ColumnName: ("the name of a column, or its place from 0", as_column),
    Reading: ("a function or a data_io.TextFormat", as_reading),
    Names: ("a list", as_names),
    tuple[Described, ...]: ("a list", as_channels),
}
