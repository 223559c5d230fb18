"""Predicts records without LAMP, in portions that may run in other processes or on other machines.

A portion is written whole or not at all, in a folder of its own: texts, and tables of flags and statistics. The head
process moves the texts into the run's folder and joins the tables. A run that was cut off goes on with the portions
that are missing; the folder is deleted at the end of a run.
"""

import dataclasses
import functools
import json
import os
import shutil
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

import data_io
from checks import flagging, record_statistics, run_bands
from checks.flagging import Watch
from checks.record_statistics import Recorder, RecordTable
from checks.run_bands import Bands
from data_io import Record
from network import load_network
from networks.network_folder import NetworkFolder
from prediction import RECORDS_AT_ONCE, Prediction, Predictor
from readers import record_cache, record_files
from readers.training_conditions import UNKNOWN, Conditions
from results.prediction_texts import TextLayout, Texts
from settings import Config, UserInput
from settings.description import high_name, in_this_run
from system.errors import FaultCollector, InputError, OptionalSteps, WithRemarks, counted, warn
from system.files import text_hash, write_json
from system.run_folder import RunFolder
from system.workers import HERE, LOCAL, Stopped, Workers, check_wanted, versions

SECONDS_WORTH_PROCESSES = 60  # of all that is left: another process takes about 10 s until it predicts
SUMMARY = "summary.json"  # of a portion

Tools = tuple[Predictor, Watch | None]


@dataclass(frozen=True)
class PredictedFleet:
    """What is left of the predictions without LAMP when they are written: rows of predicted_records.csv, the statistics
    of the records if the network can have any, the errors, one line each, and how many were predicted."""

    flags: Sequence[dict[str, object]] = ()
    statistics: RecordTable | None = None
    faults: Sequence[str] = ()
    number: int = 0


@dataclass(frozen=True)
class Job:
    """What the portions of a run share.

    watch: the digest of what predictions are compared with, empty without. folder: of the portions.
    """

    user: UserInput
    network: Path
    model_digest: str
    watch: str
    recorder: Recorder | None
    bands: Bands | None
    layout: TextLayout
    conditions: Conditions
    folder: Path

    @property
    def facts(self) -> list[object]:
        """What determines the results beside the records."""
        folder = NetworkFolder(self.network)
        saved = FaultCollector()(folder.read_metadata, otherwise={})  # another module says what is wrong with it
        calibration, row_step = folder.calibration, saved.get("network", {}).get("row_step")
        calibrated = text_hash(calibration.read_text(encoding="utf-8")) if self.bands else ""
        layout = [self.layout.prefix, self.layout.channels, bool(self.layout.bands)]
        network = [self.model_digest, row_step, self.watch, calibrated, bool(self.recorder)]
        read = self.user.channel_choice | {"transient_time": self.user.transient_time}
        return [versions(), network, layout, read, repr(self.conditions)]


@dataclass(frozen=True)
class Listed:
    """A record in predict_sc: paths without extensions of SimpleCode's and the waves' file, the latter None if it is
    beside the other; its name; and whether its spectra are taken."""

    sc: str
    waves: str | None
    name: str
    with_spectra: bool

    def files(self, user: UserInput) -> list[str]:
        files = record_files.files_of(self.sc, None, user, self.waves).values()
        return sorted({*(file for file, _ in files), *user.description.programs})


@dataclass(frozen=True)
class Portion:
    """Records that are predicted together; key: the name of their folder, which tells all that determines it."""

    records: tuple[Listed, ...]
    key: str

    @classmethod
    def of(cls, records: Sequence[Listed], job: Job, facts: object) -> "Portion":
        states = [[*dataclasses.astuple(r), *map(record_cache.stamp, r.files(job.user))] for r in records]
        return cls(tuple(records), text_hash(json.dumps([facts, states]), 16))


# ---- the head process -------------------------------------------------------------------------------------------


def predict_without_lamp(
    config: Config,
    predictor: Predictor,
    texts: Texts,
    watch: Watch | None = None,
    bands: Bands | None = None,
    workers: Workers = LOCAL,
) -> PredictedFleet:
    """Predicts the realizations in predict_sc, a few at a time, and writes each as text and in LAMP's .mot layout.

    A faulty realization is skipped. Raises InputError if Ctrl-C came, or a worker of a cluster cannot do its part.
    """
    if not config.data.predict_sc:
        return PredictedFleet()
    with OptionalSteps() as attempt:
        job, portions = _planned(config, texts.layout, watch, bands, attempt)
        head = _Head(job, portions, texts)
        _run(head, workers, (predictor, watch))
        statistics = attempt("fleet statistics", head.statistics) if job.recorder else None
        if statistics:
            attempt("fleet statistics", record_statistics.save, config.output_folder, statistics)
        attempt.add(head.failed)
    warn([*head.remarks, *texts.remarks()])
    of_all = f"{head.number} of {len(config.data.predict_sc)} realizations"
    print(f"Predicted {of_all} without {high_name()} in {config.output_folder}")
    if head.number and (hours := config.user.lamp_hours):
        print(f"{counted(head.number, 'prediction')} in place of {head.number * hours:g} {high_name()} hours")
    return PredictedFleet(head.flags, statistics, head.faults, head.number)


def _planned(
    config: Config, layout: TextLayout, watch: Watch | None, bands: Bands | None, attempt: OptionalSteps
) -> tuple[Job, list[Portion]]:
    user, data, folder = config.user, config.data, NetworkFolder(config.network_folder)
    names = data_io.names_by_path(data)
    listed = [names[path] for path in data.predict_sc]
    recorder = attempt("fleet statistics", Recorder.of, folder, listed)
    chosen = frozenset() if recorder is None else recorder.with_spectra  # None for all
    if bands:
        bands = dataclasses.replace(bands, by_record=pd.DataFrame())  # what the portions need
        layout = dataclasses.replace(layout, bands=bands if layout.bands else None)
    job = Job(
        user,
        folder.path,
        folder.model_digest(),
        watch.digest if watch else "",
        dataclasses.replace(recorder, with_spectra=None) if recorder else None,
        bands,
        layout,
        # `data_io.read_sets` has passed on what is to be said of them.
        FaultCollector()(data_io.conditions_of_network, folder, otherwise=UNKNOWN),
        config.output_folder / RunFolder.PORTIONS,
    )
    waves = data.predict_waves or (None,) * len(listed)
    records = [
        Listed(*row, chosen is None or row[2] in chosen) for row in zip(data.predict_sc, waves, listed, strict=True)
    ]
    starts, facts = range(0, len(records), RECORDS_AT_ONCE), job.facts
    return job, [Portion.of(records[start : start + RECORDS_AT_ONCE], job, facts) for start in starts]


def _run(head: "_Head", workers: Workers, tools: Tools) -> None:
    """Predicts the portions that are missing, and takes each as soon as those before it are there."""
    count, begun = sum(len(portion.records) for portion in head.portions), head.number_done
    if begun:
        print(f"Going on: {begun} of {count} realizations are predicted already")
    head.job.folder.mkdir(parents=True, exist_ok=True)
    head.take_ready()
    with tqdm(total=count, initial=begun, desc="Predicting", disable=None) as bar:
        try:
            for portion in _predicted(head.job, head.left, workers, tools):
                bar.update(len(portion.records))
                head.done.add(portion.key)
                head.take_ready()
        except Stopped as stopped:
            raise InputError(
                f"stopped by Ctrl-C when {head.number_done} of {count} realizations without {high_name()} were "
                "predicted; the same command goes on with the others"
            ) from stopped


def _predicted(job: Job, left: Sequence[Portion], workers: Workers, tools: Tools) -> Iterator[Portion]:
    """Yields the portions as they are done. On one machine the first is done in this process, and the time it takes
    tells whether others are worth their start."""
    if not workers.client:
        began = time.perf_counter()
        for _ in HERE.run(predict_portion, [(job, portion, tools) for portion in left[:1]], tasks_each=1):
            yield left[0]
        left = left[1:]
        if (time.perf_counter() - began) * len(left) < SECONDS_WORTH_PROCESSES:
            workers = HERE
    with_tools = workers.run_here(len(left), 1)  # other processes load them
    tasks = [(job, portion, tools if with_tools else None) for portion in left]
    for number, _ in workers.run(in_this_run(predict_portion), tasks, _files, tasks_each=1):
        yield left[number]


def _files(job: Job, portion: Portion, _: object) -> Iterable[str]:
    return [file for record in portion.records for file in record.files(job.user)]


class _Head:
    """What the head process knows of the portions: which are there, and what those that it has taken say together."""

    def __init__(self, job: Job, portions: Sequence[Portion], texts: Texts):
        self.job, self.portions, self._texts = job, portions, texts
        folders = os.listdir(job.folder) if job.folder.is_dir() else []
        keys = {portion.key for portion in portions}
        self._moved = Counter(RunFolder(job.folder.parent).made_for().values())  # by the digests of the records
        for name in set(folders) - keys:  # of other files or settings, or cut off
            shutil.rmtree(job.folder / name, ignore_errors=True)
        self.done = {key for key in keys.intersection(folders) if self._is_whole(key)}
        self.left = [portion for portion in portions if portion.key not in self.done]
        self.flags: list[dict[str, object]] = []
        self.faults: list[str] = []
        self.remarks: list[str] = []
        self.failed: dict[str, list[str]] = {}
        self.number = 0
        self._taken: list[str] = []  # keys of portions
        self._first: dict[str, tuple[str, str]] = {}  # by the digest of its motions, a record's portion and name

    @property
    def number_done(self) -> int:
        """Of records, also of faulty ones."""
        return sum(len(portion.records) for portion in self.portions if portion.key in self.done)

    def _is_whole(self, key: str) -> bool:
        """Whether a portion of an earlier run is there, with all texts, which that run may have moved already."""
        folder = self.job.folder / key
        try:
            records = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))["records"]
            whole = all(
                all((folder / file).is_file() for file in record["files"])
                or self._moved[record["digest"]] >= len(record["files"])
                for record in records
            )
        except (OSError, ValueError, KeyError, TypeError):
            whole = False
        if not whole:
            shutil.rmtree(folder, ignore_errors=True)
        return whole

    def take_ready(self) -> None:
        """Takes the portions in their order, so that the same records are renamed wherever the portions ran."""
        while len(self._taken) < len(self.portions) and self.portions[len(self._taken)].key in self.done:
            self._take(self.portions[len(self._taken)])

    def _take(self, portion: Portion) -> None:
        folder = self.job.folder / portion.key
        summary = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
        for record in summary["records"]:
            name = self._texts.take(folder, record["name"], record["path"], record["digest"], record["files"])
            if record["motions"] not in self._first:
                self._first[record["motions"]] = portion.key, name
            elif self.job.recorder:
                self._texts.twice.append(name)
            self.flags += [row | {"record": name} for row in record["flags"]]
        self.faults += summary["faults"]
        self.remarks += summary["remarks"]
        for cause, what in summary["failed"].items():
            self.failed.setdefault(cause, []).extend(what)
        self.number += len(summary["records"])
        self._taken.append(portion.key)

    def statistics(self) -> RecordTable | None:
        """Those of all records; those of the same motions count once."""
        tables = []
        for key in self._taken:
            if table := record_statistics.load(self.job.folder / key):
                first = table.rows["digest"].map(self._first)
                rows = table.rows.assign(record=first.str[1])[first.str[0] == key]
                tables.append(dataclasses.replace(table, rows=rows))
        return RecordTable.joined(tables) if tables else None


# ---- one portion ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RecordWithoutLamp:
    """track: (rows, 3) of SimpleCode, if LAMP's .mot is to be written."""

    record: Record
    listed: Listed
    track: np.ndarray | None

    @property
    def inputs(self) -> np.ndarray:
        return self.record.inputs


def predict_portion(job: Job, portion: Portion, tools: Tools | None = None) -> None:
    """Reads, predicts and writes the records of a portion. tools: by default as saved with the network."""
    predictor, watch = tools or _saved_tools(job.user, job.network, job.model_digest)
    aside = job.folder / f"{portion.key}.{uuid.uuid4().hex[:8]}"
    aside.mkdir(parents=True)
    try:
        _write_portion(job, portion, aside, predictor, watch if watch and watch.digest == job.watch else None)
        try:
            os.replace(aside, job.folder / portion.key)
        except OSError:  # another worker that did the same was faster
            if not (job.folder / portion.key / SUMMARY).is_file():
                raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


@functools.lru_cache(maxsize=1)
def _saved_tools(user: UserInput, path: Path, model_digest: str) -> Tools:
    """Those of a saved network, loaded once in each process."""
    folder = NetworkFolder(path)
    if folder.model_digest() != model_digest:
        raise InputError(f"{folder}: was replaced while it was predicting; run again")
    predictor = Predictor(load_network(path), with_spread=run_bands.are_possible(folder))
    return predictor, flagging.load(user, folder)


def _write_portion(job: Job, portion: Portion, folder: Path, predictor: Predictor, watch: Watch | None) -> None:
    collect, attempt, written = FaultCollector(), OptionalSteps(), []
    tables: dict[str, RecordTable | None] = {}  # by the digests of the motions, the first record of each
    records = _read(job, portion, collect)
    for item, prediction in predictor.predict_records(records, with_members=job.recorder is not None):
        record, motions = item.record, item.record.contents["sc"]
        if job.recorder and motions not in tables:
            recorder = dataclasses.replace(job.recorder, with_spectra=None if item.listed.with_spectra else frozenset())
            arguments = recorder.fleet_record, record, prediction.members
            tables[motions] = attempt(f"fleet statistics of {record.name}", *arguments)
        own = folder / str(len(written))  # records may have one name
        files = job.layout.write(own, record, prediction, attempt, item.track)
        one = (watch, job.bands, "predict", [record], [prediction])
        flags = attempt(f"flags of {record.name}", flag_records, *one, otherwise=[])
        texts = {"files": [f"{own.name}/{file}" for file in files], "digest": record.input_digest, "motions": motions}
        flags = [{name: _plain(value) for name, value in row.items()} for row in flags]
        written.append({"name": record.name, "path": item.listed.sc, "flags": flags} | texts)
    if statistics := [table for table in tables.values() if table]:
        attempt("fleet statistics", record_statistics.save, folder, RecordTable.joined(statistics))
    said = {"faults": collect.faults, "remarks": collect.remarks, "failed": attempt.failed}
    write_json(folder / SUMMARY, {"records": written} | said)


def _plain(value: object) -> object:
    """A number of NumPy as one of Python, which JSON keeps to the last digit."""
    return value.item() if isinstance(value, np.generic) else value


def _read(job: Job, portion: Portion, collect: FaultCollector) -> Iterator[RecordWithoutLamp]:
    """Reads the realizations of a portion one by one; errors and warnings are collected."""
    for listed in portion.records:
        check_wanted()
        if item := collect(_read_one, listed, job):
            yield item


def _read_one(listed: Listed, job: Job) -> WithRemarks:
    record, remarks = data_io.read_record(listed.sc, None, job.user, listed.waves, listed.name, job.conditions)
    time = record.time if record.own_time is None else record.own_time
    track = data_io.read_track(listed.sc, time) if job.user.description.is_ship and job.user.output_3dof else None
    return WithRemarks(RecordWithoutLamp(record, listed, track), remarks)


def flag_records(
    watch: Watch | None,
    bands: Bands | None,
    set_name: str,
    records: Sequence[Record],
    predictions: Sequence[Prediction],
) -> list[dict[str, object]]:
    """How unlike the training data each record is, and what its bands say: rows of predicted_records.csv."""
    return [
        watch.flag(set_name, record, bands is not None) | (bands.of_record(record.time, prediction) if bands else {})
        for record, prediction in zip(records, predictions, strict=True)
        if watch
    ]
