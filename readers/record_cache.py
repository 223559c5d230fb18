"""Keeps parsed realizations on disk, one file each, named after everything that decides what is in it.

So a file of the cache is never out of date: where a source, a setting or the program that reads it has changed, another
name is looked for. What was kept under the old name is of no more use; the folder may be deleted at any time.
"""

import hashlib
import json
import os
import tempfile
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from support.errors import InputError, cannot_be_written
from support.files import posix, written_aside

# What other versions of these have parsed is parsed again.
READERS = ("data_io.py", "readers/text_tables.py", "readers/record_cache.py")


@dataclass(frozen=True)
class Kept:
    """A parsed realization: float64 arrays by name, the warnings about it, and the digest of its numbers."""

    arrays: dict[str, np.ndarray]
    remarks: list[str]
    digest: str


def prepare(folder: Path) -> str:
    """Makes the folder and returns the version of the readers, see `file_of`.

    Raises:
        InputError: nothing can be written there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(f"DataInfoArgs.cache_path: {cannot_be_written(folder, error)}") from error
    sources = ((Path(__file__).parents[1] / name).read_bytes() for name in READERS)
    return hashlib.blake2b(b"\0".join(sources), digest_size=16).hexdigest()


def file_of(folder: Path, readers: str, files: Sequence[Path], settings: Mapping[str, Any]) -> Path:
    """Where a realization is kept: another name for other files, changed ones, other settings and other readers."""
    facts = [readers, dict(settings), [[posix(os.path.abspath(file)), *_stamp(file)] for file in files]]
    return folder / f"{hashlib.blake2b(json.dumps(facts).encode(), digest_size=20).hexdigest()}.npy"


def _stamp(file: Path) -> tuple[int, ...]:
    """What changes with a file's content, also where a copy has set its time back; empty if there is no such file."""
    try:
        found = os.stat(file)
    except (OSError, ValueError):
        return ()
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns


def digest(arrays: Iterable[np.ndarray]) -> str:
    """A short text that differs where any number of the arrays does."""
    numbers = hashlib.blake2b(digest_size=16)
    for array in arrays:
        numbers.update(str(array.shape).encode())
        numbers.update(np.ascontiguousarray(array))
    return numbers.hexdigest()


def save(file: Path, kept: Kept) -> None:
    """Keeps a realization; others may do the same at the same time.

    Raises:
        InputError: the file cannot be written.
    """
    remarks = json.dumps(kept.remarks).encode()
    numbers = [(name, "<f8", array.shape) for name, array in kept.arrays.items()]
    entry = np.zeros((), [*numbers, ("checksum", "<u8"), ("digest", "S32"), ("remarks", f"S{len(remarks)}")])
    for name, array in kept.arrays.items():
        entry[name] = array
    entry["checksum"], entry["digest"], entry["remarks"] = _checksum(entry, kept.arrays), kept.digest, remarks
    try:
        with written_aside(file, mark=f"{uuid.uuid4().hex}_") as aside:
            np.save(aside, entry)
    except InputError:
        if load(file) is None:  # Windows lets nobody replace a file that is being read: another run was faster
            raise


def load(file: Path) -> Kept | None:
    """The realization that is kept in a file; None where there is none, or not a whole one."""
    try:
        with open(file, "rb") as stream:
            entry = np.lib.format.read_array(stream)
        own = {"checksum", "digest", "remarks"}
        arrays = {name: entry[name] for name in entry.dtype.names if name not in own}
        if int(entry["checksum"]) != _checksum(entry, arrays):
            return None
        return Kept(arrays, json.loads(entry["remarks"].item()), entry["digest"].item().decode())
    except (OSError, ValueError, TypeError, KeyError, EOFError, MemoryError):
        return None


def _checksum(entry: np.ndarray, names: Iterable[str]) -> int:
    """The sum of all numbers, taken as whole ones of 64 bits: as fast as reading, and a lost block changes it."""
    return sum(int(entry[name].view(np.uint64).sum()) for name in names) % 2**64
