"""Every case of the file, through the public way in; and the command that runs such files, which must be able to fail."""

import copy
import json
import subprocess
import sys
from pathlib import Path

import pytest

import mcpflow_nb as mf
from tests.conformance.cases import workflow
from tests.conformance.judge import failures

FILE = Path(__file__).with_name("pmcp.json")
CASES = json.loads(FILE.read_text(encoding="utf-8"))["cases"]
BY_ID = {case["id"]: case for case in CASES}
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in CASES])
def test_the_case_comes_out_as_it_says(case):
    assert failures(case) == []


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in CASES if "workflow" in case])
def test_every_workflow_of_the_cases_survives_saving(case, tmp_path):
    made = workflow(case["workflow"])
    assert mf.load(made.save(tmp_path / "workflow.json")) == made


def changed(case_id, **expect):
    case = copy.deepcopy(BY_ID[case_id])
    case["expect"] |= expect
    return case


@pytest.mark.parametrize(
    ("case_id", "expect"),
    [
        ("E06", {"calls": [{"tool": "t", "params": {"n": 42}}]}),
        ("E09", {"calls": [{"tool": "t", "params": {"a_arg": 2, "z_arg": 1, "m_arg": 3}}]}),
        ("E01", {"outcome": "handoff"}),
        ("E01", {"calls": []}),
        ("R01", {"resource_reads": []}),
        ("S01", {"guidance": ["I'll greet the user '{name}'"]}),
        ("V08", {"validate": "ok"}),
        ("E04", {"messages": [["user", "intent"], ["user", "instruction"], ["assistant", "plan"]]}),
        (
            "H02",
            {"messages": [*BY_ID["H02"]["expect"]["messages"][:-2], ["assistant", "handoff"], ["user", "resource"]]},
        ),
        ("R01", {"messages": [["assistant", "intent"], *BY_ID["R01"]["expect"]["messages"][1:]]}),
    ],
)
def test_an_expectation_that_is_not_met_is_said(case_id, expect):
    (line,) = failures(changed(case_id, **expect))
    assert line.startswith(f"{next(iter(expect))}: expected ")


def test_a_case_that_cannot_be_run_is_a_failure_and_not_a_crash():
    assert "KeyError" in failures({"id": "?", "area": "no-such-area", "expect": {"ok": True}})[0]


def command(path):
    return subprocess.run(
        [sys.executable, "-m", "tests.conformance", str(path)], cwd=ROOT, capture_output=True, text=True, timeout=100
    )


def test_the_command_prints_the_count_and_succeeds_when_every_case_passes():
    done = command(FILE)
    assert (done.returncode, done.stdout) == (0, f"{len(CASES)} passed, 0 failed\n")


def test_the_command_prints_a_line_a_failing_case_and_fails(tmp_path):
    path = tmp_path / "cases.json"
    path.write_text(json.dumps({"format": {}, "cases": [BY_ID["E01"], changed("E06", outcome="failed")]}))
    done = command(path)
    assert done.returncode == 1
    assert done.stdout == "E06: outcome: expected failed, came completed\n1 passed, 1 failed\n"


def test_the_command_says_when_a_file_holds_no_cases(tmp_path):
    done = command(tmp_path / "none.json")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no file of cases" in done.stderr
