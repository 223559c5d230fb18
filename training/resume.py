"""Resumes an interrupted training: finds it, checks that settings and data are the same, and restores its state."""

import contextlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import pandas as pd

from data_io import Record, Records, data_fingerprint
from network import TrainedNetwork, load_network, read_metadata, training_variables
from networks import replacement
from networks.network_folder import HISTORY_COLUMNS, NetworkFolder
from settings import Config, DataInfo, UserInput
from system.errors import UNREADABLE, InputError, counted, first_line
from system.files import written_aside
from training.rates_and_stopping import ENDLESS_SCHEDULES

BY_CTRL_C = "stopped by Ctrl-C"


def check_replacement(config: Config, data: str) -> None:
    """Raises InputError if the training would replace, unasked, a network or an interrupted training."""
    NetworkFolder(config.network_folder).restore_replaced()
    if faults := replacement.overwrite_faults(config, data):
        raise InputError(faults)


@dataclass(frozen=True)
class StartedTraining:
    """Its folder, its settings.json, and the rows of history.csv up to the saved state."""

    folder: NetworkFolder
    metadata: dict[str, Any]
    rows: Sequence[dict[str, Any]] = ()


def data_facts(sets: Mapping[str, Sequence[Record]], source: str) -> dict[str, Any]:
    """What settings.json says of the data and of the network to start from (source), by their content."""
    return {
        "data_fingerprint": data_fingerprint(sets["train"], sets["val"]),
        "record_names": Records.joined(sets["train"], sets["val"]).names,
        "fine_tuned_from": replacement.network_digest(source),
        "simplecode_digests": [entry.contents["sc"] for entry in Records.joined(*sets.values()).entries],
    }


def find_training(config: Config, data: str) -> StartedTraining | TrainedNetwork | None:
    """The interrupted training of this name, or the network of a finished one; without resume only the latter, if it is
    of the same settings and data and must not be replaced, see `check_replacement`.

    None (with a message) if the training has to start from the beginning. Raises InputError if it was started with
    other settings, which are listed, or on other data, if it is damaged, or cannot continue beyond its last epoch.
    """
    user, place = config.user, NetworkFolder(config.network_folder)
    if not user.resume and replacement.may_replace(user):
        return None
    interrupted = place.interrupted_training() if user.resume else None
    folder = interrupted or place
    metadata = read_metadata(folder)[0] if interrupted or folder.has_model else {"finished": False}
    # A training that was cut off in its first epoch may have left a network, but no state to continue from.
    if not interrupted and not metadata.get("finished", True):
        if user.resume:
            print(f"resume = True: there is no interrupted training in {folder}; training starts from the beginning")
        return None
    if not user.resume:  # the network of the same command given before
        return _use_finished(folder, metadata, config.data)
    state = folder.state if interrupted else folder.kept_state
    differences = replacement.differences(metadata, config, data)
    more_epochs = has_only_more_epochs(differences, metadata, user)
    if more_epochs:
        if not state.is_file() or user.lr_schedule not in ENDLESS_SCHEDULES:
            raise _cannot_continue(place, user, metadata, state)
    elif differences and interrupted:
        raise cannot_resume(differences)
    elif differences:
        print(f"resume = True: the network in {folder} has other settings ({differences[0]}); training starts over")
        return None
    elif not interrupted and not can_continue(folder, metadata):
        return _use_finished(folder, metadata, config.data, resume=True)
    if more_epochs or not interrupted:
        os.replace(state, folder.state)  # from here on it is a training interrupted after its last epoch
        metadata |= {"settings": config.with_user(seed=metadata["seed"]).as_dict(), "finished": False}
        folder.write_metadata(metadata)
    return _read_interrupted(folder, metadata)


def _use_finished(
    folder: NetworkFolder, metadata: dict[str, Any], data: DataInfo, resume: bool = False
) -> TrainedNetwork:
    """The network of the same data, whose settings.json says from now on where these lie."""
    stopped, more = metadata.get("stopped"), "; resume = True continues it" * can_continue(folder, metadata)
    print(
        f"resume = True: the training of {folder} is finished ({stopped}); its network is used"
        if resume
        else f"{folder} holds the network of the same settings and data ({stopped}), which is used as it is{more}; to "
        "train it again, set overwrite = True or another model_save_filename"
    )
    lists = {name: list(getattr(data, name)) for name in replacement.TRAINING_FILES}
    before = metadata["settings"].get("data", {})
    if (moved := before | lists) != before:
        folder.write_metadata(metadata | {"settings": metadata["settings"] | {"data": moved}})
    return load_network(folder.path)


def can_continue(folder: NetworkFolder, metadata: dict[str, Any]) -> bool:
    """Whether resume = True continues the finished training in a folder, as Ctrl-C ended it and its state was kept."""
    return metadata.get("stopped") == BY_CTRL_C and folder.kept_state.is_file()


def has_only_more_epochs(differences: Sequence[str], metadata: dict[str, Any], user: UserInput) -> bool:
    """Whether the only one of the `replacement.differences` is a larger number of epochs."""
    return len(differences) == 1 and replacement.only_more_epochs(metadata.get("settings", {}), user)


def cannot_resume(differences: Sequence[str]) -> InputError:
    """differences: see `replacement.differences`."""
    remedy = "use the same settings and data, or resume = False and overwrite = True to start again"
    return InputError([f"resume = True, but {line}; {remedy}" for line in differences])


def _cannot_continue(
    folder: NetworkFolder, user: UserInput, metadata: dict[str, Any], state: os.PathLike
) -> InputError:
    """The error of a training that cannot continue beyond its planned last epoch."""
    planned = metadata["settings"]["user"]["epochs"]
    why = f"its state was not kept: there is no {state}"
    if user.lr_schedule not in ENDLESS_SCHEDULES:
        why = (
            f"lr_schedule = {user.lr_schedule!r} lowers the learning rate towards the last epoch, planned as {planned}"
        )
    return InputError(
        f"resume = True with epochs = {user.epochs}: the training of {folder} cannot continue beyond "
        f"{counted(planned, 'epoch')}, as {why}; set epochs = {planned}, or resume = False and overwrite = True to "
        "train from the beginning"
    )


def _read_interrupted(folder: NetworkFolder, metadata: dict[str, Any]) -> StartedTraining:
    try:
        with np.load(folder.state) as state:
            epochs = int(state["epochs"])
        history = pd.read_csv(folder.history, dtype=str).astype(float).astype({"epoch": int}).head(epochs)
        if len(history) != epochs or not set(HISTORY_COLUMNS) <= set(history):
            raise ValueError(f"{folder.history.name} has {len(history)} of {epochs} epochs")
    except UNREADABLE as error:
        raise _damaged(folder, error) from error
    print(f"Resuming the training in {folder} after epoch {epochs}")
    return StartedTraining(folder, metadata, history.to_dict("records"))


def _damaged(folder: NetworkFolder, error: Exception) -> InputError:
    return InputError(
        f"{folder}: the training there cannot be resumed, as its files are damaged ({first_line(error)}); "
        "start again with resume = False and overwrite = True"
    )


def keep_state(folder: NetworkFolder, lr_schedule: str, stopped: str) -> None:
    """Moves the state of a finished training to the checkpoints if the training can continue, else deletes it."""
    with contextlib.suppress(FileNotFoundError):  # it was deleted during the training
        if lr_schedule in ENDLESS_SCHEDULES or stopped == BY_CTRL_C:
            os.replace(folder.state, folder.kept_state)
        else:
            folder.state.unlink()


class TrainingState(keras.callbacks.Callback):
    """Saves after each epoch what is needed to resume, all variables of the network and the optimizer; restores it.

    The best epoch, patience and learning rates follow from the history.
    """

    def __init__(self, folder: NetworkFolder, epochs_saved: int):
        super().__init__()
        self._folder, self.epochs_saved = folder, epochs_saved

    def on_train_begin(self, logs=None):
        if not self.epochs_saved:
            return
        self.model.optimizer.build(self.model.trainable_variables)
        try:
            with np.load(self._folder.state) as state:
                for i, variable in enumerate(training_variables(self.model)):
                    variable.assign(state[f"variable_{i}"])
        except UNREADABLE as error:
            raise _damaged(self._folder, error) from error

    def on_epoch_end(self, epoch, logs=None):
        arrays = {f"variable_{i}": variable.numpy() for i, variable in enumerate(training_variables(self.model))}
        with written_aside(self._folder.state) as aside:
            np.savez(aside, epochs=epoch + 1, **arrays)
        self.epochs_saved = epoch + 1
