"""A hundred thousand steps on mocks: memory, descriptors, threads and tasks stay what they were after the warm-up.

`pytest -m nightly -s tests/faults/test_soak.py` prints the figures. A mock's log has every call by design, so it is
emptied between the samples; whatever else grows is a leak.
"""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from typing import NamedTuple

import psutil
import pytest

import mcpflow_nb as mf
from mcpflow_nb.bridge import io_thread

STEPS = 5
SERVERS = {
    "hr": {"create": lambda name: {"id": f"emp-{name}", "email": f"{name}@example.org"}},
    "finance": {"payroll": lambda employee_id: {"payroll_id": f"pay-{employee_id}"}},
    "eng": {"account": lambda email: {"username": email.partition("@")[0]}},
    "it": {"laptop": lambda employee_id: {"tracking": f"FX-{employee_id}"}},
    "comms": {"mail": {"sent": True}},
}


class Sample(NamedTuple):
    """What this process holds. `memory` is its resident set in bytes."""

    runs: int
    memory: int
    descriptors: int
    threads: int
    tasks: int

    def __str__(self) -> str:
        held = f"{self.descriptors} descriptors, {self.threads} threads, {self.tasks} tasks"
        return f"{self.runs * STEPS:>7,} steps: {self.memory / 2**20:6.1f} MiB, {held}"


def onboarding() -> mf.SequentialWorkflow:
    employee = mf.field("employee", "id")
    return (
        mf.SequentialWorkflow("onboard").argument("name")
        .step("create", tool="hr.create", args={"name": mf.prompt_arg("name")}, bind="employee")
        .step("payroll", tool="finance.payroll", args={"employee_id": employee}, bind="payroll")
        .step("account", tool="eng.account", args={"email": mf.field("employee", "email")}, bind="account")
        .step("laptop", tool="it.laptop", args={"employee_id": employee}, bind="laptop")
        .step("welcome", tool="comms.mail", bind="mail",
              args={"to": mf.field("account", "username"), "tracking": mf.field("laptop", "tracking")})
    )  # fmt: skip


def one(number: int, workflow: mf.SequentialWorkflow, servers: mf.Servers, journal: str) -> None:
    """Do a run; every tenth is kept in a journal, and of those every tenth is made again from it and shown."""
    run = workflow.start(servers, name=f"n{number}", journal=None if number % 10 else journal).all()
    assert (run.outcome, run["laptop"]["tracking"]) == ("completed", f"FX-emp-n{number}")
    if number % 100 == 0:
        again = mf.resume(run.id, servers, journal=journal)
        assert again.trace.to_json() == run.trace.to_json()
        assert again._repr_mimebundle_()["text/html"]
        mf.prune(journal=journal, keep=5)


def sample(runs: int) -> Sample:
    gc.collect()
    me = psutil.Process()
    tasks = len(asyncio.all_tasks(io_thread().loop))
    return Sample(runs, me.memory_info().rss, me.num_fds(), threading.active_count(), tasks)


def soak(runs: int, journal: str) -> list[Sample]:
    """Return what is held after a tenth (all kinds of runs were had by then), a half and all of the runs."""
    mocks = {name: mf.mock(tools) for name, tools in SERVERS.items()}
    workflow, samples, at = onboarding(), [], {max(100, runs // 10), runs // 2, runs}
    with mf.connect(mocks) as servers:
        for number in range(1, runs + 1):
            one(number, workflow, servers, journal)
            if number % 100 == 0:
                for mock in mocks.values():
                    mock.log.clear()
            if number in at:
                samples.append(sample(number))
    return samples


def is_flat(samples: list[Sample], bytes_a_step: float) -> None:
    """Assert that after the first sample nothing grew: not a descriptor, thread or task, and memory no more than said."""
    first, last = samples[0], samples[-1]
    steps = (last.runs - first.runs) * STEPS
    assert last.descriptors <= first.descriptors, samples
    assert last.threads <= first.threads, samples
    assert last.tasks <= first.tasks, samples
    assert last.memory - first.memory < max(4 * 2**20, steps * bytes_a_step), samples


@pytest.mark.row("LI02")
def test_two_thousand_steps_leave_everything_where_it_was(tmp_path):
    is_flat(soak(400, str(tmp_path / "runs.db")), bytes_a_step=1_000)


@pytest.mark.nightly
@pytest.mark.timeout(3_600)
def test_a_hundred_thousand_steps_leave_everything_where_it_was(tmp_path):
    begun = time.monotonic()
    samples = soak(20_000, str(tmp_path / "runs.db"))
    print(*samples, f"{time.monotonic() - begun:.0f} s in all", sep="\n")
    is_flat(samples, bytes_a_step=100)
