"""Draws maps of the error of the single significant amplitude over a grid of sea states.

python -m studies.sea_state_map --networks A B         records with LAMP in the last runs of networks A and B
"""

import argparse
import sys
from collections.abc import Sequence
from operator import attrgetter
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

import plotting
from figures.sea_state_figure import sea_state_figure
from metrics import AMPLITUDES, SIMPLECODE
from readers.cases import PART_UNITS, Handle, find_handle, number_text
from settings import SaveData
from settings.channels import CHANNELS, channel_of
from system.errors import (
    UNREADABLE,
    Collector,
    Found,
    InputError,
    counted,
    did_you_mean,
    exit_status,
    first_line,
    warn,
)
from system.files import png_path, posix, write_table
from system.run_folder import RunFolder

MOST_VALUES = 24  # of a part along an axis, if there are others; more are hardly legible
CONVENTION = (
    "Error of the single significant amplitude (2\N{GREEK SMALL LETTER SIGMA}), model\xa0\N{MINUS SIGN}\xa0LAMP"
)
FORMER_OPTIONS = ("--lamp", "--sc", "--prefix")
TEXTS = ("set", "handle", "source", "channel", "digest")  # columns


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", metavar="NAME", nargs="+", required=True, help="one or two names in saved_models")
    parser.add_argument("--x", metavar="PART", help=f"part of the handle along x: {', '.join(PART_UNITS)}")
    parser.add_argument("--y", metavar="PART", help="part of the handle along y; by default the parts with most values")
    parser.add_argument("--output", metavar="FILE.png", help="the figure; the numbers are written beside it as .csv")
    parser.add_argument("--output_path", metavar="FOLDER", default=SaveData.output_path, help="where the reports lie")
    parser.add_argument(*FORMER_OPTIONS, dest="former", help=argparse.SUPPRESS)
    given = vars(parser.parse_args(arguments))
    if given.pop("former") is not None:
        warn(
            [
                f"{', '.join(FORMER_OPTIONS)} have no effect: the map shows the records in {RunFolder.BY_RECORD}, "
                "which a run with train, val or test sets writes; to map others, name them in test_sc and test_lamp"
            ]
        )
    return exit_status(lambda: run(**given))


def run(
    networks: Sequence[str],
    x: str | None = None,
    y: str | None = None,
    output: str | None = None,
    output_path: str = SaveData.output_path,
) -> pd.DataFrame:
    """Writes the figure and its numbers, and returns the numbers, see `condition_table`.

    Raises InputError with all problems, one line each; nothing is written.
    """
    collect = Collector(_faults_of_options(networks, x, y))
    folders = {name: Path(posix(output_path)) / name for name in networks[:2]}
    figure = f"sea_state_map{''.join(f'_against_{name}' for name in networks[1:2])}.png"
    path = collect(png_path, output, folders[networks[0]] / RunFolder.FIGURES / figure)
    tables = [collect(read_amplitudes, folder) for folder in folders.values()]
    collect.check()
    amplitudes = pd.concat(tables).drop_duplicates(["network", "digest", "channel"])  # SimpleCode is in both
    handles = list(dict.fromkeys(amplitudes["handle"]))
    parts = choose_parts(handles, x, y)
    amplitudes = amplitudes.assign(**{part: amplitudes["handle"].map(attrgetter(part)) for part in parts})
    table = condition_table(amplitudes, networks, *parts)
    averaged = [part for part in values_of(handles, varying=True) if part not in parts]
    warn(collect.remarks + _different_records(amplitudes, networks, *parts))
    plotting.save_figure(draw(table, networks, *parts, handles[0], averaged), path)
    write_table(path.with_suffix(".csv"), table)
    print(summary(table, networks, *parts))
    if averaged:
        print(f"Each cell is a mean over the realizations in it; they differ in {_listed_parts(handles, averaged)}")
    print(f"\nFigure in {path}, numbers in {path.with_suffix('.csv')}")
    return table


def read_amplitudes(folder: Path) -> Found:
    """The amplitudes of each record with LAMP in a network's output folder.

    A record of several sets counts as one of the last: so a network of folds, whose val set is all of its records
    predicted out of fold, is not measured on the records that it has seen.

    Returns a DataFrame with columns network (SimpleCode or the folder's name), handle (a `Handle`), sea_state, channel,
    digest, ssa_lamp, ssa_model in the channel's unit, trained (whether the network was trained in that sea state).
    Raises InputError if the table is missing, or of an earlier version, or has no record with a handle.
    """
    path = folder / RunFolder.BY_RECORD
    remedy = f"run main.py with training_mode = False and model_load_filename = {folder.name!r}, which writes it"
    types = dict.fromkeys(TEXTS, str) | dict.fromkeys(AMPLITUDES, float)
    empty = dict.fromkeys(AMPLITUDES, [""])  # of the row All
    try:
        table = pd.read_csv(path, dtype=types, keep_default_na=False, na_values=empty)[[*types]]
    except FileNotFoundError:
        raise InputError(f"{path}: file is missing; {remedy}") from None
    except UNREADABLE as error:
        raise InputError(f"{path}: damaged, or of an earlier version ({first_line(error)}); {remedy}") from error
    handles = {text: find_handle(text) for text in set(table["handle"])}  # thousands, in many rows each
    states = {handle: handle.sea_state for handle in handles.values() if handle}
    table = table.assign(handle=table["handle"].map(handles)).query("channel != 'All'")
    has_handle = table["handle"].notna().groupby(table["digest"]).any()
    left_out = (
        f"{path}: {(~has_handle).sum()} of {len(has_handle)} records have no handle that can be read in their names"
    )
    if not has_handle.any():
        raise InputError(f"{left_out}; name them after their conditions")
    remarks = [] if has_handle.all() else [f"{left_out}; they are left out"]
    digests = {name: set(table.loc[table["set"] == name, "digest"]) for name in ("train", "val")}
    is_of_folds = digests["train"] and digests["train"] <= digests["val"]
    trained = digests["val" if is_of_folds else "train"]
    if not trained:
        remarks.append(f"{path}: the run had no train set; no training condition is marked")
    table = table[table["handle"].notna()]
    own, is_simple = table["handle"].map(states), table["source"] == SIMPLECODE
    is_trained = own.isin(own[table["digest"].isin(trained)]) & ~is_simple
    table = table.assign(network=table["source"].where(is_simple, folder.name), sea_state=own, trained=is_trained)
    return Found(table.drop_duplicates(["network", "digest", "channel"], keep="last"), remarks)


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
            f"the records do not vary in two parts of the handle; varying: {found}; name the parts along the axes "
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


def condition_table(amplitudes: pd.DataFrame, networks: Sequence[str], x: str, y: str) -> pd.DataFrame:
    """The amplitudes of `read_amplitudes`, averaged over the realizations of each x and y, which are further columns.

    Returns columns network (SimpleCode among them), channel, x, y (named after the parts), realizations, sea_states (if
    there are several in a cell), ssa_lamp, ssa_model, ssa_error (ssa_model - ssa_lamp, signed), trained (whether the
    network was trained in one of the sea states).
    """
    rows = amplitudes.assign(ssa_error=amplitudes["ssa_model"] - amplitudes["ssa_lamp"])
    means = {name: (name, "mean") for name in (*AMPLITUDES, "ssa_error")}
    groups = rows.groupby(["network", "channel", x, y], sort=False, as_index=False)
    counts = {"realizations": ("handle", "size"), "sea_states": ("sea_state", "nunique")}
    table = groups.agg(**counts, **means, trained=("trained", "any"))
    if not table["sea_states"].gt(1).any():
        del table["sea_states"]
    order = {name: n for n, name in enumerate([*networks, SIMPLECODE, *CHANNELS])}
    ranks = {"key": lambda column: column.map(lambda value: order.get(value, value)), "ignore_index": True}
    return table.sort_values(["network", "channel", y, x], **ranks)


def _different_records(amplitudes: pd.DataFrame, networks: Sequence[str], x: str, y: str) -> list[str]:
    """A warning if the means of two networks are over different records."""
    rows = amplitudes[amplitudes["network"].isin(networks)]
    records = rows.groupby([x, y, "network"])["digest"].agg(frozenset).unstack("network")[[*networks]].dropna()
    uneven = records[records.nunique(axis=1) > 1]
    return [
        f"{counted(len(uneven), 'condition')} with other records of one network than of the other (first: "
        f"{x} {first[0]:g}, {y} {first[1]:g}: {', '.join(f'{name} {len(digests)}' for name, digests in own.items())}); "
        "A - B compares means over different realizations"
        for first, own in uneven.head(1).iterrows()
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
