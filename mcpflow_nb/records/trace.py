"""Trace: all records of a run, as frames and as JSON.

Table, graph, conversation and HTML are renderings of the same records.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final, get_args

from mcpflow_nb.errors import LoadError, TraceError, did_you_mean
from mcpflow_nb.exact import dumps, loads
from mcpflow_nb.records.outline import Ahead, Outline, ahead_from_plain
from mcpflow_nb.records.record import Record, Status, record_of, record_plain
from mcpflow_nb.show import Shown, above
from mcpflow_nb.values import is_version

if TYPE_CHECKING:
    import pandas as pd

    from mcpflow_nb.records.exchange import Exchange
    from mcpflow_nb.records.messages import Message
    from mcpflow_nb.records.timeline import Timeline

FORMAT_VERSION: Final = 1
FILTERS: Final = ("step", "server", "tool", "status", "source")

COLUMNS: Final = (
    "step", "server", "tool", "status", "source", "arguments", "value", "error", "started", "seconds", "attempt",
)  # fmt: skip


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

    def _ipython_key_completions_(self) -> list[str]:
        return list(dict.fromkeys(record.step for record in self.records))

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
        `tool`, `status` and `source`; a text is looked for in the texts, numbers and keys of arguments, value, error and
        resources, in any case.

        Raises
        ------
        TraceError
            For a field that is none of these, a status that there is not, and what is no text.
        """
        if text is not None and not isinstance(text, str):
            raise TraceError(f"trace.where(): it looks for a text, not for {text!r}; give {str(text)!r}")
        if unknown := [name for name in fields if name not in FILTERS]:
            raise TraceError(f"trace.where(): no field {unknown[0]!r}{did_you_mean(unknown[0], FILTERS)}")
        wanted = {name: {given} if isinstance(given, str) else set(given) for name, given in fields.items()}
        known = dict.fromkeys([*get_args(Status), *(record.status for record in self.records)])
        if none_such := sorted(map(str, wanted.get("status", set()) - known.keys())):
            raise TraceError(f"trace.where(): no status {none_such[0]!r}{did_you_mean(none_such[0], known)}")
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
        """Return the JSON-RPC messages of a step, by its name (the latest record) or by position, as plain dicts.

        Raises
        ------
        TraceError
            Where no record is at that position.
        """
        if not isinstance(step, str) and not (type(step) is int and -len(self) <= step < len(self)):
            raise TraceError(
                f"trace.raw(): no record at {step!r}; there are {len(self)}, counted from 0, or name a step"
            )
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
    sought = text.casefold()
    read = [[one.uri, one.server, one.contents, one.error] for one in record.resources]
    return any(sought in said.casefold() for said in _said([record.sent, record.value, record.error, read]))


def _said(value: Any) -> Iterator[str]:
    """Give the texts, numbers and keys of a JSON value, as they read; nothing that JSON writes around them."""
    left = [value]
    while left:  # not by recursion: a value may be nested as deep as it likes
        part = left.pop()
        if isinstance(part, str):
            yield part
        elif isinstance(part, Mapping):
            left += [*part.keys(), *part.values()]
        elif isinstance(part, list | tuple):
            left += part
        elif type(part) in (int, float):
            yield json.dumps(part)


def _frame(rows: list[dict[str, Any]], columns: Sequence[str]) -> pd.DataFrame:
    """Return a frame that coerces nothing: 2**53 + 1 beside None stays what it is."""
    import pandas as pd

    return pd.DataFrame({c: pd.Series([row[c] for row in rows], dtype=object) for c in columns}, columns=list(columns))
