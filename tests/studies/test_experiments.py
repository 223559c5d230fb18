"""What is checked before the first experiment of a queue runs: folders, and networks that it loads or replaces."""

import errno
import os
import tempfile
from pathlib import Path

import pytest
from conftest import Project

import main


def messages(capsys) -> list[str]:
    lines = capsys.readouterr().err.splitlines()
    assert all(line.startswith("Error: ") for line in lines)
    return lines


# ---- folders ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", [errno.EACCES, errno.EROFS, errno.ENOSPC])
@pytest.mark.parametrize("name", ["output_path", "saved_models", "cache_path"])
def test_folders_that_cannot_be_written_are_found_before_anything_is_done(project, capsys, monkeypatch, name, reason):
    monkeypatch.setattr(main, "run", lambda *_: pytest.fail("nothing is run"))
    closed = project.folder / ("saved_models" if name == "saved_models" else "closed")
    closed.mkdir()
    if name == "output_path":
        project.save[name] = "closed/new/folder"
    elif name == "cache_path":
        project.data[name] = "closed/new/folder"
    write = tempfile.TemporaryFile

    def refuse(dir: Path):
        if Path(dir).name == closed.name:
            raise OSError(reason, os.strerror(reason))
        return write(dir=dir)

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    assert project.run() == 1
    (line,) = messages(capsys)
    assert name in line and closed.name in line and os.strerror(reason) in line
    assert ("disk space" in line) == (reason == errno.ENOSPC)
    assert project.written() == [closed.name]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_the_right_to_write(project, capsys):
    (project.folder / "closed").mkdir(mode=0o555)
    project.save["output_path"] = "closed/new"
    assert project.run() == 1
    assert "Permission denied" in messages(capsys)[0]


def test_files_in_the_way_of_folders(project, capsys):
    for name in ("results", "saved_models", "cache"):
        (project.folder / name).write_text("")
    project.save["output_path"] = "results/run 1"
    project.data["cache_path"] = "cache"
    assert project.run() == 1
    lines = messages(capsys)
    assert len(lines) == 3 and all("is a file where a folder is expected" in line for line in lines)
    for name in ("output_path", "saved_models", "cache_path"):
        assert sum(name in line for line in lines) == 1


def test_a_network_is_loaded_from_a_folder_that_cannot_be_written(project, capsys, monkeypatch):
    """A library of networks that several people use."""
    monkeypatch.setattr(main, "run", lambda *_: [])
    model = project.folder / "saved_models/shared/model.keras"
    model.parent.mkdir(parents=True)
    model.write_text("")
    project.user = {"training_mode": False, "model_load_filename": "shared"}
    asked = []
    monkeypatch.setattr("system.files.try_to_write", lambda folder: asked.append(folder.as_posix()))
    assert project.run() == 0
    assert asked == ["output_files/shared"]


# ---- networks of a queue ------------------------------------------------------------------------------------------


def write_queue(project: Project, *users: dict) -> list[str]:
    names = [f"file_{i}" for i in range(len(users))]
    for name, user in zip(names, users, strict=True):
        project.user = user
        project.write_inputs(f"{name}.py")
    return names


def test_a_network_that_is_not_there_is_found_before_the_first_training(project, capsys, monkeypatch):
    monkeypatch.setattr(main, "run", lambda *_: pytest.fail("nothing is run"))
    loading = {"training_mode": False, "model_load_filename": "a"}
    tuning = {"fine_tune_filename": "b", "model_save_filename": "c"}
    names = write_queue(project, loading, {"model_save_filename": "a"}, tuning)
    assert main.main(["--inputs", *names]) == 1
    lines = messages(capsys)
    assert len(lines) == 2 and all("there is no saved network of this name" in line for line in lines)
    assert "file_0: " in lines[0] and "file_2: " in lines[1]


def test_networks_that_the_queue_trains_before_need_not_be_there(project, capsys, monkeypatch):
    done = []
    monkeypatch.setattr(main, "run", lambda config, _: done.append(config.network_name) or [])
    loading = {"training_mode": False, "model_load_filename": "b"}
    tuning = {"fine_tune_filename": "a", "model_save_filename": "b"}
    names = write_queue(project, {"model_save_filename": "a"}, tuning, loading)
    assert main.main(["--inputs", *names]) == 0
    assert done == ["a", "b", "b"]


def test_two_trainings_of_one_name_in_a_queue(project, capsys, monkeypatch):
    monkeypatch.setattr(main, "run", lambda *_: [])
    first, second = {"model_save_filename": "a"}, {"model_save_filename": "a", "hidden_size": 7}
    assert main.main(["--inputs", *write_queue(project, first, second)]) == 1
    (line,) = messages(capsys)
    assert "file_1: " in line and "file_0 trains a network of this name" in line and "overwrite = True" in line
    assert main.main(["--inputs", *write_queue(project, first, first)]) == 0
    assert main.main(["--inputs", *write_queue(project, first, second | {"overwrite": True})]) == 0
