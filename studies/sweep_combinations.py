"""Reads and checks the class SweepArgs of an input file: the combinations of settings that a sweep tries."""

import dataclasses
import json
import math
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

import settings
from networks import replacement
from networks.network_folder import NetworkFolder
from settings import Config, Search, UserInput, conflicts, input_file
from settings.values import without_numpy
from system.errors import InputError
from system.files import text_hash

MOST_MEMBERS = 999
SWEPT = tuple(name for name, setting in settings.declared(UserInput).items() if setting.swept)
LISTS = ("train_fun_hyp", "val_fun_hyp")  # settings whose values are lists
# Seeds are ranked by their median, which needs all of them; validation losses of different val_fun_hyp do not compare.
NEVER_PRUNED = ("seed", "val_fun_hyp")

Combination = dict[str, int]  # for each swept setting, the index of its value in the list


@dataclass(frozen=True)
class Sweep:
    """The values to try of some settings, with all other settings of the input file.

    combinations: those of the members in order; with "tpe", which chooses during the sweep, fallbacks for its choices.
    data: the fingerprint of the train and val sets, once they have been read.
    """

    config: Config
    values: dict[str, tuple]
    search: Search = Search()
    combinations: tuple[Combination, ...] = ()
    data: str = ""

    @property
    def size(self) -> int:
        """Number of members."""
        count = math.prod(map(len, self.values.values()))
        return min(self.search.num_draws or count, count)

    @property
    def is_planned(self) -> bool:
        return self.search.sampler != "tpe"

    @property
    def prunes(self) -> bool:
        return self.search.prune_after > 0 and not self.values.keys() & set(NEVER_PRUNED)

    @property
    def has_folds(self) -> bool:
        """Whether members are trained by cross-fitting."""
        return any(self.values.get("num_folds", (self.config.user.num_folds,)))

    @property
    def folder(self) -> Path:
        """The folder through which the processes of the sweep cooperate."""
        return self.config.network_folder.with_name(self.config.network_name + ".sweep")

    @property
    def study_name(self) -> str:
        """The same for all processes of a sweep, also with a larger num_draws."""
        drawn = self.search.sampler, self.search.draw_seed, self.search.num_draws > 0
        fixed = replacement.training_settings(self.config.as_dict())
        return text_hash(json.dumps([fixed, self.values, drawn, self.data]))

    @property
    def members(self) -> tuple[Config, ...]:
        """The members; with "tpe" what they can become, which says nothing of the networks that they would replace."""
        members = (self.member(number, combination) for number, combination in enumerate(self.combinations, start=1))
        if not self.is_planned:
            return tuple(member.with_user(overwrite=True) for member in members)
        return tuple(member.with_user(resume=_was_interrupted(member)) for member in members)

    def member(self, number: int, chosen: Combination) -> Config:
        user = {name: self.values[name][place] for name, place in chosen.items()}
        name = f"{self.config.user.model_save_filename}_s{number:03}"
        return self.config.with_user(**user, model_save_filename=name, resume=False)

    def describe(self, user: UserInput) -> str:
        """The values that a member's settings have of those that are swept."""
        values = {name: getattr(user, name) for name in self.values}
        return ", ".join(f"{n} = {list(value) if isinstance(value, tuple) else value}" for n, value in values.items())

    def combination_in(self, config: Config) -> Combination | None:
        """The combination that `config`'s saved network was trained with; None if it is not of this sweep."""
        try:
            frozen = NetworkFolder(config.network_folder).read_metadata()["settings"]
            plain = {name: json.loads(json.dumps(choices)) for name, choices in self.values.items()}
            combination = {name: choices.index(frozen["user"][name]) for name, choices in plain.items()}
        except (InputError, KeyError, TypeError, ValueError):
            return None
        trained = self.member(1, combination).with_user(model_save_filename=config.user.model_save_filename)
        return None if replacement.different_settings(frozen, trained.user) else combination


def _was_interrupted(member: Config) -> bool:
    """Whether the member's own training was interrupted."""
    folder = NetworkFolder(member.network_folder).interrupted_training()
    return folder is not None and replacement.has_settings(folder, member)


def read_sweep(source: type | None, config: Config) -> tuple[Sweep | None, list[str], list[str]]:
    """The sweep described by an input file's class SweepArgs, None if there is no such class.

    Returns the sweep (without members if there are errors), the errors and the warnings, one line each.
    """
    if source is None:
        return None, [], []
    if not config.user.training_mode:
        return None, [], ["SweepArgs has no effect with training_mode = False: the saved network is loaded"]
    try:
        given = settings.attributes(source())
    except Exception as error:
        line = input_file.describe_user_error(error, config.input_file)
        return Sweep(config, {}), [f"{line} (while SweepArgs was set up)"], []
    search, values, faults = _checked(given)
    sweep = Sweep(config, values, search)
    wrong = {
        "SweepArgs names no setting to sweep; give lists, such as self.hidden_size = [20, 30], or remove it": (
            not values and not faults
        ),
        "DataInfoArgs.val_sc is empty: a sweep is ranked on validation data; give some, or remove SweepArgs": (
            not config.data.val_sc and not config.user.num_folds
        ),
        f"SweepArgs: {sweep.size} members would be trained, at most {MOST_MEMBERS} are allowed; shorten the lists, or "
        "set num_draws to that number or less": sweep.size > MOST_MEMBERS,
    }
    faults += [line for line, applies in wrong.items() if applies]
    if faults:
        return sweep, faults, []
    sweep = dataclasses.replace(sweep, combinations=_combinations(sweep))
    faults, remarks = _faults_of_combinations(sweep)
    if "prune_after" in given and search.prune_after and not sweep.prunes:
        remarks.append(f"SweepArgs.prune_after has no effect when {' or '.join(NEVER_PRUNED)} is swept")
    return sweep, faults + _overwrite_faults(sweep), remarks


def _checked(given: dict[str, Any]) -> tuple[Search, dict[str, tuple], list[str]]:
    """The sweep's own settings, the values of each setting to sweep, and the errors in them."""
    of_search = settings.declared(Search)
    search_values = SimpleNamespace(**{name: value for name, value in given.items() if name in of_search})
    search, faults = settings.fill(Search, search_values, "SweepArgs")
    elsewhere = {name for _, section in settings.SECTIONS.values() for name in settings.declared(section)}
    values = {}
    for name, value in given.items():
        if name in SWEPT:
            values[name], wrong = _choices(name, without_numpy(value))
            faults += wrong
        elif name in elsewhere:
            faults.append(f"SweepArgs.{name}: cannot be swept; set it in its own class")
        elif name not in of_search and not settings.is_helper(value):
            near = settings.nearest(name, [*SWEPT, *of_search])
            remedy = settings.helper_advice(name)
            faults.append(f"SweepArgs.{name}: there is no such setting; the nearest is {near}; {remedy}")
    return search, values, faults


def _choices(name: str, value: Any) -> tuple[tuple, list[str]]:
    """The values of a setting to try, checked as in UserInputArgs, and the errors in them."""
    is_list = hasattr(value, "__iter__") and not isinstance(value, str | dict)
    choices = list(value) if is_list else []
    if not choices or name in LISTS and not all(hasattr(choice, "__iter__") for choice in choices):
        example = "[[0, 0, 0], [1, 0.1, 0.9]]" if name in LISTS else f"[{value!r}]" if not is_list else "[1, 2]"
        return (), [f"SweepArgs.{name} = {value!r}: expected a list of values to try, such as {example}"]
    checked, faults = [], []
    for choice in choices:
        try:
            checked.append(settings.declared(UserInput)[name].convert(choice))
        except ValueError as error:
            faults.append(f"SweepArgs.{name}, value {choice!r}: {error}")
    return tuple(dict.fromkeys(checked)), faults


def _combinations(sweep: Sweep) -> tuple[Combination, ...]:
    """All combinations, the last name varying fastest, or different ones in random order.

    A larger num_draws extends the combinations of a smaller one.
    """
    shape = [len(choices) for choices in sweep.values.values()]
    if sweep.search.sampler == "grid" and not sweep.search.num_draws:
        numbers = range(math.prod(shape))
    else:
        most = sweep.size if sweep.is_planned else min(MOST_MEMBERS, math.prod(shape))
        rng = np.random.default_rng(sweep.search.draw_seed)
        numbers = {}
        while len(numbers) < most:
            numbers[int(rng.integers(math.prod(shape)))] = None
    places = np.transpose(np.unravel_index(list(numbers), shape)).tolist()
    return tuple(dict(zip(sweep.values, place, strict=True)) for place in places)


def _faults_of_combinations(sweep: Sweep) -> tuple[list[str], list[str]]:
    """Errors in combinations of values that are valid individually; each error once, with its first combination."""
    members, general = sweep.members, conflicts.faults(sweep.config)
    faulty: dict[str, list[Config]] = {}
    for member in members:
        for line in conflicts.faults(member):
            faulty.setdefault(line, []).append(member)
    faults = [
        f"{line} (in {len(faulty[line])} of {len(members)} combinations of SweepArgs, as "
        f"{sweep.describe(faulty[line][0].user)})"
        for line in faulty
        if line not in general
    ]
    return faults, [line for member in members for line in conflicts.warnings(member.user)]


def _overwrite_faults(sweep: Sweep) -> list[str]:
    """A line for each network of none of the sweep's settings that the winner, or a member of "tpe", would replace."""
    name = sweep.config.user.model_save_filename
    members = [] if sweep.is_planned else [sweep.member(number, {}) for number in range(1, sweep.size + 1)]
    return [
        f"UserInputArgs.model_save_filename = {name!r}: {config.network_folder} holds a "
        "network of none of the settings of this sweep; choose another name, or set overwrite = True to replace it"
        for config in (sweep.config, *members)
        if replacement.overwrite_faults(config) and sweep.combination_in(config) is None
    ]
