"""The tour in a real JupyterLab and Notebook 7: its last part is the stepper, and every button and key of it stays in it."""

import json
import re
from pathlib import Path

import pytest

from tests import browser_lab
from tests.browser_lab import cells, expect_words, press, shot, steps

lab, browser, page = browser_lab.lab, browser_lab.browser, browser_lab.page
TOUR = Path(__file__).resolve().parent.parent / "notebooks" / "00_tour.ipynb"
SCRIPT = Path(browser_lab.__file__).resolve().parent.parent / "mcpflow_nb" / "stepper" / "stepper.js"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(240),
    pytest.mark.skipif(browser_lab.why_not() is not None, reason=str(browser_lab.why_not())),
]


def test_the_tour_ends_in_a_stepper_whose_every_control_and_key_leaves_the_notebook_alone(lab, page):
    browser_lab.opened(page, lab, "tour.ipynb", json.loads(TOUR.read_text("utf-8")))
    page.wait_for_selector(".mfs [role=option]")
    before = cells(page)
    steps(page)
    press(page, "c")
    page.wait_for_selector(".mfs-confirm:has-text('not said to be harmless')")
    press(page, "Enter")
    expect_words(page, "ok", "ok", "ok", "ok", "ok")
    shot(page, f"tour_{lab.app}")
    buttons = page.locator(".mfs-bar button")
    names = [buttons.nth(at).get_attribute("data-cmd") for at in range(buttons.count())]
    assert len(names) == 17
    for name in names:
        page.locator(f".mfs-bar [data-cmd={name}]").click(force=True)
        press(page, "Escape")
        steps(page)
    keys = re.findall(r'^  \["\w+", "[^"]+", "(.)", "', SCRIPT.read_text("utf-8"), re.MULTILINE)
    assert len(keys) == len(names)
    for key in (*keys, "j", "k", "m", "a", "1", "2", "3", "4", "Home", "End", "ArrowUp", "ArrowDown", "Enter"):
        steps(page)
        press(page, key)
        press(page, "Escape")
    assert cells(page) == before
    assert page.locator(".jp-Notebook .jp-Cell").count() == before
