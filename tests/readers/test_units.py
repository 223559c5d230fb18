"""Units in headers: those of the formats, others that are converted, and some that cannot be."""

from pathlib import Path

import numpy as np
import pytest
from conftest import LAMP_HEADER, SC_HEADER, faults_of, motion_table, write_realization, write_rows

import data_io
from readers import units
from readers.text_tables import LAMP_MOT, SC_MOT, SC_VBM, SC_WAVES, SEA, WAV, moment_unit, read_columns, read_table
from settings import DataInfo, UserInput

TABLE = motion_table(0.1 * np.arange(40), np.tile([1.5, 0.2, 0.1], (40, 1)))


OWN_NAMES = ("Made in 5 sec by J. Deg", "rad and ft are not used here", "Time Xcg Ycg Zcg Rot_X Rot_Y Rot_Z")
SC_WAVE_HEADER = ("Time Xcg Ycg Zcg Roll Pitch Yaw Wave Slope", "sec m m m deg deg deg m -")
OWN_WAVES = ("(sec) (at CG)", "(sec) (m, positive up)", "(-) (-)", "(sec) (m)", " ")
OWN_MOMENTS = "kN-m|kN*m|kN.m|kNm|kN m|N-m|MN-m|t-m|lb-ft|10^6 N-m|kN-meters"


@pytest.mark.parametrize(
    "layout, header",
    [
        *((SC_MOT, SC_HEADER), (LAMP_MOT, LAMP_HEADER), (LAMP_MOT, OWN_NAMES), (SC_WAVES, SC_WAVE_HEADER)),
        *((WAV, ["a", "b", "Time{} Elevation{}".format(*units.split(" ", 1))]) for units in OWN_WAVES),
        *((WAV, ["a", "b", title]) for title in ("Wave elevation in m", "Wave in m")),
        *((SC_VBM, ["a", f"Time (sec)  Shear (kN)  Moment ({unit})"]) for unit in OWN_MOMENTS.split("|")),
    ],
)
def test_the_formats_own_units_are_left_alone(tmp_path, layout, header):
    """That of the bending moment is the file's."""
    table = np.hstack([TABLE, TABLE[:, 1:3]])[:, : {WAV.kind: 2, SC_VBM.kind: 3, SC_WAVES.kind: 9}.get(layout.kind, 7)]
    values, remarks = read_table(write_rows(tmp_path / "a", list(header), table), layout)
    assert np.array_equal(values, table[:, list(layout.columns.values())]) and remarks == []


FEET, RADIANS = 0.3048, 180 / np.pi


@pytest.mark.parametrize(
    "layout, header, factors",
    [
        (SC_MOT, f"{SC_HEADER[0]}\nsec ft ft ft rad rad rad", [1, FEET, RADIANS, RADIANS]),
        (SC_MOT, f"{SC_HEADER[0]}\nMotions: [s] [ft] [ft] [ft] [rad] [rad] [rad]", [1, FEET, RADIANS, RADIANS]),
        (SC_MOT, f"{SC_HEADER[0]}\nsec feet feet feet radian radian -", [1, FEET, RADIANS, RADIANS]),
        (SEA, "Frequency(Hz) Phase(rad) Amplitude(ft) Heading(rad)", [2 * np.pi, RADIANS, FEET, RADIANS]),
        (SEA, "Hz deg m rad", [2 * np.pi, 1, 1, RADIANS]),
        (SEA, "cps deg m rad", [2 * np.pi, 1, 1, RADIANS]),
        (SEA, "rads-1 rad m rad", [1, RADIANS, 1, RADIANS]),
        (SEA, "Omega, rad/s  Phase, deg  Amp, ft  Dir, deg", [1, 1, FEET, 1]),
        (WAV, "Time_s Wave_ft", [1, FEET]),
        (WAV, "Time (s) Wave elevation (ft, positive up)", [1, FEET]),
        (WAV, "Time(sec) Elevation(ft)", [1, FEET]),
        (WAV, "sec ft", [1, FEET]),
    ],
)
def test_units_that_are_certain_are_converted_with_a_word(tmp_path, layout, header, factors):
    table = np.random.default_rng(1).uniform(0.1, 1, (20, max(layout.columns.values()) + 1 + (layout == SC_MOT)))
    table[:, 0] = np.arange(20)
    values, (remark,) = read_table(write_rows(tmp_path / "a", ["a title", header], table), layout)
    np.testing.assert_allclose(values, table[:, list(layout.columns.values())] * factors)
    assert f"{tmp_path / 'a'}: converted to m and deg" in remark


def test_units_belong_to_names_wherever_these_stand(tmp_path):
    table = np.random.default_rng(1).uniform(0.1, 1, (20, 5))
    header = ["a title", "No(-) Dir(rad) Phase(deg) Amp(ft) Omega(rad/s)"]
    values, (_, remark) = read_table(write_rows(tmp_path / "a.sea", header, table), SEA)
    np.testing.assert_allclose(values, table[:, [4, 2, 3, 1]] * [1, 1, FEET, RADIANS])
    assert "Amplitude from ft, Heading from rad" in remark


MOTION_UNITS = [
    ("sec m m cm deg deg deg", "Zcg"),
    ("sec m m m m deg deg", "Roll"),
    ("min m m m deg deg deg", "Time"),
    ("ms, m, m, m, deg, deg, deg", "Time"),
    ("[h] [m] [m] [m] [deg] [deg] [deg]", "Time"),
    ("m m cm deg deg deg", "Zcg"),  # without that of time
    ("sec m m mm", "Zcg"),  # of the first columns alone
    ("sec m m m/s deg/s deg/s deg/s", "Zcg"),
    ("sec m m m deg/s deg/s deg/s", "Roll"),
    ("Units: deg m m m deg deg deg", "Time"),
    ("s m m m mrad mrad mrad", "Roll"),
    ("s m m centimetres deg deg deg", "Zcg"),
    ("s m m m gon gon gon", "Roll"),
    ("minute m m m deg deg deg", "Time"),
    ("milliseconds m m m deg deg deg", "Time"),
    ("steps m m m deg deg deg", "Time"),
    ("s us-ft us-ft us-ft deg deg deg", "Zcg"),
    ("s L L L deg deg deg", "Zcg"),
    ("s m m m turn turn turn", "Roll"),
    ("milli-sec m m m deg deg deg", "Time"),
]


@pytest.mark.parametrize(
    "layout, header, fault",
    [
        *((SC_MOT, f"{SC_HEADER[0]}\n{line}", f"unit of {name} is") for line, name in MOTION_UNITS),
        (WAV, "Time(sec) Elevation(cm)", "unit of Wave is cm, expected m"),
        (WAV, "Time(ms) Elevation(m)", "unit of Time is ms, expected s"),
        (WAV, "Time,min Elevation,m", "unit of Time is min"),
        (WAV, "Time, s Elevation, mm", "unit of Wave is mm"),
        (WAV, "Time/s Elevation/cm", "unit of Wave is cm"),
        (WAV, "Time_s Elevation_cm", "unit of Wave is cm"),
        (WAV, "Time (s)   Wave elevation (deg)", "unit of Wave is deg"),
        (WAV, "Time (s)   Wave elevation (m/s, up)", "unit of Wave is m/s"),
        (WAV, "s\tcm", "unit of Wave is cm"),
        (WAV, "Time(sec) Elevation(m\x1a)", r"unit of Wave is m\x1a, expected m"),
        (SC_VBM, "Time(sec) A(kN) B(kN)", "unit of VBM is kn, expected kN-m"),
        (SC_VBM, "sec kN-m kN", "unit of VBM is kn"),
        (SC_VBM, "kN-m kN", "unit of VBM is kn"),
        (SEA, "Frequency(deg) Phase(deg) Amplitude(m) Heading(deg)", "unit of Frequency is deg, expected rad/s"),
        (SEA, "Frequency Phase(s) Amplitude Heading", "unit of Phase is s"),
        (SEA, "rad/s deg cm deg", "unit of Amplitude is cm"),
        (SEA, "rad/s deg m^2s deg", "unit of Amplitude is m^2s"),
        (SEA, "rad/s cycles m deg", "unit of Phase is cycles"),
        (SEA, "rad/min deg m deg", "unit of Frequency is rad/min"),
        (SEA, "Frequency [rad/s] Phase [deg] Amplitude [m] Heading [m]", "unit of Heading is m"),
        (SEA, "w(s) phi(deg) a(m) mu(deg)", "unit of Frequency is s"),
    ],
)
def test_other_units_are_errors(tmp_path, layout, header, fault):
    width = {WAV.kind: 2, SC_VBM.kind: 3, SEA.kind: 4}.get(layout.kind, 7)
    file = write_rows(tmp_path / "a", ["a title", *header.split("\n")], TABLE[:, :width])
    assert fault in faults_of(read_columns, file, layout)[0]


@pytest.mark.parametrize(
    "first, second, same",
    [
        ("kN-m", "N-m", False),
        ("kN-m", "t-m", False),
        ("MN-m", "kN*m", False),
        ("kN-m", "kNm", True),
        ("kN-m", "", True),
        ("N.m", "N m", True),
        ("kN-m", "kN·m", True),
        ("kN-m", "kN⋅m", True),
        ("kN-m", "m-kN", True),
        ("kN-m", "kN-mm", False),
        ("kN-m", "lbf-in", False),
    ],
)
def test_moments_of_both_codes_have_one_unit(tmp_path, first, second, same):
    sc, lamp = write_realization(tmp_path)
    path = Path(f"{lamp}.vbm")
    text = path.read_text().replace("Moment(kN-m)", f"Moment({second})" if second else "Moment")
    path.write_text(text)
    path = Path(f"{sc}.vbm")
    path.write_text(path.read_text().replace("Moment(kN-m)", f"Moment({first})"))
    user = UserInput(input_vbm=True, output_vbm=True)
    data = DataInfo(train_sc=(sc,), train_lamp=(lamp,))
    if same:
        assert data_io.faulty_files(user, data) == []
        data_io.read_record(sc, lamp, user)
    else:
        (line,) = faults_of(data_io.read_record, sc, lamp, user)
        assert data_io.faulty_files(user, data) == [line]
        assert f"{lamp}.vbm: the header's unit of VBM is {second.lower()}" in line
        assert f"{sc}.vbm has {first.lower()}" in line


def test_moments_of_unknown_units_are_the_same_only_if_they_are_written_alike():
    assert units.moment_factor("10^6 n-m", "10^6 lb-ft") is None
    assert units.moment_factor("foo-m", "foo-m") == 1
    assert units.moment_factor("n-m", "kn*m") == pytest.approx(1e-3)
    assert units.moment_factor("kip-ft", "lb-ft") == pytest.approx(1000)


def test_a_realization_says_what_was_converted(tmp_path):
    sc, lamp = write_realization(tmp_path)
    same, remarks = data_io.read_record(sc, lamp, UserInput())
    assert remarks == []
    table = np.loadtxt(f"{lamp}.mot", skiprows=3)
    table[:, 4:] = np.radians(table[:, 4:])
    write_rows(
        tmp_path / "LAMP_files" / "LAMP_1.mot",
        [LAMP_HEADER[0], "Motions: sec m m m rad rad rad", LAMP_HEADER[2]],
        table,
    )
    record, (remark,) = data_io.read_record(sc, lamp, UserInput())
    assert "LAMP_1.mot" in remark and "Pitch from rad" in remark
    np.testing.assert_allclose(record.targets, same.targets, atol=1e-9)


@pytest.mark.parametrize(
    "line, unit",
    [
        ("s t t-m", "t-m"),
        ("s tonnes tonnes-m", "tonnes-m"),
        ("(s) (MN) (MN m)", "mnm"),
        ("s kips kip-in", "kip-in"),
        ("Forces in N, moments in N-m", "n-m"),
        ("VBM in MN-m", "mn-m"),
        ("in 10^6 N-m", None),
        ("s kN 1e3 kN-m", None),
    ],
)
def test_the_unit_of_the_moment_is_found_wherever_the_header_names_it(tmp_path, line, unit):
    file = write_rows(tmp_path / "a.vbm", ["Time VSF VBM", line], TABLE[:, :3])
    assert moment_unit(file, SC_VBM) == unit


@pytest.mark.parametrize(
    "header, remark",
    [
        (("Wave elevation in ft", "", "Time Wave"), "a: the header speaks of ft, for no column"),
        (("", "Time Wave Wave", "s m m"), "a, line 2: several columns are called Wave; Wave is read from column 2"),
    ],
)
def test_what_a_header_leaves_open_is_said(tmp_path, header, remark):
    width = 3 if "Wave Wave" in header[1] else 2
    values, (line,) = read_table(write_rows(tmp_path / "a", list(header), TABLE[:, :width]), WAV)
    assert remark in line and np.array_equal(values, TABLE[:, :2])


def test_a_unit_that_is_not_known_is_said_and_those_beside_it_count(tmp_path):
    file = write_rows(tmp_path / "a.mot", [SC_HEADER[0], "sec m m ft deg dgr deg"], TABLE)
    values, remarks = read_table(file, SC_MOT)
    assert np.array_equal(values[:, 3], TABLE[:, 5]) and np.allclose(values[:, 1], 0.3048 * TABLE[:, 3])
    assert any("unit of Pitch is 'dgr', which is not known" in line for line in remarks)


def test_a_line_of_units_behind_a_text_may_have_as_many_words_as_there_are_columns(tmp_path):
    table = np.column_stack([TABLE, TABLE[:, 0]])
    file = write_rows(
        tmp_path / "a.mot", ["t", "Motions: sec m m ft deg deg deg", "Time Xcg Ycg Zcg Rot_X Rot_Y Rot_Z S"], table
    )
    assert np.allclose(read_columns(file, LAMP_MOT)[:, 1], 0.3048 * TABLE[:, 3])


@pytest.mark.parametrize(
    ("unit", "text"),
    [("kn-m", "kN-m"), ("mn*m", "MN*m"), ("nm", "Nm"), ("kncm", "kNcm"), ("t-m", "t-m"), ("lbf-ft", "lbf-ft")],
)
def test_a_moments_unit_is_written_with_capital_newtons(unit, text):
    assert units.moment_unit_text(unit) == text and units.moment_unit_text(None) == "file unit"
