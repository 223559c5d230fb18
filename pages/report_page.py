"""One page to send on, report.html, from the files that a run and later studies left in their folders.

The page is a single file with its figures inside; it needs no network and no script. If a file is missing or damaged,
only its section is left out.
"""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from pages import html_parts as html
from pages import sections
from pages.sections import Sources
from settings import REPORT_FILE
from support import run_folder
from support.errors import first_line, warn
from support.files import written_aside
from support.saved_networks import SETTINGS_FILE

PAGE = "report.html"
STYLE_FILE = Path(__file__).with_name("report.css")
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
        for path in sorted((folder / "figures").glob(f"{pattern}.png"))[:most]:
            try:
                png = path.read_bytes()
                if len(png) <= left:
                    shown = html.picture(png, caption, f"{caption} ({path.stem})")
                    found.setdefault(section, []).append(shown)
                    left -= len(png)
            except (OSError, ValueError) as error:
                warn([f"{path}: cannot be read ({first_line(error)}); {PAGE} is without it"])
    return found


# Of each section: title, how it is made, the file it is made from, and what gives this file.
SECTIONS = {
    "training": ("Training", sections.training, SETTINGS_FILE, f"the network has no {SETTINGS_FILE}"),
    "errors": ("Errors", sections.errors, REPORT_FILE, "this run had no LAMP records to compare with"),
    "bands": ("Bands", sections.bands, "band_report.csv", "train with num_folds to have bands around predictions"),
    "flagged": ("Unusual records", sections.flagged, "predicted_records.csv", "no record was predicted without LAMP"),
    "pairs": ("Pairs of files", sections.pairs, "pairs.csv", "this run read no pairs"),
    "fleet": ("Fleet statistics", sections.fleet, "fleet_statistics.csv", "python -m studies.fleet writes them"),
    "next": ("Next LAMP runs", sections.next_runs, "next_lamp_runs.csv", "python -m studies.next_runs proposes them"),
    "settings": ("Settings and versions", sections.settings_and_versions, SETTINGS_FILE, f"no {SETTINGS_FILE}"),
}


def write(folder: Path, network_folder: Path) -> None:
    """Writes report.html into a run's output folder, if there is one. What is wrong with the files is a warning.

    network_folder: the network's folder in saved_models.
    """
    if not folder.is_dir():
        return
    figures, sources = pictures(folder), Sources(folder, network_folder)
    made, missing, faults = {}, [], []
    for name, (title, make, file, without) in SECTIONS.items():
        try:
            made[name] = (title, *make(sources), *figures.get(name, ()))
        except FileNotFoundError:
            missing.append(f"{title}: {without}.")
        except Exception as error:  # the files may have been edited; the page is no reason to stop a run
            faults.append(f"{title}: {file} cannot be read ({first_line(error)}).")
    warn([f"{folder / PAGE}: without {line}" for line in faults])
    run_folder.note(folder, [PAGE])
    with written_aside(folder / PAGE) as aside:
        aside.write_text(_page(network_folder.name, made, faults + missing), encoding="utf-8", newline="\n")


def _page(name: str, made: Mapping[str, Sequence[str]], left_out: Sequence[str]) -> str:
    """made: of each section its title, its result in a sentence, and HTML."""
    summary = [f"{html.link(key, title)}: {html.escape(short)}" for key, (title, short, *_) in made.items()]
    more = html.bullets([html.escape(line) for line in left_out])
    return html.page(
        f"{name}: LAMP's motions from SimpleCode's",
        STYLE_FILE.read_text(encoding="utf-8"),
        html.header(name, f"LAMP's motions from SimpleCode's. Report of {time.strftime('%d %B %Y, %H:%M')}"),
        html.bullets(summary),
        *(html.section(key, title, *parts) for key, (title, _, *parts) in made.items()),
        html.section("left_out", "Not on this page", more) if more else "",
        html.footer("A single file: figures are inside, and nothing is loaded from elsewhere."),
    )
