"""The files behind a sea-state map: predictions, LAMP's and SimpleCode's records, matched by their handles."""

import dataclasses
import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from data_io import MOTIONS
from metrics import SIMPLECODE, significant_single_amplitude
from readers.alignment import align
from readers.cases import Handle, parse_handle, read_cases
from readers.text_tables import LAMP_MOT, LAMP_VBM, SC_MOT, SC_VBM, Layout, read_columns
from settings import NETWORKS_FOLDER
from support.errors import InputError
from support.files import posix
from support.saved_networks import SETTINGS_FILE, damaged_settings, read_metadata

CHANNELS = ("VBM", *MOTIONS)
EXAMPLE = "_h7.5_p15_a135_hh0_pp0_aa0_s10-0000001"
MOST_REMARKS = 8  # of a kind, as thousands of records may have the same problem


@dataclass(frozen=True)
class Found:
    """What a step has found, with warnings about it, one line each."""

    value: Any
    remarks: Sequence[str] = ()


class Collector:
    """Does one step of a command after the other, and collects errors and warnings to report them together."""

    def __init__(self):
        self.faults: list[str] = []
        self.remarks: list[str] = []

    def __call__(self, step: Callable, *arguments, otherwise: Any = None) -> Any:
        """What the step gives, without the warnings if it is a `Found`; `otherwise` if it raises an InputError."""
        try:
            found = step(*arguments)
        except InputError as error:
            self.faults += error.lines
            return otherwise
        if isinstance(found, Found):
            self.remarks += found.remarks
            return found.value
        return found

    def error(self) -> InputError:
        return InputError(list(dict.fromkeys(self.faults)))


@dataclass(frozen=True)
class Part:
    """The channels of one file. table: (rows, 1 + channel) with time first."""

    file: str
    channels: tuple[str, ...]
    table: np.ndarray


@dataclass(frozen=True)
class Modelled:
    """One realization, predicted by a network or computed by SimpleCode.

    path: the prediction's file, or SimpleCode's without extension. handle: from the file name.
    """

    model: str
    handle: Handle
    path: Path

    def read(self) -> list[Part]:
        """Raises InputError if a file is missing or faulty."""
        if self.model == SIMPLECODE:
            return read_motions(self.path, SC_MOT, SC_VBM)
        return [read_prediction(self.path)]


def condition(handle: Handle) -> Handle:
    """The condition of a realization: its handle with realization 0."""
    return dataclasses.replace(handle, realization=0)


# ---- which files ------------------------------------------------------------------------------------------------


def find_predictions(folder: Path, network: str, prefix: str) -> Found:
    """The predictions of a network (list of Modelled); names that do not end in a handle are left out with a warning.

    Raises:
        InputError: there is none, or there are several for one realization.
    """
    if not folder.is_dir():
        raise InputError(
            f"{folder}: no such folder of predictions; run main.py with this network, or give --output_path"
        )
    files = sorted(path for path in folder.glob("*.txt") if path.name.startswith(prefix))
    if not files:
        raise InputError(f"{folder}: no prediction {prefix}*.txt; run main.py with this network, or give --prefix")
    found, unnamed = _by_handle((path.stem, path) for path in files)
    if not found:
        raise InputError(
            f"{folder}: no prediction has a name that ends in a handle like {EXAMPLE} (first: {files[0].name}); name "
            "the records after their conditions"
        )
    _check_unique(found, "predictions", "delete one")
    remarks = [
        f"{folder}: {len(unnamed)} of {len(files)} predictions left out, as their names do not end in a handle "
        f"(first: {path.name})"
        for _, path in unnamed[:1]
    ]
    return Found([Modelled(network, handle, path) for handle, path in found], remarks)


def _by_handle(named: Iterable[tuple[str, Any]]) -> tuple[list[tuple[Handle, Any]], list[tuple[str, Any]]]:
    """From (name, item): (handle, item) of the names that end in a handle, and the others as they are."""
    found, unnamed = [], []
    for name, item in named:
        try:
            found.append((parse_handle(name), item))
        except InputError:
            unnamed.append((name, item))
    return found, unnamed


def find_records(where: str, needed: Collection[Handle], code: str = "LAMP") -> dict[Handle, str]:
    """LAMP's or SimpleCode's records by handle, as paths without extensions.

    Args:
        where: a cases file, or a folder of .mot files whose names end in their handles.
        needed: the handles to look for; a folder may contain others.
        code: LAMP or SimpleCode.

    Raises:
        InputError: there is no such file or folder, it contains no handle, or two files have the same one.
    """
    option = "--lamp" if code == "LAMP" else "--sc"
    path = Path(posix(where))
    if path.is_file():
        cases = read_cases(path)
        found, unnamed = _by_handle(zip(cases.handles, cases.lamp if code == "LAMP" else cases.sc, strict=True))
        if unnamed:
            lines = [f"{path}: {handle}: not a handle; expected one like {EXAMPLE}" for handle, _ in unnamed]
            raise InputError(lines)
        return dict(found)
    if not path.is_dir():
        raise InputError(f"{option} {where}: no such folder or cases file; check the path")
    found, _ = _by_handle((file.stem, file) for file in sorted(path.glob("*.mot")))
    if not found:
        inner = path / f"{code}_files"
        remedy = f"give {inner}" if inner.is_dir() else f"give the folder of {code}'s files, or a cases file"
        raise InputError(f"{option} {where}: no .mot file whose name ends in a handle; {remedy}")
    found = [(handle, file.with_suffix("").as_posix()) for handle, file in found if handle in needed]
    _check_unique(found, "files", f"delete all but {code}'s, or give a cases file")
    return dict(found)


def _check_unique(found: Sequence[tuple[Handle, Path | str]], what: str, remedy: str) -> None:
    first: dict[Handle, Path | str] = {}
    faults = []
    for handle, path in found:
        if handle in first:
            faults.append(f"{path}: has the same handle as {Path(first[handle]).name}; {remedy}")
        first.setdefault(handle, path)
    if len(faults) > MOST_REMARKS:
        faults[MOST_REMARKS - 1 :] = [f"{faults[MOST_REMARKS - 1]} (and {len(faults) - MOST_REMARKS} more such {what})"]
    if faults:
        raise InputError(faults)


def with_truth(predictions: Sequence[Modelled], truths: Mapping[Handle, str], lamp: str) -> Found:
    """A network's predictions that LAMP has a record of. Raises InputError if there is none."""
    kept = [each for each in predictions if each.handle in truths]
    left_out = [each.path for each in predictions if each.handle not in truths]
    if not kept:
        raise InputError(
            f"--lamp {lamp}: contains no LAMP record of a realization that {predictions[0].model} has predicted "
            f"(first: {left_out[0].name}); check that both are of the same conditions"
        )
    remarks = [
        f"{path.parent}: {len(left_out)} of {len(predictions)} predictions left out, as {lamp} has no LAMP record of "
        f"them (first: {path.name})"
        for path in left_out[:1]
    ]
    return Found(kept, remarks)


def find_simplecode(sc: str | None, lamp: str, listed: Iterable[str], needed: Sequence[Handle]) -> Found:
    """SimpleCode's records of the predicted realizations (list of Modelled).

    They are looked for in `sc`, a folder or cases file; without it, among the `listed` paths of a network's settings,
    and where the cases file `lamp` names them, or in the folder SimpleCode_files beside the folder `lamp`.

    Raises:
        InputError: there is none in `sc`.
    """
    if sc:
        paths = find_records(sc, needed, SIMPLECODE)
    else:
        where = Path(posix(lamp))
        beside = where if where.is_file() else where.resolve().parent / "SimpleCode_files"
        paths = Collector()(find_records, str(beside), needed, SIMPLECODE, otherwise={})
        paths |= dict(_by_handle((path, path) for path in listed)[0])
    known = [handle for handle in needed if handle in paths and os.path.isfile(f"{paths[handle]}.mot")]
    if sc and not known:
        raise InputError(f"--sc {sc}: contains no SimpleCode record of a predicted realization; check the path")
    remarks = []
    if len(known) < len(needed):
        missing = f"files of {len(needed) - len(known)} of {len(needed)} realizations were not found"
        what = missing if known else "own error is not drawn, as its files were not found"
        remarks.append(f"SimpleCode's {what}; give their folder or a cases file with --sc")
    return Found([Modelled(SIMPLECODE, handle, Path(paths[handle])) for handle in known], remarks)


def training_data(network: str) -> dict[str, list[str]]:
    """The lists of SimpleCode's files in a saved network's settings.json.

    Raises:
        InputError: there is no such network, or its settings.json cannot be read.
    """
    folder = NETWORKS_FOLDER / network
    facts = read_metadata(folder)
    try:
        data = facts["settings"]["data"]
        lists = {name: [posix(path) for path in paths] for name, paths in data.items() if name.endswith("_sc")}
        return {"train_sc": lists.pop("train_sc"), **lists}
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(damaged_settings(folder, error)) from None


def training_conditions(network: str, paths: Sequence[str]) -> Found:
    """The conditions (a frozenset) of a network's training records."""
    named, unnamed = _by_handle((path, path) for path in paths)
    remarks = [
        f"{NETWORKS_FOLDER / network / SETTINGS_FILE}: {len(unnamed)} of {len(paths)} training records cannot be "
        f"marked, as their names do not end in a handle (first: {name})"
        for name, _ in unnamed[:1]
    ]
    return Found(frozenset(condition(handle) for handle, _ in named), remarks)


# ---- reading ----------------------------------------------------------------------------------------------------


def read_prediction(path: Path) -> Part:
    """Reads a prediction file, as written by `data_io.write_prediction`; channels from CHANNELS, in that order.

    Raises:
        InputError: the file is missing, its header does not name the columns, or a row is faulty.
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
    return Part(str(path), channels, read_columns(path, layout))


def read_motions(path: str | Path, motions: Layout, moment: Layout) -> list[Part]:
    """LAMP's or SimpleCode's motions and, if the file exists, vertical bending moment; path without extension."""
    parts = [Part(f"{path}.mot", MOTIONS, read_columns(f"{path}.mot", motions))]
    if os.path.isfile(f"{path}.vbm"):
        parts.append(Part(f"{path}.vbm", ("VBM",), read_columns(f"{path}.vbm", moment)))
    return parts


def read_amplitudes(modelled: Sequence[Modelled], truths: Mapping[Handle, str]) -> Found:
    """Significant single amplitudes of all realizations, each over the time it has in common with LAMP's record.

    Returns:
        a DataFrame with a row for each model, realization and channel: network, handle, channel, ssa_lamp, ssa_model
        in the channel's unit.

    Raises:
        InputError: all that is wrong with LAMP's and the networks' files. SimpleCode's faulty files are left out.
    """
    by_handle: dict[Handle, list[Modelled]] = {}
    for each in modelled:
        by_handle.setdefault(each.handle, []).append(each)
    of_networks, of_simplecode = Collector(), Collector()
    rows = []
    for handle, of_handle in tqdm(by_handle.items(), "Reading", disable=None):
        lamp = of_networks(read_motions, truths[handle], LAMP_MOT, LAMP_VBM)
        for each in of_handle:
            collect = of_simplecode if each.model == SIMPLECODE else of_networks
            parts = collect(each.read)
            if lamp and parts:
                amplitudes = collect(_amplitudes, lamp, parts, otherwise=[])
                rows += [(each.model, handle, *amplitude) for amplitude in amplitudes]
    if of_networks.faults:
        raise of_networks.error()
    table = pd.DataFrame(rows, columns=["network", "handle", "channel", "ssa_lamp", "ssa_model"])
    remarks = list(dict.fromkeys([*of_networks.remarks, *of_simplecode.remarks, *of_simplecode.faults]))
    if len(remarks) > MOST_REMARKS:
        remarks[MOST_REMARKS:] = [f"{len(remarks) - MOST_REMARKS} more warnings like these"]
    no_vbm = table["ssa_lamp"].isna()
    files = sorted({f"{truths[handle]}.vbm" for handle in table.loc[no_vbm, "handle"]})
    if files:
        others = f", with {len(files) - 1} more .vbm files of LAMP" if len(files) > 1 else ""
        remarks.append(f"{files[0]}: missing{others}; the vertical bending moment of these realizations is left out")
    return Found(table[~no_vbm], remarks)


def _amplitudes(lamp: Sequence[Part], model: Sequence[Part]) -> Found:
    """A list of (channel, LAMP's amplitude, the model's amplitude) for each channel that the model has.

    Raises:
        InputError: the files share no stretch of time.
    """
    channels = {channel for part in model for channel in part.channels}
    needed = [part for n, part in enumerate(lamp) if n == 0 or channels & set(part.channels)]
    sources = {f"lamp {n}": part for n, part in enumerate(needed)} | {f"model {n}": p for n, p in enumerate(model)}
    aligned = align({name: (part.file, part.table) for name, part in sources.items()}, "lamp 0", 1)
    amplitudes = {
        (name.split()[0], channel): significant_single_amplitude(series)
        for name, part in sources.items()
        for channel, series in zip(part.channels, aligned.columns[name].T, strict=True)
    }
    rows = [(c, amplitudes.get(("lamp", c), np.nan), amplitudes["model", c]) for c in CHANNELS if c in channels]
    return Found(rows, aligned.warnings)
