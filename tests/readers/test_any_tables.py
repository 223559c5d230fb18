"""Text tables of any source: what is found out, what the user says instead, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from readers.any_tables import DescribedLayout
from settings.description import Reference, TextFormat

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
