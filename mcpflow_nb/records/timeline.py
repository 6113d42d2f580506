"""When each call of a run ran, and what was waited for between them: made from the records alone, no time invented."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal

from mcpflow_nb.records.course import was_called
from mcpflow_nb.records.record import Record
from mcpflow_nb.records.trace import Trace
from mcpflow_nb.show import Shown, above

if TYPE_CHECKING:
    import pandas as pd

Wait = Literal["handoff", "between steps", "clock set back"]
COLUMNS: Final = ("step", "server", "tool", "source", "status", "attempt", "start", "seconds", "waited")


@dataclass(frozen=True, slots=True)
class Moment:
    """One record in time. What is not known is None, also where nothing was called.

    `start` is in seconds from the start of the first call. `seconds` is the tool call alone; of a step without a tool
    the reading of its resources. `read` is the reading of resources since the call before, which has a length and
    no start. `waited` is the rest of the time since then, `wait` the reason: a handoff, from the end of the call
    before it to its answer; a pause between two steps; or a clock that went back, and then `waited` is None.
    """

    step: str
    server: str | None
    tool: str | None
    source: str | None
    status: str
    attempt: int
    start: float | None = None
    seconds: float | None = None
    waited: float | None = None
    wait: Wait | None = None
    read: float = 0.0

    @property
    def end(self) -> float | None:
        """When its call ended, as far as that is known: a call that was cut off ends for us where it began."""
        return None if self.start is None else self.start + (self.seconds or 0.0)


@dataclass(frozen=True)
class Timeline(Shown):
    """The records of a trace in time, in the order they were made; `began` is the start of the first call."""

    workflow: str
    outcome: str
    began: datetime | None
    rows: tuple[Moment, ...]

    def __iter__(self) -> Iterator[Moment]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def df(self) -> pd.DataFrame:
        """One row a record, in order; every column keeps its values as they are (dtype object).

        Columns: `step status` str, `server tool source` str or None, `attempt` int, and seconds as float or None:
        `start` from the start of the first call, `seconds` of the call, `waited` since the call before it ended,
        without the reading of resources. A step that was not called, and a time that is not known, has None.
        """
        import pandas as pd

        rows = [[getattr(row, column) for column in COLUMNS] for row in self.rows]
        return pd.DataFrame(rows, columns=list(COLUMNS), dtype=object)

    @property
    def alt(self) -> str:
        """What the drawing shows, in a sentence or two."""
        return str(above("views.timeline").sentence(self))

    def svg(self) -> str:
        """Return the drawing as SVG text: a lane a server, a bar a call, what was waited for hatched."""
        return str(above("views.gantt").svg(self))

    __repr__ = Shown.__repr__


def timeline_of(trace: Trace) -> Timeline:
    """Return the timeline of a trace; of one that was filtered, the records left out count as waiting.

    Resources of a step with a tool are no bars: how long they were read is kept, when is not.
    """
    began = next((record.started for record in trace if was_called(record)), None)
    return Timeline(trace.workflow, trace.outcome, began, tuple(_moments(trace.records, began)))


def _moments(records: Sequence[Record], began: datetime | None) -> Iterator[Moment]:
    before: Moment | None = None
    pending, is_handed = 0.0, False
    for record in records:
        facts = (record.step, record.server or _read_from(record), record.tool, record.source, record.status)
        early, late = (
            sum(one.seconds for one in record.resources if one.after_call is after) for after in (False, True)
        )
        is_handed = is_handed or record.status == "handoff"
        if record.started is None or began is None or not was_called(record):
            pending += 0.0 if record.source in ("reused", "pinned", "settled") else early + late
            yield Moment(*facts, record.attempt)
            continue
        pending += early if record.tool is not None else 0.0
        start = (record.started - began).total_seconds()
        waited, wait = _waited(before, start, pending, is_handed=is_handed)
        seconds = (record.seconds if record.tool is not None else early) or None
        before = Moment(*facts, record.attempt, start, seconds, waited, wait, pending if before is not None else 0.0)
        yield before
        pending, is_handed = late, False


def _waited(before: Moment | None, start: float, read: float, *, is_handed: bool) -> tuple[float | None, Wait | None]:
    """Return how long nothing was called before this start, and why; the first call waited for nothing that is known."""
    if before is None or before.start is None or before.end is None:
        return None, None
    if start < before.start:
        return None, "clock set back"
    return max(0.0, start - before.end - read), "handoff" if is_handed else "between steps"


def _read_from(record: Record) -> str | None:
    """Return the server of the first resource that was read: a step without a tool may name none."""
    return next((one.server for one in record.resources if one.server is not None), None)
