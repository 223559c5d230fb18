"""The ship of the sample data: an analytic hull with flare, its stations and its hydrostatics.

Body axes: x forward from midships, y to port, z up from the calm waterline. Lengths in metres, masses in tonnes, forces
in kilonewtons (so density is 1.025 t/m3 and moments are kN m). The hull belongs to no real ship.

With xi = 2 x / L and q = -z / d(xi) (0 at the waterline, 1 at the keel) the half breadth is

    b(x, z) = b0(xi) (1 - q^n(xi))                   below the calm waterline
    b(x, z) = b0(xi) + tan(alpha(xi)) min(z, D)      above it: flare up to the deck at z = D, vertical sides beyond it
"""

from dataclasses import dataclass

import numpy as np

GRAVITY = 9.807  # m/s2, the value of the wave formula of the .sea file
DENSITY = 1.025  # t/m3

LENGTH = 150.0
BEAM = 20.0
DRAFT = 6.5
DECK_HEIGHT = 9.0  # above the calm waterline: the flare ends here
TOP_HEIGHT = 16.0  # deckhouses keep buoyancy up to here, more immersion adds none
METACENTRIC_HEIGHT = 1.5  # GM of the design condition; it places the centre of gravity
ROLL_GYRADIUS = 0.38 * BEAM
PITCH_GYRADIUS = 0.25 * LENGTH

NUM_STATIONS = 20
TABLE_STEP = 0.05  # m, immersion step of the section tables


def waterline_half_breadth(xi: np.ndarray) -> np.ndarray:
    """Half breadth (m) of the calm waterline: fine bow, transom stern. xi in -1 (stern) to 1 (bow), any shape."""
    fore, aft = np.clip(xi, 0.0, None), np.clip(-xi, 0.0, None)
    return 0.5 * BEAM * (1.0 - fore**2.2 - 0.35 * aft**3)


def local_draft(xi: np.ndarray) -> np.ndarray:
    """Depth (m) of the keel below the calm waterline: it rises towards the transom and a little at the stem."""
    fore, aft = np.clip(xi, 0.0, None), np.clip(-xi, 0.0, None)
    return DRAFT * (1.0 - 0.3 * fore**8 - 0.75 * aft**3)


def section_exponent(xi: np.ndarray) -> np.ndarray:
    """Fullness n of the sections: U-shaped amidships, V-shaped at the ends."""
    return 1.6 + 3.4 * (1.0 - xi**2)


def flare_tangent(xi: np.ndarray) -> np.ndarray:
    """Slope of the sides above the waterline: slight amidships, strong at the bow."""
    fore, aft = np.clip(xi, 0.0, None), np.clip(-xi, 0.0, None)
    return 0.04 + 0.46 * fore**2 + 0.12 * aft**2


def half_breadth(x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Half breadth (m) at x and z (m, broadcast against each other); 0 below the keel."""
    xi = 2.0 * np.asarray(x) / LENGTH
    q = np.clip(-z / local_draft(xi), 0.0, 1.0)
    above = flare_tangent(xi) * np.clip(z, 0.0, DECK_HEIGHT)
    return waterline_half_breadth(xi) * (1.0 - q ** section_exponent(xi)) + above


@dataclass(frozen=True)
class Stations:
    """Strips of the hull, from stern to bow. S stations, H immersions.

    x (S,): distance (m) forward of the centre of gravity; width: length (m) of one strip.
    side (S,): distance (m) from the centreline where the immersion of a half section is taken, 2/3 of its breadth.
    bottom (S,): keel (m, negative); table (S*H, 6): area (m2), moment of area about the centreline (m3) and about the
    calm waterline (m3) of one half section against immersion, then their differences to the next row. A station's table
    starts at its keel in row first_row and has `rows` rows, table_step (m) apart.
    """

    x: np.ndarray
    width: float
    breadth: np.ndarray
    side: np.ndarray
    bottom: np.ndarray
    table: np.ndarray
    table_step: float
    rows: int
    first_row: np.ndarray


@dataclass(frozen=True)
class Ship:
    """Hydrostatics of the design condition (t, m) and the stations."""

    stations: Stations
    mass: float
    centre_of_gravity: float  # above the calm waterline, m
    centre_of_buoyancy: float  # above the calm waterline, m (negative)
    longitudinal_centre: float  # of gravity and of buoyancy, forward of midships, m
    roll_inertia: float  # dry, about the centre of gravity, t m2
    pitch_inertia: float
    strip_mass: np.ndarray  # (S,), t: adds up to mass, its centre and pitch_inertia


def build_ship() -> Ship:
    """Stations, section tables and hydrostatics from the formulas of the hull."""
    edges = np.linspace(-0.5 * LENGTH, 0.5 * LENGTH, NUM_STATIONS + 1)
    x = 0.5 * (edges[:-1] + edges[1:])
    width = LENGTH / NUM_STATIONS
    xi = 2.0 * x / LENGTH
    breadth = waterline_half_breadth(xi)
    bottom = -local_draft(xi)

    rows = int(round((TOP_HEIGHT + DRAFT) / TABLE_STEP)) + 1
    z = bottom[:, None] + TABLE_STEP * np.arange(rows)  # each table starts at its own keel
    b = half_breadth(x[:, None], z)
    area, side_moment, height_moment = (
        np.concatenate([np.zeros((len(x), 1)), np.cumsum(0.5 * TABLE_STEP * (f[:, 1:] + f[:, :-1]), axis=1)], axis=1)
        for f in (b, 0.5 * b**2, z * b)
    )
    values = np.stack([area, side_moment, height_moment], axis=2)  # (S, H, 3)
    steps = np.diff(values, axis=1, append=values[:, -1:])  # the last row adds nothing
    table = np.concatenate([values, steps], axis=2).reshape(-1, 6)

    def at_rest(column: int) -> np.ndarray:
        return np.array([np.interp(0.0, z[s], values[s, :, column]) for s in range(len(x))])

    strip_volume = 2.0 * width * at_rest(0)
    volume = strip_volume.sum()
    centre = float((strip_volume * x).sum() / volume)
    buoyancy = float(2.0 * width * at_rest(2).sum() / volume)
    metacentric_radius = 2.0 / 3.0 * width * float((breadth**3).sum()) / volume
    gravity = buoyancy + metacentric_radius - METACENTRIC_HEIGHT
    mass = DENSITY * float(volume)
    pitch_inertia = mass * PITCH_GYRADIUS**2

    # The weight follows the section areas, bent by a parabola so that mass, centre and gyradius come out.
    arm = x - centre
    moments = np.array([[(strip_volume * arm ** (i + j)).sum() for j in range(3)] for i in range(3)])
    factors = np.linalg.solve(moments, np.array([mass, 0.0, pitch_inertia]))
    strip_mass = strip_volume * (factors[0] + factors[1] * arm + factors[2] * arm**2)

    stations = Stations(
        arm, width, breadth, 2.0 / 3.0 * breadth, bottom, table, TABLE_STEP, rows, rows * np.arange(len(x))
    )
    return Ship(stations, mass, gravity, buoyancy, centre, mass * ROLL_GYRADIUS**2, pitch_inertia, strip_mass)


def smith_factors(wave_number: np.ndarray) -> np.ndarray:
    """Reduction of the wave's vertical Froude-Krylov force on each station by the decay of pressure with depth.

    wave_number (N,) in rad/m; returns (S, N): integral of exp(k z) over the projected breadth, divided by it, so that
    the strip's linear vertical force is exact (J. N. Newman, Marine Hydrodynamics, 1977, section 6.16).
    """
    x = (np.arange(NUM_STATIONS) + 0.5) * LENGTH / NUM_STATIONS - 0.5 * LENGTH
    xi = 2.0 * x / LENGTH
    fraction = np.linspace(1.0, 0.0, 41)  # of the half breadth, keel to waterline
    z = -local_draft(xi)[:, None] * fraction ** (1.0 / section_exponent(xi)[:, None])  # depth where b/b0 = 1 - fraction
    decay = np.exp(z[:, :, None] * wave_number)  # (S, 41, N)
    return (decay[:, :1] + decay[:, -1:] + 2.0 * decay[:, 1:-1].sum(axis=1, keepdims=True))[:, 0] / 80.0
