"""The table of channels: everything that the program knows about heave, roll, a bending moment or the waves.

A further channel is a row here, and a setting that switches it on.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import inf
from typing import Any

from settings.description import Described, Output, in_use

HEAVE, ROLL, PITCH, WAVE = "Zcg", "Roll", "Pitch", "Wave"
MOTIONS = (HEAVE, ROLL, PITCH)  # read from every .mot file, whatever is switched on, and predicted of LAMP's
FILE_UNIT = "file unit"  # stands for that of the files wherever this is not known
TRACK, COURSE = ("Xcg", "Ycg"), ("Xcg", "Ycg", "Yaw")


@dataclass(frozen=True)
class Column:
    """Where a code has a channel: the ending of the file, the usual place there (from 0), and its name in headers."""

    file: str
    place: int
    name: str = ""


@dataclass(frozen=True)
class Channel:
    """What the program knows about a channel; to train and to predict, the first seven and a switch are enough.

    name: in files, tables and messages. word: in sentences. label: in figures. unit: of its values; "file unit" if it
    is that of the files. kind: "length", "angle", "moment" or another quantity, which are compared among themselves.
    low, high: where SimpleCode and LAMP have it, None where they do not. names: pattern of what headers call it, beside
    the columns' names, in lower case, words one blank apart. input, output: the settings that make it one, if any.
    mirrored: by a ship mirrored at its centre plane it is the same ("+"), has the other sign ("-"), or changes places
    with the channel of this name. mean: "removed" if it is no response to the waves, so that largest values are about
    the record's own mean, else "kept". resonant: whether its phase varies near resonance and tells nothing of a lag.
    ratio, correlation, spike, offset: plausible limits of LAMP's standard deviation over SimpleCode's, of their
    correlation (least), of `pair_measures.roughness` and of the difference of their means (largest).
    """

    name: str
    word: str
    label: str
    unit: str = FILE_UNIT
    kind: str = ""
    low: Column | None = None
    high: Column | None = None
    names: str = ""
    input: str = ""
    output: str = ""
    mirrored: str = "+"
    mean: str = "kept"
    extremes: str = "both"
    resonant: bool = False
    ratio: tuple[float, float] = (0.0, inf)
    correlation: float = -0.6  # in beam seas pitch is small and its phase differs between the codes
    spike: float = 15.0
    offset: float = inf

    @property
    def heading(self) -> str:
        """The word in tables and at the beginning of a sentence."""
        return self.word[:1].upper() + self.word[1:]


def _length(place: int, name: str, word: str, names: str, **more: Any) -> Channel:
    column = Column(".mot", place, name)
    return Channel(name, word, f"{word.capitalize()} {name}", "m", "length", column, column, names, **more)


def _angle(place: int, name: str, lamp: str, names: str, **more: Any) -> Channel:
    low, high = Column(".mot", place, name), Column(".mot", place, lamp)
    return Channel(name, name.lower(), name, "deg", "angle", low, high, names, **more)


PLAUSIBLE = (0.05, 20.0)  # standard deviations of two sources of one quantity: other quotients are of units
# Patterns of the names of moments, see readers/column_names.py.
MOMENT = r"(?:(?:bending|bend|b) )?(?:moments?|mom)"
UPRIGHT = (
    r"(?:(?:total|vertical|vert|ver|v|midship|amidships|wave|induced|longitudinal|sagging|sag|hogging|hog|pitch) )*"
)
SWITCH_3DOF = {"input": "input_3dof", "output": "output_3dof"}
# The order is that of the channels everywhere. Plausible limits: over 1296 pairs of 186 sea states, all headings, 0 to
# 25 knots, of the sample's five ships, ratios were 0.96 to 2.7 (heave), 0.58 to 3.8 (roll), 1.03 to 8.4 (pitch, the
# largest in beam seas) and 0.40 to 1.3 (VBM), spikes up to 8; loads are rough because of slamming.
ROWS = (
    Channel(
        *("VBM", "bending moment", "Vertical bending moment", FILE_UNIT, "moment", *[Column(".vbm", 2)] * 2),
        rf"{UPRIGHT}(?:{MOMENT}(?: y)?|v ?b ?m|b ?m)|(?:vert|vertical) bending|"
        r"m ?[yv5]|(?:v|bend)\w*mom\w*|\w+gmom\w*",
        *("input_vbm", "output_vbm"),
        **{"mean": "removed", "ratio": (0.1, 10.0), "spike": 40.0},
    ),
    _length(1, "Xcg", "surge", r"x ?co?g|surge|x"),
    _length(2, "Ycg", "sway", r"y ?co?g|sway|y", mirrored="-"),
    _length(3, HEAVE, "heave", r"z ?co?g|heave|z", **SWITCH_3DOF, mean="removed", ratio=(0.55, 2.9), offset=1.5),
    _angle(
        *(4, ROLL, "Rot_X", r"roll(?: angle)?|rot ?x|r ?x|phi"),
        **SWITCH_3DOF | {"mirrored": "-", "ratio": (0.15, 20.0), "correlation": -0.25, "resonant": True},
    ),
    _angle(5, PITCH, "Rot_Y", r"pitch(?: angle)?|rot ?y|r ?y|theta", **SWITCH_3DOF, ratio=(0.15, 20.0)),
    _angle(6, "Yaw", "Rot_Z", r"yaw(?: angle)?|rot ?z|r ?z|psi", mirrored="-"),
    # SimpleCode can write it into its .mot. The points of a wave grid are called Wave_x1_y1 and so on.
    Channel(
        *(WAVE, "wave elevation", "Wave elevation", "m", "length", Column(".mot", 7), Column(".wav", 1)),
        r"(?:(?:incident|undisturbed|free|sea|surface|wave|water) )*"
        r"(?:elevation|elev|ele|profile|height|surface|waves?|amplitude|eta ?0?|zeta)|wav",
        "input_waves",
    ),
)
CHANNELS = {row.name: row for row in ROWS}
GRID_POINT = re.compile(rf"({WAVE}_x\d+_y)(\d+)")


KINDS_BY_UNIT = {"length": ("mm", "cm", "m", "km", "in", "ft"), "angle": ("deg", "rad", "mrad")}


def channel_of(name: str) -> Channel:
    """The row of a channel of the run, of the points of a wave grid that of the waves; without one, its name alone."""
    pair = in_use()
    if name in pair.names:
        return _described(pair.channels[pair.names.index(name)])
    row = CHANNELS.get(WAVE if GRID_POINT.fullmatch(name) else name) if pair.is_ship else None
    return row or Channel(name, name, name)


@cache
def _described(channel: Described) -> Channel:
    """The row of a channel that the user describes: what is plausible is found out by the records of a run."""
    label = channel.label or channel.name
    word = label if label[1:2].isupper() or len(label) < 3 else label[0].lower() + label[1:]
    kind = next((kind for kind, units in KINDS_BY_UNIT.items() if channel.unit in units), channel.unit)
    counts = {name: getattr(channel, name) for name in ("mirrored", "mean", "extremes")}
    return Channel(channel.name, word, label, channel.unit, kind, ratio=PLAUSIBLE, spike=inf, **counts)


def output_channels(user: Any) -> tuple[str, ...]:
    """Names of the output channels. user: the settings of UserInputArgs."""
    rows = CHANNELS.items() if user.description.is_ship else ()
    described = (channel.name for channel in user.description.channels if isinstance(channel, Output))
    return (*(name for name, row in rows if row.output and getattr(user, row.output)), *described)


def known_outputs() -> list[str]:
    """The channels that a network of the run's sources can predict."""
    rows = CHANNELS.items() if in_use().is_ship else ()
    described = [channel.name for channel in in_use().channels if isinstance(channel, Output)]
    return [*(name for name, row in rows if row.output), *described]


def input_channels(user: Any) -> tuple[str, ...]:
    """Names of the input channels; the points of a wave grid are numbered from stern to bow, starboard to port.

    Those that the user describes come last, the counterparts of the outputs before the others.
    """
    channels = sorted(user.description.channels, key=lambda channel: not isinstance(channel, Output))
    described = tuple(channel.name for channel in channels if channel.is_input)
    return (*_of_ship(user), *described) if user.description.is_ship else described


def _of_ship(user: Any) -> tuple[str, ...]:
    nx, ny = user.wave_grid_x_size, user.wave_grid_y_size
    points = [f"{WAVE}_x{i + 1}_y{j + 1}" for i in range(nx) for j in range(ny)] if nx * ny > 1 else [WAVE]
    names = [name for name, row in CHANNELS.items() if row.input and getattr(user, row.input)]
    return tuple(part for name in names for part in (points if name == WAVE else [name]))


def has_wave_grid(user: Any) -> bool:
    """Whether the waves at several points around the ship are inputs, which are computed from the .sea files."""
    return user.description.is_ship and user.input_waves and user.wave_grid_x_size * user.wave_grid_y_size > 1


def is_wave(name: str) -> bool:
    """Whether a channel is the wave elevation, at the centre of gravity or a point of a grid."""
    return name == WAVE or GRID_POINT.fullmatch(name) is not None


def wave_at_centre(inputs: Sequence[str]) -> int | None:
    """The place of the wave elevation among the input channels, of a grid that amidships; None without waves."""
    waves = [place for place, name in enumerate(inputs) if is_wave(name)]
    return waves[len(waves) // 2] if waves else None


def mirrored_channels(names: Sequence[str]) -> tuple[list[int], list[float]]:
    """Of a ship mirrored at its centre plane: which channel takes each place, and its sign.

    The port and starboard points of a wave grid change places.
    """
    points = [GRID_POINT.fullmatch(name) for name in names]
    across = 1 + max((int(point[2]) for point in points if point), default=0)
    places, signs = [], []
    for name, point in zip(names, points, strict=True):
        mirrored = channel_of(name).mirrored
        partner = (
            f"{point[1]}{across - int(point[2])}" if point else mirrored.removeprefix("-").removeprefix("+") or name
        )
        places.append(names.index(partner))
        signs.append(-1.0 if mirrored.startswith("-") else 1.0)
    return places, signs


def validation_error(name: str) -> str:
    """The column of history.csv with a channel's root mean squared validation error, such as val_rmse_Zcg_m."""
    return f"val_rmse_{name}_{channel_of(name).unit.replace(' ', '_')}"
