"""Statistics of fleets of several sea states, against simulations whose truth is known.

A record of a sea state of significant amplitude S has the amplitude S exp(0.06 z) and the largest of CYCLES amplitudes
of a Rayleigh distribution; the network sees nine tenths of both, and adds an error of its own.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from studies import fleet, fleet_estimates, fleet_tables
from studies.fleet_estimates import Interval, Sample
from studies.fleet_tables import Question, groups_of, statistics
from trust.record_statistics import COLUMNS, RecordTable

CYCLES = 200
DURATION, EXPOSURE = 1800.0, 3 * 3600.0
BIAS = 0.9
HANDLE = "_h{}_p12_a{}_hh0_pp0_aa0_s10-{:07d}"


@dataclass(frozen=True)
class Motions:
    """Of records: significant amplitudes and largest values of LAMP, and of the network."""

    ssa: np.ndarray
    maximum: np.ndarray
    predicted_ssa: np.ndarray
    predicted_maximum: np.ndarray


def motions(amplitudes: np.ndarray, rng: np.random.Generator, cycles: float = CYCLES, noise: float = 0.05) -> Motions:
    """Of one record in each of the sea states with these amplitudes (record,)."""
    size = len(amplitudes)
    ssa = amplitudes * np.exp(0.06 * rng.normal(size=size))
    maximum = ssa / 2 * np.sqrt(2 * np.log(cycles / np.minimum(rng.exponential(size=size), cycles / 2)))
    errors = BIAS * np.exp(noise * rng.normal(size=(2, size)))
    return Motions(ssa, maximum, ssa * errors[0], maximum * errors[1])


def record_table(found: Motions, handles: list[str], of_fleet: bool, durations=DURATION) -> RecordTable:
    """One channel, roll. LAMP's records, or a fleet predicted by one network; SimpleCode sees half of it."""
    records = pd.DataFrame({"record": [f"SC{handle}" for handle in handles], "handle": handles})
    records = records.assign(set="fleet" if of_fleet else "lamp", channel="Roll", period=9.0, duration_s=durations)
    sources = {"LSTM": (found.predicted_ssa, found.predicted_maximum), "SimpleCode": (found.ssa / 2, found.maximum / 2)}
    sources |= {} if of_fleet else {"LAMP": (found.ssa, found.maximum)}
    rows = [
        records.assign(source=source, network=int(of_fleet and source == "LSTM"), ssa=ssa, maximum=maximum)
        for source, (ssa, maximum) in sources.items()
    ]
    rows = pd.concat(rows, ignore_index=True)[list(COLUMNS)]
    shares = np.exp(-np.outer(1 / np.maximum(rows["ssa"], 1e-9), np.arange(100.0)))
    empty = np.full((len(rows), 1), np.nan), np.empty((len(rows), 4, 0))
    return RecordTable(rows, shares, np.arange(100.0)[None], *empty, ("Roll",))


def tables(
    amplitudes: np.ndarray, lamp: np.ndarray, many: np.ndarray, seed: int, headings=None
) -> tuple[RecordTable, RecordTable]:
    """LAMP's records and the fleet. lamp, many: the sea state of each record, a place among the amplitudes."""
    rng = np.random.default_rng(seed)
    headings = 90 + np.zeros(len(amplitudes)) if headings is None else headings
    result = []
    for first, states, of_fleet in ((0, lamp, False), (10**5, many, True)):
        handles = [HANDLE.format(1 + state / 100, headings[state], first + n) for n, state in enumerate(states)]
        result.append(record_table(motions(amplitudes[states], rng), handles, of_fleet))
    return tuple(result)


def row_of(table: pd.DataFrame, statistic: str, sea_state: str = "all") -> pd.Series:
    return table[(table["sea_state"] == sea_state) & (table["statistic"] == statistic)].iloc[0]


def true_levels(amplitudes: np.ndarray, shares: np.ndarray, risks) -> np.ndarray:
    """What the largest of 3 h exceeds with each of the risks, records being of the sea states with these shares."""
    rng, size = np.random.default_rng(0), 20_000
    maxima = [np.sort(motions(np.full(size, each), rng).maximum) for each in amplitudes]
    levels = np.linspace(0, max(each[-1] for each in maxima), 2000)
    above = np.array([1 - np.searchsorted(each, levels) / size for each in maxima])
    record_risks = 1 - (1 - np.array(risks)) ** (DURATION / EXPOSURE)
    return np.interp(-record_risks, -(shares @ above), levels)


# ---- largest values -------------------------------------------------------------------------------------------------

SEAS = {
    "6 to 14 deg": np.linspace(6, 14, 60),
    "lognormal": 4 * np.exp(0.5 * stats.norm.ppf((np.arange(60) + 0.5) / 60)),
    "a fifth head seas": np.where(np.arange(60) % 5 == 0, 0.02, np.linspace(4, 12, 60)),
    "a fifth without any roll": np.where(np.arange(60) % 5 == 0, 0.0, np.linspace(4, 12, 60)),
}


@pytest.mark.parametrize("name", SEAS)
def test_largest_values_over_many_sea_states_are_those_of_the_fleet(name):
    amplitudes = SEAS[name]
    truth = true_levels(amplitudes, np.full(60, 1 / 60), (0.1, 0.01))
    found = []
    for seed in range(3):
        rng = np.random.default_rng(100 + seed)
        lamp, many = tables(amplitudes, rng.integers(60, size=60), np.arange(1000) % 60, seed)
        table, _ = statistics(lamp, many, groups_of(lamp, many, ())[-1:], Question())
        found.append([row_of(table, f"largest_exceeded_by_{risk}_percent")["estimate"] for risk in (10, 1)])
    np.testing.assert_allclose(np.mean(found, axis=0), truth, rtol=0.07)
    np.testing.assert_allclose(found, np.tile(truth, (3, 1)), rtol=0.12)
