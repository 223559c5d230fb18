"""Predicts whole records with a trained network."""

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import keras
import numpy as np
import tensorflow as tf
import threadpoolctl
from scipy.interpolate import CubicSpline

from data_io import Record
from metrics import START_TIME, Motions
from network import (
    Architecture,
    TrainedNetwork,
    build_model,
    fastest_lstm,
    load_model_file,
    without_output_filter,
)
from networks.network_folder import NetworkFolder
from networks.symmetry import Symmetry
from readers.rows_on_disk import RowsOnDisk
from settings.description import seconds
from settings.kinds import KINDS
from system.cores import cores

RECORDS_AT_ONCE = 48  # limits the memory for thousands of records
SHORTEST_SPLINE = 8  # network steps of a record, below which all of its rows are predicted
SPLINE_COSTS, RECORDS_FOR_SPLINE = 0.01, 8  # share by which a spline may raise the error, over so many records
STEPS_WITH_FILTER = 2**16  # at once, at most
PARTS = 16  # at least, of what is predicted together: the same with any number of threads, as are the predictions
HasInputs = TypeVar("HasInputs")
# From (sequence, time, channel) to (sequence, time, network, channel), in physical units, float32
Evaluate = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Prediction:
    """What a network predicts for a record, in physical units.

    mean: (rows, channel), LAMP's motions.
    spread: (rows, channel), the standard deviation between the networks of an ensemble, if it was asked for.
    members: (rows, network, channel), what each network predicts, if it was asked for; then all three are float32.
    """

    mean: np.ndarray
    spread: np.ndarray | None = None
    members: np.ndarray | None = None


class Predictor:
    """Predicts whole records with one network, which it prepares once.

    with_spread: of an ensemble, also how far its networks are apart. Without, its mean is its only member.
    """

    def __init__(self, network: TrainedNetwork, with_spread: bool = False):
        self._architecture = network.architecture
        self.channels = network.architecture.outputs
        self._num_members = network.architecture.num_networks if with_spread else 1
        self._evaluate = compiled(network, self._num_members > 1)

    def predict_records(
        self, records: Iterable[HasInputs], with_members: bool = False
    ) -> Iterator[tuple[HasInputs, Prediction]]:
        """Yields each record with its prediction; RECORDS_AT_ONCE are read and predicted together.

        records: have `inputs`, (rows, input channel) in physical units.
        """
        records = iter(records)
        while portion := list(itertools.islice(records, RECORDS_AT_ONCE)):
            predictions = self.predict([record.inputs for record in portion], with_members)
            yield from zip(portion, predictions, strict=True)

    def predict(self, inputs: Sequence[np.ndarray], with_members: bool = False) -> list[Prediction]:
        """Predicts LAMP's motions for every row. inputs: (rows, input channel) of each record, in physical units."""
        n, each = self._architecture.time_res, (self._num_members, len(self.channels))
        members = [np.empty((len(array), *each), np.float32) for array in inputs]

        def predict_part(part: list[tuple[int, int]]) -> None:
            batch = np.stack(
                [inputs[record][first::n] for record, first in part], dtype=np.float32, casting="same_kind"
            )
            for (record, first), values in zip(part, self._evaluate(batch), strict=True):
                members[record][first::n] = values

        def completed(of_record: np.ndarray) -> Prediction:
            fill_between(of_record, firsts_of(self._architecture, len(of_record)), n)
            mean = of_record.mean(axis=1)
            spread = of_record.std(axis=1) if self._num_members > 1 else None
            if with_members:
                return Prediction(mean, spread, of_record)
            return Prediction(mean.astype(float), None if spread is None else spread.astype(float))

        # By default NumPy would use all cores for each of the LSTM's small matrix products.
        with threadpoolctl.threadpool_limits(1, "blas"), ThreadPoolExecutor(cores()) as pool:
            list(pool.map(predict_part, self._parts(list(map(len, inputs)))))
            return list(pool.map(completed, members))

    def _parts(self, lengths: Sequence[int]) -> list[list[tuple[int, int]]]:
        """The records' interleaved sequences, as (record, first row), in parts of equal length for the threads."""
        n = self._architecture.time_res
        by_length: dict[int, list[tuple[int, int]]] = {}
        for record, rows in enumerate(lengths):
            for first in firsts_of(self._architecture, rows):
                by_length.setdefault(len(range(first, rows, n)), []).append((record, first))
        parts = []
        for length, sequences in by_length.items():
            steps = KINDS[self._architecture.network_type].steps_at_once
            if self._architecture.filter_lags:  # whose products take as much memory as the layers
                steps = min(steps, STEPS_WITH_FILTER)
            most = max(1, steps // length)
            at_once = min(most, -(-len(sequences) // PARTS))
            parts += [sequences[start : start + at_once] for start in range(0, len(sequences), at_once)]
        return parts


def firsts_of(architecture: Architecture, rows: int) -> list[int]:
    """The first rows of the interleaved sequences that are predicted of a record: all, or every `row_step`-th and the
    one that ends at the last row; a spline through these gives the others."""
    n, step = architecture.time_res, architecture.row_step
    if step == 1 or rows < SHORTEST_SPLINE * n:
        return list(range(min(n, rows)))
    return sorted({*range(0, n, step), (rows - 1) % n})


@dataclass(frozen=True)
class PredictedSet:
    """The records of a set with their predictions, which are read on access if they are on disk."""

    records: Sequence[Record]
    predictions: Sequence[Prediction]
    on_disk: RowsOnDisk | None = None

    def __len__(self) -> int:
        return len(self.predictions)

    def motions(self, index: int) -> Motions:
        """The motions of a record from the three sources."""
        if self.on_disk:
            self.on_disk.release()
        record = self.records[index]
        return Motions(record.targets, record.simple, self.predictions[index].mean)

    def counted(self, index: int, transient: float) -> tuple[Motions, int, np.ndarray]:
        """A record's motions behind the transient (s), how many of their rows are within START_TIME, and the times."""
        record = self.records[index]
        rows = record.after(transient)
        motions = Motions(*(values[rows] for values in self.motions(index)))
        return motions, max(record.after(seconds(START_TIME)).start - rows.start, 0), record.time[rows]


def fill_between(values: np.ndarray, firsts: Sequence[int], n: int) -> None:
    """Fills the rows of an array (rows, ...) that are in none of the sequences first::n by a cubic spline."""
    if len(firsts) == min(n, len(values)):
        return
    is_known = np.isin(np.arange(len(values)) % n, firsts)
    rows, flat = np.arange(len(values)), values.reshape(len(values), -1)
    finite = np.isfinite(flat[is_known]).all()  # not so of a network that diverged
    flat[~is_known] = CubicSpline(rows[is_known], flat[is_known])(rows[~is_known]) if finite else np.nan


def with_row_step(trained: TrainedNetwork, records: Sequence[Record], transient: float) -> TrainedNetwork:
    """The network with the largest row step, a divisor of time_res, for which a spline costs nothing.

    That is, for which no channel's mean squared error over (some of) the training records, behind the transient (s),
    grows by more than SPLINE_COSTS. As the interleaved sequences of a record are predicted independently, a spline
    through few of them is smoother than all rows, and its error is often smaller.
    """
    some = [records[i] for i in range(0, len(records), max(1, len(records) // RECORDS_FOR_SPLINE))]
    n, whole = trained.architecture.time_res, dataclasses.replace(trained.architecture, row_step=1)
    predictor = Predictor(dataclasses.replace(trained, architecture=whole))
    predictions = [prediction.mean for prediction in predictor.predict([record.inputs for record in some])]

    def errors(step: int) -> np.ndarray:
        sums = np.zeros(len(predictor.channels))
        architecture = dataclasses.replace(whole, row_step=step)
        for record, prediction in zip(some, predictions, strict=True):
            values = prediction.copy()
            fill_between(values, firsts_of(architecture, len(values)), n)
            sums += ((values - record.targets)[record.after(transient)] ** 2).sum(axis=0)
        return sums

    all_rows = errors(1)
    for step in filter(lambda step: n % step == 0, range(n, 1, -1)):
        ratio = float(np.max(errors(step) / np.where(all_rows > 0, all_rows, 1.0)))
        if ratio <= 1 + SPLINE_COSTS:
            whole = dataclasses.replace(whole, row_step=step, spline_costs=round(ratio - 1, 6))
            break
    return dataclasses.replace(trained, architecture=whole)


def compiled(network: TrainedNetwork, each_member: bool = False) -> Evaluate:
    """The network ready for many calls; it returns the mean of its members, or each of them.

    Seconds for 100 records of 18 000 rows, template's network, two cores, first and second time in a process, in turn:
    here 4.4, 3.8 and 4.5, 3.0; Keras' layers under XLA 5.6, 4.6 and 6.5, 5.2.
    """
    architecture, s = network.architecture, network.architecture.standardization
    model = build_model(architecture, fastest_lstm())
    model.set_weights(network.model.get_weights())
    outputs = keras.ops.expand_dims(model.output, -2)
    if each_member:
        standardized = keras.ops.stack(model.get_layer("ensemble_mean").input, axis=-2)
        outputs = standardized * np.float32(s.output_deviation) + np.float32(s.output_mean)
        if architecture.mean_with_mirrored:
            outputs = Symmetry.physical(architecture).mean_of_both_sides(outputs)
    function = tf.function(keras.Model(model.input, outputs), reduce_retracing=True)
    return lambda batch: function(tf.constant(batch)).numpy()


def predict_with_checkpoints(
    folder: NetworkFolder, trained: TrainedNetwork, inputs: Sequence[np.ndarray]
) -> dict[int, list[Prediction]]:
    """Predictions of the checkpoints in `folder` and of the best network, by epoch, in ascending order.

    All are without an output filter, which is fitted at the end of a training. inputs: see `Predictor.predict`.

    Raises:
        InputError: one of the files is damaged.
    """
    trained = without_output_filter(trained)
    files = folder.epoch_models()
    if folder.last_model.is_file() and len(trained.history):
        files[int(trained.history["epoch"].iloc[-1])] = folder.last_model
    models = {epoch: load_model_file(path, trained.architecture) for epoch, path in files.items()}
    folder.check_checkpoints()
    if trained.best_epoch is not None:
        models[trained.best_epoch] = trained.model
    return {
        epoch: Predictor(dataclasses.replace(trained, model=models[epoch])).predict(inputs) for epoch in sorted(models)
    }
