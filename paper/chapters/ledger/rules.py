"""Rules for the claims that sum up others: judged on the ledger page from the other verdicts."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from paper.judging.claims import Finding, Part, claim, finding
from paper.judging.decisions import Outcome
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


#: What a verdict says of the statement that rests on it.
SAYS: Mapping[str, Outcome] = {
    "proved": "holds",
    "supported": "holds",
    "not supported": "fails",
    "refuted": "opposite",
    "disproved by construction": "opposite",
    "mixed": "fails",
    "at threshold": "at threshold",
    "underpowered": "underpowered",
}


def outcome(verdicts: Verdicts, ids: Sequence[str]) -> Outcome:
    """What comes out of a statement that needs several claims.

    It holds if all do; where one does not, that one decides. A claim of which only a part holds
    does not carry a statement that needs it whole.

    Raises:
        MissingEvidence: There is no verdict on one of them.
    """
    known = {v.id: v.interpretation_verdict for v in verdicts}
    missing = [i for i in ids if i not in known]
    if missing:
        raise MissingEvidence(f"verdicts on {', '.join(missing)}")
    found = {SAYS.get(known[i], "not measured") for i in ids}
    order: Sequence[Outcome] = ("opposite", "fails", "not measured", "underpowered", "at threshold")
    return next((each for each in order if each in found), "holds")


def _part(verdicts: Verdicts, name: str, ids: Sequence[str]) -> Part:
    came_out = outcome(verdicts, ids)
    known = {v.id: v for v in verdicts}
    text = ", ".join(f"{i} {known[i].interpretation_verdict}" for i in ids)
    return Part(name, came_out, text)


@claim(
    "000.28",
    place="Comparison of architectures",
    quote="Property | Linear→ReLU→InfoMax | Linear→ReLU→Softmax→InfoMax",
    statement="Eight properties tell the architectures apart: EM structure, bias loophole, "
    "requires λ_wr, requires λ_tc, SGD works, Adam needed, weight redundancy, output "
    "independence.",
    test="Each row by the verdicts on the claims it rests on; the first row is a definition.",
    rule="A row holds if all its claims are proved or supported; where one is not, that one "
    "decides the row (a mixed claim does not carry it). All seven rows decide: supported if all "
    "hold, mixed if some do.",
    decisive="each of the seven rows",
    smallest="that of the claims on which a row rests",
    before="inconclusive",
    amended="The vocabulary, and that a mixed claim fails the row that needs it whole.",
)
def eight_rows(verdicts: Verdicts) -> Finding:
    printed = list(words("architectures")["Property"])
    rows = [name for name in printed if name in PROPERTY_CLAIMS]
    return finding([_part(verdicts, name, PROPERTY_CLAIMS[name]) for name in rows])


@claim(
    "000.29",
    place="Practical recommendations",
    quote="Use EM structure (softmax) if you want implicit weight regularization. … Don't push "
    "λ_tc with softmax outputs … λ_wr is only needed without EM structure. … SGD is fine",
    statement="Five practical recommendations: softmax for implicit regularization; no high λ_tc "
    "with it; λ_wr only without it; SGD is fine with it; the entropy term is primary.",
    test="Each recommendation by the verdicts on the claims it rests on.",
    rule="A recommendation holds if all its claims are proved or supported; where one is not, that "
    "one decides it (a mixed claim does not carry it). All five decide: supported if all hold, "
    "mixed if some do.",
    decisive="each of the five recommendations",
    smallest="that of the claims on which a recommendation rests",
    before="inconclusive",
    amended="The vocabulary, and that a mixed claim fails the recommendation that needs it whole.",
)
def recommendations(verdicts: Verdicts) -> Finding:
    return finding([_part(verdicts, name, ids) for name, ids in RECOMMENDATION_CLAIMS])


@claim(
    "000.35",
    place="Conclusion",
    quote="Together, they produce non-redundant, informative features with stable optimization.",
    statement="Objective and mechanism together give non-redundant, informative features with "
    "stable optimization.",
    test="Verdicts on the claims each word rests on.",
    rule="Non-redundant: 000.2 and 000.16; informative: 000.20 and 000.27; stable: 000.14 and "
    "000.26. Each word holds if its claims are proved or supported; where one is not, that one "
    "decides the word (a mixed claim does not carry it). All three decide: supported if all hold, "
    "mixed if some do.",
    decisive="each of the three words",
    smallest="that of the claims on which a word rests",
    before="inconclusive",
    amended="The vocabulary, and that a mixed claim fails the word that needs it whole.",
)
def conclusion(verdicts: Verdicts) -> Finding:
    words_and_claims = (
        ("non-redundant", ("000.2", "000.16")),
        ("informative", ("000.20", "000.27")),
        ("stable", ("000.14", "000.26")),
    )
    parts = [_part(verdicts, name, ids) for name, ids in words_and_claims]
    return finding(parts)


@claim(
    "000.38",
    place="Conclusion",
    quote="This validates the hypothesis from the theoretical notes: implicit EM requires both an "
    "objective (InfoMax) and a mechanism (softmax/responsibilities).",
    statement="The results validate the hypothesis of the theoretical notes (source 001).",
    test="Whether the model that was run is the one that the notes speak of: 001.9. They put the "
    "loss on z before the softmax, the results have it on softmax(h).",
    rule="The same model (001.9 proved or supported): supported; else not supported, since results "
    "on another model, whatever they are, validate nothing about this one. Beside it: whether both "
    "pieces are necessary in the model that was run (000.27).",
    decisive="whether 001.9 holds: one model in both sources",
    smallest="that of 001.9",
)
def validates_the_notes(verdicts: Verdicts) -> Finding:
    same = _part(verdicts, "the same model", ("001.9",))
    if same.outcome == "opposite":
        same = replace(same, outcome="fails")
    necessary = _part(verdicts, "both pieces are necessary", ("000.27",))
    return finding([same, replace(necessary, decisive=False)])
