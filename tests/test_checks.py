import itertools
import sys

import pytest

import mcpflow_nb as mf
from mcpflow_nb.checking.checks import CHECKS, structure
from mcpflow_nb.checking.findings import WORDS
from mcpflow_nb.checking.plan import Plan


def two_steps():
    return mf.SequentialWorkflow("w").step("make", tool="a.make", bind="made").step("use", tool="a.use")


def reading(**args):
    return two_steps().step("read", tool="a.read", args={"made": mf.from_step("made"), **args}, bind="out")


CASES = {
    "empty-workflow": mf.SequentialWorkflow("w"),
    "empty-name": mf.SequentialWorkflow(" ").argument("").step("", tool="", bind=""),
    "duplicate-argument": reading(x=mf.prompt_arg("a")).argument("a").argument("a"),
    "duplicate-step": reading().step("make", tool="a.make"),
    "duplicate-binding": reading().step("again", tool="a.make", bind="made"),
    "empty-step": reading().step("nothing"),
    "resource-step-args": reading().step("docs", resources=["docs://guide"], args={"x": 1}),
    "resource-step-bind": reading().step("docs", resources=["docs://guide"], bind="guide"),
    "unknown-argument": reading(x=mf.prompt_arg("level")),
    "unknown-binding": reading(x=mf.from_step("mode")),
    "self-reference": reading(x=mf.field("out", "id")),
    "forward-reference": reading(x=mf.from_step("late")).step("later", tool="a.make", bind="late"),
    "bad-uri": reading().step("docs", resources=["guide.md"]),
    "unfilled-placeholder": reading().step("docs", resources=["docs://{team}"]),
    "step-without-call": reading().step("docs", resources=["docs://guide"], undo={"tool": "a.undo"}),
    "may-be-absent": two_steps()
    .step("try", tool="a.try", bind="tried", on_error="continue")
    .step("read", tool="a.read", args={"made": mf.from_step("made"), "x": mf.field("tried", "id")}),
    "nothing-to-undo": reading().model_copy(update={"on_failure": "rollback"}),
    "unused-argument": reading().argument("team"),
    "unused-template-variable": reading().step("docs", resources=["docs://a"], template={"team": "x"}),
    "unknown-mark": reading().step("told", tool="a.tell", guidance="Tell {team}"),
    "confusable-names": reading().step("Make", tool="a.make"),
    "single-step": mf.SequentialWorkflow("w").step("only", tool="a.only"),
    "independent-steps": two_steps(),
}


def test_a_workflow_without_problems_has_an_empty_report_that_is_true():
    report = reading().check()
    assert (bool(report), report.problems, report.servers) == (True, (), None)


def test_a_mark_in_guidance_that_is_no_argument_is_a_warning_that_knows_what_was_meant():
    flow = reading().argument("project").step("told", tool="a.tell", guidance="{projct} and {project}, { } and {0}")
    [found] = flow.check().problems
    assert (found.code, found.severity, found.step, found.suggestion) == ("unknown-mark", "warning", "told", "project")
    assert found.message == "guidance has {projct}, which is no argument"


def test_every_code_has_a_case():
    assert list(CASES) == list(WORDS)


def test_every_check_finds_something_in_the_cases():
    idle = [check.__name__ for check in CHECKS if not any(list(check(Plan(case))) for case in CASES.values())]
    assert idle == []


def test_every_check_names_its_codes_in_its_docstring():
    named = {code for check in CHECKS for code in WORDS if f"`{code}`" in check.__doc__}
    assert named == set(WORDS)


@pytest.mark.parametrize("code", CASES)
@pytest.mark.row("DF01", "DF04")
def test_a_case_has_its_problem_with_severity_place_and_fix(code):
    (problem, *_) = [problem for problem in CASES[code].check().problems if problem.code == code]
    severity = WORDS[code][0]
    assert (problem.severity, bool(problem.fix), problem.where.file) == (severity, True, __file__)
    assert "{" not in problem.message.replace("{team}", "")


@pytest.mark.parametrize("code", [code for code in CASES if code != "empty-name"])
def test_a_case_has_no_error_but_its_own(code):
    assert {problem.code for problem in CASES[code].check().errors} <= {code}


@pytest.mark.row("DF03")
def test_an_unknown_binding_is_told_with_what_exists_and_what_was_meant():
    (problem,) = reading(x=mf.field("mode", "id")).check().problems
    assert (problem.code, problem.step, problem.argument, problem.focus) == ("unknown-binding", "read", "x", "mode")
    assert (problem.message, problem.known) == ("reads binding 'mode', which no earlier step makes", ("made",))
    assert (problem.suggestion, problem.fix) == ("made", "write 'made'")


def test_the_carets_stand_under_the_name_that_is_wrong():
    step = mf.WorkflowStep("s", tool="a.b")
    step = step.arg("right", 1).arg("wrong", mf.field("nowhere", "id"))
    (problem,) = [p for p in mf.SequentialWorkflow("w").step(step).check().problems if p.code == "unknown-binding"]
    _, line, carets = problem.source
    assert line[carets.index("^") : len(carets)] == '"nowhere"'


@pytest.mark.row("DF05")
def test_reading_a_step_by_its_name_is_told_to_bind_it():
    (problem,) = reading(x=mf.from_step("use")).check().errors
    told = "reads binding 'use', which is the name of a step that binds nothing"
    assert (problem.code, problem.message) == ("unknown-binding", told)
    assert problem.fix == "keep the output of step 'use': bind='use' there"


def test_reading_a_step_by_its_name_is_told_the_name_of_its_binding():
    (problem,) = reading(x=mf.from_step("make")).check().errors
    assert problem.message == "reads binding 'make', which is the name of a step, not of its binding 'made'"
    assert (problem.suggestion, problem.fix) == ("made", "read 'made'")


def test_an_argument_read_as_a_binding_is_told_the_right_helper():
    (problem,) = reading(x=mf.from_step("who"), y=mf.prompt_arg("who")).argument("who").check().errors
    assert (problem.code, problem.fix) == ("unknown-binding", "prompt_arg('who') reads the argument")


def test_a_binding_read_as_an_argument_is_told_the_right_helper():
    (problem,) = reading(x=mf.prompt_arg("made")).check().errors
    assert (problem.code, problem.fix) == ("unknown-argument", "from_step('made') reads the binding")


def test_a_name_misspelled_in_a_nested_value_is_reported_once_an_argument():
    twice = {"a": [mf.from_step("mad")], "b": mf.template("{x}", x=mf.field("mad", "id"))}
    assert [(p.code, p.argument) for p in reading(x=twice).check().problems] == [("unknown-binding", "x")]


def test_resources_may_read_the_output_of_their_own_step():
    made = two_steps().step(
        "query", tool="a.query", args={"x": mf.from_step("made")}, bind="found",
        resources=["docs://{id}"], template={"id": mf.field("found", "id")},
    )  # fmt: skip
    assert made.check().problems == ()


def test_a_resource_that_reads_its_own_unbound_step_is_told_to_bind_it():
    step = mf.WorkflowStep("query", tool="a.query", resources=["docs://{id}"], template={"id": mf.from_step("query")})
    (problem,) = mf.SequentialWorkflow("w").step(step).check().errors
    told = "template variable 'id' reads binding 'query', which is the name of a step that binds nothing"
    assert (problem.code, problem.message, problem.argument) == ("unknown-binding", told, None)


@pytest.mark.row("DF02")
def test_duplicates_name_both_places():
    made = mf.SequentialWorkflow("w").step("same", tool="a.b")
    made = made.step("same", tool="a.b")
    (problem,) = made.check().errors
    first, second = (f"step {number} ({step.where})" for number, step in enumerate(made.steps, 1))
    assert problem.message == f"two steps have the name 'same': {first} and {second}"


@pytest.mark.parametrize("uri", ["docs://{team}/x", "docs://{+team}", "docs://x{?team}", "docs://{/team*}"])
def test_a_placeholder_is_filled_by_the_argument_of_its_name(uri):
    made = mf.SequentialWorkflow("w").argument("team").step("docs", resources=[uri])
    assert made.check().codes == set()


@pytest.mark.parametrize("uri", ["docs:guide", "://guide", "docs://", "docs://{}", "docs://{ team }", "docs://}{"])
def test_a_text_that_is_no_uri_is_a_bad_uri(uri):
    made = mf.SequentialWorkflow("w").argument("team").step("docs", resources=[uri], guidance="{team}")
    assert made.check().codes == {"bad-uri"}


def test_an_argument_is_used_by_guidance_or_by_a_template():
    made = mf.SequentialWorkflow("w").argument("a").argument("b")
    made = made.step("s", guidance="for {a}", resources=["x://{v}"], template={"v": mf.prompt_arg("b")})
    assert made.check().codes == set()


def test_an_argument_hidden_by_a_template_variable_is_unused():
    made = mf.SequentialWorkflow("w").argument("v").step("s", resources=["x://{v}"], template={"v": "fixed"})
    assert [(p.code, p.argument) for p in made.check() if p.severity == "warning"] == [("unused-argument", "v")]


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("pay", "раy"),
        ("Emp", "emp"),
        ("é", "e\u0301"),
        ("ΑΒ", "AB"),
        ("ﬁle", "file"),
        ("na\u200bme", "name"),
        ("Ν", "ν"),
    ],
)
@pytest.mark.row("NT06", "NT08")
def test_names_that_look_alike_are_a_warning(one, two):
    made = mf.SequentialWorkflow("w").argument(one).argument(two)
    made = made.step("s", tool="a.b", args={"x": mf.prompt_arg(one), "y": mf.prompt_arg(two)})
    (problem,) = [p for p in made.check() if p.severity == "warning"]
    assert (problem.code, problem.argument) == ("confusable-names", two)
    assert problem.message == f"argument {two!r} looks like {one!r}: {two!a} and {one!a}"


@pytest.mark.row("DF03")
def test_problems_of_the_workflow_come_first_and_then_the_order_of_the_steps():
    made = (
        mf.SequentialWorkflow("w").argument("unused")
        .step("a", tool="x.y", args={"p": mf.prompt_arg("q")}, resources=["bad"], bind="A")
        .step("b")
        .step("a", tool="x.y", args={"p": mf.from_step("A"), "q": mf.from_step("none")})
    )  # fmt: skip
    assert [(p.step, p.code) for p in made.check()] == [
        (None, "unused-argument"), ("a", "unknown-argument"), ("a", "bad-uri"), ("b", "empty-step"),
        ("a", "duplicate-step"), ("a", "unknown-binding"),
    ]  # fmt: skip


def test_checking_twice_gives_the_same_problems():
    made = CASES["forward-reference"]
    assert structure(made) == structure(made) == made.check().problems


def test_a_loaded_workflow_has_the_problems_of_the_one_that_was_saved(tmp_path):
    for code, made in CASES.items():
        loaded = mf.load(made.save(tmp_path / f"{code}.json"))
        assert [(p.code, p.step, p.argument) for p in loaded.check()] == [
            (p.code, p.step, p.argument) for p in made.check()
        ]


def test_names_with_braces_and_percent_signs_are_quoted_as_they_are():
    hostile = "{0}{name!r}%s</script>\n"
    problems = reading(**{hostile: mf.from_step(hostile)}).step(hostile, resources=[hostile], bind=hostile).check()
    found = [(p.code, p.focus) for p in problems]
    assert ("forward-reference", hostile) in found
    assert ("bad-uri", hostile) in found


def wrong_references(count):
    steps = (
        mf.WorkflowStep(f"s{n:05}", tool="a.b", bind=f"b{n:05}", args={"x": mf.from_step(f"c{n:05}")})
        for n in range(count)
    )
    return mf.SequentialWorkflow("w", steps=tuple(steps))


def chained(count):
    steps = (
        mf.WorkflowStep(f"s{n:05}", tool="a.b", bind=f"b{n:05}", args={"x": mf.from_step(f"b{n - 1:05}") if n else 1})
        for n in range(count)
    )
    return mf.SequentialWorkflow("w", steps=tuple(steps))


def one_reading_all(count):
    everything = {f"x{n:05}": mf.from_step(f"b{n:05}") for n in range(count)}
    return chained(count).step("all", tool="a.b", args={**everything, "list": list(everything.values())})


@pytest.mark.parametrize("build", [chained, wrong_references, one_reading_all])
@pytest.mark.row("DF08")
def test_the_work_of_a_check_grows_linearly_with_the_steps(build):
    def calls(made):
        counted = itertools.count()
        sys.setprofile(lambda *event: next(counted))
        try:
            structure(made)
        finally:
            sys.setprofile(None)
        return next(counted)

    # From 500 on every finding has its full list of known names and there are no more suggestions.
    assert calls(build(2500)) - calls(build(500)) == pytest.approx(
        4 * (calls(build(1000)) - calls(build(500))), rel=0.02
    )


def test_only_the_first_hundred_mistakes_get_a_suggestion():
    steps = [mf.WorkflowStep("make", tool="a.b", bind="made")]
    steps += [mf.WorkflowStep(f"s{n}", tool="a.b", args={"x": mf.from_step("mode")}) for n in range(300)]
    problems = mf.SequentialWorkflow("w", steps=steps).check().problems
    assert [p.suggestion for p in problems] == ["made"] * 100 + [None] * 200


def test_an_undo_may_read_what_its_step_gave_and_not_what_comes_later():
    undo = {"tool": "a.drop", "args": {"id": mf.field("out", "id")}}
    flow = mf.SequentialWorkflow("w").step("make", tool="a.make", bind="out", undo=undo)
    assert [problem.code for problem in flow.check().problems] == ["single-step"]
    late = flow.step("use", tool="a.use", undo={"tool": "a.drop", "args": {"id": mf.field("later", "id")}})
    late = late.step("end", tool="a.end", bind="later", args={"id": mf.field("out", "id")})
    [problem] = late.check().problems
    assert (problem.code, problem.step) == ("forward-reference", "use")


def test_what_may_be_absent_is_no_problem_with_a_default_or_where_a_failure_ends_the_run():
    flow = two_steps().step("try", tool="a.try", bind="tried", on_error="continue", args={"made": mf.from_step("made")})
    guarded = flow.step("read", tool="a.read", args={"x": mf.field("tried", "id", default="")})
    assert guarded.check().problems == ()
