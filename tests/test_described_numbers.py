"""What is computed follows from the description of the sources, and from their time scale."""

import keras
import numpy as np
import pandas as pd
import pytest

import data_io
import metrics
import network
from checks import flagging, novelty, record_statistics, run_bands
from checks.record_statistics import Recorder, RecordTable
from data_io import Record
from networks.standardization import Standardization
from readers.training_conditions import conditions_of
from settings import UserInput, description
from settings.description import SHIP, Description, Input, Output
from studies import fleet_tables, response_spectra

MOORING = Description(
    *("quick", "slow", "quick/{}.csv", "slow/{}.csv"),
    (
        Output("T1", "kN", high="T1", low="T1", mean="removed", extremes="up"),
        Output("T2", "kN", high="T2", low="T2", mean="removed"),
        Output("Offset", "m", high="x", low="x", extremes="down"),
        Input("Wave", "m"),
    ),
)
NAMES = ("T1", "T2", "Offset")
MODEL = 60.0  # scale of a model
RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def mooring():
    description.use(MOORING)
    yield
    description.use(SHIP)


def test_largest_values_are_to_the_side_that_counts():
    series = np.array([0.0, 1.0, 7.0, 0.0, -10.0, -1.0])  # mean -0.5
    assert [metrics.magnitudes(series, name).max() for name in NAMES] == [7.5, 9.5, 10.0]
    assert metrics.record_maxima(np.column_stack([series, series, np.abs(series)]), NAMES).tolist() == [7.5, 9.5, 0.0]
    sums = metrics.record_sums(series, 2 * series)
    largest = {name: metrics.statistics(sums, name)["largest_model"] for name in NAMES}
    assert largest == {"T1": 15.0, "T2": 19.0, "Offset": 20.0}
    waves = np.array([-1.0, 2, 3, -4, 5, -6, 7])
    amplitudes = [metrics.single_amplitudes(waves, name).tolist() for name in NAMES]
    assert amplitudes == [[3, 5], [3, 4, 5, 6], [4, 6]]


def offset_report(offset: float) -> pd.DataFrame:
    lamp = RNG.normal(size=(500, 3)) * [50.0, 50.0, 0.1]
    errors = RNG.normal(size=(500, 3)) * [5.0, 5.0, 0.01]
    motions = lamp, lamp + errors + [offset, 0, 0], lamp + 2 * errors
    return metrics.error_report({"test": [metrics.model_sums(motions)]}, NAMES)


def test_a_constant_offset_does_not_make_a_network_look_good():
    report = offset_report(1000.0)
    t1 = report[report["channel"] == "T1"].set_index("source")
    assert t1.loc["LSTM", "mse"] < 1e-3 * t1.loc["quick", "mse"]
    assert metrics.mse_share(report, "mse_about_mean")[4] == pytest.approx(4.0)
    shown = metrics.readable(report).set_index(["channel", "source"])["% of slow"]
    assert shown.loc["T1"].tolist() == pytest.approx([10.0, 20.0], rel=0.1)
    text = metrics.format_report(report)
    assert "Percentages of T1, T2, whose mean is removed" in text.replace("\n", " ")
    assert max(map(len, text.splitlines())) <= 100
    (line, *_) = metrics.worse_than_simplecode(report.assign(record="001"))
    assert "in T1 in 1 of 1 records" in line and "2 times" in line


def test_the_row_of_all_channels_has_each_by_its_deviation():
    report = offset_report(0.0).set_index(["source", "channel"])
    everything = report.loc[("quick", "All")]
    assert everything["rmse"] == pytest.approx(0.1, rel=0.1) and everything["max_error"] < 0.5
    assert everything["mse_about_mean"] == pytest.approx(0.01, rel=0.1)
    description.use(SHIP)
    assert offset_report(0.0)["rmse"].max() > 4  # the ship's own as they are


@pytest.mark.parametrize(("start", "named"), [(10.0, ["T1"]), (1.0, [])])
def test_a_start_with_much_of_the_error_is_named(start, named):
    lamp, error = RNG.normal(size=(6000, 3)), RNG.normal(size=(6000, 3)) * 0.1
    error[:600, 0] *= start
    sums = {"test": [metrics.model_sums((lamp, lamp, lamp + error), 600)] * 2}
    lines = metrics.start_remarks(metrics.error_report(sums, NAMES), "LSTM")
    assert len(lines) == len(named)
    assert all(
        "first 60 s" in line and "% in T1, though 10 % of" in line and "transient_time = 60 " in line for line in lines
    )


def ship(number: int, scale: float, step: float = 0.25, rows: int = 2400) -> Record:
    """A ship in waves at a scale, by Froude's law: heave about 1.2 m, roll and pitch in deg."""
    rng, time = np.random.default_rng(number), step * np.arange(rows)
    phases, periods = rng.uniform(0, 2 * np.pi, (8, 1, 4)), rng.uniform(6, 12, (8, 1, 1))
    motions = np.sin(2 * np.pi * time[:, None] / periods + phases).sum(axis=0) * [1.0, 4.0, 1.5, 2.0] + [1.2, 0, 0, 0]
    motions = motions * (1 + (number == 9)) / [scale, 1, 1, scale]
    return Record(f"{number}", time / np.sqrt(scale), motions, 1.1 * motions[:, :3], motions[:, :3])


def test_at_model_scale_shares_flags_and_bands_are_those_at_full_scale():
    found = []
    for scale in (1.0, MODEL):
        description.use(SHIP, 1 / np.sqrt(scale))
        records = [ship(number, scale) for number in range(10)]
        kinds = flagging._kinds(["Zcg", "Roll", "Pitch", "Wave"])
        features = [novelty.window_features(each.time, each.inputs) for each in records]
        windows = novelty.TrainingWindows.of([each for _, each in features[:6]], *kinds)
        judged = [novelty.judge(windows, *each, ["Zcg", "Roll", "Pitch", "Wave"]) for each in features]
        first, size = records[0], np.array([scale, 1, 1])
        spread = run_bands.smoothed(first.time, np.abs(first.simple) * size)
        sums = metrics.record_sums(first.targets[:, 0], first.simple[:, 0], 240, first.time)
        recorder = Recorder(("Zcg", "Roll", "Pitch"), np.array([1 / scale, 4.0, 1.5]), 1, 0.0, wave=3)
        table = recorder.lamp_record(first, first.simple)
        assert table.least_motion("Zcg") == pytest.approx(1e-6 / scale)
        spectrum = np.stack(table.rows["spectrum"].iloc[:3])
        response = response_spectra.responses(spectrum[1:2], 0.9, table.rows["duration_s"].iloc[1:2])
        found.append(
            [
                [each["score"] for each in judged],
                [each["unlike"] for each in judged],
                spread,
                sums["largest_inside"] * scale**2,
                spectrum[1] * np.sqrt(scale) * np.array([[1], [scale], [scale], [scale**2]]),
                response["resolution"] / np.sqrt(scale),
                response["rao"] / scale,
                table.rows["amplitudes_above"].tolist(),
            ]
        )
    for full, model in zip(*found, strict=True):
        np.testing.assert_allclose(model, full, rtol=1e-3, atol=1e-6)
    assert any(found[0][1])


def test_the_ramp_of_the_waves_is_found_at_model_scale():
    for scale in (1.0, MODEL):
        records = [ship(number, scale) for number in range(6)]
        for record in records:
            record.inputs[:, 3] *= np.minimum(record.time * np.sqrt(scale) / 12, 1)
        ramp = conditions_of(records, UserInput(input_waves=True, wave_ramp_time=10.0)).wave_ramp
        assert ramp * np.sqrt(scale) == pytest.approx(12, abs=2)


def test_exposures_are_in_sensible_units():
    assert fleet_tables.Question().exposure == 10800.0 and fleet_tables.duration_text(3.0) == "3 h"
    description.use(MOORING, 1 / np.sqrt(MODEL))
    assert fleet_tables.duration_text(fleet_tables.Question().exposure / 3600) == "23.2 min"
    description.use(MOORING, 1000.0)
    assert fleet_tables.duration_text(fleet_tables.Question().exposure / 3600) == "125 d"
    assert novelty.window_text(30.0, 60.0) == "30 to 60 s"


def test_a_fleet_counts_largest_values_to_one_side():
    recorder = Recorder(("T1", "Offset"), np.array([1e-7, 1.0]), 1, 0.0)  # in a unit that is far too large
    time, tables = 0.5 * np.arange(800), []
    for n in range(40):
        wave = RNG.normal(1, 0.05) * np.sin(2 * np.pi * (time / 9 + RNG.random()))
        motion = np.column_stack([1e-7 * np.where(wave > 0, 2, 1) * wave + 3e-7, np.where(wave > 0, 2, 1) * wave])
        record = Record(f"{n}", time, motion, motion, motion, sources={"sc": f"{n}"})
        lamp = recorder.lamp_record(record, motion)
        tables.append(lamp if n < 12 else recorder.fleet_record(record, motion[:, None]))
    records = RecordTable.joined(tables)
    table, _ = fleet_tables.statistics(records, fleet_tables.groups_of(records, ()), fleet_tables.Question())
    maxima = table[table["statistic"] == "mean_maximum"].set_index("channel")
    assert maxima.loc["T1", "estimate"] == pytest.approx(1e-7 * (2 - 1 / np.pi), rel=0.05)
    assert maxima.loc["Offset", "estimate"] == pytest.approx(1.0, rel=0.05)
    assert maxima["side"].to_dict() == {"T1": "upward", "Offset": "downward"}
    assert "largest upward value in 6.67 min" in maxima.loc["T1", "meaning"]
    assert record_statistics.SIDES  # a ship's moments keep their two sides


def test_texts_have_seven_digits_of_any_number(tmp_path):
    names = ["Tension of the second line", "T2", "Offset"]
    time, values = 1200 + 0.0125 * np.arange(90), RNG.normal(size=(90, 3)) * [1.2e-6, 3.2e8, 1.0]
    data_io.write_prediction(tmp_path / "x.txt", time, values, names)
    table = pd.read_csv(tmp_path / "x.txt", sep=r"\s+")
    assert table.columns.tolist() == ["Time", "Tension_of_the_second_line", "T2", "Offset"]
    assert (table["Time"] == time.round(4)).all()
    np.testing.assert_allclose(table.iloc[:, 1:], values, rtol=5e-7)
    description.use(SHIP)
    data_io.write_prediction(tmp_path / "x.txt", time, values, ("Zcg", "Roll", "Pitch"))
    assert (tmp_path / "x.txt").read_text().splitlines()[1].split()[1] == f"{values[0, 0]:.5f}"


@pytest.mark.parametrize("unit", [1.0, 1e-9, 1e-15])
def test_a_network_learns_numbers_of_any_size(unit, tmp_path, capsys):
    time = 0.1 * np.arange(300)
    motion = np.column_stack([(3 + np.sin(time)) * unit, (5 + np.cos(time)) * unit, 1e-9 * np.sin(time)])
    inputs = np.column_stack([motion, np.full(300, 0.1)])
    s = Standardization.of([Record("001", time, inputs, motion, motion)], (*NAMES, "Wave", *NAMES))
    np.testing.assert_allclose(s.output_deviation, motion.std(axis=0), rtol=1e-6)
    assert s.input_deviation[3] == 1.0
    architecture = network.Architecture((*NAMES, "Wave"), NAMES, 1, "lstm", 4, 1, False, 0.0, True, 1, s)
    model = network.build_model(architecture)
    for variable in model.trainable_variables:
        variable.assign(0 * variable)  # what is left is the fast source itself
    model.save(tmp_path / "x.keras")
    predicted = keras.saving.load_model(tmp_path / "x.keras")(inputs[None].astype(np.float32))[0]
    np.testing.assert_allclose(predicted / motion.std(axis=0), motion / motion.std(axis=0), atol=1e-5)
    assert not capsys.readouterr().err
    Standardization.of([Record("001", time, inputs + 1e6, motion, motion)], (*NAMES, "Wave", *NAMES))
    assert ("T1, T2: its standard deviation" in capsys.readouterr().err) == (unit == 1.0)
