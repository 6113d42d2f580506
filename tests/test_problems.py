import pytest

import mcpflow_nb as mf
from mcpflow_nb.checking.problems import COLUMNS, SEVERITIES, Problem, Report
from mcpflow_nb.errors import CheckError
from mcpflow_nb.where import Where

WORKFLOW = mf.SequentialWorkflow("w")


def report(*severities):
    return Report(WORKFLOW, tuple(Problem(f"a-{severity}", severity, "is so") for severity in severities), None)


@pytest.mark.parametrize("severity", SEVERITIES)
def test_a_report_is_false_only_when_it_has_an_error(severity):
    assert (bool(report()), bool(report(severity))) == (True, severity != "error")


@pytest.mark.parametrize(
    ("severities", "headline"),
    [((), "valid"), (("error",), "1 error"), (("warning", "error", "error"), "2 errors, 1 warning"),
     (("advice", "advice", "warning"), "valid: 1 warning, 2 advice"), (("handoff", "handoff"), "valid: 2 handoffs")],
)  # fmt: skip
def test_the_headline_counts_by_severity(severities, headline):
    assert report(*severities).headline() == headline


def test_a_report_is_a_sequence_of_its_problems_and_knows_its_codes():
    made = report("warning", "error", "advice")
    assert (list(made), len(made)) == (list(made.problems), 3)
    assert (made.errors, made.codes) == (made.problems[1:2], {"a-warning", "a-error"})


def test_the_place_is_step_and_argument_as_far_as_there_are_any():
    parts = [(None, None), ("s", None), (None, "a"), ("s", "a")]
    places = [Problem("c", "error", "m", step=step, argument=argument).place for step, argument in parts]
    assert places == ["workflow", "step 's'", "argument 'a'", "step 's', argument 'a'"]


def test_the_text_says_where_what_and_how_to_mend_it():
    problem = Problem("c", "error", "is wrong", step="s", argument="a", suggestion="b", fix="write b")
    assert problem.text() == "step 's', argument 'a': is wrong; did you mean 'b'? [c]\n    fix: write b"


def test_the_text_lists_what_is_known_when_nothing_is_near():
    problem = Problem("c", "error", "is wrong", known=("a", "b"))
    assert problem.text() == "workflow: is wrong; known: 'a', 'b' [c]"


def test_the_text_shows_the_line_with_carets_under_the_word(tmp_path):
    file = tmp_path / "flow.py"
    file.write_text('    step.arg("id", field("mad", "id"))\n')
    problem = Problem("c", "error", "is wrong", where=Where(str(file), 1, 1), focus="mad")
    assert problem.text() == (
        "workflow: is wrong [c]\n"
        '    flow.py:1  step.arg("id", field("mad", "id"))\n'
        "                                    ^^^^^"
    )  # fmt: skip


def test_raise_if_errors_returns_a_valid_report():
    made = report("warning", "advice")
    assert made.raise_if_errors() is made


def test_raise_if_errors_tells_every_error_and_no_warning():
    made = Report(WORKFLOW, (*report("error", "warning").problems, Problem("b", "error", "is bad", step="s")), None)
    with pytest.raises(CheckError) as caught:
        made.raise_if_errors()
    assert caught.value.report is made
    assert str(caught.value) == (
        "workflow 'w': 2 errors, 1 warning\n  workflow: is so [a-error]\n  step 's': is bad [b]"
    )


def test_the_frame_has_one_row_a_problem_in_order():
    problem = Problem("c", "error", "m", "s", "a", Where("/x/flow.py", 3, 3), "w", ("k", "l"), "k", "write k")
    frame = Report(WORKFLOW, (problem, Problem("d", "advice", "n")), None).df
    assert frame.to_dict("records") == [
        dict(zip(COLUMNS, ("c", "error", "s", "a", "m", "flow.py:3", ("k", "l"), "k", "write k"), strict=True)),
        dict(zip(COLUMNS, ("d", "advice", None, None, "n", None, (), None, ""), strict=True)),
    ]
    assert [str(dtype) for dtype in frame.dtypes] == ["object"] * len(COLUMNS)


def test_the_frame_of_no_problems_has_the_columns_and_no_row():
    assert (list(report().df.columns), len(report().df)) == (list(COLUMNS), 0)
