"""Parts of an HTML page as text. Everything that is passed in as text is escaped."""

import base64
import numbers
import re
import struct
from collections.abc import Sequence
from html import escape

import pandas as pd

PNG = b"\x89PNG\r\n\x1a\n"
NONE, MINUS = "\N{EN DASH}", "\N{MINUS SIGN}"
NARROW_SPACE, NO_BREAK = "\N{NARROW NO-BREAK SPACE}", "\N{NO-BREAK SPACE}"
SHORT_BRACKETS = re.compile(r"\([^()]{1,20}\)")  # bounds, which do not wrap
LONG_TEXT = 28  # characters of a cell from which on its column wraps


def section(name: str, title: str, *parts: str) -> str:
    """name: what links in the page lead to. parts: HTML."""
    return f'<section id="{escape(name)}">\n<h2>{escape(title)}</h2>\n{lines(parts)}</section>'


def paragraph(words: str) -> str:
    return f"<p>{escape(words)}</p>"


def bullets(items: Sequence[str]) -> str:
    """A list. items: HTML."""
    return "<ul>\n" + lines(f"<li>{item}</li>" for item in items) + "</ul>" if items else ""


def table(rows: pd.DataFrame, caption: str) -> str:
    """A table whose rows a narrow screen stacks; columns of numbers are aligned right. Without rows there is none.

    A row with text in its first cell alone is a title of those below.
    """
    if rows.empty:
        return ""
    is_title = (rows.iloc[:, 1:] == "").all(axis=1) & (len(rows.columns) > 1)
    kinds = [_column_kind(rows.loc[~is_title, name]) for name in rows]
    marks = [f' class="{kind}"' if kind else "" for kind in kinds]
    heads = "".join(f'<th scope="col"{mark}>{escape(name)}</th>' for name, mark in zip(rows, marks, strict=True))
    starts = [f'<td{mark} data-name="{escape(name)}">' for name, mark in zip(rows, marks, strict=True)]
    body = [
        f'<td class="title" colspan="{len(values)}">{cell(values[0])}</td>'
        if alone
        else "".join(f"{start}{cell(value)}</td>" for start, value in zip(starts, values, strict=True))
        for alone, *values in zip(is_title, *(rows[name] for name in rows), strict=True)
    ]
    body = lines(f"<tr>{row}</tr>" for row in body)
    head = f"<caption>{escape(caption)}</caption>\n<thead><tr>{heads}</tr></thead>"
    return f"<table>\n{head}\n<tbody>\n{body}</tbody>\n</table>"


def folded(title: str, content: str) -> str:
    """HTML that the reader unfolds; it is not printed."""
    return f"<details>\n<summary>{escape(title)}</summary>\n{content}\n</details>" if content else ""


def _column_kind(column: pd.Series) -> str:
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        return "number"
    return "long" if column.astype(str).str.len().max() > LONG_TEXT else ""


def cell(value: object) -> str:
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        return number(value)
    text = "" if value is None else escape(str(value)).replace("_", "_<wbr>")  # where names of files may wrap
    return SHORT_BRACKETS.sub(lambda match: match[0].replace(" ", NO_BREAK), text)


def number(value: float, digits: int = 3) -> str:
    """Three significant digits or so many, without an exponent of ten below a billion; a dash for NaN."""
    if value != value:
        return NONE
    if abs(value) < 1e9 and (value == int(value) or abs(value) >= 10**digits):
        return f"{value:,.0f}".replace(",", NARROW_SPACE)
    return f"{value:.{digits}g}"


def rounded_text(value: float, digits: int = 3) -> str:
    """So many significant digits, without an exponent of ten below a billion."""
    rounded = float(f"{value:.{digits}g}")
    return f"{rounded:,.0f}".replace(",", NARROW_SPACE) if 1000 <= abs(rounded) < 1e9 else f"{rounded:g}"


def interval_text(estimate: float, lower: float, upper: float, unit: str) -> str:
    """A number with its unit and bounds; shares and probabilities in percent."""
    if unit in ("share", "probability"):
        unit = "%"
        estimate, lower, upper = (round(100 * number, 2) for number in (estimate, lower, upper))
    bounds = f" ({rounded_text(lower)} to {rounded_text(upper)})" if lower == lower else ""
    return f"{rounded_text(estimate)} {unit}".rstrip() + bounds if estimate == estimate else NONE


def picture(name: str, png: bytes, caption: str, alternative: str) -> str:
    """A figure within the page, which a click shows in full size. Raises ValueError if it is no PNG.

    name: of its own in the page. alternative: what it shows, for those who cannot see it.
    """
    if not png.startswith(PNG) or len(png) < 24:
        raise ValueError("no PNG")
    width, height = struct.unpack(">II", png[16:24])
    source = f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"
    image = f'<img src="{source}" width="{width}" height="{height}" alt="{escape(alternative)}">'
    name = escape(name)
    return (
        f'<figure id="{name}">\n<div class="large" id="{name}-large"><a class="back" href="#{name}">Back to the '
        f'page</a><a href="#{name}-large">{image}</a></div>\n<figcaption>{escape(caption)}</figcaption>\n</figure>'
    )


def lines(parts: Sequence[str]) -> str:
    return "".join(f"{part}\n" for part in parts if part)
