"""Error measures and statistics of motions: pure functions on arrays.

Series are (rows,), records are (rows, channel), in physical units. A measure over a set pools the rows of all its
records, so that a long record counts for more than a short one; ssa_error alone is a mean over records.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

MEASURES = ("mse", "amplitude_mse", "peak_mse", "rmse", "nrmse", "correlation", "max_error", "ssa_error")
# Weights of amplitude_mse: mean of e^2 (a + b y^2), as users of the earlier tool know it.
AMPLITUDE_WEIGHTS = (0.1, 0.9)


def turning_points(series: np.ndarray) -> np.ndarray:
    """Indices of the peaks and troughs of a series (rows,), in time order.

    A flat top counts once, at its first sample; the ends of the series are no turning points.
    """
    series = np.asarray(series)
    steps = np.diff(series)
    moving = np.flatnonzero(steps)
    signs = np.sign(steps[moving])
    return moving[:-1][signs[:-1] != signs[1:]] + 1


def correlation(target: np.ndarray, prediction: np.ndarray) -> float:
    """Pearson's correlation of two series (rows,); NaN where one of them is constant."""
    return pooled_errors([record_sums(target, prediction)])["correlation"]


def significant_single_amplitude(series: np.ndarray) -> float:
    """Single significant amplitude of a narrow-banded series (rows,): twice its standard deviation."""
    return 2.0 * float(np.std(series))


def channel_errors(targets: Sequence[np.ndarray], predictions: Sequence[np.ndarray]) -> dict[str, float]:
    """All measures of one channel over a set.

    Args:
        targets: LAMP's series, one (rows,) array a record, in the files' units.
        predictions: the model's series, of the same lengths.

    Returns:
        with e = prediction - target, y = target and s its standard deviation over the set: mse, mean of e^2;
        amplitude_mse, mean of e^2 (0.1 + 0.9 y^2); peak_mse, mean of e^2 at the turning points of y (0 if there are
        none); rmse; nrmse, rmse / s (NaN where s is 0); correlation; max_error, largest |e|; ssa_error, mean over
        the records of the absolute difference of the single significant amplitudes.
    """
    return pooled_errors([record_sums(y, p) for y, p in zip(targets, predictions, strict=True)])


def record_sums(target: np.ndarray, prediction: np.ndarray) -> dict[str, float]:
    """What one record's series (rows,) add to `channel_errors`, so that the series need not be kept."""
    y, p = np.asarray(target, float), np.asarray(prediction, float)
    squared = (p - y) ** 2
    a, b = AMPLITUDE_WEIGHTS
    peaks = squared[turning_points(y)]
    return {
        "rows": len(y),
        "squared": squared.sum(),
        "weighted": (squared * (a + b * y**2)).sum(),
        "peaks": len(peaks),
        "at_peaks": peaks.sum(),
        "largest": squared.max(),
        "ssa_error": abs(significant_single_amplitude(p) - significant_single_amplitude(y)),
        "mean_y": y.mean(),
        "mean_p": p.mean(),
        # About the record's own means: sums of raw squares would cancel where the mean is large.
        "yy": ((y - y.mean()) ** 2).sum(),
        "pp": ((p - p.mean()) ** 2).sum(),
        "yp": ((y - y.mean()) * (p - p.mean())).sum(),
        "least_y": y.min(),
        "most_y": y.max(),
        "least_p": p.min(),
        "most_p": p.max(),
    }


def pooled_errors(records: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """All measures of one channel over a set, from the `record_sums` of its records."""
    of = {name: np.array([record[name] for record in records], float) for name in records[0]}
    rows, peaks = of["rows"].sum(), of["peaks"].sum()
    mse = of["squared"].sum() / rows
    # A record's sum of products about the set's means is that about its own, and its mean's distance times its rows.
    dy, dp = (of[name] - np.average(of[name], weights=of["rows"]) for name in ("mean_y", "mean_p"))
    yy, pp, yp = (
        (of[name] + of["rows"] * product).sum() for name, product in (("yy", dy * dy), ("pp", dp * dp), ("yp", dy * dp))
    )
    # Whether all values are the same: rounding of the mean leaves the deviation just above zero.
    constant_y, constant_p = (of[f"least_{x}"].min() == of[f"most_{x}"].max() for x in "yp")
    deviation = 0.0 if constant_y else np.sqrt(yy / rows)
    correlated = not constant_y and not constant_p and yy * pp > 0
    return {
        "mse": float(mse),
        "amplitude_mse": float(of["weighted"].sum() / rows),
        "peak_mse": float(of["at_peaks"].sum() / peaks) if peaks else 0.0,
        "rmse": float(np.sqrt(mse)),
        "nrmse": float(np.sqrt(mse) / deviation) if deviation > 0 else float("nan"),
        # Rounding can carry the quotient past its bounds.
        "correlation": float(np.clip(yp / np.sqrt(yy * pp), -1.0, 1.0)) if correlated else float("nan"),
        "max_error": float(np.sqrt(of["largest"].max())),
        "ssa_error": float(of["ssa_error"].mean()),
        "peaks": int(peaks),
    }


def error_table(
    targets: Sequence[np.ndarray], predictions: Sequence[np.ndarray], channels: Sequence[str]
) -> pd.DataFrame:
    """The measures of `channel_errors` a channel, and of all channels together.

    Args:
        targets, predictions: one (rows, channel) array a record; a channel that the model does not give is NaN.
        channels: the channels' names.

    Returns:
        columns channel, then MEASURES; the row "All" pools the elements of all channels, whatever their units, as
        the earlier tool did, for mse, amplitude_mse, rmse and (weighted by each channel's number of peaks) peak_mse;
        it has the mean over the channels of nrmse, correlation and ssa_error, and the largest max_error.
    """
    pairs = zip(targets, predictions, strict=True)
    return _table([_sums_of_channels(target, prediction) for target, prediction in pairs], channels)


def _sums_of_channels(target: np.ndarray, prediction: np.ndarray) -> list[dict[str, float] | None]:
    """`record_sums` of each channel of a record, None of one that the model does not give."""
    pairs = zip(target.T, prediction.T, strict=True)
    return [None if np.isnan(p).any() else record_sums(y, p) for y, p in pairs]


def _table(records: Sequence[Sequence[dict[str, float] | None]], channels: Sequence[str]) -> pd.DataFrame:
    rows = []
    for channel, sums in zip(channels, zip(*records, strict=True), strict=True):
        if None not in sums:
            rows.append({"channel": channel, **pooled_errors(sums)})
    table = pd.DataFrame(rows, columns=["channel", *MEASURES, "peaks"])
    if rows:
        mean = table[list(MEASURES)].mean()  # skips the NaN of a constant channel
        peaks = table["peaks"].sum()
        mean["peak_mse"] = float((table["peak_mse"] * table["peaks"]).sum() / peaks) if peaks else 0.0
        mean["rmse"] = float(np.sqrt(mean["mse"]))
        mean["max_error"] = table["max_error"].max()
        table.loc[len(table)] = {"channel": "All", **mean, "peaks": peaks}
    return table.drop(columns="peaks")


Motions = tuple[np.ndarray, np.ndarray, np.ndarray]  # LAMP, SimpleCode, LSTM, each (rows, channel)


def error_report(results: Mapping[str, Iterable[Motions]], channels: Sequence[str]) -> pd.DataFrame:
    """SimpleCode's and the LSTM's errors against LAMP over each set.

    Args:
        results: the records of each set (train, val, test), each gone through once, so that they need not be in memory
            together; empty sets are left out of the report.
        channels: the channels' names.

    Returns:
        columns set, source, channel, then MEASURES.
    """
    tables = []
    for set_name, records in results.items():
        sums = [[_sums_of_channels(lamp, model) for model in models] for lamp, *models in records]
        for source, of_source in zip(("SimpleCode", "LSTM"), zip(*sums, strict=True), strict=False):
            table = _table(of_source, channels)
            table.insert(0, "set", set_name)
            table.insert(1, "source", source)
            tables.append(table)
    if not tables:
        return pd.DataFrame(columns=["set", "source", "channel", *MEASURES])
    return pd.concat(tables, ignore_index=True)


def format_report(report: pd.DataFrame, units: Mapping[str, str]) -> str:
    """The error report for the terminal: a block a set, SimpleCode and LSTM below each other, with the LSTM's share."""
    lines = []
    headings = "".join(f"{name:>14}" for name in MEASURES)
    for set_name, block in report.groupby("set", sort=False):
        lines += ["", f"Errors on the {set_name} set", f"{'channel':<16}{'source':<11}{headings}{'mse share':>13}"]
        same_channels = block["source"].value_counts().nunique() == 1
        order = [name for name in dict.fromkeys(block["channel"]) if name != "All"] + ["All"]
        order.sort(key=lambda name: name != "VBM")
        for channel in order:
            rows = block[block["channel"] == channel]
            simple = rows.loc[rows["source"] == "SimpleCode", "mse"]
            for row in rows.itertuples():
                label = f"{channel} [{units[channel]}]" if channel in units else channel
                share = ""
                comparable = len(simple) and simple.iloc[0] > 0 and (channel != "All" or same_channels)
                if row.source == "LSTM" and comparable:
                    share = f"{100 * row.mse / simple.iloc[0]:.2f} %"
                numbers = "".join(f"{getattr(row, name):>14.4g}" for name in MEASURES)
                numbers = numbers.replace("nan", "  -")  # there is none, as for the correlation of a constant channel
                lines.append(f"{label:<16}{row.source:<11}{numbers}{share:>13}")
    lines.append("mse, amplitude_mse, peak_mse in the unit squared; nrmse and correlation without unit; 'mse share' is")
    lines.append("the LSTM's mse as a share of SimpleCode's. All: all channels pooled, whatever their units.")
    return "\n".join(lines)
