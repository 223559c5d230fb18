"""Draws maps of the error of the single significant amplitude over a grid of sea states.

python -m studies.sea_state_map --networks A B --lamp FOLDER_OR_CASES   predictions of networks A and B, LAMP's records
"""

import argparse
import difflib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

import data_io
import plotting
from figures.sea_state_figure import ErrorMaps, sea_state_figure
from metrics import SIMPLECODE
from readers.cases import Handle
from settings import SaveData
from studies.sea_state_files import (
    CHANNELS,
    Collector,
    condition,
    find_predictions,
    find_records,
    find_simplecode,
    read_amplitudes,
    training_conditions,
    training_data,
    with_truth,
)
from support.errors import InputError, exit_status, warn
from support.files import png_path, posix

PART_UNITS = {
    "height": "m",
    "period": "s",
    "heading": "deg",
    "second_height": "m",
    "second_period": "s",
    "second_heading": "deg",
    "speed": "knots",
}

CONVENTION = (
    "Error of the single significant amplitude (2\N{GREEK SMALL LETTER SIGMA}), model\xa0\N{MINUS SIGN}\xa0LAMP"
)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", metavar="NAME", nargs="+", required=True, help="one or two names in saved_models")
    parser.add_argument("--lamp", metavar="PATH", required=True, help="folder of LAMP's .mot files, or a cases file")
    parser.add_argument("--sc", metavar="PATH", help="the same of SimpleCode; by default searched beside LAMP's files")
    parser.add_argument("--x", metavar="PART", help=f"part of the handle along x: {', '.join(PART_UNITS)}")
    parser.add_argument("--y", metavar="PART", help="part of the handle along y; by default the two parts that vary")
    parser.add_argument("--output", metavar="FILE.png", help="the figure; the numbers are written beside it as .csv")
    parser.add_argument("--output_path", metavar="FOLDER", default=SaveData.output_path, help="where predictions lie")
    parser.add_argument("--prefix", default=SaveData.prefix, help="what the names of the predictions begin with")
    given = vars(parser.parse_args(arguments))
    return exit_status(lambda: run(**given))


def run(
    networks: Sequence[str],
    lamp: str,
    x: str | None = None,
    y: str | None = None,
    output: str | None = None,
    output_path: str = SaveData.output_path,
    prefix: str = SaveData.prefix,
    sc: str | None = None,
) -> pd.DataFrame:
    """Writes the figure and its numbers, and returns the numbers, see `condition_table`.

    Raises:
        InputError: all problems, one line each; nothing is written.
    """
    collect = Collector()
    is_valid = collect(_check_options, networks, x, y, otherwise=False)
    names = networks[:2]
    folders = [Path(posix(output_path)) / name for name in names]
    figure = f"sea_state_map{''.join(f'_against_{name}' for name in names[1:])}.png"
    path = collect(png_path, output, folders[0] / "figures" / figure)
    data = [collect(training_data, name, otherwise={"train_sc": []}) for name in names]
    trained = {name: collect(training_conditions, name, own["train_sc"]) for name, own in zip(names, data, strict=True)}
    found = [collect(find_predictions, *each, prefix, otherwise=[]) for each in zip(folders, names, strict=True)]
    truths = collect(find_records, lamp, {each.handle for predictions in found for each in predictions})
    if truths is None:  # otherwise it is unknown which predictions lack LAMP's record
        raise collect.error()
    predictions = [each for own in found if own for each in collect(with_truth, own, truths, lamp, otherwise=[])]
    handles = list(dict.fromkeys(each.handle for each in predictions))
    parts = collect(choose_parts, handles, x, y) if handles and is_valid else None
    listed = [path for own in data for paths in own.values() for path in paths]
    simple = collect(find_simplecode, sc, lamp, listed, handles, otherwise=[]) if handles else []
    amplitudes = collect(read_amplitudes, [*predictions, *simple], truths)
    if collect.faults:
        raise collect.error()
    table = condition_table(amplitudes, *parts, trained)
    if table.empty:
        remarks = "; ".join(collect.remarks)
        raise InputError(f"{output_path}: no channel of the predictions has LAMP's record; {remarks}")
    warn(collect.remarks + _uneven_realizations(table, networks, *parts))
    plotting.save_figure(draw(table, networks, *parts, handles[0]), path)
    data_io.write_table(path.with_suffix(".csv"), table)
    print(summary(table, networks, *parts))
    print(f"\nFigure in {path}, numbers in {path.with_suffix('.csv')}")
    return table


# ---- checks of the options ------------------------------------------------------------------------------------------


def _check_options(networks: Sequence[str], x: str | None, y: str | None) -> bool:
    """Returns True. Raises InputError if there are too many networks, or invalid parts of the handle."""
    faults = []
    if len(networks) > 2:
        faults.append(f"--networks {' '.join(networks)}: {len(networks)} networks where one or two are expected")
    elif len(set(networks)) < len(networks):
        names = " ".join(networks)
        faults.append(f"--networks {names}: a network cannot be compared with itself; give two different names, or one")
    for option, part in (("--x", x), ("--y", y)):
        if part is not None and part not in PART_UNITS:
            near = difflib.get_close_matches(part, PART_UNITS, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            faults.append(f"{option} {part}: no part of a handle; {hint}expected one of {', '.join(PART_UNITS)}")
    if x is not None and x == y:
        faults.append(f"--x {x} --y {y}: both are the same part; give two parts")
    if faults:
        raise InputError(faults)
    return True


def choose_parts(handles: Sequence[Handle], x: str | None = None, y: str | None = None) -> tuple[str, str]:
    """The parts of the handle along x and y: those given, else those that vary, with more values along x.

    Raises:
        InputError: other than two parts vary, or one varies that is on neither axis.
    """
    values = {part: sorted({getattr(handle, part) for handle in handles}) for part in PART_UNITS}
    varying = [part for part in PART_UNITS if len(values[part]) > 1]
    others = [part for part in varying if part not in (x, y)]
    found = "; ".join(f"{part} ({_listed(values[part])} {PART_UNITS[part]})" for part in varying) or "none"
    open_axes = [x, y].count(None)
    if len(others) > open_axes:
        remedy = (
            "name the part along each axis with --x and --y, and give a cases file of conditions that agree in the "
            "others"
        )
        raise InputError(
            f"the predictions vary in {len(varying)} parts of the handle where two fit a map: {found}; {remedy}"
        )
    if len(others) < open_axes:
        remedy = f"name the parts along the axes with --x and --y, out of {', '.join(PART_UNITS)}"
        raise InputError(f"the predictions do not vary in two parts of the handle; varying: {found}; {remedy}")
    others.sort(key=lambda part: -len(values[part]))  # stable: ties stay in the handle's order
    return x or others.pop(0), y or others.pop(0)


def _listed(values: Sequence[float]) -> str:
    shown = [f"{value:g}" for value in values]
    return ", ".join(shown if len(shown) <= 6 else [*shown[:3], "...", shown[-1]])


# ---- statistics -------------------------------------------------------------------------------------------------


def condition_table(amplitudes: pd.DataFrame, x: str, y: str, trained: Mapping[str, frozenset[Handle]]) -> pd.DataFrame:
    """The amplitudes of `read_amplitudes`, averaged over the realizations of each condition.

    Returns:
        columns network (SimpleCode among them), channel, x, y (named after the parts), realizations, ssa_lamp,
        ssa_model, ssa_error (ssa_model - ssa_lamp, signed), trained (whether the network was trained in the condition).
    """
    names = ["network", "channel", x, y, "realizations", "ssa_lamp", "ssa_model", "ssa_error", "trained"]
    rows = []
    keys = [amplitudes["network"], amplitudes["channel"], amplitudes["handle"].map(condition)]
    for (network, channel, state), group in amplitudes.groupby(keys, sort=False):
        ssa_lamp, ssa_model = group["ssa_lamp"].mean(), group["ssa_model"].mean()
        error = (group["ssa_model"] - group["ssa_lamp"]).mean()
        is_trained = state in trained.get(network, ())
        rows.append(
            (network, channel, getattr(state, x), getattr(state, y), len(group), ssa_lamp, ssa_model, error, is_trained)
        )
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
    """A warning if the means of two networks cover different numbers of realizations."""
    if len(networks) < 2:
        return []
    table = table[table["network"].isin(networks)]
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
        f"{uneven.iloc[0][networks[1]]:g}); A - B compares means over different realizations"
    ]


# ---- figure and summary -----------------------------------------------------------------------------------------


def error_maps(table: pd.DataFrame, models: Sequence[str], channels: Sequence[str], x: str, y: str) -> ErrorMaps:
    """A `condition_table` as arrays over the grid of conditions."""
    x_values, y_values = np.unique(table[x]), np.unique(table[y])
    errors = np.full((len(models), len(channels), len(y_values), len(x_values)), np.nan)
    trained = np.zeros((len(models), len(y_values), len(x_values)), dtype=bool)
    model = table["network"].map(list(models).index).to_numpy()
    channel = table["channel"].map(list(channels).index).to_numpy()
    row, column = np.searchsorted(y_values, table[y]), np.searchsorted(x_values, table[x])
    errors[model, channel, row, column] = table["ssa_error"]
    trained[model, row, column] = table["trained"]
    return ErrorMaps(x_values, y_values, errors, trained, channels, models)


def draw(table: pd.DataFrame, networks: Sequence[str], x: str, y: str, handle: Handle) -> Figure:
    """The figure of a `condition_table`. handle: any of the map's, for the parts that do not vary."""
    channels = [channel for channel in CHANNELS if (table["channel"] == channel).any()]
    models = [*([SIMPLECODE] if (table["network"] == SIMPLECODE).any() else []), *networks]
    title = "; ".join(filter(None, [CONVENTION, ", ".join(_constant_parts(handle, x, y))]))
    return sea_state_figure(error_maps(table, models, channels, x, y), _part_label(x), _part_label(y), title)


def _part_label(part: str) -> str:
    return f"{part.replace('_', ' ').capitalize()} [{PART_UNITS[part]}]"


def _constant_parts(handle: Handle, x: str, y: str) -> list[str]:
    """The parts that do not vary, such as "height 7.5 m", with those of a second wave system if there is one."""
    has_second = handle.second_height > 0 or "second_height" in (x, y)
    shown = [p for p in PART_UNITS if p not in (x, y) and (has_second or not p.startswith("second"))]
    return [f"{p.replace('_', ' ')}\xa0{getattr(handle, p):g}\xa0{PART_UNITS[p]}" for p in shown]


def summary(table: pd.DataFrame, networks: Sequence[str], x: str, y: str) -> str:
    """For the terminal: mean of |error| over the conditions of all networks, and how often A is better."""
    lines = ["Mean |error| of the single significant amplitude over the conditions"]
    for channel, rows in table.groupby("channel", sort=False):
        sizes = rows.assign(size=rows["ssa_error"].abs()).pivot(index=[x, y], columns="network", values="size")
        known = [network for network in networks if network in sizes]
        common = sizes.dropna(subset=known)[[*([SIMPLECODE] if SIMPLECODE in sizes else []), *known]]
        means = ", ".join(f"{model} {mean:.3g}" for model, mean in common.mean().items())
        line = f"  {channel} [{data_io.CHANNEL_UNITS[channel]}]: {means} over {len(common)} conditions"
        if len(known) == 2:
            line += f" of both; {networks[0]} is better in {int((common[known[0]] < common[known[1]]).sum())}"
        lines.append(line)
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
