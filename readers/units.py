"""Units that a file's header names: what is not in metres, degrees or seconds is converted, or an error."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from settings.channels import channel_of
from system.errors import InputError

METRES, DEGREES, SECONDS, RADIANS_PER_SECOND, MOMENT, FORCE = "m", "deg", "s", "rad/s", "kN-m", "kN"
EXPECTED = {  # of what is no channel
    **{"Time": SECONDS, "Frequency": RADIANS_PER_SECOND},
    **{"Amplitude": METRES, "Phase": DEGREES, "Heading": DEGREES},
}
CERTAIN = {  # a header's unit: ours, and the factor to it
    **dict.fromkeys(("m", "meter", "meters", "metre", "metres"), (METRES, 1.0)),
    **dict.fromkeys(("ft", "foot", "feet"), (METRES, 0.3048)),
    **dict.fromkeys(("deg", "degs", "degree", "degrees", "\xb0", "\xe2\xb0"), (DEGREES, 1.0)),
    **dict.fromkeys(("rad", "rads", "radian", "radians"), (DEGREES, 180 / np.pi)),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), (SECONDS, 1.0)),
    **dict.fromkeys(("rad/s", "rad/sec", "rads/s", "rads/sec", "r/s", "1/s", "s-1"), (RADIANS_PER_SECOND, 1.0)),
    **dict.fromkeys(("hz", "hertz"), (RADIANS_PER_SECOND, 2 * np.pi)),
}
OTHERS = (
    *("mm", "cm", "dm", "km", "in", "inch", "inches", "yd", "yard", "yards", "kft", "fathom", "fathoms"),
    *(f"{prefix}met{ending}" for prefix in ("milli", "centi", "kilo") for ending in ("er", "ers", "re", "res")),
    *("mrad", "mrads", "milliradian", "milliradians", "gon", "grad", "arcmin", "arcsec", "turns", "revs", "percent"),
    *("deg/s", "deg/sec", "m/s", "m/sec", "ft/s", "ft/sec", "m/s2", "m/s^2", "deg/s2", "deg/s^2", "m2", "m^2", "rpm"),
)
TIMES = (
    *("us", "usec", "ms", "msec", "millisecond", "milliseconds", "min", "mins", "minute", "minutes"),
    *("h", "hr", "hrs", "hour", "hours", "day", "days", "steps"),
)
FORCES = ("n", "kn", "mn", "tf", "kgf", "lbf", "lb", "lbs", "kip", "kips")
# Moments in kN-m; their words are compared without the sign between force and length.
MOMENTS = {
    **dict.fromkeys(("nm",), 1e-3),
    **dict.fromkeys(("knm",), 1.0),
    **dict.fromkeys(("mnm",), 1e3),
    **dict.fromkeys(("tm", "tfm", "tonm", "tonnem"), 9.80665),
    **dict.fromkeys(("kgm", "kgfm"), 9.80665e-3),
    **dict.fromkeys(("lbft", "ftlb", "lbfft", "ftlbf", "ftlbs", "lbsft"), 1.3558179483e-3),
    **dict.fromkeys(("kipft", "ftkip", "kipsft", "ftkips"), 1.3558179483),
    **dict.fromkeys(("ltft", "ltonft", "ftlton"), 3.0370322),
}
MOST_UNITS = 100  # words of a line that are looked at
NONE = ("-", "--", "none", "n/a", "nd")  # of columns without a unit
BEHIND_NAMES = re.compile(r"(?:[,/]\s*|_)([A-Za-z][A-Za-z]*(?:[-*./_]?[A-Za-z]+)?)\s*$")


def factors(
    header: str, columns: Mapping[str, int], path: Path, labels: Sequence[str] = (), width: int = 0
) -> dict[str, tuple[str, float]]:
    """For each column in another unit than ours, that unit and the factor to ours.

    header: the lines before the first row. columns: by name, the position of each. labels: the names of the columns in
    the header, which may have their units. width: number of columns in a row, 0 if not known. The bending moment keeps
    the file's unit. Raises InputError if a column has a unit that cannot be converted, or one of
    something else.
    """
    units = units_of(header, columns, labels, width)
    converted, faults = {}, []
    for name, unit in units.items():
        channel = channel_of(name)
        ours = EXPECTED.get(name, MOMENT if channel.kind == "moment" else channel.unit)
        kind, factor = (ours, 1.0) if unit == ours.lower() else _kind_and_factor(unit)
        if kind != ours and (ours != MOMENT or is_unit(unit)):
            shown = repr(unit)[1:-1]  # escapes control characters
            faults.append(f"{path}: the header's unit of {name} is {shown}, expected {ours}; write the file in {ours}")
        elif factor != 1 and ours != MOMENT:  # its unit is the file's
            converted[name] = (unit, factor)
    if faults:
        raise InputError(faults)
    return converted


def units_of(header: str, columns: Mapping[str, int], labels: Sequence[str] = (), width: int = 0) -> dict[str, str]:
    """The unit of each column, where the header has it: behind its name, or in a line of units."""
    begin = RADIANS_PER_SECOND if "Frequency" in columns else SECONDS
    width = width or max(columns.values()) + 1
    lines = (_in_a_line(line, begin, width) for line in header.lower().splitlines())
    units = dict(next(filter(None, lines), {}))
    units |= {place: unit for place, label in enumerate(labels) if (unit := _behind_name(label)) is not None}
    return {name: units[place] for name, place in columns.items() if place in units}


def moment_factor(unit: str, wanted: str) -> float | None:
    """The factor from one unit of a moment to another, however they are written; None if it is not known."""
    (kind, factor), (other, to) = _kind_and_factor(unit), _kind_and_factor(wanted)
    return factor / to if kind == other == MOMENT else 1.0 if unit == wanted else None


def _kind_and_factor(unit: str) -> tuple[str, float]:
    """Our unit for what a unit measures, and the factor to it; an empty text and NaN if it is not convertible."""
    moment = re.sub(r"[\s*.\xb7\xc2_-]", "", unit).replace("meters", "m").replace("meter", "m")
    if unit not in CERTAIN and moment in MOMENTS:
        return MOMENT, MOMENTS[moment]
    return CERTAIN.get(unit, ("", np.nan))


@lru_cache(maxsize=4096)
def is_unit(word: str) -> bool:
    """Whether a word in lower case is a unit that is known."""
    return word in (*OTHERS, *TIMES, *FORCES) or _kind_and_factor(word)[0] != ""


@lru_cache(maxsize=4096)
def _behind_name(label: str) -> str | None:
    """The unit in brackets behind a column's name, or behind a comma, slash or underscore; None if there is none.

    What stands in brackets is a unit unless it is words alone, such as (at CG).
    """
    named = re.search(r"[(\[]([^)\]]*)[)\]]", label.lower())
    behind = BEHIND_NAMES.search(label)
    unit = named[1].strip() if named else behind[1].lower() if behind else ""
    first = re.split(r"[\s,;]", unit)[0].rstrip(".")  # (m, up)
    unit = unit if is_unit(unit) else first if is_unit(first) else unit
    is_words = not named or re.fullmatch(r"[\w\s.,;:=+-]*", unit)
    return unit if is_unit(unit) or not is_words else None


@lru_cache(maxsize=4096)
def _in_a_line(line: str, begin: str, width: int) -> dict[int, str]:
    """By position, the units in a line that has one for each column; empty if it is none.

    Such a line begins with the unit of the first column, behind a text or not, and columns at the end may have none; or
    it has nothing but units, one for each column or for each but time.

    begin: our unit of the first column of the format. width: number of columns.
    """
    parts = re.split(r"[\s,;|]+", line.strip(" \t,;|#%!"))
    words = [part.strip("[]()").rstrip(".:") for part in parts]
    are_units = [is_unit(word) or word in NONE for word in words]
    for first in np.flatnonzero(are_units[:MOST_UNITS]).tolist():
        word, count = words[first], len(words) - first
        begins = _kind_and_factor(word)[0] == begin or (word in TIMES and begin == SECONDS)
        alone = first == 0 or parts[first - 1].endswith(":")
        counts = all(are_units[first:]) and count > 1
        if begins and all(are_units[first : first + 3]) and (count >= max(width, 2) or counts):
            columns = first
        elif alone and counts and count in (width, width - (begin == SECONDS)):
            columns = first - (width - count)
        else:
            continue
        return {place - columns: unit for place, unit in enumerate(words) if place >= first and is_unit(unit)}
    return {}
