"""The figure of the records proposed for the next LAMP runs."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from matplotlib.figure import Figure

from figures import parts
from settings import Plotting


class Factors(Protocol):
    """(candidate,) each, see `studies.next_runs_choice`."""

    spread: np.ndarray
    rarity: np.ndarray
    distance: np.ndarray


class Chosen(Protocol):
    """A chosen record: its place among the candidates, and whether it was drawn at random."""

    place: int
    drawn: bool


@parts.styled
def next_runs_figure(of: Factors, chosen: Sequence[Chosen], title: str) -> Figure:
    """Where the chosen records lie among all candidates, with their ranks; without spread a panel less."""
    style = Plotting()
    named = {"Distance to the training windows [-]": of.distance, "Rarity of the predicted peaks [-]": of.rarity}
    ordinate, y = "Spread of the networks in the worst windows\n[standard deviations of LAMP]", of.spread
    if not np.isfinite(y).all():
        ordinate, y = named.popitem()
    figure = parts.new_figure(parts.PAGE_WIDTH, 3.6, title)
    axes = parts.panels(figure, 1, len(named), sharey=True)[0]
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
            where, beside = (x[each.place], y[each.place]), {"xytext": (4, 3), "textcoords": "offset points"}
            ax.annotate(str(rank), where, **beside, fontsize=parts.SMALL_TEXT, color=parts.GRAY)
        ax.set_xlabel(label)
        ax.margins(0.08)
    looks = {"candidate": {"marker": ".", "color": "0.75"}, "chosen by its gain": by_gain, "random draw": at_random}
    lines = parts.legend_lines({label: own | {"linestyle": ""} for label, own in looks.items()})
    parts.figure_legend(figure, lines)
    return figure
