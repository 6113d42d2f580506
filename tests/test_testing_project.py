"""A project of somebody else: its notebooks are run by the pytest plugin and by `mcpflow-nb test`, which agree."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import nbformat
import pytest

from mcpflow_nb.errors import ConfigError
from mcpflow_nb.testing.command import run_notebooks

pytestmark = [pytest.mark.kernel, pytest.mark.timeout(300)]  # the two runs of the project are the set-up of one test

PROJECT = """
[tool.pytest.ini_options]
addopts = ["--strict-config", "--strict-markers"]
testpaths = ["tests", "notebooks"]
filterwarnings = ["error"]
mcpflow_leave_out = ["exercise"]
"""
SERVER = """
import socket
from mcp.server import MCPServer
server = MCPServer("far")
@server.tool()
def reach() -> str:
    try:
        socket.create_connection(("192.0.2.1", 80), timeout=30)
    except OSError as error:
        return str(error)
    return "reached"
server.run()
"""
AWAITED_GROUP = "raise ExceptionGroup('several', [ValueError('inner one')])\nawait None"

# name: cells, each a source or (source, tags)
NOTEBOOKS: dict[str, list[Any]] = {
    "good": [
        "from shop import price\nprice(2)",
        ("1 / 0", "raises-exception"),
        ("1 / 0", "skip"),
        ("1 / 0", "exercise"),
    ],
    "fails": ["# only text", "x = 0", "print('before')\n1 / x", "never = 1"],
    "hangs": ["import threading", "threading.Event().wait()"],
    "far": ["import socket", "socket.create_connection(('192.0.2.1', 80), timeout=30)"],
    "far_child": [
        "import sys, mcpflow_nb as mf",
        "with mf.connect(far=[sys.executable, 'server.py']) as servers:\n    said = servers.call('far.reach')",
        "assert '192.0.2.1:80 was refused' in said, said",
    ],
    "dies": ["import os", "os._exit(3)"],
    "group": [AWAITED_GROUP],
    "group_expected": [(AWAITED_GROUP, "raises-exception"), "'after'"],
}
FAILING = {
    "dies": (1, "the kernel ended while this cell was running"),
    "fails": (2, "ZeroDivisionError: division by zero"),
    "far": (
        1,
        "PermissionError: [Errno 13] 192.0.2.1:80 was refused: a notebook under test reaches this machine only; to allow it:"
        " network=True for run_notebook, pytest --mcpflow-network, mcpflow-nb test --network",
    ),
    "group": (0, "ExceptionGroup: several (1 sub-exception)"),
    "hangs": (1, "the notebook did not end within 1 s; this cell was running"),
}


GOOD = {
    "far_child": {"passed": 3, "failed": 0, "skipped": 0, "not_run": 0},
    "good": {"passed": 2, "failed": 0, "skipped": 2, "not_run": 0},
    "group_expected": {"passed": 2, "failed": 0, "skipped": 0, "not_run": 0},
}


def write(path: Path, cells: list[Any], **metadata: Any) -> None:
    notebook = nbformat.v4.new_notebook(metadata=metadata)
    for number, cell in enumerate(cells):
        source, *tags = (cell,) if isinstance(cell, str) else cell
        notebook.cells.append(nbformat.v4.new_code_cell(source, id=f"cell-{number:02}", metadata={"tags": tags}))
    path.parent.mkdir(exist_ok=True)
    nbformat.write(notebook, path)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("project")
    (root / "pyproject.toml").write_text(PROJECT)
    (root / "shop").mkdir()
    (root / "shop" / "__init__.py").write_text("def price(n):\n    return n * 3\n")
    (root / "tests").mkdir()
    (root / "tests" / "test_shop.py").write_text("def test_nothing():\n    pass\n")
    for name, cells in NOTEBOOKS.items():
        write(root / "notebooks" / f"{name}.ipynb", cells, **({"execution": {"timeout": 1}} if name == "hangs" else {}))
    write(root / "notebooks" / ".ipynb_checkpoints" / "good-checkpoint.ipynb", ["1 / 0"])
    write(root / "notebooks" / "_build" / "good.ipynb", ["1 / 0"])
    (root / "notebooks" / "server.py").write_text(SERVER)
    write(root / "open" / "free.ipynb", ["import os\nassert 'guard' not in os.environ['PYTHONPATH']"])
    write(
        root / "more" / "takes.ipynb", [("rows = 1\nwho = 'nobody'", "parameters"), "print(rows, who)\n1 / (rows - 3)"]
    )
    return root


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200"}
    for name in [name for name in env if name.startswith(("PYTEST", "MCPFLOW"))]:
        del env[name]
    line = [sys.executable, "-W", "error", "-m", *arguments]
    return subprocess.run(line, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=110)


def of_pytest(
    folder: Path, *arguments: str
) -> tuple[subprocess.CompletedProcess[str], dict[str, tuple[str, dict[str, int]]]]:
    """What pytest said, and for each notebook of its report the text of the failure and the counts of cells."""
    done = command(
        folder, "pytest", "--mcpflow-notebooks", "--junitxml=report.xml", "-p", "no:cacheprovider", *arguments
    )
    found = {}
    for case in ElementTree.parse(folder / "report.xml").iter("testcase"):
        failure = case.find("failure")
        counts = {one.get("name", ""): int(one.get("value", "")) for one in case.iter("property")}
        if counts:
            name = case.get("classname", "").removesuffix(".ipynb").rpartition(".")[2]
            found[name] = ("" if failure is None else failure.text or "", counts)
    return done, found


@pytest.fixture(scope="module")
def pytest_report(project: Path) -> tuple[subprocess.CompletedProcess[str], dict[str, tuple[str, dict[str, int]]]]:
    return of_pytest(project, "-n", "2")


@pytest.fixture(scope="module")
def command_report(project: Path) -> tuple[subprocess.CompletedProcess[str], list[dict[str, Any]]]:
    done = command(project, "mcpflow_nb", "test", "notebooks", "--leave-out", "exercise", "--jobs", "2", "--json")
    return done, json.loads(done.stdout)


def test_both_report_the_same_of_every_notebook(pytest_report: Any, command_report: Any) -> None:
    by_command = {Path(one["notebook"]).stem: one for one in command_report[1]}
    assert sorted(by_command) == sorted(pytest_report[1]) == sorted(NOTEBOOKS)
    for name, (text, counts) in pytest_report[1].items():
        one = by_command[name]
        assert (name, counts) == (name, {word: one[word] for word in counts})
        assert (name, bool(text)) == (name, one["error"] is not None)
    assert (pytest_report[0].returncode, command_report[0].returncode, command_report[0].stderr) == (1, 1, "")


def test_a_failing_notebook_is_reported_with_its_cell_its_source_and_its_reason(command_report: Any) -> None:
    failed = {Path(one["notebook"]).stem: one["error"] for one in command_report[1] if one["error"]}
    assert {name: (error["cell"], error["reason"]) for name, error in failed.items()} == FAILING
    assert {name: error["source"] for name, error in failed.items()} == {
        name: NOTEBOOKS[name][cell] for name, (cell, _) in FAILING.items()
    }
    assert "ValueError: inner one" in failed["group"]["traceback"]


def test_pytest_shows_the_cell_and_nothing_of_its_own_or_ours(pytest_report: Any) -> None:
    done, found = pytest_report
    for name, (cell, reason) in FAILING.items():
        assert found[name][0].startswith(f"{name}.ipynb, cell {cell} (id 'cell-{cell:02}'): {reason}\n    ")
    assert re.search(r"^    print\('before'\)\n    1 / x\n", found["fails"][0], flags=re.MULTILINE)
    assert [word for word in ("runtest", "items.py", "Captured", "warnings summary") if word in done.stdout] == []
    assert "5 failed, 4 passed" in done.stdout
    assert done.stderr == ""


def test_what_passes_is_counted_by_cells(pytest_report: Any) -> None:
    assert {name: counts for name, (text, counts) in pytest_report[1].items() if not text} == GOOD


def test_without_the_option_notebooks_are_ignored(project: Path) -> None:
    done = command(project, "pytest", "-q", "-p", "no:cacheprovider", "--collect-only")
    assert (done.returncode, done.stdout.split("\n")[0]) == (0, "tests/test_shop.py::test_nothing")
    assert ".ipynb" not in done.stdout


def test_parameters_reach_the_notebook_from_both(project: Path) -> None:
    given = ("rows=3", 'who="Ada"')
    done, found = of_pytest(project, "more", *(f"--mcpflow-param={text}" for text in given))
    assert (done.returncode, found["takes"][1]) == (1, {"passed": 1, "failed": 1, "skipped": 0, "not_run": 0})
    assert found["takes"][0].startswith("takes.ipynb, cell 1 (id 'cell-01'): ZeroDivisionError: division by zero\n")
    said = command(project, "mcpflow_nb", "test", "more", *(f"--param={text}" for text in given))
    assert (said.returncode, said.stdout.splitlines()[1] + "\n") == (1, found["takes"][0].splitlines()[0] + "\n")


def test_a_parameter_that_is_not_known_or_not_json_is_said_by_both(project: Path) -> None:
    done, found = of_pytest(project, "more", "--mcpflow-param=rowz=3")
    sentence = "parameter 'rowz': the cell tagged 'parameters' does not assign it; did you mean 'rows'?"
    assert (done.returncode, sentence in found["takes"][0]) == (1, True)
    assert sentence in command(project, "mcpflow_nb", "test", "more", "--param", "rowz=3").stdout
    wrong = command(project, "pytest", "--mcpflow-notebooks", "more", "--mcpflow-param=who=Ada")
    assert (wrong.returncode, wrong.stderr) == (
        4, "ERROR: --mcpflow-param: parameter 'who': 'Ada' is not JSON; text is written in double quotes: who=\"Ada\"\n\n",
    )  # fmt: skip
    assert command(project, "mcpflow_nb", "test", "more", "--param", "who=Ada").stderr == (
        "mcpflow-nb: parameter 'who': 'Ada' is not JSON; text is written in double quotes: who=\"Ada\"\n"
    )


def test_the_network_is_allowed_by_either(project: Path) -> None:
    assert of_pytest(project, "open", "-o", "mcpflow_network=true")[1]["free"][1]["passed"] == 1
    assert command(project, "mcpflow_nb", "test", "open", "--network").returncode == 0


def test_a_setting_that_is_no_number_is_one_sentence(project: Path) -> None:
    done = command(project, "pytest", "--mcpflow-notebooks", "-o", "mcpflow_timeout=long")
    assert (done.returncode, done.stderr) == (4, "ERROR: mcpflow_timeout: 'long' is no number of seconds\n\n")


@pytest.mark.skipif(os.name != "posix", reason="needs a named pipe and SIGINT")
@pytest.mark.parametrize("line", ["mcpflow_nb test", "pytest --mcpflow-notebooks -p no:cacheprovider"])
def test_an_interrupt_ends_the_run_and_its_kernel(line: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "running")
    write(tmp_path / "hangs.ipynb", ["pipe = open('running', 'w')", "import threading\nthreading.Event().wait()"])
    arguments = [sys.executable, "-m", *line.split(), "hangs.ipynb"]
    with subprocess.Popen(arguments, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as run:
        with open(tmp_path / "running") as pipe:  # opens when the notebook does
            run.send_signal(signal.SIGINT)
            said, _ = run.communicate(timeout=60)
            assert pipe.read() == ""  # ends when the kernel does
    assert (run.returncode, "hangs.ipynb, cell" in said) == ({"mcpflow_nb": 130, "pytest": 2}[line.split()[0]], False)


def test_a_person_reads_a_line_a_notebook_the_failing_cell_and_the_sum(project: Path) -> None:
    good, fails = "notebooks/good.ipynb", "notebooks/fails.ipynb"
    said = command(project, "mcpflow_nb", "test", good, fails, good, "--leave-out", "exercise")
    lines = re.sub(r"\d+\.\d s", "0.0 s", said.stdout).splitlines()
    assert lines[:5] == [
        "✔ notebooks/good.ipynb: 0.0 s, cells: 2 passed, 2 skipped",
        "✘ notebooks/fails.ipynb: 0.0 s, cells: 2 passed, 1 failed, 1 not run",
        "fails.ipynb, cell 2 (id 'cell-02'): ZeroDivisionError: division by zero",
        "    print('before')",
        "    1 / x",
    ]
    assert lines[-1] == "2 notebooks: 1 passed, 1 failed, 0.0 s"


def test_a_path_without_notebooks_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no notebook or folder 'no/such'"):
        run_notebooks(Path("no/such"))
    with pytest.raises(ConfigError, match="there is no notebook in the folder"):
        run_notebooks(tmp_path)
    with pytest.raises(ConfigError, match="test needs at least one notebook or folder"):
        run_notebooks()


def test_the_plugin_loads_nothing_until_it_is_asked_for() -> None:
    code = "import sys, json, mcpflow_nb.testing.plugin; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    loaded = json.loads(done.stdout)
    ours = [module for module in loaded if module.startswith("mcpflow_nb")]
    assert ours == ["mcpflow_nb", "mcpflow_nb.show", "mcpflow_nb.testing", "mcpflow_nb.testing.plugin"]
    assert {"asyncio", "nbclient", "nbformat", "pytest", "pydantic", "IPython"} & set(loaded) == set()
