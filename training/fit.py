"""Trains a network: from the records of both codes to the folder of a saved network."""

import dataclasses
import functools
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import threadpoolctl

from data_io import Record
from layers.standardization import Standardization
from network import (
    Architecture,
    TrainedNetwork,
    build_training_model,
    listed,
    load_network,
    new_metadata,
    save_model,
)
from settings import NETWORKS_FOLDER, Config
from support.errors import Diverged, InputError, warn
from support.saved_networks import (
    HISTORY_FILE,
    MODEL_FILE,
    STATE_FILE,
    interrupted_training,
    new_training_folder,
    publish,
    write_metadata,
)
from training.batches import TrainingBatches
from training.checkpoints import Checkpoints, with_averaged_weights
from training.history import Progress
from training.linear_fit import train_linear_filter
from training.lock import only_training
from training.mirroring import Mirror
from training.objectives import (
    COUNTS_LARGE_ERRORS,
    check_objectives,
    member_loss,
    objective_loss,
    objective_sum_and_count,
)
from training.optimizer import RateByEpoch, loss_watchers, make_optimizer
from training.resume import (
    BY_CTRL_C,
    Interrupted,
    TrainingState,
    data_fingerprint,
    find_training,
    fingerprints,
    keep_state,
)
from training.sequences import Sequences
from training.validation import Validation
from training.workers import OneWorker, connect

NOTHING_TO_TRAIN = -1  # sent by the first worker instead of a seed

AfterEpoch = Callable[[int, dict[str, float]], None]


def train(
    config: Config,
    sets: Mapping[str, Sequence[Record]],
    after_epoch: AfterEpoch | None = None,
    standardization: Standardization | None = None,
) -> TrainedNetwork:
    """Trains on the train set, stops early and selects the best weights on the val set, and saves the network.

    The test set is not used. Ctrl-C ends the training and keeps the best network so far. `after_epoch` is called with
    the epoch (from 0) and its losses once the epoch is saved; an exception from it interrupts the training, which can
    be resumed. `standardization` is given for one of the networks of a cross-fitting; else it is that of the train set.

    Where several machines train together, the process of each but the first ends here (SystemExit).

    Raises:
        InputError: the network to start from does not fit, the interrupted training had other settings or data, another
            run is training it, the disk is full, another machine is lost, or the training diverged in its first epoch.
    """
    workers = connect(config)  # first, so that all notice when one of them fails
    with workers.failures_as_errors():
        if not workers.is_first:
            _train_along(config, sets, workers)
            raise SystemExit(0)
        with only_training(config.network_folder):
            if config.user.network_type == "linear":
                return train_linear_filter(config, sets, standardization)
            return _train(config, sets, workers, after_epoch, standardization)


def _train(
    config: Config,
    sets: Mapping[str, Sequence[Record]],
    workers: OneWorker,
    after_epoch: AfterEpoch | None,
    standardization: Standardization | None,
) -> TrainedNetwork:
    data = data_fingerprint(sets["train"], sets["val"])
    workers.compare(fingerprints(config, data))
    found = find_training(config, data) if config.user.resume else None
    if isinstance(found, TrainedNetwork):
        workers.from_first([NOTHING_TO_TRAIN])
        return found
    seed = found.metadata["seed"] if found else config.user.seed
    if seed is None:
        seed = int(np.random.SeedSequence().generate_state(1)[0] >> 1)
    workers.from_first([seed])
    setup = _set_up(config, sets, seed, workers, standardization)
    setup = dataclasses.replace(setup, val=_validation_sequences(config, sets, setup))
    metadata = new_metadata(config, setup.architecture, seed) | {"data_fingerprint": data}
    folder = found.folder if found else _new_folder(config)
    if found:
        metadata = found.metadata
    else:
        write_metadata(folder, metadata)
    _announce(sets, setup)
    observers = _observers(setup, folder, found)
    why_stopped = _fit(setup, observers, workers, after_epoch)
    if observers.checkpoints.epoch is None:
        shutil.rmtree(folder, ignore_errors=True)
        raise Diverged(f"training ended before any epoch produced a network ({why_stopped}); nothing is saved")
    observers.progress.close(why_stopped, observers.checkpoints.epoch)
    best = TrainedNetwork(
        observers.checkpoints.best_model, setup.architecture, observers.progress.history(), observers.checkpoints.epoch
    )
    return _save(config, best, folder, metadata, why_stopped)


def _train_along(config: Config, sets: Mapping[str, Sequence[Record]], workers: OneWorker) -> None:
    """The part of a worker other than the first: gradients and optimizer steps, nothing else."""
    workers.compare(fingerprints(config, data_fingerprint(sets["train"], sets["val"])))
    seed = int(workers.from_first([0])[0])
    if seed == NOTHING_TO_TRAIN:
        return
    setup = _set_up(config, sets, seed, workers)
    epochs = range(*workers.from_first([0, 0]).astype(int))
    try:
        setup.run(epochs, [keras.callbacks.TerminateOnNaN()], workers)
    except KeyboardInterrupt:
        pass


# ---- what is trained --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Setup:
    """A network ready to be trained: initialized and compiled, with the batches to train it on."""

    config: Config
    architecture: Architecture
    model: keras.Model
    batches: TrainingBatches
    seed: int
    val: Sequences | None = None

    @property
    def watched(self) -> str:
        """The loss that determines the best epoch."""
        return "val_loss" if self.val else "loss"

    def run(self, epochs: range, callbacks: list[keras.callbacks.Callback], workers: OneWorker) -> None:
        with threadpoolctl.threadpool_limits(1, "blas"):  # the LSTM layer's own threads make many small products
            self.model.fit(
                workers.share(self.batches.dataset(epochs.start, self.config.user.epochs)),
                initial_epoch=epochs.start,
                epochs=epochs.stop,
                steps_per_epoch=self.batches.batches_an_epoch,
                shuffle=False,
                verbose=0,
                callbacks=[*callbacks, *workers.callbacks()],
            )


def _set_up(
    config: Config,
    sets: Mapping[str, Sequence[Record]],
    seed: int,
    workers: OneWorker,
    standardization: Standardization | None = None,
) -> Setup:
    user = config.user
    keras.utils.set_random_seed(seed)
    architecture = Architecture.of(user, standardization or Standardization.of(sets["train"]))
    source = None
    if user.fine_tune_filename:
        source = load_network(NETWORKS_FOLDER / user.fine_tune_filename)
        architecture = _fitting_architecture(source, architecture)
    model = build_training_model(architecture)
    if source:
        model.set_weights(source.model.get_weights())

    s = architecture.standardization
    mirror = Mirror.of(architecture.inputs, architecture.outputs, s) if user.mirror_symmetry else None
    sequences = Sequences.of(sets["train"], user.time_res, s, config.data.cache_path, user.transient_time)
    batches = TrainingBatches(sequences, user, seed, mirror)
    terms = functools.partial(objective_sum_and_count, user.train_fun_hyp)
    model = workers.joint(model, member_loss(terms, architecture))
    model.compile(
        make_optimizer(user, batches.batches_an_epoch),
        member_loss(objective_loss(user.train_fun_hyp), architecture),
        jit_compile=False,
        steps_per_execution=workers.steps_at_once(batches.batches_an_epoch),
    )
    return Setup(config, architecture, model, batches, seed)


def _validation_sequences(config: Config, sets: Mapping[str, Sequence[Record]], setup: Setup) -> Sequences | None:
    """The sequences of the val set. Raises InputError if an objective has no weight on any sample."""
    user, s = config.user, setup.architecture.standardization
    samples = {"train": (user.train_fun_hyp, setup.batches.sequences)}
    if sets["val"]:
        val = Sequences.of(sets["val"], user.time_res, s, config.data.cache_path, user.transient_time)
        samples["val"] = (user.val_fun_hyp, val)
    check_objectives(samples, setup.architecture)
    return val if sets["val"] else None


def _fitting_architecture(source: TrainedNetwork, wanted: Architecture) -> Architecture:
    """The architecture to fine-tune: that of the settings, with the saved network's standardization."""
    shared = dataclasses.replace(wanted, standardization=source.architecture.standardization)
    faults = []
    for f in dataclasses.fields(Architecture):
        has, asked = getattr(source.architecture, f.name), getattr(shared, f.name)
        if has != asked and f.name not in ("dropout", "mean_with_mirrored"):
            faults.append(
                f"UserInputArgs: fine_tune_filename names a network with {f.name} {listed(has)}, the settings ask for "
                f"{listed(asked)}; make them the same"
            )
    if faults:
        raise InputError(faults)
    return shared


# ---- the training and its results ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Observers:
    """The callbacks of a training, in the order in which they are called after an epoch."""

    progress: Progress
    checkpoints: Checkpoints
    state: TrainingState
    callbacks: list[keras.callbacks.Callback]


def _observers(setup: Setup, folder: Path, interrupted: Interrupted | None) -> Observers:
    config, user = setup.config, setup.config.user
    progress = Progress(user.epochs, setup.watched, folder / HISTORY_FILE, setup.architecture.outputs)
    checkpoints = Checkpoints(setup.architecture, folder, setup.watched, user)
    state = TrainingState(folder / STATE_FILE, interrupted)
    validation = [Validation(setup.val, user.val_fun_hyp, setup.architecture)] if setup.val else []
    callbacks = [*validation, progress, checkpoints, *loss_watchers(user, setup.watched)]
    if user.max_minutes or user.lr_schedule == "automatic":
        callbacks.append(RateByEpoch(user, progress, setup.watched, setup.batches.batches_an_epoch))
    if user.weight_averaging:
        callbacks = with_averaged_weights(callbacks)
    callbacks.append(state)
    if user.tensorboard:
        callbacks.append(_tensorboard(config.output_folder / "tensorboard", new=not interrupted))
    state.replay_into(callbacks)
    return Observers(progress, checkpoints, state, callbacks)


def _tensorboard(folder: Path, new: bool) -> keras.callbacks.Callback:
    """Keras' callback. Its folder lies beside the report, as the network's folder is renamed during the run."""
    if new:  # otherwise the curves of two trainings would be joined
        shutil.rmtree(folder, ignore_errors=True)
    return keras.callbacks.TensorBoard(folder, write_graph=False)


def _new_folder(config: Config) -> Path:
    interrupted = interrupted_training(config.network_folder)
    if interrupted:
        warn([f"the interrupted training in {interrupted} is replaced; resume = True would have continued it"])
    return new_training_folder(config.network_folder)


def _announce(sets: Mapping[str, Sequence[Record]], setup: Setup) -> None:
    warn(setup.batches.remarks())
    counts = f"{len(sets['train'])} realizations, {len(sets['val'])} for validation"
    print(f"Training on {counts}; {setup.batches.batches_an_epoch} batches an epoch, seed {setup.seed}")
    if not setup.val:
        print("There is no validation set: early stopping watches the training loss, which does not detect overfitting")


def _fit(setup: Setup, observers: Observers, workers: OneWorker, after_epoch: AfterEpoch | None) -> str:
    """Trains, and returns why training ended."""
    user, state = setup.config.user, observers.state
    # If patience was already exhausted when the training was interrupted, no epoch is left.
    done = state.epochs_saved
    last = done if observers.checkpoints.out_of_patience(done) else user.epochs
    workers.from_first([done, last])
    callbacks = list(observers.callbacks)
    if after_epoch:
        callbacks.append(keras.callbacks.LambdaCallback(on_epoch_end=after_epoch))
    try:
        with workers.failures_as_errors():
            setup.run(range(done, last), callbacks, workers)
    except KeyboardInterrupt:
        return BY_CTRL_C
    except InputError as error:  # a file cannot be written, or another machine is lost
        if not state.epochs_saved:
            raise
        raise InputError(
            [
                *error.lines,
                f"training was interrupted after epoch {state.epochs_saved}; resume = True continues from there",
            ]
        ) from error
    return _why_stopped(setup, observers)


def _why_stopped(setup: Setup, observers: Observers) -> str:
    user, rows = setup.config.user, observers.progress.rows
    if not rows or not np.isfinite(rows[-1]["loss"]):
        return f"the loss grew without bounds: try a smaller lr than {user.lr:g}"
    if observers.checkpoints.epoch is None:
        objective = user.val_fun_hyp if setup.val else user.train_fun_hyp
        if objective[0] in COUNTS_LARGE_ERRORS:
            return f"the objective of {setup.watched} counts only large errors, and there were none: lower its a"
        if rows[-1][setup.watched] < 0:
            return f"{setup.watched} is negative, as a + b y^2 = {objective[1]:g} + {objective[2]:g} y^2 is for large y"
        return f"{setup.watched} is not a number: check the records of the validation set, or try a smaller lr"
    if user.max_minutes and rows[-1]["elapsed_s"] > 60 * user.max_minutes * len(rows) / (len(rows) + 1):
        return f"max_minutes = {user.max_minutes:g}"
    if len(rows) < user.epochs and user.lr_schedule == "automatic":
        return "little was left to gain"
    if len(rows) < user.epochs:
        return f"no better {setup.watched} in {user.patience} epochs"
    return "all epochs done"


def _save(config: Config, best: TrainedNetwork, folder: Path, metadata: dict, why_stopped: str) -> TrainedNetwork:
    """Completes the folder and publishes it."""
    if not (folder / MODEL_FILE).is_file():  # it was deleted during the training
        save_model(best.model, folder / MODEL_FILE)
    numbers = {"epochs_trained": len(best.history), "best_epoch": best.best_epoch}
    write_metadata(folder, metadata | numbers | {"stopped": why_stopped, "finished": True})
    publish(folder, config.network_folder)
    keep_state(config, why_stopped)
    return best
