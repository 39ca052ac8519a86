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
# Every claim of the sources that is judged, with the test, the rule, the evidence, and two verdicts:
# one on the printed numbers, one on what the source concludes from them. Code decides; this page
# only collects what the executed chapters found.

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
# - **supported**: the part that decides lies beyond its bar with the whole interval; **proved**: it is
#   a theorem, or was constructed;
# - **not supported**: the effect claimed is excluded, or fails the bar;
# - **refuted**: the opposite holds; **disproved by construction**: a counterexample was made;
# - **mixed**: of several things claimed, some hold and some do not;
# - **at threshold**: the effect lies at the bar, and more seeds would not move it; **underpowered**:
#   more seeds would decide, and the evidence says how many;
# - **not measured**: the runs that the rule needs were not made;
# - **untestable here**: no experiment of this size could decide it.
#
# Folded below each claim is how far to trust its verdict: the smallest effect of interest, the least
# that could be seen, the bars for which the verdict stands, and how often chance would support it.
#
# ## Limitations and negative results
#
# - One layer, two families of images and a few embedded digits: a verdict says what holds there.
#   It does not say what holds for deep networks or other data.
# - The measures of the source are kept because its numbers are stated in them. They grow with the
#   number of units, have floors and ignore scale; the normalised measures beside them are the ones
#   to compare across settings.
# - Intervals are over seeds, that is over initial weights and data order, not over data sets.
# - The rules were committed before the runs, and their history is in the repository. Amendments came
#   when first verdicts were known: every amended rule carries its verdict before and the reason, in
#   the table on the page [What we got wrong](corrections.ipynb).
# - Printed numbers are single runs, without a spread. Beside the number verdict stands whether our
#   prediction interval of one run holds them; a meta-analytic estimate or a sceptical p value would
#   need the standard error of the original.
# - A rule can be wrong as a rule. Each is printed next to its verdict, so that a reader who would
#   draw the line elsewhere can see which verdicts that would move.
# - Claims about the history of the field, or about networks far larger than these, are marked
#   untestable here and not scored.
