"""Writes docs/settings.md from the declarations in settings/declarations.py: python -m docs.settings_page"""

import itertools
import textwrap
from pathlib import Path
from typing import Any

import settings
from settings import input_file, values

PAGE = Path(__file__).with_name("settings.md")
ROOT = Path(__file__).resolve().parents[1]
MANY = 10**6  # limits above this only catch typing errors
PREAMBLE = """# Settings

Written by `python -m docs.settings_page` from the declarations in `settings/declarations.py`.

A setting that an input file leaves out has its default. For UserInputArgs the defaults are the earlier tool's recipe,
so that older input files keep their meaning. `input_template.py` has better values, given here where they differ.

An attribute that is not listed here is an error. For a helper of your own use a local variable, or a name that begins
with `_`.
"""
NOT_SWEPT = ", ".join(f"`{name}`" for name, s in settings.declared(settings.UserInput).items() if not s.swept)
TEXTS = {
    "UserInputArgs": "The network and its training.",
    "PlottingArgs": "The figures. An index list holds indices into the lists of DataInfoArgs, counted from 0, or from "
    '-1 at the end; `"all"` is every realization of the set, `"first"` the first one. Indices beyond a set are left '
    "out with a warning.",
    "DataInfoArgs": "The realizations: lists of paths without file extensions. `data_io.read_cases` makes them from a "
    "cases file.",
    "SaveDataArgs": "The class may be left out. Index lists are as in PlottingArgs.",
    "SweepArgs": "For sweeps alone, see [sweeps.md](sweeps.md): lists of values for any setting of UserInputArgs "
    f"except {NOT_SWEPT}; and",
}


def settings_page() -> str:
    """The text of docs/settings.md."""
    template = input_file.load_module(str(ROOT / "input_template.py"))
    sections = [section for _, section in settings.SECTIONS.values()] + [settings.Search]
    parts = [PREAMBLE]
    for (class_name, text), section in zip(TEXTS.items(), sections, strict=True):
        parts.append(f"\n## {class_name}\n\n{textwrap.fill(text, 120, break_on_hyphens=False)}\n")
        better = settings.attributes(template.UserInputArgs()) if section is settings.UserInput else {}
        for group, members in itertools.groupby(settings.declared(section).values(), lambda setting: setting.group):
            parts.append(f"\n### {group}\n\n| setting | default | allowed | meaning |\n|---|---|---|---|\n")
            parts += [_row(setting, better) for setting in members]
    return "".join(parts)


def _row(setting: settings.Setting, better: dict[str, Any]) -> str:
    default = _code(setting.default)
    value = better.get(setting.name, setting.default)
    if setting.convert(value) != setting.default:
        default += f"; template: {_code(value)}"
    return f"| `{setting.name}` | {default} | {_allowed(setting)} | {setting.help} |\n"


def _code(value: Any) -> str:
    value = list(value) if isinstance(value, tuple) else value
    return f'`"{value}"`' if isinstance(value, str) else f"`{value}`"


def _allowed(setting: settings.Setting) -> str:
    if setting.choices:
        return ", ".join(f'`"{choice}"`' for choice in setting.choices)
    if setting.limits:
        low, high = setting.limits
        upper = "or more" if high >= MANY and setting.type is int else f"to {high:g}"
        return f"{low:g} {upper} {setting.unit}".strip()
    return values.TYPES[setting.type][0]


if __name__ == "__main__":
    PAGE.write_text(settings_page(), encoding="utf-8", newline="\n")
