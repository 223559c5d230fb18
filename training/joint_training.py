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
from collections.abc import Callable, Iterator

import keras
import numpy as np
import tensorflow as tf

from network import dropout_seeds, training_variables
from support.errors import InputError
from training.workers import Machine

WAIT = 600  # s for all machines to read their data and connect
INDEX_BYTES = 4
SILENCE = 3600  # s that a machine may take for a step, or the first one between two epochs
LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
    tf.errors.InternalError,
)


class Team:
    """The machines that train together, and sums over them. Has to be created before TensorFlow computes anything."""

    def __init__(self, machine: Machine):
        self.machine = machine
        distribute = tf.distribute.experimental
        # One GPU per machine, and TensorFlow's own sums instead of NCCL, as the network is small.
        tf.config.set_visible_devices(tf.config.list_physical_devices("GPU")[:1], "GPU")
        ring = distribute.CommunicationOptions(
            timeout_seconds=SILENCE, implementation=distribute.CommunicationImplementation.RING
        )
        meet(machine, WAIT)
        self._strategy = tf.distribute.MultiWorkerMirroredStrategy(communication_options=ring)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # TensorFlow would only note the signal and continue

    def total(self, values: np.ndarray) -> np.ndarray:
        """The sum over all machines, float64."""
        values = tf.constant(values, tf.float64)
        return self._strategy.reduce(tf.distribute.ReduceOp.SUM, values, axis=None).numpy()

    def from_first(self, values: np.ndarray) -> np.ndarray:
        """The first machine's values, float64; the others' need the same shape."""
        return self.total(values if self.machine.is_first else np.zeros_like(values, dtype=np.float64))

    def compare(self, prints: dict[str, str]) -> None:
        """Raises InputError on all machines if the fingerprints are not the same on all.

        Args:
            prints: name: hexadecimal digits.
        """
        own = np.zeros((len(self.machine.addresses), len(prints)))
        own[self.machine.index] = [int(digits[:12], 16) for digits in prints.values()]  # whole numbers below 2^53
        found = self.total(own)
        lines = [
            f"{self.machine.describe(index)}: its {name} differ from those of {self.machine.addresses[0]}, the first; "
            "start all machines with the same program, input file and data files"
            for index, name in zip(*np.nonzero(found != found[0]), strict=True)
            for name in [list(prints)[name]]
        ]
        if lines:
            raise InputError(lines)

    def share(self, batches: tf.data.Dataset) -> tf.data.Dataset:
        """This machine's part of each batch of windows (inputs, targets).

        All parts have the same size, padded with windows that do not count, as no layer accepts an empty batch.
        """
        number = len(self.machine.addresses)

        def part(inputs, targets):
            more = [[0, -tf.shape(inputs)[0] % number], [0, 0], [0, 0]]
            filled = tf.pad(inputs, more), tf.pad(targets, more, constant_values=np.nan)
            return tuple(values[self.machine.index :: number] for values in filled)

        return batches.map(part)

    def joint(self, model: keras.Model, sum_and_count: Callable) -> keras.Model:
        """The same network, to be trained with `fit` on the shares of batches.

        Args:
            sum_and_count: (target, output) -> sum of the objective's terms and their number.
        """
        joint = JointModel(model.inputs, model.outputs)
        joint.strategy, joint.sum_and_count = self._strategy, sum_and_count
        return joint

    @contextlib.contextmanager
    def losses_told(self) -> Iterator[None]:
        """Raises InputError in place of TensorFlow's error when another machine is lost."""
        try:
            yield
        except LOST as error:
            text = f"{error} {error.__cause__}"
            named = {int(index) for index in re.findall(r"/job:worker/(?:replica:0/)?task:(\d+)", text)}
            gone = [self.machine.describe(i) for i in sorted(named - {self.machine.index})]
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

    def __init__(self, team: Team):
        super().__init__()
        self._team = team

    def on_train_begin(self, logs=None):
        self.model.optimizer.build(self.model.trainable_variables)
        self._take_over()

    def on_epoch_end(self, epoch, logs=None):
        self._take_over()
        self.model.stop_training = bool(self._team.from_first([float(self.model.stop_training)])[0])

    def _take_over(self) -> None:
        variables = training_variables(self.model)
        sizes = np.cumsum([np.size(variable) for variable in variables])
        values = self._team.from_first(np.concatenate([np.ravel(variable.numpy()) for variable in variables]))
        if self._team.machine.is_first:
            return
        for variable, own in zip(variables, np.split(values, sizes[:-1]), strict=True):
            variable.assign(own.reshape(variable.shape).astype(variable.dtype))
        for seed in dropout_seeds(self.model):  # otherwise each machine would drop the same values of its share
            seed.assign(seed.numpy() + np.array([self._team.machine.index, 0], seed.dtype))


def meet(machine: Machine, seconds: float) -> None:
    """Rendezvous: returns when all machines are there. The others connect to the first one, which then releases them.

    TensorFlow's own would wait for an hour, ignore Ctrl-C, and not name the missing machine.

    Raises:
        InputError: some have not connected within that time, or the port of this one is in use.
    """
    until = time.monotonic() + seconds
    port = int(machine.addresses[machine.index].rpartition(":")[2])
    try:
        listener = socket.create_server(("", port))
    except OSError as error:
        raise InputError(
            f"{machine.describe(machine.index)}: its port cannot be opened ({error.strerror}); choose another one in "
            "TF_CONFIG"
        ) from None
    with listener, contextlib.ExitStack() as open_until_the_end:
        if not machine.is_first:
            _wait_for_the_first(machine, until, seconds)
            return
        come: dict[int, socket.socket] = {}
        try:
            while len(come) < len(machine.addresses) - 1:
                listener.settimeout(max(until - time.monotonic(), 0.001))
                other, _ = listener.accept()
                open_until_the_end.enter_context(other)
                other.settimeout(10)
                with contextlib.suppress(OSError):  # one that has disconnected again
                    index = int.from_bytes(other.recv(INDEX_BYTES))
                    if 1 <= index < len(machine.addresses):
                        come[index] = other
        except OSError:
            missing = [machine.describe(i) for i in range(1, len(machine.addresses)) if i not in come]
            raise _not_there(missing, seconds) from None
        for other in come.values():
            with contextlib.suppress(OSError):
                other.sendall(b"!")
                other.recv(1)  # returns nothing, as the other closes first, so that the port is free at once


def _wait_for_the_first(machine: Machine, until: float, seconds: float) -> None:
    host, _, port = machine.addresses[0].rpartition(":")
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection((host, int(port)), 10) as first:
            first.sendall(machine.index.to_bytes(INDEX_BYTES))
            first.settimeout(max(until - time.monotonic(), 0.001))
            if first.recv(1):
                return
        time.sleep(0.2)
    raise _not_there([machine.describe(0)], seconds)


def _not_there(missing: list[str], seconds: float) -> InputError:
    return InputError(
        f"{' and '.join(missing)} did not connect within {seconds:g} s; start the program on all machines at the same "
        "time, and check the addresses and that the machines can reach each other"
    )
