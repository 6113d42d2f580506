"""A value judged by a schema in bounded time: here where that is surely quick, else in a process that is ended in time.

A schema of a few lines can take hours (an `anyOf` that refers to itself), and a judgement that has begun cannot be broken
off: it would hold the whole process. What was not judged says so.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any, Final, NamedTuple

from mcpflow_nb.tools.schemas import MAX_DEPTH, Unjudged, Validator, combinations, resolved

QUICK: Final = 1_000_000
"""So many parts of a schema, each looked at with each part of a value, take 0.2 s."""
MOST_PARTS: Final = 100_000
CPU_SECONDS: Final = 2
WALL_SECONDS: Final = 10.0
_TEXT_PART: Final = 16
_BACK: Final = ("$dynamicRef", "$recursiveRef", "unevaluatedProperties", "unevaluatedItems")
"""What is looked at again: no bound is known for it here."""


class Judgement(NamedTuple):
    """Why a value is refused, or why it was not judged; neither where it fits."""

    refusal: str | None = None
    unchecked: str | None = None


class Judge:
    """A schema, compiled once. Without a schema, or with one beyond judging, nothing is refused."""

    def __init__(self, schema: Any) -> None:
        self._schema, self._why = schema, ""
        self._validator: Validator | None = None
        try:
            self._validator = Validator(schema)
        except Unjudged as problem:
            self._why = str(problem)
        self._work, self._again = work(schema) if self._validator is not None else (0, 1)

    def is_quick(self, value: Any) -> bool:
        """Whether judging this value takes no time to speak of."""
        count, depth = size(value)
        return bool(count * self._work * self._again**depth <= QUICK)

    def at_once(self, value: Any) -> Judgement | None:
        """Return what is to be said of a value, or None where it takes time to tell."""
        if self._validator is None:
            return Judgement(unchecked=self._why)
        return _judged(self._validator, value) if self.is_quick(value) else None

    def judged(self, value: Any) -> Judgement:
        """Return what is to be said of a value; takes `WALL_SECONDS` at most."""
        found = self.at_once(value)
        return found if found is not None else _apart(self._schema, value)


def _judged(validator: Validator, value: Any) -> Judgement:
    try:
        return Judgement(validator.refusal(value))
    except Unjudged as problem:
        return Judgement(unchecked=str(problem))


def _apart(schema: Any, value: Any) -> Judgement:
    """Judge in a process of its own, which is ended when it takes too long."""
    command = [sys.executable, "-P", "-m", __name__]
    try:
        text = json.dumps([schema, value]).encode()
        done = subprocess.run(command, input=text, capture_output=True, timeout=WALL_SECONDS, check=True)
        return Judgement(*json.loads(done.stdout))
    except (subprocess.SubprocessError, OSError):
        return Judgement(unchecked=f"to judge it takes more than {CPU_SECONDS} s")
    except (ValueError, RecursionError) as problem:
        return Judgement(unchecked=f"it cannot be judged: {problem}")


def size(value: Any) -> tuple[int, int]:
    """Return how many parts a value has, long texts as many, and how deep it is; beyond `MOST_PARTS` it is said to be huge.

    >>> size({"a": [1, 2], "b": "x" * 160})
    (15, 2)
    """
    count, depth, level = 0, -1, [value]
    while level and count <= MOST_PARTS:
        depth += 1
        inside: list[Any] = []
        for part in level:
            count += 1 + (len(part) // _TEXT_PART if isinstance(part, str) else 0)
            if isinstance(part, dict | list) and count + len(inside) + len(part) > MOST_PARTS:
                return QUICK + 1, MAX_DEPTH
            if isinstance(part, dict | list):
                inside += part.values() if isinstance(part, dict) else part
        level = inside
    return count if count <= MOST_PARTS else QUICK + 1, depth


def work(schema: Any) -> tuple[int, int]:
    """Return how many parts a schema has when each `$ref` is written out, and how many of them each level looks at again.

    That is 1 where no `$ref` comes back to itself.

    >>> work({"items": {"$ref": "#/$defs/n"}, "$defs": {"n": {"type": "null"}}}), work({"items": {"$ref": "#"}})
    ((8, 1), (6, 6))
    """
    known: dict[str, int] = {}
    loops: list[str] = []

    def count(part: Any) -> int:
        if not isinstance(part, dict | list):
            return 1
        total = 1
        if isinstance(part, dict):
            loops.extend(word for word in _BACK if word in part)
            if "$ref" in part:
                name = str(part["$ref"])
                if name not in known:
                    known[name] = 0  # while it is counted: to meet it again is a loop
                    known[name] = count(resolved(part["$ref"], schema))
                elif not known[name]:
                    loops.append(name)
                total += known[name]
        total += sum(count(inner) for inner in (part.values() if isinstance(part, dict) else part))
        return min(total, QUICK + 1)

    total = count(schema)
    return total, max(total, combinations(schema)) if loops else 1


def _main() -> None:
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))
    schema, value = json.loads(sys.stdin.buffer.read())
    sys.stdout.write(json.dumps(_judged(Validator(schema), value)))


if __name__ == "__main__":
    _main()
