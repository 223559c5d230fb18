"""The table of channels: a further one is a row and a switch."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from conftest import LAMP_HEADER, write_rows

from readers.text_tables import layout_of, read_columns
from settings import UserInput
from settings.channels import CHANNELS, Channel, Column, channel_of, input_channels, mirrored_channels, output_channels
from training import cross_fitting, fit


def add_lateral_acceleration(path: Path) -> None:
    """A further column of a LAMP .mot file."""
    table, header = np.loadtxt(path, skiprows=3), [*LAMP_HEADER[:1], f"{LAMP_HEADER[1]} m/s2", f"{LAMP_HEADER[2]} Ay"]
    write_rows(path, header, np.column_stack([table, 0.1 * table[:, 4] + 0.02]))


def test_surge_as_an_input_and_a_lateral_acceleration_as_an_output(project, monkeypatch, eagerly, capsys):
    """Through training, report, page, fleet and figures: a row and a switch each."""
    acceleration = Channel("Ay", "lateral acceleration", "Lateral acceleration", "m/s2", "acceleration")
    row = replace(acceleration, high=Column(".mot", 7, "Ay"), output="output_acceleration", mirrored="-")
    monkeypatch.setitem(CHANNELS, "Ay", row)
    monkeypatch.setitem(CHANNELS, "Xcg", replace(CHANNELS["Xcg"], input="input_surge"))
    monkeypatch.setattr(UserInput, "input_surge", True, raising=False)
    monkeypatch.setattr(UserInput, "output_acceleration", True, raising=False)

    for lamp in Path("LAMP_files").glob("*.mot"):
        add_lateral_acceleration(lamp)
    # In this process, as the rows are not in others.
    train_fold = lambda fold, scale: fit.train(fold.config, fold.sets, standardization=scale)  # noqa: E731
    monkeypatch.setattr(cross_fitting, "train_folds", lambda folds, scale, *_: [train_fold(f, scale) for f in folds])
    project.user |= {"num_folds": 2, "mirror_symmetry": True}
    project.plotting = {"prediction_ID_list_train": [], "error_ID_list_train": []}
    project.data |= {"predict_sc": project.data["test_sc"], "predict_waves": project.data["test_lamp"]}
    assert project.run() == 0

    assert input_channels(UserInput()) == ("Xcg", "Zcg", "Roll", "Pitch", "Wave")
    assert output_channels(UserInput()) == ("Zcg", "Roll", "Pitch", "Ay")
    said, folder = capsys.readouterr(), Path("output_files/recently_trained_model")
    assert "Lateral acceleration [m/s2]" in said.out and "Ay is constant" not in said.err
    assert "val_rmse_Ay_m/s2" in pd.read_csv("saved_models/recently_trained_model/history.csv")
    for table in ("error_report", "band_report", "fleet_statistics"):
        assert "Ay" in set(pd.read_csv(folder / f"{table}.csv")["channel"]), table
    assert (folder / "lstm_output_for_SC_3.txt").read_text().split()[:5] == ["Time", "Zcg", "Roll", "Pitch", "Ay"]
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "surge, heave, roll, pitch and wave elevation" in page and "Lateral acceleration" in page
    assert {"maxima.png", "learning_curve.png", "fleet_means.png"} <= {f.name for f in folder.glob("figures/*")}


def test_a_column_is_found_by_the_name_in_its_row(tmp_path, monkeypatch):
    monkeypatch.setitem(CHANNELS, "Ay", Channel("Ay", "", "", "m/s2", high=Column(".mot", 7, "Ay")))
    table = np.column_stack([np.arange(30.0), np.random.default_rng(0).normal(size=(30, 7))])
    path = write_rows(tmp_path / "a.mot", ["t", "-", "Time Ay Xcg Ycg Zcg Rot_X Rot_Y Rot_Z"], table)
    assert np.array_equal(read_columns(path, layout_of("LAMP .mot", ["Roll", "Ay"])), table[:, [0, 5, 1]])


def test_channels_of_a_mirrored_ship(monkeypatch):
    for name, other in (("T2", "T3"), ("T3", "T2")):
        monkeypatch.setitem(CHANNELS, name, Channel(name, "", "", mirrored=other))
    points = [f"Wave_x1_y{side}" for side in (1, 2, 3)]
    order, sign = mirrored_channels(["T2", "Roll", "T3", "Acc_y", *points])
    assert order == [2, 1, 0, 3, 6, 5, 4] and sign == [1, -1, 1, 1, 1, 1, 1]


def test_a_channel_without_a_row_goes_by_its_name():
    assert channel_of("Acc_y").word == channel_of("Acc_y").label == "Acc_y"
    assert channel_of("Acc_y").unit == "file unit" and channel_of("Wave_x3_y1") is CHANNELS["Wave"]
