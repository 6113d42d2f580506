"""The table of faults: its rows, which tests claim which, and the rows that no test claims, with the reason.

A test claims rows by the marker `@pytest.mark.row("SP01")`, on the test or on one of its parameters. `LEFT_OUT` has the
rows that no test holds; `BUT` says of rows that are held which detail of the table is otherwise here, and why.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

FOLDER = Path(__file__).parent
TESTS = FOLDER.parent
TABLE = {row["id"]: row for row in json.loads((FOLDER / "faults.json").read_text("utf-8"))}

LEFT_OUT: dict[str, str] = {
    "SP07": "pending: its test is still to be written",
    "SP10": "pending: its test is still to be written",
    "SP12": "pending: its test is still to be written",
    "HT02": "pending: its test is still to be written",
    "HT03": "pending: its test is still to be written",
    "HT04": "pending: its test is still to be written",
    "HT05": "pending: its test is still to be written",
    "HT06": "pending: its test is still to be written",
    "HT07": "pending: its test is still to be written",
    "HT08": "pending: its test is still to be written",
    "HT09": "pending: its test is still to be written",
    "HT10": "pending: its test is still to be written",
    "HT11": "pending: its test is still to be written",
    "PR07": "pending: its test is still to be written",
    "RD01": "pending: its test is still to be written",
    "RD02": "pending: its test is still to be written",
    "RD03": "pending: its test is still to be written",
    "RD08": "pending: its test is still to be written",
    "RD09": "pending: its test is still to be written",
    "RD11": "pending: its test is still to be written",
    "RD16": "pending: its test is still to be written",
    "TL12": "pending: its test is still to be written",
    "DF10": "pending: its test is still to be written",
    "RE08": "pending: its test is still to be written",
    "SE06": "pending: its test is still to be written",
    "FI05": "pending: its test is still to be written",
    "FI06": "pending: its test is still to be written",
    "KE03": "pending: its test is still to be written",
    "KE06": "pending: its test is still to be written",
    "KE07": "pending: its test is still to be written",
    "KE09": "pending: its test is still to be written",
    "KE10": "pending: its test is still to be written",
    "PS03": "pending: its test is still to be written",
    "PS10": "pending: its test is still to be written",
    "CO03": "pending: its test is still to be written",
}

BUT: dict[str, str] = {}


def claims() -> Iterator[tuple[str, str]]:
    """Yield the id and the test file of every row that a marker claims; nothing is imported or run."""
    for path in sorted(TESTS.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.row":
                for one in node.args:
                    yield ast.literal_eval(one), path.relative_to(TESTS).as_posix()
