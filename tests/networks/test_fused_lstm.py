"""The fused kernel against keras.layers.LSTM, which it has to match."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from networks import fused_lstm, lstm_kernel
from networks.fused_lstm import FusedLSTM

BATCH, STEPS, CHANNELS, UNITS = 3, 17, 4, 5


def network(layer_class, bidirectional: bool, layers: int = 1, **arguments) -> keras.Model:
    inputs = keras.Input((None, CHANNELS))
    hidden = inputs
    for number in range(layers):
        last = number == layers - 1
        layer = layer_class(UNITS, **({"return_sequences": True} if not last else arguments))
        hidden = (keras.layers.Bidirectional(layer) if bidirectional else layer)(hidden)
    return keras.Model(inputs, hidden)


def random_weights(model: keras.Model) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.normal(scale=0.6, size=weight.shape).astype(np.float32) for weight in model.get_weights()]


def value_and_gradients(model: keras.Model, x: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = model(x, training=True)
        # Different weights for each element, so that no two gradients can be swapped unseen.
        loss = tf.reduce_sum(y * tf.reshape(tf.sin(tf.range(tf.size(y), dtype=tf.float32)), tf.shape(y)))
    return y.numpy(), [g.numpy() for g in tape.gradient(loss, [*model.trainable_variables, x])]


@pytest.mark.parametrize(
    ("bidirectional", "arguments"),
    [
        (False, {"return_sequences": True}),
        (False, {"return_sequences": False}),
        (False, {"return_sequences": True, "go_backwards": True}),
        (True, {"return_sequences": True}),
        (True, {"return_sequences": False}),
    ],
)
def test_values_and_gradients_are_those_of_keras(bidirectional, arguments):
    fused = network(FusedLSTM, bidirectional, **arguments)
    plain = network(keras.layers.LSTM, bidirectional, **arguments)
    assert [w.shape for w in fused.get_weights()] == [w.shape for w in plain.get_weights()]
    weights = random_weights(fused)
    fused.set_weights(weights)
    plain.set_weights(weights)
    x = np.random.default_rng(1).normal(size=(BATCH, STEPS, CHANNELS)).astype(np.float32)
    (y, gradients), (expected, expected_gradients) = value_and_gradients(fused, x), value_and_gradients(plain, x)
    assert y.shape == expected.shape
    assert np.abs(y - expected).max() < 1e-5
    assert len(gradients) == len(expected_gradients)
    for gradient, reference in zip(gradients, expected_gradients, strict=True):
        assert np.abs(reference).max() > 0.01
        assert np.abs(gradient - reference).max() < 1e-5 * max(1.0, np.abs(reference).max())


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (50, 2)])
def test_any_number_of_steps_and_sequences(shape):
    fused, plain = (network(layer, True, 2, return_sequences=True) for layer in (FusedLSTM, keras.layers.LSTM))
    plain.set_weights(fused.get_weights())
    x = np.random.default_rng(2).normal(size=(*shape, CHANNELS)).astype(np.float32)
    assert np.abs(fused(x).numpy() - plain(x).numpy()).max() < 1e-5


@pytest.mark.parametrize("units", [1, 16, 17])
def test_any_number_of_units(units, monkeypatch):
    monkeypatch.setattr(f"{__name__}.UNITS", units)
    test_values_and_gradients_are_those_of_keras(False, {"return_sequences": True})


@pytest.mark.parametrize("steps", [1, lstm_kernel.BLOCK, lstm_kernel.BLOCK + 1, 2 * lstm_kernel.BLOCK + 5])
def test_values_without_training_are_those_of_training(steps):
    """Without a gradient to come the kernel overwrites its gates and cells block by block."""
    layer = FusedLSTM(UNITS, return_sequences=True)
    x = np.random.default_rng(3).normal(size=(BATCH, steps, CHANNELS)).astype(np.float32)
    assert np.array_equal(layer(x, training=False), layer(x, training=True))


@pytest.mark.parametrize("threads", [1, 2, 3, 5])
def test_the_number_of_threads_changes_nothing_in_a_sequence(monkeypatch, threads):
    layer = FusedLSTM(UNITS, return_sequences=True)
    x = tf.random.stateless_normal((4, 30, CHANNELS), (1, 2))
    alone = [layer(x[i : i + 1]).numpy() for i in range(4)]
    monkeypatch.setattr(fused_lstm, "cores", lambda: threads)
    assert np.abs(layer(x).numpy() - np.concatenate(alone)).max() < 1e-7


def test_tanh_is_exact_to_float32():
    x = np.linspace(-20, 20, 4001, dtype=np.float32)
    assert max(abs(lstm_kernel.tanh(value) - np.tanh(float(value))) for value in x) < 3.5e-7
    assert np.isnan(lstm_kernel.tanh(np.float32("nan")))


def test_a_nan_is_not_lost():
    layer = FusedLSTM(UNITS, return_sequences=True)
    x = np.zeros((2, 5, CHANNELS), np.float32)
    x[1, 2, 0] = np.nan
    finite = np.isfinite(layer(x).numpy()).all(axis=2)
    assert finite.tolist() == [[True] * 5, [True, True, False, False, False]]


UNSUPPORTED = {"dropout": 0.1, "return_state": True, "stateful": True, "activation": "relu", "use_bias": False}


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_what_the_kernel_cannot_do_is_refused(name):
    with pytest.raises(ValueError, match="FusedLSTM has"):
        FusedLSTM(UNITS, **{name: UNSUPPORTED[name]})
    x = tf.zeros((2, 3, CHANNELS))
    for arguments in ({"initial_state": [tf.zeros((2, UNITS))] * 2}, {"mask": tf.ones((2, 3), tf.bool)}):
        with pytest.raises(ValueError, match="neither initial states nor masks"):
            FusedLSTM(UNITS)(x, **arguments)
