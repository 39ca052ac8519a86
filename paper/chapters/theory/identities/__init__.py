r"""The identities that the theory rests on, each with both of its sides as functions in float64.

What an :class:`Identity` says stands in ``statements.toml``; how it is checked, in the module of
its theme. It draws random inputs and computes its left and its right side from them along different
ways: by autograd against a formula, by enumeration against a count, by averaging over a group
against an expectation. :func:`check_identities` lists how far the sides are apart.

Throughout, a unit's *entropy proxy* is log Var, twice the Gaussian entropy but for a constant:
source 000's loss -sum log Var + lambda_tc ||R - I||^2 is therefore in units of twice source 001's
-sum H + lambda TC. Sources: "Initial InfoMax Experiment Results" (claims 000.x), "InfoMax as the
Objective for Implicit EM" (claims 001.x).
"""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from paper.chapters.theory.identities import collapse, dependence, em, entropy, regions
from paper.chapters.theory.identities.check import Check


@dataclass(frozen=True)
class Identity:
    """One statement left = right, with what is needed to read it and to check it.

    Attributes:
        name: By which :data:`IDENTITIES` holds it.
        section: Of the list in which the page shows it.
        says: What it says, in words; formulas between dollar signs, as in ``proof``.
        latex: The statement.
        claims: Ids of the claims that it bears upon, separated by commas.
        proof: A sketch, or where to find one.
        check: Its two sides.
    """

    name: str
    section: str
    says: str
    latex: str
    claims: str
    proof: str
    check: Check

    def sides(self, seed: int = 0) -> tuple[Tensor, Tensor]:
        """Both sides on the inputs of one seed, float64 and of one shape."""
        inputs = self.check.draw(torch.Generator().manual_seed(seed))
        left, right = (
            torch.as_tensor(side(*inputs), dtype=torch.float64).detach()
            for side in (self.check.left, self.check.right)
        )
        return left, right.expand_as(left)

    def difference(self, seed: int = 0) -> float:
        """Largest difference of the sides, relative to the right side where that exceeds 1."""
        left, right = self.sides(seed)
        return float(((left - right).abs() / right.abs().clamp_min(1)).max())


def _read() -> dict[str, Identity]:
    """Every statement with its check, in the order of the theory."""
    checks = em.CHECKS | entropy.CHECKS | collapse.CHECKS | dependence.CHECKS | regions.CHECKS
    text = resources.files(__package__).joinpath("statements.toml").read_text("utf-8")
    found = {}
    for section, statements in tomllib.loads(text).items():
        for name, statement in statements.items():
            claims = ", ".join(statement.pop("claims"))
            # lines of the file end where it is convenient
            words = {key: " ".join(value.split()) for key, value in statement.items()}
            found[name] = Identity(name, section, **words, claims=claims, check=checks.pop(name))
    if checks:
        raise ValueError(f"statements.toml does not say what {', '.join(checks)} states")
    return found


IDENTITIES = _read()


def check_identities(seeds: Iterable[int] = range(5)) -> pd.DataFrame:
    """How far the two sides of the identities are apart, at worst over seeds.

    Args:
        seeds: Each gives other inputs.

    Returns:
        One row per identity: its fields but for the check, ``difference``, ``tolerance``,
        ``holds``.
    """
    tried = list(seeds)
    fields = ["name", "section", "says", "latex", "claims", "proof"]
    rows = pd.DataFrame([{f: getattr(i, f) for f in fields} for i in IDENTITIES.values()])
    # NaN must count as a failure, and max() would lose it
    worst = [np.max([i.difference(seed) for seed in tried]) for i in IDENTITIES.values()]
    rows = rows.assign(difference=worst, tolerance=[i.check.tolerance for i in IDENTITIES.values()])
    return rows.assign(holds=rows["difference"] <= rows["tolerance"])
