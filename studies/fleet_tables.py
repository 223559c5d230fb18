"""The table of a fleet's statistics: by group of records and channel, with LAMP alone and SimpleCode beside them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from data_io import CHANNEL_UNITS
from metrics import SIMPLECODE
from readers.cases import PART_UNITS, SeaState, number_text, sea_state
from studies import fleet_estimates as estimates
from studies.fleet_estimates import Interval, Sample, corrected_mean, effective_runs, mean, share
from trust.record_statistics import LAMP, NETWORK, RecordTable

EVERYTHING = "all"
NO_HANDLE = "no handle"  # the group of the records whose sea state is not known
FEWEST_RECORDS = 3  # LAMP records of a sea state whose own correction is used
FEWEST_MAXIMA = 8  # LAMP records of a group for a model of maxima of its own
EXPOSURE_RISKS = {"largest_exceeded_by_10_percent": 0.1, "largest_exceeded_by_1_percent": 0.01}
UNITS = {"mean_period": "s", "time_above": "share", "maximum_above": "probability"}  # of others, the channel's
MEANS = {"mean_ssa": "ssa", "mean_period": "period", "mean_maximum": "maximum", "time_above": "time_above"}
# gev: the generalized extreme value fit, where the estimate is that of Gumbel's.
SOURCES = ("lamp", "simplecode", "gev")
NUMBERS = ("estimate", "lower", "upper")
NUMBERS += tuple(f"{source}{bound}" for source in SOURCES for bound in ("", "_lower", "_upper"))
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
    """The groups of the fleet's records in the order of their sea states, and last, if there are several, all of them.

    Records without a handle that can be read are a group by themselves, NO_HANDLE, unless all records are.
    """
    of_lamp, of_fleet = (_by_sea_state(table, by) for table in (lamp, fleet))
    everything = [frozenset().union(*records.values()) for records in (of_lamp, of_fleet)]
    if len(of_fleet) == 1 and of_fleet.keys() == of_lamp.keys():
        (parts,) = of_fleet
        return [Group(_group_name(parts, by) if parts else EVERYTHING, *everything)]
    groups = []
    for parts, records in sorted(of_fleet.items(), key=lambda item: (not item[0], item[0])):
        own, name = of_lamp.get(parts, frozenset()), _group_name(parts, by)
        few = len(own) < FEWEST_RECORDS
        groups.append(Group(name, own, records, borrowed=few, mixed=not parts, parts=dict(parts)))
    return [*groups, Group(EVERYTHING, *everything, mixed=True)]


def _by_sea_state(table: RecordTable, by: Sequence[str]) -> dict[tuple, frozenset[str]]:
    """The names of the records by the parts of their handles that make up a group; () without a handle."""
    records = table.rows[["record", "handle"]].drop_duplicates()
    found: dict[tuple, set[str]] = {}
    for record, handle in records.itertuples(index=False):
        state = None if list(by) == [EVERYTHING] else sea_state(handle)
        parts = tuple((part, getattr(state, part)) for part in by or PART_UNITS) if state else ()
        found.setdefault(parts, set()).add(record)
    return {parts: frozenset(names) for parts, names in found.items()}


def _group_name(parts: tuple, by: Sequence[str]) -> str:
    if not by:
        return SeaState(**dict(parts)).name if parts else NO_HANDLE
    return ", ".join(f"{part} {number_text(value)} {PART_UNITS[part]}" for part, value in parts) or NO_HANDLE


def statistics(
    lamp: RecordTable, fleet: RecordTable, groups: Sequence[Group], question: Question
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The table of statistics (COLUMNS), and the exceedance curves of record maxima, see `curve_table`."""
    rows, curves = [], []
    for channel in fleet.channels:
        own = lamp.rows[(lamp.rows["channel"] == channel) & (lamp.rows["source"] == LAMP)]
        if not own["maximum"].gt(0).any():
            continue  # such as roll in head seas
        limit = question.limits.get(channel)
        thresholds = {"time_above": limit or float(f"{own['ssa'].mean():.2g}"), "maximum_above": limit}
        tables = [table.of_channel(channel, thresholds["time_above"]) for table in (lamp, fleet)]
        for group in groups:
            found = [_mean_row(name, *tables, group, question.level) for name in MEANS]
            more, curve = _extreme_rows(*tables, group, question, limit)
            for row in (*found, *more):
                unit = UNITS.get(row["statistic"], CHANNEL_UNITS[channel])
                about = {"sea_state": group.name, "channel": channel, "unit": unit}
                rows.append(about | {"threshold": thresholds.get(row["statistic"], np.nan)} | row)
            curves.append(curve.assign(sea_state=group.name, channel=channel))
    names = [group.name for group in groups]
    rows.sort(key=lambda row: names.index(row["sea_state"]))
    return pd.DataFrame(rows, columns=list(COLUMNS)), joined(curves)


def joined(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The rows of several tables, of which any may be empty."""
    tables = [table for table in tables if len(table)]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def _sample(
    lamp: pd.DataFrame, fleet: pd.DataFrame, column: str, group: Group, borrowed: bool
) -> tuple[Sample, np.ndarray, np.ndarray]:
    """Sample of a statistic in a group, that of LAMP's records there alone, and that of SimpleCode's fleet.

    lamp, fleet: rows of a channel. column: of the statistic; records without a number are left out. borrowed: the
    sample has the LAMP records of all groups.
    """

    def one(rows: pd.DataFrame, source: str) -> pd.Series:
        return rows[rows["source"] == source].set_index("record")[column].dropna()

    fleet = fleet[fleet["record"].isin(group.fleet)]
    networks = fleet[fleet["source"] == NETWORK].pivot(index="record", columns="network", values=column).dropna()
    pairs = pd.concat([one(lamp, LAMP), one(lamp, NETWORK)], axis=1, join="inner")
    in_group = pairs.index.isin(group.lamp)
    own = pairs if borrowed else pairs[in_group]
    sample = Sample(*own.to_numpy().T, networks.to_numpy())
    return sample, pairs[in_group].to_numpy()[:, 0], one(fleet, SIMPLECODE).to_numpy()


def _mean_row(statistic: str, lamp: pd.DataFrame, fleet: pd.DataFrame, group: Group, level: float) -> dict:
    sample, alone, simple = _sample(lamp, fleet, MEANS[statistic], group, group.borrowed)
    found = [corrected_mean(sample, level, group.borrowed), mean(alone, level), mean(simple, level)]
    if statistic == "time_above":
        found = [Interval(*np.clip(each, 0, 1)) for each in found]
    method = "borrowed" if group.borrowed else "pooled" if group.mixed else "corrected mean"
    return _row(statistic, found, group, len(sample.lamp), method)


def _row(statistic: str, found: Sequence[Interval], group: Group, records: int, method: str) -> dict:
    """found: corrected, of LAMP alone, of SimpleCode's fleet, and of the GEV fit if there is one. records: of LAMP that
    the first comes from."""
    numbers = dict(zip(NUMBERS, np.ravel(found), strict=False))
    runs = np.nan if "borrowed" in method else effective_runs(records, found[1], found[0])
    counts = {"lamp_records": len(group.lamp), "fleet_records": len(group.fleet)}
    return {"statistic": statistic} | numbers | counts | {"effective_lamp_runs": runs, "method": method}


def _extreme_rows(
    lamp: pd.DataFrame, fleet: pd.DataFrame, group: Group, question: Question, limit: float | None
) -> tuple[list[dict], pd.DataFrame]:
    """Exceedance of the limit, the most probable maximum and what the largest exceeds with small probabilities."""
    few, level = len(group.lamp) < FEWEST_MAXIMA, question.level
    sample, alone, simple = _sample(lamp, fleet, "maximum", group, borrowed=few)
    if len(sample.lamp) < FEWEST_RECORDS or len(sample.fleet) < 2:
        return [], pd.DataFrame()
    several = few or group.mixed  # sea states: errors grow with the motions
    to, back = _logarithm(sample.lamp) if several else (np.asarray, np.asarray)
    maxima = Sample(to(sample.lamp), to(sample.out_of_fold), to(sample.fleet))
    curves = estimates.exceedance_curves(maxima, question.seed, reach=float(to(limit)) if limit else -np.inf)
    moments = estimates.fitted_moments(maxima, question.seed)
    method = "maxima, borrowed" if few and len(sample.lamp) > len(alone) else "maxima"
    rows = []
    if limit:
        found = [curves.at(float(to(limit)), level)]
        found += [share(int((each > limit).sum()), len(each), level) for each in (alone, simple)]
        rows.append(_row("maximum_above", found, group, len(alone), method))
    duration = float(fleet["duration_s"].median())
    risks = {"most_probable_maximum": estimates.most_probable_probability(question.exposure, duration)}
    for name, risk in EXPOSURE_RISKS.items():
        risks[name] = estimates.record_probability(risk, question.exposure, duration)
    for name, risk in risks.items():
        fits, how = [curves.quantile(risk, level)], method
        if risk * len(sample.fleet) < estimates.TAIL_RECORDS:
            levels = [fitted(moments).isf(risk) for fitted in estimates.DISTRIBUTIONS.values()]
            fits = [estimates.percentiles(each, level, len(sample.lamp)) for each in levels]
            how += ", extrapolated (Gumbel)"
        fits = [Interval(*back(np.array(each))) for each in fits]
        of_simple = Interval(np.quantile(simple, 1 - risk)) if len(simple) else Interval()
        found = [fits[0], _gumbel_level(alone, risk, question), of_simple, *fits[1:]]
        rows.append(_row(name, found, group, len(alone), how))
    shares = {"lamp": alone, "simplecode": simple, "network": back(maxima.fleet).ravel()}
    return rows, curve_table(curves, back, moments, shares, level)


def _logarithm(numbers: np.ndarray) -> tuple[Callable, Callable]:
    """Logarithm and exponential; what is next to nothing counts as a thousandth of the median."""
    least = 1e-3 * float(np.median(numbers)) or 1e-6
    return (lambda x: np.log(np.maximum(x, least))), np.exp


def _gumbel_level(maxima: np.ndarray, probability: float, question: Question) -> Interval:
    """From LAMP's record maxima alone: the quantile of a Gumbel distribution, with a bootstrap over records."""
    if len(maxima) < FEWEST_RECORDS:
        return Interval()
    drawn = np.random.default_rng(question.seed).choice(maxima, (estimates.BOOTSTRAPS, len(maxima)))
    moments = estimates.l_moments(np.sort([maxima, *drawn], axis=1))
    return estimates.percentiles(estimates.gumbel(moments).isf(probability), question.level, len(maxima))


def curve_table(
    curves: estimates.Curves, back: Callable, moments: np.ndarray, shares: Mapping[str, np.ndarray], confidence: float
) -> pd.DataFrame:
    """Exceedance of record maxima over levels: level, probability, lower, upper; by name the shares of records with
    these maxima; and by name the probabilities of the distributions fitted to L-moments (1 + bootstrap, 3), with their
    bounds."""
    levels, (lower, upper) = back(curves.levels), curves.bounds(confidence)
    table = {"level": levels, "probability": curves.probability, "lower": lower, "upper": upper}
    for name, numbers in shares.items():
        table[name] = [(numbers > level).mean() for level in levels] if len(numbers) else np.nan
    for name, distribution in estimates.DISTRIBUTIONS.items():
        found = estimates.fitted_curve(moments, curves.levels, confidence, curves.records, distribution)
        table |= zip((name, f"{name}_lower", f"{name}_upper"), found, strict=True)
    return pd.DataFrame(table)
