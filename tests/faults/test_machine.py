"""One machine of a run and its world: defined, redefined, stepped, failed, interrupted, killed, resumed, edited, taken back.

A plain dict says beside it what must have come of each verb: what the servers were asked, what is bound, where the run
stands. To add a verb: a rule here that does it, and says in the model what it does.
"""

from __future__ import annotations

import sqlite3
import tempfile
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import mcpflow_nb as mf
from mcpflow_nb.journal.store import store_at

NAMES = ("a", "b", "c", "d")
AT = st.integers(0, len(NAMES) - 1)
SMALL = st.integers(0, 3)


class World:
    """The server and its own log: what it was asked, in order, and what there is because of it."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int, int]] = []
        self.there: list[int] = []
        self.failing: set[str] = set()
        self.begun, self.release, self.blocks = threading.Event(), threading.Event(), False
        self.mock = mf.mock({"do": self.do, "undo": self.undo})

    def do(self, step: str, n: int, k: int) -> dict[str, int]:
        self.asked.append((step, n, k))
        if step in self.failing:
            self.failing.remove(step)
            raise ValueError("made to fail")
        made = len(self.asked)
        self.there.append(made)
        if self.blocks:
            self.blocks = False
            self.begun.set()
            self.release.wait(20)
        return {"n": n + k, "id": made}

    def undo(self, id: int) -> dict[str, int]:
        if "undo" in self.failing:
            self.failing.remove("undo")
            raise ValueError("made to fail")
        self.there.remove(id)
        return {}


def flow(constants: tuple[int, ...]) -> mf.SequentialWorkflow:
    made = mf.SequentialWorkflow("w").argument("n", type=int)
    for at, name in enumerate(NAMES):
        read = mf.field(NAMES[at - 1], "n") if at else mf.prompt_arg("n")
        undo = {"tool": "m.undo", "args": {"id": mf.field(name, "id")}}
        args = {"step": name, "n": read, "k": constants[at]}
        made = made.step(name, tool="m.do", args=args, bind=name, undo=undo)
    return made


class Machine(RuleBasedStateMachine):
    """`model` is what must be: `kept` the result of each step that counts, `done` what can be taken back."""

    def __init__(self) -> None:
        super().__init__()
        self.folder, self.files, self.runs = tempfile.TemporaryDirectory(), 0, 0
        self.world, self.asked, self.there = World(), [], []
        self.servers = mf.connect(m=self.world.mock)
        self.path = Path(self.folder.name) / "0.db"
        self.run: mf.Run | None = None
        self.model: dict[str, Any] = {}

    def teardown(self) -> None:
        self.world.release.set()
        self.servers.close()
        for path in Path(self.folder.name).glob("*.db"):
            store_at(path).close()
        self.folder.cleanup()

    # What the model says of a call, and of going on.

    def called(self) -> None:
        """The next step is called in the model."""
        model, at = self.model, self.model["at"]
        name, k = NAMES[at], model["constants"][at]
        n = model["edits"].get(name, model["kept"][at - 1]["n"] if at else model["n"])
        self.asked.append((name, n, k))
        if name in model["failing"]:
            model["failing"].remove(name)
            model |= {"outcome": "failed", "ran": {*model["ran"], at}}
            return
        self.there.append(len(self.asked))
        model["last"] = {"n": n + k, "id": len(self.asked)}
        if model["cut"]:
            model |= {"cut": False, "outcome": "unknown", "ran": {*model["ran"], at}}
        else:
            self.answered()

    def answered(self) -> None:
        """The next step gave what the server made last."""
        model, at = self.model, self.model["at"]
        model["kept"][at], model["at"] = model["last"], at + 1
        model["done"].append(model["last"]["id"])
        model |= {"outcome": "completed" if at + 1 == len(NAMES) else "paused", "ran": {*model["ran"], at}}

    def is_in(self, *outcomes: str) -> bool:
        return self.run is not None and self.model["outcome"] in outcomes

    def copied(self) -> Path:
        """The journal as it lies on the disk at this moment."""
        self.files += 1
        path = Path(self.folder.name) / f"{self.files}.db"
        with closing(sqlite3.connect(self.path)) as old, closing(sqlite3.connect(path)) as new:
            old.backup(new)
        return path

    # The rules.

    @initialize(n=SMALL, constants=st.tuples(SMALL, SMALL, SMALL, SMALL))
    def define(self, n, constants):
        self.runs += 1
        self.model = {
            "n": n, "constants": constants, "at": 0, "goal": 0, "outcome": "paused", "kept": {}, "edits": {}, "failing": set(),
            "done": [], "ran": set(), "cut": False, "last": None,
        }  # fmt: skip
        self.world.failing.clear()
        self.run = flow(constants).start(self.servers, n=n, journal=self.path, run_id=f"r{self.runs}")

    @precondition(lambda self: self.is_in("completed", "undone", "failed"))
    @rule(n=SMALL, constants=st.tuples(SMALL, SMALL, SMALL, SMALL))
    def start(self, n, constants):
        self.define(n, constants)

    @precondition(lambda self: self.is_in("paused"))
    @rule()
    def step(self):
        self.model["goal"] = self.model["at"] + 1
        self.called()
        assert self.run.step().status == ("tool_error" if self.model["outcome"] == "failed" else "ok")

    @precondition(lambda self: self.run is not None and not self.is_in("paused"))
    @rule()
    def step_where_there_is_none(self):
        with pytest.raises(mf.RunError):
            self.run.step()

    @precondition(lambda self: self.run is not None)
    @rule(at=AT)
    def fail(self, at):
        self.world.failing.add(NAMES[at])
        self.model["failing"].add(NAMES[at])

    @precondition(lambda self: self.is_in("paused"))
    @rule(is_killed=st.booleans())
    def interrupt(self, is_killed):
        """Break off a call that the server has begun: by hand, or by the end of the process, as the disk is then."""
        self.fail_no_more(NAMES[self.model["at"]])
        self.world.begun.clear()
        self.world.release.clear()
        self.world.blocks = self.model["cut"] = True
        self.model["goal"] = self.model["at"] + 1
        self.called()
        thread = threading.Thread(target=self.run.step)
        thread.start()
        assert self.world.begun.wait(20)
        path = self.copied() if is_killed else self.path
        self.run.cancel()
        self.world.release.set()
        thread.join(20)
        if is_killed:
            self.path, self.run = path, None

    def fail_no_more(self, name):
        self.world.failing.discard(name)
        self.model["failing"].discard(name)

    @precondition(lambda self: self.run is not None)
    @rule()
    def kill(self):
        self.path, self.run = self.copied(), None

    @precondition(lambda self: self.model)
    @rule()
    def resume(self):
        self.run = mf.resume(f"r{self.runs}", self.servers, journal=self.path)
        self.model["goal"] = 0

    @precondition(lambda self: self.is_in("paused", "completed", "failed"))
    @rule(at=AT, k=SMALL)
    def redefine(self, at, k):
        constants = tuple(k if place == at else one for place, one in enumerate(self.model["constants"]))
        try:
            run = mf.resume(f"r{self.runs}", self.servers, journal=self.path, workflow=flow(constants))
        except mf.ChangedError:
            assert at in self.model["ran"]
            assert constants != self.model["constants"]
        else:
            assert at not in self.model["ran"] or constants == self.model["constants"]
            self.run = run
            self.model |= {"constants": constants, "goal": 0}

    @precondition(lambda self: self.is_in("paused", "completed", "failed"))
    @rule(at=AT, n=SMALL)
    def edit(self, at, n):
        self.run.edit(NAMES[at], n=n)
        self.model["edits"][NAMES[at]] = n

    @precondition(lambda self: self.is_in("paused", "completed", "failed"))
    @rule(at=AT)
    def rerun(self, at):
        model = self.model
        if at > model["at"]:
            with pytest.raises(mf.RunError, match="has not been reached"):
                self.run.rerun(NAMES[at])
            return
        model |= {"at": at, "outcome": "paused", "kept": {one: made for one, made in model["kept"].items() if one < at}}
        model["goal"] = max(model["goal"], at + 1)
        while model["outcome"] == "paused" and model["at"] < model["goal"]:
            self.called()
        self.run.rerun(NAMES[at])

    @precondition(lambda self: self.is_in("unknown"))
    @rule(is_done=st.booleans())
    def settle(self, is_done):
        """A person looked: it was done, and its value is known; or it shall be called once more."""
        name = NAMES[self.model["at"]]
        if is_done:
            self.answered()
            self.run.settle(name, self.model["last"])
        else:
            self.model["goal"] = self.model["at"] + 1
            self.called()
            self.run.retry(name)

    @precondition(lambda self: self.is_in("paused", "completed", "failed", "unknown", "undo_failed", "undone"))
    @rule(fails=st.booleans())
    def rollback(self, fails):
        model = self.model
        if model["outcome"] == "unknown" or not (model["done"] or model["outcome"] == "undone"):
            with pytest.raises(mf.RunError):
                self.run.rollback()
            return
        if fails and model["done"]:
            self.world.failing.add("undo")
            model["outcome"] = "undo_failed"
        else:
            for one in model["done"]:
                self.there.remove(one)
            model |= {"outcome": "undone", "done": []}
        self.run.rollback()

    # What must be so after each.

    @invariant()
    def the_server_was_asked_what_the_model_says_and_nothing_else(self):
        assert self.world.asked == self.asked
        assert self.world.there == self.there

    @invariant()
    def the_run_is_what_the_model_says(self):
        if self.run is None or not self.model:
            return
        model = self.model
        assert (self.run.outcome, self.run.position) == (model["outcome"], model["at"])
        assert self.run.bindings == {NAMES[at]: made for at, made in model["kept"].items() if at < model["at"]}
        assert len([one for one in self.run.trace if one.status == "unknown"]) >= (model["outcome"] == "unknown")


FEW = settings(
    max_examples=30, stateful_step_count=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
Machine.TestCase.settings = FEW
TestMachine = Machine.TestCase


class ManyMachines(Machine):
    """The same, for longer."""


ManyMachines.TestCase.settings = settings(FEW, derandomize=False, max_examples=500, stateful_step_count=50)
TestManyMachines = pytest.mark.timeout(3_600)(pytest.mark.nightly(ManyMachines.TestCase))
