"""Proposes the records on which the next LAMP runs are best spent, out of those that have SimpleCode alone.

python -m studies.next_runs --network NAME --number 8                the records in its predict_sc
python -m studies.next_runs --network NAME --inputs FILE --random    those of an input file, all drawn at random
"""

import argparse
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import rankdata
from tqdm import tqdm

import data_io
import plotting
from checks import flagging, novelty, pair_checks
from data_io import Record
from figures.next_runs_figure import next_runs_figure
from networks.network_folder import NetworkFolder, use_description_of
from pages import report_page
from readers.cases import COMMENT
from readers.sea_state_handles import handle_in, sea_state
from settings import NETWORKS_FOLDER, SET_NAMES, Config, DataInfo, SaveData, UserInput, input_file
from settings.channels import output_channels
from settings.description import high_name, in_use, list_name, seconds
from system.errors import FaultCollector, InputError, WithRemarks, exit_status, first_line, warn
from system.files import posix, written_aside
from system.run_folder import RunFolder

if TYPE_CHECKING:
    from prediction import Prediction  # imports TensorFlow, for which a wrong option does not wait

FIGURE = "next_lamp_runs"
WORST_WINDOWS = 3  # whose spread counts
RANDOM_SHARE = 0.3  # of the records, drawn at random
RANDOM = "random draw"
ONE_SEA_STATE = "all records are of one sea state, where choosing gains a few per cent at best: all are drawn at random"


def no_candidates(network: str) -> InputError:
    where = f"DataInfoArgs.{list_name('predict')} of an input file, and give it with --inputs"
    return InputError(f"{network}: no records without {high_name()}; name them in {where}")


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
    return exit_status(lambda: run(given))


def run(given: argparse.Namespace) -> None:
    """Writes the proposed records as a table, a cases file and a figure. given: see `main`.

    Raises InputError with all problems, one line each; nothing is written.
    """
    network = given.network
    use_description_of([NetworkFolder(NETWORKS_FOLDER / network)])
    if given.number < 1:
        raise InputError(f"--number {given.number}: expected at least 1 {high_name()} run")
    output = Path(posix(given.output_path)) / network
    config, waves = _settings(network, given.inputs)
    pair_checks.report_handles(waves)
    by = "random" if given.random else "distance" if given.distance else "spread"
    if by != "random" and of_one_sea_state([*config.data.train_sc, *config.data.val_sc, *waves]):
        print(f"{network}: {ONE_SEA_STATE}")
        by = "random"
    candidates, training = judged_candidates(config, waves, by)
    all_factors = factors(candidates, training)
    choice = choose(candidates, all_factors, given.number, np.random.default_rng(given.seed), by)
    table = choice_table(choice, candidates, all_factors, output_channels(config.user))
    RunFolder(output).write_table(RunFolder.NEXT_RUNS, table)
    is_ship = config.user.description.is_ship  # others have no cases files
    remarks = write_cases(output / RunFolder.NEXT_CASES, table, list(waves), config.data.train_lamp) if is_ship else []
    figure = next_runs_figure(all_factors, choice, f"Proposed {high_name()} runs for {network}")
    plotting.save_figures({FIGURE: figure}, output)
    warn(remarks)
    print(table[["rank", "record", "reason", "window", "expected_gain"]].to_string(index=False))
    print(f"\n{len(table)} of {len(candidates)} records proposed for {high_name()} in {output / RunFolder.NEXT_RUNS}")
    if not remarks:
        cases = f"Cases file {output / RunFolder.NEXT_CASES}, figure" if is_ship else "Figure"
        print(f"{cases} {output / RunFolder.FIGURES / FIGURE}.png")
    report_page.write(output, NETWORKS_FOLDER / network)


# ---- the candidates -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Candidate:
    """A record that has SimpleCode alone; digest: of the content of SimpleCode's motions, which identifies it.

    begins: (window,) s. features: (window, feature), scaled as in training. spread: (window, channel) root mean square
    deviation between the networks, NaN without several; peaks: (channel,) predicted largest distance from the mean.
    Both are in standard deviations of LAMP's motions in training.
    """

    name: str
    begins: np.ndarray
    features: np.ndarray
    spread: np.ndarray
    peaks: np.ndarray
    digest: str = ""

    @property
    def worst(self) -> tuple[int, int]:
        """The window and the channel in which the networks are furthest apart."""
        window, channel = divmod(int(np.nan_to_num(self.spread).argmax()), self.spread.shape[1])
        return window, channel


def _settings(network: str, inputs: str | None) -> tuple[Config, dict[str, str | None]]:
    """The settings of a network, and the paths without LAMP in predict_sc with their wave files. Raises InputError."""
    folder = NetworkFolder(NETWORKS_FOLDER / network)
    config = folder.training_config().with_user(training_mode=False, model_load_filename=network)
    data = config.data
    if inputs:
        given, faults, _ = input_file.read_config(input_file.load_module(inputs))
        if faults:
            raise InputError(faults)
        data, config = given.data, config.with_user(description=given.user.description)
    waves = dict(zip(data.predict_sc, data.predict_waves or (None,) * len(data.predict_sc), strict=True))
    if not waves:
        raise no_candidates(network)
    return config, waves


def digests_with_lamp(network_folder: NetworkFolder, data: DataInfo, user: UserInput) -> set[str]:
    """The content of SimpleCode's motions of all records that LAMP has run, as the network's folder says.

    If it lists more files (data), as that of a sweep's winner does, these are read, if still there.
    """
    digests, collect = set(network_folder.read_metadata().get("simplecode_digests", ())), FaultCollector()
    paths = {path for name in SET_NAMES for path in getattr(data, f"{name}_sc")}
    if len(paths) > len(digests):
        digests |= {collect(data_io.motions_digest, path, user) for path in sorted(paths)}
    warn([f"{line}; whether it is among the candidates is not known" for line in collect.faults])
    return digests - {None}


def of_one_sea_state(paths: Sequence[str]) -> bool:
    """Whether the handles of all names tell the same sea state; False if a name has no handle."""
    states = {sea_state(path) for path in paths}
    return len(states) == 1 and None not in states


def judged_candidates(config: Config, waves: Mapping[str, str | None], by: str) -> tuple[list[Candidate], np.ndarray]:
    """The candidates and the windows of the training records. Faulty records are left out with a warning.

    Raises InputError if the network cannot judge in this way, or no record can be read.
    """
    import network
    from prediction import Predictor

    folder = NetworkFolder(config.network_folder)
    trained, watch = network.load(config), flagging.load(config.user, folder)
    if trained.architecture.num_networks < 2 and by == "spread":
        raise InputError(
            f"{folder}: is a single network, which has no spread; train with num_folds, or rank without it: "
            "--distance, or --random"
        )
    if watch is None:
        raise InputError(f"{folder.training_windows}: is missing or damaged; train again")
    predictor, collect = Predictor(trained, with_spread=True), FaultCollector()
    deviation = np.array(trained.architecture.standardization.output_deviation)
    names, read_before = data_io.unique_names(list(waves)), digests_with_lamp(folder, config.data, config.user)
    shared = collect(data_io.conditions_of_network, folder)

    def further_records() -> Iterator[Record]:
        for path in tqdm(waves, desc="Judging", disable=None):
            arguments = (path, None, config.user, waves[path], names[path], shared)
            record = collect(_read_candidate, read_before, *arguments)
            if record and record.contents["sc"] not in read_before:  # neither run in LAMP nor listed twice
                read_before.add(record.contents["sc"])
                yield record

    candidates = [
        judge(record, watch.inputs(record), prediction, watch.windows, deviation)
        for record, prediction in predictor.predict_records(further_records())
    ]
    if not candidates:
        raise InputError(collect.faults) if collect.faults else no_candidates(config.network_name)
    warn([*collect.remarks, *collect.faults])
    return candidates, watch.windows.features


def _read_candidate(read_before: Collection[str], sc: str, *arguments) -> WithRemarks | None:
    """What `data_io.read_record` gives; None for a faulty record whose motions (digests) have been read before."""
    try:
        return data_io.read_record(sc, *arguments)
    except InputError:
        if FaultCollector()(data_io.motions_digest, sc, arguments[1]) in read_before:
            return None
        raise


def judge(
    record: Record,
    inputs: np.ndarray,
    prediction: "Prediction",
    windows: novelty.TrainingWindows,
    deviation: np.ndarray,
) -> Candidate:
    """A record as a candidate.

    inputs: (rows, channel) that are compared with the windows of the training. deviation: (output channel,) standard
    deviation of LAMP's motions in training.
    """
    begins, features = novelty.window_features(record.time, inputs)
    motions = prediction.mean
    spread = np.full_like(motions, np.nan) if prediction.spread is None else prediction.spread
    return Candidate(
        record.name,
        begins,
        (features - windows.centre) / windows.scale,
        window_spread(record.time, begins, spread / deviation),
        np.abs(motions - motions.mean(axis=0)).max(axis=0) / deviation,
        record.contents["sc"],
    )


def window_spread(time: np.ndarray, begins: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """(window, channel): root mean square over each window. spread: (rows, channel)."""
    sums = np.concatenate([np.zeros((1, spread.shape[1])), np.cumsum(spread**2, axis=0)])
    first, last = np.searchsorted(time, begins), np.searchsorted(time, begins + seconds(novelty.WINDOW))
    return np.sqrt((sums[last] - sums[first]) / (last - first)[:, None])


# ---- the choice ----------------------------------------------------------------------------------------------------


def distances(candidates: Sequence[Candidate], windows: np.ndarray) -> np.ndarray:
    """(candidate,): mean over a candidate's windows of the distance to the nearest of `windows` (window, feature)."""
    return np.array([novelty.distances(windows, candidate.features).mean() for candidate in candidates])


def factors(candidates: Sequence[Candidate], training: np.ndarray) -> pd.DataFrame:
    """The three factors of each candidate's gain, with a row for each.

    spread: how far the networks are apart in the record's worst windows, in standard deviations of LAMP's motions; NaN
    without several networks. rarity: mean over the channels of -ln p, p being the share of the candidates whose
    predicted peak is at least as large (1 on average). distance: from the windows of the record to the nearest ones in
    training (window, feature), scaled.
    """
    squares = [np.sort((record.spread**2).mean(axis=1))[-WORST_WINDOWS:].mean() for record in candidates]
    shares = rankdata(-np.stack([record.peaks for record in candidates]), axis=0) / len(candidates)
    columns = {"spread": np.sqrt(squares), "rarity": -np.log(shares).mean(axis=1)}
    return pd.DataFrame(columns | {"distance": distances(candidates, training)})


def randomly_ranked(number: int) -> np.ndarray:
    """(number,): which ranks are drawn at random, spread evenly, so that the first few ranks hold their share too."""
    return np.diff(np.floor(np.arange(number + 1) * RANDOM_SHARE + 0.5)) > 0


def choose(
    candidates: Sequence[Candidate],
    all_factors: pd.DataFrame,
    number: int,
    rng: np.random.Generator,
    by: str = "spread",
) -> pd.DataFrame:
    """The records to run next, in the order of their rank, chosen one after the other by the product of their factors.

    Those drawn at random are drawn first and from all candidates, so that nothing that is predicted of a record decides
    whether it is drawn; the others keep away from them.

    by: "spread" (all factors), "distance" (without the spread of the networks), or "random" (all at random).
    Returns the factors of the chosen records by their place among the candidates, with the distance also from those
    chosen before; drawn (at random); gain (1 for a record of average factors).
    """
    number = min(number, len(candidates))
    is_random = np.full(number, True) if by == "random" else randomly_ranked(number)
    drawn = rng.permutation(len(candidates))[: is_random.sum()].tolist()
    spread, rarity, distance = all_factors[["spread", "rarity", "distance"]].to_numpy().T
    merit = rarity * (spread if by != "distance" and np.isfinite(spread).all() else 1.0)
    usual = (merit * distance).mean() or 1.0
    near, left = distance, np.ones(len(candidates), bool)
    left[drawn] = False
    for place in drawn if by != "random" else ():
        near = np.minimum(near, distances(candidates, candidates[place].features))
    places, away = [], []
    for at_random in is_random:
        place = drawn.pop(0) if at_random else int(np.where(left, merit * near, -np.inf).argmax())
        left[place] = False
        places.append(place)
        away.append((distance if at_random else near)[place])
        if not at_random:
            near = np.minimum(near, distances(candidates, candidates[place].features))
    return all_factors.loc[places].assign(distance=away, drawn=is_random, gain=merit[places] * away / usual)


# ---- what is written ------------------------------------------------------------------------------------------------


def choice_table(
    choice: pd.DataFrame, candidates: Sequence[Candidate], all_factors: pd.DataFrame, channels: Sequence[str]
) -> pd.DataFrame:
    """One row for each chosen record: rank, record, handle, reason, window (where the networks are furthest apart),
    expected_gain, the factors, probability (of being drawn at random), and the digest of the record's content.

    choice, all_factors: see `choose`.
    """
    above = all_factors > np.median(all_factors, axis=0)
    records, reasons, windows = [candidates[place] for place in choice.index], [], []
    for place, record in zip(choice.index, records, strict=True):
        window, channel = record.worst
        words = {"spread": f"networks far apart in {channels[channel]}", "rarity": "rare peaks"}
        words |= {"distance": "unlike the training"}
        reasons.append(", ".join(words[name] for name in above if above.loc[place, name]) or "largest gain left")
        begin = record.begins[window]
        has_spread = np.isfinite(choice.loc[place, "spread"])
        windows.append(novelty.window_text(begin, begin + seconds(novelty.WINDOW)) if has_spread else "")
    columns = {
        "rank": range(1, len(records) + 1),
        "record": [record.name for record in records],
        "handle": [handle_in(record.name) for record in records],
        "reason": np.where(choice["drawn"], RANDOM, reasons),
        "window": windows,
        "expected_gain": [round(gain, 3) for gain in choice["gain"]],
        **choice[["spread", "rarity", "distance"]],
        "probability": np.where(choice["drawn"], choice["drawn"].sum() / len(candidates), np.nan),
        "digest": [record.digest for record in records],
    }
    return pd.DataFrame({name: list(values) for name, values in columns.items()})


def split_name(path: str) -> tuple[str, str]:
    """Prefix and handle of a file name, as in cases files; a name without a handle is split at its first underscore."""
    name = Path(path).name
    handle = handle_in(name)
    place = name.rfind(handle) if handle else max(name.find("_"), 0)
    return name[:place], name[place:]


def write_cases(file: Path, table: pd.DataFrame, paths: Sequence[str], lamp_paths: Sequence[str]) -> list[str]:
    """Writes a cases file of the chosen records; returns a warning if their names cannot be listed in one.

    paths: of all candidates. lamp_paths: of the training records, whose prefix is LAMP's.
    """
    by_name = {name: path for path, name in data_io.unique_names(list(paths)).items()}
    paths = [by_name[record] for record in table["record"]]
    prefixes, handles = zip(*map(split_name, paths), strict=True)
    folders = {Path(path).parent.parent.as_posix() for path in paths}
    if len(set(prefixes)) != 1 or "" in prefixes or len(folders) != 1:
        why = f"as the records' names do not share a prefix and a folder; see {RunFolder.NEXT_RUNS}"
        return [f"{file}: is not written, {why}"]
    lines = [
        "Next LAMP runs, in the order of their rank",
        f'Read with data_io.read_cases("{file.as_posix()}", "{folders.pop()}")',
        "",
        "***",
        prefixes[0],
        next((split_name(path)[0] for path in lamp_paths), "") or "LAMP",
    ]
    marks = zip(handles, table["reason"], table["digest"], strict=True)
    lines += [f"{handle}  # {reason}; {digest}" for handle, reason, digest in marks]
    with written_aside(file) as aside:
        aside.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    return []


def chosen_by_gain(file: str) -> set[str]:
    """The digests of the records in a cases file, or table, of this module that were not drawn at random.

    Raises InputError.
    """
    try:
        if Path(file).suffix.lower() == ".csv":
            table = pd.read_csv(file, dtype=str, keep_default_na=False)
            return set(table.loc[table["reason"] != RANDOM, "digest"])
        lines = Path(file).read_text(encoding="utf-8-sig").partition("***")[2].splitlines()[1:]
    except (OSError, ValueError, KeyError) as error:
        given = RunFolder.NEXT_CASES if in_use().is_ship else RunFolder.NEXT_RUNS
        raise InputError(f"--chosen {file}: cannot be read ({first_line(error)}); give a {given}") from error
    rows = [(name.strip(), line[len(name) :]) for line in lines if (name := COMMENT.sub("", line)).strip()]
    remarks = {handle: remark.strip(" \t#").partition(";") for handle, remark in rows[2:] if remark.strip(" \t#")}
    digests = {handle: digest.strip() for handle, (reason, _, digest) in remarks.items() if reason.strip() != RANDOM}
    if unknown := [handle for handle, digest in digests.items() if not digest]:
        raise InputError(
            f"--chosen {file}: does not say which record {unknown[0]} was; give the {RunFolder.NEXT_CASES} as "
            "studies.next_runs wrote it"
        )
    return set(digests.values())


if __name__ == "__main__":
    sys.exit(main())
