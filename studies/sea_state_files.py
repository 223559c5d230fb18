"""The files behind a sea-state map: predictions, LAMP's and SimpleCode's records, matched by their handles.

Paths of realizations have no extensions. Those of a kind are in a dictionary, by the handles in their names.
"""

import glob
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from data_io import MOTIONS, motions_digest
from metrics import SIMPLECODE, significant_single_amplitude
from readers.alignment import align
from readers.cases import Handle, find_handle, parse_handle, read_cases, sea_state
from readers.text_tables import LAMP_MOT, LAMP_VBM, SC_MOT, SC_VBM, Layout, read_columns, read_table
from settings import NETWORKS_FOLDER
from support import run_folder
from support.errors import Collector, Found, InputError
from support.files import posix
from support.saved_networks import SETTINGS_FILE, damaged_settings, read_metadata

CHANNELS = ("VBM", *MOTIONS)
MOST_LINES = 8  # of a kind, as thousands of records may have the same problem

Paths = Mapping[Handle, str]
Tables = dict[tuple[str, ...], tuple[str, np.ndarray]]  # by channels: file, (rows, 1 + channel) with time first


def summarized(lines: Iterable[str]) -> list[str]:
    """One line for those that differ only in the file, which they begin with, and at most MOST_LINES."""
    kinds: dict[str, list[str]] = {}
    for line in dict.fromkeys(lines):
        kinds.setdefault(line.partition(": ")[2], []).append(line)
    short = [first + f" ({len(others)} more like this)" * bool(others) for first, *others in kinds.values()]
    return short if len(short) <= MOST_LINES else [*short[:MOST_LINES], f"{len(short) - MOST_LINES} more like these"]


def _one_each(paths: Iterable[str], remedy: str) -> dict[Handle, str]:
    """The paths by the handles in their names. Raises InputError if there are several paths for one handle."""
    found, twins = {}, []
    for path in paths:
        first = found.setdefault(find_handle(path), path)
        if first != path:
            twins.append((first, path))
    if twins:
        lines = (f"{path}: has the same handle as {Path(first).name}; {remedy}" for first, path in sorted(twins))
        raise InputError(summarized(lines))
    return found


def _left_out(paths: Sequence[str], count: int, what: str, where: Path | None = None) -> list[str]:
    """A warning if there are paths that are left out, of this number in all. where: by default their folder."""
    if not paths:
        return []
    first = Path(paths[0])
    return [f"{where or first.parent}: {len(paths)} of {count} {what} (first: {first.name})"]


def find_predictions(folder: Path, prefix: str) -> Found:
    """The predictions of a network (Paths); names without a handle are left out with a warning.

    Raises InputError if there is none, or if there are several for one realization.
    """
    files = sorted(path.with_suffix("").as_posix() for path in folder.glob(f"{glob.escape(prefix)}*.txt"))
    if not files:
        missing = f"no prediction {prefix}*.txt" if folder.is_dir() else "no such folder of predictions"
        raise InputError(f"{folder}: {missing}; run main.py with this network, or give --output_path or --prefix")
    unnamed = [path for path in files if not find_handle(path)]
    remarks = _left_out(unnamed, len(files), "predictions left out, as their names have no handle that can be read")
    if unnamed == files:
        raise InputError([f"{line}; name the records after their conditions" for line in remarks])
    return Found(_one_each(filter(find_handle, files), "delete one"), remarks)


def find_records(where: str, needed: Collection[Handle], code: str = "LAMP") -> Paths:
    """The records of a code (LAMP or SimpleCode) in a cases file, or in a folder of .mot files named by their handles.

    needed: the handles to look for; a folder may contain others.

    Raises InputError if there is no such file or folder, it contains no handle, or two files have the same one.
    """
    option = "--lamp" if code == "LAMP" else "--sc"
    path = Path(posix(where))
    if path.is_file():
        cases, collect = read_cases(path), Collector()
        for handle in cases.handles:
            collect(parse_handle, handle)
        if collect.faults:
            raise InputError([f"{path}: {line}" for line in collect.faults])
        return _one_each(cases.lamp if code == "LAMP" else cases.sc, f"keep one of them in {path}")
    if not path.is_dir():
        raise InputError(f"{option} {where}: no such folder or cases file; check the path")
    files = sorted(file.with_suffix("").as_posix() for file in path.glob("*.mot"))
    if not any(map(find_handle, files)):
        inner = path / f"{code}_files"
        remedy = f"give {inner}" if inner.is_dir() else f"give the folder of {code}'s files, or a cases file"
        raise InputError(f"{option} {where}: no .mot file with a handle in its name; {remedy}")
    files = [file for file in files if find_handle(file) in needed]
    return _one_each(files, f"delete all but {code}'s, or give a cases file")


def match_lamp(predictions: Mapping[str, Paths], lamp: str) -> Found:
    """The predictions of each network that LAMP has a record of (by network, Paths), and these records (Paths).

    Raises InputError as `find_records`, or if LAMP has no record for a network.
    """
    truths = find_records(lamp, {handle for paths in predictions.values() for handle in paths})
    kept, remarks, faults = {}, [], []
    for network, paths in predictions.items():
        kept[network] = {handle: path for handle, path in paths.items() if handle in truths}
        left_out = [path for handle, path in paths.items() if handle not in truths]
        if left_out and not kept[network]:
            faults.append(
                f"--lamp {lamp}: contains no LAMP record of a realization that {network} has predicted "
                f"(first: {Path(left_out[0]).name}); check that both are of the same conditions"
            )
        remarks += _left_out(left_out, len(paths), f"predictions left out, as {lamp} has no LAMP record of them")
    if faults:
        raise InputError(faults)
    return Found((kept, truths), remarks)


def find_simplecode(sc: str | None, lamp: str, listed: Iterable[str], needed: Collection[Handle]) -> Found:
    """SimpleCode's records (Paths) of the predicted realizations.

    They are looked for in `sc`, a folder or cases file; without it, among the `listed` paths of a network's settings,
    and where the cases file `lamp` names them, or in the folder SimpleCode_files beside the folder `lamp`.
    Raises InputError if there is none in `sc`.
    """
    if sc:
        paths = find_records(sc, needed, SIMPLECODE)
    else:
        where = Path(posix(lamp))
        beside = where if where.is_file() else where.resolve().parent / "SimpleCode_files"
        paths = Collector()(find_records, str(beside), needed, SIMPLECODE, otherwise={})
        paths |= {find_handle(path): path for path in listed}
    known = {handle: paths[handle] for handle in needed if os.path.isfile(f"{paths.get(handle)}.mot")}
    if sc and not known:
        raise InputError(f"--sc {sc}: contains no SimpleCode record of a predicted realization; check the path")
    if len(known) == len(needed):
        return Found(known)
    missing = f"files of {len(needed) - len(known)} of {len(needed)} realizations were not found"
    what = missing if known else "own error is not drawn, as its files were not found"
    return Found(known, [f"SimpleCode's {what}; give their folder or a cases file with --sc"])


def of_same_content(predictions: Mapping[str, Paths], simple: Paths) -> Found:
    """The predictions without those that were made for other records than SimpleCode's (`simple`) of their handles.

    Raises InputError if there is then none of a network.
    """
    kept, remarks, faults = {}, [], []
    for network, paths in predictions.items():
        made_for = run_folder.made_for(Path(next(iter(paths.values()), "")).parent)
        others = []
        for handle, path in paths.items():
            digest = made_for.get(f"{Path(path).name}.txt".lower())
            content = Collector()(motions_digest, simple[handle]) if digest and handle in simple else None
            if content and not digest.startswith(content[:16]):
                others.append(handle)
        kept[network] = {handle: path for handle, path in paths.items() if handle not in set(others)}
        what = "predictions left out, as they were made for other content than SimpleCode's records of their handles"
        lines = _left_out([paths[handle] for handle in others], len(paths), f"{what}; give theirs with --sc and --lamp")
        remarks += lines if kept[network] else []
        faults += [] if kept[network] else lines
    if faults:
        raise InputError(faults)
    return Found(kept, remarks)


def training_records(network: str) -> Found:
    """From the settings of a network: the sea states of its training records (a frozenset), the paths of all records.

    Raises InputError if there is no such network, or its settings.json cannot be read.
    """
    folder = NETWORKS_FOLDER / network
    facts = read_metadata(folder)
    try:
        data = facts["settings"]["data"]
        lists = {name: [posix(path) for path in paths] for name, paths in data.items() if name.endswith("_sc")}
        trained = lists["train_sc"]
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(damaged_settings(folder, error)) from None
    unnamed = [path for path in trained if not find_handle(path)]
    what = "training records cannot be marked, as their names have no handle that can be read"
    remarks = _left_out(unnamed, len(trained), what, folder / SETTINGS_FILE)
    states = frozenset(filter(None, map(sea_state, trained)))
    return Found((states, list(chain(*lists.values()))), remarks)


def read_prediction(path: Path | str) -> Tables:
    """Reads a prediction file, as written by `data_io.write_prediction`; channels from CHANNELS, in that order.

    Raises InputError if the file is missing, its header does not name the columns, or a row is faulty.
    """
    try:
        with open(path, encoding="utf-8-sig", errors="replace") as file:
            names, first_row = file.readline().split(), file.readline().split()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    channels = tuple(channel for channel in CHANNELS if channel in names)
    if names[:1] != ["Time"] or not channels or len(set(names)) < len(names):
        raise InputError(
            f"{path}, line 1: {' '.join(names)[:60]!r} where the column names are expected, Time and then some of "
            f"{', '.join(CHANNELS)}; give a prediction written by main.py"
        )
    if len(first_row) != len(names):
        raise InputError(
            f"{path}, line 2: {len(first_row)} columns where the header names {len(names)}; predict the record again"
        )
    layout = Layout("prediction", 1, {name: names.index(name) for name in ("Time", *channels)})
    return {channels: (str(path), read_columns(path, layout))}


def read_motions(path: str, motions: Layout, moment: Layout) -> Found:
    """LAMP's or SimpleCode's motions and, if the file exists, vertical bending moment, as `Tables`."""
    table, remarks = read_table(f"{path}.mot", motions)
    tables = {MOTIONS: (f"{path}.mot", table)}
    if os.path.isfile(f"{path}.vbm"):
        table, more = read_table(f"{path}.vbm", moment)
        tables["VBM",], remarks = (f"{path}.vbm", table), [*remarks, *more]
    return Found(tables, remarks)


def read_amplitudes(models: Mapping[str, Paths], truths: Paths) -> Found:
    """Significant single amplitudes of all realizations, each over the time it has in common with LAMP's record.

    models: the records of networks and SimpleCode. truths: LAMP's.
    Returns a DataFrame with a row for each model, realization and channel: network, handle, channel, ssa_lamp,
    ssa_model in the channel's unit.

    Raises InputError with all that is wrong with files of LAMP and networks; SimpleCode's faulty files are left out.
    """
    of_networks, of_simplecode, rows = Collector(), Collector(), []
    for handle in tqdm(dict.fromkeys(chain(*models.values())), "Reading", disable=None):
        lamp = of_networks(read_motions, truths[handle], LAMP_MOT, LAMP_VBM)
        for model, path in ((model, paths[handle]) for model, paths in models.items() if handle in paths):
            collect = of_simplecode if model == SIMPLECODE else of_networks
            amplitudes = collect(_amplitudes, model, path, lamp, truths[handle], otherwise=[])
            rows += [(model, handle, *each) for each in amplitudes]
    of_networks.check()
    table = pd.DataFrame(rows, columns=["network", "handle", "channel", "ssa_lamp", "ssa_model"])
    return Found(table, summarized([*of_networks.remarks, *of_simplecode.remarks, *of_simplecode.faults]))


def _amplitudes(model: str, path: str, lamp: Tables | None, truth: str) -> Found:
    """A list of (channel, LAMP's amplitude, the model's amplitude) for each channel that both have.

    lamp: of LAMP's record `truth`; without it the model's files are only checked.

    Raises InputError if a file of the model is missing or faulty, or the files share no stretch of time.
    """
    is_own = model == SIMPLECODE
    own, converted = read_motions(path, SC_MOT, SC_VBM) if is_own else Found(read_prediction(f"{path}.txt"))
    if lamp is None:
        return Found([])
    has_moment = "VBM" in chain(*own)
    tables = {("LAMP", channels): table for channels, table in lamp.items() if has_moment or channels == MOTIONS}
    tables |= {("model", channels): table for channels, table in own.items()}
    _, _, columns, warnings = align(tables, ("LAMP", MOTIONS), 1)
    amplitudes = {"LAMP": {}, "model": {}}
    for (code, channels), values in columns.items():
        amplitudes[code] |= zip(channels, map(significant_single_amplitude, values.T), strict=True)
    of_lamp, of_model = amplitudes.values()
    missing = "missing; the vertical bending moment of this realization is left out"
    remarks = [f"{truth}.vbm: {missing}"] if of_model.keys() - of_lamp.keys() else []
    rows = [(channel, of_lamp[channel], ssa) for channel, ssa in of_model.items() if channel in of_lamp]
    return Found(rows, [*converted, *warnings, *remarks])
