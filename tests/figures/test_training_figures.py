"""Figures of a training, and the command that draws a learning curve again from history.csv alone."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from test_plotting import CHANNELS, STYLE, labels_of, line_of, make_record, rendered, texts_of

from figures.training_figures import MOST_EXCERPT_LINES, best_epoch_of, evolution_figure, learning_curve_figure
from studies import learning_curve

pytestmark = pytest.mark.usefixtures("warnings_are_errors")
ERRORS = {"val_rmse_Zcg_m": 0.2, "val_rmse_Roll_deg": 3.0, "val_rmse_Pitch_deg": 0.4}


def make_history(epochs: int, errors: bool = True) -> pd.DataFrame:
    epoch = np.arange(1, epochs + 1)
    columns = {
        "epoch": epoch,
        "elapsed_s": 2.0 * epoch,
        "loss": 1.0 / epoch,
        "val_loss": 1.5 / epoch,
        "learning_rate": np.full(epochs, 0.005),
    }
    return pd.DataFrame(columns | {name: first / epoch for name, first in ERRORS.items() if errors})


# ---- learning curve -----------------------------------------------------------------------------------------------


def test_learning_curve_shows_history_and_best_epoch():
    history = make_history(40)
    losses, rates, *errors = rendered(learning_curve_figure(history, 30, "net")).axes
    training, validation, best = losses.lines
    np.testing.assert_array_equal(training.get_ydata(), history["loss"])
    np.testing.assert_array_equal(validation.get_ydata(), history["val_loss"])
    assert "best epoch 30: 0.05" in labels_of(losses.get_legend())
    np.testing.assert_array_equal(rates.lines[0].get_ydata(), history["learning_rate"])
    assert [ax.get_ylabel() for ax in errors] == ["Zcg error [m]", "Roll error [deg]", "Pitch error [deg]"]
    for ax, name in zip(errors, ERRORS, strict=True):
        np.testing.assert_array_equal(line_of(ax, "tab:orange"), history[name])
        assert ax.get_yscale() == "log"
    assert errors[1].get_title(loc="right") == "best epoch: 0.1 deg"
    for ax in (losses, rates, *errors):
        assert list(ax.lines[-1].get_xdata()) == [30, 30]
        assert ax.get_xlim() == losses.get_xlim()
    assert (losses.get_yscale(), rates.get_yscale()) == ("log", "linear")
    assert "40 epochs in 1 min 20 s, 2 s an epoch" in losses.get_title(loc="right")


@pytest.mark.parametrize("epochs", [0, 1, 2])
@pytest.mark.parametrize("errors", [True, False])
def test_learning_curve_of_few_epochs(epochs, errors):
    history = make_history(epochs, errors)
    axes = rendered(learning_curve_figure(history, best_epoch_of(history), "net")).axes
    if epochs:
        assert len(axes) == (5 if errors else 2)  # an older history.csv has no errors of the channels
        assert all(tick == int(tick) for tick in axes[-1].get_xticks())


def test_learning_curve_without_validation_and_with_losses_that_have_no_logarithm():
    history = make_history(30)
    history[["val_loss", *ERRORS]] = np.nan
    history.loc[[3, 4, 5], "loss"] = [0.0, np.nan, np.inf]
    history["learning_rate"] = np.linspace(0.005, 0.0, 30)
    losses, rates = rendered(learning_curve_figure(history, best_epoch_of(history), "net")).axes
    # A loss of zero is a mean over no sample: neither the best, as in training, nor on the axis.
    assert labels_of(losses.get_legend()) == ["training", "best epoch 30: 0.03333"]
    assert rates.get_yscale() == "log"
    assert np.isfinite(losses.get_ylim()).all() and losses.get_ylim()[0] > 0

    history["loss"] = 0.0
    losses, _ = rendered(learning_curve_figure(history, None, "net")).axes
    assert "no positive loss" in texts_of(losses)


def test_learning_curve_of_a_training_that_diverged():
    history = make_history(30)
    history.loc[20:, ["loss", "val_loss", *ERRORS]] = 1e30
    history.loc[28, ["loss", "val_loss", *ERRORS]] = np.inf
    history.loc[29, ["loss", "val_loss", *ERRORS]] = np.nan
    assert best_epoch_of(history) == 20
    for ax in rendered(learning_curve_figure(history, 20, "net")).axes:
        assert np.isfinite(ax.get_ylim()).all()
    history[["loss", "val_loss", *ERRORS]] = np.nan
    assert best_epoch_of(history) is None
    rendered(learning_curve_figure(history, None, "net"))


# ---- history.csv alone --------------------------------------------------------------------------------------------


def test_the_command_draws_a_history_without_tensorflow(tmp_path):
    make_history(12).to_csv(tmp_path / "history.csv", index=False)
    program = "from studies import learning_curve as c; c.main(['history.csv']); sys.exit('tensorflow' in sys.modules)"
    environment = {"PYTHONPATH": str(Path(learning_curve.__file__).parents[1])}
    subprocess.run([sys.executable, "-c", f"import sys; {program}"], cwd=tmp_path, check=True, env=environment)
    assert (tmp_path / "learning_curve.png").read_bytes().startswith(b"\x89PNG")


def test_the_command_says_where_the_figure_is(tmp_path, capsys):
    make_history(3, errors=False).to_csv(tmp_path / "history.csv", index=False)
    output = tmp_path / "new" / "picture.png"
    assert learning_curve.main([str(tmp_path / "history.csv"), "--output", str(output)]) == 0
    assert str(output) in capsys.readouterr().out and output.is_file()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, "cannot be read"),
        ("", "cannot be read"),
        ("epoch,loss\n1,2\n", "no column elapsed_s, val_loss, learning_rate"),
        ("epoch,elapsed_s,loss,val_loss,learning_rate\n", "no epoch"),
        ("epoch,elapsed_s,loss,val_loss,learning_rate\n1,1,much,1,1\n", "column loss"),
    ],
)
def test_what_is_not_a_history_is_reported_in_one_line(tmp_path, capsys, text, expected):
    file = tmp_path / "history.csv"
    if text is not None:
        file.write_text(text)
    assert learning_curve.main([str(file)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert expected in line and "history.csv" in line
    assert learning_curve.main([str(file), "--output", "a.jpg"]) == 1
    assert "PNG" in capsys.readouterr().err
    assert list(tmp_path.glob("*.png")) == []


# ---- evolution ----------------------------------------------------------------------------------------------------


def test_evolution_shows_the_error_of_each_checkpoint_and_the_motions_around_the_largest_response():
    time, lamp, simple, _ = make_record(3000)
    predictions = {epoch: lamp * (1 - 1 / epoch) for epoch in (2, 4, 8)}
    figure = rendered(evolution_figure(time, lamp, simple, predictions, 4, CHANNELS, STYLE, "record"))
    scale = np.sqrt(np.mean(lamp**2, axis=0))
    for index, channel in enumerate(CHANNELS):
        errors, excerpt = figure.axes[2 * index : 2 * index + 2]
        assert errors.get_ylabel().startswith(f"{channel} error [")
        np.testing.assert_array_equal(errors.lines[0].get_xdata(), [2, 4, 8])
        np.testing.assert_allclose(errors.lines[0].get_ydata(), scale[index] / [2, 4, 8])
        assert list(errors.lines[-1].get_xdata()) == [4, 4]
        first, last = excerpt.get_xlim()
        window = (time >= first) & (time <= last)
        assert window[np.argmax(np.abs(lamp[:, index] - lamp[:, index].mean()))]
        np.testing.assert_array_equal(line_of(excerpt, STYLE.lamp_color), lamp[window, index])
        assert len(excerpt.lines) == 4
        np.testing.assert_array_equal(excerpt.lines[-1].get_ydata(), predictions[8][window, index])
    assert labels_of(figure.legends[0]) == ["LAMP", "SimpleCode", "epoch 2", "epoch 4 (best)", "epoch 8"]


def test_evolution_of_many_checkpoints_draws_some_of_them():
    time, lamp, simple, lstm = make_record(500)
    predictions = {epoch: lstm for epoch in range(1, 61)}
    figure = rendered(evolution_figure(time, lamp, simple, predictions, 57, CHANNELS, STYLE, "record"))
    assert figure.axes[0].lines[0].get_xdata().size == 60
    labels = labels_of(figure.legends[0])[2:]
    assert len(labels) == MOST_EXCERPT_LINES + 1
    assert {"epoch 1", "epoch 57 (best)", "epoch 60"} <= set(labels)


@pytest.mark.parametrize("rows", [1, 40])
def test_evolution_of_one_checkpoint_and_of_a_training_that_diverged(rows):
    time, lamp, simple, lstm = make_record(rows)
    rendered(evolution_figure(time, lamp, simple, {1: lstm}, 1, CHANNELS, STYLE, "record"))
    diverged = {1: lamp, 2: 1e200 * lamp, 3: np.full_like(lamp, np.inf), 4: np.full_like(lamp, np.nan)}
    figure = rendered(evolution_figure(time, lamp, simple, diverged, None, CHANNELS, STYLE, "record"))
    limits = figure.axes[3].get_ylim()
    assert np.isfinite(limits).all() and max(np.abs(limits)) < 100  # LAMP is seen all the same
