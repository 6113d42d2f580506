"""Random walks through a run: nothing is called twice without a re-run, the trace only appends, the books balance."""

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

import mcpflow_nb as mf
from mcpflow_nb.records.course import was_called

NAMES = ["make", "read", "ask", "fail", "last"]
STEPS = st.sampled_from(NAMES)


def flow():
    return (
        mf.SequentialWorkflow("walk")
        .argument("n", type=int)
        .step("make", tool="m.make", args={"n": mf.prompt_arg("n")}, bind="made")
        .step("read", resources=["docs://{n}"], template={"n": mf.field("made", "n")})
        .step("ask", tool="m.ask", args={"n": mf.field("made", "n")}, bind="asked")
        .step("fail", tool="m.fail", args={"n": mf.field("made", "n")}, bind="tried")
        .step("last", tool="m.last", args={"n": mf.field("tried", "n")}, bind="done")
    )


def ask(n, answer):
    return {"n": n, "answer": answer}


def fail(n):
    if n % 2:
        raise ValueError("odd")
    return {"n": n}


class Walk(RuleBasedStateMachine):
    """A run and what it was allowed to call."""

    def __init__(self):
        super().__init__()
        made = {"make": lambda n: {"n": n}, "ask": ask, "fail": fail, "last": lambda n: {"n": n}}
        self.mock = mf.mock(made, resources={"docs://{n}": lambda n: n})
        self.servers = mf.connect({"m": self.mock})
        self.run = flow().start(self.servers, n=2)
        self.allowed = dict.fromkeys(NAMES, 1)
        self.records = ()

    def teardown(self):
        self.servers.close()

    def attempt(self, verb, *args, **more):
        """Do it, or be told why not."""
        try:
            return verb(*args, **more)
        except mf.RunError:
            return None

    @rule()
    def step(self):
        self.attempt(self.run.step)

    @rule(step=STEPS)
    def to(self, step):
        self.attempt(self.run.to, step)

    @rule()
    def all(self):
        self.attempt(self.run.all)

    @rule(step=st.none() | STEPS)
    def back(self, step):
        before = self.run.position
        if self.attempt(self.run.back, step) is not None:
            assert (self.run.outcome, self.run.position <= before) == ("paused", True)

    @rule(step=STEPS)
    def rerun(self, step):
        planned = [row for row in self.run.plan(step) if row.will in ("call", "fetch")]
        assert all(row.step in NAMES for row in planned)
        at = NAMES.index(step)
        if at <= self.run.position:
            for name in NAMES[at:]:
                self.allowed[name] += 1
        self.attempt(self.run.rerun, step)

    @rule(step=st.sampled_from(["make", "ask", "fail", "last"]), n=st.integers(0, 3))
    def edit(self, step, n):
        self.attempt(self.run.edit, step, n=n)

    @rule(step=st.sampled_from(["make", "ask", "fail", "last"]))
    def unedit(self, step):
        self.attempt(self.run.edit, step)

    @rule(step=st.sampled_from(["make", "ask", "fail", "last"]), n=st.integers(0, 3))
    def pin(self, step, n):
        self.attempt(self.run.pin, step, {"n": n})

    @rule(step=st.sampled_from(["make", "ask", "fail", "last"]))
    def unpin(self, step):
        self.attempt(self.run.pin, step)

    @precondition(lambda self: self.run.outcome == "handoff")
    @rule(answer=st.integers())
    def answer(self, answer):
        self.attempt(self.run.answer, answer=answer)

    @rule()
    def fork(self):
        forked = self.run.fork()
        assert (forked.position, forked.outcome, forked.trace.records) == (
            self.run.position, self.run.outcome, self.run.trace.records,
        )  # fmt: skip
        self.run = forked

    @invariant()
    def the_trace_only_appends(self):
        records = self.run.trace.records
        assert all(now is then for now, then in zip(records, self.records, strict=False))
        assert len(records) >= len(self.records)
        self.records = records

    @invariant()
    def nothing_is_called_more_often_than_it_was_allowed(self):
        called = [name for name, _ in self.mock.calls]
        assert all(called.count(name) <= self.allowed[name] for name in NAMES)
        assert len(self.mock.reads) <= self.allowed["read"]

    @invariant()
    def every_call_is_in_the_ledger_and_every_record_says_where_it_came_from(self):
        assert sorted(one.step for one in self.run.effects()) == sorted(name for name, _ in self.mock.calls)
        for record in self.run.trace:
            assert (record.status == "ok") >= (record.source in ("reused", "pinned"))
            assert was_called(record) == (record.started is not None and record.source not in ("reused", "pinned"))

    @invariant()
    def the_bindings_are_those_of_the_steps_before_the_next(self):
        before = {step.binding for step in self.run.workflow.steps[: self.run.position] if step.binding}
        assert set(self.run.bindings) == before
        ended = {"completed": len(NAMES)}
        assert self.run.position == ended.get(self.run.outcome, self.run.position)

    @invariant()
    def it_can_be_shown(self):
        assert self.run.trace.messages
        assert len(self.run.plan()) == len(NAMES) - self.run.position


TestWalk = Walk.TestCase
TestWalk.settings = settings(max_examples=40, stateful_step_count=25, deadline=None, derandomize=True)
