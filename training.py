"""Trains the network: optimizer and schedule, early stopping on the validation set, saving, resuming."""

import dataclasses
import hashlib
import os
import platform
import shutil
import time
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from data_io import Record
from network import (
    HISTORY_COLUMNS,
    HISTORY_FILE,
    Architecture,
    TrainedNetwork,
    build_model,
    build_training_model,
    first_line,
    listed,
    load_network,
    mean_of_members,
    read_facts,
    replaced,
    restore_replaced,
    save_model,
)
from network_file import open_network
from objectives import objective_loss, objective_sum_and_count
from run_lock import only_training
from sequences import Mirror, Sequences, Standardization, TrainingBatches, whole_sequence_batches
from settings import (
    MODEL_FILE,
    NETWORKS_FOLDER,
    SETTINGS_FILE,
    STATE_FILE,
    Config,
    InputError,
    UserInput,
    different_settings,
    unfinished,
    write_json,
    written_aside,
)
from training_log import Progress


def train(config: Config, sets: dict[str, tuple[Record, ...]]) -> TrainedNetwork:
    """Trains on the train set, stops and chooses the best weights on the val set, and saves the network.

    The test set is not touched. Ctrl-C ends the training and keeps the best network found so far.

    Raises:
        InputError: the network to start from does not fit, there is another training to go on with, another run is
            training it, the disk is full, or the training diverged before any network was found.
    """
    with only_training(config.network_folder):
        return _train(config, sets)


def _train(config: Config, sets: dict[str, tuple[Record, ...]]) -> TrainedNetwork:
    user = config.user
    data_print = fingerprint([*sets["train"], *sets["val"]])
    interrupted = find_interrupted(config, data_print) if user.resume else None
    seed = interrupted.facts["seed"] if interrupted else user.seed
    if seed is None:
        seed = int(np.random.SeedSequence().generate_state(1)[0] >> 1)
    keras.utils.set_random_seed(seed)
    architecture = Architecture.of(user, Standardization.of(sets["train"]))
    source = None
    if user.fine_tune_filename:
        source = load_network(NETWORKS_FOLDER / user.fine_tune_filename)
        architecture = _fitting_architecture(source, architecture)
    model = build_training_model(architecture)
    if source:
        model.set_weights(source.model.get_weights())

    s = architecture.standardization
    mirror = Mirror.of(architecture.inputs, architecture.outputs, s) if user.mirror_symmetry else None
    batches = TrainingBatches(Sequences.of(sets["train"], user.time_res, s), user, seed, mirror)
    loss = member_loss(objective_loss(user.train_fun_hyp), architecture)
    model.compile(make_optimizer(user, batches.batches_an_epoch), loss, jit_compile=False)
    folder = interrupted.folder if interrupted else _new_training_folder(config.network_folder)
    facts = _facts(config, architecture, seed) | {"data_fingerprint": data_print}
    if not interrupted:
        write_json(folder / SETTINGS_FILE, facts)

    watched = "val_loss" if sets["val"] else "loss"
    counts = f"{len(sets['train'])} realizations, {len(sets['val'])} for validation"
    print(f"Training on {counts}; {batches.batches_an_epoch} batches an epoch, seed {seed}")
    if not sets["val"]:
        print("There is no validation set: early stopping watches the training loss, which does not show overfitting")
    log = Progress(user.epochs, watched, folder / HISTORY_FILE)
    best = BestNetwork(architecture, folder, watched)
    state = TrainingState(folder / STATE_FILE, interrupted)
    callbacks = [log, best, *_stopping_callbacks(user, watched), state]
    if user.checkpoint_every:
        callbacks.insert(2, Checkpoints(best, folder, user.checkpoint_every, user.max_checkpoints))
    if sets["val"]:
        validation = Sequences.of(sets["val"], user.time_res, s)
        callbacks.insert(0, Validation(validation, user.val_fun_hyp, architecture))
    first_epoch = state.replay_into(callbacks)
    # Where patience had come to its end when the training was cut off, there is no epoch left.
    epochs = first_epoch if best.epoch and first_epoch - best.epoch >= user.patience else user.epochs
    plan = {"initial_epoch": first_epoch, "epochs": epochs, "steps_per_epoch": batches.batches_an_epoch}
    data = batches.dataset(first_epoch, user.epochs)
    why_stopped = "all epochs done"
    try:
        model.fit(data, **plan, shuffle=False, verbose=0, callbacks=callbacks)
        if not log.rows or not np.isfinite(log.rows[-1]["loss"]):
            why_stopped = f"the loss grew without bounds: try a smaller lr than {user.lr:g}"
        elif not np.isfinite(log.rows[-1][watched]):
            why_stopped = f"{watched} is not a number: check the records of the validation set, or try a smaller lr"
        elif len(log.rows) < user.epochs:
            why_stopped = f"no better {watched} in {user.patience} epochs"
    except KeyboardInterrupt:
        why_stopped = "stopped by Ctrl-C"
    except InputError as error:  # a file cannot be written
        if not state.epochs_saved:
            raise
        raise InputError(
            [*error.lines, f"training was cut off after epoch {state.epochs_saved}; resume = True goes on from there"]
        ) from error
    if best.epoch is None:
        shutil.rmtree(folder, ignore_errors=True)
        raise InputError(f"training ended before any epoch gave a network ({why_stopped}); nothing is saved")
    log.close(why_stopped, best.epoch)
    if not (folder / MODEL_FILE).is_file():  # somebody has removed it
        save_model(best.best_model, folder / MODEL_FILE)
    facts |= {"epochs_trained": len(log.rows), "best_epoch": best.epoch, "stopped": why_stopped, "finished": True}
    write_json(folder / SETTINGS_FILE, facts)
    _publish(folder, config.network_folder)
    (config.network_folder / STATE_FILE).unlink(missing_ok=True)
    return TrainedNetwork(best.best_model, architecture, log.history(), best.epoch)


def _stopping_callbacks(user: UserInput, watched: str) -> list[keras.callbacks.Callback]:
    """Keras' callbacks that watch the loss: they stop the training, or slow it down where the schedule says so."""
    callbacks = [keras.callbacks.TerminateOnNaN()]
    if user.lr_schedule == "plateau":
        # min_delta is absolute in Keras and 1e-4 by default: larger than a good standardized loss.
        third = max(1, user.patience // 3)
        callbacks.append(keras.callbacks.ReduceLROnPlateau(watched, 0.5, third, mode="min", min_delta=0.0))
    return [*callbacks, keras.callbacks.EarlyStopping(watched, patience=user.patience, mode="min")]


def member_loss(objective: Callable, architecture: Architecture) -> Callable:
    """The objective averaged over the members of an ensemble, each of which learns by itself."""
    if architecture.num_networks == 1:
        return objective
    return lambda target, outputs: objective(tf.tile(target, (1, 1, architecture.num_networks)), outputs)


def _fitting_architecture(source: TrainedNetwork, wanted: Architecture) -> Architecture:
    """The architecture to fine-tune: the settings' own, with the saved network's standardization."""
    shared = dataclasses.replace(wanted, standardization=source.architecture.standardization)
    faults = []
    for f in dataclasses.fields(Architecture):
        has, asked = getattr(source.architecture, f.name), getattr(shared, f.name)
        if has != asked and f.name != "dropout":
            faults.append(
                f"UserInputArgs: fine_tune_filename names a network with {f.name} {listed(has)}, the settings ask for "
                f"{listed(asked)}; make them the same"
            )
    if faults:
        raise InputError(faults)
    return shared


def make_optimizer(user: UserInput, steps_an_epoch: int) -> keras.optimizers.Optimizer:
    """Keras' optimizer and learning-rate schedule of the settings' names."""
    steps = steps_an_epoch * user.epochs
    rate: Any = user.lr
    if user.lr_schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(user.lr, steps)
    elif user.lr_schedule == "exponential":  # to a hundredth at the end
        rate = keras.optimizers.schedules.ExponentialDecay(user.lr, steps, 0.01)
    elif user.lr_schedule == "step":  # halved ten times
        rate = keras.optimizers.schedules.ExponentialDecay(user.lr, max(1, steps // 10), 0.5, staircase=True)
    optimizers = {
        "muon": keras.optimizers.Muon,
        "adam": keras.optimizers.Adam,
        "adamw": keras.optimizers.AdamW,
        "sgd": keras.optimizers.SGD,
        "rmsprop": keras.optimizers.RMSprop,
    }
    has_momentum = user.momentum is not None and user.optimizer not in ("adam", "adamw")
    momentum = {"momentum": user.momentum} if has_momentum else {}
    return optimizers[user.optimizer](rate, **momentum)


class Validation(keras.callbacks.Callback):
    """Puts val_loss into each epoch's logs: the objective over all elements of the set at once, not a mean of means."""

    def __init__(self, sequences: Sequences, objective: tuple[int, float, float], architecture: Architecture):
        super().__init__()
        self._batches = [
            (tf.constant(inputs), tf.constant(targets)) for inputs, targets in whole_sequence_batches(sequences)
        ]
        self._objective, self._architecture = objective, architecture
        self._terms = None

    def on_epoch_end(self, epoch, logs=None):
        if self._terms is None:
            self._terms = tf.function(self._sum_and_count, reduce_retracing=True)
        total, count = np.sum([self._terms(x, y) for x, y in self._batches], axis=0, dtype=np.float64)
        logs["val_loss"] = float(total / count) if count else 0.0

    def _sum_and_count(self, inputs, targets):
        outputs = mean_of_members(self.model(inputs, training=False), self._architecture)
        return objective_sum_and_count(self._objective, targets, outputs)


class BestNetwork(keras.callbacks.Callback):
    """Keeps the weights of the best epoch, and saves them as a network of built-in layers as they are found."""

    def __init__(self, architecture: Architecture, folder: Path, watched: str):
        super().__init__()
        self.best_model = build_model(architecture)
        self._architecture, self._folder, self._watched = architecture, folder, watched
        self.epoch: int | None = None
        self._value = float("inf")

    def on_epoch_end(self, epoch, logs=None):
        if logs[self._watched] < self._value:  # never true for NaN
            self.epoch, self._value = epoch + 1, logs[self._watched]
            self.best_model.set_weights(self.model.get_weights())
            save_model(self.best_model, self._folder / MODEL_FILE)

    def continue_from(self, history: pd.DataFrame) -> None:
        """Takes up the best epoch of an interrupted training, whose weights are in the folder."""
        values = history[self._watched].to_numpy()
        if np.isfinite(values).any():
            best = int(np.nanargmin(values))
            self.epoch, self._value = int(history["epoch"].iloc[best]), float(values[best])
            saved = open_network(self._folder / MODEL_FILE)
            self.best_model.set_weights(saved.get_weights())

    def current(self) -> keras.Model:
        """The network as it is now, of built-in layers."""
        model = build_model(self._architecture)
        model.set_weights(self.model.get_weights())
        return model


class Checkpoints(keras.callbacks.Callback):
    """Saves the network every few epochs in the folder `checkpoints`, and the last one; keeps the newest ones."""

    def __init__(self, best: BestNetwork, folder: Path, every: int, most: int):
        super().__init__()
        self._best, self._folder, self._every, self._most = best, folder / "checkpoints", every, most

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self._every == 0:
            save_model(self._best.current(), self._folder / f"epoch_{epoch + 1:06d}.keras")
            for path in sorted(self._folder.glob("epoch_*.keras"))[: -self._most]:
                path.unlink()

    def on_train_end(self, logs=None):
        save_model(self._best.current(), self._folder / "last.keras")


@dataclass(frozen=True)
class Interrupted:
    """A training that was cut off: its folder, its settings.json and its history up to the saved state."""

    folder: Path
    facts: dict[str, Any]
    history: pd.DataFrame


def fingerprint(records: Sequence[Record]) -> str:
    """A short text that differs where any number of the records does."""
    numbers = hashlib.blake2b(digest_size=16)
    for record in records:
        for array in (record.time, record.inputs, record.targets):
            numbers.update(str(array.shape).encode() + np.ascontiguousarray(array).tobytes())
    return numbers.hexdigest()


def find_interrupted(config: Config, data_print: str) -> Interrupted | None:
    """The training of this name that was cut off, or None (said on the terminal) if there is none.

    Raises:
        InputError: it was started with other settings, which are listed, or on other data; or it is damaged.
    """
    own = config.network_folder
    candidates = [folder for folder in (unfinished(own), own) if (folder / STATE_FILE).is_file()]
    if not candidates:
        print(f"resume = True: there is no interrupted training in {own}; it starts from the beginning")
        return None
    folder = candidates[0]
    facts, _ = read_facts(folder)
    differences = different_settings(facts.get("settings", {}), config)
    if not differences and facts.get("data_fingerprint") not in (None, data_print):
        differences = ["the files of the train and val sets hold other numbers than when the training began"]
    if differences:
        raise InputError(
            [
                f"resume = True, but {line}; use the same settings, or resume = False to start again"
                for line in differences
            ]
        )
    try:
        with np.load(folder / STATE_FILE) as state:
            epochs = int(state["epochs"])
        history = pd.read_csv(folder / HISTORY_FILE, float_precision="round_trip").head(epochs)
        if len(history) != epochs or list(history) != list(HISTORY_COLUMNS):
            raise ValueError(f"{HISTORY_FILE} has {len(history)} of {epochs} epochs")
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise _cannot_go_on(folder, error) from error
    print(f"Going on with the training in {folder} after epoch {epochs}")
    return Interrupted(folder, facts, history)


def _cannot_go_on(folder: Path, error: Exception) -> InputError:
    return InputError(
        f"{folder}: the training there cannot be gone on with, its files are damaged ({first_line(error)}); "
        "resume = False starts it again"
    )


class TrainingState(keras.callbacks.Callback):
    """Saves after each epoch what a cut-off training needs to go on: all variables of the network and the optimizer.

    What the other callbacks remember (best value, epochs without a better one, learning rate) follows from the history,
    so they are shown the history again.
    """

    def __init__(self, file: Path, interrupted: Interrupted | None):
        super().__init__()
        self._file, self._interrupted = file, interrupted
        self.epochs_saved = len(interrupted.history) if interrupted else 0
        self._others: list[keras.callbacks.Callback] = []

    def replay_into(self, callbacks: list[keras.callbacks.Callback]) -> int:
        """Prepares to go on; returns the number of epochs done."""
        if self._interrupted is None:
            return 0
        for callback in callbacks:
            if isinstance(callback, Progress | BestNetwork):
                callback.continue_from(self._interrupted.history)
        stateful = (keras.callbacks.EarlyStopping, keras.callbacks.ReduceLROnPlateau)
        self._others = [callback for callback in callbacks if isinstance(callback, stateful)]
        return len(self._interrupted.history)

    def on_train_begin(self, logs=None):
        if self._interrupted is None:
            return
        for row in self._interrupted.history.to_dict("records"):
            for callback in self._others:
                callback.on_epoch_end(row["epoch"] - 1, dict(row))
        self.model.optimizer.build(self.model.trainable_variables)
        try:
            with np.load(self._file) as state:
                for i, variable in enumerate(self._variables()):
                    variable.assign(state[f"variable_{i}"])
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise _cannot_go_on(self._file.parent, error) from error

    def on_epoch_end(self, epoch, logs=None):
        arrays = {f"variable_{i}": variable.numpy() for i, variable in enumerate(self._variables())}
        with written_aside(self._file) as aside:
            np.savez(aside, epochs=epoch + 1, **arrays)
        self.epochs_saved = epoch + 1

    def _variables(self):
        weights = {id(variable) for variable in self.model.weights}
        seeds = [
            variable for variable in self.model.non_trainable_variables if id(variable) not in weights
        ]  # dropout's
        return [*self.model.weights, *seeds, *self.model.optimizer.variables]


# ---- what a training leaves behind ---


def _facts(config: Config, architecture: Architecture, seed: int) -> dict[str, Any]:
    settings = config.as_dict()
    settings["user"]["seed"] = seed
    return {
        "settings": settings,
        "seed": seed,
        "network": dataclasses.asdict(architecture),
        "units": "m and deg (VBM as in the .vbm files), time in s",
        "versions": {
            "python": platform.python_version(),
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
            "numpy": np.__version__,
            "platform": platform.platform(),
        },
        "started": time.strftime("%Y-%m-%d %H:%M:%S"),
        "finished": False,
    }


def _new_training_folder(folder: Path) -> Path:
    """An empty folder: the network's own, or one beside it while a good network of that name still stands there."""
    restore_replaced(folder)
    if (folder / MODEL_FILE).is_file():
        folder = unfinished(folder)
    if folder.is_dir():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    return folder


def _publish(trained: Path, folder: Path) -> None:
    """Puts the folder of a finished training in the place of an older network."""
    old = replaced(folder)
    if trained != folder:
        shutil.rmtree(old, ignore_errors=True)
        os.replace(folder, old)
        os.replace(trained, folder)
    shutil.rmtree(old, ignore_errors=True)  # also what a run left that was cut off just here
