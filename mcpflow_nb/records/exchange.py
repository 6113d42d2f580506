"""What went over the wire for one step: its JSON-RPC messages in order, made again from its record."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from mcpflow_nb.records.course import was_called
from mcpflow_nb.records.record import Fetched, Record
from mcpflow_nb.show import Shown
from mcpflow_nb.values import copied


class Exchange(Shown, Sequence[dict[str, Any]]):
    """The messages of one step as plain dicts: requests have a `method`, answers a `result` or an `error`.

    The `id` and `_meta` of a request belong to the connection and are not recorded, so they are not here; of what a
    resource's answer held, the `contents` are. `note` says why messages are missing, None where they are all there.
    """

    def __init__(self, record: Record, messages: Sequence[dict[str, Any]], note: str | None) -> None:
        self.record, self.messages, self.note = record, tuple(messages), note

    def __getitem__(self, at: Any) -> Any:
        return self.messages[at]

    def __len__(self) -> int:
        return len(self.messages)

    @property
    def text(self) -> str:
        """The messages as one JSON array, exactly as they were: secrets too."""
        return json.dumps(self.messages, ensure_ascii=False, indent=2)


def exchange_of(record: Record) -> Exchange:
    """Return the messages of a record: resources it read first, its call, resources that its own output named."""
    if record.source in ("pinned", "settled"):
        return Exchange(record, (), f"its value was {record.rule}; nothing was sent")
    early, late = ([one for one in record.resources if one.after_call is after] for after in (False, True))
    is_sent = was_called(record) or record.source == "reused"
    messages = [
        *(message for one in early for message in _read(one)),
        *(_called(record) if is_sent and record.tool is not None else ()),
        *(message for one in late for message in _read(one)),
    ]
    return Exchange(record, copied(messages), _note(record, is_sent=is_sent))


def _request(method: str, params: dict[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "method": method, "params": params}


def _read(one: Fetched) -> Iterator[dict[str, Any]]:
    if one.server is None:  # no server was asked for it
        return
    yield _request("resources/read", {"uri": one.uri})
    if one.protocol_error is not None:
        yield {"jsonrpc": "2.0", "error": dict(one.protocol_error)}
    elif one.error is None:
        yield {"jsonrpc": "2.0", "result": {"contents": [dict(content) for content in one.contents]}}


def _called(record: Record) -> Iterator[dict[str, Any]]:
    yield _request("tools/call", {"name": record.tool, "arguments": record.sent})
    if record.protocol_error is not None:
        yield {"jsonrpc": "2.0", "error": dict(record.protocol_error)}
    elif record.raw is not None:
        yield {"jsonrpc": "2.0", "result": record.raw}


def _note(record: Record, *, is_sent: bool) -> str | None:
    """Return why a message is missing, or why none was sent now."""
    if record.source == "reused":
        return "it was not sent again: this is what was sent and answered then"
    if record.source == "recorded" and is_sent:
        return "it was not sent: this is what was sent and answered when it was recorded"
    if record.tool is None:
        return record.error if record.status != "ok" else None
    if not is_sent:
        return f"nothing was sent to its tool: {record.error or record.status}"
    if record.raw is None and record.protocol_error is None:
        return f"no answer was kept: {record.error or record.status}"
    return None if record.status != "resource_error" else record.error
