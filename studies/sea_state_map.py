"""Draws maps of the error of the single significant amplitude over a grid of sea states.

python -m studies.sea_state_map --networks A B --lamp FOLDER_OR_CASES   predictions of networks A and B, LAMP's records
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from itertools import chain
from operator import attrgetter
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

import data_io
import plotting
from figures.sea_state_figure import sea_state_figure
from metrics import SIMPLECODE
from readers.cases import PART_UNITS, Handle, SeaState, number_text
from settings import SaveData
from studies import sea_state_files
from studies.sea_state_files import CHANNELS
from support.channels import channel_of
from support.errors import Collector, InputError, did_you_mean, exit_status, warn
from support.files import png_path, posix

MOST_VALUES = 24  # of a part along an axis, if there are others; more are hardly legible
CONVENTION = (
    "Error of the single significant amplitude (2\N{GREEK SMALL LETTER SIGMA}), model\xa0\N{MINUS SIGN}\xa0LAMP"
)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", metavar="NAME", nargs="+", required=True, help="one or two names in saved_models")
    parser.add_argument("--lamp", metavar="PATH", required=True, help="folder of LAMP's .mot files, or a cases file")
    parser.add_argument("--sc", metavar="PATH", help="the same of SimpleCode; by default searched beside LAMP's files")
    parser.add_argument("--x", metavar="PART", help=f"part of the handle along x: {', '.join(PART_UNITS)}")
    parser.add_argument("--y", metavar="PART", help="part of the handle along y; by default the parts with most values")
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

    Raises InputError with all problems, one line each; nothing is written.
    """
    faults = _faults_of_options(networks, x, y)
    collect = Collector(faults)
    folders = {name: Path(posix(output_path)) / name for name in networks[:2]}
    figure = f"sea_state_map{''.join(f'_against_{name}' for name in networks[1:2])}.png"
    path = collect(png_path, output, folders[networks[0]] / "figures" / figure)
    known = {name: collect(sea_state_files.training_records, name, otherwise=((), [])) for name in folders}
    found = {name: collect(sea_state_files.find_predictions, folders[name], prefix, otherwise={}) for name in folders}
    predictions, truths = collect(sea_state_files.match_lamp, found, lamp, otherwise=({}, {}))
    handles = list(dict.fromkeys(chain(*predictions.values())))
    if handles:
        parts = None if faults else collect(choose_parts, handles, x, y)
        listed = chain(*(paths for _, paths in known.values()))
        simple = collect(sea_state_files.find_simplecode, sc, lamp, listed, handles, otherwise={})
        predictions = collect(sea_state_files.of_same_content, predictions, simple, otherwise=predictions)
        amplitudes = collect(sea_state_files.read_amplitudes, predictions | {SIMPLECODE: simple}, truths)
    collect.check()
    table = condition_table(amplitudes, *parts, {name: conditions for name, (conditions, _) in known.items()})
    if table.empty:
        remarks = "; ".join(collect.remarks)
        raise InputError(f"{output_path}: no channel of the predictions has LAMP's record; {remarks}")
    averaged = [part for part in values_of(handles, varying=True) if part not in parts]
    warn(collect.remarks + _uneven_realizations(table, networks, *parts))
    plotting.save_figure(draw(table, networks, *parts, handles[0], averaged), path)
    data_io.write_table(path.with_suffix(".csv"), table)
    print(summary(table, networks, *parts))
    if averaged:
        print(f"Each cell is a mean over the realizations in it; they differ in {_listed_parts(handles, averaged)}")
    print(f"\nFigure in {path}, numbers in {path.with_suffix('.csv')}")
    return table


def _faults_of_options(networks: Sequence[str], x: str | None, y: str | None) -> list[str]:
    """A line for too many networks, and for each invalid part of the handle."""
    faults = []
    names = " ".join(networks)
    if len(networks) > 2:
        faults.append(f"--networks {names}: {len(networks)} networks where one or two are expected")
    elif len(set(networks)) < len(networks):
        faults.append(f"--networks {names}: a network cannot be compared with itself; give two different names, or one")
    for option, part in (("--x", x), ("--y", y)):
        if part is not None and part not in PART_UNITS:
            hint = did_you_mean(part, PART_UNITS) or ";"
            faults.append(f"{option} {part}: no part of a handle{hint} expected one of {', '.join(PART_UNITS)}")
    if x is not None and x == y:
        faults.append(f"--x {x} --y {y}: both are the same part; give two parts")
    return faults


def choose_parts(handles: Sequence[Handle], x: str | None = None, y: str | None = None) -> tuple[str, str]:
    """The parts of the handle along x and y: those given, else those with most values, the one with more along x.

    If more than two vary, parts of more than MOST_VALUES come last, and of those with as many values heading comes
    first, then height. Raises InputError if fewer parts vary than there are axes left.
    """
    values = values_of(handles, varying=True)
    others = [part for part in values if part not in (x, y)]
    found = _listed_parts(handles, list(values)) or "none"
    open_axes = [x, y].count(None)
    if len(others) > open_axes:
        others.sort(key=lambda part: (len(values[part]) > MOST_VALUES, -len(values[part]), part != "heading"))
        others = others[:open_axes]
    if len(others) < open_axes:
        raise InputError(
            f"the predictions do not vary in two parts of the handle; varying: {found}; name the parts along the axes "
            f"with --x and --y, out of {', '.join(PART_UNITS)}"
        )
    others.sort(key=lambda part: -len(values[part]))  # stable: ties stay in the handle's order
    return x or others.pop(0), y or others.pop(0)


def values_of(handles: Sequence[Handle], varying: bool = False) -> dict[str, list[float]]:
    """The values of each part of the handles in ascending order; on request of those that have several."""
    values = {part: sorted({getattr(handle, part) for handle in handles}) for part in PART_UNITS}
    return {part: numbers for part, numbers in values.items() if not varying or len(numbers) > 1}


def _listed_parts(handles: Sequence[Handle], parts: Sequence[str]) -> str:
    listed = []
    for part, values in values_of(handles).items():
        shown = list(map(number_text, values))
        shown = shown if len(shown) <= 6 else [*shown[:3], "...", shown[-1]]
        listed += [f"{part} ({', '.join(shown)} {PART_UNITS[part]})"] * (part in parts)
    return "; ".join(listed)


def condition_table(
    amplitudes: pd.DataFrame, x: str, y: str, trained: Mapping[str, frozenset[SeaState]]
) -> pd.DataFrame:
    """The amplitudes of `read_amplitudes`, averaged over the realizations of each x and y.

    Returns columns network (SimpleCode among them), channel, x, y (named after the parts), realizations, sea_states (if
    there are several in a cell), ssa_lamp, ssa_model, ssa_error (ssa_model - ssa_lamp, signed), trained (whether the
    network was trained in one of the sea states).
    """
    handles = amplitudes["handle"]
    names = handles.map(attrgetter("sea_state"))
    states = zip(amplitudes["network"], names, strict=True)
    rows = amplitudes.assign(
        sea_state=names,
        **{part: handles.map(attrgetter(part)) for part in (x, y)},
        ssa_error=amplitudes["ssa_model"] - amplitudes["ssa_lamp"],
        trained=[state in trained.get(network, ()) for network, state in states],
    )
    means = {name: (name, "mean") for name in ("ssa_lamp", "ssa_model", "ssa_error")}
    groups = rows.groupby(["network", "channel", x, y], sort=False, as_index=False)
    counts = {"realizations": ("handle", "size"), "sea_states": ("sea_state", "nunique")}
    table = groups.agg(**counts, **means, trained=("trained", "any"))
    if not table["sea_states"].gt(1).any():
        del table["sea_states"]
    order = {name: n for n, name in enumerate([*trained, SIMPLECODE, *CHANNELS])}
    ranks = {"key": lambda column: column.map(lambda value: order.get(value, value)), "ignore_index": True}
    return table.sort_values(["network", "channel", y, x], **ranks)


def _uneven_realizations(table: pd.DataFrame, networks: Sequence[str], x: str, y: str) -> list[str]:
    """A warning if the means of two networks cover different numbers of realizations."""
    counts = table.pivot_table(index=[x, y], columns="network", values="realizations", aggfunc="max")
    counts = counts.reindex(columns=networks).dropna()
    uneven = counts[counts.nunique(axis=1) > 1]
    return [
        f"{len(uneven)} conditions have more realizations of one network than of the other (first: {x} {first[0]:g}, "
        f"{y} {first[1]:g}: {', '.join(f'{name} {count:g}' for name, count in of_first.items())}); A - B compares "
        "means over different realizations"
        for first, of_first in uneven.head(1).iterrows()
    ]


def draw(
    table: pd.DataFrame, networks: Sequence[str], x: str, y: str, handle: Handle, averaged: Sequence[str] = ()
) -> Figure:
    """The figure of a `condition_table`.

    handle: any of the map's, for the parts that do not vary. averaged: parts that vary and are on neither axis.
    """
    models = [SIMPLECODE] * (SIMPLECODE in set(table["network"])) + [*networks]
    has_second = handle.second_height > 0 or "second_height" in (x, y)
    constant = [p for p in PART_UNITS if p not in (x, y, *averaged) and (has_second or not p.startswith("second"))]
    words = [f"{p.replace('_', ' ')}\xa0{getattr(handle, p):g}\xa0{PART_UNITS[p]}" for p in constant]
    words += [f"mean over {' and '.join(part.replace('_', ' ') for part in averaged)}"] * bool(averaged)
    return sea_state_figure(table, models, x, y, f"{CONVENTION}; {', '.join(words)}")


def summary(table: pd.DataFrame, networks: Sequence[str], x: str, y: str) -> str:
    """For the terminal: mean of |error| over the conditions of all networks, and how often A is better."""
    cells = "cells" if "sea_states" in table else "conditions"
    lines = [f"Mean |error| of the single significant amplitude over the {cells}"]
    for channel, rows in table.groupby("channel", sort=False):
        sizes = rows.pivot(index=[x, y], columns="network", values="ssa_error").abs()
        known = [network for network in networks if network in sizes]
        common = sizes.dropna(subset=known)[[SIMPLECODE] * (SIMPLECODE in sizes) + known]
        means = ", ".join(f"{model} {mean:.3g}" for model, mean in common.mean().items())
        line = f"  {channel} [{channel_of(channel).unit}]: {means} over {len(common)} {cells}"
        if len(known) == 2:
            line += f" of both; {networks[0]} is better in {int((common[known[0]] < common[known[1]]).sum())}"
        lines.append(line)
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
