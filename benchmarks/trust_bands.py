"""Coverage, sharpness, flags and cost of the bands on simulated records with LAMP that no network has seen.

    python benchmarks/trust_bands.py [--cases tanker_12 ...] [--data FOLDER] [--quick]

Each case trains the template's network with num_folds = 4 on the LAMP records of one ship, and compares 100 further
records of the same sea state, or of as many other sea states, with their bands and flags. Networks and records are
kept in the data folder, so that a second call measures without training.
"""

import argparse
import dataclasses
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "sample_data")]

import data_io  # noqa: E402
import input_template  # noqa: E402
import network  # noqa: E402
import outputs  # noqa: E402
import prediction  # noqa: E402
import settings  # noqa: E402
import training  # noqa: E402
from benchmarks import cases  # noqa: E402
from checks import flagging, run_bands  # noqa: E402
from networks.network_folder import NetworkFolder  # noqa: E402

DURATION = 900.0  # s
FURTHER = 100  # records with LAMP that are not learned
FIRST_REALIZATION = 500_000
LEVEL = 90  # %
DRAWS = 5
FALSE_ALARMS = (0.05, 0.1, 0.2, 0.3)


@dataclass(frozen=True)
class Case:
    """A ship, its number of LAMP records, and the sea state of all records; empty where each has its own."""

    ship: str
    count: int
    state: str

    @property
    def name(self) -> str:
        return f"{self.ship}_{self.count}"

    @property
    def handles(self) -> list[str]:
        """Those of the LAMP records, then the further ones, which are the same for all numbers of LAMP records."""
        first = FIRST_REALIZATION + 1000 * cases.SHIPS.index(self.ship)
        if self.state:
            numbers = [*range(first, first + self.count), *range(first + 100, first + 100 + FURTHER)]
            return [f"{self.state}-{number:07d}" for number in numbers]
        states = cases.many_sea_states(self.count + FURTHER, first)
        return [f"{state}-{first + 500 + n:07d}" for n, state in enumerate(states)]


CASES = {
    case.name: case
    for case in (
        Case("tanker", 12, cases.SEA_STATES["a"]),
        Case("tanker", 20, cases.SEA_STATES["a"]),
        Case("barge", 12, cases.SEA_STATES["d"]),
        Case("barge", 20, cases.SEA_STATES["d"]),
        Case("tanker", 60, ""),
        Case("frigate", 12, cases.SEA_STATES["a"]),
        Case("frigate", 20, cases.SEA_STATES["a"]),
    )
}


def config_of(case: Case, folder: Path, epochs: int) -> settings.Config:
    """The template's settings, with folds."""
    user, _ = settings.fill(settings.UserInput, input_template.UserInputArgs(), "UserInputArgs")
    user = dataclasses.replace(
        user, num_folds=4, resume=True, model_save_filename=case.name, epochs=min(epochs, user.epochs)
    )
    sc, lamp = zip(*cases.record_paths(folder, case.handles), strict=True)
    data = settings.DataInfo(
        train_sc=sc[: case.count], train_lamp=lamp[: case.count], test_sc=sc[case.count :], test_lamp=lamp[case.count :]
    )
    return settings.Config(user=user, data=data)


def records_of(case: Case, root: Path, duration: float) -> Path:
    """Simulates what is missing of a case's records; returns their folder."""
    folder = root / f"{case.ship}_{'one_sea' if case.state else 'many_seas'}_{duration:g}s"
    folder.mkdir(parents=True, exist_ok=True)
    cases.make_records(folder, case.ship, case.handles, duration)
    return folder


@dataclass(frozen=True)
class Measured:
    """The run of a case: its records, and what its network predicts for the train and test records with spreads."""

    config: settings.Config
    trained: object
    sets: dict
    predictions: dict

    def calibrated(self, chosen: Sequence[int]) -> "run_bands.Bands":
        """The bands by these LAMP records alone, and their coverage of all test records."""
        architecture, folder = self.trained.architecture, NetworkFolder(self.config.network_folder)
        unseen = run_bands.out_of_fold(self.config.user, folder, architecture.num_networks)
        sets = self.sets | {"train": [self.sets["train"][n] for n in chosen]}
        predictions = self.predictions | {"train": [self.predictions["train"][n] for n in chosen]}
        return run_bands.of_run(self.config.user, folder, architecture, sets, predictions, unseen)


def measured(config: settings.Config) -> Measured:
    """Trains the network unless it is there, and predicts all records."""
    sets, _ = data_io.read_sets(config)
    if not NetworkFolder(config.network_folder).has_model:
        training.train(config, sets)
        flagging.watch_of_run(config.user, NetworkFolder(config.network_folder), sets)
    trained = network.load_network(config.network_folder)
    predictor = prediction.Predictor(trained, with_spread=True)
    predictions = {name: predictor.predict([record.inputs for record in records]) for name, records in sets.items()}
    return Measured(config, trained, sets, predictions)


# ---- what is measured ---------------------------------------------------------------------------------------------


def coverage(case: Case, run: Measured, draws: int) -> pd.DataFrame:
    """By number of LAMP records in the calibration, draw of these records, and channel, for bands of LEVEL."""
    rng, rows = np.random.default_rng(1), []
    numbers = [(case.count, 1)] + ([(12, draws)] if 12 < case.count <= 20 else [])
    for count, repeats in numbers:
        for draw in range(repeats):
            found = run.calibrated(sorted(rng.choice(case.count, count, replace=False)))
            table = found.by_record.query(f"set == 'test' and level == {LEVEL}")
            for channel, block in table.groupby("channel", sort=False):
                worst = block["covered"].nsmallest(max(len(block) // 10, 1))
                row = {"case": case.name, "sea states": "one" if case.state else "many", "calibrated with": count}
                row |= {"draw": draw, "channel": channel, "covered": block["covered"].mean()}
                row |= {"worst tenth": worst.mean(), "worst record": worst.min()}
                row |= {"whole records": block["whole_covered"].mean()}
                row |= {"sharper": 1 - block["interval_score"].mean() / block["constant_interval_score"].mean()}
                row |= {"rmse / expected": np.sqrt((block["rmse"] ** 2).mean() / (block["expected_rmse"] ** 2).mean())}
                rows.append(row)
    return pd.DataFrame(rows)


def flags(case: Case, run: Measured) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Of the tenth of the test records with the largest error, the share that each score finds at a rate of false
    alarms. Then by record: error, coverage, scores, and whether the program flags it.

    The error of a record is its root mean square error over the channel's standard deviation, mean over the channels.
    """
    found = run.calibrated(range(case.count))
    table = found.by_record.query(f"set == 'test' and level == {LEVEL}")
    architecture = run.trained.architecture
    scale = dict(zip(architecture.outputs, architecture.standardization.output_deviation, strict=True))
    relative = table[["rmse", "expected_rmse"]].div(table["channel"].map(scale), axis=0)
    by_record = relative.assign(record=table["record"], covered=table["covered"]).groupby("record", sort=False)
    watch = flagging.load(run.config.user, NetworkFolder(run.config.network_folder))
    told = pd.DataFrame([watch.flag("test", record) for record in run.sets["test"]])
    records = pd.DataFrame(
        {
            "case": case.name,
            "error": by_record["rmse"].mean().to_numpy(),
            "spread": by_record["expected_rmse"].mean().to_numpy(),
            "unlike the training": told["score"].to_numpy(),
            "flagged": told["flagged"].to_numpy(),
            "least covered": by_record["covered"].min().to_numpy(),
        },
        index=list(by_record.groups),
    )
    worst = records["error"].rank(ascending=False) <= max(len(records) // 10, 1)
    rows = []
    for score in ("unlike the training", "spread"):
        for alarms in FALSE_ALARMS:
            limit = records.loc[~worst, score].quantile(1 - alarms)
            share = (records.loc[worst, score] > limit).mean()
            rows.append({"case": case.name, "score": score, "false alarms": alarms, "found": share})
    rule = records.groupby(worst)["flagged"].mean()
    rows.append({"case": case.name, "score": "flagged", "false alarms": rule.get(False), "found": rule.get(True)})
    return pd.DataFrame(rows), records.rename_axis("record").reset_index()


def cost(case: Case, run: Measured) -> dict[str, object]:
    """CPU seconds of predicting the test records and writing them as text, without and with bands and flags."""
    records = run.sets["test"]
    bands, watch = (
        run.calibrated(range(case.count)),
        flagging.load(run.config.user, NetworkFolder(run.config.network_folder)),
    )
    began = time.process_time()
    data_io.read_sets(
        dataclasses.replace(run.config, data=dataclasses.replace(run.config.data, train_sc=(), train_lamp=()))
    )
    seconds = {"reading": time.process_time() - began, "without": np.inf, "with": np.inf}
    for what, found in (("without", None), ("with", bands)) * 2:  # the faster of two, in turn
        began = time.process_time()
        predictor = prediction.Predictor(run.trained, with_spread=found is not None)
        results = {"test": prediction.PredictedSet(records, predictor.predict([record.inputs for record in records]))}
        save = dataclasses.replace(run.config.save, test=tuple(range(len(records))))
        config = dataclasses.replace(run.config, save=save)
        outputs.save_predictions(config.save, results, outputs.texts_of_run(config, found))
        if found:
            outputs.flag_records(watch, found, "test", records, results["test"].predictions)
        seconds[what] = min(seconds[what], time.process_time() - began)
    added = (seconds["with"] - seconds["without"]) / (seconds["reading"] + seconds["without"])
    return {"case": case.name, "records": len(records)} | seconds | {"added": added}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", choices=list(CASES), default=list(CASES))
    parser.add_argument("--data", type=Path, default=HERE / "data" / "trust", metavar="FOLDER")
    parser.add_argument("--output", type=Path, default=HERE / "results", metavar="FOLDER")
    parser.add_argument(
        "--quick", action="store_true", help="short records and one epoch, to test the benchmark itself"
    )
    options = parser.parse_args()
    root, output = options.data.resolve(), options.output.resolve()
    tables: dict[str, list[pd.DataFrame]] = {"coverage": [], "flags": [], "records": [], "cost": []}
    for name in options.cases:
        case = CASES[name]
        records = records_of(case, root, 200.0 if options.quick else DURATION)
        (root / name).mkdir(exist_ok=True)
        os.chdir(root / name)
        run = measured(config_of(case, records, 1 if options.quick else 10**6))
        tables["coverage"].append(coverage(case, run, 1 if options.quick else DRAWS))
        for table, rows in zip(("flags", "records"), flags(case, run), strict=True):
            tables[table].append(rows)
        tables["cost"].append(pd.DataFrame([cost(case, run)]))
    output.mkdir(parents=True, exist_ok=True)
    for name, parts in tables.items():
        table = pd.concat(parts, ignore_index=True)
        table.to_csv(output / f"trust_bands_{name}.csv", index=False, float_format="%.4g")
        if name != "records":
            print(f"\n{name}\n{table.round(3).to_string(index=False)}")


if __name__ == "__main__":
    main()
