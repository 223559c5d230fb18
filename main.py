"""Trains an LSTM that predicts LAMP's ship motions from SimpleCode's, measures its errors, and predicts.

python main.py [--inputs a b c] [--task 2/8]
"""

import sys
from collections.abc import Callable

import data_io
import settings
from settings import input_file
from studies import experiment_queue
from system import errors
from networks import network_folder
from checks import flagging, pair_checks

input_file.explain_import_errors()
# Put the name of your input file, without .py, between "from" and "import":
from input_template import UserInputArgs, PlottingArgs, DataInfoArgs, DerivedArgs


def main(arguments: list[str] | None = None) -> int:
    given = experiment_queue.options(__doc__, arguments)
    try:
        queue = experiment_queue.read(given.inputs, globals())
    except errors.InputError as error:
        errors.report(error.lines)
        return 1
    return experiment_queue.run_all(queue, run, given.task)


def run(config: settings.Config, after_epoch: Callable | None = None) -> list[str]:
    """One experiment, from the files to the report, the predictions and the figures. Returns the errors, one line each.

    after_epoch: called with each epoch of the training and its losses, see `training.train`.
    """
    config = network_folder.as_trained(config)
    sets, remarks = data_io.read_sets(config)
    pairs = pair_checks.check(config, sets, remarks)

    # Imported here because TensorFlow takes seconds to start, and input errors are reported before that.
    import network
    import outputs
    import prediction
    import training
    from pages import report_page
    from studies import fleet
    from checks import record_statistics, run_bands

    trained = training.train(config, sets, after_epoch) if config.user.training_mode else network.load(config)
    predictor = prediction.Predictor(trained, with_spread=run_bands.are_possible(config))
    with errors.Attempts() as attempt:  # what fails of these costs the run nothing else
        attempt("flags", flagging.learn, config, sets)
        with outputs.replacing_earlier_files(config):
            attempt("pairs.csv", pair_checks.save, config, pairs)
            results = outputs.predict_sets(config, predictor, sets)
            outputs.save_report(config, results, trained)
            bands = attempt("bands", outputs.save_bands, config, trained, sets, results)
            outputs.save_predictions(config, results, bands)
            faults = outputs.predict_and_flag(config, predictor, results, bands)
            known, records = data_io.joined(sets["train"], sets["val"]), None
            if config.data.predict_sc and (config.network_folder / network_folder.OUT_OF_FOLD_FILE).is_file():
                records = attempt("statistics of the fleet", record_statistics.load, config.output_folder)
            fleet.after_run(config.plotting, config.network_folder, config.output_folder, records, known)
            outputs.save_figures(config, results, trained, bands, pairs)
        attempt("report.html", report_page.write, config.output_folder, config.network_folder)
    return faults


if __name__ == "__main__":
    sys.exit(main())
