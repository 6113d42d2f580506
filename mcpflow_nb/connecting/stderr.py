"""What a child writes on stderr, read by a thread of its own, the last lines kept; and what the libraries log."""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from typing import Any, Final

from mcpflow_nb.masking import KNOWN

MAX_LINES: Final = 20
MAX_BYTES: Final = 64_000
MAX_WIDTH: Final = 500


LOGGERS: Final = (
    "httpx2", "httpcore2.http11", "httpcore2.connection", "mcp.client.client", "mcp.client.streamable_http",
    "mcpflow_nb.connecting.child", "mcp.shared.jsonrpc_dispatcher", "mcp.shared.dispatcher", "client",
)  # fmt: skip
"""Where the libraries log what they send and get."""


def mask_logs() -> None:
    """Let the libraries' logs have no secret that is known, at every level; a second time does nothing."""
    for name in LOGGERS:
        logging.getLogger(name).addFilter(_without_secrets)


def _without_secrets(record: logging.LogRecord) -> bool:
    if KNOWN.values:
        said = record.getMessage()
        if (masked := KNOWN.by_value(said)) != said:
            record.msg, record.args = masked, ()
        if record.exc_info:
            record.exc_text, record.exc_info = (
                KNOWN.by_value(logging.Formatter().formatException(record.exc_info)),
                None,
            )
    return True


class Stderr:
    """A pipe for one child. `lines()` are the last it wrote."""

    def __init__(self) -> None:
        self._kept: deque[str] = deque(maxlen=MAX_LINES)
        self._writer: Any = None
        self._pump: threading.Thread | None = None

    def open_writer(self) -> Any:
        """Return the end that the child gets."""
        reader, writer = os.pipe()
        self._writer = os.fdopen(writer, "w")
        self._pump = threading.Thread(target=self._read, args=(reader,), name="mcpflow-stderr", daemon=True)
        self._pump.start()
        return self._writer

    def close_writer(self) -> None:
        """Close our copy of that end, so that the pipe ends with the child."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _read(self, reader: int) -> None:
        rest = b""
        with os.fdopen(reader, "rb", buffering=0) as pipe:
            while chunk := pipe.read(8192):
                *lines, rest = (rest + chunk).split(b"\n")
                self._kept.extend(line.decode(errors="replace").rstrip()[:MAX_WIDTH] for line in lines)
                rest = rest[-MAX_BYTES:]
        if rest.strip():
            self._kept.append(rest.decode(errors="replace").rstrip()[:MAX_WIDTH])

    def settle(self, seconds: float = 0.5) -> None:
        """Wait a little for the last words of a child that ended."""
        if self._pump is not None:
            self._pump.join(seconds)

    def lines(self) -> tuple[str, ...]:
        """Return the last lines, oldest first."""
        return tuple(map(KNOWN.by_value, self._kept))
