"""Fine-tunes a saved network on a few new realizations. Only what differs from input_template.py."""

import input_template
from input_template import DataInfoArgs, DerivedArgs, PlottingArgs, SaveDataArgs  # noqa: F401


class UserInputArgs(input_template.UserInputArgs):
    def __init__(self):
        super().__init__()
        self.fine_tune_filename = "recently_trained_model"  # start from its weights and standardization
        self.model_save_filename = "fine_tuned"
        self.epochs = 12  # half of the template's: the network starts from a trained one
