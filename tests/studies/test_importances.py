"""How much each setting of a sweep matters, against known effects."""

import itertools

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution
from optuna.trial import create_trial

from studies import importances


def combinations(*sizes: int) -> list[dict[str, int]]:
    return [{f"x{i}": value for i, value in enumerate(each)} for each in itertools.product(*map(range, sizes))]


def errors_of(values: list[dict[str, int]], effects: list[list[float]], scatter: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(1)
    return np.array([30 + sum(effects[i][v] for i, v in enumerate(c.values())) for c in values]) + scatter * rng.normal(
        size=len(values)
    )


def test_the_shares_are_those_of_known_effects():
    values = combinations(3, 3, 2)
    effects = [[9.0, 0.0, 0.0], [0.0, 5.0, 0.0], [0.0, 1.0]]
    variances, spare = importances.main_effects(values, errors_of(values, effects))
    assert spare == 18 - (1 + 2 + 2 + 1)
    np.testing.assert_allclose(list(variances.values()), [18.0, 25 * 2 / 9, 0.25])
    chosen = np.random.default_rng(2).permutation(18)[:12]  # drawn at random
    some, spare = importances.main_effects([values[i] for i in chosen], errors_of(values, effects)[chosen])
    assert spare == 6 and [*some] == ["x0", "x1", "x2"]
    shares = np.array(list(some.values())) / sum(some.values())
    np.testing.assert_allclose(shares, np.array([18.0, 25 * 2 / 9, 0.25]) / 23.8056, atol=0.12)


def test_shares_under_scatter_are_near_the_truth_from_the_fewest_combinations_on():
    rng, misses = np.random.default_rng(3), []
    for _ in range(200):
        values = combinations(2, 2, 2)
        errors = errors_of(values, [[0, 9.0], [0, 5.0], [0, 2.0]]) + rng.normal(size=8)
        variances, spare = importances.main_effects(values, errors)
        assert spare == importances.FEWEST_SPARE
        misses.append(
            np.abs(np.array(list(variances.values())) / sum(variances.values()) - np.array([81, 25, 4]) / 110)
        )
    assert np.quantile(np.max(misses, axis=1), 0.9) < 0.12


@pytest.mark.parametrize(("values", "spare"), [([1.0, 2.0, 3.0, 4.0], 1), ([1.0, np.inf], 0), ([], -1)])
def test_few_combinations_have_none_to_spare(values, spare):
    study = optuna.create_study()
    kinds = {name: CategoricalDistribution([0, 1]) for name in ("x0", "x1")}
    for params, value in zip(combinations(2, 2), values, strict=False):
        study.add_trial(create_trial(params=params, distributions=kinds, value=value))
    assert importances.of_study(study)[1] == spare
