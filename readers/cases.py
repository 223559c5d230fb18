"""Reads cases files, which list the realizations of a set."""

import codecs
import os
import re
from dataclasses import dataclass
from pathlib import Path

from readers.sea_state_handles import find_handle
from system.errors import InputError
from system.files import posix

LONGEST_NAME = 255  # characters of a file name
COMMENT = re.compile(r"(?:^|\s)#.*")  # a # within a word is part of a file name


@dataclass(frozen=True)
class Cases:
    """A cases file: the paths of its realizations without extensions, and their handles."""

    sc: list[str]
    lamp: list[str]
    handles: list[str]


def read_cases(cases_file: str | os.PathLike, folder: str | os.PathLike | None = None) -> Cases:
    """The realizations listed in a cases file.

    cases_file: free description lines, a line `***`, SimpleCode's prefix, LAMP's prefix, then one handle per line;
        after `***`, `#` starts a comment.
    folder: the folder of SimpleCode_files and LAMP_files; by default the parent of the cases file's folder.

    Raises InputError if the file is missing, or has no `***` line, no prefixes or no handle after it, or a line that
    cannot be part of a file name.
    """
    path = Path(posix(cases_file))
    folder = Path(posix(folder)) if folder is not None else path.parent.parent
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cases file cannot be read ({error.strerror}); check the path") from None
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise InputError(f"{path}: is saved as UTF-16 (Unicode); save it as UTF-8 text")
    lines = data.decode("utf-8-sig", "replace").splitlines()
    mark = next((number for number, line in enumerate(lines, start=1) if line.strip().startswith("***")), None)
    if mark is None:
        raise InputError(f"{path}: no line '***' between the description and the prefixes; add it")
    rows = [COMMENT.sub("", line).strip() for line in lines[mark:]]
    for number, row in enumerate(rows, start=mark + 1):
        if not row.isprintable() or "\ufffd" in row or len(row) > LONGEST_NAME:
            shown = ascii(row[:40])
            raise InputError(f"{path}, line {number}: {shown} cannot be in a file name; save the file as UTF-8 text")
    rows = [row for row in rows if row]
    if len(rows) < 2:
        raise InputError(f"{path}: expected SimpleCode's prefix and LAMP's prefix after the line '***'; add them")
    for what, prefix in zip(("SimpleCode", "LAMP"), rows, strict=False):
        if find_handle(prefix):
            raise InputError(f"{path}: {what}'s prefix is missing and a handle is in its place ({prefix}); add it")
    sc_prefix, lamp_prefix, *handles = map(posix, rows)
    if not handles:
        raise InputError(f"{path}: no handle after the two prefixes; add one line for each realization")
    return Cases(
        sc=[(folder / "SimpleCode_files" / f"{sc_prefix}{handle}").as_posix() for handle in handles],
        lamp=[(folder / "LAMP_files" / f"{lamp_prefix}{handle}").as_posix() for handle in handles],
        handles=handles,
    )
