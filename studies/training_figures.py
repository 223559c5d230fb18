"""Figures of trainings: learning curves, how checkpoints grow towards LAMP, and networks compared.

As in plotting.py, each function takes arrays and returns a figure, and none shows or saves.
"""

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, SymmetricalLogLocator

from data_io import CHANNEL_UNITS, HISTORY_COLUMNS, VALIDATION_ERRORS
from plotting import (
    CHANNEL_NAMES,
    GRAY,
    PAGE_WIDTH,
    SET_MARKERS,
    SET_NAMES,
    TEXT_SIZE,
    PlotStyle,
    detail_rows,
    dress,
    figure_legend,
    line_style,
    make_logarithmic,
    new_figure,
    number_text,
    wrapped_label,
    write_note,
)

MOST_MARKED_EPOCHS = 20
EXCERPT_DURATION = 30.0  # s, two or three cycles: the lines of the checkpoints lie close together
MOST_EXCERPT_LINES = 7
MOST_COMPARED = 30  # networks in one figure


def best_epoch_of(history: pd.DataFrame) -> int | None:
    """The epoch with the smallest validation loss, or training loss where there is no validation; None without any.

    history: as in `learning_curve_figure`. The first of equal ones, as in training.
    """
    for name in ("val_loss", "loss"):
        values = history[name].where(np.isfinite(history[name]))
        if values.notna().any():
            return int(history["epoch"].loc[values.idxmin()])
    return None


def learning_curve_figure(history: Mapping | pd.DataFrame, best_epoch: int | None, title: str) -> Figure:
    """Over the epochs: losses, generalization gap and learning rate, and beside them the error of each channel.

    history: HISTORY_COLUMNS, and any of VALIDATION_ERRORS in the units of CHANNEL_UNITS. The generalization gap is
    validation loss - training loss. Without a validation set val_loss and VALIDATION_ERRORS are NaN throughout, and
    their panels are left out. best_epoch: the epoch whose weights are kept, in the counting of column epoch. What is
    not positive has no place on a logarithmic axis and is left out.
    """
    epoch, elapsed, loss, val_loss, learning_rate = (
        np.asarray(history[name], dtype=np.float64) for name in HISTORY_COLUMNS
    )
    errors = {
        channel: _positive(np.asarray(history[column], dtype=np.float64))
        for channel, column in VALIDATION_ERRORS.items()
        if column in history
    }
    errors = {channel: values for channel, values in errors.items() if np.isfinite(values).any()}
    gap = np.where(np.isfinite(val_loss) & np.isfinite(loss), val_loss, np.nan) - loss
    has_gap = bool(np.isfinite(gap).any())

    height = max(4.0 + 0.9 * has_gap, 0.7 + 1.4 * len(errors))
    figure = new_figure(PAGE_WIDTH if errors else 5.5, height, title)
    columns = figure.add_gridspec(1, 1 + bool(errors), width_ratios=(1.6, 1.0)[: 1 + bool(errors)])
    left = columns[0].subgridspec(2 + has_gap, 1, height_ratios=(3.0, 1.2, 1.0) if has_gap else (3.0, 1.0)).subplots()
    losses, rates = left[0], left[-1]
    # A line through few points is short or nothing at all: mark the points.
    marks = {"marker": "o" if epoch.size <= MOST_MARKED_EPOCHS else None, "markersize": 3}
    _draw_losses(losses, epoch, loss, val_loss, marks)
    if best_epoch is not None:
        _mark_best(losses, best_epoch, label=_best_label(epoch, loss, val_loss, best_epoch))
    if losses.get_legend_handles_labels()[0]:
        losses.legend(fontsize=TEXT_SIZE, frameon=False, loc="best")
    losses.set_title(_duration_text(elapsed), loc="right", fontsize=TEXT_SIZE - 0.5, color="0.3")
    _draw_rate(rates, epoch, learning_rate, marks)
    if has_gap:
        _draw_gap(left[1], epoch, gap, marks)
    panels = list(left)
    if errors:
        right = columns[1].subgridspec(len(errors), 1).subplots(squeeze=False)[:, 0]
        for ax, (channel, values) in zip(right, errors.items(), strict=True):
            ax.plot(epoch, values, linewidth=1.2, **_VALIDATION_LINE, **marks)
            make_logarithmic(ax, values, most_ticks=5)
            ax.set_ylabel(f"{channel} error [{CHANNEL_UNITS[channel]}]")
            dress(ax)
            value = values[np.flatnonzero(epoch == best_epoch)]
            if value.size and np.isfinite(value[-1]):
                note = f"best epoch: {number_text(value[-1])} {CHANNEL_UNITS[channel]}"
                ax.set_title(note, loc="right", fontsize=TEXT_SIZE - 0.5, color="0.3")
        right[0].set_title("RMSE on the validation set\n", loc="left", fontsize=TEXT_SIZE)
        figure.align_ylabels(right)
        panels += list(right)
    if best_epoch is not None:
        for ax in panels[1:]:
            _mark_best(ax, best_epoch)
    _share_epochs(panels, epoch, labelled=[ax for ax in panels if ax in (rates, panels[-1])])
    figure.align_ylabels(left)
    return figure


def evolution_figure(
    time: np.ndarray,
    lamp: np.ndarray,
    simple: np.ndarray,
    predictions: Mapping[int, np.ndarray],
    best_epoch: int | None,
    channels: Sequence[str],
    style: PlotStyle,
    title: str,
) -> Figure:
    """One realization as the checkpoints of a training predict it: the error over the epochs, and the motions.

    time: (rows,) in s. lamp, simple: (rows, channel) in the units of CHANNEL_UNITS; a column of simple is NaN where
    SimpleCode gives nothing. predictions: the same of each checkpoint, by its epoch in ascending order. The left panels
    have the root of the mean squared error over the whole record, the right ones an excerpt with some of the
    checkpoints, the first, the last and the best among them.
    """
    epochs = np.array(list(predictions))
    colors = dict(zip(predictions, colormaps["viridis_r"](np.linspace(0.08, 0.85, len(epochs))), strict=True))
    drawn = _spread(list(predictions), best_epoch)
    figure = new_figure(PAGE_WIDTH, 0.95 + 1.6 * len(channels), title)
    axes = figure.subplots(len(channels), 2, squeeze=False, width_ratios=(1.0, 1.6))
    for index, (channel, (over_epochs, excerpt)) in enumerate(zip(channels, axes, strict=True)):
        with np.errstate(over="ignore", invalid="ignore"):  # of a training that diverged
            errors = _positive(np.array([_rmse(p[:, index], lamp[:, index]) for p in predictions.values()]))
        of_simple = _positive(_rmse(simple[:, index], lamp[:, index]))
        over_epochs.plot(epochs, errors, color=GRAY, linewidth=0.8, zorder=1.5)
        over_epochs.scatter(epochs, errors, c=list(colors.values()), s=14, zorder=2.5)
        if np.isfinite(of_simple):
            over_epochs.axhline(of_simple, **line_style("SimpleCode", style, thin=True))
        shown = np.append(errors, of_simple)
        if np.isfinite(shown).any():
            make_logarithmic(over_epochs, shown, most_ticks=5)
        over_epochs.set_ylabel(f"{channel} error [{CHANNEL_UNITS[channel]}]")
        if best_epoch is not None:
            _mark_best(over_epochs, best_epoch)

        window = detail_rows(time, lamp[:, index], EXCERPT_DURATION)
        excerpt.plot(time[window], lamp[window, index], **line_style("LAMP", style))
        excerpt.margins(x=0, y=0.15)
        excerpt.set_ylim(excerpt.get_ylim())  # as LAMP has it, however far off the first checkpoints are
        for epoch in drawn:
            line = {"color": colors[epoch], "linewidth": 0.9, "zorder": 2.2}
            excerpt.plot(time[window], predictions[epoch][window, index], **line)
        excerpt.set_ylabel(wrapped_label(channel))
        for ax in (over_epochs, excerpt):
            dress(ax)
    axes[0, 0].set_title("RMSE over the whole record", fontsize=TEXT_SIZE)
    axes[0, 1].set_title("Around the largest LAMP response", fontsize=TEXT_SIZE)
    for ax in axes[:, 1]:
        ax.set_xlabel("Time [s]", fontsize=TEXT_SIZE)
    _share_epochs(list(axes[:, 0]), epochs, labelled=[axes[-1, 0]])
    figure.align_ylabels(axes[:, 0])
    figure.align_ylabels(axes[:, 1])

    handles = [Line2D([], [], label="LAMP", **line_style("LAMP", style))]
    if np.isfinite(simple).any():
        handles.append(Line2D([], [], label="SimpleCode", **line_style("SimpleCode", style, thin=True)))
    for epoch in drawn:
        label = f"epoch {epoch} (best)" if epoch == best_epoch else f"epoch {epoch}"
        handles.append(Line2D([], [], color=colors[epoch], linewidth=1.2, label=label))
    figure_legend(figure, handles)
    return figure


# -------------------------------------------------------------------------------------------------------------- panels

_VALIDATION_LINE = {"color": "tab:orange", "linestyle": (0, (4, 1.2))}


def _draw_losses(ax: Axes, epoch: np.ndarray, loss: np.ndarray, val_loss: np.ndarray, marks: dict) -> None:
    curves = (
        ("training", _positive(loss), {"color": "black", "linestyle": "-"}),
        ("validation", _positive(val_loss), _VALIDATION_LINE),
    )
    shown = [curve for curve in curves if np.isfinite(curve[1]).any()]
    for name, values, line in shown:
        ax.plot(epoch, values, label=name, linewidth=1.2, **line, **marks)
    if shown:
        make_logarithmic(ax, np.concatenate([values for _, values, _ in shown]), most_ticks=7)
    ax.set_ylabel("Loss (standardized)")
    dress(ax)
    if not shown:
        write_note(ax, "no positive loss")


def _draw_gap(ax: Axes, epoch: np.ndarray, gap: np.ndarray, marks: dict) -> None:
    """Of either sign, and large in the first epochs: logarithmic over two decades below the largest, linear within."""
    ax.axhline(0.0, color=GRAY, linewidth=0.6, zorder=0)
    ax.plot(epoch, gap, color="tab:blue", linewidth=1.2, **marks)
    largest = np.nanmax(np.abs(gap))
    if largest > 0:
        linear = 10.0 ** (np.floor(np.log10(largest)) - 1)
        ax.set_yscale("symlog", linthresh=linear, linscale=0.5)
        ax.yaxis.set_major_locator(SymmetricalLogLocator(base=10, linthresh=linear))
        ax.yaxis.set_major_formatter(lambda value, _: "\N{MINUS SIGN}" * bool(value < 0) + number_text(abs(value)))
    ax.set_ylabel("Generalization\ngap")
    note = "validation loss \N{MINUS SIGN} training loss"
    ax.set_title(note, loc="right", fontsize=TEXT_SIZE - 0.5, color="0.3")
    dress(ax)


def _draw_rate(ax: Axes, epoch: np.ndarray, learning_rate: np.ndarray, marks: dict) -> None:
    positive = _positive(learning_rate)
    varies = np.isfinite(positive).any() and np.nanmax(positive) > 10.0 * np.nanmin(positive)
    ax.plot(epoch, positive if varies else learning_rate, color="black", linewidth=1.0, **marks)
    if varies:
        make_logarithmic(ax, positive, most_ticks=5)
    elif np.isfinite(learning_rate).any():
        ax.set_ylim(0.0, 1.25 * np.nanmax(learning_rate) or 1.0)
    ax.set_ylabel("Learning rate")
    dress(ax)


def _mark_best(ax: Axes, best_epoch: int, label: str | None = None) -> None:
    ax.axvline(best_epoch, color=GRAY, linewidth=0.8, linestyle=":", label=label)


def _share_epochs(panels: Sequence[Axes], epoch: np.ndarray, labelled: Sequence[Axes]) -> None:
    """One axis of whole epochs for all panels, with numbers under those that are labelled."""
    for ax in panels[1:]:
        ax.sharex(panels[0])
    for ax in panels:
        ax.tick_params(labelbottom=ax in labelled)
        if ax in labelled:
            ax.set_xlabel("Epoch", fontsize=TEXT_SIZE)
    panels[0].xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True, min_n_ticks=1))
    if epoch.size:
        margin = max(0.02 * np.ptp(epoch), 0.5)
        panels[0].set_xlim(epoch.min() - margin, epoch.max() + margin)


# ------------------------------------------------------------------------------------------------------------- numbers


def _spread(epochs: list[int], best_epoch: int | None) -> list[int]:
    """At most MOST_EXCERPT_LINES of the epochs, evenly spread with both ends, and the best one."""
    places = np.linspace(0, len(epochs) - 1, min(MOST_EXCERPT_LINES, len(epochs))).round().astype(int)
    return sorted({epochs[i] for i in places} | ({best_epoch} & set(epochs)))


def _rmse(values: np.ndarray, truth: np.ndarray) -> float:
    return float(np.sqrt(np.mean((values - truth) ** 2)))


def _positive(values: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(values) & (values > 0), values, np.nan)


def _best_label(epoch: np.ndarray, loss: np.ndarray, val_loss: np.ndarray, best_epoch: int) -> str:
    found = np.flatnonzero(epoch == best_epoch)
    value = np.nan
    if found.size:
        value = val_loss[found[-1]] if np.isfinite(val_loss).any() else loss[found[-1]]
    return f"best epoch {best_epoch}: {value:.4g}" if np.isfinite(value) else f"best epoch {best_epoch}"


def _duration_text(elapsed: np.ndarray) -> str:
    """Wall-clock time of the training, as "120 epochs in 1 h 05 min, 32 s an epoch"."""
    if not np.isfinite(elapsed).any():
        return ""
    total = float(np.nanmax(elapsed))
    minutes, seconds = divmod(round(total), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        spent = f"{hours} h {minutes:02d} min"
    elif minutes:
        spent = f"{minutes} min {seconds:02d} s"
    else:
        spent = f"{total:.3g} s"
    if elapsed.size == 1:
        return f"1 epoch in {spent}"
    return f"{elapsed.size} epochs in {spent}, {number_text(total / elapsed.size)} s an epoch"


def comparison_figure(table: pd.DataFrame) -> Figure:
    """Networks against SimpleCode and each other: a panel a channel, a line a network, the best on top.

    table: as comparison.comparison_table gives it: columns set, rank (empty for SimpleCode), name, networks, channel,
    nrmse, nrmse_min, nrmse_max. The first MOST_COMPARED ranks are drawn.
    """
    networks = list(dict.fromkeys(table.loc[table["rank"].notna(), "name"]))
    drawn = networks[:MOST_COMPARED]
    has_simple = bool(table["rank"].isna().any())
    places = {name: place for place, name in enumerate([*drawn, *(["SimpleCode"] if has_simple else [])])}
    channels = sorted(dict.fromkeys(table["channel"]), key=lambda channel: channel != "All")
    few = f", best {len(drawn)} of {len(networks)}" if len(drawn) < len(networks) else ""
    title = f"RMS error as a share of LAMP's standard deviation, ranked on validation data{few}"
    figure = new_figure(PAGE_WIDTH, 1.5 + 0.2 * len(places), title)
    axes = figure.subplots(1, len(channels), sharey=True, squeeze=False)[0]
    for ax, channel in zip(axes, channels, strict=True):
        name = "Mean" if channel == "All" else textwrap.fill(CHANNEL_NAMES[channel], 16)
        ax.set_title(name, fontsize=TEXT_SIZE)
        ax.set_xlabel("Error [%]")
        ax.set_axisbelow(True)
        ax.grid(axis="y", color="0.9", linewidth=0.5)
        rows = table[(table["channel"] == channel) & table["name"].isin(places)]
        values = rows[["nrmse", "nrmse_min", "nrmse_max"]] * 100
        values = values.where(values > 0)  # the axis is logarithmic
        for (_, row), (middle, low, high) in zip(rows.iterrows(), values.to_numpy(), strict=True):
            is_simple, is_test = pd.isna(row["rank"]), row["set"] == "test"
            color = "tab:red" if is_simple else "black"
            place = places[row["name"]] + (0.22 if is_test else 0.0)
            if row["networks"] > 1:
                ax.plot([low, high], [place, place], color=color, linewidth=1.0, marker="|", markersize=4)
            filling = {"markerfacecolor": "white" if is_test else color, "markeredgewidth": 0.8}
            size = 5.5 if is_test else 3.8
            ax.plot(middle, place, color=color, marker=SET_MARKERS[row["set"]], markersize=size, **filling)
            if is_simple and not is_test and np.isfinite(middle):
                ax.axvline(middle, color=color, linestyle=(0, (1, 1.2)), linewidth=0.9, zorder=0.5)
        dress(ax)
        numbers = values.to_numpy()[np.isfinite(values.to_numpy())]
        if numbers.size:
            _make_logarithmic_across(ax, numbers)
        else:
            write_note(ax, "no numbers")
    axes[0].set_yticks(
        list(places.values()), [name if len(name) <= 30 else f"{name[:20]}...{name[-8:]}" for name in places]
    )
    axes[0].set_ylim(len(places) - 0.5, -0.5)
    sets = [name for name in ("val", "test") if (table["set"] == name).any()]
    line = {"linestyle": "none", "color": "black", "markersize": 4.5}
    handles = [
        Line2D(
            [],
            [],
            marker=SET_MARKERS[s],
            markerfacecolor="black" if s == "val" else "white",
            label=SET_NAMES[s],
            **line,
        )
        for s in sets
    ]
    if (table["networks"] > 1).any():
        handles.append(
            Line2D([], [], color="black", linewidth=1.0, marker="|", markersize=5, label="spread over seeds")
        )
    if has_simple:
        handles.append(Line2D([], [], color="tab:red", linestyle=(0, (1, 1.2)), label="SimpleCode"))
    figure_legend(figure, handles)
    return figure


def _make_logarithmic_across(ax: Axes, values: np.ndarray) -> None:
    """Logarithmic abscissa for positive values, with few numbers, as panels are narrow."""
    ax.set_xscale("log")
    low, high = values.min() / 1.2, values.max() * 1.2
    ax.set_xlim(low, high)
    few = {6: (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0), 15: (1.0, 2.0, 5.0), 100: (1.0, 3.0)}  # by the largest high / low
    subs = next((numbers for most, numbers in few.items() if high / low < most), (1.0,))
    narrow = high / low < 2  # in which LogLocator would number every tick
    ax.xaxis.set_major_locator(MaxNLocator(nbins=3, steps=(1, 2, 5, 10)) if narrow else LogLocator(subs=subs))
    ax.xaxis.set_major_formatter(lambda value, _: number_text(value))
    ax.xaxis.set_minor_formatter(NullFormatter())
