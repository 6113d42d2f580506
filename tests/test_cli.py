"""The command line: what it prints, what it writes, and one sentence when something is wrong."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import mcpflow_nb
from mcpflow_nb.cli import entry as cli


def command(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "mcpflow_nb", *arguments]
    return subprocess.run(line, cwd=folder, capture_output=True, text=True, check=False, timeout=110)


def test_the_version_is_the_one_of_the_package(tmp_path: Path) -> None:
    assert command("--version", folder=tmp_path).stdout.strip() == mcpflow_nb.__version__


@pytest.mark.kernel
def test_the_tour_prints_its_trace_and_writes_a_page_that_needs_nothing(tmp_path: Path) -> None:
    done = command("tour", "--html", "page.html", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    steps = ("create_employee", "setup_payroll", "github_access", "provision_laptop", "send_welcome")
    assert all(step in done.stdout for step in steps)
    assert str(tmp_path / "page.html") in done.stdout
    page = (tmp_path / "page.html").read_text("utf-8")
    assert "<script" not in page.lower()
    assert re.findall(r"""(?:src|href)=["'](?!data:|#)[^>]{0,80}""", page) == []
    assert re.findall(r"@import|url\((?!data:|#|&#34;data)[^)]{0,80}", page) == []
    assert all(step in page for step in steps)


def test_a_word_that_is_no_command_is_one_sentence(tmp_path: Path) -> None:
    done = command("tuor", folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(r"mcpflow-nb: .*tuor.*tour.*\n", done.stderr)


def test_a_page_in_a_folder_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    done = command("tour", "--html", "no/such/page.html", folder=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "mcpflow-nb: --html no/such/page.html: there is no folder 'no/such'; make it first\n"


def test_lab_without_jupyterlab_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["mcpflow-nb", "tour", "--lab"])
    monkeypatch.setitem(sys.modules, "jupyterlab", None)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = "mcpflow-nb: JupyterLab is not installed here; pip install 'mcpflow-nb[lab]' brings it\n"
    assert (ended.value.code, capsys.readouterr().err) == (1, said)
    assert list(tmp_path.iterdir()) == []


def test_lab_opens_a_copy_in_this_folder_and_keeps_one_that_is_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "jupyterlab.py").write_text("import sys; print(sys.argv[1])", "utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    folder = tmp_path / "here"
    folder.mkdir()
    done = command("tour", "--lab", folder=folder)
    copy = folder / cli.TOUR
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, str(copy))
    assert copy.read_bytes() == (cli.notebooks_folder() / cli.TOUR).read_bytes()
    copy.write_text("mine", "utf-8")
    assert command("tour", "--lab", folder=folder).returncode == 0
    assert copy.read_text("utf-8") == "mine"
