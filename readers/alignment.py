"""Aligns the files of a realization on one time axis, and resamples records to the network's time step."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice

import numpy as np

from settings.description import seconds
from system.errors import InputError, counted

SAME_STEP = 0.005  # share by which steps may differ: a record of 0.1005 s is to a network of 0.1 s 0.5 % slower
# Of a motion's standard deviation, between every second row and a spline through the others. On sample ships in seas of
# 5 to 15 s the error of resampling was then 3 to 4 % (0.04 and 1 % at 0.02 and 0.2). Waves are rougher than motions.
LARGEST_ERROR = 0.7
STRAIGHT = 1e-9  # share of the largest value
LARGEST_STEP = 10.0  # s, of ships at full scale
ROW_TOLERANCE = 0.01  # share of the time step by which rows of two files may be apart
MOST_USUAL_STEPS = 0.95  # share of equal steps in times that are rounded; with more, others are gaps
MEAN_PERIODS = 0.3, 300.0  # s, of heave: a model of 1 m in the tank, and a ship that runs with the waves
CODES = ("sc", "lamp")  # sources of motions
Tables = Mapping[str, tuple[str, np.ndarray]]  # by source, (file, table): (rows, column) with time (s) first


@dataclass(frozen=True)
class Aligned:
    """The files of a record at the same times.

    time: (rows,) s. columns: by source, its columns (rows, column) without time. warnings: one line each.
    printed_time: (rows of the reference,) s if they differ: of few decimals, or of another step.
    """

    time: np.ndarray
    columns: dict[str, np.ndarray]
    warnings: list[str]
    printed_time: np.ndarray | None


def align(
    tables: Tables, reference: str, time_res: int, wanted: float | None = None, own_steps: bool = False
) -> Aligned:
    """All columns at the reference's times, over the interval that all files cover.

    reference: the source whose rows are kept; sources with other rows are interpolated, see `interpolated`.
    time_res: InputError is raised unless the files have at least twice as many rows in common.
    wanted: time step, s; a reference with another one is resampled to it. None: its own.
    own_steps: whether it is usual that the sources have steps of their own, of which nothing is then said.
    Raises InputError for files that are too coarse to be resampled.
    """
    printed = tables[reference][1][:, 0]
    tables = {source: (path, _with_even_times(table)) for source, (path, table) in tables.items()}
    file, table = tables[reference]
    step, fewest = time_step(table[:, 0]), 2 * time_res
    is_common, warnings = _common_rows(tables, reference, fewest)
    rows, printed = table[is_common, 0], printed[is_common]
    remedies = "run the simulation again, or split it into two records", "write the file with a constant step"
    for what, remedy in zip(_irregularities(rows, step), remedies, strict=True):
        if what:
            warnings.append(f"{file}: {what}; the network assumes equal steps: {remedy}")
    time = rows
    if wanted and len(rows) > 1 and not same_step(step, wanted):
        time = _resampled_times(file, rows, wanted, fewest)
        said = f"{file}: its time step is {step:g} s, that of the network {wanted:g} s: resampled to {wanted:g} s"
        warnings += [] if own_steps else [said]
    columns, faults = {}, []
    for source, (path, other) in tables.items():
        columns[source] = _same_rows(other, time, wanted or step)
        if columns[source] is None:
            columns[source] = interpolated(other, time)
            too_coarse = [] if source == "track" else _why_too_coarse(path, other, wanted or step, own_steps)
            faults += too_coarse if source in CODES else []
            warnings += [] if source in CODES else too_coarse
            is_usual = own_steps and not any(_irregularities(other[:, 0], time_step(other[:, 0])))
            if _same_rows(other, rows, step) is None and not is_usual:
                warnings.append(_why_interpolated(path, other, file, rows, step))
    if faults:
        raise InputError(list(dict.fromkeys(faults)))
    return Aligned(time, columns, warnings, None if np.array_equal(time, printed) else printed)


def _common_rows(tables: Tables, reference: str, fewest: int) -> tuple[np.ndarray, list[str]]:
    """Which rows of the reference all files cover, (rows,) of bool, and a line if these are part of the longest file.

    Raises InputError for fewer rows than `fewest`.
    """
    file, table = tables[reference]
    time, step = table[:, 0], time_step(table[:, 0])
    others = [other[:, 0] for _, other in tables.values()]
    is_common = (time >= max(t[0] for t in others) - 0.01 * step) & (time <= min(t[-1] for t in others) + 0.01 * step)
    time = time[is_common]
    spans = "; ".join(f"{path} covers {other[0, 0]:g} to {other[-1, 0]:g} s" for path, other in tables.values())
    if len(time) < fewest:
        raise InputError(
            f"{file}: {counted(len(time), 'row')} in common with the realization's other files, at least "
            f"{fewest} (twice time_res) are needed; {spans}: check that they belong together"
        )
    longest = max(t[-1] - t[0] + time_step(t) for t in others)
    if time[-1] - time[0] + 1.01 * step < 0.9 * longest:
        return is_common, [f"{file}: only {time[0]:g} to {time[-1]:g} s is used, as {spans}"]
    return is_common, []


def _resampled_times(file: str, time: np.ndarray, step: float, fewest: int) -> np.ndarray:
    """(rows,) s, times of another step in the same interval. Raises InputError for fewer rows than `fewest`."""
    # A hair is added, so that rounded times lose no row.
    resampled = time[0] + step * np.arange(int((time[-1] - time[0]) / step + 0.01) + 1)
    if len(resampled) < fewest:
        raise InputError(
            f"{file}: {counted(len(resampled), 'row')} at the network's time step of {step:g} s, at least "
            f"{fewest} (twice time_res) are needed; give a longer record"
        )
    return resampled


def cubic_spline(time: np.ndarray, columns: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """A cubic spline through columns (rows, column) at increasing times (rows,)."""
    from scipy.interpolate import CubicSpline  # only here, as it takes longer to load than faulty settings to find

    return CubicSpline(time, columns)


def interpolated(table: np.ndarray, time: np.ndarray) -> np.ndarray:
    """The table's columns at the given times, without its own time, which comes first.

    A cubic spline, or straight lines if rows are missing. Root mean squared errors from 0.2 to 0.1 s in a sea of 15 s:
    5e-5 of the wave's standard deviation, and 3e-3 with straight lines.
    """
    knots, columns = table[:, 0], table[:, 1:]
    if len(knots) < 4 or any(_irregularities(knots, time_step(knots))):
        return np.stack([np.interp(time, knots, column) for column in columns.T], axis=1)
    return cubic_spline(knots, columns)(time)


def without_trend(time: np.ndarray, signal: np.ndarray) -> np.ndarray:
    """A signal (rows,) about the straight line through it, such as surge in the track of a ship. time: (rows,)."""
    elapsed = time - time.mean()
    rest = signal - signal.mean() - elapsed * (elapsed @ signal) / max(elapsed @ elapsed, 1e-300)
    return (
        rest if np.std(rest) > STRAIGHT * np.abs(signal).max() else np.zeros_like(rest)
    )  # rounding of a straight line


def time_step(time: np.ndarray) -> float:
    """The time step in s; 0 for a single row. Of times with few decimals (0.33, 0.67, 1.0) the mean, else the median.

    time: (rows,) s.
    """
    if len(time) < 2:
        return 0.0
    mean = float((time[-1] - time[0]) / (len(time) - 1))
    return round(mean, 9) if _unevenness(time) < 0.1 * mean else float(np.median(np.diff(time)))


def _unevenness(time: np.ndarray) -> float:
    """The largest distance (s) from equally spaced times with the same begin and end. time: (rows,) s."""
    return np.abs(time - np.linspace(time[0], time[-1], len(time))).max()


def even_times(time: np.ndarray) -> np.ndarray:
    """Equally spaced times if these are such with few digits (0.33, 0.67, 1.0), as precise; else these themselves.

    time: (rows,) s.
    """
    count, step = len(time), (time[-1] - time[0]) / max(len(time) - 1, 1)
    if count < 4 or _unevenness(time) < 1e-4 * step:
        return time
    places = np.arange(count)
    even = np.polyval(np.polyfit(places, time, 1), places).round(3) + 0.0
    unit = next((10.0**-n for n in range(3) if np.abs(time - time.round(n)).max() < 1e-9), 0.0)  # of the last decimal
    if np.abs(time - even).max() < min(0.6 * unit, 0.4 * step):
        return even
    # Steps of less than two units of the last digit, or any number of digits.
    return next((fine for units in _last_digits(time) if (fine := _as_rounded(time, units)) is not None), time)


def _last_digits(time: np.ndarray) -> Iterable[np.ndarray]:
    """The units of the last digits (rows,), if times have the same number of decimals, and of significant digits."""
    size, step = np.floor(np.log10(np.maximum(np.abs(time), 1e-300))), (time[-1] - time[0]) / (len(time) - 1)
    for units in ((np.full(len(time), 10.0**-n) for n in range(-6, 10)), (10 ** (size - n) for n in range(2, 9))):
        fine = (unit for unit in units if unit.max() <= step)
        yield from islice((unit for unit in fine if (np.abs(time / unit - np.round(time / unit)) < 1e-4).all()), 1)


def _as_rounded(time: np.ndarray, unit: np.ndarray) -> np.ndarray | None:
    """Equally spaced times from which these (rows,) are rounded; None if they are not, but have gaps or other steps.

    unit: (rows,) of the last digit.
    """
    steps, places = np.diff(time), np.arange(len(time))
    unit = np.maximum(unit, 1e-3 * steps.mean())
    if _unevenness(time) < ROW_TOLERANCE * steps.mean() or (steps <= 0).any():
        return None
    even = np.polyval(np.polyfit(places, time, 1, w=1 / unit), places)
    off = np.abs(steps - (even[1] - even[0])) / unit[1:]
    is_coarse = unit[1:] > ROW_TOLERANCE * steps.mean()
    usual = np.abs(steps - np.median(steps))[is_coarse] < 0.25 * unit[1:][is_coarse]
    is_rounded = (np.abs(time - even) < 0.8 * unit).all() and (off < 1.01).all()
    return even if is_rounded and usual.sum() < MOST_USUAL_STEPS * len(usual) else None


def _with_even_times(table: np.ndarray) -> np.ndarray:
    even = even_times(table[:, 0])
    return table if np.may_share_memory(even, table) else np.column_stack([even, table[:, 1:]])


def same_step(first: float, second: float) -> bool:
    """Whether two time steps are the same, apart from the rounding of times in files."""
    return abs(first - second) <= SAME_STEP * second


def _why_too_coarse(path: str, table: np.ndarray, step: float, own_steps: bool = False) -> list[str]:
    """A line if the file's rows are too far apart to tell what is between them; empty if not."""
    coarse = time_step(table[:, 0])
    if coarse > seconds(LARGEST_STEP) >= step and not own_steps:
        return [f"{path}: its time step of {coarse:g} s cannot be right; check that time is in s"]
    if coarse <= step * (1 + SAME_STEP) or len(table) < 8 or any(_irregularities(table[:, 0], coarse)):
        return []
    columns, inner = table[:, 1:], slice(3, -3, 2)
    errors = cubic_spline(table[::2, 0], columns[::2])(table[inner, 0]) - columns[inner]
    scale = columns.std(axis=0)
    share = (np.sqrt(np.mean(errors**2, axis=0)) / np.where(scale > 0, scale, np.inf)).max()
    if share <= LARGEST_ERROR:
        return []
    return [
        f"{path}: its time step of {coarse:g} s is too coarse for the {step:g} s that are needed: what is between the "
        f"rows is not known (every second row is {100 * share:.0f} % of the standard deviation off what the "
        f"others tell, at most {100 * LARGEST_ERROR:.0f} %); run the simulation with a finer step"
    ]


def implausible_period(file: str, time: np.ndarray, heave: np.ndarray) -> list[str]:
    """A line if a ship hardly heaves with the mean period of a record, as if its time were in another unit."""
    above = heave > heave.mean()
    crossings = np.flatnonzero(above[1:] & ~above[:-1])
    period = (time[crossings[-1]] - time[crossings[0]]) / (len(crossings) - 1) if len(crossings) > 5 else np.nan
    if not (period < MEAN_PERIODS[0] or period > MEAN_PERIODS[1]):
        return []
    return [f"{file}: the mean period of heave is {period:.2g} s; check that time is in s, not in ms, min or h"]


def _same_rows(table: np.ndarray, time: np.ndarray, step: float) -> np.ndarray | None:
    """The table's rows at the given times, without time; None if rows are missing or the step differs."""
    tolerance = ROW_TOLERANCE * step
    first = int(np.searchsorted(table[:, 0], time[0] - tolerance))
    rows = table[first : first + len(time)]  # as in most files
    if len(rows) == len(time) and np.abs(rows[:, 0] - time).max() <= tolerance:
        return rows[:, 1:]
    at = np.minimum(np.searchsorted(table[:, 0], time - tolerance), len(table) - 1)
    if np.abs(table[at, 0] - time).max() > tolerance:
        return None
    one_after_the_other = at[-1] - at[0] == len(time) - 1
    return table[at, 1:] if one_after_the_other or abs(time_step(table[:, 0]) - step) <= tolerance else None


def _irregularities(time: np.ndarray, step: float) -> tuple[str, str]:
    """The first gap between regular rows, and where the step changes, in words; empty where there is none."""
    steps = np.diff(time)
    is_rounded = _unevenness(time) < 0.1 * step  # regular times with few decimals
    irregular = (np.abs(steps - step) > 0.05 * step) & (not is_rounded)
    beside = np.pad(irregular, 1)
    is_gap = irregular & (steps > 1.5 * step) & ~beside[:-2] & ~beside[2:]
    gaps, changes = np.flatnonzero(is_gap), np.flatnonzero(irregular & ~is_gap)
    more = f" (the first of {len(gaps)} gaps)" if len(gaps) > 1 else ""
    return (
        f"gap in time: no rows between {time[gaps[0]]:g} and {time[gaps[0] + 1]:g} s{more}" if len(gaps) else "",
        f"the time step of {step:g} s changes after {time[changes[0]]:g} s" if len(changes) else "",
    )


def _why_interpolated(path: str, table: np.ndarray, file: str, time: np.ndarray, step: float) -> str:
    file_step = time_step(table[:, 0])
    gap, _ = _irregularities(table[:, 0], file_step)
    if gap and abs(file_step - step) <= 0.01 * step:
        return f"{path}: {gap}; interpolated linearly: run the simulation again"
    return (
        f"{path}: its rows (step {file_step:g} s, from {table[0, 0]:g} s) do not match those of {file} "
        f"(step {step:g} s, from {time[0]:g} s): interpolated; write both at the same times to avoid this"
    )
