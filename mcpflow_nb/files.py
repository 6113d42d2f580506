"""A text in a file: whole or not at all, whatever ends the process meanwhile."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path


def write_whole(path: str | os.PathLike[str], text: str) -> Path:
    """Write the text in place of what is there, and return the path; a link there is replaced, never written through.

    Raises
    ------
    OSError, ValueError
        When it cannot be written, or the path is none; what was there is there still.
    """
    target = Path(path)
    with tempfile.NamedTemporaryFile("w", dir=target.parent, encoding="utf-8", delete=False, newline="\n") as file:
        try:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())  # else a machine that stops may keep the new name and not the text
            file.close()
            os.replace(file.name, target)
        except BaseException:
            with suppress(OSError):  # what could not be written cannot be written now
                file.close()
            os.unlink(file.name)
            raise
    return target
