"""Sea-state maps: errors stand in the cell of their condition, whatever the order and number of the files."""

import itertools
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import LAMP_HEADER, LAMP_VBM_HEADER, SC_HEADER, SC_VBM_HEADER, motion_table, write_rows

import plotting
from data_io import motions_digest, write_prediction
from figures.sea_state_figure import error_grid
from metrics import significant_single_amplitude
from readers.cases import parse_handle
from studies import sea_state_map
from studies.sea_state_files import CHANNELS, find_records, read_prediction
from studies.sea_state_map import choose_parts, run
from support import run_folder
from support.channels import CHANNELS as TABLE
from support.errors import InputError

ROWS = 120
TIME = 0.5 * np.arange(ROWS)
MOTIONS = ("Zcg", "Roll", "Pitch")
# Whole numbers of periods: the standard deviation of a sine is its amplitude / sqrt(2).
SINE = np.sin(2 * np.pi * np.arange(ROWS) / 12)


def handle(heading=90, speed=10, realization=1, height=7.5) -> str:
    return f"_h{height:g}_p15_a{heading:g}_hh0_pp0_aa0_s{speed:g}-{realization:07d}"


class Files:
    """Networks, their predictions and LAMP's records in a folder, every motion a sine of a known amplitude."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.lamp = folder / "LAMP_files"

    def network(self, name: str, trained: tuple[str, ...] = ()) -> None:
        path = self.folder / "saved_models" / name / "settings.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_name("model.keras").write_bytes(b"")
        data = {"train_sc": [f"elsewhere/SC{one}" for one in trained]}
        path.write_text(json.dumps({"settings": {"data": data}}), encoding="utf-8")

    def truth(self, handle: str, amplitude: float = 1.0, vbm: float | None = None, rows: slice = slice(None)) -> None:
        motions = np.outer(amplitude * SINE, [1.0, 2.0, 3.0])[rows] + [0.2, 0.0, 0.0]
        write_rows(self.lamp / f"LAMP{handle}.mot", LAMP_HEADER, motion_table(TIME[rows], motions))
        if vbm is not None:
            table = np.column_stack([TIME, 0 * TIME, vbm * SINE])
            write_rows(self.lamp / f"LAMP{handle}.vbm", LAMP_VBM_HEADER, table)

    def simple(self, handle: str, amplitude: float, folder: str = "SimpleCode_files", vbm: float | None = None) -> Path:
        """As SimpleCode writes it, with rows of zeros at its end."""
        motions = np.outer(amplitude * SINE, [1.0, 2.0, 3.0])
        table = np.vstack([motion_table(TIME, motions), np.zeros((2, 7))])
        path = write_rows(self.folder / folder / f"SC{handle}.mot", SC_HEADER, table)
        if vbm is not None:
            table = np.column_stack([TIME, 0 * TIME, vbm * SINE])
            write_rows(path.with_suffix(".vbm"), SC_VBM_HEADER, table)
        return path

    def prediction(self, network: str, handle: str, amplitude: float, channels=MOTIONS, rows: slice = slice(None)):
        factors = {"VBM": 1e6, "Zcg": 1.0, "Roll": 2.0, "Pitch": 3.0}
        values = np.outer(amplitude * SINE, [factors[channel] for channel in channels])[rows]
        path = self.folder / "output_files" / network / f"lstm_output_for_SC{handle}.txt"
        write_prediction(path, TIME[rows], values, channels)
        return path

    def cases(self, places) -> str:
        """A cases file of these headings and speeds."""
        path = self.folder / "Cases_files" / "cases.txt"
        path.parent.mkdir()
        path.write_text("\n".join(["Some conditions", "***", "SC", "LAMP", *(handle(*place) for place in places)]))
        return str(path)


@pytest.fixture
def files(tmp_path) -> Files:
    return Files(tmp_path)


@pytest.fixture
def grid(files) -> Files:
    """Three headings by two speeds, one missing; LAMP's amplitude is 1, A is off by heading, B by speed / 100."""
    files.network("A", trained=(handle(90, 5, 7), handle(180, 5, 8)))
    files.network("B", trained=(handle(90, 5, 9), handle(45, 20)))
    for heading in (90, 135, 180):
        for speed in (5, 10):
            if (heading, speed) == (180, 10):
                continue
            files.truth(handle(heading, speed))
            files.prediction("A", handle(heading, speed), 1 + heading / 1000)
            if (heading, speed) != (135, 5):  # A alone has it
                files.prediction("B", handle(heading, speed), 1 - speed / 100)
    return files


@pytest.fixture
def without_figure(monkeypatch) -> None:
    """For tests of the numbers: drawing takes a second."""
    monkeypatch.setattr(sea_state_map, "draw", lambda *_: None)
    monkeypatch.setattr(plotting, "save_figure", lambda *_: None)


def lines_of(call, *arguments, **named) -> str:
    with pytest.raises(InputError) as caught:
        call(*arguments, **named)
    return "\n".join(caught.value.lines)


def errors_of(table: pd.DataFrame, network: str, channel: str) -> dict:
    rows = table[(table["network"] == network) & (table["channel"] == channel)]
    return {(row.heading, row.speed): row.ssa_error for row in rows.itertuples()}


# ------------------------------------------------------------------------------------------------- errors, conditions


@pytest.mark.usefixtures("without_figure")
def test_known_errors_stand_in_their_conditions(grid):
    table = run(["A", "B"], "LAMP_files")
    assert list(table.columns) == [
        *("network", "channel", "heading", "speed", "realizations", "ssa_lamp", "ssa_model", "ssa_error", "trained")
    ]
    for channel, factor in zip(MOTIONS, (1, 2, 3), strict=True):
        of_a, of_b = errors_of(table, "A", channel), errors_of(table, "B", channel)
        assert of_a.keys() == {(90, 5), (90, 10), (135, 5), (135, 10), (180, 5)}
        assert of_b.keys() == of_a.keys() - {(135, 5)}
        assert of_a == pytest.approx({(h, s): np.sqrt(2) * factor * h / 1000 for h, s in of_a}, abs=2e-5)
        assert of_b == pytest.approx({(h, s): -np.sqrt(2) * factor * s / 100 for h, s in of_b}, abs=2e-5)
    assert table["ssa_lamp"].to_numpy() == pytest.approx(
        table["channel"].map({"Zcg": 1, "Roll": 2, "Pitch": 3}) * 2**0.5
    )
    assert (table["ssa_error"] - (table["ssa_model"] - table["ssa_lamp"])).abs().max() < 1e-12


@pytest.mark.usefixtures("without_figure")
def test_conditions_are_matched_by_value_and_not_by_position(grid, monkeypatch):
    expected = run(["A", "B"], "LAMP_files")
    # Names that sort otherwise, and a condition that is printed in another way.
    for number, path in enumerate(sorted((grid.folder / "output_files" / "B").glob("*.txt"), reverse=True)):
        path.rename(
            path.with_name(path.name.replace("for_SC", f"for_{number}_").replace("_h7.5_p15_", "_h7.50_p15.0_"))
        )
    for number, path in enumerate(sorted(grid.lamp.glob("*.mot"), reverse=True)):
        path.rename(path.with_name(path.name.replace("LAMP", f"{number}_lamp")))
    pd.testing.assert_frame_equal(run(["A", "B"], "LAMP_files"), expected)


@pytest.mark.usefixtures("without_figure")
def test_a_cases_file_chooses_the_conditions(grid):
    table = run(["A"], grid.cases([(180, 5), (90, 10), (90, 5)]))
    assert errors_of(table, "A", "Roll").keys() == {(180, 5), (90, 10), (90, 5)}
    everything = errors_of(run(["A"], "LAMP_files"), "A", "Roll")
    assert errors_of(table, "A", "Roll").items() <= everything.items()


@pytest.mark.usefixtures("without_figure")
def test_realizations_of_a_condition_are_averaged_with_their_signs(grid, capsys):
    grid.truth(handle(90, 5, 2), amplitude=2.0)
    grid.prediction("A", handle(90, 5, 2), 1.5)
    table = run(["A", "B"], "LAMP_files")
    row = table.query("network == 'A' and channel == 'Zcg' and heading == 90 and speed == 5")
    assert row["realizations"].item() == 2
    assert row["ssa_error"].item() == pytest.approx(np.sqrt(2) * (0.09 - 0.5) / 2, abs=2e-5)
    assert "1 conditions have more realizations of one network" in capsys.readouterr().err


@pytest.mark.usefixtures("without_figure")
def test_records_are_aligned_on_time(files):
    files.network("A")
    noise = np.random.default_rng(3).normal(size=ROWS)
    motions = np.outer(noise, [1, 1, 1])
    for one in (handle(0, 5), handle(90, 5), handle(0, 10)):
        write_rows(files.lamp / f"LAMP{one}.mot", LAMP_HEADER, motion_table(TIME, motions))
        write_prediction(files.prediction("A", one, 1.0), TIME[30:90], 2 * motions[30:90], MOTIONS)
    table = run(["A"], "LAMP_files")
    assert table["ssa_lamp"].to_numpy() == pytest.approx(significant_single_amplitude(noise[30:90]))
    assert table["ssa_model"].to_numpy() == pytest.approx(2 * significant_single_amplitude(noise[30:90]), abs=1e-4)


@pytest.mark.usefixtures("without_figure")
def test_bending_moment_is_compared_where_lamp_has_it(files, capsys):
    files.network("A")
    for heading, speed in ((0, 5), (90, 5), (0, 10)):
        files.truth(handle(heading, speed), vbm=None if heading else 2e6)
        files.prediction("A", handle(heading, speed), 1.0, ("VBM", *MOTIONS))
    table = run(["A"], "LAMP_files")
    assert errors_of(table, "A", "VBM") == pytest.approx({(0, 5): -np.sqrt(2) * 1e6, (0, 10): -np.sqrt(2) * 1e6})
    assert len(errors_of(table, "A", "Pitch")) == 3
    assert "Warning: " in (told := capsys.readouterr().err) and ".vbm: missing" in told


@pytest.mark.usefixtures("without_figure")
def test_boxed_are_the_conditions_a_network_was_trained_in(grid):
    table = run(["A", "B"], "LAMP_files")
    trained = table[table["trained"]]
    for network, expected in (("A", {(90, 5), (180, 5)}), ("B", {(90, 5)})):
        rows = trained[trained["network"] == network]
        assert set(zip(rows["heading"], rows["speed"], strict=True)) == expected
    errors, trained = error_grid(table, ["A", "B"], "heading", "speed")
    assert trained.tolist() == [[[True, False, True], [False] * 3], [[True, False, False], [False] * 3]]
    assert np.isnan(errors[:, :, 1, 2]).all() and np.isnan(errors[1, :, 0, 1]).all()
    assert np.isnan(errors).sum() == 9


def many_seas(files: Files) -> None:
    """Headings, speeds and heights, of which the error of A is the height / 100 + the heading / 1000."""
    files.network("A", trained=(handle(90, 5, 7, 9),))
    for heading, speed, height in itertools.product((0, 90, 180), (5, 10), (3, 9)):
        for realization in (1, 2)[: 1 + (speed == 10)]:
            one = handle(heading, speed, realization, height)
            files.truth(one)
            files.prediction("A", one, 1 + height / 100 + heading / 1000)


@pytest.mark.usefixtures("without_figure")
def test_the_map_averages_over_the_parts_on_neither_axis(files, capsys):
    many_seas(files)
    table = run(["A"], "LAMP_files", x="heading", y="speed")
    found = errors_of(table, "A", "Zcg")
    assert found == pytest.approx({(h, s): np.sqrt(2) * (0.06 + h / 1000) for h, s in found}, abs=2e-5)
    cells = table.query("channel == 'Zcg'")
    assert cells["sea_states"].tolist() == [2] * 6 and cells["realizations"].tolist() == [2] * 3 + [4] * 3
    assert set(zip(*cells.loc[cells["trained"], ["heading", "speed"]].to_numpy().T, strict=True)) == {(90, 5)}
    assert "Each cell is a mean over the realizations in it; they differ in height (3, 9 m)" in capsys.readouterr().out


def test_the_number_that_a_cell_is_the_mean_of_stands_in_it_and_in_the_table(files, capsys):
    many_seas(files)
    assert sea_state_map.main(["--networks", "A", "--lamp", "LAMP_files", "--output", "map.png"]) == 0
    table = pd.read_csv(files.folder / "map.csv")
    assert list(table.columns)[2:6] == ["heading", "height", "realizations", "sea_states"]
    assert table["realizations"].tolist() == [3] * 18 and table["sea_states"].tolist() == [2] * 18
    figure = sea_state_map.draw(table, ["A"], "heading", "height", parse_handle(handle()), ["speed"])
    figure.draw_without_rendering()
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts.count("3") == 6 and figure.get_suptitle().replace("\xa0", " ").endswith("period 15 s, mean over speed")


# ------------------------------------------------------------------------------------------------ what a run leaves


def test_figure_and_numbers_are_written(grid, capsys):
    assert sea_state_map.main(["--networks", "A", "B", "--lamp", "LAMP_files"]) == 0
    folder = grid.folder / "output_files" / "A" / "figures"
    assert (folder / "sea_state_map_against_B.png").read_bytes().startswith(b"\x89PNG")
    table = pd.read_csv(folder / "sea_state_map_against_B.csv")
    assert len(table) == 3 * (5 + 4) and table["trained"].sum() == 3 * 3
    told = capsys.readouterr()
    assert "Roll [deg]: A 0.35, B 0.212 over 4 conditions of both; A is better in 1" in told.out
    (warning,) = told.err.splitlines()
    assert "SimpleCode's own error is not drawn" in warning and "--sc" in warning
    assert sea_state_map.main(["--networks", "A", "--lamp", "LAMP_files", "--output", "maps/one.png"]) == 0
    assert {path.name for path in (grid.folder / "maps").iterdir()} == {"one.png", "one.csv"}


def test_figure_names_parts_units_and_constant_parts(grid):
    table = run(["A", "B"], "LAMP_files", x="speed", y="heading")
    figure = sea_state_map.draw(table, ["A", "B"], "speed", "heading", parse_handle(handle()))
    figure.draw_without_rendering()
    assert figure.axes[-7].get_xlabel() == "Speed [knots]"
    assert figure.axes[0].get_ylabel() == "Heading [deg]"
    title = figure.get_suptitle().replace("\xa0", " ").replace("\n", " ")
    assert title.endswith("model \N{MINUS SIGN} LAMP; height 7.5 m, period 15 s")


# ---------------------------------------------------------------------------------------------------------- SimpleCode


def simplecode_errors(table: pd.DataFrame, channel: str = "Zcg") -> dict:
    return {place: error / np.sqrt(2) for place, error in errors_of(table, "SimpleCode", channel).items()}


@pytest.mark.usefixtures("without_figure")
def test_simplecodes_error_is_found_beside_lamp_by_a_cases_file_by_the_settings_and_where_sc_says(grid, capsys):
    without = run(["A"], "LAMP_files")
    assert "SimpleCode's own error is not drawn" in capsys.readouterr().err
    conditions = [(90, 5), (90, 10), (135, 5), (135, 10), (180, 5)]
    for heading, speed in conditions:
        grid.simple(handle(heading, speed), 1 + speed / 10)
    expected = pytest.approx({(heading, speed): speed / 10 for heading, speed in conditions}, abs=1e-4)
    table = run(["A"], "LAMP_files")
    assert simplecode_errors(table) == expected and capsys.readouterr().err == ""
    pd.testing.assert_frame_equal(table[table["network"] == "A"].reset_index(drop=True), without)

    assert simplecode_errors(run(["A", "B"], grid.cases(conditions))) == expected
    (grid.folder / "SimpleCode_files").rename(grid.folder / "elsewhere")
    assert simplecode_errors(run(["A"], "LAMP_files", sc="elsewhere")) == expected


@pytest.mark.usefixtures("without_figure")
def test_simplecodes_files_are_found_by_the_settings_of_a_network(grid, capsys):
    """The one that was trained in the conditions that it is mapped in; others are looked for beside LAMP's."""
    data = {name: [f"elsewhere/SC{handle(*each)}"] for name, each in (("train_sc", (90, 5)), ("predict_sc", (135, 5)))}
    path = grid.folder / "saved_models" / "A" / "settings.json"
    path.write_text(json.dumps({"settings": {"data": data}}), encoding="utf-8")
    for each in ((90, 5), (135, 5)):
        grid.simple(handle(*each), 2.0, "elsewhere")
    grid.simple(handle(90, 10), 3.0)
    errors = simplecode_errors(run(["A"], "LAMP_files"))
    assert errors == pytest.approx({(90, 5): 1.0, (135, 5): 1.0, (90, 10): 2.0}, abs=1e-4)
    assert "SimpleCode's files of 2 of 5 realizations were not found" in capsys.readouterr().err


@pytest.mark.usefixtures("without_figure")
def test_simplecodes_moment_and_its_faulty_files(files, capsys):
    files.network("A")
    for heading, speed in ((0, 5), (90, 5), (0, 10)):
        files.truth(handle(heading, speed), vbm=2e6)
        files.prediction("A", handle(heading, speed), 1.0, ("VBM", *MOTIONS))
        files.simple(handle(heading, speed), 1.0, vbm=3e6 if speed == 5 else None)
    table = run(["A"], "LAMP_files")
    assert simplecode_errors(table, "VBM") == pytest.approx({(0, 5): 1e6, (90, 5): 1e6})
    assert len(simplecode_errors(table)) == 3 and capsys.readouterr().err == ""
    (files.folder / "SimpleCode_files" / f"SC{handle(0, 10)}.mot").write_text("Time\n")
    assert len(simplecode_errors(run(["A"], "LAMP_files"))) == 2
    assert f"SC{handle(0, 10)}.mot" in capsys.readouterr().err


@pytest.mark.usefixtures("without_figure")
def test_a_wrong_sc_is_an_error(grid):
    assert "--sc nowhere: no such folder or cases file" in lines_of(run, ["A"], "LAMP_files", sc="nowhere")
    grid.simple("_h7.5_p14_a0_hh0_pp0_aa0_s10-0000001", 1.0)
    told = lines_of(run, ["A"], "LAMP_files", sc="SimpleCode_files")
    assert told.startswith("--sc SimpleCode_files: contains no SimpleCode record")


def test_the_map_has_a_panel_of_simplecode_and_the_summary_its_mean(grid, capsys):
    for heading in (90, 135, 180):
        for speed in (5, 10):
            grid.simple(handle(heading, speed), 2.0)
    assert sea_state_map.main(["--networks", "A", "B", "--lamp", "LAMP_files", "--output", "map.png"]) == 0
    assert "SimpleCode 2.83, A 0.35, B 0.212 over 4 conditions of both; A is better" in capsys.readouterr().out
    figure = sea_state_map.draw(run(["A", "B"], "LAMP_files"), ["A", "B"], "heading", "speed", parse_handle(handle()))
    titles = [ax.get_title() for ax in figure.axes[:4]]
    assert titles == ["SimpleCode", "A: A", "B: B", "|A| \N{MINUS SIGN} |B|\n(negative: A better)"]


# -------------------------------------------------------------------------------------------------------------- parts


def test_parts_are_those_that_vary_the_one_of_more_values_along_x():
    def handles(*places):
        return [parse_handle(handle(heading, speed, height=height)) for heading, speed, height in places]

    two = handles((90, 5, 7), (90, 10, 7), (0, 5, 7), (45, 5, 7))
    assert choose_parts(two) == ("heading", "speed")
    assert choose_parts(two, x="speed") == ("speed", "heading")
    assert choose_parts(two, y="heading") == ("speed", "heading")
    one = handles((90, 5, 7), (0, 5, 7))
    assert "do not vary in two parts" in lines_of(choose_parts, one)
    assert "heading (0, 90 deg)" in lines_of(choose_parts, one)
    assert choose_parts(one, "heading", "speed") == ("heading", "speed")


def test_of_more_than_two_parts_those_with_most_values_are_chosen():
    def handles(headings, speeds, heights):
        return [parse_handle(handle(*place)) for place in itertools.product(headings, speeds, [1], heights)]

    three = handles((0, 45, 90), (5, 10), (3, 5, 7, 9))
    assert choose_parts(three) == ("height", "heading")
    assert choose_parts(three, "heading", "speed") == ("heading", "speed")
    assert choose_parts(three, x="speed") == ("speed", "height")
    assert choose_parts(handles((0, 45), (5, 10), (3, 5))) == ("heading", "height")
    drawn = handles((0, 45, 90), (5, 10), [3 + n / 10 for n in range(30)])  # too many values for an axis
    assert choose_parts(drawn) == ("heading", "speed")


@pytest.mark.usefixtures("without_figure")
def test_wrong_parts_are_named(grid):
    told = lines_of(run, ["A"], "LAMP_files", x="headin", y="speed")
    assert told.startswith("--x headin: no part of a handle; did you mean heading?") and "\n" not in told
    assert "both are the same part" in lines_of(run, ["A"], "LAMP_files", x="speed", y="speed")


# ------------------------------------------------------------------------------------------------------------- faults


@pytest.mark.usefixtures("without_figure")
def test_all_faults_are_reported_together_and_nothing_is_written(grid, capsys):
    (grid.lamp / f"LAMP{handle(90, 5)}.mot").write_text("Time\n")
    path = grid.prediction("A", handle(135, 10), 1.0)
    path.write_text(path.read_text().replace("0.50000", "0.5x000", 1))
    arguments = ["--networks", "A", "C", "--lamp", "LAMP_files", "--y", "sped", "--output", "map.pdf"]
    before = sorted(grid.folder.rglob("*"))
    assert sea_state_map.main(arguments) == 1
    lines = capsys.readouterr().err.splitlines()
    assert all(line.startswith("Error: ") for line in lines)
    for part in (
        *("--y sped: no part", "map.pdf: figures are written as PNG", "C: there is no saved network of this name"),
        *("C: no such folder", "no row of numbers", "line 3, column 1: '0.5x000'"),
    ):
        assert sum(part in line for line in lines) == 1, part
    assert sorted(grid.folder.rglob("*")) == before


@pytest.mark.usefixtures("without_figure")
def test_faults_of_networks_and_folders(grid):
    assert "3 networks where one or two" in lines_of(run, ["A", "B", "C"], "LAMP_files")
    assert "cannot be compared with itself" in lines_of(run, ["A", "A"], "LAMP_files")
    assert "no such folder or cases file" in lines_of(run, ["A"], "nowhere")
    assert "give LAMP_files" not in lines_of(run, ["A"], "saved_models")
    assert f"give {Path('LAMP_files')}" in lines_of(run, ["A"], ".")
    assert "no prediction other_*.txt" in lines_of(run, ["A"], "LAMP_files", prefix="other_")
    (grid.folder / "saved_models" / "A" / "settings.json").write_text("{}")
    assert "missing or damaged (KeyError: 'settings')" in lines_of(run, ["A"], "LAMP_files")


@pytest.mark.usefixtures("without_figure")
def test_two_lines_of_a_cases_file_for_one_realization_are_a_fault(grid):
    grid.truth("_h7.5_p15.00_a450_hh0_pp0_aa0_s5-1")
    cases = Path(grid.cases([(90, 5), (90, 10), (135, 5)]))
    cases.write_text(cases.read_text() + "\n_h7.5_p15.00_a450_hh0_pp0_aa0_s5-1")
    assert "has the same handle as" in lines_of(run, ["A"], str(cases))


@pytest.mark.usefixtures("without_figure")
def test_two_files_of_one_realization_are_a_fault(grid):
    twin = grid.lamp / f"SC{handle(90, 5)}.mot"
    twin.write_bytes(b"")
    assert "has the same handle as" in lines_of(run, ["A"], "LAMP_files")
    twin.unlink()
    grid.prediction("A", "_again" + handle(90, 5), 1.0)
    assert "has the same handle as" in lines_of(run, ["A"], "LAMP_files")


@pytest.mark.usefixtures("without_figure")
def test_predictions_without_lamp_or_handle_are_left_out_with_a_warning(grid, capsys):
    expected = run(["A"], "LAMP_files")
    grid.prediction("A", "_calm_water", 1.0)
    grid.prediction("A", handle(45, 10), 1.0)
    pd.testing.assert_frame_equal(run(["A"], "LAMP_files"), expected)
    warnings = [line for line in capsys.readouterr().err.splitlines() if "--sc" not in line]
    assert len(warnings) == 2 and all(line.startswith("Warning: ") for line in warnings)
    assert "1 of 7 predictions left out" in warnings[0] and "1 of 6 predictions left out" in warnings[1]
    for path in grid.lamp.glob("*.mot"):
        path.rename(path.with_name(path.name.replace("_p15_", "_p14_")))
    assert "contains no LAMP record of a realization that A has predicted" in lines_of(run, ["A"], "LAMP_files")


def test_prediction_files_are_read_as_they_are_written(tmp_path):
    path = tmp_path / "prediction.txt"
    values = np.round(np.random.default_rng(0).normal(size=(ROWS, 3)), 5)
    write_prediction(path, TIME, values, ("Pitch", "VBM", "Roll"))
    file, table = read_prediction(path)["VBM", "Roll", "Pitch"]
    assert file == str(path)
    np.testing.assert_array_equal(table, np.column_stack([TIME, values[:, [1, 2, 0]]]))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "line 1: '' where the column names are expected"),
        ("Time Surge\n0 1\n", "line 1: 'Time Surge'"),
        ("0.0 1.0\n0.1 1.0\n", "line 1: '0.0 1.0'"),
        ("Time Roll Roll\n0 1 1\n", "line 1"),
        ("Time Roll\n0 1 1\n1 1 1\n", "line 2: 3 columns where the header names 2"),
        ("Time Roll\n0 1\n1 nan\n", "line 3, column 2: 'nan'"),
    ],
)
def test_faulty_predictions_are_reported_with_their_place(tmp_path, text, told):
    path = tmp_path / "prediction.txt"
    path.write_text(text)
    assert told in lines_of(read_prediction, path)
    assert "cannot be read" in lines_of(read_prediction, tmp_path / "missing.txt")


def test_a_cases_file_with_a_faulty_handle(tmp_path):
    path = tmp_path / "cases.txt"
    path.write_text("***\nSC\nLAMP\n_h7\n_a8\n" + handle() + "\n")
    told = lines_of(find_records, str(path), set())
    assert told.count("not a handle") == 2 and "_h7" in told and "_a8" in told


def test_every_part_of_a_handle_but_the_realization_has_a_unit():
    assert [*sea_state_map.PART_UNITS, "realization"] == list(parse_handle(handle()).__dataclass_fields__)
    assert CHANNELS == tuple(name for name, row in TABLE.items() if row.output)


def test_predictions_made_for_another_record_of_the_handle_are_left_out(grid, without_figure, capsys):
    for heading in (90, 135):
        path = grid.simple(handle(heading, 5), 1.2).with_suffix("")
        made_for = "0" * 32 if heading == 90 else motions_digest(str(path))[:16] + "1" * 16
        text = f"lstm_output_for_SC{handle(heading, 5)}.txt"
        run_folder.note(grid.folder / "output_files" / "A", [text], made_for)
    table = run(["A"], str(grid.lamp))
    cells = table[(table["network"] == "A") & (table["speed"] == 5)]["heading"]
    assert sorted(set(cells)) == [135, 180]
    assert "1 of 5 predictions left out, as they were made for other content" in capsys.readouterr().err
