"""The figures of a run that PlottingArgs asks for, by their names."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

import metrics
import plotting
from checks import run_bands
from checks.run_bands import Bands
from data_io import Record
from figures import training_figures, trust_figures
from figures.parts import SET_NAMES
from network import TrainedNetwork
from networks.network_folder import NetworkFolder
from prediction import PredictedSet, predict_with_checkpoints
from readers.units import moment_unit_text
from settings import Plotting
from settings.description import high_name, low_name
from system.errors import InputError, OptionalSteps, warn

Results = Mapping[str, PredictedSet]  # by the names of the sets


def save(
    asked: Plotting,
    folders: tuple[NetworkFolder, Path],
    results: Results,
    trained: TrainedNetwork,
    bands: Bands | None,
    pairs: pd.DataFrame,
    transient: float,
) -> None:
    """Writes the figures as PNG files, and shows them in windows on request.

    folders: of the network, and of the run. pairs: see `pair_checks.check`. transient: seconds at the start of records
    that do not count. What fails costs its own figure alone.
    """
    if not asked.plotting_mode:
        return
    network_folder, output_folder = folders
    with OptionalSteps() as attempt:
        drawn = _of_records(asked, results, bands, trained) | _of_sets(asked, results, trained, transient)
        drawn |= _of_network(asked, network_folder.path.name, trained, bands, pairs)
        figures = {name: attempt(f"{name}.png", draw) for name, draw in drawn.items()}
        checkpoints = asked, results["val"].records, trained, network_folder
        figures |= attempt("evolution figures", evolution_figures, *checkpoints, otherwise={})
        figures = {name: figure for name, figure in figures.items() if figure is not None}
        plotting.save_figures(figures, output_folder, moment_unit_text(trained.architecture.vbm_unit))
    if asked.show_figures:
        plotting.show_figures(figures)


def _of_network(
    asked: Plotting, name: str, trained: TrainedNetwork, bands: Bands | None, pairs: pd.DataFrame
) -> dict[str, Callable[[], Figure]]:
    """Of the training and the bands, and of the pairs if something is odd about them."""
    drawn = {}
    if len(trained.history):
        plain = ", without its output filter" * bool(trained.architecture.filter_lags)
        of_training = trained.history, trained.best_epoch, f"Training of {name}{plain}"
        drawn["learning_curve"] = partial(training_figures.learning_curve_figure, *of_training)
    if bands and len(bands.by_record):
        of_bands = bands.by_record, bands.level, asked, f"Bands of {name}"
        drawn["bands"] = partial(trust_figures.bands_figure, *of_bands)
    if len(pairs) and pairs["odd"].any():
        of_pairs = pairs, trained.architecture.outputs, asked, f"Pairs of {low_name()} and {high_name()}"
        drawn["pairs"] = partial(trust_figures.pairs_figure, *of_pairs)
    return drawn


def _of_records(
    asked: Plotting, results: Results, bands: Bands | None, trained: TrainedNetwork
) -> dict[str, Callable[[], Figure]]:
    """Motions and errors of single records."""

    def draw(kind: str, of_set: PredictedSet, i: int, title: str) -> Figure:
        record = of_set.records[i]
        looks = {"channels": trained.architecture.outputs, "style": asked, "title": title, "network": trained.title}
        if kind == "error":
            return plotting.error_figure(record.time, of_set.motions(i), **looks)
        band = run_bands.bounds_of(bands, record, of_set.predictions[i])
        return plotting.prediction_figure(record.time, of_set.motions(i), band=band, **looks)

    drawn = {}
    for kind in ("prediction", "error"):
        for set_name, of_set in results.items():
            for i in getattr(asked, f"{kind}_ID_list_{set_name}"):
                name = of_set.records[i].name
                title = f"{name} ({SET_NAMES[set_name]})"
                drawn[f"{kind}_{set_name}_{i}_{name}"] = partial(draw, kind, of_set, i, title)
    return drawn


def _of_sets(
    asked: Plotting, results: Results, trained: TrainedNetwork, transient: float
) -> dict[str, Callable[[], Figure]]:
    """Largest values and distributions over many records."""
    channels = trained.architecture.outputs
    kinds = {
        "maxima": (plotting.maxima_figure, lambda motions: metrics.record_maxima(motions, channels)),
        "histo": (plotting.histogram_figure, np.asarray),
    }
    drawn = {}
    for kind, (draw, reduced) in kinds.items():
        # Reduced one by one, as the maxima of thousands of records are drawn.
        shown = {
            name: [
                metrics.Motions(*map(reduced, of_set.counted(i, transient)[0]))
                for i in getattr(asked, f"{kind}_ID_list_{name}")
            ]
            for name, of_set in results.items()
        }
        if any(shown.values()):
            drawn[kind] = partial(draw, shown, channels=channels, style=asked, network=trained.title)
    return drawn


def evolution_figures(
    asked: Plotting, records: Sequence[Record], trained: TrainedNetwork, network_folder: NetworkFolder
) -> dict[str, Figure]:
    """Figures of the validation records in evolution_ID_list_val over the checkpoints of the training."""
    drawn = [records[i] for i in asked.evolution_ID_list_val]
    if not drawn:
        return {}
    try:
        predictions = predict_with_checkpoints(network_folder, trained, [record.inputs for record in drawn])
    except InputError as error:
        warn([f"{line}; the evolution figure is not drawn" for line in error.lines])
        return {}
    figures = {}
    for n, (i, record) in enumerate(zip(asked.evolution_ID_list_val, drawn, strict=True)):
        by_epoch = {epoch: outputs[n].mean for epoch, outputs in predictions.items()}
        title = f"{record.name} ({SET_NAMES['val']}) over the training of {network_folder.path.name}"
        looks = (trained.best_epoch, trained.architecture.outputs, asked, title)
        figures[f"evolution_val_{i}_{record.name}"] = training_figures.evolution_figure(
            record.time, record.targets, record.simple, by_epoch, *looks
        )
    return figures
