"""The sections of the report page: what each is made from, and how. `report_page` adds the figures.

A section is its result in a sentence, for the top of the page, followed by HTML. A further one is a function and a row
of SECTIONS; a further figure is a row of FIGURES. Their texts are those of SimpleCode and LAMP; `in_words_of_run` makes
them those of the run's pair of sources.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from figures.parts import CHECK, SET_NAMES
from metrics import (
    LINEAR,
    START_TIME,
    about_errors,
    large_starts,
    motion_label,
    percent_column,
    readable,
    references,
    sea_state_remarks,
)
from networks.network_folder import SETTINGS_FILE
from pages import html_parts as html
from readers.sea_state_handles import sea_state, short_name
from settings import Setting, UserInput, declared
from settings.channels import channel_of, is_wave
from settings.description import Output, high_name, in_use, list_name, low_name, seconds, signal_word
from settings.kinds import KINDS
from system.run_folder import RunFolder

MOST_ROWS = 30  # of a table
LEVEL = 90  # percent, of the bands that are described; or the highest lower level
UNSEEN_FIRST = ("test", "val", "train")
FOLDED_FROM, MOST_RECORDS = 20, 200  # records of the table of records that are shown unasked, and at most
MOST_NAMED = 6  # channels in a title
IN_WORDS = {LINEAR: "the linear filter"}
STATISTICS_SHOWN = {"ssa": "SSA", "largest": "Largest", "period": "Period"}
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


def _listed(words: Sequence[str]) -> str:
    return " and ".join(", ".join(words).rsplit(", ", 1))


def _count(number: int, word: str) -> str:
    return f"{html.number(number)} {word}{'' if number == 1 else 's'}"


def in_words_of_run(text: str) -> str:
    """A text of SimpleCode and LAMP with the names and words of the run's sources."""
    words = {"SimpleCode": low_name(), "LAMP": high_name(), "motion": signal_word(), "predict_sc": list_name("predict")}
    if not in_use().is_ship:
        words |= {"the ship is": "the system is"}
        words |= {} if any(map(is_wave, in_use().names)) else {SPECTRA: "Spectra."}
    longest_first = "|".join(map(re.escape, sorted(words, key=len, reverse=True)))
    return re.sub(longest_first, lambda found: words[found[0]], text)


def page_title() -> str:
    """What is predicted from what."""
    named = [channel_of(channel.name).word for channel in in_use().channels if isinstance(channel, Output)]
    few = _listed(named if len(named) <= MOST_NAMED else [*named[: MOST_NAMED - 1], "others"])
    return f"{high_name()}'s {'motions' if in_use().is_ship else few} from {low_name()}'s"


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
    short = f"{_kind_of(network)} learned {high_name()}'s {outputs} from {low_name()}'s {inputs}{on_records}."
    more = ""
    if user.get("num_folds"):
        more += (
            f" The training and validation records were dealt into {user['num_folds']} folds, and each network left "
            "out one of them. What is said of validation is out of fold: of networks that had not seen the record."
        )
    if user.get("transient_time"):
        more += f" The first {user['transient_time']:g} s of each record count nowhere."
    rows = pd.DataFrame([_set_row(SET_NAMES[name], names) for name, names in sets.items() if names])
    caption = "Records of each set; sea states from the handles in their names"
    if not in_use().is_ship and not any(map(sea_state, sum(sets.values(), []))):
        rows, caption = rows.reindex(columns=["Set", "Records"]), "Records of each set"
    return short, html.paragraph(short + more), html.table(rows, caption)


def _kind_of(network: Mapping) -> str:
    kind, number = KINDS[network["network_type"]], network["num_networks"]
    size = f"{_count(network['num_layers'], 'layer')} of {network['hidden_size']} units"
    size += " and an output filter" * bool(network.get("filter_lags"))
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
    """Errors of the network, SimpleCode and the linear filter, with one sentence for each motion."""
    report = report.sort_values("set", key=lambda names: names.map(UNSEEN_FIRST.index), kind="stable")
    rows = readable(report)
    first = rows["set"].iloc[0]
    by_channel = dict(list(rows[rows["set"] == first].groupby("channel", sort=False)))
    on_records, sizes = f"On the {SET_NAMES[first]} records", [_size(of.iloc[-1]) for of in by_channel.values()]
    sizes = [f"{size} in {channel_of(name).word}" for size, name in zip(sizes, by_channel, strict=True)]
    seen = " These records were used in training." if first == "train" else ""
    columns = {"set": rows["set"].map(SET_NAMES), signal_word(): rows["channel"].map(motion_label)}
    shown = pd.DataFrame(columns).join(rows.drop(columns=["set", "channel"]))
    return (
        f"{on_records}, the network's rms error in percent of {high_name()}'s {signal_word()} is {_listed(sizes)}.",
        html.paragraph(f"{on_records}, against {high_name()}:{seen}"),
        html.bullets([html.escape(_error_sentence(name, of)) for name, of in by_channel.items()]),
        *_starts(report[report["set"] == first], rows["source"].iloc[-1]),
        html.table(shown.replace("-", html.NONE), about_errors()),
    )


def _starts(report: pd.DataFrame, network: str) -> list[str]:
    """A paragraph if the starts of the records hold most of the network's error. report: of one set."""
    if "start_share" not in report or (large := large_starts(report, network)).empty:  # not in earlier reports
        return []
    shares = [f"{row.start_share:.0%} in {channel_of(row.channel).word}" for row in large.itertuples()]
    start = html.number(seconds(START_TIME))
    said = f"Of the network's squared error, the first {start} s of the records hold {_listed(shares)}"
    return [html.paragraph(f"{said}: transient_time = {start} leaves them out.".replace("%", " %"))]


def _size(row: pd.Series, column: str = "") -> str:
    """column: by default that of the rms error."""
    value = row[column or percent_column()]
    return f"{html.number(value, 2)} %" if value == value else html.NONE


def _error_sentence(channel: str, rows: pd.DataFrame) -> str:
    """What the errors in a motion mean. rows: of `metrics.readable`, the network's last."""
    *others, ours = (row for _, row in rows.iterrows())
    heading = channel_of(channel).heading
    if np.isnan(ours[percent_column()]):
        hardly = f"{high_name()} hardly {'moves' if in_use().is_ship else 'varies'}"
        return f"{heading}: {hardly}; rms error {_in_unit(ours['rms error'], channel)}."
    beside = [
        [f"{IN_WORDS.get(row['source'], row['source']).removeprefix('the ')} {_size(row, name)}" for row in others]
        for name in (percent_column(), "SSA, % off")
    ]
    rms, ssa = (f" ({', '.join(each)})" if each else "" for each in beside)
    better = [IN_WORDS.get(row["source"], row["source"]) for row in others if row["rms error"] < ours["rms error"]]
    return (
        f"{heading}: rms error {_size(ours)} of {high_name()}'s{rms}, {_in_unit(ours['rms error'], channel)}; "
        f"significant amplitude {_size(ours, 'SSA, % off')} off{ssa}; correlation {ours['correlation']}."
        + f" The {ours['source']} is worse than {_listed(better)} here."
        * bool(better)
    )


def _in_unit(value: float, channel: str) -> str:
    return f"{html.number(value)} {channel_of(channel).unit}"


def records(table: pd.DataFrame) -> Html:
    """Significant amplitude, largest value and period of each record, each in the set in which it is least known.

    Above, where few sea states hold most of the error.
    """
    networks = [source for source in table["source"].unique() if source not in references()]
    by_state = table.assign(state=table["handle"].map(sea_state, na_action="ignore"))
    where = [line for network in networks for line in sea_state_remarks(by_state, network)]
    where = [html.bullets([html.escape(f"{line}.") for line in where])] * bool(where)
    table = table[(table["channel"] != "All") & (table["source"] != LINEAR)]
    table = table.sort_values("set", key=lambda names: names.map(UNSEEN_FIRST.index), kind="stable")
    table = table[~table.duplicated(["digest", "channel", "source"])]
    number, units = table["digest"].nunique(), _listed([motion_label(name) for name in table["channel"].unique()])
    groups = list(table.groupby(["set", "record"], sort=False))[:MOST_RECORDS]
    shown = [row for (of_set, name), rows in groups for row in _record_rows(f"{name} ({SET_NAMES[of_set]})", rows)]
    more = f" The first {MOST_RECORDS} of {number}; {RunFolder.BY_RECORD} has all." if number > MOST_RECORDS else ""
    with_it = f"{_count(number, 'record')} with {high_name()}"
    short = f"{with_it}, each with its significant amplitude, largest value and period."
    made = html.table(pd.DataFrame(shown).fillna(""), f"{units}. {_about_records()}{more}")
    return short, *where, html.folded(short, made) if number > FOLDED_FROM else made


def _about_records() -> str:
    """What the numbers of each record are."""
    removed = ["heave", "bending moment"] if in_use().is_ship else []
    removed += [channel_of(channel.name).word for channel in in_use().channels if channel.mean == "removed"]
    from_mean = f", of {_listed(removed)} from the record's mean" if removed else ""
    return (
        f"SSA: significant single amplitude, twice the standard deviation. Largest: largest value{from_mean}. Period: "
        f"mean zero-upcrossing period, s. In brackets the difference from {high_name()}."
    )


def _record_rows(title: str, rows: pd.DataFrame) -> list[dict[str, str]]:
    """A row with the title, and one for each motion. rows: of the record, from all models."""
    sources = sorted(rows["source"].unique(), key=low_name().__ne__)
    made = [{_heading(): title}]
    for channel, of_channel in rows.groupby("channel", sort=False):
        models = of_channel.set_index("source").reindex(sources)
        made.append({_heading(): channel_of(channel).heading})
        for name, heading in STATISTICS_SHOWN.items():
            made[-1][f"{heading} {high_name()}"] = html.number(of_channel[f"{name}_lamp"].iloc[0])
            for source, value, percent in models[[f"{name}_model", f"{name}_percent"]].itertuples():
                made[-1][f"{heading} {source}"] = f"{html.number(value)} ({_signed(percent)})"
    return made


def _heading() -> str:
    """Of a column of channels."""
    return signal_word().capitalize()


def _signed(percent: float) -> str:
    size = f"{abs(percent):.2g}" if abs(percent) < 100 else f"{abs(percent):.0f}"
    if abs(percent) < 0.1:
        size = "0" if percent == 0 else "<0.1"
    sign = "" if abs(percent) < 0.1 else "+" if percent > 0 else html.MINUS
    return html.NONE if np.isnan(percent) else f"{sign}{size}{html.NO_BREAK}%"


def bands(report: pd.DataFrame) -> Html:
    """The bands and how much of the time they cover."""
    level = report["level"].where(report["level"] <= LEVEL).max()
    level = report["level"].min() if np.isnan(level) else level
    rows = report[report["level"] == level]
    shown = "test" if "test" in set(rows["set"]) else rows["set"].iloc[0]
    of_shown = rows[rows["set"] == shown]
    covered = 100 * of_shown["covered"]
    covered = " to ".join(dict.fromkeys([f"{covered.min():.0f}", f"{covered.max():.0f}"]))
    widths = rows["half_width"].map(html.number) + " " + [channel_of(name).unit for name in rows["channel"]]
    columns = {
        "Records": rows["set"].map(_set_title),
        _heading(): [channel_of(name).heading for name in rows["channel"]],
        "Covered [%]": 100 * rows["covered"],
        "In the worst record [%]": 100 * rows["worst_covered"],
        "Mean half-width": widths,
        "Worst record": rows["worst_record"],
    }
    alike = "sea states" if in_use().is_ship else "conditions"
    about = (
        f"A band of {level:g} % should cover {level:g} % of the time of a further record, averaged over records of "
        f"the same {alike}; single records may be far below. Only test records measure that: the check of the "
        "calibration with itself comes near the level whatever the bands are worth."
    )
    motions = zip(of_shown["channel"], widths[of_shown.index], strict=True)
    motions = _listed([f"{channel_of(name).word} \N{PLUS-MINUS SIGN}{width}" for name, width in motions])
    checked = f"on the test records {covered} % of the time"
    if shown != "test":
        checked = f"not measured, as there are no test records; {CHECK}: {covered} %"
    short = f"{high_name()} should lie within {motions} of the prediction for {level:g} % of the time: {checked}."
    return short, html.paragraph(about), html.table(pd.DataFrame(columns), "Share of the time within the band")


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
    }
    if unlike["outside_training"].notna().any():
        columns["Sea state outside the training"] = unlike["outside_training"].fillna("")
    about = f"{short} Predictions of such records are less certain: run in {high_name()} what has not been run, and "
    about += "add these records to the training set."
    table = _first_rows(pd.DataFrame(columns), "Most unusual first.", RunFolder.PREDICTED)
    return short, html.paragraph(about), table


def pairs(table: pd.DataFrame) -> Html:
    """The pairs of records that contradict each other or the others."""
    odd = table[table["odd"].notna()].replace({"set": SET_NAMES})
    number = _count(len(table), "pair")
    what = "Nothing is odd about the" if odd.empty else f"Something is odd about {html.number(len(odd))} of"
    short = f"{what} {number} of {low_name()} and {high_name()}."
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
        _heading(): [channel_of(name).heading for name in rows["channel"]],
        "Statistic": rows["meaning"].str[:1].str.upper() + rows["meaning"].str[1:] + extrapolated,
        f"Network with {high_name()}": _intervals(rows, "estimate", "lower", "upper"),
        f"{high_name()} alone": _intervals(rows, "lamp", "lamp_lower", "lamp_upper"),
        f"{low_name()} alone": _intervals(rows.assign(none=np.nan), "simplecode", "none", "none"),
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
    """The records proposed for the next runs of the accurate source, and why."""
    is_random = table["reason"].str.startswith("random")
    why = table["reason"].mask(is_random, "drawn at random: a fair sample for the statistics of the fleet")
    short = f"Run {table['record'].iloc[0]} first ({why.iloc[0]})."
    about = (
        f"{short} {_count(len(table), 'record')} proposed, {html.number(is_random.sum())} of them drawn at random: "
        "only these may enter the intervals of the fleet's statistics."
        + " The others make the network better where it knows least."
        * (not is_random.all())
    )
    caption = (
        "In order of their rank. Expected gain: how far the networks are apart, times how rare the predicted peaks "
        "are, times how far the record is from those in training; 1 for an average record."
    )
    columns = {"Rank": table["rank"], "Record": table["record"], "Why": why, "Look at": table["window"].fillna("")}
    rows = pd.DataFrame(columns | {"Expected gain": table["expected_gain"]})
    return short, html.paragraph(about), _first_rows(rows, caption, RunFolder.NEXT_RUNS)


def settings(metadata: Mapping) -> Html:
    """What differs from what the input file started from, then all, and the versions of the libraries."""
    frozen, step = metadata.get("settings", {}), metadata["network"].get("time_step")
    user = frozen.get("user", {})
    step = step and step * user.get("time_res", 1)  # s, of the network
    left_out = ("run",) if in_use().is_ship else ("run", "channels")  # those switch the channels of SimpleCode and LAMP
    known = {name: of for name, of in declared(UserInput).items() if of.bears_on not in left_out and name in user}
    before = frozen.get("base", {name: setting.default for name, setting in known.items()})
    columns = {"Setting": list(known), "Value": [_plain(of, user[name], step) for name, of in known.items()]}
    columns |= {"Before": [_plain(of, before[name], step) if name in before else "" for name, of in known.items()]}
    rows = pd.DataFrame(columns | {"Meaning": [in_words_of_run(of.help) for of in known.values()]}, dtype=object)
    differing = rows[rows["Setting"].isin(list(before)) & (rows["Value"] != rows["Before"])]
    versions = ", ".join(f"{name} {version}" for name, version in metadata.get("versions", {}).items())
    ended = f"ended with epoch {metadata['epochs_trained']}" if "epochs_trained" in metadata else "not finished"
    history = f"The training began on {metadata.get('started', 'an unknown day')} and {ended}. Versions: {versions}."
    base = frozen.get("base_file") or "the defaults"
    short = f"As in {base}" + (f", but for {_count(len(differing), 'setting')}." if len(differing) else ".")
    table = html.table(differing.rename(columns={"Before": f"In {base}"}), f"Settings that differ from {base}")
    every = html.table(rows.drop(columns="Before"), f"{SETTINGS_FILE} beside the network has them too.")
    return short, html.paragraph(history), table, html.folded("All settings", every)


def _plain(setting: Setting, value: object, step: float | None) -> str:
    """The value of a setting with its unit, and seconds beside steps. step: s, of the network."""
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    seconds = f" ({value * step:.3g} s)" if step and value and setting.unit == "network steps" else ""
    return f"{text} {'' if value is None else setting.unit}".strip() + seconds


# By the order of a reader's questions. In what a missing section lacks, NAME is the network's.
NO_FLEET = "python -m studies.fleet --network NAME; it needs a network of folds (num_folds) and a fleet (predict_sc)"
NO_NEXT = "python -m studies.next_runs --network NAME chooses among records of SimpleCode alone (predict_sc)"
SECTIONS = {
    "training": Section("Training", training, f"the network has no {SETTINGS_FILE}", (SETTINGS_FILE,)),
    "errors": Section("Errors", errors, "this run had no LAMP records to compare with", (RunFolder.REPORT,)),
    "records": Section("Records", records, "this run had no LAMP records", (RunFolder.BY_RECORD,)),
    "fleet": Section("Statistics of the predicted records (the fleet)", fleet, NO_FLEET, RunFolder.FLEET),
    "next": Section("Next LAMP runs", next_runs, NO_NEXT, (RunFolder.NEXT_RUNS,)),
    "bands": Section("Bands", bands, "only a network trained in folds (num_folds) has them", (RunFolder.BANDS,)),
    "flagged": Section("Unusual records", flagged, "no record was predicted without LAMP", (RunFolder.PREDICTED,)),
    "pairs": Section("Pairs of files", pairs, "this run read no pairs", (RunFolder.PAIRS,)),
    "settings": Section("Settings and versions", settings, f"no {SETTINGS_FILE}", (SETTINGS_FILE,)),
}

SPECTRA = (
    "Spectra, response to the waves, its phase (positive where the motion's maximum comes before the crest), coherence."
)
# In order of preference: section, files, how many of them, caption.
FIGURES = (
    ("errors", "prediction_test_*", 2, "Test record: whole record, and the largest response of each motion."),
    ("errors", "maxima", 1, "Largest value of each record, model against LAMP; on the diagonal they agree."),
    ("fleet", "fleet_means", 1, "Means with intervals; corrected fleet: the predictions, corrected by LAMP's records."),
    ("fleet", "fleet_maxima", 1, "Probability that the largest value of a record exceeds a level."),
    ("fleet", "fleet_maxima_all", 1, "Probability that the largest value of a record exceeds a level."),
    ("fleet", "fleet_limit*", 3, "Probability that the largest value of a record exceeds the limit."),
    ("fleet", "fleet_spectra*", 1, f"{SPECTRA} Of the fleet, not corrected."),
    ("fleet", "fleet_amplitudes*", 1, "Single amplitudes an hour above a level, as predicted, beside Rayleigh's line."),
    ("errors", "spectra*", 1, f"{SPECTRA} Of the records that the network was not trained on."),
    ("bands", "bands", 1, "Each record's error, and the error that the spread of the networks lets expect."),
    ("next", "next_lamp_runs", 1, "The proposed records among all candidates."),
    ("pairs", "pairs", 1, "Measures of all pairs of SimpleCode and LAMP."),
    ("errors", "error_test_*", 1, "Test record: running mean of the error, and the error at LAMP's peaks."),
    ("errors", "histo", 1, "Distribution of the values at peaks and troughs."),
    ("settings", "learning_curve", 1, "Losses and validation errors over the training."),
    ("errors", "prediction_val_*", 1, "Validation record: whole record, and the largest response of each motion."),
)
