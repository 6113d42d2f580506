"""Measuring a client: trials are paired, written at once, gone on with, scored again, and say what is no evidence."""

import asyncio
import dataclasses
import json
import re

import pytest

import mcpflow_nb as mf
from mcpflow_nb import compliance
from mcpflow_nb.compliance.examples import EXAMPLES
from mcpflow_nb.compliance.tasks import Task

NOTE = "simulated: not evidence"
PERFECT = compliance.scripted(skips=0, reorders=0, invents=0)


async def idle(talk):
    """A client that does nothing."""


def real(function):
    """A function as an agent that says it is no simulation, and costs nothing."""
    function.simulated, function.sends = False, False
    return function


def test_a_client_that_follows_is_compliant_in_every_task_and_mode():
    found = compliance.run(PERFECT, seeds=[0, 1])
    assert {(key, scores.why) for key, scores in found.scores.items() if not scores.compliant} == set()
    assert [(one.mode, one.trials, one.lost) for one in found.modes] == [
        ("direct", 6, 0), ("instructions", 6, 0), ("hybrid_without_guidance", 6, 0), ("hybrid", 6, 0), ("server", 4, 0),
    ]  # fmt: skip


def test_a_client_that_does_nothing_is_compliant_only_where_the_server_does_it_all():
    found = compliance.run(real(idle), seeds=[0])
    assert {one.mode: (one.rates["compliant"].yes, one.trials) for one in found.modes} == {
        "direct": (0, 3), "instructions": (0, 3), "hybrid_without_guidance": (0, 3), "hybrid": (0, 3), "server": (2, 2),
    }  # fmt: skip


def heard(mode, task="onboarding"):
    """What an agent is told in a mode, and what the server had done by then."""
    told = []

    async def listen(talk):
        told.extend([talk.messages, talk.world.happened(), talk.tools])

    compliance.run(real(listen), compliance.tasks(task), modes=[mode], seeds=[0])
    return told


def test_each_mode_tells_what_it_says():
    direct, instructions, bare, hybrid = (heard(mode) for mode in [*compliance.MODES][:4])
    name = compliance.tasks("onboarding")[0].drawn(0)["employee_name"]
    texts = ["\n".join(one["content"] for one in told[0]) for told in (direct, instructions, bare, hybrid)]
    assert [len(told[1]) for told in (direct, instructions, bare, hybrid)] == [0, 0, 2, 2]
    assert [["### Step 5" in text, "Over to you at step" in text] for text in texts] == [
        [False, False], [True, False], [False, True], [False, True],
    ]  # fmt: skip
    assert [["A team has the name" in text, f"Give {name} access" in text] for text in (texts[2], texts[3])] == [
        [False, False], [True, True],
    ]  # fmt: skip
    assert "In one call" not in texts[1]
    assert [[one["role"][0] for one in told[0]] for told in (direct, instructions, bare, hybrid)] == [
        ["u"], ["u"], [*"uauauau"], [*"uauauauau"],
    ]  # fmt: skip
    assert [one["name"] for one in direct[2]] == [
        "hr_create_employee", "hr_find_employee", "finance_create_payroll", "eng_create_user", "it_send_laptop",
        "comms_send_email", "comms_post_message",
    ]  # fmt: skip
    assert "A task is a line that begins with TODO" in "\n".join(
        one["content"] for one in heard("hybrid", "journal")[0]
    )


def test_the_same_seed_gives_the_same_arguments_and_ids_in_every_mode_and_another_seed_others():
    found = compliance.run(PERFECT, compliance.tasks("onboarding"), seeds=[0, 1])
    made = {}
    for one in found.trials:
        made.setdefault(one.seed, set()).add(json.dumps([dict(one.arguments), *[call.value for call in one.calls]]))
    assert [len(every) for every in made.values()] == [1, 1]
    assert made[0] != made[1]


def test_the_readers_own_servers_of_the_same_names_stay_open():
    with mf.connect(hr=mf.mock({"t": 1})) as servers:
        compliance.run(PERFECT, compliance.tasks("onboarding"), modes=["hybrid"], seeds=[0])
        assert servers.call("hr.t") == 1


def test_trials_that_are_there_are_not_run_again_and_lost_ones_are(tmp_path):
    path, asked = tmp_path / "t.jsonl", []

    @real
    async def agent(talk):
        asked.append(talk.seed)
        if asked.count(1) == 1 and talk.seed == 1:
            raise OSError("the network is away")

    def run(seeds):
        return compliance.run(agent, compliance.tasks("journal"), modes=["direct"], seeds=seeds, path=path)

    assert [(one.status, one.reason) for one in run([0, 1]).trials] == [
        ("done", ""), ("lost", "OSError: the network is away"),
    ]  # fmt: skip
    assert [one.status for one in run([0, 1, 2]).trials] == ["done", "done", "done"]
    assert asked == [0, 1, 1, 2]
    assert path.read_text("utf-8").count("\n") == 4
    again = compliance.score(path)
    assert [one.seed for one in again.trials] == [0, 1, 2]
    assert again.scores == run([0, 1, 2]).scores


def test_a_last_line_that_was_cut_off_is_run_again(tmp_path):
    path = tmp_path / "t.jsonl"
    whole = compliance.run(PERFECT, compliance.tasks("journal"), modes=["direct"], seeds=[0, 1], path=path)
    text = path.read_bytes()
    for cut in (text[:-1], text[:-200], text[: text.index(b"\n") + 5]):
        path.write_bytes(cut)
        assert len(compliance.score(path)) == 1
        found = compliance.run(PERFECT, compliance.tasks("journal"), modes=["direct"], seeds=[0, 1], path=path)
        assert (found.trials, path.read_bytes()) == (whole.trials, text)


@pytest.mark.parametrize(
    "content", ["no newline", "{}\n", "[1]\n", '{"format": 1}\n', "\n", '{"format": "mcpflow-nb x"}']
)
def test_a_file_of_something_else_is_refused_and_left_as_it_is(content, tmp_path):
    path = tmp_path / "mine.txt"
    path.write_text(content)
    with pytest.raises(mf.LoadError, match=r"no trial of mcpflow_nb\.compliance"):
        compliance.run(PERFECT, seeds=[0], path=path)
    assert path.read_text() == content


def test_a_path_that_cannot_be_written_is_refused_before_anything_is_asked(tmp_path):
    with pytest.raises(mf.LoadError, match=r"t\.jsonl"):
        compliance.run(real(idle), seeds=[0], path=tmp_path / "not there" / "t.jsonl")
    with pytest.raises(mf.LoadError):
        compliance.score(tmp_path / "missing.jsonl")


def test_a_file_of_another_agent_or_of_another_version_of_a_task_is_refused(tmp_path):
    path, (task,) = tmp_path / "t.jsonl", compliance.tasks("journal")
    compliance.run(PERFECT, task, modes=["direct"], seeds=[0], path=path)
    with pytest.raises(mf.ComplianceError, match=r"has trials of 'scripted: follows 1, .*', not of 'idle'"):
        compliance.run(real(idle), task, modes=["direct"], seeds=[0], path=path)
    changed = dataclasses.replace(task, goal="Something else")
    for again in (
        lambda: compliance.run(PERFECT, changed, modes=["direct"], path=path),
        lambda: compliance.score(path, changed),
    ):
        with pytest.raises(mf.ComplianceError, match="another version of the task 'journal'"):
            again()
    with pytest.raises(mf.ComplianceError, match="of a task 'journal'; known: 'onboarding'"):
        compliance.score(path, compliance.tasks("onboarding"))


def test_what_is_simulated_says_so_everywhere_and_has_no_p_value(tmp_path):
    path = tmp_path / "t.jsonl"
    found = compliance.run(compliance.scripted(skips=0.3), seeds=range(3), path=path)
    for one in (found, compliance.score(path), compliance.run(compliance.recorded(path), seeds=range(3))):
        bundle = one._repr_mimebundle_()
        assert all(NOTE in text for text in (*bundle.values(), repr(one)))
        assert bundle["text/html"].count(NOTE) == 3
        assert (one.df.attrs, one.df["simulated"].all()) == ({"note": NOTE}, True)
        with pytest.raises(mf.ComplianceError, match=r"no p-value, simulated: not evidence: .* compliance.endpoint"):
            one.p_value("hybrid", "direct")
    assert {json.loads(line)["note"] for line in path.read_text("utf-8").splitlines()} == {NOTE}
    plan = compliance.plan(agent=compliance.scripted())
    assert all(NOTE in text for text in (*plan._repr_mimebundle_().values(), repr(plan), plan.df.attrs["note"]))


def test_a_plan_counts_what_may_be_sent_and_a_limit_refuses():
    plan = compliance.plan(compliance.tasks("journal"), ["direct", "server"], range(3), most=5)
    assert [(one.task, one.mode, one.trials, one.requests, one.tokens > 0) for one in plan.rows] == [
        ("journal", "direct", 3, 15, True)
    ]
    assert (plan.trials, plan.requests, plan.left_out) == (3, 15, (("journal", "server"),))
    assert compliance.plan(agent=PERFECT).requests == 0
    plan = compliance.plan(compliance.tasks("onboarding"), ["server"], [0])
    assert (plan.requests, plan.tokens) == (0, 0)

    async def costly(talk):
        raise AssertionError

    costly.sends = True
    for limit in ({"limit_requests": 10}, {"limit_tokens": 10}):
        with pytest.raises(mf.ComplianceError, match="nothing was sent"):
            compliance.run(costly, compliance.tasks("journal"), seeds=[0], **limit)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"modes": ["hybird"]}, "modes: there is no 'hybird'; did you mean 'hybrid'"),
        ({"modes": []}, "at least one mode"),
        ({"seeds": []}, "at least one mode, and seeds"),
        ({"seeds": ["a"]}, "seeds as numbers"),
        ({"seeds": range(10**12)}, "at most 10,000"),
        ({"tasks": []}, "give one or more compliance.Task"),
        ({"tasks": ["onboarding"]}, "give one or more compliance.Task"),
        ({"tasks": compliance.tasks("journal") * 2}, "each with a name of its own"),
    ],
)
def test_what_cannot_be_measured_is_refused(given, words):
    for begin in (lambda: compliance.run(idle, **given), lambda: compliance.plan(**given)):
        with pytest.raises(mf.DefinitionError, match=words):
            begin()


def test_other_slips_are_refused_with_what_there_is():
    with pytest.raises(mf.DefinitionError, match="did you mean 'onboarding'"):
        compliance.tasks("onbording")
    with pytest.raises(mf.DefinitionError, match="an async callable, not str"):
        compliance.run("gpt")
    with pytest.raises(mf.DefinitionError, match="together at most 1"):
        compliance.scripted(skips=0.9, invents=0.9)
    for wrong in ({"most": 0}, {"concurrency": 0}, {"seconds": 0}):
        with pytest.raises(mf.DefinitionError, match="are at least 1"):
            compliance.run(PERFECT, **wrong)
    with pytest.raises(mf.DefinitionError, match=r"give a pydantic_ai\.Agent, not str"):
        compliance.pydantic_ai("gpt")
    found = compliance.run(PERFECT, compliance.tasks("journal"), modes=["direct"], seeds=[0])
    for asked in (("hybrid", "direct"), ("direct", "direct", "compleat")):
        with pytest.raises(mf.ComplianceError, match="there is no"):
            found.difference(*asked)


def test_a_task_that_does_not_fit_its_workflow_is_refused():
    flow = mf.SequentialWorkflow("w").argument("a").step("s", tool="m.t")
    good = {"name": "t", "goal": "", "workflow": flow, "world": dict, "arguments": {"a": ("1",)}, "hands_over": "s"}
    assert Task(**good).drawn(0) == {"a": "1"}
    for wrong, words in (
        ({"hands_over": "x"}, "no step 'x'"),
        ({"arguments": {}}, "give values for the arguments"),
        ({"arguments": {"a": ()}}, "give values for the arguments"),
        ({"arguments": {"a": ("1",), "b": ("1",)}}, "and no others: 'a'"),
        ({"answers": {"y": dict}}, "no step 'y'"),
        ({"workflow": flow.step("bare", tool="t")}, "write tool='server.tool'"),
    ):
        with pytest.raises(mf.DefinitionError, match=words):
            Task(**{**good, **wrong})


def test_an_agent_that_takes_too_long_is_a_lost_trial_and_others_go_on():
    @real
    async def slow(talk):
        if talk.seed == 0:
            await asyncio.Event().wait()

    found = compliance.run(
        slow, compliance.tasks("journal"), modes=["direct"], seeds=[0, 1], seconds=0.2, concurrency=2
    )
    assert [(one.status, one.reason) for one in found.trials] == [("lost", "it took longer than 0.2 s"), ("done", "")]


def test_it_can_be_awaited():
    found = asyncio.run(compliance.run.aio(PERFECT, compliance.tasks("journal"), modes=["direct"], seeds=[0]))
    assert len(found) == 1


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_task_of_the_package_has_tools_that_endpoints_take(name):
    assert compliance.tasks(name)[0].workflow.check()
    tools = heard("direct", name)[2]
    assert [one["name"] for one in tools if not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", one["name"])] == []
    for tool in tools:
        for schema in tool["parameters"]["properties"].values():
            assert schema.get("type") in ("string", "integer") or schema == {
                "type": "array", "items": {"type": "string"},
            }  # fmt: skip


def test_where_nothing_can_be_measured_the_results_are_empty_and_shown():
    found = compliance.run(PERFECT, compliance.tasks("journal"), modes=["server"])
    assert (len(found), found.modes, found.differences, len(found.df)) == (0, (), (), 0)
    assert "No trials." in found._repr_mimebundle_()["text/html"]
