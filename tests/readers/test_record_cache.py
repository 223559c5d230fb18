"""The cache of parsed records: never out of date, complete or missing, and with the same results."""

import dataclasses
import errno
import os
import pickle
import tempfile
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import Project, faults_of, write_realization

import data_io
from data_io import read_record, read_sets
from readers import record_cache
from readers.records import Record
from settings import Config, DataInfo, UserInput, input_file, user_settings
from system.errors import InputError

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture
def config(tmp_path) -> Config:
    """Three realizations, one of them with a warning, and a cache that is empty."""
    pairs = [write_realization(tmp_path / "data", f"_{i}", rows=60 + i, seed=i) for i in range(3)]
    wave = Path(f"{pairs[1][1]}.wav")
    wave.write_text("\n".join(wave.read_text().splitlines()[:3] + wave.read_text().splitlines()[3::2]))
    sc, lamp = zip(*pairs, strict=True)
    lists = {"train_sc": sc[:2], "train_lamp": lamp[:2], "val_sc": sc[2:], "val_lamp": lamp[2:]}
    data = DataInfo(**lists, cache_path=str(tmp_path / "cache"))
    return Config(user=UserInput(time_res=2), data=data)


def without_cache(config: Config) -> Config:
    return dataclasses.replace(config, data=dataclasses.replace(config.data, cache_path=""))


def kept_files(config: Config) -> list[Path]:
    return sorted(Path(config.data.cache_path).iterdir())


def count_parsed(monkeypatch) -> list[str]:
    """Notes the SimpleCode path of each realization that is parsed from here on."""
    parsed = []

    def reading(sc, *arguments, **options):
        parsed.append(sc)
        return read_record(sc, *arguments, **options)

    monkeypatch.setattr(data_io, "read_record", reading)
    return parsed


def assert_same(sets, expected) -> None:
    assert {name: len(records) for name, records in sets.items()} == {n: len(r) for n, r in expected.items()}
    for name, records in sets.items():
        for record, other in zip(records, expected[name], strict=True):
            assert record.name == other.name and record.digest == other.digest
            for array in ("time", "inputs", "targets", "simple"):
                assert np.array_equal(getattr(record, array), getattr(other, array), equal_nan=True)


def test_records_from_the_cache_are_those_of_the_files(config, monkeypatch):
    expected, warnings = read_sets(without_cache(config))
    assert sum("interpolated" in line for line in warnings) == 1
    parsed = count_parsed(monkeypatch)
    for times_parsed in (3, 3):
        sets, same_warnings = read_sets(config)
        assert isinstance(sets["train"].entries[0], record_cache.CachedRecord) and same_warnings == warnings
        assert_same(sets, expected)
        assert len(parsed) == times_parsed
    assert [file.suffix for file in kept_files(config)] == [".npy"] * 3


def test_a_changed_file_is_parsed_again(config, monkeypatch):
    read_sets(config)
    parsed = count_parsed(monkeypatch)
    file = Path(f"{config.data.train_lamp[0]}.mot")
    before = file.stat()
    lines = file.read_text().splitlines(keepends=True)
    words = lines[20].split(" ")
    words[3] = words[3][:-1] + str((int(words[3][-1]) + 1) % 10)  # as long as before, and with its time set back
    file.write_text("".join([*lines[:20], " ".join(words), *lines[21:]]))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert file.stat().st_size == before.st_size and file.stat().st_mtime_ns == before.st_mtime_ns
    sets, _ = read_sets(config)
    assert parsed == [config.data.train_sc[0]]
    assert_same(sets, read_sets(without_cache(config))[0])


def test_other_channels_are_parsed_again_and_other_networks_are_not(config, monkeypatch):
    read_sets(config)
    parsed = count_parsed(monkeypatch)
    read_sets(dataclasses.replace(config, user=dataclasses.replace(config.user, hidden_size=7, time_res=3)))
    assert not parsed
    other = dataclasses.replace(config, user=dataclasses.replace(config.user, input_vbm=True, output_vbm=True))
    assert_same(read_sets(other)[0], read_sets(without_cache(other))[0])
    assert len(kept_files(config)) == 6


def test_every_setting_that_reading_asks_for_is_part_of_the_name(config):
    asked = set()

    class Noting:
        def __init__(self, user):
            self._user = user

        def __getattr__(self, name):
            asked.add(name)
            return getattr(self._user, name)

    pair = config.data.pairs("train")[0]
    rows = np.array([[0.5, 10.0, 1.0, 30.0], [0.7, 50.0, 0.5, 40.0]])
    np.savetxt(f"{pair[1]}.sea", rows, header="\n".join("abcdef"), comments="")
    grid = {"wave_grid_x_size": 3, "wave_grid_y_size": 3, "ship_length": 100.0, "ship_beam": 20.0}
    for changes in ({}, grid, {"input_vbm": True, "output_vbm": True}):
        read_record(*pair, Noting(dataclasses.replace(config.user, **changes)))
    assert asked == {*user_settings("channels"), "time_res"}


def test_another_format_is_parsed_again(config, monkeypatch):
    read_sets(config)
    parsed = count_parsed(monkeypatch)
    monkeypatch.setattr(record_cache, "FORMAT", record_cache.FORMAT + 1)
    read_sets(config)
    assert len(parsed) == 3


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1000])


def flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 4
    file.write_bytes(data)


def lose_a_block(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[1024:2048] = bytes(1024)
    file.write_bytes(data)


@pytest.mark.parametrize(
    "damage",
    [
        cut,
        flip,
        lose_a_block,
        lambda file: file.write_bytes(b""),
        lambda file: file.write_text("something else"),
        lambda file: file.write_bytes(pickle.dumps([1])),
        lambda file: np.save(file, np.arange(5.0)),
        lambda file: np.save(file, np.zeros((), [("time", "<f8", 5)])),
        lambda file: np.save(file, np.array([{}], object), allow_pickle=True),
    ],
)
def test_a_damaged_file_of_the_cache_is_recreated(config, monkeypatch, damage):
    expected, _ = read_sets(config)
    file = expected["train"].entries[1].file
    damage(file)
    with pytest.raises(InputError, match="deleted or damaged during the run"):
        expected["train"][1]
    parsed = count_parsed(monkeypatch)
    sets, _ = read_sets(config)
    assert parsed == [config.data.train_sc[1]]
    assert_same(sets, read_sets(without_cache(config))[0])


def test_faults_are_reported_as_without_a_cache_and_what_is_good_is_kept(config, monkeypatch):
    Path(f"{config.data.train_sc[0]}.mot").write_text("")
    Path(f"{config.data.val_lamp[0]}.mot").write_text("")
    lines = faults_of(read_sets, config)
    assert lines == faults_of(read_sets, without_cache(config)) and len(lines) == 2
    assert len(kept_files(config)) == 1


def test_a_record_that_is_too_short_for_a_new_time_res_is_reported(config):
    read_sets(config)
    with pytest.raises(InputError, match="twice time_res"):
        read_sets(dataclasses.replace(config, user=dataclasses.replace(config.user, time_res=31)))


def test_a_file_that_changes_while_it_is_read_is_not_kept(config, monkeypatch):
    def reading(sc, lamp, *arguments, **options):
        found = read_record(sc, lamp, *arguments, **options)
        with open(f"{lamp}.mot", "a") as file:
            file.write("\n")
        return found

    monkeypatch.setattr(data_io, "read_record", reading)
    lines = faults_of(read_sets, config)
    assert len(lines) == 3 and all("changed while they were read" in line for line in lines)
    assert kept_files(config) == []


def test_a_cache_that_cannot_be_written_is_one_line(config, monkeypatch):
    with monkeypatch.context() as full:
        full.setattr(np, "save", lambda *_: (_ for _ in ()).throw(FULL))
        (line,) = faults_of(read_sets, config)
    assert "disk space" in line
    refused = PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: (_ for _ in ()).throw(refused))
    (line,) = faults_of(read_sets, config)
    assert "DataInfoArgs.cache_path" in line


def test_several_may_keep_the_same_record_at_once(tmp_path):
    numbers = np.random.default_rng(0).normal(size=(5000, 3))
    record = Record("x", numbers[:, 0], numbers, None, numbers, {"sc": "digest"})
    file, found, broken = tmp_path / "x.npy", [], []

    def work():
        for _ in range(20):
            try:
                record_cache.save(file, record, ["a remark"])
            except Exception as error:
                broken.append(error)
            found.append(record_cache.load(file, "x"))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not broken and len(found) == 80
    assert all(np.array_equal(f.value.inputs, numbers) and f.remarks == ["a remark"] for f in found)
    assert list(tmp_path.iterdir()) == [file]


def test_a_run_from_the_cache_ends_as_one_in_memory(project: Project):
    from training.resume import data_fingerprint

    project.user |= {"window_length": 8, "washout_length": 4, "mirror_symmetry": True, "num_batches": 3}
    left = {}
    for name, cache in (("memory", ""), ("cache", "parsed")):
        project.user["model_save_filename"] = name
        project.data["cache_path"] = cache
        assert project.run() == 0
        history = pd.read_csv(f"saved_models/{name}/history.csv", dtype=str).drop(columns="elapsed_s")
        # All but the report page, which says when its network was trained and what it is called.
        outputs = sorted(path for path in Path(f"output_files/{name}").glob("*.*") if path.suffix != ".html")
        left[name] = [history.to_csv(), *((path.name, path.read_bytes()) for path in outputs)]
    assert left["cache"] == left["memory"] and len(left["cache"]) > 5
    assert {path.suffix for path in Path("parsed").iterdir()} == {".npy"}  # the streamed files have no name

    config, faults, _ = input_file.read_config(input_file.load_module("my_inputs"))
    (in_memory, _), (on_disk, _) = read_sets(without_cache(config)), read_sets(config)
    prints = {data_fingerprint(sets["train"], sets["val"]) for sets in (in_memory, on_disk)}
    assert not faults and len(prints) == 1 and prints != {data_fingerprint(on_disk["train"])}
