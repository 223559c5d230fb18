"""Draws report and figures of a saved network without training. Only what differs from input_template.py.

The network sample_network comes with the program; it was trained on the sample data.
"""

import input_template
from input_template import DataInfoArgs, DerivedArgs, PlottingArgs, SaveDataArgs  # noqa: F401


class UserInputArgs(input_template.UserInputArgs):
    def __init__(self):
        super().__init__()
        self.training_mode = False
        self.model_load_filename = "sample_network"
