"""The earlier tool's recipe in PyTorch, written anew from its description: what this program is measured against.

Two LSTM layers of 30 units and a linear layer; SimpleCode's heave, roll and pitch and the wave in, LAMP's heave, roll
and pitch out, all standardized; Adam at 0.005 on the mean squared error of whole interleaved sequences.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

HIDDEN_SIZE = 30
NUM_LAYERS = 2
LEARNING_RATE = 0.005
TIME_RES = 9  # rows a network step
BATCHES_AN_EPOCH = 108  # batch size: ceil(records * TIME_RES / 108)
MAX_EPOCHS = 500
PATIENCE = 30  # epochs
BETTER = 0.95  # an epoch counts as better only below this share of the best validation loss
VALIDATION_BATCH = 36  # sequences at once; faster than all together


class Network(torch.nn.Module):
    """(batch, steps, 4) standardized inputs to (batch, steps, 3) standardized outputs."""

    def __init__(self):
        super().__init__()
        self.lstm = torch.nn.LSTM(4, HIDDEN_SIZE, NUM_LAYERS, batch_first=True)
        self.linear = torch.nn.Linear(HIDDEN_SIZE, 3)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.linear(self.lstm(inputs)[0])


@dataclass(frozen=True)
class Trained:
    """A trained network with its standardization.

    scales: input mean, input deviation, output mean, output deviation, each (channel,).
    history: rows of epoch, elapsed_s (from the start of the first epoch), loss, val_loss.
    """

    network: Network
    scales: tuple[np.ndarray, ...]
    history: list[dict[str, float]]
    best_epoch: int


def read_record(sc: str, lamp: str) -> tuple[np.ndarray, np.ndarray]:
    """Inputs (rows, 4) and targets (rows, 3) in m and deg; sc, lamp are paths without endings.

    The benchmark's files share their time axis; the rows of zeros at the end of SimpleCode's file are left out.
    """
    simple = np.loadtxt(f"{sc}.mot", skiprows=2, usecols=(0, 3, 4, 5))
    motions = np.loadtxt(f"{lamp}.mot", skiprows=3, usecols=(0, 3, 4, 5))
    wave = np.loadtxt(f"{lamp}.wav", skiprows=3, usecols=(0, 1))
    rows = np.flatnonzero(simple.any(axis=1))[-1] + 1
    if not np.array_equal(simple[:rows, 0], motions[:rows, 0]) or not np.array_equal(motions[:, 0], wave[:, 0]):
        raise ValueError(f"{sc}.mot, {lamp}.mot and {lamp}.wav differ in their times; make the benchmark's data again")
    return np.hstack([simple[:rows, 1:], wave[:rows, 1:]]), motions[:rows, 1:]


def scales_of(inputs: Sequence[np.ndarray], targets: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
    """Mean and deviation of each channel over all rows: of the inputs, then of the targets."""
    scales = []
    for arrays in (inputs, targets):
        rows = np.concatenate(arrays)
        deviation = rows.std(axis=0)
        scales += [rows.mean(axis=0), np.where(deviation > 0, deviation, 1.0)]
    return tuple(scales)


def interleaved(records: Sequence[np.ndarray], mean: np.ndarray, deviation: np.ndarray) -> torch.Tensor:
    """(records * TIME_RES, rows // TIME_RES, channel) float32: rows i, i + 9, ... of each record, standardized."""
    steps = min(len(record) for record in records) // TIME_RES
    sequences = [((record - mean) / deviation)[i::TIME_RES][:steps] for record in records for i in range(TIME_RES)]
    return torch.from_numpy(np.stack(sequences).astype(np.float32))


def train(
    inputs: Sequence[np.ndarray],
    targets: Sequence[np.ndarray],
    val_inputs: Sequence[np.ndarray],
    val_targets: Sequence[np.ndarray],
    seed: int,
    max_epochs: int = MAX_EPOCHS,
) -> Trained:
    """Trains until the patience is at its end; the network has the weights of the best epoch.

    Args:
        inputs, targets, val_inputs, val_targets: (rows, channel) a record, in m and deg.
    """
    torch.manual_seed(seed)
    scales = scales_of(inputs, targets)
    x, y = interleaved(inputs, *scales[:2]), interleaved(targets, *scales[2:])
    val_x, val_y = interleaved(val_inputs, *scales[:2]), interleaved(val_targets, *scales[2:])
    batch_size = math.ceil(len(inputs) * TIME_RES / BATCHES_AN_EPOCH)
    network = Network()
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    history: list[dict[str, float]] = []
    best, best_epoch, best_weights = math.inf, 0, None
    began = time.perf_counter()
    for epoch in range(1, max_epochs + 1):
        loss = train_epoch(network, optimizer, x, y, batch_size)
        val_loss = mean_squared_error(network, val_x, val_y)
        elapsed = time.perf_counter() - began
        history.append({"epoch": epoch, "elapsed_s": elapsed, "loss": loss, "val_loss": val_loss})
        if best_weights is None or val_loss < BETTER * best:
            best, best_epoch = val_loss, epoch
            best_weights = {name: values.clone() for name, values in network.state_dict().items()}
        elif epoch - best_epoch >= PATIENCE:
            break
    network.load_state_dict(best_weights)
    return Trained(network, scales, history, best_epoch)


def train_epoch(
    network: Network, optimizer: torch.optim.Optimizer, x: torch.Tensor, y: torch.Tensor, batch_size: int
) -> float:
    """One pass over the shuffled sequences; returns the mean of the batches' losses."""
    network.train()
    total, batches = 0.0, torch.randperm(len(x)).split(batch_size)
    for chosen in batches:
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(network(x[chosen]), y[chosen])
        loss.backward()
        optimizer.step()
        total += loss.item()
    return total / len(batches)


def mean_squared_error(network: Network, x: torch.Tensor, y: torch.Tensor) -> float:
    """Over all sequences, steps and channels, on standardized values."""
    network.eval()
    total = 0.0
    with torch.inference_mode():
        for inputs, targets in zip(x.split(VALIDATION_BATCH), y.split(VALIDATION_BATCH), strict=True):
            total += torch.nn.functional.mse_loss(network(inputs), targets, reduction="sum").item()
    return total / y.numel()


def predict(trained: Trained, records: Sequence[np.ndarray]) -> list[np.ndarray]:
    """LAMP's motions (rows, 3) in m and deg for every row of each record's inputs (rows, 4), woven together.

    One record, nine sequences, at a time: on a CPU that is PyTorch's fastest batch. A record whose length is no
    multiple of nine is filled up at its end, and the filling is cut off again.
    """
    in_mean, in_deviation, out_mean, out_deviation = trained.scales
    trained.network.eval()
    outputs = []
    with torch.inference_mode():
        for record in records:
            steps = -(-len(record) // TIME_RES)
            filled = np.pad((record - in_mean) / in_deviation, ((0, steps * TIME_RES - len(record)), (0, 0)))
            sequences = filled.astype(np.float32).reshape(steps, TIME_RES, -1).swapaxes(0, 1)
            predicted = trained.network(torch.from_numpy(np.ascontiguousarray(sequences))).numpy()
            woven = predicted.swapaxes(0, 1).reshape(steps * TIME_RES, -1)[: len(record)]
            outputs.append(woven * out_deviation + out_mean)
    return outputs


def save(trained: Trained, path: Path) -> None:
    torch.save({"weights": trained.network.state_dict(), "scales": [torch.from_numpy(s) for s in trained.scales]}, path)


def load(path: Path) -> Trained:
    """A saved network; its history is not kept."""
    saved = torch.load(path)
    network = Network()
    network.load_state_dict(saved["weights"])
    return Trained(network, tuple(scale.numpy() for scale in saved["scales"]), [], 0)


def seconds_a_step(sequences: int, steps: int, repeats: int) -> list[float]:
    """Seconds of training steps on a batch of so many sequences of so many steps, with the threads that are set."""
    network = Network()
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    x, y = torch.randn(sequences, steps, 4), torch.randn(sequences, steps, 3)
    seconds = []
    for _ in range(repeats + 1):
        began = time.perf_counter()
        train_epoch(network, optimizer, x, y, sequences)
        seconds.append(time.perf_counter() - began)
    return seconds[1:]  # the first one sets things up
