"""The sections of the report page: what each is made from, and how. `report_page` adds the figures.

A section is its result in a sentence, for the top of the page, followed by HTML. A further one is a function and a row
of SECTIONS; a further figure is a row of FIGURES.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from figures.parts import CHECK, SET_NAMES
from metrics import SIMPLECODE, mse_share, negligible
from networks.network_folder import SETTINGS_FILE
from pages import html_parts as html
from readers.sea_state_handles import sea_state, short_name
from settings import UserInput, declared
from settings.channels import channel_of
from settings.kinds import KINDS
from system.run_folder import RunFolder

MOST_ROWS = 30  # of a table
LEVEL = 90  # percent, of the bands that are described; or the highest lower level
UNSEEN_FIRST = ("test", "val", "train")
HANDLE_LABELS = {"height": "Height [m]", "period": "Period [s]", "heading": "Heading [deg]", "speed": "Speed [knots]"}

Html = tuple[str, ...]


class Section(NamedTuple):
    """make: what the files hold, in their order, to HTML. without: why the section is missing if a file is."""

    title: str
    make: Callable[..., Html]
    without: str
    files: tuple[str, ...]


def _first_rows(rows: pd.DataFrame, caption: str, file: str) -> str:
    """A table of the first rows of a file."""
    more = f" The first {MOST_ROWS} of {len(rows)}; {file} has all." if len(rows) > MOST_ROWS else ""
    return html.table(rows.head(MOST_ROWS), caption + more)


def _motion(channel: str) -> str:
    return channel_of(channel).word.capitalize()


def _listed(words: Sequence[str]) -> str:
    return " and ".join(", ".join(words).rsplit(", ", 1))


def _count(number: int, word: str) -> str:
    return f"{html.number(number)} {word}{'' if number == 1 else 's'}"


def training(metadata: Mapping) -> Html:
    """What was trained on what."""
    user, data = (metadata.get("settings", {}).get(part, {}) for part in ("user", "data"))
    network = metadata["network"]
    outputs, inputs = (
        _listed(list(dict.fromkeys(channel_of(name).word for name in network[side]))) for side in ("outputs", "inputs")
    )
    sets = {name: [Path(path).name for path in data.get(f"{name}_sc", ())] for name in SET_NAMES}
    learned = len(sets["train"]) + (len(sets["val"]) if user.get("num_folds") else 0)
    on_records = f" on {_count(learned, 'record')}" if learned else ""
    short = f"{_kind_of(network)} learned LAMP's {outputs} from SimpleCode's {inputs}{on_records}."
    more = ""
    if user.get("num_folds"):
        more += (
            f" Each of its {user['num_folds']} networks left out a part of the training and validation records. Errors "
            "and bands of validation are of networks that had not seen the record."
        )
    if user.get("transient_time"):
        more += f" The first {user['transient_time']:g} s of each record count nowhere."
    rows = pd.DataFrame([_set_row(SET_NAMES[name], names) for name, names in sets.items() if names])
    caption = "Records of each set; sea states from the handles in their names"
    return short, html.paragraph(short + more), html.table(rows, caption)


def _kind_of(network: Mapping) -> str:
    kind, number = KINDS[network["network_type"]], network["num_networks"]
    size = f"{_count(network['num_layers'], 'layer')} of {network['hidden_size']} units"
    parts = [f"the mean of {number} networks"] * (number > 1) + [size] * kind.has_units
    name = kind.phrase[0].upper() + kind.phrase[1:]
    return f"{name} ({', each '.join(parts)})" if parts else name


def _set_row(title: str, names: Sequence[str]) -> dict[str, object]:
    """Number of records, and the range of the sea states in their handles."""
    states = [state for name in names if (state := sea_state(name))]
    count, without = len(set(states)) or html.NONE, len(names) - len(states)
    if states and without:
        count = f"{count}, and {_count(without, 'record')} without a handle"
    row: dict[str, object] = {"Set": title.capitalize(), "Records": len(names), "Sea states": count}
    for part, label in HANDLE_LABELS.items():
        values = [getattr(state, part) for state in states]
        ends = dict.fromkeys(f"{end(values):g}" for end in (min, max) if values)
        row[label] = " to ".join(ends) or html.NONE
    return row


def errors(report: pd.DataFrame) -> Html:
    """Errors of the network and of SimpleCode, with one sentence for each motion."""
    report = report.assign(share=mse_share, negligible=negligible)[report["channel"] != "All"]
    report = report.sort_values("set", key=lambda names: names.map(UNSEEN_FIRST.index), kind="stable")
    network = next((name for name in report["source"] if name != SIMPLECODE), "")
    by_source = report.set_index(["source", "set", "channel"])
    ours = by_source.loc[network]
    simple = by_source.loc[SIMPLECODE].reindex(ours.index)  # which may be without the bending moment
    rows = _error_rows(network, simple.reset_index(), ours.reset_index())
    first = ours.index[0][0]
    channels, shares = ours.loc[first].index, rows["Share [%]"]
    shares = [
        f"{html.NONE if np.isnan(share) else f'{share:.2g} %'} in {channel_of(name).word}"
        for share, name in zip(shares, channels, strict=False)
    ]
    sentences = [
        html.escape(_error_sentence(name, network, simple.loc[first, name], ours.loc[first, name])) for name in channels
    ]
    on_records = f"On the {SET_NAMES[first]} records, "
    seen = " These records were used in training." if first == "train" else ""
    return (
        f"{on_records}the network's mean squared error as a share of SimpleCode's is {_listed(shares)}.",
        html.paragraph(f"{on_records}against LAMP:{seen}"),
        html.bullets(sentences),
        html.table(rows, "Errors against LAMP; share: the network's mean squared error over SimpleCode's"),
    )


def _error_rows(network: str, simple: pd.DataFrame, ours: pd.DataFrame) -> pd.DataFrame:
    columns = {
        "Set": [SET_NAMES[name].capitalize() for name in ours["set"]],
        "Motion": [f"{_motion(name)}\N{NO-BREAK SPACE}[{channel_of(name).unit}]" for name in ours["channel"]],
        "RMSE, SimpleCode": simple["rmse"],
        f"RMSE, {network}": ours["rmse"],
        "Share [%]": 100 * ours["share"],
        "Correlation": ours["correlation"],
        "SSA error, SimpleCode": simple["ssa_error"],
        f"SSA error, {network}": ours["ssa_error"],
        "Largest error": ours["max_error"],
    }
    return pd.DataFrame(columns)


def _error_sentence(channel: str, network: str, simple: pd.Series, ours: pd.Series) -> str:
    """What the errors in a motion mean."""
    unit = channel_of(channel).unit
    is_worse = ours["share"] > 1 and not ours["negligible"]
    return (
        f"{_motion(channel)}: the {network} is off by {html.number(ours['rmse'])} {unit} (root mean square), "
        f"SimpleCode by {html.number(simple['rmse'])} {unit}; the significant amplitude of a record by "
        f"{html.number(ours['ssa_error'])} and {html.number(simple['ssa_error'])} {unit} on average."
        + f" The {network} is worse than SimpleCode here."
        * bool(is_worse)
    )


def bands(report: pd.DataFrame) -> Html:
    """The bands and which share of the steps they cover."""
    level = report["level"].where(report["level"] <= LEVEL).max()
    level = report["level"].min() if np.isnan(level) else level
    rows = report[report["level"] == level]
    shown = "test" if "test" in set(rows["set"]) else rows["set"].iloc[0]
    covered = 100 * rows.loc[rows["set"] == shown, "covered"]
    covered = " to ".join(dict.fromkeys([f"{covered.min():.0f}", f"{covered.max():.0f}"]))
    units = [channel_of(name).unit for name in rows["channel"]]
    columns = {
        "Records": rows["set"].map(_set_title),
        "Motion": rows["channel"].map(_motion),
        "Covered [%]": 100 * rows["covered"],
        "In the worst record [%]": 100 * rows["worst_covered"],
        "Mean half-width": rows["half_width"].map(html.number) + " " + units,
        "Worst record": rows["worst_record"],
    }
    about = (
        f"A band of {level:g} % should cover {level:g} % of the steps of a further record, averaged over records of "
        "the same sea states; single records may be far below. Only test records measure that: the check of the "
        "calibration with itself comes near the level whatever the bands are worth."
    )
    short = f"Bands of {level:g} % cover {covered} % of the steps of the test records."
    if shown != "test":
        short = f"Bands of {level:g} %: not measured, as there are no test records; {CHECK}: {covered} %."
    return short, html.paragraph(about), html.table(pd.DataFrame(columns), "Share of the steps covered")


def _set_title(name: str) -> str:
    base, comma, rest = name.partition(",")
    return f"{SET_NAMES.get(base, base).capitalize()}{comma}{rest}" + ("" if base == "test" else f" ({CHECK})")


def flagged(table: pd.DataFrame) -> Html:
    """The predicted records that are unlike those of the training."""
    unlike = table[table["flagged"]].sort_values("score", ascending=False)
    verb = "is" if len(unlike) < 2 else "are"
    short = f"{len(unlike) or 'None'} of {_count(len(table), 'predicted record')} {verb} unlike those of the training."
    if unlike.empty:
        return short, html.paragraph(short)
    columns = {
        "Record": unlike["record"],
        "Window [s]": [f"{a:.0f} to {b:.0f}" for a, b in unlike[["worst_from_s", "worst_to_s"]].to_numpy()],
        "Furthest out": unlike["furthest_out"].fillna(""),
        "Value": unlike["value"].map(html.number),
        "In training": [
            html.NONE if np.isnan(low) else f"{low:.3g} to {high:.3g}"
            for low, high in unlike[["training_low", "training_high"]].to_numpy(float)
        ],
        "Sea state outside the training": unlike["outside_training"].fillna(""),
    }
    about = f"{short} Predictions of such records are less certain: run in LAMP what has not been run, and add these "
    about += "records to the training set."
    table = _first_rows(pd.DataFrame(columns), "Most unusual first.", RunFolder.PREDICTED)
    return short, html.paragraph(about), table


def pairs(table: pd.DataFrame) -> Html:
    """The pairs of SimpleCode and LAMP that contradict each other or the others."""
    odd = table[table["odd"].notna()].replace({"set": SET_NAMES})
    number = _count(len(table), "pair")
    short = f"Something is odd about {html.number(len(odd))} of {number} of SimpleCode and LAMP."
    if odd.empty:
        short = f"Nothing is odd about the {number} of SimpleCode and LAMP."
    rows = odd[["set", "record", "odd"]].rename(columns=str.capitalize)
    caption = "Check these files before relying on the network."
    return short, html.paragraph(short), _first_rows(rows, caption, RunFolder.PAIRS)


def fleet(table: pd.DataFrame, facts: Mapping) -> Html:
    """Statistics over all predicted records, all sea states together first."""
    is_last = table["sea_state"] == table["sea_state"].iloc[-1]  # the group of all records, if there are several
    rows = pd.concat([table[is_last], table[~is_last]])
    pooled = rows["method"].str.contains("pooled") & (rows["unit"] != "probability")
    rows = rows if len(rows) == is_last.sum() else rows[~pooled]
    extrapolated = rows["method"].str.contains("extrapolated").map({True: ", extrapolated", False: ""})
    columns = {
        "Records": rows["sea_state"].map(short_name),
        "Motion": rows["channel"].map(_motion),
        "Statistic": rows["meaning"].str[:1].str.upper() + rows["meaning"].str[1:] + extrapolated,
        "Network with LAMP": _intervals(rows, "estimate", "lower", "upper"),
        "LAMP alone": _intervals(rows, "lamp", "lamp_lower", "lamp_upper"),
        "SimpleCode alone": _intervals(rows.assign(none=np.nan), "simplecode", "none", "none"),
    }
    if rows["sea_state"].nunique() == 1:
        del columns["Records"]
    headline = [f"{line.rstrip('.')}." for line in facts["headline"]]
    caption = f"Estimates, in brackets their intervals of {100 * facts['level']:g} %."
    return (
        headline[0] if headline else f"{_count(len(table), 'statistic')}.",
        html.bullets([html.escape(line) for line in headline]),
        html.paragraph(facts["guarantee"]),
        _first_rows(pd.DataFrame(columns), caption, RunFolder.FLEET[0]),
    )


def _intervals(rows: pd.DataFrame, *columns: str) -> list[str]:
    """Estimates with unit, and their bounds in brackets where there are any. columns: estimate and bounds."""
    numbers = zip(*rows[[*columns]].astype(float).to_numpy().T, rows["unit"], strict=True)
    return [html.interval_text(*each) for each in numbers]


def next_runs(table: pd.DataFrame) -> Html:
    """The records proposed for the next LAMP runs."""
    drawn = int(table["reason"].str.startswith("random").sum())
    short = f"{_count(len(table), 'record')} proposed, {html.number(drawn)} of them drawn at random."
    about = f"{short} Only those drawn at random may enter the intervals of the fleet's statistics."
    caption = "In order of their rank; an expected gain of 1 is that of an average record."
    columns = {"rank": "Rank", "record": "Record", "reason": "Why", "window": "Look at"}
    columns |= {"expected_gain": "Expected gain"}
    rows = table[[*columns]].fillna({"window": ""}).rename(columns=columns)
    return short, html.paragraph(about), _first_rows(rows, caption, RunFolder.NEXT_RUNS)


def settings(metadata: Mapping) -> Html:
    """What differs from the defaults, and the versions of the libraries."""
    defaults, user = declared(UserInput), metadata.get("settings", {}).get("user", {})
    rows = [
        {"Setting": name, "Value": _plain(value), "Meaning": defaults[name].help}
        for name, value in user.items()
        if name in defaults and _plain(value) != _plain(defaults[name].default) and defaults[name].bears_on != "run"
    ]
    versions = ", ".join(f"{name} {version}" for name, version in metadata.get("versions", {}).items())
    ended = f"ended with epoch {metadata['epochs_trained']}" if "epochs_trained" in metadata else "not finished"
    history = f"The training began on {metadata.get('started', 'an unknown day')} and {ended}. Versions: {versions}."
    caption = f"Settings that differ from the defaults; {SETTINGS_FILE} beside the network has all."
    table = html.table(pd.DataFrame(rows, dtype=object), caption)
    return f"{_count(len(rows), 'setting')} not at the default.", html.paragraph(history), table


def _plain(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


SECTIONS = {
    "training": Section("Training", training, f"the network has no {SETTINGS_FILE}", (SETTINGS_FILE,)),
    "errors": Section("Errors", errors, "this run had no LAMP records to compare with", (RunFolder.REPORT,)),
    "bands": Section("Bands", bands, "train with num_folds to have bands around predictions", (RunFolder.BANDS,)),
    "flagged": Section("Unusual records", flagged, "no record was predicted without LAMP", (RunFolder.PREDICTED,)),
    "pairs": Section("Pairs of files", pairs, "this run read no pairs", (RunFolder.PAIRS,)),
    "fleet": Section("Fleet statistics", fleet, "python -m studies.fleet writes them", RunFolder.FLEET),
    "next": Section("Next LAMP runs", next_runs, "python -m studies.next_runs proposes them", (RunFolder.NEXT_RUNS,)),
    "settings": Section("Settings and versions", settings, f"no {SETTINGS_FILE}", (SETTINGS_FILE,)),
}

SPECTRA = (
    "Spectra, response to the waves, its phase (positive where the motion's maximum comes before the crest), coherence."
)
# In order of preference: section, files, how many of them, caption.
FIGURES = (
    ("errors", "prediction_test_*", 2, "Test record: whole record, and the largest response of each motion."),
    ("errors", "maxima", 1, "Largest value of each record, model against LAMP; on the diagonal they agree."),
    ("fleet", "fleet_means", 1, "Means over the records of each sea state, with their intervals."),
    ("fleet", "fleet_maxima", 1, "Probability that the largest value of a record exceeds a level."),
    ("fleet", "fleet_maxima_all", 1, "Probability that the largest value of a record exceeds a level."),
    ("fleet", "fleet_limit*", 3, "Probability that the largest value of a record exceeds the limit."),
    ("fleet", "fleet_spectra*", 1, f"{SPECTRA} Of the fleet, not corrected."),
    ("fleet", "fleet_amplitudes*", 1, "Single amplitudes an hour above a level, as predicted, beside Rayleigh's line."),
    ("errors", "spectra*", 1, f"{SPECTRA} Of the records that the network was not trained on."),
    ("bands", "bands", 1, "Left: share of the steps within the band. Right: each record's error and its band."),
    ("next", "next_lamp_runs", 1, "The proposed records among all candidates."),
    ("pairs", "pairs", 1, "Measures of all pairs of SimpleCode and LAMP."),
    ("errors", "error_test_*", 1, "Test record: running mean of the error, and the error at LAMP's peaks."),
    ("errors", "histo", 1, "Distribution of the values at peaks and troughs."),
    ("training", "learning_curve", 1, "Losses and validation errors over the training."),
    ("errors", "prediction_val_*", 1, "Validation record: whole record, and the largest response of each motion."),
)
