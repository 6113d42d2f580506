"""A notebook with a stepper, saved: two views of one run, the last state without a kernel, nothing broken when closed."""

import json

import pytest

from tests import browser_lab
from tests.browser_lab import press, steps

lab, browser, page, shown = browser_lab.lab, browser_lab.browser, browser_lab.page, browser_lab.shown
pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(240),
    pytest.mark.skipif(browser_lab.why_not() is not None, reason=str(browser_lab.why_not())),
]


def test_two_views_stay_in_step_and_the_saved_notebook_has_the_last_state(shown, lab, request):
    page = shown("run = flow.start(servers, name='Ada')\ncontrols = stepper(run)\ncontrols", "stepper(run)")
    page.wait_for_function("() => document.querySelectorAll('.mfs').length === 2")
    steps(page)
    press(page, "c")
    page.wait_for_function(
        "() => [...document.querySelectorAll('.mfs')].every(e => e.querySelectorAll('.mfs-ok').length === 3)"
    )
    page.wait_for_selector(".jp-RenderedHTMLCommon:has-text('completed, 3 steps')", state="attached")
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    saved = json.loads((lab.root / f"{request.node.originalname}.ipynb").read_text())
    kinds = [sorted(output["data"]) for output in saved["cells"][1]["outputs"]]
    assert kinds == [["text/html", "text/plain"], ["application/vnd.jupyter.widget-view+json", "text/plain"]]
    assert "completed, 3 steps" in "".join(saved["cells"][1]["outputs"][0]["data"]["text/html"])


def test_closed_controls_leave_the_picture_alone_in_the_saved_notebook(page, lab, request):
    cells = (
        "run = flow.start(servers, name='Ada')\ncontrols = stepper(run)\ncontrols",
        "run.all()\ncontrols.close()\n0",
    )
    browser_lab.opened(
        page, lab, f"{request.node.originalname}.ipynb", browser_lab.notebook(browser_lab.SERVER, *cells)
    )
    page.wait_for_selector(".jp-OutputArea-output:has-text('Controls closed')")
    assert page.locator(".mfs").count() == 0
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    name = request.node.originalname
    saved = json.loads((lab.root / f"{name}.ipynb").read_text())
    saved["cells"][0]["source"] = "# from elsewhere"
    (lab.root / f"{name}_untrusted.ipynb").write_text(json.dumps(saved))
    for file in (name, f"{name}_untrusted"):
        browser_lab.end_kernels(lab)
        page.goto(lab.page_of(f"{file}.ipynb"))
        page.wait_for_selector(".jp-OutputArea-output:has-text('Controls closed')")
        page.wait_for_selector(".jp-RenderedHTMLCommon:has-text('completed, 3 steps')")
        assert page.locator("text=Error displaying widget").count() == 0
        assert page.evaluate("window.hit") is None
