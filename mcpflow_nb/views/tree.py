"""The runs that were forked from one another: each under the one it came from, with where it stands."""

from __future__ import annotations

from typing import Any, Final

from mcpflow_nb.views.html import Safe, badge, code, frame, joined, short, table, tag
from mcpflow_nb.views.marks import outcome_mark
from mcpflow_nb.views.plain import clip, count, grid, page

MOST: Final = 100
DEEPEST: Final = 10
REST: Final = "run.tree()"
HERE: Final = "▶ this one"


def line(tree: Any) -> str:
    """Return `<Tree: 3 runs, 4 calls sent>`."""
    return f"<Tree: {_headline(tree)}>"


def plain(tree: Any) -> str:
    """Return a line a run, indented under the one it was forked from."""
    rows = [_words(row) for row in _chosen(tree)]
    return page([f"Tree — {_headline(tree)}", *grid([["", *row] for row in rows], 40), *_cut(tree)], "run.children")


def html(tree: Any) -> Safe:
    """Return the table of runs."""
    foot = ("run.parent", "run.children", "run.effects()")
    return frame("Tree", _headline(tree), [], runs_table(tree), foot=foot)


def runs_table(tree: Any) -> Safe:
    """Return a row a run, each under the one it was forked from."""
    rows = [_cells(row) for row in _chosen(tree)]
    columns = ["run", "here", "began", "stands", "calls sent by itself"]
    return table("Runs", columns, rows, "".join(_cut(tree)).strip()) if rows else tag("p", "No runs.")


def _headline(tree: Any) -> str:
    return f"{count(len(tree), 'run')}, {count(sum(row.calls for row in tree), 'call')} sent"


def _chosen(tree: Any) -> list[Any]:
    """Return the first runs, and in any case the one that was asked."""
    rows = list(tree)
    late = [row for row in rows[MOST:] if row.here]
    return rows[: MOST - len(late)] + late if len(rows) > MOST else rows


def _cut(tree: Any) -> list[str]:
    left = len(tree) - MOST
    return [f"  … {left:,} more: run.children"] if left > 0 else []


def _indent(row: Any) -> str:
    """Return `└ ` behind as many no-break spaces as there are forks above; the deepest say how deep."""
    if not row.depth:
        return ""
    deep = f"({row.depth} deep) " if row.depth > DEEPEST else ""
    level: int = min(row.depth, DEEPEST)
    return "\u00a0\u00a0\u00a0" * (level - 1) + f"└ {deep}"


def _began(row: Any) -> str:
    if row.forked_at is None:
        return "the first run" if not row.depth else "from a run before it"
    return f"forked after {count(row.forked_at, 'step')}" if row.forked_at else "forked before the first step"


def _stands(row: Any) -> str:
    return f"{row.position:,} of {count(row.steps, 'step')} done"


def _words(row: Any) -> list[str]:
    shown = outcome_mark(row.outcome)
    return [
        f"{_indent(row)}{clip(row.run, 16)}", HERE if row.here else "", _began(row),
        f"{shown.icon} {clip(shown.word, 12)}, {_stands(row)}", f"{count(row.calls, 'call')} sent",
    ]  # fmt: skip


def _cells(row: Any) -> list[object]:
    shown = outcome_mark(row.outcome)
    return [
        joined(_indent(row), code(row.run, 200)), badge(HERE, "next") if row.here else "—", _began(row),
        joined(badge(f"{shown.icon} {short(shown.word, 40)}", shown.kind), " ", _stands(row)), f"{row.calls:,}",
    ]  # fmt: skip
