"""Coverage, sharpness, flags and cost of the bands on simulated records with LAMP that no network has seen.

    python benchmarks/trust_bands.py [--cases tanker_12 ...] [--data FOLDER] [--train] [--quick]

Each case trains the template's network with num_folds = 4 on the LAMP records of one ship, and compares 100 further
records of the same sea state, or of as many other sea states, with their bands and flags. Networks and records are
kept in the data folder, so that a second call measures without training.
"""

import argparse
import dataclasses
import os
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "sample_data")]

import data_io  # noqa: E402
import input_template  # noqa: E402
import settings  # noqa: E402
from benchmarks import cases  # noqa: E402

DURATION = 900.0  # s
FURTHER = 100  # records with LAMP that are not learned
FIRST_REALIZATION = 500_000


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


def train(config: settings.Config, sets) -> None:
    import training
    from trust import flagging

    training.train(config, sets)
    flagging.learn(config, sets)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", choices=list(CASES), default=list(CASES))
    parser.add_argument("--data", type=Path, default=HERE / "data" / "trust", metavar="FOLDER")
    parser.add_argument("--train", action="store_true", help="train the networks and stop there")
    parser.add_argument(
        "--quick", action="store_true", help="short records and one epoch, to test the benchmark itself"
    )
    options = parser.parse_args()
    root = options.data.resolve()
    for name in options.cases:
        case = CASES[name]
        records = records_of(case, root, 200.0 if options.quick else DURATION)
        (root / name).mkdir(exist_ok=True)
        os.chdir(root / name)
        config = config_of(case, records, 1 if options.quick else 10**6)
        sets, _ = data_io.read_sets(config)
        if not (config.network_folder / "model.keras").is_file():
            train(config, sets)


if __name__ == "__main__":
    main()
