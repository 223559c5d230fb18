"""The most accurate recipe over many sea states: that of input_thorough.py, with the waves around the ship as inputs.

It needs LAMP's .sea files, from which the elevation at the points of the grid is computed. In a single sea state the
grid helped one simulated ship and harmed another: begin with input_thorough.py there.
"""

from input_thorough import *

UserInputArgs = changed(
    UserInputArgs,
    model_save_filename="many_seas",
    hidden_size=30,  # more would learn the conditions by heart
    wave_grid_x_size=3,
    wave_grid_y_size=3,
    ship_length=150.0,  # m, of the ship in sample_data: put in your own
    ship_beam=20.0,
)
