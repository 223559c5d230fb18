"""Finds contradictions in the data: each measure of a pair of SimpleCode and LAMP records is compared with plausible
limits and with the other pairs of the run.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from checks.pair_measures import measure
from data_io import Record
from readers.sea_state_handles import ALMOST_HANDLE, SeaState, find_handle, sea_state, unread_handles
from settings import SET_NAMES, DataInfo, UserInput
from settings.channels import HEAVE, PITCH, WAVE, channel_of, input_channels, output_channels, wave_at_centre
from system.cores import cores
from system.errors import InputError, warn
from system.files import array_hash
from system.run_folder import RunFolder

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
    """One realization: its set, name, files (of sc, lamp and wave), measures (see `measure`), hashes of sc and lamp."""

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
    table = pd.DataFrame([pair.measures for pair in pairs])
    for name in (*(f"ratio_{name}" for name in channels), "lift_sc", "lift_lamp"):
        table[name] = np.log(table[name].where(table[name] > 0))
    usual, beyond = against_alike(table, [sea_state(pair.name) for pair in pairs])
    findings = list(duplicates(pairs))
    for pair, usual_here, beyond_here in zip(pairs, usual.to_dict("records"), beyond.to_dict("records"), strict=True):
        judge = Judge(pair, usual_here, beyond_here)
        findings += judge.signals(channels)
        if pair.measures["seconds"] >= SHORTEST_RECORD:
            findings += list(judge.strangers()) or [
                *judge.waves(),
                *(list(judge.lag(channels)) or judge.motions(channels)),
            ]
    return findings


def against_alike(table: pd.DataFrame, states: Sequence[SeaState | None]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The median of each measure over similar pairs, and each pair's distance from it as a share of the limit.

    Similar are the pairs of the same sea state if there are enough (one_state), else all pairs of the run, with wider
    limits.

    table: one row per pair, one column per measure. states: the pairs' sea states.
    """
    state = pd.Series([state.name if state else "" for state in states], index=table.index)
    state = state.where(state != "", _alike_by_numbers(table[state == ""]))
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
    return usual, beyond.assign(one_state=one_state)


def _alike_by_numbers(table: pd.DataFrame) -> pd.Series:
    """A common sea state for pairs whose names tell none, if SimpleCode moves alike in nearly all; else none."""
    moves = table[[name for name in table if name.startswith("std_") and name.endswith("_sc")]]
    with np.errstate(divide="ignore"):
        sizes = np.log(moves.where(moves > MOVES, MOVES))
    alike = ((sizes - sizes.median()).abs() < ALIKE).all(axis=1)
    return pd.Series(np.where(alike & (alike.sum() >= max(FEWEST_ALIKE, len(table) - 1)), "alike", ""), table.index)


@dataclass(frozen=True)
class Judge:
    """Judges one pair. usual, beyond: from `against_alike` (logarithms for the ratios)."""

    pair: Pair
    usual: dict[str, float]
    beyond: dict[str, float]

    def finding(self, kind: str, source: str, what: str, remedy: str) -> Finding:
        return Finding(kind, self.pair, f"{self.pair.files[source]}: {what}; {remedy}")

    def of(self, name: str) -> float:
        return self.pair.measures[name]

    def odd(self, name: str, low: float, high: float = np.inf) -> bool:
        """Whether a measure is implausible or far from those of similar pairs. Never for NaN."""
        return not low <= self.of(name) <= high and self.of(name) == self.of(name) or abs(self.beyond[name]) > 1

    def says(self, name: str, expected: str, unit: str = "") -> str:
        usual = np.exp(self.usual[name]) if name.startswith(("ratio", "lift_")) else self.usual[name]
        return f"{self.of(name):.3g}{unit} (usual {usual:.3g}{unit}, expected {expected}{unit})"

    def strangers(self) -> Iterator[Finding]:
        """A finding if the three are not of one realization, in which case the other measures mean nothing."""
        least = least_wave_fit(self.pair.name)
        waves = {source: self.odd(f"wave_fit_{source}", least) for source in ("sc", "lamp")}
        if self.odd("fit", LEAST_FIT):
            what = f"SimpleCode explains a share of {self.says('fit', f'above {LEAST_FIT}')} of LAMP's motions: "
            what += f"it is not the same realization as {self.pair.files['sc']}, or rows are missing"
            if waves["sc"] != waves["lamp"]:
                what += f"; the waves fit {'LAMP' if waves['sc'] else 'SimpleCode'} alone"
            remedy = "check whether a list in DataInfoArgs is shifted or files are swapped"
            yield self.finding("realization", "lamp", what, remedy)
        elif all(waves.values()):
            what = f"LAMP's motions explain a share of {self.says('wave_fit_lamp', f'above {least}')} of the "
            what += "waves: they belong to another realization"
            yield self.finding("waves", "wave", what, "give the waves of the LAMP run")

    def waves(self) -> Iterator[Finding]:
        """A finding if sign, size or time of the waves contradict both codes."""
        both, least = ("sc", "lamp"), LEAST_LIFTED
        if min(self.pair.measures.get(f"std_{HEAVE}_{source}", 0) for source in both) < JUDGED:
            return
        lifted = {source: self.of(f"lifted_{source}") for source in both}
        shift = [self.beyond[f"wave_lag_{source}"] for source in both]
        if all(value < (0 if self.beyond[f"lifted_{source}"] < -1 else least) for source, value in lifted.items()):
            what = f"the slow parts of the waves and of LAMP's heave correlate by {self.says('lifted_lamp', 'above 0')}"
            yield self.finding("sign of the waves", "wave", what, "check the sign of the wave elevation")
        elif all(self.odd_lift(source) for source in both) or self.of("std_wave") > HIGHEST_WAVES:
            what = (
                f"LAMP heaves by a share of {self.says('lift_lamp', f'at most {LARGEST_LIFT}, about 1 in long waves')} "
            )
            yield self.finding(
                "size of the waves", "wave", what + "of the waves", "check the unit of the wave elevation"
            )
        elif min(shift) > 1 or max(shift) < -1:
            what = f"LAMP's heave lags the waves by {self.says('wave_lag_lamp', 'as in the others', ' s')}"
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
        if any(self.of(name) > LARGEST_EXCHANGE for name in self.pair.measures if name.startswith("exchanged")):
            return
        low, high = LAG_LIMITS
        clear = self.of("peak") > CLEAR_PEAK and self.of("correlation") > channel_of(PITCH).correlation
        if clear and self.odd("lag", low, high):
            what = f"LAMP lags SimpleCode by {self.says('lag', f'{low:g} to {high:g}', ' s')} in heave and pitch"
            yield self.finding("lag", "lamp", what, "make both start at the same time")
        if clear or (self.of("peak") < DISAGREE and self.of(f"std_{PITCH}_sc") > JUDGED):
            return
        peaks = {name: np.nan_to_num(self.of(f"peak_{name}")) for name in channels if not channel_of(name).resonant}
        clearest = max(peaks, key=lambda name: peaks[name], default="")
        if peaks.get(clearest, 0) > CLEAR_PEAK and self.odd(f"lag_{clearest}", -LONGEST_LAG, LONGEST_LAG):
            what = f"{clearest} lags SimpleCode's by {self.says(f'lag_{clearest}', f'at most {LONGEST_LAG}', ' s')}"
            yield self.finding("lag", "lamp", what, "make both start at the same time")

    def motions(self, channels: Sequence[str]) -> Iterator[Finding]:
        """Findings about order, sign, unit and mean of the channels."""
        exchanged, there = set(), f"here and in {self.pair.files['sc']}"
        for i, second in enumerate(channels):
            for first in channels[:i]:
                if self.of(f"exchanged_{first}_{second}") > LARGEST_EXCHANGE:
                    exchanged |= {first, second}
                    what = f"{first} correlates with SimpleCode's {second}, and {second} with its {first}"
                    yield self.finding("columns", "lamp", what, f"check the order of the columns {there}")
        for name in channels:
            if name in exchanged or max(self.of(f"std_{name}_sc"), self.of(f"std_{name}_lamp")) < JUDGED:
                continue
            correlation, row = f"correlation_{name}", channel_of(name)
            if self.of(correlation) < (0 if self.beyond[correlation] < -1 else row.correlation):
                what = f"{name} is opposite to SimpleCode's: correlation {self.says(correlation, 'above 0')}"
                yield self.finding(f"sign of {name}", "lamp", what, f"check the sign of {name} {there}")
            if self.odd(f"ratio_{name}", *row.ratio):
                value = self.says(f"ratio_{name}", "{:g} to {:g}".format(*row.ratio))
                what = f"the standard deviation of {name} is that of SimpleCode times {value}"
                yield self.finding(f"size of {name}", "lamp", what, self.unit_remedy(name))
        for row in map(channel_of, channels):
            if row.name not in exchanged and abs(self.of(f"offset_{row.name}")) > row.offset:
                by = self.says(f"offset_{row.name}", "about 0", f" {row.unit}")
                what, remedy = f"the mean of {row.name}", f"check the unit and the reference of {row.name} {there}"
                yield self.finding(f"mean of {row.name}", "lamp", f"{what} exceeds SimpleCode's by {by}", remedy)

    def unit_remedy(self, name: str) -> str:
        """Names the file in another unit, if that explains the ratio of standard deviations."""
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
        of_codes = {"sc": [name for name in channels if channel_of(name).low], "lamp": channels}
        signals = [(f"{name}_{source}", name, source) for source in of_codes for name in of_codes[source]]
        signals += [("wave", WAVE, "wave")] if "std_wave" in self.pair.measures else []
        moving = {key for key, _, _ in signals if self.of(f"std_{key}") > MOVES}
        for key, name, source in signals:
            usually = self.beyond["one_state"] and self.usual[f"std_{key}"] > MOVES  # roll is zero in head seas
            others = moving & {f"{name}_sc", f"{name}_lamp"} if name != WAVE else moving
            if self.of(f"std_{key}") == 0 and (others or usually):
                what = f"{name} is constant, but varies in the realization's other files or in other realizations"
                yield self.finding(f"constant {name}", source, what, "run the simulation again")
        for source in self.pair.files:
            moving_here = {key: name for key, name, of_source in signals if of_source == source and key in moving}
            spikes = {key: channel_of(name).spike for key, name in moving_here.items()}
            if key := self.largest("spike", spikes):
                what = f"{moving_here[key]} jumps at {self.of(f'spike_at_{key}'):.6g} s: its slope changes by "
                what += f"{self.of(f'spike_{key}'):.3g} times the usual change (usual {self.usual[f'spike_{key}']:.2g})"
                remedy = "correct the row, or run the simulation again if rows are missing"
                yield self.finding("jump", source, what, remedy)
            if key := self.largest("straight", dict.fromkeys(moving_here, LONGEST_STRAIGHT)):
                what = f"{moving_here[key]} lies on a straight line for {self.of(f'straight_{key}'):.4g} s "
                what += f"(usual {self.usual[f'straight_{key}']:.2g} s)"
                remedy = "run the simulation again: rows are missing or not computed"
                yield self.finding("straight line", source, what, remedy)

    def largest(self, measure: str, limits: Mapping[str, float]) -> str:
        """The signal that exceeds its limit most; empty if none does. limits: by signal."""
        shares = {key: self.of(f"{measure}_{key}") / limit for key, limit in limits.items()}
        return max((key for key in shares if shares[key] >= 1), key=lambda key: shares[key], default="")


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
        numbers = {"sc": "SimpleCode", "lamp": "LAMP"}
        if same["sc"] is same["lamp"]:
            numbers = {"sc": "this realization"}
        for source, whose in numbers.items():
            other = same[source]
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
    middle = wave_at_centre(inputs)

    def measured(job: tuple[str, int]) -> Pair:
        set_name, place = job
        record = sets[set_name][place]
        wave = None if middle is None else record.inputs[:, middle]
        sc, lamp = data.pairs(set_name)[place]
        waves = f"{lamp}.{'wav' if WAVE in inputs else 'sea'}"
        files = {"sc": f"{sc}.mot", "lamp": f"{lamp}.mot", "wave": waves}
        digests = {"sc": array_hash([record.simple]), "lamp": array_hash([record.targets])}
        measures = measure(record.time, record.simple, record.targets, wave, channels)
        return Pair(set_name, record.name, files, measures, digests)

    jobs = [(name, place) for name, records in sets.items() for place in range(len(records))]
    with ThreadPoolExecutor(cores()) as pool:
        return list(pool.map(measured, jobs))


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
