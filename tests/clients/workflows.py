"""Three workflows: onboarding, code review, and one that the client ends; and a folder from which they are served."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import mcpflow_nb as mf
from mcpflow_nb.home import data_folder

ONBOARD = (
    mf.SequentialWorkflow("onboard_employee", "Complete employee onboarding across all systems")
    .argument("employee_name", "Full name of the employee")
    .argument("department", "Where they work", choices=["engineering", "engagement", "finance"])
    .argument("role", "Job title")
    .argument("manager_id", "Who they report to")
    .argument("start_date", "First day")
    .argument("level", "Job level", type=int, default=1)
    .instruction("Execute employee onboarding workflow. All steps are mandatory.")
    .step("create_employee", tool="create_employee", server="hr", bind="employee_record", args={
        "name": mf.prompt_arg("employee_name"), "department": mf.prompt_arg("department"),
        "role": mf.prompt_arg("role"), "manager_id": mf.prompt_arg("manager_id"),
        "start_date": mf.prompt_arg("start_date"), "level": mf.prompt_arg("level"),
    })
    .step("setup_payroll", tool="create_payroll", server="hr", bind="payroll_record", args={
        "employee_id": mf.field("employee_record", "employee_id"), "department": mf.prompt_arg("department"),
    })
    .step("github_access", tool="create_github_user", server="it", bind="github_record", args={
        "employee_id": mf.field("employee_record", "employee_id"), "email": mf.field("employee_record", "email"),
        "team": mf.prompt_arg("department"),
    })
    .step("provision_laptop", tool="provision_laptop", server="it", bind="laptop_record", args={
        "employee_id": mf.field("employee_record", "employee_id"), "department": mf.prompt_arg("department"),
        "start_date": mf.prompt_arg("start_date"),
    })
    .step("send_welcome", tool="send_email", server="hr", bind="email_result", args={
        "to": mf.field("employee_record", "email"), "template": "welcome_employee",
        "employee_name": mf.prompt_arg("employee_name"), "github_username": mf.field("github_record", "username"),
        "laptop_tracking": mf.field("laptop_record", "tracking_number"),
    })
)  # fmt: skip

REVIEW = (
    mf.SequentialWorkflow("code_review_workflow", "perform comprehensive code review with analysis and formatting")
    .argument("code", "The code")
    .argument("language", "Its language", required=False)
    .step("analyze", tool="code.analyze_code", bind="analysis_result", args={
        "code": mf.prompt_arg("code"), "language": mf.optional(mf.prompt_arg("language")), "depth": 2,
    })
    .step("review", tool="code.review_code", bind="review_result", args={
        "analysis": mf.field("analysis_result", "analysis_summary"),
        "focus": ["security", "performance", "maintainability"],
    })
    .step("format", tool="code.format_code", bind="formatted_result", args={
        "code": mf.prompt_arg("code"), "issues": mf.field("review_result", "recommendations"),
    })
)  # fmt: skip

HYBRID = (
    mf.SequentialWorkflow("add_project_task", "add a task to a project")
    .argument("project", "The project")
    .argument("task", "The task")
    .step("list_pages", tool="logseq.list_pages", bind="pages",
          guidance="I'll first get all available page names from Logseq")
    .step("add_task", tool="logseq.add_journal_task", bind="result", guidance="Match '{project}'",
          resources=["docs://logseq/task-format"])
)  # fmt: skip


def serve_command(folder: Path) -> list[str]:
    """Write the workflows and their servers into a folder, and return the command that serves them over stdio."""
    files = [str(one.save(folder / f"{one.name}.json")) for one in (ONBOARD, REVIEW, HYBRID)]
    script = str(Path(__file__).with_name("servers.py"))
    servers = {name: {"command": "python", "args": [script, name]} for name in ("hr", "it", "code", "logseq")}
    (folder / "mcp.json").write_text(json.dumps({"mcpServers": servers}), encoding="utf-8")
    mf.trust(folder / "mcp.json")
    kept = f"MCPFLOW_DATA={data_folder()}"  # a client starts it without our environment
    return [
        "env", kept, sys.executable, "-m", "mcpflow_nb", "serve", *files, "--servers", str(folder / "mcp.json"),
        "--this-python",
    ]  # fmt: skip
