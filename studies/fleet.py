"""Statistics of a fleet of predicted records, corrected by the few LAMP records, with intervals.

python -m studies.fleet --network NAME                          means, largest values of records and of three hours
python -m studies.fleet --network NAME --limits Roll=20 Pitch=5 the probability that these are exceeded, by sea state
"""

import argparse
import contextlib
import dataclasses
import sys
import time
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

import data_io
import plotting
from checks import pair_checks, record_statistics
from checks.record_statistics import FLEET, WITH_LAMP, Recorder, RecordTable
from data_io import Record, Records
from figures import fleet_figures
from networks.network_folder import NetworkFolder, use_description_of
from pages import report_page
from pages.html_parts import interval_text, rounded_text
from readers.record_files import files_of
from readers.sea_state_handles import PART_UNITS, part_label, sea_state, short_name
from readers.training_conditions import UNKNOWN
from settings import NETWORKS_FOLDER, Plotting, SaveData, declared
from settings.channels import ROLL, channel_of, known_outputs
from settings.description import high_name, list_name, low_name, seconds, time_scale
from studies import fleet_sources, next_runs, response_spectra
from studies.fleet_estimates import SAME_LENGTH, length_classes
from studies.fleet_tables import (
    EVERYTHING,
    FEWEST_RECORDS,
    NO_HANDLE,
    POOLED,
    Group,
    Question,
    SeaStates,
    duration_text,
    groups_of,
    statistics,
    with_units,
)
from system.errors import FaultCollector, InputError, OptionalSteps, counted, did_you_mean, exit_status, warn
from system.files import column_in_file, posix, write_json
from system.run_folder import RunFolder
from system.workers import LOCAL, Workers

MOST_FIGURES = 8  # of groups
RESPONSES = ("response_frequency", "response_of_angles")  # settings that the command has, too
UNLIKE_SHARES = 0.1  # difference of LAMP's share of the records in a sea state and the fleet's
WORST_FIRST = 6  # sea states of which the probability of exceeding a limit is printed


def guarantee() -> str:
    """What the intervals promise."""
    return (
        f"Intervals of means and shares of the time cover {high_name()}'s mean over all such records at their level, "
        f"whatever the quality of the network, if in each sea state the {high_name()} records are a random draw from "
        "the same sea state as the fleet's. Sea states count by their share of the fleet. Largest values and their "
        f"probabilities rest on how {high_name()}'s largest values followed from the predicted ones in the records at "
        "hand, and hold as far as others follow alike. What is marked extrapolated, borrowed, shared, pooled or of "
        "several lengths is not guaranteed."
    )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", metavar="NAME", required=True, help="a network trained with num_folds")
    parser.add_argument("--limits", metavar="CHANNEL=LIMIT", nargs="+", default=[], help="such as Roll=20 Pitch=5")
    hours_help = "exposure for the most probable maximum (default 3, of a ship at full scale)"
    parser.add_argument("--hours", type=float, help=hours_help)
    parser.add_argument("--level", type=float, default=90.0, help="of the intervals, percent (default 90)")
    parser.add_argument("--lamp_hours", type=float, metavar="HOURS", help="of one LAMP run: what the fleet has saved")
    for name in RESPONSES:
        choices = declared(Plotting)[name].choices
        parser.add_argument(f"--{name}", choices=choices, default=choices[0], help="of response amplitude operators")
    parser.add_argument("--seed", type=int, default=0, help="of the bootstrap (default 0)")
    by_help = f"parts of the handle that make up a group, or all: {', '.join(PART_UNITS)}; by default the sea state"
    parser.add_argument("--by", metavar="PART", nargs="+", default=[], help=by_help)
    chosen_help = "cases files of studies.next_runs: LAMP runs that were not drawn at random do not count"
    parser.add_argument("--chosen", metavar="FILE", nargs="+", default=[], help=chosen_help)
    parser.add_argument("--output", metavar="FOLDER", help="by default the folder of the network's predictions")
    parser.add_argument("--output_path", metavar="FOLDER", default=SaveData.output_path, help="where predictions lie")
    given = parser.parse_args(arguments)
    return exit_status(lambda: run(given))


def run(given: argparse.Namespace) -> None:
    """Writes tables and figures of the fleet that the network has predicted. given: see `main`.

    Raises InputError with all problems, one line each; nothing is written.
    """
    folder, where = NetworkFolder(NETWORKS_FOLDER / given.network), Path(posix(given.output_path)) / given.network
    use_description_of([folder])
    question = checked_question(given.limits, given.hours, given.level, given.seed, given.by)
    style = Plotting(**{name: getattr(given, name) for name in RESPONSES})
    not_random = set().union(*(next_runs.chosen_by_gain(posix(file)) for file in given.chosen))
    user = folder.training_config().user  # raises InputError if there is no such network
    question = dataclasses.replace(question, lamp_hours=given.lamp_hours or user.lamp_hours)
    if not folder.out_of_fold.is_file():
        raise InputError(
            f"{folder}: has no {folder.out_of_fold.name}; train it with num_folds, as input_thorough.py does"
        )
    fleet = record_statistics.load(where)
    if fleet is None:
        raise InputError(
            f"{where / RunFolder.FLEET_RECORDS}: is missing; name records without {high_name()} in "
            f"DataInfoArgs.{list_name('predict')} and predict them with main.py"
        )
    if fleet.model_digest != folder.model_digest():
        raise InputError(
            f"{where / RunFolder.FLEET_RECORDS}: was predicted by another network of this name, before {folder} was "
            "trained anew; predict again"
        )
    pair_checks.report_handles(fleet.rows["record"].unique())
    _report(style, folder, Path(posix(given.output)) if given.output else where, fleet, (), question, not_random)
    report_page.write(where, folder.path)


def after_run(
    style: Plotting,
    network_folder: NetworkFolder,
    output_folder: Path,
    fleet: RecordTable | None,
    known_records: Sequence[Record],
    lamp_hours: float | None = None,
    workers: Workers = LOCAL,
) -> None:
    """The same at the end of a run that has predicted records without LAMP.

    fleet: of these records, None if they have no statistics; then those of earlier records do not stay either.
    known_records: the train and val sets, which need not be read again. lamp_hours: of one LAMP run.
    """
    RunFolder(output_folder).discard(lambda file: _is_of_a_fleet(file) or (fleet is None and _is_of_its_records(file)))
    if fleet is None:
        return
    _report(
        style, network_folder, output_folder, fleet, known_records, Question(lamp_hours=lamp_hours), workers=workers
    )


def _is_of_a_fleet(file: str) -> bool:
    """Whether a file of a run holds statistics or a figure of its fleet."""
    return Path(file).name.startswith("fleet_") and not _is_of_its_records(file)


def _is_of_its_records(file: str) -> bool:
    return file in (RunFolder.FLEET_RECORDS, RunFolder.FLEET_CURVES)


def checked_question(
    limits: Sequence[str], hours: float | None, level: float, seed: int, by: Sequence[str]
) -> Question:
    """Raises InputError, with a line for each option that cannot be used."""
    by_channel, faults, outputs = {}, [], known_outputs()
    for text in limits:
        channel, _, number = text.partition("=")
        with contextlib.suppress(ValueError):
            by_channel[channel] = float(number)
        if channel not in outputs or not by_channel.get(channel, 0.0) > 0:
            example = ROLL if ROLL in outputs else outputs[0]
            expected = f"expected a channel ({', '.join(outputs)}) and a positive limit, as {example}=20"
            faults.append(f"--limits {text}: {expected}")
    hours = seconds(3.0) if hours is None else hours
    if not hours > 0:
        faults.append(f"--hours {hours:g}: expected more than 0 hours")
    if not 50 <= level <= 99:
        faults.append(f"--level {level:g}: expected 50 to 99 percent")
    for part in [part for part in by if part not in PART_UNITS and list(by) != [EVERYTHING]]:
        expected = f"expected all, or parts of the handle: {', '.join(PART_UNITS)}"
        faults.append(f"--by {part}: {expected}{did_you_mean(part, PART_UNITS)}")
    if faults:
        raise InputError(faults)
    return Question(level / 100, by_channel, 3600 * hours, seed, tuple(by))


def _report(
    style: Plotting,
    network_folder: NetworkFolder,
    output_folder: Path,
    fleet: RecordTable,
    known_records: Sequence[Record],
    question: Question,
    not_random: Collection[str] = (),
    workers: Workers = LOCAL,
) -> None:
    """not_random: digests of LAMP records that do not count, see `next_runs.chosen_by_gain`."""
    began = time.perf_counter()
    scale = np.array([levels[1] for levels in fleet.levels.values()]) / record_statistics.LEVEL_STEP
    recorder = dataclasses.replace(Recorder.of(network_folder), channels=tuple(fleet.levels), scale=scale)
    lamp = lamp_records(network_folder, recorder, known_records)
    fleet = _without(fleet, lamp)
    lamp = dataclasses.replace(lamp, rows=lamp.rows[~lamp.rows["digest"].isin(not_random)])
    if lamp.rows.empty:
        raise InputError(f"--chosen: lists all {high_name()} records of the network, and none of them is a random draw")
    records, folder = RecordTable.joined([lamp, fleet]), RunFolder(output_folder)
    groups = groups_of(records, question.by)
    drawn = groups if len(groups) <= MOST_FIGURES else [*groups[: MOST_FIGURES - 1], groups[-1]]
    none = pd.DataFrame()
    with OptionalSteps() as attempt:
        table, curves = statistics(records, groups, question, workers)
        warn(attempt("remarks about the fleet", remarks, records, groups, otherwise=[]))
        amplitudes = attempt("amplitudes", fleet_sources.amplitude_table, records, drawn, otherwise=none)
        spectra = attempt("spectra", response_spectra.spectra_table, records, groups, question.level, otherwise=none)
        warn(attempt("peaks of the spectra", response_spectra.lowered_peaks, spectra, otherwise=[]))
        unit = network_folder.moment_unit()
        tables = [with_units(rows, unit) for rows in (table, curves, amplitudes, spectra)]
        for name, rows in zip(RunFolder.FLEET_TABLES, tables, strict=True):
            folder.write_table(name, rows, "%.6g")
        sentences = attempt("sentences about the fleet", headline, tables[0], question, otherwise=[])
        folder.note([RunFolder.FLEET[1]])
        write_json(output_folder / RunFolder.FLEET[1], facts(network_folder.path.name, records, question, sentences))
        if style.plotting_mode:
            figures = figures_of(tables, groups, drawn, question.level, style, attempt)
            plotting.save_figures(figures, output_folder, unit)
    print(f"\nStatistics of the fleet in {output_folder / RunFolder.FLEET[0]} ({time.perf_counter() - began:.1f} s)")
    print("\n".join(sentences))


def lamp_records(network_folder: NetworkFolder, recorder: Recorder, known_records: Sequence[Record]) -> RecordTable:
    """The statistics of the LAMP records that a network was trained on, each predicted out of fold.

    known_records: those that have been read; if some are missing, all are read from the files in settings.json.
    """
    unseen = network_folder.load_out_of_fold()
    if not set(Records.joined(known_records).digests) >= set(unseen):
        known_records = _read_training_records(network_folder, unseen)
    by_digest = {record.digest: record for record in known_records if record.digest in unseen}
    return RecordTable.joined([recorder.lamp_record(by_digest[digest], unseen[digest]) for digest in by_digest])


def _read_training_records(network_folder: NetworkFolder, digests: Collection[str]) -> list[Record]:
    """The LAMP records of a network's training that have the same content (digests) as then, each once.

    Prints the warnings about them, and names those that are missing, faulty or of other content. Raises InputError if
    more than half are.
    """
    config, collect, records = network_folder.training_config(), FaultCollector(), []
    shared = collect(data_io.conditions_of_network, network_folder, otherwise=UNKNOWN)
    names = data_io.names_of_pairs(config.data)
    pairs = dict.fromkeys([*config.data.pairs("train"), *config.data.pairs("val")])
    for sc, lamp in pairs:
        record = collect(data_io.read_record, sc, lamp, config.user, None, names[sc, lamp], shared)
        if record and record.digest in digests:
            records.append(record)
        elif record:
            files = [file for source, (file, _) in files_of(sc, lamp, config.user).items() if source in ("sc", "lamp")]
            files = " and ".join(files[::-1])
            collect.faults.append(f"{files}: have other content than when {network_folder} was trained")
    faults = list(dict.fromkeys(collect.faults))
    if 2 * len(records) < len(pairs):
        raise InputError([f"{line}; restore the files, or train again" for line in faults])
    warn([*collect.remarks, *(f"{line}; left out of the statistics of the fleet" for line in faults)])
    return records


def _without(fleet: RecordTable, lamp: RecordTable) -> RecordTable:
    """The fleet without records that LAMP has run, as the correction has been measured on these.

    By the content of SimpleCode's motions; what has the name or handle of a LAMP record and other content stays.
    """
    rows = fleet.rows[~fleet.rows["digest"].isin(lamp.rows["digest"])]
    if rows.empty:
        others = f"name others in DataInfoArgs.{list_name('predict')}"
        raise InputError(f"all predicted records have {high_name()} records; {others}")
    alike = rows["record"].isin(lamp.rows["record"])
    alike |= rows["handle"].isin(lamp.rows["handle"]) & (rows["handle"] != "")
    others = rows.loc[alike, "record"].unique()
    if len(others):
        which = f"{counted(len(others), 'predicted record')} (first: {others[0]})"
        of_lamp = f"with the name or handle of a {high_name()} record of the training, but other content"
        warn([f"{which} {of_lamp}; in the fleet nevertheless"])
    return dataclasses.replace(fleet, rows=rows)


def remarks(records: RecordTable, groups: Sequence[Group]) -> list[str]:
    """Warnings about what weakens the statistics."""
    by_record = records.rows.drop_duplicates(["set", "record"])
    lines = _remarks_on_lengths(by_record, groups)
    if not records.rows.loc[records.rows["set"] == FLEET, "spectrum"].notna().any():
        lines.append(
            f"{RunFolder.FLEET_CURVES}: without spectra, as the records are shorter than "
            f"{seconds(record_statistics.SHORTEST_SPECTRUM):.3g} s"
        )
    few = [group.name for group in groups if group.borrowed]
    if few:
        lines.append(
            f"{len(few)} of {len(groups)} groups have too few {high_name()} records of their own (first: {few[0]}); "
            f"their correction is borrowed from all {high_name()} records and not guaranteed; run {high_name()} there "
            "too"
        )
    states = SeaStates.of(records)
    return lines + [line for group in groups if not group.borrowed for line in _on_strata(by_record, states, group)]


def _on_strata(by_record: pd.DataFrame, states: SeaStates, group: Group) -> list[str]:
    """Warnings about a group's sea states with few LAMP records, and about other shares of LAMP's records there."""
    lamp, fleet = (rows["handle"] for rows in group.split(by_record))
    with_lamp = lamp.map(states.numbers).value_counts().reindex(fleet.map(states.numbers).unique(), fill_value=0)
    short, lines = int((with_lamp < FEWEST_RECORDS).sum()), []
    if short and len(with_lamp) > 1:
        lines.append(
            f"{group.name}: {short} of {len(with_lamp)} sea states have fewer than {FEWEST_RECORDS} {high_name()} "
            "records; the nearest lend them their correction (marked 'shared') and it is not guaranteed; run "
            f"{high_name()} there too"
        )
    strata, _ = states.strata(lamp, fleet)
    shares = [
        ((strata[0] == stratum).mean(), (strata[1] == stratum).mean(), stratum) for stratum in pd.unique(strata[1])
    ]
    ours, theirs, stratum = max(shares, key=lambda share: abs(share[0] - share[1]))
    handle = fleet.iloc[(strata[1] == stratum).argmax()]
    if abs(ours - theirs) > UNLIKE_SHARES:
        lines.append(
            f"{group.name}: {high_name()}'s records have other shares of the sea states than the fleet's (most unlike "
            f"{sea_state(handle).name if handle else NO_HANDLE}: {100 * ours:.0f} % of {high_name()}'s, "
            f"{100 * theirs:.0f} % of the fleet's); each sea state counts as in the fleet"
        )
    return lines


def _remarks_on_lengths(by_record: pd.DataFrame, groups: Sequence[Group]) -> list[str]:
    """Warnings about records of several lengths in the fleet, and about a fleet of another length than LAMP's."""
    fleet = by_record[by_record["set"] == FLEET]
    kinds = length_classes(fleet["duration_s"].to_numpy())
    usual, lines = pd.Series(kinds).mode().iloc[0], []
    if (kinds != usual).any():
        shortest = fleet.loc[fleet["duration_s"].where(kinds != usual).idxmin()]
        lines.append(
            f"{(kinds != usual).sum()} of {len(fleet)} records of the fleet are not {usual:g} s long (shortest: "
            f"{shortest['record']}, {shortest['duration_s']:g} s): largest values of records of several lengths do not "
            "compare; rows that mix them are marked, and an exposure counts each record's own length"
        )
    unlike = []
    for group in groups[:-1] if len(groups) > 1 else groups:
        of_lamp, of_fleet = (rows["duration_s"].median() for rows in group.split(by_record))
        if len(group.lamp) and not 1 / SAME_LENGTH < of_lamp / of_fleet < SAME_LENGTH:
            where = f", {group.name}" if len(groups) > 1 else ""
            unlike.append(f"{high_name()} records of {of_lamp:g} s and a fleet of {of_fleet:g} s{where}")
    if unlike:
        more = f" (and {len(unlike) - 1} more groups)" if len(unlike) > 1 else ""
        lines.append(
            f"{unlike[0]}{more}: largest values of records and what follows from them do not compare; predict records "
            f"as long as {high_name()}'s"
        )
    return lines


def figures_of(
    tables: Sequence[pd.DataFrame],
    groups: Sequence[Group],
    drawn: Sequence[Group],
    level: float,
    style: Plotting,
    attempt: OptionalSteps,
) -> dict[str, Figure]:
    """The means, largest values, amplitudes and spectra of the `drawn` groups, and maps of the limits, by file name.

    tables: statistics, exceedance, amplitudes and spectra. A figure that cannot be drawn is left out.
    """
    jobs = {}
    if len(tables[0]):
        title = f"Means over the records with {100 * level:g} % intervals"
        jobs["fleet_means"] = (fleet_figures.means_figure, tables[0], style, title)
    for group in drawn:
        name = group.name
        suffix = "" if len(groups) == 1 else response_spectra.suffix_of(name)
        means, curves, amplitudes, _ = (table[table["sea_state"] == name] if len(table) else table for table in tables)
        if len(curves):
            hours = means["exposure_h"].min()
            length = f"{hours * 60:.3g} min" if time_scale() == 1 else duration_text(hours)
            title = f"Largest value of a record of {length}, {name}"
            jobs[f"fleet_maxima{suffix}"] = (fleet_figures.exceedance_figure, curves, means, level, style, title)
        if len(amplitudes):
            title = f"Single amplitudes as predicted, {name}"
            jobs[f"fleet_amplitudes{suffix}"] = (fleet_figures.amplitudes_figure, amplitudes, style, title)
    names = [group.name for group in drawn]
    jobs |= {
        name: (job,) for name, job in response_spectra.figures_of("fleet_spectra", tables[-1], names, style).items()
    }
    figures = {name: attempt(f"{name}.png", *job) for name, job in jobs.items()}
    figures["fleet_limits"] = attempt("fleet_limits.png", _limit_map, tables[0], groups)
    return {name: figure for name, figure in figures.items() if figure is not None}


def _limit_map(table: pd.DataFrame, groups: Sequence[Group]) -> Figure | None:
    """The map over the two parts of the handle in which the groups differ, heading first, if there are limits."""
    parts = pd.DataFrame({group.name: group.parts for group in groups if group.parts}).T
    rows = table[(table["statistic"] == "maximum_above") & table["sea_state"].isin(parts.index)]
    differing = [part for part in PART_UNITS if part in parts and parts[part].nunique() > 1]
    if len(rows) < 2 or len(differing) > 2:
        return None
    x, y = [*differing, *(part for part in ("heading", "speed") if part not in differing)][:2]
    if (x, y) == ("speed", "heading"):
        x, y = y, x
    rows = rows.join(parts.reindex(columns=[x, y], fill_value=0.0), on="sea_state")
    labels = part_label(x), part_label(y)
    return fleet_figures.limits_figure(rows, x, y, labels, "Probability that a record exceeds a limit")


def headline(table: pd.DataFrame, question: Question) -> list[str]:
    """What is asked for first: the largest values in the worst sea state, roll's before others, the probabilities of
    the limits, and how many LAMP runs alone would be as precise."""
    last, lines = table["sea_state"].iloc[-1], []
    borrowed = f"corrected by {high_name()} in other sea states"
    marks = {"extrapolated": "extrapolated beyond the records", "borrowed": borrowed}
    everything = table[table["sea_state"] == last]
    largest = table[table["statistic"].isin(["most_probable_maximum", "largest_exceeded_by_10_percent"])]
    pooled = largest["method"].str.contains(POOLED)
    largest = largest if pooled.all() else largest[~pooled]  # 3 h of one sea state, not of all of them
    for (channel, _), rows in largest.groupby(["channel", "side"], sort=False):
        states = rows["sea_state"].nunique()
        rows = rows[rows["sea_state"] == rows.loc[rows["estimate"].idxmax(), "sea_state"]]
        where = short_name(rows["sea_state"].iloc[0]) + f" (the highest of {states} sea states)" * (states > 1)
        numbers = "; ".join(f"{row.meaning}: {_interval(row)}" for row in rows.itertuples())
        how = f"in brackets {100 * question.level:g} % intervals"
        how += "".join(f"; {words}" for mark, words in marks.items() if rows["method"].str.contains(mark).any())
        lines.append((not channel_of(channel).resonant, f"{channel_of(channel).heading}, {where}: {numbers} ({how})"))
    lines = [line for _, line in sorted(lines, key=lambda line: line[0])]
    limits = table[table["statistic"] == "maximum_above"]
    for (channel, meaning), rows in limits.groupby(["channel", "meaning"], sort=False):
        is_last = rows["sea_state"] == last
        rows = pd.concat([rows[is_last], rows[~is_last].nlargest(WORST_FIRST, "estimate")])
        numbers = ", ".join(f"{short_name(row.sea_state)} {_interval(row)}" for row in rows.itertuples())
        lines.append(f"{channel_of(channel).heading}, {meaning}: {numbers}")
    for statistic, words in (("mean_ssa", "mean significant amplitude"), ("mean_maximum", "mean largest value")):
        rows = everything[(everything["statistic"] == statistic) & everything["effective_lamp_runs"].notna()]
        lines += _worth(rows, words, question.lamp_hours)
    return lines


def _interval(row: tuple) -> str:
    return interval_text(row.estimate, row.lower, row.upper, row.unit)


def _worth(rows: pd.DataFrame, words: str, lamp_hours: float | None) -> list[str]:
    """How many LAMP runs the fleet is worth for a mean of each channel, and where LAMP alone is more precise."""
    worth, lines = [], []
    for row in rows.itertuples():
        motion = channel_of(row.channel).word + f" ({row.side})" * bool(row.side)
        ends = row.effective_lower, row.effective_upper
        runs = f"{' to '.join(rounded_text(end, 2) for end in ends)} {high_name()} runs"
        if lamp_hours:
            runs += f" ({' to '.join(rounded_text(end * lamp_hours, 2) for end in ends)} {high_name()} hours)"
        if row.effective_lamp_runs >= row.lamp_records:
            worth.append(f"{runs} in {motion}")
            continue
        remedy = f"no number of {low_name()} runs would make up for the network's errors"
        if np.isfinite(row.fleet_records_needed):
            remedy = f"{rounded_text(np.ceil(row.fleet_records_needed))} {low_name()} runs would be as precise"
        lines.append(
            f"For the {words} of {motion}, the {row.lamp_records} {high_name()} runs alone are more precise than with "
            f"{row.fleet_records} predictions (worth {runs}); {remedy}"
        )
    if worth:
        runs, predictions = (rows[f"{of}_records"].iloc[0] for of in ("lamp", "fleet"))
        about = f"With {runs} {high_name()} runs, these {predictions} predictions"
        lines.append(f"{about} are worth for the {words}: {', '.join(worth)}")
    return lines


def facts(network: str, records: RecordTable, question: Question, sentences: Sequence[str]) -> dict:
    """What fleet_statistics.json holds."""
    numbers = records.rows.groupby("set")["record"].nunique()
    return {
        "network": network,
        column_in_file("lamp_records"): int(numbers[WITH_LAMP]),
        "fleet_records": int(numbers[FLEET]),
        "networks": int(records.rows["network"].max()),
        "level": question.level,
        "seed": question.seed,
        "exposure_hours": question.exposure / 3600,
        "limits": dict(question.limits),
        "groups": list(question.by) or ["sea state"],
        "method": "docs/fleet.md: how it is computed",
        "guarantee": guarantee(),
        "headline": list(sentences),
    }


if __name__ == "__main__":
    sys.exit(main())
