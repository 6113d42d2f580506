"""The verbs of a lesson, and what is kept of them: attempts and hints, for this process alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final, Literal

from mcpflow_nb.errors import LessonError, did_you_mean
from mcpflow_nb.lessons import (
    lesson_01,
    lesson_02,
    lesson_03,
    lesson_04,
    lesson_05,
    lesson_06,
    lesson_07,
    lesson_08,
    lesson_09,
    lesson_10,
    lesson_11,
    lesson_12,
    lesson_13,
)
from mcpflow_nb.lessons.build import solution_code
from mcpflow_nb.lessons.judging import SECONDS, is_unattempted, judge
from mcpflow_nb.lessons.lesson import HINTS, Exercise, Lesson, Question
from mcpflow_nb.lessons.notebook_files import notebooks_folder
from mcpflow_nb.lessons.reports import Answered, Checked, Told

LESSONS: Final = (
    lesson_01.LESSON,
    lesson_02.LESSON,
    lesson_03.LESSON,
    lesson_04.LESSON,
    lesson_05.LESSON,
    lesson_06.LESSON,
    lesson_07.LESSON,
    lesson_08.LESSON,
    lesson_09.LESSON,
    lesson_10.LESSON,
    lesson_11.LESSON,
    lesson_12.LESSON,
    lesson_13.LESSON,
)
"""Every lesson, in reading order."""


def _padded(name: str) -> str:
    """Return an id with the two digits of its lesson.

    >>> _padded("3.1")
    '03.1'
    """
    return f"0{name}" if name[:1].isdigit() and name[1:2] == "." else name


class Desk:
    """Where a learner works: the lessons, the attempts made, and the hints taken."""

    def __init__(self, lessons: Sequence[Lesson]) -> None:
        self.exercises = {one.id: one for lesson in lessons for one in lesson.exercises}
        self.predictions = {one.id: one for lesson in lessons for one in lesson.predictions}
        self.questions = {one.id: one for lesson in lessons for one in lesson.questions}
        self.notebooks = {one.id: lesson.notebook for lesson in lessons for one in lesson.exercises}
        self.attempts: Counter[str] = Counter()
        self.hints: Counter[str] = Counter()

    def check(self, exercise: str, attempt: Any = ..., *, seconds: float = SECONDS) -> Checked:
        """Check what you made for an exercise: each criterion is met or not, and why not.

        It runs what you made on mocked servers of its own; yours stay as they are. As long as it is `...`, or a list
        that holds one, it is not attempted, and that is no error. `seconds` is how long one run may take.

        Raises
        ------
        LessonError
            When there is no such exercise.
        """
        found = self._exercise(exercise)
        if not is_unattempted(attempt):
            self.attempts[found.id] += 1
        return judge(found, attempt, seconds)

    def hint(self, exercise: str, *, level: int | None = None) -> Told:
        """Return the next hint for an exercise: where to look, then what to use, then nearly the code; or that `level`.

        Raises
        ------
        LessonError
            When there is no such exercise, or no such level.
        """
        found = self._exercise(exercise)
        if level is not None and level not in range(1, HINTS + 1):
            raise LessonError(f"hint({found.id!r}, level={level!r}): the levels are 1 to {HINTS}")
        self.hints[found.id] = level or min(self.hints[found.id] + 1, HINTS)
        at = self.hints[found.id]
        more = f" One more: `hint({found.id!r})`" if at < HINTS else f" After an attempt: `solution({found.id!r})`"
        return Told("Hint", f"{at} of {HINTS}, exercise {found.id}", found.hints[at - 1] + more)

    def solution(self, exercise: str, *, force: bool = False) -> Told:
        """Return code that solves an exercise; only after an attempt of yours was checked, or with `force=True`.

        Raises
        ------
        LessonError
            When there is no such exercise.
        """
        found = self._exercise(exercise)
        title = f"of exercise {found.id}"
        if not force and not self.attempts[found.id]:
            mend = f"try it first and check it. `solution({found.id!r}, force=True)` shows it anyway"
            return Told("Solution", title, f"Not yet: {mend}.")
        code = solution_code(notebooks_folder() / self.notebooks[found.id], found.id)
        return Told("Solution", title, "One way to do it; another is as good when all criteria are met.", code)

    def predict(self, prediction: str, answer: Any = ...) -> Answered:
        """Say beforehand what the next cell will show: the letter of a choice. The answer explains it.

        Raises
        ------
        LessonError
            When there is no such prediction.
        """
        return _answered("Prediction", self._found("prediction", prediction, self.predictions), answer)

    def quiz(self, question: str, answer: Any = ...) -> Answered:
        """Answer a question of the self-check with the letter of a choice.

        Raises
        ------
        LessonError
            When there is no such question.
        """
        return _answered("Question", self._found("question", question, self.questions), answer)

    def _exercise(self, name: Any) -> Exercise:
        found: Exercise = self._found("exercise", name, self.exercises)
        return found

    def _found(self, kind: str, name: Any, known: dict[str, Any]) -> Any:
        if not isinstance(name, str) or name not in known:
            raise LessonError(f"there is no {kind} {name!r:.60}{did_you_mean(_padded(str(name)), known)}")
        return known[name]


def _answered(kind: Literal["Prediction", "Question"], question: Question, answer: Any) -> Answered:
    if is_unattempted(answer):
        return Answered(kind, question.id, None, question.right, question.why)
    is_short = isinstance(answer, str) or (isinstance(answer, int) and answer.bit_length() < 64)
    given = str(answer).strip() if is_short else type(answer).__name__
    said = {one.casefold(): one for one in question.why}.get(given.casefold(), given)
    return Answered(kind, question.id, said, question.right, question.why)


_DESK: Final = Desk(LESSONS)
check, hint, solution = _DESK.check, _DESK.hint, _DESK.solution
predict, quiz = _DESK.predict, _DESK.quiz
