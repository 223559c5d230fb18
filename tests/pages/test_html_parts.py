"""Parts of a page: escaping, tables, numbers, figures."""

import re

import numpy as np
import pandas as pd
import pytest

from pages import html_parts

NASTY = "<script>alert(\"1\")</script> & 'co'"


def test_text_is_escaped_everywhere():
    made = [
        html_parts.section(NASTY, NASTY, html_parts.paragraph(NASTY)),
        html_parts.table(pd.DataFrame({NASTY: [NASTY]}), NASTY),
        html_parts.picture(html_parts.PNG + bytes(16), NASTY, NASTY),
    ]
    for text in made:
        assert "<script" not in text and 'alert("' not in text and "& '" not in text
        assert "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &#x27;co&#x27;" in text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (12, "12"),
        (0.12345, "0.123"),
        (-3.14159, "-3.14"),
        (1234.5, "1\u202f234"),
        (3_000_000, "3\u202f000\u202f000"),
    ]
    + [(float("nan"), "\N{EN DASH}"), (float("inf"), "inf"), (2e12, "2e+12"), (99.96, "100")],
)
def test_numbers_have_three_digits(value, shown):
    assert html_parts.number(value) == shown


def test_columns_of_numbers_are_aligned_right_and_long_ones_wrap():
    rows = pd.DataFrame({"Name": ["a", "b"], "Value": [1.5, float("nan")], "Is": [True, False]})
    rows["Long"] = long = ["x" * 140, ""]
    made = html_parts.table(rows, "Caption")
    cells = re.findall("<td>(.*)</td>", made)
    assert cells[:3] == ["a", '<span class="number">1.5</span>', "True"]
    assert cells[3] == f'<span class="long">{long[0]}</span>' and cells[5] == '<span class="number">\N{EN DASH}</span>'
    assert made.count('<th scope="col">') == 4 and "<caption>Caption</caption>" in made


def test_only_a_png_is_a_picture():
    with pytest.raises(ValueError, match="no PNG"):
        html_parts.picture(b"GIF89a" + bytes(30), "", "")


def test_intervals_have_units_and_shares_are_percent():
    assert html_parts.interval_text(20.94, 18.46, 23.1, "deg") == "20.9 deg (18.5 to 23.1)"
    assert html_parts.interval_text(144512.0, np.nan, np.nan, "kN-m") == "145\u202f000 kN-m"
    assert html_parts.interval_text(0.23561, 4e-12, 0.39, "probability") == "23.6 % (0 to 39)"
    assert html_parts.interval_text(np.nan, np.nan, np.nan, "m") == "–"
