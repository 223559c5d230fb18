"""Cross-fitting by record: K networks, each trained without one fold of the records; their mean is the network.

Each record is validated by the networks that have not seen it, so that no LAMP record is spent on validation alone. The
folds are trainings of their own, in `<network>.folds/fold_1` and so on, each in a process of its own.
"""

import contextlib
import dataclasses
import json
import shutil
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from data_io import Record, Records, moment_unit
from network import Architecture, TrainedNetwork, join_networks, load_network, new_metadata
from networks import replacement
from networks.network_folder import HISTORY_COLUMNS, NetworkFolder, best_row
from networks.standardization import Standardization
from prediction import Predictor, with_row_step
from readers.sea_state_handles import sea_state
from readers.training_conditions import UNKNOWN
from settings import Config, UserInput
from settings.channels import input_channels, output_channels
from settings.description import in_this_run
from system.errors import InputError, counted, warn
from system.workers import Stopped, Workers, check_wanted
from training import fit
from training.checkpoints import finish
from training.history import ProgressLine, as_duration, pace
from training.objectives import WITH_THRESHOLDS, check_objectives
from training.resume import (
    BY_CTRL_C,
    can_continue,
    cannot_resume,
    check_replacement,
    data_facts,
    find_training,
    has_only_more_epochs,
)
from training.sequences import Sequences, Sets


def train(config: Config, sets: Sets, workers: Workers) -> TrainedNetwork:
    """Trains `num_folds` networks, each without a fold of the records of train and val, and saves their mean.

    The standardization is that of all these records. Beside the network lie the out-of-fold predictions.

    Raises InputError if there are fewer records than folds or an objective has no weight on any record, and what a
    training raises.
    """
    records, user = Records.joined(sets["train"], sets["val"]), config.user
    different = len(set(records.digests))
    if different < user.num_folds:
        raise InputError(
            f"UserInputArgs.num_folds = {user.num_folds}: the train and val lists have "
            f"{counted(different, 'realization')} together, and each fold needs one; give more, or set fewer folds"
        )
    place = NetworkFolder(config.network_folder)
    with place.only_training():
        facts, metadata = data_facts(sets, user.fine_tune_filename), _read_settings(place.folds)
        data = facts["data_fingerprint"]
        check_replacement(config, data)
        if not metadata:
            finished = find_training(config, data)
            if isinstance(finished, TrainedNetwork):
                return finished
        elif user.resume:
            differences = replacement.differences(metadata, config, data)
            if differences and not has_only_more_epochs(differences, metadata, user):
                raise cannot_resume(differences)
        standardization = Standardization.of(records, (*input_channels(user), *output_channels(user)))
        if not user.resume or not metadata:
            architecture = Architecture.of(user, standardization, records, moment_unit(user, config.data))
            _check_objectives(user, records, architecture, config.data.cache_path)
            if metadata:
                line = f"the interrupted cross-fitting in {place.folds} is replaced"
                warn([f"{line}; resume = True would have continued it"])
            shutil.rmtree(place.folds.path, ignore_errors=True)
            metadata = new_metadata(config.with_user(seed=fit.seed_of(user)).as_dict(), architecture) | facts
            place.folds.write_metadata(metadata)
        folds = split(records, config, metadata["seed"])
        report = Report(folds, metadata["seed"], workers)
        train_folds(folds, standardization, report.update, workers)
        trained = _save_joined(place, folds, records, metadata, workers.number)
        report.close(trained)
        shutil.rmtree(place.folds.path, ignore_errors=True)
        return trained


def _check_objectives(user: UserInput, records: Sequence[Record], architecture: Architecture, cache_path: str) -> None:
    """Raises InputError for an objective without weight on any record, before anything is written.

    Whether it has weight in each fold is checked there, as is all of a training that starts from another network.
    """
    kinds = {user.train_fun_hyp[0], user.val_fun_hyp[0]}
    if user.fine_tune_filename or not kinds & set(WITH_THRESHOLDS):
        return
    s = architecture.standardization
    sequences = Sequences.of(records, user.time_res, s, cache_path, user.transient_time)
    check_objectives(user, {"train": sequences, "val": sequences}, architecture)


def _read_settings(folder: NetworkFolder) -> dict[str, Any]:
    """settings.json of a training that may have been cut off; empty without one."""
    try:
        return json.loads(folder.settings.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _save_joined(
    place: NetworkFolder, folds: Sequence["Fold"], records: Records, metadata: dict[str, Any], at_once: int
) -> TrainedNetwork:
    """The mean of the folds' networks, saved with its history and the out-of-fold predictions."""
    stopped = {fold.folder.read_metadata().get("stopped") for fold in folds}
    if BY_CTRL_C in stopped and place.has_model:
        raise replacement.kept_from_replacing(place, place.folds)
    networks = [load_network(fold.folder.path) for fold in folds]
    predictions = out_of_fold(folds, networks)
    epoch = int(np.median([network.best_epoch for network in networks]))
    trained = dataclasses.replace(join_networks(networks), history=joint_history(folds, at_once), best_epoch=epoch)
    folder = place.begin_training()
    names = {entry.digest: entry.name for fold in folds for entry in fold.sets["val"].entries}
    folder.save_out_of_fold(predictions, [names[digest] for digest in predictions])
    results = [
        {
            "epochs_trained": len(n.history),
            "best_epoch": n.best_epoch,
            "left_out": fold.sets["val"].names,
            "digests": fold.sets["val"].digests,
            "output_filter": fold.folder.read_metadata().get("output_filter"),
        }
        for n, fold in zip(networks, folds, strict=True)
    ]
    conditions = {name: metadata["network"].get(name) for name in vars(UNKNOWN)}  # measured on all records
    trained = dataclasses.replace(trained, architecture=dataclasses.replace(trained.architecture, **conditions))
    if folds[0].config.user.fewer_rows:
        trained = with_row_step(trained, records, folds[0].config.user.transient_time)
    why = BY_CTRL_C if BY_CTRL_C in stopped else "all folds trained"
    return finish(trained, folder, place, metadata, why, out_of_fold=[*names.values()], folds=results)


def deal(names: Sequence[str], folds: int, seed: int) -> np.ndarray:
    """The fold (from 0) of each record: at random, evenly over the folds and, for each sea state, over them too.

    names: of the records; their handles tell the sea states. Sea states that
    resemble each other (in heading first) are dealt one after the other, so that no fold misses a range of them.
    """
    states = [_sea_state(name) for name in names]
    rng = np.random.default_rng(seed)
    order = sorted(rng.permutation(len(names)), key=lambda i: states[i])  # stable: at random within a sea state
    fold = np.empty(len(names), int)
    fold[order] = np.arange(len(names)) % folds
    return fold


def _sea_state(name: str) -> tuple[float, ...]:
    state = sea_state(name)
    return (state.heading, *dataclasses.astuple(state)) if state else ()


@dataclasses.dataclass(frozen=True)
class Fold:
    """One of the K trainings: settings with a network folder of its own, and the records to train and validate on."""

    config: Config
    sets: Sets

    @property
    def folder(self) -> NetworkFolder:
        return NetworkFolder(self.config.network_folder)

    def history(self) -> pd.DataFrame:
        """Its epochs so far; empty before the first one has ended."""
        for folder in (self.folder.unfinished, self.folder):
            with contextlib.suppress(OSError, ValueError):
                history = pd.read_csv(folder.history)
                if set(HISTORY_COLUMNS) <= set(history):  # else it is damaged
                    return history
        return pd.DataFrame()

    @property
    def is_finished(self) -> bool:
        folder = self.folder
        goes_on = self.config.user.resume and can_continue(folder, _read_settings(folder))
        return folder.has_model and not goes_on and folder.interrupted_training() is None


def split(records: Sequence[Record], config: Config, seed: int) -> list[Fold]:
    """The folds of the records; each validates on what is dealt to it and trains on the rest.

    Records of the same content are dealt to one fold, as no network may train on what it validates.
    """
    records, names = Records.joined(records), {}
    digests = records.digests
    for digest, name in zip(digests, records.names, strict=True):
        names.setdefault(digest, name)
    fold_of = dict(zip(names, deal(list(names.values()), config.user.num_folds, seed), strict=True))
    fold_numbers = np.array([fold_of[digest] for digest in digests])

    folds = []
    for k in range(config.user.num_folds):
        name = f"{config.network_name}.folds/fold_{k + 1}"
        fold_config = config.with_user(model_save_filename=name, num_folds=0, seed=fit.drawn_seed(seed, k))
        fold_config = fold_config.with_user(resume=True)  # also when its process was killed
        parts = {"train": np.flatnonzero(fold_numbers != k), "val": np.flatnonzero(fold_numbers == k)}
        folds.append(Fold(fold_config, {part: records.chosen(places) for part, places in parts.items()}))
    return folds


def train_folds(
    folds: Sequence[Fold], standardization: Standardization, report: Callable[[], None], workers: Workers
) -> None:
    """Trains each fold in a process of its own, as many at once as there are workers; `report` is called meanwhile.

    Raises InputError with what was wrong in the folds, or if Ctrl-C came before all of them had begun.
    """
    try:
        for _ in workers.run(in_this_run(_train_fold), [(fold, standardization) for fold in folds], watch=report):
            pass
    except Stopped as stopped:
        raise InputError(
            f"stopped by Ctrl-C when {stopped.number} of {len(folds)} folds had been trained to a network; resume = "
            "True continues these and trains the rest"
        ) from stopped


def _train_fold(fold: Fold, standardization: Standardization) -> None:
    fit.train(fold.config, fold.sets, after_epoch=lambda *_: check_wanted(), standardization=standardization)


def joint_history(folds: Sequence[Fold], at_once: int) -> pd.DataFrame:
    """history.csv of all folds that have begun, as if they trained in step.

    val_loss and the validation errors are those of all records, out of fold; a fold whose training has ended keeps the
    values of its best epoch.
    """
    started = [(fold, history) for fold in folds if len(history := fold.history())]
    epochs = pd.RangeIndex(1, 1 + max(len(history) for _, history in started), name="epoch")
    rows = np.array([sum(len(record.time) for record in fold.sets["val"]) for fold, _ in started], float)
    parts = []
    for _, history in started:
        by_epoch = history.set_index("epoch")
        row = best_row(by_epoch["val_loss"])
        best = by_epoch.iloc[-1 if row is None else row]
        part = by_epoch.reindex(epochs)
        parts.append(part.fillna(best.to_dict()).assign(elapsed_s=part["elapsed_s"].ffill()))
    stacked = np.stack([part.to_numpy(float) for part in parts])  # (fold, epoch, column)
    columns = parts[0].columns
    is_error = columns.str.startswith("val_rmse_")
    joint = np.average(np.where(is_error, stacked**2, stacked), axis=0, weights=rows)
    joint = pd.DataFrame(np.where(is_error, np.sqrt(joint), joint), index=epochs, columns=columns)
    in_turn = len(folds) / min(at_once, len(folds))
    joint["elapsed_s"] = in_turn * np.mean(stacked[:, :, columns.get_loc("elapsed_s")], axis=0)
    return joint.reset_index()


def out_of_fold(folds: Sequence[Fold], networks: Sequence[TrainedNetwork]) -> dict[str, np.ndarray]:
    """By the records' digests (rows, output channel): what the network predicts that has not seen the record."""
    predictions = {}
    for fold, network in zip(folds, networks, strict=True):
        predictor = Predictor(network)
        for record in fold.sets["val"]:
            predictions[record.digest] = predictor.predict([record.inputs])[0].mean
    return predictions


def _best_loss(history: pd.DataFrame) -> str:
    row = best_row(history["val_loss"]) if len(history) else None
    return "-" if row is None else f"{history['val_loss'].iloc[row]:.2e}"


def _standing(finished: Sequence[bool], epochs: Sequence[int]) -> str:
    """How far each fold is, in words."""
    texts = [
        f"finished ({counted(done, 'epoch')})" if end else f"after epoch {done}" if done else "from the beginning"
        for end, done in zip(finished, epochs, strict=True)
    ]
    return ", ".join(f"fold {number} {text}" for number, text in enumerate(texts, start=1))


def time_of_folds_left(
    elapsed: Sequence[Sequence[float]], before: Sequence[int], finished: Sequence[bool], user: UserInput, at_once: int
) -> float:
    """Seconds until all folds are trained, at_once of them at a time and in their order; NaN if no pace is known yet.

    The pace is that of the fold in this session, else that of the others in it, else that of earlier sessions.

    elapsed: of each fold, s of training after each epoch so far. before: its epochs of earlier sessions.
    """
    paces = pd.DataFrame({"now": map(pace, elapsed, before), "earlier": map(pace, elapsed)}, dtype=float)
    means = paces.mean()  # NaN of all that are NaN
    ends = [0.0] * min(at_once, len(elapsed))
    for times, now, earlier, is_finished in zip(elapsed, paces["now"], paces["earlier"], finished, strict=True):
        candidates = filter(np.isfinite, (now, means["now"], earlier, means["earlier"]))
        left = (user.epochs - len(times)) * next(candidates, np.nan)
        if user.max_minutes:
            left = min(left, max(60 * user.max_minutes - (times[-1] if times else 0.0), 0.0))
        ends[ends.index(min(ends))] += 0.0 if is_finished else left
    return max(ends)


class Report:
    """One progress line for all folds."""

    def __init__(self, folds: Sequence[Fold], seed: int, workers: Workers):
        self._workers = workers
        self._folds, self._began, self._epochs = folds, time.perf_counter(), 0
        self._line = ProgressLine(110)
        count = sum(len(fold.sets["val"]) for fold in folds)
        at_once = min(workers.number, len(folds))
        print(f"Cross-fitting {len(folds)} networks on {count} realizations, {at_once} at a time, seed {seed}")
        self._before = [len(fold.history()) for fold in folds]
        if any(self._before):
            print(f"Resuming: {_standing([fold.is_finished for fold in folds], self._before)}")

    def update(self) -> None:
        """Shows how far the folds are, if something has changed."""
        histories = [fold.history() for fold in self._folds]
        done = sum(map(len, histories))
        if done == self._epochs or not self._line.is_due():
            return
        self._epochs = done
        all_epochs = len(histories) * self._folds[0].config.user.epochs
        elapsed = [history["elapsed_s"].tolist() if len(history) else [] for history in histories]
        finished = [fold.is_finished for fold in self._folds]
        left = time_of_folds_left(elapsed, self._before, finished, self._folds[0].config.user, self._workers.number)
        losses = ", ".join(map(_best_loss, histories))
        time_text = f"at most {as_duration(left)} left" if np.isfinite(left) else "time left not known yet"
        self._line.show(f"{done} of {all_epochs} epochs  best validation of each fold {losses}  {time_text}")

    def close(self, trained: TrainedNetwork) -> None:
        """The last line."""
        self._line.close()
        took = as_duration(time.perf_counter() - self._began)
        loss = trained.history["val_loss"].iloc[-1]
        resumed = " since it was resumed" * any(self._before)
        plain = " before the output filters" * bool(trained.architecture.filter_lags)
        print(f"Trained {len(self._folds)} folds in {took}{resumed}; validation loss out of fold {loss:.3e}{plain}")
