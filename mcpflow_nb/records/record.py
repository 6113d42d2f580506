"""Record: one step as it ran, with its arguments and the resources it read; and as JSON data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

from mcpflow_nb.show import Shown
from mcpflow_nb.workflows.sources import KEY

Status = Literal[
    "ok", "tool_error", "invalid_output", "resource_error", "not_sent", "not_executed", "unknown",
    "handoff", "needs_input", "waiting", "cancelled", "skipped",
]  # fmt: skip
SourceWord = Literal["live", "mock", "recorded", "edited", "pinned", "reused", "settled"]

ANSWER: Final = "the client's answer"
"""The origin of an argument that was given at a handoff."""
EDITED: Final = "edited by hand"
"""The origin of an argument that was given by `run.edit`."""


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
