"""One updating line while a call takes long: the step, the seconds, and what the server says of its progress.

Shown only where somebody watches: in a notebook whose front end can also ask for input, after one second.
"""

from __future__ import annotations

import asyncio
import sys
import time
from contextvars import ContextVar
from typing import Any, Final

from mcpflow_nb.connecting.calls import Progress
from mcpflow_nb.masking import KNOWN
from mcpflow_nb.views.html import tag
from mcpflow_nb.visible import visible

FIRST_SECONDS: Final = 1.0
EVERY_SECONDS: Final = 0.5
quiet: Final[ContextVar[bool]] = ContextVar("quiet", default=False)
"""Whether a line for all stands in the place of a line a call."""


def is_watched() -> bool:
    """Tell whether a person watches this cell; nbclient and scripts do not."""
    ipython = sys.modules.get("IPython")
    shell: Any = ipython.get_ipython() if ipython else None
    kernel = getattr(shell, "kernel", None)
    return bool(kernel is not None and getattr(kernel, "_allow_stdin", False))


def is_attended() -> bool:
    """Tell whether a person is here: at a notebook, or at a terminal."""
    if is_watched():
        return True
    shell = sys.modules.get("IPython")
    is_kernel = shell is not None and getattr(shell.get_ipython(), "kernel", None) is not None
    return not is_kernel and sys.stdin is not None and sys.stdin.isatty()


class watching:  # noqa: N801 - reads as a sentence: `async with watching("step 'pay'") as progress`
    """Show progress of a call while the block runs; gives the callback for the server's own reports, or None."""

    def __init__(self, what: str) -> None:
        self.what = what
        self._latest: list[tuple[float, float | None, str | None]] = []
        self._ticker: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Progress | None:
        """Begin to show where somebody watches; a class, for it stands around every step."""
        if quiet.get() or not is_watched():
            return None
        self._ticker = asyncio.create_task(_tick(self.what, self._latest))
        return self._report

    async def _report(self, progress: float, total: float | None, message: str | None) -> None:
        if not self._latest or progress >= self._latest[0][0]:  # reports may come out of order
            self._latest[:] = [(progress, total, KNOWN.by_value(message))]

    async def __aexit__(self, *_: object) -> None:
        if self._ticker is not None:
            self._ticker.cancel()
            await asyncio.wait([self._ticker])  # not `await`: a cancellation of the call would look like the ticker's


async def _tick(what: str, latest: list[tuple[float, float | None, str | None]]) -> None:
    begun, handle = time.monotonic(), None
    try:
        await asyncio.sleep(FIRST_SECONDS)
        while True:
            handle = _shown(handle, sentence(what, time.monotonic() - begun, latest[0] if latest else None))
            await asyncio.sleep(EVERY_SECONDS)
    finally:
        if handle is not None:
            _shown(handle, f"{what}: {time.monotonic() - begun:.1f} s")


def sentence(what: str, seconds: float, report: tuple[float, float | None, str | None] | None) -> str:
    """Return the line that is shown.

    >>> sentence("step 'pay'", 2.04, (1.0, 4.0, "half"))
    "step 'pay': 2.0 s, 1 of 4, half"
    """
    parts = [f"{seconds:.1f} s"]
    if report is not None:
        progress, total, message = report
        parts.append(f"{progress:g} of {total:g}" if total else f"{progress:g}")
        if message:
            parts.append(visible(message[:120]))
    return f"{what}: " + ", ".join(parts)


def _shown(handle: Any, text: str) -> Any:
    from IPython.display import display

    bundle = {"text/plain": text, "text/html": str(tag("div", text))}
    if handle is None:
        return display(bundle, raw=True, display_id=True)  # type: ignore[no-untyped-call]
    handle.update(bundle, raw=True)
    return handle
