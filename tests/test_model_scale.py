"""A model in the basin, by Froude's law: what was chosen for ships at full scale goes with the size."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import data_io
from checks import pair_checks
from settings import Config, DataInfo, UserInput, description

SAMPLES = Path(__file__).parents[1] / "sample_data"
SCALE = 60.0  # of lengths
CHANNELS = ("VBM", "Zcg", "Roll", "Pitch")
SLOWER = SCALE**0.5
ANGLES = {".mot": (1 / SCALE,) * 3 + (1.0,) * 3, ".vbm": (1 / SCALE**3, 1 / SCALE**4), ".wav": (1 / SCALE,)}
FACTORS = {ending: (1 / SLOWER, *factors) for ending, factors in ANGLES.items()}
FACTORS[".sea"] = SLOWER, 1.0, 1 / SCALE, 1.0  # rad/s, phase, amplitude, heading


def write_model(folder: Path) -> DataInfo:
    """The sample data at model scale, in `folder`."""
    for path in (path for path in SAMPLES.glob("*_files/*") if path.suffix in FACTORS):
        lines, factors = path.read_text().splitlines(), FACTORS[path.suffix]
        header = next(n for n, line in enumerate(lines) if is_row(line, len(factors)))
        rows = np.loadtxt(lines[header:]) * factors
        text = pd.DataFrame(rows).to_csv(None, sep=" ", header=False, index=False, float_format="%.9g")
        target = folder / path.relative_to(SAMPLES)
        target.parent.mkdir(exist_ok=True)
        target.write_text("\n".join(lines[:header]) + "\n" + text)
    return data_of(folder)


def is_row(line: str, width: int) -> bool:
    try:
        return len([float(word) for word in line.split()]) == width
    except ValueError:
        return False


def data_of(folder: Path) -> DataInfo:
    lists = {}
    for set_name, cases_name in (("train", "training"), ("val", "validation"), ("test", "test")):
        cases = data_io.read_cases(SAMPLES / f"Cases_files/cases_{cases_name}.txt", folder)
        lists |= {f"{set_name}_sc": tuple(cases.sc), f"{set_name}_lamp": tuple(cases.lamp)}
    return DataInfo(**lists)


def pairs_of(data: DataInfo) -> tuple[list[pair_checks.Pair], list[str], Config]:
    """The pairs of these files, and what is said about them."""
    config = Config(user=UserInput(input_vbm=True, output_vbm=True), data=data)
    sets, remarks = data_io.read_sets(config)
    description.use(config.user.description, data_io.time_scale(config.user, sets["train"]))
    pairs = pair_checks.measure_sets(config.user, data, sets)
    return pairs, [*remarks, *pair_checks.lines(pair_checks.find(pairs, CHANNELS))], config


def test_a_model_is_as_sound_as_the_ship(tmp_path):
    try:
        of_ship, said, _ = pairs_of(data_of(SAMPLES))
        assert said == [] and description.time_scale() == 1
        of_model, said, config = pairs_of(write_model(tmp_path))
        assert said == [] and description.time_scale() == pytest.approx(1 / SLOWER, rel=0.1)
        ship, model = (pd.DataFrame([pair.measures for pair in pairs]) for pairs in (of_ship, of_model))
        for name in ("std_Zcg_lamp", "std_wave", "offset_Zcg"):
            assert (SCALE * model[name]).tolist() == pytest.approx(ship[name].tolist(), rel=1e-6)
        assert (SLOWER * model["lag"]).tolist() == pytest.approx(ship["lag"].tolist(), rel=1e-6)
        for name in ("correlation", "ratio", "gain_Zcg", "lift", "fit"):
            assert np.allclose(ship.filter(like=name), model.filter(like=name), atol=0.02), name
        # A ramp of 10 s.
        assert data_io.conditions_of(data_io.read_sets(config)[0]["train"], config.user).wave_ramp < 2
    finally:
        description.use(description.SHIP)


def test_contradictions_in_a_model_are_found_and_said_in_its_units(tmp_path):
    data = write_model(tmp_path)
    file = Path(f"{data.train_lamp[0]}.mot")
    lines = file.read_text().splitlines()
    table = np.loadtxt(lines[3:])
    table[20:, 1:] = table[:-20, 1:].copy()  # 2 s of the ship
    table[:, 3] *= 3.28
    np.savetxt(file, table, "%.9g", header="\n".join(lines[:3]), comments="")
    try:
        _, said, _ = pairs_of(data)
    finally:
        description.use(description.SHIP)
    assert len(said) == 1 and "LAMP lags SimpleCode by 0.142 s (usual -0.116 s" in said[0]
