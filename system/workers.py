"""Where independent tasks run: in this process, in others of this machine, or on the workers of a Dask cluster.

A task is a function that can be imported, with its arguments. It gives the same wherever it runs.
"""

import contextlib
import hashlib
import importlib.metadata
import multiprocessing
import os
import pickle
import platform
import shutil
import signal
import socket
import tempfile
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from system.cores import cores, limit_cores
from system.errors import InputError, cannot_be_written, counted, first_line

if TYPE_CHECKING:
    from distributed import Client  # optional

SECONDS_BETWEEN_REPORTS = 0.5
SECONDS_TO_ANSWER = 20
MOST_ATTEMPTS = 4  # at a task whose process is killed; as many as Dask's default
LARGE = 1_000_000  # bytes of arguments that go over the shared folder rather than through the scheduler
ADDRESS = "DASK_SCHEDULER_ADDRESS"
SPAWN = multiprocessing.get_context("spawn")  # TensorFlow does not survive a fork
PROGRAM = Path(__file__).resolve().parent.parent
MODULES = ("data_io", "main", "metrics", "network", "outputs", "plotting", "prediction")
SAME = ("tensorflow", "keras", "numpy", "scipy", "pandas", "numba")  # versions that tasks share with the head

Task = tuple[Any, ...]  # the arguments


class Stopped(InputError):
    """Ctrl-C came before all tasks were done; number: how many were done."""

    def __init__(self, number: int, count: int):
        super().__init__(f"stopped by Ctrl-C when {number} of {counted(count, 'task')} were done")
        self.number = number


class NoLongerWanted(Exception):
    """The process that wanted a task has been stopped, or is gone."""


@dataclass(frozen=True)
class Workers:
    """processes: of this machine, None for one on each core. client: of a Dask cluster, which works instead of them."""

    processes: int | None = None
    client: "Client | None" = None
    shared_folder: str = ""  # of a cluster: for large arguments, and to tell whether workers see the same disk

    @classmethod
    @contextlib.contextmanager
    def opened(cls, cluster: str = "", processes: int | None = None) -> "Iterator[Workers]":
        """cluster: address of Dask's scheduler, or its scheduler file; by default as in DASK_SCHEDULER_ADDRESS.

        Raises InputError if distributed is not installed, or the scheduler does not answer.
        """
        cluster = cluster or os.environ.get(ADDRESS, "")
        if not cluster:
            yield cls(processes)
            return
        with _connected(cluster) as client, _shared_folder() as folder:
            number = len(client.nthreads())
            joined = counted(number, "worker") if number else "no worker yet: tasks wait until the first has joined"
            print(f"Dask cluster at {cluster}: {joined}; dashboard at {client.dashboard_link}")
            yield cls(processes, client, folder)

    @property
    def number(self) -> int:
        """How many tasks run at once."""
        return max(1, len(self.client.nthreads())) if self.client else self.processes or cores()

    def run_here(self, count: int, tasks_each: int) -> bool:
        """Whether so many tasks are best done in this process; see `run`."""
        return bool(tasks_each) and not self.client and min(self.number, count // tasks_each) < 2

    def run(
        self,
        function: Callable,
        tasks: Sequence[Task],
        files: Callable[..., Iterable[str]] = lambda *_: (),
        watch: Callable[[], object] = lambda: None,
        tasks_each: int = 0,
    ) -> Iterator[tuple[int, Any]]:
        """Yields the number of each task, from 0, and what the function gave, as they end.

        The task of a killed process is repeated. After an InputError of a task no further one begins. After Ctrl-C
        none begins either, and those that run end as they do on KeyboardInterrupt; on a cluster they are abandoned.

        files: those of a task that each worker has to see. watch: called about twice a second. tasks_each: that make
            another process worth its start, else they are done in this one; 0: never in this one.
        Raises InputError with the errors of all tasks, or Stopped.
        """
        if not tasks or self.run_here(len(tasks), tasks_each):
            yield from _in_this_process(function, tasks)
            return
        queue = _Queue(len(tasks), self.client is not None)
        # Dask has a queue of its own.
        at_once = len(tasks) if self.client else min(self.number, len(tasks) // (tasks_each or 1))
        while queue.goes_on:
            with self._executor(at_once, queue.event) as executor, queue.stopped_at_exit():
                submit = partial(self._submit, executor, function)
                is_whole, running = True, {}  # no process has been killed; numbers by futures
                while running or (is_whole and queue.goes_on):
                    try:
                        while is_whole and queue.goes_on and len(running) < at_once:
                            number = queue.left[0]
                            running[submit(tasks[number], files)] = number
                            queue.left.popleft()
                        ended, _ = wait(running, SECONDS_BETWEEN_REPORTS, FIRST_COMPLETED)
                        watch()
                    except KeyboardInterrupt:
                        queue.stop(running)
                        continue
                    except BrokenProcessPool:  # while nothing ran
                        is_whole = False
                        continue
                    for future in ended:
                        number = running.pop(future)
                        if queue.take(number, future, running):
                            yield number, future.result()
                        is_whole = is_whole and number not in queue.left
        queue.check()

    def _executor(self, at_once: int, stop: Any) -> contextlib.AbstractContextManager[Executor]:
        if self.client:
            return contextlib.nullcontext(self.client.get_executor(pure=False))
        return ProcessPoolExecutor(at_once, SPAWN, _begin_process, (max(1, cores() // at_once), stop))

    def _submit(self, executor: Executor, function: Callable, task: Task, files: Callable) -> Future:
        if not self.client:
            return executor.submit(_in_process, function, *task)
        import cloudpickle  # comes with distributed; knows functions of the script that is run

        payload = cloudpickle.dumps((function, task, [os.path.abspath(file) for file in files(*task)]))
        if len(payload) > LARGE:
            descriptor, path = tempfile.mkstemp(dir=self.shared_folder)
            with open(descriptor, "wb") as file:
                file.write(payload)
            payload = path
        return executor.submit(_on_any_worker(os.getcwd(), str(PROGRAM)), self.shared_folder, versions(), payload)


LOCAL, HERE = Workers(), Workers(1)


def _in_this_process(function: Callable, tasks: Sequence[Task]) -> Iterator[tuple[int, Any]]:
    for number, task in enumerate(tasks):
        try:
            result = function(*task)
        except KeyboardInterrupt:
            raise Stopped(number, len(tasks)) from None
        yield number, result


class _Queue:
    """The numbers of the tasks that have not begun, and how the others have ended. event: tells them to end."""

    def __init__(self, count: int, on_cluster: bool):
        self.left, self.event = deque(range(count)), None if on_cluster else SPAWN.Event()
        self._count, self._done, self._is_stopped = count, 0, False
        self._faults: list[str] = []
        self._attempts: Counter[int] = Counter()

    @property
    def goes_on(self) -> bool:
        """Whether a further task is to begin."""
        return bool(self.left) and not self._faults and not self._is_stopped

    def stop(self, running: Iterable[Future] = ()) -> None:
        self._is_stopped = True
        if self.event:
            self.event.set()
        for future in running if not self.event else ():
            future.cancel()

    @contextlib.contextmanager
    def stopped_at_exit(self) -> Iterator[None]:
        """Stops also where the results are no longer asked for."""
        try:
            yield
        except BaseException:
            self.stop()
            raise

    def take(self, number: int, ended: Future, running: Iterable[Future]) -> bool:
        """Whether a task has a result. That of a killed process is repeated, but not for ever."""
        error = CancelledError() if ended.cancelled() else ended.exception()
        if error is None:
            self._done += 1
        elif isinstance(error, BrokenProcessPool):
            self.left.append(number)
            self._attempts[number] += 1
            if self._attempts[number] == MOST_ATTEMPTS:
                self._faults.append(
                    f"a process of this machine was killed {MOST_ATTEMPTS} times, perhaps as memory ran out; run again "
                    "with fewer --processes: what is finished is not repeated"
                )
        elif not (self._is_stopped or isinstance(error, KeyboardInterrupt)):
            self._faults += _lines(error)
            if not self.event:
                self.stop(running)  # Dask has begun with all
        return error is None

    def check(self) -> None:
        """Raises InputError if not all tasks have a result."""
        if self._faults:
            raise InputError(list(dict.fromkeys(self._faults)))
        if self._done < self._count:
            raise Stopped(self._done, self._count)


def _lines(error: BaseException) -> Sequence[str]:
    """What an exception of a task says to the user."""
    if isinstance(error, InputError):
        return error.lines
    if isinstance(error, ModuleNotFoundError):
        return [str(error)]
    if isinstance(error, CancelledError):
        return ["the connection to Dask's scheduler was lost; the same command continues when it is back"]
    if type(error).__name__ == "KilledWorker":
        name = f"worker {error.last_worker.name} ({error.last_worker.address})"
        return [
            f"{name}: died in a task that had killed {error.allowed_failures} before it, perhaps as memory ran out; "
            "give workers more memory, or run fewer on each machine: what is finished is not repeated"
        ]
    raise error


# ---- processes of this machine ----------------------------------------------------------------------------------


_checks: list[Callable[[], None]] = []  # of the task that runs in this process


def check_wanted() -> None:
    """To be called now and then by a long task. Raises what ends it: KeyboardInterrupt or NoLongerWanted."""
    for check in _checks:
        check()


def _begin_process(threads: int, stop: Any) -> None:
    """Prepares a process of this machine for its tasks."""

    def check() -> None:
        if stop.is_set():
            raise KeyboardInterrupt

    def end_with_parent() -> None:
        multiprocessing.parent_process().join()
        os._exit(1)  # as a cut would: what it was doing can be continued

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # until there is a task
    limit_cores(threads)
    _checks[:] = [check]
    threading.Thread(target=end_with_parent, daemon=True).start()


def _in_process(function: Callable, *arguments: Any) -> Any:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return _silently(function, *arguments)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _silently(function: Callable, *arguments: Any) -> Any:
    """What the user is to see is in the result; lines of several tasks at once would be mixed."""
    check_wanted()
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        return function(*arguments)


# ---- workers of a cluster ---------------------------------------------------------------------------------------


@contextlib.contextmanager
def _connected(cluster: str) -> "Iterator[Client]":
    try:
        from distributed import Client
    except ImportError:
        remedy = "python -m pip install -r requirements-cluster.txt"
        raise InputError(f"--cluster {cluster}: needs Dask's distributed, which is not installed; {remedy}") from None
    is_file = "://" not in cluster and not cluster.rpartition(":")[2].isdecimal()
    if is_file and not os.path.isfile(cluster):
        what = "neither a scheduler file nor an address such as tcp://node1:8786"
        raise InputError(f"--cluster {cluster}: {what}; start dask scheduler --scheduler-file {cluster} first")
    where = {"scheduler_file": cluster} if is_file else {"address": cluster}
    try:
        client = Client(**where, timeout=SECONDS_TO_ANSWER, set_as_default=False)
    except Exception as error:  # of the network, of TLS, of a damaged file
        remedy = "check that it runs and that its address can be reached from here"
        raise InputError(
            f"--cluster {cluster}: the scheduler does not answer ({first_line(error)}); {remedy}"
        ) from error
    with client:
        yield client


@contextlib.contextmanager
def _shared_folder() -> Iterator[str]:
    try:
        folder = tempfile.mkdtemp(prefix=".cluster_", dir=os.getcwd())
    except OSError as error:
        raise InputError(cannot_be_written(os.getcwd(), error)) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@cache
def versions() -> dict[str, str]:
    """What all that work on one result have to share: versions of the libraries, and the program as it was loaded."""
    packages = [file.parent for file in PROGRAM.glob("*/__init__.py")]
    files = [
        *(PROGRAM / f"{name}.py" for name in MODULES),
        *(file for folder in packages for file in folder.glob("*.py")),
    ]
    program = hashlib.blake2b(b"".join(file.read_bytes() for file in sorted(files)), digest_size=8).hexdigest()
    python = ".".join(platform.python_version_tuple()[:2])
    return {"program": program, "python": python} | {name: importlib.metadata.version(name) for name in SAME}


def _on_any_worker(folder: str, program: str) -> Callable:
    def run(*arguments):
        """Goes to the worker by value, as that may not have loaded the program yet."""
        import importlib
        import os
        import sys

        from distributed import get_worker

        if os.path.isdir(folder):
            os.chdir(folder)
        if program not in sys.path:
            sys.path.insert(0, program)
        try:
            return importlib.import_module("system.workers").on_worker(*arguments)
        except ModuleNotFoundError as error:
            name = f"worker {get_worker().name} ({get_worker().address})"
            remedy = f"share the folder {program} under the same path, and install the same requirements"
            raise ModuleNotFoundError(f"{name}: {error}; {remedy}") from None

    return run


_one_at_a_time = threading.Lock()  # a worker with several threads uses them all for one task


def on_worker(shared_folder: str, expected: dict[str, str], payload: bytes | str) -> Any:
    """Runs a task on the worker of a cluster. Raises InputError, with the worker's name, if it is not fit for it."""
    from distributed import get_worker
    from distributed.worker import thread_state

    worker, key = get_worker(), thread_state.key
    name = f"worker {worker.name} ({worker.address} on {socket.gethostname()})"

    def check() -> None:
        task = worker.state.tasks.get(key)
        if task is None or task.state not in ("executing", "long-running"):
            raise NoLongerWanted

    if not os.path.isdir(shared_folder):
        place = os.path.dirname(shared_folder)
        raise InputError(f"{name}: does not see the folder {place} of the head process; share it under the same path")
    here = versions()
    differing = [f"{what} {here[what]} (head process {text})" for what, text in expected.items() if here[what] != text]
    if differing:
        raise InputError(f"{name}: has {', '.join(differing)}; make them the same and start the worker again")
    if isinstance(payload, str):
        payload = Path(payload).read_bytes()
    with _one_at_a_time:
        limit_cores(worker.state.nthreads)
        _checks[:] = [check]
        function, arguments, files = pickle.loads(payload)
        if unseen := [file for file in files if not os.path.exists(file)]:
            more = f" and {len(unseen) - 1} more" if len(unseen) > 1 else ""
            raise InputError(f"{name}: does not see {unseen[0]}{more}; share the data under the same path")
        return _silently(function, *arguments)
