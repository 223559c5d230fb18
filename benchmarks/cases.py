"""The benchmark's cases, and the simulated records that they consist of.

Every record of every case has a realization number of its own: the simulator draws its waves from that number, so that
no test record shares its phases with a training record. The sample data of the project have other numbers too.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
SIMULATOR = HERE.parent / "sample_data"
TIME_STEP = 0.1  # s
DURATION = 1800.0  # s, 18 000 rows
FINISHED = "finished.txt"
RECORDS_AT_ONCE = 24  # simulated together; bounds what an interrupted run loses

SET_SIZES = {"a": (12, 4, 4), "b": (6, 2, 4), "c": (48, 12, 24), "d": (6, 2, 4)}  # train, val, test
SEA_STATES = {
    "a": "_h7.5_p15_a135_hh0_pp0_aa0_s10",
    "b": "_h5_p12_a90_hh0_pp0_aa0_s10",
    "d": "_h5.5_p12_a120_hh0_pp0_aa0_s15",
}
FIRST_REALIZATION = {"a": 1001, "b": 2001, "c": 3001, "d": 4001}
TITLES = {
    "a": "(a) one sea state",
    "b": "(b) beam seas",
    "c": "(c) many sea states",
    "d": "(d) a new sea state",
}
MANY_SEA_STATES_SEED = 20240
SHIPS = ("sample", "frigate", "tanker", "barge", "ferry")  # of sample_data/hull.py
REPORTING_SHIP = "frigate"  # settings are chosen on the others; this one is for reporting alone
REALIZATIONS_OF_A_SHIP = 10_000  # so that no two ships meet the same waves


@dataclass(frozen=True)
class Case:
    """The records of one case: set name (train, val, test) to handles."""

    name: str
    ship: str
    handles: dict[str, tuple[str, ...]]


def make_case(name: str, ship: str, most: Sequence[int] = (10**6, 10**6, 10**6)) -> Case:
    """One of the cases a to d of a ship, with at most so many records in train, val and test."""
    place = SHIPS.index(ship)
    numbers = np.arange(sum(SET_SIZES[name])) + FIRST_REALIZATION[name] + REALIZATIONS_OF_A_SHIP * place
    states = (
        many_sea_states(len(numbers), MANY_SEA_STATES_SEED + place)
        if name == "c"
        else [SEA_STATES[name]] * len(numbers)
    )
    handles = [f"{state}-{number:07d}" for state, number in zip(states, numbers, strict=True)]
    sets, first = {}, 0
    for set_name, size, limit in zip(("train", "val", "test"), SET_SIZES[name], most, strict=True):
        sets[set_name] = tuple(handles[first : first + min(size, limit)])
        first += size
    return Case(name, ship, sets)


def many_sea_states(count: int, seed: int) -> list[str]:
    """Sea states with all of heading, height, period and speed drawn, each by itself.

    Headings every 15 deg from 0 to 345, significant heights of 2 to 8 m, speeds of 0 to 20 knots, and modal periods
    from 4.2 times the root of the height in m (a steep sea), at least 8 s, to 18 s.
    """
    rng = np.random.default_rng(seed)
    states = []
    for _ in range(count):
        heading = 15 * int(rng.integers(24))
        height = round(float(rng.uniform(2.0, 8.0)), 1)
        period = round(float(rng.uniform(max(8.0, 4.2 * height**0.5), 18.0)), 1)
        speed = int(rng.integers(21))
        states.append(f"_h{height:g}_p{period:g}_a{heading}_hh0_pp0_aa0_s{speed}")
    return states


def record_paths(folder: Path, handles: Sequence[str]) -> list[tuple[str, str]]:
    """(SimpleCode path, LAMP path) without endings of each record."""
    return [
        ((folder / "SimpleCode_files" / f"SC{handle}").as_posix(), (folder / "LAMP_files" / f"LAMP{handle}").as_posix())
        for handle in handles
    ]


def data_folder(root: Path, ship: str, duration: float) -> Path:
    """Where a ship's records of that duration (s) lie; another one for each version of the simulator."""
    digest = hashlib.sha256()
    for path in sorted(SIMULATOR.glob("*.py")):
        digest.update(path.read_bytes())
    return root / f"{ship}_{duration:g}s_{digest.hexdigest()[:10]}"


def make_records(
    folder: Path, ship: str, handles: Sequence[str], duration: float, report: Callable[[str], None] = lambda line: None
) -> None:
    """Simulates the records that are not in the folder yet and writes their files; duration in s."""
    import simulate  # in sample_data, on the path of the benchmark's processes only

    list_of_finished = folder / FINISHED
    finished = set(list_of_finished.read_text().split()) if list_of_finished.is_file() else set()
    missing = [handle for handle in handles if handle not in finished]
    for start in range(0, len(missing), RECORDS_AT_ONCE):
        batch = missing[start : start + RECORDS_AT_ONCE]
        simulate.write_records(simulate.simulate(batch, duration, TIME_STEP, ship_name=ship), folder)
        with list_of_finished.open("a") as file:
            file.write("".join(f"{handle}\n" for handle in batch))
        report(f"simulated {start + len(batch)} of {len(missing)} records")
