"""The output filter: what a training leaves of the error is reduced by least squares, in closed form.

Gradients leave a network's outputs a little too small here, a little late there. A linear filter of what the network
has at hand, its inputs and the states of its layers at the neighbouring steps, corrects most of this within seconds,
where many more epochs would be needed. It becomes part of the network.
"""

import dataclasses
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from network import (
    Architecture,
    TrainedNetwork,
    build_filter_inputs,
    build_model,
    build_training_model,
    copy_weights,
    member_prefixes,
)
from networks.keras_layers import filter_lags
from networks.symmetry import Symmetry
from settings import UserInput
from training.linear_fit import RIDGES, Products, normal_equations, ridge_regression
from training.objectives import COUNTS_LARGE_ERRORS, Validation
from training.sequences import Sequences, whole_sequence_batches

MOST_FEATURES = 2100  # channels times steps that the filter sees: the time to solve grows with their third power
MOST_CHANNELS = 700  # with three steps of each
ENOUGH_STEPS = 100_000  # of a set, for the filter
PENALTIES = np.append(RIDGES, np.inf)  # the last one stands for no filter


class Group(NamedTuple):
    """A part of the outputs that is fitted by itself, see `_groups`.

    sign: of what the filter sees for the mirrored record; 0 without a mirror. projection: (output channel, output
    channel), of all outputs onto this part.
    """

    sign: float
    projection: np.ndarray


def with_output_filter(
    trained: TrainedNetwork, train: Sequences, val: Sequences, user: UserInput
) -> tuple[TrainedNetwork, dict[str, Any]]:
    """The network with an output filter, fitted on the train set with the penalties that suit the val set best.

    A filter that does not lower the validation loss is left out.

    Returns also what settings.json says of it: the penalty of each output and member of the ensemble (null: no filter;
    of outputs that change places, that of their difference), the validation loss and errors with it, and the loss
    without.
    """
    began, plain = time.perf_counter(), trained.architecture
    models = [build_filter_inputs(plain, prefix) for prefix in member_prefixes(plain)]
    channels = models[0].output_shape[1][-1]
    if channels > MOST_CHANNELS:
        print(f"No output filter: the network has {channels} inputs and states, more than {MOST_CHANNELS}")
        return trained, {}
    sees_ahead = plain.bi_directional or plain.look_ahead > 0
    architecture = dataclasses.replace(plain, filter_lags=lags_of(channels, sees_ahead))
    filtered = build_model(architecture)
    copy_weights(filtered, trained.model)
    groups, penalties = _groups(architecture), np.full((plain.num_networks, len(plain.outputs)), np.inf)
    for member, (model, prefix) in enumerate(zip(models, member_prefixes(plain), strict=True)):
        copy_weights(model, trained.model)
        fitted, choosing = (_products(model, _enough(of_set), architecture, groups) for of_set in (train, val))
        weights = [np.zeros(each.shape) for each in filtered.get_layer(f"{prefix}output_filter").weights]
        for number, group in enumerate(groups):
            if not fitted[number].covariance.any():  # head seas alone: both sides are the same
                continue
            lags = sum(architecture.filter_lags) + 1
            *added, chosen = ridge_regression(fitted[number], choosing[number], lags, PENALTIES)
            weights = [sum(parts) for parts in zip(weights, added, strict=True)]
            penalties[member] = np.where(group.projection.any(axis=0), chosen, penalties[member])
        filtered.get_layer(f"{prefix}output_filter").set_weights(weights)
    better = dataclasses.replace(trained, model=filtered, architecture=architecture)
    measured, history = _measured(better, val, user), trained.history.set_index("epoch")
    loss, loss_before = measured["val_loss"], float(history["val_loss"][trained.best_epoch])
    took = f"fitted in {time.perf_counter() - began:.1f} s"
    none_left = user.val_fun_hyp[0] in COUNTS_LARGE_ERRORS and np.isnan(loss)
    if not (loss < loss_before or none_left):
        print(f"No output filter: {took}, it does not lower the validation loss of {loss_before:.3e}")
        return trained, {}
    print(f"Output filter {took}: validation loss {loss:.3e} (without it {loss_before:.3e})")
    chosen = [dict(zip(plain.outputs, map(_finite, row), strict=True)) for row in penalties]
    losses = {"val_loss_without": loss_before} | measured
    return better, {"output_filter": {"penalties": chosen} | {name: _finite(loss) for name, loss in losses.items()}}


def lags_of(channels: int, sees_ahead: bool) -> tuple[int, int]:
    """Network steps before and after each step that a filter of so many channels sees, see MOST_FEATURES.

    At most those of the linear filter, and a third of them ahead; none ahead if the network itself sees nothing ahead.
    """
    most_before, most_after = filter_lags(both_ways=sees_ahead)
    lags = MOST_FEATURES // channels
    after = min(most_after, (lags - 1) // 3)
    return min(most_before, lags - 1 - after), after


def _groups(architecture: Architecture) -> list[Group]:
    """The parts of the outputs that are fitted by themselves.

    The prediction is the mean of that for the record and that for the mirrored record, mirrored back. In it, outputs
    that the mirror leaves as they are depend on the sum of what the filter sees on both sides, and those of which it
    changes the sign on the difference. Outputs that change places have a sum of the first and a difference of the
    second kind.
    """
    outputs = np.eye(len(architecture.outputs))
    if not architecture.mean_with_mirrored:
        return [Group(0.0, outputs)]
    mirror = Symmetry.standardized(architecture).outputs
    exchanged = np.asarray(mirror(outputs) - mirror(0 * outputs))
    groups = [Group(sign, (outputs + sign * exchanged) / 2) for sign in (1.0, -1.0)]
    return [group for group in groups if np.abs(group.projection).max() > 1e-6]


def _products(
    model: keras.Model, sequences: Sequences, architecture: Architecture, groups: Sequence[Group]
) -> list[Products]:
    """For each group, the products of what the filter sees with what it has to add.

    model: that of `build_filter_inputs`.
    """
    evaluate = tf.function(model, reduce_retracing=True, autograph=False)
    symmetry = Symmetry.standardized(architecture) if architecture.mean_with_mirrored else None
    totals: dict[int, Products] = {}
    for inputs, targets in whole_sequence_batches(sequences):
        outputs, seen = (part.numpy() for part in evaluate(tf.constant(inputs)))
        if symmetry:
            others = evaluate(tf.constant(symmetry.inputs(inputs)))
            mirrored_outputs, mirrored_seen = (part.numpy() for part in others)
            outputs = symmetry.mean(outputs, mirrored_outputs)
        left = targets - outputs
        for number, (sign, projection) in enumerate(groups):
            features = (seen + np.float32(sign) * mirrored_seen) / 2 if sign else seen
            pairs = zip(features, left @ projection, strict=True)
            added = normal_equations(pairs, *architecture.filter_lags)
            totals[number] = Products(*map(np.add, totals[number], added)) if number in totals else added
    for number, (covariance, correlation) in totals.items():
        if groups[number].sign < 0:  # in a difference of both sides there is no constant
            covariance[-1] = covariance[:, -1] = correlation[-1] = 0.0
    return [totals[number] for number in range(len(groups))]


def _enough(sequences: Sequences) -> Sequences:
    """As many of the sequences, evenly over the set, as have ENOUGH_STEPS together; none that is all transient."""
    ends = sequences.starts + sequences.lengths - 1
    counted = np.flatnonzero(np.isfinite(sequences.targets[ends, 0]))
    enough = min(len(counted), -(-ENOUGH_STEPS * len(counted) // int(sequences.lengths[counted].sum())))
    places = counted[np.linspace(0, len(counted) - 1, enough).round().astype(int)]
    return dataclasses.replace(sequences, starts=sequences.starts[places], lengths=sequences.lengths[places])


def _measured(network: TrainedNetwork, val: Sequences, user: UserInput) -> dict[str, float]:
    """Its validation loss and errors, as in the history."""
    model = build_training_model(network.architecture)
    copy_weights(model, network.model)
    return Validation(val, user.val_fun_hyp, network.architecture).measure(model)


def _finite(number: float) -> float | None:
    return float(number) if np.isfinite(number) else None
