"""One page to send on, report.html, from the files that a run and later studies left in their folders.

The page is a single file with its figures inside; it needs no network and no script. If a file is missing or damaged,
only its section is left out.
"""

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from networks.network_folder import SETTINGS_FILE
from pages import html_parts as html
from pages import sections
from system.errors import first_line, warn
from system.files import written_aside
from system.run_folder import RunFolder

STYLE_FILE = Path(__file__).with_name("report.css")
# Columns that may be empty, or hold names that look like numbers or missing values.
TEXTS = ("set", "record", "handle", "worst_record", "sea_state", "source", "channel", "unit", "odd", "window", "reason")
TEXTS += ("furthest_out", "outside_training", "remedy", "statistic", "method")
LARGEST_FIGURES = 5_500_000  # bytes of all PNG files together; a third more as text in the page

# In order of preference: section, files, how many of them, caption.
FIGURES = (
    ("errors", "prediction_test_*", 2, "Test record: whole record, and the largest response of each motion."),
    ("errors", "maxima", 1, "Largest value of each record, model against LAMP; on the diagonal they agree."),
    ("fleet", "fleet_means", 1, "Means over the records of each sea state, with their intervals."),
    ("fleet", "fleet_maxima", 1, "Probability that the largest value of a record exceeds a level."),
    ("fleet", "fleet_maxima_all", 1, "Probability that the largest value of a record exceeds a level."),
    ("fleet", "fleet_limit*", 3, "Probability that the largest value of a record exceeds the limit."),
    ("fleet", "fleet_spectra*", 1, "Spectra with the band over the records, response to the waves, and coherence."),
    ("bands", "bands", 1, "Left: share of the steps within the band. Right: each record's error and its band."),
    ("next", "next_lamp_runs", 1, "The proposed records among all candidates."),
    ("pairs", "pairs", 1, "Measures of all pairs of SimpleCode and LAMP."),
    ("errors", "error_test_*", 1, "Test record: running mean of the error, and the error at LAMP's peaks."),
    ("errors", "histo", 1, "Distribution of the values at peaks and troughs."),
    ("training", "learning_curve", 1, "Losses and validation errors over the training."),
    ("errors", "prediction_val_*", 1, "Validation record: whole record, and the largest response of each motion."),
)


def pictures(folder: Path) -> dict[str, list[str]]:
    """HTML of the main figures by section, in all at most LARGEST_FIGURES bytes."""
    found: dict[str, list[str]] = {}
    left = LARGEST_FIGURES
    for section, pattern, most, caption in FIGURES:
        for path in sorted((folder / RunFolder.FIGURES).glob(f"{pattern}.png"))[:most]:
            try:
                png = path.read_bytes()
                if len(png) <= left:
                    shown = html.picture(png, caption, f"{caption} ({path.stem})")
                    found.setdefault(section, []).append(shown)
                    left -= len(png)
            except (OSError, ValueError) as error:
                warn([f"{path}: cannot be read ({first_line(error)}); {RunFolder.PAGE} is without it"])
    return found


# Of each section: title, how it is made, why it may be missing, and the files it is made from.
SECTIONS = {
    "training": ("Training", sections.training, f"the network has no {SETTINGS_FILE}", SETTINGS_FILE),
    "errors": ("Errors", sections.errors, "this run had no LAMP records to compare with", RunFolder.REPORT),
    "bands": ("Bands", sections.bands, "train with num_folds to have bands around predictions", RunFolder.BANDS),
    "flagged": ("Unusual records", sections.flagged, "no record was predicted without LAMP", RunFolder.PREDICTED),
    "pairs": ("Pairs of files", sections.pairs, "this run read no pairs", RunFolder.PAIRS),
    "fleet": ("Fleet statistics", sections.fleet, "python -m studies.fleet writes them", *RunFolder.FLEET),
    "next": ("Next LAMP runs", sections.next_runs, "python -m studies.next_runs proposes them", RunFolder.NEXT_RUNS),
    "settings": ("Settings and versions", sections.settings_and_versions, f"no {SETTINGS_FILE}", SETTINGS_FILE),
}


def write(folder: Path, network_folder: Path) -> None:
    """Writes report.html into a run's output folder, if there is one. What is wrong with the files is a warning.

    network_folder: the network's folder in saved_models.
    """
    if not folder.is_dir():
        return
    figures = pictures(folder)
    made, missing, faults = {}, [], []
    for name, (title, make, without, *files) in SECTIONS.items():
        try:
            contents = [_read(network_folder if file == SETTINGS_FILE else folder, file) for file in files]
            made[name] = (title, *make(*contents), *figures.get(name, ()))
        except FileNotFoundError:
            missing.append(f"{title}: {without}.")
        except Exception as error:  # the files may have been edited; the page is no reason to stop a run
            faults.append(f"{title}: {files[0]} cannot be read ({first_line(error)}).")
    warn([f"{folder / RunFolder.PAGE}: without {line}" for line in faults])
    RunFolder(folder).note([RunFolder.PAGE])
    with written_aside(folder / RunFolder.PAGE) as aside:
        aside.write_text(_page(network_folder.name, made, faults + missing), encoding="utf-8", newline="\n")


def _read(folder: Path, file: str) -> dict | pd.DataFrame:
    """What a JSON or CSV file holds. Raises FileNotFoundError, or another error if the file is damaged."""
    if file.endswith(".json"):
        return json.loads((folder / file).read_text(encoding="utf-8"))
    rows = pd.read_csv(folder / file, dtype=dict.fromkeys(TEXTS, str), keep_default_na=False, na_values=[""])
    if rows.empty:
        raise ValueError("no rows")
    return rows


def _page(name: str, made: Mapping[str, Sequence[str]], left_out: Sequence[str]) -> str:
    """made: of each section its title, its result in a sentence, and HTML."""
    summary = [f"{html.link(key, title)}: {html.escape(short)}" for key, (title, short, *_) in made.items()]
    more = html.bullets([html.escape(line) for line in left_out])
    parts = [html.section(key, title, *parts) for key, (title, _, *parts) in made.items()]
    return html.page(
        f"{name}: LAMP's motions from SimpleCode's",
        name,
        f"LAMP's motions from SimpleCode's. Report of {time.strftime('%d %B %Y, %H:%M')}",
        STYLE_FILE.read_text(encoding="utf-8"),
        [html.bullets(summary), *parts, html.section("left_out", "Not on this page", more) if more else ""],
        "A single file: figures are inside, and nothing is loaded from elsewhere.",
    )
