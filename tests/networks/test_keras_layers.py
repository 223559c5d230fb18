"""The kinds of networks beside the LSTM: how far they look, what is saved, and that they learn."""

import subprocess
import sys

import keras
import numpy as np
import pytest
from test_network import configure, make_record, make_sets, means, standardized_loss, train, untrained

import network
from network import TrainedNetwork, build_training_model, mean_of_members
from networks import keras_layers

KINDS = ("gru", "transformer", "linear")
FRONT = keras_layers.FRONT_STEPS - 1


def record_inputs(steps: int, seed: int = 3) -> np.ndarray:
    return make_record(steps, seed).inputs[None].astype(np.float32)


def touched(model: keras.Model, steps: int, changed: int) -> np.ndarray:
    """The steps whose outputs change with the inputs of one step."""
    x = record_inputs(steps)
    other = x.copy()
    other[:, changed] += 1
    return np.flatnonzero(np.abs(model(x).numpy() - model(other).numpy()).max(axis=(0, 2)))


# ---- how far they look ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("num_layers", [1, 2])
def test_attention_is_bounded_and_one_way_unless_both_ways_are_asked_for(num_layers):
    model = untrained(network_type="transformer", num_layers=num_layers, hidden_size=20).model
    steps = touched(model, 300, 130)
    assert steps[0] == 130 and steps[-1] <= 130 + num_layers * keras_layers.ATTENTION_REACH + FRONT
    assert steps[-1] > 130 + (num_layers - 0.5) * keras_layers.ATTENTION_REACH  # the next layer hands it on
    model = untrained(network_type="transformer", num_layers=num_layers, hidden_size=20, bi_directional=True).model
    steps = touched(model, 300, 130)
    reach = num_layers * keras_layers.ATTENTION_REACH + FRONT // 2
    assert 130 - reach <= steps[0] < 130 - 0.9 * keras_layers.ATTENTION_REACH
    assert 130 + 0.9 * keras_layers.ATTENTION_REACH < steps[-1] <= 130 + reach


def test_the_linear_filter_sees_its_lags():
    for both_ways, ahead in ((False, 0), (True, keras_layers.FILTER_AFTER)):
        model = untrained(network_type="linear", bi_directional=both_ways).model
        steps = touched(model, 200, 100)
        assert (steps[0], steps[-1]) == (100 - ahead, 100 + keras_layers.FILTER_BEFORE)


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_recurrent_networks_look_ahead_only_both_ways(kind):
    assert touched(untrained(network_type=kind).model, 12, 6)[0] == 6
    assert touched(untrained(network_type=kind, bi_directional=True).model, 12, 6)[0] < 6


@pytest.mark.parametrize("both_ways", [False, True])
def test_a_transformer_does_not_know_where_in_a_record_it_is(both_ways):
    """What lies beyond its reach may be cut away, by any number of steps, without a change in the rest."""
    model = untrained(network_type="transformer", bi_directional=both_ways).model
    x = record_inputs(240)
    whole = model(x).numpy()
    for cut in (1, 37, 50):
        reach = keras_layers.ATTENTION_REACH + FRONT
        assert np.abs(model(x[:, cut:]).numpy()[:, reach:] - whole[:, cut + reach :]).max() < 1e-4
    assert np.abs(model(x[:, 37:]).numpy()[:, 0] - whole[:, 37]).max() > 1e-3  # within reach it does matter


@pytest.mark.parametrize("both_ways", [False, True])
def test_attention_is_that_of_the_formula(both_ways):
    """One block of a transformer against softmax(q k / sqrt(u) + weight of the lag) v over all steps within reach."""
    model = untrained(network_type="transformer", bi_directional=both_ways, hidden_size=20).model
    first, last = model.get_layer("block_1_norm_1"), model.get_layer("block_1_attended")
    x = record_inputs(120)
    before, after = keras.Model(model.inputs[0], [first.output, last.output])(x)
    steps = before.shape[1]
    weights = {name: model.get_layer(f"block_1_{name}").get_weights() for name in ("query", "key", "value", "attended")}
    q, k, v = (
        (before[0].numpy() @ kernel + bias).reshape(steps, 2, 10)
        for kernel, bias in (weights[name] for name in ("query", "key", "value"))
    )
    lag = np.arange(steps)[:, None] - np.arange(steps)
    reach = keras_layers.ATTENTION_REACH
    seen = (np.abs(lag) <= reach) & (both_ways | (lag >= 0)) & (np.arange(steps) < 120)
    by_lag = model.get_layer("block_1_lag").get_weights()[0]
    scores = np.einsum("qhu,khu->qkh", q, k) / np.sqrt(10) + by_lag[np.where(seen, lag + both_ways * reach, 0)]
    shares = np.where(seen[..., None], np.exp(scores), 0)
    attended = np.einsum("qkh,khu->qhu", shares / shares.sum(axis=1, keepdims=True), v).reshape(steps, 20)
    kernel, bias = weights["attended"]
    assert np.abs(attended @ kernel + bias - after[0].numpy())[:120].max() < 1e-4


# ---- what is saved and predicted --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_training_and_saved_models_are_the_same_function_of_any_number_of_steps(kind):
    for both_ways, correction in ((False, True), (True, False)):
        user = {"num_networks": 1 if kind == "linear" else 2, "dropout": 0.2, "num_layers": 2}
        trained = untrained(network_type=kind, bi_directional=both_ways, predict_correction=correction, **user)
        fast = build_training_model(trained.architecture)
        fast.set_weights(trained.model.get_weights())
        s = trained.architecture.standardization
        for steps in (1, 7) if kind == "gru" else (1, 50, 131):  # a GRU is slow outside of a graph
            x = record_inputs(steps)
            outputs = fast(((x - s.input_mean) / s.input_deviation).astype(np.float32))
            mean = mean_of_members(outputs, trained.architecture).numpy()
            assert np.abs(mean * s.output_deviation + s.output_mean - trained.model(x).numpy()).max() < 1e-3


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("both_ways", [False, True])
def test_records_are_predicted_as_by_the_saved_model(kind, both_ways):
    """Few sequences and many, of several lengths."""
    trained = untrained(network_type=kind, bi_directional=both_ways, time_res=4)
    rows = [25, 26, 3] if kind == "gru" else [255, 256, 3, *[240] * (6 * both_ways)]
    inputs = [make_record(n, 20 + i).inputs for i, n in enumerate(rows)]
    for array, output in zip(inputs, means(trained, inputs), strict=True):
        for first in (0, 2):
            alone = trained.model(array[None, first::4].astype(np.float32)).numpy()[0]
            assert np.abs(output[first::4] - alone).max() < 1e-3


def test_the_saved_models_need_keras_alone(tmp_path):
    x = record_inputs(130)
    np.save("inputs.npy", x)
    kinds = ("lstm", "transformer", "linear")  # a GRU is as much Keras' own as an LSTM
    for kind, num_networks in zip(kinds, (2, 2, 1), strict=True):
        user = {"bi_directional": True, "predict_correction": True, "dropout": 0.1, "num_networks": num_networks}
        model = untrained(network_type=kind, **user).model
        network.save_model(model, tmp_path / f"{kind}.keras")
        np.save(f"{kind}.npy", model(x).numpy())
    code = (
        "import sys, keras, numpy\n"
        f"for kind in {kinds}:\n"
        "    model = keras.models.load_model(f'{kind}.keras', safe_mode=True)\n"
        "    outputs = model.predict(numpy.load('inputs.npy'), verbose=0)\n"
        "    assert abs(outputs - numpy.load(f'{kind}.npy')).max() < 1e-3, kind\n"
        "    assert {type(step).__module__.split('.')[0] for step in model.operations} == {'keras'}\n"
        "assert not {'network', 'layers', 'settings'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# ---- training -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "user"),
    [
        ("gru", {"optimizer": "muon", "predict_correction": True}),
        ("transformer", {"optimizer": "adam", "mirror_symmetry": True, "dropout": 0.01}),
    ],
)
def test_they_learn_and_are_loaded_again(kind, user):
    sets = make_sets(rows=(300, 300), val_rows=(200,), test_rows=(150,))
    user = {"network_type": kind, "time_res": 2, "hidden_size": 8, "window_length": 40, "washout_length": 20, **user}
    trained = train(sets, epochs=6, lr=0.02, lr_schedule="cosine", num_batches=6, **user)
    losses = trained.history["val_loss"].to_numpy()
    assert losses.min() < 0.3 and losses.min() < 0.5 * losses[0]
    best = trained.history.set_index("epoch").loc[trained.best_epoch, "val_loss"]
    assert standardized_loss(trained, sets, (0, 0.0, 0.0), 2) == pytest.approx(best, rel=1e-3)
    loaded = network.load(configure(training_mode=False, **user))
    assert loaded.architecture == trained.architecture
    inputs = [record.inputs for record in sets["test"]]
    assert same_predictions(trained, loaded, inputs)


def same_predictions(first: TrainedNetwork, second: TrainedNetwork, inputs: list[np.ndarray]) -> bool:
    pairs = zip(means(first, inputs), means(second, inputs), strict=True)
    return all(np.abs(a - b).max() < 1e-5 for a, b in pairs)
