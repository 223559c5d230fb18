"""Figures that show how far data and predictions can be trusted."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from figures import parts
from settings import Plotting
from settings.channels import channel_of
from settings.description import high_name, in_use, low_name


@parts.styled
def bands_figure(by_record: pd.DataFrame, level: int, style: Plotting, title: str) -> Figure:
    """Whether the networks are apart where the errors are large: the root mean square error of each record against the
    one expected from the spread of the networks, in a panel for each channel.

    Of the test records, which measure the bands; without any, of those that they were calibrated on, and so called.

    by_record: columns set, record, channel, level, rmse, expected_rmse, see `bands.coverage`.
    """
    is_test = by_record["set"] == "test"
    rows = by_record[is_test if is_test.any() else by_record["set"] == by_record["set"].iloc[0]]
    rows = rows[rows["level"] == level]
    channels = list(dict.fromkeys(rows["channel"]))
    title = title if is_test.any() else f"{title}: {parts.CHECK}"
    figure = parts.new_figure(parts.row_width(len(channels)), 2.9, title)
    for ax, channel in zip(parts.panels(figure, 1, len(channels))[0], channels, strict=True):
        errors = rows.loc[rows["channel"] == channel, ["expected_rmse", "rmse"]].to_numpy()
        unit = channel_of(channel).unit
        ax.scatter(*errors.T, s=12, color=style.lstm_color, alpha=0.7)
        largest = 1.08 * np.nanmax(errors, initial=0.0) or 1.0
        ax.plot([0, largest], [0, largest], color="0.6", linewidth=0.8, zorder=1)
        ax.set(xlim=(0, largest), ylim=(0, largest), title=parts.wrapped(channel_of(channel).label, parts.NARROW))
        ax.set(xlabel=parts.wrapped(f"Expected RMS error [{unit}]", 18), ylabel=f"RMS error [{unit}]")
    return figure


@parts.styled
def pairs_figure(table: pd.DataFrame, channels: Sequence[str], style: Plotting, title: str) -> Figure:
    """The measures of all pairs of a run, in their order; those with something odd are crosses.

    table: a row for each pair, see `pair_checks.pair_table`.
    """
    named = {"fit": f"{high_name()} explained\nby {low_name()}", "wave_fit_lamp": f"Waves explained\nby {high_name()}"}
    for name in channels:
        named[f"correlation_{name}"] = f"{name}:\ncorrelation"
        named[f"ratio_{name}"] = f"{name}: deviation\nover {low_name()}'s"
    figure = parts.new_figure(parts.PAGE_WIDTH, 0.95 + 0.6 * len(named), title)
    axes = parts.panels(figure, len(named) // 2, 2, sharex=True)
    odd = (table["odd"] != "").to_numpy()
    order = np.arange(1, len(table) + 1)
    crosses = {"linestyle": "", "marker": "x", "color": style.simple_color, "markersize": 6}
    points = {"linestyle": "", "marker": "o", "color": style.lamp_color, "markersize": 3}
    median = {"color": "0.6", "linewidth": 0.8}
    for ax, (name, text) in zip(axes.flat, named.items(), strict=True):
        values = table[name].to_numpy()
        if np.isnan(values).all() and name == "wave_fit_lamp" and not in_use().is_ship:
            ax.set_axis_off()  # there are no waves
            continue
        ax.set_ylabel(parts.wrapped(text, 18), fontsize=parts.SMALL_TEXT)
        if np.isnan(values).all():
            parts.write_note(ax, "no numbers")
            continue
        ax.axhline(np.nanmedian(values), **median)
        ax.plot(order[~odd], values[~odd], **points)
        ax.plot(order[odd], values[odd], **crosses)
        low = min(np.nanmin(values), 0.0)
        ax.set_ylim(low - 0.1, max(np.nanmax(values), 1.0) * 1.1)
    axes[0, 0].xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True, min_n_ticks=1))
    for ax in axes[-1]:
        ax.set_xlabel("Pair, in the order of the lists")
    looks = ({} if odd.all() else {"sound": points}) | {"something is odd": crosses, "median": median}
    parts.figure_legend(figure, parts.legend_lines(looks))
    return figure
