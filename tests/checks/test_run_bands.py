"""Bands of a run with three networks that are right but for noise, from the file of a training with folds."""

import dataclasses
import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import metrics
import outputs
from checks import bands, run_bands
from checks.run_bands import OutOfFold
from data_io import MOTIONS, Record
from networks.network_folder import NetworkFolder
from prediction import PredictedSet, Prediction
from settings import Config, SaveData, UserInput
from system.run_folder import RunFolder

STEPS, COUNT = 200, 12


@dataclasses.dataclass(frozen=True)
class Run:
    networks: int
    config: Config
    sets: dict
    predictions: dict

    def bands(self, **user) -> run_bands.Bands | None:
        standardization = SimpleNamespace(output_deviation=(1.0, 5.0, 2.0))
        architecture = SimpleNamespace(outputs=MOTIONS, standardization=standardization)
        user, folder = UserInput(**user), NetworkFolder(self.config.network_folder)
        unseen = run_bands.out_of_fold(user, folder, self.networks)
        return run_bands.of_run(user, folder, architecture, self.sets, self.predictions, unseen)


def run_of(networks: int, records, unseen: int = 1) -> Run:
    """records: of each the set, the name, LAMP's motions (step, 3) and what the networks predict (network, step, 3), of
    which the first (unseen) have not seen the record.
    """
    sets, predictions = ({name: [] for name in ("train", "val", "test")} for _ in range(2))
    out_of_fold = {}
    for set_name, name, motions, predicted in records:
        sets[set_name].append(Record(name, 0.1 * np.arange(STEPS), motions, motions, motions, {"sc": name}))
        prediction, digest = Prediction(predicted.mean(axis=0), predicted.std(axis=0)), sets[set_name][-1].digest
        out_of_fold[digest] = predicted[:unseen].mean(axis=0)
        if set_name == "val":  # as outputs.predict_sets has them
            prediction = OutOfFold(out_of_fold, networks, unseen).calibration_prediction(digest, prediction)
        predictions[set_name].append(prediction)
    config = Config()
    config.network_folder.mkdir(parents=True)
    folder = NetworkFolder(config.network_folder)
    folder.model.touch()
    folder.write_metadata({"network": {"outputs": MOTIONS}})
    folder.save_out_of_fold(out_of_fold, [name for _, name, *_ in records])
    return Run(networks, config, sets, predictions)


@pytest.fixture
def run() -> Run:
    rng, records = np.random.default_rng(1), []
    for set_name, count in {"train": COUNT - 2, "val": 2, "test": 3}.items():
        for n in range(count):
            motions, error = rng.normal(size=(STEPS, 3)) * [1, 5, 2], 0.1 if n % 2 else 0.2
            height = "1" if n % 2 else ("5", "5.0", "4.99999999")[n % 3]  # two sea states, one of several spellings
            name = f"SC_h{height}_p9_a90_hh0_pp{n}_aa0_s10-{len(records)}"
            records.append((set_name, name, motions, motions + error * rng.normal(size=(3, STEPS, 3))))
    return run_of(3, records)


def test_a_training_calibrates_and_a_later_run_loads(run, capsys):
    trained = run.bands()
    assert trained.calibration.num_records == COUNT and trained.level == 90
    assert "19 for 95 %" in capsys.readouterr().out
    sets = trained.by_record["set"].unique().tolist()
    assert sets == ["val", "val, its sea state left out", "test"]
    run_bands.save_report(run.config.output_folder, trained)
    table = pd.read_csv(run.config.output_folder / RunFolder.BANDS)
    own = table.query("set == 'val' and level == 90")
    assert (own["covered"] > 0.85).all() and (own["records"] == COUNT).all()
    assert (table.loc[table["set"] == "test", "basis"] == "measured").all()
    assert own["basis"].unique().tolist() == ["check of the calibration with itself"]
    told = capsys.readouterr().out
    assert "Bands of 90 %" in told and "val (check of the calibration with itself), Zcg: " in told
    loaded = run.bands(training_mode=False)
    assert loaded.by_record["set"].unique().tolist() == ["test"]
    bounds = loaded.bounds(run.sets["test"][0].time, run.predictions["test"][0])
    assert np.array_equal(bounds, trained.bounds(run.sets["test"][0].time, run.predictions["test"][0]))
    inside = (bounds[..., 0] < run.sets["test"][0].targets) & (run.sets["test"][0].targets < bounds[..., 1])
    table = loaded.by_record.query("level == 90").set_index(["record", "channel"])
    assert inside.mean(axis=0) == pytest.approx(table.loc[run.sets["test"][0].name, "covered"].to_numpy())
    assert table["covered"].mean() > 0.85  # single records may be covered worse: their errors differ by a factor of two


def test_only_records_of_known_sea_states_are_left_out_by_sea_state(run, monkeypatch):
    for n, set_name in ((0, "train"), (1, "train")):
        run.sets[set_name][n] = dataclasses.replace(run.sets[set_name][n], name=f"run-{n}")
    with np.load(run.config.network_folder / "out_of_fold.npz") as file:
        kept = dict(file)
    kept |= {f"run-{n}": kept[name] for n, name in enumerate(list(kept)[:2])}
    np.savez(run.config.network_folder / "out_of_fold.npz", **kept)
    groups, left_out = [], bands.left_out
    monkeypatch.setattr(bands, "left_out", lambda *args: groups.append(args[1]) or left_out(*args))
    run.bands()
    assert len(groups[0]) == COUNT and len(set(groups[0])) == COUNT
    assert len(groups[1]) == COUNT - 2 and set(groups[1]) == {f"h{h}_p9_a90_hh0_pp0_aa0_s10" for h in (1, 5)}


def test_out_of_fold_predictions_of_other_content_calibrate_nothing(run):
    first = run.sets["val"][0]
    run.sets["val"][0] = dataclasses.replace(first, sources={"sc": "other content"})
    assert run.bands().calibration.num_records == COUNT - 1


def test_a_network_with_damaged_out_of_fold_predictions_keeps_its_calibration(run):
    trained = run.bands()
    np.savez(run.config.network_folder / "out_of_fold.npz", SC_1=np.zeros((STEPS, 3)))
    again = run.bands()  # as after resume = True on a finished network
    assert again.calibration.num_records == trained.calibration.num_records


@pytest.mark.parametrize("wanted", [True, False])
def test_texts_have_the_bounds_behind_the_present_columns(run, wanted):
    bands = run.bands()
    config = dataclasses.replace(run.config, save=SaveData(bands=wanted, train=(), val=(), test=(0,)))
    results = {name: PredictedSet(run.sets[name], run.predictions[name]) for name in run.sets}
    outputs.save_predictions(config.save, results, outputs.texts_of_run(config, bands))
    (file,) = run.config.output_folder.glob("*.txt")
    table = pd.read_csv(file, sep=r"\s+")
    bounds = ["Zcg_lower", "Zcg_upper", "Roll_lower", "Roll_upper", "Pitch_lower", "Pitch_upper"]
    assert list(table) == ["Time", *MOTIONS, *bounds * wanted]
    assert not wanted or ((table["Roll_lower"] < table["Roll"]) & (table["Roll"] < table["Roll_upper"])).all()


def test_what_the_table_of_records_says_from_the_bands(run):
    found = run.bands(training_mode=False) if run.bands() else None
    record, prediction = run.sets["test"][0], run.predictions["test"][0]
    about = found.of_record(record.time, prediction)
    error = np.sqrt(((record.targets - prediction.mean) ** 2).mean(axis=0))
    for k, name in enumerate(MOTIONS):
        assert 0.5 < about[f"expected_rmse_{name}"] / error[k] < 2
        largest = metrics.magnitudes(record.targets[:, k], name).max()
        assert about[f"largest_{name}_lower"] < largest < about[f"largest_{name}_upper"]


def test_the_transient_does_not_count(run):
    as_it_is = run.bands().calibration.factor
    for records in run.sets.values():
        for record in records:
            record.targets[:40] += 100.0
    assert (run.bands(transient_time=4.0).calibration.factor < 1.5 * as_it_is).all()
    assert (run.bands().calibration.factor > 5 * as_it_is).any()


DAMAGED = ("{}", "[]", "no JSON", '{"channels": ["Zcg"], "levels": [], "num_records": 3}')


@pytest.mark.parametrize("text", [*DAMAGED, None])
def test_with_a_damaged_calibration_there_are_no_bands(run, text, capsys):
    run.bands()
    path = run.config.network_folder / "calibration.json"
    path.write_text(path.read_text().replace("[50, 80, 90]", "[50, 80]") if text is None else text)
    assert run.bands(training_mode=False) is None
    assert "cannot be read" in capsys.readouterr().err


def test_without_folds_there_are_no_bands(run, capsys):
    folder = NetworkFolder(run.config.network_folder)
    folder.out_of_fold.unlink()
    assert not run_bands.are_possible(folder) and run.bands() is None
    assert "num_folds" in capsys.readouterr().out


def test_bands_are_wide_enough_where_networks_know_their_own_records_by_heart():
    rng, records = np.random.default_rng(2), []
    for n in range(60):
        set_name, motions = "train" if n < 30 else "test", rng.normal(size=(STEPS, 3))
        errors = rng.normal(size=(1, STEPS, 3)) + 0.3 * rng.normal(size=(4, STEPS, 3))  # much the same for all
        if set_name == "train":
            errors[1:] *= 0.05  # all but the first have seen the record
        records.append((set_name, f"SC-{n}", motions, motions + errors))
    covered = run_of(4, records).bands().by_record.query("set == 'test' and level == 90")["covered"]
    assert covered.mean() > 0.85


@pytest.mark.parametrize("folds, members", [(4, 2), (2, 3)])
def test_bands_of_folds_with_several_networks_each(folds, members):
    """57 to 81 % with the variance between all networks taken for that of the mean of a fold."""
    rng, records = np.random.default_rng(3), []
    for n in range(60):
        motions = rng.normal(size=(STEPS, 3))
        errors = 0.3 * rng.normal(size=(1, STEPS, 3)) + rng.normal(size=(folds * members, STEPS, 3))
        records.append(("train" if n < 20 else "test", f"SC-{n}", motions, motions + errors))
    bands = run_of(folds * members, records, members).bands(num_networks=members)
    table = bands.by_record.query("set == 'test' and level == 90")
    assert 0.86 < table["covered"].mean() < 0.95
    assert (table["expected_rmse"] / table["rmse"]).mean() == pytest.approx(1, abs=0.15)


def test_records_within_the_transient_have_no_bands_and_cost_nothing(run):
    for name in ("train", "test"):
        run.sets[name][0] = dataclasses.replace(run.sets[name][0], time=0.01 * np.arange(STEPS))
    bands = run.bands(transient_time=4.0)
    assert (
        bands.calibration.num_records == COUNT - 1 and bands.by_record.query("set == 'test'")["record"].nunique() == 2
    )


def test_a_loaded_network_has_the_folds_it_was_trained_with_whatever_the_input_file_has(run, capsys):
    run.bands()
    folder = run.config.network_folder
    (folder / "model.keras").touch()
    (folder / "settings.json").write_text(json.dumps({"folds": [{}, {}], "network": {"outputs": MOTIONS}}))
    assert run_bands.unseen_networks(UserInput(training_mode=False, num_networks=1), NetworkFolder(folder), 6) == 3
    assert run_bands.unseen_networks(UserInput(num_networks=2), NetworkFolder(folder), 6) == 2
    assert dataclasses.replace(run, networks=4).bands(training_mode=False) is not None
    assert "takes the 2 networks of a fold for one" in capsys.readouterr().err
    path = folder / "calibration.json"
    path.write_text(path.read_text().replace('"own": 1', '"own": 2'))
    assert dataclasses.replace(run, networks=4).bands(training_mode=False).calibration.own == 2
    assert capsys.readouterr().err == ""
