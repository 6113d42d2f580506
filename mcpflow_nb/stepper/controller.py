"""Controller: the stepper without a face. A command is a dict, the answer a view as JSON; no widget, no browser.

To add a press: a method `_name`, and its name in `CHANGING` or `HARMLESS`. Nothing raises: an error is text in the view.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from mcpflow_nb.answering import read_values
from mcpflow_nb.bridge import io_thread
from mcpflow_nb.differences import diff
from mcpflow_nb.errors import RunError
from mcpflow_nb.exact import dumps
from mcpflow_nb.stepper import screen
from mcpflow_nb.stepper.lines import call_line, clean, error_words, read_json, read_object, restored, same
from mcpflow_nb.stepper.risks import risks
from mcpflow_nb.values import ABSENT
from mcpflow_nb.views.html import named, short
from mcpflow_nb.views.run import place

CALLING: Final = ("step", "all", "to", "rerun", "answer")
"""May call a tool."""
CHANGING: Final = (*CALLING, "back", "edit", "pin", "fork")
"""One at a time, and only on the state that the reader has seen."""
HARMLESS: Final = ("select", "breakpoint", "cancel", "diff", "check", "refresh", "dismiss")
"""Also while a command runs."""

FIRST_SECONDS: Final = 0.05
EVERY_SECONDS: Final = 0.1


class Controller:
    """A run, and what a reader does with it. `listeners` get each new view, from whichever thread made it."""

    def __init__(self, run: Any) -> None:
        self.run = run
        self.listeners: list[Callable[[dict[str, Any]], None]] = []
        self._lock = threading.RLock()
        self._idle = threading.Event()
        self._idle.set()
        self._name = "run"
        self._version = 0
        self._seen: Any = None
        self._planned: tuple[int, dict[str, Any]] = (-1, {})
        self._said: dict[str, Any] = {"status": "", "code": "", "error": ""}
        self._panels: dict[str, Any] = {"confirm": None, "diff": None, "check": None}
        self._asked: Any = None
        self._selected = self._standing()
        self._note_changes()

    def __repr__(self) -> str:
        return f"<Controller of {self.run!r}>"

    @property
    def is_running(self) -> bool:
        """Whether a command is under way."""
        return not self._idle.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait until no command is under way; False when one still is."""
        return self._idle.wait(seconds)

    def view(self) -> dict[str, Any]:
        """Return all that is shown, as JSON."""
        with self._lock:
            try:
                return self._view()
            except Exception as error:  # noqa: BLE001 - it shows user data, and nobody sees what a callback raises
                said = f"the run cannot be shown: {error_words(error)}"
                return {**self._said, "version": self._version, "running": self.is_running, "steps": [], "error": said}

    def _view(self) -> dict[str, Any]:
        run, at, plan = self.run, self._selected, self._plan()
        status = self._said["status"] or place(run)
        return {
            "title": named(run.workflow.name, 80), "run": run.id[:8], "place": clean(place(run), 200),
            "outcome": run.outcome, "servers": screen.servers(run), "version": self._version, "running": self.is_running,
            "steps": screen.rows(run, at, plan, is_running=self.is_running), "selected": at,
            "detail": screen.detail(run, at, plan) if at >= 0 else None, "bindings": screen.bindings(run),
            "handoff": screen.handoff(run),
            "enabled": screen.enabled(run, at, is_running=self.is_running), **self._said, **self._panels, "status": status,
        }  # fmt: skip

    def _plan(self) -> dict[str, Any]:
        """Return what each remaining step will do, by name; nothing while it is being done."""
        if not self.is_running and self._planned[0] != self._version:
            self._planned = (self._version, {row.step: row for row in self.run.plan()})
        return {} if self.is_running else self._planned[1]

    def do(self, command: Mapping[str, Any]) -> None:
        """Do what a press asks for, and return at once; a run goes on in the I/O thread."""
        with self._lock:
            was_running = self.is_running
            try:
                self._do(command)
            except Exception as error:  # noqa: BLE001 - nobody sees what a callback raises
                self._said["error"] = error_words(error)
            if was_running or not self.is_running:  # what was just begun is shown when it is done, or takes its time
                self._publish()

    def _do(self, command: Mapping[str, Any]) -> None:
        self._note_changes()
        if command.get("cmd") == "confirm":
            if self._asked is None:
                raise RunError("nothing waits for a second press")
            command = {**self._asked, "version": command.get("version", self._version)}
        name = command.get("cmd")
        if name not in (*CHANGING, *HARMLESS):
            raise RunError(f"the stepper has no command {short(name, 60)!r}")
        if name in CHANGING:
            if self.is_running:
                self._said["status"] = f"still running: {self._said['code']}; stop it first"
                return
            if command.get("version", self._version) != self._version:
                self._said["status"] = "not done: the run had gone on since; press again"
                return
            self._panels["diff"] = self._panels["check"] = None
            self._said |= {"status": "", "error": ""}
            if name in CALLING and not self._is_confirmed(command):
                return
        getattr(self, f"_{name}")(command)

    def _is_confirmed(self, command: Mapping[str, Any]) -> bool:
        """Whether it may call what it will call; a destructive live tool wants a second press."""
        asked = {"cmd": command.get("cmd"), "step": command.get("step"), "text": command.get("text")}
        was_asked, self._asked, self._panels["confirm"] = self._asked == asked, None, None
        at = self._at(command) if command["cmd"] in ("to", "rerun") else 0
        if was_asked or not (found := risks(self.run, str(command["cmd"]), at)):
            return True
        self._asked, self._version = asked, self._version + 1
        words = short("; ".join(found[:5]) + (f"; and {len(found) - 5} more" if len(found) > 5 else ""), 600)
        self._panels["confirm"] = {"cmd": asked["cmd"], "words": f"This calls {words}."}
        self._said["status"] = "not called yet: press again to call"
        return False

    def _standing(self) -> int:
        return min(int(self.run.position), len(self.run.workflow.steps) - 1)

    def _at(self, command: Mapping[str, Any]) -> int:
        """Return the index of the step a command is about: given by index or name, else the selected one."""
        steps, given = self.run.workflow.steps, command.get("step", self._selected)
        if isinstance(given, str):
            given = next((at for at, step in enumerate(steps) if step.name == given), given)
        if isinstance(given, bool) or not isinstance(given, int) or not 0 <= given < len(steps):
            raise RunError(f"no step {short(given, 60)!r}")
        return given

    def _step_name(self, command: Mapping[str, Any]) -> str:
        return str(self.run.workflow.steps[self._at(command)].name)

    def _line(self, verb: str, *positional: Any, **named_values: Any) -> str:
        return call_line(f"{self._name}.{verb}", *positional, **named_values)

    def _begin(self, code: str, work: Callable[[], Awaitable[Any]], *, moves: bool = True) -> None:
        self._said["code"] = code
        self._idle.clear()
        io_thread().submit(self._drive(work, moves=moves))

    async def _drive(self, work: Callable[[], Awaitable[Any]], *, moves: bool) -> None:
        """Do it in the I/O thread; what is seen of it on the way comes at most every 100 ms."""
        error: BaseException | None = None
        try:
            task = asyncio.ensure_future(work())
            await asyncio.wait({task}, timeout=FIRST_SECONDS)
            while not task.done():
                self._publish()
                await asyncio.wait({task}, timeout=EVERY_SECONDS)
            error = asyncio.CancelledError("it was cancelled") if task.cancelled() else task.exception()
        except Exception as found:  # noqa: BLE001 - nobody sees what a background task raises
            error = found
        finally:
            with self._lock:
                self._said |= {"status": "", "error": error_words(error) if error is not None else ""}
                self._selected = self._standing() if moves else self._selected
                self._idle.set()
                self._note_changes(is_sure=True)
                self._publish()

    def _note_changes(self, *, is_sure: bool = False) -> None:
        """Count a new version where the run is not where it was seen last, by whomever that was done."""
        run = self.run
        call = run.next
        upcoming = dumps([call.sent, call.missing, call.problem]) if call is not None else ""
        seen = (run.id, run.position, run.outcome, len(run.own_records), run.workflow.breakpoints, upcoming)
        if is_sure or seen != self._seen:
            self._version += 1
            self._asked = self._panels["confirm"] = None
        self._seen = seen

    def _publish(self) -> None:
        with self._lock:
            view = self.view()
            for listener in list(self.listeners):
                listener(view)

    def _step(self, _command: Mapping[str, Any]) -> None:
        self._begin(self._line("step"), self.run.step.aio)

    def _all(self, _command: Mapping[str, Any]) -> None:
        self._begin(self._line("all"), self.run.all.aio)

    def _to(self, command: Mapping[str, Any]) -> None:
        name, run = self._step_name(command), self.run
        self._begin(self._line("to", name), lambda: run.to.aio(name))

    def _rerun(self, command: Mapping[str, Any]) -> None:
        name, run = self._step_name(command), self.run
        self._begin(self._line("rerun", name), lambda: run.rerun.aio(name))

    def _back(self, command: Mapping[str, Any]) -> None:
        where = () if command.get("step") is None else (self._step_name(command),)
        run = self.run
        self._begin(self._line("back", *where), lambda: run.back.aio(*where))

    def _answer(self, command: Mapping[str, Any]) -> None:
        given, run = read_object(command.get("text")), self.run
        self._begin(self._line("answer", **given), lambda: run.answer.aio(given))

    def _cancel(self, _command: Mapping[str, Any]) -> None:
        run = self.run
        if not self.is_running:
            return self._begin(self._line("cancel"), run.cancel.aio)
        self._said |= {"code": self._line("cancel"), "status": "stopping"}
        io_thread().submit(run.cancel.aio())
        return None

    def _edit(self, command: Mapping[str, Any]) -> None:
        name, run = self._step_name(command), self.run
        given, changed = self._edited(command)
        if given and not changed:
            self._said["status"] = "nothing was changed"
            return
        self._begin(self._line("edit", name, **changed), lambda: run.edit.aio(name, changed), moves=False)

    def _edited(self, command: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the arguments that were typed, and those of them that differ from what is there."""
        passed = screen.arguments_of(self.run, self._at(command))
        before = {one.name: one.value for one in passed}
        given = restored(read_object(command.get("text")), before, screen.hidden_arguments(passed))
        return given, {key: item for key, item in given.items() if key not in before or not same(item, before[key])}

    def _pin(self, command: Mapping[str, Any]) -> None:
        name, run, text = self._step_name(command), self.run, command.get("text")
        if isinstance(text, str) and not text.strip():
            return self._begin(self._line("pin", name), lambda: run.pin.aio(name, ABSENT), moves=False)
        record = screen.record_of(run, self._at(command))
        before = record.value if record is not None else None
        value = restored(read_json(text), before, screen.hidden_value(record))
        code = self._line("pin", name, screen.hidden_like(record, value))
        return self._begin(code, lambda: run.pin.aio(name, value), moves=False)

    def _check(self, command: Mapping[str, Any]) -> None:
        """Say whether typed arguments would be taken; changes nothing."""
        at = self._at(command)
        tool, problem = screen.tool_of(self.run, at), ""
        try:
            if tool is None:
                raise RunError("no server offers the tool of this step")
            read_values(tool, self._edited(command)[0], "as it stands this is refused")
        except RunError as error:
            problem = error_words(error)
        self._panels["check"] = {"step": at, "problem": problem}

    def _select(self, command: Mapping[str, Any]) -> None:
        self._selected = self._at(command)
        self._panels["check"] = None

    def _breakpoint(self, command: Mapping[str, Any]) -> None:
        name, run = self._step_name(command), self.run
        is_there = any(one.step == name for one in run.workflow.breakpoints)
        made = f"{self._name}.workflow = {self._name}.workflow.breakpoint"
        self._said["code"] = call_line(made, name, **({"when": False} if is_there else {}))
        run.workflow = run.workflow.breakpoint(name, False if is_there else None)
        self._said |= {"status": f"breakpoint {'taken away' if is_there else 'set'}: {named(name, 60)}", "error": ""}
        self._seen = (*self._seen[:4], run.workflow.breakpoints, self._seen[5])

    def _diff(self, _command: Mapping[str, Any]) -> None:
        if self.run.parent is None:
            raise RunError("this run has no parent to compare with; fork it first")
        self._panels["diff"] = screen.diff_shown(diff(self.run.parent, self.run))
        self._said |= {"code": f"mf.diff({self._name}.parent, {self._name})", "status": "", "error": ""}

    def _fork(self, _command: Mapping[str, Any]) -> None:
        made = f"fork = {self._name}.fork()"
        self.run, self._name = self.run.fork(), "fork"
        self._said |= {"code": made, "status": "goes on in a fork; the run it came from stays where it is"}
        self._note_changes()

    def _dismiss(self, _command: Mapping[str, Any]) -> None:
        self._asked = self._panels["confirm"] = self._panels["diff"] = self._panels["check"] = None
        self._said |= {"status": "", "error": ""}

    def _refresh(self, _command: Mapping[str, Any]) -> None:
        self._selected = min(self._selected, len(self.run.workflow.steps) - 1)
