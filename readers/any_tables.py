"""Reads the text tables of any source: separator, decimal mark, header, names and units are found out.

The rows begin at the first line from which 20 hold numbers in the same columns. The nearest line above them with as
many words has the names, and if it has units alone, the next one. What is found out can be given instead.
"""

import csv
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from difflib import SequenceMatcher
from functools import cache, partial
from itertools import islice, takewhile
from pathlib import Path

import numpy as np
import pandas as pd

from readers import text_tables, units
from readers.text_tables import LARGEST_VALUE, MEANT_AS_NUMBER, MOST_COLUMNS, SWAPPED, USUAL_ZERO_ROWS, WITHOUT_LETTER
from settings.description import FACTORS, Reference, TextFormat, UserFunction, high_name
from system.errors import FaultCollector, InputError, first_line

ROWS_ALIKE = 20
MOST_HEADER_LINES = 500, 20_000  # the second if there are no rows below the first
LONGEST_NAME = 100  # bytes a column, on average
MOST_NAMES = 10  # of columns in an error
SEPARATORS = (b"\t", b";", b",", b"|", b"")  # the last for blanks
MARK = rb"\s*(?:[#%!]+|//+)"  # of comments
DATE = re.compile(rb"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?")
WORD = re.compile(rb"[A-Za-z_(\[\"']")
STARS = re.compile(rb"\*+")
QUOTED = re.compile(rb'"([^"\n]*)"')
IN_BRACKETS = re.compile(r"\s*[(\[]([^)\]]*)[)\]]")
UNIT_AT_END = re.compile(r"\s*(?:[(\[][^)\]]*[)\]]|[,/_]\s*[^,/_]*)$")
TIME_NAMES = ("t", "time")
NUMBER, TEXT, EMPTY, DAY = "n", "t", "e", "d"  # kinds of cells


@dataclass(frozen=True)
class Table:
    """What is known of a file before its numbers are read.

    names, units: of the columns, empty where there are none. kinds: a letter for each column. numbers: the columns at
    these places, of which the first is time, as (rows, column), and remarks. named: where the names are, in words.
    """

    path: str | Path
    names: Sequence[str]
    units: Sequence[str]
    kinds: str
    numbers: Callable[[Sequence[int]], tuple[np.ndarray, list[str]]]
    named: str

    def place(self, column: str | int) -> int:
        """Of a column by name or place. Raises InputError if there is none or several."""
        if isinstance(column, str):
            for shortened in (str, _lowered, _without_unit, _without_brackets):
                found = [at for at, name in enumerate(self.names) if name and shortened(name) == shortened(column)]
                if len(found) == 1:
                    return found[0]
                if found:
                    listed = ", ".join(f"{self.names[at]} (column {at})" for at in found[:MOST_NAMES])
                    raise InputError(f"{self.path}: {column!r} may be {listed}; write its full name, or its place")
            if not column.isdecimal():
                matcher = partial(SequenceMatcher, None, _lowered(column))
                near = sorted(filter(None, self.names), key=lambda name: -matcher(_without_unit(name)).ratio())
                listed = ", ".join(near[:MOST_NAMES]) + " ..." * (len(near) > MOST_NAMES)
                there = f"the file has {listed}" if near else f"{self.named}: give its place, from 0, or the names"
                raise InputError(f"{self.path}: there is no column {column!r}; {there}")
        if not 0 <= int(column) < len(self.kinds):
            raise InputError(f"{self.path}: there is no column {column}; the file has 0 to {len(self.kinds) - 1}")
        return int(column)

    def clock(self, column: str | int | None) -> int:
        """The place of time: as the user says, or of the first column that is called so and is not text, else 0."""
        if column is not None:
            return self.place(column)
        called = [at for at, name in enumerate(self.names) if _without_brackets(name) in TIME_NAMES]
        return min(called, key=lambda at: (NUMBER, DAY, EMPTY, TEXT).index(self.kinds[at]), default=0)


@dataclass(frozen=True)
class DescribedLayout:
    """What is read of the files of a source that the user describes.

    kind: what the source is called. channels: by name, where each stands and its unit behind the factor. reading: what
    the user says of the format, or the function that reads it.
    """

    kind: str
    channels: tuple[tuple[str, Reference, str], ...]
    reading: TextFormat | UserFunction = TextFormat()

    @property
    def columns(self) -> Mapping[str, int]:
        """By name, the places in what `read` returns."""
        return {name: place for place, name in enumerate(["Time", *(name for name, _, _ in self.channels)])}

    def read(self, path: str) -> tuple[np.ndarray, list[str]]:
        """(rows, 1 + channel) float64: time in s, then the channels in their units; and remarks, one line each.

        Raises InputError if the file is missing or no text, its form cannot be found out, it has no such column, or a
        row is cut, not numeric or not finite in one of them, or backwards in time; one line each.
        """
        setting = "read_high" if self.kind == high_name() else "read_low"
        is_text = isinstance(self.reading, TextFormat)
        table = _text_table(Path(path), self.reading, setting) if is_text else _frame_table(path, self.reading)
        faults = FaultCollector()
        clock = faults(table.clock, self.reading.time)
        places = [faults(table.place, reference.column) for _, reference, _ in self.channels]
        faults.check()
        values, remarks = table.numbers([clock, *places])
        unit = self.reading.time_unit or table.units[clock] or _time_unit_in(table.names[clock])
        measured, to_seconds = units.quantity(units.SECONDS if table.kinds[clock] == DAY else unit) or ("", 1.0)
        if measured == units.SECONDS:
            values[:, 0] *= to_seconds
        elif unit.strip("()[]- "):
            remarks.append(f"{path}: the unit of time is {unit!r}, which is not known; read in s: give time_unit")
        for column, ((name, reference, written), at) in enumerate(zip(self.channels, places, strict=True), start=1):
            values[:, column] *= reference.factor
            if not (np.abs(values[:, column]) < LARGEST_VALUE).all():
                raise InputError(
                    f"{path}: {name} is out of range behind its factor {reference.factor:g}; give a larger unit"
                )
            remarks += _remark_on_unit(path, table.names[at], table.units[at], name, written, reference.factor)
        return values, remarks


def _time_unit_in(name: str) -> str:
    """The unit in a name of time that is none of another quantity, as in "Time [d]"; empty without one."""
    found = re.search(r"[(\[]\s*(\S+?)\s*[)\]]\s*$|[ _](ms|s|min|h|d)$", name, re.IGNORECASE)
    return (found[1] or found[2]).lower() if found else ""


def _remark_on_unit(path: str, column: str, unit: str, name: str, written: str, factor: float) -> list[str]:
    """A line if the header's unit and that of the channel are known, but do not have this factor between them."""
    found, wanted = units.quantity(unit), units.quantity(written)
    if not found or not wanted:
        return []
    said = f"{path}: the header's unit of {column or 'the column'} is {unit}, that of {name} is {written}"
    if found[0] != wanted[0]:
        return [f"{said}, which is none of the same quantity; check the column and the unit"]
    expected = found[1] / wanted[1]
    if abs(abs(factor) / expected - 1) <= 0.01:
        return []
    word = next((word for word, known in FACTORS.items() if np.isclose(known, expected)), f"{expected:g}")
    bare = UNIT_AT_END.sub("", column) if _unit_of(column) else column
    remedy = f'write "{bare} * {word}"' if expected != 1 else "leave it out"
    return [f"{said}, with the factor {factor:g} where {expected:g} is expected; {remedy}, or correct the unit"]


# ---- names ---------------------------------------------------------------------------------------------------------


def _lowered(name: str) -> str:
    return " ".join(name.lower().split())


def _unit_of(name: str) -> str:
    """The unit behind a name, in brackets or after a comma, slash or underscore; empty if there is none."""
    last = UNIT_AT_END.search(name)
    unit = units.behind_name(last[0] if last and last[0].strip()[0] in "([" else name)
    written = last and last[0].strip(" ,/_()[]")
    return written if unit and written and written.lower() == unit else unit or ""


def _without_unit(name: str) -> str:
    return _lowered(UNIT_AT_END.sub("", name) if _unit_of(name) else name)


def _without_brackets(name: str) -> str:
    return _without_unit(IN_BRACKETS.sub("", name))


# ---- frames of a user's function -----------------------------------------------------------------------------------


def _frame_table(path: str, function: UserFunction) -> Table:
    """The table that a user's function reads. Raises InputError for whatever it raises."""
    where = f"{path}, {function.name} in {function.file}"
    try:
        frame = function(path)
    except Exception as error:
        raise InputError(f"{where}: {first_line(error)}") from error
    if not isinstance(frame, pd.DataFrame):
        raise InputError(f"{where}: returned {type(frame).__name__}, expected a pandas.DataFrame")
    names = [" ".join(map(str, name)) if isinstance(name, tuple) else str(name) for name in frame.columns]
    index = frame.index
    if not any(_without_brackets(name) in TIME_NAMES for name in names):
        if _without_brackets(str(index.name)) not in TIME_NAMES and index.dtype.kind not in "mM":
            raise InputError(f"{where}: no column is called t or time; the frame has {', '.join(names[:MOST_NAMES])}")
        frame, names = frame.assign(**{"time": index}), [*names, str(index.name or "time")]  # behind the others
    if frame.empty:
        raise InputError(f"{where}: returned a frame without rows")
    kinds = "".join({"O": TEXT, "M": DAY, "m": DAY}.get(dtype.kind, NUMBER) for dtype in frame.dtypes)
    return Table(where, names, [*map(_unit_of, names)], kinds, partial(_numbers_of_frame, where, frame, names), "")


def _numbers_of_frame(
    where: str, frame: pd.DataFrame, names: Sequence[str], places: Sequence[int]
) -> tuple[np.ndarray, list[str]]:
    columns, faults = [], []
    for at in places:
        column = frame.iloc[:, at]
        if column.dtype.kind in "mM":
            column = (column - column.iloc[0]).dt.total_seconds()
        numbers = pd.to_numeric(column.where(column.map(pd.api.types.is_scalar)), errors="coerce")  # none of lists
        columns.append(values := numbers.to_numpy(float, na_value=np.nan))
        bad = np.flatnonzero(~(np.abs(values) < LARGEST_VALUE))
        if len(bad):
            shown = ascii(str(column.iloc[bad[0]]))[:30]
            faults.append(f"{where}: column {names[at]}, row {bad[0]}: {shown} where a number is expected")
    stands = np.flatnonzero(np.diff(columns[0]) <= 0)
    if len(stands) and not faults:
        before, time = columns[0][stands[0] : stands[0] + 2]
        faults.append(f"{where}: row {stands[0] + 1}: time {time:g} does not come after {before:g}; sort the rows")
    if faults:
        raise InputError(list(dict.fromkeys(faults)))
    return np.column_stack(columns), []


# ---- the form of a text table ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Form:
    """How rows are written. separator: empty for blanks. comma: whether numbers have a decimal comma. comment: the
    user's mark of comments, beside those at the beginning of a line that are known.
    """

    separator: bytes
    comma: bool = False
    comment: bytes = b""

    def cells(self, line: bytes) -> list[bytes]:
        """The words of a line; none if it is blank or a comment."""
        line = line.partition(self.comment)[0] if self.comment else line
        if not line.strip() or re.match(MARK, line):
            return []
        if b'"' in line:
            return [cell.strip().encode("latin-1") for cell in _unquoted(line.decode("latin-1"), self.separator)]
        if self.separator:
            return [cell.strip(b" \t") for cell in line.split(self.separator)]
        return [word for word in line.replace(b"\t", b" ").split(b" ") if word]

    def kinds(self, line: bytes) -> str:
        """The kind of each cell, a letter each."""
        cells = self.cells(line)
        return "".join(map(self.kind, cells)) if len(cells) <= MOST_COLUMNS else ""

    def kind(self, cell: bytes) -> str:
        if not cell:
            return EMPTY
        number = cell.translate(SWAPPED) if self.comma else cell
        if MEANT_AS_NUMBER.fullmatch(number) or STARS.fullmatch(cell):
            return NUMBER
        return DAY if DATE.fullmatch(cell) else TEXT

    def is_row(self, line: bytes, usual: str) -> bool:
        """Whether a line is a (possibly damaged) row among others of the usual kinds, not a part of header or footer.

        It is if half of its cells or more can be meant as numbers, and the first does not begin like a word.
        """
        kinds, cells, first = self.kinds(line), self.cells(line), usual.index(NUMBER)
        meant, filled = kinds.count(NUMBER) + kinds.count(DAY), len(kinds) - kinds.count(EMPTY)
        begin = min(first, len(kinds) - 1)
        return meant > 0 and 2 * meant >= filled and (kinds[begin] != TEXT or not WORD.match(cells[begin]))


def _unquoted(line: str, separator: bytes) -> list[str]:
    try:
        return next(csv.reader([line.strip(" ")], delimiter=separator.decode() or " ", skipinitialspace=True))
    except csv.Error:
        return line.split(separator.decode() or None)


def _forms(sample: bytes, reading: TextFormat, setting: str) -> list[Form]:
    """The forms that rows may have, of which the first is taken if several fit."""
    separators = [separator for separator in SEPARATORS if separator in sample]
    if reading.sep is not None:
        alone = re.sub(r"\\s[*+]?|[ +*]", "", reading.sep.replace(r"\t", "\t"))
        if len(alone.encode()) > 1:
            raise InputError(f'{setting}: sep = {reading.sep!r}, expected one character, or " " for blanks')
        separators = [alone.encode()]
    commas = [reading.decimal == ","] if reading.decimal else [False, True][: 1 + (b"," in sample)]
    forms = [Form(of, comma, (reading.comment or "").encode()) for of in separators for comma in commas]
    return [form for form in forms if form.separator != b"," or not form.comma or b'"' in sample or reading.sep]


def _first_row(lines: Sequence[bytes], forms: Sequence[Form]) -> tuple[int, int, Form, str]:
    """How many rows alike follow each other, the line where they begin, their form and the kinds of their cells.

    Rows without words are preferred to those with words, and forms that make more of a row numbers.
    """
    kinds = cache(lambda form, at: form.kinds(lines[at]))
    longest = (0, 0), (0, 0, Form(b""), "")
    for allowed in (NUMBER + EMPTY + DAY, NUMBER + EMPTY + DAY + TEXT):
        for at in range(len(lines)):
            for form in forms:
                row = kinds(form, at)
                if NUMBER in row and row.count(NUMBER) + row.count(DAY) > 1 and not row.strip(allowed):
                    run = _run(row, (kinds(form, other) for other in range(at, len(lines))))
                    found = (run, 2 * row.count(NUMBER) - len(row)), (run, at, form, row)
                    longest = max(longest, found, key=lambda rows: rows[0])
            if longest[1][0] == ROWS_ALIKE:
                return longest[1]
    return longest[1]


def _run(row: str, others: Iterable[str]) -> int:
    """How many rows are like the first, up to ROWS_ALIKE; empty cells are like any, blank lines do not count."""

    def is_alike(other: str) -> bool:
        return len(other) == len(row) and all(a == b or EMPTY in (a, b) for a, b in zip(row, other, strict=True))

    return sum(1 for _ in islice(takewhile(is_alike, filter(None, others)), ROWS_ALIKE))


def _text_table(path: Path, reading: TextFormat, setting: str) -> Table:
    """What is found out of a text table, apart from what the user says of it."""
    data = text_tables.read_bytes(path)
    for most in MOST_HEADER_LINES:
        lines = data.split(b"\n", most)[:most]
        first = _header_line(lines, reading)
        searched = [b""] * first + lines[first:]
        run, at, form, kinds = _first_row(searched, _forms(b"\n".join(searched), reading, setting))
        if run == ROWS_ALIKE:
            break
    if not run:
        remedy = f"give {setting} = data_io.TextFormat(sep=..., header=...), or a function that reads the file"
        raise InputError(f"{path}: no rows of numbers are found in it; {remedy}")
    alike = [line for line in range(at) if len(form.kinds(searched[line])) == len(kinds)]
    begin = next((line for line in alike if form.is_row(searched[line], kinds)), at)
    names, of = _header(lines, first, begin, form, kinds, reading)
    if reading.names:
        if len(reading.names) > len(kinds):
            raise InputError(f"{path}: {len(reading.names)} names are given, and its rows have {len(kinds)} columns")
        names = [*reading.names, *[""] * (len(kinds) - len(reading.names))]
    start = sum(map(len, lines[:begin])) + begin
    if not form.comma and form.separator != b"," and not reading.decimal and b"," in data[start:]:
        has_commas = re.search(rb"\d,\d", data[start:]) and not re.search(rb"\d\.\d", data[start:])
        form = replace(form, comma=bool(has_commas))  # behind integers alone
    rows = _rows(path, data[start:], begin + 1, form, kinds)
    named = f"no line above line {begin + 1} names its {len(kinds)} columns"
    return Table(path, names, of, kinds, partial(_numbers, rows), named)


# ---- the header -----------------------------------------------------------------------------------------------------


def _header_line(lines: Sequence[bytes], reading: TextFormat) -> int:
    """The first line that may have names: that of the user's header, or the first behind those to be skipped."""
    first = reading.skiprows or 0
    if not isinstance(reading.header, int):
        return first
    mark = reading.comment.encode() if reading.comment else b"\n"
    counted = [at for at in range(first, len(lines)) if lines[at].strip() and not lines[at].startswith(mark)]
    return counted[reading.header] if reading.header < len(counted) else first


def _header(
    lines: Sequence[bytes], first: int, begin: int, form: Form, kinds: str, reading: TextFormat
) -> tuple[Sequence[str], Sequence[str]]:
    """The names of the columns and their units, empty where there are none. lines: of which rows begin at `begin`."""
    nothing = [""] * len(kinds)
    above = [line for line in reversed(lines[first:begin]) if line.strip(b"-=_+| \t,;#%!*")]
    if reading.header is None or not above:
        return nothing, nothing
    found = [words for line in above if (words := _words(line, form, kinds))]
    if not found:
        words = [_printable(word) for word in _unquoted(_text(above[0]), form.separator)]
        is_named = len(words) == len(kinds) - 1 and any(map(str.isalpha, "".join(words)))
        # Time alone may be without a name; where it has one, another is missing, and it is not known which.
        found = [["", *words]] if is_named and not any(_without_brackets(word) in TIME_NAMES for word in words) else []
    of = found.pop(0) if found and _are_units(found[0]) and (len(found) > 1 or found[0][0][:1] in "([") else nothing
    names = found[0] if found else nothing
    if len(set(names)) < len([*filter(None, names)]) and len(found) > 1:  # such as objects above quantities
        names = [f"{upper} {name}".strip() for upper, name in zip(found[1], names, strict=True)]
    return names, [unit.strip() or _unit_of(name) for unit, name in zip(of, names, strict=True)]


def _printable(word: str) -> str:
    return "".join(filter(str.isprintable, word.strip().strip("\"'")))[:LONGEST_NAME]


def _text(line: bytes) -> str:
    """A line of the header without mark of comments."""
    line = re.sub(rb"^" + MARK, b"", line)
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("latin-1")


def _words(line: bytes, form: Form, kinds: str) -> list[str] | None:
    """As many words of a header line as a row has cells, separated as the rows are or otherwise; None if it has not."""
    width, named = len(kinds), len(kinds.rstrip(EMPTY))
    if len(line) > LONGEST_NAME * width:
        return None
    text = _text(line)
    ways = [_unquoted(text, form.separator)]
    if not form.separator:
        ways += [IN_BRACKETS.sub(lambda found: "".join(found[0].split()), text).split()]  # Heave [kN m]
        ways += [re.split(r"\s{2,}|\t", text.strip())]
    ways += [text.split(separator) for separator in ",;\t"]
    for way in ways:
        words = [_printable(word) for word in way]
        while len(words) > named and not words[-1]:
            words.pop()
        if len(words) in (named, width) and any(re.search(r"[^\W\d_]", word) for word in words):
            return words + [""] * (width - len(words))
    return None


def _are_units(words: Sequence[str]) -> bool:
    """Whether the words of a line are units: all in brackets, or half of them known and not below a name of time."""
    filled = [word for word in words if word]
    known = [units.quantity(word) or word.lower() in units.NONE or units.is_unit(word.lower()) for word in filled]
    in_brackets = all(word[0] in "([" for word in filled)
    return in_brackets or (2 * sum(map(bool, known)) >= len(filled) and filled[0].lower() not in TIME_NAMES)


# ---- the rows -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rows:
    """The rows of a file without header and footer. line: of the first. remarks: about what is left out of them."""

    path: Path
    body: bytes
    line: int
    form: Form
    kinds: str
    remarks: Sequence[str]


def _rows(path: Path, data: bytes, line: int, form: Form, kinds: str) -> Rows:
    """The rows without footer and without a last one that breaks off."""

    def numbers(row: bytes) -> bytes:
        cells = [cell for cell in form.cells(row) if form.kind(cell) == NUMBER] if form.is_row(row, kinds) else []
        return b" ".join(cell.translate(SWAPPED) if form.comma else cell for cell in cells)

    data, remarks = text_tables.without_broken_row(data, kinds.count(NUMBER), path, line, numbers)
    end = len(data)
    while end:
        start = data.rfind(b"\n", 0, end - 1) + 1
        if form.is_row(data[start : end - 1], kinds):
            break
        end = start
    return Rows(path, data[:end], line, form, kinds, remarks)


def _numbers(rows: Rows, places: Sequence[int]) -> tuple[np.ndarray, list[str]]:
    """See `Table.numbers`."""
    columns = sorted(set(places))
    if rows.kinds[places[0]] == DAY and rows.form.separator:
        rows = replace(rows, body=_with_seconds(rows.body, rows.form.comma))
    table = _parse(rows, columns)
    values = None if table is None else table[:, [columns.index(at) for at in places]]
    kept = values if values is None else values[: text_tables.rows_to_last_filled(values) or 1]
    if kept is None or not (np.abs(kept) < LARGEST_VALUE).all() or (np.diff(kept[:, 0]) <= 0).any():
        kept, zeros = _read_line_by_line(rows, columns, places)
    else:
        zeros = len(values) - len(kept)
    remarks = [*rows.remarks]
    if zeros > USUAL_ZERO_ROWS:
        remarks.append(f"{rows.path}: {zeros} rows of zeros at the end are left out; check that they are no values")
    return kept.copy(), remarks


def _with_seconds(body: bytes, comma: bool) -> bytes:
    """The rows with the time since the first date (s) in place of dates; other words than dates are left."""
    first = None

    def seconds(found: re.Match) -> bytes:
        nonlocal first
        try:
            date = datetime.fromisoformat(found[0].decode())
            first = first or date
            text = repr((date - first).total_seconds()).encode()
        except (ValueError, TypeError):  # no such day, or with a time zone and without
            return found[0]
        return text.translate(SWAPPED) if comma else text

    return DATE.sub(seconds, body)


def _parse(rows: Rows, columns: Sequence[int]) -> np.ndarray | None:
    """(rows, column) of these in rising order, exactly rounded; None if a row or a word is not as it should be."""
    body, form = rows.body, rows.form
    if form.comment and form.comment in body:
        return None
    if b'"' in body:
        body = QUOTED.sub(lambda cell: re.sub(rb"[\t;, |]", b"_", cell[1].strip()), body)
    if form.comma or b"D" in body or b"d" in body:
        body = body.translate(bytes.maketrans(b"dD", b"eE"))
        body = body.translate(SWAPPED) if form.comma else body
    if b'"' in body or not _all_have(body, form.separator, len(rows.kinds)):
        return None
    separator = form.separator.decode() or (r"\s+" if b"\t" in body else " ")
    table = text_tables.numbers_of(body, separator, columns)
    if table is None and not form.separator and (with_letters := WITHOUT_LETTER.sub(rb"\1E\2", body)) != body:
        table = text_tables.numbers_of(with_letters, separator, columns)
    return table


def _all_have(body: bytes, separator: bytes, width: int) -> bool:
    """Whether all lines have so many cells; pandas does not look at those that are not read."""
    codes = np.frombuffer(body, np.uint8)
    breaks = codes == ord(b"\n")
    if separator:
        marks, each = np.flatnonzero(codes == ord(separator)), width - 1
    else:
        blank = (codes == ord(b" ")) | (codes == ord(b"\t")) | breaks
        marks, each = np.flatnonzero(~blank & np.append(True, blank[:-1])), width
    stops = np.flatnonzero(breaks)
    if len(marks) != len(stops) * each:
        return False
    marks = marks.reshape(-1, each)
    return bool((marks[:, -1] < stops).all() and (marks[1:, 0] > stops[:-1]).all())


def _read_line_by_line(rows: Rows, columns: Sequence[int], places: Sequence[int]) -> tuple[np.ndarray, int]:
    """(rows, place), and the number of rows of zeros left out. Raises InputError with where and why it cannot be."""
    lines, zeros, form, clock = rows.body.split(b"\n")[:-1], 0, rows.form, places[0]
    while len(lines) > 1 and not lines[-1].strip(b"0.+-eEdD,;| \t"):
        zeros += bool(lines.pop().strip())
    where = f"{rows.path}, line "
    checked = text_tables.checked_rows(
        map(form.cells, lines), columns, len(rows.kinds), clock, where, rows.line, form.comma
    )
    if not checked:
        raise InputError(f"{rows.path}: no usable row of numbers")
    return np.array(checked)[:, [columns.index(at) for at in places]], zeros
