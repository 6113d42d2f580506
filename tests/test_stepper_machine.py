"""Presses in any order: no tool is called twice unasked, the trace only grows, and what is shown is what is so."""

import json

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

import mcpflow_nb as mf
from mcpflow_nb.stepper.controller import Controller
from mcpflow_nb.views.marks import mark, source_word

NAMES = ("create", "pay", "ends", "mail", "last")
STEPS = st.sampled_from(range(len(NAMES)))
TEXTS = st.sampled_from(["{}", '{"id": 1}', '{"to": "x"}', '{"name": "Bob"}', '{"nope": 1}', "7", "{", "null", ""])


class Presses(RuleBasedStateMachine):
    """A stepper over a run of five steps: one hands off, one fails every other time."""

    def __init__(self):
        super().__init__()
        self.tries = 0
        self.mocked = mf.mock(
            {
                "create": lambda name: {"id": f"e-{name}"},
                "pay": lambda id: {"paid": id},
                "ends": self.end,
                "mail": lambda to: {"sent": to},
            }
        )
        self.servers = mf.connect(m=self.mocked)
        self.reruns = dict.fromkeys(NAMES, 0)

    def end(self):
        self.tries += 1
        if self.tries % 2:
            raise ValueError("no")
        return {"tries": self.tries}

    @initialize()
    def begin(self):
        workflow = (
            mf.SequentialWorkflow("w")
            .argument("name")
            .step("create", tool="m.create", args={"name": mf.prompt_arg("name")}, bind="person")
            .step("pay", tool="m.pay", args={"id": mf.field("person", "id")}, bind="paid")
            .step("ends", tool="m.ends", bind="tries")
            .step("mail", tool="m.mail", bind="mailed")
            .step("last", tool="m.mail", args={"to": mf.from_step("person")})
        )
        self.controller = Controller(workflow.start(self.servers, name="Ada"))
        self.run = self.controller.run

    def press(self, cmd, *, may_call=0, old=False, **more):
        before, records = len(self.mocked.calls), self.run.trace.records
        version = self.controller.view()["version"] - old
        self.controller.do({"cmd": cmd, "version": version, **more})
        assert self.controller.wait(20)
        assert len(self.mocked.calls) - before <= (0 if old else may_call)
        self.run = self.controller.run
        assert self.run.trace.records[: len(records)] == records

    def calls_left(self):
        """The steps that a run may still call: those that have no result, or none that holds."""
        return sum(row.will in ("call", "may reuse", "hand off") for row in self.run.plan())

    @rule(old=st.booleans())
    def step(self, old):
        left = self.calls_left()
        self.press("step", may_call=min(1, left), old=old)

    @rule(old=st.booleans())
    def all(self, old):
        self.press("all", may_call=self.calls_left(), old=old)

    @rule(at=STEPS)
    def fail(self, at):
        self.press("fail", step=at)

    @rule()
    def graph(self):
        self.press("graph")

    @rule(at=STEPS)
    def to(self, at):
        self.press("to", may_call=self.calls_left(), step=at)

    @rule(at=STEPS)
    def rerun(self, at):
        self.reruns |= {name: self.reruns[name] + 1 for name in NAMES[at:]}
        self.press("rerun", may_call=len(NAMES) - at, step=at)

    @rule(text=TEXTS)
    def answer(self, text):
        self.press("answer", may_call=self.calls_left() or 1, text=text)

    @rule(at=STEPS | st.none())
    def back(self, at):
        self.press("back", step=at)

    @rule(at=STEPS, text=TEXTS)
    def edit(self, at, text):
        self.press("edit", step=at, text=text)

    @rule(at=STEPS, text=TEXTS)
    def pin(self, at, text):
        self.press("pin", step=at, text=text)

    @rule(
        cmd=st.sampled_from(["select", "breakpoint", "cancel", "fork", "diff", "check", "refresh", "dismiss"]), at=STEPS
    )
    def harmless(self, cmd, at):
        self.press(cmd, step=at, text="{}")

    @invariant()
    def no_step_is_called_twice_without_a_rerun(self):
        if not hasattr(self, "controller"):
            return
        sent = [effect.step for effect in self.run.effects()]
        assert len(sent) == len(self.mocked.calls)
        assert [name for name in NAMES if sent.count(name) > 1 + self.reruns[name]] == []

    @invariant()
    def what_is_shown_is_what_is_so(self):
        if not hasattr(self, "controller"):
            return
        view = self.controller.view()
        assert json.loads(json.dumps(view, allow_nan=False)) == view
        assert (view["outcome"], view["running"]) == (self.run.outcome, False)
        latest = {record.step: record for record in self.run.trace}
        for at, row in enumerate(view["steps"]):
            if at < self.run.position:
                record = latest[row["name"]]
                assert (row["word"], row["source"]) == (mark(record.status).word, source_word(record.source))
                assert record.status == "ok"
            elif at > self.run.position:
                assert row["word"] == "pending"
        assert [row["name"] for row in view["steps"] if row.get("is_next")] == [
            name for name in NAMES[self.run.position :][:1] if self.run.outcome in ("paused", "handoff")
        ]

    def teardown(self):
        self.servers.close()


TestPresses = Presses.TestCase
TestPresses.settings = settings(
    max_examples=40, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
