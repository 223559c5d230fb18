"""A job is one measurement in a process of its own, so that none leaves memory, threads or compiled code to another."""

import dataclasses
import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent


@dataclass(frozen=True)
class Job:
    """What worker.py is to do.

    task: one of worker.TASKS. program: the name under which it is reported. ship: one of cases.SHIPS.
    records: set name to (SimpleCode path, LAMP path), without endings; or handles in the set "all" for the task data.
    inputs: path of the input file whose UserInputArgs holds this program's settings.
    network: name of the network that is trained or used. start_from: name of the network to fine-tune.
    max_epochs: upper limit to both programs' epochs. epochs_share: of this program's epochs, to train in less time.
    """

    task: str
    program: str = ""
    ship: str = ""
    case: str = ""
    seed: int = 0
    threads: int = 2
    records: dict[str, list] = field(default_factory=dict)
    inputs: str = ""
    network: str = ""
    start_from: str = ""
    max_epochs: int = 10**6
    epochs_share: float = 1.0
    repeats: int = 1
    folder: str = ""
    duration: float = 0.0  # s


def run_job(job: Job, work: Path, keep: bool = False) -> dict[str, Any] | None:
    """What the job's process reports, or None if it failed, which is said; `work` is the process's working folder.

    keep: what a job reported is kept in the folder, and the same job is not run again.
    """
    text = json.dumps(dataclasses.asdict(job), sort_keys=True)
    kept = work / "jobs" / f"{job.task}_{job.case}_{job.seed}_{hashlib.sha256(text.encode()).hexdigest()[:10]}.json"
    if keep and kept.is_file():
        return json.loads(kept.read_text(encoding="utf-8"))
    job_file, result_file = work / "job.json", work / "result.json"
    job_file.write_text(text, encoding="utf-8")
    result_file.unlink(missing_ok=True)
    command = [sys.executable, str(HERE / "worker.py"), str(job_file), str(result_file)]
    done = subprocess.run(
        command, cwd=work, env=environment(job.threads), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode or not result_file.is_file():
        what = " ".join(filter(None, (job.task, job.program, job.case and f"case {job.case}", f"seed {job.seed}")))
        print(f"Failed (exit status {done.returncode}): {what}\n{done.stdout[-3000:]}", file=sys.stderr, flush=True)
        return None
    if keep:
        kept.parent.mkdir(exist_ok=True)
        result_file.replace(kept)
        result_file = kept
    return json.loads(result_file.read_text(encoding="utf-8"))


def environment(threads: int) -> dict[str, str]:
    """This process's environment with the number of threads for NumPy, PyTorch and TensorFlow, and the import paths."""
    names = ("OMP_NUM", "MKL_NUM", "OPENBLAS_NUM", "TF_NUM_INTRAOP", "TF_NUM_INTEROP")
    limits = {f"{name}_THREADS": str(threads) for name in names}
    paths = os.pathsep.join(map(str, (HERE, ROOT, ROOT / "sample_data")))
    return os.environ | limits | {"PYTHONPATH": paths, "CUDA_VISIBLE_DEVICES": "-1"}
