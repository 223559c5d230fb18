"""The sections of the report page, each made from one or two files of a run."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from data_io import CHANNEL_UNITS
from figures.style import SET_NAMES
from metrics import SIMPLECODE
from pages import html_parts as html
from readers.cases import HANDLE, parse_handle
from settings import REPORT_FILE, UserInput, declared
from support.saved_networks import SETTINGS_FILE

MOST_ROWS = 30  # of a table
LEVEL = 90  # percent, of the bands that are described; or the highest lower level
UNSEEN_FIRST = ("test", "val", "train")
MOTIONS = {"VBM": "bending moment", "Zcg": "heave", "Roll": "roll", "Pitch": "pitch", "Wave": "wave elevation"}


@dataclass(frozen=True)
class Sources:
    """What the page is made of. folder: of the run's output. pictures: HTML of the figures by section."""

    folder: Path
    network_folder: Path
    pictures: Mapping[str, Sequence[str]]

    def metadata(self) -> dict:
        return json.loads((self.network_folder / SETTINGS_FILE).read_text(encoding="utf-8"))

    def table(self, name: str) -> pd.DataFrame:
        """Raises FileNotFoundError, or another error if the file is damaged."""
        rows = pd.read_csv(self.folder / name)
        if rows.empty:
            raise ValueError("no rows")
        return rows

    def figures(self, section: str) -> str:
        return "\n".join(self.pictures.get(section, ()))


@dataclass(frozen=True)
class Section:
    """short: its result in a sentence, for the top of the page. body: HTML."""

    short: str
    body: str


def _texts(column: pd.Series) -> list[str]:
    """Empty where the file has nothing."""
    return [str(value) if known else "" for value, known in zip(column, column.notna(), strict=True)]


def _first_rows(rows: pd.DataFrame, caption: str, file: str) -> str:
    more = f" The first {MOST_ROWS} of {len(rows)}; {file} has all." if len(rows) > MOST_ROWS else ""
    return html.table(rows.head(MOST_ROWS), caption + more)


# ---- training and errors ---------------------------------------------------------------------------------------------


def training(sources: Sources) -> Section:
    """What was trained on what."""
    metadata = sources.metadata()
    user, data = (metadata.get("settings", {}).get(part, {}) for part in ("user", "data"))
    network = metadata["network"]
    sets = {name: [Path(path).name for path in data.get(f"{name}_sc", ())] for name in SET_NAMES}
    rows = [set_row(SET_NAMES[name], names) for name, names in sets.items() if names]
    learned = len(sets["train"]) + (len(sets["val"]) if user.get("num_folds") else 0)
    inputs = list(dict.fromkeys(name.partition("_")[0] for name in network["inputs"]))
    on_records = f" on {_count(learned, 'record')}" if learned else ""
    short = (
        f"{_kind_of(network)} learned LAMP's {_channels(network['outputs'])} from SimpleCode's {_channels(inputs)}"
        f"{on_records}."
    )
    told = []
    if user.get("num_folds"):
        told.append(
            f"Each of its {user['num_folds']} networks left out a part of the training and validation records. Errors "
            "and bands of validation are of networks that had not seen the record."
        )
    if user.get("transient_time"):
        told.append(f"The first {user['transient_time']:g} s of each record count nowhere.")
    body = [html.paragraph(" ".join([short, *told]))]
    if rows:
        body.append(html.table(pd.DataFrame(rows), "Records of each set; sea states from the handles in their names"))
    return Section(short, "\n".join([*body, sources.figures("training")]))


def _kind_of(network: Mapping) -> str:
    kind = {"lstm": "An LSTM", "gru": "A GRU", "transformer": "A transformer", "linear": "A linear filter"}
    each = kind.get(network["network_type"], network["network_type"])
    size = f"{_count(network['num_layers'], 'layer')} of {network['hidden_size']} units"
    number = network["num_networks"]
    parts = [f"the mean of {number} networks"] * (number > 1) + [size] * (network["network_type"] != "linear")
    return f"{each} ({', each '.join(parts)})" if parts else each


def _channels(names: Sequence[str]) -> str:
    return _listed([MOTIONS.get(name, name) for name in names])


def _motion(channel: str) -> str:
    return MOTIONS.get(channel, channel).capitalize()


def _listed(words: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _count(number: int, word: str) -> str:
    return f"{html.number(number)} {word}{'' if number == 1 else 's'}"


def set_row(title: str, names: Sequence[str]) -> dict[str, object]:
    """Number of records, and the range of the sea states in their handles."""
    handles = [parse_handle(name) for name in names if HANDLE.fullmatch(name)]
    states = {name.rpartition("-")[0] for name in names if HANDLE.fullmatch(name)}
    row: dict[str, object] = {"Set": title.capitalize(), "Records": len(names), "Sea states": len(states) or html.NONE}
    parts = {"height": "Height [m]", "period": "Period [s]", "heading": "Heading [deg]", "speed": "Speed [kn]"}
    for part, label in parts.items():
        values = sorted({getattr(handle, part) for handle in handles})
        row[label] = html.NONE if not values else f"{values[0]:g}" if len(values) == 1 else _range(values)
    return row


def _range(values: Sequence[float]) -> str:
    return f"{values[0]:g} to {values[-1]:g}"


def errors(sources: Sources) -> Section:
    """Errors of the network and of SimpleCode, with one sentence for each motion."""
    report = sources.table(REPORT_FILE)
    report = report[report["channel"] != "All"]
    network = next((name for name in report["source"] if name != SIMPLECODE), "")
    measures = report.set_index(["set", "channel", "source"])
    sets = [name for name in UNSEEN_FIRST if name in set(report["set"])]
    channels = list(dict.fromkeys(report["channel"]))
    told, rows = [], []
    for of_set in sets:
        for channel in channels:
            simple, ours = (measures.loc[(of_set, channel, source)] for source in (SIMPLECODE, network))
            rows.append(error_row(of_set, channel, network, simple, ours))
            if of_set == sets[0]:
                told.append(error_sentence(channel, network, simple, ours))
    seen = " These records were used in training." if sets[0] == "train" else ""
    body = [
        html.paragraph(f"On the {SET_NAMES[sets[0]]} records, against LAMP:{seen}"),
        html.bullets([html.text(line) for line in told]),
        html.table(
            pd.DataFrame(rows), "Errors against LAMP; share: the network's mean squared error over SimpleCode's"
        ),
        sources.figures("errors"),
    ]
    shares = [f"{_share(measures, sets[0], name, network)} in {MOTIONS.get(name, name)}" for name in channels]
    short = (
        f"On the {SET_NAMES[sets[0]]} records, the network's mean squared error as a share of SimpleCode's is "
        f"{_listed(shares)}."
    )
    return Section(short, "\n".join(body))


def _share(measures: pd.DataFrame, of_set: str, channel: str, network: str) -> str:
    ours, simple = (measures.loc[(of_set, channel, source), "mse"] for source in (network, SIMPLECODE))
    return f"{100 * ours / simple:.2g} %" if simple > 0 else html.NONE


def error_row(of_set: str, channel: str, network: str, simple: pd.Series, ours: pd.Series) -> dict[str, object]:
    return {
        "Set": SET_NAMES[of_set].capitalize(),
        "Motion": f"{_motion(channel)}\N{NO-BREAK SPACE}[{CHANNEL_UNITS.get(channel, '')}]",
        "RMSE, SimpleCode": simple["rmse"],
        f"RMSE, {network}": ours["rmse"],
        "Share [%]": 100 * ours["mse"] / simple["mse"] if simple["mse"] > 0 else np.nan,
        "Correlation": ours["correlation"],
        "SSA error, SimpleCode": simple["ssa_error"],
        f"SSA error, {network}": ours["ssa_error"],
        "Largest error": ours["max_error"],
    }


def error_sentence(channel: str, network: str, simple: pd.Series, ours: pd.Series) -> str:
    """What the errors in a motion mean."""
    unit = CHANNEL_UNITS.get(channel, "")
    judged = "" if ours["mse"] <= simple["mse"] else f" The {network} is worse than SimpleCode here."
    return (
        f"{_motion(channel)}: the {network} is off by {html.number(ours['rmse'])} {unit} (root mean square), "
        f"SimpleCode by {html.number(simple['rmse'])} {unit}; the significant amplitude of a record by "
        f"{html.number(ours['ssa_error'])} and {html.number(simple['ssa_error'])} {unit} on average.{judged}"
    )


# ---- how far to trust it ---------------------------------------------------------------------------------------------


def bands(sources: Sources) -> Section:
    """The bands and which share of the steps they cover."""
    report = sources.table("band_report.csv")
    level = max((each for each in report["level"].unique() if each <= LEVEL), default=report["level"].min())
    rows = report[report["level"] == level]
    sets = list(dict.fromkeys(rows["set"]))
    shown = "test" if "test" in sets else sets[0]
    own = 100 * rows.loc[rows["set"] == shown, "covered"]
    covered = f"{own.min():.0f}" if round(own.min()) == round(own.max()) else f"{own.min():.0f} to {own.max():.0f}"
    short = f"Bands of {level:g} % cover {covered} % of the steps of the {SET_NAMES.get(shown, shown)} records."
    table = pd.DataFrame(
        {
            "Records": [_set_title(name) for name in rows["set"]],
            "Motion": [_motion(name) for name in rows["channel"]],
            "Covered [%]": 100 * rows["covered"].to_numpy(),
            "In the worst record [%]": 100 * rows["worst_covered"].to_numpy(),
            "Mean half-width": [
                f"{html.number(width)} {CHANNEL_UNITS.get(name, '')}"
                for width, name in zip(rows["half_width"], rows["channel"], strict=True)
            ],
            "Worst record": rows["worst_record"].to_numpy(),
        }
    )
    about = (
        f"A band of {level:g} % should cover {level:g} % of the steps of a further record, averaged over records of "
        "the same sea states; single records may be far below."
    )
    return Section(
        short,
        "\n".join([html.paragraph(about), html.table(table, "Measured coverage"), sources.figures("bands")]),
    )


def _set_title(name: str) -> str:
    base, comma, rest = name.partition(",")
    return f"{SET_NAMES.get(base, base).capitalize()}{comma}{rest}"


def flagged(sources: Sources) -> Section:
    """The predicted records that are unlike those of the training."""
    table = sources.table("predicted_records.csv")
    unlike = table[table["flagged"]].sort_values("score", ascending=False)
    verb = "is" if len(unlike) < 2 else "are"
    short = f"{len(unlike) or 'None'} of {_count(len(table), 'predicted record')} {verb} unlike those of the training."
    if unlike.empty:
        return Section(short, html.paragraph(short))
    rows = pd.DataFrame(
        {
            "Record": unlike["record"].astype(str),
            "Window [s]": [f"{a:.0f} to {b:.0f}" for a, b in unlike[["worst_from_s", "worst_to_s"]].to_numpy()],
            "Furthest out": unlike["furthest_out"],
            "Value": unlike["value"],
            "In training": [
                f"{low:.3g} to {high:.3g}" for low, high in unlike[["training_low", "training_high"]].to_numpy()
            ],
            "Sea state outside the training": _texts(unlike["outside_training"]),
        }
    )
    about = f"{short} Predictions of such records are less certain: run them in LAMP, or widen the training set."
    return Section(short, html.paragraph(about) + _first_rows(rows, "Most unusual first.", "predicted_records.csv"))


def pairs(sources: Sources) -> Section:
    """The pairs of SimpleCode and LAMP that contradict each other or the others."""
    table = sources.table("pairs.csv")
    odd = table[table["odd"].notna()]
    short = f"Something is odd about {html.number(len(odd))} of {_count(len(table), 'pair')} of SimpleCode and LAMP."
    if odd.empty:
        short = f"Nothing is odd about the {_count(len(table), 'pair')} of SimpleCode and LAMP."
    body = [html.paragraph(short)]
    if len(odd):
        rows = pd.DataFrame(
            {
                "Set": odd["set"].map(lambda name: SET_NAMES.get(name, name)),
                "Record": odd["record"].astype(str),
                "Odd": odd["odd"].astype(str),
            }
        )
        body.append(_first_rows(rows, "Check these files before relying on the network.", "pairs.csv"))
    return Section(short, "\n".join([*body, sources.figures("pairs")]))


# ---- decisions -------------------------------------------------------------------------------------------------------


def fleet(sources: Sources) -> Section:
    """Statistics over all predicted records, all sea states together first."""
    table = sources.table("fleet_statistics.csv")
    facts = json.loads((sources.folder / "fleet_statistics.json").read_text(encoding="utf-8"))
    last = table["sea_state"] == table["sea_state"].iloc[-1]  # the group of all records, if there are several
    rows = pd.concat([table[last], table[~last]]).reset_index(drop=True)
    names = rows["statistic"].astype(str).str.replace("_", " ").str.replace("ssa", "SSA").str.replace(" percent", " %")
    shown = pd.DataFrame(
        {
            "Records": rows["sea_state"].astype(str),
            "Motion": [_motion(name) for name in rows["channel"]],
            "Statistic": [f"{name} [{unit}]" for name, unit in zip(names, _texts(rows["unit"]), strict=True)],
            "Estimate": _intervals(rows, "estimate", ""),
            "LAMP alone": _intervals(rows, "lamp", "lamp_"),
            "SimpleCode alone": _intervals(rows, "simplecode", "simplecode_"),
            "Worth LAMP runs": rows["effective_lamp_runs"].round(),
        }
    )
    shown = shown if rows["sea_state"].nunique() > 1 else shown.drop(columns="Records")
    headline = [f"{line.rstrip('.')}." for line in facts["headline"]]
    caption = f"Estimates with their intervals of {100 * facts['level']:g} %; fleet_statistics.csv has more."
    body = [
        html.bullets([html.text(line) for line in headline]),
        html.paragraph(facts["guarantee"]),
        _first_rows(shown, caption, "fleet_statistics.csv"),
        sources.figures("fleet"),
    ]
    return Section(headline[0] if headline else f"{_count(len(table), 'statistic')}.", "\n".join(body))


def _intervals(rows: pd.DataFrame, name: str, prefix: str) -> list[str]:
    """Estimates, with their bounds in brackets where there are any."""
    numbers = rows[[name, f"{prefix}lower", f"{prefix}upper"]].astype(float).to_numpy()
    return [
        html.number(value, 4) + (f" ({html.number(lower, 4)} to {html.number(upper, 4)})" if lower == lower else "")
        for value, lower, upper in numbers
    ]


def next_runs(sources: Sources) -> Section:
    """The records proposed for the next LAMP runs."""
    table = sources.table("next_lamp_runs.csv")
    drawn = int(table["reason"].str.startswith("random").sum())
    short = f"{_count(len(table), 'record')} proposed, {html.number(drawn)} of them drawn at random."
    rows = pd.DataFrame(
        {
            "Rank": table["rank"],
            "Record": table["record"].astype(str),
            "Why": table["reason"].astype(str),
            "Look at": _texts(table["window"]),
            "Expected gain": table["expected_gain"],
        }
    )
    about = f"{short} Only those drawn at random may enter the intervals of the fleet's statistics."
    body = [
        html.paragraph(about),
        _first_rows(
            rows, "In order of their rank; an expected gain of 1 is that of an average record.", "next_lamp_runs.csv"
        ),
    ]
    return Section(short, "\n".join([*body, sources.figures("next")]))


# ---- settings --------------------------------------------------------------------------------------------------------


def settings_and_versions(sources: Sources) -> Section:
    """What differs from the defaults, and the versions of the libraries."""
    metadata = sources.metadata()
    defaults, user = declared(UserInput), metadata.get("settings", {}).get("user", {})
    chosen = {
        name: value
        for name, value in user.items()
        if name in defaults and _plain(value) != _plain(defaults[name].default) and defaults[name].bears_on != "run"
    }
    rows = [{"Setting": name, "Value": _plain(value), "Meaning": defaults[name].help} for name, value in chosen.items()]
    versions = ", ".join(f"{name} {version}" for name, version in metadata.get("versions", {}).items())
    ended = f"ended with epoch {metadata['epochs_trained']}" if "epochs_trained" in metadata else "not finished"
    told = f"The training began on {metadata.get('started', 'an unknown day')} and {ended}. Versions: {versions}."
    caption = f"Settings that differ from the defaults; {SETTINGS_FILE} beside the network has all."
    table = html.table(pd.DataFrame(rows, dtype=object), caption) if rows else ""
    return Section(f"{_count(len(rows), 'setting')} not at the default.", html.paragraph(told) + table)


def _plain(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
