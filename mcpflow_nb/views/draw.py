"""From DOT to SVG: which program draws, how long it may take, and what its drawing becomes.

The chain: `$MCPFLOW_DOT` (`pure`, `dot`, or a path), else the program of the graphviz-pure wheel, else the
system's `dot`, else no drawing and one sentence that says why. Nothing here raises.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import subprocess
from functools import cache, lru_cache
from pathlib import PurePath
from typing import Final, NamedTuple

from mcpflow_nb.views.html import Safe, joined, tag
from mcpflow_nb.views.marks import DARK
from mcpflow_nb.visible import visible

TIMEOUT_SECONDS: Final = 10.0
MAX_EDGES: Final = 400
MAX_SVG: Final = 512 * 1024
FONTS: Final = "Verdana, 'DejaVu Sans', 'Segoe UI', Helvetica, Arial, sans-serif"
_WHEEL: Final = "graphviz-pure"


class Drawing(NamedTuple):
    """An SVG, or None and the sentence that says why there is none."""

    svg: str | None
    note: str


def drawn(dot: str, edges: int, title: str, description: str, *, timeout_seconds: float = TIMEOUT_SECONDS) -> Drawing:
    """Return the drawing of a DOT text with that many edges; title and description are read to who cannot see it."""
    if edges > MAX_EDGES:
        return Drawing(None, f"not drawn: {edges} edges, at most {MAX_EDGES} stay readable; the table says the same")
    setting = os.environ.get("MCPFLOW_DOT") or "auto"
    program = _program(setting)
    if program is None:
        wanted = f"$MCPFLOW_DOT is {visible(setting)!r}, which is no program" if setting != "auto" else "no Graphviz"
        return Drawing(None, f"not drawn: {wanted}; pip install graphviz-pure. The table says the same")
    raw, note = _output(program, dot, timeout_seconds)
    if len(raw) > MAX_SVG:
        return Drawing(None, f"not drawn: {len(raw) // 1024:,} KB of SVG, at most {MAX_SVG // 1024} are shown")
    return Drawing(_finished(raw, title, description), "") if raw else Drawing(None, f"not drawn: {note}")


def _program(setting: str) -> str | None:
    if setting == "auto":
        return _pure() or shutil.which("dot")
    return _pure() if setting == "pure" else shutil.which(setting)


@cache
def _pure() -> str | None:
    """Return the program of the wheel, wherever it was put: its own list of files knows."""
    try:
        listed = importlib.metadata.files(_WHEEL) or []
    except importlib.metadata.PackageNotFoundError:
        listed = []
    for file in listed:
        if PurePath(file).name in (_WHEEL, f"{_WHEEL}.exe") and os.path.exists(found := str(file.locate())):
            return os.path.realpath(found)
    return shutil.which(_WHEEL)


@lru_cache(maxsize=128)
def _output(program: str, dot: str, timeout_seconds: float) -> tuple[str, str]:
    """Return what the program wrote, or nothing and why."""
    name = os.path.basename(program)
    try:
        done = subprocess.run(
            [program, "-Tsvg"], input=dot.encode("utf-8", "replace"), capture_output=True, timeout=timeout_seconds
        )
    except subprocess.TimeoutExpired:
        return "", f"{name} took longer than {timeout_seconds:g} s"
    except OSError as error:
        return "", f"{name} could not be started: {error.strerror}"
    text = done.stdout.decode("utf-8", "replace")
    if done.returncode or "<svg" not in text:
        said = visible(done.stderr.decode("utf-8", "replace").strip()[:200])
        return "", f"{name} failed with status {done.returncode}" + (f": {said}" if said else "")
    return text, ""


def _finished(svg: str, title: str, description: str) -> str:
    """Return the drawing without prolog and comments, with its words, its fonts and both themes."""
    body = re.sub(r"<!--.*?-->\s*", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    opening, rest = body[: body.index(">")], body[body.index(">") + 1 :]
    # The drawing is an image of its own: it follows the colour scheme of the page around it.
    words = joined(tag("title", title), tag("desc", description), tag("style", themes()))
    themed = opening + ' role="img">' + words + rest
    return themed.replace('font-family="Verdana"', f'font-family="{FONTS}"').strip()


@cache
def themes() -> Safe:
    """Return the style of a drawing that makes every colour of ours the one for a dark page."""
    dark = "".join(
        f'[fill="{light}"]{{fill:{dark}}}[stroke="{light}"]{{stroke:{dark}}}' for light, dark in DARK.items()
    )
    return Safe("@media (prefers-color-scheme: dark){" + dark + "}")
