"""Exercises whose answer is a function: what it does on mocks, and each reason why it is not right."""

from __future__ import annotations

from typing import Any

import pytest

import mcpflow_nb as mf
from mcpflow_nb.lessons.attempt import Attempt, NotJudged
from mcpflow_nb.lessons.functions import called_by, done, gives, lets_through, returns, sent_by
from mcpflow_nb.lessons.lesson import Exercise


def attempt(function: Any) -> Attempt:
    def mocks() -> dict[str, mf.Mock]:
        return {"a": mf.mock({"one": {"id": "i-7"}, "bad": mf.fail("no")}), "b": mf.mock({"two": {"sum": 3}})}

    return Attempt(Exercise("99.1", "t", (), ("", "", ""), "", mocks), function, 5.0)


def good(servers: Any, extra: int = 0) -> Any:
    first = servers.call("a.one")
    return servers.call("b.two", {"id": first["id"], "extra": extra})["sum"]


def test_what_a_function_did_is_in_the_order_of_its_calls_whatever_the_server() -> None:
    assert done(attempt(good), 4)[:2] == (3, [("a.one", {}), ("b.two", {"id": "i-7", "extra": 4})])


def test_a_call_that_fails_counts_as_a_call_and_its_servers_are_closed() -> None:
    kept = []

    def careless(servers: Any) -> str:
        kept.append(servers)
        try:
            servers.call("a.bad")
        except mf.CallError:
            return "failed"
        return "done"

    assert done(attempt(careless))[:2] == ("failed", [("a.bad", {})])
    assert [one.state for one in kept[0].values()] == ["closed", "closed"]


def test_the_servers_of_the_reader_stay_connected() -> None:
    mine = mf.connect(a=mf.mock({"one": {"id": "mine"}}))
    assert done(attempt(good)).value == 3
    assert mine.call("a.one") == {"id": "mine"}
    mine.close()


@pytest.mark.parametrize(
    ("criterion", "function", "reason"),
    [
        (gives(3, "the sum"), good, None),
        (gives(4, "the sum"), good, "it returns 3; in this run it should be 4"),
        (gives(3.0, "a float"), good, "it returns 3; in this run it should be 3.0"),
        (gives(3, "the sum"), lambda _: None,
         "it returns None; in this run it should be 3; does it `return` what it found?"),
        (called_by("a.one", "b.two"), good, None),
        (called_by("b.two", "a.one"), good, "it calls a.one, then b.two"),
        (called_by(), lambda _: 1, None),
        (called_by("a.one"), lambda _: 1, "it calls nothing"),
        (sent_by("b.two", "id", "i-7", "the id"), good, None),
        (sent_by("b.two", "id", "i-8", "the id"), good, 'b.two was sent "i-7"; in this run it should be "i-8"'),
        (sent_by("b.two", "extra", True, "yes", given=(1,)), good, "b.two was sent 1; in this run it should be true"),
        (sent_by("b.two", "name", "x", "a name"), good,
         "b.two was called without 'name'; it was sent: id, extra"),
        (sent_by("b.three", "id", "x", "the id"), good, "b.three is never called"),
        (returns([1], "a list", 1), lambda one: [one], None),
        (returns([1], "a list", 2), lambda one: [one], "it returns [2]; in this run it should be [1]"),
    ],
)  # fmt: skip
def test_a_criterion_is_met_or_says_what_it_found(criterion: Any, function: Any, reason: str | None) -> None:
    assert criterion.judge(attempt(function)) == reason


@pytest.mark.parametrize("criterion", [gives(1, "one"), returns(1, "one")])
def test_what_is_no_function_is_not_judged(criterion: Any) -> None:
    with pytest.raises(NotJudged, match="give a function, not int"):
        criterion.judge(attempt(7))


@pytest.mark.parametrize(("criterion", "count"), [(gives(1, "one", 2), 2), (returns(1, "one", 2, 3), 2)])
def test_a_function_that_takes_other_arguments_is_told_how_many_it_gets(criterion: Any, count: int) -> None:
    with pytest.raises(NotJudged) as caught:
        criterion.judge(attempt(lambda servers: 1))
    assert caught.value.reason == (
        f"the check gives it {count} arguments; yours takes (servers): too many positional arguments"
    )


def test_an_async_function_is_told_to_be_an_ordinary_one() -> None:
    async def later(servers: Any) -> Any:
        return servers

    with pytest.raises(NotJudged, match="not `async def`"):
        gives(1, "one").judge(attempt(later))


def test_what_is_called_is_said_in_words() -> None:
    assert called_by(when=": look only").text == "it calls nothing: look only"
    assert called_by("a.one", "b.two").text == "it calls a.one, then b.two, and nothing else"


def test_what_was_called_before_an_error_is_judged_and_the_error_is_said_once() -> None:
    def slips(servers: Any) -> Any:
        return servers.call("a.one")["structuredContent"]

    one = attempt(slips)
    assert called_by("a.one").judge(one) is None
    assert called_by("a.one", "b.two").judge(one) == "it calls a.one; then it raises KeyError: 'structuredContent'"
    with pytest.raises(KeyError):
        gives("i-7", "the id").judge(one)
    with pytest.raises(KeyError):
        sent_by("b.two", "id", "i-7", "the id").judge(one)


def test_an_error_that_must_come_through_is_not_caught() -> None:
    criterion = lets_through("a.bad", mocks=lambda: attempt(None).exercise.mocks())

    def catches(servers: Any) -> Any:
        try:
            return servers.call("a.bad")
        except mf.CallError:
            return "undone"

    assert criterion.judge(attempt(catches)) == "it returns 'undone' instead"
    assert criterion.judge(attempt(lambda servers: servers.call("a.bad"))) is None
