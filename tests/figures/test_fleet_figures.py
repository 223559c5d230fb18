"""Figures of the statistics of a fleet: what they show."""

import numpy as np
import pandas as pd

from figures import fleet_figures
from settings import Plotting


def interval_row(state: str, statistic: str, estimate: float, **more) -> dict:
    bounds = {"estimate": estimate, "lower": estimate - 0.1, "upper": estimate + 0.1}
    others = {f"{s}{b}": 1.0 for s in ("lamp", "simplecode") for b in ("", "_lower", "_upper")}
    return {"sea_state": state, "channel": "Roll", "statistic": statistic, "fleet_records": 50} | bounds | others | more


def test_means_have_an_interval_of_each_source_in_each_sea_state():
    rows = [interval_row(state, name, 2.0) for state in ("h5_a90", "h5_a45", "all") for name in fleet_figures.MEANS]
    figure = fleet_figures.means_figure(pd.DataFrame(rows), Plotting(), "Means")
    assert len(figure.axes) == 3
    for ax in figure.axes:
        assert [len(c.lines[0].get_xdata()) for c in ax.containers] == [3, 3, 3]
    assert [t.get_text() for t in figure.axes[0].get_xticklabels()] == ["h5\na90", "h5\na45", "all"]


def test_the_most_probable_maximum_lies_on_the_curve():
    levels = np.linspace(0, 10, 21)
    curves = pd.DataFrame({"channel": "Roll", "level": levels, "probability": np.exp(-levels)})
    fits = [f"{name}{bound}" for name in fleet_figures.FITS for bound in ("", "_lower", "_upper")]
    curves = curves.assign(**dict.fromkeys(("lower", "upper", "lamp", "simplecode", *fits), curves["probability"]))
    table = pd.DataFrame([interval_row("all", "most_probable_maximum", 3.0)])
    ax = fleet_figures.exceedance_figure(curves, table, 0.9, Plotting(), "Maxima").axes[0]
    (marked,) = ax.containers
    assert marked.lines[0].get_xdata() == [3.0] and np.isclose(marked.lines[0].get_ydata()[0], np.exp(-3))
    assert ax.get_ylim()[0] == 0.01


def test_cells_of_the_map_say_the_probability_and_its_interval():
    rows = [
        interval_row("", "maximum_above", p, heading=heading, speed=speed, threshold=20.0)
        for p, heading, speed in ((0.2, 90, 5), (0.7, 135, 10))
    ]
    labels = ("Heading [deg]", "Speed [knots]")
    ax = fleet_figures.limits_figure(pd.DataFrame(rows), "heading", "speed", labels, "Limits").axes[0]
    assert {t.get_text() for t in ax.texts} == {"0.20\n0.10 to 0.30", "0.70\n0.60 to 0.80"}
    assert len(ax.patches) == 2 and ax.get_title() == "Roll above 20 deg"  # two cells are blank


def test_tails_are_drawn_over_the_peaks_and_their_shapes_over_thresholds():
    tails = pd.DataFrame(
        {"threshold": [2.0, 3.0], "shape": -0.1, "shape_lower": -0.2, "shape_upper": 0.0, "scale": 1.0}
    )
    curves = pd.DataFrame({"level": [1.0, 2.0, 3.0, 5.0], "per_hour": [30.0, 10.0, 4.0, 0.5]})
    sources = ("LAMP", "SimpleCode", "LSTM")
    both = [pd.concat([part.assign(channel="Roll", source=name) for name in sources]) for part in (tails, curves)]
    above, below = fleet_figures.peaks_figure(*both, Plotting(), "Peaks").axes
    assert len(above.lines) == 4 and len(below.collections) == 3
    tail = above.lines[-1]
    assert tail.get_xdata()[0] == 3.0 and tail.get_ydata()[0] == 4.0
    few = pd.concat([both[1], both[1].assign(channel="Pitch")])  # too few peaks in pitch for a tail
    assert len(fleet_figures.peaks_figure(both[0], few, Plotting(), "Peaks").axes) == 4


def test_spectra_responses_and_coherence_of_each_source_are_drawn():
    x = np.linspace(0.05, 3, 57)
    one = {"channel": "Roll", "frequency": x, "spectrum": np.exp(-((x - 0.6) ** 2) / 0.02), "rao": 2.0, "coherence": 1}
    table = pd.concat([pd.DataFrame(one | {"source": source}) for source in ("LAMP", "SimpleCode", "LSTM")])
    figure = fleet_figures.spectra_figure(table.assign(lower=0.0, upper=1.1), Plotting(), "Spectra")
    assert [len(ax.lines) for ax in figure.axes] == [3, 3, 3]
    assert figure.axes[1].get_ylabel() == "Response [deg/m]" and figure.axes[2].get_xlim()[1] < 1.2
