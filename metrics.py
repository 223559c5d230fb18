"""Error measures and statistics of motions: pure functions on arrays.

Series are (rows,), records are (rows, channel), in physical units. A measure over a set pools the rows of all its
records, so that long records weigh more; only ssa_error is a mean over records.
"""

import textwrap
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from settings.channels import channel_of
from settings.description import high_name, in_use, low_name, seconds, signal_word

# Weights of amplitude_mse: mean of e^2 (a + b y^2), as users of the earlier tool know it.
AMPLITUDE_WEIGHTS = (0.1, 0.9)
LINEAR = "Linear filter"
# In the order of the report's columns, see `pooled_errors`.
MEASURES = (
    *("mse", "amplitude_mse", "peak_mse", "rmse", "nrmse", "correlation", "max_error", "ssa_error", "mse_start"),
    *("max_error_inside", "max_error_at_s", "mse_about_mean", "start_share"),
)
# Mean significant single amplitude of LAMP and of the model; behind them all columns of `statistics`.
AMPLITUDES = ("ssa_lamp", "ssa_model")
STATISTICS = (*AMPLITUDES, *(f"{name}_{of}" for name in ("largest", "period") for of in ("lamp", "model")))
STATISTICS += tuple(f"{name}_percent" for name in ("ssa", "largest", "period"))
ABOUT_MEANS = "Percentages of {}, whose mean is removed, are about the error's mean over each record: no offset counts."
# s, at the end of a record, about a period of encounter: what a network looks ahead is missing there.
END_TIME = 10.0
START_TIME = 60.0  # s, of the measure mse_start
# The start is named if it holds more of the squared error, and that many times its share of the rows: where the sources
# begin in different states, or where waves are ramped up and a network is good everywhere else.
START_SHARE, START_WEIGHT = 1 / 2, 3.0
# Sea states are named if a quarter of at least so many hold three quarters of the squared error.
FEWEST_SEA_STATES, FEW_SEA_STATES, MOST_OF_ERROR = 8, 1 / 4, 3 / 4
# Distance of a mean kurtosis from 3: that of four records of 600 s of Gaussian roll (damping 0.05 at 0.6 rad/s) is
# within it in 99 of 100 cases, that of a single one in 81.
NEAR_GAUSSIAN = 0.6
# A channel is negligible beside another one of the same unit: below the first share of its standard deviation, or below
# the second one and LEAST_ANGLE (deg), as roll in head seas and pitch in beam seas. Its relative errors mean nothing.
NEGLIGIBLE_SHARES = (0.02, 0.2)
LEAST_ANGLE = 0.1
DEGREES = {"deg": 1.0, "rad": 180 / np.pi, "mrad": 0.18 / np.pi}


class Motions(NamedTuple):
    """A record's motions from the three sources, each (rows, channel)."""

    lamp: np.ndarray
    simple: np.ndarray
    network: np.ndarray


def references() -> tuple[str, str]:
    """The sources beside the network."""
    return low_name(), LINEAR


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


def zero_upcrossing_period(centred: np.ndarray, step: float) -> np.ndarray:
    """(series,): mean time (s) between upcrossings of the mean; NaN with fewer than two. centred: (series, rows)."""
    above = centred >= 0
    crossings = [np.flatnonzero(row) for row in above[:, 1:] > above[:, :-1]]
    means = [np.ptp(places) / (len(places) - 1) if len(places) > 1 else np.nan for places in crossings]
    return step * np.array(means)


def single_amplitudes(centred: np.ndarray, channel: str = "") -> np.ndarray:
    """(amplitude,): the largest distance from zero between each two neighbouring zero crossings of a series (rows,).

    Of a channel, only those to the side that counts.
    """
    begins, extremes = 1 + np.flatnonzero(np.diff(centred >= 0)), channel_of(channel).extremes
    amplitudes = np.maximum.reduceat(np.abs(centred), begins)[:-1] if len(begins) > 1 else np.zeros(0)
    return amplitudes if extremes == "both" else amplitudes[(centred[begins[:-1]] >= 0) == (extremes == "up")]


def kurtosis(centred: np.ndarray) -> np.ndarray:
    """(...,): mean of x^4 over the squared mean of x^2 of series (..., rows), 3 of a Gaussian process; NaN of zeros."""
    squared = centred**2
    variance = squared.mean(axis=-1)
    return (squared**2).mean(axis=-1) / np.where(variance > 0, variance, np.nan) ** 2


def rayleigh(
    levels: np.ndarray, deviations: np.ndarray, amplitudes: np.ndarray, kurtoses: np.ndarray
) -> np.ndarray | None:
    """(level,): how many single amplitudes of narrow-banded Gaussian records are above levels; None if these are not
    near Gaussian, their mean kurtosis, weighed by their amplitudes, being further from 3 than NEAR_GAUSSIAN.

    Longuet-Higgins 1952: exp(-x^2 / (2 sigma^2)) in each record. deviations: (record,), sigma. amplitudes: (record,),
    how many each has. kurtoses: (record,).
    """
    moves = (deviations > 0) & (amplitudes > 0)
    if not moves.any() or abs(np.average(kurtoses[moves], weights=amplitudes[moves]) - 3) > NEAR_GAUSSIAN:
        return None
    return amplitudes[moves] @ np.exp(-((levels / deviations[moves, None]) ** 2) / 2)


def running_mean(values: np.ndarray, span: int) -> np.ndarray:
    """Mean over `span` steps to either side of each step, over those that exist at the ends.

    values: (rows,). Returns (rows,). NaN are left out of the mean; where there is nothing but NaN it is NaN.
    """
    return pd.Series(values).rolling(2 * span + 1, min_periods=1, center=True).mean().to_numpy()


def magnitudes(series: np.ndarray, channel: str) -> np.ndarray:
    """`sided` series (rows,), about the record's own mean if the channel's is "removed"; NaN where it is not finite."""
    series = np.where(np.isfinite(series), series, np.nan)
    has_mean = channel_of(channel).mean == "removed" and not np.isnan(series).all()
    return sided(series - np.nanmean(series) if has_mean else series, channel)


def sided(departures: np.ndarray, channel: str) -> np.ndarray:
    """(...,): |departures|, or if only those "up" or "down" count by the channel's extremes, how far they go there.

    Those to the other side are negative then.
    """
    extremes = channel_of(channel).extremes
    return np.abs(departures) if extremes == "both" else departures if extremes == "up" else -departures


def rows_around_largest(time: np.ndarray, values: np.ndarray, duration: float) -> slice:
    """Rows of the duration (s) around the largest departure from the mean, moved to lie within the record.

    time: (rows,) s. values: (rows,), NaN left out.
    """
    peak = time[np.nanargmax(np.abs(values - np.nanmean(values)))]
    start = min(max(peak - duration / 2, time[0]), max(time[-1] - duration, time[0]))
    first, last = np.searchsorted(time, [start, start + duration], side="left")
    return slice(int(first), int(min(last + 1, time.size)))


def record_maxima(motions: np.ndarray, channels: Sequence[str]) -> np.ndarray:
    """(channel,): the largest magnitude of each channel of a record (rows, channel); NaN where there is no number.

    0 of a channel that never goes to the side that counts.
    """
    columns = [magnitudes(series, channel) for series, channel in zip(motions.T, channels, strict=True)]
    return np.maximum(np.fmax.reduce(np.array(columns), axis=1), 0.0)


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

    y, p: LAMP's and a model's series (rows,). start_rows: rows in START_TIME. time: (rows,) s.
    """
    both = np.array([y, p], float)
    y, p = both
    squared = (p - y) ** 2
    a, b = AMPLITUDE_WEIGHTS
    peaks = squared[turning_points(y)]
    means = both.mean(axis=1)
    motion = both - means[:, None]
    quarter = len(y) // 4
    end = len(y) if time is None else np.searchsorted(time, time[-1] - seconds(END_TIME), side="right")
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
        "periods": zero_upcrossing_period(motion, np.nan if time is None else np.ptp(time) / max(len(time) - 1, 1)),
        # Of y and p; products about the record's own means, as sums of raw squares would cancel if a mean is large.
        "means": means,
        "products": (motion[:, None] * motion).sum(axis=2),
        "about_mean": ((motion[1] - motion[0]) ** 2).sum(),
        "least": both.min(axis=1),
        "most": both.max(axis=1),
    }


def pooled_errors(records: Sequence[Sums]) -> dict[str, float]:
    """MEASURES of one channel over a set, from the `record_sums` of its records.

    y is LAMP's series, p the model's, e = p - y.

    mse: mean of e^2.
    amplitude_mse: mean of e^2 (0.1 + 0.9 y^2), which weighs large motions, the earlier tool's objective 1.
    peak_mse: mean of e^2 at the turning points of y; 0 where y has none.
    rmse: sqrt(mse). nrmse: rmse over the standard deviation of y over the set; NaN where y is constant.
    correlation: Pearson's, cov(y, p) / sqrt(var(y) var(p)); NaN where y or p is constant.
    max_error: largest |e|, max_error_at_s after the start of its record; max_error_inside: without START_TIME at the
        start and END_TIME at the end, of short records at most a quarter each.
    ssa_error: mean over the records of |SSA(p) - SSA(y)|, SSA being the significant single amplitude.
    mse_start: mean of e^2 over the START_TIME of each record; NaN where all of that is transient.
    mse_about_mean: mean of (e - mean of e over the record)^2, in which a constant offset does not count.
    start_share: share of the sum of e^2 in the START_TIME of the records; 0 without an error.
    deviation: standard deviation of y over the set; 0 where y is constant.
    """
    sums = {name: np.stack([record[name] for record in records], axis=-1) for name in records[0]}
    rows, peaks, start_rows = (sums[name].sum() for name in ("rows", "peaks", "start_rows"))
    mse = sums["squared"].sum() / rows
    # A record's products about the set's means are those about its own, and those of the means' distances.
    distances = sums["means"] - (sums["means"] * sums["rows"]).sum(axis=1, keepdims=True) / rows
    products = (sums["products"] + sums["rows"] * (distances[:, None] * distances)).sum(axis=2)
    # Compared exactly, as rounding of the mean can leave the standard deviation just above zero.
    varies = sums["least"].min(axis=1) != sums["most"].max(axis=1)
    deviation, variances = np.sqrt(products[0, 0] / rows) if varies[0] else 0.0, products[0, 0] * products[1, 1]
    correlation = np.nan
    if varies.all() and variances > 0:
        # Rounding can push the quotient beyond its bounds.
        correlation = np.clip(products[0, 1] / np.sqrt(variances), -1.0, 1.0)
    ssa_lamp, ssa_model = sums["amplitudes"]
    errors = {
        "mse": mse,
        "amplitude_mse": sums["weighted"].sum() / rows,
        "peak_mse": sums["at_peaks"].sum() / peaks if peaks else 0.0,
        "rmse": np.sqrt(mse),
        "nrmse": np.sqrt(mse) / deviation if deviation > 0 else np.nan,
        "correlation": correlation,
        "max_error": np.sqrt(sums["largest"].max()),
        "ssa_error": np.abs(ssa_model - ssa_lamp).mean(),
        "mse_start": sums["start"].sum() / start_rows if start_rows else np.nan,
        "max_error_inside": np.sqrt(sums["largest_inside"].max()),
        "max_error_at_s": sums["largest_at"][sums["largest"].argmax()],
        "mse_about_mean": sums["about_mean"].sum() / rows,
        "start_share": sums["start"].sum() / (mse * rows) if mse else 0.0,
        "deviation": deviation,
    }
    return {name: float(value) for name, value in errors.items()}


def statistics(sums: Sums, channel: str) -> dict[str, float]:
    """STATISTICS of a record: single significant amplitude, largest magnitude (see `magnitudes`) and mean
    zero-upcrossing period (s) of LAMP and of the model, and the model's difference in percent of LAMP's.
    """
    middle = sums["means"] if channel_of(channel).mean == "removed" else 0.0
    largest = np.maximum(sided(sums["most"] - middle, channel), sided(sums["least"] - middle, channel)).clip(0.0)
    values = np.array([sums["amplitudes"], largest, sums["periods"]])
    lamp, model = values.T
    percent = 100 * (model - lamp) / np.where(lamp > 0, lamp, np.nan)
    return dict(zip(STATISTICS, [*values.ravel().tolist(), *percent.tolist()], strict=True))


# ---- reports ----------------------------------------------------------------------------------------------------

ChannelSums = Sequence[Sums | None]  # `record_sums` of each channel; None if the model does not have it
SetSums = Mapping[str, Sequence[Sequence[ChannelSums]]]  # by set, `model_sums`


def model_sums(
    motions: Sequence[np.ndarray], start_rows: int = 0, time: np.ndarray | None = None
) -> tuple[ChannelSums, ...]:
    """The sums of SimpleCode, the network and, if it is there, the linear filter for a record.

    motions: (rows, channel) of LAMP and these. start_rows, time: as in `record_sums`.
    """
    lamp, *models = motions
    rows = start_rows, time
    return tuple(
        [None if np.isnan(p).any() else record_sums(y, p, *rows) for y, p in zip(lamp.T, model.T, strict=True)]
        for model in models
    )


def error_rows(
    records: Sequence[ChannelSums], channels: Sequence[str], deviations: Mapping[str, float] | None = None
) -> list[dict]:
    """MEASURES of each channel that the model has in all records, and of all channels together.

    Those of a channel are followed by the `statistics` of the last record.

    The row "All" pools the elements of all channels, whatever their units, as the earlier tool did, for mse,
    amplitude_mse, rmse and (weighted by each channel's number of peaks) peak_mse; it has the mean over the channels of
    nrmse, correlation and ssa_error, without those that are NaN, and the largest max_error and max_error_inside.
    deviations: by which the errors of each channel are divided in that row, as kN and m cannot be pooled, see
    `_deviations`.
    """
    has = {name: sums for name, sums in zip(channels, zip(*records, strict=True), strict=True) if None not in sums}
    if not has:
        return []
    rows = []
    for channel, sums in has.items():
        errors = pooled_errors(sums)
        errors = {name: errors[name] for name in MEASURES}
        rows.append({"channel": channel, **errors, **statistics(sums[-1], channel)})
    peaks = [sum(record["peaks"] for record in sums) for sums in has.values()]
    pooled = rows if deviations is None else [_relative(row, deviations[row["channel"]]) for row in rows]
    numbers = {name: [row[name] for row in pooled if not np.isnan(row[name])] for name in MEASURES}
    everything = {name: float(np.mean(values)) if values else np.nan for name, values in numbers.items()}
    at_peaks = sum(row["peak_mse"] * count for row, count in zip(pooled, peaks, strict=True) if count)
    everything |= {"peak_mse": at_peaks / max(sum(peaks), 1), "rmse": float(np.sqrt(everything["mse"]))}
    everything |= {name: max(numbers[name], default=np.nan) for name in ("max_error", "max_error_inside")}
    everything["max_error_at_s"] = max(pooled, key=lambda row: np.nan_to_num(row["max_error"]))["max_error_at_s"]
    return [*rows, {"channel": "All", **everything}]


def _relative(row: Mapping[str, float], deviation: float) -> dict[str, float]:
    """MEASURES of a channel divided by its deviation, or the square of it; NaN of a constant channel."""
    d = deviation or np.nan
    a, _ = AMPLITUDE_WEIGHTS
    squares = {name: row[name] / d**2 for name in ("mse", "peak_mse", "mse_start", "mse_about_mean")}
    squares["amplitude_mse"] = a * squares["mse"] + (row["amplitude_mse"] - a * row["mse"]) / d**4
    return {**row, **squares, **{name: row[name] / d for name in ("max_error", "max_error_inside", "ssa_error")}}


def _deviations(records: Sequence[Sequence[ChannelSums]], channels: Sequence[str]) -> dict[str, float] | None:
    """By channel, LAMP's standard deviation over a set, 0 of a constant one; None if all channels are the ship's own.

    Those are pooled in their units, as the earlier tool did. records: `model_sums`.
    """
    if not set(channels) & set(in_use().names):
        return None
    deviations = {}
    for source in zip(*records, strict=True):
        for channel, sums in zip(channels, zip(*source, strict=True), strict=True):
            if None not in sums:
                deviations[channel] = pooled_errors(sums)["deviation"]
    return deviations


def _rows_of_models(
    records: Sequence, channels: Sequence[str], network: str, deviations: Mapping[str, float] | None
) -> list[dict]:
    """`error_rows` of SimpleCode, the network and the linear filter; none without records. records: `model_sums`."""
    models = zip((low_name(), network, LINEAR), zip(*records, strict=True), strict=False)
    return [{"source": source} | row for source, sums in models for row in error_rows(sums, channels, deviations)]


def error_report(results: SetSums, channels: Sequence[str], network: str = "LSTM") -> pd.DataFrame:
    """Errors of SimpleCode, the network and the linear filter, if it is there, against LAMP over each set.

    results: the `model_sums` of each set (train, val, test); empty sets are left out of the report.
    channels: names of the channels. network: name of the network.
    Returns columns set, source, channel, then MEASURES. In nrmse and correlation of the row All no channel counts that
    is `negligible`.
    """
    rows = [
        {"set": name} | row
        for name, records in results.items()
        for row in _rows_of_models(records, channels, network, _deviations(records, channels))
    ]
    return _without_negligible(pd.DataFrame(rows, columns=["set", "source", "channel", *MEASURES]))


def error_by_record(
    results: SetSums,
    names: Mapping[str, Sequence[tuple[str, str, str]]],
    channels: Sequence[str],
    network: str = "LSTM",
) -> pd.DataFrame:
    """The same for each record separately, with columns record and handle, and at the end STATISTICS and digest.

    names: (record, handle, digest) of each.
    """
    deviations = {name: _deviations(records, channels) for name, records in results.items()}
    rows = [
        {"set": set_name, "record": record, "handle": handle, "digest": digest} | row
        for set_name, records in results.items()
        for (record, handle, digest), models in zip(names[set_name], records, strict=True)
        for row in _rows_of_models([models], channels, network, deviations[set_name])
    ]
    columns = ["set", "record", "handle", "source", "channel", *MEASURES, *STATISTICS, "digest"]
    return _without_negligible(pd.DataFrame(rows, columns=columns))


def lamp_deviation(report: pd.DataFrame) -> pd.Series:
    """(row,): LAMP's standard deviation, 0 of a constant channel; NaN where it is not known, as there is no error."""
    return (report["rmse"] / report["nrmse"].where(report["nrmse"] > 0)).where(report["nrmse"].notna(), 0.0)


def negligible(report: pd.DataFrame) -> pd.Series:
    """(row,): whether LAMP hardly moves in the channel over the set or record, see NEGLIGIBLE_SHARES.

    report: see `error_report`, or `error_by_record`.
    """
    in_degrees = [DEGREES.get(channel_of(name).unit, np.nan) for name in report["channel"]]
    angles = report.assign(angle=lamp_deviation(report) * in_degrees)
    largest = angles.groupby([*_keys(report), "source"])["angle"].transform("max")
    least, less = (angles["angle"] < share * largest for share in NEGLIGIBLE_SHARES)
    return least | (less & (angles["angle"] < LEAST_ANGLE))


def _keys(report: pd.DataFrame) -> list[str]:
    """The columns that say what each row of a report is about, but for source and channel."""
    return [name for name in ("set", "record") if name in report]


def _without_negligible(report: pd.DataFrame) -> pd.DataFrame:
    """The report with nrmse and correlation of the rows All taken from the channels that are not `negligible`."""
    keys, relative = [*_keys(report), "source"], ["nrmse", "correlation"]
    is_all = report["channel"] == "All"
    means = report[~is_all & ~negligible(report)].groupby(keys)[relative].mean()
    report.loc[is_all, relative] = means.reindex(pd.MultiIndex.from_frame(report.loc[is_all, keys])).to_numpy()
    return report


def mse_share(report: pd.DataFrame, measure: str = "mse") -> pd.Series:
    """(row,): the mse as a share of SimpleCode's; NaN where SimpleCode has no error, and in All over other channels.

    measure: "mse_about_mean" for the share about the mean.
    """
    keys = _keys(report)
    simple = report[(report["source"] == low_name()) & (report[measure] > 0)].set_index([*keys, "channel"])[measure]
    simple = simple.reindex(pd.MultiIndex.from_frame(report[[*keys, "channel"]])).to_numpy()
    channels = report.assign(channels=report.groupby([*keys, "source"])["channel"].transform("size"))
    differ = channels.groupby(keys)["channels"].transform("nunique") > 1
    return (report[measure] / simple).mask((report["channel"] == "All") & differ)


def counted_mse(report: pd.DataFrame) -> pd.Series:
    """(row,): the mse, of channels that the user describes and whose mean is removed that about the error's mean."""
    return report["mse"].mask(report["channel"].isin(_about_mean()), report.get("mse_about_mean", report["mse"]))


def _about_mean() -> list[str]:
    """The channels whose errors count about their own mean; of the ship's own an offset is an error."""
    return [channel.name for channel in in_use().channels if channel.mean == "removed"]


def worse_than_simplecode(by_record: pd.DataFrame) -> list[str]:
    """A line for each set and channel in which the network's error exceeds SimpleCode's in a record.

    Where SimpleCode has no error, such as in roll in head seas, and where LAMP's motion is `negligible`, nothing is
    compared.
    """
    counts, lines = by_record.groupby("set")["record"].nunique(), []
    counting = ~negligible(by_record) & (by_record["channel"] != "All") & ~by_record["source"].isin(references())
    shares = mse_share(by_record.assign(mse=counted_mse(by_record)))
    compared = by_record.assign(ratio=np.sqrt(shares))[counting].query("ratio > 1")
    for (set_name, channel, network), worse in compared.groupby(["set", "channel", "source"], sort=False):
        worst = worse.loc[worse["ratio"].idxmax()]
        lines.append(
            f"{network} is worse than {low_name()} in {channel} in {len(worse)} of {counts[set_name]} records of the "
            f"{set_name} set, most in {worst['record']}: {worst['ratio']:.3g} times its rms error"
        )
    return lines


def remarks(report: pd.DataFrame, by_record: pd.DataFrame) -> list[str]:
    """A line for each set on the network's largest errors and where they are, and on channels that are `negligible`."""
    lines, left_out = [], report[negligible(report)]
    for set_name, rows in by_record[~by_record["source"].isin(references())].groupby("set", sort=False):
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
                f"Percentages of {', '.join(channels)} on the {set_name} set are left out: {high_name()}'s "
                f"{signal_word()} is negligible beside the other angle"
            )
    return lines


def sea_state_remarks(by_record: pd.DataFrame, network: str) -> list[str]:
    """A line for each channel of val and test in which few sea states hold most of the network's squared error.

    Records count alike, whatever their length.

    by_record: see `error_by_record`, with a further column state: a `SeaState`, or None.
    """
    unseen = (by_record["set"] != "train") & (by_record["channel"] != "All")
    ours = by_record[unseen & (by_record["source"] == network)].dropna(subset=["mse", "state"])
    lines = []
    for (set_name, channel), rows in ours.groupby(["set", "channel"], sort=False):
        sums = rows.groupby("state")["mse"].sum().sort_values(ascending=False, kind="stable")
        shares = sums.cumsum() / sums.sum()
        few = int((shares < MOST_OF_ERROR).sum()) + 1
        if len(shares) < FEWEST_SEA_STATES or few > FEW_SEA_STATES * len(shares) or not sums.sum() > 0:
            continue
        named = "; ".join(
            f"{s.heading:g} deg, {s.height:g} m, {s.period:g} s, {s.speed:g} knots" for s in sums.index[:few]
        )
        lines.append(
            f"Of the squared error of {network} in {channel_of(channel).word} on the {set_name} set, "
            f"{few} of {len(shares)} sea states hold {100 * shares.iloc[few - 1]:.0f} %: {named}; {high_name()} runs "
            "in these and similar ones lower it most"
        )
    return lines


def large_starts(report: pd.DataFrame, network: str) -> pd.DataFrame:
    """The network's rows of an `error_report` in which the records' start holds much of the error, see START_SHARE.

    With a column of_rows: the start's share of the rows.
    """
    is_ours = (report["source"] == network) & (report["channel"] != "All") & (report["nrmse"] > 0)
    ours = report[is_ours & ~negligible(report)]
    ours = ours.assign(of_rows=ours["start_share"] * ours["mse"] / ours["mse_start"])
    return ours[ours["start_share"] > np.fmax(START_SHARE, START_WEIGHT * ours["of_rows"])]


def start_remarks(report: pd.DataFrame, network: str) -> list[str]:
    """A line for each set that has `large_starts`."""
    duration, lines = f"{seconds(START_TIME):.3g}", []
    for set_name, rows in large_starts(report, network).groupby("set", sort=False):
        found = ", ".join(f"{100 * row.start_share:.0f} % in {row.channel}" for row in rows.itertuples())
        lines.append(
            f"Of the squared error of {network} on the {set_name} set, the first {duration} s of the records hold "
            f"{found}, though {100 * rows['of_rows'].iloc[-1]:.0f} % of the rows: waves are ramped up there, or the "
            f"sources begin in different states; transient_time = {duration} leaves them out"
        )
    return lines


def readable(report: pd.DataFrame) -> pd.DataFrame:
    """What a reader asks first of an `error_report`, with a block for each set, and in it one for each channel.

    Returns columns set, channel and source (SimpleCode, the linear filter, the network); rms error and largest error in
    the channel's unit; the root of `counted_mse` in percent of LAMP's standard deviation over the set; the mean error
    of a record's significant single amplitude in percent of twice that, both NaN of a motion that is `negligible`; and
    the correlation, with the digits that say something.
    """
    report = report[report["channel"] != "All"]
    ours = report[~report["source"].isin(references())]
    # In the network's order, as SimpleCode may be without the first channel.
    order = {"set": report["set"], "channel": [*ours["channel"], *report["channel"]]}
    order["source"] = [*references(), *ours["source"]]
    rows = report.assign(**{name: pd.Categorical(report[name], dict.fromkeys(names)) for name, names in order.items()})
    deviations = rows.assign(deviation=lamp_deviation(report)).groupby(["set", "channel"], observed=True)["deviation"]
    percent = (100.0 / deviations.transform("max").replace(0.0, np.nan)).where(~negligible(report))
    counted = counted_mse(report)
    columns = {
        "rms error": rows["rmse"],
        percent_column(): percent * rows["rmse"].where(counted == rows["mse"], np.sqrt(counted)),
        "SSA, % off": percent * rows["ssa_error"] / 2,
        "correlation": rows["correlation"].map(_correlation),
        "max error": rows["max_error"],
    }
    return rows[[*order]].assign(**columns).sort_values([*order], ignore_index=True).astype(dict.fromkeys(order, str))


def _correlation(value: float) -> str:
    """With the first digits of its distance from 1, at least two: 0.93, 0.989, 0.9994; a dash for NaN."""
    if np.isnan(value):
        return "-"
    digits = max(2, int(np.ceil(-np.log10(max(1.0 - abs(value), 1e-9) / 2))))
    return np.format_float_positional(value, digits, trim="-")


def percent_column() -> str:
    """The column of `readable` with the rms error in percent of the accurate source's standard deviation."""
    return f"% of {high_name()}"


def about_errors() -> str:
    """What the columns of `readable` are."""
    return (
        f"rms error: root mean squared error, in the unit and in percent of the standard deviation of {high_name()}'s "
        f"{signal_word()} over the set. SSA: significant single amplitude of a record, twice its standard deviation; "
        "its mean error is in percent of twice the deviation over the set."
    )


def motion_label(channel: str) -> str:
    """The motion in words, with its unit."""
    return f"{channel_of(channel).heading} [{channel_of(channel).unit}]"


def format_report(report: pd.DataFrame) -> str:
    """The error report for the terminal, at most 100 columns wide: `readable` with a block for each set."""
    lines = []
    for set_name, block in readable(report).groupby("set", sort=False):
        labels = block.pop("channel").map(motion_label)
        block.insert(0, signal_word(), labels.mask(labels.duplicated(), ""))
        texts = block.drop(columns="set").map(lambda value: value if isinstance(value, str) else f"{value:.3g}")
        rows = [list(texts), *texts.replace("nan", "-").to_numpy().tolist()]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        forms = [f"{'<' if column < 2 else '>'}{width}" for column, width in enumerate(widths)]
        lines += ["", f"Errors against {high_name()} on the {set_name} set"]
        lines += ["  ".join(map(format, row, forms)) for row in rows]
    about_mean = [name for name in report["channel"].unique() if name in _about_mean()]
    about = f"{about_errors()} {ABOUT_MEANS.format(', '.join(about_mean))}" if about_mean else about_errors()
    return "\n".join([*lines, *textwrap.wrap(about, 100)])
