"""Predicts realizations without LAMP output with a saved network. Only what differs from input_template.py."""

from input_template import *
from settings import changed

UserInputArgs = changed(
    UserInputArgs,
    training_mode=False,
    model_load_filename="recently_trained_model",
    lamp_hours=None,  # that one LAMP run takes: the run then says what its predictions saved
)
PlottingArgs = changed(PlottingArgs, plotting_mode=False)  # nothing to draw without LAMP


class DataInfoArgs:
    """The six lists of pairs may be left out."""

    def __init__(self):
        cases = data_io.read_cases("sample_data/Cases_files/cases_test.txt")
        self.predict_sc = cases.sc
        self.predict_waves = cases.lamp  # where the sample's .wav files are; leave it out if yours lie beside SC's .mot
