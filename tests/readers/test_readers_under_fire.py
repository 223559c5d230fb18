"""Files written in every valid way are read exactly; broken ones correctly or refused (see fuzz_readers.py)."""

import time
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import LAMP_HEADER, SC_HEADER, make_motions, motion_table, write_rows
from fuzz_readers import HEADERS, LAYOUTS, fuzz
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import data_io
import settings
from readers.text_tables import LAMP_MOT, MOST_COLUMNS, SC_MOT, read_columns
from settings import DataInfo, UserInput
from system.errors import InputError

NUMBERS = ("%{w}.{d}f", "%.{d}f", "%{w}.{d}E", "%.{d}e", "%+{w}.{d}f", "%+.{d}E", "%-{w}.{d}f")
FEW = hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


WORDS = ("", "nan", "inf", "infinity")  # which in a header look like numbers
HEADER_LINES = st.text(st.characters(codec="latin-1", categories="LPS"), max_size=60).filter(
    lambda line: not any(word.strip("+-*").lower() in WORDS for word in line.split())
)
FILES = st.builds(
    SimpleNamespace,
    kind=st.sampled_from(sorted(HEADERS)),
    number=st.sampled_from(NUMBERS),
    decimals=st.integers(1, 14),
    letter=st.sampled_from("EeDd"),
    between=st.sampled_from([" ", "   ", "\t", " \t"]),
    around=st.sampled_from([("", ""), ("  ", ""), ("\t", "  "), ("", "\t")]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    mark=st.sampled_from([b"", b"\xef\xbb\xbf"]),
    ends_with_newline=st.booleans(),
    more_columns=st.integers(0, 4),
    more_header=st.lists(HEADER_LINES, max_size=3),
    zero_rows=st.integers(0, 12),
    footer=st.sampled_from([[], ["End of the record"], ["", "Maximum 3.25 m 4.5 deg at 30.0 s", ""]]),
    rows=st.integers(3, 90),
    step=st.sampled_from([0.05, 0.1, 0.25, 1.0]),
    begin=st.sampled_from([0.0, 0.5, 1000.0]),
    seed=st.integers(0, 99),
)


@FEW
@given(FILES)
def test_valid_files_of_all_kinds_are_read_exactly(tmp_path, file):
    layout = LAYOUTS[file.kind]
    width = {"wav": 2, "sea": 4, "vbm": 3}.get(file.kind[-3:], 7) + file.more_columns
    table = np.random.default_rng(file.seed).normal(size=(file.rows, width)) * 10.0 ** (file.seed % 4)
    decimals = file.decimals
    if layout.has_time:
        table[:, 0] = file.begin + file.step * np.arange(file.rows)
        decimals = max(decimals, 6)  # so that time does not stand still
    number = file.number.format(w=file.decimals + 12, d=decimals)
    words = [[(number % value).replace("E", file.letter).replace("e", file.letter) for value in row] for row in table]
    lines = [file.around[0] + file.between.join(row) + file.around[1] for row in words]
    if layout.zero_rows_at_end:
        lines += [file.between.join(["0.0"] * width)] * file.zero_rows
    text = file.end.join([*file.more_header, *HEADERS[file.kind], *lines, *file.footer])
    path = tmp_path / file.kind
    path.write_bytes(file.mark + (text + file.end * file.ends_with_newline).encode("latin-1"))
    expected = [[float(row[i].lower().replace("d", "e")) for i in layout.columns.values()] for row in words]
    assert read_columns(path, layout).tolist() == expected


@pytest.mark.parametrize("first", [0, 1_000_000])
def test_broken_files_are_read_rightly_or_refused_in_a_line(tmp_path, first):
    outcomes, faults = fuzz(200, seed=7, folder=tmp_path, first=first)
    assert faults == []
    assert {"whole file read", "broken file read", "broken file refused", "realization read"} <= set(outcomes)
    assert sum(outcomes.values()) == 200 and "whole file refused" not in outcomes


def test_broken_tables_of_any_source_are_read_rightly_or_refused_in_a_line(tmp_path):
    outcomes, faults = fuzz(300, seed=7, folder=tmp_path, tables=True)
    assert faults == []
    assert {"whole table read", "broken table read", "broken table refused"} <= set(outcomes)


# ---- what the run of 100 000 found ----------------------------------------------------------------------------------


@pytest.mark.parametrize("line", ["([" * 40_000, "(" * 400_000, "Time " * 100_000])
def test_a_header_of_one_long_line_takes_no_time(tmp_path, line):
    table = motion_table(0.1 * np.arange(40), make_motions(40))
    path = write_rows(tmp_path / "LAMP.mot", [line, *LAMP_HEADER], table)
    began = time.process_time()
    assert np.array_equal(read_columns(path, LAMP_MOT), table[:, [0, 3, 4, 5]])
    assert time.process_time() - began < 2


def test_a_blank_line_in_a_header_whose_rows_cannot_be_counted(tmp_path):
    path = tmp_path / "SC.mot"
    path.write_text("\n\n" + "x" * 20_000)
    with pytest.raises(InputError, match="no row of numbers"):
        read_columns(path, SC_MOT)


def test_a_file_without_its_line_breaks_is_refused_at_once(tmp_path):
    path = write_rows(tmp_path / "SC.mot", SC_HEADER, motion_table(0.1 * np.arange(20_000), make_motions(20_000)))
    path.write_bytes(path.read_bytes().replace(b"\n", b" "))
    began = time.process_time()
    with pytest.raises(InputError, match=f"at most {MOST_COLUMNS}"):
        read_columns(path, SC_MOT)
    assert time.process_time() - began < 2


def test_one_row_of_many_numbers_is_refused_at_once(tmp_path):
    path = tmp_path / "LAMP.wav"
    path.write_text("a\nb\nc\nTime Elevation\n" + "0.5 " * 50_000 + "\nend\n" + "1 2\n" * 5_000)
    began = time.process_time()
    with pytest.raises(InputError, match="line 5: 50000 columns where 2"):
        read_columns(path, LAYOUTS["LAMP.wav"])
    path.write_text("a\nb\nc\n1 2\n" + "\n" * 9000 + "0.5 " * 50_000)
    with pytest.raises(InputError):
        read_columns(path, LAYOUTS["LAMP.wav"])
    assert time.process_time() - began < 2


@pytest.mark.parametrize("byte", [b"\x01", b"\x1a", b"\x1c"])
def test_a_control_byte_in_a_row_is_no_blank(tmp_path, byte):
    path = write_rows(tmp_path / "SC.mot", SC_HEADER, motion_table(0.1 * np.arange(40), make_motions(40)), "{:12.4f}")
    lines = path.read_bytes().split(b"\n")
    lines[20] = byte + lines[20][1:]
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(InputError, match="line 21: 8 columns where 7"):
        read_columns(path, SC_MOT)


@pytest.mark.parametrize("handle", ["_h7\0", "_h7\x08", "x" * 300, "_h7\ufffd"])
def test_a_handle_that_names_no_file(tmp_path, handle):
    path = tmp_path / "cases.txt"
    path.write_text(f"***\nSC\nLAMP\n{handle}\n", encoding="utf-8")
    with pytest.raises(InputError, match="cases.txt, line 4: .* cannot be in a file name"):
        data_io.read_cases(path)


def test_a_path_that_is_too_long_is_a_missing_file():
    lines = data_io.faulty_files(UserInput(), DataInfo(train_sc=("x" * 5000,), train_lamp=("y\0",)))
    assert len(lines) == 3 and all("file is missing" in line for line in lines)


def test_a_backslash_that_became_a_line_break_is_reported():
    data = type("DataInfoArgs", (), {"train_sc": ["C:\new\table"]})
    _, faults = settings.fill(settings.DataInfo, data(), "DataInfoArgs")
    assert len(faults) == 1 and "write / instead" in faults[0] and "\n" not in faults[0]
