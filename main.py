"""Trains an LSTM that predicts LAMP's ship motions from SimpleCode's, measures its errors, and predicts.

python main.py [--inputs a b c] [--cluster scheduler.json]
"""

import sys
from collections.abc import Callable

import data_io
import settings
from settings import description, input_file
from studies import experiment_queue
from system import errors
from system.workers import LOCAL, Workers
from networks.network_folder import NetworkFolder, as_trained
from checks import flagging, pair_checks

input_file.explain_import_errors()
# Put the name of your input file, without .py, between "from" and "import":
from input_template import UserInputArgs, PlottingArgs, DataInfoArgs, DerivedArgs


def main(arguments: list[str] | None = None) -> int:
    given = experiment_queue.options(__doc__, arguments)
    try:
        queue = experiment_queue.read(given.inputs, globals())
        with Workers.opened(given.cluster, given.processes) as workers:
            return experiment_queue.run_all(queue, run, workers)
    except errors.InputError as error:
        errors.report(error.lines)
        return 1


def run(config: settings.Config, workers: Workers = LOCAL, after_epoch: Callable | None = None) -> list[str]:
    """One experiment, from the files to the report, the predictions and the figures. Returns the errors, one line each.

    workers: do what can be done at once. after_epoch: called with each epoch and its losses, see `training.train`.
    """
    config = as_trained(config)
    description.use(config.user.description)
    sets, remarks = data_io.read_sets(config, workers)
    description.use(config.user.description, data_io.time_scale(config.user, sets["train"]))
    pairs = pair_checks.check(config.user, config.data, sets, remarks)

    # Imported here because TensorFlow takes seconds to start, and input errors are reported before that.
    import network
    import outputs
    import training
    from checks import run_bands
    from results import run_figures, without_lamp
    from pages import report_page
    from prediction import Predictor
    from studies import fleet, response_spectra
    from training import reference_filter

    user, folder, output = config.user, NetworkFolder(config.network_folder), config.output_folder
    trained = training.train(config, sets, after_epoch, workers) if user.training_mode else network.load(config)
    predictor = Predictor(trained, with_spread=run_bands.are_possible(folder))
    unseen = run_bands.out_of_fold(user, folder, trained.architecture.num_networks)
    with errors.OptionalSteps() as attempt:  # what fails of these costs the run nothing else
        watch = attempt("flags", flagging.watch_of_run, user, folder, sets)
        reference = attempt("linear filter", reference_filter.of_run, user, folder, sets, trained.architecture)
        with outputs.replacing_earlier_files(config):
            attempt("pairs.csv", pair_checks.save, output, pairs)
            results = outputs.predict_sets(predictor, sets, unseen, config.data.cache_path)
            outputs.save_report(output, results, trained, unseen, user.transient_time, reference)
            bands = attempt("bands", outputs.save_bands, user, (folder, output), trained, results, unseen)
            texts = outputs.texts_of_run(config, bands)
            outputs.save_predictions(config.save, results, texts)
            predicted = without_lamp.predict_without_lamp(config, predictor, texts, watch, bands, workers)
            attempt("flags", outputs.save_flags, config, results["test"], predicted.flags, watch, bands)
            if predicted.number:
                of_fleet = config.plotting, folder, output, predicted.statistics
                with_lamp = data_io.Records.joined(sets["train"], sets["val"])
                attempt("statistics of the fleet", fleet.after_run, *of_fleet, with_lamp, user.lamp_hours, workers)
            attempt("spectra", response_spectra.after_run, config.plotting, (folder, output), results, unseen)
            run_figures.save(config.plotting, (folder, output), results, trained, bands, pairs, user.transient_time)
        attempt("report.html", report_page.write, output, folder.path)
    return list(predicted.faults)


if __name__ == "__main__":
    sys.exit(main())
