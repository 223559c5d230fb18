"""Atomic writes: a file is written under a temporary name, then renamed."""

import contextlib
import errno
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from system.errors import InputError, cannot_be_written


@contextlib.contextmanager
def written_aside(path: Path, mark: str = "") -> Iterator[Path]:
    """Yields a temporary path to write to and renames it to `path` at the end, so that `path` is always complete.

    The temporary name keeps the extension, from which some libraries infer the format. If several processes may write
    the same file at once, each needs a `mark` of its own. Raises InputError if the file cannot be written; an existing
    one is then unchanged.
    """
    aside = path.with_name(f"writing_{mark}{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield aside
        os.replace(aside, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)
        raise InputError(cannot_be_written(path, error)) from error


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Writes a JSON file atomically."""
    with written_aside(path) as aside:
        aside.write_text(json.dumps(values, indent=1), encoding="utf-8")


_words_in_files: dict[str, str] = {}  # by those in memory


def write_columns_with(words: Mapping[str, str]) -> None:
    """From here on these words between the underscores of column names are others in the tables of runs."""
    global _words_in_files
    _words_in_files = dict(words)


def column_in_file(name: str) -> str:
    """What a column of a run's tables is called in the file, see `write_columns_with`."""
    return _with_words(name, _words_in_files)


def _with_words(name: str, words: Mapping[str, str]) -> str:
    longest_first = "|".join(map(re.escape, sorted(words, key=len, reverse=True)))
    return re.sub(f"(?<![^_])(?:{longest_first})(?![^_])", lambda word: words[word[0]], name) if words else name


def read_table(path: Path, **options: Any) -> pd.DataFrame:
    """A table of a run, with the columns as in memory. options: of `pandas.read_csv`."""
    if _words_in_files:
        words = {written: word for word, written in reversed(_words_in_files.items())}  # the first of two alike
        names = [_with_words(name, words) for name in pd.read_csv(path, nrows=0)]
        options |= {"header": 0, "names": names}
    return pd.read_csv(path, **options)


def write_table(path: Path, table: pd.DataFrame, float_format: str | None = None) -> None:
    """Writes a table as CSV, by default with numbers in full precision."""
    with written_aside(path) as aside:
        table.to_csv(aside, index=False, lineterminator="\n", float_format=float_format)


def drop_cut_line(path: Path) -> None:
    """Removes from a file that is appended to what follows its last line break.

    A power cut, a full disk or a killed process leaves such a rest, and the next line must not be appended to it.
    """
    with contextlib.suppress(FileNotFoundError), open(path, "rb+") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(size - 1, 0))
        if file.read(1) not in (b"", b"\n"):
            file.seek(0)
            file.truncate(file.read().rfind(b"\n") + 1)


def try_to_write(folder: Path) -> None:
    """Writes a file in a folder, or in the one where it would be made, and removes it at once.

    Raises OSError if nothing can be written there; its `filename` is the folder that was tried.
    """
    existing = folder
    try:
        existing = next((path for path in (folder, *folder.parents) if path.exists()), folder)
        if not existing.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        with tempfile.TemporaryFile(dir=existing) as file:
            file.write(b"0")
    except OSError as error:
        error.filename = str(existing)
        raise


def text_hash(text: str, size: int = 16) -> str:
    """A hash of a text; size: bytes, each two hexadecimal digits."""
    return hashlib.blake2b(text.encode(), digest_size=size).hexdigest()


def array_hash(arrays: Iterable[np.ndarray]) -> str:
    """A hash of all numbers of the arrays."""
    numbers = hashlib.blake2b(digest_size=16)
    for array in arrays:
        numbers.update(str(array.shape).encode())
        numbers.update(np.ascontiguousarray(array))
    return numbers.hexdigest()


def posix(path: str | os.PathLike) -> str:
    """A path with forward slashes, since input files written on Windows are also used elsewhere."""
    return str(path).replace("\\", "/")


def png_path(output: str | None, default: Path) -> Path:
    """The path of a figure that a command was asked for with --output. Raises InputError unless it ends in .png."""
    path = Path(posix(output)) if output else default
    if path.suffix.lower() != ".png":
        raise InputError(f"--output {output}: figures are written as PNG; give a name that ends in .png")
    return path
