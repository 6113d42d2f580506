"""An HTML page as a test reads it: ids and links, what it would fetch, and what says nothing in words."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path


class Page(HTMLParser):
    """What a page has: its ids and links, what it would fetch, and figures and tables without words."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.silent: list[str] = []
        self.scripts = 0
        self._open: list[str] = []
        self.feed(path.read_text("utf-8"))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if self._open and self._open[-1] == "table" and tag != "caption":
            self.silent.append(f"table at {self.getpos()}")
        self._open.append(tag)
        self.ids |= {value for key in ("id", "name") if (value := values.get(key))}
        self.scripts += tag == "script"
        self.links += [values["href"] or ""] if tag == "a" and "href" in values else []
        sources = [values.get("src"), values.get("href") if tag == "link" else None]
        self.fetched += [source for source in sources if source and not source.startswith("data:")]
        if tag == "img" and not (values.get("alt") or "").strip():
            self.silent.append(f"img at {self.getpos()}")
