"""The linear filter that a report sets beside the network: what the same records give without one.

It sees 60 network steps back and 10 ahead, as motions are predicted from whole records, and it is fitted on what the
network has learned from: on train, with the penalties that suit val best; of a network of folds one on the records of
each fold's network, with the penalties that suit the fold that it leaves out. Their mean predicts all other records.
"""

import dataclasses
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy import fft

from data_io import Record, Records
from network import Architecture
from networks.keras_layers import filter_lags
from networks.network_folder import NetworkFolder
from settings import UserInput
from settings.kinds import KINDS
from system.errors import InputError
from system.files import text_hash, written_aside
from training.linear_fit import Pairs, Products, normal_equations, ridge_regression
from training.objectives import baseline
from training.sequences import Sets, interleaved

BEFORE, AFTER = filter_lags(both_ways=True)
MOST_INPUTS = 30  # channels: a grid of 5 x 5 points takes seconds, one of 9 x 9 minutes


@dataclass(frozen=True)
class ReferenceFilter:
    """architecture: of the network that it is compared with, whose inputs, standardization and time_res it shares.

    kernels: (filter, step, input channel, output channel), on standardized motions, the earliest step first.
    biases: (filter, output channel). left_out: by the digests of records, the filter that has not seen them.
    """

    architecture: Architecture
    kernels: np.ndarray
    biases: np.ndarray
    left_out: Mapping[str, int]

    def predict(self, record: Record, out_of_fold: bool = False) -> np.ndarray:
        """(rows, output channel), LAMP's motions in physical units, by the mean of the filters.

        out_of_fold: a record that the filters were fitted on by the one that has not seen it.
        """
        n, s = self.architecture.time_res, self.architecture.standardization
        number = self.left_out.get(record.digest) if out_of_fold else None
        chosen = slice(None) if number is None else slice(number, number + 1)
        kernel, bias = self.kernels[chosen].mean(axis=0), self.biases[chosen].mean(axis=0)
        inputs = (record.inputs - s.input_mean) / s.input_deviation
        # A convolution with the kernel reversed, and n - 1 zeros between its steps.
        spread = np.zeros(((len(kernel) - 1) * n + 1, *kernel.shape[1:]))
        spread[::n] = kernel[::-1]
        rows, size = len(inputs), fft.next_fast_len(len(inputs) + len(spread), real=True)
        transforms = fft.rfft(inputs, size, axis=0), fft.rfft(spread, size, axis=0)
        outputs = fft.irfft(np.einsum("fi,fio->fo", *transforms), size, axis=0)[AFTER * n : AFTER * n + rows]
        return (outputs + bias + baseline(inputs, self.architecture)) * s.output_deviation + s.output_mean


def of_run(user: UserInput, folder: NetworkFolder, sets: Sets, architecture: Architecture) -> ReferenceFilter | None:
    """The filter beside the run's network: fitted, and saved with it, if it was just trained; else as saved.

    None beside a linear network, and if none was saved.
    """
    if KINDS[architecture.network_type].closed_form:
        return None
    if user.training_mode:
        reference = _fitted(user, folder, sets, architecture)
        with written_aside(folder.reference_filter) as aside, open(aside, "wb") as file:
            digests, numbers = list(reference.left_out), list(reference.left_out.values())
            arrays = {"kernels": reference.kernels, "biases": reference.biases, "made_for": _digest(architecture)}
            np.savez(file, digests=np.array(digests, str), numbers=np.array(numbers, int), **arrays)
        return reference
    if not folder.reference_filter.is_file():
        return None
    with np.load(folder.reference_filter, allow_pickle=False) as arrays:
        if arrays["made_for"].item() != _digest(architecture):
            raise InputError(f"{folder.reference_filter}: was fitted for another network; train again")
        left_out = dict(zip(arrays["digests"].tolist(), arrays["numbers"].tolist(), strict=True))
        return ReferenceFilter(architecture, arrays["kernels"], arrays["biases"], left_out)


def _digest(architecture: Architecture) -> str:
    """Of all that a filter shares with the network that it stands beside."""
    a = architecture
    shared = [a.inputs, a.outputs, a.time_res, a.predict_correction, dataclasses.asdict(a.standardization)]
    return text_hash(json.dumps(shared))


def _fitted(user: UserInput, folder: NetworkFolder, sets: Sets, architecture: Architecture) -> ReferenceFilter:
    if (inputs := len(architecture.inputs)) > MOST_INPUTS:
        raise InputError(f"{inputs} inputs; with more than {MOST_INPUTS} it takes minutes, so reports are without it")

    def products(records: Iterable[Record]) -> Products:
        return normal_equations(_pairs(records, architecture, user.transient_time), BEFORE, AFTER)

    left_out = {}
    if user.num_folds:
        records, folds = Records.joined(sets["train"], sets["val"]), folder.read_metadata()["folds"]
        left_out = {digest: number for number, fold in enumerate(folds) for digest in fold["digests"]}
        numbers = np.array([left_out[digest] for digest in records.digests])
        parts = [products(records.chosen(np.flatnonzero(numbers == number))) for number in range(len(folds))]
        everything = Products(*map(sum, zip(*parts, strict=True)))
        fits = [(Products(*map(np.subtract, everything, part)), part) for part in parts]
    else:
        train = products(sets["train"])
        fits = [(train, products(sets["val"]) if len(sets["val"]) else train)]
    kernels, biases, _ = zip(*(ridge_regression(*each, BEFORE + 1 + AFTER) for each in fits), strict=True)
    return ReferenceFilter(architecture, np.stack(kernels), np.stack(biases), left_out)


def _pairs(records: Iterable[Record], architecture: Architecture, transient: float) -> Pairs:
    for table in interleaved(records, architecture.time_res, architecture.standardization, transient):
        inputs, targets = np.split(table, [len(architecture.inputs)], axis=1)
        yield inputs, targets - baseline(inputs, architecture)
