"""Runs of pairs other than SimpleCode and LAMP, from a description of some lines to the report."""

import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import data_io
import main
from settings import description, input_file

ROOT = Path(__file__).resolve().parents[1]
# Two codes with other signs, units, separators and time steps; phi is in rad and z points down.
MINE = """
import data_io
from input_template import *
from settings import changed

UserInputArgs = changed(
    UserInputArgs, model_save_filename="mine", network_type="linear", time_res=2, look_ahead=0,
    mirror_symmetry=False, {user}
)


class DataInfoArgs:
    def __init__(self):
        self.low_file, self.high_file = "linear/{{}}.txt", "nonlinear/run {{}}.csv"
        self.low_name, self.high_name = "Strip", "Xdyn"
        self.channels = [
            data_io.Output("Roll", "deg", high="phi(ship) * deg", low="roll", label="Roll angle", mirrored="-"),
            data_io.Output("Heave", "m", high="-z(ship)", low="heave", mean="removed"),
            data_io.Output("Load", "{unit}", high="load"),
            data_io.Input("Eta", "m", low="eta", file="waves/{{}}.csv", mirrored="-"),
        ]
        self.train, self.val, self.test = ["1", "2", "3"], ["4"], ["5"]
        {data}


PlottingArgs = changed(PlottingArgs, plotting_mode=False)
"""


def write_pair(folder: Path, name: str, seed: int, size: float) -> None:
    """One record of three files. size: of the load, from which all others do not follow exactly."""
    rng = np.random.default_rng(seed)
    frequencies, phases = rng.uniform(0.4, 1.1, 40), rng.uniform(0, 2 * np.pi, 40)

    def wave(time: np.ndarray, lag: float = 0.0) -> np.ndarray:
        return 0.25 * np.cos(np.outer(time - lag, frequencies) + phases).sum(axis=1)

    slow, fast = np.arange(0, 300, 0.5), np.arange(1, 301, 0.25)
    low = pd.DataFrame({"time": slow, "heave": wave(slow), "roll": 3 * wave(slow, 1.0)})
    rolls = 4 * wave(fast, 1.4)
    high = pd.DataFrame(
        {
            "t": fast,
            "z(ship)": 2.0 - 0.9 * wave(fast, 0.3),
            "phi(ship)": np.radians(rolls - 0.002 * rolls**3),
            "load": size * (wave(fast, 0.5) + 0.1 * wave(fast) ** 2),
        }
    )
    for part in ("linear", "nonlinear", "waves"):
        (folder / part).mkdir(exist_ok=True)
    (folder / f"linear/{name}.txt").write_text("a title\n" + low.to_string(index=False) + "\n")
    high.to_csv(folder / f"nonlinear/run {name}.csv", index=False, sep=";")
    pd.DataFrame({"t": slow, "eta": wave(slow)}).to_csv(folder / f"waves/{name}.csv", index=False)


@pytest.fixture
def pair(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(user="", data="", unit="kN", size=1.0) -> int:
        for number in range(1, 7):
            write_pair(tmp_path, str(number), number, size)
        text = MINE.format(user=user, data=data or "pass", unit=unit)
        (tmp_path / "mine.py").write_text(text, encoding="utf-8")
        return main.main(["--inputs", "mine.py", "--processes", "1"])

    yield write
    description.use(description.SHIP)


def errors_on_test(name: str) -> pd.DataFrame:
    report = pd.read_csv(f"output_files/{name}/error_report.csv").query("set == 'test'")
    return report.set_index(["source", "channel"])


def test_the_second_example_reaches_its_error_and_speaks_its_own_language(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "sample_data/mooring", tmp_path / "sample_data/mooring")
    assert main.main(["--inputs", "input_mooring", "--processes", "1"]) == 0
    description.use(description.SHIP)
    printed = "".join(capsys.readouterr())
    assert "Warning" not in printed
    mse = errors_on_test("mooring")["mse"]
    assert all(mse["LSTM", line] < 0.005 * mse["MoorPy", line] for line in ("T1", "T2", "T3"))
    folder = tmp_path / "output_files/mooring"
    page = re.sub(r"data:image/\w+;base64,[^\"']*", "", (folder / "report.html").read_text(encoding="utf-8"))
    tables = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.csv"))
    for text in (printed, page, tables):
        assert "MoorDyn" in text
        text = re.sub(r"\S*(saved_models|output_files|input_\w+)\S*|train_lamp|train_sc|lamp_hours", "", text)
        assert not re.search(r"simplecode|lamp\b|\bships?\b|heave, roll|\bmotions?\b|sea state", text, re.IGNORECASE)


def test_other_signs_units_separators_and_steps(pair, capsys):
    assert pair() == 0
    assert "Warning" not in "".join(capsys.readouterr())
    errors = errors_on_test("mine")
    assert ("Strip", "Load") not in errors.index  # it has no counterpart
    nrmse = errors["nrmse"]["Linear"]
    assert nrmse["Heave"] < 0.1 and nrmse["Roll"] < 0.15
    assert nrmse["Load"] < 0.3
    record = data_io.read_record("1", "1", input_file.read_config(input_file.load_module("mine.py"))[0].user).value
    np.testing.assert_allclose(record.time, np.arange(1, 299.51, 0.25))
    np.testing.assert_allclose(record.targets[:, 1], record.simple[:, 1] * 0.9 - 2.0, atol=1.0)


def test_predictions_of_any_size_without_the_accurate_source(pair):
    for unit, size in (("GN", 1e-6), ("N", 1e8)):
        assert pair(unit=unit, size=size, user="overwrite=True") == 0
        predicts = "training_mode=False, model_load_filename='mine'"
        shutil.rmtree("nonlinear")
        assert pair.__closure__ is not None
        text = MINE.format(
            user=predicts, data="self.train = self.val = self.test = []; self.predict = ['6']", unit=unit
        )
        Path("mine.py").write_text(text, encoding="utf-8")
        assert main.main(["--inputs", "mine.py", "--processes", "1"]) == 0
        table = pd.read_csv("output_files/mine/lstm_output_for_6.txt", sep=r"\s+")
        assert list(table) == ["Time", "Roll", "Heave", "Load"]
        assert len(set(table["Load"])) > 0.95 * len(table)
        assert 0.1 * size < table["Load"].std() < 2 * size
        assert not list(Path("output_files/mine").glob("*.mot"))


def test_a_network_refuses_another_description(pair, capsys):
    assert pair() == 0
    assert pair(user="training_mode=False, model_load_filename='mine'", unit="N") == 1
    assert "Load: unit = 'N', in the training 'kN'" in capsys.readouterr().err


def test_a_network_that_sees_few_steps_of_a_period_is_a_line(pair):
    assert pair() == 0
    config = input_file.read_config(input_file.load_module("mine.py"))[0]
    (line,) = data_io.read_sets(config.with_user(time_res=20))[1]
    assert line.startswith("UserInputArgs.time_res = 20: the network sees steps of 5 s, ") and "time_res = 3" in line


def test_a_column_that_is_not_there_is_a_line(pair, capsys):
    Path("nonlinear").mkdir()
    assert pair(data="self.channels[0] = data_io.Output('Roll', 'deg', high='fi', low='roll', mirrored='-')") == 1
    assert "there is no column 'fi'" in capsys.readouterr().err
    assert not Path("output_files").exists()


def test_channels_beside_those_of_simplecode_and_lamp(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    lines = [
        "import data_io",
        "from input_template import *",
        "class DataInfoArgs(DataInfoArgs):",
        "    def __init__(self):",
        "        super().__init__()",
        "        sway = data_io.Output('Sway', 'm', high='Ycg', low='Ycg', mirrored='-')",
        "        surge = data_io.Output('Surge', 'm', high='Xcg', low='Xcg', trend='removed')",
        "        self.channels = [sway, surge]",
    ]
    (tmp_path / "more.py").write_text("\n".join(lines))
    config, faults, _ = input_file.read_config(input_file.load_module(str(tmp_path / "more.py")))
    assert faults == []
    pair = config.data.pairs("train")[0]
    record = data_io.read_record(*(str(ROOT / path) for path in pair), config.user).value
    track = pd.read_csv(f"{ROOT / pair[1]}.mot", sep=r"\s+", skiprows=3, header=None)[: len(record.time)]
    np.testing.assert_allclose(record.targets[:, 3], track[2])
    surge = record.targets[:, 4]
    assert abs(surge.mean()) < 1e-9 > abs(np.polyfit(record.time, surge, 1)[0])
    assert surge.std() < 0.1 * np.std(track[1])
    assert record.inputs.shape[1] == 6
