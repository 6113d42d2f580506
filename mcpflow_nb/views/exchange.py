"""The JSON-RPC messages of a step: each as indented JSON, secrets masked, what is long cut."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from mcpflow_nb.masking import is_secret
from mcpflow_nb.views.html import Safe, badge, code, details, frame, named, preformatted, short, tag
from mcpflow_nb.views.marks import mark
from mcpflow_nb.views.plain import clip, count, fold, full_name, page
from mcpflow_nb.views.record import source_shown
from mcpflow_nb.views.values import MAX_DEPTH, masked, text_shown

MOST: Final = 40
MAX_STRING: Final = 2_000
MAX_TEXT: Final = 12_000
"""Characters of one message, and of one text in it, that a view holds."""
LOST: Final = "The id and _meta of a request belong to the connection; they are not recorded."


def line(exchange: Any) -> str:
    """Return `<Exchange create_employee: 2 messages>`."""
    return f"<Exchange {clip(exchange.record.step, 60)}: {count(len(exchange), 'message')}>"


def plain(exchange: Any) -> str:
    """Return each message as JSON, as many lines of it as a page has."""
    lines = [f"Exchange of {clip(exchange.record.step, 40)} — {', '.join(_facts(exchange))}", LOST]
    lines += fold(f"note: {text_shown(exchange.note)}", "") if exchange.note else []
    for at, message in enumerate(exchange[:MOST]):
        lines += [f"{at + 1} {_head(message)}", *_json(exchange, message).split("\n")]
    return page(lines, _rest(exchange))


def html(exchange: Any) -> Safe:
    """Return each message in its order, requests and answers named."""
    record, rest = exchange.record, _rest(exchange)
    shown = mark(record.status)
    items = [_item(exchange, at, message, rest) for at, message in enumerate(exchange[:MOST])]
    left = len(exchange) - len(items)
    more = tag("p", f"{left} more messages: ", tag("code", f"{rest}[{MOST}:]"), class_="mf-cut") if left else None
    return frame(
        "Exchange", code(record.step), [badge(f"{shown.icon} {short(shown.word, 40)}", shown.kind), *_facts(exchange)],
        tag("p", "Note: ", short(text_shown(exchange.note), 1_000)) if exchange.note else None,
        items or tag("p", "No messages."), more, tag("p", LOST, class_="mf-cut"),
        foot=(f"list({rest})", f"{rest}.text"),
    )  # fmt: skip


def messages_text(exchange: Any) -> str:
    """Return all messages as text, each under a line that says what it is; secrets masked, long texts cut."""
    parts = [text_shown(exchange.note)] if exchange.note else []
    return "\n".join([*parts, *(f"{_head(one)}\n{_json(exchange, one)}" for one in exchange[:MOST])])


def _rest(exchange: Any) -> str:
    return f"run.trace.raw({named(exchange.record.step, 60)!r})"


def _facts(exchange: Any) -> list[str]:
    record = exchange.record
    return [
        short(fact, 200) for fact in (
            full_name(record.server, record.tool), source_shown(record), count(len(exchange), "message")
        ) if fact
    ]  # fmt: skip


def _head(message: Mapping[str, Any]) -> str:
    if "method" in message:
        return f"→ request {message['method']}"
    return "← error" if "error" in message else "← result"


def _item(exchange: Any, at: int, message: Mapping[str, Any], rest: str) -> Safe:
    text = _json(exchange, message)
    cut = None
    if len(text) > MAX_TEXT:
        cut = tag("p", f"shown in part ({len(text):,} characters): ", tag("code", f"{rest}[{at}]"), class_="mf-cut")
    return details(f"{at + 1} {_head(message)}", preformatted(text[:MAX_TEXT]), cut, opened=at < 8)


def _json(exchange: Any, message: Mapping[str, Any]) -> str:
    """Return a message as it is shown; an argument whose value came from a secret is one, whatever its own name."""
    record = exchange.record
    hidden = {passed.name for passed in record.arguments if is_secret(passed.origin) and passed.origin[:1] not in '"{['}
    shown = _shown(message, MAX_DEPTH)
    if message.get("method") == "tools/call":
        given = message["params"]["arguments"]
        shown["params"]["arguments"] |= {name: masked(given[name]) for name in hidden if given.get(name) is not None}
    return json.dumps(shown, ensure_ascii=False, indent=2)


def _shown(value: Any, depth: int) -> Any:
    """Return a copy with its secrets masked and its long texts cut."""
    if isinstance(value, str):
        cut = f"… ({len(value):,} characters)" if len(value) > MAX_STRING else ""
        return text_shown(value[:MAX_STRING]) + cut
    if depth <= 0 and isinstance(value, Mapping | list | tuple):
        return "… (nested deeper than is shown)"
    if isinstance(value, Mapping):
        return {
            str(key): masked(item) if is_secret(key) and item is not None else _shown(item, depth - 1)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_shown(item, depth - 1) for item in value]
    return value
