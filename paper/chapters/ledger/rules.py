"""Rules for the claims that sum up others: judged on the ledger page from the other verdicts."""

from collections.abc import Mapping, Sequence

from paper.judging.claims import Finding, Part, claim, finding
from paper.judging.evidence import MissingEvidence
from paper.judging.published import words
from paper.judging.verdicts import Verdicts

#: Row of the published comparison table → claims that decide it. "EM structure" is a definition.
PROPERTY_CLAIMS: Mapping[str, Sequence[str]] = {
    "Bias loophole": ("000.9", "000.16"),
    "Requires λ_wr": ("000.12", "000.2"),
    "Requires λ_tc": ("000.10", "000.18"),
    "SGD works": ("000.21", "000.3"),
    "Adam needed": ("000.3", "000.24"),
    "Weight redundancy": ("000.15", "000.14"),
    "Output independence": ("000.1", "000.19"),
}

RECOMMENDATION_CLAIMS: Sequence[tuple[str, Sequence[str]]] = (
    ("use softmax for implicit weight regularization", ("000.2",)),
    ("do not push λ_tc with softmax", ("000.18", "000.19")),
    ("λ_wr is only needed without softmax", ("000.12", "000.2")),
    ("SGD is fine with softmax", ("000.3", "000.23")),
    ("the entropy term is primary", ("000.20",)),
)


def holds(verdicts: Verdicts, ids: Sequence[str]) -> bool | None:
    """Whether a statement holds that rests on several claims.

    True if all are supported, False if one is refuted, None (open) otherwise.

    Raises:
        MissingEvidence: There is no verdict on one of them.
    """
    known = {v.id: v.interpretation_verdict for v in verdicts}
    missing = [i for i in ids if i not in known]
    if missing:
        raise MissingEvidence(f"verdicts on {', '.join(missing)}")
    found = [known[i] for i in ids]
    if all(v == "supported" for v in found):
        return True
    return False if "refuted" in found else None


def _part(verdicts: Verdicts, name: str, ids: Sequence[str]) -> Part:
    known = {v.id: v for v in verdicts}
    outcome = holds(verdicts, ids)
    text = ", ".join(f"{i} {known[i].interpretation_verdict}" for i in ids)
    return Part(name, outcome, text)


@claim(
    "000.28",
    place="Comparison of architectures",
    statement="Eight properties tell the architectures apart: EM structure, bias loophole, "
    "requires λ_wr, requires λ_tc, SGD works, Adam needed, weight redundancy, output "
    "independence.",
    test="Each row by the verdicts on the claims it rests on; the first row is a definition.",
    rule="A row holds if all its claims are supported, fails if one is refuted, is open "
    "otherwise. Supported if all seven rows hold, refuted if all fail, mixed if some hold and "
    "some fail, else inconclusive.",
)
def eight_rows(verdicts: Verdicts) -> Finding:
    printed = list(words("architectures")["Property"])
    rows = [name for name in printed if name in PROPERTY_CLAIMS]
    return finding([_part(verdicts, name, PROPERTY_CLAIMS[name]) for name in rows])


@claim(
    "000.29",
    place="Practical recommendations",
    statement="Five practical recommendations: softmax for implicit regularization; no high λ_tc "
    "with it; λ_wr only without it; SGD is fine with it; the entropy term is primary.",
    test="Each recommendation by the verdicts on the claims it rests on.",
    rule="A recommendation holds if all its claims are supported, fails if one is refuted, is "
    "open otherwise. Supported if all five hold, refuted if all fail, mixed if some hold and "
    "some fail, else inconclusive.",
)
def recommendations(verdicts: Verdicts) -> Finding:
    return finding([_part(verdicts, name, ids) for name, ids in RECOMMENDATION_CLAIMS])


@claim(
    "000.35",
    place="Conclusion",
    statement="Objective and mechanism together give non-redundant, informative features with "
    "stable optimization.",
    test="Verdicts on the claims each word rests on.",
    rule="Non-redundant: 000.2 and 000.16; informative: 000.20 and 000.27; stable: 000.14 and "
    "000.26. Each word holds if its claims are supported, fails if one is refuted, is open "
    "otherwise. Supported if all hold, refuted if all fail, mixed if some hold and some fail, "
    "else inconclusive.",
)
def conclusion(verdicts: Verdicts) -> Finding:
    words_and_claims = (
        ("non-redundant", ("000.2", "000.16")),
        ("informative", ("000.20", "000.27")),
        ("stable", ("000.14", "000.26")),
    )
    parts = [_part(verdicts, name, ids) for name, ids in words_and_claims]
    return finding(parts)
