"""Figures of the statistics of a fleet: what they show."""

import numpy as np
import pandas as pd

from figures import fleet_figures
from settings import Plotting


def interval_row(state: str, statistic: str, estimate: float, **more) -> dict:
    bounds = {"estimate": estimate, "lower": estimate - 0.1, "upper": estimate + 0.1}
    others = {f"{s}{b}": 1.0 for s in ("lamp", "simplecode") for b in ("", "_lower", "_upper")}
    about = {"sea_state": state, "channel": "Roll", "side": "", "statistic": statistic, "fleet_records": 50}
    return about | {"method": "maxima"} | bounds | others | more


def test_means_have_an_interval_of_each_source_in_each_sea_state():
    rows = [interval_row(state, name, 2.0) for state in ("h5_a90", "h5_a45", "all") for name in fleet_figures.MEANS]
    figure = fleet_figures.means_figure(pd.DataFrame(rows), Plotting(), "Means")
    assert len(figure.axes) == 3
    for ax in figure.axes:
        assert [len(c.lines[0].get_xdata()) for c in ax.containers] == [3, 3, 3]
    assert [t.get_text() for t in figure.axes[0].get_xticklabels()] == ["h5\na90", "h5\na45", "all"]
    sides = [interval_row("all", "mean_maximum", size, side=side) for side, size in (("positive", 5), ("negative", 3))]
    drawn = fleet_figures.means_figure(pd.DataFrame(sides), Plotting(), "Means").axes[1].containers
    corrected = {c.lines[0].get_ydata()[0]: c.lines[2][0].get_segments()[0][:, 1] for c in drawn}
    assert set(corrected) == {5, 3 * -1, 1, -1}
    np.testing.assert_allclose(corrected[-3], [-3.1, -2.9])  # negative values have their bounds below zero, too


def exceedance(**more) -> tuple:
    levels = np.linspace(0, 10, 21)
    curves = pd.DataFrame({"channel": "Roll", "side": "", "level": levels, "probability": np.exp(-levels)})
    curves = curves.assign(lower=0.5 * curves["probability"], upper=0.05 + curves["probability"])
    curves = curves.assign(lamp=np.where(levels < 3, 0.5, 0.0), simplecode=np.nan)
    table = pd.DataFrame([interval_row("all", "most_probable_maximum", 3.0, **more)])
    figure = fleet_figures.exceedance_figure(curves, table, 0.9, Plotting(), "Maxima")
    return figure.axes[0], [text.get_text() for text in figure.legends[0].get_texts()]


def test_the_most_probable_maximum_lies_on_the_curve_unless_it_is_extrapolated():
    ax, legend = exceedance()
    (marked,) = ax.containers
    assert marked.lines[0].get_xdata() == [3.0] and np.isclose(marked.lines[0].get_ydata()[0], np.exp(-3))
    assert "most probable maximum" in legend
    ax, legend = exceedance(method="maxima, extrapolated (Gumbel)")
    assert not ax.containers and "most probable maximum" not in legend


def test_curves_end_with_the_records_and_what_is_not_drawn_has_no_legend():
    """They went on to the bounds of what no record shows, as a box, and down to nothing."""
    ax, legend = exceedance()
    corrected, lamp, _ = ax.lines[:3]
    assert corrected.get_xdata()[-1] == 3.5 and corrected.get_ydata()[-1] >= 1 / 50
    assert ax.collections[0].get_paths()[0].vertices[:, 0].max() == 3.5
    assert lamp.get_xdata()[-1] == 2.5 and lamp.get_ydata()[-1] == 0.5
    assert "SimpleCode's fleet" not in legend and "LAMP alone" in legend


def test_cells_of_the_map_say_the_probability_and_its_interval():
    rows = [
        interval_row("", "maximum_above", p, heading=heading, speed=speed, threshold=20.0)
        for p, heading, speed in ((0.2, 90, 5), (0.7, 135, 10))
    ]
    labels = ("Heading [deg]", "Speed [knots]")
    ax = fleet_figures.limits_figure(pd.DataFrame(rows), "heading", "speed", labels, "Limits").axes[0]
    assert {t.get_text() for t in ax.texts} == {"0.20\n0.10 to 0.30", "0.70\n0.60 to 0.80"}
    assert len(ax.patches) == 2 and ax.get_title() == "Roll\nabove 20 deg"  # two cells are blank
    sides = pd.DataFrame([row | {"side": side} for row in rows for side in ("positive", "negative")])
    titles = [each.get_title() for each in fleet_figures.limits_figure(sides, "heading", "speed", labels, "").axes[:2]]
    assert titles == ["Roll, positive\nabove 20 deg", "Roll, negative\nabove 20 deg"]


def test_amplitudes_end_with_the_largest_and_rayleighs_line_stands_where_it_is_given():
    table = pd.DataFrame({"channel": "Roll", "level": [1.0, 2.0, 5.0], "per_hour": [30.0, 10.0, 0.5]})
    sources = {"LAMP": [31.0, 9.0, 0.1], "LSTM": np.nan}
    table = pd.concat([table.assign(source=name, rayleigh=values) for name, values in sources.items()])
    figure = fleet_figures.amplitudes_figure(table, Plotting(), "Amplitudes")
    assert [line.get_ydata()[0] for line in figure.axes[0].lines] == [30, 31, 30]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["LAMP", "Rayleigh's distribution", "LSTM"]
    figure = fleet_figures.amplitudes_figure(table.assign(rayleigh=np.nan), Plotting(), "Amplitudes")
    assert len(figure.axes[0].lines) == 2 and len(figure.legends[0].get_texts()) == 2


def test_spectra_responses_phases_and_coherence_are_drawn_over_either_frequency():
    x = np.linspace(0.05, 3, 57)
    one = {"channel": "Roll", "frequency": x, "spectrum": np.exp(-((x - 0.6) ** 2) / 0.02), "rao": 2.0, "coherence": 1}
    one |= {"phase": np.where(x < 1, 170.0, -170.0), "wave_frequency": x / 2, "rao_per_slope": 0.3}
    one["rao"] = np.where(x < 1.1, 2.0, np.nan)
    table = pd.concat([pd.DataFrame(one | {"source": source}) for source in ("LAMP", "LSTM")])
    table = table.assign(lower=0.0, upper=1.1)
    figure = fleet_figures.spectra_figure(table, Plotting(), "Spectra")
    spectrum, response, phase, coherence = figure.axes
    assert [len(ax.lines) for ax in figure.axes] == [2, 2, 2, 2]
    assert response.get_ylabel() == "Response [deg/m]" and coherence.get_xlim()[1] < 1.2
    assert np.isnan(phase.lines[0].get_ydata()).sum() == 1  # no line across the turn from 180 to -180 deg
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["LAMP", "LSTM"]
    style = Plotting(response_frequency="wave", response_of_angles="per slope")
    over_waves = fleet_figures.spectra_figure(table, style, "Spectra").axes
    assert over_waves[1].get_ylabel() == "Per slope [deg/deg]" and over_waves[1].lines[0].get_ydata()[0] == 0.3
    areas = [np.trapezoid(ax.lines[0].get_ydata(), ax.lines[0].get_xdata()) for ax in (spectrum, over_waves[0])]
    assert np.isclose(*areas) and "Wave frequency" in over_waves[3].get_xlabel()
    unknown = fleet_figures.spectra_figure(table.assign(wave_frequency=np.nan, rao_per_slope=np.nan), style, "").axes
    assert "Encounter" in unknown[3].get_xlabel() and unknown[1].get_ylabel() == "Response [deg/m]"
