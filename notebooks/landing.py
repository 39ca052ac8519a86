# ---
# jupyter:
#   jupytext:
#     notebook_metadata_filter: kernelspec,jupytext,-jupytext.text_representation.jupytext_version
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Does competition add anything to InfoMax?
#
# **The question.** When a single layer is trained to make its outputs informative and independent
# (InfoMax), what does the mechanism — competition through a softmax, “implicit EM” — add to the
# objective?

# %% tags=["parameters", "remove-cell"]
# Executed chapters to collect from.
chapters: str = ".."  # folder of the checkout whose executed chapters are summarised

# %% tags=["remove-cell"]
from pathlib import Path

from IPython.display import HTML
from myst_nb import glue

from paper.chapters.ledger.front_pages import (
    all_verdicts,
    cards_html,
    glued_text,
    in_words,
    verdict_counts_html,
)

root = Path(chapters)
verdicts = all_verdicts(root)
counts = verdicts.counts()


def verdict_on(claim: str) -> str:
    """The interpretation verdict on one claim, in words."""
    return next((v.interpretation_verdict for v in verdicts if v.id == claim), "not yet judged")


printed = {name: n for name, n in counts["number"].items() if name != "not applicable"}
for name, text in {
    "answer": glued_text("implicit_regularization", "takeaway", root),
    "regularizer": verdict_on("000.2"),
    "loophole": verdict_on("000.9"),
    "needed": verdict_on("000.27"),
    "claims": str(len(verdicts)),
    "interpretations": in_words(counts["interpretation"]),
    "tables": str(sum(printed.values())),
    "numbers": in_words(printed),
}.items():
    glue(name, text, display=False)

# %% [markdown]
# **The answer.** {glue:text}`answer` The claim that competition acts as an implicit regularizer of
# the weights is **{glue:text}`regularizer`**, the claim that units without it share directions and
# differ in their biases is **{glue:text}`loophole`**, and the claim that objective and mechanism
# are both necessary is **{glue:text}`needed`**. Of the
# {glue:text}`claims` claims tested here the verdicts are {glue:text}`interpretations`, while of the
# {glue:text}`tables` that come with printed numbers those numbers are {glue:text}`numbers`.
#
# ## The findings

# %% tags=["remove-input"]
HTML(cards_html(root))

# %% [markdown]
# ## How to read this book
#
# [How to read this book](how_to_read.md) has the notation, a glossary, and the theory in ten minutes.
#
# Each chapter takes one finding of the source, says what was claimed and what would count as
# evidence, runs the experiment with many seeds, and lets a rule that was written down before the
# run decide. Every claim gets two verdicts: whether the printed **numbers** came out again, and
# whether the **interpretation** drawn from them holds up. The two can differ.

# %% tags=["remove-input"]
HTML(verdict_counts_html(verdicts))

# %% [markdown]
# - **Read**: start with [the first finding](findings/bias_loophole.ipynb), or go straight to
#   [the ledger of all claims](ledger.ipynb).
# - **Rerun**: every page is a notebook with parameters; [Reproduce](reproduce.md) has the commands,
#   and [Status](status.ipynb) says on what, with which versions and for how long these pages were
#   computed.
# - **Cite**: `CITATION.cff` in the repository names this book; [References](references.md) lists
#   the work it builds on. Text and figures are under CC BY 4.0, code under MIT.
