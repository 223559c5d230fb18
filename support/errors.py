"""Errors that the user has to put right, and warnings: one line each."""

import errno
import os
import sys
from collections.abc import Iterable


class InputError(Exception):
    """What the user has to put right; `lines` holds one line a fault."""

    def __init__(self, lines: list[str] | tuple[str, ...] | str):
        self.lines = (lines,) if isinstance(lines, str) else tuple(lines)
        super().__init__("\n".join(self.lines))


class Diverged(InputError):
    """A training gave no network: with the same settings it would not the next time either."""


def warn(lines: Iterable[str]) -> None:
    """Tells what is odd but usable, each line once."""
    for line in dict.fromkeys(lines):
        print(f"Warning: {line}", file=sys.stderr)


def report(faults: Iterable[str]) -> None:
    """Prints what the user has to put right, one line each."""
    for line in faults:
        print(f"Error: {line}", file=sys.stderr)


def first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:120]}" if lines else type(error).__name__


def cannot_be_written(path: str | os.PathLike, error: OSError) -> str:
    """One line for an error of the operating system, with what to do."""
    said = error.strerror or " ".join(str(error).split())[:200]
    # Some libraries give the system's error as text alone.
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) or os.strerror(errno.ENOSPC) in said
    refused = error.errno in (errno.EACCES, errno.EPERM, errno.EROFS)
    gone = error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ESTALE)
    remedy = (
        "make room on the disk and run again"
        if full
        else "check your rights there, and whether another program has the file open"
        if refused
        else "a folder or file was moved away during the run, perhaps by another one; run again"
        if gone
        else "check the disk and the path"
    )
    return f"{path}: cannot be written ({said}); {remedy}"
