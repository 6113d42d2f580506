"""A run that can go back, as it is shown: what ran beyond, what was given by hand, and where it pauses by itself."""

import re

import pytest

import mcpflow_nb as mf
from mcpflow_nb import views
from mcpflow_nb.running.preparing import NextCall
from mcpflow_nb.views.graph import step_graph
from mcpflow_nb.visible import visible
from mcpflow_nb.workflows.breakpoints import Breakpoint


@pytest.fixture(autouse=True)
def _no_drawing(monkeypatch):
    monkeypatch.setenv("MCPFLOW_DOT", "/nonexistent")


@pytest.fixture
def servers():
    made = {"create": lambda name: {"id": f"e-{name}"}, "pay": lambda id: {"paid": id}, "ends": ValueError("no")}
    with mf.connect(m=mf.mock(made)) as opened:
        yield opened


def flow():
    return (
        mf.SequentialWorkflow("onboard")
        .argument("name")
        .step("create", tool="m.create", args={"name": mf.prompt_arg("name")}, bind="person")
        .step("pay", tool="m.pay", args={"id": mf.field("person", "id")}, bind="paid")
        .step("again", tool="m.pay", args={"id": "x"})
    )


def shown(thing):
    """Return the text of a thing, and the text of its HTML with a bar between cells."""
    found = views.bundle(thing)
    assert "its view failed" not in found["text/plain"] + found["text/html"]
    body = re.sub(r"<style>.*?</style>", "", found["text/html"], flags=re.DOTALL)
    return found["text/plain"], re.sub(r"<[^>]*>", "", re.sub(r"</t[dhr]>", "|", body)).replace("&#x27;", "'")


def statuses(run):
    return [line.split("  ")[-1].strip() for line in run.graph().text.split("\n")[1:]]


def test_a_run_that_went_back_says_what_ran_beyond_and_that_nothing_was_undone(servers):
    run = flow().start(servers, name="Ada").all()
    assert "Beyond this point" not in shown(run)[1]
    run.back("pay")
    text, markup = shown(run)
    said = "pay, again ran already; going back undid nothing on a server (run.effects()). "
    assert said + "Going on calls none of them again. next: pay" in " ".join(text.split())
    assert "    ↻ run.step() does not call it (reuse): it ran with the same arguments" in text.split("\n")
    run.edit("pay", id="e-3")
    assert "‖ run.step() does not call it (wait for a re-run): it was called with other arguments" in shown(run)[1]
    run.edit("pay")
    assert f"↶ Beyond this point: {said}Going on calls none of them again." in markup
    assert text.endswith("  go on: run.step()  run.plan()  run.rerun('pay')  run.effects()")
    assert [words.split(" · ")[0] for words in statuses(run)] == ["✔ ok", "▶ next", "✔ ok"]
    run.step()
    assert statuses(run)[1].split(" · ")[:2] == ["✔ ok", "↻ reused"]  # and how long it took, where that can be told
    assert "|pay|m.pay|✔ ok|↻ reused|" in shown(run)[1]


def test_a_step_that_would_be_called_a_second_time_is_named(servers):
    run = flow().breakpoint("again").start(servers, name="Ada").all()
    run.all()
    run.rerun("pay")
    assert run.next.step == "again"
    assert (
        "again ran already; going back undid nothing on a server (run.effects()). Going on calls again: again."
        in shown(run)[1]
    )


def test_a_run_that_went_back_before_a_failure_stands_before_it(servers):
    run = flow().step("ends", tool="m.ends").start(servers, name="Ada").all()
    assert statuses(run)[3].startswith("✖ tool error")
    run.back()
    assert statuses(run)[3] == "▶ next"
    assert "ends ran already; going back undid nothing" in shown(run)[0]


def test_what_was_given_by_hand_has_its_sign_and_its_word(servers):
    run = flow().start(servers, name="Ada")
    run.pin("create", {"id": "e-1"})
    run.edit("pay", id="e-2")
    assert "|create|m.create|" not in shown(run)[1]
    assert "⚲ run.step() does not call it (pinned): its value was given by hand" in shown(run)[1]
    run.step()
    assert '    id = "e-2"  ← ✎ edited by hand' in shown(run.next)[0].split("\n")
    assert '|id|"e-2"|✎ edited by hand||' in shown(run.next)[1].replace("&quot;", '"')
    run.all()
    assert [words.split(" · ")[1] for words in statuses(run)[:2]] == ["⚲ pinned", "◇ mock ✎"]
    assert "✎ arguments edited by hand" in run.graph().legend
    assert "◇ mock ✎ edited" in shown(run.trace)[1]
    assert "◇ mock ✎ edited" in shown(run.trace["pay"])[0]


def test_a_breakpoint_is_a_dot_before_the_number_with_its_words():
    kept = Breakpoint.at("pay", {"id": "e-1", "token": "hunter2"})  # as a saved workflow may have it
    plain, made = flow(), flow().model_copy(update={"breakpoints": (kept,)}).breakpoint("again")
    made = made.breakpoint("create", when=print)
    assert ("●" in shown(plain)[1], "●" in step_graph(plain).dot) == (False, False)
    graph = step_graph(made)
    assert [line.split("  ")[0] for line in graph.text.split("\n")[1:]] == ["● 1", "● 2", "● 3"]
    assert ("● 2 pay" in graph.dot, "● breakpoint: a run pauses before it" in graph.legend) == (True, True)
    text, markup = shown(made)
    assert "  ● 2  pay" in text
    assert "  ● pauses before 'again': always" in text.split("\n")
    assert "|● 2|pay|m|pay|" in markup.replace("Steps#|", "|").replace("||", "|")
    for row in (
        '●|pay|where its call has {"id": "e-1", "token": •••• (7 chars)}|', "●|again|always|", "●|create|where a function says so|",
    ):  # fmt: skip
        assert row in markup.replace("&quot;", '"')
    assert "hunter2" not in text + markup + graph.text


def test_a_run_shows_its_breakpoints(servers):
    run = flow().breakpoint("pay").start(servers, name="Ada").all()
    assert run.outcome == "paused"
    assert [line.split("  ")[1] for line in shown(run)[0].split("\n")[1:4]] == ["1", "● 2", "3"]
    assert "|● 2|pay|" in shown(run)[1].replace("||", "|")


def test_a_next_call_shows_what_is_fetched_first():
    uris = ("docs://a", "docs://b?token=hunter2")
    text, markup = shown(NextCall("a", "t", "m", "mock", resources=uris))
    assert text.split("\n")[1:] == ["    fetches docs://a", "    fetches docs://b?token=••••"]
    assert "Fetched first: docs://a · docs://b?token=••••" in markup
    only = NextCall("a", None, None, None, resources=tuple(f"docs://{at}\u202e" for at in range(40)))
    assert "Fetched: docs://0" in shown(only)[1]
    assert "28 more: run.next.resources" in shown(only)[1]
    assert "    … 28 more: run.next.resources" in shown(only)[0].split("\n")
    assert visible("\u202e") in shown(only)[0]
