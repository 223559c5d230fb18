"""Training on several machines: TF_CONFIG, the same result as on one, and a machine that is lost."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from test_main import ROOT

STARTED = "Training on 2 machines: "


def addresses(number: int) -> list[str]:
    """Free ports of this machine."""
    sockets = [socket.socket() for _ in range(number)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    found = [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()
    return found


def start_machines(project) -> list[subprocess.Popen]:
    """main.py on two machines, each writing what it says to said_0.txt and said_1.txt."""
    project.write_inputs()
    machines, workers = [], addresses(2)
    for index in range(2):
        config = {"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}}
        environment = dict(os.environ) | {"TF_CONFIG": json.dumps(config)}
        with open(f"said_{index}.txt", "w") as said:
            command = [sys.executable, str(ROOT / "main.py"), "--inputs", "my_inputs"]
            machines.append(subprocess.Popen(command, stdout=said, stderr=said, env=environment))
    return machines


def ends(machines: list[subprocess.Popen]) -> list[tuple[int, str]]:
    """Exit status and output of each; all are ended if they take too long."""
    try:
        for machine in machines:
            machine.wait(120)
    finally:
        for machine in machines:
            machine.kill()
            machine.wait()
    return [(machine.returncode, Path(f"said_{i}.txt").read_text()) for i, machine in enumerate(machines)]


def epochs_written(folder: Path) -> int:
    file = folder / "history.csv"
    return len(file.read_text().splitlines()) - 1 if file.is_file() else 0


def test_a_machine_is_killed_and_the_training_ends_as_that_of_one_machine_with_the_whole_batches(project):
    project.user |= {
        "model_save_filename": "together",
        "epochs": 30,
        "optimizer": "muon",
        "lr_schedule": "plateau",
        "patience": 30,
        "train_fun_hyp": [2, 0, 0],  # turning points: not as many in each share
        "window_length": 8,
        "washout_length": 3,
        "num_batches": 3,  # of windows that cannot be halved
        "num_networks": 2,
        "mirror_symmetry": True,
    }
    project.plotting = {"plotting_mode": False}
    folder = project.folder / "saved_models/together"
    machines = start_machines(project)
    until = time.monotonic() + 120
    while epochs_written(folder) < 3 and time.monotonic() < until and machines[0].poll() is None:
        time.sleep(0.003)
    machines[1].send_signal(signal.SIGKILL)
    (first_status, first), (second_status, _) = ends(machines)
    assert (first_status, second_status) == (1, -signal.SIGKILL), first
    errors = first.splitlines()[-2:]
    assert errors[0].startswith("Error: machine 2 of 2 (127.0.0.1:") and "no longer answers" in errors[0], first
    assert "after epoch" in errors[1] and "Traceback" not in first
    done = epochs_written(folder)
    assert 3 <= done < 30

    project.user["resume"] = True
    (first_status, first), (second_status, second) = ends(start_machines(project))
    assert (first_status, second_status) == (0, 0), first + second
    assert STARTED in first and "after epoch" in first and "mse share" in first
    assert len(second.splitlines()) == 1 and "machine 2 of 2" in second

    project.user |= {"model_save_filename": "alone", "resume": False}
    assert project.run() == 0
    alone = folder.with_name("alone")
    together_files, alone_files = (sorted(p.name for p in each.rglob("*")) for each in (folder, alone))
    assert together_files == alone_files
    histories = [pd.read_csv(each / "history.csv").drop(columns="elapsed_s") for each in (folder, alone)]
    pd.testing.assert_frame_equal(*histories, rtol=2e-4)
    weights = [keras.models.load_model(each / "model.keras").get_weights() for each in (folder, alone)]
    for one, other in zip(*weights, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-4)
