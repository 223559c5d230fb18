"""Fits the linear filter: ridge regression in closed form, the baseline for the networks.

Each output is a weighted sum of all inputs at the neighbouring steps (a finite impulse response filter).
"""

import dataclasses
import itertools
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import pandas as pd
from scipy import fft

from network import Architecture, TrainedNetwork, build_model, build_training_model
from networks import keras_layers
from networks.network_folder import NetworkFolder
from networks.symmetry import Symmetry
from settings import UserInput
from settings.channels import channel_of, validation_error
from settings.description import in_use
from system.errors import counted, warn
from training.checkpoints import finish
from training.history import history_columns
from training.objectives import Validation, baseline, check_objectives
from training.sequences import Sequences, Sets

RIDGES = 10.0 ** np.arange(-10.0, 1.0)  # relative to the mean eigenvalue of the covariance
STEPS_AT_ONCE, PARTS_AT_ONCE = 2048, 32  # limit the memory
MOST_BY_TRANSFORMS = 100  # channels: the memory of their spectra grows with the square
SYMMETRY_COSTS = 1.1  # times the validation error without mirror_symmetry, from which on the run says so
LEAST_COSTS = 0.001  # of LAMP's deviation; below, it is rounding
Pairs = Iterable[tuple[np.ndarray, np.ndarray]]  # standardized (step, input channel) and (step, output channel)


class Products(NamedTuple):
    """Sums of features^T features (feature, feature) and of features^T targets (feature, output channel)."""

    covariance: np.ndarray
    correlation: np.ndarray


def train_linear_filter(
    user: UserInput, sets: Sets, architecture: Architecture, place: NetworkFolder, metadata: dict[str, Any]
) -> TrainedNetwork:
    """Fits network_type "linear" on the train set, with the ridge penalties that suit the val set best, and saves it.

    Without a val set the train set decides. The history has one row, as there are no epochs.

    place: the network's folder. metadata: what settings.json says besides.
    """
    s = architecture.standardization
    print(f"Fitting a linear filter to {counted(len(sets['train']), 'realization')}, {len(sets['val'])} for validation")
    began = time.perf_counter()
    train, val = (
        Sequences.of(sets[name], user.time_res, s, transient=user.transient_time) if sets[name] else None
        for name in ("train", "val")
    )
    check_objectives(user, {"val": val} if val else {}, architecture)
    model, free = build_training_model(architecture), {}
    validation = Validation(val, user.val_fun_hyp, architecture) if val else None
    if user.mirror_symmetry:
        if validation:
            _fit_into(model, train, val, architecture)
            free = validation.measure(model)
        train = train.with_mirrored(Symmetry.standardized(architecture))
    ridges = _fit_into(model, train, val or train, architecture)
    elapsed = round(time.perf_counter() - began, 3)

    loss = Validation(train, user.train_fun_hyp, architecture).measure(model)["val_loss"]
    measured = validation.measure(model) if validation else {}
    warn(symmetry_costs(measured, free, architecture))
    row = {"epoch": 1, "elapsed_s": elapsed, "loss": loss} | measured
    history = pd.DataFrame([row], columns=history_columns(architecture.outputs))
    saved = build_model(architecture)
    saved.set_weights(model.get_weights())
    trained = TrainedNetwork(saved, architecture, history, 1)
    metadata = metadata | {"ridges": dict(zip(architecture.outputs, ridges.tolist(), strict=True))}
    finish(trained, place.begin_training(), place, metadata, "fitted in closed form")
    watched = f"validation loss {measured['val_loss']:.3e}" if val else f"training loss {loss:.3e}"
    print(f"Fitted in {elapsed:.1f} s; {watched}")
    return trained


def _fit_into(model: keras.Model, train: Sequences, choosing: Sequences, architecture: Architecture) -> np.ndarray:
    """Gives the model the weights of `fit`, and returns the penalties."""
    sets = (dataclasses.replace(x, targets=x.targets - baseline(x.inputs, architecture)) for x in (train, choosing))
    *weights, ridges = fit(*sets, *keras_layers.filter_lags(architecture.bi_directional))
    model.get_layer("outputs").set_weights(weights)
    return ridges


def symmetry_costs(symmetric: Mapping[str, float], free: Mapping[str, float], architecture: Architecture) -> list[str]:
    """A line if a filter fitted without mirrored records is better on the validation set.

    Records and their mirror images together leave no linear relation between the wave at the centre of gravity and
    roll, as the wave is the same for both and roll has the opposite sign. Seas from one side have such a relation.

    symmetric, free: what `Validation.measure` gives of the filters with and without mirrored records.
    """
    worse = []
    for channel, deviation in zip(architecture.outputs, architecture.standardization.output_deviation, strict=True):
        errors = [measured.get(validation_error(channel), 0.0) for measured in (symmetric, free)]
        if errors[0] > SYMMETRY_COSTS * errors[1] + LEAST_COSTS * deviation and free:
            worse.append(f"{channel} {errors[0]:.3g} {channel_of(channel).unit} ({errors[1]:.3g} without)")
    if not worse:
        return []
    why = "an input that is the same on both for a channel with two signs. Set it to False if all records"
    if in_use().is_ship:
        why = "the wave at the centre of gravity for roll. Set it to False if all seas"
    return [
        f"UserInputArgs.mirror_symmetry = True raises the linear filter's validation error: {'; '.join(worse)}; a "
        f"linear filter of both sides cannot use {why}, also those to predict, come from one side"
    ]


def fit(train: Pairs, choosing: Pairs, before: int, after: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ridge regression on `train`; for each output channel the penalty with the smallest error on `choosing`.

    before, after: number of network steps before and after each step that the filter sees.

    Returns the kernel (step, input channel, output channel), the earliest step first; the bias and the penalties
    (output channel,).
    """
    return ridge_regression(
        *(normal_equations(pairs, before, after) for pairs in (train, choosing)), before + 1 + after
    )


def ridge_regression(
    train: Products, choosing: Products, lags: int, ridges: np.ndarray = RIDGES
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """See `fit`. lags: number of network steps that the filter sees. ridges: to choose from; inf: no filter at all."""
    eigenvalues, vectors = np.linalg.eigh(train.covariance)
    rotated = vectors.T @ train.correlation
    floors = ridges * eigenvalues.mean()
    damped = rotated[:, None] / (np.maximum(eigenvalues, 0.0)[:, None] + floors)[:, :, None]
    candidates = np.tensordot(vectors, damped, 1)  # (feature, ridge, output channel)
    given = np.tensordot(choosing.covariance, candidates, 1)
    errors = (candidates * (given - 2 * choosing.correlation[:, None])).sum(axis=0)  # but for a constant
    best = errors.argmin(axis=0)
    weights = np.take_along_axis(candidates, best[None, None], axis=1)[:, 0]
    return weights[:-1].reshape(lags, -1, weights.shape[1]), weights[-1], ridges[best]


def normal_equations(pairs: Pairs, before: int, after: int) -> Products:
    """The products of a set, which are sums over its steps.

    Shifting both lags by one step changes the sum of products only by the first and the last product. So only the
    products with the earliest lag are summed over all steps, as correlations by Fourier transforms; the rest follows at
    a fraction of the cost.
    """
    lags, constants, ends, spectra, sums = before + 1 + after, 0.0, 0.0, {}, 0.0
    parts = _lagged(pairs, before, after)
    while batch := list(itertools.islice(parts, PARTS_AT_ONCE)):
        channels = batch[0][0].shape[1]
        factors = [np.hstack([seen[: len(y)], np.ones((len(y), 1)), y]) for seen, y in batch]
        constants = constants + sum(factor.sum(axis=0) for factor in factors)
        lost, gained = (
            np.stack(edge)
            for edge in zip(*((seen[: lags - 1].ravel(), seen[len(y) :].ravel()) for seen, y in batch), strict=True)
        )
        ends = ends + gained.T @ gained - lost.T @ lost
        if channels > MOST_BY_TRANSFORMS:
            for (seen, y), factor in zip(batch, factors, strict=True):
                sums = sums + np.stack([seen[lag : lag + len(y)].T @ factor for lag in range(lags)])
            continue
        size = fft.next_fast_len(max(len(seen) for seen, _ in batch), real=True)
        one, other = (_transforms(values, size) for values in ([seen for seen, _ in batch], factors))
        spectra[size] = one @ other.conj().transpose(0, 2, 1) + spectra.pop(size, 0.0)
    # (lag, channel, factor)
    sums = sums + sum(fft.irfft(spectrum, size, axis=0)[:lags] for size, spectrum in spectra.items())
    products = np.empty((lags, channels, lags, channels))
    products[:, :, 0] = sums[:, :, :channels]
    products[0] = products[:, :, 0].transpose(2, 0, 1)
    ends = ends.reshape(lags - 1, channels, lags - 1, channels)
    for lag in range(1, lags):
        products[lag, :, 1:] = products[lag - 1, :, :-1] + ends[lag - 1]
    count = lags * channels
    covariance = np.empty((count + 1, count + 1))
    covariance[:-1, :-1] = products.reshape(count, count)
    covariance[-1, :-1] = covariance[:-1, -1] = sums[:, :, channels].ravel()
    covariance[-1, -1] = constants[channels]
    return Products(covariance, np.vstack([sums[:, :, channels + 1 :].reshape(count, -1), constants[channels + 1 :]]))


def _lagged(pairs: Pairs, before: int, after: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields parts of the sequences: the inputs from the earliest to the latest lag, and the targets, (step, channel).

    Beyond the ends of a sequence the inputs are 0, their mean.
    """
    for inputs, targets in pairs:
        padded = np.pad(inputs.astype(np.float64), ((before, after), (0, 0)))
        for first in range(int(np.isnan(targets[:, 0]).sum()), len(targets), STEPS_AT_ONCE):  # behind the transient
            part = targets[first : first + STEPS_AT_ONCE].astype(np.float64)
            yield padded[first : first + len(part) + before + after], part


def _transforms(parts: Sequence[np.ndarray], size: int) -> np.ndarray:
    """(frequency, channel, part), the Fourier transforms of parts (step, channel) that zeros make equally long."""
    padded = np.zeros((len(parts), parts[0].shape[1], size))
    for number, part in enumerate(parts):
        padded[number, :, : len(part)] = part.T
    return np.ascontiguousarray(fft.rfft(padded, axis=2).transpose(2, 1, 0))
