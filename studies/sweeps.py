"""Trains the members of a sweep and keeps the best of them.

Each member is a separate experiment, saved as <model_save_filename>_s001 and so on. Any number of processes, on all
machines that share the folder, join a sweep when they are started: the process that holds a member's lock trains it,
and the journal of Optuna's study in saved_models/<model_save_filename>.sweep records the results.
"""

import contextlib
import dataclasses
import json
import math
import shutil
import signal
import threading
import traceback
import warnings
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import optuna
from filelock import AcquireReturnProxy, FileLock, Timeout
from optuna.distributions import CategoricalDistribution
from optuna.storages.journal import JournalFileBackend, JournalStorage
from optuna.trial import FrozenTrial, Trial, TrialState
from tqdm import tqdm

import data_io
import plotting
from networks import replacement
from networks.network_folder import NetworkFolder
from readers.record_files import files_of
from settings import Config
from settings.description import in_this_run
from studies import comparison, importances
from studies.sweep_combinations import Combination, Sweep
from system import errors
from system.errors import Diverged, InputError
from system.files import drop_cut_line
from system.run_folder import RunFolder
from system.workers import HERE, NoLongerWanted, Stopped, Workers, check_wanted

MEMBERS_BEFORE_PRUNING = 4  # trained to the end
IMPORTANCES_FILE = "parameter_importances.png"

Run = Callable[..., list[str]]  # (config, workers, after_epoch): one experiment, such as main.run; returns the errors

optuna.logging.set_verbosity(optuna.logging.WARNING)


class Interrupted(BaseException):
    """Ctrl-C in a member. Not a KeyboardInterrupt, which ends a training as if it were finished."""


def _interrupt(*_) -> None:
    raise Interrupted


class Journal(JournalFileBackend):
    """Optuna's journal, which goes on behind its last whole line where a power cut or a full disk has ended it."""

    def __init__(self, path: Path):
        self._path, self._own_lock = path, FileLock(path.with_suffix(".lock"))
        with self._own_lock:
            drop_cut_line(path)
            for line in path.read_bytes().splitlines()[-1:] if path.is_file() else ():
                json.loads(line)  # Optuna finds it damaged only after further lines
        super().__init__(str(path), lock_obj=self._own_lock)

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        try:
            with self._own_lock:
                drop_cut_line(self._path)
                super().append_logs(logs)
        except OSError as error:
            raise InputError(errors.cannot_be_written(self._path, error)) from error


def open_study(sweep: Sweep) -> optuna.Study:
    """The study of a sweep in its folder, created by the first process. Raises InputError if its journal is damaged."""
    sweep.folder.mkdir(parents=True, exist_ok=True)
    journal = sweep.folder / "journal.log"  # beside journal.lock
    pruner = optuna.pruners.MedianPruner(MEMBERS_BEFORE_PRUNING, n_warmup_steps=sweep.search.prune_after)
    try:
        storage = JournalStorage(Journal(journal))
        return optuna.create_study(storage=storage, study_name=sweep.study_name, pruner=pruner, load_if_exists=True)
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{journal}: the sweep's journal is damaged ({errors.first_line(error)}); delete {sweep.folder}: finished "
            "members are not trained again"
        ) from error


def latest_trials(study: optuna.Study) -> dict[int, FrozenTrial]:
    """The last trial of each member by number; an interrupted member has several."""
    trials = study.get_trials(deepcopy=False)
    return {trial.user_attrs["member"]: trial for trial in trials if "member" in trial.user_attrs}


def _is_settled(sweep: Sweep, number: int, trial: FrozenTrial | None) -> bool:
    """Whether a member is finished, or pruned or diverged. trial: its last one, if any."""
    if trial is None or trial.state is not TrialState.COMPLETE:
        return trial is not None and trial.state is TrialState.PRUNED
    return comparison.is_finished(sweep.member(number, trial.params), sweep.data)


def unsettled(study: optuna.Study, sweep: Sweep) -> list[int]:
    """The numbers of the members still to be trained."""
    trials = latest_trials(study)
    return [number for number in range(1, sweep.size + 1) if not _is_settled(sweep, number, trials.get(number))]


def claim(study: optuna.Study, sweep: Sweep, number: int) -> tuple[Trial, AcquireReturnProxy] | None:
    """The trial of a member to train, and its lock; None if it is settled, or trained by another process.

    The lock of a killed process is released, so that another one can take its member.
    """
    with FileLock(sweep.folder / "claims.lock"), contextlib.suppress(Timeout):
        held = FileLock(sweep.folder / f"s{number:03}.lock").acquire(timeout=0)
        if not _is_settled(sweep, number, latest_trials(study).get(number)):
            return _new_trial(study, sweep, number), held
        held.lock.release()
    return None


def _new_trial(study: optuna.Study, sweep: Sweep, number: int) -> Trial:
    """A running trial of a member, with its combination, or with "tpe" one that is chosen now."""
    trials = latest_trials(study)
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if trial.user_attrs.get("member", number) == number:  # its process was killed, perhaps before it wrote this
            study.tell(trial.number, state=TrialState.FAIL)
    if number in trials:
        chosen = trials[number].params
    elif sweep.is_planned:
        chosen = sweep.combinations[number - 1]
    else:  # a network of this number exists only if the journal was deleted
        chosen = sweep.combination_in(sweep.member(number, {})) or {}
    trial = _ask(study, sweep, number, chosen)
    taken = [other.params for other in trials.values()]
    if not chosen and trial.params in taken:
        study.tell(trial, state=TrialState.FAIL)
        trial = _ask(study, sweep, number, next(c for c in sweep.combinations if c not in taken))
    trial.set_user_attr("member", number)
    return trial


def _ask(study: optuna.Study, sweep: Sweep, number: int, chosen: Combination) -> Trial:
    """A new trial with this combination, or with TPE's proposal if it is empty."""
    with warnings.catch_warnings(action="ignore"):  # of experimental functions
        tpe = optuna.samplers.TPESampler(seed=sweep.search.draw_seed + number, constant_liar=True)
        study.sampler = optuna.samplers.PartialFixedSampler(chosen, tpe)
    places = {name: CategoricalDistribution(range(len(choices))) for name, choices in sweep.values.items()}
    return study.ask(places)


def run(sweep: Sweep, run_one: Run, workers: Workers = HERE) -> tuple[list[str], Config]:
    """Trains members until none is left; if then all are settled, saves the best and reports on it.

    Returns the errors, one line each, and the settings of the saved winner, or of the sweep if there is none yet.
    """
    sweep = dataclasses.replace(sweep, data=_fingerprint(sweep.config))
    _check_data(sweep)
    name, study = sweep.config.network_name, open_study(sweep)
    try:
        faults = _train_all(study, sweep, run_one, workers)
    except Stopped:
        faults = [f"stopped by Ctrl-C; the same command continues ({_standing(study, sweep)})"]
    if unsettled(study, sweep):
        if not faults:
            print(f"\n{name}: {_standing(study, sweep)}; the process that finishes the last one ranks them")
        return list(dict.fromkeys(faults)), sweep.config
    try:
        with FileLock(sweep.folder / "ranking.lock", timeout=0):
            return _keep_the_best(study, sweep, run_one)
    except Timeout:
        print(f"\n{name}: all members are finished, and another process ranks them")
        return [], sweep.config


def _train_all(study: optuna.Study, sweep: Sweep, run_one: Run, workers: Workers) -> list[str]:
    """Trains the members that no other process trains; returns the errors.

    They are trained at once, or, if they are of folds, one by one and their folds at once.
    """
    each, all_members = (workers, HERE) if sweep.has_folds else (HERE, workers)
    faults, tried = [], set()
    while numbers := [number for number in unsettled(study, sweep) if number not in tried]:
        tasks = [(sweep, number, run_one, each) for number in numbers]
        is_here = all_members.run_here(len(tasks), 1)  # then each shows its own progress
        earlier, before = sweep.size - len(numbers), len(tried)
        with tqdm(desc="Members", total=sweep.size, initial=earlier, disable=True if is_here else None) as bar:
            for place, lines in all_members.run(in_this_run(train_member), tasks, _files, tasks_each=1):
                bar.update()
                if lines is not None:
                    tried.add(numbers[place])
                    faults += lines
        if len(tried) == before:
            break
    return faults


def _files(sweep: Sweep, *_) -> Iterable[str]:
    pairs = [pair for name in ("train", "val") for pair in sweep.config.data.pairs(name)]
    return [file for pair in pairs for file, _ in files_of(*pair, sweep.config.user).values()]


def train_member(sweep: Sweep, number: int, run_one: Run, workers: Workers) -> list[str] | None:
    """Trains a member; returns the errors, None if another process trains it or has trained it.

    Raises KeyboardInterrupt after Ctrl-C; its training can be resumed.
    """
    study = open_study(sweep)
    if not (claimed := claim(study, sweep, number)):
        return None
    trial, lock = claimed
    is_main = threading.current_thread() is threading.main_thread()  # signals are its own; not so in Dask's workers
    usual = signal.signal(signal.SIGINT, _interrupt) if is_main else None
    try:
        with lock:
            return _train(study, sweep, number, trial, run_one, workers)
    except Interrupted:
        raise KeyboardInterrupt from None
    finally:
        if is_main:
            signal.signal(signal.SIGINT, usual)


def _fingerprint(config: Config) -> str:
    """What identifies the data; empty if they cannot be read, of which the first member says why."""
    try:
        sets, _ = data_io.read_sets(config)
    except InputError:
        return ""
    return data_io.data_fingerprint(sets["train"], sets["val"])


def _check_data(sweep: Sweep) -> None:
    """Raises InputError if the winner would replace, unasked, a network of other data."""
    user, folder = sweep.config.user, NetworkFolder(sweep.config.network_folder)
    if replacement.may_replace(user) or not folder.has_model:
        return
    source, metadata = user.fine_tune_filename, folder.read_metadata()
    for line in replacement.different_data(metadata, source, sweep.config.data, sweep.data):
        raise InputError(
            f"UserInputArgs.model_save_filename = {user.model_save_filename!r}: {folder} holds another experiment "
            f"({line}); choose another name, or set overwrite = True to replace it"
        )


def _standing(study: optuna.Study, sweep: Sweep) -> str:
    return f"{sweep.size - len(unsettled(study, sweep))} of {sweep.size} members are finished"


def _train(study: optuna.Study, sweep: Sweep, number: int, trial: Trial, run_one: Run, workers: Workers) -> list[str]:
    """Trains a member and records the result in the study; returns the errors."""
    member = sweep.member(number, trial.params)
    print(f"\n--- {member.network_name}, {number} of {sweep.size}: {sweep.describe(member.user)} ---")
    faults: list[str] = []
    try:
        if not comparison.is_finished(member, sweep.data):  # such as those of shorter lists
            faults = run_one(_unseen(member, sweep.data), workers, partial(_after_epoch, trial, sweep.prunes))
    except NoLongerWanted:
        raise
    except (optuna.TrialPruned, Diverged) as error:  # the same settings would end the same way
        trial.set_user_attr("fault", str(error))
        study.tell(trial, state=TrialState.PRUNED)
        return []
    except InputError as error:
        faults = list(error.lines)
    except Exception:  # such as too little memory; the other members continue
        faults = [f"{member.network_name}: {line}" for line in traceback.format_exc().splitlines()]
    if faults or not comparison.is_finished(member, sweep.data):
        study.tell(trial, state=TrialState.FAIL)
        return faults
    score = comparison.read_result(member.network_name, member.output_folder).score
    study.tell(trial, score if math.isfinite(score) else math.inf)
    return []


def _unseen(member: Config, data: str) -> Config:
    """The settings to train a member, to resume its training, or to write its missing report."""
    folder = NetworkFolder(member.network_folder)
    folder = folder.interrupted_training() or folder
    resume = replacement.has_settings(folder, member, data)
    if not resume and not replacement.overwrite_faults(member, data):
        (member.output_folder / RunFolder.REPORT).unlink(missing_ok=True)  # it must not count for these settings
    return dataclasses.replace(
        member.with_user(resume=resume),
        # The test set is reserved for the winner.
        data=dataclasses.replace(member.data, test_sc=(), test_lamp=(), predict_sc=(), predict_waves=()),
        plotting=dataclasses.replace(member.plotting, plotting_mode=False),
        save=dataclasses.replace(member.save, save_data_mode=False),
    )


def _after_epoch(trial: Trial, prunes: bool, epoch: int, logs: dict[str, float]) -> None:
    """Ends the training of a member that is no longer wanted, or lags behind."""
    try:
        check_wanted()
    except KeyboardInterrupt:
        raise Interrupted from None
    if not prunes:
        return
    trial.report(logs["val_loss"], epoch + 1)
    if trial.should_prune():
        print(f"Pruned after epoch {epoch + 1}: the validation loss is above the median of the other members")
        raise optuna.TrialPruned("pruned")


def _keep_the_best(study: optuna.Study, sweep: Sweep, run_one: Run) -> tuple[list[str], Config]:
    """Ranks the members on validation data, saves the best under the sweep's name, and reports on it."""
    config, ranked, left_out = sweep.config, {}, {}
    for number, trial in sorted(latest_trials(study).items())[: sweep.size]:
        member = sweep.member(number, trial.params)
        if trial.state is TrialState.COMPLETE:
            ranked[member.network_name] = member
        else:
            left_out.setdefault(trial.user_attrs["fault"], []).append(member.network_name)
    errors.warn([f"not ranked: {', '.join(names)} ({fault})" for fault, names in left_out.items()])
    if not ranked:
        return [f"{config.network_name}: no member of the sweep produced a network; see the warnings"], config
    folders = {name: member.output_folder for name, member in ranked.items()}
    entries = comparison.compare(folders, config.output_folder / comparison.FILE_NAME)
    _save_figures(study, sweep)
    best = ranked[entries[0][0].name]
    print(f"\nThe best on the validation set is {best.network_name}: {sweep.describe(best.user)}")
    name = config.user.model_save_filename
    winner = best.with_user(model_save_filename=name)
    folder = NetworkFolder(winner.network_folder)
    aside = folder.unfinished
    shutil.rmtree(aside.path, ignore_errors=True)
    shutil.copytree(best.network_folder, aside.path)
    facts = aside.read_metadata()
    frozen = winner.as_dict()
    frozen["user"]["seed"] = facts["seed"]
    facts |= {"settings": frozen, "sweep": {"best": best.network_name, "ranked": list(ranked)}}
    aside.write_metadata(facts)
    folder.publish(aside)
    return run_one(winner.with_user(training_mode=False, model_load_filename=name)), winner


def _save_figures(study: optuna.Study, sweep: Sweep) -> None:
    """The figure of the importance of each setting, if there are enough combinations to tell."""
    variances, spare = importances.of_study(study)
    file = sweep.config.output_folder / IMPORTANCES_FILE
    file.unlink(missing_ok=True)
    if len(sweep.values) > 1 and spare >= importances.FEWEST_SPARE:
        plotting.save_figure(importances.figure_of(variances), file)
    elif len(sweep.values) > 1:
        needed = importances.FEWEST_SPARE - spare
        print(f"{IMPORTANCES_FILE} is not drawn: it needs at least {needed} more combinations to tell effects apart")
