"""Lesson 13: a workflow for every row of a table. The checks lend other books to other readers."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import mcpflow_nb as mf
from mcpflow_nb.lessons.attempt import Attempt, NotJudged, opened
from mcpflow_nb.lessons.criteria import equals, ordinary
from mcpflow_nb.lessons.functions import done
from mcpflow_nb.lessons.lesson import Criterion, Exercise, Lesson, Question, Reason
from mcpflow_nb.views.html import short

LOANS: Final = [
    {"Title": "Emma", "reader": "Mai", "weeks": 1},
    {"Title": "Ulysses", "reader": "Jo", "weeks": 9},
    {"Title": "Persuasion", "reader": "Ann", "weeks": "2"},
]
NAMED: Final = [{"book": "Emma", "reader": "Mai"}, {"book": "Ulysses", "reader": "Jo"}]


def _servers(broken: Mapping[str, bool] | None = None) -> Mapping[str, mf.Mock]:
    def reserve(title: str, weeks: int) -> Any:
        return {"id": f"loan-{title}", "weeks": weeks}

    def hand_out(loan: str, reader: str) -> Any:
        if (broken or {}).get(loan.removeprefix("loan-")):
            raise RuntimeError("the book is in repair")
        return {"reader": reader}

    return {"shelf": mf.mock({"reserve": reserve}), "desk": mf.mock({"hand_out": hand_out})}


def _reserves_each(attempt: Attempt) -> Reason:
    did = done(attempt, LOANS)
    found = [sent["title"] for tool, sent in did.calls if tool == "shelf.reserve"]
    return None if sorted(found) == ["Emma", "Persuasion"] else f"reserved were: {', '.join(sorted(found)) or 'none'}"


def _hands_out_each(attempt: Attempt) -> Reason:
    found = sorted(
        (sent["loan"], sent["reader"]) for tool, sent in done(attempt, LOANS).calls if tool == "desk.hand_out"
    )
    shown = ", ".join(f"{loan} to {reader}" for loan, reader in found) or "none"
    return None if found == [("loan-Emma", "Mai"), ("loan-Persuasion", "Ann")] else f"handed out were: {shown}"


def _counts(attempt: Attempt) -> Reason:
    for loans, wanted in ((LOANS, {"completed": 2, "refused": 1}), (LOANS[:1], {"completed": 1})):
        found = done(attempt, loans).value
        if not isinstance(found, Mapping) or dict(found) != wanted:
            hint = "; does it `return` what it found?" if found is None else ""
            return f"of {len(loans)} rows it returns {short(repr(found))}; it should be {wanted}{hint}"
    return None


def _twice(attempt: Attempt) -> tuple[Any, Counter[str]]:
    """Return what the second of two calls gave, the book mended between them, and how often each was reserved."""
    broken = {"Ulysses": True}
    function = ordinary(attempt.value, "give a function of servers, loans and journal, its name without brackets")
    mocks = _servers(broken)
    with opened(mocks) as servers, tempfile.TemporaryDirectory() as folder:
        journal = Path(folder) / "loans.db"
        function(servers, NAMED, journal)
        broken["Ulysses"] = False
        if not journal.exists():
            raise NotJudged("after the first call there is nothing in the journal that it was given")
        if not mocks["shelf"].log:
            raise NotJudged("the first call reserved nothing on the servers that it was given")
        results = function(servers, NAMED, journal)
    return results, Counter(call.arguments["title"] for call in mocks["shelf"].log)


def _repeats_nothing(attempt: Attempt) -> Reason:
    _, reserved = _twice(attempt)
    often = [f"{title} {count} times" for title, count in reserved.items() if count > 1]
    return f"the second call reserved again: {', '.join(often)}" if often else None


def _completes(attempt: Attempt) -> Reason:
    results, _ = _twice(attempt)
    counts = getattr(results, "counts", None)
    if counts is None:
        return f"it returns {type(results).__name__}; return what `lend.map` gives"
    return None if counts == {"completed": 2} else f"the book was mended, and the second call came to {counts}"


READ: Final = Exercise(
    "13.1",
    "Read the results of a map",
    criteria=(
        equals("refused", 2, "count the rows of `lent` that no call was made for"),
        equals("failed", 1, "count the rows whose run stopped at an error"),
        equals("stopped_at", "hand_out", "the column `step` of that row says it"),
        equals("reserved", 4, "a book is reserved for each row that began, whatever came after"),
    ),
    hints=(
        "Three of the four stand in the display of `lent`. The fourth follows from the first: which rows began at all?",
        "`lent.counts` counts the outcomes, `lent.failed.df` has a row for each that did not complete.",
        '`{"refused": lent.counts["refused"], ..., "reserved": ...}`: six rows, less those that were refused.',
    ),
    wrong="""read = {"refused": 2, "failed": 1, "stopped_at": "hand_out", "reserved": 3}""",
)

LEND_ALL: Final = Exercise(
    "13.2",
    "A column of another name",
    criteria=(
        Criterion("each book that can be lent is reserved once", _reserves_each),
        Criterion("each reserved book is handed out to its reader", _hands_out_each),
        Criterion("of two lists it returns how many rows came to each outcome", _counts),
    ),
    hints=(
        "The workflow's argument is `book`, the table's column `Title`. See how the first map of this lesson says such a thing.",
        "`arguments=` is a mapping of the argument to its column, and `.counts` of the results is what to return.",
        '`return lend.map(loans, servers, arguments={"book": ...}).counts`',
    ),
    wrong="""def lend_all(servers, loans):
    return lend.map(loans, servers, arguments={"book": "Title"}, on_error="stop").counts""",
    mocks=_servers,
)

BREAK_IT: Final = Exercise(
    "13.3",
    "Break it: a map that never goes on",
    criteria=(
        Criterion("the second call reserves nothing a second time", _repeats_nothing),
        Criterion("what failed is called once more, and then all rows are completed", _completes),
    ),
    hints=(
        "Two things are wrong. A map goes on where its name is the one of before; and rows that failed stay as they are until you ask.",
        "`map_id` names a map in the journal. Without one it is the workflow's name, the same each time. `rerun_failed=True` asks.",
        "`return lend.map(loans, servers, journal=journal, rerun_failed=...)`",
    ),
    wrong="""def lend_again(servers, loans, journal):
    return lend.map(loans, servers, journal=journal)""",
)

PREDICTIONS: Final = (
    Question(
        "13.1",
        "b",
        {
            "a": 'That is `on_error="stop"`: then one bad row refuses the whole.',
            "b": "Every row is read before the first call. The three are refused with their reasons, and the others run.",
            "c": "A value that is missing or wrong is never replaced by another one in silence.",
        },
    ),
    Question(
        "13.2",
        "c",
        {
            "a": "Each row is a run of its own. One that stops is nothing to the others.",
            "b": "A run stops at its first failure: whoever has no payroll account gets no mail in this run.",
            "c": "The three refused rows called nothing, and the twenty stopped before the mail: 200 less 23.",
        },
    ),
    Question(
        "13.3",
        "a",
        {
            "a": "Only the three new people are created. The twenty were created before, and what finished is used.",
            "b": "Their first step finished, and is in the journal: it is not called again.",
            "c": "That is a map without a journal: it begins anew each time.",
        },
    ),
)

QUESTIONS: Final = (
    Question(
        "13.1",
        "c",
        {
            "a": "It never goes through the table one after the other, unless you say `concurrency=1`.",
            "b": "Then 10,000 rows would be 10,000 open calls, and a server has to bear it.",
            "c": "So many rows are under way; when one ends, the next begins.",
        },
    ),
    Question(
        "13.2",
        "a",
        {
            "a": "Nothing was called for it, so there is no run. Mend the table, and map again.",
            "b": "A run that has failed was begun, and called something.",
            "c": "It says nothing of the server. The row itself is wrong.",
        },
    ),
    Question(
        "13.3",
        "b",
        {
            "a": "The order of the rows says nothing: a table may be sorted anew.",
            "b": "Without `key=`, the same arguments are the same row, wherever it stands in the table.",
            "c": "The label is how you ask for a trace. It is not what a row is known by.",
        },
    ),
    Question(
        "13.4",
        "c",
        {
            "a": "What is done stays done, and in the journal.",
            "b": "They are not cut off at once: a call that was sent may have done its work.",
            "c": "Then the same call goes on with what is left.",
        },
    ),
    Question(
        "13.5",
        "a",
        {
            "a": "The limit belongs to the server, whoever calls it: a map, a single run, two workflows at once.",
            "b": "It slows down everything, the fast servers too.",
            "c": "A failure is no limit: the server was asked too often already.",
        },
    ),
)

LESSON: Final = Lesson(
    number="13",
    notebook="13_map_rows.ipynb",
    exercises=(READ, LEND_ALL, BREAK_IT),
    predictions=PREDICTIONS,
    questions=QUESTIONS,
)
