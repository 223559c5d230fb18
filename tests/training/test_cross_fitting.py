"""Cross-fitting: which records each network leaves out, and what the folds give together."""

import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest
from test_network import configure, make_record, make_sets, untrained

import network
import outputs
import training
from checks import run_bands
from networks.network_folder import NetworkFolder
from prediction import Predictor
from settings import DEFAULT_NAME
from system.errors import InputError
from system.workers import Workers
from training import cross_fitting
from training.checkpoints import finish
from training.cross_fitting import deal, split
from training.resume import BY_CTRL_C, find_training

pytestmark = pytest.mark.xdist_group("cross_fitting")  # its tests share costly fixtures

FOLDER = Path("saved_models") / DEFAULT_NAME
USER = {"hidden_size": 4, "time_res": 2, "epochs": 2, "num_batches": 3, "num_folds": 2, "mirror_symmetry": True}
HISTORY = {"epoch": [1, 2], "elapsed_s": [1.0, 2.0], "loss": 1.0, "val_loss": [0.5, 0.6], "learning_rate": 0.01}
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
    spelled = [name.replace("_h5_p12", ("_h5.0_p12", "_H5_p1.2e1")[n % 2]) for n, name in enumerate(names)]
    spelled = [name.replace("_a0_", ("_a360_", "_a-360_")[n % 2]) + "_v2" for n, name in enumerate(spelled)]
    assert np.array_equal(deal(spelled, 4, seed=1), dealt)
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
    found = NetworkFolder(FOLDER).load_out_of_fold()
    records = {record.digest: record for record in (*SETS["train"], *SETS["val"])}
    assert found.keys() == records.keys()
    record = SETS["test"][0]
    mean = Predictor(trained).predict([record.inputs])[0].mean
    alone = keras.models.load_model(FOLDER / "model.keras", compile=False)
    np.testing.assert_allclose(mean[::2], alone.predict(record.inputs[None, ::2], verbose=0)[0], atol=1e-4)
    for digest, prediction in found.items():  # one of the two networks has seen the record, the other has not
        assert prediction.shape == records[digest].targets.shape
        of_both = Predictor(trained, with_spread=True).predict([records[digest].inputs])[0]
        assert 0.3 < np.median(np.abs(prediction - of_both.mean) / of_both.spread) < 3


def test_val_loss_is_that_of_the_out_of_fold_predictions(trained):
    found, s = NetworkFolder(FOLDER).load_out_of_fold(), trained.architecture.standardization
    errors = [
        ((found[record.digest] - record.targets) / s.output_deviation) ** 2 for record in (*SETS["train"], *SETS["val"])
    ]
    history = pd.read_csv(FOLDER / "history.csv")
    assert history["val_loss"].min() == pytest.approx(np.concatenate(errors).mean(), rel=0.01)
    assert len(history) == 2 and np.all(np.diff(history["elapsed_s"]) > 0)


def test_the_reports_validation_is_out_of_fold(trained):
    unseen = run_bands.out_of_fold(configure(**USER).user, NetworkFolder(FOLDER), 2)
    results = outputs.predict_sets(Predictor(trained, with_spread=True), SETS, unseen)
    assert np.array_equal(results["val"].motions(0).network, unseen.predictions[SETS["val"][0].digest])
    joint = outputs.with_out_of_fold(results, unseen)
    assert len(joint["val"].records) == len(joint["val"]) == 4 and len(joint["train"]) == 3


def test_records_of_equal_names_and_other_content_are_predicted_by_the_mean_of_the_networks(trained, capsys):
    unseen = run_bands.out_of_fold(configure(**USER).user, NetworkFolder(FOLDER), 2)
    predictor = Predictor(trained, with_spread=True)
    others = {
        name: tuple(
            dataclasses.replace(make_record(len(r.time), 900 + n), name=r.name) for n, r in enumerate(SETS[name])
        )
        for name in SETS
    }
    results = outputs.predict_sets(predictor, others, unseen)
    expected = predictor.predict([others["val"][0].inputs])[0]
    assert np.array_equal(results["val"].motions(0).network, expected.mean)
    assert np.array_equal(results["val"].predictions[0].spread, expected.spread)
    (line,) = capsys.readouterr().err.splitlines()
    assert SETS["val"][0].name in line and "mean of its networks, not out of fold" in line
    assert outputs.with_out_of_fold(results, unseen)["val"] is results["val"]
    renamed = {name: tuple(dataclasses.replace(r, name=f"x{r.name}") for r in SETS[name]) for name in SETS}
    joint = outputs.with_out_of_fold(outputs.predict_sets(predictor, renamed, unseen), unseen)
    assert len(joint["val"]) == 4 and not capsys.readouterr().err


OUT_OF_FOLD = {
    "rows": {"rows": [3, 3]},
    "not a number": {"predictions": np.full((5, 2), np.nan)},
    "channels": {"predictions": np.zeros((5, 3))},
    "no digests": {"digests": None},
}


@pytest.mark.parametrize("damage", OUT_OF_FOLD)
def test_damaged_out_of_fold_predictions_are_an_error(tmp_path, damage):
    folder, names = network_of(tmp_path), ["file", "digests", "arr_0", "a/b", "x" * 200, "FILE"]
    predictions = {f"{n:032x}": np.full((n + 1, 2), n, np.float32) for n in range(len(names))}
    folder.save_out_of_fold(predictions, names)
    loaded = folder.load_out_of_fold()
    assert loaded.keys() == predictions.keys()
    assert all(np.array_equal(loaded[digest], predictions[digest]) for digest in loaded)
    with np.load(folder.out_of_fold) as arrays:
        kept = {**arrays, **OUT_OF_FOLD[damage]}
    np.savez(folder.out_of_fold, **{name: np.array(value) for name, value in kept.items() if value is not None})
    with pytest.raises(InputError, match="cannot be read .* its predictions are not used") as caught:
        folder.load_out_of_fold()
    assert len(caught.value.lines) == 1


def network_of(path: Path) -> NetworkFolder:
    """A folder that says that its network has two outputs."""
    folder = NetworkFolder(path)
    folder.model.touch()
    folder.write_metadata({"network": {"outputs": ["Zcg", "Roll"]}})
    return folder


def test_out_of_fold_predictions_of_other_channels_are_not_used_and_the_network_is(trained, capsys):
    config, folder = configure(**USER, training_mode=False, model_load_filename=DEFAULT_NAME), NetworkFolder(FOLDER)
    kept = folder.out_of_fold.read_bytes()
    try:
        predictions = folder.load_out_of_fold()
        folder.save_out_of_fold({digest: array[:, :2] for digest, array in predictions.items()}, list(predictions))
        predictor = Predictor(network.load(config), with_spread=True)
        unseen = run_bands.out_of_fold(config.user, NetworkFolder(FOLDER), 2)
        results = outputs.predict_sets(predictor, SETS, unseen)
        assert np.array_equal(results["val"].predictions[0].mean, predictor.predict([SETS["val"][0].inputs])[0].mean)
        assert outputs.with_out_of_fold(results, unseen) is results
        (line,) = capsys.readouterr().err.splitlines()
        assert "expected 300 rows of Zcg, Roll, Pitch" in line and "train the network again" in line
    finally:
        folder.out_of_fold.write_bytes(kept)


def test_records_of_the_same_content_are_dealt_to_one_fold():
    records = [*SETS["train"], *SETS["val"]]
    twins = [dataclasses.replace(record, name=f"twin_{record.name}") for record in records]
    folds = split((*records, *twins), configure(**USER), seed=3)
    for fold in folds:
        assert not {r.digest for r in fold.sets["train"]} & {r.digest for r in fold.sets["val"]}
        assert len(fold.sets["val"]) == 4


def save_finished(config, stopped: str, seed: int = 0) -> NetworkFolder:
    """A network of two epochs, as its training leaves it."""
    network_of_fold = untrained(seed, hidden_size=4, time_res=2)
    trained = dataclasses.replace(network_of_fold, history=pd.DataFrame(HISTORY), best_epoch=1)
    folder, metadata = (
        NetworkFolder(config.network_folder),
        network.new_metadata(config.as_dict(), trained.architecture),
    )
    finish(trained, folder.begin_training(), folder, metadata, stopped)
    return folder


def test_folds_stopped_by_ctrl_c_do_not_take_the_place_of_a_finished_network(monkeypatch):
    def trained_until(stopped: str):
        def train_folds(folds, *_):
            for k, fold in enumerate(folds):
                save_finished(fold.config, stopped if k else "all epochs done", seed=k)

        return train_folds

    monkeypatch.setattr(cross_fitting, "train_folds", trained_until("all epochs done"))
    training.train(configure(**USER), SETS)
    finished = {path: path.read_bytes() for path in FOLDER.rglob("*.*")}
    monkeypatch.setattr(cross_fitting, "train_folds", trained_until(BY_CTRL_C))
    with pytest.raises(InputError, match=r"stays as it is; the interrupted training is in .*\.folds: resume = True"):
        training.train(configure(**USER), SETS)
    assert {path: path.read_bytes() for path in FOLDER.rglob("*.*")} == finished
    monkeypatch.setattr(cross_fitting, "train_folds", lambda *_: None)  # those that were stopped are finished then
    folds = FOLDER.with_name(f"{DEFAULT_NAME}.folds")
    for file in folds.glob("fold_*/settings.json"):
        file.write_text(file.read_text().replace(BY_CTRL_C, "all epochs done"))
    training.train(configure(**USER, resume=True), SETS)
    assert not folds.exists() and {path: path.read_bytes() for path in FOLDER.rglob("*.*")} != finished
    monkeypatch.setattr(cross_fitting, "train_folds", trained_until("all epochs done"))
    training.train(configure(**USER, model_save_filename="mine"), SETS)
    with pytest.raises(InputError, match="holds another experiment"):
        training.train(configure(**USER, model_save_filename="mine"), {**SETS, "val": SETS["test"]})


def test_a_finished_network_of_folds_is_used_as_it_is(trained, capsys):
    again = training.train(configure(resume=True, **USER), SETS)
    assert "is finished" in capsys.readouterr().out
    assert all(map(np.array_equal, again.model.get_weights(), trained.model.get_weights()))


def test_a_finished_network_of_folds_is_not_used_for_other_data(trained, capsys):
    assert find_training(configure(resume=True, **USER), "the fingerprint of other files") is None
    assert "the files of the train and val sets have changed" in capsys.readouterr().out


def test_fewer_records_than_folds_are_refused(tmp_path):
    with pytest.raises(InputError, match="num_folds = 5: the train and val lists have 4 realizations"):
        training.train(configure(**(USER | {"num_folds": 5})), SETS)
    assert not list(tmp_path.rglob("*.json"))


@pytest.mark.parametrize("which", ["train_fun_hyp", "val_fun_hyp"])
def test_an_objective_without_weight_is_reported_once_and_before_anything_is_written(tmp_path, which):
    with pytest.raises(InputError) as caught:
        training.train(configure(**USER, **{which: (3, 15.0, 0.0)}), SETS)
    (line,) = caught.value.lines
    assert line.startswith(f"UserInputArgs.{which} = [3, 15.0, 0.0] has no weight on any sample")
    assert "|y| >= 15" in line
    assert not list(tmp_path.rglob("*.json"))


def test_an_interrupted_cross_fitting_is_replaced_on_request_alone(monkeypatch, capsys):
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


@pytest.mark.parametrize("at_once", [1, 2])
def test_the_time_of_all_folds_grows_also_where_some_end_earlier(at_once):
    def fold(epochs: int, seconds: float) -> SimpleNamespace:
        rows = {"epoch": range(1, epochs + 1), "elapsed_s": seconds * np.arange(1, epochs + 1), "val_loss": 1.0}
        record = SimpleNamespace(time=np.arange(10))
        return SimpleNamespace(history=lambda: pd.DataFrame(rows), sets={"val": (record,)})

    history = cross_fitting.joint_history([fold(2, 30.0), fold(4, 10.0)], at_once)
    in_turn = 2 / at_once
    assert history["elapsed_s"].tolist() == [in_turn * mean for mean in (20.0, 40.0, 45.0, 50.0)]


@pytest.mark.parametrize(
    ("elapsed", "before", "finished", "at_once", "left"),
    [
        ([[], []], [0, 0], [False] * 2, 2, np.nan),
        ([[6.0], []], [0, 0], [False] * 2, 2, 60.0),
        ([[6.0], []], [0, 0], [False] * 2, 1, 54.0 + 60.0),
        ([[6.0, 12.0], []], [0, 0], [True, False], 2, 60.0),  # it has ended early
        ([[6.0] * 10, [6.0] * 10], [0, 0], [True] * 2, 2, 0.0),
        ([[1.0, 2.0, 3.0], []], [3, 0], [False] * 2, 1, 7.0 + 10.0),  # resumed, no epoch yet: the earlier pace
        ([[1.0, 2.0, 32.0], []], [2, 0], [False] * 2, 1, 210.0 + 300.0),  # resumed on a slower machine
        ([[1.0, 2.0, 32.0], [1.0], []], [2, 1, 0], [False] * 3, 2, 210.0 + 300.0),
        ([[1.0] * 10, [1.0], [1.0]], [10, 1, 1], [True, False, False], 2, 9.0),
    ],
)
def test_the_time_left_for_all_folds(elapsed, before, finished, at_once, left):
    user = configure(**USER | {"epochs": 10}).user
    args = (elapsed, before, finished)
    np.testing.assert_allclose(cross_fitting.time_of_folds_left(*args, user, at_once), left)
    limited = configure(**USER | {"epochs": 10, "max_minutes": 0.5}).user
    assert not cross_fitting.time_of_folds_left(*args, limited, at_once) > 30.0 * -(-len(elapsed) // at_once)


def test_a_resumed_cross_fitting_says_which_folds_go_on(monkeypatch, capsys):
    folds = split((*SETS["train"], *SETS["val"]), configure(**USER | {"num_folds": 3, "epochs": 46}), seed=3)
    for fold, epochs, state in ((folds[0], 1, False), (folds[1], 4, True)):
        own = fold.config.network_folder
        own.mkdir(parents=True)
        rows = {"epoch": range(1, epochs + 1), "elapsed_s": 6.0 * np.arange(1, epochs + 1), "val_loss": 1.0}
        rows |= {"loss": 1.0, "learning_rate": 0.1}
        pd.DataFrame(rows).to_csv(own / "history.csv", index=False)
        (own / "model.keras").touch()
        if state:
            (own / "training_state.npz").touch()
    report = cross_fitting.Report(folds, 3, Workers(3))
    report.update()
    said = capsys.readouterr().out
    assert "Resuming: fold 1 finished (1 epoch), fold 2 after epoch 4, fold 3 from the beginning" in said
    assert "5 of 138 epochs" in said and "at most 4 min 36 s left" in said


def test_a_fold_that_ctrl_c_ended_goes_on(capsys):
    config = configure(**USER | {"epochs": 9, "resume": True})
    folds = split((*SETS["train"], *SETS["val"]), config, seed=3)
    first, _ = (save_finished(fold.config, BY_CTRL_C) for fold in folds)
    first.checkpoints.mkdir()
    first.kept_state.touch()
    cross_fitting.Report(folds, 3, Workers(2))
    assert "Resuming: fold 1 after epoch 2, fold 2 finished (2 epochs)" in capsys.readouterr().out


def test_folds_that_ctrl_c_ended_are_not_said_to_go_on(capsys):
    config = configure(**USER | {"model_save_filename": "mine"})
    save_finished(config, BY_CTRL_C)
    assert find_training(config, "")
    said = capsys.readouterr().out
    assert "stopped by Ctrl-C), which is used as it is; to train it again" in said


@pytest.mark.parametrize("content", [b"", b"\0" * 300, b"\xff\xfe\n1,2", b"epoch,elapsed_s\n1,2\n"])
def test_a_damaged_history_is_that_of_a_fold_not_begun(content):
    fold = split(SETS["train"], configure(**USER), seed=3)[0]
    fold.config.network_folder.mkdir(parents=True)
    (fold.config.network_folder / "history.csv").write_bytes(content)
    assert len(fold.history()) == 0
