"""A training that was cut off: finds it, sees that settings and data are the same, and goes on with its state."""

import hashlib
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from data_io import HISTORY_COLUMNS, Record, RecordsOnDisk
from network import read_facts, training_variables
from settings import Config
from support.errors import InputError, first_line
from support.files import written_aside
from support.saved_networks import HISTORY_FILE, STATE_FILE, different_settings, unfinished
from training.epoch_end import BestAndLast
from training.history import Progress


@dataclass(frozen=True)
class Interrupted:
    """A training that was cut off: its folder, its settings.json and its history up to the saved state."""

    folder: Path
    facts: dict[str, Any]
    history: pd.DataFrame


def fingerprint(*sets: Sequence[Record]) -> str:
    """A short text that differs where any number of the records does, the same for records in memory and on disk."""
    digests = [
        record.digest
        for records in sets
        for record in (records.cached if isinstance(records, RecordsOnDisk) else records)
    ]
    return hashlib.blake2b(" ".join(digests).encode(), digest_size=16).hexdigest()


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
        if len(history) != epochs or not set(HISTORY_COLUMNS) <= set(history):
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
            if isinstance(callback, Progress | BestAndLast):
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
                for i, variable in enumerate(training_variables(self.model)):
                    variable.assign(state[f"variable_{i}"])
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise _cannot_go_on(self._file.parent, error) from error

    def on_epoch_end(self, epoch, logs=None):
        arrays = {f"variable_{i}": variable.numpy() for i, variable in enumerate(training_variables(self.model))}
        with written_aside(self._file) as aside:
            np.savez(aside, epochs=epoch + 1, **arrays)
        self.epochs_saved = epoch + 1
