"""A proposed workflow: each edge with its source, how sure it is, and why; then the code to paste."""

from __future__ import annotations

from typing import Any, Final

from mcpflow_nb.masking import is_secret
from mcpflow_nb.views.html import Safe, badge, code, details, frame, joined, preformatted, short, table, tag, word
from mcpflow_nb.views.plain import clip, count, fold, more, page
from mcpflow_nb.views.values import masked, text_shown

MOST: Final = 60
MOST_CODE: Final = 20_000
"""Characters of the code that are shown."""
REST: Final = "proposal.df"
MARKS: Final = {"binding": "← binding", "argument": "→ argument", "constant": "= constant"}


def line(proposal: Any) -> str:
    """Return `<Proposal onboard: 5 steps, 5 arguments, 9 bindings, 1 constant, 1 edge to look at>`."""
    return f"<Proposal {clip(proposal.workflow.name, 60)}: {_headline(proposal)}>"


def plain(proposal: Any) -> str:
    """Return a line an edge, a second one where it is to be looked at, and what is left out."""
    lines = [f"Proposal {clip(proposal.workflow.name, 40)} — {_headline(proposal)}"]
    for edge in proposal.edges[:MOST]:
        place = f"{clip(edge.step, 24)}.{clip(edge.label, 24)}"
        lines.append(f"  {place}  {edge.confidence:.2f}  {clip(_source(edge), 44)}{'  ?' if edge.doubt else ''}")
        lines += fold(f"? {edge.doubt}", "      ", 2) if edge.doubt else []
    lines += [part for said in proposal.left_out[:MOST] for part in fold(f"left out: {said}", "  ", 2)]
    return page([*lines, "  as Python: print(proposal.code)"], REST)


def html(proposal: Any) -> Safe:
    """Return the table of edges, what is left out, and the code."""
    rows = [_cells(edge) for edge in proposal.edges[:MOST]]
    columns = ["step", "argument", "source", "confidence", "why", "or"]
    left = [tag("li", short(said, 300)) for said in proposal.left_out[:MOST]]
    text = text_shown(proposal.code)
    cut = "" if len(text) <= MOST_CODE else f"\n… {len(text) - MOST_CODE:,} more characters: print(proposal.code)"
    return frame(
        "Proposal", code(proposal.workflow.name), [_headline(proposal)],
        table("Edges, in the order of the calls", columns, rows, more(proposal.edges, MOST, REST)),
        tag("p", "Left out of it:", tag("ul", left)) if left else None,
        details("As Python, to paste", preformatted(text[:MOST_CODE] + cut)),
        foot=("proposal.workflow", "print(proposal.code)", REST),
    )  # fmt: skip


def _cells(edge: Any) -> list[object]:
    others = [(tag("br") if at else None, code(other, 100)) for at, other in enumerate(edge.alternatives[:4])]
    left = f" … {len(edge.alternatives) - 4} more" if len(edge.alternatives) > 4 else None
    doubt = badge("? ambiguous" if edge.is_ambiguous else "? weak", "next") if edge.doubt else None
    return [
        code(edge.step), code(edge.label), joined(word(MARKS.get(edge.kind, edge.kind)), " ", code(_source(edge))),
        joined(f"{edge.confidence:.2f} ", doubt), short(edge.evidence, 300), joined(*others, left) if others else "—",
    ]  # fmt: skip


def _source(edge: Any) -> str:
    """Return the code of the source; a constant that goes by the name of a secret is masked."""
    hides = edge.kind == "constant" and any(is_secret(key) for key in edge.path)
    return masked(edge.value) if hides else str(edge.source)


def _headline(proposal: Any) -> str:
    kinds = [edge.kind for edge in proposal.edges]
    parts = [count(len(proposal.workflow.steps), "step"), count(len(proposal.workflow.arguments), "argument")]
    parts += [count(kinds.count(kind), kind) for kind in ("binding", "constant")]
    doubts = len(proposal.doubts)
    return ", ".join(parts) + (f", {count(doubts, 'edge')} to look at" if doubts else "")
