"""Peaks of the envelope and spectra, of LAMP, of SimpleCode's fleet and of the network's fleet as they are.

Peaks: above a threshold u that is high enough, the excess of peaks follows the generalized Pareto distribution
P(X > x) = (1 + xi x / sigma)^(-1 / xi), whose shape xi then no longer depends on u (J. Pickands, Ann. Stat. 3, 1975).

Spectra: the response amplitude operator is |S_xy| / S_xx with the wave x (the estimate H1, which noise in the motion y
does not bias), over frequencies of encounter. Where the coherence |S_xy|^2 / (S_xx S_yy) is low, the motion does not
follow linearly from the wave at the centre of gravity, and the operator is left out (J. Bendat and A. Piersol, Random
data, 2010, chapter 6). Segments of T s see 2 pi / T rad/s and lower narrower resonances (docs/fleet.md). Records are
therefore whole segments, averaged over each other; only where they are few, also over neighbouring frequencies.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from scipy.ndimage import uniform_filter1d

from checks.record_statistics import FLEET, FREQUENCIES, LAMP, SEGMENT, SHORTEST_SPECTRUM, TAPERED, RecordTable
from metrics import SIMPLECODE
from studies.fleet_estimates import l_moments
from studies.fleet_tables import LEAST_MOTION, Group, Question, joined

MOST_RECORDS = 1000  # of a group and source
THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95)  # shares of the peaks below
FEWEST_PEAKS = 20
RESAMPLES = 100
MOST_POINTS = 60  # of a curve
LEAST_COHERENCE = 0.6
LEAST_WAVE = 0.01  # of the largest wave spectrum; below, the wave's spectrum is leakage from other frequencies
FEWEST_SEGMENTS = (
    8  # that are averaged, so that no coherence of 0.6 arises by chance (0.4^7 = 0.002 of the frequencies)
)
HANN = 1.5  # noise bandwidth of a Hann window, in 2 pi / T
RESOLVED = 3.0  # resolutions in the width of a peak at 1/sqrt(2) of its height; it is then lowered by less than 6 %


def by_source(records: RecordTable, groups: Sequence[Group]) -> Iterator[tuple[dict[str, str], pd.DataFrame]]:
    """Yields (sea_state, channel, source) and the rows, for LAMP, SimpleCode's fleet and the network's fleet.

    Channels that do not move are left out.
    """
    sources = sorted(records.rows.loc[records.rows["set"] == FLEET, "source"].unique(), key=SIMPLECODE.__ne__)
    for group in groups:
        lamp, fleet = group.split(records.rows)
        for rows, source in ((lamp, LAMP), *((fleet, source) for source in sources)):
            names = sorted(rows["record"].unique())
            names = names[:: max(1, -(-len(names) // MOST_RECORDS))]
            rows = rows[(rows["source"] == source) & rows["record"].isin(names)]
            for channel, of_channel in rows.groupby("channel", sort=False):
                if (of_channel["ssa"] > LEAST_MOTION).any():
                    yield {"sea_state": group.name, "channel": channel, "source": source}, of_channel


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

    peaks: (peak,). record: (peak,), from 0. seconds: duration of all predictions together.
    Returns columns threshold, peaks_above, shape, shape_lower, shape_upper, scale, once, once_lower, once_upper
    (`level_exceeded_once`).
    """
    size, order = int(record.max()) + 1, np.argsort(peaks)
    values, record = peaks[order].astype(float), record[order]
    rng, rows = np.random.default_rng(seed), []
    draws = [np.bincount(rng.integers(size, size=size), minlength=size) for _ in range(RESAMPLES)]
    for share in THRESHOLDS:
        first = int(share * len(values))
        if len(values) - first < FEWEST_PEAKS:
            break
        threshold, tails = values[first - 1], []
        for counts in (np.ones(size), *draws):
            weights = counts[record[first:]].astype(float)
            if weights.sum() >= FEWEST_PEAKS / 2:
                tail = pareto_tail(values[first:] - threshold, weights)
                once = level_exceeded_once(threshold, weights.sum() / seconds, *tail, exposure)
                tails.append(dict(zip(("shape", "scale", "once"), (*tail, once), strict=True)))
        tails = pd.DataFrame(tails)
        row = {"threshold": threshold, "peaks_above": len(values) - first}
        for name, estimate in tails.iloc[0].items():
            lower, upper = np.quantile(tails[name], [(1 - level) / 2, (1 + level) / 2])
            row |= {name: estimate, f"{name}_lower": lower, f"{name}_upper": upper}
        rows.append(row)
    return pd.DataFrame(rows).drop(columns=["scale_lower", "scale_upper"], errors="ignore")


def curve(peaks: np.ndarray, seconds: float) -> pd.DataFrame:
    """Columns level and per_hour, how many peaks (peak,) an hour are above it."""
    values = np.sort(peaks)
    places = np.unique(np.round(len(values) - np.geomspace(1, max(len(values), 1), MOST_POINTS)).astype(int))
    return pd.DataFrame({"level": values[places], "per_hour": (len(values) - places) / seconds * 3600})


def peak_tables(records: RecordTable, groups: Sequence[Group], question: Question) -> tuple[pd.DataFrame, pd.DataFrame]:
    """`stability` and `curve` of each group, channel and source."""
    tails, curves = [], []
    for about, rows in by_source(records, groups):
        peaks = np.concatenate(rows["peaks"].tolist())
        record = np.repeat(pd.factorize(rows["record"])[0], rows["peaks"].map(len))
        record, peaks = record[np.isfinite(peaks)], peaks[np.isfinite(peaks)]
        if len(peaks):
            seconds, asked = float(rows["duration_s"].sum()), (question.exposure, question.level, question.seed)
            tails.append(stability(peaks, record, seconds, *asked).assign(**about))
            curves.append(curve(peaks, seconds).assign(**about))
    return joined(tails), joined(curves)


# ---- spectra --------------------------------------------------------------------------------------------------------


def responses(spectra: np.ndarray, level: float, durations: Sequence[float] = (SEGMENT,)) -> pd.DataFrame:
    """The mean spectrum of records, and the operator of all of them together.

    spectra: (record, 4, FREQUENCIES), see `record_statistics.wave_responses`. durations: of each record or of all, s.
    Returns columns frequency (rad/s, up to the smallest Nyquist frequency), spectrum, lower and upper (between which a
    share `level` of the records would lie if they had the shape of the mean: their ratio to it is taken with the
    resolution of SHORTEST_SPECTRUM s; NaN if less than one record would lie outside), wave_spectrum, coherence, rao
    (the last three NaN without a wave), resolution (rad/s), and lowered: whether the highest peak of the operator is
    too narrow for the resolution, see RESOLVED.
    """
    spectra = spectra[..., np.isfinite(spectra[:, 0]).all(axis=0)].astype(float)
    seconds = min(*durations, SEGMENT)
    segments = np.maximum(1.0, np.broadcast_to(durations, len(spectra)) / SEGMENT).sum()
    # Neighbouring frequencies, 2 pi / seconds apart, make up for segments that are missing.
    bins = 1 if segments >= FEWEST_SEGMENTS else int(np.ceil(HANN * FEWEST_SEGMENTS / segments))
    width = 1 if bins == 1 else round(bins * SEGMENT / seconds)
    spectrum, real, imaginary, wave = uniform_filter1d(spectra.mean(axis=0), width, mode="nearest")
    cross = np.hypot(real, imaginary)
    coarse = uniform_filter1d(spectra[:, 0], round(HANN * SEGMENT / SHORTEST_SPECTRUM), mode="nearest")
    with np.errstate(invalid="ignore", divide="ignore"):
        coherence, raw = cross**2 / (spectrum * wave), cross / wave
        ratios = np.quantile(coarse / coarse.mean(axis=0), [(1 - level) / 2, (1 + level) / 2], axis=0)
    if len(spectra) * (1 - level) < 1 - 1e-9:
        ratios[:] = np.nan  # too few records for one to lie outside of the band
    raw[~(wave > LEAST_WAVE * wave.max())] = np.nan
    rao = np.where(coherence >= LEAST_COHERENCE, raw, np.nan)
    resolution = 2 * np.pi / seconds * (HANN if bins == 1 else bins + 0.5)
    columns = {"frequency": FREQUENCIES[: len(wave)], "spectrum": spectrum}
    columns |= {"lower": spectrum * ratios[0], "upper": spectrum * ratios[1], "wave_spectrum": wave}
    columns |= {"coherence": coherence, "rao": rao, "resolution": resolution}
    return pd.DataFrame(columns | {"lowered": _peak_width(rao, raw) < RESOLVED * resolution})


def _peak_width(rao: np.ndarray, raw: np.ndarray) -> float:
    """Width (rad/s) of an operator's highest peak at 1/sqrt(2) of its height; infinite if it is higher at an end.

    raw: the operator also where the coherence is low, as it is beside a peak that is not resolved.
    """
    if np.isnan(rao).all():
        return np.inf
    peak = int(np.nanargmax(rao))
    below = np.flatnonzero(raw < rao[peak] / np.sqrt(2))
    left, right = below[below < peak], below[below > peak]
    return (right[0] - left[-1]) * FREQUENCIES[0] if len(left) and len(right) else np.inf


def spectra_table(records: RecordTable, groups: Sequence[Group], level: float) -> pd.DataFrame:
    """`responses` of each group, source and channel, with the number of records; of mixed groups there are none.

    Records of less than half the usual length (the median) are left out, as they would lower narrow peaks.
    """
    tables = []
    for about, rows in by_source(records, [group for group in groups if not group.mixed]):
        rows = rows[rows[TAPERED].notna()]
        rows = rows[rows["duration_s"] >= rows["duration_s"].median() / 2]
        if len(rows):
            table = responses(np.stack(rows["spectrum"].tolist()), level, rows["duration_s"])
            # The records' own variance, as tapers count their middles for most.
            table[["spectrum", "lower", "upper"]] *= (rows["ssa"] ** 2 / 4).sum() / rows[TAPERED].sum()
            tables.append(table.assign(records=len(rows), shortest_s=rows["duration_s"].min(), **about))
    return joined(tables)


def resolution_text(table: pd.DataFrame) -> str:
    """The resolutions in a `spectra_table`, for a title."""
    least, most = (f"{number:.2g}" for number in (table["resolution"].min(), table["resolution"].max()))
    return f"resolution {least if least == most else f'{least} to {most}'} rad/s"


def lowered_peaks(table: pd.DataFrame) -> list[str]:
    """A line if the operators of a `spectra_table` have peaks that records of this length and number cannot resolve."""
    if table.empty or not table["lowered"].any():
        return []
    keys = ["sea_state", "source", "channel", "records", "shortest_s", "resolution"]
    cases = table[table["lowered"]].drop_duplicates(keys)
    worst = cases.loc[cases["resolution"].idxmax()]
    return [
        f"{worst['channel']} of {worst['source']} in {worst['sea_state']}: the peak of its response is too narrow for "
        f"a resolution of {worst['resolution']:.2g} rad/s ({worst['records']} records of {worst['shortest_s']:g} s), "
        f"and higher than shown; predict longer{' or more' if worst['records'] < FEWEST_SEGMENTS else ''} records "
        f"({len(cases)} such peaks in fleet_spectra.csv, column lowered)"
    ]
