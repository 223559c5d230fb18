"""The most accurate recipe over many sea states: that of input_thorough.py, with the waves around the ship as inputs.

It needs LAMP's .sea files, from which the elevation at the points of the grid is computed. In a single sea state the
grid helped one simulated ship and harmed another: begin with input_thorough.py there.
"""

import input_thorough
from input_template import DataInfoArgs, DerivedArgs, PlottingArgs, SaveDataArgs  # noqa: F401


class UserInputArgs(input_thorough.UserInputArgs):
    def __init__(self):
        super().__init__()
        self.model_save_filename = "many_seas"
        self.hidden_size = 30  # more would learn the conditions by heart
        self.epochs = 24  # which are longer, as there are more records
        self.wave_grid_x_size, self.wave_grid_y_size = 3, 3
        self.ship_length, self.ship_beam = 150.0, 20.0  # m, of the ship in sample_data: put in your own
