"""Record: one step as it ran. Trace: all records of a run, as frames and as JSON.

Table, graph, conversation and HTML are renderings of the same records.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal

from mcpflow_nb.errors import LoadError, TraceError, did_you_mean
from mcpflow_nb.exact import dumps, loads
from mcpflow_nb.records.outline import Ahead, Outline, ahead_from_plain
from mcpflow_nb.show import Shown, above
from mcpflow_nb.values import is_version
from mcpflow_nb.workflows.sources import KEY

if TYPE_CHECKING:
    import pandas as pd

    from mcpflow_nb.records.exchange import Exchange
    from mcpflow_nb.records.messages import Message
    from mcpflow_nb.records.timeline import Timeline

Status = Literal[
    "ok", "tool_error", "invalid_output", "resource_error", "not_sent", "not_executed", "unknown",
    "handoff", "needs_input", "waiting", "cancelled", "skipped",
]  # fmt: skip
SourceWord = Literal["live", "mock", "recorded", "edited", "pinned", "reused", "settled"]

FORMAT_VERSION: Final = 1
ANSWER: Final = "the client's answer"
"""The origin of an argument that was given at a handoff."""
EDITED: Final = "edited by hand"
"""The origin of an argument that was given by `run.edit`."""
FILTERS: Final = ("step", "server", "tool", "status", "source")

COLUMNS: Final = (
    "step", "server", "tool", "status", "source", "arguments", "value", "error", "started", "seconds", "attempt",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Passed:
    """One argument as it was sent: its value, and where that came from as on the graph edge."""

    name: str
    value: Any
    origin: str


@dataclass(frozen=True, slots=True)
class Fetched:
    """One resource as it was read: `contents` are the MCP contents as plain JSON, each with text or base64 `blob`.

    `after_call` says that its URI reads the step's own output. `seconds` is the wall time of the reading.
    `protocol_error` is as in `Record`.
    """

    uri: str
    server: str | None
    contents: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)
    error: str | None = None
    source: SourceWord | None = None
    seconds: float = 0.0
    after_call: bool = False
    protocol_error: Mapping[str, Any] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Record:
    """One step as it ran.

    `seconds` is the wall time of the tool call alone, on the monotonic clock; 0.0 where no call was made or it was cut off.
    `raw` is the CallToolResult as plain JSON, `value` what was made of it by `rule`, `error` one sentence.
    The status `resource_error` says that a resource could not be fetched; the tool, if there is one, had run.
    `protocol_error` is the JSON-RPC error that the server answered with instead of a result, as plain JSON.
    """

    step: str
    server: str | None
    tool: str | None
    status: Status
    source: SourceWord | None
    arguments: tuple[Passed, ...] = ()
    value: Any = None
    binding: str | None = None
    rule: str | None = None
    raw: Any = field(default=None, repr=False)
    error: str | None = None
    missing: tuple[str, ...] = ()
    guidance: str | None = None
    started: datetime | None = None
    seconds: float = 0.0
    attempt: int = 1
    resources: tuple[Fetched, ...] = ()
    protocol_error: Mapping[str, Any] | None = field(default=None, repr=False)

    @property
    def sent(self) -> dict[str, Any]:
        """The arguments by name."""
        return {passed.name: passed.value for passed in self.arguments}

    @property
    def asked(self) -> dict[str, Any]:
        """What decides whether this result still holds: the arguments, or the URIs of a step without a tool."""
        if self.tool is None:
            return {"resources": [one.uri for one in self.resources]}
        return {passed.name: passed.value for passed in self.arguments if passed.origin != KEY}

    def __repr__(self) -> str:
        return f"<Record {self.step}: {self.status}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return Shown._repr_mimebundle_(self, include, exclude)  # type: ignore[arg-type]


class Trace(Shown, Sequence[Record]):
    """The records of a run so far, oldest first."""

    def __init__(
        self, workflow: str, run_id: str, outcome: str, steps: int, records: tuple[Record, ...],
        outline: Outline | None = None, ahead: tuple[Ahead, ...] = (), undone: tuple[Record, ...] = (),
    ) -> None:  # fmt: skip
        self.workflow, self.run_id, self.outcome, self.steps = workflow, run_id, outcome, steps
        self.records = records
        self.outline = outline or Outline()
        self.ahead = ahead
        """The steps that are left, when the run has stopped: at a handoff the first of them is the client's."""
        self._undone = undone

    def __len__(self) -> int:
        return len(self.records)

    @property
    def undone(self) -> Trace:
        """What `run.rollback()` called, each record under the name of the step it took back, oldest first."""
        return Trace(self.workflow, self.run_id, self.outcome, self.steps, self._undone)

    def __getitem__(self, key: Any) -> Any:
        """Return the record of a step by name (the latest) or by position."""
        if isinstance(key, str):
            for record in reversed(self.records):
                if record.step == key:
                    return record
            raise KeyError(f"no record of step {key!r}; there are: {', '.join(r.step for r in self.records)}")
        return self.records[key]

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Trace) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]

    @property
    def messages(self) -> tuple[Message, ...]:
        """The conversation that `prompts/get` returns for these records, oldest first."""
        found: tuple[Message, ...] = above("records.messages").messages_of(self)
        return found

    def where(self, text: str | None = None, /, **fields: str | Sequence[str]) -> Trace:
        """Return the records that hold a text anywhere, and whose fields have these values; the trace stays as it is.

        `trace.where(status="tool_error")`, `trace.where("emp-456", server=["hr", "it"])`. Fields are `step`, `server`,
        `tool`, `status` and `source`; a text is looked for in arguments, value, error and resources, in any case.

        Raises
        ------
        TraceError
            For a field that is none of these.
        """
        if unknown := [name for name in fields if name not in FILTERS]:
            raise TraceError(f"trace.where(): no field {unknown[0]!r}{did_you_mean(unknown[0], FILTERS)}")
        wanted = {name: {given} if isinstance(given, str) else set(given) for name, given in fields.items()}
        found = tuple(
            record for record in self.records
            if all(getattr(record, name) in among for name, among in wanted.items()) and _holds(record, text)
        )  # fmt: skip
        return Trace(
            self.workflow, self.run_id, self.outcome, self.steps, found, self.outline, self.ahead, self._undone
        )

    def timeline(self) -> Timeline:
        """Return when each call ran and what was waited for between them."""
        found: Timeline = above("records.timeline").timeline_of(self)
        return found

    def raw(self, step: str | int) -> Exchange:
        """Return the JSON-RPC messages of a step, by its name (the latest record) or by position, as plain dicts."""
        found: Exchange = above("records.exchange").exchange_of(self[step])
        return found

    def describe(self) -> str:
        """Return the records in words, a sentence each; secrets are masked."""
        return str(above("views.words").describe(self))

    @property
    def df(self) -> pd.DataFrame:
        """One row a step that ran, in order; every column keeps its values as they are (dtype object).

        Columns: `step status` str, `server tool source error` str or None, `arguments` dict, `value` any JSON value,
        `started` datetime (UTC) or None, `seconds` float (the tool call alone), `attempt` int.
        """
        rows = [{**{c: getattr(r, c) for c in COLUMNS}, "arguments": r.sent} for r in self.records]
        return _frame(rows, COLUMNS)

    @property
    def arguments(self) -> pd.DataFrame:
        """One row an argument passed, in step order, then in written order.

        Columns: `step` str, `argument` str, `source` str (as on the graph edge), `value` any JSON value.
        """
        rows = [
            {"step": record.step, "argument": passed.name, "source": passed.origin, "value": passed.value}
            for record in self.records
            for passed in record.arguments
        ]
        return _frame(rows, ("step", "argument", "source", "value"))

    def to_json(self, *, indent: int | None = 2) -> str:
        """Return the whole trace as JSON text; every value is exact, NaN and big integers included."""
        return dumps(
            {
                "mcpflow_nb_trace": FORMAT_VERSION, "workflow": self.workflow, "run": self.run_id,
                "outcome": self.outcome, "steps": self.steps, "outline": asdict(self.outline),
                "ahead": [asdict(step) for step in self.ahead], "records": [record_plain(record) for record in self.records],
                **({"undone": [record_plain(record) for record in self._undone]} if self._undone else {}),
            },
            indent=indent,
        )  # fmt: skip

    @classmethod
    def from_json(cls, text: str) -> Trace:
        """Return the trace of a text that `to_json` gave.

        Raises
        ------
        LoadError
            When it is no trace, or of a newer version.
        """
        saved: Any = None
        try:
            saved = loads(text)
            if not isinstance(saved, dict) or "mcpflow_nb_trace" not in saved:
                problem = 'it has no "mcpflow_nb_trace"'
            elif not is_version(saved["mcpflow_nb_trace"], FORMAT_VERSION):
                problem = (
                    f"version {saved['mcpflow_nb_trace']!r}; this mcpflow_nb reads version {FORMAT_VERSION}: update"
                )
            else:
                records = tuple(map(record_of, saved["records"]))
                undone = tuple(map(record_of, saved.get("undone", ())))
                outline, ahead = Outline.from_plain(saved["outline"]), tuple(map(ahead_from_plain, saved["ahead"]))
                named = (saved["workflow"], saved["run"], saved["outcome"], saved["steps"])
                return cls(*named, records, outline, ahead, undone)
        except json.JSONDecodeError as error:
            problem = f"not JSON: {error}"
        except KeyError as error:
            problem = f"it has no {error}"
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            problem = f"not as it was written: {error}"
        raise LoadError(f"a trace: {problem}")


def _holds(record: Record, text: str | None) -> bool:
    if text is None:
        return True
    said = dumps([record.sent, record.value, record.error, [asdict(one) for one in record.resources]])
    return text.casefold() in said.casefold()


def record_plain(record: Record) -> dict[str, Any]:
    """Return a record as JSON data; its values are shared, not copied."""
    plain = {name: getattr(record, name) for name in Record.__slots__}
    plain["arguments"] = [{"name": one.name, "value": one.value, "origin": one.origin} for one in record.arguments]
    plain["resources"] = [asdict(one) for one in record.resources]
    plain["started"] = record.started.isoformat() if record.started else None
    return plain


def record_of(saved: Mapping[str, Any]) -> Record:
    """Return the record of what `record_plain` gave."""
    parts = dict(saved)
    parts["arguments"] = tuple(Passed(**passed) for passed in parts["arguments"])
    parts["started"] = datetime.fromisoformat(parts["started"]) if parts["started"] else None
    parts["missing"] = tuple(parts["missing"])
    parts["resources"] = tuple(Fetched(**{**one, "contents": tuple(one["contents"])}) for one in parts["resources"])
    return Record(**parts)


def _frame(rows: list[dict[str, Any]], columns: Sequence[str]) -> pd.DataFrame:
    """Return a frame that coerces nothing: 2**53 + 1 beside None stays what it is."""
    import pandas as pd

    return pd.DataFrame({c: pd.Series([row[c] for row in rows], dtype=object) for c in columns}, columns=list(columns))
