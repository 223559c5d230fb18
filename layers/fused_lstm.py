"""An LSTM layer that trains fast on a CPU: compiled loops over the whole sequence, see `lstm_kernel`.

On a CPU keras.layers.LSTM runs a loop of small operations, 10 to 30 times slower. The layer's weights are those of
keras.layers.LSTM in the same order, so that get_weights and set_weights transfer them.
"""

import functools
import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import tensorflow as tf

from layers import lstm_kernel
from support.cores import cores

GATE_FACTORS = (0.5, 0.5, 1.0, 0.5)  # input, forget, cell, output: sigmoid(z) = (tanh(z / 2) + 1) / 2


@keras.saving.register_keras_serializable(package="SimpleCode_to_LAMP")
class FusedLSTM(keras.layers.LSTM):
    """keras.layers.LSTM with its default activations, computed by one kernel.

    Takes (batch, time, channels), returns (batch, time, units) with return_sequences, else (batch, units). Masks,
    initial states, dropout inside the layer, return_state, stateful and unroll are not supported: ValueError.
    """

    def __init__(self, units, **kwargs):
        super().__init__(units, **kwargs)
        self.supports_jit = False  # XLA cannot call the kernel
        unsupported = [
            name
            for name in ("dropout", "recurrent_dropout", "return_state", "stateful", "unroll")
            if getattr(self, name)
        ]
        gates = (self.activation, self.recurrent_activation)
        if unsupported or gates != (keras.activations.tanh, keras.activations.sigmoid) or not self.use_bias:
            raise ValueError(
                f"FusedLSTM has tanh and sigmoid, a bias, and no {', '.join(unsupported) or 'other gates'}"
            )

    def call(self, sequences, initial_state=None, mask=None, training=False):
        if initial_state is not None or mask is not None:
            raise ValueError("FusedLSTM takes neither initial states nor masks")
        steps = tf.reverse(sequences, (1,)) if self.go_backwards else sequences
        kernel, bias = _padded(self.cell.kernel, self.units), _padded(self.cell.bias, self.units)
        extra = len(lstm_kernel.lanes(self.units)) - self.units
        recurrent = _padded(tf.pad(self.cell.recurrent_kernel, ((0, extra), (0, 0))), self.units)
        outputs = _recurrence(tf.matmul(steps, kernel) + bias, recurrent)[..., : self.units]
        return outputs if self.return_sequences else outputs[:, -1]


def _padded(weights: tf.Tensor, units: int) -> tf.Tensor:
    """(..., 4 units) in Keras' order as the kernel takes it: each gate padded with zeros, sigmoid gates halved."""
    gates = tf.stack(tf.split(weights, 4, axis=-1), axis=-2) * tf.constant(GATE_FACTORS)[:, None]
    extra = len(lstm_kernel.lanes(units)) - units
    padded = tf.pad(gates, [(0, 0)] * (len(weights.shape)) + [(0, extra)])
    return tf.reshape(padded, (*weights.shape[:-1], -1))


@tf.custom_gradient
def _recurrence(steps: tf.Tensor, recurrent: tf.Tensor):
    """(batch, time, 4 units) before the activations, (units, 4 units) -> (batch, time, units)."""
    kinds = (tf.float32,) * 3
    outputs, gates, cells = tf.numpy_function(_forward, (steps, recurrent), kinds, stateful=False)
    outputs.set_shape((*steps.shape[:-1], recurrent.shape[0]))

    def gradient(of_outputs):
        of_steps = tf.numpy_function(_backward, (gates, recurrent, cells, of_outputs), tf.float32, stateful=False)
        of_steps.set_shape(steps.shape)
        before = tf.pad(outputs[:, :-1], ((0, 0), (1, 0), (0, 0)))
        flat = [tf.reshape(values, (-1, values.shape[-1])) for values in (before, of_steps)]
        return of_steps, tf.matmul(*flat, transpose_a=True)

    return outputs, gradient


def _forward(steps: np.ndarray, recurrent: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    batch, time, _ = steps.shape
    gates = steps.copy()
    cells, outputs = (np.empty((batch, time, len(recurrent)), np.float32) for _ in range(2))
    _in_parts(lstm_kernel.forward, len(recurrent), gates, recurrent, cells, outputs)
    return outputs, gates, cells


def _backward(gates: np.ndarray, recurrent: np.ndarray, cells: np.ndarray, of_outputs: np.ndarray) -> np.ndarray:
    of_steps = gates.copy()
    _in_parts(lstm_kernel.backward, len(recurrent), of_steps, np.ascontiguousarray(recurrent.T), cells, of_outputs)
    return of_steps


def _in_parts(kernel: Callable[..., None], units: int, *arrays: np.ndarray) -> None:
    """Runs the kernel on all sequences, a part of them on each core."""
    bounds = np.linspace(0, len(arrays[0]), _threads() + 1).round().astype(int)
    parts = [part for part in itertools.pairwise(bounds.tolist()) if part[0] < part[1]]
    others = [_pool().submit(kernel, *arrays, *part, lstm_kernel.lanes(units)) for part in parts[1:]]
    kernel(*arrays, *parts[0], lstm_kernel.lanes(units))
    for other in others:
        other.result()


def _threads() -> int:
    """As many as TensorFlow uses."""
    return tf.config.threading.get_intra_op_parallelism_threads() or cores()


@functools.cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_threads())
