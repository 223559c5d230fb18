"""The surface elevation of .sea files against a sum over its components."""

import math
from pathlib import Path

import numpy as np
import pytest
from conftest import SEA_HEADER, write_realization, write_rows

from data_io import input_channels, read_cases, read_record
from readers import text_tables
from readers.text_tables import SEA, WAV, read_columns
from readers.wave_grid import wave_elevation
from settings import UserInput

SAMPLE_DATA = Path(__file__).resolve().parents[2] / "sample_data"


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
    track = read_columns(f"{lamp}.mot", text_tables.LAMP_TRACK)
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
