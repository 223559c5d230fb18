"""Compares networks with SimpleCode and with each other, from the error reports of their runs.

python -m studies.comparison --networks A B C              ranked on the validation set; test errors of the best only
python -m studies.comparison --networks A B C --test all   test errors of all

Networks are ranked by nrmse of the row All on the validation set: the root mean squared error as a share of LAMP's
standard deviation, averaged over the channels, so that each channel counts the same whatever its unit. Motions that
LAMP hardly has, as roll in head seas and pitch in beam seas, do not count.
"""

import argparse
import itertools
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import plotting
from figures.comparison_figure import comparison_figure
from figures.parts import SET_NAMES
from metrics import LINEAR, MEASURES, mse_share, negligible
from networks.network_folder import NetworkFolder, use_description_of
from networks.replacement import CHANNEL, has_settings, trained_on, training_settings
from settings import NETWORKS_FOLDER, Config, SaveData, user_settings
from settings.description import high_name, list_name, low_name, signal_word
from system.errors import FaultCollector, InputError, counted, exit_status, warn
from system.files import png_path, posix, read_table, write_table
from system.run_folder import RunFolder

CRITERION = "nrmse"
REPETITION = user_settings("repetition")  # what trainings with the same settings differ in
COMPARED = (*MEASURES[: MEASURES.index("max_error_at_s")], "mse_share", "share_about_mean")
FILE_NAME = "comparison.png"


@dataclass(frozen=True)
class Result:
    """A network with its training settings, its epochs (NaN if not known), and the error report of its last run.

    report: with columns mse_share, negligible, and is_simplecode, whatever the network is called.
    """

    name: str
    settings: dict[str, Any]
    epochs: float
    report: pd.DataFrame

    def errors(self, set_name: str, of_simplecode: bool = False) -> pd.DataFrame:
        """COMPARED over a set, of the network or of SimpleCode, with a row a channel; empty where there is none."""
        rows = self.report[self.report["is_simplecode"] == of_simplecode].set_index("channel")
        return rows.loc[rows["set"] == set_name, [*COMPARED]]

    def left_out(self, set_name: str) -> str:
        """The channels that do not count over a set, with commas between them."""
        rows = self.report[self.report["negligible"] & (self.report["set"] == set_name)]
        return ", ".join(rows["channel"].unique())

    @cached_property
    def score(self) -> float:
        return float(self.errors("val").loc["All", CRITERION])


Entry = Sequence[Result]  # one setting: the networks trained with it, each with its own seed, the best first


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", metavar="NAME", nargs="+", required=True, help="names in saved_models")
    parser.add_argument("--test", choices=("best", "all"), default="best", help="whose test set is shown")
    parser.add_argument("--output", metavar="FILE.png", help="the figure; the numbers are written beside it as .csv")
    parser.add_argument("--output_path", metavar="FOLDER", default=SaveData.output_path, help="where the reports lie")
    given = parser.parse_args(arguments)
    folder = Path(posix(given.output_path))
    networks = {name: folder / name for name in given.networks}
    return exit_status(lambda: compare(networks, png_path(given.output, folder / FILE_NAME), given.test))


def compare(networks: dict[str, Path], path: Path, test: str = "best") -> list[Entry]:
    """Prints the comparison, writes the figure (path) and a .csv beside it, and returns the entries, the best first.

    networks: the folder with the error report of each network. test: "best" or "all".

    Raises InputError with all problems, one line each; nothing is written.
    """
    entries = rank(read_results(networks, test))
    table = comparison_table(entries, test)
    keep_earlier(path, table)
    plotting.save_figure(comparison_figure(table), path)
    write_table(path.with_suffix(".csv"), table)
    print(format_comparison(table))
    print(f"\nComparison in {path}, numbers in {path.with_suffix('.csv')}")
    return entries


def keep_earlier(path: Path, table: pd.DataFrame) -> None:
    """Renames an earlier comparison of other networks, or one that shows others on test data: it gets a number."""
    numbers = path.with_suffix(".csv")
    try:
        if _shown(pd.read_csv(numbers)) == _shown(table):
            return
    except FileNotFoundError:
        return
    except (ValueError, KeyError, AttributeError):  # a file of the user's
        pass
    number = next(n for n in itertools.count(1) if not numbers.with_stem(f"{path.stem}_{n}").exists())
    kept = path.with_stem(f"{path.stem}_{number}")
    for old, new in ((path, kept), (numbers, kept.with_suffix(".csv"))):
        if old.is_file():
            old.replace(new)
    print(f"\nThe earlier comparison of other networks is kept in {kept} and {kept.with_suffix('.csv')}")


def _shown(table: pd.DataFrame) -> set[tuple[str, str]]:
    """(set, network) of a `comparison_table`."""
    networks = table.assign(members=table["members"].str.split()).explode("members")[["set", "members"]].dropna()
    return set(networks.itertuples(index=False, name=None))


def compare_experiments(configs: Sequence[Config]) -> None:
    """After a queue of experiments: compares their networks, or prints why not."""
    latest = {config.network_name: config for config in configs if config.data.val_sc}
    if len(latest) < 2:
        return
    waiting = [name for name, config in latest.items() if not is_finished(config)]
    if waiting:
        print(
            f"\nNot compared yet, as these are not finished: {', '.join(waiting)}; afterwards run: "
            f"python -m studies.comparison --networks {' '.join(latest)}"
        )
        return
    print()
    try:
        folders = {name: config.output_folder for name, config in latest.items()}
        compare(folders, Path(configs[0].save.output_path) / FILE_NAME)
    except InputError as error:
        warn([f"no comparison: {line}" for line in error.lines])


def is_finished(config: Config, data: str = "") -> bool:
    """Whether a run with these settings and data has finished, with network and report."""
    folder = NetworkFolder(config.network_folder)
    try:
        finished = folder.read_metadata().get("finished", True)
    except (InputError, AttributeError):
        return False
    as_asked = not config.user.training_mode or has_settings(folder, config, data)
    return finished and as_asked and (config.output_folder / RunFolder.REPORT).is_file()


def read_results(networks: dict[str, Path], test: str = "best") -> list[Result]:
    """The results of networks that can be ranked together.

    Raises InputError if a network or report is missing, or they were evaluated on different data or channels.
    """
    use_description_of([NetworkFolder(NETWORKS_FOLDER / name) for name in networks])
    collect = FaultCollector()
    results = list(filter(None, [collect(read_result, name, folder) for name, folder in networks.items()]))
    collect.faults += _incomparable(results, "val")
    if test == "all":
        collect.faults += _incomparable([result for result in results if len(result.errors("test"))], "test")
    collect.check()
    return results


def read_result(name: str, folder: Path) -> Result:
    """A network in saved_models with the report in this folder. Raises InputError if one is missing or unusable."""
    network, path = NetworkFolder(NETWORKS_FOLDER / name), folder / RunFolder.REPORT
    facts = network.read_metadata()
    try:
        finished, settings = facts.get("finished", True), training_settings(facts["settings"])
        settings["data"] = trained_on(facts)
    except (KeyError, TypeError, AttributeError) as error:
        raise network.damaged_settings(error) from error
    if not finished:
        raise InputError(f"{network}: its training was interrupted; finish it with resume = True")
    remedy = f"run main.py with training_mode = False and model_load_filename = {name!r}, which writes it"
    if not path.is_file():
        raise InputError(f"{path}: file is missing; {remedy}")
    try:
        table = read_table(path, dtype=dict.fromkeys(("set", "source", "channel"), str))
        table = table[table["source"] != LINEAR]
        table = table.assign(mse_share=mse_share, negligible=negligible, is_simplecode=table["source"] == low_name())
        has_means = "mse_about_mean" in table  # a report of an earlier version has not
        table = table.assign(share_about_mean=mse_share(table, "mse_about_mean") if has_means else np.nan)
        result = Result(name, settings, facts.get("epochs_trained", np.nan), table)
        has_validation = "All" in result.errors("val").index
    except (ValueError, KeyError) as error:
        raise InputError(f"{path}: not an error report ({error}); {remedy}") from error
    if not has_validation:
        lists = ", ".join(dict.fromkeys(list_name("val", source) for source in ("sc", "lamp")))
        raise InputError(f"{path}: it has no validation set, on which networks are ranked; {remedy} with {lists}")
    if path.stat().st_mtime < network.model.stat().st_mtime:
        warn([f"{path} is older than the network {network}; unless it was copied here, {remedy} again"])
    return result


def _incomparable(results: Sequence[Result], set_name: str) -> list[str]:
    """A line if the reports are not of the same channels and data of a set; it names the networks that go together.

    LAMP's standard deviations tell records apart, as a report may be of a later run on other data than the training's.
    """
    groups: dict[tuple[str, ...], list[Result]] = {}
    for result in results:
        rows = result.report[result.report["set"] == set_name]
        # Of either source, as a network that diverged has no errors.
        deviations = (rows["rmse"] / rows["nrmse"]).groupby(rows["channel"]).first().drop("All")
        groups.setdefault(tuple(deviations.index + deviations.map(" {:.6g}".format)), []).append(result)
    if len(groups) < 2:
        return []
    names = [" ".join(result.name for result in group) for group in groups.values()]
    channels = [", ".join(group[0].errors(set_name).index.drop("All")) for group in groups.values()]
    what = f"{SET_NAMES[set_name]} data"
    if len(set(channels)) > 1:
        what = "output channels"
        names = [f"{name} ({channel})" for name, channel in zip(names, channels, strict=True)]
    return [
        f"these networks were measured on different {what} and cannot be ranked together: {'; '.join(names)}; compare "
        "those between the semicolons separately, or run main.py with training_mode = False and the same data for each"
    ]


def rank(results: Sequence[Result]) -> list[Entry]:
    """The settings, ordered by the median score of their networks, the best first."""
    groups: dict[str, list[Result]] = {}
    for result in sorted(results, key=lambda result: np.nan_to_num(result.score, nan=np.inf)):
        settings = {name: value for name, value in result.settings.items() if name not in REPETITION}
        entry = groups.setdefault(json.dumps(settings, sort_keys=True), [])
        seed = result.settings["seed"]
        twin = next((other.name for other in entry if seed is not None and other.settings["seed"] == seed), None)
        if twin:  # such as the winner of a sweep
            warn([f"{result.name} is the same training as {twin}, with the same settings and seed; it is counted once"])
        else:
            entry.append(result)
    return sorted(groups.values(), key=lambda entry: np.nan_to_num(np.median([r.score for r in entry]), nan=np.inf))


def comparison_table(entries: Sequence[Entry], test: str = "best") -> pd.DataFrame:
    """A table of the ranked entries and SimpleCode.

    Returns columns set (val, then test), rank (empty for SimpleCode), name, networks (how many), channel; each measure
    of COMPARED as the median over the networks, and the same with _min and _max; settings (those that differ between
    entries), members (names of the networks), epochs (of each network) and left_out (channels that do not count in the
    row All). mse_share is the mse as a share of SimpleCode's, share_about_mean that about the mean.
    """
    settings = [entry[0].settings for entry in entries]
    names = [*settings[0], *{n: None for s in settings for n in s if n.startswith(CHANNEL) and n not in settings[0]}]
    differing = [n for n in names if n not in REPETITION and any(s.get(n) != settings[0].get(n) for s in settings)]
    blocks = []
    for set_name in ("val", "test"):
        shown = entries if set_name == "val" or test == "all" else entries[:1]
        ranked = [(n, entry) for n, entry in enumerate(shown, 1) if all(len(r.errors(set_name)) for r in entry)]
        blocks += [_entry_rows(set_name, n, entry, differing) for n, entry in ranked]
        if ranked:
            simple = max((r.errors(set_name, of_simplecode=True) for _, entry in ranked for r in entry), key=len)
            last = blocks[-1]
            if list(simple.index) != list(last["channel"]):
                simple = simple.drop(index="All", errors="ignore")  # a mean over other channels than the networks'
            texts = {"settings": "", "members": "", "epochs": "", "left_out": last["left_out"].iloc[0]}
            first = {"set": set_name, "rank": None, "name": low_name(), "networks": 0}
            blocks.append(_spread(first, [simple]).assign(**texts))
    return pd.concat(blocks, ignore_index=True).astype({"rank": "Int64"})


def _entry_rows(set_name: str, place: int, entry: Entry, differing: Sequence[str]) -> pd.DataFrame:
    """The rows of an entry in a `comparison_table`."""
    members = [result.name for result in entry]
    name = members[0] if len(entry) == 1 else f"{members[0]} ({len(entry)} seeds)"
    first = {"set": set_name, "rank": place, "name": name, "networks": len(entry)}
    return _spread(first, [result.errors(set_name) for result in entry]).assign(
        settings=", ".join(f"{name} {_value_text(entry[0].settings.get(name))}" for name in differing),
        members=" ".join(members),
        epochs=", ".join(f"{result.epochs:g}" for result in entry if not np.isnan(result.epochs)),
        left_out=entry[0].left_out(set_name),
    )


def _spread(first: dict[str, Any], tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Median, least and largest errors of several networks. first: the columns before them."""
    values = np.stack([table.to_numpy(float) for table in tables])
    spread = np.stack([np.median(values, axis=0), values.min(axis=0), values.max(axis=0)], axis=-1)
    columns = [f"{measure}{ending}" for measure in COMPARED for ending in ("", "_min", "_max")]
    rows = pd.DataFrame(spread.reshape(len(tables[0]), -1), tables[0].index, columns).reset_index()
    return pd.DataFrame(first, rows.index).join(rows)


def _value_text(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], str):
        return counted(len(value), "file")
    return json.dumps(value)


def format_comparison(table: pd.DataFrame) -> str:
    """A `comparison_table` for the terminal: a block for each set, a line for each entry."""
    lines = []
    for set_name, block in table.groupby("set", sort=False):
        cells = block.assign(cell=block.apply(_cell, axis=1)).pivot(index="name", columns="channel", values="cell")
        channels = ["All", *block["channel"].drop_duplicates()[lambda names: names != "All"]]
        entries = block.drop_duplicates("name").set_index("name")
        rows = [["rank", "network", "epochs", *channels, "differs in" if block["settings"].any() else ""]]
        for name, entry in entries.iterrows():
            place, numbers = entry["rank"], cells.loc[name, channels].fillna("")
            rows.append(["" if pd.isna(place) else str(place), name, entry["epochs"], *numbers, entry["settings"]])
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines += ["", f"rms error on the {SET_NAMES[set_name]} set in percent of {high_name()}'s {signal_word()}"]
        lines += ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
        if left_out := block["left_out"].iloc[0]:
            why = f"{high_name()}'s {signal_word()} is negligible beside the other angle"
            lines.append(f"Without {left_out} in All: {why}")
    lines += [
        f"rms error: root mean squared error in percent of {high_name()}'s standard deviation; All: its mean over the "
        "channels,",
        "by which networks are ranked on the validation set. Several seeds: median, smallest to largest.",
    ]
    return "\n".join(lines)


def _cell(row: pd.Series) -> str:
    """nrmse in percent, with its spread over the seeds."""
    text = f"{100 * row['nrmse']:.3g}"
    if row["networks"] > 1:
        text += f", {100 * row['nrmse_min']:.3g} to {100 * row['nrmse_max']:.3g}"
    return text


if __name__ == "__main__":
    sys.exit(main())
