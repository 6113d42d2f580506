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
    "PS03": "an agent that calls a tool again does so in its own name: the conversation shows each call that ran with its "
    "result, and of two requests with one run key the second gets the first's answer (PS01), but no proxy refuses",
    "PS10": "progress is sent for each step and a request that is given up leaves its records under its run key (PS02), "
    "but no time budget hands over in the middle",
}

BUT: dict[str, str] = {
    "SP01": "steps that were not reached are listed as `trace.ahead`, not as records with a status `blocked`; so everywhere",
    "SP10": "an answer after its deadline reaches no other call; its connection is ended, so that nobody hears and notes it",
    "FI05": "a path is the writer's own word, so that `../x` is meant; a file there is replaced, for a cell may run twice",
    "FI06": "the schemes of a workflow are those its resources are written with: no value can bring another",
    "SE06": "a secret is left out of the header when it is sent, and a warning is logged then; not at the check",
    "TL12": "what was not judged after 2 s of work is `unchecked` in the rule of its value",
    "PR04": "there is no accept_invalid=: a value is given by hand with run.pin, and must fit the schema as well",
    "PR06": "what is no MCP result is not kept as raw JSON: the library refuses it before it is ours",
    "PR08": "an answer with an unknown id is dropped by the library without a word; the deadline holds",
    "PR09": "a second answer is dropped by the library without a word",
    "PR14": "the outcome of the run is a handoff whose step is `needs_input`; the schema that was asked for is not shown",
    "RD01": "a message has at most 20 MB, and a display shows 32 KB of a value; what is between is kept whole in the journal",
    "RD11": "the parser of the library tells nobody that a key stands twice; files of ours are refused for it (FI03)",
    "RD15": "no table of ours is exported: `.df` is a frame of pandas, and what its to_csv writes is the reader's to choose",
    "TL04": "a tool that is declared twice is left out of the catalog with the reason, and a step that names it is an error",
    "TL09": "tools are listed again before the next call that has a pin, and not by a clock",
    "NT05": "a name that is cut says its length beside it; the whole is in the data, not in a tooltip",
    "NT06": "names are compared as they are written; two that look alike are a warning",
    "DF04": "each step that reads a later one is an error of its own; the circle is not drawn as a path",
    "DF10": "a workflow is frozen data, so that nothing in it is stale; a run keeps the one it began with, and what of it "
    "still holds for another is said by adopt",
    "BI05": "there is no cast=: a value of another type is mended where it is made, or by a template",
    "SE02": "there is no store_values=: a store keeps values with secrets masked, or nothing at all is kept",
    "FI04": "no version was released yet, so that there is none to migrate from; a field too many is refused, not kept",
    "JO07": "the size of a journal has no cap of its own; mf.prune makes it smaller, by age or by count",
    "CO01": "there is no start(confirm=): a step says approve=True, and a live one is refused where nobody can answer",
    "KE08": "a view has at most 256 KB, not 200",
    "PS02": "the run is kept by the server that serves it, under its key, and not in a journal",
    "PS05": "an argument of any size is taken and sent; where it is told it is cut at 100,000 characters",
    "RM02": "a cassette brings the schemas it was recorded with; cassette.check(servers) says what is otherwise now",
}


def claims() -> Iterator[tuple[str, str]]:
    """Yield the id and the test file of every row that a marker claims; nothing is imported or run."""
    for path in sorted(TESTS.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.row":
                for one in node.args:
                    yield ast.literal_eval(one), path.relative_to(TESTS).as_posix()
