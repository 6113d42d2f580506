"""Controller: the stepper without a face. A command is a dict, the answer a view as JSON; no widget, no browser.

What each command does is in `presses.py`. Nothing raises: an error is text in the view.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from mcpflow_nb.bridge import io_thread
from mcpflow_nb.errors import RunError
from mcpflow_nb.exact import dumps
from mcpflow_nb.stepper import screen
from mcpflow_nb.stepper.forms import argument_fields
from mcpflow_nb.stepper.lines import clean, error_words
from mcpflow_nb.stepper.presses import BEFORE, CALLING, CHANGING, HARMLESS, Presses
from mcpflow_nb.stepper.risks import risks, said
from mcpflow_nb.stepper.unbegun import Unbegun
from mcpflow_nb.views.html import named, short
from mcpflow_nb.views.run import place

FIRST_SECONDS: Final = 0.05
EVERY_SECONDS: Final = 0.1


class Controller(Presses):
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
        self._stale: tuple[str, ...] = ()
        self._said: dict[str, Any] = {"status": "", "code": "", "error": "", "echo": ""}
        self._panels: dict[str, Any] = {"confirm": None, "diff": None, "check": None}
        self._has_graph = False
        self._drawn: tuple[Any, dict[str, Any]] = (None, {})
        self._asked: Any = None
        self._selected = self._standing()
        self._note_changes()

    def __repr__(self) -> str:
        return f"<Controller of {self.run!r}>"

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
        where = "waits for its arguments" if isinstance(run, Unbegun) else place(run)
        return {
            "title": named(run.workflow.name, 80), "run": run.id[:8], "place": clean(where, 200),
            "outcome": run.outcome, "servers": screen.servers(run), "version": self._version, "running": self.is_running,
            "steps": screen.rows(run, at, plan, self._stale, is_running=self.is_running), "selected": at,
            "detail": screen.detail(run, at, plan) if at >= 0 else None, "bindings": screen.bindings(run),
            "handoff": screen.handoff(run), "graph": self._graph_shown(),
            "form": argument_fields(run.workflow, run.given) if isinstance(run, Unbegun) else None,
            "enabled": screen.enabled(run, at, is_running=self.is_running), **self._said, **self._panels,
            "status": self._said["status"] or where,
        }  # fmt: skip

    def _graph_shown(self) -> dict[str, Any] | None:
        """Return the drawing of the run where it is wanted, made once for each state."""
        state = (self.run.id, self._version)
        if self._has_graph and not self.is_running and self._drawn[0] != state:
            self._drawn = (state, screen.graph(self.run))
        return self._drawn[1] if self._has_graph else None

    def _plan(self) -> dict[str, Any]:
        """Return what each remaining step will do, by name; nothing while it is being done."""
        if not self.is_running and self._planned[0] != self._version:
            self._planned = (self._version, {row.step: row for row in self.run.plan()})
            self._stale = self.run.stale
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
        if isinstance(self.run, Unbegun) and name not in BEFORE:
            raise RunError("the run has not begun; give its arguments first")
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
        asked = {"cmd": command.get("cmd"), **{key: command.get(key) for key in ("step", "text", "texts")}}
        was_asked, self._asked, self._panels["confirm"] = self._asked == asked, None, None
        at = self._at(command) if command["cmd"] in ("to", "rerun") else 0
        if was_asked or not (found := risks(self.run, str(command["cmd"]), at)):
            return True
        self._asked, self._version = asked, self._version + 1
        self._panels["confirm"] = {"cmd": asked["cmd"], "words": f"This calls {said(found)}.", "many": len(found) > 1}
        self._said["status"] = "not called yet: press again to call"
        return False

    def _standing(self) -> int:
        return min(int(self.run.position), len(self.run.workflow.steps) - 1)

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
