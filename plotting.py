"""Figures of a run: motions, errors, largest values, distribution of the peaks, sea-state maps.

Each function takes arrays and returns a `matplotlib.figure.Figure`; none shows or saves. Figures are made without
pyplot, so that they need no display and leave no global state. All sizes are set on the artists themselves and not
through rcParams, because ticks are created only when a figure is drawn, possibly under other rcParams.

Sources are told apart by line style, width and filling besides colour, so that figures survive grayscale printing and
colour-blind readers: LAMP solid, SimpleCode dotted or open, the network dashed or filled.
"""

import math
import os
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colorbar import Colorbar
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter
from matplotlib.transforms import ScaledTranslation

from data_io import CHANNEL_UNITS
from metrics import ABOUT_MEAN, magnitudes, turning_points
from support.files import written_aside

CHANNEL_NAMES = {"VBM": "Vertical bending moment", "Zcg": "Heave Zcg", "Roll": "Roll", "Pitch": "Pitch"}
SET_NAMES = {"train": "training", "val": "validation", "test": "test"}
SET_MARKERS = {"train": "X", "val": "D", "test": "*"}

PAGE_WIDTH = 7.5  # inches, the text width of a page
DOTS_PER_INCH = 150
TEXT_SIZE = 8.0  # points
TITLE_SIZE = 9.0  # points
DETAIL_DURATION = 80.0  # s, six or seven cycles of a ship's motion
MOST_LEGIBLE_CYCLES = 60  # more cycles than this in the width of half a page become a black band
MOST_ENVELOPE_BLOCKS = 75
GRAY = "0.45"
MOST_NUMBERED_CELLS = 8  # columns or rows of a map up to which its cells hold their numbers
# Without their ends, which are all but black. Differences have other colours, as a sign means something else there.
SIGNED_ERROR_COLORS = ListedColormap(colormaps["RdBu_r"](np.linspace(0.07, 0.93, 255)))
DIFFERENCE_COLORS = ListedColormap(colormaps["PRGn_r"](np.linspace(0.07, 0.93, 255)))
BLANK = {"facecolor": "white", "edgecolor": "0.75", "hatch": "/////", "linewidth": 0.0}

# One record: (LAMP, SimpleCode, network), each (rows, channel) in physical units, or None where there is none.
Record = tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None]
# The largest magnitudes of one record: LAMP's, SimpleCode's and the network's, each (channel,).
Maxima = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class PlotStyle:
    """What users choose about figures: colours, steps to either side in a running mean, marker area in points^2."""

    simple_color: str = "red"
    lamp_color: str = "black"
    lstm_color: str = "green"
    running_avg_span: int = 100
    maxima_bullet_size: float = 20


# -------------------------------------------------------------------------------------------------------------- figures


def prediction_figure(
    time: np.ndarray,
    lamp: np.ndarray | None,
    simple: np.ndarray | None,
    predicted: np.ndarray,
    channels: Sequence[str],
    style: PlotStyle,
    title: str,
    network: str = "LSTM",
) -> Figure:
    """Motions of one realization: for each channel the whole record and a detail around the largest response.

    time: (rows,) in s. lamp, simple, predicted: (rows, channel) in the units of CHANNEL_UNITS. lamp is None for a
    realization without LAMP; simple is None, or a column of it NaN, where SimpleCode gives nothing.

    A record of many cycles is drawn as LAMP's motion in pale and the envelopes of all sources: lines through the
    largest and the smallest value of every few cycles.
    """
    time = np.asarray(time, dtype=np.float64)
    figure = new_figure(PAGE_WIDTH, 0.95 + 1.6 * len(channels), title)
    axes = figure.subplots(len(channels), 2, sharey="row", squeeze=False, width_ratios=(1.5, 1.0))
    motions = [_sources(lamp, simple, predicted, index, network) for index in range(len(channels))]
    shows_envelopes = any(_cycle_count(sources) > MOST_LEGIBLE_CYCLES for sources in motions)

    for (whole, detail), sources, channel in zip(axes, motions, channels, strict=True):
        for ax in (whole, detail):
            ax.margins(x=0)
            dress(ax)
        whole.set_ylabel(wrapped_label(channel))
        if not sources:
            write_note(whole, "no numbers")
            continue
        reference = sources[_reference(sources)]
        window = detail_rows(time, reference)
        for source, values in sources.items():
            line = line_style(source, style)
            detail.plot(time[window], values[window], **line)
            # A constant has no envelope.
            if not shows_envelopes or np.nanmin(values) == np.nanmax(values):
                whole.plot(time, values, **(line | {"linewidth": 0.65 * line["linewidth"]}))
                continue
            if values is reference:
                whole.plot(time, values, color=line["color"], alpha=0.35, linewidth=0.5, zorder=1.0)
            for rows in _envelope_rows(values, _envelope_blocks(sources)):
                whole.plot(time[rows], values[rows], **(line | {"linewidth": 0.75 * line["linewidth"]}))
        whole.axvspan(time[window][0], time[window][-1], color="0.88", linewidth=0, zorder=0)
    _share_time_axis(axes[:, 0])
    axes[-1, 1].set_xlabel("Time [s]", fontsize=TEXT_SIZE)
    named = next((_reference(sources) for sources in motions if sources), network)
    whole_heading = f"Whole record: {named} and envelopes" if shows_envelopes else "Whole record"
    axes[0, 0].set_title(whole_heading, fontsize=TEXT_SIZE)
    axes[0, 1].set_title(f"Around the largest {named} response", fontsize=TEXT_SIZE)
    figure.align_ylabels(axes[:, 0])

    drawn = [source for source in ("LAMP", "SimpleCode", network) if any(source in sources for sources in motions)]
    handles = [Line2D([], [], label=source, **line_style(source, style)) for source in drawn]
    figure_legend(figure, [*handles, Patch(color="0.88", label="detail shown on the right")])
    return figure


def error_figure(
    time: np.ndarray,
    lamp: np.ndarray,
    simple: np.ndarray | None,
    predicted: np.ndarray,
    channels: Sequence[str],
    style: PlotStyle,
    title: str,
    network: str = "LSTM",
) -> Figure:
    """Errors against LAMP in one realization: for each channel the running mean of |error|, and errors at the peaks.

    time: (rows,) in s. lamp, simple, predicted: (rows, channel) in the units of CHANNEL_UNITS; error = model - LAMP.
    Peaks are the turning points of the LAMP record in time; the right panel has the LAMP value there as abscissa.
    """
    time = np.asarray(time, dtype=np.float64)
    figure = new_figure(PAGE_WIDTH, 0.95 + 1.75 * len(channels), title)
    axes = figure.subplots(len(channels), 2, squeeze=False, width_ratios=(1.5, 1.0))
    drawn = set()

    for index, (channel, (running, at_peaks)) in enumerate(zip(channels, axes, strict=True)):
        models = _sources(lamp, simple, predicted, index, network)
        truth = models.pop("LAMP", np.full(time.shape, np.nan))
        errors = {source: values - truth for source, values in models.items()}
        errors = {source: error for source, error in errors.items() if np.isfinite(error).any()}
        drawn |= errors.keys()
        for ax in (running, at_peaks):
            dress(ax)
        running.margins(x=0)
        running.set_ylabel(wrapped_label(channel))
        at_peaks.set_xlabel(f"LAMP {channel} at its peaks [{CHANNEL_UNITS[channel]}]")
        at_peaks.set_ylabel(f"Error [{CHANNEL_UNITS[channel]}]")
        if not errors:
            write_note(running, "nothing to compare")
            write_note(at_peaks, "nothing to compare")
            continue
        for source, error in errors.items():
            means = running_mean(np.abs(error), style.running_avg_span)
            running.plot(time, means, **line_style(source, style, thin=True))
        _leave_headroom(running, 0.11 * len(errors) + 0.05)
        _write_error_statistics(running, errors)

        peaks = turning_points(truth)
        if peaks.size == 0:
            write_note(at_peaks, "LAMP has no peaks")
            continue
        at_peaks.axhline(0.0, color=GRAY, linewidth=0.6, zorder=0)
        for source, error in errors.items():
            at_peaks.plot(truth[peaks], error[peaks], **_peak_marker(source, style))
        largest = _largest_magnitude([error[peaks] for error in errors.values()])
        # A perfect model needs limits, too.
        limit = 1.1 * largest if largest > 0 else 1.0
        at_peaks.set_ylim(-limit, limit)
    _share_time_axis(axes[:, 0])
    axes[0, 0].set_title(f"Running mean of |error|, {style.running_avg_span} steps to either side", fontsize=TEXT_SIZE)
    axes[0, 1].set_title("Error at LAMP's peaks", fontsize=TEXT_SIZE)
    figure.align_ylabels()

    handles = []
    for source in ("SimpleCode", network):
        if source in drawn:
            line = line_style(source, style, thin=True)
            dot = _peak_marker(source, style)
            handles.append(Line2D([], [], label=source, **(dot | {"linestyle": line["linestyle"], "linewidth": 1.0})))
    figure_legend(figure, handles)
    return figure


def maxima_figure(
    maxima_by_set: Mapping[str, Sequence[Maxima]], channels: Sequence[str], style: PlotStyle, network: str = "LSTM"
) -> Figure:
    """Largest magnitude of each record, SimpleCode and the network against LAMP, one panel a channel.

    maxima_by_set: for "train", "val" and "test" the `metrics.record_maxima` of each record in the units of
    CHANNEL_UNITS: (LAMP, SimpleCode, network), each (channel,), not finite where there is none. Sets may be empty.
    Open markers are SimpleCode, filled ones the network; the shape is that of the set.
    """
    figure, panels = _panel_figure(channels, 2.75)
    drawn_sources, drawn_sets = set(), set()
    for index, (ax, channel) in enumerate(zip(panels, channels, strict=True)):
        shown = []
        for set_name, records in maxima_by_set.items():
            for place, source in enumerate(("SimpleCode", network), start=1):
                pairs = [(record[0][index], record[place][index]) for record in records]
                pairs = [pair for pair in pairs if np.isfinite(pair).all()]
                if pairs:
                    ax.scatter(*np.transpose(pairs), **_maxima_marker(source, set_name, style))
                    drawn_sources.add(source)
                    drawn_sets.add(set_name)
                    shown.extend(pairs)
        ax.set_title(CHANNEL_NAMES[channel], fontsize=TEXT_SIZE)
        ax.set_xlabel(f"LAMP max {_magnitude_text(channel)} [{CHANNEL_UNITS[channel]}]")
        ax.set_ylabel(f"Model max {_magnitude_text(channel)} [{CHANNEL_UNITS[channel]}]")
        dress(ax)
        if not shown:
            write_note(ax, "no records")
            continue
        limits = _common_limits(np.asarray(shown))
        ax.plot(limits, limits, color=GRAY, linewidth=0.8, linestyle="--", zorder=1)
        ax.set(xlim=limits, ylim=limits, aspect="equal")

    handles = [
        Line2D([], [], marker="o", linestyle="none", markersize=5, label=source, **_filling(source, style))
        for source in ("SimpleCode", network)
        if source in drawn_sources
    ]
    handles += [
        Line2D(
            [],
            [],
            marker=SET_MARKERS.get(name, "o"),
            markersize=5,
            color="none",
            markeredgecolor="0.3",
            label=SET_NAMES.get(name, name),
        )
        for name in maxima_by_set
        if name in drawn_sets
    ]
    handles.append(Line2D([], [], color=GRAY, linewidth=0.8, linestyle="--", label="model = LAMP"))
    figure_legend(figure, handles)
    return figure


def histogram_figure(
    records_by_set: Mapping[str, Sequence[Record]], channels: Sequence[str], style: PlotStyle, network: str = "LSTM"
) -> Figure:
    """Probability density of the peaks' magnitudes, pooled over all records given, one panel a channel.

    records_by_set: for "train", "val" and "test" the records (LAMP, SimpleCode, network), each (rows, channel) in the
    units of CHANNEL_UNITS. Records may differ in length, sets may be empty. Each source is sorted by its own turning
    points; the bins of a panel are the same for all sources. The ordinate is logarithmic, because the rare large peaks
    are the ones of interest.
    """
    figure, panels = _panel_figure(channels, 2.7)
    records = [record for records in records_by_set.values() for record in records]
    drawn = set()
    for index, (ax, channel) in enumerate(zip(panels, channels, strict=True)):
        unit = CHANNEL_UNITS[channel]
        ax.set_title(CHANNEL_NAMES[channel], fontsize=TEXT_SIZE)
        ax.set_xlabel(f"{_magnitude_text(channel)} at its peaks [{unit}]")
        ax.set_ylabel(f"Probability density [1/({unit})]" if " " in unit else f"Probability density [1/{unit}]")
        peaks = _pooled_peaks(records, index, channel, network)
        largest = _largest_magnitude(list(peaks.values()))
        if not largest > 0:
            dress(ax)
            write_note(ax, "no peaks")
            continue
        smallest_sample = min(values.size for values in peaks.values())
        edges = np.linspace(0.0, largest, int(np.clip(np.sqrt(smallest_sample), 8, 30)) + 1)
        densities = {source: np.histogram(values, edges, density=True)[0] for source, values in peaks.items()}
        filled = np.concatenate([density[density > 0] for density in densities.values()])
        # Empty bins would be at minus infinity: they end at the floor, below the lowest bin that has a peak.
        floor = 0.6 * filled.min()
        for source, density in densities.items():
            line = line_style(source, style)
            if source == "LAMP":
                ax.stairs(density, edges, baseline=floor, fill=True, color=line["color"], alpha=0.15, linewidth=0)
            ax.stairs(density, edges, baseline=floor, **line)
        drawn |= peaks.keys()
        make_logarithmic(ax, filled, most_ticks=7)
        ax.set_ylim(floor, 1.7 * filled.max())
        ax.set_xlim(0.0, 1.02 * largest)
        dress(ax)
    handles = [
        Line2D([], [], label=source, **line_style(source, style))
        for source in ("LAMP", "SimpleCode", network)
        if source in drawn
    ]
    figure_legend(figure, handles)
    return figure


def sea_state_figure(
    x: np.ndarray,
    y: np.ndarray,
    errors: np.ndarray,
    trained: np.ndarray,
    channels: Sequence[str],
    networks: Sequence[str],
    x_label: str,
    y_label: str,
    title: str,
) -> Figure:
    """Errors of the single significant amplitude over a grid of conditions: a row a channel, a column a network.

    x: (column,), y: (row,) values of the two parts of the condition that vary, ascending. errors: (network, channel,
    row, column) of one or two networks, model - LAMP in the units of CHANNEL_UNITS, NaN where there is none.
    trained: (network, row, column), whether a network was trained in the condition; these are boxed. networks: names.

    Two networks have common colours in a channel, and a third column |error A| - |error B|, blank where one of the two
    is. Cells stand side by side, in the order of their values, whatever the distances between these. Small grids show
    the numbers; in larger ones a minus marks what is negative, as gray prints do not.
    """
    errors, trained = np.asarray(errors, dtype=np.float64), np.asarray(trained, dtype=bool)
    count = len(networks)
    is_compared = count == 2
    width = PAGE_WIDTH if is_compared else 4.2
    panel_height = float(np.clip(0.21 * len(y), 0.85, 2.4))
    figure = new_figure(width, 1.15 + (panel_height + 0.1) * len(channels), title)
    figure.get_layout_engine().set(wspace=0.02, hspace=0.04)
    axes = figure.subplots(len(channels), count + is_compared, sharex=True, sharey=True, squeeze=False)
    cell_size = np.array([0.66 * width / axes.shape[1] / len(x), 0.8 * panel_height / len(y)]) * 72.0  # points
    shows_blank = False

    for index, (channel, panels) in enumerate(zip(channels, axes, strict=True)):
        maps = [(errors[:, index], SIGNED_ERROR_COLORS, f"{channel} error", trained, trained)]
        if is_compared:
            difference = np.abs(errors[0, index]) - np.abs(errors[1, index])
            both, either = trained.all(axis=0, keepdims=True), trained.any(axis=0, keepdims=True)
            maps.append((difference[None], DIFFERENCE_COLORS, f"{channel} |A| \N{MINUS SIGN} |B|", both, either))
        limits = [_largest_magnitude([values.ravel()]) or 1.0 for values, *_ in maps]
        common_power = _display_power(min(limits))
        first = 0
        for (values, colors, name, framed, dashed), limit in zip(maps, limits, strict=True):
            of_map = panels[first : first + len(values)]
            first += len(values)
            power = common_power if max(limits) < 1e3 * common_power else _display_power(limit)
            mappable = ScalarMappable(Normalize(-limit / power, limit / power), colors)
            for ax, cells, solid, any_frame in zip(of_map, values, framed, dashed, strict=True):
                _draw_cells(ax, cells / power, mappable, cell_size)
                _draw_frames(ax, solid, "-", cell_size)
                _draw_frames(ax, any_frame & ~solid, (0, (2, 1)), cell_size)
                shows_blank |= bool(np.isnan(cells).any())
            unit = _scaled_unit(CHANNEL_UNITS[channel], power)
            thickness = 0.09 / (0.7 * width / axes.shape[1] * len(values))  # 0.09 inches, as a share of the maps' width
            bar = figure.colorbar(
                mappable, ax=list(of_map), aspect=panel_height / 0.09, pad=0.4 * thickness, fraction=thickness
            )
            _dress_color_bar(bar, f"{name}\n[{unit}]")
        _dress_map(panels[0], x, y, cell_size)
        panels[0].set_ylabel(y_label, fontsize=TEXT_SIZE)
        _write_row_name(panels[0], CHANNEL_NAMES[channel])
    for ax in axes[-1]:
        ax.set_xlabel(x_label, fontsize=TEXT_SIZE)
    headings = [f"{letter}: {name}" if is_compared else name for letter, name in zip("AB", networks, strict=False)]
    for ax, heading in zip(axes[0], headings, strict=False):
        lines = textwrap.wrap(heading, 30, max_lines=3, placeholder=" ...")
        ax.set_title("\n".join(lines), fontsize=TEXT_SIZE, parse_math=False)
    if is_compared:
        axes[0, -1].set_title("|A| \N{MINUS SIGN} |B|\n(negative: A better)", fontsize=TEXT_SIZE)
    figure.align_ylabels(axes[:, 0])

    handles = []
    if trained.any():
        handles.append(_frame_patch("-", label="training condition"))
    if is_compared and (trained[0] != trained[1]).any():
        handles.append(_frame_patch((0, (2, 1)), label="training condition of one network"))
    if shows_blank:
        handles.append(Patch(**BLANK, label="no value"))
    if not _shows_numbers(errors) and (errors < 0).any():
        handles.append(
            Line2D(
                [],
                [],
                color="black",
                linestyle="none",
                marker="_",
                markersize=4.5,
                markeredgewidth=0.7,
                label="negative",
            )
        )
    figure_legend(figure, handles)
    return figure


def show_figures(figures: Mapping[str, Figure]) -> None:
    """Opens a window for each figure and waits until they are closed; says so where there is no display."""
    import matplotlib.pyplot as plt  # here alone, as it looks for a display

    if plt.get_backend().lower() in ("agg", "cairo", "pdf", "pgf", "ps", "svg", "template"):
        print("show_figures = True, but there is no display: the figures are in the PNG files")
        return
    for name, figure in figures.items():
        window = plt.figure(num=name)
        window.canvas.figure = figure
        figure.set_canvas(window.canvas)
    plt.show()


def save_figure(figure: Figure, path: str | os.PathLike) -> None:
    """Write the figure as PNG, with the folders it needs. An interruption leaves no half-written file at path."""
    with written_aside(Path(path)) as aside:
        figure.savefig(aside, format="png", dpi=DOTS_PER_INCH)


# -------------------------------------------------------------------------------------------------- numbers for figures


def running_mean(values: np.ndarray, span: int) -> np.ndarray:
    """Mean over `span` steps to either side of each step, over those that exist at the ends.

    values: (rows,). Returns (rows,). NaN are left out of the mean; where there is nothing but NaN it is NaN.
    """
    values = np.asarray(values, dtype=np.float64)
    known = np.isfinite(values)
    sums = np.concatenate([[0.0], np.cumsum(np.where(known, values, 0.0))])
    counts = np.concatenate([[0], np.cumsum(known)])
    rows = np.arange(values.size)
    first = np.maximum(rows - span, 0)
    last = np.minimum(rows + span + 1, values.size)
    count = counts[last] - counts[first]
    return np.where(count > 0, (sums[last] - sums[first]) / np.maximum(count, 1), np.nan)


def _sources(
    lamp: np.ndarray | None, simple: np.ndarray | None, predicted: np.ndarray | None, index: int, network: str
) -> dict[str, np.ndarray]:
    """Column `index` of each source that has it, (rows,) float64; a column of nothing but NaN counts as missing,
    and infinities count as NaN.
    """
    columns = {}
    for source, values in (("LAMP", lamp), ("SimpleCode", simple), (network, predicted)):
        if values is not None:
            column = np.asarray(values[:, index], dtype=np.float64)
            if np.isfinite(column).any():
                columns[source] = np.where(np.isfinite(column), column, np.nan)
    return columns


def _reference(sources: Mapping[str, np.ndarray]) -> str:
    """Name of the source that the others are judged by: LAMP, or the network where there is no LAMP."""
    return "LAMP" if "LAMP" in sources else [*sources][-1]


def detail_rows(time: np.ndarray, values: np.ndarray, duration: float = DETAIL_DURATION) -> slice:
    """Rows of the duration in s around the largest departure from the mean, moved to lie within the record."""
    departure = np.abs(values - np.nanmean(values))
    peak = time[np.nanargmax(departure)]
    start = min(max(peak - duration / 2, time[0]), max(time[-1] - duration, time[0]))
    first, last = np.searchsorted(time, [start, start + duration], side="left")
    return slice(int(first), int(min(last + 1, time.size)))


def _cycle_count(sources: Mapping[str, np.ndarray]) -> int:
    """Number of upward crossings of the mean, in the source that has the most."""
    aboves = [values > np.nanmean(values) for values in sources.values()]
    return max((int(np.count_nonzero(above[1:] & ~above[:-1])) for above in aboves), default=0)


def _envelope_blocks(sources: Mapping[str, np.ndarray]) -> int:
    """Number of blocks for an envelope: at least two cycles a block, or an envelope would follow the motion."""
    return int(np.clip(_cycle_count(sources) // 2, 2, MOST_ENVELOPE_BLOCKS))


def _envelope_rows(values: np.ndarray, blocks: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the largest and of the smallest value in each of `blocks` equal parts of the record."""
    parts = np.array_split(np.arange(values.size), min(blocks, values.size))
    highs = np.where(np.isfinite(values), values, -np.inf)
    lows = np.where(np.isfinite(values), values, np.inf)
    return (
        np.array([part[np.argmax(highs[part])] for part in parts]),
        np.array([part[np.argmin(lows[part])] for part in parts]),
    )


def _pooled_peaks(records: Sequence[Record], index: int, channel: str, network: str) -> dict[str, np.ndarray]:
    """Magnitudes at the turning points of each source, all records together; sources without any left out."""
    pooled: dict[str, list[np.ndarray]] = {"LAMP": [], "SimpleCode": [], network: []}
    for record in records:
        for source, values in _sources(*record, index, network).items():
            peaks = magnitudes(values, channel)[turning_points(values)]
            pooled[source].append(peaks[np.isfinite(peaks)])
    return {source: np.concatenate(parts) for source, parts in pooled.items() if sum(part.size for part in parts)}


def _largest_magnitude(series: Sequence[np.ndarray]) -> float:
    """Largest |value| in all of the series, NaN left out; 0 where there is no number at all."""
    numbers = [np.abs(values[np.isfinite(values)]) for values in series]
    return max((float(values.max()) for values in numbers if values.size), default=0.0)


def _magnitude_text(channel: str) -> str:
    """What `metrics.magnitudes` gives, for a label."""
    return f"|{channel} \N{MINUS SIGN} mean|" if channel in ABOUT_MEAN else f"|{channel}|"


def _common_limits(values: np.ndarray) -> tuple[float, float]:
    """Limits common to both axes, with a margin."""
    low, high = float(values.min()), float(values.max())
    # Records that agree would otherwise be spread over the panel as if they differed.
    span = max(high - low, 0.1 * high) or 1.0
    return low - 0.1 * span, high + 0.1 * span


# ----------------------------------------------------------------------------------------------------- looks of figures


def line_style(source: str, style: PlotStyle, thin: bool = False) -> dict:
    """Line of a source. LAMP is wide and lies below, so that it shows through the gaps of a line that matches it."""
    lines = {
        "LAMP": {"color": style.lamp_color, "linestyle": "-", "linewidth": 1.5, "zorder": 2.0},
        "SimpleCode": {"color": style.simple_color, "linestyle": (0, (1, 1.2)), "linewidth": 1.2, "zorder": 2.2},
    }
    network = {"color": style.lstm_color, "linestyle": (0, (4, 1.6)), "linewidth": 1.2, "zorder": 2.4}
    return lines.get(source, network) | ({"linewidth": 0.9} if thin else {})


def _filling(source: str, style: PlotStyle) -> dict:
    """SimpleCode open, the network filled: red and green alone are the same gray."""
    if source == "SimpleCode":
        return {"color": style.simple_color, "markerfacecolor": "none", "markeredgewidth": 0.8}
    return {"color": style.lstm_color, "markerfacecolor": style.lstm_color, "markeredgewidth": 0.8}


def _peak_marker(source: str, style: PlotStyle) -> dict:
    marker = {"marker": "o", "markersize": 2.8} if source == "SimpleCode" else {"marker": "^", "markersize": 2.6}
    return {"linestyle": "none", **_filling(source, style), **marker, "markeredgewidth": 0.6}


def _maxima_marker(source: str, set_name: str, style: PlotStyle) -> dict:
    color = style.simple_color if source == "SimpleCode" else style.lstm_color
    return {
        "marker": SET_MARKERS.get(set_name, "o"),
        "s": style.maxima_bullet_size,
        "edgecolors": color,
        "facecolors": "none" if source == "SimpleCode" else color,
        "linewidths": 0.8,
        "zorder": 2 if source == "SimpleCode" else 3,
    }


def new_figure(width: float, height: float, title: str) -> Figure:
    """Empty figure, width x height in inches; a long title is wrapped and set smaller."""
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.get_layout_engine().set(wspace=0.03)
    letters_in_a_line = int(width * 13)
    lines = textwrap.wrap(title, letters_in_a_line) or [""]
    # Names of files may hold dollar signs, which are no formulas.
    figure.suptitle("\n".join(lines), fontsize=TITLE_SIZE if len(lines) == 1 else TITLE_SIZE - 1.5, parse_math=False)
    return figure


def _panel_figure(channels: Sequence[str], panel_height: float) -> tuple[Figure, np.ndarray]:
    """Figure with one panel a channel side by side, four as two by two, for otherwise they would be too small."""
    columns = len(channels) if len(channels) <= 3 else 2
    rows = -(-len(channels) // columns)
    width = {1: 3.6, 2: 5.6}.get(columns, PAGE_WIDTH) if rows == 1 else 6.0
    figure = Figure(figsize=(width, panel_height * rows + 0.35), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for unused in axes[len(channels) :]:
        unused.set_axis_off()
    return figure, axes[: len(channels)]


def dress(ax: Axes) -> None:
    """Thin spines, small text, powers of ten set apart from large and small numbers."""
    for side, spine in ax.spines.items():
        spine.set_linewidth(0.6)
        spine.set_visible(side in ("left", "bottom"))
    ax.tick_params(which="major", labelsize=TEXT_SIZE, width=0.6, length=3)
    ax.tick_params(which="minor", labelsize=TEXT_SIZE, width=0.4, length=1.8)
    for axis in (ax.xaxis, ax.yaxis):
        axis.label.set_fontsize(TEXT_SIZE)
        axis.get_offset_text().set_fontsize(TEXT_SIZE - 0.5)
        if axis.get_scale() == "linear":
            # Ticks that do not depend on the size of the panel: the layout leaves room for those it has seen.
            axis.set_major_locator(MaxNLocator(nbins=5, steps=(1, 2, 2.5, 5, 10)))
            ax.ticklabel_format(axis=axis.axis_name, scilimits=(-4, 4), useMathText=True, useOffset=False)


def wrapped_label(channel: str) -> str:
    """Name and unit of a channel, in lines short enough for a low panel."""
    unit = CHANNEL_UNITS[channel].replace(" ", "\N{NO-BREAK SPACE}")
    return textwrap.fill(f"{CHANNEL_NAMES[channel]} [{unit}]", 20).replace("\N{NO-BREAK SPACE}", " ")


def _share_time_axis(column: Sequence[Axes]) -> None:
    """Time axis under the lowest panel of a column only."""
    for ax in column[:-1]:
        ax.sharex(column[-1])
        ax.tick_params(labelbottom=False)
    column[-1].set_xlabel("Time [s]", fontsize=TEXT_SIZE)


def figure_legend(figure: Figure, handles: Sequence) -> None:
    if handles:
        rows = math.ceil(1.15 * len(handles) / figure.get_figwidth())  # an entry takes about 1.15 inches
        figure.legend(
            handles=handles,
            loc="outside lower center",
            ncols=math.ceil(len(handles) / rows),
            fontsize=TEXT_SIZE,
            frameon=False,
            handlelength=2.6,
            columnspacing=1.4,
        )


def _leave_headroom(ax: Axes, share: float) -> None:
    """Ordinate from zero, with the upper `share` of the panel free for text."""
    top = _largest_magnitude([line.get_ydata() for line in ax.lines])
    ax.set_ylim(0.0, top / (1.0 - share) if top > 0 else 1.0)


def _write_error_statistics(ax: Axes, errors: Mapping[str, np.ndarray]) -> None:
    """Largest, mean and standard deviation of |error| of each source in the upper left corner."""
    lines = []
    for source, error in errors.items():
        size = np.abs(error[np.isfinite(error)])
        numbers = f"max {number_text(size.max())}, mean {number_text(size.mean())}, st. dev. {number_text(size.std())}"
        lines.append(f"|{source} \N{MINUS SIGN} LAMP|: {numbers}")
    ax.text(
        0.015,
        0.985,
        "\n".join(lines),
        transform=ax.transAxes,
        va="top",
        fontsize=TEXT_SIZE - 1.0,
        linespacing=1.3,
    )


def _draw_cells(ax: Axes, cells: np.ndarray, mappable: ScalarMappable, cell_size: np.ndarray) -> None:
    """Coloured cells of a map, (row, column) with its origin at the lower left, hatched where NaN.

    cell_size: width and height of a cell in points, about.
    """
    rows, columns = cells.shape
    edges = np.arange(columns + 1) - 0.5, np.arange(rows + 1) - 0.5
    ax.pcolormesh(
        *edges, np.ma.masked_invalid(cells), cmap=mappable.cmap, norm=mappable.norm, edgecolors="white", linewidth=0.4
    )
    limit = mappable.norm.vmax
    decimals = max(1 - math.floor(math.log10(limit)), 0)
    for (row, column), value in np.ndenumerate(cells):
        if np.isnan(value):
            ax.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, **BLANK))
            continue
        # Rounding before the sign is looked at: there is no negative zero.
        text = f"{round(value, decimals) + 0.0:.{decimals}f}".replace("-", "\N{MINUS SIGN}")
        size = min(TEXT_SIZE - 1.0, 0.3 * cell_size[0], 0.75 * cell_size[1])  # five letters fit
        if not _shows_numbers(cells):
            if not text.startswith("\N{MINUS SIGN}"):
                continue
            text, size = "\N{MINUS SIGN}", min(0.8 * cell_size.min(), TEXT_SIZE - 1.0)
        red, green, blue, _ = mappable.to_rgba(value)
        is_dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.5
        ax.text(
            column, row, text, ha="center", va="center_baseline", fontsize=size, color="white" if is_dark else "black"
        )


def _shows_numbers(cells: np.ndarray) -> bool:
    return max(cells.shape[-2:]) <= MOST_NUMBERED_CELLS


def _draw_frames(ax: Axes, framed: np.ndarray, linestyle: str | tuple, cell_size: np.ndarray) -> None:
    """Black frames within the cells that are True, with a white seam, so that they show on dark colours.

    cell_size: width and height of a cell in points, about.
    """
    inset = np.minimum(1.4 / cell_size, 0.15)
    for row, column in np.argwhere(framed):
        for seam, line in ((True, "-"), (False, linestyle)):
            ax.add_patch(
                Rectangle(
                    (column - 0.5 + inset[0], row - 0.5 + inset[1]),
                    *(1.0 - 2.0 * inset),
                    fill=False,
                    edgecolor="white" if seam else "black",
                    linewidth=2.0 if seam else 1.1,
                    linestyle=line,
                    joinstyle="miter",
                    zorder=2.5,
                )
            )


def _frame_patch(linestyle: str | tuple, label: str) -> Patch:
    return Patch(facecolor="none", edgecolor="black", linewidth=1.1, linestyle=linestyle, label=label)


def _dress_map(ax: Axes, x: np.ndarray, y: np.ndarray, cell_size: np.ndarray) -> None:
    """Ticks that name the cells' values, as many as there is room for; axes are shared by all maps of a figure."""
    for axis, values, size in ((ax.xaxis, x, cell_size[0]), (ax.yaxis, y, cell_size[1])):
        names = [f"{value:g}" for value in values]
        letters = max(map(len, names)) + 1 if axis is ax.xaxis else 1.6
        every = max(math.ceil(0.6 * TEXT_SIZE * letters / size), 1)
        positions = np.arange(0, len(values), every)
        axis.set_ticks(positions, [names[i] for i in positions])
    for panel in ax.get_shared_x_axes().get_siblings(ax):
        panel.tick_params(labelsize=TEXT_SIZE, width=0.6, length=2)
        panel.set(xlim=(-0.5, len(x) - 0.5), ylim=(-0.5, len(y) - 0.5))
        for spine in panel.spines.values():
            spine.set_linewidth(0.6)


def _dress_color_bar(bar: Colorbar, label: str) -> None:
    bar.set_label(label, fontsize=TEXT_SIZE)
    # At one distance from all bars, whatever their numbers.
    beside = ScaledTranslation(0.43, 0.0, bar.ax.get_figure().dpi_scale_trans)
    bar.ax.yaxis.set_label_coords(1.0, 0.5, transform=bar.ax.transAxes + beside)
    bar.locator = MaxNLocator(nbins=4, steps=(1, 2, 5, 10), symmetric=True)
    bar.ax.tick_params(which="both", labelsize=TEXT_SIZE - 0.5, width=0.6, length=2)
    bar.outline.set_linewidth(0.6)


def _write_row_name(ax: Axes, name: str) -> None:
    """Name of a row of panels, to the left of the label of its ordinate."""
    ax.annotate(
        textwrap.fill(name, 10),
        xy=(0, 0.5),
        xycoords=ax.yaxis.label,
        xytext=(-4, 0),
        textcoords="offset points",
        rotation=90,
        ha="right",
        va="center",
        fontsize=TEXT_SIZE,
        fontweight="bold",
    )


def _display_power(limit: float) -> float:
    """The power of ten that numbers up to limit are divided by to be read: 1, or a power of a thousand."""
    if 0.1 <= limit < 1e3:
        return 1.0
    return 10.0 ** (3 * math.floor(math.log10(limit) / 3))


def _scaled_unit(unit: str, power: float) -> str:
    return unit if power == 1 else f"$10^{{{round(math.log10(power))}}}$ {unit}"


def write_note(ax: Axes, note: str) -> None:
    """Say in an empty panel why it is empty."""
    ax.tick_params(which="both", left=False, bottom=False, labelleft=False, labelbottom=False)
    ax.text(0.5, 0.5, note, transform=ax.transAxes, ha="center", va="center", fontsize=TEXT_SIZE, color=GRAY)


def number_text(value: float) -> str:
    """Three figures, as on the axes: 0.0123, or 4.56 times a power of ten."""
    if value == 0 or 1e-4 <= abs(value) < 1e4:
        return f"{value:.3g}"
    mantissa, exponent = f"{value:.2e}".split("e")
    power = f"10^{{{int(exponent)}}}"
    return f"${power}$" if float(mantissa) == 1 else rf"${float(mantissa):g}\times{power}$"


def make_logarithmic(ax: Axes, values: np.ndarray, most_ticks: int) -> None:
    """Logarithmic ordinate for positive values (NaN left out), with numbers also within a decade."""
    decades = np.log10(np.nanmax(values) / np.nanmin(values))
    ax.set_yscale("log", nonpositive="clip")
    if decades == 0:
        ax.set_ylim(np.nanmin(values) / 1.5, np.nanmax(values) * 1.5)  # Matplotlib would take a whole decade
    if decades < 0.5:
        ax.yaxis.set_major_locator(MaxNLocator(nbins=most_ticks, steps=(1, 2, 5, 10)))
    elif 3 * decades <= most_ticks:
        ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    ax.yaxis.set_major_formatter(lambda value, _: number_text(value))
    ax.yaxis.set_minor_formatter(NullFormatter())
