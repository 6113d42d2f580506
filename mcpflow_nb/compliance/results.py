"""What a measurement gave: rates with Wilson intervals for each mode, and paired differences with Newcombe intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from mcpflow_nb.compliance.modes import MODES
from mcpflow_nb.compliance.scoring import SCORES, Scores, scores_of
from mcpflow_nb.compliance.statistics import Rate, mcnemar, newcombe, wilson
from mcpflow_nb.compliance.tasks import Task
from mcpflow_nb.compliance.trials import NOT_EVIDENCE, Key, Trial
from mcpflow_nb.errors import ComplianceError, did_you_mean
from mcpflow_nb.show import Shown

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS: Final = ("task", "mode", "seed", "agent", "status", "reason", "requests", "input_tokens", "output_tokens")


@dataclass(frozen=True)
class ModeRates:
    """One mode: how many trials count, how many were lost and do not, and a rate for each score."""

    mode: str
    trials: int
    lost: int
    rates: Mapping[str, Rate]


@dataclass(frozen=True)
class Difference:
    """Two modes over the same tasks and seeds: the difference of a score, first minus second, with a 95 % interval."""

    first: str
    second: str
    score: str
    pairs: int
    only_first: int
    only_second: int
    difference: float
    low: float
    high: float


class ComplianceResults(Shown):
    """The trials of one agent, scored. Lost trials, in which the agent could not be asked, count nowhere.

    The intervals take trials for independent; trials of one task are alike, so few tasks say little of others.
    """

    def __init__(self, trials: Sequence[Trial], tasks: Mapping[str, Task]) -> None:
        self.trials = tuple(trials)
        self.scores: Mapping[Key, Scores] = {
            one.key: scores_of(tasks[one.task], one.arguments, one.calls)
            for one in self.trials if one.status != "lost"
        }  # fmt: skip

    def __len__(self) -> int:
        return len(self.trials)

    def __bool__(self) -> bool:
        return True

    @property
    def agent(self) -> str:
        """Who was measured."""
        return self.trials[0].agent if self.trials else "nobody"

    @property
    def simulated(self) -> bool:
        """Whether it is no evidence."""
        return any(one.simulated for one in self.trials)

    @property
    def note(self) -> str:
        """`simulated: not evidence`, or nothing."""
        return NOT_EVIDENCE if self.simulated else ""

    @cached_property
    def modes(self) -> tuple[ModeRates, ...]:
        """The modes that were measured, each with its rates."""
        return tuple(self._mode(mode) for mode in MODES if any(one.mode == mode for one in self.trials))

    def _mode(self, mode: str) -> ModeRates:
        found = [scores for key, scores in self.scores.items() if key.mode == mode]
        lost = sum(one.mode == mode and one.status == "lost" for one in self.trials)
        rates = {name: wilson(sum(getattr(one, name) for one in found), len(found)) for name in SCORES}
        return ModeRates(mode, len(found), lost, rates)

    @cached_property
    def differences(self) -> tuple[Difference, ...]:
        """Each mode against the first one that was measured, by `compliant`."""
        names = [one.mode for one in self.modes]
        return tuple(self.difference(mode, names[0]) for mode in names[1:])

    def difference(self, first: str, second: str, score: str = "compliant") -> Difference:
        """Return the paired difference of a score between two modes.

        Raises
        ------
        ComplianceError
            For a mode or a score that is not there.
        """
        measured = [one.mode for one in self.modes]
        for name, known in ((first, measured), (second, measured), (score, SCORES)):
            if name not in known:
                raise ComplianceError(f"results.difference: there is no {name!r}{did_you_mean(name, known)}")
        pairs = [
            (bool(getattr(scores, score)), bool(getattr(self.scores[other], score)))
            for key, scores in self.scores.items()
            if key.mode == first and (other := key._replace(mode=second)) in self.scores
        ]  # fmt: skip
        both, one, two, neither = (pairs.count(p) for p in ((True, True), (True, False), (False, True), (False, False)))
        return Difference(first, second, score, len(pairs), one, two, *newcombe(both, one, two, neither))

    def p_value(self, first: str, second: str, score: str = "compliant") -> float:
        """Return the p-value of the exact McNemar test between two modes; decide on them before you look.

        Raises
        ------
        ComplianceError
            For simulated trials: a p-value would be about the numbers that somebody wrote into a script.
        """
        found = self.difference(first, second, score)
        if self.simulated:
            raise ComplianceError(
                f"no p-value, {NOT_EVIDENCE}: {self.agent!r} does what its parameters say, so a test would be "
                "about them and not about any client; measure one with compliance.endpoint(...)"
            )
        return mcnemar(found.only_first, found.only_second)

    @property
    def df(self) -> pd.DataFrame:
        """One row a trial; `attrs["note"]` says when it is no evidence.

        Columns: `task mode agent status reason` str, `seed requests input_tokens output_tokens calls` int, a boolean
        a score (None where it was lost), `why` str, `simulated` bool.
        """
        import pandas as pd

        rows = [
            {
                **{name: getattr(one, name) for name in _COLUMNS}, "calls": len(one.calls),
                **{name: getattr(self.scores.get(one.key), name, None) for name in SCORES},
                "why": "; ".join(getattr(self.scores.get(one.key), "why", ())), "simulated": one.simulated,
            } for one in self.trials
        ]  # fmt: skip
        frame = pd.DataFrame(rows, columns=[*_COLUMNS, "calls", *SCORES, "why", "simulated"])
        frame.attrs["note"] = self.note
        return frame

    __repr__ = Shown.__repr__
