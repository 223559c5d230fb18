"""What further LAMP runs bring, by how their records are chosen: paired seeds, in one sea state and in many.

    nice -n 10 python benchmarks/next_runs.py [--seeds 3] [--minutes 30]

A network of FOLDS folds is trained on a few records of a ship; each rule then chooses records twice among those left,
and the network is trained anew. All rules begin with the same records and the same network. Records and trainings
are short, so that ratios to random choice tell more than the errors themselves. What has been measured is kept in
results/next_runs.csv and not measured again. The tanker was used to settle how long to train; it is not reported.
"""

import argparse
import contextlib
import dataclasses
import io
import itertools
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "sample_data")]

import data_io  # noqa: E402
import metrics  # noqa: E402
import network  # noqa: E402
import prediction  # noqa: E402
from benchmarks import cases  # noqa: E402
from checks import novelty  # noqa: E402
from networks.standardization import Standardization  # noqa: E402
from settings import Config, UserInput  # noqa: E402
from studies import next_runs  # noqa: E402
from training import cross_fitting, fit  # noqa: E402

SHIPS = ("barge", "ferry")
DURATION = 600.0  # s
FOLDS = 2
FIRST_REALIZATION, SEA_STATES_SEED = 6001, 31
USER = UserInput(
    window_length=100,
    washout_length=50,
    hidden_size=30,
    predict_correction=True,
    mirror_symmetry=True,
    look_ahead=4,
    optimizer="muon",
    lr=0.02,
    lr_schedule="exponential",
    weight_decay=0.1,
    weight_averaging=0.97,
    epochs=6,
    num_batches=100,
)
Records = Sequence[data_io.Record]
RULES = ("random", "largest roll", "proposed")


@dataclass(frozen=True)
class Setting:
    """Numbers of records: at the start, added each time, to choose from, and to test on."""

    start: int
    added: int
    pool: int
    test: int
    sea_state: str = ""  # empty: many


SETTINGS = {
    "many sea states": Setting(16, 8, 48, 24),
    "one sea state": Setting(6, 3, 24, 8, "_h6_p13_a120_hh0_pp0_aa0_s10"),
}


def handles_of(ship: str, title: str) -> list[str]:
    """Those to choose from, then those to test on."""
    setting, place = SETTINGS[title], cases.SHIPS.index(ship)
    count = setting.start + setting.pool + setting.test
    first = FIRST_REALIZATION + cases.REALIZATIONS_OF_A_SHIP * place + 500 * list(SETTINGS).index(title)
    states = [setting.sea_state] * count if setting.sea_state else cases.many_sea_states(count, SEA_STATES_SEED + place)
    return [f"{state}-{first + i:07d}" for i, state in enumerate(states)]


def train(records: Sequence[data_io.Record], seed: int) -> network.TrainedNetwork:
    """The mean of FOLDS networks, each without a part of the records, as `training.cross_fitting` trains them."""
    fold = cross_fitting.deal([record.name for record in records], FOLDS, seed)
    config = Config(user=dataclasses.replace(USER, seed=seed, overwrite=True))
    networks = []
    for k in range(FOLDS):
        sets = {"train": [r for r, own in zip(records, fold, strict=True) if own != k]}
        sets["val"] = [r for r, own in zip(records, fold, strict=True) if own == k]
        with contextlib.redirect_stdout(io.StringIO()):
            networks.append(fit.train(config, sets, standardization=Standardization.of(records)))
    return network.join_networks(networks)


def chosen(rule: str, trained: network.TrainedNetwork, own: Records, pool: Records, number: int, seed: int) -> set[int]:
    """Places in the pool of the records that a rule adds."""
    rng = np.random.default_rng(seed)
    if rule == "random":
        return set(rng.permutation(len(pool))[:number].tolist())
    if rule == "largest roll":
        roll = data_io.MOTIONS.index("Roll")
        return set(np.argsort([-np.abs(record.simple[:, roll]).max() for record in pool])[:number].tolist())
    windows = novelty.TrainingWindows.of([novelty.window_features(record.time, record.inputs)[1] for record in own])
    predictions = prediction.Predictor(trained, with_spread=True).predict([record.inputs for record in pool])
    deviation = np.array(trained.architecture.standardization.output_deviation)
    candidates = [next_runs.judge(r, r.inputs, p, windows, deviation) for r, p in zip(pool, predictions, strict=True)]
    return set(next_runs.choose(candidates, next_runs.factors(candidates, windows.features), number, rng).index)


def errors(trained: network.TrainedNetwork, test: Sequence[data_io.Record]) -> list[dict[str, object]]:
    """By channel: MSE, mean error of the SSA, largest error, and the MSE of the worst record."""
    predictions = [p.mean for p in prediction.Predictor(trained).predict([record.inputs for record in test])]
    rows = []
    for channel, name in enumerate(data_io.MOTIONS):
        pairs = [(r.targets[:, channel], p[:, channel]) for r, p in zip(test, predictions, strict=True)]
        squares = np.array([np.mean((p - y) ** 2) for y, p in pairs])
        amplitudes = [
            abs(metrics.significant_single_amplitude(p) - metrics.significant_single_amplitude(y)) for y, p in pairs
        ]
        largest = max(np.abs(p - y).max() for y, p in pairs)
        rows.append(
            {
                "channel": name,
                "mse": squares.mean(),
                "ssa_error": np.mean(amplitudes),
                "max_error": largest,
                "worst_record_mse": squares.max(),
            }
        )
    return rows


def measure(ship: str, title: str, seed: int, records: Records) -> Iterator[pd.DataFrame]:
    """Yields the errors after each training of all rules with one seed. records: as `handles_of`."""
    setting = SETTINGS[title]
    everything, test = records[: -setting.test], records[-setting.test :]
    order = np.random.default_rng(seed).permutation(len(everything))
    start = [everything[i] for i in order[: setting.start]]
    facts = {"ship": ship, "case": title, "seed": seed}
    first = train(start, seed)
    for rule in RULES:
        yield pd.DataFrame(errors(first, test)).assign(**facts, rule=rule, records=len(start))
        own, pool, trained = list(start), [everything[i] for i in order[setting.start :]], first
        for again in (1, 2):
            places = chosen(rule, trained, own, pool, setting.added, 100 * seed + again)
            own += [pool[place] for place in sorted(places)]
            pool = [record for place, record in enumerate(pool) if place not in places]
            trained = train(own, seed)
            yield pd.DataFrame(errors(trained, test)).assign(**facts, rule=rule, records=len(own))


def read(folder: Path, handles: Sequence[str]) -> list[data_io.Record]:
    return [data_io.read_record(sc, lamp, USER)[0] for sc, lamp in cases.record_paths(folder, handles)]


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Errors of each rule over those of random choice: geometric mean over ships and seeds, with its 95 % interval.

    The interval is that of Student's t on the logarithms of the pairs.
    """
    keys = ["case", "ship", "seed", "records", "channel"]
    measures = ["mse", "ssa_error", "max_error", "worst_record_mse"]
    each = np.log(table.set_index([*keys, "rule"])[measures])
    ratios = each.sub(each.xs("random", level="rule")).reset_index()
    ratios = ratios[
        (ratios["rule"] != "random") & (ratios["records"] > ratios.groupby("case")["records"].transform("min"))
    ]
    grouped = ratios.groupby(["case", "records", "rule", "channel"])[measures]
    half = grouped.sem().mul(stats.t.ppf(0.975, grouped.count() - 1))
    low, middle, high = (np.exp(grouped.mean() + sign * half).map("{:.2f}".format) for sign in (-1, 0, 1))
    return middle + " (" + low + " to " + high + ")"


def runs_for_the_same_error(table: pd.DataFrame) -> pd.DataFrame:
    """Further LAMP runs chosen by each rule, as a share of the random ones that lead to the same MSE.

    MSE: geometric means over ships and seeds; those of random choice are interpolated between numbers of records,
    logarithm against logarithm, and extrapolated beyond the last.
    """
    means = np.log(table["mse"]).groupby([table[name] for name in ("case", "channel", "rule", "records")]).mean()
    rows = []
    for (case, channel, rule), errors in means.groupby(["case", "channel", "rule"]):
        counts = errors.index.get_level_values("records").to_numpy()
        of_random = means.loc[case, channel, "random"].to_numpy()
        slope = np.diff(of_random)[-1] / np.diff(np.log(counts))[-1]
        for count, error in zip(counts[1:], errors.to_numpy()[1:], strict=True):
            needed = np.exp(np.interp(-error, -of_random, np.log(counts)) + min(error - of_random[-1], 0.0) / slope)
            share = (count - counts[0]) / max(needed - counts[0], 1e-9)
            rows.append({"case": case, "records": count, "rule": rule, "channel": channel, "share": share})
    return pd.DataFrame(rows).pivot(index=["case", "records", "rule"], columns="channel", values="share")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=1e6, help="of the clock, after which nothing more begins")
    parser.add_argument("--output", type=Path, default=HERE / "results" / "next_runs.csv", metavar="FILE.csv")
    parser.add_argument("--data", type=Path, default=HERE / "data", metavar="FOLDER")
    options = parser.parse_args()
    began, output = time.monotonic(), options.output.resolve()
    done = pd.read_csv(output) if output.is_file() else pd.DataFrame(columns=["ship", "case", "seed"])
    for seed, title, ship in itertools.product(range(1, options.seeds + 1), SETTINGS, SHIPS):
        own = (done["ship"] == ship) & (done["case"] == title) & (done["seed"] == seed)
        if own.sum() == 3 * len(RULES) * len(data_io.MOTIONS) or time.monotonic() - began > 60 * options.minutes:
            continue
        done = done[~own]
        folder = cases.data_folder(options.data.resolve(), ship, DURATION)
        folder.mkdir(parents=True, exist_ok=True)
        cases.make_records(folder, ship, handles_of(ship, title), DURATION)
        records = read(folder, handles_of(ship, title))
        with tempfile.TemporaryDirectory() as scratch, contextlib.chdir(scratch):
            for rows in measure(ship, title, seed, records):
                done = pd.concat([done, rows], ignore_index=True) if len(done) else rows
                done.to_csv(output, index=False)
        print(f"{ship}, {title}, seed {seed}: {time.process_time() / 60:.1f} minutes of computing so far", flush=True)
    if len(done):
        print(summary(done).to_string())
        print(runs_for_the_same_error(done).round(2).to_string())


if __name__ == "__main__":
    main()
