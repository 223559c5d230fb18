"""Bands of simulated records: errors of networks that share a part, more in steep waves, more in some records."""

import numpy as np
import pandas as pd
import pytest

from checks import bands

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
    apart, spread = networks[0] - networks.mean(axis=0), networks.std(axis=0)
    spread = bands.calibration_spread(spread, apart, NETWORKS, 1)
    return bands.residuals(motions - networks[0], spread, SCALE, name)


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
            assert level / 100 - 0.01 < row["covered"] < level / 100 + 0.06
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


@pytest.mark.parametrize("count, differing", [(9, 0.0), (9, 0.5), (12, 0.3), (20, 0.0), (20, 1.0), (60, 0.5)])
def test_exchangeable_scores_are_covered_as_asked(count, differing):
    """Records differ by a factor of exp(differing); 91 to 100 % where a further record counts as not covered."""
    rng, covered = np.random.default_rng(count), []
    for _ in range(100):
        sizes = rng.lognormal(0, differing, count + 10)
        scores = [size * np.abs(rng.normal(size=100)) for size in sizes]
        covered.append(np.mean([scores[count:]] <= np.float64(bands.quantile(scores[:count], 90))))
    assert 0.89 < np.mean(covered) < 0.93


def errors_of_folds(rng: np.random.Generator, folds: int, members: int, shared: float, seen: float = 1.0, steps=150):
    """(network, step, 1): errors of all networks at one record, of which the first fold has not seen it; seen: those of
    the others over what they would be.
    """
    record = rng.lognormal(0, 0.2) * np.exp(0.3 * rng.normal(size=(steps, 1)))
    errors = record * (shared * rng.normal(size=(steps, 1)) + rng.normal(size=(folds * members, steps, 1)))
    errors[members:] *= seen
    return errors


def fold_residuals(errors: np.ndarray, own: int) -> bands.Residuals:
    """The residuals of a calibration record. errors: see `errors_of_folds`, LAMP being 0."""
    mean, spread, networks = errors.mean(axis=0), errors.std(axis=0), len(errors)
    unseen = errors[:own].mean(axis=0)
    seen = bands.seen_squares(-mean, spread, unseen - mean, networks, own)
    spread = bands.calibration_spread(spread, unseen - mean, networks, own)
    return bands.residuals(-unseen, spread, np.ones(1), seen=seen)


@pytest.mark.parametrize(
    "folds, members, shared", [(4, 1, 1), (4, 2, 1), (4, 2, 0.3), (4, 3, 0), (3, 3, 1), (2, 2, 0.5)]
)
def test_bands_with_several_networks_in_each_fold(folds, members, shared):
    """Networks know their own records no better than others; 57 to 81 % with c of one network for that of several."""
    rng, networks, tables, factors = np.random.default_rng(9), folds * members, [], []
    for _ in range(12):
        records = [fold_residuals(errors_of_folds(rng, folds, members, shared), members) for _ in range(20)]
        calibration = bands.calibrate(records, np.ones(1), ("Zcg",), networks, members)
        factors.append(calibration.mean_over_one[0] ** 2)
        further = [errors_of_folds(rng, folds, members, shared) for _ in range(20)]
        tables += [bands.coverage(calibration, errors.mean(axis=0), errors.std(axis=0)) for errors in further]
    table = pd.concat(tables).query("level == 90")
    assert 0.87 < table["covered"].mean() < 0.94
    assert np.mean(factors) == pytest.approx((shared**2 + 1 / networks) / (shared**2 + 1 / members), rel=0.1)
    assert np.sqrt((table["expected_rmse"] ** 2).mean() / (table["rmse"] ** 2).mean()) == pytest.approx(1, abs=0.12)


@pytest.mark.parametrize("folds, members, seen", [(4, 1, 0.7), (4, 1, 0.3), (4, 2, 0.6), (3, 3, 0.5)])
def test_the_expected_error_where_networks_know_the_records_that_they_have_seen(folds, members, seen):
    """1.3 times too large and more by the spread of records that most networks have seen."""
    rng, networks = np.random.default_rng(10), folds * members
    records = [fold_residuals(errors_of_folds(rng, folds, members, 0.7, seen), members) for _ in range(40)]
    calibration = bands.calibrate(records, np.ones(1), ("Zcg",), networks, members)
    further = [errors_of_folds(rng, folds, members, 0.7) for _ in range(60)]
    expected = np.mean([calibration.expected_rmse(errors.std(axis=0)) ** 2 for errors in further])
    assert np.sqrt(expected / np.mean([errors.mean(axis=0) ** 2 for errors in further])) == pytest.approx(1, abs=0.12)


def ridge_networks(rng: np.random.Generator, folds: int, count: int, width: int = 150, steps: int = 60):
    """Networks of random features trained on noisy records, in folds: what they err by at the training records and at
    40 further ones, both (network, record, step), and the fold of each training record.
    """
    inputs = rng.normal(size=(count + 40, steps, 12))
    truth = np.sin(inputs[..., 0] + 0.5 * inputs[..., 1] * inputs[..., 2]) + 0.1 * rng.normal(size=inputs.shape[:2])
    fold, errors = np.arange(count) % folds, []
    for k in range(folds):
        features = np.cos(inputs @ rng.normal(size=(12, width)) / 3.5 + rng.uniform(0, 2 * np.pi, width))
        known = features[:count][fold != k].reshape(-1, width)
        weights = np.linalg.solve(known.T @ known + np.eye(width), known.T @ truth[:count][fold != k].ravel())
        errors.append(features @ weights - truth)
    return np.stack(errors)[:, :count, :, None], np.stack(errors)[:, count:, :, None], fold


def test_bands_and_expected_errors_of_networks_that_learn():
    covered, expected, actual = [], 0, 0
    for seed in range(5):
        at_training, further, fold = ridge_networks(np.random.default_rng(seed), folds=4, count=20)
        first = [np.concatenate([at_training[k:, n], at_training[:k, n]]) for n, k in enumerate(fold)]
        records = [fold_residuals(errors, 1) for errors in first]
        calibration = bands.calibrate(records, np.ones(1), ("Zcg",), 4, 1)
        for errors in further.swapaxes(0, 1):
            table = bands.coverage(calibration, errors.mean(axis=0), errors.std(axis=0)).query("level == 90")
            covered.append(table["covered"].iloc[0])
            expected, actual = expected + table["expected_rmse"] ** 2, actual + table["rmse"] ** 2
    assert 0.9 < np.mean(covered) < 0.955
    assert np.sqrt(expected / actual).iloc[0] == pytest.approx(1, abs=0.06)


@pytest.mark.parametrize("error, spread", [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)])
def test_bands_of_errors_or_spreads_that_are_zero(error, spread):
    full = np.ones((30, 1))
    seen = bands.seen_squares(error * full, spread * full, 0 * full, 4, 1)
    records = [bands.residuals(error * full, spread * full, np.ones(1), seen=seen) for _ in range(9)]
    calibration = bands.calibrate(records, np.ones(1), ("Zcg",), 4, 1)
    table = bands.coverage(calibration, error * full, spread * full)
    assert np.isfinite(table.drop(columns="channel").to_numpy()).all() and (table["covered"] == 1).all()


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


@pytest.mark.parametrize("folds, members", [(4, 1), (4, 2), (2, 3)])
def test_the_spread_of_a_calibration_record_is_that_of_a_further_one_where_nothing_is_known_by_heart(folds, members):
    networks = np.random.default_rng(4).normal(size=(folds * members, 20000, 1))
    spread, apart = networks.std(axis=0), networks[:members].mean(axis=0) - networks.mean(axis=0)
    found = bands.calibration_spread(spread, apart, len(networks), members)
    assert np.mean(found**2) == pytest.approx(np.mean(spread**2), rel=0.02)
