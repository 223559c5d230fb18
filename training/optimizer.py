"""The optimizer, its learning-rate schedule, and the callbacks that watch the loss."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from settings import UserInput
from training.history import Progress

ENDLESS_SCHEDULES = ("constant", "plateau")  # schedules that do not depend on the number of epochs
STEPS_OF_A_LIMITED_SCHEDULE = 10_000
# Of the automatic schedule:
SETTLING_STEPS = 100  # in which the rate is nearly halved
FALL = 0.8  # power of the number of steps; with 1 a long training ended with a tenth more loss
LITTLE_GAIN = 0.03  # share of the loss; less is not worth a third of the epochs
FEWEST_EPOCHS = 6  # before the gain is judged
SMALLEST_RATE = 0.01  # at the end, as a share of the first
OPTIMIZERS = {
    "muon": keras.optimizers.Muon,
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "sgd": keras.optimizers.SGD,
    "rmsprop": keras.optimizers.RMSprop,
}


def make_optimizer(user: UserInput, steps_an_epoch: int) -> keras.optimizers.Optimizer:
    """The optimizer named in the settings; with weight_averaging it averages the weights exponentially (EMA)."""
    options: dict[str, Any] = {}
    if user.momentum is not None and user.optimizer not in ("adam", "adamw"):
        options["momentum"] = user.momentum
    if user.weight_decay is not None:
        options["weight_decay"] = user.weight_decay
    if user.weight_averaging:
        options |= {"use_ema": True, "ema_momentum": user.weight_averaging}
    by_epoch = user.max_minutes or user.lr_schedule == "automatic"
    rate = user.lr if by_epoch else learning_rate(user, steps_an_epoch * user.epochs)
    return OPTIMIZERS[user.optimizer](rate, **options)


def learning_rate(user: UserInput, steps: int) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """The learning rate over the steps of a training; "plateau" and "automatic" are done by callbacks."""
    if user.lr_schedule == "cosine":
        return keras.optimizers.schedules.CosineDecay(user.lr, steps)
    if user.lr_schedule == "exponential":  # to a hundredth at the end
        return keras.optimizers.schedules.ExponentialDecay(user.lr, steps, 0.01)
    if user.lr_schedule == "step":  # halved ten times
        return keras.optimizers.schedules.ExponentialDecay(user.lr, max(1, steps // 10), 0.5, staircase=True)
    return user.lr


class RateByEpoch(keras.callbacks.Callback):
    """Sets the learning rate of each epoch and ends the training, where the last epoch is not known beforehand.

    That is so with max_minutes, and with lr_schedule "automatic", see `automatic_rates`. Other schedules follow the
    share of the epochs or of the time that is used up, whichever is larger.
    """

    def __init__(self, user: UserInput, progress: Progress, watched: str, steps_an_epoch: int):
        super().__init__()
        self._user, self._progress, self._watched, self._steps = user, progress, watched, steps_an_epoch

    def on_epoch_end(self, epoch, logs=None):
        user, rows = self._user, self._progress.rows
        minutes = [row["elapsed_s"] / 60 for row in rows]
        limit = user.max_minutes or float("inf")
        used = [max(row["epoch"] / user.epochs, time / limit) for row, time in zip(rows, minutes, strict=True)]
        schedule = learning_rate(user, STEPS_OF_A_LIMITED_SCHEDULE)
        if user.lr_schedule == "automatic":
            rates = automatic_rates([row[self._watched] for row in rows], used, self._steps)
            if len(rates) == len(rows):
                self.model.stop_training = True
            self.model.optimizer.learning_rate = user.lr * rates[-1]
        elif callable(schedule):
            share = min(used[-1], 1.0)
            self.model.optimizer.learning_rate = float(schedule(int(share * STEPS_OF_A_LIMITED_SCHEDULE)))
        if minutes[-1] * (epoch + 2) / (epoch + 1) > limit:
            self.model.stop_training = True


def automatic_rates(losses: Sequence[float], used: Sequence[float], steps_an_epoch: int) -> list[float]:
    """Learning rates of all epochs so far and of the next one, if there is one, as shares of the first.

    The rate falls as a power of the number of steps for as long as the loss falls: until the last third of the
    epochs has lowered it by less than LITTLE_GAIN, or two thirds of `used` are reached. Then it falls exponentially, in
    half as many further epochs, and the training ends. A rate that falls like this needs no end, and is as good at each
    moment as a schedule that was planned to end there.

    losses: of each epoch. used: share of the allowed epochs or of the time that is used up after each epoch.
    """
    rates = [1.0]
    for done in range(1, len(losses) + 1):
        rates.append((1 + done * steps_an_epoch / SETTLING_STEPS) ** -FALL)
        if used[done - 1] >= 2 / 3 or _little_gained(losses[:done]):
            first, last = rates[done], min(SMALLEST_RATE, rates[done] / 5)
            final = np.geomspace(first, last, max(done // 2, 1)).tolist()
            return (rates[:done] + final)[: len(losses) + 1]
    return rates


def _little_gained(losses: Sequence[float]) -> bool:
    """Whether the last third of the epochs has lowered the smallest loss by less than LITTLE_GAIN."""
    if len(losses) < FEWEST_EPOCHS:
        return False
    recent = -(-len(losses) // 3)
    return min(losses[-recent:]) > (1 - LITTLE_GAIN) * min(losses[:-recent])


def loss_watchers(user: UserInput, watched: str) -> list[keras.callbacks.Callback]:
    """Callbacks that stop a diverging training, and lower the learning rate when the loss no longer falls."""
    callbacks = [keras.callbacks.TerminateOnNaN()]
    if user.lr_schedule == "plateau":
        # Keras' min_delta is absolute; its default of 1e-4 is larger than a good standardized loss.
        third = max(1, user.patience // 3)
        callbacks.append(keras.callbacks.ReduceLROnPlateau(watched, 0.5, third, mode="min", min_delta=0.0))
    return callbacks
