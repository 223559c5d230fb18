"""Whole runs give the same wherever their tasks run: in one process, in two, or on a cluster that loses a worker."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from conftest import Project, write_realization
from test_sweeps import write_sweep

import main
from network import load_network
from results import without_lamp

pytestmark = [
    pytest.mark.xdist_group("workers"),
    pytest.mark.skipif(sys.platform == "win32", reason="processes are killed by a signal"),
]


@pytest.fixture(scope="module")
def cluster() -> Iterator:
    """Three workers on loopback, which have not seen the program."""
    from distributed import LocalCluster

    options = {"host": "127.0.0.1", "dashboard_address": None, "silence_logs": 60}
    with LocalCluster(n_workers=3, threads_per_worker=1, processes=True, **options) as started:
        yield started


def kill_a_worker_in_training(cluster) -> threading.Thread:
    """Kills a worker when a fold has an epoch behind it."""

    def kill() -> None:
        end = time.monotonic() + 120
        while time.monotonic() < end and not list(Path("saved_models").glob("*.folds/fold_*/history.csv")):
            time.sleep(0.02)
        os.kill(cluster.workers[0].pid, signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    return thread


def results(project: Project, *arguments: str) -> tuple[list[np.ndarray], dict[str, bytes]]:
    """The weights of the network, and the content of all that a run writes, but for the page, which tells the time."""
    project.user["model_save_filename"] = f"net_{len(list(project.folder.glob('saved_models/net_?')))}"
    name = project.user["model_save_filename"]
    assert project.run(*arguments) == 0
    folder = project.folder / "output_files" / name
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert files.pop("report.html")
    written = {file: content.replace(name.encode(), b"net") for file, content in files.items()}
    return load_network(project.folder / "saved_models" / name).model.get_weights(), written


def test_folds_and_predictions_are_the_same_wherever_they_ran(project, cluster, monkeypatch, capsys):
    monkeypatch.setattr(without_lamp, "RECORDS_AT_ONCE", 2)
    monkeypatch.setattr(without_lamp, "SECONDS_WORTH_PROCESSES", 0)
    further = [write_realization(project.folder, f"_2{i}", rows=300, seed=20 + i) for i in range(7)]
    sc, lamp = (list(paths) for paths in zip(*further, strict=True))
    project.data |= {"predict_sc": sc, "predict_waves": lamp}
    project.user |= {"num_folds": 2, "epochs": 2, "num_batches": 3, "weight_averaging": 0.9}
    weights, written = results(project, "--processes", "1")
    assert sum(name.endswith(".mot") for name in written) == 7 and "fleet_statistics.csv" in written
    killing = kill_a_worker_in_training(cluster)
    for arguments in (("--cluster", cluster.scheduler_address), ("--processes", "2")):
        others, also_written = results(project, *arguments)
        assert all(map(np.array_equal, weights, others))
        assert also_written.keys() == written.keys()
        assert [name for name, content in written.items() if also_written[name] != content] == []
    killing.join()
    assert "Dask cluster at " in capsys.readouterr().out and not list(project.folder.glob(".cluster_*"))


def test_members_of_a_sweep_and_the_cache_go_over_the_cluster(project, cluster, capfd):
    project.user |= {"model_save_filename": "mine", "num_batches": 2}
    project.data["cache_path"] = "cache"
    write_sweep(project, lr=[0.02, 0.01, 0.005])
    assert main.main(["--inputs", "my_inputs", "--cluster", cluster.scheduler_address]) == 0
    saved = {path.name for path in (project.folder / "saved_models").iterdir()}
    assert saved == {"mine", "mine.sweep", "mine_s001", "mine_s002", "mine_s003"}
    assert len(list((project.folder / "cache").iterdir())) == 4
    shown = capfd.readouterr().out
    assert "The best on the validation set is mine_s00" in shown and "Training on" not in shown  # by the workers
