"""The folder of a saved network: what it holds, and how it is created, replaced and checked."""

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from filelock import FileLock, Timeout

from settings import DEFAULT_NAME, NETWORKS_FOLDER, Config, DataInfo, UserInput, user_settings
from system.errors import UNREADABLE, InputError, cannot_be_written, first_line, warn
from system.files import posix, text_hash, write_json, written_aside

MODEL_FILE = "model.keras"
SETTINGS_FILE = "settings.json"
CHECKPOINTS = "checkpoints"  # a folder beside the model
CHECKPOINT_FILES = "epoch_[0-9][0-9][0-9][0-9][0-9][0-9].keras"
STATE_FILE = "training_state.npz"  # state of an unfinished training; of a finished one it is among the checkpoints
BESIDE = (".training", ".replaced", ".folds")  # suffixes of temporary folders of a network
TRAINING_FILES = ("train_sc", "train_lamp", "val_sc", "val_lamp")
HISTORY_FILE = "history.csv"
HISTORY_COLUMNS = ("epoch", "elapsed_s", "loss", "val_loss", "learning_rate")  # followed by channels.validation_error
OUT_OF_FOLD_FILE = "out_of_fold.npz"  # of a cross-fitting
CALIBRATION_FILE = "calibration.json"  # of its bands
WINDOWS_FILE = "training_windows.npz"  # what predictions are compared with
LAST_FILE = "last.keras"  # among the checkpoints


def training_settings(frozen: dict[str, Any]) -> dict[str, Any]:
    """The settings of a settings.json that determine the trained network, or their defaults."""
    user = Config().as_dict()["user"] | frozen.get("user", {})
    return {name: value for name, value in user.items() if name not in user_settings("run")}


def different_settings(frozen: dict[str, Any], config: Config) -> dict[str, str]:
    """For each training setting that differs from `frozen`, the settings of a settings.json, a line by name."""
    old, new = training_settings(frozen), training_settings(config.as_dict())
    lines = {}
    for name, now in new.items():
        before = old[name]
        drawn = name == "seed" and now is None  # a seed drawn by the program is not a setting of the user's
        if before != now and not drawn:
            lines[name] = f"{name} was {before} and is now {now}"
    return lines


def knows_its_data(metadata: dict[str, Any]) -> bool:
    """Whether a settings.json identifies the content of the data; those of earlier versions list their files only."""
    return "=" in str(metadata.get("data_fingerprint"))


def different_data(metadata: dict[str, Any], config: Config, data: str) -> list[str]:
    """A line if the train and val sets, or the network to start from, are not those of a settings.json.

    data: see `data_io.data_fingerprint`. Without it, and for a settings.json of an earlier version, by the names of the
    files, wherever they lie.
    """
    source = config.user.fine_tune_filename
    if metadata.get("fine_tuned_from") and network_digest(source) not in ("", metadata["fine_tuned_from"]):
        return [f"the network {source}, from which it starts, has changed since the training began"]
    if data and knows_its_data(metadata):
        before, now = map(_by_source, (metadata["data_fingerprint"], data))
        shared = before.keys() & now.keys()  # other input channels have other sources
        same = shared and all(before[source][0] == now[source][0] for source in shared)
        what, which = _what_has_changed(before, now, shared, metadata.get("record_names", ()))
    else:
        lists = metadata.get("settings", {}).get("data", {}), config.as_dict()["data"]
        before, now = ([_file_names(files.get(name, ())) for name in TRAINING_FILES] for files in lists)
        same, what, which = before == now, "the names of the files of the train and val sets have", ""
    return [] if same else [f"{what} changed since the training began{which}"]


def _by_source(data: str) -> dict[str, tuple[str, list[str]]]:
    """Of a `data_io.data_fingerprint` the hash of each source, and the beginnings of those of the records."""
    parts = (part.partition("=")[::2] for part in data.split())
    return {source: (text.partition(":")[0], text.partition(":")[2].split(",")) for source, text in parts}


def _what_has_changed(before: dict, now: dict, shared: Iterable[str], names: Sequence[str]) -> tuple[str, str]:
    """What differs between two fingerprints (see `_by_source`), with the verb, and which records. names: of these."""
    old, new = (list(zip(*(data[source][1] for source in sorted(shared)), strict=False)) for data in (before, now))
    others = [name for name, a, b in zip(names, old, new, strict=False) if a != b]
    if others and sorted(old) == sorted(new):
        return "the order of the train and val sets has", ""
    more = f" and {len(others) - 1} more" if len(others) > 1 else ""
    which = f" ({others[0]}{more})" if others and len(old) == len(new) == len(names) else ""
    return "the files of the train and val sets have", which


def network_digest(name: str) -> str:
    """A hash of the model of a saved network; empty if there is none."""
    with contextlib.suppress(OSError):
        return hashlib.blake2b((NETWORKS_FOLDER / name / MODEL_FILE).read_bytes(), digest_size=16).hexdigest()
    return ""


def has_settings(folder: Path, config: Config, data: str = "") -> bool:
    """Whether a saved network was trained with these settings and data, see `different_data`."""
    try:
        facts = read_metadata(folder)
        return not different_settings(facts["settings"], config) and not different_data(facts, config, data)
    except (InputError, KeyError, TypeError, AttributeError):
        return False


def trained_on(metadata: dict[str, Any]) -> str:
    """How many records a network was trained and validated on, with a short hash of what identifies them."""
    files = metadata["settings"].get("data", {})
    if knows_its_data(metadata):  # the waves depend on the input channels
        known = [part.partition(":")[0] for part in metadata["data_fingerprint"].split()]
        known = [part for part in known if part.startswith(("lamp=", "sc="))]
    else:
        known = [_file_names(files.get(name, ())) for name in TRAINING_FILES]
    counts = (len(files.get(name, ())) for name in ("train_sc", "val_sc"))
    return f"{' + '.join(map(str, counts))} records {text_hash(json.dumps(known), 3)}"


def _file_names(paths: Sequence[str]) -> list[str]:
    return [posix(path).rpartition("/")[2] for path in paths]


def only_more_epochs(frozen: dict[str, Any], config: Config) -> bool:
    """Whether a larger number of epochs is the only difference."""
    epochs = training_settings(frozen)["epochs"]
    return set(different_settings(frozen, config)) == {"epochs"} and config.user.epochs > epochs


def write_metadata(folder: Path, metadata: dict[str, Any]) -> None:
    """Writes settings.json of a saved network atomically."""
    write_json(folder / SETTINGS_FILE, metadata)


def read_metadata(folder: Path) -> dict[str, Any]:
    """The metadata (settings.json) of a saved network. Raises InputError if it is missing or cannot be read."""
    if not (folder / MODEL_FILE).is_file():
        raise InputError(_missing_network(folder))
    try:
        return json.loads((folder / SETTINGS_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(damaged_settings(folder, error)) from error


def training_config(folder: Path) -> Config:
    """The settings a network was trained with. Raises InputError if its settings.json is damaged."""
    saved = read_metadata(folder)
    try:
        user, data = ({k: _tuple(v) for k, v in saved["settings"][part].items()} for part in ("user", "data"))
        return Config(user=UserInput(**user), data=DataInfo(**data))
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(damaged_settings(folder, error)) from error


def as_trained(config: Config) -> Config:
    """The settings of a run that loads a network, with the network's transient_time; says so if it was another one.

    Otherwise errors, bands and statistics of the fleet would leave out other seconds than those of the training.
    """
    if config.user.training_mode:
        return config
    restore_replaced(config.network_folder)
    settings = read_metadata(config.network_folder).get("settings", {})
    own, trained = config.user.transient_time, training_settings(settings)["transient_time"]
    if own == trained or not isinstance(trained, int | float):
        return config
    remark = (
        f"{config.network_folder} was trained with {trained:g} s, which is used, so that errors and statistics compare"
    )
    warn([f"UserInputArgs.transient_time = {own:g} s: {remark}"])
    return config.with_user(transient_time=trained)


def _tuple(value):
    return tuple(posix(v) if isinstance(v, str) else v for v in value) if isinstance(value, list) else value


def _missing_network(folder: Path) -> str:
    folders = [path.parent for path in sorted(folder.parent.glob(f"*/{MODEL_FILE}"))]
    known = ", ".join(path.name for path in folders if path.suffix not in BESIDE)
    return f"{folder}: there is no saved network of this name; saved networks are: {known or 'none yet'}"


def missing_networks(config: Config, trained_before: Sequence[str] = ()) -> list[str]:
    """An error line for each network that the run loads or starts from, if it neither exists nor is trained earlier."""
    user = config.user
    name = user.source_network
    folder = NETWORKS_FOLDER / name
    there = any((path / MODEL_FILE).is_file() for path in (folder, replaced(folder)))
    return [] if not name or there or name in trained_before else [_missing_network(folder)]


def read_history(folder: Path) -> pd.DataFrame:
    """The history.csv of a saved network; empty, with a warning, if it cannot be read."""
    try:
        history = pd.read_csv(folder / HISTORY_FILE).astype(float)
        history[list(HISTORY_COLUMNS)].astype({"epoch": int})  # required columns
        return history
    except FileNotFoundError:
        pass
    except (OSError, ValueError, KeyError) as error:
        warn([f"{folder / HISTORY_FILE}: cannot be read ({first_line(error)}); no learning curve is drawn"])
    return pd.DataFrame()


def best_row(losses: Sequence[float]) -> int | None:
    """The row of a history.csv whose network is kept: the smallest loss, of equal ones the first; None without any.

    Neither NaN nor infinity counts, nor what is not above 0: 0 is a mean over no sample.
    """
    losses = np.asarray(losses, float)
    counts = np.isfinite(losses) & (losses > 0)
    return int(np.where(counts, losses, np.inf).argmin()) if counts.any() else None


def save_out_of_fold(folder: Path, predictions: Mapping[str, np.ndarray], names: Sequence[str]) -> None:
    """Keeps beside a network of folds what it predicts for each record without the networks that have seen it.

    predictions: by the records' digests (rows, output channel) in physical units. names: of the records, for people.
    """
    with written_aside(folder / OUT_OF_FOLD_FILE) as aside:
        np.savez(
            aside,
            digests=np.array(list(predictions)),
            names=np.array(names),
            rows=np.array([len(each) for each in predictions.values()]),
            predictions=np.concatenate(list(predictions.values()), dtype=np.float32),
        )


def load_out_of_fold(folder: Path) -> dict[str, np.ndarray]:
    """What `save_out_of_fold` has kept, by the records' digests (rows, output channel); {} if there is none.

    Raises InputError if it is damaged, or of an earlier version, which told records apart by their names alone.
    """
    file = folder / OUT_OF_FOLD_FILE
    try:
        with np.load(file, allow_pickle=False) as arrays:
            if "digests" not in arrays:
                raise InputError(
                    f"{file}: is of an earlier version, which told records apart by their names alone; its out-of-fold "
                    "predictions are not used; train the network again"
                )
            predictions, rows = arrays["predictions"], arrays["rows"]
            if len(predictions) != rows.sum() or not np.isfinite(predictions).all():
                raise ValueError(f"{len(predictions)} of {rows.sum()} rows, or not all are numbers")
            return dict(zip(arrays["digests"].tolist(), np.split(predictions, np.cumsum(rows)[:-1]), strict=True))
    except FileNotFoundError:
        return {}
    except UNREADABLE as error:
        raise InputError(
            f"{file}: cannot be read ({first_line(error)}); its predictions are not used; train the network again"
        ) from error


def damaged_settings(folder: Path, error: Exception) -> str:
    return f"{folder / SETTINGS_FILE}: missing or damaged ({first_line(error)}); train the network again"


def unfinished(folder: Path) -> Path:
    """The folder of a training while an older network of that name is still in place."""
    return folder.with_name(folder.name + ".training")


def may_replace(config: Config) -> bool:
    """Whether a training may replace the network of any other experiment."""
    return config.user.overwrite or config.user.model_save_filename == DEFAULT_NAME


def interrupted_training(folder: Path) -> Path | None:
    """The folder of an interrupted training of the network in `folder`; None if there is none."""
    return next((path for path in (unfinished(folder), folder) if (path / STATE_FILE).is_file()), None)


def folds_folder(folder: Path) -> Path:
    """Where the networks of a cross-fitting are trained."""
    return folder.with_name(folder.name + ".folds")


def interrupted_folds(folder: Path) -> Path | None:
    """The folder of an interrupted cross-fitting of the network in `folder`; None if there is none."""
    folds = folds_folder(folder)
    return folds if (folds / SETTINGS_FILE).is_file() else None


def overwrite_faults(config: Config, data: str = "") -> list[str]:
    """An error line if the training would replace, unasked, a network or an interrupted training.

    data: the fingerprint of the train and val sets; before they are read, the settings alone are compared.
    """
    user, folder = config.user, config.network_folder
    if not user.training_mode or (user.overwrite and folder.suffix not in BESIDE):
        return []
    name = f"UserInputArgs.model_save_filename = {user.model_save_filename!r}"
    if folder.suffix in BESIDE:
        return [
            f"{name}: a name that ends in {folder.suffix} is the program's own beside a network; choose another name"
        ]
    begun = interrupted_training(folder) or interrupted_folds(folder)
    if begun and not user.resume:
        return [
            f"{name}: {begun} is an interrupted training, which is not replaced unasked; set resume = True to continue "
            "it, or overwrite = True to replace it, or choose another name"
        ]
    # Whether an interrupted training can be resumed is checked when the training starts.
    goes_on = interrupted_training(folder) or (user.num_folds and interrupted_folds(folder))
    if goes_on or may_replace(config) or not (folder / MODEL_FILE).is_file():
        return []
    try:
        metadata = read_metadata(folder)
        frozen = metadata["settings"]
        differences = list(different_settings(frozen, config).values())
        if user.resume and only_more_epochs(frozen, config):
            differences = []
        differences += different_data(metadata, config, data) if data else []
    except (InputError, KeyError, TypeError, AttributeError):
        differences = ["its settings cannot be read"]
    if not differences:
        return []
    return [
        f"{name}: {folder} holds another experiment ({'; '.join(differences[:3])}); choose another name, or set "
        "overwrite = True to replace it"
    ]


def kept_from_replacing(config: Config, interrupted: Path) -> InputError:
    """The error that ends a run whose training was stopped by Ctrl-C where a network of its name stands."""
    folder = config.network_folder
    return InputError(
        f"stopped by Ctrl-C: the network in {folder}, finished earlier, stays as it is; the interrupted training is in "
        f"{interrupted}: resume = True continues it, overwrite = True replaces it by a new one; to see results of the "
        "finished network, set training_mode = False"
    )


def replaced(folder: Path) -> Path:
    """Where a network is moved while a newer one takes its place."""
    return folder.with_name(folder.name + ".replaced")  # a user's own copy may be called .old


def restore_replaced(folder: Path) -> None:
    """Restores a network that an interrupted run moved away before its replacement was in place."""
    if not folder.exists() and (replaced(folder) / MODEL_FILE).is_file():
        os.replace(replaced(folder), folder)


def new_training_folder(folder: Path) -> Path:
    """An empty folder to train in: the network's own, or a temporary one if a network of that name exists."""
    restore_replaced(folder)
    if (folder / MODEL_FILE).is_file():
        folder = unfinished(folder)
    if folder.is_dir():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    return folder


@contextlib.contextmanager
def only_training(folder: Path) -> Iterator[None]:
    """Holds `<folder>.lock` while a network is trained. A killed process leaves the file but not the lock.

    Raises InputError if another process holds it, or the file cannot be written.
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
        pass  # a file system without locks, such as some network drives
    except OSError as error:
        raise InputError(cannot_be_written(path, error)) from error
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # fails on Windows while the file is open; filelock deletes it
            path.unlink(missing_ok=True)
        lock.release()


def publish(trained: Path, folder: Path) -> None:
    """Moves a finished training to the network's folder and removes the older network, if any."""
    old = replaced(folder)
    if trained != folder:
        shutil.rmtree(old, ignore_errors=True)
        if folder.exists():
            os.replace(folder, old)
        os.replace(trained, folder)
    shutil.rmtree(old, ignore_errors=True)  # also what a run that was interrupted here left behind


def checkpoint_faults(config: Config) -> list[str]:
    """An error line if the evolution of a loaded network is to be drawn and it has no checkpoints."""
    wanted, folder = config.plotting.evolution_ID_list_val, config.network_folder
    drawn = wanted and config.plotting.plotting_mode and config.data.val_sc and not config.user.training_mode
    if not drawn or not (folder / MODEL_FILE).is_file() or any((folder / CHECKPOINTS).glob(CHECKPOINT_FILES)):
        return []
    return [
        f"PlottingArgs.evolution_ID_list_val = {list(wanted)} needs the checkpoints of a training, and there are none "
        f"in {folder / CHECKPOINTS}; train again with checkpoint_every above 0, or leave the list empty"
    ]
