"""The one place where markup is made, and where text becomes safe to show.

Every element comes out of `tag`, which escapes what is not `Safe` and refuses any element or attribute outside
the list below. To use a new one: add it to `ELEMENTS`, and say in the tests that it is meant.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from typing import Final

from mcpflow_nb.visible import visible

PAINT: Final = ("fill", "stroke", "stroke-width", "stroke-dasharray")
ELEMENTS: Final = {
    "div": ("class", "tabindex", "style"), "p": ("class",), "span": ("class",), "strong": (), "em": (), "small": (),
    "code": ("class",), "pre": ("class",), "ul": ("class",), "ol": (), "li": ("class",), "br": ("align",),
    "details": ("class", "open"), "summary": (), "table": (
        "class", "border", "cellborder", "cellspacing", "cellpadding", "bgcolor", "color", "style",
    ), "caption": (), "thead": (), "tbody": (), "tr": ("class",), "th": ("scope",), "style": (),
    "td": ("class", "port", "align", "bgcolor", "colspan", "border", "sides", "color"),
    "img": ("alt", "src", "style"), "b": (), "i": (), "title": (), "desc": (), "font": ("point-size", "color", "face"),
    "svg": ("xmlns", "role", "width", "height", "viewBox", "font-family"), "g": (), "defs": (),
    "pattern": ("id", "width", "height", "patternUnits", "patternTransform"),
    "rect": ("x", "y", "width", "height", "rx", "fill-opacity", *PAINT), "path": ("d", "stroke-opacity", *PAINT),
    "text": ("x", "y", "font-size", "font-weight", "font-style", "text-anchor", "fill"),
    "html": ("lang",), "head": (), "body": ("class",), "meta": ("charset", "name", "content", "http-equiv"),
    "header": (), "main": (), "section": (), "footer": (), "h1": (), "h2": (),
}  # fmt: skip
"""What may be made, with the attributes each may have: of views, of labels in graphs, of drawings, of whole pages."""

VOID: Final = ("br", "img", "meta")
MAX_TEXT: Final = 2_000
RASTER: Final = {
    "image/png": rb"\x89PNG\r\n\x1a\n", "image/jpeg": rb"\xff\xd8\xff", "image/gif": rb"GIF8[79]a",
    "image/webp": rb"RIFF....WEBP",
}  # fmt: skip
"""The pictures of others that are shown, by their MIME type, and how their bytes begin; never SVG, which is a document."""


_VALUES: Final = {
    "src": re.compile(r"data:image/(?:svg\+xml|png|jpeg|gif|webp);base64,[A-Za-z0-9+/]*={0,2}"),
    "fill": re.compile(r"none|#[0-9a-f]{6}|url\(#hatch\)"), "stroke": re.compile(r"none|#[0-9a-f]{6}"),
    "http-equiv": re.compile("Content-Security-Policy"),
}  # fmt: skip
"""What the value of an attribute must be, where it could fetch something."""


class Safe(str):
    """Markup that `tag` made; anything else is text and gets escaped."""

    __slots__ = ()


def short(text: object, most: int = 200) -> str:
    """Return one visible line of at most `most` characters; what was cut is counted.

    >>> short("a" * 300, 5)
    'aaaaa… (300 characters)'
    """
    plain = text if isinstance(text, str) else str(text)
    shown = visible(plain[:most])
    return shown if len(plain) <= most else f"{shown}… ({len(plain):,} characters)"


def named(text: object, most: int = 200) -> str:
    """Return a name as `short` does; an empty or blank one is said to be so.

    >>> named("  ")
    "'  '"
    """
    shown = short(text, most)
    return shown if shown.strip() else repr(shown)


def tag(name: str, /, *children: object, **attributes: str | int | None) -> Safe:
    """Return an element. Children that are not `Safe` are text; `class_` is class, `point_size` is point-size.

    Raises
    ------
    ValueError
        For an element or attribute that is not in `ELEMENTS`, or an image that is not carried along.

    >>> tag("td", "<b>", class_="name")
    '<td class="name">&lt;b&gt;</td>'
    """
    if name not in ELEMENTS:
        raise ValueError(f"no element {name!r}")
    opened = "".join(_attribute(name, key, value) for key, value in attributes.items() if value is not None)
    if name in VOID:
        return Safe(f"<{name}{opened}/>")
    return Safe(f"<{name}{opened}>{joined(*children)}</{name}>")


def _attribute(name: str, key: str, value: str | int) -> str:
    attribute = key.rstrip("_").replace("_", "-")
    allowed = _VALUES.get(attribute)
    if attribute not in ELEMENTS[name] or (allowed is not None and not allowed.fullmatch(str(value))):
        raise ValueError(f"no attribute {attribute!r} on {name!r}")
    return f' {attribute}="{html.escape(visible(value), quote=True)}"'


def joined(*children: object) -> Safe:
    """Return children one after the other, text escaped; None is nothing, a sequence is its items."""
    parts = []
    for child in children:
        if isinstance(child, Safe):
            parts.append(str.__str__(child))
        elif isinstance(child, list | tuple):
            parts.append(joined(*child))
        elif child is not None:
            parts.append(_text(str(child)))
    return Safe("".join(parts))


def _text(text: str) -> str:
    shown = html.escape(visible(text[:MAX_TEXT], lines=True), quote=True)
    return shown if len(text) <= MAX_TEXT else f"{shown}… ({len(text):,} characters)"


def code(text: object, most: int = 200) -> Safe:
    """Return text in code letters on one line."""
    return tag("code", named(text, most))


def ticked(text: str, most: int = 600) -> Safe:
    """Return prose in which what stands between backticks is in code letters, and what stands between stars leans.

    >>> ticked("say `x`, *never* `<b>`, and 2 * 3 * 4 is `*args`")
    'say <code>x</code>, <em>never</em> <code>&lt;b&gt;</code>, and 2 * 3 * 4 is <code>*args</code>'
    """
    parts = re.split(r"`([^`]+)`|(?<![\w*])\*(?=\S)([^*`]+)(?<=\S)\*(?![\w*])", short(text, most))
    names = ("", "code", "em")
    return joined([tag(names[at % 3], part) if at % 3 and part else part for at, part in enumerate(parts)])


def badge(text: object, kind: str = "plain") -> Safe:
    """Return a word in a frame; `kind` is one of our own status words, never data."""
    return tag("span", short(text, 80), class_=f"mf-badge mf-{kind}")


def word(*parts: object) -> Safe:
    """Return a few words that stay on one line."""
    return tag("span", *parts, class_="mf-word")


def spaced(*parts: object, by: str = " · ") -> Safe:
    """Return parts with a sign between them; None and empty parts fall away."""
    there = [part for part in parts if part is not None and part != ""]
    return joined([(by if at else None, part) for at, part in enumerate(there)])


def preformatted(text: str) -> Safe:
    """Return text with its lines as they are, all of it; the caller cuts what is too long."""
    return tag("pre", [text[at : at + MAX_TEXT] for at in range(0, len(text), MAX_TEXT)])


def details(summary: object, *body: object, opened: bool = False) -> Safe:
    """Return a part that folds, without a script."""
    return tag("details", tag("summary", summary), *body, open="open" if opened else None)


def table(caption: object, columns: Sequence[str], rows: Iterable[Sequence[object]], cut: str = "") -> Safe:
    """Return a table whose first column heads its rows; `cut` says what is left out, and where it is."""
    head = tag("thead", tag("tr", [tag("th", column, scope="col") for column in columns]))
    body = [
        tag("tr", [tag("th", cell, scope="row") if at == 0 else tag("td", cell) for at, cell in enumerate(row)])
        for row in rows
    ]
    made = tag("table", tag("caption", caption), head, tag("tbody", body), class_="mf-table")
    return joined(tag("div", made, class_="mf-scroll", tabindex=0), tag("p", cut, class_="mf-cut") if cut else None)


def frame(kind: str, title: object, facts: Sequence[object], *body: object, foot: Sequence[str] = ()) -> Safe:
    """Return a whole view: its style, a line of title and facts, the body, and the code that goes on from here."""
    head = tag("p", tag("strong", kind), " ", title, [joined(" · ", fact) for fact in facts], class_="mf-head")
    lines = tag("p", spaced(*(tag("code", line) for line in foot)), class_="mf-foot") if foot else None
    return tag("div", tag("style", style()), head, *body, lines, class_=f"mf mf-{kind.lower().replace(' ', '-')}")


def document(title: str, styles: str, *body: object) -> Safe:
    """Return a whole page that runs no script and fetches nothing, whatever is in it: its own policy says so."""
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    head = tag(
        "head", tag("meta", charset="utf-8"), tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"), tag("title", title), tag("style", Safe(styles)),
    )  # fmt: skip
    return Safe(f"<!DOCTYPE html>\n{tag('html', head, tag('body', *body, class_='mf'), lang='en')}\n")


@cache
def style() -> Safe:
    """Return the style that every view carries."""
    return Safe(files("mcpflow_nb.views").joinpath("style.css").read_text("utf-8"))


def image(alt: str, svg: str) -> Safe:
    """Return a drawing as an image that carries its own bytes."""
    encoded = base64.b64encode(svg.encode()).decode("ascii")
    return tag("img", alt=alt, src=f"data:image/svg+xml;base64,{encoded}", style="max-width: 100%")


def picture(alt: str, mime_type: str, encoded: str) -> Safe | None:
    """Return a PNG, JPEG, GIF or WebP as an image that carries its own bytes; None for anything else.

    The bytes must be base64 and begin as the type says.
    """
    begins = RASTER.get(mime_type)
    try:
        whole = base64.b64decode(encoded, validate=True) if begins else b""
    except (binascii.Error, ValueError):
        return None
    if begins is None or not re.match(begins, whole, re.DOTALL):
        return None
    source = f"data:{mime_type};base64,{base64.b64encode(whole).decode('ascii')}"
    return tag("img", alt=alt, src=source, style="max-width: 100%")
