"""Comparisons of networks by the reports of their runs; nothing is trained."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import make_motions
from test_plotting import rendered

import metrics
from figures.comparison_figure import comparison_figure
from settings import Config, DataInfo, UserInput, description
from settings.description import Description, Input, Output
from studies import comparison

CHANNELS = ("Zcg", "Roll", "Pitch")


@pytest.fixture(autouse=True)
def without_figure(monkeypatch) -> None:
    """Drawing takes most of the time."""
    monkeypatch.setattr(comparison, "comparison_figure", lambda table: None)
    monkeypatch.setattr("plotting.save_figure", lambda figure, path: path.write_bytes(b""))


def make_report(
    error: float, seed: int = 0, channels=CHANNELS, sets=("train", "val", "test"), network: str = "LSTM"
) -> pd.DataFrame:
    """The report of a network whose error is this share of LAMP's deviation; SimpleCode's is 0.5 of it."""
    sums = {}
    for number, name in enumerate(sets):
        lamp = make_motions(150, seed=10 * seed + number)
        noise = np.random.default_rng(1).choice([-1.0, 1.0], lamp.shape) * lamp.std(axis=0)
        linear = lamp + 0.01 * noise  # which is ranked nowhere
        sums[name] = [metrics.model_sums((lamp, lamp + 0.5 * noise, lamp + error * noise, linear))]
    report = metrics.error_report(sums, CHANNELS, network)
    return report[report["channel"].isin((*channels, "All"))]


def save(name: str, error: float, finished: bool = True, report: pd.DataFrame | None = None, **user) -> None:
    """The files that a run leaves for a network of that name."""
    folder = Path("saved_models") / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.keras").write_bytes(b"")
    config = Config(user=UserInput(model_save_filename=name, **user), data=DataInfo(train_sc=("a",), train_lamp=("b",)))
    (folder / "settings.json").write_text(json.dumps({"settings": config.as_dict(), "finished": finished}))
    output = Path("output_files") / name
    output.mkdir(parents=True, exist_ok=True)
    (make_report(error) if report is None else report).to_csv(output / "error_report.csv", index=False)


def compare(*arguments: str) -> pd.DataFrame:
    assert comparison.main(["--networks", *arguments]) == 0
    return pd.read_csv("output_files/comparison.csv")


def faults_of(capsys, *arguments: str) -> list[str]:
    assert comparison.main(["--networks", *arguments]) == 1
    return [line for line in capsys.readouterr().err.splitlines() if line.startswith("Error: ")]


def cell(table: pd.DataFrame, set_name: str, name: str, channel: str) -> pd.Series:
    (row,) = table[(table["set"] == set_name) & (table["name"] == name) & (table["channel"] == channel)].iloc
    return row


def test_networks_are_ranked_by_validation_error_with_simplecode_beside_them(capsys):
    save("poor", 0.3, hidden_size=20)
    save("good", 0.1, hidden_size=40)
    table = compare("poor", "good")
    order = table[table["set"] == "val"].drop_duplicates("name")
    assert order["name"].tolist() == ["good", "poor", "SimpleCode"]
    assert order["rank"].tolist()[:2] == [1, 2] and np.isnan(order["rank"].iloc[2])
    for name, error in (("good", 0.1), ("poor", 0.3), ("SimpleCode", 0.5)):
        for channel in (*CHANNELS, "All"):
            assert cell(table, "val", name, channel)["nrmse"] == pytest.approx(error)
    assert cell(table, "val", "good", "Roll")["mse_share"] == pytest.approx(0.04)
    said = capsys.readouterr().out
    assert "hidden_size 40" in said and "lr" not in said  # only what differs
    assert "rms error on the validation set in percent of LAMP's motion" in said and "10   10   10    10" in said
    assert Path("output_files/comparison.png").is_file()


def test_reports_of_all_kinds_of_networks_are_read():
    save("filter", 0.2, report=make_report(0.2, network="Linear"), network_type="linear", lr=0.1)
    save("attention", 0.1, report=make_report(0.1, network="Transformer"), network_type="transformer")
    assert compare("filter", "attention")["name"].unique().tolist() == ["attention", "filter", "SimpleCode"]


def test_the_test_set_is_shown_of_the_best_alone_unless_asked_for(capsys):
    save("poor", 0.3, hidden_size=20)
    save("good", 0.1)
    assert compare("poor", "good").query("set == 'test'")["name"].unique().tolist() == ["good", "SimpleCode"]
    both = compare("poor", "good", "--test", "all").query("set == 'test'")
    assert both["name"].unique().tolist() == ["good", "poor", "SimpleCode"]


def test_a_network_that_is_best_on_the_test_set_does_not_win():
    report = make_report(0.1)
    report.loc[report["set"] == "val", ["nrmse", "rmse"]] *= 5
    save("lucky", 0, report=report, hidden_size=20)
    save("good", 0.2)
    assert compare("lucky", "good")["name"].iloc[0] == "good"


def test_seeds_of_one_setting_are_one_entry_with_its_spread():
    for seed, error in ((1, 0.1), (2, 0.4), (3, 0.2)):
        save(f"net_{seed}", error, seed=seed)
    save("other", 0.15, seed=1, hidden_size=20)
    save("resumed", 0.21, seed=4, resume=True, overwrite=True)
    table = compare("net_1", "net_2", "net_3", "other", "resumed")
    assert table["name"].unique().tolist() == ["other", "net_1 (4 seeds)", "SimpleCode"]
    row = cell(table, "val", "net_1 (4 seeds)", "Roll")
    assert row["nrmse"] == pytest.approx(0.205)
    assert (row["nrmse_min"], row["nrmse_max"]) == pytest.approx((0.1, 0.4))
    assert row["networks"] == 4 and row["members"] == "net_1 net_3 resumed net_2"


def test_the_same_training_under_two_names_is_counted_once(capsys):
    save("mine", 0.1, seed=4)
    save("mine_s001", 0.1, seed=4)
    table = compare("mine", "mine_s001")
    assert table["name"].unique().tolist() == ["mine", "SimpleCode"] and table["networks"].max() == 1
    assert "mine_s001 is the same training as mine" in capsys.readouterr().err


def test_different_data_or_channels_are_not_ranked_together(capsys):
    save("a", 0.1)
    save("b", 0.2)
    save("elsewhere", 0.05, report=make_report(0.05, seed=1))
    (line,) = faults_of(capsys, "a", "elsewhere", "b")
    assert "different validation data" in line and "a b; elsewhere" in line
    save("no_roll", 0.05, report=make_report(0.05, channels=("Zcg", "Pitch")))
    (line,) = faults_of(capsys, "a", "no_roll")
    assert "different output channels" in line and "a (Zcg, Roll, Pitch); no_roll (Zcg, Pitch)" in line
    assert not Path("output_files/comparison.csv").exists()


def test_other_test_data_matter_only_where_they_are_shown(capsys):
    save("a", 0.1)
    own_test = pd.concat([make_report(0.2).query("set == 'val'"), make_report(0.2, seed=1).query("set == 'test'")])
    save("b", 0, report=own_test, lr=1)
    assert compare("a", "b")["name"].iloc[0] == "a"
    (line,) = faults_of(capsys, "a", "b", "--test", "all")
    assert "different test data" in line


def test_what_is_missing_is_reported_together(capsys):
    save("good", 0.1)
    save("cut_off", 0.1, finished=False)
    save("no_report", 0.1)
    Path("output_files/no_report/error_report.csv").unlink()
    save("no_validation", 0.1, report=make_report(0.1, sets=("train", "test")))
    save("damaged", 0.1, report=pd.DataFrame({"x": [1]}))
    save("no_settings", 0.1)
    Path("saved_models/no_settings/settings.json").write_text("[]")
    lines = faults_of(capsys, "good", "nothing", "cut_off", "no_report", "no_validation", "damaged", "no_settings")
    expected = ["no saved network", "resume = True", "file is missing", "has no validation set", "not an error report"]
    expected.append("settings.json: missing or damaged")
    assert len(lines) == len(expected) and all(part in line for part, line in zip(expected, lines, strict=True))
    assert len(faults_of(capsys, "good", "--output", "table.pdf")) == 1


def test_diverged_networks_come_last_and_a_network_alone_is_compared_with_simplecode():
    report = make_report(0.1)
    report[["nrmse", "mse", "rmse"]] = report[["nrmse", "mse", "rmse"]].where(report["source"] == "SimpleCode")
    save("lost", 0, report=report, lr=1)
    save("worse_than_simplecode", 0.9)
    names = compare("lost", "worse_than_simplecode")["name"].unique().tolist()
    assert names[:2] == ["worse_than_simplecode", "lost"]
    assert compare("worse_than_simplecode")["name"].unique().tolist() == ["worse_than_simplecode", "SimpleCode"]


def test_the_figure_shows_the_table():
    results = []
    for name, error, seed in (("net_1", 0.1, 1), ("net_2", 0.2, 2), ("other", 0.3, 1)):
        save(name, error, seed=seed, hidden_size=20 if name == "other" else 30)
        results.append(comparison.read_result(name, Path("output_files") / name))
    table = comparison.comparison_table(comparison.rank(results))
    figure = rendered(comparison_figure(table))
    assert [ax.get_title() for ax in figure.axes] == ["Mean", "Heave Zcg", "Roll", "Pitch"]
    roll = figure.axes[2]
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == ["net_1 (2 seeds)", "other", "SimpleCode"]
    points = [(line.get_xdata()[0], line.get_ydata()[0]) for line in roll.lines if len(line.get_xdata()) == 1]
    for point in ((15.0, 0), (30.0, 1), (50.0, 2)):
        assert any(np.allclose(point, other) for other in points)
    assert any(np.allclose(line.get_xdata(), [10.0, 20.0]) for line in roll.lines if len(line.get_xdata()) == 2)


def test_another_comparison_keeps_the_earlier_one_and_the_same_replaces_it(capsys):
    for name, error in (("a", 0.1), ("b", 0.2), ("c", 0.3)):
        save(name, error, hidden_size=int(100 * error))
    folder = Path("output_files")

    def names(file: str) -> list[str]:
        return pd.read_csv(folder / file).query("set == 'val'")["name"].unique().tolist()

    compare("a", "b")
    compare("b", "a")  # the same
    assert not (folder / "comparison_1.csv").exists()
    compare("a", "b", "--test", "all")
    assert "kept in" in capsys.readouterr().out
    compare("c", "b")
    compare("a", "c")
    assert names("comparison.csv") == ["a", "c", "SimpleCode"] and names("comparison_3.csv") == ["b", "c", "SimpleCode"]
    assert pd.read_csv(folder / "comparison_1.csv").query("set == 'test'")["name"].nunique() == 2
    assert pd.read_csv(folder / "comparison_2.csv").query("set == 'test'")["name"].nunique() == 3
    assert all((folder / f"comparison_{n}.png").is_file() for n in (1, 2, 3))
    (folder / "comparison.csv").write_text("notes of mine\n")
    compare("a", "b")
    assert (folder / "comparison_4.csv").read_text() == "notes of mine\n"


def test_a_motion_that_is_hardly_there_does_not_decide_the_ranking(capsys):
    """Pitch in beam seas, of 0.08 deg beside a roll of 5 deg."""
    lamp = np.random.default_rng(3).normal(size=(300, 3)) * [1.0, 5.0, 0.08]
    noise = np.random.default_rng(4).choice([-1.0, 1.0], lamp.shape) * lamp.std(axis=0)
    for name, shares in (("good", (0.1, 0.1, 0.9)), ("poor", (0.2, 0.2, 0.1))):
        sums = {"val": [metrics.model_sums((lamp, lamp + 0.5 * noise, lamp + noise * shares))]}
        save(name, 0, report=metrics.error_report(sums, CHANNELS), hidden_size=20 if name == "good" else 30)
    table = compare("poor", "good")
    assert table["name"].unique().tolist() == ["good", "poor", "SimpleCode"] and (table["left_out"] == "Pitch").all()
    assert cell(table, "val", "good", "All")["nrmse"] == pytest.approx(0.1)
    assert cell(table, "val", "good", "Pitch")["nrmse"] == pytest.approx(0.9)
    assert "Without Pitch in All" in capsys.readouterr().out
    titles = [ax.get_title() for ax in rendered(comparison_figure(table.fillna({"left_out": ""}))).axes]
    assert titles == ["Mean", "Heave Zcg", "Roll", "Pitch\n(negligible, not in the mean)"]


def test_each_network_has_its_epochs_in_the_table(capsys):
    for name, epochs, seed in (("short", 11, 1), ("long", 36, 2), ("older", None, 3)):
        save(name, 0.1, seed=seed, hidden_size=10 if name == "older" else 20)
        path = Path("saved_models") / name / "settings.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | ({"epochs_trained": epochs} if epochs else {})))
    table = compare("short", "long", "older").query("set == 'val' and channel == 'All'").set_index("name")
    assert table["epochs"].fillna("").tolist() == ["11, 36", "", ""]
    assert "epochs" in capsys.readouterr().out


MOORING = Description("MoorPy", "MoorDyn", "{}.csv", "{}.out", (Output("T1", "kN", high="FairTen1", low="T1"),))


@pytest.fixture
def of_mooring():
    description.use(MOORING)
    yield
    description.use(description.SHIP)


def test_networks_of_any_sources_are_compared_in_their_words_and_only_among_themselves(capsys, of_mooring):
    save("a", 0.1, description=MOORING)
    wider = dataclasses.replace(MOORING, channels=(*MOORING.channels, Input("Surge", "m")))
    save("b", 0.2, description=wider)
    description.use(description.SHIP)
    table = compare("a", "b")
    assert set(table["name"]) == {"a", "b", "MoorPy"} and table["settings"].str.contains("channel Surge").any()
    shown = capsys.readouterr().out
    assert "in percent of MoorDyn's signal" in shown and "LAMP" not in shown and "motion" not in shown
    save("ship", 0.1)
    (line,) = faults_of(capsys, "a", "ship")
    assert "a (MoorPy and MoorDyn), ship (SimpleCode and LAMP)" in line
