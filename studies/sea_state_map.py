"""Draws maps of the error of the single significant amplitude over a grid of sea states.

python -m studies.sea_state_map --networks A B         records with LAMP in the last runs of networks A and B
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

import plotting
from figures.sea_state_figure import sea_state_figure
from metrics import AMPLITUDES, LINEAR
from networks.network_folder import NetworkFolder, use_description_of
from readers.sea_state_handles import PART_UNITS, find_handle, number_text
from settings import NETWORKS_FOLDER, SaveData
from settings.channels import CHANNELS, channel_of
from settings.description import high_name, in_use, low_name
from system.errors import (
    UNREADABLE,
    FaultCollector,
    InputError,
    WithRemarks,
    counted,
    did_you_mean,
    exit_status,
    first_line,
    warn,
)
from system.files import column_in_file, png_path, posix, read_table, write_table
from system.run_folder import RunFolder

# What is mapped: a column of the records' table, with its meaning. For another one, such as rmse, change these three.
MEASURE = "ssa_error"
QUANTITY = "the single significant amplitude"
TITLE = "Error of the single significant amplitude (2\N{GREEK SMALL LETTER SIGMA}), model\xa0\N{MINUS SIGN}\xa0"
MOST_VALUES = 24  # of a part along an axis, if there are others; more are hardly legible
TEXTS = ("set", "handle", "source", "channel", "digest")  # columns

Values = Mapping[str, Sequence[float]]  # of each part of the handle, in ascending order


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", metavar="NAME", nargs="+", required=True, help="one or two names in saved_models")
    parser.add_argument("--x", metavar="PART", help=f"part of the handle along x: {', '.join(PART_UNITS)}")
    parser.add_argument("--y", metavar="PART", help="part of the handle along y; by default the parts with most values")
    parser.add_argument("--output", metavar="FILE.png", help="the figure; the numbers are written beside it as .csv")
    parser.add_argument("--output_path", metavar="FOLDER", default=SaveData.output_path, help="where the reports lie")
    given = vars(parser.parse_args(arguments))
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
    collect = FaultCollector(_faults_of_options(networks, x, y))
    collect(use_description_of, [NetworkFolder(NETWORKS_FOLDER / name) for name in networks])
    folders = {name: Path(posix(output_path)) / name for name in networks[:2]}
    figure = f"sea_state_map{''.join(f'_against_{name}' for name in networks[1:2])}.png"
    path = collect(png_path, output, folders[networks[0]] / RunFolder.FIGURES / figure)
    tables = [collect(read_records, folder) for folder in folders.values()]
    collect.check()
    records = pd.concat(tables).drop_duplicates(["network", "digest", "channel"])  # SimpleCode is in both
    values = part_values(records)
    x, y = choose_parts(values, x, y)
    table = condition_table(records, networks, x, y)
    warn(collect.remarks + _different_records(records, networks, x, y))
    plotting.save_figure(draw(table, networks, x, y, values), path)
    write_table(path.with_suffix(".csv"), table.rename(columns=column_in_file))
    print(summary(table, networks, x, y))
    if averaged := _averaged(values, x, y):
        print(f"Each cell is a mean over the realizations in it; they differ in {_listed_parts(values, averaged)}")
    print(f"\nFigure in {path}, numbers in {path.with_suffix('.csv')}")
    return table


def read_records(folder: Path) -> WithRemarks:
    """The errors of each record with LAMP in a network's output folder.

    A record of several sets counts as one of the last: so a network of folds, whose val set is all of its records
    predicted out of fold, is not measured on the records that it has seen.

    Returns a DataFrame with columns network (SimpleCode or the folder's name), the parts of the handle, sea_state,
    channel, digest, MEASURE and AMPLITUDES in the channel's unit, trained (whether the network was trained in that sea
    state). Raises InputError if the table is missing or damaged, or has no record with a handle.
    """
    path = folder / RunFolder.BY_RECORD
    remedy = f"run main.py with training_mode = False and model_load_filename = {folder.name!r}, which writes it"
    numbers = [*AMPLITUDES, *(MEASURE,) * (MEASURE != "ssa_error")]
    types = dict.fromkeys(TEXTS, str) | dict.fromkeys(numbers, float)
    try:
        # AMPLITUDES are empty in the row All.
        table = read_table(path, dtype=types, keep_default_na=False, na_values=dict.fromkeys(numbers, [""]))
        table = table.loc[(table["channel"] != "All") & (table["source"] != LINEAR), [*types]]
    except FileNotFoundError:
        raise InputError(f"{path}: file is missing; {remedy}") from None
    except UNREADABLE as error:
        raise InputError(f"{path}: damaged, or of an earlier version ({first_line(error)}); {remedy}") from error
    handles = {text: handle for text in table["handle"].unique() if (handle := find_handle(text))}
    has_handle = table["handle"].isin(handles.keys())
    count, without = table["digest"].nunique(), table.loc[~has_handle, "digest"].nunique()
    left_out = f"{path}: {without} of {count} records have no handle that can be read in their names"
    if not handles:
        raise InputError(f"{left_out}; name them after their conditions")
    remarks = [f"{left_out}; they are left out"] * (without > 0)
    digests = {name: set(table.loc[table["set"] == name, "digest"]) for name in ("train", "val")}
    is_of_folds = digests["train"] and digests["train"] <= digests["val"]
    trained = digests["val" if is_of_folds else "train"]
    if not trained:
        remarks.append(f"{path}: the run had no train set; no training condition is marked")
    parts = {text: vars(handle.sea_state) | {"sea_state": handle.sea_state.name} for text, handle in handles.items()}
    table = table[has_handle].join(pd.DataFrame.from_dict(parts, orient="index"), on="handle")
    is_simple = table["source"] == low_name()
    states = table.loc[table["digest"].isin(trained), "sea_state"]
    table = table.assign(
        network=table["source"].where(is_simple, folder.name), trained=table["sea_state"].isin(states) & ~is_simple
    )
    if MEASURE == "ssa_error":  # with its sign
        table[MEASURE] = table["ssa_model"] - table["ssa_lamp"]
    return WithRemarks(table.drop_duplicates(["network", "digest", "channel"], keep="last"), remarks)


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


def part_values(records: pd.DataFrame) -> Values:
    """The values of each part of the handles."""
    return {part: np.unique(records[part]).tolist() for part in PART_UNITS}


def choose_parts(values: Values, x: str | None = None, y: str | None = None) -> tuple[str, str]:
    """The parts of the handle along x and y: those given, else those with most values, the one with more along x.

    If more than two vary, parts of more than MOST_VALUES come last, and of those with as many values heading comes
    first, then height. Raises InputError if fewer parts vary than there are axes left.
    """
    varying = [part for part in values if len(values[part]) > 1]
    others = [part for part in varying if part not in (x, y)]
    open_axes = [x, y].count(None)
    if len(others) > open_axes:
        others.sort(key=lambda part: (len(values[part]) > MOST_VALUES, -len(values[part]), part != "heading"))
        others = others[:open_axes]
    if len(others) < open_axes:
        raise InputError(
            f"the records do not vary in two parts of the handle; varying: {_listed_parts(values, varying) or 'none'}; "
            f"name the parts along the axes with --x and --y, out of {', '.join(PART_UNITS)}"
        )
    others.sort(key=lambda part: -len(values[part]))  # stable: ties stay in the handle's order
    return x or others.pop(0), y or others.pop(0)


def _averaged(values: Values, x: str, y: str) -> list[str]:
    """The parts that vary and are on neither axis."""
    return [part for part in values if len(values[part]) > 1 and part not in (x, y)]


def _listed_parts(values: Values, parts: Sequence[str]) -> str:
    listed = []
    for part in parts:
        shown = list(map(number_text, values[part]))
        shown = shown if len(shown) <= 6 else [*shown[:3], "...", shown[-1]]
        listed.append(f"{part} ({', '.join(shown)} {PART_UNITS[part]})")
    return "; ".join(listed)


def condition_table(records: pd.DataFrame, networks: Sequence[str], x: str, y: str) -> pd.DataFrame:
    """The errors of `read_records`, averaged over the realizations of each x and y.

    Returns columns network (SimpleCode among them), channel, x, y (named after the parts), realizations, sea_states (if
    there are several in a cell), AMPLITUDES, MEASURE (ssa_error: ssa_model - ssa_lamp, signed), trained (whether the
    network was trained in one of the sea states).
    """
    counts = {"realizations": ("handle", "size"), "sea_states": ("sea_state", "nunique")}
    means = {name: (name, "mean") for name in (*AMPLITUDES, MEASURE)}
    groups = records.groupby(["network", "channel", x, y], sort=False, as_index=False)
    table = groups.agg(**counts, **means, trained=("trained", "any"))
    if not table["sea_states"].gt(1).any():
        del table["sea_states"]
    order = {name: n for n, name in enumerate([*networks, low_name(), *CHANNELS, *in_use().names])}
    ranks = {"key": lambda column: column.map(lambda value: order.get(value, value)), "ignore_index": True}
    return table.sort_values(["network", "channel", y, x], **ranks)


def _different_records(records: pd.DataFrame, networks: Sequence[str], x: str, y: str) -> list[str]:
    """A warning if the means of two networks are over different records."""
    rows = records[records["network"].isin(networks)]
    digests = rows.groupby([x, y, "network"])["digest"].agg(frozenset).unstack("network")[[*networks]].dropna()
    uneven = digests[digests.nunique(axis=1) > 1]
    return [
        f"{counted(len(uneven), 'condition')} with other records of one network than of the other (first: "
        f"{x} {place[0]:g}, {y} {place[1]:g}: {', '.join(f'{name} {len(sets)}' for name, sets in row.items())}); "
        "A - B compares means over different realizations"
        for place, row in uneven.head(1).iterrows()
    ]


def draw(table: pd.DataFrame, networks: Sequence[str], x: str, y: str, values: Values) -> Figure:
    """The figure of a `condition_table`. values: of all parts of the handles, which the title names."""
    models = [low_name()] * (low_name() in set(table["network"])) + [*networks]
    has_second = max(values["second_height"]) > 0
    averaged = _averaged(values, x, y)
    constant = [p for p in values if p not in (x, y, *averaged) and (has_second or not p.startswith("second"))]
    words = [f"{p.replace('_', ' ')}\xa0{values[p][0]:g}\xa0{PART_UNITS[p]}" for p in constant]
    words += [f"mean over {' and '.join(part.replace('_', ' ') for part in averaged)}"] * bool(averaged)
    return sea_state_figure(table, MEASURE, models, x, y, f"{TITLE}{high_name()}; {', '.join(words)}")


def summary(table: pd.DataFrame, networks: Sequence[str], x: str, y: str) -> str:
    """For the terminal: mean of |error| over the conditions of all networks, and how often A is better."""
    cells = "cells" if "sea_states" in table else "conditions"
    lines = [f"Mean |error| of {QUANTITY} over the {cells}"]
    for channel, rows in table.groupby("channel", sort=False):
        sizes = rows.pivot(index=[x, y], columns="network", values=MEASURE).abs()
        with_channel = [network for network in networks if network in sizes]
        common = sizes.dropna(subset=with_channel)[[low_name()] * (low_name() in sizes) + with_channel]
        means = ", ".join(f"{model} {mean:.3g}" for model, mean in common.mean().items())
        line = f"  {channel} [{channel_of(channel).unit}]: {means} over {len(common)} {cells}"
        if len(with_channel) == 2:
            first, second = with_channel
            line += f" of both; {first} is better in {int((common[first] < common[second]).sum())}"
        lines.append(line)
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
