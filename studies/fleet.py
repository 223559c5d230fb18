"""Statistics of a fleet of predicted records, corrected by the few LAMP records, with intervals.

python -m studies.fleet --network NAME                          means, largest values of records and of three hours
python -m studies.fleet --network NAME --limits Roll=20 Pitch=5 the probability that these are exceeded, by sea state
"""

import argparse
import contextlib
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

import data_io
import plotting
from data_io import CHANNEL_UNITS, Record
from figures import fleet_figures
from layers.kinds import KINDS
from pages import report_page
from readers.cases import PART_UNITS, Handle, part_label
from settings import NETWORKS_FOLDER, Config, Plotting, SaveData
from studies import fleet_sources, next_runs
from studies.fleet_tables import EVERYTHING, Group, Question, groups_of, statistics
from support import run_folder
from support.errors import Collector, InputError, did_you_mean, exit_status, warn
from support.files import posix, write_json
from support.saved_networks import OUT_OF_FOLD_FILE, load_out_of_fold, training_config
from trust import pair_checks, record_statistics
from trust.record_statistics import Recorder, RecordTable

STATISTICS_FILE = "fleet_statistics.csv"
FACTS_FILE = "fleet_statistics.json"
MORE_FILES = ("fleet_exceedance.csv", "fleet_tails.csv", "fleet_peaks.csv", "fleet_spectra.csv")
MOST_FIGURES = 8  # of groups
GUARANTEE = (
    "Means (mean_ssa, mean_period, mean_maximum, time_above): the interval covers LAMP's mean over all such records "
    "at the level given, whatever the quality of the network, if the LAMP records are a random draw from the same sea "
    "states as the fleet (Student's quantile, for statistics that are near to normal over records). Exceedance of "
    "record maxima, most probable maxima and return levels rest on the model M = a + b M_pred + c q(M_pred) + e, with "
    "q a parabola, and are covered as far as that holds. What is marked extrapolated or borrowed, fitted distributions "
    "and SimpleCode's and the network's own curves are not guaranteed."
)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", metavar="NAME", required=True, help="a network trained with num_folds")
    parser.add_argument("--limits", metavar="CHANNEL=LIMIT", nargs="+", default=[], help="such as Roll=20 Pitch=5")
    parser.add_argument("--hours", type=float, default=3.0, help="exposure for the most probable maximum (default 3)")
    parser.add_argument("--level", type=float, default=90.0, help="of the intervals, percent (default 90)")
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
    folder, where = NETWORKS_FOLDER / given.network, Path(posix(given.output_path)) / given.network
    question = checked_question(given.limits, given.hours, given.level, given.seed, given.by)
    not_random = set().union(*(next_runs.chosen_by_gain(posix(file)) for file in given.chosen))
    config = training_config(folder)
    if not (folder / OUT_OF_FOLD_FILE).is_file():
        raise InputError(f"{folder}: has no {OUT_OF_FOLD_FILE}; train it with num_folds, as input_thorough.py does")
    fleet = record_statistics.load(where)
    if fleet is None:
        raise InputError(
            f"{where / record_statistics.TABLE_FILE}: is missing; name records without LAMP in "
            "DataInfoArgs.predict_sc and predict them with main.py"
        )
    output = Path(posix(given.output)) if given.output else where
    pair_checks.report_handles(fleet.rows["record"].unique())
    _report(config, folder, fleet, question, output, not_random=not_random)
    report_page.write(where, folder)


def after_run(config: Config, sets: Mapping[str, Sequence[Record]]) -> None:
    """The same at the end of a run that has predicted records without LAMP."""
    if not config.data.predict_sc or not (config.network_folder / OUT_OF_FOLD_FILE).is_file():
        return
    try:
        fleet = record_statistics.load(config.output_folder)
        if fleet is not None:
            known = data_io.joined(sets["train"], sets["val"])
            _report(config, config.network_folder, fleet, Question(), config.output_folder, known)
    except InputError as error:
        warn(f"statistics of the fleet: {line}" for line in error.lines)


def checked_question(limits: Sequence[str], hours: float, level: float, seed: int, by: Sequence[str]) -> Question:
    """Raises InputError, with a line for each option that cannot be used."""
    found, faults = {}, []
    for text in limits:
        channel, _, number = text.partition("=")
        with contextlib.suppress(ValueError):
            found[channel] = float(number)
        if channel not in CHANNEL_UNITS or not found.get(channel, 0.0) > 0:
            known = ", ".join(CHANNEL_UNITS)
            faults.append(f"--limits {text}: expected a channel ({known}) and a positive limit, as Roll=20")
    if not hours > 0:
        faults.append(f"--hours {hours:g}: expected more than 0 hours")
    if not 50 <= level <= 99:
        faults.append(f"--level {level:g}: expected 50 to 99 percent")
    for part in [part for part in by if part not in PART_UNITS and list(by) != [EVERYTHING]]:
        expected = f"expected all, or parts of the handle: {', '.join(PART_UNITS)}"
        faults.append(f"--by {part}: {expected}{did_you_mean(part, PART_UNITS)}")
    if faults:
        raise InputError(faults)
    return Question(level / 100, found, 3600 * hours, seed, tuple(by))


def _report(
    config: Config,
    folder: Path,
    fleet: RecordTable,
    question: Question,
    output: Path,
    known: Sequence[Record] = (),
    not_random: Collection[Handle | str] = (),
) -> None:
    """not_random: LAMP records that do not count, see `next_runs.chosen_by_gain`."""
    began = time.perf_counter()
    scale = fleet.levels[:, 1] / record_statistics.LEVEL_STEP
    wave = data_io.wave_at_centre(data_io.input_channels(config.user))
    title = KINDS[training_config(folder).user.network_type].title
    recorder = Recorder(fleet.channels, scale, 1, config.user.transient_time, wave, title)
    lamp = lamp_records(folder, recorder, known)
    fleet = _without(fleet, lamp).named(title)
    file_names = {name: Path(path).name for path, name in data_io.names_by_path(config.data).items()}
    lamp = lamp.chosen(~next_runs.are_chosen(lamp.rows, file_names, not_random))
    if lamp.rows.empty:
        raise InputError("--chosen: lists all LAMP records of the network, and none of them is a random draw")
    groups = groups_of(lamp, fleet, question.by)
    table, curves = statistics(lamp, fleet, groups, question)
    warn(remarks(lamp, fleet, groups))
    drawn = groups if len(groups) <= MOST_FIGURES else [*groups[: MOST_FIGURES - 1], groups[-1]]
    tails, peaks = fleet_sources.peak_tables(lamp, fleet, drawn, question)
    tables = (table, curves, tails, peaks, fleet_sources.spectra_table(lamp, fleet, groups, question.level))
    warn(fleet_sources.lowered_peaks(tables[-1]))
    data_io.write_tables(output, dict(zip((STATISTICS_FILE, *MORE_FILES), tables, strict=True)))
    sentences = headline(table)
    run_folder.note(output, [FACTS_FILE])
    write_json(output / FACTS_FILE, facts(folder.name, lamp, fleet, question, sentences))
    if config.plotting.plotting_mode:
        figures = figures_of(tables, groups, drawn, question.level, config.plotting)
        plotting.save_figures(figures, output)
    print(f"\nStatistics of the fleet in {output / STATISTICS_FILE} ({time.perf_counter() - began:.1f} s)")
    print("\n".join(sentences))


def lamp_records(folder: Path, recorder: Recorder, known: Sequence[Record]) -> RecordTable:
    """The statistics of the LAMP records that the network in a folder was trained on, each predicted out of fold.

    known: records that have been read; if some are missing, all are read from the files listed in settings.json.

    Raises InputError if a file is missing or faulty, or its content is no longer what it was.
    """
    unseen = load_out_of_fold(folder)
    if not {record.digest for record in data_io.identities(known)} >= set(unseen):
        known = _read_training_records(training_config(folder), folder)
        others = [record.name for record in known if record.digest not in unseen]
        if others:
            raise InputError(
                f"{folder}: {len(others)} of its {len(known)} LAMP records (first: {others[0]}) have other content "
                "than when the network was trained; restore the files, or train again"
            )
    own = {record.digest: record for record in known if record.digest in unseen}
    if not own:
        raise InputError(f"{folder}: none of its out-of-fold predictions belongs to a record of its lists")
    return RecordTable.joined([recorder.lamp_record(record, unseen[digest]) for digest, record in own.items()])


def _read_training_records(config: Config, folder: Path) -> list[Record]:
    """The LAMP records of a network's training, as they were read then; prints the warnings about them."""
    collect, names = Collector(), data_io.names_by_path(config.data)
    shared = collect(data_io.conditions_of_network, folder)
    pairs = [*config.data.pairs("train"), *config.data.pairs("val")]
    found = [collect(data_io.read_record, sc, lamp, config.user, None, names[sc], shared) for sc, lamp in pairs]
    collect.check()
    warn(collect.remarks)
    return found


def _without(fleet: RecordTable, lamp: RecordTable) -> RecordTable:
    """The fleet without records that LAMP has run, as the correction has been measured on these.

    By the content of SimpleCode's motions; what has the name or handle of a LAMP record and other content stays.
    """
    rows, own = fleet.rows, lamp.rows
    alike = rows["record"].isin(own["record"]) | (rows["handle"].isin(own["handle"]) & (rows["handle"] != ""))
    with_lamp = rows["digest"].isin(own["digest"])
    if (unknown := (rows["digest"] == "") & alike).any():
        raise InputError(
            f"{record_statistics.TABLE_FILE}: is of an earlier version, which did not say whether "
            f"{rows.loc[unknown, 'record'].iloc[0]} is the LAMP record of this name; predict again"
        )
    if with_lamp.all():
        raise InputError("all predicted records have LAMP records; name others in DataInfoArgs.predict_sc")
    others = rows.loc[alike & ~with_lamp, "record"].unique()
    if len(others):
        warn(
            [
                f"{len(others)} predicted records (first: {others[0]}) have the name or handle of a LAMP record of the "
                "training, but other content; they stay in the fleet"
            ]
        )
    return fleet.chosen(~with_lamp.to_numpy())


def remarks(lamp: RecordTable, fleet: RecordTable, groups: Sequence[Group]) -> list[str]:
    """Warnings about what weakens the statistics."""
    lines = []
    own, others = (table.rows.drop_duplicates("record")["duration_s"] for table in (lamp, fleet))
    if not 0.99 < own.median() / others.median() < 1.01:
        lines.append(
            f"LAMP records of {own.median():g} s and a fleet of {others.median():g} s: largest values of records and "
            "what follows from them do not compare; predict records as long as LAMP's"
        )
    if not len(fleet.spectra):
        lines.append(
            f"{record_statistics.CURVES_FILE}: without spectra, as the records are shorter than "
            f"{record_statistics.SHORTEST_SPECTRUM:g} s or the file is of an earlier version; then predict again"
        )
    few = [group.name for group in groups if group.borrowed]
    if few:
        lines.append(
            f"{len(few)} of {len(groups)} groups have too few LAMP records of their own (first: {few[0]}); their "
            "correction is borrowed from all LAMP records and not guaranteed; run LAMP there too"
        )
    return lines


def figures_of(
    tables: Sequence[pd.DataFrame], groups: Sequence[Group], drawn: Sequence[Group], level: float, style: Plotting
) -> dict[str, Figure]:
    """The means, the largest values, peaks and spectra of the `drawn` groups, and maps of the limits, by file name.

    tables: statistics, exceedance, tails, peaks and spectra.
    """
    title = f"Means over the records with {100 * level:g} % intervals"
    figures = {"fleet_means": fleet_figures.means_figure(tables[0], style, title)}
    for group in drawn:
        name = group.name
        suffix = "" if len(groups) == 1 else "_" + name.replace(", ", "_").replace(" ", "")
        means, curves, tails, peaks, spectra = (
            each[each["sea_state"] == name] if len(each) else each for each in tables
        )
        if len(curves):
            title = f"Largest value of a record, {name}"
            figures[f"fleet_maxima{suffix}"] = fleet_figures.exceedance_figure(curves, means, level, style, title)
        if len(tails):
            title = f"Peaks of the envelope, {name}"
            figures[f"fleet_peaks{suffix}"] = fleet_figures.peaks_figure(tails, peaks, style, title)
        if len(spectra):
            resolution = fleet_sources.resolution_text(spectra)
            title = f"Spectra and response amplitude operators, {name}, {resolution}"
            figures[f"fleet_spectra{suffix}"] = fleet_figures.spectra_figure(spectra, style, title)
    return figures | _limit_maps(tables[0], groups)


def _limit_maps(table: pd.DataFrame, groups: Sequence[Group]) -> dict[str, Figure]:
    """The map over the two parts of the handle in which the groups differ, heading first, if there are limits."""
    parts = pd.DataFrame({group.name: group.parts for group in groups if group.parts}).T
    rows = table[(table["statistic"] == "maximum_above") & table["sea_state"].isin(parts.index)]
    differing = [part for part in PART_UNITS if part in parts and parts[part].nunique() > 1]
    if len(rows) < 2 or len(differing) > 2:
        return {}
    x, y = [*differing, *(part for part in ("heading", "speed") if part not in differing)][:2]
    if (x, y) == ("speed", "heading"):
        x, y = y, x
    rows = rows.join(parts.reindex(columns=[x, y], fill_value=0.0), on="sea_state")
    labels = part_label(x), part_label(y)
    return {
        "fleet_limits": fleet_figures.limits_figure(rows, x, y, labels, "Probability that a record exceeds a limit")
    }


def headline(table: pd.DataFrame) -> list[str]:
    """How many LAMP runs alone would be as precise, for the means over all records."""
    rows = table[table["sea_state"] == table["sea_state"].iloc[-1]]
    lines = []
    for statistic, words in (("mean_ssa", "mean SSA"), ("mean_maximum", "mean record maximum")):
        known = rows[(rows["statistic"] == statistic) & rows["effective_lamp_runs"].notna()]
        if len(known):
            n, size = known[["lamp_records", "fleet_records"]].iloc[0]
            runs = ", ".join(f"{row.channel} {row.effective_lamp_runs:.0f}" for row in known.itertuples())
            lines.append(
                f"{n} LAMP runs and {size} of SimpleCode are as precise as {known['effective_lamp_runs'].min():.0f} "
                f"LAMP runs or more for the {words} ({runs})"
            )
    return lines


def facts(network: str, lamp: RecordTable, fleet: RecordTable, question: Question, sentences: Sequence[str]) -> dict:
    """What fleet_statistics.json holds."""
    return {
        "network": network,
        "lamp_records": lamp.rows["record"].nunique(),
        "fleet_records": fleet.rows["record"].nunique(),
        "networks": int(fleet.rows["network"].max()),
        "level": question.level,
        "seed": question.seed,
        "exposure_hours": question.exposure / 3600,
        "limits": dict(question.limits),
        "groups": list(question.by) or ["sea state"],
        "method": "prediction-powered means with lambda = 1 and Student's quantile; bootstrap over LAMP and fleet "
        "records for M = a + b M_pred + c q(M_pred) + e",
        "guarantee": GUARANTEE,
        "headline": list(sentences),
    }


if __name__ == "__main__":
    sys.exit(main())
