"""Units that a file's header names: what is not in metres, degrees or seconds is converted, or an error."""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from support.errors import InputError

METRES, DEGREES, SECONDS = "m", "deg", "s"
EXPECTED = {
    "Time": SECONDS,
    **dict.fromkeys(("Xcg", "Ycg", "Zcg", "Wave", "Amplitude"), METRES),
    **dict.fromkeys(("Roll", "Pitch", "Yaw", "Phase", "Heading"), DEGREES),
}
CERTAIN = {  # a header's unit: ours, and the factor to it
    **dict.fromkeys(("m", "meter", "meters", "metre", "metres"), (METRES, 1.0)),
    **dict.fromkeys(("ft", "foot", "feet"), (METRES, 0.3048)),
    **dict.fromkeys(("deg", "degs", "degree", "degrees"), (DEGREES, 1.0)),
    **dict.fromkeys(("rad", "rads", "radian", "radians"), (DEGREES, 180 / np.pi)),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), (SECONDS, 1.0)),
}
OTHERS = ("mm", "cm", "km", "in", "inch", "inches", "yd", "ms", "min", "h", "hr", "rad/s", "deg/s", "m/s", "ft/s")


def factors(header: str, columns: Mapping[str, int], path: Path) -> dict[str, tuple[str, float]]:
    """For each column in another unit than ours, that unit and the factor to ours.

    header: the lines before the first row. columns: by name, the position of each. Raises InputError if a column has a
    unit that cannot be converted, or one of something else.
    """
    units = _units(header, max(columns.values()))
    found, faults = {}, []
    for name, position in columns.items():
        unit, ours = units.get(position), EXPECTED.get(name)
        if unit is None or ours is None:
            continue
        kind, factor = CERTAIN.get(unit, ("", np.nan))
        if kind != ours:
            shown = repr(unit)[1:-1]  # escapes control characters
            faults.append(f"{path}: the header's unit of {name} is {shown}, expected {ours}; write the file in {ours}")
        elif factor != 1:
            found[name] = (unit, factor)
    if faults:
        raise InputError(faults)
    return found


def _units(header: str, last: int) -> dict[int, str]:
    """By position, the unit of each column up to the last one that is read, where the header has it.

    A line has one unit for each column, beginning with that of time, or the names have units in brackets.
    """
    for line in header.lower().splitlines():
        words = [word.strip("[](),;:") for word in line.split()]
        known = [word in CERTAIN or word in OTHERS for word in words]
        for first, word in enumerate(words):
            if CERTAIN.get(word, ("",))[0] == SECONDS and len(words) - first > last and all(known[first : first + 3]):
                return {place: words[first + place] for place in range(len(words) - first) if known[first + place]}
        named = re.findall(r"[^\s(\[]+\s*[(\[]([^)\]]*)[)\]]", line)
        if len(named) > last and line.lstrip().startswith(("time", "frequency")):
            return {place: unit.strip() for place, unit in enumerate(named)}
    return {}
