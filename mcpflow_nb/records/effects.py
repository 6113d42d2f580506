"""What the runs of one tree have done to servers, and the tree itself: a fork shares what ran before it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mcpflow_nb.records.course import was_called
from mcpflow_nb.show import Shown

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("run", "step", "server", "tool", "effects", "source", "status", "attempt", "when", "undoes")


@dataclass(frozen=True, slots=True)
class Effect:
    """One call of a tool that was sent. `effects` are the server's own words of it, empty where it gives none."""

    run: str
    step: str
    server: str | None
    tool: str | None
    effects: tuple[str, ...]
    source: str | None
    status: str
    attempt: int
    when: datetime | None
    undoes: bool = False
    """Whether it took its step back."""

    @property
    def only_reads(self) -> bool:
        """Whether the server says that it changes nothing."""
        return "read-only" in self.effects


@dataclass(frozen=True)
class Effects(Shown):
    """Every call that was sent by the runs of one tree, oldest first. Going back undid none of them."""

    rows: tuple[Effect, ...]

    def __iter__(self) -> Iterator[Effect]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def df(self) -> pd.DataFrame:
        """One row a call that was sent, oldest first.

        Columns: `run step server tool source status` str, `effects` tuple of str, `attempt` int, `when` datetime (UTC),
        `undoes` bool.
        """
        import pandas as pd

        rows = [[getattr(row, column) for column in COLUMNS] for row in self.rows]
        return pd.DataFrame(rows, columns=list(COLUMNS), dtype=object)

    __repr__ = Shown.__repr__


@dataclass(frozen=True)
class Tree(Shown):
    """The runs of one tree. `depth` of a row is how many forks lie above it; `here` marks the run that was asked."""

    rows: tuple[Branch, ...]

    def __iter__(self) -> Iterator[Branch]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    __repr__ = Shown.__repr__


@dataclass(frozen=True, slots=True)
class Branch:
    """One run of a tree: where it was forked, where it stands, how many calls it sent itself."""

    depth: int
    run: str
    outcome: str
    position: int
    steps: int
    forked_at: int | None
    calls: int
    here: bool


def root_of(run: Any) -> Any:
    """Return the run that a tree began with."""
    while run.parent is not None:
        run = run.parent
    return run


def tree_of(run: Any) -> Tree:
    """Return the tree a run belongs to, each run under the one it was forked from."""
    return Tree(tuple(_branches(root_of(run), run, 0)))


def _branches(one: Any, here: Any, depth: int) -> Iterator[Branch]:
    sent = sum(was_called(record) for record in one.own_records)
    yield Branch(depth, one.id, one.outcome, one.position, len(one.workflow.steps), one.forked_at, sent, one is here)
    for child in one.children:
        yield from _branches(child, here, depth + 1)


def effects_of(run: Any) -> Effects:
    """Return every call of a tool that the runs of this tree have sent, oldest first."""
    rows = [row for one in _all(root_of(run)) for row in _rows(one)]
    return Effects(tuple(sorted(rows, key=lambda row: (row.when is None, row.when))))


def _all(run: Any) -> Iterator[Any]:
    yield run
    for child in run.children:
        yield from _all(child)


def _rows(run: Any) -> Iterator[Effect]:
    both = (*((record, False) for record in run.own_records), *((record, True) for record in run.trace.undone))
    for record, undoes in both:
        if record.tool is not None and was_called(record):
            yield Effect(
                run.id, record.step, record.server, record.tool, _words(run, record), record.source, record.status,
                record.attempt, record.started, undoes,
            )  # fmt: skip


def _words(run: Any, record: Any) -> tuple[str, ...]:
    connection = run.servers.get(record.server) if record.server is not None else None
    tool = connection.catalog.tools.get(record.tool) if connection is not None else None
    words: tuple[str, ...] = tool.effects if tool is not None else ()
    return words
