"""Whatever was done with a run, it is made again from its journal as it was: a machine that resumes after random verbs."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

import mcpflow_nb as mf

STEPS = ("a", "b", "c", "d")
COUNT = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


def server(secret):
    def count(n: int, name: str = "") -> dict:
        return {"n": n + 1, "big": 2**70, "text": name, **({"token": "canary-77-secret"} if secret else {})}

    return mf.mock({"count": count, "late": mf.fault("lost"), "find": lambda n: {"n": n} if n % 2 else {}})


def workflow():
    made = mf.SequentialWorkflow("w").argument("n", type=int)
    made = made.step("a", tool="m.count", args={"n": mf.prompt_arg("n"), "name": "é\U0001f600"}, bind="a")
    made = made.step("b", tool="m.count", args={"n": mf.field("a", "n")}, idempotency_arg="name", bind="b")
    check = {"tool": "m.find", "args": {"n": mf.field("a", "n")}}
    made = made.step("c", tool="m.late", bind="c", check=check, timeout=0.2)
    return made.step("d", tool="m.count", args={"n": mf.field("b", "n")}, bind="d", handoff=True)


class Machine(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.journal = Path(self.folder.name) / "runs.db"

    @initialize(n=st.integers(0, 3), secret=st.booleans())
    def begin(self, n, secret):
        self.servers, self.secret = mf.connect(m=server(secret)), secret
        self.run = workflow().start(self.servers, n=n, journal=self.journal, run_id="r")

    def does(self, verb, *given, **more):
        with suppress(mf.RunError, mf.CallError):  # not now
            getattr(self.run, verb)(*given, **more)

    @rule()
    def step(self):
        self.does("step")

    @rule()
    def all(self):
        self.does("all")

    @rule(step=st.sampled_from(STEPS))
    def back(self, step):
        self.does("back", step)

    @rule(step=st.sampled_from(STEPS), n=st.integers(0, 9))
    def edit(self, step, n):
        self.does("edit", step, n=n)

    @rule(step=st.sampled_from(STEPS), value=st.sampled_from([{"n": 5}, None, [1.5]]))
    def pin(self, step, value):
        self.does("pin", step, value)

    @rule(step=st.sampled_from(STEPS))
    def unpin(self, step):
        self.does("pin", step)

    @rule(step=st.sampled_from(STEPS), words=st.sampled_from(["no", None]))
    def fail(self, step, words):
        self.does("fail", step, words)

    @rule(step=st.sampled_from(STEPS))
    def rerun(self, step):
        self.does("rerun", step)

    @rule(step=st.sampled_from(STEPS))
    def call(self, step):
        self.does("call", step)

    @rule(value=st.sampled_from([{"n": 7}, "x"]))
    def settle(self, value):
        self.does("settle", "c", value)

    @rule()
    def retry(self):
        self.does("retry", "c")

    @rule()
    def answer(self):
        self.does("answer", {"name": "by hand"})

    @rule()
    def cancel(self):
        self.does("cancel")

    @rule()
    def fork(self):
        self.run = self.run.fork()
        self.does("edit", "d", name="fork")  # a fork is in the journal with its first verb

    @invariant()
    def it_is_made_again_as_it_was(self):
        old = self.run
        new = mf.resume(old.id, self.servers, journal=self.journal)
        if not self.secret:
            assert new.trace == old.trace
            assert new.bindings == old.bindings
        assert [one.status for one in new.trace] == [one.status for one in old.trace]
        assert (new.outcome, new.position, new.failing) == (old.outcome, old.position, old.failing)
        assert [one.step for one in new.own_records] == [one.step for one in old.own_records]
        assert [one.attempt for one in new.trace] == [one.attempt for one in old.trace]
        assert new.key_of("b") == old.key_of("b")
        self.run = new
        assert b"canary" not in b"".join(one.read_bytes() for one in Path(self.folder.name).iterdir())

    def teardown(self):
        self.servers.close()
        self.folder.cleanup()


Machine.TestCase.settings = settings(
    max_examples=25, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
)
TestMachine = Machine.TestCase
