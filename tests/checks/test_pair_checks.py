"""Contradictions put into the sample data are found one at a time; sound data have none."""

import dataclasses
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import data_io
from benchmarks.any_pairs import drawn_set
from checks import pair_checks
from readers.sea_state_handles import sea_state
from settings import DataInfo, UserInput, description
from settings.description import Description, Output
from system.errors import InputError

pytestmark = pytest.mark.xdist_group("pair_checks")  # its tests share costly fixtures

SAMPLES = Path(__file__).parents[2] / "sample_data"
CHANNELS = ("Zcg", "Roll", "Pitch")
NUMBERS = (1, 2, 3, 4, 5, 6)


@pytest.fixture(scope="module")
def records() -> list[data_io.Record]:
    def name(number: int) -> str:
        return f"_h7.5_p15_a135_hh0_pp0_aa0_s10-{number:07d}"

    folder = SAMPLES.as_posix()
    return [
        data_io.read_record(
            f"{folder}/SimpleCode_files/SC{name(n)}", f"{folder}/LAMP_files/LAMP{name(n)}", UserInput()
        )[0]
        for n in NUMBERS
    ]


def files_of(records) -> DataInfo:
    return DataInfo(train_sc=tuple(r.name for r in records), train_lamp=tuple(f"LAMP{r.name[2:]}" for r in records))


def findings_in(records) -> list[pair_checks.Finding]:
    return pair_checks.find(pair_checks.measure_sets(UserInput(), files_of(records), {"train": records}), CHANNELS)


def changed(record, simple=None, lamp=None, wave=None, keep=slice(None)):
    """A copy of which functions have changed the columns of SimpleCode, LAMP and the wave in place."""
    inputs, targets = record.inputs.copy(), record.targets.copy()
    for change, columns in ((simple, inputs[:, :3]), (lamp, targets), (wave, inputs[:, 3:])):
        if change:
            change(columns)
    return dataclasses.replace(
        record, time=record.time[keep], inputs=inputs[keep], targets=targets[keep], simple=inputs[keep, :3]
    )


def times(column: int, factor: float):
    def change(columns):
        columns[:, column] *= factor

    return change


def swapped(columns):
    columns[:, [1, 2]] = columns[:, [2, 1]]


def late(columns):
    columns[50:] = columns[:-50].copy()


def later(rows: int):
    def change(columns):
        columns[rows:] = columns[:-rows].copy()

    return change


def spike(columns):
    columns[3000, 0] = 9999


def rows_missing(columns):
    columns[2500:-500] = columns[3000:].copy()


def radians(columns):
    columns[:, 1:] *= np.pi / 180


KINDS = {
    "late": ({"lamp": late}, "lag"),
    "radians in LAMP": ({"lamp": radians}, "size of Pitch"),
    "radians in SimpleCode": ({"simple": radians}, "size of Roll"),
    "feet in LAMP": ({"lamp": times(0, 3.28)}, "size of Zcg"),
    "feet in SimpleCode": ({"simple": times(0, 3.28)}, "size of Zcg"),
    "roll's sign": ({"lamp": times(1, -1)}, "sign of Roll"),
    "columns exchanged": ({"lamp": swapped}, "columns"),
    "9999 in LAMP": ({"lamp": spike}, "jump"),
    "9999 in the wave": ({"wave": spike}, "jump"),
    "zeros in LAMP": ({"lamp": times(2, 0)}, "constant Pitch"),
    "zeros in both": ({"lamp": times(1, 0), "simple": times(1, 0)}, "constant Roll"),
    "2 s late": ({"lamp": later(20)}, "lag"),
    "SimpleCode 2 s late": ({"simple": later(20)}, "lag"),
    "waves inverted": ({"wave": times(0, -1)}, "sign of the waves"),
    "waves halved": ({"wave": times(0, 0.5)}, "size of the waves"),
    "waves in centimetres": ({"wave": times(0, 100)}, "size of the waves"),
    "heave's sign": ({"lamp": times(0, -1)}, "sign of Zcg"),
    "pitch's sign": ({"simple": times(2, -1)}, "sign of Pitch"),
    "rows missing": ({"lamp": rows_missing}, "realization"),
}


def test_sound_pairs_raise_no_alarm(records):
    for count in (1, 2, len(records)):
        assert findings_in(records[:count]) == []


def test_short_records_raise_no_alarm(records):
    for rows in (30, 250, 1500):
        assert findings_in([changed(record, keep=slice(rows)) for record in records]) == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [1, len(NUMBERS)])
def test_a_contradiction_is_found_in_one_record_and_in_all(records, kind, count):
    changes, expected = KINDS[kind]
    if kind == "zeros in both" and count > 1:
        pytest.skip("roll is zero in all records of head seas")
    findings = findings_in([changed(record, **changes) for record in records[:count]] + records[count:])
    found = {f.kind for f in findings}
    assert expected in found
    assert {f.pair.name for f in findings} == {record.name for record in records[:count]}


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize(
    "changes, expected",
    [
        ({"wave": times(0, -1)}, "sign of the waves"),
        ({"wave": times(0, 0.5)}, "size of the waves"),
        ({"wave": times(0, 2)}, "size of the waves"),
        ({"wave": times(0, 1 / 0.3048)}, "size of the waves"),
        ({"wave": later(20)}, "lag of the waves"),
        ({"wave": later(50)}, "sign of the waves"),  # half a period
        ({"lamp": later(20)}, "lag"),
        ({"simple": later(20)}, "lag"),
        ({"lamp": times(0, -1)}, "sign of Zcg"),
        ({"lamp": times(1, -1)}, "sign of Roll"),
        ({"lamp": times(2, -1)}, "sign of Pitch"),
    ],
)
def test_one_record_of_six_is_told_from_the_others(records, changes, expected, named):
    """With handles in the names or without: records in which SimpleCode moves alike are of one sea state."""
    if not named:
        records = [dataclasses.replace(record, name=f"SC_{place}") for place, record in enumerate(records)]
    findings = findings_in([changed(records[0], **changes), *records[1:]])
    assert expected in {f.kind for f in findings} and {f.pair.name for f in findings} == {records[0].name}
    if expected in ("lag", "lag of the waves"):
        assert {f.kind for f in findings} == {expected}


@pytest.mark.parametrize("who", ["lamp", "simple"])
def test_a_single_pair_two_seconds_late_has_a_lag_and_no_other_columns(records, who):
    (finding,) = findings_in([changed(records[0], **{who: later(20)})])
    assert finding.kind == "lag" and "lags SimpleCode by" in finding.line


def test_a_channel_that_simplecode_does_not_have_is_not_constant(records):
    without = [changed(record, simple=times(1, np.nan)) for record in records]
    assert findings_in(without) == []


@pytest.mark.parametrize("size", [1e9, 9e17])
def test_huge_values_overflow_without_a_warning_of_numpy(records, size):
    def huge(columns):
        columns[1000:1010, 0] = size

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for who in ("lamp", "simple", "wave"):
            assert findings_in([changed(records[0], **{who: huge}), *records[1:]])


@pytest.mark.parametrize("size", [1e-323, 1e-310, 1e-160, 1e-30])
def test_motions_too_small_to_be_squared_are_measured(records, size):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for column in range(3):
            findings_in([changed(records[0], simple=times(column, size)), records[1]])
            findings_in([changed(records[0], lamp=times(column, size)), records[1]])


def test_the_file_in_another_unit_is_named(records):
    for code, changes in (("LAMP", {"lamp": radians}), ("SC", {"simple": radians})):
        (line,) = [f.line for f in findings_in([changed(records[0], **changes)]) if f.kind == "size of Pitch"]
        assert f"{code}_h7.5_p15_a135_hh0_pp0_aa0_s10-0000001.mot seems to be in radians" in line


@pytest.mark.parametrize("shift", [1, 3])
def test_shifted_lists_and_waves_of_another_realization(records, shift):
    others = records[shift:] + records[:shift]
    foreign = [dataclasses.replace(r, targets=o.targets[: len(r.time)]) for r, o in zip(records, others, strict=True)]
    assert {f.kind for f in findings_in(foreign)} == {"realization"}
    waves = [
        changed(r, wave=lambda w, o=o: w.__setitem__(slice(None), o.inputs[:, 3:]))
        for r, o in zip(records, others, strict=True)
    ]
    assert {f.kind for f in findings_in(waves)} == {"waves"}
    assert [f.pair.name for f in findings_in([waves[0], *records[1:]])] == [records[0].name]


def test_a_realization_twice(records):
    (finding,) = findings_in([*records, records[2]])
    assert finding.kind == "duplicate" and "this realization" in finding.line
    same_lamp = dataclasses.replace(records[1], targets=records[0].targets)
    assert "duplicate" in {f.kind for f in findings_in([records[0], same_lamp])}


def test_many_findings_of_a_kind_take_a_few_lines_and_a_table_holds_all(records):
    pairs = pair_checks.measure_sets(
        UserInput(), files_of(records), {"train": [changed(r, lamp=times(1, -1)) for r in records]}
    )
    findings = pair_checks.find(pairs, CHANNELS)
    told = pair_checks.lines(findings)
    assert len(told) == pair_checks.SHOWN and "and 3 more realizations" in told[-1]
    table = pair_checks.pair_table(pairs, findings)
    assert list(table["record"]) == [r.name for r in records] and set(table["odd"]) == {"sign of Roll"}
    assert (table["correlation_Roll"] < -0.5).all() and table["fit"].min() > 0.9


def test_strict_data_makes_warnings_errors(records, capsys):
    user, data = UserInput(), files_of(records)
    wrong = {"train": [changed(records[0], lamp=times(1, -1)), *records[1:]]}
    pair_checks.check(user, data, wrong, ["a remark"])
    told = capsys.readouterr().err
    assert "Warning: a remark" in told and "is opposite to SimpleCode's" in told
    strict = UserInput(strict_data=True)
    with pytest.raises(InputError, match="is opposite to"):
        pair_checks.check(strict, data, wrong, [])
    assert len(pair_checks.check(strict, data, {"train": records}, [])) == len(records)


def test_handles_of_two_realizations():
    state = "_h7_p15_a135_hh0_pp0_aa0_s10"
    same = DataInfo(train_sc=(f"a/SC{state}-0000001", "SC_2"), train_lamp=(f"LAMP{state}-0000001", "LAMP_3"))
    assert pair_checks.handle_faults(same) == []
    other = DataInfo(test_sc=(f"SC{state}-0000001",), test_lamp=(f"LAMP{state}-0000002",))
    (fault,) = pair_checks.handle_faults(other)
    assert "test_sc" in fault and "0000002" in fault


def test_handles_of_a_pair_are_compared_as_numbers():
    sc = "SC_h7_p15_a-45_hh0_pp0_aa0_s10-0000001"
    spellings = (
        *("LAMP_h7.0_p15.000_a315_hh0_pp10_aa90_s10-1", "lamp_H7_P1.5E1_A675_HH0_PP0_AA0_S10-0000001_v2"),
        *("LAMP_h6.99999999_p15,0_a-45_hh0_pp0_aa0_s010-0000001.1", "LAMP_h7_p15_a-45_s10-0000001"),
    )
    others = (
        *("LAMP_h7_p15_a45_hh0_pp0_aa0_s10-1", "LAMP_h7.1_p15_a315_hh0_pp0_aa0_s10-1_v2"),
        *("LAMP_h7_p15_a315_hh0_pp0_aa0_s10-11", "LAMP_h7_p15_a315_hh1_pp10_aa90_s10-1"),
    )
    for lamp in spellings:
        assert pair_checks.handle_faults(DataInfo(val_sc=(sc,), val_lamp=(lamp,))) == [], lamp
    for lamp in others:
        data = DataInfo(predict_sc=(sc,), predict_waves=(lamp,))
        assert len(pair_checks.handle_faults(data)) == 1, lamp


def test_pairs_of_one_sea_state_are_alike_however_it_is_spelled():
    heights = ("7", "7.0", "7,00", "6.99999999", "7e0", "07")
    names = [f"SC_h{height}_p15_a135_hh0_pp0_aa0_s10-{n}" for n, height in enumerate(heights)]
    table = pd.DataFrame({"fit": np.linspace(0.90, 0.91, 12), "std_Zcg_sc": np.geomspace(0.2, 20, 12)})
    states = [sea_state(name) for name in (*names, *(f"run-{n}" for n in range(6)))]
    _, beyond = pair_checks.against_alike(table, states)
    assert beyond["one_state"].tolist() == [True] * 6 + [False] * 6


def test_records_without_a_handle_are_said_once_with_the_consequence(capsys):
    def said(*names: str) -> tuple[str, str]:
        pair_checks.report_handles([*names, "a/other"])
        return capsys.readouterr()

    told = said("a/run001", "a/run002")
    assert told.out.startswith("3 of 3 records have no handle") and told.out.count("\n") == 1 and not told.err
    told = said("a/SC_h7_p15_a135_hh0_pp0_aa0_s10-0000001")
    assert told.err.startswith("Warning: 1 of 2 records have no handle") and "(first: other)" in told.err
    told = said("a/SC_h7_p15_a135_s10-0000001")
    assert told.err.startswith("Warning: 2 of 2 records") and "(first: SC_h7_p15_a135_s10-0000001)" in told.err
    assert "not grouped by sea state" in told.err and not told.out
    pair_checks.report_handles(["SC_h7_p15_a135_hh0_pp0_aa0_s10-0000001"])
    assert capsys.readouterr() == ("", "")


# ---- sources that the user describes ------------------------------------------------------------------------------

LINES = ("T1", "T2", "T3")


@pytest.fixture
def mooring():
    """Makes the tensions of three lines of a platform that surges and sways, in any unit of force and of time."""

    def made(force: float = 1.0, slower: float = 1.0, count: int = 8) -> list[data_io.Record]:
        outputs = tuple(Output(name, "kN", high=name, low=name) for name in LINES)
        period = 20 * slower
        pair = Description("Statics", "Dynamics", "low/{}.csv", "high/{}.csv", outputs)
        description.use(pair, description.time_scale_of(period))
        rng, time, records = np.random.default_rng(0), period / 40 * np.arange(2400), []
        omega = np.maximum(np.fft.rfftfreq(len(time), 1 / 40), 1e-3)
        spectrum = omega**-5.0 * np.exp(-1.25 * omega**-4.0)
        for number in range(count):
            drawn = rng.normal(size=(2, len(omega))) + 1j * rng.normal(size=(2, len(omega)))
            surge, sway = (np.fft.irfft(np.sqrt(spectrum) * each) for each in drawn)
            lines = np.stack([surge, 0.5 * sway - 0.5 * surge, -0.5 * sway - 0.5 * surge], axis=1)
            low = force * (10 + lines / np.std(lines))
            later = np.roll(lines, -4, axis=0) / np.std(lines)
            high = force * (10 + 1.3 * later + 0.1 * later**3)
            records.append(data_io.Record(f"{number:03d}", time, low, high, low))
        return records

    yield made
    description.use(description.SHIP)


def told_of(records) -> list[pair_checks.Finding]:
    names = tuple(record.name for record in records)
    user, data = UserInput(description=description.in_use()), DataInfo(train_sc=names, train_lamp=names)
    table = pair_checks.measure_sets(user, data, {"train": records})
    return pair_checks.find(table, description.in_use().names)


def in_high(record, change):
    targets = record.targets.copy()
    change(targets)
    return dataclasses.replace(record, targets=targets)


def mixed_up(first: int, second: int):
    def change(columns):
        columns[:, [first, second]] = columns[:, [second, first]]

    return change


OF_ANY_SOURCES = {
    "lines 2 and 3 exchanged": (mixed_up(1, 2), {"columns"}),
    "lines 1 and 2 exchanged": (mixed_up(0, 1), {"columns"}),
    "a factor of 1000": (times(slice(None), 1000), {f"size of {name}" for name in LINES}),
    "a factor of 1000 in one channel": (times(1, 1e-3), {"size of T2"}),
    "half a period late": (later(20), {"lag"}),
    "opposite signs": (times(slice(None), -1), {f"sign of {name}" for name in LINES}),
}


@pytest.mark.parametrize("force, slower", [(1.0, 1.0), (1e3, 1 / 7.746), (1e-6, 4000.0)])
@pytest.mark.parametrize("kind", OF_ANY_SOURCES)
def test_contradictions_in_any_sources_are_found_in_one_record_and_in_all(mooring, kind, force, slower):
    records, (change, expected) = mooring(force, slower), OF_ANY_SOURCES[kind]
    assert told_of(records) == told_of(records[:3]) == told_of(records[:1]) == []
    for count in (1, len(records)):
        findings = told_of([in_high(record, change) for record in records[:count]] + records[count:])
        assert {f.kind for f in findings} == expected
        assert {f.pair.name for f in findings} == {record.name for record in records[:count]}
        assert all(f.line.startswith("high/") and "SimpleCode" not in f.line for f in findings)


def test_files_of_other_realizations_are_found_whatever_the_sources(mooring):
    records = mooring()
    shifted = [
        dataclasses.replace(r, targets=o.targets) for r, o in zip(records, records[1:] + records[:1], strict=True)
    ]
    findings = told_of(shifted)
    assert {f.kind for f in findings} == {"realization"} and len(findings) == len(records)
    exchanged = told_of([*shifted[:1], dataclasses.replace(records[1], targets=records[0].targets), *records[2:]])
    assert [(f.kind, f.pair.name) for f in exchanged] == [("realization", "000"), ("realization", "001")]
    assert "Statics explains a share of" in exchanged[0].line and "as low/000.csv" in exchanged[0].line


def test_sound_pairs_of_any_sources_raise_no_alarm():
    try:
        for seed in range(20):
            pair, records = drawn_set(np.random.default_rng(seed))
            description.use(pair)
            assert told_of(records) == [], seed
    finally:
        description.use(description.SHIP)


def test_a_lag_is_said_in_seconds(mooring):
    records = mooring(1e3, 1 / 7.746)
    (finding,) = told_of([in_high(records[0], later(20)), *records[1:]])
    assert "lags Statics's by 1.03 s (usual -0.258 s, expected at most 0.506 s)" in finding.line
