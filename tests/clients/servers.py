"""The servers whose tools the workflows call: `python servers.py hr`, or it, code, logseq; each speaks stdio."""

from __future__ import annotations

import sys
from typing import Any, TypedDict

from mcp.server import MCPServer

hr, it, code, logseq = (MCPServer(name) for name in ("hr", "it", "code", "logseq"))
FORMAT = "Use [[page-name]]"


class Employee(TypedDict):
    employee_id: str
    email: str
    level: int


class Analysis(TypedDict):
    issues_found: int
    analysis_summary: str


class Review(TypedDict):
    recommendations: list[str]
    approval_status: str


@hr.tool()
def create_employee(
    name: str, department: str, role: str, manager_id: str, start_date: str, level: int = 1
) -> Employee:
    return {"employee_id": "emp-456", "email": f"{name.split()[0].lower()}@company.example", "level": level}


@hr.tool()
def create_payroll(employee_id: str, department: str) -> dict[str, str]:
    return {"payroll_id": f"pay-{employee_id}", "status": "active"}


@hr.tool()
def send_email(
    to: str, template: str, employee_name: str, github_username: str, laptop_tracking: str
) -> dict[str, Any]:
    return {"sent": True, "message_id": f"{template}:{to}:{github_username}:{laptop_tracking}"}


@it.tool()
def create_github_user(employee_id: str, email: str, team: str) -> dict[str, str]:
    return {"username": f"{email.split('@')[0]}-{team}", "access_level": "developer"}


@it.tool()
def provision_laptop(employee_id: str, department: str, start_date: str) -> dict[str, str]:
    return {"tracking_number": "FX123456", "eta": start_date}


@code.tool()
def analyze_code(code: str, language: str = "text", depth: int = 1) -> Analysis:
    lines = len(code.splitlines())
    return {"issues_found": 3, "analysis_summary": f"Analyzed {lines} lines of {language} code at depth {depth}."}


@code.tool()
def review_code(analysis: str, focus: list[str]) -> Review:
    return {"recommendations": [f"{one}: {analysis}" for one in focus], "approval_status": "conditional"}


@code.tool()
def format_code(code: str, issues: list[str]) -> str:
    return "\n".join([*(f"// {issue}" for issue in issues), code])


@logseq.tool()
def list_pages() -> dict[str, list[str]]:
    return {"page_names": ["mcp-tester", "Café ☕"]}


@logseq.tool()
def add_journal_task(formatted_task: str) -> dict[str, bool]:
    return {"success": True}


@logseq.resource("docs://logseq/task-format", mime_type="text/markdown")
def task_format() -> str:
    return FORMAT


if __name__ == "__main__":
    {"hr": hr, "it": it, "code": code, "logseq": logseq}[sys.argv[1]].run()
