"""Trains an LSTM that turns SimpleCode's ship motions into LAMP's, shows how good it is, and predicts.

python main.py [--inputs a b c] [--task 2/8]
"""

import argparse
import sys
import traceback
from collections.abc import Callable

import data_io
import settings
from readers import input_file
from studies import comparison, sweeps
from support import errors, saved_networks
from training import workers

input_file.explain_import_errors()
# The name of your input file, without .py, goes between "from" and "import":
from input_template import UserInputArgs, PlottingArgs, DataInfoArgs, DerivedArgs


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", metavar="NAME", nargs="+", help="input modules or .py files, one after the other")
    task_help = "do every N-th experiment or member of a sweep, from the I-th on; other processes do the rest"
    parser.add_argument("--task", metavar="I/N", type=sweeps.task, help=task_help)
    given = parser.parse_args(arguments)
    names, turns = given.inputs or [None], sweeps.turns(given.task)
    done = [run_reporting_errors(name, len(names) > 1, turns) for name in names]
    comparison.compare_experiments([config for config in done if config])
    return 0 if all(done) else 1


def run_reporting_errors(name: str | None, several: bool, turns: sweeps.Turns) -> settings.Config | None:
    """One experiment or sweep; its settings if all of it worked. What the user has to put right is told in a line."""
    if several:
        print(f"\n=== {name} ===")
    config, faults = None, []
    try:
        config, sweep = read_settings(name, several)
        if sweep:
            faults, config = sweeps.run(config, sweep, run, turns)
        elif next(turns):
            faults = run(config)
    except errors.InputError as error:
        faults = error.lines
    except OSError as error:  # a disk or drive that fails while the program runs
        faults = [errors.cannot_be_written(error.filename or "a file of this run", error)]
    except Exception:
        if not several:
            raise
        faults = [f"{name}: {line}" for line in traceback.format_exc().splitlines()]  # the other experiments go on
    for line in faults:
        print(f"Error: {line}", file=sys.stderr)
    return None if faults else config


def read_settings(name: str | None, several: bool = False) -> tuple[settings.Config, sweeps.Sweep | None]:
    """The settings of an input module, or of the import line above, checked together with the files they name."""
    if name is None:
        classes = (UserInputArgs, PlottingArgs, DataInfoArgs, DerivedArgs)
        config, faults, remarks = input_file.read_config(**{c.__name__: c for c in classes})
        module = sys.modules[UserInputArgs.__module__]
    else:
        module = input_file.load_module(name)
        config, faults, remarks = input_file.read_config(module)
    sweep_class = globals().get("SweepArgs") if name is None else None
    sweep, more_faults, more_remarks = sweeps.read_sweep(sweep_class or getattr(module, "SweepArgs", None), config)
    faults += more_faults + workers.faults(several, sweep)
    for each in sweep.members if sweep else (config,):
        faults += (
            data_io.missing_files(each) + saved_networks.overwrite_faults(each) + saved_networks.checkpoint_faults(each)
        )
    if faults:
        raise errors.InputError(list(dict.fromkeys(faults)))
    errors.warn(remarks + more_remarks)
    return config, sweep


def run(config: settings.Config, after_epoch: Callable | None = None) -> list[str]:
    """One experiment, from the files to the report, the predictions and the figures; returns what went wrong.

    after_epoch: called with each epoch of the training and its losses, see `training.fit.train`.
    """
    machine = workers.this_machine()
    if not machine.is_first:
        print(f"This is {machine.describe(machine.index)}; the first one writes the files and the report")
        if not workers.train_together(machine, config):
            return []
    sets, remarks = data_io.read_sets(config)
    errors.warn(remarks)

    # Not at the top: TensorFlow takes seconds to start, and faults in the input are told before that.
    import network
    import outputs
    import prediction
    from training import fit

    trained = fit.train(config, sets, machine, after_epoch) if config.user.training_mode else network.load(config)
    if trained is None:  # the first machine goes on
        return []
    predictor = prediction.Predictor(trained)
    results = outputs.predict_sets(config, predictor, sets)
    if any(sets.values()):
        outputs.save_report(config, results, trained.architecture.outputs)
    outputs.save_predictions(config, sets, results, trained.architecture.outputs)
    outputs.save_figures(config, sets, results, trained)
    faults = outputs.predict_without_lamp(config, predictor, trained.architecture.outputs)
    print(f"\nNetwork in {config.network_folder}; report, predictions and figures in {config.output_folder}")
    return faults


if __name__ == "__main__":
    sys.exit(main())
