"""Maps of errors over sea states show what they were given, also for odd numbers."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import same_color
from matplotlib.figure import Figure
from test_plotting import labels_of, rendered, texts_of

from figures.sea_state_figure import sea_state_figure

CHANNELS, SCALES = ("VBM", "Pitch"), np.array([2e8, 2.0])

pytestmark = pytest.mark.usefixtures("warnings_are_errors")


def make_maps(models: tuple[str, ...], rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Errors of two channels with one blank each, and training conditions: the first, of one model the last."""
    networks = len(models)
    rng = np.random.default_rng(4)
    errors = rng.normal(size=(networks, 2, rows, columns)) * SCALES[:, None, None]
    trained = np.zeros((networks, rows, columns), dtype=bool)
    trained[:, 0, 0] = True
    for network in range(networks):
        errors[network, :, -1, network] = np.nan
        trained[network, -1, -1] = network == 0
    return errors, trained


def drawn(errors: np.ndarray, trained: np.ndarray, models: tuple[str, ...], channels=CHANNELS) -> Figure:
    """errors: (model, channel, row, column). trained: (model, row, column). Rows are speeds, columns headings."""
    speeds, headings = (step * np.arange(count) for step, count in zip((5.0, 30.0), errors.shape[2:], strict=True))
    names = ["network", "channel", "speed", "heading"]
    grid = pd.MultiIndex.from_product([models, channels, speeds, headings], names=names)
    trained = np.broadcast_to(trained[:, None], errors.shape)
    table = pd.DataFrame({"ssa_error": errors.ravel(), "trained": trained.ravel()}, index=grid).reset_index()
    return rendered(sea_state_figure(table, "ssa_error", models, "heading", "speed", "title"))


def maps_of(figure: Figure, channels: int) -> list[list]:
    """The panels without the colour bars: a list a channel."""
    panels = [ax for ax in figure.axes if ax.get_label() != "<colorbar>"]
    return np.reshape(panels, (channels, -1)).tolist()


def cells_of(ax) -> np.ndarray:
    (mesh,) = [artist for artist in ax.collections if hasattr(artist, "get_coordinates")]
    return mesh.get_array().filled(np.nan)


def boxes_of(ax, linestyle: str) -> list[tuple[int, int]]:
    """(column, row) of the cells with a black frame of that line."""
    frames = [p for p in ax.patches if same_color(p.get_edgecolor(), "black") and p.get_linestyle() == linestyle]
    return [tuple(np.round(frame.get_center()).astype(int).tolist()) for frame in frames]


@pytest.mark.parametrize(("rows", "columns"), [(3, 3), (5, 12)])
def test_sea_state_map_shows_errors_and_which_network_is_better(rows, columns):
    errors, trained = make_maps(("first", "$x_1"), rows, columns)
    figure = drawn(errors, trained, ("first", "$x_1"))
    for index, (of_a, of_b, difference) in enumerate(maps_of(figure, 2)):
        power = 1.0 if index else 1e6
        np.testing.assert_allclose(cells_of(of_a) * power, errors[0, index])
        np.testing.assert_allclose(cells_of(of_b) * power, errors[1, index])
        expected = np.abs(errors[0, index]) - np.abs(errors[1, index])
        assert np.isnan(expected).sum() == 2
        np.testing.assert_allclose(cells_of(difference) * power, expected)
        limits = [ax.collections[0].get_clim() for ax in (of_a, of_b, difference)]
        assert limits[0] == limits[1] == pytest.approx((-limits[0][1], limits[0][1]))
        assert limits[0][1] * power == pytest.approx(np.nanmax(np.abs(errors[:, index])))
        assert [len([p for p in ax.patches if p.get_hatch()]) for ax in (of_a, of_b, difference)] == [1, 1, 2]
        assert boxes_of(of_a, "-") == [(0, 0), (columns - 1, rows - 1)]
        assert boxes_of(of_b, "-") == boxes_of(difference, "-") == [(0, 0)]
        assert boxes_of(difference, (0, (2, 1))) == [(columns - 1, rows - 1)]
        if columns == 3:
            shown = f"{errors[0, index, 0, 0] / power:.1f}".replace("-", "\N{MINUS SIGN}")
            assert shown in texts_of(of_a).split("\n") or index == 0
        else:
            # The first text is the row's name.
            marks = [text.get_text() for text in of_b.texts]
            assert set(marks) == {"\N{MINUS SIGN}"}
    bars = [ax.get_ylabel().replace("\n", " ") for ax in figure.axes if ax.get_label() == "<colorbar>"]
    assert bars[:2] == ["VBM error [$10^{6}$ file unit]", "VBM |A| \N{MINUS SIGN} |B| [$10^{6}$ file unit]"]
    assert bars[2:] == ["Pitch error [deg]", "Pitch |A| \N{MINUS SIGN} |B| [deg]"]
    titles = [ax.get_title() for ax in maps_of(figure, 2)[0]]
    assert titles == ["A: first", "B: $x_1", "|A| \N{MINUS SIGN} |B|\n(negative: A better)"]
    assert maps_of(figure, 2)[-1][2].get_xlabel() == "Heading [deg]"
    assert maps_of(figure, 2)[1][0].get_ylabel() == "Speed [knots]"
    assert {"training condition", "training condition of one network", "no value"} <= set(labels_of(figure.legends[0]))


def test_sea_state_map_of_one_network_has_one_column():
    figure = drawn(*make_maps(("only",), 2, 4), ("only",))
    panels = maps_of(figure, 2)
    assert [len(row) for row in panels] == [1] * 2
    assert panels[0][0].get_title() == "only"
    assert [tick.get_text() for tick in panels[-1][0].get_xticklabels()] == ["0", "30", "60", "90"]


@pytest.mark.parametrize("value", [0.0, np.nan, 1e-7, 3e9])
def test_sea_state_map_of_odd_numbers(value):
    trained = np.zeros((2, 1, 1), dtype=bool)
    figure = drawn(np.full((2, 1, 1, 1), value), trained, ("a" * 90, "b"), ("Roll",))
    shown = texts_of(maps_of(figure, 1)[0][1])
    assert shown == {0.0: "0.0", 1e-7: "100", 3e9: "3.0"}.get(value, "")
    # Where both are the same, the difference is zero and has no sign.
    assert texts_of(maps_of(figure, 1)[0][2]) == ("" if np.isnan(value) else "0.0")


@pytest.mark.parametrize("networks", [("only",), ("first", "second")])
def test_simplecodes_own_error_stands_before_the_networks_in_the_same_colors(networks):
    errors, trained = make_maps(("SimpleCode", *networks), 3, 4)
    errors[0] *= 10
    trained[0] = False
    figure = drawn(errors, trained, ("SimpleCode", *networks))
    for index, panels in enumerate(maps_of(figure, 2)):
        power = 1.0 if index else errors[0, 0, 0, 0] / cells_of(panels[0])[0, 0]
        for model, ax in zip(errors, panels, strict=False):
            np.testing.assert_allclose(cells_of(ax) * power, model[index])
            assert ax.collections[0].get_clim() == panels[0].collections[0].get_clim()
        assert boxes_of(panels[0], "-") == [] and (0, 0) in boxes_of(panels[1], "-")
        if len(networks) == 2 and index:
            expected = np.abs(errors[1, index]) - np.abs(errors[2, index])
            np.testing.assert_allclose(cells_of(panels[3]) * power, expected)
    titles = [ax.get_title() for ax in maps_of(figure, 2)[0]]
    assert titles[:2] == ["SimpleCode", "only" if len(networks) == 1 else "A: first"]
    assert all(0 <= ax.get_tightbbox().x0 < ax.get_tightbbox().x1 <= figure.bbox.width for ax in figure.axes)
