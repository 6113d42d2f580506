"""A run as one page to keep or to send: what happened, how it came, and what it was run with. Every cut is said.

The parts are those of the single views; only the page around them, and what no view has, is made here.
"""

from __future__ import annotations

import importlib.metadata
import platform
import re
from collections.abc import Iterator
from datetime import UTC, timedelta
from functools import cache
from importlib.resources import files
from typing import Any, Final

from mcpflow_nb.records.covering import shown_arguments
from mcpflow_nb.views.conversation import messages_list
from mcpflow_nb.views.effects import calls_table
from mcpflow_nb.views.graph import run_graph
from mcpflow_nb.views.handoff import box
from mcpflow_nb.views.html import Safe, badge, code, details, document, joined, named, short, spaced, style, table, tag
from mcpflow_nb.views.marks import mark, outcome_mark, source_word
from mcpflow_nb.views.parts import servers_of
from mcpflow_nb.views.plain import count, more
from mcpflow_nb.views.record import body
from mcpflow_nb.views.run import place
from mcpflow_nb.views.timeline import figure
from mcpflow_nb.views.trace import records_table
from mcpflow_nb.views.tree import runs_table
from mcpflow_nb.views.upcoming import steps_table
from mcpflow_nb.views.values import error_shown, value_shown

FIRST: Final = 60
LAST: Final = 20
"""Records whose arguments and values are on the page, of many."""
MAX_RECORD: Final = 256 * 1024
MAX_RECORDS: Final = 2 * 1024 * 1024
"""Bytes of markup that one record, and all of them, may take."""
MOST: Final = 100
SENT: Final = "Values under the name of a secret (token, password, api_key …) are masked; all else is as it was."


def page(run: Any) -> Safe:
    """Return the report of a run as one HTML page; the same run gives the same bytes."""
    trace = run.trace
    parts = [
        ("Steps", run_graph(run).figure() if run.workflow.steps else tag("p", "The workflow has no steps.")),
        ("Arguments", _arguments(run)),
        ("What happened", _happened(trace) if len(trace) else tag("p", "Nothing ran yet.")),
        ("What is left", None if run.outcome == "completed" else steps_table(run.plan())),
        ("Timeline", figure(trace.timeline())),
        ("Conversation", messages_list(run.conversation())),
        ("Calls that were sent", calls_table(run.effects()) if len(run.effects()) else tag("p", "No call was sent.")),
        ("Runs of this tree", runs_table(run.tree()) if len(run.tree()) > 1 else None),
        ("Servers", _servers(run)),
        ("Versions", _versions()),
    ]
    sections = [tag("section", tag("h2", title), shown) for title, shown in parts if shown is not None]
    title = f"Run of {named(run.workflow.name)}: {place(run)}"
    foot = tag("footer", tag("p", SENT))
    return document(title, _styles(), _header(run), tag("main", *sections), foot)


def _header(run: Any) -> Safe:
    shown = outcome_mark(run.outcome)
    records = list(run.trace)
    is_handed = run.outcome == "handoff" and run.next is not None
    words = joined(tag("strong", "Reason"), ": ", short(error_shown(run.reason), 2_000)) if run.reason else None
    why = tag("div", tag("p", words), class_=f"mf-box mf-{shown.kind}") if words is not None else None
    facts = [badge(f"{shown.icon} {place(run)}", shown.kind), _when(records), joined("run ", code(run.id, 40))]
    return tag(
        "header", tag("h1", "Run of ", code(run.workflow.name)), tag("p", spaced(*facts), class_="mf-head"),
        tag("p", short(run.workflow.description, 2_000)) if run.workflow.description else None,
        box(run) if is_handed else why,
    )  # fmt: skip


def _when(records: list[Any]) -> str:
    """Return from when to when it ran, as the records have it."""
    timed = [record for record in records if record.started is not None and record.source != "reused"]
    if not timed:
        return "nothing was called"
    begun = min(record.started for record in timed).astimezone(UTC)
    ended = max(record.started + timedelta(seconds=record.seconds) for record in timed).astimezone(UTC)
    first, last = f"{begun:%Y-%m-%d %H:%M:%S}", f"{ended:%Y-%m-%d %H:%M:%S}"
    if first == last:
        return f"ran at {first} UTC"
    return f"ran from {first} to {last.removeprefix(first[:11])} UTC"


def _arguments(run: Any) -> Safe:
    """Return each argument with its value, and whether it was given or is a default."""
    values, given = shown_arguments(run.workflow, run.arguments), run.trace.outline.given
    if not run.workflow.arguments:
        return tag("p", "The workflow takes no arguments.")
    rows: list[list[object]] = []
    for argument in run.workflow.arguments[:MOST]:
        name = argument.name
        value = tag("code", value_shown(name, "", values[name], 300)) if name in values else "—"
        came = "given" if name in given else "default" if name in values else "left out"
        rows.append([code(name), value, came, short(argument.description or "—", 300)])
    cut = more(run.workflow.arguments, MOST, "run.arguments")
    return table("What the run was given", ["argument", "value", "how", "description"], rows, cut)


def _happened(trace: Any) -> Safe:
    undone = records_table(trace.undone, "Taken back") if len(trace.undone) else None
    return joined(records_table(trace), undone, tag("div", *_records(trace), class_="mf-records"))


def _records(trace: Any) -> Iterator[Safe]:
    """Give what was sent and what came back, a part a record, opened: paper cannot unfold."""
    everything = list(enumerate(trace))
    chosen = everything if len(everything) <= FIRST + LAST else everything[:FIRST] + everything[-LAST:]
    left, shown = MAX_RECORDS, 0
    for at, record in chosen:
        made = _record(at, record)
        if len(made) > left:
            break
        left, shown = left - len(made), shown + 1
        yield made
    if shown < len(everything):
        words = f"{len(everything) - shown:,} of {count(len(everything), 'record')} are in the table alone: "
        yield tag("p", words, tag("code", "run.trace"), class_="mf-cut")


def _record(at: int, record: Any) -> Safe:
    shown, rest = mark(record.status), f"run.trace[{at}]"
    attempt = f"attempt {record.attempt}" if record.attempt != 1 else None
    status = f"{shown.icon} {short(shown.word, 40)}"
    head = spaced(f"{at + 1} {named(record.step)}", status, source_word(record.source), attempt)
    inside = joined(*body(record, rest, opened=True))
    if len(inside) > MAX_RECORD:
        inside = tag("p", f"{len(inside) // 1024:,} KB, not on this page: ", tag("code", rest), class_="mf-cut")
    return details(head, inside or tag("p", "Nothing was sent, nothing came back."), opened=True)


def _servers(run: Any) -> Safe | None:
    """Return what is known of each server of the workflow: what it calls itself, and whether it is a mock."""
    names = list(dict.fromkeys([*servers_of(run.workflow), *(record.server for record in run.trace if record.server)]))
    rows: list[list[object]] = []
    for name in names[:MOST]:
        connection = run.servers.get(name)
        software, protocol = (getattr(connection, one, None) for one in ("software", "protocol"))
        source = source_word(connection.source) if connection is not None else "—"
        rows.append([code(name), source, short(software or "does not say"), short(protocol or "—")])
    columns = ["server", "source", "calls itself", "MCP version"]
    return table("Servers of the run", columns, rows, more(names, MOST, "servers.names")) if rows else None


def _versions() -> Safe:
    ours = [[name, importlib.metadata.version(name)] for name in ("mcpflow-nb", "mcp")]
    python = f"{platform.python_implementation()} {platform.python_version()}"
    rows = [*ours, ["Python", python], ["platform", f"{platform.system()} {platform.machine()}"]]
    return table("Made with", ["what", "version"], rows)


@cache
def _styles() -> str:
    """Return the styles: those of the views, the same for a dark page where the system is dark, and the page's own."""
    shared = str(style())
    dark = [line for line in shared.splitlines() if line.startswith("body[data-jp-theme-light")]
    on_dark = "\n".join(re.sub(r"^[^{]*html\[data-theme=dark\] ", "", line) for line in dark)
    own = files("mcpflow_nb.views").joinpath("run_report.css").read_text("utf-8")
    return f"{shared}\n@media screen and (prefers-color-scheme: dark) {{\n{on_dark}\n}}\n{own}"
