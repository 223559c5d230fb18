"""Keeps two trainings of one name apart: a file that the operating system keeps locked as long as the process lives.

A process that is killed leaves the file but not the lock, so that the next training takes it over.
"""

import contextlib
import os
import platform
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from support.errors import InputError, cannot_be_written

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None
    import msvcrt

LOCKED_BYTE = 1 << 30  # far behind the text, which Windows would keep others from reading


@contextlib.contextmanager
def only_training(folder: Path) -> Iterator[None]:
    """Holds `<folder>.lock` while a network is trained.

    Raises:
        InputError: another process holds it, or the file cannot be written.
    """
    path = folder.with_name(folder.name + ".lock")
    try:
        file = _opened_and_locked(path)
    except BlockingIOError as error:
        raise InputError(
            f"{folder}: another run is training this network ({error}); wait until it has finished, or choose another "
            "model_save_filename"
        ) from None
    except OSError as error:
        raise InputError(cannot_be_written(path, error)) from error
    try:
        file.write(f"process {os.getpid()} on {platform.node()} since {time.strftime('%Y-%m-%d %H:%M:%S')}")
        file.flush()
        yield
    finally:
        # Removed while it is still locked, where the system allows it: nobody locks a file that is about to go.
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            file.close()
        with contextlib.suppress(OSError):
            if fcntl is None:
                path.unlink(missing_ok=True)


def _opened_and_locked(path: Path) -> TextIO:
    """The locked file, empty. Raises BlockingIOError with what is written in it if another process holds the lock."""
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        file = open(path, "a+", encoding="utf-8")
        if not _lock(file):
            file.seek(0)
            holder = file.read(200)
            file.close()
            raise BlockingIOError(holder)
        if fcntl is None or _is_file(path, file):
            file.truncate(0)
            return file
        file.close()  # its last holder has just removed it


def _lock(file: TextIO) -> bool:
    """Whether the file is ours; also where the file system, as on some network drives, knows no locks."""
    try:
        if fcntl:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            file.seek(LOCKED_BYTE)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return True
    return True


def _is_file(path: Path, file: TextIO) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False
