"""Errors that the user has to fix, and warnings: one line each."""

import difflib
import os
import sys
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from errno import EACCES, EDQUOT, EFBIG, ENOENT, ENOSPC, ENOTDIR, EPERM, EROFS, ESTALE
from typing import Any, NamedTuple

# What reading a damaged file of numbers or JSON may raise.
UNREADABLE = (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile)
SHOWN = 3  # files in a line
REMEDIES = {  # by the numbers of the system's errors
    (ENOSPC, EDQUOT, EFBIG): "free some disk space and run again",
    (EACCES, EPERM, EROFS): "check your permissions there, and whether another program has the file open",
    (ENOENT, ENOTDIR, ESTALE): "a folder or file disappeared during the run, perhaps because of another run; run again",
}


class InputError(Exception):
    """An error that the user has to fix; `lines` has one line for each problem."""

    def __init__(self, lines: list[str] | tuple[str, ...] | str):
        self.lines = (lines,) if isinstance(lines, str) else tuple(lines)
        super().__init__("\n".join(self.lines))

    def __reduce__(self):
        return type(self), (self.lines,)  # with its lines to another process


class Diverged(InputError):
    """A training that produced no network; repeating it with the same settings would not either."""


class WithRemarks(NamedTuple):
    """What a step gives, with the warnings about it, one line each."""

    value: Any
    remarks: Sequence[str] = ()


class FaultCollector:
    """Does one step after the other, and collects their errors and warnings, to report them together."""

    def __init__(self, faults: Iterable[str] = ()):
        self.faults, self.remarks = list(faults), []

    def __call__(self, step: Callable, *arguments, otherwise: Any = None) -> Any:
        """What the step gives, without its warnings; `otherwise` if it raises an InputError."""
        try:
            result = step(*arguments)
        except InputError as error:
            self.faults += error.lines
            return otherwise
        if not isinstance(result, WithRemarks):
            return result
        self.remarks += result.remarks
        return result.value

    def check(self) -> None:
        """Raises InputError with all errors so far, each once."""
        if self.faults:
            raise InputError(list(dict.fromkeys(self.faults)))


class OptionalSteps:
    """Does what must not cost a run its results: what fails is one line at the end, with its cause; the rest goes on.

    with OptionalSteps() as attempt: table = attempt("the spectra", spectra_table, lamp, fleet)

    Errors of the system are raised, as a full disk concerns all that is written.
    """

    def __init__(self):
        self.failed: dict[str, list[str]] = {}  # by cause

    def __enter__(self) -> "OptionalSteps":
        return self

    def __call__(self, what: str, step: Callable, *arguments, otherwise: Any = None, **options) -> Any:
        """What the step gives; `otherwise` if it fails."""
        try:
            return step(*arguments, **options)
        except OSError:
            raise
        except InputError as error:
            cause = "; ".join(error.lines[:SHOWN]) + f" and {len(error.lines) - SHOWN} more" * (
                len(error.lines) > SHOWN
            )
        except Exception as error:  # whatever odd numbers lead to
            cause = first_line(error)
        self.add({cause: [what]})
        return otherwise

    def add(self, failed: Mapping[str, Sequence[str]]) -> None:
        """What has failed elsewhere, by cause."""
        for cause, what in failed.items():
            self.failed.setdefault(cause, []).extend(what)

    def __exit__(self, *_) -> None:
        for cause, (first, *others) in self.failed.items():
            more = f" and {len(others)} more" if others else ""
            warn([f"{first}{more} cannot be made ({cause}); the rest is written"])


def warn(lines: Iterable[str]) -> None:
    """Prints warnings to stderr, each line once, and one line for files about which the same is said."""
    files: dict[str, list[str]] = {}
    for line in dict.fromkeys(lines):
        file, _, text = line.partition(": ")
        files.setdefault(text, []).append(file)
    for text, alike in files.items():
        more = f" and {len(alike) - SHOWN} more" if len(alike) > SHOWN else ""
        print(f"Warning: {', '.join(alike[:SHOWN])}{more}" + f": {text}" * bool(text), file=sys.stderr)


def report(faults: Iterable[str]) -> None:
    """Prints errors to stderr, one line each."""
    for line in faults:
        print(f"Error: {line}", file=sys.stderr)


def exit_status(work: Callable[[], object]) -> int:
    """Runs a command; returns its exit status: 1 if it raised InputError, whose lines are printed, else 0."""
    try:
        work()
    except InputError as error:
        report(error.lines)
        return 1
    return 0


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """The question whether a similar one of the names is meant, to be appended to an error; empty if none is."""
    near = difflib.get_close_matches(name, names, n=1)
    return f"; did you mean {near[0]}?" if near else ""


def counted(number: int, noun: str) -> str:
    """1 epoch, 2 epochs."""
    return f"{number} {noun}{'s' * (number != 1)}"


def first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:120]}" if lines else type(error).__name__


def cannot_be_written(path: str | os.PathLike, error: OSError) -> str:
    """One line for an error of the operating system, with the remedy."""
    reason = error.strerror or " ".join(str(error).split())[:200]
    # Some libraries pass on the system's error as text only.
    number = ENOSPC if os.strerror(ENOSPC) in reason else error.errno
    remedy = next((text for numbers, text in REMEDIES.items() if number in numbers), "check the disk and the path")
    return f"{path}: cannot be written ({reason}); {remedy}"
