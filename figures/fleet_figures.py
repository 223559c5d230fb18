"""Figures of the statistics of a fleet."""

import re

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from figures import parts
from figures.sea_state_figure import BLANK
from readers.sea_state_handles import short_name
from settings import Plotting
from settings.channels import WAVE, channel_of
from settings.description import high_name, in_use, low_name

MEANS = {
    "mean_ssa": "Mean significant single amplitude",
    "mean_maximum": "Mean largest value of a record",
    "mean_period": "Mean zero-upcrossing period [s]",
}
MOST_NAMED_GROUPS = 8
MOST_NUMBERED_COLUMNS = 12  # of all maps together, so that the numbers have room
CORRECTED = "corrected fleet"
MOST_IN_A_ROW = 4  # panels


@parts.styled
def means_figure(table: pd.DataFrame, style: Plotting, title: str) -> Figure:
    """Means over each group of records with their intervals: from LAMP alone, SimpleCode's fleet, the corrected fleet.

    table: see `studies.fleet_tables.statistics`.
    """
    channels, groups = (list(dict.fromkeys(table[name])) for name in ("channel", "sea_state"))
    sources = {
        f"{high_name()} alone": ("lamp", {"color": style.lamp_color, "marker": "o"}),
        f"{low_name()}'s fleet": ("simplecode", {"color": style.simple_color, "marker": "s"}),
        CORRECTED: ("", {"color": style.lstm_color, "marker": "D"}),
    }
    figure = parts.new_figure(parts.PAGE_WIDTH, 0.9 + 1.7 * len(channels) + 0.01 * len(groups), title)
    axes = parts.panels(figure, len(channels), len(MEANS), sharex=True)
    for of_channel, channel in zip(axes, channels, strict=True):
        for ax, statistic in zip(of_channel, MEANS, strict=True):
            rows = table[(table["channel"] == channel) & (table["statistic"] == statistic)].set_index("sea_state")
            for side, of_side in rows.groupby("side"):
                places = np.array([groups.index(name) for name in of_side.index])
                for shift, (prefix, looks) in zip((-0.2, 0.0, 0.2), sources.values(), strict=True):
                    _draw_intervals(ax, places + shift, of_side, prefix, looks, -1 if side == "negative" else 1)
            ax.set_xlim(-0.6, len(groups) - 0.4)
        of_channel[0].set_ylabel(parts.wrapped_label(channel))
    for ax, name in zip(axes[0], MEANS.values(), strict=True):
        ax.set_title(parts.wrapped(name, parts.NARROW))
    named = len(groups) <= MOST_NAMED_GROUPS
    # Handles in a few short lines.
    short = [re.sub("_|, ", "\n", short_name(name)) for name in groups]
    names = short if named else [str(place + 1) for place in range(len(groups))]
    every = 1 if named else max(1, len(groups) // 10)
    for ax in axes[-1]:
        ax.set_xticks(range(0, len(groups), every), names[::every], fontsize=parts.SMALL_TEXT)
        ax.set_xlabel("" if named else f"{'Sea state' if in_use().is_ship else 'Group'}, in the order of the table")
    points = {"linestyle": "none", "markersize": 4}
    parts.figure_legend(figure, parts.legend_lines({name: looks | points for name, (_, looks) in sources.items()}))
    return figure


def _draw_intervals(ax: Axes, x: np.ndarray, rows: pd.DataFrame, prefix: str, looks: dict, sign: int) -> None:
    names = (prefix or "estimate", f"{prefix}_lower".lstrip("_"), f"{prefix}_upper".lstrip("_"))
    middle, lower, upper = rows[[*names]].to_numpy(float).T
    bars = np.nan_to_num([middle - lower, upper - middle])[::sign]
    ax.errorbar(x, sign * middle, yerr=bars, markersize=3, linestyle="none", elinewidth=1.2, **looks)


@parts.styled
def exceedance_figure(curves: pd.DataFrame, table: pd.DataFrame, level: float, style: Plotting, title: str) -> Figure:
    """How likely the largest value of a record exceeds a level, for one group of records; as far as records reach.

    Crosses mark the most probable maximum of the exposure with its interval, unless it is extrapolated.

    curves: see `studies.fleet_tables.curve_table`, with channel and side. table: the statistics of this group.
    """
    steps = {"drawstyle": "steps-post"}
    lines = {
        "probability": {"label": CORRECTED, "color": style.lstm_color, "linewidth": 1.5},
        "lamp": {"label": f"{high_name()} alone", **parts.line_style(high_name(), style, thin=True), **steps},
        "simplecode": {"label": f"{low_name()}'s fleet", **parts.line_style(low_name(), style), **steps},
    }
    interval = {"color": style.lstm_color, "alpha": 0.2, "linewidth": 0, "label": f"{100 * level:g} % interval"}
    least = 1 / table["fleet_records"].max()  # below, the curves are no more than residuals
    by_side = curves.groupby(["channel", "side"], sort=False)
    figure, axes = _row_of_panels(len(by_side), title)
    drawn = {}
    for ax, ((channel, side), curve) in zip(axes, by_side, strict=True):
        certain = curve["level"][~(curve[list(lines)] <= 0.98).any(axis=1)].max()
        curve = curve[(curve[list(lines)].max(axis=1) >= least) & ~(curve["level"] < certain)].set_index("level")
        for name, looks in lines.items():
            shown = curve[name][curve[name] >= (least if name == "probability" else 1e-9)]
            drawn |= dict.fromkeys([name] * bool(len(shown)), ax.plot(shown, **looks)[0])
            if name == "probability":
                band = curve.loc[shown.index, ["lower", "upper"]].clip(lower=0.1 * least)
                drawn["interval"] = ax.fill_between(shown.index, *band.to_numpy().T, **interval)
        is_maximum = (table["channel"] == channel) & (table["side"] == side)
        is_maximum &= (table["statistic"] == "most_probable_maximum") & ~table["method"].str.contains("extrapolated")
        for middle, lower, upper in table.loc[is_maximum, ["estimate", "lower", "upper"]].to_numpy(float):
            height, ends = np.interp(middle, curve.index, curve["probability"]), [[middle - lower], [upper - middle]]
            marker = {"color": style.lstm_color, "marker": "x", "linestyle": "none", "label": "most probable maximum"}
            drawn["maximum"] = ax.errorbar([middle], [height], xerr=ends, elinewidth=1.2, zorder=5, **marker)
        ax.set(yscale="log", ylim=(0.5 * least, 1.3), xlabel=parts.wrapped_label(channel, side))
    for ax in {ax.get_subplotspec().rowspan.start: ax for ax in axes[::-1]}.values():
        ax.set_ylabel("Probability of exceedance\nin a record")
    parts.figure_legend(figure, list(drawn.values()))
    return figure


def _row_of_panels(count: int, title: str) -> tuple[Figure, np.ndarray]:
    """A figure with so many panels, in rows of at most MOST_IN_A_ROW."""
    rows = -(-count // MOST_IN_A_ROW)
    columns = -(-count // rows)
    figure = parts.new_figure(parts.PAGE_WIDTH, 0.5 + 2.6 * rows, title)
    axes = parts.panels(figure, rows, columns, sharey=True).ravel()
    for ax in axes[count:]:
        ax.remove()
    return figure, axes[:count]


@parts.styled
def limits_figure(table: pd.DataFrame, x: str, y: str, labels: tuple[str, str], title: str) -> Figure:
    """Maps of how likely a record exceeds the limits: a cell for each sea state, the interval in small print.

    table: rows "maximum_above" of the statistics, with columns x and y. labels: of the abscissa and the ordinate.
    """
    by_side = table.groupby(["channel", "side"], sort=False)
    x_values, y_values = np.unique(table[x]), np.unique(table[y])
    has_numbers = len(x_values) * len(by_side) <= MOST_NUMBERED_COLUMNS
    width, height = min(parts.row_width(len(by_side)), 1.3 + 3.1 * len(by_side)), 1.3 + 0.42 * max(len(y_values), 4)
    figure = parts.new_figure(width, height, title)
    axes = parts.panels(figure, 1, len(by_side), sharex=True, sharey=True)[0]
    for ax, ((channel, side), rows) in zip(axes, by_side, strict=True):
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
        label = parts.wrapped(f"{channel_of(channel).label}{side and ', '}{side}", parts.NARROW)
        ax.set_title(f"{label}\nabove {threshold:g} {channel_of(channel).unit}")
        ax.set_xticks(range(len(x_values)), [f"{value:g}" for value in x_values])
        ax.set_yticks(range(len(y_values)), [f"{value:g}" for value in y_values])
        ax.set_xlabel(labels[0])
    axes[0].set_ylabel(labels[1])
    figure.colorbar(mesh, ax=list(axes), label="Probability in a record", aspect=25)
    return figure


@parts.styled
def amplitudes_figure(table: pd.DataFrame, style: Plotting, title: str) -> Figure:
    """How many single amplitudes an hour exceed a level in one group of records, and where LAMP's motion is near
    Gaussian, Rayleigh's distribution.

    table: see `studies.fleet_sources.amplitude_table`.
    """
    by_channel = table.groupby("channel", sort=False)
    figure, axes = _row_of_panels(len(by_channel), title)
    drawn = {}
    for ax, (channel, of_channel) in zip(axes, by_channel, strict=True):
        for source, rows in of_channel.groupby("source", sort=False):
            drawn[source] = parts.line_style(source, style)
            ax.plot(rows["level"], rows["per_hour"], **drawn[source])
            if source == high_name() and rows["rayleigh"].notna().any():
                drawn["Rayleigh's distribution"] = parts.RAYLEIGH
                ax.plot(rows["level"], rows["rayleigh"], **parts.RAYLEIGH)
        least, most = of_channel["per_hour"].min(), of_channel["per_hour"].max()
        ax.set(yscale="log", ylim=(0.7 * least, 1.5 * most), xlabel=parts.wrapped_label(channel))
    axes[0].set_ylabel("Single amplitudes\nper hour above a level")
    parts.figure_legend(figure, parts.legend_lines(drawn))
    return figure


@parts.styled
def spectra_figure(table: pd.DataFrame, style: Plotting, title: str) -> Figure:
    """One group of records: spectra with the band over the records, response amplitude operators, their phase, and
    coherence; the spectra alone of another pair of sources than SimpleCode and LAMP if it has no waves.

    table: see `studies.response_spectra.spectra_table`. Over wave frequencies, if these are asked for and known,
    densities are those of the waves' frequencies.
    """
    over_waves = style.response_frequency == "wave" and table["wave_frequency"].notna().any()
    per_slope = style.response_of_angles == "per slope" and table["rao_per_slope"].notna().any()
    by_channel, drawn = table.groupby("channel", sort=False), {}
    rows = 4 if in_use().is_ship or table["rao"].notna().any() else 1
    figure = parts.new_figure(parts.row_width(len(by_channel)), 6.9 if rows > 1 else 3.0, title)
    axes = parts.panels(figure, rows, len(by_channel), sharex=True)
    for (spectrum, *lower), (channel, of_channel) in zip(axes.T, by_channel, strict=True):
        in_slopes = per_slope and channel_of(channel).kind == "angle"
        columns = ("rao_per_slope" if in_slopes else "rao", "phase", "coherence")
        for source, rows in of_channel.groupby("source", sort=False):
            x, density = rows["frequency"], 1.0
            if over_waves:
                x = rows["wave_frequency"]
                density = np.gradient(rows["frequency"], x)
            line = drawn[source] = parts.line_style(source, style)
            band = rows[["lower", "upper"]].mul(density, axis=0).to_numpy().T
            spectrum.fill_between(x, *band, color=line["color"], alpha=0.12, linewidth=0)
            spectrum.plot(x, rows["spectrum"] * density, **line)
            for ax, name in zip(lower, columns, strict=False):
                turns = (name == "phase") & (rows[name].diff().abs() > 180)
                ax.plot(x, rows[name].mask(turns), **line)
        _label_spectra((spectrum, *lower), channel, in_slopes)
        kind = "Wave frequency" if over_waves else "Encounter frequency" if in_use().is_ship else "Frequency"
        [spectrum, *lower][-1].set_xlabel(f"{kind}\n[rad/s]")
    highest = table.groupby(["channel", "source"])["spectrum"].transform("max")
    shown = table[table["spectrum"] > 0.01 * highest]
    axes[-1, 0].set_xlim(0, shown["wave_frequency" if over_waves else "frequency"].max())
    for ax, label in zip(axes[2:, 0], ("Phase [deg]", "Coherence"), strict=False):
        ax.set_ylabel(label)
    parts.figure_legend(figure, parts.legend_lines(drawn))
    return figure


def _label_spectra(column: tuple[Axes, ...], channel: str, in_slopes: bool) -> None:
    """Labels and limits of the panels of one channel."""
    spectrum, *others = column
    unit, wave = channel_of(channel).unit, channel_of(WAVE).unit
    powered = f"{unit}² s" if unit.isalpha() else f"({unit})² s"
    title = parts.wrapped(channel_of(channel).label, parts.NARROW)
    spectrum.set(title=title, ylabel=f"Spectrum [{powered}]", ylim=(0, None))
    if not others:
        return
    response, phase, coherence = others
    response.set(ylabel=f"Per slope [{unit}/{unit}]" if in_slopes else f"Response [{unit}/{wave}]", ylim=(0, None))
    phase.set(ylim=(-190, 190), yticks=range(-180, 181, 90))
    coherence.set(ylim=(0, 1.05))
