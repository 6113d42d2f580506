"""A run: where it stands, what comes next or what went wrong, and what it has bound so far."""

from __future__ import annotations

from typing import Any, Final

from mcpflow_nb.records.covering import shown_arguments, shown_bindings
from mcpflow_nb.views import handoff
from mcpflow_nb.views.call import box, fetched_first, lines_of, step_name
from mcpflow_nb.views.graph import run_graph, states
from mcpflow_nb.views.html import Safe, badge, code, details, frame, joined, named, short, tag
from mcpflow_nb.views.marks import outcome_mark
from mcpflow_nb.views.parts import numbers, servers_of
from mcpflow_nb.views.plain import clip, count, fold, grid, page
from mcpflow_nb.views.record import came_of, error_box
from mcpflow_nb.views.trace import records_table
from mcpflow_nb.views.upcoming import WILL
from mcpflow_nb.views.values import error_shown, tree

MOST: Final = 20
_NEXT_LINES: Final = {
    "paused": ("run.step()", "run.all()", "run.trace"),
    "waiting": ("run.edit(step, ...)", "run.cancel()", "run.trace"),
    "handoff": ("run.conversation()", "run.trace", "run.next"),
    "failed": ("run.trace", "run.conversation()", "workflow.start(servers, ...)"),
    "cancelled": ("run.trace", "run.conversation()", "workflow.start(servers, ...)"),
    "undone": ("run.trace.undone", "run.effects()", "workflow.start(servers, ...)"),
    "undo_failed": ("run.rollback()", "run.trace.undone", "run.effects()"),
}


def line(run: Any) -> str:
    """Return `<Run onboard_employee: paused before step 3 of 5>`."""
    return f"<Run {clip(run.workflow.name, 60)}: {place(run)}>"


def plain(run: Any) -> str:
    """Return a line a step with what came of it, the next call, and the reason it stands."""
    rows = []
    for number, step, state in zip(numbers(run.workflow), run.workflow.steps, states(run), strict=True):
        record = state.record
        came = came_of(record) if record is not None else ""
        rows.append(["", number, named(step.name), state.words, came])
    most = 15 if _is_handed(run) else 25
    lines = [f"Run {clip(run.id, 20)} of {clip(run.workflow.name, 40)} — {place(run)}", *grid(rows, 40)[:most]]
    lines += [f"  … {len(rows) - most} more steps: run.trace.df"] if len(rows) > most else []
    if _is_handed(run):
        return page([*lines, *handoff.lines(run), f"  go on: {'  '.join(_foot(run))}"], "run.trace.df")
    lines += fold(f"reason: {error_shown(run.reason)}", "  ") if run.reason else []
    lines += fold(_beyond_words(run), "  ", 2) if _beyond(run) else []
    lines += fold(f"↻ stale: {stale}", "  ", 2) if (stale := _stale_words(run)) else []
    if run.next is not None:
        lines += [f"  next: {named(step_name(run.next))}", *fetched_first(run.next), *lines_of(run.next)]
        lines += fold(_instead(run), "    ", 2)
    return page([*lines, f"  go on: {'  '.join(_foot(run))}"], "run.trace.df")


def html(run: Any) -> Safe:
    """Return the graph with what happened on it, the error or the next call first."""
    shown = outcome_mark(run.outcome)
    records = list(run.trace)
    last = run.stopped or (records[-1] if records and run.outcome == "completed" else None)
    problem = error_box(last) if last is not None and not _is_handed(run) else None
    said = _is_handed(run) or _said(run, last)
    given = shown_arguments(run.workflow, run.arguments)
    facts = [f"of {named(run.workflow.name, 60)}", badge(f"{shown.icon} {place(run)}", shown.kind), *_servers(run)]
    return frame(
        "Run", code(run.id, 40), facts,
        tag("p", "At step ", code(last.step), ":") if problem and last is not None else None, problem,
        _told("Reason", run.reason) if run.reason and not said and not _is_undone(run) else None,
        _told("↶ Rollback", run.undo_words()) if _is_undone(run) else None,
        handoff.box(run) if _is_handed(run) else _skipped(run),
        _told("↶ Beyond this point", _beyond_words(run)) if _beyond(run) else None,
        _told("↻ Stale", stale) if (stale := _stale_words(run)) else None,
        run_graph(run).figure(),
        box(run.next) if run.next is not None and not _is_handed(run) else None,
        tag("p", short(_instead(run), 600)) if _instead(run) else None,
        records_table(run.trace) if records else tag("p", "Nothing ran yet."),
        records_table(run.trace.undone, "Taken back") if len(run.trace.undone) else None,
        _bindings(run),
        details(f"Given ({len(given)})", tree(given, "run.arguments")) if given else None,
        foot=_foot(run),
    )  # fmt: skip


def place(run: Any) -> str:
    """Return where it stands: `paused before step 3 of 5`, `failed at step 2 of 5`, `completed, 5 steps`."""
    names = [step.name for step in run.workflow.steps]
    upcoming = step_name(run.next) if run.next is not None else None
    word, total = outcome_mark(run.outcome).word, len(names)
    if run.outcome == "completed":
        latest = {record.step: record.status for record in run.trace}
        failed = sum(status not in ("ok", "skipped") for status in latest.values())
        return f"{word}, {count(total, 'step')}" + (f", {failed} of them failed" if failed else "")
    records = list(run.trace)
    if run.outcome == "cancelled" and run.trace.ahead and (not records or records[-1].status != "cancelled"):
        upcoming = run.trace.ahead[0].step
    if run.outcome in ("paused", "cancelled") and upcoming in names:
        return f"{word} before step {names.index(upcoming) + 1} of {total}"
    stopped = upcoming if upcoming in names else run.stopped.step if run.stopped is not None else None
    on = "after" if run.outcome == "undone" else "at"
    where = f" {on} step {names.index(stopped) + 1} of {total}" if stopped in names else f", {count(total, 'step')}"
    return word + where


def _stale_words(run: Any) -> str:
    """Return which results no longer fit what was given by hand since; nothing where all do."""
    stale = [repr(named(step, 40)) for step in run.stale]
    if not stale:
        return ""
    return f"{', '.join(stale[:8])} ran with other arguments than now; run.rerun({stale[0]}) calls again from there on"


def _beyond(run: Any) -> list[str]:
    """Return the steps at and after the position that were sent to a server already: the run went back over them."""
    position = getattr(run, "position", None)
    if run.outcome != "paused" or position is None:
        return []
    called = [one for one in run.trace if one.started is not None and one.source in ("live", "mock", "recorded", None)]
    sent = {one.step for one in called if one.status != "not_executed"}
    return [step.name for step in run.workflow.steps[position:] if step.name in sent]


def _beyond_words(run: Any) -> str:
    beyond = dict.fromkeys(_beyond(run))
    names = [named(name, 60) for name in beyond]
    more = f" and {len(names) - MOST} more" if len(names) > MOST else ""
    again = [named(row.step, 60) for row in run.plan() if row.will in ("call", "fetch") and row.step in beyond]
    anew = f" Going on calls again: {', '.join(again[:MOST])}." if again else " Going on calls none of them again."
    return f"{', '.join(names[:MOST])}{more} ran already; going back undid nothing on a server (run.effects()).{anew}"


def _instead(run: Any) -> str:
    """Return what `run.step()` does in place of the call that comes next; nothing where it makes that call."""
    if run.outcome != "paused" or not hasattr(run, "plan"):
        return ""
    row = next(iter(run.plan()), None)
    if row is None or row.will not in ("reuse", "pinned", "wait for a re-run"):
        return ""
    return f"{WILL[row.will].icon} run.step() does not call it ({WILL[row.will].word}): {row.why}"


def _told(head: str, words: str) -> Safe:
    return tag("p", tag("strong", head), ": ", short(error_shown(words), 1_000))


def _is_undone(run: Any) -> bool:
    return run.outcome in ("undone", "undo_failed")


def _is_handed(run: Any) -> bool:
    return run.outcome == "handoff" and run.next is not None


def _said(run: Any, last: Any) -> bool:
    return last is not None and bool(last.error) and str(last.error) in run.reason


def _skipped(run: Any) -> Safe | None:
    left = [named(step.step) for step in run.trace.ahead]
    more = f" and {len(left) - MOST} more" if len(left) > MOST else ""
    return tag("p", f"Not run: {short(', '.join(left[:MOST]), 600)}{more}.") if left else None


def _servers(run: Any) -> list[Safe]:
    """Return for each server of the workflow whether it is live or mocked, as far as the run knows."""
    servers = getattr(run, "servers", None)
    known = getattr(servers, "names", ()) if servers is not None else ()
    pairs = [
        (name, servers[name].source) for name in servers_of(run.workflow)[:8] if servers is not None and name in known
    ]
    words = sorted({source for _, source in pairs})
    if len(words) == 1:
        return [joined("servers: ", badge(f"all {words[0]}", "source" if words[0] != "live" else "plain"))]
    return [badge(f"{named(name, 40)} {source}", "source" if source != "live" else "plain") for name, source in pairs]


def _bindings(run: Any) -> Safe | None:
    if not run.bindings:
        return None
    items = list(shown_bindings(run.workflow, run.bindings).items())
    shown = [
        tag("li", code(name), " = ", tree(value, f"run[{named(name)!r}]", opened=False, name=name), class_="mf-binding")
        for name, value in items[:MOST]
    ]
    more = tag("p", f"{len(items) - MOST} more: run.bindings", class_="mf-cut") if len(items) > MOST else None
    return details(f"Bindings ({len(items)})", tag("ul", shown, class_="mf-bindings"), more, opened=True)


def _foot(run: Any) -> tuple[str, ...]:
    if run.outcome == "completed":
        bound = list(run.bindings)[-1:]
        return ("run.trace.df", *(f"run[{named(name, 60)!r}]" for name in bound), "run.conversation()")
    if _beyond(run):
        return ("run.step()", "run.plan()", clip(f"run.rerun({named(step_name(run.next), 60)!r})", 80), "run.effects()")
    if run.outcome == "unknown" and run.stopped is not None:
        step = repr(named(run.stopped.step, 60))
        return (clip(f"run.settle({step}, value)", 80), clip(f"run.retry({step})", 80), "run.trace")
    first = handoff.answer_line(run) if _is_handed(run) else None
    if run.outcome == "waiting" and run.stopped is not None:
        first = f"run.approve({named(run.stopped.step, 60)!r})"
    if run.outcome == "failed" and run.stopped is not None:
        first = f"run.rerun({named(run.stopped.step, 60)!r})"
    return (*([clip(first, 80)] if first else []), *_NEXT_LINES.get(run.outcome, ("run.trace",)))
