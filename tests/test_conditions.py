"""What a prediction shares with its training: the time step, how the waves begin, the transient."""

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import LAMP_HEADER, ROOT, SC_HEADER, WAV_HEADER, Project, write_rows
from scipy.interpolate import CubicSpline

import data_io
from data_io import read_record
from readers.text_tables import LAMP_MOT, SC_MOT, SEA, WAV, read_columns
from readers.wave_grid import wave_elevation
from settings import UserInput
from system.errors import FaultCollector, WithRemarks

SAMPLE = "_h7.5_p15_a135_hh0_pp0_aa0_s10-000000{}"
SECONDS = 200.0
WAVE_HEADER = ["Time Xcg Ycg Zcg Roll Pitch Yaw Wave Slope_x Slope_y", "sec m m m deg deg deg m deg deg"]


def interpolate(table: np.ndarray, step: float) -> np.ndarray:
    """Every n-th row, or rows in between on a spline."""
    every = round(step / 0.1)
    if every >= 1:
        return table[::every]
    time = np.arange(table[0, 0], table[-1, 0] + step / 2, step)
    return np.column_stack([time, CubicSpline(table[:, 0], table[:, 1:])(time)])


class Sample(Project):
    """A project of three training records, one for validation and one to predict, from the sample data."""

    def __init__(self, folder: Path):
        self.folder = folder
        pairs = [self.write(n) for n in range(1, 5)]
        self.data = {
            "train_sc": [pair[0] for pair in pairs[:3]],
            "train_lamp": [pair[1] for pair in pairs[:3]],
            "val_sc": [pairs[3][0]],
            "val_lamp": [pairs[3][1]],
        }
        self.user = {"network_type": "linear", "time_res": 5, "bi_directional": True}
        self.plotting, self.save = {"plotting_mode": False}, {"save_data_mode": True}

    def write(
        self, number: int, step: float = 0.1, sc_step: float | None = None, name: str = "", ramp: bool = True
    ) -> tuple[str, str]:
        """A pair of the sample with other steps; ramp: whether the waves of its .wav have one."""
        time = slice(0, round(SECONDS / 0.1) + 1)
        sc = read_columns(ROOT / f"sample_data/SimpleCode_files/SC{SAMPLE.format(number)}.mot", SC_MOT)[time]
        own = ROOT / f"sample_data/LAMP_files/LAMP{SAMPLE.format(number)}"
        lamp, wav = read_columns(f"{own}.mot", LAMP_MOT)[time], read_columns(f"{own}.wav", WAV)[time]
        if not ramp:
            wav = np.column_stack([wav[:, 0], self.full_waves(own, wav[:, 0])])
        paths = [self.folder / f"{code}_files/{code}{name or SAMPLE.format(number)}" for code in ("SC", "LAMP")]
        for path, header, table, its_step in (
            (f"{paths[0]}.mot", SC_HEADER, sc, sc_step or step),
            (f"{paths[1]}.mot", LAMP_HEADER, lamp, step),
        ):
            table = interpolate(table, its_step)
            zeros = np.zeros((len(table), 1))
            write_rows(Path(path), header, np.hstack([table[:, :1], zeros, zeros, table[:, 1:], zeros]), "{:.4f}")
        write_rows(Path(f"{paths[1]}.wav"), WAV_HEADER, interpolate(wav, step), "{:.4f}")
        return paths[0].as_posix(), paths[1].as_posix()

    @staticmethod
    def full_waves(lamp: Path, time: np.ndarray) -> np.ndarray:
        """(rows,) the waves of a sample record as they are without LAMP's ramp."""
        track = np.loadtxt(f"{lamp}.mot", skiprows=3, max_rows=len(time))
        at = np.zeros(1), np.zeros(1)
        return wave_elevation(read_columns(f"{lamp}.sea", SEA), track[:, 1], track[:, 2], time, *at, 0.0)[:, 0]

    def predict(self, capsys, **data) -> tuple[int, str]:
        """Predicts with the network of the last training; the exit status and what was said."""
        self.user |= {"training_mode": False}
        self.data = data
        capsys.readouterr()
        status = self.run()
        said = capsys.readouterr()
        return status, said.out + said.err


def saved_network(name: str = "recently_trained_model") -> dict:
    """What settings.json says of a saved network."""
    return json.loads(Path(f"saved_models/{name}/settings.json").read_text())["network"]


def predicted(sc: str) -> np.ndarray:
    return np.loadtxt(f"output_files/recently_trained_model/lstm_output_for_{Path(sc).name}.txt", skiprows=1)


def error(sc: str, number: int, first: float = 0.0) -> float:
    """Root mean squared error of a prediction's heave (m) against LAMP, at the prediction's own rows."""
    table = predicted(sc)
    truth = read_columns(ROOT / f"sample_data/LAMP_files/LAMP{SAMPLE.format(number)}.mot", LAMP_MOT)
    at = np.searchsorted(truth[:, 0], table[:, 0] - 1e-6)
    close = np.abs(truth[at, 0] - table[:, 0]) < 1e-6
    inner = close & (table[:, 0] >= first) & (table[:, 0] < SECONDS - 5)
    return float(np.sqrt(np.mean((table[inner, 1] - truth[at, 1][inner]) ** 2)))


@pytest.fixture
def sample(tmp_path, monkeypatch) -> Sample:
    monkeypatch.chdir(tmp_path)
    return Sample(tmp_path)


def trained_in(folder: Path, prepare: Callable[[Sample], object] = Sample.write_inputs) -> Sample:
    """A sample with a network trained on it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        sample = Sample(folder)
        prepare(sample)
        assert sample.run() == 0
    return sample


def copied(sample: Sample, folder: Path) -> Sample:
    """A sample with the network of another one, whose data stay where they are."""
    shutil.copytree(sample.folder / "saved_models", folder / "saved_models")
    other = copy.deepcopy(sample)
    other.folder = folder
    return other


@pytest.fixture(scope="module")
def trained_once(tmp_path_factory) -> Sample:
    return trained_in(tmp_path_factory.mktemp("trained"))


@pytest.fixture
def trained(trained_once, tmp_path, monkeypatch) -> Sample:
    monkeypatch.chdir(tmp_path)
    return copied(trained_once, tmp_path)


# ---- the time step ------------------------------------------------------------------------------------------------


def test_a_record_of_another_step_is_predicted_as_well(trained, capsys):
    saved = saved_network()
    assert saved["time_step"] == pytest.approx(0.1) and saved["wave_ramp"] == 10.0
    pairs = {step: trained.write(9, step, name=f"_step_{step}") for step in (0.1, 0.2, 0.05)}
    status, said = trained.predict(
        capsys, predict_sc=[p[0] for p in pairs.values()], predict_waves=[p[1] for p in pairs.values()]
    )
    assert status == 0
    usual = error(pairs[0.1][0], 9)
    for step in (0.2, 0.05):
        sc = pairs[step][0]
        assert error(sc, 9) == pytest.approx(usual, rel=0.02)
        (line,) = [line for line in said.splitlines() if Path(sc).name in line and "time step" in line]
        assert f"{step:g} s" in line and "0.1 s" in line
        assert predicted(sc)[1, 0] == step and abs(predicted(sc)[-1, 0] - SECONDS) < 3 * step
    assert "_step_0.1" not in "".join(line for line in said.splitlines() if "Warning" in line)


def test_mixed_steps_in_training_become_that_of_most(trained, capsys):
    before = dict(np.load("saved_models/recently_trained_model/training_windows.npz"))
    other = trained.write(2, 0.2, name="_coarse")
    trained.data["train_sc"][1], trained.data["train_lamp"][1] = other
    capsys.readouterr()
    assert trained.run() == 0
    errors = capsys.readouterr().err
    assert "LAMP_coarse.mot: its time step is 0.2 s, that of the network 0.1 s" in errors
    assert "0.1 s (2), 0.2 s (1); the network gets 0.1 s" in errors
    after = dict(np.load("saved_models/recently_trained_model/training_windows.npz"))
    assert np.allclose(before["centre"], after["centre"], rtol=0.02)


def test_simplecode_of_another_step_is_resampled_in_the_prediction_as_in_the_training(sample, capsys):
    pairs = [sample.write(n, 0.1, sc_step=0.2) for n in range(1, 5)]
    assert sample.run() == 0
    sc, lamp = sample.write(9, 0.1, sc_step=0.2)
    same, _ = sample.write(9, 0.1, name="_same")
    status, said = sample.predict(capsys, predict_sc=[sc, same], predict_waves=[lamp, lamp])
    assert status == 0 and pairs
    assert error(sc, 9) == pytest.approx(error(same, 9), rel=0.02)
    assert "0.2 s" in said and "0.1 s" in said


def test_a_step_too_coarse_for_the_motions_is_refused(trained, capsys):
    sc, lamp = trained.write(9, 4.0, name="_coarse")
    status, said = trained.predict(capsys, predict_sc=[sc], predict_waves=[lamp])
    assert status == 1 and "SC_coarse.mot: its time step of 4 s is too coarse" in said and "at most 70 %" in said


def test_test_records_fine_tuning_and_the_cache_use_the_networks_step(trained, capsys):
    sc, lamp = trained.write(9, 0.2, name="_coarse")
    user = dict(trained.user)
    for cache in ({}, {"cache_path": "cache"}, {"cache_path": "cache"}):
        status, said = trained.predict(capsys, test_sc=[sc], test_lamp=[lamp], **cache)
        assert status == 0 and "LAMP_coarse.mot: its time step is 0.2 s, that of the network 0.1 s" in said
        assert predicted(sc)[1, 0] == 0.2
    trained.user = user | {"training_mode": True, "network_type": "lstm", "hidden_size": 4, "epochs": 1, "seed": 1}
    trained.data = {"train_sc": [sc], "train_lamp": [lamp]}
    trained.user |= {"model_save_filename": "coarse", "num_layers": 1}
    assert trained.run() == 0
    fine = trained.write(8, 0.1)
    trained.user |= {"model_save_filename": "fine", "fine_tune_filename": "coarse"}
    trained.data = {"train_sc": [fine[0]], "train_lamp": [fine[1]]}
    capsys.readouterr()
    assert trained.run() == 0
    assert "its time step is 0.1 s, that of the network 0.2 s" in capsys.readouterr().err
    assert saved_network("fine")["time_step"] == 0.2


# ---- how the waves begin --------------------------------------------------------------------------------------------


def with_column(sample: Sample, sc: str, number: int) -> None:
    """Gives SimpleCode's .mot the waves without a ramp, as its output option 6 does."""
    table = np.loadtxt(f"{sc}.mot", skiprows=2)
    full = sample.full_waves(ROOT / f"sample_data/LAMP_files/LAMP{SAMPLE.format(number)}", table[:, 0])
    write_rows(Path(f"{sc}.mot"), WAVE_HEADER, np.column_stack([table, full, 0 * full, 0 * full]), "{:.4f}")


def test_waves_without_a_ramp_get_that_of_the_training(trained, capsys):
    lamp = trained.write(9)[1]
    columns, beside, named = (trained.write(9, name=f"_{name}")[0] for name in ("column", "beside", "named"))
    with_column(trained, columns, 9)
    _, full = trained.write(9, name="_full", ramp=False)
    shutil.copy(f"{full}.wav", f"{beside}.wav")
    usual, _ = trained.write(9)
    status, said = trained.predict(capsys, predict_sc=[usual], predict_waves=[lamp])
    assert status == 0 and "waves" not in said
    lowest, start = error(usual, 9), np.abs(predicted(usual)[:200])
    status, said = trained.predict(capsys, predict_sc=[columns, beside])
    assert status == 0
    (line,) = [line for line in said.splitlines() if "the waves begin at full height" in line]
    assert "SC_column.mot, " in line and "SC_beside.wav: " in line and "those of the training grow over 10 s" in line
    for sc in (columns, beside):
        assert error(sc, 9) < 1.01 * lowest
        assert np.abs(np.abs(predicted(sc)[:200]) - start).max() < 0.01
    status, said = trained.predict(capsys, predict_sc=[named], predict_waves=[full])
    assert "LAMP_full.wav: the waves begin at full height" in said and error(named, 9) < 1.01 * lowest
    status, said = trained.predict(capsys, test_sc=[named], test_lamp=[full])
    assert "LAMP_full.wav: the waves begin at full height, those of the training grow over 10 s: the first" in said


def test_a_ramp_that_the_training_had_not_is_said(sample, capsys):
    for number in range(1, 5):
        sample.write(number, ramp=False)
    assert sample.run() == 0
    assert saved_network()["wave_ramp"] == 0
    ramped, full = sample.write(9, name="_ramped"), sample.write(9, name="_full", ramp=False)
    status, said = sample.predict(capsys, predict_sc=[full[0], ramped[0]], predict_waves=[full[1], ramped[1]])
    assert status == 0
    (line,) = [line for line in said.splitlines() if "the waves" in line]
    assert "LAMP_ramped.wav: the waves grow over about" in line and "those of the training begin at full height" in line


def test_one_line_for_many_records(trained, capsys):
    records = [trained.write(9, name=f"_{n}")[0] for n in range(5)]
    for sc in records:
        with_column(trained, sc, 9)
    status, said = trained.predict(capsys, predict_sc=records)
    assert status == 0 and said.count("the waves begin at full height") == 1 and "and 2 more: the waves" in said


# ---- the transient, and warnings of readers -----------------------------------------------------------------------


def test_the_transient_of_the_training_is_used_and_both_are_said(sample, capsys):
    sample.user["transient_time"] = 30.0
    assert sample.run() == 0
    sc, lamp = sample.write(9)
    sample.user["transient_time"] = 0.0
    status, said = sample.predict(capsys, test_sc=[sc], test_lamp=[lamp])
    assert status == 0 and "transient_time = 0 s" in said and "trained with 30 s" in said
    assert "The first 30 s of each record are left out" in said


def test_a_record_brings_its_remarks_as_a_step_of_a_collector(sample):
    sc, lamp = sample.write(1)
    text = Path(f"{lamp}.mot").read_text().replace("sec m m m", "sec ft ft ft")
    Path(f"{lamp}.mot").write_text(text)
    collect = FaultCollector()
    found = read_record(sc, lamp, UserInput())
    assert isinstance(found, WithRemarks) and isinstance(collect(read_record, sc, lamp, UserInput()), data_io.Record)
    assert len(collect.remarks) == 1 and "ft" in collect.remarks[0]


# ---- the unit of the bending moment ---------------------------------------------------------------------------------


def vbm_sample(sample: Sample, number: int, unit: str, factor: float, name: str = "") -> tuple[str, str]:
    """A pair of the sample with .vbm files whose moment, in proportion to pitch, has this unit."""
    sc, lamp = sample.write(number, name=name)
    for path, lines in ((sc, 2), (lamp, 3)):
        table = np.loadtxt(f"{path}.mot", skiprows=lines)
        moment = np.column_stack([table[:, 0], table[:, 4], 2e5 * factor * table[:, 5]])
        names = f"Time(sec) Shear(kN) Moment({unit})" if unit else "Time Shear Moment"
        write_rows(Path(f"{path}.vbm"), ["a"] * (lines - (path == sc)) + [names], moment)
    return sc, lamp


def add_vbm(sample: Sample) -> None:
    for number in range(1, 5):
        vbm_sample(sample, number, "kN-m", 1.0)
    sample.user |= {"input_vbm": True, "output_vbm": True}


@pytest.fixture(scope="module")
def with_vbm_once(tmp_path_factory) -> Sample:
    return trained_in(tmp_path_factory.mktemp("with_vbm"), add_vbm)


@pytest.fixture
def with_vbm(with_vbm_once, tmp_path, monkeypatch) -> Sample:
    monkeypatch.chdir(tmp_path)
    return copied(with_vbm_once, tmp_path)


def test_a_bending_moment_in_another_unit_than_in_the_training_is_converted(with_vbm, capsys):
    saved = saved_network()
    assert saved["vbm_unit"] == "kn-m"
    pairs = [
        vbm_sample(with_vbm, 9, unit, factor, name=f"_{number}")
        for number, (unit, factor) in enumerate((("kN*m", 1.0), ("N-m", 1e3), ("MNm", 1e-3), ("t-m", 1 / 9.80665)))
    ]
    sc, lamp = zip(*pairs, strict=True)
    status, said = with_vbm.predict(capsys, predict_sc=list(sc), predict_waves=list(lamp))
    assert status == 0
    for path in sc[1:]:
        np.testing.assert_allclose(predicted(path), predicted(sc[0]), rtol=1e-4, atol=2.0)
    for number, unit in enumerate(("n-m", "mnm", "t-m"), start=1):
        assert f"SC_{number}.vbm: VBM converted from {unit} to kn-m, the unit of the training" in said
    assert said.count("VBM converted") == 3
    for cache in ({}, {"cache_path": "cache"}):
        status, said = with_vbm.predict(capsys, test_sc=list(sc), test_lamp=list(lamp), **cache)
        assert status == 0 and said.count("LAMP_1.vbm: VBM converted") == 1
        np.testing.assert_allclose(predicted(sc[1]), predicted(sc[0]), rtol=1e-4, atol=2.0)


def test_a_bending_moment_of_unknown_unit_is_refused_unless_the_training_had_it(with_vbm, capsys):
    sc, lamp = vbm_sample(with_vbm, 9, "10^6 N-m", 1e-3, name="_big")
    status, said = with_vbm.predict(capsys, predict_sc=[sc], predict_waves=[lamp])
    assert status == 1 and not Path(f"output_files/recently_trained_model/lstm_output_for_{Path(sc).name}.txt").exists()
    assert (
        "SC_big.vbm: the header's unit of VBM is 10^6n-m, that of the training kn-m: not known how to convert" in said
    )
    sc, lamp = vbm_sample(with_vbm, 9, "", 1.0, name="_without")
    status, said = with_vbm.predict(capsys, predict_sc=[sc], predict_waves=[lamp])
    assert status == 0 and "VBM" not in said


def test_fine_tuning_takes_the_unit_of_the_network(with_vbm, capsys):
    sc, lamp = vbm_sample(with_vbm, 8, "N-m", 1e3)
    with_vbm.user |= {"network_type": "lstm", "hidden_size": 4, "num_layers": 1, "epochs": 1, "seed": 1}
    assert with_vbm.run() == 0
    with_vbm.user |= {"model_save_filename": "fine", "fine_tune_filename": "recently_trained_model"}
    with_vbm.data = {"train_sc": [sc], "train_lamp": [lamp]}
    capsys.readouterr()
    assert with_vbm.run() == 0
    assert "LAMP" + SAMPLE.format(8) + ".vbm: VBM converted from n-m to kn-m" in capsys.readouterr().err
    assert saved_network("fine")["vbm_unit"] == "kn-m"
