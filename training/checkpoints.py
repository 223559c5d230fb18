"""Saves the networks of a training: the best, the last and those of every few epochs, and the finished one."""

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import keras

from network import (
    Architecture,
    TrainedNetwork,
    build_model,
    load_as_saved,
    read_metadata,
    save_model,
    without_output_filter,
)
from networks.network_folder import NetworkFolder
from settings import UserInput
from system.files import write_table, written_aside
from training.history import Progress


class Checkpoints(keras.callbacks.Callback):
    """Saves the best network, the last one and one every few epochs.

    The network is saved once per epoch as the last one, and copied if it is also the best or a checkpoint, since saving
    takes as long as a hundred copies. However a training ends, the network of its last completed epoch is there. Keras'
    own callback for this takes a NaN in the first epoch for the best value.
    """

    def __init__(self, architecture: Architecture, folder: NetworkFolder, progress: Progress, user: UserInput):
        super().__init__()
        self._folder, self._progress, self._user = folder, progress, user
        self._last_model = build_model(architecture)
        self.best_epoch = progress.best_epoch  # of which the network is saved
        resumed = self.best_epoch is not None
        self.best_model = _best_so_far(folder, architecture, progress) if resumed else build_model(architecture)

    def on_epoch_end(self, epoch, logs=None):
        folder = self._folder
        self._last_model.set_weights(self.model.get_weights())
        save_model(self._last_model, folder.last_model)
        if self._progress.best_epoch == epoch + 1:
            self.best_epoch = epoch + 1
            self.best_model.set_weights(self.model.get_weights())
            _copy(folder.last_model, folder.model)
        if self._user.checkpoint_every and (epoch + 1) % self._user.checkpoint_every == 0:
            _copy(folder.last_model, folder.epoch_model(epoch + 1))
            for path in list(folder.epoch_models().values())[: -self._user.max_checkpoints]:
                path.unlink()


def _best_so_far(folder: NetworkFolder, architecture: Architecture, progress: Progress) -> keras.Model:
    """The best network of a training that goes on, without the output filter that it got if it had ended before."""
    saved = dataclasses.replace(architecture, filter_lags=read_metadata(folder)[1].filter_lags)
    model, saved = load_as_saved(folder.model, saved, finished=False)
    return without_output_filter(TrainedNetwork(model, saved, progress.history(), progress.best_epoch)).model


def _copy(file: Path, path: Path) -> None:
    with written_aside(path) as aside:
        shutil.copyfile(file, aside)


def with_averaged_weights(callbacks: list[keras.callbacks.Callback]) -> list[keras.callbacks.Callback]:
    """Wraps the callbacks so that at the end of an epoch they see the exponential moving average (EMA) of the weights.

    Keras' SwapEMAWeights swaps the weights either around Keras' own validation, which pads batches, or until the next
    epoch begins, so that an interrupted training would be saved with swapped weights.
    """
    exchange = keras.callbacks.SwapEMAWeights()
    before = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: exchange.on_test_begin())
    after = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: exchange.on_test_end())
    return [exchange, before, *callbacks, after]


def finish(
    trained: TrainedNetwork,
    folder: NetworkFolder,
    place: NetworkFolder,
    metadata: dict[str, Any],
    stopped: str,
    **further: Any,
) -> TrainedNetwork:
    """Completes the folder of a training with what it lacks, and moves it to the network's place.

    metadata, further: what settings.json says besides. stopped: why the training ended.
    """
    network = dataclasses.asdict(trained.architecture)
    filtered = metadata["settings"]["user"].get("output_filter")
    if filtered:  # the best network of the training is replaced
        folder.write_metadata(metadata | {"network": network})
    if filtered or not folder.has_model:
        save_model(trained.model, folder.model)
    if not folder.history.is_file():
        write_table(folder.history, trained.history)
    result = {"epochs_trained": len(trained.history), "best_epoch": trained.best_epoch, "stopped": stopped}
    result["checkpoints"] = folder.checkpoint_digests()
    result["network"] = network
    folder.write_metadata(metadata | result | {"finished": True} | further)
    place.publish(folder)
    return trained
