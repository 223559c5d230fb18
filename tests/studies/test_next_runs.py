"""Proposed LAMP runs: which records are chosen, what the command writes, and how it tells what is missing."""

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import input_text, write_realization
from test_network import with_random_weights

import data_io
import network
from checks import flagging
from network import Architecture
from networks.network_folder import NetworkFolder
from networks.standardization import Standardization
from prediction import Prediction
from settings import Config, DataInfo, UserInput
from studies import next_runs
from studies.next_runs import Candidate
from system.run_folder import RunFolder

NAME = "mine"
HANDLE = "_h2_p9_a90_hh0_pp0_aa0_s5-0000001"
USER = UserInput(time_res=5, hidden_size=3, num_layers=1, num_networks=2, model_save_filename=NAME)


def realizations(folder: Path, count: int, first: int, states: int) -> list[tuple[str, str]]:
    handles = [f"_h{2 + i % states}_p9_a90_hh0_pp0_aa0_s5-{first + i:07d}" for i in range(count)]
    return [write_realization(folder, handle, 400, seed=first + i, step=0.5) for i, handle in enumerate(handles)]


def save(folder: Path, user: UserInput = USER, states: int = 3) -> Config:
    """A network with random weights, and what a training leaves beside it."""
    with_lamp, new = realizations(folder, 3, 1, states), realizations(folder, 6, 11, states)
    data = DataInfo(
        train_sc=tuple(sc for sc, _ in with_lamp),
        train_lamp=tuple(lamp for _, lamp in with_lamp),
        predict_sc=tuple(sc for sc, _ in [*new, with_lamp[0]]),  # the last one has been run in LAMP
        predict_waves=tuple(lamp for _, lamp in [*new, with_lamp[0]]),
    )
    config = Config(user=user, data=data)
    records = [data_io.read_record(sc, lamp, user)[0] for sc, lamp in with_lamp]
    architecture = Architecture.of(user, Standardization.of(records), records)
    model = with_random_weights(network.build_model(architecture))
    network_folder = NetworkFolder(config.network_folder)
    network.save_model(model, network_folder.model)
    network_folder.write_metadata(network.new_metadata(config.as_dict(), architecture))
    flagging.save_windows(config.user, network_folder, data_io.Records(tuple(records)))
    return config


def run(*arguments: str) -> pd.DataFrame:
    assert next_runs.main(["--network", NAME, *arguments]) == 0
    return pd.read_csv(Path("output_files") / NAME / RunFolder.NEXT_RUNS)


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_is_proposed_is_written_and_ready_to_be_run(folder, capsys):
    save(folder)
    table = run("--number", "4")
    output = folder / "output_files" / NAME
    columns = ["rank", "record", "handle", "reason", "window", "expected_gain"]
    assert table.columns.tolist()[:6] == columns and table["rank"].tolist() == [1, 2, 3, 4]
    assert table["record"].is_unique and "0000001" not in "".join(table["record"])
    drawn = table[table["reason"] == next_runs.RANDOM]
    assert drawn["probability"].tolist() == [pytest.approx(1 / 6)]
    assert table["window"].str.fullmatch(r"\d+ to \d+ s").all()
    by_gain = table.loc[table["reason"] != next_runs.RANDOM, "digest"]
    assert next_runs.chosen_by_gain(output / RunFolder.NEXT_CASES) == set(by_gain) and len(by_gain) == 3
    cases = data_io.read_cases(output / RunFolder.NEXT_CASES, folder)
    assert [Path(path).name for path in cases.sc] == table["record"].tolist()
    assert all(Path(f"{path}.mot").is_file() for path in (*cases.sc, *cases.lamp))
    assert (output / RunFolder.FIGURES / "next_lamp_runs.png").read_bytes().startswith(b"\x89PNG")
    assert "4 records proposed, 1 of them drawn at random: only these may enter" in (output / "report.html").read_text()
    assert "4 of 6 records proposed for LAMP" in capsys.readouterr().out


@pytest.mark.parametrize("is_kept", [True, False])
def test_what_lamp_has_run_is_known_by_its_content_not_by_its_name(folder, is_kept):
    config = save(folder)
    trained = config.data.train_sc
    if is_kept:
        network_folder = NetworkFolder(config.network_folder)
        digests = [data_io.motions_digest(sc) for sc in trained]
        network_folder.write_metadata(network_folder.read_metadata() | {"simplecode_digests": digests})
    elsewhere = realizations(folder / "elsewhere", 3, 1, 2)  # the names of the training records
    for n, (sc, _) in enumerate(elsewhere):
        write_realization(folder / "elsewhere", sc.rpartition("/SC")[2], 400, seed=50 + n, step=0.5)
    shutil.copy(f"{trained[0]}.mot", "moved.mot")
    shutil.copy(f"{elsewhere[0][0]}.mot", "twin.mot")
    if is_kept:
        Path(f"{trained[0]}.mot").unlink()
    sc, lamp = (list(paths) for paths in zip(*elsewhere, strict=True))
    listed = {"predict_sc": [*sc, "moved", "twin"], "predict_waves": [*lamp, lamp[0], lamp[0]]}
    Path("more.py").write_text(input_text({"training_mode": False}, data=listed))
    table = run("--inputs", "more", "--number", "9", "--random")
    assert sorted(table["record"]) == sorted(Path(path).name for path in sc)
    assert set(table["digest"]) == {data_io.motions_digest(path) for path in sc}


def test_in_one_sea_state_all_are_drawn_at_random(folder, capsys):
    save(folder, states=1)
    table = run("--number", "3")
    assert set(table["reason"]) == {next_runs.RANDOM} and table["probability"].tolist() == [0.5] * 3
    assert "choosing gains a few per cent at best" in capsys.readouterr().out


def test_a_single_network_has_no_spread(folder, capsys):
    save(folder, dataclasses.replace(USER, num_networks=1))
    assert next_runs.main(["--network", NAME]) == 1
    assert "single network, which has no spread" in capsys.readouterr().err
    assert not (folder / "output_files").exists()
    assert len(run("--number", "2", "--distance")) == 2
    assert run("--number", "2", "--random")["window"].isna().all()


def test_problems_are_reported_in_a_line(folder, capsys):
    config = save(folder)
    with_lamp = {"predict_sc": [config.data.train_sc[0]]}
    Path("nothing.py").write_text(input_text({"training_mode": False}, data=with_lamp))

    def errors(*arguments: str) -> str:
        assert next_runs.main(["--network", NAME, *arguments]) == 1
        return capsys.readouterr().err

    assert "no records without LAMP; name them in DataInfoArgs.predict_sc" in errors("--inputs", "nothing")
    assert "expected at least 1" in errors("--number", "0")
    for path in config.data.predict_sc[:2]:
        Path(f"{path}.mot").write_text("nothing")
    assert len(run("--number", "9", "--random")) == 4
    assert "Warning: " in capsys.readouterr().err
    (config.network_folder / "training_windows.npz").unlink()
    assert "training_windows.npz: is missing" in errors()


@pytest.mark.parametrize(
    "parts",
    [("SC", HANDLE), ("my_ship", HANDLE), ("SC", "_h2.0_p9_a90_hh0_pp0_aa0_s5-1_v2"), ("SC", "_12"), ("", "12")],
)
def test_names_are_split_as_in_cases_files(parts):
    assert next_runs.split_name("a/" + "".join(parts)) == parts


def test_names_that_a_cases_file_cannot_list_are_reported(folder):
    table = pd.DataFrame({"record": ["a_1", "b_1"], "reason": ["", ""]})
    remarks = next_runs.write_cases(folder / "cases.txt", table, ["x/y/a_1", "x/y/b_1"], ())
    assert "do not share a prefix" in remarks[0] and not (folder / "cases.txt").exists()


def test_sea_states_are_compared_as_numbers():
    same = ("_h5_p9_a90_hh0_pp0_aa0_s5-1", "_h5.0_p9,0_a450_hh0_pp3_aa9_s5-0000002", "_H5_P9_A-270_HH0_PP0_AA0_S5-3_v2")
    assert next_runs.of_one_sea_state([f"a/SC{handle}" for handle in same])
    assert not next_runs.of_one_sea_state([f"SC{same[0]}", "SC_h5_p9_a91_hh0_pp0_aa0_s5-1"])
    assert not next_runs.of_one_sea_state([f"SC{same[0]}", "run001"]) and not next_runs.of_one_sea_state(["SC_1"])


def test_judged_records_are_in_units_of_the_training(folder):
    config = save(folder)
    watch = flagging.load(config.user, NetworkFolder(config.network_folder))
    record = data_io.read_record(config.data.predict_sc[0], config.data.predict_waves[0], config.user)[0]
    predicted = Prediction(record.simple, np.full_like(record.simple, 0.5))
    deviation = np.array([1.0, 2.0, 5.0])
    judged = next_runs.judge(record, record.inputs, predicted, watch.windows, deviation)
    np.testing.assert_allclose(judged.spread, np.tile(0.5 / deviation, (len(judged.begins), 1)))
    largest = np.abs(record.simple - record.simple.mean(axis=0)).max(axis=0)
    np.testing.assert_allclose(judged.peaks, largest / deviation)


# ---- the choice ---------------------------------------------------------------------------------------------------

BEGINS = np.array([0.0, 30.0, 60.0])


TRAINING = np.zeros((4, 2))


def candidate(place: float, spread: float = 0.1, peak: float = 3.0) -> Candidate:
    """All windows at one place, (place, 0), with the same spread in both channels."""
    features = np.tile([place, 0.0], (3, 1))
    return Candidate("a", BEGINS, features, np.full((3, 2), spread), np.array([peak, peak]))


def choose(candidates, number: int, by: str = "spread", seed: int = 0) -> pd.DataFrame:
    factors = next_runs.factors(candidates, TRAINING)
    return next_runs.choose(candidates, factors, number, np.random.default_rng(seed), by)


@pytest.fixture
def without_random(monkeypatch):
    monkeypatch.setattr(next_runs, "RANDOM_SHARE", 0.0)


def test_the_spread_of_a_window_is_that_of_its_rows():
    time = np.arange(0, 120, 0.5)
    spread = np.stack([np.where(time < 60, 1.0, 3.0), np.zeros(240)], axis=1)
    of_windows = next_runs.window_spread(time, np.array([0.0, 30.0, 60.0]), spread)
    np.testing.assert_allclose(of_windows, [[1, 0], [np.sqrt(5), 0], [3, 0]])


def test_only_the_worst_windows_count():
    wide = Candidate("a", BEGINS, np.zeros((6, 2)), np.array([[0.0], [0.0], [0.0], [1.0], [2.0], [2.0]]), np.ones(1))
    assert next_runs.factors([wide], TRAINING)["spread"].tolist() == [pytest.approx(np.sqrt(3.0))]
    assert wide.worst == (4, 0)


def test_rarity_is_one_on_average_and_largest_for_the_largest_peak():
    def rarities(peaks: np.ndarray) -> np.ndarray:
        candidates = [Candidate("a", BEGINS, np.zeros((1, 2)), np.zeros((1, 2)), each) for each in peaks]
        return next_runs.factors(candidates, TRAINING)["rarity"].to_numpy()

    assert rarities(np.random.default_rng(0).normal(size=(1000, 2))).mean() == pytest.approx(1.0, abs=0.01)
    np.testing.assert_allclose(rarities(np.array([[1.0], [3.0], [2.0]])), -np.log([1.0, 1 / 3, 2 / 3]))


def test_each_factor_decides_where_the_others_are_equal_and_a_batch_does_not_take_the_same_twice(without_random):
    assert choose([candidate(1), candidate(-2)], 1).index == [1]
    assert choose([candidate(1, 0.2), candidate(-1)], 1).index == [0]
    unlike = [candidate(1, 0.1, 3.0), candidate(-1, 0.1, 5.0), candidate(-1, 0.1, 2.0)]
    first = choose(unlike, 1)
    assert first.index == [1] and first["gain"].item() > 1
    table = next_runs.choice_table(first, unlike, next_runs.factors(unlike, TRAINING), ("Roll", "Pitch"))
    assert table["reason"].tolist() == ["rare peaks"]
    alike = [candidate(3.0), candidate(3.01), candidate(-1.5), candidate(0.1)]
    assert choose(alike, 3, by="distance").index[1] == 2
    without_spread = [candidate(place, np.nan) for place in (1, 2, -5)]
    assert choose(without_spread, 9, "distance").index.tolist() == [2, 1, 0]
    assert len(choose(without_spread, 9, "random")) == 3


def test_random_records_are_drawn_whatever_is_predicted_of_them():
    candidates = [candidate(n / 10, spread=n) for n in range(40)]
    first, second = choose(candidates, 10), choose([candidate(-n / 5, spread=40.0 - n) for n in range(40)], 10)
    drawn = [choice.index[choice["drawn"]].tolist() for choice in (first, second)]
    assert drawn[0] == drawn[1] and len(drawn[0]) == 3
    assert first.index.is_unique and len(first) == 10
    assert first["drawn"].tolist() == next_runs.randomly_ranked(10).tolist()
    draws = [choose(candidates, 1, "random", seed).index.item() for seed in range(400)]
    often = np.bincount(draws, minlength=40)
    assert often.min() > 0 and often.max() < 30


def test_about_a_third_is_drawn_at_random_at_any_length():
    drawn = {number: int(next_runs.randomly_ranked(number).sum()) for number in (1, 3, 8, 10, 40)}
    assert drawn == {1: 0, 3: 1, 8: 2, 10: 3, 40: 12}


def test_warnings_of_readers_and_records_of_another_step_are_printed(folder, capsys):
    config = save(folder)
    sc, other = (folder / path for path in config.data.predict_sc[:2])
    text = Path(f"{sc}.mot").read_text().replace("sec m m m", "sec ft ft ft")
    Path(f"{sc}.mot").write_text(text)
    write_realization(folder, other.name.removeprefix("SC"), 900, seed=9, step=0.25)
    capsys.readouterr()
    run("--number", "2")
    errors = capsys.readouterr().err
    assert f"{sc.name}.mot: converted" in errors and "ft" in errors
    assert f"{other.name}.mot: its time step is 0.25 s, that of the network 0.5 s" in errors
