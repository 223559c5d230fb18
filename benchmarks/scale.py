"""Measures how reading and training grow with the number of realizations: python benchmarks/scale.py (see README.md).

Each measurement runs in a process of its own, in memory and from the cache in turn. With --predictions it measures
predictions without LAMP instead, in one process, two processes and two Dask workers in turn. Prints tables; writes
nothing but the simulated records, the cache and the predictions, all in --folder.
"""

import argparse
import contextlib
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cases import DURATION
from jobs import HERE, environment

ALL = 15_552  # realizations, to which the figures are extrapolated
WAYS = ("memory", "cache", "disk")  # "disk": from the cache, and the system is made to forget what it has read
ALL_PREDICTED, CORES = (
    46_640,
    40,
)  # records of a study, to which the predictions are extrapolated, and on how many cores
WITH_LAMP = 12  # records that the thorough network is trained on
PREDICTING = {"one process": 1, "two processes": 2, "two Dask workers": None}  # processes of the program


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", nargs="+", type=int, default=[125, 250, 500], help="every 20th for validation")
    parser.add_argument("--duration", type=float, default=DURATION, help="seconds of a record (default %(default)g)")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS, help="to train (default: all)")
    parser.add_argument("--threads", type=int, default=1, help="default %(default)s")
    instead = "instead: so many records without LAMP, with a thorough network (default %(const)s)"
    parser.add_argument("--predictions", nargs="?", type=int, const=2000, help=instead)
    parser.add_argument("--repeats", type=int, default=2, help="of the predictions (default %(default)s)")
    parser.add_argument("--folder", type=Path, default=HERE / "data" / "scale", help="for all that is written")
    given = parser.parse_args(arguments)
    folder = given.folder.resolve()
    data, cache = {"folder": str(folder / "data")}, str(folder / "cache")

    surroundings = environment(given.threads) | {"TF_CPP_MIN_LOG_LEVEL": "3"}

    def measure(task: str, folder: Path | None = None, **arguments: Any) -> dict:
        """folder: where the process works; by default one that is deleted."""
        with contextlib.nullcontext(folder) if folder else tempfile.TemporaryDirectory() as work:
            command = [sys.executable, str(HERE / "scale_worker.py"), task, json.dumps(data | arguments)]
            done = subprocess.run(command, cwd=work, env=surroundings, stdout=subprocess.PIPE, text=True, check=True)
        return json.loads(done.stdout.splitlines()[-1])

    if given.predictions:
        measure("simulate", count=WITH_LAMP + given.predictions, duration=given.duration)
        predictions(given.predictions, given.repeats, folder / "predictions", measure, surroundings)
        return
    measure("simulate", count=max(given.records), duration=given.duration)
    count = min(100, *given.records)
    seconds = measure("read", count=count, cache=cache, repeats=3)
    print(f"| reading {count} records | CPU s | times faster |\n|---|---|---|")
    for name, values in seconds.items():
        faster = np.median(seconds["numpy.loadtxt"]) / np.median(values)
        print(
            f"| {name} | {np.median(values):.3g} ({min(values):.3g} to {max(values):.3g}) | {faster:.3g} |", flush=True
        )

    print("\n| records | trained from | CPU s an epoch | wall s an epoch | own memory, GB | with mapped files, GB |")
    print("|---|---|---|---|---|---|")
    epochs: dict[str, list[float]] = {way: [] for way in given.ways}
    for count in given.records:
        for way in given.ways:
            found = measure("train", count=count, cache=cache * (way != "memory"), forget=way == "disk")
            epochs[way].append(found["cpu_s"])
            numbers = (f"{found[name]:.3g}" for name in ("cpu_s", "wall_s", "own_gb", "all_gb"))
            print(f"| {count} | {way} | {' | '.join(numbers)} |", flush=True)
    for way, cpu in epochs.items():
        if len(cpu) > 1:
            slope, offset = np.polyfit(given.records, cpu, 1)
            off = np.abs(np.polyval([slope, offset], given.records) / cpu - 1).max()
            print(
                f"{way}: {slope:.3g} CPU s a record (straight line within {100 * off:.0f} %), "
                f"so {slope * ALL / 3600:.2g} h an epoch of {ALL} records"
            )


def predictions(
    count: int, repeats: int, folder: Path, measure: Callable[..., dict], surroundings: dict[str, str]
) -> None:
    """Measures each way of predicting in turn, and prints the tables."""
    folder.mkdir(parents=True, exist_ok=True)
    measure("train_thorough", folder, count=WITH_LAMP)
    print(
        "| predicted by | wall s | CPU s of all processes | statistics and report, s "
        "| head process when 1/4, 1/2, all were predicted, at its end, GB |\n|---|---|---|---|---|"
    )
    found: dict[str, list[dict]] = {way: [] for way in PREDICTING}
    for _ in range(repeats):
        for way, processes in PREDICTING.items():
            before = cpu_of_ended()
            with contextlib.nullcontext("") if processes else dask_workers(folder, surroundings) as cluster:
                row = measure(
                    "predict", folder, first=WITH_LAMP, count=count, processes=processes, cluster=str(cluster)
                )
            shutil.rmtree(folder / "output_files")
            found[way].append(row)
            times = (f"{number:.4g}" for number in (row["predict_s"], cpu_of_ended() - before, row["rest_s"]))
            print(f"| {way} | {' | '.join(times)} | {', '.join(f'{gb:.3g}' for gb in row['head_gb'])} |", flush=True)

    wall = {way: np.median([row["predict_s"] for row in rows]) for way, rows in found.items()}
    rest = np.median([row["rest_s"] for rows in found.values() for row in rows])
    overhead = 100 * (wall["two Dask workers"] / wall["two processes"] - 1)
    minutes = ALL_PREDICTED / count / 60 * np.array([2 * wall["two Dask workers"] / CORES, rest])
    print(f"\nTwo Dask workers took {overhead:+.1f} % more time than two processes")
    print(
        f"{ALL_PREDICTED} records with {CORES} workers on as many cores, extrapolated: {minutes[0]:.3g} min to "
        f"predict, then {minutes[1]:.3g} min at most in the head process"
    )


def cpu_of_ended() -> float:
    """CPU seconds of all processes that have ended, of which this one is the parent, or their parent's."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextlib.contextmanager
def dask_workers(folder: Path, surroundings: dict[str, str]) -> Iterator[Path]:
    """The scheduler file of two workers on loopback, which end with the context."""
    file = folder / "scheduler.json"
    file.unlink(missing_ok=True)
    common = ["--scheduler-file", str(file), "--host", "127.0.0.1", "--no-dashboard"]
    of_workers = ["--nworkers", "2", "--nthreads", "1", "--local-directory", str(folder)]
    with contextlib.ExitStack() as stack:
        for command in (["scheduler", *common], ["worker", *common, *of_workers]):
            started = subprocess.Popen(
                [sys.executable, "-m", "dask", *command], cwd=folder, env=surroundings, stderr=subprocess.DEVNULL
            )
            stack.callback(started.wait)
            stack.callback(started.terminate)
            while not file.is_file():
                time.sleep(0.1)
        yield file


if __name__ == "__main__":
    main()
