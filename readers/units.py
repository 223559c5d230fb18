"""Units that a file's header names: what is not in metres, degrees or seconds is converted, or an error."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np

from settings.channels import FILE_UNIT, channel_of
from system.errors import InputError

METRES, DEGREES, SECONDS, RADIANS_PER_SECOND, MOMENT = "m", "deg", "s", "rad/s", "kN-m"
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
    **dict.fromkeys(("rads-1", "rad*s-1", "rad.s-1", "rads^-1", "rad*s^-1", "rad.s^-1"), (RADIANS_PER_SECOND, 1.0)),
    **dict.fromkeys(("hz", "hertz", "cps", "cycles/s", "cycles/sec"), (RADIANS_PER_SECOND, 2 * np.pi)),
}
OTHERS = (
    *("mm", "cm", "dm", "km", "in", "inch", "inches", "yd", "yard", "yards", "kft", "fathom", "fathoms"),
    *(f"{prefix}met{ending}" for prefix in ("milli", "centi", "kilo") for ending in ("er", "ers", "re", "res")),
    *("mrad", "mrads", "milliradian", "milliradians", "gon", "grad", "arcmin", "arcsec", "percent"),
    *("turn", "turns", "rev", "revs", "revolutions", "cycle", "cycles", "nmi", "us-ft", "fps", "mhz", "rad/min"),
    *("l", "lpp"),  # of the ship
    *("deg/s", "deg/sec", "m/s", "m/sec", "ft/s", "ft/sec", "m/s2", "m/s^2", "deg/s2", "deg/s^2", "m2", "m^2", "rpm"),
    *("m2s", "m^2s", "m2*s", "m^2*s", "m2-s", "m^2-s", "m2/hz", "m^2/hz"),
)
PER_TIME = {  # in s; see `quantity`
    **dict.fromkeys(("us", "usec"), 1e-6),
    **dict.fromkeys(("ms", "msec", "msecs", "millisec", "millisecond", "milliseconds", "milli-sec"), 1e-3),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600.0),
    **dict.fromkeys(("d", "day", "days"), 86400.0),
}
TIMES = (*(PER_TIME.keys() - CERTAIN.keys() - {"d"}), "steps")
FURTHER = {  # of other channels than the built-in ones, what they measure and the factor to it; see `quantity`
    **{unit: (METRES, factor) for unit, factor in (("mm", 1e-3), ("cm", 1e-2), ("dm", 0.1), ("km", 1e3))},
    **{unit: (METRES, factor) for unit, factor in (("in", 0.0254), ("inch", 0.0254), ("yd", 0.9144), ("nmi", 1852.0))},
    **dict.fromkeys(("mrad", "mrads"), (DEGREES, 0.18 / np.pi)),
    **{unit: ("Pa", factor) for unit, factor in (("pa", 1.0), ("kpa", 1e3), ("mpa", 1e6), ("bar", 1e5))},
    "rpm": (RADIANS_PER_SECOND, np.pi / 30),
}
FORCES = {  # in kN
    **{"n": 1e-3, "kn": 1.0, "mn": 1e3, "gn": 1e6},
    **dict.fromkeys(("t", "tf", "ton", "tons", "tonf", "tonne", "tonnes", "mt"), 9.80665),
    **dict.fromkeys(("kg", "kgf"), 9.80665e-3),
    **dict.fromkeys(("lb", "lbs", "lbf"), 4.4482216152605e-3),
    **dict.fromkeys(("kip", "kips"), 4.4482216152605),
    **dict.fromkeys(("lt", "lton", "ltons"), 9.96401641818352),
}
IN_LINES_ALONE = ("t", "mt", "lt", "kg", "ton", "tons")  # forces that are units among others, not behind a name
# Moments in kN-m; their words are compared without the sign between force and length.
LENGTHS = {"m": 1.0, "cm": 1e-2, "mm": 1e-3, "ft": 0.3048, "in": 0.0254}
MOMENTS = {force + arm: FORCES[force] * LENGTHS[arm] for force in FORCES for arm in LENGTHS} | {
    "ft" + force: FORCES[force] * LENGTHS["ft"] for force in ("lb", "lbf", "lbs", "kip", "kips", "lton")
}
BETWEEN = "[\\s*.\xb7\xc2\xe2\u22c5\x8b\x85_-]+"  # also dots in UTF-8 read as Latin-1, in lower case
MOST_UNITS = 100  # words of a line that are looked at
NONE = ("-", "--", "none", "n/a", "nd")  # of columns without a unit
BEHIND_NAMES = re.compile(r"(?:[,/]\s*|_)([A-Za-z][A-Za-z]*(?:[-*./_]?[A-Za-z]+)?)\s*$")


def moment_unit_text(unit: str | None) -> str:
    """A moment's unit in lower case with the newton's capital letter and prefix, as kN-m; without one FILE_UNIT."""
    newtons = re.compile(r"^(?:k|m|g)?n(?=[^a-z]|[cm]?m$)")
    return newtons.sub(lambda found: found[0].upper().replace("K", "k"), unit) if unit else FILE_UNIT


def factors(units: Mapping[str, str], path: Path) -> dict[str, tuple[str, float]]:
    """For each column in another unit than ours, that unit and the factor to ours; units: see `units_of`.

    The bending moment keeps the file's unit. Raises InputError if a column has a unit that cannot be converted, or one
    of something else.
    """
    converted, faults = {}, []
    unknown = unknown_units(units)
    for name, unit in units.items():
        ours = _ours(name)
        kind, factor = (ours, 1.0) if unit == ours.lower() else _kind_and_factor(unit)
        if kind != ours and name not in unknown and (ours != MOMENT or is_unit(unit)):
            shown = repr(unit)[1:-1]  # escapes control characters
            faults.append(f"{path}: the header's unit of {name} is {shown}, expected {ours}; write the file in {ours}")
        elif kind == ours != MOMENT and factor != 1:  # that of the moment is the file's
            converted[name] = (unit, factor)
    if faults:
        raise InputError(faults)
    return converted


def units_of(header: str, columns: Mapping[str, int], labels: Sequence[str] = (), width: int = 0) -> dict[str, str]:
    """The unit of each column, where the header has it: behind its name, or in a line of units.

    header: the lines before the first row. columns: by name, the position of each. labels: the names of the columns in
    the header, which may have their units. width: number of columns in a row, 0 if not known.
    """
    begin = RADIANS_PER_SECOND if "Frequency" in columns else SECONDS
    width = width or max(columns.values()) + 1
    lines = header.lower().split("\n")
    units = dict(next(filter(None, (_in_a_line(line, begin, width) for line in lines)), {}))
    units |= {place: unit for place, label in enumerate(labels) if (unit := behind_name(label)) is not None}
    by_name = {name: units[place] for name, place in columns.items() if place in units}
    moments = {word for line in lines for word in _moments_in_text(line)} if "VBM" in columns else ()
    return {"VBM": moments.pop(), **by_name} if len(moments) == 1 else by_name


def _ours(name: str) -> str:
    """The unit in which a column is kept; MOMENT for a moment, which keeps the file's."""
    channel = channel_of(name)
    return EXPECTED.get(name, MOMENT if channel.kind == "moment" else channel.unit)


def of_no_column(header: str, units: Mapping[str, str]) -> list[str]:
    """Units of another size than ours that a text in the header names, as "lengths in ft", but that no column has."""
    named = re.findall(r"\b(?:in|units?)[\s:=]+([a-z][a-z/]*)", header.lower())
    others = [unit for unit in named if (is_unit(unit) and _kind_and_factor(unit)[1] != 1) and unit not in FORCES]
    return [unit for unit in dict.fromkeys(others) if unit not in units.values()]


def unknown_units(units: Mapping[str, str]) -> dict[str, str]:
    """The units by column, but for the moment's, that are words of which nothing is known."""
    return {
        name: unit for name, unit in units.items() if unit.isalpha() and not is_unit(unit) and _ours(name) != MOMENT
    }


def moment_factor(unit: str, wanted: str) -> float | None:
    """The factor from one unit of a moment to another, however they are written; None if it is not known."""
    (kind, factor), (other, to) = _kind_and_factor(unit), _kind_and_factor(wanted)
    return factor / to if kind == other == MOMENT else 1.0 if unit == wanted else None


def _kind_and_factor(unit: str) -> tuple[str, float]:
    """Our unit for what a unit measures, and the factor to it; an empty text and NaN if it is not convertible."""
    parts = re.split(BETWEEN, re.sub("met(?:er|re)s?", "m", unit))
    for moment in ("".join(parts), "".join(reversed(parts))):  # kN-m, m-kN
        if unit not in CERTAIN and moment in MOMENTS:
            return MOMENT, MOMENTS[moment]
    return CERTAIN.get(unit, ("", np.nan))


@lru_cache(maxsize=4096)
def quantity(unit: str) -> tuple[str, float] | None:
    """What any unit measures, in our unit of it, and the factor to that; None if it is not known.

    Also of forces, times, and what is per second or second squared, such as m/s^2.
    """
    unit = unit.strip(" ()[]").lower()
    kind, factor = _kind_and_factor(unit)
    if kind or unit in FURTHER:
        return (kind, factor) if kind else FURTHER[unit]
    if unit in FORCES or unit in PER_TIME:
        return ("kN", FORCES[unit]) if unit in FORCES else (SECONDS, PER_TIME[unit])
    parts = re.fullmatch(r"([a-z\xb0-]+)/([a-z]+)(?:\^|\*\*)?([2\xb2]?)", unit)
    whole, per = (quantity(parts[1]), PER_TIME.get(parts[2])) if parts else (None, None)
    if not whole or not per:
        return None
    if whole[0] == DEGREES and not parts[3]:
        return RADIANS_PER_SECOND, whole[1] * np.pi / 180 / per
    return f"{whole[0]}/s{parts[3] and 2}", whole[1] / per ** (2 if parts[3] else 1)


@lru_cache(maxsize=4096)
def is_unit(word: str) -> bool:
    """Whether a word in lower case is a unit that is known."""
    forces = FORCES.keys() - IN_LINES_ALONE
    return word in (*OTHERS, *TIMES) or word in forces or _kind_and_factor(word)[0] != ""


def _may_be_unit(word: str) -> bool:
    """Whether a word among units is one that is not known, and not a sign for none or a mark that was not readable."""
    return word not in (*NONE, *IN_LINES_ALONE) and re.match("[a-z]", word) is not None


def _moments_in_text(line: str) -> list[str]:
    """Units of moments anywhere in a line, without those behind a number, as in 10^6 N-m."""
    words = re.split(r"[\s,;:()\[\]]+", line)
    alone = [word for before, word in pairwise(["", *words]) if not before[-1:].isdigit()]
    return [word for word in alone if len(word) > 2 and _kind_and_factor(word)[0] == MOMENT]


@lru_cache(maxsize=4096)
def behind_name(label: str) -> str | None:
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
    line = re.sub(r"[\[(][^\])]*[\])]", lambda unit: "".join(unit[0].split()), line)  # (MN m)
    parts = re.split(r"[\s,;|]+", line.strip(" \t,;|#%!"))
    words = [part.strip("[]()").rstrip(".:") for part in parts]
    are_units = [is_unit(word) or word in (*NONE, *IN_LINES_ALONE) for word in words[: max(MOST_UNITS, width)]]
    has_numbers = any(word[:1].isdigit() and not is_unit(word) for word in words)
    if len(words) == width and are_units[0] and sum(are_units) >= max(2, width / 2) and not has_numbers:
        return {place: word for place, word in enumerate(words) if is_unit(word) or (place and _may_be_unit(word))}
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
