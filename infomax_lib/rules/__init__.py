"""The rules that judge the claims, one module per chapter.

They were written, with their thresholds, before the runs they judge; the one result known
beforehand is that the first published table matches λ_tc = 100 instead of its caption's 1.
"""

from infomax_lib.rules import (
    bias_loophole,
    implicit_regularization,
    mutual_information,
    open_questions,
    optimizer_comparison,
    predictions,
    prior_art,
    synthesis,
    tc_pressure,
    theory,
)

__all__ = [
    "bias_loophole",
    "implicit_regularization",
    "mutual_information",
    "open_questions",
    "optimizer_comparison",
    "predictions",
    "prior_art",
    "synthesis",
    "tc_pressure",
    "theory",
]
