"""Training on several machines: TF_CONFIG, the same result as on one, and a machine that is lost."""

import concurrent.futures
import functools
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
from test_network import untrained

from network import Architecture, build_training_model
from settings import UserInput
from support.cluster import Worker
from support.errors import InputError
from training.objectives import objective_loss, objective_sum_and_count
from training.workers import Workers, rendezvous

pytestmark = pytest.mark.xdist_group("workers")  # its tests share costly fixtures


def addresses(number: int) -> list[str]:
    """Free ports of this machine."""
    sockets = [socket.socket() for _ in range(number)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    found = [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()
    return found


def start_machines(project, number: int = 2) -> list[subprocess.Popen]:
    """main.py on two machines, each writing what it says to said_0.txt and said_1.txt."""
    project.write_inputs()
    machines, workers = [], addresses(number)
    for index in range(number):
        config = {"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}}
        environment = dict(os.environ) | {"TF_CONFIG": json.dumps(config)}
        environment.pop("TF_CPP_MIN_LOG_LEVEL", None)  # as users have it
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


# ---- the parts --------------------------------------------------------------------------------------------------


def team_of(number: int, index: int = 0) -> Workers:
    """Workers of which the others are not there: sums are over this one alone."""
    team = Workers.__new__(Workers)
    team.worker, team._strategy = (
        Worker(tuple(f"host{i}:1" for i in range(number)), index),
        tf.distribute.OneDeviceStrategy("/cpu:0"),
    )
    return team


@pytest.fixture(scope="module")
def joint_batch() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    inputs, targets = (rng.normal(size=(5, 12, channels)).astype(np.float32) for channels in (4, 3))
    targets[:2, :4] = np.nan  # washouts
    return inputs, targets


@pytest.mark.parametrize("objective", [(0, 0, 0), (1, 0.1, 0.9), (2, 0, 0), (3, 1, 0), (4, 1, 0), (5, 1, 1), (6, 0, 0)])
def test_shares_add_up_to_the_step_of_one_machine(joint_batch, objective):
    """Those of seven machines, of which two have no window: Keras' own step is on the whole batch."""
    architecture = Architecture.of(UserInput(hidden_size=3, num_layers=1), untrained().architecture.standardization)
    terms = functools.partial(objective_sum_and_count, objective)

    def trained(model: keras.Model, data) -> tuple[float, list[np.ndarray]]:
        model.compile(keras.optimizers.SGD(1.0), objective_loss(objective), run_eagerly=True)
        return model.fit(data, verbose=0, shuffle=False).history["loss"][0], model.get_weights()

    keras.utils.set_random_seed(1)
    model = build_training_model(architecture)
    before = model.get_weights()
    whole = tf.data.Dataset.from_tensors(joint_batch)
    expected = trained(model, whole)
    model.set_weights(before)
    shares = [next(iter(team_of(7, index).share(whole))) for index in range(7)]
    assert {share[0].shape for share in shares} == {(1, 12, 4)}
    sums = [terms(targets, model(inputs)) for inputs, targets in shares]
    together = [tf.concat(values, 0) for values in zip(*shares, strict=True)]
    found = trained(team_of(1).joint(model, terms), tf.data.Dataset.from_tensors(tuple(together)))
    assert found[0] == pytest.approx(expected[0], rel=1e-5)
    assert found[0] == pytest.approx(np.divide(*np.sum(sums, axis=0)), rel=1e-5)
    assert not np.array_equal(found[1][0], before[0])
    for one, other in zip(found[1], expected[1], strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_machines_with_other_settings_or_data_are_named():
    team = team_of(3)
    same = {"settings": "ab" * 16, "data": "cd" * 16}
    own = [[int(digits[:12], 16) for digits in same.values()]]
    team.total = lambda values: np.array([values[0], own[0], [own[0][0], 5]])
    with pytest.raises(InputError) as caught:
        team.compare(same)
    (line,) = caught.value.lines
    assert line.startswith("machine 3 of 3 (host2:1): its data differ from those of host0:1, the first")
    team.total = lambda values: np.array(3 * own)
    team.compare(same)


def test_machines_meet_whoever_comes_first_and_go_on_at_once():
    machines = [Worker(tuple(addresses(3)), index) for index in range(3)]
    machines = [Worker(machines[0].addresses, index) for index in (2, 0, 1)]
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for _ in range(2):  # the ports are free again
            list(pool.map(lambda machine: rendezvous(machine, 20), machines))


def test_machines_that_do_not_come_are_named():
    workers = tuple(addresses(3))
    with concurrent.futures.ThreadPoolExecutor() as pool:
        two = [pool.submit(rendezvous, Worker(workers, index), 1) for index in (0, 2)]
        errors = [each.exception().lines[0] for each in two]
    assert errors[0].startswith(f"machine 2 of 3 ({workers[1]}) did not connect within 1 s")
    assert errors[1].startswith(f"machine 1 of 3 ({workers[0]}) did not connect within 1 s")
    with (
        socket.create_server(("", int(workers[0].rpartition(":")[2]))),
        pytest.raises(InputError, match="choose another"),
    ):
        rendezvous(Worker(workers, 0), 1)


# ---- two processes ----------------------------------------------------------------------------------------------


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
        "weight_averaging": 0.9,
    }
    project.data |= {"test_sc": [], "test_lamp": []}
    folder = project.folder / "saved_models/together"
    machines = start_machines(project)
    until = time.monotonic() + 120
    while epochs_written(folder) < 3 and time.monotonic() < until and machines[0].poll() is None:
        time.sleep(0.003)
    machines[1].send_signal(signal.SIGKILL)
    (first_status, first), (second_status, _) = ends(machines)
    assert (first_status, second_status) == (1, -signal.SIGKILL), first
    machines_named, *_, lost, cut_off = first.splitlines()
    assert machines_named.startswith("Training on 2 machines: 127.0.0.1:")
    assert (
        lost.startswith("Error: machine 2 of 2 (127.0.0.1:")
        and "no longer responds" in lost
        and "resume = True" in lost
    )
    assert cut_off.startswith("Error: ") and "after epoch" in cut_off
    done = epochs_written(folder)
    assert 3 <= done < 30

    project.user["resume"] = True
    (first_status, first), (second_status, second) = ends(start_machines(project))
    assert (first_status, second_status) == (0, 0), first + second
    assert "after epoch" in first and "mse share" in first
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
