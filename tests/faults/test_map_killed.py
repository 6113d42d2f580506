"""A map whose process is killed again and again: the same call goes on, and no row has an effect twice or lacks one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.faults.killing import finished_lines, kill_quietly

ROWS = 20
ROOT = Path(__file__).resolve().parents[2]
EACH = Counter({"create": 1, "payroll": 1, "laptop": 1, "badge": 1})


def begun(bench, journal: Path) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "tests.faults.map_worker", bench.url, str(journal), str(ROWS)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ})


def effects(bench) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    for row in map(json.loads, finished_lines(bench.folder / "effects")):
        if row["who"].startswith("row "):
            found.setdefault(row["who"], Counter())[row["tool"]] += 1
    return found


def count(bench) -> int:
    return sum(sum(one.values()) for one in effects(bench).values())


@pytest.mark.timeout(120)
def test_a_map_that_is_killed_goes_on_and_each_row_has_each_effect_once(bench, tmp_path):
    for target in (15, 35, 60):
        process = begun(bench, tmp_path / "map.db")
        while count(bench) < target and process.poll() is None:
            time.sleep(0.005)
        assert process.poll() is None, "it came to its end before it was killed"
        kill_quietly(process.pid)
        process.communicate()
    said, _ = begun(bench, tmp_path / "map.db").communicate()
    assert json.loads(said) == {"completed": ROWS}
    found = effects(bench)
    assert {who: one for who, one in found.items() if one != EACH} == {}
    assert len(found) == ROWS
