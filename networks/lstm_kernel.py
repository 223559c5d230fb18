"""An LSTM layer over whole sequences and its gradient, compiled by Numba: what a training spends its time on.

The four gates of a step lie side by side in a row, in Keras' order (input, forget, cell, output), each padded with
zeros to whole vectors (see `lanes`). Sequences are worked off one by one in blocks of time, so that rows and weights
stay in the caches, and each inner loop over a row becomes a few vector instructions.

Milliseconds of a gradient through two layers on one core (AMD EPYC), windows of 404 steps, the two in turn:

| units, windows         | 30, 2    | 30, 7    | 30, 26   | 64, 7    |
|------------------------|----------|----------|----------|----------|
| here                   | 2.2, 2.7 | 5.7, 6.1 | 20, 23   | 18, 18   |
| TensorFlow's BlockLSTM | 11, 11   | 15, 14   | 29, 29   | 45, 44   |
"""

import numba
import numpy as np
import scipy.linalg  # noqa: F401 - its BLAS is what Numba calls; loaded here, it obeys limits to its threads

VECTOR = 16  # float32 numbers in the widest vector instruction
# Own least-squares fit of x P(x^2) / Q(x^2) to tanh for |x| < 9, relative error below 2.1e-8 before rounding.
NUMERATOR = tuple(np.float32([0.99999998, 0.133810314, 3.49559261e-3, 2.06090655e-5, 1.33544753e-8]))
DENOMINATOR = tuple(np.float32([1.0, 0.467143471, 2.58770053e-2, 3.28563818e-4, 7.77651618e-7]))
LARGEST = np.float32(9.0)  # beyond it tanh is 1 in float32
BLOCK = 128  # steps, whose rows stay in the second cache
ZERO, HALF, ONE, TWO = np.float32(0.0), np.float32(0.5), np.float32(1.0), np.float32(2.0)

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
    """row += factors @ matrix of (height, width): VECTOR rows of the matrix in each pass over the row."""
    for k in range(0, height, VECTOR):
        f0, f1, f2, f3 = factors[k], factors[k + 1], factors[k + 2], factors[k + 3]
        f4, f5, f6, f7 = factors[k + 4], factors[k + 5], factors[k + 6], factors[k + 7]
        f8, f9, f10, f11 = factors[k + 8], factors[k + 9], factors[k + 10], factors[k + 11]
        f12, f13, f14, f15 = factors[k + 12], factors[k + 13], factors[k + 14], factors[k + 15]
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
                + f8 * matrix[k + 8, j]
                + f9 * matrix[k + 9, j]
                + f10 * matrix[k + 10, j]
                + f11 * matrix[k + 11, j]
                + f12 * matrix[k + 12, j]
                + f13 * matrix[k + 13, j]
                + f14 * matrix[k + 14, j]
                + f15 * matrix[k + 15, j]
            )


@numba.njit(cache=True, **OPTIONS)
def forward(inputs, weights, outputs, gates, cells, first, last, lanes):
    """Fills outputs, gates and cells of the sequences from first to last.

    Args:
        inputs: (sequence, time, channel).
        weights: kernel (channel, 4 units), recurrent kernel (units, 4 units) and bias (4 units,). Those of the sigmoid
            gates are halved, as sigmoid(z) = (tanh(z / 2) + 1) / 2.
        outputs, cells: (sequence, time, units). gates: (sequence, time, 4 units), after the activations. If no
            gradient is to follow, gates and cells of one sequence and BLOCK steps are enough; they are overwritten.
    """
    units, steps = len(lanes), inputs.shape[1]
    kernel, recurrent, bias = weights
    held = gates.shape[1]  # steps
    for s in range(first, last):
        sequence_gates, sequence_cells = gates[s % gates.shape[0]], cells[s % gates.shape[0]]
        for start in range(0, steps, BLOCK):
            stop = min(start + BLOCK, steps)
            place = start % held
            np.dot(inputs[s, start:stop], kernel, sequence_gates[place : place + stop - start])
            for t in range(start, stop):
                row, cell, output = sequence_gates[t % held], sequence_cells[t % held], outputs[s, t]
                if t > 0:
                    add_product(row, outputs[s, t - 1], recurrent, units, 4 * units)
                for j in range(4 * units):
                    row[j] = tanh(row[j] + bias[j])
                for j in range(units):
                    row[j] = HALF * row[j] + HALF
                    row[units + j] = HALF * row[units + j] + HALF
                    row[3 * units + j] = HALF * row[3 * units + j] + HALF
                    cell[j] = row[j] * row[2 * units + j]
                if t > 0:
                    before = sequence_cells[(t - 1) % held]
                    for j in range(units):
                        cell[j] += row[units + j] * before[j]
                for j in range(units):
                    output[j] = row[3 * units + j] * tanh(cell[j])


@numba.njit(cache=True, **OPTIONS)
def backward(inputs, transposed, outputs, gates, cells, d_outputs, d_inputs, sums, first, last, lanes):
    """Gradients of the sequences from first to last: fills d_inputs, adds to sums.

    Args:
        inputs, outputs, gates, cells: of `forward`. transposed: transposes of its kernel and recurrent kernel.
        d_outputs: (sequence, time, units that are not padding). d_x is the gradient of the loss by x.
        sums: gradients of kernel, recurrent kernel and bias.
    """
    units, steps = len(lanes), inputs.shape[1]
    kernel_t, recurrent_t = transposed
    d_kernel, d_recurrent, d_bias = sums
    rows = np.empty((BLOCK, 4 * units), np.float32)  # gradients of what goes into the activations
    nothing = np.zeros(units, np.float32)
    for s in range(first, last):
        d_cell, d_output = np.zeros(units, np.float32), np.zeros(units, np.float32)  # from the next step
        for start in range((steps - 1) // BLOCK * BLOCK, -1, -BLOCK):
            stop = min(start + BLOCK, steps)
            for t in range(stop - 1, start - 1, -1):
                gate, cell, given, row = gates[s, t], cells[s, t], d_outputs[s, t], rows[t - start]
                before = cells[s, t - 1] if t > 0 else nothing
                for j in range(given.shape[0]):
                    d_output[j] += given[j]
                for j in range(units):
                    into, keep, new, out = gate[j], gate[units + j], gate[2 * units + j], gate[3 * units + j]
                    squashed, d_o = tanh(cell[j]), d_output[j]
                    d_c = d_cell[j] + d_o * out * (ONE - squashed * squashed)
                    row[j] = TWO * d_c * new * into * (ONE - into)
                    row[units + j] = TWO * d_c * before[j] * keep * (ONE - keep)
                    row[2 * units + j] = d_c * into * (ONE - new * new)
                    row[3 * units + j] = TWO * d_o * squashed * out * (ONE - out)
                    d_cell[j] = d_c * keep
                    d_output[j] = ZERO
                add_product(d_output, row, recurrent_t, 4 * units, units)
            block, second = rows[: stop - start], max(start, 1)  # the first step of all has no step before it
            d_kernel += np.dot(inputs[s, start:stop].T, block)
            d_recurrent += np.dot(outputs[s, second - 1 : stop - 1].T, block[second - start :])
            np.dot(block, kernel_t, d_inputs[s, start:stop])
            for t in range(stop - start):
                for j in range(4 * units):
                    d_bias[j] += block[t, j]
