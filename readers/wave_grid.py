"""Surface elevation from a .sea file, at points moving with the ship."""

import numpy as np

GRAVITY = 9.807  # m/s^2, the value in LAMP's wave formula


def wave_elevation(
    sea: np.ndarray, x: np.ndarray, y: np.ndarray, time: np.ndarray, dx: np.ndarray, dy: np.ndarray, ramp_time: float
) -> np.ndarray:
    """Surface elevation at points moving with the ship, deep water (LAMP manual volume XII, eq. 89).

    sea: (component, 4): frequency rad/s, phase deg, amplitude m, heading deg.
    x, y: (rows,) track of the ship's centre of gravity, m.
    time: (rows,) s.
    dx, dy: (point,) offsets of the points from the centre of gravity, m.
    ramp_time: s over which the elevation grows linearly from 0 to 1; 0 for none.
    Returns (rows, point) m.
    """
    frequency, phase, amplitude, heading = sea[:, 0], np.radians(sea[:, 1]), sea[:, 2], np.radians(sea[:, 3])
    number = frequency**2 / GRAVITY
    kx, ky = number * np.cos(heading), number * np.sin(heading)
    at_ship = np.outer(x, kx) + np.outer(y, ky) - np.outer(time, frequency) + phase
    offset = np.outer(kx, dx) + np.outer(ky, dy)
    # cos(a + b) = cos a cos b - sin a sin b: the cosines at one point serve all points.
    elevation = np.cos(at_ship) @ (amplitude[:, None] * np.cos(offset))
    elevation -= np.sin(at_ship) @ (amplitude[:, None] * np.sin(offset))
    if ramp_time > 0:
        elevation *= np.clip(time / ramp_time, 0.0, 1.0)[:, None]
    return elevation


def grid_offsets(nx: int, ny: int, length: float, beam: float) -> tuple[np.ndarray, np.ndarray]:
    """(point,) offsets dx, dy in m of a wave grid's points from its centre.

    Points are numbered from stern to bow and from starboard to port; for nx > 1 (ny > 1) the outer ones lie at the ends
    of the ship's length (beam), in m.
    """
    x = np.linspace(-0.5, 0.5, nx) * length if nx > 1 else np.zeros(1)
    y = np.linspace(-0.5, 0.5, ny) * beam if ny > 1 else np.zeros(1)
    return np.repeat(x, ny), np.tile(y, nx)
