"""The panels of the stepper in a real JupyterLab: forms, a failure on purpose, a result by hand, diff, graph, keys off, narrow."""

import pytest

from tests import browser_lab
from tests.browser_lab import cells, expect_line, expect_words, press, shot, steps

lab, browser, page, shown = browser_lab.lab_alone, browser_lab.browser, browser_lab.page, browser_lab.shown

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(240),
    pytest.mark.skipif(browser_lab.why_not() is not None, reason=str(browser_lab.why_not())),
]


def test_a_form_asks_for_arguments_and_for_what_a_handoff_misses(shown):
    more = ".argument('level', 'Job level', type=int, default=1, choices=[1, 2]).argument('tags', type=list, required=False)"
    flow = (
        f"flow3 = mf.SequentialWorkflow('w').argument('name', 'Full name'){more}.step('team', tool='m.team', bind='t')"
    )
    page = shown(
        f"{flow}\ncontrols = flow3.stepper(servers)\ncontrols", "controls.run.outcome, controls.run['t']['team']"
    )
    before = cells(page)
    steps(page)
    press(page, "a")
    page.keyboard.type("bdx")
    page.get_by_label("level").select_option("2")
    page.get_by_label("tags").fill("[1")
    page.wait_for_selector(".mfs-check:has-text('array')")
    page.get_by_label("tags").fill("[1]")
    line = 'run = workflow.start(servers, name="bdx", level=2, tags=[1])'
    page.wait_for_selector(f".mfs-check:has-text('{line}')")
    shot(page, "form")
    page.get_by_label("name *").press("Enter")
    expect_line(page, line)
    expect_words(page, "next")
    steps(page)
    press(page, "n")
    expect_words(page, "handoff")
    press(page, "a")
    page.keyboard.type("<img src=x onerror=window.hit=1>")
    page.wait_for_selector(".mfs-check:has-text('run.answer(team=')")
    shot(page, "handoff_form")
    page.keyboard.press("Enter")
    expect_words(page, "ok")
    assert cells(page) == before
    assert page.evaluate("window.hit") is None


def test_a_mock_is_made_to_fail_and_the_step_is_called_again(shown):
    page = shown("run = flow.start(servers, name='Ada')\ncontrols = stepper(run)\ncontrols")
    page.locator(".mfs-step").nth(1).click()
    press(page, "f")  # at once: it is for the step that was clicked, whatever the kernel has answered by then
    expect_line(page, 'run.fail("pay")')
    page.wait_for_selector(".mfs-stop:has-text('will fail')")
    press(page, "c")
    expect_words(page, "ok", "tool error", "pending")
    page.wait_for_selector(".mfs-bad:has-text('made to fail')")
    press(page, "r")
    expect_words(page, "ok", "ok", "ok")


def test_a_result_is_edited_and_a_fork_is_compared_with_its_parent(shown):
    page = shown("run = flow.start(servers, name='Ada').all()\ncontrols = stepper(run)\ncontrols")
    steps(page)
    press(page, "o")
    page.wait_for_selector(".mfs-status:has-text('fork')")
    press(page, "Home")
    page.wait_for_selector(".mfs[data-selected='0']")
    press(page, "v")
    page.keyboard.press("Control+a")
    page.keyboard.type('{"id": "other", "email": "o@x"}')
    page.wait_for_selector(".mfs-check:has-text('would be taken')")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(".mfs-editor", state="hidden")
    page.locator(".mfs-step").nth(1).click()
    page.wait_for_selector(".mfs[data-selected='1']")
    press(page, "r")
    expect_line(page, 'fork.rerun("pay")')
    page.wait_for_selector(".mfs-bindings:has-text('other')")
    press(page, "d")
    page.wait_for_selector(".mfs-diff:has-text('other')")
    shot(page, "diff")
    press(page, "Escape")
    page.wait_for_selector(".mfs-diff", state="detached")


def test_the_line_is_copied_and_the_graph_comes_and_goes(shown):
    page = shown("run = flow.start(servers, name='Ada')\ncontrols = stepper(run)\ncontrols")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    steps(page)
    press(page, "n")
    expect_line(page, "run.step()")
    page.get_by_role("button", name="Copy the Python line").click()
    page.wait_for_selector(".mfs-copy:has-text('Copied')")
    assert page.evaluate("navigator.clipboard.readText()") == "run.step()"
    steps(page)
    press(page, "g")
    page.wait_for_function("() => document.querySelector('.mfs-graph img')?.naturalWidth > 100")
    shot(page, "graph")
    press(page, "g")
    page.wait_for_selector(".mfs-graph", state="hidden")


def test_letters_do_nothing_once_their_shortcuts_are_off(shown):
    page = shown("run = flow.start(servers, name='Ada')\ncontrols = stepper(run)\ncontrols", "len(mocked.calls)")
    before = cells(page)
    steps(page)
    press(page, "?")
    page.get_by_role("button", name="Turn the keys of one letter off").click()
    page.get_by_role("button", name="Turn the keys of one letter on").wait_for()
    steps(page)
    for key in ("n", "c", "b", "x", "1"):
        press(page, key)
    press(page, "ArrowDown")
    page.wait_for_selector(".mfs[data-selected='1']")
    expect_words(page, "next", "pending", "pending")
    assert cells(page) == before


def test_a_narrow_stepper_has_one_column(shown):
    page = shown("run = flow.start(servers, name='Ada')\ncontrols = stepper(run)\ncontrols")
    columns = "() => getComputedStyle(document.querySelector('.mfs-main')).gridTemplateColumns.split(' ').length"
    assert page.evaluate(columns) == 2
    page.evaluate("() => { document.querySelector('.mfs').parentElement.style.width = '420px'; }")
    page.wait_for_function(f"() => ({columns})() === 1")
    box = page.locator(".mfs").first
    assert box.evaluate("e => e.scrollWidth <= e.clientWidth")
    shot(page, "narrow")
