"""Reads SimpleCode's and LAMP's files into aligned arrays, and writes predictions in the same formats.

Angles are in degrees, lengths in metres, time in seconds, and no sign is changed. Channel order, everywhere: VBM, Zcg,
Roll, Pitch, then the wave elevations; those that are switched off are left out.
"""

import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from settings import SET_NAMES, Config, InputError, UserInput, posix

MOTIONS = ("Zcg", "Roll", "Pitch")
CHANNEL_UNITS = {"VBM": "file unit", "Zcg": "m", "Roll": "deg", "Pitch": "deg"}
GRAVITY = 9.807  # m/s^2, the value in LAMP's wave formula

MAX_FAULTS_A_FILE = 3
WHITESPACE = 32  # byte values up to a blank separate columns
LARGEST_VALUE = 1e18  # beyond it a value is damage, and its square overflows the network's float32
LONGEST_WORD = 24  # characters; a double needs no more
LARGEST_EXACT_INTEGER = 10**15  # below it a decimal mantissa is exact in float64,
LARGEST_EXACT_POWER = 22  # and so is a power of ten up to here: their quotient is then correctly rounded

NUMBER = re.compile(rb"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][+-]?\d+)?")


@dataclass(frozen=True)
class Layout:
    """A file format: the number of header lines and the columns that are read, by name and position."""

    kind: str
    header_lines: int
    columns: dict[str, int]
    zero_rows_at_end: bool = False  # SimpleCode fills the end of its records with zeros
    has_time: bool = True


SC_MOT = Layout("SimpleCode .mot", 2, {"Time": 0, "Zcg": 3, "Roll": 4, "Pitch": 5}, zero_rows_at_end=True)
LAMP_MOT = Layout("LAMP .mot", 3, {"Time": 0, "Zcg": 3, "Roll": 4, "Pitch": 5})
TRACK = {"Time": 0, "Xcg": 1, "Ycg": 2}
SC_TRACK = Layout("SimpleCode .mot", 2, TRACK, zero_rows_at_end=True)
LAMP_TRACK = Layout("LAMP .mot", 3, TRACK)
SC_COURSE = Layout("SimpleCode .mot", 2, {"Time": 0, "Xcg": 1, "Ycg": 2, "Yaw": 6}, zero_rows_at_end=True)
SC_WAVES = Layout("SimpleCode .mot with wave elevation", 2, {"Time": 0, "Wave": 7}, zero_rows_at_end=True)
WAV = Layout(".wav", 3, {"Time": 0, "Wave": 1}, zero_rows_at_end=True)
SEA = Layout(".sea", 6, {"Frequency": 0, "Phase": 1, "Amplitude": 2, "Heading": 3}, has_time=False)
SC_VBM = Layout("SimpleCode .vbm", 2, {"Time": 0, "VBM": 2}, zero_rows_at_end=True)
LAMP_VBM = Layout("LAMP .vbm", 4, {"Time": 0, "VBM": 2})

# What a header may call a column that we know.
COLUMN_NAMES = {
    "time": "Time",
    "xcg": "Xcg",
    "ycg": "Ycg",
    "zcg": "Zcg",
    "roll": "Roll",
    "rot_x": "Roll",
    "pitch": "Pitch",
    "rot_y": "Pitch",
    "yaw": "Yaw",
    "rot_z": "Yaw",
}


@dataclass(frozen=True)
class Record:
    """One realization, its channels aligned on one time axis.

    name: SimpleCode's file name without its ending.
    time: (rows,) s, LAMP's own rows where there is LAMP.
    inputs: (rows, input channel); targets: (rows, output channel) from LAMP, None without LAMP.
    simple: (rows, output channel), what SimpleCode gives for the outputs; NaN in a channel that it does not give.
    """

    name: str
    time: np.ndarray
    inputs: np.ndarray
    targets: np.ndarray | None
    simple: np.ndarray


@dataclass(frozen=True)
class Handle:
    """The parts of a realization's handle: heights in m, modal periods in s, headings in deg, speed in knots."""

    height: float
    period: float
    heading: float
    second_height: float
    second_period: float
    second_heading: float
    speed: float
    realization: int


@dataclass(frozen=True)
class Cases:
    """A cases file: the paths of its realizations without endings, and their handles."""

    sc: list[str]
    lamp: list[str]
    handles: list[str]


# ---- channels ---------------------------------------------------------------------------------------------------


def input_channels(user: UserInput) -> tuple[str, ...]:
    """Names of the input channels; the points of a wave grid are numbered from stern to bow, starboard to port."""
    names = ("VBM",) * user.input_vbm + MOTIONS * user.input_3dof
    if not user.input_waves:
        return names
    nx, ny = user.wave_grid_x_size, user.wave_grid_y_size
    if nx * ny == 1:
        return (*names, "Wave")
    return (*names, *(f"Wave_x{i + 1}_y{j + 1}" for i in range(nx) for j in range(ny)))


def output_channels(user: UserInput) -> tuple[str, ...]:
    """Names of the output channels."""
    return ("VBM",) * user.output_vbm + MOTIONS * user.output_3dof


# ---- which files are needed -------------------------------------------------------------------------------------


def missing_files(config: Config) -> list[str]:
    """One line for each file that the settings ask for and that is not there."""
    needed: dict[Path, str] = {}
    for set_name in SET_NAMES:
        for sc, lamp in config.data.pairs(set_name):
            for path in needed_files(sc, lamp, config.user):
                needed.setdefault(path, set_name)
    known_folders: dict[Path, bool] = {}
    lines = []
    for path, set_name in needed.items():
        if not path.is_file():
            folder = path.parent
            exists = known_folders.setdefault(folder, folder.is_dir())
            remedy = "check the name" if exists else f"there is no folder {folder}: check the path"
            lines.append(f"{path}: file is missing ({set_name} set); {remedy} in DataInfoArgs (paths without endings)")
    return lines


def needed_files(sc: str, lamp: str, user: UserInput) -> list[Path]:
    """The files of one realization that the settings ask for."""
    files = [Path(f"{sc}.mot"), Path(f"{lamp}.mot")]
    if user.input_waves:
        files.append(Path(f"{lamp}.sea" if _has_grid(user) else f"{lamp}.wav"))
    if user.input_vbm:
        files.append(Path(f"{sc}.vbm"))
    if user.output_vbm:
        files.append(Path(f"{lamp}.vbm"))
    return files


def _has_grid(user: UserInput) -> bool:
    return user.wave_grid_x_size * user.wave_grid_y_size > 1


# ---- reading one file -------------------------------------------------------------------------------------------


def read_columns(path: str | os.PathLike, layout: Layout) -> np.ndarray:
    """The columns of a layout from one file.

    Returns:
        (rows, column) float64, in the layout's order. Footer lines and SimpleCode's zero rows at the end are gone.

    Raises:
        InputError: the file is missing, empty, not text, or holds a row that is cut, not numeric, not finite or
            running back in time; a line each, with the file's line and column.
    """
    path = Path(path)
    data = _read_bytes(path)
    width = _usual_width(data)
    body, first_line = _numeric_part(data, width, path, layout)
    _check_header(data, width, first_line, path, layout)
    values = _fixed_width_columns(body, layout)
    if values is None:
        values = _free_columns(body, layout, width)
    if values is not None and layout.zero_rows_at_end:
        values = values[: len(values) - _count_zero_rows(values)]
    valid = values is not None and len(values) > 0 and bool((np.abs(values) < LARGEST_VALUE).all())
    if not valid or (layout.has_time and not bool((np.diff(values[:, 0]) > 0).all())):
        raise InputError(_find_faults(body, first_line, width, path, layout))
    return values


def _read_bytes(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path}: file is missing; check the name (paths are given without endings)") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path and your rights") from None
    if not data.strip():
        raise InputError(f"{path}: file is empty; run the simulation again")
    if b"\0" in data:
        raise InputError(f"{path}: holds binary data where rows of numbers are expected; give the text file")
    if data.startswith(b"\xef\xbb\xbf"):
        data = data[3:]
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return data if data.endswith(b"\n") else data + b"\n"


def _usual_width(data: bytes) -> int:
    """Number of columns of most rows, counted in the middle of the file, where neither header nor footer reaches."""
    sample = 4_000  # bytes
    start = max(len(data) - sample, 0) // 2
    lines = data[start : start + sample].split(b"\n")
    if start:
        lines = lines[1:-1]  # the outer ones are cut
    rows = [line.split() for line in lines if line.strip()]
    numeric = [len(row) for row in rows if all(map(NUMBER.fullmatch, row))]
    counts = Counter(numeric or map(len, rows))
    return max(counts, key=lambda width: (counts[width], width), default=0)


def _numeric_part(data: bytes, width: int, path: Path, layout: Layout) -> tuple[bytes, int]:
    """The rows of numbers without header and footer lines, and the file's line number of the first of them."""
    starts = []  # offsets of the header's lines
    offset = 0
    row = b""
    while offset < len(data):
        end = data.index(b"\n", offset)
        row = data[offset:end]
        if len(starts) >= layout.header_lines and row.strip() and not _is_text(row, width):
            break
        starts.append(offset)
        offset = end + 1
    else:
        # A file without its header is all numbers within the usual length of the header, or has none at all.
        offset = len(data)
    # A file whose header is shorter than usual: take its first rows back.
    while starts and offset < len(data):
        line = data[starts[-1] : offset]
        if not line.strip() or len(line.split()) != width or not all(map(NUMBER.fullmatch, line.split())):
            break
        offset = starts.pop()
    end = len(data)
    while end > offset:
        start = data.rfind(b"\n", offset, end - 1) + 1 or offset
        start = max(start, offset)
        line = data[start:end]
        if line.strip() and not _is_text(line, width):
            break
        end = start
    if end <= offset:
        raise InputError(
            f"{path}: no row of numbers after {layout.header_lines} header lines; expected a {layout.kind} file"
        )
    return data[offset:end], len(starts) + 1


def _is_text(line: bytes, width: int) -> bool:
    """Whether a line is part of a header or footer rather than a row, which may be damaged.

    Most of its words cannot be meant as numbers, or it begins with such a word and has not as many words as a row.
    """
    meant = [_is_meant_as_number(word) for word in line.split()]
    return 2 * sum(meant) < len(meant) or not meant[0] and len(meant) != width


def _is_meant_as_number(word: bytes) -> bool:
    """Also NaN, infinity and stars, which Fortran prints for a number that is too long."""
    return bool(NUMBER.fullmatch(word) or re.fullmatch(rb"[+-]?(nan|inf(inity)?)|\*{5,}", word.lower()))


def _check_header(data: bytes, width: int, first_line: int, path: Path, layout: Layout) -> None:
    """Raises InputError where the header's names contradict the positions that are read."""
    for number, line in enumerate(data.split(b"\n", first_line)[: first_line - 1], start=1):
        words = re.sub(r"[\[(].*?[\])]", "", line.decode("latin-1")).split()
        names = [COLUMN_NAMES.get(word.lower()) for word in words]
        if len(words) != width or names[0] != "Time":
            continue
        faults = [
            f"{path}, line {number}: column {position + 1} is called {words[position]} where {name} is expected; "
            f"give a {layout.kind} file"
            for name, position in layout.columns.items()
            if position < width and names[position] not in (None, name)
        ]
        if faults:
            raise InputError(faults)


def _fixed_width_columns(body: bytes, layout: Layout) -> np.ndarray | None:
    """The layout's columns of rows that all are printed in the same positions, or None where they are not.

    Simulators print with a fixed format, so that a column's digits stand below each other: whole columns of bytes are
    turned into numbers at once, exactly rounded, about ten times faster than reading word by word.
    """
    length = body.index(b"\n") + 1
    if len(body) % length:
        return None
    grid = np.frombuffer(body, np.uint8).reshape(-1, length).T.copy()  # (position in the line, row)
    printed = grid[:, 0] > WHITESPACE
    ends = np.flatnonzero(printed[:-1] & ~printed[1:]) + 1
    if len(ends) <= max(layout.columns.values()) or (grid[-1] != ord("\n")).any() or (grid[ends] > WHITESPACE).any():
        return None
    begins = np.concatenate(([0], ends[:-1]))
    # The columns that are not read have to be numbers too: a damaged row shows there as well.
    parsed = [_fixed_width_numbers(grid[begin:end]) for begin, end in zip(begins, ends, strict=True)]
    if any(column is None for column in parsed) or (grid[ends[-1] :] > WHITESPACE).any():
        return None
    return np.stack([parsed[position] for position in layout.columns.values()], axis=1)


def _fixed_width_numbers(field: np.ndarray) -> np.ndarray | None:
    """Numbers from the bytes (position, row) of one right-aligned column, or None if it is not of one pattern."""
    digits = field - np.uint8(ord("0"))  # wraps around for all that is no digit
    exponent_at = [i for i, byte in enumerate(field[:, 0]) if byte in b"eEdD"]
    exponent = 0
    if exponent_at:
        at = exponent_at[0]
        sign = field[at + 1] if at + 1 < len(field) else None
        if sign is None or not ((field[at] | 32 == ord("e")) | (field[at] | 32 == ord("d"))).all():
            return None
        if not ((sign == ord("+")) | (sign == ord("-"))).all() or len(field) - at not in (4, 5):
            return None
        if (digits[at + 2 :] > 9).any():
            return None
        exponent = _whole_number(digits[at + 2 :]) * np.where(sign == ord("-"), -1, 1)
        field, digits = field[:at], digits[:at]
    points = np.flatnonzero(field[:, 0] == ord("."))
    point = int(points[0]) if len(points) else len(field)
    decimals = max(len(field) - point - 1, 0)
    if len(points) and (field[point] != ord(".")).any() or (digits[point + 1 :] > 9).any():
        return None
    whole = field[:point]
    is_digit = digits[:point] <= 9
    is_sign = (whole == ord("-")) | (whole == ord("+"))
    rank = 2 * is_digit + is_sign  # blanks, then at most one sign, then digits
    known = is_digit | is_sign | (whole <= WHITESPACE)
    if not known.all() or (rank[1:] < rank[:-1]).any() or (is_sign.sum(axis=0) > 1).any():
        return None
    if decimals == 0 and not is_digit[-1:].all():
        return None
    figures = np.concatenate([np.where(is_digit, digits[:point], 0), digits[point + 1 :]])
    mantissa = _whole_number(figures)
    power = exponent - decimals
    if mantissa.max(initial=0) >= LARGEST_EXACT_INTEGER or np.abs(power).max() > LARGEST_EXACT_POWER:
        return None
    values = mantissa / 10.0**-power if np.ndim(power) == 0 else _scale(mantissa, power)
    return np.where((whole == ord("-")).any(axis=0), -values, values)


def _whole_number(digits: np.ndarray) -> np.ndarray:
    """(rows,) integers from the decimal digits (position, row); too long ones saturate far above what is used."""
    if len(digits) > 18 and digits[:-18].any():
        return np.full(digits.shape[1], np.iinfo(np.int64).max // 2)
    # Nine digits fit into 32 bits, in which the arithmetic is twice as fast.
    number = np.zeros(digits.shape[1], np.int32 if len(digits) <= 9 else np.int64)
    for row in digits[-18:]:
        number *= 10
        number += row
    return number


def _scale(mantissa: np.ndarray, power: np.ndarray) -> np.ndarray:
    """mantissa * 10^power, correctly rounded: one exact operand each way."""
    tens = 10.0 ** np.abs(power)
    return np.where(power >= 0, mantissa * tens, mantissa / tens)


def _free_columns(body: bytes, layout: Layout, width: int) -> np.ndarray | None:
    """The layout's columns of rows printed in any way, or None where a row is not as long as the others."""
    positions = list(layout.columns.values())
    letters = body.translate(None, b"0123456789+-. \t\n\v\f")
    if max(positions) >= width or letters.strip(b"eEdD"):
        return None  # words, or what Python would take for a number and we do not: nan, 1_000, 0x1
    raw = np.frombuffer(b" " * LONGEST_WORD + body, np.uint8)  # so that there is something before the first word
    printed = raw > WHITESPACE
    edges = np.flatnonzero(printed[1:] != printed[:-1]) + 1
    begins, ends = edges[::2], edges[1::2]
    row_ends = np.flatnonzero(raw == ord("\n"))
    if len(begins) == width * len(row_ends):
        begins, ends = begins.reshape(-1, width), ends.reshape(-1, width)
        if (ends[:, -1] <= row_ends).all() and (begins[1:, 0] > row_ends[:-1]).all():
            columns = [_aligned_numbers(raw, begins[:, position], ends[:, position]) for position in positions]
            # The columns that are not read have to be numbers too, as above.
            if all(column is not None for column in columns) and not letters and _are_decimals(raw, begins, ends):
                return np.stack(columns, axis=1)
    words_a_row = np.diff(np.searchsorted(begins.ravel(), row_ends), prepend=0)
    if not np.isin(words_a_row, (0, width)).all():
        return None
    try:
        words = body.translate(bytes.maketrans(b"dD", b"eE")).split()
        return np.array(words, dtype=np.float64).reshape(-1, width)[:, positions]
    except ValueError:
        return None


def _are_decimals(raw: np.ndarray, begins: np.ndarray, ends: np.ndarray) -> bool:
    """Whether all words, which are made of digits, points and signs, are numbers.

    They are if they have at most one point, a sign only in front, and a digit, so that counting is enough.
    """
    signs = (raw == ord("-")) | (raw == ord("+"))
    signed = signs[begins]
    points_before = np.cumsum(raw == ord("."), dtype=np.uint8)  # may wrap around: its differences are small
    points = points_before[ends] - points_before[begins - 1]
    in_front = np.count_nonzero(signs) == np.count_nonzero(signed)
    return in_front and points.max() <= 1 and bool((ends - begins > points + signed).all())


def _aligned_numbers(raw: np.ndarray, begins: np.ndarray, ends: np.ndarray) -> np.ndarray | None:
    """Numbers of one column from where its words begin and end in the text, by placing them below each other."""
    lengths = ends - begins
    longest = int(lengths.max())
    if longest > LONGEST_WORD:
        return None
    field = np.lib.stride_tricks.sliding_window_view(raw, longest)[ends - longest].T.copy()  # (position, row)
    for place in range(longest - int(lengths.min())):
        field[place, lengths < longest - place] = WHITESPACE
    return _fixed_width_numbers(field)


def _count_zero_rows(values: np.ndarray) -> int:
    """Rows at the end that hold nothing: zeros throughout, or zeros behind a time that runs on."""
    filled = np.flatnonzero(values.any(axis=1))
    rows = filled[-1] + 1 if len(filled) else 1  # a record may begin with a row of zeros at time zero
    filled = np.flatnonzero(values[:rows, 1:].any(axis=1))
    rows = filled[-1] + 1 if len(filled) else rows  # a ship at rest in calm water is no filling
    return len(values) - rows


def _find_faults(body: bytes, first_line: int, width: int, path: Path, layout: Layout) -> list[str]:
    """What is wrong with a file's rows, a line each. Slow; only for files that are known to be faulty."""
    faults = []
    previous = -np.inf
    needed = max(layout.columns.values()) + 1
    lines = body.split(b"\n")[:-1]
    while layout.zero_rows_at_end and len(lines) > 1 and _is_zero_row(lines[-1]):
        lines.pop()
    for number, line in enumerate(lines, start=first_line):
        words = line.split()
        if not words:
            continue
        if len(words) != width or len(words) < needed:
            faults.append(
                f"{path}, line {number}: {len(words)} columns where {max(width, needed)} are expected; "
                "the row is cut or damaged: write the file again, or delete the rows from there on"
            )
            continue
        values = []
        for column, word in enumerate(words, start=1):
            if not NUMBER.fullmatch(word):
                shown = word[:20].decode("ascii", "replace")
                faults.append(
                    f"{path}, line {number}, column {column}: {shown!r} where a number is expected; "
                    "correct the row or run the simulation again"
                )
                break
            values.append(float(word.lower().replace(b"d", b"e")))
        if len(values) < width:
            continue
        if not (np.abs(values) < LARGEST_VALUE).all():
            column = int(np.flatnonzero(~(np.abs(values) < LARGEST_VALUE))[0]) + 1
            faults.append(f"{path}, line {number}, column {column}: number out of range; run the simulation again")
            continue
        if layout.has_time:
            if values[0] <= previous:
                faults.append(
                    f"{path}, line {number}, column 1: time {values[0]:g} s does not come after {previous:g} s; "
                    "sort the rows and delete repeated ones"
                )
            previous = values[0]
    if not faults:
        faults.append(f"{path}: no row that can be used; expected a {layout.kind} file")
    if len(faults) > MAX_FAULTS_A_FILE:
        faults[MAX_FAULTS_A_FILE - 1] += f" (and {len(faults) - MAX_FAULTS_A_FILE} more faults in this file)"
    return faults[:MAX_FAULTS_A_FILE]


def _is_zero_row(line: bytes) -> bool:
    return not line.translate(None, b"0.+-eEdD \t").strip()


# ---- one realization --------------------------------------------------------------------------------------------


def read_record(
    sc: str, lamp: str | None, user: UserInput, waves: str | None = None, name: str | None = None
) -> tuple[Record, list[str]]:
    """One realization from its files, aligned on time.

    Args:
        sc, lamp: paths without endings; lamp is None where there is no LAMP.
        user: which channels are wanted.
        waves: path without ending of the .wav (or .sea) file; by default the LAMP path, else the SimpleCode path.
        name: the record's name; by default SimpleCode's file name.

    Returns:
        the record and the warnings about it, one line each.

    Raises:
        InputError: all that is wrong with the realization's files, one line each.
    """
    waves = waves or lamp or sc
    faults: list[str] = []
    warnings: list[str] = []

    def read(path: str, layout: Layout) -> np.ndarray | None:
        try:
            return read_columns(path, layout)
        except InputError as error:
            faults.extend(line for line in error.lines if line not in faults)
            return None

    sources = {"sc": (f"{sc}.mot", read(f"{sc}.mot", SC_MOT))}
    if lamp:
        sources["lamp"] = (f"{lamp}.mot", read(f"{lamp}.mot", LAMP_MOT))
    if user.input_waves and not _has_grid(user):
        # Without LAMP there may be no .wav; SimpleCode can write the elevation into its .mot (its output option 6).
        in_mot = lamp is None and not Path(f"{waves}.wav").is_file() and _columns_in(f"{sc}.mot") > 7
        file, layout = (f"{sc}.mot", SC_WAVES) if in_mot else (f"{waves}.wav", WAV)
        sources["waves"] = (file, read(file, layout))
    if user.input_waves and _has_grid(user):
        track_file, track_layout = (f"{lamp}.mot", LAMP_TRACK) if lamp else (f"{sc}.mot", SC_TRACK)
        sources["track"] = (track_file, read(track_file, track_layout))
        sea = read(f"{waves}.sea", SEA)
    if user.input_vbm or (user.output_vbm and Path(f"{sc}.vbm").is_file()):
        sources["sc_vbm"] = (f"{sc}.vbm", read(f"{sc}.vbm", SC_VBM))
    if lamp and user.output_vbm:
        sources["lamp_vbm"] = (f"{lamp}.vbm", read(f"{lamp}.vbm", LAMP_VBM))
    if faults:
        raise InputError(faults)

    time, columns = _align(sources, "lamp" if lamp else "sc", user.time_res, warnings)
    if "track" in columns:
        x, y = _grid_offsets(user)
        track = columns["track"]
        columns["waves"] = wave_elevation(sea, track[:, 0], track[:, 1], time, x, y, user.wave_ramp_time)
    no_vbm = np.full((len(time), 1), np.nan)
    sc_vbm = columns.get("sc_vbm", no_vbm)
    inputs = [sc_vbm] * user.input_vbm + [columns["sc"]] * user.input_3dof
    inputs += [columns["waves"]] if user.input_waves else []
    simple = [sc_vbm] * user.output_vbm + [columns["sc"]] * user.output_3dof
    targets = None
    if lamp:
        lamp_vbm = columns.get("lamp_vbm", no_vbm)
        targets = np.hstack([lamp_vbm] * user.output_vbm + [columns["lamp"]] * user.output_3dof)
    record = Record(name or Path(sc).name, time, np.hstack(inputs), targets, np.hstack(simple))
    return record, warnings


def _columns_in(path: str) -> int:
    """Number of columns that the first line of a file names; 0 where there is none."""
    try:
        with open(path, "rb") as file:
            return len(file.readline(10_000).split())
    except OSError:
        return 0


def read_track(sc: str, time: np.ndarray) -> np.ndarray:
    """SimpleCode's Xcg (m), Ycg (m) and Yaw (deg), (rows, 3), at the given times; zeros where it does not give them."""
    try:
        table = read_columns(f"{sc}.mot", SC_COURSE)
    except InputError:
        return np.zeros((len(time), 3))
    return np.stack([np.interp(time, table[:, 0], column) for column in table[:, 1:].T], axis=1)


def _align(
    sources: dict[str, tuple[str, np.ndarray]], reference: str, time_res: int, warnings: list[str]
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """All columns on the reference's rows, over the stretch of time that all files share.

    Raises:
        InputError: the files share no stretch of time, or too short a one.
    """
    file, table = sources[reference]
    time = table[:, 0]
    step = float(np.median(np.diff(time))) if len(time) > 1 else 0.0
    tolerance = 0.01 * step
    begin = max(other[0, 0] for _, other in sources.values())
    end = min(other[-1, 0] for _, other in sources.values())
    rows = (time >= begin - tolerance) & (time <= end + tolerance)
    spans = "; ".join(f"{path} covers {other[0, 0]:g} to {other[-1, 0]:g} s" for path, other in sources.values())
    if not rows.any() or rows.sum() < 2 * time_res:
        raise InputError(
            f"{file}: {rows.sum()} rows in common with the realization's other files, at least {2 * time_res} "
            f"(twice time_res) are needed; {spans}: check that they belong together"
        )
    if rows.sum() < 0.9 * max(len(other) * _step(other) for _, other in sources.values()) / max(step, 1e-12):
        warnings.append(f"{file}: only {time[rows][0]:g} to {time[rows][-1]:g} s is used, as {spans}")
    time = time[rows]
    irregular = np.abs(np.diff(time) - step) > 0.05 * step
    if irregular.any():
        at = time[:-1][irregular][0]
        warnings.append(
            f"{file}: the time step of {step:g} s changes after {at:g} s; the network takes all steps as equal: "
            "write the file at one step"
        )
    columns = {}
    for key, (path, other) in sources.items():
        first = int(np.searchsorted(other[:, 0], time[0] - tolerance))
        same = other[first : first + len(time)]
        if len(same) == len(time) and np.abs(same[:, 0] - time).max() <= tolerance:
            columns[key] = same[:, 1:]
            continue
        warnings.append(
            f"{path}: its rows (step {_step(other):g} s) differ from the step of {step:g} s of {file}: "
            "interpolated linearly; write both at one step to avoid this"
        )
        columns[key] = np.stack([np.interp(time, other[:, 0], column) for column in other[:, 1:].T], axis=1)
    return time, columns


def _step(table: np.ndarray) -> float:
    return float(np.median(np.diff(table[:, 0]))) if len(table) > 1 else 0.0


# ---- wave elevation ---------------------------------------------------------------------------------------------


def wave_elevation(
    sea: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    time: np.ndarray,
    dx: np.ndarray,
    dy: np.ndarray,
    ramp_time: float,
) -> np.ndarray:
    """Surface elevation at points moving with the ship, deep water (LAMP manual volume XII, eq. 89).

    Args:
        sea: (component, 4): frequency rad/s, phase deg, amplitude m, heading deg.
        x, y: (rows,) track of the ship's centre of gravity, m.
        time: (rows,) s.
        dx, dy: (point,) offsets of the points from the centre of gravity, m.
        ramp_time: s over which the elevation grows linearly from 0 to 1; 0 for none.

    Returns:
        (rows, point) m.
    """
    frequency, phase, amplitude, heading = sea[:, 0], np.radians(sea[:, 1]), sea[:, 2], np.radians(sea[:, 3])
    number = frequency**2 / GRAVITY
    kx, ky = number * np.cos(heading), number * np.sin(heading)
    at_ship = np.outer(x, kx) + np.outer(y, ky) - np.outer(time, frequency) + phase
    offset = np.outer(kx, dx) + np.outer(ky, dy)
    # cos(a + b) = cos a cos b - sin a sin b: the cosines of one point serve all of them.
    elevation = np.cos(at_ship) @ (amplitude[:, None] * np.cos(offset))
    elevation -= np.sin(at_ship) @ (amplitude[:, None] * np.sin(offset))
    if ramp_time > 0:
        elevation *= np.clip(time / ramp_time, 0.0, 1.0)[:, None]
    return elevation


def _grid_offsets(user: UserInput) -> tuple[np.ndarray, np.ndarray]:
    """(point,) offsets of the wave grid's points, the outer ones at stern and bow, starboard and port, in m."""
    nx, ny = user.wave_grid_x_size, user.wave_grid_y_size
    x = np.linspace(-0.5, 0.5, nx) * user.ship_length if nx > 1 else np.zeros(1)
    y = np.linspace(-0.5, 0.5, ny) * user.ship_beam if ny > 1 else np.zeros(1)
    return np.repeat(x, ny), np.tile(y, nx)


# ---- sets of realizations ---------------------------------------------------------------------------------------


def read_sets(config: Config) -> tuple[dict[str, tuple[Record, ...]], list[str]]:
    """The records of the train, val and test sets, and the warnings about them.

    Raises:
        InputError: all that is wrong with all files, one line each.
    """
    names = unique_names([path for name in (*SET_NAMES, "predict") for path in getattr(config.data, f"{name}_sc")])
    sets: dict[str, tuple[Record, ...]] = {}
    faults: list[str] = []
    warnings: list[str] = []
    for set_name in SET_NAMES:
        records = []
        for sc, lamp in config.data.pairs(set_name):
            try:
                record, remarks = read_record(sc, lamp, config.user, name=names[sc])
            except InputError as error:
                faults.extend(error.lines)
                continue
            records.append(record)
            warnings.extend(remarks)
        sets[set_name] = tuple(records)
    if faults:
        raise InputError(list(dict.fromkeys(faults)))  # a file in two sets is reported once
    return sets, list(dict.fromkeys(warnings))


def unique_names(paths: Sequence[str]) -> dict[str, str]:
    """A name for each path: the file's own, with its folder before it where two paths share one."""
    by_name: dict[str, list[str]] = {}
    for path in dict.fromkeys(paths):
        by_name.setdefault(Path(path).name, []).append(path)
    names = {}
    for name, sharing in by_name.items():
        for count, path in enumerate(sharing):
            folder = Path(path).parent.name
            longer = f"{folder}_{name}" if folder else name
            taken = longer in by_name or longer in names.values()
            names[path] = name if len(sharing) == 1 else f"{longer}_{count + 1}" if taken else longer
    return names


# ---- cases files and handles ------------------------------------------------------------------------------------


def read_cases(cases_file: str | os.PathLike, folder: str | os.PathLike | None = None) -> Cases:
    """The realizations that a cases file lists.

    Args:
        cases_file: free description lines, a line `***`, SimpleCode's prefix, LAMP's prefix, then a handle a line.
        folder: holds SimpleCode_files and LAMP_files; by default the folder above the cases file's own.

    Raises:
        InputError: the file is missing, or has no `***` line, no prefixes or no handle after it.
    """
    path = Path(posix(cases_file))
    folder = Path(posix(folder)) if folder is not None else path.parent.parent
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig", errors="replace").splitlines()]
    except OSError as error:
        raise InputError(f"{path}: cases file cannot be read ({error.strerror}); check the path") from None
    marks = [i for i, line in enumerate(lines) if line.startswith("***")]
    if not marks:
        raise InputError(f"{path}: no line '***' between the description and the prefixes; add it")
    rows = [line for line in lines[marks[0] + 1 :] if line]
    if len(rows) < 2:
        raise InputError(f"{path}: expected SimpleCode's prefix and LAMP's prefix after the line '***'; add them")
    for what, prefix in zip(("SimpleCode", "LAMP"), rows[:2], strict=True):
        if HANDLE.fullmatch(prefix):
            raise InputError(f"{path}: {what}'s prefix is missing, there is a handle in its place ({prefix}); add it")
    sc_prefix, lamp_prefix, *handles = rows
    if not handles:
        raise InputError(f"{path}: no handle after the two prefixes; add one line for each realization")
    return Cases(
        sc=[(folder / "SimpleCode_files" / f"{sc_prefix}{handle}").as_posix() for handle in handles],
        lamp=[(folder / "LAMP_files" / f"{lamp_prefix}{handle}").as_posix() for handle in handles],
        handles=handles,
    )


_NUMBER = r"(\d+(?:\.\d+)?)"
HANDLE = re.compile(
    rf".*?_h{_NUMBER}_p{_NUMBER}_a{_NUMBER}_hh{_NUMBER}_pp{_NUMBER}_aa{_NUMBER}_s{_NUMBER}-(\d+)", re.DOTALL
)


def parse_handle(text: str) -> Handle:
    """The parts of a handle, or of a path that ends in one.

    Raises:
        InputError: the text does not end in a handle.
    """
    match = HANDLE.fullmatch(text)
    if match is None:
        raise InputError(
            f"{text}: not a handle; expected one like _h7.5_p15_a135_hh0_pp0_aa0_s10-0000001 "
            "(height, period, heading of both wave systems, speed, realization)"
        )
    *parts, realization = match.groups()
    return Handle(*(float(part) for part in parts), int(realization))


# ---- writing ----------------------------------------------------------------------------------------------------


def write_prediction(path: Path, time: np.ndarray, outputs: np.ndarray, channels: Sequence[str]) -> None:
    """A prediction as text: a header line with the columns' names, then a row a time step, five decimals.

    Args:
        time: (rows,) s. outputs: (rows, channel) in m, deg and the .vbm file's unit. channels: the outputs' names.
    """
    _write_text(path, _prediction_lines(time, outputs, channels))


def _prediction_lines(time: np.ndarray, outputs: np.ndarray, channels: Sequence[str]) -> Iterator[str]:
    yield "".join(f"{name:>16}" for name in ("Time", *channels)) + "\n"
    yield from _rows(" %15.5f", time, outputs)  # the blank keeps long numbers apart


def write_lamp_motions(path: Path, time: np.ndarray, track: np.ndarray, motions: np.ndarray) -> None:
    """Predicted motions in the layout of LAMP's .mot file, so that the tools for LAMP's output read them.

    Args:
        time: (rows,) s. track: (rows, 3) Xcg m, Ycg m, Yaw deg. motions: (rows, 3) heave m, roll deg, pitch deg.
    """
    table = np.column_stack([time, track[:, :2], motions, track[:, 2]])
    names = ("Time", "Xcg", "Ycg", "Zcg", "Rot_X", "Rot_Y", "Rot_Z")

    def lines() -> Iterator[str]:
        yield "Motions predicted from SimpleCode by an LSTM, in the layout of LAMP; track and yaw are SimpleCode's\n"
        yield "".join(f"{unit:>16}" for unit in ("sec", "m", "m", "m", "deg", "deg", "deg")) + "\n"
        yield "".join(f"{name:>16}" for name in names) + "\n"
        yield from _rows("%16.5f", table)

    _write_text(path, lines())


def _rows(number: str, *columns: np.ndarray) -> Iterator[str]:
    """The columns as text rows in blocks, which is several times faster than row by row."""
    table = np.column_stack(columns)
    row = number * table.shape[1] + "\n"
    for start in range(0, len(table), 1000):
        block = table[start : start + 1000]
        yield row * len(block) % tuple(block.ravel())


def _write_text(path: Path, lines: Iterator[str]) -> None:
    """Writes aside and renames, so that no half-written file is ever found under the name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(path.name + ".part")
    with open(aside, "w", encoding="utf-8", newline="\n") as file:
        file.writelines(lines)
    os.replace(aside, path)


def write_table(path: Path, table: pd.DataFrame) -> None:
    """A table as CSV, numbers in full precision."""
    _write_text(path, iter([table.to_csv(index=False, lineterminator="\n")]))
