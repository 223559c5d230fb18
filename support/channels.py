"""The table of channels: everything that the program knows about heave, roll, a bending moment or the waves.

A further channel is a row here, and a setting that switches it on. The order of the rows is that of the channels
everywhere: in arrays, networks, files and reports.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

HEAVE, ROLL, PITCH, WAVE = "Zcg", "Roll", "Pitch", "Wave"
MOTIONS = (HEAVE, ROLL, PITCH)  # read from every .mot file, whatever is switched on, and predicted of LAMP's
TRACK, COURSE = ("Xcg", "Ycg"), ("Xcg", "Ycg", "Yaw")


@dataclass(frozen=True)
class Column:
    """Where a code has a channel: the ending of the file, the usual place there (from 0), and its name in headers."""

    file: str
    place: int
    name: str = ""


@dataclass(frozen=True)
class Channel:
    """What the program knows about a channel. None of it but the name is needed to train and to predict.

    name: in files, tables and messages. word: in sentences. label: in figures.
    unit: of its values; "file unit" where it is that of the files.
    kind: "length", "angle", "moment" or another quantity; channels of one kind are of the same order of magnitude.
    low, high: where SimpleCode and LAMP have it, None where they do not.
    names: pattern of what headers call it, beside the names of the columns, in lower case, words one blank apart.
    input, output: the settings of UserInputArgs that make it one, if any.
    mirrored: of a ship mirrored at its centre plane "+" (the same), "-" (the other sign), or the name of the channel
        with which it changes places.
    mean: "removed" if it is no response to the waves, such as the height of Zcg's origin or the still-water bending
        moment: largest values are then about the record's own mean; else "kept".
    ratio, correlation, spike, offset: plausible limits of LAMP's standard deviation over SimpleCode's, of the
        correlation of both (least), of `pair_measures.roughness` and of the difference of the means (largest).
    resonant: whether its phase varies near resonance, so that it does not tell whether LAMP is late.
    """

    name: str
    word: str
    label: str
    unit: str = "file unit"
    kind: str = ""
    low: Column | None = None
    high: Column | None = None
    names: str = ""
    input: str = ""
    output: str = ""
    mirrored: str = "+"
    mean: str = "kept"
    ratio: tuple[float, float] = (0.0, inf)
    correlation: float = -0.6  # in beam seas pitch is small and its phase differs between the codes
    spike: float = 15.0
    offset: float = inf
    resonant: bool = False


# Patterns of the names of moments, see readers/column_names.py.
MOMENT = r"(?:(?:bending|bend|b) )?(?:moments?|mom)"
UPRIGHT = (
    r"(?:(?:total|vertical|vert|ver|v|midship|amidships|wave|induced|longitudinal|sagging|sag|hogging|hog|pitch) )*"
)
# Plausible limits: over 1296 pairs of 186 sea states, all headings, 0 to 25 knots, of the sample's five ships, ratios
# were 0.96 to 2.7 (heave), 0.58 to 3.8 (roll), 1.03 to 8.4 (pitch, the largest in beam seas) and 0.40 to 1.3 (VBM),
# spikes up to 8. Loads are rough because of slamming.
ROWS = (
    Channel(
        *("VBM", "bending moment", "Vertical bending moment", "file unit", "moment"),
        *(Column(".vbm", 2), Column(".vbm", 2)),
        names=rf"{UPRIGHT}(?:{MOMENT}(?: y)?|v ?b ?m|b ?m)|(?:vert|vertical) bending|"
        r"m ?[yv5]|(?:v|bend)\w*mom\w*|\w+gmom\w*",
        input="input_vbm",
        output="output_vbm",
        mean="removed",
        ratio=(0.1, 10.0),
        spike=40.0,
    ),
    Channel(
        *("Xcg", "surge", "Surge Xcg", "m", "length", Column(".mot", 1, "Xcg"), Column(".mot", 1, "Xcg")),
        names=r"x ?co?g|surge|x",
    ),
    Channel(
        *("Ycg", "sway", "Sway Ycg", "m", "length", Column(".mot", 2, "Ycg"), Column(".mot", 2, "Ycg")),
        names=r"y ?co?g|sway|y",
        mirrored="-",
    ),
    Channel(
        *(HEAVE, "heave", "Heave Zcg", "m", "length", Column(".mot", 3, "Zcg"), Column(".mot", 3, "Zcg")),
        names=r"z ?co?g|heave|z",
        input="input_3dof",
        output="output_3dof",
        mean="removed",
        ratio=(0.55, 2.9),
        offset=1.5,
    ),
    Channel(
        *(ROLL, "roll", "Roll", "deg", "angle", Column(".mot", 4, "Roll"), Column(".mot", 4, "Rot_X")),
        names=r"roll(?: angle)?|rot ?x|r ?x|phi",
        input="input_3dof",
        output="output_3dof",
        mirrored="-",
        ratio=(0.15, 20.0),
        correlation=-0.25,
        resonant=True,
    ),
    Channel(
        *(PITCH, "pitch", "Pitch", "deg", "angle", Column(".mot", 5, "Pitch"), Column(".mot", 5, "Rot_Y")),
        names=r"pitch(?: angle)?|rot ?y|r ?y|theta",
        input="input_3dof",
        output="output_3dof",
        ratio=(0.15, 20.0),
    ),
    Channel(
        *("Yaw", "yaw", "Yaw", "deg", "angle", Column(".mot", 6, "Yaw"), Column(".mot", 6, "Rot_Z")),
        names=r"yaw(?: angle)?|rot ?z|r ?z|psi",
        mirrored="-",
    ),
    # A point of a wave grid is called Wave_x1_y1; port and starboard points change places in the mirror.
    Channel(
        *(WAVE, "wave elevation", "Wave elevation", "m", "length", Column(".mot", 7), Column(".wav", 1)),
        names=r"(?:(?:incident|undisturbed|free|sea|surface|wave|water) )*"
        r"(?:elevation|elev|ele|profile|height|surface|waves?|amplitude|eta ?0?|zeta)|wav",
        input="input_waves",
    ),
)
CHANNELS = {row.name: row for row in ROWS}
GRID_POINT = re.compile(rf"({WAVE}_x\d+_y)(\d+)")


def channel_of(name: str) -> Channel:
    """The row of a channel, for the points of a wave grid that of the waves; of one without a row, its name alone."""
    return CHANNELS.get(WAVE if GRID_POINT.fullmatch(name) else name) or Channel(name, name, name)


def switched_on(user: Any, switch: str) -> tuple[str, ...]:
    """The channels that the settings of UserInputArgs make an "input" or an "output"."""
    switches = {name: getattr(row, switch) for name, row in CHANNELS.items()}
    return tuple(name for name, setting in switches.items() if setting and getattr(user, setting))


def output_channels(user: Any) -> tuple[str, ...]:
    """Names of the output channels. user: the settings of UserInputArgs."""
    return switched_on(user, "output")


def input_channels(user: Any) -> tuple[str, ...]:
    """Names of the input channels; the points of a wave grid are numbered from stern to bow, starboard to port."""
    nx, ny = user.wave_grid_x_size, user.wave_grid_y_size
    points = [f"{WAVE}_x{i + 1}_y{j + 1}" for i in range(nx) for j in range(ny)] if nx * ny > 1 else [WAVE]
    names = switched_on(user, "input")
    return tuple(part for name in names for part in (points if name == WAVE else [name]))


def is_wave(name: str) -> bool:
    """Whether a channel is the wave elevation, at the centre of gravity or a point of a grid."""
    return channel_of(name).name == WAVE


def wave_at_centre(inputs: Sequence[str]) -> int | None:
    """The place of the wave elevation among the input channels, of a grid that amidships; None without waves."""
    waves = [place for place, name in enumerate(inputs) if is_wave(name)]
    return waves[len(waves) // 2] if waves else None


def mirrored_channels(names: Sequence[str]) -> tuple[list[int], list[float]]:
    """Of a ship mirrored at its centre plane: which channel takes each place, and its sign."""
    points = [GRID_POINT.fullmatch(name) for name in names]
    across = 1 + max((int(point[2]) for point in points if point), default=0)
    partners = [
        f"{point[1]}{across - int(point[2])}" if point else channel_of(name).mirrored.strip("+-") or name
        for name, point in zip(names, points, strict=True)
    ]
    return [names.index(name) for name in partners], [-1.0 if channel_of(n).mirrored == "-" else 1.0 for n in names]


def validation_error(name: str) -> str:
    """The column of history.csv with a channel's root mean squared validation error, such as val_rmse_Zcg_m."""
    return f"val_rmse_{name}_{channel_of(name).unit.replace(' ', '_')}"
