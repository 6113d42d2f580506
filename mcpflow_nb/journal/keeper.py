"""The journal's side of one run: what happened is noted, and written before anything is sent and when a verb ends.

An event is one of `Kind`; `resuming.py` folds them again, in
order. To add one: a word there, and whoever makes it calls `note`. Secrets are masked before anything is kept.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from types import TracebackType
from typing import Any, Final, Literal

from mcpflow_nb.errors import JournalError, MissingValueError
from mcpflow_nb.exact import dumps
from mcpflow_nb.journal import tables
from mcpflow_nb.journal.definitions import holds_mask, workflow_plain
from mcpflow_nb.journal.store import Store
from mcpflow_nb.journal.tables import RUNNING, Begun, Row, State
from mcpflow_nb.masking import KNOWN, MASK, SECRET, Masks
from mcpflow_nb.mocking.faults import Failure
from mcpflow_nb.records.course import Course
from mcpflow_nb.records.record import ANSWER, EDITED, Passed, Record, record_of, record_plain
from mcpflow_nb.values import Frozen, nesting
from mcpflow_nb.workflows.sources import KEY
from mcpflow_nb.workflows.workflow import SequentialWorkflow

Kind = Literal[
    "begun", "defined", "intent", "record", "tried", "shown", "apart", "moved", "approved", "undone", "beside"
]
_SAID: Final = ("value", "raw", "error", "guidance", "resources", "protocol_error")
HINTS: Final = (
    "token", "secret", "passw", "passphrase", "pwd", "authorization", "bearer", "cookie", "credential", "apikey",
    "api_key", "api-key", "privatekey", "private_key", "private-key", "://", '"$text"', '"$pairs"',
)  # fmt: skip
"""JSON text in small letters without any of these holds nothing that `masking` would mask by its name, or in a URI."""
MOST_DEEP: Final = 300
"""Levels of JSON that every Python reads back; some write more than they can read."""
_TOO_DEEP: Final = "it ran, but its result is nested too deep for the journal"


class Keeper:
    """Who writes one run down. `epoch` is 0 until the run is in the journal."""

    def __init__(
        self,
        store: Store,
        run: Any,
        epoch: int = 0,
        seq: int = 0,
        *,
        batch: str | None = None,
        kin: Keeper | None = None,
    ) -> None:
        self.store, self.run_id, self.epoch = store, run.id, epoch
        self.is_restored = epoch > 0
        self.masks: Masks = masks_of(run.servers) if kin is None else kin.masks.copied()
        self._run = run
        self._saved: str | None = None if kin is None else kin.saved
        self._begun = Begun(run.workflow.name, tables.now(), batch)
        self._seq = seq
        self._waiting: list[Row] = []
        if epoch:
            self._hold(epoch)

    @property
    def is_busy(self) -> bool:
        """Whether a verb of the run is under way."""
        return bool(self._run._busy.locked())

    def begin(self) -> None:
        """Note the beginning of a run: what it was asked, and, of a fork, what it shares with its parent."""
        run = self._run
        shared = {} if run.parent is None else {
            "parent": run.parent.id, "forked_at": run.forked_at, "records": [self._plain(one) for one in run._records],
            "tries": dict(run._tries), "inherited": run._inherited, "outcome": run.outcome, "left": run._left,
            **course_plain(run._course, run._records, self._plain),
        }  # fmt: skip
        asked = {"arguments": run._cover.given(run.arguments), "given": run._cover.given(run.given)}
        self.masks.learn([asked, shared])
        said = dumps(self.masks.masked({**asked, **shared}))
        self._put("begun", f'{{"workflow": {self.saved}, {said[1:]}')

    @property
    def begun(self) -> int:
        """What tells how the run begins, as `Member` has it."""
        return hash(self._waiting[0].text)

    @property
    def saved(self) -> str:
        """The workflow as JSON text, masked; made once for all runs that begin with it."""
        if self._saved is None:
            self._saved = dumps(workflow_plain(self._run.workflow, self.masks))
        return self._saved

    def defined(self, workflow: SequentialWorkflow) -> None:
        """Note that the run goes on with another definition, where it is another one."""
        saved = workflow_plain(workflow, self.masks)
        if saved != workflow_plain(self._run.workflow, self.masks):
            self._put("defined", dumps({"workflow": saved}))

    def of_fork(self, fork: Any) -> Keeper:
        """Return the keeper of a fork of this run; it is in the journal with the first verb that it does."""
        made = Keeper(self.store, fork)
        made.masks, made.is_restored = self.masks, self.is_restored
        made.begin()
        return made

    def _hold(self, epoch: int) -> None:
        """Be the one of this process who holds the run."""
        self.epoch, self.store.held[self.run_id] = epoch, self

    def begin_now(self) -> None:
        """Write the beginning of the run; waits as a plain call. Errors as for `Store.begin_now`."""
        self.begin()
        self._hold(self.store.begin_now(self.run_id, self._begun, self._state(), tuple(self._waiting)))
        self._waiting = []

    def note(self, kind: Kind, body: Mapping[str, Any]) -> None:
        """Keep an event in memory until it is written."""
        self.masks.learn(body)
        self._put(kind, dumps(self.masks.masked(body)))

    def record(self, made: Record, kind: Kind = "record", **more: Any) -> None:
        """Note a record without what its step names as secret; one that is nested too deep is kept without its result."""
        made = self._run._cover.record(made)
        said = {**record_plain(made), **more}
        try:
            text = self._text(said)
        except (RecursionError, ValueError):
            text = None
        if text is None or _is_deep(text):
            said |= {"value": None, "raw": None, "resources": [], "status": "invalid_output", "error": _TOO_DEEP}
            text = self._text(said)
        self._put(kind, text)

    def moved(self) -> None:
        """Note where the run stands now, and what was given by hand."""
        run = self._run
        for step, given in run._course.edits.items():  # what a step names as secret is known by its value from here on
            run._cover.passed(step, tuple(Passed(name, value.value, EDITED) for name, value in given.items()))
        if self.is_restored:
            self._learn_edits()
        course = course_plain(run._course, run._records, self._plain)
        self.note("moved", {**course, "outcome": run.outcome, "left": run._left})

    def _learn_edits(self) -> None:
        """Know what was given again by hand in the place of a secret that was masked."""
        for step, given in self._run._course.edits.items():
            for name, value in given.items():
                try:
                    source = self._run.workflow[step].args.get(name)
                    if source is not None and holds_mask(source.resolve(self._run._scope())):
                        self.masks.learn({"secret": value.value})
                except MissingValueError:
                    continue

    async def intend(self, body: Mapping[str, Any]) -> str | None:
        """Write what will be sent, with all that waits, in one commit; return why it could not be written, or None."""
        self._put("intent", self._text(body))
        try:
            await self._write(self._state()._replace(outcome=RUNNING))
        except JournalError as error:
            return f"the journal could not be written; nothing was sent: {error}"
        return None

    async def flush(self) -> None:
        """Write what waits.

        Raises
        ------
        JournalError
            When it cannot be written; it still waits then, and the next verb tries again.
        """
        if self._waiting:
            await self._write(self._state())

    async def _write(self, state: State) -> None:
        rows = tuple(self._waiting)
        if not self.epoch:
            self._hold(await self.store.begin(self.run_id, self._begun, state, rows))
        else:
            keeps = state.outcome not in ("completed", "undone")
            await self.store.append(self.run_id, self.epoch, state, rows, keeps=keeps)
        self._waiting = [row for row in self._waiting if row.seq > rows[-1].seq]

    def _put(self, kind: Kind, text: str) -> None:
        self._waiting.append(Row(self._seq, kind, str(KNOWN.by_value(text))))
        self._seq += 1

    def _text(self, said: Mapping[str, Any]) -> str:
        """Return a record or an intent as JSON text, masked; only text that may hold a secret is looked through."""
        text = dumps(said)
        return dumps(self._masked(said)) if self.masks.values or may_hide(text) else text

    def _state(self) -> State:
        run = self._run
        return State(run.outcome, len(run.workflow.steps), run.position)

    def _plain(self, record: Record) -> dict[str, Any]:
        return self._masked(record_plain(record))

    def _masked(self, record: Mapping[str, Any]) -> dict[str, Any]:
        sent = {one["name"]: one["value"] for one in record["arguments"]}
        self.masks.learn([sent, [record.get(name) for name in _SAID]])
        said = {name: self.masks.masked(record[name]) for name in _SAID if record.get(name) is not None}
        shown = self.masks.masked(sent).values()
        passed = [
            {**one, "value": value, "origin": one["origin"] if value == one["value"] else _origin(one)}
            for one, value in zip(record["arguments"], shown, strict=True)
        ]
        return {**record, **said, "arguments": passed}

    def lock(self) -> Busy:
        """Return the lock that the run's verbs take."""
        return Busy(self)


class Busy(asyncio.Lock):
    """The lock of a run that is kept: what a verb noted is written when the verb ends."""

    def __init__(self, keeper: Keeper) -> None:
        super().__init__()
        self._keeper = keeper

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write, then let the next verb in; a failure is told with the verb's own, if it has one."""
        problem: JournalError | None = None
        try:
            await self._keeper.flush()
        except JournalError as found:
            problem = found
        finally:
            self.release()
        if problem is not None and error is None:
            raise problem
        if problem is not None and error is not None:
            error.add_note(str(problem))


def _origin(passed: Mapping[str, Any]) -> str:
    """Return where a masked argument came from: a name, or dots where the words are the value itself or hold parts of it."""
    origin = str(passed["origin"])
    is_name = origin in (ANSWER, EDITED, KEY) or re.fullmatch(r"(argument )?[\w.\[\]]+", origin)
    return origin if is_name and origin not in dumps(passed["value"]) else MASK


def may_hide(text: str) -> bool:
    """Tell whether JSON text that `dumps` wrote may hold a secret; fast, for most text does not."""
    if text.isascii():
        folded = text.lower()
        for hint in HINTS:  # noqa: SIM110 - four times as fast as a generator, and it is done for every event
            if hint in folded:
                return True
        return False
    return SECRET.search(text) is not None or any(hint in text for hint in HINTS)


def _is_deep(text: str) -> bool:
    return text.count("[") + text.count("{") > MOST_DEEP and nesting(text) > MOST_DEEP  # most text has fewer in all


def masks_of(servers: Any) -> Masks:
    """Return what is known of secrets before a run: those that its servers are reached with."""
    masks = Masks()
    for one in servers.values():
        masks.learn({"env": dict(one.spec.env), "headers": dict(one.spec.headers), "url": one.spec.url})
    return masks


def course_plain(
    course: Course, records: Sequence[Record], plain: Callable[[Record], Any] = record_plain
) -> dict[str, Any]:
    """Return a course as JSON data; a record that is among `records` is its place there."""
    places: dict[int, Any] = {id(record): at for at, record in enumerate(records)}
    return {
        "at": course.at,
        "kept": [[at, places[id(one)] if id(one) in places else plain(one)] for at, one in course.kept.items()],
        "edits": {step: {name: one.value for name, one in given.items()} for step, given in course.edits.items()},
        "pins": {step: one.value for step, one in course.pins.items()},
        "fails": {step: asdict(one) for step, one in course.fails.items()},
    }  # fmt: skip


def course_of(plain: Mapping[str, Any], records: Sequence[Record]) -> Course:
    """Return the course of what `course_plain` gave."""
    return Course(
        plain["at"],
        {at: records[one] if isinstance(one, int) else record_of(one) for at, one in plain["kept"]},
        {step: {name: Frozen(one) for name, one in given.items()} for step, given in plain["edits"].items()},
        {step: Frozen(one) for step, one in plain["pins"].items()},
        {step: Failure(**one) for step, one in plain["fails"].items()},
    )
