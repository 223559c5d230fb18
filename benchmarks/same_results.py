"""Whether two versions of the program give the same results, to the last digit, in every kind of training.

    git worktree add ../before <commit>
    python benchmarks/same_results.py --before ../before

Both versions run the same small experiments on the sample data, one process each: every kind of network, an ensemble,
folds with predictions without LAMP, fine-tuning, a wave grid, the bending moment, and a saved network that is loaded
again. Then history.csv, all tables and all predictions are compared, but for times and paths. The exit status is 1 if
something differs. Results of a version are kept in its folder `same_results` (ignored by git), and made anew if they
are older than its last commit.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
KEPT = "same_results"
TIMED = ["elapsed_s"]  # columns that no two runs share
INPUT = """
import data_io


class UserInputArgs:
    def __init__(self):
        self.model_save_filename = {name!r}
        self.time_res, self.window_length, self.washout_length = 9, 60, 40
        self.hidden_size, self.epochs, self.num_batches, self.seed = 8, 2, 12, 7
        self.optimizer, self.lr, self.lr_schedule = "muon", 0.02, "automatic"
        self.predict_correction, self.mirror_symmetry, self.look_ahead, self.weight_averaging = True, True, 4, 0.9
        {settings}


class PlottingArgs:
    def __init__(self):
        self.plotting_mode = False


class DataInfoArgs:
    def __init__(self):
        train = data_io.read_cases("sample_data/Cases_files/cases_training.txt")
        val = data_io.read_cases("sample_data/Cases_files/cases_validation.txt")
        test = data_io.read_cases("sample_data/Cases_files/cases_test.txt")
        self.train_sc, self.train_lamp = train.sc[:3], train.lamp[:3]
        self.val_sc, self.val_lamp = val.sc[:1], val.lamp[:1]
        self.test_sc, self.test_lamp = test.sc[:1], test.lamp[:1]
        {data}


class SaveDataArgs:
    def __init__(self):
        self.train, self.val, self.test = [0], "all", "all"
"""
FLEET = "self.predict_sc, self.predict_waves = train.sc[3:], train.lamp[3:]"
GRID = (
    "self.wave_grid_x_size, self.wave_grid_y_size, self.ship_length, self.ship_beam, self.network_type = "
    "3, 3, 150.0, 20.0, 'lstm'"
)
EXPERIMENTS = {  # by name: settings of UserInputArgs, and lines of DataInfoArgs
    "lstm": ("self.weight_decay = 0.1", ""),
    "original": ("self.optimizer, self.lr_schedule, self.window_length, self.patience = 'adam', 'plateau', 0, 5", ""),
    "ensemble": ("self.num_networks, self.dropout = 2, 0.1", ""),
    "gru": ("self.network_type = 'gru'", ""),
    "transformer": ("self.network_type, self.hidden_size = 'transformer', 16", ""),
    "linear": ("self.network_type, self.look_ahead, self.mirror_symmetry = 'linear', 0, False", ""),
    "grid": (GRID, ""),
    "moment": ("self.input_vbm = self.output_vbm = True", ""),
    "folds": ("self.num_folds = 2", FLEET),
    "fine_tuned": ("self.fine_tune_filename = 'lstm'", ""),
    "loaded": ("self.training_mode, self.model_load_filename = False, 'folds'", FLEET),
}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--before", metavar="FOLDER", type=Path, required=True, help="a checkout of the earlier version"
    )
    given = parser.parse_args(arguments)
    before, now = results(given.before.resolve(), keep=True), results(ROOT, keep=False)
    differences = compare(before, now)
    for line in differences or ["no difference"]:
        print(line)
    return 1 if differences else 0


def results(program: Path, keep: bool) -> Path:
    """The folder with what a version of the program leaves behind. keep: whether earlier results of it are used."""
    folder = program / KEPT
    last_commit = subprocess.run(
        ["git", "-C", str(program), "log", "-1", "--format=%ct"], capture_output=True, text=True, check=True
    )
    if keep and folder.is_dir() and folder.stat().st_mtime > float(last_commit.stdout):
        return folder
    with tempfile.TemporaryDirectory() as work:
        place = Path(work)
        shutil.copytree(ROOT / "sample_data", place / "sample_data")
        for name, (settings, data) in EXPERIMENTS.items():
            text = INPUT.format(name=name, settings=settings, data=data)
            (place / f"{name}.py").write_text(text, encoding="utf-8")
        command = [sys.executable, str(program / "main.py"), "--inputs", *(f"{name}.py" for name in EXPERIMENTS)]
        subprocess.run(command, cwd=place, check=True, stdout=subprocess.DEVNULL)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(place / "output_files", folder / "output_files")
        for history in place.glob("saved_models/*/history.csv"):
            target = folder / history.relative_to(place)
            target.parent.mkdir(parents=True)
            shutil.copy(history, target)
    return folder


def compare(before: Path, now: Path) -> list[str]:
    """A line for each file that differs or is only on one side."""
    names = [
        {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.suffix in (".csv", ".txt", ".mot")}
        for folder in (before, now)
    ]
    lines = [f"{name}: only in the earlier version" for name in sorted(names[0] - names[1])]
    lines += [f"{name}: only in this version" for name in sorted(names[1] - names[0])]
    return lines + [f"{name}: differs" for name in sorted(names[0] & names[1]) if not same(before / name, now / name)]


def same(first: Path, second: Path) -> bool:
    """Whether two files have the same contents, tables but for the columns of times."""
    if first.suffix != ".csv":
        return first.read_bytes() == second.read_bytes()
    tables = [pd.read_csv(path, dtype=str).drop(columns=TIMED, errors="ignore") for path in (first, second)]
    return tables[0].equals(tables[1])


if __name__ == "__main__":
    sys.exit(main())
