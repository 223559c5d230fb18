"""What a run leaves behind: the error report, prediction files and figures, and predictions without LAMP."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

import data_io
import metrics
import plotting
from data_io import Record
from network import TrainedNetwork
from prediction import Predictor, predict_with_checkpoints
from readers.rows_on_disk import RowsOnDisk, write_rows
from settings import REPORT_FILE, SET_NAMES, Config
from studies import training_figures
from support.errors import InputError, warn
from support.progress import Bar

RECORDS_AT_ONCE = 48  # read and predicted together; bounds the memory for thousands of realizations


class Predicted(Sequence):
    """(LAMP, SimpleCode, LSTM) of each record of a set, all (rows, channel)."""

    def __init__(self, records: Sequence[Record], predictions: Sequence[np.ndarray], on_disk: RowsOnDisk | None = None):
        self._records, self._predictions, self._on_disk = records, predictions, on_disk

    def __len__(self) -> int:
        return len(self._predictions)

    def __getitem__(self, place: int) -> metrics.Motions:
        if self._on_disk:
            self._on_disk.release()
        record = self._records[place]
        return record.targets, record.simple, self._predictions[place]


Results = Mapping[str, Predicted]


def predict_sets(config: Config, predictor: Predictor, sets: Mapping[str, Sequence[Record]]) -> Results:
    """LAMP's, SimpleCode's and the network's motions of each record; with a cache_path they stay on disk."""
    folder = config.data.cache_path
    results = {}
    for name, records in sets.items():
        if not folder or not len(records):
            results[name] = Predicted(records, predictor.predict([record.inputs for record in records]))
            continue
        on_disk = write_rows(_predictions(predictor, records, name), folder, in_order=True)
        predictions = np.split(on_disk.rows, np.cumsum(on_disk.lengths)[:-1])
        results[name] = Predicted(records, predictions, on_disk)
    return results


def _predictions(predictor: Predictor, records: Sequence[Record], set_name: str) -> Iterator[np.ndarray]:
    """The network's motions of one record after the other, of which a few are in memory at once."""
    bar = Bar(len(records) if len(records) >= data_io.MANY_RECORDS else 0, f"Predicting {set_name} set")
    for start in range(0, len(records), RECORDS_AT_ONCE):
        places = range(start, min(start + RECORDS_AT_ONCE, len(records)))
        yield from predictor.predict([records[i].inputs for i in places])
        bar.advance(len(places))
    bar.close()


def save_report(config: Config, results: Results, channels: Sequence[str]) -> pd.DataFrame:
    """Prints the error report and writes it as error_report.csv."""
    report = metrics.error_report(results, channels)
    print(metrics.format_report(report, data_io.CHANNEL_UNITS))
    data_io.write_table(config.output_folder / REPORT_FILE, report)
    return report


def save_predictions(config: Config, sets: Mapping[str, Sequence[Record]], results: Results, channels) -> None:
    """The predictions that SaveDataArgs names, as text."""
    if not config.save.save_data_mode:
        return
    for name, records in sets.items():
        for i in getattr(config.save, name):
            record = records[i]
            path = config.output_folder / f"{config.save.prefix}{record.name}.txt"
            data_io.write_prediction(path, record.time, results[name][i][2], channels)


def save_figures(
    config: Config, sets: Mapping[str, Sequence[Record]], results: Results, trained: TrainedNetwork
) -> None:
    """The figures that PlottingArgs names, as PNG files, and in windows if asked for."""
    chosen = config.plotting
    if not chosen.plotting_mode:
        return
    channels = trained.architecture.outputs
    style = plotting.PlotStyle(**{name: getattr(chosen, name) for name in plotting.PlotStyle.__dataclass_fields__})
    figures = {}
    for kind, draw in (("prediction", plotting.prediction_figure), ("error", plotting.error_figure)):
        for name, records in sets.items():
            for i in getattr(chosen, f"{kind}_ID_list_{name}"):
                record = records[i]
                title = f"{record.name} ({plotting.SET_NAMES[name]})"
                figure = draw(record.time, *results[name][i], channels, style, title)
                figures[f"{kind}_{name}_{i}_{record.name}"] = figure
    for kind, draw, needed in (
        ("maxima", plotting.maxima_figure, _largest_magnitudes),
        ("histo", plotting.histogram_figure, np.asarray),
    ):
        picked = {
            name: [tuple(map(needed, results[name][i])) for i in getattr(chosen, f"{kind}_ID_list_{name}")]
            for name in sets
        }
        if any(picked.values()):
            figures[kind] = draw(picked, channels, style)
    if len(trained.history):
        title = f"Training of {config.network_name}"
        figures["learning_curve"] = training_figures.learning_curve_figure(trained.history, trained.best_epoch, title)
    figures |= evolution_figures(config, sets["val"], trained, style)
    for name, figure in figures.items():
        plotting.save_figure(figure, config.output_folder / "figures" / f"{name}.png")
    if chosen.show_figures:
        plotting.show_figures(figures)


def _largest_magnitudes(motions: np.ndarray) -> np.ndarray:
    """(1, channel): all that the maxima's figure needs of a record, by default of every one of thousands."""
    return np.fmax.reduce(np.abs(motions), axis=0, keepdims=True)


def evolution_figures(
    config: Config, records: Sequence[Record], trained: TrainedNetwork, style: plotting.PlotStyle
) -> dict[str, Figure]:
    """The realizations of the validation set that evolution_ID_list_val names, over the checkpoints of the training."""
    chosen = config.plotting.evolution_ID_list_val
    if not chosen:
        return {}
    try:
        predictions = predict_with_checkpoints(config.network_folder, trained, [records[i].inputs for i in chosen])
    except InputError as error:
        warn([f"{line}; no figures over the checkpoints are drawn" for line in error.lines])
        return {}
    figures = {}
    for place, i in enumerate(chosen):
        record = records[i]
        figures[f"evolution_val_{i}_{record.name}"] = training_figures.evolution_figure(
            record.time,
            record.targets,
            record.simple,
            {epoch: outputs[place] for epoch, outputs in predictions.items()},
            trained.best_epoch,
            trained.architecture.outputs,
            style,
            f"{record.name} ({plotting.SET_NAMES['val']}) over the training of {config.network_name}",
        )
    return figures


def predict_without_lamp(config: Config, predictor: Predictor, channels: Sequence[str]) -> list[str]:
    """Predicts the realizations of predict_sc, a few at a time, and writes each as text and in LAMP's .mot layout.

    Returns:
        one line for each fault; a faulty realization costs only itself.
    """
    data = config.data
    if not data.predict_sc:
        return []
    paths = [path for name in (*SET_NAMES, "predict") for path in getattr(data, f"{name}_sc")]
    names = data_io.unique_names(paths)
    waves = data.predict_waves or (None,) * len(data.predict_sc)
    jobs = list(zip(data.predict_sc, waves, strict=True))
    faults: list[str] = []
    remarks: list[str] = []
    predicted = 0
    bar = Bar(len(jobs), "Predicting")
    for start in range(0, len(jobs), RECORDS_AT_ONCE):
        batch = []
        for sc, wave in jobs[start : start + RECORDS_AT_ONCE]:
            try:
                record, remark = data_io.read_record(sc, None, config.user, wave, names[sc])
                track = data_io.read_track(sc, record.time) if config.user.output_3dof else None
            except InputError as error:
                faults.extend(error.lines)
                continue
            batch.append((record, track))
            remarks.extend(remark)
        outputs = predictor.predict([record.inputs for record, _ in batch])
        for (record, track), output in zip(batch, outputs, strict=True):
            base = config.output_folder / f"{config.save.prefix}{record.name}"
            data_io.write_prediction(Path(f"{base}.txt"), record.time, output, channels)
            if track is not None:
                motions = output[:, [channels.index(name) for name in data_io.MOTIONS]]
                data_io.write_lamp_motions(Path(f"{base}.mot"), record.time, track, motions)
            predicted += 1
        bar.advance(len(jobs[start : start + RECORDS_AT_ONCE]))
    bar.close()
    warn(remarks)
    print(f"Predicted {predicted} of {len(jobs)} realizations without LAMP in {config.output_folder}")
    return faults
