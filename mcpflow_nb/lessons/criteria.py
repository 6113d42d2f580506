"""Criteria that many exercises share: each function here makes one, from what a run on the exercise's mocks did.

They look at behaviour, never at source text. `given` are arguments of the run beside those of the exercise. A lesson
may write its own: `Criterion("what it must do", function of the Attempt)`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from inspect import iscoroutinefunction
from typing import Any

from mcpflow_nb.checking.problems import Problem
from mcpflow_nb.exact import dumps
from mcpflow_nb.lessons.attempt import Attempt, NotJudged, Ran, stopped, unmet
from mcpflow_nb.lessons.lesson import Criterion, Reason
from mcpflow_nb.values import ABSENT
from mcpflow_nb.views.html import short
from mcpflow_nb.workflows.workflow import SequentialWorkflow


def valid() -> Criterion:
    """`workflow.check()`, without servers, finds no error and no warning."""

    def judge(attempt: Attempt) -> Reason:
        found = attempt.workflow.check().problems
        return next((one for one in found if one.severity in ("error", "warning")), None)

    return Criterion("it is a workflow; its own check(), without servers, finds no error and no warning", judge)


def declares(name: str, type_name: str = "string", *, required: bool = True) -> Criterion:
    """The workflow has an argument of this type (the word of JSON Schema), which a caller must give, or may."""

    def judge(attempt: Attempt) -> Reason:
        arguments = {one.name: one for one in attempt.workflow.arguments}
        if name not in arguments:
            return f"there is no argument {name!r}; there are: {', '.join(arguments) or 'none'}"
        found = arguments[name]
        if found.type != type_name:
            return _of_argument(f"its type is {found.type}, not {type_name}", name, attempt.workflow)
        if found.required != required:
            is_now, should = ("required", "optional") if found.required else ("optional", "required")
            return _of_argument(f"it is {is_now}; it should be {should}", name, attempt.workflow)
        return None

    return Criterion(f"it has the {'required' if required else 'optional'} argument {name!r} ({type_name})", judge)


def calls(*tools: str, **given: Any) -> Criterion:
    """A run calls exactly these, in this order: `calls("hr.create_employee", "finance.create_payroll")`."""

    def judge(attempt: Attempt) -> Reason:
        ran = attempt.run(**given)
        found = [tool for tool, _ in ran.calls]
        if found == list(tools):
            return None
        at = next((n for n, pair in enumerate(zip(found, tools, strict=False)) if pair[0] != pair[1]), len(found))
        steps = [one.step for one in ran.run.trace if one.started is not None and one.tool]
        step = attempt.workflow[steps[at]] if at < len(found) and at < len(tools) else None
        return unmet(f"it calls {', '.join(found) or 'nothing'}{_why(ran)}", step, focus=found[at] if step else "")

    return Criterion(f"a run calls {', then '.join(tools)}{_when(given)}, and nothing else", judge)


def sends(tool: str, argument: str, value: Any, what: str, **given: Any) -> Criterion:
    """The first call of a tool gets this value; `ABSENT`: the argument is left out. `what` says in words what it is."""

    def judge(attempt: Attempt) -> Reason:
        record = attempt.run(**given).record(tool)
        step, sent = attempt.workflow[record.step], record.sent.get(argument, ABSENT)
        if sent is ABSENT and value is ABSENT:
            return None
        if sent is ABSENT:
            there = ", ".join(record.sent) or "no argument"
            return unmet(f"{tool} was called without {argument!r}; it was sent: {there}", step)
        if value is not ABSENT and dumps(sent) == dumps(value):
            return None
        origin = (
            next(one.origin for one in record.arguments if one.name == argument)
            if step.args[argument].reads
            else ("a constant")
        )
        wanted = "leave it out" if value is ABSENT else f"in this run it should be {short(dumps(value))}"
        return unmet(f"{tool} was sent {short(dumps(sent))}, from {short(origin)}; {wanted}", step, argument)

    return Criterion(f"{tool} is sent {what} as {argument!r}{_when(given)}", judge)


def binds(*names: str, **given: Any) -> Criterion:
    """A run keeps outputs under exactly these names, in this order."""

    def judge(attempt: Attempt) -> Reason:
        ran = attempt.run(**given)
        found = [one.binding for one in ran.run.trace if one.binding is not None]
        if found == list(names):
            return None
        there = {step.binding for step in attempt.workflow.steps}
        unbound = next((step for step in attempt.workflow.steps if step.binding is None), None)
        lacks = next((name for name in names if name not in there), None)
        what = f"nothing is kept as {lacks!r}; " if lacks else ""
        return unmet(f"{what}kept are: {', '.join(map(str, found)) or 'none'}{_why(ran)}", unbound if lacks else None)

    return Criterion(f"it keeps {' and '.join(map(repr, names))}", judge)


def ends(outcome: str = "completed", **given: Any) -> Criterion:
    """A run comes to this outcome."""

    def judge(attempt: Attempt) -> Reason:
        run = attempt.run(**given).run
        last = run.stopped.step if run.stopped else None
        step = attempt.workflow[last] if last else None
        return None if run.outcome == outcome else unmet(stopped(run), step)

    return Criterion(f"a run is {outcome}{_when(given)}", judge)


def tells(text: str = "an instruction") -> Criterion:
    """The workflow has an instruction for the client."""

    def judge(attempt: Attempt) -> Reason:
        return None if any(attempt.workflow.instructions) else 'it has none; `.instruction("...")` adds one'

    return Criterion(f"it has {text} for the client", judge)


def equals(key: str, value: Any, why_not: str, *, among: Sequence[Any] = ()) -> Criterion:
    """The learner's dict has this value under a key, or one of a tuple; `why_not` is said of any other.

    `among` are all words that there are.
    """

    def judge(attempt: Attempt) -> Reason:
        if not isinstance(attempt.value, dict):
            raise NotJudged(f"give a dict, not {type(attempt.value).__name__}")
        if key not in attempt.value:
            return f"there is no key {key!r}"
        given = attempt.value[key]
        if given is ...:
            return "it is still to do"
        if among and given not in among:
            return f"{short(repr(given))} is none of the words: {', '.join(map(repr, among))}"
        right = value if isinstance(value, tuple) else (value,)
        if any((type(given) is bool) is (type(one) is bool) and given == one for one in right):
            return None
        return f"{short(repr(given))} is not it: {why_not}"

    return Criterion(f"{key!r} is right", judge)


def fits(given: Mapping[str, Any], *calls: tuple[str, Mapping[str, Any]]) -> Criterion:
    """A run with these arguments sends each tool these values: what the exercise's own run should get is another."""

    def judge(attempt: Attempt) -> Reason:
        ran = attempt.run(**given)
        for tool, wanted in calls:
            record = ran.record(tool)
            for name, value in wanted.items():
                sent = record.sent.get(name, ABSENT)
                if sent is ABSENT or dumps(sent) != dumps(value):
                    was = "nothing" if sent is ABSENT else short(dumps(sent))
                    what = f"{tool} was sent {was} as {name!r}; in this run it should be {short(dumps(value))}"
                    return unmet(f"{what}, so no text by hand is right for both", attempt.workflow[record.step], name)
        return None

    said = ", ".join(f"{name}={value!r}" for name, value in given.items())
    return Criterion(f"with {said} each call gets the values that belong to that run", judge)


def is_named(name: str) -> Criterion:
    """The workflow has the name by which its callers ask for it."""

    def judge(attempt: Attempt) -> Reason:
        found = attempt.workflow.name
        return None if found == name else f"it is called {found!r}, and callers would not find it"

    return Criterion(f"callers find it by the name {name!r}", judge)


def ordinary(value: Any, give: str) -> Any:
    """Return a function that is no `async def`; raises `NotJudged` with what to give."""
    if not callable(value):
        raise NotJudged(f"{give}, not {type(value).__name__}")
    if iscoroutinefunction(value):
        raise NotJudged("give an ordinary function: write `def`, not `async def`")
    return value


def passed(found: Any) -> str:
    """Return what is said of a test that let something pass; it may have returned its verdict.

    >>> passed(None), passed(False)
    ('', '; it returns False, and a test fails by an error: assert_run raises one, or `assert`')
    """
    if found is None:
        return ""
    return f"; it returns {short(repr(found))}, and a test fails by an error: assert_run raises one, or `assert`"


def _of_argument(message: str, name: str, workflow: SequentialWorkflow) -> Problem:
    found = next(one for one in workflow.arguments if one.name == name)
    return Problem("not-met", "error", message, None, name, found.where, name)


def _why(ran: Ran) -> str:
    if ran.run.outcome == "completed":
        return ""
    return f"; {stopped(ran.run)}"


def _when(given: dict[str, Any]) -> str:
    return f" (with {', '.join(f'{name}={value!r}' for name, value in given.items())})" if given else ""
