"""Records, in memory or on disk."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from readers.alignment import time_step
from readers.record_identity import Identified
from system.files import array_hash, text_hash


@dataclass(frozen=True)
class Record(Identified):
    """One realization, its channels aligned on one time axis.

    name: SimpleCode's file name without extension.
    time: (rows,) s; LAMP's rows if there is LAMP.
    inputs: (rows, input channel); targets: (rows, output channel) from LAMP, None without LAMP.
    simple: (rows, output channel), SimpleCode's values of the output channels; NaN where it has none.
    sources: the hashes of its files' content, before alignment; empty for a record that was not read from files.
    own_time: (rows of the files,) s if they differ: the record was resampled, or its times have few decimals.
    """

    name: str
    time: np.ndarray
    inputs: np.ndarray
    targets: np.ndarray | None
    simple: np.ndarray
    sources: Mapping[str, str] = field(default_factory=dict)
    own_time: np.ndarray | None = None

    def after(self, transient: float) -> slice:
        """The rows after the first seconds (transient)."""
        return slice(int(np.searchsorted(self.time - self.time[0], transient)), None)

    def read(self) -> "Record":
        return self

    @property
    def time_step(self) -> float:
        """s."""
        return time_step(self.time)

    @property
    def contents(self) -> Mapping[str, str]:
        if self.sources:
            return self.sources
        arrays = {"sc": (self.time, self.simple), "waves": (self.inputs,), "lamp": (self.targets,)}
        return {name: array_hash(numbers) for name, numbers in arrays.items() if numbers[0] is not None}


@dataclass(frozen=True, eq=False)
class Records(Sequence):
    """The records of a set. Those on disk are read on access, so that the set takes no memory.

    entries: `Record` or `record_cache.CachedRecord`, which have the same name, hashes and time step.
    """

    entries: tuple = ()

    @classmethod
    def joined(cls, *sets: Sequence[Record]) -> "Records":
        """The records of several sets behind each other, of which none is read."""
        return cls(tuple(entry for s in sets for entry in (s.entries if isinstance(s, cls) else s)))

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, place: int) -> Record:
        return self.entries[place].read()

    @property
    def names(self) -> list[str]:
        return [entry.name for entry in self.entries]

    @property
    def digests(self) -> list[str]:
        return [entry.digest for entry in self.entries]

    def chosen(self, places: Iterable[int]) -> "Records":
        """The records at these places, in this order."""
        return Records(tuple(self.entries[place] for place in places))


def data_fingerprint(*sets: Sequence[Record]) -> str:
    """What identifies the data of a training: for each source a hash of the content of its files, followed by the
    beginnings of those of each record, as "lamp=a0:1c,2d sc=1f:3e,4f".

    The same wherever the files lie, and for records in memory and on disk.
    """
    hashes: dict[str, list[tuple[int, str]]] = {}
    for number, records in enumerate(sets):
        for entry in Records.joined(records).entries:
            for source, content in entry.contents.items():
                hashes.setdefault(source, []).append((number, content))
    return " ".join(
        f"{source}={text_hash(' '.join(f'{number} {content}' for number, content in numbered))}:"
        f"{','.join(content[:8] for _, content in numbered)}"
        for source, numbered in sorted(hashes.items())
    )
