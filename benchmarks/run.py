"""Measures this program against the earlier tool's recipe: python benchmarks/run.py (README.md beside it says what).

Writes the measurements, one summary (table.md) and one figure (loss_against_time.png) into benchmarks/results.
"""

import argparse
import importlib.metadata
import os
import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

import report
from cases import DURATION, REPORTING_SHIP, SHIPS, TIME_STEP, TITLES, Case, data_folder, make_case, record_paths
from jobs import HERE, ROOT, Job, run_job
from report import FINE_TUNED, FINE_TUNED_HALF, LINEAR, OURS, REFERENCE, THOROUGH, Measurements

RUN_COLUMNS = (
    "read_s",
    "train_s",
    "train_cpu_s",
    "first_epoch_s",
    "epoch_s",
    "slowest_epoch_s",
    "epochs",
    "best_epoch",
    "best_epoch_s",
    "val_loss",
)
NO_SEED = -1  # in the tables, of what has none
PACKAGES = ("numpy", "torch", "tensorflow", "keras")


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    duration: float = DURATION  # s, of each record
    most_records: tuple[int, int, int] = (10**6, 10**6, 10**6)  # in train, val and test
    max_epochs: int = 10**6
    many_records: int = 100  # read and predicted for their speed alone
    repeats_predicting: int = 5
    repeats_reading: int = 3
    repeats_steps: int = 50


QUICK = Size(300.0, (3, 2, 2), 4, 6, 2, 2, 5)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", choices=list(TITLES), default=list(TITLES))
    parser.add_argument("--ship", choices=SHIPS, default=REPORTING_SHIP, help="default %(default)s: README.md says why")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--threads", type=int, default=2, help="of each program (default %(default)s)")
    parser.add_argument("--reference_threads", type=int, help="other than --threads: see README.md (default: the same)")
    parser.add_argument("--quick", action="store_true", help="short records, few epochs: tests the benchmark itself")
    parser.add_argument("--output", type=Path, help="folder of the results (default benchmarks/results)")
    parser.add_argument(
        "--inputs", default="input_template", metavar="NAME", help="input file to measure (default %(default)s)"
    )
    parser.add_argument(
        "--thorough",
        default="input_thorough",
        metavar="NAME",
        help="the thorough one; '' for none (default %(default)s)",
    )
    parser.add_argument(
        "--many_seas",
        default="input_many_seas",
        metavar="NAME",
        help="the thorough one over many sea states, case c (default %(default)s)",
    )
    parser.add_argument(
        "--keep",
        action="store_true",
        help="keep what each training gave, so that a benchmark that is cut off goes on; the reference's always is",
    )
    parser.add_argument(
        "--shared_machine",
        action="store_true",
        help="give times of training in CPU seconds (of folds side by side, per core), as other programs run as well",
    )
    options = parser.parse_args(arguments)
    inputs = {OURS: find_inputs(options.inputs)}
    if options.thorough:
        inputs[THOROUGH] = find_inputs(options.thorough)
    many_seas = find_inputs(options.many_seas)
    output = options.output or (HERE / "data" / "quick_results" if options.quick else HERE / "results")
    output.mkdir(parents=True, exist_ok=True)
    if hasattr(os, "sched_setaffinity"):  # Linux: no program gets more cores than threads, however it counts them
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.threads])
    size = QUICK if options.quick else Size()
    about = describe_run(options, size)
    chosen = [make_case(name, options.ship, size.most_records) for name in TITLES if name in options.cases]
    work = HERE / "data" / f"work_{options.ship}"
    work.mkdir(parents=True, exist_ok=True)
    threads = {REFERENCE: options.reference_threads or options.threads, OURS: options.threads}
    benchmark = Benchmark(work, output, options.ship, size, threads, inputs, many_seas, options)
    benchmark.run(chosen, options.seeds)
    measured = benchmark.measurements()
    text = report.summary(measured, about)
    (output / "table.md").write_text(text, encoding="utf-8")
    report.loss_figure(measured).savefig(output / "loss_against_time.png", dpi=150)
    print(text)
    print(f"Results in {output}")
    return 0 if benchmark.complete else 1


def find_inputs(name: str) -> Path:
    """The input file of a module name or a path."""
    for path in (Path(name), Path(f"{name}.py"), ROOT / f"{name}.py"):
        if path.suffix == ".py" and path.is_file():
            return path.resolve()
    raise SystemExit(f"--inputs {name}: there is no such file, nor {name}.py in the project's folder")


def describe_run(options: argparse.Namespace, size: Size) -> str:
    """Machine, versions and extent of the run, in a sentence each; no names of machines."""
    cpu = platform.machine()
    if Path("/proc/cpuinfo").is_file():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        cpu = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), cpu)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    rows = round(size.duration / TIME_STEP)
    other = f" ({options.reference_threads} for the reference)" if options.reference_threads else ""
    return (
        f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores {cpu}, {memory:.0f} GiB, "
        f"{options.threads} threads each{other}; "
        f"Python {platform.python_version()}, {versions}. Ship: {options.ship}. Records of {rows} rows, seeds "
        f"{', '.join(map(str, options.seeds))}, settings of {Path(options.inputs).stem}"
        f"{', QUICK: says nothing about either program' if options.quick else ''}. "
        f"Load average at the start: {os.getloadavg()[0]:.1f}."
    )


class Benchmark:
    """Runs the jobs one after the other and keeps what they report; the tables are written after each."""

    def __init__(
        self,
        work: Path,
        output: Path,
        ship: str,
        size: Size,
        threads: dict[str, int],
        inputs: dict[str, Path],
        many_seas: Path,
        options: argparse.Namespace,
    ):
        self._work, self._output, self._size = work, output, size
        self._threads, self._inputs, self._many_seas = threads, inputs, many_seas
        self._ship, self._kept_tasks = ship, ("reference", "ours", "linear_filter") if options.keep else ("reference",)
        self._shared_machine = options.shared_machine
        self._data = data_folder(HERE / "data", ship, size.duration)
        self._tables: dict[str, list[dict]] = {name: [] for name in ("runs", "histories", "errors", "speeds")}
        self._networks: set[str] = set()
        self.complete = True

    def run(self, chosen: Sequence[Case], seeds: Sequence[int]) -> None:
        for case in chosen:
            self._make_data(case)
            self._do(self._job("linear_filter", LINEAR, case, NO_SEED))
        for seed in seeds:  # the outer loop: a benchmark that is cut off has all cases of the seeds before
            for case in chosen:
                self._do(self._job("reference", REFERENCE, case, seed))
                for program in self._inputs if case.name != "d" else [OURS]:
                    self._do(self._job("ours", program, case, seed))
                if case.name == "d":
                    self._fine_tune(case, seed)
        self._measure_speeds(chosen, seeds)

    def _job(self, task: str, program: str, case: Case, seed: int) -> Job:
        own = self._inputs[program if program in self._inputs else OURS]
        return Job(
            task=task,
            program=program,
            ship=self._ship,
            case=case.name,
            seed=seed,
            threads=self._threads[REFERENCE if program == REFERENCE else OURS],
            records={name: record_paths(self._data, handles) for name, handles in case.handles.items()},
            inputs=str(self._many_seas if program == THOROUGH and case.name == "c" else own),
            network=network_name(task, program, case, seed),
            max_epochs=self._size.max_epochs,
        )

    def _fine_tune(self, case: Case, seed: int) -> None:
        """From this program's network of case a and the same seed, which is trained now if it was not measured."""
        one_state = make_case("a", self._ship, self._size.most_records)
        source = self._job("ours", OURS, one_state, seed)
        if source.network not in self._networks:
            self._make_data(one_state)
            if not self._run(source, "to be fine-tuned"):
                return
        job = replace(self._job("ours", FINE_TUNED, case, seed), start_from=source.network)
        self._do(replace(job, network=f"{job.network}_fine_tuned"))
        half = replace(job, program=FINE_TUNED_HALF, epochs_share=0.5)
        self._do(replace(half, network=f"{job.network}_fine_tuned_half"))

    def _make_data(self, case: Case) -> None:
        handles = [handle for handles in case.handles.values() for handle in handles]
        job = Job("data", ship=case.ship, case=case.name, folder=str(self._data))
        job = replace(job, records={"all": handles}, duration=self._size.duration)
        if self._run(job) is None:
            raise SystemExit("no data, no benchmark")

    def _run(self, job: Job, remark: str = "") -> dict | None:
        began = time.perf_counter()
        result = run_job(job, self._work, keep=job.task in self._kept_tasks)
        seed = f"seed {job.seed}" if job.seed > 0 else ""
        what = ", ".join(filter(None, (job.case and f"case {job.case}", job.program or job.task, seed, remark)))
        if result is None:
            self.complete = False
        else:
            self._networks.add(job.network)
            loss = f", validation loss {final_loss(result):.3g}" if "errors" in result else ""
            print(f"{what}: {time.perf_counter() - began:.0f} s{loss}", flush=True)
        return result

    def _do(self, job: Job) -> None:
        """Runs a job that gives errors on the test set, and keeps its results."""
        result = self._run(job)
        if result is None:
            return
        if self._shared_machine:
            result = in_cpu_seconds(result, self._threads[OURS] if job.program == THOROUGH else 1)
        key = {"case": job.case, "program": job.program, "seed": job.seed}
        history = pd.DataFrame(result.get("history", []))
        self._tables["histories"] += [key | row for row in history.to_dict("records")]
        self._tables["runs"].append(key | summarize_run(result, history))
        for program, rows in result["errors"].items():
            self._tables["errors"] += [key | {"program": program} | row for row in rows]
        self._write()

    def _measure_speeds(self, chosen: Sequence[Case], seeds: Sequence[int]) -> None:
        """Reads and predicts many records with both programs in turn, with networks of the first case and seed."""
        handles = [handle for case in chosen for handles in case.handles.values() for handle in handles]
        many = [handles[i % len(handles)] for i in range(self._size.many_records)]
        pairs = record_paths(self._data, many)
        base = self._job("", "", chosen[0], seeds[0])
        base = replace(base, records={"all": pairs, "train": pairs[:1]})
        for threads in sorted({1, *self._threads.values()}):
            job = replace(base, task="reference_step", threads=threads, repeats=self._size.repeats_steps)
            result = self._run(replace(job, duration=self._size.duration))
            for repeat, value in enumerate((result or {"seconds": []})["seconds"]):
                self._add_speed(f"{report.STEP}, {threads} threads", REFERENCE, repeat, value)
        result = self._run(replace(base, task="read", repeats=self._size.repeats_reading))
        for program, seconds in (result or {"seconds": {}})["seconds"].items():
            program = OURS if program == "ours" else REFERENCE
            for repeat, value in enumerate(seconds):
                self._add_speed(report.READING, program, repeat, value)
        for repeat in range(self._size.repeats_predicting):
            for program in (REFERENCE, *self._inputs):
                task = "reference" if program == REFERENCE else "ours"
                job = self._job(task, program, chosen[0], seeds[0])
                result = self._run(replace(job, task=f"predict_{task}", records=base.records))
                if result:
                    self._add_speed(report.PREDICTING, program, repeat, result["first_s"])
                    self._add_speed(report.PREDICTING_AGAIN, program, repeat, result["second_s"])
        self._write()

    def _add_speed(self, what: str, program: str, repeat: int, seconds: float) -> None:
        self._tables["speeds"].append({"what": what, "program": program, "repeat": repeat, "seconds": seconds})

    def measurements(self) -> Measurements:
        tables = {name: pd.DataFrame(rows, columns=COLUMNS[name]) for name, rows in self._tables.items()}
        tables["runs"] = report.with_time_to_reference(tables["runs"], tables["histories"])
        return Measurements(**tables)

    def _write(self) -> None:
        measured = self.measurements()
        for name in self._tables:
            table = getattr(measured, name)
            table.to_csv(self._output / f"{name}.csv", index=False, float_format="%.6g", lineterminator="\n")
        rows = [
            {"case": t.case, "what": t.what, "limit": t.limit, "median": np.median(t.values), "verdict": t.verdict}
            for t in report.targets(measured)
            if t.values
        ]
        pd.DataFrame(rows).to_csv(self._output / "targets.csv", index=False, float_format="%.4g", lineterminator="\n")


def in_cpu_seconds(result: dict, side_by_side: int) -> dict:
    """What a training reported, with its times in CPU seconds of each of so many trainings side by side."""
    seconds = result["train_cpu_s"] / side_by_side
    factor = seconds / result["train_s"]
    history = [row | {"elapsed_s": factor * row["elapsed_s"]} for row in result.get("history", [])]
    return result | {"train_s": seconds} | ({"history": history} if history else {})


def network_name(task: str, program: str, case: Case, seed: int) -> str:
    return f"{task}{'_thorough' if program == THOROUGH else ''}_{case.name}_{seed}"


KEY = ["case", "program", "seed"]
COLUMNS = {
    "runs": [*KEY, *RUN_COLUMNS, "predict_s", "peak_memory_mb"],
    "histories": [*KEY, "epoch", "elapsed_s", "loss", "val_loss"],
    "errors": [*KEY, "channel", *report.MEASURES],
    "speeds": ["what", "program", "repeat", "seconds"],
}


def final_loss(result: dict) -> float:
    """The validation loss of the weights that were kept."""
    if "history" not in result:
        return result["val_loss"]
    return next(row["val_loss"] for row in result["history"] if row["epoch"] == result["best_epoch"])


def summarize_run(result: dict, history: pd.DataFrame) -> dict[str, float]:
    """A row of the table of runs; an epoch's seconds are the median without the first, which compiles."""
    row = {name: result[name] for name in ("read_s", "train_s", "train_cpu_s", "predict_s", "peak_memory_mb")}
    row["val_loss"] = final_loss(result)
    if history.empty:
        return row
    best = history[history["epoch"] == result["best_epoch"]].iloc[0]
    return row | {
        "first_epoch_s": history["elapsed_s"].iloc[0],
        "epoch_s": history["elapsed_s"].diff().median(),
        "slowest_epoch_s": history["elapsed_s"].diff().max(),
        "epochs": len(history),
        "best_epoch": result["best_epoch"],
        "best_epoch_s": best["elapsed_s"],
    }


if __name__ == "__main__":
    sys.exit(main())
