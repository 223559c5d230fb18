"""Flags predicted records that are unlike those of the training: what is saved with the network, and the table."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

import data_io
from checks import novelty
from data_io import Record
from networks.network_folder import NetworkFolder
from readers import record_cache
from readers.cases import Handle, find_handle, handle_in
from settings import Config
from settings.channels import channel_of, input_channels, is_wave, wave_at_centre
from system.errors import UNREADABLE, first_line, warn
from system.files import written_aside
from system.run_folder import RunFolder

IDENTITY = ["set", "digest"]  # columns
WITH_LAMP, WITHOUT_LAMP = "add this record, which has been run in LAMP, to the training set", "run this record in LAMP"
WIDEN = "or widen the training set"
NO_GUARANTEE = "; its bands are not guaranteed"
NEAREST_HEADING = 20.0  # deg
HANDLE_UNITS = {"height": "m", "period": "s", "second_height": "m", "second_period": "s", "speed": "knots"}


@dataclass(frozen=True)
class Watch:
    """What the network has seen: the windows of the training records, and their handles if they have any."""

    known: novelty.Known
    handles: tuple[Handle, ...]

    @property
    def digest(self) -> str:
        """A hash of the training windows: rows with the same one were compared with the same training."""
        return record_cache.digest([self.known.features, self.known.scores])[:16]


def learn(config: Config, sets: Mapping[str, Sequence[Record]]) -> None:
    """Saves with a network that was just trained the windows of its training records, to compare predictions with."""
    if not config.user.training_mode:
        return
    records = data_io.joined(sets["train"], sets["val"]) if config.user.num_folds else sets["train"]
    features = [novelty.window_features(record.time, watched(config, record))[1] for record in records]
    with written_aside(NetworkFolder(config.network_folder).training_windows) as aside, open(aside, "wb") as file:
        kinds = [channel_of(name).kind for name in _channels(config).values()]
        kinds = ["motion" if kind in ("length", "angle") else kind for kind in kinds]
        np.savez(file, names=np.array(data_io.record_names(records)), **asdict(novelty.known(features, kinds)))


def load(config: Config) -> Watch | None:
    """Reads what `learn` saved with this network; None for a network without it."""
    path = NetworkFolder(config.network_folder).training_windows
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
    names = input_channels(config.user)
    centre = wave_at_centre(names)
    return {place: channel_of(name).name for place, name in enumerate(names) if place == centre or not is_wave(name)}


def row(watch: Watch, config: Config, set_name: str, record: Record, has_bands: bool = False) -> dict[str, object]:
    """One row of predicted_records.csv. has_bands: whether the record's prediction has bands."""
    windows = novelty.window_features(record.time, watched(config, record))
    found = novelty.judge(watch.known, *windows, list(_channels(config).values()))
    outside = outside_handles(record.name, watch.handles)
    flagged = found.pop("unlike") or bool(outside)
    remedy = f"{WITHOUT_LAMP if set_name == 'predict' else WITH_LAMP}, {WIDEN}" + NO_GUARANTEE * has_bands
    name = {"set": set_name, "record": record.name, "handle": handle_in(record.name), "flagged": flagged}
    kept = {"digest": record.digest, "compared_with": watch.digest}
    return name | found | {"outside_training": "; ".join(outside), "remedy": remedy if flagged else ""} | kept


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
    """Writes predicted_records.csv and prints how many records are flagged, and the most unusual one.

    The rows of earlier runs with the same network stay, but for those of an earlier test set, where the run has one,
    and for records (set and digest) that were predicted again. A training begins anew.
    """
    if not rows:
        return
    table = pd.DataFrame(rows).round(5)
    is_training = config.user.training_mode and config.data.train_sc
    earlier = pd.DataFrame() if is_training else _earlier_rows(config)
    if len(earlier):
        again = earlier.set_index(IDENTITY).index.isin(table.set_index(IDENTITY).index)
        stays = (earlier["compared_with"] == table["compared_with"].iloc[0]) & ~again
        earlier = earlier[stays & ~((earlier["set"] == "test") & bool(config.data.test_sc))]
    joint = pd.concat([earlier, table.astype(object)], ignore_index=True) if len(earlier) else table
    RunFolder(config.output_folder).write_table(RunFolder.PREDICTED, joint)
    flagged = table[table["flagged"]]
    print(
        f"{len(flagged)} of {len(table)} predicted records are unlike those of the training (see {RunFolder.PREDICTED})"
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
    known = f"{row['training_low']:.3g} to {row['training_high']:.3g} in training"
    value = "" if np.isnan(row["value"]) else f" {row['value']:.3g}, {known}"
    return f" at {row['worst_from_s']:.0f} to {row['worst_to_s']:.0f} s: {row['furthest_out']}{value}"


def _earlier_rows(config: Config) -> pd.DataFrame:
    """The rows that earlier runs have left, all as texts; none, with a warning, if they cannot be read."""
    path = config.output_folder / RunFolder.PREDICTED
    if not path.is_file():
        return pd.DataFrame()
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        return table if {*IDENTITY, "compared_with"} <= set(table) else pd.DataFrame()
    except UNREADABLE as error:
        warn([f"{path}: cannot be read ({first_line(error)}); the rows of earlier runs are lost"])
        return pd.DataFrame()
