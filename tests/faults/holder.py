"""A process that holds a run: `python holder.py JOURNAL RUN_ID [WORD]`; it says `holds`, and steps once at each line it reads.

The word `now` makes it die, with SIGKILL, in the middle of its first step.
"""

import os
import signal
import sys

import mcpflow_nb as mf


def make() -> dict:
    if sys.argv[3:] == ["now"]:
        os.kill(os.getpid(), signal.SIGKILL)
    print("called", flush=True)
    return {}


def workflow() -> mf.SequentialWorkflow:
    return mf.SequentialWorkflow("w").step("a", tool="m.make").step("b", tool="m.make").step("c", tool="m.make")


if __name__ == "__main__":
    servers = mf.connect(m=mf.mock({"make": make}))
    run = workflow().start(servers, journal=sys.argv[1], run_id=sys.argv[2])
    print("holds", flush=True)
    for _ in sys.stdin:
        try:
            print(run.step().status, flush=True)
        except mf.JournalError as error:
            print(type(error).__name__, flush=True)
