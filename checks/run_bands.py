"""Bands of a run: calibrated after a training with folds, saved with the network, reported, and put into texts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.ndimage import uniform_filter1d

import metrics
from checks import bands
from data_io import Record
from network import TrainedNetwork
from networks.network_folder import NetworkFolder
from readers.cases import sea_state
from settings import Config
from settings.channels import channel_of
from system.errors import UNREADABLE, Collector, first_line, warn
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

    def around(self, time: np.ndarray, prediction: np.ndarray) -> np.ndarray:
        """(rows, channel, 2): lower and upper bounds. prediction: outputs followed by the spread of each."""
        outputs, spread = outputs_and_spread(time, prediction)
        half = self.calibration.half_width(spread, self.level)
        return np.stack([outputs - half, outputs + half], axis=2)

    def about(self, time: np.ndarray, prediction: np.ndarray) -> dict[str, float]:
        """Of a record, for each channel: the expected root mean square error, and the largest magnitude, with bounds
        from the band of the whole record. prediction: as in `around`.
        """
        outputs, spread = outputs_and_spread(time, prediction)
        half = self.calibration.half_width(spread, self.level, whole=True)
        expected = self.calibration.expected_rmse(spread)
        found = {}
        for k, channel in enumerate(self.calibration.channels):
            sizes = metrics.magnitudes(outputs[:, k], channel)
            found[f"expected_rmse_{channel}"] = expected[k]
            found[f"largest_{channel}"] = sizes.max()
            found[f"largest_{channel}_lower"] = max((sizes - half[:, k]).max(), 0.0)
            found[f"largest_{channel}_upper"] = (sizes + half[:, k]).max()
        return found

    @property
    def names(self) -> list[str]:
        """Column names of the bounds, channel by channel."""
        return [f"{channel}_{bound}" for channel in self.calibration.channels for bound in ("lower", "upper")]


def outputs_and_spread(time: np.ndarray, prediction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both (rows, channel); the spread is smoothed (root mean square), as networks agree for moments by chance.

    time: (rows,) s. prediction: as in `Bands.around`.
    """
    outputs, spread = np.split(prediction, 2, axis=1)
    step = np.ptp(time) / max(len(time) - 1, 1)
    rows = int(SMOOTHED / step) | 1 if step else 1
    return outputs, np.sqrt(np.maximum(uniform_filter1d(spread**2, rows, axis=0, mode="nearest"), 0))


def are_possible(config: Config) -> bool:
    """Whether the run's network has bands, or can be calibrated."""
    folder = NetworkFolder(config.network_folder)
    return folder.out_of_fold.is_file() or folder.calibration.is_file()


def unseen_networks(config: Config, networks: int) -> int:
    """How many of the networks have not seen a record: those of a fold; of a loaded network as it was trained.

    networks: of all folds.
    """
    if config.user.training_mode:
        return config.user.num_networks
    folds = Collector()(NetworkFolder(config.network_folder).read_metadata, otherwise={}).get("folds")
    return networks // len(folds) if folds else 1


def of_run(
    config: Config,
    trained: TrainedNetwork,
    sets: Mapping[str, Sequence[Record]],
    predictions: Mapping[str, Sequence[np.ndarray]],
) -> Bands | None:
    """The bands of the run's network, with their coverage; None, with a message, if it has none.

    A network that has just been trained is calibrated on the train and val records, and calibration.json is written.

    predictions: by set and record (rows, 2 * channel), outputs and spreads, see `prediction.Predictor`.
    """
    if not are_possible(config) or trained.architecture.num_networks == 1:
        print("The predictions have no bands; for bands, train with num_folds, as input_thorough.py does")
        return None
    folder = NetworkFolder(config.network_folder)
    path = folder.calibration
    channels, tables = trained.architecture.outputs, []
    unseen = {}
    if config.user.training_mode:  # those of an older network cannot be used, of which `outputs` has warned
        unseen = Collector()(folder.load_out_of_fold, otherwise={})
    if unseen:
        scale = np.array(trained.architecture.standardization.output_deviation)
        networks = (trained.architecture.num_networks, unseen_networks(config, trained.architecture.num_networks))
        residuals = list(_residuals(config, sets, predictions, unseen, scale, networks))
        calibration = bands.calibrate(residuals, scale, channels, *networks)
        bands.save(calibration, path)
        print(bands.missing_levels(len(residuals)), end="")
        tables = _left_out(residuals, scale, channels, networks)
    else:
        try:
            calibration = bands.load(path)
            if calibration.channels != tuple(channels):
                raise ValueError(f"it is of {', '.join(calibration.channels)}")
        except UNREADABLE as error:
            warn([f"{path}: cannot be read ({first_line(error)}); the predictions have no bands"])
            return None
        if calibration.own < (own := unseen_networks(config, trained.architecture.num_networks)):
            warn([f"{path}: takes the {own} networks of a fold for one; its bands may be far too narrow: train again"])
    if not calibration.levels:
        return None
    for record, prediction in zip(sets["test"], predictions["test"], strict=True):
        error, spread = _counted(config, record, prediction)
        if len(error):
            tables.append(bands.coverage(calibration, error, spread).assign(set="test", record=record.name))
    return Bands(calibration, pd.concat(tables, ignore_index=True) if tables else pd.DataFrame())


def _counted(config, record, prediction) -> tuple[np.ndarray, np.ndarray]:
    """LAMP minus the outputs, and the spread, without the transient."""
    outputs, spread = outputs_and_spread(record.time, prediction)
    kept = record.after(config.user.transient_time)
    return (record.targets - outputs)[kept], spread[kept]


def seen_otherwise(prediction: np.ndarray, out_of_fold: np.ndarray, networks: int, own: int) -> np.ndarray:
    """A prediction (rows, 2 * channel) with the motions out of fold, and the spread of a calibration record.

    networks, own: see `bands.calibration_spread`.
    """
    outputs, spread = np.split(prediction, 2, axis=1)
    return np.hstack([out_of_fold, bands.calibration_spread(spread, out_of_fold - outputs, networks, own)])


def _residuals(config, sets, predictions, out_of_fold, scale, networks) -> Iterator[bands.Residuals]:
    """Yields the residuals of each train and val record, with one record in memory at a time.

    The predictions of val are out of fold already, see `outputs.predict_sets`. A record that ends within the transient
    has none.
    """
    for set_name in ("train", "val"):
        for record, prediction in zip(sets[set_name], predictions[set_name], strict=True):
            counts, unseen, seen = record.after(config.user.transient_time), out_of_fold.get(record.digest), None
            if unseen is None or not len(record.time[counts]):
                continue
            if set_name == "train":
                outputs, spread = np.split(prediction, 2, axis=1)
                squares = (record.targets - outputs, spread, unseen - outputs)
                seen = bands.seen_squares(*(values[counts] for values in squares), *networks)
                prediction = seen_otherwise(prediction, unseen, *networks)
            yield bands.residuals(*_counted(config, record, prediction), scale, record.name, seen)


def _left_out(
    residuals: Sequence[bands.Residuals], scale: np.ndarray, channels: Sequence[str], networks: tuple[int, int]
) -> list[pd.DataFrame]:
    """Coverage of each record by bands from the other records, and from the other sea states if there are several.

    The latter are of the records alone whose names tell the sea state.
    """
    names = [record.name for record in residuals]
    tables = [bands.left_out(residuals, names, scale, channels, *networks).assign(set="val")]
    known = {place: state.name for place, name in enumerate(names) if (state := sea_state(name))}
    if 1 < len(set(known.values())) < len(known):
        in_known = [residuals[place] for place in known]
        by_state = bands.left_out(in_known, list(known.values()), scale, channels, *networks)
        tables.append(by_state.assign(set="val, its sea state left out"))
    return [table for table in tables if "record" in table]


def save_report(config: Config, found: Bands | None) -> None:
    """Writes band_report.csv, with a column basis (see BASES), and prints its main results."""
    if found is None or found.by_record.empty:
        return
    table = bands.report(found.by_record)
    table.insert(1, "basis", table["set"].map(BASES))
    RunFolder(config.output_folder).write_table(RunFolder.BANDS, table)
    print(f"\nBands of {found.level} %, share of the steps covered: mean over the records, and worst record")
    for row in table[table["level"] == found.level].itertuples():
        unit = channel_of(row.channel).unit
        print(
            f"{row.set} ({row.basis}), {row.channel}: {100 * row.covered:.0f} %, {100 * row.worst_covered:.0f} % in "
            f"{row.worst_record}; mean half-width {row.half_width:.3g} {unit}"
        )
