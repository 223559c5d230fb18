"""What identifies a record: a digest of its content, not the names of its files."""

import json
from collections.abc import Mapping

import numpy as np

from settings.channels import MOTIONS
from system.files import array_hash, text_hash


class Identified:
    """What identifies a record wherever it is kept or looked up again.

    contents: a hash of the numbers of each source, see `content_hashes`.
    """

    contents: Mapping[str, str]

    @property
    def digest(self) -> str:
        """A hash over the content of all sources."""
        return text_hash(json.dumps(dict(self.contents), sort_keys=True))

    @property
    def input_digest(self) -> str:
        """What a prediction was made for: the beginning of SimpleCode's hash, and one over all but LAMP's motions."""
        given = {source: content for source, content in self.contents.items() if not source.startswith("lamp")}
        return self.contents["sc"][:16] + text_hash(json.dumps(given, sort_keys=True), 8)

    @property
    def pair_digest(self) -> str:
        """What an error was measured on, whatever the network's inputs: the beginnings of both motions' hashes."""
        return self.contents["sc"][:16] + self.contents["lamp"][:16]


def content_hashes(tables: Mapping[str, np.ndarray], of_ship: bool = True) -> dict[str, str]:
    """By source, as "sc" and "lamp" (their motions), "waves", "sea" or "sc_vbm", a hash of its numbers.

    tables: by source, (rows, column). What is read of a .mot beside time, heave, roll and pitch has a hash of its own,
    as "sc_further", so that the same motions have the same hash whatever the channels of a network. of_ship: whether
    the sources are SimpleCode and LAMP.
    """
    hashes = {}
    for source, table in tables.items():
        width = 1 + len(MOTIONS) if of_ship and source in ("sc", "lamp") else table.shape[1]
        hashes[source] = array_hash([table[:, :width]])
        if table.shape[1] > width:
            hashes[f"{source}_further"] = array_hash([table[:, width:]])
    return hashes
