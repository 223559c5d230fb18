"""From the measured runs to the summary table, the comparison with the targets, and the figure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from cases import TITLES

REFERENCE, OURS, LINEAR, SIMPLE = "reference", "this program", "linear filter", "SimpleCode"
THOROUGH = "this program, thorough"
FINE_TUNED, FINE_TUNED_HALF = "fine-tuned", "fine-tuned, half the epochs"
TRAINED_PROGRAMS = (REFERENCE, OURS, THOROUGH, FINE_TUNED, FINE_TUNED_HALF)
PROGRAMS = (SIMPLE, LINEAR, *TRAINED_PROGRAMS)
CHANNELS = {"Zcg": "m", "Roll": "deg", "Pitch": "deg"}
MEASURES = {"mse": "MSE", "peak_mse": "MSE at peaks", "ssa_error": "SSA error"}
COLORS = {
    REFERENCE: "tab:orange",
    OURS: "tab:blue",
    THOROUGH: "tab:red",
    FINE_TUNED: "tab:green",
    FINE_TUNED_HALF: "tab:olive",
}

READING, PREDICTING, PREDICTING_AGAIN = "read", "predict", "predict again"
STEP = "a training step of the reference, batch 1"
ERROR_TARGETS = (  # case, program, rival, measure, limits of program / rival for heave, roll and pitch
    ("a", OURS, REFERENCE, "mse", (0.2, 0.4, 0.25)),
    ("a", THOROUGH, REFERENCE, "mse", (0.08, 0.25, 0.1)),
    ("b", OURS, REFERENCE, "mse", (0.15, 0.4, 0.3)),
    ("b", THOROUGH, REFERENCE, "mse", (0.05, 0.2, 0.2)),
    ("b", THOROUGH, LINEAR, "mse", (1.0, 1.0, 1.0)),
    ("c", OURS, REFERENCE, "mse", (0.2, 0.25, 0.2)),
    ("c", THOROUGH, REFERENCE, "mse", (0.07, 0.06, 0.06)),
    ("c", THOROUGH, "", "ssa_error", (0.004, 0.06, 0.006)),  # in m and deg
    ("d", FINE_TUNED_HALF, OURS, "mse", (0.5, 0.5, 0.5)),
)
TIME_TARGETS = (  # case, column and program / column and program, limit
    ("a", "to_reference_s", OURS, "best_epoch_s", REFERENCE, 0.1),
    ("a", "train_s", OURS, "train_s", REFERENCE, 1 / 3),
    ("a", "train_s", THOROUGH, "train_s", REFERENCE, 1.0),
    ("c", "train_s", THOROUGH, "train_s", REFERENCE, 1.0),
    ("d", "train_s", FINE_TUNED_HALF, "train_s", OURS, 0.5),
)
SPEED_TARGETS = (
    (PREDICTING, OURS, "predicting many records in a fresh process", 3.0),
    (PREDICTING, THOROUGH, "predicting many records in a fresh process", 1.0),
    (READING, OURS, "reading many records from text", 2.0),
)
TIMES = {
    "train_s": "training time",
    "to_reference_s": "time to the reference's final validation loss",
    "best_epoch_s": "training time until the best epoch",
}
SPEED_LABELS = {
    READING: "reading from text (reference: numpy.loadtxt)",
    PREDICTING: "predicting, first time in a process",
    PREDICTING_AGAIN: "predicting, second time in a process",
}


@dataclass(frozen=True)
class Measurements:
    """All that was measured, a table each.

    runs: case, program, seed, read_s, train_s, train_cpu_s, first_epoch_s, epoch_s, slowest_epoch_s, epochs,
        best_epoch, best_epoch_s, val_loss, predict_s, peak_memory_mb; seed is -1 for the linear filter.
    histories: case, program, seed, epoch, elapsed_s, loss, val_loss.
    errors: case, program, seed, channel, mse, peak_mse, ssa_error, on the test set, in m and deg.
    speeds: what, program, repeat, seconds.
    """

    runs: pd.DataFrame
    histories: pd.DataFrame
    errors: pd.DataFrame
    speeds: pd.DataFrame


@dataclass(frozen=True)
class Target:
    """One target of the benchmark with what was measured: a value a seed (or repeat), mostly a ratio."""

    case: str
    what: str
    limit: float
    at_most: bool
    values: tuple[float, ...]

    @property
    def verdict(self) -> str:
        if not self.values:
            return "not measured"
        median = np.median(self.values)
        return "reached" if (median <= self.limit if self.at_most else median >= self.limit) else "not reached"


# ---- derived figures --------------------------------------------------------------------------------------------


def with_time_to_reference(runs: pd.DataFrame, histories: pd.DataFrame) -> pd.DataFrame:
    """The runs with a column to_reference_s: elapsed time of the first epoch whose validation loss is at or below the
    reference's final one of the same case and seed, infinite if there is none."""

    def seconds(run: pd.Series) -> float:
        reference = select(runs, case=run["case"], program=REFERENCE, seed=run["seed"])
        history = select(histories, case=run["case"], program=run["program"], seed=run["seed"])
        if reference.empty or history.empty:
            return float("nan")
        below = history["elapsed_s"][history["val_loss"] <= reference["val_loss"].iloc[0]]
        return below.min() if len(below) else math.inf

    return runs.assign(to_reference_s=[seconds(run) for _, run in runs.iterrows()])


def select(table: pd.DataFrame, **values: object) -> pd.DataFrame:
    """The rows that have these values in these columns."""
    for name, value in values.items():
        table = table[table[name] == value]
    return table


def by_seed(table: pd.DataFrame, column: str, **values: object) -> dict[int, float]:
    """A column by seed; values choose the rows."""
    chosen = select(table, **values)
    return dict(zip(chosen["seed"], chosen[column], strict=True))


def paired_ratios(above: dict[int, float], below: dict[int, float]) -> tuple[float, ...]:
    """above / below of the seeds that both have; a single value of seed -1 below serves all seeds."""
    if set(below) == {-1}:
        below = dict.fromkeys(above, below[-1])
    return tuple(above[seed] / below[seed] for seed in sorted(set(above) & set(below)))


def targets(m: Measurements) -> list[Target]:
    """The targets of the cases and programs that were measured; runs as `with_time_to_reference` gives them."""
    measured = set(zip(m.runs["case"], m.runs["program"], strict=True))
    found = []
    for case, program, rival, measure, limits in ERROR_TARGETS:
        for channel, limit in zip(CHANNELS, limits, strict=True):
            values = by_seed(m.errors, measure, case=case, program=program, channel=channel)
            against = by_seed(m.errors, measure, case=case, program=rival, channel=channel)
            what = f"test {MEASURES[measure]} {channel}, {program}{' / ' if rival else f', {CHANNELS[channel]}'}{rival}"
            values = paired_ratios(values, against) if rival else tuple(values.values())
            found.append(Target(case, what, limit, True, values))
    for case, column, program, rival_column, rival, limit in TIME_TARGETS:
        values = by_seed(m.runs, column, case=case, program=program)
        against = by_seed(m.runs, rival_column, case=case, program=rival)
        what = f"{TIMES[column]}, {program} / {TIMES[rival_column]}, {rival}"
        found.append(Target(case, what, limit, True, paired_ratios(values, against)))
    found = [target for target in found if any(case == target.case for case, _ in measured)]
    for what, program, label, limit in SPEED_TARGETS:
        seconds = {
            p: select(m.speeds, what=what, program=p).set_index("repeat")["seconds"] for p in (REFERENCE, program)
        }
        values = tuple((seconds[REFERENCE] / seconds[program]).dropna())
        found.append(Target("", f"{label}, {program}: how much faster than the reference", limit, False, values))
    return sorted(found, key=lambda target: target.case or "z")


# ---- tables -----------------------------------------------------------------------------------------------------


def format_number(value: float) -> str:
    """Three significant figures, without an exponent where it can be avoided."""
    if math.isinf(value):
        return "never"
    if math.isnan(value):
        return "-"
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{value:.2e}"


def spread(values: Sequence[float]) -> str:
    """Median and, of several values, smallest and largest."""
    values = np.asarray(values, float)
    if not len(values) or np.isnan(values).all():
        return "-"
    # np.median of infinite values would warn
    ordered = np.sort(values)
    middle = ordered[(len(values) - 1) // 2 : len(values) // 2 + 1].mean()
    if len(values) == 1:
        return format_number(middle)
    return f"{format_number(middle)} ({format_number(ordered[0])} to {format_number(ordered[-1])})"


def markdown_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in (headings, ["---"] * len(headings), *rows)]
    return "\n".join(lines)


def training_table(runs: pd.DataFrame) -> str:
    """A row a case and program; medians over the seeds."""
    columns = {
        "seconds an epoch": "epoch_s",
        "slowest epoch but the first, s": "slowest_epoch_s",
        "epochs": "epochs",
        "training, s": "train_s",
        "training, CPU s": "train_cpu_s",
        "until its best epoch, s": "best_epoch_s",
        "until the reference's final loss, s": "to_reference_s",
        "final validation loss": "val_loss",
        "reading train and val, s": "read_s",
        "predicting test, s": "predict_s",
        "peak memory, MB": "peak_memory_mb",
    }
    rows = [
        [TITLES[case], program, *(spread(part[column]) for column in columns.values())]
        for case in TITLES
        for program in PROGRAMS
        if len(part := select(runs, case=case, program=program))
    ]
    return markdown_table(["case", "program", *columns], rows)


def error_table(errors: pd.DataFrame) -> str:
    """A row a case, channel and program; medians over the seeds."""
    rows = [
        [TITLES[case], f"{channel} ({unit})", program, *(spread(part[measure]) for measure in MEASURES)]
        for case in TITLES
        for channel, unit in CHANNELS.items()
        for program in PROGRAMS
        if len(part := select(errors, case=case, channel=channel, program=program))
    ]
    return markdown_table(["case", "channel", "program", *MEASURES.values()], rows)


def ratio_table(m: Measurements) -> str:
    """A row a case and program: its test errors over the reference's, a column a measure and channel."""

    def ratio(case: str, program: str, measure: str, channel: str) -> str:
        pair = (by_seed(m.errors, measure, case=case, program=p, channel=channel) for p in (program, REFERENCE))
        return spread(paired_ratios(*pair))

    columns = [(measure, channel) for measure in MEASURES for channel in CHANNELS]
    rows = [
        [TITLES[case], program, *(ratio(case, program, *column) for column in columns)]
        for case in TITLES
        for program in (OURS, THOROUGH)
        if len(select(m.errors, case=case, program=program))
    ]
    return markdown_table(["case", "program", *(f"{MEASURES[name]} {c}" for name, c in columns)], rows)


def speed_table(speeds: pd.DataFrame) -> str:
    """Reading and predicting: seconds of the reference and of this program, and how much faster it is."""
    rows = []
    for what in (READING, PREDICTING, PREDICTING_AGAIN):
        seconds = {p: select(speeds, what=what, program=p).set_index("repeat")["seconds"] for p in TRAINED_PROGRAMS}
        for program in (OURS, THOROUGH):
            if len(seconds[program]):
                ratios = (seconds[REFERENCE] / seconds[program]).dropna()
                times = [spread(seconds[p]) for p in (REFERENCE, program)]
                rows.append([f"{SPEED_LABELS[what]}: {program}", *times, spread(ratios)])
    for what in dict.fromkeys(speeds["what"]):
        if what.startswith(STEP):
            rows.append([what, spread(select(speeds, what=what)["seconds"]), "", ""])
    return markdown_table(["what", "reference, s", "this program, s", "times faster"], rows)


def target_table(found: Sequence[Target]) -> str:
    rows = [
        [
            TITLES.get(target.case, "all"),
            target.what,
            f"{'at most' if target.at_most else 'at least'} {format_number(target.limit)}",
            spread(target.values),
            target.verdict,
        ]
        for target in found
    ]
    return markdown_table(["case", "what", "target", "measured", ""], rows)


def summary(m: Measurements, about: str) -> str:
    """The whole report in Markdown."""
    found = targets(m)
    reached = sum(target.verdict == "reached" for target in found)
    parts = [
        about,
        "Medians over the seeds (smallest to largest in brackets). Errors on the test sets, in m and deg.",
        f"### Targets: {reached} of {len(found)} reached",
        target_table(found),
        "### Training",
        training_table(m.runs),
        "### Test errors",
        error_table(m.errors),
        "### Test errors over the reference's, seed by seed",
        ratio_table(m),
        "### Reading and predicting",
        speed_table(m.speeds),
    ]
    return "\n\n".join(parts) + "\n"


# ---- figure -----------------------------------------------------------------------------------------------------


def loss_figure(m: Measurements) -> Figure:
    """Validation loss against wall-clock time, a panel a case, a line a seed."""
    measured = [case for case in TITLES if len(select(m.histories, case=case))]
    columns = min(2, len(measured))
    figure = Figure(figsize=(5.5 * columns, 4.0 * -(-len(measured) // columns)), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(-(-len(measured) // columns), columns, squeeze=False).ravel()
    for axes, case in zip(grid, measured, strict=False):
        for program in TRAINED_PROGRAMS:
            label = f"{program}, from scratch" if case == "d" and program == OURS else program
            for _, history in select(m.histories, case=case, program=program).groupby("seed"):
                axes.plot(history["elapsed_s"], history["val_loss"], color=COLORS[program], linewidth=0.8, label=label)
                best = history.loc[history["val_loss"].idxmin()]
                axes.plot(best["elapsed_s"], best["val_loss"], ".", color=COLORS[program], markersize=5)
                label = None
        for value in select(m.runs, case=case, program=LINEAR)["val_loss"]:
            axes.axhline(value, color="0.4", linestyle="--", linewidth=0.8, label=LINEAR)
        axes.set(xscale="log", yscale="log", title=TITLES[case])
        axes.set(xlabel="time from the start of the first epoch (s)", ylabel="validation loss (standardized MSE)")
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.grid(True, which="both", color="0.9", linewidth=0.5)
        axes.legend(fontsize="small")
    for axes in grid[len(measured) :]:
        axes.set_axis_off()
    return figure
