"""Statistics of single records, of which those of a fleet are made: from motions to a table kept in the run's folder.

The motions themselves are not kept, so that a fleet may have tens of thousands of records.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.signal import hilbert

import data_io
from data_io import Record
from metrics import SIMPLECODE, magnitudes, segment_spectra
from networks.network_folder import NetworkFolder
from readers.cases import handle_in, sea_state
from settings import Config
from settings.kinds import KINDS
from system.errors import UNREADABLE, InputError, first_line
from system.files import written_aside
from system.run_folder import RunFolder

LAMP = "LAMP"
LEVELS = 100  # of the exceedance curves
LEVEL_STEP = 0.1  # distance of these levels, in standard deviations of LAMP's training records
ENVELOPE_STEP = 0.5  # s: envelopes of ship motions change slowly
# s at both ends of a record where no peak counts: the Hilbert transform joins them, which raised one in seven there
# by more than 0.3 standard deviations, up to 2.2 (simulated waves); 10 s further inside by 0.04 (root mean square).
ENVELOPE_ENDS = 10.0
PEAK_WINDOW = 60.0  # s: at most one peak of the envelope counts in each, as neighbours belong to one group of waves
# The longest segment of the spectra, s. Shorter records are one segment, as every cut lowers narrow peaks.
SEGMENT = 1800.0
SHORTEST_SPECTRUM = 120.0  # s; shorter records have no spectra
FREQUENCIES = 2 * np.pi / SEGMENT * np.arange(1, 860)  # rad/s of encounter, up to 3
MOST_SPECTRA = 2000  # records of a fleet whose spectra are kept, 14 kB for each channel and source
SCALARS = ("ssa", "period", "maximum")
ARRAYS = ("share_above", "peaks")  # of a RecordTable, beside its rows
TEXTS = ("set", "record", "handle", "source", "channel", "digest")  # names may look like numbers
COLUMNS = ("set", "record", "handle", "source", "network", "channel", "duration_s", *SCALARS, "digest")
TAPERED = "tapered_variance"  # a column behind these


@dataclass(frozen=True)
class RecordTable:
    """Statistics of records, a row for each record, source, network and channel.

    rows: columns set ("lamp": the records with LAMP, "fleet": those without), record, handle, source (LAMP, SimpleCode
        and the network's title (`Kind.title`); LSTM in older tables), network (from 1; 0 where there is no more
        than one), channel, duration_s, SCALARS: significant single amplitude, mean zero-upcrossing period (s) and
        largest magnitude; digest: of the content of SimpleCode's motions, which identifies a record (empty in files of
        versions that had none); and tapered_variance, NaN without a spectrum.
    share_above: (row, level), share of the time that the magnitude is above each level.
    levels: (channel, LEVELS), in the channels' units.
    peaks: (row, peak), peaks of the envelope, one at most in each PEAK_WINDOW, NaN where there is none.
    spectra: (row with a spectrum, 4, FREQUENCIES), see `wave_responses`. Those of the networks that have predicted a
        record are one, their mean, in the row of the first.
    """

    rows: pd.DataFrame
    share_above: np.ndarray
    levels: np.ndarray
    peaks: np.ndarray
    spectra: np.ndarray
    channels: tuple[str, ...]

    @property
    def is_network(self) -> pd.Series:
        """(row,): whether the source is the network."""
        return ~self.rows["source"].isin([LAMP, SIMPLECODE])

    def named(self, network: str) -> "RecordTable":
        """The same with this title of the network as source, whichever it was."""
        return replace(self, rows=self.rows.assign(source=self.rows["source"].mask(self.is_network, network)))

    def chosen(self, rows: np.ndarray) -> "RecordTable":
        """Those of the rows (row,) that are True."""
        arrays = {name: getattr(self, name)[rows] for name in ARRAYS}
        arrays["spectra"] = self.spectra[rows[self.rows[TAPERED].notna()]]
        return replace(self, rows=self.rows[rows].reset_index(drop=True), **arrays)

    def of_channel(self, channel: str, level: float) -> pd.DataFrame:
        """The rows of a channel, with a column time_above: the share of the time that its magnitude exceeds a level.

        Interpolated between the levels; 0 above the highest one.
        """
        levels, own = self.levels[self.channels.index(channel)], self.rows["channel"] == channel
        shares = [np.interp(level, levels, each, right=0.0) for each in self.share_above[own]]
        return self.rows[own].assign(time_above=shares)

    @classmethod
    def joined(cls, tables: Sequence["RecordTable"]) -> "RecordTable":
        most = max(each.peaks.shape[1] for each in tables)
        peaks = [
            np.pad(each.peaks, ((0, 0), (0, most - each.peaks.shape[1])), constant_values=np.nan) for each in tables
        ]
        return replace(
            tables[0],
            rows=pd.concat([each.rows for each in tables], ignore_index=True),
            share_above=np.concatenate([each.share_above for each in tables]),
            peaks=np.concatenate(peaks),
            spectra=np.concatenate([each.spectra for each in tables]),
        )


def zero_upcrossing_period(centred: np.ndarray, step: float) -> np.ndarray:
    """(series,): mean time (s) between upcrossings of the mean; NaN with fewer than two. centred: (series, rows)."""
    above = centred >= 0
    crossings = [np.flatnonzero(own) for own in above[:, 1:] > above[:, :-1]]
    means = [(own[-1] - own[0]) / (len(own) - 1) if len(own) > 1 else np.nan for own in crossings]
    return step * np.array(means)


def envelope_peaks(centred: np.ndarray, step: float) -> np.ndarray:
    """(series, window): the largest peak of the envelope in each PEAK_WINDOW; NaN where it only rises or falls.

    The envelope is the magnitude of the analytic signal (Hilbert transform). centred: (series, rows), zero mean.
    """
    every = max(1, round(ENVELOPE_STEP / step))
    envelope = np.abs(hilbert(centred[:, ::every].astype(np.float32), axis=1))
    steps = min(max(1, round(PEAK_WINDOW / (every * step))), envelope.shape[1])
    inside, ends = envelope.copy(), min(round(ENVELOPE_ENDS / (every * step)), envelope.shape[1] // 4)
    inside[:, :ends] = inside[:, envelope.shape[1] - ends :] = -1.0
    windows = inside[:, : envelope.shape[1] // steps * steps].reshape(len(envelope), -1, steps)
    place = windows.argmax(axis=2) + steps * np.arange(windows.shape[1])
    before, after = np.maximum(place - 1, 0), np.minimum(place + 1, envelope.shape[1] - 1)
    here, *beside = (np.take_along_axis(envelope, at, axis=1) for at in (place, before, after))
    return np.where(here >= np.maximum(*beside), here, np.nan).astype(np.float32)


def shares_above(magnitudes: np.ndarray, width: np.ndarray) -> np.ndarray:
    """(series, LEVELS): share of the rows above each level 0, width, 2 width, ...

    magnitudes: (series, rows). width: (series,) distance of the levels.
    """
    cells = np.minimum(magnitudes / width[:, None], LEVELS).astype(np.int32)
    counts = np.stack([np.bincount(own, minlength=LEVELS + 1) for own in cells])
    above = counts[:, ::-1].cumsum(axis=1)[:, ::-1]
    return (above[:, :LEVELS] / magnitudes.shape[1]).astype(np.float32)


def wave_responses(series: np.ndarray, wave: np.ndarray, step: float) -> np.ndarray:
    """(series, 4, FREQUENCIES): each one's spectrum, real and imaginary part of its cross spectrum with the wave, and
    the wave's spectrum. One-sided, in squared units per rad/s, by Welch's method with segments of SEGMENT s, or of the
    whole record if it is shorter, padded with zeros. NaN above the Nyquist frequency and for records below
    SHORTEST_SPECTRUM s.

    series: (series, rows). wave: (rows,). step: s.
    """
    found = np.full((len(series), 4, len(FREQUENCIES)), np.nan, np.float32)
    if len(wave) < round(SHORTEST_SPECTRUM / step):
        return found
    padded = round(SEGMENT / step)
    length = min(padded, len(wave))
    transforms = segment_spectra(np.vstack([series, wave]).T, length, padded)[1 : len(FREQUENCIES) + 1]
    own, of_wave = transforms[:, :-1], transforms[:, -1:]
    cross = own * of_wave.conj()
    parts = np.stack(np.broadcast_arrays(np.abs(own) ** 2, cross.real, cross.imag, np.abs(of_wave) ** 2))
    density = step / np.pi / (np.hanning(length) ** 2).sum()
    found[..., : len(transforms)] = density * parts.mean(axis=3).transpose(2, 0, 1)
    return found


NO_SPECTRA = np.empty((0, 4, len(FREQUENCIES)), np.float32)


def evenly_chosen(names: Sequence[str], most: int) -> frozenset[str]:
    """At most so many of the names, as equal in number over the sea states of their handles as possible."""
    states = pd.Series([str(sea_state(name)) for name in names], names, str)
    return frozenset(states.groupby(states).cumcount().sort_values(kind="stable").index[:most])


def tapered_variance(centred: np.ndarray, step: float) -> np.ndarray:
    """(series,): the variance as the segments of `wave_responses` see it, which count a record's middle for most.

    centred: (series, rows), zero mean.
    """
    length = min(round(SEGMENT / step), centred.shape[1])
    segments = np.lib.stride_tricks.sliding_window_view(centred, length, axis=1)[:, :: length // 2]
    weights = np.hanning(length) ** 2
    return (segments**2 @ weights).mean(axis=1) / weights.sum()


@dataclass(frozen=True)
class Recorder:
    """Takes the statistics of records.

    scale: (channel,) standard deviations of LAMP's training records. networks: members of the ensemble that were
    trained on the same records count as one, so that there is one for each fold. transient: s at the start of records
    that are left out. wave: its place among the inputs, None without. title: of the network. with_spectra: names of the
    records in the input file whose spectra are taken, None for all.
    """

    channels: tuple[str, ...]
    scale: np.ndarray
    networks: int
    transient: float
    wave: int | None = None
    title: str = "LSTM"
    with_spectra: frozenset[str] | None = None

    @classmethod
    def of(cls, config: Config) -> "Recorder | None":
        """That of the run's network; None, with a line about the remedy, if it has no out-of-fold predictions."""
        folder = NetworkFolder(config.network_folder)
        if not folder.out_of_fold.is_file():
            print("No fleet statistics: the network has no folds; train with num_folds, as input_thorough.py does")
            return None
        saved = folder.read_metadata()
        scale = np.array(saved["network"]["standardization"]["output_deviation"])
        wave = data_io.wave_at_centre(data_io.input_channels(config.user))
        network, transient = saved["network"], config.user.transient_time
        title = KINDS[network["network_type"]].title
        names = data_io.names_by_path(config.data)
        of_spectra = evenly_chosen([names[path] for path in config.data.predict_sc], MOST_SPECTRA)
        return cls(tuple(network["outputs"]), scale, len(saved["folds"]), transient, wave, title, of_spectra)

    def fleet_record(self, record: Record, members: np.ndarray, listed_as: str = "") -> RecordTable:
        """members: (rows, network, channel), see `Predictor.predict_members`. listed_as: its name in the input file, if
        it was renamed."""
        folds = members.reshape(len(members), self.networks, -1, members.shape[2]).mean(axis=2)
        sources = {(self.title, k + 1): folds[:, k] for k in range(self.networks)}
        name = listed_as or record.name
        kept = self.with_spectra is None or name in self.with_spectra
        return self._statistics(record, "fleet", sources | {(SIMPLECODE, 0): record.simple}, kept)

    def lamp_record(self, record: Record, out_of_fold: np.ndarray) -> RecordTable:
        """out_of_fold: (rows, channel), predicted by the networks that have not seen the record."""
        sources = {(LAMP, 0): record.targets, (self.title, 0): out_of_fold, (SIMPLECODE, 0): record.simple}
        return self._statistics(record, "lamp", sources)

    def _statistics(
        self, record: Record, set_name: str, sources: dict[tuple[str, int], np.ndarray], with_spectra: bool = True
    ) -> RecordTable:
        first = record.after(self.transient).start
        time = record.time[first:]
        if len(time) < 2:
            raise InputError(f"{record.name}: ends within the transient_time of {self.transient:g} s; leave it out")
        step = float(np.median(np.diff(time)))
        wave = np.full(len(time), np.nan) if self.wave is None else record.inputs[first:, self.wave]
        rows, arrays, spectra = [], [], {}
        kept = with_spectra and len(time) >= round(SHORTEST_SPECTRUM / step)
        for (source, network), motions in sources.items():
            known = np.isfinite(motions[first:]).all(axis=0)
            if not known.any():
                continue
            channels = [channel for channel, is_known in zip(self.channels, known, strict=True) if is_known]
            series = np.ascontiguousarray(motions[first:, known].T, float)
            centred = series - series.mean(axis=1, keepdims=True)
            sizes = np.stack([magnitudes(each, channel) for each, channel in zip(series, channels, strict=True)])
            tapered = tapered_variance(centred, step) if kept and network <= 1 else np.full(len(series), np.nan)
            scalars = (2.0 * centred.std(axis=1), zero_upcrossing_period(centred, step), sizes.max(axis=1), tapered)
            about = (set_name, record.name, handle_in(record.name), source, network)
            about_channels = zip(channels, *scalars, strict=True)
            digest = record.contents["sc"]
            rows += [
                (*about, channel, np.ptp(time) + step, *each, digest, own) for channel, *each, own in about_channels
            ]
            arrays.append((shares_above(sizes, self.scale[known] * LEVEL_STEP), envelope_peaks(centred, step)))
            if kept:
                spectra.setdefault(source, []).append(wave_responses(centred, wave, step))
        shares, peaks = map(np.concatenate, zip(*arrays, strict=True))
        spectra = np.concatenate([NO_SPECTRA, *(np.mean(of_networks, axis=0) for of_networks in spectra.values())])
        levels = self.scale[:, None] * LEVEL_STEP * np.arange(LEVELS)
        rows = pd.DataFrame(rows, columns=[*COLUMNS, TAPERED])
        return RecordTable(rows, shares, levels, peaks, spectra, self.channels)


def save(folder: Path, table: RecordTable) -> None:
    """Writes the table as CSV, and exceedance curves and peaks beside it."""
    RunFolder(folder).note([RunFolder.FLEET_CURVES])
    RunFolder(folder).write_table(RunFolder.FLEET_RECORDS, table.rows, "%.6g")
    curves = {name: getattr(table, name) for name in (*ARRAYS, "levels", "spectra")}
    with written_aside(folder / RunFolder.FLEET_CURVES) as aside:
        np.savez(aside, channels=np.array(table.channels), **curves)


def load(folder: Path) -> RecordTable | None:
    """What `save` has written; None if there is none. Raises InputError if the files do not belong together."""
    if not (folder / RunFolder.FLEET_RECORDS).is_file():
        return None
    try:
        na_values, texts = {name: [""] for name in (*SCALARS, TAPERED)}, dict.fromkeys(TEXTS, str)
        rows = pd.read_csv(folder / RunFolder.FLEET_RECORDS, dtype=texts, keep_default_na=False, na_values=na_values)
        rows = rows if "digest" in rows else rows.assign(digest="")
        with np.load(folder / RunFolder.FLEET_CURVES, allow_pickle=False) as arrays:
            curves = dict(arrays)
        channels = tuple(str(name) for name in curves.pop("channels"))
        if TAPERED not in rows:  # of an earlier version
            rows[TAPERED], curves["spectra"] = np.nan, NO_SPECTRA
        counts = len(curves["peaks"]), len(curves["spectra"])
        if counts != (len(rows), rows[TAPERED].count()):
            raise ValueError(f"{len(rows)} rows, {counts[0]} in {RunFolder.FLEET_CURVES}, with {counts[1]} spectra")
        return RecordTable(rows, channels=channels, **curves)
    except UNREADABLE as error:
        raise InputError(
            f"{folder / RunFolder.FLEET_RECORDS}: cannot be used ({first_line(error)}); delete it and predict again"
        ) from error
