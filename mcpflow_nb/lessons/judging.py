"""Judge an attempt: every criterion in order, whatever the learner's object does."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from types import FunctionType
from typing import Any, Final

from mcpflow_nb.checking.problems import Problem
from mcpflow_nb.lessons.attempt import Attempt, NotJudged
from mcpflow_nb.lessons.lesson import Exercise, Reason
from mcpflow_nb.lessons.reports import Checked, Judged
from mcpflow_nb.where import raised

SECONDS: Final = 5.0
"""How long one run of a learner's workflow may take."""
MOST_RUNS: Final = 3
"""A criterion that is not judged after the time of so many runs has come to no end."""
_DEEPEST: Final = 20


def is_unattempted(value: Any, depth: int = _DEEPEST) -> bool:
    """Tell whether a value is `...`, or a list, tuple or set that still has one in it, or a dict that has nothing else.

    >>> is_unattempted(...), is_unattempted({"employee_id": [...]}), is_unattempted({"employee_id": 1, "name": ...})
    (True, True, False)
    """
    if value is ... or depth <= 0:
        return value is ...
    if type(value) is dict:
        return bool(value) and all(is_unattempted(one, depth - 1) for one in value.values())
    return type(value) in (list, tuple, set, frozenset) and any(is_unattempted(one, depth - 1) for one in value)


def judge(exercise: Exercise, value: Any, seconds: float = SECONDS) -> Checked:
    """Return the report of an attempt; never raises for what the learner made."""
    if is_unattempted(value):
        waiting = tuple(Judged(one.text, "not judged") for one in exercise.criteria)
        return Checked(exercise.id, exercise.title, waiting, is_attempted=False)
    attempt = Attempt(exercise, value, seconds)
    judged: list[Judged] = []
    seen: set[str] = set()
    for criterion in exercise.criteria:
        if _ENDLESS in seen:
            judged.append(Judged(criterion.text, "not judged"))
            continue
        reason, is_barred = _within(MOST_RUNS * seconds, criterion.judge, attempt)
        why = reason.message if isinstance(reason, Problem) else reason or ""
        problem = reason if isinstance(reason, Problem) else None
        if reason is None:
            judged.append(Judged(criterion.text, "met"))
        elif is_barred and why in seen:
            judged.append(Judged(criterion.text, "not judged"))
        else:
            judged.append(Judged(criterion.text, "not met", why, problem))
        seen.add(why)
    return Checked(exercise.id, exercise.title, tuple(judged), is_attempted=True)


_ENDLESS: Final = "it comes to no end"


def _within(seconds: float, judge: Callable[[Attempt], Reason], attempt: Attempt) -> tuple[Reason, bool]:
    """Return the reason, and whether it bars later criteria as well. In a thread: nothing ends a function that loops."""
    found: list[tuple[Reason, bool]] = []

    def work() -> None:
        try:
            found.append((judge(attempt), False))
        except NotJudged as barred:
            found.append((barred.reason, True))
        except BaseException as error:  # noqa: BLE001 - the learner's object is behind it, and may raise anything
            why = f"it raises {type(error).__name__}: {str(error)[:300]}"
            place = (
                raised(error, attempt.value.__code__.co_filename) if isinstance(attempt.value, FunctionType) else None
            )
            found.append((Problem("not-met", "error", why, where=place) if place else why, True))

    thread = Thread(target=work, name="mcpflow-check", daemon=True)
    thread.start()
    thread.join(seconds)
    return found[0] if found else (_ENDLESS, True)
