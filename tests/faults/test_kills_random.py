"""SIGKILL at any moment, again and again, until each run has ended: no effect twice, none lost; a naive control fails."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from tests.faults.killing import EACH_ONCE

pytestmark = pytest.mark.timeout(3_600)
MOST_SECONDS = 0.22
"""A run left alone takes about half of it."""


def killed(bench, kills, seed, naive=False):
    """Do runs, each killed up to four times, until so many workers died; return the effects of each run."""
    some, effects, until = random.Random(seed), {}, bench.kills + kills
    while bench.kills < until:
        run_id, mode = f"{seed} {naive} {len(effects)}", some.choice(("auto", "legacy"))
        found = {}
        for _ in range(4):
            found = found or bench.work(run_id, mode, after=some.uniform(0, MOST_SECONDS), naive=naive)
        found = found or bench.finish(run_id, mode, naive=naive)
        assert found["outcome"] == "completed", (run_id, found)
        effects[run_id] = bench.effects(run_id)
    return effects


def wrong(effects):
    return {run_id: found for run_id, found in effects.items() if found != EACH_ONCE}


def test_a_few_random_kills_lose_nothing_and_do_nothing_twice(bench):
    assert wrong(killed(bench, 8, "sample")) == {}


@pytest.mark.nightly
def test_five_hundred_random_kills_lose_nothing_and_do_nothing_twice(bench):
    effects = killed(bench, 510, "nightly")
    print(f"{bench.kills} kills, {len(effects)} runs")
    assert wrong(effects) == {}


@pytest.mark.nightly
def test_random_kills_without_intents_do_things_twice(bench):
    effects = killed(bench, 150, "control", naive=True)
    twice = sum((found - EACH_ONCE for found in effects.values()), Counter())
    print(f"150 kills, {len(effects)} runs, {twice.total()} effects twice")
    assert twice.total() > 0
    assert all(found >= EACH_ONCE for found in effects.values())
