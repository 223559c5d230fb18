"""The figure that compares networks with SimpleCode, or another fast source, and each other."""

import textwrap
from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator

from figures import parts
from settings.channels import channel_of
from settings.description import high_name, low_name

MOST_COMPARED = 30  # networks in one figure
SIMPLE_COLOR = "tab:red"


@parts.styled
def comparison_figure(table: pd.DataFrame) -> Figure:
    """Networks against SimpleCode and each other: one panel per channel, one line per network, the best on top.

    table: from comparison.comparison_table, with columns set, rank (empty for SimpleCode), name, networks, channel,
    nrmse, nrmse_min, nrmse_max, left_out. The first MOST_COMPARED ranks are drawn.
    """
    ranked = list(dict.fromkeys(table.loc[table["rank"].notna(), "name"]))
    names = [*ranked[:MOST_COMPARED], *([low_name()] if table["rank"].isna().any() else [])]
    lines = {name: line for line, name in enumerate(names)}
    table = table[table["name"].isin(names)]
    channels = sorted(dict.fromkeys(table["channel"]), key=lambda channel: channel != "All")
    few = f", best {MOST_COMPARED} of {len(ranked)}" if MOST_COMPARED < len(ranked) else ""
    title = f"RMS error as a share of {high_name()}'s standard deviation, ranked on validation data{few}"
    figure = parts.new_figure(parts.row_width(len(channels) - 1), 1.5 + 0.2 * len(names), title)
    axes = parts.panels(figure, 1, len(channels), sharey=True)[0]
    left_out = set(", ".join(table["left_out"]).split(", "))
    for ax, channel in zip(axes, channels, strict=True):
        title = "Mean" if channel == "All" else textwrap.fill(channel_of(channel).label, 16)
        ax.set_title(f"{title}\n(negligible, not in the mean)" if channel in left_out else title)
        ax.set_xlabel("Error [%]")
        ax.grid(axis="y")
        _draw_channel(ax, table[table["channel"] == channel], lines)
    shortened = [name if len(name) <= 30 else f"{name[:20]}...{name[-8:]}" for name in names]
    axes[0].set_yticks(range(len(names)), shortened)
    axes[0].set_ylim(len(names) - 0.5, -0.5)
    parts.figure_legend(figure, _legend(table))
    return figure


def _draw_channel(ax: Axes, rows: pd.DataFrame, lines: Mapping[str, int]) -> None:
    """Draws one channel of the table. lines: the ordinate of each name."""
    values = 100 * rows[["nrmse", "nrmse_min", "nrmse_max"]].to_numpy()
    values[~(values > 0)] = np.nan  # the axis is logarithmic
    for (middle, low, high), row in zip(values, rows.itertuples(), strict=True):
        is_simple, is_test = pd.isna(row.rank), row.set == "test"
        color = SIMPLE_COLOR if is_simple else "black"
        line = lines[row.name] + (0.22 if is_test else 0.0)
        if row.networks > 1:
            ax.plot([low, high], [line, line], color=color, linewidth=1.0, marker="|", markersize=4)
        filling = {"markerfacecolor": "white" if is_test else color, "markeredgewidth": 0.8}
        size = 5.5 if is_test else 3.8
        ax.plot(middle, line, color=color, marker=parts.SET_MARKERS[row.set], markersize=size, **filling)
        if is_simple and not is_test and np.isfinite(middle):
            ax.axvline(middle, color=color, linestyle=parts.DOTTED, linewidth=0.9, zorder=0.5)
    numbers = values[np.isfinite(values)]
    if not numbers.size:
        parts.write_note(ax, "no numbers")
        return
    low, high = numbers.min() / 1.2, numbers.max() * 1.2
    parts.make_logarithmic(ax.xaxis, np.array([low, high]), most_ticks=3)
    ax.set_xlim(low, high)
    # Few labels, as the panels are narrow: by the largest high / low. LogLocator would label every tick below 2.
    few = {6: (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0), 15: (1.0, 2.0, 5.0), 100: (1.0, 3.0)}
    if high / low >= 2:
        ax.xaxis.set_major_locator(LogLocator(subs=next((few[most] for most in few if high / low < most), (1.0,))))


def _legend(table: pd.DataFrame) -> list[Line2D]:
    point = {"linestyle": "none", "color": "black", "markersize": 4.5}
    fillings = {"val": "black", "test": "white"}
    looks = {
        parts.SET_NAMES[name]: point | {"marker": parts.SET_MARKERS[name], "markerfacecolor": fillings[name]}
        for name in table["set"].unique()
    }
    if (table["networks"] > 1).any():
        looks["spread over seeds"] = {"color": "black", "linewidth": 1.0, "marker": "|", "markersize": 5}
    if table["rank"].isna().any():
        looks[low_name()] = {"color": SIMPLE_COLOR, "linestyle": parts.DOTTED, "linewidth": 1.5}
    return parts.legend_lines(looks)
