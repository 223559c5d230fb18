"""Figures of bands and pairs: what they show."""

import numpy as np
import pandas as pd
import pytest

from figures import trust_figures
from settings import Plotting


def test_the_figure_of_bands_has_a_line_for_each_record_and_the_mean():
    grid = pd.MultiIndex.from_product([range(3), ("Zcg", "Roll"), (50, 80, 90)], names=["record", "channel", "level"])
    table = grid.to_frame(index=False).assign(set="test", covered=0.9, rmse=0.1)
    table["expected_rmse"] = table["record"]
    figure = trust_figures.bands_figure(table, 90, Plotting(), "Bands")
    reliability, sharpness = figure.axes[:2]
    assert len(reliability.lines) == 1 + 3 + 1 and np.allclose(reliability.lines[-1].get_ydata(), 90)
    assert sharpness.collections[0].get_offsets()[:, 0].tolist() == [0, 1, 2]
    assert len(figure.axes) == 4 and figure.axes[0].get_title() == "Steps within the band"
    check = pd.concat([table.assign(set="val", covered=0.5), table.assign(set="val, its sea state left out")])
    both = trust_figures.bands_figure(pd.concat([check, table]), 90, Plotting(), "Bands")
    assert np.allclose(both.axes[0].lines[-1].get_ydata(), 90)  # not mixed with the records of the calibration
    alone = trust_figures.bands_figure(check, 90, Plotting(), "Bands")
    assert np.allclose(alone.axes[0].lines[-1].get_ydata(), 50) and len(alone.axes[0].lines) == 5
    assert "check of the calibration with itself" in alone.axes[0].get_title()


@pytest.mark.usefixtures("warnings_are_errors")
@pytest.mark.parametrize("error", [0.0, np.nan])
def test_bands_of_a_channel_that_does_not_move(error):
    """Roll in head seas."""
    table = pd.DataFrame({"record": "a", "set": "test", "channel": "Roll", "level": [50, 80], "covered": 1.0})
    figure = trust_figures.bands_figure(table.assign(rmse=error, expected_rmse=error), 80, Plotting(), "Bands")
    assert figure.axes[1].get_xlim() == (0, 1)


def test_odd_pairs_are_marked_and_measures_without_numbers_say_so():
    table = pd.DataFrame({"odd": ["", "size of Zcg", ""], "fit": [0.9, 0.8, 0.9], "wave_fit_lamp": np.nan})
    table[["correlation_Zcg", "ratio_Zcg"]] = [[0.9, 1.0], [0.9, 3.3], [0.9, 1.0]]
    figure = trust_figures.pairs_figure(table, ("Zcg",), Plotting(), "Pairs")
    assert len(figure.axes) == 4 and figure.axes[1].texts[0].get_text() == "no numbers"
    odd = figure.axes[-1].lines[-1]
    assert odd.get_xdata().tolist() == [2] and odd.get_ydata().tolist() == [3.3]
    assert all(tick == int(tick) for tick in figure.axes[-1].get_xticks())
