"""Predictions as text: which name each gets, and what is in it."""

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import data_io
from checks.run_bands import Bands
from data_io import Record
from prediction import Prediction
from readers.alignment import even_times, interpolated
from settings.channels import MOTIONS
from settings.description import signal_word
from system.errors import OptionalSteps, counted
from system.run_folder import RunFolder


@dataclass(frozen=True)
class TextLayout:
    """What the texts of a run are called and hold. bands: whose bounds are written, None without."""

    prefix: str
    channels: tuple[str, ...]
    bands: Bands | None

    def file(self, name: str) -> str:
        return f"{self.prefix}{name}.txt"

    def write(
        self,
        folder: Path,
        record: Record,
        prediction: Prediction,
        attempt: OptionalSteps,
        track: np.ndarray | None = None,
    ) -> list[str]:
        """Writes the outputs and their bounds; with the record's track (rows, 3) also LAMP's .mot.

        They have the rows of the record's files, also where these were resampled. Returns the names of the files.
        """
        names, table = list(self.channels), prediction.mean
        motions = table[:, [names.index(name) for name in MOTIONS if name in names]]
        if self.bands:
            bounds = attempt(f"bands of {record.name}", self.bands.bounds, record.time, prediction)
            if bounds is not None:
                table = np.hstack([table, bounds.reshape(len(table), -1)])
                names += self.bands.names
        time = record.time
        if record.own_time is not None:
            time, rows = record.own_time, even_times(record.own_time)
            table, motions = (interpolated(np.column_stack([record.time, part]), rows) for part in (table, motions))
        path = folder / self.file(record.name)
        data_io.write_prediction(path, time, table, names)
        if track is None:
            return [path.name]
        data_io.write_lamp_motions(path.with_suffix(".mot"), time, track, motions)
        return [path.name, path.with_suffix(".mot").name]


class Texts:
    """The predictions of a run as text in its folder.

    No text replaces that of another record, also of an earlier run; a text that an earlier run made for the same
    motions of SimpleCode is replaced, whatever the waves.
    """

    def __init__(self, folder: Path, layout: TextLayout, replaces_all: bool):
        """replaces_all: whether the texts of earlier runs are deleted at the end."""
        self._folder, self.layout = folder, layout
        made_for = RunFolder(folder).made_for(latest=replaces_all)
        self._earlier, self._of_this_run = ({}, made_for) if replaces_all else (made_for, {})
        self.renamed: list[str] = []
        self.twice: list[str] = []  # of the same content as another record

    def write(self, record: Record, prediction: Prediction) -> None:
        RunFolder(self._folder).note([self.layout.file(record.name)], record.input_digest)
        with OptionalSteps() as attempt:
            self.layout.write(self._folder, record, prediction, attempt)

    def take(self, folder: Path, name: str, path: str, digest: str, files: Sequence[str]) -> str:
        """Moves a record's files here, unless an earlier run has; returns the record's name, which may be another now.

        files: in the folder. path: from which the record was read. digest: see `Record.input_digest`.
        """
        free = self._free_name(name, path, digest)
        names = {file: self.layout.file(free)[: -len(".txt")] + Path(file).suffix for file in files}
        RunFolder(self._folder).note([*names.values()], digest)
        for file, new in names.items():
            with contextlib.suppress(FileNotFoundError):
                os.replace(folder / file, self._folder / new)
        return free

    def _free_name(self, name: str, path: str, digest: str) -> str:
        """The name, or, where another record's text has it, a free one: with the path's folder and then a number."""

        def is_taken(name: str) -> bool:
            text = self.layout.file(name).lower()
            if text in self._of_this_run:
                return self._of_this_run[text] != digest
            return self._earlier.get(text, digest)[:16] != digest[:16]

        if is_taken(name):
            name = data_io.free_name(path, is_taken)
            self.renamed.append(name)
        self._of_this_run[self.layout.file(name).lower()] = digest
        return name

    def remarks(self) -> list[str]:
        lines = {
            "with the name of another, whose text was made for other content and stays; called by the folder or "
            "numbered": self.renamed,
            f"with the {signal_word()}s of another; counted once in the statistics of the fleet": self.twice,
        }
        return [
            f"{counted(len(names), 'predicted record')} {what} (first: {names[0]})"
            for what, names in lines.items()
            if names
        ]
