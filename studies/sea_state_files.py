"""The files that a sea-state map is drawn from: predictions, LAMP's and SimpleCode's records, found by their handles.

A step that can go wrong gives a `Found`, so that all that is wrong with all files is reported together.
"""

import dataclasses
import json
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
from support.saved_networks import SETTINGS_FILE

CHANNELS = ("VBM", *MOTIONS)
MOST_REMARKS = 8  # of a kind; thousands of records may share one


@dataclass(frozen=True)
class Found:
    """What a step has found, with what is wrong (faults) and what is odd (remarks), one line each."""

    value: Any
    faults: Sequence[str] = ()
    remarks: Sequence[str] = ()


def attempt(step: Callable, *arguments, otherwise: Any = None) -> Found:
    """What a step gives, which may be a `Found` itself; an InputError becomes its faults, with `otherwise` as value."""
    try:
        result = step(*arguments)
    except InputError as error:
        return Found(otherwise, error.lines)
    return result if isinstance(result, Found) else Found(result)


class Collector:
    """Does one step of a command after the other, and keeps what is wrong or odd until all of it can be reported."""

    def __init__(self):
        self.faults: list[str] = []
        self.remarks: list[str] = []

    def __call__(self, step: Callable, *arguments, otherwise: Any = None) -> Any:
        found = attempt(step, *arguments, otherwise=otherwise)
        self.faults += found.faults
        self.remarks += found.remarks
        return found.value

    def error(self) -> InputError:
        return InputError(list(dict.fromkeys(self.faults)))


@dataclass(frozen=True)
class Part:
    """The channels that one file gives: table (rows, 1 + channel) with time first."""

    file: str
    channels: tuple[str, ...]
    table: np.ndarray


@dataclass(frozen=True)
class Modelled:
    """One realization as a network has predicted it, or as SimpleCode has computed it.

    path: the prediction's file, or SimpleCode's without its ending. handle: what the file's name says.
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
    """What all realizations of a condition have in common: the handle with realization 0."""
    return dataclasses.replace(handle, realization=0)


# ---- which files ------------------------------------------------------------------------------------------------


def find_predictions(folder: Path, network: str, prefix: str) -> Found:
    """The predictions of a network (list of Modelled); names that do not end in a handle are left out, with a remark.

    Raises:
        InputError: there is none, or there are several of one realization.
    """
    if not folder.is_dir():
        raise InputError(
            f"{folder}: there is no such folder of predictions; run main.py with this network, or give --output_path"
        )
    files = sorted(path for path in folder.glob("*.txt") if path.name.startswith(prefix))
    if not files:
        raise InputError(f"{folder}: no prediction {prefix}*.txt; run main.py with this network, or give --prefix")
    by_handle, unnamed = _by_handle(files, lambda path: path.stem)
    if not by_handle:
        raise InputError(
            f"{folder}: the name of no prediction ends in a handle like _h7.5_p15_a135_hh0_pp0_aa0_s10-0000001 "
            f"(first: {files[0].name}); name the records by their conditions"
        )
    remarks = []
    if unnamed:
        remarks.append(
            f"{folder}: {len(unnamed)} of {len(files)} predictions left out, as their names do not end in a handle "
            f"(first: {unnamed[0].name})"
        )
    _check_unique(by_handle, "predictions", "delete one")
    return Found([Modelled(network, handle, path) for handle, path in by_handle], remarks=remarks)


def _by_handle(paths: Iterable, name_of: Callable[[Any], str]) -> tuple[list[tuple[Handle, Any]], list]:
    """Each path with the handle that its name ends in, and the paths without one."""
    found, unnamed = [], []
    for path in paths:
        try:
            found.append((parse_handle(name_of(path)), path))
        except InputError:
            unnamed.append(path)
    return found, unnamed


def find_records(where: str, needed: Collection[Handle], code: str = "LAMP") -> dict[Handle, str]:
    """LAMP's or SimpleCode's records by their handles, as paths without endings.

    Args:
        where: a cases file, or a folder of .mot files whose names end in their handles.
        needed: the handles that are looked for; a folder may hold others.
        code: LAMP or SimpleCode.

    Raises:
        InputError: there is no such file or folder, or it holds no handle, or two files have the same one.
    """
    option = "--lamp" if code == "LAMP" else "--sc"
    path = Path(posix(where))
    if path.is_file():
        cases = read_cases(path)
        named = [attempt(parse_handle, handle) for handle in cases.handles]
        faults = [f"{path}: {line}" for each in named for line in each.faults]
        if faults:
            raise InputError(faults)
        return dict(zip((each.value for each in named), cases.lamp if code == "LAMP" else cases.sc, strict=True))
    if not path.is_dir():
        raise InputError(f"{option} {where}: no such folder or cases file; check the path")
    found, _ = _by_handle(sorted(path.glob("*.mot")), lambda file: file.stem)
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
    """A network's predictions that LAMP's records are there for; if there is none, this is a fault."""
    kept = [prediction for prediction in predictions if prediction.handle in truths]
    left_out = [prediction.path for prediction in predictions if prediction.handle not in truths]
    if not kept:
        fault = (
            f"--lamp {lamp}: holds no LAMP record of a realization that {predictions[0].model} has predicted "
            f"(first: {left_out[0].name}); check that both are of the same conditions"
        )
        return Found(kept, faults=[fault])
    if not left_out:
        return Found(kept)
    remark = (
        f"{left_out[0].parent}: {len(left_out)} of {len(predictions)} predictions left out, as {lamp} has no LAMP "
        f"record of them (first: {left_out[0].name})"
    )
    return Found(kept, remarks=[remark])


def find_simplecode(sc: str | None, lamp: str, listed: Iterable[str], needed: Sequence[Handle]) -> Found:
    """SimpleCode's records of the realizations that networks have predicted (list of Modelled).

    They are looked for in `sc`, a folder or cases file; without it, among the `listed` paths of a network's settings,
    and where the cases file `lamp` names them, or in the folder SimpleCode_files beside the folder `lamp`. Only where
    `sc` is of no use this is a fault.
    """
    if sc:
        step = attempt(find_records, sc, needed, SIMPLECODE, otherwise={})
        if step.faults:
            return Found([], step.faults)
        paths = step.value
    else:
        where = Path(posix(lamp))
        beside = where if where.is_file() else where.resolve().parent / "SimpleCode_files"
        paths = attempt(find_records, str(beside), needed, SIMPLECODE, otherwise={}).value
        paths |= dict(_by_handle(map(posix, listed), str)[0])
    found = [
        Modelled(SIMPLECODE, h, Path(paths[h])) for h in needed if h in paths and os.path.isfile(f"{paths[h]}.mot")
    ]
    if not found and sc:
        return Found([], [f"--sc {sc}: holds no SimpleCode record of a realization that was predicted; check the path"])
    remedy = "give their folder or a cases file with --sc"
    if not found:
        return Found(found, remarks=[f"SimpleCode's own error is not drawn, as its files are not found; {remedy}"])
    missing = [handle for handle in needed if handle not in {each.handle for each in found}]
    if missing:
        remark = f"SimpleCode's files of {len(missing)} of {len(needed)} realizations are not found; {remedy}"
        return Found(found, remarks=[remark])
    return Found(found)


def training_data(network: str) -> dict[str, list[str]]:
    """The lists of files in a saved network's settings.json.

    Raises:
        InputError: there is no such network, or its settings.json cannot be read.
    """
    folder = NETWORKS_FOLDER / network
    if not folder.is_dir():
        known = sorted(path.parent.name for path in NETWORKS_FOLDER.glob(f"*/{SETTINGS_FILE}"))
        raise InputError(
            f"{folder}: there is no saved network of this name; saved networks: {', '.join(known) or 'none'}"
        )
    try:
        data = json.loads((folder / SETTINGS_FILE).read_text(encoding="utf-8"))["settings"]["data"]
        lists = {name: [posix(path) for path in paths] for name, paths in data.items() if name.endswith("_sc")}
        return {"train_sc": lists["train_sc"]} | lists
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{folder / SETTINGS_FILE}: missing or damaged ({type(error).__name__}); train the network again"
        ) from None


def training_conditions(network: str, paths: Sequence[str]) -> Found:
    """The conditions (a frozenset) of a network's training records."""
    named, unnamed = _by_handle(paths, str)
    remarks = []
    if unnamed:
        remarks.append(
            f"{NETWORKS_FOLDER / network / SETTINGS_FILE}: {len(unnamed)} of {len(paths)} training records cannot be "
            f"boxed, as their names do not end in a handle (first: {unnamed[0]})"
        )
    return Found(frozenset(condition(handle) for handle, _ in named), remarks=remarks)


# ---- reading ----------------------------------------------------------------------------------------------------


def read_prediction(path: Path) -> Part:
    """A prediction file, as `data_io.write_prediction` writes it; channels out of CHANNELS, in that order.

    Raises:
        InputError: the file is missing, has no header that names its columns, or holds a faulty row.
    """
    try:
        with open(path, encoding="utf-8-sig", errors="replace") as file:
            names, first_row = file.readline().split(), file.readline().split()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    channels = tuple(channel for channel in CHANNELS if channel in names)
    if names[:1] != ["Time"] or not channels or len(set(names)) < len(names):
        raise InputError(
            f"{path}, line 1: {' '.join(names)[:60]!r} where the columns' names are expected, Time and then out of "
            f"{', '.join(CHANNELS)}; give a prediction as main.py writes it"
        )
    if len(first_row) != len(names):
        raise InputError(
            f"{path}, line 2: {len(first_row)} columns where the header names {len(names)}; predict the record again"
        )
    layout = Layout("prediction", 1, {name: names.index(name) for name in ("Time", *channels)})
    return Part(str(path), channels, read_columns(path, layout))


def read_motions(path: str | Path, motions: Layout, moment: Layout) -> list[Part]:
    """LAMP's or SimpleCode's motions and, if there is the file, vertical bending moment; path without ending."""
    parts = [Part(f"{path}.mot", MOTIONS, read_columns(f"{path}.mot", motions))]
    if os.path.isfile(f"{path}.vbm"):
        parts.append(Part(f"{path}.vbm", ("VBM",), read_columns(f"{path}.vbm", moment)))
    return parts


def read_amplitudes(modelled: Sequence[Modelled], truths: Mapping[Handle, str]) -> Found:
    """Significant single amplitudes of all realizations, each over the time that it and LAMP's record share.

    Returns:
        a DataFrame with a row for each model, realization and channel: network, handle, channel, ssa_lamp, ssa_model
        in the channel's unit.
    """
    by_handle: dict[Handle, list[Modelled]] = {}
    for each in modelled:
        by_handle.setdefault(each.handle, []).append(each)
    steps = [
        step
        for handle, of_handle in tqdm(by_handle.items(), "Reading", disable=None)
        for step in _realization_amplitudes(truths[handle], of_handle)
    ]
    table = pd.DataFrame([row for step in steps for row in step.value], columns=COLUMNS)
    no_vbm = table["ssa_lamp"].isna()
    remarks = list(dict.fromkeys(line for step in steps for line in step.remarks))
    if len(remarks) > MOST_REMARKS:
        remarks[MOST_REMARKS:] = [f"{len(remarks) - MOST_REMARKS} more warnings like these"]
    files = sorted({f"{truths[handle]}.vbm" for handle in table.loc[no_vbm, "handle"]})
    if files:
        remarks.append(
            f"{files[0]}: missing{f', with {len(files) - 1} more .vbm files of LAMP' if len(files) > 1 else ''}; the "
            "vertical bending moment of these realizations is left out"
        )
    return Found(table[~no_vbm], [line for step in steps for line in step.faults], remarks)


COLUMNS = ["network", "handle", "channel", "ssa_lamp", "ssa_model"]


def _realization_amplitudes(truth: str, modelled: Sequence[Modelled]) -> list[Found]:
    """The rows (list) of each model of one realization; ssa_lamp is NaN in a channel that LAMP has no file of."""
    lamp = attempt(read_motions, truth, LAMP_MOT, LAMP_VBM, otherwise=[])
    steps = [Found([], lamp.faults)]
    for each in modelled:
        parts = attempt(each.read, otherwise=[])
        rows = attempt(_amplitudes, lamp.value, parts.value, otherwise=[]) if lamp.value and parts.value else Found([])
        wrong = [*parts.faults, *rows.faults]
        # SimpleCode's own error is an extra: what is wrong with its files does not keep the map from being drawn.
        faults, remarks = ([], wrong) if each.model == SIMPLECODE else (wrong, [])
        about = (each.model, each.handle)
        steps.append(Found([(*about, *row) for row in rows.value], faults, [*rows.remarks, *remarks]))
    return steps


def _amplitudes(lamp: Sequence[Part], model: Sequence[Part]) -> Found:
    """(channel, LAMP's and the model's amplitude) of each channel that the model gives, as a list.

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
    return Found(rows, remarks=aligned.warnings)
