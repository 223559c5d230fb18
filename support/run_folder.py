"""Which files in a run's folder are the program's: a run's files take the place of those of the run before.

The folder holds a list of the files that runs have made. A file is noted there before it is written, so that a run
that is cut off leaves none that the next run does not know; what is not listed is the user's and stays.
"""

import contextlib
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from support.errors import warn
from support.files import written_aside

LIST_FILE = ".files_of_runs"
# What runs made before there was a list.
FIGURES = re.compile(r"((prediction|error|evolution)_(train|val|test)_\d+_.*|maxima|histo|learning_curve)\.png")
FIRST_LINES = {".txt": re.compile(r" {12}Time( +(VBM|Zcg|Roll|Pitch))+\n"), ".mot": re.compile("Motions predicted.*\n")}


def begin(folder: Path, prefix: str) -> list[str]:
    """The files that earlier runs have made, relative to the folder; prefix: of the names of the predictions."""
    if (folder / LIST_FILE).is_file():
        return _listed(folder)
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
    return file.read_text(encoding="utf-8", errors="replace").splitlines() if file.is_file() else []


def note(folder: Path, names: Sequence[str]) -> None:
    """Lists files that are about to be written, relative to the folder."""
    if names:
        folder.mkdir(parents=True, exist_ok=True)
        with open(folder / LIST_FILE, "a", encoding="utf-8") as file:
            file.writelines(f"{name}\n" for name in names)


def finish(folder: Path, earlier: Sequence[str], keep: Callable[[str], bool]) -> list[str]:
    """Removes what earlier runs have made and this one has not; returns what this one has made.

    earlier: as `begin` gave it. keep: whether a file of an earlier run stays, and stays listed.
    """
    made = list(dict.fromkeys(_listed(folder)[len(earlier) :]))
    if not made:  # nothing takes its place
        return []
    old = [name for name in dict.fromkeys(earlier) if name not in set(made) and ".." not in Path(name).parts]
    kept = [name for name in old if keep(name)]
    for name in sorted(set(old) - set(kept)):
        try:
            (folder / name).unlink(missing_ok=True)
        except OSError as error:
            warn(
                [f"{folder / name}: is of an earlier run and cannot be removed ({error.strerror}); delete it yourself"]
            )
            kept.append(name)
    with contextlib.suppress(OSError):  # the user's own figures stay
        (folder / "figures").rmdir()
    with written_aside(folder / LIST_FILE) as aside:
        aside.write_text("".join(f"{name}\n" for name in (*kept, *made)), encoding="utf-8")
    return made
