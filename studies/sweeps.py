"""Trains the combinations of settings that the class SweepArgs of an input file lists, and keeps the best of them.

Each member of a sweep is an experiment of its own, saved as <model_save_filename>_s001 and so on. What is on the disk
says which of them are finished, so that a sweep can be stopped at any time and shared between processes.
"""

import argparse
import contextlib
import dataclasses
import itertools
import json
import math
import shutil
import signal
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

import settings
from readers import input_file
from settings import Config, UserInput
from studies import comparison
from support import errors, files, saved_networks
from support.errors import Diverged, InputError

MOST_MEMBERS = 999
FAILURE_FILE = "failed.json"
# A member's name, what its training does beside learning, and what its errors are measured on.
NOT_SWEPT = (*saved_networks.SETTINGS_BESIDE_TRAINING, "model_save_filename", "output_3dof", "output_vbm")
SWEPT = tuple(f.name for f in dataclasses.fields(UserInput) if f.name not in NOT_SWEPT)
LISTS = ("train_fun_hyp", "val_fun_hyp")  # settings of which each value is a list itself

Experiment = Callable[[Config], list[str]]  # trains or loads, and reports; returns what went wrong
Turns = Iterator[bool]  # for one experiment after the other, whether this process does it


class Stopped(BaseException):
    """Ctrl-C in a sweep. Not KeyboardInterrupt, with which a training ends as if it were finished."""


@dataclass(frozen=True)
class Draw:
    """The settings of the sweep itself."""

    num_draws: int = 0  # combinations drawn at random; 0: all of them
    draw_seed: int = 0


@dataclass(frozen=True)
class Sweep:
    """The members of a sweep, and the names of the settings in which they differ."""

    members: tuple[Config, ...]
    names: tuple[str, ...]

    def describe(self, member: Config) -> str:
        return ", ".join(f"{name} = {_plain(getattr(member.user, name))}" for name in self.names)


def _plain(value: Any) -> str:
    return str(list(value) if isinstance(value, tuple) else value)


# ---- from SweepArgs to members ----------------------------------------------------------------------------------


def read_sweep(source: type | None, config: Config) -> tuple[Sweep | None, list[str], list[str]]:
    """The sweep of an input file's class SweepArgs around its other settings, None if there is no such class.

    Returns:
        the sweep (without members if there are faults), the faults and the warnings, one line each.
    """
    if source is None:
        return None, [], []
    if not config.user.training_mode:
        return None, [], ["SweepArgs has no effect with training_mode = False: the saved network is loaded"]
    try:
        given = settings.attributes(source())
    except Exception as error:
        line = input_file.describe_user_error(error, config.input_file)
        return Sweep((), ()), [f"{line} (while SweepArgs was set up)"], []
    faults: list[str] = []
    own, values = _checked_values(given, faults)
    if not values and not faults:
        faults.append(
            "SweepArgs names no setting to sweep; give lists, such as self.hidden_size = [20, 30], or remove it"
        )
    if not config.data.val_sc:
        faults.append(
            "DataInfoArgs.val_sc is empty: a sweep is ranked on validation data; give some, or remove SweepArgs"
        )
    draw = Draw(**own)
    count = math.prod(len(choices) for choices in values.values())
    wanted = min(draw.num_draws or count, count)
    if wanted > MOST_MEMBERS:
        faults.append(
            f"SweepArgs: {wanted} of {count} combinations would be trained, at most {MOST_MEMBERS} can be; shorten the "
            "lists, or set num_draws to that number or less"
        )
    if faults:
        return Sweep((), ()), faults, []
    members = tuple(_member(config, number, c) for number, c in enumerate(combinations(values, draw), start=1))
    sweep = Sweep(members, tuple(values))
    faults, remarks = _faults_of_combinations(sweep, config)
    return sweep, faults + _winner_fault(sweep, config), remarks


def _checked_values(given: dict[str, Any], faults: list[str]) -> tuple[dict[str, int], dict[str, tuple]]:
    """The sweep's own settings, and the values of each setting to sweep, every one checked as in UserInputArgs."""
    types = {f.name: f.type for f in dataclasses.fields(UserInput)}
    own_names = [f.name for f in dataclasses.fields(Draw)]
    own: dict[str, int] = {}
    values: dict[str, tuple] = {}
    for name, value in given.items():
        if callable(value):
            continue
        if name in own_names:
            try:
                own[name] = settings.convert(name, value, int, Draw)
                if not 0 <= own[name] < 2**31:
                    raise ValueError("expected 0 or more")
            except ValueError as error:
                own.pop(name, None)
                faults.append(f"SweepArgs.{name} = {value!r}: {error}")
            continue
        if name not in SWEPT:
            known = any(name in {f.name for f in dataclasses.fields(s)} for _, s in settings.SECTIONS.values())
            near = settings.nearest(name, [*SWEPT, *own_names])
            remedy = "set it in its own class" if known else f"the nearest is {near}"
            faults.append(f"SweepArgs.{name}: {'cannot be swept' if known else 'there is no such setting'}; {remedy}")
            continue
        value = settings.without_numpy(value)
        is_list = hasattr(value, "__iter__") and not isinstance(value, str | dict)
        choices = list(value) if is_list else []
        if not choices or name in LISTS and not all(hasattr(choice, "__iter__") for choice in choices):
            example = "[[0, 0, 0], [1, 0.1, 0.9]]" if name in LISTS else f"[{value!r}]" if not is_list else "[1, 2]"
            faults.append(f"SweepArgs.{name} = {value!r}: expected a list of values to try, such as {example}")
            continue
        checked = []
        for choice in choices:
            try:
                checked.append(settings.convert(name, choice, types[name], UserInput))
            except ValueError as error:
                faults.append(f"SweepArgs.{name}, value {choice!r}: {error}")
        values[name] = tuple(dict.fromkeys(checked))
    return own, values


def combinations(values: dict[str, tuple], draw: Draw) -> list[dict[str, Any]]:
    """All combinations, the last name varying fastest, or num_draws different ones in random order.

    A larger num_draws adds to the combinations of a smaller one.
    """
    count = math.prod(len(choices) for choices in values.values())
    numbers: dict[int, None] | range = range(count)
    if draw.num_draws:
        rng = np.random.default_rng(draw.draw_seed)
        numbers = {}
        while len(numbers) < min(draw.num_draws, count):
            numbers[int(rng.integers(count))] = None
    shape = [len(choices) for choices in values.values()]
    places = (np.unravel_index(number, shape) for number in numbers)
    return [{name: choices[i] for (name, choices), i in zip(values.items(), place, strict=True)} for place in places]


def _member(config: Config, number: int, combination: dict[str, Any]) -> Config:
    name = f"{config.user.model_save_filename}_s{number:03}"
    user = dataclasses.replace(config.user, **combination, model_save_filename=name, resume=False)
    return dataclasses.replace(config, user=user)


def _faults_of_combinations(sweep: Sweep, config: Config) -> tuple[list[str], list[str]]:
    """What is wrong with combinations of values that are right by themselves; each fault once, with its first place."""
    known: list[str] = []
    settings.check_user(config, known, [])
    found: dict[str, list[Config]] = {}
    remarks: list[str] = []
    for member in sweep.members:
        lines: list[str] = []
        settings.check_user(member, lines, remarks)
        for line in lines:
            if line not in known:
                found.setdefault(line, []).append(member)
    faults = [
        f"{line} (in {len(members)} of {len(sweep.members)} combinations of SweepArgs, as {sweep.describe(members[0])})"
        for line, members in found.items()
    ]
    return faults, remarks


def _winner_fault(sweep: Sweep, config: Config) -> list[str]:
    """A line if the winner would replace a network that is none of this sweep's."""
    name = config.user.model_save_filename
    winners = (
        dataclasses.replace(m, user=dataclasses.replace(m.user, model_save_filename=name)) for m in sweep.members
    )
    if not all(saved_networks.overwrite_faults(winner) for winner in winners):
        return []
    return [
        f"UserInputArgs.model_save_filename = {name!r}: {config.network_folder} holds a network of none of the "
        "settings of this sweep; choose another name, or set overwrite = True to replace it"
    ]


# ---- sharing between processes ----------------------------------------------------------------------------------


def task(text: str) -> tuple[int, int]:
    """The argument of --task, "I/N", as numbers."""
    index, slash, count = text.partition("/")
    if not (slash and index.isdecimal() and count.isdecimal() and 1 <= int(index) <= int(count)):
        raise argparse.ArgumentTypeError(
            f"{text!r}: expected I/N with I from 1 to N, such as 1/8 for the first of eight"
        )
    return int(index), int(count)


def turns(task: tuple[int, int] | None) -> Turns:
    """Of a task (I, N) every N-th experiment or member of a sweep, from the I-th on."""
    index, count = task or (1, 1)
    return itertools.cycle([number == index for number in range(1, count + 1)])


@contextlib.contextmanager
def _only_one(config: Config, shared: bool) -> Iterator[bool]:
    """Whether this process is the one to save the winner; without --task it always is."""
    lock = config.network_folder.with_name(config.network_folder.name + ".ranking")
    try:
        lock.mkdir(parents=True)
    except FileExistsError:
        if shared:
            yield False
            return
    try:
        yield True
    finally:
        shutil.rmtree(lock, ignore_errors=True)


# ---- training and ranking ---------------------------------------------------------------------------------------


def run(config: Config, sweep: Sweep, experiment: Experiment, turn: Turns) -> tuple[list[str], Config]:
    """Trains the members whose turn it is and that are not finished; if then all are, saves and reports the best.

    Returns:
        what went wrong, one line each, and the settings of the saved winner, or `config` as long as there is none.
    """
    own = [member for member in sweep.members if next(turn)]
    faults: list[str] = []
    try:
        with _ctrl_c_stops():
            for member in own:
                if is_settled(member):
                    continue
                number = sweep.members.index(member) + 1
                print(f"\n--- {member.network_name}, {number} of {len(sweep.members)}: {sweep.describe(member)} ---")
                faults += _train(member, experiment)
    except Stopped:
        faults.append(f"stopped by Ctrl-C; the same command goes on ({_standing(sweep)})")
    if not all(map(is_settled, sweep.members)):
        if not faults:
            print(
                f"\n{config.network_name}: {_standing(sweep)}; they are ranked when all are, by the task that finishes "
                "the last one, or by starting main.py again without --task"
            )
        return list(dict.fromkeys(faults)), config
    with _only_one(config, shared=len(own) < len(sweep.members)) as first:
        if not first:
            print(
                f"\n{config.network_name}: all are finished, and another process ranks them; should that have been cut "
                "off, start main.py again without --task"
            )
            return [], config
        return _keep_the_best(config, sweep, experiment)


def is_settled(member: Config) -> bool:
    return comparison.is_finished(member) or failure(member) is not None


def failure(member: Config) -> str | None:
    """Why the training of a member gave no network, if these settings have been tried."""
    try:
        found = json.loads((member.output_folder / FAILURE_FILE).read_text(encoding="utf-8"))
        return found["fault"] if not saved_networks.different_settings(found["settings"], member) else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _standing(sweep: Sweep) -> str:
    return f"{sum(map(is_settled, sweep.members))} of {len(sweep.members)} members are finished"


@contextlib.contextmanager
def _ctrl_c_stops() -> Iterator[None]:
    def stop(*_):
        raise Stopped

    usual = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)


def _train(member: Config, experiment: Experiment) -> list[str]:
    """Trains a member, goes on with its training, or makes up for a report that is missing; returns what went wrong."""
    if _is_trained(member):
        names = {"training_mode": False, "model_load_filename": member.network_name}
    else:
        # Of other settings: what they left must not count for these.
        for name in (settings.REPORT_FILE, FAILURE_FILE):
            (member.output_folder / name).unlink(missing_ok=True)
        names = {"resume": _can_go_on(member)}
    unseen = dataclasses.replace(
        member,
        user=dataclasses.replace(member.user, **names),
        # The test set is for the winner alone.
        data=dataclasses.replace(member.data, test_sc=(), test_lamp=(), predict_sc=(), predict_waves=()),
        plotting=dataclasses.replace(member.plotting, plotting_mode=False),
        save=dataclasses.replace(member.save, save_data_mode=False),
    )
    try:
        return experiment(unseen)
    except Diverged as error:
        found = {"settings": member.as_dict(), "fault": " ".join(error.lines)}
        files.write_json(member.output_folder / FAILURE_FILE, found)
        errors.warn([f"{member.network_name}: {line}" for line in error.lines])
        return []
    except InputError as error:
        return list(error.lines)
    except Exception:  # such as too little memory for this one: the other members go on
        return [f"{member.network_name}: {line}" for line in traceback.format_exc().splitlines()]


def _is_trained(member: Config) -> bool:
    try:
        facts = saved_networks.read_facts(member.network_folder)
        return facts.get("finished", False) and not saved_networks.different_settings(facts["settings"], member)
    except (InputError, KeyError, TypeError, AttributeError):
        return False


def _can_go_on(member: Config) -> bool:
    """Whether a training of these settings was cut off."""
    own = member.network_folder
    for folder in (saved_networks.unfinished(own), own):
        if (folder / saved_networks.STATE_FILE).is_file():
            try:
                return not saved_networks.different_settings(saved_networks.read_facts(folder)["settings"], member)
            except (InputError, KeyError, TypeError, AttributeError):
                return False
    return False


def _keep_the_best(config: Config, sweep: Sweep, experiment: Experiment) -> tuple[list[str], Config]:
    """Ranks the members on validation data, saves the best under the sweep's name, and reports on it."""
    failed = {member.network_name: failure(member) for member in sweep.members if not comparison.is_finished(member)}
    errors.warn([f"{name} is not ranked: {fault}" for name, fault in failed.items()])
    ranked = {m.network_name: m.output_folder for m in sweep.members if m.network_name not in failed}
    if not ranked:
        return [f"{config.network_name}: no member of the sweep gave a network; see the warnings"], config
    entries = comparison.compare(ranked, config.output_folder / comparison.FILE_NAME)
    best = next(m for m in sweep.members if m.network_name == entries[0].results[0].name)
    print(f"\nThe best on the validation set is {best.network_name}: {sweep.describe(best)}")
    name = config.user.model_save_filename
    winner = dataclasses.replace(best, user=dataclasses.replace(best.user, model_save_filename=name))
    _save(winner, best, list(ranked))
    user = dataclasses.replace(winner.user, training_mode=False, model_load_filename=name)
    return experiment(dataclasses.replace(winner, user=user)), winner


def _save(winner: Config, best: Config, ranked: list[str]) -> None:
    """A copy of the best member's network under the winner's name."""

    aside = saved_networks.unfinished(winner.network_folder)
    shutil.rmtree(aside, ignore_errors=True)
    shutil.copytree(best.network_folder, aside)
    facts = saved_networks.read_facts(aside)
    frozen = winner.as_dict()
    frozen["user"]["seed"] = facts["seed"]
    facts |= {"settings": frozen, "sweep": {"best": best.network_name, "ranked": ranked}}
    files.write_json(aside / saved_networks.SETTINGS_FILE, facts)
    saved_networks.publish(aside, winner.network_folder)
