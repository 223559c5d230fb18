"""The table of predicted records, from what is saved with a network."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from conftest import make_motions

from checks import flagging
from data_io import Record, Records
from networks.network_folder import NetworkFolder
from readers.sea_state_handles import find_handle
from settings import Config, UserInput
from system.run_folder import RunFolder

STATE = "SC_h7_p12_a135_hh0_pp0_aa0_s10"


def record(number: int, factor: float = 1.0, name: str = STATE) -> Record:
    motions = factor * make_motions(3000, seed=number)
    inputs = np.column_stack([motions, motions[:, 0]])
    return Record(f"{name}-{number:07d}", 0.1 * np.arange(3000), inputs, None, motions)


@pytest.fixture
def config() -> Config:
    config = Config()
    config.network_folder.mkdir(parents=True)
    flagging.save_windows(config.user, NetworkFolder(config.network_folder), Records(tuple(map(record, range(5)))))
    return config


def save(config: Config, rows: list[dict]) -> None:
    flagging.save(config.output_folder, rows, keeps_earlier=True, has_test=bool(config.data.test_sc))


def test_a_record_unlike_the_training_is_flagged_in_the_table_and_on_the_terminal(config, capsys):
    watch = flagging.load(config.user, NetworkFolder(config.network_folder))
    rows = [watch.flag("test", each) for each in (record(0), record(7, 3.0))]
    save(config, rows)
    table = pd.read_csv(config.output_folder / RunFolder.PREDICTED)
    assert table["flagged"].tolist() == [False, True]
    assert table["p"].isna().all() and table["more_unlike_than"][1] == "5 of 5"
    assert table["handle"][0] == "_h7_p12_a135_hh0_pp0_aa0_s10-0000000"
    assert table["value"][1] > table["training_high"][1] and "LAMP" in table["remedy"][1]
    told = capsys.readouterr().out
    assert "1 of 2 predicted records is unlike" in told and f"{STATE}-0000007" in told


def test_two_parts_outside_in_one_record_and_none_in_another(config, capsys):
    watch = flagging.load(config.user, NetworkFolder(config.network_folder))
    odd = record(0, name="SC_h9_p20_a135_hh0_pp0_aa0_s10")
    save(config, [watch.flag("test", each) for each in (record(7, 3.0), odd)])
    told = capsys.readouterr().out
    assert "Outside the training: height 9 m" in told and "Outside the training: period 20 s" in told


def test_a_handle_outside_of_the_training_is_named(config):
    watch = flagging.load(config.user, NetworkFolder(config.network_folder))
    assert flagging.outside_handles(record(9).name, watch.handles) == []
    found = flagging.outside_handles("SC_h9_p12_a90_hh2_pp7_aa10_s10-0000001", watch.handles)
    assert [text.split(" ")[0] for text in found] == ["height", "second", "second", "heading"]
    assert "90 deg (nearest in training 135 deg)" in found[-1]
    flagged = watch.flag("predict", record(0, name="SC_h7_p12_a135_hh0_pp0_aa0_s25"))
    assert flagged["flagged"] and flagged["outside_training"].startswith("speed 25 kn")
    assert flagging.outside_handles("a record of any name", watch.handles) == []


def test_handles_are_compared_with_the_training_as_numbers():
    def outside(name: str, *training: str) -> list[str]:
        return flagging.outside_handles(f"SC_{name}-1", [find_handle(f"_{each}-1") for each in training])

    training = ("h5_p12_a10_hh0_pp0_aa0_s10", "h7_p14_a-10_hh2_pp8_aa90_s10")
    for inside in ("H5.0_p12,0_a370_hh0_pp99_aa180_s10", "h4.99999999_p14_a345_hh2_pp8_aa450_s1e1"):
        assert outside(inside, *training) == []
    assert outside("h6_p13_a0_hh1_pp4_aa90_s10", *training) == ["second period 4 s (training 8 s)"]
    assert outside("h6_p13_a0_hh1_pp4_aa90_s10", training[0]) == [
        *("height 6 m (training 5 m)", "period 13 s (training 12 s)"),
        *("second height 1 m (training 0 m)", "second period 4 s (none in training)"),
    ]


def test_the_middle_of_a_wave_grid_stands_for_the_waves(tmp_path):
    user = UserInput(wave_grid_x_size=3, wave_grid_y_size=1, ship_length=100.0)
    wide = dataclasses.replace(record(1), inputs=np.tile([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], (3000, 1)))
    watch = flagging.save_windows(user, NetworkFolder(tmp_path), Records((wide, wide)))
    assert watch.inputs(wide)[0].tolist() == [1, 2, 3, 5]


def test_without_a_file_or_with_a_damaged_one_nothing_is_flagged(config, capsys):
    NetworkFolder(config.network_folder).training_windows.write_bytes(b"PK\x03\x04 no more")
    assert flagging.load(config.user, NetworkFolder(config.network_folder)) is None
    assert "cannot be read" in capsys.readouterr().err
    NetworkFolder(config.network_folder).training_windows.unlink()
    assert flagging.load(config.user, NetworkFolder(config.network_folder)) is None
    save(config, [])
    assert not (config.output_folder / RunFolder.PREDICTED).exists()


def test_the_remedy_fits_the_record_and_the_network(config):
    watch = flagging.load(config.user, NetworkFolder(config.network_folder))
    of_test, of_fleet, with_bands = (
        watch.flag(name, record(7, 3.0), has_bands)["remedy"]
        for name, has_bands in (("test", False), ("predict", False), ("predict", True))
    )
    assert of_test.startswith("add this record, which has been run in LAMP, to the training set")
    assert of_fleet.startswith("run this record in LAMP") and "bands" not in of_test + of_fleet
    assert "bands are not guaranteed" in with_bands
    assert watch.flag("predict", record(0), True)["remedy"] == ""


def test_what_is_flagged_by_its_handle_alone_has_no_value_within_the_range(config, capsys):
    row = flagging.load(config.user, NetworkFolder(config.network_folder)).flag(
        "predict", record(0, name="SC_h9_p12_a135_hh0_pp0_aa0_s10")
    )
    assert row["flagged"] and row["furthest_out"] == "" and np.isnan(row["value"])
    save(config, [row])
    told = capsys.readouterr().out
    assert "Outside the training: height 9 m" in told and "nan" not in told
    assert "The most unusual is SC_h9_p12_a135_hh0_pp0_aa0_s10-0000000; run this record in LAMP" in told


def rows_of(config, set_name, *records) -> list[dict]:
    watch = flagging.load(config.user, NetworkFolder(config.network_folder))
    return [watch.flag(set_name, each) for each in records]


def kept_rows(config) -> list[tuple[str, str]]:
    table = pd.read_csv(config.output_folder / RunFolder.PREDICTED, dtype=str, keep_default_na=False)
    return list(zip(table["set"], table["record"], strict=True))


def test_a_later_prediction_run_keeps_the_rows_of_earlier_ones(config):
    later = config.with_user(training_mode=False)
    save(config, rows_of(config, "test", record(7, 3.0), dataclasses.replace(record(8), name="001")))
    first, second = (dataclasses.replace(record(number), name="NA") for number in (20, 21))
    save(later, rows_of(config, "predict", first))
    save(later, rows_of(config, "predict", second, dataclasses.replace(first, name="renamed")))
    kept = kept_rows(config)
    assert kept == [("test", f"{STATE}-0000007"), ("test", "001"), ("predict", "NA"), ("predict", "renamed")]
    table = pd.read_csv(config.output_folder / RunFolder.PREDICTED)
    assert table["flagged"].tolist() == [True, False, False, False] and table["score"].dtype == float


def test_rows_of_another_network_or_another_test_set_do_not_stay(config):
    save(config, rows_of(config, "test", record(7)))
    data = dataclasses.replace(config.data, test_sc=("a",), test_lamp=("b",))
    evaluation = dataclasses.replace(config.with_user(training_mode=False), data=data)
    save(evaluation, rows_of(config, "test", record(8)))
    assert kept_rows(config) == [("test", f"{STATE}-0000008")]
    flagging.save_windows(config.user, NetworkFolder(config.network_folder), Records(tuple(map(record, range(30, 34)))))
    save(config.with_user(training_mode=False), rows_of(config, "predict", record(9)))
    assert kept_rows(config) == [("predict", f"{STATE}-0000009")]


@pytest.mark.parametrize("text", [b"", b"\x00\xff", b"set,record\n", b'a,"b\n'])
def test_a_damaged_table_of_earlier_runs_costs_nothing(config, text):
    config.output_folder.mkdir(parents=True)
    (config.output_folder / RunFolder.PREDICTED).write_bytes(text)
    save(config, rows_of(config, "predict", record(9)))
    assert kept_rows(config) == [("predict", f"{STATE}-0000009")]


@pytest.mark.parametrize("rows", [1, 2, 3, 200])
def test_records_of_constant_or_few_values_are_judged(config, rows):
    watch = flagging.load(config.user, NetworkFolder(config.network_folder))
    arrays = {name: value for name, value in vars(record(3)).items() if isinstance(value, np.ndarray)}
    short = {name: value[:rows] * (rows > 2) for name, value in arrays.items()}
    found = watch.flag("predict", Record("short", targets=None, **short | {"time": 0.1 * np.arange(rows)}))
    assert np.isfinite(found["score"])
    save(config, [found])
    flagging.save_windows(
        config.user, NetworkFolder(config.network_folder), Records((dataclasses.replace(record(3), **short),))
    )
    assert "flagged" in rows_of(config, "predict", record(4))[0]


def test_the_window_of_a_short_record_ends_with_it(config):
    watch = flagging.load(config.user, NetworkFolder(config.network_folder))
    whole = record(7, 3.0)
    short = dataclasses.replace(whole, **{name: getattr(whole, name)[:300] for name in ("time", "inputs", "simple")})
    assert watch.flag("test", short)["worst_to_s"] == short.time[-1]
