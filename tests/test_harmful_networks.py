"""Saved networks that are damaged, of another kind, or made to do harm: refused in a line, and nothing of them runs."""

import base64
import dataclasses
import json
import marshal
import pickle
import zipfile
from pathlib import Path

import keras
import pytest
from test_network import configure, untrained

import network
import prediction
from support import network_file
from support.errors import InputError

FOLDER = Path("saved_models/recently_trained_model")
MODEL = FOLDER / "model.keras"


@pytest.fixture(scope="module")
def members(tmp_path_factory) -> dict[str, bytes]:
    """The parts of a good .keras file."""
    path = tmp_path_factory.mktemp("good") / "model.keras"
    network.save_model(untrained().model, path)
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch, members):
    monkeypatch.chdir(tmp_path)
    FOLDER.mkdir(parents=True)
    write_settings(dataclasses.asdict(untrained().architecture))
    write(members)
    network_file.open_network(MODEL)


def write_settings(architecture: dict) -> None:
    (FOLDER / "settings.json").write_text(json.dumps({"network": architecture, "best_epoch": 1}))


def write(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(MODEL, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def refused() -> str:
    """The one line with which the network is refused."""
    with pytest.raises(InputError) as caught:
        network.load(configure(training_mode=False))
    (line,) = caught.value.lines
    assert line.isprintable() and len(line) < 400
    assert not Path("harm").exists()
    return line


def changed(members: dict[str, bytes], change) -> dict[str, bytes]:
    config = json.loads(members["config.json"])
    change(config)
    return members | {"config.json": json.dumps(config).encode()}


def layer(config: dict, name: str) -> dict:
    return next(each for each in config["config"]["layers"] if each["class_name"] == name)


def harm(x):
    open("harm", "w").close()
    return x


CODE = base64.b64encode(marshal.dumps(harm.__code__)).decode()
BYTECODE = {"class_name": "__lambda__", "config": {"code": CODE, "defaults": None, "closure": None}}


def as_lambda(config: dict) -> None:
    dense = layer(config, "Dense")
    dense["class_name"] = "Lambda"
    dense["config"] = {"name": "outputs", "function": BYTECODE, "arguments": {}}


HARMFUL = {
    "a Lambda layer": as_lambda,
    "bytecode for an activation": lambda c: layer(c, "Dense")["config"].update(activation=BYTECODE),
    "a function of os": lambda c: layer(c, "Dense")["config"].update(
        activation={"class_name": "function", "config": "system", "module": "os", "registered_name": "system"}
    ),
    "a class of another module": lambda c: layer(c, "Dense").update(class_name="Popen", module="subprocess"),
    "a registered class": lambda c: layer(c, "Dense").update(module=None, registered_name="evil>Layer"),
    "a name that hides another": lambda c: layer(c, "Dense").update(registered_name="evil>Layer"),
    "a downloader of Keras": lambda c: layer(c, "Dense")["config"].update(
        activation={"class_name": "function", "config": "get_file", "module": "keras.utils", "registered_name": None}
    ),
    "a module that looks like Keras": lambda c: layer(c, "Dense").update(module="keras_evil.layers"),
    "a SavedModel elsewhere": lambda c: layer(c, "Dense").update(
        class_name="TFSMLayer", config={"name": "outputs", "filepath": "/tmp/elsewhere"}
    ),
    "a pickled layer": lambda c: layer(c, "Dense").update(
        class_name="TorchModuleWrapper",
        config={"name": "outputs", "module": {"class_name": "__bytes__", "config": {"value": "gASV"}}},
    ),
    "a file of words": lambda c: layer(c, "Dense").update(
        class_name="StringLookup", config={"vocabulary": "/etc/passwd"}
    ),
    "more units than weights": lambda c: layer(c, "LSTM")["config"].update(units=10**6),
    "units that are no number": lambda c: layer(c, "LSTM")["config"].update(units=[4]),
    "another kind of model": lambda c: c.update(class_name="Sequential", module="keras"),
}


@pytest.mark.parametrize("what", HARMFUL)
def test_a_network_that_asks_for_more_than_layers_is_refused(members, monkeypatch, what):
    write(changed(members, HARMFUL[what]))
    monkeypatch.setattr(keras.models, "load_model", lambda *_, **__: pytest.fail("Keras has been asked"))
    assert "model.keras" in refused()


def test_keras_safe_mode_is_on_where_our_own_look_finds_nothing(members, monkeypatch):
    write(changed(members, as_lambda))
    monkeypatch.setattr(network_file, "_check_part", lambda *_: None)
    assert "model.keras" in refused()


def deep(depth: int) -> bytes:
    return b'{"class_name": "Functional", "config": ' + b"[" * depth + b"]" * depth + b"}"


def pickled() -> bytes:
    class Harm:
        def __reduce__(self):
            return open, ("harm", "w")

    return pickle.dumps(Harm())


ARCHIVES = {
    "a path out of the folder": lambda m: write(m | {"../../harm": b"x"}),
    "an absolute path": lambda m: write(m | {"/tmp/harm": b"x"}),
    "assets": lambda m: write(m | {"assets/vocabulary.txt": b"x"}),
    "no weights": lambda m: write({k: v for k, v in m.items() if "weights" not in k}),
    "compressed, as a bomb is": lambda m: write(m | {"config.json": b" " * 10**7}, zipfile.ZIP_DEFLATED),
    "no JSON": lambda m: write(m | {"config.json": b"\xff\xfe"}),
    "a list": lambda m: write(m | {"config.json": b"[]"}),
    "brackets without end": lambda m: write(m | {"config.json": deep(200_000)}),
    "weights cut": lambda m: write(m | {"model.weights.h5": m["model.weights.h5"][:5000]}),
    "no weights in them": lambda m: write(m | {"model.weights.h5": b""}),
    "an HDF5 file of old": lambda m: MODEL.write_bytes(m["model.weights.h5"]),
    "a pickle": lambda m: MODEL.write_bytes(pickled()),
    "text": lambda m: MODEL.write_text("no network"),
    "empty": lambda m: MODEL.write_bytes(b""),
}


@pytest.mark.parametrize("what", ARCHIVES)
def test_an_archive_of_another_kind_is_refused(members, what):
    ARCHIVES[what](members)
    assert "model.keras" in refused()


@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.99])
def test_a_file_that_is_cut_or_has_a_hole_is_refused(share):
    whole = MODEL.read_bytes()
    MODEL.write_bytes(whole[: int(share * len(whole))])
    assert "model.keras" in refused()
    MODEL.write_bytes(whole[: int(share * len(whole))] + whole[int(share * len(whole)) + 7 :])
    assert "model.keras" in refused()


@pytest.mark.parametrize(
    "damage",
    [
        {"hidden_size": 10**9},
        {"hidden_size": "4"},
        {"num_networks": -1},
        {"num_layers": None},
        {"inputs": ["Zcg", 3]},
        {"inputs": ["Zcg"]},
        {"standardization": None},
        {"standardization": {"input_mean": [0], "input_deviation": [1], "output_mean": [0], "output_deviation": [1]}},
        {"unknown_setting": 1},
    ],
)
def test_settings_that_no_training_writes_are_refused(damage):
    write_settings(dataclasses.asdict(untrained().architecture) | damage)
    assert "settings.json" in refused()


def test_settings_and_weights_of_two_networks():
    write_settings(dataclasses.asdict(untrained(hidden_size=7).architecture))
    trained = network.load(configure(training_mode=False))
    with pytest.raises(InputError, match="do not belong together"):
        prediction.Predictor(trained)
    own = untrained().architecture
    s = dataclasses.replace(own.standardization, output_mean=(0.0,), output_deviation=(1.0,))
    write_settings(dataclasses.asdict(dataclasses.replace(own, outputs=("VBM",), standardization=s)))
    with pytest.raises(InputError, match=r"model\.keras: it has .* channels"):
        network.load_network(FOLDER)


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe\x00", b"epoch,loss\n1,2\n", b"epoch,elapsed_s,loss,val_loss,learning_rate\na,b"]
)
def test_a_damaged_history_costs_only_the_learning_curve(capsys, content):
    (FOLDER / "history.csv").write_bytes(content)
    assert len(network.load(configure(training_mode=False)).history) == 0
    assert "history.csv: cannot be read" in capsys.readouterr().err


def test_networks_of_keras_own_layers_and_operations_are_opened(tmp_path):
    """What the program writes today, and what networks of other types are built of."""
    inputs = keras.Input((None, 4))
    x = keras.ops.pad(inputs, [[0, 0], [2, 0], [0, 0]])[:, 1:-1] * 2.0
    x = keras.layers.Conv1D(4, 3, padding="causal", activation="gelu", kernel_regularizer="l2")(x)
    x = keras.layers.MultiHeadAttention(2, 4)(x, x, use_causal_mask=True)
    x = keras.layers.LayerNormalization()(x + keras.ops.sin(x))
    keras.Model(inputs, keras.layers.GRU(3, return_sequences=True)(x)).save(tmp_path / "other.keras")
    assert network_file.open_network(tmp_path / "other.keras").output_shape[-1] == 3
    whole = untrained(num_networks=2, bi_directional=True, num_layers=2, dropout=0.1, predict_correction=True)
    network.save_model(whole.model, tmp_path / "ours.keras")
    assert network_file.open_network(tmp_path / "ours.keras").count_params() == whole.model.count_params()
