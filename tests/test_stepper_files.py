"""The files of the stepper: text goes in as text, keys stay in, and everything is in the package."""

import re
import shutil
import subprocess
from importlib.resources import files

import pytest

from mcpflow_nb.stepper.widget import Stepper

SCRIPT = files("mcpflow_nb.stepper").joinpath("stepper.js").read_text("utf-8")
STYLE = files("mcpflow_nb.stepper").joinpath("stepper.css").read_text("utf-8")
FORBIDDEN = (
    "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(", "DOMParser",
    "createContextualFragment", "srcdoc", "import(", "fetch(", "XMLHttpRequest", "http:", "https:", "style=", "javascript:",
)  # fmt: skip


@pytest.mark.parametrize("word", FORBIDDEN)
@pytest.mark.row("RE09")
def test_no_text_becomes_markup_or_code_and_nothing_is_loaded(word):
    assert word not in SCRIPT


def test_the_style_loads_nothing():
    assert [word for word in ("@import", "url(", "expression(") if word in STYLE] == []


def test_what_can_have_the_focus_keeps_its_keys_from_the_notebook():
    made_bare = re.findall(r'\bmake\("(button|textarea|summary|input|select|a)"', SCRIPT)
    assert made_bare == []
    bare_focus = [line for line in SCRIPT.splitlines() if "tabindex" in line and " make(" in line]
    assert bare_focus == []
    assert '"data-lm-suppress-shortcuts": "true"' in SCRIPT
    assert "event.stopPropagation()" in SCRIPT


def test_it_has_roles_one_live_region_and_keys():
    roles = set(re.findall(r'role: "(\w+)"', SCRIPT))
    assert roles >= {"region", "toolbar", "listbox", "option", "tablist", "tab", "tabpanel", "status", "alert"}
    assert SCRIPT.count('role: "status"') == 1
    assert "aria-keyshortcuts" in SCRIPT


def test_no_two_controls_have_one_key():
    keys = re.findall(r'^  \["\w+", "[^"]+", "(.)", "', SCRIPT, re.MULTILINE)
    assert len(keys) >= 12
    assert len(set(keys)) == len(keys)
    assert set(keys) & set("jkma1234") == set()


def test_motion_is_for_those_who_want_it_and_colours_have_fallbacks():
    for rule in ("transition", "animation"):
        outside = STYLE.split("@media (prefers-reduced-motion: no-preference)")[0]
        assert rule not in outside
    assert re.findall(r"var\(--(?:jp|vscode)[\w-]+\)", STYLE) == []


def test_the_widget_carries_both_files():
    assert str(Stepper._esm) == SCRIPT
    assert str(Stepper._css) == STYLE


@pytest.mark.skipif(shutil.which("node") is None, reason="no node")
def test_the_script_is_javascript(tmp_path):
    copy = tmp_path / "stepper.mjs"
    copy.write_text(SCRIPT, "utf-8")
    done = subprocess.run(["node", "--check", str(copy)], capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
