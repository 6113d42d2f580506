"""A process that maps a workflow over rows and may be killed: `python map_worker.py URL JOURNAL ROWS`; prints the counts.

Called again it goes on. What is of unknown outcome is asked for by its check once no lost call can land any more.
"""

import json
import sys
import time
import warnings

import mcpflow_nb as mf
from tests.faults.worker import GRACE, TIMEOUT, workflow


def checked() -> mf.SequentialWorkflow:
    """Return the steps whose outcome can be told without a person."""
    made = workflow()
    return made.model_copy(update={"steps": tuple(step for step in made.steps if step.name != "mail")})


def main(url: str, journal: str, rows: str) -> None:
    warnings.simplefilter("ignore")
    servers = mf.connect(it={"url": url, "headers": {"x-pid": "0"}, "trusted": True})
    table = [{"who": f"row {number}"} for number in range(int(rows))]
    for _ in range(5):
        results = checked().map(table, servers, journal=journal, concurrency=8)
        if set(results.counts) == {"completed"}:
            break
        time.sleep(TIMEOUT + GRACE + 0.1)
    print(json.dumps(results.counts), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
