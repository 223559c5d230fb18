"""What can go wrong outside of the program: full disks, folders that vanish, kills, two runs at once."""

import dataclasses
import errno
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from conftest import LAMP_HEADER, SC_HEADER, make_motions, motion_table, write_realization, write_rows
from matplotlib.figure import Figure
from test_fit import (
    FOLDER,
    ROOT,
    SETS,
    SMALL,
    STATE,
    Killed,
    Killer,
    assert_finished_alone,
    left_in,
    train,
    what_is_left,
)
from test_network import configure, make_record, make_sets, untrained

import data_io
import network
import plotting
from networks.network_folder import NetworkFolder
from settings import Config, DataInfo, UserInput
from system.errors import InputError
from system.files import write_json, write_table
from training import fit, history, objectives

# ---- full disks ----------------------------------------------------------------------------------------------------

ROWS = 3000
WRITERS = {
    "prediction": lambda path: data_io.write_prediction(path, np.arange(ROWS), np.ones((ROWS, 3)), data_io.MOTIONS),
    "LAMP's layout": lambda path: data_io.write_lamp_motions(
        path, np.arange(ROWS), np.ones((ROWS, 3)), np.ones((ROWS, 3))
    ),
    "report": lambda path: write_table(path, pd.DataFrame({"a": np.arange(ROWS) / 7})),
    "settings": lambda path: write_json(path, {"a": list(range(ROWS))}),
    "figure": lambda path: plotting.save_figure(Figure(figsize=(20, 20)), path),
    "network": lambda path: network.save_model(untrained(hidden_size=20).model, path.with_suffix(".keras")),
}


@pytest.fixture
def full_disk():
    """No file of this process may grow beyond some kilobytes: the system itself fails to write, as on a full disk."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("what", WRITERS)
def test_a_disk_that_is_full_costs_no_file_that_was_there(tmp_path, full_disk, what):
    path = tmp_path / "file.keras"
    path.write_bytes(b"the old one")
    with pytest.raises(InputError, match=r"file\.keras: cannot be written .*; free some disk space"):
        WRITERS[what](path)
    assert path.read_bytes() == b"the old one"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file.keras"]


def fail_in_call(monkeypatch, owner, name: str, number: int, code: int) -> None:
    """From its call of that number on, a function fails as it does where the system refuses to write."""
    original, calls = getattr(owner, name), []

    def failing(*arguments, **options):
        calls.append(name)
        if len(calls) >= number:
            raise OSError(code, os.strerror(code))
        return original(*arguments, **options)

    monkeypatch.setattr(owner, name, failing)


@pytest.mark.parametrize(
    ("owner", "name", "number"),
    [(np, "savez", 2), (network.keras.Model, "save", 2), (pd.DataFrame, "to_csv", 2)],
)
def test_a_training_on_a_full_disk_is_told_and_goes_on_once_there_is_room(eagerly, monkeypatch, owner, name, number):
    expected = left_in("undisturbed", epochs=3)
    train(epochs=1, seed=99)
    older = what_is_left()
    with monkeypatch.context() as broken:
        fail_in_call(broken, owner, name, number, errno.ENOSPC)
        with pytest.raises(InputError) as caught:
            train(epochs=3)
    first, *_, last = caught.value.lines
    assert "No space left on device" in first and "disk space" in first
    assert "interrupted after epoch " in last and "resume = True" in last
    assert what_is_left() == older
    network.load(configure(training_mode=False, **SMALL))
    train(resume=True, epochs=3)
    assert what_is_left() == expected
    assert_finished_alone()


def test_a_folder_without_the_right_to_write(eagerly, monkeypatch):
    monkeypatch.setattr(Path, "mkdir", lambda *_, **__: (_ for _ in ()).throw(PermissionError(13, "Permission denied")))
    with pytest.raises(InputError) as caught:
        train()
    (line,) = caught.value.lines
    assert "saved_models" in line and "Permission denied" in line and "check your permissions" in line
    assert not Path("saved_models").exists()


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "out/x"), ["out/x", "disk space"]),
        (FileNotFoundError(errno.ENOENT, "No such file", "out/y"), ["out/y", "disappeared"]),
        (OSError("the drive is gone"), ["the drive is gone"]),
    ],
)
def test_what_the_system_refuses_is_one_line_and_exit_status_1(project, capsys, monkeypatch, error, expected):
    monkeypatch.setattr(data_io, "read_sets", lambda *_: (_ for _ in ()).throw(error))
    assert project.run() == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("Error: ") and all(part in line for part in expected)


# ---- files that vanish or change -----------------------------------------------------------------------------------


def test_a_folder_that_vanishes_during_the_training_costs_nothing(eagerly, monkeypatch):
    expected = left_in("undisturbed", epochs=3)
    original = history.Progress.on_epoch_end

    def vanish(self, epoch, logs=None):
        if epoch == 2:
            shutil.rmtree(FOLDER)
        original(self, epoch, logs)

    monkeypatch.setattr(history.Progress, "on_epoch_end", vanish)
    train(epochs=3)
    assert what_is_left() == expected


def test_a_training_goes_on_only_with_the_data_it_began_with(eagerly, monkeypatch):
    killer = Killer(monkeypatch)
    killer.kill("replace history.csv", 3)
    first, second = SETS["train"]
    changed = dataclasses.replace(second, targets=second.targets + 1e-4)
    for record, others, line in (
        (changed, [first], rf"sets have changed since the training began \({second.name}\); .* resume = False"),
        (first, [second], "the order of the train and val sets has changed since"),
        (first, [], "the files of the train and val sets have changed since"),
    ):
        with pytest.raises(InputError, match=line):
            train(SETS | {"train": (*others, record)}, resume=True)
    moved = {name: [dataclasses.replace(r, inputs=r.inputs + 0.1) for r in SETS[name]] for name in ("train", "val")}
    with pytest.raises(InputError, match=rf"sets have changed since the training began \({first.name} and 2 more\)"):
        train(SETS | moved, resume=True)
    train(SETS | {"test": (make_record(30, 9),)}, resume=True)  # the test set has no part in it
    assert_finished_alone()


@pytest.mark.parametrize("name", [STATE, "history.csv"])
@pytest.mark.parametrize("content", [None, b"", b"nothing"])
def test_a_cut_off_training_that_is_damaged_is_not_gone_on_with(eagerly, monkeypatch, name, content):
    Killer(monkeypatch).kill("replace history.csv", 3)
    whole = (FOLDER / name).read_bytes()
    (FOLDER / name).write_bytes(whole[: len(whole) // 2] if content is None else content)
    with pytest.raises(InputError, match="damaged .*start again with resume = False"):
        train(resume=True)


def test_a_cut_off_training_whose_best_network_is_damaged_is_not_gone_on_with(eagerly, monkeypatch):
    Killer(monkeypatch).kill("replace history.csv", 3)
    (FOLDER / "model.keras").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"model\.keras: cannot be loaded"):
        train(resume=True)


def test_a_file_that_vanishes_while_it_is_predicted_costs_only_itself(tmp_path, monkeypatch):
    from test_outputs import predict

    pairs = [write_realization(tmp_path / "data", f"_{i}", rows=30, seed=i) for i in range(3)]
    sc, lamp = zip(*pairs, strict=True)
    config = Config(user=UserInput(time_res=2), data=DataInfo(predict_sc=sc, predict_waves=lamp))
    read_record = data_io.read_record

    def vanishing(path, *rest):
        found = read_record(path, *rest)
        if path == sc[1]:
            Path(f"{path}.mot").unlink()
        return found

    monkeypatch.setattr(data_io, "read_record", vanishing)
    (fault,) = predict(config).faults
    assert "SC_1.mot: file is missing" in fault
    assert sorted(path.name for path in config.output_folder.glob("*.mot")) == [
        "lstm_output_for_SC_0.mot",
        "lstm_output_for_SC_2.mot",
    ]


# ---- kills ---------------------------------------------------------------------------------------------------------


def test_predictions_and_figures_are_whole_whenever_the_run_is_killed(tmp_path, monkeypatch):
    """Killed before each of its renames, with the file that was to be renamed cut in the middle."""
    writers = {name: write for name, write in WRITERS.items() if name != "network"}

    def write_all(offset: int) -> None:
        for i, write in enumerate(writers.values()):
            write(tmp_path / f"out/{i + offset}.png")

    write_all(100)
    expected = [path.read_bytes() for path in sorted((tmp_path / "out").iterdir())]
    for number in range(1, len(writers) + 1):
        shutil.rmtree(tmp_path / "out")
        with monkeypatch.context() as patched:
            killer = Killer(patched)
            killer._pattern, killer._left, killer._half = "replace", number, True
            with pytest.raises(Killed):
                write_all(100)
        whole = sorted(path for path in (tmp_path / "out").iterdir() if not path.name.startswith("writing_"))
        assert len(whole) == number - 1
        assert all(len(path.read_bytes()) == len(old) for path, old in zip(whole, expected, strict=False))
        write_all(100)  # what was left half-written is written over
        assert len(list((tmp_path / "out").iterdir())) == len(writers)


# ---- two runs of one name ------------------------------------------------------------------------------------------


def test_a_network_is_trained_by_one_run_at_a_time(eagerly):
    trained = train(epochs=1)
    with NetworkFolder(FOLDER).only_training():
        with pytest.raises(InputError) as caught:
            train(epochs=1)
        (line,) = caught.value.lines
        assert "another run is training this network" in line and "another model_save_filename" in line
        train(epochs=1, model_save_filename="another")
        assert network.load(configure(training_mode=False, **SMALL)).best_epoch == trained.best_epoch
    train(epochs=1)
    assert sorted(path.name for path in Path("saved_models").iterdir()) == ["another", FOLDER.name]


HOLD = """
import sys, time
from pathlib import Path
from networks.network_folder import NetworkFolder
with NetworkFolder(Path("saved_models/one")).only_training():
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_lock_of_a_process_that_was_killed_is_taken_over():
    environment = dict(os.environ) | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", HOLD]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(InputError, match="another run is"), NetworkFolder(Path("saved_models/one")).only_training():
            pass
        holder.send_signal(signal.SIGKILL)
    assert Path("saved_models/one.lock").is_file()
    with NetworkFolder(Path("saved_models/one")).only_training():
        pass
    assert not Path("saved_models/one.lock").exists()


# ---- divergence, and channels that stand still ---------------------------------------------------------------------


def test_a_training_that_diverges_later_keeps_the_best_network_and_says_what_to_try(eagerly, capsys):
    sets = make_sets(rows=(40,), val_rows=(30,), test_rows=())
    original = objectives.Validation.on_epoch_end
    user = SMALL | {"epochs": 8, "optimizer": "sgd", "lr": 0.01}

    def explode(self, epoch, logs=None):
        original(self, epoch, logs)
        if epoch == 2:
            self.model.set_weights([1e30 * weight for weight in self.model.get_weights()])

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(objectives.Validation, "on_epoch_end", explode)
        trained = fit.train(configure(**user), sets)
    said = capsys.readouterr().out
    assert "try a smaller lr than 0.01" in said
    assert len(trained.history) < 8 and 1 <= trained.best_epoch <= 3
    assert all(
        np.isfinite(weight).all()
        for weight in network.load(configure(training_mode=False, **SMALL)).model.get_weights()
    )


@pytest.mark.filterwarnings("error::RuntimeWarning")  # division by zero, mean of nothing
def test_head_seas_are_trained_reported_and_drawn_without_a_warning(project, capsys):
    """Roll is exactly zero in every row of every file."""
    time = 0.1 * np.arange(200)
    for i in range(4):
        motions = make_motions(200, i).round(4) * [1, 0, 1]
        write_rows(project.folder / f"SimpleCode_files/SC_{i}.mot", SC_HEADER, motion_table(time, motions))
        write_rows(project.folder / f"LAMP_files/LAMP_{i}.mot", LAMP_HEADER, motion_table(time, 1.2 * motions))
    project.plotting = {f"{kind}_ID_list_{s}": [] for kind in ("prediction", "error") for s in ("train", "val")}
    project.plotting |= {"histo_ID_list_test": [0], "maxima_ID_list_test": [0]}
    tf.config.run_functions_eagerly(False)
    assert project.run() == 0
    said = capsys.readouterr()
    assert "nan" not in said.out.lower() and "Traceback" not in said.err
    folder = project.folder / "output_files/recently_trained_model"
    assert "nan" not in (folder / "lstm_output_for_SC_3.txt").read_text()
    report = pd.read_csv(folder / "error_report.csv").set_index(["set", "source", "channel"])
    assert np.isfinite(report[["mse", "rmse", "max_error", "ssa_error"]]).all(axis=None)
    assert len(list((folder / "figures").glob("*.png"))) >= 4
