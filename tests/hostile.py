"""One object of each kind that has a view, with a hostile text in all of its fields. A new view adds its object here."""

import dataclasses
import json
import time
from datetime import UTC, datetime
from types import SimpleNamespace

import mcpflow_nb as mf
from mcpflow_nb.checking.forecast import Forecast, Foreseen
from mcpflow_nb.compliance.planning import CompliancePlan, Planned
from mcpflow_nb.compliance.results import Difference, ModeRates
from mcpflow_nb.compliance.statistics import Rate
from mcpflow_nb.connecting.trusting import Start, Trusted
from mcpflow_nb.inferring.proposal import Edge, Proposal
from mcpflow_nb.journal.owner import Owner
from mcpflow_nb.journal.runs import Runs
from mcpflow_nb.journal.tables import Kept, State
from mcpflow_nb.lessons.reports import Answered, Checked, Judged, Told
from mcpflow_nb.mapping.results import Mapped, MapResults
from mcpflow_nb.mocking.mock_server import MockCall
from mcpflow_nb.recording.cassette import Interaction
from mcpflow_nb.records.differences import Change, Diff, Row
from mcpflow_nb.records.effects import Branch, Effect, Effects, Tree
from mcpflow_nb.records.exchange import exchange_of
from mcpflow_nb.records.messages import KIND, STEP, Conversation, Message
from mcpflow_nb.records.outline import Ahead
from mcpflow_nb.records.provenance import Link, PathRow, Paths, Why
from mcpflow_nb.records.record import Fetched, Passed
from mcpflow_nb.records.timeline import Moment, Timeline
from mcpflow_nb.replaying.drift import Broken, Changed, Drift
from mcpflow_nb.running import upcoming
from mcpflow_nb.running.upcoming import Upcoming
from mcpflow_nb.serving.skill import Skill
from mcpflow_nb.testing.drilling import Cell, Drill, Try
from mcpflow_nb.testing.replay_check import Finding, ReplayCheck
from mcpflow_nb.tools.catalog import Catalog, Prompt, Resource, Tool


class Run(SimpleNamespace):
    """What the views know of a run."""


class NextCall(SimpleNamespace):
    """What the views know of a call that comes next."""


class Connection(SimpleNamespace):
    """What the views know of a connection."""


class WorkflowServer(SimpleNamespace):
    """What the views know of served workflows."""


class Servers(dict):
    """What the views know of servers."""

    @property
    def names(self):
        return tuple(self)


def a_workflow(*texts):
    """A workflow with a step for each text, the text in all of its fields."""
    flow = mf.SequentialWorkflow(texts[0], texts[0])
    for text in texts:
        flow = flow.argument(text, text, default=text).instruction(text)
        step = mf.WorkflowStep(text, tool=text, server=text, bind=text, guidance=text, resources=[text])
        step = step.arg(text, mf.prompt_arg(text)).arg("constant", text).arg("whole", mf.from_step(text))
        step = step.arg("part", mf.from_step(text)[text]).with_template_binding(text, mf.prompt_arg(text))
        flow = (
            flow.step(step)
            .breakpoint(text, when={text: text})
            .step("again", tool="m.t", args={text: mf.from_step(text)[text]})
        )
    return flow


def encodable(text):
    """A lone surrogate is no text of a workflow."""
    return text.encode("utf-8", "replace").decode()


def everything(text):
    """One object of each kind, `text` in all of its fields."""
    flow = a_workflow(encodable(text))
    passed = Passed(text, {text: [text]}, text)
    record = mf.Record(
        text, text, text, "tool_error", "live", (passed,), value={text: text}, binding=text, rule=text, raw={text: [text]},
        error=text, missing=(text,), guidance=text, started=datetime(2026, 1, 1, tzinfo=UTC), resources=(fetched(text), fetched(text, text)),
    )  # fmt: skip
    done = dataclasses.replace(record, status="ok", error=None, missing=())
    ahead = Ahead(
        text, text, text, {text: text}, {text: text}, {text: {"type": text, "description": text}}, (text,), text
    )
    trace = mf.Trace(text, text, text, 2, (record, done, dataclasses.replace(done, tool=None)), ahead=(ahead, ahead))
    call = NextCall(
        step=text, tool=text, server=text, source=text, arguments=(passed,), missing=(text,), effects=(text,),
        guidance=text, resources=(text,) * 20,
    )  # fmt: skip
    schema = {"type": "object", "properties": {text: {"type": text, "description": text, "default": text}}}
    tool = Tool(
        text, text, text, schema, {"type": "object", "properties": {text: {"type": text}}}, {"title": text}, text
    )
    catalog = Catalog(
        {text: tool}, (Resource(text, text, text, text, text),), (Prompt(text, text, text, (text,)),), {text: text}
    )
    connection = Connection(
        name=text, transport=text, source=text, state=text, protocol=text, target=text, error=text, catalog=catalog
    )
    servers = Servers({text: connection})
    run = Run(
        id=text, workflow=flow, outcome=text, reason=text, trace=trace, bindings={text: text}, arguments={text: text},
        next=call, servers=servers, stopped=trace[-1], stale=(text,),
    )  # fmt: skip
    problem = mf.Problem(text, "error", text, text, text, None, text, (text,), text, text)
    report = mf.Report(flow, (problem,), (text,))
    seen = Forecast(text, (Foreseen(text, text, text, text, text, (text,)),))
    skill = Skill(text, text, (dataclasses.replace(problem, severity="warning"),))
    handed = Run(**{**vars(run), "outcome": "handoff"})
    endpoint = SimpleNamespace(is_open=True, snippet=lambda: text)
    served = WorkflowServer(
        name=text, url=text, workflows=(flow,), by_tool={text: flow}, endpoint=endpoint, side_effects="handoff"
    )
    return [
        flow, flow.steps[0], report, seen, skill, tool, servers, connection, mocked(text), run, handed, call, trace, *timed(text), told(text),
        served, record, *debugged(text), *taught(text),
    ]  # fmt: skip


def mocked(text):
    """A mock, `text` in its tool, its rule and its calls."""
    made = mf.mock({"t": mf.when(n=encodable(text)[:5_000]).then(1)}, resources={"docs://a": "b"})
    made.answers = {text: made.answers["t"]}
    made.log += [MockCall(text, {text: text}, text, {text: text}), MockCall(text, {}, text, error=text)]
    return made


def timed(text):
    """A timeline and the messages of a step, `text` in all of their fields."""
    first, second = Moment(*(text,) * 5, 1, 0.0, 1.0), Moment(*(text,) * 5, 2, 500.0, None, 499.0, "handoff")
    when = datetime(2026, 1, 1, tzinfo=UTC)
    record = mf.Record(
        text, text, text, "tool_error", "live", (Passed(text, {text: [text]}, text),), error=text, started=when,
        protocol_error={"code": 1, "message": text, "data": {text: text}}, resources=(fetched(text), fetched(text, text)),
    )  # fmt: skip
    return Timeline(text, text, when, (first, second, Moment(text, None, None, None, text, 3))), exchange_of(record)


def debugged(text):
    """What debugging gives, `text` in all of its fields."""
    changes = (Change(text, text, f"{text}!"), Change("sent.x", {text: text}, text, has_right=False))
    when = datetime(2026, 1, 1, tzinfo=UTC)
    return [
        Diff("run", text, text, (Row(text, "≠", changes, (0.1, None), 3), Row(text, "+"), Row("b", "=")), changes),
        Drill(
            text,
            (text,),
            (
                Cell(text, text, "hung", (Try(text, "hung", text, mf.Trace(text, text, text, 1, ())),)),
                Cell(text, text, "stopped"),
            ),
        ),
        *measured(text),
        Why(
            text,
            text,
            (Link(0, f"argument {text!r} of step {text!r} ← {text}", text, text), Link(9, text, text, "mock")),
        ),
        Paths(text, (PathRow((), {text: text}, f"from_step({text!r})"), PathRow((text, 0), text, text)), 5),
        Effects(
            (
                Effect(text, text, text, text, (text,), text, text, 2, when),
                Effect(text, text, None, None, (), None, text, 1, None),
            )
        ),
        Tree((Branch(0, text, text, 1, 2, None, 3, here=True), Branch(90, text, text, 1, 2, 1, 3, here=False))),
        *recorded(text),
        Proposal(
            a_workflow(encodable(text)),
            (Edge(text, (text, 0), "binding", text, text, 0.5, text, (text,), is_ambiguous=True),),
            {text: text},
            (text,),
        ),
        a_journal(text),
        MapResults(
            text,
            (
                Mapped(text, text, text, text, text, text, {text: {text: text}}),
                Mapped(1, "1", "completed", bindings={text: text}),
            ),
            (text,),
            (text,),
            text,
            text,
        ),
        ReplayCheck(text, (Finding("argument changed", text, text, {text: text}, [text], text),), 1),
        Upcoming(text, (upcoming.Remaining(text, text, text, text, text, (text,), text),)),
    ]


def a_journal(text):
    """Two runs of a journal, one held by a process of that name."""
    when, owner = datetime(2026, 1, 1, tzinfo=UTC), Owner(text, text, 1, 1.0, text)
    one = Kept(text, text, when, when, State(text, 2, 1), text, 1, owner, time.time() + 1_000)
    return Runs(text, (one, dataclasses.replace(one, owner=None, state=State("running", 2, 1))))


def recorded(text):
    """A cassette and what changed since, `text` in all of their fields."""
    raws = [{part: [{"type": "text", "uri": text, "text": text}]} for part in ("content", "contents")]
    interactions = [
        Interaction(*(kind, text, text), {text: text}, text, raw, text)
        for kind in ("call", "read")
        for raw in (*raws, None)
    ]
    broken = (Broken(*(text,) * 6, (text, text)), Broken(text, None, text))
    changed = (Changed(text, text, text, {text: text}, text), Changed(text, None, text))
    return mf.Cassette(interactions, {text: Catalog()}, {text: {}}, text), Drift(text, (text,), broken, changed)


def taught(text):
    """What a lesson answers, `text` in all of their fields."""
    problem = mf.Problem(text, "error", text, text, text, None, text, (text,), text, text)
    judged = (Judged(text, "met"), Judged(text, "not met", text, problem), Judged(text, "not judged"))
    return (
        Checked(text, text, judged, is_attempted=True),
        Answered(text, text, text, text, {text: text, f"{text}!": text}),
        Told(text, text, text, text),
        Trusted(text, (Start(text[:150], json.dumps([text[:150]]), None, (), True, ""),)),
    )


def measured(text):
    """A measurement and a plan, `text` in all of their fields."""
    rates = {text: Rate(1, 2, 0.1, 0.9), "none": Rate(0, 0, 0.0, 1.0)}
    trial = SimpleNamespace(status=text, task=text, mode=text, seed=text, reason=text)
    found = ComplianceResults(
        text, text, [trial] * 12, (ModeRates(text, 2, 1, rates),),
        (Difference(text, text, text, 2, 1, 0, 0.5, -0.1, 0.9), Difference(text, text, text, 0, 0, 0, 0.0, -1.0, 1.0)),
    )  # fmt: skip
    return found, CompliancePlan(text, text, (Planned(text, text, 1, 20, 3_000),), ((text, text),))


class ComplianceResults(list):
    """What the views know of a measurement: a length, and these."""

    def __init__(self, agent, note, trials, modes, differences):
        super().__init__(trials)
        self.agent, self.note, self.trials, self.modes, self.differences = agent, note, trials, modes, differences


def fetched(text, error=None):
    contents = ({"uri": text, "mimeType": text, "text": text}, {"uri": text, "mimeType": "image/png", "blob": text})
    return Fetched(text, text, contents, error, text, 0.1, after_call=error is None)


def told(text):
    """A conversation with `text` in every message."""
    inner = [{"uri": text, "mimeType": text, "text": text}, {"uri": text, "mimeType": "image/png", "blob": text}]
    said = [{"type": "text", "text": text, "_meta": {KIND: text, STEP: text}}]
    said += [{"type": "resource", "resource": one, "_meta": {"mcpflow/server": text}} for one in inner]
    return Conversation(text, text, tuple(Message("result", content, text) for content in said))
