"""The settings of a run: copy this file, edit the copy, and put its name into the import line of main.py.

Paths are relative to the folder in which you start main.py. All settings are in docs/settings.md.
"""

import data_io


class UserInputArgs:
    """The network and its training."""

    def __init__(self):
        self.training_mode = True  # False: load model_load_filename instead
        self.model_load_filename = "recently_trained_model"  # a folder in saved_models
        self.model_save_filename = "recently_trained_model"

        # channels
        self.input_3dof = True  # SimpleCode's heave, roll and pitch
        self.input_waves = True  # wave elevation at the ship
        self.input_vbm = False  # SimpleCode's vertical bending moment
        self.output_3dof = True  # LAMP's heave, roll and pitch
        self.output_vbm = False  # LAMP's vertical bending moment

        # time
        self.time_res = 9  # the network sees every 9th time step; the 9 interleaved sequences are all used
        self.window_length = 200  # network steps in the loss of a training window: 180 s with records of 0.1 s
        self.washout_length = 200  # steps before each window in which the network settles: roll forgets slowly
        self.transient_time = 0  # s at the start of each record that you throw away: neither learned nor counted

        # network
        self.network_type = "lstm"  # or "gru", "transformer", "linear"
        self.hidden_size = 30  # units in a layer
        self.num_layers = 2
        self.bi_directional = False  # True: read the record backwards too, at twice the cost
        self.predict_correction = True  # learn LAMP - SimpleCode
        self.mirror_symmetry = True  # the ship is symmetric: learn mirrored records too, and average both sides
        self.output_filter = True  # after training, a linear filter corrects the remaining error
        self.fewer_rows = True  # predict every few rows and a spline between them, where it costs nothing
        self.look_ahead = 4  # future steps that the network also sees: LAMP's motions can be ahead of SimpleCode's

        # training
        self.optimizer = "muon"
        self.lr = 0.02
        self.lr_schedule = "automatic"  # the training ends by itself when little is left to gain
        self.weight_decay = 0.1  # against overfitting to few realizations
        self.weight_averaging = 0.99  # validate and save an exponential moving average of the weights
        self.epochs = 36  # at most
        self.num_batches = 200  # in an epoch
        self.seed = 1  # None: a new one each time


class PlottingArgs:
    """Which realizations are drawn: "all", or indices into the lists of DataInfoArgs, -1 being the last."""

    def __init__(self):
        self.plotting_mode = True
        self.prediction_ID_list_train = [0]
        self.prediction_ID_list_val = [0]
        self.prediction_ID_list_test = [0, 1]
        self.error_ID_list_train = []
        self.error_ID_list_val = []
        self.error_ID_list_test = [0, 1]
        self.maxima_ID_list_train = "all"
        self.maxima_ID_list_val = "all"
        self.maxima_ID_list_test = "all"


class DataInfoArgs:
    """The realizations: paths without file extensions, SimpleCode's and LAMP's in the same order."""

    def __init__(self):
        train = data_io.read_cases("sample_data/Cases_files/cases_training.txt")
        val = data_io.read_cases("sample_data/Cases_files/cases_validation.txt")
        test = data_io.read_cases("sample_data/Cases_files/cases_test.txt")
        self.train_sc, self.train_lamp = train.sc, train.lamp
        self.val_sc, self.val_lamp = val.sc, val.lamp
        self.test_sc, self.test_lamp = test.sc, test.lamp


class SaveDataArgs:
    """Which predictions are written as text: "all", or indices into the lists of DataInfoArgs."""

    def __init__(self):
        self.output_path = "output_files"
        self.prefix = "lstm_output_for_"
        self.train = []
        self.val = []
        self.test = "all"


class DerivedArgs:
    """Follows from the classes above; leave it alone."""

    def __init__(self, usr_args, data_info):
        self.num_train_realizations = len(data_info.train_sc)
        self.num_val_realizations = len(data_info.val_sc)
        self.num_test_realizations = len(data_info.test_sc)
