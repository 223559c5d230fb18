"""Prediction bands with calibrated coverage, calibrated over records: pure functions on arrays.

The steps of a record are not exchangeable, but the records of a sea state are. So all steps of a record together have
the weight of one record, and a future record has the same weight, with unknown errors (R. Dunn, L. Wasserman and A.
Ramdas, Distribution-free prediction sets for two-layer hierarchical models, 2022; for networks trained on different
records, arXiv 2306.06342). With record i of T_i steps,

    s_it = c |y_it - f_it| / (sigma_it + sigma_0)

where f_it is the prediction of networks that have not seen the record, sigma_it the standard deviation between the
networks at that step and sigma_0 a floor. The band of level 1 - alpha is mean of the networks +- q (sigma_it + sigma_0)
with q the smallest value for which

    sum_i sum_t 1{s_it <= q} / ((n + 1) T_i) >= 1 - alpha

It covers a share of 1 - alpha of the steps of a further record, averaged over records. With fewer than 1 / alpha - 1
records there is no such q. A band that contains a whole record uses the quantile of max_t s_it instead.

The mean of the networks is better than one of them: on the same records the mean square of its error is that of single
networks minus the variance between them. c is the square root of the ratio.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

LEVELS = (50, 80, 90, 95, 99)  # percent
CHOOSING_LEVEL = 90  # the floor is chosen at this level
FLOORS = np.geomspace(1e-4, 10, 16)  # candidates, in standard deviations of the channel
STEPS_KEPT = 2000  # per record, evenly spaced: enough for quantiles, and little memory for thousands of records


@dataclass(frozen=True)
class Residuals:
    """The residuals of a record for calibration.

    error: (step, channel), LAMP minus the out-of-fold prediction. spread: (step, channel), standard deviation between
        the networks. largest: (floor, channel), max_t |error| / (spread + floor) over all steps.
        name: the record's.
    """

    error: np.ndarray
    spread: np.ndarray
    largest: np.ndarray
    name: str = ""


@dataclass(frozen=True)
class Calibration:
    """Bands of the levels (percent) for which there are enough records.

    floor, better: (channel,), sigma_0 and c. factor, whole: (level, channel), q for steps and (without c) for whole
    records. constant: (level, channel), half-width of a band of constant width.
    """

    channels: tuple[str, ...]
    levels: tuple[int, ...]
    num_records: int
    floor: np.ndarray
    better: np.ndarray
    factor: np.ndarray
    whole: np.ndarray
    constant: np.ndarray

    def half_width(self, spread: np.ndarray, level: int, whole: bool = False) -> np.ndarray:
        """Half-width of the band (step, channel), given the spread of the networks (step, channel)."""
        factor = self.whole if whole else self.factor
        return factor[self.levels.index(level)] * (spread + self.floor)


def residuals(target: np.ndarray, prediction: np.ndarray, spread: np.ndarray, scale: np.ndarray, name: str = ""):
    """The residuals of one record.

    Args:
        target, prediction, spread: (step, channel). scale: (channel,) standard deviations of the channels.
    """
    error = np.abs(target - prediction)
    largest = np.stack([(error / (spread + floor)).max(axis=0) for floor in np.outer(FLOORS, scale)])
    kept = np.linspace(0, len(error) - 1, min(len(error), STEPS_KEPT)).round().astype(int)
    return Residuals(error[kept].astype(np.float32), spread[kept].astype(np.float32), largest, name)


def fewest_records(level: int) -> int:
    """The number of records that a level (percent) needs: 1 / alpha - 1."""
    return -(-level // (100 - level))


def quantile(records: Sequence[np.ndarray], level: float) -> float:
    """The smallest q such that the scores up to q have a weight of level percent, counting a further record.

    records: a (steps,) array of scores each; every record has weight 1 / (n + 1), and so has the further one, at
        infinity. Infinite if there are too few records.
    """
    scores = np.concatenate(records)
    weights = np.repeat([1 / ((len(records) + 1) * len(record)) for record in records], [len(r) for r in records])
    order = np.argsort(scores)
    reached = np.cumsum(weights[order]) >= level / 100 - 1e-9
    return float(scores[order][reached.argmax()]) if reached.any() else np.inf


def interval_score(error: np.ndarray, half_width: np.ndarray, level: float) -> float:
    """Mean width of a band plus a penalty outside, 2 / alpha times the distance from the band; smaller is better.

    T. Gneiting and A. Raftery, Strictly proper scoring rules, J. Am. Stat. Assoc. 102, 2007, eq. 43.
    """
    outside = np.maximum(np.abs(error) - half_width, 0)
    return float(np.mean(2 * half_width + 2 / (1 - level / 100) * outside))


def calibrate(records: Sequence[Residuals], scale: np.ndarray, channels: Sequence[str]) -> Calibration:
    """The bands of every level with enough records; none without records. scale: as for `residuals`."""
    levels = tuple(level for level in LEVELS if fewest_records(level) <= len(records))
    found = [_calibrate_channel(records, k, scale[k], levels) for k in range(len(channels) if levels else 0)]
    names = ("floor", "better", "factor", "whole", "constant")
    columns = {name: np.stack([each[name] for each in found], axis=-1) if found else np.empty((0, 0)) for name in names}
    return Calibration(tuple(channels), levels, len(records), **columns)


def _calibrate_channel(
    records: Sequence[Residuals], channel: int, scale: float, levels: Sequence[int]
) -> dict[str, float | np.ndarray]:
    errors = [record.error[:, channel] for record in records]
    spreads = [record.spread[:, channel] for record in records]
    single = np.mean([np.mean(error**2) for error in errors])
    between = np.mean([np.mean(spread**2) for spread in spreads])
    better = float(np.sqrt(max(1 - between / single, 0.1))) if single > 0 else 1.0
    errors = [better * error for error in errors]
    choosing = max(level for level in levels if level <= CHOOSING_LEVEL)

    def scored(floor: float) -> float:
        factor = quantile([e / (s + floor) for e, s in zip(errors, spreads, strict=True)], choosing)
        bands = [factor * (spread + floor) for spread in spreads]
        return np.mean([interval_score(e, b, choosing) for e, b in zip(errors, bands, strict=True)])

    place = int(np.argmin([scored(floor) for floor in FLOORS * scale]))
    floor = float(FLOORS[place] * scale)
    scores = [error / (spread + floor) for error, spread in zip(errors, spreads, strict=True)]
    # The largest error of the mean is not reduced by c, as it occurs where the networks agree by chance.
    largest = [record.largest[[place], channel] for record in records]
    return {
        "floor": floor,
        "better": better,
        "factor": np.array([quantile(scores, level) for level in levels]),
        "whole": np.array([quantile(largest, level) for level in levels]),
        "constant": np.array([quantile(errors, level) for level in levels]),
    }


# ---- coverage of the bands -----------------------------------------------------------------------------------------


def coverage(calibration: Calibration, error: np.ndarray, spread: np.ndarray) -> pd.DataFrame:
    """Coverage of one record by the bands: channel, level, covered, whole_covered, constant_covered (shares of 0 to 1),
    rmse, half_width, interval_score and constant_interval_score.

    error: (step, channel), LAMP minus the mean of the networks. spread: (step, channel).
    """
    error = np.abs(error)
    rows = []
    for place, level in enumerate(calibration.levels):
        band, whole = (calibration.half_width(spread, level, which) for which in (False, True))
        for k, channel in enumerate(calibration.channels):
            constant = np.full(len(error), calibration.constant[place, k])
            rows.append(
                {
                    "channel": channel,
                    "level": level,
                    "covered": np.mean(error[:, k] <= band[:, k]),
                    "whole_covered": float((error[:, k] <= whole[:, k]).all()),
                    "rmse": np.sqrt(np.mean(error[:, k] ** 2)),
                    "half_width": band[:, k].mean(),
                    "interval_score": interval_score(error[:, k], band[:, k], level),
                    "constant_covered": np.mean(error[:, k] <= constant),
                    "constant_interval_score": interval_score(error[:, k], constant, level),
                }
            )
    return pd.DataFrame(rows)


def report(by_record: pd.DataFrame) -> pd.DataFrame:
    """Summarizes the `coverage` of several records (with columns set and record) by set, channel and level.

    Every record has the same weight. worst_covered, worst_record: the smallest share covered, and its record.
    """
    rows = []
    for (set_name, channel, level), block in by_record.groupby(["set", "channel", "level"], sort=False):
        worst = block.loc[block["covered"].idxmin()]
        means = block.drop(columns=["set", "record", "channel", "level"]).mean()
        rows.append(
            {"set": set_name, "channel": channel, "level": level, "records": len(block)}
            | means.to_dict()
            | {"worst_covered": worst["covered"], "worst_record": worst["record"]}
        )
    return pd.DataFrame(rows)


def left_out(records: Sequence[Residuals], groups: Sequence[str], scale: np.ndarray, channels: Sequence[str]):
    """`coverage` of each record by bands from the records of the other groups, with a column record.

    groups: for each record the name of the group that is left out together: its own name, or its sea state. Out-of-fold
        errors are multiplied by `Calibration.better`, to represent those of the mean of the networks.
    """
    tables = []
    for group in dict.fromkeys(groups):
        others = [record for record, own in zip(records, groups, strict=True) if own != group]
        calibration = calibrate(others, scale, channels)
        for record, own in zip(records, groups, strict=True):
            if own == group and calibration.levels:
                table = coverage(calibration, record.error * calibration.better, record.spread)
                tables.append(table.assign(record=record.name))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


# ---- saved with the network ------------------------------------------------------------------------------------


def save(calibration: Calibration, path: Path) -> None:
    """Writes the calibration as readable JSON."""
    facts = {"records": calibration.num_records, "channels": {}}
    for k, channel in enumerate(calibration.channels if calibration.levels else ()):
        facts["channels"][channel] = {
            "floor": float(calibration.floor[k]),
            "mean_of_networks_over_one": float(calibration.better[k]),
            "levels": {
                str(level): {
                    "factor": float(calibration.factor[place, k]),
                    "factor_whole_record": float(calibration.whole[place, k]),
                    "constant_half_width": float(calibration.constant[place, k]),
                }
                for place, level in enumerate(calibration.levels)
            },
        }
    path.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def load(path: Path) -> Calibration:
    """Reads a calibration written by `save`. Raises OSError, ValueError or KeyError if it cannot be read."""
    facts: Mapping = json.loads(path.read_text(encoding="utf-8"))
    channels = facts["channels"]
    levels = tuple(int(level) for level in next(iter(channels.values()), {"levels": ()})["levels"])

    def table(name: str) -> np.ndarray:
        return np.array([[each["levels"][str(level)][name] for each in channels.values()] for level in levels])

    return Calibration(
        tuple(channels),
        levels,
        int(facts["records"]),
        np.array([each["floor"] for each in channels.values()]),
        np.array([each["mean_of_networks_over_one"] for each in channels.values()]),
        table("factor"),
        table("factor_whole_record"),
        table("constant_half_width"),
    )


def missing_levels(num_records: int) -> list[str]:
    """A line about the levels that cannot be calibrated, with the number of records needed; else none."""
    missing = [level for level in LEVELS if fewest_records(level) > num_records]
    if not missing:
        return []
    needed = ", ".join(f"{fewest_records(level)} for {level} %" for level in missing)
    return [f"bands: {num_records} LAMP records in train and val are too few for some levels; needed are {needed}"]
