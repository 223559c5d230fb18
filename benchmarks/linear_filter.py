"""A lagged linear least-squares filter from SimpleCode's motions and the wave to LAMP's motions: the simplest rival.

Each output at a time is a weighted sum of all inputs at network steps from 10 steps ahead to 60 steps before it (finite
impulse response), with a ridge penalty. Plain NumPy, no iteration, no seed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

TIME_RES = 9  # rows a network step
LAGS = (-10, 60)  # network steps; negative ones are ahead in time
RIDGES = 10.0 ** np.arange(-10.0, 1.0)  # relative to the mean eigenvalue of the inputs' covariance


@dataclass(frozen=True)
class LinearFilter:
    """weights: (feature, output channel) on standardized inputs to standardized outputs; a mean and deviation each."""

    weights: np.ndarray
    input_mean: np.ndarray
    input_deviation: np.ndarray
    output_mean: np.ndarray
    output_deviation: np.ndarray
    ridges: np.ndarray  # (output channel,), as chosen


def fit(
    inputs: Sequence[np.ndarray],
    targets: Sequence[np.ndarray],
    val_inputs: Sequence[np.ndarray],
    val_targets: Sequence[np.ndarray],
) -> LinearFilter:
    """Least squares on the training records, with the ridge of each output channel that is best on the validation set.

    Args:
        inputs, targets, val_inputs, val_targets: (rows, channel) a record, in m and deg.
    """
    all_inputs, all_targets = np.concatenate(inputs), np.concatenate(targets)
    blank = LinearFilter(
        np.empty(0), all_inputs.mean(0), deviation(all_inputs), all_targets.mean(0), deviation(all_targets), np.empty(0)
    )
    covariance, correlation = 0.0, 0.0
    for x, y in zip(inputs, targets, strict=True):
        for first in range(TIME_RES):
            lagged = features(blank, x, first)
            covariance = covariance + lagged.T @ lagged
            correlation = correlation + lagged.T @ standardized_targets(blank, y)[first::TIME_RES]
    eigenvalues, vectors = np.linalg.eigh(covariance)
    rotated = vectors.T @ correlation
    floors = RIDGES * eigenvalues.mean()
    # (ridge, feature, output channel)
    candidates = np.stack([vectors @ (rotated / (np.maximum(eigenvalues, 0.0)[:, None] + f)) for f in floors])
    errors = sum(squared_errors(blank, candidates, x, y) for x, y in zip(val_inputs, val_targets, strict=True))
    best = errors.argmin(axis=0)
    weights = np.stack([candidates[ridge, :, channel] for channel, ridge in enumerate(best)], axis=1)
    return LinearFilter(
        weights, blank.input_mean, blank.input_deviation, blank.output_mean, blank.output_deviation, RIDGES[best]
    )


def predict(linear: LinearFilter, record: np.ndarray) -> np.ndarray:
    """(rows, output channel) in m and deg from a record's inputs (rows, input channel)."""
    outputs = np.empty((len(record), len(linear.output_mean)))
    for first in range(TIME_RES):
        outputs[first::TIME_RES] = features(linear, record, first) @ linear.weights
    return outputs * linear.output_deviation + linear.output_mean


def standardized_error(linear: LinearFilter, inputs: Sequence[np.ndarray], targets: Sequence[np.ndarray]) -> float:
    """Mean squared error on standardized targets over all rows and channels: what the networks call val_loss."""
    errors = [((predict(linear, x) - y) / linear.output_deviation) ** 2 for x, y in zip(inputs, targets, strict=True)]
    return float(np.concatenate(errors).mean())


def squared_errors(linear: LinearFilter, candidates: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(ridge, output channel) sum of squared standardized errors of the candidates on one record."""
    errors = np.zeros((candidates.shape[0], candidates.shape[2]))
    for first in range(TIME_RES):
        lagged, expected = features(linear, x, first), standardized_targets(linear, y)[first::TIME_RES]
        errors += [((lagged @ weights - expected) ** 2).sum(axis=0) for weights in candidates]
    return errors


def standardized_targets(linear: LinearFilter, targets: np.ndarray) -> np.ndarray:
    return (targets - linear.output_mean) / linear.output_deviation


def features(linear: LinearFilter, record: np.ndarray, first: int) -> np.ndarray:
    """(steps, feature): the standardized inputs of one interleaved sequence at all lags, and a one.

    Beyond the record's ends the inputs are taken to be at their mean.
    """
    sequence = ((record - linear.input_mean) / linear.input_deviation)[first::TIME_RES]
    ahead, before = -LAGS[0], LAGS[1]
    padded = np.pad(sequence, ((before, ahead), (0, 0)))
    lagged = np.lib.stride_tricks.sliding_window_view(padded, before + ahead + 1, axis=0)
    return np.concatenate([lagged.reshape(len(sequence), -1), np.ones((len(sequence), 1))], axis=1)


def deviation(rows: np.ndarray) -> np.ndarray:
    """Standard deviation of each channel of (rows, channel); 1 where a channel is constant."""
    values = rows.std(axis=0)
    return np.where(values > 0, values, 1.0)
