"""Sweeps: their members, what is wrong with them, interruption, sharing between processes, pruning, and the winner."""

import dataclasses
import errno
import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from conftest import Project
from test_comparison import make_report

import main
import plotting
from networks import replacement
from settings import Config, DataInfo, UserInput, input_file
from studies import comparison, sweeps
from studies.sweep_combinations import Sweep, read_sweep
from system import files
from system.errors import Diverged, InputError

report_of = functools.cache(make_report)
DATA = DataInfo(*(("a",),) * 6)


def sweep_class(values: dict):
    """A class SweepArgs with these attributes."""
    return lambda: SimpleNamespace(**values)


def config_of(**user) -> Config:
    user = {"model_save_filename": "mine", "epochs": 1} | user
    return Config(user=UserInput(**user), data=DATA, input_file="my_inputs.py")


def read(values: dict, config: Config | None = None) -> Sweep:
    sweep, faults, _ = read_sweep(sweep_class(values), config or config_of())
    assert faults == []
    return sweep


def faults_of(values: dict, **user) -> list[str]:
    return read_sweep(sweep_class(values), config_of(**user))[1]


DRAW = sweeps._save_figures


def turn_off_figures(replace) -> None:
    """Drawing takes most of the time."""
    replace(plotting, "save_figure", lambda figure, path: None)
    replace(comparison, "comparison_figure", lambda table: None)
    replace(sweeps, "_save_figures", lambda study, sweep: None)


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    turn_off_figures(monkeypatch.setattr)
    usual = signal.signal(signal.SIGINT, signal.default_int_handler)  # tests in the background are deaf to it
    yield
    signal.signal(signal.SIGINT, usual)


# ---- members ------------------------------------------------------------------------------------------------------


def test_all_combinations_are_members_with_names_of_their_own():
    values = {"hidden_size": np.array([20, 30]), "lr": [0.01, 0.02, 0.01], "train_fun_hyp": [[0, 0, 0], [1, 0.1, 0.9]]}
    sweep = read(values, config_of(num_layers=3))
    settings = [(m.user.hidden_size, m.user.lr, m.user.train_fun_hyp) for m in sweep.members]
    assert len(settings) == len(set(settings)) == 2 * 2 * 2
    assert settings[0] == (20, 0.01, (0, 0.0, 0.0)) and settings[-1] == (30, 0.02, (1, 0.1, 0.9))
    assert [m.network_name for m in sweep.members] == [f"mine_s{n:03}" for n in range(1, 9)]
    assert all(m.user.num_layers == 3 for m in sweep.members)
    assert sweep.describe(sweep.members[-1].user) == "hidden_size = 30, lr = 0.02, train_fun_hyp = [1, 0.1, 0.9]"


def test_a_random_draw_is_without_repetition_the_same_again_and_can_be_extended():
    values = {"hidden_size": list(range(1, 31)), "lr": [0.01, 0.02]}

    def drawn(count: int, seed: int = 0) -> list[tuple]:
        sweep = read(values | {"num_draws": count, "draw_seed": seed})
        return [(m.user.hidden_size, m.user.lr) for m in sweep.members]

    assert len(set(drawn(20))) == 20
    assert drawn(20) == drawn(20) and drawn(30)[:20] == drawn(20)
    assert set(drawn(20)) != set(drawn(20, seed=1))
    assert len(set(drawn(100))) == 60  # no more than there are
    sweep = read(values | {"sampler": "random"})
    assert len(set(sweep.members)) == 60 and sweep.members[:20] == read(values | {"num_draws": 20}).members


def test_without_the_class_or_without_training_there_is_no_sweep():
    assert read_sweep(None, config_of()) == (None, [], [])
    sweep, faults, (remark,) = read_sweep(sweep_class({"lr": ["x"]}), config_of(training_mode=False))
    assert sweep is None and faults == [] and "SweepArgs" in remark


# ---- what the user got wrong --------------------------------------------------------------------------------------


def test_all_that_is_wrong_with_the_lists_is_reported_together():
    values = {
        "hidden_size": [20, 0, "many"],
        "lr": 0.01,
        "num_layers": [],
        "optimizer": ["adam", "addam"],
        "train_fun_hyp": [1, 0.1, 0.9],
        "hiden_size": [3],
        "model_save_filename": ["a", "b"],
        "train_sc": [["a"], ["b"]],
        "num_draws": -1,
        "sampler": "gird",
    }
    faults = faults_of(values)
    for parts in (
        ("hidden_size, value 0", "1 to 4096"),
        ("hidden_size, value 'many'", "whole number"),
        ("lr = 0.01", "list", "[0.01]"),
        ("num_layers = []", "list"),
        ("optimizer, value 'addam'", "'adam'"),
        ("train_fun_hyp = [1, 0.1, 0.9]", "[[0, 0, 0], [1, 0.1, 0.9]]"),
        ("hiden_size", "no such setting", "hidden_size"),
        ("model_save_filename", "cannot be swept"),
        ("train_sc", "cannot be swept"),
        ("num_draws = -1", "0 for all"),
        ("sampler = 'gird'", "'grid'"),
    ):
        assert sum(all(part in line for part in parts) for line in faults) == 1, (parts, faults)
    assert len(faults) == 11


@pytest.mark.parametrize(
    "values, user, told",
    [
        ({}, {}, ["names no setting"]),
        ({"seed": list(range(1000))}, {}, ["1000 members", "num_draws"]),
        ({"wave_grid_x_size": [1, 3], "lr": [1, 2]}, {}, ["ship_length", "2 of 4", "wave_grid_x_size = 3, lr = 1.0"]),
    ],
)
def test_sweeps_that_cannot_be_trained(values, user, told):
    (line,) = faults_of(values, **user)
    assert all(part in line for part in told), line


def test_a_sweep_needs_a_validation_set_and_a_class_that_works():
    config = dataclasses.replace(config_of(), data=DataInfo(train_sc=("a",), train_lamp=("a",)))
    (line,) = read_sweep(sweep_class({"lr": [1]}), config)[1]
    assert "val_sc is empty" in line
    (line,) = read_sweep(lambda: 1 / 0, config_of())[1]
    assert "SweepArgs was set up" in line


@pytest.mark.parametrize("given", ["--task 1/8", "--processes 0", "--processes two"])
def test_options_that_are_none(given, capsys):
    with pytest.raises(SystemExit):
        main.main(given.split())
    said = capsys.readouterr().err
    assert "--cluster has taken its place" in said if "task" in given else "the number of processes, 1 or more" in said


# ---- training, ranking, sharing: with an experiment that only leaves files -----------------------------------------


class Experiments:
    """A stand-in for main.run: writes what a run writes, with an error that follows from hidden_size."""

    def __init__(self):
        self.trained: list[str] = []
        self.loaded: list[Config] = []
        self.data = ""  # their fingerprint
        self.before = {}  # name of a member: what happens in its training

    def __call__(self, config: Config, workers=None, after_epoch=None) -> list[str]:
        if config.user.training_mode and not (config.user.resume and (config.network_folder / "model.keras").is_file()):
            self.trained.append(config.network_name)
            self.before.get(config.network_name, lambda: None)()
            for epoch in range(config.user.epochs if after_epoch else 0):
                after_epoch(epoch, {"val_loss": config.user.hidden_size / (1 + epoch)})
            folder = config.network_folder
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "model.keras").write_bytes(config.network_name.encode())
            facts = {"settings": config.as_dict(), "seed": 1, "finished": True, "data_fingerprint": self.data}
            files.write_json(folder / "settings.json", facts)
        else:
            self.loaded.append(config)
        config.output_folder.mkdir(parents=True, exist_ok=True)
        sets = ("train", "val", "test") if config.data.test_sc else ("train", "val")
        report_of(0.01 * config.user.hidden_size, sets=sets).to_csv(
            config.output_folder / "error_report.csv", index=False
        )
        return []


SIZES = {"hidden_size": [30, 10, 20]}


def run(experiments: Experiments, values: dict = SIZES, **user) -> list[str]:
    sweep, faults, _ = read_sweep(sweep_class(values), config_of(**user))
    for member in sweep.members:
        faults += replacement.overwrite_faults(member)
    return faults or sweeps.run(sweep, experiments)[0]


def done(values: dict = SIZES, **user) -> tuple[list[str], list[str]]:
    """The members that a sweep without errors trains, and the networks that it loads."""
    experiments = Experiments()
    assert run(experiments, values, **user) == []
    return experiments.trained, [config.network_name for config in experiments.loaded]


def trained(values: dict = SIZES, **user) -> list[str]:
    return done(values, **user)[0]


def saved(name: str = "mine") -> str:
    return (Path("saved_models") / name / "model.keras").read_text()


def test_the_best_on_validation_data_is_saved_and_it_alone_meets_the_test_set(capsys):
    experiments = Experiments()
    assert run(experiments) == []
    assert experiments.trained == ["mine_s001", "mine_s002", "mine_s003"]
    assert saved() == "mine_s002"
    (winner,) = experiments.loaded
    assert winner.user.hidden_size == 10 and winner.data == DATA and winner.network_name == "mine"
    facts = json.loads(Path("saved_models/mine/settings.json").read_text())
    assert facts["settings"]["user"]["hidden_size"] == 10
    assert facts["settings"]["user"]["model_save_filename"] == "mine"
    assert facts["sweep"]["best"] == "mine_s002"
    table = pd.read_csv("output_files/mine/comparison.csv")
    assert table["name"].unique().tolist() == ["mine_s002", "mine_s003", "mine_s001", "SimpleCode"]
    assert table["set"].unique().tolist() == ["val"]
    with_test = [
        path.parent.name for path in Path("output_files").rglob("error_report.csv") if "test" in path.read_text()
    ]
    assert with_test == ["mine"]
    assert sorted(path.name for path in Path("saved_models").iterdir()) == ["mine", "mine.sweep", *experiments.trained]
    assert "The best on the validation set is mine_s002: hidden_size = 10" in capsys.readouterr().out
    Path("output_files/mine_s003/error_report.csv").unlink()  # it alone is made again
    assert done() == ([], ["mine_s003", "mine"])


def test_a_sweep_that_was_interrupted_continues_and_what_is_finished_is_not_trained_again():
    experiments = Experiments()
    experiments.before["mine_s002"] = lambda: signal.raise_signal(signal.SIGINT)
    (line,) = run(experiments)
    assert "Ctrl-C" in line and "1 of 3" in line and not Path("saved_models/mine").exists()
    with pytest.raises(KeyboardInterrupt):  # elsewhere it means what it always does
        signal.raise_signal(signal.SIGINT)
    assert trained() == ["mine_s002", "mine_s003"] and saved() == "mine_s002"
    assert done() == ([], ["mine"])


def test_other_lists_or_settings_are_not_mixed_with_what_is_there():
    assert run(Experiments()) == []
    before = {path: path.stat().st_mtime_ns for path in Path().rglob("*.*")}
    for values, user, differing in (
        ({"hidden_size": [30, 11, 20]}, {}, 2),  # the second member, and the winner
        (SIZES, {"lr": 0.3}, 4),
        ({"hidden_size": [40]}, {}, 2),
    ):
        untouched = Experiments()
        faults = run(untouched, values, **user)
        assert untouched.trained == [] and len(faults) == differing
        assert all(" holds " in line and "overwrite = True" in line for line in faults)
        assert sum("of none of the settings" in line for line in faults) == 1
    assert {path: path.stat().st_mtime_ns for path in Path().rglob("*.*")} == before

    # Values behind the others only add to it.
    assert trained({"hidden_size": [30, 10, 20, 5]}) == ["mine_s004"] and saved() == "mine_s004"
    assert trained({"hidden_size": [30, 11, 20]}, overwrite=True) == ["mine_s002"] and saved() == "mine_s002"


def test_a_report_of_other_settings_does_not_count_for_a_member_that_was_interrupted_after_its_training():
    assert run(Experiments()) == []
    experiments = Experiments()
    original = pd.DataFrame.to_csv
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pd.DataFrame, "to_csv", lambda *_, **__: signal.raise_signal(signal.SIGINT))
        assert len(run(experiments, {"hidden_size": [30, 11, 20]}, overwrite=True)) == 1
    assert pd.DataFrame.to_csv is original
    assert done({"hidden_size": [30, 11, 20]}, overwrite=True) == ([], ["mine_s002", "mine"])
    table = pd.read_csv("output_files/mine/comparison.csv")
    assert table["nrmse"].iloc[0] == pytest.approx(0.11)


def test_members_that_were_trained_on_other_data_of_the_same_names_do_not_count(monkeypatch):
    def with_data(data: str, **user) -> list[str]:
        """The members that are trained."""
        monkeypatch.setattr(sweeps, "_fingerprint", lambda config: data)
        experiments = Experiments()
        experiments.data = data
        assert run(experiments, **user) == []
        return experiments.trained

    members = with_data("lamp=1 sc=2")
    assert with_data("lamp=1 sc=2") == []
    with pytest.raises(InputError, match="mine holds another experiment .the files of the train and val sets have"):
        with_data("lamp=1 sc=3")
    assert saved() == "mine_s002"
    assert with_data("lamp=1 sc=3", overwrite=True) == members == ["mine_s001", "mine_s002", "mine_s003"]


def test_seeds_are_ranked_by_their_median_and_the_best_of_them_is_saved():
    experiments = Experiments()
    assert run(experiments, {"hidden_size": [30, 10], "seed": [1, 2]}) == []
    assert saved() in ("mine_s003", "mine_s004")
    assert pd.read_csv("output_files/mine/comparison.csv")["networks"].unique().tolist() == [2, 0]


def test_members_without_a_network_are_left_out_and_not_tried_again(capsys):
    def diverge():
        raise Diverged("the loss grew without bounds")

    experiments = Experiments()
    experiments.before["mine_s002"] = diverge
    assert run(experiments) == []
    assert saved() == "mine_s003" and "not ranked: mine_s002 (the loss" in capsys.readouterr().err
    assert trained() == []
    assert trained({"hidden_size": [30, 12, 20]}) == ["mine_s002"] and saved() == "mine_s002"


def test_an_unexpected_fault_costs_its_member_alone_and_nothing_is_ranked_without_it():
    experiments = Experiments()
    experiments.before["mine_s001"] = lambda: 1 / 0
    assert any("mine_s001" in line and "ZeroDivisionError" in line for line in run(experiments))
    assert experiments.trained == ["mine_s001", "mine_s002", "mine_s003"]
    assert not Path("saved_models/mine").exists()
    assert run(Experiments()) == [] and saved() == "mine_s002"


# ---- pruning and samplers -----------------------------------------------------------------------------------------

BAD_LAST = {"hidden_size": [10, 11, 12, 13, 90, 9]}


def trials_of(values: dict, **user) -> list:
    return sweeps.open_study(read(values, config_of(**user))).trials


def test_members_that_lag_behind_are_pruned_and_not_tried_again(capsys):
    experiments = Experiments()
    assert run(experiments, BAD_LAST, epochs=20) == []
    assert len(experiments.trained) == 6 and saved() == "mine_s006"
    trials = trials_of(BAD_LAST, epochs=20)
    assert [trial.state.name for trial in trials] == 4 * ["COMPLETE"] + ["PRUNED", "COMPLETE"]
    assert [trial.last_step for trial in trials] == [20, 20, 20, 20, 8, 20]
    printed = capsys.readouterr()
    assert "Pruned after epoch 8" in printed.out and "not ranked: mine_s005 (pruned)" in printed.err
    assert "mine_s005" not in Path("output_files/mine/comparison.csv").read_text()
    assert trained(BAD_LAST, epochs=20) == []


@pytest.mark.parametrize(
    "values, told", [({"prune_after": 0}, []), ({"seed": [1], "prune_after": 8}, ["seed"]), ({"seed": [1]}, [])]
)
def test_nothing_is_pruned_if_it_is_turned_off_or_if_seeds_are_ranked_together(values, told):
    remarks = read_sweep(sweep_class(BAD_LAST | values), config_of())[2]
    assert len(remarks) == len(told) and all(word in line for word, line in zip(told, remarks, strict=True))
    assert run(Experiments(), BAD_LAST | values, epochs=20) == []
    assert {trial.state.name for trial in trials_of(BAD_LAST | values, epochs=20)} == {"COMPLETE"}


def test_tpe_tries_no_combination_twice_learns_and_continues():
    values = {"hidden_size": list(range(1, 31)), "num_layers": [1, 2], "sampler": "tpe", "prune_after": 0}
    assert trained(values | {"num_draws": 18}) == [f"mine_s{n:03}" for n in range(1, 19)]
    sizes = [trial.params["hidden_size"] + 1 for trial in trials_of(values | {"num_draws": 18})]
    assert np.mean(sizes[10:]) < 0.7 * np.mean(sizes[:10])  # small ones are good here
    assert trained(values | {"num_draws": 20}) == [f"mine_s{n:03}" for n in (19, 20)]
    combinations = {
        tuple(json.loads(path.read_text())["settings"]["user"][name] for name in ("hidden_size", "num_layers"))
        for path in Path("saved_models").glob("mine_s*/settings.json")
    }
    assert len(combinations) == 20

    shutil.rmtree("saved_models/mine.sweep")  # what is finished is known from the disk
    assert trained(values | {"num_draws": 21}) == ["mine_s021"]
    assert run(Experiments(), {"hidden_size": [5, 6], "sampler": "tpe"}) != []  # others hold its names


@pytest.fixture
def drawn(monkeypatch) -> dict:
    """The figures of a sweep by name, which are not written."""
    figures = {}
    monkeypatch.setattr(sweeps, "_save_figures", DRAW)
    monkeypatch.setattr("plotting.save_figure", lambda figure, path: figures.update({path.name: figure}))
    return figures


def test_the_weight_of_each_setting_is_drawn(drawn):
    assert run(Experiments(), {"hidden_size": [1, 2, 3, 4, 5, 6], "num_layers": [1, 2]}) == []
    (bars,) = drawn["parameter_importances.png"].axes
    names = [label.get_text() for label in bars.get_yticklabels()]
    weights = dict(zip(names, [patch.get_width() for patch in bars.patches], strict=True))
    assert names == ["num_layers", "hidden_size"]  # from below
    assert weights["hidden_size"] > 90 and weights["num_layers"] < 10


def test_importances_are_not_drawn_from_a_sweep_of_two_times_two(drawn, capsys):
    assert run(Experiments(), {"hidden_size": [10, 19], "num_layers": [1, 2]}) == []
    assert list(drawn) == ["comparison.png"]
    assert "parameter_importances.png is not drawn: it needs at least 3 more combinations" in capsys.readouterr().out


JOURNAL = Path("saved_models/mine.sweep/journal.log")


@pytest.mark.parametrize("end", [b"\0" * 40 + b"\n{}\n", b"}\n"], ids=["no entry", "no JSON"])
def test_a_journal_that_is_damaged(end):
    assert run(Experiments()) == []
    JOURNAL.write_bytes(JOURNAL.read_bytes()[:-20] + end)
    with pytest.raises(InputError, match="mine.sweep"):
        run(Experiments())
    shutil.rmtree(JOURNAL.parent)
    assert trained() == []


@pytest.mark.parametrize(
    ("sampler", "rest"), [("grid", b""), ("tpe", b""), ("grid", b"\0" * 30), ("grid", b"\xff\xfe{")]
)
def test_a_sweep_whose_journal_was_cut_anywhere_continues_twice(monkeypatch, sampler, rest):
    """As a power cut or a full disk leaves it; what the journal has lost is known from the members' folders."""
    monkeypatch.setattr(os, "fsync", lambda file: None)
    values = SIZES | {"sampler": sampler}
    assert run(Experiments(), values) == []
    journal, winner = JOURNAL.read_bytes(), saved()
    for size in (len(journal) // 3, len(journal) - 90, len(journal) - 1, *(() if rest else (0,))):
        JOURNAL.write_bytes(journal[:size] + rest)
        for _ in range(2):
            again = Experiments()
            assert run(again, values) == [], size
            assert again.trained == [] and saved() == winner, size
        assert all(isinstance(json.loads(line), dict) for line in JOURNAL.read_bytes().splitlines())


def test_a_line_that_another_process_could_not_end_does_not_spoil_the_next_one():
    """Its disk was full in the middle of a line, or it was killed there, while this one trains."""

    def cut() -> None:
        with open(JOURNAL, "ab") as file:
            file.write(b'{"op_code":6,"worker_id":"a')

    experiments = Experiments()
    experiments.before = {"mine_s001": cut, "mine_s003": cut}
    assert run(experiments) == [] and experiments.trained == ["mine_s001", "mine_s002", "mine_s003"]
    assert trained() == []


def test_a_journal_that_cannot_be_written_is_an_error_of_one_line(monkeypatch):
    def full(*_) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    experiments = Experiments()
    experiments.before["mine_s002"] = lambda: monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="journal.log: cannot be written.*free some disk space"):
        run(experiments)
    monkeypatch.undo()


def test_tpe_ends_with_the_last_combination_and_a_trial_without_its_member_is_closed():
    """The process was killed between choosing a combination and writing down whose it is."""
    values = SIZES | {"sampler": "tpe"}
    assert len(trained(values)) == 3
    lines = JOURNAL.read_text().splitlines(keepends=True)
    place = next(i for i, line in enumerate(lines) if '"member"' in line)
    JOURNAL.write_text("".join(lines[:place]))
    assert trained(values) == []
    assert [trial.state.name for trial in trials_of(values)] == ["FAIL", "COMPLETE", "COMPLETE", "COMPLETE"]


# ---- several processes --------------------------------------------------------------------------------------------


class Slow(Experiments):
    """Notes what it trains in a file, and takes some time: forever if there is a file of the member's name."""

    def __call__(self, config: Config, workers=None, after_epoch=None) -> list[str]:
        with open("log.txt", "a") as log:
            what = "trained" if config.user.training_mode else "loaded"
            log.write(f"{os.getpid()} {what} {config.network_name}\n")
        time.sleep(0.2)
        while config.user.training_mode and Path(config.network_name).exists():
            time.sleep(0.05)
        return super().__call__(config, workers, after_epoch)


def join() -> None:
    """What each process does."""
    turn_off_figures(setattr)
    sys.exit(len(run(Slow(), SIX)))


def start() -> subprocess.Popen:
    folders = Path(__file__).parent, Path(__file__).parents[1], Path(main.__file__).parent
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, folders))}
    return subprocess.Popen([sys.executable, "-c", "import test_sweeps; test_sweeps.join()"], env=environment)


def logged(what: str) -> list[list[str]]:
    """Process and member of each line."""
    lines = Path("log.txt").read_text().splitlines() if Path("log.txt").exists() else []
    return [line.split()[::2] for line in lines if f" {what} " in line]


def wait_for(condition, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


SIX = {"hidden_size": [30, 10, 20, 15, 25, 35]}
MEMBERS = [f"mine_s{n:03}" for n in range(1, 7)]


def test_processes_that_are_started_at_once_share_the_members_and_one_of_them_ranks():
    processes = [start() for _ in range(2)]
    assert [process.wait(timeout=120) for process in processes] == [0, 0]
    assert sorted(member for _, member in logged("trained")) == MEMBERS
    assert len({process for process, _ in logged("trained")}) > 1
    assert {member for _, member in logged("loaded")} == {"mine"} and saved() == "mine_s002"


def test_the_member_of_a_killed_process_is_trained_by_another_one(capsys):
    Path("mine_s003").touch()
    killed = start()
    wait_for(lambda: len(logged("trained")) == 3)
    assert done(SIX) == (MEMBERS[3:], [])  # the third one is being trained
    assert "5 of 6 members are finished" in capsys.readouterr().out and not Path("saved_models/mine").exists()
    killed.kill()
    killed.wait()
    assert done(SIX) == (["mine_s003"], ["mine"]) and saved() == "mine_s002"


# ---- whole runs ---------------------------------------------------------------------------------------------------


def write_sweep(project: Project, name: str = "my_inputs.py", **values) -> None:
    path = project.write_inputs(name)
    lines = [f"        self.{key} = {value!r}" for key, value in values.items()]
    path.write_text(path.read_text() + "\n".join(["class SweepArgs:", "    def __init__(self):", *lines, ""]))


ONE = ["--processes", "1"]  # in which tests can change what is done


def test_a_sweep_from_interruption_to_winner(project, monkeypatch, eagerly, capsys):
    """The second member is interrupted and resumed, the third one, which hardly learns, is pruned."""
    project.user |= {"model_save_filename": "mine", "epochs": 3, "num_batches": 2}
    project.save = {"test": [0], "train": [], "val": []}
    write_sweep(project, lr=[0.02, 0.01, 1e-9], prune_after=2)
    monkeypatch.setattr(sweeps, "MEMBERS_BEFORE_PRUNING", 2)
    import keras

    from training import resume

    on_epoch_end = resume.TrainingState.on_epoch_end

    def interrupt(self, epoch, logs=None):
        on_epoch_end(self, epoch, logs)
        if self._folder.path.name == "mine_s002" and epoch == 1:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(resume.TrainingState, "on_epoch_end", interrupt)
    assert main.main(["--inputs", "my_inputs", *ONE]) == 1
    networks, first = Path("saved_models"), Path("saved_models/mine_s001/model.keras").stat().st_mtime_ns
    assert (networks / "mine_s002/training_state.npz").is_file() and not (networks / "mine").exists()

    monkeypatch.setattr(resume.TrainingState, "on_epoch_end", on_epoch_end)
    capsys.readouterr()
    assert main.main(["--inputs", "my_inputs", *ONE]) == 0
    said = capsys.readouterr().out
    assert "Resuming the training in" in said and "Pruned after epoch 2" in said
    assert (networks / "mine_s001/model.keras").stat().st_mtime_ns == first
    epochs = [len(pd.read_csv(networks / f"mine_s00{number}/history.csv")) for number in (1, 2, 3)]
    assert epochs == [3, 3, 2] and not Path("output_files/mine_s003").exists()

    names = ("mine_s001", "mine_s002", "mine")
    reports = {name: pd.read_csv(f"output_files/{name}/error_report.csv") for name in names}
    of_network = "set == 'val' and source == 'LSTM' and channel == 'All'"
    *members, winner = [report.query(of_network)["nrmse"].item() for report in reports.values()]
    assert winner == pytest.approx(min(members), rel=1e-4)
    assert ["test" in set(report["set"]) for report in reports.values()] == [False, False, True]
    assert Path("output_files/mine/lstm_output_for_SC_3.txt").is_file()
    keras.models.load_model(networks / "mine/model.keras")


def test_faults_of_a_sweep_are_reported_before_anything_is_trained(project, capsys):
    def faults() -> list[str]:
        assert main.main(["--inputs", "my_inputs"]) == 1 and project.written() == []
        return [line for line in capsys.readouterr().err.splitlines() if line.startswith("Error: ")]

    project.user["epoch"] = 3
    write_sweep(project, hidden_size=[3, 0], wave_grid_x_size=[2])
    os.unlink(f"{project.data['test_lamp'][0]}.mot")
    assert len(faults()) == 3
    project.user.pop("epoch")
    write_sweep(project, hidden_size=[3, 4])
    (line,) = faults()
    assert "LAMP_3.mot" in line


def test_the_class_in_the_import_line(project, monkeypatch):
    project.write_inputs("edited_inputs.py")
    module = input_file.load_module("edited_inputs")
    for name in ("UserInputArgs", "PlottingArgs", "DataInfoArgs", "DerivedArgs"):
        monkeypatch.setattr(main, name, getattr(module, name))
    assert main.experiment_queue.read(None, vars(main))[0].sweep is None
    monkeypatch.setattr(main, "SweepArgs", sweep_class({"lr": [0.1, 0.2]}), raising=False)
    assert len(main.experiment_queue.read(None, vars(main))[0].sweep.members) == 2


def test_a_queue_is_compared(project, monkeypatch, capsys):
    for name, size in (("a", 30), ("b", 10), ("c", 20)):
        project.user |= {"model_save_filename": f"net_{name}", "hidden_size": size}
        project.write_inputs(f"{name}.py")
    experiments = Experiments()
    monkeypatch.setattr(main, "run", experiments)
    assert main.main(["--inputs", "a", "b", "c"]) == 0
    assert experiments.trained == ["net_a", "net_b", "net_c"]
    table = pd.read_csv(project.folder / "output_files/comparison.csv")
    assert table["name"].unique().tolist() == ["net_b", "net_c", "net_a", "SimpleCode"]
    assert table.query("set == 'test'")["name"].unique().tolist() == ["net_b", "SimpleCode"]
