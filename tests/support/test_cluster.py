"""TF_CONFIG: which machine this is, and what is wrong with it."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import main
from support import cluster
from support.cluster import Worker


def tf_config(workers=("a:2222", "b:2222"), kind="worker", index=1, **jobs) -> str:
    return json.dumps({"cluster": {"worker": workers} | jobs, "task": {"type": kind, "index": index}})


@pytest.fixture
def environment(monkeypatch):
    return lambda text: monkeypatch.setenv("TF_CONFIG", text)


def test_the_machine_that_is_named(environment, monkeypatch):
    environment(tf_config())
    machine = cluster.this_worker()
    assert machine == Worker(("a:2222", "b:2222"), 1)
    assert machine.has_others and not machine.is_first
    assert machine.describe(0) == "machine 1 of 2 (a:2222)"
    environment(tf_config(index="0"))
    assert cluster.this_worker().is_first
    for alone in ("", " ", tf_config(["a:2222"], index=0)):
        environment(alone)
        assert cluster.this_worker().is_first and not cluster.this_worker().has_others
    monkeypatch.delenv("TF_CONFIG")
    assert cluster.this_worker() == cluster.Worker()


WRONG = {
    "no JSON": ("{'cluster': 1}", "not JSON"),
    "a list": ("[]", "cluster and task"),
    "no task": ('{"cluster": {"worker": ["a:1"]}}', "cluster and task"),
    "a chief": (tf_config(chief=["c:1"]), "cluster has chief"),
    "a parameter server alone": ('{"cluster": {"ps": ["a:1"]}, "task": {"type": "ps", "index": 0}}', "cluster has ps"),
    "no workers": (tf_config([]), "cluster.worker is []"),
    "text": (tf_config("a:2222"), "cluster.worker is 'a:2222'"),
    "no port": (tf_config(["a:2222", "b"]), "has 'b'"),
    "a port too large": (tf_config(["a:65536", "b:0"]), "has 'a:65536', 'b:0'"),
    "one address twice": (tf_config(["a:2222", "a:2222"]), "twice"),
    "another task type": (tf_config(kind="chief"), "task.type is 'chief'"),
    "an index too large": (tf_config(index=2), "task.index is 2, expected 0 to 1"),
    "an index below 0": (tf_config(index=-1), "task.index is -1"),
    "a truth value": (tf_config(index=True), "task.index is True"),
    "no index": (tf_config(index=None), "task.index is None"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_told_in_a_line_before_anything_is_written(environment, project, capsys, case):
    text, expected = WRONG[case]
    environment(text)
    assert project.run() == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("Error: TF_CONFIG: ") and expected in line
    assert project.written() == []


def test_several_trainings_are_refused(environment, project, capsys):
    environment(tf_config())
    project.write_inputs()
    assert main.main(["--inputs", "my_inputs", "my_inputs"]) == 1
    for line in capsys.readouterr().err.splitlines():
        assert "TF_CONFIG makes 2 machines" in line and "--inputs names several files" in line
    assert project.written() == []
    (line,) = cluster.faults(several=False, sweep=object())
    assert "SweepArgs asks for a sweep" in line and "--task" in line
    environment(tf_config(["a:2222"], index=0))
    assert cluster.faults(several=True, sweep=object()) == []


@pytest.mark.skipif(not shutil.which("bash"), reason="a job script for Slurm")
def test_the_documented_job_script(environment, tmp_path):
    """With stand-ins for Slurm's own programs: three tasks, and what each finds in TF_CONFIG."""
    page = (Path(main.__file__).parent / "docs/several_machines.md").read_text(encoding="utf-8")
    script = re.search(r"```bash\n(#!/bin/bash\n#SBATCH.*?)```", page, re.DOTALL)[1]
    programs = {
        "scontrol": '[ "$*" = "show hostnames n[1-3]" ] && printf "n1\\nn2\\nn3\\n"',
        "srun": 'for i in 0 1 2; do SLURM_PROCID=$i "$@"; done',
        "python": 'echo "$TF_CONFIG"',
    }
    for name, text in programs.items():
        (tmp_path / name).write_text(f"#!/bin/bash\n{text}\n")
        (tmp_path / name).chmod(0o755)
    slurm = {"SLURM_JOB_ID": "123456", "SLURM_JOB_NODELIST": "n[1-3]", "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, env=dict(os.environ) | slurm)
    assert done.stderr == ""
    for index, line in enumerate(done.stdout.splitlines()):
        environment(line)
        assert cluster.this_worker() == Worker(("n1:23456", "n2:23456", "n3:23456"), index)
    assert index == 2


@pytest.mark.parametrize("user", [{"training_mode": False}, {"network_type": "linear"}])
def test_what_the_first_machine_does_alone(environment, project, capsys, monkeypatch, user):
    environment(tf_config())
    monkeypatch.setattr(main.data_io, "read_sets", None)  # not called
    monkeypatch.setattr("support.saved_networks.missing_networks", lambda *_: [])
    project.user |= user
    with pytest.raises(SystemExit) as ended:
        project.run()
    assert not ended.value.code
    assert "machine 2 of 2 (b:2222)" in capsys.readouterr().out and project.written() == []
