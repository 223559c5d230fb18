"""The machine that this process runs on, from TF_CONFIG, TensorFlow's own variable for clusters."""

import json
import os
import re
from dataclasses import dataclass

from settings import Config
from support.errors import InputError

VARIABLE = "TF_CONFIG"
EXAMPLE = '{"cluster": {"worker": ["host1:2222", "host2:2222"]}, "task": {"type": "worker", "index": 0}}'
ADDRESS = re.compile(r"[^\s:/]+:(\d{1,5})")


@dataclass(frozen=True)
class Worker:
    """One of the machines that train together. addresses: host:port of each, in order."""

    addresses: tuple[str, ...] = ("localhost:0",)
    index: int = 0

    @property
    def is_first(self) -> bool:
        """The first one writes the files, prints, and continues after the training; the others only compute."""
        return self.index == 0

    @property
    def has_others(self) -> bool:
        return len(self.addresses) > 1

    def describe(self, index: int) -> str:
        return f"machine {index + 1} of {len(self.addresses)} ({self.addresses[index]})"


def this_worker() -> Worker:
    """The machine named in TF_CONFIG; without it, or with one worker, a single worker.

    Raises InputError if TF_CONFIG is not valid for workers.
    """
    text = os.environ.get(VARIABLE, "").strip()
    if not text:
        return Worker()
    try:
        values = json.loads(text)
    except ValueError as error:
        raise _fault(f"it is not JSON ({error})") from None
    cluster, task = (values.get(name) for name in ("cluster", "task")) if isinstance(values, dict) else (None, None)
    if not isinstance(cluster, dict) or not isinstance(task, dict):
        raise _fault("it has to contain cluster and task")
    others = sorted(set(cluster) - {"worker"})
    if others:
        raise _fault(f"cluster has {', '.join(others)} besides or instead of worker; list all machines as worker")
    addresses = cluster.get("worker")
    if not isinstance(addresses, list) or not addresses or not all(isinstance(address, str) for address in addresses):
        raise _fault(f"cluster.worker is {addresses!r}, expected a list of host:port")
    wrong = [address for address in addresses if not _is_address(address)]
    if wrong:
        raise _fault(f"cluster.worker has {', '.join(map(repr, wrong))}, expected host:port with a port of 1 to 65535")
    if len(set(addresses)) < len(addresses):
        raise _fault("cluster.worker names an address twice; two processes on one host need two ports")
    if task.get("type") != "worker":
        raise _fault(f"task.type is {task.get('type')!r}, expected 'worker'")
    index = task.get("index")
    index = int(index) if isinstance(index, str) and index.isdecimal() else index
    if type(index) is not int or not 0 <= index < len(addresses):
        raise _fault(
            f"task.index is {index!r}, expected 0 to {len(addresses) - 1}, as there are {len(addresses)} workers"
        )
    return Worker(tuple(addresses), index)


def _is_address(address: str) -> bool:
    found = ADDRESS.fullmatch(address)
    return bool(found) and 1 <= int(found[1]) <= 65535


def _fault(found: str) -> InputError:
    return InputError(f"{VARIABLE}: {found}; an example for the first of two machines is {EXAMPLE}")


def faults(several: bool, sweep: object | None) -> list[str]:
    """Errors in TF_CONFIG, or an error line if several machines are to do more than one training together."""
    try:
        worker = this_worker()
    except InputError as error:
        return list(error.lines)
    if not worker.has_others or not (several or sweep):
        return []
    asked = "SweepArgs asks for a sweep" if sweep else "--inputs names several files"
    return [
        f"{VARIABLE} makes {len(worker.addresses)} machines do one training together, but {asked}; unset {VARIABLE} "
        "and let each machine do its share with --task"
    ]


def trains_together(worker: Worker, config: Config) -> bool:
    """Whether the machines train together; otherwise the first one does the whole run."""
    user = config.user
    return worker.has_others and user.training_mode and user.network_type != "linear" and not user.num_folds


def begin(config: Config) -> None:
    """Prints which worker this is, unless it is the first; ends its process (SystemExit) if it has nothing to do."""
    worker = this_worker()
    if worker.is_first:
        return
    print(f"This is {worker.describe(worker.index)}; the first one writes the files and the report")
    if not trains_together(worker, config):
        raise SystemExit(0)
