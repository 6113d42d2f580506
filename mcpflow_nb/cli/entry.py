"""The command `mcpflow-nb`: the tour, and the commands of other files, which are loaded when they are called.

What goes wrong for a reader is one sentence on stderr and exit code 1; wrong use is code 2, Ctrl-C 130.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from importlib.util import find_spec
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import App, CycloptsError, Parameter

from mcpflow_nb import __version__
from mcpflow_nb.errors import McpflowError
from mcpflow_nb.lessons.notebook_files import TOUR, notebooks_folder, page
from mcpflow_nb.testing import run_notebook

if TYPE_CHECKING:
    from nbformat import NotebookNode

RESULT_TAG: Final = "result"
"""The tag of the cell whose output `tour` prints."""

app = App(
    name="mcpflow-nb",
    version=__version__,
    help="MCP workflows in a notebook: declare, see, check, step, read, serve.",
    result_action="return_value",
)
for _name, _file, _help in (
    ("check", "commands", "Check a saved workflow, alone or against servers."),
    ("run", "commands", "Run a saved workflow to its end or its handoff."),
    ("graph", "commands", "Show a saved workflow as text, DOT or an SVG file."),
    ("serve", "commands", "Serve saved workflows to MCP clients, over stdio or HTTP."),
    ("trust", "commands", "Let a config file start its commands, after showing exactly what they are."),
    ("lessons", "lesson_commands", "Copy the notebooks of the course to a folder, for you to work in."),
    ("pages", "pages", "Write the course, run, and the reference as HTML pages to read without a kernel."),
):
    app.command(f"mcpflow_nb.cli.{_file}:{_name}", name=_name, help=_help)
app.command(
    "mcpflow_nb.testing.command:run_notebooks", name="test", help="Run notebooks as tests, each in a fresh kernel."
)


@app.command
def tour(*, lab: Annotated[bool, Parameter(negative=())] = False, html: Path = Path("tour.html")) -> None:
    """Run the tour notebook, print its result table and write it as a page.

    Parameters
    ----------
    lab
        Open the notebook in JupyterLab instead; it is copied to this folder first, unless it is here already.
    html
        Where the page goes.
    """
    if lab:
        _open_in_lab(notebooks_folder() / TOUR)
        return
    if not html.parent.is_dir():
        raise McpflowError(f"--html {html}: there is no folder {str(html.parent)!r}; make it first")
    notebook = run_notebook(notebooks_folder() / TOUR)
    html.write_text(page(notebook, "mcpflow_nb tour"), encoding="utf-8")
    print(result(notebook))
    print(f"\nThe whole notebook, with its graphs: {html.resolve()}")
    print("To work in it: mcpflow-nb tour --lab")


def result(notebook: NotebookNode) -> str:
    """Return the text of what the cell tagged `result` shows."""
    shown: list[Any] = [
        output
        for cell in notebook.cells
        if RESULT_TAG in cell.metadata.get("tags", ())
        for output in cell.get("outputs", ())
        if "text/plain" in output.get("data", {})
    ]
    return "\n".join(str(output.data["text/plain"]) for output in shown)


def _open_in_lab(notebook: Path) -> None:
    if find_spec("jupyterlab") is None:
        raise McpflowError("JupyterLab is not installed here; pip install 'mcpflow-nb[lab]' brings it")
    copy = Path.cwd() / notebook.name
    if not copy.exists():
        shutil.copyfile(notebook, copy)
    print(f"Opening {copy}; Ctrl-C ends JupyterLab.")
    # The kernel must be this interpreter, so its folder comes first on the path.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    # In a container one is root without having chosen it, and JupyterLab refuses to start.
    root = ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    command = [sys.executable, "-m", "jupyterlab", str(copy), *root]
    done = subprocess.run(command, env={**os.environ, "PATH": path}, check=False)
    if done.returncode:
        raise McpflowError(f"JupyterLab ended with exit code {done.returncode}")


def _terminated(*_: object) -> None:
    """End as Ctrl-C does, so that no child of ours is left behind."""
    sys.exit(143)


def main() -> None:
    """Run the command line, and end the process."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a terminal that is not UTF-8 shows signs it lacks as \u....
            stream.reconfigure(errors="backslashreplace")
    signal.signal(signal.SIGTERM, _terminated)
    problem, code = None, 0
    try:
        code = app(sys.argv[1:], exit_on_error=False, print_error=False) or 0
    except (McpflowError, OSError) as error:
        problem, code = str(error), 1
    except CycloptsError as error:
        problem, code = str(error), 2
    except KeyboardInterrupt:
        problem, code = "interrupted", 130
    if problem is not None:
        print(f"mcpflow-nb: {problem}", file=sys.stderr)
    sys.exit(code)
