"""The objective functions that training and validation minimize, on standardized motions.

With target y, output p and e = p - y, the kinds are: 0 mean of e^2; 1 mean of e^2 (a + b y^2); 2 mean of e^2 at the
turning points of y in time; 3 mean of e^2 where |y| >= a; 4 mean of e^2 where |e| >= a; 5 mean of e^2 where |e| >= a
and |y| >= b; 6 mean of e^2 at the last step. A mean over no element is 0. Steps whose target is NaN do not count: that
is how the washout of a window and the padding of short sequences are left out.
"""

from collections.abc import Callable

import tensorflow as tf

Objective = tuple[int, float, float]


def objective_sum_and_count(objective: Objective, target: tf.Tensor, output: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Sum of the objective's terms and their number, so that batches can be joined to the mean over all of them.

    Args:
        objective: (kind, a, b).
        target, output: (batch, time, channel); NaN in the target marks elements that do not count.
    """
    kind, a, b = objective
    known = tf.math.is_finite(target)
    y = tf.where(known, target, tf.zeros_like(target))
    error = tf.where(known, output - y, tf.zeros_like(target))
    terms = tf.square(error)
    counted = known
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
        steps_left = tf.cumsum(tf.cast(known, tf.int32), axis=1, reverse=True)
        counted &= steps_left == 1
    weights = tf.cast(counted, terms.dtype)
    return tf.reduce_sum(terms * weights), tf.reduce_sum(weights)


def turning_points(target: tf.Tensor) -> tf.Tensor:
    """Boolean (batch, time, channel): where the target turns in time; NaN and its neighbours never do.

    A flat top counts once, at its first sample, as in metrics.turning_points, which does the same for flat tops of any
    length; here they may be two samples long, which is what rounding in the files makes of a peak.
    """
    step = target[:, 1:] - target[:, :-1]
    before, after = step[:, :-1], step[:, 1:]
    beyond = tf.concat((after[:, 1:], tf.zeros_like(after[:, :1])), axis=1)
    turns = (before * after < 0) | ((after == 0) & (before * beyond < 0))
    return tf.pad(turns, ((0, 0), (1, 1), (0, 0)))


def objective_loss(objective: Objective) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    """The objective as a Keras loss function: (target, output) -> scalar mean, 0 over no element."""

    def loss(target, output):
        total, count = objective_sum_and_count(objective, target, output)
        return tf.math.divide_no_nan(total, count)

    return loss
