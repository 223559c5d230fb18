"""Predicts realizations without LAMP output with a saved network. Only what differs from input_template.py."""

import data_io
import input_template
from input_template import DerivedArgs  # noqa: F401


class UserInputArgs(input_template.UserInputArgs):
    def __init__(self):
        super().__init__()
        self.training_mode = False
        self.model_load_filename = "recently_trained_model"
        self.lamp_hours = None  # that one LAMP run takes: the run then says what its predictions saved


class PlottingArgs:
    """Nothing to draw without LAMP."""

    def __init__(self):
        self.plotting_mode = False


class DataInfoArgs:
    """The six lists of pairs may be left out."""

    def __init__(self):
        cases = data_io.read_cases("sample_data/Cases_files/cases_test.txt")
        self.predict_sc = cases.sc
        self.predict_waves = cases.lamp  # where the sample's .wav files are; leave it out if yours lie beside SC's .mot
