"""How much each setting of a sweep matters: the share of the errors' variance that its values account for."""

from collections.abc import Mapping, Sequence

import numpy as np
import optuna
import pandas as pd
from matplotlib.figure import Figure
from optuna.trial import TrialState

from figures import parts

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


def of_study(study: optuna.Study) -> tuple[dict[str, float], int]:
    """The `main_effects` of the members that have an error; without any, none, and -1 to spare."""
    trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    trials = [trial for trial in trials if trial.params and np.isfinite(trial.value)]
    errors = np.array([trial.value for trial in trials])
    return main_effects([trial.params for trial in trials], errors) if trials else ({}, -1)


@parts.styled
def figure_of(variances: Mapping[str, float]) -> Figure:
    """The share of each setting, the largest on top. variances: see `main_effects`."""
    names, total = sorted(variances, key=variances.get), sum(variances.values()) or 1.0
    figure = parts.new_figure(4.5, 0.8 + 0.25 * len(names), "How much each setting matters")
    ((ax,),) = parts.panels(figure, 1)
    ax.barh(range(len(names)), [100 * variances[name] / total for name in names], color=parts.GRAY)
    ax.set_yticks(range(len(names)), names)
    ax.set(xlim=(0, 100), xlabel="Share of the errors' variance [%]")
    return figure
