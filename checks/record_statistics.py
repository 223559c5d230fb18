"""Statistics of single records, of which those of a fleet are made: from motions to a table kept in the run's folder.

The motions themselves are not kept, so that a fleet may have tens of thousands of records.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from data_io import Record
from metrics import kurtosis, segment_spectra, sided, single_amplitudes, zero_upcrossing_period
from networks.network_folder import NetworkFolder
from networks.replacement import training_settings
from readers.sea_state_handles import handle_in, sea_state
from settings.channels import channel_of, wave_at_centre
from settings.description import high_name, in_use, low_name, seconds, time_scale
from settings.kinds import KINDS
from system.errors import UNREADABLE, InputError, first_line
from system.files import read_table, written_aside
from system.run_folder import RunFolder

WITH_LAMP, FLEET = "lamp", "fleet"  # the sets of the records with LAMP and of those without
LEVELS = 100  # of the exceedance curves
LEVEL_STEP = 0.1  # distance of these levels, in standard deviations of LAMP's training records
# All three at full scale, see `description.seconds`.
# The longest segment of the spectra, s. Shorter records are one segment, as every cut lowers narrow peaks.
SEGMENT = 1800.0
SHORTEST_SPECTRUM = 120.0  # s; shorter records have no spectra
FREQUENCIES = 2 * np.pi / SEGMENT * np.arange(1, 860)  # rad/s of encounter, up to 3
LEAST_MOTION = 1e-6  # in the channel's unit, below what files resolve
MOST_SPECTRA = 2000  # records of a fleet whose spectra are kept, 14 kB for each channel and source
SIDES = {"positive": "largest_positive", "negative": "largest_negative"}  # the columns of their largest values
SCALARS = ("ssa", "period", "maximum", *SIDES.values(), "kurtosis")
TAPERED = "tapered_variance"
ABOVE = ("share_above", "amplitudes_above")
COLUMNS = ("set", "record", "handle", "source", "network", "channel", "duration_s", *SCALARS, "digest", TAPERED)
TEXTS = ("set", "record", "handle", "source", "channel", "digest")  # names may look like numbers


@dataclass(frozen=True)
class RecordTable:
    """Statistics of records, a row for each record, source, network and channel.

    rows: columns set (WITH_LAMP or FLEET), record, handle, source (LAMP, SimpleCode and the network's title
        (`Kind.title`)), network (from 1; 0 where there is no more than one), channel, duration_s, SCALARS: significant
        single amplitude, mean zero-upcrossing period (s), largest magnitude, largest positive value, size of the
        largest negative one (0 without any), and kurtosis; digest: of the content of SimpleCode's motions, which
        identifies a record; tapered_variance, NaN without a spectrum; and as arrays
        share_above (level,): share of the time that the magnitude is above each level,
        amplitudes_above (level,): number of single amplitudes above each level, see `metrics.single_amplitudes`,
        spectrum (4, FREQUENCIES): see `wave_responses`, None if not taken. Those of the networks that have predicted a
        record are one, their mean, in the row of the first.
    levels: by channel (LEVELS,), in its unit. model_digest: of the network that has predicted the records.
    """

    rows: pd.DataFrame
    levels: Mapping[str, np.ndarray]
    model_digest: str = ""

    def least_motion(self, channel: str) -> float:
        """In the channel's unit; at model scale of lengths times the scale (Froude), of what the user describes times
        the deviation.
        """
        size = time_scale() ** 2 if channel_of(channel).kind == "length" else 1.0
        return LEAST_MOTION * (self.levels[channel][1] / LEVEL_STEP if channel in in_use().names else size)

    @classmethod
    def joined(cls, tables: Sequence["RecordTable"]) -> "RecordTable":
        return replace(tables[0], rows=pd.concat([table.rows for table in tables], ignore_index=True))


def numbers_above(values: np.ndarray, width: float) -> np.ndarray:
    """(LEVELS,): how many of the values (n,), none negative, are above each level 0, width, 2 width, ..."""
    counts = np.bincount(np.minimum(values / width, LEVELS).astype(np.int32), minlength=LEVELS + 1)
    return counts[::-1].cumsum()[::-1][:LEVELS].astype(np.float32)


def wave_responses(series: np.ndarray, wave: np.ndarray, step: float) -> np.ndarray:
    """(series, 4, FREQUENCIES): each one's spectrum, real and imaginary part of its cross spectrum with the wave, and
    the wave's spectrum. One-sided, in squared units per rad/s, by Welch's method with segments of SEGMENT s, or of the
    whole record if it is shorter, padded with zeros. NaN above the Nyquist frequency.

    series: (series, rows). wave: (rows,). step: s.
    """
    result = np.full((len(series), 4, len(FREQUENCIES)), np.nan, np.float32)
    padded = round(seconds(SEGMENT) / step)
    length = min(padded, len(wave))
    transforms = segment_spectra(np.vstack([series, wave]).T, length, padded)[1 : len(FREQUENCIES) + 1]
    motions, waves = transforms[:, :-1], transforms[:, -1:]
    cross = motions * waves.conj()
    parts = np.stack(np.broadcast_arrays(np.abs(motions) ** 2, cross.real, cross.imag, np.abs(waves) ** 2))
    density = step / np.pi / (np.hanning(length) ** 2).sum()
    result[..., : len(transforms)] = density * parts.mean(axis=3).transpose(2, 0, 1)
    return result


def evenly_chosen(names: Sequence[str], most: int) -> frozenset[str]:
    """At most so many of the names, as equal in number over the sea states of their handles as possible."""
    states = pd.Series([str(sea_state(name)) for name in names], names, str)
    return frozenset(states.groupby(states).cumcount().sort_values(kind="stable").index[:most])


def tapered_variance(centred: np.ndarray, step: float) -> np.ndarray:
    """(series,): the variance as the segments of `wave_responses` see it, which count a record's middle for most.

    centred: (series, rows), zero mean.
    """
    length = min(round(seconds(SEGMENT) / step), centred.shape[1])
    segments = np.lib.stride_tricks.sliding_window_view(centred, length, axis=1)[:, :: length // 2]
    weights = np.hanning(length) ** 2
    return np.tensordot(segments**2, weights, 1).mean(axis=1) / weights.sum()


@dataclass(frozen=True)
class Recorder:
    """Takes the statistics of records.

    scale: (channel,) standard deviations of LAMP's training records. networks: members of the ensemble that were
    trained on the same records count as one, so that there is one for each fold. transient: s at the start of records
    that are left out. wave: its place among the inputs, None without. title: of the network. with_spectra: names of the
    records in the input file whose spectra are taken, None for all. model_digest: of the network.
    """

    channels: tuple[str, ...]
    scale: np.ndarray
    networks: int
    transient: float
    wave: int | None = None
    title: str = "LSTM"
    with_spectra: frozenset[str] | None = None
    model_digest: str = ""

    @classmethod
    def of(cls, folder: NetworkFolder, names: Sequence[str] | None = None) -> "Recorder | None":
        """That of a saved network; None, with a line about the remedy, if it has no out-of-fold predictions.

        names: of the fleet's records in the input file, of which MOST_SPECTRA have spectra.
        """
        if not folder.out_of_fold.is_file():
            print("No fleet statistics: the network has no folds; train with num_folds, as input_thorough.py does")
            return None
        return cls.of_network(folder, names)

    @classmethod
    def of_network(cls, folder: NetworkFolder, names: Sequence[str] | None = None) -> "Recorder":
        """The same, also of a network without folds. Raises InputError if its settings.json is damaged."""
        try:
            saved = folder.read_metadata()
            network, transient = saved["network"], training_settings(saved["settings"])["transient_time"]
            scale, title = network["standardization"]["output_deviation"], KINDS[network["network_type"]].title
            settings = len(saved.get("folds") or [0]), transient, wave_at_centre(network["inputs"]), title
        except (KeyError, TypeError, AttributeError) as error:
            raise folder.damaged_settings(error) from error
        with_spectra = None if names is None else evenly_chosen(names, MOST_SPECTRA)
        return cls(tuple(network["outputs"]), np.array(scale), *settings, with_spectra, folder.model_digest())

    def fleet_record(self, record: Record, members: np.ndarray) -> RecordTable:
        """members: (rows, network, channel), see `Prediction`."""
        folds = members.reshape(len(members), self.networks, -1, members.shape[2]).mean(axis=2)
        sources = {self.title: (1, folds.swapaxes(0, 1)), low_name(): (0, record.simple[None])}
        taken = self.with_spectra is None or record.name in self.with_spectra
        table = self._statistics(record, FLEET, sources, taken)
        # As in the file, so that what follows from it later is the same.
        numbers = table.rows[["duration_s", *SCALARS, TAPERED]].map(lambda number: float(f"{number:.6g}"))
        return replace(table, rows=table.rows.assign(**numbers))

    def lamp_record(self, record: Record, out_of_fold: np.ndarray) -> RecordTable:
        """out_of_fold: (rows, channel), predicted by the networks that have not seen the record."""
        motions = {high_name(): record.targets, self.title: out_of_fold, low_name(): record.simple}
        return self._statistics(record, WITH_LAMP, {source: (0, each[None]) for source, each in motions.items()})

    def _statistics(
        self, record: Record, set_name: str, sources: Mapping[str, tuple[int, np.ndarray]], with_spectra: bool = True
    ) -> RecordTable:
        """sources: the number of the first network, and the motions (network, rows, channel)."""
        first = record.after(self.transient).start
        time = record.time[first:]
        if len(time) < 2:
            raise InputError(f"{record.name}: ends within the transient_time of {self.transient:g} s; leave it out")
        step = float(np.median(np.diff(time)))
        wave = np.full(len(time), np.nan) if self.wave is None else record.inputs[first:, self.wave]
        with_spectra = with_spectra and len(time) >= round(seconds(SHORTEST_SPECTRUM) / step)
        names = {"set": set_name, "record": record.name, "handle": handle_in(record.name)}
        duration, digest, tables = np.ptp(time) + step, record.contents["sc"], []
        for source, (number, motions) in sources.items():
            is_there = np.isfinite(motions[:, first:]).all(axis=(0, 1))
            channels = [channel for channel, there in zip(self.channels, is_there, strict=True) if there]
            series = np.ascontiguousarray(motions[:, first:, is_there].swapaxes(1, 2), float)
            centred, widths = series - series.mean(axis=2, keepdims=True), self.scale[is_there] * LEVEL_STEP
            for k in range(len(series) if channels else 0):
                about_mean = [channel_of(channel).mean == "removed" for channel in channels]
                values = np.where(np.array(about_mean)[:, None], centred[k], series[k])
                sizes = np.maximum([*map(sided, values, channels)], 0.0)
                columns = names | {"source": source, "network": number + k, "channel": channels, "duration_s": duration}
                columns |= {
                    "ssa": 2.0 * centred[k].std(axis=1),
                    "period": zero_upcrossing_period(centred[k], step),
                    "maximum": sizes.max(axis=1),
                    SIDES["positive"]: np.maximum(values.max(axis=1), 0.0),
                    SIDES["negative"]: np.maximum(-values.min(axis=1), 0.0),
                    "kurtosis": kurtosis(centred[k]),
                    "digest": digest,
                    TAPERED: np.nan,
                    "share_above": list(np.stack([*map(numbers_above, sizes, widths)]) / np.float32(len(time))),
                    "amplitudes_above": list(map(numbers_above, map(single_amplitudes, centred[k], channels), widths)),
                    "spectrum": None,
                }
                if with_spectra and k == 0:
                    columns[TAPERED] = tapered_variance(centred[k], step)
                    columns["spectrum"] = list(np.mean([wave_responses(each, wave, step) for each in centred], axis=0))
                tables.append(pd.DataFrame(columns))
        levels = self.scale[:, None] * LEVEL_STEP * np.arange(LEVELS)
        levels = dict(zip(self.channels, levels, strict=True))
        return RecordTable(pd.concat(tables, ignore_index=True), levels, self.model_digest)


def save(folder: Path, table: RecordTable) -> None:
    """Writes the table as CSV, and its arrays beside it."""
    rows = table.rows
    spectra = np.array([*rows["spectrum"].dropna()], np.float32).reshape(-1, 4, len(FREQUENCIES))
    arrays = {name: np.stack(rows[name]) for name in ABOVE} | {"spectra": spectra}
    RunFolder(folder).note([RunFolder.FLEET_CURVES])
    RunFolder(folder).write_table(RunFolder.FLEET_RECORDS, rows[list(COLUMNS)], "%.6g")
    with written_aside(folder / RunFolder.FLEET_CURVES) as aside:
        channels, levels = np.array(list(table.levels)), np.stack(list(table.levels.values()))
        np.savez(aside, channels=channels, levels=levels, model_digest=np.array(table.model_digest), **arrays)


def load(folder: Path) -> RecordTable | None:
    """What `save` has written; None if there is none. Raises InputError if the files do not belong together."""
    if not (folder / RunFolder.FLEET_RECORDS).is_file():
        return None
    try:
        rows = read_table(
            folder / RunFolder.FLEET_RECORDS,
            dtype=dict.fromkeys(TEXTS, str),
            keep_default_na=False,
            na_values={name: [""] for name in (*SCALARS, TAPERED)},
        )[list(COLUMNS)]
        with np.load(folder / RunFolder.FLEET_CURVES, allow_pickle=False) as file:
            arrays = dict(file)
        with_spectrum = np.flatnonzero(rows[TAPERED].notna())
        spectra = dict(zip(with_spectrum, arrays["spectra"], strict=True))
        columns = {name: list(arrays[name]) for name in ABOVE}
        rows = rows.assign(**columns, spectrum=[spectra.get(row) for row in range(len(rows))])
        levels = dict(zip(arrays["channels"].tolist(), arrays["levels"], strict=True))
        return RecordTable(rows, levels, arrays["model_digest"].item())
    except UNREADABLE as error:
        raise InputError(
            f"{folder / RunFolder.FLEET_RECORDS}: cannot be used ({first_line(error)}); delete it and predict again"
        ) from error
