"""The shape of the code: sizes, imports, docstrings, and notebooks stored clean."""

from __future__ import annotations

import ast
import inspect
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import mcpflow_nb as mf
from mcpflow_nb import errors

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = sorted((ROOT / "mcpflow_nb").rglob("*.py"))
FILES = [*PACKAGE, *sorted((ROOT / "tests").rglob("*.py"))]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
HEAVY = {
    "mcp",
    "mcp_types",
    "pandas",
    "numpy",
    "graphviz",
    "ipywidgets",
    "anywidget",
    "pydantic",
    "nbclient",
    "IPython",
}
Function = ast.FunctionDef | ast.AsyncFunctionDef


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def functions(path: Path) -> Iterator[Function]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, Function):
            yield node


def length(function: Function) -> int:
    """Lines of a function without its decorators and its docstring."""
    start, body = function.lineno, function.body
    described = ast.get_docstring(function, clean=False) is not None
    return (
        (function.end_lineno or start)
        - start
        + 1
        - ((body[0].end_lineno or 0) - body[0].lineno + 1 if described else 0)
    )


def of_ours(node: ast.AST) -> bool:
    if isinstance(node, ast.ImportFrom):
        return bool(node.level) or (node.module or "").split(".")[0] == "mcpflow_nb"
    return isinstance(node, ast.Import) and any(alias.name.split(".")[0] == "mcpflow_nb" for alias in node.names)


def test_no_file_is_longer_than_300_lines() -> None:
    lengths = {name(path): len(path.read_text("utf-8").splitlines()) for path in FILES}
    assert {path: lines for path, lines in lengths.items() if lines > 300} == {}


def test_no_function_is_longer_than_40_lines() -> None:
    lengths = {f"{name(path)}:{function.name}": length(function) for path in PACKAGE for function in functions(path)}
    assert {function: lines for function, lines in lengths.items() if lines > 40} == {}


def test_no_function_imports_from_this_package() -> None:
    late = [
        f"{name(path)}:{node.lineno}"
        for path in PACKAGE
        for function in functions(path)
        for node in ast.walk(function)
        if of_ours(node)
    ]
    assert late == []


def test_the_one_late_import_is_in_show() -> None:
    late = {
        name(path): path.read_text("utf-8").count("import_module(")
        for path in PACKAGE
        if "import_module(" in path.read_text("utf-8")
    }
    assert late == {"mcpflow_nb/__init__.py": 1, "mcpflow_nb/show.py": 1}


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = "import sys, mcpflow_nb, json; dir(mcpflow_nb); print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    loaded = {module.split(".")[0] for module in json.loads(done.stdout)}
    assert loaded & HEAVY == set()
    assert {m for m in json.loads(done.stdout) if m.startswith("mcpflow_nb.")} == set()


@pytest.mark.parametrize("public", [word for word in mf.__all__ if word != "__version__"])
def test_every_public_name_loads_is_listed_and_is_described(public: str) -> None:
    assert public in dir(mf)
    described = getattr(mf, public)
    assert inspect.getdoc(
        described if inspect.isroutine(described) or inspect.isclass(described) else described.__call__
    )


def test_no_module_hides_a_public_name() -> None:
    assert {path.stem for path in PACKAGE if path.parent.name == "mcpflow_nb"} & set(mf.__all__) == set()


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"module 'mcpflow_nb' has no attribute 'conect'"):
        _ = mf.conect


def test_type_checkers_see_the_names_that_readers_get() -> None:
    tree = ast.parse((ROOT / "mcpflow_nb" / "__init__.py").read_text("utf-8"))
    typed = {
        alias.asname: (node.module or "").removeprefix("mcpflow_nb.")
        for block in tree.body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert typed == mf._HOME


def test_public_functions_and_classes_have_docstrings() -> None:
    bare = [
        f"{name(path)}:{node.lineno} {node.name}"
        for path in PACKAGE
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_") and not ast.get_docstring(node)
    ]
    assert bare == []


def test_every_file_says_its_one_idea() -> None:
    assert [name(path) for path in PACKAGE if not ast.get_docstring(ast.parse(path.read_text("utf-8")))] == []


def test_contributing_names_every_file_of_the_package_and_no_other() -> None:
    rows = [line for line in (ROOT / "CONTRIBUTING.md").read_text("utf-8").splitlines() if line.startswith("| `")]
    told = {place: row.split("|")[2] for row in rows for place in re.findall(r"`([^`]+)`", row.split("|")[1])}
    there = ROOT / "mcpflow_nb"
    folders = {path.parent.name for path in there.glob("*/__init__.py")}
    assert set(told) == {path.name for path in there.glob("*.py")} | {f"{folder}/" for folder in folders}
    untold = [
        name(path)
        for folder in folders - {"views"}  # one file an object
        for path in (there / folder).glob("*.py")
        if not re.match(r"__init__|lesson_\d|judges_\d", path.stem) and f"`{path.name}`" not in told[f"{folder}/"]
    ]
    assert untold == []


def test_the_tree_of_errors_names_every_error() -> None:
    found = inspect.getmembers(errors, inspect.isclass)
    classes = [error for error, kind in found if issubclass(kind, Exception) and kind.__module__ == errors.__name__]
    drawn = [line for line in (errors.__doc__ or "").splitlines() if "Error" in line]
    assert [error for error in classes if not any(error in line.split() for line in drawn)] == []
    assert [error for error in classes if error not in mf.__all__] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_clean(path: Path) -> None:
    notebook = json.loads(path.read_text("utf-8"))
    cells = notebook["cells"]
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert set(notebook["metadata"]) <= {"kernelspec", "language_info"}
    assert [cell["id"] for cell in cells] == [f"cell-{number:02}" for number in range(len(cells))]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert [cell["id"] for cell in code if cell["outputs"] or cell["execution_count"] is not None] == []
    assert [cell["id"] for cell in code if "".join(cell["source"]).count("\n") >= 15] == []
    assert [cell["id"] for cell in cells if set(cell["metadata"]) - {"tags"}] == []


def test_the_tour_has_fewer_than_15_cells() -> None:
    assert len(json.loads((ROOT / "notebooks" / "00_tour.ipynb").read_text("utf-8"))["cells"]) < 15
