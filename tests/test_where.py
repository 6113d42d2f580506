import itertools
import subprocess
import sys
import textwrap

import mcpflow_nb as mf
from mcpflow_nb.where import Where, here


def written(tmp_path, code):
    """Run code from a file of its own, and return what it left in `made`."""
    file = tmp_path / f"flow_{len(list(tmp_path.iterdir()))}.py"
    file.write_text(textwrap.dedent(code).lstrip("\n"))
    names = {"mf": mf}
    exec(compile(file.read_text(), str(file), "exec"), names)
    return names["made"]


def test_a_place_is_file_and_line_outside_notebooks():
    place = here()
    assert (place.file, str(place)) == (__file__, f"test_where.py:{place.line}")


def test_a_place_in_a_notebook_is_cell_and_line():
    assert str(Where("/tmp/cell.py", 12, 12, cell=7)) == "In [7]:12"


def test_every_part_of_a_workflow_knows_the_line_it_was_written_on(tmp_path):
    made = written(
        tmp_path,
        """
        made = (
            mf.SequentialWorkflow("w")
            .argument("who", "A name")
            .step("one", tool="a.b",
                  args={"x": 1})
            .step(
                mf.WorkflowStep("two", tool="a.b")
                .arg("y", mf.prompt_arg("who"))
                .bind("z")
            )
        )
        """,
    )
    one, two = made.steps
    lines = [made.where, made.arguments[0].where, one.where, one.where_arg("x"), two.where, two.where_arg("y")]
    assert [(place.line, place.last_line) for place in lines] == [(2, 2), (3, 3), (4, 5), (4, 5), (7, 7), (8, 8)]


def test_a_step_written_in_a_function_knows_its_own_line_and_not_the_callers(tmp_path):
    made = written(
        tmp_path,
        """
        def step():
            return mf.WorkflowStep("s", tool="a.b")
        made = mf.SequentialWorkflow("w").step(step())
        """,
    )
    assert (made.steps[0].where.line, made.where.line) == (2, 3)


def test_the_carets_stand_under_the_word_in_quotes_on_whichever_line_it_is(tmp_path):
    made = written(
        tmp_path,
        """
        made = mf.SequentialWorkflow("w").step(
            "mad", tool="a.mad", args={"madam": 1,
                                       'x': mf.field('mad', "id")})
        """,
    )
    first = made.steps[0].where.at("mad")
    third = made.steps[0].where.at("id")
    assert [(str(place), line, carets) for place, line, carets in (first, third)] == [
        ("flow_0.py:2", '"mad", tool="a.mad", args={"madam": 1,', "^^^^^"),
        ("flow_0.py:3", """'x': mf.field('mad', "id")})""", "                     ^^^^"),
    ]


def test_without_the_word_the_carets_stand_under_the_whole_line(tmp_path):
    made = written(tmp_path, "made = mf.SequentialWorkflow('w').step('s')\n")
    _, line, carets = made.steps[0].where.at("elsewhere")
    assert (line, carets) == ("made = mf.SequentialWorkflow('w').step('s')", "^" * 43)


def test_a_place_whose_source_is_gone_has_no_line_and_no_carets():
    place = Where("/nowhere/flow.py", 3, 4)
    assert place.at("x") == (place, "", "")


def test_where_something_was_written_is_no_part_of_the_data(tmp_path):
    one = written(tmp_path, "made = mf.SequentialWorkflow('w').step('s')\n")
    two = written(tmp_path, "x = 1\n\nmade = mf.SequentialWorkflow('w').step('s')\n")
    assert (one, hash(one), one.to_json()) == (two, hash(two), two.to_json())
    assert (one.where.line, two.where.line) == (1, 3)


def test_a_long_chain_costs_each_verb_the_same(tmp_path):
    def calls(count):
        steps = "".join(f"    .step('s{n:04}', tool='a.b')\n" for n in range(count))
        counted = itertools.count()
        sys.setprofile(lambda *event: next(counted))
        try:
            written(tmp_path, f"made = (\n    mf.SequentialWorkflow('w')\n{steps})\n")
        finally:
            sys.setprofile(None)
        return next(counted)

    few, some, many = calls(100), calls(200), calls(500)
    assert abs((many - few) - 4 * (some - few)) < 0.05 * many


def test_a_notebook_cell_is_named_by_its_execution_count():
    script = """
        from IPython.core.interactiveshell import InteractiveShell
        shell = InteractiveShell.instance()
        run = lambda code: shell.run_cell(code, store_history=True).raise_error()
        run("import mcpflow_nb as mf")
        run('flow = (mf.SequentialWorkflow("w")\\n    .argument("who")\\n    .step("a", tool="x.y"))')
        run('flow = flow.step("b", tool="x.y", args={\\n    "p": mf.from_step("none")})')
        flow = shell.user_ns["flow"]
        (problem,) = [p for p in flow.check().problems if p.code == "unknown-binding"]
        place, line, carets = problem.source
        print([str(flow.where), str(flow.arguments[0].where), str(flow.steps[0].where), str(flow.steps[1].where)])
        print([str(place), line, line[carets.index("^"):len(carets)]])
    """
    run = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(script)]
    shown = subprocess.run(run, capture_output=True, text=True, timeout=60)
    assert (shown.stderr, [eval(line) for line in shown.stdout.splitlines()]) == (
        "",
        [
            ["In [2]:1", "In [2]:2", "In [2]:3", "In [3]:1"],
            ["In [3]:2", '"p": mf.from_step("none")})', '"none"'],
        ],
    )
