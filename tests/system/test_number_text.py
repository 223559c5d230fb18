"""Numbers as text against Python's own formatting."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from system.number_text import rows_of_text


def as_python_writes(table: np.ndarray) -> bytes:
    return "".join("".join(f" {number:15.5f}" for number in row) + "\n" for row in table).encode()


@settings(deadline=None)  # the first call compiles
@given(arrays(np.float64, array_shapes(min_dims=2, max_dims=2), elements=st.floats(width=64)))
@example(np.array([[0.0, -0.0, np.nan, np.inf, -np.inf]]))
@example(np.array([[5e-6, 1.5e-5, -4.9e-6, 99999999.999995, -99999999.99999, 1e8, 1e300]]))
def test_any_number_is_written_as_python_does(table):
    assert rows_of_text(table) == as_python_writes(table)


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1.0, 1e4, 1e9])
def test_numbers_half_way_between_two_texts(scale):
    table = np.round(np.random.default_rng(0).normal(scale=scale, size=(500, 4)), 5) + 5e-6
    assert rows_of_text(table) == as_python_writes(table)


def test_an_empty_table_is_no_text():
    assert rows_of_text(np.empty((0, 3))) == b""
