"""Estimates for a fleet of predicted records, corrected by the few LAMP records: pure functions on arrays.

Means come from prediction-powered inference with lambda = 1 (A. Angelopoulos and others, Science 382, 2023), in each
sea state s by itself. With a statistic y_i of n_s LAMP records there, f_i of the networks that have not seen the
record, and f_j of N_s records that have SimpleCode alone,

    estimate = sum_s w_s (mean_j f_j + mean_i (y_i - f_i)),    w_s = N_s / N
    variance = sum_s w_s^2 (s_r,s^2 / n_s + s_f,s^2 / N_s)

where s_r and s_f are the standard deviations of y_i - f_i and of f_j (W. Cochran, Sampling techniques, 1977, chapter 5;
chapter 6 for the ratios of sea states that share a stratum). The quantile is Student's, as the normal one covers too
little with the few LAMP records there are, with the degrees of freedom of B. Welch and F. Satterthwaite.

The largest value M of a record is R times the significant amplitude that is predicted for its sea state. R = a +
b R_pred + c q(R_pred) + e is fitted to LAMP records and the predictions of the networks that have not seen them;
docs/fleet.md says why the residuals e are part of the distribution. A straight line is too sure of itself in the tail:
the parabola q stands for that discrepancy (M. Kennedy and A. O'Hagan, J. R. Stat. Soc. B 63, 2001). Few records say
little about c, so it has a prior that is worth one record: normal, with the standard deviation of e (R. Kass and
L. Wasserman, J. Am. Stat. Assoc. 90, 1995). Each resample draws the mean of that prior from the prior, without which
the spread of c would be that of the shrunk estimate, not of c (J. Bardsley and others, Randomize-then-optimize, SIAM
J. Sci. Comput. 36, 2014).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import stats
from scipy.special import expit
from scipy.stats.distributions import rv_frozen

BOOTSTRAPS = 500
MOST_RESIDUALS = 60  # quantiles stand in for more
MOST_VALUES = 50_000  # of predicted records with residuals, in each resample; fewer residuals for each beyond
FEWEST_PAIRS = 8  # residuals of each predicted record
MOST_AMPLITUDES = 60  # quantiles stand in for more
BISECTIONS = 30
EXPONENTS = 1.0, 2.0  # of R, between which R^exponent is a Gumbel variable, see `PowerGumbel`
SAME_LENGTH = 1.01
TINY = 1e-9  # keeps quotients and logarithms finite; values that differ by less, relative to their size, are equal
LEAST_RATIO = 1e-3  # of the mean: what is smaller counts as this much in a ratio
NUM_LEVELS = 100
TAIL_RECORDS = 10  # a quantile with fewer fleet records above it, or fewer than two of LAMP, is an extrapolation
EULER = 0.5772156649


@dataclass(frozen=True)
class Sample:
    """One statistic of records.

    lamp, out_of_fold: (n,), of LAMP's records and of their predictions. fleet: (N, network), of the predicted records.
    strata: (n,) and (N,), the stratum of each record, from 0; None: all are of one. shared: the strata that several sea
    states share.
    """

    lamp: np.ndarray
    out_of_fold: np.ndarray
    fleet: np.ndarray
    strata: tuple[np.ndarray, np.ndarray] | None = None
    shared: frozenset[int] = frozenset()

    def by_stratum(self) -> Iterator[tuple[int, float, np.ndarray, np.ndarray]]:
        """Yields stratum, its share of the fleet, and which of LAMP's (n,) and the fleet's records (N,) are in it."""
        lamp, fleet = self.strata or (np.zeros(len(self.lamp), int), np.zeros(len(self.fleet), int))
        for stratum in np.unique(fleet):
            in_fleet = fleet == stratum
            yield int(stratum), in_fleet.sum() / len(fleet), lamp == stratum, in_fleet

    @property
    def counted(self) -> int:
        """Of LAMP's records, how many are of strata that the fleet has."""
        return int(np.count_nonzero(self.lamp_weights()))

    def lamp_weights(self) -> np.ndarray:
        """(n,): what each LAMP record stands for, so that strata weigh as in the fleet; together 1."""
        weights = sum((share / max(ours.sum(), 1) * ours for _, share, ours, _ in self.by_stratum()), 0.0 * self.lamp)
        return weights / max(weights.sum(), TINY)


@dataclass(frozen=True)
class Ratios:
    """Largest values of records over the amplitudes of their sea states.

    lamp, out_of_fold, fleet: as of a `Sample`. amplitudes: (N,), of the fleet. durations: (N,), s.
    """

    lamp: np.ndarray
    out_of_fold: np.ndarray
    fleet: np.ndarray
    amplitudes: np.ndarray
    durations: np.ndarray

    @property
    def usual_length(self) -> float:
        """The length of records (s) that most of the time of those that move is made of."""
        lengths, kind = np.unique(self.durations, return_inverse=True)
        return float(lengths[np.bincount(kind, self.durations * (self.amplitudes > 0)).argmax()])


def shared_strata(
    lamp: np.ndarray, fleet: np.ndarray, distances: np.ndarray, fewest: int
) -> tuple[np.ndarray, frozenset[int]]:
    """(state,): the stratum of each sea state, and those that several share: with fewer than the fewest LAMP records, a
    sea state joins the nearest that has some.

    lamp, fleet: (n,) and (N,), the sea state of each record, from 0. distances: (state, state).
    """
    counts, strata = np.bincount(lamp, minlength=len(distances)), np.arange(len(distances))
    with_lamp = np.flatnonzero(counts)
    while len(np.unique(strata[with_lamp])) > 1:
        sizes = np.bincount(strata[with_lamp], counts[with_lamp])
        smallest = np.where(sizes > 0, sizes, np.inf).argmin()
        if sizes[smallest] >= fewest:
            break
        ours = strata[with_lamp] == smallest
        to_others = distances[np.ix_(with_lamp[ours], with_lamp[~ours])].min(axis=0)
        strata[with_lamp[ours]] = strata[with_lamp[~ours][to_others.argmin()]]
    present = np.union1d(with_lamp, fleet)
    for state in np.setdiff1d(fleet, with_lamp) if len(with_lamp) else ():
        strata[state] = strata[with_lamp[distances[state, with_lamp].argmin()]]
    names, sizes = np.unique(strata[present], return_counts=True)
    return strata, frozenset(names[sizes > 1].tolist())


class Interval(NamedTuple):
    """A number with the interval that covers it at the level asked for, NaN where there is none; the variance of the
    estimate, and the degrees of freedom of that variance."""

    estimate: float = np.nan
    lower: float = np.nan
    upper: float = np.nan
    variance: float = np.nan
    freedom: float = np.nan


class Term(NamedTuple):
    """A mean that enters a sum with a weight; variance: of the mean."""

    weight: float
    mean: float
    variance: float
    freedom: int

    @classmethod
    def of(cls, weight: float, values: np.ndarray) -> "Term":
        size = len(values)
        variance = np.var(values, ddof=1) / size if size > 1 else np.nan
        return cls(weight, values.mean() if size else np.nan, variance, size - 1)


# ---- means and shares -----------------------------------------------------------------------------------------------


def mean(values: np.ndarray, level: float) -> Interval:
    """Mean of records (n,) with Student's interval of `level` (0 to 1); without an interval for fewer than two."""
    return _weighted_sum([Term.of(1.0, values)], level)


def stratified_mean(sample: Sample, level: float) -> Interval:
    """From LAMP's records alone: their mean, with the fleet's shares of the strata."""
    return _weighted_sum([Term.of(share, sample.lamp[ours]) for _, share, ours, _ in sample.by_stratum()], level)


def _weighted_sum(terms: Sequence[Term], level: float, freedom: float | None = None) -> Interval:
    """freedom: of Student's quantile; by default Welch and Satterthwaite's. NaN without terms."""
    if not terms:
        return Interval()
    weights, means, variances, freedoms = np.array(terms, float).T
    parts = weights**2 * variances
    variance = parts.sum()
    effective = variance**2 / (parts**2 / freedoms).sum() if variance > 0 else freedoms.min()
    half = stats.t.ppf((1 + level) / 2, freedom or effective) * np.sqrt(variance)
    estimate = (weights * means).sum()
    return Interval(*map(float, (estimate, estimate - half, estimate + half, variance, effective)))


def corrected_mean(sample: Sample, level: float, borrowed: bool = False) -> Interval:
    """The mean of the formula above, where f_j is the mean over the networks. borrowed: see `_borrowed_mean`."""
    fleet = sample.fleet.mean(axis=1)
    if not len(fleet) or not len(sample.lamp):
        return Interval()
    if borrowed:
        return _borrowed_mean(sample, fleet, level)
    terms = []
    for stratum, weight, ours, in_fleet in sample.by_stratum():
        lamp, unseen, predicted = sample.lamp[ours], sample.out_of_fold[ours], Term.of(weight, fleet[in_fleet])
        ratio, growth = 1.0, 1.0
        if stratum in sample.shared and unseen.mean() > TINY:
            ratio, growth = lamp.mean() / unseen.mean(), predicted.mean / unseen.mean()
        correction = Term.of(weight * growth, lamp - ratio * unseen)
        terms += [predicted._replace(weight=weight * ratio), correction]
    return _weighted_sum(terms, level, len(sample.lamp) - 1 if len(terms) == 2 else None)


def _borrowed_mean(sample: Sample, fleet: np.ndarray, level: float) -> Interval:
    """The mean over the fleet (N,) times LAMP's mean ratio to the predictions, of records of other sea states.

    Ratios, as errors grow with the motions. The mean log(y / f) of this sea state is taken to be as far from theirs as
    that of one record may be, s^2 (1 + 1 / n) in place of s^2 / n.
    """
    least = LEAST_RATIO * max(sample.lamp.mean(), sample.out_of_fold.mean(), TINY)
    logs = Term.of(1.0, np.log(np.maximum(sample.lamp, least) / np.maximum(sample.out_of_fold, least)))
    predicted = Term.of(1.0, fleet)
    spread = np.nan_to_num(predicted.variance) / max(predicted.mean, TINY) ** 2
    of_one = logs.variance * (logs.freedom + 2)
    log_ratio = _weighted_sum([Term(1.0, logs.mean, of_one + spread, logs.freedom)], level)
    return Interval(*(predicted.mean * np.exp(log_ratio[:3])))


def effective_runs(records: int, alone: Interval, corrected: Interval, level: float) -> Interval:
    """How many LAMP runs alone would be as precise: n times the quotient of the variances, with quantiles of F.

    Unknown if one of the variances is 0 or rounding, as of equal values.
    """
    if not all(mean.variance > (TINY * mean.estimate) ** 2 for mean in (alone, corrected)):
        return Interval()
    runs = records * alone.variance / corrected.variance
    tails = stats.f.ppf([(1 + level) / 2, (1 - level) / 2], alone.freedom, corrected.freedom)
    return Interval(runs, *map(float, runs / tails))


def fleet_records_needed(sample: Sample, alone: Interval, corrected: Interval) -> float:
    """How many predicted records in the same shares would make the corrected mean as precise as LAMP alone.

    N V_f / (V_lamp - V_r), where the corrected mean has the variance V_f of the fleet's N records, and V_r of the
    network's errors; infinite if these alone are as much as LAMP's.
    """
    fleet = sample.fleet.mean(axis=1)
    terms = [Term.of(weight, fleet[in_fleet]) for _, weight, _, in_fleet in sample.by_stratum()]
    of_fleet = _weighted_sum(terms, 0.5).variance
    left = alone.variance - (corrected.variance - of_fleet)
    return len(fleet) * of_fleet / left if left > 0 else np.inf


def share(successes: float, records: float, level: float) -> Interval:
    """A probability from a number of records, with the interval of C. Clopper and E. Pearson (Biometrika 26, 1934)."""
    if not records:
        return Interval()
    tail, failures = (1 - level) / 2, records - successes
    lower = stats.beta.ppf(tail, successes, failures + 1) if successes > TINY else 0.0
    upper = stats.beta.ppf(1 - tail, successes + 1, failures) if failures > TINY else 1.0
    return Interval(successes / records, float(lower), float(upper))


def stratified_share(sample: Sample, limit: float, level: float) -> Interval:
    """The probability that LAMP's records alone give for a value above the limit, with the fleet's shares of strata.

    Clopper and Pearson's interval with the number of records that are worth as many as those of unequal weights (E.
    Korn and B. Graubard, Survey Methodology 24, 1998).
    """
    weights = sample.lamp_weights()
    if not weights.any():
        return Interval()
    records = 1 / (weights**2).sum()
    return share(min(weights[sample.lamp > limit].sum(), 1.0) * records, records, level)


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
    if not varies(fleet):
        return np.zeros((*predicted.shape, 2))
    x, of_fleet = ((values - fleet.mean()) / fleet.std() for values in (predicted, fleet))
    skewness = (of_fleet**3).mean()
    norm = (of_fleet**4).mean() - 1 - skewness**2  # 0 where the fleet has two values
    parabola = (x**2 - 1 - skewness * x) / np.sqrt(norm) if norm > TINY else np.zeros_like(x)
    return np.stack([x, parabola], axis=-1)


def varies(values: np.ndarray) -> bool:
    """Whether values differ by more than rounding: the deviation of equal ones is about 1e-16 of them, not 0."""
    return bool(values.size and np.ptp(values) > TINY * np.abs(values).max())


def fit(lamp: np.ndarray, terms: np.ndarray, curvature: float = 0.0) -> Fit:
    """Least squares of M = a + b x + c q + e over n > 2 records, with c as if one more record had told `curvature`.

    Each residual is divided by sqrt(1 - h), with h its leverage, as fitted residuals are smaller than those to come
    (A. Davison and D. Hinkley, Bootstrap methods and their application, 1997, section 6.2.3).

    lamp: (n,). terms: (n, 2), see `terms_of`.
    """
    n, prior = len(lamp), np.array([0.0, curvature])
    distance, penalty = terms - terms.mean(axis=0), np.diag([TINY, 1.0])
    inverse = np.linalg.pinv(distance.T @ distance + penalty, hermitian=True)
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
    """Exceedance probabilities of the largest value of a record, of n (records) LAMP records and a fleet of N (size).

    levels: (level,). probabilities: (1 + bootstrap, level), the estimate and those of the resamples. exposed: the same
    for records of `duration` (s), each record of the fleet counting with its own length.
    """

    levels: np.ndarray
    probabilities: np.ndarray
    records: int
    size: int
    exposed: np.ndarray
    duration: float

    @property
    def probability(self) -> np.ndarray:
        return self.probabilities[0]

    def at(self, level: float, confidence: float) -> Interval:
        """The probability that the largest value of a record exceeds a level."""
        curves = (self.probability, *self.bounds(confidence))
        return Interval(*(np.interp(level, self.levels, curve) for curve in curves))

    def bounds(self, confidence: float) -> np.ndarray:
        """(2, level), no closer to 0 and 1 than the bounds of an event that none or all of N records show."""
        _, lower, upper = falling_curve(self.probabilities, confidence, self.records)
        none, all_of_them = (share(records, self.size, confidence) for records in (0, self.size))
        return np.stack([np.minimum(lower, all_of_them.lower), np.maximum(upper, none.upper)])

    def quantile(self, probability: float, confidence: float) -> Interval:
        """The level that the largest value of a record of `duration` exceeds with a probability."""
        crossed = [np.interp(-probability, -curve, self.levels) for curve in self.exposed]
        return percentiles(np.array(crossed), confidence, self.records)


def percentiles(values: np.ndarray, confidence: float, records: int) -> Interval:
    """The estimate with its bounds. values: (1 + bootstrap,), the estimate and those of resamples of the records."""
    return Interval(values[0], *_bounds(values, confidence, records))


def _bounds(values: np.ndarray, confidence: float, records: int) -> np.ndarray:
    """(2, ...): lower and upper bounds. values: (1 + bootstrap, ...), the estimates and those of resamples.

    Percentiles, moved away from the estimate by what those of a bootstrap over n records lack: Student's quantile over
    the normal one, and sqrt(n / (n - 2)), as two numbers are fitted (else 90 % intervals covered 83 to 87 %).
    """
    estimate, resampled = values[0], values[1:]
    freedom, tail = max(records - 2, 1), (1 - confidence) / 2
    factor = stats.t.isf(tail, freedom) / stats.norm.isf(tail) * np.sqrt(records / freedom)
    lower, upper = estimate + factor * (np.quantile(resampled, [tail, 1 - tail], axis=0) - estimate)
    return np.stack([np.minimum(lower, estimate), np.maximum(upper, estimate)])


def falling_curve(probabilities: np.ndarray, confidence: float, records: int) -> np.ndarray:
    """(3, level): exceedance probabilities over levels, and their lower and upper bounds. Neither bound rises with the
    level: where the estimate falls to 0 its logit says nothing about the width. probabilities: (1 + bootstrap, level).
    """
    estimate = probabilities[0]
    lower, upper = expit(_bounds(_logit(probabilities), confidence, records))
    lower = np.maximum.accumulate(np.minimum(lower, estimate)[::-1])[::-1]
    return np.stack([estimate, lower, np.minimum.accumulate(np.maximum(upper, estimate))])


def _logit(probability: np.ndarray) -> np.ndarray:
    return np.log((probability + TINY) / (1 - probability + TINY))


def fits(ratios: Ratios, seed: int, number: int) -> Iterator[tuple[Fit, np.ndarray]]:
    """Yields the fit and weights (N,) of the fleet's records, first as they are, then of `number` resamples."""
    rng, n, size = np.random.default_rng(seed), len(ratios.lamp), len(ratios.fleet)
    terms = terms_of(ratios.out_of_fold, ratios.fleet)
    fitted = fit(ratios.lamp, terms)
    yield fitted, np.ones(size)
    for _ in range(number):
        drawn = rng.integers(n, size=n)
        weights = np.bincount(rng.integers(size, size=size), minlength=size)
        yield fit(ratios.lamp[drawn], terms[drawn], fitted.residuals.std() * rng.normal()), weights


def exceedance_curves(ratios: Ratios, seed: int, number: int, reach: float = -np.inf) -> Curves:
    """The distribution of the largest value of a LAMP record. reach: a level that the curves have to contain."""
    size, amplitudes = len(ratios.fleet), ratios.amplitudes[:, None]
    lengths, kind = np.unique(ratios.durations, return_inverse=True)
    terms = terms_of(ratios.fleet.ravel(), ratios.fleet)
    resamples = list(fits(ratios, seed, number))
    count = len(resamples[0][0].residuals)
    pairs = min(count, max(FEWEST_PAIRS, MOST_VALUES // len(terms)))
    partner = (np.arange(len(terms))[:, None] + np.arange(pairs) * count // pairs) % count

    def largest(model: Fit) -> np.ndarray:
        """(record, network * residual): possible largest values of each record."""
        return (model.of(terms)[:, None] + model.residuals[partner]).reshape(size, -1) * amplitudes

    values = largest(resamples[0][0])
    ends = values.min(), max(values.max(), reach)
    margin = 0.25 * (ends[1] - ends[0]) + TINY * (1.0 if ends[1] > LEAST_RATIO else ends[1])  # whatever the unit
    levels = np.linspace(ends[0] - margin, ends[1] + margin, NUM_LEVELS)
    probabilities, rates = [], []
    for model, weights in resamples:
        below = np.ceil((largest(model) - levels[0]) / (levels[1] - levels[0]))  # how many levels a value exceeds
        cells = kind[:, None] * (NUM_LEVELS + 1) + np.clip(below, 0, NUM_LEVELS).astype(int)
        counts = np.bincount(cells.ravel(), np.repeat(weights, cells.shape[1]), len(lengths) * (NUM_LEVELS + 1))
        counts = counts.reshape(len(lengths), -1)[:, ::-1].cumsum(axis=1)[:, ::-1]
        shares = counts[:, :1] / counts[:, 0].sum()
        above = np.clip(counts[:, 1:] / np.maximum(counts[:, :1], TINY), 0, 1)
        probabilities.append((shares * above).sum(axis=0))
        with np.errstate(divide="ignore"):
            rates.append(np.where(shares > 0, -shares * np.log1p(-above), 0.0))
    probabilities = exposed = np.array(probabilities)
    if len(lengths) > 1:
        exposed = -np.expm1(-(ratios.usual_length / lengths[:, None] * np.array(rates)).sum(axis=1))
    return Curves(levels, probabilities, len(ratios.lamp), size, exposed, ratios.usual_length)


def length_classes(durations: np.ndarray) -> np.ndarray:
    """(record,): durations (record,), in s, where those that differ by no more than 1 % are the same."""
    lengths, kind = np.unique(durations, return_inverse=True)
    first = lengths.copy()
    for place in range(1, len(lengths)):
        if lengths[place] <= SAME_LENGTH * first[place - 1]:
            first[place] = first[place - 1]
    return first[kind]


# ---- fitted distributions -------------------------------------------------------------------------------------------


def l_moments(values: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """(..., 3): mean, L-scale and L-skewness. values: (..., n), ascending; weights: (n,), how often each counts.

    J. Hosking, J. R. Stat. Soc. B 52, 1990, with the unbiased weighted moments b_r of J. Landwehr and others (Water
    Resour. Res. 15, 1979): the mean of x_i times the share of pairs and of triples that it is the largest of.
    """
    rank = np.cumsum(np.ones(values.shape[-1]) if weights is None else weights)
    sets = rank, rank * (rank - 1), rank * (rank - 1) * (rank - 2)
    b0, b1, b2 = (
        (values * np.diff(subsets, prepend=0.0)).sum(axis=-1) / max(subsets[-1], 1.0) / size
        for size, subsets in enumerate(sets, start=1)
    )
    scale = np.maximum(2 * b1 - b0, TINY * np.abs(b0) + 1e-300)
    return np.stack([b0, scale, (6 * b2 - 6 * b1 + b0) / scale], axis=-1)


def gumbel(moments: np.ndarray) -> rv_frozen:
    """The Gumbel distributions with L-moments (..., 3)."""
    scale = moments[..., 1] / np.log(2)
    return stats.gumbel_r(moments[..., 0] - EULER * scale, scale)


@dataclass(frozen=True)
class PowerGumbel:
    """Distributions of the largest value R of a record, R^exponent having a Gumbel distribution.

    The largest of N amplitudes nears a Gumbel distribution too slowly to extrapolate it. If amplitudes have a Weibull
    distribution, R^exponent with Weibull's exponent is there at once (N. Cook and R. Harris, Struct. Saf. 26, 2004): 2
    for Rayleigh's distribution, less where tails are heavier. As it is not known, estimates use the middle of
    EXPONENTS, and each resample draws its own between them.
    """

    of_power: rv_frozen
    exponents: np.ndarray

    @classmethod
    def of(cls, moments: np.ndarray, exponents: np.ndarray) -> "PowerGumbel":
        """moments: (distribution, 3), L-moments of R^exponent. exponents: (distribution,)."""
        return cls(gumbel(moments[:, None, None]), exponents[:, None, None])

    def sf(self, values: np.ndarray) -> np.ndarray:
        return self.of_power.sf(np.maximum(values, 0) ** self.exponents)

    def isf(self, probability: float) -> np.ndarray:
        return np.maximum(self.of_power.isf(probability), 0) ** (1 / self.exponents)


def drawn_exponents(seed: int, number: int) -> np.ndarray:
    """(1 + number,): that of the estimate, and those of the resamples."""
    return np.append(np.mean(EXPONENTS), np.random.default_rng(seed).uniform(*EXPONENTS, number))


def gumbel_of(ratios: np.ndarray, seed: int, number: int) -> PowerGumbel:
    """(1 + number, 1, 1) distributions fitted to values of R (n,) and to resamples of them."""
    drawn = np.random.default_rng(seed).choice(ratios, (number, len(ratios)))
    exponents = drawn_exponents(seed, number)
    return PowerGumbel.of(l_moments(np.sort([ratios, *drawn], axis=1) ** exponents[:, None]), exponents)


def fitted(ratios: Ratios, seed: int, number: int) -> PowerGumbel:
    """(1 + number, 1, 1) distributions of R fitted to the fleet and to resamples; each record draws its e.

    Of records of several lengths those of the usual one, and of these those that move.
    """
    rng, exponents = np.random.default_rng(seed), drawn_exponents(seed, number)
    networks, terms, moments = ratios.fleet.shape[1], terms_of(ratios.fleet, ratios.fleet), []
    counted = (ratios.amplitudes > 0) & (ratios.durations == ratios.usual_length)
    for exponent, (model, weights) in zip(exponents, fits(ratios, seed, number), strict=True):
        sample = (model.of(terms) + rng.choice(model.residuals, ratios.fleet.shape))[counted].ravel()
        order = np.argsort(sample)
        weights, sample = np.repeat(weights[counted], networks)[order].astype(float), sample[order]
        moments.append(l_moments(np.maximum(sample, 0) ** exponent, weights))
    return PowerGumbel.of(np.array(moments), exponents)


@dataclass(frozen=True)
class Mixture:
    """Distributions of the largest value of records of several sea states, whose R has one distribution.

    of_ratio: of R, (1 + bootstrap, 1, 1). amplitudes: (record,). weights: (record,), together 1.
    """

    of_ratio: PowerGumbel
    amplitudes: np.ndarray
    weights: np.ndarray

    @classmethod
    def of(cls, of_ratio: PowerGumbel, amplitudes: np.ndarray, weights: np.ndarray) -> "Mixture":
        """The same with fewer amplitudes, if they are many. Records of next to no amplitude never exceed a level."""
        order = np.argsort(amplitudes)
        if varies(amplitudes) and len(order) > MOST_AMPLITUDES:
            places = (np.arange(MOST_AMPLITUDES) + 0.5) / MOST_AMPLITUDES
            amplitudes = np.interp(places, np.cumsum(weights[order]) - weights[order] / 2, amplitudes[order])
            weights = np.full(MOST_AMPLITUDES, 1 / MOST_AMPLITUDES)
        if not varies(amplitudes):
            amplitudes, weights = amplitudes[:1], np.ones(1)
        return cls(of_ratio, amplitudes[amplitudes > 0], weights[amplitudes > 0])

    def exceedance(self, levels: np.ndarray) -> np.ndarray:
        """(1 + bootstrap, level): the probabilities of exceedance. levels: (level,) or (1 + bootstrap, level)."""
        with np.errstate(over="ignore"):  # far below a narrow distribution
            return self.of_ratio.sf(np.atleast_2d(levels)[..., None] / self.amplitudes) @ self.weights

    def quantiles(self, probability: float) -> np.ndarray:
        """(1 + bootstrap,): the levels that are exceeded with a probability, by bisection."""
        upper = self.of_ratio.isf(probability)[..., 0] * self.amplitudes.max()
        if len(self.amplitudes) == 1 and self.weights[0] == 1:
            return upper[:, 0]
        lower = np.minimum(0.0, upper)
        for _ in range(BISECTIONS):
            middle = (lower + upper) / 2
            is_above = self.exceedance(middle) > probability
            lower, upper = np.where(is_above, middle, lower), np.where(is_above, upper, middle)
        return (lower + upper)[:, 0] / 2
