"""Tensions of mooring lines: MoorDyn's (lumped mass) from MoorPy's (quasi-static), under a floater in six random seas.

An example of another pair of sources, see docs/any_pair.md.
"""

import data_io
from input_template import DerivedArgs, PlottingArgs, SaveDataArgs, UserInputArgs  # noqa: F401
from settings import changed

UserInputArgs = changed(
    UserInputArgs,
    model_save_filename="mooring",
    time_res=4,  # of 0.25 s: the network sees every second
    num_batches=60,  # in an epoch, as the records are short
)
PlottingArgs = changed(PlottingArgs, prediction_ID_list_test="all", error_ID_list_test="all")


class DataInfoArgs:
    """Files, names, and what each column is."""

    def __init__(self):
        self.low_file = "sample_data/mooring/quasi_static/moor_{}.csv"  # {} is the record's name
        self.high_file = "sample_data/mooring/dynamic/moor_{}.out"
        self.low_name, self.high_name = "MoorPy", "MoorDyn"
        line = {"unit": "kN", "mean": "removed"}  # largest tensions are counted from each record's mean
        self.channels = [
            data_io.Output("T1", high="FairTen1 * 1e-3", low="T1", label="Tension of line 1", **line),
            data_io.Output("T2", high="FairTen2 * 1e-3", low="T2", label="Tension of line 2", mirrored="T3", **line),
            data_io.Output("T3", high="FairTen3 * 1e-3", low="T3", label="Tension of line 3", mirrored="T2", **line),
            data_io.Input("Surge", "m"),
            data_io.Input("Sway", "m", mirrored="-"),
            data_io.Input("Heave", "m"),
        ]
        self.train, self.val, self.test = data_io.names(1, 4), data_io.names(5, 5), data_io.names(6, 6)
