"""Measures how reading and training grow with the number of realizations: python benchmarks/scale.py (see README.md).

Each measurement runs in a process of its own, in memory and from the cache in turn. Prints tables; writes nothing but
the simulated records and the cache, both in --folder.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cases import DURATION
from jobs import HERE, environment

ALL = 15_552  # realizations, to which the figures are extrapolated
WAYS = ("memory", "cache", "disk")  # "disk": from the cache, and the system is made to forget what it has read


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", nargs="+", type=int, default=[125, 250, 500], help="every 20th for validation")
    parser.add_argument("--duration", type=float, default=DURATION, help="seconds of a record (default %(default)g)")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS, help="to train (default: all)")
    parser.add_argument("--threads", type=int, default=1, help="default %(default)s")
    parser.add_argument("--folder", type=Path, default=HERE / "data" / "scale", help="for records and cache")
    given = parser.parse_args(arguments)
    folder = given.folder.resolve()
    data, cache = {"folder": str(folder / "data")}, str(folder / "cache")

    def measure(task: str, **arguments: Any) -> dict:
        with tempfile.TemporaryDirectory() as work:
            command = [sys.executable, str(HERE / "scale_worker.py"), task, json.dumps(data | arguments)]
            surroundings = environment(given.threads) | {"TF_CPP_MIN_LOG_LEVEL": "3"}
            done = subprocess.run(command, cwd=work, env=surroundings, stdout=subprocess.PIPE, text=True, check=True)
        return json.loads(done.stdout.splitlines()[-1])

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


if __name__ == "__main__":
    main()
