"""The optimizer, its learning rate, and when a training ends."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from settings import UserInput
from system.errors import counted
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
    rate = user.lr if user.max_minutes else learning_rate(user, steps_an_epoch * user.epochs)
    return OPTIMIZERS[user.optimizer](rate, **options)


def learning_rate(user: UserInput, steps: int) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """The learning rate over the steps of a training; `Plan` sets those that depend on the loss."""
    if user.lr_schedule == "cosine":
        return keras.optimizers.schedules.CosineDecay(user.lr, steps)
    if user.lr_schedule == "exponential":  # to a hundredth at the end
        return keras.optimizers.schedules.ExponentialDecay(user.lr, steps, 0.01)
    if user.lr_schedule == "step":  # halved ten times
        return keras.optimizers.schedules.ExponentialDecay(user.lr, max(1, steps // 10), 0.5, staircase=True)
    return user.lr


class Plan(keras.callbacks.Callback):
    """Sets the learning rate of the next epoch and ends the training, by the history so far.

    The optimizer follows other schedules by itself, unless max_minutes is set: then the rate follows the share of the
    epochs or of the time that is used up, whichever is larger.
    """

    def __init__(self, user: UserInput, progress: Progress, steps_an_epoch: int):
        super().__init__()
        self._user, self._progress, self._steps = user, progress, steps_an_epoch

    def on_epoch_end(self, epoch, logs=None):
        user, optimizer = self._user, self.model.optimizer
        schedule = learning_rate(user, STEPS_OF_A_LIMITED_SCHEDULE)
        if user.lr_schedule == "automatic":
            optimizer.learning_rate = user.lr * self._automatic_rates()[-1]
        elif user.lr_schedule == "plateau":
            optimizer.learning_rate = user.lr * 0.5 ** plateaus(self._losses(), max(1, user.patience // 3))
        elif user.max_minutes and callable(schedule):
            share = min(self._used()[-1], 1.0)
            optimizer.learning_rate = float(schedule(int(share * STEPS_OF_A_LIMITED_SCHEDULE)))
        if self.end():
            self.model.stop_training = True

    def end(self) -> str | None:
        """Why the training ends here; None if it goes on.

        The automatic schedule decides by itself, without patience: its last epochs, of small rates, are the best.
        """
        user, rows = self._user, self._progress.rows
        epochs = len(rows)
        if user.max_minutes and rows and rows[-1]["elapsed_s"] * (epochs + 1) / epochs > 60 * user.max_minutes:
            return f"max_minutes = {user.max_minutes:g}"
        if epochs >= user.epochs:
            return "all epochs done"
        if user.lr_schedule == "automatic":
            return "little was left to gain" if len(self._automatic_rates()) == epochs else None
        if epochs - (self._progress.best_epoch or 0) >= user.patience:
            return f"no better {self._progress.watched} in {counted(user.patience, 'epoch')}"
        return None

    def _automatic_rates(self) -> list[float]:
        return automatic_rates(self._losses(), self._used(), self._steps)

    def _losses(self) -> list[float]:
        return [row[self._progress.watched] for row in self._progress.rows]

    def _used(self) -> list[float]:
        """Share of the epochs or of the time that is used up after each epoch."""
        limit = 60 * (self._user.max_minutes or float("inf"))
        return [max(row["epoch"] / self._user.epochs, row["elapsed_s"] / limit) for row in self._progress.rows]


def plateaus(losses: Sequence[float], patience: int) -> int:
    """How often the loss was no better for `patience` epochs in a row, to float32 precision."""
    best, *others = np.float32(losses)
    waited = count = 0
    for loss in others:
        waited = 0 if loss < best else waited + 1
        best = loss if loss < best else best
        if waited == patience:
            waited, count = 0, count + 1
    return count


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
