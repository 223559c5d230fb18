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
        html_parts.picture(NASTY, html_parts.PNG + bytes(16), NASTY, NASTY),
        html_parts.folded(NASTY, html_parts.paragraph(NASTY)),
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
    cells = re.findall("<td(.*?)>(.*?)</td>", made)
    assert cells[0] == (' data-name="Name"', "a") and cells[2] == (' data-name="Is"', "True")
    assert cells[1] == (' class="number" data-name="Value"', "1.5") and cells[5][1] == "\N{EN DASH}"
    assert cells[3] == (' class="long" data-name="Long"', long[0])
    assert made.count('<th scope="col"') == 4 and "<caption>Caption</caption>" in made


def test_a_text_in_the_first_cell_alone_runs_over_the_whole_row():
    made = html_parts.table(pd.DataFrame({"Motion": ["record 1", "Roll"], "Largest": ["", "3"]}), "")
    assert '<tr><td class="title" colspan="2">record 1</td></tr>' in made and made.count("<td") == 3
    assert "title" not in html_parts.table(pd.DataFrame({"Motion": ["Roll"]}), "")
    long = html_parts.table(pd.DataFrame({"Motion": ["x" * 140, "Roll"], "Largest": ["", "3"]}), "")
    assert 'class="long"' not in long  # the column stays as narrow as its other cells


def test_bounds_of_an_interval_do_not_wrap():
    assert html_parts.cell("3 m (2 to 4), or (a longer text in brackets)") == (
        "3 m (2\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}4), or (a longer text in brackets)"
    )


def test_only_a_png_is_a_picture():
    with pytest.raises(ValueError, match="no PNG"):
        html_parts.picture("name", b"GIF89a" + bytes(30), "", "")


def test_intervals_have_units_and_shares_are_percent():
    assert html_parts.interval_text(20.94, 18.46, 23.1, "deg") == "20.9 deg (18.5 to 23.1)"
    assert html_parts.interval_text(144512.0, np.nan, np.nan, "kN-m") == "145\u202f000 kN-m"
    assert html_parts.interval_text(0.23561, 4e-12, 0.39, "probability") == "23.6 % (0 to 39)"
    assert html_parts.interval_text(np.nan, np.nan, np.nan, "m") == "–"
