"""The folder of a saved network: what lies in it and beside it, and how a training creates and replaces it."""

import contextlib
import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from filelock import FileLock, Timeout

from readers.units import moment_unit_text
from settings import NETWORKS_FOLDER, Config, DataInfo, UserInput, description
from settings.description import SHIP, Description
from system.errors import UNREADABLE, InputError, cannot_be_written, first_line, warn
from system.files import posix, write_json, written_aside

MODEL_FILE = "model.keras"
SETTINGS_FILE = "settings.json"
HISTORY_COLUMNS = ("epoch", "elapsed_s", "loss", "val_loss", "learning_rate")  # followed by channels.validation_error
SECONDS_OF_ABANDONED = 600  # a fold that a run has left behind on a cluster ends after its epoch
TEMPORARY = (".training", ".replaced", ".folds")  # suffixes of folders that trainings make beside a network's


def _file(name: str) -> property:
    return property(lambda self: self.path / name)


def _beside(suffix: str) -> property:
    return property(lambda self: NetworkFolder(self.path.with_name(self.path.name + suffix)))


@dataclass(frozen=True)
class NetworkFolder:
    """The folder of a network in saved_models."""

    path: Path

    model = _file(MODEL_FILE)
    settings = _file(SETTINGS_FILE)
    history = _file("history.csv")
    out_of_fold = _file("out_of_fold.npz")  # predictions of a cross-fitting
    calibration = _file("calibration.json")  # of its bands
    training_windows = _file("training_windows.npz")  # what predictions are compared with
    reference_filter = _file("linear_filter.npz")  # which reports set beside the network
    state = _file("training_state.npz")  # of an unfinished training
    checkpoints = _file("checkpoints")
    last_model = _file("checkpoints/last.keras")
    kept_state = _file("checkpoints/training_state.npz")  # of a finished training, which can go on from it

    unfinished = _beside(".training")  # a training while an older network of that name is still in place
    replaced = _beside(".replaced")  # a network while a newer one takes its place; a user's own copy may be called .old
    folds = _beside(".folds")  # the networks of a cross-fitting

    def __str__(self) -> str:
        return str(self.path)

    @property
    def has_model(self) -> bool:
        return self.model.is_file()

    # ---- what the files hold ------------------------------------------------------------------------------------

    def read_metadata(self) -> dict[str, Any]:
        """What settings.json says of a saved network. Raises InputError if it is missing or cannot be read."""
        if not self.has_model:
            raise InputError(self.missing())
        try:
            saved = json.loads(self.settings.read_text(encoding="utf-8"))
            if not all(isinstance(part, dict) for part in (saved, saved.get("settings", {}), saved.get("network", {}))):
                raise ValueError("it holds no settings by name")
            return saved
        except (OSError, ValueError, RecursionError, AttributeError) as error:
            raise self.damaged_settings(error) from error

    def write_metadata(self, metadata: dict[str, Any]) -> None:
        write_json(self.settings, metadata)

    def damaged_settings(self, error: Exception) -> InputError:
        return InputError(f"{self.settings}: missing or damaged ({first_line(error)}); train the network again")

    def missing(self) -> str:
        """The error line where there is no network of this name."""
        folders = [path.parent for path in sorted(self.path.parent.glob(f"*/{MODEL_FILE}"))]
        saved = ", ".join(folder.name for folder in folders if folder.suffix not in TEMPORARY)
        return f"{self}: there is no saved network of this name; saved networks are: {saved or 'none yet'}"

    def training_config(self) -> Config:
        """The settings a network was trained with. Raises InputError if its settings.json is damaged."""
        saved = self.read_metadata()
        try:
            user, data = ({k: _tuple(v) for k, v in saved["settings"][part].items()} for part in ("user", "data"))
            if "description" in user:
                user["description"] = Description.from_dict(user["description"])
            return Config(user=UserInput(**user), data=DataInfo(**data))
        except (KeyError, TypeError, AttributeError) as error:
            raise self.damaged_settings(error) from error

    def described(self) -> tuple[Description, float] | None:
        """The sources of a network, also during its training, and its time scale; None if settings.json says none."""
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):  # those that need it say so
            saved = json.loads(self.settings.read_text(encoding="utf-8"))
            pair = Description.from_dict(saved["settings"]["user"]["description"])
            return pair, float(saved.get("network", {}).get("time_scale") or 1.0)
        return None

    @property
    def description(self) -> Description:
        """The sources of a network; SimpleCode and LAMP if settings.json says none."""
        return (self.described() or (SHIP, 1.0))[0]

    def moment_unit(self) -> str:
        """The unit of the bending moment in the files of the training, as it is written."""
        return moment_unit_text(self.read_metadata()["network"].get("vbm_unit"))

    def model_digest(self) -> str:
        """A hash of the model's weights, the same wherever and whenever they were trained; empty if there is none."""
        if not self.has_model:
            return ""
        try:
            with zipfile.ZipFile(self.model) as archive:
                return hashlib.blake2b(archive.read("model.weights.h5"), digest_size=16).hexdigest()
        except (zipfile.BadZipFile, KeyError):  # loading it says what is wrong
            return _digest(self.model)

    def checkpoint_digests(self) -> dict[str, str]:
        """A hash of each checkpoint by its file name, the last model included."""
        files = [*self.epoch_models().values(), self.last_model]
        return {file.name: _digest(file) for file in files if file.is_file()}

    def check_checkpoints(self) -> None:
        """Raises InputError for checkpoints that do not come from the training of this network."""
        metadata = self.read_metadata()
        kept = metadata.get("checkpoints", {}) if metadata.get("finished") else {}
        foreign = [name for name, digest in self.checkpoint_digests().items() if kept and kept.get(name) != digest]
        if foreign:
            raise InputError(
                [f"{self.checkpoints / name}: is of another training than {self.model}; remove it" for name in foreign]
            )

    def read_history(self) -> pd.DataFrame:
        """The history.csv of a saved network; empty, with a warning, if it cannot be read."""
        try:
            history = pd.read_csv(self.history).astype(float)
            history[list(HISTORY_COLUMNS)].astype({"epoch": int})  # required columns
            if history["learning_rate"].tail(1).isna().any() and not self.history.read_bytes().endswith(b"\n"):
                warn([f"{self.history}: the last row breaks off and is left out"])
                return history[:-1]
            return history
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError) as error:
            warn([f"{self.history}: cannot be read ({first_line(error)}); no learning curve is drawn"])
        return pd.DataFrame()

    def save_out_of_fold(self, predictions: Mapping[str, np.ndarray], names: Sequence[str]) -> None:
        """Keeps what a network of folds predicts for each record without the networks that have seen it.

        predictions: by the records' digests (rows, output channel) in physical units. names: the records'.
        """
        with written_aside(self.out_of_fold) as aside:
            np.savez(
                aside,
                digests=np.array(list(predictions)),
                names=np.array(names),
                rows=np.array([len(prediction) for prediction in predictions.values()]),
                predictions=np.concatenate(list(predictions.values()), dtype=np.float32),
            )

    def load_out_of_fold(self) -> dict[str, np.ndarray]:
        """What `save_out_of_fold` has kept, by the records' digests (rows, output channel); {} if there is none.

        Raises InputError if it is damaged, or of other channels than the network.
        """
        if not self.out_of_fold.exists():
            return {}
        outputs = self.read_metadata().get("network", {}).get("outputs", ())
        try:
            with np.load(self.out_of_fold, allow_pickle=False) as arrays:
                predictions, rows = arrays["predictions"], arrays["rows"]
                if predictions.shape != (rows.sum(), len(outputs)) or not np.isfinite(predictions).all():
                    expected = f"{rows.sum()} rows of {', '.join(outputs)}"
                    raise ValueError(f"its shape is {predictions.shape}, expected {expected}, or not all are numbers")
                return dict(zip(arrays["digests"].tolist(), np.split(predictions, np.cumsum(rows)[:-1]), strict=True))
        except UNREADABLE as error:
            raise InputError(
                f"{self.out_of_fold}: cannot be read ({first_line(error)}); its predictions are not used; train the "
                "network again"
            ) from error

    def epoch_model(self, epoch: int) -> Path:
        """The checkpoint of an epoch."""
        return self.checkpoints / f"epoch_{epoch:06d}.keras"

    def epoch_models(self) -> dict[int, Path]:
        """The checkpoints that there are, by epoch in ascending order, without the last model."""
        files = sorted(self.checkpoints.glob(f"epoch_{'[0-9]' * 6}.keras"))
        return {int(file.stem.removeprefix("epoch_")): file for file in files}

    # ---- trainings ----------------------------------------------------------------------------------------------

    def interrupted_training(self) -> "NetworkFolder | None":
        """The folder of an interrupted training of this network."""
        return next((folder for folder in (self.unfinished, self) if folder.state.is_file()), None)

    def interrupted_folds(self) -> "NetworkFolder | None":
        """The folder of an interrupted cross-fitting of this network."""
        return self.folds if self.folds.settings.is_file() else None

    def restore_replaced(self) -> None:
        """Restores a network that an interrupted run moved away before its replacement was in place."""
        if not self.path.exists() and self.replaced.has_model:
            os.replace(self.replaced.path, self.path)

    def begin_training(self) -> "NetworkFolder":
        """An empty folder to train in: the network's own, or a temporary one if a network of that name exists."""
        self.restore_replaced()
        folder = self.unfinished if self.has_model else self
        if folder.path.is_dir():
            shutil.rmtree(folder.path)
        folder.path.mkdir(parents=True)
        return folder

    @contextlib.contextmanager
    def only_training(self) -> Iterator[None]:
        """Holds `<folder>.lock` while a network is trained. A killed process leaves the file but not the lock.

        Raises InputError if another process holds it, or the file cannot be written.
        """
        path = self.path.with_name(self.path.name + ".lock")
        is_fold = self.path.parent.suffix == self.folds.path.suffix
        lock = FileLock(path, timeout=SECONDS_OF_ABANDONED if is_fold else 0)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except Timeout:
            raise InputError(
                f"{self}: another run is training this network; wait until it has finished, or choose another "
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

    def publish(self, trained: "NetworkFolder") -> None:
        """Moves a finished training to this place and removes the older network, if any."""
        old = self.replaced.path
        if trained != self:
            shutil.rmtree(old, ignore_errors=True)
            if self.path.exists():
                os.replace(self.path, old)
            os.replace(trained.path, self.path)
        shutil.rmtree(old, ignore_errors=True)  # also what a run that was interrupted here left behind


def _digest(file: Path) -> str:
    return hashlib.blake2b(file.read_bytes(), digest_size=16).hexdigest()


def _tuple(value):
    return tuple(posix(v) if isinstance(v, str) else v for v in value) if isinstance(value, list) else value


def best_row(losses: Sequence[float]) -> int | None:
    """The row of a history.csv whose network is kept: the smallest loss, of equal ones the first; None without any.

    Neither NaN nor infinity counts, nor what is not above 0: 0 is a mean over no sample.
    """
    losses = np.asarray(losses, float)
    counts = np.isfinite(losses) & (losses > 0)
    return int(np.where(counts, losses, np.inf).argmin()) if counts.any() else None


def use_description_of(folders: Sequence[NetworkFolder]) -> None:
    """Tables, figures and messages are about the sources of these networks. Raises InputError if they have several."""
    found = {folder.path.name: described for folder in folders if (described := folder.described())}
    names = {name: f"{pair.low_name} and {pair.high_name}" for name, (pair, _) in found.items()}
    if len(set(names.values())) > 1:
        listed = ", ".join(f"{name} ({sources})" for name, sources in names.items())
        raise InputError(f"these networks are of different sources: {listed}; compare those of the same sources")
    description.use(*next(iter(found.values()), (SHIP, 1.0)))


# ---- runs that load a network -----------------------------------------------------------------------------------


def missing_networks(user: UserInput, trained_before: Sequence[str] = ()) -> list[str]:
    """An error line for the network that a run loads or starts from, if it neither exists nor is trained earlier."""
    name = user.source_network
    folder = NetworkFolder(NETWORKS_FOLDER / name)
    there = folder.has_model or folder.replaced.has_model
    return [] if not name or there or name in trained_before else [folder.missing()]


def checkpoint_faults(config: Config) -> list[str]:
    """An error line if the evolution of a loaded network is to be drawn and it has no checkpoints."""
    records, folder = config.plotting.evolution_ID_list_val, NetworkFolder(config.network_folder)
    drawn = records and config.plotting.plotting_mode and config.data.val_sc and not config.user.training_mode
    if not drawn or not folder.has_model or folder.epoch_models():
        return []
    return [
        f"PlottingArgs.evolution_ID_list_val = {list(records)} needs the checkpoints of a training, and there are none "
        f"in {folder.checkpoints}; train again with checkpoint_every above 0, or leave the list empty"
    ]


def as_trained(config: Config) -> Config:
    """The settings of a run that loads a network, with the network's transient_time; says so if it was another one.

    Otherwise errors, bands and statistics of the fleet would leave out other seconds than those of the training.
    """
    if config.user.training_mode:
        return config
    folder = NetworkFolder(config.network_folder)
    folder.restore_replaced()
    asked = config.user.transient_time
    try:
        trained = folder.read_metadata().get("settings", {}).get("user", {}).get("transient_time", asked)
    except AttributeError as error:
        raise folder.damaged_settings(error) from error
    if trained == asked or not isinstance(trained, int | float):
        return config
    remark = f"{folder} was trained with {trained:g} s, which is used, so that errors and statistics compare"
    warn([f"UserInputArgs.transient_time = {asked:g} s: {remark}"])
    return config.with_user(transient_time=trained)
