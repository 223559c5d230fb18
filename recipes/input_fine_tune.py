"""Fine-tunes a saved network on a few new realizations. Only what differs from input_template.py."""

from input_template import *
from settings import changed

UserInputArgs = changed(
    UserInputArgs,
    fine_tune_filename="recently_trained_model",  # start from its weights and standardization
    model_save_filename="fine_tuned",
    epochs=12,  # a third of the template's: the network starts from a trained one
)
