"""A table larger than memory: written once to an unnamed temporary file, then read like an array."""

import mmap
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from system.errors import InputError, cannot_be_written


@dataclass(frozen=True)
class RowsOnDisk:
    """rows: (row, column), memory-mapped. The file disappears when the program ends.

    lengths: (table,) the number of rows of each table written.
    """

    rows: np.ndarray
    lengths: np.ndarray
    mapped: mmap.mmap

    def expect(self, begin: Iterable[int], end: Iterable[int]) -> None:
        """Asks the system to read ahead the rows from each begin to its end, instead of page by page."""
        if hasattr(self.mapped, "madvise"):  # not on Windows
            width = self.rows.strides[0]
            for first, last in zip(begin, end, strict=True):
                at = int(first) * width // mmap.PAGESIZE * mmap.PAGESIZE
                self.mapped.madvise(mmap.MADV_WILLNEED, at, int(last) * width - at)

    def release(self) -> None:
        """Releases the mapped pages, which count as the program's memory until then."""
        if hasattr(self.mapped, "madvise"):
            self.mapped.madvise(mmap.MADV_DONTNEED)


def write_rows(tables: Iterable[np.ndarray], folder: str, in_order: bool = False) -> RowsOnDisk:
    """Writes tables with the same columns and type one after the other to a file in `folder`.

    tables: (row, column) each, at least one. in_order: whether the rows will be read sequentially rather than at
        random. Raises InputError if the file cannot be written.
    """
    lengths = []
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            for table in tables:
                file.write(np.ascontiguousarray(table))
                lengths.append(len(table))
            file.flush()
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise InputError(cannot_be_written(folder, error)) from error
    if not in_order and hasattr(mapped, "madvise"):
        mapped.madvise(mmap.MADV_RANDOM)  # otherwise each window would read many times its size from disk
    rows = np.frombuffer(mapped, table.dtype).reshape(-1, table.shape[1])
    return RowsOnDisk(rows, np.array(lengths, np.int64), mapped)
