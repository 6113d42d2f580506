"""Vendored data is what it was: each file has its origin, version, licence and SHA-256 in the table beside it."""

import hashlib
import re
from pathlib import Path

CORPORA = Path(__file__).parent / "corpora"
ROWS = [
    [cell.strip().strip("`") for cell in line.strip("| \n").split(" | ")]
    for line in (CORPORA / "README.md").read_text("utf-8").splitlines()
    if line.startswith("| `")
]


def test_every_file_has_a_row_with_its_origin_version_licence_and_hash():
    files = {path.relative_to(CORPORA).as_posix() for path in CORPORA.rglob("*") if path.is_file()}
    data = {name for name in files if name != "README.md" and not name.startswith("LICENSE-")}
    assert {row[0] for row in ROWS} == data | {"../faults/faults.json"}
    assert [row for row in ROWS if len(row) != 5 or not all(row)] == []


def test_every_file_has_the_bytes_that_its_row_says():
    found = {row[0]: hashlib.sha256((CORPORA / row[0]).read_bytes()).hexdigest() for row in ROWS}
    assert found == {row[0]: row[4] for row in ROWS}


def test_a_licence_that_asks_to_be_kept_is_kept():
    named = set(re.findall(r"LICENSE-[\w-]+\.txt", (CORPORA / "README.md").read_text("utf-8")))
    assert named == {path.name for path in CORPORA.glob("LICENSE-*")}
