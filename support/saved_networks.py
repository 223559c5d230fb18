"""What the folder of a saved network holds, and how it comes and goes."""

import contextlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from filelock import FileLock, Timeout

from settings import DEFAULT_NAME, NETWORKS_FOLDER, Config, user_settings
from support.errors import InputError, cannot_be_written, first_line, warn

MODEL_FILE = "model.keras"
SETTINGS_FILE = "settings.json"
CHECKPOINTS = "checkpoints"  # a folder beside the model
CHECKPOINT_FILES = "epoch_[0-9][0-9][0-9][0-9][0-9][0-9].keras"
STATE_FILE = "training_state.npz"  # of a training that is not finished; once it is, among the checkpoints
BESIDE = (".training", ".old", ".folds")  # endings of folders that hold a network for the time being
TRAINING_FILES = ("train_sc", "train_lamp", "val_sc", "val_lamp")
HISTORY_FILE = "history.csv"
HISTORY_COLUMNS = ("epoch", "elapsed_s", "loss", "val_loss", "learning_rate")  # behind them data_io.VALIDATION_ERRORS
OUT_OF_FOLD_FILE = "out_of_fold.npz"  # of a cross-fitting
LAST_FILE = "last.keras"  # among the checkpoints


def training_settings(frozen: dict[str, Any]) -> dict[str, Any]:
    """By name, the settings in a settings.json that decide which network a training ends with, and its lists of files.

    Settings that are newer than the file have their defaults.
    """
    user = Config().as_dict()["user"] | frozen.get("user", {})
    own = {name: value for name, value in user.items() if name not in user_settings("run")}
    return own | {name: frozen.get("data", {}).get(name, []) for name in TRAINING_FILES}


def different_settings(frozen: dict[str, Any], config: Config) -> dict[str, str]:
    """By name, a line for each setting of a training that is not the same in `frozen`, those of a settings.json."""
    old, new = training_settings(frozen), training_settings(config.as_dict())
    lines = {}
    for name, now in new.items():
        before = old[name]
        drawn = name == "seed" and now is None  # a seed that the program draws is no setting of the user's
        if before != now and not drawn:
            if name in TRAINING_FILES:
                before, now = f"{len(before)} realizations", f"{len(now)} other ones"
            lines[name] = f"{name} was {before} and is now {now}"
    return lines


def only_more_epochs(frozen: dict[str, Any], config: Config) -> bool:
    """Whether a training is asked to go on beyond its last epoch, and nothing else is different."""
    epochs = training_settings(frozen)["epochs"]
    return set(different_settings(frozen, config)) == {"epochs"} and config.user.epochs > epochs


def read_metadata(folder: Path) -> dict[str, Any]:
    """What settings.json of a saved network says. Raises InputError if there is none or it cannot be read."""
    if not (folder / MODEL_FILE).is_file():
        raise InputError(_missing_network(folder))
    try:
        return json.loads((folder / SETTINGS_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(damaged_settings(folder, error)) from error


def _missing_network(folder: Path) -> str:
    known = sorted(
        path.parent.name for path in folder.parent.glob(f"*/{MODEL_FILE}") if path.parent.suffix not in BESIDE
    )
    return f"{folder}: there is no saved network of this name; saved networks are: {', '.join(known) or 'none yet'}"


def missing_networks(config: Config, trained_before: Sequence[str] = ()) -> list[str]:
    """A line for each network that the run loads or starts from and that neither is there nor is trained before."""
    user = config.user
    name = user.fine_tune_filename if user.training_mode else user.model_load_filename
    folder = NETWORKS_FOLDER / name
    there = any((path / MODEL_FILE).is_file() for path in (folder, replaced(folder)))
    return [] if not name or there or name in trained_before else [_missing_network(folder)]


def read_history(folder: Path) -> pd.DataFrame:
    """history.csv of a saved network; without rows, and with a warning, if it cannot be read."""
    try:
        history = pd.read_csv(folder / HISTORY_FILE).astype(float)
        history[list(HISTORY_COLUMNS)].astype({"epoch": int})  # what has to be there
        return history
    except FileNotFoundError:
        pass
    except (OSError, ValueError, KeyError) as error:
        warn([f"{folder / HISTORY_FILE}: cannot be read ({first_line(error)}); there is no learning curve"])
    return pd.DataFrame()


def damaged_settings(folder: Path, error: Exception) -> str:
    return f"{folder / SETTINGS_FILE}: missing or damaged ({first_line(error)}); train the network again"


def unfinished(folder: Path) -> Path:
    """Where a training grows while a good network of its name still stands in its folder."""
    return folder.with_name(folder.name + ".training")


@contextlib.contextmanager
def only_training(folder: Path) -> Iterator[None]:
    """Holds `<folder>.lock` while a network is trained; a process that is killed leaves the file, but not the lock.

    Raises:
        InputError: another process holds it, or the file cannot be written.
    """
    path = folder.with_name(folder.name + ".lock")
    lock = FileLock(path, blocking=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise InputError(
            f"{folder}: another run is training this network; wait until it has finished, or choose another "
            "model_save_filename"
        ) from None
    except NotImplementedError:
        pass  # a file system without locks, as some network drives
    except OSError as error:
        raise InputError(cannot_be_written(path, error)) from error
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # Windows: no file that is open is removed, but filelock does it
            path.unlink(missing_ok=True)
        lock.release()


def may_replace(config: Config) -> bool:
    """Whether a training may replace the network of any other experiment."""
    return config.user.overwrite or config.user.model_save_filename == DEFAULT_NAME


def interrupted_training(folder: Path) -> Path | None:
    """Where a training of the network in `folder` lies that was cut off; None if there is none."""
    return next((path for path in (unfinished(folder), folder) if (path / STATE_FILE).is_file()), None)


def overwrite_faults(config: Config) -> list[str]:
    """A line if the training would replace the network of another experiment."""
    user = config.user
    folder = config.network_folder
    # Whether an interrupted training can be gone on with is told by the training itself.
    goes_on = user.resume and interrupted_training(folder)
    if not user.training_mode or may_replace(config) or goes_on or not (folder / MODEL_FILE).is_file():
        return []
    try:
        metadata = json.loads((folder / SETTINGS_FILE).read_text(encoding="utf-8"))
        differences = list(different_settings(metadata["settings"], config).values())
        if user.resume and only_more_epochs(metadata["settings"], config):
            return []
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        differences = ["its settings cannot be read"]
    if not differences:
        return []
    return [
        f"UserInputArgs.model_save_filename = {user.model_save_filename!r}: {folder} holds another experiment "
        f"({'; '.join(differences[:3])}); choose another name, or set overwrite = True to replace it"
    ]


def replaced(folder: Path) -> Path:
    """Where a network lies for the moment in which a newer one takes its place."""
    return folder.with_name(folder.name + ".old")


def restore_replaced(folder: Path) -> None:
    """Puts a network back that was moved away by a run that was cut off before the newer one was in its place."""
    if not folder.exists() and (replaced(folder) / MODEL_FILE).is_file():
        os.replace(replaced(folder), folder)


def new_training_folder(folder: Path) -> Path:
    """An empty folder: the network's own, or one beside it while a good network of that name still stands there."""
    restore_replaced(folder)
    if (folder / MODEL_FILE).is_file():
        folder = unfinished(folder)
    if folder.is_dir():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    return folder


def publish(trained: Path, folder: Path) -> None:
    """Puts the folder of a finished training in the place of an older network, if there is one."""
    old = replaced(folder)
    if trained != folder:
        shutil.rmtree(old, ignore_errors=True)
        if folder.exists():
            os.replace(folder, old)
        os.replace(trained, folder)
    shutil.rmtree(old, ignore_errors=True)  # also what a run left that was cut off just here


def checkpoint_faults(config: Config) -> list[str]:
    """A line if a loaded network is to be followed over the checkpoints of its training, and there are none."""
    wanted, folder = config.plotting.evolution_ID_list_val, config.network_folder
    if not (wanted and config.plotting.plotting_mode and config.data.val_sc) or config.user.training_mode:
        return []
    if not (folder / MODEL_FILE).is_file() or any((folder / CHECKPOINTS).glob(CHECKPOINT_FILES)):
        return []
    return [
        f"PlottingArgs.evolution_ID_list_val = {list(wanted)} follows realizations over the checkpoints of a training, "
        f"and there are none in {folder / CHECKPOINTS}; train again with checkpoint_every above 0, or leave the list "
        "empty"
    ]
