"""The table of a fleet's statistics: by group of records and channel, with LAMP alone and SimpleCode beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from checks.record_statistics import ABOVE, FLEET, LEAST_MOTION, SIDES, WITH_LAMP, RecordTable
from readers.sea_state_handles import PART_UNITS, SeaState, number_text, sea_state
from settings.channels import FILE_UNIT, channel_of
from settings.description import TIME_UNITS, high_name, in_this_run, low_name, seconds, time_scale
from studies import fleet_estimates as estimates
from studies.fleet_estimates import Interval, Mixture, Ratios, Sample, corrected_mean, mean, share
from system.errors import OptionalSteps
from system.workers import HERE, Workers

EVERYTHING = "all"
NETWORK = "network"  # the source of its rows, whatever its title
NO_HANDLE = "no handle"  # the group of the records whose sea state is not known
FEWEST_RECORDS = 3  # LAMP records of a sea state whose own correction is used
FEWEST_MAXIMA = 8  # LAMP records of a group for a model of maxima of its own
FEWEST_WORTH = 8  # LAMP records for a number of effective LAMP runs
POOLED = "sea states pooled"  # whose largest values need not be alike over their amplitudes
STILL = 1e-3  # of the channel's largest amplitude in any sea state: with less, a channel does not move
LEAST_AMPLITUDE = 0.02  # of the group's mean: with less, the quotient of a largest value and it says nothing
GROUPS_AT_ONCE, TASKS_EACH = 8, 4  # in a task of some 10 s; and tasks that make another process worth its start
# What a row says, in words.
WORDS = {
    "mean_ssa": "mean significant single amplitude",
    "mean_period": "mean zero-upcrossing period",
    "time_above": "share of the time above {threshold:g} {unit}",
    "mean_maximum": "mean of the largest {side}value in {time}",
    "maximum_above": "probability that the largest {side}value in {time} exceeds {threshold:g} {unit}",
    "most_probable_maximum": "most probable largest {side}value in {time}",
    "largest_exceeded_by_10_percent": "largest {side}value in {time}, exceeded by 10 %",
    "largest_exceeded_by_1_percent": "largest {side}value in {time}, exceeded by 1 %",
}
# How often the level is exceeded in the exposure, on average.
EXPOSURES = {"most_probable_maximum": 1.0}
EXPOSURES |= {f"largest_exceeded_by_{risk}_percent": -np.log1p(-risk / 100) for risk in (10, 1)}
ONE_SIDED = {"up": "upward", "down": "downward"}
UNITS = {"mean_period": "s", "time_above": "share", "maximum_above": "probability"}  # of others, the channel's
MEANS = {"mean_ssa": "ssa", "mean_period": "period", "time_above": "time_above"}
SOURCES = ("lamp", "simplecode")
NUMBERS = ("estimate", "lower", "upper")
NUMBERS += tuple(f"{source}{bound}" for source in SOURCES for bound in ("", "_lower", "_upper"))
OF_RECORD = ("handle", "duration_s", "amplitude", "lamp_amplitude", "state")  # columns that its rows share
COLUMNS = ("sea_state", "channel", "unit", "statistic", "meaning", "side", "exposure_h", "threshold", *NUMBERS)
COLUMNS += (
    "lamp_records",
    "fleet_records",
    "effective_lamp_runs",
    "effective_lower",
    "effective_upper",
    "fleet_records_needed",
)
COLUMNS += ("method",)


@dataclass(frozen=True)
class Question:
    """level: of the intervals, 0 to 1. limits: by channel. exposure: s, by default 3 h of a ship at full scale. by:
    parts of the handle, or "all". lamp_hours: of a LAMP run, if known."""

    level: float = 0.9
    limits: Mapping[str, float] = field(default_factory=dict)
    exposure: float = field(default_factory=lambda: seconds(3 * 3600.0))
    seed: int = 0
    by: tuple[str, ...] = ()
    lamp_hours: float | None = None


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

    def split(self, rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The rows of its records with LAMP, and those of the fleet."""
        lamp = (rows["set"] == WITH_LAMP) & rows["record"].isin(self.lamp)
        return rows[lamp], rows[(rows["set"] == FLEET) & rows["record"].isin(self.fleet)]


def groups_of(records: RecordTable, by: Sequence[str]) -> list[Group]:
    """The groups of the fleet's records in the order of their sea states, and last, if there are several, all of them.

    Records without a handle that can be read are a group by themselves, NO_HANDLE, unless all records are.
    """
    lamp, fleet = ({}, {})
    for set_name, record, handle in records.rows[["set", "record", "handle"]].drop_duplicates().itertuples(index=False):
        state = None if list(by) == [EVERYTHING] else sea_state(handle)
        parts = tuple((part, getattr(state, part)) for part in by or PART_UNITS) if state else ()
        (lamp if set_name == WITH_LAMP else fleet).setdefault(parts, set()).add(record)
    everything = [frozenset().union(*names.values()) for names in (lamp, fleet)]
    if len(fleet) == 1 and fleet.keys() == lamp.keys():
        (parts,) = fleet
        return [Group(_group_name(parts, by) if parts else EVERYTHING, *everything)]
    groups = []
    for parts, names in sorted(fleet.items(), key=lambda item: (not item[0], item[0])):
        with_lamp = frozenset(lamp.get(parts, ()))
        few = {"borrowed": len(with_lamp) < FEWEST_RECORDS, "mixed": not parts, "parts": dict(parts)}
        groups.append(Group(_group_name(parts, by), with_lamp, frozenset(names), **few))
    return [*groups, Group(EVERYTHING, *everything, mixed=True)]


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
    def of(cls, records: RecordTable) -> "SeaStates":
        sets, handles = records.rows["set"], records.rows["handle"]
        handles = [handles[sets == name].unique() for name in (WITH_LAMP, FLEET)]
        states = {handle: sea_state(handle) for handle in np.concatenate(handles)}
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
    records: RecordTable, groups: Sequence[Group], question: Question, workers: Workers = HERE
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The table of statistics (COLUMNS), and the exceedance curves of record maxima, see `curve_table`.

    What cannot be computed is a warning, and its rows are left out. The workers share the groups.
    """
    states, rows, curves, tasks = SeaStates.of(records), [], [], []
    parts = [groups[start : start + GROUPS_AT_ONCE] for start in range(0, len(groups), GROUPS_AT_ONCE)]
    with OptionalSteps() as attempt:
        for channel in records.levels:
            of_channel = attempt(f"{channel}: statistics", _rows_of, channel, records, states, question)
            tasks += [(channel, of_channel, states, part, question) for part in parts if of_channel is not None]
        results = dict(workers.run(in_this_run(_channel_statistics), tasks, tasks_each=TASKS_EACH))
        for number in range(len(tasks)):
            more, found, failed = results[number]
            rows, curves = rows + more, curves + found
            attempt.add(failed)
    names = [group.name for group in groups]
    rows.sort(key=lambda row: names.index(row["sea_state"]))
    return pd.DataFrame(rows, columns=list(COLUMNS)), joined(curves)


def _rows_of(channel: str, records: RecordTable, states: SeaStates, question: Question) -> pd.DataFrame | None:
    """The rows of a channel that moves, with `threshold` and the share of the time above it, and amplitudes; None of
    one that does not, such as roll in head seas."""
    of_channel = records.rows[records.rows["channel"] == channel]
    lamp = of_channel[of_channel["source"] == high_name()]
    if not lamp["maximum"].gt(records.least_motion(channel)).any():
        return None
    threshold = question.limits.get(channel) or float(f"{lamp['ssa'].mean():.2g}")
    levels = records.levels[channel]
    shares = [np.interp(threshold, levels, shares, right=0.0) for shares in of_channel["share_above"]]
    of_channel = of_channel.drop(columns=[*ABOVE, "spectrum"], errors="ignore")
    return _with_amplitudes(of_channel.assign(time_above=shares, threshold=threshold), states)


def _channel_statistics(
    channel: str, of_channel: pd.DataFrame, states: SeaStates, groups: Sequence[Group], question: Question
) -> tuple[list[dict], list[pd.DataFrame], Mapping[str, Sequence[str]]]:
    """The rows of the table and the curves of a channel in some groups, and what of them has failed, by cause."""
    rows, curves, limit, attempt = [], [], question.limits.get(channel), OptionalSteps()
    # Sagging and hogging moments are not alike; which of them is positive, the files know.
    kind, extremes = channel_of(channel).kind, channel_of(channel).extremes
    sides = SIDES if kind == "moment" else {ONE_SIDED.get(extremes, ""): "maximum"}
    thresholds = {"time_above": of_channel["threshold"].iloc[0], "maximum_above": limit}
    for group in groups:
        where = f"{channel}, {group.name}"
        about = (of_channel, states, group, question)
        found = [attempt(f"{where}: {name}", _mean_row, name, column, *about) for name, column in MEANS.items()]
        for side, column in sides.items():
            of_side, none = ({"side": side}, ([], pd.DataFrame()))
            largest = attempt(f"{where}: mean_maximum", _mean_row, "mean_maximum", column, *about)
            more, curve = attempt(f"{where}: largest values", _extreme_rows, column, *about, limit, otherwise=none)
            found += [row | of_side for row in (largest, *more) if row]
            curves.append(curve.assign(sea_state=group.name, channel=channel, **of_side))
        for row in filter(None, found):
            named = {"sea_state": group.name, "channel": channel, "side": ""}
            rows.append(_described(named | {"threshold": thresholds.get(row["statistic"], np.nan)} | row))
    return rows, curves, attempt.failed


def joined(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The rows of several tables, of which any may be empty."""
    tables = [table for table in tables if len(table)]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def _described(row: dict) -> dict:
    """A row of the table with its unit and what it says in words."""
    hours, side, unit = row["exposure_h"], row["side"], channel_of(row["channel"]).unit
    time = "a record" if np.isnan(hours) else duration_text(hours)
    words = {"side": f"{side} " if side else "", "time": time, "unit": unit, "threshold": row["threshold"]}
    meaning = WORDS[row["statistic"]].format(**words)
    return row | {"unit": UNITS.get(row["statistic"], unit), "meaning": meaning}


def duration_text(hours: float) -> str:
    """A duration in h or, below one, in min; at other time scales than a ship's in any unit."""
    if time_scale() == 1:
        return f"{hours:.3g} h" if hours >= 1 else f"{60 * hours:.3g} min"
    unit = max((unit for unit in TIME_UNITS if TIME_UNITS[unit] <= 3600 * hours), key=TIME_UNITS.get, default="ms")
    return f"{3600 * hours / TIME_UNITS[unit]:.3g} {unit}"


def with_units(table: pd.DataFrame, moment_unit: str) -> pd.DataFrame:
    """A table with the units of its channels, where a bending moment has that of the files."""
    if len(table) and "unit" not in table:
        table = table.assign(unit=table["channel"].map(lambda name: channel_of(name).unit))
    return table.replace({name: {FILE_UNIT: moment_unit} for name in ("unit", "meaning")}, regex=True)


def _with_amplitudes(rows: pd.DataFrame, states: SeaStates) -> pd.DataFrame:
    """The rows of a channel with columns `amplitude`, the mean predicted significant amplitude of the records of the
    same sea state, and `lamp_amplitude`, LAMP's there; of records without a handle, their own. The network's
    source is NETWORK, whatever its title."""
    source = rows["source"].where(rows["source"].isin([high_name(), low_name()]), NETWORK)
    state = rows["handle"].map(states.numbers).where(rows["handle"] != "", -1 - pd.factorize(rows["record"])[0])
    rows = rows.assign(source=source, state=state)
    for source, name in ((NETWORK, "amplitude"), (high_name(), "lamp_amplitude")):
        by_record = rows[rows["source"] == source].groupby(["state", "set", "record"])["ssa"].mean()
        rows[name] = rows["state"].map(by_record.groupby("state").mean())
    return rows


@dataclass(frozen=True)
class GroupValues:
    """A statistic of the records of a group.

    pairs: by LAMP record, columns `high_name`, NETWORK and OF_RECORD; of all groups if the group borrows. in_group: of
    the group alone. fleet: its records. simple: SimpleCode's values. sample, alone: the fleet with pairs or in_group.
    """

    pairs: pd.DataFrame
    in_group: pd.DataFrame
    fleet: pd.DataFrame
    simple: np.ndarray
    sample: Sample
    alone: Sample

    @classmethod
    def of(cls, rows: pd.DataFrame, column: str, states: SeaStates, group: Group, borrowed: bool) -> "GroupValues":
        """rows: of a channel. column: of the statistic; records without a number are left out."""

        def of_record(rows: pd.DataFrame) -> pd.DataFrame:
            return rows.drop_duplicates("record").set_index("record")[list(OF_RECORD)]

        fleet, lamp = group.split(rows)[1], rows[(rows["set"] == WITH_LAMP) & (rows["source"] != low_name())]
        networks = fleet[fleet["source"] == NETWORK].pivot(index="record", columns="network", values=column).dropna()
        records, simple = of_record(fleet).loc[networks.index], fleet.loc[fleet["source"] == low_name(), column]
        pairs = lamp.pivot(index="record", columns="source", values=column).reindex(columns=[high_name(), NETWORK])
        pairs = pairs.dropna().join(of_record(lamp))
        in_group = pairs[pairs.index.isin(group.lamp)]

        def sample(rows: pd.DataFrame) -> Sample:
            strata, shared = states.strata(rows["handle"], records["handle"])
            return Sample(rows[high_name()].to_numpy(), rows[NETWORK].to_numpy(), networks.to_numpy(), strata, shared)

        pairs = pairs if borrowed else in_group
        return cls(pairs, in_group, records, simple.dropna().to_numpy(), sample(pairs), sample(in_group))


def _mean_row(
    statistic: str, column: str, rows: pd.DataFrame, states: SeaStates, group: Group, question: Question
) -> dict:
    values, level = GroupValues.of(rows, column, states, group, group.borrowed), question.level
    alone = mean(values.alone.lamp, level) if group.borrowed else estimates.stratified_mean(values.alone, level)
    intervals = [corrected_mean(values.sample, level, group.borrowed), alone, mean(values.simple, level)]
    if statistic == "time_above":
        intervals = [each._replace(**dict(zip(NUMBERS, np.clip(each[:3], 0, 1), strict=False))) for each in intervals]
    method = "corrected mean"
    if group.borrowed:
        method = "borrowed"
    elif len(np.unique(values.sample.strata[1])) > 1 or values.sample.shared:
        method = "stratified, sea states shared" if values.sample.shared else "stratified"
    hours = np.nan
    if statistic == "mean_maximum":
        hours, lengths = _record_hours(values.fleet)
        method += lengths
    row = _row(statistic, intervals, group, 0 if group.borrowed else values.sample.counted, method, hours)
    if row["effective_lamp_runs"] < row["lamp_records"]:
        row["fleet_records_needed"] = estimates.fleet_records_needed(values.sample, *intervals[1::-1])
    return row


def _record_hours(records: pd.DataFrame) -> tuple[float, str]:
    """The length of the records in hours, and nothing; of records of several lengths NaN, and what to say of them."""
    kinds = np.unique(estimates.length_classes(records["duration_s"].to_numpy()))
    return (kinds[0] / 3600, "") if len(kinds) == 1 else (np.nan, f", records of {len(kinds)} lengths")


def _row(
    statistic: str, intervals: Sequence[Interval], group: Group, records: int, method: str, hours: float = np.nan
) -> dict:
    """intervals: corrected, of LAMP alone, and of SimpleCode's fleet. records: of LAMP, for the effective LAMP runs.
    hours: the exposure of a largest value."""
    numbers = dict(zip(NUMBERS, np.ravel([each[:3] for each in intervals]), strict=False))
    runs = estimates.effective_runs(records, *intervals[1::-1], 0.9) if records >= FEWEST_WORTH else Interval()
    numbers |= {"effective_lamp_runs": runs.estimate, "effective_lower": runs.lower, "effective_upper": runs.upper}
    counts = {"lamp_records": len(group.lamp), "fleet_records": len(group.fleet)}
    return {"statistic": statistic, "exposure_h": hours} | numbers | counts | {"method": method}


def _extreme_rows(
    column: str, rows: pd.DataFrame, states: SeaStates, group: Group, question: Question, limit: float | None
) -> tuple[list[dict], pd.DataFrame]:
    """Exceedance of the limit, the most probable maximum and what the largest exceeds with small probabilities."""
    few, level = len(group.lamp) < FEWEST_MAXIMA, question.level
    values = GroupValues.of(rows, column, states, group, borrowed=few)
    sample, alone, (hours, lengths) = values.sample, values.alone, _record_hours(values.fleet)
    shares = [estimates.stratified_share(alone, limit, level)] if limit else []
    shares += [share(int((values.simple > limit).sum()), len(values.simple), level)] if limit else []
    still = STILL * rows["amplitude"].max()
    if len(sample.fleet) and not (values.fleet["amplitude"].mean() > still and estimates.varies(sample.fleet)):
        largest = sample.fleet.max(axis=1)
        intervals = [share(int((largest > limit).sum()), len(largest), level), *shares] if limit else []
        return [_row("maximum_above", intervals, group, 0, "does not move", hours)] * bool(limit), pd.DataFrame()
    ratios = _ratios(values)
    if len(ratios.lamp) < FEWEST_RECORDS or len(sample.fleet) < 2:
        return [], pd.DataFrame()
    method = ("maxima, borrowed" if few and len(sample.lamp) > len(alone.lamp) else "maxima") + lengths
    if values.fleet["state"].nunique() > 1:
        method += f", {POOLED}"
    reach = max(sample.lamp.max(), limit or 0.0)
    curves = estimates.exceedance_curves(ratios, question.seed, estimates.BOOTSTRAPS, reach)
    equal = np.full(len(ratios.fleet), 1 / len(ratios.fleet))
    gumbel = Mixture.of(estimates.fitted(ratios, question.seed, estimates.BOOTSTRAPS), ratios.amplitudes, equal)
    result = [_row("maximum_above", [curves.at(limit, level), *shares], group, 0, method, hours)] if limit else []
    for name, expected in EXPOSURES.items():
        risk = -np.expm1(-expected * curves.duration / question.exposure)
        estimated, how = curves.quantile(risk, level), method
        if risk * min(len(sample.fleet) / estimates.TAIL_RECORDS, len(ratios.lamp) / 2) < 1:
            estimated = estimates.percentiles(gumbel.quantiles(risk), level, len(ratios.lamp))
            how += ", extrapolated (Gumbel)"
        simple = Interval(np.quantile(values.simple, 1 - risk)) if len(values.simple) else Interval()
        intervals = [estimated, _gumbel_level(values, expected, question), simple]
        result.append(_row(name, intervals, group, 0, how, question.exposure / 3600))
    return result, curve_table(curves, values, level)


def _ratios(values: GroupValues) -> Ratios:
    """The largest values over the amplitudes of their sea states; those of next to no amplitude count as never high."""
    pairs, amplitudes = values.pairs, values.fleet["amplitude"].to_numpy()
    least = LEAST_AMPLITUDE * amplitudes.mean()
    pairs = pairs[pairs["amplitude"] > least]
    lamp, unseen = (pairs[[high_name(), NETWORK]].to_numpy() / pairs[["amplitude"]].to_numpy()).T
    moving = amplitudes > least
    fleet = values.sample.fleet / np.where(moving, amplitudes, np.inf)[:, None]
    fleet[~moving] = np.median(fleet[moving], axis=0)
    durations = estimates.length_classes(values.fleet["duration_s"].to_numpy())
    return Ratios(lamp, unseen, fleet, np.where(moving, amplitudes, 0.0), durations)


def _gumbel_level(values: GroupValues, expected: float, question: Question) -> Interval:
    """From LAMP's record maxima alone: the quantile of a distribution fitted to their ratios to LAMP's amplitudes of
    the sea states, with a bootstrap over records, which of fewer than FEWEST_MAXIMA covered too little (55 % with 3).
    expected: how often it is exceeded in the exposure."""
    weights, pairs = values.alone.lamp_weights(), values.in_group
    amplitudes, lengths = pairs["lamp_amplitude"].to_numpy(), estimates.length_classes(pairs["duration_s"].to_numpy())
    moving = amplitudes > LEAST_AMPLITUDE * (weights * amplitudes).sum()
    if not moving.any():
        return Interval()
    duration = float(pd.Series(lengths[moving]).mode().iloc[0])  # those of other lengths have other distributions
    counted = moving & (lengths == duration)
    ratios = values.alone.lamp[counted] / amplitudes[counted]
    if len(ratios) < FEWEST_RECORDS:
        return Interval()
    gumbel = estimates.gumbel_of(ratios, question.seed, estimates.BOOTSTRAPS)
    mixture = Mixture.of(gumbel, np.where(moving, amplitudes, 0.0), weights)
    levels = mixture.quantiles(-np.expm1(-expected * duration / question.exposure))
    level = estimates.percentiles(levels, question.level, len(ratios))
    return level if len(ratios) >= FEWEST_MAXIMA else Interval(level.estimate)


def curve_table(curves: estimates.Curves, values: GroupValues, confidence: float) -> pd.DataFrame:
    """Exceedance of record maxima over levels: level, probability, lower, upper; and by source the shares of records
    with these maxima."""
    levels, (lower, upper) = curves.levels, curves.bounds(confidence)
    table = {"level": levels, "probability": curves.probability, "lower": lower, "upper": upper}
    weights = values.alone.lamp_weights()
    table["lamp"] = [weights @ (values.alone.lamp > level) for level in levels] if weights.any() else np.nan
    for name, numbers in (("simplecode", values.simple), ("network", values.sample.fleet)):
        table[name] = [(numbers > level).mean() for level in levels] if numbers.size else np.nan
    return pd.DataFrame(table)
