"""Measures how unlike the training records a predicted record is: pure functions on arrays.

Every window of WINDOW s of a record has four features for each of SimpleCode's motions and the wave: standard
deviation, largest value (distance from the record's mean), steepness (largest slope) and rate (upward crossings of the
mean per second). The score of a window is its distance to the nearest training windows, the score of a record that of
its worst window. It is compared with the scores of the training records, each computed without its own windows: p = (1
+ number of them that are at least as large) / (n + 1), as in conformal outlier detection (S. Bates and others, Testing
for outliers with conformal p-values, Annals of Statistics 51, 2023).

The longer a record, the larger the score of its worst window. So records of another length than those of the training
are compared in parts of equal length: P parts of the record with n parts of the training records. The j-th largest of
the P scores counts, j being the smallest for which a record can be flagged by chance in no more than the cases stated:
all n + P being exchangeable, p is the probability that of the b + j largest at least j are of the record, b being the
number of parts in training that are at least as large (hypergeometric). With P = 1 it is (1 + b) / (n + 1).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from settings.description import seconds, time_scale

WINDOW = 60.0  # s, see `description.seconds`
NEIGHBOURS = 3  # training windows whose mean distance counts
MOST_WINDOWS = 4000  # training windows that are kept
FEATURES = ("standard deviation", "largest value", "steepness", "rate")
FLAGGED = 0.1  # records with p up to this are flagged
FEWEST_FOR_P = 19  # with fewer training records p cannot be small, and the rank is shown instead
OUTSIDE_COLUMNS = ("furthest_out", "value", "training_low", "training_high")
NEGLIGIBLE = 0.01  # of the largest motion, such as roll in head seas: smaller differences between windows are noise
SAME_LENGTH = 0.15  # relative difference between parts that are compared
PARTS_OF_ONE = 4  # into which a single training record is cut, to be compared with itself


@dataclass(frozen=True)
class TrainingWindows:
    """The windows of the training records.

    features: (window, feature), scaled. centre, scale: (feature,).
    low, high: (feature,) range in training, unscaled. scores: (record,) of the training records, each without its own
        windows.
    away: (all windows,) of which the scores are the largest of each record, one record after the other; counts:
        (record,) how many each has.
    """

    features: np.ndarray
    centre: np.ndarray
    scale: np.ndarray
    low: np.ndarray
    high: np.ndarray
    scores: np.ndarray
    away: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(
        cls, records: Sequence[np.ndarray], kinds: Sequence[str] = (), sizes: float | Sequence[float] = 1.0
    ) -> "TrainingWindows":
        """From the features (window, feature) of each training record, see `window_features`.

        kinds: of each channel; channels of one kind have values of the same order, such as m and deg. By default, all.
        sizes: of each channel, by which its values are divided to be so.
        Of very many windows every n-th is kept, to limit the time of predictions.
        """
        if len(records) == 1:
            records = np.array_split(records[0], min(len(records[0]), PARTS_OF_ONE))
        features, counts = np.concatenate(records), np.array([len(windows) for windows in records])
        owner = np.repeat(np.arange(len(records)), counts)
        centre, scale = features.mean(axis=0), _feature_scale(features, kinds, sizes)
        kept = slice(None, None, -(-len(features) // MOST_WINDOWS))
        scaled, owner = ((features - centre) / scale)[kept], owner[kept]
        away = [
            # A single window has nothing to be compared with, and nothing is unlike it.
            distances(scaled[owner != i], (windows - centre) / scale) if len(records) > 1 else np.full(1, np.inf)
            for i, windows in enumerate(records)
        ]
        scores = np.array([of_windows.max() for of_windows in away])
        low, high = features.min(axis=0), features.max(axis=0)
        return cls(scaled, centre, scale, low, high, scores, np.concatenate(away), counts)

    def part_scores(self, windows: int) -> tuple[np.ndarray, int]:
        """Scores of the training records in parts about as long as those of a record of so many windows, and the number
        of parts of that record: the smallest that makes them alike.
        """
        shortest = self.counts.min()
        for parts in range(1, windows + 1):
            of_shortest = max(round(shortest * parts / windows), 1)
            if abs(np.log(windows / parts / (shortest / of_shortest))) < SAME_LENGTH:
                break
        records = np.split(self.away, np.cumsum(self.counts)[:-1])
        cut = [np.array_split(away, max(round(len(away) * parts / windows), 1)) for away in records]
        return np.array([part.max() for record in cut for part in record]), parts


def window_features(time: np.ndarray, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Begin (s) of each window, (window,), and its features, (window, channel * feature), channel by channel.

    Windows overlap by half; a short record is one window. inputs: (rows, channel).
    """
    rows, span = len(time), float(time[-1] - time[0])
    per_second = (rows - 1) / span if span > 0 else 1.0
    blocks = max(int(2 * rows / per_second / seconds(WINDOW)), 2) if rows > 3 else 1  # a window has two blocks
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


def window_text(begin: float, end: float) -> str:
    """From when to when (s) a window is, to the second at full scale."""
    digits = max(math.ceil(-math.log10(time_scale())), 0)
    return f"{begin:.{digits}f} to {end:.{digits}f} s"


def _feature_scale(features: np.ndarray, kinds: Sequence[str], sizes: float | Sequence[float]) -> np.ndarray:
    """(feature,): standard deviation over the windows, at least NEGLIGIBLE times the mean of the largest channel of the
    kind. Where a channel is negligible itself, so is the rate at which it crosses its mean.
    """
    by_channel = features.reshape(len(features), -1, len(FEATURES))
    rate = FEATURES.index("rate")
    sizes = np.where(np.arange(len(FEATURES)) == rate, 1.0, np.reshape(sizes, (-1, 1)))  # rates have no size
    size, scale = by_channel.mean(axis=0) / sizes, by_channel.std(axis=0)
    of_kind = np.array(list(kinds) or [""] * len(size))
    largest = np.stack([size[of_kind == kind].max(axis=0) for kind in of_kind])
    scale = np.maximum(scale, NEGLIGIBLE * largest * sizes)
    scale[size[:, 0] <= NEGLIGIBLE * largest[:, 0], rate] = 1.0 / seconds(1.0)  # 1/s: ten times that of a ship
    scale[scale == 0] = 1.0
    return scale.ravel()


def distances(training: np.ndarray, windows: np.ndarray) -> np.ndarray:
    """(window,) mean distance to the nearest training windows."""
    squares = (windows**2).sum(axis=1)[:, None] + (training**2).sum(axis=1) - 2 * windows @ training.T
    near = min(NEIGHBOURS, len(training))
    return np.sqrt(np.maximum(np.partition(squares, near - 1, axis=1)[:, :near], 0)).mean(axis=1)


def chance(parts: int, training: int, place: int, above: int) -> float:
    """The probability that of `above` + `place` largest of all parts at least `place` are the record's.

    parts, training: how many parts the record and the training have. All parts are exchangeable.
    """
    most = above + place
    choices = (math.comb(parts, k) * math.comb(training, most - k) for k in range(place, min(parts, most) + 1))
    return sum(choices) / math.comb(parts + training, most)


def judge(
    training: TrainingWindows, begins: np.ndarray, features: np.ndarray, channels: Sequence[str]
) -> dict[str, bool | float | str]:
    """How unlike the training records a record is, from its windows (see `window_features`).
    Returns unlike (p is small or, with few training records, the score exceeds that of every one of them); score; p,
    NaN with few training records; more_unlike_than, their number; the worst window (s); and see `_furthest_out`.
    """
    scaled = (features - training.centre) / training.scale
    away = distances(training.features, scaled)
    worst = int(away.argmax())
    known_scores, parts = training.part_scores(len(away))
    count = len(known_scores)
    scores = np.sort([part.max() for part in np.array_split(away, min(parts, len(away)))])[::-1]
    limit = max(FLAGGED, 1 / (count + 1))
    place = next((j for j in range(1, len(scores)) if chance(len(scores), count, j, 0) <= limit), len(scores))
    score = float(scores[place - 1])
    above = int((known_scores >= score).sum())
    p = chance(len(scores), count, place, above)
    unlike = p <= limit if count >= FEWEST_FOR_P else above == 0
    return {
        "unlike": unlike,
        "score": score,
        "p": p if count >= FEWEST_FOR_P else np.nan,
        "more_unlike_than": f"{count - above} of {count}",
        "worst_from_s": float(begins[worst]),
        "worst_to_s": float(begins[worst] + seconds(WINDOW)),
    } | _furthest_out(training, features[worst], channels, unlike)


def _furthest_out(
    training: TrainingWindows, window: np.ndarray, channels: Sequence[str], unlike: bool
) -> dict[str, float | str]:
    """What is unusual about a window (feature,): the feature furthest out of its range in training, with its value and
    this range. If all are within, it is their combination, named by the two that differ most from the nearest window in
    training; nothing of a record that is not unlike the training.
    """
    names = [f"{feature} of {channel}" for channel in channels for feature in FEATURES]
    outside = np.maximum(window - training.high, training.low - window) / training.scale
    furthest = int(outside.argmax())
    if outside[furthest] > 0:
        limits = (float(value[furthest]) for value in (window, training.low, training.high))
        return dict(zip(OUTSIDE_COLUMNS, (names[furthest], *limits), strict=True))
    differences = training.features - (window - training.centre) / training.scale
    nearest = np.abs(differences[(differences**2).sum(axis=1).argmin()])
    first, second = (names[place] for place in np.argsort(nearest)[:-3:-1])
    words = f"unusual combination of {first} and {second}" if unlike else ""
    return dict(zip(OUTSIDE_COLUMNS, (words, np.nan, np.nan, np.nan), strict=True))
