"""The chapters, one folder each, and the judge of their claims.

A chapter's folder holds what its notebook calls: the experiment, the rules, figures and words. The
rules were written, with their thresholds, before the runs they judge; the one result known
beforehand is that the first published table matches λ_tc = 100 instead of its caption's 1.

No chapter imports another. The registry finds the rules of all of them by their place,
``<chapter>/rules.py`` or ``<chapter>/rules/``, so that a new chapter is a new folder and no more.
"""

from __future__ import annotations

import importlib
import math
import pkgutil
from collections.abc import Iterable, Sequence
from typing import Any

from paper.judging.claims import CLAIMS, Claim, Finding, Part
from paper.judging.decisions import Decision
from paper.judging.evidence import Evidence, MissingEvidence
from paper.judging.halves import agreement_of_halves, halves
from paper.judging.universes import Universe, agreement
from paper.judging.verdicts import Verdict, Verdicts

#: Claims that sum up other claims are judged on the ledger page.
SYNTHESIS = "ledger"

#: Verdicts that no other choice can change, or that are none.
CERTAIN = ("proved", "disproved by construction", "untestable here", "not measured")


def registry() -> dict[str, Claim]:
    """Every registered claim by id, in the order of the sources."""
    for chapter in pkgutil.iter_modules(__path__, f"{__name__}."):
        _import_rules(chapter.name)
    return dict(sorted(CLAIMS.items(), key=lambda item: _order(item[0])))


def _import_rules(chapter: str) -> None:
    """Import a chapter's rules, which register themselves; a chapter may have none."""
    folder = importlib.import_module(chapter).__path__
    if "rules" in {module.name for module in pkgutil.iter_modules(folder)}:
        rules = importlib.import_module(f"{chapter}.rules")
        for part in pkgutil.iter_modules(getattr(rules, "__path__", []), f"{chapter}.rules."):
            importlib.import_module(part.name)


def _order(claim_id: str) -> tuple[str, int]:
    source, _, number = claim_id.partition(".")
    return source, int(number)


def judge(chapter: str, evidence: Evidence, among: Sequence[Universe] | None = None) -> Verdicts:
    """The verdicts on all claims of a chapter, from the evidence it measured.

    A claim whose rule lacks runs is *not measured*, and its evidence says what is missing.

    Args:
        chapter: Its folder.
        evidence: What it measured.
        among: Universes to ask every rule in again: a verdict then carries in how many it is the
            same, or else, where its rule can be asked in none, in how many halves of the seeds.
            None for a first look, which asks nothing again.

    Raises:
        ValueError: The chapter has no claims.
    """
    claims = registry().values()
    judged = dict.fromkeys(c.chapter for c in claims if c.chapter != SYNTHESIS)
    if chapter not in judged:
        raise ValueError(f"no chapter {chapter!r}; chapters are {', '.join(judged)}")
    parts = [] if among is None else halves(evidence)
    return Verdicts(
        _judge(c, evidence.tracked(), among or (), parts) for c in claims if c.chapter == chapter
    )


def judge_claim(claim_id: str, evidence: Evidence) -> Verdict:
    """The verdict on one claim, a first look: what :func:`judge` says of it in no universe.

    Raises:
        ValueError: There is no such claim, or it sums up others.
    """
    claims = registry()
    if claim_id not in claims or claims[claim_id].chapter == SYNTHESIS:
        raise ValueError(f"no claim {claim_id!r} rests on evidence; the ledger has all that do")
    return _judge(claims[claim_id], evidence.tracked())


def judge_synthesis(verdicts: Iterable[Verdict]) -> Verdicts:
    """The verdicts on claims that sum up others, from the verdicts of all chapters."""
    known = Verdicts(verdicts)
    return Verdicts(_judge(c, known) for c in registry().values() if c.chapter == SYNTHESIS)


def _judge(
    rule: Claim,
    material: Evidence | Verdicts,
    among: Sequence[Universe] = (),
    parts: Sequence[Evidence] = (),
) -> Verdict:
    try:
        result = rule.function(material)
    except MissingEvidence as missing:
        result = Finding(
            "not measured", f"Not measured with these parameters: needs {missing.args[0]}."
        )
    keys: tuple[str, ...] = ()
    seeds = 0
    if isinstance(material, Evidence):
        keys = tuple(sorted(key[:8] for key in material.used))
        if keys:
            runs = material.runs
            tables = [t for t in (runs, material.history) if {"key", "seed"} <= set(t.columns)]
            seeds = len({s for t in tables for s in t[t["key"].isin(material.used)]["seed"]})
    return Verdict(
        id=rule.id,
        source=rule.source,
        place=rule.place,
        statement=rule.statement,
        test=rule.test,
        rule=rule.rule,
        evidence=result.evidence,
        number_verdict=result.number,
        interpretation_verdict=result.interpretation,
        chapter=rule.chapter,
        quote=rule.quote,
        decisive=rule.decisive,
        smallest=rule.smallest,
        **_strength(result.parts),
        universes=_asked_again(rule, result, among, parts),
        before=rule.before,
        amended=rule.amended,
        runs=len(keys),
        seeds=seeds,
        keys=keys,
    )


def _asked_again(
    rule: Claim, here: Finding, among: Sequence[Universe], parts: Sequence[Evidence]
) -> str:
    """In how many universes, or else halves of the seeds, a rule comes to the same verdict."""
    if here.interpretation in CERTAIN:
        return ""
    found = str(agreement(rule.function, here.interpretation, among, here.evidence))
    return found or (agreement_of_halves(rule.function, here, parts) if parts else "")


def _strength(parts: Sequence[Part]) -> dict[str, Any]:
    """Effect, least detectable effect, range of bars and false-verdict rate of a claim.

    A claim with several decisive parts is supported only if all hold, so that its rate is at most
    the smallest of theirs.
    """
    decisive = [p for p in parts if p.decisive]
    tests = [(p.name, p.decision) for p in decisive if p.decision is not None]
    several = len(decisive) > 1

    def listed(texts: Iterable[tuple[str, str]]) -> str:
        return "; ".join(f"{name}: {text}" if several else text for name, text in texts if text)

    return {
        "effect": listed((p.name, p.text) for p in decisive),
        "detectable": listed(
            (name, test.shown("", test.least_detectable))
            for name, test in tests
            if isinstance(test, Decision) and math.isfinite(test.least_detectable)
        ),
        "stands_for": listed((name, test.stands_for) for name, test in tests),
        "false_support": min((t.false_support() for p in decisive for t in p.tests), default=None),
    }
