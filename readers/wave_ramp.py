"""How waves begin: whether, and over which time, their elevation grows linearly from nothing.

LAMP multiplies the elevation by min(t / ramp, 1), t being its absolute time; SimpleCode's own waves are there at once.
Divided by the right factor, the first rows of a record go on like the later ones. An autoregressive model of these,
backwards in time so that it reaches the first row, gives the likelihood of any ramp.

On 300 random seas (6 to 18 s, met at -3 to 12 m/s) for each of 60, 150 and 600 s, a record without a ramp was told from
a training with one of 10 s in 98.0, 98.3 and 99.0 %, and one with this ramp was never taken for one without. One with a
ramp of 5 s was taken for none, and so given another one, in 11.7, 8.0 and 8.3 %, and went unnoticed in 62 to 66 %.
After a training without one, 95 to 97 % of those with it were noticed, and 0.3, 0.3 and 0 % of those without.
Ramps of 5, 10 and 20 s came out of six records of 300 s as 5.0, 10.3 and 20.7 s (deviation 0.3, 0.9, 1.5), of single
ones as 5.3, 10.8 and 21.3 s (1.0, 1.4, 3.5), where they could be told.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

RAMPS = np.concatenate([np.arange(0.0, 20.0, 0.5), np.arange(20.0, 62.0, 2.0)])  # s that are tried
SPACING = 0.5  # s between the rows that are looked at
ORDER = 12  # rows from which the model predicts the one before
NOISE = 1e-3  # of the variance, that the model leaves open at least
CALM = 1e-3  # m: with less there are no waves
SHORTEST = 55.0  # s of a record in which its waves can be judged
CLEAR = 8.0  # difference of log-likelihoods from which on one ramp excludes another
# s of a ramp that one record tells from another. In following seas the groups of waves that the ship meets are as long
# as a minute, and with longer ramps and twice CLEAR 4 of 100 records with a ramp of 10 s were taken for slower ones.
LONGEST_TOLD = 20.0
MOST_RECORDS = 20  # that decide on the ramp of a training


def factor(time: np.ndarray, ramp: float) -> np.ndarray:
    """(rows,) factor of the elevation. time: (rows,) s. ramp: s, 0 for none."""
    return np.clip(time / ramp, 0.0, 1.0) if ramp > 0 else np.ones(len(time))


def at_full_scale(time: np.ndarray, wave: np.ndarray, time_scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Waves (time in s, elevation in m) as at full scale, for which all numbers here are, by Froude's law."""
    return time / time_scale, wave / time_scale**2


def common_ramp(waves: Iterable[tuple[np.ndarray, np.ndarray]], expected: float) -> float | None:
    """The ramp (s) with which the waves of several records begin; 0 if there is none, None if it cannot be told.

    waves: (time in s, elevation in m) of each. expected: s, taken if the records do not contradict it.
    """
    ramps = np.append(RAMPS, expected)
    likelihoods = [single for wave in waves if (single := log_likelihoods(*wave, ramps)) is not None]
    if not likelihoods:
        return None
    joint = np.where(np.isnan(likelihoods).all(axis=0), -np.inf, np.nansum(likelihoods, axis=0))
    possible = ramps[joint > joint.max() - CLEAR]
    if possible.min() == 0 and possible.max() > 0:
        return None if possible.max() > 5 else 0.0
    return float(expected if expected in possible else ramps[joint.argmax()])


def other_ramp(time: np.ndarray, wave: np.ndarray, ramp: float) -> float | None:
    """The ramp (s) with which a record's waves begin if it is clearly not `ramp`, 0 if there is none; else None."""
    ramps = np.append(RAMPS[RAMPS <= LONGEST_TOLD], ramp)
    likelihoods = log_likelihoods(time, wave, ramps)
    if likelihoods is None or np.isnan(likelihoods[-1]):
        return None
    best = float(ramps[np.nanargmax(likelihoods)])
    if likelihoods[0] - likelihoods[-1] > CLEAR:  # rather none than `ramp`, but it may be a shorter one
        return best if np.nanmax(likelihoods) - likelihoods[0] > CLEAR / 2 else 0.0
    differs = abs(best - ramp) > max(2.0, ramp / 2)
    return best if differs and np.nanmax(likelihoods) - likelihoods[-1] > CLEAR * (3 if ramp else 1) else None


def log_likelihoods(time: np.ndarray, wave: np.ndarray, ramps: Sequence[float]) -> np.ndarray | None:
    """(ramp,) log-likelihood of each ramp (s) that ends in the first third of the record, NaN for the others.

    None where a record cannot tell: a calm, constant or short one, or waves that do not vary around zero.
    time: (rows,) s. wave: (rows,) elevation, m.
    """
    longest = min((time[-1] - time[0]) / 3, RAMPS[-1])
    grid = np.arange(max(time[0], SPACING), time[-1], SPACING)  # at time 0 a ramp leaves nothing
    eta = np.interp(grid, time, wave)
    begin = int(np.searchsorted(grid, grid[0] + longest))
    scale = eta[begin:].std()
    if time[-1] - time[0] < SHORTEST or not scale > CALM or abs(eta[begin:].mean()) > scale / 2:
        return None
    eta /= scale
    first = slice(begin + ORDER)
    factors = np.stack([factor(grid[first], ramp) for ramp in ramps], axis=1)
    later, early = (sliding_window_view(x, ORDER + 1, axis=0) for x in (eta[begin:], eta[first, None] / factors))
    past, now = later[:, 1:], later[:, 0]
    weights = np.linalg.solve(past.T @ past + NOISE * len(past) * np.eye(ORDER), past.T @ now)
    free = max(len(now) - 2 * ORDER, ORDER)
    variance = np.sum((now - past @ weights) ** 2) / free + NOISE
    errors = early[:, :, 0] - early[:, :, 1:] @ weights  # (row, ramp)
    likelihoods = -0.5 * (errors**2).sum(axis=0) / variance - np.log(factors[:begin]).sum(axis=0)
    return np.where(np.asarray(ramps) <= time[0] + longest, likelihoods, np.nan)
