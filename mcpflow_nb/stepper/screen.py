"""What the stepper shows of a run: plain JSON, every text clipped, secrets masked. Calls nothing and changes nothing.

A row for each step, short; details of the selected step alone, so that 500 steps stay small.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any, Final

from mcpflow_nb.errors import ServerError
from mcpflow_nb.masking import is_secret
from mcpflow_nb.records.covering import shown_bindings
from mcpflow_nb.records.differences import Diff
from mcpflow_nb.records.exchange import exchange_of
from mcpflow_nb.records.record import EDITED, Passed, Record
from mcpflow_nb.records.trace import Trace
from mcpflow_nb.stepper.forms import missing_fields
from mcpflow_nb.stepper.lines import clean, hidden, typed
from mcpflow_nb.tools.catalog import Tool
from mcpflow_nb.views.exchange import messages_text
from mcpflow_nb.views.html import named, short
from mcpflow_nb.views.marks import NEXT, PENDING, Mark, mark, seconds_word, source_word
from mcpflow_nb.views.parts import servers_of
from mcpflow_nb.views.values import brief, error_shown, masked, origin_shown, text_shown, value_shown

MOST_NAME: Final = 60
MOST_VALUE: Final = 200
MOST_TEXT: Final = 4_000
MOST_ROWS: Final = 50
MOST_NODES: Final = 400
MOST_DEPTH: Final = 12
MOST_SVG: Final = 256 * 1024

RUNNING: Final = NEXT._replace(icon="◐", word="running")


def rows(
    run: Any, selected: int, plan: Mapping[str, Any], stale: Container[str], *, is_running: bool
) -> list[dict[str, Any]]:
    """Return a row for each step: name, sign and word of its state; what is false or empty is left out."""
    latest = {record.step: record for record in run.trace}
    undone = {one.step for one in run.trace.undone if one.status == "ok" and run.outcome in ("undone", "undo_failed")}
    last = run.stopped
    breaks = {one.step: one for one in run.workflow.breakpoints}
    found = []
    for at, step in enumerate(run.workflow.steps):
        record = latest.get(step.name)
        shown = _state(run, at, step.name, record, last, is_running=is_running)
        shown = mark("undone") if step.name in undone else shown
        row: dict[str, Any] = {"name": named(step.name, MOST_NAME), "sign": shown.icon, "word": shown.word}
        row |= {"kind": shown.kind} if shown.kind != "pending" else {}
        if record is not None and shown not in (NEXT, PENDING, RUNNING):
            row |= {"source": source_word(record.source)} if record.source else {}
            row |= {"seconds": seconds_word(record.seconds)} if record.seconds else {}
        if step.name in breaks:
            one = breaks[step.name]
            row["has_breakpoint"] = "if" if one.when is not None or one.is_function else "always"
        is_next = at == run.position and run.outcome in ("paused", "handoff", "waiting")
        row |= {"is_next": True} if is_next else {}
        row |= {"will": plan[step.name].will} if step.name in plan else {}
        row |= {"is_stale": True} if step.name in stale else {}
        row |= {"fails": True} if step.name in run.failing else {}
        row |= {"selected": True} if at == selected else {}
        found.append(row)
    return found


def _state(run: Any, at: int, name: str, record: Any, last: Any, *, is_running: bool) -> Mark:
    if at < run.position:
        return mark(record.status) if record is not None else PENDING
    if at > run.position:
        return PENDING
    if run.outcome == "paused":
        return RUNNING if is_running else NEXT
    stopped_here = last is not None and last.step == name and last.status != "ok"
    return mark(last.status) if stopped_here else PENDING


def servers(run: Any) -> list[list[str]]:
    """Return each server of the workflow with the word for where its answers come from, at most 8."""
    known = [name for name in servers_of(run.workflow) if name in run.servers]
    return [[named(name, MOST_NAME), source_word(run.servers[name].source)] for name in known[:8]]


def bindings(run: Any) -> list[list[str]]:
    """Return the last bindings with their values on a line."""
    shown = list(shown_bindings(run.workflow, run.bindings).items())[-8:]
    items = [[named(key, MOST_NAME), brief(value, MOST_VALUE, key)] for key, value in shown]
    return [*([["…", f"{more:,} more"]] if (more := len(run.bindings) - len(items)) else []), *items]


def tool_of(run: Any, at: int) -> Tool | None:
    """Return the tool of a step; None where it has none, or no server offers it."""
    step = run.workflow.steps[at]
    if step.tool is None:
        return None
    try:
        found: Tool = run.servers.find(step.tool, step.server).tool
    except ServerError:
        return None
    return found


def record_of(run: Any, at: int) -> Record | None:
    """Return the last record of a step that has been reached."""
    name = run.workflow.steps[at].name
    found = [record for record in run.trace if record.step == name] if at <= run.position else []
    return found[-1] if found else None


def arguments_of(run: Any, at: int) -> list[Passed]:
    """Return the arguments of a step as they stand: of the call that comes or came, those given by hand on top."""
    step = run.workflow.steps[at]
    by_hand = run.by_hand(step, at)
    if at == run.position and run.next is not None:
        return list(run.next.arguments)
    record = record_of(run, at)
    kept = [one for one in record.arguments if one.name not in by_hand] if record is not None else []
    return [*kept, *by_hand.values()]


def hidden_arguments(passed: Sequence[Passed]) -> dict[str, Any]:
    """Return arguments by name with each secret hidden, also one that a secret's name was its origin."""
    return {one.name: hidden(one.value, is_hidden=_is_hidden(one)) for one in passed}


def _is_hidden(one: Passed) -> bool:
    return is_secret(one.name) or (is_secret(one.origin) and one.origin[:1] not in '"{[')


def detail(run: Any, at: int, plan: Mapping[str, Any]) -> dict[str, Any]:
    """Return all that is shown of one step."""
    step, record, tool, passed = run.workflow.steps[at], record_of(run, at), tool_of(run, at), arguments_of(run, at)
    is_next = at == run.position and run.next is not None
    call = run.next if is_next else None
    found: dict[str, Any] = {
        "at": at,
        "name": named(step.name, MOST_NAME),
        "tool": short(f"{tool.server}.{tool.name}" if tool else step.tool or "only fetches resources", 150),
        "effects": ", ".join(tool.effects) if tool else "",
        "arguments": [_argument(one) for one in passed[:MOST_ROWS]],
        "later": [] if passed else _later(step),
        "missing": [short(name, MOST_NAME) for name in (call.missing if call else ())][:MOST_ROWS],
        "problem": clean(error_shown(call.problem), MOST_TEXT) if call and call.problem else "",
        "guidance": clean(text_shown(call.guidance), MOST_TEXT) if call and call.guidance else "",
        "edit": typed(hidden_arguments(passed)) if tool else None,
    }
    if step.name in plan:
        found["will"] = f"will: {plan[step.name].will}, {clean(error_shown(plan[step.name].why), MOST_VALUE)}"
    return {**found, **_came(run, step, record, is_earlier=run.outcome == "paused" and at == run.position)}


def _argument(one: Passed) -> dict[str, Any]:
    shown = {
        "name": short(one.name, MOST_NAME),
        "value": value_shown(one.name, one.origin, one.value, MOST_VALUE),
        "origin": short(origin_shown(one.name, one.origin, one.value), MOST_VALUE),
    }
    return {**shown, "edited": True} if one.origin == EDITED else shown


def _later(step: Any) -> list[list[str]]:
    """Return where the arguments of a step will come from, as long as they have no values."""
    pairs = list(step.args.items())[:MOST_ROWS]
    return [
        [short(name, MOST_NAME), short(origin_shown(name, source.label, None), MOST_VALUE)] for name, source in pairs
    ]


def _came(run: Any, step: Any, record: Record | None, *, is_earlier: bool) -> dict[str, Any]:
    if record is None:
        return {"pin": "null" if step.tool else None}
    error = {"error": clean(error_shown(record.error), MOST_TEXT)} if record.error else {}
    is_hidden = is_secret(record.binding)
    value = masked(record.value) if is_hidden and record.value is not None else record.value
    return {
        "word": f"{'before: ' if is_earlier else ''}{mark(record.status).icon} {mark(record.status).word}",
        "source": source_word(record.source),
        "result": tree(value, [MOST_NODES]) if record.status == "ok" or value is not None else None,
        "messages": _messages(run, record.step),
        "raw": clean(messages_text(exchange_of(record)), 5 * MOST_TEXT),
        "pin": typed(hidden(record.value, is_hidden=is_hidden)) if step.tool else None,
        **error,
    }


def tree(value: Any, left: list[int], depth: int = 0) -> dict[str, Any]:
    """Return a value as nodes of text: `text`, and `items` of key and node where it has some; bounded, secrets masked.

    >>> tree({"a": [1], "token": "xyz"}, [10])["items"]
    [['a', {'text': '[1]', 'items': [['0', {'text': '1'}]]}], ['token', {'text': '•••• (3 chars)'}]]
    """
    left[0] -= 1
    if not isinstance(value, Mapping | list | tuple) or not value:
        return {"text": brief(value, MOST_VALUE)}
    size = f"{{{len(value)}}}" if isinstance(value, Mapping) else f"[{len(value)}]"
    if depth >= MOST_DEPTH or left[0] <= 0:
        return {"text": f"{size} not shown"}
    items: list[list[Any]] = []
    for key, item in value.items() if isinstance(value, Mapping) else enumerate(value):
        if left[0] <= 0:
            items.append(["…", {"text": f"{len(value) - len(items):,} more"}])
            break
        is_hidden = is_secret(key) and item is not None
        node = {"text": masked(item)} if is_hidden else tree(item, left, depth + 1)
        items.append([short(str(key), MOST_NAME), node])
    return {"text": size, "items": items}


def _messages(run: Any, name: str) -> list[list[str]]:
    records = tuple([record for record in run.trace if record.step == name][-3:])
    told = [one for one in Trace(run.workflow.name, run.id, "paused", 0, records).messages if one.step == name]
    return [[f"{one.role} · {one.kind}", clean(text_shown(one.text[:MOST_TEXT]), MOST_TEXT)] for one in told[-20:]]


def handoff(run: Any) -> dict[str, Any] | None:
    """Return what the client is asked for at a handoff, and JSON text to begin the answer with; None elsewhere."""
    if run.outcome != "handoff" or run.next is None:
        return None
    call, tool = run.next, tool_of(run, run.position)
    text = json.dumps(dict.fromkeys(call.missing[:MOST_ROWS]), indent=2)
    fields = missing_fields(tool, call.missing)
    return {"fields": fields, "text": text, "reason": clean(error_shown(run.reason or ""), MOST_TEXT)}


def graph(run: Any) -> dict[str, Any]:
    """Return the graph as an image that carries its own bytes, and its words; `note` says why there is none."""
    made = run.graph()
    svg, note = made.drawing()
    if svg is None or len(svg) > MOST_SVG:
        return {"src": "", "alt": "", "note": note or "too large to be drawn here: run.graph()"}
    encoded = base64.b64encode(svg.encode()).decode("ascii")
    return {"src": f"data:image/svg+xml;base64,{encoded}", "alt": made.alt, "note": ""}


def diff_shown(found: Diff) -> dict[str, Any]:
    """Return what differs from the parent: the headline, and a row a change."""
    changes = [[named(row.step, MOST_NAME), row.mark, *_sides(one)] for row in found.rows for one in row.changes]
    alone = [[named(row.step, MOST_NAME), row.mark, "", "", ""] for row in found.rows if row.mark in ("+", "−")]
    around = [["", "≠", *_sides(one)] for one in found.around]
    return {"headline": clean(found.headline(), 500), "rows": [*around, *alone, *changes][:MOST_ROWS]}


def _sides(one: Any) -> Iterator[str]:
    name = one.what if is_secret(one.what) else ""
    yield short(one.what, MOST_VALUE)
    yield brief(one.left, MOST_VALUE, name) if one.has_left else "(absent)"
    yield brief(one.right, MOST_VALUE, name) if one.has_right else "(absent)"


def hidden_value(record: Record | None) -> Any:
    """Return the value of a record with its secrets hidden."""
    return hidden_like(record, record.value) if record is not None else None


def hidden_like(record: Record | None, value: Any) -> Any:
    """Return a value that takes the place of a record's, its secrets hidden."""
    return hidden(value, is_hidden=record is not None and is_secret(record.binding))


def enabled(run: Any, at: int, *, is_running: bool) -> dict[str, bool]:
    """Return for each control whether it can be pressed now, with the step at `at` selected."""
    if run.outcome == "unbegun":
        return {"start": True, "graph": True}
    is_free, is_paused = not is_running, run.outcome == "paused"
    goes_on, has_tool = is_free and is_paused, at >= 0 and run.workflow.steps[at].tool is not None
    return {
        "step": goes_on, "all": goes_on, "to": goes_on and at > run.position,
        "back": is_free and (run.position > 0 or run.outcome not in ("paused", "completed")),
        "rerun": is_free and 0 <= at <= run.position, "edit": is_free and has_tool, "pin": is_free and has_tool,
        "answer": is_free and run.outcome == "handoff", "fork": is_free, "breakpoint": at >= 0,
        "approve": is_free and run.outcome == "waiting", "retry": is_free and run.outcome == "unknown",
        "rollback": is_free and run.can_roll_back, "diff": run.parent is not None, "graph": True,
        "fail": is_free and has_tool and _is_mocked(run, at),
        "cancel": is_running or run.outcome in ("paused", "handoff", "waiting"),
    }  # fmt: skip


def _is_mocked(run: Any, at: int) -> bool:
    tool = tool_of(run, at)
    return tool is not None and run.servers[tool.server].source == "mock"
