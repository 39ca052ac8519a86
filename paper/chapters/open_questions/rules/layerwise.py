"""The rule on what each layer of a stack says about its input.

Table ``layerwise`` in ``Evidence.extra``: form (of the layers, see
:data:`paper.chapters.open_questions.layerwise.FORMS`), level, epoch, seed, hidden_dim, noise and
``lower``, a bound on the information (nats) that a layer's noisy outputs carry about its input.
"""

import numpy as np

from infomax_lib.stats import mean_interval
from paper.chapters.open_questions.rules.shared import everywhere
from paper.judging.claims import Finding, Part, claim, decided, finding
from paper.judging.decisions import Decision
from paper.judging.evidence import Evidence, MissingEvidence
from paper.judging.shared_rules import difference, rows

#: Tenth of a nat: what a factor of 1.1 in the number of inputs told apart is worth.
TENTH = 0.1
#: A layer has maximised its information when it carries this share of what it can.
MAXIMAL, OF_IT = 0.9, 0.02


@claim(
    "001.27",
    place="Summary",
    quote="Each layer maximizes information about its input while ensuring no redundancy.",
    statement="Layer by layer, training raises the information that a layer's outputs carry about "
    "its input.",
    test="Stacks of three layers, each trained on the standardised outputs of the one below. "
    "Outputs are a function of the input, so that without noise their information is infinite; "
    "and with noise of fixed size, growing outputs would be enough. Here noise as large as each "
    "unit's own standard deviation is added, and the information is bounded from below on test "
    "images, before training and along it.",
    rule="In the source's own form (no activation, no competition, λ = 1): information at the end "
    "less that before the first step, the layers below being the same. Supported if at each of the "
    "three levels the interval lies above 0, that closest to failing decides; not supported if it "
    "is not, or smaller than 0.1 nats; refuted if at all levels it lies below 0. Informing: the "
    "same for A and for B, and whether the source's form carries at least 90 % of the most that "
    "so many units can, K/2 · log(1 + 1/σ²).",
    decisive="Change of the information by training, at the level where it is smallest.",
    smallest="0.1 nats: a factor of 1.1 in the number of inputs that can be told apart.",
)
def layers_maximise_information(e: Evidence) -> Finding:
    table = e.table("layerwise", ["form", "level", "epoch", "seed", "lower", "hidden_dim", "noise"])
    levels, last = sorted(set(table["level"])), int(table["epoch"].max())
    if "source" not in set(table["form"]) or not last:
        raise MissingEvidence("stacks of the source's own form, before training and after it")

    def at(form: str, level: int, epoch: int) -> dict[str, object]:
        return {"form": form, "level": level, "epoch": epoch}

    def gains(form: str) -> Part:
        places = []
        for level in levels:
            ends = (at(form, level, epoch) for epoch in (last, 0))
            gap = difference(e, "layerwise", "lower", *ends)
            test = Decision(gap, "above", 0.0, TENTH, 0.0)
            places.append(decided(f"level {level}", test, unit="nats"))
        return everywhere(form, places, decisive=form == "source")

    def share(level: int) -> Part:
        found = rows(e, "layerwise", at("source", level, last), "lower", "hidden_dim", "noise")
        most = found["hidden_dim"] / 2 * np.log1p(found["noise"] ** -2.0)
        test = Decision(mean_interval(found["lower"] / most), "above", MAXIMAL, OF_IT)
        return decided(f"level {level}", test, scale=100, unit="%")

    forms = dict.fromkeys(["source", *table["form"]])
    most = everywhere("share of the most", [share(level) for level in levels], decisive=False)
    return finding([*(gains(form) for form in forms), most])
