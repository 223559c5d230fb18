"""Finds contradictions in the data: each measure of a pair of records is compared with plausible limits and with the
other pairs of the run.

The limits are in natural units. Of a ship, time goes with the time scale of the run, lengths with its square and
moments with its eighth power, as Froude's law says. Of what the user describes, a mean period is PERIOD, and the
standard deviation of a channel of the accurate source is 1.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from checks import pair_measures
from checks.pair_measures import PEAKS_ALIKE, measure
from data_io import Record
from readers.record_files import files_of
from readers.sea_state_handles import ALMOST_HANDLE, SeaState, find_handle, sea_state, unread_handles
from settings import SET_NAMES, DataInfo, UserInput
from settings.channels import HEAVE, PITCH, WAVE, channel_of, input_channels, output_channels, wave_at_centre
from settings.description import high_name, in_use, low_name, time_scale
from system.cores import cores
from system.errors import InputError, warn
from system.files import array_hash
from system.run_folder import RunFolder

PERIOD = 9.0  # s, mean period in natural units
SCALES = {"length": 2, "moment": 8}  # powers of the time scale by which the channels of a ship grow
MOVES = 0.05  # m or deg: standard deviation above which a channel moves
JUDGED = 0.15  # m or deg: above it a channel has a sign and a size; in very short waves the codes differ in both
SHOWN = 3  # findings of one kind that are listed individually
ALIKE = np.log(1.5)  # standard deviations of one sea state differ by no more
FEWEST_ALIKE = 5  # pairs needed for a usual value

# Plausible limits; those of single channels stand in settings/channels.py.
LEAST_FIT = 0.45  # it was 0.86 and more over the sound pairs there, 0.53 for VBM
LEAST_WAVE_FIT, LEAST_UNKNOWN_WAVE_FIT = 0.2, 0.07
LONGEST_LAG = 2.5  # s
# Over the sound pairs of benchmarks/trust.py heave and pitch together were 0 to 1.1 s early, heave was 0.02 to 1.1 m a
# metre of wave, and their slow parts correlated by -0.2 to 1.
DISAGREE = 0.5  # their correlation at the best lag below which one of them is not late, but of the other sign
LAG_LIMITS = -1.6, 1.0  # s, of heave and pitch together
LEAST_LIFTED = -0.3
LARGEST_LIFT, LEAST_LIFT, FULLY_LIFTED = 1.4, 0.45, 0.97
HIGHEST_WAVES = 8.0  # m, standard deviation: a significant height of 32 m
SHORTEST_RECORD = 120.0  # s; means, standard deviations and lags of shorter records are meaningless
LARGEST_EXCHANGE = 0.15  # by which correlations across two channels exceed those within them
LONGEST_STRAIGHT = 10.0  # s
# Of the channels that the user describes, of which nothing but the records of a run tells what is usual:
LEAST_RELATED = 0.1  # share explained above that by chance
LONGEST_PHASE = PERIOD / 4  # a lag with which sources do not correlate any more
TIMES_OTHERS = {"spike": 30.0, "straight": 10.0}  # the largest value in the other records: snap loads are rough
LEAST_ODD = {"spike": 15.0, "straight": 60.0}
TAKEN_FOR_OURS = {"length": ("feet", 1 / 0.3048), "angle": ("radians", np.pi / 180)}
# Unusual is what deviates from the median of similar pairs by more than this plus eight times their scatter.
FLOORS = {
    "fit": 0.15,
    "wave_fit": 0.25,
    "wave_lag": 1.0,
    "lag": 1.0,
    "lift_": np.log(1.15),
    "lifted": 0.5,
    "ratio": np.log(1.6),
    "correlation": 0.5,
}
SCATTERS = 8 * 1.4826  # median absolute deviations, each 0.67 of a standard deviation
MIXED = 3  # times the limit if the pairs are of several sea states
CLEAR_PEAK = 0.85  # correlation above which a lag is reliable


@dataclass(frozen=True)
class Pair:
    """One realization: its set, name, files (of sc, lamp and wave), measures (see `measures_of`), and hashes of sc and
    lamp, if they move.
    """

    set_name: str
    name: str
    files: dict[str, str]
    measures: dict[str, float]
    digests: dict[str, str]


@dataclass(frozen=True)
class Finding:
    """A contradiction in a pair: its kind, common to all pairs that share it, and a line for the user."""

    kind: str
    pair: Pair
    line: str


def find(pairs: Sequence[Pair], channels: Sequence[str]) -> list[Finding]:
    """All contradictions in the pairs of a run, compared with plausible limits and with similar pairs."""
    if not pairs:
        return []
    units = natural_units(pairs, channels)
    table = pd.DataFrame([pair.measures for pair in pairs])
    table = table / [units.get(name, 1.0) for name in table]
    natural, others, is_ship = table.to_dict("records"), largest_elsewhere(table), in_use().is_ship
    for name in (*(f"ratio_{name}" for name in channels), "lift_sc", "lift_lamp"):
        table[name] = np.log(table[name].where(table[name] > 0))
    usual, beyond = against_alike(table, [sea_state(pair.name) for pair in pairs] if is_ship else None)
    findings = list(duplicates(pairs))
    compared = (frame.to_dict("records") for frame in (usual, beyond, others))
    for pair, measures, *by_others in zip(pairs, natural, *compared, strict=True):
        judge = (ShipJudge if is_ship else Judge)(pair, measures, units, *by_others)
        findings += judge.signals(channels)
        if measures["seconds"] >= SHORTEST_RECORD:
            findings += list(judge.strangers()) or [
                *judge.waves(),
                *(list(judge.lag(channels)) or judge.motions(channels)),
            ]
    return findings


def natural_units(pairs: Sequence[Pair], channels: Sequence[str]) -> dict[str, float]:
    """The natural unit of each measure in the run, by its name; those without one have none."""
    time, sizes = ship_units(channels)
    measures = pd.DataFrame([pair.measures for pair in pairs])
    if not in_use().is_ship:
        time = measures["period"].median() / PERIOD
    for name in {*channels} & {*in_use().names}:
        sources = (measures[f"std_{name}_{source}"] for source in ("lamp", "sc"))
        sizes[name] = next((float(size[size > 0].median()) for size in sources if (size > 0).any()), 1.0)
    return pair_measures.in_units(time, sizes, time_scale() ** SCALES["length"])


def ship_units(channels: Sequence[str]) -> tuple[float, dict[str, float]]:
    """The natural units of time and of the channels of a ship, by name."""
    return time_scale(), {name: time_scale() ** SCALES.get(channel_of(name).kind, 0) for name in channels}


def largest_elsewhere(table: pd.DataFrame) -> pd.DataFrame:
    """For each pair and measure the largest value of the other pairs of the run; infinite if these are too few."""
    if len(table) < FEWEST_ALIKE:
        return table * 0 + np.inf
    second, first = np.sort(table.fillna(0.0).to_numpy(), axis=0)[-2:]
    return pd.DataFrame(np.where(table.to_numpy() == first, second, first), table.index, table.columns)


def against_alike(table: pd.DataFrame, states: Sequence[SeaState | None] | None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The median of each measure over similar pairs, and each pair's distance from it as a share of the limit.

    Similar are the pairs of the same sea state if there are enough (one_state), else all pairs of the run, with wider
    limits.

    table: one row per pair, one column per measure. states: the pairs' sea states; None: the run has no such thing.
    """
    is_ship, states = states is not None, states or [None] * len(table)
    state = pd.Series([state.name if state else "" for state in states], index=table.index)
    state = state.where(state != "", _alike_by_numbers(table[state == ""]) if is_ship else "")
    one_state = (state != "") & (state.map(state.value_counts()) >= FEWEST_ALIKE)
    state = state.where(one_state, "")
    floors = np.array([next((FLOORS[n] for n in FLOORS if column.startswith(n)), np.inf) for column in table])
    usual, beyond = table.copy(), table.copy()
    for name in state.unique():
        rows = state == name
        alike = table[rows] if name else table
        median = alike.median()
        limit = SCATTERS * (alike - median).abs().median() + floors * (1 if name else MIXED)
        usual[rows] = median.to_numpy()
        beyond[rows] = ((table[rows] - median) / limit).to_numpy() * (len(alike) >= FEWEST_ALIKE)
    return usual, beyond.assign(one_state=one_state if is_ship else len(table) >= FEWEST_ALIKE)


def _alike_by_numbers(table: pd.DataFrame) -> pd.Series:
    """A common sea state for pairs whose names tell none, if SimpleCode moves alike in nearly all; else none."""
    moves = table[[name for name in table if name.startswith("std_") and name.endswith("_sc")]]
    with np.errstate(divide="ignore"):
        sizes = np.log(moves.where(moves > MOVES, MOVES))
    alike = ((sizes - sizes.median()).abs() < ALIKE).all(axis=1)
    return pd.Series(np.where(alike & (alike.sum() >= max(FEWEST_ALIKE, len(table) - 1)), "alike", ""), table.index)


@dataclass(frozen=True)
class Judge:
    """Judges a pair of any sources.

    measures: in natural units. units: see `natural_units`. usual, beyond: from `against_alike` (logarithms for the
    ratios). others: from `largest_elsewhere`.
    """

    pair: Pair
    measures: dict[str, float]
    units: dict[str, float]
    usual: dict[str, float]
    beyond: dict[str, float]
    others: dict[str, float]

    def finding(self, kind: str, source: str, what: str, remedy: str) -> Finding:
        return Finding(kind, self.pair, f"{self.pair.files[source]}: {what}; {remedy}")

    def of(self, name: str) -> float:
        return self.measures[name]

    def odd(self, name: str, low: float, high: float = np.inf) -> bool:
        """Whether a measure is implausible or far from those of similar pairs. Never for NaN."""
        return not low <= self.of(name) <= high and self.of(name) == self.of(name) or abs(self.beyond[name]) > 1

    def says(self, name: str, expected: str, unit: str = "") -> str:
        usual = np.exp(self.usual[name]) if name.startswith(("ratio", "lift_")) else self.usual[name]
        usual *= self.units.get(name, 1.0)
        return f"{self.pair.measures[name]:.3g}{unit} (usual {usual:.3g}{unit}, expected {expected}{unit})"

    def time(self, seconds: float) -> str:
        """A duration in natural units, in s."""
        return f"{seconds * self.units['seconds']:.3g}"

    def strangers(self) -> Iterator[Finding]:
        """A finding if the two are not of one realization, in which case the other measures mean nothing."""
        by_chance = self.of("fit") - self.of("fit_by_chance") < LEAST_RELATED
        if self.of("fit") < LEAST_FIT and (by_chance or self.beyond["fit"] < -1):
            what = f"{low_name()} explains a share of {self.says('fit', f'above {LEAST_FIT}')} of {high_name()}'s "
            what += f"signals: it is not the same realization as {self.pair.files['sc']}, or rows are missing"
            yield self.finding("realization", "lamp", what, "check whether files are swapped or rows are missing")

    def waves(self) -> Iterable[Finding]:
        """Findings about the waves."""
        return ()

    def is_exchanged(self) -> bool:
        """Whether any two channels are."""
        return any(self.of(name) > LARGEST_EXCHANGE for name in self.measures if name.startswith("exchanged"))

    def lag(self, channels: Sequence[str]) -> Iterator[Finding]:
        """A finding if most of the channels that tell a lag clearly are late or early."""
        clear = {name: peak for name in channels if (peak := self.of(f"peak_{name}")) > CLEAR_PEAK}
        # Others tell just as well that their sign is another one.
        clear = {name: peak for name, peak in clear.items() if peak > PEAKS_ALIKE - self.of(f"correlation_{name}")}
        late = [name for name in clear if self.odd(f"lag_{name}", -LONGEST_PHASE, LONGEST_PHASE)]
        if 2 * len(late) > len(clear) and not self.is_exchanged():
            yield self.late_by(max(late, key=lambda name: clear[name]), LONGEST_PHASE)

    def late_by(self, name: str, most: float) -> Finding:
        by = self.says(f"lag_{name}", f"at most {self.time(most)}", " s")
        return self.finding("lag", "lamp", f"{name} lags {low_name()}'s by {by}", "make both start at the same time")

    def motions(self, channels: Sequence[str]) -> Iterator[Finding]:
        """Findings about order, sign, unit and mean of the channels."""
        exchanged, there = set(), f"here and in {self.pair.files['sc']}"
        for i, second in enumerate(channels):
            for first in channels[:i]:
                if self.of(f"exchanged_{first}_{second}") > LARGEST_EXCHANGE:
                    exchanged |= {first, second}
                    what = f"{first} correlates with {low_name()}'s {second}, and {second} with its {first}"
                    yield self.finding("columns", "lamp", what, f"check the order of the columns {there}")
        for name in channels:
            if name in exchanged or max(self.of(f"std_{name}_sc"), self.of(f"std_{name}_lamp")) < JUDGED:
                continue
            correlation, row = f"correlation_{name}", channel_of(name)
            if self.of(correlation) < (0 if self.beyond[correlation] < -1 else row.correlation):
                what = f"{name} is opposite to {low_name()}'s: correlation {self.says(correlation, 'above 0')}"
                yield self.finding(f"sign of {name}", "lamp", what, f"check the sign of {name} {there}")
            if self.odd(f"ratio_{name}", *row.ratio):
                value = self.says(f"ratio_{name}", "{:g} to {:g}".format(*row.ratio))
                what = f"the standard deviation of {name} is that of {low_name()} times {value}"
                yield self.finding(f"size of {name}", "lamp", what, self.unit_remedy(name))
        for row in map(channel_of, channels):
            if row.name not in exchanged and abs(self.of(f"offset_{row.name}")) > row.offset:
                by = self.says(f"offset_{row.name}", "about 0", f" {row.unit}")
                what, remedy = f"the mean of {row.name}", f"check the unit and the reference of {row.name} {there}"
                yield self.finding(f"mean of {row.name}", "lamp", f"{what} exceeds {low_name()}'s by {by}", remedy)

    def unit_remedy(self, name: str) -> str:
        """Names the file in another unit, if that explains the ratio of standard deviations."""
        if name in in_use().names:
            return f"check its unit here and in {self.pair.files['sc']}, and its factor in DataInfoArgs.channels"
        unit, factor = TAKEN_FOR_OURS.get(channel_of(name).kind, ("", 1.0))
        usual = np.exp(self.usual[f"ratio_{name}"])
        excess = self.of(f"ratio_{name}") / (usual if abs(self.beyond[f"ratio_{name}"]) > 1 else 1.0)
        for source, off in (("lamp", factor), ("sc", 1 / factor)):
            if abs(np.log(excess / off)) < 0.4 * abs(np.log(off)):
                times = f"a factor of {max(off, 1 / off):.3g}"
                return f"{self.pair.files[source]} seems to be in {unit} ({times}); give m and deg"
        return f"check the unit here and in {self.pair.files['sc']}"

    def signals(self, channels: Sequence[str]) -> Iterator[Finding]:
        """Findings about constant channels, jumps and straight stretches in each file."""
        there = self.pair.measures
        low = [name for name in channels if there[f"offset_{name}"] == there[f"offset_{name}"]]  # else it has none
        signals = [
            (f"{name}_{source}", name, source) for source, of in (("sc", low), ("lamp", channels)) for name in of
        ]
        signals += [("wave", WAVE, "wave")] if "std_wave" in self.measures else []
        moving = {key for key, _, _ in signals if self.of(f"std_{key}") > MOVES}
        for key, name, source in signals:
            usually = self.beyond["one_state"] and self.usual[f"std_{key}"] > MOVES  # roll is zero in head seas
            others = bool(moving & {f"{name}_sc", f"{name}_lamp"} if name != WAVE else moving)
            contradicts = others and usually if name in in_use().names else others or usually
            if self.of(f"std_{key}") == 0 and contradicts:
                what = f"{name} is constant, but varies in the realization's other files or in other realizations"
                yield self.finding(f"constant {name}", source, what, "run the simulation again")
        for source in self.pair.files:
            moving_here = {key: name for key, name, of_source in signals if of_source == source and key in moving}
            if key := self.worst("spike", moving_here):
                what = f"{moving_here[key]} jumps at {there[f'spike_at_{key}']:.6g} s: its slope changes by "
                what += f"{self.of(f'spike_{key}'):.3g} times the usual change (usual {self.usual[f'spike_{key}']:.2g})"
                remedy = "correct the row, or run the simulation again if rows are missing"
                yield self.finding("jump", source, what, remedy)
            if key := self.worst("straight", moving_here):
                usual = self.usual[f"straight_{key}"] * self.units[f"straight_{key}"]
                what = f"{moving_here[key]} lies on a straight line for {there[f'straight_{key}']:.4g} s "
                remedy = "run the simulation again: rows are missing or not computed"
                yield self.finding("straight line", source, f"{what}(usual {usual:.2g} s)", remedy)

    def worst(self, measure: str, channels: Mapping[str, str]) -> str:
        """The signal whose measure, "spike" or "straight", exceeds its limit most; empty if none does.

        That of described channels is far above the other records. channels: by signal.
        """
        shares = {}
        for key, name in channels.items():
            limit = channel_of(name).spike if measure == "spike" else LONGEST_STRAIGHT
            if name in in_use().names:
                limit = max(LEAST_ODD[measure], TIMES_OTHERS[measure] * self.others[f"{measure}_{key}"])
            shares[key] = self.of(f"{measure}_{key}") / limit
        return max((key for key in shares if shares[key] >= 1), key=lambda key: shares[key], default="")


class ShipJudge(Judge):
    """Judges a pair of SimpleCode and LAMP, and its waves."""

    def strangers(self) -> Iterator[Finding]:
        """A finding if the three are not of one realization, in which case the other measures mean nothing."""
        least = least_wave_fit(self.pair.name)
        waves = {source: self.odd(f"wave_fit_{source}", least) for source in ("sc", "lamp")}
        if self.odd("fit", LEAST_FIT):
            what = f"{low_name()} explains a share of {self.says('fit', f'above {LEAST_FIT}')} of {high_name()}'s "
            what += f"motions: it is not the same realization as {self.pair.files['sc']}, or rows are missing"
            if waves["sc"] != waves["lamp"]:
                what += f"; the waves fit {high_name() if waves['sc'] else low_name()} alone"
            remedy = "check whether a list in DataInfoArgs is shifted or files are swapped"
            yield self.finding("realization", "lamp", what, remedy)
        elif all(waves.values()):
            what = f"{high_name()}'s motions explain a share of {self.says('wave_fit_lamp', f'above {least}')} of the "
            what += "waves: they belong to another realization"
            yield self.finding("waves", "wave", what, f"give the waves of the {high_name()} run")

    def waves(self) -> Iterator[Finding]:
        """A finding if sign, size or time of the waves contradict both codes."""
        both, least = ("sc", "lamp"), LEAST_LIFTED
        if min(self.measures.get(f"std_{HEAVE}_{source}", 0) for source in both) < JUDGED:
            return
        lifted = {source: self.of(f"lifted_{source}") for source in both}
        shift = [self.beyond[f"wave_lag_{source}"] for source in both]
        if all(value < (0 if self.beyond[f"lifted_{source}"] < -1 else least) for source, value in lifted.items()):
            what = f"the slow parts of the waves and of {high_name()}'s heave correlate by "
            what += self.says("lifted_lamp", "above 0")
            yield self.finding("sign of the waves", "wave", what, "check the sign of the wave elevation")
        elif all(self.odd_lift(source) for source in both) or self.of("std_wave") > HIGHEST_WAVES:
            share = self.says("lift_lamp", f"at most {LARGEST_LIFT}, about 1 in long waves")
            what = f"{high_name()} heaves by a share of {share} of the waves"
            yield self.finding("size of the waves", "wave", what, "check the unit of the wave elevation")
        elif min(shift) > 1 or max(shift) < -1:
            what = f"{high_name()}'s heave lags the waves by {self.says('wave_lag_lamp', 'as in the others', ' s')}"
            yield self.finding("lag of the waves", "wave", what, "give the waves of the whole run, from the same time")

    def odd_lift(self, source: str) -> bool:
        """Whether heave is too large for the waves, or too small for waves that it follows fully."""
        lift, lifted = self.of(f"lift_{source}"), self.of(f"lifted_{source}")
        too_small = lifted > FULLY_LIFTED and lift < LEAST_LIFT
        return lift * lifted > LARGEST_LIFT or too_small or abs(self.beyond[f"lift_{source}"]) > 1

    def lag(self, channels: Sequence[str]) -> Iterator[Finding]:
        """A finding if LAMP is late or early: heave and pitch together, or the clearest channel.

        Not by a resonant one, such as roll.
        """
        if self.is_exchanged():
            return
        low, high = LAG_LIMITS
        clear = self.of("peak") > CLEAR_PEAK and self.of("correlation") > channel_of(PITCH).correlation
        if clear and self.odd("lag", low, high):
            by = self.says("lag", f"{self.time(low)} to {self.time(high)}", " s")
            what = f"{high_name()} lags {low_name()} by {by} in heave and pitch"
            yield self.finding("lag", "lamp", what, "make both start at the same time")
        if clear or (self.of("peak") < DISAGREE and self.of(f"std_{PITCH}_sc") > JUDGED):
            return
        peaks = {name: np.nan_to_num(self.of(f"peak_{name}")) for name in channels if not channel_of(name).resonant}
        clearest = max(peaks, key=lambda name: peaks[name], default="")
        if peaks.get(clearest, 0) > CLEAR_PEAK and self.odd(f"lag_{clearest}", -LONGEST_LAG, LONGEST_LAG):
            yield self.late_by(clearest, LONGEST_LAG)


def least_wave_fit(name: str) -> float:
    """The smallest plausible share of the waves that the motions of a realization explain, from its name.

    Zero in following and quartering seas, where the ship meets short and long waves at the same frequency and only the
    long ones move it. Names without a handle do not tell the sea state.
    """
    sea = sea_state(name)
    if sea is None:
        return LEAST_UNKNOWN_WAVE_FIT
    systems = [(sea.height, sea.heading), (sea.second_height, sea.second_heading)]
    follows = any(height > 0 and np.cos(np.radians(heading)) > 0.2 for height, heading in systems)
    return 0.0 if follows and sea.speed > 0 else LEAST_WAVE_FIT


def duplicates(pairs: Sequence[Pair]) -> Iterator[Finding]:
    """Findings about files with the same numbers as another pair's."""
    first: dict[tuple[str, str], Pair] = {}
    for pair in pairs:
        same = {source: first.setdefault((source, digest), pair) for source, digest in pair.digests.items()}
        numbers = {"sc": low_name(), "lamp": high_name()}
        if same.get("sc") is same.get("lamp"):
            numbers = {"sc": "this realization"}
        for source, whose in numbers.items():
            other = same.get(source, pair)
            if other is not pair:
                line = f"{pair.files[source]} ({pair.set_name} set): the numbers of {whose} are those of "
                line += f"{other.files[source]} ({other.set_name} set); use each once"
                yield Finding("duplicate", pair, line)


def lines(findings: Sequence[Finding]) -> list[str]:
    """One line per finding; if there are many of one kind, their number."""
    shown = []
    for kind in dict.fromkeys(finding.kind for finding in findings):
        alike = [finding.line for finding in findings if finding.kind == kind]
        more = f" (and {len(alike) - SHOWN} more realizations with this, see {RunFolder.PAIRS})"
        shown += alike if len(alike) <= SHOWN + 1 else [*alike[: SHOWN - 1], alike[SHOWN - 1] + more]
    return shown


def measure_sets(user: UserInput, data: DataInfo, sets: Mapping[str, Sequence[Record]]) -> list[Pair]:
    """Measures all pairs of a run, with a few records in memory at a time."""
    inputs, channels = input_channels(user), output_channels(user)
    middle = wave_at_centre(inputs) if user.description.is_ship else None

    def measured(job: tuple[str, int]) -> Pair:
        set_name, place = job
        record = sets[set_name][place]
        wave = None if middle is None else record.inputs[:, middle]
        sc, lamp = data.pairs(set_name)[place]
        files = {"sc": f"{sc}.mot", "lamp": f"{lamp}.mot", "wave": f"{lamp}.{'wav' if WAVE in inputs else 'sea'}"}
        contents = {"sc": [record.simple], "lamp": [record.targets]}
        if not user.description.is_ship:
            described = files_of(sc, lamp, user)
            files = {source: described[source][0] if source in described else sc for source in contents}
            contents["sc"] = [record.inputs, record.simple]
            contents = {
                of: arrays for of, arrays in contents.items() if any((np.ptp(x, axis=0) > 0).any() for x in arrays)
            }
        digests = {source: array_hash(arrays) for source, arrays in contents.items()}
        return Pair(set_name, record.name, files, measures_of(record, wave, channels), digests)

    jobs = [(name, place) for name, records in sets.items() for place in range(len(records))]
    with ThreadPoolExecutor(cores()) as pool:
        return list(pool.map(measured, jobs))


def measures_of(record: Record, wave: np.ndarray | None, channels: Sequence[str]) -> dict[str, float]:
    """See `pair_measures.measure`, in s and the units of the channels; of any sources also the mean period (s), and the
    share explained by chance.
    """
    time, sizes = ship_units(channels)
    step, more = record.time_step, {}
    if not in_use().is_ship:
        periods = (pair_measures.period_of(signals, step) for signals in (record.targets, record.simple))
        more["period"] = next((period for period in periods if period > 0), float(np.ptp(record.time)))
        time = more["period"] / PERIOD
    for place, name in enumerate(channels):
        if name in in_use().names:
            sizes[name] = pair_measures.size_of(record.targets[:, place], record.simple[:, place])
    units = pair_measures.in_units(time, sizes, time_scale() ** SCALES["length"])
    simple, lamp = (signals / np.array([*sizes.values()]) for signals in (record.simple, record.targets))
    measures = measure(record.time / time, simple, lamp, None if wave is None else wave / units["std_wave"], channels)
    if not in_use().is_ship:
        moving = [name for name in channels if measures[f"peak_{name}"] == measures[f"peak_{name}"]]
        measures["fit"] = max((measures[f"fit_{name}"] for name in moving), default=np.nan)
        more["fit_by_chance"] = pair_measures.fit_by_chance(simple, lamp, step / time)
        for places in combinations(range(len(channels)), 2):
            first, second = (channels[place] for place in places)
            exchange = pair_measures.exchange_at_lags(simple[:, places], lamp[:, places], step / time)
            measures[f"exchanged_{first}_{second}"] = exchange
    return {name: value * units.get(name, 1.0) for name, value in measures.items()} | more


def pair_table(pairs: Sequence[Pair], findings: Sequence[Finding]) -> pd.DataFrame:
    """One row per pair: its set, name, findings and all measures."""
    odd = defaultdict(list)
    for finding in findings:
        odd[finding.pair.set_name, finding.pair.name].append(finding.kind)
    rows = []
    for pair in pairs:
        kinds = "; ".join(odd[pair.set_name, pair.name])
        rows.append({"set": pair.set_name, "record": pair.name, "odd": kinds} | pair.measures)
    return pd.DataFrame(rows)


def check(
    user: UserInput, data: DataInfo, sets: Mapping[str, Sequence[Record]], remarks: Sequence[str]
) -> pd.DataFrame:
    """The table of all pairs of a run (see `pair_table`), after a warning for each contradiction.

    remarks: warnings from reading the files. Raises InputError if there are warnings, and strict_data is set.
    """
    pairs = measure_sets(user, data, sets)
    findings = find(pairs, output_channels(user))
    warnings = [*remarks, *lines(findings)]
    if warnings and user.strict_data:
        raise InputError(warnings)
    warn(warnings)
    return pair_table(pairs, findings)


def handle_faults(data: DataInfo) -> list[str]:
    """An error line for each pair whose file names carry different handles."""
    lists = [(f"{name}_sc", f"{name}_lamp") for name in SET_NAMES] + [("predict_sc", "predict_waves")]
    faults = []
    for first, second in lists:
        for sc, other in zip(getattr(data, first), getattr(data, second), strict=False):
            if len({find_handle(sc), find_handle(other)} - {None}) == 2:
                faults.append(
                    f"DataInfoArgs.{first}, {second}: {Path(sc).name} and {Path(other).name} are at the same position "
                    "but belong to different realizations; put both lists in the same order"
                )
    return faults


def report_handles(paths: Iterable[str]) -> None:
    """Says how many records have no handle that can be read; a warning, unless all names are without one.

    paths: of the records, or their names.
    """
    names = [Path(path).name for path in paths]
    line = unread_handles(names)
    if line and (any(map(find_handle, names)) or any(map(ALMOST_HANDLE.search, names))):
        warn([line])
    elif line:
        print(line)


def save(folder: Path, pairs: pd.DataFrame) -> None:
    """Writes the table of `check` as pairs.csv, if there are pairs."""
    if len(pairs):
        RunFolder(folder).write_table(RunFolder.PAIRS, pairs)
