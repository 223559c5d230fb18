"""Sound pairs of random systems, to see that the checks of pairs raise no alarm on sources that nobody thought of.

A linear and cubic system with several channels in random waves, of any period and in any unit; the fast source is its
linear part with errors of gain and phase.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from data_io import Record
from settings.description import Description, Output

LEAST_CORRELATION = 0.5  # of the two sources in a channel that is not resonant


@dataclass(frozen=True)
class System:
    """A channel: resonance (of the peak frequency) and damping in each source, share of each of two inputs, phase error
    (rad), gain of the fast source, cubic and unrelated share, and in units of the standard deviation the mean.
    """

    resonances: tuple[float, float]
    dampings: tuple[float, float]
    shares: np.ndarray
    phase: float
    gain: float
    cubic: float
    noise: float
    means: np.ndarray
    unit: float
    constant: str
    has_low: bool

    def responses(self, omega: np.ndarray, waves: np.ndarray, rows: int, rng: np.random.Generator) -> np.ndarray:
        """(rows, source) of the fast and the accurate source. omega: over the peak's. waves: (input, frequency)."""
        signals = []
        for source, (resonance, damping) in enumerate(zip(self.resonances, self.dampings, strict=True)):
            ratio = omega / resonance
            transfer = 1 / (1 - ratio**2 + 2j * damping * ratio) * (np.exp(1j * self.phase) if source else 1.0)
            signals.append(np.fft.irfft(transfer * (self.shares @ waves), rows))
        low, high = (signal / np.std(signal) for signal in signals)
        noise = np.fft.irfft(np.abs(waves[0]) * np.exp(2j * np.pi * rng.random(len(omega))), rows)
        high = high + self.cubic * high**3 + self.noise * noise / np.std(noise)
        of_states = np.array([np.std(signal) for signal in signals]) * [self.gain, 1.0]
        both = np.stack([low, high], axis=1) * of_states + self.means * of_states[1]
        for source, name in enumerate(("low", "high")):
            both[:, source] = self.means[source] if self.constant in (name, "both") else both[:, source]
        both[:, 0] = both[:, 0] if self.has_low else np.nan
        return both * self.unit


def drawn_system(rng: np.random.Generator, resonant: bool) -> System:
    resonance = rng.uniform(0.6, 1.5) if resonant else rng.uniform(2.0, 6.0)
    damping = rng.uniform(0.03, 0.1) if resonant else rng.uniform(0.2, 0.7)
    means = np.array([0.0, 1.0]) * rng.normal() if rng.random() < 0.5 else np.ones(2) * 10 ** rng.uniform(0, 2)
    return System(
        resonances=(resonance * rng.uniform(0.8, 1.25), resonance) if resonant else (resonance, resonance),
        dampings=(damping * rng.uniform(0.5, 2.0), damping),
        shares=rng.normal(size=2),
        phase=rng.uniform(-1.0, 1.0),
        gain=2 ** rng.uniform(-1.5, 1.5),
        cubic=rng.choice([0.0, 0.05, 0.2]) * rng.random(),
        noise=rng.choice([0.0, 0.3, 1.0]) * rng.random(),
        means=means * rng.choice([0, 1]),
        unit=10 ** rng.uniform(-6, 8),
        constant=rng.choice(["", "low", "high", "both"], p=[0.9, 0.04, 0.02, 0.04]),
        has_low=rng.random() > 0.1,
    )


def drawn_set(rng: np.random.Generator) -> tuple[Description, list[Record]]:
    """A description and its sound records: 1 to 12 of one or of several states."""
    resonant = rng.random(rng.integers(1, 6)) < 0.25
    period, rows = 10 ** rng.uniform(-2, 5), int(10 ** rng.uniform(1.5, 3.8))
    step = period / rng.uniform(8, 60)
    several, one_input = rng.random() < 0.5, rng.random() < 0.3
    states = [(rng.uniform(0.75, 1.35), 10 ** rng.uniform(-0.7, 0.5)) for _ in range(rng.integers(1, 13))]
    states = states if several else [(1.0, 1.0)] * len(states)
    frequency = np.fft.rfftfreq(rows, step) * period

    def drawn_records(systems: Sequence[System]) -> list[Record]:
        records = []
        for number, (faster, height) in enumerate(states):
            omega = np.maximum(frequency * faster, 1e-3)
            spectrum = omega**-5 * np.exp(-1.25 * omega**-4.0) * height**2
            waves = np.sqrt(spectrum) * (rng.normal(size=(2, len(omega))) + 1j * rng.normal(size=(2, len(omega))))
            waves[1] *= not one_input
            signals = np.stack([system.responses(frequency, waves, rows, rng) for system in systems], axis=1)
            low, high = signals[:, :, 0], signals[:, :, 1]
            records.append(Record(f"{number:03d}", step * np.arange(rows), low, high, low))
        return records

    def is_sound(system: System) -> bool:
        if system.constant or not system.has_low:
            return True
        correlations = [np.corrcoef(r.simple[:, 0], r.targets[:, 0])[0, 1] for r in drawn_records([system])]
        return float(np.min(correlations)) > LEAST_CORRELATION

    systems = []
    for of_channel in resonant:
        while not (of_channel or is_sound(system := drawn_system(rng, False))):
            pass
        systems.append(drawn_system(rng, True) if of_channel else system)
    channels = tuple(Output(f"C{k}", "unit", high=k, low=k if s.has_low else None) for k, s in enumerate(systems))
    records = drawn_records(systems)
    return Description("Linear", "Cubic", "low/{}.csv", "high/{}.csv", channels), records


def contradictions(records: Sequence[Record]) -> dict[str, list[Record]]:
    """The records with a contradiction in the first of them, by its kind; where it has 30 periods and moves."""
    first, others = records[0], list(records[1:])
    targets = first.targets
    moves = (np.ptp(first.simple, axis=0) > 0) & (np.ptp(targets, axis=0) > 0)
    crossings = np.count_nonzero(np.diff(np.sign(targets - targets.mean(axis=0)), axis=0), axis=0)
    if not moves.all() or crossings.min() < 60 or crossings.max() > 2 * crossings.min():
        return {}
    late = int(0.5 * 2 * len(targets) / np.median(crossings))
    made = {
        "a factor of 1000": targets * 1000,
        "a factor of 0.001 in one channel": targets * np.where(np.arange(targets.shape[1]), 1.0, 1e-3),
        "opposite signs": -targets,
        "half a period late": np.concatenate([np.repeat(targets[:1], late, axis=0), targets[:-late]]),
    }
    if targets.shape[1] > 1:
        made["two channels exchanged"] = targets[:, [1, 0, *range(2, targets.shape[1])]]
    if others and len(others[0].time) == len(first.time):
        made["another record"] = others[0].targets
    return {kind: [replace(first, targets=changed), *others] for kind, changed in made.items()}
