"""Error measures and statistics of motions: pure functions on arrays.

Series are (rows,), records are (rows, channel), in physical units. A measure over a set pools the rows of all its
records, so that long records weigh more; only ssa_error is a mean over records.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from settings.channels import channel_of

# Weights of amplitude_mse: mean of e^2 (a + b y^2), as users of the earlier tool know it.
AMPLITUDE_WEIGHTS = (0.1, 0.9)
SIMPLECODE = "SimpleCode"
# In the order of the report's columns, see `pooled_errors`.
MEASURES = (
    *("mse", "amplitude_mse", "peak_mse", "rmse", "nrmse", "correlation", "max_error", "ssa_error", "mse_start"),
    *("max_error_inside", "max_error_at_s"),
)
# Mean significant single amplitude of LAMP and of the model, see `pooled_errors`.
AMPLITUDES = ("ssa_lamp", "ssa_model")
# s, at the end of a record, about a period of encounter: what a network looks ahead is missing there.
END_TIME = 10.0
# A channel is negligible beside another one of the same unit: below the first share of its standard deviation, or below
# the second one and LEAST_ANGLE (deg), as roll in head seas and pitch in beam seas. Its relative errors mean nothing.
NEGLIGIBLE_SHARES = (0.02, 0.2)
LEAST_ANGLE = 0.1


class Motions(NamedTuple):
    """A record's motions from the three sources, each (rows, channel)."""

    lamp: np.ndarray
    simple: np.ndarray
    network: np.ndarray


Sums = Mapping[str, float | np.ndarray]


# ---- statistics of one series -----------------------------------------------------------------------------------


def turning_points(series: np.ndarray) -> np.ndarray:
    """Indices of the peaks and troughs of a series (rows,), in time order.

    A flat top counts once, at its first sample. The ends of the series are not turning points.
    """
    series = np.asarray(series)
    steps = np.diff(series)
    moving = np.flatnonzero(steps)
    signs = np.sign(steps[moving])
    return moving[:-1][signs[:-1] != signs[1:]] + 1


def significant_single_amplitude(series: np.ndarray) -> float:
    """Significant single amplitude of a series (rows,): 2 sigma, sigma being its standard deviation.

    The mean of the highest third of the amplitudes where these follow a Rayleigh distribution, as in a narrow-banded
    Gaussian process (Longuet-Higgins 1952, On the statistical distribution of the heights of sea waves).
    """
    return 2.0 * float(np.std(series))


def running_mean(values: np.ndarray, span: int) -> np.ndarray:
    """Mean over `span` steps to either side of each step, over those that exist at the ends.

    values: (rows,). Returns (rows,). NaN are left out of the mean; where there is nothing but NaN it is NaN.
    """
    return pd.Series(values).rolling(2 * span + 1, min_periods=1, center=True).mean().to_numpy()


def magnitudes(series: np.ndarray, channel: str) -> np.ndarray:
    """|series| (rows,), about the record's own mean if the channel's is "removed"; NaN where it is not finite."""
    series = np.where(np.isfinite(series), series, np.nan)
    has_mean = channel_of(channel).mean == "removed" and not np.isnan(series).all()
    return np.abs(series - np.nanmean(series) if has_mean else series)


def rows_around_largest(time: np.ndarray, values: np.ndarray, duration: float) -> slice:
    """Rows of the duration (s) around the largest departure from the mean, moved to lie within the record.

    time: (rows,) s. values: (rows,), NaN left out.
    """
    peak = time[np.nanargmax(np.abs(values - np.nanmean(values)))]
    start = min(max(peak - duration / 2, time[0]), max(time[-1] - duration, time[0]))
    first, last = np.searchsorted(time, [start, start + duration], side="left")
    return slice(int(first), int(min(last + 1, time.size)))


def record_maxima(motions: np.ndarray, channels: Sequence[str]) -> np.ndarray:
    """(channel,): the largest magnitude of each channel of a record (rows, channel); NaN where there is no number."""
    columns = [magnitudes(series, channel) for series, channel in zip(motions.T, channels, strict=True)]
    return np.fmax.reduce(np.array(columns), axis=1)


def segment_spectra(signals: np.ndarray, rows: int, padded: int | None = None) -> np.ndarray:
    """(frequency, signal, segment): Fourier transforms of segments, for spectra by Welch's method.

    Hann windows of `rows` rows that overlap by half, about their means. signals: (rows, signal). padded: rows of the
    transform, with zeros behind each segment, which sets the frequencies but not the resolution.
    """
    segments = np.lib.stride_tricks.sliding_window_view(signals, rows, axis=0)[:: rows // 2]
    segments = segments - segments.mean(axis=2, keepdims=True)
    return np.fft.rfft(segments * np.hanning(rows), padded, axis=2).transpose(2, 1, 0)


# ---- errors of one channel --------------------------------------------------------------------------------------


def record_sums(y: np.ndarray, p: np.ndarray, start_rows: int = 0, time: np.ndarray | None = None) -> Sums:
    """What `pooled_errors` needs of a record, so that its series need not be kept.

    y, p: LAMP's and a model's series (rows,). start_rows: rows of the first 60 s of the record. time: (rows,) s.
    """
    both = np.array([y, p], float)
    y, p = both
    squared = (p - y) ** 2
    a, b = AMPLITUDE_WEIGHTS
    peaks = squared[turning_points(y)]
    means = both.mean(axis=1)
    about = both - means[:, None]
    quarter = len(y) // 4
    end = len(y) if time is None else np.searchsorted(time, time[-1] - END_TIME, side="right")
    return {
        "rows": len(y),
        "squared": squared.sum(),
        "weighted": (squared * (a + b * y**2)).sum(),
        "peaks": len(peaks),
        "at_peaks": peaks.sum(),
        "start": squared[:start_rows].sum(),
        "start_rows": start_rows,
        "largest": squared.max(),
        "largest_inside": squared[min(start_rows, quarter) : max(end, len(y) - quarter)].max(),
        "largest_at": np.nan if time is None else time[squared.argmax()],
        "amplitudes": np.array([significant_single_amplitude(series) for series in (y, p)]),
        # Of y and p; products about the record's own means, as sums of raw squares would cancel if a mean is large.
        "means": means,
        "products": (about[:, None] * about).sum(axis=2),
        "least": both.min(axis=1),
        "most": both.max(axis=1),
    }


def pooled_errors(records: Sequence[Sums]) -> dict[str, float]:
    """MEASURES and AMPLITUDES of one channel over a set, from the `record_sums` of its records.

    y is LAMP's series, p the model's, e = p - y.

    mse: mean of e^2.
    amplitude_mse: mean of e^2 (0.1 + 0.9 y^2), which weighs large motions, the earlier tool's objective 1.
    peak_mse: mean of e^2 at the turning points of y; 0 where y has none.
    rmse: sqrt(mse). nrmse: rmse over the standard deviation of y over the set; NaN where y is constant.
    correlation: Pearson's, cov(y, p) / sqrt(var(y) var(p)); NaN where y or p is constant.
    max_error: largest |e|, max_error_at_s after the start of its record; max_error_inside: without the first 60 s and
        the last END_TIME s, of short records at most a quarter each.
    ssa_error: mean over the records of |SSA(p) - SSA(y)|, SSA being the significant single amplitude.
    mse_start: mean of e^2 over the first 60 s of each record; NaN where all of that is transient.
    """
    sums = {name: np.stack([record[name] for record in records], axis=-1) for name in records[0]}
    rows, peaks, start_rows = (sums[name].sum() for name in ("rows", "peaks", "start_rows"))
    mse = sums["squared"].sum() / rows
    # A record's products about the set's means are those about its own, and those of the means' distances.
    distances = sums["means"] - (sums["means"] * sums["rows"]).sum(axis=1, keepdims=True) / rows
    products = (sums["products"] + sums["rows"] * (distances[:, None] * distances)).sum(axis=2)
    # Compared exactly, as rounding of the mean can leave the standard deviation just above zero.
    varies = sums["least"].min(axis=1) != sums["most"].max(axis=1)
    variance, variances = products[0, 0] / rows, products[0, 0] * products[1, 1]
    correlation = np.nan
    if varies.all() and variances > 0:
        # Rounding can push the quotient beyond its bounds.
        correlation = np.clip(products[0, 1] / np.sqrt(variances), -1.0, 1.0)
    ssa_lamp, ssa_model = sums["amplitudes"]
    found = (
        mse,
        sums["weighted"].sum() / rows,
        sums["at_peaks"].sum() / peaks if peaks else 0.0,
        np.sqrt(mse),
        np.sqrt(mse) / np.sqrt(variance) if varies[0] and variance > 0 else np.nan,
        correlation,
        np.sqrt(sums["largest"].max()),
        np.abs(ssa_model - ssa_lamp).mean(),
        sums["start"].sum() / start_rows if start_rows else np.nan,
        np.sqrt(sums["largest_inside"].max()),
        sums["largest_at"][sums["largest"].argmax()],
        ssa_lamp.mean(),
        ssa_model.mean(),
    )
    return dict(zip((*MEASURES, *AMPLITUDES), map(float, found), strict=True))


# ---- reports ----------------------------------------------------------------------------------------------------

ChannelSums = Sequence[Sums | None]  # `record_sums` of each channel; None if the model does not have it
SetSums = Mapping[str, Sequence[tuple[ChannelSums, ChannelSums]]]  # by set, `model_sums`


def model_sums(
    motions: Motions, start_rows: int = 0, time: np.ndarray | None = None
) -> tuple[ChannelSums, ChannelSums]:
    """SimpleCode's and the network's sums for a record. start_rows, time: as in `record_sums`."""
    lamp, *models = motions
    rows = start_rows, time
    return tuple(
        [None if np.isnan(p).any() else record_sums(y, p, *rows) for y, p in zip(lamp.T, model.T, strict=True)]
        for model in models
    )


def error_rows(records: Sequence[ChannelSums], channels: Sequence[str]) -> list[dict]:
    """MEASURES of each channel that the model has in all records, and of all channels together.

    The row "All" pools the elements of all channels, whatever their units, as the earlier tool did, for mse,
    amplitude_mse, rmse and (weighted by each channel's number of peaks) peak_mse; it has the mean over the channels of
    nrmse, correlation and ssa_error, without those that are NaN, and the largest max_error and max_error_inside.
    """
    has = {name: sums for name, sums in zip(channels, zip(*records, strict=True), strict=True) if None not in sums}
    if not has:
        return []
    rows = [{"channel": channel, **pooled_errors(sums)} for channel, sums in has.items()]
    peaks = [sum(record["peaks"] for record in sums) for sums in has.values()]
    everything = {}
    for name in MEASURES:
        known = [row[name] for row in rows if not np.isnan(row[name])]
        everything[name] = float(np.mean(known)) if known else float("nan")
    at_peaks = sum(row["peak_mse"] * count for row, count in zip(rows, peaks, strict=True))
    everything["peak_mse"] = at_peaks / max(sum(peaks), 1)
    everything["rmse"] = float(np.sqrt(everything["mse"]))
    for name in ("max_error", "max_error_inside"):
        everything[name] = float(np.fmax.reduce([row[name] for row in rows]))
    everything["max_error_at_s"] = max(rows, key=lambda row: np.nan_to_num(row["max_error"]))["max_error_at_s"]
    return [*rows, {"channel": "All", **everything}]


def error_report(results: SetSums, channels: Sequence[str], network: str = "LSTM") -> pd.DataFrame:
    """SimpleCode's and the network's errors against LAMP over each set.

    results: the `model_sums` of each set (train, val, test); empty sets are left out of the report.
    channels: names of the channels. network: name of the network.
    Returns columns set, source, channel, then MEASURES. In nrmse and correlation of the row All no channel counts that
    is `negligible`.
    """
    about = [({"set": set_name}, records) for set_name, records in results.items()]
    return _table_of(about, channels, network, ["set"])


def negligible(report: pd.DataFrame) -> pd.Series:
    """(row,): whether LAMP hardly moves in the channel over the set or record, see NEGLIGIBLE_SHARES.

    report: see `error_report`, or `error_by_record`.
    """
    keys = [name for name in ("set", "record", "source") if name in report]
    # LAMP's standard deviation: 0 of a constant channel, unknown where there is no error.
    deviation = (report["rmse"] / report["nrmse"].where(report["nrmse"] > 0)).where(report["nrmse"].notna(), 0.0)
    angles = report.assign(angle=deviation.where([channel_of(name).kind == "angle" for name in report["channel"]]))
    largest = angles.groupby(keys)["angle"].transform("max")
    least, less = (angles["angle"] < share * largest for share in NEGLIGIBLE_SHARES)
    return least | (less & (angles["angle"] < LEAST_ANGLE))


def without_negligible(report: pd.DataFrame) -> pd.DataFrame:
    """The report with nrmse and correlation of the rows All taken from the channels that are not `negligible`."""
    keys = [name for name in ("set", "record", "source") if name in report]
    is_all = report["channel"] == "All"
    relative = [name for name in ("nrmse", "correlation") if name in report and is_all.any()]
    means = report[~is_all & ~negligible(report)].groupby(keys)[relative].mean()
    report = report.copy()
    report.loc[is_all, relative] = means.reindex(pd.MultiIndex.from_frame(report.loc[is_all, keys])).to_numpy()
    return report


def error_by_record(
    results: SetSums,
    names: Mapping[str, Sequence[tuple[str, str, str]]],
    channels: Sequence[str],
    network: str = "LSTM",
) -> pd.DataFrame:
    """The same for each record separately, with columns record and handle, and at the end AMPLITUDES and digest.

    names: (record, handle, digest) of each.
    """
    keys = ("record", "handle", "digest")
    about = [
        ({"set": set_name} | dict(zip(keys, own, strict=True)), [models])
        for set_name, records in results.items()
        for own, models in zip(names[set_name], records, strict=True)
    ]
    return _table_of(about, channels, network, ["set", *keys[:2]], [*AMPLITUDES, "digest"])


def _table_of(
    about: Sequence[tuple[dict, Sequence]],
    channels: Sequence[str],
    network: str,
    keys: list[str],
    more: Sequence[str] = (),
) -> pd.DataFrame:
    """`error_rows` of SimpleCode and of the network, behind what they are about (keys). more: columns at the end."""
    rows = [
        named | {"source": source} | row
        for named, records in about
        for source, sums in zip((SIMPLECODE, network), zip(*records, strict=True), strict=False)  # none without records
        for row in error_rows(sums, channels)
    ]
    return without_negligible(pd.DataFrame(rows, columns=[*keys, "source", "channel", *MEASURES, *more]))


def worse_than_simplecode(report: pd.DataFrame, by_record: pd.DataFrame, network: str = "LSTM") -> list[str]:
    """A line for each set and channel in which the network's mse exceeds SimpleCode's, over the set or in a record.

    Where SimpleCode has no error, such as in roll in head seas, and where LAMP's motion is `negligible`, nothing is
    compared.
    """
    lines = [
        f"{network} is worse than SimpleCode on the {row.set} set in {row.channel}: {row.ratio:.3g} times its mse"
        for row in _worse(report, ["set", "channel"]).itertuples()
    ]
    counts = by_record.groupby("set")["record"].nunique()
    in_records = _worse(by_record, ["set", "channel", "record"])
    for (set_name, channel), worse in in_records.groupby(["set", "channel"], sort=False):
        worst = worse.loc[worse["ratio"].idxmax()]
        lines.append(
            f"{network} is worse than SimpleCode in {channel} in {len(worse)} of {counts[set_name]} records of the "
            f"{set_name} set, most in {worst['record']}: {worst['ratio']:.3g} times its mse"
        )
    return lines


def _worse(table: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """The keys of each row in which the network's mse exceeds SimpleCode's, and their ratio; without the row All."""
    table = table[(table["channel"] != "All") & ~negligible(table)]
    is_simple = table["source"] == SIMPLECODE
    simple = table.loc[is_simple & (table["mse"] > 0), [*keys, "mse"]]
    both = table.loc[~is_simple, [*keys, "mse"]].merge(simple, on=keys, suffixes=("", "_simple"))
    return both.assign(ratio=both["mse"] / both["mse_simple"]).query("ratio > 1")


def remarks(report: pd.DataFrame, by_record: pd.DataFrame) -> list[str]:
    """A line for each set on the network's largest errors and where they are, and on channels that are `negligible`."""
    lines, left_out = [], report[negligible(report)]
    for set_name, rows in by_record[by_record["source"] != SIMPLECODE].groupby("set", sort=False):
        worst = rows[rows["channel"] != "All"].dropna(subset="max_error")
        worst = worst.loc[worst.groupby("channel", sort=False)["max_error"].idxmax()]
        places = [
            f"{row.channel} {row.max_error:.3g} {channel_of(row.channel).unit} at {row.max_error_at_s:g} s of "
            f"{row.record}"
            for row in worst.itertuples()
        ]
        lines.append(f"Largest errors of {rows['source'].iloc[0]} on the {set_name} set: {'; '.join(places)}")
        if channels := list(dict.fromkeys(left_out.loc[left_out["set"] == set_name, "channel"])):
            lines.append(
                f"nrmse and correlation of All on the {set_name} set are without {', '.join(channels)}: LAMP's motion "
                "is negligible beside the other angle"
            )
    return lines


def format_report(report: pd.DataFrame) -> str:
    """The error report for the terminal: a block for each set, SimpleCode above the network."""
    lines, shown = [], [name for name in MEASURES if name != "max_error_at_s"]
    headings = "".join(f"{name:>{max(14, len(name) + 2)}}" for name in shown)
    for set_name, block in report.groupby("set", sort=False):
        lines += ["", f"Errors on the {set_name} set", f"{'channel':<16}{'source':<11}{headings}{'mse share':>13}"]
        same_channels = block["source"].value_counts().nunique() == 1
        # In the network's order, as SimpleCode may be without the first one.
        order = block.loc[block["source"] != SIMPLECODE, "channel"].tolist()
        for channel, rows in sorted(block.groupby("channel", sort=False), key=lambda group: order.index(group[0])):
            simple = rows.loc[rows["source"] == SIMPLECODE, "mse"].sum()
            comparable = simple > 0 and (channel != "All" or same_channels)
            for row in rows.itertuples():
                label = channel if channel == "All" else f"{channel} [{channel_of(channel).unit}]"
                share = f"{100 * row.mse / simple:.2f} %" if comparable and row.source != SIMPLECODE else ""
                numbers = "".join(f"{getattr(row, name):>{max(14, len(name) + 2)}.4g}" for name in shown)
                numbers = numbers.replace("nan", "  -")  # undefined, such as the correlation of a constant channel
                lines.append(f"{label:<16}{row.source:<11}{numbers}{share:>13}")
    lines.append("mse, amplitude_mse, peak_mse in the unit squared; nrmse and correlation without unit; 'mse share' is")
    lines.append("the network's mse as a share of SimpleCode's. All: all channels pooled, whatever their units.")
    lines.append(
        f"max_error_inside: without the first 60 s and the last {END_TIME:g} s of each record (at most a quarter)."
    )
    return "\n".join(lines)
