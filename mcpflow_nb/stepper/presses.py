"""Presses: what each command of the stepper does to the run, and the line of Python that does the same.

To add one: a method `_name` here, and its name in `CHANGING` or `HARMLESS`. What is wrong is raised, and the controller
shows it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

from mcpflow_nb.bridge import io_thread
from mcpflow_nb.errors import McpflowError, RunError
from mcpflow_nb.records.differences import diff
from mcpflow_nb.running.answering import read_value, read_values
from mcpflow_nb.stepper import screen
from mcpflow_nb.stepper.forms import answer_values, argument_values
from mcpflow_nb.stepper.lines import Name, call_line, error_words, read_json, read_object, restored, same
from mcpflow_nb.stepper.unbegun import Unbegun
from mcpflow_nb.values import ABSENT
from mcpflow_nb.views.html import named, short

CALLING: Final = ("step", "all", "to", "rerun", "answer", "approve", "retry", "rollback")
"""May call a tool."""
CHANGING: Final = (*CALLING, "start", "back", "edit", "pin", "fail", "fork")
"""One at a time, and only on the state that the reader has seen."""
HARMLESS: Final = ("select", "breakpoint", "cancel", "diff", "check", "refresh", "dismiss", "graph")
"""Also while a command runs."""
BEFORE: Final = ("start", "select", "check", "refresh", "dismiss", "graph")
"""Also before the run has begun."""


class Presses:
    """The commands of the stepper. `Controller` decides whether one may be done, runs it, and shows what came of it."""

    run: Any
    _name: str
    _said: dict[str, Any]
    _panels: dict[str, Any]
    _selected: int
    _has_graph: bool
    _asked: Any
    _seen: Any
    _begin: Callable[..., None]
    _note_changes: Callable[..., None]
    _standing: Callable[[], int]
    _idle: threading.Event

    @property
    def is_running(self) -> bool:
        """Whether a command is under way."""
        return not self._idle.is_set()

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
        given, run = self._answered(command), self.run
        self._begin(self._line("answer", **given), lambda: run.answer.aio(given))

    def _approve(self, _command: Mapping[str, Any]) -> None:
        name, run = self.run.stopped.step, self.run
        self._begin(self._line("approve", name), lambda: run.approve.aio(name))

    def _retry(self, _command: Mapping[str, Any]) -> None:
        name, run = self.run.stopped.step, self.run
        self._begin(self._line("retry", name), lambda: run.retry.aio(name))

    def _rollback(self, _command: Mapping[str, Any]) -> None:
        self._begin(self._line("rollback"), self.run.rollback.aio)

    def _answered(self, command: Mapping[str, Any]) -> dict[str, Any]:
        """Return what was typed as the client's answer: field by field, or as JSON."""
        tool = screen.tool_of(self.run, self.run.position) if self.run.next is not None else None
        if "texts" not in command or tool is None:
            return read_object(command.get("text"))
        return answer_values(tool, self.run.next.missing, command["texts"])

    def _start(self, command: Mapping[str, Any]) -> None:
        values, code = self._started(command)
        self.run = self.run.begun(values)
        self._said |= {"code": code, "status": "", "error": ""}
        self._selected = self._standing()
        self._note_changes(is_sure=True)

    def _started(self, command: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
        """Return the workflow's arguments as they were typed, and the line that begins a run with them."""
        if not isinstance(self.run, Unbegun):
            raise RunError("the run has begun; its arguments stay what they are")
        values = argument_values(self.run.workflow, command.get("texts"), self.run.given)
        return values, call_line("run = workflow.start", Name("servers"), **values)

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
        value, code = self._pinned(command)
        return self._begin(code, lambda: run.pin.aio(name, value), moves=False)

    def _pinned(self, command: Mapping[str, Any]) -> tuple[Any, str]:
        """Return the value that was typed, secrets that were left as shown put back, and its line."""
        record = screen.record_of(self.run, self._at(command))
        before = record.value if record is not None else None
        value = restored(read_json(command.get("text")), before, screen.hidden_value(record))
        return value, self._line("pin", self._step_name(command), screen.hidden_like(record, value))

    def _fail(self, command: Mapping[str, Any]) -> None:
        name, run = self._step_name(command), self.run
        is_there = name in run.failing
        code = self._line("fail", name, *([None] if is_there else []))
        self._begin(code, lambda: run.fail.aio(name, None) if is_there else run.fail.aio(name), moves=False)

    def _check(self, command: Mapping[str, Any]) -> None:
        """Say whether what is typed would be taken, and the line that gives it; changes nothing."""
        kind, line, problem = command.get("kind", "edit"), "", ""
        try:
            line = self._checked(command, kind)
        except McpflowError as error:
            problem = error_words(error)
        self._panels["check"] = {"kind": kind, "step": command.get("step"), "problem": problem, "line": line}

    def _checked(self, command: Mapping[str, Any], kind: Any) -> str:
        if kind == "start":
            return self._started(command)[1]
        at = self.run.position if kind == "answer" else self._at(command)
        step, tool = self.run.workflow.steps[at], screen.tool_of(self.run, at)
        if tool is None:
            raise RunError("no server offers the tool of this step")
        if kind == "pin":
            value, line = self._pinned(command)
            read_value(step, self.run.servers, value)
            return line
        given = self._answered(command) if kind == "answer" else self._edited(command)[1]
        missing = self.run.next.missing if kind == "answer" and self.run.next else ()
        lacking = [f"{short(name, 60)!r} is still missing" for name in missing if name not in given]
        read_values(tool, given, "as it stands this is refused", lacking)
        return self._line("answer", **given) if kind == "answer" else self._line("edit", step.name, **given)

    def _select(self, command: Mapping[str, Any]) -> None:
        self._said["echo"] = str(command.get("echo", ""))[:40]  # tells the page that asked, also where nothing changes
        self._selected, self._panels["check"] = self._at(command), None

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

    def _graph(self, _command: Mapping[str, Any]) -> None:
        self._has_graph = not self._has_graph
        self._said |= {"code": f"{self._name}.graph()" if self._has_graph else "", "status": "", "error": ""}
