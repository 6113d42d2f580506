"""Three small tasks: the onboarding and the code review of the tour, and a journal of which the server does one half.

Each has tools beside those of its workflow, so that a client may take a wrong one, and ids that are drawn anew for
each trial. To add one: a function that returns a `Task`, and its name in `EXAMPLES`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Any, Final

from mcpflow_nb.compliance.tasks import Task
from mcpflow_nb.errors import DefinitionError, did_you_mean
from mcpflow_nb.mocking.mock_server import Mock
from mcpflow_nb.mocking.mocks import mock
from mcpflow_nb.workflows.dsl import field, prompt_arg
from mcpflow_nb.workflows.workflow import SequentialWorkflow


def onboarding() -> Task:
    """Return five steps on five servers; the first two are the server's where it helps."""
    name, department, start = (prompt_arg(each) for each in ("employee_name", "department", "start_date"))
    employee_id, email = field("employee", "employee_id"), field("employee", "email")
    flow = (
        SequentialWorkflow("onboard_employee", "Complete employee onboarding across all systems")
        .argument("employee_name", "Full name of the employee")
        .argument("department", "Department to join")
        .argument("start_date", "Start date (YYYY-MM-DD)")
        .instruction("All steps are mandatory, each exactly once.")
        .step("create_employee", tool="hr.create_employee", args={"name": name, "department": department}, bind="employee")
        .step("setup_payroll", tool="finance.create_payroll", args={"employee_id": employee_id}, bind="payroll")
        .step("github_access", tool="eng.create_user", args={"employee_id": employee_id, "team": department}, bind="user",
              guidance="Give {employee_name} access to the code of {department}.", resources=["docs://eng/teams"])
        .step("provision_laptop", tool="it.send_laptop", args={"employee_id": employee_id, "start_date": start},
              bind="laptop", guidance="Have the laptop there on {start_date}.")
        .step("send_welcome", tool="comms.send_email", guidance="Last, welcome {employee_name}.",
              args={"to": email, "template": "welcome_employee", "tracking_id": field("laptop", "tracking_id")})
    )  # fmt: skip
    return Task(
        "onboarding", "Onboard {employee_name}, who joins {department} on {start_date}, in all our systems.", flow,
        _offices, {
            "employee_name": ("Alice Smith", "Bruno Costa", "Chen Wei", "Dina Haddad"),
            "department": ("Engineering", "Finance", "Support"), "start_date": ("2027-01-04", "2027-02-01"),
        }, hands_over="github_access",
    )  # fmt: skip


def code_review() -> Task:
    """Return three steps on one server; the client annotates what the server reviewed."""
    code = prompt_arg("code")
    flow = (
        SequentialWorkflow("code_review", "Comprehensive code review with analysis and formatting")
        .argument("code", "Source code to review")
        .argument("language", "Programming language")
        .step("analyze", tool="code.analyze_code", bind="analysis",
              args={"code": code, "language": prompt_arg("language"), "depth": 2})
        .step("review", tool="code.review_code", bind="review",
              args={"analysis_id": field("analysis", "analysis_id"), "focus": ["security", "performance"]})
        .step("format", tool="code.format_code", args={"code": code, "issues": field("review", "recommendations")},
              guidance="Annotate the {language} code with every recommendation of the review, word for word.",
              resources=["docs://code/annotations"])
    )  # fmt: skip
    return Task(
        "code_review", "Analyze, review and annotate this {language} code: {code}", flow, _workbench, {
            "code": ("def half(n): return n / 2", "def first(xs): return xs[0]", "def read(p): return open(p).read()"),
            "language": ("python",),
        }, hands_over="format",
    )  # fmt: skip


def journal() -> Task:
    """Return two steps: the server lists the pages, and the client finds the one that is meant.

    Source: the Logseq example of PMCP, 54_hybrid_workflow_execution.
    """
    flow = (
        SequentialWorkflow("add_project_task", "Add a task to the journal, linked to a project's page")
        .argument("project", "What the project is called")
        .argument("task", "What is to be done")
        .step("list_pages", tool="logseq.list_pages", bind="pages", guidance="First get all page names.")
        .step("add_task", tool="logseq.add_journal_task", resources=["docs://logseq/task-format"],
              guidance="Find the page that matches '{project}' in the list above, and write the task '{task}' on it.")
    )  # fmt: skip

    def right(arguments: Mapping[str, Any], bindings: Mapping[str, Any]) -> dict[str, Any]:
        pages = bindings.get("pages", {}).get("pages", [])
        page = next((one for one in pages if one.casefold() == arguments["project"]), None)
        return {"page": page, "task": f"TODO {arguments['task']}"}

    return Task(
        "journal", "Add the task '{task}' to the page of the project '{project}' in the journal.", flow, _journal,
        {"project": ("mcp tester", "release notes", "hiring"), "task": ("Fix the login", "Write the summary")},
        hands_over="add_task", answers={"add_task": right}, ids=("page",),
    )  # fmt: skip


EXAMPLES: Final[Mapping[str, Callable[[], Task]]] = {
    "onboarding": onboarding, "code_review": code_review, "journal": journal,
}  # fmt: skip


def tasks(*names: str) -> tuple[Task, ...]:
    """Return the tasks of this package, all or those that are named.

    >>> [task.name for task in tasks()]
    ['onboarding', 'code_review', 'journal']
    """
    if unknown := [name for name in names if name not in EXAMPLES]:
        raise DefinitionError(f"compliance.tasks: no task {unknown[0]!r}{did_you_mean(unknown[0], EXAMPLES)}")
    return tuple(EXAMPLES[name]() for name in names or EXAMPLES)


class _Ids:
    """The ids that were given out; a tool refuses any other, as a real one does."""

    def __init__(self, random: Random) -> None:
        self._random, self._given = random, set[str]()

    def _new(self, kind: str) -> str:
        self._given.add(made := f"{kind}-{self._random.randrange(10**6, 10**7)}")
        return made

    def _known(self, one: str) -> None:
        if one not in self._given:
            raise LookupError(f"there is no {one!r}")


class _Office(_Ids):
    def create_employee(self, name: str, department: str) -> dict[str, str]:  # noqa: ARG002
        """Make the record of an employee."""
        return {"employee_id": self._new("emp"), "email": f"{name.split()[0].lower()}@company.example"}

    def find_employee(self, name: str) -> dict[str, str]:
        """Look for an employee of long standing."""
        raise LookupError(f"nobody is called {name!r}")

    def create_payroll(self, employee_id: str) -> dict[str, str]:
        """Open a payroll account."""
        self._known(employee_id)
        return {"payroll_id": self._new("pay")}

    def create_user(self, employee_id: str, team: str) -> dict[str, str]:  # noqa: ARG002
        """Give an employee access to the code of a team."""
        self._known(employee_id)
        return {"username": self._new("user")}

    def send_laptop(self, employee_id: str, start_date: str) -> dict[str, str]:  # noqa: ARG002
        """Send a laptop, so that it is there on a date."""
        self._known(employee_id)
        return {"tracking_id": self._new("trk")}

    def send_email(self, to: str, template: str, tracking_id: str) -> dict[str, bool]:  # noqa: ARG002
        """Send a mail made from a template; for new employees it is welcome_employee."""
        self._known(tracking_id)
        return {"sent": True}

    def post_message(self, channel: str, text: str) -> dict[str, bool]:  # noqa: ARG002
        """Write to everyone in a channel."""
        return {"sent": True}


def _offices(random: Random) -> dict[str, Mock]:
    office = _Office(random)
    documents = {"docs://eng/teams": "A team has the name of its department."}
    return {
        "hr": mock({"create_employee": office.create_employee, "find_employee": office.find_employee}),
        "finance": mock({"create_payroll": office.create_payroll}),
        "eng": mock({"create_user": office.create_user}, resources=documents),
        "it": mock({"send_laptop": office.send_laptop}),
        "comms": mock({"send_email": office.send_email, "post_message": office.post_message}),
    }


class _Workbench(_Ids):
    def analyze_code(self, code: str, language: str, depth: int) -> dict[str, Any]:
        """Analyze source code; a depth of 2 is usual."""
        return {"analysis_id": self._new("ana"), "summary": f"{len(code)} characters of {language}, depth {depth}"}

    def review_code(self, analysis_id: str, focus: list[str]) -> dict[str, Any]:
        """Review an analysis; the focus of this house is security, then performance."""
        self._known(analysis_id)
        return {"recommendations": [f"Look at {one} ({self._new('rec')})" for one in focus]}

    def format_code(self, code: str, issues: list[str]) -> dict[str, Any]:
        """Annotate code with the issues that a review found."""
        return {"formatted": "\n".join([*(f"# TODO {one}" for one in issues), code])}

    def run_code(self, code: str) -> dict[str, Any]:  # noqa: ARG002
        """Run source code."""
        return {"exit_code": 0}


def _workbench(random: Random) -> dict[str, Mock]:
    documents = {"docs://code/annotations": "One issue an annotation, in the order of the review, word for word."}
    texts = {"type": "array", "items": {"type": "string"}}  # endpoints refuse an array that does not say of what
    schemas = {"review_code": _takes(analysis_id=_TEXT, focus=texts), "format_code": _takes(code=_TEXT, issues=texts)}
    return {"code": mock(_Workbench(random), schemas=schemas, resources=documents)}


_TEXT: Final = {"type": "string"}


def _takes(**parameters: Any) -> dict[str, Any]:
    return {"type": "object", "properties": parameters, "required": [*parameters]}


def _journal(random: Random) -> dict[str, Mock]:
    pages = ["MCP Tester", "MCP Tester (archive)", "Release Notes", "Release Checklist", "Hiring", "Hiring 2025"]
    random.shuffle(pages)

    def add_journal_task(page: str, task: str) -> dict[str, Any]:  # noqa: ARG001
        """Add a task to a page, named exactly as in the list of pages. The text of a task begins with `TODO `."""
        if page not in pages:
            raise LookupError(f"there is no page {page!r}")
        return {"added": True}

    def list_pages() -> dict[str, Any]:
        """List the names of all pages."""
        return {"pages": pages}

    def delete_page(page: str) -> dict[str, Any]:  # noqa: ARG001
        """Delete a page."""
        return {"deleted": True}

    tools = {"list_pages": list_pages, "add_journal_task": add_journal_task, "delete_page": delete_page}
    documents = {"docs://logseq/task-format": "A task is a line that begins with TODO: `TODO Buy milk`."}
    return {"logseq": mock(tools, resources=documents)}
