"""Reading and writing files: every printed digit counts, and every fault is told with its place."""

import math
from pathlib import Path

import numpy as np
import pytest
from conftest import (
    LAMP_HEADER,
    SC_HEADER,
    SEA_HEADER,
    WAV_HEADER,
    make_motions,
    motion_table,
    write_realization,
    write_rows,
)
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import data_io
from data_io import (
    input_channels,
    missing_files,
    output_channels,
    read_cases,
    read_record,
    read_sets,
    unique_names,
    write_prediction,
)
from readers import text_tables
from readers.text_tables import LAMP_MOT, SC_MOT, SEA, WAV, Layout, read_columns
from readers.waves import wave_elevation
from settings import Config, DataInfo, UserInput
from support.errors import InputError

SAMPLE_DATA = Path(__file__).resolve().parents[1] / "sample_data"
PAIR = Layout("test", 1, {"Time": 0, "Value": 1}, has_time=False)
FEW = hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
ROWS = 40
USER = UserInput(time_res=2)


def table_of(rows: int = ROWS, step: float = 0.1) -> np.ndarray:
    return motion_table((step * np.arange(rows)).round(6), make_motions(rows).round(4))


def lines_of(error: pytest.ExceptionInfo) -> tuple[str, ...]:
    assert all("\n" not in line for line in error.value.lines)
    return error.value.lines


def read_faults(path: Path, layout: Layout) -> tuple[str, ...]:
    with pytest.raises(InputError) as caught:
        read_columns(path, layout)
    return lines_of(caught)


# ---- exact reading ------------------------------------------------------------------------------------------------


def columns_of(table: np.ndarray) -> np.ndarray:
    return table[:, [0, 3, 4, 5]]


def as_text(table: np.ndarray, number: str, between: str = " ") -> list[str]:
    return [between.join(number % value for value in row) for row in table]


VARIATIONS = {
    "fixed width": lambda t: ("\n".join(SC_HEADER + as_text(t, "%12.4f")) + "\n").encode(),
    "free width": lambda t: ("\n".join(SC_HEADER + as_text(t, "%.4f")) + "\n").encode(),
    "exponents": lambda t: ("\n".join(SC_HEADER + as_text(t, "%14.6E")) + "\n").encode(),
    "free exponents": lambda t: ("\n".join(SC_HEADER + as_text(t, "%.6e")) + "\n").encode(),
    "D exponents": lambda t: (
        ("\n".join(SC_HEADER + as_text(t, "%14.6E")) + "\n").replace("E+", "D+").replace("E-", "D-").encode()
    ),
    "d exponents": lambda t: ("\n".join(SC_HEADER + [r.replace("e", "d") for r in as_text(t, "%.6e")]) + "\n").encode(),
    "free D exponents": lambda t: (
        ("\n".join(SC_HEADER + as_text(t, "%.6E")) + "\n").replace("E+", "D+").replace("E-", "D-").encode()
    ),
    "tabs": lambda t: ("\n".join(SC_HEADER + as_text(t, "%.4f", "\t")) + "\n").encode(),
    "leading blanks": lambda t: ("\n".join(SC_HEADER + ["  " + r for r in as_text(t, "%.4f")]) + "\n").encode(),
    "trailing blanks": lambda t: ("\n".join(SC_HEADER + [r + "  " for r in as_text(t, "%12.4f")]) + "\n").encode(),
    "Windows": lambda t: ("\r\n".join(SC_HEADER + as_text(t, "%12.4f")) + "\r\n").encode(),
    "old Mac": lambda t: ("\r".join(SC_HEADER + as_text(t, "%12.4f")) + "\r").encode(),
    "byte order mark": lambda t: b"\xef\xbb\xbf" + ("\n".join(SC_HEADER + as_text(t, "%12.4f")) + "\n").encode(),
    "no final newline": lambda t: "\n".join(SC_HEADER + as_text(t, "%12.4f")).encode(),
    "blank lines at the end": lambda t: ("\n".join(SC_HEADER + as_text(t, "%12.4f")) + "\n\n  \n\n").encode(),
    "blank lines between": lambda t: ("\n\n".join(SC_HEADER + as_text(t, "%12.4f")) + "\n").encode(),
    "plus signs": lambda t: ("\n".join(SC_HEADER + as_text(t, "%+12.4f")) + "\n").encode(),
    "wave and slopes after Yaw": lambda t: (
        "\n".join(SC_HEADER + as_text(np.hstack([t, t[:, 3:6] / 3]), "%12.4f")) + "\n"
    ).encode(),
    "no header": lambda t: ("\n".join(as_text(t, "%12.4f")) + "\n").encode(),
    "header of one line": lambda t: ("\n".join(SC_HEADER[:1] + as_text(t, "%12.4f")) + "\n").encode(),
    "header of four lines": lambda t: (
        "\n".join(["Run of 2024", "made by hand", *SC_HEADER, *as_text(t, "%.4f")]) + "\n"
    ).encode(),
    "header with numbers": lambda t: (
        "\n".join(["a", "b", "Length 150.0 beam 20 22 24", "Date 2024 11 20", *SC_HEADER, *as_text(t, "%.4f")]) + "\n"
    ).encode(),
    "footer": lambda t: ("\n".join(SC_HEADER + as_text(t, "%12.4f")) + "\nEnd of the record\n").encode(),
    "footers with numbers": lambda t: (
        "\n".join(SC_HEADER + as_text(t, "%12.4f")) + "\n\nTotal time 30.0 s\nMaximum: 3.25 4.5\n"
    ).encode(),
    "Latin-1 letters": lambda t: "\n".join(["J\xe4ger", *SC_HEADER, *as_text(t, "%12.4f"), "gr\xfcn", ""]).encode(
        "latin-1"
    ),
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


def test_a_first_row_of_zeros_and_zeros_in_the_middle_stay(tmp_path):
    table = table_of()
    table[0, 3:6] = 0
    table[10:20, 3:6] = 0
    path = write_rows(tmp_path / "SC.mot", SC_HEADER, table)
    assert np.array_equal(read_columns(path, SC_MOT), columns_of(table))


def test_a_ship_at_rest_stays(tmp_path):
    table = table_of()
    table[:, 1:] = 0
    path = write_rows(tmp_path / "SC.mot", SC_HEADER, np.vstack([table, np.zeros((10, 7))]))
    assert np.array_equal(read_columns(path, SC_MOT), columns_of(table))


def test_roll_of_zero_in_every_row_stays(tmp_path):
    table = table_of()
    table[:, 4] = 0
    path = write_rows(tmp_path / "LAMP.mot", LAMP_HEADER, table, "{:12.4f}")
    assert np.array_equal(read_columns(path, LAMP_MOT), columns_of(table.round(4)))


def test_the_components_of_a_sea(tmp_path):
    sea = np.array([[0.4, 30.0, 1.0, 135.0], [0.5, 300.0, 0.5, 140.0], [0.3, 10.0, 0.2, 135.0]])
    path = write_rows(tmp_path / "LAMP.sea", SEA_HEADER, sea)
    assert np.array_equal(read_columns(path, SEA), sea)


# ---- faults in a file ---------------------------------------------------------------------------------------------


def test_a_missing_file_and_a_folder(tmp_path):
    assert "missing" in read_faults(tmp_path / "no.mot", SC_MOT)[0]
    assert "cannot be read" in read_faults(tmp_path, SC_MOT)[0]


@pytest.mark.parametrize("content", [b"", b"\n\n", b"  \r\n"])
def test_an_empty_file(tmp_path, content):
    path = tmp_path / "SC.mot"
    path.write_bytes(content)
    (line,) = read_faults(path, SC_MOT)
    assert str(path) in line and "empty" in line


@pytest.mark.parametrize("content", [b"\x00\x01\x02" * 100, np.arange(100.0).tobytes()])
def test_a_binary_file(tmp_path, content):
    path = tmp_path / "SC.mot"
    path.write_bytes(content)
    (line,) = read_faults(path, SC_MOT)
    assert str(path) in line and "binary" in line


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_a_file_as_windows_saves_unicode(tmp_path, encoding):
    path = write_rows(tmp_path / "SC.mot", SC_HEADER, table_of())
    text = path.read_text()
    path.write_bytes((text if encoding == "utf-16" else "\ufeff" + text).encode(encoding))
    (line,) = read_faults(path, SC_MOT)
    assert "SC.mot: is saved as UTF-16" in line and "save it as UTF-8" in line


@pytest.mark.parametrize("footer", [[], ["the end"]])
def test_a_header_alone(tmp_path, footer):
    path = tmp_path / "SC.mot"
    path.write_text("\n".join([*SC_HEADER, *footer]) + "\n")
    (line,) = read_faults(path, SC_MOT)
    assert str(path) in line and "no row of numbers" in line


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
    ],
)
def test_what_is_no_number_is_told_with_line_and_column(tmp_path, number, row, damage, column, shown):
    word = {"text": "abc", "stars": "*" * 12, "nan": "NaN", "inf": "-inf", "comma": "1,5"}.get(damage, damage)
    rows = [line.split() for line in as_text(table_of(), number)]
    rows[row][column - 1] = word
    path = tmp_path / "SC.mot"
    between = (lambda words: "".join(f"{w:>14}" for w in words)) if "12" in number else " ".join
    path.write_text("\n".join([*SC_HEADER, *map(between, rows)]) + "\n")
    (line,) = read_faults(path, SC_MOT)
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
    (line,) = read_faults(path, SC_MOT)
    assert line.startswith(f"{path}, line 3: {what}") and remedy in line


@pytest.mark.parametrize("number", ["%12.4f", "%.4f"])
@pytest.mark.parametrize("row", [0, 1, 20, ROWS - 1])
@pytest.mark.parametrize("kept", [1, 4, 6])
def test_a_row_that_is_cut(tmp_path, number, row, kept):
    rows = as_text(table_of(), number)
    rows[row] = " ".join(rows[row].split()[:kept])
    path = tmp_path / "SC.mot"
    path.write_text("\n".join([*SC_HEADER, *rows]) + "\n")
    (line,) = read_faults(path, SC_MOT)
    assert line.startswith(f"{path}, line {row + 3}: {kept} columns where 7 are expected")


def test_two_numbers_that_run_into_each_other(tmp_path):
    rows = as_text(table_of(), "%12.4f")
    rows[7] = "".join(f"{word:>12}" for word in ("0.7", "0", "0", "-1000.0001", "-100000.0001", "1.0", "0"))
    rows[7] = rows[7].replace("-1000.0001", "1000.0001").replace(" -100000", "-1000000")
    path = tmp_path / "SC.mot"
    path.write_text("\n".join([*SC_HEADER, *rows]) + "\n")
    assert ", line 10" in read_faults(path, SC_MOT)[0]


@pytest.mark.parametrize(("row", "time"), [(20, 1.9), (20, 0.5), (1, -1.0), (ROWS - 1, 0.0)])
def test_time_that_runs_back_or_stands_still(tmp_path, row, time):
    table = table_of()
    table[row, 0] = time
    path = write_rows(tmp_path / "LAMP.mot", LAMP_HEADER, table)
    lines = read_faults(path, LAMP_MOT)
    assert lines[0].startswith(f"{path}, line {row + 4}, column 1: time {time:g} s does not come after")


def test_a_time_out_of_range_is_one_fault(tmp_path):
    rows = as_text(table_of(), "%.4f")
    rows[7] = " ".join(["1e30", *rows[7].split()[1:]])
    path = tmp_path / "SC.mot"
    path.write_text("\n".join([*SC_HEADER, *rows]) + "\n")
    (line,) = read_faults(path, SC_MOT)
    assert "line 10, column 1: number out of range" in line


def test_a_number_that_is_too_large(tmp_path):
    path = tmp_path / "SC.mot"
    path.write_text("\n".join([*SC_HEADER, *as_text(table_of(), "%.4f"), "99 0 0 1e999 0 0 0"]) + "\n")
    (line,) = read_faults(path, SC_MOT)
    assert line.startswith(f"{path}, line {ROWS + 3}, column 4: ") and "range" in line


def test_many_faults_in_a_file_are_summed_up(tmp_path):
    table = table_of()
    path = write_rows(tmp_path / "SC.mot", SC_HEADER, table)
    path.write_text(
        path.read_text().replace(f" {float(table[5, 3])!r} ", " x ").replace(f" {float(table[9, 4])!r} ", " x ")
    )
    assert len(read_faults(path, SC_MOT)) == 2
    rows = as_text(table, "%.4f")
    path.write_text("\n".join(SC_HEADER + [row + " 1" * (i % 2) for i, row in enumerate(rows)]) + "\n")
    lines = read_faults(path, SC_MOT)
    assert len(lines) == text_tables.MAX_FAULTS_A_FILE
    assert f"{ROWS // 2 - 3} more errors" in lines[-1]


@pytest.mark.parametrize("layout", [SC_MOT, LAMP_MOT])
def test_columns_in_another_order_are_seen_in_the_header(tmp_path, layout):
    names = "Time Xcg Ycg Zcg Pitch Roll Yaw"
    path = write_rows(tmp_path / "x.mot", ["t"] * (layout.header_lines - 1) + [names], table_of())
    lines = read_faults(path, layout)
    assert len(lines) == 2
    assert f"line {layout.header_lines}: column 5 is called Pitch where Roll is expected" in lines[0]


def test_a_file_with_too_few_columns(tmp_path):
    path = write_rows(tmp_path / "x.mot", SC_HEADER, table_of()[:, :4])
    assert "4 columns where 6 are expected" in read_faults(path, SC_MOT)[0]


# ---- one realization ----------------------------------------------------------------------------------------------


def write_pair(folder: Path, sc_time, lamp_time, wav_time=None) -> tuple[str, str]:
    """A realization whose motions are straight lines in time, which interpolation gives back exactly."""
    wav_time = lamp_time if wav_time is None else wav_time

    def table(time, slopes):
        return motion_table(time, time[:, None] * slopes)

    write_rows(folder / "SC.mot", SC_HEADER, table(sc_time, [1.0, 2.0, 3.0]))
    write_rows(folder / "LAMP.mot", LAMP_HEADER, table(lamp_time, [4.0, 5.0, 6.0]))
    write_rows(folder / "LAMP.wav", WAV_HEADER, np.column_stack([wav_time, 7 * wav_time]))
    return str(folder / "SC"), str(folder / "LAMP")


def clock(begin: float, end: float, step: float) -> np.ndarray:
    return (begin + step * np.arange(round((end - begin) / step) + 1)).round(6)


def assert_straight(record: data_io.Record, begin: float, end: float, step: float) -> None:
    assert np.allclose(record.time, clock(begin, end, step), atol=1e-9)
    assert np.allclose(record.inputs, record.time[:, None] * [1, 2, 3, 7], atol=1e-9)
    assert np.allclose(record.targets, record.time[:, None] * [4, 5, 6], atol=1e-9)
    assert np.allclose(record.simple, record.time[:, None] * [1, 2, 3], atol=1e-9)


def test_files_of_one_step_are_taken_as_they_are(tmp_path):
    sc, lamp = write_realization(tmp_path, "_x", rows=60, zero_rows=10)
    record, warnings = read_record(sc, lamp, USER)
    assert warnings == [] or "only" in warnings[0]  # 50 of 60 rows
    simple, target = read_columns(f"{sc}.mot", SC_MOT), read_columns(f"{lamp}.mot", LAMP_MOT)
    wave = read_columns(f"{lamp}.wav", WAV)
    assert record.name == "SC_x"
    assert len(record.time) == 50
    assert np.array_equal(record.time, target[:50, 0])
    assert np.array_equal(record.inputs, np.hstack([simple[:, 1:], wave[:50, 1:]]))
    assert np.array_equal(record.targets, target[:50, 1:])
    assert np.array_equal(record.simple, simple[:, 1:])


@pytest.mark.parametrize(
    ("sc", "lamp", "wav", "shared"),
    [
        ((0, 20), (5, 20), (0, 20), (5, 20)),
        ((3, 15), (0, 20), (0, 20), (3, 15)),
        ((0, 20), (0, 18), (2, 25), (2, 18)),
        ((0, 180), (0, 180), (0, 95), (0, 95)),  # the known case of a short .wav
    ],
)
def test_files_that_begin_or_end_at_different_times_share_a_stretch(tmp_path, sc, lamp, wav, shared):
    record, warnings = read_record(*write_pair(tmp_path, clock(*sc, 0.1), clock(*lamp, 0.1), clock(*wav, 0.1)), USER)
    assert_straight(record, *shared, 0.1)
    assert not any("interpolated" in line for line in warnings)
    if shared[1] - shared[0] < 0.85 * (lamp[1] - lamp[0]):
        assert len(warnings) == 1 and f"{shared[0]} to {shared[1]} s" in warnings[0]


@pytest.mark.parametrize(("sc_step", "sc_begin"), [(0.2, 0.0), (0.05, 0.0), (0.1, 0.05), (0.15, 0.0)])
def test_another_step_is_interpolated_with_a_warning(tmp_path, sc_step, sc_begin):
    pair = write_pair(tmp_path, clock(sc_begin, 30, sc_step), clock(0, 30, 0.1))
    record, warnings = read_record(*pair, USER)
    first, last = record.time[0], record.time[-1]
    assert first <= sc_begin + 0.1 and last >= 30 - 0.2
    assert_straight(record, first, last, 0.1)
    assert len(warnings) == 1
    assert "SC.mot" in warnings[0] and "interpolated" in warnings[0] and f"{sc_step:g} s" in warnings[0]


def test_waves_at_another_step_are_interpolated(tmp_path):
    record, warnings = read_record(*write_pair(tmp_path, clock(0, 9, 0.1), clock(0, 9, 0.1), clock(0, 9, 0.3)), USER)
    assert_straight(record, 0, 9, 0.1)
    assert len(warnings) == 1 and "LAMP.wav" in warnings[0]


def test_files_that_share_no_time(tmp_path):
    pair = write_pair(tmp_path, clock(0, 9, 0.1), clock(50, 60, 0.1))
    with pytest.raises(InputError) as caught:
        read_record(*pair, USER)
    (line,) = lines_of(caught)
    assert "0 rows in common" in line and "0 to 9 s" in line and "50 to 60 s" in line


def test_a_record_too_short_for_the_time_resolution(tmp_path):
    pair = write_pair(tmp_path, clock(0, 1, 0.1), clock(0, 1, 0.1))
    assert len(read_record(*pair, UserInput(time_res=5))[0].time) == 11
    even = write_pair(tmp_path / "even", clock(0, 0.9, 0.1), clock(0, 0.9, 0.1))
    assert len(read_record(*even, UserInput(time_res=5))[0].time) == 10
    with pytest.raises(InputError, match="11 rows in common.*at least 12"):
        read_record(*pair, UserInput(time_res=6))


def test_a_step_that_changes_is_a_warning(tmp_path):
    time = np.concatenate([clock(0, 5, 0.1), clock(5.2, 8, 0.2)])
    _, warnings = read_record(*write_pair(tmp_path, time, time), USER)
    assert len(warnings) == 1 and "LAMP.mot" in warnings[0] and "step of 0.1 s changes after 5 s" in warnings[0]


def test_a_gap_in_time_is_called_a_gap(tmp_path):
    whole = clock(0, 15, 0.1)
    holey = np.concatenate([clock(0, 5, 0.1), clock(8, 12, 0.1), clock(12.5, 15, 0.1)])
    gap = "gap in time: no rows between 5 and 8 s (the first of 2 gaps)"
    record, warnings = read_record(*write_pair(tmp_path, holey, holey), USER)
    assert len(warnings) == 1 and "LAMP.mot" in warnings[0] and gap in warnings[0]
    record, warnings = read_record(*write_pair(tmp_path, whole, holey, whole), USER)
    assert len(warnings) == 1 and "LAMP.mot" in warnings[0] and gap in warnings[0]
    assert np.allclose(record.inputs, holey[:, None] * [1, 2, 3, 7], atol=1e-9)
    record, warnings = read_record(*write_pair(tmp_path, whole, whole, holey), USER)
    assert len(warnings) == 1 and "LAMP.wav" in warnings[0] and gap in warnings[0] and "interpolated" in warnings[0]
    assert_straight(record, 0, 15, 0.1)


def test_channels_come_in_the_documented_order(tmp_path):
    sc, lamp = write_realization(tmp_path, rows=60, zero_rows=0)
    user = UserInput(time_res=1, input_vbm=True, output_vbm=True)
    record, _ = read_record(sc, lamp, user)
    assert input_channels(user) == ("VBM", "Zcg", "Roll", "Pitch", "Wave")
    assert output_channels(user) == ("VBM", "Zcg", "Roll", "Pitch")
    motions = make_motions(60).round(4)
    assert np.allclose(record.inputs, np.column_stack([1000 * motions[:, 2], motions, 1.5 * motions[:, 0]]))
    assert np.allclose(record.targets[:, 0], 1300 * motions[:, 2])
    assert np.allclose(record.simple, record.inputs[:, :4])


def test_simplecode_without_a_moment_is_not_a_number(tmp_path):
    sc, lamp = write_realization(tmp_path, rows=60, zero_rows=0)
    Path(f"{sc}.vbm").unlink()
    record, _ = read_record(sc, lamp, UserInput(time_res=1, output_vbm=True))
    assert np.isnan(record.simple[:, 0]).all() and np.isfinite(record.simple[:, 1:]).all()
    assert np.isfinite(record.targets).all() and np.isfinite(record.inputs).all()


def test_a_record_without_lamp(tmp_path):
    sc, lamp = write_realization(tmp_path, rows=60, zero_rows=5)
    record, _ = read_record(sc, None, USER, waves=lamp, name="mine")
    assert record.targets is None and record.name == "mine"
    assert record.inputs.shape == (55, 4)


def test_all_faults_of_all_files_come_at_once(tmp_path):
    pairs = [write_realization(tmp_path, f"_{i}", rows=60) for i in range(3)]
    Path(f"{pairs[0][0]}.mot").write_text("")
    Path(f"{pairs[1][1]}.wav").unlink()
    text = Path(f"{pairs[2][1]}.mot").read_text().splitlines()
    Path(f"{pairs[2][1]}.mot").write_text("\n".join([*text[:-1], text[-1][:10]]))
    Path(f"{pairs[2][0]}.mot").write_bytes(b"\0")
    sc, lamp = zip(*pairs, strict=True)
    data = DataInfo(train_sc=sc[:1], train_lamp=lamp[:1], val_sc=sc[1:], val_lamp=lamp[1:])
    with pytest.raises(InputError) as caught:
        read_sets(Config(user=USER, data=data))
    lines = lines_of(caught)
    assert len(lines) == 4
    for path, line in zip(
        (f"{sc[0]}.mot", f"{lamp[1]}.wav", f"{sc[2]}.mot", f"{lamp[2]}.mot, line 63"), lines, strict=True
    ):
        assert str(Path(path)) in line


def test_sets_hold_their_records_whatever_their_lengths(tmp_path):
    pairs = [write_realization(tmp_path, f"_{i}", rows=60 + 7 * i, zero_rows=0) for i in range(3)]
    sc, lamp = zip(*pairs, strict=True)
    sets, warnings = read_sets(Config(user=USER, data=DataInfo(train_sc=sc, train_lamp=lamp)))
    assert warnings == []
    assert [len(record.time) for record in sets["train"]] == [60, 67, 74]
    assert sets["val"] == () and sets["test"] == ()


def test_missing_files_are_all_named_before_anything_is_read(tmp_path):
    sc, lamp = write_realization(tmp_path, rows=60)
    data = DataInfo(train_sc=(sc, "no/SC"), train_lamp=(lamp, "no/LAMP"), test_sc=(sc,), test_lamp=(f"{lamp}x",))
    lines = missing_files(Config(user=USER, data=data))
    assert [line.split(":")[0] for line in lines] == [
        str(Path(path)) for path in ("no/SC.mot", "no/LAMP.mot", "no/LAMP.wav", f"{lamp}x.mot", f"{lamp}x.wav")
    ]
    assert "train" in lines[0] and "no folder" in lines[0] and "test" in lines[3]
    grid = UserInput(wave_grid_x_size=3, ship_length=100, input_vbm=True, output_vbm=True)
    lines = missing_files(Config(user=grid, data=DataInfo(train_sc=(sc,), train_lamp=(lamp,))))
    assert [line.split(":")[0] for line in lines] == [str(Path(f"{lamp}.sea"))]


@pytest.mark.parametrize("waves", [False, True])
def test_swapped_lists_are_named_as_such(tmp_path, waves):
    pairs = [write_realization(tmp_path, f"_{i}", rows=60) for i in range(3)]
    sc, lamp = zip(*pairs, strict=True)
    saved_by_notepad = Path(f"{sc[0]}.mot")
    saved_by_notepad.write_text(saved_by_notepad.read_text(), encoding="utf-8-sig", newline="\r\n")
    data = DataInfo(train_sc=lamp, train_lamp=sc, val_sc=(sc[0], lamp[1]), val_lamp=(lamp[0], sc[1]))
    config = Config(user=UserInput(input_waves=waves), data=data)
    train, val = missing_files(config)
    assert train.startswith("DataInfoArgs.train_sc, train_lamp: swapped in 3 of 3 realizations") and "exchange" in train
    assert f"{lamp[0]}.mot is LAMP's, {sc[0]}.mot is SimpleCode's" in train and "val_lamp: swapped in 1 of 2" in val


def test_names_of_records_are_unique():
    names = unique_names(["a/SC_1", "b/SC_1", "b/SC_2", "x/b/SC_1", "a/SC_1"])
    assert names["b/SC_2"] == "SC_2"
    assert len(set(names.values())) == len(names) == 4


# ---- waves --------------------------------------------------------------------------------------------------------


def slow_elevation(sea, x, y, t, ramp) -> float:
    eta = 0.0
    for frequency, phase, amplitude, heading in sea:
        number = frequency**2 / 9.807
        along = x * math.cos(math.radians(heading)) + y * math.sin(math.radians(heading))
        eta += amplitude * math.cos(number * along - frequency * t + math.radians(phase))
    return eta * (min(t / ramp, 1.0) if ramp else 1.0)


@pytest.mark.parametrize("ramp", [0.0, 10.0])
def test_elevation_is_the_sum_over_its_components(ramp):
    rng = np.random.default_rng(3)
    sea = np.column_stack([rng.uniform(0.3, 1.5, 9), rng.uniform(0, 360, 9), rng.random(9), rng.uniform(90, 200, 9)])
    time = np.linspace(0, 40, 23)
    x, y = 5 * time, -0.3 * time
    dx, dy = np.array([-70.0, 0.0, 70.0]), np.array([0.0, 8.0, -8.0])
    slow = [
        [slow_elevation(sea, x[i] + a, y[i] + b, t, ramp) for a, b in zip(dx, dy, strict=True)]
        for i, t in enumerate(time)
    ]
    assert np.allclose(wave_elevation(sea, x, y, time, dx, dy, ramp), slow, atol=1e-11)


def test_a_grid_of_one_point_is_the_wave_at_the_ship():
    case = read_cases(SAMPLE_DATA / "Cases_files" / "cases_training.txt")
    lamp = case.lamp[0]
    wave = read_columns(f"{lamp}.wav", WAV)
    track = read_columns(f"{lamp}.mot", data_io.LAMP_TRACK)
    zero = np.zeros(1)
    eta = wave_elevation(read_columns(f"{lamp}.sea", SEA), track[:, 1], track[:, 2], track[:, 0], zero, zero, 10.0)
    assert wave[:, 1].std() > 0.5
    # The files' rounding: the phases are off by up to 1e-3 rad at the end of the record.
    assert np.abs(eta[:, 0] - wave[:, 1]).max() < 5e-3


def test_a_grid_of_nine_points_spans_the_ship(tmp_path):
    sc, lamp = write_realization(tmp_path, rows=80, zero_rows=0)
    sea = np.array([[0.5, 40.0, 1.2, 150.0], [0.8, 100.0, 0.4, 120.0]])
    write_rows(Path(f"{lamp}.sea"), SEA_HEADER, sea)
    user = UserInput(time_res=2, wave_grid_x_size=3, wave_grid_y_size=3, ship_length=140.0, ship_beam=18.0)
    record, warnings = read_record(sc, lamp, user)
    assert warnings == []
    names = input_channels(user)
    assert len(names) == record.inputs.shape[1] == 12
    for i, dx in enumerate((-70.0, 0.0, 70.0)):  # stern to bow
        for j, dy in enumerate((-9.0, 0.0, 9.0)):  # starboard to port
            column = record.inputs[:, names.index(f"Wave_x{i + 1}_y{j + 1}")]
            slow = [slow_elevation(sea, 5 * t + dx, dy, t, 10.0) for t in record.time]
            assert np.allclose(column, slow, atol=1e-9)


# ---- writing ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [("Zcg", "Roll", "Pitch"), ("VBM", "Zcg", "Roll", "Pitch"), ("VBM",)])
@pytest.mark.parametrize("rows", [1, 999, 1000, 1001])
def test_a_prediction_is_read_back(tmp_path, channels, rows):
    rng = np.random.default_rng(0)
    time = 0.1 * np.arange(rows)
    outputs = rng.normal(size=(rows, len(channels))) * ([1e6, 1, 10, 3] if len(channels) == 4 else 1.0)
    path = tmp_path / "new" / "lstm_output_for_SC.txt"
    write_prediction(path, time, outputs, channels)
    header, *lines = path.read_text().splitlines()
    assert header.split() == ["Time", *channels]
    assert all(len(word.split(".")[1]) == 5 for line in lines for word in line.split())
    table = np.loadtxt(path, skiprows=1, ndmin=2)
    assert table.shape == (rows, 1 + len(channels))
    assert np.abs(table - np.column_stack([time, outputs])).max() <= 0.5e-5 + 1e-9
    assert [path.name for path in path.parent.iterdir()] == ["lstm_output_for_SC.txt"]


def test_large_numbers_stay_apart(tmp_path):
    path = tmp_path / "x.txt"
    write_prediction(
        path, np.array([0.0, 12345678.9]), np.array([[-1.23456789e11, 9e15], [-1e300, 1.0]]), ("VBM", "Zcg")
    )
    assert np.loadtxt(path, skiprows=1).shape == (2, 3)


def test_predicted_motions_are_read_back_as_lamps(tmp_path):
    rng = np.random.default_rng(0)
    time = 0.1 * np.arange(1001)
    track, motions = rng.normal(size=(1001, 3)) * 1000, rng.normal(size=(1001, 3)) * [1, 20, 5]
    path = tmp_path / "new" / "prediction.mot"
    data_io.write_lamp_motions(path, time, track, motions)
    table = read_columns(path, LAMP_MOT)
    assert np.abs(table - np.column_stack([time, motions])).max() <= 0.5e-5 + 1e-9
    places = read_columns(path, data_io.LAMP_TRACK)
    assert np.abs(places - np.column_stack([time, track[:, :2]])).max() <= 0.5e-5 + 1e-9
    assert np.abs(np.loadtxt(path, skiprows=3)[:, 6] - track[:, 2]).max() <= 0.5e-5 + 1e-9
    assert [path.name for path in path.parent.iterdir()] == ["prediction.mot"]


@pytest.mark.parametrize("content", [None, "", "\0"])
def test_a_motion_file_that_cannot_be_read_is_not_also_a_missing_wave(tmp_path, content):
    sc, lamp = write_realization(tmp_path, rows=60)
    if content is None:
        Path(f"{sc}.mot").unlink()
    else:
        Path(f"{sc}.mot").write_text(content)
    with pytest.raises(InputError) as caught:
        read_record(sc, None, USER)
    (line,) = lines_of(caught)
    assert "SC_1.mot" in line


def test_the_track_is_simplecodes_at_the_rows_asked_for(tmp_path):
    time = 0.1 * np.arange(50)
    motions = np.ones((50, 3))
    table = np.column_stack([time, 5 * time, -time, motions, 2 * time])
    write_rows(tmp_path / "SC.mot", SC_HEADER, table)
    track = data_io.read_track(f"{tmp_path}/SC", time[10:40] + 0.05)
    assert np.allclose(track, (time[10:40] + 0.05)[:, None] * [5, -1, 2])
    write_rows(tmp_path / "short.mot", ["Time Xcg Ycg Zcg Roll Pitch", "sec m m m deg deg"], table[:, :6])
    assert not data_io.read_track(f"{tmp_path}/short", time).any()  # without yaw there is no track


@pytest.mark.parametrize("with_wav", [False, True])
@pytest.mark.parametrize("with_lamp", [False, True])
def test_simplecodes_own_wave_is_used_without_lamp_and_wav_alone(tmp_path, with_wav, with_lamp):
    sc, lamp = write_realization(tmp_path, rows=60, zero_rows=0)
    table = np.loadtxt(f"{sc}.mot", skiprows=2)
    own = np.column_stack([table, np.arange(60.0), np.ones((60, 2))])
    header = ["Time Xcg Ycg Zcg Roll Pitch Yaw Wave Slope_x Slope_y", "sec m m m deg deg deg m rad rad"]
    write_rows(Path(f"{sc}.mot"), header, own)
    if with_wav:
        Path(f"{sc}.wav").write_bytes(Path(f"{lamp}.wav").read_bytes())
    user = UserInput(time_res=1)
    record, warnings = read_record(sc, lamp if with_lamp else None, user)
    expected = read_columns(f"{lamp}.wav", data_io.WAV)[:, 1] if with_wav or with_lamp else own[:, 7]
    assert np.array_equal(record.inputs[:, 3], expected) and warnings == []
    assert np.array_equal(record.inputs[:, :3], table[:, 3:6])
