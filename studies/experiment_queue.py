"""The experiments of one call of main.py: all are checked before the first one runs, then they run one by one."""

import argparse
import errno
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import data_io
from checks import pair_checks
from networks import network_folder, replacement
from settings import NETWORKS_FOLDER, Config, description, input_file
from studies.sweep_combinations import Sweep, read_sweep
from system import errors, files
from system.errors import InputError
from system.workers import Workers

Run = Callable[..., list[str]]  # main.run; returns the errors


@dataclass(frozen=True)
class Experiment:
    """The checked settings of one input file, with warnings."""

    name: str
    config: Config
    sweep: Sweep | None
    warnings: tuple[str, ...]

    @property
    def trainings(self) -> tuple[Config, ...]:
        """The settings of each network that it trains, or of the one that it loads."""
        return self.sweep.members if self.sweep else (self.config,)


def options(about: str, arguments: list[str] | None) -> argparse.Namespace:
    """The command line of main.py: inputs, cluster and processes."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    inputs_help = "input modules or .py files, run one after the other"
    parser.add_argument("--inputs", metavar="NAME", nargs="+", help=inputs_help)
    cluster_help = "scheduler file or address of a Dask cluster, whose workers do what can be done at once"
    parser.add_argument("--cluster", metavar="SCHEDULER", default="", help=cluster_help)
    processes_help = "how many do it on this machine (default: one for each core); each takes 1 to 1.5 GB"
    parser.add_argument("--processes", metavar="N", type=_count, help=processes_help)
    parser.add_argument("--task", type=_replaced, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: expected the number of processes, 1 or more")
    return int(text)


def _replaced(text: str) -> None:
    raise argparse.ArgumentTypeError(
        f"{text!r}: --cluster has taken its place: it shares folds, members of sweeps and predictions; for a queue of "
        "input files start one job each (see docs/clusters.md)"
    )


def read(names: Sequence[str] | None, program: dict[str, Any]) -> list[Experiment]:
    """The experiments of the input files `names`, or else that of the import line of main.py (its global names).

    Raises InputError with all errors in any of them.
    """
    several = len(names or ()) > 1
    experiments: list[Experiment] = []
    faults = []
    for name in names or [None]:
        try:
            module = input_file.load_module(name) if name else input_file.import_line(program)
            config, lines, warnings = input_file.read_config(module)
            description.use(config.user.description)
            sweep, more_lines, more_warnings = read_sweep(getattr(module, "SweepArgs", None), config)
            experiment = Experiment(name or module.__name__, config, sweep, (*warnings, *more_warnings))
            lines += more_lines + _faults_in_queue(experiment, experiments)
            experiments.append(experiment)
        except InputError as error:
            lines = list(error.lines)
        faults += [f"{name}: {line}" if several else line for line in lines]
    if faults:
        raise InputError(list(dict.fromkeys(faults)))
    return experiments


def _faults_in_queue(experiment: Experiment, earlier: Sequence[Experiment]) -> list[str]:
    """Conflicts of an experiment with files on disk and with networks that the queue trains before."""
    before = {c.network_name: (e.name, c) for e in earlier for c in e.trainings if c.user.training_mode}
    before |= {e.config.network_name: (e.name, e.config) for e in earlier if e.sweep}
    faults = folder_faults(experiment.config)
    for config in experiment.trainings:
        trains, name = config.user.training_mode, config.network_name
        faults += data_io.faulty_files(config.user, config.data) + pair_checks.handle_faults(config.data)
        faults += replacement.overwrite_faults(config)
        faults += network_folder.checkpoint_faults(config) if name not in before else []
        faults += network_folder.missing_networks(config.user, tuple(before))
        if trains and name in before and not replacement.may_replace(config.user):
            earlier_name, other = before[name]
            if replacement.differences({"settings": other.as_dict()}, config):
                faults.append(
                    f"UserInputArgs.model_save_filename = {name!r}: {earlier_name} trains a network of this name with "
                    "other settings or data earlier; choose another name, or set overwrite = True to replace it"
                )
    return faults


def folder_faults(config: Config) -> list[str]:
    """One line for each folder of the run that cannot be written to, as found by trying; nothing is left behind."""
    choose = "choose another folder"
    folders = [(f"SaveDataArgs.output_path = {config.save.output_path!r}", config.output_folder, choose)]
    if config.user.training_mode:
        permit = "start main.py in a folder where you have write permission, or change the permissions"
        folders += [(str(NETWORKS_FOLDER), path, permit) for path in (NETWORKS_FOLDER, config.network_folder)]
    if config.data.cache_path:
        cache = config.data.cache_path
        folders.append((f"DataInfoArgs.cache_path = {cache!r}", Path(cache), choose))
    faults = []
    for setting, folder, remedy in folders:
        try:
            files.try_to_write(folder)
        except NotADirectoryError as error:
            faults.append(f"{setting}: {error.filename} is a file where a folder is expected; rename it or {remedy}")
        except OSError as error:
            remedy = "free some disk space" if error.errno in (errno.ENOSPC, errno.EDQUOT) else remedy
            faults.append(f"{setting}: cannot write to {error.filename} ({error.strerror}); {remedy}")
    return list(dict.fromkeys(faults))


def run_all(experiments: Sequence[Experiment], run: Run, workers: Workers) -> int:
    """Runs the experiments one by one, and compares what has been trained.

    Returns the exit status: 1 if there were errors, else 0.
    """
    # Imported here and below because Matplotlib and Optuna take a moment to load, and input errors are reported before.
    from studies import comparison

    done = [_run_one(experiment, run, workers, len(experiments) > 1) for experiment in experiments]
    comparison.compare_experiments([config for config in done if config])
    return 0 if all(done) else 1


def _run_one(experiment: Experiment, run: Run, workers: Workers, several: bool) -> Config | None:
    """The settings that the network was trained with; None if there were errors, which are printed."""
    if several:
        print(f"\n=== {experiment.name} ===")
    config, faults = experiment.config, []
    description.use(config.user.description)
    try:
        errors.warn(experiment.warnings)
        pair_checks.report_handles(data_io.names_by_path(config.data))
        if experiment.sweep:
            from studies import sweeps

            faults, config = sweeps.run(experiment.sweep, run, workers)
        else:
            # Checked again, as hours may have passed since.
            faults = replacement.overwrite_faults(config) or run(config, workers)
    except InputError as error:
        faults = error.lines
    except OSError as error:  # a disk or drive failed during the run
        faults = [errors.cannot_be_written(error.filename or "a file of this run", error)]
    except Exception:
        if not several:
            raise
        # The other experiments of the queue still run.
        faults = [f"{experiment.name}: {line}" for line in traceback.format_exc().splitlines()]
    errors.report(faults)
    return None if faults else config
