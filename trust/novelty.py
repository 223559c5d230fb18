"""Measures how unlike the training records a predicted record is: pure functions on arrays.

Every window of WINDOW s of a record has four features for each of SimpleCode's motions and the wave: standard
deviation, largest value (distance from the record's mean), steepness (largest slope) and rate (upward crossings of the
mean per second). The score of a window is its distance to the nearest training windows, the score of a record that of
its worst window. It is compared with the scores of the training records, each computed without its own windows: p = (1
+ number of them that are at least as large) / (n + 1), as in conformal outlier detection (S. Bates and others, Testing
for outliers with conformal p-values, Annals of Statistics 51, 2023).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

WINDOW = 60.0  # s
NEIGHBOURS = 3  # training windows whose mean distance counts
MOST_WINDOWS = 4000  # training windows that are kept
FEATURES = ("standard deviation", "largest value", "steepness", "rate")
FLAGGED = 0.1  # records with p up to this are flagged
FEWEST_FOR_P = 19  # with fewer training records p cannot be small, and the rank is shown instead


@dataclass(frozen=True)
class Known:
    """The windows of the training records.

    features: (window, feature), scaled. centre, scale: (feature,).
    low, high: (feature,) range in training, unscaled. scores: (record,) of the training records, each without its own
        windows.
    """

    features: np.ndarray
    centre: np.ndarray
    scale: np.ndarray
    low: np.ndarray
    high: np.ndarray
    scores: np.ndarray


def window_features(time: np.ndarray, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Begin (s) of each window, (window,), and its features, (window, channel * feature), channel by channel.

    Windows overlap by half; a short record is one window. inputs: (rows, channel).
    """
    rows, span = len(time), float(time[-1] - time[0])
    per_second = (rows - 1) / span if span > 0 else 1.0
    blocks = max(int(2 * rows / per_second / WINDOW), 2) if rows > 3 else 1  # a window has two blocks
    edges = np.linspace(0, rows, blocks + 1).round().astype(int)
    centred = inputs - inputs.mean(axis=0)
    slope = np.abs(np.diff(inputs, axis=0, append=inputs[-1:])) * per_second
    upward = np.diff(centred > 0, axis=0, append=centred[-1:] > 0) & (centred <= 0)

    def over_windows(join: np.ufunc, values: np.ndarray) -> np.ndarray:
        joined = join.reduceat(values, edges[:-1], axis=0)
        return join(joined[:-1], joined[1:]) if blocks > 1 else joined

    counts = over_windows(np.add, np.ones((rows, 1)))
    mean, square = (over_windows(np.add, values) / counts for values in (centred, centred**2))
    features = [
        np.sqrt(np.maximum(square - mean**2, 0)),
        over_windows(np.maximum, np.abs(centred)),
        over_windows(np.maximum, slope),
        over_windows(np.add, upward.astype(float)) / counts * per_second,
    ]
    return time[edges[: max(blocks - 1, 1)]], np.stack(features, axis=2).reshape(len(counts), -1)


def known(records: Sequence[np.ndarray]) -> Known:
    """The training windows from the features (window, feature) of each record, see `window_features`.

    Of very many windows every n-th is kept, to limit the time of predictions.
    """
    features = np.concatenate(records)
    record = np.repeat(np.arange(len(records)), [len(windows) for windows in records])
    centre, scale = features.mean(axis=0), features.std(axis=0)
    scale[~(scale > 1e-6 * np.abs(centre))] = 1.0  # constant in training, such as roll in head seas
    kept = slice(None, None, -(-len(features) // MOST_WINDOWS))
    scaled, owner = ((features - centre) / scale)[kept], record[kept]
    scores = [
        distances(scaled[owner != i], (windows - centre) / scale).max() if len(records) > 1 else 0.0
        for i, windows in enumerate(records)
    ]
    return Known(scaled, centre, scale, features.min(axis=0), features.max(axis=0), np.array(scores))


def distances(training: np.ndarray, windows: np.ndarray) -> np.ndarray:
    """(window,) mean distance to the nearest training windows."""
    squares = (windows**2).sum(axis=1)[:, None] + (training**2).sum(axis=1) - 2 * windows @ training.T
    near = min(NEIGHBOURS, len(training))
    return np.sqrt(np.maximum(np.partition(squares, near - 1, axis=1)[:, :near], 0)).mean(axis=1)


def judge(
    training: Known, begins: np.ndarray, features: np.ndarray, channels: Sequence[str]
) -> dict[str, bool | float | str]:
    """How unlike the training records a record is, from its windows (see `window_features`).
    Returns unlike (p is small or, with few training records, the score exceeds that of every one of them); score; p,
    NaN with few training records; more_unlike_than, their number; the worst window (s); its most extreme feature, with
    value and range in training.
    """
    scaled = (features - training.centre) / training.scale
    away = distances(training.features, scaled)
    worst = int(away.argmax())
    score, count = float(away[worst]), len(training.scores)
    rank = int((training.scores < score).sum())
    p = (1 + count - rank) / (count + 1) if count >= FEWEST_FOR_P else np.nan
    outside = np.maximum(features[worst] - training.high, training.low - features[worst]) / training.scale
    # If all features are within their ranges, their combination is rare: take the one farthest from the mean.
    furthest = int(outside.argmax() if outside.max() > 0 else np.abs(scaled[worst]).argmax())
    channel, feature = divmod(furthest, len(FEATURES))
    return {
        "unlike": p <= FLAGGED if count >= FEWEST_FOR_P else rank == count,
        "score": score,
        "p": p,
        "more_unlike_than": f"{rank} of {count}",
        "worst_from_s": float(begins[worst]),
        "worst_to_s": float(begins[worst] + WINDOW),
        "furthest_out": f"{FEATURES[feature]} of {channels[channel]}",
        "value": float(features[worst, furthest]),
        "training_low": float(training.low[furthest]),
        "training_high": float(training.high[furthest]),
    }
