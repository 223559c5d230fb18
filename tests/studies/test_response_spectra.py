"""Spectra and response amplitude operators: of linear systems whose transfer function is known, and of runs."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from test_fleet import HANDLE, fleet_table, joined, lamp_table, make_record, recorder, records_of

from checks import record_statistics
from checks.run_bands import OutOfFold
from data_io import Record
from networks.network_folder import NetworkFolder
from prediction import PredictedSet, Prediction
from readers.sea_state_handles import sea_state
from settings import Plotting
from studies import fleet, response_spectra
from studies.fleet_tables import groups_of
from system.run_folder import RunFolder


def waves_and_responses(seed: int, rows: int = 3000, step: float = 0.4) -> tuple[np.ndarray, np.ndarray]:
    """A wave (rows,), and (2, rows): a filter of it of gain 1.5, 0.4 s late, and noise of its own."""
    rng = np.random.default_rng(seed)
    time, omega = step * np.arange(rows), np.linspace(0.3, 1.2, 400)
    phase = rng.uniform(0, 2 * np.pi, 400)
    wave, late = (0.1 * np.cos(omega * (time - lag)[:, None] + phase).sum(axis=1) for lag in (0.0, 0.4))
    return wave, np.stack([1.5 * late, rng.normal(size=rows)])


def test_the_response_to_the_waves_is_that_of_the_filter_and_masked_where_there_is_none():
    records = [waves_and_responses(seed) for seed in range(20)]
    spectra = np.array([record_statistics.wave_responses(series, wave, 0.4) for wave, series in records])
    table = response_spectra.responses(spectra[:, 0], 0.9)
    shown = table[table["rao"].notna()]
    assert shown["frequency"].between(0.3 - 0.06, 1.2 + 0.06).all() and len(shown) >= 17
    np.testing.assert_allclose(shown["rao"], 1.5, rtol=0.01)
    late = np.degrees(-0.4 * shown["frequency"])  # the motion's maximum comes behind the crest
    np.testing.assert_allclose(shown["phase"], late, atol=1.0)
    assert (shown["coherence"] > 0.99).all()
    assert ((shown["lower"] <= shown["spectrum"]) & (shown["spectrum"] <= shown["upper"])).all()
    variance = table["spectrum"].sum() * table["frequency"].diff().iloc[-1]
    assert variance == pytest.approx(1.5**2 * 400 * 0.1**2 / 2, rel=0.02)
    assert response_spectra.responses(spectra[:, 1], 0.9)[["rao", "phase"]].isna().all(axis=None)
    without = record_statistics.wave_responses(records[0][1], np.full(3000, np.nan), 0.4)
    assert np.isfinite(without[:, 0]).all() and np.isnan(without[:, 1:]).all()


def test_spectra_of_each_source_are_in_the_table_but_not_of_several_sea_states():
    lamp = lamp_table(records_of(90, range(4)))
    many = joined(*[fleet_table(records_of(heading, range(20, 23))) for heading in (45, 90)])
    table = response_spectra.spectra_table(joined(lamp, many), groups_of(joined(lamp, many), ()), 0.9)
    assert set(table["sea_state"].str[7:10]) == {"a45", "a90"}
    assert table.groupby("sea_state")["source"].nunique().tolist() == [2, 3]
    assert table["rao"].isna().all()  # these records were taken without a wave
    peak = table.loc[table.groupby(["sea_state", "channel", "source"])["spectrum"].idxmax(), "frequency"]
    np.testing.assert_allclose(peak, 2 * np.pi / 9, atol=0.03)
    short = joined(lamp, fleet_table(records_of(90, range(3), rows=230)))
    assert "without spectra" in fleet.remarks(short, ())[0] and not fleet.remarks(joined(lamp, many), ())


def resonator(seed: int, seconds: float, step: float, damping: float, frequency: float = 0.6) -> Record:
    """Roll of a resonator of response amplitude operator 1 / (2 damping) at its frequency (rad/s), in irregular waves.

    Both are parts of longer processes, so that no record begins at rest.
    """
    rows, rng = round(seconds / step), np.random.default_rng(seed)
    omega = 2 * np.pi * np.fft.rfftfreq(4 * rows, step)
    shape = np.exp(-(((omega - 0.65) / 0.3) ** 2)) * (omega < 2)
    noise = np.fft.rfft(rng.normal(size=4 * rows)) * shape
    operator = frequency**2 / (frequency**2 - omega**2 + 2j * damping * frequency * omega)
    wave, roll = (np.fft.irfft(part, 4 * rows)[:rows] for part in (noise, noise * operator))
    motions = np.stack([wave, roll, wave], axis=1)
    return Record(f"SC{HANDLE.format(90, seed)}", step * np.arange(rows), wave[:, None], motions, motions)


def roll_responses(records) -> pd.DataFrame:
    """LAMP's; SimpleCode and the network agree with it."""
    table = joined(lamp_table(records, wave=0), fleet_table(records[:1]))
    table = response_spectra.spectra_table(table, groups_of(table, ()), 0.9)
    return table[(table["channel"] == "Roll") & (table["source"] == "LAMP")]


@pytest.mark.parametrize(
    ("seconds", "damping", "tolerance"), [(600, 0.02, 0.22), (600, 0.06, 0.05), (1800, 0.02, 0.05), (1800, 0.06, 0.05)]
)
def test_the_peak_of_a_resonance_is_as_high_as_it_is(seconds, damping, tolerance):
    """Segments of 120 s gave 5.3 and 5.8 where 25 and 8.3 are right."""
    records = [resonator(seed, seconds, 0.75, damping) for seed in range(20)]
    table = roll_responses(records)
    assert table["rao"].max() == pytest.approx(0.5 / damping, rel=tolerance)
    assert table.loc[table["rao"].idxmax(), "frequency"] == pytest.approx(0.6, abs=0.01)
    np.testing.assert_allclose(table["resolution"], 1.5 * 2 * np.pi / seconds, rtol=0.01)
    resolution = f"{1.5 * 2 * np.pi / seconds:.2g} rad/s"
    assert response_spectra.resolution_text(table) == f"resolution {resolution}"
    assert table["lowered"].tolist() == [tolerance > 0.1] * len(table)
    lines = response_spectra.lowered_peaks(table)
    assert [f"{resolution} (20 records" in line for line in lines] == [True] * (tolerance > 0.1)
    assert (table["records"] == 20).all() and (table["shortest_s"] == seconds).all()
    variance = np.mean([record.targets[:, 1].var() for record in records])
    assert table["spectrum"].sum() * table["frequency"].diff().iloc[-1] == pytest.approx(variance, rel=0.01)
    coarse = table["spectrum"].rolling(22, center=True).mean()
    assert ((table["lower"] <= table["spectrum"]) & (table["spectrum"] <= table["upper"]))[coarse > 0.1].all()


@pytest.mark.parametrize("count", [1, 3])
def test_few_records_are_averaged_over_frequencies_and_say_so(count):
    table = roll_responses([resonator(seed, 600, 0.5, 0.02) for seed in range(count)])
    assert table["lowered"].all() and table["resolution"].iloc[0] > 2.9 * 2 * np.pi / 600
    noise, waves = ([resonator(first + n, 600, 0.5, 0.3) for n in range(count)] for first in (1, 10))
    noise = [replace(record, inputs=other.inputs) for record, other in zip(noise, waves, strict=True)]
    assert roll_responses(noise)["rao"].notna().mean() < 0.02  # waves that it does not follow


def test_records_of_several_lengths_and_steps_share_a_spectrum():
    long = [resonator(seed, 1800, 0.5, 0.04) for seed in range(10)]
    short = [resonator(seed, 200, 0.5, 0.04) for seed in range(10, 14)]
    table = roll_responses([*long, *short])
    assert table["rao"].max() == pytest.approx(12.5, rel=0.04) and (table["records"] == 10).all()
    coarse = [resonator(seed, 1800, 1.5, 0.04) for seed in range(20, 30)]  # Nyquist frequency 2.09 rad/s
    table = roll_responses(coarse)
    assert table["rao"].max() == pytest.approx(12.5, rel=0.04)
    assert np.isfinite(table["spectrum"]).all() and 2.0 < table["frequency"].max() < 2.1
    assert roll_responses([*long, *coarse])["rao"].max() == pytest.approx(12.5, rel=0.04)


def test_spectra_of_a_large_fleet_are_those_of_some_records_of_each_sea_state():
    names = [f"SC{HANDLE.format(heading, n)}" for heading in (45, 90) for n in range(100)]
    names.append(f"SC{HANDLE.format(135, 1)}")
    taken = record_statistics.evenly_chosen(names, 21)
    assert len(taken) == 21 and names[-1] in taken
    assert sum("a45" in name for name in taken) == sum("a90" in name for name in taken) == 10
    assert record_statistics.evenly_chosen(names, 1000) == frozenset(names)
    spelled = [name.replace("a90", "a90.0" if n % 2 else "a450") for n, name in enumerate(names)]
    assert sum("a45_" in name for name in record_statistics.evenly_chosen(spelled, 21)) == 10


def test_the_spectrum_of_several_networks_is_their_mean_and_taken_of_the_chosen_names():
    names, record = [f"SC{HANDLE.format(90, n)}" for n in range(4)], make_record("a", 1)
    of_two = recorder(3, with_spectra=frozenset(names[:2]))
    members = record.targets[:, None] * np.array([0.5, 1.0, 1.5])[:, None]
    tables = [of_two.fleet_record(replace(record, name=name), members) for name in names]
    rows = joined(*tables).rows
    assert rows["spectrum"].count() == 2 * 2 * 3 == rows["tapered_variance"].count()
    second = rows[(rows["record"] == names[1]) & (rows["network"] == 1)]["spectrum"]
    first = recorder(1).fleet_record(record, record.targets[:, None]).rows["spectrum"][:3]
    for of_three, of_one in zip(second, first, strict=True):
        np.testing.assert_allclose(of_three[0], of_one[0] * (0.25 + 1 + 2.25) / 3, rtol=1e-4)


def transfer(frequency: np.ndarray, damping: float, natural: float = 0.6) -> np.ndarray:
    return natural**2 / (natural**2 - frequency**2 + 2j * damping * natural * frequency)


@pytest.mark.parametrize("share_of_noise", [0.0, 0.5])
def test_phase_and_coherence_are_those_of_the_transfer_function(share_of_noise):
    """A resonance, and noise of the same spectrum: coherence 1 / (1 + share), and the operator is not biased."""
    records = [resonator(seed, 1800, 0.75, 0.06) for seed in range(40)]
    for n, record in enumerate(records):
        record.targets[:, 1] += share_of_noise**0.5 * resonator(1000 + n, 1800, 0.75, 0.06).targets[:, 1]
    table = roll_responses(records)
    table = table[table["frequency"].between(0.4, 0.9) & table["rao"].notna()]
    truth = transfer(table["frequency"].to_numpy(), 0.06)
    errors = (table["phase"] - np.degrees(np.angle(truth)) + 180) % 360 - 180
    assert len(table) > 120 and abs(errors.mean()) < 1.5 and errors.abs().max() < (6 if not share_of_noise else 20)
    assert (table["rao"] / np.abs(truth)).mean() == pytest.approx(1, abs=0.015 + 0.03 * share_of_noise)
    assert table["coherence"].mean() == pytest.approx(1 / (1 + share_of_noise), abs=0.03)


SEAS = {"head": (180, 12.0), "beam": (90, 12.0), "stern quarter": (45, 12.0), "short": (0, 6.0)}


@pytest.mark.parametrize("name", SEAS)
def test_wave_frequencies_are_those_that_the_ship_meets(name):
    heading, period = SEAS[name]
    state = sea_state(f"_h5_p{period}_a{heading}_hh0_pp0_aa0_s10-0000001")
    waves = np.linspace(0.2, 1.2, 50)
    encounter = waves - waves**2 * 10 * 1852 / 3600 * np.cos(np.radians(heading)) / 9.807
    found = response_spectra.wave_frequencies(encounter, state)
    if name == "short":  # as much energy in waves that are overtaken
        assert np.isnan(found).all()
        return
    np.testing.assert_allclose(found, waves, rtol=1e-6)
    assert np.isnan(response_spectra.wave_frequencies(np.array([0.7]), state)[0]) == (name == "stern quarter")
    two = sea_state("_h5_p12_a180_hh1_pp9_aa0_s10-0000001")
    assert np.isnan([response_spectra.wave_frequencies(encounter, each) for each in (None, two)]).all()


def test_angles_per_slope_follow_the_waves_of_long_seas():
    """A motion of the slope of deep-water waves, in head seas at 10 knots, has the operator 1 deg/deg."""
    handle, rng, records = "_h5_p12_a180_hh0_pp0_aa0_s10-{:07d}", np.random.default_rng(0), []
    time, waves = 0.5 * np.arange(1800), np.linspace(0.3, 1.0, 300)
    encounter = waves + waves**2 * 10 * 1852 / 3600 / 9.807
    for n in range(10):
        arguments = np.outer(time, encounter) + rng.uniform(0, 2 * np.pi, 300)
        elevation = np.cos(arguments).sum(axis=1)
        slope = (np.degrees(waves**2 / 9.807) * np.sin(arguments)).sum(axis=1)
        motions = np.stack([elevation, slope, slope], axis=1)
        records.append(Record(f"SC{handle.format(n)}", time, elevation[:, None], motions, motions))
    table = roll_responses(records)
    inside = table[table["wave_frequency"].between(0.35, 0.95)]
    np.testing.assert_allclose(inside["rao_per_slope"], 1, rtol=0.03)
    np.testing.assert_allclose(inside["phase"], -90, atol=2)


def run_of(records: dict[str, list[Record]], out_of_fold: dict, folder, monkeypatch, **style) -> pd.DataFrame | None:
    """The table of a run whose network is a tenth too low everywhere."""
    made = recorder(1, wave=0)
    monkeypatch.setattr(response_spectra.Recorder, "of_network", lambda _: made)
    monkeypatch.setattr(NetworkFolder, "moment_unit", lambda _: "kN-m")
    results = {
        name: PredictedSet(of_set, [Prediction(0.9 * record.targets) for record in of_set])
        for name, of_set in records.items()
    }
    folders = NetworkFolder(folder / "net"), folder
    response_spectra.after_run(Plotting(**style), folders, results, OutOfFold(out_of_fold))
    file = folder / RunFolder.SPECTRA
    return pd.read_csv(file) if file.is_file() else None


def test_a_run_without_folds_and_fleet_has_the_responses_of_its_unseen_records(tmp_path, monkeypatch):
    records = [replace(resonator(n, 900, 0.75, 0.06), sources={"sc": f"{n}"}) for n in range(12)]
    sets = {"train": records[:2], "val": records[2:4], "test": records[4:]}
    table = run_of(sets, {}, tmp_path, monkeypatch)
    assert (table["records"] == 10).all() and set(table["unit"]) == {"m", "deg"}
    peaks = table[table["channel"] == "Roll"].groupby("source")["rao"].max()
    assert peaks["LAMP"] == peaks["SimpleCode"] == pytest.approx(0.5 / 0.06, rel=0.1)
    assert peaks["LSTM"] == pytest.approx(0.9 * peaks["LAMP"], rel=1e-3)
    roll = table[(table["channel"] == "Roll") & (table["source"] == "LSTM")]
    assert roll.loc[(roll["frequency"] - 0.6).abs().idxmin(), "phase"] == pytest.approx(-90, abs=6)
    assert [path.name for path in (tmp_path / "figures").iterdir()] == ["spectra.png"]
    (tmp_path / "folds").mkdir()
    unseen = {records[0].digest: 0.5 * records[0].targets}
    of_folds = run_of(sets, unseen, tmp_path / "folds", monkeypatch, plotting_mode=False)
    assert (of_folds["records"] == 11).all() and not (tmp_path / "folds" / "figures").exists()
    (tmp_path / "none").mkdir()
    assert run_of({"train": records[:2], "test": []}, {}, tmp_path / "none", monkeypatch) is None
