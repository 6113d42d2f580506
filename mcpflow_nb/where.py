"""Where in the reader's own code something was written: `In [7]:12`, or file and line."""

from __future__ import annotations

import linecache
import os
import sys
from dataclasses import dataclass
from traceback import walk_tb
from types import CodeType, FrameType
from typing import Final

_PACKAGE: Final = os.path.dirname(os.path.abspath(__file__)) + os.sep
_PYDANTIC: Final = f"{os.sep}pydantic{os.sep}"


@dataclass(frozen=True, slots=True)
class Where:
    """A place in source code: the call's first and last line; `cell` is the notebook's `In [n]`, or None."""

    file: str
    line: int
    last_line: int
    cell: int | None = None

    def __str__(self) -> str:
        return (
            f"In [{self.cell}]:{self.line}" if self.cell is not None else f"{os.path.basename(self.file)}:{self.line}"
        )

    def at(self, text: str | None) -> tuple[Where, str, str]:
        """Return the place, the source line and a line of carets under `text`; both lines empty if the source is gone.

        The call may run over many lines: the first that holds `text` in quotes is the place.
        """
        lines = [
            (number, linecache.getline(self.file, number).rstrip()) for number in range(self.line, self.last_line + 1)
        ]
        for number, line in lines:
            for quoted in (f'"{text}"', f"'{text}'") if text else ():
                if quoted in line:
                    start = line.index(quoted)
                    return self._on(number), line.strip(), _carets(line, start, len(quoted))
        number, line = lines[0] if lines else (self.line, "")
        return self, line.strip(), _carets(line, len(line) - len(line.lstrip()), len(line.strip()))

    def _on(self, line: int) -> Where:
        return Where(self.file, line, self.last_line, self.cell)


def _carets(line: str, start: int, length: int) -> str:
    indent = len(line) - len(line.lstrip())
    return " " * (start - indent) + "^" * length if length else ""


def here() -> Where | None:
    """Return the place of the call into this package that is running now."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith(_PACKAGE) and _PYDANTIC not in name:
            last, line = _last_line(frame.f_code, frame.f_lasti // 2), frame.f_lineno
            # A chained call starts lines earlier; its own part runs from the method's name to its bracket.
            return Where(name, line, max(last or line, line), _cell(name))
        frame = frame.f_back
    return None


def raised(error: BaseException, file: str) -> Where | None:
    """Return the innermost place in a file, or in a notebook cell, that an error came through; None where there is none."""
    frames = [one for one in walk_tb(error.__traceback__) if one[0].f_code.co_filename == file]
    return Where(file, frames[-1][1], frames[-1][1], _cell(file)) if frames else None


_latest: tuple[CodeType | None, list[int | None]] = (None, [])


def _last_line(code: CodeType, instruction: int) -> int | None:
    """Return the last line of the call at an instruction; the code asked latest is kept, as chains ask it often."""
    global _latest
    latest = _latest
    if latest[0] is not code:
        _latest = latest = (code, [last for _, last, _, _ in code.co_positions()])
    return latest[1][instruction] if instruction < len(latest[1]) else None


def _cell(filename: str) -> int | None:
    """Return the execution count of the notebook cell that has this file name."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is None:
        return None
    named = shell.compile.format_code_name(filename)
    digits = "".join(c for c in named[1] if c.isdigit()) if named else ""
    return int(digits) if digits else None
