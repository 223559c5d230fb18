"""The layers between standardized inputs and standardized outputs, a function for each kind of network.

Each takes the inputs (batch, time, channel), the architecture, the prefix of the layers' names, and the class of LSTM
layers that is fastest here; it returns the outputs (batch, time, channel), or these and the states of its layers
(batch, time, unit), of which an output filter makes use.
All are built-in Keras layers and operations, so that saved networks load without this project; to train and to predict,
`FusedLSTM` and `SumOfShifted` stand in for them. All take any number of steps. None depends on the position in the
record, so that what is learned from windows holds for whole records.
"""

from typing import Any

import keras
import numpy as np
from keras import ops

from networks.fused_lstm import FusedLSTM

Architecture = Any  # that of network.py, which stands above this module
Outputs = tuple[keras.KerasTensor, list[keras.KerasTensor]]  # the outputs and the layers' states

FILTER_BEFORE, FILTER_AFTER = 60, 10  # network steps that the linear filter sees before and after each step
ATTENTION_REACH = 50  # network steps to either side that a layer of attention sees
FRONT_STEPS = 9  # width of the transformer's first convolution, in network steps; it provides slopes
HEAD_UNITS = 10  # approximate units of an attention head
NEVER = -1e9  # attention score of a step without weight


def lstm(inputs: keras.KerasTensor, a: Architecture, prefix: str, layer: type) -> Outputs:
    """Layers of keras.layers.LSTM, or of a class with the same arguments."""
    return _recurrent(inputs, a, f"{prefix}lstm_", prefix, layer)


def gru(inputs: keras.KerasTensor, a: Architecture, prefix: str, _: type) -> Outputs:
    """Layers of keras.layers.GRU."""
    return _recurrent(inputs, a, f"{prefix}gru_", prefix, keras.layers.GRU)


def _recurrent(inputs: keras.KerasTensor, a: Architecture, name: str, prefix: str, layer: type) -> Outputs:
    hidden, states = with_steps_ahead(inputs, a.look_ahead, f"{prefix}look_ahead"), []
    for n in range(1, a.num_layers + 1):
        if a.dropout and n > 1:
            hidden = keras.layers.Dropout(a.dropout, name=f"{prefix}dropout_{n - 1}")(hidden)
        reader = layer(a.hidden_size, return_sequences=True, name=f"{name}{n}")
        if a.bi_directional:
            reader = keras.layers.Bidirectional(reader, name=f"{prefix}bidirectional_{n}")
        hidden = reader(hidden)
        states.append(hidden)
    return _outputs(hidden, a, prefix), states


def _outputs(hidden: keras.KerasTensor, a: Architecture, prefix: str) -> keras.KerasTensor:
    return keras.layers.Dense(len(a.outputs), name=f"{prefix}outputs")(hidden)


def with_steps_ahead(inputs: keras.KerasTensor, steps: int, name: str) -> keras.KerasTensor:
    """Appends the inputs of the next `steps` steps; beyond the end of the record the last one is repeated.

    With zeros, as if the sea suddenly became calm, the last seconds of a record were predicted badly.
    """
    if not steps:
        return inputs
    channels, taps = inputs.shape[-1], steps + 1
    layer = keras.layers.Conv1D(taps * channels, taps, use_bias=False, trainable=False, name=name)
    layer.build((None, None, channels))
    # (tap, channel, output): the outputs are the channels at the first tap, then those at the second, ...
    layer.set_weights([np.eye(taps * channels).reshape(taps, channels, taps * channels)])
    return layer(ops.concatenate([inputs, *[inputs[:, -1:]] * steps], axis=1))


def filter_lags(both_ways: bool) -> tuple[int, int]:
    """Number of network steps before and after each step that the linear filter sees."""
    return FILTER_BEFORE, FILTER_AFTER if both_ways else 0


def linear_filter(inputs: keras.KerasTensor, a: Architecture, prefix: str, _: type) -> Outputs:
    """A weighted sum of the inputs at the neighbouring steps; beyond the ends of the record they are at their mean."""
    return _filtered(inputs, filter_lags(a.bi_directional), keras.layers.Conv1D, a, f"{prefix}outputs"), []


def output_filter(seen: keras.KerasTensor, a: Architecture, prefix: str, layer: type) -> keras.KerasTensor:
    """What an output filter adds to the outputs: nothing until it is fitted. seen: the network's inputs and states."""
    conv = SumOfShifted if issubclass(layer, FusedLSTM) else keras.layers.Conv1D
    return _filtered(seen, a.filter_lags, conv, a, f"{prefix}output_filter", kernel_initializer="zeros")


def _filtered(
    seen: keras.KerasTensor, lags: tuple[int, int], conv: type, a: Architecture, name: str, **more: str
) -> keras.KerasTensor:
    padded = keras.layers.ZeroPadding1D(lags)(seen)
    return conv(len(a.outputs), sum(lags) + 1, name=name, **more)(padded)


class SumOfShifted(keras.layers.Conv1D):
    """keras.layers.Conv1D as a matrix product and a sum of shifted steps: on a CPU it takes a tenth of the time.

    As an output filter needs it: steps of 1, no padding, a bias, no activation.
    """

    def call(self, inputs):
        taps, channels, filters = self.kernel.shape
        steps = ops.shape(inputs)[1]
        kernel = ops.reshape(ops.transpose(self.kernel, (2, 0, 1)), (filters * taps, channels))
        each = ops.matmul(kernel, ops.transpose(inputs, (0, 2, 1)))  # (batch, filter and tap, step)
        # Read in rows that are a step longer, the rows of each filter are shifted: by as many steps as their number.
        rows = ops.pad(ops.reshape(each, (-1, filters, taps * steps)), ((0, 0), (0, 0), (0, taps)))
        shifted = ops.reshape(rows, (-1, filters, taps, steps + 1))[..., : steps - taps + 1]
        return ops.transpose(ops.sum(shifted, axis=2), (0, 2, 1)) + self.bias


def transformer(inputs: keras.KerasTensor, a: Architecture, prefix: str, _: type) -> Outputs:
    """A convolution, then pre-norm blocks of local attention (ATTENTION_REACH steps) and a two-layer network.

    A one-way network looks back only. Time is split into blocks as long as the reach, and the steps of a block attend
    to their own and the neighbouring blocks, so that time and memory grow linearly with the number of steps. The width
    is hidden_size, rounded so that the heads are equally wide. There is no final normalization, which would remove the
    amplitude of the motions.
    """
    both_ways, heads = a.bi_directional, max(1, round(a.hidden_size / HEAD_UNITS))
    width = heads * max(1, round(a.hidden_size / heads))
    # Numbers the steps of the batch's first sequence, since symbolic tensors have no length.
    steps = ops.cumsum(ops.ones_like(inputs[0, :, 0], dtype="int32")) - 1
    padded, is_step = _whole_blocks(inputs, steps)
    hidden = keras.layers.Conv1D(width, FRONT_STEPS, padding="same" if both_ways else "causal", name=f"{prefix}front")(
        padded
    )
    for n in range(1, a.num_layers + 1):
        name = f"{prefix}block_{n}_"
        normal = keras.layers.LayerNormalization(name=f"{name}norm_1")(hidden)
        attended = _attention(normal, is_step, heads, width, both_ways, name)
        hidden = hidden + _dropped(attended, a.dropout)
        normal = keras.layers.LayerNormalization(name=f"{name}norm_2")(hidden)
        inner = keras.layers.Dense(2 * width, activation="gelu", name=f"{name}inner")(normal)
        hidden = hidden + _dropped(keras.layers.Dense(width, name=f"{name}outer")(inner), a.dropout)
    hidden = ops.take(hidden, steps, axis=1)
    return _outputs(hidden, a, prefix), [hidden]


def _dropped(values: keras.KerasTensor, dropout: float) -> keras.KerasTensor:
    return keras.layers.Dropout(dropout)(values) if dropout else values


def _whole_blocks(inputs: keras.KerasTensor, steps: keras.KerasTensor) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Inputs (batch, time, channel) padded with 0 to whole blocks; (batch, time, 1), 0 where padded."""
    marked = ops.concatenate([inputs, ops.ones_like(inputs[..., :1])], axis=-1)
    longer = keras.layers.ZeroPadding1D((0, ATTENTION_REACH - 1))(marked)
    first_steps = ops.expand_dims(steps[::ATTENTION_REACH,], 1)
    places = ops.reshape(first_steps + np.arange(ATTENTION_REACH, dtype=np.int32), (-1,))
    filled = ops.take(longer, places, axis=1)
    return filled[..., :-1], filled[..., -1:]


def _attention(
    values: keras.KerasTensor, is_step: keras.KerasTensor, heads: int, width: int, both_ways: bool, name: str
) -> keras.KerasTensor:
    """Attention of each step to those within reach, with a learned weight for each distance in time.

    values: (batch, time, width), is_step: (batch, time, 1), time in whole blocks.
    """
    block = ATTENTION_REACH
    seen = (3 if both_ways else 2) * block
    # Between a step of a block and one in it or its neighbours: by how many steps the second is earlier.
    lag = np.arange(block)[:, None] - (np.arange(seen) - block)
    within_reach = (np.abs(lag) <= block) & (both_ways | (lag >= 0))
    lag_number = np.where(within_reach, lag + both_ways * block, 0).astype(np.int32)

    query, key, value = (keras.layers.Dense(width, name=f"{name}{role}")(values) for role in ("query", "key", "value"))
    query = keras.layers.Reshape((-1, block, heads, width // heads))(query)
    key, value = (
        keras.layers.Reshape((-1, seen, heads, width // heads))(_with_neighbours(steps, both_ways))
        for steps in (key, value)
    )
    # An Embedding becomes part of the model only with a symbolic tensor, which a constant is not.
    zero = ops.cast(ops.zeros_like(is_step[0, :1]), "int32")
    by_lag = keras.layers.Embedding(block * (1 + both_ways) + 1, heads, name=f"{name}lag")(zero + lag_number)
    by_lag = ops.transpose(by_lag, (2, 0, 1)) + np.where(within_reach, 0.0, NEVER).astype(np.float32)
    filling = ops.transpose(1.0 - _with_neighbours(is_step, both_ways), (0, 1, 3, 2)) * NEVER
    scores = ops.einsum("bnqhu,bnkhu->bnhqk", query, key) / (width / heads) ** 0.5
    scores = scores + by_lag + ops.expand_dims(filling, 2)
    attended = ops.einsum("bnhqk,bnkhu->bnqhu", ops.softmax(scores, axis=-1), value)
    return keras.layers.Dense(width, name=f"{name}attended")(keras.layers.Reshape((-1, width))(attended))


def _with_neighbours(values: keras.KerasTensor, both_ways: bool) -> keras.KerasTensor:
    """(batch, time, units) in blocks (batch, block, step, units), with the steps of the neighbouring blocks."""
    blocks = keras.layers.Reshape((-1, ATTENTION_REACH, values.shape[-1]))(values)
    parts = [_shifted(blocks, (1, 0)), blocks]
    if both_ways:
        parts.append(_shifted(blocks, (0, 1)))
    return ops.concatenate(parts, axis=2)


def _shifted(blocks: keras.KerasTensor, by: tuple[int, int]) -> keras.KerasTensor:
    """The preceding blocks with (1, 0), the following with (0, 1); zeros beyond the ends."""
    padded = keras.layers.ZeroPadding2D((by, (0, 0)))(blocks)
    return keras.layers.Cropping2D((by[::-1], (0, 0)))(padded)
