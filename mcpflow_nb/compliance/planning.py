"""What a measurement will take, before anything is sent: trials, requests at most, tokens as an estimate."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mcpflow_nb.compliance.modes import fits, opening
from mcpflow_nb.compliance.talking import described
from mcpflow_nb.compliance.tasks import Task
from mcpflow_nb.compliance.trials import Key
from mcpflow_nb.compliance.world import World
from mcpflow_nb.errors import ComplianceError
from mcpflow_nb.show import Shown

if TYPE_CHECKING:
    import pandas as pd

CHARACTERS_A_TOKEN: Final = 4
TOKENS_A_CALL: Final = 120
"""What a call and its result add to a conversation, as an estimate."""


@dataclass(frozen=True)
class Planned:
    """The trials of one task in one mode. `tokens` are read and written by the model if it takes each step once."""

    task: str
    mode: str
    trials: int
    requests: int
    tokens: int


@dataclass(frozen=True)
class CompliancePlan(Shown):
    """What a measurement will take; `left_out` are tasks that cannot be done in a mode."""

    agent: str
    note: str
    rows: tuple[Planned, ...]
    left_out: tuple[tuple[str, str], ...] = ()

    @property
    def trials(self) -> int:
        """How many trials."""
        return sum(one.trials for one in self.rows)

    @property
    def requests(self) -> int:
        """How many requests to a model at most; each trial is ended there."""
        return sum(one.requests for one in self.rows)

    @property
    def tokens(self) -> int:
        """How many tokens, as an estimate: 4 characters each, every step taken once, a request a step."""
        return sum(one.tokens for one in self.rows)

    @property
    def df(self) -> pd.DataFrame:
        """One row a task and mode. Columns: `task mode` str, `trials requests tokens` int; `attrs["note"]`."""
        import pandas as pd

        columns = ["task", "mode", "trials", "requests", "tokens"]
        frame = pd.DataFrame([[getattr(one, name) for name in columns] for one in self.rows], columns=columns)
        frame.attrs["note"] = self.note
        return frame

    def require(self, most_requests: int | None, most_tokens: int | None) -> None:
        """Refuse what is beyond a limit.

        Raises
        ------
        ComplianceError
            With what it would take, and the limit.
        """
        for word, planned, limit in (
            ("requests", self.requests, most_requests), ("tokens", self.tokens, most_tokens),
        ):  # fmt: skip
            if limit is not None and planned > limit:
                raise ComplianceError(
                    f"nothing was sent: {self.trials:,} trials may take {planned:,} {word}, the limit is {limit:,}; "
                    f"take fewer seeds, tasks or modes, or say limit_{word}={planned}"
                )

    __repr__ = Shown.__repr__


async def planned(
    tasks: Sequence[Task], keys: Sequence[Key], most: int, agent: str, note: str, left_out: tuple[tuple[str, str], ...],
    *, costs: bool,
) -> CompliancePlan:  # fmt: skip
    """Return the plan of these trials; the conversations are begun on mocks, to see how long they are."""
    rows = []
    for name, mode in dict.fromkeys((key.task, key.mode) for key in keys):
        task = next(one for one in tasks if one.name == name)
        seeds = [key.seed for key in keys if (key.task, key.mode) == (task.name, mode)]
        one = await _tokens(task, mode, seeds[0], most) if costs else None
        asks = one is not None
        rows.append(Planned(task.name, mode, len(seeds), len(seeds) * most if asks else 0, len(seeds) * (one or 0)))
    return CompliancePlan(agent, note, tuple(rows), left_out)


async def _tokens(task: Task, mode: str, seed: int, most: int) -> int | None:
    """Return the tokens of one trial, as an estimate; None where the agent is not asked."""
    async with World(task, seed) as world:
        messages = await opening(world, mode)
        if messages is None:
            return None
        length = sum(len(one["content"]) for one in messages) + len(json.dumps(described(world.tools)))
    names = [step.name for step in task.workflow.steps]
    left = len(names) - (names.index(task.hands_over) if mode.startswith("hybrid") else 0)
    asked = min(left + 1, most)
    return sum(length // CHARACTERS_A_TOKEN + at * TOKENS_A_CALL for at in range(asked)) + asked * TOKENS_A_CALL


def keys_of(tasks: Sequence[Task], modes: Sequence[str], seeds: Sequence[int]) -> tuple[Key, ...]:
    """Return every trial of every task in each mode that it can be done in."""
    return tuple(Key(task.name, mode, seed) for task in tasks for mode in modes if fits(task, mode) for seed in seeds)
