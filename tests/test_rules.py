"""Answers made of answers: when, in turn, after a while, broken on purpose; each through a real run."""

import pytest

import mcpflow_nb as mf
from mcpflow_nb.mocking.faults import BROKEN, IN_CALL

PERSON = {
    "type": "object",
    "properties": {"id": {"type": "string"}, "tags": {"type": "array"}},
    "required": ["id", "tags"],
}
ADA = {"id": "emp-1", "tags": ["x"]}


def answers(given, *calls):
    """What a tool with this answer gives to each call: the value, or the words of its error."""
    found = []
    with mf.connect(m=mf.mock({"t": given})) as servers:
        for arguments in calls:
            try:
                found.append(servers.call("m.t", arguments))
            except mf.CallError as error:
                found.append(str(error).partition(": ")[2].removesuffix(" [tool_error]"))
    return found


def test_the_first_case_that_matches_answers_and_the_rest_is_answered_otherwise():
    given = mf.when(name="Ada", level=1).then("both").when(name="Ada").then("name").otherwise("rest")
    assert answers(given, {"name": "Ada", "level": 1}, {"name": "Ada"}, {"name": "Bob"}) == ["both", "name", "rest"]


def test_json_types_decide_what_is_equal():
    assert answers(mf.when(n=1).then("int").when(n=True).then("bool").otherwise("none"), {"n": True}, {"n": 1.0}) == [
        "bool",
        "none",
    ]


def test_functions_match_one_argument_or_all_of_them():
    given = mf.when(n=lambda n: n > 5).then("large").when(lambda all: len(all) == 2).then("two").otherwise("else")
    assert answers(given, {"n": 6}, {"n": 1, "m": 2}, {"n": 1}) == ["large", "two", "else"]


def test_a_call_that_no_case_matches_names_the_nearest_one_and_the_difference():
    [said] = answers(mf.when(name="Ada", level=3).then(1).when(name="Bob").then(2), {"name": "Ada", "level": 1})
    assert said == "no rule of the mock matches; the nearest, when(name=\"Ada\", level=3): 'level' is 1, not 3"
    [said] = answers(mf.when(name="Ada").then(1), {"nam": "Ada"})
    assert said.endswith("'name' is not given; did you mean 'nam'?")


def test_the_nearest_rule_is_the_one_that_fits_most_of_the_call():
    given = mf.when(city="Rome").then(1).when(city="Oslo", nights=3, guests=2).then(2)
    [said] = answers(given, {"city": "Oslo", "nights": 3, "guests": 4})
    assert said == (
        "no rule of the mock matches; the nearest, when(city=\"Oslo\", nights=3, guests=2): 'guests' is 4, not 2"
    )
    [said] = answers(mf.when(a=1, b=2, c=3).then(1).when(a=1, b=2).then(2), {"a": 1, "b": 5, "c": 6})
    assert "the nearest, when(a=1, b=2): 'b' is 5, not 2" in said


@pytest.mark.parametrize(
    ("given", "where"),
    [
        (mf.when(x=1, n=lambda n: n > 5), "when(x=1, n=<function>), argument 'n'"),
        (mf.when(lambda all: all["n"] > 5), "when(<function>)"),
    ],
)
def test_a_function_of_a_rule_that_fails_names_its_rule_and_its_argument(given, where):
    [said] = answers(given.then(1).otherwise(2), {"x": 1, "n": "6"})
    assert said == (
        f"the rule {where}: its function failed: TypeError: '>' not supported between instances of 'str' and 'int'"
    )


def test_a_sequence_answers_in_turn_and_its_last_answer_goes_on():
    assert answers(mf.sequence(mf.fail("busy"), 1, 2), {}, {}, {}, {}) == ["busy", 1, 2, 2]


def test_fail_once_and_then_answer():
    assert answers(mf.fail("busy", times=2).then({"sent": True}), {}, {}, {}) == ["busy", "busy", {"sent": True}]
    assert answers(mf.fail("always"), {}, {}) == ["always", "always"]


def test_one_rule_in_two_mocks_is_counted_in_each():
    once = mf.fail("busy", times=1).then(1)
    assert answers(once, {}, {}) == answers(once, {}, {}) == ["busy", 1]


def test_rules_are_laid_over_rules():
    given = mf.delay(0).then(mf.when(n=1).then(mf.fail("first", times=1).then("again")).otherwise(lambda n: n * 2))
    assert answers(given, {"n": 1}, {"n": 1}, {"n": 4}) == ["first", "again", 8]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: mf.mock({"t": mf.fail(times=1)}), "tool 't': after 'fails, once' nothing answers; add .then"),
        (lambda: mf.mock({"t": mf.when(n=1)}), "when.n=1. has no answer"),
        (lambda: mf.mock({"t": mf.delay(1)}), "nothing answers"),
        (lambda: mf.mock({"t": mf.sequence(mf.fault("null"))}), "nothing answers"),
        (lambda: mf.when(n=1).when(n=2), "has no answer"),
        (lambda: mf.when(n=1).then(1).then(2), "goes after .when"),
        (lambda: mf.when(n={1}), "when.n=....: .*set"),
        (lambda: mf.sequence(), "at least one answer"),
        (lambda: mf.delay(-1), "seconds between 0"),
        (lambda: mf.delay(float("nan")), "seconds between 0"),
        (lambda: mf.fail(times=0), "whole number from 1"),
        (lambda: mf.fault("nul"), "no such fault; did you mean 'null'"),
        (lambda: mf.fault("error", "id"), "has no field"),
    ],
)
def test_what_can_never_answer_is_refused_where_it_is_written(make, said):
    with pytest.raises(mf.DefinitionError, match=said):
        make()


BECOMES = {
    "error": ("failed", "tool_error"), "timeout": ("unknown", "unknown"), "lost": ("unknown", "unknown"),
    "missing_field": ("failed", "invalid_output"), "renamed_field": ("failed", "invalid_output"), "null": ("failed", "invalid_output"),
    "wrong_type": ("failed", "invalid_output"), "empty_list": ("completed", "ok"), "huge": ("completed", "ok"),
    "invalid_output": ("failed", "invalid_output"),
}  # fmt: skip


@pytest.mark.parametrize("kind", [*IN_CALL, *BROKEN])
def test_every_fault_becomes_what_it_says_once_and_then_the_tool_answers(kind):
    mock = mf.mock({"t": mf.fault(kind, times=1).then(ADA)}, outputs={"t": PERSON})
    with mf.connect(m=mock) as servers:
        run = mf.SequentialWorkflow("w").step("a", tool="m.t", timeout=0.3, bind="p").start(servers).all()
        assert (run.outcome, run.trace[0].status) == BECOMES[kind]
        assert servers.call("m.t") == ADA
    assert [one.rule for one in mock.log] == [
        f"{'fails' if kind == 'error' else kind}, once" + (" → value" if kind in BROKEN else ""),
        "value",
    ]


def test_a_fault_breaks_the_field_that_is_named():
    assert answers(mf.fault("missing_field", "a.0.b").then({"a": [{"b": 1, "c": 2}]}), {}) == [{"a": [{"c": 2}]}]
    [said] = answers(mf.fault("null", "a.0.x").then({"a": [{"b": 1}]}), {})
    assert said == "\"fault 'null': the output\" has no 'x': there is an object with 'b'"
    assert answers(mf.fault("empty_list").then({"a": 1}), {}) == ["fault 'empty_list': the output has no place for it"]


def test_a_lost_connection_is_opened_again_for_the_next_call():
    with mf.connect(m=mf.mock({"t": mf.fault("lost", times=1).then(1)})) as servers:
        with pytest.raises(mf.CallError) as caught:
            servers.call("m.t")
        assert (caught.value.status, servers["m"].state, servers.call("m.t")) == ("unknown", "lost", 1)
