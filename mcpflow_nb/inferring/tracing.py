"""Value provenance: each argument of each recorded call, traced to where its value stood before.

A value can stand in an earlier output, or have come from outside: given as a workflow argument, or seen in the
arguments of an earlier call. All places are kept; the one with the best evidence is chosen, the earliest of equals.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from mcpflow_nb.exact import SURROGATE
from mcpflow_nb.inferring.evidence import is_masked, key_of, kinship, parts_of, rarity
from mcpflow_nb.inferring.observed import Call
from mcpflow_nb.paths import Path

SETTINGS: Final = frozenset({
    "template", "format", "mode", "kind", "type", "style", "status", "state", "priority", "method", "encoding", "unit",
    "units", "sort", "order", "depth", "limit", "page", "action", "operation", "scope", "channel", "verbosity", "focus",
    "visibility", "severity", "fields", "include",
})  # fmt: skip
"""Names of parameters whose values are part of the plan more often than of the request."""
ENOUGH: Final = 0.5
"""A place is proposed when its evidence is above it."""
CLOSE: Final = 0.15
"""Of places whose evidence differs by less, the earliest is proposed, where the value is rare."""
MOST_PLACES: Final = 200
"""Places of one value that are looked at; the earliest."""
OUTSIDE: Final = 0.4
"""How much it says for a value from outside that it was given once already."""


@dataclass(eq=False)
class Outside:
    """A value that came from outside: who used it under which name, and `given` where the reader named it."""

    value: Any
    given: str | None = None
    uses: list[Leaf] = field(default_factory=list)

    @property
    def whole_uses(self) -> list[Leaf]:
        """The uses of all of it, not of a part."""
        return [leaf for leaf in self.uses if leaf.chosen is None or not leaf.chosen.place.path]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stood: in the output of a call (its index), or outside; `when` orders both in time."""

    owner: int | Outside
    path: Path
    when: int
    maker: str


@dataclass(frozen=True, slots=True)
class Found:
    """A place with what speaks for it."""

    place: Place
    score: float
    why: str


@dataclass(eq=False)
class Leaf:
    """One value of an argument: where it stands, every place where it stood before, and which of them was chosen."""

    call: int
    path: Path
    value: Any
    places: tuple[Found, ...] = ()
    chosen: Found | None = None
    outside: Outside | None = None

    @property
    def parameter(self) -> str:
        """The name it goes by: the last name of its path."""
        return str(next(key for key in reversed(self.path) if isinstance(key, str)))

    @property
    def is_read(self) -> bool:
        """Whether it was traced to the output of a call."""
        return self.chosen is not None and isinstance(self.chosen.place.owner, int)


Node = Leaf | dict[str, Any] | list[Any]


class Tracing:
    """What was seen so far of a session. `trees` has the arguments of each call: a leaf, or an object or list of them."""

    def __init__(self, calls: Sequence[Call], given: Mapping[str, Any]) -> None:
        self.calls = calls
        self.trees: list[dict[str, Node]] = []
        self._places: dict[str, list[Place]] = {}
        self.outsides: list[Outside] = []
        for name, value in given.items():
            self._see(Outside(value, name), value, -1, name)
        for at, call in enumerate(calls):
            self.trees.append(
                {name: self._settled(self._node(at, (name,), value)) for name, value in call.arguments.items()}
            )
            self._keep(at, call.value, 2 * at + 1, call.tool)

    def leaves(self) -> Iterator[Leaf]:
        """Give every leaf in the order of the calls."""
        for tree in self.trees:
            yield from leaves_of(tree)

    def _see(self, outside: Outside, value: Any, when: int, name: str) -> None:
        self.outsides.append(outside)
        self._keep(outside, value, when, name)

    def _keep(self, owner: int | Outside, value: Any, when: int, maker: str) -> None:
        for path, _, key in parts_of(value):
            if any(isinstance(name, str) and SURROGATE.search(name) for name in path):
                continue  # no source can name it
            places = self._places.setdefault(key, [])
            if len(places) < MOST_PLACES:
                places.append(Place(owner, path, when, maker))

    def _node(self, call: int, path: Path, value: Any) -> Node:
        leaf = Leaf(call, path, value)
        leaf.places = tuple(self._found(leaf))
        leaf.chosen = _best(leaf)
        if leaf.chosen is not None or not isinstance(value, dict | list) or not value:
            return leaf
        if isinstance(value, dict):  # its parts have names of their own
            return {key: self._node(call, (*path, key), item) for key, item in value.items()}
        nodes = [self._node(call, (*path, at), item) for at, item in enumerate(value)]
        return nodes if any(one.chosen for one in leaves_of(nodes)) else leaf

    def _settled(self, node: Node) -> Node:
        """Return an argument whose leaves that no output gave have come from outside, to be found there from now on."""
        for leaf in leaves_of(node):
            owner = leaf.chosen.place.owner if leaf.chosen is not None else None
            if owner is None:
                owner = Outside(leaf.value)
                self._see(owner, leaf.value, 2 * leaf.call, leaf.parameter)
            if isinstance(owner, Outside):
                leaf.outside = owner
                owner.uses.append(leaf)
        return node

    def _found(self, leaf: Leaf) -> Iterator[Found]:
        rare = rarity(leaf.value)
        for place in self._places.get(key_of(leaf.value), ()):
            near, why, once = *self._near(leaf, place), 0.0
            if leaf.parameter.lower() in SETTINGS and rare < ENOUGH:
                near /= 2
            if isinstance(place.owner, Outside) and not place.path and not is_masked(leaf.value):
                once = OUTSIDE
            yield Found(place, round(1 - (1 - rare) * (1 - near) * (1 - once), 2), why)

    def _near(self, leaf: Leaf, place: Place) -> tuple[float, str]:
        if place.path or not isinstance(place.owner, Outside):
            return kinship(leaf.parameter, place.path, place.maker)
        names = {place.maker, *(use.parameter for use in place.owner.whole_uses)}
        return max(kinship(leaf.parameter, (name,), "") for name in sorted(names))


def leaves_of(node: Any) -> Iterator[Leaf]:
    """Give the leaves of an argument, or of several."""
    if isinstance(node, Leaf):
        yield node
    else:
        for part in node.values() if isinstance(node, dict) else node:
            yield from leaves_of(part)


def _best(leaf: Leaf) -> Found | None:
    """Return the place to propose, or None where the evidence of none is enough."""
    enough = [found for found in leaf.places if found.score > ENOUGH]
    if not enough:
        return None
    best = max(found.score for found in enough)
    tolerance = CLOSE if rarity(leaf.value) >= ENOUGH else 0
    near = [found for found in enough if found.score >= best - tolerance]
    return min(near, key=lambda found: (found.place.when, -found.score, len(found.place.path)))
