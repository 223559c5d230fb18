"""Draws how wrong networks are over a grid of sea states: the error of the single significant amplitude in each.

python -m studies.sea_state_map --networks A B --lamp FOLDER_OR_CASES   predictions of networks A and B, LAMP's records
"""

import argparse
import dataclasses
import difflib
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

import data_io
import plotting
from data_io import LAMP_MOT, LAMP_VBM, MOTIONS, Handle, Layout
from metrics import significant_single_amplitude
from settings import NETWORKS_FOLDER, SaveData
from support.errors import InputError, warn
from support.files import posix
from support.progress import Bar
from support.saved_networks import SETTINGS_FILE

CHANNELS = ("VBM", *MOTIONS)
PART_UNITS = {
    "height": "m",
    "period": "s",
    "heading": "deg",
    "second_height": "m",
    "second_period": "s",
    "second_heading": "deg",
    "speed": "knots",
}
MOST_REMARKS = 8  # of a kind; thousands of records may share one

CONVENTION = (
    "Error of the single significant amplitude (2\N{GREEK SMALL LETTER SIGMA}), model\xa0\N{MINUS SIGN}\xa0LAMP"
)


@dataclass(frozen=True)
class Prediction:
    """A prediction file, with what its name says."""

    network: str
    handle: Handle
    path: Path


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", metavar="NAME", nargs="+", required=True, help="one or two names in saved_models")
    parser.add_argument("--lamp", metavar="PATH", required=True, help="folder of LAMP's .mot files, or a cases file")
    parser.add_argument("--x", metavar="PART", help=f"part of the handle along x: {', '.join(PART_UNITS)}")
    parser.add_argument("--y", metavar="PART", help="part of the handle along y; by default the two parts that vary")
    parser.add_argument("--output", metavar="FILE.png", help="the figure; the numbers are written beside it as .csv")
    parser.add_argument("--output_path", metavar="FOLDER", default=SaveData.output_path, help="where predictions lie")
    parser.add_argument("--prefix", default=SaveData.prefix, help="what the names of the predictions begin with")
    given = parser.parse_args(arguments)
    try:
        run(given.networks, given.lamp, given.x, given.y, given.output, given.output_path, given.prefix)
    except InputError as error:
        for line in error.lines:
            print(f"Error: {line}", file=sys.stderr)
        return 1
    return 0


def run(
    networks: Sequence[str],
    lamp: str,
    x: str | None = None,
    y: str | None = None,
    output: str | None = None,
    output_path: str = SaveData.output_path,
    prefix: str = SaveData.prefix,
) -> pd.DataFrame:
    """From the files to the figure and the numbers beside it, which are returned; see `condition_table`.

    Raises:
        InputError: all that is wrong, one line each; then nothing is written.
    """
    faults = _network_faults(networks) + _part_faults(x, y)
    if output is not None and Path(posix(output)).suffix.lower() != ".png":
        faults.append(f"--output {output}: figures are written as PNG; give a name that ends in .png")
    remarks: list[str] = []
    predictions: list[Prediction] = []
    trained: dict[str, frozenset[Handle]] = {}
    for network in networks[:2]:
        folder = Path(posix(output_path)) / network
        _collect(faults, lambda n=network: trained.update({n: training_conditions(n, remarks)}))
        _collect(faults, lambda n=network, f=folder: predictions.extend(find_predictions(f, n, prefix, remarks)))
    truths: dict[Handle, str] = {}
    _collect(faults, lambda: truths.update(find_lamp(lamp, {p.handle for p in predictions})))
    if truths or not faults:  # else there is no telling which predictions lack a LAMP record
        predictions = _with_truth(predictions, truths, lamp, faults, remarks)
    parts: list[str] = []
    if predictions and not _part_faults(x, y):
        _collect(faults, lambda: parts.extend(choose_parts([p.handle for p in predictions], x, y)))
    amplitudes = read_amplitudes([p for p in predictions if p.handle in truths], truths, faults, remarks)
    if faults:
        raise InputError(list(dict.fromkeys(faults)))

    table = condition_table(amplitudes, *parts, trained)
    if table.empty:
        raise InputError(f"{output_path}: no channel of the predictions has LAMP's record; {'; '.join(remarks)}")
    warn(remarks + _uneven_realizations(table, networks, *parts))
    figure = draw(table, networks, *parts, predictions[0].handle)
    name = f"sea_state_map{''.join(f'_against_{other}' for other in networks[1:])}.png"
    path = Path(posix(output)) if output else Path(posix(output_path)) / networks[0] / "figures" / name
    plotting.save_figure(figure, path)
    data_io.write_table(path.with_suffix(".csv"), table)
    print(summary(table, networks, *parts))
    print(f"\nFigure in {path}, numbers in {path.with_suffix('.csv')}")
    return table


# ---- what is asked for ------------------------------------------------------------------------------------------


def _network_faults(networks: Sequence[str]) -> list[str]:
    if len(networks) > 2:
        return [f"--networks {' '.join(networks)}: {len(networks)} networks where one or two are expected"]
    if len(set(networks)) < len(networks):
        return [f"--networks {' '.join(networks)}: a network cannot be compared with itself; give two names, or one"]
    return []


def _part_faults(x: str | None, y: str | None) -> list[str]:
    faults = []
    for option, part in (("--x", x), ("--y", y)):
        if part is not None and part not in PART_UNITS:
            near = difflib.get_close_matches(part, PART_UNITS, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            faults.append(f"{option} {part}: no part of a handle; {hint}expected one of {', '.join(PART_UNITS)}")
    if x is not None and x == y:
        faults.append(f"--x {x} --y {y}: both are the same part; give two parts")
    return faults


def choose_parts(handles: Sequence[Handle], x: str | None = None, y: str | None = None) -> tuple[str, str]:
    """The parts of the handle along x and y: those given, else those that vary, the one of more values along x.

    Raises:
        InputError: not two parts vary, or one varies that is neither along x nor along y.
    """
    values = {part: sorted({getattr(handle, part) for handle in handles}) for part in PART_UNITS}
    varying = [part for part in PART_UNITS if len(values[part]) > 1]
    others = [part for part in varying if part not in (x, y)]
    found = "; ".join(f"{part} ({_listed(values[part])} {PART_UNITS[part]})" for part in varying) or "none"
    open_axes = [x, y].count(None)
    if len(others) > open_axes:
        remedy = (
            "name the part along each axis with --x and --y, and give a cases file of conditions that have the others "
            "in common"
        )
        raise InputError(
            f"the predictions vary in {len(varying)} parts of the handle where two fit a map: {found}; {remedy}"
        )
    if len(others) < open_axes:
        remedy = f"name the parts along the axes with --x and --y, out of {', '.join(PART_UNITS)}"
        raise InputError(f"the predictions do not vary in two parts of the handle; varying: {found}; {remedy}")
    others.sort(key=lambda part: -len(values[part]))  # stable: else in the handle's order
    return x or others.pop(0), y or others.pop(0)


def _listed(values: Sequence[float]) -> str:
    shown = [f"{value:g}" for value in values]
    return ", ".join(shown if len(shown) <= 6 else [*shown[:3], "...", shown[-1]])


# ---- which files ------------------------------------------------------------------------------------------------


def find_predictions(folder: Path, network: str, prefix: str, remarks: list[str]) -> list[Prediction]:
    """The prediction files of a network; those whose names do not end in a handle are left out, with a remark.

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
    predictions, unnamed = [], []
    for path in files:
        try:
            predictions.append(Prediction(network, data_io.parse_handle(path.stem), path))
        except InputError:
            unnamed.append(path.name)
    if not predictions:
        raise InputError(
            f"{folder}: the name of no prediction ends in a handle like _h7.5_p15_a135_hh0_pp0_aa0_s10-0000001 "
            f"(first: {files[0].name}); name the records by their conditions"
        )
    if unnamed:
        remarks.append(
            f"{folder}: {len(unnamed)} of {len(files)} predictions left out, as their names do not end in a handle "
            f"(first: {unnamed[0]})"
        )
    _check_unique([(p.handle, p.path) for p in predictions], "predictions", "delete one")
    return predictions


def find_lamp(where: str, needed: Iterable[Handle]) -> dict[Handle, str]:
    """LAMP's records by their handles, as paths without endings.

    Args:
        where: a cases file, or a folder of .mot files whose names end in their handles.
        needed: the handles that are looked for; a folder may hold others.

    Raises:
        InputError: there is no such file or folder, or it holds no handle, or two files have the same one.
    """
    path = Path(posix(where))
    if path.is_file():
        cases = data_io.read_cases(path)
        faults: list[str] = []
        found = []
        for handle, lamp in zip(cases.handles, cases.lamp, strict=True):
            _collect(faults, lambda h=handle, m=lamp: found.append((data_io.parse_handle(h), m)))
        if faults:
            raise InputError([f"{path}: {line}" for line in faults])
        return dict(found)
    if not path.is_dir():
        raise InputError(f"--lamp {where}: no such folder or cases file; check the path")
    found = []
    for file in sorted(path.glob("*.mot")):
        try:
            found.append((data_io.parse_handle(file.stem), file.with_suffix("").as_posix()))
        except InputError:
            continue
    if not found:
        inner = path / "LAMP_files"
        remedy = f"give {inner}" if inner.is_dir() else "give the folder of LAMP's files, or a cases file"
        raise InputError(f"--lamp {where}: no .mot file whose name ends in a handle; {remedy}")
    needed = set(needed)
    found = [(handle, base) for handle, base in found if handle in needed]
    _check_unique(found, "files", "delete all but LAMP's, or give a cases file")
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


def _with_truth(
    predictions: Sequence[Prediction], truths: dict[Handle, str], lamp: str, faults: list[str], remarks: list[str]
) -> list[Prediction]:
    """The predictions that LAMP's records are there for; a network that has none is a fault, other ones a remark."""
    for network in dict.fromkeys(p.network for p in predictions):
        own = [p for p in predictions if p.network == network]
        without = [p for p in own if p.handle not in truths]
        if len(without) == len(own):
            faults.append(
                f"--lamp {lamp}: holds no LAMP record of a realization that {network} has predicted "
                f"(first: {own[0].path.name}); check that both are of the same conditions"
            )
        elif without:
            remarks.append(
                f"{without[0].path.parent}: {len(without)} of {len(own)} predictions left out, as {lamp} has no LAMP "
                f"record of them (first: {without[0].path.name})"
            )
    return [p for p in predictions if p.handle in truths]


def training_conditions(network: str, remarks: list[str]) -> frozenset[Handle]:
    """The conditions that a saved network was trained in, from its settings.json.

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
        facts = json.loads((folder / SETTINGS_FILE).read_text(encoding="utf-8"))
        paths = [str(path) for path in facts["settings"]["data"]["train_sc"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{folder / SETTINGS_FILE}: missing or damaged ({type(error).__name__}); train the network again"
        ) from None
    conditions, unnamed = set(), []
    for path in paths:
        try:
            conditions.add(condition(data_io.parse_handle(posix(path))))
        except InputError:
            unnamed.append(path)
    if unnamed:
        remarks.append(
            f"{folder / SETTINGS_FILE}: {len(unnamed)} of {len(paths)} training records cannot be boxed, as their "
            f"names do not end in a handle (first: {unnamed[0]})"
        )
    return frozenset(conditions)


def condition(handle: Handle) -> Handle:
    """What all realizations of a condition have in common: the handle with realization 0."""
    return dataclasses.replace(handle, realization=0)


def _collect(faults: list[str], work: Callable[[], object]) -> None:
    """Does the work; what is wrong with it joins the faults."""
    try:
        work()
    except InputError as error:
        faults.extend(error.lines)


# ---- reading and statistics -------------------------------------------------------------------------------------


def read_prediction(path: Path) -> tuple[tuple[str, ...], np.ndarray, np.ndarray]:
    """A prediction file, as `data_io.write_prediction` writes it.

    Returns:
        channels: the names of the columns, out of CHANNELS, in that order. time: (rows,) s.
        values: (rows, channel) in m, deg and the .vbm file's unit.

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
    table = data_io.read_columns(path, layout)
    return channels, table[:, 0], table[:, 1:]


def read_amplitudes(
    predictions: Sequence[Prediction], truths: dict[Handle, str], faults: list[str], remarks: list[str]
) -> pd.DataFrame:
    """Single significant amplitudes of all predictions, each over the time that it and LAMP's record share.

    What is wrong with files joins the faults, what is odd the remarks.

    Returns:
        a row for each prediction and channel: network, handle, channel, ssa_lamp, ssa_model in the channel's unit.
    """
    by_handle: dict[Handle, list[Prediction]] = {}
    for prediction in predictions:
        by_handle.setdefault(prediction.handle, []).append(prediction)
    rows: list[dict] = []
    oddities: list[str] = []
    no_vbm: list[str] = []
    bar = Bar(len(predictions), "Reading")
    for handle, of_handle in by_handle.items():
        lamp: dict[str, tuple[str, np.ndarray]] = {}
        _collect(faults, lambda h=handle, known=lamp: known.update(_read_lamp(truths[h])))
        for prediction in of_handle:
            try:
                channels, time, values = read_prediction(prediction.path)
                if "lamp" in lamp:
                    table = np.column_stack([time, values])
                    if "VBM" in channels and "vbm" not in lamp:
                        no_vbm.append(f"{truths[handle]}.vbm")
                    for channel, truth, model in _aligned(lamp, channels, prediction.path, table, oddities):
                        ssa = significant_single_amplitude(truth), significant_single_amplitude(model)
                        rows.append(
                            {
                                "network": prediction.network,
                                "handle": handle,
                                "channel": channel,
                                "ssa_lamp": ssa[0],
                                "ssa_model": ssa[1],
                            }
                        )
            except InputError as error:
                faults.extend(error.lines)
            bar.advance()
    bar.close()
    remarks.extend(oddities[:MOST_REMARKS])
    if len(oddities) > MOST_REMARKS:
        remarks.append(f"{len(oddities) - MOST_REMARKS} more warnings like these")
    if no_vbm:
        files = sorted(set(no_vbm))
        remarks.append(
            f"{files[0]}: missing{f', with {len(files) - 1} more .vbm files of LAMP' if len(files) > 1 else ''}; the "
            "vertical bending moment of these realizations is left out"
        )
    return pd.DataFrame(rows, columns=["network", "handle", "channel", "ssa_lamp", "ssa_model"])


def _read_lamp(path: str) -> dict[str, tuple[str, np.ndarray]]:
    """LAMP's motions and, if there is the file, vertical bending moment: (file, table with time first)."""
    files = {"lamp": (f"{path}.mot", LAMP_MOT)}
    if Path(f"{path}.vbm").is_file():
        files["vbm"] = (f"{path}.vbm", LAMP_VBM)
    return {key: (file, data_io.read_columns(file, layout)) for key, (file, layout) in files.items()}


def _aligned(
    lamp: dict[str, tuple[str, np.ndarray]],
    channels: Sequence[str],
    path: Path,
    prediction: np.ndarray,
    remarks: list[str],
) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """(channel, LAMP, model) of each channel that both have, series (rows,) on LAMP's rows.

    prediction: (rows, 1 + channel), time first.

    Raises:
        InputError: they share no stretch of time.
    """
    sources = {key: source for key, source in lamp.items() if key == "lamp" or "VBM" in channels}
    sources["prediction"] = (str(path), prediction)
    aligned = data_io.align(sources, "lamp", 1)
    remarks.extend(aligned.warnings)
    columns = aligned.columns
    truth = dict(zip(MOTIONS, columns["lamp"].T, strict=True))
    if "vbm" in columns:
        truth["VBM"] = columns["vbm"][:, 0]
    models = dict(zip(channels, columns["prediction"].T, strict=True))
    return [(channel, truth[channel], models[channel]) for channel in channels if channel in truth]


def condition_table(amplitudes: pd.DataFrame, x: str, y: str, trained: dict[str, frozenset[Handle]]) -> pd.DataFrame:
    """The amplitudes of `read_amplitudes`, their mean over the realizations of each condition.

    Returns:
        columns network, channel, x, y (named after the parts), realizations, ssa_lamp, ssa_model, ssa_error
        (ssa_model - ssa_lamp, signed), trained (whether the network was trained in the condition).
    """
    names = ["network", "channel", x, y, "realizations", "ssa_lamp", "ssa_model", "ssa_error", "trained"]
    rows = []
    keys = [amplitudes["network"], amplitudes["channel"], amplitudes["handle"].map(condition)]
    for (network, channel, state), group in amplitudes.groupby(keys, sort=False):
        ssa_lamp, ssa_model = group["ssa_lamp"].mean(), group["ssa_model"].mean()
        error = (group["ssa_model"] - group["ssa_lamp"]).mean()
        place = (getattr(state, x), getattr(state, y))
        is_trained = state in trained.get(network, ())
        rows.append((network, channel, *place, len(group), ssa_lamp, ssa_model, error, is_trained))
    table = pd.DataFrame(rows, columns=names)
    order = {
        "network": list(dict.fromkeys(amplitudes["network"])),
        "channel": list(CHANNELS),
    }
    return table.sort_values(
        ["network", "channel", y, x],
        key=lambda column: column.map(order[column.name].index) if column.name in order else column,
        ignore_index=True,
    )


def _uneven_realizations(table: pd.DataFrame, networks: Sequence[str], x: str, y: str) -> list[str]:
    """A warning if two networks' means are over different numbers of realizations."""
    if len(networks) < 2:
        return []
    counts = table.pivot_table(index=[x, y], columns="network", values="realizations", aggfunc="max").dropna()
    if counts.shape[1] < 2:
        return []
    uneven = counts[counts[networks[0]] != counts[networks[1]]]
    if uneven.empty:
        return []
    first = uneven.index[0]
    return [
        f"{len(uneven)} conditions have more realizations of one network than of the other (first: {x} {first[0]:g}, "
        f"{y} {first[1]:g}: {networks[0]} {uneven.iloc[0][networks[0]]:g}, {networks[1]} "
        f"{uneven.iloc[0][networks[1]]:g}); A - B compares the means of those that there are"
    ]


# ---- figure and summary -----------------------------------------------------------------------------------------


def grids(
    table: pd.DataFrame, networks: Sequence[str], channels: Sequence[str], x: str, y: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """A `condition_table` as arrays, each condition in the cell of its values.

    Returns:
        x: (column,), y: (row,) ascending; errors: (network, channel, row, column), NaN where there is none;
        trained: (network, row, column).
    """
    x_values, y_values = np.unique(table[x]), np.unique(table[y])
    errors = np.full((len(networks), len(channels), len(y_values), len(x_values)), np.nan)
    trained = np.zeros((len(networks), len(y_values), len(x_values)), dtype=bool)
    network = table["network"].map(list(networks).index).to_numpy()
    channel = table["channel"].map(list(channels).index).to_numpy()
    row, column = np.searchsorted(y_values, table[y]), np.searchsorted(x_values, table[x])
    errors[network, channel, row, column] = table["ssa_error"]
    trained[network, row, column] = table["trained"]
    return x_values, y_values, errors, trained


def draw(table: pd.DataFrame, networks: Sequence[str], x: str, y: str, handle: Handle) -> Figure:
    """The figure of a `condition_table`; handle: any of the map's, for the parts that do not vary."""
    channels = [channel for channel in CHANNELS if (table["channel"] == channel).any()]
    x_values, y_values, errors, trained = grids(table, networks, channels, x, y)
    return plotting.sea_state_figure(
        x_values,
        y_values,
        errors,
        trained,
        channels,
        networks,
        _part_label(x),
        _part_label(y),
        "; ".join(filter(None, [CONVENTION, ", ".join(_constant_parts(handle, x, y))])),
    )


def _part_label(part: str) -> str:
    return f"{part.replace('_', ' ').capitalize()} [{PART_UNITS[part]}]"


def _constant_parts(handle: Handle, x: str, y: str) -> list[str]:
    """The parts that do not vary, as "height 7.5 m"; those of a second wave system where there is one."""
    has_second = handle.second_height > 0 or "second_height" in (x, y)
    shown = [p for p in PART_UNITS if p not in (x, y) and (has_second or not p.startswith("second"))]
    return [f"{p.replace('_', ' ')}\xa0{getattr(handle, p):g}\xa0{PART_UNITS[p]}" for p in shown]


def summary(table: pd.DataFrame, networks: Sequence[str], x: str, y: str) -> str:
    """For the terminal: mean of |error| over the conditions that all networks have, and how often A is the better."""
    lines = ["Mean |error| of the single significant amplitude over the conditions"]
    for channel, rows in table.groupby("channel", sort=False):
        sizes = rows.assign(size=rows["ssa_error"].abs()).pivot(index=[x, y], columns="network", values="size")
        sizes = sizes[[network for network in networks if network in sizes]]
        common = sizes.dropna()
        means = ", ".join(f"{network} {mean:.3g}" for network, mean in common.mean().items())
        line = f"  {channel} [{data_io.CHANNEL_UNITS[channel]}]: {means} over {len(common)} conditions"
        if sizes.shape[1] == 2:
            line += f" of both; {networks[0]} is better in {int((common.iloc[:, 0] < common.iloc[:, 1]).sum())}"
        lines.append(line)
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
