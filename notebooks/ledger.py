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
# # Claims ledger
#
# Every claim of the sources that is judged, with the test, the rule that was written down before the
# run, the evidence, and two verdicts: one on the printed numbers, one on what the source concludes
# from them. Code decides; this page only collects what the executed chapters found.

# %% tags=["parameters", "remove-cell"]
from paper.pages.parameters import Folder

chapters: Folder = ".."  # folder of the checkout whose executed chapters are collected

# %% tags=["remove-cell"]
from pathlib import Path

from IPython.display import HTML

from paper.chapters.ledger.front_pages import (
    all_verdicts,
    claims_without_verdict,
    verdict_counts_html,
)
from paper.pages.show import say

verdicts = all_verdicts(Path(chapters))

# %% [markdown]
# ## Counts

# %% tags=["remove-input"]
missing = ", ".join(claims_without_verdict(verdicts)) or "none"
say(f"{len(verdicts)} claims are judged; without a verdict: {missing}.")

# %% tags=["remove-input"]
HTML(verdict_counts_html(verdicts))

# %% [markdown]
# ## All claims

# %% tags=["remove-input"]
verdicts

# %% [markdown]
# ## What the verdicts mean
#
# On numbers:
#
# - **reproduced**: the printed numbers lie where the rule says they must, as a rule inside the
#   interval over seeds, or equal to the printed digits where nothing is random;
# - **partly**: some of them do;
# - **not reproduced**: the setting that the source names gives other numbers;
# - **not applicable**: the claim comes without numbers.
#
# On interpretations:
#
# - **supported**, **refuted**: every part of the claim holds, or every decisive part fails, with
#   the whole interval on one side of the threshold;
# - **mixed**: parts hold and parts fail;
# - **inconclusive**: the data leave it open, or the runs it needs were not made;
# - **untestable here**: no experiment of this size could decide it.
#
# ## Limitations and negative results
#
# - One layer, two families of images and a few embedded digits: a verdict says what holds there.
#   It does not say what holds for deep networks or other data.
# - The measures of the source are kept because its numbers are stated in them. They grow with the
#   number of units, have floors and ignore scale; the normalised measures beside them are the ones
#   to compare across settings.
# - Intervals are over seeds, that is over initial weights and data order, not over data sets.
# - The rules were committed before the runs, and their history is in the repository. Three were
#   amended after training had begun: in 000.10 a redundancy that does not rise now fails the part
#   on frozen biases instead of leaving it open, in 000.26 the measure of negative curvature was
#   bounded (the same comparison, on a scale between zero and one), and in 000.23 two published rows
#   were told apart that had been read as one. The rules of 000.30 and 000.31 judged a smaller
#   experiment first; their full forms were written, thresholds kept, before the full experiments.
# - A rule can be wrong as a rule. Each is printed next to its verdict, so that a reader who would
#   draw the line elsewhere can see which verdicts that would move.
# - Claims about the history of the field, or about networks far larger than these, are marked
#   untestable here and not scored.
