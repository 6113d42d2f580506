"""Recording: a cassette that is being made. It listens where every call and every reading passes, and sends nothing.

What was sent is kept, with its secrets masked; the file is written again after each interaction, at most a twentieth of
the time, and at the end.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self

from mcpflow_nb.connecting.calls import Answer
from mcpflow_nb.connecting.config import secrets_of
from mcpflow_nb.connecting.connections import Asked, Connection
from mcpflow_nb.errors import CassetteError
from mcpflow_nb.masking import KNOWN, Masks
from mcpflow_nb.recording.cassette import Cassette, Interaction, is_cassette
from mcpflow_nb.recording.redaction import masked_catalog, masked_interaction, masked_plan
from mcpflow_nb.records.covering import covered_raw, secret_names, without
from mcpflow_nb.tools.catalog import Catalog
from mcpflow_nb.values import copied
from mcpflow_nb.workflows.workflow import SequentialWorkflow

UNANSWERED: Final = "no answer had come when the recording was written"
TOO_DEEP: Final = "it ran, but its output is nested too deep to keep"
MOST_DEPTH: Final = 200
SHARE: Final = 20
"""The file is written again when this many times the time that writing takes have passed."""
_under_way: Final[dict[Path, Recording]] = {}


class Recording(Cassette):
    """What is said to servers from `start` to `stop`, also as a `with` block; as data it is a cassette all the time.

    A cassette that is there is replaced, and no other file. A path belongs to one recording: to start on it again ends
    the one before, so a cell can run twice. Connections that are made meanwhile are not listened to. `mf.replay(path)`
    answers from it.
    """

    def __init__(self, connections: Mapping[str, Connection], path: str | os.PathLike[str]) -> None:
        if not isinstance(path, str | os.PathLike):
            raise CassetteError(f"servers.record(path): give the path of a file, not {type(path).__name__}")
        self.path = Path(path).absolute()
        super().__init__(name=self.path.name)
        self._connections = connections
        self._heard: list[Interaction] = []
        self._ran: dict[str, Any] = {}
        self._given = Masks(value for one in connections.values() for value in secrets_of(one.spec))
        self._masks = Masks(self._given.values)
        self._known = 0
        self._shown: list[Interaction] = []
        self._is_begun = self._is_on = self._is_block = self._is_due = False
        self._pause = 0.0
        self._lock = threading.RLock()

    @property
    def interactions(self) -> tuple[Interaction, ...]:
        """All that was sent so far, in the order it was sent, as it is written: masked."""
        with self._lock:
            if not self._is_on:
                return self._held[0]
            if len(KNOWN.values) != self._known:
                self._shown, self._known = [], len(KNOWN.values)
            self._shown += [masked_interaction(one, self._masks) for one in self._heard[len(self._shown) :]]
            return tuple(self._shown)

    @property
    def catalogs(self) -> Mapping[str, Catalog]:
        """What each server offers; one that was never open is left out."""
        if not self._is_on:
            return self._held[1]
        found = {name: one.catalog for name, one in self._connections.items() if one.catalog != Catalog()}
        return {name: masked_catalog(catalog, self._given) for name, catalog in found.items()}

    @property
    def workflows(self) -> Mapping[str, dict[str, Any]]:
        """The workflows whose runs sent something, in their saved form, by name."""
        if not self._is_on:
            return self._held[2]
        return {name: masked_plan(_saved(workflow), self._masks) for name, workflow in self._ran.items()}

    def start(self) -> Self:
        """Begin to listen, and return this recording; calls nothing.

        Raises
        ------
        CassetteError
            When the file cannot be written there, or is one that is no cassette; it was begun already, or a `with` block is
            writing the same file.
        """
        before = _under_way.get(self.path)
        if self._is_begun:
            raise CassetteError(f"recording {self.name!r} has begun already: servers.record(path) makes a new one")
        if before is not None and before._is_block:
            raise CassetteError(f"recording {self.name!r}: an outer `with` block writes this file; give another path")
        folder = self.path.parent
        if not (folder.is_dir() and os.access(folder, os.W_OK)) or self.path.is_dir():
            what = "is a folder" if self.path.is_dir() else f"needs a folder {str(folder)!r} that can be written"
            raise CassetteError(f"recording {self.name!r} {what}; give the path of a file")
        if self.path.exists() and self.path.stat().st_size and not is_cassette(self.path):
            why = "there is a file of that name that is no cassette, and it would be replaced"
            raise CassetteError(f"recording {self.name!r}: {why}; give another path, or remove that file")
        if before is not None:
            before.stop()
        _under_way[self.path] = self
        self._is_begun = self._is_on = True
        for connection in self._connections.values():
            connection.listeners.append(self._listen)
        return self

    def stop(self) -> Self:
        """Listen no more, write the file, and return this cassette; a second time does nothing.

        What is still under way is in it as sent, with the status `unknown`.
        """
        with self._lock:
            if not self._is_on:
                return self
            self._held = self.interactions, self.catalogs, self.workflows
            self._is_on = False
            self._heard.clear()
            del _under_way[self.path]
            for connection in self._connections.values():
                connection.listeners.remove(self._listen)
            self.save(self.path)
        return self

    def __enter__(self) -> Self:
        self.start()
        self._is_block = True
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(self, *_: object) -> None:
        self.stop()

    def _listen(self, server: str, asked: Asked) -> Callable[[Answer], None]:
        clock, secret = time.perf_counter(), secret_names(asked.workflow)
        sent = Interaction(
            asked.kind, server, asked.name, without(copied(dict(asked.arguments)), secret), "unknown", error=UNANSWERED,
            started=datetime.now(UTC),
        )  # fmt: skip
        with self._lock:
            at = len(self._heard)
            self._heard.append(sent)
            if asked.workflow is not None:
                self._ran[asked.workflow.name] = asked.workflow

        def tell(answer: Answer) -> None:
            self._put(at, replace(sent, **_kept(answer, secret), seconds=time.perf_counter() - clock))

        return tell

    def _put(self, at: int, made: Interaction) -> None:
        """Take an answer, and write the file when it is time."""
        with self._lock:
            if not self._is_on:
                return
            self._heard[at] = made
            known = len(self._masks.values)
            self._masks.learn([made.arguments, made.raw, made.protocol_error, made.error])
            self._shown = self._shown[:at] if len(self._masks.values) == known else []
            if not self._is_due:
                self._is_due = True
                asyncio.get_running_loop().call_later(self._pause, self._write)

    def _write(self) -> None:
        with self._lock:
            self._is_due = False
            if self._is_on:
                clock = time.perf_counter()
                with suppress(OSError):  # `stop` writes again, and says it
                    self.save(self.path)
                self._pause = SHARE * (time.perf_counter() - clock)


def _kept(answer: Answer, secret: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return what of an answer is kept, copied: its reader may change it."""
    if _is_deep(answer.raw, MOST_DEPTH):
        return {"status": "invalid_output", "error": TOO_DEEP}
    raw = copied(answer.raw)
    return {
        "status": answer.status, "raw": covered_raw(raw, secret) if secret else raw, "error": answer.error,
        "protocol_error": copied(answer.protocol_error), "lost": answer.lost,
    }  # fmt: skip


def _is_deep(value: Any, left: int) -> bool:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return left == 0 or any(_is_deep(item, left - 1) for item in items)


def _saved(workflow: SequentialWorkflow) -> dict[str, Any]:
    held = tuple(one for one in workflow.breakpoints if not one.is_function)  # no file can hold a function
    saved: dict[str, Any] = json.loads(workflow.model_copy(update={"breakpoints": held}).to_json())
    return saved
