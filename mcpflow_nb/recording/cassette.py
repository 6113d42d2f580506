"""Cassette: what was said to servers and what they answered, in order, as data and as one JSON file that can be read.

How one is made is in `recording.py`, how it answers in `replaying.py`, how its parts are written in `cassette_json.py`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from mcpflow_nb.errors import LoadError
from mcpflow_nb.exact import dumps, loads
from mcpflow_nb.files import write_whole
from mcpflow_nb.recording.cassette_json import needed, plain, plain_catalog, read, read_catalog, typed
from mcpflow_nb.records.record import Status
from mcpflow_nb.show import Shown, above
from mcpflow_nb.tools.catalog import Catalog, Tool
from mcpflow_nb.tools.results import text_of_content, value_of
from mcpflow_nb.values import is_version

if TYPE_CHECKING:
    import pandas as pd

    from mcpflow_nb.replaying.drift import Drift
    from mcpflow_nb.servers import Servers
    from mcpflow_nb.workflows.workflow import SequentialWorkflow

FORMAT_VERSION: Final = 1
FORMAT: Final = "mcpflow_nb_cassette"
"""The key of the version in a file; a file without it is no cassette."""
COLUMNS: Final = ("kind", "server", "name", "arguments", "status", "value", "error", "seconds")


@dataclass(frozen=True, slots=True)
class Interaction:
    """One call of a tool, or one reading of a resource, as it was sent, and what came of it.

    `name` is the tool or the URI. `raw` is the CallToolResult or ReadResourceResult, `protocol_error` the JSON-RPC error
    in its place, both plain JSON; `lost` says that the connection was of no more use. `seconds` is wall time and `started`
    UTC; both are None in what was read from a file, which keeps no times, so that two recordings can be compared.
    """

    kind: Literal["call", "read"]
    server: str
    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    status: Status = "ok"
    raw: Mapping[str, Any] | None = None
    error: str | None = None
    protocol_error: Mapping[str, Any] | None = None
    lost: bool = False
    seconds: float | None = field(default=None, compare=False)
    started: datetime | None = field(default=None, compare=False)

    def __repr__(self) -> str:
        return f"<Interaction {self.kind} {self.server}.{self.name}: {self.status}>"


class Cassette(Shown, Sequence[Interaction]):
    """The interactions of a session in the order they were sent, with what each server offered then.

    `catalogs` are by server. `workflows` are those whose runs sent something, in the form `to_json` saves, by name.
    """

    def __init__(
        self, interactions: Sequence[Interaction] = (), catalogs: Mapping[str, Catalog] | None = None,
        workflows: Mapping[str, dict[str, Any]] | None = None, name: str = "cassette",
    ) -> None:  # fmt: skip
        self.name = name
        self._held: tuple[tuple[Interaction, ...], Mapping[str, Catalog], Mapping[str, dict[str, Any]]] = (
            tuple(interactions), dict(catalogs or {}), dict(workflows or {}),
        )  # fmt: skip

    @property
    def interactions(self) -> tuple[Interaction, ...]:
        """All of them, oldest first."""
        return self._held[0]

    @property
    def catalogs(self) -> Mapping[str, Catalog]:
        """What each server offered, by the name the user gave it."""
        return self._held[1]

    @property
    def workflows(self) -> Mapping[str, dict[str, Any]]:
        """The workflows whose runs were recorded, in their saved form; of two with one name the later."""
        return self._held[2]

    def __len__(self) -> int:
        return len(self.interactions)

    def __getitem__(self, at: Any) -> Any:
        return self.interactions[at]

    def __iter__(self) -> Iterator[Interaction]:
        return iter(self.interactions)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Cassette) and self.text() == other.text()

    __hash__ = None  # type: ignore[assignment]

    def value(self, at: int) -> Any:
        """Return what a step would bind of an interaction: the value of a call, the contents of a resource.

        None where no result came, or the value is null.
        """
        one = self[at]
        if one.raw is None:
            return None
        if one.kind == "read":
            return one.raw.get("contents")
        catalog = self.catalogs.get(one.server, Catalog())
        return value_of(dict(one.raw), catalog.tools.get(one.name) or Tool(one.server, one.name)).value

    @property
    def df(self) -> pd.DataFrame:
        """One row an interaction, in the order they were sent; every column keeps its values as they are.

        Columns: `kind server name status` str, `arguments` dict, `value` any JSON value, `error` str (what a tool said
        that failed, too) or None, `seconds` float or None.
        """
        import pandas as pd

        rows = [
            [made[column] if column in made else getattr(one, column) for column in COLUMNS]
            for at, one in enumerate(self)
            for made in ({"value": self.value(at), "error": _error(one)},)
        ]
        return pd.DataFrame(rows, columns=list(COLUMNS), dtype=object)

    def text(self) -> str:
        """Return the file's text; every value is exact, NaN and big integers included."""
        return dumps(
            {
                FORMAT: FORMAT_VERSION,
                "interactions": [plain(one) for one in self],
                "workflows": dict(self.workflows),
                "servers": {name: plain_catalog(catalog) for name, catalog in self.catalogs.items()},
            },
            indent=2,
        ) + "\n"  # fmt: skip

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the file, whole or not at all, and return the path."""
        return write_whole(path, self.text())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Cassette:
        """Return the cassette of a file that `save` or `servers.record` wrote.

        Raises
        ------
        LoadError
            When it is no cassette, damaged, contradicts itself, or of a newer version; says where.
        """
        file = file_of(path, "cassette")
        problem = ""
        try:
            saved = loads(file.read_text("utf-8-sig"))
        except json.JSONDecodeError as error:
            problem = f"not JSON, or cut off: {error}"
        except OSError as error:
            problem = error.strerror or str(error)
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            problem = f"not as it was written: {error}"
        if problem:
            raise LoadError(f"cassette {file.name}: {problem}")
        return cls.from_saved(saved, file.name)

    @classmethod
    def from_saved(cls, saved: Any, name: str = "cassette") -> Cassette:
        """Return the cassette of the plain JSON value that a file holds; errors as for `load`."""
        if not isinstance(saved, dict) or FORMAT not in saved:
            problem = f'it has no "{FORMAT}"; mf.adopt_session(path) reads what other recorders write'
        elif not is_version(saved[FORMAT], FORMAT_VERSION):
            problem = f"version {saved[FORMAT]!r}; this mcpflow_nb reads version {FORMAT_VERSION}: update it"
        else:
            where = "it"
            try:
                interactions = []
                for at, item in enumerate(needed(saved, "interactions", list)):
                    where = f"interaction {at}"
                    interactions.append(Interaction(**read(item)))
                where, catalogs = "it", {}
                for server, item in needed(saved, "servers", dict).items():
                    where = f"server {server!r}"
                    catalogs[server] = read_catalog(server, item)
                where = "it"
                for key, item in needed(saved, "workflows", dict).items():
                    where = f"workflow {key!r}"
                    typed(item, dict)
                return cls(interactions, catalogs, saved["workflows"], name)
            except LookupError as error:
                problem = f"{where}{error}"
            except (TypeError, ValueError, AttributeError) as error:
                problem = f"{'' if where == 'it' else f'{where}: '}not as it was written: {error}"
        raise LoadError(f"cassette {name}: {problem}")

    def check(self, servers: Servers, *workflows: SequentialWorkflow) -> Drift:
        """Return what the tools declare otherwise than when this was recorded, and which bindings break; calls no tool.

        Looks at the workflows that were recorded, or at those given.
        """
        found: Drift = above("replaying.drift").drift(self, servers, workflows)
        return found

    __repr__ = Shown.__repr__


def file_of(path: Any, what: str) -> Path:
    """Return the path of a file to read.

    Raises
    ------
    LoadError
        For what is no path.
    """
    if not isinstance(path, str | os.PathLike):
        raise LoadError(f"{what}: give the path of a file, not {type(path).__name__}")
    return Path(path)


def is_cassette(file: Path) -> bool:
    """Tell whether a file is a cassette, of any version; says nothing of its parts."""
    try:
        saved = loads(file.read_text("utf-8-sig"))
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return False
    return isinstance(saved, dict) and FORMAT in saved


def _error(one: Interaction) -> str | None:
    """Return what went wrong in words, of a tool that failed its own; None where nothing did."""
    is_said = one.error is None and one.status == "tool_error"
    said = text_of_content(dict(one.raw or {})) if is_said else one.error
    return said or ("the tool reports an error without a word" if is_said else None)
