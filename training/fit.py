"""Trains the network: optimizer and schedule, early stopping on the validation set, and what a training leaves."""

import contextlib
import dataclasses
import functools
import hashlib
import json
import platform
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from data_io import Record
from layers import fir_filter, keras_layers
from network import (
    Architecture,
    TrainedNetwork,
    build_model,
    build_training_model,
    listed,
    load_network,
    save_model,
    simplecode_weights,
)
from settings import NETWORKS_FOLDER, Config, UserInput
from support.errors import Diverged, InputError, warn
from support.files import write_json
from support.saved_networks import (
    HISTORY_FILE,
    MODEL_FILE,
    SETTINGS_FILE,
    STATE_FILE,
    TRAINING_FILES,
    interrupted_training,
    new_training_folder,
    publish,
    training_settings,
)
from training.epoch_end import BestAndLast, Validation, with_averaged_weights
from training.history import Progress, history_columns, write_history
from training.joint_training import InStep, Team
from training.objectives import COUNTS_LARGE_ERRORS, check_objectives, objective_loss, objective_sum_and_count
from training.resuming import BY_CTRL_C, TrainingState, find_training, fingerprint, keep_state
from training.run_lock import only_training
from training.sequences import Mirror, Sequences, Standardization, TrainingBatches, with_mirrored
from training.workers import ALONE, Machine, train_together

MOST_STEPS_AT_ONCE = 20
NOTHING_TO_TRAIN = -1  # in place of a seed, from the first machine to the others

AfterEpoch = Callable[[int, dict[str, float]], None]


def train(
    config: Config, sets: dict[str, Sequence[Record]], machine: Machine = ALONE, after_epoch: AfterEpoch | None = None
) -> TrainedNetwork | None:
    """Trains on the train set, stops and chooses the best weights on the val set, and saves the network.

    The test set is not touched. Ctrl-C ends the training and keeps the best network found so far. `after_epoch` is
    called with the epoch (from 0) and its losses once the epoch is saved; what it raises ends the training as a cut
    would, with the state to resume from.

    Returns:
        the network; None on the other machines of those that train together.

    Raises:
        InputError: the network to start from does not fit, there is another training to go on with, another run is
            training it, the disk is full, another machine no longer answers, or the training diverged before any
            network was found.
    """
    # Before anything else, so that the others notice when this one ends for what is wrong with its files.
    team = Team(machine) if train_together(machine, config) else None
    with team.losses_told() if team else contextlib.nullcontext():
        if team and not machine.is_first:
            return _train_along(config, sets, team)
        with only_training(config.network_folder):
            return _train(config, sets, team, after_epoch)


def _train(
    config: Config, sets: dict[str, Sequence[Record]], team: Team | None, after_epoch: AfterEpoch | None
) -> TrainedNetwork:
    user = config.user
    if user.network_type == "linear":
        return fit_linear_filter(config, sets)
    data_print = fingerprint(sets["train"], sets["val"])
    found = find_training(config, data_print) if user.resume else None
    if isinstance(found, TrainedNetwork):
        if team:
            team.compare(_prints(config, data_print))
            team.from_first([NOTHING_TO_TRAIN])
        return found
    interrupted = found
    seed = interrupted.facts["seed"] if interrupted else user.seed
    if seed is None:
        seed = int(np.random.SeedSequence().generate_state(1)[0] >> 1)
    if team:
        team.compare(_prints(config, data_print))
        team.from_first([seed])
    architecture, model, batches = _ready_to_train(config, sets, seed, team)
    warn(batches.remarks())
    s = architecture.standardization
    val = Sequences.of(sets["val"], user.time_res, s, config.data.cache_path) if sets["val"] else None
    check_objectives(user, architecture, batches.sequences, val)
    cut_off = interrupted_training(config.network_folder)
    if cut_off and not interrupted:
        warn([f"an interrupted training lies in {cut_off} and is replaced; resume = True would have gone on with it"])
    folder = interrupted.folder if interrupted else new_training_folder(config.network_folder)
    facts = _facts(config, architecture, seed) | {"data_fingerprint": data_print}
    if not interrupted:
        write_json(folder / SETTINGS_FILE, facts)

    watched = "val_loss" if sets["val"] else "loss"
    counts = f"{len(sets['train'])} realizations, {len(sets['val'])} for validation"
    print(f"Training on {counts}; {batches.batches_an_epoch} batches an epoch, seed {seed}")
    if team:
        print(f"Training on {len(team.machine.addresses)} machines: {', '.join(team.machine.addresses)}")
    if not sets["val"]:
        print("There is no validation set: early stopping watches the training loss, which does not show overfitting")
    log = Progress(user.epochs, watched, folder / HISTORY_FILE, architecture.outputs)
    best = BestAndLast(architecture, folder, watched, user)
    state = TrainingState(folder / STATE_FILE, interrupted)
    callbacks = [log, best, *_stopping_callbacks(user, watched)]
    if val:
        callbacks.insert(0, Validation(val, user.val_fun_hyp, architecture))
    if user.weight_averaging:
        callbacks = with_averaged_weights(callbacks)
    callbacks.append(state)
    if user.tensorboard:
        callbacks.append(_tensorboard(config.output_folder / "tensorboard", new=not interrupted))
    first_epoch = state.replay_into(callbacks)
    # Where patience had come to its end when the training was cut off, there is no epoch left.
    epochs = first_epoch if best.out_of_patience(first_epoch) else user.epochs
    plan = {"initial_epoch": first_epoch, "epochs": epochs, "steps_per_epoch": batches.batches_an_epoch}
    data = batches.dataset(first_epoch, user.epochs)
    if team:
        team.from_first([first_epoch, epochs])
        callbacks.append(InStep(team))
        data = team.share(data)
    if after_epoch:
        callbacks.append(keras.callbacks.LambdaCallback(on_epoch_end=after_epoch))
    why_stopped = "all epochs done"
    try:
        with team.losses_told() if team else contextlib.nullcontext():
            model.fit(data, **plan, shuffle=False, verbose=0, callbacks=callbacks)
        if not log.rows or not np.isfinite(log.rows[-1]["loss"]):
            why_stopped = f"the loss grew without bounds: try a smaller lr than {user.lr:g}"
        elif best.epoch is None and (user.val_fun_hyp if val else user.train_fun_hyp)[0] in COUNTS_LARGE_ERRORS:
            why_stopped = f"the objective of {watched} counts large errors alone, and there were none: lower its a"
        elif best.epoch is None:
            why_stopped = f"{watched} is not a number: check the records of the validation set, or try a smaller lr"
        elif len(log.rows) < user.epochs:
            why_stopped = f"no better {watched} in {user.patience} epochs"
    except KeyboardInterrupt:
        why_stopped = BY_CTRL_C
    except InputError as error:  # a file cannot be written, or another machine is lost
        if not state.epochs_saved:
            raise
        raise InputError(
            [*error.lines, f"training was cut off after epoch {state.epochs_saved}; resume = True goes on from there"]
        ) from error
    if best.epoch is None:
        shutil.rmtree(folder, ignore_errors=True)
        raise Diverged(f"training ended before any epoch gave a network ({why_stopped}); nothing is saved")
    log.close(why_stopped, best.epoch)
    if not (folder / MODEL_FILE).is_file():  # somebody has removed it
        save_model(best.best_model, folder / MODEL_FILE)
    facts |= {"epochs_trained": len(log.rows), "best_epoch": best.epoch, "stopped": why_stopped, "finished": True}
    write_json(folder / SETTINGS_FILE, facts)
    publish(folder, config.network_folder)
    keep_state(config, why_stopped)
    return TrainedNetwork(best.best_model, architecture, log.history(), best.epoch)


def _train_along(config: Config, sets: dict[str, Sequence[Record]], team: Team) -> None:
    """Does the part of a machine that is not the first: gradients and steps, and nothing else."""
    user = config.user
    team.compare(_prints(config, fingerprint(sets["train"], sets["val"])))
    (seed,) = team.from_first([0]).astype(int).tolist()
    if seed == NOTHING_TO_TRAIN:
        return
    _, model, batches = _ready_to_train(config, sets, seed, team)
    first_epoch, epochs = team.from_first([0, 0]).astype(int).tolist()
    plan = {"initial_epoch": first_epoch, "epochs": epochs, "steps_per_epoch": batches.batches_an_epoch}
    data = team.share(batches.dataset(first_epoch, user.epochs))
    with contextlib.suppress(KeyboardInterrupt):
        model.fit(data, **plan, shuffle=False, verbose=0, callbacks=[keras.callbacks.TerminateOnNaN(), InStep(team)])


def _prints(config: Config, data_print: str) -> dict[str, str]:
    """What has to be the same on machines that train together; the files may lie elsewhere on each."""
    own = training_settings(config.as_dict())
    settings = json.dumps({name: value for name, value in own.items() if name not in TRAINING_FILES})
    return {"settings": hashlib.blake2b(settings.encode()).hexdigest(), "data": data_print}


def _ready_to_train(
    config: Config, sets: dict[str, Sequence[Record]], seed: int, team: Team | None
) -> tuple[Architecture, keras.Model, TrainingBatches]:
    """The network to train, with its first weights, its loss and its optimizer, and the batches to train it on."""
    user = config.user
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
    sequences = Sequences.of(sets["train"], user.time_res, s, config.data.cache_path)
    batches = TrainingBatches(sequences, user, seed, mirror)
    if team:
        terms = functools.partial(objective_sum_and_count, user.train_fun_hyp)
        model = team.joint(model, member_loss(terms, architecture))
    loss = member_loss(objective_loss(user.train_fun_hyp), architecture)
    optimizer = make_optimizer(user, batches.batches_an_epoch)
    at_once = 1 if team else steps_at_once(batches.batches_an_epoch)
    model.compile(optimizer, loss, jit_compile=False, steps_per_execution=at_once)
    return architecture, model, batches


def fit_linear_filter(config: Config, sets: dict[str, Sequence[Record]]) -> TrainedNetwork:
    """Fits network_type "linear" on the train set in closed form, with ridges chosen on the val set, and saves it.

    Where there is no val set the train set chooses. The history has one row, as there are no epochs.
    """
    user = config.user
    architecture = Architecture.of(user, Standardization.of(sets["train"]))
    s = architecture.standardization
    print(f"Fitting a linear filter to {len(sets['train'])} realizations, {len(sets['val'])} for validation")
    began = time.perf_counter()
    train, *val = (Sequences.of(sets[name], user.time_res, s) for name in ("train", "val") if sets[name])
    if user.mirror_symmetry:
        train = with_mirrored(train, Mirror.of(architecture.inputs, architecture.outputs, s))
    wanted = [_corrections(sequences, architecture) for sequences in (train, *val)]
    check_objectives(
        dataclasses.replace(user, train_fun_hyp=(0, 0.0, 0.0)), architecture, train, val[0] if val else None
    )
    fitted = fir_filter.fit(wanted[0], wanted[-1], *keras_layers.filter_lags(user.bi_directional))
    model = build_training_model(architecture)
    model.get_layer("outputs").set_weights([fitted.kernel, fitted.bias])
    elapsed = round(time.perf_counter() - began, 3)
    loss = Validation(train, user.train_fun_hyp, architecture).measured(model)["val_loss"]
    measured = Validation(val[0], user.val_fun_hyp, architecture).measured(model) if val else {}
    row = {"epoch": 1, "elapsed_s": elapsed, "loss": loss} | measured
    history = pd.DataFrame([row], columns=history_columns(architecture.outputs))

    saved = build_model(architecture)
    saved.set_weights(model.get_weights())
    folder = new_training_folder(config.network_folder)
    facts = _facts(config, architecture, user.seed)
    facts |= {"epochs_trained": 1, "best_epoch": 1, "stopped": "fitted in one go", "finished": True}
    facts |= {"ridges": dict(zip(architecture.outputs, fitted.ridges.tolist(), strict=True))}
    save_model(saved, folder / MODEL_FILE)
    write_history(history, folder / HISTORY_FILE)
    write_json(folder / SETTINGS_FILE, facts)
    publish(folder, config.network_folder)
    watched = f"validation loss {measured['val_loss']:.3e}" if val else f"training loss {loss:.3e}"
    print(f"Fitted in {elapsed:.1f} s; {watched}")
    return TrainedNetwork(saved, architecture, history, 1)


def steps_at_once(steps_an_epoch: int) -> int:
    """Training steps that TensorFlow does before it comes back to Python, which costs as much as some of them.

    They divide an epoch, and are few enough for Ctrl-C to be heard within a second or so.
    """
    return max(n for n in range(1, MOST_STEPS_AT_ONCE + 1) if steps_an_epoch % n == 0)


def _corrections(sequences: Sequences, architecture: Architecture) -> Sequences:
    """With predict_correction: what is left to learn when SimpleCode's own motions are taken away from the targets."""
    if not architecture.predict_correction:
        return sequences
    kernel, bias = simplecode_weights(architecture)
    return dataclasses.replace(sequences, targets=sequences.targets - (sequences.inputs @ kernel + bias))


def _stopping_callbacks(user: UserInput, watched: str) -> list[keras.callbacks.Callback]:
    """Keras' callbacks that watch the loss: they stop a training that diverges, or slow it down on a plateau."""
    callbacks = [keras.callbacks.TerminateOnNaN()]
    if user.lr_schedule == "plateau":
        # min_delta is absolute in Keras and 1e-4 by default: larger than a good standardized loss.
        third = max(1, user.patience // 3)
        callbacks.append(keras.callbacks.ReduceLROnPlateau(watched, 0.5, third, mode="min", min_delta=0.0))
    return callbacks


def _tensorboard(folder: Path, new: bool) -> keras.callbacks.Callback:
    """Keras' callback, with its folder beside the report: the network's own is renamed while TensorBoard looks on."""
    if new:  # else curves of two trainings would be drawn as one
        shutil.rmtree(folder, ignore_errors=True)
    return keras.callbacks.TensorBoard(folder, write_graph=False)


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
    given = {"momentum": user.momentum} if has_momentum else {}
    if user.weight_decay is not None:
        given["weight_decay"] = user.weight_decay
    if user.weight_averaging:
        given |= {"use_ema": True, "ema_momentum": user.weight_averaging}
    return optimizers[user.optimizer](rate, **given)


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
            "platform": f"{platform.system()} {platform.machine()}",
        },
        "started": time.strftime("%Y-%m-%d %H:%M:%S"),
        "finished": False,
    }
