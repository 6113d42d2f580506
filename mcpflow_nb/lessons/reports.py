"""What check, hint, solution, predict and quiz answer: data with a view of its own each. `bool(...)` says: all right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from mcpflow_nb.checking.problems import Problem
from mcpflow_nb.show import Shown

State = Literal["met", "not met", "not judged"]


@dataclass(frozen=True)
class Judged:
    """One criterion: whether it is met, and why not; `problem` has the place in the learner's code."""

    text: str
    state: State
    why: str = ""
    problem: Problem | None = None


class Checked(Shown):
    """The report of `check`: one line a criterion. True when all are met."""

    def __init__(self, exercise: str, title: str, judged: tuple[Judged, ...], *, is_attempted: bool) -> None:
        self.exercise, self.title, self.judged, self.is_attempted = exercise, title, judged, is_attempted

    def __bool__(self) -> bool:
        return self.is_attempted and all(one.state == "met" for one in self.judged)

    def __len__(self) -> int:
        return len(self.judged)

    def __iter__(self) -> Iterator[Judged]:
        return iter(self.judged)

    @property
    def headline(self) -> str:
        """`3 of 5 criteria met`, or that it was not attempted yet."""
        met = sum(one.state == "met" for one in self.judged)
        return f"{met} of {len(self)} criteria met" if self.is_attempted else "not attempted yet"


class Answered(Shown):
    """The report of `predict` and `quiz`; `given` is None where nothing was said yet. True when it is right."""

    def __init__(
        self,
        kind: Literal["Prediction", "Question"],
        question: str,
        given: str | None,
        right: str,
        why: Mapping[str, str],
    ) -> None:
        self.kind, self.question, self.given, self.right, self.why = kind, question, given, right, dict(why)

    def __bool__(self) -> bool:
        return self.given == self.right

    @property
    def headline(self) -> str:
        """`right`, `not right`, `not answered yet`, or that there is no such choice."""
        if self.given is None:
            return "not answered yet"
        if self.given not in self.why:
            return "no such choice"
        return "right" if self else "not right"

    @property
    def explained(self) -> tuple[str, ...]:
        """The choices that are explained now: all of them once it is right, until then the one that was given."""
        if self:
            return (self.right, *(one for one in self.why if one != self.right))
        return (self.given,) if self.given is not None and self.given in self.why else ()


class Told(Shown):
    """A hint or a solution: a sentence and, for a solution, its code."""

    def __init__(self, kind: Literal["Hint", "Solution"], title: str, text: str, code: str = "") -> None:
        self.kind, self.title, self.text, self.code = kind, title, text, code
