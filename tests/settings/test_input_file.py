"""Input files: from the import line of main.py and from --inputs, which find the same classes."""

import itertools
import sys

import pytest

from settings import UserInput
from settings.input_file import RECIPES, TEMPLATE, import_line, load_module, read_config
from studies.sweep_combinations import read_sweep
from system.errors import InputError

NAMES = ("UserInputArgs", "PlottingArgs", "DataInfoArgs", "DerivedArgs")
BASE = """
class UserInputArgs:
    def __init__(self):
        self.hidden_size = 11
class PlottingArgs: pass
class DataInfoArgs:
    def __init__(self):
        self.train_sc, self.train_lamp, self.val_sc, self.val_lamp = ["a"], ["A"], ["b"], ["B"]
class DerivedArgs:
    def __init__(self, usr_args, data_info): pass
class SaveDataArgs:
    def __init__(self):
        self.prefix = "base_"
class SweepArgs:
    def __init__(self):
        self.lr = [0.1, 0.2]
"""
OWN = {
    "UserInputArgs": "class UserInputArgs(base_ship.UserInputArgs): pass",
    "SaveDataArgs": 'class SaveDataArgs:\n    def __init__(self):\n        self.prefix = "own_"',
    "SweepArgs": "class SweepArgs:\n    def __init__(self):\n        self.lr = [0.1, 0.2, 0.3]",
}
CHOICES = {"UserInputArgs": ("own", "used"), "SaveDataArgs": ("own", "used", None), "SweepArgs": ("own", "used", None)}


@pytest.mark.parametrize("which", list(itertools.product(*CHOICES.values())), ids=str)
@pytest.mark.parametrize("line", ["4 classes", "all", "*", "brackets"])
def test_the_import_line_and_inputs_find_the_same_classes(tmp_path, monkeypatch, which, line):
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("base_ship", "my_ship"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    which = dict(zip(CHOICES, which, strict=True))
    used = [*NAMES[1:], *(name for name, how in which.items() if how == "used")]
    text = f"import base_ship\nfrom base_ship import {', '.join(used)}\n"
    text += "\n".join(OWN[name] for name, how in which.items() if how == "own")
    (tmp_path / "base_ship.py").write_text(BASE)
    (tmp_path / "my_ship.py").write_text(text)
    names = {"4 classes": ", ".join(NAMES), "*": "*", "brackets": "(\n    " + ",\n    ".join(NAMES) + ",\n)"}
    optional = [name for name in ("SaveDataArgs", "SweepArgs") if which[name]]
    names["all"] = ", ".join([*NAMES, *optional])
    source = f"import sys\nfrom my_ship import {names[line]}\n"
    (tmp_path / "main.py").write_text(source)
    program = {"__file__": str(tmp_path / "main.py")}
    exec(source, program)

    modules = import_line(program), load_module("my_ship")
    configs = [read_config(module)[0] for module in modules]
    assert configs[0] == configs[1]
    assert configs[0].user.hidden_size == 11 and configs[0].input_file == "my_ship.py"
    prefix = {"own": "own_", "used": "base_", None: "lstm_output_for_"}[which["SaveDataArgs"]]
    assert configs[0].save.prefix == prefix
    for module, config in zip(modules, configs, strict=True):
        sweep = read_sweep(getattr(module, "SweepArgs", None), config)[0]
        members = {"own": 3, "used": 2, None: 0}[which["SweepArgs"]]
        assert len(sweep.members if sweep else ()) == members


@pytest.mark.parametrize("name", sorted(path.stem for path in RECIPES.glob("*.py")))
def test_a_recipe_is_found_by_the_import_line_and_by_inputs(tmp_path, monkeypatch, name):
    program = {"__file__": "main.py"}
    exec(f"from recipes.{name} import UserInputArgs, PlottingArgs, DataInfoArgs, DerivedArgs", program)
    monkeypatch.chdir(RECIPES.parent)
    configs = [read_config(module)[0] for module in (import_line(program), load_module(name))]
    assert configs[0] == configs[1] and configs[0].input_file == f"{name}.py"
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_ship.py").write_text(f"import data_io\nfrom {name} import UserInputArgs")
    assert load_module("my_ship").UserInputArgs is not None


def test_classes_of_two_import_lines(tmp_path, monkeypatch):
    """The optional classes come from the first line's module that has them."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "ship_a.py").write_text(BASE.split("class SaveDataArgs")[0].replace("11", "12"))
    (tmp_path / "ship_b.py").write_text(BASE)
    source = "from ship_a import UserInputArgs, PlottingArgs\nfrom ship_b import DataInfoArgs, DerivedArgs\n"
    (tmp_path / "main.py").write_text(source)
    program = {"__file__": str(tmp_path / "main.py")}
    exec(source, program)
    config, faults, _ = read_config(import_line(program))
    assert faults == [] and config.user.hidden_size == 12
    assert config.save.prefix == "base_" and config.input_file == "ship_a.py"


@pytest.mark.parametrize(
    "name",
    [
        "my ships/ship 1",
        "my ships/ship 1.py",
        "my ships\\ship 1",
        ".\\my ships\\ship 1.py",
        "my ships/ship 1.PY",  # the same file on Windows
        "{folder}/my ships/ship 1.py",
        "ships.ship_2",
        "ships/ship_2.py",
        "ship.v3",
        "ship.v3.py",
    ],
)
def test_names_of_input_files(tmp_path, name):
    for file in ("my ships/ship 1.py", "ships/ship_2.py", "ship.v3.py"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(BASE)
    module = load_module(name.format(folder=tmp_path))
    assert module.UserInputArgs().hidden_size == 11


def variant(tmp_path, monkeypatch, text: str):
    """The module of an input file that is derived from BASE by the import line of main.py, and by --inputs."""
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("base_ship", "my_ship"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    (tmp_path / "base_ship.py").write_text(BASE)
    (tmp_path / "my_ship.py").write_text(f"from base_ship import *\nfrom settings import changed\n{text}")
    program = {"__file__": str(tmp_path / "main.py")}
    exec(f"from my_ship import {', '.join(NAMES)}", program)
    return import_line(program), load_module("my_ship")


def test_a_variant_of_two_lines_knows_what_it_started_from(tmp_path, monkeypatch):
    text = "UserInputArgs = changed(UserInputArgs, epochs=7, hidden_size=12)\n"
    text += "SaveDataArgs = changed(SaveDataArgs, train=[])"
    for module in variant(tmp_path, monkeypatch, text):
        config, faults, _ = read_config(module)
        assert faults == [] and (config.user.epochs, config.user.hidden_size) == (7, 12)
        assert (config.save.prefix, config.save.train, config.data.val_sc) == ("base_", (), ("b",))
        assert config.base_file == "base_ship.py" and config.base.hidden_size == 11
        assert config.as_dict()["base"] == {"epochs": UserInput().epochs, "hidden_size": 11}


def test_a_class_derived_from_a_variant_keeps_its_changes(tmp_path, monkeypatch):
    text = "Changed = changed(UserInputArgs, epochs=7)\nclass UserInputArgs(Changed):\n    def __init__(self):\n"
    text += "        super().__init__()\n        self.lr = self.hidden_size / 100\n"
    for module in variant(tmp_path, monkeypatch, text):
        config, faults, _ = read_config(module)
        assert faults == [] and (config.user.epochs, config.user.hidden_size, config.user.lr) == (7, 11, 0.11)
        assert config.as_dict()["base"] == {"lr": UserInput().lr}


def test_a_misspelt_change_is_named(tmp_path, monkeypatch):
    text = "UserInputArgs = changed(UserInputArgs, epoch=7)"
    for module in variant(tmp_path, monkeypatch, text):
        (fault,) = read_config(module)[1]
        assert fault.startswith("UserInputArgs.epoch: there is no such setting; the nearest is epochs")


def test_a_copy_of_the_template_started_from_the_template(tmp_path, monkeypatch):
    monkeypatch.chdir(TEMPLATE.parent)
    text = TEMPLATE.read_text(encoding="utf-8").replace("self.num_layers = 2", "self.num_layers = 3")
    (tmp_path / "my_ship.py").write_text(text, encoding="utf-8")
    config, faults, _ = read_config(load_module(str(tmp_path / "my_ship.py")))
    assert faults == [] and config.base_file == "input_template.py" and config.as_dict()["base"] == {"num_layers": 2}


def test_an_import_line_without_user_input_args(tmp_path):
    (tmp_path / "main.py").write_text("import sys\n")
    with pytest.raises(InputError, match="main.py: its import line names no UserInputArgs; write: from my_ship import"):
        import_line({"__file__": str(tmp_path / "main.py"), "sys": sys})
