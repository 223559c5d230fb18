"""Figures: what they show is what they were given, also for odd records; nothing here judges their looks."""

import numpy as np
import pytest
from matplotlib import rc_context
from matplotlib.colors import same_color
from matplotlib.figure import Figure
from matplotlib.text import Text

import plotting
from figures.parts import STYLE_FILE
from metrics import record_maxima, running_mean, turning_points
from plotting import error_figure, histogram_figure, maxima_figure, prediction_figure, save_figure
from settings import Plotting
from settings.channels import channel_of

CHANNELS = ("VBM", "Zcg", "Roll", "Pitch")
LABELS = ("Vertical bending moment [file unit]", "Heave Zcg [m]", "Roll [deg]", "Pitch [deg]")
SCALES = np.array([2e8, 1.0, 8.0, 2.0])
STYLE = Plotting(simple_color="tab:red", lamp_color="navy", lstm_color="tab:green", running_avg_span=20)

pytestmark = pytest.mark.usefixtures("warnings_are_errors")


def make_record(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Time (rows,) at 0.1 s, and LAMP, SimpleCode without VBM, and LSTM, each (rows, 4): waves of about 12 s."""
    rng = np.random.default_rng(seed)
    time = 0.1 * np.arange(rows)
    omega = 2 * np.pi / 12 * rng.uniform(0.8, 1.2, (10, 4))
    phase = rng.uniform(0, 2 * np.pi, (10, 4))
    lamp = np.cos(time[:, None, None] * omega + phase).sum(axis=1) / 3 * SCALES
    simple = 0.8 * lamp
    simple[:, 0] = np.nan
    lstm = lamp + 0.05 * np.roll(lamp, 15, axis=0)
    return time, lamp, simple, lstm


def line_of(ax, color: str) -> np.ndarray:
    """Ordinates of the one data line of that colour."""
    (line,) = [line for line in ax.lines if same_color(line.get_color(), color)]
    return line.get_ydata()


def rendered(figure: Figure) -> Figure:
    """The figure, drawn once: much of what can fail in Matplotlib fails only then."""
    with rc_context(fname=STYLE_FILE):
        figure.draw_without_rendering()
    return figure


def all_figures(time, motions, channels=CHANNELS[1:3], network: str = "LSTM") -> list[Figure]:
    """Prediction, error, maxima and histogram of a record's heave and roll."""
    motions = [values[:, 1:3] for values in motions]
    sets = {"train": [], "test": [motions]}
    record = time, motions, channels, STYLE, "record_1", network
    maxima = {name: [tuple(record_maxima(a, channels) for a in record) for record in sets[name]] for name in sets}
    figures = (
        prediction_figure(*record),
        error_figure(*record),
        *(draw(shown, channels, STYLE, network) for draw, shown in ((maxima_figure, maxima), (histogram_figure, sets))),
    )
    return [rendered(figure) for figure in figures]


def texts_of(ax) -> str:
    return "\n".join(text.get_text() for text in ax.texts)


def labels_of(legend) -> list[str]:
    return [text.get_text() for text in legend.get_texts()]


# ------------------------------------------------------------------------------------------------------ running mean


@pytest.mark.parametrize("span", [0, 1, 7, 49, 50, 1000])
def test_running_mean_equals_mean_of_each_window_without_nan(span):
    values = np.random.default_rng(1).normal(size=50)
    values[3:6] = np.nan
    windows = [values[max(0, row - span) : row + span + 1] for row in range(values.size)]
    slow = [np.nan if np.isnan(window).all() else np.nanmean(window) for window in windows]
    np.testing.assert_allclose(running_mean(values, span), slow, rtol=1e-12, atol=1e-12)


# -------------------------------------------------------------------------------------------------------- predictions


def test_prediction_shows_the_arrays_given():
    time, lamp, simple, lstm = make_record(3000)
    figure = rendered(prediction_figure(time, (lamp, simple, lstm), CHANNELS, STYLE, "record_1"))
    assert figure.get_suptitle() == "record_1"
    for index, label in enumerate(LABELS):
        whole, detail = figure.axes[2 * index : 2 * index + 2]
        assert whole.get_ylabel().replace("\n", " ") == label
        np.testing.assert_array_equal(line_of(whole, STYLE.lamp_color), lamp[:, index])
        np.testing.assert_array_equal(line_of(whole, STYLE.lstm_color), lstm[:, index])
        assert len(whole.lines) == (2 if index == 0 else 3)  # SimpleCode gives no bending moment
        if index:
            np.testing.assert_array_equal(line_of(whole, STYLE.simple_color), simple[:, index])
        first, last = detail.get_xlim()
        window = (time >= first) & (time <= last)
        assert 60 <= last - first <= 100
        np.testing.assert_array_equal(line_of(detail, STYLE.lstm_color), lstm[window, index])
        departure = np.abs(lamp[:, index] - lamp[:, index].mean())
        assert window[np.argmax(departure)]
    assert [ax.get_xlabel() for ax in figure.axes[-2:]] == ["Time [s]", "Time [s]"]
    assert labels_of(figure.legends[0])[:3] == ["LAMP", "SimpleCode", "LSTM"]


def test_long_record_shows_lamp_in_full_and_envelopes_that_hold_all_extremes():
    time, lamp, simple, lstm = make_record(18001)
    figure = rendered(prediction_figure(time, (lamp, simple, lstm), CHANNELS[1:2], STYLE, ""))
    lines = [line for line in figure.axes[0].lines if same_color(line.get_color(), STYLE.lamp_color)]
    motion, upper, lower = sorted(lines, key=lambda line: -line.get_xdata().size)
    np.testing.assert_array_equal(motion.get_ydata(), lamp[:, 0])
    assert upper.get_xdata().size == lower.get_xdata().size <= plotting.MOST_ENVELOPE_BLOCKS
    assert upper.get_ydata().max() == lamp[:, 0].max()
    assert lower.get_ydata().min() == lamp[:, 0].min()
    np.testing.assert_array_equal(lamp[np.searchsorted(time, upper.get_xdata()), 0], upper.get_ydata())


def test_detail_stays_within_the_record():
    time = 0.1 * np.arange(3000)
    for peak_row in (0, 5, 1500, 2999):
        lamp = np.zeros((3000, 1))
        lamp[peak_row] = 1.0
        figure = prediction_figure(time, (lamp, lamp, lamp), ("Roll",), STYLE, "")
        shown = figure.axes[1].lines[0].get_xdata()
        assert shown.size == pytest.approx(plotting.DETAIL_DURATION / 0.1, abs=2)
        assert shown[0] <= time[peak_row] <= shown[-1]


@pytest.mark.parametrize("rows", [1, 2, 50])
def test_prediction_of_a_record_shorter_than_the_detail(rows):
    time, *motions = make_record(rows)
    figure = rendered(prediction_figure(time, motions, CHANNELS, STYLE, "short"))
    assert figure.axes[1].lines[0].get_xdata().size == rows


def test_long_titles_are_wrapped_within_the_figure_and_dollars_are_no_formula():
    time, *motions = make_record(200)
    motions = [values[:, 1:2] for values in motions]
    for title in ("a_very_long_name/" * 12, "words and words " * 12, "$HOME/run_$1^{x"):
        figure = rendered(prediction_figure(time, motions, CHANNELS[1:2], STYLE, title))
        box = figure._suptitle.get_window_extent()
        assert 0 <= box.x0 < box.x1 <= figure.bbox.width
        assert figure.get_suptitle().replace("\n", "").replace(" ", "") == title.replace(" ", "")


# -------------------------------------------------------------------------------------------------------------- errors


def test_error_figure_shows_running_means_and_errors_at_lamp_peaks():
    time, lamp, simple, lstm = make_record(2000)
    figure = rendered(error_figure(time, (lamp, simple, lstm), CHANNELS, STYLE, "record_1"))
    for index, label in enumerate(LABELS):
        running, at_peaks = figure.axes[2 * index : 2 * index + 2]
        error = lstm[:, index] - lamp[:, index]
        assert running.get_ylabel().replace("\n", " ") == label
        np.testing.assert_allclose(
            line_of(running, STYLE.lstm_color), running_mean(np.abs(error), STYLE.running_avg_span)
        )
        peaks = turning_points(lamp[:, index])
        (dots,) = [line for line in at_peaks.lines if same_color(line.get_color(), STYLE.lstm_color)]
        np.testing.assert_array_equal(dots.get_xdata(), lamp[peaks, index])
        np.testing.assert_allclose(dots.get_ydata(), error[peaks])
        low, high = at_peaks.get_ylim()
        assert low == -high and high > np.abs(error[peaks]).max()
        assert channel_of(CHANNELS[index]).unit in at_peaks.get_xlabel()
        assert len(running.lines) == (2 if index else 1)  # SimpleCode gives no bending moment


def test_running_errors_are_logarithmic_with_the_span_in_seconds_and_without_rounding_errors():
    time, lamp, simple, lstm = make_record(2000)
    lstm[:1000] = lamp[:1000]
    figure = rendered(error_figure(time, (lamp, simple, lstm), CHANNELS, STYLE, ""))
    assert figure.axes[0].get_title() == "Running mean of |error|, 2 s to either side"
    for running in figure.axes[::2]:
        assert running.get_yscale() == "log" and 0 < running.get_ylim()[0]
        drawn = line_of(running, STYLE.lstm_color)
        assert np.isnan(drawn[:800]).all() and (drawn[1200:] > 0).all()


def test_perfect_model_and_missing_simplecode():
    time, lamp, _, _ = make_record(500)
    prediction, errors, *_ = all_figures(time, (lamp, np.full_like(lamp, np.nan), lamp))
    assert labels_of(prediction.legends[0])[:2] == ["LAMP", "LSTM"]
    assert labels_of(errors.legends[0]) == ["LSTM"] and "no errors" in texts_of(errors.axes[0])
    assert errors.axes[1].get_ylim()[0] < 0 < errors.axes[1].get_ylim()[1]


def test_roll_that_is_zero_in_head_seas():
    time, lamp, simple, lstm = make_record(2000)
    for array in (lamp, simple):
        array[:, 2] = 0.0
    _, errors, _, _ = all_figures(time, (lamp, simple, lstm))
    assert "no peaks" in texts_of(errors.axes[3]) and not errors.axes[3].lines
    lstm[:, 2] = 0.0
    *_, histogram = all_figures(time, (lamp, simple, lstm))
    assert "no peaks" in texts_of(histogram.axes[1])


def test_diverged_network_still_gives_figures():
    time, lamp, simple, lstm = make_record(500)
    lstm[:] = np.nan
    lstm[:250, 1] = np.inf
    all_figures(time, (lamp, simple, lstm))


# ---------------------------------------------------------------------------------------------- maxima and histograms


def make_sets() -> dict:
    """Records of different length, one without SimpleCode; no validation set."""
    first, second, third = make_record(700, 1)[1:], make_record(1100, 2)[1:], make_record(900, 3)[1:]
    none = np.full_like(third[1], np.nan)
    return {"train": [first, second], "val": [], "test": [(third[0], none, third[2])]}


def maxima_of(sets: dict) -> dict:
    return {name: [tuple(record_maxima(a, CHANNELS) for a in record) for record in sets[name]] for name in sets}


def test_maxima_are_those_of_each_record():
    sets = make_sets()
    for records in sets.values():
        for lamp, simple, lstm in records:
            for a, offset in ((lamp, 2.0), (simple, 2.5), (lstm, 1.5)):
                a[:, 1] += offset
    figure = rendered(maxima_figure(maxima_of(sets), CHANNELS, STYLE))
    for index, ax in enumerate(figure.axes):
        points = {tuple(point) for marks in ax.collections for point in np.asarray(marks.get_offsets())}
        records = [record for records in sets.values() for record in records]
        about = [[a[:, index] - (a[:, index].mean() if index < 2 else 0) for a in record] for record in records]
        maxima = [[np.abs(a).max() for a in record] for record in about]
        expected = {(lamp, model) for lamp, *models in maxima for model in models if np.isfinite(model)}
        assert points == expected
        assert ax.get_xlim() == ax.get_ylim()
        low, high = ax.get_xlim()
        assert all(low < value < high for pair in expected for value in pair)
        unit = channel_of(CHANNELS[index]).unit
        size = f"|{CHANNELS[index]} \N{MINUS SIGN} mean|" if index < 2 else f"|{CHANNELS[index]}|"
        assert ax.get_xlabel() == f"LAMP max {size} [{unit}]" and ax.get_ylabel() == f"Model max {size} [{unit}]"
        assert all(marks.get_sizes() == [STYLE.maxima_bullet_size] for marks in ax.collections)
    assert labels_of(figure.legends[0]) == ["SimpleCode", "LSTM", "training", "test", "model = LAMP"]


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_legends_fit_in_figures_of_any_number_of_channels(count):
    sets = make_sets()
    sets["val"] = sets["train"]
    maxima = {name: [tuple(a[-count:] for a in record) for record in maxima_of(sets)[name]] for name in sets}
    for make_figure, shown in ((maxima_figure, maxima), (histogram_figure, sets)):
        figure = rendered(make_figure(shown, CHANNELS[-count:], STYLE))
        assert len([ax for ax in figure.axes if ax.axison]) == count
        box = figure.legends[0].get_window_extent()
        assert 0 <= box.x0 < box.x1 <= figure.bbox.width


def test_histograms_have_common_bins_and_density_one():
    figure = rendered(histogram_figure(make_sets(), CHANNELS, STYLE))
    for index, ax in enumerate(figure.axes):
        steps = [patch.get_data() for patch in ax.patches if not patch.get_fill()]
        assert len(steps) == (2 if index == 0 else 3)
        for values, edges, _ in steps:
            np.testing.assert_array_equal(edges, steps[0][1])
            assert np.sum(values * np.diff(edges)) == pytest.approx(1.0)
        unit = channel_of(CHANNELS[index]).unit
        assert ax.get_xlabel().endswith(f"[{unit}]") and unit in ax.get_ylabel()


def narrow_banded(seed: int, crest: float = 1.0) -> list[np.ndarray]:
    """Roll of 10 s, near Gaussian or, with a power of its size, of other crests, from three sources (rows, 1)."""
    time, omega = 0.2 * np.arange(9000), 2 * np.pi / 10 * np.linspace(0.9, 1.1, 100)
    phase = np.random.default_rng(seed).uniform(0, 2 * np.pi, 100)
    roll = np.cos(np.outer(time, omega) + phase).sum(axis=1) / 5
    return [(np.sign(roll) * np.abs(roll) ** crest)[:, None]] * 3


def test_rayleighs_density_stands_where_lamp_is_near_gaussian_and_of_a_narrow_band():
    def of(records: list) -> tuple[list, list[str]]:
        figure = rendered(histogram_figure({"test": records}, ("Roll",), STYLE))
        return figure.axes[0].patches, [text.get_text() for text in figure.legends[0].get_texts()]

    gaussian = [narrow_banded(seed) for seed in range(8)]
    patches, legend = of(gaussian)
    density, edges, _ = patches[-1].get_data()
    assert legend[-1] == "Rayleigh's distribution" and (density * np.diff(edges)).sum() == pytest.approx(1, abs=0.01)
    lamp = patches[1].get_data()[0]
    often = lamp * np.diff(edges) > 0.02
    np.testing.assert_allclose(lamp[often], density[often], rtol=0.4)
    rippled = [[values + 0.3 * np.sin(3.0 * np.arange(9000))[:, None] for values in record] for record in gaussian]
    for others in (rippled, [narrow_banded(seed, 2.0) for seed in range(8)]):
        patches, legend = of(others)
        assert len(patches) == 4 and "Rayleigh's distribution" not in legend


def test_saved_figures_name_the_unit_of_the_files(tmp_path):
    figure = histogram_figure(make_sets(), CHANNELS, STYLE)
    plotting.save_figures({"histo": figure}, tmp_path, "kN-m")
    assert figure.axes[0].get_xlabel() == "|VBM \N{MINUS SIGN} mean| at its peaks [kN-m]"
    assert (
        figure.axes[0].get_ylabel() == "Probability density [1/(kN-m)]" and (tmp_path / "figures/histo.png").is_file()
    )


def test_histograms_of_heave_are_about_each_sources_own_mean():
    sets = make_sets()
    before = rendered(histogram_figure(sets, CHANNELS, STYLE)).axes
    for records in sets.values():
        for record in records:
            for a, offset in zip(record, (5.0, -3.0, 40.0), strict=True):
                a[:, 1] += offset
    after = rendered(histogram_figure(sets, CHANNELS, STYLE)).axes
    for old, new in zip(before[1].patches, after[1].patches, strict=True):
        np.testing.assert_allclose(old.get_data().edges, new.get_data().edges)
        np.testing.assert_allclose(old.get_data().values, new.get_data().values)
    assert after[1].get_xlabel() == "|Zcg \N{MINUS SIGN} mean| at its peaks [m]"
    assert after[2].get_xlabel() == "|Roll| at its peaks [deg]"


def test_powers_of_ten_are_clear_of_labels_and_titles():
    sets = make_sets()
    for figure in (maxima_figure(maxima_of(sets), CHANNELS, STYLE), histogram_figure(sets, CHANNELS, STYLE)):
        moment = rendered(figure).axes[0]
        x_power, y_power = (axis.get_offset_text().get_window_extent() for axis in (moment.xaxis, moment.yaxis))
        assert x_power.width > 0 and not x_power.overlaps(moment.xaxis.label.get_window_extent())
        assert not y_power.overlaps(moment.title.get_window_extent())


def test_the_network_has_its_own_name_and_the_color_of_the_lstm():
    time, lamp, simple, predicted = make_record(700)
    figures = all_figures(time, (lamp, simple, predicted), network="GRU")
    for figure in figures:
        labels = labels_of(figure.legends[0])
        assert "GRU" in labels and "LSTM" not in labels
    np.testing.assert_array_equal(line_of(figures[0].axes[0], STYLE.lstm_color), predicted[:, 1])


def test_no_records_at_all():
    for sets in ({}, {"train": [], "val": [], "test": []}):
        rendered(maxima_figure(sets, CHANNELS, STYLE))
        rendered(histogram_figure(sets, CHANNELS, STYLE))


# -------------------------------------------------------------------------------------------------------------- saving


def test_save_makes_folders_replaces_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "a" / "b" / "figure.png"
    for _ in range(2):
        save_figure(Figure(), path)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert [entry.name for entry in path.parent.iterdir()] == ["figure.png"]


def test_arrays_given_are_not_changed():
    arrays = make_record(800)
    copies = [array.copy() for array in arrays]
    all_figures(arrays[0], arrays[1:])
    for array, copy in zip(arrays, copies, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_a_channel_that_the_figures_do_not_know_is_called_by_its_name():
    """As a user meets it who adds an output channel: the figures come at the end of the run."""
    time, *motions = make_record(600)
    for figure in all_figures(time, motions, ("Zcg", "Surge")):
        assert any("Surge" in text.get_text() for text in figure.findobj(Text))
