"""How much each setting of a sweep matters: the share of the errors' variance that its values account for."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import optuna
import pandas as pd
from optuna.importance import BaseImportanceEvaluator
from optuna.trial import FrozenTrial, TrialState

# Combinations beyond the number of effects. In simulated sweeps with effects of 9, 5 and 2 points and scatter with a
# standard deviation of 1 (or 2) points, nine of ten shares are within 0.1 (0.2) of the truth for 4, 0.14 (0.25) for 1.
# Below, scatter and effects cannot be told apart. Optuna's PED-ANOVA missed the shares by 0.1 to 0.4 even with 64.
FEWEST_SPARE = 4


def main_effects(values: Sequence[Mapping[str, object]], errors: np.ndarray) -> tuple[dict[str, float], int]:
    """Variance over the combinations that each setting accounts for by itself, and how many combinations are to spare.

    Effects of all values are fitted together by least squares, so that combinations drawn at random do as well.
    values: of each combination. errors: (combination,).
    """
    table = pd.DataFrame(values)
    indicators = {name: pd.get_dummies(table[name], dtype=float).to_numpy() for name in table}
    design = np.hstack([np.ones((len(values), 1)), *indicators.values()])
    weights, _, rank, _ = np.linalg.lstsq(design, errors, rcond=None)
    effects = np.split(weights[1:], np.cumsum([columns.shape[1] for columns in indicators.values()])[:-1])
    variances = {
        name: float(np.var(indicators[name] @ effect)) for name, effect in zip(indicators, effects, strict=True)
    }
    return variances, len(values) - int(rank)


def finished(study: optuna.Study) -> list[FrozenTrial]:
    """The members that have an error."""
    trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return [trial for trial in trials if trial.params and np.isfinite(trial.value)]


def spare(study: optuna.Study) -> int:
    """How many finished combinations are to spare beyond the number of effects; negative without any."""
    trials = finished(study)
    return main_effects([t.params for t in trials], np.array([t.value for t in trials]))[1] if trials else -1


class MainEffects(BaseImportanceEvaluator):
    """`main_effects` for Optuna's figure."""

    def evaluate(
        self, study: optuna.Study, params: list[str] | None = None, *, target: Callable | None = None
    ) -> dict[str, float]:
        trials = finished(study)
        variances, _ = main_effects([trial.params for trial in trials], np.array([trial.value for trial in trials]))
        return dict(sorted(variances.items(), key=lambda item: -item[1]))
