"""Checks combinations of settings: contradictions, and settings without effect."""

import importlib.util

from settings import SET_NAMES, Config, DataInfo, UserInput, description
from settings.channels import CHANNELS, input_channels, output_channels
from settings.kinds import KINDS
from system.errors import counted


def faults(config: Config, lists_were_read: bool = True) -> list[str]:
    """One line for each contradiction.

    lists_were_read: otherwise some lists of realizations may be empty because of other errors.
    """
    user, data, training = config.user, config.data, config.user.training_mode
    lists = [data.train_sc + data.train_lamp] if training else [v for v in vars(data).values() if isinstance(v, tuple)]
    no_lists = lists_were_read and not any(lists)
    evolution = config.plotting.evolution_ID_list_val if config.plotting.plotting_mode else ()
    fitted = training and KINDS[user.network_type].closed_form
    train, test, predict = (f"{name}{'_sc' * user.description.is_ship}" for name in ("train", "test", "predict"))
    in_closed_form = f"network_type {user.network_type!r} is fitted in closed form"
    contradictions = {
        f"DataInfoArgs.{train} is empty: training needs at least one realization (or training_mode = False)": (
            training and no_lists
        ),
        f"DataInfoArgs: all lists are empty; name the realizations to predict in {predict} or {test}": (
            not training and no_lists
        ),
        "UserInputArgs.tensorboard = True, but the package tensorboard is not installed; "
        "run: python -m pip install tensorboard": (
            training and user.tensorboard and importlib.util.find_spec("tensorboard") is None
        ),
        f"PlottingArgs.evolution_ID_list_val = {list(evolution)} needs the checkpoints of a training; set "
        "UserInputArgs.checkpoint_every above 0, or leave the list empty": (
            training and evolution and not user.checkpoint_every
        ),
        f"UserInputArgs.resume = True: {in_closed_form}, so nothing is left to resume; set resume = False": (
            fitted and user.resume
        ),
        f"UserInputArgs.fine_tune_filename = {user.fine_tune_filename!r}: {in_closed_form} and cannot start from "
        'another network; set it to ""': fitted and user.fine_tune_filename,
        f"UserInputArgs.num_networks = {user.num_networks}: {in_closed_form} and has a single solution, which an "
        "ensemble would repeat; set num_networks = 1": fitted and user.num_networks > 1,
    }
    return _uneven_lists(data) + _channel_faults(user) + [line for line, wrong in contradictions.items() if wrong]


def faults_of_description(user: UserInput, data: DataInfo) -> list[str]:
    """A line for each contradiction in how the sources and their channels are described."""
    pair = data.description()
    taken = {name for name, row in CHANNELS.items() if row.input or row.output} if pair.is_ship else ()
    names = pair.low_name.lower(), pair.high_name.lower()
    lists = {name: getattr(data, name) for name in ("train", "val", "test", "predict")}
    in_both = [name for name, given in lists.items() if given and getattr(data, f"{name}_sc")]
    contradictions = {
        "DataInfoArgs.low_file is missing: give the pattern of the fast source's files": (
            pair.is_ship and data.high_file
        ),
        "DataInfoArgs.high_file is missing: give the pattern of the accurate source's files, or name the records in "
        "predict alone": not pair.is_ship and not data.high_file and (data.train or data.val or data.test),
        f"UserInputArgs.model_save_filename = {user.model_save_filename!r}: tables use this name for a source; "
        "choose another": user.model_save_filename.lower() in names,
        f"DataInfoArgs.low_name, high_name: both are {data.low_name!r}; give two names": names[0] == names[1],
        f"DataInfoArgs.{', '.join(in_both)}: given beside the lists {', '.join(f'{name}_sc' for name in in_both)}; "
        "give one of them": in_both,
        f"DataInfoArgs.{', '.join(name for name in lists if lists[name])}: names of records need low_file and "
        "high_file, the patterns of their files": pair.is_ship and not data.high_file and any(lists.values()),
        "UserInputArgs.wave_grid_x_size, wave_grid_y_size: a wave grid is computed from LAMP's .sea files; "
        "set them to 1": not pair.is_ship and max(user.wave_grid_x_size, user.wave_grid_y_size) > 1,
    }
    return [line for line, wrong in contradictions.items() if wrong] + description.faults(
        pair, user.mirror_symmetry, sorted(taken)
    )


def _channel_faults(user: UserInput) -> list[str]:
    """A line for each contradiction between the settings that select the channels."""
    nx, ny = user.wave_grid_x_size, user.wave_grid_y_size
    inputs, outputs = input_channels(user), output_channels(user)
    derived = "correct it or leave it out, as it is derived"
    contradictions = {
        "UserInputArgs: input_3dof, input_waves and input_vbm are all False; set at least one to True": not inputs,
        "UserInputArgs: output_3dof and output_vbm are both False; set at least one to True": not outputs,
        "UserInputArgs.ship_length: needed in m for a wave_grid_x_size above 1": nx > 1 and user.ship_length is None,
        "UserInputArgs.ship_beam: needed in m for a wave_grid_y_size above 1": ny > 1 and user.ship_beam is None,
        "UserInputArgs.predict_correction = True: every output needs SimpleCode's value of the same channel as input; "
        "set input_3dof (and input_vbm with output_vbm) to True": (
            user.predict_correction and {*outputs} - {*inputs} - {*user.description.names}
        ),
        "UserInputArgs.predict_correction = True: no output has a counterpart (low) to be corrected; set it to False": (
            user.predict_correction and not user.description.is_ship and not {*outputs} & {*inputs}
        ),
        f"UserInputArgs.input_size = {user.input_size}: the selected channels make {len(inputs)}; {derived}": (
            user.input_size not in (None, len(inputs))
        ),
        f"UserInputArgs.output_size = {user.output_size}: the selected channels make {len(outputs)}; {derived}": (
            user.output_size not in (None, len(outputs))
        ),
    }
    return [line for line, wrong in contradictions.items() if wrong]


def warnings(user: UserInput) -> list[str]:
    """One line for each setting without effect."""
    network = f"network_type = {user.network_type!r}"
    recurrent = KINDS[user.network_type].sees_ahead
    fitted = KINDS[user.network_type].closed_form and user.training_mode
    without_effect = {
        f"train_fun_hyp has no effect with {network}: it is a least-squares fit": fitted and user.train_fun_hyp[0] != 0,
        f"checkpoint_every has no effect with {network}: it has no epochs": fitted and user.checkpoint_every,
        f"dropout = {user.dropout:g} has no effect with num_layers = 1: it acts between layers": (
            recurrent and user.num_layers == 1 and user.dropout > 0
        ),
        f"momentum has no effect with optimizer = {user.optimizer!r}": (
            user.momentum is not None and user.optimizer in ("adam", "adamw")
        ),
        f"look_ahead has no effect with {network}": user.look_ahead and not recurrent,
        "output_filter lowers the mean squared error, whatever train_fun_hyp is; set it to False if that matters": (
            user.output_filter and user.train_fun_hyp[0] != 0 and not fitted and user.training_mode
        ),
        "checkpoint_every has no effect with num_folds": user.num_folds and user.checkpoint_every,
        "washout_length has no effect with window_length = 0: whole records are used": (
            user.washout_length and not user.window_length
        ),
    }
    return [f"UserInputArgs.{line}" for line, applies in without_effect.items() if applies]


def _uneven_lists(data: DataInfo) -> list[str]:
    """A line for each two lists that should have the same length."""
    remedies = {
        (f"{name}_sc", f"{name}_lamp"): "each realization needs one of each, in the same order" for name in SET_NAMES
    }
    if data.predict_waves:
        remedies["predict_waves", "predict_sc"] = (
            "give one for each realization in the same order, or an empty list if the .wav files lie beside the "
            "SimpleCode .mot files"
        )
    lines = []
    for (first, second), remedy in remedies.items():
        here, there = len(getattr(data, first)), len(getattr(data, second))
        if here != there:
            lines.append(f"DataInfoArgs.{first} has {here} paths and {second} has {there}: {remedy}")
    return lines


def records_in_two_sets(user: UserInput, data: DataInfo) -> list[str]:
    """One line for each two sets that share records."""
    lines, of_lamp = [], "_lamp" * user.description.is_ship
    for first, second in (("train", "test"), ("val", "test"), ("train", "val")):
        shared = sorted(set(getattr(data, f"{first}_lamp")) & set(getattr(data, f"{second}_lamp")))
        if shared:
            lines.append(
                f"DataInfoArgs: {counted(len(shared), f'{user.description.high_name} record')} in both "
                f"{first}{of_lamp} and {second}{of_lamp} "
                f"({shared[0]}): errors on the {second} set will look better than they are; use different realizations"
            )
    return lines
