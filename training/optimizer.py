"""The optimizer, its learning-rate schedule, and the callbacks that watch the loss."""

from typing import Any

import keras

from settings import UserInput
from training.history import Progress

ENDLESS_SCHEDULES = ("constant", "plateau")  # schedules that do not depend on the number of epochs
STEPS_OF_A_LIMITED_SCHEDULE = 10_000
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
    """The learning rate over the steps of a training; "plateau" is done by a callback."""
    if user.lr_schedule == "cosine":
        return keras.optimizers.schedules.CosineDecay(user.lr, steps)
    if user.lr_schedule == "exponential":  # to a hundredth at the end
        return keras.optimizers.schedules.ExponentialDecay(user.lr, steps, 0.01)
    if user.lr_schedule == "step":  # halved ten times
        return keras.optimizers.schedules.ExponentialDecay(user.lr, max(1, steps // 10), 0.5, staircase=True)
    return user.lr


class TimeLimit(keras.callbacks.Callback):
    """Ends a training when another epoch would take it beyond max_minutes; the learning rate has fallen by then.

    The schedule follows the share of the epochs or of the time that is used up, whichever is larger.
    """

    def __init__(self, user: UserInput, progress: Progress):
        super().__init__()
        self._user, self._progress = user, progress

    def on_epoch_end(self, epoch, logs=None):
        user, minutes = self._user, self._progress.rows[-1]["elapsed_s"] / 60
        schedule = learning_rate(user, STEPS_OF_A_LIMITED_SCHEDULE)
        if callable(schedule):
            used = max((epoch + 1) / user.epochs, min(minutes / user.max_minutes, 1.0))
            self.model.optimizer.learning_rate = float(schedule(int(used * STEPS_OF_A_LIMITED_SCHEDULE)))
        if minutes * (epoch + 2) / (epoch + 1) > user.max_minutes:
            self.model.stop_training = True


def loss_watchers(user: UserInput, watched: str) -> list[keras.callbacks.Callback]:
    """Callbacks that stop a diverging training, and lower the learning rate when the loss no longer falls."""
    callbacks = [keras.callbacks.TerminateOnNaN()]
    if user.lr_schedule == "plateau":
        # Keras' min_delta is absolute; its default of 1e-4 is larger than a good standardized loss.
        third = max(1, user.patience // 3)
        callbacks.append(keras.callbacks.ReduceLROnPlateau(watched, 0.5, third, mode="min", min_delta=0.0))
    return callbacks
