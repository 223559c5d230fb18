"""The sections of the report page, each made from what one or two files of a run hold.

A section is its result in a sentence, for the top of the page, followed by HTML. `report_page` adds the figures.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from figures.parts import SET_NAMES
from metrics import SIMPLECODE, negligible
from networks.network_folder import SETTINGS_FILE
from pages import html_parts as html
from readers.cases import sea_state
from settings import UserInput, declared
from settings.channels import channel_of
from settings.kinds import KINDS
from system.run_folder import RunFolder

MOST_ROWS = 30  # of a table
LEVEL = 90  # percent, of the bands that are described; or the highest lower level
CHECK = "check of the calibration with itself"  # of bands, by the records that they were calibrated on
UNSEEN_FIRST = ("test", "val", "train")
HANDLE_LABELS = {"height": "Height [m]", "period": "Period [s]", "heading": "Heading [deg]", "speed": "Speed [knots]"}

Section = tuple[str, ...]


def _first_rows(rows: pd.DataFrame, columns: Mapping[str, str], caption: str, file: str) -> str:
    """A table of the first rows of a file. columns: their headings, by name."""
    more = f" The first {MOST_ROWS} of {len(rows)}; {file} has all." if len(rows) > MOST_ROWS else ""
    return html.table(rows[list(columns)].rename(columns=columns).head(MOST_ROWS), caption + more)


def training(metadata: Mapping) -> Section:
    """What was trained on what."""
    user, data = (metadata.get("settings", {}).get(part, {}) for part in ("user", "data"))
    network = metadata["network"]
    sets = {name: [Path(path).name for path in data.get(f"{name}_sc", ())] for name in SET_NAMES}
    learned = len(sets["train"]) + (len(sets["val"]) if user.get("num_folds") else 0)
    on_records = f" on {_count(learned, 'record')}" if learned else ""
    outputs, inputs = _channels(network["outputs"]), _channels(network["inputs"])
    short = f"{_kind_of(network)} learned LAMP's {outputs} from SimpleCode's {inputs}{on_records}."
    told = short
    if user.get("num_folds"):
        told += (
            f" Each of its {user['num_folds']} networks left out a part of the training and validation records. Errors "
            "and bands of validation are of networks that had not seen the record."
        )
    if user.get("transient_time"):
        told += f" The first {user['transient_time']:g} s of each record count nowhere."
    rows = [set_row(SET_NAMES[name], names) for name, names in sets.items() if names]
    caption = "Records of each set; sea states from the handles in their names"
    return short, html.paragraph(told), html.table(pd.DataFrame(rows), caption)


def _kind_of(network: Mapping) -> str:
    kind, number = KINDS[network["network_type"]], network["num_networks"]
    size = f"{_count(network['num_layers'], 'layer')} of {network['hidden_size']} units"
    parts = [f"the mean of {number} networks"] * (number > 1) + [size] * kind.has_units
    name = kind.phrase[0].upper() + kind.phrase[1:]
    return f"{name} ({', each '.join(parts)})" if parts else name


def _channels(names: Sequence[str]) -> str:
    return _listed(list(dict.fromkeys(channel_of(name).word for name in names)))


def _motion(channel: str) -> str:
    return channel_of(channel).word.capitalize()


def _listed(words: Sequence[str]) -> str:
    return " and ".join(", ".join(words).rsplit(", ", 1))


def _count(number: int, word: str) -> str:
    return f"{html.number(number)} {word}{'' if number == 1 else 's'}"


def set_row(title: str, names: Sequence[str]) -> dict[str, object]:
    """Number of records, and the range of the sea states in their handles."""
    states = [state for name in names if (state := sea_state(name))]
    known, unknown = len(set(states)) or html.NONE, len(names) - len(states)
    if states and unknown:
        known = f"{known}, and {_count(unknown, 'record')} without a handle"
    row: dict[str, object] = {"Set": title.capitalize(), "Records": len(names), "Sea states": known}
    for part, label in HANDLE_LABELS.items():
        values = [getattr(state, part) for state in states]
        ends = dict.fromkeys(f"{end(values):g}" for end in (min, max) if values)
        row[label] = " to ".join(ends) or html.NONE
    return row


def errors(report: pd.DataFrame) -> Section:
    """Errors of the network and of SimpleCode, with one sentence for each motion."""
    report = report.assign(negligible=negligible(report))[report["channel"] != "All"]
    network = next((name for name in report["source"] if name != SIMPLECODE), "")
    sets = [name for name in UNSEEN_FIRST if name in set(report["set"])]
    channels = list(dict.fromkeys(report.loc[report["source"] == network, "channel"]))
    # All of them, as SimpleCode may be without the bending moment.
    about = pd.MultiIndex.from_product([sets, channels], names=["set", "channel"])
    simple, ours = (
        report[report["source"] == source].set_index(about.names).reindex(about).reset_index()
        for source in (SIMPLECODE, network)
    )
    rows = _error_rows(network, simple, ours)
    sentences, shares = [], []
    for row, channel in enumerate(channels):  # of the first set
        sentences.append(html.escape(error_sentence(channel, network, simple.loc[row], ours.loc[row])))
        share = rows.loc[row, "Share [%]"]
        shares.append(f"{html.NONE if np.isnan(share) else f'{share:.2g} %'} in {channel_of(channel).word}")
    seen = " These records were used in training." if sets[0] == "train" else ""
    on_records = f"On the {SET_NAMES[sets[0]]} records, "
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
        "Share [%]": 100 * ours["mse"] / simple["mse"].where(simple["mse"] > 0),
        "Correlation": ours["correlation"],
        "SSA error, SimpleCode": simple["ssa_error"],
        f"SSA error, {network}": ours["ssa_error"],
        "Largest error": ours["max_error"],
    }
    return pd.DataFrame(columns)


def _is_worse(simple: pd.Series, ours: pd.Series) -> bool:
    """Whether the network is worse than SimpleCode where LAMP moves."""
    return ours["mse"] > simple["mse"] and not ours.get("negligible", False)


def error_sentence(channel: str, network: str, simple: pd.Series, ours: pd.Series) -> str:
    """What the errors in a motion mean."""
    unit = channel_of(channel).unit
    judged = f" The {network} is worse than SimpleCode here." if _is_worse(simple, ours) else ""
    return (
        f"{_motion(channel)}: the {network} is off by {html.number(ours['rmse'])} {unit} (root mean square), "
        f"SimpleCode by {html.number(simple['rmse'])} {unit}; the significant amplitude of a record by "
        f"{html.number(ours['ssa_error'])} and {html.number(simple['ssa_error'])} {unit} on average.{judged}"
    )


def bands(report: pd.DataFrame) -> Section:
    """The bands and which share of the steps they cover."""
    level = max((each for each in report["level"].unique() if each <= LEVEL), default=report["level"].min())
    rows = report[report["level"] == level]
    shown = "test" if "test" in set(rows["set"]) else rows["set"].iloc[0]
    own = 100 * rows.loc[rows["set"] == shown, "covered"]
    covered = " to ".join(dict.fromkeys([f"{own.min():.0f}", f"{own.max():.0f}"]))
    table = pd.DataFrame(
        {
            "Records": [_set_title(name) for name in rows["set"]],
            "Motion": [_motion(name) for name in rows["channel"]],
            "Covered [%]": 100 * rows["covered"].to_numpy(),
            "In the worst record [%]": 100 * rows["worst_covered"].to_numpy(),
            "Mean half-width": [
                f"{html.number(width)} {channel_of(name).unit}"
                for width, name in zip(rows["half_width"], rows["channel"], strict=True)
            ],
            "Worst record": rows["worst_record"].to_numpy(),
        }
    )
    about = (
        f"A band of {level:g} % should cover {level:g} % of the steps of a further record, averaged over records of "
        "the same sea states; single records may be far below. Only test records measure that: the check of the "
        "calibration with itself comes near the level whatever the bands are worth."
    )
    short = f"Bands of {level:g} % cover {covered} % of the steps of the test records."
    if shown != "test":
        short = f"Bands of {level:g} %: not measured, as there are no test records; {CHECK}: {covered} %."
    return short, html.paragraph(about), html.table(table, "Share of the steps covered")


def _set_title(name: str) -> str:
    base, comma, rest = name.partition(",")
    return f"{SET_NAMES.get(base, base).capitalize()}{comma}{rest}" + ("" if base == "test" else f" ({CHECK})")


def flagged(table: pd.DataFrame) -> Section:
    """The predicted records that are unlike those of the training."""
    unlike = table[table["flagged"]].sort_values("score", ascending=False)
    verb = "is" if len(unlike) < 2 else "are"
    short = f"{len(unlike) or 'None'} of {_count(len(table), 'predicted record')} {verb} unlike those of the training."
    if unlike.empty:
        return short, html.paragraph(short)
    ranges = unlike[["value", "training_low", "training_high"]].astype(float).to_numpy()
    rows = unlike.assign(
        **{name: unlike[name].astype(object).fillna("") for name in ("outside_training", "furthest_out")},
        window=[f"{a:.0f} to {b:.0f}" for a, b in unlike[["worst_from_s", "worst_to_s"]].to_numpy()],
        value=[html.NONE if np.isnan(value) else html.number(value) for value, *_ in ranges],
        known=[html.NONE if np.isnan(value) else f"{low:.3g} to {high:.3g}" for value, low, high in ranges],
    )
    columns = {"record": "Record", "window": "Window [s]", "furthest_out": "Furthest out", "value": "Value"}
    columns |= {"known": "In training", "outside_training": "Sea state outside the training"}
    about = f"{short} Predictions of such records are less certain: run in LAMP what has not been run, and add these "
    about += "records to the training set."
    return short, html.paragraph(about), _first_rows(rows, columns, "Most unusual first.", RunFolder.PREDICTED)


def pairs(table: pd.DataFrame) -> Section:
    """The pairs of SimpleCode and LAMP that contradict each other or the others."""
    odd = table[table["odd"].notna()].replace({"set": SET_NAMES})
    number = _count(len(table), "pair")
    if odd.empty:
        short = f"Nothing is odd about the {number} of SimpleCode and LAMP."
        return short, html.paragraph(short)
    short = f"Something is odd about {html.number(len(odd))} of {number} of SimpleCode and LAMP."
    columns = {"set": "Set", "record": "Record", "odd": "Odd"}
    caption = "Check these files before relying on the network."
    return short, html.paragraph(short), _first_rows(odd, columns, caption, RunFolder.PAIRS)


def fleet(table: pd.DataFrame, facts: Mapping) -> Section:
    """Statistics over all predicted records, all sea states together first."""
    last = table["sea_state"] == table["sea_state"].iloc[-1]  # the group of all records, if there are several
    rows = pd.concat([table[last], table[~last]])
    worth = {"effective_lamp_runs": "worth", "effective_lower": "worth_lower", "effective_upper": "worth_upper"}
    rows = rows.rename(columns=worth).reindex(columns=dict.fromkeys([*rows.rename(columns=worth), *worth.values()]))
    rows = rows.round(dict.fromkeys(worth.values(), 0))
    names = rows["statistic"].str.replace("_", " ").str.replace("ssa", "SSA").str.replace(" percent", " %")
    rows = rows.assign(
        motion=[_motion(name) for name in rows["channel"]],
        named=names + " [" + rows["unit"].fillna("") + "]",
        **{f"{name}text": _intervals(rows, name) for name in ("", "lamp_", "simplecode_", "worth_")},
    )
    columns = {"sea_state": "Records"} if rows["sea_state"].nunique() > 1 else {}
    columns |= {"motion": "Motion", "named": "Statistic", "text": "Estimate", "lamp_text": "LAMP alone"}
    columns |= {"simplecode_text": "SimpleCode alone", "worth_text": "Worth LAMP runs"}
    headline = [f"{line.rstrip('.')}." for line in facts["headline"]]
    caption = f"Estimates with their intervals of {100 * facts['level']:g} %; {RunFolder.FLEET[0]} has more."
    return (
        headline[0] if headline else f"{_count(len(table), 'statistic')}.",
        html.bullets([html.escape(line) for line in headline]),
        html.paragraph(facts["guarantee"]),
        _first_rows(rows, columns, caption, RunFolder.FLEET[0]),
    )


def _intervals(rows: pd.DataFrame, prefix: str) -> list[str]:
    """Estimates, with their bounds in brackets where there are any."""
    numbers = rows[[prefix.rstrip("_") or "estimate", f"{prefix}lower", f"{prefix}upper"]].astype(float).to_numpy()
    return [
        html.number(value, 4) + (f" ({html.number(lower, 4)} to {html.number(upper, 4)})" if lower == lower else "")
        for value, lower, upper in numbers
    ]


def next_runs(table: pd.DataFrame) -> Section:
    """The records proposed for the next LAMP runs."""
    drawn = int(table["reason"].str.startswith("random").sum())
    short = f"{_count(len(table), 'record')} proposed, {html.number(drawn)} of them drawn at random."
    about = f"{short} Only those drawn at random may enter the intervals of the fleet's statistics."
    caption = "In order of their rank; an expected gain of 1 is that of an average record."
    columns = {"rank": "Rank", "record": "Record", "reason": "Why", "window": "Look at"}
    columns |= {"expected_gain": "Expected gain"}
    rows = _first_rows(table.fillna({"window": ""}), columns, caption, RunFolder.NEXT_RUNS)
    return short, html.paragraph(about), rows


def settings_and_versions(metadata: Mapping) -> Section:
    """What differs from the defaults, and the versions of the libraries."""
    defaults, user = declared(UserInput), metadata.get("settings", {}).get("user", {})
    rows = [
        {"Setting": name, "Value": _plain(value), "Meaning": defaults[name].help}
        for name, value in user.items()
        if name in defaults and _plain(value) != _plain(defaults[name].default) and defaults[name].bears_on != "run"
    ]
    versions = ", ".join(f"{name} {version}" for name, version in metadata.get("versions", {}).items())
    ended = f"ended with epoch {metadata['epochs_trained']}" if "epochs_trained" in metadata else "not finished"
    told = f"The training began on {metadata.get('started', 'an unknown day')} and {ended}. Versions: {versions}."
    caption = f"Settings that differ from the defaults; {SETTINGS_FILE} beside the network has all."
    table = html.table(pd.DataFrame(rows, dtype=object), caption)
    return f"{_count(len(rows), 'setting')} not at the default.", html.paragraph(told), table


def _plain(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
