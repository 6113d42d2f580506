"""A process that does one run and may be killed at any point of it.

`python worker.py` reads jobs, a line of JSON each, forks a child for each, and answers with `begun` and then with how
it ended, a line each. The child is killed by SIGKILL at the n-th time it comes to a labelled point, if its job says so.
What it finds of unknown outcome it settles as a person would: it looks at the server, long enough after the deadline.
"""

import json
import os
import signal
import sys
import time
import warnings
from collections import Counter
from pathlib import Path

import jsonschema  # noqa: F401 - before the fork, as all that takes long
import mcp.client.streamable_http  # noqa: F401

import mcpflow_nb as mf
from mcpflow_nb.connecting import connections
from mcpflow_nb.journal import keeper, store, tables
from mcpflow_nb.running import run, settling, undoing
from mcpflow_nb.workflows.toolcalls import Undo

TIMEOUT, GRACE = 1.0, 0.3
WHO = {"who": mf.prompt_arg("who")}
passed: Counter[str] = Counter()
wanted: tuple[str, int] | None = None


def at(label: str) -> None:
    passed[label] += 1
    if wanted == (label, passed[label]):
        os.kill(os.getpid(), signal.SIGKILL)


def around(owner, name: str, label):
    """Put a point before and after a function; `label` gives its name for a call, or None."""
    inner = getattr(owner, name)

    def word(args, kwargs):
        return label(*args, **kwargs) if callable(label) else label

    def plain(*args, **kwargs):
        named = word(args, kwargs)
        if named:
            at(f"before {named}")
        made = inner(*args, **kwargs)
        if named:
            at(f"after {named}")
        return made

    async def awaited(*args, **kwargs):
        named = word(args, kwargs)
        if named:
            at(f"before {named}")
        made = await inner(*args, **kwargs)
        if named:
            at(f"after {named}")
        return made

    setattr(owner, name, awaited if inner.__code__.co_flags & 0x80 else plain)


def label_points() -> None:
    around(store.Store, "begin_now", "begin")
    around(store.Store, "take", "take")
    around(keeper.Keeper, "intend", "intent")
    around(keeper.Keeper, "flush", lambda self: "outcome" if self._waiting else None)
    around(tables, "append", "rows of a commit")
    around(connections.Connection, "call", lambda self, tool, *a: "check" if tool == "find" else "call")
    around(settling.Settling, "_concluded", "conclusion")
    around(run.Run, "_step", "step")
    around(undoing.Undoing, "_undo", "undo")


def workflow() -> mf.SequentialWorkflow:
    who, check = (
        mf.prompt_arg("who"),
        lambda tool: {"tool": "it.find", "args": {"who": mf.prompt_arg("who"), "tool": tool}, "grace": GRACE},
    )
    made = mf.SequentialWorkflow("onboard").argument("who")
    made = made.step(
        "create", tool="it.create", args={"who": who}, bind="person", check=check("create"), timeout=TIMEOUT
    )
    made = made.step("payroll", tool="it.payroll", args={"who": mf.field("person", "who")}, timeout=TIMEOUT)
    made = made.step(
        "laptop", tool="it.laptop", args={"who": mf.field("person", "who")}, check=check("laptop"), timeout=TIMEOUT
    )
    made = made.step("mail", tool="it.mail", args={"who": mf.field("person", "who")}, timeout=TIMEOUT)
    return made.step("badge", tool="it.badge", args={"who": who}, idempotency_arg="request_id", timeout=TIMEOUT)


def taken_back() -> mf.SequentialWorkflow:
    """Return the same steps, the last of which fails: all that has an undo is then taken back."""
    made = workflow()
    undos = {
        name: Undo.model_validate({"tool": f"it.un{name}", "args": WHO})
        for name in ("create", "payroll", "laptop", "badge")
    }
    steps = [step.model_copy(update={"undo": undos.get(step.name)}) for step in made.steps]
    return made.model_copy(
        update={
            "steps": (*steps, mf.WorkflowStep("seat", tool="it.refuse", timeout=TIMEOUT)),
            "on_failure": "rollback",
        }
    )


def person_undoes(run: mf.Run, servers: mf.Servers) -> None:
    """Settle an undo of unknown outcome by looking, once nothing can land any more, and go on with the rest."""
    last = run.trace.undone[-1]
    time.sleep(max(0.0, last.started.timestamp() + TIMEOUT + GRACE + 0.05 - time.time()))
    at("before a person decides")
    if servers.call("it.find", {"who": run.arguments["who"], "tool": last.tool}):
        run.settle(last.step)
    else:
        run.retry(last.step)
    at("after a person decided")
    if run.can_roll_back:
        run.rollback()


def person(run: mf.Run, servers: mf.Servers) -> None:
    """Settle what is unknown: by the check of the step if it has one, else by looking, once nothing can land any more."""
    record = run.trace[-1]
    step = run.workflow[record.step]
    time.sleep(max(0.0, record.started.timestamp() + TIMEOUT + GRACE + 0.05 - time.time()))
    at("before a person decides")
    if step.check is not None:
        run.settle(step.name)
    elif found := servers.call("it.find", {"who": run.arguments["who"], "tool": record.tool}):
        run.settle(step.name, found)
    else:
        run.retry(step.name)
    at("after a person decided")


def kept(job, servers) -> dict:
    flow = taken_back() if job.get("undo") else workflow()
    begun = flow.start(servers, {"who": job["run_id"]}, journal=job["journal"], run_id=job["run_id"])
    for _ in range(20):
        if begun.outcome == "unknown":
            person(begun, servers)
        elif begun.outcome == "undo_failed" and not begun._owes_rollback:
            person_undoes(begun, servers)
        elif begun.outcome not in ("completed", "undone"):
            begun.all()
        else:
            break
    return {
        "outcome": begun.outcome,
        "reason": begun.reason,
        "records": [(one.step, one.status, one.rule) for one in begun.trace],
        "undone": [(one.step, one.status, one.rule) for one in begun.trace.undone],
    }


def naive(job, servers) -> dict:
    """Do the same steps as most tools do: write down what finished, and begin again with what did not."""
    note = Path(job["journal"] + "." + job["run_id"])
    done = note.read_text().split() if note.exists() else []
    for step in workflow().steps:
        if step.name not in done:
            at("before call")
            servers.call(step.tool, {"who": job["run_id"]})
            at("after call")
            with note.open("a") as file:
                file.write(step.name + "\n")
    return {"outcome": "completed"}


def tell(line: str) -> None:
    """Write a line whole or not at all, however output is buffered: its writer may be killed between two writes."""
    os.write(1, f"{line}\n".encode())


def child(job) -> None:
    global wanted
    warnings.simplefilter("ignore")
    wanted = tuple(job["kill"]) if job.get("kill") else None
    label_points()
    servers = mf.connect(
        it={"url": job["url"], "headers": {"x-pid": str(os.getpid())}, "mode": job["mode"], "trusted": True}
    )
    tell("begun")
    result = (naive if job.get("naive") else kept)(job, servers)
    tell(json.dumps({**result, "points": passed}))


def main() -> None:
    for line in sys.stdin:
        job = json.loads(line)
        pid = os.fork()
        if not pid:
            try:
                child(job)
            except BaseException as error:  # whatever it is, the test must see it
                print(json.dumps({"outcome": "raised", "reason": f"{type(error).__name__}: {error}"}), flush=True)
            os._exit(0)
        print(f"child {pid}", flush=True)
        os.waitpid(pid, 0)
        print("ended", flush=True)


if __name__ == "__main__":
    main()
