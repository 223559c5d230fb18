"""Handles in the names of files and records: the sea state, the speed and the number of a realization."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from settings.description import in_use
from system.files import posix

# A part of a handle: with a sign, any decimal mark and an exponent, as codes and scripts write numbers.
NUMBER = r"([-+]?(?:\d+(?:[.,]\d*|p\d+)?|[.,]\d+)(?:[ed][-+]?\d+)?)"
# After the realization a suffix may follow, but no further letter or digit.
HANDLE = re.compile(r"_?hN_+pN_+aN_+hhN_+ppN_+aaN_+sN-(\d+)(?![^\W_])".replace("N", NUMBER), re.IGNORECASE | re.ASCII)
ALMOST_HANDLE = re.compile(r"h[-+]?[\d.,].*_(p|a|hh|pp|aa|s)[-+]?[\d.,]", re.IGNORECASE | re.ASCII)
DECIMALS = 3  # of a part; what differs beyond has been rounded
EXAMPLE = "_h7.5_p15_a135_hh0_pp0_aa0_s10-0000001"


@dataclass(frozen=True, order=True)
class SeaState:
    """Heights in m, modal periods in s and headings in deg (0 to 360) of two wave systems, and the speed in knots.

    Numbers are kept to DECIMALS; a wave system without height has period and heading 0. So two spellings are equal.
    """

    height: float
    period: float
    heading: float
    second_height: float
    second_period: float
    second_heading: float
    speed: float

    def __post_init__(self):
        parts = {part: round(getattr(self, part), DECIMALS) + 0.0 for part in PART_UNITS}
        for system in ("", "second_"):
            angle = round(parts[f"{system}heading"] % 360, DECIMALS)
            is_there = parts[f"{system}height"] != 0
            parts |= {f"{system}period": is_there * parts[f"{system}period"], f"{system}heading": is_there * angle}
        for part, value in parts.items():
            object.__setattr__(self, part, value)

    @property
    def name(self) -> str:
        """The beginning of a handle, up to the realization; different for each sea state."""
        letters = zip(("h", "p", "a", "hh", "pp", "aa", "s"), PART_UNITS, strict=True)
        return "_".join(f"{letter}{number_text(getattr(self, part))}" for letter, part in letters)


@dataclass(frozen=True, order=True)
class Handle(SeaState):
    """The parts of a realization's handle: its sea state, and the number of the realization."""

    realization: int

    @property
    def sea_state(self) -> SeaState:
        return SeaState(*(getattr(self, part) for part in PART_UNITS))


# Of all parts but the realization.
PART_UNITS = dict(zip(SeaState.__annotations__, ("m", "s", "deg", "m", "s", "deg", "knots"), strict=True))


def number_text(value: float) -> str:
    """A part of a handle as text, with as many decimals as it has."""
    return f"{value:.{DECIMALS}f}".rstrip("0").rstrip(".")


def short_name(sea_state: str) -> str:
    """The name of a sea state without a second wave system that is not there."""
    return sea_state.replace("_hh0_pp0_aa0", "")


def handle_in(name: str) -> str:
    """The handle in a name or path as it is spelled there, without a suffix; empty without one."""
    return _match(name).group() if find_handle(name) else ""


def sea_state(name: str) -> SeaState | None:
    """The sea state that the handle in a name, or in a path's last part, tells; None without one."""
    handle = find_handle(name)
    return handle.sea_state if handle else None


def part_label(part: str) -> str:
    """A part of a handle with its unit, for an axis."""
    return f"{part.replace('_', ' ').capitalize()} [{PART_UNITS[part]}]"


def find_handle(text: str) -> Handle | None:
    """The parts of the handle in a name, whatever stands before and behind it; None without one that can be read.

    Of a path, the last part counts; of several handles in it, the last one.
    """
    match = _match(text)
    if match is None:
        return None
    *parts, realization = match.groups()
    values = [float(re.sub("[,p]", ".", part.lower()).replace("d", "e")) for part in parts]
    handle = Handle(*values, int(realization)) if all(map(math.isfinite, values)) else None
    sizes = ("height", "period", "second_height", "second_period")
    return handle if handle and all(getattr(handle, part) >= 0 for part in sizes) else None


def _match(text: str) -> re.Match | None:
    *_, match = (None, *HANDLE.finditer(posix(text).rpartition("/")[2]))
    return match


def unread_handles(names: Sequence[str]) -> str:
    """A line about the records whose names have no handle that can be read; empty without such names."""
    unread = [name for name in names if not find_handle(name)]
    if not unread or (len(unread) == len(names) and not in_use().is_ship):  # of others, few have handles
        return ""
    first = next(filter(ALMOST_HANDLE.search, unread), unread[0])
    return (
        f"{len(unread)} of {len(names)} records have no handle in their names that can be read (first: {first}); "
        "they are not grouped by sea state, not compared with the sea states of the training, and on no "
        f"sea-state map; a handle is like {EXAMPLE}"
    )
