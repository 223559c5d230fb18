"""Whole runs on tiny data: what they leave behind, and how they tell what the user got wrong."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from conftest import (
    LAMP_HEADER,
    SC_HEADER,
    SEA_HEADER,
    WAV_HEADER,
    Code,
    Project,
    input_text,
    motion_table,
    write_realization,
    write_rows,
)
from test_network import with_random_weights

import data_io
import main
import metrics
import network
import prediction
import settings
from network import Architecture
from networks import keras_layers
from networks.standardization import Standardization
from readers import text_tables
from settings import UserInput, input_file
from settings.kinds import KINDS, Kind

ROOT = Path(main.__file__).resolve().parent
NAME = "recently_trained_model"
CHECKPOINTS = ("checkpoints/last.keras", "checkpoints/training_state.npz")
SAVED = ("history.csv", "linear_filter.npz", "model.keras", "settings.json", "training_windows.npz")
NETWORK = [f"saved_models/{NAME}/{name}" for name in (*CHECKPOINTS, *SAVED)]
TABLES = (
    *(".files_of_runs", "error_by_record.csv", "error_report.csv", "pairs.csv", "predicted_records.csv"),
    "report.html",
)
REPORT = [f"output_files/{NAME}/{name}" for name in TABLES]


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
    assert sorted(set(found) - set(figures)) == sorted([*REPORT, *texts, *NETWORK])
    assert f"report, predictions and figures in {Path('output_files') / NAME}" in output

    report = pd.read_csv(project.folder / "output_files" / NAME / "error_report.csv")
    assert report.columns.tolist() == ["set", "source", "channel", *metrics.MEASURES]
    assert report["set"].unique().tolist() == ["train", "val", "test"]
    assert report["source"].unique().tolist() == ["SimpleCode", "LSTM", "Linear filter"]
    assert report["channel"].unique().tolist() == ["Zcg", "Roll", "Pitch", "All"]
    assert len(report) == 3 * 3 * 4
    for text in ("test set", "Roll [deg]", "Linear filter", "% of LAMP"):
        assert text in output

    history = pd.read_csv(project.folder / "saved_models" / NAME / "history.csv")
    errors = ["val_rmse_Zcg_m", "val_rmse_Roll_deg", "val_rmse_Pitch_deg"]
    assert history.columns.tolist() == ["epoch", "elapsed_s", "loss", "val_loss", "learning_rate", *errors]
    assert history["epoch"].tolist() == [1, 2] and history.notna().all(axis=None)

    by_record = pd.read_csv(project.folder / "output_files" / NAME / "error_by_record.csv", keep_default_na=False)
    added = [*metrics.STATISTICS, "digest"]
    assert by_record.columns[-10:].tolist() == added and by_record["digest"].nunique() == 4
    assert by_record["record"].unique().tolist() == ["SC_0", "SC_1", "SC_2", "SC_3"]
    assert by_record["set"].value_counts().to_dict() == {"train": 24, "val": 12, "test": 12}
    assert by_record["handle"].unique().tolist() == [""]
    of_test = by_record[by_record["set"] == "test"].drop(columns=["record", "handle", *added]).reset_index(drop=True)
    alone = report[report["set"] == "test"].reset_index(drop=True)
    pd.testing.assert_frame_equal(of_test.astype(alone.dtypes), alone)


def test_a_run_without_folds_has_the_responses_of_its_unseen_records(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    project = Project(tmp_path, rows=1400)  # records below 120 s have no spectra
    project.user |= {"input_waves": True, "epochs": 1}
    project.plotting = {name: [] for name in ("prediction_ID_list_test", "error_ID_list_test")}
    assert project.run() == 0
    table = pd.read_csv(f"output_files/{NAME}/spectra.csv")
    assert set(table["source"]) == {"LAMP", "SimpleCode", "LSTM"} and set(table["records"]) == {2}  # val and test
    heave = table[(table["channel"] == "Zcg") & (table["source"] == "SimpleCode") & table["rao"].notna()]
    np.testing.assert_allclose(heave["rao"], 1 / 1.5, rtol=0.02)  # the wave is one and a half times SimpleCode's heave
    np.testing.assert_allclose(heave["phase"], 0, atol=1)
    assert Path(f"output_files/{NAME}/figures/spectra.png").is_file()


def test_a_new_kind_of_network_is_a_function_and_a_row(project, monkeypatch, capsys):
    def smoothed(inputs, a, prefix, _):
        return keras.layers.Conv1D(len(a.outputs), 3, padding="same", name=f"{prefix}outputs")(inputs)

    monkeypatch.setattr(keras_layers, "smoothed", smoothed, raising=False)
    monkeypatch.setitem(KINDS, "smooth", Kind("Smooth", "a smoother", "smoothed", 2**16, has_units=False))
    project.user |= {"network_type": "smooth", "output_filter": True}  # which sees the inputs alone
    assert project.run() == 0
    folder = project.folder / "output_files" / NAME
    report = pd.read_csv(folder / "error_report.csv")
    assert (
        report["source"].unique().tolist() == ["SimpleCode", "Smooth", "Linear filter"]
        and "Smooth" in capsys.readouterr().out
    )
    assert "A smoother learned LAMP" in (folder / "report.html").read_text(encoding="utf-8")
    project.user["training_mode"] = False
    assert project.run() == 0


def test_a_folder_holds_what_the_last_run_made(project, capsys):
    """Of the run before nothing stays beside the report; what others put there does, and what the run itself reads."""
    project.user["network_type"] = "linear"
    project.plotting = {"prediction_ID_list_test": [0], "maxima_ID_list_test": [0], "histo_ID_list_test": [0]}
    project.save = {"prefix": "first_", "test": [0]}
    assert project.run() == 0
    said = capsys.readouterr().out
    report = pd.read_csv(project.folder / "output_files" / NAME / "error_report.csv")
    assert report["source"].unique().tolist() == ["SimpleCode", "Linear"] and "LSTM" not in said
    folder = project.folder / "output_files" / NAME
    (folder / "notes.txt").write_text("mine")
    (folder / "figures" / "mine.png").write_text("mine")
    project.plotting = {"plotting_mode": False}
    project.user["training_mode"] = False
    project.save = {"prefix": "second_", "train": [0], "val": [], "test": []}
    assert project.run() == 0
    assert f"; report and predictions in {Path('output_files') / NAME}\n" in capsys.readouterr().out
    mine = [f"output_files/{NAME}/{name}" for name in ("notes.txt", "figures/mine.png", "second_SC_0.txt")]
    network = [f"saved_models/{NAME}/{name}" for name in SAVED if name != "linear_filter.npz"]
    assert files(project) == sorted([*REPORT, *mine, *network])

    # Predictions without LAMP come to the report that is there.
    project.data = {"predict_sc": project.data["test_sc"], "predict_waves": project.data["test_lamp"]}
    project.save = {"prefix": "third_"}
    assert project.run() == 0
    assert f"; predictions in {Path('output_files') / NAME}\n" in capsys.readouterr().out
    mine += [f"output_files/{NAME}/third_SC_3{ending}" for ending in (".mot", ".txt")]
    assert files(project) == sorted([*REPORT, *mine, *network])


def test_predictions_and_report_belong_together(project):
    """The report's mse is that of the written prediction against the LAMP file, at LAMP's rows."""
    assert project.run() == 0
    folder = project.folder / "output_files" / NAME
    path = folder / "lstm_output_for_SC_3.txt"
    assert path.read_text().splitlines()[0].split() == ["Time", "Zcg", "Roll", "Pitch"]
    prediction = np.loadtxt(path, skiprows=1)
    lamp = text_tables.read_columns(f"{project.data['test_lamp'][0]}.mot", text_tables.LAMP_MOT)
    simple = text_tables.read_columns(f"{project.data['test_sc'][0]}.mot", text_tables.SC_MOT)
    assert prediction.shape == simple.shape == (190, 4)  # SimpleCode's ten zero rows are left out
    assert np.allclose(prediction[:, 0], lamp[:190, 0], atol=1e-5)
    report = pd.read_csv(folder / "error_report.csv").query("set == 'test'").set_index(["source", "channel"])
    for column, channel in enumerate(("Zcg", "Roll", "Pitch"), start=1):
        for source, table in (("LSTM", prediction), ("SimpleCode", simple)):
            mse = np.mean((table[:, column] - lamp[:190, column]) ** 2)
            assert report.loc[(source, channel), "mse"] == pytest.approx(mse, rel=1e-3)


@pytest.mark.parametrize("step", ["of_run", "ReferenceFilter.predict"])
def test_a_linear_filter_that_fails_costs_its_rows_alone(project, monkeypatch, capsys, step):
    def fail(*_):
        raise np.linalg.LinAlgError("Eigenvalues did not converge")

    monkeypatch.setattr(f"training.reference_filter.{step}", fail)
    assert project.run() == 0
    report = pd.read_csv(output(project, "error_report.csv"))
    assert report["source"].unique().tolist() == ["SimpleCode", "LSTM"]
    said = capsys.readouterr().err
    assert said.count("linear filter cannot be made (LinAlgError: Eigenvalues did not converge)") == 1
    assert (output(project, "report.html")).is_file()


def test_a_loaded_network_gives_the_same_report_and_is_not_touched(project, monkeypatch):
    assert project.run() == 0
    output = project.folder / "output_files" / NAME
    report = (output / "error_report.csv").read_bytes()
    prediction = (output / "lstm_output_for_SC_3.txt").read_bytes()
    before = {name: (project.folder / name).read_bytes() for name in NETWORK}
    times = {name: (project.folder / name).stat().st_mtime_ns for name in NETWORK}

    monkeypatch.setattr("training.fit.train", lambda *_: pytest.fail("a loaded network is not trained"))
    (output / "error_report.csv").unlink()
    project.user |= {"training_mode": False, "model_save_filename": "another"}
    assert project.run() == 0
    assert (output / "error_report.csv").read_bytes() == report
    assert (output / "lstm_output_for_SC_3.txt").read_bytes() == prediction
    assert {name: (project.folder / name).read_bytes() for name in NETWORK} == before
    assert {name: (project.folder / name).stat().st_mtime_ns for name in NETWORK} == times
    assert not (project.folder / "saved_models" / "another").exists()


def test_the_evolution_of_checkpoints_is_drawn_when_trained_and_when_loaded(project, capsys):
    nothing = {f"{kind}_ID_list_{s}": [] for kind in ("prediction", "error", "maxima") for s in settings.SET_NAMES}
    project.plotting = nothing | {"evolution_ID_list_val": [-1]}
    project.save = {"save_data_mode": False}
    assert project.run() == 1  # checkpoint_every is not set
    assert "checkpoint_every" in capsys.readouterr().err and project.written() == []
    project.user["checkpoint_every"] = 1
    assert project.run() == 0
    folder = project.folder / "output_files" / NAME / "figures"
    assert sorted(path.name for path in folder.iterdir()) == ["evolution_val_0_SC_2.png", "learning_curve.png"]
    trained = (folder / "evolution_val_0_SC_2.png").read_bytes()
    (folder / "evolution_val_0_SC_2.png").unlink()
    project.user["training_mode"] = False
    assert project.run() == 0
    assert (folder / "evolution_val_0_SC_2.png").read_bytes() == trained

    checkpoints = project.folder / "saved_models" / NAME / "checkpoints"
    capsys.readouterr()
    for path in checkpoints.glob("epoch_*"):
        path.unlink()
    assert project.run() == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "evolution_ID_list_val" in line and "checkpoints" in line


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
    results = [name for name in found if name.startswith("results/")]
    assert results == sorted(f"results/deep/moment/{name}" for name in (*TABLES, "out_SC_3.txt"))
    header = (project.folder / "results/deep/moment/out_SC_3.txt").read_text().splitlines()[0]
    assert header.split() == ["Time", "VBM", "Zcg", "Roll", "Pitch"]
    report = pd.read_csv(project.folder / "results/deep/moment/error_report.csv")
    assert report["channel"].unique().tolist() == ["VBM", "Zcg", "Roll", "Pitch", "All"]


def test_sets_may_be_empty_and_nothing_saved_or_drawn(project, capsys):
    project.data |= {"val_sc": [], "val_lamp": [], "test_sc": [], "test_lamp": []}
    project.save = {"save_data_mode": False}
    assert project.run() == 0
    assert files(project) == sorted([*(name for name in REPORT if "predicted" not in name), *NETWORK])
    assert f"; report in {Path('output_files') / NAME}\n" in capsys.readouterr().out
    report = pd.read_csv(project.folder / "output_files" / NAME / "error_report.csv")
    assert report["set"].unique().tolist() == ["train"]
    history = pd.read_csv(project.folder / "saved_models" / NAME / "history.csv")
    assert history["val_loss"].isna().all() and history["val_rmse_Roll_deg"].isna().all()
    assert history["loss"].notna().all()


def test_the_import_line(project, monkeypatch):
    """Without --inputs the classes of the import line count, and SaveDataArgs beside them."""
    project.save = {"prefix": "mine_", "train": [], "val": []}
    project.write_inputs("edited_inputs.py")
    module = input_file.load_module("edited_inputs")
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
    config, faults, warnings = input_file.read_config(input_file.load_module("input_template"))
    assert (faults, warnings) == ([], [])
    assert data_io.faulty_files(config.user, config.data) == []


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
    "columns of other things": (  # swapped ones are read by name
        lambda p: change_line(p, "LAMP_1.mot", 3, lambda _: "Time Xcg Ycg Zcg Vel_X Vel_Y Rot_Z"),
        [["LAMP_1.mot", "line 3", "Vel_X", "Roll"], ["LAMP_1.mot", "Vel_Y", "Pitch"]],
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
def test_errors_are_reported_in_lines_and_nothing_is_written(project, capsys, what):
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
    """As users start it; what takes long to load is not even imported before the input is known to be good."""
    path = tmp_path / "broken.py"
    path.write_text(input_text({"epoch": 3}, None, {"train_sc": ["no/SC"], "train_lamp": ["no/LAMP"]}))
    command = [sys.executable, "-X", "importtime", str(ROOT / "main.py"), "--inputs", str(path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=dict(os.environ))
    assert done.returncode == 1
    errors = [line for line in done.stderr.splitlines() if not line.startswith("import time:")]
    assert len(errors) == 4 and all(line.startswith("Error: ") for line in errors), errors
    assert "epoch" in errors[0] and "epochs" in errors[0]
    assert not [name for name in ("tensorflow", "matplotlib", "optuna", "scipy.stats") if name in done.stderr]
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "__pycache__") == ["broken.py"]


# ---- a saved network for runs that do not train --------------------------------------------------------------------


def save_network(project: Project, name: str = NAME, **user) -> None:
    """An untrained network under that name, and settings of the project that load it."""
    user = {"time_res": 3, "hidden_size": 4, "num_layers": 1} | user
    inputs, outputs = (np.arange(len(f(UserInput(**user)))) for f in (data_io.input_channels, data_io.output_channels))
    s = Standardization(*(tuple((1.0 + a * x).tolist()) for x in (inputs, outputs) for a in (-0.3, 0.5)))
    architecture = dataclasses.replace(Architecture.of(UserInput(**user), s), time_step=0.1)
    folder = project.folder / "saved_models" / name
    network.save_model(with_random_weights(network.build_model(architecture)), folder / "model.keras")
    facts = {"network": dataclasses.asdict(architecture), "best_epoch": 1}
    (folder / "settings.json").write_text(json.dumps(facts))
    project.user = user | {"training_mode": False, "model_load_filename": name}


@pytest.fixture
def predicting(project) -> Project:
    """A project with a saved network and nothing to report on: all six lists are empty."""
    save_network(project)
    project.simple, project.lamp = project.data["test_sc"][0], project.data["test_lamp"][0]
    project.data = {"predict_sc": [project.simple], "predict_waves": [project.lamp]}
    return project


def output(project: Project, name: str) -> Path:
    return project.folder / "output_files" / NAME / name


# ---- predictions without LAMP -------------------------------------------------------------------------------------


def test_predictions_without_lamp_are_written_as_text_and_as_lamp_would(predicting, capsys):
    assert predicting.run() == 0
    assert sorted(files(predicting)) == [
        f"output_files/{NAME}/.files_of_runs",
        f"output_files/{NAME}/lstm_output_for_SC_3.mot",
        f"output_files/{NAME}/lstm_output_for_SC_3.txt",
        f"output_files/{NAME}/report.html",
        f"saved_models/{NAME}/model.keras",
        f"saved_models/{NAME}/settings.json",
    ]
    table = np.loadtxt(output(predicting, "lstm_output_for_SC_3.txt"), skiprows=1)
    assert table.shape == (190, 4) and np.isfinite(table).all()
    path = output(predicting, "lstm_output_for_SC_3.mot")
    lamp = text_tables.read_columns(path, text_tables.LAMP_MOT)
    assert np.array_equal(lamp, table)
    assert path.read_text().splitlines()[2].split() == ["Time", "Xcg", "Ycg", "Zcg", "Rot_X", "Rot_Y", "Rot_Z"]
    track = text_tables.read_columns(path, text_tables.LAMP_TRACK)
    assert np.allclose(track, text_tables.read_columns(f"{predicting.simple}.mot", text_tables.SC_TRACK), atol=1e-5)
    assert "Predicted 1 of 1" in capsys.readouterr().out

    # It is the saved network's answer, in the saved network's standardization.
    simple = text_tables.read_columns(f"{predicting.simple}.mot", text_tables.SC_MOT)
    wave = text_tables.read_columns(f"{predicting.lamp}.wav", text_tables.WAV)[:190, 1:]
    model = keras.models.load_model(f"saved_models/{NAME}/model.keras")
    x = np.hstack([simple[:, 1:], wave])
    for first in range(3):
        expected = model(x[None, first::3].astype(np.float32)).numpy()[0]
        assert np.abs(table[first::3, 1:] - expected).max() < 2e-4


def test_what_is_written_can_be_read_in_place_of_lamp(predicting):
    """The .mot of a prediction as LAMP record of another run: all lists and formats fit together."""
    assert predicting.run() == 0
    predicting.data = {
        "test_sc": [predicting.simple],
        "test_lamp": [output(predicting, "lstm_output_for_SC_3").as_posix()],
    }
    shutil.copy(f"{predicting.lamp}.wav", output(predicting, "lstm_output_for_SC_3.wav"))
    assert predicting.run() == 0
    report = pd.read_csv(output(predicting, "error_report.csv")).set_index(["source", "channel"])
    assert report.loc[("LSTM", "All"), "max_error"] < 1e-4
    assert report.loc[("SimpleCode", "Roll"), "max_error"] > 0.1


def test_waves_beside_simplecode_elsewhere_and_in_its_own_file(predicting, capsys):
    """Three places for the wave, one prediction; with its option 6 SimpleCode writes it behind Yaw."""
    assert predicting.run() == 0
    expected = output(predicting, "lstm_output_for_SC_3.txt").read_bytes()

    shutil.copy(f"{predicting.lamp}.wav", f"{predicting.simple}.wav")
    predicting.data["predict_waves"] = []
    output(predicting, "lstm_output_for_SC_3.txt").unlink()
    assert predicting.run() == 0
    assert output(predicting, "lstm_output_for_SC_3.txt").read_bytes() == expected

    wave = np.loadtxt(f"{predicting.simple}.wav", skiprows=3)[:, 1]
    Path(f"{predicting.simple}.wav").unlink()
    table = np.loadtxt(f"{predicting.simple}.mot", skiprows=2)
    slopes = np.ones((len(table), 2))
    more = np.hstack([table, wave[:, None], slopes])
    more[-10:] = 0
    header = ["Time Xcg Ycg Zcg Roll Pitch Yaw Eta Slope_x Slope_y", "sec m m m deg deg deg m - -"]
    write_rows(Path(f"{predicting.simple}.mot"), header, more)
    output(predicting, "lstm_output_for_SC_3.txt").unlink()
    assert predicting.run() == 0
    assert output(predicting, "lstm_output_for_SC_3.txt").read_bytes() == expected

    # A .wav beside it comes first; without both, the .wav is asked for.
    write_rows(Path(f"{predicting.simple}.wav"), WAV_HEADER, np.column_stack([0.1 * np.arange(200), 3 * wave]))
    assert predicting.run() == 0
    assert output(predicting, "lstm_output_for_SC_3.txt").read_bytes() != expected
    Path(f"{predicting.simple}.wav").unlink()
    write_rows(Path(f"{predicting.simple}.mot"), SC_HEADER, table)
    capsys.readouterr()
    assert predicting.run() == 1
    assert "SC_3.wav: file is missing" in capsys.readouterr().err


def test_a_faulty_record_costs_only_itself(predicting, capsys, monkeypatch):
    """Also where it stands in the middle of a part that is read together, and where all of a part is faulty."""
    monkeypatch.setattr(prediction, "RECORDS_AT_ONCE", 2)
    sc = [f"{predicting.folder.as_posix()}/SimpleCode_files/SC_{i}" for i in range(4)]
    predicting.data = {"predict_sc": [sc[0], sc[1], "no/SC_9", sc[2], sc[3]]}
    predicting.data["predict_waves"] = [path.replace("SimpleCode_files/SC", "LAMP_files/LAMP") for path in sc]
    predicting.data["predict_waves"].insert(2, "no/LAMP_9")
    change_line(predicting, "SC_2.mot", 33, break_word(5, "abc"))
    assert predicting.run() == 1
    said = capsys.readouterr()
    errors = [line for line in said.err.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 3 and "Traceback" not in said.err
    assert any("SC_2.mot, line 33, column 5" in line for line in errors)
    assert sum("SC_9.mot" in line or "LAMP_9.wav" in line for line in errors) == 2
    assert "Predicted 3 of 5" in said.out
    written = sorted(path.name for path in output(predicting, "").glob("*.txt"))
    assert written == [f"lstm_output_for_SC_{i}.txt" for i in (0, 1, 3)]


def test_a_prediction_does_not_depend_on_the_records_beside_it(predicting):
    """More than 24 sequences of one length are predicted another way; nothing is standardized over the records."""
    assert predicting.run() == 0
    alone = np.loadtxt(output(predicting, "lstm_output_for_SC_3.txt"), skiprows=1)
    time = 0.1 * np.arange(200)
    sc, waves = [predicting.simple], [predicting.lamp]
    for i in range(9):
        sc.append(f"more/SC_m{i}")
        waves.append(sc[-1])
        motions = np.full((200, 3), 10.0 * i) * np.sin(time)[:, None]
        write_rows(Path(f"{sc[-1]}.mot"), SC_HEADER, motion_table(time[:190], motions[:190]))
        write_rows(Path(f"{sc[-1]}.wav"), WAV_HEADER, np.column_stack([time, 5.0 * i + time]))
    predicting.data |= {"predict_sc": sc, "predict_waves": waves}
    assert predicting.run() == 0
    together = np.loadtxt(output(predicting, "lstm_output_for_SC_3.txt"), skiprows=1)
    assert np.abs(together - alone).max() < 2e-4


def test_records_of_one_name_get_files_of_their_own(predicting):
    time = 0.1 * np.arange(60)
    for i, folder in enumerate(("sea_a/run", "sea_b/run")):
        write_rows(Path(f"{folder}/SC_3.mot"), SC_HEADER, motion_table(time, np.full((60, 3), 1.0 + i) * time[:, None]))
        write_rows(Path(f"{folder}/SC_3.wav"), WAV_HEADER, np.column_stack([time, time]))
    predicting.data = {"predict_sc": ["sea_a/run/SC_3", "sea_b/run/SC_3"]}
    assert predicting.run() == 0
    found = sorted(output(predicting, "").glob("*.txt"))
    assert len(found) == 2 and len(list(output(predicting, "").glob("*.mot"))) == 2
    assert found[0].read_bytes() != found[1].read_bytes()


def write_batch(folder: str, slope: float, name: str = "SC_3") -> str:
    """A record without LAMP of other content for each slope; returns its path."""
    time = 0.1 * np.arange(60)
    write_rows(Path(f"{folder}/{name}.mot"), SC_HEADER, motion_table(time, np.full((60, 3), slope) * time[:, None]))
    write_rows(Path(f"{folder}/{name}.wav"), WAV_HEADER, np.column_stack([time, time]))
    return f"{folder}/{name}"


def test_a_second_batch_of_equal_names_does_not_replace_the_texts_of_the_first(predicting, capsys):
    def texts() -> dict[str, bytes]:
        found = (path for ending in ("txt", "mot") for path in output(predicting, "").glob(f"*.{ending}"))
        return {path.name: path.read_bytes() for path in found}

    def predict(*paths: str, **waves) -> dict[str, bytes]:
        predicting.data = {"predict_sc": list(paths)} | waves
        assert predicting.run() == 0
        return texts()

    first = predict(write_batch("sea_a/SC", 1.0))
    assert sorted(first) == ["lstm_output_for_SC_3.mot", "lstm_output_for_SC_3.txt"]
    assert "the name of another" not in capsys.readouterr().err
    both = predict(write_batch("sea_b/SC", 2.0))
    assert sorted(both) == sorted([*first, "lstm_output_for_SC_SC_3.mot", "lstm_output_for_SC_SC_3.txt"])
    assert both.items() >= first.items()
    assert "1 predicted record with the name of another" in capsys.readouterr().err
    assert predict("sea_b/SC/SC_3") == predict(write_batch("elsewhere/SC", 1.0)) == both  # the same content again
    three = predict(write_batch("sea_c/SC", 3.0, "sc_3"))  # the same name on some file systems
    assert len({name.lower() for name in three}) == len(three) == 6 and three.items() >= both.items()
    write_rows(Path("waves.wav"), WAV_HEADER, np.column_stack([0.1 * np.arange(60), np.ones(60)]))
    four = predict(*["sea_a/SC/SC_3"] * 2, predict_waves=["sea_a/SC/SC_3", "waves"])  # other waves are another record
    assert len(four) == 8 and four.items() >= three.items()


def test_a_training_run_predicts_as_well(project):
    project.data |= {"predict_sc": project.data["train_sc"][:1], "predict_waves": project.data["train_lamp"][:1]}
    project.user["model_save_filename"] = "mine"
    project.save = {"train": [0], "val": [], "test": [], "prefix": "of_"}
    assert project.run() == 0
    folder = project.folder / "output_files" / "mine"
    names = [Path(name).name for name in REPORT]
    assert sorted(path.name for path in folder.iterdir()) == sorted([*names, "of_SC_0.mot", "of_SC_0.txt"])


def test_prediction_without_lamp_on_a_grid_and_of_the_moment(project):
    """The .sea file lies where predict_waves says, and the grid moves along SimpleCode's track."""
    grid = {"wave_grid_x_size": 3, "wave_grid_y_size": 3, "ship_length": 120.0, "ship_beam": 20.0}
    save_network(project, **grid, input_vbm=True, output_vbm=True)
    simple, lamp = project.data["test_sc"][0], project.data["test_lamp"][0]
    write_rows(Path(f"{lamp}.sea"), SEA_HEADER, np.array([[0.5, 40.0, 1.2, 150.0], [0.8, 100.0, 0.4, 120.0]]))
    Path(f"{lamp}.mot").unlink()
    project.data = {"predict_sc": [simple], "predict_waves": [lamp]}
    assert project.run() == 0
    text = output(project, "lstm_output_for_SC_3.txt")
    assert text.read_text().splitlines()[0].split() == ["Time", "VBM", "Zcg", "Roll", "Pitch"]
    table = np.loadtxt(text, skiprows=1)
    motions = text_tables.read_columns(output(project, "lstm_output_for_SC_3.mot"), text_tables.LAMP_MOT)
    assert np.array_equal(motions, table[:, [0, 2, 3, 4]])


# ---- other experiments' networks ----------------------------------------------------------------------------------


def test_another_experiments_network_is_not_replaced_unasked(project, capsys):
    project.user["model_save_filename"] = "mine"
    assert project.run() == 0
    assert project.run() == 0  # the same settings again
    before = {name: (project.folder / name).read_bytes() for name in files(project)}

    project.user["hidden_size"] = 5
    capsys.readouterr()
    for beside in ({}, {"resume": True}):  # resume is leave to go on, not to replace
        original = dict(project.user)
        project.user |= beside
        assert project.run() == 1
        (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("Error: ")]
        assert "overwrite" in line and "hidden_size was 4 and is now 5" in line and "mine" in line
        assert {name: (project.folder / name).read_bytes() for name in files(project)} == before
        project.user = original

    project.user["overwrite"] = True
    assert project.run() == 0
    facts = json.loads((project.folder / "saved_models/mine/settings.json").read_text())
    assert facts["settings"]["user"]["hidden_size"] == 5


def test_the_same_files_elsewhere_are_the_same_and_others_of_their_names_are_not(project, capsys):
    project.user["model_save_filename"] = "mine"
    assert project.run() == 0
    before = (project.folder / "saved_models/mine/history.csv").read_bytes()
    shutil.move("SimpleCode_files", "old/SimpleCode_files")
    shutil.move("LAMP_files", "old/LAMP_files")
    project.data = {
        name: [rf".\old\{path.replace(str(project.folder), '')}" for path in paths]
        for name, paths in project.data.items()
    }
    for resume in (False, True):
        project.user["resume"] = resume
        capsys.readouterr()
        assert project.run() == 0
        assert "its network is used" in (said := capsys.readouterr().out) or "which is used as it is" in said
        assert (project.folder / "saved_models/mine/history.csv").read_bytes() == before
    project.user |= {"epochs": 3, "lr_schedule": "constant"}
    write_realization(project.folder / "old", "_2", seed=77)  # files of the val set, written anew
    kept = {name: (project.folder / name).read_bytes() for name in files(project)}
    assert project.run() == 1
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("Error: ")]
    assert "have changed since the training began" in line and "overwrite = True" in line
    assert {name: (project.folder / name).read_bytes() for name in files(project)} == kept


def test_the_default_name_may_be_replaced(project):
    save_network(project, hidden_size=6)
    project.user = {"time_res": 3, "hidden_size": 4, "num_layers": 1, "epochs": 1}
    assert project.run() == 0
    facts = json.loads((project.folder / "saved_models" / NAME / "settings.json").read_text())
    assert facts["network"]["hidden_size"] == 4


# ---- several experiments ------------------------------------------------------------------------------------------


def test_a_queue_with_a_faulty_file_is_reported_at_the_start_and_not_run(project, capsys, monkeypatch):
    monkeypatch.setattr(main, "run", lambda *_: pytest.fail("nothing is run"))
    project.write_inputs("first.py")
    project.user["epoch"] = 3
    project.write_inputs("misspelt.py")
    path_of(project, "LAMP_3.wav").unlink()
    assert main.main(["--inputs", "first", "misspelt", "no_such_file"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 4 and all(line.startswith("Error: ") for line in lines)
    for parts in (
        ("first: ", "LAMP_3.wav"),
        ("misspelt: ", "epochs"),
        ("misspelt: ", "LAMP_3.wav"),
        ("no_such_file.py",),
    ):
        assert sum(all(part in line for part in parts) for line in lines) == 1
    assert project.written() == []


def test_a_queue_goes_on_behind_experiments_that_fail(predicting, capsys, monkeypatch):
    names = ["first", "unexpected", "last"]
    for name in names:
        predicting.save = {"prefix": f"{name}_"}
        predicting.write_inputs(f"{name}.py")
    read_sets = data_io.read_sets

    def read(config, workers):
        if config.save.prefix.startswith("unexpected"):
            raise ZeroDivisionError("cosmic ray")
        return read_sets(config, workers)

    monkeypatch.setattr(data_io, "read_sets", read)
    assert main.main(["--inputs", *names]) == 1
    said = capsys.readouterr()
    errors = said.err.splitlines()
    assert all(line.startswith("Error: ") for line in errors), errors
    assert any("unexpected" in line and "ZeroDivisionError: cosmic ray" in line for line in errors)
    assert [name for name in names if f"=== {name} ===" in said.out] == names
    written = sorted(path.name for path in output(predicting, "").glob("*.txt"))
    assert written == ["first_SC_3.txt", "last_SC_3.txt"]

    capsys.readouterr()
    assert main.main(["--inputs", "first", "last"]) == 0
    assert capsys.readouterr().err == ""


def test_input_files_of_one_name_in_two_folders(predicting):
    """Each builds on the file beside it, not on the one of the experiment before."""
    for name in ("one", "two"):
        folder = predicting.folder / name
        folder.mkdir()
        predicting.save = {"prefix": f"{name}_"}
        predicting.write_inputs(f"{name}/base_of_both.py")
        (folder / "inputs.py").write_text("from base_of_both import *\n")
    assert main.main(["--inputs", "one/inputs.py", "two/inputs.py"]) == 0
    written = sorted(path.name for path in output(predicting, "").glob("*.txt"))
    assert written == ["one_SC_3.txt", "two_SC_3.txt"]


# ---- the import line of main.py ------------------------------------------------------------------------------------


def start_with_import_line(folder: Path, module: str) -> subprocess.CompletedProcess:
    """main.py as a user has changed it, started in that folder."""
    text = (ROOT / "main.py").read_text(encoding="utf-8")
    changed = text.replace("\nfrom input_template import", f"\nfrom {module} import")
    assert changed != text
    (folder / "main.py").write_text(changed, encoding="utf-8")
    environment = dict(os.environ) | {"PYTHONPATH": str(ROOT)}
    return subprocess.run([sys.executable, "main.py"], cwd=folder, capture_output=True, text=True, env=environment)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, ["my_ship", "ModuleNotFoundError"]),
        ("class UserInputArgs:\n    def __init__(self:\n", ["my_ship.py, line 2", "SyntaxError"]),
        ("import data_io\n\nnumber = hidden + 1\n", ["my_ship.py, line 3", "NameError", "hidden"]),
        ("class UserInputArgs:\n    pass\n", ["my_ship", "ImportError"]),
        ("import no_such_library\n", ["my_ship.py, line 1", "no_such_library"]),
        ("def f():\n    return {}['x']\n\n\nf()\n", ["my_ship.py, line 2", "KeyError"]),
        ("import data_io\ncases = data_io.read_cases('no_cases.txt')\n", ["no_cases.txt", "my_ship.py, line 2"]),
    ],
)
def test_an_import_line_that_does_not_work_is_reported_in_one_line(tmp_path, text, expected):
    if text is not None:
        (tmp_path / "my_ship.py").write_text(text)
    done = start_with_import_line(tmp_path, "my_ship")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("Error: ") and all(part in line for part in expected), line


def test_an_import_line_that_works_runs_that_experiment(predicting):
    predicting.save = {"prefix": "of_my_ship_"}
    predicting.write_inputs("my_ship.py")
    done = start_with_import_line(predicting.folder, "my_ship")
    assert done.returncode == 0, done.stderr
    assert output(predicting, "of_my_ship_SC_3.txt").is_file()


def test_an_input_file_with_its_own_output_path_and_the_classes_of_another(predicting):
    """Nothing is written to output_files, where the report of another run may lie."""
    predicting.write_inputs("base_ship.py")
    text = "from base_ship import UserInputArgs, PlottingArgs, DataInfoArgs, DerivedArgs\n"
    text += 'class SaveDataArgs:\n    def __init__(self):\n        self.output_path = "mine"\n'
    (predicting.folder / "my_ship.py").write_text(text)
    done = start_with_import_line(predicting.folder, "my_ship")
    assert done.returncode == 0, done.stderr
    assert (predicting.folder / "mine").is_dir() and not (predicting.folder / "output_files").exists()


# ---- what stands in the way ---------------------------------------------------------------------------------------


def test_a_network_that_was_moved_away_is_loaded_all_the_same(predicting):
    folder = predicting.folder / "saved_models" / NAME
    os.replace(folder, folder.with_name(NAME + ".replaced"))
    assert predicting.run() == 0
    assert output(predicting, "lstm_output_for_SC_3.txt").is_file()
    assert [path.name for path in folder.parent.iterdir()] == [NAME]


def test_a_whole_run_on_a_grid_of_nine_points(project):
    for i in range(4):
        rows = np.array([[0.5, 40.0, 1.2, 150.0], [0.8, 100.0, 0.4 + 0.1 * i, 120.0]])
        write_rows(project.folder / f"LAMP_files/LAMP_{i}.sea", SEA_HEADER, rows)
        (project.folder / f"LAMP_files/LAMP_{i}.wav").unlink()
    project.user |= {"wave_grid_x_size": 3, "wave_grid_y_size": 3, "ship_length": 120, "ship_beam": 20}
    project.user |= {"mirror_symmetry": True, "epochs": 1, "input_size": 12, "output_size": 3}
    assert project.run() == 0
    facts = json.loads((project.folder / "saved_models" / NAME / "settings.json").read_text())
    points = [f"Wave_x{i}_y{j}" for i in (1, 2, 3) for j in (1, 2, 3)]
    assert facts["network"]["inputs"] == ["Zcg", "Roll", "Pitch", *points]
    assert len(pd.read_csv(output(project, "error_report.csv"))) == 36
    prediction = np.loadtxt(output(project, "lstm_output_for_SC_3.txt"), skiprows=1)
    assert prediction.shape == (190, 4) and np.isfinite(prediction).all()


def test_a_whole_run_on_the_bending_moment_without_simplecodes(project):
    """LAMP's moment from SimpleCode's motions; SimpleCode has none of its own to compare with."""
    for i in range(4):
        (project.folder / f"SimpleCode_files/SC_{i}.vbm").unlink()
    project.user |= {"output_vbm": True, "epochs": 1}
    project.plotting = {}
    assert project.run() == 0
    report = pd.read_csv(output(project, "error_report.csv")).set_index(["set", "source", "channel"])
    assert np.isfinite(report.loc[("test", "LSTM", "VBM"), "mse"])
    assert ("test", "SimpleCode", "VBM") not in report.index
    header = output(project, "lstm_output_for_SC_3.txt").read_text().splitlines()[0]
    assert header.split() == ["Time", "VBM", "Zcg", "Roll", "Pitch"]


@pytest.mark.parametrize(
    ("asked", "broken"),
    [({}, []), ({"input_vbm": True}, ["SC_1.vbm"]), ({"output_vbm": True}, ["SC_1.vbm", "LAMP_1.vbm"])],
)
def test_the_moments_files_matter_only_where_they_are_asked_for(project, capsys, asked, broken):
    for name in ("SC_1.vbm", "LAMP_1.vbm"):
        path_of(project, name).write_text("")
    project.user |= asked | {"epochs": 1}
    assert project.run() == (1 if broken else 0)
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("Error: ")]
    assert len(errors) == len(broken)
    for name in broken:
        assert any(name in line and "empty" in line for line in errors)


@pytest.mark.parametrize("name", ["input_template", *sorted(path.stem for path in (ROOT / "recipes").glob("*.py"))])
def test_the_input_files_of_the_project_are_without_fault(monkeypatch, name):
    monkeypatch.chdir(ROOT)
    config, faults, warnings = input_file.read_config(input_file.load_module(name))
    assert (faults, warnings) == ([], [])
    assert data_io.faulty_files(config.user, config.data) == []
    if name == "input_predict":
        assert config.data.predict_sc and not config.user.training_mode
        assert all(Path(f"{path}.mot").is_file() for path in config.data.predict_sc)
        assert all(Path(f"{path}.wav").is_file() for path in config.data.predict_waves)
    if name == "input_original":
        assert dataclasses.replace(config.user, model_save_filename=NAME, num_batches=0, seed=None) == UserInput()
