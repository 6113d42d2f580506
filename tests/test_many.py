"""Long workflows stay cheap: work that is counted, never timed."""

import pytest
from mcp.shared.uri_template import UriTemplate

import mcpflow_nb as mf

MANY = 60


@pytest.fixture
def parsed(monkeypatch):
    """Every URI template that the SDK parses, in order."""
    seen, parse = [], UriTemplate.parse

    def counted(template, **limits):
        seen.append(template)
        return parse(template, **limits)

    monkeypatch.setattr(UriTemplate, "parse", counted)
    return seen


def test_templates_are_parsed_once_each_and_not_once_a_step(parsed):
    resources = {f"docs://many-{number}/{{x}}": "A" for number in range(MANY)}
    flow = mf.SequentialWorkflow("w")
    for number in range(MANY):
        flow = flow.step(f"s{number}", resources=[f"docs://many-{number}/a"])
    with mf.connect(m=mf.mock({}, resources=resources)) as servers:
        parsed.clear()
        assert flow.check(servers).codes - {"independent-steps"} == set()
        assert [row.expected for row in flow.forecast(servers)] == ["fetch"] * MANY
        assert flow.start(servers).all().outcome == "completed"
    assert len(parsed) <= 2 * MANY


def test_many_handoffs_in_a_row_ask_for_their_tools_in_proportion(monkeypatch):
    asked = []

    def found(steps):
        """How often a tool was looked up in a run through so many handoffs, each answered."""
        flow = mf.SequentialWorkflow("w")
        for number in range(steps):
            flow = flow.step(f"step-{number:03}", tool="m.t", handoff=True)
        with mf.connect(m=mf.mock({"t": 1})) as servers:
            find = servers.find
            monkeypatch.setattr(servers, "find", lambda *given: asked.append(given) or find(*given))
            run = flow.start(servers).all()
            asked.clear()
            for _ in range(steps):
                run.answer()
        assert (run.outcome, len(run.conversation())) == ("completed", 2 + 3 * steps)
        return len(asked)

    assert found(40) <= 3 * found(20)  # quadratic would be four times
