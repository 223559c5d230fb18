"""Trainings that are cut off and continued, checkpoints, and fine-tuning from a saved network."""

import dataclasses
import json
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from conftest import faults_of
from test_network import configure, make_sets, save_untrained, standardized_loss

import main
import network
import prediction
from network import TrainedNetwork
from networks.network_folder import NetworkFolder
from networks.standardization import Standardization
from settings import DEFAULT_NAME, Config, DataInfo, UserInput
from system.errors import InputError
from training import fit, history, objectives
from training.rates_and_stopping import ENDLESS_SCHEDULES, automatic_rates

ROOT = Path(main.__file__).resolve().parent
FOLDER = Path("saved_models") / DEFAULT_NAME
STATE = "training_state.npz"
KEPT_STATE = f"checkpoints/{STATE}"  # where the training can go on beyond its last epoch
FINISHED = ["checkpoints/last.keras", KEPT_STATE, "history.csv", "model.keras", "settings.json"]


SETS = make_sets(rows=(40, 37), val_rows=(30,), test_rows=())
SMALL = {"hidden_size": 3, "time_res": 2, "epochs": 5, "num_batches": 2}


def train(sets=None, **user) -> TrainedNetwork:
    return fit.train(configure(**(SMALL | user)), sets or SETS)


def what_is_left(folder: Path = FOLDER) -> dict:
    """What a finished training says and has learned, without the time that it took."""
    history = pd.read_csv(folder / "history.csv", dtype=str).drop(columns="elapsed_s")
    facts = json.loads((folder / "settings.json").read_text())
    weights = keras.models.load_model(folder / "model.keras", compile=False).get_weights()
    return {
        "history": history.to_dict("records"),
        "facts": {name: facts[name] for name in ("seed", "network", "epochs_trained", "best_epoch", "stopped")},
        "weights": [(weight.shape, weight.tobytes()) for weight in weights],
    }


def left_in(name: str, sets=None, **user) -> dict:
    """The same of an undisturbed training, under another name."""
    train(sets, model_save_filename=name, **user)
    return what_is_left(FOLDER.with_name(name))


def files_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def assert_finished_alone() -> None:
    """Nothing but the finished networks: no state to go on from, no half-written file, no folder set aside."""
    folders = {path.name for path in Path("saved_models").iterdir()}
    assert not [name for name in folders if name.endswith((".replaced", ".training"))]
    endless = json.loads((FOLDER / "settings.json").read_text())["settings"]["user"]["lr_schedule"] in ENDLESS_SCHEDULES
    assert files_in(FOLDER) == [name for name in FINISHED if endless or name != KEPT_STATE]


class Killed(BaseException):
    """Ends a training as a power cut does: nothing in the program catches it."""


class Killer:
    """Notes each change that a training makes on the disk, and ends the training before a chosen one."""

    def __init__(self, monkeypatch):
        self.done: list[str] = []
        self._pattern, self._left, self._half = "", 0, False
        for owner, name in ((os, "replace"), (Path, "unlink"), (shutil, "rmtree")):
            monkeypatch.setattr(owner, name, self._watched(getattr(owner, name), name))

    def _watched(self, original, name):
        def changed(*arguments, **options):
            label = f"{name} {Path(arguments[-1]).name}"
            if self._left and re.search(self._pattern, label):
                self._left -= 1
                if not self._left:
                    if self._half and name == "replace" and Path(arguments[0]).is_file():
                        os.truncate(arguments[0], Path(arguments[0]).stat().st_size // 2)
                    raise Killed
            self.done.append(label)
            return original(*arguments, **options)

        return changed

    def kill(self, pattern: str, number: int = 1, half: bool = False, sets=None, **user) -> None:
        """A training that is ended before its change of that number whose label matches the pattern.

        half: the file that was to be renamed is cut in the middle.
        """
        self.done, self._pattern, self._left, self._half = [], pattern, number, half
        with pytest.raises(Killed):
            train(sets, **user)


@pytest.fixture
def killer(monkeypatch, eagerly) -> Killer:
    return Killer(monkeypatch)


# ---- trainings that were cut off ----------------------------------------------------------------------------------

VARIANTS = {
    "plain": {},
    "windows, cosine, muon, both directions, averaged weights": {
        "weight_averaging": 0.9,
        "window_length": 8,
        "washout_length": 3,
        "lr_schedule": "cosine",
        "optimizer": "muon",
        "bi_directional": True,
    },
    "dropout, averaged weights": {"num_layers": 2, "dropout": 0.4, "optimizer": "adamw", "weight_averaging": 0.5},
    "ensemble, mirrored windows, momentum, correction": {
        "num_networks": 2,
        "mirror_symmetry": True,
        "optimizer": "sgd",
        "momentum": 0.9,
        "predict_correction": True,
        "lr_schedule": "step",
    },
    "plateau": {"lr_schedule": "plateau", "lr": 0.3, "patience": 3, "optimizer": "rmsprop"},
    "automatic": {"lr_schedule": "automatic", "optimizer": "muon", "weight_averaging": 0.5, "epochs": 8},
    "transformer": {"network_type": "transformer", "dropout": 0.1, "window_length": 15, "epochs": 4},
    "output filter": {"output_filter": True, "mirror_symmetry": True},
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_training_cut_off_twice_ends_as_the_undisturbed_one(killer, variant):
    user = VARIANTS[variant]
    expected = left_in("undisturbed", **user)
    killer.kill(f"replace {STATE}", 2, **user)  # history and network are of epoch 2 by then, the state of epoch 1
    killer.kill("replace history.csv", 3, resume=True, **user)  # in epoch 4
    train(resume=True, **user)
    assert what_is_left() == expected
    assert_finished_alone()
    if variant in ("plateau", "automatic"):
        assert len({row["learning_rate"] for row in expected["history"]}) > 1


def test_cut_off_without_a_validation_set(killer):
    sets = SETS | {"val": ()}
    expected = left_in("undisturbed", sets)
    killer.kill("replace history.csv", 3, sets=sets)
    train(sets, resume=True)
    assert what_is_left() == expected


@pytest.mark.parametrize("filtered", [False, True])
def test_cut_off_at_any_change_on_the_disk_from_the_first_to_the_last(killer, filtered):
    """Where a network of the same name stands, which is whole all the time, as whole as the new one that follows it."""
    user = {"epochs": 1, "lr": 0.03, "num_batches": 1, "output_filter": filtered}
    expected = left_in("undisturbed", **user)
    train(epochs=1, seed=99)
    older = what_is_left()
    kept = FOLDER.with_name("kept")
    shutil.copytree(FOLDER, kept)
    killer.done = []
    train(**user)
    changes = list(killer.done)
    assert {f"replace {name}" for name in (STATE, "history.csv", "model.keras", "settings.json")} < set(changes)
    for number in range(1, len(changes) + 1):
        shutil.rmtree(FOLDER)
        shutil.copytree(kept, FOLDER)
        killer.kill("", number, half=(number + filtered) % 2 == 1, **user)  # the rename of a state cuts nothing
        network.load(configure(training_mode=False, **SMALL))  # puts it back where it was moved away
        assert what_is_left() in (older, expected), changes[number - 1]
        train(resume=True, **user)
        assert what_is_left() == expected, changes[number - 1]
        assert_finished_alone()


STOPPING = {"patience": 2, "lr": 0.5, "epochs": 30, "optimizer": "sgd"}


@pytest.fixture
def stopping_sets() -> dict:
    """Validation targets that have nothing to do with the inputs: learning makes it worse."""
    val = SETS["val"][0]
    noise = 100 * np.random.default_rng(0).normal(size=val.targets.shape)
    return SETS | {"val": (type(val)("x", val.time, val.inputs, noise, val.simple),)}


@pytest.mark.parametrize("from_the_end", [0, 1])
def test_patience_runs_on_through_an_interruption(killer, stopping_sets, from_the_end):
    expected = left_in("undisturbed", stopping_sets, **STOPPING)
    epochs = len(expected["history"])
    assert 2 <= epochs < STOPPING["epochs"]
    killer.kill("replace history.csv", epochs - from_the_end, sets=stopping_sets, **STOPPING)
    train(stopping_sets, resume=True, **STOPPING)
    assert what_is_left() == expected


@pytest.mark.parametrize(
    "user",
    [
        {"checkpoint_every": 2},
        {"lr": 1e-12, "patience": 2, "epochs": 9, "num_batches": 1},
        {"lr_schedule": "automatic", "lr": 1e-6, "epochs": 30, "num_batches": 1},
    ],
)
def test_cut_off_after_the_last_epoch_only_the_end_is_done(killer, user):
    """All epochs are done, patience or the automatic schedule is at its end."""
    expected = left_in("undisturbed", **user)
    killer.kill("replace settings.json", 2, **user)
    assert (FOLDER / STATE).is_file()
    killer.done = []
    train(resume=True, **user)
    assert "replace history.csv" not in killer.done  # no epoch was trained again
    assert what_is_left() == expected and not (FOLDER / STATE).exists()


def test_an_interrupted_training_is_replaced_on_request_alone(killer, capsys):
    expected = left_in("undisturbed")
    killer.kill("replace history.csv", 4)
    before = {name: (FOLDER / name).read_bytes() for name in files_in(FOLDER)}
    (line,) = faults_of(train)
    assert "resume = True to continue it, or overwrite = True" in line
    assert {name: (FOLDER / name).read_bytes() for name in files_in(FOLDER)} == before
    killer.done = []
    train(overwrite=True)
    assert killer.done.count(f"replace {STATE}") == SMALL["epochs"] + 1  # from the beginning; the last one is put away
    assert f"the interrupted training in {FOLDER} is replaced" in capsys.readouterr().err
    assert what_is_left() == expected
    assert_finished_alone()


def test_cut_off_before_the_first_state_is_saved_a_training_starts_from_the_beginning(killer, capsys):
    """The network of the first epoch is there by then, but it is not that of a finished training."""
    expected = left_in("undisturbed")
    killer.kill(f"replace {STATE}", 1)
    assert (FOLDER / "model.keras").is_file()
    train(resume=True)
    assert "training starts from the beginning" in capsys.readouterr().out
    assert what_is_left() == expected
    assert_finished_alone()


def test_resume_on_a_finished_network_uses_it_as_it_is(killer, capsys):
    trained = train(lr_schedule="cosine")
    killer.done = []
    again = train(resume=True, lr_schedule="cosine")
    assert "is finished (all epochs done)" in capsys.readouterr().out
    assert killer.done == ["unlink recently_trained_model.lock"]
    assert again.best_epoch == trained.best_epoch and len(again.history) == len(trained.history)
    assert all(map(np.array_equal, again.model.get_weights(), trained.model.get_weights()))
    train(resume=True, lr_schedule="cosine", lr=0.02)
    assert "(lr was 0.01 and is now 0.02); training starts over" in capsys.readouterr().out
    assert_finished_alone()


@pytest.mark.parametrize(("schedule", "cut_off"), [*zip(ENDLESS_SCHEDULES, (False, True), strict=True)])
def test_resume_with_more_epochs_goes_on_where_the_schedule_allows_it(killer, capsys, schedule, cut_off):
    user = {"lr_schedule": schedule, "patience": 3, "weight_averaging": 0.5}
    expected = left_in("undisturbed", **user)
    train(epochs=3, **user)
    capsys.readouterr()
    if cut_off:
        killer.kill("replace history.csv", 1, resume=True, **user)
    train(resume=True, **user)
    assert "after epoch 3" in capsys.readouterr().out
    assert what_is_left() == expected  # no setting of this training follows the number of epochs
    assert json.loads((FOLDER / "settings.json").read_text())["settings"]["user"]["epochs"] == SMALL["epochs"]
    assert_finished_alone()


@pytest.mark.parametrize("schedule", ["exponential", "constant"])
def test_resume_with_more_epochs_says_why_it_cannot_go_on(eagerly, schedule):
    train(epochs=2, lr_schedule=schedule)
    (FOLDER / KEPT_STATE).unlink(missing_ok=True)
    before = what_is_left()
    (line,) = faults_of(lambda: train(epochs=4, lr_schedule=schedule, resume=True))
    assert "cannot continue beyond 2 epochs" in line and "resume = False" in line
    assert ("lr_schedule = 'exponential' lowers" if schedule == "exponential" else "was not kept") in line
    assert what_is_left() == before


def test_a_named_network_may_go_on_beyond_its_last_epoch_and_nothing_else(project, capsys):
    project.user |= {"model_save_filename": "mine", "lr_schedule": "constant"}
    assert project.run() == 0
    project.user |= {"resume": True, "epochs": 3}
    assert project.run() == 0
    assert "after epoch 2" in capsys.readouterr().out
    project.user["lr"] = 0.02
    assert project.run() == 1
    assert "holds another experiment" in capsys.readouterr().err


def test_settings_that_differ_are_listed_and_nothing_is_touched(killer):
    killer.kill("replace history.csv", 2)
    before = {name: (FOLDER / name).read_bytes() for name in files_in(FOLDER)}
    user = UserInput(**(vars(configure(**SMALL).user) | {"resume": True, "lr": 0.5, "hidden_size": 7, "seed": 6}))
    lines = faults_of(fit.train, Config(user=user, data=DataInfo(train_sc=("a",), train_lamp=("b",))), SETS)
    assert len(lines) == 3  # other paths are not other data
    for name, was, now in (("lr", "0.01", "0.5"), ("hidden_size", "3", "7"), ("seed", "5", "6")):
        assert any(f"{name} was {was} and is now {now}" in line for line in lines), lines
    assert {name: (FOLDER / name).read_bytes() for name in files_in(FOLDER)} == before


def test_settings_beside_the_training_may_differ_and_a_drawn_seed_is_taken_up(killer):
    expected = left_in("undisturbed", seed=None)
    seed = expected["facts"]["seed"]
    killer.kill("replace history.csv", 3, seed=seed)
    train(resume=True, seed=None, checkpoint_every=2, overwrite=True, input_size=4)
    assert what_is_left() == expected


def test_a_process_that_is_killed_goes_on(project, monkeypatch):
    """The real thing, as the user has it: SIGKILL, then main.py again with resume = True."""
    project.user |= {"epochs": 40, "model_save_filename": "killed"}
    project.data |= {"test_sc": [], "test_lamp": []}
    project.save = {"save_data_mode": False}
    project.write_inputs()
    folder = project.folder / "saved_models" / "killed"
    command = [sys.executable, str(ROOT / "main.py"), "--inputs", "my_inputs"]
    with open("said.txt", "w") as said, subprocess.Popen(command, stdout=said, stderr=said) as process:
        until = time.monotonic() + 120
        while process.poll() is None and time.monotonic() < until:
            if (folder / STATE).is_file() and len((folder / "history.csv").read_text().splitlines()) > 4:
                break
            time.sleep(0.003)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL, Path("said.txt").read_text()
    assert (folder / STATE).is_file()
    assert 4 <= len(pd.read_csv(folder / "history.csv")) < 40
    project.user["resume"] = True
    assert project.run() == 0
    project.user |= {"resume": False, "model_save_filename": "undisturbed"}
    assert project.run() == 0
    assert what_is_left(folder) == what_is_left(folder.with_name("undisturbed"))
    assert files_in(folder) == sorted([*FINISHED, "linear_filter.npz", "training_windows.npz"])


def test_a_fine_tuning_is_of_one_network_and_not_of_another_of_that_name(eagerly):
    train(epochs=1, model_save_filename="source")
    tuned = {"epochs": 1, "model_save_filename": "tuned", "fine_tune_filename": "source"}
    train(**tuned)
    train(**tuned)  # as it is
    train(epochs=1, model_save_filename="source", overwrite=True, lr=0.02)
    with pytest.raises(InputError, match="the network source, from which it starts, has changed since the training"):
        train(**tuned)
    train(**tuned, overwrite=True)


def test_a_finished_network_says_where_its_data_lie_now(eagerly):
    user = configure(**SMALL | {"epochs": 1, "model_save_filename": "mine"}).user
    for folder in ("a", "b"):
        data = DataInfo(train_sc=(f"{folder}/SC",), train_lamp=(f"{folder}/LAMP",))
        fit.train(Config(user=user, data=data), SETS)
    saved = NetworkFolder(FOLDER.with_name("mine")).training_config()
    assert saved.data.train_sc == ("b/SC",) and saved.data.train_lamp == ("b/LAMP",)


def test_a_copy_of_the_network_that_the_user_keeps_beside_it_stays(eagerly):
    train(epochs=1)
    copy = FOLDER.with_name(f"{FOLDER.name}.old")
    shutil.copytree(FOLDER, copy)
    before = {name: (copy / name).read_bytes() for name in files_in(copy)}
    train(epochs=1, lr=0.02)
    assert {name: (copy / name).read_bytes() for name in files_in(copy)} == before
    shutil.rmtree(FOLDER)
    train(epochs=1, model_save_filename="another")
    with pytest.raises(InputError, match="there is no saved network of this name"):
        network.load(configure(training_mode=False, **SMALL))


def test_a_network_that_was_moved_away_is_found_again(eagerly):
    trained = train(epochs=1)
    moved = NetworkFolder(FOLDER).replaced.path
    os.replace(FOLDER, moved)
    loaded = network.load(configure(training_mode=False, **SMALL))
    assert FOLDER.is_dir() and not moved.exists()
    pairs = zip(loaded.model.get_weights(), trained.model.get_weights(), strict=True)
    assert all(np.array_equal(a, b) for a, b in pairs)


# ---- what is said --------------------------------------------------------------------------------------------------


def test_a_batch_job_logs_an_epoch_at_most_every_ten_seconds(tmp_path, monkeypatch, capsys):
    now = iter(np.arange(0.0, 1000.0, 3.0))
    monkeypatch.setattr(history.time, "perf_counter", lambda: next(now))
    progress = history.Progress(8, "val_loss", tmp_path / "history.csv", ("Zcg",))
    progress.set_model(keras.Sequential([keras.layers.Dense(1)]))
    progress.model.compile("adam", "mse")
    for epoch in range(8):
        progress.on_epoch_begin(epoch)
        progress.on_epoch_end(epoch, {"loss": 0.5, "val_loss": 1 / (epoch + 2)})
    lines = capsys.readouterr().out.splitlines()
    assert 1 < len(lines) < 8 and lines[0].startswith("epoch 1/8  loss 5.00e-01  validation 5.00e-01")
    assert all("left" in line for line in lines)


def test_tensorflows_hints_to_programmers_do_not_reach_the_user(capsys):
    for steps in range(3, 12):
        tf.function(lambda x: x + 1.0)(tf.zeros(steps))

    @tf.function
    def traced(x):
        return x + 1.0

    for steps in range(3, 20):
        traced(tf.zeros(steps))
    assert not tf.get_logger().isEnabledFor(logging.WARNING)
    assert "retracing" not in capsys.readouterr().err


# ---- TensorBoard ------------------------------------------------------------------------------------------------


def test_curves_for_tensorboard_go_on_through_an_interruption_and_start_anew_with_a_training(killer):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    def steps(which: str) -> list[int]:
        events = EventAccumulator(str(Path("output_files") / DEFAULT_NAME / "tensorboard" / which))
        events.Reload()
        return [event.step for event in events.Tensors("epoch_loss")]

    killer.kill("replace history.csv", 3, tensorboard=True)
    train(resume=True, tensorboard=True)
    assert sorted(set(steps("validation"))) == sorted(set(steps("train"))) == [0, 1, 2, 3, 4]
    assert_finished_alone()
    assert what_is_left() == left_in("undisturbed")
    train(tensorboard=True, epochs=2)
    assert steps("train") == [0, 1]


# ---- checkpoints --------------------------------------------------------------------------------------------------


def test_checkpoints_every_few_epochs_and_the_newest_are_kept(eagerly):
    x = SETS["val"][0].inputs[None, ::2].astype(np.float32)
    train(epochs=9, checkpoint_every=2, max_checkpoints=3, model_save_filename="whole")
    folder = Path("saved_models/whole/checkpoints")
    names = ["epoch_000004.keras", "epoch_000006.keras", "epoch_000008.keras", "last.keras"]
    assert sorted(path.name for path in folder.glob("*.keras")) == names
    answers = [keras.models.load_model(folder / name)(x).numpy() for name in names]
    for earlier, later in zip(answers, answers[1:], strict=False):
        assert np.isfinite(later).all() and not np.array_equal(earlier, later)
    # A constant learning rate: the training of fewer epochs ends with the network of that epoch.
    train(epochs=6, checkpoint_every=6)
    assert np.array_equal(keras.models.load_model(FOLDER / "checkpoints" / "last.keras")(x).numpy(), answers[1])


def test_the_last_network_is_there_however_a_training_ends(killer, monkeypatch):
    """Of the last whole epoch, which is not the best one here."""
    x = SETS["val"][0].inputs[None, ::2].astype(np.float32)
    user = {"lr": 0.6, "optimizer": "sgd"}

    def answer(path: Path) -> np.ndarray:
        return keras.models.load_model(path, compile=False)(x).numpy()

    train(checkpoint_every=1, model_save_filename="whole", **user)
    whole = FOLDER.with_name("whole")
    third = answer(whole / "checkpoints" / "epoch_000003.keras")
    last = FOLDER / "checkpoints" / "last.keras"
    killer.kill("replace history.csv", 4, **user)
    assert np.array_equal(answer(last), third)
    train(resume=True, **user)
    assert np.array_equal(answer(last), answer(whole / "checkpoints" / "epoch_000005.keras"))

    shutil.rmtree(FOLDER)
    with monkeypatch.context() as patch:
        press_ctrl_c(patch, epoch=4)
        stopped = train(**user)
    assert len(stopped.history) == 3
    assert np.array_equal(answer(last), third)
    assert_finished_alone()


def press_ctrl_c(monkeypatch, epoch: int) -> None:
    def interrupt(*_):
        raise KeyboardInterrupt

    original = objectives.Validation.on_epoch_end
    monkeypatch.setattr(
        objectives.Validation,
        "on_epoch_end",
        lambda self, number, logs=None: (interrupt if number == epoch - 1 else original)(self, number, logs),
    )


@pytest.mark.parametrize("user", [{}, {"overwrite": True, "model_save_filename": "mine"}])
def test_a_training_stopped_by_ctrl_c_does_not_take_the_place_of_a_finished_network(eagerly, monkeypatch, user):
    folder = FOLDER.with_name(user.get("model_save_filename", DEFAULT_NAME))
    expected = left_in("undisturbed")
    train(**user)
    finished = {name: (folder / name).read_bytes() for name in files_in(folder)}
    with monkeypatch.context() as patch:
        press_ctrl_c(patch, epoch=3)
        (line,) = faults_of(lambda: train(**user))
    assert "stays as it is; the interrupted training is in " in line and ": resume = True" in line
    assert {name: (folder / name).read_bytes() for name in files_in(folder)} == finished
    train(**(user | {"resume": True, "overwrite": False}))  # what was interrupted goes on
    assert what_is_left(folder) == expected and not NetworkFolder(folder).interrupted_training()
    assert not NetworkFolder(folder).unfinished.path.exists()


def test_the_same_command_again_uses_the_network_that_it_finished(killer, capsys):
    trained = train(model_save_filename="mine", seed=None)
    killer.done = []
    capsys.readouterr()
    again = train(model_save_filename="mine", seed=None)
    assert "overwrite = True" in capsys.readouterr().out and killer.done == ["unlink mine.lock"]
    assert all(map(np.array_equal, again.model.get_weights(), trained.model.get_weights()))
    other = make_sets(rows=(40, 36), val_rows=(30,), test_rows=())
    for resume in (False, True):
        with pytest.raises(InputError, match="holds another experiment .the files of the train and val sets have"):
            train(other, model_save_filename="mine", seed=None, resume=resume)
    moved = {"train": SETS["train"][:1], "val": (*SETS["train"][1:], *SETS["val"]), "test": ()}
    with pytest.raises(InputError, match="holds another experiment"):
        train(moved, model_save_filename="mine", seed=None)
    assert killer.done == ["unlink mine.lock"] * 4
    train(other, model_save_filename="mine", overwrite=True)
    linear = {"network_type": "linear", "model_save_filename": "filter"}
    first, second = train(**linear), train(**linear)
    assert first.history["elapsed_s"].tolist() == second.history["elapsed_s"].tolist()


def test_whoever_watches_the_epochs_can_end_a_training_which_can_then_go_on(eagerly):
    undisturbed = left_in("undisturbed")
    seen = []

    def stop_after_three(epoch, logs):
        seen.append((epoch, logs["val_loss"]))
        if epoch == 2:
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        fit.train(configure(**SMALL), SETS, after_epoch=stop_after_three)
    history = pd.read_csv(FOLDER / "history.csv")
    assert seen == [(epoch - 1, loss) for epoch, loss in zip(history["epoch"], history["val_loss"], strict=True)]
    train(resume=True)
    assert what_is_left() == undisturbed


def test_predictions_of_the_checkpoints_are_those_of_their_files(eagerly):
    trained = train(epochs=5, checkpoint_every=2, lr=0.6, optimizer="sgd", num_networks=2)
    inputs = [record.inputs for record in SETS["val"]]
    before = trained.model.get_weights()
    predictions = prediction.predict_with_checkpoints(NetworkFolder(FOLDER), trained, inputs)
    assert all(np.array_equal(a, b) for a, b in zip(trained.model.get_weights(), before, strict=True))
    files = {2: "epoch_000002.keras", 4: "epoch_000004.keras", 5: "last.keras", trained.best_epoch: "../model.keras"}
    assert list(predictions) == sorted(files)
    for epoch, name in files.items():
        model = keras.models.load_model(FOLDER / "checkpoints" / name)
        expected = model(inputs[0][None, ::2].astype(np.float32)).numpy()[0]
        np.testing.assert_allclose(predictions[epoch][0].mean[::2], expected, rtol=1e-4, atol=1e-5)
    assert len({outputs[0].mean.tobytes() for outputs in predictions.values()}) == len(files)
    file = FOLDER / "checkpoints" / "epoch_000002.keras"
    shutil.copy(FOLDER / "checkpoints" / "epoch_000004.keras", file)
    with pytest.raises(InputError, match=r"epoch_000002\.keras: is of another training than .*; remove it"):
        prediction.predict_with_checkpoints(NetworkFolder(FOLDER), trained, inputs)
    file.write_bytes(b"damaged")
    with pytest.raises(InputError, match=r"epoch_000002\.keras: cannot be loaded"):
        prediction.predict_with_checkpoints(NetworkFolder(FOLDER), trained, inputs)


# ---- fine-tuning --------------------------------------------------------------------------------------------------


def files_of(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {name: ((folder / name).read_bytes(), (folder / name).stat().st_mtime_ns) for name in files_in(folder)}


@pytest.mark.parametrize("user", [{"num_networks": 2, "predict_correction": True}, {"network_type": "transformer"}])
def test_fine_tuning_starts_from_the_saved_network(eagerly, user):
    source = train(model_save_filename="source", **user)
    before = files_of(Path("saved_models/source"))
    others = make_sets(rows=(41,), val_rows=(33,), test_rows=())
    shifted = {name: tuple(stretched(record) for record in records) for name, records in others.items()}
    tuned = train(shifted, fine_tune_filename="source", lr=1e-9, epochs=1, **user)
    assert tuned.architecture.standardization == source.architecture.standardization
    for a, b in zip(tuned.model.get_weights(), source.model.get_weights(), strict=True):
        assert np.allclose(a, b, atol=1e-6)
    # val_loss of the source on the new records, in the standardization of its own training set
    expected = standardized_loss(source, {"train": SETS["train"], "val": shifted["val"]}, (0, 0.0, 0.0), 2)
    assert tuned.history["val_loss"][0] == pytest.approx(expected, rel=1e-4)
    assert files_of(Path("saved_models/source")) == before
    facts = json.loads((FOLDER / "settings.json").read_text())
    assert np.allclose(
        facts["network"]["standardization"]["input_mean"], source.architecture.standardization.input_mean
    )


def stretched(record):
    return type(record)(record.name, record.time, 2 * record.inputs + 1, 2 * record.targets + 1, 2 * record.simple + 1)


@pytest.mark.parametrize(
    ("user", "has", "asked"),
    [
        ({"hidden_size": 6}, "hidden_size 3", "6"),
        ({"time_res": 4}, "time_res 2", "4"),
        ({"input_3dof": False}, "inputs Zcg, Roll, Pitch, Wave", "for Wave"),
        ({"num_layers": 3}, "num_layers 1", "3"),
        ({"num_networks": 2}, "num_networks 1", "2"),
        ({"network_type": "gru"}, "network_type lstm", "gru"),
        ({"bi_directional": True}, "bi_directional False", "True"),
    ],
)
def test_a_network_that_does_not_fit_is_not_fine_tuned(eagerly, monkeypatch, user, has, asked):
    save_untrained("source", **SMALL)
    columns = slice(3, 4) if "input_3dof" in user else slice(0, 4)
    sets = {
        name: tuple(dataclasses.replace(r, inputs=r.inputs[:, columns]) for r in records)
        for name, records in SETS.items()
    }
    (line,) = faults_of(lambda: train(sets, fine_tune_filename="source", **user))
    assert has in line and asked in line and "fine_tune_filename" in line
    assert not FOLDER.exists()


def test_a_wave_grid_at_other_points_is_not_fine_tuned():
    grid = {"wave_grid_x_size": 3, "ship_length": 100.0}
    source = save_untrained("source", **SMALL, **grid, wave_ramp_time=5.0)
    wanted = UserInput(**grid, fine_tune_filename="source")
    (line,) = faults_of(fit._fitting_architecture, source, source.architecture, wanted)
    assert "wave_ramp_time 5.0" in line and "10.0" in line


def test_fine_tuning_from_a_network_that_is_not_there():
    with pytest.raises(InputError, match="nothing"):
        train(fine_tune_filename="nothing")
    assert not FOLDER.exists()


# ---- time: transients, and a limit to the training --------------------------------------------------------------


def test_records_within_the_transient_are_one_error():
    with pytest.raises(InputError, match="transient_time: no record of the train set is longer"):
        train(transient_time=1000.0, epochs=1)


def test_a_transient_is_not_learned_and_not_validated(eagerly):
    """Whatever LAMP gives in the transient: the training is the same."""

    def disturbed(record):
        targets = record.targets.copy()
        targets[record.time < record.time[0] + 1.0] += 5.0
        return dataclasses.replace(record, targets=targets)

    user = {"transient_time": 1.0, "epochs": 2}
    s = Standardization.of(SETS["train"])
    networks = [
        fit.train(configure(**(SMALL | user)), sets, standardization=s)
        for sets in (SETS, {name: tuple(map(disturbed, records)) for name, records in SETS.items()})
    ]
    for column in ("loss", "val_loss", "val_rmse_Roll_deg"):
        assert networks[0].history[column].tolist() == networks[1].history[column].tolist()
    assert all(map(np.array_equal, networks[0].model.get_weights(), networks[1].model.get_weights()))


def test_max_minutes_ends_a_training_with_a_small_learning_rate(eagerly, monkeypatch):
    clock = iter(range(0, 10_000, 30))  # s: half a minute an epoch
    monkeypatch.setattr("training.history.time.perf_counter", lambda: next(clock))
    monkeypatch.setattr("training.history.LOG_INTERVAL", 1e9)
    trained = train(epochs=100, patience=100, max_minutes=5, lr_schedule="exponential", lr=0.01)
    assert 4 <= len(trained.history) <= 10
    assert trained.history["elapsed_s"].iloc[-1] <= 300
    assert trained.history["learning_rate"].iloc[-1] < 0.001
    assert "max_minutes" in json.loads((FOLDER / "settings.json").read_text())["stopped"]


def test_the_automatic_rate_falls_with_the_steps_until_little_is_gained_then_ends_in_half_as_many_epochs():
    falling = [0.8**n for n in range(12)]
    rates = automatic_rates(falling, [n / 100 for n in range(1, 13)], 100)
    assert rates == pytest.approx([(1 + n) ** -0.8 for n in range(13)])  # one more than losses: the training goes on
    stalled = [*falling[:8], *[falling[7]] * 20]
    rates = automatic_rates(stalled, [n / 100 for n in range(1, 29)], 100)
    assert rates[:12] == pytest.approx([(1 + n) ** -0.8 for n in range(12)])  # the last four of them gained nothing
    end = np.array(rates[12:])
    assert len(end) == 6 and end[-1] <= 0.01 and np.all(np.diff(end) < 0)


def test_an_automatic_training_uses_its_epochs_and_ends_with_a_small_rate(eagerly):
    trained = train(epochs=9, patience=100, lr_schedule="automatic", lr=0.01)
    rates = trained.history["learning_rate"]
    assert len(rates) == 9 and rates[0] == pytest.approx(0.01) and rates[8] < 0.001
