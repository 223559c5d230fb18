"""Training on several machines at once: each takes the same steps, with gradients summed over all machines.

Each machine has its own network and optimizer and processes its share of each batch. The sums of the gradients, of the
objective's terms and of their number go to all machines, so that each takes the step that one machine would take with
the whole batch.
"""

import contextlib
import re
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence

import keras
import numpy as np
import tensorflow as tf

from network import dropout_seeds, training_variables
from settings import Config
from support.cluster import Worker, this_worker, trains_together
from support.errors import InputError

WAIT = 600  # s for all machines to read their data and connect
INDEX_BYTES = 4
MOST_STEPS_AT_ONCE = 20
SILENCE = 3600  # s that a machine may take for a step, or the first one between two epochs
LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
    tf.errors.InternalError,
)


class OneWorker:
    """A training on this machine alone, with nothing to compare, share or wait for."""

    is_first = True
    failures_as_errors = contextlib.nullcontext

    def compare(self, fingerprints: dict[str, str]) -> None:
        """Raises InputError on all workers if the fingerprints (name: hexadecimal digits) are not the same on all."""

    def from_first(self, values: Sequence[float]) -> np.ndarray:
        """The first worker's values, float64; the others' need the same shape."""
        return np.asarray(values, np.float64)

    def share(self, batches: tf.data.Dataset) -> tf.data.Dataset:
        """This worker's part of each batch of windows (inputs, targets)."""
        return batches

    def joint(self, model: keras.Model, sum_and_count: Callable) -> keras.Model:
        """The same network, to be trained with `fit` on the shares of batches.

        sum_and_count: (target, output) -> sum of the objective's terms and their number.
        """
        return model

    def steps_at_once(self, steps_an_epoch: int) -> int:
        """Training steps that TensorFlow takes before it returns to Python, which takes as long as several steps.

        They divide an epoch evenly and are few enough for Ctrl-C to take effect within about a second.
        """
        return max(n for n in range(1, MOST_STEPS_AT_ONCE + 1) if steps_an_epoch % n == 0)

    def callbacks(self) -> list[keras.callbacks.Callback]:
        """Callbacks that keep the workers in step; they come last."""
        return []


def connect(config: Config) -> OneWorker:
    """Connects the workers of a training. Has to be called before TensorFlow computes anything.

    Raises InputError if TF_CONFIG is wrong, or some workers did not come.
    """
    worker = this_worker()
    return Workers(worker) if trains_together(worker, config) else OneWorker()


class Workers(OneWorker):
    """Several workers that train together, and sums over them."""

    def __init__(self, worker: Worker):
        self.worker = worker
        distribute = tf.distribute.experimental
        # One GPU per machine, and TensorFlow's own sums instead of NCCL, as the network is small.
        tf.config.set_visible_devices(tf.config.list_physical_devices("GPU")[:1], "GPU")
        ring = distribute.CommunicationOptions(
            timeout_seconds=SILENCE, implementation=distribute.CommunicationImplementation.RING
        )
        rendezvous(worker, WAIT)
        self._strategy = tf.distribute.MultiWorkerMirroredStrategy(communication_options=ring)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # TensorFlow would only note the signal and continue

    @property
    def is_first(self) -> bool:
        return self.worker.is_first

    def total(self, values: np.ndarray) -> np.ndarray:
        """The sum over all machines, float64."""
        values = tf.constant(values, tf.float64)
        return self._strategy.reduce(tf.distribute.ReduceOp.SUM, values, axis=None).numpy()

    def from_first(self, values: Sequence[float]) -> np.ndarray:
        return self.total(values if self.worker.is_first else np.zeros_like(values, dtype=np.float64))

    def compare(self, fingerprints: dict[str, str]) -> None:
        own = np.zeros((len(self.worker.addresses), len(fingerprints)))
        own[self.worker.index] = [int(digits[:12], 16) for digits in fingerprints.values()]  # whole numbers below 2^53
        found = self.total(own)
        names, first = list(fingerprints), self.worker.addresses[0]
        lines = [
            f"{self.worker.describe(index)}: its {names[n]} differ from those of {first}, the first; start all "
            "machines with the same program, input file and data files"
            for index, n in np.argwhere(found != found[0])
        ]
        if lines:
            raise InputError(lines)
        if self.is_first:
            print(f"Training on {len(self.worker.addresses)} machines: {', '.join(self.worker.addresses)}")

    def share(self, batches: tf.data.Dataset) -> tf.data.Dataset:
        # All parts have the same size, padded with windows that do not count, as no layer accepts an empty batch.
        number = len(self.worker.addresses)

        def part(inputs, targets):
            more = [[0, -tf.shape(inputs)[0] % number], [0, 0], [0, 0]]
            filled = tf.pad(inputs, more), tf.pad(targets, more, constant_values=np.nan)
            return tuple(values[self.worker.index :: number] for values in filled)

        return batches.map(part)

    def joint(self, model: keras.Model, sum_and_count: Callable) -> keras.Model:
        joint = JointModel(model.inputs, model.outputs)
        joint.strategy, joint.sum_and_count = self._strategy, sum_and_count
        return joint

    def steps_at_once(self, steps_an_epoch: int) -> int:
        return 1

    def callbacks(self) -> list[keras.callbacks.Callback]:
        return [InStep(self)]

    @contextlib.contextmanager
    def failures_as_errors(self) -> Iterator[None]:
        """Raises InputError instead of TensorFlow's error when another worker no longer responds."""
        try:
            yield
        except LOST as error:
            text = f"{error} {error.__cause__}"
            named = {int(index) for index in re.findall(r"/job:worker/(?:replica:0/)?task:(\d+)", text)}
            gone = [self.worker.describe(i) for i in sorted(named - {self.worker.index})]
            raise InputError(
                f"{' and '.join(gone) or 'another machine'} no longer responds; see its output for the reason. "
                "Start all machines again with resume = True to continue after the last completed epoch"
            ) from None


class JointModel(keras.Model):
    def train_step(self, data):
        inputs, targets = data

        def sums():
            with tf.GradientTape() as tape:
                terms, count = self.sum_and_count(targets, self(inputs, training=True))
            gradients = map(tf.convert_to_tensor, tape.gradient(terms, self.trainable_variables))
            windows = tf.reduce_any(tf.math.is_finite(targets), axis=(1, 2))
            own = [*gradients, terms, count, tf.reduce_sum(tf.cast(windows, terms.dtype))]
            return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, own)

        *gradients, terms, count, windows = self.strategy.run(sums)
        means = [tf.math.divide_no_nan(gradient, count) for gradient in gradients]
        self.optimizer.apply(means, self.trainable_variables)
        (loss,) = self.metrics
        loss.update_state(tf.math.divide_no_nan(terms, count), sample_weight=windows)
        return {"loss": loss.result()}


class InStep(keras.callbacks.Callback):
    """Before the first epoch and after each, copies the first machine's state to all. Has to be the last callback.

    So the others need neither the files of an interrupted training nor the callbacks for early stopping and the
    learning rate, and rounding differences between processors do not accumulate.
    """

    def __init__(self, workers: Workers):
        super().__init__()
        self._workers = workers

    def on_train_begin(self, logs=None):
        self.model.optimizer.build(self.model.trainable_variables)
        self._take_over()

    def on_epoch_end(self, epoch, logs=None):
        self._take_over()
        self.model.stop_training = bool(self._workers.from_first([float(self.model.stop_training)])[0])

    def _take_over(self) -> None:
        variables = training_variables(self.model)
        sizes = np.cumsum([np.size(variable) for variable in variables])
        values = self._workers.from_first(np.concatenate([np.ravel(variable.numpy()) for variable in variables]))
        if self._workers.worker.is_first:
            return
        for variable, own in zip(variables, np.split(values, sizes[:-1]), strict=True):
            variable.assign(own.reshape(variable.shape).astype(variable.dtype))
        for seed in dropout_seeds(self.model):  # otherwise each machine would drop the same values of its share
            seed.assign(seed.numpy() + np.array([self._workers.worker.index, 0], seed.dtype))


def rendezvous(worker: Worker, seconds: float) -> None:
    """Rendezvous: returns when all machines are there. The others connect to the first one, which then releases them.

    TensorFlow's own would wait for an hour, ignore Ctrl-C, and not name the missing worker.

    Raises InputError if some have not connected within that time, or the port of this one is in use.
    """
    until = time.monotonic() + seconds
    port = int(worker.addresses[worker.index].rpartition(":")[2])
    try:
        listener = socket.create_server(("", port))
    except OSError as error:
        raise InputError(
            f"{worker.describe(worker.index)}: its port cannot be opened ({error.strerror}); choose another one in "
            "TF_CONFIG"
        ) from None
    with listener, contextlib.ExitStack() as open_until_the_end:
        if not worker.is_first:
            _wait_for_the_first(worker, until, seconds)
            return
        present: dict[int, socket.socket] = {}
        try:
            while len(present) < len(worker.addresses) - 1:
                listener.settimeout(max(until - time.monotonic(), 0.001))
                other, _ = listener.accept()
                open_until_the_end.enter_context(other)
                other.settimeout(10)
                with contextlib.suppress(OSError):  # one that has disconnected again
                    index = int.from_bytes(other.recv(INDEX_BYTES))
                    if 1 <= index < len(worker.addresses):
                        present[index] = other
        except OSError:
            missing = [worker.describe(i) for i in range(1, len(worker.addresses)) if i not in present]
            raise _not_there(missing, seconds) from None
        for other in present.values():
            with contextlib.suppress(OSError):
                other.sendall(b"!")
                other.recv(1)  # returns nothing, as the other closes first, so that the port is free at once


def _wait_for_the_first(worker: Worker, until: float, seconds: float) -> None:
    host, _, port = worker.addresses[0].rpartition(":")
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection((host, int(port)), 10) as first:
            first.sendall(worker.index.to_bytes(INDEX_BYTES))
            first.settimeout(max(until - time.monotonic(), 0.001))
            if first.recv(1):
                return
        time.sleep(0.2)
    raise _not_there([worker.describe(0)], seconds)


def _not_there(missing: list[str], seconds: float) -> InputError:
    return InputError(
        f"{' and '.join(missing)} did not connect within {seconds:g} s; start the program on all machines at the same "
        "time, and check the addresses and that the machines can reach each other"
    )
