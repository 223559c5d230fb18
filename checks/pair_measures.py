"""Measures how the two sources and the waves of a realization agree: pure functions on arrays.

All three follow from the same waves, so that each is nearly a linear filter of the others. The share of one that a
linear filter of another explains (their coherence) is close to 1 in any sea state, and close to 0 for different
realizations.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from metrics import segment_spectra
from settings.channels import HEAVE, PITCH

SEGMENT = 60.0  # s, the longest segment of the spectra
SHORTEST_SEGMENT = 20.0  # s; coherence is not computed for shorter segments
NUM_SEGMENTS = 6  # at least, before their overlap
SEARCHED_LAG = 20.0  # s
PEAKS_ALIKE = 0.1  # difference of correlation
STANDS_STILL = 1e-9  # m or deg; squares of smaller motions vanish, and what is divided by them overflows
SLOWEST = 0.15  # rad/s; below it the slow part of a signal is drift
STARTING = 30.0  # s at the beginning during which the ship may be at rest
NOISE = 0.1  # of a standard deviation, within which a signal may cross its mean many times
CHANCE_SHIFTS = 1 / 3, 1 / 2, 2 / 3  # of a record, by which a source shifted has no more to do with the other


@np.errstate(
    divide="ignore", invalid="ignore", over="ignore"
)  # where a signal is constant or SimpleCode does not have it
def measure(
    time: np.ndarray, simple: np.ndarray, lamp: np.ndarray, wave: np.ndarray | None, channels: Sequence[str]
) -> dict[str, float]:
    """Measures of how the signals of a realization agree.

    The durations above hold for a ship at full scale; for others time and signals are given in natural units, see
    `in_units`.

    Args:
        time: (rows,) s. simple, lamp: (rows, channel), NaN in a channel that SimpleCode does not have.
        wave: (rows,) m, elevation at the centre of gravity, None where it is no input.

    Returns:
        seconds; gap, the longest time step (s; 0 if all are equal), and gap_at.
        For each channel: std_sc, std_lamp, ratio (LAMP's over SimpleCode's), offset of the means, correlation without
        lag, lag (s, LAMP behind SimpleCode) and peak, the correlation there, gain (ratio times peak), fit (the share of
        LAMP that a linear filter of SimpleCode explains); exchanged_A_B, by how much the correlations across channels A
        and B exceed those within them, 0 if they do not at the best lags; spike_*, spike_at_* and straight_* of each
        signal (see `roughness`).
        Overall: fit of the best channel; wave_fit_sc and wave_fit_lamp, the share of the waves that the best
        channel explains; wave_lag (s, behind the waves) and wave_gain of each source's first channel; lag, peak and
        correlation of heave and pitch together (see `common_lag`); lifted and lift of each source (see `lifted_by`).
        NaN where nothing can be compared.
    """
    steps = np.diff(time)
    step, widest = float(np.median(steps)), int(steps.argmax())
    gap = float(steps[widest]) if steps[widest] > 1.5 * step else 0.0
    row = {"seconds": float(time[-1] - time[0]), "gap": gap, "gap_at": float(time[widest])}
    names = [f"{name}_{source}" for source in ("sc", "lamp") for name in channels] + ["wave"] * (wave is not None)
    signals = np.column_stack([simple, lamp, np.full(len(time), np.nan) if wave is None else wave]).astype(float)
    for name, signal in zip(names, signals.T, strict=False):
        row[f"std_{name}"] = float(np.std(signal)) if np.ptp(signal) > STANDS_STILL else 0.0
        row[f"spike_{name}"], row[f"spike_at_{name}"], row[f"straight_{name}"] = roughness(time, signal)
    return row | _agreement(signals, step, channels, row)


def in_units(time: float, sizes: Mapping[str, float], wave: float) -> dict[str, float]:
    """The natural unit of each measure of `measure` that has one, by its name.

    time: natural unit of time, s. sizes: those of the channels, by name. wave: that of the elevation, m.
    """
    times = ["seconds", "gap", "gap_at", "lag", "wave_lag_sc", "wave_lag_lamp", *(f"lag_{name}" for name in sizes)]
    signals = {f"{name}_{source}": size for name, size in sizes.items() for source in ("sc", "lamp")} | {"wave": wave}
    times += [f"{of}_{signal}" for of in ("spike_at", "straight") for signal in signals]
    amounts = {f"std_{signal}": size for signal, size in signals.items()}
    amounts |= {f"offset_{name}": size for name, size in sizes.items()}
    gains = dict.fromkeys(["wave_gain_sc", "wave_gain_lamp"], next(iter(sizes.values())) / wave)
    return dict.fromkeys(times, time) | amounts | gains


def size_of(*signals: np.ndarray) -> float:
    """The standard deviation of the first signal (rows,) that moves; else the largest value, or 1."""
    largest = [float(np.nanmax(np.abs(signal), initial=0.0)) for signal in signals]
    moving = [signal for signal, most in zip(signals, largest, strict=True) if np.ptp(signal) > 1e-6 * most]
    return float(np.std(moving[0] / max(largest))) * max(largest) if moving else max(largest) or 1.0


def period_of(signals: np.ndarray, step: float) -> float:
    """The mean period (s) of signals (rows, signal), the median over these; NaN if none swings about its mean twice.

    Crossings of the mean within NOISE do not count.
    """
    periods = []
    for signal in (signals - signals.mean(axis=0)).T:
        signs = np.sign(signal[np.abs(signal) > NOISE * signal.std()])
        crossings = np.count_nonzero(np.diff(signs))
        periods += [2 * step * len(signal) / crossings] if crossings >= 4 else []
    return float(np.median(periods)) if periods else np.nan


@np.errstate(divide="ignore", invalid="ignore", over="ignore")
def fit_by_chance(simple: np.ndarray, lamp: np.ndarray, step: float) -> float:
    """The `fit` of `measure` that signals (rows, channel) with these spectra have in different realizations."""
    count = simple.shape[1]
    shares = [
        coherences(np.column_stack([simple, np.roll(lamp, int(shift * len(lamp)), axis=0)]), step)
        for shift in CHANCE_SHIFTS
    ]
    return float(np.fmax.reduce([share[range(count), range(count, 2 * count)] for share in shares], axis=None))


def _agreement(
    signals: np.ndarray, step: float, channels: Sequence[str], of_signals: dict[str, float]
) -> dict[str, float]:
    """The measures of `measure` that compare signals: SimpleCode's, LAMP's, and the wave in the last column."""
    row, count = {}, len(channels)
    moves = np.ptp(signals, axis=0) > np.maximum(1e-6 * np.abs(signals).max(axis=0), STANDS_STILL)  # False for NaN
    fits, zero = coherences(signals, step), np.corrcoef(signals, rowvar=False)
    zero[~moves], zero[:, ~moves] = np.nan, np.nan

    def lag_and_peak(first: int, second: int) -> tuple[float, float]:
        both = moves[first] and moves[second]
        return best_lag(signals[:, first], signals[:, second], step) if both else (np.nan, np.nan)

    for k, name in enumerate(channels):
        lag, peak = lag_and_peak(k, count + k)
        ratio = np.nan if np.isnan(peak) else of_signals[f"std_{name}_lamp"] / of_signals[f"std_{name}_sc"]
        row |= {
            f"ratio_{name}": ratio,
            f"offset_{name}": float(np.mean(signals[:, count + k]) - np.mean(signals[:, k])),
            f"correlation_{name}": zero[k, count + k],
            f"lag_{name}": lag,
            f"peak_{name}": peak,
            f"gain_{name}": ratio * peak,
            f"fit_{name}": fits[k, count + k],
        }
    row["fit"] = float(np.fmax.reduce(fits[range(count), range(count, 2 * count)]))  # NaN if all are
    for i in range(count):
        for j in range(i):
            within = max(abs(zero[i, count + i]), abs(zero[j, count + j]))
            across = min(abs(zero[i, count + j]), abs(zero[j, count + i])) - within
            if across > 0:  # a lag that both channels have is no exchange
                _, same, _ = common_lag(signals[:, [i, j]], signals[:, [count + i, count + j]], step)
                _, other, _ = common_lag(signals[:, [i, j]], signals[:, [count + j, count + i]], step)
                across = across if other > same else 0.0
            row[f"exchanged_{channels[j]}_{channels[i]}"] = across
    for first, source in ((0, "sc"), (count, "lamp")):
        lag, peak = lag_and_peak(-1, first)
        row[f"wave_fit_{source}"] = float(np.fmax.reduce(fits[first : first + count, -1]))
        row[f"wave_lag_{source}"] = lag
        deviation = of_signals[f"std_{channels[0]}_{source}"]
        row[f"wave_gain_{source}"] = peak * deviation / of_signals.get("std_wave", np.nan)
    return row | _heave_and_pitch(signals, step, list(channels), moves)


def _heave_and_pitch(signals: np.ndarray, step: float, channels: list[str], moves: np.ndarray) -> dict[str, float]:
    """The measures of `measure` that need heave, and pitch beside it. moves: whether each signal does."""
    count = len(channels)
    both = [k for k, name in enumerate(channels) if name in (HEAVE, PITCH) and moves[k] and moves[count + k]]
    lag = (np.nan,) * 3
    if len(both) == 2:
        lag = common_lag(signals[:, both], signals[:, [count + k for k in both]], step)
    row = dict(zip(("lag", "peak", "correlation"), lag, strict=True))
    for first, source in ((0, "sc"), (count, "lamp")):
        heave = first + channels.index(HEAVE) if HEAVE in channels else None
        lifts = heave is not None and moves[heave] and moves[-1]
        lifted, lift = lifted_by(signals[:, -1], signals[:, heave], step) if lifts else (np.nan, np.nan)
        row |= {f"lifted_{source}": lifted, f"lift_{source}": lift}
    return row


@np.errstate(divide="ignore", invalid="ignore", over="ignore")
def exchange_at_lags(simple: np.ndarray, lamp: np.ndarray, step: float) -> float:
    """By how much two channels (rows, 2) correlate better across than within, each at its own best lag; else 0.

    Channels of which only the phase or the sign is wrong correlate well within.
    """
    without_lag = np.corrcoef(simple, lamp, rowvar=False)[:2, 2:]
    if not min(without_lag[0, 1], without_lag[1, 0]) > max(without_lag[0, 0], without_lag[1, 1]):
        return 0.0
    across = [best_lag(simple[:, i], lamp[:, 1 - i], step)[1] for i in range(2)]
    within = [max(best_lag(simple[:, i], sign * lamp[:, i], step)[1] for sign in (1, -1)) for i in range(2)]
    return (sum(across) - sum(within)) / 2


def coherences(signals: np.ndarray, step: float) -> np.ndarray:
    """(i, j): the share of signal j's variance that a linear filter of signal i explains.

    The sum over frequencies of |S_ij|^2 / S_ii over that of S_jj, spectra S by Welch's method: Hann windows of at most
    SEGMENT s that overlap by half. All NaN for records that are too short. signals: (rows, signal). step: s.
    """
    rows, count = signals.shape
    length = int(min(SEGMENT / step, rows / NUM_SEGMENTS))
    if length * step < SHORTEST_SEGMENT:
        return np.full((count, count), np.nan)
    spectra = segment_spectra(signals, length)
    cross = spectra @ spectra.conj().transpose(0, 2, 1)
    power = np.real(np.diagonal(cross, axis1=1, axis2=2))
    used = power > 1e-12 * power.max(axis=0)  # ignores frequencies that a signal does not contain
    with np.errstate(invalid="ignore", divide="ignore"):
        explained = np.where(used[:, :, None], np.abs(cross) ** 2 / power[:, :, None], 0.0)
        shares = explained.sum(axis=0) / power.sum(axis=0)
    shares[~(power.sum(axis=0) > 0)] = np.nan
    return shares


def best_lag(first: np.ndarray, second: np.ndarray, step: float) -> tuple[float, float]:
    """The lag (s) of the second series behind the first at which they correlate best, and the correlation there."""
    return common_lag(first[:, None], second[:, None], step)[:2]


def common_lag(first: np.ndarray, second: np.ndarray, step: float) -> tuple[float, float, float]:
    """The lag (s) of all columns of the second behind those of the first at which they correlate best in the mean.

    Regular waves correlate equally well a period later, so the peak nearest to 0 within PEAKS_ALIKE of the highest
    counts. first, second: (rows, signal). Returns the lag and the mean correlations there and without lag.
    """
    x, y = first - first.mean(axis=0), second - second.mean(axis=0)
    lags = min(int(SEARCHED_LAG / step), len(x) // 4)
    size = 2 ** int(np.ceil(np.log2(len(x) + lags + 1)))
    product = np.fft.irfft(np.fft.rfft(x, size, axis=0).conj() * np.fft.rfft(y, size, axis=0), size, axis=0)
    around = np.concatenate([product[size - lags :], product[: lags + 1]])
    correlations = (around / np.sqrt((x * x).sum(axis=0) * (y * y).sum(axis=0))).mean(axis=1)
    beside = np.pad(correlations, 1, constant_values=-np.inf)
    is_peak = (correlations >= beside[:-2]) & (correlations >= beside[2:])
    peaks = np.flatnonzero(is_peak & (correlations >= correlations.max() - PEAKS_ALIKE))
    best = int(peaks[np.abs(peaks - lags).argmin()]) if len(peaks) else lags
    return float((best - lags) * step), float(correlations[best]), float(correlations[lags])


def lifted_by(wave: np.ndarray, heave: np.ndarray, step: float) -> tuple[float, float]:
    """How the slow part of heave follows that of the waves: their correlation, and the ratio of their deviations.

    Waves that are long compared with the ship lift it by their elevation, in any heading. The slow part weights spectra
    with the frequency to the power of -4.
    """
    frequency = 2 * np.pi * np.fft.rfftfreq(len(wave), step)
    weight = np.where(frequency > SLOWEST, np.maximum(frequency, SLOWEST) ** -4.0, 0.0)
    waves, heaves = np.fft.rfft(wave), np.fft.rfft(heave)
    ratio = np.sqrt((weight @ np.abs(heaves) ** 2) / (weight @ np.abs(waves) ** 2))
    cross = weight @ np.real(waves.conj() * heaves) / (weight @ np.abs(waves) ** 2)
    return float(cross / ratio), float(ratio)


def roughness(time: np.ndarray, signal: np.ndarray) -> tuple[float, float, float]:
    """The largest change of slope over the usual one, its time (s), and the longest straight stretch (s).

    The change of slope is |x_t - (x_t-1 + x_t+1) / 2|; the usual one is the median, over blocks of 64 rows, of the
    largest in each block. Changes that are small compared with the signal, or at a gap in time, do not count.
    """
    spread = np.std(signal)
    if len(signal) < 200 or not spread > 0:
        return 0.0, np.nan, 0.0
    steps = np.diff(time)
    bend = np.abs(np.diff(signal, 2)) / 2
    even = np.abs(np.diff(steps)) < 0.5 * np.median(steps)
    blocks = bend[: len(bend) // 64 * 64].reshape(-1, 64).max(axis=1)
    # Quartiles are insensitive to a single outlier, unlike the standard deviation.
    usual = max(np.median(blocks), 0.01 * np.subtract(*np.percentile(signal, [75, 25])), 1e-12)
    worst = int(np.where(even, bend, 0).argmax())
    bent = np.flatnonzero((bend > 1e-7 * spread) | (time[1:-1] < time[0] + STARTING))
    straight = np.diff(np.concatenate([[0], bent, [len(bend)]])).max(initial=0)
    return float(bend[worst] / usual), float(time[worst + 1]), float(straight * np.median(steps))
