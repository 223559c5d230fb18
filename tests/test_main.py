"""Whole runs on tiny data: what they leave behind, and how they tell what the user got wrong."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import LAMP_HEADER, Code, Project, input_text, motion_table, write_rows

import data_io
import main
import metrics
import settings
import training

ROOT = Path(main.__file__).resolve().parent
NAME = "recently_trained_model"
NETWORK = [f"saved_models/{NAME}/{name}" for name in ("history.csv", "model.keras", "settings.json")]


def files(project: Project) -> list[str]:
    return [name for name in project.written() if (project.folder / name).is_file()]


# ---- whole runs ---------------------------------------------------------------------------------------------------


def test_a_run_leaves_behind_what_is_documented(project, capsys):
    project.plotting = {"prediction_ID_list_test": [0], "error_ID_list_test": [], "histo_ID_list_test": [0]}
    project.plotting |= {f"{kind}_ID_list_{s}": [] for kind in ("prediction", "error") for s in ("train", "val")}
    project.save = {"train": [1], "val": []}
    assert project.run() == 0
    output = capsys.readouterr().out
    found = files(project)
    figures = [name for name in found if name.startswith(f"output_files/{NAME}/figures/")]
    assert any("prediction_test" in name for name in figures) and any("learning_curve" in name for name in figures)
    assert not any("prediction_train" in name or "error_" in name for name in figures)
    for name in figures:
        assert (project.folder / name).read_bytes().startswith(b"\x89PNG")
    texts = [f"output_files/{NAME}/lstm_output_for_SC_{i}.txt" for i in (1, 3)]
    assert sorted(set(found) - set(figures)) == sorted([f"output_files/{NAME}/error_report.csv", *texts, *NETWORK])

    report = pd.read_csv(project.folder / "output_files" / NAME / "error_report.csv")
    assert report.columns.tolist() == ["set", "source", "channel", *metrics.MEASURES]
    assert report["set"].unique().tolist() == ["train", "val", "test"]
    assert report["source"].unique().tolist() == ["SimpleCode", "LSTM"]
    assert report["channel"].unique().tolist() == ["Zcg", "Roll", "Pitch", "All"]
    assert len(report) == 3 * 2 * 4
    for text in ("test set", "Roll [deg]", "peak_mse"):
        assert text in output

    history = pd.read_csv(project.folder / "saved_models" / NAME / "history.csv")
    assert history.columns.tolist() == ["epoch", "elapsed_s", "loss", "val_loss", "learning_rate"]
    assert history["epoch"].tolist() == [1, 2] and history.notna().all(axis=None)


def test_predictions_and_report_belong_together(project):
    """The report's mse is that of the written prediction against the LAMP file, at LAMP's rows."""
    assert project.run() == 0
    folder = project.folder / "output_files" / NAME
    path = folder / "lstm_output_for_SC_3.txt"
    assert path.read_text().splitlines()[0].split() == ["Time", "Zcg", "Roll", "Pitch"]
    prediction = np.loadtxt(path, skiprows=1)
    lamp = data_io.read_columns(f"{project.data['test_lamp'][0]}.mot", data_io.LAMP_MOT)
    simple = data_io.read_columns(f"{project.data['test_sc'][0]}.mot", data_io.SC_MOT)
    assert prediction.shape == simple.shape == (190, 4)  # SimpleCode's ten zero rows are left out
    assert np.allclose(prediction[:, 0], lamp[:190, 0], atol=1e-5)
    report = pd.read_csv(folder / "error_report.csv").query("set == 'test'").set_index(["source", "channel"])
    for column, channel in enumerate(("Zcg", "Roll", "Pitch"), start=1):
        for source, table in (("LSTM", prediction), ("SimpleCode", simple)):
            mse = np.mean((table[:, column] - lamp[:190, column]) ** 2)
            assert report.loc[(source, channel), "mse"] == pytest.approx(mse, rel=1e-3)


def test_a_loaded_network_gives_the_same_report_and_is_not_touched(project, monkeypatch):
    assert project.run() == 0
    output = project.folder / "output_files" / NAME
    report = (output / "error_report.csv").read_bytes()
    prediction = (output / "lstm_output_for_SC_3.txt").read_bytes()
    before = {name: (project.folder / name).read_bytes() for name in NETWORK}
    times = {name: (project.folder / name).stat().st_mtime_ns for name in NETWORK}

    monkeypatch.setattr(training, "train", lambda *_: pytest.fail("a loaded network is not trained"))
    (output / "error_report.csv").unlink()
    project.user |= {"training_mode": False, "model_save_filename": "another"}
    assert project.run() == 0
    assert (output / "error_report.csv").read_bytes() == report
    assert (output / "lstm_output_for_SC_3.txt").read_bytes() == prediction
    assert {name: (project.folder / name).read_bytes() for name in NETWORK} == before
    assert {name: (project.folder / name).stat().st_mtime_ns for name in NETWORK} == times
    assert not (project.folder / "saved_models" / "another").exists()


def test_vertical_bending_moment_grid_and_other_places(project):
    for i in range(4):
        rows = [[0.5, 40.0, 1.2, 150.0], [0.8, 100.0, 0.4, 120.0]]
        write_rows(project.folder / f"LAMP_files/LAMP_{i}.sea", ["h"] * 6, np.array(rows))
        (project.folder / f"LAMP_files/LAMP_{i}.wav").unlink()
    project.user |= {"input_vbm": True, "output_vbm": True, "wave_grid_x_size": 3, "ship_length": 120}
    project.user |= {"predict_correction": True, "bi_directional": True, "model_save_filename": "moment"}
    project.save = {"output_path": "results\\deep", "prefix": "out_", "test": [-1], "train": [], "val": []}
    assert project.run() == 0
    found = files(project)
    assert [name for name in found if name.startswith("results/")] == [
        "results/deep/moment/error_report.csv",
        "results/deep/moment/out_SC_3.txt",
    ]
    header = (project.folder / "results/deep/moment/out_SC_3.txt").read_text().splitlines()[0]
    assert header.split() == ["Time", "VBM", "Zcg", "Roll", "Pitch"]
    report = pd.read_csv(project.folder / "results/deep/moment/error_report.csv")
    assert report["channel"].unique().tolist() == ["VBM", "Zcg", "Roll", "Pitch", "All"]


def test_sets_may_be_empty_and_nothing_saved_or_drawn(project, capsys):
    project.data |= {"val_sc": [], "val_lamp": [], "test_sc": [], "test_lamp": []}
    project.save = {"save_data_mode": False}
    assert project.run() == 0
    assert files(project) == sorted([f"output_files/{NAME}/error_report.csv", *NETWORK])
    report = pd.read_csv(project.folder / "output_files" / NAME / "error_report.csv")
    assert report["set"].unique().tolist() == ["train"]
    history = pd.read_csv(project.folder / "saved_models" / NAME / "history.csv")
    assert history["val_loss"].isna().all() and history["loss"].notna().all()


def test_the_import_line(project, monkeypatch):
    """Without --inputs the classes of the import line count, and SaveDataArgs beside them."""
    project.save = {"prefix": "mine_", "train": [], "val": []}
    project.write_inputs("edited_inputs.py")
    module = settings.load_module("edited_inputs")
    for name in ("UserInputArgs", "PlottingArgs", "DataInfoArgs", "DerivedArgs"):
        monkeypatch.setattr(main, name, getattr(module, name))
    assert main.main([]) == 0
    assert f"output_files/{NAME}/mine_SC_3.txt" in files(project)


def test_the_line_that_users_change():
    lines = (ROOT / "main.py").read_text(encoding="utf-8").splitlines()
    wanted = "from input_template import UserInputArgs, PlottingArgs, DataInfoArgs, DerivedArgs"
    numbers = [i for i, line in enumerate(lines, start=1) if line.startswith(wanted)]
    assert len(numbers) == 1 and 10 <= numbers[0] <= 25


def test_the_template_is_without_fault(monkeypatch):
    monkeypatch.chdir(ROOT)
    config, faults, warnings = settings.read_config(settings.load_module("input_template"))
    assert (faults, warnings) == ([], [])
    assert data_io.missing_files(config) == []


def test_odd_but_usable_data_is_a_warning(project, capsys):
    path = project.folder / "LAMP_files" / "LAMP_3.wav"
    rows = path.read_text().splitlines()
    path.write_text("\n".join(rows[:3] + rows[3::2]) + "\n")
    assert project.run() == 0
    errors = capsys.readouterr().err
    assert "LAMP_3.wav" in errors and "interpolated" in errors and "Traceback" not in errors


# ---- what the user got wrong --------------------------------------------------------------------------------------


def path_of(project: Project, name: str) -> Path:
    return project.folder / ("LAMP_files" if name.startswith("LAMP") else "SimpleCode_files") / name


def change_line(project: Project, name: str, number: int, change) -> None:
    path = path_of(project, name)
    lines = path.read_text().splitlines()
    lines[number - 1] = change(lines[number - 1])
    path.write_text("\n".join(lines) + "\n")


def break_word(column: int, word: str):
    def change(line: str) -> str:
        words = line.split()
        words[column - 1] = word
        return " ".join(words)

    return change


def shift_time(project: Project) -> None:
    time = 500 + 0.1 * np.arange(100)
    write_rows(path_of(project, "LAMP_2.mot"), LAMP_HEADER, motion_table(time, np.ones((100, 3))))


BROKEN = {
    "missing files": (
        lambda p: (path_of(p, "SC_0.mot").unlink(), path_of(p, "LAMP_3.wav").unlink()),
        [["SC_0.mot", "missing", "train"], ["LAMP_3.wav", "missing", "test"]],
    ),
    "an empty file": (lambda p: path_of(p, "SC_1.mot").write_text(""), [["SC_1.mot", "empty"]]),
    "a binary file": (lambda p: path_of(p, "SC_1.mot").write_bytes(bytes(99)), [["SC_1.mot", "binary"]]),
    "a cut row": (
        lambda p: change_line(p, "LAMP_0.mot", 50, lambda line: line[:12]),
        [["LAMP_0.mot", "line 50", "columns"]],
    ),
    "text for a number": (
        lambda p: change_line(p, "SC_2.mot", 33, break_word(5, "abc")),
        [["SC_2.mot", "line 33", "column 5", "'abc'"]],
    ),
    "NaN in two files": (
        lambda p: (
            change_line(p, "SC_2.mot", 33, break_word(4, "NaN")),
            change_line(p, "LAMP_3.wav", 9, break_word(2, "nan")),
        ),
        [["SC_2.mot", "line 33", "column 4"], ["LAMP_3.wav", "line 9", "column 2"]],
    ),
    "time running back": (
        lambda p: change_line(p, "LAMP_1.mot", 40, break_word(1, "0.5")),
        [["LAMP_1.mot", "line 40", "0.5 s"]],
    ),
    "swapped columns": (
        lambda p: change_line(p, "LAMP_1.mot", 3, lambda _: "Time Xcg Ycg Zcg Rot_Y Rot_X Rot_Z"),
        [["LAMP_1.mot", "line 3", "Rot_Y", "Roll"], ["LAMP_1.mot", "Rot_X", "Pitch"]],
    ),
    "no time in common": (shift_time, [["LAMP_2.mot", "0 rows in common"]]),
    "misspelt and wrong settings": (
        lambda p: (p.user.update(hiden_size=3, epochs=0), p.plotting.update(lamp_color="blak")),
        [["hiden_size", "hidden_size"], ["epochs = 0"], ["lamp_color", "'blak'"]],
    ),
    "lists of different length": (
        lambda p: p.data.update(train_lamp=p.data["train_lamp"][:1]),
        [["train_sc has 2", "train_lamp has 1"]],
    ),
    "an index past the end": (
        lambda p: p.save.update(test=[0, 1]),
        [["SaveDataArgs.test", "0 to 0"]],
    ),
    "sizes that do not fit": (lambda p: p.user.update(input_size=7), [["input_size = 7", "4"]]),
    "no cases file": (
        lambda p: p.data.update(train_sc=Code("__import__('data_io').read_cases('no_cases.txt').sc")),
        [["my_inputs.py, line", "no_cases.txt"]],
    ),
    "an unknown name in the input file": (
        lambda p: p.user.update(hidden_size=Code("thirty")),
        [["my_inputs.py, line", "thirty"]],
    ),
    "Python that is none": (
        lambda p: p.user.update(hidden_size=Code("(3")),
        [["my_inputs.py, line", "SyntaxError"]],
    ),
    "no network to load": (
        lambda p: p.user.update(training_mode=False, model_load_filename="nothing"),
        [["nothing", "no saved network"]],
    ),
    "settings and files at once": (
        lambda p: (p.user.update(lr="fast"), path_of(p, "SC_3.mot").unlink()),
        [["lr = 'fast'", "number"], ["SC_3.mot", "missing"]],
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_wrong_is_told_in_lines_and_nothing_is_written(project, capsys, what):
    damage, expected = BROKEN[what]
    damage(project)
    assert project.run() == 1
    lines = capsys.readouterr().err.splitlines()
    assert "Traceback" not in "".join(lines)
    lines = [line for line in lines if line.startswith("Error: ")]
    for parts in expected:
        assert any(all(part in line for part in parts) for line in lines), (parts, lines)
    if what not in ("lists of different length", "no cases file", "an unknown name in the input file"):
        assert len(lines) == len(expected), lines  # those three leave lists that do not fit either
    assert project.written() == []


def test_an_input_file_that_is_not_there(project, capsys):
    project.write_inputs()
    assert main.main(["--inputs", "my_input"]) == 1
    assert "did you mean my_inputs?" in capsys.readouterr().err
    assert project.written() == []


def test_a_faulty_run_keeps_what_an_earlier_one_left(project):
    assert project.run() == 0
    before = {name: (project.folder / name).read_bytes() for name in files(project)}
    path_of(project, "SC_1.mot").write_text("")
    project.user["overwrite"] = True
    assert project.run() == 1
    assert {name: (project.folder / name).read_bytes() for name in files(project)} == before


def test_the_exit_status_of_the_process(tmp_path):
    """As users start it; TensorFlow is not even imported before the input is known to be good."""
    path = tmp_path / "broken.py"
    path.write_text(input_text({"epoch": 3}, None, {"train_sc": ["no/SC"], "train_lamp": ["no/LAMP"]}))
    command = [sys.executable, "-X", "importtime", str(ROOT / "main.py"), "--inputs", str(path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=dict(os.environ))
    assert done.returncode == 1
    errors = [line for line in done.stderr.splitlines() if not line.startswith("import time:")]
    assert len(errors) == 4 and all(line.startswith("Error: ") for line in errors), errors
    assert "epoch" in errors[0] and "epochs" in errors[0]
    assert "tensorflow" not in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "__pycache__") == ["broken.py"]
