"""How well `mf.infer` finds the workflow behind a session: `python -m tests.benchmarks.inference`; prints a table.

An edge is a step, a path in an argument, and a source. Bindings are the edges that read an output; of all edges the
arguments count by the value they stand for, for nobody can know their names. Constants are no edges. `shown` is the
share of true bindings that are proposed or listed as an alternative. The sessions that are held out were written
after the weights were set.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import mcpflow_nb as mf
from mcpflow_nb.exact import dumps
from mcpflow_nb.workflows.printing import code_of
from mcpflow_nb.workflows.sources import FromStep
from tests.benchmarks.sessions import SESSIONS, Session, recorded

Edge = tuple[str, tuple[Any, ...], str, str, tuple[Any, ...]]


class Score(NamedTuple):
    """What was found of a session, from 0 to 1."""

    precision: float
    recall: float
    edges: int


class Scores(NamedTuple):
    """The scores of a session: its bindings, all its edges, and all its edges where the arguments are given."""

    bindings: Score
    edges: Score
    given: Score
    shown: float
    doubts: int


def edges_of(flow: mf.SequentialWorkflow, arguments: dict[str, Any]) -> set[Edge]:
    """Return every edge: step, path in the argument, kind, what is read, and the path in it."""
    makers = {step.binding: step.name for step in flow.steps}
    return {
        edge for step in flow.steps for edge in _edges(step.name, (), step.saved().get("args", {}), makers, arguments)
    }


def _edges(step: str, path: tuple[Any, ...], saved: Any, makers: Any, arguments: dict[str, Any]) -> Iterator[Edge]:
    kind = saved.get("$source") if isinstance(saved, dict) else None
    if kind == "from_step":
        yield step, path, "binding", makers[saved["name"]], tuple(saved.get("path", ()))
    elif kind == "prompt_arg":
        yield step, path, "argument", dumps(arguments[saved["name"]]), tuple(saved.get("path", ()))
    elif kind in (None, "object", "list"):
        parts = saved["items"] if kind == "list" else saved["members"] if kind == "object" else saved
        for key, part in enumerate(parts) if isinstance(parts, list | tuple) else parts.items():
            yield from _edges(step, (*path, key), part, makers, arguments)


def score(true: set[Edge], found: set[Edge]) -> Score:
    """Return precision and recall; both are 1 where there is nothing to find and nothing was found."""
    right = len(true & found)
    return Score(
        right / len(found) if found else float(not true), right / len(true) if true else float(not found), len(true)
    )


def scores(session: Session) -> Scores:
    """Return the scores of one session."""
    trace = recorded(session)
    true = edges_of(session.workflow, session.arguments)
    alone, told = mf.infer(trace), mf.infer(trace, arguments=session.arguments)
    found, given = (edges_of(one.workflow, dict(one.arguments)) for one in (alone, told))
    listed = {(edge.step, edge.path): {edge.source, *edge.alternatives} for edge in alone.edges}
    bindings = [{edge for edge in edges if edge[2] == "binding"} for edges in (true, found)]
    shown = [_code(edge) in listed[edge[0], edge[1]] for edge in bindings[0]]
    return Scores(score(*bindings), score(true, found), score(true, given), sum(shown) / len(shown), len(alone.doubts))


def _code(edge: Edge) -> str:
    return code_of(FromStep(name=f"{edge[3]}_result", path=edge[4]))


def main() -> None:
    """Measure every session, and print one table."""
    print(f"{'':19}{'bindings':>20}{'all edges':>22}{'arguments given':>22}")
    heads = f"{'prec.':>8}{'recall':>8}{'of':>4}"
    print(f"{'session':<20}{heads}  {heads}  {heads}{'shown':>8}{'to look at':>12}")
    for name, session in SESSIONS.items():
        found = scores(session)
        shown = f"{found.shown:>8.2f}{found.doubts:>12}"
        cells = "  ".join(f"{one.precision:>8.2f}{one.recall:>8.2f}{one.edges:>4}" for one in found[:3])
        print(f"{name:<20}{cells}{shown}")


if __name__ == "__main__":
    main()
