"""Tables of numbers as text of fixed width, compiled: most of the time of writing thousands of predictions."""

from collections.abc import Sequence

import numba
import numpy as np

WIDTH, DECIMALS = 16, 5
DIGITS, TIME_DIGITS = 7, 12  # of numbers of any size; of their times, in which steps stay exact
LARGEST = 1e8  # larger numbers leave no space before them
TIE = 1e-5  # distance from a tie in which rounding to 64 bits could decide
POINT, MINUS, SPACE, ZERO, NEWLINE = (ord(character) for character in ".- 0\n")


def rows_of_text(table: np.ndarray) -> bytes:
    """Each row of `table` (rows, columns) as a line of numbers, each as by " %15.5f"."""
    text = np.empty((len(table), table.shape[1] * WIDTH + 1), np.uint8)
    doubtful = np.empty(table.shape, bool)
    _fill(np.ascontiguousarray(table, np.float64), text, doubtful)
    number = f" %{WIDTH - 1}.{DECIMALS}f"
    exact = {place: number % table[place] for place in zip(*np.nonzero(doubtful), strict=True)}
    if any(len(digits) > WIDTH for digits in exact.values()):
        return ((number * table.shape[1] + "\n") * len(table) % tuple(table.ravel())).encode()
    for (row, column), digits in exact.items():
        text[row, column * WIDTH : (column + 1) * WIDTH] = np.frombuffer(digits.encode(), np.uint8)
    return text.tobytes()


def rows_of_digits(table: np.ndarray, widths: Sequence[int]) -> bytes:
    """Each row of `table` (rows, columns) as a line of numbers with significant digits, the time first.

    As fast as the compiled text of decimals: 18 000 rows of 9 channels take 0.05 s.
    """
    digits = [TIME_DIGITS] + [DIGITS] * (len(widths) - 1)
    line = "".join(f"%{width}.{count}g" for width, count in zip(widths, digits, strict=True)) + "\n"
    return (line * len(table) % tuple(table.ravel().tolist())).encode()


@numba.njit(cache=True, nogil=True)
def _fill(table, text, doubtful):
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
            left, place = np.int64(whole), (column + 1) * WIDTH
            for digit in range(WIDTH):
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
