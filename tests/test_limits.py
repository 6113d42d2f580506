"""Limits: how much is asked of one server at once and a second, whoever asks."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

import mcpflow_nb as mf
from mcpflow_nb.bridge import run
from mcpflow_nb.connecting.config import spec
from mcpflow_nb.connecting.limits import Limits, Turns, read_limits


class Busy:
    """A tool that knows how many calls of it were under way at once."""

    def __init__(self) -> None:
        self.now = self.most = 0

    async def work(self, n: int) -> Any:
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0.01)
        self.now -= 1
        return {"n": n}


def test_no_more_calls_are_under_way_than_a_server_takes() -> None:
    busy = Busy()
    with mf.connect(some=mf.mock({"work": busy.work}), limits={"some": {"max_in_flight": 1}}) as servers:
        one = (
            mf.SequentialWorkflow("w")
            .argument("n", type=int)
            .step("a", tool="some.work", args={"n": mf.prompt_arg("n")})
        )
        begun = time.perf_counter()
        results = one.map([{"n": n} for n in range(6)], servers)
        taken = time.perf_counter() - begun
    assert (results.counts, busy.most) == ({"completed": 6}, 1)
    # One after the other: what they took together is in that time. The wait for its turn is no part of a call.
    assert sum(results.trace(n)[0].seconds for n in range(6)) <= taken


def test_without_limits_as_many_are_under_way_as_rows() -> None:
    busy = Busy()
    with mf.connect(some=mf.mock({"work": busy.work})) as servers:
        one = (
            mf.SequentialWorkflow("w")
            .argument("n", type=int)
            .step("a", tool="some.work", args={"n": mf.prompt_arg("n")})
        )
        one.map([{"n": n} for n in range(12)], servers)
    assert busy.most == 12


def test_calls_are_spread_over_the_second_and_not_let_through_in_a_burst() -> None:
    async def begun() -> list[float]:
        turns, at, start = Turns(Limits(calls_per_second=100)), [], time.monotonic()

        async def one() -> None:
            async with turns:
                at.append(time.monotonic() - start)

        await asyncio.gather(*(one() for _ in range(6)))
        return at

    at = run(begun())
    assert at[5] >= 0.045  # five intervals of 10 ms, less what the clock rounds


def test_whoever_is_cancelled_while_he_waits_takes_no_place() -> None:
    async def tried() -> bool:
        turns = Turns(Limits(max_in_flight=1, calls_per_second=0.01))
        async with turns:
            pass
        waiting = asyncio.create_task(turns.__aenter__())  # the place is free; it waits for the pace
        await asyncio.sleep(0.01)
        waiting.cancel()
        await asyncio.wait([waiting])
        return turns._room is not None and not turns._room.locked()

    assert run(tried())


def test_a_config_says_limits_and_they_are_no_unknown_keys() -> None:
    made = spec("hr", {"url": "http://127.0.0.1:1/mcp", "max_in_flight": 3, "calls_per_second": 2.5})
    assert (made.limits, made.extra) == (Limits(3, 2.5), {})


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"max_in_fligt": 2}, "no limit 'max_in_fligt'; did you mean 'max_in_flight'?"),
        ({"max_in_flight": 0}, "max_in_flight is a whole number above 0, not 0"),
        ({"max_in_flight": 1.5}, "max_in_flight is a whole number above 0, not 1.5"),
        ({"calls_per_second": True}, "calls_per_second is a number above 0, not True"),
        (3, "limits are a mapping, like {'max_in_flight': 4}, not 3"),
    ],
)
def test_a_limit_that_is_none_is_refused(given: Any, words: str) -> None:
    with pytest.raises(mf.ConfigError) as found:
        read_limits("hr", given)
    assert str(found.value) == f"server 'hr': {words}"


def test_limits_of_a_server_that_is_not_connected_are_refused() -> None:
    with pytest.raises(
        mf.ConfigError, match=r"limits= is a mapping of names of its servers .*not 'hrr'; did you mean 'hr'"
    ):
        mf.connect(hr=mf.mock({"a": 1}), limits={"hrr": {"max_in_flight": 1}})
