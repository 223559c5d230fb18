"""Figures of a run: motions, or other signals, errors, largest values and the distribution of the peaks.

Each function takes arrays and returns a `matplotlib.figure.Figure`; none shows or saves. Figures are made without
pyplot, so that they need no display and leave no global state. Their looks come from figures/parts.py.

The motions of a record are LAMP's, SimpleCode's and the network's, each (rows, channel) in their channels' units.
LAMP's have no gaps; the others are NaN where there is no number. `network` is what the network is called. LAMP and
SimpleCode stand for the accurate and the fast source of the run, whose names the figures have.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Text

from figures import parts
from metrics import (
    Motions,
    kurtosis,
    magnitudes,
    rayleigh,
    rows_around_largest,
    running_mean,
    single_amplitudes,
    turning_points,
)
from settings import Plotting
from settings.channels import FILE_UNIT, channel_of
from settings.description import high_name, in_use, low_name, seconds
from system.files import written_aside
from system.run_folder import RunFolder

DETAIL_DURATION = 80.0  # s, six or seven cycles of a ship's motion
MOST_LEGIBLE_CYCLES = 60  # more cycles across half a page become a black band
MOST_ENVELOPE_BLOCKS = 75
NARROW_BAND = 1.2  # turning points of each single amplitude: with more, ripples are peaks too
BAND = {"alpha": 0.25, "linewidth": 0.0, "zorder": 1.5}
DETAIL_SHADE = "0.88"
SMALLEST_ERROR = 1e-6  # as a share of the largest; below, it is rounding
DIAGONAL = {"color": parts.GRAY, "linewidth": 0.8, "linestyle": "--"}


# ---- motions of one record --------------------------------------------------------------------------------------


@parts.styled
def prediction_figure(
    time: np.ndarray,
    motions: Motions,
    channels: Sequence[str],
    style: Plotting,
    title: str,
    network: str = "LSTM",
    band: np.ndarray | None = None,
) -> Figure:
    """Motions of one realization: for each channel the whole record and a detail around the largest LAMP response.

    time: (rows,) in s. band: (rows, channel, 2), lower and upper bounds.

    A record of many cycles is drawn as LAMP's motion in a pale line and the envelopes of all sources: lines through the
    largest and the smallest value of every few cycles.
    """
    figure = parts.new_figure(parts.PAGE_WIDTH, 0.95 + 1.6 * len(channels), title)
    axes = parts.panels(figure, len(channels), 2, sharey="row", width_ratios=(1.5, 1.0))
    by_channel = [_sources(motions, index, network) for index in range(len(channels))]
    shows_envelopes = any(_cycle_count(sources) > MOST_LEGIBLE_CYCLES for sources in by_channel)
    for index, ((whole, detail), sources) in enumerate(zip(axes, by_channel, strict=True)):
        whole.margins(x=0)
        detail.margins(x=0)
        whole.set_ylabel(parts.wrapped_label(channels[index]))
        window = rows_around_largest(time, sources[high_name()], seconds(DETAIL_DURATION))
        whole.axvspan(time[window][0], time[window][-1], color=DETAIL_SHADE, linewidth=0, zorder=0)
        _draw_motions(whole, time, sources, style, shows_envelopes)
        for source, values in sources.items():
            detail.plot(time[window], values[window], **parts.line_style(source, style))
        if band is not None:
            detail.fill_between(time[window], *band[window, index].T, color=style.lstm_color, **BAND)
    parts.share_abscissa(axes[:, 0], "Time [s]")
    axes[-1, 1].set_xlabel("Time [s]")
    whole_record = f"Whole record: {high_name()} and envelopes" if shows_envelopes else "Whole record"
    axes[0, 0].set_title(parts.wrapped(whole_record, 50))
    axes[0, 1].set_title(parts.wrapped(f"Around the largest {high_name()} response"))
    figure.align_ylabels(axes[:, 0])
    handles = _lines_of(set().union(*by_channel), network, style)
    handles += [] if band is None else [Patch(color=style.lstm_color, label=f"band of the {network}", **BAND)]
    parts.figure_legend(figure, [*handles, Patch(color=DETAIL_SHADE, label="detail shown on the right")])
    return figure


def _draw_motions(ax: Axes, time: np.ndarray, sources: Mapping, style: Plotting, shows_envelopes: bool) -> None:
    """Draws the whole record of one channel, (rows,) of each source."""
    # At least two cycles a block, or the envelope would follow the motion.
    count = int(np.clip(_cycle_count(sources) // 2, 2, MOST_ENVELOPE_BLOCKS))
    blocks = np.array_split(np.arange(time.size), min(count, time.size))
    for source, values in sources.items():
        line = parts.line_style(source, style)
        # A constant has no envelope.
        if not shows_envelopes or np.nanmin(values) == np.nanmax(values):
            ax.plot(time, values, **(line | {"linewidth": 0.65 * line["linewidth"]}))
            continue
        if source == high_name():
            ax.plot(time, values, color=line["color"], alpha=0.35, linewidth=0.5, zorder=1.0)
        for extreme, without_numbers in ((np.argmax, -np.inf), (np.argmin, np.inf)):
            numbers = np.where(np.isnan(values), without_numbers, values)
            rows = [block[extreme(numbers[block])] for block in blocks]
            ax.plot(time[rows], values[rows], **(line | {"linewidth": 0.75 * line["linewidth"]}))


# ---- errors of one record ---------------------------------------------------------------------------------------


@parts.styled
def error_figure(
    time: np.ndarray, motions: Motions, channels: Sequence[str], style: Plotting, title: str, network: str = "LSTM"
) -> Figure:
    """Errors against LAMP in one realization: for each channel the running mean of |error|, and errors at the peaks.

    time: (rows,) in s. error = model - LAMP. Peaks are the turning points of the LAMP record in time; the right panel
    has the LAMP value there as abscissa.
    """
    figure = parts.new_figure(parts.PAGE_WIDTH, 0.95 + 1.75 * len(channels), title)
    axes = parts.panels(figure, len(channels), 2, width_ratios=(1.5, 1.0))
    drawn = set()
    for index, (channel, (running, at_peaks)) in enumerate(zip(channels, axes, strict=True)):
        models = _sources(motions, index, network)
        truth = models.pop(high_name())
        errors = {source: values - truth for source, values in models.items()}
        drawn |= errors.keys()
        running.margins(x=0)
        running.set_ylabel(parts.wrapped_label(channel))
        at_peaks.set_xlabel(parts.wrapped(f"{high_name()} {channel} at its peaks [{channel_of(channel).unit}]", 28))
        at_peaks.set_ylabel(f"Error [{channel_of(channel).unit}]")
        _draw_running_means(running, time, errors, style)
        _draw_errors_at_peaks(at_peaks, truth, errors, style)
    parts.share_abscissa(axes[:, 0], "Time [s]")
    span = style.running_avg_span * float(np.median(np.diff(time))) if len(time) > 1 else 0.0
    axes[0, 0].set_title(f"Running mean of |error|, {span:.3g} s to either side")
    axes[0, 1].set_title(parts.wrapped(f"Error at {high_name()}'s peaks"))
    figure.align_ylabels()
    handles = _lines_of(drawn, network, style)
    for handle in handles:
        handle.set(**_peak_marker(handle.get_label(), style), linewidth=1.0)
    parts.figure_legend(figure, handles)
    return figure


def _draw_running_means(ax: Axes, time: np.ndarray, errors: Mapping[str, np.ndarray], style: Plotting) -> None:
    """Running means of |error|, on a logarithmic axis, as the network's would lie on zero beside SimpleCode's."""
    means = {source: running_mean(np.abs(error), style.running_avg_span) for source, error in errors.items()}
    least = SMALLEST_ERROR * max((np.nanmax(values) for values in means.values()), default=0.0)
    shown = {source: np.where(values > least, values, np.nan) for source, values in means.items()}
    if not errors or not least > 0:
        parts.write_note(ax, "no errors" if errors else "nothing to compare")
        return
    for source, values in shown.items():
        ax.plot(time, values, **parts.line_style(source, style, thin=True))
    parts.make_logarithmic(ax.yaxis, np.stack([*shown.values()]), most_ticks=5)


def _draw_errors_at_peaks(ax: Axes, truth: np.ndarray, errors: Mapping[str, np.ndarray], style: Plotting) -> None:
    peaks = turning_points(truth)
    if not errors or peaks.size == 0:
        parts.write_note(ax, f"{high_name()} has no peaks" if errors else "nothing to compare")
        return
    ax.axhline(0.0, color=parts.GRAY, linewidth=0.6, zorder=0)
    for source, error in errors.items():
        ax.plot(truth[peaks], error[peaks], linestyle="none", **_peak_marker(source, style))
    # A perfect model needs limits too.
    limit = 1.1 * max(np.nanmax(np.abs(error[peaks]), initial=0.0) for error in errors.values()) or 1.0
    ax.set_ylim(-limit, limit)


def _peak_marker(source: str, style: Plotting) -> dict:
    shape = {"marker": "o", "markersize": 2.8} if source == low_name() else {"marker": "^", "markersize": 2.6}
    return {**parts.filling(source, style), **shape, "markeredgewidth": 0.6}


# ---- largest values and distributions over many records ---------------------------------------------------------


@parts.styled
def maxima_figure(
    maxima_by_set: Mapping[str, Sequence[Motions]], channels: Sequence[str], style: Plotting, network: str = "LSTM"
) -> Figure:
    """Largest magnitude of each record, SimpleCode and the network against LAMP, one panel per channel.

    maxima_by_set: for "train", "val" and "test" the `metrics.record_maxima` of LAMP, SimpleCode and the network for
    each record, (channel,). Sets may be empty. Open markers are SimpleCode, filled ones the network; the shape is that
    of the set.
    """
    figure, axes = _panel_figure(channels, 2.75 if in_use().is_ship else 3.2)  # other names may take several lines
    maxima = {name: np.reshape(records, (-1, 3, len(channels))) for name, records in maxima_by_set.items()}
    drawn = set()
    for index, (ax, channel) in enumerate(zip(axes, channels, strict=True)):
        shown = []
        for set_name, values in maxima.items():
            for position, source in enumerate((low_name(), network), start=1):
                pairs = values[:, [0, position], index]
                pairs = pairs[np.isfinite(pairs).all(axis=1)]
                if len(pairs):
                    looks = parts.filling(source, style)
                    edge = {"edgecolors": looks["color"], "facecolors": looks["markerfacecolor"], "linewidths": 0.8}
                    size = {"marker": parts.SET_MARKERS[set_name], "s": style.maxima_bullet_size}
                    ax.scatter(*pairs.T, **size, **edge, zorder=parts.line_style(source, style)["zorder"])
                    drawn |= {source, set_name}
                    shown.append(pairs)
        quantity = f"max {_magnitude_text(channel)} [{channel_of(channel).unit}]"
        ax.set(ylabel=f"Model {quantity}", title=parts.wrapped(channel_of(channel).label, parts.NARROW))
        ax.set_xlabel(parts.wrapped(f"{high_name()} {quantity}", parts.NARROW))
        if not shown:
            parts.write_note(ax, "no records")
            continue
        low, high = np.min(np.concatenate(shown)), np.max(np.concatenate(shown))
        # Otherwise records that agree would be spread over the panel as if they differed.
        margin = 0.1 * (max(high - low, 0.1 * high) or 1.0)
        limits = (low - margin, high + margin)
        ax.plot(limits, limits, **DIAGONAL, zorder=1)
        ax.set(xlim=limits, ylim=limits, aspect="equal")
    dot = {"marker": "o", "linestyle": "none", "markersize": 5}
    outline = {"color": "none", "markeredgecolor": "0.3", "markersize": 5}
    sources = {source: dot | parts.filling(source, style) for source in (low_name(), network)}
    sets = {name: outline | {"marker": parts.SET_MARKERS[name]} for name in maxima}
    looks = {parts.SET_NAMES.get(name, name): look for name, look in (sources | sets).items() if name in drawn}
    parts.figure_legend(figure, parts.legend_lines(looks | {f"model = {high_name()}": DIAGONAL}))
    return figure


@parts.styled
def histogram_figure(
    records_by_set: Mapping[str, Sequence[Motions]], channels: Sequence[str], style: Plotting, network: str = "LSTM"
) -> Figure:
    """Probability density of the magnitudes at the peaks, pooled over all records, one panel per channel.

    records_by_set: for "train", "val" and "test" the records, which may differ in length. Sets may be empty. Peaks are
    each source's own turning points; the bins of a panel are the same for all sources. The ordinate is logarithmic,
    because the rare large peaks are the ones of interest.
    """
    figure, axes = _panel_figure(channels, 2.7)
    records = [record for records in records_by_set.values() for record in records]
    drawn, has_rayleigh = set(), False
    for index, (ax, channel) in enumerate(zip(axes, channels, strict=True)):
        unit = channel_of(channel).unit
        density = f"Probability density [1/{unit}]" if unit.isalpha() else f"Probability density [1/({unit})]"
        abscissa = f"{_magnitude_text(channel)} at its peaks [{unit}]"
        ax.set(title=parts.wrapped(channel_of(channel).label, parts.NARROW), ylabel=density)
        ax.set_xlabel(parts.wrapped(abscissa, parts.NARROW))
        peaks = _pooled_peaks(records, index, channel, network)
        if max((values.max() for values in peaks.values()), default=0.0) > 0:
            edges = _draw_densities(ax, peaks, style)
            drawn |= peaks.keys()
            expected = _rayleigh_density([_sources(record, index, network)[high_name()] for record in records], edges)
            if expected is not None:
                ax.stairs(expected, edges, baseline=None, **parts.RAYLEIGH)
                has_rayleigh = True
        else:
            parts.write_note(ax, "no peaks")
    more = parts.legend_lines({"Rayleigh's distribution": parts.RAYLEIGH}) if has_rayleigh else []
    parts.figure_legend(figure, _lines_of(drawn, network, style) + more)
    return figure


def _rayleigh_density(series: Sequence[np.ndarray], edges: np.ndarray) -> np.ndarray | None:
    """(bin,): of the peaks of LAMP's records, each (rows,), if they are near Gaussian and of a narrow band."""
    centred = [record - record.mean() for record in series]
    counts = np.array([len(single_amplitudes(record)) for record in centred])
    if sum(len(turning_points(record)) for record in series) > NARROW_BAND * counts.sum():
        return None
    shapes = [record.std() for record in centred], counts, [kurtosis(record) for record in centred]
    above = rayleigh(edges, *map(np.array, shapes))
    return None if above is None else -np.diff(above) / np.diff(edges) / above[0]


def _draw_densities(ax: Axes, peaks: Mapping[str, np.ndarray], style: Plotting) -> np.ndarray:
    """Draws the densities; returns the edges of the bins. peaks: (peaks,) by source."""
    largest = max(values.max() for values in peaks.values())
    smallest_sample = min(values.size for values in peaks.values())
    edges = np.linspace(0.0, largest, int(np.clip(np.sqrt(smallest_sample), 8, 30)) + 1)
    densities = {source: np.histogram(values, edges, density=True)[0] for source, values in peaks.items()}
    filled = np.concatenate([density[density > 0] for density in densities.values()])
    # Empty bins would be at minus infinity; they end at the floor, below the lowest bin with a peak.
    floor = 0.6 * filled.min()
    for source, density in densities.items():
        line = parts.line_style(source, style)
        if source == high_name():
            ax.stairs(density, edges, baseline=floor, fill=True, color=line["color"], alpha=0.15, linewidth=0)
        ax.stairs(density, edges, baseline=floor, **line)
    parts.make_logarithmic(ax.yaxis, filled, most_ticks=7)
    ax.set(xlim=(0.0, 1.02 * largest), ylim=(floor, 1.7 * filled.max()))
    return edges


def _pooled_peaks(records: Sequence[Motions], index: int, channel: str, network: str) -> dict[str, np.ndarray]:
    """Magnitudes at the turning points of each source over all records; sources without any are left out.

    Turning points on the side that does not count are no peaks.
    """
    pooled = defaultdict(list)
    for record in records:
        for source, values in _sources(record, index, network).items():
            peaks = magnitudes(values, channel)[turning_points(values)]
            pooled[source].append(peaks[np.isfinite(peaks) & (peaks >= 0)])
    peaks = {source: np.concatenate(arrays) for source, arrays in pooled.items()}
    return {source: values for source, values in peaks.items() if values.size}


def _panel_figure(channels: Sequence[str], panel_height: float) -> tuple[Figure, np.ndarray]:
    """A figure with one panel per channel side by side, or two by two, as four in a row would be too small."""
    columns = len(channels) if len(channels) <= 3 else 2
    rows = -(-len(channels) // columns)
    width = {1: 3.6, 2: 5.6}.get(columns, parts.PAGE_WIDTH) if rows == 1 else 6.0
    figure = parts.new_figure(width, panel_height * rows + 0.35)
    return figure, parts.panels(figure, rows, columns).ravel()


def _magnitude_text(channel: str) -> str:
    """The quantity of `metrics.magnitudes`, for a label."""
    row, minus = channel_of(channel), "\N{MINUS SIGN}"
    text = f"{channel} {minus} mean" if row.mean == "removed" else channel
    return {"up": text, "down": f"{minus}({text})" if text != channel else minus + text}.get(row.extremes, f"|{text}|")


# ---- sources ----------------------------------------------------------------------------------------------------


def _sources(motions: Motions, index: int, network: str) -> dict[str, np.ndarray]:
    """Column `index` of each source that has numbers there, (rows,); infinities count as NaN."""
    columns = {}
    for source, values in zip((high_name(), low_name(), network), motions, strict=True):
        column = np.where(np.isfinite(values[:, index]), values[:, index], np.nan)
        if not np.isnan(column).all():
            columns[source] = column
    return columns


def _lines_of(drawn: set[str], network: str, style: Plotting) -> list[Line2D]:
    """Legend entries of the sources that have been drawn."""
    sources = [source for source in (high_name(), low_name(), network) if source in drawn]
    return parts.legend_lines({source: parts.line_style(source, style) for source in sources})


def _cycle_count(sources: Mapping[str, np.ndarray]) -> int:
    """Number of upward crossings of the mean, in the source that has the most."""
    aboves = [values > np.nanmean(values) for values in sources.values()]
    return max(int(np.count_nonzero(above[1:] & ~above[:-1])) for above in aboves)


# ---- saving and showing -----------------------------------------------------------------------------------------


def save_figures(figures: Mapping[str, Figure], folder: Path, moment_unit: str = FILE_UNIT) -> None:
    """Writes the figures of a run (by name) into its folder, and lists them there.

    moment_unit: that of the files, which stands wherever the table of channels says FILE_UNIT.
    """
    for figure in figures.values() if moment_unit != FILE_UNIT else ():
        for text in figure.findobj(Text):
            text.set_text(text.get_text().replace(FILE_UNIT, moment_unit))
    files = {f"{RunFolder.FIGURES}/{name}.png": figure for name, figure in figures.items()}
    RunFolder(folder).note(list(files))
    for name, figure in files.items():
        save_figure(figure, folder / name)


def save_figure(figure: Figure, path: Path) -> None:
    """Writes the figure as PNG atomically, creating its folders."""
    with written_aside(path) as aside, rc_context(fname=parts.STYLE_FILE):
        figure.savefig(aside, format="png")


def show_figures(figures: Mapping[str, Figure]) -> None:
    """Opens a window for each figure and waits until all are closed; prints a line if there is no display."""
    import matplotlib.pyplot as plt  # only here, as it looks for a display

    if plt.get_backend().lower() in ("agg", "cairo", "pdf", "pgf", "ps", "svg", "template"):
        print("show_figures = True, but there is no display: the figures are in the PNG files")
        return
    with rc_context(fname=parts.STYLE_FILE):
        for name, figure in figures.items():
            window = plt.figure(num=name)
            window.canvas.figure = figure
            figure.set_canvas(window.canvas)
        plt.show()
