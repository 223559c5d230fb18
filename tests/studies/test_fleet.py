"""Statistics of a fleet: those of single records, estimates with intervals, and the command."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import write_realization
from scipy import stats
from scipy.signal import hilbert

import data_io
from checks import record_statistics
from checks.record_statistics import Recorder, RecordTable
from data_io import Record
from metrics import record_maxima
from networks.network_folder import NetworkFolder
from settings import Config, DataInfo, Plotting
from studies import fleet, fleet_estimates, fleet_sources, fleet_tables
from studies.fleet_estimates import Ratios, Sample
from studies.fleet_tables import Question, groups_of, statistics
from system.errors import InputError
from system.run_folder import RunFolder

ARRAYS = ["share_above", "peaks", "spectrum"]
CHANNELS = ("Zcg", "Roll", "Pitch")
SCALE = np.array([1.0, 4.0, 1.0])
HANDLE = "_h5_p12_a{}_hh0_pp0_aa0_s10-{:07d}"


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch) -> None:
    monkeypatch.setattr(fleet_estimates, "BOOTSTRAPS", 40)


@pytest.fixture
def no_figures(monkeypatch) -> None:
    """Without figures, which take most of the time of a command."""
    monkeypatch.setattr(fleet, "figures_of", lambda *_: {})


# ---- single records -------------------------------------------------------------------------------------------------


def test_statistics_of_a_sine_are_its_own():
    time = np.arange(0, 600, 0.1)
    sine = np.stack([3 * np.sin(2 * np.pi * time / 10), 2 * np.sin(2 * np.pi * time / 8 + 1)])
    np.testing.assert_allclose(record_statistics.zero_upcrossing_period(sine, 0.1), [10, 8], rtol=1e-3)
    assert np.isnan(record_statistics.zero_upcrossing_period(sine[:, :100], 0.1)[0])  # a single upcrossing
    peaks = record_statistics.envelope_peaks(sine, 0.1)
    assert peaks.shape == (2, 10)
    np.testing.assert_allclose(np.nanmedian(peaks, axis=1), [3, 2], rtol=0.01)
    shares = record_statistics.shares_above(np.abs(sine), np.array([0.1, 0.1]))
    assert shares[0, 15] == pytest.approx(2 / 3, abs=0.01)  # |sin| exceeds a half two thirds of the time
    assert shares[0, 31] == 0 and shares[0, 0] == 1


def test_the_ends_of_a_record_make_no_peaks_of_the_envelope():
    """As parts of a longer record show, whose envelope is known there; with its ends, peaks are up to 2.2 too high."""
    omega, missed = np.linspace(0.4, 0.9, 100), []
    for seed in range(20):
        phase = np.random.default_rng(seed).uniform(0, 2 * np.pi, 100)
        time = 0.5 * np.arange(-600, 1800)
        waves = (np.exp(-(((omega - 0.6) / 0.1) ** 2) / 2) * np.cos(np.outer(time, omega) + phase)).sum(axis=1)
        truth = np.abs(hilbert(waves))[600:1200].reshape(5, 120).max(axis=1)
        peaks = record_statistics.envelope_peaks(waves[None, 600:1200], 0.5)[0]
        missed.append((peaks - truth)[[0, -1]] / waves.std())
    assert np.nanmax(missed) < 0.3  # none is higher than the truth


def make_record(name: str, seed: int, rows: int = 400, factor: float = 1.3) -> Record:
    rng = np.random.default_rng(seed)
    time = 0.5 * np.arange(rows)
    simple = SCALE * np.sin(2 * np.pi * (time[:, None] / 9 + rng.random(3))) * rng.normal(1, 0.2) + [1.2, 0, 0]
    lamp = simple * factor + 0.05 * rng.normal(size=(rows, 3))
    return Record(name, time, simple, lamp, simple)


def recorder(networks: int = 2, transient: float = 0.0, **more) -> Recorder:
    return Recorder(CHANNELS, SCALE, networks, transient, **more)


def joined(*tables: RecordTable) -> RecordTable:
    return RecordTable.joined(tables)


def fleet_table(records, bias: float = 0.0, **more) -> RecordTable:
    """Of records predicted by two networks that differ."""
    factors = (1 + bias * np.array([0.9, 1.1]))[:, None]
    return joined(*[recorder(**more).fleet_record(r, r.targets[:, None] * factors) for r in records])


def lamp_table(records, bias: float = 0.0, **more) -> RecordTable:
    return joined(*[recorder(**more).lamp_record(r, r.targets * (1 + bias)) for r in records])


def records_of(heading: float, numbers, **more) -> list[Record]:
    return [make_record(f"SC{HANDLE.format(heading, n)}", n, **more) for n in numbers]


def test_each_fold_counts_by_itself_and_its_networks_as_one():
    (record,) = records_of(90, [1])
    members = record.targets[:, None] * np.array([0.9, 1.1, 2.0, 2.2])[:, None]  # two folds of two networks
    rows = recorder().fleet_record(record, members).rows
    roll = rows[(rows["channel"] == "Roll") & (rows["source"] == "LSTM")].set_index("network")
    ssa = 2 * record.targets[:, 1].std()
    np.testing.assert_allclose(roll["ssa"], [ssa, 2.1 * ssa], rtol=1e-5)  # kept with six digits
    assert set(rows["source"]) == {"LSTM", "SimpleCode"} and set(rows["handle"]) == {HANDLE.format(90, 1)}


@pytest.mark.parametrize("equal", ["lamp", "fleet"])
def test_equal_values_are_worth_no_number_of_lamp_runs(equal):
    """Their variance is rounding: 5e31 LAMP runs, or none."""
    same = [make_record(f"SC{HANDLE.format(90, n)}", 7) for n in range(30, 50)]
    lamp, of_fleet = (same, records_of(90, range(20))) if equal == "lamp" else (records_of(90, range(9)), same)
    table = joined(lamp_table(lamp), fleet_table(of_fleet))
    result, _ = statistics(table, groups_of(table, ()), Question())
    worth = result.loc[result["statistic"].isin(["mean_ssa", "mean_maximum", "time_above"]), "effective_lamp_runs"]
    assert worth.dropna().between(0.01, 1e4).all() and not fleet.headline(result)


def test_the_network_has_its_own_title():
    records = records_of(90, range(6))
    table = joined(lamp_table(records[:3], title="GRU"), fleet_table(records[3:], title="GRU"))
    groups = groups_of(table, ())
    result, _ = statistics(table, groups, Question())
    assert result.loc[result["statistic"] == "mean_ssa", ["estimate", "lower"]].notna().all(axis=None)
    assert set(fleet_sources.spectra_table(table, groups, 0.9)["source"]) == {"LAMP", "SimpleCode", "GRU"}


def test_maxima_agree_with_the_report_and_the_transient_is_left_out():
    record = make_record("a", 2)
    rows = recorder().lamp_record(record, record.targets).rows
    np.testing.assert_allclose(rows["maximum"][:3], record_maxima(record.targets, CHANNELS))
    record.targets[:40] += 50
    behind = recorder(transient=20.0).lamp_record(record, record.targets).rows
    assert behind["maximum"].max() < 20 and behind["duration_s"][0] == 180


NAMES_LIKE_NUMBERS = ("001", "1e5", "NA", "nan", "True", "1_000", "2026-11-30", "None", "inf", "1", "-0", "1E5", "")


def test_tables_are_kept_and_read_again(tmp_path):
    """Also names that look like numbers or nothing."""
    for records in (records_of(90, range(3)), [make_record(name, n) for n, name in enumerate(NAMES_LIKE_NUMBERS)]):
        table = fleet_table(records)
        record_statistics.save(tmp_path, table)
        again = record_statistics.load(tmp_path)
        numbers, others = (each.rows.drop(columns=ARRAYS) for each in (again, table))
        pd.testing.assert_frame_equal(numbers, others, check_dtype=False, check_exact=True)
        for name in ARRAYS:
            np.testing.assert_array_equal(np.stack(again.rows[name].dropna()), np.stack(table.rows[name].dropna()))
        assert tuple(again.levels) == CHANNELS and again.rows["ssa"].dtype == float
    assert record_statistics.load(tmp_path / "elsewhere") is None
    (tmp_path / RunFolder.FLEET_RECORDS).write_text(others.drop(columns="digest").to_csv(index=False))
    with pytest.raises(InputError, match="digest.*delete it and predict again"):
        record_statistics.load(tmp_path)
    record_statistics.save(tmp_path, table)
    (tmp_path / RunFolder.FLEET_CURVES).write_bytes(b"")
    with pytest.raises(InputError, match="delete it and predict again"):
        record_statistics.load(tmp_path)


# ---- estimates ------------------------------------------------------------------------------------------------------


def test_the_corrected_mean_is_the_formula():
    lamp, unseen, many = np.array([1.0, 2.0, 4.0]), np.array([0.5, 1.5, 3.0]), np.array([1.0, 2.0, 3.0, 6.0])
    sample = Sample(lamp, unseen, many[:, None])
    corrected = fleet_estimates.corrected_mean(sample, 0.9)
    variance = np.var([0.5, 0.5, 1.0], ddof=1) / 3 + np.var(many, ddof=1) / 4
    assert corrected.estimate == pytest.approx(3 + 2 / 3)
    assert corrected.upper - corrected.estimate == pytest.approx(stats.t.ppf(0.95, 2) * variance**0.5)
    borrowed = fleet_estimates.corrected_mean(sample, 0.9, borrowed=True)
    assert borrowed.upper - borrowed.lower > corrected.upper - corrected.lower
    alone = fleet_estimates.mean(lamp, 0.9)
    assert fleet_estimates.effective_runs(3, alone, alone, 0.9).estimate == pytest.approx(3)


def test_shares_have_clopper_and_pearsons_interval():
    assert fleet_estimates.share(0, 10, 0.9).upper == pytest.approx(1 - 0.05**0.1)
    assert fleet_estimates.share(10, 10, 0.9).lower == pytest.approx(0.05**0.1)
    assert np.isnan(fleet_estimates.share(0, 0, 0.9).upper)


def ratios(lamp: np.ndarray, unseen: np.ndarray, many: np.ndarray) -> Ratios:
    """Of records of one sea state and length, predicted by one network."""
    return Ratios(lamp, unseen, many[:, None], np.ones(len(many)), np.full(len(many), 900.0))


def test_no_level_is_exceeded_more_likely_than_a_lower_one():
    """Nor by the bounds, also beyond all that the fleet and the residuals reach."""
    rng = np.random.default_rng(0)
    truth = rng.gumbel(21, 2, 48)
    predicted = 0.9 * truth - 0.3 * rng.normal(size=48)
    curves = fleet_estimates.exceedance_curves(ratios(truth[:12], predicted[:12], predicted[12:]), seed=1, number=100)
    assert np.all(np.diff(curves.probability) <= 1e-12) and curves.probability[[0, -1]].tolist() == [1, 0]
    lower, upper = curves.bounds(0.9)
    assert (np.diff(lower) <= 0).all() and (np.diff(upper) <= 0).all()
    assert (lower <= curves.probability).all() and (curves.probability <= upper).all()
    beyond = curves.at(curves.levels[curves.probability == 0][0], 0.9)
    of_none = pytest.approx(fleet_estimates.share(0, 36, 0.9).upper)
    assert beyond.estimate == 0 and beyond.upper == of_none
    assert curves.at(0.0, 0.9).estimate == 1 and curves.at(0.0, 0.9).lower == pytest.approx(1 - of_none.expected)


def test_residuals_are_part_of_the_distribution():
    """A network that sees only half of the variance would make high values too rare."""
    rng = np.random.default_rng(3)
    truth = rng.normal(20, 2, 5050)
    predicted = 20 + 0.5 * (truth - 20) + rng.normal(0, 1, 5050)
    maxima = ratios(truth[:50], predicted[:50], predicted[50:])
    interval = fleet_estimates.exceedance_curves(maxima, seed=1, number=50).at(24.0, 0.9)
    assert interval.lower < stats.norm.sf(2) < interval.upper
    assert (predicted > 24).mean() < 0.6 * stats.norm.sf(2)


@pytest.mark.parametrize("curvature", [0.0, 0.6])
def test_intervals_cover_where_the_relation_of_lamp_to_the_prediction_is_curved(curvature):
    """A straight line covers 0.79 of the probabilities of 1 to 5 % with 20 records at this curvature."""

    def draw(n: int, size: int, rng: np.random.Generator) -> Ratios:
        x = (rng.gumbel(size=n + size) - np.euler_gamma) / (np.pi / 6**0.5)
        parabola = (x**2 - 1 - 1.14 * x) / 2
        truth = 22 + 2 * x + 0.3 * (curvature * parabola + (1 - curvature**2) ** 0.5 * rng.normal(size=n + size))
        return ratios(truth[:n], x[:n], x[n:])

    shares, covered = np.array([0.05, 0.02, 0.01]), []
    levels = np.quantile(draw(10**5, 1, np.random.default_rng(0)).lamp, 1 - shares)
    for seed in range(60):
        curves = fleet_estimates.exceedance_curves(draw(20, 200, np.random.default_rng(seed)), seed, number=50)
        intervals = [curves.at(level, 0.9) for level in levels]
        covered.append([each.lower <= share <= each.upper for each, share in zip(intervals, shares, strict=True)])
    assert np.mean(covered) > 0.87


@pytest.mark.parametrize(
    ("truth", "fit", "tolerance"),
    [
        (stats.gumbel_r(10, 2), fleet_estimates.gumbel, 0.03),
        (stats.genextreme(0.2, 10, 2), fleet_estimates.generalized_extreme_value, 0.1),
    ],
)
def test_fitted_distributions_are_those_the_values_come_from(truth, fit, tolerance):
    sample = np.sort(truth.rvs(20000, random_state=1))
    np.testing.assert_allclose(fit(fleet_estimates.l_moments(sample)).args, truth.args, rtol=tolerance)


def test_peaks_of_a_pareto_tail_have_its_shape_at_every_threshold():
    peaks = stats.genpareto(-0.2, 1, 2).rvs(6000, random_state=2)
    tail = fleet_sources.stability(peaks, np.repeat(np.arange(200), 30), 200 * 1800.0, 3 * 3600.0, 0.9, seed=0)
    assert len(tail) == len(fleet_sources.THRESHOLDS)
    assert ((tail["shape_lower"] < -0.2) & (tail["shape_upper"] > -0.2)).sum() >= 6
    truth = stats.genpareto(-0.2, 1, 2).isf(1 / 180)  # 180 peaks in three hours
    np.testing.assert_allclose(tail["once"], truth, rtol=0.03)
    assert (tail["once_lower"] < tail["once"]).all() and (tail["once"] < tail["once_upper"]).all()


# ---- tables ---------------------------------------------------------------------------------------------------------


def test_a_sea_state_without_lamp_borrows_and_says_so():
    lamp = lamp_table(records_of(90, range(10)), bias=-0.1)
    records = joined(lamp, *[fleet_table(records_of(heading, range(20, 50)), -0.1) for heading in (45, 90)])
    groups = groups_of(records, ())
    borrowed = {group.name[:10]: group.borrowed for group in groups}
    assert borrowed == {"h5_p12_a45": True, "h5_p12_a90": False, "all": False}
    table, curves = statistics(records, groups, Question(limits={"Roll": 6.0}))
    roll = table[(table["channel"] == "Roll") & (table["sea_state"] == groups[1].name)].set_index("statistic")
    truth = 1.3 * 4 * np.sqrt(2)
    assert roll.loc["mean_ssa", "lower"] < truth < roll.loc["mean_ssa", "upper"]
    assert roll.loc["mean_ssa", "effective_lamp_runs"] > 20
    assert roll.loc["mean_period", "estimate"] == pytest.approx(9, rel=0.02)
    assert roll.loc["maximum_above", "threshold"] == 6 and 0 < roll.loc["maximum_above", "estimate"] < 1
    assert "borrowed" in table.loc[0, "method"] and np.isnan(table.loc[0, "lamp"])
    assert [group.name for group in groups_of(records, ("heading",))] == ["heading 45 deg", "heading 90 deg", "all"]
    assert (curves["lower"] <= curves["probability"]).all()
    for name in ("Gumbel", "generalized extreme value"):
        assert (curves[f"{name}_lower"] <= curves[name]).all() and (curves[name] <= curves[f"{name}_upper"]).all()
    is_extrapolated = table["method"].str.contains("extrapolated")
    assert is_extrapolated.any() and (table["gev"].notna() == is_extrapolated).all()
    assert (table["gev_lower"] <= table["gev_upper"])[is_extrapolated].all()


SPELLINGS = (
    "_h5_p12_a90_hh0_pp0_aa0_s10-{:07d}",
    "_H5.00_p12,0_a450_hh0.0_pp9_aa45_s010-{}",
    "_h4.99999999_p1.2e1_a-270_hh0_pp0_aa0_s10-{:03d}_v2",
)


def groups_of_names(lamp: list[str], many: list[str], by=()) -> list:
    def records(names: list[str]) -> list[Record]:
        return [make_record(name, n, rows=60) for n, name in enumerate(names)]

    return groups_of(joined(lamp_table(records(lamp)), fleet_table(records(many))), by)


def test_a_sea_state_spelled_otherwise_is_the_same_group():
    names = [[f"SC{SPELLINGS[n % 3].format(n)}" for n in range(first, first + 6)] for first in (0, 20)]
    (group,) = groups_of_names(*names)
    assert group.name == "h5_p12_a90_hh0_pp0_aa0_s10" and len(group.lamp) == len(group.fleet) == 6
    (group,) = groups_of_names(*names, ("heading", "second_height"))
    assert group.name == "heading 90 deg, second_height 0 m"


@pytest.mark.parametrize("by", [(), ("heading",)])
def test_records_without_a_handle_are_a_group_of_another_name_than_all(by):
    names = [f"SC{HANDLE.format(heading, 1)}" for heading in (90, 100, 9)] + ["run001", "SC_h5_p12_a90_s10-0000001"]
    groups = groups_of_names([f"SC{HANDLE.format(90, n)}" for n in range(4)], names, by)
    assert [group.parts.get("heading") for group in groups] == [9, 90, 100, None, None]
    assert [group.name for group in groups[3:]] == ["no handle", "all"] and len({g.name for g in groups}) == 5
    assert groups[3].fleet == set(names[3:]) and groups[3].mixed and groups[4].fleet == set(names)

    (group,) = groups_of_names(["run1"], ["run2"], by)
    assert group.name == "all"


# ---- the command ----------------------------------------------------------------------------------------------------


@pytest.fixture
def saved_network(tmp_path, monkeypatch) -> Path:
    """What is needed of a network of folds called `ship`, trained on nine realizations, and its fleet."""
    monkeypatch.chdir(tmp_path)
    pairs = [write_realization(tmp_path, HANDLE.format(90, n), 600, seed=n, step=0.5) for n in range(9)]
    config = Config(data=DataInfo(train_sc=tuple(p[0] for p in pairs), train_lamp=tuple(p[1] for p in pairs)))
    folder = tmp_path / "saved_models" / "ship"
    folder.mkdir(parents=True)
    (folder / "model.keras").touch()
    network = {"network_type": "lstm", "inputs": CHANNELS, "outputs": CHANNELS}
    network["standardization"] = {"output_deviation": SCALE.tolist()}
    facts = {"settings": config.as_dict(), "network": network, "folds": [[], []]}
    (folder / "settings.json").write_text(json.dumps(facts))
    records = [data_io.read_record(*pair, config.user)[0] for pair in pairs]
    predictions = {record.digest: 0.97 * record.targets for record in records}
    NetworkFolder(folder).save_out_of_fold(predictions, [record.name for record in records])
    others = [
        replace(records[n % 9], name=f"SC{HANDLE.format(90, 6 + n)}", sources={"sc": f"{n}"}) for n in range(3, 30)
    ]
    save_fleet(folder, [*records[6:], *others])
    return folder


def save_fleet(network: Path, records: list[Record]) -> None:
    table = replace(fleet_table(records, -0.03), model_digest=NetworkFolder(network).model_digest())
    record_statistics.save(network.parents[1] / "output_files" / network.name, table)


def test_records_of_the_fleet_are_those_of_lamp_by_content_not_by_name(saved_network, no_figures, capsys):
    config = NetworkFolder(saved_network).training_config()
    records = [data_io.read_record(*pair, config.user)[0] for pair in config.data.pairs("train")]
    elsewhere = [replace(record, sources={"sc": record.name}) for record in records]  # the same names in another folder
    moved = [replace(record, name=f"other_{n}") for n, record in enumerate(records[:2])]
    output = saved_network.parents[1] / "output_files" / "ship"
    save_fleet(saved_network, [*elsewhere, *moved])
    assert fleet.main(["--network", "ship"]) == 0
    printed = capsys.readouterr()
    facts = json.loads((output / "fleet_statistics.json").read_text())
    assert facts["lamp_records"] == facts["fleet_records"] == 9
    assert f"9 predicted records (first: {records[0].name}) with the name or handle of a LAMP record" in printed.err
    save_fleet(saved_network, moved)
    assert fleet.main(["--network", "ship"]) == 1
    assert "all predicted records have LAMP records" in capsys.readouterr().err


@pytest.mark.parametrize("code", ["SimpleCode", "LAMP"])
def test_files_that_were_written_anew_are_not_held_against_earlier_predictions(saved_network, no_figures, capsys, code):
    write_realization(saved_network.parents[1] / "new", HANDLE.format(90, 2), 600, seed=20, step=0.5)
    short = {"SimpleCode": "SC", "LAMP": "LAMP"}[code]
    name = f"{code}_files/{short}{HANDLE.format(90, 2)}.mot"
    Path(name).write_bytes((Path("new") / name).read_bytes())
    assert fleet.main(["--network", "ship"]) == 0
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "left out" in line]
    assert f"SC{HANDLE.format(90, 2)}.mot: have other content than when" in line
    assert set(pd.read_csv("output_files/ship/fleet_statistics.csv")["lamp_records"]) == {8}
    for path in list(Path(name).parent.glob("*.mot"))[:5]:
        path.unlink()
    Path("output_files/ship/fleet_statistics.csv").unlink()
    assert fleet.main(["--network", "ship"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) in (5, 6) and all("restore the files, or train again" in line for line in lines)
    assert not Path("output_files/ship/fleet_statistics.csv").exists()


def test_statistics_of_an_earlier_fleet_do_not_stay_beside_another_one(saved_network):
    output, saved = Path("output_files/ship"), NetworkFolder(saved_network).training_config()
    earlier = [*RunFolder.FLEET, *RunFolder.FLEET_TABLES, "figures/fleet_means.png"]
    RunFolder(output).note(earlier)
    (output / "figures").mkdir()
    for name in earlier:
        (output / name).touch()
    records = [data_io.read_record(*pair, saved.user)[0] for pair in saved.data.pairs("train")]
    with pytest.raises(InputError, match="all predicted records have LAMP"):
        fleet.after_run(Plotting(), NetworkFolder(saved_network), output, fleet_table(records), records)
    assert sorted(path.name for path in output.rglob("fleet_*")) == ["fleet_records.csv", "fleet_records.npz"]
    RunFolder(output).note(["fleet_records.csv", "fleet_records.npz"])
    fleet.after_run(Plotting(), NetworkFolder(saved_network), output, None, records)  # these have no statistics
    assert list(output.rglob("fleet_*")) == []


def test_the_command_writes_tables_and_figures_and_says_how_many_lamp_runs_it_is_worth(saved_network, capsys):
    sc, lamp = write_realization(Path("test"), HANDLE.format(90, 50), 600, seed=50, step=0.5)
    facts = json.loads((saved_network / "settings.json").read_text())
    facts["settings"]["data"] |= {"test_sc": [sc], "test_lamp": [lamp]}  # not among the records of the training
    (saved_network / "settings.json").write_text(json.dumps(facts))
    path = next(Path("LAMP_files").glob("*.mot"))
    path.write_text(path.read_text().replace("sec m m m deg", "sec ft ft ft deg"))
    assert fleet.main(["--network", "ship", "--limits", "Roll=9", "Pitch=2.5"]) == 0
    printed = capsys.readouterr()
    (line,) = [line for line in printed.err.splitlines() if "left out" in line]
    assert path.name in line and f"{path.name}: converted" in printed.err
    assert "8 LAMP runs and 27 of SimpleCode are as precise as" in printed.out  # three of the fleet have LAMP records
    output = Path("output_files/ship")
    table = pd.read_csv(output / "fleet_statistics.csv")
    assert set(table["statistic"]) >= {"mean_ssa", "mean_maximum", "maximum_above", "most_probable_maximum"}
    facts = json.loads((output / "fleet_statistics.json").read_text())
    assert facts["lamp_records"] == 8 and facts["fleet_records"] == 27 and "random draw" in facts["guarantee"]
    names = {f"fleet_{name}.png" for name in ("means", "maxima", "peaks", "spectra")}
    assert {path.name for path in output.glob("figures/fleet_*")} == names


def cases_of(network: Path, places, extra: str = "") -> None:
    """A cases file of some training records, chosen by their gain."""
    data = NetworkFolder(network).training_config().data
    digests = [data_io.motions_digest(path) for path in data.train_sc]
    lines = ["about", "***", "SC", "LAMP", "# a remark", extra]
    lines += [f"{HANDLE.format(90, n)}  # rare peaks; {digests[n]}" for n in places]
    Path("cases.txt").write_text("\n".join(lines))


def test_lamp_runs_that_were_chosen_by_their_gain_do_not_count(saved_network, no_figures, capsys):
    command = ["--network", "ship", "--chosen", "cases.txt"]
    cases_of(saved_network, [1, 2], f"{HANDLE.format(90, 0)}  # random draw; 12")
    assert fleet.main(command) == 0
    table = pd.read_csv("output_files/ship/fleet_statistics.csv")
    assert (table["lamp_records"] == 7).all() and (table["fleet_records"] == 27).all()  # they do not join the fleet
    assert "as precise as" not in capsys.readouterr().out  # fewer than eight are too few to say it
    assert table["effective_lamp_runs"].isna().all()
    cases_of(saved_network, range(9))
    assert fleet.main(command) == 1
    cases_of(saved_network, (), f"{HANDLE.format(90, 0)}  # rare peaks")
    assert fleet.main(command) == fleet.main(["--network", "ship", "--chosen", "none.txt"]) == 1
    none, unknown, missing = capsys.readouterr().err.splitlines()
    assert "none of them is a random draw" in none and "none.txt: cannot be read" in missing
    assert f"does not say which record {HANDLE.format(90, 0)} was" in unknown


def test_where_the_fleet_is_less_precise_the_headline_says_so():
    about = {"sea_state": "all", "statistic": "mean_ssa", "lamp_records": 16, "fleet_records": 900}
    runs = {"Roll": (9.0, 4.0, 20.0), "Pitch": (90.0, 40.0, 200.0)}
    columns = ("effective_lamp_runs", "effective_lower", "effective_upper")
    table = [about | {"channel": name} | dict(zip(columns, numbers, strict=True)) for name, numbers in runs.items()]
    worse, better = fleet.headline(pd.DataFrame(table))
    assert "LAMP runs alone are more precise" in worse and "Roll" in worse and "9 (4 to 20)" in worse
    assert "as precise as 90 LAMP runs or more for the mean SSA (Pitch 90 (40 to 200))" in better


@pytest.mark.parametrize(
    ("owners", "figures"),
    [
        ({"_channel_statistics": fleet_tables}, set()),
        ({"corrected_mean": fleet_tables, "stability": fleet_sources, "remarks": fleet}, {"maxima", "spectra"}),
        ({"exceedance_curves": fleet_estimates, "responses": fleet_sources}, {"means", "peaks"}),
        ({"means_figure": fleet.fleet_figures}, {"maxima", "peaks", "spectra"}),
    ],
)
def test_what_fails_is_a_line_and_the_rest_is_written(saved_network, monkeypatch, capsys, owners, figures):
    def fail(name: str):
        raise np.linalg.LinAlgError(f"Singular matrix in {name}")

    for name, owner in owners.items():
        monkeypatch.setattr(owner, name, lambda *_, name=name, **__: fail(name))
    monkeypatch.setattr(fleet.plotting, "save_figures", lambda drawn, _: names.update(drawn))
    names = set()
    assert fleet.main(["--network", "ship", "--limits", "Roll=9"]) == 0
    errors = capsys.readouterr().err.splitlines()
    for name in owners:
        (line,) = [line for line in errors if f"Singular matrix in {name}" in line]
        assert f"cannot be made (LinAlgError: Singular matrix in {name}); the rest is written" in line
    files = ("fleet_statistics.csv", "fleet_exceedance.csv", "fleet_statistics.json", "report.html")
    assert all((Path("output_files/ship") / file).is_file() for file in files)
    assert names >= {f"fleet_{name}" for name in figures}


def test_faulty_options_and_missing_files_are_one_line_each(saved_network, capsys):
    def errors(*options: str) -> list[str]:
        assert fleet.main(["--network", "ship", *options]) == 1
        return capsys.readouterr().err.splitlines()

    lines = errors("--limits", "Rol=20", "--hours", "0", "--by", "headin")
    assert len(lines) == 3 and "did you mean heading?" in lines[2]
    (saved_network / "out_of_fold.npz").write_bytes(b"nothing")
    (line,) = errors()
    assert "train the network again" in line
    (saved_network / "model.keras").write_bytes(b"trained anew")
    (line,) = errors()
    assert "predicted by another network of this name" in line
    Path("output_files/ship/fleet_records.csv").unlink()
    (line,) = errors()
    assert "DataInfoArgs.predict_sc" in line
    (saved_network / "out_of_fold.npz").unlink()
    (line,) = errors()
    assert "num_folds" in line


# ---- spectra --------------------------------------------------------------------------------------------------------


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
    table = fleet_sources.responses(spectra[:, 0], 0.9)
    shown = table[table["rao"].notna()]
    assert shown["frequency"].between(0.3 - 0.06, 1.2 + 0.06).all() and len(shown) >= 17
    np.testing.assert_allclose(shown["rao"], 1.5, rtol=0.01)
    assert (shown["coherence"] > 0.99).all()
    assert ((shown["lower"] <= shown["spectrum"]) & (shown["spectrum"] <= shown["upper"])).all()
    variance = table["spectrum"].sum() * table["frequency"].diff().iloc[-1]
    assert variance == pytest.approx(1.5**2 * 400 * 0.1**2 / 2, rel=0.02)
    assert fleet_sources.responses(spectra[:, 1], 0.9)["rao"].isna().all()
    without = record_statistics.wave_responses(records[0][1], np.full(3000, np.nan), 0.4)
    assert np.isfinite(without[:, 0]).all() and np.isnan(without[:, 1:]).all()


def test_spectra_of_each_source_are_in_the_table_but_not_of_several_sea_states():
    lamp = lamp_table(records_of(90, range(4)))
    many = joined(*[fleet_table(records_of(heading, range(20, 23))) for heading in (45, 90)])
    table = fleet_sources.spectra_table(joined(lamp, many), groups_of(joined(lamp, many), ()), 0.9)
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
    table = fleet_sources.spectra_table(table, groups_of(table, ()), 0.9)
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
    assert fleet_sources.resolution_text(table) == f"resolution {resolution}"
    assert table["lowered"].tolist() == [tolerance > 0.1] * len(table)
    lines = fleet_sources.lowered_peaks(table)
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
