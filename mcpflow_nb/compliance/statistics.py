"""Intervals and the exact test, from scipy; the one interval that no released library has is here, with its source."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from mcpflow_nb.errors import ComplianceError

if TYPE_CHECKING:
    from types import ModuleType


class Rate(NamedTuple):
    """So many of so many, with a 95 % interval."""

    yes: int
    of: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """The part that is yes; NaN of none."""
        return self.yes / self.of if self.of else math.nan


def scipy_stats() -> ModuleType:
    """Return `scipy.stats`.

    Raises
    ------
    ComplianceError
        Where scipy is not installed.
    """
    try:
        from scipy import stats
    except ImportError:
        raise ComplianceError("the intervals need scipy: pip install 'mcpflow-nb[compliance]'") from None
    return stats


def wilson(yes: int, of: int) -> Rate:
    """Return a rate with its Wilson interval at 95 %; of none, it is anything."""
    if of == 0:
        return Rate(0, 0, 0.0, 1.0)
    found: Any = scipy_stats().binomtest(yes, of).proportion_ci(0.95, method="wilson")
    return Rate(yes, of, float(found.low), float(found.high))


def newcombe(both: int, first: int, second: int, neither: int) -> tuple[float, float, float]:
    """Return the difference of two paired rates, first minus second, with its 95 % interval.

    Source: Newcombe, Statistics in Medicine 17 (1998) 2635-2650, method 10: Wilson intervals, put together with a
    correlation that is corrected for continuity. scipy has no such function, statsmodels none in 0.15.

    Parameters
    ----------
    both, first, second, neither
        Pairs in which both are yes, the first alone, the second alone, and none.

    >>> [round(part, 3) for part in newcombe(1, 1, 7, 12)]
    [-0.286, -0.507, -0.026]
    """
    pairs = both + first + second + neither
    if pairs == 0:
        return (math.nan, -1.0, 1.0)
    one, two = wilson(both + first, pairs), wilson(both + second, pairs)
    margins = (both + first) * (second + neither) * (both + second) * (first + neither)
    cross = both * neither - first * second
    corrected = max(cross - pairs / 2, 0) if cross > 0 else cross
    phi = corrected / math.sqrt(margins) if margins else 0.0
    difference = one.share - two.share

    def reach(a: float, b: float) -> float:
        return math.sqrt(max(a * a - 2 * phi * a * b + b * b, 0.0))

    low = difference - reach(one.share - one.low, two.high - two.share)
    high = difference + reach(two.share - two.low, one.high - one.share)
    return (difference, max(low, -1.0), min(high, 1.0))


def mcnemar(first: int, second: int) -> float:
    """Return the p-value of the exact McNemar test: a binomial test of the pairs that differ; 1 where none does."""
    return float(scipy_stats().binomtest(first, first + second).pvalue) if first + second else 1.0
