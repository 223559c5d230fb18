"""Statistics of a fleet: those of single records, estimates with intervals, and the command."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import write_realization
from scipy import stats

import data_io
from checks import record_statistics
from checks.record_statistics import Recorder, RecordTable
from data_io import Record
from metrics import kurtosis, record_maxima, single_amplitudes
from networks.network_folder import NetworkFolder
from settings import Config, DataInfo, Plotting
from studies import fleet, fleet_estimates, fleet_sources, fleet_tables, response_spectra
from studies.fleet_estimates import Ratios, Sample
from studies.fleet_tables import Question, groups_of, statistics
from system.errors import InputError
from system.run_folder import RunFolder
from system.workers import Workers

ARRAYS = ["share_above", "amplitudes_above", "spectrum"]
CHANNELS = ("Zcg", "Roll", "Pitch")
SCALE = np.array([1.0, 4.0, 1.0])
ASKED = Question()
BOOTSTRAPS = fleet_estimates.BOOTSTRAPS
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
    amplitudes = single_amplitudes(sine[0])
    assert len(amplitudes) in (118, 119) and np.ptp(amplitudes) < 0.01  # whole half periods
    assert amplitudes[0] == pytest.approx(3, rel=1e-3) and not len(single_amplitudes(np.ones(9)))
    assert kurtosis(sine).tolist() == pytest.approx([1.5, 1.5], rel=0.01) and np.isnan(kurtosis(np.zeros(9)))
    above = record_statistics.numbers_above(np.abs(sine[0]), 0.1)
    assert above[15] / 6000 == pytest.approx(2 / 3, abs=0.01)  # |sin| exceeds a half two thirds of the time
    assert above[31] == 0 and above[0] == 6000


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
    assert worth.dropna().between(0.01, 1e4).all() and not any(
        "worth" in line for line in fleet.headline(result, ASKED)
    )


def test_the_network_has_its_own_title():
    records = records_of(90, range(6))
    table = joined(lamp_table(records[:3], title="GRU"), fleet_table(records[3:], title="GRU"))
    groups = groups_of(table, ())
    result, _ = statistics(table, groups, Question())
    assert result.loc[result["statistic"] == "mean_ssa", ["estimate", "lower"]].notna().all(axis=None)
    assert set(fleet_sources.amplitude_table(table, groups)["source"]) == {"LAMP", "SimpleCode", "GRU"}


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


def test_the_fitted_distribution_is_that_the_values_come_from():
    sample = np.sort(stats.gumbel_r(10, 2).rvs(20000, random_state=1))
    np.testing.assert_allclose(fleet_estimates.gumbel(fleet_estimates.l_moments(sample)).args, (10, 2), rtol=0.03)


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
    assert table["method"].str.contains("extrapolated").any()


def test_sagging_and_hogging_moments_are_rows_of_their_own_in_the_unit_of_the_files():
    """Twice as large on the positive side, about a mean that is not zero."""
    many = []
    for n in range(40):
        time, rng = 0.5 * np.arange(800), np.random.default_rng(n)
        wave = rng.normal(1, 0.05) * np.sin(2 * np.pi * (time / 9 + rng.random()))
        moment = np.where(wave > 0, 2000 * wave, 1000 * wave)[:, None] - 7e4
        many.append(Record(f"SC{HANDLE.format(90, n)}", time, moment, moment, moment, sources={"sc": f"{n}"}))
    of_moment = Recorder(("VBM",), np.array([800.0]), 1, 0.0)
    tables = [of_moment.lamp_record(each, each.targets) for each in many[:12]]
    records = joined(*tables, *[of_moment.fleet_record(each, each.targets[:, None]) for each in many[12:]])
    table, curves = statistics(records, groups_of(records, ()), Question(limits={"VBM": 1500.0}))
    table = fleet_tables.with_units(table, "kN-m")
    maxima = table[table["statistic"] == "mean_maximum"].set_index("side")["estimate"]
    about_mean = 2000 - 1000 / np.pi  # the mean of the record is above the still water's
    assert maxima["positive"] == pytest.approx(about_mean, rel=0.05)
    assert maxima["negative"] == pytest.approx(1000 + 1000 / np.pi, rel=0.05)
    above = table[table["statistic"] == "maximum_above"].set_index("side")
    assert above["estimate"].round(1).to_dict() == {"positive": 1.0, "negative": 0.0}
    assert above.loc["positive", "meaning"].endswith("largest positive value in 6.67 min exceeds 1500 kN-m")
    assert set(table.loc[table["side"] == "", "statistic"]) == {"mean_ssa", "mean_period", "time_above"}
    assert set(table["unit"]) == {"kN-m", "s", "share", "probability"} and set(curves["side"]) == set(maxima.index)
    assert fleet_tables.with_units(curves, "kN-m")["unit"].eq("kN-m").all()


def test_every_row_says_its_exposure_and_threshold():
    records = joined(lamp_table(records_of(90, range(10))), fleet_table(records_of(90, range(20, 50))))
    table, _ = statistics(records, groups_of(records, ()), Question(limits={"Roll": 6.0}, exposure=7200.0))
    roll = table[table["channel"] == "Roll"].set_index("statistic")
    assert roll.loc["largest_exceeded_by_10_percent", "meaning"] == "largest value in 2 h, exceeded by 10 %"
    assert roll.loc["largest_exceeded_by_10_percent", "exposure_h"] == 2
    assert roll.loc["maximum_above", "meaning"] == "probability that the largest value in 3.33 min exceeds 6 deg"
    assert roll.loc["mean_maximum", "exposure_h"] == pytest.approx(200 / 3600)
    assert roll.loc["time_above", "meaning"] == "share of the time above 6 deg"


def test_rayleighs_line_stands_beside_a_gaussian_motion_and_not_beside_a_sine():
    rng, records = np.random.default_rng(0), []
    time, omega = 0.5 * np.arange(3600), np.linspace(0.5, 0.8, 200)
    for n in range(20):
        roll = np.cos(np.outer(time, omega) + rng.uniform(0, 2 * np.pi, 200)).sum(axis=1)
        motions = np.stack([np.sin(0.7 * time), 0.4 * roll, roll], axis=1)
        records.append(Record(f"SC{HANDLE.format(90, n)}", time, motions, motions, motions, sources={"sc": f"{n}"}))
    table = joined(lamp_table(records[:15]), fleet_table(records[15:]))
    table = fleet_sources.amplitude_table(table, groups_of(table, ()))
    roll = table[(table["channel"] == "Roll") & (table["source"] == "LAMP")]
    often = roll[roll["per_hour"] > 40]
    np.testing.assert_allclose(often["per_hour"], often["rayleigh"], rtol=0.08)
    assert roll["per_hour"].iloc[0] == pytest.approx(2 * 3600 / (2 * np.pi / 0.655), rel=0.02)  # two in each period
    assert table.loc[table["channel"] == "Zcg", "rayleigh"].isna().all()


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
    assert "With 8 LAMP runs, these 27 predictions are worth for the mean" in printed.out  # three have LAMP records
    assert "Roll, probability that the largest value in 4.92 min exceeds 9 deg: h5_p12_a90" in printed.out
    output = Path("output_files/ship")
    table = pd.read_csv(output / "fleet_statistics.csv")
    assert set(table["statistic"]) >= {"mean_ssa", "mean_maximum", "maximum_above", "most_probable_maximum"}
    facts = json.loads((output / "fleet_statistics.json").read_text())
    assert facts["lamp_records"] == 8 and facts["fleet_records"] == 27 and "random draw" in facts["guarantee"]
    names = {f"fleet_{name}.png" for name in ("means", "maxima", "amplitudes", "spectra")}
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
    assert "worth" not in capsys.readouterr().out  # fewer than eight are too few to say it
    assert table["effective_lamp_runs"].isna().all()
    cases_of(saved_network, range(9))
    assert fleet.main(command) == 1
    cases_of(saved_network, (), f"{HANDLE.format(90, 0)}  # rare peaks")
    assert fleet.main(command) == fleet.main(["--network", "ship", "--chosen", "none.txt"]) == 1
    none, unknown, missing = capsys.readouterr().err.splitlines()
    assert "none of them is a random draw" in none and "none.txt: cannot be read" in missing
    assert f"does not say which record {HANDLE.format(90, 0)} was" in unknown


def test_where_the_fleet_is_less_precise_the_headline_says_so_and_how_many_runs_are_needed():
    about = {"sea_state": "all", "statistic": "mean_ssa", "side": "", "lamp_records": 16, "fleet_records": 900}
    runs = {"Roll": (9.0, 4.0, 20.0, 2345.2), "Zcg": (8.0, 4.0, 10.0, np.inf), "Pitch": (90.0, 40.0, 200.0, np.nan)}
    columns = ("effective_lamp_runs", "effective_lower", "effective_upper", "fleet_records_needed")
    table = [about | {"channel": name} | dict(zip(columns, numbers, strict=True)) for name, numbers in runs.items()]
    table = pd.DataFrame(table).assign(method="", meaning="")
    worse, hopeless, better = fleet.headline(table, Question(lamp_hours=3))
    assert worse.startswith("For the mean significant amplitude of roll, the 16 LAMP runs alone are more precise than")
    assert "(worth 4 to 20 LAMP runs (12 to 60 LAMP hours))" in worse
    assert worse.endswith("2\u202f350 SimpleCode runs would be as precise")
    assert hopeless.endswith("no number of SimpleCode runs would make up for the network's errors")
    assert better.endswith("significant amplitude: 40 to 200 LAMP runs (120 to 600 LAMP hours) in pitch")
    assert "hours" not in fleet.headline(table, ASKED)[2]


@pytest.mark.parametrize(
    ("owners", "figures"),
    [
        ({"_rows_of": fleet_tables}, set()),
        ({"corrected_mean": fleet_tables, "rayleigh": fleet_sources, "remarks": fleet}, {"maxima", "spectra"}),
        ({"exceedance_curves": fleet_estimates, "responses": response_spectra}, {"means", "amplitudes"}),
        ({"means_figure": fleet.fleet_figures}, {"maxima", "amplitudes", "spectra"}),
    ],
)
def test_what_fails_is_a_line_and_the_rest_is_written(saved_network, monkeypatch, capsys, owners, figures):
    def fail(name: str):
        raise np.linalg.LinAlgError(f"Singular matrix in {name}")

    for name, owner in owners.items():
        monkeypatch.setattr(owner, name, lambda *_, name=name, **__: fail(name))
    monkeypatch.setattr(fleet.plotting, "save_figures", lambda drawn, *_: names.update(drawn))
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


def test_statistics_are_the_same_whoever_makes_them():
    records = joined(
        *[lamp_table(records_of(heading, range(3))) for heading in (45, 90)],
        *[fleet_table(records_of(heading, range(20, 26))) for heading in (45, 90)],
    )
    groups = groups_of(records, ())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fleet_estimates, "BOOTSTRAPS", BOOTSTRAPS)  # as in the other processes
        patch.setattr(fleet_tables, "GROUPS_AT_ONCE", 1)
        patch.setattr(fleet_tables, "TASKS_EACH", 1)
        shared = statistics(records, groups, Question(), Workers(2))
        alone = statistics(records, groups, Question())
    for one, other in zip(alone, shared, strict=True):
        pd.testing.assert_frame_equal(one, other, check_exact=True)
    assert len(shared[0])
