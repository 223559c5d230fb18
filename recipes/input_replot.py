"""Draws report and figures of a saved network without training. Only what differs from input_template.py.

The network sample_network comes with the program; it was trained on the sample data.
"""

from input_template import *
from settings import changed

UserInputArgs = changed(UserInputArgs, training_mode=False, model_load_filename="sample_network")
