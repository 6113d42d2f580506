"""A schema made to stall stalls nobody: judged in time, or said to be unchecked; never silently ok, never wrongly refused."""

import asyncio
import time

import mcp.types as types
import pytest
from mcp.server.lowlevel import Server

import mcpflow_nb as mf
from mcpflow_nb.bridge import io_thread
from mcpflow_nb.tools.weighing import Judge, Judgement, size

BRANCH = {"properties": {"a": {"$ref": "#/$defs/n"}, "b": {"$ref": "#/$defs/n"}}}
EXPLODES = {
    "$ref": "#/$defs/n",
    "$defs": {"n": {"anyOf": [{**BRANCH, "required": ["x"]}, {**BRANCH, "required": ["y"]}]}},
}
CHOICES = {"items": {"enum": [{"k": n} for n in range(3000)]}}
TRIES = {"pattern": r"^(?!(a|aa)+\1c$)a+$"}


def nested(depth):
    return {"a": nested(depth - 1)} if depth else {}


def tower(word, floors=30):
    parts = {f"d{n}": {word: [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(floors)}
    return {"$ref": "#/$defs/d0", "$defs": {**parts, f"d{floors}": {"type": "integer"}}}


def ifs(floors=30):
    parts = {f"d{n}": {key: {"$ref": f"#/$defs/d{n + 1}"} for key in ("if", "then")} for n in range(floors)}
    return {"$ref": "#/$defs/d0", "$defs": {**parts, f"d{floors}": {"type": "integer"}}}


@pytest.mark.row("TL12")
@pytest.mark.parametrize(
    ("schema", "value", "why"),
    [
        (EXPLODES, nested(60), "to judge it takes more than 2 s"),
        (CHOICES, [{"k": 2999}] * 20_000, "to judge it takes more than 2 s"),
        (TRIES, "a" * 80, "a pattern of the schema tries too long"),
        ({"patternProperties": {TRIES["pattern"]: {"type": "string"}}}, {"a" * 80: 1}, "a pattern of the schema tries too long"),
        (tower("allOf"), 5, "the schema unfolds to more than 100,000 alternatives"),
        (tower("anyOf"), 5, "the schema unfolds to more than 100,000 alternatives"),
        (ifs(), 5, "the schema unfolds to more than 100,000 alternatives"),
        ({"pattern": "(a{1,1000}){1,1000}"}, "a", '"(a{1,1000}){1,1000}" is not a "regex"'),
    ],
    ids=["anyOf", "enum", "pattern", "patternProperties", "allOf tower", "anyOf tower", "if tower", "large pattern"],
)  # fmt: skip
def test_what_takes_too_long_is_unchecked(schema, value, why):
    """T16, TL12."""
    begun = time.monotonic()
    assert Judge(schema).judged(value) == Judgement(unchecked=why)
    assert time.monotonic() - begun < 15  # measured 3.6 s where it takes longest


@pytest.mark.row("TL12")
@pytest.mark.parametrize("pattern", ["^(a+)+$", "^(?=a)(a+)+$", r"^(a+)+\1b$", "^(a|a)*$"])
def test_a_pattern_that_backtracks_without_end_elsewhere_is_judged_here(pattern):
    """T16, TL12."""
    judge, begun = Judge({"pattern": pattern}), time.monotonic()
    found = [
        judge.judged("a" * 5_000 + "!"),
        Judge({"patternProperties": {pattern: False}}).judged({"a" * 30 + "!": 1}),
    ]
    assert (found[0].refusal is not None, found[1], time.monotonic() - begun < 5) == (True, Judgement(), True)


@pytest.mark.parametrize(
    ("schema", "value", "fits"),
    [
        ({"properties": {"c": {"items": {"$ref": "#"}}}, "required": ["n"]}, {"n": 1, "c": [{"n": 1, "c": [{"n": 2}]}]}, True),
        ({"properties": {"c": {"items": {"$ref": "#"}}}, "required": ["n"]}, {"n": 1, "c": [{"n": 1, "c": [{}]}]}, False),
        ({"items": {"type": "integer"}}, list(range(150_000)), True),
        ({"items": {"type": "integer"}}, [*range(150_000), "x"], False),
    ],
    ids=["tree", "bad tree", "long", "bad long"],
)  # fmt: skip
def test_what_is_judged_in_another_process_gets_the_same_answer(schema, value, fits):
    judge = Judge(schema)
    assert not judge.is_quick(value)
    found = judge.judged(value)
    assert (found.refusal is None, found.unchecked) == (fits, None)


def test_little_values_are_judged_here():
    assert all(Judge({"properties": {"n": {"$ref": "#"}}}).is_quick(value) for value in ({}, {"n": 1}, [1, "x"]))
    assert size(["x" * 16_000]) == (1_002, 1)


async def lists(_context, _params):
    return types.ListToolsResult(tools=[types.Tool(name="t", input_schema={"type": "object"}, output_schema=EXPLODES)])


async def answers(_context, _params):
    return types.CallToolResult(content=[], structured_content=nested(60))


@pytest.mark.row("TL12")
def test_a_run_says_what_was_not_judged_and_the_servers_are_served_meanwhile(caplog):
    """T16, TL12."""
    gaps = []

    async def watch():
        while True:
            begun = time.monotonic()
            await asyncio.sleep(0.02)
            gaps.append(time.monotonic() - begun)

    with mf.connect(m=Server("s", on_list_tools=lists, on_call_tool=answers)) as servers:
        watcher = io_thread().submit(watch())
        record = mf.SequentialWorkflow("w").step("a", tool="m.t", bind="x").start(servers).all().trace[0]
        watcher.cancel()
        assert (record.status, record.binding) == ("ok", "x")
        assert record.rule == "structured content, unchecked: to judge it takes more than 2 s"
        assert len(gaps) > 10
        assert max(gaps) < 1  # measured 0.03 s; judged here it would be hours
        assert servers.call("m.t") == nested(60)
    assert "the output of m.t was not checked: to judge it takes more than 2 s" in caplog.text
