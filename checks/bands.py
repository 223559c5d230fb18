"""Prediction bands with calibrated coverage, calibrated over records: pure functions on arrays.

The steps of a record are not exchangeable, but the records of a sea state are. So all steps of a record together have
the weight of one record, and a future record has the same weight, with unknown errors (R. Dunn, L. Wasserman and A.
Ramdas, Distribution-free prediction sets for two-layer hierarchical models, 2022; for networks trained on different
records, arXiv 2306.06342). With record i of T_i steps,

    s_it = c |y_it - f_it| / (sigma_it + sigma_0)

where f_it is the prediction of networks that have not seen the record, sigma_it the standard deviation between the
networks around that step (root mean square over some seconds) and sigma_0 a floor. The band of level 1 - alpha is
mean of the networks +- q (sigma_it + sigma_0), sigma_it of a further record being that between all networks, and q the
smallest value for which

    (sum_i F_i(q) + min_i F_i(q)) / (n + 1) >= 1 - alpha,    F_i(q) = sum_t 1{s_it <= q} / T_i

The spread of a calibration record is the root mean square of two. That between all networks contains the error that it
is compared with, and makes bands too narrow where networks learn records by heart (many sea states). That between the
networks which have seen the record is too small for it, and makes bands too wide. Measured in benchmarks/README.md.

It covers a share of 1 - alpha of the steps of a further record, averaged over records. A further record counts as
covered as badly as the worst of the n. That is not distribution-free to the letter, as it may be worse than all; to
count it as not covered at all, as Dunn and others do, is, and covers 0.9 (n + 1) / n of the steps where 0.9 is asked.
Simulated scores, n = 9 to 60: 90 to 92 %, and 91 to 100 % with the latter. With one score in each record both are the
same. A level needs 1 / alpha - 1 records: of fewer, more than alpha of the further records are worse than all. A band
that contains a whole record uses the quantile of max_t s_it instead.

The mean of all networks is better than that of the few that have not seen a record. With K networks in all, m of them
of each fold, network j errs by a + b_j, a being shared and b_j independent of variance v. The mean square of the error
is a^2 + v / m out of fold and a^2 + v / K of all; the variance between all is (K - 1) / K v. So

    c^2 = 1 - (between all) K / (K - 1) (1 / m - 1 / K) / (mean square out of fold)

With m = 1 the mean square of all is that of single networks minus the variance between them. If the b_j of a fold are
alike, as they share its records, the mean of all gains more, and the bands are on the safe side.

Networks agree better about records they have seen. On further records their spread is 1.1 to 1.3 times as large, which
is left alone in the bands: they are a little too wide in one sea state, and scaled by that ratio they were too narrow
where records differ much. The expected error has that factor, see `further_variance`.
"""

import json
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from settings.description import high_name

LEVELS = (50, 80, 90, 95, 99)  # percent
CHOOSING_LEVEL = 90  # the floor is chosen at this level
FLOORS = np.geomspace(1e-4, 10, 11)  # candidates, in standard deviations of the channel
STEPS_KEPT = 600  # per record, evenly spaced: enough for quantiles, as the steps of a record are alike


@dataclass(frozen=True)
class Residuals:
    """The residuals of a record for calibration.

    error: (step, channel), LAMP minus the out-of-fold prediction. spread: (step, channel), standard deviation between
        the networks. largest: (floor, channel), max_t |error| / (spread + floor) over all steps. name: the record's.
    seen: (2, channel), see `seen_squares`; None if it is unknown.
    """

    error: np.ndarray
    spread: np.ndarray
    largest: np.ndarray
    name: str = ""
    seen: np.ndarray | None = None


@dataclass(frozen=True)
class Calibration:
    """Bands of the levels (percent) for which there are enough records.

    floor, mean_over_one, rms: (channel,), sigma_0, c, and root mean square error over that of sigma + sigma_0, both of
        further records.
    factor, whole: (level, channel), q for steps and for whole records. constant: (level, channel), half-width of a band
    of constant width. own: how many networks have not seen a record; 1 in files of versions that took more for one.
    """

    channels: tuple[str, ...]
    levels: tuple[int, ...]
    num_records: int
    floor: np.ndarray
    mean_over_one: np.ndarray
    rms: np.ndarray
    factor: np.ndarray
    whole: np.ndarray
    constant: np.ndarray
    own: int = 1

    def half_width(self, spread: np.ndarray, level: int, whole: bool = False) -> np.ndarray:
        """Half-width of the band (step, channel), given the spread of the networks (step, channel)."""
        factor = self.whole if whole else self.factor
        return factor[self.levels.index(level)] * (spread + self.floor)

    def expected_rmse(self, spread: np.ndarray) -> np.ndarray:
        """(channel,) root mean square error that the spread (step, channel) of a record lets expect."""
        return self.rms * np.sqrt(((spread + self.floor) ** 2).mean(axis=0))


def calibration_spread(spread: np.ndarray, apart: np.ndarray, networks: int, own: int) -> np.ndarray:
    """The spread (step, channel) of a calibration record, see above; of all networks if only one has seen the record.

    spread: (step, channel), standard deviation between all networks.
    apart: (step, channel), mean of those that have not seen the record minus the mean of all.
    networks, own: how many there are, and how many of them have not seen the record.
    """
    if networks - own < 2:
        return spread
    variance = _variance_within(spread, apart, networks, own) * (networks - 1) / networks  # of as many networks as all
    return np.sqrt((spread**2 + variance) / 2)


def _variance_within(spread: np.ndarray, apart: np.ndarray, networks: int, own: int) -> np.ndarray:
    """(step, channel): variance of single networks within those that have and those that have not seen a record.

    The squares around the mean of all, less those of the two means around it, with networks - 2 degrees of freedom. If
    own = 1, of those that have seen it alone. Arguments: see `calibration_spread`.
    """
    of_means = own / (networks - own) * apart**2
    return np.maximum(spread**2 - of_means, 0) * networks / (networks - 2)


def seen_squares(
    error: np.ndarray, spread: np.ndarray, apart: np.ndarray, networks: int, own: int
) -> np.ndarray | None:
    """(2, channel), means over the steps of a record: the squared error of the networks that have seen it, and
    `_variance_within`. None if only one has seen it.

    error: (step, channel), LAMP minus the mean of all networks. Others: see `calibration_spread`.
    """
    others = networks - own
    if others < 2:
        return None
    squares = (error + own / others * apart) ** 2
    return np.stack([squares.mean(axis=0), _variance_within(spread, apart, networks, own).mean(axis=0)])


def mean_over_out_of_fold(unseen: float, between: float, networks: int, own: int) -> float:
    """c, from the mean square of the error out of fold and the variance between all networks, see above."""
    gain = (networks - own) / (own * (networks - 1))  # K / (K - 1) (1 / m - 1 / K)
    return np.sqrt(max(1 - gain * between / unseen, 0.1)) if unseen > 0 else 1.0


def further_variance(unseen: float, seen: float, within: float, networks: int, own: int) -> float:
    """Variance between all networks on a further record, from what they say about records that most have seen.

    Seen, errors and deviations of a network shrink by the same factor g: for a linear smoother, the error at a record
    is 1 - h times the error of the same smoother without the record, h being the record's leverage, and the networks
    have the record's LAMP motions in common. So the mean square of `own` networks that have seen the records is g^2
    times that of as many that have not (`unseen`), which gives g, and with it the variance v of unseen records.

    unseen, seen, within: mean squares of the error out of fold, of the mean of the networks that have seen the record,
    and variance within (see `seen_squares`). In simulated trainings expected errors were 1.3 times too large without g,
    and right within 10 % with it (tests).
    """
    others, shrunk = networks - own, 1.0  # g^2
    for _ in range(50):  # converges at once if own = 1
        variance = within * (networks - 2) / (own - 1 + (others - 1) * shrunk)
        shrunk = np.clip((seen + shrunk * variance * (1 / own - 1 / others)) / unseen, 1e-4, 1.0)
    return variance * (networks - 1) / networks


def residuals(
    error: np.ndarray, spread: np.ndarray, scale: np.ndarray, name: str = "", seen: np.ndarray | None = None
) -> Residuals:
    """The residuals of one record. error, spread: (step, channel). scale: (channel,) the channels' deviations."""
    error = np.abs(error)
    largest = np.stack([(error / (spread + floor)).max(axis=0) for floor in np.outer(FLOORS, scale)])
    kept = np.linspace(0, len(error) - 1, min(len(error), STEPS_KEPT)).round().astype(int)
    return Residuals(error[kept].astype(np.float32), spread[kept].astype(np.float32), largest, name, seen)


def fewest_records(level: int) -> int:
    """The number of records that a level (percent) needs: 1 / alpha - 1."""
    return -(-level // (100 - level))


def quantile(records: Sequence[np.ndarray], level: float) -> float:
    """The smallest q with (sum_i F_i(q) + min_i F_i(q)) / (n + 1) >= level percent, see above.

    records: a (steps,) array of scores each, F_i being the share of record i's up to q. Infinite if there are too few
        records, n / (n + 1) < level percent.
    """
    aim = level / 100 - 1e-9
    if len(records) / (len(records) + 1) < aim:
        return np.inf
    records = [np.sort(record) for record in records]

    def share(q: float) -> float:
        covered = [record.searchsorted(q, "right") / len(record) for record in records]
        return (sum(covered) + min(covered)) / (len(records) + 1)

    scores = np.sort(np.concatenate(records))
    return float(scores[min(bisect_left(scores, aim, key=share), len(scores) - 1)])


def interval_score(error: np.ndarray, half_width: np.ndarray, level: float, axis: int | None = None) -> np.ndarray:
    """Mean width of a band plus a penalty outside, 2 / alpha times the distance from the band; smaller is better.

    T. Gneiting and A. Raftery, Strictly proper scoring rules, J. Am. Stat. Assoc. 102, 2007, eq. 43.
    """
    outside = np.maximum(np.abs(error) - half_width, 0)
    return np.mean(2 * half_width + 2 / (1 - level / 100) * outside, axis=axis)


def calibrate(
    records: Sequence[Residuals], scale: np.ndarray, channels: Sequence[str], networks: int = 2, own: int = 1
) -> Calibration:
    """The bands of every level with enough records.

    scale: as for `residuals`. networks, own: as for `calibration_spread`; with own = 1 only the expected error depends
        on their number.
    """
    levels = tuple(level for level in LEVELS if fewest_records(level) <= len(records))
    count = len(channels) if levels else 0
    by_channel = [_calibrate_channel(records, k, scale[k], levels, (networks, own)) for k in range(count)]
    columns = [np.stack(values, axis=-1) for values in zip(*by_channel, strict=True)] or [np.empty((0, 0))] * 6
    return Calibration(tuple(channels), levels, len(records), *columns, own)


def _calibrate_channel(
    records: Sequence[Residuals], channel: int, scale: float, levels: Sequence[int], networks: tuple[int, int]
) -> tuple:
    """The arrays of a `Calibration`, for one channel. networks: how many there are, how many have not seen a record."""
    errors = [record.error[:, channel] for record in records]
    spreads = [record.spread[:, channel] for record in records]
    unseen, between = (np.mean([np.mean(x**2) for x in values]) for values in (errors, spreads))
    mean_over_one = mean_over_out_of_fold(unseen, between, *networks)
    errors = [mean_over_one * error for error in errors]
    choosing = max(level for level in levels if level <= CHOOSING_LEVEL)

    def scored(floor: float) -> float:
        factor = quantile([e / (s + floor) for e, s in zip(errors, spreads, strict=True)], choosing)
        bands = [factor * (spread + floor) for spread in spreads]
        return np.mean([interval_score(e, b, choosing) for e, b in zip(errors, bands, strict=True)])

    place = int(np.argmin([scored(floor) for floor in FLOORS * scale]))
    floor = FLOORS[place] * scale
    scores = [error / (spread + floor) for error, spread in zip(errors, spreads, strict=True)]
    # The largest error of the mean is not reduced by c, as it occurs where the networks agree by chance.
    largest = [record.largest[[place], channel] for record in records]
    seen = [record.seen[:, channel] for record in records if record.seen is not None]
    further = further_variance(unseen, *np.mean(seen, axis=0), *networks) if seen and unseen > 0 else between
    growth = np.sqrt(further / between) if between > 0 else 1.0
    expected = np.mean([np.mean((growth * spread + floor) ** 2) for spread in spreads])
    rms = mean_over_out_of_fold(unseen, further, *networks) * np.sqrt(unseen / expected)
    quantiles = [[quantile(of, level) for level in levels] for of in (scores, largest, errors)]
    return floor, mean_over_one, rms, *quantiles


def coverage(calibration: Calibration, error: np.ndarray, spread: np.ndarray) -> pd.DataFrame:
    """Coverage of one record by the bands: channel, level, covered, whole_covered, constant_covered (shares of 0 to 1),
    rmse, expected_rmse, half_width, interval_score and constant_interval_score.

    error: (step, channel), LAMP minus the mean of the networks. spread: (step, channel).
    """
    error = np.abs(error)
    tables = []
    for place, level in enumerate(calibration.levels):
        band, whole = (calibration.half_width(spread, level, which) for which in (False, True))
        constant = calibration.constant[place]
        columns = {
            "channel": calibration.channels,
            "level": level,
            "covered": (error <= band).mean(axis=0),
            "whole_covered": (error <= whole).all(axis=0).astype(float),
            "rmse": np.sqrt((error**2).mean(axis=0)),
            "expected_rmse": calibration.expected_rmse(spread),
            "half_width": band.mean(axis=0),
            "interval_score": interval_score(error, band, level, axis=0),
            "constant_covered": (error <= constant).mean(axis=0),
            "constant_interval_score": interval_score(error, constant, level, axis=0),
        }
        tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)


def report(by_record: pd.DataFrame) -> pd.DataFrame:
    """Summarizes the `coverage` of several records (with columns set and record) by set, channel and level.

    Every record has the same weight. worst_covered, worst_record: the smallest share covered, and its record.
    """
    by = by_record.groupby(["set", "channel", "level"], sort=False)
    worst = by_record.loc[by["covered"].idxmin(), ["covered", "record"]].add_prefix("worst_")
    table = by.mean(numeric_only=True)
    table.insert(0, "records", by.size())
    return table.assign(**{name: worst[name].to_numpy() for name in worst}).reset_index()


def left_out(
    records: Sequence[Residuals],
    groups: Sequence[str],
    scale: np.ndarray,
    channels: Sequence[str],
    networks: int = 2,
    own: int = 1,
) -> pd.DataFrame:
    """`coverage` of each record by bands from the records of the other groups, with a column record.

    A check of the calibration with itself, no measurement: the errors are those out of fold times
    `Calibration.mean_over_one`, to represent those of the mean of the networks, whatever that factor is.

    groups: for each record the name of the group that is left out together: its own name, or its sea state.
    networks, own: see `calibrate`.
    """
    tables = []
    for group in dict.fromkeys(groups):
        others = [record for record, other in zip(records, groups, strict=True) if other != group]
        calibration = calibrate(others, scale, channels, networks, own)
        if not calibration.levels:
            continue
        floor = np.abs(np.outer(FLOORS, scale) - calibration.floor).argmin(axis=0)
        for record in (record for record, other in zip(records, groups, strict=True) if other == group):
            table = coverage(calibration, record.error * calibration.mean_over_one, record.spread)
            # Of all steps, not only those kept, and as in the calibration not reduced.
            whole = record.largest[floor, range(len(channels))] <= calibration.whole
            tables.append(table.assign(record=record.name, whole_covered=whole.ravel().astype(float)))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def save(calibration: Calibration, path: Path) -> None:
    """Writes the calibration as JSON, one field a line; tables have a row for each level."""
    facts = {name: np.asarray(value).tolist() for name, value in vars(calibration).items()}
    lines = [f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in facts.items()]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def load(path: Path) -> Calibration:
    """Reads a calibration written by `save`. Raises OSError, ValueError, KeyError or TypeError if it is damaged."""
    facts = json.loads(path.read_text(encoding="utf-8"))
    channels, levels = tuple(facts["channels"]), tuple(int(level) for level in facts["levels"])
    shapes = {name: (len(channels),) for name in ("floor", "mean_over_one", "rms")}
    shapes |= {name: (len(levels), len(channels)) for name in ("factor", "whole", "constant")}
    arrays = {name: np.array(facts[name], float) for name in shapes}
    if levels and not all(arrays[n].shape == shapes[n] and np.isfinite(arrays[n]).all() for n in shapes):
        raise ValueError("it has missing values")
    return Calibration(channels, levels, int(facts["num_records"]), **arrays, own=int(facts.get("own", 1)))


def missing_levels(num_records: int) -> str:
    """A line about the levels that cannot be calibrated, with the number of records needed; empty if there are none."""
    missing = [f"{fewest_records(level)} for {level} %" for level in LEVELS if fewest_records(level) > num_records]
    have = f"Bands: {num_records} {high_name()} records in train and val are too few for some levels; needed are "
    return have + ", ".join(missing) + "\n" if missing else ""
