"""One JSON line a trial, appended as soon as it ends; read back, scored again, and gone on with later."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from pydantic import TypeAdapter, ValidationError

from mcpflow_nb.compliance.scoring import Happened
from mcpflow_nb.compliance.talking import Status
from mcpflow_nb.errors import LoadError
from mcpflow_nb.exact import dumps, loads

NOT_EVIDENCE: Final = "simulated: not evidence"
_FORMAT: Final = "mcpflow-nb compliance trial 1"
_BEGINS: Final = f'{{"format": "{_FORMAT}"'.encode()


class Key(NamedTuple):
    """Which trial it is."""

    task: str
    mode: str
    seed: int


@dataclass(frozen=True)
class Trial:
    """One trial: what was asked, and what happened. `status` as in `STATUSES`, `reason` says why, empty when done."""

    task: str
    mode: str
    seed: int
    agent: str
    simulated: bool
    fingerprint: str
    arguments: Mapping[str, Any]
    status: Status
    reason: str
    requests: int
    input_tokens: int
    output_tokens: int
    calls: tuple[Happened, ...]

    @property
    def key(self) -> Key:
        """Task, mode and seed."""
        return Key(self.task, self.mode, self.seed)


_trial: Final = TypeAdapter(Trial)


def line_of(trial: Trial) -> str:
    """Return the line of a trial."""
    note = {"note": NOT_EVIDENCE} if trial.simulated else {}
    return dumps({"format": _FORMAT, **note, **asdict(trial)}) + "\n"


def append(path: Path, trial: Trial) -> None:
    """Write a trial at the end of a file, in one piece."""
    with path.open("ab") as file:
        file.write(line_of(trial).encode("utf-8"))


def read(path: Path) -> dict[Key, Trial]:
    """Return the trials of a file, the last of each key; a last line that was cut off is no trial.

    Raises
    ------
    LoadError
        When the file cannot be read, or a line in it is no trial.
    """
    problem = ""
    try:
        whole, ended, cut = path.read_bytes().rpartition(b"\n")
        lines = whole.decode("utf-8").split("\n") if ended else []
        if not (cut.startswith(_BEGINS) or _BEGINS.startswith(cut)):
            problem = f"{path}: its last line is no trial of mcpflow_nb.compliance"
    except (OSError, UnicodeDecodeError) as error:
        problem = f"{path}: {error}"
    if problem:
        raise LoadError(problem)
    return by_key(_read(path, number, line) for number, line in enumerate(lines, 1))


def begun(path: Path) -> dict[Key, Trial]:
    """Return the trials of a file that is to be gone on with; makes it, or takes off a last line that was cut off.

    Raises
    ------
    LoadError
        As `read`, and when it cannot be written; a file of anything else is left as it is.
    """
    problem = ""
    try:
        with path.open("ab+"):
            pass
    except OSError as error:
        problem = f"{path}: {error}"
    if problem:
        raise LoadError(problem)
    found = read(path)
    with path.open("rb+") as file:
        file.truncate(file.read().rfind(b"\n") + 1)
    return found


def by_key(trials: Iterable[Trial]) -> dict[Key, Trial]:
    """Return trials by their keys."""
    return {one.key: one for one in trials}


def _read(path: Path, number: int, line: str) -> Trial:
    problem = ""
    try:
        found = loads(line)
        if found.pop("format") != _FORMAT:
            problem = f"its format is not {_FORMAT!r}"
        found.pop("note", None)
        trial: Trial = _trial.validate_python(found)
    except ValidationError as error:
        problem = problem or ".".join(map(str, error.errors()[0]["loc"])) + ": " + error.errors()[0]["msg"]
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError):
        problem = "it is no JSON object with a format"
    if problem:
        raise LoadError(f"{path}, line {number}: no trial of mcpflow_nb.compliance: {problem}")
    return trial
