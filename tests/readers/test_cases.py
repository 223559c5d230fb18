"""Cases files and handles: what they name, and how errors are reported."""

from pathlib import Path

import pytest

from readers.cases import read_cases
from readers.sea_state_handles import Handle, SeaState, find_handle, handle_in, sea_state, unread_handles
from system.errors import InputError

SAMPLE_DATA = Path(__file__).resolve().parents[2] / "sample_data"
HANDLE = "_h7.5_p15_a135_hh0_pp0_aa0_s10-0000001"


def write_cases(folder: Path, text: str | bytes) -> Path:
    path = folder / "Cases_files" / "cases.txt"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    "text",
    [
        f"About\n\n***\nSC\nLAMP\n{HANDLE}\n{HANDLE[:-1]}2\n",
        f"***\r\nSC\r\nLAMP\r\n\r\n{HANDLE}\r\n{HANDLE[:-1]}2",
        f"\ufeffA\nB\nC\n*****  \n SC \n\nLAMP\n{HANDLE}  \n\n\t{HANDLE[:-1]}2\n\n",
    ],
)
def test_a_cases_file_names_its_realizations(tmp_path, text):
    cases = read_cases(write_cases(tmp_path, text))
    assert cases.handles == [HANDLE, HANDLE[:-1] + "2"]
    assert cases.sc[0] == (tmp_path / "SimpleCode_files" / f"SC{HANDLE}").as_posix()
    assert cases.lamp[1] == (tmp_path / "LAMP_files" / f"LAMP{HANDLE[:-1]}2").as_posix()
    assert read_cases(write_cases(tmp_path, text), "other\\place").sc[0] == f"other/place/SimpleCode_files/SC{HANDLE}"


def test_what_follows_a_hash_is_a_comment(tmp_path):
    text = (
        f"About #1\n***\n# the prefixes\nSC#2\t# J\xe4ger's own\nLAMP\n#{HANDLE[:-1]}9\n{HANDLE} # rolls a lot\n"
        f"# {'left out, ' * 40}\n{HANDLE[:-1]}2\n"
    )
    cases = read_cases(write_cases(tmp_path, text.encode("latin-1")))
    assert cases.handles == [HANDLE, HANDLE[:-1] + "2"]
    assert [Path(path).name for path in cases.sc] == [f"SC#2{handle}" for handle in cases.handles]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"About\nSC\nLAMP\n{HANDLE}\n", r"'\*\*\*'"),
        ("***\n", "prefix"),
        ("***\nSC\n", "prefix"),
        ("***\nSC\nLAMP\n", "no handle"),
        (f"***\nSC\nLAMP\n#{HANDLE}\n", "no handle"),
        (f"***\nSC\nLAMP\n{HANDLE}\n".encode("utf-16"), "cases.txt: is saved as UTF-16"),
        (f"***\nSC\n{HANDLE}\n{HANDLE}\n", "LAMP's prefix is missing"),
        (f"***\n{HANDLE}\n{HANDLE}\n", "SimpleCode's prefix is missing"),
        ("", r"'\*\*\*'"),
    ],
)
def test_a_cases_file_that_lacks_something(tmp_path, text, expected):
    with pytest.raises(InputError, match=expected) as caught:
        read_cases(write_cases(tmp_path, text))
    assert "cases.txt" in caught.value.lines[0]


def test_a_cases_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_cases(tmp_path / "no.txt")


def test_the_cases_of_the_sample_data_are_all_there():
    for name in ("training", "validation", "test"):
        cases = read_cases(SAMPLE_DATA / "Cases_files" / f"cases_{name}.txt")
        for sc, lamp in zip(cases.sc, cases.lamp, strict=True):
            assert Path(f"{sc}.mot").is_file() and Path(f"{lamp}.mot").is_file()


def test_handles():
    handle = find_handle(f"data/LAMP_files/LAMP{HANDLE}")
    assert handle == Handle(7.5, 15, 135, 0, 0, 0, 10, 1)
    assert find_handle("_h3.25_p9.5_a45_hh1.5_pp12_aa270_s0-1234567") == Handle(3.25, 9.5, 45, 1.5, 12, 270, 0, 1234567)


def test_prefixes_may_name_a_folder_as_on_windows(tmp_path):
    cases = read_cases(write_cases(tmp_path, f"***\r\nbow\\SC\r\nbow/LAMP\r\n{HANDLE}\r\n"))
    assert cases.sc == [(tmp_path / "SimpleCode_files" / "bow" / f"SC{HANDLE}").as_posix()]
    assert cases.lamp == [(tmp_path / "LAMP_files" / "bow" / f"LAMP{HANDLE}").as_posix()]


def test_the_handle_in_a_name_also_behind_a_prefix_that_looks_like_one():
    assert handle_in(f"SC{HANDLE}") == handle_in(f"my_hull{HANDLE}") == HANDLE
    assert handle_in(f"SC{HANDLE}_v2") == HANDLE and handle_in(f"SC{HANDLE.upper()}.1") == HANDLE.upper()


@pytest.mark.parametrize(
    "name",
    [
        "SC_h7.50_p15.0_a135.00_hh0_pp0_aa0_s10.0-0000001",  # digits
        "_h7,5_p15_a135_hh0_pp0_aa0_s10-1",  # decimal marks, and other numbers of digits
        "_h7p5_p15_a135_hh0_pp0_aa0_s10-00000001",
        "_H7.5_P15_A135_HH0_PP0_AA0_S10-0000001",
        "_h07.5_p015._a+135_hh-0_pp0_aa0_s+10-0000001",
        "_h.75e+1_p1.5E1_a13.5d1_hh0e0_pp0_aa0_s1e1-0000001",
        "_h7.4999999_p15.00001_a134.9999_hh0_pp0_aa0_s10-0000001",
        "_h7.5_p15_a495_hh0_pp0_aa0_s10-0000001",  # headings
        "_h7.5_p15_a-225_hh0_pp0_aa0_s10-0000001",
        "_h7.5_p15_a135_hh0_pp10_aa90_s10-0000001",  # there is no second wave system
        "_h7.5_p15_a135_hh0.0000_pp3_aa-90_s10-0000001",
        *(HANDLE + suffix for suffix in ("_v2", "_rerun", ".1", "_copy", " (1)", " - Copy", "_2", ".mot", "-b")),
        f"of_h5_p9_a0_hh0_pp0_aa0_s5-0000009/run 7_{HANDLE}_v2",
        f"of_h5_p9_a0_hh0_pp0_aa0_s5-0000009\\SC{HANDLE}",
        HANDLE[1:],
    ],
)
def test_a_handle_is_numbers_however_it_is_spelled(name):
    handle = find_handle(name)
    assert handle == find_handle(HANDLE) and hash(handle) == hash(find_handle(HANDLE))
    assert sea_state(name) == handle.sea_state == sea_state(HANDLE.replace("-0000001", "-0000002"))
    assert handle.sea_state.name == "h7.5_p15_a135_hh0_pp0_aa0_s10"


@pytest.mark.parametrize(
    "other",
    [
        *("_h7.51_p15_a135_hh0_pp0_aa0_s10-1", "_h7.5_p15_a136_hh0_pp0_aa0_s10-1", "_h7.5_p15_a-135_hh0_pp0_aa0_s10-1"),
        *("_h7.5_p15_a135_hh1_pp0_aa0_s10-1", "_h7.5_p15_a135_hh0_pp0_aa0_s-10-1", "_h75_p15_a135_hh0_pp0_aa0_s10-1"),
    ],
)
def test_other_numbers_are_another_sea_state_of_another_name(other):
    assert sea_state(other) != sea_state(HANDLE) and sea_state(other).name != sea_state(HANDLE).name


def test_headings_go_round_and_waves_of_no_height_have_none():
    headings = (0, 360, -360, 720, 359.99999, 450, 90, -45, 315, 450.1, 90.1)
    found = [SeaState(5, 12, heading, 0, 3, 45, 10).heading for heading in headings]
    assert found == [0, 0, 0, 0, 0, 90, 90, 315, 315, 90.1, 90.1]
    calm = SeaState(0, 12, 90, 2, 8, 400, 10)
    assert (calm.period, calm.heading, calm.second_period, calm.second_heading) == (0, 0, 8, 40)
    assert sorted([SeaState(10, 1, 0, 0, 0, 0, 0), calm, SeaState(9, 1, 0, 0, 0, 0, 0)])[0] == calm


@pytest.mark.parametrize(
    "name",
    [
        *("LAMP_1", "SC_h7-1", HANDLE.replace("h7.5", "hx")),
        *("run001", "", "_h7.5_p15_a135_s10-0000001", "_h7.5_p15_a135_hh0_pp0_aa0_s10", HANDLE + "x", HANDLE + "b2"),
        *(HANDLE.replace("h7.5", "h-7.5"), HANDLE.replace("h7.5", "h1e999"), HANDLE.replace("p15", "p1.5.2")),
        f"{HANDLE}/run001",  # a folder's
    ],
)
def test_what_cannot_be_read_is_no_handle(name):
    assert find_handle(name) is None and sea_state(name) is None and handle_in(name) == ""


def test_names_without_a_handle_are_one_line():
    assert unread_handles([f"SC{HANDLE}"]) == unread_handles([]) == ""
    line = unread_handles([f"SC{HANDLE}", "run1", "SC_h7.5_p15_a135_s10-0000001"])
    assert line.startswith("2 of 3 records have no handle") and "(first: SC_h7.5_p15_a135_s10-0000001)" in line
    assert "not grouped by sea state" in line and "\n" not in line
