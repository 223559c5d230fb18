"""A run's files replace those of the previous run, and no others."""

from pathlib import Path

import pandas as pd
import pytest

from system.files import read_table, write_columns_with
from system.run_folder import RunFolder

NOTHING = lambda name: False  # noqa: E731


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


def run(folder: Path, *names: str, keep=NOTHING, cut_off: bool = False) -> list[str]:
    earlier = RunFolder(folder).begin()
    RunFolder(folder).note(names)
    write(folder, *names)
    return [] if cut_off else RunFolder(folder).finish(earlier, keep)


def left_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_files_of_the_run_before_go_and_those_of_others_stay(tmp_path):
    assert run(tmp_path, "report.csv", "p_1.txt", "figures/a.png", "figures/b.png") == [
        *("report.csv", "p_1.txt", "figures/a.png", "figures/b.png")
    ]
    write(tmp_path, "p_1 copy.txt", "notes.txt", "figures/mine.png")
    assert run(tmp_path, "report.csv", "q_2.txt") == ["report.csv", "q_2.txt"]
    own = [RunFolder.LIST, "figures/mine.png", "notes.txt", "p_1 copy.txt"]
    assert left_in(tmp_path) == sorted([*own, "report.csv", "q_2.txt"])
    run(tmp_path, "report.csv", "figures/a.png")
    assert left_in(tmp_path) == sorted([*own, "report.csv", "figures/a.png"])


def test_a_run_that_is_interrupted_removes_nothing_and_the_next_one_cleans_up(tmp_path):
    run(tmp_path, "report.csv", "figures/a.png")
    run(tmp_path, "figures/b.png", cut_off=True)
    assert left_in(tmp_path) == [RunFolder.LIST, "figures/a.png", "figures/b.png", "report.csv"]
    run(tmp_path, "report.csv")
    assert left_in(tmp_path) == [RunFolder.LIST, "report.csv"]
    assert not (tmp_path / "figures").exists()
    assert run(tmp_path) == []  # nothing made: nothing is replaced
    assert left_in(tmp_path) == [RunFolder.LIST, "report.csv"]


def test_files_that_are_kept_go_with_a_later_run(tmp_path):
    run(tmp_path, "report.csv", "p_1.txt")
    run(tmp_path, "p_2.txt", keep=lambda name: name.endswith(".csv"))
    assert left_in(tmp_path) == [RunFolder.LIST, "p_2.txt", "report.csv"]
    run(tmp_path, "p_3.txt")
    assert left_in(tmp_path) == [RunFolder.LIST, "p_3.txt"]


@pytest.mark.parametrize("name", ["../outside.txt", "a/../../outside.txt"])
def test_nothing_outside_of_the_folder_is_removed(tmp_path, name):
    folder = tmp_path / "inner"
    write(tmp_path, "outside.txt")
    run(folder, "a/x.txt")
    RunFolder(folder).note([name])
    run(folder, "report.csv")
    assert left_in(tmp_path) == [f"inner/{RunFolder.LIST}", "inner/report.csv", "outside.txt"]


def test_nothing_with_a_whole_path_is_removed(tmp_path):
    folder = tmp_path / "inner"
    write(tmp_path, "outside.txt")
    for remove in (lambda: run(folder, "report.csv"), lambda: RunFolder(folder).discard(lambda name: True)):
        RunFolder(folder).note([str(tmp_path / "outside.txt"), "../outside.txt", "C:outside.txt"])
        remove()
        assert (tmp_path / "outside.txt").is_file()


@pytest.mark.parametrize("rest", [b"", b"\0" * 20])
def test_a_list_that_was_cut_anywhere_costs_no_file_of_the_next_run(tmp_path, rest):
    """As a power cut leaves it. A file of which the list knows no more may stay behind."""
    names = ["report.csv", "p_1.txt", "figures/a.png"]
    run(tmp_path, *names)
    whole = (tmp_path / RunFolder.LIST).read_bytes()
    for size in range(len(whole)):
        (tmp_path / RunFolder.LIST).write_bytes(whole[:size] + rest)
        assert run(tmp_path, *names, cut_off=True) == []
        (tmp_path / RunFolder.LIST).write_bytes(whole[:size] + rest)
        for _ in range(2):
            assert run(tmp_path, *names) == names, size
            assert left_in(tmp_path) == sorted([RunFolder.LIST, *names])
    assert run(tmp_path, "report.csv") == ["report.csv"]
    assert left_in(tmp_path) == sorted([RunFolder.LIST, "report.csv"])


def test_the_list_says_what_a_file_was_made_for(tmp_path):
    for digest in ("a" * 32, "b" * 32):
        earlier = RunFolder(tmp_path).begin()
        RunFolder(tmp_path).note(["P_1.txt"], digest)
        write(tmp_path, "P_1.txt")
        assert RunFolder(tmp_path).made_for() == {"p_1.txt": digest}
        RunFolder(tmp_path).finish(earlier, NOTHING)
        assert RunFolder(tmp_path).made_for() == {"p_1.txt": digest}
    RunFolder(tmp_path).begin()
    assert RunFolder(tmp_path).made_for(latest=True) == {}
    RunFolder(tmp_path).note(["p_2.txt", "p_3.txt"], "c" * 32)
    write(tmp_path, "p_2.txt")
    assert RunFolder(tmp_path).made_for(latest=True) == {"p_2.txt": "c" * 32}
    assert RunFolder(tmp_path).made_for().keys() == {"p_1.txt", "p_2.txt"}


@pytest.mark.parametrize("names", [("MoorDyn", "MoorPy"), ("CFD_fine", "CFD"), ("Model test, 1:50", "(linear) code")])
def test_columns_of_tables_are_called_after_the_sources_and_read_back(tmp_path, names):
    table = pd.DataFrame({name: [1.0] for name in ("ssa_lamp", "lamp_lower", "simplecode", "clamp", "fleet")})
    columns = ["std_sc", *table]
    try:
        write_columns_with({"lamp": names[0], "simplecode": names[1], "sc": names[1]})
        RunFolder(tmp_path).write_table("t.csv", table.assign(std_sc=2.0)[columns])
        there = [f"std_{names[1]}", f"ssa_{names[0]}", f"{names[0]}_lower", names[1], "clamp", "fleet"]
        assert pd.read_csv(tmp_path / "t.csv").columns.tolist() == there
        back = read_table(tmp_path / "t.csv", dtype={"simplecode": str})
        assert back.columns.tolist()[1:] == columns[1:] and back["simplecode"].tolist() == ["1.0"]
    finally:
        write_columns_with({})
