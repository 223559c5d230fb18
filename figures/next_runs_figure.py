"""The figure of the records proposed for the next runs of LAMP, or another accurate source."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from figures import parts
from settings import Plotting
from settings.description import high_name

LABELS = {
    "distance": "Distance from the training records",
    "rarity": "Rarity of the predicted peaks (average: 1)",
    "spread": "Spread of the networks in the worst windows,\nin standard deviations of {}",  # the accurate source
}


@parts.styled
def next_runs_figure(all_factors: pd.DataFrame, choice: pd.DataFrame, title: str) -> Figure:
    """Where the chosen records lie among all candidates, with their ranks; without spread a panel less.

    all_factors: LABELS of each candidate. choice: in the order of the ranks, with column drawn (at random); the index
    is the place among the candidates.
    """
    style = Plotting()
    *abscissae, y = LABELS if np.isfinite(all_factors["spread"]).all() else ("distance", "rarity")
    figure = parts.new_figure(parts.PAGE_WIDTH, 3.6, title)
    axes = parts.panels(figure, 1, len(abscissae), sharey=True)[0]
    axes[0].set_ylabel(parts.wrapped(LABELS[y].format(high_name()), 45))
    by_gain = {"marker": "o", "color": style.lstm_color}
    at_random = {"marker": "s", "color": style.lamp_color, "markerfacecolor": "none"}
    for ax, x in zip(axes, abscissae, strict=True):
        ax.scatter(all_factors[x], all_factors[y], s=10, color="0.75", linewidths=0)
        for drawn, looks in ((False, by_gain), (True, at_random)):
            points = all_factors.loc[choice.index[choice["drawn"] == drawn]]
            filling = {"edgecolors": looks["color"], "facecolors": looks.get("markerfacecolor", looks["color"])}
            ax.scatter(points[x], points[y], s=28, marker=looks["marker"], linewidths=1.1, **filling)
        for rank, point in enumerate(all_factors.loc[choice.index, [x, y]].to_numpy(), start=1):
            beside = {"xytext": (4, 3), "textcoords": "offset points"}
            ax.annotate(str(rank), point, **beside, fontsize=parts.SMALL_TEXT, color=parts.GRAY)
        ax.set_xlabel(parts.wrapped(LABELS[x].format(high_name()), 45))
        ax.margins(0.08)
    looks = {"candidate": {"marker": ".", "color": "0.75"}}
    looks |= {} if choice["drawn"].all() else {"chosen by its gain": by_gain}
    looks |= {"drawn at random": at_random} if choice["drawn"].any() else {}
    lines = parts.legend_lines({label: look | {"linestyle": ""} for label, look in looks.items()})
    parts.figure_legend(figure, lines)
    return figure
