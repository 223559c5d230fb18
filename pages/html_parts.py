"""Parts of an HTML page as text. Everything that is passed in as text is escaped."""

import base64
import numbers
import struct
from collections.abc import Sequence
from html import escape

import pandas as pd

PNG = b"\x89PNG\r\n\x1a\n"
NONE = "\N{EN DASH}"
NARROW_SPACE = "\N{NARROW NO-BREAK SPACE}"
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
    """A table in a box that scrolls where it is wider than the page; columns of numbers are aligned right.

    Without rows there is none.
    """
    if rows.empty:
        return ""
    kinds = [_column_kind(rows[name]) for name in rows]
    cells = {
        _marked(escape(name), kind): [_marked(cell(value), kind) for value in rows[name]]
        for name, kind in zip(rows, kinds, strict=True)
    }
    made = pd.DataFrame(cells).to_html(index=False, border=0, escape=False, justify="unset")
    made = made.replace("<thead>", f"<caption>{escape(caption)}</caption>\n<thead>").replace("<th>", '<th scope="col">')
    return f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(caption)}">\n{made}\n</div>'


def _column_kind(column: pd.Series) -> str:
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        return "number"
    return "long" if column.astype(str).str.len().max() > LONG_TEXT else ""


def _marked(content: str, kind: str) -> str:
    return f'<span class="{kind}">{content}</span>' if kind else content


def cell(value: object) -> str:
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        return number(value)
    return "" if value is None else escape(str(value)).replace("_", "_<wbr>")  # where names of files may wrap


def number(value: float, digits: int = 3) -> str:
    """Three significant digits or so many, never with an exponent of ten below a billion; a dash for NaN."""
    if value != value:
        return NONE
    if abs(value) < 1e9 and (value == int(value) or abs(value) >= 1000):
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


def picture(png: bytes, caption: str, alternative: str) -> str:
    """A figure within the page. Raises ValueError if it is no PNG.

    alternative: what it shows, for those who cannot see it.
    """
    if not png.startswith(PNG) or len(png) < 24:
        raise ValueError("no PNG")
    width, height = struct.unpack(">II", png[16:24])
    data = base64.b64encode(png).decode("ascii")
    return (
        f'<figure>\n<img src="data:image/png;base64,{data}" width="{width}" height="{height}" '
        f'alt="{escape(alternative)}">\n<figcaption>{escape(caption)}</figcaption>\n</figure>'
    )


def lines(parts: Sequence[str]) -> str:
    return "".join(f"{part}\n" for part in parts if part)
