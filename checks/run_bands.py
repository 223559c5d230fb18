"""Bands of a run: calibrated after a training with folds, saved with the network, reported, and put into texts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.ndimage import uniform_filter1d

import metrics
from checks import bands
from data_io import Record
from network import Architecture
from networks.network_folder import NetworkFolder
from prediction import Prediction
from readers.sea_state_handles import sea_state
from settings import UserInput
from settings.channels import channel_of
from settings.description import seconds
from system.errors import UNREADABLE, FaultCollector, InputError, OptionalSteps, first_line, warn
from system.run_folder import RunFolder

SMOOTHED = 5.0  # s: chosen on two ships; at single steps the spread misses the largest errors
# What a row of the report is worth, by its set: only test records measure the bands.
CHECK = "check of the calibration with itself"
BASES = {"val": CHECK, "val, its sea state left out": f"{CHECK}, between sea states", "test": "measured"}
LEVEL = 90  # percent, of the bands in texts and figures; or the highest lower level that can be calibrated


@dataclass(frozen=True)
class Bands:
    """The calibration of a network, and the `bands.coverage` of the run's records, with set and record."""

    calibration: bands.Calibration
    by_record: pd.DataFrame

    @property
    def level(self) -> int:
        return max(level for level in self.calibration.levels if level <= LEVEL)

    def bounds(self, time: np.ndarray, prediction: Prediction) -> np.ndarray:
        """(rows, channel, 2): lower and upper bounds. time: (rows,) s."""
        half = self.calibration.half_width(smoothed(time, prediction.spread), self.level)
        return np.stack([prediction.mean - half, prediction.mean + half], axis=2)

    def of_record(self, time: np.ndarray, prediction: Prediction) -> dict[str, float]:
        """For each channel of a record the expected root mean square error, and the largest magnitude, with bounds
        from the band of the whole record.
        """
        spread = smoothed(time, prediction.spread)
        half = self.calibration.half_width(spread, self.level, whole=True)
        expected = self.calibration.expected_rmse(spread)
        columns = {}
        for k, channel in enumerate(self.calibration.channels):
            sizes = metrics.magnitudes(prediction.mean[:, k], channel)
            columns[f"expected_rmse_{channel}"] = expected[k]
            columns[f"largest_{channel}"] = max(sizes.max(), 0.0)
            columns[f"largest_{channel}_lower"] = max((sizes - half[:, k]).max(), 0.0)
            columns[f"largest_{channel}_upper"] = max((sizes + half[:, k]).max(), 0.0)
        return columns

    @property
    def names(self) -> list[str]:
        """Column names of the bounds, channel by channel."""
        return [f"{channel}_{bound}" for channel in self.calibration.channels for bound in ("lower", "upper")]


def bounds_of(bands_of_run: Bands | None, record: Record, prediction: Prediction) -> np.ndarray | None:
    """(rows, channel, 2), see `Bands.bounds`; None without bands, or if they cannot be computed."""
    if bands_of_run is None:
        return None
    with OptionalSteps() as attempt:
        return attempt(f"bands of {record.name}", bands_of_run.bounds, record.time, prediction)


def smoothed(time: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """The spread (rows, channel) as a root mean square over SMOOTHED s, as networks agree for moments by chance."""
    step = np.ptp(time) / max(len(time) - 1, 1)
    rows = int(seconds(SMOOTHED) / step) | 1 if step else 1
    return np.sqrt(np.maximum(uniform_filter1d(spread**2, rows, axis=0, mode="nearest"), 0))


@dataclass(frozen=True)
class OutOfFold:
    """What a network of folds predicts for the records of its training without the networks that have seen them.

    predictions: (rows, channel) by the records' digests; empty for a network without folds.
    networks: how many there are; unseen: how many of them have not seen a record.
    """

    predictions: Mapping[str, np.ndarray]
    networks: int = 1
    unseen: int = 1

    def calibration_prediction(self, digest: str, prediction: Prediction) -> Prediction:
        """The prediction of a record by the networks that have not seen it, with the spread of a calibration record.

        A record of other content, and any of a network without folds, keeps its prediction.
        """
        if digest not in self.predictions:
            return prediction
        mean = self.predictions[digest].astype(float)
        if prediction.spread is None:  # out_of_fold.npz lies beside a single network
            return Prediction(mean)
        apart = mean - prediction.mean
        return Prediction(mean, bands.calibration_spread(prediction.spread, apart, self.networks, self.unseen))


def are_possible(folder: NetworkFolder) -> bool:
    """Whether the network in a folder has bands, or can be calibrated."""
    return folder.out_of_fold.is_file() or folder.calibration.is_file()


def out_of_fold(user: UserInput, folder: NetworkFolder, networks: int) -> OutOfFold:
    """The out-of-fold predictions of the run's network; none, with a warning, if they cannot be read."""
    try:
        predictions = folder.load_out_of_fold()
    except InputError as error:
        warn([f"{line}; until then the val set is predicted by the mean of all networks" for line in error.lines])
        predictions = {}
    return OutOfFold(predictions, networks, unseen_networks(user, folder, networks))


def unseen_networks(user: UserInput, folder: NetworkFolder, networks: int) -> int:
    """How many of the networks of all folds have not seen a record: those of a fold, as the network was trained."""
    if user.training_mode:
        return user.num_networks
    folds = FaultCollector()(folder.read_metadata, otherwise={}).get("folds")
    return networks // len(folds) if folds else 1


def of_run(
    user: UserInput,
    folder: NetworkFolder,
    architecture: Architecture,
    sets: Mapping[str, Sequence[Record]],
    predictions: Mapping[str, Sequence[Prediction]],
    unseen: OutOfFold,
) -> Bands | None:
    """The bands of the run's network, with their coverage; None, with a message, if it has none.

    A network that has just been trained is calibrated on the train and val records, and calibration.json is written.
    """
    if not are_possible(folder) or unseen.networks == 1:
        print("The predictions have no bands; for bands, train with num_folds, as input_thorough.py does")
        return None
    channels, tables = architecture.outputs, []
    if user.training_mode and unseen.predictions:
        scale = np.array(architecture.standardization.output_deviation)
        residuals = list(_residuals(user.transient_time, sets, predictions, unseen, scale))
        networks = unseen.networks, unseen.unseen
        calibration = bands.calibrate(residuals, scale, channels, *networks)
        bands.save(calibration, folder.calibration)
        print(bands.missing_levels(len(residuals)), end="")
        tables = _left_out(residuals, scale, channels, networks)
    else:
        calibration = _saved_calibration(folder.calibration, channels, unseen.unseen)
    if calibration is None or not calibration.levels:
        return None
    for record, prediction in zip(sets["test"], predictions["test"], strict=True):
        error, spread = _counted(user.transient_time, record, prediction)
        if len(error):
            tables.append(bands.coverage(calibration, error, spread).assign(set="test", record=record.name))
    return Bands(calibration, pd.concat(tables, ignore_index=True) if tables else pd.DataFrame())


def _saved_calibration(path: Path, channels: Sequence[str], unseen: int) -> bands.Calibration | None:
    """The calibration of a network's channels; None, with a warning, if it cannot be used."""
    try:
        calibration = bands.load(path)
        if calibration.channels != tuple(channels):
            raise ValueError(f"it is of {', '.join(calibration.channels)}")
    except UNREADABLE as error:
        warn([f"{path}: cannot be read ({first_line(error)}); the predictions have no bands"])
        return None
    if calibration.own < unseen:
        warn([f"{path}: takes the {unseen} networks of a fold for one; its bands may be far too narrow: train again"])
    return calibration


def _counted(transient: float, record: Record, prediction: Prediction) -> tuple[np.ndarray, np.ndarray]:
    """LAMP minus the mean, and the smoothed spread, without the transient (s)."""
    rows = record.after(transient)
    return (record.targets - prediction.mean)[rows], smoothed(record.time, prediction.spread)[rows]


def _residuals(
    transient: float,
    sets: Mapping[str, Sequence[Record]],
    predictions: Mapping[str, Sequence[Prediction]],
    unseen: OutOfFold,
    scale: np.ndarray,
) -> Iterator[bands.Residuals]:
    """Yields the residuals of each train and val record, with one record in memory at a time.

    The predictions of val are out of fold already, see `outputs.predict_sets`. A record that ends within the transient
    has none.
    """
    for set_name in ("train", "val"):
        for record, prediction in zip(sets[set_name], predictions[set_name], strict=True):
            rows, mean, seen = record.after(transient), unseen.predictions.get(record.digest), None
            if mean is None or not len(record.time[rows]):
                continue
            if set_name == "train":
                arrays = record.targets - prediction.mean, prediction.spread, mean - prediction.mean
                networks = unseen.networks, unseen.unseen
                seen = bands.seen_squares(*(values[rows] for values in arrays), *networks)
                prediction = unseen.calibration_prediction(record.digest, prediction)
            yield bands.residuals(*_counted(transient, record, prediction), scale, record.name, seen)


def _left_out(
    residuals: Sequence[bands.Residuals], scale: np.ndarray, channels: Sequence[str], networks: tuple[int, int]
) -> list[pd.DataFrame]:
    """Coverage of each record by bands from the other records, and from the other sea states if there are several.

    The latter are of the records alone whose names tell the sea state.
    """
    names = [record.name for record in residuals]
    tables = [bands.left_out(residuals, names, scale, channels, *networks).assign(set="val")]
    states = {place: state.name for place, name in enumerate(names) if (state := sea_state(name))}
    if 1 < len(set(states.values())) < len(states):
        of_states = [residuals[place] for place in states]
        by_state = bands.left_out(of_states, list(states.values()), scale, channels, *networks)
        tables.append(by_state.assign(set="val, its sea state left out"))
    return [table for table in tables if "record" in table]


def save_report(folder: Path, run: Bands | None) -> None:
    """Writes band_report.csv, with a column basis (see BASES), and prints its main results."""
    if run is None or run.by_record.empty:
        return
    table = bands.report(run.by_record)
    table.insert(1, "basis", table["set"].map(BASES))
    RunFolder(folder).write_table(RunFolder.BANDS, table)
    print(f"\nBands of {run.level} %, share of the time covered: mean over the records, and worst record")
    for row in table[table["level"] == run.level].itertuples():
        unit = channel_of(row.channel).unit
        print(
            f"{row.set} ({row.basis}), {row.channel}: {100 * row.covered:.0f} %, {100 * row.worst_covered:.0f} % in "
            f"{row.worst_record}; mean half-width {row.half_width:.3g} {unit}"
        )
