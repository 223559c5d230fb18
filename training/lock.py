"""The lock that keeps two runs from training the same network."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from support.errors import InputError, cannot_be_written


@contextlib.contextmanager
def only_training(folder: Path) -> Iterator[None]:
    """Holds `<folder>.lock` while a network is trained. A killed process leaves the file but not the lock.

    Raises InputError if another process holds it, or the file cannot be written.
    """
    path = folder.with_name(folder.name + ".lock")
    lock = FileLock(path, blocking=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise InputError(
            f"{folder}: another run is training this network; wait until it has finished, or choose another "
            "model_save_filename"
        ) from None
    except NotImplementedError:
        pass  # a file system without locks, such as some network drives
    except OSError as error:
        raise InputError(cannot_be_written(path, error)) from error
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # fails on Windows while the file is open; filelock deletes it
            path.unlink(missing_ok=True)
        lock.release()
