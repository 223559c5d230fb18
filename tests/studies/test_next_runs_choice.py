"""Which records are chosen: by spread, rarity and distance, one after the other, and at random."""

import numpy as np
import pandas as pd
import pytest

from studies import next_runs_choice as choice
from studies.next_runs import choice_table
from studies.next_runs_choice import Candidate

BEGINS = np.array([0.0, 30.0, 60.0])


def candidate(name: str, place: float, spread: float = 0.1, peak: float = 3.0) -> Candidate:
    """All windows at one place, (place, 0), with the same spread in both channels."""
    features = np.tile([place, 0.0], (3, 1))
    return Candidate(name, BEGINS, features, np.full((3, 2), spread), np.array([peak, peak]))


def chosen(candidates, number: int, by: str = "spread", seed: int = 0) -> pd.DataFrame:
    of = choice.factors(candidates, np.zeros((4, 2)))
    return choice.choose(candidates, of, number, np.random.default_rng(seed), by)


@pytest.fixture
def without_random(monkeypatch):
    monkeypatch.setattr(choice, "RANDOM_SHARE", 0.0)


def test_the_spread_of_a_window_is_that_of_its_rows():
    time = np.arange(0, 120, 0.5)
    spread = np.stack([np.where(time < 60, 1.0, 3.0), np.zeros(240)], axis=1)
    found = choice.window_spread(time, np.array([0.0, 30.0, 60.0]), spread)
    np.testing.assert_allclose(found, [[1, 0], [np.sqrt(5), 0], [3, 0]])


def test_only_the_worst_windows_count():
    wide = Candidate("a", BEGINS, np.zeros((6, 2)), np.array([[0.0], [0.0], [0.0], [1.0], [2.0], [2.0]]), np.ones(1))
    assert choice.factors([wide], np.zeros((4, 2)))["spread"].tolist() == [pytest.approx(np.sqrt(3.0))]
    assert wide.worst == (4, 0)


def test_rarity_is_one_on_average_and_largest_for_the_largest_peak():
    def rarities(peaks: np.ndarray) -> np.ndarray:
        candidates = [Candidate("a", BEGINS, np.zeros((1, 2)), np.zeros((1, 2)), each) for each in peaks]
        return choice.factors(candidates, np.zeros((4, 2)))["rarity"].to_numpy()

    assert rarities(np.random.default_rng(0).normal(size=(2000, 2))).mean() == pytest.approx(1.0, abs=0.01)
    np.testing.assert_allclose(rarities(np.array([[1.0], [3.0], [2.0]])), -np.log([1.0, 1 / 3, 2 / 3]))


def test_each_factor_decides_where_the_others_are_equal(without_random):
    assert chosen([candidate("a", 1), candidate("b", -2)], 1).index == [1]
    assert chosen([candidate("a", 1, 0.2), candidate("b", -1)], 1).index == [0]
    unlike = [candidate("a", 1, 0.1, 3.0), candidate("b", -1, 0.1, 5.0), candidate("c", -1, 0.1, 2.0)]
    first = chosen(unlike, 1)
    assert first.index == [1] and first["gain"].item() > 1
    table = choice_table(first, unlike, choice.factors(unlike, np.zeros((4, 2))), ("Roll", "Pitch"))
    assert table["reason"].tolist() == ["rare peaks"]


def test_a_batch_does_not_take_the_same_twice(without_random):
    alike = [candidate("a", 3.0), candidate("b", 3.01), candidate("c", -1.5), candidate("d", 0.1)]
    assert chosen(alike, 3, by="distance").index[1] == 2


def test_random_records_are_drawn_whatever_is_predicted_of_them():
    candidates = [candidate(f"{n}", n / 10, spread=n) for n in range(40)]
    turned = [candidate(f"{n}", -n / 5, spread=40.0 - n) for n in range(40)]
    first, second = chosen(candidates, 10), chosen(turned, 10)
    drawn = [found.index[found["drawn"]].tolist() for found in (first, second)]
    assert drawn[0] == drawn[1] and len(drawn[0]) == 3
    assert first.index.is_unique and len(first) == 10
    assert first["drawn"].tolist() == choice.randomly_ranked(10).tolist()
    of = choice.factors(candidates, np.zeros((4, 2)))
    draws = [
        choice.choose(candidates, of, 1, np.random.default_rng(seed), "random").index.item() for seed in range(400)
    ]
    often = np.bincount(draws, minlength=40)
    assert often.min() > 0 and often.max() < 30


@pytest.mark.parametrize(("number", "drawn"), [(1, 0), (3, 1), (8, 2), (10, 3), (40, 12)])
def test_about_a_third_is_drawn_at_random_at_any_length(number, drawn):
    assert choice.randomly_ranked(number).sum() == drawn


def test_without_networks_to_compare_distance_decides(without_random):
    candidates = [candidate("a", 1, np.nan), candidate("b", 2, np.nan), candidate("c", -5, np.nan)]
    assert chosen(candidates, 9, "distance").index.tolist() == [2, 1, 0]
    assert len(chosen(candidates, 9, "random")) == 3
