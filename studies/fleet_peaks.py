"""Peaks of the envelope over thresholds, with a generalized Pareto tail (J. Pickands, Ann. Stat. 3, 1975).

Above a threshold u that is high enough, the excess of peaks follows P(X > x) = (1 + xi x / sigma)^(-1 / xi).
Whether u is high enough shows in the shape xi, which then no longer depends on u. The peaks are those of LAMP, of
SimpleCode's fleet and of the network's fleet as they are: this tail is not corrected by LAMP.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from studies.fleet_extremes import l_moments
from studies.fleet_tables import Group, by_source
from trust.record_statistics import RecordTable

THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95)  # shares of the peaks below
FEWEST_PEAKS = 20
RESAMPLES = 100
MOST_POINTS = 60  # of a curve


def pareto_tail(excesses: np.ndarray, weights: np.ndarray | None = None) -> tuple[float, float]:
    """Shape xi and scale sigma from the L-moments of excesses (n,), ascending (Hosking and Wallis, 1987)."""
    mean, scale, _ = l_moments(excesses, weights)
    k = mean / scale - 2
    return float(-k), float((1 + k) * mean)


def level_exceeded_once(threshold: float, rate: float, shape: float, scale: float, exposure: float) -> float:
    """The level that peaks exceed once on average in an exposure (s). rate: peaks above the threshold in a second."""
    expected = rate * exposure
    growth = np.log(expected) if abs(shape) < 1e-6 else (expected**shape - 1) / shape
    return float(threshold + scale * growth)


def stability(
    peaks: np.ndarray, record: np.ndarray, seconds: float, exposure: float, level: float, seed: int
) -> pd.DataFrame:
    """The tail above each of THRESHOLDS, with intervals from a bootstrap over records.

    peaks: (row, peak), NaN where there is none. record: (row,), from 0, as several networks predict a record.
    seconds: duration of all rows together.
    Returns columns threshold, peaks_above, shape, shape_lower, shape_upper, scale, once, once_lower, once_upper
    (`level_exceeded_once`).
    """
    size, record = int(record.max()) + 1, np.repeat(record, peaks.shape[1])
    order = np.argsort(peaks, axis=None)
    order = order[: np.isfinite(peaks).sum()]  # NaN are sorted to the end
    values, record = peaks.ravel()[order].astype(float), record[order]
    rng, rows = np.random.default_rng(seed), []
    draws = [np.bincount(rng.integers(size, size=size), minlength=size) for _ in range(RESAMPLES)]
    for share in THRESHOLDS:
        first = int(share * len(values))
        if len(values) - first < FEWEST_PEAKS:
            break
        threshold = values[first - 1]
        found = []
        for weights in (np.ones(size), *draws):
            own = weights[record[first:]].astype(float)
            if own.sum() < FEWEST_PEAKS / 2:
                continue
            tail = pareto_tail(values[first:] - threshold, own)
            found.append((*tail, level_exceeded_once(threshold, own.sum() / seconds, *tail, exposure)))
        found = np.array(found)
        lower, upper = np.quantile(found, [(1 - level) / 2, (1 + level) / 2], axis=0)
        rows.append(
            {"threshold": threshold, "peaks_above": len(values) - first}
            | {"shape": found[0, 0], "shape_lower": lower[0], "shape_upper": upper[0], "scale": found[0, 1]}
            | {"once": found[0, 2], "once_lower": lower[2], "once_upper": upper[2]}
        )
    return pd.DataFrame(rows)


def curve(peaks: np.ndarray, seconds: float) -> pd.DataFrame:
    """Columns level and per_hour, how many peaks an hour are above it."""
    values = np.sort(peaks[np.isfinite(peaks)])
    places = np.unique(np.round(len(values) - np.geomspace(1, max(len(values), 1), MOST_POINTS)).astype(int))
    return pd.DataFrame({"level": values[places], "per_hour": (len(values) - places) / seconds * 3600})


def tables(
    lamp: RecordTable, fleet: RecordTable, groups: Sequence[Group], exposure: float, level: float, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """`stability` and `curve` of each group, channel and source."""
    tails, curves = [], []
    for about, chosen in by_source(lamp, fleet, groups):
        if np.isfinite(chosen.peaks).any():
            seconds, record = float(chosen.rows["duration_s"].sum()), pd.factorize(chosen.rows["record"])[0]
            tails.append(stability(chosen.peaks, record, seconds, exposure, level, seed).assign(**about))
            curves.append(curve(chosen.peaks, seconds).assign(**about))
    tails, curves = (pd.concat([part for part in parts if len(part)] or [pd.DataFrame()]) for parts in (tails, curves))
    return tails.reset_index(drop=True), curves.reset_index(drop=True)
