"""Where data meets what stands above it: its displays, and the verbs that need servers.

Data files know nothing of views, checks or runs. They reach them here, by the one late import of the package.
"""

from __future__ import annotations

import importlib
from typing import Any


def above(module: str) -> Any:
    """Return a module of this package that stands on a higher layer."""
    return importlib.import_module(f"mcpflow_nb.{module}")


class Shown:
    """An object with a view of its own in `views/`: text and HTML, never an exception, never the network."""

    def __repr__(self) -> str:
        return str(above("views").line(self))

    def __str__(self) -> str:
        return repr(self)

    def _repr_html_(self) -> str:
        return str(above("views").bundle(self)["text/html"])

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:  # noqa: ARG002
        bundle: dict[str, str] = above("views").bundle(self)
        return bundle
