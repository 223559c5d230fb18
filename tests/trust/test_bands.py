"""Bands of simulated records: errors of networks that share a part, more in steep waves, more in some records."""

import numpy as np
import pytest

from trust import bands

CHANNELS = ("Zcg", "Roll")
SCALE = np.array([1.0, 5.0])
NETWORKS = 4


def simulated(rng: np.random.Generator, steps: int = 300, easy: bool = False):
    """LAMP's motions (step, channel) and what each network predicts, (network, step, channel)."""
    steep = np.exp(np.convolve(rng.normal(size=steps), np.ones(30) / 6, "same"))[:, None]
    record = 1.0 if easy else rng.lognormal(0, 0.5)
    motions = SCALE * rng.normal(size=(steps, 2))
    shared, own = rng.normal(size=(steps, 2)), rng.normal(size=(NETWORKS, steps, 2))
    return motions, motions + 0.02 * SCALE * record * steep * (shared + own)


def record_of(rng, name="", **kind):
    motions, networks = simulated(rng, **kind)
    return bands.residuals(motions - networks[0], networks.std(axis=0), SCALE, name)


def covered(calibration, rng, count: int = 40):
    """(record, row of bands.coverage) shares of what the bands of the networks' mean hold of new records."""
    tables = []
    for _ in range(count):
        motions, networks = simulated(rng)
        tables.append(bands.coverage(calibration, motions - networks.mean(axis=0), networks.std(axis=0)))
    return tables


def test_bands_cover_what_they_say_over_records():
    rng = np.random.default_rng(1)
    tables = []
    for _ in range(10):
        calibration = bands.calibrate([record_of(rng) for _ in range(12)], SCALE, CHANNELS)
        assert calibration.levels == (50, 80, 90)
        tables += covered(calibration, rng, 12)
    means = sum(table.set_index(["channel", "level"]) for table in tables) / len(tables)
    for level in (50, 80, 90):
        for channel in CHANNELS:
            row = means.loc[(channel, level)]
            assert level / 100 - 0.01 < row["covered"] < level / 100 + 0.12
            assert row["whole_covered"] > level / 100 - 0.08
            assert row["interval_score"] < 0.95 * row["constant_interval_score"]
            assert 0.8 < row["expected_rmse"] / row["rmse"] < 1.25


def test_the_mean_of_the_networks_has_a_narrower_band():
    rng = np.random.default_rng(2)
    calibration = bands.calibrate([record_of(rng) for _ in range(20)], SCALE, CHANNELS)
    # Shared and own errors are alike: of a variance of 2 the deviation of four networks shows 3/4.
    np.testing.assert_allclose(calibration.mean_over_one, np.sqrt(1.25 / 2), rtol=0.1)
    alike = [bands.residuals(np.ones((50, 1)), np.zeros((50, 1)), np.ones(1)) for _ in range(20)]
    np.testing.assert_allclose(bands.calibrate(alike, np.ones(1), ("Zcg",)).mean_over_one, 1)


def test_long_records_weigh_no_more_than_short_ones():
    records = [np.full(10, 1.0), np.full(1000, 2.0), np.full(10, 3.0)]
    assert [bands.quantile(records, level) for level in (25, 50, 75, 76)] == [1.0, 2.0, 3.0, np.inf]


@pytest.mark.parametrize("level, fewest", [(50, 1), (80, 4), (90, 9), (95, 19), (99, 99)])
def test_levels_as_far_as_the_records_allow(level, fewest):
    rng = np.random.default_rng(3)
    record = record_of(rng, steps=60)
    assert bands.fewest_records(level) == fewest
    assert level in bands.calibrate([record] * fewest, SCALE, CHANNELS).levels
    assert level not in bands.calibrate([record] * (fewest - 1), SCALE, CHANNELS).levels
    assert bands.missing_levels(99) == ""
    assert f"{fewest} for {level} %" in bands.missing_levels(fewest - 1)


def test_where_networks_agree_about_nothing_the_band_is_constant():
    rng = np.random.default_rng(4)
    noise = [bands.residuals(rng.normal(size=(400, 1)), rng.random((400, 1)) * 1e-3, np.ones(1)) for _ in range(30)]
    calibration = bands.calibrate(noise, np.ones(1), ("Zcg",))
    half = calibration.half_width(rng.random((400, 1)) * 1e-3, 90)
    assert np.ptp(half) < 0.1 * half.mean()
    np.testing.assert_allclose(half.mean(), calibration.constant[calibration.levels.index(90)], rtol=0.05)
    np.testing.assert_allclose(half.mean(), 1.645, rtol=0.15)


def test_the_floor_is_of_use_to_an_interval_score():
    assert bands.interval_score(np.array([0.5, -0.5]), np.array([1.0, 1.0]), 90) == 2
    assert bands.interval_score(np.array([2.0]), np.array([1.0]), 90) == pytest.approx(2 + 20)


def test_sea_states_left_out_one_at_a_time():
    rng = np.random.default_rng(5)
    calm = [record_of(rng, "calm", easy=True) for _ in range(12)]
    wild = [bands.residuals(8 * r.error, r.spread, SCALE, "wild") for r in calm]
    groups = ["calm"] * 12 + ["wild"] * 12
    by_state = bands.left_out(calm + wild, groups, SCALE, CHANNELS).query("level == 90")
    by_record = bands.left_out(calm + wild, list(range(24)), SCALE, CHANNELS).query("level == 90")
    assert by_record["covered"].mean() > 0.85
    assert by_state.query("record == 'wild'")["covered"].mean() < 0.6
    table = bands.report(by_record.assign(set="val"))
    assert len(table) == 2 and (table["records"] == 24).all() and (table["worst_covered"] <= table["covered"]).all()
    assert bands.left_out(calm[:1], ["calm"], SCALE, CHANNELS).empty


def test_a_record_that_leaves_its_band_for_a_moment_is_not_held_as_a_whole():
    """Also if the moment is not among the steps that are kept."""
    rng = np.random.default_rng(7)
    errors, moment = rng.normal(size=(12, 3 * bands.STEPS_KEPT, 1)), 100
    errors[:, moment] = 0
    errors[0, moment] = 50
    records = [bands.residuals(error, np.full_like(error, 0.1), np.ones(1), str(n)) for n, error in enumerate(errors)]
    assert not (np.abs(records[0].error) > 10).any()
    table = bands.left_out(records, range(12), np.ones(1), ("Zcg",)).query("level == 50")
    assert table.set_index("record")["whole_covered"]["0"] == 0 and 0.2 < table["whole_covered"].mean() < 0.8


@pytest.mark.parametrize("count", [0, 12])
def test_a_calibration_comes_back_from_its_file(tmp_path, count):
    rng = np.random.default_rng(6)
    calibration = bands.calibrate([record_of(rng) for _ in range(count)], SCALE, CHANNELS)
    bands.save(calibration, tmp_path / "calibration.json")
    loaded = bands.load(tmp_path / "calibration.json")
    assert loaded.levels == calibration.levels and loaded.num_records == count
    for name in ("floor", "mean_over_one", "rms", "factor", "whole", "constant"):
        np.testing.assert_array_equal(getattr(loaded, name).ravel(), getattr(calibration, name).ravel())


def test_the_spread_of_a_calibration_record_from_that_of_all_networks():
    networks = np.random.default_rng(3).normal(size=(4, 50, 2)) * [1.0, 0.01] + 5.0
    found = bands.calibration_spread(networks.std(axis=0), networks[2] - networks.mean(axis=0), 4, 1)
    of_all, of_others = networks.var(axis=0), np.delete(networks, 2, axis=0).var(axis=0, ddof=1) * 3 / 4
    assert found**2 == pytest.approx((of_all + of_others) / 2)
    assert np.array_equal(bands.calibration_spread(networks[0], networks[1], 2, 1), networks[0])  # of two, both
