"""Damages the simulators' files in all known ways, and checks that each is read correctly or refused in a line.

    python tests/readers/fuzz_readers.py --count 100000 --seed 1

A run of some hundred files is part of the tests (test_readers_under_fire.py). What is read is compared with an oracle
that shares nothing with the program: it goes line by line and turns word by word into a number with Python's float().
"""

import argparse
import faulthandler
import gzip
import os
import re
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.interpolate import CubicSpline

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # when it is run by hand

import data_io  # noqa: E402
from readers import text_tables  # noqa: E402
from readers.any_tables import DescribedLayout  # noqa: E402
from readers.text_tables import Layout  # noqa: E402
from settings import Config, DataInfo, UserInput  # noqa: E402
from settings.description import Reference, TextFormat  # noqa: E402
from system.errors import InputError  # noqa: E402

MOST_SECONDS = 2.0  # for a file of a few hundred kilobytes; a usual record of 2 MB takes 0.05 s
MOST_VALUE = 1e18
MOST_MESSAGE = 500  # characters of a line, beside the folders that it names

MOT_NAMES = "Time Xcg Ycg Zcg Roll Pitch Yaw"
LAMP_NAMES = "Time Xcg Ycg Zcg Rot_X Rot_Y Rot_Z"
HEADERS = {
    "SC.mot": [MOT_NAMES, "sec m m m deg deg deg"],
    "LAMP.mot": ["LAMP run of a ship", "Motions: sec m m m deg deg deg", LAMP_NAMES],
    "LAMP.wav": ["A title", "Wave elevation at the centre of gravity", "Time(sec) Elevation(m)"],
    "LAMP.sea": ["A title", "Components", "Handle _h7", "Number 3", "g = 9.807", "Frequency Phase Amplitude Heading"],
    "SC.vbm": ["A title", "Time(sec) Shear(kN) Moment(kN-m)"],
    "LAMP.vbm": ["A title", "Loads", "Handle _h7", "Time(sec) Shear(kN) Moment(kN-m)"],
}
LAYOUTS = {
    "SC.mot": text_tables.SC_MOT,
    "LAMP.mot": text_tables.LAMP_MOT,
    "LAMP.wav": text_tables.WAV,
    "LAMP.sea": text_tables.SEA,
    "SC.vbm": text_tables.SC_VBM,
    "LAMP.vbm": text_tables.LAMP_VBM,
}
EVIL_WORDS = (
    "NaN -nan Inf -Infinity + - . +. 1e 1e+ e5 1e999 -1e999 1e-999 1d400 1e18 1_0 0x1F 1,5 --1 +-1 1.2.3 1.0f True "
    "**** ******** ************ 1E3.5 1.5e3d2 \xa01.5 1.5\xa0 \u0661\u0662 1e+0000000000000000003 1d-3 -0 +0.0 00012 "
    ".5 5. 4.9406564584124654e-324 0.1000000000000000055511151231257827 # ; , nul 1.5- 1.5-100 1+2 (1.5 1.5) $1 {} \x01"
).split(" ") + ["9" * 30, "1" * 400, "0." + "1" * 300, "1" * 17, "123456789012345678.5", "9007199254740993"]
JUNK_LINES = (
    "# comment|End of the record|Total time 30.0 s|1 2 3|-1|***|NaN NaN NaN|Time|sec m m m deg deg deg|\xff\xfe|((((((|"
    "Maximum: 3.25 4.5|Program ended normally at 12:30:01|" + MOT_NAMES + "|0 0 0 0 0 0 0|0|1e5"
).split("|")

FORTRAN = re.compile(r"[eE]([+-]\d{3})$")
WITHOUT_LETTER = re.compile(r"[+-]?(\d+\.\d*|\.\d+)[+-][123]\d\d")

# ---- files as they should be --------------------------------------------------------------------------------------


def make_table(rng: np.random.Generator, kind: str, time: np.ndarray) -> np.ndarray:
    """Numbers for a file: (rows, column), the first column being time but in a .sea file."""
    rows = len(time)
    columns = {"wav": 2, "sea": 4, "vbm": 3}.get(kind[-3:], 7)
    table = rng.normal(size=(rows, columns)) * 10.0 ** rng.integers(-2, 3, columns)
    if rng.random() < 0.1:
        table[:, rng.integers(1, columns)] = 0  # roll in head seas
    if kind != "LAMP.sea":
        table[:, 0] = time
    return table


def print_table(rng: np.random.Generator, table: np.ndarray, decimals: int) -> list[list[str]]:
    """The numbers as text, in one of the formats that programs print."""
    style = rng.choice(["fixed", "free", "exponent", "free exponent", "repr"])
    letter = str(rng.choice(list("EeDd")))
    if rng.random() < 0.05:  # so small that Fortran has no room for the letter
        small = rng.random(table.shape) < 0.3
        small[:, 0] = False
        table = table * np.where(small, 1e-120, 1.0)
        letter, style = "E", "exponent"
    number = {
        "fixed": f"%{decimals + 12}.{decimals}f",
        "free": f"%.{decimals}f",
        "exponent": f"%{decimals + 12}.{decimals + 4}E",
        "free exponent": f"%.{decimals + 4}E",
        "repr": "%r",
    }[style]
    if style == "exponent" and rng.random() < 0.3:
        number = number.replace("%", "%+")
    return [[FORTRAN.sub(r"\1", number % float(value)).replace("E", letter) for value in row] for row in table]


def make_text(rng: np.random.Generator, kind: str, words: list[list[str]], header: list[str] | None = None) -> bytes:
    """A complete file of these words, in one of the ways that editors and simulators write files."""
    header = list(header or HEADERS[kind])
    if rng.random() < 0.1:
        header = ["Made by hand", "Length 150.0 beam 20 22 24"] + header
    if rng.random() < 0.03:
        header[0:0] = ["x" * int(rng.integers(1, 30_000))]
    if rng.random() < 0.05:
        header = header[:-1] + [header[-1] + " "]
    between = str(rng.choice([" ", "  ", "\t", " \t "]))
    before, behind = str(rng.choice(["", "", "  ", "\t"])), str(rng.choice(["", "", "  "]))
    lines = [before + between.join(row) + behind for row in words]
    if kind.startswith("SC") and rng.random() < 0.3:
        lines += [between.join(["0.0"] * len(words[0]))] * int(rng.integers(1, 12))
    footer = ["End of the record"] if rng.random() < 0.1 else []
    end = str(rng.choice(["\n", "\n", "\r\n", "\r"]))
    last = end if rng.random() < 0.8 else ""
    text = end.join([*header, *lines, *footer]) + last
    return (b"\xef\xbb\xbf" if rng.random() < 0.1 else b"") + text.encode("latin-1")


NAMES = {  # of the columns of each kind of file, in other words
    "SC.mot": ["Time|t|TIME(sec)", "Xcg|X", "Ycg|Y|Sway", "Zcg|Heave|z_cg(m)", "Roll|Rot_X", "Pitch|pitch(deg)", "Yaw"],
    "LAMP.mot": ["Time|t", "Xcg|X_CG", "Ycg|Y_CG", "Zcg|ZCG", "Rot_X|roll|RX", "Rot_Y|Theta", "Rot_Z|Psi"],
    "LAMP.wav": ["Time|t(s)", "Elevation(m)|Wave elevation|eta|Wave_Elev|Zeta [m]"],
    "LAMP.sea": ["Freq(rad/s)|omega|w", "Phase(deg)|eps", "Amp(m)|Amplitude", "Dir|Wave heading (deg)|beta"],
    "SC.vbm": ["Time(sec)|Time", "Shear(kN)|Vertical Shear Force [kN]|Fz", "VBM|Vertical Bending Moment(kN-m)|M_y"],
    "LAMP.vbm": ["Time(sec)|Time", "VSF|Shear force", "Moment(kN-m)|Bending moment|Vmom"],
}


def renamed(
    rng: np.random.Generator, kind: str, words: list[list[str]]
) -> tuple[list[str], list[list[str]], list[int]]:
    """A header of other names, with the columns in another order and others between; where each column then stands."""
    names = [str(rng.choice(choices.split("|"))) for choices in NAMES[kind]]
    order = [int(i) for i in rng.permutation(len(names))]
    line, rows, places = [], [[] for _ in words], [0] * len(names)
    for i in order:
        if rng.random() < 0.2:
            line.append(str(rng.choice(["Probe", "Channel 7", "Unknown(kN)", "A_b"])))
            for row in rows:
                row.append("7.25")
        places[i] = len(line)
        line.append(names[i])
        for row, own in zip(rows, words, strict=True):
            row.append(own[i])
    return ["a title"] * (LAYOUTS[kind].header_lines - 1) + ["   ".join(line)], rows, places


# ---- damage -------------------------------------------------------------------------------------------------------


def place(rng: np.random.Generator, items, beyond: int = 0) -> int:
    """A random place in a list, a text or an array, or behind its end."""
    return int(rng.integers(len(items) + beyond))


def _on_lines(change: Callable) -> Callable:
    """Damage to the list of a file's lines."""

    def damage(rng: np.random.Generator, data: bytes) -> bytes:
        lines = data.split(b"\n")
        change(rng, lines)
        return b"\n".join(lines)

    return damage


def _on_words(change: Callable) -> Callable:
    """Damage to the list of words of one line, which stays aligned half of the time."""

    def damage(rng: np.random.Generator, lines: list[bytes]) -> None:
        at = place(rng, lines)
        words = lines[at].split()
        if words:
            width = len(lines[at]) // len(words)
            change(rng, words)
            pad = width if rng.random() < 0.5 else 0
            lines[at] = b" ".join(word.rjust(pad) for word in words)

    return _on_lines(damage)


def _evil_words(share: float) -> Callable:
    """Replaces this share of the words in a line; 0 for one word."""

    def damage(rng, words):
        for at in (i for i in range(len(words)) if rng.random() < share) if share else [place(rng, words)]:
            words[at] = str(rng.choice(EVIL_WORDS)).encode()

    return damage


def _stars(rng, words):
    at = place(rng, words)
    words[at] = b"*" * max(1, len(words[at]))


def _swap(rng, items):
    a, b = place(rng, items), place(rng, items)
    items[a], items[b] = items[b], items[a]


def _join_words(rng, words):
    at = place(rng, words)
    words[at : at + 2] = [b"".join(words[at : at + 2])]


def _split_word(rng, words):
    at = place(rng, words)
    cut = place(rng, words[at], 1)
    words[at : at + 1] = [words[at][:cut], words[at][cut:]]


def _cut_line(rng, lines):
    at = place(rng, lines)
    lines[at] = lines[at][: place(rng, lines[at], 1)]


def _copy_line(rng, lines):
    a, b = place(rng, lines), place(rng, lines)
    lines.insert(b if rng.random() < 0.5 else a, lines[a])


def _drop_lines(rng, lines):
    at = place(rng, lines)
    del lines[at : at + int(rng.integers(1, 6))]


def _turn_time_back(rng, lines):
    at = place(rng, lines)
    lines[at:] = lines[at:][::-1]


def _extra_column(rng, lines):
    lines[:] = [line + b" 1.5" if line.strip() else line for line in lines]


def _swap_columns(rng, lines):
    words = [line.split() for line in lines]
    lines[:] = [b" ".join([*w[:4], w[5], w[4], *w[6:]] if len(w) > 5 else w) for w in words]


def _names_swapped(rng, lines):
    """The names of two columns in the header, not the columns."""
    for at, line in enumerate(lines[:12]):
        words = line.split()
        if words[:1] and words[0][:1].lower() in (b"t", b"f") and len(words) > 1:
            _swap(rng, words)
            lines[at] = b" ".join(words)


def _flip_bytes(rng, data):
    changed = bytearray(data)
    for _ in range(int(rng.integers(1, 5)) if data else 0):
        changed[place(rng, changed)] = int(rng.integers(256))
    return bytes(changed)


def _some_bytes(rng, data):
    at, piece = place(rng, data, 1), rng.bytes(int(rng.integers(1, 200)))
    return data[:at] + piece + data[at + int(rng.integers(2)) * len(piece) :]


def _insert(*pieces: bytes) -> Callable:
    def damage(rng, data):
        at = place(rng, data, 1)
        return data[:at] + pieces[place(rng, pieces)] + data[at:]

    return damage


def _encoded(rng, data):
    encoding = str(rng.choice(["utf-16", "utf-16-le", "utf-32", "cp500"]))
    return data.decode("latin-1").encode(encoding)


def _replaced(old: bytes, *new: bytes) -> Callable:
    return lambda rng, data: data.replace(old, new[place(rng, new)])


DAMAGE: dict[str, Callable] = {
    "word": _on_words(_evil_words(0.0)),
    "many words": _on_words(_evil_words(0.6)),
    "overflow stars": _on_words(_stars),
    "words swapped": _on_words(_swap),
    "words joined": _on_words(_join_words),
    "word split": _on_words(_split_word),
    "row cut": _on_lines(_cut_line),
    "row twice": _on_lines(_copy_line),
    "rows missing": _on_lines(_drop_lines),
    "rows swapped": _on_lines(_swap),
    "time backwards": _on_lines(_turn_time_back),
    "line of junk": _on_lines(
        lambda rng, lines: lines.insert(place(rng, lines, 1), str(rng.choice(JUNK_LINES)).encode("latin-1"))
    ),
    "column added": _on_lines(_extra_column),
    "columns swapped": _on_lines(_swap_columns),
    "names swapped": _on_lines(_names_swapped),
    "last row cut": lambda rng, data: data.rstrip()[: -int(rng.integers(1, 12))],
    "bytes flipped": _flip_bytes,
    "binary": _some_bytes,
    "NUL": _insert(b"\0", b"\0" * 50),
    "control bytes": _insert(b"\x01", b"\x1a", b"\x0c", b"\x0b", b"\x1c", b"\x85", b"\x7f", b"\xa0"),
    "file cut": lambda rng, data: data[: place(rng, data, 1)],
    "encoding": _encoded,
    "decimal comma": _replaced(b".", b","),
    "other separator": _replaced(b" ", b",", b";", b", "),
    "lines joined": _replaced(b"\n", b" ", b"", b"\n\n", b"\r\r\n", b"\x0b", b"\x0c"),
    "twice": lambda rng, data: data + data,
    "empty": lambda rng, data: b"",
    "blank": lambda rng, data: bytes(rng.choice([9, 10, 13, 32], size=int(rng.integers(1, 300))).astype(np.uint8)),
    "compressed": lambda rng, data: gzip.compress(data, 1),
    "noise": lambda rng, data: rng.bytes(int(rng.integers(1, 3000))),
    "brackets": lambda rng, data: b"Time " + b"([" * 10_000 + b"\n" + data,
    "one long row": lambda rng, data: data + b" 0.5" * 10_000,
}

# ---- the oracle ---------------------------------------------------------------------------------------------------


def number(word: str) -> float | None:
    """A word as Python reads it, with Fortran's D for an exponent; None if it is no number."""
    if not set(word) <= set("0123456789+-.eEdD"):
        return None
    if WITHOUT_LETTER.fullmatch(word):
        word = f"{word[:-4]}e{word[-4:]}"
    try:
        return float(word.lower().replace("d", "e"))
    except ValueError:
        return None


NAMED = {  # names as they stand in HEADERS
    **{name: {name.lower()} for name in ("Time", "Zcg", "Roll", "Pitch", "Frequency", "Phase", "Amplitude", "Heading")},
    "Wave": {"elevation"},
    "VBM": {"moment"},
}
NAMED["Roll"] |= {"rot_x"}
NAMED["Pitch"] |= {"rot_y"}


def places_in(lines: list[list[str]], layout: Layout) -> list[list[int]]:
    """Where the columns may stand: as a line of the header names them all, else where they usually do."""
    usual = list(layout.columns.values())
    widths = Counter(map(len, lines))
    named, partly = [], [usual]
    for words in lines[:12]:
        words = [word.split("(")[0].lower() for word in words]
        at = [[place for place, word in enumerate(words) if word in NAMED[name]] for name in layout.columns]
        if all(len(places) == 1 and places[0] < widths.most_common(1)[0][0] for places in at):
            named.append([places[0] for places in at])
        elif any(at) and len(words) in widths:
            partly.append([places[0] if len(places) == 1 else place for places, place in zip(at, usual, strict=True)])
    return named or partly


def why_wrong(values: np.ndarray, data: bytes, layout: Layout, places: list[int] | None = None) -> str | None:
    """Errors in what the program has read from a file; None if there are none. places: of the columns, where known.

    It has to be the numbers of consecutive rows, none of them left out, with nothing but header and footer text before
    and behind (and SimpleCode's zero rows), in time that runs on.
    """
    text = data.decode("latin-1").removeprefix("\xef\xbb\xbf").replace("\r\n", "\n").replace("\r", "\n")
    lines = [line.encode("latin-1").split() for line in text.split("\n")]
    lines = [[word.decode("latin-1") for word in words] for words in lines if words]
    parsed = [[number(word) for word in words] for words in lines]
    if not len(values) or values.shape[1] != len(layout.columns):
        return f"shape {values.shape}"
    if not (np.abs(values) < MOST_VALUE).all():
        return "a value that is not finite or too large"
    if layout.has_time and any(b <= a for a, b in zip(values[:-1, 0], values[1:, 0], strict=True)):
        return "time stands still or runs back"
    ways = [*places_in(lines, layout), *([places] if places else [])]
    faults = [_why_wrong_at(picked, values, parsed, lines, layout, data[-1:] not in b"\r\n") for picked in ways]
    return None if None in faults else faults[0]


def _why_wrong_at(picked, values, parsed, lines, layout: Layout, no_break: bool) -> str | None:
    """The same, where the columns stand at the picked places."""
    rows = [[row[i] for i in picked] if len(row) > max(picked) and None not in row else None for row in parsed]
    wanted = values.tolist()
    starts = [i for i in range(len(rows) - len(wanted) + 1) if rows[i : i + len(wanted)] == wanted]
    if not starts:
        return "not the numbers of consecutive rows"
    faults = [_left_out(parsed, lines, start, start + len(wanted), layout, picked[0], no_break) for start in starts]
    return None if None in faults else faults[0]


def _left_out(parsed, lines, start: int, stop: int, layout: Layout, time: int, no_break: bool) -> str | None:
    """A row that the program has left out before or after what it has read."""
    width = len(parsed[start])
    if any(len(row) != width for row in parsed[start:stop]):
        return "rows of different length"
    for i in range(len(parsed)):
        if start <= i < stop:
            continue
        numbers = sum(
            value is not None or word.lower().strip("+-") in ("nan", "inf", "infinity") or word[:5] == "*****"
            for value, word in zip(parsed[i], lines[i], strict=True)
        )
        begins_with_number = parsed[i][0] is not None
        is_text = 2 * numbers < len(lines[i]) or not begins_with_number and len(lines[i]) != width
        if is_text or (i < start and (i < layout.header_lines or not begins_with_number or len(lines[i]) != width)):
            continue
        filled = [value for place, value in enumerate(parsed[i]) if value and place != time]
        if i >= stop and layout.zero_rows_at_end and not filled:
            continue
        if i == len(parsed) - 1 and no_break and _is_cut(lines[i], lines[stop - 1], parsed[i]):
            continue
        if i < start:
            text_between = any(2 * sum(v is not None for v in parsed[j]) < len(lines[j]) for j in range(i, start))
            if text_between:
                continue
        return f"row {i} of {len(lines)} left out: {' '.join(lines[i])[:60]}"
    return None


def _is_cut(words: list[str], above: list[str], numbers: list[float | None]) -> bool:
    """Whether a last row without line break has fewer words or a shorter last one than the row above."""
    return len(words) < len(above) or None in numbers or len(words[-1]) < len(above[-1]) + 2


def why_misaligned(record: data_io.Record, tables: dict[str, np.ndarray], time_res: int) -> str | None:
    """What is wrong with a record, given what was read from its files (time first)."""
    lamp = tables["LAMP.mot"]
    step = float(np.median(np.diff(lamp[:, 0]))) if len(lamp) > 1 else 0.0
    begin = max(table[0, 0] for table in tables.values())
    end = min(table[-1, 0] for table in tables.values())
    expected = [t for t in lamp[:, 0] if begin - 0.01 * step <= t <= end + 0.01 * step]
    if record.time.tolist() != expected or len(expected) < 2 * time_res:
        return f"{len(record.time)} rows where {len(expected)} are expected"
    columns = {
        "SC.mot": record.inputs[:, -4:-1],
        "LAMP.wav": record.inputs[:, -1:],
        "LAMP.mot": record.targets[:, -3:],
    }
    if "SC.vbm" in tables:
        columns |= {"SC.vbm": record.inputs[:, :1], "LAMP.vbm": record.targets[:, :1]}
    for name, values in columns.items():
        time, table = tables[name][:, 0], tables[name][:, 1:]
        curve = CubicSpline(time, table)(np.clip(record.time, time[0], time[-1])) if len(time) > 3 else None
        nearest = np.abs(time[:, None] - record.time).argmin(axis=0)
        is_there = np.abs(time[nearest] - record.time) <= 0.011 * step
        for column in range(values.shape[1]):
            straight = np.interp(record.time, time, table[:, column])
            scale = 1e-9 * max(1e-30, abs(table[:, column]).max())
            curved = straight if curve is None else curve[:, column]
            near = np.minimum(abs(values[:, column] - straight), abs(values[:, column] - curved)) <= scale
            wrong = ~near & ~(is_there & (values[:, column] == table[nearest, column]))
            if wrong.any():
                row = int(wrong.argmax())
                return f"{name}, time {record.time[row]:g} s, column {column}: {values[row, column]!r}"
    return None


def cases_of(data: bytes) -> list[str] | None:
    """The prefixes and handles of a cases file; None if there is none."""
    rows: list[str] | None = None
    for line in data.decode("utf-8-sig", "replace").splitlines():
        if rows is None:
            rows = [] if line.strip().startswith("***") else None
            continue
        begins = [i for i, letter in enumerate(line) if letter == "#" and not line[:i][-1:].strip()]
        row = line[: begins[0]] if begins else line
        if row.strip():
            rows.append(row.strip().replace("\\", "/"))
    return rows


# ---- one file, one realization, one cases file --------------------------------------------------------------------


def damaged(rng: np.random.Generator, data: bytes) -> tuple[bytes, list[str]]:
    kinds = [str(kind) for kind in rng.choice(list(DAMAGE), size=int(rng.choice([1, 1, 1, 2, 3])))]
    for kind in kinds:
        data = DAMAGE[kind](rng, data)
    return data, kinds


def make_clock(rng: np.random.Generator) -> tuple[np.ndarray, int]:
    """Time in s, and its decimals."""
    rows = int(rng.choice([1, 2, 20, 60, 300, 1500], p=[0.02, 0.03, 0.4, 0.4, 0.13, 0.02]))
    decimals = int(rng.integers(2, 6))
    step = float(rng.choice([0.05, 0.1, 0.25, 0.5, 1.0]))
    return (step * np.arange(rows) + float(rng.choice([0.0, 0.0, step, 30.0]))).round(6), decimals


def outcome_of(read: Callable, folder: Path) -> tuple[object, str | None, float]:
    """What was read, or the error in how it was refused, and the time in s."""
    began = time.process_time()
    try:
        found, fault = read(), None
    except InputError as error:
        found = None
        lines = [line.replace(str(folder), "") for line in error.lines]
        plain = all(line.isprintable() for line in lines)
        longest = max(map(len, lines), default=0)
        fault = (
            None if lines and plain and longest < MOST_MESSAGE else f"message of {longest} characters: {lines!r:.200}"
        )
    except Exception:
        found, fault = None, traceback.format_exc()
    seconds = time.process_time() - began
    return found, fault or (f"took {seconds:.1f} s" if seconds > MOST_SECONDS else None), seconds


def _rows_filled(words: list[list[str]], time: int) -> int:
    """Number of rows before those that are zero but for their time, if any."""
    rows = len(words)
    while rows and not any(number(word) for place, word in enumerate(words[rows - 1]) if place != time):
        rows -= 1
    return rows


def try_file(rng: np.random.Generator, folder: Path, whole: bool) -> tuple[str, str | None, bytes]:
    """One file; the outcome, what is wrong with it, and the file."""
    kind = str(rng.choice(list(HEADERS)))
    clock, decimals = make_clock(rng)
    words = print_table(rng, make_table(rng, kind, clock), decimals)
    header, layout, places = None, LAYOUTS[kind], list(LAYOUTS[kind].columns.values())
    if rng.random() < 0.2:
        header, words, moved = renamed(rng, kind, words)
        places = [moved[place] for place in places]
    data = make_text(rng, kind, words, header)
    kinds = []
    if not whole:
        data, kinds = damaged(rng, data)
    path = folder / kind
    path.write_bytes(data)
    values, fault, _ = outcome_of(lambda: text_tables.read_columns(path, layout), folder)
    # Of a single row that breaks off nothing tells how many columns the names are for.
    if fault is None and values is not None and (header is None or header[-1].encode() in data and len(values) > 1):
        fault = why_wrong(values, data, layout, places if header else None)
    if fault is None and whole and len(clock) > 2:
        expected = [[number(row[i].strip()) for i in places] for row in words]
        if values is None or values.tolist() != expected[: max(len(values), _rows_filled(words, places[0]))]:
            fault = "a file without damage is refused or read in part"
    outcome = "refused" if values is None else "read"
    return f"{'whole' if whole else 'broken'} file {outcome}", fault and f"{kind} {kinds}: {fault}", data


def try_realization(rng: np.random.Generator, folder: Path) -> tuple[str, str | None, bytes]:
    """The files of one realization of both codes, one of them damaged or of another length, step or begin."""
    with_vbm = bool(rng.random() < 0.3)
    names = ["SC.mot", "LAMP.mot", "LAMP.wav"] + ["SC.vbm", "LAMP.vbm"] * with_vbm
    clock, decimals = make_clock(rng)
    clock = clock[:300]
    user = UserInput(time_res=int(rng.integers(1, 4)), input_vbm=with_vbm, output_vbm=with_vbm)
    broken = str(rng.choice(names))
    kinds: list[str] = []
    for name in names:
        own = clock
        if name == broken and rng.random() < 0.5:
            own = clock[int(rng.integers(len(clock))) :: int(rng.integers(1, 4))] + float(rng.choice([0, 0, 0.03, 500]))
            kinds.append("other times")
        data = make_text(rng, name, print_table(rng, make_table(rng, name, own), decimals))
        if name == broken:
            if rng.random() < 0.5:
                data, more = damaged(rng, data)
                kinds += more
            kept = data
        (folder / name).write_bytes(data)
    pair = (str(folder / "SC"), str(folder / "LAMP"))
    result, fault, _ = outcome_of(lambda: data_io.read_record(*pair, user), folder)
    if fault is None and result is not None:
        tables = {name: text_tables.read_columns(folder / name, LAYOUTS[name]) for name in names}
        fault = why_misaligned(result[0], tables, user.time_res)
        for name in names:
            fault = fault or why_wrong(tables[name], (folder / name).read_bytes(), LAYOUTS[name])
    outcome = "refused" if result is None else "read"
    return f"realization {outcome}", fault and f"{broken} {kinds}: {fault}", kept


def try_cases(rng: np.random.Generator, folder: Path) -> tuple[str, str | None, bytes]:
    """A damaged cases file."""
    handles = [f"_h7.5_p15_a135_hh0_pp0_aa0_s10-{i:07}" for i in range(int(rng.integers(0, 9)))]
    data = "\n".join(["Bow seas", "", "***", "SC", "LAMP", *handles, ""]).encode()
    data, kinds = damaged(rng, data)
    path = folder / "cases.txt"
    path.write_bytes(data)
    cases, fault, _ = outcome_of(lambda: data_io.read_cases(path), folder)
    if fault is None and cases is not None:
        rows = cases_of(data) or []
        named = [Path(p).name for p in (*cases.sc, *cases.lamp)]
        expected = [Path(rows[0] + row).name for row in rows[2:]] + [Path(rows[1] + row).name for row in rows[2:]]
        if rows[2:] != cases.handles or named != expected:
            fault = "other handles than the file's"
        if fault is None:
            config = Config(data=DataInfo(train_sc=tuple(cases.sc), train_lamp=tuple(cases.lamp)))
            _, fault, _ = outcome_of(lambda: data_io.faulty_files(config.user, config.data), folder)
        if fault is None:
            _, fault, _ = outcome_of(
                lambda: [data_io.read_record(path, None, UserInput()) for path in cases.sc], folder
            )
    return f"cases file {'refused' if cases is None else 'read'}", fault and f"{kinds}: {fault}", data


# ---- a table of any source -----------------------------------------------------------------------------------------

FORMS = [(" ", False), ("   ", False), ("\t", False), (";", False), (",", False), (", ", False)]
FORMS += [(" ", True), ("\t", True), (";", True), (" ;", True)]  # with decimal commas
TITLES = ["a title", "Run 7 of 12, Hs = 3.5 m", "# made by hand", "", "-----"]


def make_any(rng: np.random.Generator) -> tuple[bytes, list[str], list[int], bool, list[list[float]]]:
    """A table in the form of any program, the names of three columns, their places, whether the names are there, and
    their numbers.
    """
    clock, decimals = make_clock(rng)
    between, comma = FORMS[place(rng, FORMS)]
    width = int(rng.integers(3, 8))
    words = print_table(rng, np.column_stack([clock, rng.normal(size=(len(clock), width - 1)) * 100]), decimals)
    words = [[word.strip() for word in row] for row in words]
    numbers = [[number(word) for word in row[:3]] for row in words]
    if between == "   ":
        words = [[word.rjust(24) for word in row] for row in words]
    names = [str(rng.choice(["t", "Time", "TIME"])), *(f"Probe{i}" for i in range(1, width))]
    order = [int(i) for i in rng.permutation(width)] if rng.random() < 0.3 else list(range(width))
    units = ["(s)", *["(m)"] * (width - 1)]
    style = str(rng.choice(["names", "units below", "units behind", "comment", "none"]))
    header = [names[i] + (f" {units[i]}" if style == "units behind" else "") for i in order]
    lines = [str(rng.choice(TITLES)) for _ in range(int(rng.integers(3)))]
    lines += ["# " * (style == "comment") + between.join(header)] if style != "none" else []
    lines += [between.join(units[i] for i in order)] if style == "units below" else []
    rows = [between.join(row[i] for i in order) for row in words]
    lines += [row.replace(".", ",") for row in rows] if comma else rows
    zeros = between.join(["0,0" if comma else "0.0"] * width)
    lines += [zeros] * int(rng.integers(1, 12)) * bool(rng.random() < 0.2)
    lines += ["", "End of the record"] * bool(rng.random() < 0.1)
    end = str(rng.choice(["\n", "\n", "\r\n"]))
    data = (end.join(lines) + (end if rng.random() < 0.8 else "")).encode()
    return data, names[:3], [order.index(i) for i in range(3)], style != "none", numbers


def rows_in(data: bytes, separator: str, comma: bool) -> list[list[str]]:
    """The words of each line of a table, with decimal points."""
    text = data.decode("latin-1").removeprefix("\xef\xbb\xbf").replace("\r\n", "\n").replace("\r", "\n")
    lines = [line for line in text.split("\n") if line.strip(" \t")]
    rows = [[word.strip(' \t\v\f"') for word in (line.split(separator) if separator else re.findall(r"[^ \t]+", line))]
            for line in lines if line.strip()[:1] not in tuple("#%!")]  # fmt: skip
    return [[word.translate(str.maketrans(",.", ".,")) for word in row] if comma else row for row in rows]


def why_wrong_table(values: np.ndarray, data: bytes, names: list[str], places: list[int]) -> str | None:
    """Errors in what was read of a table: it has to be consecutive rows, with only header and footer beside them."""
    if not len(values) or not (np.abs(values) < MOST_VALUE).all() or (np.diff(values[:, 0]) <= 0).any():
        return f"no rows, a value that cannot be, or time that runs back: {values[:3]}"
    faults, wanted = [], values.tolist()
    for separator in ("", "\t", ";", ",", "|"):
        for comma in (False, True):
            rows = rows_in(data, separator, comma)
            header = rows_in(b"\n".join(data.split(b"\n")[:12]).replace(b"#", b""), separator, comma)
            plain = [[word for word in row if not word.startswith("(")] for row in header]
            named = [[_column(row, name) for name in names] for row in header + plain] + [places]
            for at in (at for at in named if None not in at):
                parsed = [[number(row[i]) for i in at] if len(row) > max(at) else None for row in rows]
                starts = [
                    i for i in range(len(rows)) if parsed[i] == wanted[0] and parsed[i : i + len(wanted)] == wanted
                ]
                faults += [_beside(rows, start, start + len(values), at) for start in starts]
                if None in faults:
                    return None
    return faults[0] if faults else "not the numbers of consecutive rows"


def _column(row: list[str], name: str) -> int | None:
    found = [i for i, word in enumerate(row) if re.split(r"[ (\[]", word)[0].lower() == name.lower()]
    return found[0] if len(found) == 1 else None


def _beside(rows: list[list[str]], start: int, stop: int, places: list[int]) -> str | None:
    """A row that was left out before or after those that were read."""
    for i, row in enumerate(rows):
        numbers = [number(word) for word in row]
        many = 2 * sum(value is not None for value in numbers) >= len(row) and len(row) == len(rows[start])
        is_last = i == len(rows) - 1 and i == stop  # may break off
        if (
            many
            and not start <= i < stop
            and numbers[places[0]] is not None
            and not is_last
            and any(numbers[at] for at in places)
        ):
            return f"row {i} of {len(rows)} left out: {' '.join(row)[:60]}"
    return None


def try_table(rng: np.random.Generator, folder: Path) -> tuple[str, str | None, bytes]:
    """A table of any source, damaged or not."""
    data, names, places, has_names, numbers = make_any(rng)
    whole, kinds = rng.random() < 0.2, []
    if not whole:
        data, kinds = damaged(rng, data)
    path = folder / "table.txt"
    path.write_bytes(data)
    by_name = has_names and rng.random() < 0.7
    channels = [(name, Reference(name if by_name else at), "") for name, at in zip(names, places, strict=True)]
    layout = DescribedLayout("any", tuple(channels[1:]), TextFormat(time=channels[0][1].column))
    read, fault, _ = outcome_of(lambda: layout.read(str(path)), folder)
    if fault is None and read is not None:
        fault = why_wrong_table(read[0], data, names if by_name else ["?"], places)
    if fault is None and whole and len(numbers) > 2 and (read is None or read[0].tolist() != numbers):
        fault = "a table without damage is refused or read in part"
    outcome = "refused" if read is None else "read"
    return f"{'whole' if whole else 'broken'} table {outcome}", fault and f"{kinds}: {fault}", data


def fuzz(count: int, seed: int, folder: Path, first: int = 0, tables: bool = False) -> tuple[Counter, list[str]]:
    """Tries `count` files; returns the number of each outcome, and the faults with the number that repeats each.

    tables: of any source instead of SimpleCode's and LAMP's files.
    """
    outcomes: Counter = Counter()
    faults = []
    for i in range(first, first + count):
        rng = np.random.default_rng((seed, i))
        way = rng.random()
        if tables:
            outcome, fault, data = try_table(rng, folder)
        elif way < 0.75:
            outcome, fault, data = try_file(rng, folder, whole=bool(rng.random() < 0.15))
        elif way < 0.9:
            outcome, fault, data = try_realization(rng, folder)
        else:
            outcome, fault, data = try_cases(rng, folder)
        outcomes[outcome] += 1
        if fault:
            outcomes["FAULT"] += 1
            faults.append(f"--first {i} --count 1 --seed {seed}{' --tables' * tables}: {fault}")
    return outcomes, faults


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first file, to repeat one")
    parser.add_argument("--tables", action="store_true", help="tables of any source instead of the simulators' files")
    parser.add_argument("--keep", type=Path, help="a folder to leave the last files in")
    arguments = parser.parse_args()
    faulthandler.dump_traceback_later(3600, exit=True)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        outcomes, faults = fuzz(arguments.count, arguments.seed, folder, arguments.first, arguments.tables)
    for fault in faults[:20]:
        print(fault)
    for outcome, times in sorted(outcomes.items()):
        print(f"{outcome:<24}{times:>9}")
    print(f"{time.perf_counter() - began:.0f} s{peak_memory()}")
    return 1 if faults else 0


def peak_memory() -> str:
    if os.name == "nt":
        return ""
    import resource

    return f", at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB of memory"


if __name__ == "__main__":
    sys.exit(main())
