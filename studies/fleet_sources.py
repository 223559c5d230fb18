"""Peaks of the envelope and spectra, of LAMP, of SimpleCode's fleet and of the network's fleet as they are.

Nothing here is corrected by LAMP.

Peaks: above a threshold u that is high enough, the excess of peaks follows the generalized Pareto distribution
P(X > x) = (1 + xi x / sigma)^(-1 / xi) (J. Pickands, Ann. Stat. 3, 1975). Whether u is high enough shows in the shape
xi, which then no longer depends on u.

Spectra: the response amplitude operator is |S_xy| / S_xx with the wave x (the estimate H1, which noise in the motion y
does not bias), over frequencies of encounter. Where the coherence |S_xy|^2 / (S_xx S_yy) is low, the motion does not
follow linearly from the wave at the centre of gravity, and the operator is left out (J. Bendat and A. Piersol, Random
data, 2010, chapter 6).
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from metrics import SIMPLECODE
from studies.fleet_estimates import l_moments
from studies.fleet_tables import LEAST_MOTION, Group, Question, joined
from trust.record_statistics import FREQUENCIES, LAMP, NETWORK, RecordTable

MOST_RECORDS = 1000  # of a group and source
THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95)  # shares of the peaks below
FEWEST_PEAKS = 20
RESAMPLES = 100
MOST_POINTS = 60  # of a curve
LEAST_COHERENCE = 0.6
LEAST_WAVE = 0.01  # of the largest wave spectrum; below, the wave's spectrum is leakage from other frequencies


def by_source(
    lamp: RecordTable, fleet: RecordTable, groups: Sequence[Group]
) -> Iterator[tuple[dict[str, str], RecordTable]]:
    """Yields (sea_state, channel, source) and the rows, for LAMP, SimpleCode's fleet and the network's fleet.

    Channels that do not move are left out.
    """
    for group in groups:
        sources = ((lamp, group.lamp, LAMP), (fleet, group.fleet, SIMPLECODE), (fleet, group.fleet, NETWORK))
        for table, records, source in sources:
            kept = sorted(records)[:: max(1, -(-len(records) // MOST_RECORDS))]
            of_source = (table.rows["source"] == source) & table.rows["record"].isin(kept)
            for channel in table.channels:
                chosen = table.chosen((of_source & (table.rows["channel"] == channel)).to_numpy())
                if (chosen.rows["ssa"] > LEAST_MOTION).any():
                    yield {"sea_state": group.name, "channel": channel, "source": source}, chosen


# ---- peaks ----------------------------------------------------------------------------------------------------------


def pareto_tail(excesses: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """Shape xi and scale sigma from the L-moments of weighted excesses (n,), ascending (Hosking and Wallis, 1987)."""
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


def peak_tables(
    lamp: RecordTable, fleet: RecordTable, groups: Sequence[Group], question: Question
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """`stability` and `curve` of each group, channel and source."""
    tails, curves = [], []
    for about, chosen in by_source(lamp, fleet, groups):
        if np.isfinite(chosen.peaks).any():
            seconds, record = float(chosen.rows["duration_s"].sum()), pd.factorize(chosen.rows["record"])[0]
            asked = question.exposure, question.level, question.seed
            tails.append(stability(chosen.peaks, record, seconds, *asked).assign(**about))
            curves.append(curve(chosen.peaks, seconds).assign(**about))
    return joined(tails), joined(curves)


# ---- spectra --------------------------------------------------------------------------------------------------------


def responses(spectra: np.ndarray, level: float) -> pd.DataFrame:
    """The mean spectrum of records, and the operator of all of them together.

    spectra: (record, 4, FREQUENCIES), see `record_statistics.wave_responses`.
    Returns columns frequency (rad/s), spectrum, lower and upper, between which the spectra of a share `level` of the
    records lie, wave_spectrum, coherence and rao; the last three NaN without a wave.
    """
    own, real, imaginary, wave = spectra.mean(axis=0, dtype=float)
    lower, upper = np.quantile(spectra[:, 0], [(1 - level) / 2, (1 + level) / 2], axis=0)
    cross = np.hypot(real, imaginary)
    with np.errstate(invalid="ignore", divide="ignore"):
        coherence, rao = cross**2 / (own * wave), cross / wave
    rao[~((coherence >= LEAST_COHERENCE) & (wave > LEAST_WAVE * wave.max()))] = np.nan
    columns = {"frequency": FREQUENCIES, "spectrum": own, "lower": lower, "upper": upper}
    return pd.DataFrame(columns | {"wave_spectrum": wave, "coherence": coherence, "rao": rao})


def spectra_table(lamp: RecordTable, fleet: RecordTable, groups: Sequence[Group], level: float) -> pd.DataFrame:
    """`responses` of each group, source and channel; of groups with several sea states there are none."""
    tables = []
    for about, chosen in by_source(lamp, fleet, [group for group in groups if not group.mixed]):
        known = np.isfinite(chosen.spectra[:, :1]).all(axis=(1, 2)) & (chosen.spectra.shape[2] > 0)
        if known.any():
            of_records = pd.Series(list(chosen.spectra[known])).groupby(chosen.rows.loc[known, "record"].to_numpy())
            spectra = np.stack([np.mean(list(networks), axis=0) for _, networks in of_records])
            tables.append(responses(spectra, level).assign(**about))
    return joined(tables)
