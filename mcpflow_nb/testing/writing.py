"""`run.to_pytest("test_onboard.py")`: a run as a readable test on mocks, with the calls it must make written out.

The mocks answer what was answered. The expected arguments are computed from that, so the test passes as it is
written, also where a placeholder stands for a secret.
"""

from __future__ import annotations

import json
import keyword
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from mcpflow_nb.checking.inputs import read_arguments
from mcpflow_nb.errors import ArgumentsError, NotJsonError, RunError
from mcpflow_nb.exact import dumps
from mcpflow_nb.records.course import OUTCOMES, goes_on
from mcpflow_nb.records.record import ANSWER, Record
from mcpflow_nb.testing.placeholders import Placeholders
from mcpflow_nb.testing.recorded import UNDONE, Reply, reads_key, recorded
from mcpflow_nb.testing.snapshots import write_whole
from mcpflow_nb.values import jsonable
from mcpflow_nb.workflows.layout import Expression, Group, laid_out, literal, named, plain
from mcpflow_nb.workflows.printing import IMPORT, to_python
from mcpflow_nb.workflows.saving import load
from mcpflow_nb.workflows.sources import Scope
from mcpflow_nb.workflows.steps import WorkflowStep

MARK: Final = "Written by run.to_pytest()"
LOOKED: Final = "workflow: "
LOOK: Final = f"""
import pkgutil, sys
from mcpflow_nb.exact import dumps
from mcpflow_nb.workflows.workflow import SequentialWorkflow
found = pkgutil.resolve_name(sys.argv[1])
if not isinstance(found, SequentialWorkflow):
    raise SystemExit(f"this is no workflow, but {{type(found).__name__}}")
sys.stdout.buffer.write(("{LOOKED}" + dumps(found.saved())).encode())
"""


def to_pytest(run: Any, path: str | os.PathLike[str], workflow: str | None = None) -> Path:
    """Write the test of a run and return its path; errors as `run.to_pytest` says."""
    target = Path(path)
    where = f"run.to_pytest({str(target)!r})"
    if not target.parent.is_dir():
        raise RunError(f"{where}: there is no folder {str(target.parent)!r}; make it first, or name another one")
    if target.exists() and MARK not in target.read_text("utf-8", "replace")[:2_000]:
        raise RunError(f"{where}: that file is not one which run.to_pytest wrote; name another one")
    test = _Test(run, where, target, workflow)
    text = test.text()
    if left := test.secrets.left_in(text):
        raise RunError(f"{where}: a secret ({left[0]}) stands in a name or a text of the workflow; nothing was written")
    write_whole(target, text)
    return target


class _Test:
    """The parts of one test file."""

    def __init__(self, run: Any, where: str, target: Path, place: str | None) -> None:
        self.run, self.where, self.target, self.place = run, where, target, place
        self.secrets = Placeholders()
        self.story = recorded(run, where, self.secrets)
        for record in self.story.records:
            self.secrets.learn(record.sent)
            self.secrets.learn(record.value)
        self.given = self._safe(self.secrets.uncovered(dict(run.trace.outline.given)), "an argument")
        self.workflow = self.secrets.safe_workflow(run.workflow) if place is None else run.workflow

    def text(self) -> str:
        """Return the whole file."""
        imports, made = self._workflow()
        title = json.dumps(self.run.workflow.name)[1:-1].replace("\\", "/").replace('"', "'")
        test, servers = self._test(), self._servers()
        head = f'"""The workflow {title} on mocks that answer as its servers did.\n\n{MARK}; yours to change.\n"""\n\n'
        if len(self.secrets):
            head += f"# {len(self.secrets)} secrets were not written; 'secret-1' and the like stand for them.\n\n"
        testing = "from mcpflow_nb.testing import assert_run\n"
        arguments = laid_out(named("ARGUMENTS = ", plain(self.given)))
        return f"{head}{imports[0]}{IMPORT.rstrip()}\n{testing}{imports[1]}\n{made}{arguments}\n\n\n{servers}\n\n{test}"

    def _workflow(self) -> tuple[tuple[str, str], str]:
        """Return the imports before and after ours, and the lines that make the workflow."""
        if self.place is None:
            return ("", ""), to_python(self.workflow).removeprefix(IMPORT)
        if self.place.endswith(".json"):
            file = Path(self.place)
            if not file.is_file():
                raise RunError(
                    f"{self.where}: there is no file {self.place!r}; run.workflow.save({self.place!r}) writes it"
                )
            if load(file) != self.run.workflow:
                raise RunError(f"{self.where}: {self.place!r} holds another workflow than the run's; save that first")
            beside = literal(Path(os.path.relpath(file, self.target.parent)).as_posix())
            return ("from pathlib import Path\n\n", ""), f"workflow = mf.load(Path(__file__).parent / {beside})\n"
        module, _, name = self.place.partition(":")
        if not all(part.isidentifier() and not keyword.iskeyword(part) for part in (*module.split("."), name)):
            forms = "'package.module:name', a .json file or None"
            raise RunError(f"{self.where}: workflow is {forms}, not {self.place!r}")
        self._require_there(self.place)
        return ("", f"from {module} import {name}{'' if name == 'workflow' else ' as workflow'}\n"), ""

    def _require_there(self, place: str) -> None:
        """Refuse a name that is not there for a test in this folder, or that is no workflow or another one."""
        paths = os.pathsep.join([str(self.target.parent.resolve()), *filter(None, sys.path)])
        told = subprocess.run(
            [sys.executable, "-c", LOOK, place], env={**os.environ, "PYTHONPATH": paths}, capture_output=True,
            encoding="utf-8", errors="replace", stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        problem = (told.stderr.strip().splitlines() or ["it ended Python"])[-1] if told.returncode else ""
        if not problem and told.stdout.rpartition(LOOKED)[2].strip() != dumps(self.run.workflow.saved()):
            problem = "it is another workflow than the run's"
        if problem:
            raise RunError(f"{self.where}: workflow {place!r}: {problem}; name the one that ran, or None to write it")

    def _servers(self) -> str:
        """Return the function that connects the mocks."""
        lines = []
        for server in self.story.servers:
            tools = {tool: self._replies(replies) for tool, replies in self.story.tools.get(server, {}).items()}
            uris = {uri: self._reply(reply) for uri, reply in self.story.resources.get(server, {}).items()}
            schemas = {tool: plain(schema) for tool, schema in self.story.schemas.get(server, {}).items()}
            more = [
                named(f"{word}=", _object(parts))
                for word, parts in (("schemas", schemas), ("resources", uris))
                if parts
            ]
            mock = Group("mf.mock(", (_object(tools), *more), ")")
            lines.append(f"        {laid_out(named(f'{literal(server)}: ', mock), 8, 8, 1)},\n")
        return f"def servers():\n    return mf.connect({{\n{''.join(lines)}    }})\n"

    def _replies(self, replies: list[Reply]) -> Expression:
        made = tuple(map(self._reply, replies))
        return made[0] if len(made) == 1 else Group("mf.sequence(", made, ")")

    def _reply(self, reply: Reply) -> Expression:
        if reply.error is not None:
            return Group("RuntimeError(", (plain(self.secrets.safe(reply.error)),), ")")
        return repr(reply.value) if isinstance(reply.value, bytes) else plain(self._safe(reply.value, "an output"))

    def _safe(self, value: Any, what: str) -> Any:
        try:
            return self.secrets.safe(jsonable(value))
        except NotJsonError as error:
            problem = str(error)
        raise RunError(f"{self.where}: {what} cannot be given by a mock: {problem}")

    def _test(self) -> str:
        sent, left_out = self._sent()
        calls = {name: repr(times) for name, times in self.story.calls.items()}
        asserted = [
            named("outcome=", plain(self.run.outcome)), named("order=", plain(self.story.order)),
            named("calls=", _object(calls)),
        ]  # fmt: skip
        lines = [f"        {laid_out(one, 8, 8, 1)},\n" for one in asserted]
        steps = [
            f"            {laid_out(named(f'{literal(n)}: ', plain(given)), 12, 12, 1)},\n" for n, given in sent.items()
        ]
        notes = [f"    # not asserted, {why}: {literal(name)}\n" for name, why in left_out.items()]
        undone = [record.step for record in self.story.undone]
        undoing = f"    assert_run(run.trace.undone, order={laid_out(plain(undone), 35, 4, 1)})\n" if undone else ""
        return (
            f"def {_test_name(self.run.workflow.name)}():\n    with servers() as opened:\n{self._run()}{''.join(notes)}"
            f"    assert_run(\n        run,\n{''.join(lines)}        arguments={{\n{''.join(steps)}        }},\n"
            f"{'' if left_out else '        exact=True,' + chr(10)}    )\n{undoing}"
        )

    def _run(self) -> str:
        begun, pad, outcome = "run = workflow.start(opened, ARGUMENTS)", " " * 8, self.run.outcome
        acts = [
            f"run.approve({literal(given)})" if act == "approve"
            else laid_out(Group("run.answer(", (plain(self._safe(given, "an answer")),) if given else (), ")"), 8, 8)
            for act, given in self.story.acts
        ]  # fmt: skip
        is_by_hand = outcome in UNDONE and not self._rolls_back()
        end = ["run.cancel()"] * (outcome == "cancelled") + ["run.rollback()"] * is_by_hand
        if outcome not in ("paused", "cancelled") and not is_by_hand and not self.workflow.breakpoints:
            return "".join(f"{pad}{line}\n" for line in (f"{begun}.all()", *acts))
        loop = f'while run.outcome == "paused" and run.position < {self.story.position}:\n{pad}    run.step()'
        return "".join(
            f"{pad}{line}\n" for line in (begun, loop, *(part for act in acts for part in (act, loop)), *end)
        )

    def _rolls_back(self) -> bool:
        """Tell whether the run was rolled back by itself, for its last step failed."""
        last = self.story.records[-1]
        has_failed = last.status not in OUTCOMES and not goes_on(self.workflow[last.step], last)
        return has_failed and self.workflow.on_failure == "rollback"

    def _sent(self) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
        """Return what each step sends on the mocks, and the arguments that are not asserted, each with why."""
        try:
            scope = Scope(read_arguments(self.workflow, self.given), {})
        except ArgumentsError as error:
            problem = str(error)
            raise RunError(
                f"{self.where}: the placeholder of a secret does not do for the workflow: {problem}"
            ) from None
        bindings: dict[str, Any] = {}
        sent: dict[str, dict[str, Any]] = {}
        left_out: dict[str, str] = {}
        for record in self.story.records:
            step, now = self.workflow[record.step], scope._replace(bindings=bindings)
            found = self._arguments(step, record, now)
            why = {name: self._not_told(step, name, record.sent[name], value, now) for name, value in found.items()}
            left_out |= {f"{step.name}.{name}": words for name, words in sorted(why.items()) if words}
            sent[step.name] = {name: value for name, value in found.items() if not why[name]}
            if record.binding is not None:
                bindings[record.binding] = self._safe(record.value, "an output")
        return sent, left_out

    def _not_told(self, step: WorkflowStep, name: str, shown: Any, value: Any, scope: Scope) -> str:
        """Return why an argument is not asserted, or nothing."""
        if reads_key(step.args.get(name), scope):
            return "another one in each run"
        text = json.dumps([shown, value], ensure_ascii=False)
        if self.secrets.left_in(json.dumps(value, ensure_ascii=False)):
            return "a secret of the workflow itself"
        is_hidden = name in step.secret or any(f"{json.dumps(one)}: " in text for one in step.secret)
        return "shown as dots" if is_hidden or self.secrets.stands_for_dots(text) else ""

    def _arguments(self, step: WorkflowStep, record: Record, scope: Scope) -> dict[str, Any]:
        return {
            one.name: self._safe(one.value, "an answer") if one.origin == ANSWER else step.args[one.name].resolve(scope)
            for one in record.arguments
        }


def _object(parts: Mapping[str, Expression]) -> Group:
    return Group("{", tuple(named(f"{literal(name)}: ", part) for name, part in parts.items()), "}")


def _test_name(name: str) -> str:
    words = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_").lower()
    return f"test_{words or 'workflow'}"
