"""`mf.infer(session)`: the workflow behind a recorded session, each edge with its evidence; nothing is guessed away.

What no output gave is an argument of the workflow or a constant: `_is_constant` says which. To weigh it otherwise,
give the arguments that the session had: `mf.infer(session, arguments={...})`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

from mcpflow_nb.errors import NotJsonError, TraceError
from mcpflow_nb.inferring.evidence import is_masked, is_word, rarity
from mcpflow_nb.inferring.observed import Call, calls_of, names_of
from mcpflow_nb.inferring.proposal import Edge, Proposal
from mcpflow_nb.inferring.tracing import CLOSE, ENOUGH, SETTINGS, Found, Leaf, Node, Outside, Place, Tracing
from mcpflow_nb.masking import is_secret
from mcpflow_nb.values import Frozen, jsonable
from mcpflow_nb.workflows.printing import code_of
from mcpflow_nb.workflows.sources import Constant, FromStep, PromptArg, Source
from mcpflow_nb.workflows.workflow import SequentialWorkflow

RARE: Final = 0.5
"""Rarity from which a setting, a number, or an item of a list is taken for part of the request."""
COMMON: Final = 0.3
KINDS: Final = {bool: bool, int: int, float: float, list: list, dict: dict}


def infer(session: Any, *, name: str = "", arguments: Mapping[str, Any] | None = None) -> Proposal:
    """Propose the workflow behind a recorded session: a run, a trace, a cassette, or any sequence of calls with values.

    Every value that was passed is traced to where it stood before. `arguments` are those the session was started with,
    where they are known; a trace's own are not looked at.

    Raises
    ------
    TraceError
        When it is no recorded session, no call in it gave a value, or an argument is no JSON value.
    """
    session = getattr(session, "trace", session)
    calls, left_out = calls_of(session)
    given = _given(arguments)
    tracing = Tracing(calls, {key: value for key, value in given.items() if value is not None})
    inference = _Inference(calls, tracing)
    used = {name for name, outside in inference.arguments.items() if outside.given is not None}
    left_out += tuple(f"argument {key!r} was not found in any call" for key in given if key not in used)
    title = name or str(getattr(session, "workflow", "") or "") or "inferred"
    workflow = inference.workflow(title)
    values = {key: outside.value for key, outside in inference.arguments.items()}
    return Proposal(workflow, tuple(inference.edges()), values, left_out)


def _given(arguments: Mapping[str, Any] | None) -> dict[str, Any]:
    problem = None if isinstance(arguments, Mapping | None) else f"not {type(arguments).__name__}"
    if problem is None:
        try:
            return dict(jsonable(dict(arguments or {})))
        except NotJsonError as error:
            problem = str(error)
    raise TraceError(f"infer: arguments are a mapping of names to JSON values: {problem}")


class _Inference:
    """The answer to each leaf: what it reads, or its constant."""

    def __init__(self, calls: tuple[Call, ...], tracing: Tracing) -> None:
        self.calls, self.tracing = calls, tracing
        self.names = tuple(names_of(calls))
        self.arguments: dict[str, Outside] = {}
        self._name_of: dict[int, str] = {}
        for outside in tracing.outsides:
            if outside.given is not None and outside.uses:
                self._name(outside, outside.given)
        for outside in tracing.outsides:
            if outside.given is None and not self._is_constant(outside):
                self._name(outside, _common_name(outside))

    def _name(self, outside: Outside, wanted: str) -> None:
        step = self.names[outside.uses[0].call]
        tries = [wanted, f"{step}_{wanted}", *(f"{wanted}_{number}" for number in range(2, len(self.arguments) + 3))]
        name = next(one for one in tries if one not in self.arguments)
        self.arguments[name] = outside
        self._name_of[id(outside)] = name

    def _is_constant(self, outside: Outside) -> bool:
        value, rare, uses = outside.value, rarity(outside.value), outside.whole_uses
        is_repeated, is_first = len({use.call for use in uses}) > 1, uses[0].call == 0
        if any(is_secret(use.parameter) for use in uses) or is_masked(value):
            return value is None  # a secret is given to a run; it does not stand in code
        if rare == 0:
            return True
        if all(use.parameter.lower() in SETTINGS for use in uses):
            return not is_repeated or rare < RARE
        if is_repeated or self._is_listed(uses[0]):
            return not is_repeated
        if isinstance(value, list):
            return all(rarity(item) < RARE for item in value)
        return not is_first and (is_word(value) if isinstance(value, str) else rare < RARE)

    def _is_listed(self, leaf: Leaf) -> bool:
        schema = self.calls[leaf.call].schemas.get(str(leaf.path[0]))
        return len(leaf.path) == 1 and isinstance(schema, dict) and ("enum" in schema or "const" in schema)

    def workflow(self, name: str) -> SequentialWorkflow:
        """Return the workflow: arguments in the order of their use, a step a call, a binding where one is read."""
        count = len(self.calls)
        made = SequentialWorkflow(name, f"Inferred from {count} recorded call{'s' if count != 1 else ''}")
        for argument, outside in self.arguments.items():
            made = made.argument(argument, type=KINDS.get(type(outside.value), str))
        read = {leaf.chosen.place.owner for leaf in self.tracing.leaves() if leaf.is_read and leaf.chosen}
        for at, call in enumerate(self.calls):
            has_dot = call.server.strip() and "." in call.tool + call.server
            place = {"tool": call.tool, "server": call.server} if has_dot else {}
            place = place or {"tool": f"{call.server}.{call.tool}" if call.server.strip() else call.tool}
            args = {key: self._value(node) for key, node in self.tracing.trees[at].items()}
            more = {"bind": self._binding(at)} if at in read else {}
            made = made.step(self.names[at], args=args, **place, **more)
        return made

    def _binding(self, at: int) -> str:
        return f"{self.names[at]}_result"

    def _value(self, node: Node) -> Any:
        """Return a source, or for constants their plain value."""
        if isinstance(node, Leaf):
            source = self.source(node)
            return source.value if isinstance(source, Constant) else source
        if isinstance(node, dict):
            return {key: self._value(part) for key, part in node.items()}
        return [self._value(part) for part in node]

    def source(self, leaf: Leaf) -> Source:
        """Return what a leaf reads, or its constant."""
        place = leaf.chosen.place if leaf.chosen is not None else None
        own = Place(leaf.outside, (), 0, "") if leaf.outside is not None else None
        return self._at(place or own) or Constant(frozen=Frozen(leaf.value))

    def _at(self, place: Place | None) -> Source | None:
        if place is None:
            return None
        if not isinstance(place.owner, Outside):
            return FromStep(name=self._binding(place.owner), path=place.path)
        name = self._name_of.get(id(place.owner))
        return PromptArg(name=name, path=place.path) if name is not None else None

    def edges(self) -> Iterator[Edge]:
        """Give the edges in the order of the calls."""
        for leaf in self.tracing.leaves():
            source = self.source(leaf)
            kind = source.reads[0].kind if source.reads else "constant"
            yield Edge(
                self.names[leaf.call], leaf.path, kind, code_of(source), leaf.value,
                *self._evidence(leaf, kind), *self._others(leaf, source),
            )  # fmt: skip

    def _evidence(self, leaf: Leaf, kind: str) -> tuple[float, str]:
        rare, value = rarity(leaf.value), _kind_words(leaf.value)
        if kind == "binding" and leaf.chosen is not None:
            at = leaf.chosen.place.owner
            words = [
                f"stands in the output of {self.names[at]!r}" if isinstance(at, int) else "",
                leaf.chosen.why,
                value,
            ]
            return leaf.chosen.score, "; ".join(filter(None, words))
        if kind == "constant" or leaf.outside is None:
            why = "no place has enough evidence" if leaf.places else "it stood nowhere before"
            return (0.9 if rare == 0 else 0.75 if rare < COMMON else 0.6), f"{value}; {why}"
        if leaf.outside.given is not None and leaf.chosen is not None:
            return leaf.chosen.score, "; ".join(filter(None, ["equals the given argument", leaf.chosen.why, value]))
        steps = {use.call for use in leaf.outside.whole_uses}
        if len(steps) > 1:
            return round(1 - (1 - rare) * 0.5, 2), f"no output gave it first, and {len(steps)} calls use it; {value}"
        is_likely = leaf.call == 0 and rare >= COMMON
        doubt = "" if is_likely else ", so it may be a constant"
        return (0.6 if is_likely else 0.5), f"no output gave it, and one call uses it{doubt}; {value}"

    def _others(self, leaf: Leaf, source: Source) -> tuple[tuple[str, ...], bool]:
        """Return the code of every other place with this value, the best first, and whether one is as good."""
        best = leaf.chosen.score if leaf.chosen is not None else ENOUGH
        ranked: dict[str, Found] = {}
        for found in sorted(leaf.places, key=lambda one: (-one.score, one.place.when)):
            other = self._at(found.place)
            if other is not None and other != source:
                ranked.setdefault(code_of(other), found)
        is_near = any(found.score >= best - CLOSE and (found.why or best > ENOUGH) for found in ranked.values())
        return tuple(ranked), is_near


def _common_name(outside: Outside) -> str:
    """Return the name most calls use for it; of equals the longest, which says most."""
    counted = Counter(use.parameter for use in outside.whole_uses)
    most = max(counted.values())
    return max((name for name, count in counted.items() if count == most and name.strip()), key=len, default="argument")


def _kind_words(value: Any) -> str:
    rare = rarity(value)
    kinds = {bool: "a boolean", int: "a number", float: "a number", str: "a text", list: "a list", dict: "an object"}
    kind = "null" if value is None else kinds.get(type(value), "a value")
    return f"{kind} that {'may stand anywhere' if rare < COMMON / 2 else 'is common' if rare < RARE else 'is rare'}"
