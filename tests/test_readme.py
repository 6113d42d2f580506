"""Every line of code in the README does what it says there, and every link of it leads somewhere."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import mcpflow_nb as mf

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text("utf-8")
SETUP = "python3 -m venv .venv && .venv/bin/pip install -e"
SERVER = """
import sys
from mcp.server import MCPServer
server = MCPServer("s", log_level="ERROR")
@server.tool()
def create_employee(name: str, level: int = 1) -> dict[str, str]:
    return {"employee_id": "emp-456", "email": "alice@company.example"}
@server.tool()
def send_email(to: str, text: str) -> dict[str, bool]:
    return {"sent": True}
server.run()
"""
EXIT = {"trust": 0, "serve": 0, "check": 0, "run": 0, "graph": 0, "lessons": 0}


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def commands() -> list[str]:
    lines = [line.partition("   ")[0].strip() for block in blocks("sh") for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith(SETUP)]


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What all the Python of the README leaves behind, in a folder of its own."""
    folder, before = tmp_path_factory.mktemp("readme"), Path.cwd()
    names: dict[str, Any] = {}
    os.chdir(folder)
    try:
        for example in blocks("python"):
            exec(example, names)
        yield folder, names
    finally:
        names["servers"].close()
        os.chdir(before)


def test_the_python_of_the_readme_runs_as_it_stands(examples: Any) -> None:
    folder, names = examples
    assert names["server"].endpoint.is_open
    names["server"].stop()
    assert names["cassette"].workflows.keys() == {"onboard_employee"}
    assert names["run"].outcome == "completed"
    assert names["run"]["email_result"] == {"sent": True, "to": "alice@company.example"}
    assert names["onboarded"].counts == {"completed": 2, "refused": 1}
    assert names["results"].note == "simulated: not evidence"
    assert sorted(path.name for path in folder.iterdir() if "-" not in path.name) == [
        "onboard.cassette.json", "onboard.trace.json", "people.db", "runs.db", "test_onboard.py", "trials.jsonl",
    ]  # fmt: skip


@pytest.mark.parametrize("line", [one for one in commands() if " pages " not in one])
def test_a_command_of_the_readme_does_what_it_says(line: str, examples: Any, tmp_path: Path) -> None:
    """`pages` is run by `test_pages.py`, the two that make an environment by whoever runs these tests."""
    _, names = examples
    (tmp_path / "server.py").write_text(SERVER)
    one = {"command": sys.executable, "args": [str(tmp_path / "server.py")]}
    (tmp_path / "mcp.json").write_text(json.dumps({"mcpServers": {"hr": one, "comms": one}}))
    names["onboard"].save(tmp_path / "onboard.json")
    mf.trust(tmp_path / "mcp.json")
    program, *words = shlex.split(line)
    assert program == "mcpflow-nb"
    done = subprocess.run(
        [sys.executable, "-m", "mcpflow_nb", *words], cwd=tmp_path, capture_output=True, text=True, check=False,
        timeout=100, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (EXIT[words[0]], "")


def test_every_command_is_tested_and_the_two_that_begin_are_there() -> None:
    assert {shlex.split(line)[1] for line in commands()} == {*EXIT, "pages"}
    assert [line for line in README.splitlines() if line.startswith("python3")] == [
        f"{SETUP} '.[lab]' && .venv/bin/mcpflow-nb tour",
        f"{SETUP} '.[test,browser,postgres,dask]' && .venv/bin/pytest -n 2 --dist worksteal",
    ]


def test_every_link_and_every_public_name_of_the_readme_is_there() -> None:
    links = re.findall(r"\]\(([^)#]+)", README)
    assert [link for link in links if not re.match(r"\w+:", link) and not (ROOT / link).exists()] == []
    named = set(re.findall(r"\bmf\.(\w+)", README))
    assert named - set(mf.__all__) == set()


def test_the_lessons_take_the_minutes_that_they_say_themselves() -> None:
    told = dict(re.findall(r"^\| \d\d \[.*?\]\(notebooks/(.*?)\) \| (\d+) \|", README, re.MULTILINE))
    notebooks = {path.name: path.read_text("utf-8") for path in sorted((ROOT / "notebooks").glob("*.ipynb"))}
    assert told == {name: re.findall(r"\*\*(\d+) minutes", text)[0] for name, text in notebooks.items()}
