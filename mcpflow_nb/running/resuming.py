"""A run that is kept: begun in a journal, and made again from it by doing in order what its events say.

Nothing that finished is called again. `mf.resume(run_id, servers)` and `workflow.start(..., run_id=...)` both end here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from mcpflow_nb import bridge
from mcpflow_nb.checking.contracts import check
from mcpflow_nb.errors import ChangedError, JournalError, McpflowError, RunHeldError, ServerError
from mcpflow_nb.journal.definitions import workflow_plain
from mcpflow_nb.journal.keeper import Keeper, course_of, masks_of
from mcpflow_nb.journal.store import Store, store_at
from mcpflow_nb.journal.tables import Event
from mcpflow_nb.masking import masked_schema
from mcpflow_nb.records.course import defined
from mcpflow_nb.records.differences import Change, changes
from mcpflow_nb.records.record import Passed, Record, record_of
from mcpflow_nb.running.ahead import outline
from mcpflow_nb.running.run import Run
from mcpflow_nb.tools.schemas import Unjudged, Validator
from mcpflow_nb.workflows.workflow import SequentialWorkflow

_BROKEN: Final = (KeyError, ValueError, TypeError, AttributeError, IndexError, RecursionError)


def begun(run: Run, journal: Any, run_id: str | None) -> Run:
    """Return a new run, in the journal now; or the one of this id that is there, where it stood."""
    store = store_at(journal)
    if run_id is not None:
        if store.has(run_id):
            return _resumed(store, run_id, run.servers, run.workflow, run)
        run.id = run_id
    keeper = Keeper(store, run)
    keeper.begin_now()
    run._keep(keeper)
    return run


def resume(run_id: str, servers: Any, *, journal: Any = True, workflow: SequentialWorkflow | None = None) -> Run:
    """Return a run of a journal where it stood; steps that finished are used, never called again.

    A step that was under way when its process ended is the next one again where it may be repeated; else its `check=`
    is asked, and where that cannot tell, its outcome is unknown: `run.settle` and `run.retry` go on from there.

    Parameters
    ----------
    run_id
        Its name, as `run.id` and `mf.runs()` give it.
    servers
        What `mf.connect(...)` returned.
    journal
        A path, a PostgreSQL URL, or True for the journal of this user.
    workflow
        A changed definition to go on with; what has run must be in it as it was.

    Raises
    ------
    JournalError
        When there is no such run, or the journal cannot be read.
    RunHeldError
        When another process that may be alive holds it, or a verb of it is under way here.
    ChangedError
        When a step that has run is another one in `workflow`; `mf.resume(...).adopt(workflow)` makes a fork.
    CheckError
        When `workflow` has errors.
    """
    if workflow is not None:
        check(workflow, servers).raise_if_errors()
    return _resumed(store_at(journal), run_id, servers, workflow)


def _resumed(
    store: Store, run_id: str, servers: Any, workflow: SequentialWorkflow | None, asked: Run | None = None
) -> Run:
    fold = _taken(store, run_id, servers, workflow, asked)
    bridge.run(_left_behind(fold))
    return fold.run


async def taken(store: Store, asked: Run) -> Run:
    """Return the run of a journal that a new one asks for, where it stood; from the I/O thread. Errors as for `resume`."""
    fold = _taken(store, asked.id, asked.servers, asked.workflow, asked)
    await _left_behind(fold)
    return fold.run


def looked(store: Store, run_id: str, servers: Any) -> Run:
    """Return a run of a journal as it stands there, to be read alone; it is not taken."""
    return _folded(store, run_id, servers, store.look(run_id)).run


def _taken(store: Store, run_id: str, servers: Any, workflow: SequentialWorkflow | None, asked: Run | None) -> _Fold:
    older = store.held.get(run_id)
    if older is not None and older.is_busy:
        words = "a verb of it is under way in this process; wait for it, or interrupt it"
        raise RunHeldError(store.name, run_id, None, words)
    found = _as_it_was(_folded(store, run_id, servers, store.look(run_id)), workflow, asked)
    if found:
        raise ChangedError(store.name, run_id, found)
    events, epoch = store.take(run_id)
    fold = _folded(store, run_id, servers, events)
    run = fold.run
    keeper = Keeper(store, run, epoch, len(events))
    if asked is not None:
        run._arguments, run._outline = asked._arguments, asked._outline
    if workflow is not None:
        keeper.defined(workflow)
        _redefine(run, workflow)
    run._keep(keeper)
    return fold


def _redefine(run: Run, workflow: SequentialWorkflow) -> None:
    run.workflow, run._outline = workflow, outline(workflow, run.servers, run.given)
    if run.outcome in ("paused", "completed"):
        run.outcome = "completed" if run.position == len(workflow.steps) else "paused"


async def _left_behind(fold: _Fold) -> None:
    """Write down what became of the calls that were under way, as far as that is known."""
    run, keeper = fold.run, fold.run._keeper
    async with run._busy:
        for intent in fold.apart:
            run._apart.append(made := _lost(intent))
            if keeper is not None:
                keeper.record(made, "apart")
        for intent in sorted(fold.intents.values(), key=lambda one: run._index(one["step"])):
            run._tries[intent["step"]] = intent["attempt"]
            if intent["class"] == "repeat":
                continue
            if (at := run._index(intent["step"])) == run.position and run.outcome == "paused":
                await run._parked(_lost(intent), is_left_behind=True)
            else:
                run._append_beside(at, _lost(intent))
        if fold.undoing is not None and fold.undoing["class"] != "repeat":
            run._took_back(fold.undoing["undoes"], _lost(fold.undoing))
        _refuse_outputs(run)


def _lost(intent: Mapping[str, Any]) -> Record:
    return Record(
        intent["step"], intent["server"], intent["tool"], "unknown", intent["source"],
        tuple(Passed(**one) for one in intent["arguments"]), attempt=intent["attempt"],
        started=datetime.fromtimestamp(intent["at"], UTC), error="its process ended before an answer came; it may have run",
    )  # fmt: skip


def _refuse_outputs(run: Run) -> None:
    """Stand at the first step whose kept output breaks the schema that its server declares now: it is not used."""
    for at, kept in sorted(run._course.kept.items()):
        if run.outcome != "paused" or kept.status != "ok" or kept.tool is None or not isinstance(kept.raw, dict):
            continue
        try:
            tool = run.servers.find(kept.tool, kept.server).tool
            if tool.output_schema is None or "structuredContent" not in kept.raw:
                continue
            refusal = Validator(masked_schema(tool.output_schema)).refusal(kept.raw["structuredContent"])
        except (ServerError, Unjudged):
            continue
        if refusal is not None:
            words = f"it ran, but its output in the journal breaks the schema that the server declares now: {refusal}"
            run._moved(run._course.forgotten(at))
            run._append(replace(kept, status="invalid_output", binding=None, error=words))


class _Fold:
    """A run while its events are done again: `intents` are calls without an outcome so far, `apart` those by `run.call`,
    `undoing` one of a rollback.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.intents: dict[str, Mapping[str, Any]] = {}
        self.apart: list[Mapping[str, Any]] = []
        self.undoing: Mapping[str, Any] | None = None

    def defined(self, body: Mapping[str, Any]) -> None:
        _redefine(self.run, SequentialWorkflow.from_saved(body["workflow"]))

    def intended(self, body: Mapping[str, Any]) -> None:
        if body["apart"]:
            self.apart.append(body)
        elif "undoes" in body:
            self.undoing, self.run.outcome = body, "undo_failed"
            self.run._undo_tries[body["undoes"]] = body["attempt"]
        else:
            self.intents[body["step"]] = body

    def recorded(self, body: Mapping[str, Any]) -> None:
        self.intents.pop(body["step"], None)
        self.run._append(record_of(body))

    def beside(self, body: Mapping[str, Any]) -> None:
        self.intents.pop(body["step"], None)
        self.run._append_beside(body["at"], record_of({key: body[key] for key in body if key != "at"}))

    def tried(self, body: Mapping[str, Any]) -> None:
        self.intents.pop(body["step"], None)
        self.run._again(record_of(body))

    def approved(self, body: Mapping[str, Any]) -> None:
        self.run._approved[body["step"]] = body["digest"]

    def undone(self, body: Mapping[str, Any]) -> None:
        self.undoing = None
        self.run._took_back(body["undoes"], record_of({key: body[key] for key in body if key != "undoes"}))

    def shown(self, body: Mapping[str, Any]) -> None:
        self.run._records.append(record_of(body))

    def called_apart(self, body: Mapping[str, Any]) -> None:
        made = record_of(body)
        self.run._apart.append(made)
        mine = [one for one in self.apart if one["step"] == made.step]
        self.apart = [one for one in self.apart if one not in mine[:1]]

    def moved(self, body: Mapping[str, Any]) -> None:
        self.run._moved(course_of(body, self.run._records), body["outcome"])
        self.run._left = body["left"]


FOLD: Final[dict[str, Callable[[_Fold, Mapping[str, Any]], None]]] = {
    "defined": _Fold.defined, "intent": _Fold.intended, "record": _Fold.recorded, "shown": _Fold.shown,
    "apart": _Fold.called_apart, "moved": _Fold.moved, "tried": _Fold.tried, "approved": _Fold.approved,
    "undone": _Fold.undone, "beside": _Fold.beside,
}  # fmt: skip
"""What each kind of event but the first does to a run that is made again."""


def _folded(store: Store, run_id: str, servers: Any, events: Iterable[Event]) -> _Fold:
    problem = ""
    try:
        first, *others = events
        fold = _Fold(_begun(first, run_id, servers))
        for event in others:
            FOLD[event.kind](fold, event.body)
        return fold
    except _BROKEN as error:
        problem = f"{type(error).__name__}: {error}"
    except McpflowError as error:
        problem = str(error)
    raise JournalError(store.name, f"run {run_id!r} is not as it was written ({problem[:300]}); nothing was changed")


def _begun(event: Event, run_id: str, servers: Any) -> Run:
    body = event.body
    run = Run(SequentialWorkflow.from_saved(body["workflow"]), servers, body["arguments"], body["given"])
    run.id = run_id
    if "records" in body:  # a fork
        run._records = [record_of(one) for one in body["records"]]
        run._tries, run._before = dict(body["tries"]), dict(body["tries"])
        run._inherited, run.forked_at = body["inherited"], body["forked_at"]
        run._moved(course_of(body, run._records), body["outcome"])
        run._left = body["left"]
    return run


Difference = tuple[str, str, Any, Any]


def _as_it_was(fold: _Fold, workflow: SequentialWorkflow | None, asked: Run | None) -> list[Difference]:
    """Return what differs from how a run was begun: arguments, steps that were called, mocks in the place of servers."""
    run, found = fold.run, []
    if run.outcome != "completed":
        for kept in run._course.kept.values():
            now = run.servers[kept.server].source if kept.server in run.servers else kept.source
            if kept.source in ("live", "mock") and now != kept.source:
                found.append((f"step {kept.step!r}", f"server {kept.server!r}", kept.source, now))
    if workflow is None:
        return found
    return found + [(where, one.what, one.left, one.right) for where, one in _redefined(fold, workflow, asked)]


def _redefined(fold: _Fold, workflow: SequentialWorkflow, asked: Run | None) -> list[tuple[str, Change]]:
    run, masks = fold.run, masks_of(fold.run.servers)
    found = [("workflow", one) for one in changes({"name": run.workflow.name}, {"name": workflow.name})]
    if asked is not None:
        given = dict(asked.arguments)
        masks.learn(given)
        found += [("argument", one) for one in changes(dict(run.arguments), masks.masked(given))]
    definition = SequentialWorkflow.from_saved(workflow_plain(workflow, masks))
    ran = {record.step for record in run._records} | set(fold.intents)
    last = max((at for at, step in enumerate(run.workflow.steps) if step.name in ran), default=-1)
    for at, old in enumerate(run.workflow.steps[: last + 1]):
        new = definition.steps[at] if at < len(definition.steps) else None
        left = {"name": old.name, "bind": old.binding, **defined(old)}
        right = {} if new is None else {"name": new.name, "bind": new.binding, **defined(new)}
        found += [(f"step {old.name!r}", one) for one in changes(left, right)]
    return found
