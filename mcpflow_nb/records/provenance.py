"""Why an argument has its value, and what can be read from a binding: the chain back, and every path with its code."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from mcpflow_nb.errors import RunError, did_you_mean
from mcpflow_nb.paths import Path
from mcpflow_nb.records.covering import shown_arguments
from mcpflow_nb.records.record import ANSWER, EDITED, Record
from mcpflow_nb.show import Shown
from mcpflow_nb.workflows.printing import code_of
from mcpflow_nb.workflows.sources import FromStep

if TYPE_CHECKING:
    import pandas as pd

MOST_PATHS: Final = 1_000
MOST_LINKS: Final = 200


@dataclass(frozen=True, slots=True)
class Link:
    """One link of the chain: `what` it is in words, its value, how deep it lies, and where that came from.

    `source` is `argument`, `binding`, `made of` (several), `constant`, `edited`, `answer`, or that of a step's result:
    live, mock, pinned, reused.
    """

    depth: int
    what: str
    value: Any
    source: str
    path: Path = ()
    """Which part of the value was read; all of it where that is empty, or where several parts were."""


@dataclass(frozen=True)
class Why(Shown):
    """Why an argument of a step has its value: the argument first, then each thing it was made from."""

    step: str
    argument: str
    links: tuple[Link, ...]
    left_out: int = 0
    """Links that are not listed: at most 200 are."""

    @property
    def df(self) -> pd.DataFrame:
        """One row a link, outermost first. Columns: `depth` int, `what` str, `value` any JSON value, `source` str."""
        import pandas as pd

        columns = ["depth", "what", "value", "source"]
        rows = [[getattr(link, column) for column in columns] for link in self.links]
        return pd.DataFrame(rows, columns=columns, dtype=object)

    __repr__ = Shown.__repr__


def why(run: Any, step: str, argument: str) -> Why:
    """Return the chain of an argument back to what nobody computed: workflow arguments, constants, edits, mocks.

    Raises
    ------
    RunError
        When there is no such step or argument, or it has no value yet.
    """
    records = tuple(run.trace)
    at, record = _record(run, records, step)
    links = tuple(_links(run, records[:at], record, argument, 0))
    return Why(step, argument, links[:MOST_LINKS], max(0, len(links) - MOST_LINKS))


def _record(run: Any, records: tuple[Record, ...], step: str) -> tuple[int, Any]:
    """Return the call of a step that comes next, or else its last record; with how many records are older."""
    names = [one.name for one in run.workflow.steps]
    if step not in names:
        raise RunError(f"no step {step!r}{did_you_mean(step, names)}")
    upcoming = run.next
    if upcoming is not None and upcoming.step == step:  # also where it ran, and the run went back before it
        return len(records), upcoming
    for at in reversed(range(len(records))):
        if records[at].step == step:
            return at, records[at]
    stopped = f"; the run is {run.outcome}: {run.reason}" if run.reason else ""
    raise RunError(f"step {step!r} has not run and is not next: its arguments have no values yet{stopped}")


def _links(run: Any, earlier: tuple[Record, ...], record: Any, argument: str, depth: int) -> Iterator[Link]:
    passed = next((one for one in record.arguments if one.name == argument), None)
    if passed is None:
        known = [one.name for one in record.arguments]
        raise RunError(f"step {record.step!r} sent no argument {argument!r}{did_you_mean(argument, known)}")
    source = run.workflow[record.step].args.get(argument)
    by_hand = {EDITED: "edited", ANSWER: "answer"}.get(passed.origin)
    reads = () if by_hand or source is None else tuple({(r.kind, r.name): r for r in source.reads}.values())
    kind = by_hand or ("constant" if not reads else "made of" if len(reads) > 1 else reads[0].kind)
    yield Link(depth, f"argument {argument!r} of step {record.step!r} ← {passed.origin}", passed.value, kind)
    for read in reads:
        if read.kind == "argument":
            given = shown_arguments(run.workflow, run.arguments).get(read.name)
            yield Link(depth + 1, f"workflow argument {read.name!r}", given, "argument")
        else:
            parts = {one.path for one in source.reads if one.name == read.name} if source else set()
            yield from _made(run, earlier, read.name, parts.pop() if len(parts) == 1 else (), depth + 1)


def _made(run: Any, earlier: tuple[Record, ...], binding: str, path: Path, depth: int) -> Iterator[Link]:
    """Yield what a binding was when it was read: the last record among the earlier ones that made it."""
    maker = next((step.name for step in run.workflow.steps if step.binding == binding), None)
    places = [at for at, one in enumerate(earlier) if one.step == maker and one.binding is not None]
    if not places:
        return
    made = earlier[places[-1]]
    called = ".".join(part for part in (made.server, made.tool) if part)
    yield Link(depth, f"binding {binding!r}, made by step {made.step!r} ({called})", made.value, str(made.source), path)
    for passed in made.arguments if made.source != "pinned" else ():
        yield from _links(run, earlier[: places[-1]], made, passed.name, depth + 1)


@dataclass(frozen=True, slots=True)
class PathRow:
    """One path of a value: the value there, and the expression that binds it."""

    path: Path
    value: Any
    code: str


@dataclass(frozen=True)
class Paths(Shown):
    """Every path of a binding, outermost first, at most 1,000; `left_out` more are not listed."""

    binding: str
    rows: tuple[PathRow, ...]
    left_out: int = 0

    def __iter__(self) -> Iterator[PathRow]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def df(self) -> pd.DataFrame:
        """One row a path. Columns: `path` tuple of keys and indices, `value` any JSON value, `code` str."""
        import pandas as pd

        columns = ["path", "value", "code"]
        rows = [[getattr(row, column) for column in columns] for row in self.rows]
        return pd.DataFrame(rows, columns=columns, dtype=object)

    __repr__ = Shown.__repr__


def paths_of(binding: str, value: Any) -> Paths:
    """Return every path of a value with the expression that binds it.

    >>> [row.code for row in paths_of("person", {"id": 7, "a.b": 1})]
    ['mf.from_step("person")', 'mf.field("person", "id")', 'mf.from_step("person")["a.b"]']
    """
    rows: list[PathRow] = []
    count = 0
    for path, part in _walk(value, ()):
        count += 1
        if count <= MOST_PATHS:
            rows.append(PathRow(path, part, code_of(FromStep(name=binding, path=path))))
    return Paths(binding, tuple(rows), count - len(rows))


def _walk(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    yield path, value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in items:
        yield from _walk(part, (*path, key))
