"""Figures of bands and pairs: what they show."""

import numpy as np
import pandas as pd
import pytest

from figures import trust_figures
from settings import Plotting


def test_the_figure_of_bands_has_the_error_of_each_test_record_against_the_expected_one():
    grid = pd.MultiIndex.from_product([range(3), ("Zcg", "Roll"), (50, 80, 90)], names=["record", "channel", "level"])
    table = grid.to_frame(index=False).assign(set="test", covered=0.9, rmse=0.1)
    table["expected_rmse"] = table["record"]
    check = pd.concat([table.assign(set="val", rmse=0.5), table.assign(set="val, its sea state left out")])
    of_test = trust_figures.bands_figure(pd.concat([check, table]), 90, Plotting(), "Bands")
    assert [ax.get_title() for ax in of_test.axes] == ["Heave Zcg", "Roll"]
    for ax in of_test.axes:  # not mixed with the records of the calibration
        assert ax.collections[0].get_offsets().tolist() == [[0, 0.1], [1, 0.1], [2, 0.1]]
    alone = trust_figures.bands_figure(check, 90, Plotting(), "Bands")
    assert alone.axes[0].collections[0].get_offsets()[:, 1].tolist() == [0.5] * 3
    assert "check of the calibration with itself" in alone.get_suptitle()


@pytest.mark.usefixtures("warnings_are_errors")
@pytest.mark.parametrize("error", [0.0, np.nan])
def test_bands_of_a_channel_that_does_not_move(error):
    """Roll in head seas."""
    table = pd.DataFrame({"record": "a", "set": "test", "channel": "Roll", "level": [50, 80], "covered": 1.0})
    figure = trust_figures.bands_figure(table.assign(rmse=error, expected_rmse=error), 80, Plotting(), "Bands")
    assert figure.axes[0].get_xlim() == (0, 1)


def test_odd_pairs_are_marked_and_measures_without_numbers_say_so():
    table = pd.DataFrame({"odd": ["", "size of Zcg", ""], "fit": [0.9, 0.8, 0.9], "wave_fit_lamp": np.nan})
    table[["correlation_Zcg", "ratio_Zcg"]] = [[0.9, 1.0], [0.9, 3.3], [0.9, 1.0]]
    figure = trust_figures.pairs_figure(table, ("Zcg",), Plotting(), "Pairs")
    assert len(figure.axes) == 4 and figure.axes[1].texts[0].get_text() == "no numbers"
    odd = figure.axes[-1].lines[-1]
    assert odd.get_xdata().tolist() == [2] and odd.get_ydata().tolist() == [3.3]
    assert all(tick == int(tick) for tick in figure.axes[-1].get_xticks())
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["sound", "something is odd", "median"]
    all_odd = trust_figures.pairs_figure(table.assign(odd="lag"), ("Zcg",), Plotting(), "Pairs")
    assert [text.get_text() for text in all_odd.legends[0].get_texts()] == labels[1:]
