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
from paper.pages.parameters import Folder

chapters: Folder = ".."  # folder of the checkout whose executed chapters are summarised

# %% tags=["remove-cell"]
from pathlib import Path

from IPython.display import HTML

from paper.chapters.ledger.front_pages import (
    all_verdicts,
    answer,
    cards_html,
    takeaway,
    verdict_counts_html,
)
from paper.pages.show import say

root = Path(chapters)
verdicts = all_verdicts(root)

# %% tags=["remove-input"]
use = takeaway("prior_art", root)
say(f"""
**The answer.** {answer(verdicts)}

**What to use.** {use}

**What was checked.** {len(verdicts)} claims of four documents, by rules in code; below, how they
came out.
""")

# %% tags=["remove-input"]
HTML(verdict_counts_html(verdicts))

# %% [markdown]
# ## The findings

# %% tags=["remove-input"]
HTML(cards_html(root))

# %% [markdown]
# ## How to read this book
#
# [How to read this book](how_to_read.md) has the notation, a glossary, and the theory in ten minutes.
#
# Each chapter takes one finding of the source, says what was claimed and what would count as
# evidence, runs the experiment with many seeds, and lets a rule in code decide. Every claim gets two
# verdicts: whether the printed **numbers** came out again, and whether the **interpretation** drawn
# from them holds up. The two can differ. Rules were written before the runs; which of them were
# amended, and why, is on the page [What we got wrong](corrections.ipynb).
#
# - **Read**: start with [the first finding](findings/bias_loophole.ipynb), or go straight to
#   [the ledger of all claims](ledger.ipynb).
# - **Rerun**: every page is a notebook with parameters; [Reproduce](reproduce.md) has the commands,
#   and [Status](status.ipynb) says on what, with which versions and for how long these pages were
#   computed.
# - **Cite**: `CITATION.cff` in the repository names this book; [References](references.md) lists
#   the work it builds on. Text and figures are under CC BY 4.0, code under MIT.
