"""Cross-fitting: which records each network leaves out, and what the folds give together."""

import json
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest
from test_network import configure, make_sets

import network
import outputs
import training
from prediction import Predictor, load_out_of_fold
from settings import DEFAULT_NAME
from support.cores import cores
from support.errors import InputError
from training import cross_fitting
from training.cross_fitting import deal, split
from training.resume import find_training

pytestmark = pytest.mark.xdist_group("cross_fitting")  # its tests share costly fixtures

FOLDER = Path("saved_models") / DEFAULT_NAME
USER = {"hidden_size": 4, "time_res": 2, "epochs": 2, "num_batches": 3, "num_folds": 2, "mirror_symmetry": True}
SETS = make_sets(rows=(90, 80, 70), val_rows=(60,), test_rows=(50,))


@pytest.fixture(scope="module")
def folds_folder(tmp_path_factory):
    """A folder with a network of two folds: trained once, as each fold is a process that starts TensorFlow."""
    folder = tmp_path_factory.mktemp("folds")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        training.train(configure(**USER), SETS)
    return folder


@pytest.fixture
def trained(folds_folder, monkeypatch):
    monkeypatch.chdir(folds_folder)
    return network.load_network(FOLDER)


def test_records_are_dealt_evenly_over_folds_and_sea_states():
    names = [f"SC_h5_p12_a{heading}_hh0_pp0_aa0_s10-{n:07d}" for heading in (0, 90, 180) for n in range(8)]
    dealt = deal(names, 4, seed=1)
    assert np.bincount(dealt).tolist() == [6, 6, 6, 6]
    for first in (0, 8, 16):
        assert np.bincount(dealt[first : first + 8]).tolist() == [2, 2, 2, 2]
    assert not np.array_equal(dealt, deal(names, 4, seed=2))
    assert sorted(np.bincount(deal(["a", "b", "c", "d", "e"], 2, seed=1))) == [2, 3]  # names without handles


def test_each_record_is_left_out_once_and_learned_else():
    folds = split((*SETS["train"], *SETS["val"]), configure(**USER), seed=3)
    left_out = [record.name for fold in folds for record in fold.sets["val"]]
    names = [record.name for record in (*SETS["train"], *SETS["val"])]
    assert sorted(left_out) == sorted(names)
    for fold in folds:
        assert {r.name for r in fold.sets["train"]} == set(names) - {r.name for r in fold.sets["val"]}
    assert len({fold.config.user.seed for fold in folds}) == len({fold.config.network_folder for fold in folds}) == 2


def test_one_plain_network_and_its_out_of_fold_predictions_are_left(trained):
    assert not FOLDER.with_name(f"{DEFAULT_NAME}.folds").exists()
    metadata = json.loads((FOLDER / "settings.json").read_text(encoding="utf-8"))
    assert metadata["finished"] and len(metadata["folds"]) == trained.architecture.num_networks == 2
    found = load_out_of_fold(FOLDER)
    records = {record.digest: record for record in (*SETS["train"], *SETS["val"])}
    assert found.keys() == records.keys()
    record = SETS["test"][0]
    mean = Predictor(trained).predict([record.inputs])[0]
    alone = keras.models.load_model(FOLDER / "model.keras", compile=False)
    np.testing.assert_allclose(mean[::2], alone.predict(record.inputs[None, ::2], verbose=0)[0], atol=1e-4)
    for digest, prediction in found.items():  # one of the two networks has seen the record, the other has not
        assert prediction.shape == records[digest].targets.shape
        mean, spread = np.split(Predictor(trained, with_spread=True).predict([records[digest].inputs])[0], 2, axis=1)
        assert 0.3 < np.median(np.abs(prediction - mean) / spread) < 3


def test_val_loss_is_that_of_the_out_of_fold_predictions(trained):
    found, s = load_out_of_fold(FOLDER), trained.architecture.standardization
    errors = [
        ((found[record.digest] - record.targets) / s.output_deviation) ** 2 for record in (*SETS["train"], *SETS["val"])
    ]
    history = pd.read_csv(FOLDER / "history.csv")
    assert history["val_loss"].min() == pytest.approx(np.concatenate(errors).mean(), rel=0.01)
    assert len(history) == 2 and np.all(np.diff(history["elapsed_s"]) > 0)


def test_the_reports_validation_is_out_of_fold(trained):
    config = configure(**USER)
    results = outputs.predict_sets(config, Predictor(trained, with_spread=True), SETS)
    found = load_out_of_fold(FOLDER)
    assert np.array_equal(results["val"][0][2], found[SETS["val"][0].digest])
    joint = outputs._with_out_of_fold(config, results)
    assert len(joint["val"].records) == len(joint["val"]) == 4 and len(joint["train"]) == 3


def test_a_finished_network_of_folds_is_used_as_it_is(trained, capsys):
    again = training.train(configure(resume=True, **USER), SETS)
    assert "is finished" in capsys.readouterr().out
    assert all(map(np.array_equal, again.model.get_weights(), trained.model.get_weights()))


def test_a_finished_network_of_folds_is_not_used_for_other_data(trained, capsys):
    assert find_training(configure(resume=True, **USER), "the fingerprint of other files") is None
    assert "the files of the train and val sets have changed" in capsys.readouterr().out


def test_fewer_records_than_folds_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="num_folds = 5: the train and val lists have 4 realizations"):
        training.train(configure(**(USER | {"num_folds": 5})), SETS)
    assert not list(tmp_path.rglob("*.json"))


@pytest.mark.parametrize("which", ["train_fun_hyp", "val_fun_hyp"])
def test_an_objective_without_weight_is_reported_once_and_before_anything_is_written(tmp_path, monkeypatch, which):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as caught:
        training.train(configure(**USER, **{which: (3, 15.0, 0.0)}), SETS)
    (line,) = caught.value.lines
    assert line.startswith(f"UserInputArgs.{which} = [3, 15.0, 0.0] has no weight on any sample")
    assert "|y| >= 15" in line
    assert not list(tmp_path.rglob("*.json"))


def test_an_interrupted_cross_fitting_is_replaced_on_request_alone(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def cut(*_):
        raise InputError("cut")

    monkeypatch.setattr(cross_fitting, "train_folds", cut)
    with pytest.raises(InputError, match="cut"):
        training.train(configure(**USER), SETS)
    assert "interrupted" not in capsys.readouterr().err
    before = (work := Path(f"{FOLDER}.folds") / "settings.json").read_bytes()
    with pytest.raises(InputError, match="resume = True to continue it, or overwrite = True"):
        training.train(configure(**USER), SETS)
    with pytest.raises(InputError, match="lr was 0.01 and is now 0.02"):
        training.train(configure(**USER, resume=True, lr=0.02), SETS)
    assert work.read_bytes() == before
    with pytest.raises(InputError, match="cut"):
        training.train(configure(**USER, overwrite=True), SETS)
    assert f"the interrupted cross-fitting in {FOLDER}.folds is replaced" in capsys.readouterr().err


def test_the_time_of_all_folds_grows_also_where_some_end_earlier():
    def fold(epochs: int, seconds: float) -> SimpleNamespace:
        rows = {"epoch": range(1, epochs + 1), "elapsed_s": seconds * np.arange(1, epochs + 1), "val_loss": 1.0}
        record = SimpleNamespace(time=np.arange(10))
        return SimpleNamespace(history=lambda: pd.DataFrame(rows), sets={"val": (record,)})

    history = cross_fitting.joint_history([fold(2, 30.0), fold(4, 10.0)])
    in_turn = 2 / min(cores(), 2)
    assert history["elapsed_s"].tolist() == [in_turn * mean for mean in (20.0, 40.0, 45.0, 50.0)]
