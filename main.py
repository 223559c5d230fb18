"""Trains an LSTM that turns SimpleCode's ship motions into LAMP's, shows how good it is, and predicts.

python main.py                  the settings of the import line below
python main.py --inputs a b c   the settings of a.py, b.py, c.py, one after the other, without editing this file
"""

import argparse
import sys
import traceback

import data_io
import settings

settings.explain_import_errors()
# The name of your input file, without .py, goes between "from" and "import":
from input_template import UserInputArgs, PlottingArgs, DataInfoArgs, DerivedArgs


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", metavar="NAME", nargs="+", help="input modules, or paths of .py files")
    names = parser.parse_args(arguments).inputs
    failed = [name for name in names or [None] if not run_reporting_errors(name, several=len(names or []) > 1)]
    return 1 if failed else 0


def run_reporting_errors(name: str | None, several: bool) -> bool:
    """One experiment; whether all of it worked. What the user has to put right is told in one line each."""
    if several:
        print(f"\n=== {name} ===")
    try:
        faults = run(read_settings(name))
    except settings.InputError as error:
        faults = error.lines
    except OSError as error:  # a disk or drive that fails while the program runs
        faults = [settings.cannot_be_written(error.filename or "a file of this run", error)]
    except Exception:
        if not several:
            raise
        faults = [f"{name}: {line}" for line in traceback.format_exc().splitlines()]  # the other experiments go on
    for line in faults:
        print(f"Error: {line}", file=sys.stderr)
    return not faults


def read_settings(name: str | None) -> settings.Config:
    """The settings of an input module, or of the import line above, checked together with the files they name."""
    if name is None:
        classes = (UserInputArgs, PlottingArgs, DataInfoArgs, DerivedArgs)
        config, faults, remarks = settings.read_config(**{c.__name__: c for c in classes})
    else:
        config, faults, remarks = settings.read_config(settings.load_module(name))
    faults += data_io.missing_files(config) + settings.overwrite_faults(config)
    if faults:
        raise settings.InputError(faults)
    settings.warn(remarks)
    return config


def run(config: settings.Config) -> list[str]:
    """One experiment, from the files to the report, the predictions and the figures; returns what went wrong."""
    sets, remarks = data_io.read_sets(config)
    settings.warn(remarks)

    # Not at the top: TensorFlow takes seconds to start, and faults in the input are told before that.
    import network
    import outputs
    import training

    trained = training.train(config, sets) if config.user.training_mode else network.load(config)
    predictor = network.Predictor(trained)
    results = outputs.predict_sets(predictor, sets)
    if any(sets.values()):
        outputs.save_report(config, results, trained.architecture.outputs)
    outputs.save_predictions(config, sets, results, trained.architecture.outputs)
    outputs.save_figures(config, sets, results, trained)
    faults = outputs.predict_without_lamp(config, predictor, trained.architecture.outputs)
    print(f"\nNetwork in {config.network_folder}; report, predictions and figures in {config.output_folder}")
    return faults


if __name__ == "__main__":
    sys.exit(main())
