"""The linear filter: exact where the truth is one, and what decides about its ridge."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
from test_network import configure, make_sets, means, mirrored, standardized_loss, train

import network
from data_io import Record
from network import Architecture
from networks.standardization import Standardization
from networks.symmetry import Symmetry
from prediction import Predictor
from training import linear_fit
from training.history import history_columns
from training.sequences import Sequences

INPUTS, OUTPUTS = ("Zcg", "Roll", "Pitch", "Wave"), ("Zcg", "Roll", "Pitch")
LINEAR = {"network_type": "linear", "time_res": 2}


def filtered_record(rows: int, seed: int, both_ways: bool, symmetric: bool = False, noise: float = 0.0) -> Record:
    """Targets are a known sum of the inputs around each step, which begin and end at rest."""
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(rows, 4)) * [1.0, 5.0, 2.0, 3.0]
    weights = np.random.default_rng(99).normal(size=(4, 8, 3)) / [[[1.0]], [[5.0]], [[2.0]], [[3.0]]]
    if symmetric:  # roll neither gives to nor takes from the rest
        weights[1, :, [0, 2]] = 0
        weights[[0, 2, 3], :, 1] = 0
    inputs -= inputs[140:-140].mean(axis=0)  # beyond a record's ends the filter takes the inputs to be at their mean
    inputs[:140] = inputs[-140:] = 0
    lags = 2 * (np.arange(8) * 8 - (8 if both_ways else 0))  # rows; up to 56 network steps back, 8 ahead
    targets = sum(
        np.roll(inputs[:, [channel]], lag, axis=0) * weights[channel, k]
        for channel in range(4)
        for k, lag in enumerate(lags)
    )
    targets = targets + [2.0, 0.0, -1.0] + noise * rng.normal(size=targets.shape)
    return Record(f"SC_{seed}", 0.1 * np.arange(rows), inputs, targets, inputs[:, :3])


def filtered_sets(**kind) -> dict[str, tuple[Record, ...]]:
    rows = {"train": (900, 801), "val": (700,), "test": (650,)}
    return {
        name: tuple(filtered_record(n, 10 * k + i, **kind) for i, n in enumerate(rows[name]))
        for k, name in enumerate(rows)
    }


@pytest.mark.parametrize("both_ways", [False, True])
@pytest.mark.parametrize("user", [{}, {"predict_correction": True}, {"mirror_symmetry": True}])
def test_a_known_filter_is_recovered(both_ways, user):
    sets = filtered_sets(both_ways=both_ways, symmetric="mirror_symmetry" in user)
    trained = train(sets, bi_directional=both_ways, **LINEAR, **user)
    for record in sets["test"]:
        prediction = Predictor(trained).predict([record.inputs])[0].mean
        assert np.abs(prediction - record.targets).max() < 1e-3 * record.targets.std()
    assert len(trained.history) == 1 and trained.history["val_loss"][0] < 1e-6
    assert standardized_loss(trained, sets, (0, 0.0, 0.0), 2) < 1e-6


def test_what_lies_ahead_is_seen_both_ways_alone():
    sets = filtered_sets(both_ways=True)
    losses = [train(sets, bi_directional=both, **LINEAR).history["val_loss"][0] for both in (False, True)]
    assert losses[1] < 1e-6 < 1e-2 < losses[0]


def test_the_normal_equations_are_those_of_the_lagged_inputs(monkeypatch):
    monkeypatch.setattr(linear_fit, "STEPS_AT_ONCE", 32)
    monkeypatch.setattr(linear_fit, "PARTS_AT_ONCE", 3)
    records = make_sets(rows=(100, 31, 3))["train"]
    sequences = Sequences.of(records, 3, Standardization.of(records), transient=0.15)
    covariance, correlation = 0.0, 0.0
    for inputs, targets in sequences:
        padded = np.pad(inputs.astype(float), ((6, 2), (0, 0)))
        seen = np.column_stack([*(padded[lag : lag + len(inputs)] for lag in range(9)), np.ones(len(inputs))])
        counted = np.isfinite(targets[:, 0])
        covariance += seen[counted].T @ seen[counted]
        correlation += seen[counted].T @ targets[counted].astype(float)
    products = linear_fit.normal_equations(sequences, 6, 2)
    assert 0 < covariance[-1, -1] < len(sequences.inputs)
    assert np.allclose(products.covariance, covariance, atol=1e-9)
    assert np.allclose(products.correlation, correlation, atol=1e-9)


def test_the_validation_set_chooses_the_ridge_of_each_channel_and_the_test_set_nothing():
    sets = filtered_sets(both_ways=False)
    rng = np.random.default_rng(1)
    sets["train"] = tuple(
        dataclasses.replace(r, targets=r.targets + [0, 1, 0] * rng.normal(scale=9, size=r.targets.shape))
        for r in sets["train"]
    )
    fitted = train(sets, **LINEAR)
    ridges = json.loads((configure().network_folder / "settings.json").read_text())["ridges"]
    assert set(ridges) == set(OUTPUTS) and ridges["Roll"] > 1e3 * ridges["Zcg"]
    without_test = train(sets | {"test": ()}, **LINEAR)
    assert all(
        np.array_equal(a, b) for a, b in zip(fitted.model.get_weights(), without_test.model.get_weights(), strict=True)
    )


def test_mirrored_records_make_the_answer_symmetric():
    """Records that heel to one side teach a filter that answers a mirrored sea with mirrored motions."""
    sets = filtered_sets(both_ways=False, noise=0.5)
    sets["train"] = tuple(
        dataclasses.replace(r, inputs=r.inputs + [0, 9, 0, 0], targets=r.targets + [0, 12, 0]) for r in sets["train"]
    )
    x = sets["test"][0].inputs
    differences = []
    for mirror_symmetry in (True, False):
        trained = train(sets, mirror_symmetry=mirror_symmetry, **LINEAR)
        answer, other = means(trained, [x, mirrored(x, INPUTS)])
        differences.append(np.abs(other - mirrored(answer, OUTPUTS))[140:-140].mean())
    assert differences[0] < 0.1 * differences[1]


def seas_from(sides: tuple[float, ...], seed: int, rows: int = 1200) -> Record:
    """Roll that follows the wave, as seas from a side cause it (-1: the other side), and SimpleCode's noisy roll."""
    rng = np.random.default_rng(seed)
    wave = np.convolve(rng.normal(size=rows + 19), np.hanning(20), "valid")
    side = sides[seed % len(sides)]
    roll = side * (2.0 * wave + np.roll(wave, 8))
    simple = np.stack([wave, roll + rng.normal(size=rows), 0.5 * np.roll(wave, 4)], axis=1)
    return Record(
        f"SC_{seed}",
        0.1 * np.arange(rows),
        np.hstack([simple, wave[:, None]]),
        simple * 0 + np.stack([wave, roll, 0.5 * np.roll(wave, 4)], axis=1),
        simple,
    )


@pytest.mark.parametrize(("sides", "says"), [((1.0,), True), ((1.0, -1.0), False)])
def test_the_run_says_where_the_symmetry_costs_a_filter_its_roll(sides, says, capsys):
    sets = {"train": range(4), "val": range(10, 12), "test": ()}
    sets = {name: tuple(seas_from(sides, seed) for seed in seeds) for name, seeds in sets.items()}
    trained = train(sets, mirror_symmetry=True, **LINEAR)
    lines = [line for line in capsys.readouterr().err.splitlines() if "mirror_symmetry" in line]
    assert len(lines) == says
    if says:
        assert "Roll" in lines[0] and "Zcg" not in lines[0] and "one side" in lines[0]
        shown = trained.history["val_rmse_Roll_deg"][0]
        free = train(sets, mirror_symmetry=False, **LINEAR).history["val_rmse_Roll_deg"][0]
        assert f"Roll {shown:.3g} deg ({free:.3g} without)" in lines[0] and shown > 3 * free
        assert "mirror_symmetry" not in capsys.readouterr().err


def test_mirrored_sequences_stand_behind_the_others():
    records = make_sets()["train"]
    s = Standardization.of(records)
    sequences = Sequences.of(records, 3, s)
    both = sequences.with_mirrored(Symmetry.standardized(Architecture.of(configure().user, s)))
    turned = [
        dataclasses.replace(r, inputs=mirrored(r.inputs, INPUTS), targets=mirrored(r.targets, OUTPUTS)) for r in records
    ]
    expected = Sequences.of(turned, 3, s)
    count, steps = len(sequences.starts), len(sequences.inputs)
    assert np.array_equal(both.inputs[:steps], sequences.inputs)
    assert np.allclose(both.inputs[steps:], expected.inputs, atol=1e-5)
    assert np.allclose(both.targets[steps:], expected.targets, atol=1e-5)
    assert np.array_equal(both.starts[count:], steps + expected.starts)
    assert np.array_equal(both.lengths[count:], expected.lengths)


def test_what_is_left_behind_is_that_of_a_network_of_one_epoch():
    trained = train(seed=None, **LINEAR, val_fun_hyp=(1, 0.1, 0.9))
    folder = configure().network_folder
    assert sorted(path.name for path in folder.iterdir()) == ["history.csv", "model.keras", "settings.json"]
    history = pd.read_csv(folder / "history.csv")
    assert list(history) == history_columns(trained.architecture.outputs)
    assert history["epoch"].tolist() == [1] and history["learning_rate"].isna().all()
    expected = standardized_loss(trained, make_sets(), (1, 0.1, 0.9), 2)
    assert history["val_loss"][0] == pytest.approx(expected, rel=1e-3)
    facts = json.loads((folder / "settings.json").read_text())
    assert facts["finished"] and facts["epochs_trained"] == facts["best_epoch"] == 1
    loaded = network.load(configure(training_mode=False, **LINEAR))
    assert loaded.architecture == trained.architecture and loaded.best_epoch == 1


def test_without_a_validation_set_the_train_set_chooses():
    trained = train(make_sets(val_rows=()), **LINEAR)
    assert trained.history["val_loss"].isna().all() and trained.history["loss"][0] < 1e-2


def test_a_whole_run_reports_and_draws(project):
    project.user |= {"network_type": "linear", "predict_correction": True, "bi_directional": True}
    project.plotting = {f"{kind}_ID_list_{s}": [] for kind in ("prediction", "error") for s in ("train", "val", "test")}
    assert project.run() == 0
    written = project.written()
    report = pd.read_csv(project.folder / "output_files/recently_trained_model/error_report.csv")
    assert {"train", "val", "test"} == set(report["set"]) and (report["mse"] >= 0).all()
    assert "output_files/recently_trained_model/figures/learning_curve.png" in written
    project.user["training_mode"], project.plotting = False, {"plotting_mode": False}
    assert project.run() == 0
