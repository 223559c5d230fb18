"""Tables of numbers as text of fixed width, compiled: most of the time of writing thousands of predictions."""

import numba
import numpy as np

DECIMALS = 5
LARGEST = 1e9  # beyond it, 64-bit floating point no longer tells which way a number is to be rounded
TIE = 1e-5  # distance from a tie in which that is not certain either
POINT, MINUS, SPACE, ZERO, NEWLINE = (ord(character) for character in ".- 0\n")


def rows_of_text(table: np.ndarray, width: int) -> bytes:
    """Each row of `table` as a line of numbers with DECIMALS decimals, right-justified as by f"{number:{width}.5f}".

    A number that needs more than the width takes what it needs.
    """
    text = np.empty((len(table), table.shape[1] * width + 1), np.uint8)
    doubtful = np.empty(table.shape, bool)
    _fill(np.ascontiguousarray(table, np.float64), width, text, doubtful)
    exact = {tuple(place): f"{table[tuple(place)]:{width}.{DECIMALS}f}".encode() for place in np.argwhere(doubtful)}
    if any(len(number) > width for number in exact.values()):
        row = f"%{width}.{DECIMALS}f" * table.shape[1] + "\n"
        return (row * len(table) % tuple(table.ravel())).encode()
    for (row, column), number in exact.items():
        text[row, column * width : (column + 1) * width] = np.frombuffer(number, np.uint8)
    return text.tobytes()


@numba.njit(cache=True, nogil=True)
def _fill(table, width, text, doubtful):
    """Fills text, and marks the numbers that are left to Python's exact formatting in doubtful (rows, columns)."""
    for row in range(table.shape[0]):
        text[row, -1] = NEWLINE
        for column in range(table.shape[1]):
            number = table[row, column]
            scaled = abs(number) * 10.0**DECIMALS
            whole = np.floor(scaled + 0.5)
            doubtful[row, column] = not abs(number) < LARGEST or abs(abs(scaled - whole) - 0.5) < TIE
            if doubtful[row, column]:
                continue
            left, place = np.int64(whole), (column + 1) * width
            for digit in range(width):
                place -= 1
                if digit == DECIMALS:
                    text[row, place] = POINT
                elif digit <= DECIMALS + 1 or left > 0:
                    text[row, place] = ZERO + left % 10
                    left //= 10
                elif left == 0:
                    text[row, place] = MINUS if np.signbit(number) else SPACE
                    left = -1
                else:
                    text[row, place] = SPACE
