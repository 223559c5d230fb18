"""Parts of all figures, and their style: report.mplstyle, panels, the lines of the sources, labels and legends.

Matplotlib creates some artists, such as ticks, only when a figure is drawn. Everything that makes, draws or saves a
figure therefore runs in `rc_context(fname=STYLE_FILE)`, as the decorator `styled` does.

Sources differ in line style, width and filling as well as colour, so that figures work in grayscale and for
colour-blind readers: LAMP solid, SimpleCode dotted or open, the network dashed or filled.
"""

import math
import re
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.gridspec import SubplotSpec
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from settings import Plotting
from settings.channels import channel_of
from settings.description import high_name, in_use, low_name

STYLE_FILE = Path(__file__).with_name("report.mplstyle")
SET_NAMES = {"train": "training", "val": "validation", "test": "test"}
CHECK = "check of the calibration with itself"  # of bands, by the records that they were calibrated on
SET_MARKERS = {"train": "X", "val": "D", "test": "*"}

PAGE_WIDTH = 7.5  # inches, the text width of a page
SMALL_TEXT = 7.0  # points
MOST_LETTERS = 38  # of a line above or below one of two panels
NARROW = 24  # of one of three panels, beside a power of ten
WHOLE = re.compile(r"\[[^]]*\]|\|[^|]*\|")  # does not wrap: units and magnitudes
GRAY = "0.45"
DOTTED = (0, (1, 1.2))
DASHED = (0, (4, 1.6))
RAYLEIGH = {"color": GRAY, "linestyle": (0, (5, 1, 1, 1)), "linewidth": 0.9, "zorder": 3}


styled = rc_context(fname=STYLE_FILE)  # decorates functions so that they draw in the style of all figures


def new_figure(width: float, height: float, title: str = "") -> Figure:
    """An empty figure, width x height in inches; a long title is wrapped and smaller."""
    figure = Figure(figsize=(width, height))
    letters_in_a_line = int(width * 13)
    lines = textwrap.wrap(title, letters_in_a_line)
    if lines:
        # File names may contain dollar signs, which do not start formulas.
        figure.suptitle("\n".join(lines), parse_math=False, **({} if len(lines) == 1 else {"fontsize": 7.5}))
    return figure


def panels(where: Figure | SubplotSpec, rows: int, columns: int = 1, **named) -> np.ndarray:
    """(rows, columns) of axes in a figure or a part of one; named: as for `Figure.subplots` or `subgridspec`."""
    if isinstance(where, SubplotSpec):
        axes = where.subgridspec(rows, columns, **named).subplots(squeeze=False)
    else:
        axes = where.subplots(rows, columns, squeeze=False, **named)
    for ax in axes.flat:
        for axis, side in ((ax.xaxis, "left"), (ax.yaxis, "right")):
            # Ticks independent of the panel's size, as the layout leaves room for those it has seen.
            axis.set_major_locator(MaxNLocator(nbins=5, steps=(1, 2, 2.5, 5, 10)))
            axis.get_offset_text().set_ha(side)  # a power of ten beside the panel, clear of labels and titles
    return axes


def row_width(count: int) -> float:
    """Of a figure with so many panels in a row, inches: more than four do not fit on a page."""
    return max(PAGE_WIDTH, 2.2 * (count - 1))


def share_abscissa(column: Sequence[Axes], label: str) -> None:
    """Puts one abscissa under the lowest panel of a column."""
    for ax in column[:-1]:
        ax.sharex(column[-1])
        ax.tick_params(labelbottom=False)
    column[-1].set_xlabel(label)


def make_logarithmic(axis: Axis, values: np.ndarray, most_ticks: int) -> None:
    """Logarithmic axis for positive values (NaN left out), with tick labels also within a decade."""
    low, high = np.nanmin(values), np.nanmax(values)
    decades = np.log10(high / low)
    getattr(axis.axes, f"set_{axis.axis_name}scale")("log")
    if decades == 0:
        getattr(axis.axes, f"set_{axis.axis_name}lim")(low / 1.5, high * 1.5)  # Matplotlib would show a whole decade
    if decades < 0.5:
        axis.set_major_locator(MaxNLocator(nbins=most_ticks, steps=(1, 2, 5, 10)))
    elif 3 * decades <= most_ticks:
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(lambda value, _: number_text(value))
    axis.set_minor_formatter(NullFormatter())


def write_note(ax: Axes, note: str) -> None:
    """Writes into an empty panel why it is empty."""
    ax.tick_params(which="both", left=False, bottom=False, labelleft=False, labelbottom=False)
    ax.text(0.5, 0.5, note, transform=ax.transAxes, ha="center", va="center", color=GRAY)


def write_remark(ax: Axes, remark: str) -> None:
    """Writes a small remark above the panel, on the right."""
    ax.set_title(remark, loc="right", fontsize=SMALL_TEXT + 0.5, color="0.3")


def figure_legend(figure: Figure, handles: Sequence) -> None:
    """Adds a legend below all panels, in as many rows as the figure's width requires."""
    if handles:
        # An entry takes about 1.15 inches, or with a long name its letters and the line.
        length = max(1.15 * len(handles), sum(0.5 + 0.057 * len(each.get_label()) for each in handles))
        rows = math.ceil(length / figure.get_figwidth())
        figure.legend(handles=handles, loc="outside lower center", ncols=math.ceil(len(handles) / rows))


def legend_lines(looks_by_label: Mapping[str, Mapping]) -> list[Line2D]:
    """Lines for a legend, by their labels."""
    return [Line2D([], [], label=label, **looks) for label, looks in looks_by_label.items()]


def line_style(source: str, style: Plotting, thin: bool = False) -> dict:
    """Line of a source. LAMP is wide and at the bottom, so that it shows through the gaps of a line that matches it."""
    lines = {
        high_name(): {"color": style.lamp_color, "linestyle": "-", "linewidth": 1.5, "zorder": 2.0},
        low_name(): {"color": style.simple_color, "linestyle": DOTTED, "linewidth": 1.2, "zorder": 2.2},
    }
    network = {"color": style.lstm_color, "linestyle": DASHED, "linewidth": 1.2, "zorder": 2.4}
    return lines.get(source, network) | ({"linewidth": 0.9} if thin else {})


def filling(source: str, style: Plotting) -> dict:
    """Of a source's markers: SimpleCode open, the network filled, as red and green are the same in grayscale."""
    color = line_style(source, style)["color"]
    return {"color": color, "markerfacecolor": "none" if source == low_name() else color, "markeredgewidth": 0.8}


def wrapped_label(channel: str, side: str = "") -> str:
    """Name and unit of a channel, or of its largest positive or negative values, in lines short enough for a panel."""
    unit = channel_of(channel).unit.replace(" ", "\N{NO-BREAK SPACE}")
    return textwrap.fill(f"{channel_of(channel).label}{f', {side}' if side else ''} [{unit}]", 20).replace(
        "\N{NO-BREAK SPACE}", " "
    )


def wrapped(text: str, letters: int = MOST_LETTERS) -> str:
    """In lines of so many letters, as names that a user gives may be long; in one line for SimpleCode and LAMP."""
    if in_use().is_ship:
        return text
    text = WHOLE.sub(lambda part: part[0].replace(" ", "\N{NO-BREAK SPACE}"), text)
    lines = "\n".join(textwrap.fill(line, letters) for line in text.split("\n"))
    return lines.replace("\N{NO-BREAK SPACE}", " ")


def number_text(value: float) -> str:
    """Three significant digits, as on the axes: 0.0123, or 4.56 times a power of ten."""
    if value == 0 or 1e-4 <= abs(value) < 1e4:
        return f"{value:.3g}" if abs(value) < 999.5 else f"{value:.0f}"
    mantissa, exponent = f"{value:.2e}".split("e")
    power = f"10^{{{int(exponent)}}}"
    return f"${power}$" if float(mantissa) == 1 else rf"${float(mantissa):g}\times{power}$"
