"""Realizations from their files, and predictions to files."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import SC_HEADER, faults_of, make_motions, write_realization, write_rows

import data_io
from data_io import input_channels, output_channels, read_record, read_sets, write_prediction
from prediction import Prediction
from readers import text_tables
from readers.record_cache import CachedRecord
from readers.records import Record, Records
from readers.text_tables import LAMP_MOT, read_columns
from results.prediction_texts import TextLayout
from settings import Config, DataInfo, UserInput
from settings.channels import CHANNELS
from system.errors import OptionalSteps

USER = UserInput(time_res=2)


# ---- reading ------------------------------------------------------------------------------------------------------


def test_channels_come_in_the_documented_order(tmp_path):
    sc, lamp = write_realization(tmp_path, rows=60, zero_rows=0)
    user = UserInput(time_res=1, input_vbm=True, output_vbm=True)
    record, _ = read_record(sc, lamp, user)
    assert input_channels(user) == ("VBM", "Zcg", "Roll", "Pitch", "Wave")
    assert output_channels(user) == ("VBM", "Zcg", "Roll", "Pitch")
    motions = make_motions(60).round(4)
    assert np.allclose(record.inputs, np.column_stack([1000 * motions[:, 2], motions, 1.5 * motions[:, 0]]))
    assert np.allclose(record.targets[:, 0], 1300 * motions[:, 2])
    assert np.allclose(record.simple, record.inputs[:, :4])


def test_simplecode_without_a_moment_is_not_a_number(tmp_path):
    sc, lamp = write_realization(tmp_path, rows=60, zero_rows=0)
    Path(f"{sc}.vbm").unlink()
    record, _ = read_record(sc, lamp, UserInput(time_res=1, output_vbm=True))
    assert np.isnan(record.simple[:, 0]).all() and np.isfinite(record.simple[:, 1:]).all()
    assert np.isfinite(record.targets).all() and np.isfinite(record.inputs).all()


def test_a_record_without_lamp(tmp_path):
    sc, lamp = write_realization(tmp_path, rows=60, zero_rows=5)
    record, _ = read_record(sc, None, USER, waves=lamp, name="mine")
    assert record.targets is None and record.name == "mine"
    assert record.inputs.shape == (55, 4)


def test_all_faults_of_all_files_come_at_once(tmp_path):
    pairs = [write_realization(tmp_path, f"_{i}", rows=60) for i in range(3)]
    Path(f"{pairs[0][0]}.mot").write_text("")
    Path(f"{pairs[1][1]}.wav").unlink()
    text = Path(f"{pairs[2][1]}.mot").read_text().splitlines()
    Path(f"{pairs[2][1]}.mot").write_text("\n".join([*text[:-1], text[-1][:10], ""]))
    Path(f"{pairs[2][0]}.mot").write_bytes(b"\0")
    sc, lamp = zip(*pairs, strict=True)
    data = DataInfo(train_sc=sc[:1], train_lamp=lamp[:1], val_sc=sc[1:], val_lamp=lamp[1:])
    lines = faults_of(read_sets, Config(user=USER, data=data))
    places = f"{sc[0]}.mot", f"{lamp[1]}.wav", f"{sc[2]}.mot", f"{lamp[2]}.mot, line 63"
    assert all(str(Path(place)) in line for place, line in zip(places, lines, strict=True))


def test_sets_hold_their_records_whatever_their_lengths(tmp_path):
    pairs = [write_realization(tmp_path, f"_{i}", rows=60 + 7 * i, zero_rows=0) for i in range(3)]
    sc, lamp = zip(*pairs, strict=True)
    sets, warnings = read_sets(Config(user=USER, data=DataInfo(train_sc=sc, train_lamp=lamp)))
    assert warnings == []
    assert [len(record.time) for record in sets["train"]] == [60, 67, 74]
    assert len(sets["val"]) == len(sets["test"]) == 0


def test_missing_files_are_all_named_before_anything_is_read(tmp_path):
    sc, lamp = write_realization(tmp_path, rows=60)
    data = DataInfo(train_sc=(sc, "no/SC"), train_lamp=(lamp, "no/LAMP"), test_sc=(sc,), test_lamp=(f"{lamp}x",))
    lines = data_io.faulty_files(USER, data)
    assert [line.split(":")[0] for line in lines] == [
        str(Path(path)) for path in ("no/SC.mot", "no/LAMP.mot", "no/LAMP.wav", f"{lamp}x.mot", f"{lamp}x.wav")
    ]
    assert "train" in lines[0] and "no folder" in lines[0] and "test" in lines[3]
    grid = UserInput(wave_grid_x_size=3, ship_length=100, input_vbm=True, output_vbm=True)
    lines = data_io.faulty_files(grid, DataInfo(train_sc=(sc,), train_lamp=(lamp,)))
    assert [line.split(":")[0] for line in lines] == [str(Path(f"{lamp}.sea"))]


@pytest.mark.parametrize("waves", [False, True])
def test_swapped_lists_are_named_as_such(tmp_path, waves):
    pairs = [write_realization(tmp_path, f"_{i}", rows=60) for i in range(3)]
    sc, lamp = zip(*pairs, strict=True)
    saved_by_notepad = Path(f"{sc[0]}.mot")
    saved_by_notepad.write_text(saved_by_notepad.read_text(), encoding="utf-8-sig", newline="\r\n")
    data = DataInfo(train_sc=lamp, train_lamp=sc, val_sc=(sc[0], lamp[1]), val_lamp=(lamp[0], sc[1]))
    train, val = data_io.faulty_files(UserInput(input_waves=waves), data)
    assert train.startswith("DataInfoArgs.train_sc, train_lamp: swapped in 3 of 3 realizations") and "exchange" in train
    assert f"{lamp[0]}.mot is LAMP's, {sc[0]}.mot is SimpleCode's" in train and "val_lamp: swapped in 1 of 2" in val


def test_motions_of_the_other_simulator_are_a_warning(tmp_path):
    sc, lamp = write_realization(tmp_path, rows=60, zero_rows=0)
    _, warnings = read_record(lamp, lamp, USER)
    assert len(warnings) == 1 and "LAMP_1.mot: the header is that of LAMP, where motions of SimpleCode" in warnings[0]
    _, warnings = read_record(lamp, None, USER)
    assert len(warnings) == 1 and "header is that of LAMP" in warnings[0]
    _, warnings = read_record(sc, sc, USER, waves=lamp)
    assert len(warnings) == 1 and "header is that of SimpleCode, where motions of LAMP" in warnings[0]
    assert read_record(sc, lamp, USER)[1] == []


def test_names_of_records_are_unique():
    names = data_io.unique_names(["a/SC_1", "b/SC_1", "b/SC_2", "x/b/SC_1", "a/SC_1"])
    assert names["b/SC_2"] == "SC_2"
    assert len(set(names.values())) == len(names) == 4
    assert names == {"a/SC_1": "a_SC_1", "b/SC_1": "b_SC_1", "x/b/SC_1": "x_b_SC_1", "b/SC_2": "SC_2"}
    deep = [f"{sea}/SC/run" for sea in ("seaA", "data/seaB", "/data/seaC")]
    assert [*data_io.unique_names(deep).values()] == ["seaA_SC_run", "seaB_SC_run", "seaC_SC_run"]
    again = data_io.unique_names(["seaA/SC/run", "../seaA/SC/run"]).values()
    assert [*again] == ["SC_run", "seaA_SC_run"]
    hostile = ["a/run", "b/RUN", "c/a_run", "c/A_RUN_1", "A/Run", "run", "d/con"]
    names = data_io.unique_names(hostile)
    assert len({name.lower() for name in names.values()}) == len(hostile)  # file systems that ignore case


def test_two_lamp_runs_of_one_path_have_names_of_their_own(project):
    sc, lamp = (project.data[name][0] for name in ("train_sc", "train_lamp"))
    other = project.data["train_lamp"][1]
    data = DataInfo(train_sc=(sc, sc), train_lamp=(lamp, other), test_sc=(sc,), test_lamp=(lamp,))
    sets = data_io.read_sets(Config(data=data))[0]
    assert [record.name for records in sets.values() for record in records] == ["SC_0", "SC_0_2", "SC_0"]
    data = DataInfo(train_sc=("a/S", "a/S", "a/S_2"), train_lamp=("1", "2", "3"))
    assert [*data_io.names_of_pairs(data).values()] == ["S", "S_3", "S_2"]


def test_a_record_is_identified_by_the_content_of_its_files_wherever_they_lie(tmp_path):
    def read(folder: str, seed: int = 0, **user):
        sc, lamp = write_realization(tmp_path / folder, seed=seed)
        return read_record(sc, lamp, UserInput(**user))[0]

    record, moved, other = read("a"), read("b/c"), read("d", seed=1)
    assert record.name == moved.name == other.name
    assert record.digest == moved.digest != other.digest and record.contents["sc"] != other.contents["sc"]
    assert record.contents.keys() == {"sc", "lamp", "waves"}
    assert read("a", time_res=5).digest == record.digest  # settings are compared elsewhere
    sc, lamp = write_realization(tmp_path / "a")
    alone = read_record(sc, None, UserInput(), waves=lamp)[0]
    assert alone.input_digest == record.input_digest and alone.digest != record.digest
    assert data_io.motions_digest(sc) == record.contents["sc"]
    (path := Path(f"{lamp}.mot")).write_text(path.read_text().replace("0.2", "0.3", 1))
    assert read_record(sc, lamp, UserInput())[0].contents["sc"] == record.contents["sc"]
    assert read_record(sc, lamp, UserInput())[0].digest != record.digest


def test_the_same_motions_are_identified_alike_whatever_else_is_read_of_their_file(tmp_path, monkeypatch):
    sc, lamp = write_realization(tmp_path)
    usual = read_record(sc, lamp, USER)[0].contents
    assert usual["sc"] == data_io.motions_digest(sc) and usual.keys() == {"sc", "lamp", "waves"}
    monkeypatch.setitem(CHANNELS, "Xcg", replace(CHANNELS["Xcg"], input="input_3dof", output="output_3dof"))
    with_surge = read_record(sc, lamp, USER)[0].contents
    assert {source: with_surge[source] for source in usual} == usual
    assert with_surge.keys() - usual.keys() == {"sc_further", "lamp_further"}
    other_surge = np.loadtxt(f"{sc}.mot", skiprows=2) + [0, 1, 0, 0, 0, 0, 0]
    write_rows(Path(f"{sc}.mot"), SC_HEADER, other_surge[:-10])
    other = read_record(sc, lamp, USER)[0].contents
    assert other["sc"] == usual["sc"] and other["sc_further"] != with_surge["sc_further"]


def test_records_are_named_joined_and_chosen_without_being_read(tmp_path):
    def read(folder: str) -> Record:
        return read_record(*write_realization(tmp_path / folder, seed=len(folder)), USER, name=folder)[0]

    one, two = read("one"), read("three")
    lost = CachedRecord("lost", tmp_path / "lost.npy", two.contents, 0.1)
    records = Records.joined((one,), Records((lost,)), (two,))
    assert records.names == ["one", "lost", "three"] and records.digests == [one.digest, two.digest, two.digest]
    assert records.chosen([2, 0]).names == ["three", "one"] and [*records.chosen([2, 0])] == [two, one]
    (line,) = faults_of(lambda: records[1])
    assert "lost.npy: was deleted" in line and data_io.data_fingerprint(records).count(",") == 6


# ---- writing ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [("Zcg", "Roll", "Pitch"), ("VBM", "Zcg", "Roll", "Pitch"), ("VBM",)])
@pytest.mark.parametrize("rows", [1, 999, 1000, 1001])
def test_a_prediction_is_read_back(tmp_path, channels, rows):
    rng = np.random.default_rng(0)
    time = 0.1 * np.arange(rows)
    outputs = rng.normal(size=(rows, len(channels))) * ([1e6, 1, 10, 3] if len(channels) == 4 else 1.0)
    path = tmp_path / "new" / "lstm_output_for_SC.txt"
    write_prediction(path, time, outputs, channels)
    header, *lines = path.read_text().splitlines()
    assert header.split() == ["Time", *channels]
    assert all(len(word.split(".")[1]) == 5 for line in lines for word in line.split())
    table = np.loadtxt(path, skiprows=1, ndmin=2)
    assert table.shape == (rows, 1 + len(channels))
    assert np.abs(table - np.column_stack([time, outputs])).max() <= 0.5e-5 + 1e-9
    assert [path.name for path in path.parent.iterdir()] == ["lstm_output_for_SC.txt"]


def test_large_numbers_stay_apart(tmp_path):
    path = tmp_path / "x.txt"
    outputs = np.array([[-1.23456789e11, 9e15], [-1e300, 1.0]])
    write_prediction(path, np.array([0.0, 12345678.9]), outputs, ("VBM", "Zcg"))
    assert np.loadtxt(path, skiprows=1).shape == (2, 3)


def test_predicted_motions_are_read_back_as_lamps(tmp_path):
    rng = np.random.default_rng(0)
    time = 0.1 * np.arange(1001)
    track, motions = rng.normal(size=(1001, 3)) * 1000, rng.normal(size=(1001, 3)) * [1, 20, 5]
    path = tmp_path / "new" / "prediction.mot"
    data_io.write_lamp_motions(path, time, track, motions)
    table = read_columns(path, LAMP_MOT)
    assert np.abs(table - np.column_stack([time, motions])).max() <= 0.5e-5 + 1e-9
    places = read_columns(path, text_tables.LAMP_TRACK)
    assert np.abs(places - np.column_stack([time, track[:, :2]])).max() <= 0.5e-5 + 1e-9
    assert np.abs(np.loadtxt(path, skiprows=3)[:, 6] - track[:, 2]).max() <= 0.5e-5 + 1e-9
    assert [path.name for path in path.parent.iterdir()] == ["prediction.mot"]


@pytest.mark.parametrize("content", [None, "", "\0"])
def test_a_motion_file_that_cannot_be_read_is_not_also_a_missing_wave(tmp_path, content):
    sc, lamp = write_realization(tmp_path, rows=60)
    if content is None:
        Path(f"{sc}.mot").unlink()
    else:
        Path(f"{sc}.mot").write_text(content)
    (line,) = faults_of(read_record, sc, None, USER)
    assert "SC_1.mot" in line


def test_the_track_is_simplecodes_at_the_rows_asked_for(tmp_path):
    time = 0.1 * np.arange(50)
    motions = np.ones((50, 3))
    table = np.column_stack([time, 5 * time, -time, motions, 2 * time])
    write_rows(tmp_path / "SC.mot", SC_HEADER, table)
    track = data_io.read_track(f"{tmp_path}/SC", time[10:40] + 0.05)
    assert np.allclose(track, (time[10:40] + 0.05)[:, None] * [5, -1, 2])
    write_rows(tmp_path / "short.mot", ["Time Xcg Ycg Zcg Roll Pitch", "sec m m m deg deg"], table[:, :6])
    assert not data_io.read_track(f"{tmp_path}/short", time).any()  # without yaw there is no track


@pytest.mark.parametrize("with_wav", [False, True])
@pytest.mark.parametrize("with_lamp", [False, True])
def test_simplecodes_own_wave_is_used_without_lamp_and_wav_alone(tmp_path, with_wav, with_lamp):
    sc, lamp = write_realization(tmp_path, rows=60, zero_rows=0)
    table = np.loadtxt(f"{sc}.mot", skiprows=2)
    own = np.column_stack([table, np.arange(60.0), np.ones((60, 2))])
    header = ["Time Xcg Ycg Zcg Roll Pitch Yaw Wave Slope_x Slope_y", "sec m m m deg deg deg m rad rad"]
    write_rows(Path(f"{sc}.mot"), header, own)
    if with_wav:
        Path(f"{sc}.wav").write_bytes(Path(f"{lamp}.wav").read_bytes())
    user = UserInput(time_res=1)
    record, warnings = read_record(sc, lamp if with_lamp else None, user)
    expected = read_columns(f"{lamp}.wav", text_tables.WAV)[:, 1] if with_wav or with_lamp else own[:, 7]
    assert np.array_equal(record.inputs[:, 3], expected) and warnings == []
    assert np.array_equal(record.inputs[:, :3], table[:, 3:6])


def test_the_wave_at_the_centre_of_gravity_is_the_middle_of_a_grid():
    assert data_io.wave_at_centre(input_channels(UserInput())) == 3
    grid = input_channels(UserInput(wave_grid_x_size=3, wave_grid_y_size=3, ship_length=100.0, ship_beam=20.0))
    assert grid[data_io.wave_at_centre(grid)] == "Wave_x2_y2"
    assert data_io.wave_at_centre(("Zcg", "Roll")) is None


def test_lamps_mot_has_its_seven_columns_whatever_else_is_predicted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(CHANNELS, "Xcg", replace(CHANNELS["Xcg"], output="output_3dof"))
    time, track = np.arange(4.0), np.ones((4, 3))
    record = data_io.Record("SC_1", time, np.ones((4, 4)), None, np.ones((4, 4)))
    prediction = Prediction(np.array([[9.0, 1.5, 2.5, 3.5]] * 4))
    layout = TextLayout("p_", output_channels(UserInput()), None)
    layout.write(tmp_path, record, prediction, OptionalSteps(), track)
    *_, names, row = (tmp_path / "p_SC_1.mot").read_text().splitlines()[:4]
    assert names.split() == ["Time", "Xcg", "Ycg", "Zcg", "Rot_X", "Rot_Y", "Rot_Z"]
    assert [float(word) for word in row.split()] == [0.0, 1.0, 1.0, 1.5, 2.5, 3.5, 1.0]
    assert "Xcg" in (tmp_path / "p_SC_1.txt").read_text().splitlines()[0]
    with pytest.raises(ValueError):
        data_io.write_lamp_motions(tmp_path / "a.mot", time, track, np.ones((4, 4)))
