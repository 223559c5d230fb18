"""Makes pairs of simulated ship motions in the file formats of SimpleCode and LAMP.

SimpleCode and LAMP are distribution-restricted, and so are their files. The sample data of this project therefore come
from two models of our own, of a ship of hull.py in the same irregular waves, in heave, roll and pitch:

- the SimpleCode-like model: weight, Froude-Krylov and hydrostatic forces on the instantaneous wetted sections, constant
  added mass and constant linear damping, no diffraction;
- the LAMP-like model: the same sections, with radiation from frequency-dependent coefficients (infinite-frequency added
  mass and a memory of past velocities), diffraction, quadratic roll damping, and a displacement that is 4 % larger, as
  two codes seldom agree on it.

Neither is SimpleCode or LAMP, and no number here says anything about those codes.

    python sample_data/simulate.py                      makes the shipped files again
    python sample_data/simulate.py --handle _h5_p12_a90_hh0_pp0_aa0_s15-0000007 --duration 1800 --output FOLDER
    python sample_data/simulate.py --ship tanker --handle ... --output FOLDER       another ship in the same waves

Conventions
    Axes x forward, y to port, z up. Roll is positive with starboard down, pitch with the bow down. Files are in m, deg,
    s; in here angles are radians, masses tonnes, forces kN. Zcg is the height of the centre of gravity above the calm
    sea. The heading is the direction that the waves travel to: 180 deg head, 135 bow, 90 beam, 45 stern quartering,
    0 following seas. Elevation, deep water, with X = U t, Y = 0 the position of the centre of gravity:
        eta(x, y, t) = sum A cos(omega^2 / 9.807 (x cos B + y sin B) - omega t + phase)
    The waves grow linearly from nothing in the first 10 s. A positive vertical bending moment sags; it is taken
    amidships, in kN m, the shear force in kN is the net upward force on the fore body.

Simplifications: speed and course are prescribed, sway, surge and yaw are zero; angles are small in the geometry;
the waterline at a half section is that of the wave reduced by the decay of pressure with depth; of the terms due to
forward speed, only those of strip theory (N. Salvesen, E. O. Tuck and O. Faltinsen, Ship motions and sea loads, Trans.
SNAME 78, 1970) are kept; roll moments do not depend on the speed, apart from damping.
"""

import argparse
import json
import re
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hull import DENSITY, GRAVITY, SAMPLE_SHIP, SHIPS, Ship, build_ship, coefficient_file, smith_factors

HERE = Path(__file__).resolve().parent

RAMP_TIME = 10.0  # s
NUM_COMPONENTS = 120  # of each wave system
LONGEST_STEP = 0.1  # s, of the time integration; a longer time step of the record is divided
MEMORY_TIME = 20.0  # s, the retardation functions are negligible beyond
CHUNK_STEPS = 2000  # steps whose wave tables are held in memory at a time
BATCH_RECORDS = 50  # records integrated together
KNOT = 0.514444  # m/s
LAMP_DISPLACEMENT = 1.04  # of the LAMP-like model, over that of the SimpleCode-like one
ZERO_ROWS = 10  # at the end of SimpleCode's .mot

SAMPLE_STATE = "_h7.5_p15_a135_hh0_pp0_aa0_s10"
SAMPLE_SETS = {"training": range(1, 7), "validation": range(7, 9), "test": range(9, 11)}
SAMPLE_DURATION = 600.0
SAMPLE_TIME_STEP = 0.1

HANDLE_FORM = "_h7.5_p15_a135_hh0_pp0_aa0_s10-0000001"
HANDLE_PATTERN = re.compile(r"_h([\d.]+)_p([\d.]+)_a([\d.]+)_hh([\d.]+)_pp([\d.]+)_aa([\d.]+)_s([\d.]+)-(\d{7})")
NOTICE = "Simulated sample data of an analytic ship, not output of"


class BadInput(ValueError):
    """What the user asked for cannot be simulated; the message is one line for each reason."""


# ----------------------------------------------------------------------------------------------------------------------
# Sea states
# ----------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SeaState:
    """What a handle says. Wave systems as (significant height m, modal period s, heading deg); speed in m/s."""

    systems: tuple[tuple[float, float, float], ...]
    speed: float
    realization: int


@dataclass(frozen=True)
class WaveComponents:
    """Components of a sea as printed in the .sea file, each (N,): rad/s, deg, m, deg."""

    frequency: np.ndarray
    phase: np.ndarray
    amplitude: np.ndarray
    heading: np.ndarray


def parse_handle(handle: str) -> SeaState:
    """Sea state, speed and realization from a handle; raises BadInput with the reason."""
    match = HANDLE_PATTERN.fullmatch(handle)
    if match is None:
        raise BadInput(f"handle {handle!r} is not of the form {HANDLE_FORM}")
    try:
        h, p, a, hh, pp, aa, s = (float(text) for text in match.groups()[:7])
    except ValueError:
        raise BadInput(f"handle {handle!r} has a malformed number; the form is {HANDLE_FORM}") from None
    systems = ((h, p, a), (hh, pp, aa)) if hh > 0.0 else ((h, p, a),)
    limits = [("speed s", s, 0.0, 30.0, "knots")]
    for name, (height, period, heading) in zip(("", "secondary "), systems, strict=False):
        limits += [
            (f"{name}significant height", height, 0.0, 15.0, "m"),
            (f"{name}modal period", period, 5.0, 25.0, "s"),
            (f"{name}heading", heading, 0.0, 360.0, "deg"),
        ]
    for name, value, low, high, unit in limits:
        if not low <= value <= high:
            raise BadInput(f"handle {handle!r}: {name} is {value:g} {unit}, expected {low:g} to {high:g} {unit}")
    # Three decimals, so that X = U t has no more digits than the .mot file prints.
    return SeaState(systems, round(s * KNOT, 3), int(match.group(8)))


def wave_components(sea: SeaState) -> WaveComponents:
    """Components of equal energy from the Bretschneider spectrum, frequencies and phases drawn by the realization.

    The spectrum S = 1.25/4 (wp^4/w^5) h^2 exp(-1.25 (wp/w)^4) holds the share exp(-1.25 (wp/w)^4) of its energy below w
    (ITTC 1978). Its range from 0 to 0.995 is cut into equal shares with one frequency drawn in each: unevenly spaced
    frequencies do not repeat in a record. Headings mirrored about the ship have the same draws.
    """
    columns = []
    for system, (height, period, heading) in enumerate(sea.systems):
        draw = np.random.default_rng([sea.realization, system]).random((2, NUM_COMPONENTS))
        share = 0.995 * (np.arange(NUM_COMPONENTS) + draw[0]) / NUM_COMPONENTS
        share = np.maximum(share, 1e-6)
        frequency = 2.0 * np.pi / period * (1.25 / -np.log(share)) ** 0.25
        amplitude = np.full(NUM_COMPONENTS, height * np.sqrt(2.0 / NUM_COMPONENTS) / 4.0)
        columns.append(np.stack([frequency, 360.0 * draw[1], amplitude, np.full(NUM_COMPONENTS, heading)]))
    frequency, phase, amplitude, heading = np.concatenate(columns, axis=1)
    # Rounded as printed: whoever recomputes the elevation from the file gets the simulated one.
    return WaveComponents(np.round(frequency, 6), np.round(phase, 4), np.round(amplitude, 6), heading)


def heading_cosine_sine(heading: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cosine and sine of headings in deg, with sin(360 - B) = -sin(B) to the last bit and zeros where they belong."""
    angle = np.where(heading > 180.0, heading - 360.0, heading)
    cosine, sine = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    return np.where(np.abs(angle) == 90.0, 0.0, cosine), np.where(np.abs(angle) == 180.0, 0.0, sine)


# ----------------------------------------------------------------------------------------------------------------------
# Models
# ----------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Coefficients:
    """Hydrodynamic coefficients of hydrodynamics.json (t, kN, m, rad/s).

    frequency (F,), heading (G,) deg; added_mass by mode pair ("33", "35", "55", "44"), (F+1,) with infinity last;
    damping (F,); diffraction by motion, complex (F, G).
    """

    frequency: np.ndarray
    heading: np.ndarray
    added_mass: dict[str, np.ndarray]
    damping: dict[str, np.ndarray]
    diffraction: dict[str, np.ndarray]


@dataclass(frozen=True)
class Model:
    """One of the two ship models. Pairs "33", "35", "55", "44" are heave, heave-pitch, pitch, roll.

    mass in t, inertias in t m2; added_mass and damping: constants; kernels: retardation functions of force and of
    momentum ("33", "33 momentum") at the middles of the past time steps, (J,), none for a model without memory;
    quadratic_roll: kN m s2/rad2; roll_lift: kN m s/rad for each m/s of speed; diffraction: whether it acts, and the
    strip-theory terms of forward speed with it; rest: heave (m) and pitch (rad) in calm water.
    """

    mass: float
    inertia_roll: float
    inertia_pitch: float
    strip_mass: np.ndarray
    added_mass: dict[str, float]
    damping: dict[str, float]
    kernels: dict[str, np.ndarray]
    quadratic_roll: float
    roll_lift: float
    diffraction: bool
    rest: tuple[float, float]


def read_coefficients(ship_name: str = SAMPLE_SHIP) -> Coefficients:
    """From the file that hydrodynamics.py wrote."""
    content = json.loads(coefficient_file(ship_name).read_text(encoding="utf-8"))
    return Coefficients(
        np.array(content["frequency"]),
        np.array(content["heading"]),
        {name: np.array(values) for name, values in content["added_mass"].items()},
        {name: np.array(values) for name, values in content["damping"].items()},
        {name: np.array(f["real"]) + 1j * np.array(f["imag"]) for name, f in content["diffraction"].items()},
    )


def retardation_functions(coefficients: Coefficients, pair: str, tau: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """K(tau) = 2/pi integral of B(w) cos(w tau) dw and its integral L from 0 to tau; tau in s, (J,).

    K * velocity is the force that the waves made in the past exert (W. E. Cummins, Schiffstechnik 9, 1962),
    L * velocity the momentum that they carry. Damping is taken to grow with the cube of the frequency below the first
    one of the file and to fall with the cube beyond the last.
    """
    w, b = coefficients.frequency, coefficients.damping[pair]
    grid = np.arange(0.005, 10.0, 0.01)
    values = np.interp(grid, w, b) * np.minimum(1.0, grid / w[0]) ** 3 * np.minimum(1.0, w[-1] / grid) ** 3
    fade = 0.5 * (1.0 + np.cos(np.pi * np.clip(2.0 * tau / MEMORY_TIME - 1.0, 0.0, 1.0)))  # no step at the end
    angle = np.outer(tau, grid)
    scale = 2.0 / np.pi * 0.01 * fade
    return scale * (np.cos(angle) @ values), scale * (np.sin(angle) @ (values / grid))


def build_models(ship: Ship, coefficients: Coefficients, step: float) -> tuple[Model, Model]:
    """The SimpleCode-like and the LAMP-like model for a time step of the integration in s."""
    # The constants of the SimpleCode-like model are chosen by trial, such that the two models differ about as much as
    # pairs of real codes do. Its heave forces act at the centre of flotation, or slow heaving would pitch it.
    hull = ship.hull
    heave_mass, heave_damping = 0.4 * ship.mass, hull.simple_heave_damping
    flotation = float((ship.stations.breadth * ship.stations.x).sum() / ship.stations.breadth.sum())
    simple = Model(
        mass=ship.mass,
        inertia_roll=ship.roll_inertia,
        inertia_pitch=ship.pitch_inertia,
        strip_mass=ship.strip_mass,
        added_mass={
            "33": heave_mass,
            "35": -flotation * heave_mass,
            "55": 0.3 * ship.pitch_inertia,
            "44": 0.12 * ship.roll_inertia,
        },
        damping={
            "33": heave_damping,
            "35": -flotation * heave_damping,
            "55": hull.simple_pitch_damping,
            "44": hull.simple_roll_damping,
        },
        kernels={},
        quadratic_roll=0.0,
        roll_lift=0.0,
        diffraction=False,
        rest=rest_position(ship, ship.mass),
    )
    tau = (np.arange(int(round(MEMORY_TIME / step))) + 0.5) * step
    forces, momenta = {}, {}
    for pair in coefficients.damping:
        forces[pair], momenta[f"{pair} momentum"] = retardation_functions(coefficients, pair, tau)
    lamp = Model(
        mass=LAMP_DISPLACEMENT * ship.mass,
        inertia_roll=LAMP_DISPLACEMENT * ship.roll_inertia,
        inertia_pitch=LAMP_DISPLACEMENT * ship.pitch_inertia,
        strip_mass=LAMP_DISPLACEMENT * ship.strip_mass,
        added_mass={pair: float(values[-1]) for pair, values in coefficients.added_mass.items()},
        # Roll damping beyond radiation: skin friction and a little lift, and eddies with the square of the velocity.
        damping={"33": 0.0, "35": 0.0, "55": 0.0, "44": hull.lamp_roll_damping},
        kernels=forces | momenta,
        quadratic_roll=hull.lamp_quadratic_roll,
        roll_lift=hull.lamp_roll_lift,
        diffraction=True,
        rest=rest_position(ship, LAMP_DISPLACEMENT * ship.mass),
    )
    return simple, lamp


def strip_forces(ship: Ship, port: np.ndarray, starboard: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Froude-Krylov and hydrostatic force (kN) and roll moment (kN m) on each station, (S, R).

    port and starboard: immersion (m) of the two half sections, (S, R). The force stands on the local waterline, so the
    moment about the centre of gravity has a part from the halves' areas and one from their height.
    """
    stations = ship.stations
    immersion = np.stack([port, starboard])
    place = np.clip((immersion - stations.bottom[:, None]) / stations.table_step, 0.0, stations.rows - 1.0)
    row = place.astype(np.intp)
    share = (place - row)[..., None]
    entry = stations.table.take(row + stations.first_row[:, None], axis=0)  # (2, S, R, 6)
    area, side, height = np.moveaxis(entry[..., :3] + share * entry[..., 3:], -1, 0)
    pressure = DENSITY * GRAVITY * stations.width
    total = area[0] + area[1]
    slope = (port - starboard) / (2.0 * stations.side[:, None])
    moment = side[0] - side[1] + (height[0] + height[1] - ship.centre_of_gravity * total) * slope
    return pressure * total, pressure * moment


def rest_position(ship: Ship, mass: float) -> tuple[float, float]:
    """Heave (m) and pitch (rad) at which the hull floats in calm water with this mass (t), by Newton's method."""
    stations = ship.stations
    x = stations.x[:, None]
    position = np.zeros(2)

    def imbalance(p: np.ndarray) -> np.ndarray:
        level = x * p[1] - p[0]
        force = strip_forces(ship, level, level)[0][:, 0]
        return np.array([force.sum() - mass * GRAVITY, -(stations.x * force).sum()])

    for _ in range(12):
        here = imbalance(position)
        slopes = np.stack(
            [(imbalance(position + d) - imbalance(position - d)) / 2e-4 for d in 1e-4 * np.eye(2)], axis=1
        )
        position = position - np.linalg.solve(slopes, here)
    return float(position[0]), float(position[1])


# ----------------------------------------------------------------------------------------------------------------------
# Waves along the hull
# ----------------------------------------------------------------------------------------------------------------------


def wave_table(ship: Ship, coefficients: Coefficients, sea: SeaState) -> tuple[np.ndarray, np.ndarray]:
    """Encounter frequencies (N,) and the matrix (2N, Q) that turns their cosines and sines into what acts on the ship.

    The columns: elevation at the centre of gravity (1), mean and half difference of the port and starboard elevation
    at the stations, reduced by the decay of pressure (S, S), diffraction heave force, roll and pitch moment (3).
    """
    stations = ship.stations
    waves = wave_components(sea)
    wave_number = waves.frequency**2 / GRAVITY
    cosine, sine = heading_cosine_sine(waves.heading)
    encounter = waves.frequency - wave_number * sea.speed * cosine
    at_centre = waves.amplitude * np.exp(1j * np.radians(waves.phase))
    at_station = (
        at_centre * smith_factors(ship.hull, wave_number) * np.exp(1j * wave_number * cosine * stations.x[:, None])
    )
    across = wave_number * sine * stations.side[:, None]
    # Keeping mean and difference apart makes the difference exactly zero in head and following seas.
    mean, difference = at_station * np.cos(across), 1j * at_station * np.sin(across)

    heave, roll, pitch = (at_centre * diffraction_at(coefficients, name, waves) for name in ("heave", "roll", "pitch"))
    # Strip theory: the velocity of the water past the hull is that of the waves, its rate of change that of the
    # encounter, and the momentum of the added mass turns with the hull.
    pitch = pitch * encounter / waves.frequency - 1j * sea.speed * heave / waves.frequency
    heave = heave * encounter / waves.frequency
    table = np.concatenate([at_centre[None], mean, difference, heave[None], roll[None], pitch[None]])
    return encounter, np.concatenate([table.real.T, table.imag.T])


def diffraction_at(coefficients: Coefficients, name: str, waves: WaveComponents) -> np.ndarray:
    """Complex diffraction force of 1 m waves (N,), bilinear in frequency and heading, zero above the frequencies."""
    angle = np.where(waves.heading > 180.0, 360.0 - waves.heading, waves.heading)
    grid = coefficients.heading
    g = np.clip(np.searchsorted(grid, angle, side="right") - 1, 0, len(grid) - 2)
    share = (angle - grid[g]) / (grid[g + 1] - grid[g])
    w = coefficients.frequency
    f = np.clip(np.searchsorted(w, waves.frequency, side="right") - 1, 0, len(w) - 2)
    part = np.clip((waves.frequency - w[f]) / (w[f + 1] - w[f]), 0.0, 1.0)
    values = coefficients.diffraction[name]
    low = (1.0 - share) * values[f, g] + share * values[f, g + 1]
    high = (1.0 - share) * values[f + 1, g] + share * values[f + 1, g + 1]
    force = (1.0 - part) * low + part * high
    # Diffraction vanishes with the square of the frequency in long waves.
    force = force * np.minimum(1.0, waves.frequency / w[0]) ** 2 * (waves.frequency <= w[-1])
    if name == "roll":
        force = np.where(waves.heading > 180.0, -force, force)
        force = np.where((angle == 0.0) | (angle == 180.0), 0.0, force)
    return force


# ----------------------------------------------------------------------------------------------------------------------
# Time integration
# ----------------------------------------------------------------------------------------------------------------------


@dataclass
class State:
    """Where a model stands between two chunks of time steps. R records.

    position and velocity (3, R): heave, roll, pitch, the velocity half a step earlier; past (2J, 3, R): velocities of
    heave (relative to the water met at forward speed), roll and pitch at the middles of past steps, the newest in row
    `newest`, older ones below it.
    """

    position: np.ndarray
    velocity: np.ndarray
    past: np.ndarray
    newest: int


def initial_state(model: Model, num_records: int) -> State:
    """At rest in calm water."""
    heave, pitch = model.rest
    position = np.repeat(np.array([[heave], [0.0], [pitch]]), num_records, axis=1)
    length = max((len(kernel) for kernel in model.kernels.values()), default=0)
    return State(position, np.zeros((3, num_records)), np.zeros((2 * length, 3, num_records)), length)


def advance(ship: Ship, model: Model, state: State, waves: np.ndarray, speed: np.ndarray, step: float) -> np.ndarray:
    """Integrate the model over the steps of `waves`; updates `state`, returns motions and loads (T, 5, R).

    waves (T, 2S+3, R): the columns of wave_table without the first; speed (R,) in m/s. Returned: heave (m), roll and
    pitch (rad) at the T times, vertical shear force and bending moment amidships (kN, kN m).

    Central differences with velocities half-way between the positions, damping taken as the mean of two half-steps: of
    second order, stable for any damping. All sums run over stations or past steps as the first axis, never over
    records, so that a record does not depend on the others in its batch.
    """
    stations = ship.stations
    num_stations = len(stations.x)
    x, side = stations.x[:, None], stations.side[:, None]
    left, right = heave_pitch_matrices(model, speed, step)
    determinant = left[0] * left[3] - left[1] * left[2]
    roll_inertia = (model.inertia_roll + model.added_mass["44"]) / step
    roll_damping = model.damping["44"] + model.roll_lift * speed
    kernels = {pair: step * kernel[:, None] for pair, kernel in model.kernels.items()}
    length = len(state.past) // 2
    shares = load_shares(ship, model)

    position, velocity = state.position, state.velocity
    out = np.empty((len(waves), 5, waves.shape[2]))
    for n, wave in enumerate(waves):
        heave, roll, pitch = position
        level = wave[:num_stations] - heave + x * pitch
        tilt = wave[num_stations : 2 * num_stations] - side * roll
        force, moment = strip_forces(ship, level + tilt, level - tilt)
        pressure_force = np.add.reduce(force)
        pressure_moment = -np.add.reduce(x * force)

        total_heave = pressure_force - model.mass * GRAVITY
        total_roll = np.add.reduce(moment)
        total_pitch = pressure_moment
        if model.diffraction:
            total_heave = total_heave + wave[-3]
            total_roll = total_roll + wave[-2]
            # The moment of the heave momentum of the water, which the hull leaves behind (Munk's moment): here the part
            # of speed times pitch, that of the heave velocity is in the matrices, that of the past below.
            total_pitch = total_pitch + wave[-1] + model.added_mass["33"] * speed**2 * (pitch - model.rest[1])
        if length:
            w, p, q = np.moveaxis(state.past[state.newest : state.newest + length], 1, 0)
            total_heave = total_heave - np.add.reduce(kernels["33"] * w) - np.add.reduce(kernels["35"] * q)
            total_roll = total_roll - np.add.reduce(kernels["44"] * p)
            total_pitch = total_pitch - np.add.reduce(kernels["35"] * w) - np.add.reduce(kernels["55"] * q)
            momentum = np.add.reduce(kernels["33 momentum"] * w) + np.add.reduce(kernels["35 momentum"] * q)
            total_pitch = total_pitch + speed * momentum

        known_heave = right[0] * velocity[0] + right[1] * velocity[2] + total_heave
        known_pitch = right[2] * velocity[0] + right[3] * velocity[2] + total_pitch
        half_damping = 0.5 * (roll_damping + model.quadratic_roll * np.abs(velocity[1]))
        new_velocity = np.stack(
            [
                (left[3] * known_heave - left[1] * known_pitch) / determinant,
                ((roll_inertia - half_damping) * velocity[1] + total_roll) / (roll_inertia + half_damping),
                (left[0] * known_pitch - left[2] * known_heave) / determinant,
            ]
        )
        acceleration = (new_velocity - velocity) / step
        out[n, :3] = position
        out[n, 3:] = midship_loads(shares, model, acceleration, force, pressure_force, pressure_moment)
        velocity = new_velocity
        position = position + step * velocity
        if length:
            remember(state, velocity, speed * (position[2] - 0.5 * step * velocity[2] - model.rest[1]))
    state.position, state.velocity = position, velocity
    return out


def heave_pitch_matrices(model: Model, speed: np.ndarray, step: float) -> tuple[tuple, tuple]:
    """L and R of L v_new = R v_old + force for heave and pitch, each as its elements 11, 12, 21, 22 ((R,) or numbers).

    L = M / step + D / 2, R = M / step - D / 2, with D the damping and, for the model with diffraction, the terms of
    speed times heave added mass by which strip theory couples heave and pitch.
    """
    m33 = (model.mass + model.added_mass["33"]) / step
    m35 = model.added_mass["35"] / step
    m55 = (model.inertia_pitch + model.added_mass["55"]) / step
    d33, d35, d55 = (0.5 * model.damping[pair] for pair in ("33", "35", "55"))
    ahead = 0.5 * speed * model.added_mass["33"] * float(model.diffraction)
    left = (m33 + d33, m35 + d35 + ahead, m35 + d35 - ahead, m55 + d55)
    right = (m33 - d33, m35 - d35 - ahead, m35 - d35 + ahead, m55 - d55)
    return left, right


def remember(state: State, velocity: np.ndarray, inflow: np.ndarray) -> None:
    """Put the velocities (3, R) on top of the past, `inflow` (R,), speed times pitch, added to heave; updates `state`.

    The past is written downwards through a buffer of twice its length, so that it lies in one piece at all times.
    """
    length = len(state.past) // 2
    if state.newest == 0:
        state.past[length + 1 :] = state.past[: length - 1]
        state.newest = length + 1
    state.newest -= 1
    state.past[state.newest] = velocity
    state.past[state.newest, 0] += inflow


@dataclass(frozen=True)
class LoadShares:
    """What acts on the fore body, for the loads amidships. Two numbers each: shear force, bending moment.

    arm (S/2, 1): stations of the fore body forward of amidships, m; hydrodynamic (2, 2): of a unit hydrodynamic heave
    force and of a unit pitch moment (columns); mass and mass_moment: of the weights and of weights times x.
    """

    arm: np.ndarray
    hydrodynamic: np.ndarray
    mass: np.ndarray
    mass_moment: np.ndarray


def load_shares(ship: Ship, model: Model) -> LoadShares:
    """Shares of the fore body in the forces on the whole ship.

    Forces other than pressure on the strips are spread along the hull as breadth squared, the course of a slender
    ship's added mass, times a straight line that makes their sum and moment come out.
    """
    x = ship.stations.x
    spread_weight = ship.stations.breadth**2
    moments = [(spread_weight * x**power).sum() for power in range(3)]
    line = np.linalg.inv(np.array([moments[:2], [-moments[1], -moments[2]]]))  # (constant, slope) for force, moment
    spread = spread_weight[:, None] * (line[0] + x[:, None] * line[1])
    fore = slice(len(x) // 2, None)
    arm = x[fore] + ship.longitudinal_centre
    levers = np.stack([np.ones_like(arm), arm])
    weights = model.strip_mass[fore]
    return LoadShares(arm[:, None], levers @ spread[fore], levers @ weights, levers @ (weights * x[fore]))


def midship_loads(
    shares: LoadShares,
    model: Model,
    acceleration: np.ndarray,
    force: np.ndarray,
    pressure_force: np.ndarray,
    pressure_moment: np.ndarray,
) -> np.ndarray:
    """Vertical shear force (kN) and bending moment (kN m) amidships, (2, R), from the forces on the fore body.

    acceleration (3, R); force (S, R): pressure force on the stations, with its sum and pitch moment (R,). What the
    balance of the whole ship leaves over are the other hydrodynamic forces.
    """
    lift = acceleration[0] + GRAVITY
    other_force = model.mass * lift - pressure_force
    other_moment = model.inertia_pitch * acceleration[2] - pressure_moment
    fore = force[len(force) // 2 :]
    on_strips = np.stack([np.add.reduce(fore), np.add.reduce(shares.arm * fore)])
    hydrodynamic, mass, mass_moment = (
        shares.hydrodynamic[:, :, None],
        shares.mass[:, None],
        shares.mass_moment[:, None],
    )
    spread = hydrodynamic[:, 0] * other_force + hydrodynamic[:, 1] * other_moment
    return on_strips + spread - mass * lift + mass_moment * acceleration[2]


# ----------------------------------------------------------------------------------------------------------------------
# Records and files
# ----------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Record:
    """One realization as both models see it. T times.

    time (T,) s; x (T,) m, position of the centre of gravity; elevation (T,) m there; simple and lamp (T, 3): Zcg (m),
    roll and pitch (deg); simple_loads and lamp_loads (T, 2): vertical shear force (kN), bending moment (kN m).
    """

    handle: str
    waves: WaveComponents
    time: np.ndarray
    x: np.ndarray
    elevation: np.ndarray
    simple: np.ndarray
    lamp: np.ndarray
    simple_loads: np.ndarray
    lamp_loads: np.ndarray


def check_request(handles: Sequence[str], duration: float, time_step: float) -> list[SeaState]:
    """Sea states of the handles; raises BadInput with a line for each handle or number that cannot be used."""
    problems = []
    seas = []
    for handle in handles:
        try:
            seas.append(parse_handle(handle))
        except BadInput as error:
            problems.append(str(error))
    if not 0.001 <= time_step <= 2.0:
        problems.append(f"time_step is {time_step:g} s, expected 0.001 to 2 s")
    elif not 2 * ZERO_ROWS * time_step <= duration <= 1e5:
        problems.append(f"duration is {duration:g} s, expected {2 * ZERO_ROWS * time_step:g} to 100000 s")
    if problems:
        raise BadInput("\n".join(problems))
    return seas


def simulate(
    handles: Sequence[str],
    duration: float = SAMPLE_DURATION,
    time_step: float = SAMPLE_TIME_STEP,
    progress: Callable[[float], None] | None = None,
    ship_name: str = SAMPLE_SHIP,
) -> list[Record]:
    """Simulate the records of `handles`: duration / time_step rows each, from time 0, both in s.

    progress, if given, is called with the share of the work that is done; ship_name is one of hull.SHIPS. Raises
    BadInput with a line for each handle or number that cannot be used.
    """
    seas = check_request(handles, duration, time_step)
    num_rows = int(round(duration / time_step))
    ship, coefficients = build_ship(SHIPS[ship_name]), read_coefficients(ship_name)
    records: list[Record] = []
    for start in range(0, len(seas), BATCH_RECORDS):
        batch = seas[start : start + BATCH_RECORDS]
        done, share = start / len(seas), len(batch) / len(seas)

        def report(part: float, done: float = done, share: float = share) -> None:
            if progress is not None:
                progress(done + share * part)

        arrays = simulate_batch(ship, coefficients, batch, num_rows, time_step, report)
        for offset, sea in enumerate(batch):
            records.append(
                make_record(handles[start + offset], sea, time_step, ship, *(a[:, ..., offset] for a in arrays))
            )
    return records


def simulate_batch(
    ship: Ship,
    coefficients: Coefficients,
    seas: Sequence[SeaState],
    num_rows: int,
    time_step: float,
    report: Callable[[float], None] = lambda part: None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Elevation (T, R) and the motions and loads (T, 5, R) of the SimpleCode-like and the LAMP-like model."""
    divisions = max(1, int(np.ceil(time_step / LONGEST_STEP - 1e-9)))
    step = time_step / divisions
    models = build_models(ship, coefficients, step)
    # numpy sums a single column in another order than several: a lone record gets a copy beside it.
    columns = list(seas) if len(seas) > 1 else [*seas, *seas]
    speed = np.array([sea.speed for sea in columns])
    tables = [wave_table(ship, coefficients, sea) for sea in seas]
    states = [initial_state(model, len(columns)) for model in models]

    elevation = np.empty((num_rows, len(columns)))
    outputs = [np.empty((num_rows, 5, len(columns))) for _ in models]
    num_steps = num_rows * divisions
    chunk = CHUNK_STEPS - CHUNK_STEPS % divisions
    for first in range(0, num_steps, chunk):
        # Every chunk is of the same length, so that matrix products are too and add up in the same order.
        times = step * np.arange(first, first + chunk)
        ramp = np.minimum(times / RAMP_TIME, 1.0)[:, None]
        waves = np.empty((chunk, tables[0][1].shape[1], len(columns)))
        for r, (encounter, table) in enumerate(tables):
            angle = np.outer(times, encounter)
            waves[:, :, r] = ramp * (np.concatenate([np.cos(angle), np.sin(angle)], axis=1) @ table)
        waves[:, :, len(tables) :] = waves[:, :, : len(columns) - len(tables)]
        rows = slice(first // divisions, min(num_rows, (first + chunk) // divisions))
        used = waves[: min(chunk, num_steps - first)]
        elevation[rows] = used[::divisions, 0]
        for model, state, output in zip(models, states, outputs, strict=True):
            output[rows] = advance(ship, model, state, used[:, 1:], speed, step)[::divisions]
        report(min(1.0, (first + chunk) / num_steps))
    return elevation, outputs[0], outputs[1]


def make_record(
    handle: str,
    sea: SeaState,
    time_step: float,
    ship: Ship,
    elevation: np.ndarray,
    simple: np.ndarray,
    lamp: np.ndarray,
) -> Record:
    """Record of one realization from the columns of its batch: elevation (T,), simple and lamp (T, 5)."""

    def motions(columns: np.ndarray) -> np.ndarray:
        return np.stack([columns[:, 0] + ship.centre_of_gravity, *np.degrees(columns[:, 1:3]).T], axis=1)

    seconds = time_step * np.arange(len(elevation))
    return Record(
        handle,
        wave_components(sea),
        seconds,
        sea.speed * seconds,
        elevation.copy(),
        motions(simple),
        motions(lamp),
        simple[:, 3:].copy(),
        lamp[:, 3:].copy(),
    )


def format_rows(columns: Sequence[np.ndarray], decimals: Sequence[int]) -> str:
    """Rows of numbers separated by blanks, each column with its own number of decimals; no negative zeros."""
    rounded = [np.round(column, places) + 0.0 for column, places in zip(columns, decimals, strict=True)]
    line = " ".join(f"%.{places}f" for places in decimals) + "\n"
    table = np.stack(rounded, axis=1)
    return (line * len(table)) % tuple(table.ravel().tolist())


def record_texts(record: Record) -> dict[str, str]:
    """Contents of the six files of a record, by folder/folder and name."""
    handle = record.handle
    step = record.time[1]
    places = next(d for d in range(1, 7) if d == 6 or abs(step - round(step, d)) < 1e-12)
    zero = np.zeros_like(record.time)
    # SimpleCode leaves the last rows of its motions unwritten.
    written = np.where(np.arange(len(record.time)) < len(record.time) - ZERO_ROWS, 1.0, 0.0)
    motion_places = (places, 4, 0, 4, 4, 4, 0)
    load_places = (places, 1, 0)

    def motion_columns(motions: np.ndarray, factor: np.ndarray) -> list[np.ndarray]:
        return [column * factor for column in (record.time, record.x, zero, *motions.T, zero)]

    waves = record.waves
    sea_columns = [waves.frequency, waves.phase, waves.amplitude, waves.heading]
    texts = {
        f"SimpleCode_files/SC{handle}.mot": "Time Xcg Ycg Zcg Roll Pitch Yaw\nsec m m m deg deg deg\n"
        + format_rows(motion_columns(record.simple, written), motion_places),
        f"SimpleCode_files/SC{handle}.vbm": f"{NOTICE} SimpleCode: shear force and sagging moment amidships\n"
        "Time(sec) Vertical_shear_force(kN) Vertical_bending_moment(kN-m)\n"
        + format_rows([record.time, *record.simple_loads.T], load_places),
        f"LAMP_files/LAMP{handle}.mot": f"{NOTICE} LAMP\nMotions of the centre of gravity: sec m m m deg deg deg\n"
        "Time Xcg Ycg Zcg Rot_X Rot_Y Rot_Z\n"
        + format_rows(motion_columns(record.lamp, np.ones_like(zero)), motion_places),
        f"LAMP_files/LAMP{handle}.wav": f"{NOTICE} LAMP\nWave elevation at the centre of gravity\n"
        "Time(sec) Elevation(m)\n" + format_rows([record.time, record.elevation], (places, 4)),
        f"LAMP_files/LAMP{handle}.sea": f"{NOTICE} LAMP\nWave components of the sea\nHandle {handle}\n"
        f"Number of components {len(waves.frequency)}\n"
        f"Waves grow linearly in the first {RAMP_TIME:g} s, g = {GRAVITY} m/s2\n"
        "Frequency(rad/s) Phase(deg) Amplitude(m) Heading(deg)\n" + format_rows(sea_columns, (6, 4, 6, 4)),
        f"LAMP_files/LAMP{handle}.vbm": f"{NOTICE} LAMP\nVertical loads amidships, a sagging moment is positive\n"
        f"Handle {handle}\nTime(sec) Vertical_shear_force(kN) Vertical_bending_moment(kN-m)\n"
        + format_rows([record.time, *record.lamp_loads.T], load_places),
    }
    return texts


def write_text(path: Path, text: str) -> None:
    """Write a file with the same line ends on every system."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="ascii", newline="\n") as file:
        file.write(text)


def write_records(records: Sequence[Record], folder: Path) -> list[Path]:
    """Write .mot, .vbm, .wav and .sea files below SimpleCode_files and LAMP_files in `folder`; returns their paths."""
    paths = []
    for record in records:
        for name, text in record_texts(record).items():
            paths.append(Path(folder) / name)
            write_text(paths[-1], text)
    return paths


def sample_handles(name: str) -> list[str]:
    """Handles of one of the shipped sets: training, validation or test."""
    return [f"{SAMPLE_STATE}-{number:07d}" for number in SAMPLE_SETS[name]]


def write_cases(path: Path, about: str, handles: Sequence[str]) -> None:
    """Write a cases file: description, ***, the two prefixes, one handle a line."""
    write_text(path, "\n".join([about, "", "***", "SC", "LAMP", *handles]) + "\n")


def read_cases(path: Path) -> list[str]:
    """Handles listed in a cases file; raises BadInput."""
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"cases file {path} cannot be read: {error}") from None
    if "***" not in lines:
        raise BadInput(f"cases file {path} has no line ***, expected before the two prefixes and the handles")
    handles = [line for line in lines[lines.index("***") + 1 :] if line][2:]
    if not handles:
        raise BadInput(f"cases file {path} lists no handle, expected one a line below the two prefixes")
    return handles


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        description="Simulates ship motions with a simple and a better model, in the file formats of SimpleCode and "
        "LAMP. Without arguments: makes the shipped sample files again.",
        epilog=f"A handle: {HANDLE_FORM}. h, p, a: significant height (m), modal period (s), heading (deg, 180: head "
        "seas) of the primary wave system; hh, pp, aa: of the secondary (hh0: none); s: speed (knots); then the "
        "realization, seven digits.",
    )
    parser.add_argument("--handle", nargs="+", default=[], metavar="HANDLE", help="records to make")
    parser.add_argument("--cases", type=Path, metavar="FILE", help="make the records listed in this cases file")
    parser.add_argument("--duration", type=float, default=SAMPLE_DURATION, help="seconds (default %(default)g)")
    parser.add_argument("--time_step", type=float, default=SAMPLE_TIME_STEP, help="seconds (default %(default)g)")
    parser.add_argument("--ship", choices=list(SHIPS), default=SAMPLE_SHIP, help="default: %(default)s")
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="default of the sample ship: the script's folder")
    options = parser.parse_args(arguments)

    output = options.output or HERE
    started = time.perf_counter()

    def progress(share: float) -> None:
        elapsed = time.perf_counter() - started
        print(f"\rsimulated {100 * share:3.0f} %, {elapsed:.0f} s", end="", flush=True)

    try:
        chosen = list(options.handle) + (read_cases(options.cases) if options.cases else [])
        asked = bool(options.handle or options.cases)
        if options.output is None and options.ship != SAMPLE_SHIP:
            raise BadInput(f"--ship {options.ship} needs an --output FOLDER: files of all ships have the same names")
        handles = chosen if asked else [handle for name in SAMPLE_SETS for handle in sample_handles(name)]
        check_request(handles, options.duration, options.time_step)  # all of it, before anything is written
        num_files = 0
        for start in range(0, len(handles), BATCH_RECORDS):
            batch = handles[start : start + BATCH_RECORDS]
            part = len(batch) / len(handles)
            records = simulate(
                batch,
                options.duration,
                options.time_step,
                lambda share, start=start, part=part: progress(start / len(handles) + part * share),
                options.ship,
            )
            num_files += len(write_records(records, output))
        if not asked:
            for name in SAMPLE_SETS:
                path = output / "Cases_files" / f"cases_{name}.txt"
                about = f"Sample data, {name} set: significant height 7.5 m, modal period 15 s, bow seas, 10 knots"
                write_cases(path, about, sample_handles(name))
                num_files += 1
    except BadInput as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"cannot write below {output}: {error}", file=sys.stderr)
        return 1
    print(f"\n{num_files} files below {output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
