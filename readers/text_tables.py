"""Reads the simulators' text files, columns of numbers below a header: fast, exact, and with a line for each error.

The rows between header and footer are parsed by pandas. What it refuses is read again line by line, which finds the
faults and where they are.
"""

import codecs
import contextlib
import csv
import io
import os
import re
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from readers import column_names, units
from readers.column_names import LONGEST_HEADER
from settings.channels import COURSE, MOTIONS, ROLL, TRACK, WAVE, channel_of
from settings.description import in_use
from system.errors import InputError, counted

MAX_FAULTS_A_FILE = 3
LARGEST_VALUE = 1e18  # larger values are damage, and their squares overflow the network's float32
LONGEST_NAMES = 1000  # bytes of a header line that names columns
USUAL_ZERO_ROWS = 12  # at the end of SimpleCode's files; about ten
DYING_AWAY = 0.02  # of a column's largest value: from smaller values it may have come to rest
FEWEST_ABOVE, ROWS_ABOVE = 10, 50  # rows with which a last row without line break is compared
BEGIN_OF_FILE = 40_000  # bytes in which the header ends
LONGEST_UNITS = 4000  # bytes of a header that are searched for units
MOST_COLUMNS = 1000  # in a row; with more, the file has lost its line breaks
# pandas rounds exactly on request, and always from 3.1 on.
EXACT = {} if tuple(map(int, pd.__version__.split(".")[:2])) >= (3, 1) else {"float_precision": "round_trip"}

# Fortran leaves out the letter of an exponent of three digits: 1.2345-101.
NUMBER = re.compile(rb"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eEdD][+-]?\d+)?|(?:\d+\.\d*|\.\d+)[+-][1-3]\d\d)")
WITHOUT_LETTER = re.compile(rb"(?<!\S)([+-]?(?:\d+\.\d*|\.\d+))([+-][1-3]\d\d)(?!\S)")
# Also NaN, infinity, and the stars that Fortran prints for a number that does not fit.
MEANT_AS_NUMBER = re.compile(NUMBER.pattern + rb"|[+-]?(?:nan|inf(?:inity)?)|\*{5,}", re.IGNORECASE)
WITH_COMMA = re.compile(rb"[+-]?\d*,\d+(?:[eEdD][+-]?\d+)?")
SWAPPED = bytes.maketrans(b",.", b".,")  # decimal commas for points
WITH_ANY = re.compile(NUMBER.pattern + b"|" + WITH_COMMA.pattern)


@dataclass(frozen=True)
class Layout:
    """A file format: the number of header lines and the columns that are read, by name and position."""

    kind: str
    header_lines: int
    columns: dict[str, int]
    zero_rows_at_end: bool = False  # SimpleCode pads the end of its records with zeros
    has_time: bool = True

    def read(self, path: str) -> tuple[np.ndarray, list[str]]:
        """See `read_table`."""
        return read_table(path, self)


def layout_of(kind: str, names: Sequence[str]) -> Layout:
    """Of a kind of file, such as "LAMP .mot", of which these channels are read."""
    is_lamp = kind.startswith("LAMP")
    columns = {name: (channel_of(name).high if is_lamp else channel_of(name).low).place for name in names}
    return Layout(kind, {"LAMP .mot": 3, "LAMP .vbm": 4}.get(kind, 2), {"Time": 0} | columns, not is_lamp)


SC_MOT, LAMP_MOT = layout_of("SimpleCode .mot", MOTIONS), layout_of("LAMP .mot", MOTIONS)
SC_TRACK, LAMP_TRACK = layout_of("SimpleCode .mot", TRACK), layout_of("LAMP .mot", TRACK)
SC_COURSE = layout_of("SimpleCode .mot", COURSE)
SC_WAVES = layout_of("SimpleCode .mot with wave elevation", [WAVE])
WAV = Layout(".wav", 3, {"Time": 0, WAVE: channel_of(WAVE).high.place}, zero_rows_at_end=True)
SEA = Layout(".sea", 6, {"Frequency": 0, "Phase": 1, "Amplitude": 2, "Heading": 3}, has_time=False)
SC_VBM, LAMP_VBM = layout_of("SimpleCode .vbm", ["VBM"]), layout_of("LAMP .vbm", ["VBM"])


def read_columns(path: str | os.PathLike, layout: Layout) -> np.ndarray:
    """What `read_table` reads, without the remarks."""
    return read_table(path, layout)[0]


def read_table(path: str | os.PathLike, layout: Layout) -> tuple[np.ndarray, list[str]]:
    """The columns of a layout from one file, and lines about what was converted, left out or found elsewhere.

    Returns (rows, column) float64 in m, deg and s (rad/s for frequencies, the file's unit for VBM), in the layout's
    order, without footer lines and SimpleCode's zero rows at the end. Columns are read by name where the header has
    their names, else by position.

    Raises InputError if the file is missing, empty or not text, names a unit that cannot be converted or something else
    where a column is expected, or has a row that is cut, not numeric, not finite or backwards in time; one line each,
    with the file's line and column.
    """
    path = Path(path)
    data = read_bytes(path)
    width = _usual_width(data)
    if width > MOST_COLUMNS:
        raise InputError(f"{path}: {width} columns in a row, at most {MOST_COLUMNS} are read; are line breaks missing?")
    data, remarks = without_broken_row(data, width, path)
    header, body, names, placed = _parts(data, width, path, layout)
    text = header[:LONGEST_UNITS].decode("latin-1")
    named_units = units.units_of(text, placed.columns, names.labels, width)
    converted = units.factors(named_units, path)
    remarks += _remarks_on_columns(names, layout.columns, placed.columns, path)
    remarks += _remarks_on_units(text, named_units, path)
    table = _parse(body, width)
    values = _usable_columns(table, width, placed)
    if values is None:
        table = _read_line_by_line(body, header.count(b"\n") + 1, width, path, placed)
        values = _usable_columns(table, width, placed)
    if values is None:
        raise InputError(f"{path}: no usable row; expected a {layout.kind} file")
    if (zeros := len(table) - len(values)) > USUAL_ZERO_ROWS:
        remarks += [
            f"{path}: {zeros} rows of zeros at the end are left out, where about 10 are usual; "
            f"{counted(len(values), 'row')} left: check that the simulation ran to its end"
        ]
    if not converted:
        return values, remarks
    listed = ", ".join(f"{name} from {unit}" for name, (unit, _) in converted.items())
    remarks += [f"{path}: converted to m and deg, as its header says: {listed}; check that the header is right"]
    return values * [converted.get(name, ("", 1.0))[1] for name in layout.columns], remarks


def _remarks_on_columns(
    names: column_names.Names, usual: Mapping[str, int], placed: Mapping[str, int], path: Path
) -> list[str]:
    """Lines about columns that do not stand where they usually do, or share a name."""
    remarks = []
    if moved := [f"{name} from column {at + 1}" for name, at in placed.items() if at != usual[name]]:
        remarks += [f"{path}: read by the names in line {names.line}: {', '.join(moved)}; check that they are right"]
    for name, at in column_names.called_as_others(names, placed).items():
        what = f"several columns are called {names.labels[at]}; {name} is read from column {at + 1}"
        remarks += [f"{path}, line {names.line}: {what}; check that it is the right one"]
    return remarks


def _remarks_on_units(header: str, named_units: Mapping[str, str], path: Path) -> list[str]:
    """Lines about units that are not known, and about those that a text names for no column. named_units: by column."""
    remarks = []
    for name, unit in units.unknown_units(named_units).items():
        what = f"the header's unit of {name} is {unit!r}, which is not known"
        remarks += [f"{path}: {what}; the column is read in m, deg or s: check that it is"]
    if others := units.of_no_column(header, named_units):
        what = f"the header speaks of {', '.join(others)}, for no column; all are read in m, deg and s"
        remarks += [f"{path}: {what}; check that they are"]
    return remarks


def _parts(data: bytes, width: int, path: Path, layout: Layout) -> tuple[bytes, bytes, column_names.Names, Layout]:
    """A file's header, its rows of numbers, the names in the header, and the layout with the columns' places."""
    header, body = _header_and_rows(data, width, path, layout)
    names = column_names.find_names(header, width, is_sea=not layout.has_time)
    places = column_names.positions(names, layout.columns, width, path, layout.kind)
    return header, body, names, replace(layout, columns=places)


def count_columns(path: str | os.PathLike) -> int:
    """Number of columns of a file; 0 if it cannot be read."""
    try:
        return _usual_width(read_bytes(Path(path)))
    except InputError:
        return 0


def moment_unit(path: str | os.PathLike, layout: Layout) -> str | None:
    """The unit of the bending moment that the header of a .vbm file names; None if it names none or cannot be read."""
    try:
        data = read_bytes(Path(path), BEGIN_OF_FILE) + b"\n"
        width = _usual_width(data)
        header, _, names, placed = _parts(data, width, Path(path), layout)
    except InputError:
        return None
    return units.units_of(header[:LONGEST_UNITS].decode("latin-1"), placed.columns, names.labels, width).get("VBM")


def written_by(path: str | os.PathLike) -> str | None:
    """Who wrote a .mot file, "SimpleCode" or "LAMP", by its header's name of roll; None if it has none."""
    try:
        with open(path, "rb") as file:
            lines = file.read(4 * LONGEST_NAMES).removeprefix(codecs.BOM_UTF8).lower().splitlines()
    except (OSError, ValueError):
        return None
    names = next((line.decode("latin-1").split() for line in lines if line.split()[:1] == [b"time"]), [])
    roll = channel_of(ROLL)
    writers = {roll.low.name.lower(): "SimpleCode", roll.high.name.lower(): "LAMP"}
    return next((writers[name] for name in names if name in writers), None)


def read_bytes(path: Path, most: int = -1) -> bytes:
    """What a file contains, at most so many bytes, with line breaks as in Unix."""
    try:
        with open(path, "rb") as file:
            data = file.read(most)
    except FileNotFoundError:
        endings = " (paths are given without extensions)" if in_use().is_ship else ""
        raise InputError(f"{path}: file is missing; check the name{endings}") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path and your permissions") from None
    if not data or data.isspace():
        raise InputError(f"{path}: file is empty; run the simulation again")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise InputError(f"{path}: is saved as UTF-16 (Unicode); save it as UTF-8 or ANSI text")
    if b"\0" in data:
        raise InputError(f"{path}: contains binary data where rows of numbers are expected; give the text file")
    data = data.removeprefix(codecs.BOM_UTF8)
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return data


def without_broken_row(
    data: bytes, width: int, path: Path, first_line: int = 1, numbers: Callable[[bytes], bytes] = bytes
) -> tuple[bytes, list[str]]:
    """The file without a last row that breaks off, and a line about it; it then ends with a line break.

    A row without line break breaks off if it has too few columns, or if its last number has fewer decimals than those
    above, or, in columns of fixed width, ends before them. width: numbers in a row. first_line: the number of the first
    line. numbers: those of a line, between blanks.
    """
    if data.endswith(b"\n"):
        return data, []
    start = data.rfind(b"\n") + 1
    last, *lines = map(numbers, (data[start:], *data[max(0, start - 1500 * width) : start].split(b"\n")[1:]))
    above = [line for line in lines if _count_numbers(line) == width]
    if not _breaks_off(last, above[-ROWS_ABOVE:], width):
        return data + b"\n", []
    line = data.count(b"\n") + first_line
    return data[:start], [f"{path}, line {line}: the last row breaks off and is left out; write the file again"]


def _breaks_off(last: bytes, above: list[bytes], width: int) -> bool:
    words = last.split()
    if not words or not above or len(words) > width or last.strip(b"0123456789+-.eEdD \t"):
        return False  # a footer, or damage
    if len(words) < width or not NUMBER.fullmatch(words[-1]):
        return True
    if len(above) < FEWEST_ABOVE:
        return False
    forms, ends = {_form(line.split()[-1]) for line in above}, set(map(_ends, above))
    if len(forms) == 1 and forms != {(-1, 0)}:
        return forms != {_form(words[-1])}
    usual, row = max(ends), _ends(last)
    return len(ends) == 1 and row[:-1] == usual[:-1] and row[-1] < usual[-1]


def _ends(row: bytes) -> tuple[int, ...]:
    """Where the words of a row end."""
    return tuple(word.end() for word in re.finditer(rb"\S+", row))


def _form(word: bytes) -> tuple[int, int]:
    """Number of decimals (-1 without a decimal point) and length of the exponent."""
    mantissa, exponent = re.fullmatch(rb"([+-]?[\d.]*)(.*)", word).groups()
    return len(mantissa) - mantissa.find(b".") - 1 if b"." in mantissa else -1, len(exponent)


def _usual_width(data: bytes, sample: int = 2_000) -> int:
    """Number of columns of most rows, counted in the middle of the file, away from header and footer.

    sample: number of bytes to look at; increased if they contain no row, in files that are mostly header.
    """
    start = max(len(data) - sample, 0) // 2
    lines = data[start : start + sample].split(b"\n")
    if start:
        lines = lines[1:-1]  # the first and last are incomplete
    numeric = [count for line in lines if (count := _count_numbers(line))]
    if start and not numeric:
        return _usual_width(data, 8 * sample)
    return max(statistics.multimode(numeric or [len(line.split()) for line in lines if line.strip()]), default=0)


def _count_numbers(line: bytes) -> int:
    """How many numbers a line consists of; 0 if any of its words is none."""
    words = line.split()
    return len(words) if all(map(NUMBER.fullmatch, words)) else 0


def _header_and_rows(data: bytes, width: int, path: Path, layout: Layout) -> tuple[bytes, bytes]:
    """The header, and the rows of numbers without the footer."""
    header = []
    for line in io.BytesIO(data):
        if len(header) >= layout.header_lines and _is_row(line, width):
            break
        header.append(line)
    else:
        raise InputError(_why_no_rows(data, path, layout))
    # The header may be shorter than usual: its last lines are rows.
    while header and _count_numbers(header[-1]) == width:
        header.pop()
    begin, end = sum(map(len, header)), len(data)
    start = data.rfind(b"\n", begin, end - 1) + 1 or begin
    while not _is_row(data[start:end], width):
        end = start
        start = data.rfind(b"\n", begin, end - 1) + 1 or begin
    beside = *header[-1:], data[end : data.find(b"\n", end)]
    if any(_is_row_with_commas(line, width) for line in beside):
        raise InputError(_why_no_rows(data, path, layout))
    return data[:begin], data[begin:end]


def _why_no_rows(data: bytes, path: Path, layout: Layout) -> str:
    for number, line in enumerate(data.split(b"\n")[:LONGEST_HEADER], start=1):
        for what, remedy, apart in (
            ("numbers have a decimal comma", "write them with a decimal point", None),
            ("columns are separated by commas", "separate them by blanks", b","),
            ("columns are separated by semicolons", "separate them by blanks, and write decimal points", b";"),
        ):
            cells = [cell.strip() for cell in line.split(apart)]
            has_commas = any(map(WITH_COMMA.fullmatch, cells))
            if len(cells) > 1 and all(map(WITH_ANY.fullmatch, cells)) and (apart or has_commas):
                return f"{path}, line {number}: {what} ({shown(line)}); {remedy}"
    return f"{path}: no row of numbers after {layout.header_lines} header lines; expected a {layout.kind} file"


def _is_row_with_commas(line: bytes, width: int) -> bool:
    """Whether a line is a row with decimal commas, which is neither header nor footer."""
    words = line.split()
    return len(words) == width and all(map(WITH_ANY.fullmatch, words)) and any(map(WITH_COMMA.fullmatch, words))


def shown(text: bytes) -> str:
    return ascii(text[:20].strip().decode("utf-8", "replace"))  # also tells a typographic minus from a hyphen


def _is_row(line: bytes, width: int) -> bool:
    """Whether a line is a (possibly damaged) row, as opposed to a part of header or footer.

    It is if half of its words or more can be meant as numbers, and if the first can or their number is that of a row.
    """
    meant = [bool(MEANT_AS_NUMBER.fullmatch(word)) for word in line.split()]
    return any(meant) and 2 * sum(meant) >= len(meant) and (meant[0] or len(meant) == width)


def _parse(body: bytes, width: int) -> np.ndarray | None:
    """All numbers, exactly rounded; None if rows differ in length or a word is not a number.

    pandas accepts the same words as Python, and infinity as well.
    """
    row = body[: body.index(b"\n")]
    if len(row.split()) != width:
        return None  # pandas infers the number of columns from the first row, which may have far too many
    if b"D" in body or b"d" in body:  # Fortran's exponents
        body = body.translate(bytes.maketrans(b"dD", b"eE"))
    # Blanks alone are a fifth faster.
    for separator in (r"\s+",) if b"\t" in row or row.endswith(b" ") else (" ", r"\s+"):
        if (table := numbers_of(body, separator)) is not None:
            return table
    with_letters = WITHOUT_LETTER.sub(rb"\1E\2", body)
    return None if with_letters == body else _parse(with_letters, width)


def numbers_of(body: bytes, separator: str, columns: Sequence[int] | None = None) -> np.ndarray | None:
    """(rows, column) as pandas reads them, of all columns or these in rising order; None if it refuses a word."""
    with contextlib.suppress(ValueError):
        table = pd.read_csv(
            io.BytesIO(body),
            sep=separator,
            skipinitialspace=True,
            header=None,
            usecols=columns,
            dtype=np.float64,
            na_filter=False,  # no NaN for NA, nan or missing values
            quoting=csv.QUOTE_NONE,
            engine="c",
            low_memory=False,
            **EXACT,
        )
        return table.to_numpy()
    return None


def _usable_columns(table: np.ndarray | None, width: int, layout: Layout) -> np.ndarray | None:
    """The layout's columns of a file's numbers; None if they cannot be right."""
    positions = list(layout.columns.values())
    if table is None or table.shape[1] != width or max(positions) >= width or not np.isfinite(table).all():
        return None
    values = table[
        : _rows_before_padding(table, layout.columns["Time"]) if layout.zero_rows_at_end else None, positions
    ]
    runs_on = not layout.has_time or (np.diff(values[:, 0]) > 0).all()
    return values if runs_on and (np.abs(values) < LARGEST_VALUE).all() else None


def _rows_before_padding(table: np.ndarray, time_column: int) -> int:
    """Number of rows before those that fill the end of a file: zeros in all columns.

    Time may run on in them, but then zeros are values if the ship was at rest before, or came to rest.
    """
    rows = rows_to_last_filled(table) or 1  # a record may begin with a row of zeros at time zero
    if table[rows - 1].any() and np.count_nonzero(table[rows - 1]) > 1:
        return rows
    signals = np.abs(np.delete(table[:rows], time_column, axis=1))
    filled = rows_to_last_filled(signals)
    steps = np.abs(np.diff(signals[max(0, filled - 10) : filled], axis=0)).max(axis=0, initial=0)
    breaks_off = signals[filled - 1] > np.maximum(3 * steps, DYING_AWAY * signals.max(axis=0))
    return filled if filled and breaks_off.any() else rows


def rows_to_last_filled(values: np.ndarray) -> int:
    """Number of rows up to the last one that is not all zeros; 0 if all are."""
    return int(np.max(np.flatnonzero(values.any(axis=1)), initial=-1)) + 1


def _read_line_by_line(body: bytes, first_line: int, width: int, path: Path, layout: Layout) -> np.ndarray:
    """The same as `_parse`, slowly. Raises InputError with where and why rows cannot be used, one line each."""
    lines, zeros = body.split(b"\n")[:-1], 0
    while layout.zero_rows_at_end and len(lines) > 1 and not lines[-1].strip(b"0.+-eEdD \t\v\f"):
        zeros += bool(lines.pop().strip())
    width = max(width, *(position + 1 for position in layout.columns.values()))
    clock = layout.columns.get("Time", 0) if layout.has_time else None
    rows = checked_rows(map(bytes.split, lines), range(width), width, clock, f"{path}, line ", first_line)
    return np.array(rows + [[0.0] * width] * zeros)


def checked_rows(
    lines: Iterable[list[bytes]],
    columns: Sequence[int],
    width: int,
    clock: int | None,
    where: str,
    first_line: int,
    comma: bool = False,
) -> list[list[float]]:
    """These columns of the lines' words, which are empty for lines that are none.

    Raises InputError with where and why rows cannot be used, one line each. clock: the column of time, which has to
    increase. where: before the line's number. comma: whether numbers have a decimal comma.
    """
    rows: list[list[float]] = []
    faults: list[str] = []
    time = -np.inf
    for number, words in enumerate(lines, start=first_line):
        try:
            if words:
                rows.append(_numbers(words, columns, width, comma))
                before, time = time, rows[-1][columns.index(clock)] if clock is not None else np.inf
                if clock is not None and time <= before:
                    raise ValueError(
                        f", column {clock + 1}: time {time:g} s does not come after {before:g} s; "
                        "sort the rows, delete repeated ones, or write time with more decimals"
                    )
        except ValueError as fault:
            faults.append(f"{where}{number}{fault}")
    if len(faults) > MAX_FAULTS_A_FILE:
        faults[MAX_FAULTS_A_FILE - 1] += f" (and {len(faults) - MAX_FAULTS_A_FILE} more errors in this file)"
    if faults:
        raise InputError(faults[:MAX_FAULTS_A_FILE])
    return rows


def _numbers(words: list[bytes], columns: Sequence[int], width: int, comma: bool) -> list[float]:
    """The numbers of a row. Raises ValueError that says where and why they cannot be used."""
    if len(words) != width:
        raise ValueError(
            f": {len(words)} columns where {width} are expected; "
            "the row is cut or damaged: write the file again, or delete the rows from there on"
        )
    other, own = ("point", "comma") if comma else ("comma", "point")
    numbers = []
    for column in columns:
        word = words[column].translate(SWAPPED) if comma else words[column]
        where = f", column {column + 1}"
        if WITH_COMMA.fullmatch(word):
            raise ValueError(
                f"{where}: {shown(words[column])} has a decimal {other} where a {own} is expected; "
                f"write it with a decimal {own}"
            )
        if not NUMBER.fullmatch(word):
            raise ValueError(
                f"{where}: {shown(words[column]) if word else 'an empty cell'} where a number is expected; "
                "correct the row or run the simulation again"
            )
        numbers.append(float(WITHOUT_LETTER.sub(rb"\1E\2", word.lower().replace(b"d", b"e"))))
    for column, value in zip(columns, numbers, strict=True):
        if abs(value) >= LARGEST_VALUE:
            raise ValueError(f", column {column + 1}: number out of range; run the simulation again")
    return numbers
