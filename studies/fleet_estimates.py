"""Means over a fleet of predicted records, corrected by the few LAMP records: pure functions on arrays.

Prediction-powered inference with lambda = 1 (A. Angelopoulos and others, Prediction-powered inference, Science 382,
2023). With n LAMP records, a statistic y_i of LAMP and f_i of the networks that have not seen the record, and with f_j
of N records that have SimpleCode alone,

    estimate = mean_j f_j + mean_i (y_i - f_i),    half-width = t_(n-1) sqrt(s_r^2 / n + s_f^2 / N)

where s_r and s_f are the standard deviations of y_i - f_i and of f_j. The quantile is Student's, as the normal one
covers too little with the few LAMP records there are.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import stats

FEWEST_RECORDS = 3  # LAMP records of a sea state whose own correction is used


@dataclass(frozen=True)
class Sample:
    """One statistic of records: lamp, out_of_fold: (n,) of LAMP records, and as predicted. fleet: (N, network)."""

    lamp: np.ndarray
    out_of_fold: np.ndarray
    fleet: np.ndarray


class Interval(NamedTuple):
    """A number with the interval that covers it at the level asked for; NaN where there is none."""

    estimate: float = np.nan
    lower: float = np.nan
    upper: float = np.nan

    @property
    def half_width(self) -> float:
        return (self.upper - self.lower) / 2


def mean(values: np.ndarray, level: float) -> Interval:
    """Mean of records (n,) with Student's interval of `level` (0 to 1); without an interval for fewer than two."""
    if len(values) < 2:
        return Interval(float(values[0])) if len(values) else Interval()
    return _around(values.mean(), np.var(values, ddof=1) / len(values), len(values), level)


def _around(estimate: float, variance: float, records: int, level: float) -> Interval:
    half = stats.t.ppf((1 + level) / 2, records - 1) * np.sqrt(variance)
    return Interval(float(estimate), float(estimate - half), float(estimate + half))


def corrected_mean(sample: Sample, level: float, borrowed: bool = False) -> Interval:
    """The formula above, with the mean of the networks' statistics as f_j.

    borrowed: the LAMP records are of other sea states. The mean error in this sea state is then taken to be as far from
    their mean as the error of one record may be, s_r^2 (1 + 1 / n) in place of s_r^2 / n.
    """
    residual, fleet = sample.lamp - sample.out_of_fold, sample.fleet.mean(axis=1)
    n, size = len(residual), len(fleet)
    if not size or not n:
        return Interval()
    if n < 2 or size < 2:
        return Interval(float(fleet.mean() + residual.mean()))
    variance = np.var(residual, ddof=1) * (1 / n + borrowed) + np.var(fleet, ddof=1) / size
    return _around(fleet.mean() + residual.mean(), variance, n, level)


def effective_runs(records: int, alone: Interval, corrected: Interval) -> float:
    """How many LAMP runs alone would give an interval as narrow: n (w_LAMP / w)^2."""
    if not corrected.half_width > 0:
        return np.nan
    return records * (alone.half_width / corrected.half_width) ** 2


def share(successes: int, records: int, level: float) -> Interval:
    """A probability from a number of records, with the interval of C. Clopper and E. Pearson (Biometrika 26, 1934)."""
    if not records:
        return Interval()
    tail, failures = (1 - level) / 2, records - successes
    lower = stats.beta.ppf(tail, successes, failures + 1) if successes else 0.0
    upper = stats.beta.ppf(1 - tail, successes + 1, failures) if failures else 1.0
    return Interval(successes / records, float(lower), float(upper))
