"""The earlier tool's recipe, for comparison: the defaults of settings that are left out are its values."""

from input_template import *


class UserInputArgs:
    def __init__(self):
        self.model_save_filename = "original"
        self.time_res = 9
        self.hidden_size = 30
        self.num_layers = 2
        self.num_batches = 108
        self.lr = 0.005
        self.epochs = 500
        self.seed = 1
