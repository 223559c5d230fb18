"""Text tables of any source: what is found out, what the user says instead, and what is refused."""

import numpy as np
import pandas as pd
import pytest
from conftest import faults_of

from readers.any_tables import DescribedLayout
from settings.description import Description, Reference, TextFormat, UserFunction, use
from system.errors import InputError

ROWS = 60
TIME = 0.25 * np.arange(1, ROWS + 1)
A, B = np.random.default_rng(3).normal(size=(2, ROWS)).round(4) * [[1.0], [1000.0]]
B = B.round(2)
X = np.zeros(ROWS)


def rows(*columns, form="{:.4f}", between=",", begin="", end="") -> list[str]:
    """The rows of a file."""
    return [begin + between.join(map(form.format, row)) + end for row in zip(*columns, strict=True)]


def columns_20(names: list[str]) -> str:
    return "".join(f"{name:>20}" for name in names)


def with_comma(lines: list[str]) -> list[str]:
    return [line.replace(".", ",") for line in lines]


def dated(lines: list[str], between: str = ";") -> list[str]:
    return [f"{day % 28 + 1:02}.02.2024 12:00:00{between}{line}" for day, line in enumerate(lines)]


def fortran(value: float) -> str:
    """Without a letter in exponents of three digits."""
    return f"{value:14.6E}".replace("E", "D") if abs(value) > 1e-99 or not value else f"{value:.6E}".replace("E", "")


SMALL = A * 1e-120
FIXED = {"form": "{:20.4f}", "between": ""}
LAYOUTS = {  # the lines, the columns of A and B, and what time, A and B are multiplied with in the file
    "MoorDyn .out": (
        [
            columns_20(["Time", "FairTen1", "AnchTen1"]),
            columns_20(["(s)", "N", "N"]),
            *rows(TIME, A, B, **FIXED),
        ],
        ("FairTen1", "AnchTen1"),
    ),
    "OpenFAST .out with tabs": (
        [
            "",
            "Predictions were generated on 01-Mar-2024 at 12:00:00 using OpenFAST, compiled as a 64-bit application",
            "linked with NWTC Subroutine Library; ElastoDyn; HydroDyn; MoorDyn",
            "",
            "Description from the FAST input file: FAST Certification Test #25",
            "",
            "Time\tWave1Elev\tFAIRTEN1",
            "(s)\t(m)\t(kN)",
            *rows(TIME, A, B, between="\t"),
        ],
        ("Wave1Elev", "fairten1"),
    ),
    "OpenFAST .out with blanks": (
        [
            "",
            "Predictions were generated on 01-Mar-2024",
            "",
            "    Time     Wave1Elev     -TwrBsMyt ",
            "    (s)        (m)        (kN-m)   ",
            *rows(TIME, A, B, form="{:12.4f}", between=" ", end="  "),
        ],
        ("Wave1Elev", "-TwrBsMyt"),
    ),
    "xdyn csv": (["t,z(ship),phi(ship),theta(ship)", *rows(TIME, A, X, B)], ("z", "theta(ship)")),
    "HydroChrono": (
        ["# HydroChrono 1.0", "# time step: 0.015", "# Time (s)   Heave (m)   Pitch (rad)", "#", ""]
        + rows(TIME, A, B, between="   "),
        ("Heave", "pitch"),
    ),
    "MATLAB without header": (rows(TIME, A, B, form="{:.7e}", between="\t", begin="\t", end="\t"), (1, "2")),
    "model test, decimal comma and dates": (
        [
            "Basin 7;run 12;;",
            "Date;Zeit [s];t [s];Wave 1 [m];F_1 [N]",
            *dated(with_comma(rows(TIME, TIME, A, B, between=";"))),
        ],
        ("Wave 1", "F_1"),
    ),
    "model test at 200 Hz": (
        ['"Time [ms]","Wave, probe 1 [mm]","Force (x) [N]"', *rows(TIME * 1000, A, B)],
        ("Wave, probe 1 [mm]", "Force (x)"),
    ),
    "old Fortran": (
        ["  RUN 7", " TIME  SMALL  LARGE", *(" ".join(map(fortran, row)) for row in zip(TIME, SMALL, B, strict=True))],
        ("SMALL", "LARGE"),
    ),
    "two rows of names": (
        [
            "\tLine1\tLine1\tLine2",
            "Time (s)\tTension (kN)\tAngle (deg)\tTension (kN)",
            *rows(TIME, A, X, B, between="\t"),
        ],
        ("Line1 Tension", "Line2 Tension"),
    ),
    "names and units": (
        ["time heave surge tension", "sec m m kN", *rows(TIME, A, X, B, between=" ")],
        ("HEAVE", "Tension"),
    ),
    "pandas with an index": (
        [",t,wave,tension", *(f"{i},{row}" for i, row in enumerate(rows(TIME, A, B)))],
        ("wave", "tension"),
    ),
    "blanks and % comments": (
        ["% AQWA 2023", "%", "%   Time [s]    Heave [m]  Line tension [kN m]"]
        + [""]
        + rows(TIME, A, B, form="{:14.4f}", between="")
        + ["% end"],
        (1, 2),
    ),
    "a column of words and a footer": (
        ["run,t_s,a_m,b", *(f"calm,{row}" for row in rows(TIME, A, B)), "", "End of run, 60 rows"],
        ("a", "b"),
    ),
    "columns of 20 whose names have blanks": (
        [columns_20(["Time", "Wave elevation", "Tension of line 1"]), *rows(TIME, A, B, **FIXED)],
        ("wave  Elevation", "tension of line 1"),
    ),
    "semicolons and decimal commas with blanks": (
        ["t;a;b", *with_comma(rows(TIME, A, B, form="{:10.4f}", between=" ;"))],
        ("a", "b"),
    ),
    "decimal commas between blanks": (["t a b", *with_comma(rows(TIME, A, B, between="  "))], ("a", "b")),
    "fewer names than columns": (["wave tension", *rows(TIME, A, B, between=" ")], ("wave", "tension")),
    "quotes": (
        ['"t","a","b","remark"', *rows(TIME, A, B, form='"{:.4f}"', end=',"a, b"')],
        ("a", "b"),
    ),
    "trailing separators": (["t,a,b,", *rows(TIME, A, B, end=",")], ("a", "b")),
    "only a header with a trailing separator less": (["t,a,b", *rows(TIME, A, B, end=",")], ("a", "b")),
    "hours": (["Time [h],a,b", *rows(TIME / 3600, A, B, form="{:.17g}")], ("a", "b")),
    "ISO dates": (
        ["Time;a;b"]
        + [
            f"{pd.Timestamp('2024-02-28 23:59:50') + pd.Timedelta(seconds=t)};{row}"
            for t, row in zip(TIME, rows(A, B, between=";"), strict=True)
        ],
        ("a", "b"),
    ),
}


def layout(*columns, factors=(1.0, 1.0), units=("", ""), **reading) -> DescribedLayout:
    channels = zip("AB", columns, factors, units, strict=False)
    return DescribedLayout("MoorDyn", tuple((n, Reference(c, f), u) for n, c, f, u in channels), TextFormat(**reading))


def write(folder, lines: list[str], end="\n", encoding="utf-8"):
    path = folder / "table.txt"
    path.write_bytes((end.join(lines) + end).encode(encoding))
    return path


def assert_read(values, name: str = "") -> None:
    scales = {"old Fortran": 1e-120}
    begin = TIME[0] if name == "ISO dates" else 0
    assert np.allclose(values[:, 0], TIME - begin, rtol=1e-12, atol=1e-9)
    assert np.allclose(values[:, 1], A * scales.get(name, 1), rtol=1e-6, atol=0)
    assert np.allclose(values[:, 2], B, rtol=1e-6, atol=0)


@pytest.mark.parametrize("end, encoding", [("\n", "utf-8"), ("\r\n", "utf-8-sig")])
@pytest.mark.parametrize("name", LAYOUTS)
def test_layouts_are_found_out(tmp_path, name, end, encoding):
    lines, columns = LAYOUTS[name]
    values, remarks = layout(*columns).read(write(tmp_path, lines, end, encoding))
    assert values.dtype == np.float64 and remarks == []
    assert_read(values, name)


@pytest.mark.parametrize("name", LAYOUTS)
def test_layouts_of_few_rows(tmp_path, name):
    lines, columns = LAYOUTS[name]
    begin = len(lines) - ROWS - sum(line in ("", "% end", "End of run, 60 rows") for line in lines[-3:])
    values, _ = layout(*columns).read(write(tmp_path, lines[: begin + 7]))
    assert values.shape == (7, 3) and np.allclose(values[:, 2], B[:7])


CSV = ["t,a [N],b,b,z(ship),z(earth)", *rows(TIME, A, B, X, A, B)]


@pytest.mark.parametrize(
    "reading",
    [
        {"sep": ";", "decimal": ",", "header": 3},
        {"sep": ";", "decimal": ",", "skiprows": 3},
        {"comment": "$", "names": ("t", "a", "b"), "header": None},
        {"time": 0, "header": 3},
    ],
)
def test_what_the_user_says_replaces_what_is_found_out(tmp_path, reading):
    lines = ["$ run 7", "1;2;3", "4;5;6", "t;a;b", *with_comma(rows(TIME, A, B, between=";"))]
    if reading.get("comment"):
        lines = [line + " $ note" * (at == 50) for at, line in enumerate(lines) if at not in (1, 2)]
    path = write(tmp_path, lines)
    assert_read(layout("a", "b", **reading).read(path)[0])
    if "comment" not in reading:  # rows above the names are not left out silently
        assert "line 4, column 1: 't' where a number is expected" in faults_of(layout(0, 1).read, path)[0]


def test_time_is_chosen_and_in_its_unit(tmp_path):
    path = write(tmp_path, ["a,clock,b", *rows(A, TIME * 1000, B)])
    assert_read(layout("a", "b", time="clock", time_unit="ms").read(path)[0])
    path = write(tmp_path, ["time [steps],a,b", *rows(TIME, A, B)])
    values, remarks = layout("a", "b").read(path)
    assert_read(values)
    assert len(remarks) == 1 and "'steps'" in remarks[0] and "time_unit" in remarks[0]


@pytest.mark.parametrize(
    "column, words",
    [
        ("FairTen", "there is no column 'FairTen'; the file has"),
        ("B", "'B' may be b (column 2), b (column 3)"),
        ("z", "'z' may be z(ship) (column 4), z(earth) (column 5)"),
        (6, "there is no column 6; the file has 0 to 5"),
    ],
)
def test_columns_that_are_not_there(tmp_path, column, words):
    path = write(tmp_path, CSV)
    (line,) = faults_of(layout("a", column).read, path)
    assert line.startswith(f"{path}: {words}")
    assert len(faults_of(layout("x", "y", time="w").read, path)) == 3


def test_the_nearest_names_come_first(tmp_path):
    names = [f"AnchTen{i}" for i in range(12)] + ["FairTen2"]
    path = write(tmp_path, [",".join(["t", *names]), *rows(TIME, *[A] * 13)])
    (line,) = faults_of(layout("FairTen").read, path)
    assert "the file has FairTen2, AnchTen" in line and line.endswith(" ...") and line.count(",") == 9
    (line,) = faults_of(layout("a").read, write(tmp_path, rows(TIME, A)))
    assert "there is no column 'a'; no line above line 1 names its 2 columns: give its place" in line


@pytest.mark.parametrize(
    "unit, written, factor, words",
    [
        ("N", "kN", 1.0, 'with the factor 1 where 0.001 is expected; write "a * 0.001"'),
        ("N", "kN", -1e-3, ""),
        ("rad", "deg", 1.0, 'where 57.2958 is expected; write "a * deg"'),
        ("kN-m", "MN*m", 1e-3, ""),
        ("m/s^2", "m/s2", 1.0, ""),
        ("m", "kN", 1.0, "which is none of the same quantity"),
        ("widgets", "kN", 1.0, ""),
        ("kN", "kN", 2.0, "where 1 is expected; leave it out"),
    ],
)
@pytest.mark.parametrize("header", ["t,a ({})", "t,a\n(s),({})", "time a\nsec {}"])
def test_units_of_headers_are_a_check(tmp_path, unit, written, factor, words, header):
    lines = [header.format(unit), *rows(TIME, A, between="," if "," in header else " ")]
    path = write(tmp_path, lines)
    values, remarks = layout("a", factors=[factor], units=[written]).read(path)
    assert np.array_equal(values[:, 1], A * factor)
    assert [words in remark for remark in remarks] == [True] * bool(words)


@pytest.mark.parametrize(
    "row, words",
    [
        ("7.5,,0", "column 2: an empty cell where a number is expected"),
        ("7.5,nan,0", "column 2: 'nan' where a number is expected"),
        ("7.5,*****,0", "column 2: '*****' where a number"),
        ("7.5,1.2.3,0", "column 2: '1.2.3' where a number"),
        ("7.5,1e30,0", "column 2: number out of range"),
        ("7.5,1,0,0", ": 4 columns where 3 are expected"),
        ("7.5,1", ": 2 columns where 3 are expected"),
        ("7.25,1,0", "column 1: time 7.25 s does not come after 7.25 s"),
    ],
)
def test_faults_have_line_and_column(tmp_path, row, words):
    lines = ["t,a,b", *rows(TIME, A, B)]
    lines[30] = row
    path = write(tmp_path, lines)
    (line,) = faults_of(layout("a").read, path)
    assert line.startswith(f"{path}, line 31") and words in line
    lines[30] = "7.5,0.5,nan"
    assert layout("a").read(write(tmp_path, lines))[0][29].tolist() == [7.5, 0.5]
    lines[25:55] = [f"{row},9" for row in lines[25:55]]
    found = faults_of(layout("a").read, write(tmp_path, lines))
    assert len(found) == 3 and found[2].endswith("(and 27 more errors in this file)")


def test_dates_that_are_none_and_separators_that_are_none(tmp_path):
    lines, columns = LAYOUTS["ISO dates"]
    path = write(tmp_path, [line.replace("2024-02-28", "2024-02-31") for line in lines])
    assert "'2024-02-31 23:59:50" in faults_of(layout(*columns).read, path)[0]
    (line,) = faults_of(layout(*columns, sep="and").read, path)
    assert "sep = 'and', expected one character" in line
    assert "date" not in faults_of(layout("b", sep="\xa7").read, path)[0]


def test_decimal_points_between_decimal_commas(tmp_path):
    lines = ["t;a", *with_comma(rows(TIME, A, between=";"))]
    lines[30] = "7,5;1.234"
    (line,) = faults_of(layout("a").read, write(tmp_path, lines))
    assert "line 31, column 2: '1.234' has a decimal point where a comma is expected" in line


def test_zeros_at_the_end_and_a_row_that_breaks_off(tmp_path):
    lines = ["t,a,b", *rows(TIME, A, B)]
    values, remarks = layout("a", "b").read(write(tmp_path, [*lines, *["0.0,0.0,0.0"] * 20]))
    assert_read(values)
    assert len(remarks) == 1 and "20 rows of zeros at the end are left out" in remarks[0]
    path = write(tmp_path, [*lines, "15.2500,1.0000,2.00"])
    path.write_bytes(path.read_bytes()[:-1])
    values, (remark,) = layout("a", "b").read(path)
    assert_read(values)
    assert "line 62: the last row breaks off" in remark


@pytest.mark.parametrize(
    "data, words",
    [
        (None, "file is missing"),
        (b"", "file is empty"),
        (b"a\0b", "contains binary data"),
        ("t,a\n1,2\n".encode("utf-16"), "UTF-16"),
        (b"no table\nat all\n", "no rows of numbers are found in it; give read_high = data_io.TextFormat(sep="),
    ],
)
def test_files_that_are_no_tables(tmp_path, data, words):
    use(Description(high_name="MoorDyn"))
    path = tmp_path / "table.txt"
    if data is not None:
        path.write_bytes(data)
    (line,) = faults_of(layout("a").read, path)
    use(Description())
    assert line.startswith(str(path)) and words in line
    (line,) = faults_of(layout("a").read, tmp_path)
    assert "cannot be read" in line


# ---- functions of the user -----------------------------------------------------------------------------------------

FUNCTIONS = """
import numpy as np, pandas as pd
class DataInfoArgs:
    def read_high(self, path):
        t = 0.5 * np.arange(5)
        frame = pd.DataFrame({{"x": 1.0, "Time [ms]": 1000 * t, "T1 (N)": 2000.0}}, index=range(5))
        return {}
"""


def of_function(folder, returned: str) -> DescribedLayout:
    file = folder / "input_file.py"
    file.write_text(FUNCTIONS.format(returned))
    channels = (("T1", Reference("T1", 1e-3), "kN"), ("X", Reference(0), ""))
    return DescribedLayout("MoorDyn", channels, UserFunction(str(file), "read_high"))


@pytest.mark.parametrize(
    "returned",
    [
        "frame",
        "frame.drop(columns='Time [ms]').set_index(pd.Index(t, name='time'))",
        "frame.drop(columns='Time [ms]').set_index(pd.Timestamp('2024-01-01') + pd.to_timedelta(t, unit='s'))",
        "frame.assign(**{'Time [ms]': pd.Timestamp('2024-01-01') + pd.to_timedelta(t, unit='s')})"
        ".rename(columns={'Time [ms]': 'time'})",
    ],
)
def test_frames_of_a_function(tmp_path, returned):
    values, remarks = of_function(tmp_path, returned).read("a file")
    assert remarks == []
    assert np.allclose(values, np.column_stack([0.5 * np.arange(5), [2.0] * 5, [1.0] * 5]))


@pytest.mark.parametrize(
    "returned, words",
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("t", "returned ndarray, expected a pandas.DataFrame"),
        ("frame[:0]", "returned a frame without rows"),
        ("frame.rename(columns={'Time [ms]': 'clock'})", "no column is called t or time; the frame has x, clock"),
        ("frame.drop(columns='T1 (N)')", "there is no column 'T1'; the file has Time [ms], x"),
        ("frame.assign(x=['a'] * 5)", "column x, row 0: 'a' where a number is expected"),
        ("frame.assign(x=[[1]] * 5)", "column x, row 0: '[1]' where a number is expected"),
        ("frame.assign(x=[1, 2, np.nan, 3, 4])", "column x, row 2: 'nan' where a number is expected"),
        ("frame[::-1]", "row 1: time 1500 does not come after 2000"),
    ],
)
def test_functions_that_fail(tmp_path, returned, words):
    (line,) = faults_of(of_function(tmp_path, returned).read, "a file")
    assert line.startswith("a file, read_high in ") and words in line


@pytest.mark.parametrize(
    ("name", "factor"), [("Time [d]", 86400.0), ("time_d", 86400.0), ("t [MS]", 1e-3), ("Time (h)", 3600.0), ("t", 1.0)]
)
def test_the_unit_of_time_in_its_name(tmp_path, name, factor):
    file = write(tmp_path, [f"{name},a,b", *rows(TIME, A, B)])
    values, remarks = layout("a", "b").read(file)
    np.testing.assert_allclose(values[:, 0], factor * TIME)
    assert remarks == []


def test_a_unit_of_time_that_is_not_known_is_a_line(tmp_path):
    (line,) = layout("a", "b").read(write(tmp_path, ["Time [weeks],a,b", *rows(TIME, A, B)]))[1]
    assert "'weeks'" in line and "give time_unit" in line


def test_numbers_out_of_range_behind_their_factor_are_a_line(tmp_path):
    file = write(tmp_path, ["t,a,b", *rows(TIME, A, B)])
    with pytest.raises(InputError, match="a is out of range|A is out of range"):
        layout("a", "b", factors=(1e30, 1.0)).read(file)
