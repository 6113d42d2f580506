"""Back, edit, pin, re-run, fork, adopt, breakpoints: what is called again, what is used again, and what is said."""

import threading

import pytest

import mcpflow_nb as mf


@pytest.fixture
def mocked():
    return mf.mock(
        {
            "create": lambda name: {"id": f"e-{name}", "email": f"{name}@x"},
            "pay": lambda id: {"paid": id},
            "mail": lambda to, text="hi": {"sent": to},
            "ends": ValueError("no"),
        }
    )


@pytest.fixture
def servers(mocked):
    with mf.connect(m=mocked) as opened:
        yield opened


def flow():
    return (
        mf.SequentialWorkflow("onboard", "Onboard")
        .argument("name")
        .step("create", tool="m.create", args={"name": mf.prompt_arg("name")}, bind="person")
        .step("pay", tool="m.pay", args={"id": mf.field("person", "id")}, bind="paid")
        .step("mail", tool="m.mail", args={"to": mf.field("person", "email")}, bind="mailed")
    )


def statuses(run):
    return [(record.step, record.status, record.source) for record in run.trace]


def called(mocked):
    return [tool for tool, _ in mocked.calls]


def test_going_back_and_forward_uses_results_again_and_calls_nothing(servers, mocked):
    run = flow().start(servers, name="Ada").all()
    run.back("pay")
    assert (run.outcome, run.position, run.next.step) == ("paused", 1, "pay")
    run.all()
    assert called(mocked) == ["create", "pay", "mail"]
    assert statuses(run)[3:] == [("pay", "ok", "reused"), ("mail", "ok", "reused")]
    assert (run.outcome, run["mailed"]) == ("completed", {"sent": "Ada@x"})


def test_back_alone_goes_one_step_and_at_a_failure_before_the_step_that_failed(servers):
    run = flow().step("ends", tool="m.ends").start(servers, name="Ada").all()
    assert (run.outcome, run.back().position, run.outcome) == ("failed", 3, "paused")
    assert (run.back().position, run.back().position, run.back().position) == (2, 1, 0)
    with pytest.raises(mf.RunError, match="before its first step"):
        run.back()


def test_back_does_not_go_forward(servers):
    run = flow().start(servers, name="Ada")
    run.step()
    with pytest.raises(mf.RunError, match="'mail' has not run; the run stands before 'pay'"):
        run.back("mail")
    with pytest.raises(mf.RunError, match="no step 'pya'; did you mean 'pay'"):
        run.back("pya")


def test_a_step_that_failed_is_called_again_by_a_rerun_alone(servers, mocked):
    run = flow().step("ends", tool="m.ends").start(servers, name="Ada").all()
    run.back()
    with pytest.raises(mf.RunError, match=r"'ends' was called and gave no value \[tool_error\]; run.rerun\('ends'\)"):
        run.step()
    assert called(mocked).count("ends") == 1
    run.rerun("ends")
    assert (called(mocked).count("ends"), run.outcome, run.trace[-1].attempt) == (2, "failed", 2)


def test_a_rerun_calls_from_there_as_far_as_the_run_was_told_to_go(servers, mocked):
    run = flow().start(servers, name="Ada").all()
    run.rerun("pay")
    assert called(mocked) == ["create", "pay", "mail", "pay", "mail"]
    assert [(r.step, r.attempt) for r in run.trace][3:] == [("pay", 2), ("mail", 2)]
    stepped = flow().start(servers, name="Bob")
    stepped.step()
    stepped.step()
    stepped.rerun("pay")
    assert (stepped.position, stepped.outcome, called(mocked)[5:]) == (2, "paused", ["create", "pay", "pay"])


def test_an_edit_of_a_step_that_comes_is_sent_and_marked(servers, mocked):
    run = flow().start(servers, name="Ada")
    run.step()
    run.edit("pay", id="e-9")
    assert [(p.name, p.value, p.origin) for p in run.next.arguments] == [("id", "e-9", "edited by hand")]
    run.all()
    assert mocked.calls[1] == ("pay", {"id": "e-9"})
    assert run.trace["pay"].arguments[0].origin == "edited by hand"


@pytest.mark.row("DF10")
def test_an_edit_of_a_step_that_ran_counts_only_after_a_rerun(servers, mocked):
    run = flow().start(servers, name="Ada").all()
    run.edit("pay", id="e-9")
    run.back("pay")
    with pytest.raises(mf.RunError, match="'pay' was called with other arguments"):
        run.step()
    assert run.rerun("pay").position == 2
    run.rerun("mail")
    assert mocked.calls[3:] == [("pay", {"id": "e-9"}), ("mail", {"to": "Ada@x"})]
    run.edit("pay")
    assert run.plan("pay").rows[0].will == "call"


def test_an_edit_is_checked_against_the_tool_and_changes_nothing_when_refused(servers):
    run = flow().start(servers, name="Ada")
    with pytest.raises(mf.RunError, match="'nmae' is no parameter; did you mean 'name'") as caught:
        run.edit("create", nmae="Bob", name=float("nan"))
    assert "'name': nan is no JSON number" in str(caught.value)
    assert run.next.sent == {"name": "Ada"}


def test_a_pinned_value_is_bound_without_a_call(servers, mocked):
    run = flow().start(servers, name="Ada")
    run.pin("create", {"id": "e-1", "email": "pin@x"})
    run.all()
    assert (called(mocked), run["mailed"]) == (["pay", "mail"], {"sent": "pin@x"})
    assert statuses(run)[0] == ("create", "ok", "pinned")


def test_a_pin_on_a_step_that_ran_leaves_what_read_it_to_a_rerun(servers, mocked):
    run = flow().start(servers, name="Ada").all()
    run.pin("create", {"id": "e-1", "email": "Ada@x"})
    assert run["person"] == {"id": "e-1", "email": "Ada@x"}
    run.back("create")
    run.step()
    with pytest.raises(mf.RunError, match="'pay' was called with other arguments"):
        run.step()
    run.rerun("pay").all()
    assert mocked.calls[3:] == [("pay", {"id": "e-1"}), ("mail", {"to": "Ada@x"})]


def test_a_pin_carries_a_run_past_a_step_that_failed(servers, mocked):
    run = flow().step("ends", tool="m.ends", bind="end").start(servers, name="Ada").all()
    run.pin("ends", {"ok": 1}).all()
    assert (run.outcome, run["end"], called(mocked).count("ends")) == ("completed", {"ok": 1}, 1)


def test_a_pin_that_the_output_schema_refuses_is_refused():
    out = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    with mf.connect(m=mf.mock({"t": {"n": 1}}, outputs={"t": out})) as servers:
        run = mf.SequentialWorkflow("w").step("s", tool="m.t", bind="x").start(servers)
        with pytest.raises(mf.RunError, match=r"run\.pin"):
            run.pin("s", {"n": "one"})
        assert run.pin("s", {"n": 2}).all()["x"] == {"n": 2}


def test_the_plan_says_what_each_remaining_step_will_do_before_any_of_it(servers, mocked):
    run = flow().step("ask", tool="m.mail", handoff=True).start(servers, name="Ada")
    run.to("ask")
    assert [(row.step, row.will) for row in run.plan()] == [("ask", "hand off")]
    assert [(row.step, row.will, row.source) for row in run.plan("pay")] == [
        ("pay", "call", "mock"), ("mail", "call", "mock"), ("ask", "hand off", None),
    ]  # fmt: skip
    run.back("create")
    assert [row.will for row in run.plan()] == ["reuse", "reuse", "reuse", "hand off"]
    run.edit("create", name="Bob")
    assert [row.will for row in run.plan()] == ["wait for a re-run", "may reuse", "may reuse", "hand off"]
    assert len(mocked.calls) == 3


def test_a_fork_goes_its_own_way_and_shares_what_ran(servers, mocked):
    run = flow().start(servers, name="Ada")
    run.step()
    other = run.fork()
    other.edit("pay", id="e-2").all()
    run.all()
    assert [call for call in mocked.calls if call[0] == "pay"] == [("pay", {"id": "e-2"}), ("pay", {"id": "e-Ada"})]
    assert (other.parent, run.children, other.forked_at) == (run, [other], 1)
    assert [(row.depth, row.run, row.here) for row in other.tree()] == [(0, run.id, False), (1, other.id, True)]


def test_the_ledger_has_every_call_of_the_tree_once(servers):
    run = flow().start(servers, name="Ada").all()
    other = run.fork()
    other.rerun("mail")
    other.back("create").all()
    run.call("pay", id="e-7")
    rows = [(row.run, row.step, row.attempt) for row in run.effects()]
    assert sorted(rows) == sorted(
        [(run.id, "create", 1), (run.id, "pay", 1), (run.id, "mail", 1), (other.id, "mail", 2), (run.id, "pay", 1)]
    )


def test_a_breakpoint_stops_before_its_step_once(servers, mocked):
    run = flow().breakpoint("mail").start(servers, name="Ada").all()
    assert (run.outcome, run.next.step) == ("paused", "mail")
    assert run.all().outcome == "completed"


@pytest.mark.parametrize(
    ("when", "stops"),
    [({"id": "e-Ada"}, True), ({"id": "e-Bob"}, False), (lambda call: call.sent["id"].endswith("a"), True),
     (lambda call: False, False)],
)  # fmt: skip
def test_a_condition_decides_over_the_next_call(servers, when, stops):
    run = flow().breakpoint("pay", when=when).start(servers, name="Ada").all()
    assert (run.outcome == "paused") is stops


def test_a_condition_that_fails_says_so_and_calls_nothing(servers, mocked):
    run = flow().breakpoint("pay", when=lambda call: call.sent["nope"]).start(servers, name="Ada")
    with pytest.raises(mf.RunError, match="breakpoint before step 'pay' failed: its function said KeyError"):
        run.all()
    assert (called(mocked), run.outcome) == (["create"], "paused")


def test_breakpoints_are_data_of_the_workflow_and_survive_a_file(tmp_path):
    made = flow().breakpoint("pay", when={"id": "e-1"}).breakpoint("mail")
    assert mf.load(made.save(tmp_path / "w.json")) == made
    with pytest.raises(mf.DefinitionError, match="no step 'pya'; did you mean 'pay'"):
        flow().breakpoint("pya")
    with pytest.raises(mf.DefinitionError, match="a function"):
        flow().breakpoint("pay", when=3)
    with pytest.raises(mf.DefinitionError, match="function, which no file can hold"):
        flow().breakpoint("pay", when=print).to_json()
    assert made.breakpoint("pay", when=False).breakpoints == flow().breakpoint("mail").breakpoints


@pytest.mark.row("DF10")
def test_adopting_a_changed_workflow_keeps_what_is_still_valid(servers, mocked):
    run = flow().start(servers, name="Ada").all()
    changed = flow()
    steps = [step if step.name != "pay" else step.arg("id", "fixed") for step in changed.steps]
    new = run.adopt(changed.model_copy(update={"steps": tuple(steps)}))
    assert (new.parent, new.position, new.outcome) == (run, 1, "paused")
    assert [(row.step, row.will) for row in new.plan()] == [("pay", "call"), ("mail", "reuse")]
    new.all()
    assert called(mocked) == ["create", "pay", "mail", "pay"]


def test_a_step_is_a_function_that_leaves_the_run_where_it_is(servers, mocked):
    run = flow().start(servers, name="Ada")
    run.step()
    assert run.call("pay", id="e-5") == {"paid": "e-5"}
    assert run.call("pay") == {"paid": "e-Ada"}
    assert (run.position, len(run.trace), "paid" in run.bindings) == (1, 1, False)
    with pytest.raises(mf.RunError, match="was not called"):
        run.call("pay", idd=1)


def test_a_run_that_was_cancelled_in_a_call_can_go_back_and_on(servers, mocked):
    gate, release = threading.Event(), threading.Event()
    slow = mf.mock({"t": lambda: gate.set() or (release.wait(5) and 1)})
    with mf.connect(slow=slow) as opened:
        run = mf.SequentialWorkflow("w").step("s", tool="slow.t", bind="x").start(opened)
        thread = threading.Thread(target=run.all)
        thread.start()
        assert gate.wait(5)
        run.cancel()
        thread.join(5)
        release.set()
        assert (run.outcome, run.trace[-1].status) == ("unknown", "unknown")
        with pytest.raises(mf.RunError, match=r"and gave no value \[unknown\]"):
            run.back().step()
        assert (run.rerun("s").outcome, run["x"]) == ("completed", 1)
