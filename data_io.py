"""Reads SimpleCode's and LAMP's files into aligned arrays, and writes predictions in the same formats.

Angles are in degrees, lengths in metres, time in seconds, and no sign is changed. Channel order, everywhere: VBM, Zcg,
Roll, Pitch, then the wave elevations; channels that are switched off are left out.
"""

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from networks.network_folder import NetworkFolder
from readers import record_cache, record_files, text_tables, training_conditions
from readers.alignment import align, implausible_period, interpolated, same_step, without_trend
from readers.cases import read_cases as read_cases  # input files call data_io.read_cases
from readers.record_identity import content_hashes
from readers.record_names import free_name, names_by_path, names_of_pairs, unique_names  # noqa: F401
from readers.records import Record, Records, data_fingerprint  # noqa: F401
from readers.training_conditions import UNKNOWN, Conditions, conditions_of
from readers.wave_grid import grid_offsets, wave_elevation
from settings import NETWORKS_FOLDER, SET_NAMES, Config, DataInfo, UserInput
from settings.channels import (
    COURSE,
    HEAVE,
    MOTIONS,
    channel_of,
    has_wave_grid,
    input_channels,
    is_wave,
    output_channels,
    wave_at_centre,
)
from settings.description import Input, Output, TextFormat, has_ship_digits, in_this_run, names, time_scale_of  # noqa: F401
from system.cores import cores
from system.errors import FaultCollector, InputError, WithRemarks
from system.files import written_aside
from system.workers import HERE, Workers

MANY_RECORDS = 100  # from here on reading takes long enough for a progress bar
PAIRS_AT_ONCE = 32  # parsed into the cache by one task
ROWS_AT_ONCE = 2**14  # written; bounds the memory

# ---- one realization --------------------------------------------------------------------------------------------


def read_record(
    sc: str,
    lamp: str | None,
    user: UserInput,
    waves: str | None = None,
    name: str | None = None,
    shared: Conditions = UNKNOWN,
) -> WithRemarks:
    """One realization from its files, aligned on time.

    sc, lamp: paths without extensions; lamp is None without LAMP.
    user: the settings that select the channels.
    waves: path without extension of the .wav (or .sea) file; by default the LAMP path, else the SimpleCode path.
    name: the record's name; by default SimpleCode's file name.
    shared: what the record has to share with the training: it is resampled to the network's time step, and the bending
        moment is converted to its unit.
    Returns the `Record` and the warnings about it, one line each. InputError has all errors in the realization's files.
    """
    files = record_files.files_of(sc, lamp, user, waves)
    tables, remarks = _read_tables(files, shared.vbm_unit)
    pair = user.description
    sources = content_hashes({source: table for source, (_, table) in tables.items()}, pair.is_ship)
    sea = tables.pop("sea", ("", None))[1]
    aligned = align(tables, "lamp" if lamp else "sc", user.time_res, shared.time_step, own_steps=not pair.is_ship)
    time, columns = aligned.time, aligned.columns
    remarks += aligned.warnings
    if pair.is_ship:
        remarks = record_files.header_remarks(sc, lamp) + remarks
        remarks += implausible_period(f"{sc}.mot", time, columns["sc"][:, MOTIONS.index(HEAVE)])
    if "track" in columns:
        points = grid_offsets(user.wave_grid_x_size, user.wave_grid_y_size, user.ship_length, user.ship_beam)
        columns["waves"] = wave_elevation(sea, *columns.pop("track").T, time, *points, user.wave_ramp_time)
    elif "waves" in columns and not lamp:
        wave_file = files["waves"][0]
        columns["waves"], lines = training_conditions.with_training_ramp(wave_file, time, columns["waves"], shared)
        remarks += lines
    columns_of = {source: list(layout.columns)[1:] for source, (_, layout) in files.items()}
    if pair.is_ship:
        columns_of["waves"] = list(filter(is_wave, input_channels(user)))
    signals = {  # (rows,)
        (source.startswith("lamp"), channel): signal
        for source, table in columns.items()
        for channel, signal in zip(columns_of[source], table.T, strict=True)
    }
    without = {channel.name for channel in pair.channels if channel.trend == "removed"}
    signals |= {key: without_trend(time, signal) for key, signal in signals.items() if key[1] in without}
    missing = np.full(len(time), np.nan)

    def joint(channels: Sequence[str], is_lamp: bool = False) -> np.ndarray:
        return np.stack([signals.get((is_lamp, name), missing) for name in channels], axis=1)

    inputs, simple = joint(input_channels(user)), joint(output_channels(user))
    targets = joint(output_channels(user), is_lamp=True) if lamp else None
    record = Record(name or Path(sc).name, time, inputs, targets, simple, sources, aligned.printed_time)
    return WithRemarks(record, remarks)


def _read_tables(
    files: record_files.Files, vbm_unit: str | None
) -> tuple[dict[str, tuple[str, np.ndarray]], list[str]]:
    """(file, table) of each, and remarks. Raises InputError for all files together; one read twice is reported once.

    vbm_unit: to which the bending moment is converted; None if all files of the realization must have the same.
    """
    tables, remarks, faults = {}, [], {}
    for source, (file, layout) in files.items():
        try:
            table, lines = layout.read(file)
            factor, converted = record_files.moment_conversion(file, layout, vbm_unit)
            tables[source] = (file, table if factor == 1 else table * [1.0, factor])
            remarks += lines + converted
        except InputError as error:
            faults.setdefault(file, error.lines)
    differing = [] if faults or vbm_unit else record_files.differing_units(files.values())
    if faults or differing:
        raise InputError([*chain.from_iterable(faults.values()), *differing])
    return tables, remarks


def motions_digest(sc: str, user: UserInput | None = None) -> str:
    """What identifies SimpleCode's motions: the hash that `Record.contents` has of them. Raises InputError."""
    is_ship = user is None or user.description.is_ship  # whose further channels do not count
    file, layout = (f"{sc}.mot", text_tables.SC_MOT) if is_ship else record_files.files_of(sc, None, user)["sc"]
    return content_hashes({"sc": layout.read(file)[0]}, is_ship)["sc"]


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


class Pair(NamedTuple):
    """The files of a realization, paths without extensions, and its name."""

    set_name: str
    sc: str
    lamp: str
    name: str


def read_sets(config: Config, workers: Workers = HERE) -> tuple[dict[str, Records], list[str]]:
    """The records of the train, val and test sets, and the warnings about them.

    All have one time step: that of the network, or in a training that of most training records. With a cache_path,
    records that are not in the cache yet are parsed and written there by the workers, and all stay on disk.
    Raises InputError with all errors in all files, one line each, or if the cache cannot be written.
    """
    user, data = config.user, config.data
    cache = Path(data.cache_path) if data.cache_path else None
    if cache:
        record_cache.prepare(cache)
    shared = _conditions_before(user)
    names_of = names_of_pairs(data)
    pairs = [Pair(part, *paths, names_of[paths]) for part in SET_NAMES for paths in data.pairs(part)]
    unit, warnings = Conditions(vbm_unit=shared.vbm_unit), []
    reader = Reader(user, cache, workers)
    results = reader.read(pairs, unit)
    steps = [result.value.time_step for pair, result in zip(pairs, results, strict=True) if pair.set_name == "train"]
    if shared.time_step is None and steps and user.training_mode:
        step, warnings = training_conditions.usual_step(steps)
        shared = replace(shared, time_step=step)
    if shared.time_step:
        others = [i for i, (record, _) in enumerate(results) if not same_step(record.time_step, shared.time_step)]
        resampled = reader.read([pairs[i] for i in others], replace(unit, time_step=shared.time_step))
        for i, result in zip(others, resampled, strict=True):
            results[i] = result
    records = Records(tuple(result.value for result in results))
    sets = {part: records.chosen(i for i, pair in enumerate(pairs) if pair.set_name == part) for part in SET_NAMES}
    if shared.wave_ramp is None and user.training_mode:
        shared = conditions_of(sets["train"], user)
    warnings += training_conditions.coarse_steps(sets["train"], user) if user.training_mode else []
    lines = chain(warnings, *(result.remarks for result in results), _differing_waves(pairs, records, user, shared))
    return sets, list(dict.fromkeys(lines))


@dataclass(frozen=True)
class Reader:
    """Reads the realizations of a run. cache: a folder, into which the workers parse."""

    user: UserInput
    cache: Path | None
    workers: Workers

    def read(self, pairs: Sequence[Pair], shared: Conditions) -> list[WithRemarks]:
        """The record of each pair, with its warnings. shared: see `read_record`.

        Raises InputError with all errors in all files.
        """
        # disable=None: without a terminal
        with tqdm(desc="Reading", total=len(pairs), disable=True if len(pairs) < MANY_RECORDS else None) as bar:
            if self.cache and not self.workers.run_here(len(pairs) // PAIRS_AT_ONCE, 1):
                results = self._read_into_cache(pairs, shared, bar)
            else:
                results = _read_pairs(pairs, self.user, self.cache, shared, bar)
        faults = [line for result in results if isinstance(result, InputError) for line in result.lines]
        if faults:
            raise InputError(list(dict.fromkeys(faults)))  # a file in two sets is reported once
        return results

    def _read_into_cache(self, pairs: Sequence[Pair], shared: Conditions, bar: tqdm) -> list[WithRemarks | InputError]:
        parts = [pairs[start : start + PAIRS_AT_ONCE] for start in range(0, len(pairs), PAIRS_AT_ONCE)]
        results = {}
        tasks = [(part, self.user, self.cache, shared) for part in parts]
        for number, result in self.workers.run(in_this_run(_read_pairs), tasks, _files_of_pairs, tasks_each=1):
            results[number] = result
            bar.update(len(result))
        return list(chain.from_iterable(results[number] for number in range(len(parts))))


def _files_of_pairs(pairs: Sequence[Pair], user: UserInput, *_) -> Iterable[str]:
    return [file for pair in pairs for file, _ in record_files.files_of(pair.sc, pair.lamp, user).values()]


def _read_pairs(
    pairs: Sequence[Pair], user: UserInput, cache: Path | None, shared: Conditions, bar: tqdm | None = None
) -> list[WithRemarks | InputError]:
    """The record of each pair, with its warnings, or the errors in its files."""
    results = []
    with ThreadPoolExecutor(cores()) as pool:  # pandas releases Python's global interpreter lock
        for result in pool.map(lambda pair: _find_or_read(pair, user, cache, shared), pairs):
            results.append(result)
            if bar is not None:
                bar.update()
    return results


def _find_or_read(pair: Pair, user: UserInput, cache: Path | None, shared: Conditions) -> WithRemarks | InputError:
    """A realization from the cache or else from its files, with its warnings; or the errors in its files.

    Raises InputError if the cache cannot be written.
    """
    file = _cache_file(pair, user, cache, shared)
    result = record_cache.load(file, pair.name) if file else None
    if result is None or len(result.value.time) < 2 * user.time_res:
        try:
            result = read_record(pair.sc, pair.lamp, user, name=pair.name, shared=shared)
            if _cache_file(pair, user, cache, shared) != file:
                raise InputError(f"{pair.sc}: its files changed while they were read; run again when they are complete")
        except InputError as error:
            return error
        if file:
            record_cache.save(file, *result)
    if not file:
        return result
    record, remarks = result
    return WithRemarks(record_cache.CachedRecord(pair.name, file, record.sources, record.time_step), remarks)


def _cache_file(pair: Pair, user: UserInput, cache: Path | None, shared: Conditions) -> Path | None:
    """The cache file of a realization, which may not exist yet; None without a cache."""
    if not cache:
        return None
    files = dict.fromkeys(file for file, _ in record_files.files_of(pair.sc, pair.lamp, user).values())
    files |= dict.fromkeys(user.description.programs)
    choice = user.channel_choice
    choice |= {name: value for name, value in vars(shared).items() if value is not None}
    return record_cache.file_of(cache, files, choice)


def _differing_waves(pairs: Sequence[Pair], records: Records, user: UserInput, shared: Conditions) -> Iterable[str]:
    """A line for each record whose waves begin otherwise than in the training, which may be that of this run."""
    place = wave_at_centre(input_channels(user))
    if place is None or shared.wave_ramp is None or has_wave_grid(user):
        return []

    def lines(number: int) -> list[str]:
        record = records[number]
        wave_file = f"{pairs[number].lamp}.wav"
        return training_conditions.differing_waves(wave_file, record.time, record.inputs[:, place], shared)

    with ThreadPoolExecutor(cores()) as pool:
        return chain.from_iterable(list(pool.map(lines, range(len(pairs)))))


# ---- before and beside the reading ------------------------------------------------------------------------------


def faulty_files(user: UserInput, data: DataInfo) -> list[str]:
    """One line for each missing file, each set with swapped lists, and .vbm files in different units.

    Units may differ if the network that the run loads or starts from tells to which to convert.
    """
    lines = record_files.missing_files(user, data)
    if (user.input_vbm or user.output_vbm) and not _vbm_unit_before(user):
        pairs = [pair for set_name in SET_NAMES for pair in data.pairs(set_name)]
        pairs += [(sc, None) for sc in data.predict_sc]
        files = (file for pair in pairs for file in record_files.files_of(*pair, user).values())
        lines += record_files.differing_units(files)
    return lines


def moment_unit(user: UserInput, data: DataInfo) -> str | None:
    """The unit of the bending moment in a training: that of the network it starts from, or the first that is named."""
    if unit := _vbm_unit_before(user):
        return unit
    pairs = data.pairs("train") if user.input_vbm or user.output_vbm else []
    files = (record_files.moment_units(record_files.files_of(*pair, user).values()) for pair in pairs)
    return next((unit for units in files for unit in units.values()), None)


def conditions_of_network(folder: NetworkFolder) -> Conditions:
    """What predicted records share with the training of a saved network.

    Raises InputError if the network is missing or damaged.
    """
    folder.restore_replaced()
    saved = folder.read_metadata()
    try:
        step, ramp, unit, scale = (saved["network"].get(name) for name in vars(UNKNOWN))
        step, ramp, scale = (None if value is None else float(value) for value in (step, ramp, scale))
        return Conditions(step, ramp, None if unit is None else str(unit), scale)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise folder.damaged_settings(error) from error


def _conditions_before(user: UserInput) -> Conditions:
    """Those of the network that the run loads or starts from; unknown without one. Raises InputError as above."""
    name = user.source_network
    return conditions_of_network(NetworkFolder(NETWORKS_FOLDER / name)) if name else UNKNOWN


def time_scale(user: UserInput, train: Sequence[Record]) -> float:
    """The factor of all durations of a run: of its training records, or that of the network that it loads."""
    if user.training_mode:
        return time_scale_of(training_conditions.mean_period(train)) if len(train) else 1.0
    return _conditions_before(user).time_scale or 1.0


def _vbm_unit_before(user: UserInput) -> str | None:
    """The unit of the bending moment of that network; None without one, or for a damaged one."""
    return FaultCollector()(_conditions_before, user, otherwise=UNKNOWN).vbm_unit


# ---- writing ----------------------------------------------------------------------------------------------------


def write_prediction(path: Path, time: np.ndarray, outputs: np.ndarray, channels: Sequence[str]) -> None:
    """Writes a prediction as text: a header line with the column names, then one row per time step, see `_write_rows`.

    time: (rows,) s. outputs: (rows, channel) in the channels' units. channels: the outputs' names.
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
    """Writes a table below header lines, the last of them the names: five decimals for a ship's motions at full scale,
    else seven digits, so that 1.2e-6 and 3.2e8 survive. Names of several words are joined."""
    from system.number_text import WIDTH, rows_of_digits, rows_of_text  # only here, as Numba takes a moment to load

    *above, names_ = header
    names_ = ["_".join(name.split()) for name in names_]
    widths = [max(WIDTH, len(name) + 1) for name in names_]
    as_text = rows_of_text if has_ship_digits() else partial(rows_of_digits, widths=widths)
    with written_aside(path) as aside, open(aside, "wb") as file:
        for words in (*above, names_):
            cells = (f"{word:>{width}}" for word, width in zip(words, widths, strict=False))
            file.write(f"{''.join(cells)}\n".encode())
        file.writelines(as_text(table[start : start + ROWS_AT_ONCE]) for start in range(0, len(table), ROWS_AT_ONCE))
