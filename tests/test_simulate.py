"""Tests of sample_data/simulate.py: physics of the two ship models, and the files that they make."""

import sys
from pathlib import Path

import numpy as np
import pytest

SAMPLE_DATA = Path(__file__).resolve().parents[1] / "sample_data"
sys.path.insert(0, str(SAMPLE_DATA))

import hull  # noqa: E402
import simulate as sim  # noqa: E402

pytestmark = pytest.mark.xdist_group("simulate")  # its tests share costly fixtures

BOW = "_h7.5_p15_a135_hh0_pp0_aa0_s10"
STEP = 0.1


# s, about, of the SimpleCode-like and of the LAMP-like model
ROLL_PERIODS = {
    "sample": (13.2, 13.6),
    "frigate": (11.4, 11.8),
    "tanker": (12.6, 13.0),
    "barge": (7.0, 8.4),
    "ferry": (20.1, 22.0),
}


@pytest.fixture(scope="module", params=hull.SHIPS)
def ship_name(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def ship(ship_name) -> hull.Ship:
    return hull.build_ship(hull.SHIPS[ship_name])


@pytest.fixture(scope="module")
def coefficients(ship_name) -> sim.Coefficients:
    return sim.read_coefficients(ship_name)


@pytest.fixture(scope="module")
def models(ship, coefficients) -> tuple[sim.Model, sim.Model]:
    return sim.build_models(ship, coefficients, STEP)


def calm_water(ship: hull.Ship, num_steps: int) -> np.ndarray:
    return np.zeros((num_steps, 2 * len(ship.stations.x) + 3, 2))


def regular_wave(frequency: float, heading: float) -> sim.WaveComponents:
    return sim.WaveComponents(*(np.array([value]) for value in (frequency, 30.0, 1.0, heading)))


def shipped_motions(number: int) -> tuple[np.ndarray, np.ndarray]:
    """Heave, roll and pitch of a shipped realization, without SimpleCode's zero rows: SimpleCode, LAMP."""
    simple = np.loadtxt(SAMPLE_DATA / "SimpleCode_files" / f"SC{BOW}-{number:07d}.mot", skiprows=2)
    lamp = np.loadtxt(SAMPLE_DATA / "LAMP_files" / f"LAMP{BOW}-{number:07d}.mot", skiprows=3)
    return simple[: -sim.ZERO_ROWS, 3:6], lamp[: -sim.ZERO_ROWS, 3:6]


# Physics


def test_strip_masses_add_up(ship):
    x = ship.stations.x
    assert ship.strip_mass.min() > 0.0
    assert ship.strip_mass.sum() == pytest.approx(ship.mass)
    assert (ship.strip_mass * x).sum() == pytest.approx(0.0, abs=1e-6 * ship.mass)
    assert (ship.strip_mass * x**2).sum() == pytest.approx(ship.pitch_inertia)


def test_hull_flares_and_metacentre_is_where_it_should_be(ship):
    bow, height = 0.4 * ship.hull.length, np.array([0.0, 0.5, 1.0]) * ship.hull.deck_height
    assert np.all(np.diff(ship.hull.half_breadth(bow, height)) > 0.25 * ship.hull.flare[1] * ship.hull.deck_height)
    heel = 1e-3
    tilt = -heel * ship.stations.side[:, None]
    _, moment = sim.strip_forces(ship, tilt, -tilt)
    righting_arm = -moment.sum() / (ship.mass * hull.GRAVITY)
    assert righting_arm == pytest.approx(ship.hull.metacentric_height * heel, rel=0.01)


def test_smith_factor_falls_from_one_with_wave_number(ship):
    factors = hull.smith_factors(ship.hull, np.array([1e-6, 0.02, 0.2]))
    assert np.allclose(factors[:, 0], 1.0, atol=1e-4)
    assert np.all(np.diff(factors, axis=1) < 0.0)


@pytest.mark.parametrize("which", [0, 1])
def test_rest_stays_at_rest(ship, models, which):
    model = models[which]
    state = sim.initial_state(model, 2)
    out = sim.advance(ship, model, state, calm_water(ship, 600), np.array([0.0, 7.0]), STEP)
    assert np.allclose(out[:, :3], out[:1, :3], rtol=0.0, atol=1e-9)
    assert np.all(out[:, 1] == 0.0)
    assert np.allclose(out[:, 3:], out[:1, 3:], rtol=0.0, atol=1e-3)  # kN, kN m


def test_bending_moment_at_rest_is_that_of_weight_and_buoyancy(ship, models):
    model, x = models[0], ship.stations.x
    out = sim.advance(ship, model, sim.initial_state(model, 2), calm_water(ship, 1), np.zeros(2), STEP)
    level = np.zeros((len(x), 2))
    load = sim.strip_forces(ship, level, level)[0][:, 0] - ship.strip_mass * hull.GRAVITY
    aft = x + ship.longitudinal_centre < 0.0
    # Seen from the aft body, whereas the program sums over the fore body.
    assert -load[aft].sum() == pytest.approx(out[0, 3, 0], abs=1.0)
    assert -(load[aft] * (x[aft] + ship.longitudinal_centre)).sum() == pytest.approx(out[0, 4, 0], rel=1e-3)


def test_long_waves_lift_the_ship_and_pitch_it_by_their_slope(ship, coefficients, monkeypatch):
    # The SimpleCode-like model takes a longer wave: its constant damping knows nothing of the water's own velocity.
    headings, speed = (0.0, 135.0, 180.0), 5.0
    time = STEP * np.arange(2500)
    late = time > 100.0
    for frequency, which in ((0.06, 0), (0.12, 1)):
        monkeypatch.setattr(sim, "wave_components", lambda sea, f=frequency: regular_wave(f, sea.systems[0][2]))
        seas = [sim.SeaState(((1.0, 100.0, heading),), speed, 1) for heading in headings]
        elevation, *outputs = sim.simulate_batch(ship, coefficients, seas, len(time), STEP)
        out = outputs[which]
        for record, heading in enumerate(headings):
            ahead = frequency**2 / hull.GRAVITY * np.cos(np.radians(heading))
            phase = ahead * speed * time - frequency * time + np.radians(30.0)
            assert np.allclose(elevation[late, record], np.cos(phase)[late], atol=1e-9)
            slope = -ahead * np.sin(phase)
            heave = out[:, 0, record] - out[0, 0, record]
            pitch = out[:, 2, record] - out[0, 2, record]
            assert np.abs(heave - elevation[:, record])[late].max() < 0.05
            assert np.abs(pitch + slope)[late].max() < 0.08 * abs(ahead)  # bow down on a slope that falls ahead


def test_long_beam_waves_roll_the_ship_by_their_slope(ship, coefficients, monkeypatch):
    frequency = 0.06
    monkeypatch.setattr(sim, "wave_components", lambda sea: regular_wave(frequency, 90.0))
    sea = sim.SeaState(((1.0, 100.0, 90.0),), 0.0, 1)
    _, *outputs = sim.simulate_batch(ship, coefficients, [sea], 4000, STEP)
    time = STEP * np.arange(4000)
    wave_number = frequency**2 / hull.GRAVITY
    slope = -wave_number * np.sin(-frequency * time + np.radians(30.0))  # towards port
    for out in outputs:
        assert np.abs(out[:, 1, 0] - slope)[time > 200.0].max() < 0.12 * wave_number


@pytest.mark.parametrize("which", [0, 1])
def test_roll_decays_with_the_period_of_inertia_and_metacentre(ship_name, ship, models, coefficients, which):
    model = models[which]
    state = sim.initial_state(model, 2)
    state.position[1] = np.radians(3.0)
    roll = sim.advance(ship, model, state, calm_water(ship, 800), np.zeros(2), STEP)[:, 1, 0]
    crossings = STEP * np.nonzero(np.diff(np.sign(roll)))[0]
    period = 2.0 * np.diff(crossings).mean()
    if model.diffraction:
        added = np.interp(2.0 * np.pi / period, coefficients.frequency, coefficients.added_mass["44"][:-1])
    else:
        added = model.added_mass["44"]
    heave, pitch = model.rest  # deeper than the design condition, with another GM
    level = ship.stations.x[:, None] * pitch - heave
    tilt = -np.radians(1.0) * ship.stations.side[:, None]
    stiffness = -sim.strip_forces(ship, level + tilt, level - tilt)[1].sum() / np.radians(1.0)
    assert period == pytest.approx(2.0 * np.pi * np.sqrt((model.inertia_roll + added) / stiffness), rel=0.04)
    assert period == pytest.approx(ROLL_PERIODS[ship_name][which], rel=0.03)
    peaks = np.abs(roll)[1:-1][(np.abs(roll)[1:-1] > np.abs(roll)[2:]) & (np.abs(roll)[1:-1] > np.abs(roll)[:-2])]
    assert len(peaks) > 5 and np.all(np.diff(peaks) < 0.0)


@pytest.mark.parametrize("pair", ["33", "55", "44"])
def test_retardation_gives_back_added_mass(coefficients, pair):
    """T. F. Ogilvie, 5th Symposium on Naval Hydrodynamics, 1964: A(w) = A(inf) - 1/w integral of K sin(w tau)."""
    tau = np.arange(0.005, sim.MEMORY_TIME, 0.01)
    kernel, momentum = sim.retardation_functions(coefficients, pair, tau)
    assert np.allclose(momentum[:500], (0.01 * np.cumsum(kernel))[:500], atol=0.02 * np.abs(momentum).max())
    for index in (8, 16, 24):
        w = coefficients.frequency[index]
        added = coefficients.added_mass[pair][-1] - 0.01 * (kernel * np.sin(w * tau)).sum() / w
        assert added == pytest.approx(coefficients.added_mass[pair][index], rel=0.07)


def test_mirrored_headings_mirror_roll():
    port, starboard = sim.simulate(
        [f"_h6_p12_a{a}_hh2_pp9_aa{b}_s10-0000004" for a, b in ((135, 60), (225, 300))], 60.0, STEP
    )
    for left, right in ((port.simple, starboard.simple), (port.lamp, starboard.lamp)):
        assert np.ptp(left[:, 1]) > 0.5
        assert np.array_equal(left[:, 1], -right[:, 1])
        assert np.array_equal(left[:, [0, 2]], right[:, [0, 2]])
    assert np.array_equal(port.elevation, starboard.elevation)


@pytest.mark.parametrize("heading", [0, 180, 360])
def test_head_and_following_seas_do_not_roll(heading):
    (record,) = sim.simulate([f"_h9_p13_a{heading}_hh0_pp0_aa0_s12-0000003"], 60.0, STEP)
    assert np.all(record.simple[:, 1] == 0.0) and np.all(record.lamp[:, 1] == 0.0)
    assert np.ptp(record.lamp[:, 2]) > 1.0
    for name, text in sim.record_texts(record).items():
        assert "-0.0000 " not in text
        if name.endswith(".mot"):
            assert {line.split()[4] for line in text.splitlines()[3:-10]} == {"0.0000"}


def test_significant_height_of_the_components():
    waves = sim.wave_components(sim.parse_handle("_h7.5_p15_a135_hh3_pp9_aa60_s10-0000012"))
    first = waves.heading == 135.0
    assert first.sum() == (~first).sum() == sim.NUM_COMPONENTS
    for system, height in ((first, 7.5), (~first, 3.0)):
        assert 4.0 * np.sqrt(0.5 * (waves.amplitude[system] ** 2).sum()) == pytest.approx(height, rel=1e-4)
    # Energy mean period T1 of a Bretschneider sea is 0.772 modal periods; the cut tail makes it a little longer.
    assert 2.0 * np.pi / waves.frequency[first].mean() == pytest.approx(0.772 * 15.0, rel=0.03)


def test_time_step_is_short_enough():
    handle = f"{BOW}-0000002"
    (coarse,), (fine,) = sim.simulate([handle], 120.0, 0.1), sim.simulate([handle], 120.0, 0.05)
    for a, b in ((coarse.simple, fine.simple[::2]), (coarse.lamp, fine.lamp[::2])):
        assert np.all((a - b).std(axis=0) < 0.01 * b.std(axis=0))
    (long_step,) = sim.simulate([handle], 120.0, 0.5)
    assert np.allclose(long_step.lamp, coarse.lamp[::5], atol=1e-9)


def test_all_ships_stay_bounded_in_the_seas_of_the_benchmark(ship_name):
    states = [(7.5, 11.5, 45, 0), (8, 12, 90, 10), (7.5, 15, 135, 10), (8, 18, 60, 20), (8, 12, 180, 20)]
    handles = [f"_h{h}_p{p}_a{a}_hh0_pp0_aa0_s{s}-0000001" for h, p, a, s in states]
    for record in sim.simulate(handles, 150.0, STEP, ship_name=ship_name):
        for motions in (record.simple, record.lamp):
            assert np.all(np.isfinite(motions))
            assert np.abs(motions[:, 0] - motions[0, 0]).max() < 12.0
            assert np.abs(motions[:, 1]).max() < 60.0
            assert np.abs(motions[:, 2]).max() < 15.0
        assert 0.6 < np.corrcoef(record.simple[:, 0], record.lamp[:, 0])[0, 1] < 0.995


def test_severe_seas_stay_bounded():
    cases = [(12, 8, 90, 0), (12, 10, 45, 20), (12, 14, 75, 0), (12, 17, 120, 20), (12, 20, 30, 10), (12, 12, 180, 20)]
    records = sim.simulate([f"_h{h}_p{p}_a{a}_hh0_pp0_aa0_s{s}-0000001" for h, p, a, s in cases], 200.0, STEP)
    for record in records:
        for motions in (record.simple, record.lamp):
            assert np.all(np.isfinite(motions))
            assert np.abs(motions[:, 0]).max() < 15.0
            assert np.abs(motions[:, 1]).max() < 60.0
            assert np.abs(motions[:, 2]).max() < 15.0


# Files


def test_record_does_not_depend_on_its_batch():
    handles = [f"{BOW}-0000005", "_h3_p9_a60_hh1_pp14_aa180_s0-0000002", f"{BOW}-0000006"]
    together = sim.simulate([handles[0], handles[2], handles[0]], 30.0, STEP)
    (alone,) = sim.simulate([handles[0]], 30.0, STEP)
    mixed = sim.simulate(handles, 30.0, STEP)
    assert sim.record_texts(alone) == sim.record_texts(together[0]) == sim.record_texts(together[2])
    assert sim.record_texts(alone) == sim.record_texts(mixed[0])


@pytest.mark.parametrize("handle", ["_h5_p12_a60_hh0_pp0_aa0_s15-0000007", "_h5_p14_a150_hh2_pp8_aa45_s10-0000003"])
def test_sea_file_gives_the_wav_file_at_lamps_position(tmp_path, handle):
    sim.write_records(sim.simulate([handle], 90.0, STEP), tmp_path)
    stem = tmp_path / "LAMP_files" / f"LAMP{handle}"
    frequency, phase, amplitude, heading = np.loadtxt(f"{stem}.sea", skiprows=6, unpack=True)
    time, elevation = np.loadtxt(f"{stem}.wav", skiprows=3, unpack=True)
    motions = np.loadtxt(f"{stem}.mot", skiprows=3)
    assert np.array_equal(motions[:, 0], time)
    x, y = motions[:, 1, None], motions[:, 2, None]
    across = x * np.cos(np.radians(heading)) + y * np.sin(np.radians(heading))
    angle = frequency**2 / 9.807 * across - frequency * time[:, None] + np.radians(phase)
    eta = np.minimum(time / 10.0, 1.0) * (amplitude * np.cos(angle)).sum(axis=1)
    assert elevation.std() > 0.8
    assert np.abs(eta - elevation).max() <= 0.5001e-4
    assert len(frequency) == sim.NUM_COMPONENTS * (2 if "hh2" in handle else 1)


def test_file_layout(tmp_path):
    handle = "_h5_p12_a90_hh0_pp0_aa0_s15-0000007"
    paths = sim.write_records(sim.simulate([handle], 20.0, 0.25), tmp_path)
    header_lines = {"SC.mot": 2, "SC.vbm": 2, "LAMP.mot": 3, "LAMP.wav": 3, "LAMP.sea": 6, "LAMP.vbm": 4}
    columns = {".mot": 7, ".vbm": 3, ".wav": 2, ".sea": 4}
    assert len(paths) == 6
    for path in paths:
        code = "SC" if path.parent.name == "SimpleCode_files" else "LAMP"
        assert path.name == f"{code}{handle}{path.suffix}"
        lines = path.read_text().splitlines()
        headers = header_lines[code + path.suffix]
        for line in lines[:headers]:
            with pytest.raises(ValueError):
                [float(word) for word in line.split()]
        data = np.array([[float(word) for word in line.split()] for line in lines[headers:]])
        assert data.shape == (sim.NUM_COMPONENTS if path.suffix == ".sea" else 80, columns[path.suffix])
        if path.suffix == ".sea":
            assert np.all(data[:, 3] == 90.0)
            continue
        full = data[:-10] if code + path.suffix == "SC.mot" else data
        assert np.allclose(full[:, 0], 0.25 * np.arange(len(full)), atol=1e-12)
        if path.suffix == ".mot":
            assert np.allclose(full[:, 1], 15 * 0.514444 * full[:, 0], atol=1e-2)
            assert np.all(data[len(full) :] == 0.0)
    assert paths[0].read_text().startswith("Time Xcg Ycg Zcg Roll Pitch Yaw\nsec m m m deg deg deg\n")
    lamp = tmp_path / "LAMP_files" / f"LAMP{handle}.mot"
    assert lamp.read_text().splitlines()[2].split() == ["Time", "Xcg", "Ycg", "Zcg", "Rot_X", "Rot_Y", "Rot_Z"]
    assert "imulated" in lamp.read_text().splitlines()[0]


def test_shipped_pair_differs_as_real_pairs_do():
    pairs = [shipped_motions(number) for number in range(1, 11)]
    simple, lamp = (np.concatenate(part) for part in zip(*pairs, strict=True))
    ratio = lamp.std(axis=0) / simple.std(axis=0)
    correlation = np.array([np.corrcoef(simple[:, c], lamp[:, c])[0, 1] for c in range(3)])
    assert np.all((correlation > 0.6) & (correlation < 0.97))
    assert 0.98 < ratio[0] < 1.15
    assert np.all((ratio[1:] > 1.2) & (ratio[1:] < 1.65))
    assert 4.5 < lamp[:, 1].std() < 8.0 and 1.4 < lamp[:, 2].std() < 2.0
    offset = simple[:, 0].mean() - lamp[:, 0].mean()
    assert 0.1 < abs(offset) < 0.3 and abs(lamp[:, 0].mean()) > 0.5


def test_shipped_files_are_reproduced():
    (record,) = sim.simulate([f"{BOW}-0000009"])
    for name, text in sim.record_texts(record).items():
        assert (SAMPLE_DATA / name).read_bytes() == text.encode("ascii"), name


def test_shipped_cases_files_name_the_shipped_files():
    handles = []
    for name in ("training", "validation", "test"):
        handles += sim.read_cases(SAMPLE_DATA / "Cases_files" / f"cases_{name}.txt")
    assert len(handles) == len(set(handles)) == 10
    for folder, prefix, endings in (("SimpleCode_files", "SC", 2), ("LAMP_files", "LAMP", 4)):
        names = {path.name for path in (SAMPLE_DATA / folder).iterdir()}
        assert len(names) == endings * len(handles)
        assert {f"{prefix}{handle}.mot" for handle in handles} <= names
    files = [path for path in SAMPLE_DATA.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert sum(path.stat().st_size for path in files) < 12e6


@pytest.mark.parametrize(
    ("handle", "reason"),
    [
        ("h7.5_p15", "is not of the form"),
        ("_h7.5_p15_a135_hh0_pp0_aa0_s10-001", "is not of the form"),
        ("_h7..5_p15_a135_hh0_pp0_aa0_s10-0000001", "malformed number"),
        ("_h7.5_p0_a135_hh0_pp0_aa0_s10-0000001", "modal period is 0 s, expected 5 to 25 s"),
        ("_h7.5_p15_a135_hh2_pp0_aa0_s10-0000001", "secondary modal period is 0 s"),
        ("_h7.5_p15_a135_hh0_pp0_aa0_s90-0000001", "speed s is 90 knots"),
    ],
)
def test_bad_handle_is_one_line_and_status_one(tmp_path, capsys, handle, reason):
    assert sim.main(["--handle", f"{BOW}-0000001", handle, "--output", str(tmp_path / "out")]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and reason in error and handle in error
    assert not (tmp_path / "out").exists()


def test_command_line_makes_the_records_of_a_cases_file(tmp_path, capsys):
    cases = tmp_path / "cases.txt"
    sim.write_cases(cases, "Two short records", [f"{BOW}-0000021", f"{BOW}-0000022"])
    assert sim.main(["--cases", str(cases), "--duration", "15", "--time_step", "0.2", "--output", str(tmp_path)]) == 0
    assert "12 files" in capsys.readouterr().out
    for number in (21, 22):
        assert len((tmp_path / "LAMP_files" / f"LAMP{BOW}-{number:07d}.wav").read_text().splitlines()) == 3 + 75
    assert sim.main(["--cases", str(tmp_path / "missing.txt"), "--output", str(tmp_path)]) == 1
    assert sim.main(["--cases", str(cases), "--duration", "-5", "--output", str(tmp_path)]) == 1
    assert sim.main(["--ship", "tanker"]) == 1  # not into the folder of the sample data
