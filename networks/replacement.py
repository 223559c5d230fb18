"""Whether a saved network has the settings and data of a training, and whether the training may replace it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from networks.network_folder import TEMPORARY, NetworkFolder
from settings import DEFAULT_NAME, NETWORKS_FOLDER, Config, DataInfo, UserInput, user_settings
from settings.description import Description
from system.errors import InputError
from system.files import posix, text_hash

TRAINING_FILES = ("train_sc", "train_lamp", "val_sc", "val_lamp")
CHANNEL = "channel "  # and its name, of those that the user describes
DAMAGED = (InputError, KeyError, TypeError, AttributeError)  # what a damaged settings.json leads to


def training_settings(frozen: dict[str, Any]) -> dict[str, Any]:
    """The settings of a settings.json that determine the trained network, or their defaults."""
    user, beside = Config().as_dict()["user"] | frozen.get("user", {}), (*user_settings("run"), "description")
    pair = Description.from_dict(user["description"])
    return {name: value for name, value in user.items() if name not in beside} | _of_description(pair)


def _of_description(pair: Description) -> dict[str, str]:
    """What of a description determines a network, as settings with a text each. Where the files lie does not."""
    sources = {} if pair.is_ship else {"sources": f"{pair.low_name} and {pair.high_name}"}
    channels = {}
    for channel, facts in pair.bearing.items():
        facts["file"] = posix(facts.get("file", "")).rpartition("/")[2]
        texts = [f"{name} {value}" for name, value in facts.items() if value not in (None, "", "+", "kept")]
        channels[f"{CHANNEL}{channel}"] = ", ".join(texts)
    return sources | channels


def different_settings(frozen: dict[str, Any], user: UserInput) -> dict[str, str]:
    """For each training setting that differs from `frozen`, the settings of a settings.json, a line by name."""
    old, new = training_settings(frozen), training_settings(Config(user=user).as_dict())
    lines = {}
    for name in (*new, *(name for name in old if name.startswith(CHANNEL) and name not in new)):
        before, now = (settings.get(name, "not there") for settings in (old, new))
        drawn = name == "seed" and now is None  # a seed drawn by the program is not a setting of the user's
        if before != now and not drawn:
            lines[name] = f"{name} was {before} and is now {now}"
    return lines


def only_more_epochs(frozen: dict[str, Any], user: UserInput) -> bool:
    """Whether a larger number of epochs is the only difference."""
    return set(different_settings(frozen, user)) == {"epochs"} and user.epochs > training_settings(frozen)["epochs"]


def different_data(metadata: dict[str, Any], source: str, files: DataInfo, data: str) -> list[str]:
    """A line if the train and val sets, or the network to start from (source), are not those of a settings.json.

    data: see `data_io.data_fingerprint`. Before the data are read it is empty, and the names of the files are compared,
    wherever they lie.
    """
    if metadata.get("fine_tuned_from") and network_digest(source) not in ("", metadata["fine_tuned_from"]):
        return [f"the network {source}, from which it starts, has changed since the training began"]
    if data:
        before, now = (_by_source(str(text)) for text in (metadata.get("data_fingerprint"), data))
        shared = before.keys() & now.keys()  # other input channels have other sources
        same = shared and all(before[source][0] == now[source][0] for source in shared)
        what, which = _what_has_changed(before, now, shared, metadata.get("record_names", ()))
    else:
        before, now = map(_file_names, (metadata.get("settings", {}).get("data", {}), vars(files)))
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


def _file_names(files: Mapping[str, Sequence[str]]) -> list[list[str]]:
    return [[posix(path).rpartition("/")[2] for path in files.get(name, ())] for name in TRAINING_FILES]


def network_digest(name: str) -> str:
    """A hash of the model of a saved network; empty if there is none."""
    return NetworkFolder(NETWORKS_FOLDER / name).model_digest()


def differences(metadata: dict[str, Any], config: Config, data: str = "") -> list[str]:
    """What of a training's settings and data is not as a settings.json says, one line each; see `different_data`."""
    settings = different_settings(metadata.get("settings", {}), config.user)
    return [*settings.values(), *different_data(metadata, config.user.fine_tune_filename, config.data, data)]


def has_settings(folder: NetworkFolder, config: Config, data: str = "") -> bool:
    """Whether a saved network was trained with these settings and data, see `different_data`."""
    try:
        return not differences(folder.read_metadata(), config, data)
    except DAMAGED:
        return False


def trained_on(metadata: dict[str, Any]) -> str:
    """How many records a network was trained and validated on, with a short hash of what identifies them."""
    parts = [part.partition(":")[0] for part in str(metadata.get("data_fingerprint")).split()]
    parts = [part for part in parts if part.startswith(("lamp=", "sc="))]  # the waves depend on the input channels
    counts = (len(metadata["settings"].get("data", {}).get(name, ())) for name in ("train_sc", "val_sc"))
    return f"{' + '.join(map(str, counts))} records {text_hash(json.dumps(parts), 3)}"


def may_replace(user: UserInput) -> bool:
    """Whether a training may replace the network of any other experiment."""
    return user.overwrite or user.model_save_filename == DEFAULT_NAME


def overwrite_faults(config: Config, data: str = "") -> list[str]:
    """An error line if the training would replace, unasked, a network or an interrupted training.

    data: the fingerprint of the train and val sets; before they are read, the settings alone are compared.
    """
    user, folder = config.user, NetworkFolder(config.network_folder)
    reserved = folder.path.suffix in TEMPORARY
    if not user.training_mode or (user.overwrite and not reserved):
        return []
    name = f"UserInputArgs.model_save_filename = {user.model_save_filename!r}"
    if reserved:
        suffix = folder.path.suffix
        return [f"{name}: a name that ends in {suffix} is the program's own beside a network; choose another name"]
    interrupted = folder.interrupted_training() or folder.interrupted_folds()
    if interrupted and not user.resume:
        return [
            f"{name}: {interrupted} is an interrupted training, which is not replaced unasked; set resume = True to "
            "continue it, or overwrite = True to replace it, or choose another name"
        ]
    # Whether an interrupted training can be resumed is checked when the training starts.
    goes_on = folder.interrupted_training() or (user.num_folds and folder.interrupted_folds())
    if goes_on or may_replace(user) or not folder.has_model:
        return []
    lines = _differences_from_saved(folder, config, data)
    if not lines:
        return []
    return [
        f"{name}: {folder} holds another experiment ({'; '.join(lines[:3])}); choose another name, or set overwrite = "
        "True to replace it"
    ]


def _differences_from_saved(folder: NetworkFolder, config: Config, data: str) -> list[str]:
    """What keeps a training from using a saved network, one line each. data: see `overwrite_faults`."""
    try:
        metadata = folder.read_metadata()
        frozen = metadata["settings"]
        goes_on = config.user.resume and only_more_epochs(frozen, config.user)
        lines = [] if goes_on else [*different_settings(frozen, config.user).values()]
        return lines + (different_data(metadata, config.user.fine_tune_filename, config.data, data) if data else [])
    except DAMAGED:
        return ["its settings cannot be read"]


def kept_from_replacing(folder: NetworkFolder, interrupted: NetworkFolder) -> InputError:
    """The error that ends a run whose training was stopped by Ctrl-C where a network of its name stands."""
    return InputError(
        f"stopped by Ctrl-C: the network in {folder}, finished earlier, stays as it is; the interrupted training is in "
        f"{interrupted}: resume = True continues it, overwrite = True replaces it by a new one; to see results of the "
        "finished network, set training_mode = False"
    )
