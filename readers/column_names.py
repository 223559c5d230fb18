"""The names of columns in a header: which quantity each means, and at which positions the columns of a format stand.

Little is certain about the names that the simulators' versions write. Names that are not known are therefore accepted
at the usual positions; names that mean something else there are not.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from readers.units import is_unit
from settings.channels import CHANNELS, MOMENT, UPRIGHT
from system.errors import InputError

LONGEST_LINE = 1000  # characters of a header line that names columns
LONGEST_HEADER = 100  # lines
OTHER = "Other"  # a known quantity that no format has among the columns that are read
MODE = r"(?:heave|roll|pitch|yaw|surge|sway|[xyz]|[xyz] ?cg|rot ?[xyz])"
SIDE = r"(?:(?:horizontal|horiz|hor|lateral|lat|transverse|torsion|torsional|twisting|roll|yaw) )"
# Patterns of names in lower case, words apart by one blank; the first one that matches at a place counts.
MOTION_NAMES = {
    OTHER: (
        rf"(?:(?:wave|angular|{MODE}) )*(?:velocity|vel|rate|speed|acceleration|accel|acc|dot)s?",
        rf"(?:wave )?{MODE}(?:dot|vel|rate|acc)\w*|[va] ?[xyz]",
        r"(?:(?:wave|surface|sea) )?\w*slopes?(?: [xy])?|rel(?:ative)? (?:(?:wave|water) )?\w+",
        r"wave (?:heading|direction|dir|angle|period|frequency|freq|phase)|frequency|period|phase",
        rf"{SIDE}+(?:{MOMENT}|b ?m)|(?:moment|mom) [xz]|torsion|h ?b ?m|m ?[xz]|[ht]mom\w*",
        r"(?:hor|lat|tors|twist|roll|yaw)\w*mom\w*",
        rf"{UPRIGHT}{SIDE}*(?:(?:axial|normal) )?(?:shear|force)(?: forces?)?|[vh]? ?s ?f|f ?[xyz]|[vh]?shear\w*",
        r"[uvpqr](?! \w)",
    ),
    "Time": (r"(?:(?:sim|simulation|elapsed) )?time|t",),
    **{name: (row.names,) for name, row in CHANNELS.items() if row.names},
}
SEA_NAMES = {
    OTHER: (
        r"encounter(?: freq\w*)?|periods?|t|time|wave ?numbers?|k|wave ?lengths?|lambda|roll|pitch|yaw|heave",
        r"(?:(?:spectral|energy|wave) )?(?:density|spectrum|energy|steepness|slope)|s|(?:wave )?height|h",
    ),
    "Frequency": (r"(?:(?:wave|circular|angular) )*freq\w*|omega|om|w",),
    "Phase": (r"(?:(?:random|wave) )?phases?(?: angle)?|phi|eps|epsilon",),
    "Amplitude": (r"(?:wave )?amp\w*|zeta(?: a)?|a",),
    "Heading": (r"(?:wave )?(?:headings?|head|hdg|directions?|dir|angle)|beta|mu|theta|chi",),
}
MEANINGS, SEA_MEANINGS = (
    re.compile("|".join(f"(?P<{name}>(?<![a-z0-9])(?:{'|'.join(of)})(?![a-z0-9]))" for name, of in names.items()))
    for names in (MOTION_NAMES, SEA_NAMES)
)
FILLERS = re.compile(r"\b(?:at|of|the|in|amidships?|midships?|c?o?g|station|st|cent(?:re|er)|gravity|\d+)\b")
PROSE = re.compile(r"\b(?:time (?:histor\w+|series|traces?|domain)|vs|versus|against)\b", re.IGNORECASE)  # of a title
# Words of which a line of names has one, if it is not one word for each column. By whether it is of a sea.
BEGINS = {
    is_sea: re.compile(words, re.IGNORECASE) for is_sea, words in ((False, r"time|\bt\b"), (True, r"freq|\bom|\bw\b"))
}


@dataclass(frozen=True)
class Names:
    """A header's line of names: its number from 1 (0: none), the names, one for each column, and their meanings."""

    line: int = 0
    labels: tuple[str, ...] = ()
    meanings: tuple[str | None, ...] = ()


def find_names(header: bytes, width: int, is_sea: bool) -> Names:
    """The names in a header. width: number of columns. is_sea: of wave components, not of a time series."""
    candidates = []
    for number, line in enumerate(header.split(b"\n")[:LONGEST_HEADER], start=1):
        if 0 < len(line) <= LONGEST_LINE:
            labels, meanings, rank = _read_line(line.decode("latin-1"), width, is_sea)
            candidates += [(*rank, number, labels, meanings)] if labels else []
    return Names(*max(candidates, key=lambda one: one[:4])[3:]) if candidates else Names()


def positions(names: Names, usual: Mapping[str, int], width: int, path: Path, kind: str) -> dict[str, int]:
    """Where each column stands: at its usual position unless its name is that of another column alone.

    usual: positions of the columns that are read, by name. width: number of columns in a row. kind: for messages.
    Raises InputError if something else stands where a column is expected, and no other one has its name.
    """
    places, faults = {}, []
    for name, place in usual.items():
        there = names.meanings[place] if place < len(names.meanings) else None
        called = [at for at, meaning in enumerate(names.meanings) if meaning == name]
        if there == name or (there is None and (not called or place >= width)):
            places[name] = place
        elif len(called) == 1 and len(names.labels) == width:
            places[name] = called[0]
        else:
            label = ascii(names.labels[place])[1:-1] if place < len(names.labels) else "nothing"
            others = f", and {len(called)} others are called so" if called else ""
            faults.append(
                f"{path}, line {names.line}: column {place + 1} of {width} is called {label} where {name} is expected"
                f"{others} ({len(names.labels)} names); give a {kind} file, or correct the names"
            )
    if faults:
        raise InputError(faults)
    return places


def called_as_others(names: Names, places: Mapping[str, int]) -> dict[str, int]:
    """The columns that are read, by name with their position, whose label another column has, too."""
    labels = [label.lower() for label in names.labels]
    return {name: at for name, at in places.items() if at < len(labels) and labels.count(labels[at]) > 1}


@lru_cache(maxsize=4096)
def _read_line(line: str, width: int, is_sea: bool) -> tuple[tuple[str, ...], tuple[str | None, ...], tuple]:
    """A line's names, what they mean, and how sure they are names of columns; no names if it is other text."""
    if PROSE.search(line) or (not BEGINS[is_sea].search(line) and len(line.split()) != width):
        return (), (), ()
    labels = split(line, width, is_sea)
    meanings = tuple(meaning(label, is_sea) for label in labels)
    sure, fits = len(set(meanings) - {None}), len(labels) == width
    first = "Frequency" if is_sea else "Time"
    begins = meanings.count(first) == 1 and (first in meanings[:2] or (sure >= 2 if fits else None not in meanings))
    is_names = (begins or sure >= 3) if fits else begins and 3 * sum(map(bool, meanings)) >= 2 * len(meanings)
    return tuple(labels) if is_names else (), meanings, (fits, begins, sure)


def split(line: str, width: int, is_sea: bool) -> list[str]:
    """The names in a line: separated so that there is one for a column if that is possible, else by blanks.

    Names may contain blanks: they are separated by commas, tabs or several blanks, in quotation marks, followed by
    units in brackets, or known by themselves.
    """
    line = re.sub(r"^\s*(?:[#%!*/&]+|\w+:(?=\s))\s*", "", line)
    joined = re.sub(r"\s*([\[(][^\])]*[\])])", lambda unit: unit[1].replace(" ", ""), line)
    joined = re.sub(r",\s*([^\s,;]+)", lambda word: f"({word[1]})" if is_unit(word[1].lower()) else word[0], joined)
    ways = [
        joined.split(),
        re.findall(r'"[^"]*"|[^\s"]+', joined),
        re.split(r"[,;|\t]", line.strip(" ,;|\t")),
        re.split(r"\s{2,}|\t", joined.strip()),
        re.findall(r"[^\])]*[\])]", joined) if joined.rstrip(" ,;").endswith((")", "]")) else [],
    ]
    meant = SEA_MEANINGS if is_sea else MEANINGS
    if not FILLERS.sub("", meant.sub("", text := _words(line))).strip():
        ways.append([phrase[0] for phrase in meant.finditer(text)])
    fitting = [labels for labels in ways if len(labels) == width] or ways[:1]
    labels = max(fitting, key=lambda labels: sum(meaning(label, is_sea) is not None for label in labels))
    return [label.strip(' "') for label in labels]


def meaning(label: str, is_sea: bool = False) -> str | None:
    """The quantity that a name means: that of a column that is read, OTHER, or None if it is not known."""
    text = _words(label)
    columns = [] if is_sea else [(row.name, column) for row in CHANNELS.values() for column in (row.low, row.high)]
    if named := [name for name, column in columns if column and column.name and _words(column.name) == text]:
        return named[0]
    match = (SEA_MEANINGS if is_sea else MEANINGS).search(text)
    if match and len(match[0]) == 1 and text != match[0] and not is_unit(text.removeprefix(match[0]).strip()):
        return None  # a letter among others, as in A_b
    return match and match.lastgroup


def _words(text: str) -> str:
    """The words of a name in lower case, without units: vert bending moment for Vert_BendingMoment(kN-m)."""
    text = re.sub(r"[\[(][^\])]*[\])]", " ", text)
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    return re.sub(r"[^a-z0-9]+", " ", text.lower()).strip()
