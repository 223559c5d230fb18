"""The main job on the sample data as the README says it, and the network that comes with the repository."""

import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT

import input_template
from data_io import read_sets
from network import load_network
from prediction import Predictor
from settings import input_file

pytestmark = pytest.mark.xdist_group("sample_network")  # groups begin first, and the main job takes longest
SAMPLE_NETWORK = ROOT / "saved_models" / "sample_network"
MOTIONS = ["Zcg", "Roll", "Pitch"]
PROMISE = 0.01  # the README's: the test set's mean squared error as a share of SimpleCode's


def test_the_main_job_keeps_its_promise(main_job):
    output = main_job / "output_files" / "recently_trained_model"
    report = pd.read_csv(output / "error_report.csv").set_index(["set", "source", "channel"]).sort_index()["mse"]
    assert (report["test", "LSTM"][MOTIONS] < PROMISE * report["test", "SimpleCode"][MOTIONS]).all()
    history = pd.read_csv(main_job / "saved_models" / "recently_trained_model" / "history.csv")
    assert history["val_loss"].iloc[-1] < 0.05 * history["val_loss"].iloc[0]
    assert len(list((output / "figures").glob("*.png"))) >= 8
    said = (main_job / "said.txt").read_text(encoding="utf-8")
    assert re.search(r"^epoch 1/36  loss .* validation .* left$", said, re.MULTILINE)


def test_the_sample_network_keeps_its_promise(monkeypatch):
    monkeypatch.chdir(ROOT)
    config, *_ = input_file.read_config(input_template)
    records = read_sets(config)[0]["test"]
    outputs = Predictor(load_network(SAMPLE_NETWORK)).predict([record.inputs for record in records])
    motions = [(r.targets, r.simple, output.mean) for r, output in zip(records, outputs, strict=True)]
    lamp, simple, predicted = (np.concatenate(arrays) for arrays in zip(*motions, strict=True))
    assert (np.mean((predicted - lamp) ** 2, axis=0) < PROMISE * np.mean((simple - lamp) ** 2, axis=0)).all()


def test_the_sample_network_was_trained_with_the_template_and_tells_nothing_of_the_machine():
    text = (SAMPLE_NETWORK / "settings.json").read_text(encoding="utf-8")
    metadata = json.loads(text)
    config, *_ = input_file.read_config(input_template)
    renamed = {"model_save_filename": "sample_network"}
    newer = set(config.as_dict()["user"]) - set(metadata["settings"]["user"])
    expected = {name: value for name, value in config.as_dict()["user"].items() if name not in newer}
    assert metadata["settings"]["user"] == expected | renamed
    assert metadata["finished"] and metadata["epochs_trained"] == len(pd.read_csv(SAMPLE_NETWORK / "history.csv"))
    paths = re.findall(r'"([^"]*[/\\\\][^"]*)"', text)
    assert all(path.startswith("sample_data/") for path in paths)


@pytest.mark.parametrize("name", ["model.keras", "settings.json", "history.csv"])
def test_the_sample_network_is_small(name):
    assert (SAMPLE_NETWORK / name).stat().st_size < 200_000


def test_a_network_saved_without_the_newest_facts_still_loads_and_says_what_cannot_be_compared(tmp_path, capsys):
    shutil.copytree(SAMPLE_NETWORK, tmp_path / "network")
    file = tmp_path / "network" / "settings.json"
    metadata = json.loads(file.read_text(encoding="utf-8"))
    for name in ("mean_with_mirrored", "time_step", "wave_ramp", "vbm_unit"):
        del metadata["network"][name]
    file.write_text(json.dumps(metadata), encoding="utf-8")
    assert load_network(tmp_path / "network").architecture.look_ahead == metadata["network"]["look_ahead"]
    assert "without the time step and ramp of the waves" in capsys.readouterr().err
