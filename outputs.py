"""Writes the results of a run: error report, prediction files, figures, and predictions without LAMP."""

import contextlib
import dataclasses
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from tqdm import tqdm

import data_io
import metrics
import plotting
from checks import flagging, record_statistics, run_bands
from checks.run_bands import Bands
from data_io import Record
from figures import training_figures, trust_figures
from figures.parts import SET_NAMES as SET_TITLES
from network import TrainedNetwork
from networks.network_folder import load_out_of_fold
from prediction import Predictor, predict_with_checkpoints
from readers.alignment import even_times, interpolated
from readers.cases import handle_in
from readers.conditions import UNKNOWN, Conditions
from readers.rows_on_disk import RowsOnDisk, write_rows
from settings import SET_NAMES, Config
from settings.channels import MOTIONS, output_channels
from system.errors import Attempts, Collector, Found, InputError, counted, warn
from system.run_folder import RunFolder

START_TIME = 60.0  # s, of the measure mse_start
RECORDS_AT_ONCE = 48  # read and predicted together; limits the memory for thousands of realizations


@dataclass(frozen=True)
class Predicted(Sequence):
    """(LAMP, SimpleCode, network) of each record of a set, all (rows, channel).

    predictions: of each record the network's outputs, and with bands behind them their spread, see `Predictor`.
    """

    records: Sequence[Record]
    predictions: Sequence[np.ndarray]
    on_disk: RowsOnDisk | None = None  # where the predictions are, unless in memory

    def __len__(self) -> int:
        return len(self.predictions)

    def counted(self, index: int, transient: float) -> tuple[metrics.Motions, int, np.ndarray]:
        """A record's motions behind the transient (s), how many of their rows are within START_TIME, and the times."""
        record = self.records[index]
        kept = record.after(transient)
        motions = tuple(values[kept] for values in self[index])
        return motions, max(record.after(START_TIME).start - kept.start, 0), record.time[kept]

    def __getitem__(self, index: int) -> metrics.Motions:
        if self.on_disk:
            self.on_disk.release()
        record = self.records[index]
        return record.targets, record.simple, self.predictions[index][:, : record.targets.shape[1]]


Results = Mapping[str, Predicted]


# ---- predictions of the sets, and their errors ------------------------------------------------------------------


def predict_sets(config: Config, predictor: Predictor, sets: Mapping[str, Sequence[Record]]) -> Results:
    """LAMP's, SimpleCode's and the network's motions of each record; with a cache_path they stay on disk.

    The motions of val are those of the networks that have not seen the record, if the network is one of folds, and
    the spread is that of `bands.calibration_spread`.
    """
    results, out_of_fold = {}, _out_of_fold(config, sets.get("val", ()))
    for name, records in sets.items():
        unseen = out_of_fold if name == "val" else {}
        predicted = _predictions(config, predictor, records, name, unseen)
        if config.data.cache_path and len(records):
            on_disk = write_rows(predicted, config.data.cache_path, in_order=True)
            predictions = np.split(on_disk.rows, np.cumsum(on_disk.lengths)[:-1])
            results[name] = Predicted(records, predictions, on_disk)
        else:
            results[name] = Predicted(records, list(predicted))
    return results


def _out_of_fold(config: Config, val: Sequence[Record]) -> Mapping[str, np.ndarray]:
    """A network's out-of-fold predictions by the records' digests, with a warning where val has other records."""
    if not len(val):
        return {}
    try:
        found = load_out_of_fold(config.network_folder)
    except InputError as error:
        warn([f"{line}; until then the val set is predicted by the mean of all networks" for line in error.lines])
        return {}
    others = [record.name for record in data_io.identities(val) if record.digest not in found]
    if found and others:
        warn(
            [
                f"{len(others)} of {len(val)} records of the val set (first: {others[0]}) are not among those that the "
                f"network {config.network_name} was trained on, or their files have changed since; they are predicted "
                "by the mean of its networks, not out of fold"
            ]
        )
    return found


def _predictions(
    config: Config, predictor: Predictor, records: Sequence[Record], set_name: str, unseen: Mapping[str, np.ndarray]
) -> Iterator[np.ndarray]:
    """Yields the network's motions record by record, with a few records in memory at a time.

    unseen: by the records' digests, motions that take the place of the network's.
    """
    silent = True if len(records) < data_io.MANY_RECORDS else None  # None: where there is no terminal
    with tqdm(total=len(records), desc=f"Predicting {set_name} set", disable=silent) as bar:
        for start in range(0, len(records), RECORDS_AT_ONCE):
            chosen = [records[i] for i in range(start, min(start + RECORDS_AT_ONCE, len(records)))]
            for record, predicted in zip(chosen, predictor.predict([r.inputs for r in chosen]), strict=True):
                other = unseen.get(record.digest) if unseen else None
                if other is not None:
                    if predicted.shape[1] > other.shape[1]:
                        own = run_bands.unseen_networks(config, predictor.num_networks)
                        predicted = run_bands.seen_otherwise(predicted, other, predictor.num_networks, own)
                    else:  # out_of_fold.npz lies beside a single network
                        predicted[:] = other
                yield predicted
            bar.update(len(chosen))


def save_report(config: Config, results: Results, trained: TrainedNetwork) -> None:
    """Prints and writes the errors by set and by record; reports where SimpleCode is better than the network."""
    if not any(results.values()):
        return
    channels, network, transient = (
        trained.architecture.outputs,
        trained.title,
        config.user.transient_time,
    )
    if transient:
        print(f"The first {transient:g} s of each record are left out of all errors and maxima (transient_time)")
    sums, names = {}, {}
    for set_name, of_set in _with_out_of_fold(config, results).items():
        after = (of_set.counted(i, transient) for i in range(len(of_set)))
        sums[set_name] = [metrics.model_sums(*motions_and_rows) for motions_and_rows in after]
        names[set_name] = [
            (record.name, handle_in(record.name), record.pair_digest) for record in data_io.identities(of_set.records)
        ]
    report = metrics.error_report(sums, channels, network)
    by_record = metrics.error_by_record(sums, names, channels, network)
    print(metrics.format_report(report))
    remarks = metrics.remarks(report, by_record)
    for line in remarks + metrics.worse_than_simplecode(report, by_record, network):
        print(line)
    folder = RunFolder(config.output_folder)
    folder.write_table(folder.REPORT, report)
    folder.write_table(folder.BY_RECORD, by_record)


def _with_out_of_fold(config: Config, results: Results) -> Results:
    """For a network of folds, val is all records of train and val, each predicted by the networks without it."""
    found = Collector()(load_out_of_fold, config.network_folder, otherwise={})  # `predict_sets` has said what is wrong
    records = data_io.joined(results["train"].records, results["val"].records)
    digests = [record.digest for record in data_io.identities(records)] if found else []
    if others := set(digests) - found.keys():
        print(
            f"Errors on the val set are those of its list alone, as {len(others)} of {len(set(digests))} records of "
            "train and val are not those of the network's training, or their files have changed since"
        )
    if not digests or others:
        return results
    return {**results, "val": Predicted(records, [found[digest] for digest in digests])}


def save_bands(
    config: Config, trained: TrainedNetwork, sets: Mapping[str, Sequence[Record]], results: Results
) -> Bands | None:
    """Finds the bands of the run's network, if it can have any, and writes how well they hold."""
    bands = run_bands.of_run(config, trained, sets, {name: of_set.predictions for name, of_set in results.items()})
    run_bands.save_report(config, bands)
    return bands


def predict_and_flag(config: Config, predictor: Predictor, results: Results, bands: Bands | None) -> list[str]:
    """Predicts the realizations without LAMP; flags these and test records that are unlike those of the training.

    Returns the errors, one line each.
    """
    test = results["test"]
    with Attempts() as attempt:
        watch = attempt("flags", flagging.load, config)
        of_test = ("test", test.records, test.predictions, watch, bands)
        flags = attempt("flags of the test records", flag_records, config, *of_test, otherwise=[])
        more, faults = predict_without_lamp(config, predictor, watch, bands)
        attempt("flags", flagging.save, config, flags + more)
    return faults


# ---- predictions as text ----------------------------------------------------------------------------------------


def save_predictions(config: Config, results: Results, bands: Bands | None) -> None:
    """Writes the predictions chosen in SaveDataArgs as text."""
    for set_name, of_set in results.items() if config.save.save_data_mode else ():
        for i in getattr(config.save, set_name):
            _write_prediction(config, of_set.records[i], of_set.predictions[i], bands)


def _write_prediction(
    config: Config, record: Record, prediction: np.ndarray, bands: Bands | None, track: np.ndarray | None = None
) -> None:
    """The outputs and, on request, their bounds; with the record's track (rows, 3) also LAMP's .mot.

    Both have the rows of the record's files, also if it was resampled to the network's time step.

    prediction: as in `Predicted`.
    """
    names = list(output_channels(config.user))
    table = outputs = prediction[:, : len(names)]
    motions = outputs[:, [names.index(name) for name in MOTIONS if name in names]]
    around = _around(bands, record, prediction) if config.save.bands else None
    if around is not None:
        table = np.hstack([outputs, around.reshape(len(outputs), -1)])
        names += bands.names
    time = record.time
    if record.own_time is not None:
        time, rows = record.own_time, even_times(record.own_time)
        table, motions = (interpolated(np.column_stack([record.time, each]), rows) for each in (table, motions))
    folder, path = RunFolder(config.output_folder), config.output_folder / f"{config.save.prefix}{record.name}.txt"
    folder.note([path.name], record.input_digest)
    data_io.write_prediction(path, time, table, names)
    if track is not None:
        path = path.with_suffix(".mot")
        folder.note([path.name], record.input_digest)
        data_io.write_lamp_motions(path, time, track, motions)


class TextNames:
    """Gives records names under which their texts replace no text of another record, also of an earlier run.

    A text that an earlier run made for the same motions of SimpleCode is replaced, whatever the waves.
    """

    def __init__(self, config: Config):
        self._prefix, replaces_all = config.save.prefix, _has_report(config)
        made_for = RunFolder(config.output_folder).made_for(latest=replaces_all)
        self._earlier, self._of_this_run = ({}, made_for) if replaces_all else (made_for, {})
        self.renamed: list[str] = []
        self.twice: list[str] = []  # of the same content as another record

    def named_apart(self, record: Record, path: str) -> Record:
        """The record, which was read from a path, with a free name: with its folder and then a number, if needed."""
        digest = record.input_digest

        def is_taken(name: str) -> bool:
            text = self._text(name)
            if text in self._of_this_run:
                return self._of_this_run[text] != digest
            return self._earlier.get(text, digest)[:16] != digest[:16]

        if is_taken(record.name):
            record = dataclasses.replace(record, name=data_io.free_name(path, is_taken))
            self.renamed.append(record.name)
        self._of_this_run[self._text(record.name)] = digest
        return record

    def _text(self, name: str) -> str:
        return f"{self._prefix}{name}.txt".lower()

    def remarks(self) -> list[str]:
        lines = {
            "with the name of another, whose text was made for other content and stays; called by the folder or "
            "numbered": self.renamed,
            "with the motions of another; counted once in the statistics of the fleet": self.twice,
        }
        return [
            f"{counted(len(names), 'predicted record')} {what} (first: {names[0]})"
            for what, names in lines.items()
            if names
        ]


def _around(bands: Bands | None, record: Record, prediction: np.ndarray) -> np.ndarray | None:
    """(rows, channel, 2), the bounds of the bands; None without bands, or if they cannot be computed."""
    if bands is None:
        return None
    with Attempts() as attempt:
        return attempt(f"bands of {record.name}", bands.around, record.time, prediction)


def predict_without_lamp(
    config: Config, predictor: Predictor, watch: flagging.Watch | None = None, bands: Bands | None = None
) -> tuple[list[dict[str, object]], list[str]]:
    """Predicts the realizations in predict_sc, a few at a time, and writes each as text and in LAMP's .mot layout.
    Returns how unlike the training data each is, see `flagging.row`, and the errors, one line each; a faulty
    realization is skipped.
    """
    data = config.data
    if not data.predict_sc:
        return [], []
    names, texts = data_io.names_by_path(data), TextNames(config)
    jobs = list(zip(data.predict_sc, data.predict_waves or (None,) * len(data.predict_sc), strict=True))
    collect, flags, statistics, predicted = Collector(), [], {}, 0
    # `data_io.read_sets` has passed on what is to be said of them.
    shared = Collector()(data_io.conditions_of_network, config.network_folder, otherwise=UNKNOWN)
    with Attempts() as attempt, tqdm(total=len(jobs), desc="Predicting", disable=None) as bar:
        of_network = (config.network_folder, [names[path] for path in data.predict_sc])
        recorder = attempt("fleet statistics", record_statistics.Recorder.of, *of_network)
        for start in range(0, len(jobs), RECORDS_AT_ONCE):
            found = []
            for sc, waves in jobs[start : start + RECORDS_AT_ONCE]:
                bar.update()
                found.append((collect(_with_track, config, sc, waves, names[sc], shared, texts), names[sc]))
            listed_as = [name for each, name in found if each]
            found = [each for each, _ in found if each]
            records = [record for record, _ in found]
            inputs = [record.inputs for record in records]
            if recorder:
                members = predictor.predict_members(inputs)
                predictions = [predictor.summary(each) for each in members]
                for record, *about in zip(records, members, listed_as, strict=True):
                    texts.twice += [record.name] * (record.contents["sc"] in statistics)
                    table = attempt(f"fleet statistics of {record.name}", recorder.fleet_record, record, *about)
                    statistics.setdefault(record.contents["sc"], table)
            else:
                predictions = predictor.predict(inputs)
            for (record, track), prediction in zip(found, predictions, strict=True):
                _write_prediction(config, record, prediction, bands, track)
            of_predicted = ("predict", records, predictions, watch, bands)
            flags += attempt("flags", flag_records, config, *of_predicted, otherwise=[])
            predicted += len(records)
        if tables := list(filter(None, statistics.values())):
            attempt("fleet statistics", _save_statistics, config, tables)
    warn([*collect.remarks, *texts.remarks()])
    print(f"Predicted {predicted} of {len(jobs)} realizations without LAMP in {config.output_folder}")
    return flags, collect.faults


def _save_statistics(config: Config, statistics: Sequence[record_statistics.RecordTable]) -> None:
    record_statistics.save(config.output_folder, record_statistics.RecordTable.joined(statistics))


def _with_track(config: Config, sc: str, waves: str | None, name: str, shared: Conditions, texts: TextNames) -> Found:
    """A record without LAMP, and SimpleCode's track if LAMP's .mot is to be written (else None)."""
    record, remarks = data_io.read_record(sc, None, config.user, waves, name, shared)
    time = record.time if record.own_time is None else record.own_time
    track = data_io.read_track(sc, time) if config.user.output_3dof else None
    return Found((texts.named_apart(record, sc), track), remarks)


def flag_records(
    config: Config,
    set_name: str,
    records: Sequence[Record],
    predictions: Sequence[np.ndarray],
    watch: flagging.Watch | None,
    bands: Bands | None,
) -> list[dict[str, object]]:
    """How unlike the training data each record is, and what its bands say. predictions: see `Predicted`."""
    if watch is None:
        return []
    return [
        flagging.row(watch, config, set_name, record, bool(bands))
        | (bands.about(record.time, prediction) if bands else {})
        for record, prediction in zip(records, predictions, strict=True)
    ]


# ---- figures ----------------------------------------------------------------------------------------------------


def save_figures(
    config: Config, results: Results, trained: TrainedNetwork, bands: Bands | None, pairs: pd.DataFrame
) -> None:
    """Writes the figures chosen in PlottingArgs as PNG files, and shows them in windows on request.

    The figures of the bands and, if something is odd about them, of the pairs (`pair_checks.check`) are added.
    """
    chosen, channels = config.plotting, trained.architecture.outputs
    if not chosen.plotting_mode:
        return
    looks = {"channels": channels, "style": chosen, "network": trained.title}
    with Attempts() as attempt:
        figures = _figures_of_records(config, results, bands, looks, attempt)
        figures |= _figures_of_sets(config, results, looks, attempt)
        if len(trained.history):
            of_training = (trained.history, trained.best_epoch, f"Training of {config.network_name}")
            draw = training_figures.learning_curve_figure
            figures["learning_curve"] = attempt("learning_curve.png", draw, *of_training)
        if bands and len(bands.by_record):
            of_bands = (bands.by_record, bands.level, chosen, f"Bands of {config.network_name}")
            figures["bands"] = attempt("bands.png", trust_figures.bands_figure, *of_bands)
        if len(pairs) and pairs["odd"].any():
            of_pairs = (pairs, channels, chosen, "Pairs of SimpleCode and LAMP")
            figures["pairs"] = attempt("pairs.png", trust_figures.pairs_figure, *of_pairs)
        of_val = (config, results["val"].records, trained)
        figures |= attempt("evolution figures", evolution_figures, *of_val, otherwise={})
        figures = {name: figure for name, figure in figures.items() if figure is not None}
        plotting.save_figures(figures, config.output_folder)
    if chosen.show_figures:
        plotting.show_figures(figures)


def _figures_of_records(
    config: Config, results: Results, bands: Bands | None, looks: Mapping[str, Any], attempt: Attempts
) -> dict[str, Figure | None]:
    """Motions and errors of single records, by the figures' names."""
    figures = {}
    for kind, draw in (("prediction", plotting.prediction_figure), ("error", plotting.error_figure)):
        for set_name, of_set in results.items():
            for i in getattr(config.plotting, f"{kind}_ID_list_{set_name}"):
                record, shown = of_set.records[i], dict(looks)
                if kind == "prediction":
                    shown["band"] = _around(bands, record, of_set.predictions[i])
                title = f"{record.name} ({SET_TITLES[set_name]})"
                name = f"{kind}_{set_name}_{i}_{record.name}"
                figures[name] = attempt(f"{name}.png", draw, record.time, of_set[i], title=title, **shown)
    return figures


def _figures_of_sets(
    config: Config, results: Results, looks: Mapping[str, Any], attempt: Attempts
) -> dict[str, Figure | None]:
    """Largest values and distributions over many records, by the figures' names."""
    kinds = {
        "maxima": (plotting.maxima_figure, lambda motions: metrics.record_maxima(motions, looks["channels"])),
        "histo": (plotting.histogram_figure, np.asarray),
    }
    figures = {}
    for kind, (draw, reduced) in kinds.items():
        # Reduced one by one, as the maxima of thousands of records are drawn.
        shown = {
            name: [
                tuple(map(reduced, of_set.counted(i, config.user.transient_time)[0]))
                for i in getattr(config.plotting, f"{kind}_ID_list_{name}")
            ]
            for name, of_set in results.items()
        }
        if any(shown.values()):
            figures[kind] = attempt(f"{kind}.png", draw, shown, **looks)
    return figures


def evolution_figures(config: Config, records: Sequence[Record], trained: TrainedNetwork) -> dict[str, Figure]:
    """Figures of the validation records in evolution_ID_list_val over the checkpoints of the training."""
    chosen = config.plotting.evolution_ID_list_val
    if not chosen:
        return {}
    try:
        predictions = predict_with_checkpoints(config.network_folder, trained, [records[i].inputs for i in chosen])
    except InputError as error:
        warn([f"{line}; the evolution figure is not drawn" for line in error.lines])
        return {}
    figures = {}
    for n, i in enumerate(chosen):
        record, by_epoch = records[i], {epoch: outputs[n] for epoch, outputs in predictions.items()}
        title = f"{record.name} ({SET_TITLES['val']}) over the training of {config.network_name}"
        looks = (trained.best_epoch, trained.architecture.outputs, config.plotting, title)
        figures[f"evolution_val_{i}_{record.name}"] = training_figures.evolution_figure(
            record.time, record.targets, record.simple, by_epoch, *looks
        )
    return figures


# ---- the folder of a run ----------------------------------------------------------------------------------------


@contextlib.contextmanager
def replacing_earlier_files(config: Config) -> Iterator[None]:
    """Around all that a run writes: deletes at the end what earlier runs left, and reports what this one has written.

    A run without sets writes no report that could replace another one; it adds its predictions to the folder. Files
    that the run itself has read stay.
    """
    folder = config.output_folder
    earlier = RunFolder(folder).begin(config.save.prefix)
    yield
    lists = [paths for paths in vars(config.data).values() if isinstance(paths, tuple)]
    read = {os.path.abspath(path) for paths in lists for path in paths}

    def stays(name: str) -> bool:
        return not _has_report(config) or os.path.abspath(folder / name)[: -len(".mot")] in read

    made = RunFolder(folder).finish(earlier, stays)
    kinds = {
        "report": RunFolder.REPORT in made,
        "predictions": any(name.startswith(config.save.prefix) and name.endswith(".txt") for name in made),
        "figures": any(name.startswith(f"{RunFolder.FIGURES}/") for name in made),
    }
    found = ", ".join(kind for kind, is_there in kinds.items() if is_there)
    where = f"; {' and '.join(found.rsplit(', ', 1))} in {folder}" if found else ""
    print(f"\nNetwork in {config.network_folder}{where}")


def _has_report(config: Config) -> bool:
    return any(getattr(config.data, f"{name}_sc") for name in SET_NAMES)
