"""The figure of error maps over sea states."""

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import ScaledTranslation

from figures import parts
from readers.sea_state_handles import part_label
from settings.channels import channel_of
from settings.description import low_name

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
class Group:
    """Maps with a common colour scale in each channel: the errors of all models, or the difference of two networks.

    name: what the maps show. headings: of each map. cells: (map, channel, row, column), NaN where there is no value.
    frames: by line style, which conditions have a frame (map, row, column). counts: of the shape of cells, the
    realizations that a cell is the mean of; None if each is of one sea state.
    """

    name: str
    colors: Colormap
    headings: Sequence[str]
    cells: np.ndarray
    frames: dict[str | tuple, np.ndarray]
    counts: np.ndarray | None = None


@parts.styled
def sea_state_figure(table: pd.DataFrame, measure: str, models: Sequence[str], x: str, y: str, title: str) -> Figure:
    """A row of maps per channel: SimpleCode's if available, and one per network; its training conditions are boxed.

    All models have common colours in a channel. Two networks have a further column |error A| - |error B|, blank where
    one of the two is. Cells stand side by side, in the order of their values, whatever the distances between these.
    Small grids show the numbers; in larger ones a minus marks what is negative, as gray prints do not. Where cells are
    means over several sea states, each shows below how many realizations it has.

    table: see `studies.sea_state_map.condition_table`. measure: the column of errors. models: one or two networks,
    before them SimpleCode or not. x, y: the parts of the handle along the axes.
    """
    channels = table["channel"].unique()
    errors, trained = (grid_of(table, name, models, x, y) for name in (measure, "trained"))
    counts = grid_of(table, "realizations", models, x, y) if "sea_states" in table else None
    groups = _groups(models, errors, (trained == 1).any(axis=1), counts)
    rows, columns = groups[0].cells.shape[2:]
    headings = [heading for group in groups for heading in group.headings]
    width = WIDTHS.get(len(headings), parts.PAGE_WIDTH)
    panel_height = float(np.clip((0.21 if counts is None else 0.26) * rows, 0.85, 2.4))
    figure = parts.new_figure(width, 1.15 + (panel_height + 0.1) * len(channels), title)
    figure.get_layout_engine().set(wspace=0.02, hspace=0.04)
    axes = parts.panels(figure, len(channels), len(headings), sharex=True, sharey=True)
    map_size = np.array([0.66 * width / len(headings), 0.8 * panel_height])  # inches, about
    cell_size = 72.0 * map_size / (columns, rows)  # points
    for ax in axes.flat:
        ax.spines[:].set_visible(True)
        ax.tick_params(length=2)
    for index, (channel, maps) in enumerate(zip(channels, axes, strict=True)):
        _draw_channel(groups, index, channel, maps, cell_size, panel_height)
        name_place = {"xycoords": maps[0].yaxis.label, "xytext": (-4, 0), "textcoords": "offset points"}
        looks = {"rotation": 90, "ha": "right", "va": "center", "fontweight": "bold"}
        maps[0].set_ylabel(part_label(y))
        maps[0].annotate(textwrap.fill(channel_of(channel).label, 10), (0, 0.5), **name_place, **looks)
    _write_ticks(axes[0, 0], np.unique(table[x]), np.unique(table[y]), cell_size)
    for top, bottom, heading in zip(axes[0], axes[-1], headings, strict=True):
        top.set_title(heading, parse_math=False)
        bottom.set_xlabel(part_label(x))
    figure.align_ylabels(axes[:, 0])
    parts.figure_legend(figure, _legend(groups))
    return figure


def grid_of(table: pd.DataFrame, name: str, models: Sequence[str], x: str, y: str) -> np.ndarray:
    """A column of a `condition_table` as (model, channel, row, column); NaN where the table has no row.

    Rows and columns are the values of y and x in ascending order.
    """
    grid = pd.MultiIndex.from_product([models, table["channel"].unique(), np.unique(table[y]), np.unique(table[x])])
    return table.set_index(["network", "channel", y, x])[name].reindex(grid).to_numpy(float).reshape(grid.levshape)


def _groups(models: Sequence[str], errors: np.ndarray, trained: np.ndarray, counts: np.ndarray | None) -> list[Group]:
    """The maps of all channels. trained: (model, row, column)."""
    names, differences = list(models), []
    if len(set(models) - {low_name()}) == 2:
        names[-2:] = f"A: {names[-2]}", f"B: {names[-1]}"
        frames = {"-": trained[-2:].all(axis=0)[None], DASHES: (trained[-2] != trained[-1])[None]}
        name = f"|A| {MINUS} |B|"
        cells = -np.diff(np.abs(errors[-2:]), axis=0)
        differences = [Group(name, DIFFERENCE_COLORS, [f"{name}\n(negative: A better)"], cells, frames)]
    headings = ["\n".join(textwrap.wrap(name, 30, max_lines=3, placeholder=" ...")) for name in names]
    return [Group("error", SIGNED_ERROR_COLORS, headings, errors, {"-": trained}, counts), *differences]


def _draw_channel(
    groups: Sequence[Group], index: int, channel: str, axes: np.ndarray, cell_size: np.ndarray, panel_height: float
) -> None:
    """Draws the maps of a channel and their colour bars. panel_height: inches. cell_size: approximate, points."""
    limits = [_largest(group.cells[:, index]) or 1.0 for group in groups]
    common_power = _display_power(min(limits))
    panel_width = 0.7 * axes[0].figure.get_figwidth() / len(axes)  # inches, about
    for group, limit, maps in zip(groups, limits, np.split(axes, [len(groups[0].cells)]), strict=False):
        power = common_power if max(limits) < 1e3 * common_power else _display_power(limit)
        mappable = ScalarMappable(Normalize(-limit / power, limit / power), group.colors)
        for place, ax in enumerate(maps):
            counts = None if group.counts is None else group.counts[place, index]
            _draw_cells(ax, group.cells[place, index] / power, mappable, cell_size, counts)
            for line, framed in group.frames.items():
                _draw_frames(ax, framed[place], line, cell_size)
        thickness = 0.09 / (panel_width * len(maps))  # 0.09 inches as a share of the maps' width
        sizes = {"aspect": panel_height / 0.09, "pad": 0.4 * thickness, "fraction": thickness}
        bar = ax.figure.colorbar(mappable, ax=maps, **sizes)
        scale = "" if power == 1 else f"$10^{{{round(math.log10(power))}}}$ "
        bar.set_label(f"{channel} {group.name}\n[{scale}{channel_of(channel).unit}]")
        # At the same distance from all bars, whatever their numbers.
        beside = ScaledTranslation(0.43, 0.0, ax.figure.dpi_scale_trans)
        bar.ax.yaxis.set_label_coords(1.0, 0.5, transform=bar.ax.transAxes + beside)
        bar.locator = MaxNLocator(nbins=4, steps=(1, 2, 5, 10), symmetric=True)
        bar.ax.tick_params(which="both", length=2)


def _draw_cells(
    ax: Axes, cells: np.ndarray, mappable: ScalarMappable, cell_size: np.ndarray, counts: np.ndarray | None
) -> None:
    """Draws the coloured cells of a map, (row, column) from the lower left, hatched where NaN. counts: of its cells."""
    rows, columns = cells.shape
    edges = np.arange(columns + 1) - 0.5, np.arange(rows + 1) - 0.5
    colors = {"cmap": mappable.cmap, "norm": mappable.norm}
    ax.pcolormesh(*edges, np.ma.masked_invalid(cells), edgecolors="white", linewidth=0.4, **colors)
    largest = _largest(cells) or mappable.norm.vmax  # also if far below the other maps'
    decimals = int(np.clip(1 - math.floor(math.log10(largest)), 0, 3))
    letters = max(decimals + 3, 5)  # a minus sign, a digit and the point
    shows_numbers = max(cells.shape) <= MOST_NUMBERED_CELLS
    up = 0.0 if counts is None else 0.18  # of a cell, where a number stands below
    room = min(1.5 / letters * cell_size[0], (0.75 - up) * cell_size[1]) if shows_numbers else 0.8 * cell_size.min()
    for (row, column), value in np.ndenumerate(cells):
        if np.isnan(value):
            ax.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, **BLANK))
            continue
        # Rounded before the sign is checked, so that there is no negative zero.
        text = f"{round(value, decimals) + 0.0:.{decimals}f}".replace("-", MINUS)
        text = text if shows_numbers else text[: text.startswith(MINUS)]
        is_dark = np.dot(mappable.to_rgba(value)[:3], (0.299, 0.587, 0.114)) < 0.5
        middle = {"ha": "center", "va": "center_baseline", "fontsize": min(parts.SMALL_TEXT, room)}
        if text:
            ax.text(column, row + up, text, color="white" if is_dark else "black", **middle)
        if counts is not None:
            small = min(parts.SMALL_TEXT - 1.5, 0.38 * cell_size[1], 0.5 * cell_size[0])
            looks = middle | {"fontsize": small, "fontstyle": "italic"}
            ax.text(column, row - 0.23, f"{counts[row, column]:.0f}", color="white" if is_dark else "black", **looks)


def _draw_frames(ax: Axes, framed: np.ndarray, linestyle: str | tuple, cell_size: np.ndarray) -> None:
    """Draws black frames in the cells that are True, with a white seam so that they show on dark colours."""
    inset = np.minimum(1.4 / cell_size, 0.15)
    for row, column in np.argwhere(framed):
        corner, size = (column - 0.5 + inset[0], row - 0.5 + inset[1]), 1.0 - 2.0 * inset
        looks = {"fill": False, "joinstyle": "miter", "zorder": 2.5}
        ax.add_patch(Rectangle(corner, *size, edgecolor="white", linewidth=2.0, **looks))
        ax.add_patch(Rectangle(corner, *size, linestyle=linestyle, **FRAME, **looks))


def _legend(groups: Sequence[Group]) -> list[Artist]:
    errors, *_ = groups
    frame = {"facecolor": "none", **FRAME}
    point = {"color": "black", "linestyle": "none", "markersize": 4.5}
    number = {"marker": "$n$", "markeredgewidth": 0.0, **point}
    trained = "training condition" if errors.counts is None else "has training conditions"
    is_large = max(errors.cells.shape[2:]) > MOST_NUMBERED_CELLS
    handles = (
        (errors.frames["-"].any(), Patch(**frame, label=trained)),
        (
            np.any(groups[-1].frames.get(DASHES)),
            Patch(**frame, linestyle=DASHES, label="training condition of one network"),
        ),
        (errors.counts is not None, Line2D([], [], label="realizations in the mean", **number)),
        (np.isnan(errors.cells).any(), Patch(**BLANK, label="no value")),
        (
            is_large and (errors.cells < 0).any(),
            Line2D([], [], label="negative", marker="_", markeredgewidth=0.7, **point),
        ),
    )
    return [handle for is_shown, handle in handles if is_shown]


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
