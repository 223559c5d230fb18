"""Cache of parsed realizations, one file each, named after everything that determines its contents.

A cache file is therefore never out of date: after a change of a source file or a setting another name is looked up, and
files under old names are no longer used. The folder may be deleted at any time.
"""

import hashlib
import json
import os
import uuid
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from system.errors import InputError, cannot_be_written
from system.files import posix, text_hash, try_to_write, written_aside

FORMAT = 4  # increase it when the same files and settings yield other numbers or warnings than before


@dataclass(frozen=True)
class Kept:
    """A parsed realization: float64 arrays by name, its warnings, and the hashes of its files' content by source."""

    arrays: dict[str, np.ndarray]
    remarks: list[str]
    sources: dict[str, str]


def prepare(folder: Path) -> None:
    """Creates the folder. Raises InputError if it cannot be written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try_to_write(folder)
    except OSError as error:
        raise InputError(f"DataInfoArgs.cache_path: {cannot_be_written(folder, error)}") from error


def file_of(folder: Path, files: Sequence[Path], settings: Mapping[str, Any]) -> Path:
    """The cache file of a realization. Its name depends on source files, their state, settings and format."""
    facts = [FORMAT, dict(settings), [[posix(os.path.abspath(file)), *_stamp(file)] for file in files]]
    return folder / f"{text_hash(json.dumps(facts), 20)}.npy"


def _stamp(file: Path) -> tuple[int, ...]:
    """Size and times of a file, one of which changes with its contents; empty if missing."""
    try:
        found = os.stat(file)
    except (OSError, ValueError):
        return ()
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns


def digest(arrays: Iterable[np.ndarray]) -> str:
    """A hash of all numbers of the arrays."""
    numbers = hashlib.blake2b(digest_size=16)
    for array in arrays:
        numbers.update(str(array.shape).encode())
        numbers.update(np.ascontiguousarray(array))
    return numbers.hexdigest()


def save(file: Path, kept: Kept) -> None:
    """Writes a realization to the cache; several processes may do so at once. Raises InputError if it cannot."""
    texts = {"sources": json.dumps(kept.sources).encode(), "remarks": json.dumps(kept.remarks).encode()}
    numbers = [(name, "<f8", array.shape) for name, array in kept.arrays.items()]
    words = [(name, f"S{len(text)}") for name, text in texts.items()]
    entry = np.zeros((), [*numbers, *words, ("checksum", "<u4")])
    for name, value in {**kept.arrays, **texts}.items():
        entry[name] = value
    entry["checksum"] = _checksum(entry)
    try:
        with written_aside(file, mark=f"{uuid.uuid4().hex}_") as aside:
            np.save(aside, entry)
    except InputError:
        if load(file) is None:  # Windows does not replace a file that is being read: another run was faster
            raise


def load(file: Path) -> Kept | None:
    """The realization in a cache file; None if it is missing or damaged."""
    try:
        with open(file, "rb") as stream:
            entry = np.lib.format.read_array(stream)
        fields = {name: entry[name] for name in entry.dtype.names}
        if fields.pop("checksum") != _checksum(entry):
            return None
        sources, remarks = (json.loads(fields.pop(name).item()) for name in ("sources", "remarks"))
        return Kept(fields, remarks, sources)
    except (OSError, ValueError, TypeError, KeyError, EOFError, MemoryError):
        return None


def _checksum(entry: np.ndarray) -> int:
    """CRC-32 of all fields but the last, which holds it. np.savez has the same checksum, but reads more slowly."""
    return zlib.crc32(entry.reshape(1).view(np.uint8)[: -entry.dtype[-1].itemsize])
