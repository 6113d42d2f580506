"""Lessons: both versions of each notebook, a typical slip at each exercise, hints and solutions, and the command."""

from __future__ import annotations

import copy
import itertools
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

import mcpflow_nb as mf
from mcpflow_nb.cli import lesson_commands
from mcpflow_nb.lessons.build import clean, is_tagged, learner, read, solution_code, solved
from mcpflow_nb.lessons.desk import LESSONS, Desk
from mcpflow_nb.lessons.lesson import Lesson
from mcpflow_nb.testing import run_notebook
from tests.real_servers import why_not

FOLDER = Path(__file__).resolve().parent.parent / "notebooks"
COURSE = [
    path for path in sorted(FOLDER.glob("*.ipynb")) if any(is_tagged(cell, "exercise") for cell in read(path).cells)
]
ASKED = re.compile(r'^(check|predict|quiz)\("([^"]+)", (?:\w+)\)$', re.MULTILINE)
lessons = pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.number)
played = pytest.mark.parametrize(
    "lesson",
    [
        pytest.param(one, marks=pytest.mark.skipif(bool(why_not(one.notebook)), reason=str(why_not(one.notebook))))
        for one in LESSONS
    ],
    ids=lambda lesson: lesson.number,
)


def asked(notebook: Any) -> list[tuple[str, str]]:
    """Return the verb and id of each report that a notebook asks for, in order."""
    return [
        found.groups() for cell in notebook.cells if cell.cell_type == "code" for found in ASKED.finditer(cell.source)
    ]


def written(notebook: Any, path: Path) -> Path:
    nbformat.write(notebook, path)
    return path


def said(notebook: Any) -> dict[str, str]:
    """Return the first line that each cell with a report shows, by cell id; and that no cell failed but those meant to."""
    shown = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            assert output.output_type != "error" or is_tagged(cell, "raises-exception"), (cell.id, output)
            assert output.get("name") != "stderr", (cell.id, output)
            if cell.cell_type == "code" and ASKED.search(cell.source) and output.output_type == "execute_result":
                shown[cell.id] = output.data["text/plain"]
    return shown


def test_every_notebook_with_exercises_is_of_a_lesson_and_the_other_way_round() -> None:
    assert [lesson.notebook for lesson in LESSONS] == [path.name for path in COURSE]


@lessons
def test_a_notebook_asks_for_all_that_its_lesson_has_and_for_nothing_else(lesson: Lesson) -> None:
    kinds = {"check": lesson.exercises, "predict": lesson.predictions, "quiz": lesson.questions}
    found = asked(read(FOLDER / lesson.notebook))
    for verb, ones in kinds.items():
        assert [name for kind, name in found if kind == verb] == [one.id for one in ones]
        assert [one.id for one in ones] == [f"{lesson.number}.{at}" for at in range(1, len(ones) + 1)]


@lessons
def test_a_lesson_is_in_the_house_format(lesson: Lesson) -> None:
    notebook = read(FOLDER / lesson.notebook)
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert re.search(r"\*\*\d+ minutes · .*offline ✔", text)
    words = (
        "**Goals.**",
        "**Questions.**",
        "## See it work first",
        "## Break it",
        "## Self-check",
        "## Key points",
        "**Clean version.**",
    )
    places = [text.find(word) for word in words]
    assert -1 not in places, dict(zip(words, places, strict=True))
    assert places == sorted(places)
    assert 3 <= len(lesson.exercises) <= 6
    assert len(lesson.questions) == 5
    assert lesson.predictions


@lessons
def test_every_choice_in_a_notebook_is_explained(lesson: Lesson) -> None:
    questions = {"predict": {q.id: q for q in lesson.predictions}, "quiz": {q.id: q for q in lesson.questions}}
    cells = read(FOLDER / lesson.notebook).cells
    for before, cell in itertools.pairwise(cells):
        found = ASKED.search(cell.source) if cell.cell_type == "code" else None
        if found and found[1] in questions:
            question = questions[found[1]][found[2]]
            assert re.findall(r"^- \*\*(\w+)\*\* ", before.source, re.MULTILINE) == list(question.why)
            assert question.right in question.why


@lessons
def test_solutions_stand_in_marks_behind_the_stub_of_the_same_exercise(lesson: Lesson) -> None:
    cells = read(FOLDER / lesson.notebook).cells
    for before, cell, after in zip(cells, cells[1:], cells[2:], strict=False):
        if is_tagged(cell, "solution"):
            lines = cell.source.split("\n")
            assert (lines[0], lines[-1]) == ("### BEGIN SOLUTION", "### END SOLUTION")
            assert before.metadata["tags"][0] == "exercise"
            assert before.metadata["tags"][1:] == cell.metadata["tags"][1:]
            assert asked(nbformat.from_dict({"cells": [after]})) == [("check", cell.metadata["tags"][1])]
    assert [c.metadata["tags"][1] for c in cells if is_tagged(c, "solution")] == [one.id for one in lesson.exercises]


@pytest.mark.kernel
@played
def test_the_solved_notebook_is_all_met_and_a_typical_slip_is_not(lesson: Lesson, tmp_path: Path) -> None:
    notebook = read(FOLDER / lesson.notebook)
    checks = {
        name: cell
        for cell in notebook.cells
        for kind, name in asked(nbformat.from_dict({"cells": [cell]}))
        if kind == "check"
    }
    with_slips = []
    for cell in notebook.cells:
        if is_tagged(cell, "solution"):
            [exercise] = [one for one in lesson.exercises if is_tagged(cell, one.id)]
            slip = nbformat.v4.new_code_cell(exercise.wrong, id=f"code-{exercise.id.replace('.', '-')}")
            again = copy.deepcopy(checks[exercise.id])
            again.id = f"slip-{exercise.id.replace('.', '-')}"
            with_slips += [slip, again]
        with_slips.append(cell)
    notebook.cells = with_slips
    shown = said(run_notebook(written(solved(notebook), tmp_path / lesson.notebook)))
    right = {cell: text.split("\n")[0] for cell, text in shown.items() if not cell.startswith("slip-")}
    slips = {cell: text for cell, text in shown.items() if cell.startswith("slip-")}
    assert {cell: text for cell, text in right.items() if not text.startswith("✔")} == {}
    assert len(right) == len(lesson.exercises) + len(lesson.predictions) + len(lesson.questions)
    assert len(slips) == len(lesson.exercises)
    for cell, text in slips.items():
        assert text.startswith("✖"), (cell, text)
        assert re.search(r"^  ✖ .+\n      \S", text, re.MULTILINE), (cell, text)


@pytest.mark.kernel
@played
def test_the_notebook_of_a_learner_runs_to_its_end_with_nothing_attempted(lesson: Lesson, tmp_path: Path) -> None:
    shown = said(run_notebook(written(learner(read(FOLDER / lesson.notebook)), tmp_path / lesson.notebook)))
    assert len(shown) == len(lesson.exercises) + len(lesson.predictions) + len(lesson.questions)
    heads = {cell: text.split("\n")[0] for cell, text in shown.items()}
    assert {
        cell: head for cell, head in heads.items() if not re.match("○ .* — not (attempted|answered) yet", head)
    } == {}


@lessons
def test_the_versions_hold_no_solution_and_no_mark(lesson: Lesson) -> None:
    notebook = read(FOLDER / lesson.notebook)
    for version in (learner, solved, clean):
        source = "\n".join(cell.source for cell in version(notebook).cells)
        assert "SOLUTION" not in source
    assert not any(is_tagged(cell, "solution") for cell in learner(notebook).cells)
    assert "To work in your own copy" not in learner(notebook).cells[0].source
    assert len(solved(notebook).cells) == len(notebook.cells)
    code = [
        [cell.source for cell in one.cells if cell.cell_type == "code"] for one in (learner(notebook), clean(notebook))
    ]
    assert code[0] == code[1]  # so what is run of the one is run of the other


@lessons
def test_an_exercise_has_three_hints_and_its_solution_after_an_attempt(lesson: Lesson) -> None:
    desk = Desk(LESSONS)
    for exercise in lesson.exercises:
        assert [desk.hint(exercise.id).title[:6] for _ in range(4)] == [
            "1 of 3",
            "2 of 3",
            "3 of 3",
            "3 of 3",
        ]
        assert desk.hint(exercise.id, level=2).text.startswith(exercise.hints[1])
        assert desk.hint(exercise.id).text.startswith(exercise.hints[2])
        assert desk.solution(exercise.id).code == ""
        desk.check(exercise.id, ...)
        assert desk.solution(exercise.id).code == ""
        desk.check(exercise.id, "something")
        assert desk.solution(exercise.id).code == desk.solution(exercise.id, force=True).code != ""


# The command


def test_the_command_copies_the_learners_notebooks_and_keeps_what_is_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "my course"
    lesson_commands.lessons(folder)
    assert sorted(path.name for path in folder.glob("*.ipynb")) == sorted(path.name for path in FOLDER.glob("*.ipynb"))
    mine = folder / LESSONS[0].notebook
    assert read(mine).cells == learner(read(FOLDER / mine.name)).cells
    mine.write_text("mine", "utf-8")
    lesson_commands.lessons(folder, solved=True)
    assert f"kept     {mine}: it was there" in capsys.readouterr().out
    assert mine.read_text("utf-8") == "mine"
    lesson_commands.lessons(folder, solved=True, overwrite=True)
    assert f"written  {mine}" in capsys.readouterr().out
    assert read(mine).cells == solved(read(FOLDER / mine.name)).cells
    lesson_commands.lessons(folder, clean=True, overwrite=True)
    assert read(mine).cells == clean(read(FOLDER / mine.name)).cells


def test_the_command_line_knows_the_command(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    line = [sys.executable, "-m", "mcpflow_nb", "lessons", str(tmp_path / "file")]
    done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=110)
    assert (done.returncode, done.stderr) == (1, f"mcpflow-nb: {tmp_path / 'file'} is a file; give a folder\n")


def test_two_versions_at_once_are_refused(tmp_path: Path) -> None:
    with pytest.raises(mf.LessonError, match="give one of them"):
        lesson_commands.lessons(tmp_path / "new", solved=True, clean=True)
    assert not (tmp_path / "new").exists()


def test_a_solution_that_no_notebook_has_is_an_error() -> None:
    with pytest.raises(mf.LessonError, match=r"00_tour\.ipynb has no cell tagged 'solution' and '03\.1'"):
        solution_code(FOLDER / "00_tour.ipynb", "03.1")
