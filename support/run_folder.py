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
# Files of versions that did not keep a list.
FIGURES = re.compile(r"((prediction|error|evolution)_(train|val|test)_\d+_.*|maxima|histo|learning_curve)\.png")
FIRST_LINES = {".txt": re.compile(r" {12}Time( +(VBM|Zcg|Roll|Pitch))+\n"), ".mot": re.compile("Motions predicted.*\n")}


def begin(folder: Path, prefix: str) -> list[str]:
    """The files written by earlier runs, relative to the folder. prefix: that of the predictions' file names."""
    if not (folder / LIST_FILE).is_file():
        figures = [path for path in folder.glob("figures/*.png") if FIGURES.fullmatch(path.name)]
        texts = [path for path in folder.glob("*") if path.name.startswith(prefix) and _is_prediction(path)]
        note(folder, [path.relative_to(folder).as_posix() for path in (*figures, *texts)])
    return _listed(folder)


def _is_prediction(path: Path) -> bool:
    if path.suffix not in FIRST_LINES or not path.is_file():
        return False
    with open(path, encoding="utf-8", errors="replace") as file:
        return FIRST_LINES[path.suffix].fullmatch(file.readline(1000)) is not None


def _listed(folder: Path) -> list[str]:
    file = folder / LIST_FILE
    lines = file.read_text(encoding="utf-8", errors="replace").split("\n") if file.is_file() else [""]
    return [line for line in lines[:-1] if line.isprintable()]  # the last one was cut off, if it is not empty


def note(folder: Path, names: Sequence[str]) -> None:
    """Lists files that are about to be written, relative to the folder."""
    if names:
        folder.mkdir(parents=True, exist_ok=True)
        drop_cut_line(folder / LIST_FILE)
        with open(folder / LIST_FILE, "a", encoding="utf-8") as file:
            file.writelines(f"{name}\n" for name in names)


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
    with written_aside(folder / LIST_FILE) as aside:
        aside.write_text("".join(f"{name}\n" for name in (*kept, *made)), encoding="utf-8")
    return made
