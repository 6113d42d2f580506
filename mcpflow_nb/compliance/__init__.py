"""Measure a client: how often it does what a workflow says, told in one way or another. `from mcpflow_nb import compliance`.

`compliance.plan(...)` says what it takes, `compliance.run(agent, ...)` does it, `compliance.score(path)` reads it again.
An agent is an async callable that takes a `Talk`. The parts: `tasks.py` what is to be done, `modes.py` what is told,
`talking.py` what an agent gets, `agents.py` and `endpoint.py` who does it, `scoring.py` what counts.
"""

from mcpflow_nb.compliance.agents import person, pydantic_ai, recorded, scripted
from mcpflow_nb.compliance.endpoint import endpoint
from mcpflow_nb.compliance.examples import tasks
from mcpflow_nb.compliance.modes import MODES
from mcpflow_nb.compliance.planning import CompliancePlan
from mcpflow_nb.compliance.results import ComplianceResults
from mcpflow_nb.compliance.running import plan, run, score
from mcpflow_nb.compliance.scoring import SCORES, Scores
from mcpflow_nb.compliance.statistics import mcnemar, newcombe, wilson
from mcpflow_nb.compliance.talking import Talk, TrialEnded
from mcpflow_nb.compliance.tasks import Task
from mcpflow_nb.compliance.trials import Trial

__all__ = [
    "MODES", "SCORES", "CompliancePlan", "ComplianceResults", "Scores", "Talk", "Task", "Trial", "TrialEnded",
    "endpoint", "mcnemar", "newcombe", "person", "plan", "pydantic_ai", "recorded", "run", "score", "scripted", "tasks",
    "wilson",
]  # fmt: skip
