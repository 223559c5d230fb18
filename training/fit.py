"""Trains a network: from the records of both codes to the folder of a saved network."""

import contextlib
import dataclasses
import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import threadpoolctl
from keras.src.random import seed_generator  # see _own_generator

from data_io import moment_unit
from network import (
    Architecture,
    TrainedNetwork,
    build_training_model,
    copy_weights,
    listed,
    load_network,
    new_metadata,
    wave_grids,
)
from networks.network_folder import NetworkFolder
from networks.replacement import kept_from_replacing
from networks.standardization import Standardization
from networks.symmetry import Symmetry
from prediction import with_row_step
from readers.training_conditions import UNKNOWN
from settings import NETWORKS_FOLDER, Config, UserInput
from settings.channels import input_channels, output_channels
from settings.kinds import KINDS
from system.errors import Diverged, InputError, counted, warn
from training import objectives, resume
from training.batches import TrainingBatches
from training.checkpoints import Checkpoints, finish, with_averaged_weights
from training.history import Progress
from training.linear_fit import train_linear_filter
from training.output_filter import with_output_filter
from training.rates_and_stopping import Plan, make_optimizer
from training.sequences import Sequences, Sets

MOST_STEPS_AT_ONCE = 20

AfterEpoch = Callable[[int, dict[str, float]], None]


def train(
    config: Config,
    sets: Sets,
    after_epoch: AfterEpoch | None = None,
    standardization: Standardization | None = None,
) -> TrainedNetwork:
    """Trains on the train set, stops early and selects the best weights on the val set, and saves the network.

    The test set is not used. Ctrl-C ends the training and keeps the best network so far. `after_epoch` is called with
    the epoch (from 0) and its losses once the epoch is saved; an exception from it interrupts the training, which can
    be resumed. `standardization` is given for one of the networks of a cross-fitting; else it is that of the train set.

    Raises:
        InputError: the network to start from does not fit, the interrupted training had other settings or data, another
            run is training it, the disk is full, or the training diverged in its first epoch.
    """
    folder, user = NetworkFolder(config.network_folder), config.user
    with folder.only_training():
        facts = resume.data_facts(sets, user.fine_tune_filename)
        resume.check_replacement(config, facts["data_fingerprint"])
        started = resume.find_training(config, facts["data_fingerprint"])
        if isinstance(started, TrainedNetwork):
            return started
        s = standardization or Standardization.of(sets["train"], (*input_channels(user), *output_channels(user)))
        architecture = Architecture.of(user, s, sets["train"], moment_unit(config.user, config.data))
        if KINDS[user.network_type].closed_form:
            metadata = new_metadata(config.as_dict(), architecture) | facts
            return train_linear_filter(user, sets, architecture, folder, metadata)
        config = config.with_user(seed=started.metadata["seed"] if started else seed_of(user))
        setup = _set_up(config.user, sets, architecture, config.data.cache_path)
        if not started:
            started = _start(folder, new_metadata(config.as_dict(), setup.architecture) | facts)
        _announce(sets, setup, config.user.seed)
        watchers = [keras.callbacks.LambdaCallback(on_epoch_end=after_epoch)] if after_epoch else []
        if user.tensorboard:
            watchers.insert(0, _tensorboard(config.output_folder / "tensorboard", new=not started.rows))
        best, why_stopped = _fit(config.user, setup, started, watchers)
        if best is None:
            shutil.rmtree(started.folder.path, ignore_errors=True)
            raise Diverged(f"training ended before any epoch produced a network ({why_stopped}); nothing is saved")
        if why_stopped == resume.BY_CTRL_C and started.folder != folder:
            raise kept_from_replacing(folder, started.folder)
        metadata = started.metadata
        if user.output_filter:
            best, said = _filtered(best, setup, config.user)
            metadata = {name: value for name, value in metadata.items() if name != "output_filter"} | said
        if user.fewer_rows:
            best = with_row_step(best, sets["train"], user.transient_time)
        finish(best, started.folder, folder, metadata, why_stopped)
        resume.keep_state(folder, user.lr_schedule, why_stopped)
        return best


def seed_of(user: UserInput) -> int:
    """The seed in the settings, or else one drawn at random."""
    return drawn_seed() if user.seed is None else user.seed


def drawn_seed(*numbers: int) -> int:
    """A seed that follows from the numbers; without any, a random one."""
    return int(np.random.SeedSequence(numbers or None).generate_state(1)[0] >> 1)


# ---- what is trained --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Setup:
    """A network ready to be trained: initialized and compiled, with the batches to train it on.

    validation: the sequences of the val set, None if it is empty.
    """

    architecture: Architecture
    model: keras.Model
    batches: TrainingBatches
    validation: Sequences | None

    def run(self, epochs: range, callbacks: list[keras.callbacks.Callback]) -> None:
        with threadpoolctl.threadpool_limits(1, "blas"):  # the LSTM layer's own threads make many small products
            self.model.fit(
                self.batches.dataset(epochs.start),
                initial_epoch=epochs.start,
                epochs=epochs.stop,
                steps_per_epoch=self.batches.batches_an_epoch,
                shuffle=False,
                verbose=0,
                callbacks=callbacks,
            )


def _set_up(user: UserInput, sets: Sets, architecture: Architecture, cache_path: str) -> Setup:
    """Raises InputError if the network to start from does not fit, or an objective has no weight on any sample."""
    keras.utils.set_random_seed(user.seed)
    with _own_generator(user.seed):
        source = load_network(NETWORKS_FOLDER / user.fine_tune_filename) if user.fine_tune_filename else None
        if source:
            architecture = _fitting_architecture(source, architecture, user)
        model = build_training_model(architecture)
    if source:
        copy_weights(model, source.model)
    s = architecture.standardization
    symmetry = Symmetry.standardized(architecture) if user.mirror_symmetry else None
    sequences = {
        name: Sequences.of(sets[name], user.time_res, s, cache_path, user.transient_time)
        for name in ("train", "val")
        if sets[name]
    }
    objectives.check_objectives(user, sequences, architecture)
    batches = TrainingBatches(sequences["train"], user, user.seed, symmetry)
    model.compile(
        make_optimizer(user, batches.batches_an_epoch),
        objectives.member_loss(objectives.objective_loss(user.train_fun_hyp), architecture),
        jit_compile=False,
        steps_per_execution=_steps_at_once(batches.batches_an_epoch),
    )
    return Setup(architecture, model, batches, sequences.get("val"))


@contextlib.contextmanager
def _own_generator(seed: int) -> Iterator[None]:
    """Keras draws the seeds of layers from Python's global generator, and so may other threads, as those of Dask do at
    any time. Within this context it draws the same seeds from a generator of its own."""
    usual = seed_generator.python_random
    seed_generator.python_random = random.Random(seed)
    try:
        yield
    finally:
        seed_generator.python_random = usual


def _steps_at_once(steps_an_epoch: int) -> int:
    """Training steps that TensorFlow takes before it returns to Python, which takes as long as several steps.

    They divide an epoch evenly and are few enough for Ctrl-C to take effect within about a second.
    """
    return max(n for n in range(1, MOST_STEPS_AT_ONCE + 1) if steps_an_epoch % n == 0)


def _fitting_architecture(source: TrainedNetwork, wanted: Architecture, user: UserInput) -> Architecture:
    """The architecture to fine-tune: that of the settings, with the saved network's standardization.

    The records have the saved network's time step, see `data_io.read_sets`, which also says if their waves begin
    otherwise.
    """
    shared = dataclasses.replace(wanted, standardization=source.architecture.standardization)
    free = ("dropout", "mean_with_mirrored", "row_step", "spline_costs", "filter_lags", *vars(UNKNOWN))
    names = [f.name for f in dataclasses.fields(Architecture) if f.name not in free]
    compared = [(name, getattr(source.architecture, name), getattr(shared, name)) for name in names]
    folder = NetworkFolder(NETWORKS_FOLDER / user.fine_tune_filename)
    metadata, saved = folder.read_metadata(), folder.description
    faults = [
        f"UserInputArgs: fine_tune_filename names a network with {name} {listed(has)}, the settings ask for "
        f"{listed(asked)}; make them the same"
        for name, has, asked in [*compared, *wave_grids(metadata, user)]
        if has != asked
    ]
    faults += [
        f"UserInputArgs: fine_tune_filename names a network with another description: {line}; make them the same"
        for line in user.description.differences(saved)
    ]
    if faults:
        raise InputError(faults)
    return shared


# ---- the training and its results ---------------------------------------------------------------------------


def _filtered(best: TrainedNetwork, setup: Setup, user: UserInput) -> tuple[TrainedNetwork, dict[str, Any]]:
    """The network with its output filter, see `with_output_filter`."""
    if not setup.validation:
        print("No output filter: its penalties cannot be chosen without a validation set")
        return best, {}
    with threadpoolctl.threadpool_limits(1, "blas"):  # networks of folds are trained side by side
        return with_output_filter(best, setup.batches.sequences, setup.validation, user)


def _start(place: NetworkFolder, metadata: dict[str, Any]) -> resume.StartedTraining:
    """A new folder with settings.json; replaces an interrupted training of this name, if any."""
    if interrupted := place.interrupted_training():
        warn([f"the interrupted training in {interrupted} is replaced; resume = True would have continued it"])
    folder = place.begin_training()
    folder.write_metadata(metadata)
    return resume.StartedTraining(folder, metadata)


def _announce(sets: Sets, setup: Setup, seed: int) -> None:
    warn(setup.batches.remarks())
    counts = f"{counted(len(sets['train']), 'realization')}, {len(sets['val'])} for validation"
    batches = setup.batches.batches_an_epoch
    print(f"Training on {counts}; {batches} batch{'es' * (batches != 1)} an epoch, seed {seed}")
    if not sets["val"]:
        print("There is no validation set: early stopping watches the training loss, which does not detect overfitting")


def _fit(
    user: UserInput,
    setup: Setup,
    started: resume.StartedTraining,
    watchers: Sequence[keras.callbacks.Callback],
) -> tuple[TrainedNetwork | None, str]:
    """Trains the epochs that are left. Returns the best network, None if there is none, and why training ended.

    watchers: callbacks that see each epoch once it is saved.
    """
    folder, done = started.folder, len(started.rows)
    watched = "val_loss" if setup.validation else "loss"
    progress = Progress(user.epochs, watched, folder.history, setup.architecture.outputs, started.rows)
    checkpoints = Checkpoints(setup.architecture, folder, progress, user)
    plan = Plan(user, progress, setup.batches.batches_an_epoch)
    state = resume.TrainingState(folder, done)
    callbacks = [progress, checkpoints, keras.callbacks.TerminateOnNaN(), plan]
    if setup.validation:
        callbacks.insert(0, objectives.Validation(setup.validation, user.val_fun_hyp, setup.architecture))
    if user.weight_averaging:
        callbacks = with_averaged_weights(callbacks)
    last = done if plan.end() else user.epochs  # it may have been interrupted after its last epoch
    try:
        setup.run(range(done, last), [*callbacks, state, *watchers])
        why_stopped = _why_stopped(user, progress, plan)
    except KeyboardInterrupt:
        why_stopped = resume.BY_CTRL_C
    except InputError as error:  # a file cannot be written
        if not state.epochs_saved:
            raise
        where = f"training was interrupted after epoch {state.epochs_saved}; resume = True continues from there"
        raise InputError([*error.lines, where]) from error
    best_epoch = checkpoints.best_epoch
    if best_epoch is None:
        return None, why_stopped
    progress.close(why_stopped, best_epoch)
    return TrainedNetwork(checkpoints.best_model, setup.architecture, progress.history(), best_epoch), why_stopped


def _tensorboard(folder: Path, new: bool) -> keras.callbacks.Callback:
    """Keras' callback. Its folder lies beside the report, as the network's folder is renamed during the run."""
    if new:  # otherwise the curves of two trainings would be joined
        shutil.rmtree(folder, ignore_errors=True)
    return keras.callbacks.TensorBoard(folder, write_graph=False)


def _why_stopped(user: UserInput, progress: Progress, plan: Plan) -> str:
    rows, watched = progress.rows, progress.watched
    if not rows or not np.isfinite(rows[-1]["loss"]):
        return f"the loss grew without bounds: try a smaller lr than {user.lr:g}"
    if progress.best_epoch is None:
        objective = user.val_fun_hyp if watched == "val_loss" else user.train_fun_hyp
        if objective[0] in objectives.COUNTS_LARGE_ERRORS:
            return f"the objective of {watched} counts only large errors, and there were none: lower its a"
        if rows[-1][watched] < 0:
            return f"{watched} is negative, as a + b y^2 = {objective[1]:g} + {objective[2]:g} y^2 is for large y"
        return f"{watched} is not a number: check the records of the validation set, or try a smaller lr"
    return plan.end()
