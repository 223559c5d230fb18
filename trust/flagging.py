"""Flags predicted records that are unlike those of the training: what is saved with the network, and the table."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

import data_io
from data_io import Record
from readers.cases import Handle, find_handle, handle_in
from settings import Config
from support.errors import UNREADABLE, first_line, warn
from support.files import written_aside
from trust import novelty

KNOWN_FILE = "training_windows.npz"  # beside the network
TABLE = "predicted_records.csv"
REMEDY = "run this record in LAMP, or widen the training set; bands are not guaranteed for it"
NEAREST_HEADING = 20.0  # deg
HANDLE_UNITS = {"height": "m", "period": "s", "second_height": "m", "second_period": "s", "speed": "knots"}


@dataclass(frozen=True)
class Watch:
    """What the network has seen: the windows of the training records, and their handles if they have any."""

    known: novelty.Known
    handles: tuple[Handle, ...]


def learn(config: Config, sets: Mapping[str, Sequence[Record]]) -> None:
    """Saves with a network that was just trained the windows of its training records, to compare predictions with."""
    if not config.user.training_mode:
        return
    records = data_io.joined(sets["train"], sets["val"]) if config.user.num_folds else sets["train"]
    features = [novelty.window_features(record.time, watched(config, record))[1] for record in records]
    with written_aside(config.network_folder / KNOWN_FILE) as aside, open(aside, "wb") as file:
        np.savez(file, names=np.array(data_io.record_names(records)), **asdict(novelty.known(features)))


def load(config: Config) -> Watch | None:
    """Reads what `learn` saved with this network; None for a network without it."""
    path = config.network_folder / KNOWN_FILE
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as kept:
            arrays = dict(kept)
        names = arrays.pop("names").tolist()
        known = novelty.Known(**arrays)
    except UNREADABLE as error:
        warn([f"{path}: cannot be read ({first_line(error)}); records unlike those of the training are not flagged"])
        return None
    return Watch(known, tuple(filter(None, map(find_handle, names))))


def watched(config: Config, record: Record) -> np.ndarray:
    """(rows, channel): the inputs that are compared; of a wave grid, its centre."""
    return record.inputs[:, list(_channels(config))]


def _channels(config: Config) -> dict[int, str]:
    """The names of the inputs that are compared, by their places."""
    names = data_io.input_channels(config.user)
    channels = {place: name for place, name in enumerate(names) if not name.startswith("Wave")}
    wave = data_io.wave_at_centre(names)
    return channels if wave is None else channels | {wave: "Wave"}


def row(watch: Watch, config: Config, set_name: str, record: Record) -> dict[str, object]:
    """One row of predicted_records.csv."""
    windows = novelty.window_features(record.time, watched(config, record))
    found = novelty.judge(watch.known, *windows, list(_channels(config).values()))
    outside = outside_handles(record.name, watch.handles)
    flagged = found.pop("unlike") or bool(outside)
    name = {"set": set_name, "record": record.name, "handle": handle_in(record.name), "flagged": flagged}
    return name | found | {"outside_training": "; ".join(outside), "remedy": REMEDY if flagged else ""}


def outside_handles(name: str, training: Sequence[Handle]) -> list[str]:
    """The parts of a record's handle that are outside the range of the training records, as texts."""
    own, found = find_handle(name), []
    if not training or not own:
        return []
    for part, unit in HANDLE_UNITS.items():
        height = f"{part.removesuffix('period')}height" if part.endswith("period") else ""
        value = getattr(own, part)
        values = [getattr(handle, part) for handle in training if not height or getattr(handle, height) > 0]
        is_absent = height and getattr(own, height) == 0  # a wave system without height has no period
        if not is_absent and not (values and min(values) <= value <= max(values)):
            limits = (min(values), max(values)) if values else ()
            known = " to ".join(dict.fromkeys(f"{limit:g}" for limit in limits))
            known = f"training {known} {unit}" if known else "none in training"
            found.append(f"{part.replace('_', ' ')} {value:g} {unit} ({known})")
    # Nor has it a heading.
    for part, height in (("heading", "height"), ("second_heading", "second_height")):
        headings = [getattr(handle, part) for handle in training if getattr(handle, height) > 0]
        value = getattr(own, part)
        away = [abs((value - heading + 180) % 360 - 180) for heading in headings]
        if getattr(own, height) > 0 and away and min(away) > NEAREST_HEADING:
            nearest = headings[int(np.argmin(away))]
            found.append(f"{part.replace('_', ' ')} {value:g} deg (nearest in training {nearest:g} deg)")
    return found


def save(config: Config, rows: Sequence[dict[str, object]]) -> None:
    """Writes predicted_records.csv and prints how many records are flagged, and the most unusual one."""
    if not rows:
        return
    table = pd.DataFrame(rows).round(5)
    data_io.write_tables(config.output_folder, {TABLE: table})
    flagged = table[table["flagged"]]
    print(f"{len(flagged)} of {len(table)} predicted records are unlike those of the training (see {TABLE})")
    if flagged.empty:
        return
    outside = flagged["outside_training"].str.split("; ").explode(ignore_index=True)
    for _, texts in outside[outside != ""].groupby(outside.str.split(r" \d").str[0], sort=False):
        print(f"Outside the training: {texts.iloc[0]}" + f", and {len(texts) - 1} more records" * (len(texts) > 1))
    worst = flagged.loc[flagged["score"].idxmax()]
    print(
        f"The most unusual is {worst['record']} at {worst['worst_from_s']:.0f} to {worst['worst_to_s']:.0f} s: "
        f"{worst['furthest_out']} {worst['value']:.3g}, {worst['training_low']:.3g} to "
        f"{worst['training_high']:.3g} in training; {REMEDY}"
    )
