"""Estimates for a fleet of predicted records, corrected by the few LAMP records: pure functions on arrays.

Means come from prediction-powered inference with lambda = 1 (A. Angelopoulos and others, Prediction-powered inference,
Science 382, 2023). With n LAMP records, a statistic y_i of LAMP and f_i of the networks that have not seen the record,
and with f_j of N records that have SimpleCode alone,

    estimate = mean_j f_j + mean_i (y_i - f_i),    half-width = t_(n-1) sqrt(s_r^2 / n + s_f^2 / N)

where s_r and s_f are the standard deviations of y_i - f_i and of f_j. The quantile is Student's, as the normal one
covers too little with the few LAMP records there are.

The largest value M of a LAMP record follows from the predicted one by M = a + b M_pred + c q(M_pred) + e, fitted to
LAMP records and the predictions of the networks that have not seen them. The distribution of M over the fleet is that
of the right-hand side over all predicted records and all residuals e: residuals are part of it, as a prediction that
varies less than LAMP would make high values too rare. Intervals are percentiles of a bootstrap over LAMP records and
fleet records, with a, b, c and e fitted anew each time.

A straight line is too sure of itself in the tail: if the relation is slightly curved, as of a network that saturates,
the interval misses the truth, and more often the more LAMP records there are. The parabola q stands for that
discrepancy (M. Kennedy and A. O'Hagan, Bayesian calibration of computer models, J. R. Stat. Soc. B 63, 2001). Few
records say little about c, so it has a prior that is worth one record: normal, with the standard deviation of e
(R. Kass and L. Wasserman, J. Am. Stat. Assoc. 90, 1995). Each resample draws the mean of that prior from the prior,
without which the spread of c would be that of the shrunk estimate, not of c (J. Bardsley and others,
Randomize-then-optimize, SIAM J. Sci. Comput. 36, 2014).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import numpy as np
from scipy import stats
from scipy.special import expit, gamma
from scipy.stats.distributions import rv_frozen

BOOTSTRAPS = 500
MOST_RESIDUALS = 60  # quantiles stand in for more
TINY = 1e-9  # keeps quotients and logarithms finite
NUM_LEVELS = 100
TAIL_RECORDS = 10  # a quantile with fewer fleet records above it is an extrapolation
EULER = 0.5772156649


@dataclass(frozen=True)
class Sample:
    """One statistic of records.

    lamp, out_of_fold: (n,), of LAMP's records and of their predictions. fleet: (N, network), of the predicted records.
    """

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


# ---- means and shares -----------------------------------------------------------------------------------------------


def mean(values: np.ndarray, level: float) -> Interval:
    """Mean of records (n,) with Student's interval of `level` (0 to 1); without an interval for fewer than two."""
    if len(values) < 2:
        return Interval(float(values[0])) if len(values) else Interval()
    return _around(values.mean(), np.var(values, ddof=1) / len(values), len(values), level)


def _around(estimate: float, variance: float, records: int, level: float) -> Interval:
    half = stats.t.ppf((1 + level) / 2, records - 1) * np.sqrt(variance)
    return Interval(float(estimate), float(estimate - half), float(estimate + half))


def corrected_mean(sample: Sample, level: float, borrowed: bool = False) -> Interval:
    """The mean of the formula above, where f_j is the mean over the networks.

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


# ---- largest values of records --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fit:
    """intercept: a. slopes: (2,), b and c. residuals: (n,), widened for what is fitted."""

    intercept: float
    slopes: np.ndarray
    residuals: np.ndarray

    def of(self, terms: np.ndarray) -> np.ndarray:
        """(...,): the expected largest value. terms: (..., 2), see `terms_of`."""
        return self.intercept + terms @ self.slopes


def terms_of(predicted: np.ndarray, fleet: np.ndarray) -> np.ndarray:
    """(..., 2): x, the standardized prediction, and the parabola q(x), orthonormal to 1 and x over the fleet."""
    scale = fleet.std() or 1.0
    x, of_fleet = (predicted - fleet.mean()) / scale, (fleet - fleet.mean()) / scale
    skewness = (of_fleet**3).mean()
    norm = np.sqrt(max((of_fleet**4).mean() - 1 - skewness**2, TINY))
    return np.stack([x, (x**2 - 1 - skewness * x) / norm], axis=-1)


def fit(lamp: np.ndarray, terms: np.ndarray, curvature: float = 0.0) -> Fit:
    """Least squares of M = a + b x + c q + e over n > 2 records, with c as if one more record had told `curvature`.

    Each residual is divided by sqrt(1 - h), with h its leverage, as fitted residuals are smaller than those to come
    (A. Davison and D. Hinkley, Bootstrap methods and their application, 1997, section 6.2.3).

    lamp: (n,). terms: (n, 2), see `terms_of`.
    """
    n, prior = len(lamp), np.array([0.0, curvature])
    distance, penalty = terms - terms.mean(axis=0), np.diag([TINY, 1.0])
    inverse = np.linalg.inv(distance.T @ distance + penalty)
    slopes = inverse @ (distance.T @ (lamp - lamp.mean()) + penalty @ prior)
    intercept = float(lamp.mean() - terms.mean(axis=0) @ slopes)
    leverage = 1 / n + ((distance @ inverse) * distance).sum(axis=1)
    residuals = (lamp - intercept - terms @ slopes) / np.sqrt(np.maximum(1 - leverage, 1 / n))
    residuals = residuals - residuals.mean()
    if n > MOST_RESIDUALS:
        residuals = np.quantile(residuals, (np.arange(MOST_RESIDUALS) + 0.5) / MOST_RESIDUALS)
    return Fit(intercept, slopes, residuals)


@dataclass(frozen=True)
class Curves:
    """Exceedance probabilities of the largest value of a record.

    levels: (level,). probabilities: (1 + bootstrap, level), the estimate and those of the resamples. records: n, of
    LAMP. size: N, of the fleet.
    """

    levels: np.ndarray
    probabilities: np.ndarray
    records: int
    size: int

    @property
    def probability(self) -> np.ndarray:
        return self.probabilities[0]

    def at(self, level: float, confidence: float) -> Interval:
        """The probability that the largest value of a record exceeds a level."""
        curves = (self.probability, *self.bounds(confidence))
        return Interval(*(np.interp(level, self.levels, curve) for curve in curves))

    def bounds(self, confidence: float) -> np.ndarray:
        """(2, level): lower and upper bounds of the probabilities.

        Neither rises with the level, as where the estimate falls to 0 its logit says nothing about the width. They are
        no closer to 0 and 1 than those of an event that none or all of N records show.
        """
        lower, upper = expit(_bounds(_logit(self.probabilities), confidence, self.records))
        lower = np.maximum.accumulate(np.minimum(lower, self.probability)[::-1])[::-1]
        upper = np.minimum.accumulate(np.maximum(upper, self.probability))
        none, all_of_them = (share(records, self.size, confidence) for records in (0, self.size))
        return np.stack([np.minimum(lower, all_of_them.lower), np.maximum(upper, none.upper)])

    def quantile(self, probability: float, confidence: float) -> Interval:
        """The level that the largest value of a record exceeds with a probability."""
        crossed = [np.interp(-probability, -curve, self.levels) for curve in self.probabilities]
        return percentiles(np.array(crossed), confidence, self.records)


def percentiles(values: np.ndarray, confidence: float, records: int) -> Interval:
    """The estimate with its bounds. values: (1 + bootstrap,), the estimate and those of resamples of the records."""
    return Interval(values[0], *_bounds(values, confidence, records))


def _bounds(values: np.ndarray, confidence: float, records: int) -> np.ndarray:
    """(2, ...): lower and upper bounds. values: (1 + bootstrap, ...), the estimates and those of resamples.

    Percentiles, moved away from the estimate by what those of a bootstrap over n records lack: Student's quantile over
    the normal one, and sqrt(n / (n - 2)), as two numbers are fitted. Without the latter, intervals of 90 % covered 83
    to 87 % with n = 20.
    """
    estimate, resampled = values[0], values[1:]
    freedom, tail = max(records - 2, 1), (1 - confidence) / 2
    factor = stats.t.isf(tail, freedom) / stats.norm.isf(tail) * np.sqrt(records / freedom)
    lower, upper = estimate + factor * (np.quantile(resampled, [tail, 1 - tail], axis=0) - estimate)
    return np.stack([np.minimum(lower, estimate), np.maximum(upper, estimate)])


def _logit(probability: np.ndarray) -> np.ndarray:
    return np.log((probability + TINY) / (1 - probability + TINY))


def fits(maxima: Sample, seed: int, number: int = BOOTSTRAPS) -> Iterator[tuple[Fit, np.ndarray]]:
    """Yields the fit and weights (N,) of the fleet's records, first as they are, then of `number` resamples."""
    rng = np.random.default_rng(seed)
    n, size = len(maxima.lamp), len(maxima.fleet)
    terms = terms_of(maxima.out_of_fold, maxima.fleet)
    fitted = fit(maxima.lamp, terms)
    yield fitted, np.ones(size)
    for _ in range(number):
        drawn = rng.integers(n, size=n)
        weights = np.bincount(rng.integers(size, size=size), minlength=size)
        yield fit(maxima.lamp[drawn], terms[drawn], fitted.residuals.std() * rng.normal()), weights


def exceedance_curves(maxima: Sample, seed: int, number: int = BOOTSTRAPS, reach: float = -np.inf) -> Curves:
    """The distribution of the largest value of a LAMP record. reach: a level that the curves have to contain."""
    resamples = fits(maxima, seed, number)
    fitted, weights = next(resamples)
    order = np.argsort(maxima.fleet, axis=None)
    record = order // maxima.fleet.shape[1]
    terms = terms_of(maxima.fleet.ravel()[order], maxima.fleet)
    expected = fitted.of(terms)
    ends = min(expected.min() + fitted.residuals.min(), maxima.lamp.min())
    ends = (ends, max(expected.max() + fitted.residuals.max(), maxima.lamp.max(), reach))
    margin = 0.25 * (ends[1] - ends[0]) + TINY
    levels = np.linspace(ends[0] - margin, ends[1] + margin, NUM_LEVELS)

    def exceedance(model: Fit, weights: np.ndarray) -> np.ndarray:
        """(level,): the probability that M exceeds each level, with weights (N,) of the records."""
        expected = model.of(terms)
        rising = np.argsort(expected, kind="stable")  # fast, as they are nearly in order
        up_to = np.concatenate([[0.0], np.cumsum(weights[record[rising]])])
        places = np.searchsorted(expected[rising], levels[:, None] - model.residuals, side="right")
        return 1 - up_to[places].mean(axis=1) / up_to[-1]

    found = [exceedance(*each) for each in chain([(fitted, weights)], resamples)]
    return Curves(levels, np.array(found), len(maxima.lamp), len(maxima.fleet))


# ---- longer exposures -----------------------------------------------------------------------------------------------


def record_probability(exposure_probability: float, exposure: float, duration: float) -> float:
    """The probability for a record of `duration` s that corresponds to one for an exposure of `exposure` s."""
    return 1 - (1 - exposure_probability) ** (duration / exposure)


def most_probable_probability(exposure: float, duration: float) -> float:
    """1 - exp(-duration / exposure): how likely a record exceeds the most probable maximum of an exposure.

    The largest of many values is most probably near the level that is exceeded once on average (E. Gumbel, Statistics
    of extremes, 1958).
    """
    return 1 - float(np.exp(-duration / exposure))


# ---- fitted distributions -------------------------------------------------------------------------------------------


def l_moments(values: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """(..., 3): mean, L-scale and L-skewness. values: (..., n), ascending; weights: (n,).

    J. Hosking, L-moments, J. R. Stat. Soc. B 52, 1990, with the plotting position of the middle of each value's weight.
    """
    weights = np.ones(values.shape[-1]) if weights is None else weights
    weights = weights / weights.sum()
    place = np.cumsum(weights) - weights / 2
    b0, b1, b2 = ((weights * values * place**power).sum(axis=-1) for power in (0, 1, 2))
    scale = np.maximum(2 * b1 - b0, 1e-12)
    return np.stack([b0, scale, (6 * b2 - 6 * b1 + b0) / scale], axis=-1)


def gumbel(moments: np.ndarray) -> rv_frozen:
    """The Gumbel distributions with L-moments (..., 3)."""
    scale = moments[..., 1] / np.log(2)
    return stats.gumbel_r(moments[..., 0] - EULER * scale, scale)


def generalized_extreme_value(moments: np.ndarray) -> rv_frozen:
    """The generalized extreme value distributions with L-moments (..., 3) (Hosking and others, 1985)."""
    mean, scale, skewness = np.moveaxis(moments, -1, 0)
    c = 2 / (3 + skewness) - np.log(2) / np.log(3)
    shape = np.clip(7.8590 * c + 2.9554 * c**2, -0.4, 0.9)
    shape = np.where(np.abs(shape) < 1e-4, 1e-4, shape)  # the formulas divide by it
    from_shape = gamma(1 + shape)
    width = scale * shape / ((1 - 2**-shape) * from_shape)
    return stats.genextreme(shape, mean - width * (1 - from_shape) / shape, width)


DISTRIBUTIONS = {"Gumbel": gumbel, "generalized extreme value": generalized_extreme_value}


def fitted_moments(maxima: Sample, seed: int) -> np.ndarray:
    """(1 + BOOTSTRAPS, 3): L-moments of M over the fleet, and over resamples; each record draws its e."""
    rng = np.random.default_rng(seed)
    networks, terms, found = maxima.fleet.shape[1], terms_of(maxima.fleet, maxima.fleet), []
    for model, weights in fits(maxima, seed):
        sample = model.of(terms) + rng.choice(model.residuals, maxima.fleet.shape)
        order = np.argsort(sample, axis=None)
        found.append(l_moments(sample.ravel()[order], np.repeat(weights, networks)[order].astype(float)))
    return np.array(found)


def fitted_curve(
    moments: np.ndarray, levels: np.ndarray, confidence: float, records: int, distribution: Callable
) -> np.ndarray:
    """(3, level): the exceedance probabilities of a fitted distribution, and their lower and upper bounds.

    moments: (1 + bootstrap, 3), see `fitted_moments`. distribution: one of DISTRIBUTIONS.
    """
    logits = _logit(distribution(moments[:, None]).sf(levels))
    return expit([logits[0], *_bounds(logits, confidence, records)])
