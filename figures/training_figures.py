"""Figures of trainings: learning curves, and how checkpoints grow towards LAMP.

As in plotting.py, each function takes arrays and returns a figure, and none shows or saves.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import SubplotSpec
from matplotlib.ticker import MaxNLocator

from figures import parts
from metrics import rows_around_largest
from networks.network_folder import best_row
from settings import Plotting
from settings.channels import CHANNELS, channel_of, validation_error
from settings.description import high_name, in_use, low_name, seconds

MOST_MARKED_EPOCHS = 20
EXCERPT_DURATION = 30.0  # s, two or three cycles: the lines of the checkpoints lie close together
MOST_EXCERPT_LINES = 7
VALIDATION_LINE = {"color": "tab:orange", "linestyle": (0, (4, 1.2))}


def best_epoch_of(history: pd.DataFrame) -> int | None:
    """The epoch with the smallest validation loss, or training loss without a validation set; None without either.

    history: as in `learning_curve_figure`. The rule is that of the training, see `best_row`.
    """
    place = best_row(history["val_loss" if history["val_loss"].notna().any() else "loss"])
    return None if place is None else int(history["epoch"].iloc[place])


@parts.styled
def learning_curve_figure(history: pd.DataFrame, best_epoch: int | None, title: str) -> Figure:
    """Losses, learning rate and the error of each channel over the epochs.

    history: as in history.csv, with any `validation_error` in its channel's unit. Without a validation set these are
    NaN throughout, and their panels are left out. best_epoch: the epoch whose weights are kept, as in column epoch.
    Values that are not positive are left out of logarithmic axes.
    """
    names = dict.fromkeys([*CHANNELS, *in_use().names])
    errors = {name: _positive(history.get(validation_error(name), pd.Series(dtype=float))) for name in names}
    errors = {channel: values for channel, values in errors.items() if np.isfinite(values).any()}
    epoch = history["epoch"].to_numpy()
    figure = parts.new_figure(parts.PAGE_WIDTH if errors else 5.5, max(4.0, 0.7 + 1.4 * len(errors)), title)
    grid = figure.add_gridspec(1, 1 + bool(errors), width_ratios=(1.6, 1.0)[: 1 + bool(errors)])
    left = parts.panels(grid[0], 2, 1, height_ratios=(3.0, 1.0))[:, 0]
    # A line through few points is short or invisible, so the points are marked.
    marks = {"marker": "o" if epoch.size <= MOST_MARKED_EPOCHS else None}
    _draw_losses(left[0], history, best_epoch, marks)
    _draw_rate(left[1], epoch, history["learning_rate"].to_numpy(), marks)
    right = _draw_channel_errors(grid[1], epoch, errors, best_epoch, marks) if errors else []
    for ax in (left[1], *right):
        _mark_best(ax, best_epoch)
    _share_epochs([left, right] if errors else [left], epoch)
    figure.align_ylabels(left)
    figure.align_ylabels(right)
    return figure


@parts.styled
def evolution_figure(
    time: np.ndarray,
    lamp: np.ndarray,
    simple: np.ndarray,
    predictions: Mapping[int, np.ndarray],
    best_epoch: int | None,
    channels: Sequence[str],
    style: Plotting,
    title: str,
) -> Figure:
    """One realization as predicted by the checkpoints of a training: the error over the epochs, and the motions.

    time: (rows,) in s. lamp, simple: (rows, channel) in their channels' units; a column of simple is NaN where
    SimpleCode has no values. predictions: the same for each checkpoint, by epoch in ascending order. The left panels
    have the root mean squared error over the whole record, the right ones an excerpt with some of the checkpoints, the
    first, the last and the best among them.
    """
    colors = dict(zip(predictions, colormaps["viridis_r"](np.linspace(0.08, 0.85, len(predictions))), strict=True))
    drawn = {epoch: colors[epoch] for epoch in _spread(list(predictions), best_epoch)}
    lines = {name: parts.line_style(name, style, thin=name != high_name()) for name in (high_name(), low_name())}
    figure = parts.new_figure(parts.PAGE_WIDTH, 0.95 + 1.6 * len(channels), title)
    axes = parts.panels(figure, len(channels), 2, width_ratios=(1.0, 1.6))
    for index, (channel, (over_epochs, excerpt)) in enumerate(zip(channels, axes, strict=True)):
        truth, by_epoch = lamp[:, index], {epoch: values[:, index] for epoch, values in predictions.items()}
        with np.errstate(over="ignore", invalid="ignore"):  # of a training that diverged
            squared = [np.mean((p - truth) ** 2) for p in (*by_epoch.values(), simple[:, index])]
        _draw_checkpoint_errors(over_epochs, _positive(np.sqrt(squared)), colors, lines[low_name()])
        over_epochs.set_ylabel(f"{channel} error [{channel_of(channel).unit}]")
        _mark_best(over_epochs, best_epoch)

        window = rows_around_largest(time, truth, seconds(EXCERPT_DURATION))
        excerpt.plot(time[window], truth[window], **lines[high_name()])
        excerpt.margins(x=0, y=0.15)
        excerpt.set_ylim(excerpt.get_ylim())  # LAMP's range, however far off the first checkpoints are
        for epoch, color in drawn.items():
            excerpt.plot(time[window], by_epoch[epoch][window], color=color, linewidth=0.9, zorder=2.2)
        excerpt.set(xlabel="Time [s]", ylabel=parts.wrapped_label(channel))
    axes[0, 0].set_title("RMSE over the whole record")
    axes[0, 1].set_title(parts.wrapped(f"Around the largest {high_name()} response"))
    _share_epochs([axes[:, 0]], np.array(list(predictions)))
    figure.align_ylabels(axes[:, 0])
    figure.align_ylabels(axes[:, 1])
    if not np.isfinite(simple).any():
        del lines[low_name()]
    lines |= {f"epoch {n} (best)" if n == best_epoch else f"epoch {n}": {"color": color} for n, color in drawn.items()}
    parts.figure_legend(figure, parts.legend_lines(lines))
    return figure


def _draw_checkpoint_errors(ax: Axes, errors: np.ndarray, colors: Mapping[int, np.ndarray], simple: dict) -> None:
    """errors: of each checkpoint, and last of SimpleCode. colors: by epoch. simple: SimpleCode's line."""
    *network_errors, simple_error = errors
    ax.plot(list(colors), network_errors, color=parts.GRAY, linewidth=0.8, zorder=1.5)
    ax.scatter(list(colors), network_errors, c=list(colors.values()), s=14, zorder=2.5)
    if np.isfinite(simple_error):
        ax.axhline(simple_error, **simple)
    if np.isfinite(errors).any():
        parts.make_logarithmic(ax.yaxis, errors, most_ticks=5)


def _spread(epochs: list[int], best_epoch: int | None) -> list[int]:
    """At most MOST_EXCERPT_LINES of the epochs, evenly spread with both ends, and the best one."""
    places = np.linspace(0, len(epochs) - 1, min(MOST_EXCERPT_LINES, len(epochs))).round().astype(int)
    return sorted({epochs[i] for i in places} | ({best_epoch} & set(epochs)))


def _draw_losses(ax: Axes, history: pd.DataFrame, best_epoch: int | None, marks: dict) -> None:
    looks = {"loss": {"label": "training", "color": "black"}, "val_loss": {"label": "validation", **VALIDATION_LINE}}
    shown = {name: values for name in looks if np.isfinite(values := _positive(history[name])).any()}
    for name, values in shown.items():
        ax.plot(history["epoch"], values, **looks[name], **marks)
    if shown:
        parts.make_logarithmic(ax.yaxis, np.concatenate([*shown.values()]), most_ticks=7)
    else:
        parts.write_note(ax, "no positive loss")
    ax.set_ylabel("Loss (standardized)")
    losses = history["val_loss" if np.isfinite(history["val_loss"]).any() else "loss"]
    least = losses[(history["epoch"] == best_epoch) & np.isfinite(losses)]
    _mark_best(ax, best_epoch, f"best epoch {best_epoch}" + (f": {least.iloc[-1]:.4g}" if least.size else ""))
    if ax.get_legend_handles_labels()[0]:
        ax.legend(loc="best", handlelength=2.0)
    parts.write_remark(ax, _duration_text(history["elapsed_s"].to_numpy()))


def _draw_channel_errors(
    where: SubplotSpec, epoch: np.ndarray, errors: Mapping[str, np.ndarray], best_epoch: int | None, marks: dict
) -> np.ndarray:
    """A panel for each channel's error on the validation set, with its value at the best epoch."""
    axes = parts.panels(where, len(errors), 1)[:, 0]
    for ax, (channel, values) in zip(axes, errors.items(), strict=True):
        ax.plot(epoch, values, **VALIDATION_LINE, **marks)
        parts.make_logarithmic(ax.yaxis, values, most_ticks=5)
        ax.set_ylabel(f"{channel} error [{channel_of(channel).unit}]")
        at_best = values[(epoch == best_epoch) & np.isfinite(values)]
        if at_best.size:
            parts.write_remark(ax, f"best epoch: {parts.number_text(at_best[-1])} {channel_of(channel).unit}")
    axes[0].set_title("RMSE on the validation set\n", loc="left")
    return axes


def _draw_rate(ax: Axes, epoch: np.ndarray, learning_rate: np.ndarray, marks: dict) -> None:
    positive = _positive(learning_rate)
    varies = np.isfinite(positive).any() and np.nanmax(positive) > 10.0 * np.nanmin(positive)
    ax.plot(epoch, positive if varies else learning_rate, color="black", linewidth=1.0, **marks)
    if varies:
        parts.make_logarithmic(ax.yaxis, positive, most_ticks=5)
    elif np.isfinite(learning_rate).any():
        ax.set_ylim(0.0, 1.25 * np.nanmax(learning_rate) or 1.0)
    ax.set_ylabel("Learning rate")


def _mark_best(ax: Axes, best_epoch: int | None, label: str | None = None) -> None:
    if best_epoch is not None:
        ax.axvline(best_epoch, color=parts.GRAY, linewidth=0.8, linestyle=":", label=label)


def _share_epochs(columns: Sequence[Sequence[Axes]], epoch: np.ndarray) -> None:
    """One axis of integer epochs for all panels, with tick labels under each column."""
    lowest = columns[0][-1]
    for other in columns[1:]:
        other[-1].sharex(lowest)
    for column in columns:
        parts.share_abscissa(column, "Epoch")
    lowest.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True, min_n_ticks=1))
    if epoch.size:
        margin = max(0.02 * np.ptp(epoch), 0.5)
        lowest.set_xlim(epoch.min() - margin, epoch.max() + margin)


def _positive(values: Sequence[float]) -> np.ndarray:
    values = np.asarray(values, dtype=np.float64)
    return np.where(np.isfinite(values) & (values > 0), values, np.nan)


def _duration_text(elapsed: np.ndarray) -> str:
    """Wall-clock time of the training, as "120 epochs in 1 h 05 min, 32 s an epoch"."""
    if not np.isfinite(elapsed).any():
        return ""
    total = float(np.nanmax(elapsed))
    minutes, seconds = divmod(round(total), 60)
    spent = f"{minutes} min {seconds:02d} s" if minutes else f"{total:.3g} s"
    if minutes >= 60:
        spent = f"{minutes // 60} h {minutes % 60:02d} min"
    if elapsed.size == 1:
        return f"1 epoch in {spent}"
    return f"{elapsed.size} epochs in {spent}, {parts.number_text(total / elapsed.size)} s an epoch"
