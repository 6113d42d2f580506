"""What a run was asked before its first step, and what is left of it when it stops: plain data beside the records.

A conversation is made from these and the records alone, so that no prose is ever read back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

from mcpflow_nb.values import copied


@dataclass(frozen=True, slots=True)
class Planned:
    """One line of the plan: a step, the tool it calls as the server describes it, or how many resources it fetches."""

    step: str
    server: str | None
    tool: str | None
    description: str = ""
    resources: int = 0


@dataclass(frozen=True, slots=True)
class Ahead:
    """A step that is left: `arguments` have a value, `unknown` say where theirs would come from.

    `missing` has each parameter that nothing feeds, with its JSON Schema.
    """

    step: str
    server: str | None
    tool: str | None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    unknown: Mapping[str, str] = field(default_factory=dict)
    missing: Mapping[str, Any] = field(default_factory=dict)
    resources: tuple[str, ...] = ()
    guidance: str | None = None

    def plain(self) -> dict[str, Any]:
        """Return it as JSON data, without what it does not have."""
        kept = {key: value for key, value in asdict(self).items() if value or key in ("step", "arguments")}
        return {**kept, "resources": list(self.resources)} if self.resources else kept


@dataclass(frozen=True, slots=True)
class Outline:
    """The request: description, instructions, the arguments as given, and the plan."""

    description: str = ""
    instructions: tuple[str, ...] = ()
    given: Mapping[str, Any] = field(default_factory=dict)
    plan: tuple[Planned, ...] = ()

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """Return the outline of what `dataclasses.asdict` gave."""
        plan = tuple(Planned(**line) for line in plain["plan"])
        return cls(plain["description"], tuple(plain["instructions"]), dict(plain["given"]), plan)


def copied_outline(outline: Outline) -> Outline:
    """Return an outline that its reader may change."""
    return replace(outline, given=copied(outline.given))


def ahead_from_plain(plain: Mapping[str, Any]) -> Ahead:
    """Return the step of what `dataclasses.asdict` gave."""
    return Ahead(**{**plain, "resources": tuple(plain["resources"])})
