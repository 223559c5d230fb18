"""Keeps track of the files that runs write into their folder, so that a run replaces those of the previous run.

A list in the folder names the files written by runs. A file is listed before it is written, so that an interrupted run
leaves no unknown files behind. Files that are not listed belong to the user and stay.
"""

import contextlib
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from support.errors import warn
from support.files import drop_cut_line, written_aside

LIST_FILE = ".files_of_runs"
WITH_DIGEST = re.compile(r"(.*?)(?:\t([0-9a-f]{32}))?")
# Files of versions that did not keep a list.
FIGURES = re.compile(r"((prediction|error|evolution)_(train|val|test)_\d+_.*|maxima|histo|learning_curve)\.png")
FIRST_LINES = {".txt": re.compile(r" {12}Time( +\w+)+\n"), ".mot": re.compile("Motions predicted.*\n")}


def begin(folder: Path, prefix: str) -> list[str]:
    """The files written by earlier runs, relative to the folder. prefix: that of the predictions' file names."""
    if not (folder / LIST_FILE).is_file():
        figures = [path for path in folder.glob("figures/*.png") if FIGURES.fullmatch(path.name)]
        texts = [path for path in folder.glob("*") if path.name.startswith(prefix) and _is_prediction(path)]
        note(folder, [path.relative_to(folder).as_posix() for path in (*figures, *texts)])
    earlier = _listed(folder)
    note(folder, [""] if earlier else [])
    return earlier


def _is_prediction(path: Path) -> bool:
    if path.suffix not in FIRST_LINES or not path.is_file():
        return False
    with open(path, encoding="utf-8", errors="replace") as file:
        return FIRST_LINES[path.suffix].fullmatch(file.readline(1000)) is not None


def _entries(folder: Path, latest: bool = False) -> list[tuple[str, str]]:
    """The names in the list, each with the digest of what the file was made for, if it has one.

    latest: only those of the latest run.
    """
    file = folder / LIST_FILE
    lines = file.read_text(encoding="utf-8", errors="replace").split("\n") if file.is_file() else [""]
    lines.pop()  # cut off, if it is not empty
    begins = max((number for number, line in enumerate(lines) if not line), default=0) if latest else 0
    entries = [WITH_DIGEST.fullmatch(line).groups(default="") for line in lines[begins:]]
    return [(name, digest) for name, digest in entries if name and name.isprintable()]


def _listed(folder: Path) -> list[str]:
    return [name for name, _ in _entries(folder)]


def made_for(folder: Path, latest: bool = False) -> dict[str, str]:
    """By the names (in lower case) of the files there, the digest of what each was made for; empty if not known.

    latest: only of those that the latest run has written so far.
    """
    entries = dict(_entries(folder, latest))
    return {name.lower(): digest for name, digest in entries.items() if (folder / name).is_file()}


def note(folder: Path, names: Sequence[str], digest: str = "") -> None:
    """Lists files that are about to be written, relative to the folder, with the digest of what they are made for."""
    if names:
        folder.mkdir(parents=True, exist_ok=True)
        drop_cut_line(folder / LIST_FILE)
        with open(folder / LIST_FILE, "a", encoding="utf-8") as file:
            file.writelines(_line(name, digest) for name in names)


def _line(name: str, digest: str) -> str:
    return f"{name}\t{digest}\n" if digest else f"{name}\n"


def finish(folder: Path, earlier: Sequence[str], keep: Callable[[str], bool]) -> list[str]:
    """Deletes the files of earlier runs that this one has not written; returns the files of this one.

    earlier: from `begin`. keep: whether a file of an earlier run stays, and stays listed.
    """
    made = list(dict.fromkeys(_listed(folder)[len(earlier) :]))
    if not made:  # nothing replaces the earlier files
        return []
    old = [name for name in dict.fromkeys(earlier) if name not in set(made) and ".." not in Path(name).parts]
    kept = [name for name in old if keep(name)]
    for name in sorted(set(old) - set(kept)):
        try:
            (folder / name).unlink(missing_ok=True)
        except OSError as error:
            warn([f"{folder / name}: left by an earlier run and cannot be deleted ({error.strerror}); delete it"])
            kept.append(name)
    with contextlib.suppress(OSError):  # the user's own figures stay
        (folder / "figures").rmdir()
    digests = dict(_entries(folder))
    with written_aside(folder / LIST_FILE) as aside:
        aside.write_text("".join(_line(name, digests[name]) for name in (*kept, *made)), encoding="utf-8")
    return made
