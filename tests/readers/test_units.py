"""Units in headers: those of the formats, others that are converted, and some that cannot be."""

import numpy as np
import pytest
from conftest import LAMP_HEADER, SC_HEADER, faults_of, motion_table, write_realization, write_rows

import data_io
from readers import units
from readers.text_tables import LAMP_MOT, SC_MOT, SC_WAVES, WAV, read_columns, read_table
from settings import UserInput
from support.errors import InputError

TABLE = motion_table(0.1 * np.arange(40), np.tile([1.5, 0.2, 0.1], (40, 1)))


@pytest.mark.parametrize(
    "header, layout",
    [
        (SC_HEADER, SC_MOT),
        (LAMP_HEADER, LAMP_MOT),
        (["Made in 5 sec by J. Deg", "rad and ft are not used here", "Time Xcg Ycg Zcg Rot_X Rot_Y Rot_Z"], LAMP_MOT),
        (["a", "b", "Time(sec) Elevation(m)"], WAV),
        (["a", "b", "Time Elevation"], WAV),
        (["Time Xcg Ycg Zcg Roll Pitch Yaw Wave Slope", "sec m m m deg deg deg m -"], SC_WAVES),
    ],
)
def test_the_formats_own_units_are_left_alone(header, layout):
    assert units.factors("\n".join(header), layout.columns, "x.mot") == {}


@pytest.mark.parametrize(
    "line",
    [
        "sec ft ft ft rad rad rad",
        "Motions: [s] [ft] [ft] [ft] [rad] [rad] [rad]",
        "sec feet feet feet radian radian -",
    ],
)
def test_feet_and_radians_are_converted_with_a_word(tmp_path, line):
    file = write_rows(tmp_path / "a.mot", [SC_HEADER[0], line], TABLE)
    values, (remark,) = read_table(file, SC_MOT)
    np.testing.assert_allclose(values[:, 1:], np.tile([1.5 * 0.3048, *np.degrees([0.2, 0.1])], (40, 1)))
    assert "Roll from rad" in remark and "a.mot" in remark


def test_units_in_brackets_behind_the_names(tmp_path):
    wave = np.column_stack([0.1 * np.arange(40), np.full(40, 10.0)])
    file = write_rows(tmp_path / "a.wav", ["a", "b", "Time(sec) Elevation(ft)"], wave)
    np.testing.assert_allclose(read_columns(file, WAV)[:, 1], 3.048)


@pytest.mark.parametrize(
    "line, name", [("sec m m cm deg deg deg", "Zcg"), ("sec m m m m deg deg", "Roll"), ("min m m m deg deg deg", "")]
)
def test_other_units_are_errors(tmp_path, line, name):
    file = write_rows(tmp_path / "a.mot", [SC_HEADER[0], line], TABLE)
    if not name:  # begins with no unit of time that is known, so it is no line of units
        read_columns(file, SC_MOT)
        return
    with pytest.raises(InputError, match=f"unit of {name}"):
        read_columns(file, SC_MOT)


def test_a_control_character_in_a_unit_is_escaped(tmp_path):
    file = write_rows(tmp_path / "a.wav", ["a", "b", "Time(sec) Elevation(m\x1a)"], TABLE[:, :2])
    (line,) = faults_of(read_columns, file, WAV)
    assert r"unit of Wave is m\x1a, expected m" in line


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
