"""Sums of sines as records: records as in training are rarely flagged, others are, with place and reason."""

import numpy as np
import pytest

from trust import novelty

CHANNELS = ("Zcg", "Roll", "Pitch", "Wave")


def record(rng, seconds: float = 600.0, height: float = 1.0, period: float = 10.0):
    """time (rows,) and inputs (rows, 4) of irregular motions."""
    time = np.arange(0, seconds, 0.2)
    frequency = 2 * np.pi / (period * rng.uniform(0.7, 1.4, size=(12, 4)))
    phase = rng.uniform(0, 2 * np.pi, size=(12, 4))
    waves = np.sin(time[:, None, None] * frequency + phase).sum(axis=1) / np.sqrt(6)
    return time, height * waves * [1.0, 4.0, 1.5, 2.0] + [1.2, 0, 0, 0]


def trained(rng, count: int, **kind) -> novelty.Known:
    return novelty.known([novelty.window_features(*record(rng, **kind))[1] for _ in range(count)])


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
    training = novelty.known([novelty.window_features(time, inputs * [1, 0, 1, 1])[1] for time, inputs in calm])
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
    training = novelty.known(windows)
    assert len(training.features) <= novelty.MOST_WINDOWS and len(training.scores) == 10
