"""Reads the simulators' text files, columns of numbers below a header: fast, exact, and with a line for each fault.

A file's rows are taken as bytes and whole columns are turned into numbers at once. What is printed below each other in
fixed positions is the fastest; words of any length are placed below each other first; all else goes word by word.
"""

import os
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from support.errors import InputError

MAX_FAULTS_A_FILE = 3
WHITESPACE = 32  # byte values up to a blank separate columns,
CONTROL_BYTES = bytes(set(range(WHITESPACE)) - set(b"\t\n\v\f\r"))  # but these are damage
LARGEST_VALUE = 1e18  # beyond it a value is damage, and its square overflows the network's float32
LONGEST_WORD = 24  # characters; a double needs no more
LONGEST_NAMES = 1000  # bytes of a header line that names columns
LONGEST_HEADER = 100  # lines
MOST_COLUMNS = 1000  # in a row; more are a file whose line breaks are lost
LARGEST_EXACT_INTEGER = 10**15  # below it a decimal mantissa is exact in float64,
LARGEST_EXACT_POWER = 22  # and so is a power of ten up to here: their quotient is then correctly rounded

# What the first of two neighbours is multiplied with when they are joined, and a type in which the result fits.
JOINED_DIGITS = [(10, np.uint8), (100, np.uint16), (10**4, np.uint32), (10**8, np.uint64), (10**16, np.uint64)]

NUMBER = re.compile(rb"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][+-]?\d+)?")
WITH_COMMA = re.compile(rb"[+-]?\d*,\d+(?:[eEdD][+-]?\d+)?")


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
NAMES_OF_ROLL = {"roll": "SimpleCode", "rot_x": "LAMP"}


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
    if width > MOST_COLUMNS:
        raise InputError(f"{path}: {width} columns in a row, at most {MOST_COLUMNS} are read; are line breaks missing?")
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


def count_columns(path: str | os.PathLike) -> int:
    """Number of columns of a file; 0 where it cannot be read."""
    try:
        return _usual_width(_read_bytes(Path(path)))
    except InputError:
        return 0


def written_by(path: str | os.PathLike) -> str | None:
    """ "SimpleCode" or "LAMP", by what the header of a .mot file calls roll; None where it does not say."""
    try:
        with open(path, "rb") as file:
            lines = file.read(4 * LONGEST_NAMES).lower().splitlines()
    except (OSError, ValueError):
        return None
    names = next((line.decode("latin-1").split() for line in lines if line.split()[:1] == [b"time"]), [])
    return next((NAMES_OF_ROLL[name] for name in names if name in NAMES_OF_ROLL), None)


def _read_bytes(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path}: file is missing; check the name (paths are given without endings)") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path and your rights") from None
    if not data or data.isspace():
        raise InputError(f"{path}: file is empty; run the simulation again")
    if b"\0" in data:
        raise InputError(f"{path}: holds binary data where rows of numbers are expected; give the text file")
    if data.startswith(b"\xef\xbb\xbf"):
        data = data[3:]
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return data if data.endswith(b"\n") else data + b"\n"


def _usual_width(data: bytes, sample: int = 2_000) -> int:
    """Number of columns of most rows, counted in the middle of the file, where neither header nor footer reaches.

    sample: bytes that are looked at; more where they hold no row, in files that are mostly header.
    """
    start = max(len(data) - sample, 0) // 2
    lines = data[start : start + sample].split(b"\n")
    if start:
        lines = lines[1:-1]  # the outer ones are cut
    rows = [line.split() for line in lines if line.strip()]
    numeric = [len(row) for row in rows if all(map(NUMBER.fullmatch, row))]
    if start and not numeric:
        return _usual_width(data, 8 * sample)
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
        raise InputError(_why_no_rows(data, path, layout))
    return data[offset:end], len(starts) + 1


def _why_no_rows(data: bytes, path: Path, layout: Layout) -> str:
    for number, line in enumerate(data.split(b"\n")[:LONGEST_HEADER], start=1):
        for what, remedy, apart in (
            ("numbers have a decimal comma", "write them with a decimal point", None),
            ("columns are separated by commas", "separate them by blanks", b","),
            ("columns are separated by semicolons", "separate them by blanks, and write decimal points", b";"),
        ):
            cells = [cell.strip() for cell in line.split(apart)]
            commas = sum(bool(WITH_COMMA.fullmatch(cell)) for cell in cells)
            numbers = commas + sum(bool(NUMBER.fullmatch(cell)) for cell in cells)
            if numbers == len(cells) > 1 and (apart or commas):
                return f"{path}, line {number}: {what} ({_shown(line)}); {remedy}"
    return f"{path}: no row of numbers after {layout.header_lines} header lines; expected a {layout.kind} file"


def _shown(text: bytes) -> str:
    return repr(text[:20].strip().decode("ascii", "replace"))


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
    end = 0
    for _ in range(first_line - 1):
        end = data.index(b"\n", end) + 1
    for number, line in enumerate(data[:end].split(b"\n")[:-1], start=1):
        if len(line) > LONGEST_NAMES:
            continue
        words = re.sub(r"[\[(].*?[\])]", "", line.decode("latin-1")).split()
        names = [COLUMN_NAMES.get(word.lower()) for word in words]
        if len(words) != width or names[:1] != ["Time"]:
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
    if len(body) % length or len(body.translate(None, CONTROL_BYTES)) < len(body):
        return None
    grid = np.frombuffer(body, np.uint8).reshape(-1, length).T.copy()  # (position in the line, row)
    printed = grid[:, 0] > WHITESPACE
    ends = np.flatnonzero(printed[:-1] & ~printed[1:]) + 1
    if (
        not max(layout.columns.values()) < len(ends) <= MOST_COLUMNS
        or (grid[-1] != ord("\n")).any()
        or (grid[ends] > WHITESPACE).any()
    ):
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
    rank = np.add(is_digit, is_digit, dtype=np.uint8) + is_sign  # blanks, then at most one sign, then digits
    known = is_digit | is_sign | (whole <= WHITESPACE)
    if not known.all() or (rank[1:] < rank[:-1]).any() or (is_sign[1:] & is_sign[:-1]).any():
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
    # Neighbours are joined, two digits to a number below 100, two of those to one below 10 000, and so on: most of the
    # arithmetic is in few bits, where it is fastest.
    parts = digits[-18:]
    for base, few_bits in JOINED_DIGITS:
        if len(parts) < 2:
            break
        if len(parts) % 2:
            parts = np.concatenate([np.zeros_like(parts[:1]), parts])
        parts = parts[0::2].astype(few_bits) * few_bits(base) + parts[1::2]
    return parts.sum(axis=0, dtype=np.int64)  # of one part, or none


def _scale(mantissa: np.ndarray, power: np.ndarray) -> np.ndarray:
    """mantissa * 10^power, correctly rounded: one exact operand each way."""
    tens = 10.0 ** np.abs(power)
    return np.where(power >= 0, mantissa * tens, mantissa / tens)


def _free_columns(body: bytes, layout: Layout, width: int) -> np.ndarray | None:
    """The layout's columns of rows printed in any way, or None where a row is not as long as the others."""
    positions = list(layout.columns.values())
    marks = body.translate(None, b"0123456789 \t\n\v\f")
    letters = marks.translate(None, b"+-.")
    if max(positions) >= width or letters.strip(b"eEdD"):
        return None  # words, or what Python would take for a number and we do not: nan, 1_000, 0x1
    raw = np.frombuffer(b" " * LONGEST_WORD + body, np.uint8)  # so that there is something before the first word
    blanks = np.flatnonzero(raw <= WHITESPACE)
    begins, ends = blanks[LONGEST_WORD - 1 : -1] + 1, blanks[LONGEST_WORD:]
    apart = ends > begins
    if not apart.all():  # columns are not separated by one blank each
        begins, ends = begins[apart], ends[apart]
    row_ends = blanks[raw[blanks] == ord("\n")]
    if len(begins) == width * len(row_ends):
        begins, ends = begins.reshape(-1, width), ends.reshape(-1, width)
        if (ends[:, -1] <= row_ends).all() and (begins[1:, 0] > row_ends[:-1]).all():
            columns = [_aligned_numbers(raw, begins[:, position], ends[:, position]) for position in positions]
            # The columns that are not read have to be numbers too, as above.
            known = not letters and all(column is not None for column in columns)
            if known and _are_decimals(marks, raw, begins, ends):
                return np.stack(columns, axis=1)
    words_a_row = np.diff(np.searchsorted(begins.ravel(), row_ends), prepend=0)
    if not np.isin(words_a_row, (0, width)).all():
        return None
    try:
        words = body.translate(bytes.maketrans(b"dD", b"eE")).split()
        return np.array(words, dtype=np.float64).reshape(-1, width)[:, positions]
    except ValueError:
        return None


def _are_decimals(marks: bytes, raw: np.ndarray, begins: np.ndarray, ends: np.ndarray) -> bool:
    """Whether all words, which are made of digits, points and signs, are numbers.

    They are if they have at most one point, a sign only in front, and a digit, so that counting is enough.

    marks: all points and signs. begins, ends: (row, column), of the words in `raw`.
    """
    first = raw[begins]
    signed = (first == ord("-")) | (first == ord("+"))
    if marks.count(b"-") + marks.count(b"+") != np.count_nonzero(signed):
        return False
    points = _points_of_columns(marks.count(b"."), raw, begins, ends)
    if points is None:
        points_before = np.cumsum(raw == ord("."), dtype=np.uint8)  # may wrap around: its differences are small
        points = points_before[ends] - points_before[begins - 1]
    return points.max() <= 1 and bool((ends - begins > points + signed).all())


def _points_of_columns(count: int, raw: np.ndarray, begins: np.ndarray, ends: np.ndarray) -> np.ndarray | None:
    """(column,) 1 where all words of a column have their point at one distance from their end, 0 where none has one.

    None if that is not all that there is to say of the `count` points. Much faster than looking for each of them.
    """
    points = np.zeros(begins.shape[1], np.uint8)
    for column, (begin, end) in enumerate(zip(begins[0], ends[0], strict=True)):
        from_end = end - begin - raw[begin:end].tobytes().rfind(b".")
        if from_end > end - begin:
            continue
        place = ends[:, column] - from_end
        if (place < begins[:, column]).any() or (raw[place] != ord(".")).any():
            return None
        points[column] = 1
    return points if count == len(begins) * points.sum(dtype=np.int64) else None


def _aligned_numbers(raw: np.ndarray, begins: np.ndarray, ends: np.ndarray) -> np.ndarray | None:
    """Numbers of one column from where its words begin and end in the text, by placing them below each other."""
    lengths = ends - begins
    longest = int(lengths.max())
    if longest > LONGEST_WORD:
        return None
    field = np.lib.stride_tricks.sliding_window_view(raw, longest)[ends - longest].T.copy()  # (position, row)
    for place in range(longest - int(lengths.min())):
        np.copyto(field[place], WHITESPACE, where=lengths < longest - place)
    return _fixed_width_numbers(field)


def _count_zero_rows(values: np.ndarray) -> int:
    """Rows at the end that hold nothing: zeros throughout, or zeros behind a time that runs on."""
    rows = _rows_to_last_filled(values) or 1  # a record may begin with a row of zeros at time zero
    rows = _rows_to_last_filled(values[:rows, 1:]) or rows  # a ship at rest in calm water is no filling
    return len(values) - rows


def _rows_to_last_filled(values: np.ndarray) -> int:
    """Number of rows up to the last one that is not all zeros; 0 if all are."""
    for begin in (max(len(values) - 100, 0), 0):  # there are seldom more zeros at the end
        filled = np.flatnonzero(values[begin:].any(axis=1))
        if len(filled):
            return begin + int(filled[-1]) + 1
    return 0


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
                comma = WITH_COMMA.fullmatch(word)
                expected = "has a decimal comma where a point is expected" if comma else "where a number is expected"
                remedy = "write it with a decimal point" if comma else "correct the row or run the simulation again"
                faults.append(f"{path}, line {number}, column {column}: {_shown(word)} {expected}; {remedy}")
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
