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
from results import run_figures, without_lamp
from settings import Config, DataInfo, Plotting, SaveData, UserInput
from system.errors import InputError
from system.run_folder import RunFolder


class Echo(Predictor):
    """A predictor that returns SimpleCode's motions as those of two networks, and counts the records at a time."""

    def __init__(self, channels=data_io.MOTIONS):
        self.batches: list[int] = []
        self.channels = channels

    def predict(self, inputs, with_members=False):
        self.batches.append(len(inputs))
        motions = [array[:, : len(self.channels)] for array in inputs]
        return [Prediction(each, members=np.stack([each, each], axis=1) if with_members else None) for each in motions]


def predict(config: Config, predictor=None) -> without_lamp.PredictedFleet:
    return without_lamp.predict_without_lamp(config, predictor or Echo(), outputs.texts_of_run(config, None))


@pytest.fixture
def many(tmp_path, monkeypatch) -> Config:
    monkeypatch.chdir(tmp_path)
    pairs = [write_realization(tmp_path / "data", f"_{i}", rows=30 + i, seed=i) for i in range(5)]
    sc, lamp = zip(*pairs, strict=True)
    return Config(user=UserInput(time_res=2), data=DataInfo(predict_sc=sc, predict_waves=lamp))


def test_records_without_lamp_are_held_a_few_at_a_time(many, monkeypatch, capsys):
    monkeypatch.setattr(without_lamp, "RECORDS_AT_ONCE", 2)
    predictor = Echo()
    assert predict(many, predictor) == without_lamp.PredictedFleet([], None, [], 5)
    assert predictor.batches == [2, 2, 1]
    assert "Predicted 5 of 5" in capsys.readouterr().out
    for i, sc in enumerate(many.data.predict_sc):
        table = np.loadtxt(many.output_folder / f"lstm_output_for_SC_{i}.txt", skiprows=1)
        assert np.allclose(table, text_tables.read_columns(f"{sc}.mot", text_tables.SC_MOT), atol=1e-5)


# ---- portions ------------------------------------------------------------------------------------------------------


@pytest.fixture
def cut_off(many, monkeypatch) -> Config:
    """A run of three portions that Ctrl-C ended in the second one."""
    monkeypatch.setattr(without_lamp, "RECORDS_AT_ONCE", 2)
    predicting = Echo.predict

    def interrupted(self, inputs, with_members=False):
        if self.batches:
            raise KeyboardInterrupt
        return predicting(self, inputs, with_members)

    with monkeypatch.context() as patch:
        patch.setattr(Echo, "predict", interrupted)
        with pytest.raises(InputError, match="Ctrl-C when 2 of 5 realizations without LAMP were predicted"):
            predict(many)
    return many


def texts_in(config: Config) -> list[str]:
    return sorted(path.name for path in config.output_folder.glob("*.txt"))


def test_a_run_that_was_cut_off_goes_on_with_what_is_missing(cut_off, capsys):
    assert texts_in(cut_off) == ["lstm_output_for_SC_0.txt", "lstm_output_for_SC_1.txt"]
    first = (cut_off.output_folder / "lstm_output_for_SC_0.txt").stat().st_mtime_ns
    predictor = Echo()
    assert predict(cut_off, predictor) == without_lamp.PredictedFleet([], None, [], 5)
    said = capsys.readouterr().out
    assert predictor.batches == [2, 1] and "Going on: 2 of 5 realizations are predicted already" in said
    assert len(texts_in(cut_off)) == 5 and "Predicted 5 of 5" in said
    assert (cut_off.output_folder / "lstm_output_for_SC_0.txt").stat().st_mtime_ns == first
    with outputs.replacing_earlier_files(cut_off):
        pass
    assert not (cut_off.output_folder / RunFolder.PORTIONS).exists()


def test_a_portion_that_was_cut_off_leaves_nothing_behind(cut_off):
    assert len(list((cut_off.output_folder / RunFolder.PORTIONS).iterdir())) == 1


def change_source(config: Config) -> None:
    path = Path(f"{config.data.predict_sc[0]}.mot")
    path.write_text(path.read_text().replace("1.", "2.", 1))


def cut_summary(config: Config) -> None:
    (path,) = (config.output_folder / RunFolder.PORTIONS).rglob(without_lamp.SUMMARY)
    path.write_bytes(path.read_bytes()[:40])


@pytest.mark.parametrize(
    "change",
    [
        change_source,
        cut_summary,
        lambda config: (config.output_folder / "lstm_output_for_SC_1.txt").unlink(),
        lambda config: dataclasses.replace(config, save=SaveData(prefix="p_")),
        lambda config: config.with_user(transient_time=1.0),
    ],
)
def test_a_portion_made_from_or_for_something_else_is_made_again(cut_off, change):
    config, predictor = change(cut_off) or cut_off, Echo()
    assert predict(config, predictor).number == 5
    assert predictor.batches == [2, 2, 1]


def test_the_same_weights_with_another_row_step_predict_again(cut_off, monkeypatch):
    monkeypatch.setattr(NetworkFolder, "read_metadata", lambda _: {"network": {"row_step": 9}})
    predictor = Echo()
    predict(cut_off, predictor)
    assert predictor.batches == [2, 2, 1]


def test_other_versions_of_the_program_are_not_mixed(cut_off, monkeypatch):
    monkeypatch.setattr(without_lamp, "versions", lambda: {"program": "another"})
    predictor = Echo()
    predict(cut_off, predictor)
    assert predictor.batches == [2, 2, 1]


def test_texts_of_other_records_stay_whichever_run_moved_the_portion(many, tmp_path, monkeypatch, capsys):
    """SC_0 of another folder has been predicted before; the run that renames its namesake is cut off and goes on."""
    monkeypatch.setattr(without_lamp, "RECORDS_AT_ONCE", 2)
    other, wave = write_realization(tmp_path / "other", "_0", rows=40, seed=9)
    predict(dataclasses.replace(many, data=DataInfo(predict_sc=(other,), predict_waves=(wave,))))
    before = (many.output_folder / "lstm_output_for_SC_0.txt").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(without_lamp._Head, "take_ready", lambda self: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            predict(many)
    predict(many)
    assert (many.output_folder / "lstm_output_for_SC_0.txt").read_bytes() == before
    assert "lstm_output_for_SimpleCode_files_SC_0.txt" in texts_in(many) and len(texts_in(many)) == 6
    assert "called by the folder or numbered (first: SimpleCode_files_SC_0)" in capsys.readouterr().err


@pytest.mark.parametrize(("hours", "said"), [(3.0, "5 predictions in place of 15 LAMP hours"), (None, "")])
def test_predictions_in_place_of_lamp_hours(many, capsys, hours, said):
    predict(dataclasses.replace(many, user=UserInput(time_res=2, lamp_hours=hours)))
    assert ("LAMP hours" in capsys.readouterr().out) == bool(said)
    predict(dataclasses.replace(many, user=UserInput(time_res=2, lamp_hours=hours), save=SaveData(prefix="again_")))
    assert said in capsys.readouterr().out.splitlines() or not said


def test_the_lost_text_of_a_renamed_record_is_made_again(many, tmp_path, monkeypatch):
    """Its own name is that of another record's text, which does not count for it."""
    monkeypatch.setattr(without_lamp, "RECORDS_AT_ONCE", 2)
    other, wave = write_realization(tmp_path / "other", "_0", rows=40, seed=9)
    predict(dataclasses.replace(many, data=DataInfo(predict_sc=(other,), predict_waves=(wave,))))
    predict(many)  # as if it was cut off behind the last portion
    renamed = many.output_folder / "lstm_output_for_SimpleCode_files_SC_0.txt"
    content = renamed.read_bytes()
    renamed.unlink()
    predictor = Echo()
    predict(many, predictor)
    assert predictor.batches == [2] and renamed.read_bytes() == content


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
    assert predict(Config()) == without_lamp.PredictedFleet()
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


@pytest.mark.parametrize("name", ["flag_records", "Recorder.of"])
def test_statistics_and_flags_that_fail_cost_no_predictions(many, monkeypatch, capsys, name):
    def fail(*_, **__):
        raise np.linalg.LinAlgError("Singular matrix")

    for module in (outputs, without_lamp):
        if hasattr(module, name.split(".")[0]):
            monkeypatch.setattr(f"{module.__name__}.{name}", fail)
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
    folder = SimpleNamespace(path=Path("network"), moment_unit=lambda: "kN-m")
    run_figures.save(asked, (folder, tmp_path), results, trained, None, pd.DataFrame(), 0.0)
    assert [path.name for path in (tmp_path / "figures").iterdir()] == ["error_test_0_a.png"]
    assert "prediction_test_0_a.png cannot be made (ValueError: x and y" in capsys.readouterr().err
