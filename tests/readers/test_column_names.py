"""Names in headers: columns are read by them, or the file is refused; names that are not known are accepted."""

import itertools
import re
from pathlib import Path

import numpy as np
import pytest
from conftest import LAMP_HEADER, faults_of, make_motions, motion_table, write_rows
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from readers.column_names import find_names, meaning, split
from readers.text_tables import LAMP_MOT, LAMP_VBM, SC_MOT, SC_VBM, SC_WAVES, SEA, WAV, Layout, read_columns, read_table
from system.errors import InputError

ROWS = 40
WIDTHS = {WAV.kind: 2, SC_VBM.kind: 3, LAMP_VBM.kind: 3, SEA.kind: 4}
TIME = 0.1 * np.arange(ROWS)
RNG = np.random.default_rng(0)
VBM_TABLE = np.column_stack([TIME, RNG.normal(size=(ROWS, 3))])


def table_of(layout: Layout, more: int = 0) -> np.ndarray:
    """Numbers for a file: time, and random columns."""
    return np.column_stack([TIME, RNG.normal(size=(ROWS, WIDTHS.get(layout.kind, 7) - 1 + more))])


MEANINGS = {
    "VBM": "VBM|V.B.M.|Moment|Vert_Bending_Moment|Vertical_bending_moment(kN-m)|My|M_y|Bending Moment|Vmom|VertBendMom|"
    "Mom_Y|Wave induced VBM|BM|M5|vbm_midship|BENDING MOMENT|Sagging moment",
    "Other": "Shear|VSF|Fz|F_z|Vertical Shear Force|Vertical_shear_force(kN)|VShear|HBM|Torsion|"
    "Horizontal bending moment|Torsional moment|Mx|Mz|Lateral_BM|"
    "Slope|Wave slope|WaveSlopeX|Roll rate|Roll_Vel|RollRate|Zdot|"
    "Vz|Velocity|Speed|Relative wave elevation|Vertical Velocity|Wave_Heading|"
    "Pitch acceleration",
    "Wave": "Wave|Elevation|Eta|Zeta|Wave_Elev|Wave elevation|WaveElevation|Surface elevation at CG|wav|Wave height",
    "Time": "Time|TIME(sec)|t|Time_s|Simulation time",
    "Roll": "Roll|Rot_X|RotX|Phi|Roll angle|ROLL(deg)",
    "Pitch": "Pitch|Rot_Y|theta",
    "Zcg": "Zcg|Z_CG|ZCG|Heave|Z",
    None: "Channel3|V2|Probe|kN|Col_5|M|Yes|Vertical",
}
SEA_MEANINGS = {
    "Frequency": "Frequency(rad/s)|Freq|omega|w|Wave_Frequency",
    "Phase": "Phase|phi|Eps|epsilon|Phase angle",
    "Amplitude": "Amplitude|Amp|a|zeta_a|Wave_Amp",
    "Heading": "Heading|Dir|Direction|beta|mu|Wave_dir",
    "Other": "Period|T|k|Wave number|S(w)|Height|Spectrum",
    None: "No|Index|Component",
}


@pytest.mark.parametrize("is_sea", [False, True])
def test_what_names_mean(is_sea):
    for expected, labels in (SEA_MEANINGS if is_sea else MEANINGS).items():
        assert {label: meaning(label, is_sea) for label in labels.split("|")} == dict.fromkeys(
            labels.split("|"), expected
        )


# ---- by name ------------------------------------------------------------------------------------------------------

MOMENT_SECOND = [  # the moment stands before the shear force
    "Time Moment Shear",
    "Time(sec) Vertical_bending_moment(kN-m) Vertical_shear_force(kN)",
    "Time (sec)  Vertical Bending Moment (kN-m)  Vertical Shear Force (kN)",
    "Time Vertical Bending Moment Vertical Shear Force",
    "Time, Bending Moment, Shear Force",
    "Time\tBending Moment\tShear Force",
    '"Time" "Bending Moment" "Shear Force"',
    "Time   Bending Moment   Shear Force",
    "# Time VBM VSF",
    "Columns: Time My Fz",
    "TIME VBM Foo",
    "Time Bending Moment at midship Shear Force at station 10",
]


@pytest.mark.parametrize("line", MOMENT_SECOND)
@pytest.mark.parametrize("layout", [SC_VBM, LAMP_VBM])
def test_the_moment_is_found_by_its_name(tmp_path, line, layout):
    path = write_rows(tmp_path / "x.vbm", ["a title"] * (layout.header_lines - 1) + [line], VBM_TABLE[:, :3])
    values, (remark,) = read_table(path, layout)
    assert np.array_equal(values, VBM_TABLE[:, :2])
    assert "VBM from column 2" in remark and f"line {layout.header_lines}" in remark


@pytest.mark.parametrize("line", [line.replace("Time", "t").replace("TIME", "t") for line in MOMENT_SECOND])
def test_the_moment_is_found_after_extra_columns(tmp_path, line):
    order = [2, 1, 0]
    words = split(line.removeprefix("# ").removeprefix("Columns: "), 3, False)
    path = write_rows(tmp_path / "x.vbm", ["a", "  ".join(f'"{words[i]}"' for i in order)], VBM_TABLE[:, order])
    assert np.array_equal(read_columns(path, SC_VBM), VBM_TABLE[:, :2])


@pytest.mark.parametrize("layout, names", [(SC_MOT, "Roll Pitch Yaw"), (LAMP_MOT, "Rot_X Rot_Y Rot_Z")])
@pytest.mark.parametrize("order", list(itertools.permutations(range(7)))[1::350])
def test_motions_in_any_order_are_read_by_name(tmp_path, layout, names, order):
    table = motion_table(TIME, make_motions(ROWS))
    words = ("Time Xcg Ycg Zcg " + names).split()
    header = ["t"] * (layout.header_lines - 1) + [" ".join(words[i] for i in order)]
    path = write_rows(tmp_path / "x.mot", header, table[:, order])
    values, remarks = read_table(path, layout)
    assert np.array_equal(values, table[:, [0, 3, 4, 5]]) and len(remarks) == 1


@pytest.mark.parametrize(
    "units, factors",
    [("m m m m/s deg deg deg", [1, 1, 1, 1]), ("ft ft ft ft/s rad rad rad", [1, 0.3048, 180 / np.pi, 180 / np.pi])],
)
def test_extra_columns_between(tmp_path, units, factors):
    table = motion_table(TIME, make_motions(ROWS))
    header = ["Time Xcg Ycg Zcg Vel Roll Pitch Yaw", f"sec {units}"]
    path = write_rows(tmp_path / "x.mot", header, np.insert(table, 4, 7.0, axis=1))
    np.testing.assert_allclose(read_columns(path, SC_MOT), table[:, [0, 3, 4, 5]] * factors, rtol=1e-15)


def test_waves_behind_the_motions(tmp_path):
    table = np.hstack([motion_table(TIME, make_motions(ROWS)), RNG.normal(size=(ROWS, 3))])
    names = "Time Xcg Ycg Zcg Roll Pitch Yaw "
    for after, place in (
        ("Wave Slope_x Slope_y", 7),
        ("Slope_x Wave Slope_y", 8),
        ("Wave Slope X Wave Slope Y Wave", 9),
    ):
        path = write_rows(tmp_path / "x.mot", [names + after, "sec"], table)
        assert np.array_equal(read_columns(path, SC_WAVES), table[:, [0, place]])
    path = write_rows(tmp_path / "x.mot", [names + "Slope_x Slope_y Speed"], table)
    (line,) = faults_of(read_columns, path, SC_WAVES)
    assert "line 1: column 8 of 10 is called Slope_x where Wave is expected" in line


def test_a_sea_by_name(tmp_path):
    sea = np.column_stack([np.arange(1, 5), RNG.uniform(0.3, 2, (4, 4)).round(3)])
    header = ["a"] * 5 + ["No Omega Eps Dir Amp"]
    path = write_rows(tmp_path / "x.sea", header, sea)
    assert np.array_equal(read_columns(path, SEA), sea[:, [1, 2, 4, 3]])


# ---- refused ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "layout, line, place, called",
    [
        (SC_VBM, "Time VSF Shear", 3, "Shear"),
        (SC_VBM, "Time Fy Fz", 3, "Fz"),
        (LAMP_VBM, "Time(s) Shear(kN) Torsion(kN-m)", 3, "Torsion"),
        (LAMP_VBM, "Time Vertical Shear Force Horizontal Bending Moment", 3, "horizontal bending moment"),
        (LAMP_VBM, "Time VBM_1 Shear_1 VBM_2", 3, "Shear_1"),
        (WAV, "Time Slope", 2, "Slope"),
        (WAV, "Time Wave Slope", 2, "wave slope"),
        (WAV, "Time (sec) Wave velocity (m/s)", 2, "Wave velocity"),
        (WAV, "Time Zcg", 2, "Zcg"),
        (WAV, "Time Relative elevation", 2, "relative elevation"),
        (SC_MOT, "Time Xcg Ycg Zcg Pitch Pitch Yaw", 5, "Pitch"),
        (SC_MOT, "Time Xvel Yvel Zvel Roll Pitch Yaw", 4, "Zvel"),
        (LAMP_MOT, "Time Xcg Ycg Zcg Roll_rate Pitch_rate Yaw_rate", 5, "Roll_rate"),
        (SEA, "Period Phase Amplitude Heading", 1, "Period"),
        (SEA, "Frequency Phase Height Heading", 3, "Height"),
        (SEA, "w k a mu", 2, "k"),
        (SC_VBM, "Time M Q", 3, "Q"),
        (LAMP_VBM, "Time M V", 3, "V"),
        (LAMP_MOT, "Time U V W P Q R", 5, "P"),
    ],
)
def test_something_else_is_refused_with_what_was_found_and_expected(tmp_path, layout, line, place, called):
    table = table_of(layout, 1 if line == "Time VBM_1 Shear_1 VBM_2" else 0)
    path = write_rows(tmp_path / "x", ["a title"] * (layout.header_lines - 1) + [line], table)
    lines = faults_of(read_columns, path, layout)
    assert lines[0].startswith(
        f"{path}, line {layout.header_lines}: column {place} of {table.shape[1]} is called {called}"
    )
    assert "is expected" in lines[0] and "give a" in lines[0]


def test_names_of_another_number_that_contradict_the_positions(tmp_path):
    path = write_rows(
        tmp_path / "x.mot", ["Time Step Xcg Ycg Zcg Roll Pitch Yaw"], motion_table(TIME, make_motions(ROWS))
    )
    (*_, line) = faults_of(read_columns, path, SC_MOT)
    assert "8 names" in line and "of 7" in line


# ---- accepted -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "layout, header",
    [
        (WAV, ["a", "b", "Seconds Probe"]),
        (WAV, ["Wave elevation", "Wave slope", "Time Probe1"]),
        (WAV, ["a", "Time history of wave slope and roll", "t eta"]),
        (WAV, ["a", "b", "Time(sec) Elevation(at CG)"]),
        (WAV, ["a", "b", "Time Wave elevation at the centre of gravity"]),
        (SC_VBM, ["Shear force and sagging moment", "Time V3 V5"]),
        (LAMP_VBM, ["Vertical loads", "Time of run: 12:30", "", "Time Shear Moment at midship"]),
        (LAMP_VBM, ["Time domain run, roll damping from tests", "Time", "Force Moment", "-"]),
        (SC_MOT, ["Time history of roll, pitch", "sec m m m deg deg deg"]),
        (SC_MOT, ["Time A B C D E F", "sec m m m deg deg deg"]),
        (LAMP_MOT, ["a", "b", "Time Surge Sway Heave Roll Pitch Heading"]),
        (LAMP_MOT, ["a", "b", "t x y z phi theta psi"]),
        (SEA, ["a", "b", "Number of components 120", "Time ramp 10 s", "h", "f e a b"]),
    ],
)
def test_names_that_are_not_known_are_accepted(tmp_path, layout, header):
    assert_read_by_place(tmp_path, layout, header)


def assert_read_by_place(folder: Path, layout: Layout, header: list[str]) -> None:
    table = table_of(layout)
    values, remarks = read_table(write_rows(folder / "x", header, table), layout)
    assert np.array_equal(values, table[:, list(layout.columns.values())]) and remarks == [], header


WAVE_TITLES = (
    "Wave elevation time history|Wave time history|Wave elevation vs time|Wave, time domain run at sea|Hs Tm|t eta|"
    "Time: 12:30|Time trace wave|Time history of wave elevation|Time        Wave Elev. @ CG|Time WAVE(X=0.0,Y=0.0)|"
    "Time Wave_Ht(m)|Time/s Wave/m|Time Wave_CG|Time Zeta|Time WP1|# t eta|Point 1: x= 0.000 y= 0.000"
)
LOAD_TITLES = (
    "Shear moment time histories|Loads vs time|Bending moment time history|Shear and bending moment, time in s|"
    "Time VSF VBM|Time V.Shear V.Bend.|Time F3 M5|Time Vertical Shear Force Vertical Bending Moment|Time Q M|"
    "Time Shear[MN] Moment[MNm]|Time VSF@10 VBM@10|Time  VSHEAR  VBMOM|Time sf bm|Time Station VBM|Section 10 x = 71"
)
MOTION_TITLES = (
    "heave roll pitch time histories|Time histories of surge sway heave roll pitch yaw|Heave Roll Pitch|"
    "Surge, sway, heave, roll, pitch and yaw against time|Roll period 12 s, pitch period 7 s|"
    "Time XG YG ZG PHI THETA PSI|Time X(CG) Y(CG) Z(CG) RX RY RZ|Time x1 x2 x3 x4 x5 x6|"
    "Time Global-X Global-Y Global-Z Rot_X Rot_Y Rot_Z|Time PosX PosY PosZ RotX RotY RotZ|"
    "t [s], x [m], y [m], z [m], roll [deg], pitch [deg], yaw [deg]"
)
SEA_TITLES = (
    "Number of frequencies: 200|Amplitude and phase, frequency of waves|Sea state: Height 7.5 Period 15 Heading 135|"
    "w_i phase_i A_i B_i|FREQ PHASE AMPL DIR|Freq. Phase Amp. Head.|om phi A mu|"
    "Wave Freq  Rand Phase  Wave Amp  Wave Dir"
)
TITLES = [
    (WAV, WAVE_TITLES),
    *((layout, LOAD_TITLES) for layout in (SC_VBM, LAMP_VBM)),
    *((layout, MOTION_TITLES) for layout in (SC_MOT, LAMP_MOT)),
    (SEA, SEA_TITLES),
]


@pytest.mark.parametrize(("layout", "titles"), TITLES, ids=[layout.kind for layout, _ in TITLES])
def test_titles_and_names_of_other_versions_are_accepted(tmp_path, layout, titles):
    for line in titles.split("|"):
        for header in ([line, "b", "c"], ["a", line], ["a", "b", line, ""]):
            assert_read_by_place(tmp_path, layout, header)


def test_the_formats_headers_are_names():
    assert find_names("\n".join(LAMP_HEADER).encode(), 7, False).line == 3


WORDS = [label for labels in [*MEANINGS.values(), *SEA_MEANINGS.values()] for label in labels.split("|")]


@hypothesis_settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from([*WORDS, "Time", "(m)", "at", ",", "  "]), min_size=1, max_size=9))
def test_any_names_are_read_by_name_or_refused(tmp_path_factory, words):
    """Whatever stands in the header: a column that is read is called as expected, or not known."""
    path = write_rows(tmp_path_factory.mktemp("names") / "x.vbm", [" ".join(words)], VBM_TABLE)
    try:
        values = read_columns(path, SC_VBM)
    except InputError as error:
        # The names may tell that another column is time, which then does not run on.
        assert all(re.search(r"is expected|unit|, column \d: time", line) for line in error.lines)
        return
    place = int(np.flatnonzero((VBM_TABLE == values[:, 1:]).all(axis=0))[0])
    names = find_names(" ".join(words).encode(), 4, False)
    assert place >= len(names.meanings) or names.meanings[place] in ("VBM", None)
