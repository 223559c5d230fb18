"""The settings of a run: copy this file, edit the copy, and put its name into the import line of main.py.

Paths are relative to the folder that you start main.py in. README.md says what each setting does.
"""

import data_io


class UserInputArgs:
    """The network and its training."""

    def __init__(self):
        self.training_mode = True  # False: load model_load_filename instead of training
        self.model_load_filename = "recently_trained_model"  # a folder in saved_models
        self.model_save_filename = "recently_trained_model"

        # channels
        self.input_3dof = True  # SimpleCode's heave, roll and pitch
        self.input_waves = True  # wave elevation at the ship
        self.input_vbm = False  # SimpleCode's vertical bending moment
        self.output_3dof = True  # LAMP's heave, roll and pitch
        self.output_vbm = False  # LAMP's vertical bending moment
        self.wave_grid_x_size = 1  # points from bow to stern, odd; above 1: from the .sea files, and needs ship_length
        self.wave_grid_y_size = 1  # points from side to side, odd; above 1: needs ship_beam

        # time
        self.time_res = 9  # the network sees every 9th time step; all steps are used, as 9 interleaved sequences
        self.window_length = 100  # network steps learned from at once; 0: whole records
        self.washout_length = 100  # further steps before each window, without loss: roll forgets slowly

        # network
        self.network_type = "lstm"  # gru, transformer or linear, to compare
        self.hidden_size = 30  # units in a layer
        self.num_layers = 2
        self.bi_directional = False  # True: read the record backwards as well, at twice the cost
        self.dropout = 0.0  # between layers
        self.predict_correction = True  # learn LAMP - SimpleCode
        self.mirror_symmetry = True  # the ship is symmetric: learn mirrored records as well, ever fewer
        self.look_ahead = 4  # network steps ahead that are seen as well: LAMP's motions can be ahead of SimpleCode's

        # training
        self.optimizer = "muon"
        self.lr = 0.02
        self.weight_decay = 0.1  # against learning few realizations by heart
        self.lr_schedule = "exponential"  # down to a hundredth at the last epoch
        self.weight_averaging = 0.99  # the weights' average over about 100 steps is what is validated and kept
        self.epochs = 24
        self.patience = 8  # epochs without a better validation loss before training stops
        self.num_batches = 200  # in an epoch: many small ones learn faster than few large ones; 0: 32 windows each
        self.train_fun_hyp = [0, 0, 0]  # objective [kind, a, b]; 0: mean squared error
        self.val_fun_hyp = [0, 0, 0]
        self.seed = 1  # None: another one each time


class PlottingArgs:
    """Which realizations are drawn: "all", or indices into the lists of DataInfoArgs, -1 being the last."""

    def __init__(self):
        self.plotting_mode = True
        self.show_figures = False  # True: open windows as well
        self.prediction_ID_list_train = [0]
        self.prediction_ID_list_val = [0]
        self.prediction_ID_list_test = [0, 1]
        self.error_ID_list_train = []
        self.error_ID_list_val = []
        self.error_ID_list_test = [0, 1]
        self.maxima_ID_list_train = "all"
        self.maxima_ID_list_val = "all"
        self.maxima_ID_list_test = "all"
        self.simple_color = "red"
        self.lamp_color = "black"
        self.lstm_color = "green"
        self.running_avg_span = 100  # time steps to either side
        self.maxima_bullet_size = 20


class DataInfoArgs:
    """The realizations: paths without endings, SimpleCode's and LAMP's in the same order."""

    def __init__(self):
        train = data_io.read_cases("sample_data/Cases_files/cases_training.txt")
        val = data_io.read_cases("sample_data/Cases_files/cases_validation.txt")
        test = data_io.read_cases("sample_data/Cases_files/cases_test.txt")
        self.train_sc, self.train_lamp = train.sc, train.lamp
        self.val_sc, self.val_lamp = val.sc, val.lamp
        self.test_sc, self.test_lamp = test.sc, test.lamp
        self.cache_path = ""  # a folder: files are parsed once and streamed from there, for hundreds of realizations


class SaveDataArgs:
    """Which predictions are written as text: "all", or indices into the lists of DataInfoArgs."""

    def __init__(self):
        self.save_data_mode = True
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
