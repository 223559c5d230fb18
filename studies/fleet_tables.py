"""The table of a fleet's statistics: by group of records and channel, with LAMP alone and SimpleCode beside them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from data_io import CHANNEL_UNITS
from metrics import SIMPLECODE
from readers.cases import PART_UNITS, find_handle
from studies import fleet_extremes as extremes
from studies.fleet_estimates import FEWEST_RECORDS, Interval, corrected_mean, effective_runs, mean, share
from trust.record_statistics import LAMP, NETWORK, RecordTable

EVERYTHING = "all"
FEWEST_MAXIMA = 8  # LAMP records of a group for a model of maxima of its own
EXPOSURE_RISKS = {"largest_exceeded_by_10_percent": 0.1, "largest_exceeded_by_1_percent": 0.01}
UNITS = {"mean_period": "s", "time_above": "share", "maximum_above": "probability"}  # of others, the channel's
MEANS = {"mean_ssa": "ssa", "mean_period": "period", "mean_maximum": "maximum"}
GEV = "gev"  # columns of the generalized extreme value fit, where the estimate is that of Gumbel's
NUMBERS = ("estimate", "lower", "upper")
NUMBERS += tuple(f"{source}{bound}" for source in ("lamp", "simplecode", GEV) for bound in ("", "_lower", "_upper"))
COLUMNS = ("sea_state", "channel", "unit", "statistic", "threshold", *NUMBERS)
COLUMNS += ("lamp_records", "fleet_records", "effective_lamp_runs", "method")


@dataclass(frozen=True)
class Question:
    """level: of the intervals, 0 to 1. limits: by channel. exposure: s. by: parts of the handle, or "all"."""

    level: float = 0.9
    limits: Mapping[str, float] = field(default_factory=dict)
    exposure: float = 3 * 3600.0
    seed: int = 0
    by: tuple[str, ...] = ()


@dataclass(frozen=True)
class Group:
    """Records that a statistic is taken over.

    lamp, fleet: names of the records. borrowed: whether all LAMP records serve it, as it has too few. mixed:
    whether it has several sea states. parts: of the handle, in which its records agree.
    """

    name: str
    lamp: frozenset[str]
    fleet: frozenset[str]
    borrowed: bool = False
    mixed: bool = False
    parts: Mapping[str, float] = field(default_factory=dict)


def groups_of(lamp: RecordTable, fleet: RecordTable, by: Sequence[str]) -> list[Group]:
    """The groups of the fleet's records, and last, if there are several, all of them."""
    of_lamp, of_fleet = (_by_name(table, by) for table in (lamp, fleet))
    everything = [frozenset().union(*names.values()) for names in (of_lamp, of_fleet)]
    if len(of_fleet) == 1 and of_fleet.keys() == of_lamp.keys():
        return [Group(*of_fleet, *everything)]
    groups = []
    for name, records in sorted(of_fleet.items()):
        handle = find_handle(next(iter(records)))
        parts = {part: getattr(handle, part) for part in by or PART_UNITS} if handle else {}
        own = of_lamp.get(name, frozenset())
        groups.append(Group(name, own, records, borrowed=len(own) < FEWEST_RECORDS, parts=parts))
    return [*groups, Group(EVERYTHING, *everything, mixed=True)]


def _by_name(table: RecordTable, by: Sequence[str]) -> dict[str, frozenset[str]]:
    records = table.rows[["record", "handle"]].drop_duplicates()
    names = records["handle"].map(lambda handle: _group_name(handle, by))
    return {name: frozenset(block) for name, block in records.groupby(names)["record"]}


def _group_name(handle: str, by: Sequence[str]) -> str:
    parts = find_handle(handle)
    if not parts or list(by) == [EVERYTHING]:
        return EVERYTHING
    if not by:
        return handle.rpartition("-")[0].lstrip("_")
    return ", ".join(f"{part} {getattr(parts, part):g} {PART_UNITS[part]}" for part in by)


def by_source(
    lamp: RecordTable, fleet: RecordTable, groups: Sequence[Group], most: int = 1000
) -> Iterator[tuple[dict[str, str], RecordTable]]:
    """Yields (sea_state, channel, source) and the rows, for LAMP, SimpleCode's fleet and the network's fleet.

    Channels that do not move are left out. most: records of a group.
    """
    for group in groups:
        sources = ((lamp, group.lamp, LAMP), (fleet, group.fleet, SIMPLECODE), (fleet, group.fleet, NETWORK))
        for table, records, source in sources:
            kept = sorted(records)[:: max(1, -(-len(records) // most))]
            of_source = (table.rows["source"] == source) & table.rows["record"].isin(kept)
            for channel in table.channels:
                chosen = table.chosen((of_source & (table.rows["channel"] == channel)).to_numpy())
                if (chosen.rows["ssa"] > 0).any():
                    yield {"sea_state": group.name, "channel": channel, "source": source}, chosen


@dataclass(frozen=True)
class Values:
    """One statistic of one channel: a row for each record, by name; fleet: a column for each network."""

    lamp: pd.Series
    out_of_fold: pd.Series
    fleet: pd.DataFrame
    simple: pd.Series

    def of(self, group: Group) -> "Values":
        """Those of a group; of a group that borrows, of all LAMP records."""
        own = slice(None) if group.borrowed else self.lamp.index.isin(group.lamp)
        fleet, simple = (each[each.index.isin(group.fleet)] for each in (self.fleet, self.simple))
        return Values(self.lamp[own], self.out_of_fold[own], fleet, simple)

    def alone(self, group: Group) -> np.ndarray:
        """LAMP's own values in a group."""
        return self.lamp[self.lamp.index.isin(group.lamp)].to_numpy()

    @property
    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self.lamp.to_numpy(), self.out_of_fold.to_numpy(), self.fleet.to_numpy()


def values(lamp: pd.DataFrame, fleet: pd.DataFrame, column: str) -> Values:
    """From the rows of one channel; records without a number are left out."""

    def one(rows: pd.DataFrame, source: str) -> pd.Series:
        return rows[rows["source"] == source].set_index("record")[column].dropna()

    pairs = pd.concat([one(lamp, LAMP), one(lamp, NETWORK)], axis=1, join="inner")
    networks = fleet[fleet["source"] == NETWORK].pivot(index="record", columns="network", values=column).dropna()
    return Values(pairs.iloc[:, 0], pairs.iloc[:, 1], networks, one(fleet, SIMPLECODE))


def statistics(
    lamp: RecordTable, fleet: RecordTable, groups: Sequence[Group], question: Question
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The table of statistics (COLUMNS), and the exceedance curves of record maxima, see `curve_table`."""
    rows, curves = [], []
    for channel in fleet.channels:
        own = [table.rows[table.rows["channel"] == channel] for table in (lamp, fleet)]
        if not own[0].loc[own[0]["source"] == LAMP, "maximum"].gt(0).any():
            continue  # such as roll in head seas
        found = {name: values(*own, column) for name, column in MEANS.items()}
        limit = question.limits.get(channel)
        threshold = limit or float(f"{found['mean_ssa'].lamp.mean():.2g}")
        pairs = zip(own, (lamp, fleet), strict=True)
        above = [each.assign(above=table.time_above(channel, threshold)[each.index]) for each, table in pairs]
        of_time = values(*above, "above")
        duration = float(own[1]["duration_s"].median())
        for group in groups:
            means = [{"statistic": name} | _mean_row(each, group, question.level) for name, each in found.items()]
            above = _mean_row(of_time, group, question.level, (0.0, 1.0))
            means.append({"statistic": "time_above", "threshold": threshold} | above)
            more, curve = _extreme_rows(found["mean_maximum"], group, question, limit, duration)
            for row in (*means, *more):
                unit = UNITS.get(row["statistic"], CHANNEL_UNITS[channel])
                rows.append({"sea_state": group.name, "channel": channel, "unit": unit} | row)
            curves.append(curve.assign(sea_state=group.name, channel=channel))
    order = {group.name: place for place, group in enumerate(groups)}
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    table = table.sort_values("sea_state", key=lambda names: names.map(order), kind="stable", ignore_index=True)
    curves = [curve for curve in curves if len(curve)]
    return table, pd.concat(curves, ignore_index=True) if curves else pd.DataFrame()


def _mean_row(of_all: Values, group: Group, level: float, possible: tuple[float, float] = (-np.inf, np.inf)) -> dict:
    own = of_all.of(group)
    lamp, out_of_fold, fleet = own.arrays
    found = [
        corrected_mean(lamp, out_of_fold, fleet.mean(axis=1), level, group.borrowed),
        mean(of_all.alone(group), level),
        mean(own.simple.to_numpy(), level),
    ]
    method = "borrowed" if group.borrowed else "pooled" if group.mixed else "corrected mean"
    return _row([each.within(*possible) for each in found], group, len(lamp), method)


def _row(found: Sequence[Interval], group: Group, records: int, method: str) -> dict:
    """found: corrected, of LAMP alone, of SimpleCode's fleet, and of the GEV fit if there is one. records: of LAMP that
    the first comes from."""
    bounds = [bound for each in found for bound in (each.estimate, each.lower, each.upper)]
    numbers = dict(zip(NUMBERS[: len(bounds)], bounds, strict=True))
    runs = np.nan if "borrowed" in method else effective_runs(records, found[1], found[0])
    counts = {"lamp_records": len(group.lamp), "fleet_records": len(group.fleet)}
    return numbers | counts | {"effective_lamp_runs": runs, "method": method}


def _extreme_rows(
    of_all: Values, group: Group, question: Question, limit: float | None, duration: float
) -> tuple[list[dict], pd.DataFrame]:
    """Exceedance of the limit, the most probable maximum and what the largest exceeds with small probabilities."""
    few = len(group.lamp) < FEWEST_MAXIMA
    own = of_all.of(replace(group, borrowed=few))
    if len(own.lamp) < FEWEST_RECORDS or len(own.fleet) < 2:
        return [], pd.DataFrame()
    several = few or group.mixed  # sea states: errors grow with the motions
    to, back = _logarithm(own.lamp.to_numpy()) if several else (np.asarray, np.asarray)
    maxima = extremes.Maxima(*map(to, own.arrays))
    curves = extremes.exceedance_curves(maxima, question.seed, reach=float(to(limit)) if limit else -np.inf)
    alone, simple = of_all.alone(group), own.simple.to_numpy()
    method = "maxima, borrowed" if few and len(own.lamp) > len(alone) else "maxima"
    rows = []
    if limit:
        found = [curves.at(float(to(limit)), question.level)]
        found += [share(int((each > limit).sum()), len(each), question.level) for each in (alone, simple)]
        rows.append({"statistic": "maximum_above", "threshold": limit} | _row(found, group, len(alone), method))
    risks = {"most_probable_maximum": extremes.most_probable_probability(question.exposure, duration)}
    for name, risk in EXPOSURE_RISKS.items():
        risks[name] = extremes.record_probability(risk, question.exposure, duration)
    moments = extremes.fitted_moments(maxima, question.seed)
    for name, risk in risks.items():
        how = method
        if risk * len(own.fleet) < extremes.TAIL_RECORDS:
            how += ", extrapolated (Gumbel)"
            fits = [
                extremes.fitted_level(moments, risk, question.level, len(own.lamp), each)
                for each in extremes.DISTRIBUTIONS
            ]
        else:
            fits = [curves.quantile(risk, question.level)]
        fits = [Interval(*(float(back(each)) for each in (fit.estimate, fit.lower, fit.upper))) for fit in fits]
        of_simple = Interval(float(np.quantile(simple, 1 - risk))) if len(simple) else Interval()
        found = [fits[0], _gumbel_level(alone, risk, question), of_simple, *fits[1:]]
        rows.append({"statistic": name} | _row(found, group, len(alone), how))
    shares = {"lamp": alone, "simplecode": simple, "network": back(maxima.fleet).ravel()}
    return rows, curve_table(curves, back, moments, shares, question.level)


def _logarithm(numbers: np.ndarray) -> tuple[Callable, Callable]:
    """Logarithm and exponential; what is next to nothing counts as a thousandth of the median."""
    least = 1e-3 * float(np.median(numbers)) or 1e-6
    return (lambda x: np.log(np.maximum(x, least))), np.exp


def _gumbel_level(maxima: np.ndarray, probability: float, question: Question) -> Interval:
    """From LAMP's record maxima alone: the quantile of a Gumbel distribution, with a bootstrap over records."""
    if len(maxima) < FEWEST_RECORDS:
        return Interval()
    drawn = np.random.default_rng(question.seed).choice(maxima, (extremes.BOOTSTRAPS, len(maxima)))
    estimate, resampled = (
        extremes.exceeded(extremes.l_moments(np.sort(each, axis=-1)), probability) for each in (maxima, drawn)
    )
    return extremes.percentiles(estimate, resampled, question.level, len(maxima))


def curve_table(
    curves: extremes.Curves, back: Callable, moments: np.ndarray, shares: Mapping[str, np.ndarray], confidence: float
) -> pd.DataFrame:
    """Exceedance of record maxima over levels: level, probability, lower, upper; by name the shares of records with
    these maxima; and by name the probabilities of the distributions fitted to L-moments (1 + bootstrap, 3), with their
    bounds."""
    levels, (lower, upper) = back(curves.levels), curves.bounds(confidence)
    table = {"level": levels, "probability": curves.probability, "lower": lower, "upper": upper}
    for name, numbers in shares.items():
        table[name] = [(numbers > level).mean() for level in levels] if len(numbers) else np.nan
    for name in extremes.DISTRIBUTIONS:
        found = extremes.fitted_curve(moments, curves.levels, confidence, curves.records, name)
        table |= zip((name, f"{name}_lower", f"{name}_upper"), found, strict=True)
    return pd.DataFrame(table)
