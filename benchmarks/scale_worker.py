"""The measurements of scale.py, each in a process of its own: python scale_worker.py TASK ARGUMENTS_AS_JSON."""

import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import data_io
import settings
from cases import make_records, record_paths

NETWORK = {"window_length": 100, "washout_length": 100, "num_batches": 0, "predict_correction": True, "seed": 1}
NETWORK |= {"mirror_symmetry": True, "optimizer": "muon", "lr": 0.02, "epochs": 1, "overwrite": True}


def handles(count: int) -> list[str]:
    return [f"_h7.5_p15_a135_hh0_pp0_aa0_s10-{number:07d}" for number in range(1, count + 1)]


def simulate(folder: str, count: int, duration: float) -> None:
    make_records(Path(folder), "sample", handles(count), duration)


def config_of(folder: str, count: int, cache: str) -> settings.Config:
    """The first records of the folder, every 20th for validation."""
    pairs = record_paths(Path(folder), handles(count))
    sets = {"val": pairs[::20], "train": [pair for i, pair in enumerate(pairs) if i % 20]}
    lists = {}
    for name, chosen in sets.items():
        lists[f"{name}_sc"], lists[f"{name}_lamp"] = zip(*chosen, strict=True)
    return settings.Config(settings.UserInput(**NETWORK), data=settings.DataInfo(**lists, cache_path=cache))


def read(folder: str, count: int, cache: str, repeats: int) -> dict[str, list[float]]:
    """CPU seconds to have all numbers of the records in memory, in each way in turn."""

    def loadtxt() -> None:
        for sc, lamp in record_paths(Path(folder), handles(count)):
            for file, header, columns in ((f"{sc}.mot", 2, (0, 3, 4, 5)), (f"{lamp}.mot", 3, (0, 3, 4, 5))):
                np.loadtxt(file, skiprows=header, usecols=columns)
            np.loadtxt(f"{lamp}.wav", skiprows=3, usecols=(0, 1))

    def program(cache: str) -> None:
        sets, _ = data_io.read_sets(config_of(folder, count, cache))
        assert sum(len(record.time) for records in sets.values() for record in records) > 0

    program(cache)  # so that all is kept
    ways = {
        "numpy.loadtxt": loadtxt,
        "this program, from text": lambda: program(""),
        "this program, from the cache": lambda: program(cache),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            began = time.process_time()
            way()
            seconds[name].append(time.process_time() - began)
    return seconds


def train(folder: str, count: int, cache: str, forget: bool) -> dict[str, float]:
    """CPU and wall-clock seconds of an epoch without its first batch, which compiles; the most memory, in GB."""
    if forget:
        forget_what_is_read()
    peaks = [0.0, 0.0]
    threading.Thread(target=watch_memory, args=(peaks,), daemon=True).start()
    config = config_of(folder, count, cache)
    sets, _ = data_io.read_sets(config)
    import keras

    from training import fit

    class Clock(keras.callbacks.Callback):
        began = None

        def on_train_batch_end(self, batch, logs=None):
            self.began = self.began or (time.process_time(), time.perf_counter())

        def on_epoch_end(self, epoch, logs=None):
            self.took = time.process_time() - self.began[0], time.perf_counter() - self.began[1]

    clock, usual = Clock(), keras.Model.fit
    keras.Model.fit = lambda *data, callbacks, **options: usual(*data, callbacks=[*callbacks, clock], **options)
    fit.train(config, sets)
    return {"cpu_s": clock.took[0], "wall_s": clock.took[1], "own_gb": peaks[0], "all_gb": peaks[1]}


def thorough(**data: Any) -> settings.Config:
    """The settings of recipes/input_thorough.py, without figures."""
    from settings import input_file

    recipe = input_file.load_module("input_thorough")
    user, _ = settings.fill(settings.UserInput, recipe.UserInputArgs(), "UserInputArgs")
    no_figures, no_texts = settings.Plotting(plotting_mode=False), settings.SaveData(train=(), val=(), test=())
    return settings.Config(user, no_figures, settings.DataInfo(**data), no_texts)


def train_thorough(folder: str, count: int) -> dict:
    """One epoch is enough: how fast a network predicts does not depend on how well it does."""
    import main
    from system.workers import LOCAL

    sc, lamp = zip(*record_paths(Path(folder), handles(count)), strict=True)
    assert not main.run(thorough(train_sc=sc, train_lamp=lamp).with_user(epochs=1, overwrite=True), LOCAL)
    return {}


def predict(folder: str, first: int, count: int, processes: int | None, cluster: str) -> dict[str, Any]:
    """Seconds to predict and for all else, and the head process's most memory so far, in GB."""
    import main
    from results import without_lamp
    from system.workers import Workers

    peaks, seen, took = [0.0, 0.0], [], []
    threading.Thread(target=watch_memory, args=(peaks,), daemon=True).start()
    predict_all, run_tasks = without_lamp.predict_without_lamp, Workers.run

    def timed(*arguments):
        began = time.perf_counter()
        predicted = predict_all(*arguments)
        took.append(time.perf_counter() - began)
        return predicted

    def watched(*arguments, **options) -> Iterator:
        for ended in run_tasks(*arguments, **options):
            seen.append(peaks[0])
            yield ended

    without_lamp.predict_without_lamp, Workers.run = timed, watched
    sc, waves = zip(*record_paths(Path(folder), handles(first + count))[first:], strict=True)
    config = thorough(predict_sc=sc, predict_waves=waves)
    config = config.with_user(training_mode=False, model_load_filename=config.user.model_save_filename)
    with Workers.opened(cluster, processes) as workers:
        if workers.client:
            workers.client.wait_for_workers(2)
        began = time.perf_counter()
        assert not main.run(config, workers)
        rest = time.perf_counter() - began - took[0]
    at = [seen[round(share * len(seen)) - 1] for share in (0.25, 0.5, 1)]
    return {"predict_s": took[0], "rest_s": rest, "head_gb": [*at, peaks[0]]}


def watch_memory(peaks: list[float]) -> None:
    """Keeps the most memory of this process in GB, without and with pages of mapped files (Linux)."""
    while True:
        lines = [line.split() for line in Path("/proc/self/status").read_text().splitlines()]
        kilobytes = {words[0]: float(words[1]) for words in lines if words[0] in ("RssAnon:", "VmRSS:")}
        peaks[:] = np.maximum(peaks, [kilobytes["RssAnon:"] / 1e6, kilobytes["VmRSS:"] / 1e6])
        time.sleep(0.05)


def forget_what_is_read() -> None:
    """From here on the system drops the rows on disk after each batch, as it would if they filled its memory."""
    from readers import rows_on_disk

    made, written = [], set()
    open_file, release = tempfile.TemporaryFile, rows_on_disk.RowsOnDisk.release

    def keeping(**options):
        file = open_file(**options)
        made.append(os.dup(file.fileno()))
        return file

    def forgetting(self):
        release(self)
        for descriptor in made:
            if descriptor not in written:  # what is not on the disk yet cannot be dropped
                os.fsync(descriptor)
                written.add(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)

    tempfile.TemporaryFile = keeping
    rows_on_disk.RowsOnDisk.release = forgetting


TASKS = {task.__name__: task for task in (simulate, read, train, train_thorough, predict)}

if __name__ == "__main__":
    print(json.dumps(TASKS[sys.argv[1]](**json.loads(sys.argv[2]))))
