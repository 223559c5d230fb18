"""Flags predicted records that are unlike those of the training: what is saved with the network, and the table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from checks import novelty
from data_io import Record, Records
from networks.network_folder import NetworkFolder
from readers.sea_state_handles import Handle, find_handle, handle_in
from settings import UserInput
from settings.channels import channel_of, input_channels, is_wave, wave_at_centre
from settings.description import has_ship_digits, high_name, in_use, time_scale
from system.errors import UNREADABLE, first_line, warn
from system.files import array_hash, read_table, written_aside
from system.run_folder import RunFolder

IDENTITY = ["set", "digest"]  # columns
WIDEN = "or widen the training set"
NO_GUARANTEE = "; its bands are not guaranteed"
NEAREST_HEADING = 20.0  # deg
HANDLE_UNITS = {"height": "m", "period": "s", "second_height": "m", "second_period": "s", "speed": "knots"}


@dataclass(frozen=True)
class Watch:
    """What a network has seen, and which inputs of a record are compared with it.

    windows: of the training records. handles: of those that have any. channels: names of the inputs that are compared,
    by their places; of a wave grid, its centre.
    """

    windows: novelty.TrainingWindows
    handles: tuple[Handle, ...]
    channels: Mapping[int, str]

    @property
    def digest(self) -> str:
        """A hash of the training windows: rows with the same one were compared with the same training."""
        return array_hash([self.windows.features, self.windows.scores])[:16]

    def inputs(self, record: Record) -> np.ndarray:
        """(rows, channel): the inputs that are compared."""
        return record.inputs[:, list(self.channels)]

    def flag(self, set_name: str, record: Record, has_bands: bool = False) -> dict[str, object]:
        """The record's row of predicted_records.csv. has_bands: whether its prediction has bands."""
        windows = novelty.window_features(record.time, self.inputs(record))
        judgement = novelty.judge(self.windows, *windows, list(self.channels.values()))
        judgement["worst_to_s"] = min(judgement["worst_to_s"], float(record.time[-1]))
        outside = outside_handles(record.name, self.handles)
        flagged = judgement.pop("unlike") or bool(outside)
        remedy = f"run this record in {high_name()}"
        if set_name != "predict":
            remedy = f"add this record, which has been run in {high_name()}, to the training set"
        remedy = f"{remedy}, {WIDEN}" + NO_GUARANTEE * has_bands
        return {
            "set": set_name,
            "record": record.name,
            "handle": handle_in(record.name),
            "flagged": flagged,
            **judgement,
            "outside_training": "; ".join(outside),
            "remedy": remedy if flagged else "",
            "digest": record.digest,
            "compared_with": self.digest,
        }


def watch_of_run(user: UserInput, folder: NetworkFolder, sets: Mapping[str, Sequence[Record]]) -> Watch | None:
    """The training windows of the run's network: of these sets, and saved, if it was just trained; else as saved."""
    if not user.training_mode:
        return load(user, folder)
    return save_windows(user, folder, Records.joined(sets["train"], sets["val"] if user.num_folds else ()))


def save_windows(user: UserInput, folder: NetworkFolder, records: Records) -> Watch:
    """Saves beside a network the windows of its training records, to compare predictions with."""
    channels = _compared(user)
    features = [novelty.window_features(record.time, record.inputs[:, list(channels)])[1] for record in records]
    windows = novelty.TrainingWindows.of(features, *_kinds(list(channels.values())))
    with written_aside(folder.training_windows) as aside, open(aside, "wb") as file:
        np.savez(file, names=np.array(records.names), **vars(windows))
    return Watch(windows, _handles(records.names), channels)


def _kinds(channels: Sequence[str]) -> tuple[list[str], list[float]]:
    """Which channels have values of the same order, and of each by what they are divided to be so.

    A ship's motions in m and deg are, at model scale lengths over the scale (Froude). What the user describes is like
    other channels in its unit.
    """
    kinds, sizes, described = [], [], in_use().names
    for row in map(channel_of, channels):
        is_motion = row.kind in ("length", "angle") and row.name not in described
        kinds.append("motion" if is_motion else row.unit if row.name in described else row.kind)
        sizes.append(time_scale() ** 2 if is_motion and row.kind == "length" else 1.0)
    return kinds, sizes


def load(user: UserInput, folder: NetworkFolder) -> Watch | None:
    """What `save_windows` has saved with the network in a folder; None for a network without it."""
    path = folder.training_windows
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as arrays:
            windows = dict(arrays)
        names = windows.pop("names").tolist()
        return Watch(novelty.TrainingWindows(**windows), _handles(names), _compared(user))
    except UNREADABLE as error:
        warn([f"{path}: cannot be read ({first_line(error)}); records unlike those of the training are not flagged"])
        return None


def _handles(names: Sequence[str]) -> tuple[Handle, ...]:
    return tuple(filter(None, map(find_handle, names)))


def _compared(user: UserInput) -> dict[int, str]:
    """The names of the inputs that are compared, by their places."""
    names = input_channels(user)
    centre = wave_at_centre(names)
    return {place: channel_of(name).name for place, name in enumerate(names) if place == centre or not is_wave(name)}


def outside_handles(name: str, training: Sequence[Handle]) -> list[str]:
    """The parts of a record's handle that are outside the range of the training records, as texts."""
    handle, outside = find_handle(name), []
    if not training or not handle:
        return []
    for part, unit in HANDLE_UNITS.items():
        height = f"{part.removesuffix('period')}height" if part.endswith("period") else ""
        value = getattr(handle, part)
        values = [getattr(seen, part) for seen in training if not height or getattr(seen, height) > 0]
        is_absent = height and getattr(handle, height) == 0  # a wave system without height has no period
        if not is_absent and not (values and min(values) <= value <= max(values)):
            limits = (min(values), max(values)) if values else ()
            span = " to ".join(dict.fromkeys(f"{limit:g}" for limit in limits))
            span = f"training {span} {unit}" if span else "none in training"
            outside.append(f"{part.replace('_', ' ')} {value:g} {unit} ({span})")
    # Nor has it a heading.
    for part, height in (("heading", "height"), ("second_heading", "second_height")):
        headings = [getattr(seen, part) for seen in training if getattr(seen, height) > 0]
        value = getattr(handle, part)
        away = [abs((value - heading + 180) % 360 - 180) for heading in headings]
        if getattr(handle, height) > 0 and away and min(away) > NEAREST_HEADING:
            nearest = headings[int(np.argmin(away))]
            outside.append(f"{part.replace('_', ' ')} {value:g} deg (nearest in training {nearest:g} deg)")
    return outside


def save(folder: Path, rows: Sequence[dict[str, object]], keeps_earlier: bool, has_test: bool) -> None:
    """Writes predicted_records.csv and prints how many records are flagged, and the most unusual one.

    keeps_earlier: the rows of earlier runs with the same network stay, but for those of an earlier test set, if the run
    has_test, and for records (set and digest) that were predicted again.
    """
    if not rows:
        return
    table = pd.DataFrame(rows)
    table = table.round(5) if has_ship_digits() else table.map(lambda x: float(f"{x:.7g}") if type(x) is float else x)
    path = folder / RunFolder.PREDICTED
    earlier = _earlier_rows(path) if keeps_earlier else pd.DataFrame()
    if len(earlier):
        again = earlier.set_index(IDENTITY).index.isin(table.set_index(IDENTITY).index)
        stays = (earlier["compared_with"] == table["compared_with"].iloc[0]) & ~again
        earlier = earlier[stays & ~((earlier["set"] == "test") & has_test)]
    joint = pd.concat([earlier, table.astype(object)], ignore_index=True) if len(earlier) else table
    RunFolder(folder).write_table(path.name, joint)
    flagged = table[table["flagged"]]
    print(
        f"{len(flagged)} of {len(table)} predicted records {'is' if len(flagged) == 1 else 'are'} unlike those of the "
        f"training (see {RunFolder.PREDICTED})"
    )
    if flagged.empty:
        return
    outside = flagged["outside_training"].str.split("; ").explode(ignore_index=True)
    for _, texts in outside[outside != ""].groupby(outside.str.split(r" \d").str[0], sort=False):
        print(f"Outside the training: {texts.iloc[0]}" + f", and {len(texts) - 1} more records" * (len(texts) > 1))
    worst = flagged.loc[flagged["score"].idxmax()]
    print(f"The most unusual is {worst['record']}{_reason(worst)}; {worst['remedy']}")


def _reason(row: pd.Series) -> str:
    """Where and by what a flagged record is unlike the training; empty if it is only its handle, which is printed."""
    if not row["furthest_out"]:
        return ""
    span = f"{row['training_low']:.3g} to {row['training_high']:.3g} in training"
    value = "" if np.isnan(row["value"]) else f" {row['value']:.3g}, {span}"
    return f" at {novelty.window_text(row['worst_from_s'], row['worst_to_s'])}: {row['furthest_out']}{value}"


def _earlier_rows(path: Path) -> pd.DataFrame:
    """The rows that earlier runs have left, all as texts; none, with a warning, if they cannot be read."""
    if not path.is_file():
        return pd.DataFrame()
    try:
        table = read_table(path, dtype=str, keep_default_na=False)
        return table if {*IDENTITY, "compared_with"} <= set(table) else pd.DataFrame()
    except UNREADABLE as error:
        warn([f"{path}: cannot be read ({first_line(error)}); the rows of earlier runs are lost"])
        return pd.DataFrame()
