"""What a training prints."""

import pytest

from training.history import as_duration


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (185, "3 min 5 s"), (3599.7, "1 h 0 min"), (7500, "2 h 5 min")],
)
def test_durations_in_words(seconds, said):
    assert as_duration(seconds) == said
