"""Statistics: the distance of a kind's times from those of the valid tokens.

The test is Welch's, for means of samples whose variances differ. The slowest times of
both are cut off before, as dudect does it. SciPy does the test and the bootstrap of the
medians.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

CUT = 95
"""The percentile of both samples together above which times are disturbances."""

SURE = 0.95
"""The confidence of an interval, and the chance for an attacker to be right."""

RESAMPLES = 499


@dataclass(frozen=True)
class Comparison:
    """One kind beside the valid tokens; times in microseconds.

    Attributes:
        quartiles: The quartiles of its times.
        difference: Its median minus that of the valid ones; negative if it is faster.
        interval: The interval of that difference, by bootstrap.
        t: Welch's statistic. Beyond 4.5, as is usual, the times count as different.
        effect: The difference of the means in standard deviations (Cohen's d).
        spread: The standard deviation of both.
    """

    quartiles: tuple[float, float, float]
    difference: float
    interval: tuple[float, float]
    t: float
    effect: float
    spread: float

    def count_requests(self, jitter: float = 0.0) -> float:
        """Return how many requests of each of the two kinds tell one from the other.

        The test has 5 % false alarms and finds the difference in 95 % of all cases:
        n = 2 · ((z₀.₉₇₅ + z₀.₉₅) / d)². Where the interval has zero in it, this is the
        least number that is possible.

        Args:
            jitter: The standard deviation of a network in between, in microseconds.
        """
        far = max(map(abs, (self.difference, *self.interval)))
        spread = float(np.hypot(self.spread, jitter))
        wanted = stats.norm.ppf((1 + SURE) / 2) + stats.norm.ppf(SURE)
        return float(2 * (wanted * spread / far) ** 2)

    @property
    def may_be_none(self) -> bool:
        """Whether the interval has zero in it."""
        return self.interval[0] <= 0 <= self.interval[1]


def compare(kind: Any, valid: Any) -> Comparison:
    """Compare samples of nanoseconds."""
    a, b = (np.asarray(each, dtype=float) / 1000 for each in (kind, valid))
    limit = np.percentile(np.concatenate([a, b]), CUT)
    cut_a, cut_b = a[a <= limit], b[b <= limit]
    spread = float(np.sqrt((cut_a.var(ddof=1) + cut_b.var(ddof=1)) / 2))
    low, high = _find_interval(a, b)
    return Comparison(
        quartiles=tuple(np.percentile(a, [25, 50, 75])),
        difference=float(np.median(a) - np.median(b)),
        interval=(low, high),
        t=float(stats.ttest_ind(cut_a, cut_b, equal_var=False).statistic),
        effect=float((cut_a.mean() - cut_b.mean()) / spread),
        spread=spread,
    )


def _find_interval(a: Any, b: Any) -> tuple[float, float]:
    def subtract(x: Any, y: Any, axis: int = -1) -> Any:
        return np.median(x, axis=axis) - np.median(y, axis=axis)

    found = stats.bootstrap(
        (a, b),
        subtract,
        vectorized=True,
        n_resamples=RESAMPLES,
        batch=10,
        confidence_level=SURE,
        method="percentile",
    ).confidence_interval
    return float(found.low), float(found.high)
