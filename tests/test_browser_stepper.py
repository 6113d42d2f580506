"""The stepper in a real JupyterLab: every control and key, no key reaches the notebook, and how long a press takes."""

import os
import re
import statistics
from pathlib import Path

import pytest

from tests import browser_lab
from tests.browser_lab import cells, expect_line, expect_words, press, shot, steps

lab, browser, page, shown = browser_lab.lab, browser_lab.browser, browser_lab.page, browser_lab.shown

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(240),
    pytest.mark.skipif(browser_lab.why_not() is not None, reason=str(browser_lab.why_not())),
]

LIVE = """
from mcp.server import MCPServer
from mcp.types import ToolAnnotations
server = MCPServer("db", log_level="ERROR")
@server.tool(annotations=ToolAnnotations(destructiveHint=True))
def drop() -> dict[str, bool]:
    return {"dropped": True}
live = mf.connect(m=server)
"""
KINDS = "() => window.jupyterapp.shell.currentWidget.content.widgets.map(cell => cell.model.type)"
WATCH = """() => {
  const root = document.querySelector('.mfs'); window.times = [];
  let begun = null;
  root.addEventListener('keydown', () => { begun = performance.now(); }, true);
  new MutationObserver(() => {
    if (begun === null) return;
    const was = begun; begun = null;
    requestAnimationFrame(() => setTimeout(() => window.times.push(performance.now() - was), 0));
  }).observe(root, {attributes: true, attributeFilter: ['data-version'], attributeOldValue: false});
}"""


def test_keys_and_buttons_do_what_their_lines_say_and_the_notebook_stays_as_it_is(shown):
    page = shown("run = flow.start(servers, name='Ada')\ncontrols = stepper(run)\ncontrols", "len(mocked.calls)")
    before = cells(page)
    steps(page)
    press(page, "n")
    expect_words(page, "ok", "next", "pending")
    expect_line(page, "run.step()")
    press(page, "c")
    expect_words(page, "ok", "ok", "ok")
    press(page, "p")
    expect_words(page, "ok", "ok", "next")
    press(page, "ArrowUp")
    page.wait_for_selector(".mfs[data-selected='1']")
    press(page, "b")
    page.wait_for_selector(".mfs-stop:has-text('breakpoint')")
    press(page, "r")
    expect_line(page, 'run.rerun("pay")')
    expect_words(page, "ok", "ok", "ok")
    for key in (
        "a",
        "d",
        "d",
        "x",
        "m",
        "1",
        "2",
        "3",
        "4",
        "y",
        "z",
        "Enter",
        "j",
        "k",
        "Home",
        "End",
        "?",
        "o",
        "Escape",
    ):
        press(page, key)
    page.wait_for_selector(".mfs-status:has-text('fork')")
    page.get_by_role("button", name="Back").click()
    expect_line(page, "fork.back()")
    expect_words(page, "ok", "ok", "next")
    page.get_by_role("button", name="Step", exact=True).click()
    expect_words(page, "ok", "ok", "ok")
    assert cells(page) == before
    assert page.evaluate("window.hit") is None


def test_a_step_that_is_selected_already_is_clicked_and_its_keys_still_work(shown):
    page = shown("run = flow.start(servers, name='Ada').all()\ncontrols = stepper(run)\ncontrols")
    expect_words(page, "ok", "ok", "ok")
    assert page.locator(".mf-run").first.is_hidden()  # the picture is for the notebook without a kernel
    page.locator(".mfs-step").nth(2).click()
    press(page, "r")
    expect_line(page, 'run.rerun("mail")')
    page.locator(".mfs-step").nth(1).click()
    page.locator(".mfs-step").nth(1).click()
    press(page, "r")
    expect_line(page, 'run.rerun("pay")')


def test_no_key_reaches_the_notebook_wherever_in_the_stepper_the_focus_is(shown):
    page = shown("run = flow.start(servers, name='Ada').all()\ncontrols = stepper(run)\ncontrols", "1")
    before = page.evaluate(KINDS)
    places = page.locator(".mfs").first.locator("button:visible, [tabindex]:visible")
    page.locator(".mfs-tabs [data-tab=result]").click()
    page.wait_for_selector(".mfs-panel summary")
    spots = [places.nth(at) for at in range(places.count())]
    assert len(spots) > 15
    for spot in [*spots, page.locator(".mfs-panel summary").first]:
        spot.focus()
        for key in ("b", "b", "d", "d", "y", "j", "k", "ArrowDown", "ArrowUp"):
            press(page, key)
    page.locator(".mfs-title").click()
    for key in ("b", "b", "d", "d", "m", "x"):
        press(page, key)
    page.wait_for_selector(".mfs-tabs [data-tab=messages][aria-selected=true]")
    assert page.evaluate(KINDS) == before
    press(page, "Escape")
    assert page.evaluate("() => document.activeElement.closest('.mfs')") is None


def test_arguments_are_edited_checked_while_typing_and_the_step_is_called_with_them(shown):
    page = shown("run = flow.start(servers, name='Ada')\ncontrols = stepper(run)\ncontrols")
    before = cells(page)
    steps(page)
    press(page, "n")
    expect_words(page, "ok", "next", "pending")
    press(page, "e")
    page.keyboard.press("Control+a")
    page.keyboard.type('{"idd": "b d x"}')
    page.wait_for_selector(".mfs-check:has-text('did you mean')")
    page.keyboard.press("Control+a")
    page.keyboard.type('{"id": "by hand"}')
    page.wait_for_selector(".mfs-check:has-text('would be taken')")
    page.keyboard.press("Control+Enter")
    expect_line(page, 'run.edit("pay", id="by hand")')
    page.wait_for_selector(".mfs-editor", state="hidden")
    press(page, "n")
    expect_words(page, "ok", "ok", "next")
    page.wait_for_selector(".mfs-bindings:has-text('by hand')")
    assert cells(page) == before


def test_a_hanging_call_is_stopped_and_a_handoff_is_answered(shown):
    flow = "flow2 = mf.SequentialWorkflow('w').step('team', tool='m.team', bind='t').step('waits', tool='m.waits')"
    page = shown(f"{flow}\nrun = flow2.start(servers)\ncontrols = stepper(run)\ncontrols")
    steps(page)
    press(page, "c")
    expect_words(page, "handoff", "pending")
    page.wait_for_selector(".mfs[aria-busy=false]")
    shot(page, "handoff")
    page.get_by_role("button", name="As JSON").click()
    page.keyboard.press("Control+a")
    page.keyboard.type('{"team": "<img src=x onerror=window.hit=1>"}')
    page.wait_for_selector(".mfs-check:has-text('would be taken')")
    page.keyboard.press("Control+Enter")
    expect_words(page, "ok", "running")
    steps(page)
    press(page, "n")
    press(page, "x")
    expect_words(page, "ok", "unknown")
    press(page, "Home")
    press(page, "2")
    page.wait_for_selector(".mfs-panel:has-text('onerror')")
    assert page.evaluate("window.hit") is None


def test_stop_works_while_a_cell_awaits(shown):
    page = shown(
        "run = mf.SequentialWorkflow('w').step('waits', tool='m.waits').start(servers)\ncontrols = stepper(run)\ncontrols",
        "import asyncio\nprint('it begins')\nawait asyncio.wait_for(run.all.aio(), 50)\n'the cell is done: ' + run.outcome",
        waits=False,
    )
    page.wait_for_selector(".jp-OutputArea-output:has-text('it begins')")
    steps(page)
    expect_words(page, "next")
    press(page, "x")  # the call itself would be given up after 30 s
    page.wait_for_selector(".jp-OutputArea-output:has-text('the cell is done: unknown')", timeout=15_000)
    expect_words(page, "unknown")


def test_a_destructive_live_tool_is_called_by_the_second_press(shown):
    page = shown(
        LIVE,
        "run = mf.SequentialWorkflow('w').step('drop', tool='m.drop').start(live)\ncontrols = stepper(run)\ncontrols",
    )
    steps(page)
    press(page, "n")
    page.wait_for_selector(".mfs-confirm:has-text('m.drop (live, destructive)')")
    shot(page, "confirm")
    press(page, "Escape")
    page.wait_for_selector(".mfs-confirm", state="detached")
    expect_words(page, "next")
    press(page, "n")
    page.wait_for_selector(".mfs-confirm")
    press(page, "Enter")
    expect_words(page, "ok")


def test_the_accessibility_tree_is_as_it_was_read(shown):
    page = shown("run = flow.start(servers, name='Ada')\ncontrols = stepper(run)\ncontrols")
    steps(page)
    press(page, "n")
    expect_words(page, "ok", "next", "pending")
    tree = page.locator(".mfs").first.aria_snapshot()
    tree = re.sub(r"run [0-9a-f]{8}", "run ID", re.sub(r"[\d.]+ m?s\b", "TIME", tree))
    stored = Path(__file__).with_name("browser_aria.yaml")
    if os.environ.get("STORE"):  # read what it then says before you keep it
        stored.write_text(tree + "\n", "utf-8")
    assert tree == stored.read_text("utf-8").rstrip("\n")


def test_500_steps_are_walked_by_keys(shown):
    page = shown(
        "long = mf.SequentialWorkflow('long')\n"
        "for at in range(500):\n    long = long.step(f's{at}', tool='m.mail', args={'to': f'p{at}'}, bind=f'b{at}')\n"
        "run = long.start(servers)\ncontrols = stepper(run)\ncontrols"
    )
    steps(page)
    press(page, "End")
    page.wait_for_selector(".mfs[data-selected='499']")
    press(page, "ArrowUp")
    page.wait_for_selector(".mfs[data-selected='498']")
    press(page, "t")
    page.wait_for_selector(".mfs-status:has-text('before step 499 of 500')")
    assert page.locator(".mfs-step.mfs-ok").count() == 498
    shot(page, "long")


def test_the_time_from_a_press_to_its_repaint_is_measured(shown, capsys):
    page = shown("run = flow.start(servers, name='Ada')\ncontrols = stepper(run)\ncontrols")
    steps(page)
    page.evaluate(WATCH)
    for number in range(20):
        press(page, "n" if number % 2 == 0 else "p")
        page.wait_for_function("n => window.times.length === n", arg=number + 1)
    times = page.evaluate("window.times")
    median = statistics.median(times)
    with capsys.disabled():
        print(f"\nkey press to repainted state: median {median:.0f} ms, slowest {max(times):.0f} ms, of {len(times)}")
    assert median <= 1_000
    for theme in ("Light", "Dark"):
        browser_lab.themed(page, theme)
        shot(page, theme)
