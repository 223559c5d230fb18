"""Coverage of the intervals of studies.fleet, measured on simulated fleets.

    python benchmarks/fleet.py --networks FOLDER ... [--records 400] [--quick]

Each FOLDER holds a network trained with num_folds on records of one sea state of a simulated ship, as those that
`benchmarks/trust_bands.py --cases frigate_20` leaves in its data folder. Its hull is read from --hulls. A pool of
further records, which no network has seen, is simulated with both codes. The pool is the population: n LAMP records and
a fleet of 1 000 are drawn from it with replacement, each LAMP record is predicted by the network of one fold drawn at
random, and the intervals are compared with the statistics of the whole pool. This tests the formulas as they are used,
but with networks that stay the same in all resamples: what varies from training to training is not in it. Fleets of
several sea states are simulated in tests/studies/test_fleet_coverage.py.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import norm

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "sample_data")]

import network  # noqa: E402
from benchmarks import cases  # noqa: E402
from checks import record_statistics  # noqa: E402
from checks.record_statistics import Recorder, RecordTable  # noqa: E402
from data_io import read_record  # noqa: E402
from networks.network_folder import NetworkFolder  # noqa: E402
from prediction import Predictor  # noqa: E402
from studies import fleet_estimates as estimates  # noqa: E402

LEVEL = 0.9
NUMBERS = (10, 20, 50)  # LAMP records
FLEET = 1000
RESAMPLES = {"means": 1000, "extremes": 300}
BOOTSTRAPS = 150  # of each interval of an exceedance
SHARES = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01)
JITTER = 0.3  # standard deviations of LAMP's maxima
EXPOSURE = 3 * 3600.0
FIRST_REALIZATION = 700_000
AT_ONCE = 50
STATISTICS = ("ssa", "period", "maximum")


@dataclass(frozen=True)
class Pool:
    """One statistic of one channel: lamp (record,), members (record, network).

    jitter: standard deviation of a random number that is added to LAMP's and the predicted values of a record that is
    drawn, so that the population is not a few hundred values, of which a single one is the exceedance of a high level.
    """

    lamp: np.ndarray
    members: np.ndarray
    jitter: float = 0.0

    def above(self, levels: np.ndarray) -> np.ndarray:
        """(level,): the share of the population above each level."""
        return norm.sf((levels[:, None] - self.lamp) / self.jitter).mean(axis=1)

    def quantiles(self, probabilities: np.ndarray) -> np.ndarray:
        levels = np.linspace(self.lamp.min() - 3 * self.jitter, self.lamp.max() + 3 * self.jitter, 2000)
        return np.interp(-probabilities, -self.above(levels), levels)

    def draw(self, n: int, size: int, rng: np.random.Generator) -> estimates.Sample:
        """n records with LAMP, each predicted by one network, and a fleet."""
        records, fleet = rng.integers(len(self.lamp), size=n), rng.integers(len(self.lamp), size=size)
        network = rng.integers(self.members.shape[1], size=n)
        own, others = self.jitter * rng.normal(size=n), self.jitter * rng.normal(size=(size, 1))
        return estimates.Sample(
            self.lamp[records] + own, self.members[records, network] + own, self.members[fleet] + others
        )


def pool_of(folder: Path, ship: str, count: int, duration: float, where: Path) -> RecordTable:
    """The statistics of `count` simulated records that the network in `folder` has not seen."""
    kept = where / folder.name
    recorder = replace(Recorder.of(NetworkFolder(folder)), wave=None)
    if (table := record_statistics.load(kept)) is not None and table.model_digest == recorder.model_digest:
        return table
    config = NetworkFolder(folder).training_config()
    state = Path(config.data.train_sc[0]).name.removeprefix("SC").rpartition("-")[0]
    first = FIRST_REALIZATION + 10_000 * cases.SHIPS.index(ship)
    handles = [f"{state}-{first + n:07d}" for n in range(count)]
    cases.make_records(where, ship, handles, duration, print)
    trained = network.load_network(folder)
    predictor, tables = Predictor(trained, with_spread=True), []
    paths = cases.record_paths(where, handles)
    for start in range(0, count, AT_ONCE):
        records = [read_record(*pair, config.user)[0] for pair in paths[start : start + AT_ONCE]]
        for record, predicted in predictor.predict_records(records, with_members=True):
            tables += [recorder.fleet_record(record, predicted.members), recorder.lamp_record(record, predicted.mean)]
        print(f"predicted {start + len(records)} of {count} records", flush=True)
    record_statistics.save(kept, RecordTable.joined(tables))
    return record_statistics.load(kept)


def pools(rows: pd.DataFrame, channel: str) -> dict[str, Pool]:
    own = rows[rows["channel"] == channel]
    lamp = own[own["source"] == "LAMP"].set_index("record")
    members = own[(own["set"] == "fleet") & (own["source"] == "LSTM")]
    return {
        name: Pool(
            lamp[name].to_numpy(),
            members.pivot(index="record", columns="network", values=name).loc[lamp.index].to_numpy(),
        )
        for name in STATISTICS
    }


# ---- what is measured -----------------------------------------------------------------------------------------------


def of_means(pool: Pool, n: int, resamples: int, seed: int) -> dict[str, float]:
    """Coverage of the mean's interval, its width over that of LAMP alone, effective LAMP runs and their range."""
    rng, truth = np.random.default_rng(seed), pool.lamp.mean()
    errors, of_fleet = (pool.lamp[:, None] - pool.members).var(), pool.members.mean(axis=1).var()
    true_runs, rows = n * (pool.lamp.var() / n) / (errors / n + of_fleet / FLEET), []
    for _ in range(resamples):
        drawn = pool.draw(n, FLEET, rng)
        found = estimates.corrected_mean(drawn, LEVEL)
        alone = estimates.mean(drawn.lamp, LEVEL)
        covered = [each.lower <= truth <= each.upper for each in (found, alone)]
        runs = estimates.effective_runs(n, alone, found, LEVEL)
        in_range = runs.lower <= true_runs <= runs.upper
        rows.append(
            (
                *covered,
                (found.upper - found.lower) / (alone.upper - alone.lower),
                runs.estimate,
                runs.lower,
                runs.upper,
                in_range,
            )
        )
    rows = np.array(rows, float)
    correlation = np.mean([np.corrcoef(pool.lamp, each)[0, 1] for each in pool.members.T])
    return {
        "correlation": correlation,
        "covered": rows[:, 0].mean(),
        "lamp_covered": rows[:, 1].mean(),
        "width_over_lamp": np.median(rows[:, 2]),
        "effective_lamp_runs": np.median(rows[:, 3]),
        "effective_lower": np.median(rows[:, 4]),
        "effective_upper": np.median(rows[:, 5]),
        "true_effective_runs": true_runs,
        "range_covered": rows[:, 6].mean(),
    }


def of_extremes(pool: Pool, n: int, duration: float, resamples: int, seed: int) -> Iterator[dict[str, float]]:
    """Coverage of exceedance probabilities, and errors of the most probable maximum."""
    rng = np.random.default_rng(seed)
    pool = replace(pool, jitter=JITTER * pool.lamp.std())
    levels = pool.quantiles(np.array(SHARES))
    risk = -np.expm1(-duration / EXPOSURE)
    maximum = float(pool.quantiles(np.array([risk]))[0])
    covered, errors, lamp_errors, widths = [], [], [], []
    for _ in range(resamples):
        drawn = pool.draw(n, FLEET, rng)
        lengths = np.ones(FLEET), np.full(FLEET, duration)
        ratios = estimates.Ratios(drawn.lamp, drawn.out_of_fold, drawn.fleet, *lengths)
        curves = estimates.exceedance_curves(ratios, int(rng.integers(2**31)), BOOTSTRAPS)
        found = [curves.at(level, LEVEL) for level in levels] + [curves.quantile(risk, LEVEL)]
        alone = [estimates.share(int((drawn.lamp > level).sum()), n, LEVEL) for level in levels]
        covered.append([f.lower <= t <= f.upper for f, t in zip(found, [*SHARES, maximum], strict=True)])
        widths.append([(f.upper - f.lower) / (a.upper - a.lower) for f, a in zip(found, alone, strict=False)])
        errors.append(found[-1].estimate / maximum - 1)
        of_lamp = estimates.gumbel(estimates.l_moments(np.sort(drawn.lamp))).isf(risk)
        lamp_errors.append(float(of_lamp) / maximum - 1)
    *shares, of_maximum = np.mean(covered, axis=0)
    for share, truth, width in zip(shares, SHARES, np.median(widths, axis=0), strict=True):
        yield {"statistic": "exceedance", "probability": truth, "covered": share, "width_over_lamp": width}
    yield {
        "statistic": "most probable maximum in 3 h",
        "probability": risk,
        "covered": of_maximum,
        "median_error": np.median(np.abs(errors)),
        "error_90": np.quantile(np.abs(errors), 0.9),
        "lamp_median_error": np.median(np.abs(lamp_errors)),
        "lamp_error_90": np.quantile(np.abs(lamp_errors), 0.9),
    }


def measure(table: RecordTable, about: dict, resamples: dict[str, int]) -> list[dict]:
    rows, duration = [], float(table.rows["duration_s"].median())
    for channel in table.levels:
        of_channel = pools(table.rows, channel)
        for n in NUMBERS:
            at = about | {"channel": channel, "lamp_records": n}
            for name, pool in of_channel.items():
                rows.append(at | {"statistic": f"mean {name}"} | of_means(pool, n, resamples["means"], n))
            more = of_extremes(of_channel["maximum"], n, duration, resamples["extremes"], n)
            rows += [at | each for each in more]
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", type=Path, nargs="+", required=True, metavar="FOLDER")
    parser.add_argument("--hulls", nargs="+", choices=cases.SHIPS, required=True, help="one for each network")
    parser.add_argument("--records", type=int, default=400, help="in the pool (default 400)")
    parser.add_argument("--duration", type=float, default=900.0, help="of a record, s (default 900)")
    parser.add_argument("--data", type=Path, default=HERE / "data" / "fleet", help="where simulated records are kept")
    parser.add_argument("--output", type=Path, default=HERE / "results" / "fleet_coverage.csv")
    parser.add_argument("--quick", action="store_true", help="a tenth of the resamples")
    given = parser.parse_args(arguments)
    resamples = {name: number // (10 if given.quick else 1) for name, number in RESAMPLES.items()}
    rows = []
    for folder, ship in zip(given.networks, given.hulls, strict=True):
        began = time.perf_counter()
        pool = pool_of(folder, ship, given.records, given.duration, given.data / f"{ship}_{given.duration:g}s")
        print(f"{folder.name}: pool of {pool.rows['record'].nunique()} records", flush=True)
        rows += measure(pool, {"network": folder.name, "hull": ship, "pool": given.records}, resamples)
        pd.DataFrame(rows).to_csv(given.output, index=False, float_format="%.4g", lineterminator="\n")
        print(f"{folder.name}: {time.perf_counter() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
