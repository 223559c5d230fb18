"""Sea-state maps: errors stand in the cell of their condition, whatever the order and number of the records."""

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import metrics
import plotting
from figures.sea_state_figure import grid_of
from readers.sea_state_handles import PART_UNITS, find_handle
from studies import sea_state_map
from studies.sea_state_map import choose_parts, read_records, run
from system.errors import InputError

FACTORS = {"Zcg": 1.0, "Roll": 2.0, "Pitch": 3.0}  # of the amplitudes, by channel
CONDITIONS = [(90, 5), (90, 10), (135, 5), (135, 10), (180, 5)]  # heading, speed


def handle(heading=90, speed=10, realization=1, height=7.5) -> str:
    return f"_h{height:g}_p15_a{heading:g}_hh0_pp0_aa0_s{speed:g}-{realization:07d}"


class Runs:
    """Tables of networks' runs, in which LAMP's amplitude is 1 and models are off by a known share."""

    def __init__(self, folder: Path):
        self.folder, self.rows = folder, {}

    def add(self, network: str, name: str, error: float, simple=None, set_name="test", digest="", lamp=1.0) -> None:
        rows = self.rows.setdefault(network, [])
        for source, off in (("SimpleCode", simple), ("LSTM", error)):
            for channel, factor in FACTORS.items() if off is not None else ():
                row = {"set": set_name, "record": f"SC{name}", "handle": name, "source": source, "channel": channel}
                rows.append(row | {"ssa_lamp": lamp * factor, "ssa_model": (lamp + off) * factor})
                rows[-1]["digest"] = digest or f"digest{name}"
            if off is not None:
                rows.append(row | {"channel": "All", "digest": rows[-1]["digest"]})
        path = self.table(network)
        path.parent.mkdir(parents=True, exist_ok=True)
        pd.DataFrame(rows).to_csv(path, index=False)

    def table(self, network: str) -> Path:
        return self.folder / "output_files" / network / "error_by_record.csv"


@pytest.fixture
def runs(tmp_path, monkeypatch) -> Runs:
    monkeypatch.chdir(tmp_path)
    return Runs(tmp_path)


@pytest.fixture
def grid(runs) -> Runs:
    """Three headings by two speeds, one missing; A is off by heading / 1000, B by -speed / 100."""
    runs.add("A", handle(90, 5, 7), 0.09, set_name="train")
    runs.add("B", handle(90, 5, 7), -0.05, set_name="train")
    runs.add("A", handle(180, 5, 8), 0.18, set_name="train")
    for heading, speed in CONDITIONS:
        runs.add("A", handle(heading, speed), heading / 1000)
        if (heading, speed) != (135, 5):  # A alone has it
            runs.add("B", handle(heading, speed), -speed / 100)
    return runs


DRAW, SAVE = sea_state_map.draw, plotting.save_figure


@pytest.fixture(autouse=True)
def without_figure(monkeypatch) -> None:
    """Drawing takes a second."""
    monkeypatch.setattr(sea_state_map, "draw", lambda *_: None)
    monkeypatch.setattr(plotting, "save_figure", lambda *_: None)


@pytest.fixture
def figures(without_figure, monkeypatch) -> list:
    """The figures, which are drawn and written all the same."""
    made = []
    monkeypatch.setattr(sea_state_map, "draw", DRAW)
    monkeypatch.setattr(plotting, "save_figure", lambda figure, path: made.append(figure) or SAVE(figure, path))
    return made


def lines_of(call, *arguments, **named) -> str:
    with pytest.raises(InputError) as caught:
        call(*arguments, **named)
    return "\n".join(caught.value.lines)


def errors_of(table: pd.DataFrame, network: str, channel: str = "Zcg") -> dict:
    rows = table[(table["network"] == network) & (table["channel"] == channel)]
    return {(row.heading, row.speed): row.ssa_error for row in rows.itertuples()}


# ------------------------------------------------------------------------------------------------- errors, conditions


def test_known_errors_stand_in_their_conditions(grid):
    table = run(["A", "B"])
    columns = "network channel heading speed realizations ssa_lamp ssa_model ssa_error trained"
    assert list(table.columns) == columns.split()
    for channel, factor in FACTORS.items():
        of_a, of_b = errors_of(table, "A", channel), errors_of(table, "B", channel)
        assert of_a == pytest.approx({(h, s): factor * h / 1000 for h, s in CONDITIONS})
        assert of_b == pytest.approx({(h, s): -factor * s / 100 for h, s in CONDITIONS if (h, s) != (135, 5)})
    assert table["ssa_lamp"].to_numpy() == pytest.approx(table["channel"].map(FACTORS))
    assert table["ssa_error"].to_numpy() == pytest.approx(table["ssa_model"] - table["ssa_lamp"])
    cells = table[["network", "channel", "speed", "heading"]].to_numpy().tolist()
    order = {name: place for place, name in enumerate(["A", "B", *FACTORS])}
    assert cells == sorted(cells, key=lambda cell: [order.get(value, value) for value in cell])
    for network, expected in (("A", {(90, 5), (180, 5)}), ("B", {(90, 5)})):
        trained = table[table["trained"] & (table["network"] == network)]
        assert set(zip(trained["heading"], trained["speed"], strict=True)) == expected
    maps = grid_of(table, "ssa_error", ["A", "B"], "heading", "speed")
    assert np.isnan(maps[:, :, 1, 2]).all() and np.isnan(maps[1, :, 0, 1]).all() and np.isnan(maps).sum() == 9


def test_conditions_are_matched_by_value_and_not_by_position(grid):
    expected = run(["A", "B"])
    rows = pd.read_csv(grid.table("B"))[::-1]  # and spelled in another way
    rows["handle"] = rows["handle"].str.replace("_h7.5_p15_", "_h7.50_p15.0_", regex=False)
    rows.to_csv(grid.table("B"), index=False)
    pd.testing.assert_frame_equal(run(["A", "B"]), expected)


def test_realizations_of_a_condition_are_averaged_with_their_signs(grid, capsys):
    run(["A", "B"])
    said = "1 condition with other records of one network than of the other (first: heading 180, speed 5: A 2, B 1)"
    assert said in capsys.readouterr().err
    grid.add("A", handle(90, 5, 2), -0.5, lamp=2.0)
    table = run(["A", "B"])
    row = table.query("network == 'A' and channel == 'Zcg' and heading == 90 and speed == 5")
    assert row["realizations"].item() == 3
    assert row["ssa_error"].item() == pytest.approx((0.09 + 0.09 - 0.5) / 3)
    assert "2 conditions with other records of one network" in capsys.readouterr().err


def test_records_are_joined_by_their_content_and_not_by_their_names(runs, capsys):
    for network in ("A", "B"):
        for place in CONDITIONS:
            runs.add(network, handle(*place), 0.1, simple=0.3, digest=f"{network if place == (90, 5) else ''}{place}")
    table = run(["A", "B"])
    counts = table.query("network == 'SimpleCode' and channel == 'Zcg'").set_index(["heading", "speed"])["realizations"]
    assert counts.to_dict() == {place: 1 + (place == (90, 5)) for place in CONDITIONS}
    assert "1 condition with other records" in capsys.readouterr().err
    for network in ("A", "B"):  # whatever a record is called
        rows = pd.read_csv(runs.table(network))
        rows["handle"] = rows["handle"].str.replace("-0000001", "-0000002" if network == "A" else "-0000003")
        rows.to_csv(runs.table(network), index=False)
    pd.testing.assert_frame_equal(run(["A", "B"]), table)


def test_of_a_network_of_folds_the_records_count_as_predicted_out_of_fold(runs, capsys):
    """Its val set is all records of train and val; of other networks val is not trained on."""
    for name, error, set_name in ((1, 0.1, "train"), (1, 0.4, "val"), (2, 0.5, "val"), (3, 0.6, "test")):
        runs.add("A", handle(10 * name), error, simple=1.0, set_name=set_name)
        if (name, set_name) != (1, "val"):
            runs.add("B", handle(10 * name), error, set_name=set_name)
    tables = [read_records(runs.table(network).parent).value.query("channel == 'Zcg'") for network in ("A", "B")]
    networks = [table[table["network"] != "SimpleCode"] for table in tables]
    errors = [(table["ssa_model"] - table["ssa_lamp"]).tolist() for table in networks]
    assert errors == [pytest.approx([0.4, 0.5, 0.6]), pytest.approx([0.1, 0.5, 0.6])]
    assert [table["trained"].tolist() for table in networks] == [[True, True, False], [True, False, False]]
    assert len(tables[0]) == 6 and not tables[0].loc[tables[0]["network"] == "SimpleCode", "trained"].any()
    runs.add("C", handle(), 0.1, set_name="val")
    amplitudes, (remark,) = read_records(runs.table("C").parent)
    assert not amplitudes["trained"].any() and "no train set" in remark


def many_seas(runs: Runs) -> None:
    """Headings, speeds and heights, of which the error of A is the height / 100 + the heading / 1000."""
    runs.add("A", handle(90, 5, 7, 9), 0.18, set_name="train")
    for heading, speed, height in itertools.product((0, 90, 180), (5, 10), (3, 9)):
        for realization in (1, 2)[: 1 + (speed == 10)]:
            runs.add("A", handle(heading, speed, realization, height), height / 100 + heading / 1000)


def test_the_map_averages_over_the_parts_on_neither_axis(runs, capsys):
    many_seas(runs)
    table = run(["A"], x="heading", y="speed")
    expected = {(h, s): 0.06 + h / 1000 for h, s in itertools.product((0, 90, 180), (5, 10))}
    expected[90, 5] += 0.03 / 3  # the training record has height 9
    assert errors_of(table, "A") == pytest.approx(expected)
    cells = table.query("channel == 'Zcg'")
    assert cells["sea_states"].tolist() == [2] * 6 and cells["realizations"].tolist() == [2, 3, 2] + [4] * 3
    assert set(zip(*cells.loc[cells["trained"], ["heading", "speed"]].to_numpy().T, strict=True)) == {(90, 5)}
    assert "Each cell is a mean over the realizations in it; they differ in height (3, 9 m)" in capsys.readouterr().out


def test_the_number_that_a_cell_is_the_mean_of_stands_in_it_and_in_the_table(runs, figures):
    many_seas(runs)
    assert sea_state_map.main(["--networks", "A", "--output", "map.png"]) == 0
    table = pd.read_csv("map.csv")
    assert list(table.columns)[2:6] == ["heading", "height", "realizations", "sea_states"]
    assert table["realizations"].tolist() == 3 * [3, 3, 3, 3, 4, 3] and table["sea_states"].tolist() == [2] * 18
    figures[0].draw_without_rendering()
    texts = [text.get_text() for text in figures[0].axes[0].texts]
    assert texts.count("3") == 5
    assert figures[0].get_suptitle().replace("\xa0", " ").endswith("period 15 s, mean over speed")


def test_a_map_of_another_measure_is_the_name_of_its_column(grid, monkeypatch):
    rows = pd.read_csv(grid.table("A"))
    rows.assign(rmse=rows["ssa_model"] - 0.9 * rows["ssa_lamp"]).to_csv(grid.table("A"), index=False)
    monkeypatch.setattr(sea_state_map, "MEASURE", "rmse")
    table = run(["A"]).query("channel == 'Roll'")
    assert table["rmse"].tolist() == pytest.approx([2 * (0.1 + heading / 1000) for heading in table["heading"]])


# ------------------------------------------------------------------------------------------------ what a run leaves


def test_figure_and_numbers_are_written(grid, figures, capsys):
    assert sea_state_map.main(["--networks", "A", "B"]) == 0
    folder = grid.folder / "output_files" / "A" / "figures"
    assert (folder / "sea_state_map_against_B.png").read_bytes().startswith(b"\x89PNG")
    table = pd.read_csv(folder / "sea_state_map_against_B.csv")
    assert len(table) == 3 * (5 + 4) and table["trained"].sum() == 3 * 3
    assert "Roll [deg]: A 0.248, B 0.15 over 4 conditions of both; A is better in 1" in capsys.readouterr().out
    assert sea_state_map.main(["--networks", "A", "--output", "maps/one.png"]) == 0
    assert {path.name for path in (grid.folder / "maps").iterdir()} == {"one.png", "one.csv"}


def test_figure_names_parts_units_and_constant_parts(grid, figures):
    run(["A", "B"], x="speed", y="heading")
    (figure,) = figures
    figure.draw_without_rendering()
    assert figure.axes[-7].get_xlabel() == "Speed [knots]"
    assert figure.axes[0].get_ylabel() == "Heading [deg]"
    title = figure.get_suptitle().replace("\xa0", " ").replace("\n", " ")
    assert title.endswith("model \N{MINUS SIGN} LAMP; height 7.5 m, period 15 s")


def test_the_map_has_a_panel_of_simplecode_and_the_summary_its_mean(runs, capsys, figures):
    for place in CONDITIONS:
        runs.add("A", handle(*place), 0.1, simple=place[1] / 10)
        runs.add("B", handle(*place), 0.2)
    table = run(["A", "B"])
    assert "SimpleCode 0.7, A 0.1, B 0.2 over 5 conditions of both; A is better in 5" in capsys.readouterr().out
    assert errors_of(table, "SimpleCode") == pytest.approx({(h, s): s / 10 for h, s in CONDITIONS})
    titles = [ax.get_title() for ax in figures[0].axes[:4]]
    assert titles == ["SimpleCode", "A: A", "B: B", "|A| \N{MINUS SIGN} |B|\n(negative: A better)"]


def test_a_table_of_errors_by_record_has_what_a_map_needs(runs, capsys):
    """From series to cells, with a moment that SimpleCode does not have."""
    rng, channels = np.random.default_rng(3), ("VBM", "Roll")
    names, sums, expected = [], [], {}
    for heading, speed in CONDITIONS:
        lamp, model = rng.normal(size=(2, 400, 2)) * [1e6, 1.0]
        simple = 2 * lamp * [np.nan, 1.0]
        sums.append(metrics.model_sums((lamp, simple, model, 3 * lamp)))  # the last one is a filter, and not mapped
        names.append((f"SC{handle(heading, speed)}", handle(heading, speed), f"{heading}e{speed}"))
        expected[heading, speed] = 2 * (model.std(axis=0) - lamp.std(axis=0))
    runs.table("A").parent.mkdir(parents=True)
    metrics.error_by_record({"test": sums}, {"test": names}, channels).to_csv(runs.table("A"), index=False)
    table = run(["A"])
    for number, channel in enumerate(channels):
        assert errors_of(table, "A", channel) == pytest.approx({key: both[number] for key, both in expected.items()})
    assert not errors_of(table, "SimpleCode", "VBM") and set(errors_of(table, "SimpleCode", "Roll")) == {*CONDITIONS}


# -------------------------------------------------------------------------------------------------------------- parts


def values(**counts: int) -> dict[str, list[float]]:
    """So many values of these parts, and one of all others."""
    return {part: [45.0 * n for n in range(counts.get(part, 1))] for part in PART_UNITS}


@pytest.mark.parametrize(
    ("varying", "given", "expected"),
    [
        ({"heading": 3, "speed": 2}, {}, ("heading", "speed")),
        ({"heading": 3, "speed": 2}, {"x": "speed"}, ("speed", "heading")),
        ({"heading": 3, "speed": 2}, {"y": "heading"}, ("speed", "heading")),
        ({"heading": 2}, {"x": "heading", "y": "speed"}, ("heading", "speed")),
        ({"heading": 3, "speed": 2, "height": 4}, {}, ("height", "heading")),
        ({"heading": 3, "speed": 2, "height": 4}, {"x": "heading", "y": "speed"}, ("heading", "speed")),
        ({"heading": 3, "speed": 2, "height": 4}, {"x": "speed"}, ("speed", "height")),
        ({"heading": 2, "speed": 2, "height": 2}, {}, ("heading", "height")),
        ({"heading": 3, "speed": 2, "height": 30}, {}, ("heading", "speed")),  # too many values for an axis
    ],
)
def test_parts_are_those_with_most_values_the_one_of_more_along_x(varying, given, expected):
    assert choose_parts(values(**varying), **given) == expected


def test_one_part_is_too_few():
    said = lines_of(choose_parts, values(heading=2))
    assert "do not vary in two parts" in said and "heading (0, 45 deg)" in said


def test_every_part_of_a_handle_but_the_realization_has_a_unit():
    assert [*PART_UNITS, "realization"] == list(find_handle(handle()).__dataclass_fields__)


# ------------------------------------------------------------------------------------------------------------- faults


def test_all_faults_are_reported_together_and_nothing_is_written(grid, capsys):
    text = grid.table("A").read_text()
    grid.table("A").write_text(text.replace(",1.09,", ",1.0x,", 1))
    before = sorted(grid.folder.rglob("*"))
    assert sea_state_map.main(["--networks", "A", "C", "--y", "sped", "--x", "headin", "--output", "map.pdf"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 5 and all(line.startswith("Error: ") for line in lines)
    for part in (
        "--y sped: no part",
        "--x headin: no part of a handle; did you mean heading?",
        "map.pdf: figures are written as PNG",
        "error_by_record.csv: damaged, or of an earlier version (ValueError",
        "csv: file is missing; run main.py",
    ):
        assert sum(part in line for line in lines) == 1, part
    assert sorted(grid.folder.rglob("*")) == before


def test_faults_of_networks_and_tables(grid):
    assert "3 networks where one or two" in lines_of(run, ["A", "B", "C"])
    assert "cannot be compared with itself" in lines_of(run, ["A", "A"])
    assert "both are the same part" in lines_of(run, ["A"], x="speed", y="speed")
    assert "file is missing" in lines_of(run, ["A"], output_path="nowhere")
    pd.read_csv(grid.table("A")).drop(columns="ssa_model").to_csv(grid.table("A"), index=False)
    assert "of an earlier version (KeyError" in lines_of(run, ["A"])
    grid.table("A").write_text("")
    assert "model_load_filename = 'A', which writes it" in lines_of(run, ["A"])


def test_records_without_a_handle_are_left_out_with_a_warning(grid, capsys):
    expected = run(["A"])
    grid.add("A", "", 0.7, digest="calm")
    pd.testing.assert_frame_equal(run(["A"]), expected)
    (warning,) = capsys.readouterr().err.splitlines()
    assert "1 of 8 records have no handle" in warning and "left out" in warning
    grid.add("C", "_calm_water", 0.1)
    assert "1 of 1 records have no handle" in lines_of(run, ["C"])
