"""What lesson 10 judges by: where a run hands over, what the client then reads, and a client that a learner wrote."""

from __future__ import annotations

import mcpflow_nb as mf
from mcpflow_nb.lessons.attempt import Attempt, NotJudged, opened, unmet
from mcpflow_nb.lessons.criteria import ordinary
from mcpflow_nb.lessons.lesson import Criterion, Reason
from mcpflow_nb.views.html import short

ADD_TASK = (
    mf.SequentialWorkflow("add_project_task", "Add a task to a Logseq project")
    .argument("project", "Name of the project, as a person says it")
    .argument("task", "What is to be done")
    .step("list_pages", tool="logseq.list_pages", bind="pages")
    .step("add_task", tool="logseq.add_journal_task", bind="result")
)


def hands_over(step: str, missing: str) -> Criterion:
    """A run stops at this step, and this value alone is left to the client."""

    def judge(attempt: Attempt) -> Reason:
        run = attempt.run().run
        if run.outcome != "handoff":
            why = f": {run.reason}" if run.reason else ""
            return unmet(f"the run does not hand over, it is {run.outcome}{why}", attempt.workflow.steps[-1])
        last = run.trace[-1]
        if (last.step, last.missing) == (step, (missing,)):
            return None
        lacks = ", ".join(map(repr, last.missing)) or "nothing"
        return unmet(f"it hands over at {last.step!r}, and leaves {lacks} to the client", attempt.workflow[last.step])

    return Criterion(f"a run hands over at {step!r}, and leaves {missing!r} and nothing else to the client", judge)


def knows(argument: str, value: str) -> Criterion:
    """The call that is left to the client has this value already."""

    def judge(attempt: Attempt) -> Reason:
        ahead = attempt.run().run.trace.ahead
        found = dict(ahead[0].arguments) if ahead else {}
        return None if found.get(argument) == value else f"what is known of the next call: {short(repr(found))}"

    return Criterion(f"the next call has {argument!r} already, from the argument", judge)


def reads(kind: str, text: str, what: str, step: str) -> Criterion:
    """At this step the client reads a message of this kind that has this text in it; `what` says in words what it is."""

    def judge(attempt: Attempt) -> Reason:
        steps = [one.name for one in attempt.workflow.steps]
        if step not in steps:
            raise NotJudged(f"there is no step {step!r}; its steps are: {', '.join(steps) or 'none'}")
        there = [one for one in attempt.run().run.trace.messages if one.kind == kind]
        found = [one.text for one in there if one.step == step]
        if any(text in one for one in found):
            return None
        elsewhere = next((f"; step {one.step!r} has it" for one in there if text in one.text and one.step), "")
        was = " | ".join(map(short, found)) or "none"
        return f"in this run it should have {text!r} in it; there is: {was}{elsewhere}"

    return Criterion(f"at {step!r} the client reads {what}", judge)


def answers(project: str, task: str, pages: list[str], wanted: str) -> Criterion:
    """The learner's client answers a run of `add_task` so that this is written."""

    def judge(attempt: Attempt) -> Reason:
        client = ordinary(attempt.value, "give a function that takes a run")
        written: list[str] = []

        def add_journal_task(formatted_task: str) -> dict[str, bool]:
            written.append(formatted_task)
            return {"success": True}

        logseq = mf.mock({"list_pages": {"page_names": pages}, "add_journal_task": add_journal_task})
        with opened({"logseq": logseq}) as servers:
            run = ADD_TASK.start(servers, project=project, task=task).all()
            client(run)
        if written == [wanted]:
            return None
        what = f"it writes {short(repr(written))}" if written else "it writes nothing"
        return f"{what}; of the pages {', '.join(pages)} and the task {task!r}, {wanted!r} should be written"

    return Criterion(
        f"for {project!r} it chooses among the pages {', '.join(map(repr, pages))}, and writes the task once", judge
    )
