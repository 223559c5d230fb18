"""Chooses the records on which the next LAMP runs are best spent: pure functions on arrays.

The gain of a record is the product of three factors, one after the other for a batch of records:

- spread: how far the networks are apart in the record's worst windows, in standard deviations of LAMP's motions;
- rarity: mean over the channels of -ln p, p being the share of the candidates whose predicted peak is at least as large
  (1 on average);
- distance: from the windows of the record to the nearest ones in training or in a record chosen before (see `novelty`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from trust import novelty

WORST_WINDOWS = 3  # whose spread counts
RANDOM_SHARE = 0.3  # of the records, drawn at random


@dataclass(frozen=True)
class Candidate:
    """A record that has SimpleCode alone.

    begins: (window,) s. features: (window, feature), scaled as in training. spread: (window, channel) root mean square
    deviation between the networks over each window; NaN without several networks. peaks: (channel,) predicted largest
    distance from the mean. Both in standard deviations of LAMP's motions in training.
    """

    name: str
    begins: np.ndarray
    features: np.ndarray
    spread: np.ndarray
    peaks: np.ndarray

    @property
    def worst(self) -> tuple[int, int]:
        """The window and the channel in which the networks are furthest apart."""
        window, channel = divmod(int(np.nan_to_num(self.spread).argmax()), self.spread.shape[1])
        return window, channel


def window_spread(time: np.ndarray, begins: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """(window, channel): root mean square over each window. spread: (rows, channel)."""
    sums = np.concatenate([np.zeros((1, spread.shape[1])), np.cumsum(spread**2, axis=0)])
    first, last = np.searchsorted(time, begins), np.searchsorted(time, begins + novelty.WINDOW)
    return np.sqrt((sums[last] - sums[first]) / (last - first)[:, None])


def distances(candidates: Sequence[Candidate], windows: np.ndarray) -> np.ndarray:
    """(candidate,): mean over a candidate's windows of the distance to the nearest of `windows` (window, feature)."""
    return np.array([novelty.distances(windows, each.features).mean() for each in candidates])


def factors(candidates: Sequence[Candidate], training: np.ndarray) -> pd.DataFrame:
    """Columns spread, rarity and distance, with a row for each candidate; spread: NaN without several networks.

    training: (window, feature) windows of the training records, scaled.
    """
    squares = [np.sort((each.spread**2).mean(axis=1))[-WORST_WINDOWS:].mean() for each in candidates]
    peaks = np.stack([each.peaks for each in candidates])
    shares = rankdata(-peaks, axis=0) / len(peaks)
    return pd.DataFrame(
        {
            "spread": np.sqrt(squares),
            "rarity": -np.log(shares).mean(axis=1),
            "distance": distances(candidates, training),
        }
    )


def randomly_ranked(number: int) -> np.ndarray:
    """(number,): which ranks are drawn at random, spread evenly, so that the first few ranks hold their share too."""
    return np.diff(np.floor(np.arange(number + 1) * RANDOM_SHARE + 0.5)) > 0


def choose(
    candidates: Sequence[Candidate], of: pd.DataFrame, number: int, rng: np.random.Generator, by: str = "spread"
) -> pd.DataFrame:
    """The records to run next, in the order of their rank.

    Those drawn at random are drawn first and from all candidates, so that nothing that is predicted of a record decides
    whether it is drawn; the others keep away from them.

    of: the candidates' `factors`.
    by: "spread" (all factors), "distance" (without the spread of the networks), or "random" (all at random).

    Returns:
        the factors of the chosen records, with the distance also from those chosen before; drawn (at random); gain (1
        for a record of average factors). The index is their place among the candidates.
    """
    number = min(number, len(candidates))
    is_random = np.full(number, True) if by == "random" else randomly_ranked(number)
    drawn = rng.permutation(len(candidates))[: is_random.sum()].tolist()
    spread, rarity, distance = of[["spread", "rarity", "distance"]].to_numpy().T
    merit = rarity * (spread if by != "distance" and np.isfinite(spread).all() else 1.0)
    usual = (merit * distance).mean() or 1.0
    near, left = distance, np.ones(len(candidates), bool)
    left[drawn] = False
    for place in drawn if by != "random" else ():
        near = np.minimum(near, distances(candidates, candidates[place].features))
    places, away = [], []
    for at_random in is_random:
        place = drawn.pop(0) if at_random else int(np.where(left, merit * near, -np.inf).argmax())
        left[place] = False
        places.append(place)
        away.append((distance if at_random else near)[place])
        if not at_random:
            near = np.minimum(near, distances(candidates, candidates[place].features))
    return of.loc[places].assign(distance=away, drawn=is_random, gain=merit[places] * away / usual)
