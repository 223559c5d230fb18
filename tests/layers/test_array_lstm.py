"""The LSTM on arrays against keras.layers.LSTM, and what a network sees ahead."""

import keras
import numpy as np
import pytest
from conftest import make_motions
from test_network import configure, make_sets, train, untrained

from layers import array_lstm, keras_layers
from layers.standardization import Standardization
from prediction import Predictor
from training import batches as batches_of
from training.sequences import Sequences

TIME, CHANNELS, SEQUENCES, UNITS = 23, 4, 6, 5


def random_steps(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(TIME, CHANNELS, SEQUENCES)).astype(np.float32)


@pytest.mark.parametrize("backwards", [False, True])
def test_values_are_those_of_keras(backwards):
    layer = keras.layers.LSTM(UNITS, return_sequences=True, go_backwards=backwards)
    steps = random_steps()
    layer.build((None, None, CHANNELS))
    rng = np.random.default_rng(1)
    weights = [rng.normal(scale=0.7, size=w.shape).astype(np.float32) for w in layer.get_weights()]
    layer.set_weights(weights)
    expected = np.asarray(layer(steps.transpose(2, 0, 1))).transpose(1, 2, 0)
    outputs = array_lstm.lstm(steps, array_lstm.joined_weights(*weights), backwards)
    assert outputs.shape == (TIME, UNITS, SEQUENCES) and outputs.dtype == np.float32
    assert np.abs(outputs - (expected[::-1] if backwards else expected)).max() < 2e-6


def test_steps_and_weights_are_left_as_they_were():
    steps, weights = random_steps(), np.random.default_rng(2).normal(size=(4 * UNITS, CHANNELS + UNITS + 1))
    weights = weights.astype(np.float32)
    before = steps.copy(), weights.copy()
    first = array_lstm.lstm(steps, weights)
    assert np.array_equal(first, array_lstm.lstm(steps, weights))
    assert np.array_equal(steps, before[0]) and np.array_equal(weights, before[1])


@pytest.mark.parametrize("ahead", [0, 1, 4, TIME + 3])
def test_steps_ahead_are_those_of_the_layer(ahead):
    steps = random_steps()
    inputs = keras.Input((None, CHANNELS))
    model = keras.Model(inputs, keras_layers.with_steps_ahead(inputs, ahead, "ahead"))
    assert not model.trainable_weights
    expected = np.asarray(model(steps.transpose(2, 0, 1))).transpose(1, 2, 0)
    seen = array_lstm.with_steps_ahead(steps, ahead)
    assert seen.shape == (TIME, (ahead + 1) * CHANNELS, SEQUENCES)
    assert np.array_equal(seen, expected)
    for n in range(min(ahead, TIME - 1) + 1):
        assert np.array_equal(seen[: TIME - n, n * CHANNELS : (n + 1) * CHANNELS], steps[n:])


@pytest.mark.parametrize("network_type", ["lstm", "gru"])
def test_a_network_sees_so_many_steps_ahead_and_no_more(network_type):
    trained = untrained(look_ahead=3, time_res=2, network_type=network_type)
    inputs = np.column_stack([make_motions(60), make_motions(60, 5)[:, 0]])
    (before,) = Predictor(trained).predict([inputs])
    changed = inputs.copy()
    changed[40] += 1.0  # the 20th step of the first of two sequences
    (after,) = Predictor(trained).predict([changed])
    assert np.flatnonzero((after != before).any(axis=1))[0] == 2 * (20 - 3)


def test_windows_reach_as_far_ahead_as_the_network(monkeypatch):
    """On windows and on the whole record the network computes the same, so the losses of both agree."""
    monkeypatch.setattr(batches_of, "START_WINDOWS", 0)  # the starts would count more often
    sets = make_sets(rows=(400,), val_rows=(400,))
    sets["val"] = sets["train"]
    user = {"look_ahead": 5, "window_length": 20, "washout_length": 60, "time_res": 3, "lr": 1e-12, "epochs": 1}
    trained = train(sets, **user)
    loss, val_loss = trained.history[["loss", "val_loss"]].to_numpy()[0]
    assert loss == pytest.approx(val_loss, rel=2e-3)


def test_some_windows_end_as_records_do(monkeypatch):
    """Those behind whose counted steps there are as many as the network sees ahead, and no others."""
    rng = np.random.default_rng(0)
    inputs, targets = rng.normal(size=(40, 12, CHANNELS)), rng.normal(size=(40, 12, 3))
    targets[:30, -3:] = np.nan  # 30 windows with three steps behind, 10 at the end of a record
    targets[:10, -5:] = np.nan  # of which 10 count no step just before
    monkeypatch.setattr(batches_of, "ENDING_SHARE", 0.5)
    ended = batches_of.with_record_ends(inputs, targets, 3, rng)
    changed = (ended != inputs).any(axis=(1, 2))
    assert 5 <= changed.sum() <= 15 and changed[10:30].sum() == changed.sum()
    assert np.array_equal(ended[:, :-3], inputs[:, :-3])
    assert np.array_equal(ended[changed, -3:], np.repeat(inputs[changed, -4, None], 3, axis=1))
    short = batches_of.with_record_ends(inputs[:, :3], targets[:, :3], 3, rng)  # records of three steps
    assert np.array_equal(short, inputs[:, :3])


def test_a_tenth_of_the_windows_of_a_network_that_looks_ahead_ends_so():
    sets = make_sets(rows=(300, 300), val_rows=(200,))
    user = {"look_ahead": 4, "window_length": 10, "washout_length": 10, "time_res": 2}
    batches = batches_of.TrainingBatches(
        Sequences.of(sets["train"], 2, Standardization.of(sets["train"])), configure(**user).user, 1
    )
    first = 8 * batches.batches_an_epoch  # from here on windows are as long as the settings say
    some = [batches.batch(first + n) for n in range(20)]
    inputs, targets = (np.concatenate(arrays) for arrays in zip(*some, strict=True))
    held = (inputs[:, -4:] == inputs[:, -5, None]).all(axis=(1, 2))
    assert 0.04 < held.mean() < 0.2 and np.isnan(targets[held, -4:]).all()
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(batches.batch(7), batches.batch(7), strict=True))
