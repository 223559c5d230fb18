"""Files of a realization aligned on one time axis, interpolated if necessary."""

from pathlib import Path

import numpy as np
import pytest
from conftest import LAMP_HEADER, SC_HEADER, WAV_HEADER, faults_of, motion_table, write_realization, write_rows

import data_io
from data_io import read_record
from readers.alignment import even_times, same_step, time_step
from readers.text_tables import LAMP_MOT, SC_MOT, WAV, read_columns
from readers.training_conditions import Conditions
from settings import UserInput

USER = UserInput(time_res=2)


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
    (line,) = faults_of(read_record, *pair, USER)
    assert "0 rows in common" in line and "0 to 9 s" in line and "50 to 60 s" in line


def test_a_record_too_short_for_the_time_resolution(tmp_path):
    pair = write_pair(tmp_path, clock(0, 1, 0.1), clock(0, 1, 0.1))
    assert len(read_record(*pair, UserInput(time_res=5))[0].time) == 11
    even = write_pair(tmp_path / "even", clock(0, 0.9, 0.1), clock(0, 0.9, 0.1))
    assert len(read_record(*even, UserInput(time_res=5))[0].time) == 10
    (line,) = faults_of(read_record, *pair, UserInput(time_res=6))
    assert "11 rows in common" in line and "at least 12" in line


def test_a_step_that_changes_is_a_warning(tmp_path):
    time = np.concatenate([clock(0, 5, 0.1), clock(5.2, 8, 0.2)])
    _, warnings = read_record(*write_pair(tmp_path, time, time), USER)
    assert len(warnings) == 1 and "LAMP.mot" in warnings[0] and "step of 0.1 s changes after 5 s" in warnings[0]


def test_times_of_few_decimals_are_regular(tmp_path):
    time = clock(0, 20, 0.125).round(2)
    assert len(set(np.diff(time).round(3))) == 2
    assert read_record(*write_pair(tmp_path, time, time), USER)[1] == []


@pytest.mark.parametrize(("step", "decimals"), [(1 / 3, 2), (0.25, 1), (1 / 3, 1), (0.125, 2)])
@pytest.mark.parametrize("wanted", [None, 0.1])
def test_times_of_few_decimals_are_those_that_were_meant(tmp_path, step, decimals, wanted):
    """Values stand for even times, and the prediction gets the times that were printed."""
    even = 20 + step * np.arange(300)
    sc, lamp = write_pair(tmp_path, even, even)
    for path in (f"{sc}.mot", f"{lamp}.mot", f"{lamp}.wav"):
        lines = Path(path).read_text().splitlines()
        rounded = [f"{t:.{decimals}f} {line.partition(' ')[2]}" for t, line in zip(even, lines[-300:], strict=True)]
        Path(path).write_text("\n".join([*lines[:-300], *rounded, ""]))
    record, warnings = read_record(sc, lamp, USER, shared=Conditions(wanted))
    assert not any("changes" in line for line in warnings)
    assert record.time_step == pytest.approx(wanted or step, rel=1e-3)
    assert np.allclose(record.targets, record.time[:, None] * [4, 5, 6], atol=0.02)
    printed = even.round(decimals)
    assert np.allclose(printed, printed if record.own_time is None else record.own_time)
    assert np.allclose(even_times(record.own_time), even, atol=1e-3)


@pytest.mark.parametrize(("step", "decimals"), [(1 / 3, 2), (1 / 3, 3), (0.125, 2), (0.0625, 3)])
def test_times_of_few_decimals_are_of_the_same_step(step, decimals):
    assert same_step(time_step((step * np.arange(400)).round(decimals)), step)


@pytest.mark.parametrize(
    "step, number", [(0.015, ".2f"), (0.0125, ".3f"), (0.25, ".5g"), (1.5e-4, ".4f"), (86400.0, ".3e")]
)
def test_times_of_any_few_digits_are_even(step, number):
    exact = step * np.arange(2, 6000 if number == ".5g" else 400)
    printed = np.array([float(f"{value:{number}}") for value in exact])
    even = even_times(printed)
    assert even is not printed and np.abs(even - exact).max() < 0.2 * step
    assert same_step(time_step(even), step)
    holey = np.delete(printed, 30)
    assert even_times(holey) is holey


def test_gaps_and_steps_that_change_are_left_as_they_are():
    for decimals in range(4):
        for step in (0.1, 0.25, 0.5, 1.0):
            times = clock(0, 100 * step, step).round(decimals)
            slower = np.append(times[:50], times[50] + 2 * times[:50])
            for other in (np.delete(times, 30), np.delete(times, 99), slower):
                assert np.array_equal(even_times(other), other)
    assert time_step(np.array([0.0, 0.1, 0.2, 5.0, 5.1])) == pytest.approx(0.1)


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


@pytest.mark.parametrize("unit, factor", [("ms", 1000.0), ("h", 1 / 3600)])
def test_a_time_in_another_unit_without_header_is_noticed(tmp_path, unit, factor):
    """In both codes' files alike, and in SimpleCode's alone."""
    sc, lamp = write_realization(tmp_path, "_x", rows=800)
    for path in (f"{sc}.mot", f"{lamp}.mot"):
        rows = np.array([line.split() for line in Path(path).read_text().splitlines() if line[0].isdigit()], float)
        header = SC_HEADER[:1] if path.startswith(sc) else LAMP_HEADER[::2]
        rows = rows[:790] * [factor, 1, 1, 1, 1, 1, 1]
        write_rows(Path(path), [*header, ""], rows)
    _, (line,) = read_record(sc, lamp, UserInput(input_waves=False))
    assert "SC_x.mot: the mean period of heave is" in line and "check that time is in s" in line
    if unit == "ms":
        (line,) = faults_of(lambda: read_record(sc, None, UserInput(input_waves=False), shared=Conditions(0.1)))
        assert "its time step of 100 s cannot be right" in line


def test_waves_that_are_too_coarse_are_noticed(tmp_path):
    sc, lamp = write_realization(tmp_path, "_x", rows=2000)
    table = np.loadtxt(f"{lamp}.wav", skiprows=3)
    write_rows(Path(f"{lamp}.wav"), WAV_HEADER, table[::50])
    _, lines = read_record(sc, lamp, UserInput(input_waves=True))
    assert "LAMP_x.wav: its time step of 5 s is too coarse" in lines[0]
