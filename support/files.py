"""Files that are whole at any moment: written under another name, then renamed."""

import contextlib
import errno
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from support.errors import InputError, cannot_be_written


@contextlib.contextmanager
def written_aside(path: Path, mark: str = "") -> Iterator[Path]:
    """A file to write in place of `path`, renamed once all is written: under the name there is always a whole file.

    It keeps the name's ending, which decides about the format that some libraries write. Where several may write the
    same file at once, each needs a `mark` of its own.

    Raises:
        InputError: it cannot be written; the file that was there is still whole.
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
    """A JSON file, whole at any moment."""
    with written_aside(path) as aside:
        aside.write_text(json.dumps(values, indent=1), encoding="utf-8")


def try_to_write(folder: Path) -> None:
    """Writes a file in a folder, or in the one where it would be made, and removes it at once.

    Raises:
        OSError: nothing can be written there; its `filename` is the folder that was tried.
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


def posix(path: str | os.PathLike) -> str:
    """A path with forward slashes: users on Windows write backslashes, and their files travel."""
    return str(path).replace("\\", "/")
