"""A verb is one function: a call from anywhere, or awaited from any loop."""

import asyncio
import contextvars
import os
import threading

import pytest

from mcpflow_nb.bridge import io_thread, run, verb
from mcpflow_nb.errors import McpflowError


class Adder:
    @verb
    async def add(self, one: int, other: int = 1) -> int:
        """Return the sum."""
        await asyncio.sleep(0)
        return one + other

    @verb
    async def fail(self) -> None:
        try:
            raise ExceptionGroup("unhandled errors in a TaskGroup", [ValueError("inner")])
        except ExceptionGroup:
            raise McpflowError("ours") from None

    @verb
    async def inside(self) -> int:
        return self.add(1)

    @verb
    async def nested(self) -> int:
        return await self.add.aio(1, 2)


def test_a_verb_is_a_plain_call():
    assert Adder().add(1, other=2) == 3


@pytest.mark.row("KE05")
def test_a_verb_is_awaited_in_a_running_loop_and_called_in_it_as_well():
    async def both():
        return await Adder().add.aio(1), Adder().add(2)

    assert asyncio.run(both()) == (2, 3)


def test_a_verb_keeps_its_name_and_its_docstring():
    assert (Adder().add.__name__, Adder().add.__doc__) == ("add", "Return the sum.")


def test_a_verb_works_from_many_threads_at_once():
    found = []
    threads = [threading.Thread(target=lambda n=n: found.append(Adder().add(n))) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == list(range(1, 21))


def test_a_verb_may_await_another_verb():
    assert Adder().nested() == 3


@pytest.mark.row("KE05")
def test_a_blocking_call_inside_the_io_thread_is_refused_instead_of_hanging():
    with pytest.raises(McpflowError, match=r"use `await \.\.\.\.aio\(\)` here"):
        Adder().inside()


@pytest.mark.parametrize("how", ["call", "aio"])
def test_an_error_of_ours_has_no_exception_group_anywhere_behind_it(how):
    with pytest.raises(McpflowError, match="ours") as caught:
        Adder().fail() if how == "call" else asyncio.run(Adder().fail.aio())
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


def test_context_variables_follow_the_call():
    variable = contextvars.ContextVar("variable", default="nothing")
    variable.set("mine")

    async def read():
        return variable.get()

    assert run(read()) == "mine"


def test_cancelling_the_awaiting_task_ends_the_work():
    ended = threading.Event()

    class Slow:
        @verb
        async def wait(self) -> None:
            try:
                await asyncio.sleep(60)
            finally:
                ended.set()

    async def cancel():
        task = asyncio.create_task(Slow().wait.aio())
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    assert ended.wait(5)


@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_gets_a_thread_of_its_own():
    io_thread()
    child = os.fork()
    if child == 0:
        os._exit(0 if Adder().add(1) == 2 else 1)
    assert os.waitpid(child, 0)[1] == 0
