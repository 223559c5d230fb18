"""The output filter: the least error that it can reach, what it leaves alone, and that it comes along everywhere."""

import dataclasses
import json

import keras
import numpy as np
import pytest
from test_linear_fit import filtered_sets
from test_network import configure, make_sets, standardized_loss

import network
from network import build_model, copy_weights, join_networks, load_network, without_output_filter
from networks.fused_lstm import FusedLSTM
from networks.keras_layers import SumOfShifted
from networks.network_folder import NetworkFolder
from prediction import Predictor, predict_with_checkpoints
from settings.description import Description, Input, Output, use
from system.workers import HERE
from training import cross_fitting, fit, output_filter

FILTER = {"output_filter": True, "hidden_size": 4, "time_res": 2, "epochs": 1, "num_batches": 2}


@pytest.fixture(autouse=True)
def _small_filters(monkeypatch):
    """So that each is solved in a moment."""
    monkeypatch.setattr(output_filter, "MOST_FEATURES", 300)


def train(sets, **user) -> network.TrainedNetwork:
    return fit.train(configure(**FILTER | user), sets)


def facts_of(config=None) -> dict:
    return json.loads(((config or configure()).network_folder / "settings.json").read_text())


@pytest.mark.parametrize(
    "user",
    [
        {},
        {"mirror_symmetry": True, "predict_correction": True},
        {"network_type": "gru", "num_layers": 2},
        {"network_type": "transformer", "bi_directional": True},
        {"num_networks": 2, "mirror_symmetry": True},
        {"bi_directional": True, "look_ahead": 2},
    ],
)
def test_after_one_epoch_it_finds_a_linear_truth(monkeypatch, user):
    monkeypatch.setattr(output_filter, "MOST_FEATURES", 1200)
    sees_ahead = bool(user.get("bi_directional") or user.get("look_ahead"))
    sets = filtered_sets(both_ways=sees_ahead, symmetric="mirror_symmetry" in user)
    trained = train(sets, **user)
    facts = facts_of()["output_filter"]
    loss = standardized_loss(trained, sets, (0, 0.0, 0.0), 2)
    assert loss < 1e-3 < 1e-1 < facts["val_loss_without"]
    assert facts["val_loss"] == pytest.approx(loss, rel=1e-2, abs=1e-7)
    assert facts["val_loss_without"] == trained.history["val_loss"].min()  # history.csv is about the training
    assert len(facts["penalties"]) == user.get("num_networks", 1) and {*facts["penalties"][0]} == {
        "Zcg",
        "Roll",
        "Pitch",
    }


def test_with_a_mirror_no_other_filter_has_less_error():
    """In every direction the squared error of the training records grows, but for what the penalty costs."""
    sets = make_sets(rows=(300, 300), val_rows=(300,))
    trained = train(sets, mirror_symmetry=True, hidden_size=2, epochs=2)
    layer, deviation = trained.model.get_layer("output_filter"), trained.architecture.standardization.output_deviation
    kernel, bias = layer.get_weights()
    inputs, targets = (
        np.stack([getattr(record, name)[first::2] for record in sets["train"] for first in (0, 1)])
        for name in ("inputs", "targets")
    )

    def squared_error(change) -> float:
        layer.set_weights([kernel + change, bias])
        return (((trained.model(inputs.astype(np.float32)).numpy() - targets) / deviation) ** 2).sum()

    least, rng = squared_error(0.0), np.random.default_rng(0)
    for _ in range(6):
        step = 0.1 * rng.normal(size=kernel.shape) * np.abs(kernel).mean()
        there, back = squared_error(step) - least, squared_error(-step) - least
        assert there + back > 0 and abs(there - back) < 0.3 * (there + back)


def test_in_head_seas_roll_stays_zero():
    """Both sides see the same: nothing is left of which a filter of their difference could be made."""
    still = np.array([1.0, 0.0, 1.0, 1.0])
    sets = {
        name: tuple(dataclasses.replace(r, inputs=r.inputs * still, targets=r.targets * still[:3]) for r in records)
        for name, records in make_sets().items()
    }
    trained = train(sets, mirror_symmetry=True)
    assert trained.architecture.filter_lags and facts_of()["output_filter"]["penalties"][0]["Roll"] is None
    assert (Predictor(trained).predict([sets["test"][0].inputs])[0].mean[:, 1] == 0).all()


def test_a_mirrored_record_is_answered_with_the_mirrored_prediction():
    sets = make_sets(rows=(200, 191), val_rows=(150,))
    trained = train(sets, mirror_symmetry=True)
    assert trained.architecture.filter_lags
    record = sets["val"][0]
    mean, mirrored = (p.mean for p in Predictor(trained).predict([record.inputs, record.inputs * [1, -1, 1, 1]]))
    assert np.allclose(mean * [1, -1, 1], mirrored, atol=1e-5 * np.abs(mean).max())


def test_where_the_network_sees_nothing_ahead_the_filter_does_not_either():
    sets = make_sets()
    for look_ahead, reach in ((0, 0), (1, 10)):
        trained = train(sets, look_ahead=look_ahead)
        before, after = trained.architecture.filter_lags
        assert before > 20 and after == reach
        inputs = sets["test"][0].inputs
        later = np.where(np.arange(len(inputs))[:, None] < 50, inputs, inputs + 1.0)
        mean, changed = (p.mean for p in Predictor(trained).predict([inputs, later]))
        first = np.flatnonzero(np.abs(mean - changed).max(axis=1) > 1e-6)[0]
        assert first == 50 if not reach else first < 48


@pytest.mark.parametrize("filtered", [(True, False), (False, True)])
def test_a_fold_without_a_filter_of_its_own_is_joined_as_it_is(filtered):
    sets = make_sets()
    trained = train(sets)
    networks = [trained if each else without_output_filter(trained) for each in filtered]
    joint = join_networks(networks)
    inputs = [record.inputs for record in sets["test"]]
    single = [Predictor(each).predict(inputs)[0].mean for each in networks]
    assert np.abs(single[0] - single[1]).max() > 1e-3
    assert np.allclose(Predictor(joint).predict(inputs)[0].mean, np.mean(single, axis=0), atol=1e-5)


@pytest.mark.parametrize("of_set", ["train", "val"])
def test_records_that_are_all_transient_do_not_count(of_set):
    sets = make_sets(rows=(100, 91, 100), val_rows=(90, 80))
    short = dataclasses.replace(make_sets(rows=(30,))["train"][0], name="short")
    whole = train(sets, transient_time=4.0, seed=2)
    joined = sets | {of_set: (sets[of_set][0], short, *sets[of_set][1:])}
    with_short = train(joined, transient_time=4.0, seed=2, epochs=1, model_save_filename="short")
    assert whole.architecture.filter_lags and with_short.architecture.filter_lags


def test_outputs_that_change_places_are_answered_so_by_the_mirror():
    """Two lines: the mirrored record has the tension of one where the record has that of the other."""
    line = {"unit": "kN", "high": 1, "low": 1}
    channels = (
        Output("T2", **line, mirrored="T3"),
        Output("T3", **line, mirrored="T2"),
        Input("Sway", "m", mirrored="-"),
    )
    pair = Description(low_file="{}.csv", high_file="{}.out", channels=channels)
    rng = np.random.default_rng(0)

    def record(n: int):
        inputs = np.cumsum(rng.normal(size=(200, 3)), axis=0)
        inputs -= inputs.mean(axis=0)
        targets = inputs[:, :2] * 1.5 + 0.3 * inputs[:, 2:] * [1, -1] + 0.2 * np.roll(inputs[:, :2], 2, axis=0)
        return dataclasses.replace(
            make_sets()["train"][0],
            name=f"r{n}",
            time=0.1 * np.arange(200),
            inputs=inputs,
            targets=targets,
            simple=inputs[:, :2],
            sources={},
        )

    sets = {"train": (record(1), record(2), record(3)), "val": (record(4),), "test": (record(5),)}
    use(pair)
    trained = train(sets, description=pair, mirror_symmetry=True)
    assert trained.architecture.filter_lags
    inputs, targets = sets["test"][0].inputs, sets["test"][0].targets
    mean, mirrored = (p.mean for p in Predictor(trained).predict([inputs, inputs[:, [1, 0, 2]] * [1, 1, -1]]))
    assert np.allclose(mean[:, ::-1], mirrored, atol=1e-4 * np.abs(mean).max())
    assert np.abs(mean - targets)[20:-20].max() < 0.1 * targets.std()


def test_the_saved_file_needs_keras_alone_and_predicts_the_same():
    sets = make_sets()
    trained = train(sets, mirror_symmetry=True, num_layers=2)
    inputs = sets["test"][0].inputs
    plain = keras.models.load_model(configure().network_folder / "model.keras", compile=False)
    assert not any(isinstance(layer, FusedLSTM | SumOfShifted) for layer in plain.layers)
    given = plain.predict(inputs[None, ::2], verbose=0)[0]
    for each in (trained, load_network(configure().network_folder)):
        assert np.allclose(Predictor(each).predict([inputs])[0].mean[::2], given, atol=1e-4)


def test_the_sum_of_shifted_products_is_a_convolution():
    values = np.random.default_rng(0).normal(size=(3, 40, 5)).astype(np.float32)
    plain, fast = keras.layers.Conv1D(2, 7), SumOfShifted(2, 7)
    expected = plain(values)
    fast.build(values.shape)
    fast.set_weights([plain.get_weights()[0], np.float32([1.0, -2.0])])
    assert np.allclose(fast(values), expected + np.float32([1.0, -2.0]), atol=1e-5)


def test_a_filter_that_helps_the_training_records_alone_is_left_out(monkeypatch, capsys):
    """Records of noise: nothing that the filter learns holds for another one."""
    rng = np.random.default_rng(0)
    sets = {
        name: tuple(dataclasses.replace(r, targets=rng.normal(size=r.targets.shape)) for r in records)
        for name, records in make_sets(rows=(120,), val_rows=(110,)).items()
    }
    monkeypatch.setattr(
        output_filter, "PENALTIES", np.array([1e-10])
    )  # all others are weaker filters, the last one none
    assert train(sets).architecture.filter_lags is None and "output_filter" not in facts_of()
    assert "it does not lower the validation loss" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"val": ()}, "its penalties cannot be chosen without a validation set"),
        ({"most": 7}, "the network has 8 inputs and states, more than 7"),
    ],
)
def test_it_says_why_there_is_none(monkeypatch, capsys, change, said):
    sets = make_sets()
    if "val" in change:
        sets["val"] = ()
    monkeypatch.setattr(output_filter, "MOST_CHANNELS", change.get("most", 300))
    assert train(sets).architecture.filter_lags is None
    assert f"No output filter: {said}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("channels", "ahead", "lags"),
    [(64, True, (21, 10)), (64, False, (31, 0)), (12, True, (60, 10)), (100, True, (14, 6)), (700, True, (2, 0))],
)
def test_the_lags_leave_no_more_features_than_can_be_solved(monkeypatch, channels, ahead, lags):
    monkeypatch.setattr(output_filter, "MOST_FEATURES", 2100)
    assert output_filter.lags_of(channels, ahead) == lags
    assert channels * (sum(lags) + 1) <= output_filter.MOST_FEATURES


def test_a_training_that_goes_on_drops_the_filter_and_fits_another():
    sets, endless = make_sets(), {"lr_schedule": "constant", "seed": 3}
    train(sets, epochs=2, **endless)
    resumed = train(sets, epochs=4, resume=True, **endless)
    whole = train(sets, epochs=4, model_save_filename="whole", **endless)
    assert resumed.architecture == whole.architecture and resumed.architecture.filter_lags
    for one, other in zip(resumed.model.get_weights(), whole.model.get_weights(), strict=True):
        assert np.array_equal(one, other)


def test_a_process_killed_while_the_filter_was_saved_can_be_resumed(monkeypatch):
    """settings.json knows of the filter before the model has it."""
    from training import checkpoints

    sets, save = make_sets(), checkpoints.save_model

    def killed(model, path):
        save(model, path)
        if any("output_filter" in layer.name for layer in model.layers):
            raise KeyboardInterrupt

    whole = train(sets, epochs=2, seed=3, model_save_filename="whole")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(checkpoints, "save_model", killed)
        train(sets, epochs=2, seed=3)
    assert load_network(configure().network_folder).architecture.filter_lags
    resumed = train(sets, epochs=2, seed=3, resume=True)
    for one, other in zip(resumed.model.get_weights(), whole.model.get_weights(), strict=True):
        assert np.array_equal(one, other)


def test_a_process_killed_before_the_filter_was_saved_leaves_a_network_without_it(monkeypatch):
    from training import checkpoints

    sets, save = make_sets(), checkpoints.save_model

    def killed(model, path):
        if any("output_filter" in layer.name for layer in model.layers):
            raise KeyboardInterrupt
        save(model, path)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(checkpoints, "save_model", killed)
        train(sets, epochs=2, seed=3)
    left = load_network(configure().network_folder)
    assert left.architecture.filter_lags is None
    resumed = train(sets, epochs=2, seed=3, resume=True)
    for one, other in zip(left.model.get_weights(), without_output_filter(resumed).model.get_weights(), strict=True):
        assert np.array_equal(one, other)


def test_a_fine_tuned_network_starts_without_the_filter_and_gets_its_own():
    sets = make_sets()
    source = train(sets, model_save_filename="source")
    tuned = train(sets, fine_tune_filename="source", model_save_filename="tuned", lr=1e-9)
    assert tuned.architecture.filter_lags == source.architecture.filter_lags
    for one, other in zip(*(without_output_filter(each).model.get_weights() for each in (source, tuned)), strict=True):
        assert np.allclose(one, other, atol=1e-6)


def test_checkpoints_are_compared_without_the_filter():
    sets = make_sets()
    trained = train(sets, epochs=3, checkpoint_every=1)
    inputs = [record.inputs for record in sets["val"]]
    predictions = predict_with_checkpoints(NetworkFolder(configure().network_folder), trained, inputs)
    assert [*predictions] == [1, 2, 3]
    plain = Predictor(without_output_filter(trained)).predict(inputs)[0].mean
    assert np.allclose(predictions[trained.best_epoch][0].mean, plain, atol=1e-5)


def test_the_mean_of_folds_is_that_of_filtered_networks():
    sets = make_sets(rows=(100, 91, 90), val_rows=(80,))
    config = configure(**FILTER, num_folds=2, seed=1, mirror_symmetry=True)
    trained = cross_fitting.train(config, sets, HERE)
    assert trained.architecture.num_networks == 2 and trained.architecture.filter_lags
    loaded = load_network(config.network_folder)
    members = [build_model(dataclasses.replace(trained.architecture, num_networks=1)) for _ in range(2)]
    for number, member in enumerate(members, start=1):
        for layer in member.layers:
            if layer.weights and layer.name not in ("standardize", "lamp"):
                layer.set_weights(loaded.model.get_layer(f"net{number}_{layer.name}").get_weights())
    inputs = sets["test"][0].inputs[None, ::2].astype(np.float32)
    mean = np.mean([member.predict(inputs, verbose=0) for member in members], axis=0)
    assert np.allclose(loaded.model.predict(inputs, verbose=0), mean, atol=1e-4)
    (prediction,) = Predictor(loaded, with_spread=True).predict([sets["test"][0].inputs], with_members=True)
    assert np.allclose(prediction.members[::2].mean(axis=1), mean[0], atol=1e-4)
    assert np.allclose(prediction.members[::2, 0], members[0].predict(inputs, verbose=0)[0], atol=1e-4)


def test_weights_go_by_name():
    one = build_model(train(make_sets()).architecture)
    other = build_model(dataclasses.replace(load_network(configure().network_folder).architecture, filter_lags=None))
    copy_weights(other, one)
    assert all(
        np.array_equal(a, b)
        for layer in other.layers
        for a, b in zip(layer.get_weights(), one.get_layer(layer.name).get_weights(), strict=True)
    )
