"""The figure of error maps over sea states."""

import math
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import ScaledTranslation

from data_io import CHANNEL_UNITS
from figures import parts
from metrics import SIMPLECODE

WIDTHS = {1: 4.2, 2: 5.8}  # inches, by number of columns; more columns take the page width
MOST_NUMBERED_CELLS = 8  # most columns or rows of a map whose cells show numbers
# Without their ends, which are almost black. Differences have other colours, as their sign means something else.
SIGNED_ERROR_COLORS = ListedColormap(colormaps["RdBu_r"](np.linspace(0.07, 0.93, 255)))
DIFFERENCE_COLORS = ListedColormap(colormaps["PRGn_r"](np.linspace(0.07, 0.93, 255)))
BLANK = {"facecolor": "white", "edgecolor": "0.75", "hatch": "/////", "linewidth": 0.0}
FRAME = {"edgecolor": "black", "linewidth": 1.1}
DASHES = (0, (2, 1))
MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class ErrorMaps:
    """Errors of the single significant amplitude over a grid of conditions.

    x: (column,), y: (row,) values of the two parts of the condition that vary, ascending. models: names of one or two
    networks, before them SimpleCode or not. errors: (model, channel, row, column), model - LAMP in the units of
    CHANNEL_UNITS, NaN where there is none. trained: (model, row, column), whether it was trained in the condition.
    """

    x: np.ndarray
    y: np.ndarray
    errors: np.ndarray
    trained: np.ndarray
    channels: Sequence[str]
    models: Sequence[str]

    @property
    def networks(self) -> list[str]:
        return [model for model in self.models if model != SIMPLECODE]

    @property
    def shows_numbers(self) -> bool:
        return max(self.errors.shape[-2:]) <= MOST_NUMBERED_CELLS


@parts.styled
def sea_state_figure(maps: ErrorMaps, x_label: str, y_label: str, title: str) -> Figure:
    """A row of maps per channel: SimpleCode's if available, and one per network; its training conditions are boxed.

    All models have common colours in a channel. Two networks have a further column |error A| - |error B|, blank where
    one of the two is. Cells stand side by side, in the order of their values, whatever the distances between these.
    Small grids show the numbers; in larger ones a minus marks what is negative, as gray prints do not.
    """
    headings = _headings(maps)
    width = WIDTHS.get(len(headings), parts.PAGE_WIDTH)
    panel_height = float(np.clip(0.21 * len(maps.y), 0.85, 2.4))
    figure = parts.new_figure(width, 1.15 + (panel_height + 0.1) * len(maps.channels), title)
    figure.get_layout_engine().set(wspace=0.02, hspace=0.04)
    axes = parts.panels(figure, len(maps.channels), len(headings), sharex=True, sharey=True)
    map_size = np.array([0.66 * width / len(headings), 0.8 * panel_height])  # inches, about
    cell_size = 72.0 * map_size / (len(maps.x), len(maps.y))  # points
    for ax in axes.flat:
        ax.spines[:].set_visible(True)
        ax.tick_params(length=2)
    for index, (channel, of_channel) in enumerate(zip(maps.channels, axes, strict=True)):
        _draw_channel(maps, index, of_channel, cell_size, panel_height)
        name_place = {"xycoords": of_channel[0].yaxis.label, "xytext": (-4, 0), "textcoords": "offset points"}
        looks = {"rotation": 90, "ha": "right", "va": "center", "fontweight": "bold"}
        of_channel[0].set_ylabel(y_label)
        of_channel[0].annotate(textwrap.fill(parts.CHANNEL_NAMES[channel], 10), (0, 0.5), **name_place, **looks)
    _write_ticks(axes[0, 0], maps.x, maps.y, cell_size)
    for top, bottom, heading in zip(axes[0], axes[-1], headings, strict=True):
        top.set_title(heading, parse_math=False)
        bottom.set_xlabel(x_label)
    figure.align_ylabels(axes[:, 0])
    parts.figure_legend(figure, _legend(maps))
    return figure


def _headings(maps: ErrorMaps) -> list[str]:
    """Of each column of maps."""
    names, difference = list(maps.models), []
    if len(maps.networks) == 2:
        names[-2:] = f"A: {names[-2]}", f"B: {names[-1]}"
        difference = [f"|A| {MINUS} |B|\n(negative: A better)"]
    return ["\n".join(textwrap.wrap(name, 30, max_lines=3, placeholder=" ...")) for name in names] + difference


def _groups(maps: ErrorMaps, index: int) -> Iterator[tuple[str, Colormap, np.ndarray, list[dict]]]:
    """Yields the maps of a channel that share a colour scale: the errors of all models, the difference of two networks.

    Of each group: its name, its colours, the cells (map, row, column), and for each map which cells have a frame
    (row, column), by the frame's line.
    """
    channel, errors = maps.channels[index], maps.errors[:, index]
    yield f"{channel} error", SIGNED_ERROR_COLORS, errors, [{"-": trained} for trained in maps.trained]
    if len(maps.networks) == 2:
        of_a, of_b = np.abs(errors[-2:])
        frames = {"-": maps.trained[-2:].all(axis=0), DASHES: maps.trained[-2] != maps.trained[-1]}
        yield f"{channel} |A| {MINUS} |B|", DIFFERENCE_COLORS, (of_a - of_b)[None], [frames]


def _draw_channel(maps: ErrorMaps, index: int, axes: np.ndarray, cell_size: np.ndarray, panel_height: float) -> None:
    """Draws the maps of a channel and their colour bars. panel_height: inches. cell_size: approximate, points."""
    groups = list(_groups(maps, index))
    limits = [_largest(cells) or 1.0 for _, _, cells, _ in groups]
    common_power = _display_power(min(limits))
    panel_width = 0.7 * axes[0].figure.get_figwidth() / len(axes)  # inches, about
    left = list(axes)
    for (name, colors, of_group, frames_of_group), limit in zip(groups, limits, strict=True):
        own, left = left[: len(of_group)], left[len(of_group) :]
        power = common_power if max(limits) < 1e3 * common_power else _display_power(limit)
        mappable = ScalarMappable(Normalize(-limit / power, limit / power), colors)
        for ax, cells, frames in zip(own, of_group, frames_of_group, strict=True):
            _draw_cells(ax, cells / power, mappable, cell_size, maps.shows_numbers)
            for line, framed in frames.items():
                _draw_frames(ax, framed, line, cell_size)
        thickness = 0.09 / (panel_width * len(own))  # 0.09 inches as a share of the maps' width
        sizes = {"aspect": panel_height / 0.09, "pad": 0.4 * thickness, "fraction": thickness}
        bar = ax.figure.colorbar(mappable, ax=own, **sizes)
        scale = "" if power == 1 else f"$10^{{{round(math.log10(power))}}}$ "
        bar.set_label(f"{name}\n[{scale}{CHANNEL_UNITS[maps.channels[index]]}]")
        # At the same distance from all bars, whatever their numbers.
        beside = ScaledTranslation(0.43, 0.0, ax.figure.dpi_scale_trans)
        bar.ax.yaxis.set_label_coords(1.0, 0.5, transform=bar.ax.transAxes + beside)
        bar.locator = MaxNLocator(nbins=4, steps=(1, 2, 5, 10), symmetric=True)
        bar.ax.tick_params(which="both", length=2)


def _draw_cells(
    ax: Axes, cells: np.ndarray, mappable: ScalarMappable, cell_size: np.ndarray, shows_numbers: bool
) -> None:
    """Draws the coloured cells of a map, (row, column) from the lower left, hatched where NaN."""
    rows, columns = cells.shape
    edges = np.arange(columns + 1) - 0.5, np.arange(rows + 1) - 0.5
    colors = {"cmap": mappable.cmap, "norm": mappable.norm}
    ax.pcolormesh(*edges, np.ma.masked_invalid(cells), edgecolors="white", linewidth=0.4, **colors)
    largest = _largest(cells) or mappable.norm.vmax  # also if far below the other maps'
    decimals = int(np.clip(1 - math.floor(math.log10(largest)), 0, 3))
    letters = max(decimals + 3, 5)  # a minus sign, a digit and the point
    size = min(parts.SMALL_TEXT, 1.5 / letters * cell_size[0], 0.75 * cell_size[1])
    if not shows_numbers:
        size = min(parts.SMALL_TEXT, 0.8 * cell_size.min())
    for (row, column), value in np.ndenumerate(cells):
        if np.isnan(value):
            ax.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, **BLANK))
            continue
        # Rounded before the sign is checked, so that there is no negative zero.
        text = f"{round(value, decimals) + 0.0:.{decimals}f}".replace("-", MINUS)
        text = text if shows_numbers else text[: text.startswith(MINUS)]
        is_dark = np.dot(mappable.to_rgba(value)[:3], (0.299, 0.587, 0.114)) < 0.5
        middle = {"ha": "center", "va": "center_baseline", "fontsize": size}
        if text:
            ax.text(column, row, text, color="white" if is_dark else "black", **middle)


def _draw_frames(ax: Axes, framed: np.ndarray, linestyle: str | tuple, cell_size: np.ndarray) -> None:
    """Draws black frames in the cells that are True, with a white seam so that they show on dark colours."""
    inset = np.minimum(1.4 / cell_size, 0.15)
    for row, column in np.argwhere(framed):
        corner, size = (column - 0.5 + inset[0], row - 0.5 + inset[1]), 1.0 - 2.0 * inset
        looks = {"fill": False, "joinstyle": "miter", "zorder": 2.5}
        ax.add_patch(Rectangle(corner, *size, edgecolor="white", linewidth=2.0, **looks))
        ax.add_patch(Rectangle(corner, *size, linestyle=linestyle, **FRAME, **looks))


def _legend(maps: ErrorMaps) -> list:
    handles = []
    if maps.trained[-len(maps.networks) :].any():
        handles.append(Patch(facecolor="none", **FRAME, label="training condition"))
    if len(maps.networks) == 2 and (maps.trained[-2] != maps.trained[-1]).any():
        handles.append(Patch(facecolor="none", **FRAME, linestyle=DASHES, label="training condition of one network"))
    if np.isnan(maps.errors).any():
        handles.append(Patch(**BLANK, label="no value"))
    if not maps.shows_numbers and (maps.errors < 0).any():
        minus = {"color": "black", "linestyle": "none", "marker": "_", "markersize": 4.5, "markeredgewidth": 0.7}
        handles.append(Line2D([], [], label="negative", **minus))
    return handles


def _write_ticks(ax: Axes, x: np.ndarray, y: np.ndarray, cell_size: np.ndarray) -> None:
    """Sets ticks with the cells' values, as many as there is room for; all maps of a figure share their axes."""
    for axis, values, size in ((ax.xaxis, x, cell_size[0]), (ax.yaxis, y, cell_size[1])):
        names = [f"{value:g}" for value in values]
        letters = max(map(len, names)) + 1 if axis is ax.xaxis else 1.6
        every = max(math.ceil(4.8 * letters / size), 1)  # points a letter
        axis.set_ticks(range(0, len(values), every), names[::every])
    ax.set(xlim=(-0.5, len(x) - 0.5), ylim=(-0.5, len(y) - 0.5))


def _largest(values: np.ndarray) -> float:
    """The largest magnitude, without NaN; 0 if there is none."""
    return float(np.nanmax(np.abs(values), initial=0.0))


def _display_power(limit: float) -> float:
    """The power of ten by which numbers up to limit are divided for display: 1, or a power of a thousand."""
    return 1.0 if 0.1 <= limit < 1e3 else 10.0 ** (3 * math.floor(math.log10(limit) / 3))
