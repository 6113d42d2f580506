"""A run is killed at every point of it: audited by the server's own log, no effect comes twice and none is lost."""

from __future__ import annotations

import random
import threading
from collections import Counter
from itertools import product

import pytest

from tests.faults.killing import DONE_AND_UNDONE, EACH_ONCE, TOOLS, UNDOS

pytestmark = pytest.mark.timeout(1_800)
MODES = ("auto", "legacy")
FIRST = {
    "nothing before": None,
    "an answer that was lost, with a check": ("after call", 1),
    "a call that was not made, with a check": ("after intent", 3),
    "an answer that was lost, for a person": ("after call", 4),
    "a call that was not made, for a person": ("after intent", 4),
}
"""How a worker was killed before the one whose points are tried."""


def life(bench, run_id, mode, first):
    """Let a first worker die as told, if it must."""
    if first is not None:
        assert bench.work(run_id, mode, kill=first) == {}


def points_of(bench, mode, name):
    """Every point that the worker comes to which goes on after the first one: its label, and for the how-manieth time."""
    life(bench, f"ref {mode} {name}", mode, FIRST[name])
    points = bench.finish(f"ref {mode} {name}", mode)["points"]
    assert {"before intent", "after intent", "before call", "after call", "before outcome", "after outcome"} <= set(
        points
    )
    return [(label, number) for label, times in points.items() for number in range(1, times + 1)]


def killed_at(bench, mode, name, point):
    run_id = f"{mode} {name} {point}"
    life(bench, run_id, mode, FIRST[name])
    found = bench.finish(run_id, mode, kill=point)
    assert (found["outcome"], bench.effects(run_id)) == ("completed", EACH_ONCE), (run_id, found)


@pytest.mark.parametrize("name", FIRST)
@pytest.mark.row("JO05")
def test_killed_at_some_points_each_effect_comes_once(bench, name):
    some = random.Random(name)
    mode = some.choice(MODES)
    points = points_of(bench, mode, name)
    for point in some.sample(points, 2):
        killed_at(bench, mode, name, point)


@pytest.mark.nightly
@pytest.mark.parametrize(("mode", "name"), list(product(MODES, FIRST)))
def test_killed_at_every_point_each_effect_comes_once(bench, mode, name):
    points = points_of(bench, mode, name)
    before = bench.kills
    for point in points:
        killed_at(bench, mode, name, point)
    print(f"{mode}, {name}: {len(points)} points, {bench.kills - before} kills")


@pytest.mark.parametrize("point", ["received", "done"])
@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.row("JO05")
def test_killed_while_the_server_works_what_is_unknown_is_said_and_the_effect_comes_once(bench, tool, point):
    run_id, mode = f"server {tool} {point}", MODES[TOOLS.index(tool) % 2]
    bench.kill_in_server(tool, point)
    found = bench.finish(run_id, mode)
    assert (found["outcome"], bench.effects(run_id)) == ("completed", EACH_ONCE)
    told = {"create": "told by its check", "laptop": "told by its check", "mail": "settled by hand"}
    records = [[one, "ok", "structured content"] for one in TOOLS]
    if tool in told:
        records[TOOLS.index(tool) : TOOLS.index(tool) + 1] = [[tool, "unknown", None], [tool, "ok", told[tool]]]
    assert found["records"] == records


@pytest.mark.parametrize("mode", MODES)
def test_an_effect_that_comes_after_the_client_died_is_waited_for_and_not_asked_for_again(bench, mode):
    held, let = bench.folder / "held", bench.folder / "let"
    held.touch()
    bench.kill_in_server("create", "received")
    assert bench.work(f"late {mode}", mode) == {}
    assert bench.effects(f"late {mode}") == {}  # it has not come: whoever asks now finds nothing
    held.unlink()
    threading.Timer(0.9, let.touch).start()
    found = bench.finish(f"late {mode}", mode)
    let.unlink()
    assert (found["outcome"], bench.effects(f"late {mode}")) == ("completed", EACH_ONCE)
    assert found["records"][:2] == [["create", "unknown", None], ["create", "ok", "told by its check"]]


FIRST_OF_ROLLBACK = {
    "nothing before": None,
    "an undo that was lost, for a person": ("after call", 8),
    "an undo that was not made, for a person": ("after intent", 8),
    "an undo that was lost, and does no harm": ("after call", 7),
}
"""How a worker was killed before the one whose points are tried: the undos are the calls from the seventh on."""


def rolled_back_at(bench, mode, name, point):
    run_id = f"undo {mode} {name} {point}"
    if FIRST_OF_ROLLBACK[name] is not None:
        assert bench.work(run_id, mode, kill=FIRST_OF_ROLLBACK[name], undo=True) == {}
    found = bench.finish(run_id, mode, kill=point, undo=True)
    assert (found["outcome"], bench.effects(run_id)) == ("undone", DONE_AND_UNDONE), (run_id, found)
    return found


def points_of_rollback(bench, mode, name):
    found = rolled_back_at(bench, mode, name, None)
    assert {"before undo", "after undo"} <= set(found["points"])
    return [(label, number) for label, times in found["points"].items() for number in range(1, times + 1)]


@pytest.mark.parametrize("name", FIRST_OF_ROLLBACK)
def test_a_rollback_killed_at_some_points_takes_each_step_back_once(bench, name):
    some = random.Random(name)
    mode = some.choice(MODES)
    for point in some.sample(points_of_rollback(bench, mode, name), 1):
        rolled_back_at(bench, mode, name, point)


@pytest.mark.nightly
@pytest.mark.parametrize(("mode", "name"), list(product(MODES, FIRST_OF_ROLLBACK)))
def test_a_rollback_killed_at_every_point_takes_each_step_back_once(bench, mode, name):
    points, before = points_of_rollback(bench, mode, name), bench.kills
    for point in points:
        rolled_back_at(bench, mode, name, point)
    print(f"{mode}, {name}: {len(points)} points, {bench.kills - before} kills")


@pytest.mark.parametrize("tool", UNDOS)
def test_killed_while_the_server_takes_a_step_back_it_is_done_once_and_in_order(bench, tool):
    run_id = f"server {tool}"
    bench.kill_in_server(tool, "done")
    found = bench.finish(run_id, undo=True)
    assert (found["outcome"], bench.effects(run_id)) == ("undone", DONE_AND_UNDONE)
    done = [step for step, status, _ in found["undone"] if status == "ok"]
    assert done == [one.removeprefix("un") for one in UNDOS]


def test_without_intents_the_same_kill_does_an_effect_twice(bench):
    bench.kill_in_server("mail", "done")
    assert bench.finish("naive", naive=True)["outcome"] == "completed"
    assert bench.effects("naive") == EACH_ONCE + Counter(mail=1)
