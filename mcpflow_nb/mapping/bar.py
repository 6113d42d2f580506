"""One progress bar for all rows: in a notebook that somebody watches, and in a terminal; by tqdm."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any, Self

from mcpflow_nb.running.progress import is_watched


class Bar:
    """A bar while the block runs; `is_shown` None: where somebody watches."""

    def __init__(self, title: str, total: int, is_shown: bool | None) -> None:
        self._title, self._total, self._is_shown = title, total, is_shown
        self._bar: Any = None
        self._failed = 0

    def __enter__(self) -> Self:
        in_kernel = "ipykernel" in sys.modules and "IPython" in sys.modules
        hidden = not self._is_shown if self._is_shown is not None else (not is_watched() if in_kernel else None)
        if hidden is not True:
            from tqdm.auto import tqdm

            self._bar = tqdm(total=self._total, desc=self._title, unit="row", disable=hidden)  # type: ignore[call-arg]
        return self

    def tell(self, rows: int = 1, *, has_failed: bool) -> None:
        """Count more rows."""
        if self._bar is None or not rows:
            return
        if has_failed:
            self._failed += rows
            self._bar.set_postfix_str(f"{self._failed:,} not completed", refresh=False)
        self._bar.update(rows)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()
