"""Loads the user's input file and turns its classes into checked settings."""

import contextlib
import dataclasses
import importlib.util
import os
import sys
import traceback
from collections import ChainMap
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from settings import SECTIONS, Config, DataInfo, UserInput, conflicts, fill, resolve_indices
from settings.description import SHIP, UserFunction
from system.errors import FaultCollector, InputError, did_you_mean
from system.files import posix

INPUT_CLASSES = (*SECTIONS, "DerivedArgs", "SweepArgs")
OPTIONAL = ("SaveDataArgs", "DerivedArgs")
TEMPLATE = Path(__file__).resolve().parents[1] / "input_template.py"
RECIPES = TEMPLATE.with_name("recipes")
OWN = " (input file)"  # behind the name of an input file's module
sys.path.append(str(RECIPES))  # an input file anywhere may be derived from a recipe


def explain_import_errors() -> None:
    """From here on an error in an input file that main.py imports is reported in one line, without a traceback."""
    usual = sys.excepthook

    def hook(kind: type, error: BaseException, trace: Any) -> None:
        frames = [frame for frame in traceback.extract_tb(trace) if not frame.filename.startswith("<")]
        if not frames or not frames[0].line.startswith("from "):
            usual(kind, error, trace)
            return
        # An error that the program raised is located in the user's file, the first frame after main.py.
        frame = frames[min(1, len(frames) - 1)] if isinstance(error, InputError) else frames[-1]
        file = error.filename if isinstance(error, SyntaxError) else frame.filename
        print(f"Error: {describe_user_error(error, Path(file or '').name)}", file=sys.stderr)

    sys.excepthook = hook


def load_module(name: str) -> ModuleType:
    """The input module called `name`: a module name or a path to a .py file.

    Raises InputError if the file is not there or is not valid Python.
    """
    path = _path_of(name)
    if not path.is_file():
        hint = did_you_mean(path.stem, [p.stem for p in path.parent.glob("*.py")])
        raise InputError(
            f"--inputs {name}: there is no file {path}{hint} (give a module name or the path of a .py file)"
        )
    own_name = path.stem + OWN  # an input file may have the name of one of the program's modules
    spec = importlib.util.spec_from_file_location(own_name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[own_name] = module
    loaded_before = set(sys.modules)
    folder = path.parent.resolve()
    sys.path.insert(0, str(folder))  # an input file may import another one in its folder
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise InputError(describe_user_error(error, str(path))) from error
    finally:
        sys.path.pop(0)
        if folder != Path(__file__).resolve().parents[1]:
            _forget_modules(folder, set(sys.modules) - loaded_before)
    return module


def _path_of(name: str) -> Path:
    """The .py file called `name`, which may not exist."""
    path = Path(posix(name))
    if path.suffix.lower() == ".py":
        return path.with_suffix(".py")
    file = path.with_name(path.name + ".py")
    as_imported = Path(f"{name.replace('.', '/')}.py")  # a module name as in an import line: folder.my_ship
    return next((path for path in (file, as_imported, RECIPES / file) if path.is_file()), file)


def _forget_modules(folder: Path, names: set[str]) -> None:
    """Forgets the modules beside an input file, so that the next input file imports those of its own folder."""
    for name in names:
        file = getattr(sys.modules[name], "__file__", None)
        if file and Path(file).resolve().parent == folder:
            del sys.modules[name]


def describe_user_error(error: BaseException, where: str) -> str:
    """One line for an exception raised in the user's file: file, line, Python's message."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if Path(frame.filename).name == Path(where).name]
    if not lines and isinstance(error, SyntaxError):
        lines = [error.lineno]
    position = f", line {lines[-1]}" if lines and lines[-1] else ""
    kind = "" if isinstance(error, InputError) else f"{type(error).__name__}: "
    text = error.msg if isinstance(error, SyntaxError) else str(error)  # Python's text repeats file and line
    return f"{where}{position}: {kind}{' '.join(text.split())}"


def import_line(program: dict[str, Any]) -> SimpleNamespace:
    """The input module named in main.py's import line, with its classes.

    program: main.py's global names. SaveDataArgs and SweepArgs need not be in the import line, and the input file may
        import its classes from another one: the module named in the line counts, not the one that defines a class.
    Raises InputError if the line names no UserInputArgs.
    """
    if "UserInputArgs" not in program:
        raise InputError(
            f"{Path(program['__file__']).name}: its import line names no UserInputArgs; "
            "write: from my_ship import UserInputArgs, PlottingArgs, DataInfoArgs, DerivedArgs"
        )
    classes = {name: program[name] for name in INPUT_CLASSES if name in program}
    # Python lists a module behind those that it imports: the last one with all of these classes is the user's.
    modules = [
        module
        for module in reversed(tuple(sys.modules.values()))
        if (names := getattr(module, "__dict__", {})) is not program
        and all(names.get(name) is chosen for name, chosen in classes.items())
    ][:1] or [sys.modules[chosen.__module__] for chosen in classes.values()]  # of several import lines
    names = ChainMap(classes, *map(vars, modules))
    classes = {name: names[name] for name in INPUT_CLASSES if name in names}
    file = getattr(modules[0], "__file__", None)
    return SimpleNamespace(__name__=modules[0].__name__, __file__=file, **classes)


def read_config(module: ModuleType | SimpleNamespace) -> tuple[Config, list[str], list[str]]:
    """The settings of an input file (defaults in place of invalid ones), errors and warnings, one line each."""
    where = Path(getattr(module, "__file__", None) or module.__name__).name
    collect = FaultCollector()
    instances = {class_name: collect(_set_up, module, where, class_name) for class_name in SECTIONS}
    faults, sections = collect.faults, {}
    for class_name, (section_name, section) in SECTIONS.items():
        written = instances[class_name]
        sections[section_name], lines = fill(section, written, class_name) if written else (section(), [])
        faults += lines
    written = _with_functions_of(module, sections["data"])
    if not any(
        line.startswith(tuple(f"DataInfoArgs.{name}" for name in ("low_file", "high_file", "channels")))
        for line in faults
    ):
        faults += conflicts.faults_of_description(sections["user"], written)
    sections["user"] = dataclasses.replace(sections["user"], description=written.description())
    sections["data"] = written.with_lists()
    if any(line.startswith("DataInfoArgs.channels,") for line in faults):  # what follows from them would be wrong
        sections["user"] = dataclasses.replace(sections["user"], description=SHIP)
    if sections["data"] != written and any("DataInfoArgs" in line for line in faults):
        sections["data"] = DataInfo()  # of faulty patterns and names no files would be found
    user, data = instances["UserInputArgs"], instances["DataInfoArgs"]
    if user and data:  # DerivedArgs, which users leave alone, may use lists that they have left out
        user = SimpleNamespace(**vars(UserInput()) | _all_attributes(user))
        data = SimpleNamespace(**vars(sections["data"]) | _all_attributes(data))
        collect(_set_up, module, where, "DerivedArgs", user, data)
    plotting, left_out = resolve_indices(sections["plotting"], sections["data"])
    save, more_left_out = resolve_indices(sections["save"], sections["data"])
    started_from = _base_of(getattr(module, "UserInputArgs", None))
    config = Config(sections["user"], plotting, sections["data"], save, where, *started_from)
    faults += conflicts.faults(config, lists_were_read=not any("DataInfoArgs" in line for line in faults))
    warnings = conflicts.records_in_two_sets(config.user, config.data) + conflicts.warnings(config.user)
    warnings += [f"PlottingArgs.{line}" for line in left_out if plotting.plotting_mode]
    warnings += [f"SaveDataArgs.{line}" for line in more_left_out if save.save_data_mode]
    return config, faults, warnings


def _with_functions_of(module: ModuleType | SimpleNamespace, data: DataInfo) -> DataInfo:
    """The functions that read files are those of this input file, wherever it has them from."""
    file = getattr(module, "__file__", None) or ""
    with contextlib.suppress(ValueError):  # on another drive
        file = min(file, os.path.relpath(file), key=len)
    of = {name: getattr(data, name) for name in ("read_low", "read_high")}
    functions = {name: reading for name, reading in of.items() if isinstance(reading, UserFunction)}
    located = {name: dataclasses.replace(reading, file=posix(file)) for name, reading in functions.items()}
    return dataclasses.replace(data, **located)


def _base_of(source: Callable) -> tuple[UserInput, str]:
    """What a UserInputArgs started from: the class that it is derived from, or else the template that users copy.

    With the name of its file. The defaults without a name if there is neither.
    """
    parent = getattr(source, "__mro__", (source, object))[1]
    try:
        if parent is object:
            parent = load_module(str(TEMPLATE)).UserInputArgs
        file = parent.__module__.removesuffix(OWN).rpartition(".")[2]
        return fill(UserInput, parent(), file)[0], f"{file}.py"
    except Exception:  # of another's file, which is no part of the run
        return UserInput(), ""


def _all_attributes(instance: Any) -> dict[str, Any]:
    """The settings and the helpers of the user's own."""
    return {name: getattr(instance, name) for name in dir(instance) if not name.startswith("__")}


def _set_up(module: ModuleType | SimpleNamespace, where: str, class_name: str, *arguments: Any) -> Any:
    """An instance of a class of the input file; None if it is left out and may be. Raises InputError if it fails."""
    source = getattr(module, class_name, None)
    if source is None and class_name in OPTIONAL:
        return None
    if source is None:
        raise InputError(f"{where}: class {class_name} is missing; copy it from input_template.py")
    try:
        return source(*arguments)
    except Exception as error:
        raise InputError(f"{describe_user_error(error, where)} (while {class_name} was set up)") from error
