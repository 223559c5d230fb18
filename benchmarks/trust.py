"""Contradictions in simulated data that the program finds before training, and false alarms on sound data.

    python benchmarks/trust.py [--quick] [--any-sources 200]

Every kind of contradiction is put into the files of six realizations in one sea, into one of them and into all, for
five seeds, which draw the sea state, and for every ship of sample_data/hull.py in turn. The names carry no handles, so
that only the numbers tell. Sound data are of many sea states: all pairs of one, each pair by itself, and all of a ship.

--any-sources: instead of ships this number of random systems, see any_pairs.py, in arrays instead of files: alarms on
the sound records, and how often a contradiction in the first of them is found, where it can be.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "sample_data")]

import data_io  # noqa: E402
import simulate  # noqa: E402
from benchmarks import any_pairs  # noqa: E402
from benchmarks.cases import SHIPS  # noqa: E402
from checks import pair_checks  # noqa: E402
from settings import Config, DataInfo, UserInput, description  # noqa: E402
from system.errors import InputError  # noqa: E402

SEEDS = (1, 2, 3, 4, 5)
FRESH_SEEDS = 70_000  # of pairs of any source: those from 0 served while the checks were written
REALIZATIONS = 6
DURATION = 600.0  # s
STATES_OF_A_SHIP = 24
HEADERS = {
    "sc": ["Time Xcg Ycg Zcg Roll Pitch Yaw", "sec m m m deg deg deg"],
    "lamp": ["Simulated", "Motions: sec m m m deg deg deg", "Time Xcg Ycg Zcg Rot_X Rot_Y Rot_Z"],
    "wav": ["Simulated", "Wave elevation", "Time(sec) Elevation(m)"],
}
ZCG, ROLL, PITCH = 3, 4, 5
Tables = dict[str, np.ndarray]  # "sc" and "lamp" (rows, 7), "wav" (rows, 2); time first


def tables_of(record: simulate.Record) -> Tables:
    zero = np.zeros_like(record.time)

    def motions(columns: np.ndarray) -> np.ndarray:
        return np.round(np.column_stack([record.time, record.x, zero, columns, zero]), 4)

    wav = np.round(np.column_stack([record.time, record.elevation]), 4)
    return {"sc": motions(record.simple), "lamp": motions(record.lamp), "wav": wav}


# ---- contradictions in one realization ----------------------------------------------------------------------------


def scaled(file: str, columns: Sequence[int], factor: float) -> Callable[[Tables], None]:
    def change(tables: Tables) -> None:
        tables[file][:, columns] *= factor

    return change


def exchanged(file: str, first: int, second: int) -> Callable[[Tables], None]:
    def change(tables: Tables) -> None:
        tables[file][:, [first, second]] = tables[file][:, [second, first]]

    return change


def wild(file: str, column: int) -> Callable[[Tables], None]:
    def change(tables: Tables) -> None:
        tables[file][2345, column] = 9999.0

    return change


def late(file: str, rows: int) -> Callable[[Tables], None]:
    def change(tables: Tables) -> None:
        tables[file][rows:, 1:] = tables[file][:-rows, 1:].copy()

    return change


def missing(file: str, with_gap: bool) -> Callable[[Tables], None]:
    """50 s are missing; the times run on, or show it."""

    def change(tables: Tables) -> None:
        kept = np.delete(tables[file], slice(2500, 3000), axis=0)
        if not with_gap:
            kept[:, 0] = tables[file][: len(kept), 0]
        tables[file] = kept

    return change


IN_A_RECORD = {
    "LAMP 5 s late": late("lamp", 50),
    "LAMP 2 s late": late("lamp", 20),
    "SimpleCode 2 s late": late("sc", 20),
    "LAMP in radians": scaled("lamp", [ROLL, PITCH], np.pi / 180),
    "SimpleCode in radians": scaled("sc", [ROLL, PITCH], np.pi / 180),
    "LAMP's heave in feet": scaled("lamp", [ZCG], 1 / 0.3048),
    "SimpleCode's heave in feet": scaled("sc", [ZCG], 1 / 0.3048),
    "roll of the other sign": scaled("lamp", [ROLL], -1),
    "heave of the other sign": scaled("lamp", [ZCG], -1),
    "pitch of the other sign": scaled("sc", [PITCH], -1),
    "waves of the other sign": scaled("wav", [1], -1),
    "waves halved": scaled("wav", [1], 0.5),
    "waves in feet": scaled("wav", [1], 1 / 0.3048),
    "waves 2 s late": late("wav", 20),
    "LAMP's roll and pitch exchanged": exchanged("lamp", ROLL, PITCH),
    "LAMP's heave and pitch exchanged": exchanged("lamp", ZCG, PITCH),
    "SimpleCode's roll and pitch exchanged": exchanged("sc", ROLL, PITCH),
    "a value of 9999 in LAMP": wild("lamp", PITCH),
    "a value of 9999 in SimpleCode": wild("sc", ZCG),
    "a value of 9999 in the waves": wild("wav", 1),
    "LAMP's roll is zero": scaled("lamp", [ROLL], 0),
    "SimpleCode's pitch is zero": scaled("sc", [PITCH], 0),
    "LAMP misses 50 s": missing("lamp", False),
    "LAMP misses 50 s, with a gap in time": missing("lamp", True),
    "SimpleCode misses 50 s": missing("sc", False),
    "SimpleCode misses 50 s, with a gap in time": missing("sc", True),
}


# ---- contradictions between realizations --------------------------------------------------------------------------


def with_other(records: list[Tables], files: Sequence[str], partner: Sequence[int]) -> list[Tables]:
    """Each record with these files of another one."""
    return [own | {file: records[other][file] for file in files} for own, other in zip(records, partner, strict=True)]


def between(kind: str, records: list[Tables]) -> list[Tables]:
    count = len(records)
    shifted = [(place + 1) % count for place in range(count)]
    if kind == "LAMP's list shifted by one":
        return with_other(records, ["lamp", "wav"], shifted)
    if kind == "two LAMP records exchanged":
        return with_other(records, ["lamp", "wav"], [1, 0, *range(2, count)])
    if kind == "waves of another realization, in one":
        return with_other(records, ["wav"], [1, *range(1, count)])
    if kind == "waves of another realization, in all":
        return with_other(records, ["wav"], shifted)
    return [*records[:-1], records[0]]


BETWEEN_RECORDS = (
    "LAMP's list shifted by one",
    "two LAMP records exchanged",
    "waves of another realization, in one",
    "waves of another realization, in all",
    "a realization twice",
)


# ---- looking for them ---------------------------------------------------------------------------------------------


def lines_about(folder: Path, records: Sequence[Tables], names: Sequence[str]) -> list[str]:
    """All that the program says about these files before it trains."""
    paths = []
    for tables, name in zip(records, names, strict=True):
        paths.append(((folder / f"SC{name}").as_posix(), (folder / f"LAMP{name}").as_posix()))
        for (file, table), stem in zip(tables.items(), (paths[-1][0], *[paths[-1][1]] * 2), strict=True):
            ending = "wav" if file == "wav" else "mot"
            rows = pd.DataFrame(table).to_csv(None, sep=" ", header=False, index=False, float_format="%.4f")
            Path(f"{stem}.{ending}").write_text("\n".join(HEADERS[file]) + "\n" + rows)
    sc, lamp = zip(*paths, strict=True)
    config = Config(data=DataInfo(train_sc=sc, train_lamp=lamp))
    try:
        sets, remarks = data_io.read_sets(config)
        pairs = pair_checks.measure_sets(config.user, config.data, sets)
        return remarks + pair_checks.lines(pair_checks.find(pairs, data_io.output_channels(config.user)))
    except InputError as error:
        return list(error.lines)


def copies(records: Sequence[Tables]) -> list[Tables]:
    return [{file: table.copy() for file, table in tables.items()} for tables in records]


def contradictions(ships: Sequence[str], seeds: Sequence[int]) -> pd.DataFrame:
    """found: of each kind, at how many seeds."""
    rows = []
    for seed in seeds:
        ship = ships[seed % len(ships)]
        rng = np.random.default_rng(seed)
        state = f"_h{rng.uniform(3, 8):.1f}_p{rng.uniform(9, 15):.1f}_a{rng.integers(100, 165)}_hh0_pp0_aa0_s10"
        handles = [f"{state}-{100 * seed + place:07d}" for place in range(REALIZATIONS)]
        records = [tables_of(record) for record in simulate.simulate(handles, DURATION, 0.1, ship_name=ship)]
        for kind, change in IN_A_RECORD.items():
            for where, count in (("in one", 1), ("in all", REALIZATIONS)):
                changed = copies(records)
                for tables in changed[:count]:
                    change(tables)
                rows.append({"kind": kind, "where": where, "seed": seed, "ship": ship, "state": state} | told(changed))
        for kind in BETWEEN_RECORDS:
            row = {"kind": kind, "where": "", "seed": seed, "ship": ship, "state": state}
            rows.append(row | told(between(kind, copies(records))))
        print(f"seed {seed}: {ship} {state}", flush=True)
    return pd.DataFrame(rows)


def told(records: Sequence[Tables]) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        lines = lines_about(Path(folder), records, [f"_{place}" for place in range(len(records))])
    return {"found": bool(lines), "line": lines[0].replace(folder, "").replace("\n", " ") if lines else ""}


def sound(ships: Sequence[str], states: int) -> pd.DataFrame:
    """alarms: lines about sound data, each pair by itself, all of a sea state, and all of a ship."""
    rows = []
    for number, ship in enumerate(ships):
        rng = np.random.default_rng(1000 + number)
        drawn = [drawn_state(rng, place) for place in range(states)]
        handles = [f"{state}-{9000 + n:07d}" for state in drawn for n in range(REALIZATIONS - 1)]
        records = [tables_of(record) for record in simulate.simulate(handles, DURATION, 0.1, ship_name=ship)]
        by_state = [list(range(n, n + REALIZATIONS - 1)) for n in range(0, len(handles), REALIZATIONS - 1)]
        for what, groups in (
            ("each pair", [[n] for n in range(len(handles))]),
            ("all pairs of a sea state", by_state),
            ("all pairs of a ship", [list(range(len(handles)))]),
        ):
            lines = []
            for group in groups:
                with tempfile.TemporaryDirectory() as folder:
                    lines += lines_about(Path(folder), [records[n] for n in group], [handles[n] for n in group])
            row = {"ship": ship, "pairs": len(handles), "sea states": states, "together": what}
            rows.append(row | {"alarms": len(lines), "line": lines[0] if lines else ""})
        print(
            f"sound data of the {ship}: {sum(row['alarms'] for row in rows if row['ship'] == ship)} alarms", flush=True
        )
    return pd.DataFrame(rows)


def drawn_state(rng: np.random.Generator, place: int) -> str:
    """A sea state; head, following and beam seas, in which roll or pitch vanish, are half of them."""
    heading = (0, 180, 90, None, None, None)[place % 6]
    heading = int(rng.integers(0, 360)) if heading is None else heading
    second = f"_hh{rng.uniform(0.5, 4):.1f}_pp{rng.uniform(6, 18):.1f}_aa{rng.integers(0, 360)}"
    second = second if rng.random() < 0.25 else "_hh0_pp0_aa0"
    speed = rng.choice([0, 5, 10, 15, 20, 25])
    return f"_h{rng.uniform(0.5, 9):.1f}_p{rng.uniform(6, 19):.1f}_a{heading}{second}_s{speed}"


# ---- any sources --------------------------------------------------------------------------------------------------


def of_any_sources(seeds: Sequence[int]) -> pd.DataFrame:
    """By kind, sound or a contradiction: records that were tried, and in how many and in which others is something."""
    rows = []
    for seed in seeds:
        pair, records = any_pairs.drawn_set(np.random.default_rng(seed))
        description.use(pair)
        for kind, changed in {"sound": records, **any_pairs.contradictions(records)}.items():
            names = tuple(record.name for record in changed)
            user, data = UserInput(description=pair), DataInfo(train_sc=names, train_lamp=names)
            pairs = pair_checks.measure_sets(user, data, {"train": changed})
            odd = {finding.pair.name for finding in pair_checks.find(pairs, pair.names)}
            tried = len(names) if kind == "sound" else 1
            rows.append({"kind": kind, "tried": tried, "found": len(odd & {*names[:tried]}), "others": len(odd) - 1})
    table = pd.DataFrame(rows)
    return table.assign(others=table["others"].clip(0)).groupby("kind", sort=False).sum()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one seed and one ship")
    parser.add_argument("--output", type=Path, default=HERE / "results", metavar="FOLDER")
    parser.add_argument("--any-sources", type=int, default=0, metavar="NUMBER")
    options = parser.parse_args()
    if options.any_sources:
        print(of_any_sources(range(FRESH_SEEDS, FRESH_SEEDS + options.any_sources)).to_string())
        return
    ships = SHIPS[:1] if options.quick else SHIPS
    found = contradictions(ships, SEEDS[:1] if options.quick else SEEDS)
    alarms = sound(ships, 6 if options.quick else STATES_OF_A_SHIP)
    options.output.mkdir(parents=True, exist_ok=True)
    found.to_csv(options.output / "trust_contradictions.csv", index=False)
    alarms.to_csv(options.output / "trust_sound_pairs.csv", index=False)
    summary = found.groupby(["kind", "where"], sort=False)["found"].agg(["sum", "count"])
    print(summary.rename(columns={"sum": "found", "count": "of"}).to_string())
    print(alarms.drop(columns="line").to_string(index=False))


if __name__ == "__main__":
    main()
