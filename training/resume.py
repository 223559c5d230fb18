"""Resumes an interrupted training: finds it, checks that settings and data are the same, and restores its state."""

import contextlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from data_io import Record, Records, data_fingerprint
from network import TrainedNetwork, load_network, read_metadata, training_variables, with_seed
from networks import network_folder
from networks.network_folder import CHECKPOINTS, HISTORY_COLUMNS, HISTORY_FILE, MODEL_FILE, STATE_FILE
from settings import Config
from system.errors import UNREADABLE, InputError, counted, first_line
from system.files import written_aside
from training.optimizer import ENDLESS_SCHEDULES

BY_CTRL_C = "stopped by Ctrl-C"


def check_replacement(config: Config, data: str) -> None:
    """Raises InputError if the training would replace, unasked, a network or an interrupted training."""
    network_folder.restore_replaced(config.network_folder)
    if faults := network_folder.overwrite_faults(config, data):
        raise InputError(faults)


@dataclass(frozen=True)
class Begun:
    """A training that has begun: its folder, its settings.json and the rows of history.csv up to the saved state."""

    folder: Path
    metadata: dict[str, Any]
    rows: Sequence[dict[str, Any]] = ()


def data_facts(sets: Mapping[str, Sequence[Record]], config: Config) -> dict[str, Any]:
    """What settings.json says of the data and the network to start from, by their content."""
    return {
        "data_fingerprint": data_fingerprint(sets["train"], sets["val"]),
        "record_names": Records.joined(sets["train"], sets["val"]).names,
        "fine_tuned_from": network_folder.network_digest(config.user.fine_tune_filename),
        "simplecode_digests": [entry.contents["sc"] for entry in Records.joined(*sets.values()).entries],
    }


def find_training(config: Config, fingerprint: str) -> Begun | TrainedNetwork | None:
    """The interrupted training of this name, or the network of a finished one; without resume only the latter, if it is
    of the same settings and data and must not be replaced, see `check_replacement`.

    None (with a message) if the training has to start from the beginning. Raises InputError if it was started with
    other settings, which are listed, or on other data, if it is damaged, or cannot continue beyond its last epoch.
    """
    own = config.network_folder
    if not config.user.resume:
        return _finished_before(config)
    network_folder.restore_replaced(own)
    interrupted = network_folder.interrupted_training(own)
    folder = interrupted or own
    metadata = read_metadata(folder)[0] if interrupted or (own / MODEL_FILE).is_file() else {"finished": False}
    # A training that was cut off in its first epoch may have left a network, but no state to continue from.
    if not interrupted and not metadata.get("finished", True):
        print(f"resume = True: there is no interrupted training in {own}; training starts from the beginning")
        return None
    state = folder / STATE_FILE if interrupted else folder / CHECKPOINTS / STATE_FILE
    differences, more_epochs = differences_from(config, metadata, fingerprint)
    if not differences and not network_folder.knows_its_data(metadata):
        print(f"resume = True: {folder} is of an earlier version; its data are compared by the names of their files")
    if more_epochs:
        _check_more_epochs(config, metadata, state)
    elif differences and interrupted:
        raise cannot_resume(differences)
    elif differences:
        print(f"resume = True: the network in {folder} has other settings ({differences[0]}); training starts over")
        return None
    elif not interrupted and not can_continue(folder, metadata):
        print(f"resume = True: the training of {folder} is finished ({metadata.get('stopped')}); its network is used")
        return _load_finished(folder, metadata, config)
    if more_epochs or not interrupted:
        os.replace(state, folder / STATE_FILE)  # from here on it is a training interrupted after its last epoch
        metadata |= {"settings": with_seed(config, metadata["seed"]), "finished": False}
        network_folder.write_metadata(folder, metadata)
    return _read_interrupted(folder, metadata)


def _finished_before(config: Config) -> TrainedNetwork | None:
    """The network of the same command given before."""
    folder = config.network_folder
    if network_folder.may_replace(config) or not (folder / MODEL_FILE).is_file():
        return None
    metadata = read_metadata(folder)[0]
    if not metadata.get("finished", True):
        return None
    more = "; resume = True continues it" if can_continue(folder, metadata) else ""
    print(
        f"{folder} holds the network of the same settings and data ({metadata.get('stopped')}), which is used as it is"
        f"{more}; to train it again, set overwrite = True or another model_save_filename"
    )
    return _load_finished(folder, metadata, config)


def _load_finished(folder: Path, metadata: dict[str, Any], config: Config) -> TrainedNetwork:
    """The network of the same data, whose settings.json says from now on where these lie."""
    lists = {name: config.as_dict()["data"][name] for name in network_folder.TRAINING_FILES}
    before = metadata["settings"].get("data", {})
    if (moved := before | lists) != before:
        network_folder.write_metadata(folder, metadata | {"settings": metadata["settings"] | {"data": moved}})
    return load_network(folder)


def can_continue(folder: Path, metadata: dict[str, Any]) -> bool:
    """Whether resume = True continues the finished training in a folder, as Ctrl-C ended it and its state was kept."""
    return metadata.get("stopped") == BY_CTRL_C and (folder / CHECKPOINTS / STATE_FILE).is_file()


def cannot_resume(differences: Sequence[str]) -> InputError:
    """differences: see `differences_from`."""
    remedy = "use the same settings and data, or resume = False and overwrite = True to start again"
    return InputError([f"resume = True, but {line}; {remedy}" for line in differences])


def differences_from(config: Config, metadata: dict[str, Any], fingerprint: str) -> tuple[list[str], bool]:
    """What is not as in the saved training, one line each; whether that is only a larger number of epochs."""
    settings = metadata.get("settings", {})
    lines = list(network_folder.different_settings(settings, config).values())
    more_epochs = network_folder.only_more_epochs(settings, config)
    changed = network_folder.different_data(metadata, config, fingerprint) if not lines or more_epochs else []
    return (changed, False) if changed else (lines, more_epochs)


def _check_more_epochs(config: Config, metadata: dict[str, Any], state: Path) -> None:
    """Raises InputError if a training cannot continue beyond its planned last epoch."""
    schedule, before = config.user.lr_schedule, metadata["settings"]["user"]["epochs"]
    if schedule not in ENDLESS_SCHEDULES:
        why = f"lr_schedule = {schedule!r} lowers the learning rate towards the last epoch, planned as {before}"
    elif not state.is_file():
        why = f"its state was not kept: there is no {state}"
    else:
        return
    raise InputError(
        f"resume = True with epochs = {config.user.epochs}: the training of {config.network_folder} cannot continue "
        f"beyond {counted(before, 'epoch')}, as {why}; set epochs = {before}, or resume = False and overwrite = True "
        "to train from the beginning"
    )


def _read_interrupted(folder: Path, metadata: dict[str, Any]) -> Begun:
    try:
        with np.load(folder / STATE_FILE) as state:
            epochs = int(state["epochs"])
        history = pd.read_csv(folder / HISTORY_FILE, dtype=str).astype(float).astype({"epoch": int}).head(epochs)
        if len(history) != epochs or not set(HISTORY_COLUMNS) <= set(history):
            raise ValueError(f"{HISTORY_FILE} has {len(history)} of {epochs} epochs")
    except UNREADABLE as error:
        raise _cannot_go_on(folder, error) from error
    print(f"Resuming the training in {folder} after epoch {epochs}")
    return Begun(folder, metadata, history.to_dict("records"))


def keep_state(config: Config, stopped: str) -> None:
    """Moves the state of a finished training to the checkpoints if the training can continue, else deletes it."""
    folder = config.network_folder
    with contextlib.suppress(FileNotFoundError):  # it was deleted during the training
        if config.user.lr_schedule in ENDLESS_SCHEDULES or stopped == BY_CTRL_C:
            os.replace(folder / STATE_FILE, folder / CHECKPOINTS / STATE_FILE)
        else:
            (folder / STATE_FILE).unlink()


def _cannot_go_on(folder: Path, error: Exception) -> InputError:
    return InputError(
        f"{folder}: the training there cannot be resumed, as its files are damaged ({first_line(error)}); "
        "start again with resume = False and overwrite = True"
    )


class TrainingState(keras.callbacks.Callback):
    """Saves after each epoch what is needed to resume, all variables of the network and the optimizer; restores it.

    The best epoch, patience and learning rates follow from the history.
    """

    def __init__(self, folder: Path, epochs_saved: int):
        super().__init__()
        self._file, self.epochs_saved = folder / STATE_FILE, epochs_saved

    def on_train_begin(self, logs=None):
        if not self.epochs_saved:
            return
        self.model.optimizer.build(self.model.trainable_variables)
        try:
            with np.load(self._file) as state:
                for i, variable in enumerate(training_variables(self.model)):
                    variable.assign(state[f"variable_{i}"])
        except UNREADABLE as error:
            raise _cannot_go_on(self._file.parent, error) from error

    def on_epoch_end(self, epoch, logs=None):
        arrays = {f"variable_{i}": variable.numpy() for i, variable in enumerate(training_variables(self.model))}
        with written_aside(self._file) as aside:
            np.savez(aside, epochs=epoch + 1, **arrays)
        self.epochs_saved = epoch + 1
