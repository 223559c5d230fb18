"""Figures of the statistics of a fleet."""

import re

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from scipy import stats

from figures import parts
from figures.sea_state_figure import BLANK
from settings import Plotting
from settings.channels import channel_of

MEANS = {
    "mean_ssa": "Mean significant single amplitude",
    "mean_maximum": "Mean record maximum",
    "mean_period": "Mean zero-upcrossing period [s]",
}
MOST_NAMED_GROUPS = 8
FITS = {"Gumbel": (0, (5, 1, 1, 1)), "generalized extreme value": (0, (1, 1))}
MOST_NUMBERED_COLUMNS = 12  # of all maps together, so that the numbers have room
CORRECTED = "corrected fleet"
SOURCES = {"LAMP": "LAMP", "SimpleCode": "SimpleCode's fleet", "network": "network's fleet, not corrected"}


@parts.styled
def means_figure(table: pd.DataFrame, style: Plotting, title: str) -> Figure:
    """Means over each group of records with their intervals: from LAMP alone, SimpleCode's fleet, the corrected fleet.

    table: see `studies.fleet_tables.statistics`.
    """
    channels, groups = (list(dict.fromkeys(table[name])) for name in ("channel", "sea_state"))
    sources = {
        "LAMP alone": ("lamp", {"color": style.lamp_color, "marker": "o"}),
        "SimpleCode's fleet": ("simplecode", {"color": style.simple_color, "marker": "s"}),
        CORRECTED: ("", {"color": style.lstm_color, "marker": "D"}),
    }
    figure = parts.new_figure(parts.PAGE_WIDTH, 0.9 + 1.7 * len(channels) + 0.01 * len(groups), title)
    axes = parts.panels(figure, len(channels), len(MEANS), sharex=True)
    for of_channel, channel in zip(axes, channels, strict=True):
        for ax, statistic in zip(of_channel, MEANS, strict=True):
            rows = table[(table["channel"] == channel) & (table["statistic"] == statistic)].set_index("sea_state")
            places = np.array([groups.index(name) for name in rows.index])
            for shift, (prefix, looks) in zip((-0.2, 0.0, 0.2), sources.values(), strict=True):
                _draw_intervals(ax, places + shift, rows, prefix, looks)
            ax.set_xlim(-0.6, len(groups) - 0.4)
        of_channel[0].set_ylabel(parts.wrapped_label(channel))
    for ax, name in zip(axes[0], MEANS.values(), strict=True):
        ax.set_title(name)
    named = len(groups) <= MOST_NAMED_GROUPS
    # Handles in a few short lines, without a second wave system that is not there.
    short = [re.sub("_|, ", "\n", name.replace("_hh0_pp0_aa0", "")) for name in groups]
    names = short if named else [str(place + 1) for place in range(len(groups))]
    every = 1 if named else max(1, len(groups) // 10)
    for ax in axes[-1]:
        ax.set_xticks(range(0, len(groups), every), names[::every], fontsize=parts.SMALL_TEXT)
        ax.set_xlabel("" if named else "Sea state, in the order of the table")
    points = {"linestyle": "none", "markersize": 4}
    parts.figure_legend(figure, parts.legend_lines({name: looks | points for name, (_, looks) in sources.items()}))
    return figure


def _draw_intervals(ax: Axes, x: np.ndarray, rows: pd.DataFrame, prefix: str, looks: dict) -> None:
    names = (prefix or "estimate", f"{prefix}_lower".lstrip("_"), f"{prefix}_upper".lstrip("_"))
    middle, lower, upper = rows[[*names]].to_numpy(float).T
    bars = np.nan_to_num([middle - lower, upper - middle])
    ax.errorbar(x, middle, yerr=bars, markersize=3.5, linestyle="none", capsize=2, elinewidth=0.9, **looks)


@parts.styled
def exceedance_figure(curves: pd.DataFrame, table: pd.DataFrame, level: float, style: Plotting, title: str) -> Figure:
    """How likely the largest value of a record exceeds a level, for one group of records.

    Crosses mark the most probable maximum of the exposure with its interval. Fitted distributions and their intervals
    are drawn thin and gray, as they extrapolate.

    curves: see `studies.fleet_tables.curve_table`, with channel. table: the statistics of this group.
    """
    steps = {"drawstyle": "steps-post"}
    lines = {
        "probability": {"label": CORRECTED, "color": style.lstm_color, "linewidth": 1.5},
        "lamp": {"label": "LAMP alone", **parts.line_style("LAMP", style, thin=True), **steps},
        "simplecode": {"label": "SimpleCode's fleet", **parts.line_style("SimpleCode", style), **steps},
    }
    for name, dashes in FITS.items():
        lines[name] = {"label": f"{name} fit", "color": parts.GRAY, "linestyle": dashes, "linewidth": 0.8}
    interval = {"color": style.lstm_color, "alpha": 0.2}
    marker = {"color": style.lstm_color, "marker": "x", "linestyle": "none"}
    least = 0.5 / table["fleet_records"].max()  # below, there is nothing but fits
    by_channel = curves.groupby("channel", sort=False)
    figure = parts.new_figure(parts.PAGE_WIDTH, 3.1, title)
    axes = parts.panels(figure, 1, len(by_channel), sharey=True)[0]
    for ax, (channel, curve) in zip(axes, by_channel, strict=True):
        ax.fill_between(curve["level"], curve["lower"], curve["upper"], linewidth=0, **interval)
        for name, looks in lines.items():
            ax.plot(curve["level"], curve[name], **looks)
        for name, dashes in FITS.items():
            bounds = curve[[f"{name}_lower", f"{name}_upper"]]
            ax.plot(curve["level"], bounds, color=parts.GRAY, linestyle=dashes, linewidth=0.4)
        is_maximum = (table["channel"] == channel) & (table["statistic"] == "most_probable_maximum")
        for middle, lower, upper in table.loc[is_maximum, ["estimate", "lower", "upper"]].to_numpy(float):
            height = np.interp(middle, curve["level"], curve["probability"])
            bars = {"xerr": [[middle - lower], [upper - middle]], "capsize": 2, "elinewidth": 1.2, "zorder": 5}
            ax.errorbar([middle], [height], markersize=5, **bars, **marker)
        shown = curve[curve["upper"] > least]
        high = curve[curve["probability"] > 0.98]["level"]
        ax.set(yscale="log", ylim=(least, 1.3), xlabel=f"{channel_of(channel).label} [{channel_of(channel).unit}]")
        ax.set_xlim(high.max() if len(high) else None, 1.05 * shown["level"].max())
    axes[0].set_ylabel("Probability of exceedance in a record")
    corrected, *others = axes[0].lines[: len(lines)]
    maximum = parts.legend_lines({"most probable maximum": marker})
    parts.figure_legend(figure, [corrected, Patch(**interval, label=f"{100 * level:g} % interval"), *others, *maximum])
    return figure


@parts.styled
def limits_figure(table: pd.DataFrame, x: str, y: str, labels: tuple[str, str], title: str) -> Figure:
    """Maps of how likely a record exceeds the limits: a cell for each sea state, the interval in small print.

    table: rows "maximum_above" of the statistics, with columns x and y. labels: of the abscissa and the ordinate.
    """
    by_channel = table.groupby("channel", sort=False)
    x_values, y_values = np.unique(table[x]), np.unique(table[y])
    has_numbers = len(x_values) * len(by_channel) <= MOST_NUMBERED_COLUMNS
    width, height = min(parts.PAGE_WIDTH, 1.3 + 3.1 * len(by_channel)), 1.3 + 0.42 * max(len(y_values), 4)
    figure = parts.new_figure(width, height, title)
    axes = parts.panels(figure, 1, len(by_channel), sharex=True, sharey=True)[0]
    for ax, (channel, rows) in zip(axes, by_channel, strict=True):
        cells = rows.pivot(index=y, columns=x, values="estimate").reindex(index=y_values, columns=x_values).to_numpy()
        for row, column in np.argwhere(np.isnan(cells)):
            ax.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, **BLANK))
        edges = np.arange(len(x_values) + 1) - 0.5, np.arange(len(y_values) + 1) - 0.5
        colors = {"cmap": "YlOrRd", "vmin": 0, "vmax": 1, "edgecolors": "white", "linewidth": 0.4}
        mesh = ax.pcolormesh(*edges, np.ma.masked_invalid(cells), **colors)
        for row in rows.itertuples() if has_numbers else ():
            place = np.searchsorted(x_values, getattr(row, x)), np.searchsorted(y_values, getattr(row, y))
            numbers = f"{row.estimate:.2f}\n{row.lower:.2f} to {row.upper:.2f}"
            color = "white" if row.estimate > 0.6 else "black"
            ax.text(*place, numbers, ha="center", va="center", fontsize=parts.SMALL_TEXT - 1, color=color)
        threshold = rows["threshold"].iloc[0]
        ax.set_title(f"{channel_of(channel).label} above {threshold:g} {channel_of(channel).unit}")
        ax.set_xticks(range(len(x_values)), [f"{value:g}" for value in x_values])
        ax.set_yticks(range(len(y_values)), [f"{value:g}" for value in y_values])
        ax.set_xlabel(labels[0])
    axes[0].set_ylabel(labels[1])
    figure.colorbar(mesh, ax=list(axes), label="Probability in a record", aspect=25)
    return figure


@parts.styled
def peaks_figure(tails: pd.DataFrame, curves: pd.DataFrame, style: Plotting, title: str) -> Figure:
    """Peaks of the envelope in one group of records.

    Above, how many in an hour exceed a level, with the generalized Pareto tail of the network's fleet; below, the shape
    of the tail against the threshold, which should be level where the tail holds.

    tails, curves: see `studies.fleet_sources.peak_tables`.
    """
    by_channel = curves.groupby("channel", sort=False)
    figure = parts.new_figure(parts.PAGE_WIDTH, 4.6, title)
    axes = parts.panels(figure, 2, len(by_channel), sharex="col")
    for (above, below), (channel, of_channel) in zip(axes.T, by_channel, strict=True):
        of_tails = tails[tails["channel"] == channel]  # none where peaks are few
        for source, curve in of_channel.groupby("source", sort=False):
            line, tail = parts.line_style(source, style), of_tails[of_tails["source"] == source]
            above.plot(curve["level"], curve["per_hour"], **line)
            below.plot(tail["threshold"], tail["shape"], **line)
            bounds = tail["shape_lower"], tail["shape_upper"]
            below.fill_between(tail["threshold"], *bounds, color=line["color"], alpha=0.12)
            if source not in ("LAMP", "SimpleCode") and len(tail):
                _draw_tail(above, curve, tail.iloc[-1])
        above.set_yscale("log")
        below.axhline(0, color=parts.GRAY, linewidth=0.6)
        below.set(
            ylim=(-0.8, 0.5),
            xlim=(of_tails["threshold"].min() if len(of_tails) else None, None),
            xlabel=f"{channel_of(channel).label}, envelope [{channel_of(channel).unit}]",
        )
    axes[0, 0].set_ylabel("Peaks per hour above a level")
    axes[1, 0].set_ylabel("Shape of the tail\nabove a threshold")
    lines = {name: parts.line_style(source, style) for source, name in SOURCES.items()}
    lines["generalized Pareto tail"] = {"color": parts.GRAY, "linewidth": 0.9}
    parts.figure_legend(figure, parts.legend_lines(lines))
    return figure


def _draw_tail(ax: Axes, curve: pd.DataFrame, tail: pd.Series) -> None:
    """The generalized Pareto tail from its threshold to a fifth beyond the largest peak."""
    levels = np.linspace(tail["threshold"], 1.2 * curve["level"].max(), 50)
    rate = np.interp(tail["threshold"], curve["level"], curve["per_hour"])
    excess = stats.genpareto(tail["shape"], tail["threshold"], tail["scale"])
    rates = rate * excess.sf(levels)
    shown = rates > 0.1 * curve["per_hour"].min()
    ax.plot(levels[shown], rates[shown], color=parts.GRAY, linewidth=0.9, zorder=3)


@parts.styled
def spectra_figure(table: pd.DataFrame, style: Plotting, title: str) -> Figure:
    """One group of records: spectra with the band over the records, response amplitude operators, and coherence.

    table: see `studies.fleet_sources.spectra_table`.
    """
    by_channel = table.groupby("channel", sort=False)
    figure = parts.new_figure(parts.PAGE_WIDTH, 5.8, title)
    axes = parts.panels(figure, 3, len(by_channel), sharex=True)
    for (spectrum, response, coherence), (channel, of_channel) in zip(axes.T, by_channel, strict=True):
        for source, rows in of_channel.groupby("source", sort=False):
            line, x = parts.line_style(source, style), rows["frequency"]
            spectrum.fill_between(x, rows["lower"], rows["upper"], color=line["color"], alpha=0.12, linewidth=0)
            for ax, name in ((spectrum, "spectrum"), (response, "rao"), (coherence, "coherence")):
                ax.plot(x, rows[name], **line)
        unit = channel_of(channel).unit
        powered = {"m": "m² s", "deg": "deg² s"}.get(unit, f"({unit})² s")
        spectrum.set(title=channel_of(channel).label, ylabel=f"Spectrum [{powered}]", ylim=(0, None))
        response.set(ylabel=f"Response [{unit}/m]", ylim=(0, None))
        coherence.set(ylim=(0, 1.05), xlabel="Encounter frequency [rad/s]")
        highest = of_channel.groupby("source")["spectrum"].transform("max")
        shown = of_channel[of_channel["spectrum"] > 0.002 * highest]
        coherence.set_xlim(0, shown["frequency"].max())
    axes[2, 0].set_ylabel("Coherence with the wave")
    lines = {name: parts.line_style(source, style) for source, name in SOURCES.items()}
    parts.figure_legend(figure, parts.legend_lines(lines))
    return figure
