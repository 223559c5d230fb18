"""How many cores there are."""

import os


def cores() -> int:
    """Cores that this process may use: a batch system often gives it fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
