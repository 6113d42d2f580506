"""Notebooks as tests: run one from top to bottom in a fresh kernel, and say which cell failed and why.

    def test_the_tour_runs():
        run_notebook("notebooks/00_tour.ipynb")

The kernel is this interpreter, whatever kernels the machine has; it is gone when the function returns.
"""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
import time
import warnings
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mcpflow_nb.bridge import run as in_io_thread
from mcpflow_nb.errors import ConfigError, McpflowError
from mcpflow_nb.testing.kernels import LOST, LostReplyError, client_of, environment, polled, tidied
from mcpflow_nb.testing.parameters import INJECTED, checked, inject

if TYPE_CHECKING:
    from nbclient import NotebookClient
    from nbformat import NotebookNode

TIMEOUT_SECONDS: Final = 60.0
SKIPPED: Final = frozenset({"skip", "skip-execution"})
"""Tags of cells that are never run."""

_CONTROL: Final = re.compile(r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")
_GROUP: Final = re.compile(r"^ +\| (\w+: .*)$", re.MULTILINE)
_LONGEST_REASON: Final = 300
_MOST_CHARACTERS: Final = 20_000
_RULE: Final = "\n------------------\n"


class NotebookError(McpflowError):
    """A notebook that did not run to its end.

    `.notebook` is its path, `.cell` the number of the cell that failed counted from 0 (None: no cell was run),
    `.cell_id` and `.source` are that cell's, `.reason` is one line, `.traceback` what the cell said, without colours.
    """

    def __init__(
        self, notebook: Path, cell: int | None, cell_id: str, source: str, traceback: str, reason: str = ""
    ) -> None:
        self.notebook, self.cell, self.cell_id = notebook, cell, cell_id
        self.source, self.traceback = _clean(source), _clean(traceback)
        self.reason = _clean(_cut(reason, _LONGEST_REASON)) or self.traceback.partition("\n")[0]
        place = f"cell {cell} (id {cell_id!r})" if cell is not None else "before its first cell"
        shown = "".join(f"\n    {line}" for line in self.source.splitlines())
        more = f"\n{self.traceback}" if self.traceback != self.reason else ""
        super().__init__(f"{notebook.name}, {place}: {self.reason}{shown}{more}")


@dataclass(frozen=True, slots=True)
class NotebookResult:
    """What became of a notebook; `.passed`, `.failed`, `.skipped` and `.not_run` count its code cells.

    `.notebook` is what was run, with its outputs, and has no cells when it cannot be read; `.error` is what ended it,
    `.seconds` its wall time with the start of its kernel.
    """

    path: Path
    notebook: NotebookNode
    error: NotebookError | None
    seconds: float
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    not_run: int = 0

    @property
    def counts(self) -> dict[str, int]:
        """The four counts by their names."""
        return {"passed": self.passed, "failed": self.failed, "skipped": self.skipped, "not_run": self.not_run}


@dataclass(frozen=True, slots=True)
class Options:
    """How notebooks are run; `run_notebook` says what each means."""

    timeout: float = TIMEOUT_SECONDS
    parameters: Mapping[str, Any] = field(default_factory=dict)
    leave_out: Collection[str] = ()
    network: bool = False

    def __post_init__(self) -> None:
        if type(self.timeout) not in (int, float) or not self.timeout > 0:
            raise ConfigError(f"timeout: it is a number of seconds above 0, not {self.timeout!r}")


def is_copy(path: Path) -> bool:
    """Tell whether a notebook below a folder is one that Jupyter or jupyter-book put there, or a package's own.

    >>> is_copy(Path("a/.ipynb_checkpoints/b.ipynb")), is_copy(Path("a/b.ipynb"))
    (True, False)
    """
    return any(part.startswith(".") or part in ("_build", "venv", "node_modules") for part in path.parent.parts)


def run_notebook(
    path: str | os.PathLike[str], timeout: float = TIMEOUT_SECONDS, *, parameters: Mapping[str, Any] | None = None,
    leave_out: Collection[str] = (), network: bool = False,
) -> NotebookNode:  # fmt: skip
    """Return the executed notebook; the file itself is not changed.

    It runs in the notebook's folder, all its cells within `timeout` seconds, or within those that its own metadata name
    as `execution.timeout`. `parameters` are set after the cell tagged `parameters`, else first. Cells tagged
    `raises-exception` may fail; cells tagged `skip`, `skip-execution` or with a tag of `leave_out` are left out. Without
    `network` it reaches this machine only, see `network.py`. Widget state and times are not kept.

    Raises
    ------
    NotebookError
        For the first cell that fails, does not end in time, or ends the kernel; for a file that is no Python notebook;
        for a parameter that the notebook does not know.
    ConfigError
        For a parameter that is no Python name or no JSON value, and a `timeout` that is no number above 0.
    """
    result = try_notebook(path, timeout, parameters=parameters, leave_out=leave_out, network=network)
    if result.error:
        raise result.error
    return result.notebook


def try_notebook(
    path: str | os.PathLike[str], timeout: float = TIMEOUT_SECONDS, *, parameters: Mapping[str, Any] | None = None,
    leave_out: Collection[str] = (), network: bool = False,
) -> NotebookResult:  # fmt: skip
    """Run a notebook as `run_notebook` does, and return what became of it, also when it failed."""
    tags = [leave_out] if isinstance(leave_out, str) else leave_out
    options = Options(timeout, checked(parameters or {}), frozenset(tags), network)
    return in_io_thread(tried(Path(path).resolve(), options))


async def tried(path: Path, options: Options) -> NotebookResult:
    """Return what became of a notebook; many may run at once in one loop."""
    import nbformat

    started = time.monotonic()
    notebook, end, error = nbformat.v4.new_notebook(), None, None  # type: ignore[no-untyped-call]
    try:
        notebook = _prepared(path, options)
        with tempfile.TemporaryDirectory(prefix="nb-", ignore_cleanup_errors=True) as folder:
            client = client_of(notebook, path, Path(folder))
            end, error = await _execute(client, path, options, environment(Path(folder), network=options.network))
    except NotebookError as found:
        error = found
    except Exception as found:  # noqa: BLE001 - someone else's file is behind it, and the other notebooks run on
        error = NotebookError(path, None, "", "", f"{type(found).__name__}: {found}")
    cells = notebook.cells
    code = [number for number, cell in enumerate(cells) if _is_code(cell)]
    skipped = {number for number in code if not _tags(cells[number]).isdisjoint(SKIPPED | set(options.leave_out))}
    ran = [number for number in code if number not in skipped]
    passed = sum(not error or (end is not None and number < end) for number in ran)
    failed = int(bool(error) and end is not None)
    return NotebookResult(
        path, notebook, error, time.monotonic() - started, passed, failed, len(skipped), len(ran) - passed - failed
    )


def _is_code(cell: NotebookNode) -> bool:
    return bool(cell.cell_type == "code") and INJECTED not in _tags(cell)


def _tags(cell: NotebookNode) -> set[str]:
    return set(cell.metadata.get("tags", ()))


def _prepared(path: Path, options: Options) -> NotebookNode:
    """Return the notebook with its parameters, ready to be run."""
    import nbformat

    problem, at = "", None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # cells without ids, or with the same one: they run all the same
            notebook: NotebookNode = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
        nbformat.validate(notebook)
    except (OSError, ValueError, AttributeError, TypeError, KeyError, nbformat.ValidationError) as error:
        problem = f"this is no notebook that can be read: {_first_line(str(error)) or type(error).__name__}"
    if problem:
        raise NotebookError(path, None, "", "", problem)
    told = notebook.metadata
    language = told.get("kernelspec", {}).get("language") or told.get("language_info", {}).get("name") or "python"
    if language.lower() not in ("python", "ipython"):
        raise NotebookError(path, None, "", "", f"it is written in {language!r}; only Python notebooks run here")
    if options.parameters:
        at, problem = inject(notebook.cells, options.parameters)
    if problem:
        raise _failure(notebook, path, at, problem, problem)
    return notebook


async def _execute(
    client: NotebookClient, path: Path, options: Options, env: dict[str, str]
) -> tuple[int | None, NotebookError | None]:
    """Run the cells; return the number of the one that ended it, and why."""
    timeout = client.nb.metadata.get("execution", {}).get("timeout")
    seconds = timeout if isinstance(timeout, int | float) and timeout > 0 else options.timeout
    index, problem = None, None
    deadline = time.monotonic() + seconds
    client.timeout_func = lambda _cell: max(0.1, deadline - time.monotonic())  # type: ignore[assignment]
    try:
        async with client.async_setup_kernel(env=env):
            deadline = time.monotonic() + seconds  # starting the kernel has a limit of its own
            with polled(client), tidied(client):
                for index, cell in enumerate(client.nb.cells):  # the failing one is named below
                    if _tags(cell).isdisjoint(SKIPPED | set(options.leave_out)):
                        await _run_cell(client, cell, index)
    # A cell that failed or took too long; no kernel, or no more; text that UTF-8, and so the kernel, cannot take. And
    # whatever a message that the notebook's own code sent makes of the library: it is this notebook's failure alone.
    except Exception as error:  # noqa: BLE001
        if (task := asyncio.current_task()) and task.cancelling():  # for nbclient that is a dead kernel
            raise asyncio.CancelledError from None
        problem = _failure(client.nb, path, index, *_reason(error, seconds))
    return index, problem


async def _run_cell(client: NotebookClient, cell: NotebookNode, index: int) -> None:
    try:
        await client.async_execute_cell(cell, index)
    except LostReplyError:
        if "raises-exception" not in _tags(cell):
            raise


def _reason(error: Exception, seconds: float) -> tuple[str, str]:
    """Return why in one line, and all that the cell said."""
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    if isinstance(error, CellExecutionError):
        parts = error.traceback.split(_RULE)  # nbclient's heading, the source, what the cell printed, the traceback
        line = f"{error.ename}: {_first_line(error.evalue)}".removesuffix(": ")
        return line, parts[-1].strip() or line
    line = str(error) if isinstance(error, LostReplyError) else f"{type(error).__name__}: {error}"
    if isinstance(error, CellTimeoutError):
        line = f"the notebook did not end within {seconds:g} s; this cell was running"
    if isinstance(error, DeadKernelError):
        line = "the kernel ended while this cell was running"
    return line, line


def _failure(notebook: NotebookNode, path: Path, index: int | None, reason: str, traceback: str) -> NotebookError:
    cell = notebook.cells[index] if index is not None else None
    # An ExceptionGroup leaves no output of type "error": IPython prints it on stderr, so that is shown too.
    said = "".join(output.text for output in getattr(cell, "outputs", ()) if output.get("name") == "stderr")
    if reason == LOST and (group := _GROUP.search(said)):
        reason = group[1]
    text = f"{said.rstrip()}\n{traceback}" if said.strip() and said.strip() not in traceback else traceback
    # The reader counts the cells of the file, where the one with the parameters is not.
    shift = sum(INJECTED in _tags(before) for before in notebook.cells[: index or 0])
    number = index - shift if index is not None else None
    return NotebookError(path, number, cell.get("id", "") if cell else "", cell.source if cell else "", text, reason)


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]


def _clean(text: str) -> str:
    """Return the text as a terminal may show it: no colours, no control characters, nothing that UTF-8 lacks."""
    return _cut(_CONTROL.sub("", text).encode("utf-8", "backslashreplace").decode("utf-8").strip(), _MOST_CHARACTERS)


def _cut(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    return f"{text[: most // 2]} … {len(text) - most:,} characters … {text[-most // 2 :]}"
