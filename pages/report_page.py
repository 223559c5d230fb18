"""One page to send on, report.html, from the files that a run and later studies left in their folders.

The page is a single file with its figures inside; it needs no network and no script. If a file is missing or damaged,
only its section is left out.
"""

import json
import string
import time
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

import pandas as pd

from networks.network_folder import SETTINGS_FILE
from pages import html_parts as html
from pages.sections import FIGURES, SECTIONS
from readers.units import moment_unit_text
from settings.channels import FILE_UNIT
from system.errors import first_line, warn
from system.files import read_table, written_aside
from system.run_folder import RunFolder

TEMPLATE = Path(__file__).with_name("report_template.html")
# Columns that may be empty, or hold names that look like numbers or missing values.
TEXTS = ("set", "record", "handle", "worst_record", "sea_state", "source", "channel", "unit", "odd", "window", "reason")
TEXTS += ("furthest_out", "outside_training", "remedy", "statistic", "meaning", "side", "method")
LARGEST_FIGURES = 5_500_000  # bytes of all PNG files together; a third more as text in the page


def write(folder: Path, network_folder: Path) -> None:
    """Writes report.html into a run's output folder, if there is one. What is wrong with the files is a warning.

    network_folder: the network's folder in saved_models.
    """
    if not folder.is_dir():
        return
    figures, made, missing, faults = _pictures(folder), {}, [], []
    for name, section in SECTIONS.items():
        try:
            contents = [_read(network_folder if file == SETTINGS_FILE else folder, file) for file in section.files]
            made[name] = (section.title, *section.make(*contents), *figures.get(name, ()))
        except FileNotFoundError:
            missing.append(f"{section.title}: {section.without.replace('NAME', network_folder.name)}.")
        except Exception as error:  # the files may have been edited; the page is no reason to stop a run
            faults.append(f"{section.title}: {section.files[0]} cannot be read ({first_line(error)}).")
    warn([f"{folder / RunFolder.PAGE}: without {line}" for line in faults])
    RunFolder(folder).note([RunFolder.PAGE])
    with written_aside(folder / RunFolder.PAGE) as aside:
        page = _page(network_folder.name, made, faults + missing).replace(FILE_UNIT, _moment_unit(network_folder))
        aside.write_text(page, encoding="utf-8", newline="\n")


def _moment_unit(network_folder: Path) -> str:
    """The unit of the bending moment in the files of the training; FILE_UNIT if settings.json does not tell it."""
    try:
        return escape(moment_unit_text(_read(network_folder, SETTINGS_FILE)["network"].get("vbm_unit")))
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return FILE_UNIT


def _pictures(folder: Path) -> dict[str, list[str]]:
    """HTML of the main figures by section, in all at most LARGEST_FIGURES bytes."""
    pictures: dict[str, list[str]] = {}
    left = LARGEST_FIGURES
    for section, pattern, most, caption in FIGURES:
        for path in sorted((folder / RunFolder.FIGURES).glob(f"{pattern}.png"))[:most]:
            try:
                png = path.read_bytes()
                if len(png) <= left:
                    of_section = pictures.setdefault(section, [])
                    name = f"{section}-figure-{len(of_section) + 1}"
                    of_section.append(html.picture(name, png, caption, f"{caption} ({path.stem})"))
                    left -= len(png)
            except (OSError, ValueError) as error:
                warn([f"{path}: cannot be read ({first_line(error)}); {RunFolder.PAGE} is without it"])
    return pictures


def _read(folder: Path, file: str) -> dict | pd.DataFrame:
    """What a JSON or CSV file holds. Raises FileNotFoundError, or another error if the file is damaged."""
    if file.endswith(".json"):
        return json.loads((folder / file).read_text(encoding="utf-8"))
    rows = read_table(folder / file, dtype=dict.fromkeys(TEXTS, str), keep_default_na=False, na_values=[""])
    if rows.empty:
        raise ValueError("no rows")
    return rows


def _page(name: str, made: Mapping[str, Sequence[str]], left_out: Sequence[str]) -> str:
    """The whole page. made: of each section its title, its result in a sentence, and HTML."""
    summary = [f'<a href="#{key}">{escape(title)}</a>: {escape(short)}' for key, (title, short, *_) in made.items()]
    parts = [html.bullets(summary), *(html.section(key, title, *parts) for key, (title, _, *parts) in made.items())]
    if left_out:
        parts.append(html.section("left_out", "Not on this page", html.bullets([escape(line) for line in left_out])))
    template = string.Template(TEMPLATE.read_text(encoding="utf-8"))
    return template.substitute(name=escape(name), date=time.strftime("%d %B %Y, %H:%M"), parts=html.lines(parts))
