"""Descriptions of pairs of sources: columns, channels, faults, and what a saved network refuses."""

import dataclasses
import json
import math

import pytest

import data_io
from settings import DataInfo, UserInput, description, input_file
from settings.channels import channel_of, input_channels, mirrored_channels, output_channels
from settings.description import Description, Input, Output, Reference, TextFormat, UserFunction, names

LINES = (
    Output("T1", "kN", high="FairTen1 * 1e-3", low="T1", label="Tension of line 1", mean="removed"),
    Output("T2", "kN", high="FairTen2 * 1e-3", low="T2", mirrored="T3", extremes="up"),
    Output("T3", "kN", high="FairTen3 * 1e-3", low="T3", mirrored="T2"),
    Input("Sway", "m", mirrored="-"),
    Output("Bend", "kN", high=4),
)
PAIR = Description("MoorPy", "MoorDyn", "low_{}.csv", "high_{}.out", LINES)


@pytest.mark.parametrize(
    ("text", "column", "factor"),
    [
        ("FairTen1 * 1e-3", "FairTen1", 1e-3),
        ("-z(ship)", "z(ship)", -1.0),
        ("phi(ship) * deg", "phi(ship)", 180 / math.pi),
        ("- roll * rad", "roll", -math.pi / 180),
        ("Wave elevation * -2.5", "Wave elevation", -2.5),
        ("T1", "T1", 1.0),
        (3, 3, 1.0),
    ],
)
def test_a_column_with_sign_and_factor(text, column, factor):
    assert Reference.of(text) == Reference(column, pytest.approx(factor))


@pytest.mark.parametrize("text", ["T1 * 1e-3x", "T1 * T2", "T1 * "])
def test_other_arithmetic_is_refused(text):
    with pytest.raises(ValueError, match="expected"):
        Reference.of(text)


def test_names_of_records():
    assert names(9, 11) == ["009", "010", "011"]
    assert names(1, 2, digits=1) == ["1", "2"]


def test_channels_follow_from_the_description():
    user = UserInput(description=PAIR, input_3dof=True, output_vbm=True)
    assert output_channels(user) == ("T1", "T2", "T3", "Bend")
    assert input_channels(user) == ("T1", "T2", "T3", "Sway")
    description.use(PAIR)
    row = channel_of("T1")
    assert (row.word, row.label, row.unit, row.mean) == ("tension of line 1", "Tension of line 1", "kN", "removed")
    assert channel_of("T2").extremes == "up"
    assert channel_of("Roll").unit == "file unit"  # the ship's row is none of this pair's
    assert mirrored_channels(["T1", "T2", "T3", "Sway"]) == ([0, 2, 1, 3], [1.0, 1.0, 1.0, -1.0])
    description.use(description.SHIP)


def test_channels_are_added_to_those_of_simplecode_and_lamp():
    sway = Output("Sway", "m", high="Ycg", low="Ycg", mirrored="-")
    user = UserInput(description=Description(channels=(sway,)))
    assert output_channels(user) == ("Zcg", "Roll", "Pitch", "Sway")
    assert input_channels(user) == ("Zcg", "Roll", "Pitch", "Wave", "Sway")


def test_a_description_comes_back_from_json():
    pair = dataclasses.replace(PAIR, read_low=UserFunction("my.py", "read_low"), read_high=TextFormat(names=("t", "a")))
    for one in (pair, description.SHIP):
        assert Description.from_dict(json.loads(json.dumps(dataclasses.asdict(one)))) == one


def test_what_a_saved_network_refuses():
    other = dataclasses.replace(LINES[0], unit="N", label="Line 1")
    changed = dataclasses.replace(PAIR, channels=(other, *LINES[1:]), low_name="Mine")
    assert changed.differences(PAIR) == ["T1: unit = 'N', in the training 'kN'"]
    assert PAIR.differences(PAIR) == []


def config_of(tmp_path, lines, imports="import data_io"):
    text = imports + "\nfrom input_template import *\n\n\nclass DataInfoArgs:\n    def __init__(self):\n"
    path = tmp_path / "mine.py"
    path.write_text(text + "".join(f"        self.{line}\n" for line in lines), encoding="utf-8")
    return input_file.read_config(input_file.load_module(str(path)))


FILES = ('low_file = "a_{}.csv"', r'high_file = "b\\c_{}.out"')
HEAVE = 'data_io.Output("Heave", "m", high="z", low="z", mirrored="-")'


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (['low_file = "a.csv"', FILES[1]], "low_file = 'a.csv': expected a path with {}"),
        ([FILES[0], f"channels = [{HEAVE}]", "train = ['1']"], "high_file is missing"),
        ([FILES[1]], "low_file is missing"),
        (["train = ['1']"], "train: names of records need low_file"),
        ([*FILES, "train = ['1']"], "describe at least one output"),
        ([*FILES, f"channels = [{HEAVE}]", "train = ['1']", "train_sc = ['1']"], "train: given beside the lists"),
        ([*FILES, f"channels = [{HEAVE}, {HEAVE}]"], "Heave is there twice"),
        ([*FILES, 'channels = [data_io.Output("A", "m", high="z")]'], "no channel says how it is mirrored"),
        ([*FILES, 'channels = [data_io.Output("A", "m", high="z", mirrored="B")]'], "A: mirrored = 'B'"),
        ([*FILES, 'channels = [data_io.Output("A", "m", high="z * x")]'], "channels, A: high = 'z * x'"),
        ([*FILES, 'channels = [data_io.Output("A", "m", high="z", mean="off")]'], "A: mean = 'off'"),
        ([*FILES, 'channels = [data_io.Output("A", 1, high="z")]'], "A: unit = 1"),
        ([*FILES, "channels = ['A']"], "expected a list of data_io.Output"),
        ([*FILES, f"channels = [{HEAVE}]", 'low_name = self.high_name = "X"'], "both are 'X'"),
        ([*FILES, f"channels = [{HEAVE}]", 'low_name = "heave"'], "Heave: columns of tables are called so"),
        ([*FILES, f"channels = [{HEAVE}]", 'low_name = "recently_trained_model"'], "tables use this name for a source"),
        ([*FILES, f"channels = [{HEAVE}]", "read_low = 1"], "expected a function that takes a path"),
        ([*FILES, f"channels = [{HEAVE}]", 'time_unit = "sec"'], "expected one of ms, s, min, h, d"),
    ],
)
def test_faults_of_a_description(tmp_path, lines, expected):
    _, faults, _ = config_of(tmp_path, lines)
    assert any(expected in line for line in faults), faults


def test_a_description_of_an_input_file(tmp_path):
    lines = [*FILES, f"channels = [{HEAVE}]", "train, self.val = data_io.names(1, 2), [3]", "predict = ['x']"]
    config, faults, _ = config_of(tmp_path, lines)
    assert faults == []
    assert config.data == DataInfo(
        train_sc=("001", "002"), train_lamp=("001", "002"), val_sc=("3",), val_lamp=("3",), predict_sc=("x",)
    )
    pair = config.user.description
    assert (pair.low_file, pair.high_file, pair.low_name) == ("a_{}.csv", "b/c_{}.out", "Low fidelity")
    missing = data_io.faulty_files(config.user, config.data)
    assert [line.split(":")[0] for line in missing] == [
        file.format(name) for name in ("001", "002", "3") for file in ("a_{}.csv", "b/c_{}.out")
    ]


def test_a_function_is_that_of_the_run_wherever_it_is_from(tmp_path):
    (tmp_path / "theirs.py").write_text("def first(path):\n    return 1\n\n\ndef second(path):\n    return 2\n")
    lines = [*FILES, f"channels = [{HEAVE}]", "read_low = theirs.second", "time_unit = 'min'"]
    pair = config_of(tmp_path, lines, "import data_io, theirs")[0].user.description
    assert pair.read_low("any") == 2
    assert pair.programs == [pair.read_low.file] and pair.read_low.file.endswith("mine.py")
    assert {reading.time_unit for reading in (pair.read_low, pair.read_high, pair.read_third)} == {"min"}


@pytest.mark.parametrize("name", ["time", "T_sc", "Strip", "lamp"])
def test_names_of_columns_of_tables_are_refused(name):
    pair = Description("Strip", "CFD", "a_{}", "b_{}", (Output(name, "m", high="z"), Input("Eta", "m")))
    (line,) = description.faults(pair, mirror_symmetry=False)
    assert "columns of tables are called so" in line


def test_outputs_and_mirror_images_that_cannot_be():
    twice = [Output("A", "m", high="z"), Output("B", "m", high="-z * 2")]
    signs = [Output("Q+", "m", high="a", mirrored="-Q-"), Output("Q-", "m", high="b", mirrored="Q+")]
    for channels, words in ((twice, "high is the column of A too"), (signs, "with the other sign")):
        lines = description.faults(Description("X", "Y", "a_{}", "b_{}", tuple(channels)), False)
        assert lines and all(words in line for line in lines)
    signs[1] = dataclasses.replace(signs[1], mirrored="-Q+")
    pair = Description("X", "Y", "a_{}", "b_{}", tuple(signs))
    assert description.faults(pair, True) == []
    description.use(pair)
    assert mirrored_channels(["Q+", "Q-"]) == ([1, 0], [-1.0, -1.0])
