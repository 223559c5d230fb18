"""Reads the text tables of any source: header, separator, names and units are found out."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from settings.description import Reference, TextFormat, UserFunction


@dataclass(frozen=True)
class DescribedLayout:
    """What is read of the files of a source that the user describes.

    kind: what the source is called. channels: by name, where each stands and its unit behind the factor. reading: what
    the user says of the format, or the function that reads it.
    """

    kind: str
    channels: tuple[tuple[str, Reference, str], ...]
    reading: TextFormat | UserFunction = TextFormat()

    @property
    def columns(self) -> Mapping[str, int]:
        """By name, the places in what `read` returns."""
        return {name: place for place, name in enumerate(["Time", *(name for name, _, _ in self.channels)])}

    def read(self, path: str) -> tuple[np.ndarray, list[str]]:
        """(rows, 1 + channel) float64: time in s, then the channels in their units; and remarks, one line each."""
        table = pd.read_csv(path, sep=None, engine="python", skipinitialspace=True)
        names = [str(name).split("[")[0].split("(")[0].strip().lower() for name in table]
        if str(table.iloc[0, 0]).startswith("("):
            table = table[1:].astype(float)
        columns = [table.iloc[:, 0]]
        for _, reference, _ in self.channels:
            place = reference.column if isinstance(reference.column, int) else names.index(reference.column.lower())
            columns.append(table.iloc[:, place] * reference.factor)
        return np.column_stack(columns).astype(float), []
