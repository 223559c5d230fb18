"""Opens a saved network only if it consists of built-in Keras layers and their weights.

A .keras file is a zip archive that names the classes Keras is to import and their arguments. Since users exchange such
files, the archive is checked before Keras opens it, and Keras' own safe_mode stays on.
"""

import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras

MEMBERS = {"metadata.json", "config.json", "model.weights.h5"}
LARGEST_CONFIG = 64 * 2**20  # bytes; larger than that of an ensemble of a hundred deep networks
# The modules of Keras that networks are built from; not its savers, downloaders and wrappers of other frameworks.
KERAS_MODULES = re.compile(
    r"keras|keras\.(layers|initializers|regularizers|constraints|activations|ops)"
    r"|keras\.src\.(layers|initializers|regularizers|constraints|activations|ops|models\.functional)(\.\w+)*"
)
# Built-in layers that run code or read files named in the archive.
REFUSED_LAYERS = {
    "Lambda",
    "TFSMLayer",
    "TorchModuleWrapper",
    "JaxLayer",
    "FlaxLayer",
    "StringLookup",
    "IntegerLookup",
    "TextVectorization",
}
RECURRENT_LAYERS = {"LSTM", "GRU", "SimpleRNN"}


def open_network(path: Path) -> keras.Model:
    """The network in a .keras file.

    Raises:
        ValueError: it is no such file, or has anything but built-in layers and their weights; none of it has been run.
        Exception: whatever Keras raises for a file that it cannot load.
    """
    _check_archive(path)
    return keras.models.load_model(path, compile=False, safe_mode=True)


def _check_archive(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            names = sorted(member.filename for member in members)
            if names != sorted(MEMBERS):
                raise ValueError(f"it holds {', '.join(names)[:60]!r}, expected {', '.join(sorted(MEMBERS))}")
            # Keras stores its members uncompressed; this rules out a small file that unpacks to gigabytes of zeros.
            if any(member.compress_type != zipfile.ZIP_STORED for member in members):
                raise ValueError("it is compressed, which Keras' own files are not")
            if archive.getinfo("config.json").file_size > LARGEST_CONFIG:
                raise ValueError(f"its config.json is larger than {LARGEST_CONFIG / 2**20:g} MB")
            weights = archive.getinfo("model.weights.h5").file_size
            config = json.loads(archive.read("config.json"))
    except (zipfile.BadZipFile, RecursionError, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"it is damaged: {error}") from error
    if not isinstance(config, dict) or config.get("class_name") != "Functional":
        raise ValueError("it is not a network of this program")
    for part in _parts(config):
        _check_part(part, weights)


def _parts(value: Any) -> Iterator[dict[str, Any]]:
    """Every object that Keras would create."""
    left = [value]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            if "class_name" in value:
                yield value
            left.extend(value.values())
        elif isinstance(value, list):
            left.extend(value)


def _check_part(part: dict[str, Any], weights: int) -> None:
    """Raises ValueError for an object that is not built into Keras. weights: size of the weights file, bytes."""
    name, module, own_name = part["class_name"], part.get("module"), part.get("registered_name")
    if module is None and name in ("__keras_tensor__", "__tensor__", "__numpy__", "__ellipsis__", "__slice__"):
        return
    if not isinstance(module, str) or not KERAS_MODULES.fullmatch(module) or own_name not in (None, name):
        raise ValueError(f"it asks for {str(name)[:40]!r} of {str(module)[:40]!r}, which is not part of a network")
    if name in REFUSED_LAYERS:
        raise ValueError(f"it has a {name} layer, which can run foreign code")
    units = part["config"].get("units") if isinstance(part.get("config"), dict) else None
    if name in RECURRENT_LAYERS and (not isinstance(units, int) or 4 * units**2 > weights):
        raise ValueError(f"it asks for {str(units)[:20]} units, for which it has no weights")
