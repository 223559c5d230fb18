"""What a run leaves behind: error report, prediction files, bands and flags."""

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

import data_io
import metrics
from checks import flagging, run_bands
from checks.flagging import Watch
from checks.run_bands import Bands, OutOfFold
from data_io import Record, Records
from network import TrainedNetwork
from networks.network_folder import NetworkFolder
from prediction import PredictedSet, Prediction, Predictor
from readers.rows_on_disk import write_rows
from readers.sea_state_handles import handle_in, sea_state
from results.prediction_texts import TextLayout, Texts
from results.without_lamp import flag_records
from settings import SET_NAMES, Config, DataInfo, SaveData, UserInput
from settings.channels import output_channels
from system.errors import OptionalSteps, warn
from system.run_folder import RunFolder
from training.reference_filter import ReferenceFilter

Results = Mapping[str, PredictedSet]  # by the names of the sets


# ---- predictions of the sets, and their errors ------------------------------------------------------------------


def predict_sets(
    predictor: Predictor, sets: Mapping[str, Sequence[Record]], unseen: OutOfFold, cache_path: str = ""
) -> Results:
    """The predictions of all sets; with a cache_path they stay on disk.

    Those of val are out of fold if the network is one of folds.
    """
    _warn_of_other_records(sets.get("val", ()), unseen)
    results = {}
    for name, records in sets.items():
        silent = True if len(records) < data_io.MANY_RECORDS else None  # None: where there is no terminal
        with tqdm(records, desc=f"Predicting {name} set", disable=silent) as bar:
            predictions = (
                unseen.calibration_prediction(record.digest, prediction) if name == "val" else prediction
                for record, prediction in predictor.predict_records(bar)
            )
            results[name] = _stored(records, predictions, cache_path, predictor.channels)
    return results


def _stored(
    records: Sequence[Record], predictions: Iterator[Prediction], cache_path: str, channels: Sequence[str]
) -> PredictedSet:
    """The set with its predictions in memory, or as rows on disk: means, and behind them the spreads."""
    if not cache_path or not len(records):
        return PredictedSet(records, list(predictions))
    tables = (np.hstack([part for part in (p.mean, p.spread) if part is not None]) for p in predictions)
    on_disk, count = write_rows(tables, cache_path, in_order=True), len(channels)
    views = np.split(on_disk.rows, np.cumsum(on_disk.lengths)[:-1])
    has_spread = on_disk.rows.shape[1] > count
    kept = [Prediction(view[:, :count], view[:, count:] if has_spread else None) for view in views]
    return PredictedSet(records, kept, on_disk)


def _warn_of_other_records(val: Sequence[Record], unseen: OutOfFold) -> None:
    """Says which records of val have no out-of-fold prediction although the network has folds."""
    others = [entry.name for entry in Records.joined(val).entries if entry.digest not in unseen.predictions]
    if unseen.predictions and others:
        warn(
            [
                f"{len(others)} of {len(val)} records of the val set (first: {others[0]}) are not among those that the "
                "network was trained on, or their files have changed since; they are predicted by the mean of its "
                "networks, not out of fold"
            ]
        )


def save_report(
    folder: Path,
    results: Results,
    trained: TrainedNetwork,
    unseen: OutOfFold,
    transient: float,
    reference: ReferenceFilter | None = None,
) -> None:
    """Prints and writes the errors by set and by record; reports where SimpleCode is better than the network.

    transient: seconds at the start of each record that do not count. reference: to be set beside the network.
    """
    if not any(results.values()):
        return
    channels, network = trained.architecture.outputs, trained.title
    if transient:
        print(f"The first {transient:g} s of each record are left out of all errors and maxima (transient_time)")
    results = with_out_of_fold(results, unseen)
    names = {
        set_name: [
            (each.name, handle_in(each.name), each.pair_digest) for each in Records.joined(of_set.records).entries
        ]
        for set_name, of_set in results.items()
    }
    with OptionalSteps() as attempt:
        sums = attempt("rows of the linear filter", _sums, results, transient, reference)
    sums = sums or _sums(results, transient)
    report = metrics.error_report(sums, channels, network)
    by_record = metrics.error_by_record(sums, names, channels, network)
    print(metrics.format_report(report))
    by_state = by_record.assign(state=by_record["handle"].map(sea_state))
    where = metrics.start_remarks(report, network) + metrics.sea_state_remarks(by_state, network)
    print(*metrics.remarks(report, by_record), *where, *metrics.worse_than_simplecode(by_record), sep="\n")
    RunFolder(folder).write_table(RunFolder.REPORT, report)
    RunFolder(folder).write_table(RunFolder.BY_RECORD, by_record)


def _sums(results: Results, transient: float, reference: ReferenceFilter | None = None) -> metrics.SetSums:
    """What the report is made of. transient, reference: see `save_report`."""

    def of_record(of_set: PredictedSet, i: int, out_of_fold: bool) -> Sequence[metrics.ChannelSums]:
        motions, start_rows, time = of_set.counted(i, transient)
        if reference:
            filtered = reference.predict(of_set.records[i], out_of_fold)
            motions = *motions, filtered[-len(time) :]
        return metrics.model_sums(motions, start_rows, time)

    return {name: [of_record(of_set, i, name == "val") for i in range(len(of_set))] for name, of_set in results.items()}


def with_out_of_fold(results: Results, unseen: OutOfFold) -> Results:
    """For a network of folds, val is all records of train and val, each predicted by the networks without it."""
    records = Records.joined(results["train"].records, results["val"].records)
    digests = records.digests if unseen.predictions else []
    if others := set(digests) - unseen.predictions.keys():
        print(
            f"Errors on the val set are those of its list alone, as {len(others)} of {len(set(digests))} records of "
            "train and val are not those of the network's training, or their files have changed since"
        )
    if not digests or others:
        return results
    return {**results, "val": PredictedSet(records, [Prediction(unseen.predictions[digest]) for digest in digests])}


def save_bands(
    user: UserInput, folders: tuple[NetworkFolder, Path], trained: TrainedNetwork, results: Results, unseen: OutOfFold
) -> Bands | None:
    """Finds the bands of the run's network, if it can have any, and writes how well they hold.

    folders: of the network, and of the run.
    """
    network_folder, output_folder = folders
    sets = {name: of_set.records for name, of_set in results.items()}
    predictions = {name: of_set.predictions for name, of_set in results.items()}
    bands = run_bands.of_run(user, network_folder, trained.architecture, sets, predictions, unseen)
    run_bands.save_report(output_folder, bands)
    return bands


def save_flags(
    config: Config,
    test: PredictedSet,
    of_fleet: Sequence[dict[str, object]],
    watch: Watch | None,
    bands: Bands | None,
) -> None:
    """Writes predicted_records.csv: the rows of the test records and those of the records without LAMP."""
    data = config.data
    keeps_earlier = not (config.user.training_mode and data.train_sc)
    with OptionalSteps() as attempt:
        of_test = (watch, bands, "test", test.records, test.predictions)
        rows = attempt("flags of the test records", flag_records, *of_test, otherwise=[])
    flagging.save(config.output_folder, [*rows, *of_fleet], keeps_earlier, bool(data.test_sc))


# ---- predictions as text ----------------------------------------------------------------------------------------


def texts_of_run(config: Config, bands: Bands | None) -> Texts:
    channels, save = output_channels(config.user), config.save
    layout = TextLayout(save.prefix, channels, bands if save.bands else None)
    return Texts(config.output_folder, layout, has_report(config.data))


def save_predictions(save: SaveData, results: Results, texts: Texts) -> None:
    """Writes the predictions chosen in SaveDataArgs as text."""
    for set_name, of_set in results.items() if save.save_data_mode else ():
        for i in getattr(save, set_name):
            texts.write(of_set.records[i], of_set.predictions[i])


# ---- the folder of a run ----------------------------------------------------------------------------------------


@contextlib.contextmanager
def replacing_earlier_files(config: Config) -> Iterator[None]:
    """Around all that a run writes: deletes at the end what earlier runs left, and reports what this one has written.

    A run without sets writes no report that could replace another one; it adds its predictions to the folder. Files
    that the run itself has read stay.
    """
    folder = config.output_folder
    earlier = RunFolder(folder).begin()
    yield
    shutil.rmtree(folder / RunFolder.PORTIONS, ignore_errors=True)
    lists = [paths for paths in vars(config.data).values() if isinstance(paths, tuple)]
    read = {os.path.abspath(path) for paths in lists for path in paths}

    def stays(name: str) -> bool:
        return not has_report(config.data) or os.path.abspath(folder / name)[: -len(".mot")] in read

    made = RunFolder(folder).finish(earlier, stays)
    kinds = {
        "report": RunFolder.REPORT in made,
        "predictions": any(name.startswith(config.save.prefix) and name.endswith(".txt") for name in made),
        "figures": any(name.startswith(f"{RunFolder.FIGURES}/") for name in made),
    }
    written = ", ".join(kind for kind, is_there in kinds.items() if is_there)
    where = f"; {' and '.join(written.rsplit(', ', 1))} in {folder}" if written else ""
    print(f"\nNetwork in {config.network_folder}{where}")


def has_report(data: DataInfo) -> bool:
    """Whether the run has sets, on which it reports."""
    return any(getattr(data, f"{name}_sc") for name in SET_NAMES)
