"""Saved networks that are damaged, of another kind, or made to do harm: a line at most, and nothing of them runs."""

import base64
import contextlib
import dataclasses
import json
import marshal
import pickle
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
from test_network import configure, untrained

import network
from network import Architecture
from networks.network_folder import NetworkFolder
from system.errors import InputError

pytestmark = pytest.mark.xdist_group("harmful_networks")  # its tests share costly fixtures

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
    network.load(configure(training_mode=False))


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
    "a class of another module": lambda c: layer(c, "Dense").update(class_name="Popen", module="subprocess"),
    "a SavedModel elsewhere": lambda c: layer(c, "Dense").update(
        class_name="TFSMLayer", config={"name": "outputs", "filepath": "/tmp/elsewhere"}
    ),
    "more units than weights": lambda c: layer(c, "LSTM")["config"].update(units=10**6),
    "another kind of model": lambda c: c.update(class_name="Sequential", module="keras"),
}


@pytest.mark.parametrize("what", HARMFUL)
def test_nothing_of_a_file_is_run_and_its_weights_are_all_that_counts(members, monkeypatch, what):
    before = network.load(configure(training_mode=False)).model.get_weights()
    monkeypatch.setattr(keras.models, "load_model", lambda *_, **__: pytest.fail("Keras has been asked"))
    write(changed(members, HARMFUL[what]))
    after = network.load(configure(training_mode=False)).model.get_weights()
    assert all(map(np.array_equal, before, after)) and not Path("harm").exists()
    write(changed(members, HARMFUL[what]) | {"config.json": deep(200_000), "../../harm": b"x"})
    network.load(configure(training_mode=False))
    assert not Path("harm").exists() and not Path("../harm").exists()


def deep(depth: int) -> bytes:
    return b'{"class_name": "Functional", "config": ' + b"[" * depth + b"]" * depth + b"}"


def pickled() -> bytes:
    class Harm:
        def __reduce__(self):
            return open, ("harm", "w")

    return pickle.dumps(Harm())


ARCHIVES = {
    "no weights": lambda m: write({k: v for k, v in m.items() if "weights" not in k}),
    "weights that are compressed": lambda m: write(m | {"model.weights.h5": bytes(10**8)}, zipfile.ZIP_DEFLATED),
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


@pytest.mark.parametrize("share", [0.3, 0.99])
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
        {"filter_lags": [True, True]},
        {"filter_lags": [10, 26]},
        {"row_step": 0},
        {"row_step": 2.0},
        {"row_step": 10**6},
        {"time_scale": -1.0},
        {"time_scale": "1"},
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


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"null", b'{"network": []}', b"PK\x03\x04 no text"])
def test_settings_that_cannot_be_read_are_refused(content):
    (FOLDER / "settings.json").write_bytes(content)
    assert "settings.json" in refused()
    with contextlib.suppress(InputError):  # and no other error
        NetworkFolder(FOLDER).check_checkpoints()


OTHERS = [
    {"hidden_size": 7},
    {"hidden_size": 4000},  # as many as would take gigabytes
    {"num_layers": 2},
    {"num_networks": 2},
    {"bi_directional": True},
    {"output_3dof": False, "output_vbm": True},
    {"network_type": "gru"},
    {"look_ahead": 1},
]


@pytest.mark.parametrize("user", OTHERS)
@pytest.mark.parametrize("other_settings", [False, True])
def test_settings_and_weights_of_two_networks(user, other_settings, recwarn):
    channels = 1 if "output_vbm" in user else 3
    s = dataclasses.replace(
        untrained().architecture.standardization, output_mean=(0.0,) * channels, output_deviation=(1.0,) * channels
    )
    other = Architecture.of(configure(**user).user, s)
    if other_settings:
        write_settings(dataclasses.asdict(other))
    elif other.hidden_size < 100:
        network.save_model(network.build_model(other), MODEL)
    else:
        return
    with pytest.raises(InputError, match="model.keras: cannot be loaded"):
        network.load_network(FOLDER)
    assert not [each for each in recwarn if each.category is UserWarning]  # Keras' own, of weights that it skips


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe\x00", b"epoch,loss\n1,2\n", b"epoch,elapsed_s,loss,val_loss,learning_rate\na,b"]
)
def test_a_damaged_history_costs_only_the_learning_curve(capsys, content):
    (FOLDER / "history.csv").write_bytes(content)
    assert len(network.load(configure(training_mode=False)).history) == 0
    assert "history.csv: cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize("cut", [b"2,2.1", b"2,2.1,1.5,", b"2,2.1,1.5,2.5,"])
def test_a_history_that_breaks_off_in_its_last_row_is_read_up_to_there(capsys, cut):
    whole = b"epoch,elapsed_s,loss,val_loss,learning_rate\n1,1,2,3,0.01\n"
    (FOLDER / "history.csv").write_bytes(whole + cut)
    assert NetworkFolder(FOLDER).read_history()["epoch"].tolist() == [1]
    assert "history.csv: the last row breaks off and is left out" in capsys.readouterr().err
