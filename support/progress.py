"""A progress line for long work; on a terminal it is kept up to date, elsewhere it is silent."""

import sys
import time


class Bar:
    """How much of a number of items is done, and how long the rest will take."""

    def __init__(self, total: int, label: str):
        self._total, self._label = total, label
        self._done = 0
        self._began = time.perf_counter()
        self._visible = sys.stdout.isatty() and total > 0

    def advance(self, count: int = 1) -> None:
        self._done += count
        if self._visible:
            left = (time.perf_counter() - self._began) / self._done * (self._total - self._done)
            filled = 30 * self._done // self._total
            line = f"{self._label} [{'#' * filled:<30}] {self._done}/{self._total}  {as_duration(left)} left"
            print(f"\r{line:<79}", end="", flush=True)

    def close(self) -> None:
        if self._visible:
            print()


def as_duration(seconds: float) -> str:
    """Seconds as a person says them: 42 s, 3 min 5 s, 2 h 4 min."""
    seconds = int(round(seconds))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min"
