"""What a lesson is made of: exercises with their criteria and hints, predictions, and questions. Frozen data.

An id is the lesson's number and a running number, `03.1`; exercises, predictions and questions are counted apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from mcpflow_nb.checking.problems import Problem

if TYPE_CHECKING:
    from mcpflow_nb.lessons.attempt import Attempt
    from mcpflow_nb.mocking.mock_server import Mock

Reason = Problem | str | None
"""Why a criterion is not met: a located problem or a sentence; None where it is met."""

Mocks = Callable[[], Mapping[str, "Mock"]]
"""Makes fresh mocked servers, by name."""

HINTS: Final = 3
"""So many hints has each exercise: where to look, what to use, and nearly the code."""


@dataclass(frozen=True)
class Criterion:
    """One thing that an attempt must do. `judge` returns why it does not, or None; it may raise `NotJudged`."""

    text: str
    judge: Callable[[Attempt], Reason]


@dataclass(frozen=True)
class Exercise:
    """Something to write.

    `mocks` and `given` are the servers and arguments of the runs that the criteria look at: other values than the
    notebook's, so that copied constants do not pass. `wrong` is the code of a typical slip, in the names of the
    notebook; a test holds that it is not met.
    """

    id: str
    title: str
    criteria: tuple[Criterion, ...]
    hints: tuple[str, str, str]
    wrong: str
    mocks: Mocks = dict
    given: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True)
class Question:
    """Something to say: a prediction before a cell is run, or a question at the end.

    `right` is the choice that is right, `why` an explanation for every choice; the words of the question and of its
    choices are in the notebook.
    """

    id: str
    right: str
    why: Mapping[str, str]


@dataclass(frozen=True)
class Lesson:
    """What one notebook asks. `notebook` is its file name."""

    number: str
    notebook: str
    exercises: tuple[Exercise, ...]
    predictions: tuple[Question, ...]
    questions: tuple[Question, ...]
