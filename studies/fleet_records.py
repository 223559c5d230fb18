"""The records of a fleet: statistics of the LAMP records that a network was trained on, each predicted out of fold."""

from collections.abc import Sequence
from pathlib import Path

import data_io
from data_io import Record
from settings import Config, DataInfo, UserInput
from support.errors import Collector, InputError
from support.files import posix
from support.saved_networks import damaged_settings, load_out_of_fold, read_metadata
from trust.record_statistics import Recorder, RecordTable


def lamp_records(folder: Path, recorder: Recorder, known: Sequence[Record] = ()) -> RecordTable:
    """The statistics of the LAMP records that the network in a folder was trained on, each predicted out of fold.

    known: records that have been read; others are read from the lists of files in settings.json.

    Raises InputError if a file is missing or faulty, or no longer as long as it was.
    """
    unseen = load_out_of_fold(folder)
    if not {record.name for record in known} >= set(unseen):
        known = _read_training_records(folder)
    own = [record for record in known if record.name in unseen]
    faults = [
        f"{record.name}: {len(record.time)} rows, but {len(unseen[record.name])} when the network was trained; "
        "restore the files, or train again"
        for record in own
        if len(unseen[record.name]) != len(record.time)
    ]
    if faults or not own:
        raise InputError(faults or f"{folder}: none of its out-of-fold predictions belongs to a record of its lists")
    return RecordTable.joined([recorder.lamp_record(record, unseen[record.name]) for record in own])


def _read_training_records(folder: Path) -> list[Record]:
    config, collect = training_config(folder), Collector()
    names = data_io.names_by_path(config.data)
    pairs = [*config.data.pairs("train"), *config.data.pairs("val")]
    found = [collect(data_io.read_record, sc, lamp, config.user, None, names[sc]) for sc, lamp in pairs]
    collect.check()
    return [record for record, _ in found]


def training_config(folder: Path) -> Config:
    """The settings a network was trained with. Raises InputError if its settings.json is damaged."""
    saved = read_metadata(folder)
    try:
        user, data = ({k: _tuple(v) for k, v in saved["settings"][part].items()} for part in ("user", "data"))
        return Config(user=UserInput(**user), data=DataInfo(**data))
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(damaged_settings(folder, error)) from error


def _tuple(value):
    return tuple(posix(v) if isinstance(v, str) else v for v in value) if isinstance(value, list) else value
