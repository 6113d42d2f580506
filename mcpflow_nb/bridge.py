"""The one I/O thread of the process, and `verb`: an async method that is also a plain call.

A verb is written once, `async`. `x.verb()` blocks until it is done and Interrupt ends it; `await x.verb.aio()`
is the same from async code. Both run in the I/O thread, so neither needs the caller's event loop.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import contextvars
import functools
import logging
import os
import threading
from collections.abc import Callable, Coroutine
from types import MethodType
from typing import Any, Concatenate, Final, Generic, ParamSpec, TypeVar, overload

from mcpflow_nb.errors import McpflowError

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")

HEARTBEAT_SECONDS: Final = 0.2
"""How often an awaited verb wakes the caller's loop: a sleeping kernel loop does not see Interrupt."""
CLEANUP_SECONDS: Final = 1.0
"""How long an interrupted call may take to write down what happened."""


class IOThread:
    """A daemon thread with one asyncio loop. `at_exit` holds what to run, at most 7 s, before the process ends."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.loop = asyncio.new_event_loop()
        self.at_exit: set[Callable[[], Coroutine[Any, Any, None]]] = set()
        self.thread = threading.Thread(target=self._serve, name="mcpflow-io", daemon=True)
        self.thread.start()
        for name in ("mcp", "client"):  # without a handler the SDK's tracebacks are printed into cells
            logging.getLogger(name).addHandler(logging.NullHandler())
        atexit.register(self.stop)

    def _serve(self) -> None:
        asyncio.set_event_loop(self.loop)
        while True:
            try:
                self.loop.run_forever()
            except (SystemExit, KeyboardInterrupt):  # a tool in this process wanted to end it: only its call ends
                continue
            return

    def submit(self, coroutine: Coroutine[Any, Any, R]) -> _Job[R]:
        """Start a coroutine in the thread, with the caller's context variables."""
        job: _Job[R] = _Job(self.loop)
        context = contextvars.copy_context()
        self.loop.call_soon_threadsafe(job.begin, coroutine, context, context=context)
        return job

    def stop(self, seconds: float = 7.0) -> None:
        """Close what is open and end the loop."""
        if self.pid != os.getpid() or not self.thread.is_alive():
            return

        async def close() -> None:
            await asyncio.wait([asyncio.ensure_future(last()) for last in self.at_exit], timeout=seconds)

        if self.at_exit:
            self.submit(close()).done.wait(seconds + 0.5)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(0.5)


class _Job(Generic[R]):
    """A coroutine under way in the I/O thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.done = threading.Event()
        self.task: asyncio.Task[R] | None = None
        self.watchers: list[Callable[[], None]] = []

    def begin(self, coroutine: Coroutine[Any, Any, R], context: contextvars.Context) -> None:
        self.task = self.loop.create_task(coroutine, context=context)
        self.task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[R]) -> None:
        if not task.cancelled():
            task.exception()  # seen: the caller may be gone
        self.done.set()
        for watcher in self.watchers:
            watcher()

    def cancel(self) -> None:
        """End the coroutine, and wait a little for what it writes down."""
        self.loop.call_soon_threadsafe(lambda: self.task and self.task.cancel())
        self.done.wait(CLEANUP_SECONDS)

    def result(self) -> R:
        if self.task is None:
            raise RuntimeError("a job that is done has begun")
        return self.task.result()


_lock: Final = threading.Lock()
_thread: IOThread | None = globals().get("_thread")  # after a reload of this module it is still the one


def io_thread() -> IOThread:
    """Return the I/O thread of this process; a forked child gets its own."""
    global _thread
    with _lock:
        if _thread is None or _thread.pid != os.getpid() or not _thread.thread.is_alive():
            _thread = IOThread()
        return _thread


def run(coroutine: Coroutine[Any, Any, R]) -> R:
    """Run a coroutine in the I/O thread and wait for it.

    Raises
    ------
    McpflowError
        From the I/O thread itself, where waiting would never end.
    """
    thread = io_thread()
    if threading.current_thread() is thread.thread:
        coroutine.close()
        raise McpflowError("called from inside a server or callback of this package: use `await ....aio()` here")
    job = thread.submit(coroutine)
    try:
        job.done.wait()
    except BaseException:  # Interrupt: the call is ended too, and what happened is written down
        job.cancel()
        raise
    return _result(job)


async def arun(coroutine: Coroutine[Any, Any, R]) -> R:
    """Run a coroutine in the I/O thread from async code."""
    thread = io_thread()
    loop = asyncio.get_running_loop()
    if loop is thread.loop:
        return await coroutine
    job = thread.submit(coroutine)
    woken: asyncio.Future[None] = loop.create_future()

    def done() -> None:
        with contextlib.suppress(RuntimeError):  # the caller's loop is closed: nobody waits any more
            loop.call_soon_threadsafe(wake, woken)

    job.watchers.append(done)
    heart = _Heart(loop)
    try:
        if not job.done.is_set():
            await woken
    except BaseException:
        job.cancel()
        raise
    finally:
        heart.next_beat.cancel()
    return _result(job)


class _Heart:
    """What wakes a loop now and then."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._beat()

    def _beat(self) -> None:
        self.next_beat = self._loop.call_later(HEARTBEAT_SECONDS, self._beat)


def wake(waiter: asyncio.Future[None]) -> None:
    """Let go on whoever waits for a future, if somebody does."""
    if not waiter.done():
        waiter.set_result(None)


def _result(job: _Job[R]) -> R:
    """Return the job's result; an error of ours leaves without the library's exceptions behind it."""
    error: BaseException | None = None
    try:
        return job.result()
    except McpflowError as found:
        error = found
    # Outside the except block: IPython drops the reply of a cell whose error has an ExceptionGroup in its context.
    error.__cause__ = error.__context__ = None
    raise error.with_traceback(None)


class BoundVerb(Generic[P, R]):
    """A verb of one object: call it, or `await` its `.aio`."""

    def __init__(self, begin: Callable[P, Coroutine[Any, Any, R]]) -> None:
        self._begin = begin
        functools.update_wrapper(self, begin)

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Do it, and wait."""
        return run(self._begin(*args, **kwargs))

    async def aio(self, /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Do the same from async code."""
        return await arun(self._begin(*args, **kwargs))

    def __repr__(self) -> str:
        return f"<verb {getattr(self, '__name__', '?')}: call it, or await .aio()>"


class verb(Generic[S, P, R]):  # noqa: N801 - reads as a decorator
    """Publish an async method as `x.name()` and `await x.name.aio()`."""

    def __init__(self, function: Callable[Concatenate[S, P], Coroutine[Any, Any, R]]) -> None:
        self.function = function
        self.__doc__ = function.__doc__

    @overload
    def __get__(self, owner: None, kind: type) -> verb[S, P, R]: ...
    @overload
    def __get__(self, owner: S, kind: type) -> BoundVerb[P, R]: ...
    def __get__(self, owner: S | None, kind: type) -> verb[S, P, R] | BoundVerb[P, R]:
        """Return the verb of one object."""
        return self if owner is None else BoundVerb(MethodType(self.function, owner))
