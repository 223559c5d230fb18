"""How many cores this process works on."""

import os

_limits: list[int] = []


def cores() -> int:
    """Cores that this process may use: a batch system often gives it fewer than the machine has."""
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min([there, *_limits])


def limit_cores(number: int) -> None:
    """From now on this process works on so many cores, as others work beside it."""
    _limits[:] = [max(1, number)]
