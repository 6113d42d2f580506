"""Steps that run side by side: which, in what order they are told, and what becomes of them when one of them fails."""

import asyncio
import json

import pytest

import mcpflow_nb as mf
from mcpflow_nb.bridge import run as in_io_thread
from mcpflow_nb.workflows.levels import levels
from tests.test_retrying import restarted


class Office:
    """A mock whose tools meet: each waits until `together` of them are under way, or a second is over."""

    def __init__(self, together=3, **answers):
        self.log, self.inside, self.most, self.together = [], 0, 0, together
        self.met, self.full = asyncio.Event(), asyncio.Event()
        tools = {name: self.tool(name, answers.get(name)) for name in ("payroll", "github", "laptop")}
        self.mock = mf.mock({"create": {"id": "e1"}, "welcome": lambda x, y: {"sent": [x, y]}, **tools})

    def tool(self, name, answer):
        async def meet(id: str) -> dict:
            self.log.append(name)
            self.inside += 1
            self.most = max(self.most, self.inside)
            if self.inside == self.together:
                self.met.set()
            if self.inside == 3:
                self.full.set()
            try:
                async with asyncio.timeout(1):
                    await self.met.wait()
            except TimeoutError:
                pass
            self.inside -= 1
            if isinstance(answer, Exception):
                raise answer
            return {"is": name}

        return answer if answer is not None and not isinstance(answer, Exception) else meet


def onboarding(**more):
    made = mf.SequentialWorkflow("onboard", **more).step("create", tool="c.create", bind="made")
    for name in ("payroll", "github", "laptop"):
        made = made.step(name, tool=f"c.{name}", args={"id": mf.field("made", "id")}, bind=name)
    args = {"x": mf.from_step("github"), "y": mf.from_step("laptop")}
    return made.step("welcome", tool="c.welcome", args=args, bind="sent").parallel()


def told(run):
    return [(one.step, one.status, one.source) for one in run.trace]


STEPS = ["create", "payroll", "github", "laptop", "welcome"]


def test_neighbours_that_read_nothing_of_one_another_run_at_once_and_are_told_in_order():
    office = Office()
    with mf.connect(c=office.mock) as servers:
        run = onboarding().start(servers).all()
        alone = onboarding().parallel(False).start(servers).all()
    assert (run.outcome, office.most, [one.step for one in run.trace]) == ("completed", 3, STEPS)
    assert told(alone) == told(run)
    assert run.bindings == alone.bindings


def test_one_step_at_a_time_stays_one_step_and_to_stops_where_it_should():
    office = Office(together=2)
    with mf.connect(c=office.mock) as servers:
        run = onboarding().start(servers)
        run.step()
        assert (run.step().step, run.position) == ("payroll", 2)
        run = onboarding().start(servers).to("laptop")
        assert (run.position, [one.step for one in run.trace]) == (3, STEPS[:3])
        assert office.most == 2


@pytest.mark.parametrize("change", [{"handoff": True}, {"approve": True}])
def test_a_step_that_waits_for_somebody_is_alone(change):
    flow = onboarding()
    steps = [one.model_copy(update=change) if one.name == "github" else one for one in flow.steps]
    assert [list(one) for one in levels(steps)] == [[0], [1], [2], [3], [4]]


def test_what_ran_beside_a_step_that_fails_is_kept_and_never_called_again(tmp_path):
    office = Office(payroll=ValueError("closed"))
    with mf.connect(c=office.mock) as servers:
        run = onboarding().start(servers, journal=tmp_path / "j.db").all()
        assert (run.outcome, run.position) == ("failed", 1)
        assert told(run)[1:] == [("payroll", "tool_error", "mock"), ("github", "ok", "mock"), ("laptop", "ok", "mock")]
        assert [one.step for one in run.trace.ahead] == ["welcome"]
        again = mf.resume(run.id, servers, journal=tmp_path / "j.db")
        assert (again.outcome, told(again)) == (run.outcome, told(run))
        again.pin("payroll", {"is": "by hand"}).all()
    assert told(again)[4:] == [
        ("payroll", "ok", "pinned"), ("github", "ok", "reused"), ("laptop", "ok", "reused"), ("welcome", "ok", "mock"),
    ]  # fmt: skip
    assert sorted(office.log) == ["github", "laptop", "payroll"]


def test_a_rerun_of_the_one_that_failed_calls_that_one_alone():
    office = Office(payroll=mf.sequence(mf.fail("closed"), {"is": "payroll"}), together=2)
    with mf.connect(c=office.mock) as servers:
        run = onboarding().start(servers).all()
        assert run.rerun("payroll").all().outcome == "completed"
    assert sorted(office.log) == ["github", "laptop"]


def test_two_that_nobody_knows_of_are_settled_one_after_the_other():
    office = Office(payroll=mf.fault("lost"), github=mf.fault("lost"), together=9)
    with mf.connect(c=office.mock) as servers:
        run = onboarding().start(servers).all()
        assert (run.outcome, run.position) == ("unknown", 1)
        run.settle("payroll", {"is": 1}).all()
        assert (run.outcome, run.position) == ("unknown", 2)
        assert run.settle("github", {"is": 2}).all().outcome == "completed"
    assert run["sent"]["sent"][0] == {"is": 2}


def test_a_failure_takes_back_what_ran_beside_it_too():
    office = Office(payroll=ValueError("closed"))
    gone = []
    with mf.connect(c=office.mock, d=mf.mock({"drop": lambda what: gone.append(what) or {}})) as servers:
        flow = onboarding(on_failure="rollback")
        undo = mf.WorkflowStep(
            "x", tool="d.drop", undo={"tool": "d.drop", "args": {"what": mf.field("laptop", "is")}}
        ).undo
        steps = [one.model_copy(update={"undo": undo}) if one.name == "laptop" else one for one in flow.steps]
        run = flow.model_copy(update={"steps": tuple(steps)}).start(servers).all()
    assert (run.outcome, gone) == ("undone", ["laptop"])


def test_an_interrupt_ends_all_of_them_and_each_is_written_down():
    office = Office(together=9)
    with mf.connect(c=office.mock) as servers:
        run = onboarding().start(servers)
        run.step()

        async def cut():
            task = asyncio.create_task(run.all.aio())
            await office.full.wait()
            await run.cancel.aio()
            await task

        in_io_thread(cut())
    assert [one.status for one in run.trace][1:] == ["unknown"] * 3
    assert run.outcome == "unknown"


def test_a_process_that_dies_with_several_under_way_repeats_none_of_them(tmp_path):
    office, path = Office(together=9), tmp_path / "j.db"
    with mf.connect(c=office.mock) as servers:
        run = onboarding().start(servers, journal=path)

        async def begun():
            task = asyncio.create_task(run.all.aio())
            await office.full.wait()
            return task

        task = in_io_thread(begun())
        again = restarted(run, path, servers)
        in_io_thread(_cancelled(task))
        assert (again.outcome, told(again)[1:]) == ("unknown", [(one, "unknown", "mock") for one in STEPS[1:4]])
        for name in STEPS[1:4]:
            again.settle(name, {"is": name})
            again.all()
        assert again.outcome == "completed"
    assert sorted(office.log) == ["github", "laptop", "payroll"]


async def _cancelled(task):
    task.cancel()
    await asyncio.wait([task])


def test_it_is_data_and_is_drawn():
    flow = onboarding()
    assert (json.loads(flow.to_json())["side_by_side"], mf.SequentialWorkflow.from_saved(flow.saved())) == (True, flow)
    assert ".parallel()" in flow.to_python()
    assert "s0 -> s1" in flow.graph().dot
    assert "s0 -> s3" in flow.graph().dot
    assert "s1 -> s2" not in flow.graph().dot


def test_a_failure_is_told_by_its_own_record_also_where_another_came_after_it(request):
    servers = mf.connect(a=mf.mock({"bad": mf.fail("boom"), "ok": {"n": 1}}))
    request.addfinalizer(servers.close)
    flow = mf.SequentialWorkflow("p").step("one", tool="a.bad").step("two", tool="a.ok").parallel()
    run = flow.start(servers).all()
    assert ([one.step for one in run.trace], run.stopped.step) == (["one", "two"], "one")
    assert run.reason == "step 'one', tool 'bad' on server 'a': boom [tool_error]"
    assert repr(run) == "<Run p: failed at step 1 of 2>"
    text = run._repr_mimebundle_()["text/plain"]
    assert 'run.rerun("one")' in text.replace("'", '"')
