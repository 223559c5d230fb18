"""Trains an LSTM that turns SimpleCode's ship motions into LAMP's, shows how good it is, and predicts.

python main.py                      the settings of the import line below
python main.py --inputs my_inputs   the settings of my_inputs.py, without editing this file
"""

import argparse
import sys

import data_io
import metrics
import plotting
import settings

# The name of your input file goes between "from" and "import" (without .py):
from input_template import UserInputArgs, PlottingArgs, DataInfoArgs, DerivedArgs


def run(config: settings.Config) -> None:
    """One experiment, from the files to the report, the predictions and the figures."""
    sets, remarks = data_io.read_sets(config)
    tell(remarks)

    import network  # not at the top: TensorFlow takes seconds to start, and faults in the input are told before that

    trained = network.train(config, sets) if config.user.training_mode else network.load(config)
    predictor = network.Predictor(trained)
    results = {}  # (LAMP, SimpleCode, LSTM) of each record
    for name, records in sets.items():
        predictions = predictor.predict([record.inputs for record in records])
        results[name] = [(r.targets, r.simple, p) for r, p in zip(records, predictions, strict=True)]

    channels = trained.architecture.outputs
    report = metrics.error_report(results, channels)
    print(metrics.format_report(report, data_io.CHANNEL_UNITS))
    data_io.write_table(config.output_folder / "error_report.csv", report)
    if config.save.save_data_mode:
        save_predictions(config, sets, results, channels)
    if config.plotting.plotting_mode:
        save_figures(config, sets, results, trained)
    print(f"\nNetwork in {config.network_folder}; report, predictions and figures in {config.output_folder}")


def save_predictions(config: settings.Config, sets: dict, results: dict, channels: tuple[str, ...]) -> None:
    """The predictions that SaveDataArgs names, as text."""
    for name, records in sets.items():
        for i in getattr(config.save, name):
            path = config.output_folder / f"{config.save.prefix}{records[i].name}.txt"
            data_io.write_prediction(path, records[i].time, results[name][i][2], channels)


def save_figures(config: settings.Config, sets: dict, results: dict, trained) -> None:
    """The figures that PlottingArgs names, as PNG files, and in windows if asked for."""
    chosen = config.plotting
    channels = trained.architecture.outputs
    style = plotting.PlotStyle(**{name: getattr(chosen, name) for name in plotting.PlotStyle.__dataclass_fields__})
    figures = {}
    for kind, draw in (("prediction", plotting.prediction_figure), ("error", plotting.error_figure)):
        for name, records in sets.items():
            for i in getattr(chosen, f"{kind}_ID_list_{name}"):
                title = f"{records[i].name} ({plotting.SET_NAMES[name]})"
                figure = draw(records[i].time, *results[name][i], channels, style, title)
                figures[f"{kind}_{name}_{i}_{records[i].name}"] = figure
    for kind, draw in (("maxima", plotting.maxima_figure), ("histo", plotting.histogram_figure)):
        picked = {name: [results[name][i] for i in getattr(chosen, f"{kind}_ID_list_{name}")] for name in sets}
        if any(picked.values()):
            figures[kind] = draw(picked, channels, style)
    if len(trained.history):
        title = f"Training of {config.network_name}"
        figures["learning_curve"] = plotting.learning_curve_figure(trained.history, trained.best_epoch, title)
    for name, figure in figures.items():
        plotting.save_figure(figure, config.output_folder / "figures" / f"{name}.png")
    if chosen.show_figures:
        plotting.show_figures(figures)


def tell(remarks: list[str]) -> None:
    for line in remarks:
        print(f"Warning: {line}", file=sys.stderr)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", metavar="NAME", help="input module, or path of a .py file, in place of the import")
    options = parser.parse_args(arguments)
    try:
        if options.inputs:
            config, faults, remarks = settings.read_config(settings.load_module(options.inputs))
        else:
            classes = (UserInputArgs, PlottingArgs, DataInfoArgs, DerivedArgs)
            config, faults, remarks = settings.read_config(**{c.__name__: c for c in classes})
        faults += data_io.missing_files(config)
        if faults:
            raise settings.InputError(faults)
        tell(remarks)
        run(config)
    except settings.InputError as error:
        for line in error.lines:
            print(f"Error: {line}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
