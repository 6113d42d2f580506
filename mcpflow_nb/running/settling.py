"""What becomes of a step whose outcome nobody knows: a check tells, a person settles it, or it is called once more.

Also what is written before a call is sent, and which calls may be sent a second time by themselves.
"""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from mcpflow_nb.bridge import verb
from mcpflow_nb.checking.contracts import check, pins_of, undo_pins_of
from mcpflow_nb.connecting.calls import CALL_SECONDS
from mcpflow_nb.errors import MissingValueError, NotJsonError, RunError, ServerError
from mcpflow_nb.journal.definitions import holds_mask
from mcpflow_nb.records.record import Record
from mcpflow_nb.running.answering import read_value
from mcpflow_nb.running.debugger import Debugger
from mcpflow_nb.running.preparing import Ready
from mcpflow_nb.tools.results import text_of_content, value_of
from mcpflow_nb.values import ABSENT, jsonable

if TYPE_CHECKING:
    from mcpflow_nb.journal.keeper import Keeper

BY_HAND: Final = "settled by hand"
BY_CHECK: Final = "told by its check"
KNOWN: Final = ("ok", "tool_error", "invalid_output", "resource_error")
"""Statuses of a call that ran to its end: the next call of that step is another one."""


class Told(NamedTuple):
    """What a check said: `value` where the step was done, ABSENT where not; `counts` says whether that can be relied on."""

    words: str
    value: Any = ABSENT
    counts: bool = False


class Settling(Debugger):
    """The part of a run that deals with what is unknown, and keeps the run in a journal."""

    @verb
    async def accept_changes(self, step: str | None = None) -> Any:
        """Take the tool of a step, or of all, as its server declares it now; a run that stopped for it can go on.

        Raises
        ------
        RunError
            When there is no such step.
        CheckError
            When the workflow does not fit what is declared now.
        """
        async with self._busy:
            names = [one.name for one in self.workflow.steps] if step is None else [step]
            self._index(names[0])
            check(self.workflow, self.servers).raise_if_errors()
            self._itself._pins |= {
                name: tool for name, tool in pins_of(self.workflow, self.servers).items() if name in names
            }
            self._itself._undo_pins |= {
                name: tool for name, tool in undo_pins_of(self.workflow, self.servers).items() if name in names
            }
            last = self._stopped() if self._records else None
            if self.outcome == "failed" and last is not None and last.status == "not_sent" and last.step in names:
                self._moved(self._course)
            return self._itself

    @verb
    async def settle(self, step: str, value: Any = ABSENT, /) -> Any:
        """Say what a step gave whose outcome is unknown; without a value its `check=` is asked. Returns this run.

        Where the check says for certain that it was not done, the step is the next one again. In a rollback it says that
        the step was taken back by hand.

        Raises
        ------
        RunError
            When the step is not the unknown one, the value is refused, or its check cannot tell.
        """
        async with self._busy:
            if self.outcome == "undo_failed":
                self._itself._settle_undo(step)
                return self._itself
            at = self._unknown(step, "settle")
            one, left = self.workflow.steps[at], self._stopped()
            if value is not ABSENT:
                frozen = read_value(one, self.servers, value, "settle")
                self._itself._append(_settled(left, one.binding, frozen.value, BY_HAND))
                return self._itself
            if one.check is None:
                raise RunError(
                    f"run.settle(): step {step!r} has no check=; run.settle({step!r}, value) gives its value"
                )
            told = await self._asked(at, left.started)
            if not self._concluded(at, left, told):
                raise RunError(f"run.settle(): step {step!r}: {told.words}")
            return self._itself

    @verb
    async def retry(self, step: str) -> Any:
        """Call a step whose outcome is unknown once more, and return this run; the next unknown outcome asks again.

        Raises
        ------
        RunError
            When the step is not the unknown one.
        """
        async with self._busy:
            if self.outcome == "undo_failed":
                await self._itself._retry_undo(step)
                return self._itself
            at = self._unknown(step, "retry")
            self._moved(self._course.forgotten(at, self.workflow.level(at)))
            self._goal = at + 1
            await self._itself._step()
            return self._itself

    def _unknown(self, step: str, verb_name: str) -> int:
        at = self._index(step)
        if self.outcome != "unknown" or at != self._course.at:
            here = f"; step {self.workflow.steps[self._course.at].name!r} is" if self.outcome == "unknown" else ""
            raise RunError(f"run.{verb_name}(): the outcome of step {step!r} is not unknown{here}")
        return at

    def _keep(self, keeper: Keeper) -> None:
        """Write this run down from now on."""
        self._keeper, self._busy = keeper, keeper.lock()

    async def _intend(self, now: Ready, attempt: int, *, apart: bool = False, undoes: int | None = None) -> str | None:
        """Write what will be sent; return why it must not be, or None."""
        keeper, call = self._keeper, now.call
        if keeper is None:
            return None
        if keeper.is_restored and (name := next((one.name for one in call.arguments if holds_mask(one.value)), None)):
            again = f"run.edit({call.step!r}, {name}=...)"
            return f"argument {name!r} holds a secret that the journal masked; give it again: {again}"
        shown = self._itself._cover.passed(call.step, call.arguments)
        return await keeper.intend({
            "step": call.step, "server": call.server, "tool": call.tool, "source": call.source, "attempt": attempt,
            "arguments": [{"name": one.name, "value": one.value, "origin": one.origin} for one in shown],
            "key": now.scope.key, "class": class_of(now), "at": time.time(), "apart": apart,
            **({"undoes": undoes} if undoes is not None else {}),
        })  # fmt: skip

    async def _parked(self, made: Record, *, is_left_behind: bool = False) -> None:
        """Append a record of unknown outcome, and what the check of its step tells of it.

        That it was not done lets it be called again only where its process has ended: else a lasting fault would call
        it again and again, and `run.settle(step)` or `run.retry(step)` does it once.
        """
        at = self._course.at
        if self.workflow.steps[at].check is None:
            self._itself._append(made)
            return
        told = await self._asked(at, made.started)
        made = replace(made, error=f"{made.error}; {told.words}")
        self._itself._append(made)
        if told.value is not ABSENT or is_left_behind:
            self._concluded(at, made, told)

    def _concluded(self, at: int, left: Record, told: Told) -> bool:
        """Go by what a check told, if it can be relied on."""
        step = self.workflow.steps[at]
        if told.value is not ABSENT:
            self._itself._append(_settled(left, step.binding, told.value, BY_CHECK))
        elif told.counts:
            self._moved(self._course.forgotten(at, self.workflow.level(at)))
        return told.value is not ABSENT or told.counts

    async def _asked(self, at: int, sent: datetime | None) -> Told:
        """Ask the check of a step; every failure is an answer."""
        step = self.workflow.steps[at]
        check, scope = step.check, self._itself._scope()
        if check is None or sent is None:
            return Told("it has no check")
        try:
            connection, tool = self.servers.find(check.tool, check.server)
            passed = {name: source.resolve(scope) for name, source in check.args.items()}
            given = {name: jsonable(value) for name, value in passed.items() if value is not ABSENT}
        except (ServerError, MissingValueError, NotJsonError) as error:
            return Told(f"its check could not be asked: {error}")
        if self._keeper is not None and self._keeper.is_restored and holds_mask(given):
            return Told("its check would hold a secret that the journal masked; it was not asked")
        async with connection.turns:
            answer = await connection.call(tool.name, given, step.timeout)
        if answer.status != "ok" or answer.raw is None:
            said = answer.error or text_of_content(answer.raw or {})
            return Told(f"its check gave no answer: {said} [{answer.status}]")
        try:
            value = value_of(answer.raw, tool).value
            if not (value is None or value is False or value in ("", [], {})):
                return Told("its check found it", read_value(step, self.servers, value, "settle").value)
        except (ValueError, RunError) as error:
            return Told(f"its check gave a value that is none of the step: {error}")
        counts_from = sent.timestamp() + (step.timeout or CALL_SECONDS) + check.grace
        if sent.timestamp() <= (now := time.time()) < counts_from or now < sent.timestamp():
            when = datetime.fromtimestamp(counts_from, UTC).isoformat(timespec="seconds")
            return Told(
                f"its check found nothing, which counts from {when} on: the lost call may still land until then"
            )
        return Told("its check found nothing", counts=True)


def class_of(now: Ready) -> Literal["repeat", "once"]:
    """Return whether a call may be sent again by itself: the author says so, or a server that is trusted."""
    if now.connection is None or now.tool is None:
        return "once"
    return "repeat" if now.connection.may_repeat(now.tool, now.plan.repeat) else "once"


def _settled(left: Record, binding: str | None, value: Any, rule: str) -> Record:
    return replace(
        left, status="ok", source="settled", value=value, binding=binding, rule=rule, error=None, raw=None, started=None,
        seconds=0.0, guidance=None, resources=(), protocol_error=None,
    )  # fmt: skip
