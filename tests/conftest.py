"""Helpers for the tests: tiny realizations in the simulators' formats, input files, and whole runs."""

import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from settings import description
from system.errors import InputError

ROOT = Path(__file__).resolve().parents[1]
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

SC_HEADER = ["Time Xcg Ycg Zcg Roll Pitch Yaw", "sec m m m deg deg deg"]
LAMP_HEADER = ["A title", "Motions: sec m m m deg deg deg", "Time Xcg Ycg Zcg Rot_X Rot_Y Rot_Z"]
WAV_HEADER = ["A title", "Wave elevation at the centre of gravity", "Time(sec) Elevation(m)"]
SEA_HEADER = ["A title", "Components", "Handle _h7", "Number 3", "g = 9.807", "Frequency Phase Amplitude Heading"]
SC_VBM_HEADER = ["A title", "Time(sec) Shear(kN) Moment(kN-m)"]
LAMP_VBM_HEADER = ["A title", "Loads", "Handle _h7", "Time(sec) Shear(kN) Moment(kN-m)"]


def write_rows(path: Path, header: list[str], table: np.ndarray, number: str = "{!r}", end: str = "\n") -> Path:
    """A text file of the header's lines and the table's rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [" ".join(number.format(float(value)) for value in row) for row in table]
    path.write_bytes(end.join([*header, *rows, ""]).encode())
    return path


def motion_table(time: np.ndarray, motions: np.ndarray, speed: float = 5.0) -> np.ndarray:
    """The seven columns of a .mot file; motions: (rows, 3) heave, roll, pitch."""
    zeros = np.zeros(len(time))
    return np.column_stack([time, speed * time, zeros, motions, zeros])


def make_motions(rows: int, seed: int = 0, step: float = 0.1) -> np.ndarray:
    """(rows, 3): heave about 1.2 m, roll and pitch, as sums of sines of 6 to 14 s."""
    rng = np.random.default_rng(seed)
    time = step * np.arange(rows)
    motions = np.zeros((rows, 3))
    for period in (6.0, 8.5, 11.0, 14.0):
        motions += np.array([1.0, 4.0, 1.0]) * np.sin(2 * np.pi * (time[:, None] / period + rng.random(3)))
    return motions + np.array([1.2, 0.0, 0.0])


def write_realization(
    folder: Path,
    handle: str = "_1",
    rows: int = 200,
    seed: int = 0,
    step: float = 0.1,
    zero_rows: int = 10,
    begin: float = 0.0,
) -> tuple[str, str]:
    """SimpleCode's and LAMP's files of one realization; LAMP rolls and pitches 1.4 times SimpleCode.

    Returns:
        the paths without endings, with forward slashes.
    """
    time = (begin + step * np.arange(rows)).round(6)
    simple = make_motions(rows, seed, step).round(4)
    lamp = (simple * [1.0, 1.4, 1.4] - [0.2, 0.0, 0.0]).round(4)
    sc_path, lamp_path = folder / "SimpleCode_files" / f"SC{handle}", folder / "LAMP_files" / f"LAMP{handle}"
    sc_table = motion_table(time, simple)
    if zero_rows:
        sc_table[-zero_rows:] = 0
    write_rows(sc_path.with_name(sc_path.name + ".mot"), SC_HEADER, sc_table)
    write_rows(lamp_path.with_name(lamp_path.name + ".mot"), LAMP_HEADER, motion_table(time, lamp))
    wave = 1.5 * simple[:, 0]
    write_rows(lamp_path.with_name(lamp_path.name + ".wav"), WAV_HEADER, np.column_stack([time, wave]))
    vbm = np.column_stack([time, 0 * time, 1000 * simple[:, 2]])
    write_rows(sc_path.with_name(sc_path.name + ".vbm"), SC_VBM_HEADER, vbm)
    write_rows(lamp_path.with_name(lamp_path.name + ".vbm"), LAMP_VBM_HEADER, vbm * [1, 1, 1.3])
    return sc_path.as_posix(), lamp_path.as_posix()


TINY = {
    "time_res": 3,
    "hidden_size": 4,
    "num_layers": 1,
    "epochs": 2,
    "lr": 0.01,
    "seed": 5,
}


def input_text(user: dict | None = None, plotting=None, data=None, save=None, without: tuple[str, ...] = ()) -> str:
    """An input file with these attributes, values as Python text by their repr."""
    sections = {"UserInputArgs": user, "PlottingArgs": plotting, "DataInfoArgs": data, "SaveDataArgs": save}
    lines = ["import numpy as np", "from pathlib import Path", ""]
    for name, values in sections.items():
        if name in without:
            continue
        lines += [f"class {name}:", "    def __init__(self):", "        pass"]
        for key, value in (values or {}).items():
            lines.append(f"        self.{key} = {value.text if isinstance(value, Code) else repr(value)}")
        lines.append("")
    lines += ["class DerivedArgs:", "    def __init__(self, usr_args, data_info):", "        self.n = 1", ""]
    return "\n".join(lines)


def faults_of(work: Callable, *arguments) -> tuple[str, ...]:
    """The lines of the InputError that this raises."""
    with pytest.raises(InputError) as caught:
        work(*arguments)
    assert all("\n" not in line for line in caught.value.lines)
    return caught.value.lines


class Code:
    """A value that stands in an input file as this Python text."""

    def __init__(self, text: str):
        self.text = text


class Project:
    """A folder with two training realizations, one for validation and one to test, of which a run can be started."""

    def __init__(self, folder: Path, rows: int = 200):
        self.folder = folder
        pairs = [write_realization(folder, f"_{i}", rows, seed=i) for i in range(4)]
        sc, lamp = [p[0] for p in pairs], [p[1] for p in pairs]
        self.data = {
            "train_sc": sc[:2],
            "train_lamp": lamp[:2],
            "val_sc": sc[2:3],
            "val_lamp": lamp[2:3],
            "test_sc": sc[3:],
            "test_lamp": lamp[3:],
        }
        self.user = dict(TINY)
        self.plotting = {"plotting_mode": False}
        self.save: dict = {}

    def write_inputs(self, name: str = "my_inputs.py") -> Path:
        path = self.folder / name
        path.write_text(input_text(self.user, self.plotting, self.data, self.save), encoding="utf-8")
        return path

    def run(self, *arguments: str) -> int:
        import main

        self.write_inputs()
        return main.main(["--inputs", "my_inputs", *arguments])

    def written(self) -> list[str]:
        """What runs have left behind: files and folders but those of the data and the input file."""
        own = ("SimpleCode_files", "LAMP_files", "Cases_files", "__pycache__")
        found = [path.relative_to(self.folder) for path in self.folder.rglob("*")]
        return sorted(path.as_posix() for path in found if path.parts[0] not in own and path.suffix != ".py")


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch) -> None:
    """An empty folder as the working directory, as runs write into it and the project's holds the user's networks."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def built_in_pair() -> Iterator[None]:
    """Whatever pair of sources a test uses, the next one begins with SimpleCode and LAMP."""
    yield
    description.use(description.SHIP)


@pytest.fixture
def eagerly():
    """Without compiling graphs, which would take most of the time of trainings of a few steps."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def project(tmp_path, monkeypatch) -> Project:
    monkeypatch.chdir(tmp_path)
    return Project(tmp_path)


@pytest.fixture
def warnings_are_errors():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.fixture(scope="session")
def main_job(tmp_path_factory) -> Path:
    """The folder in which `python main.py` was run on the sample data, with input_template.py as it is: a minute."""
    folder = tmp_path_factory.mktemp("main_job")
    shutil.copytree(ROOT / "sample_data", folder / "sample_data", ignore=shutil.ignore_patterns("*.py", "*.json"))
    done = subprocess.run([sys.executable, str(ROOT / "main.py")], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (folder / "said.txt").write_text(done.stdout, encoding="utf-8")
    return folder
