"""What a run leaves behind, apart from the whole runs of test_main.py."""

import dataclasses
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from conftest import write_realization

import data_io
import outputs
import prediction
from checks import record_statistics
from checks.run_bands import OutOfFold
from networks.network_folder import NetworkFolder
from prediction import PredictedSet, Prediction, Predictor
from readers import text_tables
from results import run_figures
from settings import Config, DataInfo, Plotting, SaveData, UserInput
from system.errors import InputError


class Echo(Predictor):
    """A predictor that returns SimpleCode's motions as those of two networks, and counts the records at a time."""

    def __init__(self, channels=data_io.MOTIONS):
        self.batches: list[int] = []
        self.channels = channels

    def predict(self, inputs, with_members=False):
        self.batches.append(len(inputs))
        motions = [array[:, : len(self.channels)] for array in inputs]
        return [Prediction(each, members=np.stack([each, each], axis=1) if with_members else None) for each in motions]


def predict(config: Config, predictor=None) -> outputs.PredictedFleet:
    return outputs.predict_without_lamp(config, predictor or Echo(), outputs.texts_of_run(config, None))


@pytest.fixture
def many(tmp_path, monkeypatch) -> Config:
    monkeypatch.chdir(tmp_path)
    pairs = [write_realization(tmp_path / "data", f"_{i}", rows=30 + i, seed=i) for i in range(5)]
    sc, lamp = zip(*pairs, strict=True)
    return Config(user=UserInput(time_res=2), data=DataInfo(predict_sc=sc, predict_waves=lamp))


def test_records_without_lamp_are_held_a_few_at_a_time(many, monkeypatch, capsys):
    monkeypatch.setattr(prediction, "RECORDS_AT_ONCE", 2)
    predictor = Echo()
    assert predict(many, predictor) == outputs.PredictedFleet([], None, [], 5)
    assert predictor.batches == [2, 2, 1]
    assert "Predicted 5 of 5" in capsys.readouterr().out
    for i, sc in enumerate(many.data.predict_sc):
        table = np.loadtxt(many.output_folder / f"lstm_output_for_SC_{i}.txt", skiprows=1)
        assert np.allclose(table, text_tables.read_columns(f"{sc}.mot", text_tables.SC_MOT), atol=1e-5)


def test_a_record_that_is_listed_twice_counts_once_in_the_fleet(many, tmp_path, monkeypatch, capsys):
    recorder = record_statistics.Recorder(data_io.MOTIONS, np.ones(3), 2, 0.0)
    monkeypatch.setattr(record_statistics.Recorder, "of", lambda *_: recorder)
    shutil.copytree(tmp_path / "data", tmp_path / "copy")
    sc, waves = many.data.predict_sc, many.data.predict_waves
    listed = (sc[0], sc[0], sc[0].replace("/data/", "/copy/"), sc[1])
    data = DataInfo(predict_sc=listed, predict_waves=(*[waves[0]] * 3, waves[1]))
    predict(dataclasses.replace(many, data=data))
    rows = record_statistics.load(many.output_folder).rows
    assert len(rows) == 2 * 3 * 3 and rows["record"].nunique() == rows["digest"].nunique() == 2
    assert "2 predicted records with the motions of another; counted once" in capsys.readouterr().err


def test_records_on_disk_are_predicted_a_few_at_a_time(many, monkeypatch, tmp_path):
    monkeypatch.setattr(prediction, "RECORDS_AT_ONCE", 2)
    data = DataInfo(test_sc=many.data.predict_sc, test_lamp=many.data.predict_waves)
    in_memory = Config(user=many.user, data=data)
    on_disk = Config(user=many.user, data=dataclasses.replace(data, cache_path=str(tmp_path / "cache")))
    found = {}
    for config in (in_memory, on_disk):
        sets, _ = data_io.read_sets(config)
        predictor = Echo()
        results = outputs.predict_sets(predictor, {"test": sets["test"]}, OutOfFold({}), config.data.cache_path)["test"]
        assert predictor.batches == [2, 2, 1] and len(results) == 5
        found[config] = [results.motions(i) for i in (*range(5), 1)]
    for motions, others in zip(*found.values(), strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(motions, others, strict=True))


def test_warnings_are_reported_once_and_errors_come_back(many, capsys):
    wave = many.data.predict_waves[1]
    rows = text_tables.read_columns(f"{wave}.wav", text_tables.WAV)[::2]
    text = "\n".join(["a", "b", "c", *(f"{a} {b}" for a, b in rows)])
    with open(f"{wave}.wav", "w") as file:
        file.write(text)
    with open(f"{many.data.predict_sc[3]}.mot", "w") as file:
        file.write("")
    (fault,) = predict(many).faults
    assert "SC_3.mot" in fault and "empty" in fault
    said = capsys.readouterr()
    assert said.err.count("interpolated") == 1 and "Predicted 4 of 5" in said.out


def test_without_motions_there_is_no_mot_file(many):
    user = UserInput(time_res=2, output_3dof=False, output_vbm=True)
    config = Config(user=user, data=many.data, save=SaveData(prefix="p_"))
    assert not predict(config, Echo(("VBM",))).faults
    names = sorted(path.name for path in config.output_folder.glob("p_*"))
    assert names == [f"p_SC_{i}.txt" for i in range(5)]


def test_nothing_to_predict_prints_nothing(many, capsys):
    assert predict(Config()) == outputs.PredictedFleet()
    assert capsys.readouterr() == ("", "")


def test_a_damaged_checkpoint_costs_its_figures_alone(monkeypatch, capsys):
    def fail(*_):
        raise InputError("epoch_000002.keras: cannot be loaded")

    monkeypatch.setattr(run_figures, "predict_with_checkpoints", fail)
    asked, records = Plotting(evolution_ID_list_val=(0,)), [SimpleNamespace(inputs=None)]
    assert run_figures.evolution_figures(asked, records, None, NetworkFolder(Path("network"))) == {}
    assert "epoch_000002.keras" in capsys.readouterr().err


@pytest.mark.parametrize("is_terminal", [True, False])
def test_progress_is_shown_on_a_terminal_alone(many, monkeypatch, capsys, is_terminal):
    monkeypatch.setattr("sys.stderr.isatty", lambda: is_terminal)
    predict(many)
    assert ("Predicting: 100%" in capsys.readouterr().err) == is_terminal


@pytest.mark.parametrize("name", ["flag_records", "record_statistics.Recorder.of"])
def test_statistics_and_flags_that_fail_cost_no_predictions(many, monkeypatch, capsys, name):
    def fail(*_, **__):
        raise np.linalg.LinAlgError("Singular matrix")

    monkeypatch.setattr(f"outputs.{name}", fail)
    outputs.save_flags(many, PredictedSet([], []), predict(many).flags, None, None)
    said = capsys.readouterr()
    assert "Predicted 5 of 5" in said.out and len(list(many.output_folder.glob("*.txt"))) == 5
    failed = said.err.count("cannot be made (LinAlgError: Singular matrix); the rest is written")
    assert failed == 1 + (name == "flag_records")  # of the test records, and of those without LAMP


def test_a_figure_that_fails_costs_no_other(monkeypatch, capsys, tmp_path):
    def fail(*_, **__):
        raise ValueError("x and y must have same first dimension")

    monkeypatch.setattr("plotting.prediction_figure", fail)
    time, motions = np.arange(50.0), np.random.default_rng(0).normal(size=(50, 3))
    record = data_io.Record("a", time, motions, motions, motions)
    empty = PredictedSet([], [])
    results = {"train": empty, "val": empty, "test": PredictedSet([record], [Prediction(motions)])}
    lists = {f"{kind}_ID_list_{name}": () for kind in ("prediction", "error", "maxima") for name in results}
    asked = Plotting(**lists | {"prediction_ID_list_test": (0,), "error_ID_list_test": (0,)})
    trained = SimpleNamespace(
        architecture=SimpleNamespace(outputs=data_io.MOTIONS, vbm_unit=None), title="LSTM", history=(), best_epoch=None
    )
    run_figures.save(asked, (NetworkFolder(Path("network")), tmp_path), results, trained, None, pd.DataFrame(), 0.0)
    assert [path.name for path in (tmp_path / "figures").iterdir()] == ["error_test_0_a.png"]
    assert "prediction_test_0_a.png cannot be made (ValueError: x and y" in capsys.readouterr().err
