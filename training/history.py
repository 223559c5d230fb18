"""Progress of a training: a line on the terminal, and history.csv."""

import sys
import time
from pathlib import Path

import keras
import pandas as pd

from data_io import VALIDATION_ERRORS
from support.files import written_aside
from support.saved_networks import HISTORY_COLUMNS

LOG_INTERVAL = 10.0  # s


class Progress(keras.callbacks.Callback):
    """Writes history.csv after each epoch and updates a progress line on the terminal.

    Without a terminal, such as in the log of a batch job, it prints a line for each epoch, at most one in LOG_INTERVAL
    seconds.
    """

    def __init__(self, epochs: int, watched: str, history_file: Path, channels: tuple[str, ...]):
        super().__init__()
        self.rows: list[dict[str, float]] = []
        self._columns = history_columns(channels)
        self._epochs, self._watched, self._file = epochs, watched, history_file
        self._began = 0.0
        self._elapsed_before = 0.0  # of the part before an interruption
        self._on_terminal = sys.stdout.isatty()
        self._printed = float("-inf")

    def continue_from(self, history: pd.DataFrame) -> None:
        """Restores the rows of an interrupted training."""
        self.rows = history.to_dict("records")
        self._elapsed_before = self.rows[-1]["elapsed_s"] if self.rows else 0.0

    def on_epoch_begin(self, epoch, logs=None):
        if not self._began:
            self._began = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        row = {
            "epoch": epoch + 1,
            "elapsed_s": round(self._elapsed_before + time.perf_counter() - self._began, 3),
            "loss": float(logs["loss"]),
            "val_loss": float(logs.get("val_loss", "nan")),
            "learning_rate": float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)),
        } | {name: float(logs.get(name, "nan")) for name in self._columns[len(HISTORY_COLUMNS) :]}
        self.rows.append(row)
        write_history(self.history(), self._file)
        if self._on_terminal or time.perf_counter() - self._printed >= LOG_INTERVAL:
            self._printed = time.perf_counter()
            left = row["elapsed_s"] / len(self.rows) * (self._epochs - row["epoch"])
            line = (
                f"epoch {row['epoch']}/{self._epochs}  loss {row['loss']:.2e}  validation {row['val_loss']:.2e}  "
                f"best {self.best():.2e}  at most {as_duration(left)} left"
            )
            print(*(f"\r{line:<100}", "") if self._on_terminal else (line, "\n"), sep="", end="", flush=True)

    def best(self) -> float:
        """The smallest watched loss; 0, the mean over no sample, does not count."""
        return min((row[self._watched] for row in self.rows if row[self._watched] > 0), default=float("nan"))

    def close(self, why_stopped: str, best_epoch: int) -> None:
        """The last line of a training."""
        if self._on_terminal:
            print()
        watched = "validation" if self._watched == "val_loss" else "training"
        print(
            f"Trained {len(self.rows)} epochs in {as_duration(self.rows[-1]['elapsed_s'])} ({why_stopped}); best "
            f"{watched} loss {self.best():.3e} in epoch {best_epoch}"
        )

    def history(self) -> pd.DataFrame:
        return pd.DataFrame(self.rows, columns=self._columns)


def as_duration(seconds: float) -> str:
    """Seconds as text: 42 s, 3 min 5 s, 2 h 4 min."""
    seconds = int(round(seconds))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min"


def history_columns(channels: tuple[str, ...]) -> list[str]:
    """The columns of history.csv for a network with these output channels."""
    return [*HISTORY_COLUMNS, *(VALIDATION_ERRORS[channel] for channel in channels)]


def write_history(history: pd.DataFrame, path: Path) -> None:
    """Writes history.csv atomically.

    All digits are written, because a resumed training compares new losses with these.
    """
    with written_aside(path) as aside:
        history.to_csv(aside, index=False, lineterminator="\n")
