"""Proposes the records on which the next LAMP runs are best spent, out of those that have SimpleCode alone.

python -m studies.next_runs --network NAME --number 8                the records in its predict_sc
python -m studies.next_runs --network NAME --inputs FILE --random    those of an input file, all drawn at random
"""

import argparse
import dataclasses
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

import data_io
import plotting
from data_io import Record
from figures.next_runs_figure import next_runs_figure
from pages import report_page
from readers import input_file
from readers.cases import handle_in
from settings import NETWORKS_FOLDER, SET_NAMES, Config, DataInfo, SaveData
from studies.next_runs_choice import Candidate, Choice, Factors, choose, factors, window_spread
from support import run_folder
from support.errors import InputError, exit_status, first_line, warn
from support.files import posix, written_aside
from support.saved_networks import training_config
from trust import flagging, novelty

TABLE_FILE = "next_lamp_runs.csv"
CASES_FILE = "next_lamp_runs_cases.txt"
FIGURE_FILE = "figures/next_lamp_runs.png"
RECORDS_AT_ONCE = 48
RANDOM = "random draw"
ONE_SEA_STATE = "all records are of one sea state, where choosing gains a few per cent at best: all are drawn at random"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", metavar="NAME", required=True, help="a name in saved_models")
    parser.add_argument("--number", type=int, default=8, help="LAMP runs to propose (default 8)")
    parser.add_argument("--inputs", metavar="NAME", help="input file whose predict_sc lists the records")
    parser.add_argument("--random", action="store_true", help="draw all at random")
    parser.add_argument("--distance", action="store_true", help="rank without the spread of the networks")
    parser.add_argument("--seed", type=int, default=0, help="of the random draws (default 0)")
    parser.add_argument("--output_path", metavar="FOLDER", default=SaveData.output_path, help="where predictions lie")
    given = parser.parse_args(arguments)
    return exit_status(lambda: run(**vars(given)))


def run(
    network: str,
    number: int = 8,
    inputs: str | None = None,
    random: bool = False,
    distance: bool = False,
    seed: int = 0,
    output_path: str = SaveData.output_path,
) -> pd.DataFrame:
    """Writes the proposed records as a table, a cases file and a figure, and returns the table.

    Raises:
        InputError: all problems, one line each; nothing is written.
    """
    if number < 1:
        raise InputError(f"--number {number}: expected at least 1 LAMP run")
    output = Path(posix(output_path)) / network
    config, waves = _candidates(network, inputs)
    by = "random" if random else "distance" if distance else "spread"
    if by != "random" and of_one_sea_state([*config.data.train_sc, *config.data.val_sc, *waves]):
        print(f"{network}: {ONE_SEA_STATE}")
        by = "random"
    candidates, training = _judged(config, waves, by)
    found = factors(candidates, training)
    chosen = choose(candidates, found, number, np.random.default_rng(seed), by)
    table = choice_table(chosen, candidates, found, data_io.output_channels(config.user))
    run_folder.note(output, [TABLE_FILE, FIGURE_FILE])  # the cases file is the user's, as input files will read it
    data_io.write_table(output / TABLE_FILE, table)
    remarks = _write_cases(output / CASES_FILE, table, list(waves), config.data)
    figure = next_runs_figure(found, chosen, f"Proposed LAMP runs for {network}")
    plotting.save_figure(figure, output / FIGURE_FILE)
    warn(remarks)
    print(table[["rank", "record", "reason", "window", "expected_gain"]].to_string(index=False))
    print(f"\n{len(table)} of {len(candidates)} records proposed for LAMP in {output / TABLE_FILE}")
    if not remarks:
        print(f"Cases file {output / CASES_FILE}, figure {output / FIGURE_FILE}")
    report_page.write(output, NETWORKS_FOLDER / network)
    return table


# ---- the candidates -------------------------------------------------------------------------------------------------


def _candidates(network: str, inputs: str | None) -> tuple[Config, dict[str, str | None]]:
    """The settings of a network, and the paths without LAMP in predict_sc with their wave files. Raises InputError."""
    config = training_config(NETWORKS_FOLDER / network)
    user = dataclasses.replace(config.user, training_mode=False, model_load_filename=network)
    data = config.data
    if inputs:
        given, faults, _ = input_file.read_config(input_file.load_module(inputs))
        if faults:
            raise InputError(faults)
        data = dataclasses.replace(data, predict_sc=given.data.predict_sc, predict_waves=given.data.predict_waves)
    waves = zip(data.predict_sc, data.predict_waves or (None,) * len(data.predict_sc), strict=True)
    known = {Path(path).name for name in SET_NAMES for path in getattr(data, f"{name}_sc")}
    waves = {path: wave for path, wave in waves if Path(path).name not in known}
    if not waves:
        raise InputError(
            f"{network}: no records without LAMP; name them in DataInfoArgs.predict_sc of an input file, "
            "and give it with --inputs"
        )
    return dataclasses.replace(config, user=user, data=data), waves


def of_one_sea_state(paths: Sequence[str]) -> bool:
    """Whether all handles agree but for the realization; False if a name has no handle."""
    states = {handle_in(Path(path).name).rpartition("-")[0] for path in paths}
    return len(states) == 1 and "" not in states


def _judged(config: Config, waves: Mapping[str, str | None], by: str) -> tuple[list[Candidate], np.ndarray]:
    """The candidates and the windows of the training records. Faulty records are left out with a warning.

    Raises:
        InputError: the network cannot be judged in this way, or no record can be read.
    """
    import network
    import prediction

    trained, watch = network.load(config), flagging.load(config)
    if trained.architecture.num_networks < 2 and by == "spread":
        raise InputError(
            f"{config.network_folder}: is a single network, which has no spread; train with num_folds, or rank without "
            "it: --distance, or --random"
        )
    if watch is None:
        raise InputError(f"{config.network_folder / flagging.KNOWN_FILE}: is missing or damaged; train again")
    predictor = prediction.Predictor(trained, with_spread=True)
    deviation = np.array(trained.architecture.standardization.output_deviation)
    paths, faults, candidates = list(waves), [], []
    names = data_io.unique_names(paths)
    with tqdm(total=len(paths), desc="Judging", disable=None) as bar:
        for start in range(0, len(paths), RECORDS_AT_ONCE):
            records = []
            for path in paths[start : start + RECORDS_AT_ONCE]:
                try:
                    records.append(data_io.read_record(path, None, config.user, waves[path], names[path])[0])
                except InputError as error:
                    faults += error.lines
                bar.update()
            predictions = predictor.predict([record.inputs for record in records])
            for record, predicted in zip(records, predictions, strict=True):
                watched = flagging.watched(config, record)
                candidates.append(judged(record, watched, predicted, watch.known, deviation))
    if not candidates:
        raise InputError(faults)
    warn(faults)
    return candidates, watch.known.features


def judged(
    record: Record, inputs: np.ndarray, predicted: np.ndarray, known: novelty.Known, deviation: np.ndarray
) -> Candidate:
    """A record as a candidate.

    Args:
        inputs: (rows, channel) that are compared with training. predicted: (rows, channels), outputs and, of several
            networks, their spread. deviation: (output channel,) standard deviation of LAMP's motions in training.
    """
    begins, features = novelty.window_features(record.time, inputs)
    outputs, spread = np.split(predicted, [len(deviation)], axis=1)
    spread = spread if spread.size else np.full_like(outputs, np.nan)
    return Candidate(
        record.name,
        begins,
        (features - known.centre) / known.scale,
        window_spread(record.time, begins, spread / deviation),
        np.abs(outputs - outputs.mean(axis=0)).max(axis=0) / deviation,
    )


# ---- what is written ------------------------------------------------------------------------------------------------


def choice_table(
    chosen: Sequence[Choice], candidates: Sequence[Candidate], of: Factors, channels: Sequence[str]
) -> pd.DataFrame:
    """One row for each chosen record.

    Returns:
        columns rank, record, handle, reason, window (where the networks are furthest apart), expected_gain (1: a record
        of average factors), spread, rarity, distance (see `next_runs_choice`), probability (of being drawn at random).
    """
    drawn = sum(each.drawn for each in chosen)
    rows = []
    for rank, each in enumerate(chosen, start=1):
        own = candidates[each.place]
        window, channel = own.worst
        begin, spread = own.begins[window], of.spread[each.place]
        words = {"spread": f"networks far apart in {channels[channel]}", "rarity": "rare peaks"}
        words |= {"distance": "unlike the training"}
        reason = ", ".join(words[name] for name in each.above) or "largest gain left"
        rows.append(
            {
                "rank": rank,
                "record": own.name,
                "handle": handle_in(own.name),
                "reason": RANDOM if each.drawn else reason,
                "window": f"{begin:.0f} to {begin + novelty.WINDOW:.0f} s" if np.isfinite(spread) else "",
                "expected_gain": round(each.gain, 3),
                "spread": spread,
                "rarity": of.rarity[each.place],
                "distance": each.distance,
                "probability": drawn / len(candidates) if each.drawn else np.nan,
            }
        )
    return pd.DataFrame(rows)


def split_name(path: str) -> tuple[str, str]:
    """Prefix and handle of a file name, as in cases files; a name without a handle is split at its first underscore."""
    name = Path(path).name
    handle = handle_in(name) or name[max(name.find("_"), 0) :]
    return name.removesuffix(handle), handle


def _write_cases(file: Path, table: pd.DataFrame, paths: Sequence[str], data: DataInfo) -> list[str]:
    """Writes a cases file of the chosen records; returns a warning if their names cannot be listed in one."""
    of_name = {name: path for path, name in data_io.unique_names(list(paths)).items()}
    chosen = [of_name[record] for record in table["record"]]
    parts = [split_name(path) for path in chosen]
    folders = {Path(path).parent.parent.as_posix() for path in chosen}
    prefixes = {prefix for prefix, _ in parts}
    if len(prefixes) != 1 or "" in prefixes or len(folders) != 1:
        return [f"{file}: is not written, as the records' names do not share a prefix and a folder; see {TABLE_FILE}"]
    lamp = next((split_name(path)[0] for path in data.train_lamp), "") or "LAMP"
    lines = [
        "Next LAMP runs, in the order of their rank",
        f'Read with data_io.read_cases("{file.as_posix()}", "{folders.pop()}")',
        "",
        "***",
        prefixes.pop(),
        lamp,
        *(f"{handle}  # {reason}" for (_, handle), reason in zip(parts, table["reason"], strict=True)),
    ]
    with written_aside(file) as aside:
        aside.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    return []


def chosen_by_gain(file: str) -> list[str]:
    """The handles in a cases file of this module that were not drawn at random. Raises InputError."""
    try:
        lines = Path(file).read_text(encoding="utf-8").partition("***")[2].splitlines()
    except (OSError, ValueError) as error:
        raise InputError(f"--chosen {file}: cannot be read ({first_line(error)}); give a {CASES_FILE}") from error
    parts = (line.partition("#") for line in lines)
    return [handle.strip() for handle, mark, reason in parts if mark and reason.strip() != RANDOM]


if __name__ == "__main__":
    sys.exit(main())
