"""Sums of sines as records: records as in training are rarely flagged, others are, with place and reason."""

import numpy as np
import pytest

from checks import novelty
from checks.novelty import TrainingWindows

CHANNELS = ("Zcg", "Roll", "Pitch", "Wave")


def record(rng, seconds: float = 600.0, height: float = 1.0, period: float = 10.0):
    """time (rows,) and inputs (rows, 4) of irregular motions."""
    time = np.arange(0, seconds, 0.2)
    frequency = 2 * np.pi / (period * rng.uniform(0.7, 1.4, size=(12, 4)))
    phase = rng.uniform(0, 2 * np.pi, size=(12, 4))
    waves = np.sin(time[:, None, None] * frequency + phase).sum(axis=1) / np.sqrt(6)
    return time, height * waves * [1.0, 4.0, 1.5, 2.0] + [1.2, 0, 0, 0]


def trained(rng, count: int, **kind) -> TrainingWindows:
    return TrainingWindows.of([novelty.window_features(*record(rng, **kind))[1] for _ in range(count)])


def judged(training, time, inputs) -> dict:
    return novelty.judge(training, *novelty.window_features(time, inputs), CHANNELS)


def test_features_of_a_sine():
    time = np.arange(0, 300, 0.1)
    wave = 2 * np.sin(2 * np.pi * time / 10)
    begins, features = novelty.window_features(time, np.stack([wave, 0 * wave], axis=1))
    np.testing.assert_allclose(begins, np.arange(0, 270, 30), atol=1.0)
    np.testing.assert_allclose(features[:, :4], [[np.sqrt(2), 2, 0.4 * np.pi, 0.1]] * len(begins), atol=0.02)
    assert (features[:, 4:] == 0).all()


@pytest.mark.parametrize("rows", [1, 2, 5, 700])
def test_records_of_any_length_have_features(rows):
    rng = np.random.default_rng(0)
    time, inputs = record(rng)
    begins, features = novelty.window_features(time[:rows], inputs[:rows])
    assert len(begins) == len(features) and features.shape[1] == 16 and np.isfinite(features).all()


def test_records_as_in_training_are_flagged_as_rarely_as_p_says():
    rng = np.random.default_rng(1)
    training = trained(rng, 40)
    found = [judged(training, *record(rng)) for _ in range(120)]
    assert 0.02 < np.mean([each["unlike"] for each in found]) < 0.25
    assert all(0 < each["p"] <= 1 for each in found)


def test_a_higher_sea_is_flagged_with_where_and_why():
    rng = np.random.default_rng(2)
    training = trained(rng, 30)
    time, inputs = record(rng)
    inputs[1500:1800, 1] *= 2.5  # 300 to 360 s
    found = judged(training, time, inputs)
    assert found["unlike"] and found["p"] == pytest.approx(1 / 31)
    assert 240 <= found["worst_from_s"] <= 360 and found["worst_to_s"] == found["worst_from_s"] + novelty.WINDOW
    assert "of Roll" in found["furthest_out"] and found["value"] > found["training_high"] > found["training_low"]
    assert judged(training, *record(rng, period=16.0))["unlike"]


def test_roll_in_a_network_of_head_seas_is_flagged():
    rng = np.random.default_rng(3)
    calm = [record(rng) for _ in range(25)]
    training = TrainingWindows.of([novelty.window_features(time, inputs * [1, 0, 1, 1])[1] for time, inputs in calm])
    found = judged(training, *calm[0])
    assert found["unlike"] and "Roll" in found["furthest_out"] and found["training_high"] == 0


def test_with_few_records_there_is_a_rank_and_no_p():
    rng = np.random.default_rng(4)
    training = trained(rng, 6)
    assert np.isnan(judged(training, *record(rng))["p"])
    far = judged(training, *record(rng, height=3.0))
    assert far["unlike"] and far["more_unlike_than"] == "6 of 6"
    assert not judged(training, *record(np.random.default_rng(4)))["unlike"]


def test_many_windows_are_thinned():
    rng = np.random.default_rng(5)
    windows = [rng.normal(size=(500, 8)) for _ in range(10)]
    training = TrainingWindows.of(windows)
    assert len(training.features) <= novelty.MOST_WINDOWS and len(training.scores) == 10


def gaussian_sea(rng, seconds: float, size=(1.0, 4.0, 1.5, 2.0)):
    """time (rows,) and four narrow-banded Gaussian motions (rows, 4)."""
    time = np.arange(0, seconds, 0.5)
    rows = len(time) + 300  # as the transform is periodic
    frequency = 2 * np.pi * np.fft.rfftfreq(rows, 0.5)[:, None]
    amplitude = np.exp(-0.25 * ((frequency - [0.6, 0.65, 0.62, 0.7]) / 0.12) ** 2)
    noise = rng.normal(size=amplitude.shape) + 1j * rng.normal(size=amplitude.shape)
    motions = np.fft.irfft(amplitude * noise, rows, axis=0)[: len(time)]
    return time, motions / np.sqrt((amplitude**2).sum(axis=0)) * rows / 2 * size


def flagged_share(rng, training: tuple[int, float], seconds: float, **kind) -> float:
    """Of records of the same sea as the training's. training: number and length of its records."""
    judgements = []
    for _ in range(6):
        windows = [novelty.window_features(*gaussian_sea(rng, training[1], **kind))[1] for _ in range(training[0])]
        known = TrainingWindows.of(windows)
        judgements += [judged(known, *gaussian_sea(rng, seconds, **kind))["unlike"] for _ in range(25)]
    return np.mean(judgements)


@pytest.mark.parametrize("seconds", [600, 850, 1800, 3600])
@pytest.mark.parametrize("training", [(20, 600), (40, 600), (20, 2400)])
def test_false_alarms_do_not_grow_with_the_length_of_a_record(training, seconds):
    """10 % at most; by the worst window alone, trained on 600 s, 8, 22 and 42 % of 600, 1800 and 3600 s."""
    assert 0.0 < flagged_share(np.random.default_rng(11), training, seconds) < 0.17


@pytest.mark.parametrize("training", [(1, 2400), (3, 600), (10, 600)])
def test_with_few_records_false_alarms_are_one_in_all_of_them(training):
    for seconds in (600, 1800):
        assert flagged_share(np.random.default_rng(12), training, seconds) < 1 / (training[0] + 1) + 0.1


@pytest.mark.parametrize("seconds", [600, 3600])
def test_a_long_record_of_a_higher_sea_is_still_flagged(seconds):
    rng = np.random.default_rng(13)
    known = TrainingWindows.of([novelty.window_features(*gaussian_sea(rng, 600))[1] for _ in range(20)])
    time, motions = gaussian_sea(rng, seconds)
    assert judged(known, time, 1.6 * motions)["unlike"]


@pytest.mark.parametrize("rolling", [0.0, 1e-6, 1e-3])
def test_a_motion_that_is_negligible_in_training_flags_nothing_until_it_counts(rolling):
    rng = np.random.default_rng(15)
    size = np.array([1.0, rolling, 1.5, 2.0])
    known = TrainingWindows.of([novelty.window_features(*gaussian_sea(rng, 600, size))[1] for _ in range(25)])
    small, large = ([size[0], roll, *size[2:]] for roll in (3 * rolling + 3e-6, 0.5))
    shares = [
        np.mean([judged(known, *gaussian_sea(rng, 600, of))["unlike"] for _ in range(25)]) for of in (small, large)
    ]
    assert shares[0] < 0.25 and shares[1] > 0.9


def test_a_moment_does_not_make_the_motions_negligible():
    rng = np.random.default_rng(16)
    windows = [novelty.window_features(*gaussian_sea(rng, 600, (1e5, 4.0, 1.5, 2.0)))[1] for _ in range(5)]
    known = TrainingWindows.of(windows, ("moment", "motion", "motion", "motion"))
    np.testing.assert_allclose(known.scale[4:], np.concatenate(windows).std(axis=0)[4:])


def test_a_record_within_all_ranges_is_an_unusual_combination():
    rng = np.random.default_rng(17)
    along = rng.uniform(0, 10, (400, 1))
    windows = np.hstack([along, along]) @ np.kron(np.eye(2), np.ones((1, 4))) + 0.05 * rng.normal(size=(400, 8))
    known = TrainingWindows.of(np.split(windows, 20))
    found = novelty.judge(known, np.zeros(1), np.repeat([[2.0, 8.0]], 4, axis=1), ("Zcg", "Roll"))
    assert found["unlike"] and np.isnan([found["value"], found["training_low"], found["training_high"]]).all()
    assert found["furthest_out"].startswith("unusual combination of ") and " and " in found["furthest_out"]
    usual = novelty.judge(known, np.zeros(1), windows[:1], ("Zcg", "Roll"))
    assert not usual["unlike"] and "unusual" not in usual["furthest_out"]
    far = novelty.judge(known, np.zeros(1), np.repeat([[2.0, 30.0]], 4, axis=1), ("Zcg", "Roll"))
    assert "of Roll" in far["furthest_out"] and far["value"] == 30 > far["training_high"]


@pytest.mark.parametrize("windows", [1, 2, 7])
def test_one_training_record_of_any_length(windows):
    known = TrainingWindows.of([np.random.default_rng(18).normal(size=(windows, 8))])
    found = novelty.judge(known, np.zeros(1), np.full((1, 8), 50.0), ("Zcg", "Roll"))
    assert found["unlike"] == (windows > 1)  # a single window has nothing to be compared with
