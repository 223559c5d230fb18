"""Predicts whole records with a trained network."""

import dataclasses
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
import threadpoolctl

from network import TrainedNetwork, build_model, fastest_lstm, load_model_file
from networks.network_folder import NetworkFolder
from networks.symmetry import Symmetry
from settings.kinds import KINDS
from system.cores import cores

# From (sequence, time, channel) to (sequence, time, network, channel), in physical units, float32
Evaluate = Callable[[np.ndarray], np.ndarray]


class Predictor:
    """Predicts whole records with one network, which it prepares once.

    with_spread: of an ensemble, also how far its networks are apart.
    """

    def __init__(self, network: TrainedNetwork, with_spread: bool = False):
        self._architecture = network.architecture
        self.num_networks = network.architecture.num_networks
        self._with_spread = with_spread and network.architecture.num_networks > 1
        self.num_columns = len(network.architecture.outputs) * (1 + self._with_spread)
        self._evaluate = compiled(network, self._with_spread)

    def predict(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Predicts LAMP's motions for every row.

        Args:
            inputs: for each record a (rows, input channel) array in physical units.

        Returns:
            for each record a (rows, output channel) float64 array; with spread, behind the outputs for each of them the
            deviation between the ensemble's networks at every step.
        """
        outputs = [np.empty((len(array), self.num_columns)) for array in inputs]
        self._fill(outputs, inputs, self.summary)
        return outputs

    def predict_members(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """What each network of the ensemble predicts: for each record (rows, network, output channel), float32.

        Without spread, the only "network" is the mean of all.
        """
        shape = (self._architecture.num_networks if self._with_spread else 1, len(self._architecture.outputs))
        outputs = [np.empty((len(array), *shape), np.float32) for array in inputs]
        self._fill(outputs, inputs, lambda members: members)
        return outputs

    def summary(self, members: np.ndarray) -> np.ndarray:
        """From (..., network, output channel) what `predict` gives: the mean, and with spread the deviation."""
        mean = members.mean(axis=-2)
        return np.concatenate([mean, members.std(axis=-2)], axis=-1) if self._with_spread else mean

    def _fill(self, outputs: Sequence[np.ndarray], inputs: Sequence[np.ndarray], finish: Evaluate) -> None:
        """Writes each record's prediction, finished, into its array in `outputs`."""
        n = self._architecture.time_res
        by_length: dict[int, list[tuple[int, int]]] = {}
        for record, array in enumerate(inputs):
            for first in range(min(n, len(array))):
                by_length.setdefault(len(array[first::n]), []).append((record, first))
        threads, parts = cores(), []
        for length, chosen in by_length.items():
            most = max(1, KINDS[self._architecture.network_type].steps_at_once // length)
            at_once = min(most, -(-len(chosen) // threads))
            parts += [chosen[start : start + at_once] for start in range(0, len(chosen), at_once)]

        def predict_part(part: list[tuple[int, int]]) -> None:
            batch = np.stack(
                [inputs[record][first::n] for record, first in part], dtype=np.float32, casting="same_kind"
            )
            for (record, first), result in zip(part, finish(self._evaluate(batch)), strict=True):
                outputs[record][first::n] = result

        # By default NumPy would use all cores for each of the LSTM's small matrix products.
        with threadpoolctl.threadpool_limits(1, "blas"), ThreadPoolExecutor(threads) as pool:
            list(pool.map(predict_part, parts))


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
            outputs = Symmetry.physical(architecture.inputs, architecture.outputs).mean_of_both_sides(outputs)
    function = tf.function(keras.Model(model.input, outputs), reduce_retracing=True)
    return lambda batch: function(tf.constant(batch)).numpy()


def predict_with_checkpoints(
    folder: Path, trained: TrainedNetwork, inputs: Sequence[np.ndarray]
) -> dict[int, list[np.ndarray]]:
    """Predictions of the checkpoints in `folder` and of the best network, by epoch.

    Inputs and predictions of each epoch are as in `Predictor.predict`; epochs are in ascending order.

    Raises:
        InputError: one of the files is damaged.
    """
    network_folder = NetworkFolder(folder)
    files = network_folder.epoch_models()
    if network_folder.last_model.is_file() and len(trained.history):
        files[int(trained.history["epoch"].iloc[-1])] = network_folder.last_model
    models = {epoch: load_model_file(path, trained.architecture) for epoch, path in files.items()}
    network_folder.check_checkpoints()
    if trained.best_epoch is not None:
        models[trained.best_epoch] = trained.model
    return {
        epoch: Predictor(dataclasses.replace(trained, model=models[epoch])).predict(inputs) for epoch in sorted(models)
    }
