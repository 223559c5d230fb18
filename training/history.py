"""Progress of a training: history.csv, the best epoch, and a line on the terminal."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import pandas as pd

from networks.network_folder import HISTORY_COLUMNS, best_row
from settings.channels import validation_error
from system.errors import counted
from system.files import write_table

LOG_INTERVAL = 10.0  # s
Row = dict[str, Any]  # of history.csv


class ProgressLine:
    """A line that a terminal shows in place; in the log of a batch job, lines one below the other.

    width: of the longest line.
    """

    def __init__(self, width: int):
        self._width, self._printed = width, float("-inf")
        self._on_terminal = sys.stdout.isatty()

    def is_due(self) -> bool:
        """Always on a terminal, else every LOG_INTERVAL seconds."""
        return self._on_terminal or time.perf_counter() - self._printed >= LOG_INTERVAL

    def show(self, line: str) -> None:
        self._printed = time.perf_counter()
        print(*(f"\r{line:<{self._width}}", "") if self._on_terminal else (line, "\n"), sep="", end="", flush=True)

    def close(self) -> None:
        if self._on_terminal:
            print()


class Progress(keras.callbacks.Callback):
    """Writes history.csv after each epoch and updates the progress line.

    watched: the loss that determines the best epoch. file: history.csv. rows: of it before an interruption.
    """

    def __init__(self, epochs: int, watched: str, file: Path, channels: Sequence[str], rows: Sequence[Row] = ()):
        super().__init__()
        self.rows, self.watched, self._before = list(rows), watched, len(rows)
        self._epochs, self._file, self._columns = epochs, file, history_columns(channels)
        self._began: float | None = None
        self._line = ProgressLine(100)

    def on_epoch_begin(self, epoch, logs=None):
        if self._began is None:
            self._began = time.perf_counter() - (self.rows[-1]["elapsed_s"] if self.rows else 0.0)

    def on_epoch_end(self, epoch, logs=None):
        row = {
            "epoch": epoch + 1,
            "elapsed_s": round(time.perf_counter() - self._began, 3),
            "loss": float(logs["loss"]),
            "val_loss": float(logs.get("val_loss", "nan")),
            "learning_rate": float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)),
        } | {name: float(logs.get(name, "nan")) for name in self._columns[len(HISTORY_COLUMNS) :]}
        self.rows.append(row)
        write_table(self._file, self.history())  # with all digits, as a resumed training compares new losses with these
        if self._line.is_due():
            left = pace([row["elapsed_s"] for row in self.rows], self._before) * (self._epochs - row["epoch"])
            self._line.show(
                f"epoch {row['epoch']}/{self._epochs}  loss {row['loss']:.2e}  validation {row['val_loss']:.2e}  "
                f"best {self._best()[self.watched]:.2e}  at most {as_duration(left)} left"
            )

    def _best(self) -> Row:
        place = best_row([row[self.watched] for row in self.rows])
        return {"epoch": None, self.watched: float("nan")} if place is None else self.rows[place]

    @property
    def best_epoch(self) -> int | None:
        return self._best()["epoch"]

    def close(self, why_stopped: str, best_epoch: int) -> None:
        """The last line of a training."""
        self._line.close()
        watched = "validation" if self.watched == "val_loss" else "training"
        print(
            f"Trained {counted(len(self.rows), 'epoch')} in {as_duration(self.rows[-1]['elapsed_s'])} ({why_stopped}); "
            f"best {watched} loss {self._best()[self.watched]:.3e} in epoch {best_epoch}"
        )

    def history(self) -> pd.DataFrame:
        return pd.DataFrame(self.rows, columns=self._columns)


def pace(elapsed: Sequence[float], before: int = 0) -> float:
    """Seconds that an epoch takes since the epoch `before`, the last one of an earlier session; NaN without one since.

    elapsed: s of training after each epoch so far.
    """
    done = len(elapsed)
    if done <= before:
        return float("nan")
    return (elapsed[-1] - (elapsed[before - 1] if before else 0.0)) / (done - before)


def as_duration(seconds: float) -> str:
    """Seconds as text: 42 s, 3 min 5 s, 2 h 4 min."""
    seconds = int(round(seconds))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min"


def history_columns(channels: Sequence[str]) -> list[str]:
    """The columns of history.csv for a network with these output channels."""
    return [*HISTORY_COLUMNS, *(validation_error(channel) for channel in channels)]
