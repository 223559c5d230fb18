"""Error measures and statistics of motions: pure functions on arrays.

Series are (rows,), records are (rows, channel), in physical units. A measure over a set pools the rows of all its
records, so that a long record counts for more than a short one; ssa_error alone is a mean over records.
"""

from collections.abc import Mapping, Sequence

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


def mean_or_zero(values: np.ndarray) -> float:
    """Mean of the values, 0 where there are none."""
    return float(np.mean(values)) if values.size else 0.0


def correlation(target: np.ndarray, prediction: np.ndarray) -> float:
    """Pearson's correlation of two series (rows,); NaN where one of them is constant."""
    if is_constant(target) or is_constant(prediction):
        return float("nan")
    target, prediction = target - target.mean(), prediction - prediction.mean()
    scale = np.sqrt(np.sum(target**2) * np.sum(prediction**2))
    # Rounding can carry the quotient past its bounds.
    return float(np.clip(np.sum(target * prediction) / scale, -1.0, 1.0)) if scale > 0 else float("nan")


def is_constant(series: np.ndarray) -> bool:
    """Whether all values are the same. The deviation does not tell: rounding of the mean leaves it just above zero."""
    return bool(np.ptp(series) == 0)


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
    y = np.concatenate(targets)
    p = np.concatenate(predictions)
    squared = (p - y) ** 2
    a, b = AMPLITUDE_WEIGHTS
    peaks = [(p_[i] - y_[i]) ** 2 for y_, p_ in zip(targets, predictions, strict=True) for i in [turning_points(y_)]]
    deviation = 0.0 if is_constant(y) else float(np.std(y))
    rmse = float(np.sqrt(np.mean(squared)))
    ssa = [
        abs(significant_single_amplitude(p_) - significant_single_amplitude(y_))
        for y_, p_ in zip(targets, predictions, strict=True)
    ]
    return {
        "mse": float(np.mean(squared)),
        "amplitude_mse": float(np.mean(squared * (a + b * y**2))),
        "peak_mse": mean_or_zero(np.concatenate(peaks)),
        "rmse": rmse,
        "nrmse": rmse / deviation if deviation > 0 else float("nan"),
        "correlation": correlation(y, p),
        "max_error": float(np.sqrt(np.max(squared))),
        "ssa_error": float(np.mean(ssa)),
        "peaks": int(sum(len(errors) for errors in peaks)),
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
    rows = []
    for i, channel in enumerate(channels):
        if any(np.isnan(p[:, i]).any() for p in predictions):
            continue
        rows.append({"channel": channel, **channel_errors([y[:, i] for y in targets], [p[:, i] for p in predictions])})
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


def error_report(results: Mapping[str, Sequence[Motions]], channels: Sequence[str]) -> pd.DataFrame:
    """SimpleCode's and the LSTM's errors against LAMP over each set.

    Args:
        results: the records of each set (train, val, test); empty sets are left out of the report.
        channels: the channels' names.

    Returns:
        columns set, source, channel, then MEASURES.
    """
    tables = []
    for set_name, records in results.items():
        for source, position in (("SimpleCode", 1), ("LSTM", 2)):
            if records:
                table = error_table(
                    [record[0] for record in records], [record[position] for record in records], channels
                )
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
