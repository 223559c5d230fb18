"""The process of one job: python worker.py JOB.json RESULT.json (run.py starts it, with the paths and threads set)."""

import dataclasses
import json
import math
import os
import resource
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

import cases
import data_io
import metrics
import settings
from hull import SHIPS  # in sample_data, on the path of the benchmark's processes only
from jobs import Job
from networks.network_folder import NetworkFolder
from readers import text_tables
from settings import input_file

TRAINING_SETS = ("train", "val")
MEGABYTE_KIB = 1024  # ru_maxrss is in KiB on Linux


def main(job_file: str, result_file: str) -> None:
    job = Job(**json.loads(Path(job_file).read_text(encoding="utf-8")))
    result = TASKS[job.task](job)
    result["peak_memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MEGABYTE_KIB
    Path(result_file).write_text(json.dumps(result), encoding="utf-8")


# ---- tasks ------------------------------------------------------------------------------------------------------


def make_data(job: Job) -> dict[str, Any]:
    """Simulates what is missing of the case's records."""
    folder = Path(job.folder)
    folder.mkdir(parents=True, exist_ok=True)
    cases.make_records(folder, job.ship, job.records["all"], job.duration)
    return {}


def run_linear_filter(job: Job) -> dict[str, Any]:
    """Fits this program's linear filter, which sees ahead and is not mirrored; gives its errors and SimpleCode's."""
    user = settings.UserInput(network_type="linear", bi_directional=True, model_save_filename=job.network)
    result = train_and_predict(job, settings.Config(user=user))
    facts = NetworkFolder(settings.NETWORKS_FOLDER / job.network).read_metadata()
    test = read_default(job.records["test"])
    simple = channel_errors([record.targets for record in test], [record.simple for record in test])
    (row,) = result.pop("history")  # a fit has no epochs
    errors = result["errors"] | {"SimpleCode": simple}
    return result | {"val_loss": row["val_loss"], "ridges": facts["ridges"], "errors": errors}


def run_reference(job: Job) -> dict[str, Any]:
    """Trains the earlier tool's recipe."""
    import torch

    import reference

    torch.set_num_threads(job.threads)
    began = time.perf_counter()
    train, val = ([reference.read_record(*pair) for pair in job.records[name]] for name in TRAINING_SETS)
    read_s = time.perf_counter() - began
    began, cpu = time.perf_counter(), cpu_seconds()
    trained = reference.train(*unzip(train), *unzip(val), job.seed, min(job.max_epochs, reference.MAX_EPOCHS))
    train_s, train_cpu_s = time.perf_counter() - began, cpu_seconds() - cpu
    reference.save(trained, Path(f"{job.network}.pt"))
    inputs, targets = unzip([reference.read_record(*pair) for pair in job.records["test"]])
    began = time.perf_counter()
    predictions = reference.predict(trained, inputs)
    predict_s = time.perf_counter() - began
    return {
        "read_s": read_s,
        "train_s": train_s,
        "train_cpu_s": train_cpu_s,
        "predict_s": predict_s,
        "history": trained.history,
        "best_epoch": trained.best_epoch,
        "errors": {job.program: channel_errors(targets, predictions)},
    }


def run_ours(job: Job) -> dict[str, Any]:
    """Trains this program with the settings of the job's input file."""
    return train_and_predict(job, read_config(job))


def train_and_predict(job: Job, config: settings.Config) -> dict[str, Any]:
    """A training of this program on the job's records, timed, and its errors on the test set."""
    began = time.perf_counter()
    sets = {name: read_records(job.records[name], config.user) for name in TRAINING_SETS}
    read_s = time.perf_counter() - began

    import prediction
    import training

    began, cpu = time.perf_counter(), cpu_seconds()
    trained = training.train(config, sets)
    train_s, train_cpu_s = time.perf_counter() - began, cpu_seconds() - cpu
    test = read_records(job.records["test"], config.user)
    began = time.perf_counter()
    predictions = prediction.Predictor(trained).predict([record.inputs for record in test])
    predict_s = time.perf_counter() - began
    chosen = [trained.architecture.outputs.index(channel) for channel in data_io.MOTIONS]
    errors = channel_errors([record.targets[:, chosen] for record in test], [p.mean[:, chosen] for p in predictions])
    return {
        "read_s": read_s,
        "train_s": train_s,
        "train_cpu_s": train_cpu_s,
        "predict_s": predict_s,
        "history": trained.history[["epoch", "elapsed_s", "loss", "val_loss"]].to_dict("records"),
        "best_epoch": trained.best_epoch,
        "errors": {job.program: errors},
    }


def time_reference_step(job: Job) -> dict[str, Any]:
    """Seconds of the reference's training steps, batch 1, whole sequences: shows what threads do to it."""
    import torch

    import reference

    torch.set_num_threads(job.threads)
    steps = round(job.duration / cases.TIME_STEP) // reference.TIME_RES
    return {"seconds": reference.seconds_a_step(1, steps, job.repeats)}


def predict_reference(job: Job) -> dict[str, Any]:
    """Seconds to predict all records with a saved network, first and second time in the process."""
    import torch

    import reference

    torch.set_num_threads(job.threads)
    inputs = inputs_and_targets(read_default(job.records["all"]))[0]
    trained = reference.load(Path(f"{job.network}.pt"))
    return time_twice(lambda: reference.predict(trained, inputs))


def predict_ours(job: Job) -> dict[str, Any]:
    """Seconds to predict all records with a saved network, first and second time."""
    import network
    import prediction

    config = read_config(job)
    inputs = [record.inputs for record in read_records(job.records["all"], config.user)]
    trained = network.load_network(settings.NETWORKS_FOLDER / job.network)
    predictor = None

    def predict() -> None:
        nonlocal predictor
        predictor = predictor or prediction.Predictor(trained)
        predictor.predict(inputs)

    return time_twice(predict)


def read_files(job: Job) -> dict[str, Any]:
    """Seconds to read all records' sc.mot, lamp.mot and .wav from text, both ways in turn."""
    files = [
        (f"{path}{ending}", layout)
        for sc, lamp in job.records["all"]
        for path, ending, layout in (
            (sc, ".mot", text_tables.SC_MOT),
            (lamp, ".mot", text_tables.LAMP_MOT),
            (lamp, ".wav", text_tables.WAV),
        )
    ]
    for path, _ in files:
        Path(path).read_bytes()  # both find the files in the system's cache
    seconds: dict[str, list[float]] = {"reference": [], "ours": []}
    for _ in range(job.repeats):
        began = time.perf_counter()
        for path, layout in files:
            np.loadtxt(path, skiprows=layout.header_lines, usecols=tuple(layout.columns.values()))
        between = time.perf_counter()
        with ThreadPoolExecutor(job.threads) as pool:  # as data_io.read_sets reads; threads do not help loadtxt
            list(pool.map(lambda file: text_tables.read_columns(*file), files))
        seconds["reference"].append(between - began)
        seconds["ours"].append(time.perf_counter() - between)
    return {"seconds": seconds}


TASKS = {
    "data": make_data,
    "linear_filter": run_linear_filter,
    "reference": run_reference,
    "ours": run_ours,
    "reference_step": time_reference_step,
    "predict_reference": predict_reference,
    "predict_ours": predict_ours,
    "read": read_files,
}


# ---- what they share --------------------------------------------------------------------------------------------


def read_config(job: Job) -> settings.Config:
    """The settings of the job's input file, with the job's own in place of some, and with the job's records.

    Only UserInputArgs is taken from the file: its data, figures and output files are not the benchmark's.
    """
    module = input_file.load_module(job.inputs)
    records = {
        f"{name}_{source}": [pair[place] for pair in job.records.get(name, [])]
        for name in TRAINING_SETS
        for place, source in enumerate(("sc", "lamp"))
    }
    ship = SHIPS[job.ship]
    classes = SimpleNamespace(
        __name__=job.inputs,
        UserInputArgs=settings.changed(module.UserInputArgs, ship_length=ship.length, ship_beam=ship.beam),
        DataInfoArgs=settings.changed(SimpleNamespace, **records),
        PlottingArgs=SimpleNamespace,
        SaveDataArgs=SimpleNamespace,
    )
    config, faults, _ = input_file.read_config(classes)
    if faults:
        raise SystemExit("\n".join(faults))
    own = {"training_mode": True, "model_save_filename": job.network, "overwrite": True, "seed": job.seed}
    own["epochs"] = math.ceil(job.epochs_share * min(config.user.epochs, job.max_epochs))
    own["fine_tune_filename"] = job.start_from
    return dataclasses.replace(config, user=dataclasses.replace(config.user, **own))


def read_records(pairs: Sequence[tuple[str, str]], user: settings.UserInput) -> tuple[data_io.Record, ...]:
    return tuple(data_io.read_record(sc, lamp, user)[0] for sc, lamp in pairs)


def read_default(pairs: Sequence[tuple[str, str]]) -> tuple[data_io.Record, ...]:
    """Records with the inputs that all but this program use: heave, roll, pitch and the wave."""
    return read_records(pairs, settings.UserInput())


def inputs_and_targets(records: Sequence[data_io.Record]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    return [record.inputs for record in records], [record.targets for record in records]


def unzip(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    return [first for first, _ in pairs], [second for _, second in pairs]


def channel_errors(targets: Sequence[np.ndarray], predictions: Sequence[np.ndarray]) -> list[dict[str, Any]]:
    """The project's measures of heave, roll and pitch over a set; arrays (rows, 3) a record, in m and deg."""
    return [
        {"channel": channel, **{name: measures[name] for name in ("mse", "peak_mse", "ssa_error")}}
        for i, channel in enumerate(data_io.MOTIONS)
        for sums in [[metrics.record_sums(y[:, i], p[:, i]) for y, p in zip(targets, predictions, strict=True)]]
        for measures in [metrics.pooled_errors(sums)]
    ]


def cpu_seconds() -> float:
    """Of this process, all its threads, and its processes that have ended."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def time_twice(predict: Callable[[], Any]) -> dict[str, float]:
    seconds = []
    for _ in range(2):
        began = time.perf_counter()
        predict()
        seconds.append(time.perf_counter() - began)
    return {"first_s": seconds[0], "second_s": seconds[1]}


if __name__ == "__main__":
    main(*sys.argv[1:])
