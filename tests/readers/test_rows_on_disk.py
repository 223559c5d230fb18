"""Tables on disk that are read like arrays."""

import errno
import os

import numpy as np
import pytest

from readers.rows_on_disk import write_rows
from system.errors import InputError


@pytest.mark.parametrize("in_order", [True, False])
def test_rows_are_those_of_the_tables_also_after_they_were_released(tmp_path, in_order):
    tables = [np.arange(12, dtype=np.float32).reshape(6, 2)[::2], 100 + np.arange(10, dtype=np.float32).reshape(5, 2)]
    on_disk = write_rows(iter(tables), str(tmp_path), in_order)
    expected = np.concatenate(tables)
    assert np.array_equal(on_disk.rows, expected) and on_disk.rows.dtype == np.float32
    assert on_disk.lengths.tolist() == [3, 5]
    on_disk.expect([0, 7], [3, 8])
    on_disk.release()
    assert np.array_equal(on_disk.rows[[7, 0, 3]], expected[[7, 0, 3]])
    assert list(tmp_path.iterdir()) == []  # nothing is left, however the program ends


def test_a_full_disk_is_reported(tmp_path):
    def tables():
        yield np.zeros((3, 2))
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(InputError, match="free some disk space"):
        write_rows(tables(), str(tmp_path))
    assert list(tmp_path.iterdir()) == []
