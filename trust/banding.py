"""Bands of a run: calibrated after a training with folds, saved with the network, reported, and put into texts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

import data_io
from data_io import Record
from network import TrainedNetwork
from settings import Config
from support import run_folder
from support.errors import first_line, warn
from support.saved_networks import OUT_OF_FOLD_FILE
from trust import bands

CALIBRATION_FILE = "calibration.json"
REPORT_FILE = "band_report.csv"
LEVEL = 90  # percent, of the bands in texts and figures; or the highest lower level that can be calibrated


@dataclass(frozen=True)
class Bands:
    """The calibration of a network, and the `bands.coverage` of the run's records, with set and record."""

    calibration: bands.Calibration
    by_record: pd.DataFrame

    @property
    def level(self) -> int:
        return max(level for level in self.calibration.levels if level <= LEVEL)

    def around(self, prediction: np.ndarray) -> np.ndarray:
        """(rows, channel, 2): lower and upper bounds. prediction: outputs followed by the spread of each."""
        outputs, spread = np.split(prediction, 2, axis=1)
        half = self.calibration.half_width(spread, self.level)
        return np.stack([outputs - half, outputs + half], axis=2)

    def half_widths(self, prediction: np.ndarray) -> dict[str, float]:
        """Mean half-widths over a record, by column name. prediction: as in `around`."""
        bounds = self.around(prediction)
        means = (bounds[:, :, 1] - bounds[:, :, 0]).mean(axis=0) / 2
        return {
            f"half_width_{self.level}_{channel}": mean
            for channel, mean in zip(self.calibration.channels, means.tolist(), strict=True)
        }

    @property
    def names(self) -> list[str]:
        """Column names of the bounds, channel by channel."""
        return [f"{channel}_{bound}" for channel in self.calibration.channels for bound in ("lower", "upper")]


def are_possible(config: Config) -> bool:
    """Whether the run's network has bands, or can be calibrated."""
    return any((config.network_folder / name).is_file() for name in (OUT_OF_FOLD_FILE, CALIBRATION_FILE))


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
    if not are_possible(config):
        if trained.architecture.num_networks > 1 or config.data.predict_sc:
            print("The predictions have no bands; for bands, train with num_folds, as input_thorough.py does")
        return None
    path = config.network_folder / CALIBRATION_FILE
    tables = []
    if config.user.training_mode:
        scale = np.array(trained.architecture.standardization.output_deviation)
        residuals = list(_residuals(config, sets, predictions, scale))
        calibration = bands.calibrate(residuals, scale, trained.architecture.outputs)
        bands.save(calibration, path)
        warn(bands.missing_levels(len(residuals)))
        tables = _left_out(residuals, scale, calibration.channels)
    else:
        try:
            calibration = bands.load(path)
        except (OSError, ValueError, KeyError) as error:
            warn([f"{path}: cannot be read ({first_line(error)}); predictions have no bands"])
            return None
    if not calibration.levels:
        return None
    tables += [
        _test_coverage(calibration, record, prediction)
        for record, prediction in zip(sets["test"], predictions["test"], strict=True)
    ]
    return Bands(calibration, pd.concat(tables, ignore_index=True) if tables else pd.DataFrame())


def _residuals(config, sets, predictions, scale) -> Iterator[bands.Residuals]:
    """Yields the residuals of each train and val record, with one record in memory at a time."""
    with np.load(config.network_folder / OUT_OF_FOLD_FILE, allow_pickle=False) as out_of_fold:
        for set_name in ("train", "val"):
            for record, prediction in zip(sets[set_name], predictions[set_name], strict=True):
                if record.name in out_of_fold:
                    spread = prediction[:, len(scale) :]
                    yield bands.residuals(record.targets, out_of_fold[record.name], spread, scale, record.name)


def _left_out(residuals: Sequence[bands.Residuals], scale: np.ndarray, channels: Sequence[str]) -> list[pd.DataFrame]:
    """Coverage of each record by bands from the other records, and from the other sea states if there are several."""
    names = [record.name for record in residuals]
    states = [name.rpartition("-")[0] for name in names]
    tables = [bands.left_out(residuals, names, scale, channels).assign(set="val")]
    if len(set(states)) > 1:
        by_state = bands.left_out(residuals, states, scale, channels)
        tables.append(by_state.assign(set="val, its sea state left out"))
    return [table for table in tables if "record" in table]


def _test_coverage(calibration: bands.Calibration, record: Record, prediction: np.ndarray) -> pd.DataFrame:
    outputs, spread = np.split(prediction, 2, axis=1)
    return bands.coverage(calibration, record.targets - outputs, spread).assign(set="test", record=record.name)


def save_report(config: Config, found: Bands | None) -> None:
    """Writes band_report.csv and prints its main results."""
    if found is None or found.by_record.empty:
        return
    table = bands.report(found.by_record)
    run_folder.note(config.output_folder, [REPORT_FILE])
    data_io.write_table(config.output_folder / REPORT_FILE, table)
    print(f"\nBands of {found.level} %, share of the steps covered: mean over the records, and worst record")
    for row in table[table["level"] == found.level].itertuples():
        print(
            f"{row.set}, {row.channel}: {100 * row.covered:.0f} %, {100 * row.worst_covered:.0f} % in "
            f"{row.worst_record}; half-width {row.half_width:.3g}"
        )
