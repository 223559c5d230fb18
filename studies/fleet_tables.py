"""The table of a fleet's statistics: by group of records and channel, with LAMP alone and SimpleCode beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from checks.record_statistics import LAMP, RecordTable
from metrics import SIMPLECODE
from readers.cases import PART_UNITS, SeaState, number_text, sea_state
from settings.channels import channel_of
from studies import fleet_estimates as estimates
from studies.fleet_estimates import Interval, Mixture, Sample, corrected_mean, mean, share
from system.errors import Attempts

EVERYTHING = "all"
NETWORK = "network"  # the source of its rows, whatever its title
NO_HANDLE = "no handle"  # the group of the records whose sea state is not known
FEWEST_RECORDS = 3  # LAMP records of a sea state whose own correction is used
FEWEST_MAXIMA = 8  # LAMP records of a group for a model of maxima of its own
FEWEST_WORTH = 8  # LAMP records for a number of effective LAMP runs
STILL = 1e-3  # of the channel's largest amplitude in any sea state: with less, a channel does not move
LEAST_AMPLITUDE = 0.02  # of the group's mean: with less, the quotient of a largest value and it says nothing
LEAST_MOTION = 1e-6  # in the channel's unit, below what files resolve
# How often the level is exceeded in the exposure, on average.
EXPOSURES = {"most_probable_maximum": 1.0}
EXPOSURES |= {f"largest_exceeded_by_{risk}_percent": -np.log1p(-risk / 100) for risk in (10, 1)}
UNITS = {"mean_period": "s", "time_above": "share", "maximum_above": "probability"}  # of others, the channel's
MEANS = {"mean_ssa": "ssa", "mean_period": "period", "mean_maximum": "maximum", "time_above": "time_above"}
# gev: the generalized extreme value fit, where the estimate is that of Gumbel's.
SOURCES = ("lamp", "simplecode", "gev")
NUMBERS = ("estimate", "lower", "upper")
NUMBERS += tuple(f"{source}{bound}" for source in SOURCES for bound in ("", "_lower", "_upper"))
COLUMNS = ("sea_state", "channel", "unit", "statistic", "threshold", *NUMBERS)
COLUMNS += ("lamp_records", "fleet_records", "effective_lamp_runs", "effective_lower", "effective_upper", "method")


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

    lamp, fleet: names of the records. borrowed: whether all LAMP records serve it, as it has too few. mixed: whether
    its sea states are several or not known. parts: of the handle, in which its records agree.
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


@dataclass(frozen=True)
class SeaStates:
    """The sea states of records, numbered; those with LAMP records first.

    numbers: by handle. distances: (state, state with LAMP): each part of the handle differs by at most 1 over all of
    them, headings as angles; records without a handle are further away.
    """

    numbers: Mapping[str, int]
    distances: np.ndarray

    @classmethod
    def of(cls, lamp: RecordTable, fleet: RecordTable) -> "SeaStates":
        handles = [list(dict.fromkeys(table.rows["handle"])) for table in (lamp, fleet)]
        states = {handle: sea_state(handle) for handle in (*handles[0], *handles[1])}
        order = {state: number for number, state in enumerate(dict.fromkeys(states.values()))}
        with_lamp = len({states[handle] for handle in handles[0]})
        distances = np.zeros((len(order), with_lamp))
        for part in PART_UNITS:
            values = np.array([getattr(state, part) if state else np.nan for state in order])
            away = np.abs(values[:, None] - values[:with_lamp])
            away = np.minimum(away, 360 - away) if "heading" in part else away
            distances += away / max(np.nanmax(away, initial=0.0), LEAST_MOTION)
        unknown = np.array([state is None for state in order])
        distances[unknown[:, None] != unknown[:with_lamp]] = 2 * len(PART_UNITS)
        return cls({handle: order[state] for handle, state in states.items()}, np.nan_to_num(distances))

    def strata(self, lamp: Sequence[str], fleet: Sequence[str]) -> tuple[tuple, frozenset[int]]:
        """The stratum of each record, from their handles, and those that several sea states share."""
        ours, theirs = (np.array([self.numbers[handle] for handle in handles], int) for handles in (lamp, fleet))
        strata, shared = estimates.shared_strata(ours, theirs, self.distances, FEWEST_RECORDS)
        return (strata[ours], strata[theirs]), shared


def statistics(
    lamp: RecordTable, fleet: RecordTable, groups: Sequence[Group], question: Question
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The table of statistics (COLUMNS), and the exceedance curves of record maxima, see `curve_table`.

    What cannot be computed is a warning, and its rows are left out.
    """
    states, rows, curves = SeaStates.of(lamp, fleet), [], []
    with Attempts() as attempt:
        for channel in fleet.channels:
            about = (channel, lamp, fleet, states, groups, question, attempt)
            found = attempt(f"{channel}: statistics", _of_channel, *about, otherwise=([], []))
            rows, curves = rows + found[0], curves + found[1]
    names = [group.name for group in groups]
    rows.sort(key=lambda row: names.index(row["sea_state"]))
    return pd.DataFrame(rows, columns=list(COLUMNS)), joined(curves)


def _of_channel(
    channel: str,
    lamp: RecordTable,
    fleet: RecordTable,
    states: SeaStates,
    groups: Sequence[Group],
    question: Question,
    attempt: Attempts,
) -> tuple[list[dict], list[pd.DataFrame]]:
    """The rows of the table and the curves of a channel; none of one that does not move, such as roll in head seas."""
    of_lamp = lamp.rows[(lamp.rows["channel"] == channel) & (lamp.rows["source"] == LAMP)]
    if not of_lamp["maximum"].gt(LEAST_MOTION).any():
        return [], []
    rows, curves, limit = [], [], question.limits.get(channel)
    thresholds = {"time_above": limit or float(f"{of_lamp['ssa'].mean():.2g}"), "maximum_above": limit}
    tables = _with_amplitudes(*(table.of_channel(channel, thresholds["time_above"]) for table in (lamp, fleet)), states)
    for group in groups:
        where = f"{channel}, {group.name}"
        about = (*tables, states, group, question)
        found = [attempt(f"{where}: {name}", _mean_row, name, *about) for name in MEANS]
        more, curve = attempt(f"{where}: largest values", _extreme_rows, *about, limit, otherwise=([], pd.DataFrame()))
        for row in (*filter(None, found), *more):
            unit = UNITS.get(row["statistic"], channel_of(channel).unit)
            named = {"sea_state": group.name, "channel": channel, "unit": unit}
            rows.append(named | {"threshold": thresholds.get(row["statistic"], np.nan)} | row)
        curves.append(curve.assign(sea_state=group.name, channel=channel))
    return rows, curves


@dataclass(frozen=True)
class Allocation:
    """How a group's LAMP records lie among the sea states of the fleet.

    states: number of the fleet's sea states. short: how many of them have too few LAMP records for a stratum of their
    own. lamp, fleet: by handle of a record, the share of LAMP's and of the fleet's records in its stratum.
    """

    states: int
    short: int
    lamp: Mapping[str, float]
    fleet: Mapping[str, float]


def allocations(lamp: RecordTable, fleet: RecordTable, groups: Sequence[Group]) -> dict[str, Allocation]:
    """By name, of the groups that do not borrow their correction."""
    states, found = SeaStates.of(lamp, fleet), {}
    handles = [table.rows.drop_duplicates("record").set_index("record")["handle"] for table in (lamp, fleet)]
    for group in (group for group in groups if not group.borrowed):
        ours, theirs = (
            each[each.index.isin(names)] for each, names in zip(handles, (group.lamp, group.fleet), strict=True)
        )
        strata, _ = states.strata(ours, theirs)
        counts = ours.map(states.numbers).value_counts()
        of_fleet = theirs.map(states.numbers).unique()
        stratum_of = dict(zip(theirs, strata[1], strict=True))
        shares = [{handle: float((each == s).mean()) for handle, s in stratum_of.items()} for each in strata]
        short = counts.reindex(of_fleet, fill_value=0) < FEWEST_RECORDS
        found[group.name] = Allocation(len(of_fleet), int(short.sum()), *shares)
    return found


def joined(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The rows of several tables, of which any may be empty."""
    tables = [table for table in tables if len(table)]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def _with_amplitudes(lamp: pd.DataFrame, fleet: pd.DataFrame, states: SeaStates) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of a channel with columns `amplitude`, the mean predicted significant amplitude of the records of the
    same sea state, and `lamp_amplitude`, LAMP's there; of records without a handle, their own. The network's
    source is NETWORK, whatever its title."""
    both = pd.concat([lamp.assign(ours=True), fleet.assign(ours=False)], ignore_index=True)
    both["source"] = both["source"].where(both["source"].isin([LAMP, SIMPLECODE]), NETWORK)
    known = both["handle"].map(lambda handle: sea_state(handle) is not None)
    both["state"] = both["handle"].map(states.numbers).where(known, -1 - pd.factorize(both["record"])[0])
    for source, name in ((NETWORK, "amplitude"), (LAMP, "lamp_amplitude")):
        of_source = both[both["source"] == source]
        of_records = of_source.groupby(["state", "ours", "record"])["ssa"].mean()
        both[name] = both["state"].map(of_records.groupby("state").mean())
    return both[both["ours"]], both[~both["ours"]]


@dataclass(frozen=True)
class Chosen:
    """A statistic of the records of a group.

    pairs, in_group: by LAMP record, columns LAMP, NETWORK and those of the record; of all groups if the group borrows,
    and of the group alone. fleet: its records. simple: SimpleCode's values of the fleet. sample, alone: of the fleet
    with the former and with the latter.
    """

    pairs: pd.DataFrame
    in_group: pd.DataFrame
    fleet: pd.DataFrame
    simple: np.ndarray
    sample: Sample
    alone: Sample


def _chosen(
    lamp: pd.DataFrame, fleet: pd.DataFrame, column: str, states: SeaStates, group: Group, borrowed: bool
) -> Chosen:
    """lamp, fleet: rows of a channel. column: of the statistic; records without a number are left out. borrowed: the
    sample has the LAMP records of all groups."""
    about = ["handle", "duration_s", "amplitude", "lamp_amplitude"]
    fleet = fleet[fleet["record"].isin(group.fleet)]
    networks = fleet[fleet["source"] == NETWORK].pivot(index="record", columns="network", values=column).dropna()
    records = fleet.drop_duplicates("record").set_index("record").loc[networks.index, about]
    values = lamp[lamp["source"].isin([LAMP, NETWORK])].pivot(index="record", columns="source", values=column)
    pairs = (
        values.reindex(columns=[LAMP, NETWORK]).dropna().join(lamp.drop_duplicates("record").set_index("record")[about])
    )
    in_group = pairs[pairs.index.isin(group.lamp)]

    def sample(rows: pd.DataFrame) -> Sample:
        strata, shared = states.strata(rows["handle"], records["handle"])
        return Sample(rows[LAMP].to_numpy(), rows[NETWORK].to_numpy(), networks.to_numpy(), strata, shared)

    pairs = pairs if borrowed else in_group
    simple = fleet[fleet["source"] == SIMPLECODE][column].dropna().to_numpy()
    return Chosen(pairs, in_group, records, simple, sample(pairs), sample(in_group))


def _mean_row(
    statistic: str, lamp: pd.DataFrame, fleet: pd.DataFrame, states: SeaStates, group: Group, question: Question
) -> dict:
    chosen, level = _chosen(lamp, fleet, MEANS[statistic], states, group, group.borrowed), question.level
    alone = mean(chosen.alone.lamp, level) if group.borrowed else estimates.stratified_mean(chosen.alone, level)
    found = [corrected_mean(chosen.sample, level, group.borrowed), alone, mean(chosen.simple, level)]
    if statistic == "time_above":
        found = [each._replace(**dict(zip(NUMBERS, np.clip(each[:3], 0, 1), strict=False))) for each in found]
    method = "corrected mean"
    if group.borrowed:
        method = "borrowed"
    elif len(np.unique(chosen.sample.strata[1])) > 1 or chosen.sample.shared:
        method = "stratified, sea states shared" if chosen.sample.shared else "stratified"
    if statistic == "mean_maximum":
        method += _several_lengths(chosen.fleet)
    return _row(statistic, found, group, 0 if group.borrowed else chosen.sample.counted, method)


def _several_lengths(records: pd.DataFrame) -> str:
    kinds = np.unique(estimates.length_classes(records["duration_s"].to_numpy()))
    return f", records of {len(kinds)} lengths" if len(kinds) > 1 else ""


def _row(statistic: str, found: Sequence[Interval], group: Group, records: int, method: str) -> dict:
    """found: corrected, of LAMP alone, of SimpleCode's fleet, and of the GEV fit if there is one. records: of LAMP, for
    the effective LAMP runs."""
    numbers = dict(zip(NUMBERS, np.ravel([each[:3] for each in found]), strict=False))
    runs = estimates.effective_range(records, found[1], found[0], 0.9) if records >= FEWEST_WORTH else Interval()
    numbers |= {"effective_lamp_runs": runs.estimate, "effective_lower": runs.lower, "effective_upper": runs.upper}
    counts = {"lamp_records": len(group.lamp), "fleet_records": len(group.fleet)}
    return {"statistic": statistic} | numbers | counts | {"method": method}


def _extreme_rows(
    lamp: pd.DataFrame,
    fleet: pd.DataFrame,
    states: SeaStates,
    group: Group,
    question: Question,
    limit: float | None,
) -> tuple[list[dict], pd.DataFrame]:
    """Exceedance of the limit, the most probable maximum and what the largest exceeds with small probabilities."""
    few, level = len(group.lamp) < FEWEST_MAXIMA, question.level
    chosen = _chosen(lamp, fleet, "maximum", states, group, borrowed=few)
    sample, alone, lengths = chosen.sample, chosen.alone, _several_lengths(chosen.fleet)
    shares = [estimates.stratified_share(alone, limit, level)] if limit else []
    shares += [share(int((chosen.simple > limit).sum()), len(chosen.simple), level)] if limit else []
    still = STILL * pd.concat([lamp, fleet])["amplitude"].max()
    if len(sample.fleet) and not (chosen.fleet["amplitude"].mean() > still and estimates.varies(sample.fleet)):
        largest = sample.fleet.max(axis=1)
        found = [share(int((largest > limit).sum()), len(largest), level), *shares] if limit else []
        return [_row("maximum_above", found, group, 0, "does not move")] * bool(limit), pd.DataFrame()
    ratios = _ratios(chosen)
    if len(ratios.lamp) < FEWEST_RECORDS or len(sample.fleet) < 2:
        return [], pd.DataFrame()
    method = ("maxima, borrowed" if few and len(sample.lamp) > len(alone.lamp) else "maxima") + lengths
    reach = max(sample.lamp.max(), limit or 0.0)
    curves = estimates.exceedance_curves(ratios, question.seed, reach=reach)
    equal = np.full(len(ratios.fleet), 1 / len(ratios.fleet))
    distributions = estimates.fitted(ratios, question.seed)
    fits = {name: Mixture.of(fit, ratios.amplitudes, equal) for name, fit in distributions.items()}
    rows = [_row("maximum_above", [curves.at(limit, level), *shares], group, 0, method)] if limit else []
    for name, expected in EXPOSURES.items():
        risk = -np.expm1(-expected * curves.duration / question.exposure)
        estimated, how = [curves.quantile(risk, level)], method
        if risk * min(len(sample.fleet) / estimates.TAIL_RECORDS, len(ratios.lamp) / 2) < 1:
            estimated = [estimates.percentiles(fit.quantiles(risk), level, len(ratios.lamp)) for fit in fits.values()]
            how += ", extrapolated (Gumbel)"
        simple = Interval(np.quantile(chosen.simple, 1 - risk)) if len(chosen.simple) else Interval()
        found = [estimated[0], _gumbel_level(chosen, expected, question), simple, *estimated[1:]]
        rows.append(_row(name, found, group, 0, how))
    return rows, curve_table(curves, fits, chosen, level)


def _ratios(chosen: Chosen) -> Sample:
    """The largest values over the amplitudes of their sea states; those of next to no amplitude count as never high."""
    pairs, amplitudes = chosen.pairs, chosen.fleet["amplitude"].to_numpy()
    least = LEAST_AMPLITUDE * amplitudes.mean()
    pairs = pairs[pairs["amplitude"] > least]
    lamp, unseen = (pairs[[LAMP, NETWORK]].to_numpy() / pairs[["amplitude"]].to_numpy()).T
    moving = amplitudes > least
    fleet = chosen.sample.fleet / np.where(moving, amplitudes, np.inf)[:, None]
    fleet[~moving] = np.median(fleet[moving], axis=0)
    durations = estimates.length_classes(chosen.fleet["duration_s"].to_numpy())
    return Sample(lamp, unseen, fleet, amplitudes=np.where(moving, amplitudes, 0.0), durations=durations)


def _gumbel_level(chosen: Chosen, expected: float, question: Question) -> Interval:
    """From LAMP's record maxima alone: the quantile of a distribution fitted to their ratios to LAMP's amplitudes of
    the sea states, with a bootstrap over records, which of fewer than FEWEST_MAXIMA covered too little (55 % with 3).
    expected: how often it is exceeded in the exposure."""
    weights, pairs = chosen.alone.lamp_weights(), chosen.in_group
    amplitudes, lengths = pairs["lamp_amplitude"].to_numpy(), estimates.length_classes(pairs["duration_s"].to_numpy())
    moving = amplitudes > LEAST_AMPLITUDE * (weights * amplitudes).sum()
    if not moving.any():
        return Interval()
    duration = float(pd.Series(lengths[moving]).mode().iloc[0])  # those of other lengths have other distributions
    counted = moving & (lengths == duration)
    ratios = chosen.alone.lamp[counted] / amplitudes[counted]
    if len(ratios) < FEWEST_RECORDS:
        return Interval()
    exponents = estimates.drawn_exponents(question.seed)
    drawn = np.random.default_rng(question.seed).choice(ratios, (estimates.BOOTSTRAPS, len(ratios)))
    moments = estimates.l_moments(np.sort([ratios, *drawn], axis=1) ** exponents[:, None])
    fitted = estimates.PowerGumbel.of(moments, exponents)
    mixture = Mixture.of(fitted, np.where(moving, amplitudes, 0.0), weights)
    levels = mixture.quantiles(-np.expm1(-expected * duration / question.exposure))
    found = estimates.percentiles(levels, question.level, len(ratios))
    return found if len(ratios) >= FEWEST_MAXIMA else Interval(found.estimate)


def curve_table(
    curves: estimates.Curves, fits: Mapping[str, Mixture], chosen: Chosen, confidence: float
) -> pd.DataFrame:
    """Exceedance of record maxima over levels: level, probability, lower, upper; by source the shares of records with
    these maxima; and by name the probabilities of the fitted distributions, with their bounds."""
    levels, (lower, upper) = curves.levels, curves.bounds(confidence)
    table = {"level": levels, "probability": curves.probability, "lower": lower, "upper": upper}
    lamp, weights = chosen.alone.lamp, chosen.alone.lamp_weights()
    table["lamp"] = [weights @ (lamp > level) for level in levels] if weights.any() else np.nan
    for name, numbers in (("simplecode", chosen.simple), ("network", chosen.sample.fleet)):
        table[name] = [(numbers > level).mean() for level in levels] if numbers.size else np.nan
    for name, mixture in fits.items():
        found = estimates.falling_curve(mixture.exceedance(levels), confidence, curves.records)
        table |= zip((name, f"{name}_lower", f"{name}_upper"), found, strict=True)
    return pd.DataFrame(table)
