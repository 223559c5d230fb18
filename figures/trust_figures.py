"""Figures that show how far data and predictions can be trusted."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from figures import parts
from settings import Plotting
from settings.channels import channel_of


@parts.styled
def bands_figure(by_record: pd.DataFrame, level: int, style: Plotting, title: str) -> Figure:
    """Whether bands cover what they say, and whether the networks are apart where the errors are large.

    Left, for each channel: the share of steps covered against the nominal level, a thin line for each record and the
    mean. Right: each record's root mean square error against the one expected from the spread of the networks.

    Of the test records, which measure the bands; without any, of those that they were calibrated on, and so called.

    by_record: columns set, record, channel, level, covered, rmse, expected_rmse, see `bands.coverage`.
    """
    is_test = by_record["set"] == "test"
    by_record = by_record[is_test if is_test.any() else by_record["set"] == by_record["set"].iloc[0]]
    channels = list(dict.fromkeys(by_record["channel"]))
    figure = parts.new_figure(parts.PAGE_WIDTH, 0.95 + 2.0 * len(channels), title)
    axes = parts.panels(figure, len(channels), 2)
    ideal = {"color": "0.6", "linewidth": 0.8}
    single = {"color": style.lstm_color, "linewidth": 0.5}
    mean = {"color": style.lamp_color, "linewidth": 1.5, "marker": "o"}
    for (reliability, sharpness), channel in zip(axes, channels, strict=True):
        rows = by_record[by_record["channel"] == channel]
        shares = rows.pivot_table(index="level", columns=["set", "record"], values="covered") * 100
        levels = shares.index.to_numpy()
        reliability.plot(levels, levels, zorder=1, **ideal)
        reliability.plot(levels, shares, alpha=0.5, **single)
        reliability.plot(levels, shares.mean(axis=1), **mean)
        reliability.set(xticks=levels, ylabel=f"{channel}: covered [%]")
        errors = rows[rows["level"] == level]
        sharpness.scatter(errors["expected_rmse"], errors["rmse"], s=12, color=style.lstm_color, alpha=0.7)
        largest = 1.08 * np.nanmax(errors[["expected_rmse", "rmse"]].to_numpy(), initial=0.0) or 1.0
        sharpness.plot([0, largest], [0, largest], zorder=1, **ideal)
        unit = channel_of(channel).unit
        sharpness.set(xlim=(0, largest), ylim=(0, largest))
        sharpness.set(xlabel=f"Expected RMS error [{unit}]", ylabel=f"{channel}: RMS error [{unit}]")
    checked = "" if is_test.any() else f":\n{parts.CHECK}"
    axes[0, 0].set_title(f"Steps within the band{checked}")
    axes[0, 1].set_title("Error of each record, actual and expected")
    axes[-1, 0].set_xlabel("Level of the band [%]")
    lines = {"each record": single | {"marker": "o", "markersize": 3}, "mean over the records": mean}
    parts.figure_legend(figure, parts.legend_lines(lines | {"ideal": ideal}))
    return figure


@parts.styled
def pairs_figure(table: pd.DataFrame, channels: Sequence[str], style: Plotting, title: str) -> Figure:
    """The measures of all pairs of a run, in their order; those with something odd are crosses.

    table: a row for each pair, see `pair_checks.pair_table`.
    """
    named = {"fit": "LAMP explained\nby SimpleCode", "wave_fit_lamp": "Waves explained\nby LAMP"}
    for name in channels:
        named[f"correlation_{name}"] = f"{name}:\ncorrelation"
        named[f"ratio_{name}"] = f"{name}: deviation\nover SimpleCode's"
    figure = parts.new_figure(parts.PAGE_WIDTH, 0.95 + 0.6 * len(named), title)
    axes = parts.panels(figure, len(named) // 2, 2, sharex=True)
    odd = (table["odd"] != "").to_numpy()
    order = np.arange(1, len(table) + 1)
    crosses = {"linestyle": "", "marker": "x", "color": style.simple_color, "markersize": 6}
    points = {"linestyle": "", "marker": "o", "color": style.lamp_color, "markersize": 3}
    median = {"color": "0.6", "linewidth": 0.8}
    for ax, (name, text) in zip(axes.flat, named.items(), strict=True):
        ax.set_ylabel(text, fontsize=parts.SMALL_TEXT)
        values = table[name].to_numpy()
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
    parts.figure_legend(figure, parts.legend_lines({"sound": points, "something is odd": crosses, "median": median}))
    return figure
