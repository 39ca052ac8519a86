"""How one measured quantity decides a part of a claim, and how far that decision can be trusted.

A part says on which side of a *bar* a quantity lies. The whole 95 % interval decides, so that every
side is tested at a level of 2.5 %, and a *smallest effect of interest* tells an effect that is
absent from one that could not be seen. Student's interval, which is shown, is too short on one side
where values are skewed; from ten values on the interval that allows for skewness has to lie there
as well (Hall 1992):

- **holds**: the interval lies beyond the bar (of similarity: within ± the bar; of a difference
  in either direction: beyond ± the bar, on one side);
- **opposite**: it lies beyond the value of no effect, on the other side;
- **fails**: the effect claimed is excluded, or is smaller than the smallest of interest;
- **at threshold**: it holds the bar, and is too narrow for more seeds to matter;
- **underpowered**: it holds the bar, and more seeds would decide.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from scipy import stats

from infomax_lib.stats import CONFIDENCE, Interval, format_number, limits_of_skewed, student

Outcome = Literal[
    "holds",
    "fails",
    "opposite",
    "at threshold",
    "underpowered",
    "not measured",
    "proved",
    "disproved",
]

Side = Literal["above", "below", "within", "beyond"]

#: Of a least detectable effect: the share of experiments that would see it.
POWER = 0.8
#: Simulated experiments without effect.
SIMULATED = 4000
#: Fewer values than this say nothing of the shape of their distribution.
SHOW_A_SHAPE = 10


@dataclass(frozen=True)
class Decision:
    """A quantity, the side of the bar on which a claim puts it, and what follows.

    Attributes:
        estimate: Mean over seeds with its interval.
        side: ``above`` or ``below`` the bar, ``within`` ± the bar, or ``beyond`` ± the bar.
        bar: What the claim has to pass, in the unit of the estimate.
        smallest: Smallest effect of interest, > 0, in the same unit: closer to the bar (or to no
            effect) than this is as good as there.
        neutral: Value of no effect, where there is one: 0 of a difference, 1 of a ratio. Beyond it
            lies the opposite of the claim.
        scale: Numbers are shown times this, 100 of a fraction in per cent.
        unit: In which they are shown.
    """

    estimate: Interval
    side: Side
    bar: float
    smallest: float
    neutral: float | None = None
    scale: float = 1.0
    unit: str = ""

    def __post_init__(self) -> None:
        if not self.smallest > 0:
            raise ValueError(f"the smallest effect of interest must be > 0, got {self.smallest}")
        if self.side not in get_args(Side):
            raise ValueError(f"side must be one of {', '.join(get_args(Side))}; got {self.side!r}")
        if self.side in ("within", "beyond") and not self.bar > 0:
            raise ValueError(f"{self.side} ± a bar needs a bar > 0, got {self.bar}")

    @property
    def outcome(self) -> Outcome:
        """What the interval says, see the module."""
        return self._outcome(*self.limits)

    @property
    def limits(self) -> tuple[float, float]:
        """Limits of the interval that decides: the outer ones of two where there are two."""
        estimate = self.estimate
        low, high = estimate.low, estimate.high
        if low == high or not self._shows_a_shape:
            return low, high
        others = limits_of_skewed(np.asarray(estimate.sample))
        return min(low, float(others[0])), max(high, float(others[1]))

    @property
    def turned_by_skewness(self) -> bool:
        """Whether Student's interval alone would have decided otherwise."""
        return self.outcome != self._outcome(self.estimate.low, self.estimate.high)

    @property
    def _shows_a_shape(self) -> bool:
        return len(self.estimate.sample) == self.estimate.n >= SHOW_A_SHAPE

    def _outcome(self, low: float, high: float) -> Outcome:
        if not (math.isfinite(low) and math.isfinite(high)):
            return "not measured"
        if self._held(low, high):
            return "holds"
        if self.side in ("within", "beyond"):
            return self._around(low, high)
        if self._negligible(low, high):
            return "fails"
        bar, neutral = self.bar, self.neutral
        if self.side == "below":
            low, high, bar = -high, -low, -bar
            neutral = None if neutral is None else -neutral
        if high <= bar:
            return "opposite" if neutral is not None and high < neutral else "fails"
        narrow = bar - self.smallest <= low and high <= bar + self.smallest
        return "at threshold" if narrow else "underpowered"

    def _held(self, low, high):
        """Whether a part holds, of one interval or of arrays of limits."""
        if self.side == "within":
            return (-self.bar <= low) & (high <= self.bar)
        if self.side == "beyond":
            return (high < -self.bar) | (low > self.bar)
        beyond = low > self.bar if self.side == "above" else high < self.bar
        return beyond & np.logical_not(self._negligible(low, high))

    def _negligible(self, low, high):
        """Whether a claim of any effect in its direction meets one too small to be of interest."""
        any_effect = self.neutral is not None and self.neutral == self.bar
        return any_effect & (self.bar - self.smallest < low) & (high < self.bar + self.smallest)

    def _around(self, low: float, high: float) -> Outcome:
        if self.side == "beyond" and -self.bar <= low and high <= self.bar:
            return "fails"
        if self.side == "within" and (high < -self.bar or low > self.bar):
            return "opposite"
        edge = self.bar if high > self.bar else -self.bar
        narrow = edge - self.smallest <= low and high <= edge + self.smallest
        return "at threshold" if narrow else "underpowered"

    @property
    def stands_for(self) -> str:
        """Bars (of ±, margins) for which the outcome stays what it is: "below 0.3".

        Of an effect that is too small to be of interest: the smallest effects of which this is so.
        """
        low, high = self.limits
        outcome = self.outcome
        if outcome == "not measured":
            return ""
        if self.side in ("within", "beyond"):
            near, far = sorted((abs(low), abs(high)))
            near = 0.0 if low <= 0 <= high else near
            if far <= self.bar:
                return self.shown("from", far)
            if near > self.bar:
                return self.shown("below", near)
            return self.shown("", near, far)
        if self._negligible(low, high):
            return self.shown("smallest effects above", max(self.bar - low, high - self.bar))
        if outcome in ("at threshold", "underpowered"):
            return self.shown("", low, high)
        beneath = (outcome == "holds") == (self.side == "above")
        return self.shown("below", low) if beneath else self.shown("above", high)

    def shown(self, word: str, *values: float) -> str:
        """Values in the unit in which they are shown, as in "below 2 points"."""
        numbers = " to ".join(format_number(self.scale * value) for value in values)
        return " ".join(filter(None, (word, numbers, self.unit)))

    @property
    def least_detectable(self) -> float:
        """Distance from the bar that four of five such experiments would see by Student's interval.

        Allowing for a skewness that normal values do not have takes 5 points of that power at ten
        seeds, and 2 at twenty.
        """
        estimate = self.estimate
        if not math.isfinite(estimate.low) or estimate.n < 2:
            return math.nan
        return estimate.half_width + student(estimate.n, 1 - POWER) * estimate.standard_error

    @property
    def seeds_to_decide(self) -> int | None:
        """Seeds at which the interval would no longer hold the bar, were the mean to stay.

        Where the mean is closer to the bar than the smallest effect of interest: at which the
        interval were as narrow as that. None where test images alone keep it wider.
        """
        images, mean = self.estimate.images, self.estimate.mean
        edges = (self.bar,) if self.side in ("above", "below") else (self.bar, -self.bar)
        wanted = max(self.smallest, min(abs(mean - edge) for edge in edges))
        if wanted <= images:
            return None
        low, high = self.limits
        reach = max(mean - low, high - mean)
        ratio = math.sqrt(reach**2 - images**2) / math.sqrt(wanted**2 - images**2)
        return math.ceil(self.estimate.n * ratio**2)

    def false_support(self) -> float:
        """Share of simulated experiments in which the part holds although nothing is there.

        The values over seeds, moved so that their mean is exactly the bar, are drawn again with
        replacement; fixed random state. Where there are fewer than ten, or they are not known, they
        are taken as normal: five values drawn from five repeat themselves, as no experiment does.
        """
        estimate = self.estimate
        if estimate.n < 2 or not math.isfinite(estimate.low) or estimate.low == estimate.high:
            return 0.0
        rng = np.random.default_rng(0)
        if self._shows_a_shape:
            centred = np.asarray(estimate.sample) - np.mean(estimate.sample)
            drawn = centred[rng.integers(0, estimate.n, (SIMULATED, estimate.n))]
        else:
            spread = estimate.standard_error * math.sqrt(estimate.n)
            drawn = spread * rng.standard_normal((SIMULATED, estimate.n))
        mean = drawn.mean(1) + self.bar
        half = student(estimate.n) * drawn.std(1, ddof=1) / math.sqrt(estimate.n)
        low, high = mean - half, mean + half
        if self._shows_a_shape:
            with np.errstate(invalid="ignore"):  # equal values have no shape
                skewed = limits_of_skewed(drawn)
            low = np.fmin(low, self.bar + skewed[0])
            high = np.fmax(high, self.bar + skewed[1])
        return float(np.mean(self._held(low, high)))


@dataclass(frozen=True)
class Share:
    """A statement that is true of single seeds, and the share of them for which a claim needs it.

    It holds from ``least`` on, and the opposite holds up to 1 − ``least``. Between the two it
    fails, or is at the threshold where the 95 % interval of the share holds ``least``
    (Clopper & Pearson 1934).
    """

    true: int
    seeds: int
    least: float

    @property
    def outcome(self) -> Outcome:
        if not self.seeds:
            return "not measured"
        if self.true / self.seeds >= self.least:
            return "holds"
        # Counted as the other side is, so that both meet the bar at the same share.
        others = (self.seeds - self.true) / self.seeds
        if others >= self.least:
            return "opposite"
        return "fails" if self._highest < self.least else "at threshold"

    @property
    def _highest(self) -> float:
        """Upper limit of the 95 % interval of the share, which is below 1 here."""
        others = self.seeds - self.true
        return float(stats.beta.ppf((1 + CONFIDENCE) / 2, self.true + 1, others))

    @property
    def stands_for(self) -> str:
        """Range of shares to ask for, for which the outcome stays what it is."""
        if not self.seeds:
            return ""
        share = self.true / self.seeds
        if self.outcome == "holds":
            return f"up to {format_number(share)}"
        if self.outcome == "opposite":
            return f"{format_number(share)} to {format_number(1 - share)}"
        edge = max(share, 1 - share)
        if self.outcome == "fails":
            return f"above {format_number(max(edge, self._highest))}"
        return f"{format_number(edge)} to {format_number(self._highest)}"

    def false_support(self) -> float:
        """Chance that the part holds although every seed is a toss of a coin."""
        return float(stats.binom.sf(math.ceil(self.least * self.seeds - 1e-9) - 1, self.seeds, 0.5))
