"""Problem: one finding of a check. Report: all of them, in the order of the steps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from mcpflow_nb.errors import CheckError, listed
from mcpflow_nb.show import Shown

if TYPE_CHECKING:
    import pandas as pd

    from mcpflow_nb.where import Where
    from mcpflow_nb.workflows.workflow import SequentialWorkflow

Severity = Literal["error", "warning", "handoff", "advice", "unchecked"]

SEVERITIES: Final[tuple[Severity, ...]] = ("error", "warning", "handoff", "advice", "unchecked")
COLUMNS: Final = ("code", "severity", "step", "argument", "message", "where", "known", "suggestion", "fix")


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding. `step` and `argument` are names or None; `focus` is the word the carets stand under."""

    code: str
    severity: Severity
    message: str
    step: str | None = None
    argument: str | None = None
    where: Where | None = None
    focus: str | None = None
    known: tuple[str, ...] = ()
    suggestion: str | None = None
    fix: str = ""

    def __post_init__(self) -> None:
        if self.suggestion and not self.fix:
            object.__setattr__(self, "fix", f"write {self.suggestion!r}")

    @property
    def place(self) -> str:
        """`step 'pay', argument 'id'`, or as much of it as there is."""
        parts = [f"step {self.step!r}" if self.step else "", f"argument {self.argument!r}" if self.argument else ""]
        return ", ".join(part for part in parts if part) or "workflow"

    @property
    def source(self) -> tuple[Where | None, str, str]:
        """Where it was written, that line, and a line of carets; empty texts when the source is gone."""
        return self.where.at(self.focus) if self.where else (None, "", "")

    def text(self) -> str:
        """The finding on one or more lines, as an error message has it."""
        where, line, carets = self.source
        known = f"; known: {listed(self.known)}" if self.known else ""
        hint = f"; did you mean {self.suggestion!r}?" if self.suggestion else known
        shown = f"{self.place}: {self.message}{hint} [{self.code}]"
        if line:
            shown += f"\n    {where}  {line}\n    {' ' * len(str(where))}  {carets}"
        return shown + (f"\n    fix: {self.fix}" if self.fix else "")


class Report(Shown):
    """All findings of one check; true when none of them is an error."""

    def __init__(
        self, workflow: SequentialWorkflow, problems: tuple[Problem, ...], servers: tuple[str, ...] | None
    ) -> None:
        self.workflow = workflow
        self.problems = problems
        self.servers = servers
        """Names of the servers it was checked against; None: structure alone."""

    def __bool__(self) -> bool:
        return not self.errors

    def __len__(self) -> int:
        return len(self.problems)

    def __iter__(self) -> Iterator[Problem]:
        return iter(self.problems)

    @property
    def errors(self) -> tuple[Problem, ...]:
        """Only the findings that keep the workflow from running."""
        return tuple(problem for problem in self.problems if problem.severity == "error")

    @property
    def codes(self) -> set[str]:
        """The codes of the errors and warnings, each once."""
        return {problem.code for problem in self.problems if problem.severity in ("error", "warning")}

    @property
    def df(self) -> pd.DataFrame:
        """One row a finding, in the order of the steps.

        Columns: `code severity step argument message where suggestion fix` str or None, `known` tuple of str.
        Empty for a workflow without findings.
        """
        import pandas as pd

        rows: list[dict[str, Any]] = [
            {column: getattr(problem, column) for column in COLUMNS}
            | {"where": str(problem.source[0]) if problem.where else None}
            for problem in self.problems
        ]
        return pd.DataFrame(rows, columns=list(COLUMNS), dtype=object)

    def headline(self) -> str:
        """`2 errors, 1 warning`, or `valid`."""
        counts = [(sum(p.severity == s for p in self.problems), s) for s in SEVERITIES]
        plural = {"advice": "advice", "unchecked": "unchecked"}
        words = ", ".join(f"{n} {s if n == 1 else plural.get(s, s + 's')}" for n, s in counts if n)
        return words if not self else f"valid{': ' + words if words else ''}"

    def text(self) -> str:
        """The headline, and every error."""
        return f"workflow {self.workflow.name!r}: {self.headline()}" + "".join(
            f"\n  {problem.text()}" for problem in self.errors
        )

    def raise_if_errors(self) -> Report:
        """Return this report, or raise.

        Raises
        ------
        CheckError
            When there are errors; it has the report.
        """
        if not self:
            raise CheckError(self)
        return self
