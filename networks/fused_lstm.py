"""An LSTM layer that trains fast on a CPU: compiled loops over the whole sequence, see `lstm_kernel`.

On a CPU keras.layers.LSTM runs a loop of small operations, 15 to 40 times slower. The layer's weights are those of
keras.layers.LSTM in the same order, so that get_weights and set_weights transfer them.
"""

import functools
import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import tensorflow as tf

from networks import lstm_kernel
from system.cores import cores

PARTS = 8  # of a batch, each with sums of its own: gradients do not depend on the number of threads
GATE_FACTORS = np.float32([[0.5], [0.5], [1.0], [0.5]])  # sigmoid(z) = (tanh(z / 2) + 1) / 2


@keras.saving.register_keras_serializable(package="SimpleCode_to_LAMP")
class FusedLSTM(keras.layers.LSTM):
    """keras.layers.LSTM with its default activations, computed by one kernel.

    Takes (batch, time, channels), returns (batch, time, units) with return_sequences, else (batch, units). It has
    gradients with training=True only. Masks, initial states, dropout inside the layer, return_state, stateful and
    unroll are not supported: ValueError.
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
        weights = (self.cell.kernel, self.cell.recurrent_kernel, self.cell.bias)
        outputs = (_lstm if training else _lstm_without_gradient)(steps, *map(tf.convert_to_tensor, weights))
        return outputs if self.return_sequences else outputs[:, -1]


@tf.custom_gradient
def _lstm(inputs: tf.Tensor, kernel: tf.Tensor, recurrent: tf.Tensor, bias: tf.Tensor):
    """(batch, time, channel) and the weights of keras.layers.LSTM -> (batch, time, units)."""
    arguments = (inputs, kernel, recurrent, bias)
    outputs, *states = tf.numpy_function(_forward, arguments, (tf.float32,) * 4, stateful=False)
    outputs.set_shape((*inputs.shape[:-1], recurrent.shape[0]))

    def gradient(d_outputs):
        values = (inputs, kernel, recurrent, *states, d_outputs)
        gradients = tf.numpy_function(_backward, values, (tf.float32,) * 4, stateful=False)
        for result, argument in zip(gradients, arguments, strict=True):
            result.set_shape(argument.shape)
        return gradients

    return outputs, gradient


def _lstm_without_gradient(inputs: tf.Tensor, kernel: tf.Tensor, recurrent: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    outputs = tf.numpy_function(_evaluate, (inputs, kernel, recurrent, bias), tf.float32, stateful=False)
    outputs.set_shape((*inputs.shape[:-1], recurrent.shape[0]))
    return outputs


def _evaluate(inputs: np.ndarray, kernel: np.ndarray, recurrent: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """The outputs, with nothing kept for a gradient."""
    lanes, weights = _prepared(kernel, recurrent, bias)
    outputs = np.empty((*inputs.shape[:2], len(lanes)), np.float32)

    def run(_: int, first: int, last: int) -> None:
        gates, cells = (np.empty((1, lstm_kernel.BLOCK, n * len(lanes)), np.float32) for n in (4, 1))
        lstm_kernel.forward(inputs, weights, outputs, gates, cells, first, last, lanes)

    _in_threads(run, _parts(len(inputs)))
    return np.ascontiguousarray(outputs[..., : len(recurrent)])


def _forward(inputs: np.ndarray, kernel: np.ndarray, recurrent: np.ndarray, bias: np.ndarray) -> list[np.ndarray]:
    """The outputs; and padded (see `lstm_kernel`) the outputs, the gates and the cells."""
    lanes, weights = _prepared(kernel, recurrent, bias)
    states = [np.empty((*inputs.shape[:2], width), np.float32) for width in (len(lanes), 4 * len(lanes), len(lanes))]
    _in_threads(lambda _, *part: lstm_kernel.forward(inputs, weights, *states, *part, lanes), _parts(len(inputs)))
    return [states[0][..., : len(recurrent)].copy(), *states]


def _backward(
    inputs: np.ndarray,
    kernel: np.ndarray,
    recurrent: np.ndarray,
    outputs: np.ndarray,
    gates: np.ndarray,
    cells: np.ndarray,
    d_outputs: np.ndarray,
) -> list[np.ndarray]:
    """Gradients of the inputs, the kernel, the recurrent kernel and the bias."""
    channels, units = len(kernel), len(recurrent)
    lanes = lstm_kernel.lanes(units)
    d_inputs = np.empty_like(inputs)
    padded = _padded(kernel), _padded(recurrent, rows=len(lanes))
    transposed = tuple(np.ascontiguousarray(weights.T) for weights in padded)
    parts = _parts(len(inputs))  # each has its own sums
    d_weights = np.zeros((len(parts), channels + len(lanes) + 1, 4 * len(lanes)), np.float32)

    def run(part: int, first: int, last: int) -> None:
        sums = d_weights[part, :channels], d_weights[part, channels:-1], d_weights[part, -1]
        lstm_kernel.backward(inputs, transposed, outputs, gates, cells, d_outputs, d_inputs, sums, first, last, lanes)

    _in_threads(run, parts)
    total = d_weights.sum(axis=0).reshape(-1, 4, len(lanes))[..., :units] * GATE_FACTORS
    total = total.reshape(-1, 4 * units)
    return [d_inputs, total[:channels], total[channels : channels + units], total[-1]]


def _prepared(kernel: np.ndarray, recurrent: np.ndarray, bias: np.ndarray) -> tuple[tuple[int, ...], tuple]:
    """What `lstm_kernel.forward` takes: the lanes and the weights."""
    lanes = lstm_kernel.lanes(len(recurrent))
    return lanes, (_padded(kernel), _padded(recurrent, rows=len(lanes)), _padded(bias[None])[0])


def _padded(weights: np.ndarray, rows: int = 0) -> np.ndarray:
    """(rows, 4 units) as `lstm_kernel` takes them: each gate, and the rows, padded with zeros; sigmoid gates halved."""
    gates = weights.reshape(len(weights), 4, -1) * GATE_FACTORS
    units = gates.shape[-1]
    padded = np.zeros((rows or len(gates), 4, len(lstm_kernel.lanes(units))), np.float32)
    padded[: len(gates), :, :units] = gates
    return padded.reshape(len(padded), -1)


def _parts(sequences: int) -> list[tuple[int, int]]:
    """The first and the last (not included) of the sequences in each part of a batch."""
    bounds = np.linspace(0, sequences, min(PARTS, sequences) + 1).round().astype(int)
    return list(itertools.pairwise(bounds.tolist()))


def _in_threads(run: Callable[[int, int, int], None], parts: list[tuple[int, int]]) -> None:
    """Calls run(part, first, last) for all parts, shared among the threads, of which this one is the first."""

    def run_share(thread: int) -> None:
        for part in range(thread, len(parts), threads):
            run(part, *parts[part])

    threads = min(cores(), len(parts))
    others = [_pool().submit(run_share, thread) for thread in range(1, threads)]
    if parts:  # none in an empty batch
        run_share(0)
    for other in others:
        other.result()


@functools.cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(cores())
