"""Error measures against their formulas written out as loops."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from metrics import (
    MEASURES,
    channel_errors,
    correlation,
    error_report,
    error_table,
    format_report,
    significant_single_amplitude,
    turning_points,
)

pytestmark = pytest.mark.usefixtures("warnings_are_errors")

UNITS = {"Zcg": "m", "Roll": "deg"}


def slow_turning_points(series) -> list[int]:
    """Where the series last moved one way and next moves the other; a flat top counts at its first sample."""
    found = []
    for i in range(1, len(series) - 1):
        if series[i] == series[i - 1]:
            continue
        later = [value for value in series[i + 1 :] if value != series[i]]
        if later and (series[i] > series[i - 1]) == (series[i] > later[0]):
            found.append(i)
    return found


@hypothesis_settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(-2, 2), min_size=1, max_size=30))
def test_turning_points(series):
    assert turning_points(np.array(series, float)).tolist() == slow_turning_points(series)


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        ([0, 1, 0], [1]),
        ([0, 1, 1, 1, 0], [1]),
        ([0, 1, 1, 2], []),
        ([1, 1, 0, 0, 1, 1], [2]),
        ([3, 3, 3], []),
        ([0, 1], []),
        ([5], []),
    ],
)
def test_plateaus(series, expected):
    assert turning_points(np.array(series)).tolist() == expected


def two_records() -> tuple[list[np.ndarray], list[np.ndarray]]:
    """LAMP and a prediction of two records of different lengths, (rows, 2)."""
    rng = np.random.default_rng(0)
    lamp = [np.cumsum(rng.normal(size=(rows, 2)), axis=0) for rows in (50, 23)]
    return lamp, [y + rng.normal(scale=0.3, size=y.shape) for y in lamp]


def slow_measures(targets, predictions) -> dict[str, float]:
    pairs = [(y, p) for ys, ps in zip(targets, predictions, strict=True) for y, p in zip(ys, ps, strict=True)]
    n = len(pairs)
    mean_y, mean_p = sum(y for y, _ in pairs) / n, sum(p for _, p in pairs) / n
    var_y, var_p = sum((y - mean_y) ** 2 for y, _ in pairs) / n, sum((p - mean_p) ** 2 for _, p in pairs) / n
    mse = sum((p - y) ** 2 for y, p in pairs) / n
    peaks = [
        (ps[i] - ys[i]) ** 2 for ys, ps in zip(targets, predictions, strict=True) for i in slow_turning_points(list(ys))
    ]
    ssa = [
        abs(2 * math.sqrt(sum((p - sum(ps) / len(ps)) ** 2 for p in ps) / len(ps)) - 2 * float(np.std(ys)))
        for ys, ps in zip(targets, predictions, strict=True)
    ]
    return {
        "mse": mse,
        "amplitude_mse": sum((p - y) ** 2 * (0.1 + 0.9 * y**2) for y, p in pairs) / n,
        "peak_mse": sum(peaks) / len(peaks) if peaks else 0.0,
        "rmse": math.sqrt(mse),
        "nrmse": math.sqrt(mse / var_y),
        "correlation": sum((y - mean_y) * (p - mean_p) for y, p in pairs) / n / math.sqrt(var_y * var_p),
        "max_error": max(abs(p - y) for y, p in pairs),
        "ssa_error": sum(ssa) / len(ssa),
    }


def test_all_measures_are_their_formulas():
    lamp, lstm = two_records()
    for i in range(2):
        targets, predictions = [y[:, i] for y in lamp], [p[:, i] for p in lstm]
        fast, slow = channel_errors(targets, predictions), slow_measures(targets, predictions)
        assert set(slow) == set(MEASURES)
        for name in MEASURES:
            assert fast[name] == pytest.approx(slow[name], rel=1e-12), name


def test_a_perfect_prediction():
    lamp, _ = two_records()
    errors = channel_errors([y[:, 0] for y in lamp], [y[:, 0] for y in lamp])
    assert errors["correlation"] == pytest.approx(1.0, abs=1e-12)
    assert all(errors[name] == 0 for name in MEASURES if name != "correlation")


def test_an_offset_leaves_the_correlation_and_shows_in_the_mse():
    y = np.sin(np.arange(100.0))
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
    value = correlation(y, p)
    assert math.isnan(value) or -1.0 <= value <= 1.0


def test_correlation_of_what_moves_alike_and_against():
    y = np.random.default_rng(1).normal(size=200)
    assert correlation(y, 3 * y + 1) == pytest.approx(1.0)
    assert correlation(y, -y) == pytest.approx(-1.0)
    assert correlation(y, 3 * y + 1) <= 1.0 and correlation(y, -0.3 * y) >= -1.0


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


def test_the_row_of_all_channels():
    lamp, lstm = two_records()
    table = error_table(lamp, lstm, ("Zcg", "Roll")).set_index("channel")
    assert table.index.tolist() == ["Zcg", "Roll", "All"] and table.columns.tolist() == list(MEASURES)
    pooled = [np.concatenate([y[:, 0], y[:, 1]]) for y in lamp], [np.concatenate([p[:, 0], p[:, 1]]) for p in lstm]
    squared = (np.concatenate(pooled[0]) - np.concatenate(pooled[1])) ** 2
    peaks = [
        (p[j, i] - y[j, i]) ** 2
        for y, p in zip(lamp, lstm, strict=True)
        for i in range(2)
        for j in slow_turning_points(y[:, i].tolist())
    ]
    everything = table.loc["All"]
    assert everything["mse"] == pytest.approx(squared.mean())
    assert everything["rmse"] == pytest.approx(math.sqrt(squared.mean()))
    assert everything["peak_mse"] == pytest.approx(np.mean(peaks))
    assert everything["amplitude_mse"] == pytest.approx(table["amplitude_mse"][:2].mean())
    for name in ("nrmse", "correlation", "ssa_error"):
        assert everything[name] == pytest.approx((table[name]["Zcg"] + table[name]["Roll"]) / 2)
    assert everything["max_error"] == max(table["max_error"]["Zcg"], table["max_error"]["Roll"])


def test_a_constant_channel_does_not_spoil_the_row_of_all():
    lamp, lstm = two_records()
    lamp = [np.column_stack([y[:, 0], 0 * y[:, 1]]) for y in lamp]
    table = error_table(lamp, lstm, ("Zcg", "Roll")).set_index("channel")
    assert np.isnan(table.loc["Roll", "correlation"])
    assert table.loc["All", "correlation"] == table.loc["Zcg", "correlation"]
    assert table.loc["All", "peak_mse"] == pytest.approx(table.loc["Zcg", "peak_mse"])


def test_the_report_has_each_set_and_source():
    lamp, lstm = two_records()
    simple = [0.5 * y for y in lamp]
    records = list(zip(lamp, simple, lstm, strict=True))
    report = error_report({"train": records, "val": [], "test": records[:1]}, ("Zcg", "Roll"))
    assert report.columns.tolist() == ["set", "source", "channel", *MEASURES]
    assert report["set"].tolist() == ["train"] * 6 + ["test"] * 6
    assert report["source"].tolist() == (["SimpleCode"] * 3 + ["LSTM"] * 3) * 2
    row = report[(report["set"] == "test") & (report["source"] == "SimpleCode") & (report["channel"] == "Roll")]
    assert row["mse"].item() == pytest.approx(np.mean((0.5 * lamp[0][:, 1]) ** 2))
    assert error_report({"train": []}, ("Zcg",)).empty


def test_a_channel_that_simplecode_does_not_give_is_left_out_of_its_rows():
    lamp, lstm = two_records()
    simple = [np.column_stack([np.full(len(y), np.nan), y[:, 1]]) for y in lamp]
    report = error_report({"test": list(zip(lamp, simple, lstm, strict=True))}, ("VBM", "Roll"))
    rows = list(zip(report["source"], report["channel"], strict=True))
    assert rows == [("SimpleCode", "Roll"), ("SimpleCode", "All"), *[("LSTM", c) for c in ("VBM", "Roll", "All")]]


def test_the_printed_report_names_units_and_numbers():
    lamp, lstm = two_records()
    records = [(y, y + 1.0, p) for y, p in zip(lamp, lstm, strict=True)]
    report = error_report({"train": records, "test": records}, ("Zcg", "Roll"))
    text = format_report(report, UNITS)
    assert "Zcg [m]" in text and "Roll [deg]" in text and "train set" in text and "test set" in text
    for name in MEASURES:
        assert name in text
    share = 100 * report.loc[3, "mse"] / report.loc[0, "mse"]
    assert f"{share:.2f} %" in text
    assert f"{report.loc[0, 'max_error']:.4g}" in text
    error_report({"test": records}, ("Zcg", "Roll")).pipe(format_report, {})  # without units
