"""Which files a record consists of, what is read from each, and what is wrong before any is read."""

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from readers import text_tables
from readers.any_tables import DescribedLayout
from readers.text_tables import Layout
from readers.units import moment_factor
from settings import SET_NAMES, DataInfo, UserInput
from settings.channels import MOTIONS, WAVE, channel_of, has_wave_grid, input_channels, output_channels
from settings.description import NAME, Description, Reference
from system.errors import InputError
from system.files import posix

AnyLayout = Layout | DescribedLayout
Files = Mapping[str, tuple[str, AnyLayout]]  # by source, such as "sc", "lamp_vbm", "waves" or "sc_2", a third file
CODES = {"sc": "SimpleCode", "lamp": "LAMP"}


def files_of(sc: str, lamp: str | None, user: UserInput, waves: str | None = None) -> Files:
    """The files of a record, and what is read from each. sc, lamp, waves: see `data_io.read_record`."""
    files = _files_of_ship(sc, lamp, user, waves) if user.description.is_ship else {}
    files |= _described_files(sc, lamp, user.description)
    return dict(sorted(files.items(), key=lambda file: "_" in file[0]))


def _described_files(sc: str, lamp: str | None, pair: Description) -> Files:
    """The files of the channels that the user describes. Those of SimpleCode and LAMP are read once more for them."""
    of_source = {
        "sc": (pair.low_file or "{}.mot", sc, pair.low_name, pair.read_low),
        "lamp": (pair.high_file or "{}.mot", lamp, pair.high_name, pair.read_high),
    }
    channels = defaultdict(list)
    for channel in pair.channels:
        for source, column in channel.reads.items():
            channels[source].append((channel.name, Reference.of(column), channel.unit))
    files = {}
    for number, (source, described) in enumerate(channels.items()):
        # A third file of the fast source is found by the record's name alone.
        pattern, name, kind, reading = of_source.get(source) or (source, sc, pair.low_name, pair.read_third)
        if name is not None:
            code = source if source in of_source else "sc"
            key = code if source == code and not pair.is_ship else f"{code}_{number + 2}"
            files[key] = posix(pattern).replace(NAME, name), DescribedLayout(kind, tuple(described), reading)
    return files


def _files_of_ship(sc: str, lamp: str | None, user: UserInput, waves: str | None) -> Files:
    """The files of the channels of SimpleCode and LAMP."""
    added, wave_path = user.description.names, waves or lamp or sc
    inputs, outputs = ([name for name in of(user) if name not in added] for of in (input_channels, output_channels))
    files = {
        source: (file, layout)
        for source, (file, layout) in _files_of_code("sc", sc, (*inputs, *outputs)).items()
        # SimpleCode's values of an output are only for comparison.
        if source == "sc" or {*layout.columns} & {*inputs} or os.path.isfile(file)
    }
    files |= _files_of_code("lamp", lamp, outputs) if lamp else {}
    if has_wave_grid(user):
        files["track"] = (f"{lamp}.mot", text_tables.LAMP_TRACK) if lamp else (f"{sc}.mot", text_tables.SC_TRACK)
        files["sea"] = (f"{wave_path}.sea", text_tables.SEA)
    elif user.input_waves:
        in_mot = lamp is None and not os.path.isfile(f"{wave_path}.wav") and _has_waves(f"{sc}.mot", not waves)
        files["waves"] = (f"{sc}.mot", text_tables.SC_WAVES) if in_mot else (f"{wave_path}.wav", text_tables.WAV)
    return files


def _has_waves(mot: str, if_unreadable: bool) -> bool:
    """Whether SimpleCode has written the elevation into its .mot (output option 6).

    if_unreadable: for a .mot that cannot be read. If no .wav is named, it may be meant, and is then the only error.
    """
    width = text_tables.count_columns(mot)
    return width > channel_of(WAVE).low.place if width else if_unreadable


def _files_of_code(source: str, path: str, names: Iterable[str]) -> Files:
    """What is read of the files of SimpleCode ("sc") or "lamp" for these channels; of the .mot always MOTIONS."""
    by_ending = defaultdict(list)
    for row in map(channel_of, dict.fromkeys((*MOTIONS, *names))):
        column = row.high if source == "lamp" else row.low
        if column and row.name != WAVE:
            by_ending[column.file].append(row.name)
    layouts = {ending: text_tables.layout_of(f"{CODES[source]} {ending}", read) for ending, read in by_ending.items()}
    return {f"{source}_{e[1:]}".removesuffix("_mot"): (f"{path}{e}", layout) for e, layout in layouts.items()}


def missing_files(user: UserInput, data: DataInfo) -> list[str]:
    """One line for each missing file that the settings require, and for each set with swapped lists."""
    needed: dict[Path, str] = {}
    lines, endings = [], " (paths without extensions)" if user.description.is_ship else ""
    for set_name in SET_NAMES:
        pairs = data.pairs(set_name)
        swapped = [pair for pair in pairs if user.description.is_ship and _are_swapped(*pair)]
        if swapped:
            sc, lamp = swapped[0]
            lines.append(
                f"DataInfoArgs.{set_name}_sc, {set_name}_lamp: swapped in {len(swapped)} of {len(pairs)} realizations "
                f"({sc}.mot is LAMP's, {lamp}.mot is SimpleCode's); exchange their paths"
            )
        for pair in pairs:
            for file, _ in files_of(*pair, user).values() if pair not in swapped else ():
                needed.setdefault(Path(file), set_name)
    for path, set_name in needed.items():
        if not os.path.isfile(path):  # also for invalid file names, for which Path.is_file raises
            folder = path.parent
            remedy = "check the name" if os.path.isdir(folder) else f"there is no folder {folder}: check the path"
            lines.append(f"{path}: file is missing ({set_name} set); {remedy} in DataInfoArgs{endings}")
    return lines


def _are_swapped(sc: str, lamp: str) -> bool:
    # LAMP's header is only looked at where the other is wrong already: there may be thousands of pairs.
    return text_tables.written_by(f"{sc}.mot") == "LAMP" and text_tables.written_by(f"{lamp}.mot") == "SimpleCode"


def header_remarks(sc: str, lamp: str | None) -> list[str]:
    """A line for each .mot file whose header is that of the other code."""
    return [
        f"{path}.mot: the header is that of {writer}, where motions of {code} are expected; check the lists in "
        "DataInfoArgs"
        for path, code in zip((sc, lamp), CODES.values(), strict=True)
        if path and (writer := text_tables.written_by(f"{path}.mot")) not in (None, code)
    ]


# ---- the unit of the bending moment -------------------------------------------------------------------------------


def moment_units(files: Iterable[tuple[str, AnyLayout]]) -> dict[str, str]:
    """By the .vbm files whose header names it, the unit of the bending moment in lower case."""
    units = {
        file: text_tables.moment_unit(file, layout)
        for file, layout in files
        if isinstance(layout, Layout) and "VBM" in layout.columns
    }
    return {file: unit for file, unit in units.items() if unit is not None}


def differing_units(files: Iterable[tuple[str, AnyLayout]]) -> list[str]:
    """A line if the headers of .vbm files name different units."""
    units = moment_units(files)
    first = next(iter(units), "")
    others = [file for file, unit in units.items() if moment_factor(unit, units[first]) != 1]
    if not others:
        return []
    more = f" (and {len(others) - 1} more files)" if len(others) > 1 else ""
    return [
        f"{others[0]}: the header's unit of VBM is {units[others[0]]}{more}, but {first} has {units[first]}; write all "
        ".vbm files in one unit"
    ]


def moment_conversion(file: str, layout: AnyLayout, wanted: str | None) -> tuple[float, list[str]]:
    """The factor to the unit of the training, and a line if it is not 1. Raises InputError if it is not known."""
    unit = moment_units([(file, layout)]).get(file) if wanted else None
    factor = moment_factor(unit, wanted) if unit else 1.0
    if factor is None:
        raise InputError(
            f"{file}: the header's unit of VBM is {unit}, that of the training {wanted}: not known how to convert; "
            f"write the file in {wanted}"
        )
    return factor, [] if factor == 1 else [f"{file}: VBM converted from {unit} to {wanted}, the unit of the training"]
