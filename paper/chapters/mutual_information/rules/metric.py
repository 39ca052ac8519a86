"""The rule on the alternative explanation: that what works is metric learning.

Table ``metric`` in ``Evidence.extra``: bound (``nce`` or ``triplet``), seed, step, accuracy, of
encoders that differ in nothing but what they climb.
"""

from infomax_lib.stats import format_exact, where
from paper.chapters.mutual_information.experiment import last_steps
from paper.chapters.mutual_information.rules.evidence import change, paired, recorded
from paper.chapters.mutual_information.rules.parts import example
from paper.chapters.mutual_information.rules.proofs import EXACT, pairs_loss_gap
from paper.judging.claims import Finding, claim, finding, measured, proved
from paper.judging.evidence import Evidence
from paper.judging.shared_rules import POINT, part_points


@claim(
    "003.15",
    place="3.2 alternative explanation",
    quote="alternative explanation",
    statement="The text of the explanation stands in a picture that is lost. In the paper that the "
    "notes are on it is metric learning: I_NCE is a loss on pairs that are close and pairs that "
    "are not, and works as such.",
    test="Encoders of halves trained by a triplet loss, which bounds no information, and by I_NCE, "
    "everything else alike: linear probe. That I_NCE is the logarithm of the number N of pairs "
    "less the multi-class N-pair loss (Sohn 2016), whatever the critic, is an identity.",
    rule="Probe under the triplet loss less that under I_NCE, at the end, over seeds: supported if "
    "its interval lies above −1 point; not supported if below, since another such loss may still "
    "do. Informing: the identity holds to 10⁻⁶ nats; the triplet loss makes the probe better than "
    "before training.",
    decisive="The difference of the probes under both losses.",
    smallest="Half a point: about the standard error of an accuracy on 10 000 test images.",
)
def metric_learning(e: Evidence) -> Finding:
    table = recorded(e, e.table("metric", ["bound", "seed", "step", "accuracy"]))
    last = last_steps(table.assign(experiment="metric"))
    gap = paired(last, "bound", "accuracy").difference("triplet", "nce")
    rise = "triplet loss, gain by training"
    identity = pairs_loss_gap()
    return finding(
        [
            example(part_points("triplet less I_NCE", gap, -POINT)),
            proved(
                "N-pair loss",
                identity <= EXACT,
                f"log N less it is I_NCE to {format_exact(identity)} nats",
                decisive=False,
            ),
            measured(
                rise,
                lambda: part_points(
                    rise,
                    change(where(table, {"bound": "triplet"}), "accuracy"),
                    0.0,
                    decisive=False,
                ),
                decisive=False,
            ),
        ]
    )
