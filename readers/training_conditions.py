"""What a record has to share with the training of the network that predicts it, beside channels and settings."""

import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from metrics import zero_upcrossing_period
from readers import wave_ramp
from readers.alignment import same_step
from readers.records import Record
from settings import UserInput
from settings.channels import has_wave_grid, input_channels, wave_at_centre
from settings.description import list_name, time_scale_of


@dataclass(frozen=True)
class Conditions:
    """None: not known.

    time_step: of the records, s. wave_ramp: s over which their waves grow, 0 for none.
    vbm_unit: that of the bending moment in the headers, in lower case. time_scale: see `description.time_scale_of`.
    """

    time_step: float | None = None
    wave_ramp: float | None = None
    vbm_unit: str | None = None
    time_scale: float | None = None


UNKNOWN = Conditions()
FEWEST_STEPS, USUAL_STEPS = 4, 10  # of the network in a mean period


def conditions_of(records: Sequence[Record], user: UserInput) -> Conditions:
    """What predicted records have to share with these training records, which have one time step."""
    if not len(records):
        return UNKNOWN
    place = wave_at_centre(input_channels(user)) if user.description.is_ship else None
    ramp, scale = None if place is None else user.wave_ramp_time, time_scale_of(mean_period(records))
    if place is not None and not has_wave_grid(user):
        waves = ((record.time, record.inputs[:, place]) for record in _some(records))
        ramp = wave_ramp.common_ramp(waves, ramp, scale)
    return Conditions(records[0].time_step, ramp, time_scale=scale)


def _some(records: Sequence[Record]) -> list[Record]:
    """Those that decide on the conditions of all."""
    return [records[i] for i in range(0, len(records), -(-len(records) // wave_ramp.MOST_RECORDS))]


def mean_period(records: Sequence[Record]) -> float:
    """The mean zero-upcrossing period (s) of the accurate source: the median over records, and over channels."""
    periods = [zero_upcrossing_period((r.targets - r.targets.mean(axis=0)).T, r.time_step) for r in _some(records)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of channels that never cross
        return float(np.nanmedian(np.nanmedian(periods, axis=0)))


def coarse_steps(records: Sequence[Record], user: UserInput) -> list[str]:
    """A line if the network sees too few steps of a mean period in the training records."""
    if not len(records) or user.time_res == 1:
        return []
    period = mean_period(records)
    step = user.time_res * records[0].time_step
    if not period < FEWEST_STEPS * step:
        return []
    seen = f"steps of {step:g} s, {period / step:.2g} in a mean period of {period:.3g} s"
    fitting = max(1, int(period / (USUAL_STEPS * records[0].time_step)))
    return [f"UserInputArgs.time_res = {user.time_res}: the network sees {seen}; set time_res = {fitting}"]


def usual_step(steps: Sequence[float]) -> tuple[float, list[str]]:
    """The time step (s) of most training records, the finer one if two are as frequent; and a line if they differ."""
    counts = Counter(round(step, 6) for step in steps)
    alike = {step: sum(count for other, count in counts.items() if same_step(other, step)) for step in counts}
    usual = max(alike, key=lambda step: (alike[step], -step))
    if alike[usual] == len(steps):
        return usual, []
    shown = ", ".join(f"{step:g} s ({count})" for step, count in sorted(counts.items()))
    remark = f"records of several time steps: {shown}; the network gets {usual:g} s, that of most"
    return usual, [f"DataInfoArgs.{list_name('train', 'lamp')}: {remark}"]


def with_training_ramp(
    file: str, time: np.ndarray, wave: np.ndarray, shared: Conditions
) -> tuple[np.ndarray, list[str]]:
    """Waves with the ramp of the training if they have none, and a line if they had to be changed or cannot be.

    time: (rows,) s. wave: (rows, 1) elevation in m.
    """
    trained = shared.wave_ramp
    begun = None if trained is None else wave_ramp.other_ramp(time, wave[:, 0], trained, shared.time_scale or 1.0)
    if begun is None:
        return wave, []
    if begun == 0:
        line = f"{file}: the waves begin at full height, those of the training grow over {trained:g} s: this is applied"
        return wave * wave_ramp.factor(time, trained)[:, None], [line]
    return wave, [_other_beginning(file, begun, trained, "give waves that begin as those of the training")]


def differing_waves(file: str, time: np.ndarray, wave: np.ndarray, shared: Conditions) -> list[str]:
    """A line if the waves of a record with LAMP, which are left as they are, begin otherwise than in the training."""
    trained, scale = shared.wave_ramp, shared.time_scale or 1.0
    begun = None if trained is None else wave_ramp.other_ramp(time, wave, trained, scale)
    remedy = "make sure that they are the waves that LAMP ran in"
    return [] if begun is None else [_other_beginning(file, begun, trained, remedy)]


def _other_beginning(file: str, begun: float, trained: float, remedy: str) -> str:
    here = f"grow over about {begun:.2g} s" if begun else "begin at full height"
    there = f"grow over {trained:g} s" if trained else "begin at full height"
    return (
        f"{file}: the waves {here}, those of the training {there}: the first {max(begun, trained):.2g} s of the "
        f"prediction are wrong; {remedy}"
    )
