"""A run that is taken back: last first, each undo a record; what cannot be taken back remains, and is said to."""

import pytest

import mcpflow_nb as mf
from mcpflow_nb.records.trace import Trace
from mcpflow_nb.running.undoing import BY_HAND


class Company:
    """What a workflow changes, as its servers have it: `log` in order, `there` what is there now."""

    def __init__(self, *, undo=None, last=None):
        self.log, self.there, self.count = [], set(), 0

        def create() -> dict:
            self.count += 1
            self.log.append(f"create e{self.count}")
            self.there.add(f"e{self.count}")
            return {"id": f"e{self.count}"}

        def delete(id: str) -> dict:
            self.log.append(f"delete {id}")
            self.there.remove(id)
            return {"gone": id}

        def pay(id: str) -> dict:
            self.log.append(f"pay {id}")
            return {"ref": f"p-{id}"}

        def unpay(ref: str) -> dict:
            self.log.append(f"unpay {ref}")
            return {}

        tools = {
            "create": create,
            "delete": delete,
            "pay": pay,
            "unpay": undo(unpay) if undo else unpay,
            "mail": {"sent": 1},
        }
        self.mock = mf.mock({**tools, "last": mf.fail("no seat") if last is None else last})


def onboarding(**more):
    made = mf.SequentialWorkflow("onboard", **more)
    made = made.step(
        "create", tool="c.create", bind="made", undo={"tool": "c.delete", "args": {"id": mf.field("made", "id")}}
    )
    made = made.step(
        "pay", tool="c.pay", args={"id": mf.field("made", "id")}, bind="paid",
        undo={"tool": "c.unpay", "args": {"ref": mf.field("paid", "ref")}},
    )  # fmt: skip
    return made.step("mail", tool="c.mail").step("last", tool="c.last")


@pytest.fixture
def opened():
    """opened(company) connects the servers of one."""
    held = []

    def connect(company):
        servers = mf.connect(c=company.mock)
        held.append(servers)
        return servers

    yield connect
    for one in held:
        one.close()


def undone(run):
    return [(one.step, one.tool, one.status) for one in run.trace.undone]


def test_what_ran_is_taken_back_last_first_and_each_undo_is_a_record(opened):
    company = Company()
    run = onboarding().start(opened(company)).all()
    assert (run.outcome, company.there) == ("failed", {"e1"})
    assert run.rollback() is run
    assert (run.outcome, company.there) == ("undone", set())
    assert company.log == ["create e1", "pay e1", "unpay p-e1", "delete e1"]
    assert undone(run) == [("pay", "unpay", "ok"), ("create", "delete", "ok")]
    assert run.trace.undone[1].sent == {"id": "e1"}
    assert "taken back: 'pay', 'create'; has no undo=: 'mail'" in run.reason
    assert Trace.from_json(run.trace.to_json()) == run.trace
    assert [row.tool for row in run.effects() if row.undoes] == ["unpay", "delete"]


def test_a_workflow_may_roll_back_by_itself(opened):
    company = Company()
    run = onboarding(on_failure="rollback").start(opened(company)).all()
    assert (run.outcome, company.there, run["made"]) == ("undone", set(), {"id": "e1"})
    kinds = [(message.kind, message.step) for message in run.trace.messages][-3:]
    assert kinds == [("error", "last"), ("undo", "pay"), ("undo", "create")]


@pytest.mark.parametrize("until", ["pay", "mail", "last", None])
def test_a_run_can_be_taken_back_from_wherever_it_stands(opened, until):
    company = Company(last={})
    run = onboarding().start(opened(company))
    run = run.to(until) if until else run.all()
    assert (run.rollback().outcome, company.there) == ("undone", set())
    assert run.rollback().outcome == "undone"  # a cell that is run twice
    assert company.log.count("delete e1") == 1


def test_where_nothing_ran_that_has_an_undo_that_is_said(opened):
    run = onboarding().start(opened(Company()))
    with pytest.raises(mf.RunError, match=r"no step that ran has an undo=; run.effects\(\) shows what was done"):
        run.rollback()
    first = mf.SequentialWorkflow("w", on_failure="rollback").step("last", tool="c.last", undo={"tool": "c.mail"})
    assert first.start(opened(Company())).all().outcome == "failed"


def test_a_failed_undo_is_never_undone_and_a_second_rollback_goes_on_there(opened):
    company = Company(undo=lambda unpay: mf.sequence(mf.fail("not today"), unpay))
    run = onboarding().start(opened(company)).all().rollback()
    assert (run.outcome, company.there) == ("undo_failed", {"e1"})
    assert "undo of step 'pay': not today [tool_error]; remains: 'pay', 'create'" in run.reason
    with pytest.raises(mf.RunError, match=r"the run is undo_failed: .*run.rollback\(\) goes on with what remains"):
        run.step()
    assert run.rollback().outcome == "undone"
    assert [one.attempt for one in run.trace.undone] == [1, 2, 1]


def test_what_a_person_took_back_is_settled_and_the_rest_follows(opened):
    company = Company(undo=lambda _: mf.fail("never"))
    run = onboarding().start(opened(company)).all().rollback()
    with pytest.raises(
        mf.RunError, match="step 'mail' is not the one to be taken back next; there remain 'pay', 'create'"
    ):
        run.settle("mail")
    run.settle("pay")
    last = run.trace.undone[-1]
    assert (last.status, last.source, last.rule, last.started) == ("ok", "settled", BY_HAND, None)
    assert (run.outcome, run.rollback().outcome, company.there) == ("undo_failed", "undone", set())


def lost(unpay):
    return mf.sequence(mf.fault("lost"), unpay)


def test_an_undo_of_unknown_outcome_is_not_repeated_by_itself(opened):
    company = Company(undo=lost)
    run = onboarding().start(opened(company)).all().rollback()
    assert (run.outcome, undone(run)[-1]) == ("undo_failed", ("pay", "unpay", "unknown"))
    with pytest.raises(mf.RunError, match="whether step 'pay' was taken back is unknown"):
        run.rollback()
    assert run.retry("pay").outcome == "undo_failed"
    assert (undone(run)[-1][2], run.rollback().outcome) == ("ok", "undone")


def test_an_undo_that_may_be_repeated_is(opened):
    flow = onboarding()
    pay = flow["pay"]
    step = pay.model_copy(update={"undo": pay.undo.model_copy(update={"repeat": True}), "retry": mf.Retry(2, 0)})
    flow = flow.model_copy(update={"steps": (flow["create"], step, *flow.steps[2:])})
    run = flow.start(opened(Company(undo=lost))).all().rollback()
    assert (run.outcome, undone(run)[:2]) == ("undone", [("pay", "unpay", "unknown"), ("pay", "unpay", "ok")])


def test_a_run_whose_last_outcome_is_unknown_is_settled_first(opened):
    company = Company(last=mf.fault("lost"))
    run = onboarding(on_failure="rollback").start(opened(company)).all()
    assert (run.outcome, company.there) == ("unknown", {"e1"})
    with pytest.raises(mf.RunError, match=r"whether step 'last' ran is unknown; run.settle\('last', ...\) says"):
        run.rollback()
    assert run.settle("last", {}).rollback().outcome == "undone"


def test_every_call_of_a_step_that_was_run_again_is_taken_back(opened):
    company = Company(last={})
    run = onboarding().start(opened(company)).all()
    run.rerun("create")
    assert company.there == {"e1", "e2"}
    assert (run.rollback().outcome, company.there) == ("undone", set())
    assert company.log[-4:] == ["unpay p-e2", "delete e2", "unpay p-e1", "delete e1"]


def test_a_fork_takes_back_what_it_did_itself(opened):
    company = Company(last={})
    run = onboarding().start(opened(company)).to("pay")
    fork = run.fork().all()
    assert (fork.rollback().outcome, company.there, run.outcome) == ("undone", {"e1"}, "paused")


def test_what_was_taken_back_is_not_used_again(opened):
    company = Company(last=mf.sequence(mf.fail("no seat"), {}))
    run = onboarding().start(opened(company)).all().rollback()
    assert [row.will for row in run.back("create").plan()] == ["call", "call", "reuse", "wait for a re-run"]
    assert run.to("last")["made"] == {"id": "e2"}
    assert run.rerun("last").outcome == "completed"
    assert (run.rollback().outcome, company.there) == ("undone", set())


def test_a_rollback_is_in_the_journal(opened, tmp_path):
    company, path = Company(undo=lambda unpay: mf.sequence(mf.fail("not today"), unpay)), tmp_path / "j.sqlite"
    servers = opened(company)
    run = onboarding().start(servers, journal=path).all().rollback()
    again = mf.resume(run.id, servers, journal=path)
    assert (again.outcome, again.reason, undone(again)) == (run.outcome, run.reason, undone(run))
    assert again.rollback().outcome == "undone"
    last = mf.resume(run.id, servers, journal=path)
    assert (last.outcome, undone(last), last.trace) == ("undone", undone(again), again.trace)
    assert [one.outcome for one in mf.runs(journal=path)] == ["undone"]


def test_an_undo_is_pinned_and_looked_through_for_secrets(opened, tmp_path):
    flow = mf.SequentialWorkflow("w").step(
        "create", tool="c.create", bind="made", secret=["id"],
        undo={"tool": "c.delete", "args": {"id": mf.field("made", "id")}},
    )  # fmt: skip
    run = flow.start(opened(Company())).all().rollback()
    assert (run.outcome, run.trace.undone[0].sent) == ("undone", {"id": "••••"})


def test_a_run_that_was_taken_back_looks_like_it(opened):
    run = onboarding(on_failure="rollback").start(opened(Company())).all()
    shown = run._repr_mimebundle_()
    assert "undone after step 4 of 4" in shown["text/plain"]
    assert shown["text/plain"].count("↶ undone") == 2
    assert "Taken back" in shown["text/html"]
    assert "taken back:" in run.trace._repr_mimebundle_()["text/plain"]
    assert "Taken back: Step pay" in run.describe()
