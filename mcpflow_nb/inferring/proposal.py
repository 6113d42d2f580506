"""Proposal: the workflow that a recorded session suggests, with the evidence of each edge; and the code to paste."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from mcpflow_nb.inferring.evidence import rarity
from mcpflow_nb.paths import Path, dotted
from mcpflow_nb.show import Shown
from mcpflow_nb.workflows.layout import literal
from mcpflow_nb.workflows.printing import to_python
from mcpflow_nb.workflows.workflow import SequentialWorkflow

if TYPE_CHECKING:
    import pandas as pd

COLUMNS: Final = (
    "step", "argument", "path", "source", "kind", "confidence", "is_ambiguous", "evidence", "alternatives",
)  # fmt: skip
WEAK: Final = 0.6
"""Confidence below which an edge gets a comment."""
COMMON: Final = 0.3
"""Rarity up to which a value says little, whatever its name."""
MOST_NAMED: Final = 4


@dataclass(frozen=True, slots=True)
class Edge:
    """Where one value of a step's argument comes from; `path` begins with the argument's name.

    `confidence` is from 0 to 1. `alternatives` is the code of every other place that held the same value (of the
    earliest 200), best first; `is_ambiguous` says that one of them has evidence as good.
    """

    step: str
    path: Path
    kind: Literal["binding", "argument", "constant"]
    source: str
    value: Any
    confidence: float
    evidence: str
    alternatives: tuple[str, ...] = ()
    is_ambiguous: bool = False

    @property
    def argument(self) -> str:
        """The argument of the step."""
        return str(self.path[0])

    @property
    def label(self) -> str:
        """`order.items.0`: the argument, and the path in it."""
        return dotted(str(self.path[0]), self.path[1:])

    @property
    def is_weak(self) -> bool:
        """Whether it is to be looked at: something is read, and little speaks for it."""
        is_common = self.kind == "binding" and rarity(self.value) <= COMMON
        return is_common or (self.confidence < WEAK and self.kind != "constant")

    @property
    def doubt(self) -> str | None:
        """What is to be looked at, in words; None where nothing is."""
        if not (self.is_ambiguous or self.is_weak):
            return None
        words = ["ambiguous" if self.is_ambiguous else "weak", f"{self.confidence:.2f}", self.evidence]
        more = len(self.alternatives) - MOST_NAMED
        shown = [*self.alternatives[:MOST_NAMED], *([f"{more} more"] if more > 0 else [])]
        return "; ".join([*words, *([f"or {', or '.join(shown)}"] if shown else [])])


@dataclass(frozen=True)
class Proposal(Shown):
    """A workflow that a session suggests; `arguments` are the values which make it send what was recorded.

    `left_out` says in words what of the session is not in it.
    """

    workflow: SequentialWorkflow
    edges: tuple[Edge, ...]
    arguments: Mapping[str, Any]
    left_out: tuple[str, ...] = ()

    @property
    def doubts(self) -> tuple[Edge, ...]:
        """The edges to look at: ambiguous or weak."""
        return tuple(edge for edge in self.edges if edge.doubt is not None)

    @property
    def code(self) -> str:
        """The workflow as Python to paste, with a comment above a step for each edge to look at."""
        notes: dict[str, list[str]] = {}
        for edge in self.doubts:
            notes.setdefault(edge.step, []).append(f"{literal(edge.label)}: {edge.doubt}")
        return to_python(self.workflow, notes=notes)

    @property
    def df(self) -> pd.DataFrame:
        """One row an edge, in the order of the calls.

        Columns: `step argument path source kind evidence` str, `confidence` float from 0 to 1, `is_ambiguous` bool,
        `alternatives` tuple of str. Empty for calls without arguments.
        """
        import pandas as pd

        rows = [{**{column: getattr(edge, column) for column in COLUMNS}, "path": edge.label} for edge in self.edges]
        return pd.DataFrame(rows, columns=list(COLUMNS), dtype=object)

    __repr__ = Shown.__repr__
