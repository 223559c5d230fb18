"""An LSTM layer that trains fast on a CPU: one fused kernel for the whole sequence.

On a CPU keras.layers.LSTM runs a loop of small operations, 10 to 30 times slower than a kernel that loops over the
sequence itself. TensorFlow has such a kernel with its own gradient, `BlockLSTM`. The layer's weights are those of
keras.layers.LSTM in the same order, so that get_weights and set_weights transfer them.
"""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="SimpleCode_to_LAMP")
class FusedLSTM(keras.layers.LSTM):
    """keras.layers.LSTM with its default activations, computed by one kernel.

    Takes (batch, time, channels), returns (batch, time, units) with return_sequences, else (batch, units). Masks,
    initial states, dropout inside the layer, return_state, stateful and unroll are not supported: ValueError.
    """

    def __init__(self, units, **kwargs):
        super().__init__(units, **kwargs)
        self.supports_jit = False  # XLA has no BlockLSTM
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
        steps = tf.transpose(sequences, (1, 0, 2))
        if self.go_backwards:
            steps = tf.reverse(steps, (0,))
        outputs = self._run_kernel(steps)
        if not self.return_sequences:
            return outputs[-1]
        return tf.transpose(outputs, (1, 0, 2))

    def _run_kernel(self, steps):
        """(time, batch, channels) -> (time, batch, units)."""
        length, batch = tf.shape(steps)[0], tf.shape(steps)[1]
        zeros = tf.zeros((batch, self.units), steps.dtype)
        unused = tf.zeros((self.units,), steps.dtype)
        # BlockLSTM, not BlockLSTMV2: TensorFlow registers V1's gradient for both, and V2 orders the gates differently.
        return tf.raw_ops.BlockLSTM(
            seq_len_max=tf.cast(length, tf.int64),
            x=steps,
            cs_prev=zeros,
            h_prev=zeros,
            w=_kernel_order(tf.concat((self.cell.kernel, self.cell.recurrent_kernel), axis=0)),
            wci=unused,
            wcf=unused,
            wco=unused,
            b=_kernel_order(self.cell.bias),
            forget_bias=0.0,
            cell_clip=0.0,
            use_peephole=False,
        ).h


def _kernel_order(weights):
    """Keras orders the gates as input, forget, cell, output, the kernel as input, cell, forget, output."""
    i, f, c, o = tf.split(weights, 4, axis=-1)
    return tf.concat((i, c, f, o), axis=-1)
