"""Spectra and response amplitude operators, of LAMP, of SimpleCode and of the network as they are.

The operator is |S_xy| / S_xx with the wave x at the centre of gravity (the estimate H1, which noise in the motion y
does not bias), over frequencies of encounter. Its phase is that of S_xy, positive where the motion's maximum comes
before the crest: y = |H| a cos(w t + phase) in a wave a cos(w t), signs as in the files. Where the coherence |S_xy|^2
/ (S_xx S_yy) is low, the motion does not follow linearly from the wave, and both are left out (J. Bendat and A.
Piersol, Random data, 2010, chapter 6). Segments of T s see 2 pi / T rad/s and lower narrower resonances
(docs/fleet.md). Records are therefore whole segments, averaged over each other; only where they are few, also over
neighbouring frequencies.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.ndimage import uniform_filter1d

import plotting
from checks.record_statistics import (
    FLEET,
    FREQUENCIES,
    MOST_SPECTRA,
    SEGMENT,
    SHORTEST_SPECTRUM,
    TAPERED,
    Recorder,
    RecordTable,
)
from checks.run_bands import OutOfFold
from figures import fleet_figures
from metrics import DEGREES
from networks.network_folder import NetworkFolder
from outputs import Results
from readers.sea_state_handles import SeaState, sea_state
from readers.wave_grid import GRAVITY
from settings import Plotting
from settings.channels import channel_of
from settings.description import high_name, time_scale
from studies.fleet_sources import by_source
from studies.fleet_tables import Group, groups_of, joined, with_units
from system.run_folder import RunFolder

LEVEL = 0.9  # of the records, in the band around a run's spectra
MOST_FIGURES = 4  # sea states of a run's own records
LEAST_COHERENCE = 0.6
LEAST_WAVE = 0.01  # of the largest wave spectrum; below, the wave's spectrum is leakage from other frequencies
FEWEST_SEGMENTS = 8  # that are averaged: no coherence of 0.6 arises by chance (0.4^7 = 0.002 of the frequencies)
HANN = 1.5  # noise bandwidth of a Hann window, in 2 pi / T
RESOLVED = 3.0  # resolutions in the width of a peak at 1/sqrt(2) of its height; it is then lowered by less than 6 %
KNOT = 1852 / 3600  # m/s
MOST_SHORT = 0.05  # of the waves' energy that may lie beyond what is told apart in following seas


def after_run(style: Plotting, folders: tuple[NetworkFolder, Path], results: Results, unseen: OutOfFold) -> None:
    """Writes spectra.csv, and figures, of the LAMP records of a run that the network was not trained on.

    folders: of the network, and of the run. These are the records of test and val, and those predicted out of fold.
    """
    if not any(len(of_set) for of_set in results.values()):
        return
    network_folder, output_folder = folders
    recorder, tables = Recorder.of_network(network_folder), {}
    for name, of_set in results.items():
        for record, prediction in zip(of_set.records, of_set.predictions, strict=True):
            predicted = unseen.predictions.get(record.digest, None if name == "train" else prediction.mean)
            if predicted is not None and len(tables) < MOST_SPECTRA:
                tables[record.digest] = recorder.lamp_record(record, predicted)
    if not tables:
        return
    records = RecordTable.joined(list(tables.values()))
    records.rows.loc[records.rows["source"] != high_name(), "set"] = FLEET  # here LAMP has run the whole fleet
    groups = groups_of(records, ())
    table = spectra_table(records, groups, LEVEL)
    if table.empty:
        return
    unit = network_folder.moment_unit()
    RunFolder(output_folder).write_table(RunFolder.SPECTRA, with_units(table, unit), "%.6g")
    if style.plotting_mode:
        drawn = [group.name for group in sorted(groups, key=lambda group: -len(group.lamp))[:MOST_FIGURES]]
        jobs = figures_of("spectra", table, drawn, style)
        plotting.save_figures({name: job() for name, job in jobs.items()}, output_folder, unit)


def figures_of(prefix: str, table: pd.DataFrame, drawn: Sequence[str], style: Plotting) -> dict[str, partial]:
    """By file name, what draws the figures of a `spectra_table` for the `drawn` groups."""
    by_state, jobs = dict(list(table.groupby("sea_state", sort=False))) if len(table) else {}, {}
    for name in filter(by_state.__contains__, drawn):
        suffix = "" if len(by_state) == 1 else suffix_of(name)
        what = "Spectra and response amplitude operators" if by_state[name]["rao"].notna().any() else "Spectra"
        title = f"{what}, {name}, {resolution_text(by_state[name])}"
        jobs[f"{prefix}{suffix}"] = partial(fleet_figures.spectra_figure, by_state[name], style, title)
    return jobs


def suffix_of(group: str) -> str:
    """The end of a group's file names."""
    return "_" + group.replace(", ", "_").replace(" ", "")


def wave_frequencies(encounter: np.ndarray, state: SeaState | None) -> np.ndarray:
    """(frequency,): frequencies (rad/s) of deep-water waves that a ship meets at frequencies of encounter (rad/s).

    encounter = w - w^2 U cos(heading) / g, with 180 deg for head seas. In following seas up to three waves have one
    frequency of encounter: the longest counts, and above the highest there is none (NaN). NaN also where a sea state is
    not known or has a second wave system, or if more than MOST_SHORT of its waves' energy (C. Bretschneider's spectrum)
    is in shorter ones.
    """
    if state is None or state.second_height:
        return np.full(len(encounter), np.nan)
    a = state.speed * KNOT * np.cos(np.radians(state.heading)) / GRAVITY
    if abs(a) < 1e-9:
        return encounter.copy()
    short = -np.expm1(-1.25 * (2 * np.pi / state.period * 2 * a) ** 4) if a > 0 else 0.0
    with np.errstate(invalid="ignore"):
        waves = (1 - np.sqrt(1 - 4 * a * encounter)) / (2 * a)
    return waves if short < MOST_SHORT else np.full(len(encounter), np.nan)


def responses(spectra: np.ndarray, level: float, durations: Sequence[float] | None = None) -> pd.DataFrame:
    """The mean spectrum of records, and the operator of all of them together.

    spectra: (record, 4, FREQUENCIES), see `record_statistics.wave_responses`. durations: of each record or of all, s;
    by default whole segments.
    Returns columns frequency (rad/s, up to the smallest Nyquist frequency), spectrum, lower and upper (between which a
    share `level` of the records would lie if they had the shape of the mean: their ratio to it is taken with the
    resolution of SHORTEST_SPECTRUM s; NaN if less than one record would lie outside), wave_spectrum, coherence, rao,
    phase (deg; these four NaN without a wave), resolution (rad/s), and lowered: whether the highest peak of the
    operator is too narrow for the resolution, see RESOLVED.
    """
    spectra = spectra[..., np.isfinite(spectra[:, 0]).all(axis=0)].astype(float)
    durations = np.atleast_1d(SEGMENT if durations is None else durations) / time_scale()  # as at full scale
    length = min(*durations, SEGMENT)
    segments = np.maximum(1.0, np.broadcast_to(durations, len(spectra)) / SEGMENT).sum()
    # Neighbouring frequencies, 2 pi / length apart, make up for segments that are missing.
    bins = 1 if segments >= FEWEST_SEGMENTS else int(np.ceil(HANN * FEWEST_SEGMENTS / segments))
    width = 1 if bins == 1 else round(bins * SEGMENT / length)
    spectrum, real, imaginary, wave = uniform_filter1d(spectra.mean(axis=0), width, mode="nearest")
    cross = np.hypot(real, imaginary)
    coarse = uniform_filter1d(spectra[:, 0], round(HANN * SEGMENT / SHORTEST_SPECTRUM), mode="nearest")
    with np.errstate(invalid="ignore", divide="ignore"):
        coherence, raw = cross**2 / (spectrum * wave), cross / wave
        ratios = np.quantile(coarse / coarse.mean(axis=0), [(1 - level) / 2, (1 + level) / 2], axis=0)
    if len(spectra) * (1 - level) < 1 - 1e-9:
        ratios[:] = np.nan  # too few records for one to lie outside of the band
    for values in (raw, coherence):
        values[~(wave > LEAST_WAVE * wave.max())] = np.nan
    rao = np.where(coherence >= LEAST_COHERENCE, raw, np.nan)
    resolution = 2 * np.pi / length * (HANN if bins == 1 else bins + 0.5)
    columns = {"frequency": FREQUENCIES[: len(wave)] / time_scale(), "spectrum": spectrum}
    columns |= {"lower": spectrum * ratios[0], "upper": spectrum * ratios[1], "wave_spectrum": wave}
    phase = np.where(np.isnan(rao), np.nan, np.degrees(np.arctan2(imaginary, real)))
    columns |= {"coherence": coherence, "rao": rao, "phase": phase, "resolution": resolution / time_scale()}
    return pd.DataFrame(columns | {"lowered": _peak_width(rao, raw) < RESOLVED * resolution})


def _peak_width(rao: np.ndarray, raw: np.ndarray) -> float:
    """Width of an operator's highest peak at 1/sqrt(2) of its height; infinite if it is higher at an end.

    In rad/s as at full scale. raw: the operator also where the coherence is low, as it is beside a peak that is not
    resolved.
    """
    if np.isnan(rao).all():
        return np.inf
    peak = int(np.nanargmax(rao))
    below = np.flatnonzero(raw < rao[peak] / np.sqrt(2))
    left, right = below[below < peak], below[below > peak]
    return (right[0] - left[-1]) * FREQUENCIES[0] if len(left) and len(right) else np.inf


def spectra_table(records: RecordTable, groups: Sequence[Group], level: float) -> pd.DataFrame:
    """`responses` of each group, source and channel, with the number of records; of mixed groups there are none.

    Columns wave_frequency, see `wave_frequencies`, and for angles rao_per_slope, the operator over the slope k a of a
    deep-water wave (deg/deg). Records of less than half the usual length (the median) are left out, as they
    would lower narrow peaks.
    """
    tables = []
    for about, rows in by_source(records, [group for group in groups if not group.mixed]):
        rows = rows[rows[TAPERED].notna()]
        rows = rows[rows["duration_s"] >= rows["duration_s"].median() / 2]
        if len(rows):
            table = responses(np.stack(rows["spectrum"].tolist()), level, rows["duration_s"])
            # The records' own variance, as tapers count their middles for most.
            table[["spectrum", "lower", "upper"]] *= (rows["ssa"] ** 2 / 4).sum() / rows[TAPERED].sum()
            states = {sea_state(handle) for handle in rows["handle"]}
            waves = wave_frequencies(table["frequency"].to_numpy(), states.pop() if len(states) == 1 else None)
            in_degrees = DEGREES.get(channel_of(about["channel"]).unit, np.nan)
            slopes = np.degrees(waves**2 / GRAVITY) / in_degrees  # in the channel's unit per m, of angles
            table = table.assign(wave_frequency=waves, rao_per_slope=table["rao"] / slopes)
            tables.append(table.assign(records=len(rows), shortest_s=rows["duration_s"].min(), **about))
    return joined(tables)


def resolution_text(table: pd.DataFrame) -> str:
    """The resolutions in a `spectra_table`, for a title."""
    least, most = (f"{number:.2g}" for number in (table["resolution"].min(), table["resolution"].max()))
    return f"resolution {least if least == most else f'{least} to {most}'} rad/s"


def lowered_peaks(table: pd.DataFrame) -> list[str]:
    """A line if the operators of a `spectra_table` have peaks that records of this length and number cannot resolve."""
    if table.empty or not table["lowered"].any():
        return []
    keys = ["sea_state", "source", "channel", "records", "shortest_s", "resolution"]
    cases = table[table["lowered"]].drop_duplicates(keys)
    worst = cases.loc[cases["resolution"].idxmax()]
    return [
        f"{worst['channel']} of {worst['source']} in {worst['sea_state']}: the peak of its response is too narrow for "
        f"a resolution of {worst['resolution']:.2g} rad/s ({worst['records']} records of {worst['shortest_s']:g} s), "
        f"and higher than shown; predict longer{' or more' if worst['records'] < FEWEST_SEGMENTS else ''} records "
        f"({len(cases)} such peaks in the table of spectra, column lowered)"
    ]
