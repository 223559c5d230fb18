"""What a network sees ahead, in training and in prediction."""

import keras
import numpy as np
import pytest
from conftest import make_motions
from test_network import configure, make_sets, train, untrained

from networks import keras_layers
from networks.standardization import Standardization
from prediction import Predictor
from training import batches as batches_of
from training.sequences import Sequences

TIME, CHANNELS, SEQUENCES = 23, 4, 6


@pytest.mark.parametrize("ahead", [0, 1, 4, TIME + 3])
def test_steps_ahead_are_those_that_follow(ahead):
    steps = np.random.default_rng(0).normal(size=(SEQUENCES, TIME, CHANNELS)).astype(np.float32)
    inputs = keras.Input((None, CHANNELS))
    model = keras.Model(inputs, keras_layers.with_steps_ahead(inputs, ahead, "ahead"))
    assert not model.trainable_weights
    seen = np.asarray(model(steps))
    assert seen.shape == (SEQUENCES, TIME, (ahead + 1) * CHANNELS)
    beyond = np.repeat(steps[:, -1:], ahead, axis=1)
    assert np.array_equal(seen[..., ahead * CHANNELS :], np.concatenate((steps, beyond), axis=1)[:, ahead:])
    for n in range(min(ahead, TIME - 1) + 1):
        assert np.array_equal(seen[:, : TIME - n, n * CHANNELS : (n + 1) * CHANNELS], steps[:, n:])


@pytest.mark.parametrize("network_type", ["lstm", "gru"])
def test_a_network_sees_so_many_steps_ahead_and_no_more(network_type):
    trained = untrained(look_ahead=3, time_res=2, network_type=network_type)
    inputs = np.column_stack([make_motions(60), make_motions(60, 5)[:, 0]])
    before = Predictor(trained).predict([inputs])[0].mean
    changed = inputs.copy()
    changed[40] += 1.0  # the 20th step of the first of two sequences
    after = Predictor(trained).predict([changed])[0].mean
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
