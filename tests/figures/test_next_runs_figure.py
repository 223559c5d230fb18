"""The figure of proposed LAMP runs: what it shows."""

import numpy as np
import pandas as pd

from figures.next_runs_figure import next_runs_figure


def test_the_chosen_records_stand_out_with_their_ranks():
    of = pd.DataFrame({"spread": [0.1, 0.2, 0.3], "rarity": [1.0, 0.5, 2.0], "distance": [3.0, 1.0, 2.0]})
    chosen = pd.DataFrame({"drawn": [False, True]}, index=[2, 0])
    figure = next_runs_figure(of, chosen, "Title")
    assert len(figure.axes) == 2
    candidates, by_gain, drawn = figure.axes[0].collections
    assert len(candidates.get_offsets()) == 3
    assert by_gain.get_offsets().tolist() == [[2.0, 0.3]] and drawn.get_offsets().tolist() == [[3.0, 0.1]]
    assert [text.get_text() for text in figure.axes[0].texts] == ["1", "2"]
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["candidate", "chosen by its gain", "drawn at random"]
    all_drawn = next_runs_figure(of, chosen.assign(drawn=True), "Title")
    assert [text.get_text() for text in all_drawn.legends[0].get_texts()] == [labels[0], labels[2]]
    without = next_runs_figure(of.assign(spread=np.nan), chosen, "Title")
    assert len(without.axes) == 1 and "Rarity" in without.axes[0].get_ylabel()
