"""What was fetched: each resource in a row, and what it holds as text or as a picture that carries itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from mcpflow_nb.records.record import Fetched
from mcpflow_nb.values import decoded_size
from mcpflow_nb.views.html import (
    RASTER,
    Safe,
    code,
    details,
    joined,
    named,
    picture,
    preformatted,
    short,
    table,
    tag,
    word,
)
from mcpflow_nb.views.marks import seconds_word, source_word
from mcpflow_nb.views.plain import clip, count, more
from mcpflow_nb.views.values import text_shown

MAX_TEXT: Final = 8_000
"""Characters of one text that a view holds."""
MAX_PICTURE: Final = 65_536
"""Bytes of a picture that a view carries."""
MAX_PICTURES: Final = 8
"""Pictures that one view carries; any further one is a line."""
MOST: Final = 20


def type_of(content: Mapping[str, Any]) -> str:
    """Return the MIME type in small letters without its parameters, empty where none is said."""
    return str(content.get("mimeType") or "").partition(";")[0].strip().lower()


def size_words(content: Mapping[str, Any]) -> str:
    """Return `3,120 characters` of a text, `1,204 bytes` of a blob."""
    if "text" in content:
        return count(len(str(content["text"])), "character")
    return count(_bytes(content), "byte")


def _bytes(content: Mapping[str, Any]) -> int:
    return decoded_size(str(content.get("blob", "")))


def content_words(content: Mapping[str, Any]) -> str:
    """Return type and size: `text/plain, 3,120 characters`."""
    return f"{short(type_of(content) or ('text' if 'text' in content else 'blob'), 60)}, {size_words(content)}"


def is_picture(content: Mapping[str, Any]) -> bool:
    """Whether it says that it is a picture of a kind that is shown, and is not too large."""
    return "text" not in content and type_of(content) in RASTER and _bytes(content) <= MAX_PICTURE


def content_body(content: Mapping[str, Any], uri: str, rest: str, pictures: int = 0) -> Safe:
    """Return a text as it is, a picture as an image, any other blob as one line; `rest` has all of it.

    `pictures` is how many the view has already.
    """
    if "text" in content:
        return cut_text(str(content["text"]), MAX_TEXT, f"{rest}['text']")
    words = content_words(content)
    image = None
    if is_picture(content) and pictures < MAX_PICTURES:
        image = picture(f"{short(text_shown(uri), 200)}: {words}", type_of(content), str(content.get("blob", "")))
    if image is None:
        return tag("p", tag("em", f"{words}, not shown: "), tag("code", short(f"{rest}['blob']", 300)))
    return tag("div", image, class_="mf-scroll", tabindex=0)


def cut_text(text: str, most: int, rest: str, *, lists: bool = False) -> Safe:
    """Return the first of a text in lines; what is left out is counted, and `rest` has all of it."""
    shown = preformatted(text_shown(text[:most], lists=lists))
    if len(text) <= most:
        return shown
    words = f"… the first {most:,} of {len(text):,} characters: "
    return joined(shown, tag("p", words, tag("code", short(rest, 300)), class_="mf-cut"))


def total_words(resources: Iterable[Fetched]) -> str:
    """Return `2 resources, 3,120 characters`, with the bytes of blobs where there are any."""
    fetched = list(resources)
    contents = [content for one in fetched for content in one.contents]
    characters = sum(len(str(content["text"])) for content in contents if "text" in content)
    blobs = [content for content in contents if "text" not in content]
    words = [count(len(fetched), "resource")]
    words += [count(characters, "character")] if characters or not blobs else []
    words += [count(sum(map(_bytes, blobs)), "byte")] if blobs else []
    return ", ".join(words)


def lines_of(resources: Sequence[Fetched], *, called: bool = True) -> list[str]:
    """Return a line a resource: when, if there was a call, its URI and server, what it holds or why there is nothing."""
    lines = []
    for one in resources[:MOST]:
        held = "; ".join(map(content_words, one.contents[:5])) or "nothing"
        held = f"error: {text_shown(one.error)}" if one.error else held
        server = f" ({clip(one.server, 30)})" if one.server is not None else ""
        when = f" {_when(one)}" if called else ""
        lines.append(clip(f"  fetched{when}: {clip(text_shown(one.uri), 50)}{server} — {held}"))
    return lines + ([f"  … {len(resources) - MOST} more: record.resources"] if len(resources) > MOST else [])


def fetched_table(resources: Sequence[Fetched], rest: str, *, called: bool = True) -> Safe | None:
    """Return a row a resource and each of its contents folded; None where nothing was fetched."""
    if not resources:
        return None
    columns = ["uri", "server", "when", "contents", "source", "time", "error"]
    cut = more(resources, MOST, short(rest, 200))
    folded, pictures = [], 0
    for at, one in enumerate(resources[:MOST]):
        for nth, content in enumerate(one.contents[:5]):
            head = joined(code(text_shown(one.uri)), " · ", content_words(content))
            body = content_body(content, one.uri, f"{rest}[{at}].contents[{nth}]", pictures)
            folded.append(details(head, body))
            pictures += is_picture(content)
    return joined(table("Resources", columns, [_row(one, called=called) for one in resources[:MOST]], cut), folded)


def _row(one: Fetched, *, called: bool) -> list[object]:
    held = [tag("div", content_words(content)) for content in one.contents[:5]]
    held += [tag("div", f"… {len(one.contents) - 5} more")] if len(one.contents) > 5 else []
    return [
        code(text_shown(one.uri)), named(one.server, 60) if one.server is not None else "—",
        word(_when(one) if called else "—"), held or "none", word(source_word(one.source) or "—"),
        word(seconds_word(one.seconds) if one.seconds else "—"), short(text_shown(one.error), 300) if one.error else "—",
    ]  # fmt: skip


def _when(one: Fetched) -> str:
    return "after the call" if one.after_call else "before the call"
