"""The figure of error maps over sea states."""

import math
import textwrap
from collections.abc import Sequence
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
from figures.style import CHANNEL_NAMES, PAGE_WIDTH, SMALL_TEXT, figure_legend, new_figure, panels, styled
from metrics import SIMPLECODE

WIDTHS = {1: 4.2, 2: 5.8}  # inches, by number of columns; more columns take the page width
MOST_NUMBERED_CELLS = 8  # most columns or rows of a map whose cells show numbers
# Without their ends, which are almost black. Differences have other colours, as their sign means something else.
SIGNED_ERROR_COLORS = ListedColormap(colormaps["RdBu_r"](np.linspace(0.07, 0.93, 255)))
DIFFERENCE_COLORS = ListedColormap(colormaps["PRGn_r"](np.linspace(0.07, 0.93, 255)))
BLANK = {"facecolor": "white", "edgecolor": "0.75", "hatch": "/////", "linewidth": 0.0}
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
    def of_networks(self) -> slice:
        return slice(int(self.models[0] == SIMPLECODE), None)

    @property
    def compares_networks(self) -> bool:
        return len(self.models[self.of_networks]) == 2

    @property
    def shows_numbers(self) -> bool:
        return max(self.errors.shape[-2:]) <= MOST_NUMBERED_CELLS


@dataclass(frozen=True)
class _Group:
    """Maps of one channel that share a colour scale.

    cells: (map, row, column). framed, half_framed: the same, whether all or only one of the networks that the map is of
    were trained in the condition.
    """

    name: str
    colors: Colormap
    cells: np.ndarray
    framed: np.ndarray
    half_framed: np.ndarray

    @property
    def limit(self) -> float:
        return float(np.nanmax(np.abs(self.cells), initial=0.0)) or 1.0


@styled
def sea_state_figure(maps: ErrorMaps, x_label: str, y_label: str, title: str) -> Figure:
    """A row of maps per channel: SimpleCode's if available, and one per network; its training conditions are boxed.

    All models have common colours in a channel. Two networks have a further column |error A| - |error B|, blank where
    one of the two is. Cells stand side by side, in the order of their values, whatever the distances between these.
    Small grids show the numbers; in larger ones a minus marks what is negative, as gray prints do not.
    """
    columns = len(maps.models) + maps.compares_networks
    width = WIDTHS.get(columns, PAGE_WIDTH)
    panel_height = float(np.clip(0.21 * len(maps.y), 0.85, 2.4))
    figure = new_figure(width, 1.15 + (panel_height + 0.1) * len(maps.channels), title)
    figure.get_layout_engine().set(wspace=0.02, hspace=0.04)
    axes = panels(figure, len(maps.channels), columns, sharex=True, sharey=True)
    map_size = np.array([0.66 * width / columns, 0.8 * panel_height])  # inches, about
    cell_size = 72.0 * map_size / (len(maps.x), len(maps.y))  # points
    for index, of_channel in enumerate(axes):
        for ax in of_channel:
            ax.spines[:].set_visible(True)
            ax.tick_params(length=2)
        _draw_channel(maps, index, of_channel, cell_size, panel_height)
        of_channel[0].set_ylabel(y_label)
        _write_row_name(of_channel[0], CHANNEL_NAMES[maps.channels[index]])
    _write_ticks(axes[0, 0], maps.x, maps.y, cell_size)
    for ax in axes[-1]:
        ax.set_xlabel(x_label)
    for ax, heading in zip(axes[0], _headings(maps), strict=True):
        ax.set_title(heading, parse_math=False)
    figure.align_ylabels(axes[:, 0])
    figure_legend(figure, _legend(maps))
    return figure


def _headings(maps: ErrorMaps) -> list[str]:
    networks = maps.models[maps.of_networks]
    if maps.compares_networks:
        networks = [f"{letter}: {name}" for letter, name in zip("AB", networks, strict=True)]
    headings = [*([SIMPLECODE] if len(networks) < len(maps.models) else []), *networks]
    headings = ["\n".join(textwrap.wrap(name, 30, max_lines=3, placeholder=" ...")) for name in headings]
    return [*headings, f"|A| {MINUS} |B|\n(negative: A better)"] if maps.compares_networks else headings


def _groups(maps: ErrorMaps, index: int) -> list[_Group]:
    """The groups of a channel's maps: the errors of all models, and the difference of two networks."""
    channel, errors = maps.channels[index], maps.errors[:, index]
    not_half = np.zeros_like(maps.trained)
    groups = [_Group(f"{channel} error", SIGNED_ERROR_COLORS, errors, maps.trained, not_half)]
    if maps.compares_networks:
        of_a, of_b = np.abs(errors[maps.of_networks])
        trained = maps.trained[maps.of_networks]
        both, one = trained.all(axis=0), trained[0] != trained[1]
        name = f"{channel} |A| {MINUS} |B|"
        groups.append(_Group(name, DIFFERENCE_COLORS, (of_a - of_b)[None], both[None], one[None]))
    return groups


def _draw_channel(maps: ErrorMaps, index: int, axes: np.ndarray, cell_size: np.ndarray, panel_height: float) -> None:
    """Draws the maps of a channel and their colour bars. panel_height: inches. cell_size: approximate, points."""
    groups = _groups(maps, index)
    limits = [group.limit for group in groups]
    common_power = _display_power(min(limits))
    figure = axes[0].figure
    first = 0
    for group in groups:
        of_group = axes[first : first + len(group.cells)]
        first += len(group.cells)
        power = common_power if max(limits) < 1e3 * common_power else _display_power(group.limit)
        mappable = ScalarMappable(Normalize(-group.limit / power, group.limit / power), group.colors)
        for ax, cells, framed, half_framed in zip(of_group, group.cells, group.framed, group.half_framed, strict=True):
            _draw_cells(ax, cells / power, mappable, cell_size, maps.shows_numbers)
            _draw_frames(ax, framed, "-", cell_size)
            _draw_frames(ax, half_framed, DASHES, cell_size)
        # 0.09 inches as a share of the maps' width.
        thickness = 0.09 / (0.7 * figure.get_figwidth() / len(axes) * len(of_group))
        sizes = {"aspect": panel_height / 0.09, "pad": 0.4 * thickness, "fraction": thickness}
        bar = figure.colorbar(mappable, ax=list(of_group), **sizes)
        bar.set_label(f"{group.name}\n[{_scaled_unit(CHANNEL_UNITS[maps.channels[index]], power)}]")
        # At the same distance from all bars, whatever their numbers.
        beside = ScaledTranslation(0.43, 0.0, figure.dpi_scale_trans)
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
    largest = float(np.nanmax(np.abs(cells), initial=0.0)) or mappable.norm.vmax  # also if far below the other maps'
    decimals = int(np.clip(1 - math.floor(math.log10(largest)), 0, 3))
    for (row, column), value in np.ndenumerate(cells):
        if np.isnan(value):
            ax.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, **BLANK))
            continue
        # Rounded before the sign is checked, so that there is no negative zero.
        text = f"{round(value, decimals) + 0.0:.{decimals}f}".replace("-", MINUS)
        letters = decimals + 3  # a minus sign, a digit and the point
        size = min(SMALL_TEXT, 1.5 / max(letters, 5) * cell_size[0], 0.75 * cell_size[1])
        if not shows_numbers:
            text, size = (MINUS if text.startswith(MINUS) else ""), min(0.8 * cell_size.min(), SMALL_TEXT)
        if text:
            red, green, blue, _ = mappable.to_rgba(value)
            is_dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.5
            middle = {"ha": "center", "va": "center_baseline", "fontsize": size}
            ax.text(column, row, text, color="white" if is_dark else "black", **middle)


def _draw_frames(ax: Axes, framed: np.ndarray, linestyle: str | tuple, cell_size: np.ndarray) -> None:
    """Draws black frames in the cells that are True, with a white seam so that they show on dark colours."""
    inset = np.minimum(1.4 / cell_size, 0.15)
    for row, column in np.argwhere(framed):
        corner, size = (column - 0.5 + inset[0], row - 0.5 + inset[1]), 1.0 - 2.0 * inset
        looks = {"fill": False, "joinstyle": "miter", "zorder": 2.5}
        ax.add_patch(Rectangle(corner, *size, edgecolor="white", linewidth=2.0, **looks))
        ax.add_patch(Rectangle(corner, *size, edgecolor="black", linewidth=1.1, linestyle=linestyle, **looks))


def _legend(maps: ErrorMaps) -> list:
    frame = {"facecolor": "none", "edgecolor": "black", "linewidth": 1.1}
    trained = maps.trained[maps.of_networks]
    handles = []
    if trained.any():
        handles.append(Patch(**frame, label="training condition"))
    if maps.compares_networks and (trained[0] != trained[1]).any():
        handles.append(Patch(**frame, linestyle=DASHES, label="training condition of one network"))
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
        positions = np.arange(0, len(values), every)
        axis.set_ticks(positions, [names[i] for i in positions])
    ax.set(xlim=(-0.5, len(x) - 0.5), ylim=(-0.5, len(y) - 0.5))


def _write_row_name(ax: Axes, name: str) -> None:
    """Writes the name of a row of panels to the left of its ordinate label."""
    left_of_label = {"xy": (0, 0.5), "xycoords": ax.yaxis.label, "xytext": (-4, 0), "textcoords": "offset points"}
    looks = {"rotation": 90, "ha": "right", "va": "center", "fontweight": "bold"}
    ax.annotate(textwrap.fill(name, 10), **left_of_label, **looks)


def _display_power(limit: float) -> float:
    """The power of ten by which numbers up to limit are divided for display: 1, or a power of a thousand."""
    if 0.1 <= limit < 1e3:
        return 1.0
    return 10.0 ** (3 * math.floor(math.log10(limit) / 3))


def _scaled_unit(unit: str, power: float) -> str:
    return unit if power == 1 else f"$10^{{{round(math.log10(power))}}}$ {unit}"
