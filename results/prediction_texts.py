"""Predictions as text: which name each gets, and what is in it."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import data_io
from checks import run_bands
from checks.run_bands import Bands
from data_io import Record
from prediction import Prediction
from readers.alignment import even_times, interpolated
from settings.channels import MOTIONS
from system.errors import counted
from system.run_folder import RunFolder


class Texts:
    """Writes the predictions of a run as text, at the rows of the records' files, also where these were resampled.

    No text replaces that of another record, also of an earlier run; a text that an earlier run made for the same
    motions of SimpleCode is replaced, whatever the waves.
    """

    def __init__(self, folder: Path, prefix: str, channels: Sequence[str], bands: Bands | None, replaces_all: bool):
        """bands: whose bounds are written. replaces_all: whether the texts of earlier runs are deleted at the end."""
        self._folder, self._prefix, self._channels, self._bands = folder, prefix, list(channels), bands
        made_for = RunFolder(folder).made_for(latest=replaces_all)
        self._earlier, self._of_this_run = ({}, made_for) if replaces_all else (made_for, {})
        self.renamed: list[str] = []
        self.twice: list[str] = []  # of the same content as another record

    def named_apart(self, record: Record, path: str) -> Record:
        """The record, which was read from a path, with a free name: with its folder and then a number, if needed."""
        digest = record.input_digest

        def is_taken(name: str) -> bool:
            text = self._file(name).lower()
            if text in self._of_this_run:
                return self._of_this_run[text] != digest
            return self._earlier.get(text, digest)[:16] != digest[:16]

        if is_taken(record.name):
            record = dataclasses.replace(record, name=data_io.free_name(path, is_taken))
            self.renamed.append(record.name)
        self._of_this_run[self._file(record.name).lower()] = digest
        return record

    def _file(self, name: str) -> str:
        return f"{self._prefix}{name}.txt"

    def write(self, record: Record, prediction: Prediction, track: np.ndarray | None = None) -> None:
        """The outputs and their bounds; with the record's track (rows, 3) also LAMP's .mot."""
        names, table = self._channels, prediction.mean
        motions = table[:, [names.index(name) for name in MOTIONS if name in names]]
        bounds = run_bands.bounds_of(self._bands, record, prediction)
        if bounds is not None:
            table = np.hstack([table, bounds.reshape(len(table), -1)])
            names = [*names, *self._bands.names]
        time = record.time
        if record.own_time is not None:
            time, rows = record.own_time, even_times(record.own_time)
            table, motions = (interpolated(np.column_stack([record.time, part]), rows) for part in (table, motions))
        path = self._folder / self._file(record.name)
        RunFolder(self._folder).note([path.name], record.input_digest)
        data_io.write_prediction(path, time, table, names)
        if track is not None:
            path = path.with_suffix(".mot")
            RunFolder(self._folder).note([path.name], record.input_digest)
            data_io.write_lamp_motions(path, time, track, motions)

    def remarks(self) -> list[str]:
        lines = {
            "with the name of another, whose text was made for other content and stays; called by the folder or "
            "numbered": self.renamed,
            "with the motions of another; counted once in the statistics of the fleet": self.twice,
        }
        return [
            f"{counted(len(names), 'predicted record')} {what} (first: {names[0]})"
            for what, names in lines.items()
            if names
        ]
