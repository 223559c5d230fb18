"""Reading text: every printed digit counts, and every fault is reported with its place."""

import math
import re

import numpy as np
import pytest
from conftest import LAMP_HEADER, SC_HEADER, SEA_HEADER, faults_of, make_motions, motion_table, write_rows
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from readers import text_tables
from readers.text_tables import LAMP_MOT, SC_MOT, SEA, Layout, read_columns
from system.errors import InputError

PAIR = Layout("test", 1, {"Time": 0, "Value": 1}, has_time=False)
FEW = hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
ROWS = 40


def table_of(rows: int = ROWS, step: float = 0.1) -> np.ndarray:
    return motion_table((step * np.arange(rows)).round(6), make_motions(rows).round(4))


# ---- exact reading ------------------------------------------------------------------------------------------------


def columns_of(table: np.ndarray) -> np.ndarray:
    return table[:, [0, 3, 4, 5]]


def as_text(table: np.ndarray, number: str, between: str = " ") -> list[str]:
    return [between.join(number % value for value in row) for row in table]


def as_file(rows: list[str], header: list[str] = SC_HEADER, end: str = "\n", footer: str = "") -> bytes:
    return (end.join([*header, *rows, ""]) + footer).encode("latin-1")


def with_d(data: bytes) -> bytes:
    """Exponents as Fortran writes them."""
    return data.replace(b"E+", b"D+").replace(b"E-", b"D-").replace(b"e+", b"d+").replace(b"e-", b"d-")


def without_letter(data: bytes) -> bytes:
    """Zeros in exponents of three digits as Fortran writes them: 0.000000E+00 as 0.000000-150, and D elsewhere."""
    return with_d(data.replace(b" 0.000000E+00", b" 0.000000-150"))


VARIATIONS = {
    "fixed width": lambda t: as_file(as_text(t, "%12.4f")),
    "free width": lambda t: as_file(as_text(t, "%.4f")),
    "exponents": lambda t: as_file(as_text(t, "%14.6E")),
    "old Mac": lambda t: as_file(as_text(t, "%12.4f"), end="\r"),
    "no final newline": lambda t: as_file(as_text(t, "%12.4f")).rstrip(b"\n"),
    "blank lines at the end": lambda t: as_file(as_text(t, "%12.4f"), footer="\n  \n\n"),
    "blank lines between": lambda t: as_file(as_text(t, "%12.4f"), end="\n\n"),
    "exponents of three digits": lambda t: without_letter(as_file(as_text(t, "%14.6E"), footer="")),
    "no header": lambda t: as_file(as_text(t, "%12.4f"), []),
    "header of one line": lambda t: as_file(as_text(t, "%12.4f"), SC_HEADER[:1]),
    "header of four lines": lambda t: as_file(as_text(t, "%.4f"), ["Run of 2024", "made by hand", *SC_HEADER]),
    "header with numbers": lambda t: as_file(
        as_text(t, "%.4f"), ["a", "b", "Length 150.0 beam 20 22 24", "Date 2024 11 20", *SC_HEADER]
    ),
    "footers with numbers": lambda t: as_file(as_text(t, "%12.4f"), footer="\nTotal time 30.0 s\nMaximum: 3.25 4.5\n"),
    "Latin-1 letters": lambda t: as_file(as_text(t, "%12.4f"), ["J\xe4ger", *SC_HEADER], footer="gr\xfcn\n"),
}


@pytest.mark.parametrize("variation", VARIATIONS)
def test_every_way_of_writing_is_read_exactly(tmp_path, variation):
    table = table_of()
    path = tmp_path / "SC.mot"
    path.write_bytes(VARIATIONS[variation](table))
    # All have four decimals, so what is read has to be the written doubles, not something close to them.
    assert np.array_equal(read_columns(path, SC_MOT), columns_of(table.round(4)))


@pytest.mark.parametrize(("layout", "header"), [(SC_MOT, SC_HEADER), (LAMP_MOT, LAMP_HEADER)])
def test_doubles_survive_writing_and_reading(tmp_path, layout, header):
    table = motion_table(0.1 * np.arange(ROWS), make_motions(ROWS) * 10.0 ** np.random.default_rng(0).uniform(-9, 9))
    path = write_rows(tmp_path / "x.mot", header, table)
    assert np.array_equal(read_columns(path, layout), columns_of(table))


@FEW
@given(st.lists(st.tuples(st.floats(-1e17, 1e17)), min_size=1, max_size=8))
def test_any_double_survives(tmp_path, values):
    table = np.column_stack([np.arange(len(values)), [value for (value,) in values]])
    path = write_rows(tmp_path / "x.txt", ["Time Value"], table)
    assert np.array_equal(read_columns(path, PAIR), table)


WORDS = st.one_of(
    st.text(alphabet="0123456789+-.eEdD*_x,", min_size=1, max_size=9),
    st.from_regex(r"[+-]?[0-9]{0,25}\.?[0-9]{0,25}([eEdD][+-]?[0-9]{1,2})?", fullmatch=True),
    st.sampled_from("nan NaN -NaN inf -Inf Infinity NA N/A null None #1 0x1F 1_000 1,5 '1' true ****** 1e999".split()),
    st.sampled_from(['"1"', "9" * 400, "0." + "1" * 300, "123456789012345678.5", "9007199254740993", "4.9e-324"]),
)


@FEW
@given(WORDS, st.integers(1, 3), st.integers(0, 2), st.sampled_from(["1 {:>9}\n", "1\t{}\n", "1 {} \n", "{}  1\n"]))
def test_words_are_read_as_python_reads_them_or_refused(tmp_path, word, before, behind, row):
    path = tmp_path / "x.txt"
    path.write_text("Time Value\n" + "1 2\n" * before + row.format(word) + "1 2\n" * behind)
    good = word.strip() and text_tables.NUMBER.fullmatch(word.encode())
    value = float(word.lower().replace("d", "e")) if good else math.nan
    if abs(value) < text_tables.LARGEST_VALUE:
        expected = [value, 1.0] if row.startswith("{") else [1.0, value]
        assert read_columns(path, PAIR)[before].tolist() == expected
        assert len(read_columns(path, PAIR)) == before + 1 + behind
    elif behind:  # else it may be a footer
        with pytest.raises(InputError, match="line|no row"):
            read_columns(path, PAIR)


@pytest.mark.parametrize("with_time", [False, True])
@pytest.mark.parametrize("zero_rows", [0, 1, 9, 10, 11, 25])
def test_zero_rows_at_the_end_are_left_out(tmp_path, zero_rows, with_time):
    table = table_of()
    filled = np.vstack([table, np.zeros((zero_rows, 7))])
    if with_time:
        filled[:, 0] = (0.1 * np.arange(len(filled))).round(6)
    for number in ("{:12.4f}", "{!r}"):
        path = write_rows(tmp_path / "SC.mot", SC_HEADER, filled, number)
        assert np.array_equal(read_columns(path, SC_MOT), columns_of(table.round(4)))


@pytest.mark.parametrize(
    "rows, columns, zero_rows",
    [
        (slice(0, 1), slice(3, 6), 0),
        (slice(10, 20), slice(3, 6), 0),
        (slice(-15, None), slice(3, 6), 0),  # in the columns that are read alone
        (slice(None), slice(1, 7), 10),  # a ship at rest
        (slice(None), slice(4, 5), 0),
    ],
)
def test_zeros_that_are_values_stay(tmp_path, rows, columns, zero_rows):
    table = table_of()
    table[rows, columns] = 0
    path = write_rows(tmp_path / "SC.mot", SC_HEADER, np.vstack([table, np.zeros((zero_rows, 7))]))
    assert np.array_equal(read_columns(path, SC_MOT), columns_of(table))


def test_the_components_of_a_sea(tmp_path):
    sea = np.array([[0.4, 30.0, 1.0, 135.0], [0.5, 300.0, 0.5, 140.0], [0.3, 10.0, 0.2, 135.0]])
    path = write_rows(tmp_path / "LAMP.sea", SEA_HEADER, sea)
    assert np.array_equal(read_columns(path, SEA), sea)


@pytest.mark.parametrize("number", ["1.2345-101", "-1.2345-101", ".5-200", "+3.-308", "0.0000-300", "7.1-324"])
@pytest.mark.parametrize("between", [" ", "   ", "\t"])
def test_exponents_of_three_digits_without_a_letter(tmp_path, number, between):
    """Fortran leaves out the letter to make room for the third digit."""
    value = float(re.sub(r"(?<=[\d.])([+-])", r"E\1", number))
    path = tmp_path / "x.txt"
    path.write_text("Time Value\n" + "".join(f"1.25{between}{word}\n" for word in ["2.5", number, "-1.5E-05", "3D1"]))
    assert read_columns(path, PAIR)[:, 1].tolist() == [2.5, value, -1.5e-5, 30.0]


@pytest.mark.parametrize(
    "word", ["1.5+200", "1.0+000", "1-101", "1.5-45", "1.5-1234", "1.5-400", "1.5-100-100", "1.5-100E5"]
)
def test_words_that_only_resemble_such_exponents_are_refused(tmp_path, word):
    """Two whole numbers that run into each other are none, and numbers of 1e100 and more are out of range."""
    path = tmp_path / "x.txt"
    path.write_text(f"Time Value\n1 2\n1 {word}\n1 2\n")
    (line,) = faults_of(read_columns, path, PAIR)
    assert "line 3, column 2" in line


# ---- the end of a file --------------------------------------------------------------------------------------------

FORMATS = {
    "fixed width": ("%12.4f", ""),
    "free width": ("%.4f", " "),
    "exponents": ("%14.6E", ""),
    "free exponents": ("%.6e", " "),
    "whole numbers of fixed width": ("%12.0f", ""),
}


def rows_of(number: str, between: str) -> tuple[np.ndarray, list[str]]:
    table = np.column_stack([100 + np.arange(ROWS), 1000 * make_motions(ROWS), 1000 + make_motions(ROWS)])
    return table, [between.join(number % value for value in row) for row in table]


@pytest.mark.parametrize("form", FORMATS)
def test_a_last_row_that_breaks_off_is_left_out_with_a_word(tmp_path, form):
    table, rows = rows_of(*FORMATS[form])
    path = tmp_path / "LAMP.mot"
    for kept in range(1, len(rows[-1])):
        path.write_text("\n".join([*LAMP_HEADER, *rows[:-1], rows[-1][:-kept]]))
        values, remarks = text_tables.read_table(path, LAMP_MOT)
        if rows[-1][:-kept].strip():
            assert remarks == [
                f"{path}, line {ROWS + 3}: the last row breaks off and is left out; write the file again"
            ]
        assert np.array_equal(values, columns_of(np.array([row.split() for row in rows[:-1]], float)))


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("end", ["", "  ", "\nEnd of the record", "\nTotal time 30.0 s"])
def test_a_whole_last_row_without_line_break_stays(tmp_path, form, end):
    table, rows = rows_of(*FORMATS[form])
    path = tmp_path / "LAMP.mot"
    path.write_text("\n".join([*LAMP_HEADER, *rows]) + end)
    values, remarks = text_tables.read_table(path, LAMP_MOT)
    assert len(values) == ROWS and remarks == []


@pytest.mark.parametrize("last", ["0.25", "-0.25", "2", "-13.5", "1e-05"])
def test_a_last_row_of_numbers_of_any_length_stays(tmp_path, last):
    """Nothing tells whether 0.25 was 0.2512: the numbers above have more and fewer digits."""
    path = tmp_path / "x.txt"
    path.write_text(f"Time Value\n1 2.5\n2 0.125\n3 12\n4 {last}")
    assert len(read_columns(path, PAIR)) == 4


@pytest.mark.parametrize("number", ["{:12.4f}", "{!r}"])
@pytest.mark.parametrize("speed, decay", [(0.0, 5.0), (0.0, 0.3), (5.0, 5.0)])
def test_motions_that_die_away_are_not_zero_rows(tmp_path, number, speed, decay):
    """A decay test: 491 of 1000 rows were kept."""
    time = (0.1 * np.arange(1000)).round(4)
    motions = np.exp(-time / decay)[:, None] * np.cos(time[:, None] * [0.9, 0.6, 1.1]) * [0.5, 10.0, 2.0]
    table = motion_table(time, motions.round(4), speed)
    path = write_rows(tmp_path / "SC.mot", SC_HEADER, table, number)
    values, remarks = text_tables.read_table(path, SC_MOT)
    assert len(values) == 1000 and remarks == []
    filled = np.vstack([table, np.zeros((10, 7))])
    values, remarks = text_tables.read_table(write_rows(path, SC_HEADER, filled, number), SC_MOT)
    assert len(values) == 1000 and remarks == []


def test_many_zero_rows_are_counted(tmp_path):
    path = write_rows(tmp_path / "SC.mot", SC_HEADER, np.vstack([table_of(), np.zeros((25, 7))]))
    values, (remark,) = text_tables.read_table(path, SC_MOT)
    assert len(values) == ROWS and "25 rows of zeros at the end are left out" in remark and f"{ROWS} rows" in remark
    data = path.read_bytes().replace(b"\n0.0 ", b" \n\n0.0 ")  # is read line by line
    path.write_bytes(data.replace(b"Yaw \n", b"Yaw\n"))
    assert "25 rows of zeros" in text_tables.read_table(path, SC_MOT)[1][0]


# ---- faults in a file ---------------------------------------------------------------------------------------------


GOOD = "\n".join([*SC_HEADER, "0 1 2 3 4 5 6", ""])


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        *((content, "is empty") for content in (b"", b"\n\n", b"  \r\n")),
        *((content, "binary") for content in (b"\x00\x01\x02" * 100, np.arange(100.0).tobytes())),
        (GOOD.encode("utf-16"), "is saved as UTF-16 (Unicode); save it as UTF-8"),
        (("\ufeff" + GOOD).encode("utf-16-be"), "is saved as UTF-16 (Unicode); save it as UTF-8"),
        *(("\n".join([*SC_HEADER, *footer, ""]).encode(), "no row of numbers") for footer in ([], ["the end"])),
        ("\n".join([*SC_HEADER, "0.0 1.0 2.0 3.0"]).encode(), "4 columns where 6 are expected"),
    ],
)
def test_a_file_without_rows(tmp_path, content, expected):
    path = tmp_path / "SC.mot"
    path.write_bytes(content)
    (line,) = faults_of(read_columns, path, SC_MOT)
    assert str(path) in line and expected in line


def test_a_missing_file_and_a_folder(tmp_path):
    assert "missing" in faults_of(read_columns, tmp_path / "no.mot", SC_MOT)[0]
    assert "cannot be read" in faults_of(read_columns, tmp_path, SC_MOT)[0]


@pytest.mark.parametrize("number", ["%12.4f", "%.4f"])
@pytest.mark.parametrize("row", [0, 1, 20, ROWS - 1])
@pytest.mark.parametrize(
    ("damage", "column", "shown"),
    [
        ("text", 4, "'abc'"),
        ("text", 5, "'abc'"),
        ("stars", 6, "'********"),
        ("nan", 4, "'NaN'"),
        ("inf", 5, "'-inf'"),
        ("1_0", 5, "'1_0'"),
        ("0x10", 7, "'0x10'"),
        ("1.2.3", 2, "'1.2.3'"),
        ("comma", 4, "'1,5'"),
        ("\u22121.5", 5, r"'\u22121.5'"),
    ],
)
def test_what_is_not_a_number_is_reported_with_line_and_column(tmp_path, number, row, damage, column, shown):
    word = {"text": "abc", "stars": "*" * 12, "nan": "NaN", "inf": "-inf", "comma": "1,5"}.get(damage, damage)
    rows = [line.split() for line in as_text(table_of(), number)]
    rows[row][column - 1] = word
    path = tmp_path / "SC.mot"
    between = (lambda words: "".join(f"{w:>14}" for w in words)) if "12" in number else " ".join
    path.write_text("\n".join([*SC_HEADER, *map(between, rows)]) + "\n", encoding="utf-8")
    (line,) = faults_of(read_columns, path, SC_MOT)
    assert line.startswith(f"{path}, line {row + 3}, column {column}: {shown}")
    assert "expected" in line and ("decimal comma" in line) == (damage == "comma")


@pytest.mark.parametrize(
    ("change", "what", "remedy"),
    [
        (lambda row: row.replace(".", ","), "numbers have a decimal comma", "decimal point"),
        (lambda row: row.replace(" ", ","), "columns are separated by commas", "blanks"),
        (lambda row: row.replace(" ", ", "), "columns are separated by commas", "blanks"),
        (lambda row: row.replace(" ", ";"), "columns are separated by semicolons", "blanks"),
        (lambda row: row.replace(" ", ";").replace(".", ","), "columns are separated by semicolons", "decimal point"),
    ],
)
def test_commas_and_semicolons_are_named(tmp_path, change, what, remedy):
    path = tmp_path / "SC.mot"
    path.write_text("\n".join([*SC_HEADER, *map(change, as_text(table_of(), "%.4f"))]) + "\n")
    (line,) = faults_of(read_columns, path, SC_MOT)
    assert line.startswith(f"{path}, line 3: {what}") and remedy in line


@pytest.mark.parametrize("begins", [True, False])
def test_rows_of_zeros_beside_rows_with_decimal_commas(tmp_path, begins):
    """Zeros without decimals are numbers: rows with commas beside them are neither header nor footer."""
    rows = [row.replace(".", ",") for row in as_text(table_of(), "%.4f")]
    rows = ["0 0 0 0 0 0 0", *rows] if begins else [*rows, "0 0 0 0 0 0 0"]
    path = tmp_path / "SC.mot"
    path.write_text("\n".join([*SC_HEADER, *rows]) + "\n")
    (line,) = faults_of(read_columns, path, SC_MOT)
    assert line.startswith(f"{path}, line {4 if begins else 3}: numbers have a decimal comma")


@pytest.mark.parametrize("number", ["%12.4f", "%.4f"])
@pytest.mark.parametrize("row", [0, 1, 20, ROWS - 1])
@pytest.mark.parametrize("kept", [1, 4, 6])
def test_a_row_that_is_cut(tmp_path, number, row, kept):
    rows = as_text(table_of(), number)
    rows[row] = " ".join(rows[row].split()[:kept])
    path = tmp_path / "SC.mot"
    path.write_text("\n".join([*SC_HEADER, *rows]) + "\n")
    (line,) = faults_of(read_columns, path, SC_MOT)
    assert line.startswith(f"{path}, line {row + 3}: {kept} columns where 7 are expected")


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("         0.7           0           0   1000.0001-1000000.0001         1.0           0", ""),  # run together
        ("1e30 0 0 0 0 0 0", ", column 1: number out of range"),
        ("0.7 0 0 1e999 0 0 0", ", column 4: number out of range"),
    ],
)
def test_numbers_that_are_none_or_too_large(tmp_path, row, fault):
    rows = as_text(table_of(), "%.4f")
    rows[7] = row
    path = tmp_path / "SC.mot"
    path.write_text("\n".join([*SC_HEADER, *rows]) + "\n")
    (line,) = faults_of(read_columns, path, SC_MOT)
    assert f"{path}, line 10{fault}" in line


@pytest.mark.parametrize(("row", "time"), [(20, 1.9), (20, 0.5), (1, -1.0), (ROWS - 1, 0.0)])
def test_time_that_runs_back_or_stands_still(tmp_path, row, time):
    table = table_of()
    table[row, 0] = time
    path = write_rows(tmp_path / "LAMP.mot", LAMP_HEADER, table)
    lines = faults_of(read_columns, path, LAMP_MOT)
    assert lines[0].startswith(f"{path}, line {row + 4}, column 1: time {time:g} s does not come after")


def test_many_faults_in_a_file_are_summed_up(tmp_path):
    table = table_of()
    path = write_rows(tmp_path / "SC.mot", SC_HEADER, table)
    path.write_text(
        path.read_text().replace(f" {float(table[5, 3])!r} ", " x ").replace(f" {float(table[9, 4])!r} ", " x ")
    )
    assert len(faults_of(read_columns, path, SC_MOT)) == 2
    rows = as_text(table, "%.4f")
    path.write_text("\n".join(SC_HEADER + [row + " 1" * (i % 2) for i, row in enumerate(rows)]) + "\n")
    lines = faults_of(read_columns, path, SC_MOT)
    assert len(lines) == text_tables.MAX_FAULTS_A_FILE
    assert f"{ROWS // 2 - 3} more errors" in lines[-1]


def test_a_file_with_too_few_columns(tmp_path):
    path = write_rows(tmp_path / "x.mot", SC_HEADER, table_of()[:, :4])
    assert "4 columns where 6 are expected" in faults_of(read_columns, path, SC_MOT)[0]
