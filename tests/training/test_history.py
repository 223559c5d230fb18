"""What a training prints."""

import time
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from figures.training_figures import best_epoch_of
from networks.network_folder import best_row
from training import cross_fitting, history
from training.history import Progress, as_duration, pace


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (185, "3 min 5 s"), (3599.7, "1 h 0 min"), (7500, "2 h 5 min")],
)
def test_durations_in_words(seconds, said):
    assert as_duration(seconds) == said


@pytest.mark.parametrize(
    ("losses", "row"),
    [
        ([3.0, 1.0, 2.0, 1.0], 1),  # of equal ones the first
        ([np.nan, 2.0, np.inf, 1.0], 3),
        ([0.0, 2.0, 1.0], 2),  # 0 is a mean over no sample
        ([-1.0, 2.0], 1),
        ([np.nan, 0.0, np.inf], None),
        ([], None),
    ],
)
def test_training_figures_and_folds_agree_on_the_best_epoch(tmp_path, losses, row):
    table = pd.DataFrame({"epoch": np.arange(1, 1 + len(losses)), "elapsed_s": 1.0, "loss": 1.0, "val_loss": losses})
    assert best_row(losses) == row
    progress = Progress(9, "val_loss", tmp_path / "history.csv", ("Roll",), table.to_dict("records"))
    assert progress.best_epoch == (None if row is None else row + 1)
    if not np.isnan(losses).all():
        assert best_epoch_of(table) == progress.best_epoch
        record = SimpleNamespace(time=np.arange(10))
        fold = SimpleNamespace(history=lambda: table.assign(loss=losses), sets={"val": (record,)})
        longer = SimpleNamespace(history=lambda: long, sets={"val": (record,)})
        long = pd.DataFrame({"epoch": range(1, 10), "elapsed_s": 1.0, "loss": 1.0, "val_loss": 1.0})
        if row is not None:
            joint = cross_fitting.joint_history([fold, longer], 2)
            assert joint["val_loss"].iloc[-1] == (losses[row] + 1.0) / 2


def test_without_a_validation_set_the_training_loss_decides():
    table = pd.DataFrame({"epoch": [1, 2, 3], "loss": [3.0, 1.0, 2.0], "val_loss": np.nan})
    assert best_epoch_of(table) == 2


def test_the_pace_is_that_of_the_session():
    assert pace([2.0, 4.0, 6.0]) == 2.0
    assert pace([2.0, 4.0, 6.0, 16.0, 26.0], before=3) == 10.0
    assert np.isnan(pace([])) and np.isnan(pace([2.0], before=1))


def test_the_time_left_of_a_resumed_training(tmp_path, monkeypatch, capsys):
    """Three epochs of 1 s on a fast machine, then epochs of 60 s."""
    clock = iter([1000.0, 1060.0])
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock, 1060.0))
    monkeypatch.setattr(history, "write_table", lambda path, table: None)
    monkeypatch.setattr(history.ProgressLine, "is_due", lambda self: True)
    row = {"loss": 1.0, "val_loss": 1.0, "learning_rate": 0.1}
    rows = [{"epoch": n, "elapsed_s": float(n)} | row for n in (1, 2, 3)]
    progress = Progress(10, "val_loss", tmp_path / "history.csv", ("Roll",), rows)
    progress._model = SimpleNamespace(optimizer=SimpleNamespace(learning_rate=np.array(0.1)))
    progress.on_epoch_begin(3)
    progress.on_epoch_end(3, row)
    assert "at most 6 min 0 s left" in capsys.readouterr().out
    progress.rows[:] = progress.rows[:1]
    progress.close("all epochs done", 1)
    assert "Trained 1 epoch in 1 s" in capsys.readouterr().out
