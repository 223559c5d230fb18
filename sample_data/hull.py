"""The ships of the sample data: analytic hulls with flare, their stations and their hydrostatics.

Body axes: x forward from midships, y to port, z up from the calm waterline. Lengths in metres, masses in tonnes, forces
in kilonewtons (so density is 1.025 t/m3 and moments are kN m). No hull belongs to a real ship.

With xi = 2 x / L and q = -z / d(xi) (0 at the waterline, 1 at the keel) the half breadth is

    b(x, z) = b0(xi) (1 - q^n(xi))                   below the calm waterline
    b(x, z) = b0(xi) + tan(alpha(xi)) min(z, D)      above it: flare up to the deck at z = D, vertical sides beyond it
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

GRAVITY = 9.807  # m/s2, the value of the wave formula of the .sea file
DENSITY = 1.025  # t/m3

NUM_STATIONS = 20
TABLE_STEP = 0.05  # m, immersion step of the section tables


@dataclass(frozen=True)
class Hull:
    """Form and loading of a ship; the values given here are those of the sample ship. Lengths in m.

    deck_height: above the calm waterline, the flare ends here. top_height: deckhouses keep buoyancy up to here, more
    immersion adds none. metacentric_height: GM of the design condition; it places the centre of gravity. roll_gyradius
    in beams, pitch_gyradius in lengths.

    The waterline is 1 - |xi|^fore_waterline forward and 1 - (1 - transom) |xi|^3 aft, in half beams. The keel rises at
    the stem by the share stem_rise of the draft, at the transom by stern_rise. fullness: the exponents n of the
    sections at the ends and amidships. flare: slopes of the sides amidships, at the bow and at the stern.

    simple_*: the damping of the SimpleCode-like model, lamp_*: that of the LAMP-like model beyond radiation. Heave in
    kN s/m; pitch and roll in kN m s/rad, quadratic in kN m s2/rad2, lift in kN m s/rad for each m/s of speed.
    """

    length: float = 150.0
    beam: float = 20.0
    draft: float = 6.5
    deck_height: float = 9.0
    top_height: float = 16.0
    metacentric_height: float = 1.5
    roll_gyradius: float = 0.38
    pitch_gyradius: float = 0.25
    fore_waterline: float = 2.2
    transom: float = 0.65
    stem_rise: float = 0.3
    stern_rise: float = 0.75
    fullness: tuple[float, float] = (1.6, 5.0)
    flare: tuple[float, float, float] = (0.04, 0.5, 0.16)
    simple_heave_damping: float = 1.4e4
    simple_pitch_damping: float = 3.3e7
    simple_roll_damping: float = 8.5e4
    lamp_roll_damping: float = 1.5e4
    lamp_quadratic_roll: float = 3.6e5
    lamp_roll_lift: float = 2.0e3

    def waterline_half_breadth(self, xi: np.ndarray) -> np.ndarray:
        """Half breadth (m) of the calm waterline: transom stern. xi in -1 (stern) to 1 (bow), any shape."""
        fore, aft = np.clip(xi, 0.0, None), np.clip(-xi, 0.0, None)
        return 0.5 * self.beam * (1.0 - fore**self.fore_waterline - (1.0 - self.transom) * aft**3)

    def local_draft(self, xi: np.ndarray) -> np.ndarray:
        """Depth (m) of the keel below the calm waterline: it rises towards the transom and a little at the stem."""
        fore, aft = np.clip(xi, 0.0, None), np.clip(-xi, 0.0, None)
        return self.draft * (1.0 - self.stem_rise * fore**8 - self.stern_rise * aft**3)

    def section_exponent(self, xi: np.ndarray) -> np.ndarray:
        """Fullness n of the sections: U-shaped amidships, V-shaped at the ends."""
        ends, amidships = self.fullness
        return ends + (amidships - ends) * (1.0 - xi**2)

    def flare_tangent(self, xi: np.ndarray) -> np.ndarray:
        """Slope of the sides above the waterline: slight amidships, strong at the bow."""
        fore, aft = np.clip(xi, 0.0, None), np.clip(-xi, 0.0, None)
        amidships, bow, stern = self.flare
        return amidships + (bow - amidships) * fore**2 + (stern - amidships) * aft**2

    def half_breadth(self, x: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Half breadth (m) at x and z (m, broadcast against each other); 0 below the keel."""
        xi = 2.0 * np.asarray(x) / self.length
        q = np.clip(-z / self.local_draft(xi), 0.0, 1.0)
        above = self.flare_tangent(xi) * np.clip(z, 0.0, self.deck_height)
        return self.waterline_half_breadth(xi) * (1.0 - q ** self.section_exponent(xi)) + above


SAMPLE_SHIP = "sample"
SHIPS = {
    SAMPLE_SHIP: Hull(),
    # A fine warship: V-shaped ends, much flare, moderate GM.
    "frigate": Hull(
        length=120.0,
        beam=14.5,
        draft=4.6,
        deck_height=7.0,
        top_height=12.0,
        metacentric_height=1.0,
        roll_gyradius=0.37,
        pitch_gyradius=0.25,
        fore_waterline=1.7,
        transom=0.6,
        stem_rise=0.2,
        stern_rise=0.7,
        fullness=(1.4, 4.0),
        flare=(0.06, 0.6, 0.15),
        simple_heave_damping=6.4e3,
        simple_pitch_damping=9.3e6,
        simple_roll_damping=1.9e4,
        lamp_roll_damping=3.2e3,
        lamp_quadratic_roll=7.0e4,
        lamp_roll_lift=470.0,
    ),
    # A laden tanker: full, deep, little freeboard and flare, high GM.
    "tanker": Hull(
        length=230.0,
        beam=38.0,
        draft=13.0,
        deck_height=6.0,
        top_height=12.0,
        metacentric_height=5.0,
        roll_gyradius=0.35,
        pitch_gyradius=0.24,
        fore_waterline=8.0,
        transom=0.6,
        stem_rise=0.1,
        stern_rise=0.4,
        fullness=(5.0, 16.0),
        flare=(0.0, 0.15, 0.05),
        simple_heave_damping=3.5e4,
        simple_pitch_damping=2.0e8,
        simple_roll_damping=1.5e6,
        lamp_roll_damping=2.2e5,
        lamp_quadratic_roll=6.5e6,
        lamp_roll_lift=2.7e4,
    ),
    # A wide, shallow ship like a barge with a raked bow: very stiff, it rolls with the waves' slope.
    "barge": Hull(
        length=90.0,
        beam=27.0,
        draft=4.2,
        deck_height=5.0,
        top_height=10.0,
        metacentric_height=9.0,
        roll_gyradius=0.36,
        pitch_gyradius=0.26,
        fore_waterline=10.0,
        transom=0.95,
        stem_rise=0.6,
        stern_rise=0.3,
        fullness=(8.0, 16.0),
        flare=(0.0, 0.1, 0.0),
        simple_heave_damping=1.2e4,
        simple_pitch_damping=1.04e7,
        simple_roll_damping=2.5e5,
        lamp_roll_damping=1.7e4,
        lamp_quadratic_roll=2.5e5,
        lamp_roll_lift=1.7e3,
    ),
    # A ferry in light condition: little draft, high centre of gravity, long roll period.
    "ferry": Hull(
        length=165.0,
        beam=22.5,
        draft=6.0,
        deck_height=11.0,
        top_height=20.0,
        metacentric_height=1.0,
        roll_gyradius=0.42,
        pitch_gyradius=0.26,
        fore_waterline=2.5,
        transom=0.75,
        stem_rise=0.4,
        stern_rise=0.8,
        fullness=(1.5, 6.0),
        flare=(0.08, 0.7, 0.3),
        simple_heave_damping=1.7e4,
        simple_pitch_damping=5.1e7,
        simple_roll_damping=8.7e4,
        lamp_roll_damping=1.7e4,
        lamp_quadratic_roll=7.4e5,
        lamp_roll_lift=2.2e3,
    ),
}


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

    hull: Hull
    stations: Stations
    mass: float
    centre_of_gravity: float  # above the calm waterline, m
    centre_of_buoyancy: float  # above the calm waterline, m (negative)
    longitudinal_centre: float  # of gravity and of buoyancy, forward of midships, m
    roll_inertia: float  # dry, about the centre of gravity, t m2
    pitch_inertia: float
    strip_mass: np.ndarray  # (S,), t: adds up to mass, its centre and pitch_inertia


def build_ship(hull: Hull) -> Ship:
    """Stations, section tables and hydrostatics from the formulas of the hull."""
    edges = np.linspace(-0.5 * hull.length, 0.5 * hull.length, NUM_STATIONS + 1)
    x = 0.5 * (edges[:-1] + edges[1:])
    width = hull.length / NUM_STATIONS
    xi = 2.0 * x / hull.length
    breadth = hull.waterline_half_breadth(xi)
    bottom = -hull.local_draft(xi)

    rows = int(round((hull.top_height + hull.draft) / TABLE_STEP)) + 1
    z = bottom[:, None] + TABLE_STEP * np.arange(rows)  # each table starts at its own keel
    b = hull.half_breadth(x[:, None], z)
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
    gravity = buoyancy + metacentric_radius - hull.metacentric_height
    mass = DENSITY * float(volume)
    pitch_inertia = mass * (hull.pitch_gyradius * hull.length) ** 2

    # The weight follows the section areas, bent by a parabola so that mass, centre and gyradius come out.
    arm = x - centre
    moments = np.array([[(strip_volume * arm ** (i + j)).sum() for j in range(3)] for i in range(3)])
    factors = np.linalg.solve(moments, np.array([mass, 0.0, pitch_inertia]))
    strip_mass = strip_volume * (factors[0] + factors[1] * arm + factors[2] * arm**2)

    stations = Stations(
        arm, width, breadth, 2.0 / 3.0 * breadth, bottom, table, TABLE_STEP, rows, rows * np.arange(len(x))
    )
    roll_inertia = mass * (hull.roll_gyradius * hull.beam) ** 2
    return Ship(hull, stations, mass, gravity, buoyancy, centre, roll_inertia, pitch_inertia, strip_mass)


def smith_factors(hull: Hull, wave_number: np.ndarray) -> np.ndarray:
    """Reduction of the wave's vertical Froude-Krylov force on each station by the decay of pressure with depth.

    wave_number (N,) in rad/m; returns (S, N): integral of exp(k z) over the projected breadth, divided by it, so that
    the strip's linear vertical force is exact (J. N. Newman, Marine Hydrodynamics, 1977, section 6.16).
    """
    x = (np.arange(NUM_STATIONS) + 0.5) * hull.length / NUM_STATIONS - 0.5 * hull.length
    xi = 2.0 * x / hull.length
    fraction = np.linspace(1.0, 0.0, 41)  # of the half breadth, keel to waterline
    share = fraction ** (1.0 / hull.section_exponent(xi)[:, None])
    z = -hull.local_draft(xi)[:, None] * share  # depth where b/b0 = 1 - fraction
    decay = np.exp(z[:, :, None] * wave_number)  # (S, 41, N)
    return (decay[:, :1] + decay[:, -1:] + 2.0 * decay[:, 1:-1].sum(axis=1, keepdims=True))[:, 0] / 80.0


def coefficient_file(ship_name: str) -> Path:
    """What hydrodynamics.py writes for one of SHIPS and simulate.py reads."""
    name = "hydrodynamics.json" if ship_name == SAMPLE_SHIP else f"hydrodynamics_{ship_name}.json"
    return Path(__file__).resolve().parent / name
