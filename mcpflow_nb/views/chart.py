"""DOT is built here: our own ids, labels in which user text is only ever text, one dashed frame a server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import graphviz

from mcpflow_nb.views.html import Safe, named, tag
from mcpflow_nb.views.marks import INK, LINE, SOFT

WIDE_UP_TO: Final = 6
MAX_FRAMES: Final = 6
MAX_LABEL: Final = 200


class Chart:
    """A directed graph in the making: left to right for a few steps, top to bottom from seven."""

    def __init__(self, steps: int, servers: Sequence[str], gap: str = "0.3") -> None:
        self.is_wide = steps <= WIDE_UP_TO
        self.framed = tuple(servers) if len(servers) <= MAX_FRAMES else ()
        """Servers that get a frame; with more than six of them the steps name their server themselves."""
        self.edges = 0
        self._graph = graphviz.Digraph()
        self._graph.attr(rankdir="LR" if self.is_wide else "TB", bgcolor="transparent", fontname="Verdana")
        self._graph.attr(nodesep="0.25", ranksep=gap, margin="0.02", pad="0.05")
        self._graph.attr("node", shape="box", fontname="Verdana", fontsize="10", fontcolor=INK, color=LINE)
        self._graph.attr("edge", color=LINE, arrowsize="0.7", fontname="Verdana", fontsize="9", fontcolor=SOFT)
        self._frames = {server: self._frame(at, server) for at, server in enumerate(self.framed)}

    def _frame(self, at: int, server: str) -> Any:
        frame = graphviz.Digraph(name=f"cluster_{at}")
        frame.attr(label=plain_label(f"server: {named(server)}"), style="dashed,rounded", color=LINE, margin="8")
        frame.attr(fontname="Verdana", fontsize="9", fontcolor=SOFT)
        return frame

    def node(self, name: str, label: str, kind: str, server: str = "", **attributes: str) -> None:
        """Add a node, inside its server's frame where there is one; `kind` is its class in the drawing."""
        self._frames.get(server, self._graph).node(name, label, **{"class": kind}, **attributes)

    def edge(self, tail: str, head: str, kind: str, **attributes: str) -> None:
        """Add an edge between two of our own ids, each with a port of ours behind a colon or none."""
        self.edges += 1
        self._graph.edge(tail, head, **{"class": kind}, **attributes)

    @property
    def source(self) -> str:
        """The DOT text; the same graph always gives the same bytes."""
        whole = self._graph.copy()
        for frame in self._frames.values():
            whole.subgraph(frame)
        return str(whole.source)


def plain_label(text: str) -> str:
    """Return user text as a label that Graphviz shows as it is: no entity, no escape, no markup.

    >>> print(plain_label("a & <b> \\\\N"))
    a &amp; <b> \\\\N
    """
    return str(graphviz.escape(named(text, MAX_LABEL).replace("&", "&amp;")))


def lines_label(*lines: tuple[str, int, str, bool]) -> str:
    """Return lines of (text, size, colour, bold) as a label, each at the left edge."""
    rows = [tag("tr", tag("td", _styled(text, size, color, bold), align="left")) for text, size, color, bold in lines]
    return table_label(tag("table", rows, border=0, cellborder=0, cellspacing=0, cellpadding=1))


def _styled(text: str, size: int, color: str, bold: bool) -> Safe:
    shown = tag("b", named(text, MAX_LABEL)) if bold else named(text, MAX_LABEL)
    return tag("font", shown, point_size=size, color=color)


def table_label(table: Safe) -> str:
    """Return a table that `tag` made as a label."""
    # Graphviz reads \N, \G and the like in these labels too, after the markup; a doubled backslash is one.
    return "<" + table.replace("\\", "\\\\") + ">"
