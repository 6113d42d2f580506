"""What the functions and the workflow of lesson 08 must do: criteria, each on mocks of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

import mcpflow_nb as mf
from mcpflow_nb.lessons.attempt import Attempt, called, opened
from mcpflow_nb.lessons.criteria import ordinary
from mcpflow_nb.lessons.lesson import Criterion, Reason

READ_ONLY: Final = {"readOnlyHint": True}


def _of_function(what: str, name: str, judge: Callable[[Any], Reason]) -> Criterion:
    """A criterion of the function that the learner gave."""

    def judged(attempt: Attempt) -> Reason:
        return judge(ordinary(attempt.value, f"give a function: {name}"))

    return Criterion(what, judged)


def retries(
    what: str, failures: tuple[Exception, ...], waits: list[float], tries: int, answers: Any = "the answer"
) -> Criterion:
    """A call that fails so and then answers is tried so often, with these waits; else its last error is raised."""

    def judge(with_retry: Any) -> Reason:
        made, slept, said = [0], list[float](), ""

        def call() -> Any:
            made[0] += 1
            if made[0] > 20:
                raise SystemExit("it was tried more than 20 times")
            if made[0] <= len(failures):
                raise failures[made[0] - 1]
            return answers

        try:
            answer = with_retry(call, slept.append)
        except (OSError, ValueError) as error:  # what `failures` has in it
            answer, said = error, f"raised {error!r:.60}"
        if (made[0], slept) != (tries, waits):
            return f"it called {made[0]} times and waited {slept}; it should call {tries} times and wait {waits}"
        right = answers if len(failures) < tries else failures[tries - 1]
        return None if answer is right else f"it {said or f'returned {answer!r:.60}'}; {right!r:.60} was to come out"

    return _of_function(what, "def with_retry(call, sleep): ...", judge)


def leaves(
    what: str, failing: str, fault: str, names: list[str], *, again: bool = False, unsent: bool = False
) -> Criterion:
    """Of a run that fails at a step, the learner's function lists exactly these steps."""
    reads, sets = {"readOnlyHint": True, "idempotentHint": False}, {"idempotentHint": True}

    def judge(left_behind: Any) -> Reason:
        tools = ("ask", "make", "set", "send")
        mock = mf.mock({tool: {"done": True} for tool in tools}, annotations={"ask": reads, "set": sets})
        work = mf.SequentialWorkflow("work", "Four steps")
        for tool in tools:
            lacks = {"to": mf.field("made", "address")} if unsent and tool == "send" else {}
            work = work.step(
                f"{tool}_it", tool=f"x.{tool}", timeout=0.2, args=lacks, bind="made" if tool == "make" else None
            )
        with opened({"x": mock}) as servers:
            run = work.start(servers)
            if failing:
                run.fail(failing, fault=fault)
            run.all()
            found = left_behind(run.rerun(failing) if again else run)
        if found == names:
            return None
        shown = f"{found!r:.100}" if found is None or isinstance(found, list | tuple) else f"a {type(found).__name__}"
        return f"it returns {shown}; it should return the list {names!r}"

    return _of_function(what, "def left_behind(run): ...", judge)


def _cards(*, is_charged: bool, charged: list[str]) -> Mapping[str, mf.Mock]:
    """Return a card service that does not answer its first charge, which was made or was not."""

    async def charge(name: str, amount: int) -> Any:
        charged.append(name) if is_charged or "asked" in charged else charged.append("asked")
        if len(charged) == 1:
            await asyncio.Event().wait()
        return {"receipt": "R-31"}

    def find_charge(name: str) -> Any:
        return {"charged": True, "receipt": "R-31"} if name in charged else {"charged": False}

    tools = {"charge": charge, "find_charge": find_charge}
    cards = mf.mock(tools, annotations={"find_charge": READ_ONLY})
    return {"cards": cards, "post": mf.mock({"ticket": lambda to, receipt: {"sent": [to, receipt]}})}


def settles(what: str, *, is_charged: bool) -> Criterion:
    """The learner's function brings a run of unknown outcome to its end, with exactly one charge."""

    def judge(settle: Any) -> Reason:
        name, charged = mf.prompt_arg("name"), list[str]()
        trip = (
            mf.SequentialWorkflow("trip", "Book a trip").argument("name")
            .step("charge", tool="cards.charge", args={"name": name, "amount": 90}, bind="charge", timeout=0.3)
            .step("ticket", tool="post.ticket", args={"to": name, "receipt": mf.field("charge", "receipt")}, bind="ticket")
        )  # fmt: skip
        with opened(_cards(is_charged=is_charged, charged=charged)) as servers:
            run = trip.start(servers, name="Grace").all()
            made = settle(run, servers)
        if not isinstance(made, mf.Run):
            return f"it returns {type(made).__name__}; it should return the run"
        if made.outcome == "completed" != run.outcome:
            return f"it brings another run to its end; the one that it was given is still {run.outcome}"
        if charged.count("Grace") != 1:
            return f"Grace is charged {charged.count('Grace')} times"
        if made.outcome != "completed":
            return f"the run is {made.outcome}: {made.reason or 'a step is still to do'}"
        return None if made["ticket"] == {"sent": ["Grace", "R-31"]} else f"the ticket says {made['ticket']}"

    return _of_function(what, "def settle(run, servers): ...", judge)


def shop(refusing: str = "") -> Mapping[str, mf.Mock]:
    """Return the mocks of a purchase, one of whose tools fails."""
    answers = {
        "in_stock": lambda item: {"pieces": 2},
        "order": lambda item, payment_id: {"order_id": "o-8"},
        "pay": lambda amount: {"payment_id": f"p-{amount // 10}"},
        "refund": lambda payment_id: {"refunded": payment_id},
        "check_budget": lambda amount: {"allowed": True},
    }
    homes = {"store": ("in_stock", "order"), "bank": ("pay", "refund"), "office": ("check_budget",)}
    return {
        server: mf.mock({one: mf.fail("no") if one == refusing else answers[one] for one in tools})
        for server, tools in homes.items()
    }


def refused_budget() -> Mapping[str, mf.Mock]:
    """Return the mocks of a purchase that the budget refuses."""
    return shop("check_budget")


def refused_stock() -> Mapping[str, mf.Mock]:
    """Return the mocks of a purchase whose store cannot say what it has."""
    return shop("in_stock")


def pays_nothing(what: str, mocks: Callable[[], Mapping[str, mf.Mock]]) -> Criterion:
    """A run on these mocks ends before anything is paid or ordered."""

    def judge(attempt: Attempt) -> Reason:
        sent = [called(one) for one in attempt.run(mocks).run.trace]
        return f"called were: {', '.join(sent)}" if "bank.pay" in sent or "store.order" in sent else None

    return Criterion(what, judge)


def refunds(what: str, mocks: Callable[[], Mapping[str, mf.Mock]], payment: str = "p-8", **given: int) -> Criterion:
    """A run on these mocks pays, and takes exactly that payment back."""

    def judge(attempt: Attempt) -> Reason:
        run = attempt.run(mocks, **given).run
        undone = [(called(one), one.sent) for one in run.trace.undone]
        if "bank.pay" not in [called(one) for one in run.trace]:
            return "nothing was paid: pay is to come first here"
        if undone != [("bank.refund", {"payment_id": payment})]:
            was = ", ".join(f"{tool} {sent}" for tool, sent in undone) or "nothing"
            return f"taken back was: {was}; the payment was {payment!r}"
        return None if run.outcome == "undone" else f"the run is {run.outcome}: {run.reason}"

    return Criterion(what, judge)


def same_calls() -> Criterion:
    """A run calls each of the four tools once, in any order."""
    wanted = ["bank.pay", "office.check_budget", "store.in_stock", "store.order"]

    def judge(attempt: Attempt) -> Reason:
        found = [tool for tool, _ in attempt.run().calls]
        return None if sorted(found) == wanted else f"it calls {', '.join(found) or 'nothing'}"

    return Criterion("it makes the same four calls", judge)
