"""The folder of a run: the names of what lies in it, and how a run replaces the files of the previous run.

A list in the folder names the files written by runs. A file is listed before it is written, so that an interrupted run
leaves no unknown files behind. Files that are not listed belong to the user and stay.
"""

import contextlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

import pandas as pd

from system.errors import warn
from system.files import column_in_file, drop_cut_line, write_table, written_aside

WITH_DIGEST = re.compile(r"(.*?)(?:\t([0-9a-f]{32}))?")


@dataclass(frozen=True)
class RunFolder:
    """The folder of a network's results, and the names of the files in it."""

    path: Path

    REPORT = "error_report.csv"
    BY_RECORD = "error_by_record.csv"
    BANDS = "band_report.csv"
    PREDICTED = "predicted_records.csv"
    PAIRS = "pairs.csv"
    FLEET_RECORDS, FLEET_CURVES = "fleet_records.csv", "fleet_records.npz"
    FLEET = ("fleet_statistics.csv", "fleet_statistics.json")
    FLEET_TABLES = (FLEET[0], "fleet_exceedance.csv", "fleet_amplitudes.csv", "fleet_spectra.csv")
    SPECTRA = "spectra.csv"
    NEXT_RUNS, NEXT_CASES = "next_lamp_runs.csv", "next_lamp_runs_cases.txt"
    PAGE = "report.html"
    FIGURES = "figures"  # a folder
    PORTIONS = ".portions"  # a folder, while records without LAMP are predicted
    LIST = ".files_of_runs"

    def begin(self) -> list[str]:
        """The files written by earlier runs, relative to the folder."""
        earlier = [name for name, _ in self._entries()]
        self.note([""] if earlier else [])
        return earlier

    def _entries(self, latest: bool = False) -> list[tuple[str, str]]:
        """The names in the list, each with the digest of what the file was made for, if it has one.

        latest: only those of the latest run.
        """
        file = self.path / self.LIST
        lines = file.read_text(encoding="utf-8", errors="replace").split("\n") if file.is_file() else [""]
        lines.pop()  # cut off, if it is not empty
        begins = max((number for number, line in enumerate(lines) if not line), default=0) if latest else 0
        entries = [WITH_DIGEST.fullmatch(line).groups(default="") for line in lines[begins:]]
        return [(name, digest) for name, digest in entries if name and name.isprintable() and not _leads_out(name)]

    def made_for(self, latest: bool = False) -> dict[str, str]:
        """By the names (in lower case) of the files there, the digest of what each was made for; empty if not known.

        latest: only of those that the latest run has written so far.
        """
        entries = dict(self._entries(latest))
        return {name.lower(): digest for name, digest in entries.items() if (self.path / name).is_file()}

    def note(self, names: Sequence[str], digest: str = "") -> None:
        """Lists files that are about to be written, relative to the folder, with the digest of what they are for."""
        if names:
            self.path.mkdir(parents=True, exist_ok=True)
            drop_cut_line(self.path / self.LIST)
            with open(self.path / self.LIST, "a", encoding="utf-8") as file:
                file.writelines(_line(name, digest) for name in names)

    def write_table(self, name: str, table: pd.DataFrame, float_format: str | None = None) -> None:
        """Lists and writes a table of the run, which `read_table` reads."""
        self.note([name])
        write_table(self.path / name, table.rename(columns=column_in_file), float_format)

    def discard(self, is_outdated: Callable[[str], bool]) -> None:
        """Deletes those files of earlier runs that this one makes untrue."""
        for name in (name for name, _ in self._entries() if is_outdated(name)):
            (self.path / name).unlink(missing_ok=True)

    def finish(self, earlier: Sequence[str], keep: Callable[[str], bool]) -> list[str]:
        """Deletes the files of earlier runs that this one has not written; returns the files of this one.

        earlier: from `begin`. keep: whether a file of an earlier run stays, and stays listed.
        """
        entries = self._entries()
        digests, written = dict(entries), list(dict(entries[len(earlier) :]))
        if not written:  # nothing replaces the earlier files
            return []
        old = [name for name in dict.fromkeys(earlier) if name not in set(written)]
        staying = [name for name in old if keep(name)]
        for name in sorted(set(old) - set(staying)):
            file = self.path / name
            try:
                file.unlink(missing_ok=True)
            except OSError as error:
                warn([f"{file}: left by an earlier run and cannot be deleted ({error.strerror}); delete it"])
                staying.append(name)
        with contextlib.suppress(OSError):  # the user's own figures stay
            (self.path / self.FIGURES).rmdir()
        with written_aside(self.path / self.LIST) as aside:
            aside.write_text("".join(_line(name, digests[name]) for name in (*staying, *written)), encoding="utf-8")
        return written


def _leads_out(name: str) -> bool:
    """Whether a name in a list is that of a file elsewhere, which no run has written: runs delete what is listed."""
    path = PureWindowsPath(name)  # knows the drives and both slashes
    return bool(path.anchor or path.drive) or ".." in path.parts


def _line(name: str, digest: str) -> str:
    return f"{name}\t{digest}\n" if digest else f"{name}\n"
