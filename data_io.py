"""Reads SimpleCode's and LAMP's files into aligned arrays, and writes predictions in the same formats.

Angles are in degrees, lengths in metres, time in seconds, and no sign is changed. Channel order, everywhere: VBM, Zcg,
Roll, Pitch, then the wave elevations; channels that are switched off are left out.
"""

import itertools
import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from networks.network_folder import NetworkFolder
from readers import conditions, record_cache, text_tables, wave_ramp
from readers.alignment import align, interpolated, same_step, time_step
from readers.cases import read_cases as read_cases  # input files call data_io.read_cases
from readers.conditions import UNKNOWN, Conditions
from readers.units import moment_factor
from readers.wave_grid import grid_offsets, wave_elevation
from settings import NETWORKS_FOLDER, SET_NAMES, Config, DataInfo, UserInput, user_settings
from settings.channels import (
    COURSE,
    MOTIONS,
    WAVE,
    channel_of,
    input_channels,
    is_wave,
    output_channels,
    wave_at_centre,
)
from system.cores import cores
from system.errors import Collector, Found, InputError
from system.files import text_hash, written_aside

Files = Mapping[str, tuple[str, text_tables.Layout]]
MANY_RECORDS = 100  # from here on reading takes long enough for a progress bar
ROWS_AT_ONCE = 2**14  # written; bounds the memory


class Identified:
    """What identifies a record wherever it is kept or looked up again: the content of its files, not their names.

    contents: a hash of the numbers of each source, as "sc" and "lamp" (their motions), "waves", "sea" or "sc_vbm".
    """

    contents: Mapping[str, str]

    @property
    def digest(self) -> str:
        """A hash over the content of all sources."""
        return text_hash(json.dumps(dict(self.contents), sort_keys=True))

    @property
    def input_digest(self) -> str:
        """What a prediction was made for: the beginning of SimpleCode's hash, and one over all but LAMP's motions."""
        given = {source: content for source, content in self.contents.items() if not source.startswith("lamp")}
        return self.contents["sc"][:16] + text_hash(json.dumps(given, sort_keys=True), 8)

    @property
    def pair_digest(self) -> str:
        """What an error was measured on, whatever the network's inputs: the beginnings of both motions' hashes."""
        return self.contents["sc"][:16] + self.contents["lamp"][:16]


@dataclass(frozen=True)
class Record(Identified):
    """One realization, its channels aligned on one time axis.

    name: SimpleCode's file name without extension.
    time: (rows,) s; LAMP's rows if there is LAMP.
    inputs: (rows, input channel); targets: (rows, output channel) from LAMP, None without LAMP.
    simple: (rows, output channel), SimpleCode's values of the output channels; NaN where it has none.
    sources: the hashes of its files' content, before alignment; empty for a record that was not read from files.
    own_time: (rows of the files,) s if they differ: the record was resampled, or its times have few decimals.
    """

    name: str
    time: np.ndarray
    inputs: np.ndarray
    targets: np.ndarray | None
    simple: np.ndarray
    sources: Mapping[str, str] = field(default_factory=dict)
    own_time: np.ndarray | None = None

    def after(self, transient: float) -> slice:
        """The rows after the first seconds (transient)."""
        return slice(int(np.searchsorted(self.time - self.time[0], transient)), None)

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """All that there are."""
        others = ("name", "sources")
        return {name: value for name, value in vars(self).items() if name not in others and value is not None}

    @property
    def time_step(self) -> float:
        """s."""
        return time_step(self.time)

    @property
    def contents(self) -> Mapping[str, str]:
        if self.sources:
            return self.sources
        arrays = {"sc": (self.time, self.simple), "waves": (self.inputs,), "lamp": (self.targets,)}
        return {name: record_cache.digest(numbers) for name, numbers in arrays.items() if numbers[0] is not None}


@dataclass(frozen=True)
class CachedRecord(Identified):
    """A record that is read from its cache file when needed."""

    name: str
    file: Path
    contents: Mapping[str, str]
    time_step: float

    def read(self) -> Record:
        """Raises InputError if the file has disappeared since the run began."""
        kept = record_cache.load(self.file)
        if kept is None:
            raise InputError(f"{self.file}: was deleted or damaged during the run; run again to recreate it")
        return Record(self.name, **kept.arrays, sources=kept.sources)


@dataclass(frozen=True)
class RecordsOnDisk(Sequence):
    """The records of a set, each read on access, so that the set takes no memory."""

    cached: tuple[CachedRecord, ...]

    def __len__(self) -> int:
        return len(self.cached)

    def __getitem__(self, place: int) -> Record:
        return self.cached[place].read()


def joined(*sets: Sequence[Record]) -> Sequence[Record]:
    """The records of several sets behind each other, in memory or on disk as they were."""
    found = tuple(record for records in sets for record in getattr(records, "cached", records))
    return RecordsOnDisk(found) if any(isinstance(records, RecordsOnDisk) for records in sets) else found


def identities(records: Sequence[Record]) -> Sequence[Record | CachedRecord]:
    """Each record's name and contents, without reading those that stay on disk."""
    return getattr(records, "cached", records)


def record_names(records: Sequence[Record]) -> list[str]:
    """The records' names, without reading those that stay on disk."""
    return [record.name for record in identities(records)]


def data_fingerprint(*sets: Sequence[Record]) -> str:
    """What identifies the data of a training: for each source a hash of the content of its files, followed by the
    beginnings of those of each record, as "lamp=a0:1c,2d sc=1f:3e,4f".

    The same wherever the files lie, and for records in memory and on disk.
    """
    digests: dict[str, list[str]] = {}
    for number, records in enumerate(sets):
        for record in identities(records):
            for source, content in record.contents.items():
                digests.setdefault(source, []).append(f"{number} {content}")
    return " ".join(
        f"{source}={text_hash(' '.join(of_source))}:{','.join(each.split()[1][:8] for each in of_source)}"
        for source, of_source in sorted(digests.items())
    )


# ---- which files are needed -------------------------------------------------------------------------------------


def missing_files(config: Config) -> list[str]:
    """One line for each missing file that the settings require, and for each set with swapped lists."""
    needed: dict[Path, str] = {}
    lines = []
    for set_name in SET_NAMES:
        pairs = config.data.pairs(set_name)
        # LAMP's header is only looked at where the other is wrong already: there may be thousands of pairs.
        swapped = [
            (sc, lamp)
            for sc, lamp in pairs
            if text_tables.written_by(f"{sc}.mot") == "LAMP" and text_tables.written_by(f"{lamp}.mot") == "SimpleCode"
        ]
        if swapped:
            sc, lamp = swapped[0]
            lines.append(
                f"DataInfoArgs.{set_name}_sc, {set_name}_lamp: swapped in {len(swapped)} of {len(pairs)} realizations "
                f"({sc}.mot is LAMP's, {lamp}.mot is SimpleCode's); exchange their paths"
            )
        for pair in pairs:
            for path in _files_of(*pair, config.user) if pair not in swapped else ():
                needed.setdefault(path, set_name)
    for path, set_name in needed.items():
        if not os.path.isfile(path):  # also for invalid file names, for which Path.is_file raises
            folder = path.parent
            remedy = "check the name" if os.path.isdir(folder) else f"there is no folder {folder}: check the path"
            lines.append(
                f"{path}: file is missing ({set_name} set); {remedy} in DataInfoArgs (paths without extensions)"
            )
    return lines


def differing_units(config: Config) -> list[str]:
    """One line if the headers of a run's .vbm files name different units, and no network tells to which to convert."""
    if not (config.user.input_vbm or config.user.output_vbm) or _conditions_before(config).vbm_unit:
        return []
    pairs = [pair for set_name in SET_NAMES for pair in config.data.pairs(set_name)]
    pairs += [(sc, None) for sc in config.data.predict_sc]
    return _differing_units([file for pair in pairs for file in _files_to_read(*pair, config.user).values()])


def moment_unit(config: Config) -> str | None:
    """The unit of the bending moment in a training: that of the network it starts from, or the first that is named."""
    pairs = config.data.pairs("train") if config.user.input_vbm or config.user.output_vbm else []
    files = (of for pair in pairs for of in _files_to_read(*pair, config.user).values() if "VBM" in of[1].columns)
    named = (unit for file in files if (unit := text_tables.moment_unit(*file)))
    return _conditions_before(config).vbm_unit or next(named, None)


def _differing_units(files: Iterable[tuple[str, text_tables.Layout]]) -> list[str]:
    units = {file: text_tables.moment_unit(file, layout) for file, layout in files if "VBM" in layout.columns}
    named = {file: unit for file, unit in units.items() if unit is not None}
    first = next(iter(named), "")
    others = [file for file in named if moment_factor(named[file], named[first]) != 1]
    if not others:
        return []
    more = f" (and {len(others) - 1} more files)" if len(others) > 1 else ""
    return [
        f"{others[0]}: the header's unit of VBM is {named[others[0]]}{more}, but {first} has {named[first]}; write all "
        ".vbm files in one unit"
    ]


# ---- one realization --------------------------------------------------------------------------------------------


def read_record(
    sc: str,
    lamp: str | None,
    user: UserInput,
    waves: str | None = None,
    name: str | None = None,
    shared: Conditions = UNKNOWN,
) -> Found:
    """One realization from its files, aligned on time.

    sc, lamp: paths without extensions; lamp is None without LAMP.
    user: the settings that select the channels.
    waves: path without extension of the .wav (or .sea) file; by default the LAMP path, else the SimpleCode path.
    name: the record's name; by default SimpleCode's file name.
    shared: what the record has to share with the training: it is resampled to the network's time step, and the bending
        moment is converted to its unit.
    Returns the `Record` and the warnings about it, one line each. InputError has all errors in the realization's files.
    """
    files = _files_to_read(sc, lamp, user, waves)
    tables, converted = _read_tables(files, shared.vbm_unit)
    sources = {source: record_cache.digest([table]) for source, (_, table) in tables.items()}
    sea = tables.pop("sea", ("", None))[1]
    time, own_time, columns, warnings = align(tables, "lamp" if lamp else "sc", user.time_res, shared.time_step)
    if "track" in columns:
        points = grid_offsets(user.wave_grid_x_size, user.wave_grid_y_size, user.ship_length, user.ship_beam)
        columns["waves"] = wave_elevation(sea, *columns["track"].T, time, *points, user.wave_ramp_time)
    elif "waves" in columns and not lamp:
        wave_file = files["waves"][0]
        columns["waves"], lines = conditions.begun_as_in_training(wave_file, time, columns["waves"], shared)
        warnings += lines
    names = {key: list(layout.columns)[1:] for key, (_, layout) in files.items()}
    names["waves"] = list(filter(is_wave, input_channels(user)))
    signals = {  # (rows, 1)
        (key.startswith("lamp"), name): table[:, [place]]
        for key, table in columns.items()
        for place, name in enumerate(names[key])
        if key != "track"
    }

    def joint(channels: Sequence[str], of_lamp: bool = False) -> np.ndarray:
        return np.hstack([signals.get((of_lamp, name), np.full((len(time), 1), np.nan)) for name in channels])

    inputs, simple = joint(input_channels(user)), joint(output_channels(user))
    targets = joint(output_channels(user), of_lamp=True) if lamp else None
    own_time = None if own_time is time else own_time
    record = Record(name or Path(sc).name, time, inputs, targets, simple, sources, own_time)
    return Found(record, _warn_of_other_writers(sc, lamp) + converted + warnings)


def _warn_of_other_writers(sc: str, lamp: str | None) -> list[str]:
    return [
        f"{path}.mot: the header is that of {found}, where motions of {expected} are expected; check the lists in "
        "DataInfoArgs"
        for path, expected in ((sc, "SimpleCode"), (lamp, "LAMP"))
        if path and (found := text_tables.written_by(f"{path}.mot")) not in (None, expected)
    ]


def _files_to_read(sc: str, lamp: str | None, user: UserInput, waves: str | None = None) -> Files:
    """The files of a realization, and what is read from each."""
    wave_path = waves or lamp or sc
    inputs, outputs = input_channels(user), output_channels(user)
    files = _files_of_code("sc", sc, (*inputs, *outputs))
    for key, (file, layout) in list(files.items()):
        if key != "sc" and not {*layout.columns} & {*inputs} and not os.path.isfile(file):
            del files[key]  # SimpleCode's values of an output are only for comparison
    files |= _files_of_code("lamp", lamp, outputs) if lamp else {}
    if user.input_waves and user.wave_grid_x_size * user.wave_grid_y_size > 1:
        files["track"] = (f"{lamp}.mot", text_tables.LAMP_TRACK) if lamp else (f"{sc}.mot", text_tables.SC_TRACK)
        files["sea"] = (f"{wave_path}.sea", text_tables.SEA)
    elif user.input_waves:
        # Without LAMP there may be no .wav; SimpleCode can write the elevation into its .mot (output option 6).
        # If no .wav is named, an unreadable .mot may be meant to hold it; then only the .mot is reported.
        in_mot = False
        if lamp is None and not os.path.isfile(f"{wave_path}.wav"):
            width = text_tables.count_columns(f"{sc}.mot")
            in_mot = width > channel_of(WAVE).low.place or (width == 0 and not waves)
        files["waves"] = (f"{sc}.mot", text_tables.SC_WAVES) if in_mot else (f"{wave_path}.wav", text_tables.WAV)
    return dict(sorted(files.items(), key=lambda file: "_" in file[0]))


def _files_of_code(source: str, path: str, names: Iterable[str]) -> Files:
    """What is read of the files of SimpleCode ("sc") or "lamp" for these channels; of the .mot always MOTIONS."""
    code, by_ending = {"sc": "SimpleCode", "lamp": "LAMP"}[source], defaultdict(list)
    for row in map(channel_of, dict.fromkeys((*MOTIONS, *names))):
        column = row.high if source == "lamp" else row.low
        if column and row.name != WAVE:
            by_ending[column.file].append(row.name)
    layouts = {ending: text_tables.layout_of(f"{code} {ending}", read) for ending, read in by_ending.items()}
    return {f"{source}_{e[1:]}".removesuffix("_mot"): (f"{path}{e}", layout) for e, layout in layouts.items()}


def _files_of(sc: str, lamp: str, user: UserInput) -> list[Path]:
    return [Path(file) for file in dict.fromkeys(file for file, _ in _files_to_read(sc, lamp, user).values())]


def _read_tables(files: Files, vbm_unit: str | None) -> tuple[dict[str, tuple[str, np.ndarray]], list[str]]:
    """(file, table) of each, and remarks. Raises InputError for all files together; one read twice is reported once.

    vbm_unit: to which the bending moment is converted; None if all files of the realization must have the same.
    """
    tables, remarks, faults = {}, [], {}
    for key, (file, layout) in files.items():
        try:
            table, lines = text_tables.read_table(file, layout)
            factor, converted = _moment_conversion(file, layout, vbm_unit)
            tables[key] = (file, table if factor == 1 else table * [1.0, factor])
            remarks += lines + converted
        except InputError as error:
            faults.setdefault(file, error.lines)
    differing = [] if faults or vbm_unit else _differing_units(files.values())
    if faults or differing:
        raise InputError([line for lines in faults.values() for line in lines] + differing)
    return tables, remarks


def _moment_conversion(file: str, layout: text_tables.Layout, wanted: str | None) -> tuple[float, list[str]]:
    """The factor to the unit of the training, and a line if it is not 1. Raises InputError if it is not known."""
    unit = text_tables.moment_unit(file, layout) if wanted and "VBM" in layout.columns else None
    factor = moment_factor(unit, wanted) if unit else 1.0
    if factor is None:
        raise InputError(
            f"{file}: the header's unit of VBM is {unit}, that of the training {wanted}: not known how to convert; "
            f"write the file in {wanted}"
        )
    return factor, [] if factor == 1 else [f"{file}: VBM converted from {unit} to {wanted}, the unit of the training"]


def motions_digest(sc: str) -> str:
    """What identifies SimpleCode's motions: the hash that `Record.contents` has of them. Raises InputError."""
    return record_cache.digest([text_tables.read_table(f"{sc}.mot", text_tables.SC_MOT)[0]])


def read_track(sc: str, time: np.ndarray) -> np.ndarray:
    """SimpleCode's Xcg (m), Ycg (m) and Yaw (deg), (rows, 3), at the given times; zeros if the file has none.

    Raises InputError if the file has disappeared since the motions were read.
    """
    try:
        table = text_tables.read_columns(f"{sc}.mot", text_tables.SC_COURSE)
    except InputError:
        if not os.path.isfile(f"{sc}.mot"):
            raise
        return np.zeros((len(time), 3))
    return interpolated(table, time)


# ---- sets of realizations ---------------------------------------------------------------------------------------


def read_sets(config: Config) -> tuple[dict[str, Sequence[Record]], list[str]]:
    """The records of the train, val and test sets, and the warnings about them.

    All have one time step: that of the network, or in a training that of most training records. With a cache_path,
    records that are not in the cache yet are parsed and written there, and all stay on disk.
    Raises InputError with all errors in all files, one line each, or if the cache cannot be written.
    """
    data = config.data
    if data.cache_path:
        record_cache.prepare(Path(data.cache_path))
    folder = _network_before(config)
    shared, warnings = conditions_of_network(folder) if folder else (UNKNOWN, [])
    pairs = [(set_name, *pair) for set_name in SET_NAMES for pair in data.pairs(set_name)]
    results = _read_pairs(pairs, config, unit := Conditions(vbm_unit=shared.vbm_unit))
    sets_of = [set_name for set_name, *_ in pairs]
    if shared.time_step is None and "train" in sets_of and config.user.training_mode:
        steps = [record.time_step for name, (record, _) in zip(sets_of, results, strict=True) if name == "train"]
        step, lines = conditions.usual_step(steps)
        shared, warnings = replace(shared, time_step=step), [*warnings, *lines]
    if shared.time_step:
        others = [i for i, (record, _) in enumerate(results) if not same_step(record.time_step, shared.time_step)]
        resampled = _read_pairs([pairs[i] for i in others], config, replace(unit, time_step=shared.time_step))
        for i, found in zip(others, resampled, strict=True):
            results[i] = found
    sets: dict[str, list] = {set_name: [] for set_name in SET_NAMES}
    for set_name, (record, lines) in zip(sets_of, results, strict=True):
        sets[set_name].append(record)
        warnings = [*warnings, *lines]
    kind = RecordsOnDisk if data.cache_path else tuple
    sets = {name: kind(tuple(records)) for name, records in sets.items()}
    return sets, list(dict.fromkeys([*warnings, *_differing_waves(config, sets, shared)]))


def _read_pairs(
    pairs: Sequence[tuple[str, str, str]], config: Config, shared: Conditions
) -> list[tuple[Record | CachedRecord, list[str]]]:
    """The records of (set, SimpleCode path, LAMP path), each with its warnings. shared: see `read_record`.

    Raises InputError with all errors in all files.
    """
    names = names_of_pairs(config.data)
    with ThreadPoolExecutor(cores()) as pool:  # pandas releases Python's global interpreter lock
        results = pool.map(lambda pair: _find_or_read(*pair[1:], names[pair[1:]], config, shared), pairs)
        # disable=None: without a terminal
        results = list(tqdm(results, "Reading", len(pairs), disable=True if len(pairs) < MANY_RECORDS else None))
    faults = [line for found in results if isinstance(found, InputError) for line in found.lines]
    if faults:
        raise InputError(list(dict.fromkeys(faults)))  # a file in two sets is reported once
    return results


def _find_or_read(
    sc: str, lamp: str, name: str, config: Config, shared: Conditions
) -> tuple[Record | CachedRecord, list[str]] | InputError:
    """A realization from the cache or else from its files, with its warnings; or the errors in its files.

    shared: as in `read_record`. Raises InputError if the cache cannot be written.
    """
    file = _cache_file(sc, lamp, config, shared)
    kept = record_cache.load(file) if file else None
    if kept is None or len(kept.arrays["time"]) < 2 * config.user.time_res:
        try:
            record, warnings = read_record(sc, lamp, config.user, name=name, shared=shared)
            if _cache_file(sc, lamp, config, shared) != file:
                raise InputError(f"{sc}: its files changed while they were read; run again when they are complete")
        except InputError as error:
            return error
        if file is None:
            return record, warnings
        kept = record_cache.Kept(record.arrays, warnings, dict(record.sources))
        record_cache.save(file, kept)
    return CachedRecord(name, file, kept.sources, time_step(kept.arrays["time"])), kept.remarks


def _cache_file(sc: str, lamp: str, config: Config, shared: Conditions) -> Path | None:
    """The cache file of a realization, which may not exist yet; None without a cache."""
    if not config.data.cache_path:
        return None
    files = _files_of(sc, lamp, config.user)
    chosen = {name: getattr(config.user, name) for name in user_settings("channels")}
    chosen |= {name: value for name, value in vars(shared).items() if value is not None}
    return record_cache.file_of(Path(config.data.cache_path), files, chosen)


def _differing_waves(config: Config, sets: Mapping[str, Sequence[Record]], shared: Conditions) -> list[str]:
    """A line for each record whose waves begin otherwise than in the training, which may be that of this run."""
    place = wave_at_centre(input_channels(config.user))
    if shared.wave_ramp is None and config.user.training_mode:
        shared = conditions_of(sets["train"], config.user)
    if place is None or shared.wave_ramp is None or config.user.wave_grid_x_size * config.user.wave_grid_y_size > 1:
        return []

    def lines(job: tuple[str, int]) -> list[str]:
        record, lamp = sets[job[0]][job[1]], config.data.pairs(job[0])[job[1]][1]
        return conditions.differing_waves(f"{lamp}.wav", record.time, record.inputs[:, place], shared)

    with ThreadPoolExecutor(cores()) as pool:
        return [
            line
            for found in pool.map(lines, [(name, i) for name, records in sets.items() for i in range(len(records))])
            for line in found
        ]


# ---- what a record shares with the training -----------------------------------------------------------------------


def conditions_of(records: Sequence[Record], user: UserInput) -> Conditions:
    """What predicted records have to share with these training records, which have one time step."""
    place = wave_at_centre(input_channels(user))
    if not len(records):
        return UNKNOWN
    if place is None or user.wave_grid_x_size * user.wave_grid_y_size > 1:
        return Conditions(records[0].time_step, None if place is None else user.wave_ramp_time)
    some = range(0, len(records), -(-len(records) // wave_ramp.MOST_RECORDS))
    waves = ((record.time, record.inputs[:, place]) for record in (records[i] for i in some))
    return Conditions(records[0].time_step, wave_ramp.common_ramp(waves, user.wave_ramp_time))


def conditions_of_network(folder: Path) -> Found:
    """The `Conditions` of the training of a saved network, and a line about those that its settings.json lacks.

    Raises InputError if the network is missing or damaged.
    """
    network = NetworkFolder(folder)
    network.restore_replaced()
    saved = network.read_metadata()
    try:
        kept = saved.get("network", {})
        step, ramp, unit = (kept.get(name) for name in vars(UNKNOWN))
        numbers = (None if value is None else float(value) for value in (step, ramp))
        found = Conditions(*numbers, None if unit is None else str(unit))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise network.damaged_settings(error) from error
    words = {"time_step": "time step", "wave_ramp": "ramp of the waves", "vbm_unit": "unit of the bending moment"}
    missing = " and ".join(word for name, word in words.items() if kept.get(name, "") == "")
    remark = f"was saved without the {missing} of its records: other ones go unnoticed; train it again"
    return Found(found, [f"{folder}: {remark}"] if missing else [])


def _network_before(config: Config) -> Path | None:
    """The folder of the network that the run loads or starts from."""
    name = config.user.fine_tune_filename if config.user.training_mode else config.user.model_load_filename
    return NETWORKS_FOLDER / name if name else None


def _conditions_before(config: Config) -> Conditions:
    """Those of the network that the run loads or starts from; unknown if there is none yet, or a damaged one."""
    folder = _network_before(config)
    return Collector()(conditions_of_network, folder, otherwise=UNKNOWN) if folder else UNKNOWN


def names_by_path(data: DataInfo) -> dict[str, str]:
    """The name of each record of a run by SimpleCode's path, see `unique_names`."""
    return unique_names([path for name in (*SET_NAMES, "predict") for path in getattr(data, f"{name}_sc")])


def names_of_pairs(data: DataInfo) -> dict[tuple[str, str], str]:
    """The same by the paths of both codes, for the records of the sets: further LAMP runs of one path are numbered."""
    names, names_of, further = names_by_path(data), {}, set()
    taken = {name.lower() for name in names.values()}
    for sc, lamp in dict.fromkeys(pair for set_name in SET_NAMES for pair in data.pairs(set_name)):
        numbered = (f"{names[sc]}_{n}" for n in itertools.count(2))
        name = next(n for n in numbered if n.lower() not in taken) if sc in further else names[sc]
        names_of[sc, lamp] = name
        taken.add(name.lower())
        further.add(sc)
    return names_of


def unique_names(paths: Sequence[str]) -> dict[str, str]:
    """A name for each path: the file name, preceded by as many folders as tell apart the paths that share a name.

    Names that differ in case only are shared too, as some file systems do not tell them apart.
    """
    by_name: dict[str, list[str]] = {}
    for path in dict.fromkeys(paths):
        by_name.setdefault(Path(path).name.lower(), []).append(path)
    names, taken = {}, set(by_name)
    for sharing in by_name.values():
        counts, alone = range(1, max(len(Path(path).parts) for path in sharing)), len(sharing) == 1
        folders = next((n for n in counts if len({_with_folders(p, n).lower() for p in sharing}) == len(sharing)), 1)
        for place, path in enumerate(sharing):
            names[path] = Path(path).name if alone else free_name(path, taken.__contains__, place + 1, folders)
            taken.add(names[path].lower())
    return names


def _with_folders(path: str, number: int) -> str:
    """The file name of a path, preceded by so many of its folders."""
    *folders, name = (part for part in Path(path).parts if part not in ("..", Path(path).anchor))
    return "_".join([*folders[max(len(folders) - number, 0) :], name])


def free_name(path: str, is_taken: Callable[[str], bool], number: int = 2, folders: int = 1) -> str:
    """The file name of a path, preceded by its folders, at least so many, else followed by the next free number.

    is_taken: of a name in lower case.
    """
    longer = (_with_folders(path, n) for n in range(folders, max(len(Path(path).parts), folders + 1)))
    numbered = (f"{_with_folders(path, folders)}_{n}" for n in itertools.count(number))
    return next(name for name in itertools.chain(longer, numbered) if not is_taken(name.lower()))


# ---- writing ----------------------------------------------------------------------------------------------------


def write_prediction(path: Path, time: np.ndarray, outputs: np.ndarray, channels: Sequence[str]) -> None:
    """Writes a prediction as text: a header line with the column names, then one row per time step, five decimals.

    time: (rows,) s. outputs: (rows, channel) in m, deg and the .vbm file's unit. channels: the outputs' names.
    """
    _write_rows(path, [("Time", *channels)], np.column_stack([time, outputs]))


def write_lamp_motions(path: Path, time: np.ndarray, track: np.ndarray, motions: np.ndarray) -> None:
    """Writes predicted motions in the layout of LAMP's .mot file, for tools that read LAMP's output.

    time: (rows,) s. track: (rows, 3) Xcg m, Ycg m, Yaw deg. motions: (rows, 3) heave m, roll deg, pitch deg.
    """
    title = "Motions predicted from SimpleCode, in the layout of LAMP; track and yaw are SimpleCode's"
    signals = dict(zip((*COURSE, *MOTIONS), [*track.T, *motions.T], strict=True))
    rows = sorted(map(channel_of, signals), key=lambda row: row.high.place)
    header = [(title,), ("sec", *(row.unit for row in rows)), ("Time", *(row.high.name for row in rows))]
    _write_rows(path, header, np.column_stack([time, *(signals[row.name] for row in rows)]))


def _write_rows(path: Path, header: Sequence[Sequence[str]], table: np.ndarray) -> None:
    """Writes a table below header lines."""
    from system.number_text import rows_of_text  # only here, as Numba takes a moment to load

    with written_aside(path) as aside, open(aside, "wb") as file:
        file.writelines(("".join(f"{word:>16}" for word in words) + "\n").encode() for words in header)
        file.writelines(
            rows_of_text(table[start : start + ROWS_AT_ONCE]) for start in range(0, len(table), ROWS_AT_ONCE)
        )
