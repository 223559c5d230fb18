"""Computes the hydrodynamic coefficients of a ship of hull.py: radiation and diffraction at zero speed in deep water.

    python sample_data/hydrodynamics.py --ship NAME

writes hydrodynamics.json (the sample ship, the default) or hydrodynamics_NAME.json beside this file, which simulate.py
reads. Needed only after a change to hull.py; needs capytaine 3 (https://capytaine.org), a linear potential-flow solver
by boundary elements, and a few minutes.

Conventions as in hull.py, moments about the centre of gravity. Time dependence exp(-i omega t): a force X means
Re(X exp(-i omega t)) for a wave of 1 m amplitude whose crest is at the centre of gravity at t = 0. The heading is the
direction that the wave travels to, 180 deg: head seas.

The ship of the simulation does not sway, a real one does and rolls differently for it. So sway is eliminated here: the
linear sway equation of the free ship is solved and its solution put into that of roll (eliminate_sway). Yaw is left
out, and so is the forward speed: simulate.py accounts for that.
"""

import argparse
import json
import logging
import re
import time

import numpy as np

from hull import DENSITY, GRAVITY, SAMPLE_SHIP, SHIPS, Hull, Ship, build_ship, coefficient_file

FREQUENCIES = np.concatenate([np.arange(0.15, 0.99, 0.05), np.arange(1.0, 2.61, 0.1)])  # rad/s
HEADINGS = np.arange(0.0, 180.1, 7.5)  # deg; the others follow from symmetry
DOFS = ["Sway", "Heave", "Roll", "Pitch"]
PANELS_ALONG, PANELS_GIRTH = 44, 9


def hull_panels(hull: Hull) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (V, 3) in m, x from midships, and panels (P, 4) of the hull below the calm waterline, with transom."""
    xi = np.linspace(-1.0, 1.0, PANELS_ALONG + 1)[:, None]
    angle = 0.5 * np.pi * np.linspace(-1.0, 1.0, 2 * PANELS_GIRTH + 1)  # starboard waterline, keel, port waterline
    q = np.cos(angle)
    q[[0, -1]] = 0.0
    y = np.sign(angle) * hull.waterline_half_breadth(xi) * (1.0 - q ** hull.section_exponent(xi))
    z = -hull.local_draft(xi) * q
    x = np.broadcast_to(0.5 * hull.length * xi, y.shape)
    vertices = np.stack([x, y, z], axis=2).reshape(-1, 3)

    index = np.arange(y.size).reshape(y.shape)
    sides = np.stack([index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]], axis=2).reshape(-1, 4)
    ring = index[0]
    transom = [[ring[j], ring[-1 - j], ring[-2 - j], ring[j + 1]] for j in range(PANELS_GIRTH)]
    return vertices, np.concatenate([sides, np.array(transom)])


def solve(ship: Ship) -> dict[str, np.ndarray]:
    """Added mass and damping (F+1, 4, 4), infinite frequency last; Froude-Krylov and diffraction (F, headings, 4).

    Units t, kN, m, rad; order of the degrees of freedom as in DOFS. Prints its progress.
    """
    import capytaine as cpt

    logging.getLogger("capytaine").setLevel(logging.ERROR)
    vertices, panels = hull_panels(ship.hull)
    vertices = vertices - np.array([ship.longitudinal_centre, 0.0, 0.0])
    centre = (0.0, 0.0, ship.centre_of_gravity)
    mesh = cpt.Mesh(vertices=vertices, faces=panels)
    body = cpt.FloatingBody(
        mesh=mesh,
        lid_mesh=mesh.generate_lid(),  # keeps irregular frequencies out
        dofs=cpt.rigid_body_dofs(only=DOFS, rotation_center=centre),
        center_of_mass=centre,
    )
    print(f"panels {mesh.nb_faces}, displacement {DENSITY * mesh.volume:.0f} t, of the strips {ship.mass:.0f} t")
    solver = cpt.BEMSolver()
    rho = 1000.0 * DENSITY
    omegas = np.append(FREQUENCIES, np.inf)
    added_mass, damping = np.zeros((2, len(omegas), 4, 4))
    froude_krylov, diffraction = np.zeros((2, len(FREQUENCIES), len(HEADINGS), 4), complex)
    start = time.perf_counter()
    for f, omega in enumerate(omegas):
        common = {"body": body, "omega": omega, "water_depth": np.inf, "rho": rho, "g": GRAVITY}
        for j, dof in enumerate(DOFS):
            result = solver.solve(cpt.RadiationProblem(radiating_dof=dof, **common), keep_details=False)
            for i, influenced in enumerate(DOFS):
                added_mass[f, i, j] = result.added_masses[influenced] / 1000.0
                damping[f, i, j] = result.radiation_dampings[influenced] / 1000.0
        if np.isinf(omega):
            damping[f] = 0.0
            continue
        for h, heading in enumerate(HEADINGS):
            problem = cpt.DiffractionProblem(wave_direction=np.radians(heading), **common)
            result = solver.solve(problem, keep_details=False)
            pressure_forces = cpt.bem.airy_waves.froude_krylov_force(problem)
            for i, dof in enumerate(DOFS):
                diffraction[f, h, i] = result.forces[dof] / 1000.0
                froude_krylov[f, h, i] = pressure_forces[dof] / 1000.0
        print(f"omega {omega:.2f} rad/s, {time.perf_counter() - start:.0f} s", flush=True)
    return {"added_mass": added_mass, "damping": damping, "froude_krylov": froude_krylov, "diffraction": diffraction}


def eliminate_sway(solution: dict[str, np.ndarray], mass: float) -> dict[str, np.ndarray]:
    """Roll added mass, damping and moment of the ship that is free to sway, from those of the ship held in sway.

    With Z_ij = -omega^2 A_ij - i omega B_ij, sway y and roll r of the free ship obey
    (Z_22 - omega^2 m) y + Z_24 r = X_2 and Z_42 y + Z_44 r = X_4 (inertia and stiffness in roll left aside), hence
    (Z_44 - Z_42 Z_24 / (Z_22 - omega^2 m)) r = X_4 - Z_42 X_2 / (Z_22 - omega^2 m).
    """
    omega = FREQUENCIES[:, None, None]
    z = -(omega**2) * solution["added_mass"][:-1] - 1j * omega * solution["damping"][:-1]
    sway = z[:, 0, 0] - FREQUENCIES**2 * mass
    roll = z[:, 2, 2] - z[:, 2, 0] * z[:, 0, 2] / sway
    infinite = solution["added_mass"][-1]
    excitation = solution["froude_krylov"] + solution["diffraction"]
    moment = solution["diffraction"][..., 2] - (z[:, 2, 0] / sway)[:, None] * excitation[..., 0]
    return {
        "added_mass": np.append(
            -roll.real / FREQUENCIES**2, infinite[2, 2] - infinite[2, 0] * infinite[0, 2] / (infinite[0, 0] + mass)
        ),
        "damping": np.append(-roll.imag / FREQUENCIES, 0.0),
        "moment": moment,
    }


def main() -> None:
    """Solve, eliminate sway, write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ship", choices=list(SHIPS), default=SAMPLE_SHIP, help="default: %(default)s")
    ship_name = parser.parse_args().ship
    ship = build_ship(SHIPS[ship_name])
    solution = solve(ship)
    roll = eliminate_sway(solution, ship.mass)

    def rounded(values: np.ndarray) -> list:
        return np.array([float(f"{v:.5g}") for v in np.ravel(values)]).reshape(np.shape(values)).tolist()

    added_mass, damping = solution["added_mass"], solution["damping"]
    forces = {
        "heave": solution["diffraction"][..., 1],
        "roll": roll["moment"],
        "pitch": solution["diffraction"][..., 3],
    }
    content = {
        "about": f"Radiation and diffraction of the {ship_name} ship at zero speed, made by hydrodynamics.py. "
        "Units t, kN, m, rad/s, deg. Time exp(-i omega t), moments about the centre of gravity, sway eliminated from "
        "roll. The last added mass is that at infinite frequency. Diffraction: (frequency, heading).",
        "frequency": rounded(FREQUENCIES),
        "heading": rounded(HEADINGS),
        "added_mass": {
            "33": rounded(added_mass[:, 1, 1]),
            "35": rounded(0.5 * (added_mass[:, 1, 3] + added_mass[:, 3, 1])),
            "55": rounded(added_mass[:, 3, 3]),
            "44": rounded(roll["added_mass"]),
        },
        "damping": {
            "33": rounded(damping[:-1, 1, 1]),
            "35": rounded(0.5 * (damping[:-1, 1, 3] + damping[:-1, 3, 1])),
            "55": rounded(damping[:-1, 3, 3]),
            "44": rounded(roll["damping"][:-1]),
        },
        "diffraction": {
            name: {"real": rounded(force.real), "imag": rounded(force.imag)} for name, force in forces.items()
        },
    }
    text = json.dumps(content, indent=1)
    # A row of numbers in one line reads better than one number a line.
    text = re.sub(r"\[([^\[\]]*)\]", lambda match: "[" + " ".join(match.group(1).split()) + "]", text)
    path = coefficient_file(ship_name)
    path.write_text(text + "\n", encoding="utf-8")
    print(f"wrote {path}")


if __name__ == "__main__":
    main()
