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


@dataclass(frozen=True)
class Factors:
    """(candidate,) each; spread: NaN without several networks."""

    spread: np.ndarray
    rarity: np.ndarray
    distance: np.ndarray


@dataclass(frozen=True)
class Choice:
    """A chosen record. place: among the candidates. drawn: at random.

    distance: also from the records chosen before. gain: 1 for a record of average factors. above: names of the factors
    that exceed the median of the candidates.
    """

    place: int
    drawn: bool
    distance: float
    gain: float
    above: tuple[str, ...]


def window_spread(time: np.ndarray, begins: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """(window, channel): root mean square over each window. spread: (rows, channel)."""
    sums = np.concatenate([np.zeros((1, spread.shape[1])), np.cumsum(spread**2, axis=0)])
    first, last = np.searchsorted(time, begins), np.searchsorted(time, begins + novelty.WINDOW)
    return np.sqrt((sums[last] - sums[first]) / (last - first)[:, None])


def spreads(candidates: Sequence[Candidate]) -> np.ndarray:
    """(candidate,): root mean square over the channels and the worst windows of each."""
    squares = (np.sort((each.spread**2).mean(axis=1))[-WORST_WINDOWS:].mean() for each in candidates)
    return np.sqrt(np.fromiter(squares, float, len(candidates)))


def rarities(peaks: np.ndarray) -> np.ndarray:
    """(candidate,): mean over the channels of -ln of the share of candidates with at least this peak.

    peaks: (candidate, channel).
    """
    return -np.log(rankdata(-peaks, axis=0) / len(peaks)).mean(axis=1)


def distances(candidates: Sequence[Candidate], windows: np.ndarray) -> np.ndarray:
    """(candidate,): mean over a candidate's windows of the distance to the nearest of `windows` (window, feature)."""
    return np.array([novelty.distances(windows, each.features).mean() for each in candidates])


def randomly_ranked(number: int) -> np.ndarray:
    """(number,): which ranks are drawn at random, spread evenly, so that the first few ranks hold their share too."""
    return np.diff(np.floor(np.arange(number + 1) * RANDOM_SHARE + 0.5)) > 0


def factors(candidates: Sequence[Candidate], training: np.ndarray) -> Factors:
    """training: (window, feature) windows of the training records, scaled."""
    peaks = np.stack([each.peaks for each in candidates])
    return Factors(spreads(candidates), rarities(peaks), distances(candidates, training))


def choose(
    candidates: Sequence[Candidate], of: Factors, number: int, rng: np.random.Generator, by: str = "spread"
) -> list[Choice]:
    """The records to run next, in the order of their rank.

    Those drawn at random are drawn first and from all candidates, so that nothing that is predicted of a record decides
    whether it is drawn; the others keep away from them.

    by: "spread" (all factors), "distance" (without the spread of the networks), or "random" (all at random).
    """
    number = min(number, len(candidates))
    is_random = np.full(number, True) if by == "random" else randomly_ranked(number)
    drawn = list(rng.permutation(len(candidates))[: is_random.sum()])
    merit = of.rarity * (of.spread if by != "distance" and np.isfinite(of.spread).all() else 1.0)
    usual = (merit * of.distance).mean() or 1.0
    near, left = of.distance, np.ones(len(candidates), bool)
    left[drawn] = False
    for place in drawn if by != "random" else ():
        near = np.minimum(near, distances(candidates, candidates[place].features))
    chosen = []
    for at_random in is_random:
        place = drawn.pop(0) if at_random else int(np.where(left, merit * near, -np.inf).argmax())
        left[place] = False
        own = (of.distance if at_random else near)[place]
        above = tuple(name for name, values in vars(of).items() if values[place] > np.median(values))
        chosen.append(Choice(int(place), bool(at_random), float(own), float(merit[place] * own / usual), above))
        if not at_random:
            near = np.minimum(near, distances(candidates, candidates[place].features))
    return chosen
