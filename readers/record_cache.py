"""Cache of parsed records, one file each, named after everything that determines its contents.

A cache file is therefore never out of date: after a change of a source file or a setting another name is looked up, and
files under old names are no longer used. The folder may be deleted at any time.
"""

import json
import os
import uuid
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from readers.records import Identified, Record
from system.errors import InputError, WithRemarks, cannot_be_written
from system.files import posix, text_hash, try_to_write, written_aside

FORMAT = 6  # increase it when the same files and settings yield other numbers or warnings than before
ARRAYS = ("time", "inputs", "targets", "simple", "own_time")


@dataclass(frozen=True)
class CachedRecord(Identified):
    """A record that is read from its cache file when needed."""

    name: str
    file: Path
    contents: Mapping[str, str]
    time_step: float

    def read(self) -> Record:
        """Raises InputError if the file has disappeared since the run began."""
        loaded = load(self.file, self.name)
        if loaded is None:
            raise InputError(f"{self.file}: was deleted or damaged during the run; run again to recreate it")
        return loaded.value


def prepare(folder: Path) -> None:
    """Creates the folder. Raises InputError if it cannot be written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try_to_write(folder)
    except OSError as error:
        raise InputError(f"DataInfoArgs.cache_path: {cannot_be_written(folder, error)}") from error


def file_of(folder: Path, files: Iterable[str], settings: Mapping[str, Any]) -> Path:
    """The cache file of a record. Its name depends on source files, their state, settings and format."""
    facts = [FORMAT, dict(settings), [[posix(os.path.abspath(file)), *stamp(file)] for file in files]]
    return folder / f"{text_hash(json.dumps(facts), 20)}.npy"


def stamp(file: str) -> tuple[int, ...]:
    """Size and times of a file, one of which changes with its contents; empty if missing."""
    try:
        state = os.stat(file)
    except (OSError, ValueError):
        return ()
    return state.st_size, state.st_mtime_ns, state.st_ctime_ns


def save(file: Path, record: Record, remarks: Sequence[str]) -> None:
    """Writes a record and the warnings about it to the cache; several processes may do so at once.

    Raises InputError if it cannot be written.
    """
    arrays = {name: array for name in ARRAYS if (array := getattr(record, name)) is not None}
    texts = {"sources": json.dumps(dict(record.sources)).encode(), "remarks": json.dumps(list(remarks)).encode()}
    numbers = [(name, "<f8", array.shape) for name, array in arrays.items()]
    words = [(name, f"S{len(text)}") for name, text in texts.items()]
    entry = np.zeros((), [*numbers, *words, ("checksum", "<u4")])
    for name, value in {**arrays, **texts}.items():
        entry[name] = value
    entry["checksum"] = _checksum(entry)
    try:
        with written_aside(file, mark=f"{uuid.uuid4().hex}_") as aside:
            np.save(aside, entry)
    except InputError:
        if load(file, record.name) is None:  # Windows does not replace a file that is being read: another was faster
            raise


def load(file: Path, name: str) -> WithRemarks | None:
    """The record in a cache file, under this name, and the warnings about it; None if it is missing or damaged."""
    try:
        with open(file, "rb") as stream:
            entry = np.lib.format.read_array(stream)
        fields = {field: entry[field] for field in entry.dtype.names}
        if fields.pop("checksum") != _checksum(entry):
            return None
        sources, remarks = (json.loads(fields.pop(field).item()) for field in ("sources", "remarks"))
        return WithRemarks(Record(name, **{"targets": None} | fields, sources=sources), remarks)
    except (OSError, ValueError, TypeError, KeyError, EOFError, MemoryError):
        return None


def _checksum(entry: np.ndarray) -> int:
    """CRC-32 of all fields but the last, which holds it. np.savez has the same checksum, but reads more slowly."""
    return zlib.crc32(entry.reshape(1).view(np.uint8)[: -entry.dtype[-1].itemsize])
