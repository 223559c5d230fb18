"""The objective functions of training and validation, on standardized motions, and validation after each epoch.

With target y, output p and e = p - y, the kinds are: 0 mean of e^2; 1 mean of e^2 (a + b y^2); 2 mean of e^2 at the
turning points of y in time; 3 mean of e^2 where |y| >= a; 4 mean of e^2 where |e| >= a; 5 mean of e^2 where |e| >= a
and |y| >= b; 6 mean of e^2 at the last step. A mean over no element is 0. Steps with a target of NaN do not count; in
this way the washout of a window and the padding of short sequences are left out.
"""

from collections.abc import Callable, Iterator, Mapping

import keras
import numpy as np
import tensorflow as tf

from network import Architecture, mean_of_members, simplecode_weights
from networks.symmetry import Symmetry
from settings import UserInput
from settings.channels import channel_of, validation_error
from settings.description import high_name, signal_word
from system.errors import InputError
from training.sequences import Sequences, whole_sequence_batches

Objective = tuple[int, float, float]
WITH_THRESHOLDS = (1, 3, 4, 5)  # kinds of which a and b can exclude all samples
COUNTS_LARGE_ERRORS = (4, 5)  # kinds that may have no sample if the network is good


def objective_sum_and_count(objective: Objective, target: tf.Tensor, output: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Sum and number of the objective's terms, so that batches can be combined to the overall mean.

    objective: (kind, a, b).
    target, output: (batch, time, channel); NaN in the target marks elements that do not count.
    """
    kind, a, b = objective
    has_target = tf.math.is_finite(target)
    y = tf.where(has_target, target, tf.zeros_like(target))
    error = tf.where(has_target, output - y, tf.zeros_like(target))
    terms = tf.square(error)
    counted = has_target
    if kind == 1:
        terms *= a + b * tf.square(y)
    elif kind == 2:
        counted = turning_points(target)
    elif kind == 3:
        counted &= tf.abs(y) >= a
    elif kind == 4:
        counted &= tf.abs(error) >= a
    elif kind == 5:
        counted &= (tf.abs(error) >= a) & (tf.abs(y) >= b)
    elif kind == 6:
        steps_left = tf.cumsum(tf.cast(has_target, tf.int32), axis=1, reverse=True)
        counted &= steps_left == 1
    weights = tf.cast(counted, terms.dtype)
    return tf.reduce_sum(terms * weights), tf.reduce_sum(weights)


def turning_points(target: tf.Tensor) -> tf.Tensor:
    """Boolean (batch, time, channel): turning points of the target in time; never at NaN and its neighbours.

    A flat top counts once, at its first sample, as in metrics.turning_points. There it may have any length, here two
    samples, which is what rounding in the files makes of a peak.
    """
    step = target[:, 1:] - target[:, :-1]
    before, after = step[:, :-1], step[:, 1:]
    beyond = tf.concat((after[:, 1:], tf.zeros_like(after[:, :1])), axis=1)
    turns = (before * after < 0) | ((after == 0) & (before * beyond < 0))
    return tf.pad(turns, ((0, 0), (1, 1), (0, 0)))


def objective_loss(objective: Objective) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    """The objective as a Keras loss function: (target, output) -> scalar mean; 0 if there is no element."""

    def loss(target, output):
        total, count = objective_sum_and_count(objective, target, output)
        return tf.math.divide_no_nan(total, count)

    return loss


def member_loss(objective: Callable, architecture: Architecture) -> Callable:
    """The objective, averaged over the members of an ensemble, which learn independently."""
    if architecture.num_networks == 1:
        return objective
    return lambda target, outputs: objective(tf.tile(target, (1, 1, architecture.num_networks)), outputs)


def check_objectives(user: UserInput, sets: Mapping[str, Sequences], architecture: Architecture) -> None:
    """Raises InputError for an objective that has no weight on any sample of its set ("train", "val")."""
    objectives = {"train": user.train_fun_hyp, "val": user.val_fun_hyp}
    faults = [
        _without_weight(set_name, objectives[set_name], sequences, architecture)
        for set_name, sequences in sets.items()
        if not _has_weight(objectives[set_name], sequences, architecture)
    ]
    if faults:
        raise InputError(faults)


def _has_weight(objective: Objective, sequences: Sequences, architecture: Architecture) -> bool:
    for y, error in _before_training(sequences, architecture):
        output = y + (error if objective[0] in COUNTS_LARGE_ERRORS else 1.0)
        if objective_sum_and_count(objective, tf.constant(y[None]), tf.constant(output[None]))[0] > 0:
            return True
    return False


def _before_training(sequences: Sequences, architecture: Architecture) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Target and error (time, channel) of each sequence, for a network that gives its `baseline`."""
    for inputs, y in sequences:
        yield y, np.float32(baseline(inputs, architecture)) - y


def baseline(inputs: np.ndarray, architecture: Architecture) -> np.ndarray | float:
    """What a network adds its own output to: SimpleCode's motions (..., channel) with predict_correction, else 0."""
    if not architecture.predict_correction:
        return 0.0
    kernel, bias = simplecode_weights(architecture)
    return inputs @ kernel + bias


def _without_weight(set_name: str, objective: Objective, sequences: Sequences, architecture: Architecture) -> str:
    kind, a, b = objective
    parts = list(_before_training(sequences, architecture))
    if not any(np.isfinite(y).any() for y, _ in parts):
        return f"UserInputArgs.transient_time: no record of the {set_name} set is longer; set it below their length (s)"
    lowest, highest = min(np.nanmin(y) for y, _ in parts), max(np.nanmax(y) for y, _ in parts)
    largest = max(np.nanmax(np.abs(error)) for _, error in parts)
    errors = f"|e| >= {a:g} (before training e is at most {largest:.3g})"
    why, remedy = {
        1: (f"a + b y^2 = {a:g} + {b:g} y^2 is nowhere above 0", "set a or b above 0"),
        2: (f"{high_name()}'s {signal_word()}s have no turning point there", "choose another kind"),
        3: (f"nowhere is |y| >= {a:g}", "choose a smaller a"),
        4: (f"nowhere is {errors}", "choose a smaller a"),
        5: (f"nowhere is {errors} and |y| >= {b:g}", "choose a smaller a or b"),
    }[kind]
    deviations = zip(architecture.outputs, architecture.standardization.output_deviation, strict=True)
    units = ", ".join(f"{deviation:.3g} {channel_of(channel).unit} in {channel}" for channel, deviation in deviations)
    return (
        f"UserInputArgs.{set_name}_fun_hyp = {list(objective)} has no weight on any sample of the {set_name} set: "
        f"{why}; y and the thresholds are standardized: y is {lowest:.3g} to {highest:.3g} there, and 1 stands for "
        f"{units}; {remedy}"
    )


# ---- validation -------------------------------------------------------------------------------------------------


class Validation(keras.callbacks.Callback):
    """Adds val_loss to each epoch's logs: the objective over all elements of the set at once, not a mean over batches.

    It is NaN where the objective counts large errors alone and there are none: that is no loss to compare with others.
    It also adds the root mean squared error of each channel in the files' units.
    """

    def __init__(self, sequences: Sequences, objective: Objective, architecture: Architecture):
        super().__init__()
        self._sequences, self._objective, self._architecture = sequences, objective, architecture
        self._symmetry = Symmetry.standardized(architecture) if architecture.mean_with_mirrored else None
        self._terms = None

    def on_epoch_end(self, epoch, logs=None):
        logs |= self.measure(self.model)

    def measure(self, model: keras.Model) -> dict[str, float]:
        """val_loss and the error of each channel. `model` is a training model, the same at each call."""
        if self._terms is None:
            self.set_model(model)
            # Without autograph, which has nothing to translate here and takes a second to find out.
            self._terms = tf.function(self._sums, reduce_retracing=True, autograph=False)
        batches = whole_sequence_batches(self._sequences)
        parts = [self._terms(tf.constant(inputs), tf.constant(targets)).numpy() for inputs, targets in batches]
        sums = np.sum(parts, axis=0, dtype=np.float64)
        total, count, squares = sums[0], sums[1], sums[2:]
        steps = np.isfinite(self._sequences.targets[:, 0]).sum()
        errors = np.sqrt(squares / steps) * self._architecture.standardization.output_deviation
        names = [validation_error(channel) for channel in self._architecture.outputs]
        return {"val_loss": float(total / count) if count else float("nan")} | dict(
            zip(names, errors.tolist(), strict=True)
        )

    def _sums(self, inputs, targets):
        """The objective's sum and count, then the sum of squared errors of each channel."""
        outputs = self._outputs(inputs)
        if self._symmetry:
            outputs = self._symmetry.mean(outputs, self._outputs(self._symmetry.inputs(inputs)))
        sum_and_count = objective_sum_and_count(self._objective, targets, outputs)
        squares = tf.where(tf.math.is_finite(targets), tf.square(outputs - targets), 0.0)
        return tf.concat((sum_and_count, tf.reduce_sum(squares, axis=(0, 1))), axis=0)

    def _outputs(self, inputs):
        return mean_of_members(self.model(inputs, training=False), self._architecture)
