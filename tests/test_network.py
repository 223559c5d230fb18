"""Training on tiny data: what is counted, what is learned, what is saved, and what must not have an influence."""

import dataclasses
import itertools
import json
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import TINY, faults_of, make_motions
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from scipy.interpolate import CubicSpline

import network
from data_io import Record
from network import Architecture, TrainedNetwork, build_model, build_training_model
from networks.network_folder import NetworkFolder
from networks.standardization import Standardization
from networks.symmetry import Symmetry
from prediction import Predictor, with_row_step
from settings import DEFAULT_NAME, NETWORKS_FOLDER, Config, DataInfo, UserInput, declared
from settings.channels import input_channels, mirrored_channels, output_channels
from settings.kinds import KINDS
from system.errors import InputError
from training import fit, history
from training.batches import START_WINDOWS, TrainingBatches, windows_part
from training.objectives import member_loss, objective_loss
from training.rates_and_stopping import make_optimizer
from training.sequences import Sequences, cut_pieces, cut_windows, gather


def means(trained: TrainedNetwork, inputs: list[np.ndarray]) -> list[np.ndarray]:
    """The predictions of records without their spread."""
    return [prediction.mean for prediction in Predictor(trained).predict(inputs)]


def with_step(trained, row_step: int):
    """The network with another row step."""
    return dataclasses.replace(trained, architecture=dataclasses.replace(trained.architecture, row_step=row_step))


def make_record(rows: int, seed: int, gain=(1.0, 1.4, 1.4)) -> Record:
    """SimpleCode's motions and the wave; LAMP's motions are SimpleCode's times the gain, with another mean heave."""
    simple = make_motions(rows, seed)
    targets = simple * gain - [0.2, 0.0, 0.0]
    return Record(f"SC_{seed}", 0.1 * np.arange(rows), np.hstack([simple, 1.5 * simple[:, :1]]), targets, simple)


def make_sets(rows=(100, 91), val_rows=(80,), test_rows=(70,)) -> dict[str, tuple[Record, ...]]:
    lengths = {"train": rows, "val": val_rows, "test": test_rows}
    return {
        name: tuple(make_record(n, 10 * k + i) for i, n in enumerate(lengths[name])) for k, name in enumerate(lengths)
    }


def configure(**user) -> Config:
    return Config(user=UserInput(**(TINY | user)), data=DataInfo())


def train(sets=None, **user) -> TrainedNetwork:
    return fit.train(configure(**user), sets or make_sets())


def losses(trained: TrainedNetwork) -> np.ndarray:
    return trained.history[["epoch", "loss", "val_loss", "learning_rate"]].to_numpy()


def same_weights(first: TrainedNetwork, second: TrainedNetwork) -> bool:
    pairs = zip(first.model.get_weights(), second.model.get_weights(), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


def untrained(seed: int = 0, **user) -> TrainedNetwork:
    """A network of random weights, large enough that each step's output depends on its neighbours."""
    user, s = UserInput(**(TINY | user)), Standardization.of(make_sets()["train"])
    if (channels := len(input_channels(user))) != len(s.input_mean):
        s = dataclasses.replace(s, input_mean=(0.0,) * channels, input_deviation=(1.0,) * channels)
    architecture = Architecture.of(user, s)
    return TrainedNetwork(with_random_weights(build_model(architecture), seed), architecture, None, 1)


def with_random_weights(model: keras.Model, seed: int = 0) -> keras.Model:
    """All that is trained gets new values; what standardizes keeps its own."""
    rng = np.random.default_rng(seed)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(scale=0.5, size=variable.shape))
    return model


def save_untrained(name: str = DEFAULT_NAME, **user) -> TrainedNetwork:
    """Such a network in saved_models, as a training with these settings leaves it."""
    trained, folder = untrained(**user), NetworkFolder(NETWORKS_FOLDER / name)
    network.save_model(trained.model, folder.model)
    folder.write_metadata(network.new_metadata(configure(**user).as_dict(), trained.architecture) | {"best_epoch": 1})
    return trained


# ---- windows ------------------------------------------------------------------------------------------------------


def sequences_of(lengths) -> Sequences:
    """Sequences whose inputs and targets are the step's own number in the array."""
    lengths = np.array(lengths)
    numbers = np.arange(lengths.sum(), dtype=np.float32)[:, None]
    return Sequences(numbers, numbers * [1, -1], np.cumsum(lengths) - lengths, lengths)


LENGTHS = st.lists(st.integers(1, 70), min_size=1, max_size=6)


@hypothesis_settings(max_examples=150, deadline=None)
@given(LENGTHS, st.integers(1, 40), st.integers(0, 30), st.booleans(), st.integers(0, 5))
def test_windows_count_every_step_once_and_stay_in_their_sequence(lengths, window, washout, both_sides, seed):
    sequences = sequences_of(lengths)
    windows = cut_windows(sequences, window, washout, washout * both_sides, np.random.default_rng(seed))
    counted = np.zeros(sum(lengths), int)
    total = window + (2 if both_sides else 1) * washout
    for begin, end, first, last in zip(
        windows.begin, windows.end, windows.counted_begin, windows.counted_end, strict=True
    ):
        counted[first:last] += 1
        sequence = np.searchsorted(sequences.starts, first, side="right") - 1
        start, stop = sequences.starts[sequence], sequences.starts[sequence] + lengths[sequence]
        assert start <= begin <= first < last <= end <= stop
        assert last - first <= window
        assert end - begin == min(total, lengths[sequence])
        assert first - begin >= min(washout, first - start)
        if both_sides:
            assert end - last >= min(washout, stop - last)
    assert (counted == 1).all()


@hypothesis_settings(max_examples=100, deadline=None)
@given(LENGTHS, st.integers(0, 40))
def test_pieces_cover_every_step_once(lengths, seq_length):
    pieces = cut_pieces(sequences_of(lengths), seq_length)
    steps = np.concatenate([np.arange(b, e) for b, e in zip(pieces.begin, pieces.end, strict=True)])
    assert np.array_equal(steps, np.arange(sum(lengths)))
    assert set(np.cumsum(lengths)) <= set(pieces.end)
    if not seq_length:
        assert len(pieces.begin) == len(lengths)
    else:
        assert (pieces.end - pieces.begin).max() <= 1.5 * seq_length + 1


@hypothesis_settings(max_examples=60, deadline=None)
@given(LENGTHS, st.integers(1, 30), st.integers(0, 20), st.booleans(), st.integers(0, 3))
def test_a_batch_holds_the_steps_of_its_windows(lengths, window, washout, both_sides, seed):
    sequences = sequences_of(lengths)
    rng = np.random.default_rng(seed)
    windows = cut_windows(sequences, window, washout, washout * both_sides, rng)
    chosen = rng.permutation(len(windows.begin))[:5]
    inputs, targets = gather(sequences, windows, chosen)
    assert inputs.dtype == np.float32 and inputs.shape[:2] == targets.shape[:2]
    assert inputs.shape[1] == (windows.end - windows.begin)[chosen].max()
    for row, w in enumerate(chosen):
        for column in range(inputs.shape[1]):
            step = windows.begin[w] + column
            assert inputs[row, column, 0] == (step if step < windows.end[w] else 0)
            if windows.counted_begin[w] <= step < windows.counted_end[w]:
                assert targets[row, column].tolist() == [step, -step]
            else:
                assert np.isnan(targets[row, column]).all()
    assert np.array_equal(sequences.inputs[:, 0], np.arange(sum(lengths)))  # nothing was changed in place


@pytest.mark.parametrize("num_batches", [0, 1, 3, 10**6])
@pytest.mark.parametrize("user", [{}, {"seq_length": 9}, {"window_length": 7, "washout_length": 3}])
def test_an_epoch_counts_every_step_once_and_starts_more_often(num_batches, user):
    records = make_sets()["train"]
    user = UserInput(**(TINY | user | {"num_batches": num_batches}))
    sequences = Sequences.of(records, user.time_res, Standardization.of(records))

    def epochs(seed: int) -> list[list[np.ndarray]]:
        batches = TrainingBatches(sequences, user, seed)
        each = batches.batches_an_epoch
        targets = [targets.numpy() for _, targets in batches.dataset(0)]
        assert len(targets) == 2 * each
        assert all(map(same_array, targets[each:], [targets.numpy() for _, targets in batches.dataset(1)]))
        found = [targets[:each], targets[each:]]
        assert num_batches in (0, 10**6, batches.batches_an_epoch)
        return found

    first, second = epochs(1)
    for number, epoch in enumerate((first, second)):
        part = windows_part(number, user.epochs)
        steps = -(-user.window_length // part) + user.washout_length // part
        starts = [sequences.targets[start : start + steps] for start in sequences.starts] * START_WINDOWS
        expected = np.concatenate([sequences.targets, *(starts if user.window_length else [])])
        counted = np.concatenate([targets[np.isfinite(targets)] for targets in epoch])
        assert np.array_equal(np.sort(counted), np.sort(expected.ravel()))
    if len(first) > 1:
        assert not all(map(same_array, first, second))
    if user.window_length:
        assert first_counted(first) != first_counted(second)  # the windows are cut at other places
    assert all(map(same_array, first, epochs(1)[0]))


def test_no_batch_is_empty_where_there_are_hardly_more_windows_than_batches():
    sequences = sequences_of([33] * 9)  # 36 windows of 10 steps at least, up to 45
    user = UserInput(**(TINY | {"window_length": 10, "washout_length": 5, "num_batches": 200, "epochs": 40}))
    batches = TrainingBatches(sequences, user, 1)
    assert batches.batches_an_epoch == 36
    for number in range(36 * user.epochs):
        inputs, targets = batches.batch(number)
        assert len(inputs) and np.isfinite(targets).any(axis=(1, 2)).all()


def test_windows_are_half_as_long_in_the_first_epochs():
    assert [windows_part(epoch, 24) for epoch in range(24)] == [2] * 6 + [1] * 18
    assert [windows_part(epoch, 500) for epoch in range(20)] == [2] * 8 + [1] * 12
    assert windows_part(0, 1) == 2
    user = UserInput(**(TINY | {"window_length": 41, "washout_length": 31, "num_batches": 2, "epochs": 8}))
    batches = TrainingBatches(sequences_of([400]), user, 1)
    steps = [batches.batch(2 * epoch)[0].shape[1] for epoch in range(8)]
    assert steps == [21 + 15] * 2 + [41 + 31] * 6


def first_counted(epoch: list[np.ndarray]) -> set[float]:
    """The target of the first channel at the first step that counts, of each window."""
    return {float(window[np.isfinite(window[:, 0]), 0][0]) for targets in epoch for window in targets}


def same_array(a: np.ndarray, b: np.ndarray) -> bool:
    return np.array_equal(a, b, equal_nan=True)


def test_few_batches_of_very_many_windows_are_remarked_on():
    sequences = sequences_of([2000] * 400)
    user = UserInput(window_length=100, washout_length=100, num_batches=2)
    (line,) = TrainingBatches(sequences, user, 1).remarks()
    assert "num_batches = 2" in line and "of 200 steps" in line and "GB" in line and "num_batches = 0" in line
    for enough in (0, 200):
        assert TrainingBatches(sequences, dataclasses.replace(user, num_batches=enough), 1).remarks() == []


@pytest.mark.parametrize(("rows", "time_res"), [((30,), 1), ((30, 20), 3), ((31, 29), 4), ((7,), 5)])
def test_interleaved_sequences(rows, time_res):
    records = [make_record(n, i) for i, n in enumerate(rows)]
    s = Standardization.of(records)
    sequences = Sequences.of(records, time_res, s)
    assert len(sequences.starts) == len(rows) * time_res
    number = 0
    for record in records:
        for first in range(time_res):
            start, length = sequences.starts[number], sequences.lengths[number]
            expected = (record.inputs[first::time_res] - s.input_mean) / s.input_deviation
            assert np.allclose(sequences.inputs[start : start + length], expected, atol=1e-5)
            expected = (record.targets[first::time_res] - s.output_mean) / s.output_deviation
            assert np.allclose(sequences.targets[start : start + length], expected, atol=1e-5)
            number += 1
    assert sequences.lengths.sum() == sum(rows)


# ---- standardization ----------------------------------------------------------------------------------------------


def test_standardization_is_one_mean_and_deviation_a_channel():
    records = [make_record(50, 1), make_record(80, 2)]
    s = Standardization.of(records)
    inputs, targets = (np.concatenate([getattr(r, name) for r in records]) for name in ("inputs", "targets"))
    assert np.allclose(s.input_mean, inputs.mean(axis=0)) and np.allclose(s.input_deviation, inputs.std(axis=0))
    assert np.allclose(s.output_mean, targets.mean(axis=0)) and np.allclose(s.output_deviation, targets.std(axis=0))


@pytest.mark.parametrize("value", [0.0, 0.1, -7.3])
def test_a_constant_channel_gets_deviation_1(value):
    record = make_record(1000, 1)
    inputs = record.inputs.copy()
    inputs[:, 1] = value
    s = Standardization.of([Record("x", record.time, inputs, record.targets, record.simple)])
    assert s.input_deviation[1] == 1.0 and s.input_mean[1] == pytest.approx(value)
    assert s.input_deviation[0] == pytest.approx(inputs[:, 0].std())


# ---- training -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "user", [{"window_length": 20, "washout_length": 5}, {"predict_correction": True, "optimizer": "muon"}]
)
def test_a_linear_relation_is_learned(user):
    sets = {
        name: tuple(make_record(n, seed, gain=(0.8, 1.4, 1.2)) for n, seed in lengths)
        for name, lengths in {"train": [(300, 1), (300, 2), (300, 3)], "val": [(200, 4)], "test": [(200, 5)]}.items()
    }
    trained = train(sets, epochs=25, lr=0.03, lr_schedule="cosine", hidden_size=8, time_res=2, num_batches=6, **user)
    deviation = np.concatenate([r.targets for r in sets["train"]]).std(axis=0)
    for record in (*sets["val"], *sets["test"]):
        prediction = Predictor(trained).predict([record.inputs])[0].mean
        mse, simple_mse = (np.mean(((x - record.targets) / deviation) ** 2) for x in (prediction, record.simple))
        assert mse < 0.03
        assert mse < 0.3 * simple_mse


def standardized_loss(trained: TrainedNetwork, sets, objective, time_res: int) -> float:
    """The objective over the validation set from the saved model's predictions, with the definitions spelled out."""
    targets = np.concatenate([record.targets for record in sets["train"]])
    mean, deviation = targets.mean(axis=0), targets.std(axis=0)
    kind, a, b = objective
    terms = []
    for record in sets["val"]:
        for first in range(time_res):
            p = trained.model.predict(record.inputs[None, first::time_res].astype(np.float32), verbose=0)[0]
            y, p = (record.targets[first::time_res] - mean) / deviation, (p - mean) / deviation
            squared = (p - y) ** 2
            if kind == 1:
                squared = squared * (a + b * y**2)
            terms.append(squared[np.abs(y) >= a] if kind == 3 else squared.ravel())
    return float(np.concatenate(terms).mean())


@pytest.mark.parametrize(
    ("user", "objective"),
    [
        ({}, (0, 0.0, 0.0)),
        ({"predict_correction": True}, (1, 0.1, 0.9)),
        ({"bi_directional": True, "num_layers": 2, "dropout": 0.3}, (3, 1.0, 0.0)),
        ({"predict_correction": True, "bi_directional": True, "train_fun_hyp": (2, 0.0, 0.0)}, (0, 0.0, 0.0)),
        ({"num_networks": 2, "mirror_symmetry": True}, (0, 0.0, 0.0)),
    ],
)
def test_val_loss_and_errors_in_the_history_are_those_of_the_saved_network(eagerly, user, objective):
    """The objective on standardized motions; and errors in physical units over all rows, whatever the objective."""
    sets = make_sets(val_rows=(80, 47))
    trained = train(sets, val_fun_hyp=objective, epochs=3, **user)
    best = trained.history.set_index("epoch").loc[trained.best_epoch]
    assert trained.best_epoch == trained.history["epoch"][trained.history["val_loss"].argmin()]
    assert standardized_loss(trained, sets, objective, TINY["time_res"]) == pytest.approx(best["val_loss"], rel=2e-4)
    outputs = means(with_step(trained, 1), [record.inputs for record in sets["val"]])
    errors = np.concatenate([p - r.targets for p, r in zip(outputs, sets["val"], strict=True)])
    names = ["val_rmse_Zcg_m", "val_rmse_Roll_deg", "val_rmse_Pitch_deg"]
    assert best[names].to_numpy() == pytest.approx(np.sqrt(np.mean(errors**2, axis=0)), rel=1e-4)


def test_loss_is_the_mean_over_the_steps_that_count():
    """With a learning rate that moves nothing, the loss of an epoch is that of the network as it stands."""
    sets = make_sets()
    trained = train(sets, lr=1e-12, epochs=1, window_length=15, washout_length=200, num_batches=1)
    sets["val"] = sets["train"]
    expected = standardized_loss(trained, sets, (0, 0.0, 0.0), TINY["time_res"])
    assert trained.history["loss"][0] == pytest.approx(expected, rel=1e-3)


WITHOUT_WEIGHT = {
    "a weight of zero": ({"val_fun_hyp": (1, 0.0, 0.0)}, "nowhere above 0"),
    "degrees": ({"val_fun_hyp": (3, 10.0, 0.0)}, r"nowhere is \|y\| >= 10"),
    "to train on": ({"train_fun_hyp": (3, 10.0, 0.0)}, "of the train set"),
    "errors as large as that": ({"val_fun_hyp": (4, 5.0, 0.0), "predict_correction": True}, "before training e is at"),
    "large errors of large motions": ({"val_fun_hyp": (5, 0.1, 10.0)}, r"\|y\| >= 10"),
    "of a filter": ({"val_fun_hyp": (3, 10.0, 0.0), "network_type": "linear"}, r"\|y\| >= 10"),
}


@pytest.mark.parametrize("case", WITHOUT_WEIGHT)
def test_an_objective_that_gives_no_sample_a_weight_is_refused_before_training(case):
    user, expected = WITHOUT_WEIGHT[case]
    sets = make_sets()
    with pytest.raises(InputError, match=expected) as caught:
        train(sets, **user)
    (line,) = caught.value.lines
    deviation = np.concatenate([record.targets for record in sets["train"]]).std(axis=0)
    assert f"1 stands for {deviation[0]:.3g} m in Zcg, {deviation[1]:.3g} deg in Roll" in line
    assert not Path("saved_models").exists() or not list(Path("saved_models").iterdir())


def test_motions_without_a_turning_point_are_no_turning_points_to_learn(eagerly):
    sets = make_sets()
    rising = [r.time[:, None] * [1.0, 2.0, 3.0] for r in sets["val"]]
    sets["val"] = tuple(dataclasses.replace(r, targets=y) for r, y in zip(sets["val"], rising, strict=True))
    train(sets, epochs=1)
    with pytest.raises(InputError, match="of the val set: LAMP.s motions have no turning point"):
        train(sets, val_fun_hyp=(2, 0.0, 0.0))


def test_an_objective_that_is_negative_for_large_motions_is_named(eagerly):
    with pytest.raises(InputError, match=r"val_loss is negative, as a \+ b y\^2 = 1 \+ -0.9 y\^2 is for large y"):
        train(val_fun_hyp=(1, 1.0, -0.9), epochs=1)


@pytest.mark.parametrize("val", [True, False])
def test_an_epoch_without_an_error_to_count_is_never_the_best(eagerly, val):
    """Of large errors there are none from some epoch on: that is no loss of 0 that none can beat."""
    sets = make_sets() if val else make_sets() | {"val": ()}
    user = {"epochs": 14, "patience": 3, "optimizer": "adam", "lr": 0.05, "predict_correction": True}
    largest = np.abs(np.concatenate([r.targets - r.simple for r in sets["train"]])).max(axis=0)
    deviation = np.concatenate([record.targets for record in sets["train"]]).std(axis=0)
    objective = (4, float(0.9 * (largest / deviation).max()), 0.0)
    trained = train(sets, **user, **({"val_fun_hyp": objective} if val else {"train_fun_hyp": objective}))
    watched = trained.history["val_loss" if val else "loss"]
    assert not (watched > 0).all()
    assert watched[trained.best_epoch - 1] == watched[watched > 0].min()
    assert len(trained.history) == trained.best_epoch + 3


def test_the_same_seed_gives_the_same_training_and_another_one_another(eagerly):
    user = {"window_length": 20, "washout_length": 5, "dropout": 0.2, "num_layers": 2, "epochs": 2}
    first = train(**user, seed=None)
    drawn = json.loads((configure().network_folder / "settings.json").read_text())["seed"]
    again, other = train(**user, seed=drawn), train(**user, seed=4)
    assert np.array_equal(losses(first), losses(again)) and same_weights(first, again)
    assert not np.array_equal(losses(first)[:, 1:3], losses(other)[:, 1:3])


def test_the_test_set_has_no_influence_and_the_validation_set_does_not_teach(eagerly):
    sets = make_sets()
    first = train(sets)
    nothing = np.full((5, 4), np.nan)
    garbage = sets | {"test": (Record("x", np.arange(5.0), nothing, np.full((5, 3), 1e30), nothing[:, :3]),)}
    assert same_weights(first, train(garbage))
    second = train(sets | {"val": (make_record(60, 99),)})  # which chooses the epoch, but does not teach
    assert np.array_equal(losses(first)[:, 1], losses(second)[:, 1])
    assert not np.array_equal(losses(first)[:, 2], losses(second)[:, 2])
    assert first.architecture.standardization == second.architecture.standardization


def test_without_a_validation_set_the_training_loss_is_watched(capsys):
    trained = train(make_sets(val_rows=()), epochs=3)
    assert trained.history["val_loss"].isna().all()
    assert trained.best_epoch == trained.history["loss"].argmin() + 1
    assert "training loss" in capsys.readouterr().out


@pytest.mark.parametrize("schedule", declared(UserInput)["lr_schedule"].choices)
def test_learning_rate_schedules(eagerly, schedule):
    rate = train(lr_schedule=schedule, epochs=4, patience=1000, lr=0.01).history["learning_rate"].to_numpy()
    assert rate[0] <= 0.01 + 1e-9 and (np.diff(rate) <= 0).all()
    if schedule == "constant":
        assert np.allclose(rate, 0.01)
    if schedule in ("cosine", "exponential", "step"):
        assert rate[-1] < 0.25 * 0.01


@pytest.mark.parametrize("name", declared(UserInput)["optimizer"].choices)
def test_optimizers(name):
    optimizer = make_optimizer(UserInput(optimizer=name, lr=0.25, momentum=0.5), 3)
    assert type(optimizer).__name__.lower() == name
    assert float(keras.ops.convert_to_numpy(optimizer.learning_rate)) == 0.25
    assert getattr(optimizer, "momentum", 0.5) == 0.5
    assert not optimizer.use_ema
    averaging = make_optimizer(UserInput(optimizer=name, weight_averaging=0.9), 3)
    assert averaging.use_ema and averaging.ema_momentum == 0.9
    own = make_optimizer(UserInput(optimizer=name, weight_decay=0.3), 3)
    assert own.weight_decay == 0.3 and optimizer.weight_decay == type(optimizer)().weight_decay


@pytest.mark.parametrize("bi_directional", [False, True])
def test_the_average_of_the_weights_is_validated_and_kept(eagerly, bi_directional):
    user = {"epochs": 6, "num_batches": 1, "checkpoint_every": 1, "max_checkpoints": 6, "lr": 0.002, "patience": 100}
    user |= {"lr_schedule": "constant", "bi_directional": bi_directional}
    plain = train(model_save_filename="plain", **user)
    averaged = train(model_save_filename="averaged", weight_averaging=0.8, **user)
    assert np.allclose(averaged.history["loss"], plain.history["loss"], rtol=1e-5)  # it is the same training
    assert not np.allclose(averaged.history["val_loss"][1:], plain.history["val_loss"][1:], rtol=1e-3)
    files = [sorted(Path("saved_models", name, "checkpoints").glob("epoch_*")) for name in ("plain", "averaged")]
    expected, saved = None, {}
    for epoch, (raw, kept) in enumerate(zip(*files, strict=True), 1):
        steps = keras.models.load_model(raw).get_weights()
        expected = steps if epoch == 1 else [0.8 * a + 0.2 * b for a, b in zip(expected, steps, strict=True)]
        saved[epoch] = keras.models.load_model(kept).get_weights()
        assert all(np.allclose(a, b, atol=1e-6) for a, b in zip(expected, saved[epoch], strict=True))
    assert all(map(np.array_equal, averaged.model.get_weights(), saved[averaged.best_epoch]))


def test_a_training_that_diverges_at_once_is_told_and_leaves_nothing(tmp_path):
    with pytest.raises(InputError, match=r"\blr\b"):
        train(optimizer="sgd", lr=1e20, num_batches=2)
    assert not any((tmp_path / "saved_models").glob("*/*"))


# ---- interruptions ------------------------------------------------------------------------------------------------


def raise_in_epoch(monkeypatch, number: int, error: type[BaseException]) -> None:
    original = history.Progress.on_epoch_end

    def on_epoch_end(self, epoch, logs=None):
        if epoch + 1 == number:
            raise error
        original(self, epoch, logs)

    monkeypatch.setattr(history.Progress, "on_epoch_end", on_epoch_end)


def test_ctrl_c_keeps_the_best_network(eagerly, monkeypatch):
    sets = make_sets()
    whole = train(sets, epochs=6, model_save_filename="whole")
    raise_in_epoch(monkeypatch, 4, KeyboardInterrupt)
    stopped = train(sets, epochs=6)
    assert len(stopped.history) == 3 and stopped.best_epoch <= 3
    assert np.array_equal(losses(stopped), losses(whole)[:3])
    folder = configure().network_folder
    facts = json.loads((folder / "settings.json").read_text())
    assert facts["best_epoch"] == stopped.best_epoch
    saved = keras.models.load_model(folder / "model.keras")
    x = sets["test"][0].inputs[None, ::3].astype(np.float32)
    assert np.array_equal(saved(x).numpy(), stopped.model(x).numpy())
    best = stopped.history["val_loss"].min()
    assert standardized_loss(stopped, sets, (0, 0.0, 0.0), 3) == pytest.approx(best, rel=2e-4)


# ---- saved networks -----------------------------------------------------------------------------------------------


def test_a_loaded_network_predicts_as_the_trained_one():
    sets = make_sets()
    trained = train(sets, bi_directional=True)
    loaded = network.load(configure(training_mode=False, bi_directional=True))
    assert loaded.architecture == trained.architecture and loaded.best_epoch == trained.best_epoch
    assert np.allclose(losses(loaded), losses(trained), rtol=1e-7)
    inputs = [record.inputs for record in sets["test"]]
    for first, second in zip(means(trained, inputs), means(loaded, inputs), strict=True):
        assert np.array_equal(first, second)


def test_what_is_written_about_a_network():
    trained = train(epochs=3, seed=11)
    facts = json.loads((configure().network_folder / "settings.json").read_text())
    assert facts["seed"] == 11 and facts["settings"]["user"]["hidden_size"] == TINY["hidden_size"]
    assert facts["network"]["inputs"] == ["Zcg", "Roll", "Pitch", "Wave"]
    assert facts["network"]["outputs"] == ["Zcg", "Roll", "Pitch"]
    mean = facts["network"]["standardization"]["output_mean"]
    assert np.allclose(mean, np.concatenate([r.targets for r in make_sets()["train"]]).mean(axis=0))
    assert facts["epochs_trained"] == 3 and facts["best_epoch"] == trained.best_epoch
    assert {"python", "tensorflow", "keras", "numpy"} <= set(facts["versions"])
    header = (configure().network_folder / "history.csv").read_text().splitlines()[0]
    errors = "val_rmse_Zcg_m,val_rmse_Roll_deg,val_rmse_Pitch_deg"
    assert header == f"epoch,elapsed_s,loss,val_loss,learning_rate,{errors}"
    elapsed = trained.history["elapsed_s"].to_numpy()
    assert (elapsed >= 0).all() and (np.diff(elapsed) >= 0).all()


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ({"model_load_filename": "nothing"}, "saved networks are: recently_trained_model"),
        ({"time_res": 4}, "time_res 3"),
        ({"input_waves": False}, "Zcg, Roll, Pitch, Wave"),
        ({"output_vbm": True}, "VBM, Zcg, Roll, Pitch"),
    ],
)
def test_a_network_that_does_not_fit_is_refused(user, expected):
    save_untrained()
    (line,) = faults_of(network.load, configure(training_mode=False, **user))
    assert expected in line


@pytest.mark.parametrize(
    ("grid", "other", "refused"),
    [
        ({"wave_grid_x_size": 3}, {"ship_length": 121.0}, True),
        ({"wave_grid_x_size": 3}, {"ship_beam": 21.0}, False),
        ({"wave_grid_y_size": 3}, {"ship_beam": 21.0}, True),
        ({"wave_grid_y_size": 3}, {"wave_ramp_time": 0.0}, True),
        ({}, {"ship_length": 121.0, "ship_beam": 21.0, "wave_ramp_time": 0.0}, False),
        ({"wave_grid_x_size": 3, "input_waves": False}, {"ship_length": 121.0, "wave_ramp_time": 0.0}, False),
    ],
)
def test_a_wave_grid_elsewhere_than_in_the_training_is_refused(grid, other, refused):
    given = {"ship_length": 120.0, "ship_beam": 20.0} | grid
    save_untrained(**given)
    network.load(configure(training_mode=False, **given))
    loading = configure(training_mode=False, **(given | other))
    if refused:
        (line,) = faults_of(network.load, loading)
        ((name, asked),) = other.items()
        assert f"trained with {name} " in line and f"asks for {asked}" in line
    else:
        network.load(loading)


def test_a_network_saved_without_its_conditions_says_so(capsys):
    save_untrained()
    folder = NetworkFolder(configure().network_folder)
    metadata = folder.read_metadata()
    del metadata["network"]["time_step"], metadata["network"]["vbm_unit"]
    folder.write_metadata(metadata)
    network.load(configure(training_mode=False))
    assert "saved without the time step and unit of the bending moment" in capsys.readouterr().err


# ---- prediction ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("time_res", "rows"),
    [(1, [40]), (4, [50, 50, 3, 1, 23]), (13, [60, 60, 65])],
)
def test_interleaved_sequences_are_woven_together_again(time_res, rows):
    trained = untrained(time_res=time_res, bi_directional=True)
    inputs = [make_record(n, 20 + i).inputs for i, n in enumerate(rows)]
    copies = [array.copy() for array in inputs]
    outputs = means(trained, inputs)
    assert all(np.array_equal(array, copy) for array, copy in zip(inputs, copies, strict=True))
    assert [output.shape for output in outputs] == [(n, 3) for n in rows]
    for array, output in zip(inputs, outputs, strict=True):
        assert output.dtype == np.float64
        for first in range(min(time_res, len(array))):
            alone = trained.model(array[None, first::time_res].astype(np.float32)).numpy()[0]
            assert np.allclose(output[first::time_res], alone, atol=2e-4)


def test_many_sequences_are_predicted_in_parts_on_all_cores(monkeypatch):
    trained = untrained(time_res=4)
    inputs = [make_record(n, 20 + i).inputs for i, n in enumerate([50, 50, 3, 41])]
    whole = means(trained, inputs)
    parts = []
    monkeypatch.setitem(KINDS, "lstm", dataclasses.replace(KINDS["lstm"], steps_at_once=24))
    monkeypatch.setattr("prediction.PARTS", 2)
    predictor = Predictor(trained)
    evaluate = predictor._evaluate
    monkeypatch.setattr(predictor, "_evaluate", lambda batch: parts.append(len(batch)) or evaluate(batch))
    for prediction, expected in zip(predictor.predict(inputs), whole, strict=True):
        assert np.allclose(prediction.mean, expected, atol=1e-5)
    assert len(parts) > 5 and max(parts) == 2 and sum(parts) == 15


# ---- ensembles ----------------------------------------------------------------------------------------------------


def gradients(model: keras.Model, x: np.ndarray) -> list[np.ndarray]:
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(model(x, training=True) - 0.3))
    return [gradient.numpy() for gradient in tape.gradient(loss, model.trainable_variables)]


OPTIONS = ("bi_directional", "predict_correction")


@pytest.mark.parametrize("options", list(itertools.product([False, True], repeat=2)))
def test_the_training_model_has_the_plain_models_weights_values_and_gradients(monkeypatch, options):
    """Whatever is combined, each weight of one model belongs in the same place of the other one."""
    x = make_record(50, 8).inputs[None, ::10]
    for num_layers, dropout, num_networks in [(1, 0.0, 1), (2, 0.0, 2), (1, 0.3, 2), (2, 0.3, 1), (2, 0.3, 2)]:
        user = UserInput(
            hidden_size=2,
            num_layers=num_layers,
            dropout=dropout,
            num_networks=num_networks,
            **dict(zip(OPTIONS, options, strict=True)),
        )
        s = Standardization((1.2, 3.0, -1.0, 0.5), (1.0, 4.0, 2.0, 3.0), (0.9, 4.0, -1.5), (1.1, 6.0, 3.0))
        architecture = Architecture.of(user, s)
        plain = with_random_weights(build_model(architecture))
        fused = build_training_model(architecture)
        fused.set_weights(plain.get_weights())
        standardized = ((x - s.input_mean) / s.input_deviation).astype(np.float32)
        outputs = fused(standardized)
        assert outputs.shape == (1, 5, 3 * num_networks)
        mean = network.mean_of_members(outputs, architecture).numpy()
        expected = (plain(x.astype(np.float32)).numpy() - s.output_mean) / s.output_deviation
        assert np.abs(mean - expected).max() < 1e-5

        if (num_layers, dropout) == (2, 0.0):
            with monkeypatch.context() as patch:
                patch.setattr(network, "FusedLSTM", keras.layers.LSTM)
                unfused = build_training_model(architecture)
            unfused.set_weights(plain.get_weights())
            assert np.abs(unfused(standardized).numpy() - outputs.numpy()).max() < 1e-5
            for a, b in zip(gradients(fused, standardized), gradients(unfused, standardized), strict=True):
                assert np.abs(a).max() > 0
                assert np.abs(a - b).max() < 1e-5


@pytest.mark.parametrize("user", [{}, {"network_type": "gru", "predict_correction": True}])
@pytest.mark.parametrize("both_sides", [False, True])
def test_mean_and_spread_are_those_of_the_members(user, both_sides):
    trained = untrained(num_networks=3, mirror_symmetry=both_sides, **user)
    s = trained.architecture.standardization
    last = "corrected" if "predict_correction" in user else "outputs"
    layers = [trained.model.get_layer(f"net{n}_{last}") for n in (1, 2, 3)]
    members = keras.Model(trained.model.inputs[0], [layer.output for layer in layers])
    x = make_record(40, 3).inputs[None].astype(np.float32)
    each = np.array(members(x[:, ::3])) * s.output_deviation + s.output_mean  # with the mirrored record behind the own
    if both_sides:
        order, sign = mirrored_channels(trained.architecture.outputs)
        each = (each[:, :1] + each[:, 1:][..., order] * sign) / 2
    np.testing.assert_allclose(trained.model(x[:, ::3]), each.mean(axis=0), atol=1e-4)
    predictor, mean_alone = Predictor(trained, True), Predictor(trained)
    ((predicted,), (alone,)) = (which.predict([x[0]], with_members=True) for which in (predictor, mean_alone))
    np.testing.assert_allclose(predicted.mean, alone.mean, atol=1e-5)
    np.testing.assert_allclose(predicted.spread[::3], np.std(each, axis=0)[0], atol=1e-4)
    np.testing.assert_allclose(predicted.members[::3], each[:, 0].transpose(1, 0, 2), atol=1e-4)
    np.testing.assert_allclose(alone.members[:, 0], alone.mean, atol=1e-5)
    assert alone.spread is None and Predictor(untrained(), with_spread=True).predict([x[0]])[0].spread is None


def test_one_network_is_no_ensemble():
    model = untrained(num_networks=1).model
    assert not any(layer.name.startswith(("net", "ensemble")) for layer in model.layers)
    objective = objective_loss((0, 0.0, 0.0))
    assert member_loss(objective, untrained().architecture) is objective


@pytest.mark.parametrize("objective", [(0, 0.0, 0.0), (1, 0.1, 0.9), (2, 0.0, 0.0), (3, 0.5, 0.0), (6, 0.0, 0.0)])
def test_each_member_learns_by_itself(objective):
    """The loss is the mean of the members' own losses: no member sees what another one says."""
    rng = np.random.default_rng(0)
    target = rng.normal(size=(2, 12, 3)).astype(np.float32)
    target[0, :4] = np.nan  # a washout
    members = [rng.normal(size=(2, 12, 3)).astype(np.float32) for _ in range(3)]
    loss = member_loss(objective_loss(objective), untrained(num_networks=3).architecture)
    expected = np.mean([float(objective_loss(objective)(target, member)) for member in members])
    assert float(loss(target, np.concatenate(members, axis=-1))) == pytest.approx(expected, rel=1e-5)


def test_the_members_of_a_trained_ensemble_differ(eagerly):
    trained = train(num_networks=2, epochs=1)
    first, second = (trained.model.get_layer(f"net{n}_lstm_1").get_weights() for n in (1, 2))
    assert all(a.shape == b.shape for a, b in zip(first, second, strict=True))
    assert not np.allclose(first[0], second[0])


# ---- mirrored windows ---------------------------------------------------------------------------------------------


def mirrored(values: np.ndarray, channels: tuple[str, ...]) -> np.ndarray:
    """The same sea and ship seen in a mirror: roll to the other side, port and starboard points exchanged."""
    columns = []
    sides = {"_y1": "_y3", "_y3": "_y1"} if any(name.endswith("_y3") for name in channels) else {}
    for name in channels:
        source = name[:-3] + sides.get(name[-3:], name[-3:])
        columns.append(values[:, channels.index(source)] * (-1 if name == "Roll" else 1))
    return np.stack(columns, axis=1)


MIRRORS = {
    "plain": {},
    "grid": {"wave_grid_x_size": 3, "wave_grid_y_size": 3, "ship_length": 150.0, "ship_beam": 20.0},
    "grid along the ship": {"wave_grid_x_size": 3, "ship_length": 150.0},
    "moment": {"input_vbm": True, "output_vbm": True},
    "waves alone, across, to moment": {
        "input_3dof": False,
        "output_3dof": False,
        "output_vbm": True,
        "wave_grid_y_size": 3,
        "ship_beam": 20.0,
    },
}


@pytest.mark.parametrize("case", MIRRORS)
def test_windows_are_mirrored_in_physical_units_or_left_as_they_are(case):
    """Whatever means and deviations the training set has; input and target of a window together."""
    rng = np.random.default_rng(7)
    user = UserInput(**(TINY | MIRRORS[case]), window_length=6, washout_length=2, num_batches=3)
    user = dataclasses.replace(user, epochs=100)
    inputs, outputs = input_channels(user), output_channels(user)
    values = rng.uniform(0.5, 3, len(inputs)), rng.uniform(0.5, 3, len(outputs))
    physical = [rng.normal(size=(300, len(scale))) * scale + scale for scale in values]
    record = Record("x", 0.1 * np.arange(300), *physical, physical[1])
    s = Standardization.of([record])
    sequences = Sequences.of([record], user.time_res, s)
    as_it_is = TrainingBatches(sequences, user, 3)
    turned = TrainingBatches(sequences, user, 3, Symmetry.standardized(Architecture.of(user, s)))
    count = {True: 0, False: 0}
    for number in range(6):
        pairs = zip(*as_it_is.batch(number), *turned.batch(number), strict=True)
        for x, y, other_x, other_y in pairs:
            physical_x, physical_y = x * s.input_deviation + s.input_mean, y * s.output_deviation + s.output_mean
            is_turned = not np.array_equal(x, other_x)
            count[is_turned] += 1
            if is_turned:
                physical_x, physical_y = mirrored(physical_x, inputs), mirrored(physical_y, outputs)
            assert np.allclose(other_x * s.input_deviation + s.input_mean, physical_x, atol=1e-5)
            found = other_y * s.output_deviation + s.output_mean
            assert np.allclose(found, physical_y, atol=1e-5, equal_nan=True)
            assert np.isfinite(found).any()
    assert count[True] > 0.3 * (count[True] + count[False]) < count[False] / 0.3
    again = TrainingBatches(sequences, user, 3, Symmetry.standardized(Architecture.of(user, s))).batch(5)
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(again, turned.batch(5), strict=True))
    assert not same_array(turned.batch(0)[0], turned.batch(3)[0])  # the same place in the next epoch


# ---- prediction of whole records ---------------------------------------------------------------------------------


@pytest.mark.parametrize("bi_directional", [False, True])
@pytest.mark.parametrize("output_vbm", [False, True])
def test_no_correction_is_simplecodes_own_motion(bi_directional, output_vbm):
    rows, channels = 61, 3 + output_vbm
    simple = np.random.default_rng(0).normal(size=(rows, channels)) * 5 + 2
    targets = simple * 3 + 7
    record = Record("x", np.arange(rows), np.hstack([simple, 0.1 * simple[:, :1]]), targets, simple)
    user = UserInput(
        **TINY, predict_correction=True, bi_directional=bi_directional, input_vbm=output_vbm, output_vbm=output_vbm
    )
    architecture = Architecture.of(user, Standardization.of([record]))
    model = build_model(architecture)
    model.get_layer("outputs").set_weights([np.zeros_like(w) for w in model.get_layer("outputs").get_weights()])
    (prediction,) = means(TrainedNetwork(model, architecture, None, 1), [record.inputs])
    assert np.allclose(prediction, simple, atol=1e-4)


# ---- both sides of the ship, and several networks in one ---------------------------------------------------------


@pytest.mark.parametrize("user", [{}, {"bi_directional": True, "num_networks": 2}, {"network_type": "gru"}])
def test_the_mean_with_the_mirrored_record_is_in_the_saved_model_and_in_predictions(user, tmp_path):
    one_side = untrained(look_ahead=2, predict_correction=True, **user)
    both_sides = untrained(look_ahead=2, predict_correction=True, mirror_symmetry=True, **user)
    inputs, outputs = one_side.architecture.inputs, one_side.architecture.outputs
    order, sign = mirrored_channels(inputs)
    record = np.random.default_rng(1).standard_normal((1, 30, len(inputs))).astype(np.float32)
    expected = one_side.model(record).numpy()
    expected += one_side.model(record[..., order] * sign).numpy() * mirrored_channels(outputs)[1]
    both_sides.model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_allclose(loaded(record), expected / 2, atol=1e-5)
    predicted = Predictor(both_sides).predict([record[0].astype(float)])[0].mean
    step = one_side.architecture.time_res
    np.testing.assert_allclose(predicted[::step], both_sides.model(record[:, ::step])[0], atol=1e-5)


@pytest.mark.parametrize("user", [{}, {"bi_directional": True, "num_networks": 2}, {"network_type": "transformer"}])
def test_networks_join_to_one_that_gives_their_mean(user):
    networks = [untrained(seed, **user) for seed in range(3)]
    record = np.random.default_rng(1).standard_normal((2, 30, len(networks[0].architecture.inputs))).astype(np.float32)
    expected = np.mean([each.model(record) for each in networks], axis=0)
    np.testing.assert_allclose(network.join_networks(networks).model(record), expected, atol=1e-5)


# ---- fewer rows -------------------------------------------------------------------------------------------------


def smooth_record(rows: int, period: float) -> Record:
    """All channels are sines of a period in rows."""
    phases = 2 * np.pi * (np.arange(rows)[:, None] / period + np.arange(4) / 7)
    waves = np.sin(phases)
    return Record("smooth", 0.1 * np.arange(rows), waves, waves[:, :3] * 1.1, waves[:, :3])


@pytest.mark.parametrize("members", [1, 3])
def test_rows_between_those_that_are_predicted_lie_on_a_spline(members):
    trained = with_step(untrained(time_res=9, num_networks=members), 9)
    inputs = smooth_record(200, 80.0).inputs
    every, some = (Predictor(each, members > 1).predict([inputs], True)[0] for each in (with_step(trained, 1), trained))
    known = np.isin(np.arange(200) % 9, [0, 199 % 9])
    np.testing.assert_allclose(some.members[known], every.members[known], atol=1e-6)
    spline = CubicSpline(np.flatnonzero(known), every.members[known])(np.arange(200))
    np.testing.assert_allclose(some.members, spline, atol=1e-5)
    np.testing.assert_allclose(some.mean, some.members.mean(axis=1), atol=1e-6)
    if members > 1:
        np.testing.assert_allclose(some.spread, some.members.std(axis=1), atol=1e-6)


def test_all_rows_of_short_records_are_predicted():
    trained, inputs = untrained(time_res=9), smooth_record(70, 80.0).inputs
    np.testing.assert_array_equal(*(means(with_step(trained, step), [inputs])[0] for step in (1, 9)))


@pytest.mark.parametrize(("period", "expected"), [(200.0, 6), (7.0, 1)])
def test_the_row_step_is_the_largest_that_costs_nothing(monkeypatch, period, expected):
    record, trained = smooth_record(600, period), untrained(time_res=6)
    exact = SimpleNamespace(mean=record.targets + 1e-3 * np.cos(np.arange(600) / 50)[:, None])
    monkeypatch.setattr(Predictor, "predict", lambda *_: [exact])
    assert with_row_step(trained, [record], 0.0).architecture.row_step == expected
