"""Tasks in this process, in others, and on a Dask cluster of two processes on this machine."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import tasks_of_workers as tasks

from system import workers
from system.errors import InputError
from system.workers import HERE, LARGE, MOST_ATTEMPTS, Stopped, Workers

pytestmark = [
    pytest.mark.xdist_group("workers"),  # its tests share a cluster
    pytest.mark.skipif(sys.platform == "win32", reason="processes are killed by a signal"),
]
TWO = Workers(2)


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """The address of a scheduler with two workers on loopback."""
    from distributed import LocalCluster

    options = {"host": "127.0.0.1", "dashboard_address": None, "silence_logs": 60}
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, **options) as cluster:
        yield cluster.scheduler_address


@pytest.fixture
def cluster(scheduler, tmp_path, monkeypatch) -> Iterator[Workers]:
    monkeypatch.chdir(tmp_path)
    with Workers.opened(scheduler) as opened:
        opened.client.wait_for_workers(2, timeout=60)
        yield opened


@pytest.fixture(params=["processes", "cluster"])
def several(request) -> Workers:
    """Two workers of both kinds."""
    return TWO if request.param == "processes" else request.getfixturevalue("cluster")


@pytest.fixture(autouse=True)
def with_ctrl_c():
    usual = signal.signal(signal.SIGINT, signal.default_int_handler)  # tests in the background are deaf to it
    yield
    signal.signal(signal.SIGINT, usual)


def test_every_task_has_its_result_and_several_processes_work(several):
    results = dict(several.run(tasks.square, [(number,) for number in range(6)]))
    assert {number: value for number, (value, _) in results.items()} == {n: n * n for n in range(6)}
    processes = {process for _, process in results.values()}
    assert len(processes) == 2 and os.getpid() not in processes
    assert list(several.run(tasks.square, [])) == []


def test_few_tasks_stay_in_this_process():
    given = [(number,) for number in range(3)]
    assert {process for _, (_, process) in TWO.run(tasks.square, given, tasks_each=2)} == {os.getpid()}
    assert {process for _, (_, process) in HERE.run(tasks.square, given, tasks_each=1)} == {os.getpid()}
    assert os.getpid() not in {process for _, (_, process) in HERE.run(tasks.square, given)}


def test_the_task_of_a_killed_process_is_repeated(several, tmp_path):
    given = [(number, str(tmp_path / "died")) for number in range(4)]
    assert sorted(several.run(tasks.die_once, given)) == [(number, number) for number in range(4)]
    assert (tmp_path / "died").exists()


def test_a_task_that_kills_every_process_is_one_line(several):
    with pytest.raises(InputError) as caught:
        list(several.run(tasks.die, [(0,)]))
    (line,) = caught.value.lines
    assert "perhaps as memory ran out" in line and "what is finished is not repeated" in line
    named = f"was killed {MOST_ATTEMPTS} times" if several is TWO else "worker "
    assert named in line


def test_errors_of_a_task_come_with_their_lines_and_no_further_task_begins(several):
    ended = []
    with pytest.raises(InputError) as caught:
        for number, _ in several.run(tasks.fail, [(number,) for number in range(40)]):
            ended.append(number)
    assert caught.value.lines == ("a.mot: is empty", "b.mot: is empty")
    assert several is not TWO or len(ended) <= 3


def test_ctrl_c_ends_what_runs_and_says_how_much_is_done(several, tmp_path):
    begun, ended, pressed = tmp_path / "begun", tmp_path / "ended", []

    def interrupt() -> None:
        if begun.exists() and not pressed:
            pressed.append(True)
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(Stopped) as caught:
        list(several.run(tasks.wait_until_unwanted, [(str(begun), str(ended))] * 3, watch=interrupt))
    assert caught.value.number == 0 and "Ctrl-C when 0 of 3 tasks" in str(caught.value)
    end = time.monotonic() + 60
    while not ended.exists() and time.monotonic() < end:
        time.sleep(0.05)
    assert ended.exists()


def test_results_that_are_no_longer_asked_for_end_their_tasks(tmp_path):
    given = [(str(tmp_path / "begun"), str(tmp_path / "ended"))] * 2
    with pytest.raises(ZeroDivisionError):
        list(TWO.run(tasks.wait_until_unwanted, given, watch=lambda: (tmp_path / "begun").exists() and 1 / 0))
    assert (tmp_path / "ended").exists()


# ---- clusters -----------------------------------------------------------------------------------------------------


def test_large_arguments_go_over_the_shared_folder_which_is_removed(scheduler, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Workers.opened(scheduler) as cluster:
        assert list(cluster.run(tasks.size, [(b"0" * LARGE,)])) == [(0, LARGE)]
        (folder,) = tmp_path.glob(".cluster_*")
        assert [file.stat().st_size > LARGE for file in folder.iterdir()] == [True]
    assert not list(tmp_path.iterdir())


def test_a_worker_of_another_version_is_named(cluster, monkeypatch):
    monkeypatch.setattr(workers, "versions", lambda: {"keras": "2.0"})
    with pytest.raises(InputError) as caught:
        list(cluster.run(tasks.square, [(1,)]))
    (line,) = caught.value.lines
    assert line.startswith("worker ") and "127.0.0.1" in line and "(head process 2.0)" in line


def test_a_worker_that_does_not_see_a_file_is_named(cluster, tmp_path):
    with pytest.raises(InputError, match=r"worker .* does not see .*SC_1\.mot; share the data under the same path"):
        list(cluster.run(tasks.square, [(1,)], files=lambda number: [f"SC_{number}.mot"]))


def test_a_worker_with_another_disk_is_named(cluster):
    elsewhere = Workers(client=cluster.client, shared_folder=os.path.abspath("gone"))
    with pytest.raises(InputError, match="worker .* does not see the folder .* of the head process"):
        list(elsewhere.run(tasks.square, [(1,)]))


def test_the_address_may_be_in_the_environment(scheduler, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", scheduler)
    with Workers.opened() as opened:
        assert opened.client and opened.number == 2
    assert f"Dask cluster at {scheduler}: 2 workers" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("cluster", "expected"),
    [
        ("gone.json", "neither a scheduler file nor an address such as tcp://node1:8786"),
        ("tcp://127.0.0.1:9", "the scheduler does not answer"),
        ("damaged.json", "the scheduler does not answer"),
    ],
)
def test_a_scheduler_that_cannot_be_reached(cluster, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("damaged.json").write_text("{")
    monkeypatch.setattr(workers, "SECONDS_TO_ANSWER", 1)
    with pytest.raises(InputError, match=expected) as caught, Workers.opened(cluster):
        pass
    assert len(caught.value.lines) == 1 and caught.value.lines[0].startswith(f"--cluster {cluster}: ")


def test_without_distributed_a_line_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"needs Dask's distributed.*requirements-cluster\.txt"), Workers.opened("a:1"):
        pass
