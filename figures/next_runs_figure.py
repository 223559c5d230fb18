"""The figure of the records proposed for the next LAMP runs."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from matplotlib.figure import Figure

from figures.style import (
    GRAY,
    PAGE_WIDTH,
    SMALL_TEXT,
    PlotStyle,
    figure_legend,
    legend_lines,
    new_figure,
    panels,
    styled,
)


class Factors(Protocol):
    """(candidate,) each, see `studies.next_runs_choice`."""

    spread: np.ndarray
    rarity: np.ndarray
    distance: np.ndarray


class Chosen(Protocol):
    """A chosen record: its place among the candidates, and whether it was drawn at random."""

    place: int
    drawn: bool


@styled
def next_runs_figure(of: Factors, chosen: Sequence[Chosen], title: str) -> Figure:
    """Where the chosen records lie among all candidates, with their ranks; without spread a panel less."""
    style = PlotStyle()
    named = {"Distance to the training windows [-]": of.distance, "Rarity of the predicted peaks [-]": of.rarity}
    ordinate, y = "Spread of the networks in the worst windows\n[standard deviations of LAMP]", of.spread
    if not np.isfinite(y).all():
        ordinate, y = named.popitem()
    figure = new_figure(PAGE_WIDTH, 3.6, title)
    axes = panels(figure, 1, len(named), sharey=True)[0]
    axes[0].set_ylabel(ordinate)
    by_gain = {"marker": "o", "color": style.lstm_color}
    at_random = {"marker": "s", "color": style.lamp_color, "markerfacecolor": "none"}
    for ax, (label, x) in zip(axes, named.items(), strict=True):
        ax.scatter(x, y, s=10, color="0.75", linewidths=0)
        for drawn, looks in ((False, by_gain), (True, at_random)):
            places = [each.place for each in chosen if each.drawn == drawn]
            filling = {"edgecolors": looks["color"], "facecolors": looks.get("markerfacecolor", looks["color"])}
            ax.scatter(x[places], y[places], s=28, marker=looks["marker"], linewidths=1.1, **filling)
        for rank, each in enumerate(chosen, start=1):
            where = (x[each.place], y[each.place])
            ax.annotate(str(rank), where, (4, 3), textcoords="offset points", fontsize=SMALL_TEXT, color=GRAY)
        ax.set_xlabel(label)
        ax.margins(0.08)
    lines = {"candidate": {"marker": ".", "color": "0.75"}, "chosen by its gain": by_gain, "random draw": at_random}
    figure_legend(figure, legend_lines({label: looks | {"linestyle": ""} for label, looks in lines.items()}))
    return figure
