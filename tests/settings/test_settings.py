"""Input files: what they may set, what they may leave out, and how errors are reported."""

import dataclasses
import json

import pytest
from conftest import Code, faults_of, input_text

import settings
from docs import settings_page
from networks import replacement
from networks.network_folder import TEMPORARY
from settings import Config, UserInput
from settings.input_file import load_module, read_config

ONE = {"train_sc": ["SC_1"], "train_lamp": ["LAMP_1"]}
FOUR = {"train_sc": [*"abc"], "train_lamp": [*"ABC"], "val_sc": [], "val_lamp": []}
FOUR |= {"test_sc": ["d"], "test_lamp": ["D"]}
BEYOND = "{}: {} left out; the train set has 3 realizations, 0 to 2, or counted from the end -1 to -3"


@pytest.fixture
def read(tmp_path):
    """(user, plotting, data, save) -> configuration, faults, warnings."""

    def read_text(user=None, plotting=None, data=ONE, save=None, without=()):
        (tmp_path / "my_inputs.py").write_text(input_text(user, plotting, data, save, without), encoding="utf-8")
        return read_config(load_module("my_inputs"))

    return read_text


# ---- what is accepted ---------------------------------------------------------------------------------------------


def test_an_empty_input_file_has_the_defaults(read):
    config, faults, warnings = read()
    assert (faults, warnings) == ([], [])
    assert config.user == UserInput()
    assert config.user.hidden_size == 30 and config.user.num_layers == 2 and config.user.lr == 0.005
    assert config.user.model_save_filename == "recently_trained_model"
    assert config.save.prefix == "lstm_output_for_" and config.save.output_path == "output_files"
    assert config.input_file == "my_inputs.py"
    assert config.save.train == (0,) and config.save.test == ()


def test_an_older_input_file_runs_as_it_is(read):
    as_usual = (
        "training_mode model_load_filename model_save_filename input_3dof input_waves input_vbm output_3dof output_vbm "
        "time_res hidden_size num_layers bi_directional dropout lr epochs wave_grid_x_size wave_grid_y_size"
    )
    user = {name: getattr(UserInput(), name) for name in as_usual.split()}
    user |= {"seq_length": 2000, "num_batches": 1, "train_fun_hyp": [1, 0.1, 0.9], "val_fun_hyp": [0, 0, 0]}
    user |= {"input_size": 4, "output_size": 3}
    plotting = {"plotting_mode": True, "running_avg_span": 50, "maxima_bullet_size": 8, "lstm_color": "blue"}
    for kind in ("prediction", "error", "maxima", "histo"):
        plotting |= {f"{kind}_ID_list_{name}": [0] for name in ("train", "test")} | {f"{kind}_ID_list_val": []}
    config, faults, warnings = read(user, plotting, FOUR, without=("SaveDataArgs",))
    assert (faults, warnings) == ([], [])
    assert config.user.train_fun_hyp == (1, 0.1, 0.9) and config.user.input_size == 4
    assert config.plotting.lstm_color == "blue" and config.plotting.histo_ID_list_test == (0,)
    assert config.save.test == (0,)


@pytest.mark.parametrize(
    ("user", "sizes"),
    [
        ({}, (4, 3)),
        ({"input_waves": False}, (3, 3)),
        ({"input_vbm": True, "output_vbm": True}, (5, 4)),
        ({"output_3dof": False, "output_vbm": True, "input_3dof": False}, (1, 1)),
        ({"wave_grid_x_size": 5, "wave_grid_y_size": 3, "ship_length": 150, "ship_beam": 20}, (18, 3)),
    ],
)
def test_sizes_set_by_hand_are_checked(read, user, sizes):
    _, faults, _ = read(user | {"input_size": sizes[0], "output_size": sizes[1]})
    assert faults == []
    _, faults, _ = read(user | {"input_size": sizes[0] + 1, "output_size": sizes[1] + 1})
    assert len(faults) == 2
    assert f"input_size = {sizes[0] + 1}" in faults[0] and f" {sizes[0]};" in faults[0]
    assert f"output_size = {sizes[1] + 1}" in faults[1] and f" {sizes[1]};" in faults[1]


@pytest.mark.parametrize(
    ("name", "value", "meant"),
    [
        ("hidden_size", Code("np.int64(12)"), 12),
        ("hidden_size", Code("np.array(12)"), 12),
        ("hidden_size", 12.0, 12),
        ("lr", Code("np.float32(0.25)"), 0.25),
        ("lr", 1, 1.0),
        ("bi_directional", Code("np.bool_(True)"), True),
        ("bi_directional", 1, True),
        ("train_fun_hyp", Code("np.array([3, 1.5, 0])"), (3, 1.5, 0.0)),
        ("train_fun_hyp", 2, (2, 0.0, 0.0)),
        ("train_fun_hyp", Code("[np.int64(1), np.float32(0.5), np.float64(2)]"), (1, 0.5, 2.0)),
        ("train_fun_hyp", Code("[4, 0.5]"), (4, 0.5, 0.0)),
        ("optimizer", "Adam", "adam"),
        ("seed", None, None),
        ("model_save_filename", "saved_models/mine", "mine"),
        ("model_save_filename", "saved_models\\mine", "mine"),
        ("model_save_filename", Code("Path('saved_models') / 'mine'"), "mine"),
    ],
)
def test_types_that_stand_for_the_same_value(read, name, value, meant):
    config, faults, _ = read({name: value})
    assert faults == []
    assert getattr(config.user, name) == meant
    assert type(getattr(config.user, name)) is type(meant)


@pytest.mark.parametrize("value", ["range(2)", "np.arange(2)", "(0, 1)", "[np.int32(0), 1.0]", "(i for i in [0, 1])"])
def test_index_lists_of_all_kinds(read, value):
    config, faults, _ = read(None, {"error_ID_list_train": Code(value)}, FOUR)
    assert faults == []
    assert config.plotting.error_ID_list_train == (0, 1)


def test_paths_of_all_kinds(read):
    data = {
        "train_sc": ["data\\SC_1", "data/SC_2.mot"],
        "train_lamp": Code("[Path('data') / 'LAMP_1', r'data\\LAMP_2.wav']"),
        "test_sc": Code("np.array(['x/SC_3'])"),
        "test_lamp": Code("('x/LAMP_3',)"),
    }
    config, faults, _ = read(data=data, save={"output_path": "results\\run 1\\"})
    assert faults == []
    assert config.data.train_sc == ("data/SC_1", "data/SC_2")
    assert config.data.train_lamp == ("data/LAMP_1", "data/LAMP_2")
    assert config.data.pairs("test") == [("x/SC_3", "x/LAMP_3")]
    assert config.save.output_path == "results/run 1"
    assert config.output_folder.as_posix() == "results/run 1/recently_trained_model"


def test_the_folder_is_named_after_the_network_in_use(read):
    names = {"model_save_filename": "new", "model_load_filename": "old"}
    assert read(names | {"training_mode": True})[0].network_folder.as_posix() == "saved_models/new"
    loading = read(names | {"training_mode": False})[0]
    assert loading.network_folder.as_posix() == "saved_models/old"
    assert loading.output_folder.as_posix() == "output_files/old"


def test_lists_built_in_loops_and_attributes_of_the_class(tmp_path):
    text = input_text(data=ONE).replace("        pass", "        pass\n        for _i in range(3): pass", 1)
    text = text.replace(
        "class UserInputArgs:", "class UserInputArgs:\n    hidden_size = 7\n    def helper(self): pass", 1
    )
    (tmp_path / "looped.py").write_text(text)
    config, faults, _ = read_config(load_module("looped"))
    assert faults == [] and config.user.hidden_size == 7


@pytest.mark.parametrize(
    ("plotting", "save", "indices", "written", "said"),
    [
        ({"maxima_ID_list_train": [-1, 0, -3]}, {"train": [-2]}, (2, 0, 0), (1,), []),
        ({"error_ID_list_train": "All"}, {"train": "FIRST"}, (0, 1, 2), (0,), []),
        ({"error_ID_list_train": [0, 3, -4]}, {}, (0,), (0, 1, 2), [("PlottingArgs.error_ID_list_train", "3, -4")]),
        ({"error_ID_list_train": [2]}, {"train": [4]}, (2,), (), [("SaveDataArgs.train", "4")]),
        # What is switched off is not looked at.
        ({"error_ID_list_train": [9], "evolution_ID_list_val": [9], "plotting_mode": False}, {}, (), (0, 1, 2), []),
        ({"error_ID_list_train": [0]}, {"train": [9], "save_data_mode": False}, (0,), (), []),
    ],
)
def test_index_lists(read, plotting, save, indices, written, said):
    config, faults, warnings = read(None, plotting, FOUR, save)
    assert (faults, warnings) == ([], [BEYOND.format(*words) for words in said])
    assert getattr(config.plotting, next(iter(plotting))) == indices and config.save.train == written


def test_all_in_place_of_any_index_list(read):
    names = [f.name for f in dataclasses.fields(settings.Plotting) if "_ID_list_" in f.name]
    user, save = {"checkpoint_every": 1}, dict.fromkeys(settings.SET_NAMES, "all")
    config, faults, warnings = read(user, dict.fromkeys(names, "all"), FOUR, save)
    assert (faults, warnings) == ([], []) and len(names) == 13
    sizes = {"train": (0, 1, 2), "val": (), "test": (0,)}
    assert all(getattr(config.plotting, name) == sizes[name.split("_")[-1]] for name in names)
    assert all(getattr(config.save, name) == sizes[name] for name in sizes)


def test_indices_into_an_empty_set_are_a_warning(read):
    config, faults, warnings = read(None, {"error_ID_list_val": [0, 1]}, FOUR)
    assert (faults, warnings) == ([], ["PlottingArgs.error_ID_list_val = [0, 1] is left out: the val set is empty"])
    assert config.plotting.error_ID_list_val == ()


def test_an_evolution_needs_checkpoints(read):
    three = FOUR | {"val_sc": ["d"], "val_lamp": ["D"]}
    assert read(None, None, three)[0].plotting.evolution_ID_list_val == ()
    wanted = {"evolution_ID_list_val": [0]}
    (fault,) = read(None, wanted, three)[1]
    assert "PlottingArgs.evolution_ID_list_val" in fault and "checkpoint_every" in fault
    config, faults, _ = read({"checkpoint_every": 5}, wanted, three)
    assert faults == [] and config.plotting.evolution_ID_list_val == (0,)
    assert read(None, wanted | {"plotting_mode": False}, three)[1] == []
    _, faults, warnings = read(None, wanted, FOUR)  # no validation set
    assert faults == [] and "evolution_ID_list_val" in warnings[0]
    assert "0 to 0" in read({"checkpoint_every": 5}, {"evolution_ID_list_val": [1]}, three)[2][-1]


def test_settings_become_json_and_are_frozen(read):
    config, _, _ = read({"train_fun_hyp": [1, 0.5, 2]}, None, FOUR)
    plain = json.loads(json.dumps(config.as_dict()))
    assert plain["user"]["train_fun_hyp"] == [1, 0.5, 2.0] and plain["data"]["train_sc"] == ["a", "b", "c"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.user.lr = 1.0


# ---- what is refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("section", "name", "expected"),
    [
        ("user", "hiden_size", "hidden_size"),
        ("user", "Bidirectional", "bi_directional"),
        ("plotting", "error_ID_list_tset", "error_ID_list_test"),
        ("save", "outputpath", "output_path"),
        ("user", "lstm_color", "belongs in PlottingArgs"),
        ("plotting", "epochs", "belongs in UserInputArgs"),
    ],
)
def test_an_unknown_attribute_is_named_with_its_nearest(read, section, name, expected):
    _, faults, _ = read(**{section: {name: 1}})
    assert len(faults) == 1
    assert f"Args.{name}: " in faults[0] and expected in faults[0]


@pytest.mark.parametrize(
    ("section", "name", "value", "nearest"),
    [
        ("data", "training_cases_file", "cases.txt", "train"),  # of the earlier tool's own template
        ("data", "train_lamp_files", ["a"], "train_lamp"),
        ("data", "n", 3, ""),
        ("user", "ship", Code("__import__('pathlib').Path('ship')"), ""),
        ("user", "table", Code("__import__('numpy').ones(3)"), ""),
        ("plotting", "colors", {"a": "red"}, "lstm_color"),
        ("save", "run_number", 7, ""),
    ],
)
def test_an_attribute_for_the_users_own_use_gets_the_way_out(read, section, name, value, nearest):
    data = ONE if section == "data" else {}
    _, (line,), _ = read(**{section: data | {name: value}})
    assert f"Args.{name}: " in line and "\n" not in line and "the nearest is " + nearest in line
    assert "local variable" in line and f"_{name}" in line
    assert read(**{section: data | {f"_{name}": value}})[1] == []


@pytest.mark.parametrize("section", ["user", "plotting", "data", "save"])
def test_functions_classes_and_modules_are_no_settings(read, section):
    own = {"os": Code("__import__('os')"), "total": Code("sum"), "Path": Code("__import__('pathlib').Path")}
    assert read(**{section: own | (ONE if section == "data" else {})})[1] == []


def test_helpers_with_an_underscore_reach_derived_args(tmp_path):
    text = """
import os
class UserInputArgs:
    import math
    _twice = staticmethod(lambda x: 2 * x)
    def __init__(self):
        self._cases = 3
class PlottingArgs(UserInputArgs): _color = "red"
class DataInfoArgs(UserInputArgs): pass
class SaveDataArgs(UserInputArgs): pass
class DerivedArgs:
    def __init__(self, user, data):
        self.number = user._twice(user._cases) + data._cases
"""
    (tmp_path / "mine.py").write_text(text)
    assert [line for line in read_config(load_module(str(tmp_path / "mine.py")))[1] if "DataInfoArgs" not in line] == []


@pytest.mark.parametrize(
    ("section", "name", "value", "expected"),
    [
        ("user", "hidden_size", 0, "1 to 4096"),
        ("user", "hidden_size", 2.5, "whole number"),
        ("user", "hidden_size", True, "whole number"),
        ("user", "hidden_size", "30", "whole number"),
        ("user", "hidden_size", None, "whole number"),
        ("user", "hidden_size", Code("np.array([30])"), "whole number"),
        ("user", "epochs", Code("10**400"), "whole number"),
        ("user", "lr", -1, "learning rate"),
        ("user", "lr", Code("10**400"), "number"),
        ("user", "lr", Code("float('nan')"), "number"),
        ("user", "lr", Code("lambda: 0.01"), "number"),
        ("user", "lr", Code("__import__('numpy').ones((40, 3))"), "number"),
        ("user", "dropout", 1.0, "0 to 0.95"),
        ("user", "training_mode", "True", "True or False"),
        ("user", "bi_directional", 2, "True or False"),
        ("user", "time_res", 0, "1 to"),
        ("user", "wave_grid_x_size", 4, "odd"),
        ("user", "train_fun_hyp", [7, 0, 0], "kind 0 to 6"),
        ("user", "val_fun_hyp", [1, "a", 0], "numbers a and b"),
        ("user", "val_fun_hyp", [], "kind"),
        ("user", "optimizer", "adma", "'adam'"),
        ("user", "lr_schedule", "cosin", "'cosine'"),
        ("user", "network_type", "lsmt", "'lstm'"),
        ("user", "model_save_filename", "a/b", "folder in saved_models"),
        ("user", "model_save_filename", "..", "folder in saved_models"),
        ("user", "model_save_filename", "", "folder in saved_models"),
        ("user", "model_save_filename", "NUL", "folder in saved_models"),
        ("user", "model_load_filename", "com1.v2", "folder in saved_models"),
        ("user", "model_save_filename", "simplecode", "another name"),
        ("save", "prefix", "aux.", "file name"),
        ("plotting", "error_ID_list_train", 0, "list of indices"),
        ("plotting", "error_ID_list_train", [0.5], "whole numbers"),
        ("plotting", "error_ID_list_train", ["0"], "whole numbers"),
        ("plotting", "lamp_color", "no colour", "colour"),
        ("plotting", "running_avg_span", -1, "time steps"),
        ("save", "prefix", "a/b", "file name"),
        ("data", "train_sc", "SC_1", "list of paths"),
        ("data", "train_sc", [""], "list of paths"),
        ("data", "train_sc", [1], "list of paths"),
    ],
)
def test_a_bad_value_is_reported_with_what_was_expected(read, section, name, value, expected):
    _, faults, _ = read(**{"data": ONE, section: (ONE if section == "data" else {}) | {name: value}})
    (line,) = [line for line in faults if f".{name} = " in line]
    assert expected in line and len(line) < 400
    assert all("\n" not in line for line in faults)


def test_all_faults_come_at_once(read):
    _, faults, _ = read(
        {"hidden_size": -1, "epoch": 5, "input_size": 9, "optimizer": "sgdd"},
        {"error_ID_list_train": 5},
        {"train_sc": ["a", "b"], "train_lamp": ["A"]},
        {"prefixx": ""},
    )
    named = "hidden_size", "epoch:", "input_size", "optimizer", "error_ID_list_train", "train_lamp has 1", "prefixx"
    assert [sum(part in line for line in faults) for part in named] == [1] * 7
    assert len(faults) == 7


@pytest.mark.parametrize(
    ("user", "data", "expected"),
    [
        ({"input_3dof": False, "input_waves": False}, ONE, "input_3dof, input_waves and input_vbm are all False"),
        ({"output_3dof": False}, ONE, "both False"),
        ({"wave_grid_x_size": 3}, ONE, "ship_length"),
        ({"wave_grid_y_size": 3}, ONE, "ship_beam"),
        ({"predict_correction": True, "input_3dof": False}, ONE, "predict_correction"),
        ({"predict_correction": True, "output_vbm": True}, ONE, "predict_correction"),
        ({"predict_correction": True, "output_vbm": True, "input_vbm": True}, ONE, ""),
        ({}, {}, "train_sc is empty"),
        ({"training_mode": False}, {}, "all lists are empty"),
        ({"training_mode": False}, {"test_sc": ["a"], "test_lamp": ["A"]}, ""),
        ({"tensorboard": True}, ONE, "tensorboard = True, but the package tensorboard is not installed; run: python"),
        ({"tensorboard": True, "training_mode": False}, ONE, ""),
    ],
)
def test_settings_that_contradict_each_other(read, monkeypatch, user, data, expected):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    faults = read(user, data=data)[1]
    assert len(faults) == bool(expected) and all(expected in line for line in faults)


def test_what_makes_no_sense_with_a_linear_filter(read):
    user = {"network_type": "linear", "resume": True, "fine_tune_filename": "a", "num_networks": 3}
    user |= {"train_fun_hyp": [1, 0.1, 0.9], "checkpoint_every": 2}
    _, faults, warnings = read(user, data=ONE)
    assert len(faults) == 3 and all("'linear'" in line for line in faults)
    named = "resume = True", "fine_tune_filename = 'a'", "num_networks = 3"
    assert [sum(name in line for line in faults) for name in named] == [1, 1, 1]
    assert len(warnings) == 2 and all("no effect with network_type = 'linear'" in line for line in warnings)
    for network_type in ("gru", "transformer"):
        assert read(user | {"network_type": network_type}, data=ONE)[1:] == ([], [])
    assert read({"network_type": "Linear"}, data=ONE)[0].user.network_type == "linear"


def test_look_ahead_is_for_networks_that_read_step_by_step(read):
    for network_type, remarks in (("lstm", 0), ("gru", 0), ("transformer", 1), ("linear", 1)):
        warnings = read({"look_ahead": 4, "network_type": network_type}, data=ONE)[2]
        assert sum("look_ahead" in line for line in warnings) == remarks == len(warnings)


def test_one_record_in_two_sets_is_a_warning(read):
    _, faults, warnings = read(data=ONE | {"test_sc": ["SC_1"], "test_lamp": ["LAMP_1"]})
    assert faults == []
    assert len(warnings) == 1 and "LAMP_1" in warnings[0] and "test" in warnings[0]


@pytest.mark.parametrize("name", ["UserInputArgs", "PlottingArgs", "DataInfoArgs"])
def test_a_missing_class_is_named(read, name):
    _, faults, _ = read(without=(name,))
    assert any(f"class {name} is missing" in line for line in faults)


# ---- finding the file ---------------------------------------------------------------------------------------------


def test_a_file_that_is_not_there_is_named_with_its_nearest(tmp_path):
    (tmp_path / "my_inputs.py").write_text("")
    (line,) = faults_of(load_module, "my_input")
    assert "my_input.py" in line and "did you mean my_inputs?" in line


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ("a = 1\nb = (\n", 2, "SyntaxError"),
        ("a = 1\n\n  b = 2\n", 3, "IndentationError"),
        ("a = 1\nimport no_such_module\n", 2, "no_such_module"),
        ("def f():\n    return 1 / 0\n\nf()\n", 2, "ZeroDivisionError"),
        ("raise ValueError('two\\nlines')\n", 1, "two lines"),
    ],
)
def test_an_error_in_the_file_becomes_one_line(tmp_path, text, line, expected):
    (tmp_path / "broken.py").write_text(text)
    (fault,) = faults_of(load_module, "broken")
    assert fault.startswith(f"broken.py, line {line}: ") and expected in fault and fault.count("broken.py") == 1


def test_an_error_while_a_class_is_set_up_becomes_one_line_among_the_others(tmp_path):
    text = input_text({"hidden_size": Code("undefined_name")}, {"nonsense": 1}, ONE)
    (tmp_path / "my_inputs.py").write_text(text)
    number = 1 + next(i for i, row in enumerate(text.splitlines()) if "undefined_name" in row)
    _, faults, _ = read_config(load_module("my_inputs"))
    assert len(faults) == 2
    assert faults[0].startswith(f"my_inputs.py, line {number}: NameError") and "UserInputArgs" in faults[0]
    assert "nonsense" in faults[1]


# ---- the declarations ---------------------------------------------------------------------------------------------

SECTIONS = (UserInput, settings.Plotting, settings.DataInfo, settings.SaveData, settings.Search)
DECLARED = [s for section in SECTIONS for s in settings.declared(section).values()]


@pytest.mark.parametrize("setting", DECLARED, ids=lambda setting: setting.name)
def test_a_declaration_is_complete_and_its_default_passes_its_own_checks(setting):
    assert setting.convert(setting.default) == setting.default
    assert setting.help and setting.group and not setting.help.endswith(".")
    assert setting.bears_on in ("run", "repetition", "channels", "network", "training")
    if setting.type in (int, float):
        assert setting.limits or setting.name in ("input_size", "output_size")


def test_a_setting_outside_of_its_limits_is_refused_with_unit_and_meaning():
    setting = settings.declared(UserInput)["washout_length"]
    with pytest.raises(ValueError, match=r"expected 0 to 1e\+06 network steps \(.*settles\)"):
        setting.convert(-1)


def test_what_the_settings_bear_on():
    """Groups on which networks' files and caches rely."""
    assert settings.user_settings("channels")[:3] == ("input_3dof", "input_waves", "input_vbm")
    assert set(settings.user_settings("repetition")) == {"seed", "model_save_filename"}
    assert "resume" in settings.user_settings("run") and "epochs" not in settings.user_settings("run")
    swept = {name for name, s in settings.declared(UserInput).items() if s.swept}
    assert {"hidden_size", "seed", "input_waves", "fine_tune_filename"} <= swept
    assert not swept & {"output_3dof", "output_vbm", "model_save_filename", *settings.user_settings("run")}


# ---- networks of other experiments --------------------------------------------------------------------------------


def overwrite_faults(config: Config, saved: Config | None = None, text: str = "", **user) -> list[str]:
    """The faults of a training of these settings where a network of that name with the saved settings stands."""
    folder = settings.NETWORKS_FOLDER / "mine"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.keras").write_bytes(b"")
    (folder / "settings.json").write_text(text or json.dumps({"settings": (saved or config).as_dict()}))
    user = {"model_save_filename": "mine"} | user
    return replacement.overwrite_faults(dataclasses.replace(config, user=dataclasses.replace(config.user, **user)))


def named(**user) -> Config:
    data = settings.DataInfo(train_sc=("a",), train_lamp=("b",))
    return Config(user=UserInput(model_save_filename="mine", **user), data=data)


def test_the_same_experiment_may_replace_its_network():
    saved = named(seed=7)
    for user in ({}, {"seed": 7}, {"checkpoint_every": 3}, {"training_mode": True, "model_load_filename": "x"}):
        assert overwrite_faults(named(), saved, **user) == []
    assert len(overwrite_faults(named(), saved, seed=8)) == 1


def test_another_experiments_network_is_named_with_what_differs():
    (line,) = overwrite_faults(named(hidden_size=9, lr=0.1), named())
    for part in ("'mine'", "overwrite = True", "hidden_size was 30 and is now 9", "lr was 0.005 and is now 0.1"):
        assert part in line
    other = dataclasses.replace(named(), data=settings.DataInfo(train_sc=("c",), train_lamp=("b",)))
    assert overwrite_faults(other, named()) == []  # whether the data are others is known when they have been read
    for text in ("{", "[]", "{}", '{"settings": 3}'):
        (line,) = overwrite_faults(named(), text=text)
        assert "cannot be read" in line


def test_leave_to_replace_another_experiments_network():
    saved = named(hidden_size=9)
    assert overwrite_faults(named(), saved, overwrite=True) == []
    assert overwrite_faults(named(), saved, training_mode=False) == []
    assert overwrite_faults(named(), saved, model_save_filename="free") == []
    for ending in TEMPORARY:
        assert len(overwrite_faults(named(), saved, model_save_filename=f"free{ending}", overwrite=True)) == 1
    assert len(overwrite_faults(named(), saved, resume=True)) == 1  # there is nothing to go on with
    for folder in ("mine", "mine.training"):
        state = settings.NETWORKS_FOLDER / folder / "training_state.npz"
        state.parent.mkdir(exist_ok=True)
        state.write_bytes(b"")
        assert overwrite_faults(named(), saved, resume=True) == []
        assert len(overwrite_faults(named(), saved)) == 1
        state.unlink()


def test_an_input_file_may_be_called_as_a_module_of_the_program(tmp_path):
    path = tmp_path / "metrics.py"
    path.write_text(input_text({"hidden_size": 7}, None, ONE))
    config, faults, _ = read_config(load_module(str(path)))
    assert faults == [] and config.user.hidden_size == 7 and config.input_file == "metrics.py"

    import metrics

    assert hasattr(metrics, "error_report")


def test_the_page_on_settings_is_what_the_declarations_say():
    page = settings_page.PAGE.read_text(encoding="utf-8")
    assert page == settings_page.settings_page(), "run python -m docs.settings_page"
    assert "| `hidden_size` | `30` | 1 to 4096 | units in a layer |" in page
    assert "`0.005`; template: `0.02`" in page
