"""Tasks for test_workers.py, in a module that other processes can import."""

import os
import signal
import time
from pathlib import Path

from system.errors import InputError
from system.workers import NoLongerWanted, check_wanted


def square(number: int) -> tuple[int, int]:
    """With the process in which it ran."""
    time.sleep(0.2)
    return number * number, os.getpid()


def size(values: bytes) -> int:
    return len(values)


def die_once(number: int, marker: str) -> int:
    """Kills its process, the first time that it is 1."""
    if number == 1 and not Path(marker).exists():
        Path(marker).touch()
        die()
    return number


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def fail(number: int) -> int:
    if number == 1:
        raise InputError(["a.mot: is empty", "b.mot: is empty"])
    time.sleep(0.2)
    return number


def wait_until_unwanted(begun: str, ended: str) -> None:
    """Waits for ever, and says when it is no longer wanted."""
    Path(begun).touch()
    try:
        while True:
            check_wanted()
            time.sleep(0.05)
    except (KeyboardInterrupt, NoLongerWanted):
        Path(ended).touch()
        raise
