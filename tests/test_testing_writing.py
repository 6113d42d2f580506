"""`run.to_pytest`: the test passes as it is written, and fails with step and argument when a binding changes."""

import subprocess
import sys

import pytest

import mcpflow_nb as mf
from mcpflow_nb.testing.placeholders import Placeholders
from tests.benchmarks.sessions import SESSIONS

A, F = mf.prompt_arg, mf.field
BIG = 2**70 + 1


def pytest_says(file):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", file.name]
    done = subprocess.run(command, cwd=file.parent, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


def written(tmp_path, run, workflow=None, *, here=True):
    """The file, which passes: in this process, or where pytest runs it in another."""
    file = run.to_pytest(tmp_path / "test_written.py", workflow=workflow)
    if here:
        namespace = {"__file__": str(file), "__name__": "test_written"}
        exec(compile(file.read_text("utf-8"), str(file), "exec"), namespace)
        [test] = [part for name, part in namespace.items() if name.startswith("test_")]
        test()
    else:
        code, said = pytest_says(file)
        assert code == 0, said + file.read_text("utf-8")
    return file


def run_of(flow, tools, **arguments):
    with mf.connect({name: one if hasattr(one, "calls") else mf.mock(one) for name, one in tools.items()}) as servers:
        return flow.start(servers, arguments).all()


def onboarding():
    session = SESSIONS["onboarding"]
    return run_of(session.workflow, session.outputs, **session.arguments)


def test_the_test_of_onboarding_passes_and_fails_when_a_binding_changes(tmp_path):
    file = written(tmp_path, onboarding(), here=False)
    text = file.read_text("utf-8")
    assert max(map(len, text.splitlines())) <= 120
    at = text.index('.step("setup_payroll"')
    changed = text[at:].replace('mf.field("employee_record", "employee_id")', 'mf.field("employee_record", "email")', 1)
    file.write_text(text[:at] + changed, "utf-8")
    code, said = pytest_says(file)
    assert code == 1
    assert (
        """step 'setup_payroll', argument 'employee_id': expected "emp-456", it is "alice@company.example", """
        "from employee_record.email" in said
    )
    failed, _, _ = said.partition("short test summary info")  # which repeats it whole where CI is set
    assert failed.count("AssertionError: run of 'onboard_employee', 1 difference:") == 1


def test_an_argument_that_is_added_fails_too(tmp_path):
    file = written(tmp_path, onboarding())
    file.write_text(
        file.read_text("utf-8").replace(
            '"template": "welcome_employee",', '"template": "welcome_employee", "cc": 1,', 1
        ),
        "utf-8",
    )
    code, said = pytest_says(file)
    assert (code, "step 'send_welcome', argument 'cc': it was sent, and is not expected" in said) == (1, True)


def test_the_workflow_may_stand_in_a_module_or_in_a_file(tmp_path):
    run = onboarding()
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "people.py").write_text(run.workflow.to_python("onboard"), "utf-8")
    text = written(tmp_path, run, "flows.people:onboard", here=False).read_text("utf-8")
    assert "from flows.people import onboard as workflow\n" in text
    assert "SequentialWorkflow" not in text
    saved = run.workflow.save(tmp_path / "flows" / "onboard.json")
    text = written(tmp_path, run, str(saved)).read_text("utf-8")
    assert 'workflow = mf.load(Path(__file__).parent / "flows/onboard.json")\n' in text


def test_values_are_exact_and_a_tool_may_answer_in_turn(tmp_path):
    flow = (
        mf.SequentialWorkflow("Café: \"x\" '''")
        .argument("start", type=int)
        .step("one", tool="m.next", args={"n": A("start")}, bind="a")
        .step("two", tool="m.next", args={"n": F("a", "n"), "tags": ["x", 1.0, True, None]}, bind="b")
        .step("text", tool="m.json", parse="json", args={"n": F("b", "n")}, bind="c")
        .step("last", tool="m.none", args={"whole": mf.from_step("c"), "s": "\u202e\n'\""}, bind="d")
    )
    tools = {"next": lambda n, tags=None: {"n": n + BIG}, "json": '{"n": [1, 2.50]}', "none": None}
    run = run_of(flow, {"m": tools}, start=BIG)
    text = written(tmp_path, run).read_text("utf-8")
    assert f'mf.sequence({{"n": {2 * BIG}}}, {{"n": {3 * BIG}}})' in text


def test_a_run_that_failed_is_a_test_that_expects_it(tmp_path):
    flow = mf.SequentialWorkflow("fails").step("a", tool="m.a", bind="x").step("b", tool="m.b").step("c", tool="n.c")
    run = run_of(flow, {"m": {"a": 1, "b": RuntimeError('no "luck"\n')}, "n": {"c": 1}})
    text = written(tmp_path, run).read_text("utf-8")
    assert 'outcome="failed"' in text
    assert '"c": RuntimeError("it was not called when this was recorded")' in text


def test_a_handoff_and_its_answer_are_repeated(tmp_path):
    flow = (
        mf.SequentialWorkflow("asks")
        .step("a", tool="m.a", bind="x")
        .step("b", tool="m.b", args={"id": F("x", "id")})
        .step("c", tool="m.c")
    )
    tools = {"a": {"id": 1}, "b": lambda id, word: word, "c": 2}
    left = run_of(flow, {"m": tools})
    assert left.outcome == "handoff"
    assert 'outcome="handoff"' in written(tmp_path, left).read_text("utf-8")
    with mf.connect(m=mf.mock(tools)) as servers:
        run = flow.start(servers).all().answer(word="yes")
    text = written(tmp_path, run).read_text("utf-8")
    assert '        run.answer({"word": "yes"})\n' in text
    assert 'order=["a", "b", "b", "c"]' in text


def test_resources_are_mocked_too_and_a_pause_stays_one(tmp_path):
    flow = (
        mf.SequentialWorkflow("reads").argument("team")
        .step("a", tool="m.a", resources=["docs://{team}/x.md"], guidance="Hello {team}", bind="x")
        .step("b", resources=["pic://{id}"], template={"id": mf.from_step("x")})
        .step("c", tool="m.c").breakpoint("b")
    )  # fmt: skip
    mock = mf.mock({"a": "é ü", "c": 1}, resources={"docs://{team}/x.md": "text", "pic://{id}": b"\x00\xff"})
    with mf.connect(m=mock) as servers:
        run = flow.start(servers, team="hr").to("c").to("c")
    assert (run.outcome, run.position) == ("paused", 2)
    text = written(tmp_path, run).read_text("utf-8")
    assert "pic://%C3%A9%20%C3%BC" in text
    assert 'while run.outcome == "paused" and run.position < 2:' in text


def test_one_and_one_point_nought_under_secret_names_keep_their_types():
    found = Placeholders()
    assert [type(one) for one in found.safe({"pwd": [1, 1.0, True, None]})["pwd"]] == [int, float, bool, type(None)]


@pytest.mark.parametrize("uri", ["docs://x", "docs://{id}"])
def test_a_resource_that_failed_before_or_after_the_call_fails_again(tmp_path, uri):
    step = mf.WorkflowStep(
        "a", tool="m.a", bind="x", resources=[uri], template={"id": mf.from_step("x")} if "{" in uri else {}
    )
    mock = mf.mock({"a": "7"}, resources={"docs://x": OSError("gone"), "docs://7": OSError("gone")})
    with mf.connect(m=mock) as servers:
        run = mf.SequentialWorkflow("reads").step(step).start(servers).all()
    assert run.trace[0].status == ("resource_error" if "{" in uri else "not_sent")
    assert ('calls={"m.a": 1}' in written(tmp_path, run).read_text("utf-8")) == ("{" in uri)


SECRETS = ["tok-9f8e7d6c5b", "pass-phrase-1", "key-constant-7"]


def secret_flow():
    return (
        mf.SequentialWorkflow("login").argument("user").argument("password").argument("pin", type=int)
        .step("login", tool="auth.login", bind="session", args={"user": A("user"), "password": A("password"), "n": A("pin")})
        .step("call", tool="api.call", args={
            "token": F("session", "access_token"), "header": mf.template("Bearer {t}", t=F("session", "access_token")),
            "api_key": "key-constant-7", "count": F("session", "token_count"), "plain": "hello",
        })
    )  # fmt: skip


def secret_run():
    tools = {
        "auth": {"login": {"access_token": SECRETS[0], "token_count": 3}},
        "api": {"call": {"said": f"got {SECRETS[0]}"}},
    }
    return run_of(secret_flow(), tools, user="ada", password=SECRETS[1], pin=3)


def test_secrets_are_not_written_and_the_test_passes_all_the_same(tmp_path):
    text = written(tmp_path, secret_run(), here=False).read_text("utf-8")
    assert [one for one in SECRETS if one in text] == []
    assert "secrets were not written; 'secret-1' and the like stand for them" in text
    assert '"header": "Bearer secret-' in text
    assert '"plain": "hello"' in text
    assert '"pin": 3' in text


def test_a_secret_constant_of_a_workflow_elsewhere_is_not_asserted(tmp_path):
    (tmp_path / "flows.py").write_text(secret_flow().to_python("login"), "utf-8")
    text = written(tmp_path, secret_run(), "flows:login", here=False).read_text("utf-8")
    assert [one for one in SECRETS if one in text] == []
    assert '# not asserted, a secret of the workflow itself: "call.api_key"' in text


def test_a_secret_in_a_text_of_the_workflow_is_refused(tmp_path):
    flow = mf.SequentialWorkflow("tells").step(
        "a", tool="m.a", guidance="use hunter-2222", args={"token": "hunter-2222"}
    )
    with pytest.raises(
        mf.RunError, match=r"a secret .* stands in a name or a text of the workflow; nothing was written"
    ):
        run_of(flow, {"m": {"a": 1}}).to_pytest(tmp_path / "test_x.py")
    assert list(tmp_path.iterdir()) == []


def test_a_cell_may_run_twice_but_a_file_of_the_reader_stays(tmp_path):
    run = onboarding()
    file = run.to_pytest(tmp_path / "test_x.py")
    before = file.read_bytes()
    assert run.to_pytest(file).read_bytes() == before
    file.write_text("def test_mine(): pass\n")
    with pytest.raises(mf.RunError, match=r"is not one which run\.to_pytest wrote"):
        run.to_pytest(file)
    assert file.read_text() == "def test_mine(): pass\n"


@pytest.mark.parametrize("place", ["", "os; import sys:x", "a.b", "a:b.c", "a:class", "a b:c"])
def test_a_place_that_is_none_is_refused(tmp_path, place):
    with pytest.raises(mf.RunError, match=r"workflow is 'package.module:name', a .json file or None"):
        onboarding().to_pytest(tmp_path / "test_x.py", workflow=place)


def test_another_workflow_in_the_file_and_a_folder_that_is_missing_are_refused(tmp_path):
    saved = mf.SequentialWorkflow("other").save(tmp_path / "other.json")
    with pytest.raises(mf.RunError, match="holds another workflow"):
        onboarding().to_pytest(tmp_path / "test_x.py", workflow=str(saved))
    with pytest.raises(mf.RunError, match="there is no folder"):
        onboarding().to_pytest(tmp_path / "gone" / "test_x.py")


def test_what_was_done_by_hand_is_refused_with_the_step(tmp_path):
    flow = mf.SequentialWorkflow("hand").step("a", tool="m.a", args={"n": 1}, bind="x").step("b", tool="m.b")
    with mf.connect(m=mf.mock({"a": 1, "b": 2})) as servers:
        edited, pinned, idle = (flow.start(servers) for _ in range(3))
        edited.edit("a", n=2)
        pinned.pin("a", 7)
        for run, words in (
            (edited.all(), "step 'a', argument 'n' was edited by hand"),
            (pinned.all(), "step 'a': its value was given"),
            (idle, "no step of this run has run"),
        ):
            with pytest.raises(mf.RunError, match=words):
                run.to_pytest(tmp_path / "test_x.py")
    assert list(tmp_path.iterdir()) == []


def test_of_a_step_that_ran_again_the_last_counts(tmp_path):
    flow = (
        mf.SequentialWorkflow("again")
        .step("a", tool="m.a", bind="x")
        .step("b", tool="m.b", args={"id": mf.from_step("x")})
    )
    numbers = iter(range(9))
    with mf.connect(m=mf.mock({"a": lambda: next(numbers), "b": None})) as servers:
        run = flow.start(servers).all()
        run.rerun("a")
        run.all()
    assert '"a": 1,' in written(tmp_path, run).read_text("utf-8")
