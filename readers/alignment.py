"""Aligns the files of a realization on one time axis."""

from collections.abc import Mapping

import numpy as np

from support.errors import InputError


def align(
    sources: Mapping[str, tuple[str, np.ndarray]], reference: str, time_res: int
) -> tuple[np.ndarray, dict[str, np.ndarray], list[str]]:
    """All columns at the reference's times, over the interval that all files cover.

    sources: by name, (file, table): (rows, column) with time (s) first.
    reference: the source whose rows are kept; sources with other rows are interpolated linearly.
    time_res: InputError is raised unless the files have at least twice as many rows in common.
    Returns time (rows,) in s; by source, its columns (rows, column) without time; and warnings, one line each.
    """
    file, table = sources[reference]
    step, time = _step(table), table[:, 0]
    begin = max(other[0, 0] for _, other in sources.values()) - 0.01 * step
    end = min(other[-1, 0] for _, other in sources.values()) + 0.01 * step
    time = time[(time >= begin) & (time <= end)]
    spans = "; ".join(f"{path} covers {other[0, 0]:g} to {other[-1, 0]:g} s" for path, other in sources.values())
    if len(time) < max(2 * time_res, 1):
        raise InputError(
            f"{file}: {len(time)} rows in common with the realization's other files, at least {2 * time_res} "
            f"(twice time_res) are needed; {spans}: check that they belong together"
        )
    warnings = []
    longest = max(other[-1, 0] - other[0, 0] + _step(other) for _, other in sources.values())
    if time[-1] - time[0] + 1.01 * step < 0.9 * longest:
        warnings.append(f"{file}: only {time[0]:g} to {time[-1]:g} s is used, as {spans}")
    remedies = "run the simulation again, or split it into two records", "write the file with a constant step"
    for what, remedy in zip(_irregularities(time, step), remedies, strict=True):
        if what:
            warnings.append(f"{file}: {what}; the network assumes equal steps: {remedy}")
    columns = {}
    for key, (path, other) in sources.items():
        columns[key] = _same_rows(other, time, step)
        if columns[key] is None:
            columns[key] = interpolated(other, time)
            warnings.append(_why_interpolated(path, other, file, time, step))
    return time, columns, warnings


def interpolated(table: np.ndarray, time: np.ndarray) -> np.ndarray:
    """The table's columns at the given times, without its own time, which comes first."""
    return np.stack([np.interp(time, table[:, 0], column) for column in table[:, 1:].T], axis=1)


def _step(table: np.ndarray) -> float:
    return float(np.median(np.diff(table[:, 0]))) if len(table) > 1 else 0.0


def _same_rows(table: np.ndarray, time: np.ndarray, step: float) -> np.ndarray | None:
    """The table's rows at the given times, without time; None if rows are missing or the step differs."""
    tolerance = 0.01 * step
    at = np.minimum(np.searchsorted(table[:, 0], time - tolerance), len(table) - 1)
    if np.abs(table[at, 0] - time).max() > tolerance:
        return None
    one_after_the_other = at[-1] - at[0] == len(time) - 1
    return table[at, 1:] if one_after_the_other or abs(_step(table) - step) <= tolerance else None


def _irregularities(time: np.ndarray, step: float) -> tuple[str, str]:
    """The first gap between regular rows, and where the step changes, in words; empty where there is none."""
    steps = np.diff(time)
    evenly = np.linspace(time[0], time[-1], len(time))
    rounded = np.abs(time - evenly).max() < 0.1 * step  # regular times with few decimals
    irregular = (np.abs(steps - step) > 0.05 * step) & (not rounded)
    beside = np.pad(irregular, 1)
    is_gap = irregular & (steps > 1.5 * step) & ~beside[:-2] & ~beside[2:]
    gaps, changes = np.flatnonzero(is_gap), np.flatnonzero(irregular & ~is_gap)
    more = f" (the first of {len(gaps)} gaps)" if len(gaps) > 1 else ""
    return (
        f"gap in time: no rows between {time[gaps[0]]:g} and {time[gaps[0] + 1]:g} s{more}" if len(gaps) else "",
        f"the time step of {step:g} s changes after {time[changes[0]]:g} s" if len(changes) else "",
    )


def _why_interpolated(path: str, table: np.ndarray, file: str, time: np.ndarray, step: float) -> str:
    own = _step(table)
    gap, _ = _irregularities(table[:, 0], own)
    if gap and abs(own - step) <= 0.01 * step:
        return f"{path}: {gap}; interpolated linearly: run the simulation again"
    return (
        f"{path}: its rows (step {own:g} s, from {table[0, 0]:g} s) do not match those of {file} (step {step:g} s, "
        f"from {time[0]:g} s): interpolated linearly; write both at the same times to avoid this"
    )
