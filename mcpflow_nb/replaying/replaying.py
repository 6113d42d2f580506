"""`mf.replay(cassette)`: servers that answer from a cassette, offline. Nothing is ever sent anywhere.

An answer is found by server, tool and arguments, and comes back as it was: result, error or lost connection. Dots in a
recorded value stand for a secret, and match whatever is there now.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from mcpflow_nb.connecting.calls import Answer
from mcpflow_nb.connecting.config import Spec
from mcpflow_nb.connecting.connections import Asked, Connection
from mcpflow_nb.connecting.sessions import Session
from mcpflow_nb.errors import ServerError, did_you_mean
from mcpflow_nb.exact import dumps
from mcpflow_nb.masking import MASK, Masks
from mcpflow_nb.recording.cassette import Cassette, Interaction
from mcpflow_nb.records.covering import secret_names, without
from mcpflow_nb.records.differences import ABSENT_WORD, Change, changes
from mcpflow_nb.servers import Servers
from mcpflow_nb.tools.catalog import Catalog, Tool
from mcpflow_nb.values import copied

_DOTS: Final = json.dumps(MASK)[1:-1]
MOST_CHANGES: Final = 5
MOST_SHOWN: Final = 60


def replay(cassette: Cassette | str | os.PathLike[str], *, repeat: bool = False) -> Replayed:
    """Return servers that answer from a cassette, or from its file; nothing else is connected or closed.

    Parameters
    ----------
    cassette
        What was recorded: the n-th call with the same arguments gets the n-th answer.
    repeat
        Whether a call gets its last answer again when it is made more often than it was recorded.

    Raises
    ------
    LoadError
        When the file is no cassette.
    """
    return Replayed(cassette if isinstance(cassette, Cassette) else Cassette.load(cassette), repeat=repeat)


class Replayed(Servers):
    """Servers that answer from `cassette`."""

    def __init__(self, cassette: Cassette, *, repeat: bool = False) -> None:
        self.cassette = cassette
        self._tape = _Tape(cassette, repeat=repeat)
        names = dict.fromkeys([*cassette.catalogs, *(one.server for one in cassette)])
        super().__init__({name: RecordedConnection(name, self._tape) for name in names})

    @property
    def unused(self) -> tuple[Interaction, ...]:
        """What was recorded and nobody has asked for, in the order of the cassette."""
        return tuple(one for at, one in enumerate(self._tape.interactions) if at not in self._tape.used)

    def rewind(self) -> Replayed:
        """Begin again: every answer can be given once more. Returns these servers."""
        self._tape.used.clear()
        return self

    __repr__ = Servers.__repr__


class _Tape:
    """The interactions of a cassette, and which were used."""

    def __init__(self, cassette: Cassette, *, repeat: bool) -> None:
        self.cassette, self.repeat = cassette, repeat
        self.interactions = tuple(cassette)
        self.used: set[int] = set()
        self._exact: dict[str, list[int]] = {}
        self._dotted: list[int] = []
        for at, one in enumerate(self.interactions):
            key = _key(one.server, one)
            self._exact.setdefault(key, []).append(at)
            self._dotted += [at] if _DOTS in key else []

    def answer(self, server: str, asked: Asked) -> Answer:
        """Return the next answer that was recorded to this, or one that says why there is none."""
        masked = Masks().masked(without(asked.arguments, secret_names(asked.workflow)))
        now = asked._replace(arguments=masked, name=asked.name if asked.kind == "call" else Masks().masked(asked.name))
        same = self._same(server, now)
        left = [at for at in same if at not in self.used]
        if not left and not (same and self.repeat):
            return Answer("not_sent", error=self._refused(server, now, len(same)))
        at = left[0] if left else same[-1]
        one = self.interactions[at]
        self.used.add(at)
        return Answer(one.status, copied(one.raw), one.error, one.lost, copied(one.protocol_error))

    def _same(self, server: str, asked: Asked) -> list[int]:
        """Return the places of what was asked with the same arguments, in order; then those that match by their dots."""
        key = _key(server, asked)
        places = self._exact.get(key, [])
        for at in range(len(self.interactions)) if _DOTS in key else self._dotted:
            one = self.interactions[at]
            if (one.server, one.kind) == (server, asked.kind) and fits(one.name, asked.name) and at not in places:
                places = [*places, at] if fits(one.arguments, asked.arguments) else places
        return places

    def _refused(self, server: str, asked: Asked, recorded: int) -> str:
        what = f"{server}.{asked.name}" if asked.kind == "call" else f"resource {asked.name!r} of server {server!r}"
        if recorded:
            more = "mf.replay(..., repeat=True) answers again, servers.rewind() begins again"
            said = f"was recorded {_times(recorded)} with these arguments, and asked once more"
            return f"{self.cassette.name}: {what} {said}; {more}"
        kin = [one for one in self.interactions if (one.server, one.kind) == (server, asked.kind)]
        named = [one for one in kin if one.name == asked.name]
        if not named:
            known = dict.fromkeys(one.name for one in kin)
            word = "call" if asked.kind == "call" else "reading"
            return f"{self.cassette.name}: no {word} of {what} was recorded{did_you_mean(asked.name, known)}"
        nearest = min((list(changes(one.arguments, asked.arguments)) for one in named), key=len)
        said = "; ".join(map(_changed, nearest[:MOST_CHANGES]))
        more = f" and {len(nearest) - MOST_CHANGES} more" if len(nearest) > MOST_CHANGES else ""
        return (
            f"{self.cassette.name}: {what} was recorded {_times(len(named))}, but not with these arguments; "
            f"the nearest differs (recorded → asked): {said}{more}"
        )


class RecordedConnection(Connection):
    """One recorded server: what it offered, and its answers. Never opened, never lost."""

    def __init__(self, name: str, tape: _Tape) -> None:
        super().__init__(Spec(name, "recorded", tape.cassette.name, source="recorded"))
        self.catalog = tape.cassette.catalogs.get(name, Catalog())
        self.state = "open"
        self._tape = tape

    async def open(self) -> Session:
        """Refuse: there is no session.

        Raises
        ------
        ServerError
            Always.
        """
        raise ServerError(self.name, f"server {self.name!r} answers from {self.target}; there is nothing to open")

    async def refresh(self) -> None:
        """Do nothing: what was offered is what was recorded."""

    async def _ask(
        self,
        asked: Asked,
        request: Callable[[Any], Awaitable[Answer]],  # noqa: ARG002
        pin: Tool | None = None,  # noqa: ARG002
    ) -> Answer:
        if self._has_ended():
            return Answer("not_sent", error=f"server {self.name!r} is closed; replay it again: mf.replay(...)")
        answer = self._tape.answer(self.name, asked)
        if answer.status != "not_sent":
            for tell in self._sent(asked):
                tell(answer)
        return answer


def fits(recorded: Any, asked: Any) -> bool:
    """Tell whether two JSON values are the same; 1, 1.0 and true are three, and dots match any text in their place.

    >>> fits({"auth": "Bearer ••••", "n": 1}, {"n": 1, "auth": "Bearer x"}), fits(1, True)
    (True, False)
    """
    if isinstance(recorded, str) and isinstance(asked, str):
        return recorded == asked or _is_like(recorded, asked) or _is_like(asked, recorded)
    if isinstance(recorded, Mapping) and isinstance(asked, Mapping):
        return recorded.keys() == asked.keys() and all(fits(item, asked[key]) for key, item in recorded.items())
    if isinstance(recorded, list) and isinstance(asked, list):
        return len(recorded) == len(asked) and all(map(fits, recorded, asked))
    return type(recorded) is type(asked) and json.dumps(recorded) == json.dumps(asked)


def _key(server: str, asked: Asked | Interaction) -> str:
    return json.dumps([server, asked.kind, asked.name, asked.arguments], sort_keys=True)


def _is_like(pattern: str, text: str) -> bool:
    parts = map(re.escape, pattern.split(MASK))
    return MASK in pattern and re.fullmatch(".*".join(parts), text, re.DOTALL) is not None


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _changed(change: Change) -> str:
    sides = ((change.left, change.has_left), (change.right, change.has_right))
    shown = [_short(dumps(side)) if is_there else ABSENT_WORD for side, is_there in sides]
    return f"{change.what}: {shown[0]} → {shown[1]}"


def _short(text: str) -> str:
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"
