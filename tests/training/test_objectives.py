"""The seven objectives against their definitions written out as loops."""

import numpy as np
import pytest
import tensorflow as tf

from metrics import turning_points as turning_points_of_series
from training.objectives import objective_loss, objective_sum_and_count, turning_points

KINDS = [
    (0, 0.0, 0.0),
    (1, 0.1, 0.9),
    (2, 0.0, 0.0),
    (3, 0.8, 0.0),
    (4, 0.5, 0.0),
    (4, 0.0, 0.0),
    (5, 0.4, 0.6),
    (6, 0.0, 0.0),
]


def slow_terms(objective, target: np.ndarray, output: np.ndarray) -> list[float]:
    """e^2 times its weight for each element that counts."""
    kind, a, b = objective
    terms = []
    for y_record, p_record in zip(target, output, strict=True):
        for y, p in zip(y_record.T, p_record.T, strict=True):
            known = [i for i in range(len(y)) if not np.isnan(y[i])]
            for i in known:
                e = p[i] - y[i]
                near = i > 0 and i + 1 < len(y) and not np.isnan(y[i - 1]) and not np.isnan(y[i + 1])
                counts = {
                    0: True,
                    1: True,
                    2: near and (y[i] - y[i - 1]) * (y[i + 1] - y[i]) < 0,
                    3: abs(y[i]) >= a,
                    4: abs(e) >= a,
                    5: abs(e) >= a and abs(y[i]) >= b,
                    6: i == known[-1],
                }[kind]
                if counts:
                    terms.append(e**2 * (a + b * y[i] ** 2 if kind == 1 else 1.0))
    return terms


def example(with_nan: bool, seed: int = 0, shape=(3, 25, 2)) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    target, output = rng.normal(size=shape), rng.normal(size=shape)
    if with_nan:
        target[0, :7] = np.nan  # a washout before
        target[1, 20:] = np.nan  # and behind
        target[2, :, 1] = np.nan  # a channel that is not there
    return target, output


@pytest.mark.parametrize("with_nan", [False, True])
@pytest.mark.parametrize("objective", KINDS)
def test_each_kind_is_its_definition(objective, with_nan):
    target, output = example(with_nan)
    terms = slow_terms(objective, target, output)
    assert terms, "the example has to have elements that count"
    total, count = objective_sum_and_count(objective, tf.constant(target), tf.constant(output))
    assert float(count) == len(terms)
    assert float(total) == pytest.approx(sum(terms), rel=1e-12)
    variable = tf.Variable(output, dtype=tf.float32)
    with tf.GradientTape() as tape:
        loss = objective_loss(objective)(tf.constant(target, tf.float32), variable)
    assert float(loss) == pytest.approx(np.mean(terms), rel=1e-5)
    assert loss.shape == ()
    gradient = tape.gradient(loss, variable).numpy()
    assert np.isfinite(gradient).all() and np.abs(gradient).max() > 0 and (gradient[np.isnan(target)] == 0).all()


@pytest.mark.parametrize(
    "objective",
    [(0, 0.0, 0.0), (1, 1.0, 1.0), (2, 0.0, 0.0), (3, 99.0, 0.0), (4, 99.0, 0.0), (5, 99.0, 0.0), (6, 0, 0)],
)
def test_a_mean_over_nothing_is_zero_with_a_zero_gradient(objective):
    target, output = example(False)
    if objective[0] in (0, 1, 2, 6):
        target[:] = np.nan
    output = tf.Variable(output)
    with tf.GradientTape() as tape:
        loss = objective_loss(objective)(tf.constant(target), output)
    assert float(loss) == 0.0
    assert np.array_equal(tape.gradient(loss, output).numpy(), np.zeros(target.shape))


def test_batches_join_to_the_mean_over_all():
    target, output = example(True)
    for objective in KINDS:
        parts = [
            objective_sum_and_count(objective, tf.constant(target[i : i + 1]), tf.constant(output[i : i + 1]))
            for i in range(3)
        ]
        total, count = np.sum(parts, axis=0)
        assert total / count == pytest.approx(
            float(objective_loss(objective)(tf.constant(target), tf.constant(output)))
        )


def test_turning_points_are_those_of_the_error_report():
    """Rounded to two decimals, tops are often two samples wide; each counts once."""
    series = np.round(np.sin(np.arange(400) * 0.13) + 0.3 * np.sin(np.arange(400) * 0.031), 2)
    found = np.flatnonzero(turning_points(tf.constant(series[None, :, None]))[0, :, 0])
    assert (np.diff(series)[found] == 0).any(), "the example has to have flat tops"
    assert found.tolist() == turning_points_of_series(series).tolist()
