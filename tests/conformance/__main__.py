"""`python -m tests.conformance FILE.json`: run a file of cases, a line a failing case, then `N passed, M failed`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.conformance.judge import failures


def main(arguments: list[str]) -> int:
    """Run every case of a file and return the exit code: 0 when all pass, 1 when one fails, 2 for a wrong use."""
    if len(arguments) != 1:
        print("use: python -m tests.conformance FILE.json", file=sys.stderr)
        return 2
    try:
        document = json.loads(Path(arguments[0]).read_text("utf-8"))
        cases = document["cases"] if isinstance(document, dict) else document
    except (OSError, ValueError, KeyError) as error:
        print(f"{arguments[0]}: no file of cases: {error}", file=sys.stderr)
        return 2
    failed = 0
    for case in cases:
        found = failures(case)
        failed += bool(found)
        if found:
            print(f"{case.get('id', '?')}: " + "; ".join(found))
    print(f"{len(cases) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
