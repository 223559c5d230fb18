"""Error measures against their formulas written out as loops."""

import math
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from metrics import (
    LINEAR,
    MEASURES,
    STATISTICS,
    error_by_record,
    error_report,
    error_rows,
    format_report,
    magnitudes,
    model_sums,
    pooled_errors,
    readable,
    record_maxima,
    record_sums,
    remarks,
    sea_state_remarks,
    significant_single_amplitude,
    statistics,
    turning_points,
    worse_than_simplecode,
)
from readers.sea_state_handles import sea_state
from settings import description
from settings.description import Description, Output

pytestmark = pytest.mark.usefixtures("warnings_are_errors")


def channel_errors(targets, predictions) -> dict[str, float]:
    """MEASURES of one channel over a set; a (rows,) array for each record."""
    return pooled_errors([record_sums(y, p) for y, p in zip(targets, predictions, strict=True)])


def slow_turning_points(series) -> list[int]:
    """Where the series last moved one way and next moves the other; a flat top counts at its first sample."""
    places = []
    for i in range(1, len(series) - 1):
        if series[i] == series[i - 1]:
            continue
        later = [value for value in series[i + 1 :] if value != series[i]]
        if later and (series[i] > series[i - 1]) == (series[i] > later[0]):
            places.append(i)
    return places


@hypothesis_settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(-2, 2), min_size=1, max_size=30))
def test_turning_points(series):
    assert turning_points(np.array(series, float)).tolist() == slow_turning_points(series)


ADDED = [*STATISTICS, "digest"]  # columns of the errors by record


def two_records() -> tuple[list[np.ndarray], list[np.ndarray]]:
    """LAMP and a prediction of two records of different lengths, (rows, 2)."""
    rng = np.random.default_rng(0)
    lamp = [np.cumsum(rng.normal(size=(rows, 2)), axis=0) for rows in (50, 23)]
    return lamp, [y + rng.normal(scale=0.3, size=y.shape) for y in lamp]


def slow_measures(targets, predictions) -> dict[str, float]:
    """From the joined series, where the program pools the sums of each record."""
    y, p = np.concatenate(targets), np.concatenate(predictions)
    pairs = list(zip(targets, predictions, strict=True))
    peaks = [(b[i] - a[i]) ** 2 for a, b in pairs for i in slow_turning_points(a.tolist())]
    mse = np.mean((p - y) ** 2)
    return {
        "mse": mse,
        "amplitude_mse": np.mean((p - y) ** 2 * (0.1 + 0.9 * y**2)),
        "peak_mse": np.mean(peaks),
        "rmse": math.sqrt(mse),
        "nrmse": math.sqrt(mse) / np.std(y),
        "correlation": np.corrcoef(y, p)[0, 1],
        "max_error": max(abs(p - y)),
        "ssa_error": np.mean([abs(2 * np.std(b) - 2 * np.std(a)) for a, b in pairs]),
        "mse_about_mean": np.concatenate([b - a - np.mean(b - a) for a, b in pairs]).var(),
    }


def test_all_measures_are_their_formulas():
    lamp, lstm = two_records()
    for i in range(2):
        targets, predictions = [y[:, i] for y in lamp], [p[:, i] for p in lstm]
        fast, slow = channel_errors(targets, predictions), slow_measures(targets, predictions)
        assert set(slow) == set(MEASURES) - {"mse_start", "start_share", "max_error_inside", "max_error_at_s"}
        for name in slow:
            assert fast[name] == pytest.approx(slow[name], rel=1e-12), name


def test_a_perfect_prediction_and_an_offset():
    y = np.sin(np.arange(100.0))
    errors = channel_errors([y], [y])
    assert errors["correlation"] == pytest.approx(1.0, abs=1e-12)
    undefined = ("correlation", "mse_start", "start_share", "max_error_at_s")
    assert all(errors[name] == 0 for name in MEASURES if name not in undefined)
    errors = channel_errors([y], [y + 0.5])
    assert errors["mse"] == pytest.approx(0.25) and errors["max_error"] == pytest.approx(0.5)
    assert errors["peak_mse"] == pytest.approx(0.25)
    assert errors["correlation"] == pytest.approx(1.0) and errors["ssa_error"] == pytest.approx(0, abs=1e-12)


def test_the_significant_amplitude_of_a_sine():
    phase = np.linspace(0, 2 * np.pi, 1000, endpoint=False)
    assert significant_single_amplitude(3 * np.sin(phase) + 7) == pytest.approx(3 * math.sqrt(2))


@hypothesis_settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), min_size=2, max_size=20))
def test_correlation_has_bounds(pairs):
    y, p = np.array(pairs).T
    value = channel_errors([y], [p])["correlation"]
    assert math.isnan(value) or -1.0 <= value <= 1.0


@pytest.mark.parametrize(("factor", "expected"), [(3, 1.0), (-1, -1.0), (-0.3, -1.0)])
def test_correlation_of_what_moves_alike_and_against(factor, expected):
    y = np.random.default_rng(1).normal(size=200)
    value = channel_errors([y], [factor * y + 1])["correlation"]
    assert value == pytest.approx(expected) and -1.0 <= value <= 1.0


@pytest.mark.parametrize("value", [0.0, 0.1, -1234.567, 1e-3])
@pytest.mark.parametrize("rows", [3, 1000])
def test_a_constant_channel_has_no_correlation_and_no_nrmse(value, rows):
    constant, moving = np.full(rows, value), np.sin(np.arange(float(rows)))
    errors = channel_errors([constant], [constant + moving])
    assert math.isnan(errors["correlation"]) and math.isnan(errors["nrmse"])
    assert errors["peak_mse"] == 0.0
    assert errors["mse"] == pytest.approx(np.mean(moving**2))
    errors = channel_errors([moving], [constant])
    assert math.isnan(errors["correlation"]) and errors["nrmse"] > 0


def error_table(targets, predictions, channels) -> pd.DataFrame:
    """One row per channel, for one model's records (rows, channel)."""
    sums = [
        [record_sums(*pair) for pair in zip(y.T, p.T, strict=True)] for y, p in zip(targets, predictions, strict=True)
    ]
    return pd.DataFrame(error_rows(sums, channels))


def report_of(results, channels, *network) -> pd.DataFrame:
    return error_report(
        {name: [model_sums(each) for each in records] for name, records in results.items()}, channels, *network
    )


def test_the_row_of_all_channels():
    lamp, lstm = two_records()
    table = error_table(lamp, lstm, ("Zcg", "Roll")).set_index("channel")
    assert table.index.tolist() == ["Zcg", "Roll", "All"] and table.columns.tolist() == [*MEASURES, *STATISTICS]
    series = ([each for a in records for each in a.T] for records in (lamp, lstm))
    pooled, everything = slow_measures(*series), table.loc["All"]
    for name in ("mse", "rmse", "peak_mse", "amplitude_mse"):
        assert everything[name] == pytest.approx(pooled[name])
    for name in ("nrmse", "correlation", "ssa_error"):
        assert everything[name] == pytest.approx(table[name][["Zcg", "Roll"]].mean())
    assert everything["max_error"] == table["max_error"][["Zcg", "Roll"]].max()


def test_a_constant_channel_does_not_spoil_the_row_of_all():
    lamp, lstm = two_records()
    table = error_table([y * [1, 0] for y in lamp], lstm, ("Zcg", "Roll")).set_index("channel")
    assert np.isnan(table.loc["Roll", "correlation"])
    for name in ("correlation", "peak_mse"):
        assert table.loc["All", name] == pytest.approx(table.loc["Zcg", name])


def test_the_report_has_each_set_and_source_and_is_printed_with_units():
    lamp, network = two_records()
    records = list(zip(lamp, [0.5 * y for y in lamp], network, strict=True))
    report = report_of({"train": records, "val": [], "test": records[:1]}, ("Zcg", "Roll"), "GRU")
    assert report.columns.tolist() == ["set", "source", "channel", *MEASURES]
    assert report["set"].tolist() == ["train"] * 6 + ["test"] * 6
    assert report["source"].tolist() == (["SimpleCode"] * 3 + ["GRU"] * 3) * 2
    row = report[(report["set"] == "test") & (report["source"] == "SimpleCode") & (report["channel"] == "Roll")]
    assert row["mse"].item() == pytest.approx(np.mean((0.5 * lamp[0][:, 1]) ** 2))
    assert report_of({"train": []}, ("Zcg",)).empty
    text = format_report(report)
    for words in (
        "Heave [m]",
        "Roll [deg]",
        "train set",
        "test set",
        "GRU",
        "% of LAMP",
        f"{row['rmse'].item():.3g}",
    ):
        assert words in text
    assert "All" not in text and "LSTM" not in text


def test_what_is_printed_of_other_sources_says_their_names():
    lamp, network = two_records()
    channels = tuple(Output(name, "kN·m", high=name, low=name, label=name) for name in ("T1", "T2"))
    description.use(Description("MoorPy", "MoorDyn", "{}.csv", "{}.out", channels))
    try:
        records = {"test": [model_sums((y, 0.5 * y, p, p)) for y, p in zip(lamp, network, strict=True)]}
        text = format_report(error_report(records, ("T1", "T2")))
        assert all(words in text for words in ("MoorPy", "% of MoorDyn", "T1 [kN·m]", "MoorDyn's signal", "signal  "))
        assert not any(words in text for words in ("SimpleCode", "LAMP", "motion"))
    finally:
        description.use(description.SHIP)


@pytest.mark.parametrize("size", [1.0, 1e-7])
def test_a_reader_meets_errors_in_percent_of_the_motion(size):
    """Of LAMP's standard deviation, and of twice that for the significant amplitude; digits are significant ones."""
    rng, channels = np.random.default_rng(5), ("VBM", "Zcg", "Roll", "Pitch")
    lamp = rng.normal(size=(2000, 4)) * [3e8, 1.0, 5.0, 0.01] + [1e9, 2.0, 0.0, 0.0]  # hardly any pitch
    simple = lamp * [np.nan, 1.5, 0.5, 0.0]
    network, linear = (
        lamp + noise * size * rng.normal(size=lamp.shape) * [3e8, 1.0, 5.0, 1.0] for noise in (0.03, 0.2)
    )
    report = error_report({"test": [model_sums((lamp, simple, network, linear))]}, channels, "Transformer")
    assert report["source"].unique().tolist() == ["SimpleCode", "Transformer", LINEAR]
    rows = readable(report).set_index(["channel", "source"])
    assert rows.loc["Roll"].index.tolist() == ["SimpleCode", LINEAR, "Transformer"]
    assert rows.index.get_level_values(0).unique().tolist() == [*channels]
    assert rows.loc[("Roll", "Transformer"), "% of LAMP"] == pytest.approx(3.0 * size, rel=0.1)
    assert rows.loc[("Roll", "SimpleCode"), ["% of LAMP", "SSA, % off"]].tolist() == pytest.approx([50, 50], rel=0.01)
    assert rows.loc["Pitch", ["% of LAMP", "SSA, % off"]].isna().all(axis=None)
    lines = format_report(report).splitlines()
    assert max(map(len, lines)) <= 100 and not re.search(r" 0\.?0*(?= |$)", "\n".join(lines))


@pytest.mark.parametrize(
    ("value", "text"), [(0.5, "0.5"), (0.8649, "0.86"), (0.9891, "0.989"), (0.9994, "0.9994"), (0.99998, "0.99998")]
)
def test_a_correlation_has_the_digits_that_say_something(value, text):
    measures = dict.fromkeys(MEASURES, 1.0) | {"correlation": value}
    report = pd.DataFrame([{"set": "test", "source": "LSTM", "channel": "Roll", **measures}])
    assert readable(report)["correlation"].tolist() == [text]
    assert readable(report.assign(correlation=np.nan))["correlation"].tolist() == ["-"]


def test_a_perfect_prediction_is_off_by_nothing():
    lamp = np.random.default_rng(0).normal(size=(100, 1))
    rows = readable(error_report({"test": [model_sums((lamp, 2 * lamp, lamp))]}, ["Roll"])).set_index("source")
    assert rows.loc["LSTM", ["% of LAMP", "SSA, % off", "correlation"]].tolist() == [0, 0, "1"]
    still = readable(error_report({"test": [model_sums((0 * lamp, lamp, lamp))]}, ["Zcg"]))
    assert still[["% of LAMP", "SSA, % off"]].isna().all(axis=None)


@pytest.mark.parametrize(("channel", "largest"), [("Zcg", 3.0), ("Roll", 5.0)])
def test_a_record_has_amplitude_largest_value_and_period_of_both(channel, largest):
    time = 0.1 * np.arange(6000)
    lamp = 2 + 3 * np.sin(2 * np.pi * time / 12)
    given = statistics([record_sums(lamp, 2 + 0.9 * (lamp - 2), 0, time)][0], channel)
    expected = {"ssa_lamp": 6 / np.sqrt(2), "ssa_percent": -10.0, "largest_lamp": largest, "period_model": 12.0}
    assert {name: given[name] for name in expected} == pytest.approx(expected, rel=1e-3)
    assert given["period_percent"] == pytest.approx(0.0) and given["largest_percent"] == pytest.approx(-30 / largest)
    assert np.isnan(statistics(record_sums(0 * lamp, lamp, 0, time), channel)["ssa_percent"])


def test_a_channel_that_simplecode_does_not_give_is_left_out_of_its_rows():
    lamp, lstm = two_records()
    simple = [np.column_stack([np.full(len(y), np.nan), y[:, 1]]) for y in lamp]
    report = report_of({"test": list(zip(lamp, simple, lstm, strict=True))}, ("VBM", "Roll"))
    rows = list(zip(report["source"], report["channel"], strict=True))
    assert rows == [("SimpleCode", "Roll"), ("SimpleCode", "All"), *[("LSTM", c) for c in ("VBM", "Roll", "All")]]


def test_errors_by_record_are_those_of_a_report_on_the_record_alone():
    lamp, predicted = two_records()
    simple = [np.column_stack([np.full(len(y), np.nan), 0.5 * y[:, 1]]) for y in lamp]
    records = list(zip(lamp, simple, predicted, strict=True))
    names = {"test": [("SC_h7-1", "_h7-1", "a0"), ("calm", "", "b1")]}
    table = error_by_record({"test": [model_sums(each) for each in records]}, names, ("VBM", "Roll"))
    assert table.columns.tolist() == ["set", "record", "handle", "source", "channel", *MEASURES, *ADDED]
    assert table["handle"].tolist() == ["_h7-1"] * 5 + [""] * 5
    assert table["digest"].tolist() == ["a0"] * 5 + ["b1"] * 5
    for (record, *_), motions in zip(names["test"], records, strict=True):
        alone = report_of({"test": [motions]}, ("VBM", "Roll"))
        rows = table[table["record"] == record].drop(columns=["record", "handle", *ADDED]).reset_index(drop=True)
        pd.testing.assert_frame_equal(rows, alone)
    motions = {"LSTM": predicted, "SimpleCode": simple}
    for row in table.itertuples():
        place = int(row.record == "calm"), slice(None), ("VBM", "Roll", "All").index(row.channel)
        expected = np.full(2, np.nan)
        if row.channel != "All":
            expected = [2 * np.std(all_motions[place[0]][place[1:]]) for all_motions in (lamp, motions[row.source])]
        np.testing.assert_allclose([row.ssa_lamp, row.ssa_model], expected)


@pytest.mark.parametrize(
    ("errors", "said"),
    [
        ([80.0, 9.0, *[1.0] * 10], "1 of 12 sea states hold 81 %: 90 deg, 1 m, 9.5 s, 12 knots; LAMP runs in these"),
        ([50.0, 40.0, *[1.0] * 10], "2 of 12 sea states hold 90 %: 90 deg, 1 m, 9.5 s, 12 knots; 90 deg, 2 m, 9.5 s"),
        ([9.0] * 12, ""),
        ([80.0, 9.0, 1.0], ""),  # too few to be told from
        ([0.0] * 12, ""),
    ],
)
def test_few_sea_states_that_hold_most_of_the_error_are_named(errors, said):
    """Of two records in each; those of train, of SimpleCode and without a handle do not count."""
    handles = [f"_h{i + 1}_p9.5_a90_hh0_pp0_aa0_s12-000000{n}" for i in range(len(errors)) for n in (1, 2)]
    mse = np.repeat(errors, 2)
    ours = pd.DataFrame({"set": "test", "handle": handles, "source": "LSTM", "channel": "Zcg", "mse": mse})
    others = ({"set": "train"}, {"source": "SimpleCode"}, {"handle": ""}, {"channel": "All"}, {"mse": np.nan})
    rows = pd.concat([ours, *(ours.assign(mse=mse[::-1] ** 2).assign(**other) for other in others)])
    lines = sea_state_remarks(rows.assign(state=rows["handle"].map(sea_state)), "LSTM")
    assert len(lines) == bool(said) and all(said in line for line in lines)
    assert all(line.startswith("Of the squared error of LSTM in heave on the test set, ") for line in lines)


def test_where_the_network_is_worse_than_simplecode():
    lamp = np.random.default_rng(2).normal(size=(50, 2))
    records = [(lamp, lamp + a, lamp + b) for a, b in (([1, 1], [3, 0.5]), ([1, 1], [0.1, 2]), ([3, 0], [0.1, 1]))]
    worst = lamp + 9  # a filter that is worse is not the network
    pairs = [model_sums((*motions, worst)) for motions in records]
    sums = {"train": pairs[:1], "test": pairs}
    names = {"train": [("a", "", "")], "test": [("a", "", ""), ("b", "", ""), ("c", "", "")]}
    channels = ("Zcg", "Roll")
    lines = worse_than_simplecode(error_by_record(sums, names, channels, "GRU"))
    assert lines == [
        "GRU is worse than SimpleCode in Zcg in 1 of 1 records of the train set, most in a: 3 times its rms error",
        "GRU is worse than SimpleCode in Zcg in 1 of 3 records of the test set, most in a: 3 times its rms error",
        "GRU is worse than SimpleCode in Roll in 1 of 3 records of the test set, most in b: 2 times its rms error",
    ]
    better = error_report({"test": [model_sums((lamp, lamp + 1, lamp))]}, channels)
    assert worse_than_simplecode(better.assign(record="a")) == []


def test_magnitudes_of_heave_and_bending_moment_are_about_the_mean_and_angles_about_zero():
    series = np.array([1.0, 2.0, 6.0, np.nan, np.inf])
    assert magnitudes(series, "Zcg")[:3].tolist() == magnitudes(series, "VBM")[:3].tolist() == [2.0, 1.0, 3.0]
    assert magnitudes(-series, "Roll")[:3].tolist() == [1.0, 2.0, 6.0]
    assert np.isnan(magnitudes(series, "Pitch")[3:]).all()
    assert np.isnan(magnitudes(np.full(3, np.nan), "Zcg")).all()
    motions = np.column_stack([series, -series])
    assert record_maxima(motions, ("Zcg", "Roll")).tolist() == [3.0, 6.0]


def test_the_first_minute_has_a_measure_of_its_own():
    y, p = np.zeros((10, 1)), np.arange(10.0)[:, None]
    sums = [model_sums((y, p, p / 2), 4)]
    report = error_report({"test": sums}, ["Zcg"])
    assert report["mse_start"].tolist()[::2] == [pytest.approx(14 / 4), pytest.approx(14 / 16)]
    assert np.isnan(error_report({"test": [model_sums((y, p, p), 0)]}, ["Zcg"])["mse_start"]).all()


def test_the_largest_error_has_its_time_and_one_without_the_ends_beside():
    time, rng = 0.5 * np.arange(400) + 20.0, np.random.default_rng(0)  # a record from 20 to 219.5 s
    lamp = rng.normal(size=(400, 2))
    error = np.full((400, 2), 0.01)
    error[-2], error[100], error[10] = (0.84, 0.3), (0.05, 0.06), (0.2, 0.9)
    start_rows = 80  # up to 60 s
    other = model_sums((lamp[:100], lamp[:100], lamp[:100] + 0.02), 40, time[:100])
    sums = [model_sums((lamp, lamp, lamp + error), start_rows, time), other]
    names = {"test": [("SC_a", "", ""), ("SC_b", "", "")]}
    report = error_report({"test": sums}, ("Zcg", "Roll")).set_index(["source", "channel"]).loc["LSTM"]
    np.testing.assert_allclose(report["max_error"], [0.84, 0.9, 0.9])
    np.testing.assert_allclose(report["max_error_at_s"], [219.0, 25.0, 25.0])
    np.testing.assert_allclose(report["max_error_inside"], [0.05, 0.06, 0.06])
    by_record = error_by_record({"test": sums}, names, ("Zcg", "Roll"))
    lines = remarks(error_report({"test": sums}, ("Zcg", "Roll")), by_record)
    assert lines == [
        "Largest errors of LSTM on the test set: Zcg 0.84 m at 219 s of SC_a; Roll 0.9 deg at 25 s of SC_a"
    ]
    few, wrong = lamp[:20], np.where(np.arange(20)[:, None] < 15, 0.1, 0.7)
    short = error_report({"test": [model_sums((few, few, few + wrong), 20, 0.1 * np.arange(20))]}, ("Zcg", "Roll"))
    assert short["max_error_inside"].iloc[-1] == pytest.approx(0.1)  # of 2 s a quarter at each end


@pytest.mark.parametrize(
    ("deviations", "left_out"),
    [
        ((1.0, 5.0, 0.08), "Pitch"),  # beam seas
        ((1.0, 1e-6, 2.0), "Roll"),  # head seas
        ((1.0, 0.0, 2.0), "Roll"),
        ((1.0, 8.0, 0.15), "Pitch"),  # below 2 %
        ((1.0, 5.0, 0.2), ""),
        ((0.01, 0.08, 0.09), ""),  # a calm sea
        ((1e-4, 5.0, 3.0), ""),  # metres do not compare with degrees
    ],
)
def test_a_motion_that_is_hardly_there_does_not_count(deviations, left_out):
    rng, channels = np.random.default_rng(4), ("Zcg", "Roll", "Pitch")
    lamp = rng.normal(size=(500, 3)) * deviations
    network = lamp + 0.1 * rng.normal(size=(500, 3)) * deviations
    network[:, channels.index(left_out) if left_out else 0] += 3.0 if left_out else 0.0
    sums = {"val": [model_sums((lamp, lamp * 1.5, network))]}
    report = error_report(sums, channels)
    ours = report[report["source"] == "LSTM"].set_index("channel")
    counting = [channel for channel in channels if channel != left_out]
    for name in ("nrmse", "correlation"):
        assert ours.loc["All", name] == pytest.approx(ours.loc[counting, name].mean())
    by_record = error_by_record(sums, {"val": [("SC_a", "", "")]}, channels)
    assert by_record.loc[by_record["channel"] == "All", "nrmse"].iloc[1] == pytest.approx(ours.loc["All", "nrmse"])
    lines = remarks(report, by_record)
    assert [f"Percentages of {left_out} on" in line for line in lines[1:]] == ([True] if left_out else [])
    worse = worse_than_simplecode(by_record)
    assert not any(left_out in line for line in worse) if left_out else not worse


def test_the_share_of_the_error_at_the_start_of_records():
    y, error = np.sin(np.arange(100.0)), np.where(np.arange(100) < 20, 3.0, 1.0)
    errors = pooled_errors([record_sums(y, y + error, 20)])
    assert errors["start_share"] == pytest.approx(180 / 260)
    assert pooled_errors([record_sums(y, y, 20)])["start_share"] == 0
