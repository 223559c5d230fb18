"""Parts of an HTML page as text. Everything that is passed in as text is escaped."""

import base64
import numbers
import struct
from collections.abc import Sequence
from html import escape

import pandas as pd

PNG = b"\x89PNG\r\n\x1a\n"
NONE, MINUS = "\N{EN DASH}", "\N{MINUS SIGN}"
NARROW_SPACE, NO_BREAK = "\N{NARROW NO-BREAK SPACE}", "\N{NO-BREAK SPACE}"
LONG_TEXT = 28  # characters of a cell from which on its column wraps


def section(name: str, title: str, *parts: str) -> str:
    """name: what links in the page lead to. parts: HTML."""
    return f'<section id="{escape(name)}">\n<h2>{escape(title)}</h2>\n{lines(parts)}</section>'


def paragraph(words: str) -> str:
    return f"<p>{escape(words)}</p>"


def bullets(items: Sequence[str]) -> str:
    """A list. items: HTML."""
    return "<ul>\n" + lines(f"<li>{item}</li>" for item in items) + "</ul>" if items else ""


def folded(words: str, content: str) -> str:
    """HTML that a click on the words opens."""
    return f"<details>\n<summary>{escape(words)}</summary>\n{content}\n</details>"


def table(rows: pd.DataFrame, caption: str, is_close: bool = False) -> str:
    """A table in a box that scrolls where it is wider than the page; columns of numbers are aligned right.

    Without rows there is none. is_close: cells wrap, and a long text in the first column covers empty ones beside it.
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
    kind = "scroll close" if is_close else "scroll"
    return f'<div class="{kind}" role="region" tabindex="0" aria-label="{escape(caption)}">\n{made}\n</div>'


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
    """Three significant digits or so many, without an exponent of ten below a billion; a dash for NaN."""
    if value != value:
        return NONE
    if abs(value) < 1e9 and (value == int(value) or abs(value) >= 10**digits):
        return f"{value:,.0f}".replace(",", NARROW_SPACE)
    return f"{value:.{digits}g}"


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
