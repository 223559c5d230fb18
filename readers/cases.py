"""Reads cases files, which list the realizations of a set, and handles, which name realizations."""

import codecs
import os
import re
from dataclasses import dataclass
from pathlib import Path

from support.errors import InputError
from support.files import posix

LONGEST_NAME = 255  # characters of a file name
COMMENT = re.compile(r"(?:^|\s)#.*")  # a # within a word is part of a file name
HANDLE = re.compile(r".*?_hN_pN_aN_hhN_ppN_aaN_sN-(\d+)".replace("N", r"(\d+(?:\.\d+)?)"), re.DOTALL)


@dataclass(frozen=True)
class Handle:
    """The parts of a realization's handle: heights in m, modal periods in s, headings in deg, speed in knots."""

    height: float
    period: float
    heading: float
    second_height: float
    second_period: float
    second_heading: float
    speed: float
    realization: int


# Of all parts but the realization.
PART_UNITS = dict(zip(Handle.__annotations__, ("m", "s", "deg", "m", "s", "deg", "knots"), strict=False))


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
        if HANDLE.fullmatch(prefix):
            raise InputError(f"{path}: {what}'s prefix is missing and a handle is in its place ({prefix}); add it")
    sc_prefix, lamp_prefix, *handles = map(posix, rows)
    if not handles:
        raise InputError(f"{path}: no handle after the two prefixes; add one line for each realization")
    return Cases(
        sc=[(folder / "SimpleCode_files" / f"{sc_prefix}{handle}").as_posix() for handle in handles],
        lamp=[(folder / "LAMP_files" / f"{lamp_prefix}{handle}").as_posix() for handle in handles],
        handles=handles,
    )


def handle_in(name: str) -> str:
    """The handle that a name ends in, as cases files list it; empty without one."""
    match = HANDLE.fullmatch(name)
    return name[match.start(1) - len("_h") :] if match else ""


def part_label(part: str) -> str:
    """A part of a handle with its unit, for an axis."""
    return f"{part.replace('_', ' ').capitalize()} [{PART_UNITS[part]}]"


def parse_handle(text: str) -> Handle:
    """The parts of a handle, or of a path that ends in one. Raises InputError if the text does not end in a handle."""
    if handle := find_handle(text):
        return handle
    raise InputError(
        f"{text}: not a handle; expected one like _h7.5_p15_a135_hh0_pp0_aa0_s10-0000001 "
        "(height, period, heading of both wave systems, speed, realization)"
    )


def find_handle(text: str) -> Handle | None:
    """The parts of the handle that a text ends in; None without one."""
    match = HANDLE.fullmatch(text)
    if match is None:
        return None
    *parts, realization = match.groups()
    return Handle(*map(float, parts), int(realization))
