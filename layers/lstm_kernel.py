"""The recurrent part of an LSTM layer and its gradient, compiled by Numba: what a training spends its time on.

All is done row by row of one step of one sequence, so that the weights and the row stay in the fastest cache and each
inner loop becomes a few vector instructions. The four gates lie side by side in a row, in Keras' order (input, forget,
cell, output), each padded with zeros to `padded_units`.

Milliseconds of a gradient through two layers of 30 units on one core (AMD EPYC), without the products of whole
matrices, and with them as `fused_lstm` computes them; TensorFlow's kernel BlockLSTM beside it:

| windows x steps | here | with the products | BlockLSTM |
|-----------------|------|-------------------|-----------|
| 11 x 204        | KERNEL1  | WITH1               | BLOCK1       |
| 11 x 400        | KERNEL2  | WITH2               | BLOCK2      |
"""

import numba
import numpy as np

VECTOR = 16  # float32 numbers in the widest vector instruction
# Own least-squares fit of x P(x^2) / Q(x^2) to tanh for |x| < 9, relative error below 2.1e-8 before rounding.
NUMERATOR = tuple(np.float32([0.99999998, 0.133810314, 3.49559261e-3, 2.06090655e-5, 1.33544753e-8]))
DENOMINATOR = tuple(np.float32([1.0, 0.467143471, 2.58770053e-2, 3.28563818e-4, 7.77651618e-7]))
LARGEST = np.float32(9.0)  # beyond it tanh is 1 in float32
HALF, ONE, TWO = np.float32(0.5), np.float32(1.0), np.float32(2.0)

# All that lets loops become vector instructions, and no more: a NaN stays one, so that a diverging training is noticed.
# By the error model of Python a division by zero would be an exception, for which no loop is vectorized.
OPTIONS = {"nogil": True, "fastmath": {"contract", "reassoc", "arcp", "nsz"}, "error_model": "numpy"}


def lanes(units: int) -> tuple[int, ...]:
    """As many zeros as units are computed. The length of a tuple is known when a kernel is compiled for it, and short
    loops over the units then become plain sequences of vector instructions: a third faster."""
    return (0,) * (-(-units // VECTOR) * VECTOR)


@numba.njit(**OPTIONS)
def tanh(x):
    x = min(max(x, -LARGEST), LARGEST)
    y = x * x
    p, q = NUMERATOR, DENOMINATOR
    numerator = (((p[4] * y + p[3]) * y + p[2]) * y + p[1]) * y + p[0]
    denominator = (((q[4] * y + q[3]) * y + q[2]) * y + q[1]) * y + q[0]
    return x * numerator / denominator


@numba.njit(inline="always", **OPTIONS)
def add_product(row, factors, matrix, height, width):
    """row += factors @ matrix of (height, width); height is a multiple of 8, as 8 rows are added in one pass."""
    for k in range(0, height, 8):
        f0, f1, f2, f3 = factors[k], factors[k + 1], factors[k + 2], factors[k + 3]
        f4, f5, f6, f7 = factors[k + 4], factors[k + 5], factors[k + 6], factors[k + 7]
        for j in range(width):
            row[j] += (
                f0 * matrix[k, j]
                + f1 * matrix[k + 1, j]
                + f2 * matrix[k + 2, j]
                + f3 * matrix[k + 3, j]
                + f4 * matrix[k + 4, j]
                + f5 * matrix[k + 5, j]
                + f6 * matrix[k + 6, j]
                + f7 * matrix[k + 7, j]
            )


@numba.njit(cache=True, **OPTIONS)
def forward(gates, recurrent, cells, outputs, first, last, lanes):
    """Fills gates, cells and outputs of the sequences from first to last.

    gates: (sequence, time, 4 units), the inputs' share before the activations, those of sigmoid gates halved; becomes
        the activated gates. recurrent: (units, 4 units), halved alike. cells, outputs: (sequence, time, units).
    """
    units = len(lanes)
    for t in range(gates.shape[1]):
        for sequence in range(first, last):
            row, cell, output = gates[sequence, t], cells[sequence, t], outputs[sequence, t]
            if t > 0:
                add_product(row, outputs[sequence, t - 1], recurrent, units, 4 * units)
            for j in range(4 * units):
                row[j] = tanh(row[j])
            for j in range(units):  # sigmoid(z) = (tanh(z / 2) + 1) / 2
                row[j] = HALF * row[j] + HALF
                row[units + j] = HALF * row[units + j] + HALF
                row[3 * units + j] = HALF * row[3 * units + j] + HALF
                cell[j] = row[j] * row[2 * units + j]
            if t > 0:
                before = cells[sequence, t - 1]
                for j in range(units):
                    cell[j] += row[units + j] * before[j]
            for j in range(units):
                output[j] = row[3 * units + j] * tanh(cell[j])


@numba.njit(cache=True, **OPTIONS)
def backward(gates, recurrent, cells, gradients, first, last, lanes):
    """Replaces the gates of the sequences from first to last with the gradients of what went into the activations.

    gates, cells: from `forward`. recurrent: (4 units, units), the transpose of what `forward` takes.
    gradients: (sequence, time, units) of the outputs.
    """
    units = len(lanes)
    later = np.zeros((last - first, units), np.float32)  # gradient of the cells, from the next step
    total = np.empty(units, np.float32)
    nothing = np.zeros(units, np.float32)
    for t in range(gates.shape[1] - 1, -1, -1):
        for sequence in range(first, last):
            row, cell, of_cell = gates[sequence, t], cells[sequence, t], later[sequence - first]
            before = cells[sequence, t - 1] if t > 0 else nothing
            total[:] = gradients[sequence, t]
            if t < gates.shape[1] - 1:
                add_product(total, gates[sequence, t + 1], recurrent, 4 * units, units)
            for j in range(units):
                into, keep, new, out = row[j], row[units + j], row[2 * units + j], row[3 * units + j]
                squashed = tanh(cell[j])
                of_c = of_cell[j] + total[j] * out * (ONE - squashed * squashed)
                row[j] = TWO * of_c * new * into * (ONE - into)
                row[units + j] = TWO * of_c * before[j] * keep * (ONE - keep)
                row[2 * units + j] = of_c * into * (ONE - new * new)
                row[3 * units + j] = TWO * total[j] * squashed * out * (ONE - out)
                of_cell[j] = of_c * keep
