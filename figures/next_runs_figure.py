"""The figure of the records proposed for the next LAMP runs."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from figures.style import GRAY, PAGE_WIDTH, SMALL_TEXT, PlotStyle, figure_legend, new_figure, panels, styled


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
def next_runs_figure(of: Factors, chosen: Sequence[Chosen], title: str, style: PlotStyle | None = None) -> Figure:
    """Where the chosen records lie among all candidates, with their ranks; without spread a panel less."""
    style = style or PlotStyle()
    named = {"Distance to the training windows [-]": of.distance, "Rarity of the predicted peaks [-]": of.rarity}
    has_spread = np.isfinite(of.spread).all()
    figure = new_figure(PAGE_WIDTH, 3.6, title)
    if has_spread:
        axes = panels(figure, 1, 2, sharey=True)[0]
        pairs = [(ax, label, values, of.spread) for ax, (label, values) in zip(axes, named.items(), strict=True)]
        axes[0].set_ylabel("Spread of the networks in the worst windows\n[standard deviations of LAMP]")
    else:
        axes = panels(figure, 1, 1)[0]
        label, other = named
        pairs = [(axes[0], label, named[label], named[other])]
        axes[0].set_ylabel(other)
    for ax, label, x, y in pairs:
        ax.scatter(x, y, s=10, color="0.75", linewidths=0)
        for drawn, marker, color in ((False, "o", style.lstm_color), (True, "s", style.lamp_color)):
            places = [each.place for each in chosen if each.drawn == drawn]
            face = "none" if drawn else color
            ax.scatter(x[places], y[places], s=28, marker=marker, facecolors=face, edgecolors=color, linewidths=1.1)
        for rank, each in enumerate(chosen, start=1):
            where = (x[each.place], y[each.place])
            ax.annotate(str(rank), where, (4, 3), textcoords="offset points", fontsize=SMALL_TEXT, color=GRAY)
        ax.set_xlabel(label)
        ax.margins(0.08)
    figure_legend(
        figure,
        [
            Line2D([], [], linestyle="", marker=".", color="0.75", label="candidate"),
            Line2D([], [], linestyle="", marker="o", color=style.lstm_color, label="chosen by its gain"),
            Line2D(
                [], [], linestyle="", marker="s", markerfacecolor="none", color=style.lamp_color, label="random draw"
            ),
        ],
    )
    return figure
