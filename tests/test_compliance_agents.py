"""Agents: a recording, a person, one of pydantic-ai, a function of the reader's own."""

import dataclasses
import sys
import types

from mcpflow_nb import compliance


def real(function):
    """A function as an agent that says it is no simulation, and costs nothing."""
    function.simulated, function.sends = False, False
    return function


def test_a_function_is_simulated_unless_it_says_otherwise():
    async def mine(talk):
        """An agent of the reader's own."""

    assert compliance.run(mine, compliance.tasks("journal"), modes=["direct"], seeds=[0]).simulated
    mine.simulated, mine.sends = False, False
    found = compliance.run(mine, compliance.tasks("journal"), modes=["direct"], seeds=[0])
    assert (found.simulated, found.note, "simulated" in found._repr_mimebundle_()["text/plain"]) == (False, "", False)


def test_a_recording_does_the_same_again_also_what_was_wrong(tmp_path):
    path = tmp_path / "t.jsonl"

    @real
    async def agent(talk):
        await talk.call("no_such_tool", {"x": 1})
        await talk.call("logseq_delete_page", page="Hiring")
        await talk.call("logseq_list_pages", {"x": float("nan")})
        raise compliance.TrialEnded("stopped", "enough")

    found = compliance.run(agent, compliance.tasks("journal"), modes=["direct", "hybrid"], seeds=[3], path=path)
    again = compliance.run(
        compliance.recorded(path), compliance.tasks("journal"), modes=["direct", "hybrid"], seeds=[3]
    )
    assert [dataclasses.replace(one, agent="agent") for one in again.trials] == list(found.trials)
    assert (again.agent, again.simulated, again.scores) == ("recorded agent", False, found.scores)
    more = compliance.run(compliance.recorded(path), compliance.tasks("journal"), modes=["direct"], seeds=[4])
    assert [(one.status, one.reason) for one in more.trials] == [("lost", "it was not recorded")]


def test_a_person_is_asked_until_the_answer_is_empty():
    shown, typed = [], iter(["logseq_list_pages", "logseq_list_pages [1]", "logseq_x {", 'logseq_delete_page {"page": "A"}', " "])  # fmt: skip

    def ask(text):
        shown.append(text)
        return next(typed)

    found = compliance.run(compliance.person(ask), compliance.tasks("journal"), modes=["direct"], seeds=[0])
    assert [(one.tool, dict(one.arguments)) for one in found.trials[0].calls] == [
        ("logseq.list_pages", {}), ("logseq.delete_page", {"page": "A"}),
    ]  # fmt: skip
    assert "logseq_add_journal_task(page, task): Add a task" in shown[0]
    assert [text.split("\n")[0] for text in shown[2:4]] == ["error: the arguments are no JSON object"] * 2


class Tool:
    """What the adapter takes of pydantic-ai: a tool made of a schema."""

    @classmethod
    def from_schema(cls, function, name, description, json_schema):
        made = cls()
        made.function, made.name, made.json_schema = function, name, json_schema
        return made


class FunctionToolset(list):
    """What the adapter takes of pydantic-ai: a list of tools."""


def test_an_agent_of_pydantic_ai_gets_the_tools_and_its_requests_are_counted(monkeypatch):
    library = types.ModuleType("pretended_ai")
    library.Tool, library.FunctionToolset = Tool, FunctionToolset
    monkeypatch.setitem(sys.modules, "pretended_ai", library)

    async def run(self, text, toolsets):
        (tools,) = toolsets
        assert "Add the task" in text
        await next(tool for tool in tools if tool.name == "logseq_list_pages").function()
        usage = types.SimpleNamespace(requests=2, input_tokens=7, output_tokens=None)
        return types.SimpleNamespace(usage=lambda: usage)

    kind = type("Agent", (), {"run": run, "__module__": "pretended_ai.agent", "name": "mine"})
    agent = compliance.pydantic_ai(kind())
    (trial,) = compliance.run(agent, compliance.tasks("journal"), modes=["direct"], seeds=[0]).trials
    assert (trial.agent, trial.status, trial.reason, trial.requests, trial.input_tokens, trial.output_tokens) == (
        "pydantic-ai mine", "done", "", 2, 7, 0,
    )  # fmt: skip
    assert [one.tool for one in trial.calls] == ["logseq.list_pages"]
