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
# # What we got wrong
#
# Rules were written before the runs that they judge. Reading the first verdicts as a referee would,
# we found rules that rested on the wrong comparison, and amended them: a snapshot taken for a trend,
# random rows that ignore the data, a theorem judged by a sample, a possibility judged by training, a
# test without power, a measured zero called open. An amendment made after a look can bend a verdict
# without anybody noticing; so every one stands here, with the verdict before and after, and why.

# %% tags=["parameters", "remove-cell"]
from paper.pages.parameters import Folder, StorePlace

chapters: Folder = ".."  # folder of the checkout whose executed chapters are collected
store: StorePlace = "auto"  # results store: auto, or a folder

# %% tags=["remove-cell"]
from pathlib import Path

import pandas as pd
from IPython.display import HTML

from infomax_lib import RunSpec, first_seeds, grid, open_store, run
from infomax_lib.stats import format_number
from paper.chapters.ledger.amendments import amendments_html, counts_before_and_now
from paper.chapters.ledger.front_pages import all_verdicts
from paper.figures.seeds_and_grids import label
from paper.judging.coverage import coverage_table, residuals
from paper.judging.shared_rules import GRID
from paper.judging.verdicts import UNDECIDED
from paper.pages.show import say, shown

verdicts = all_verdicts(Path(chapters))

# %% [markdown]
# ## How the verdicts changed
#
# The words changed, too. *Inconclusive* is gone: a claim is *underpowered* if more seeds would decide
# it, *at threshold* if its effect lies where the line was drawn, and *not supported* if the effect
# that it claims can be excluded. *Refuted* now says that the opposite holds. *Proved* and *disproved
# by construction* are for claims about what is possible.

# %% tags=["remove-input"]
amended = [v for v in verdicts if v.amended]
left = [v for v in verdicts if v.interpretation_verdict in UNDECIDED]
open_before = [v for v in verdicts if v.before in ("mixed", "inconclusive")]
say(f"""
{len(amended)} of {len(verdicts)} rules were amended. Mixed or undecided were {len(open_before)}
claims before, and are {len(left)} now.
""")

# %% tags=["remove-input"]
shown(counts_before_and_now(verdicts))

# %% [markdown]
# ## Every amendment
#
# The rules themselves, old and new, are in the history of the repository; the ledger prints the new
# ones. A rule that was amended after a look needs data that nobody had looked at: the new rule was
# asked again in [universes](multiverse.ipynb) with other seeds, twice the units, and photographs,
# which were trained after it was written; “the same in” counts those in which it says what it says
# here. Claims about time are judged on long runs of seeds that nothing else in this book uses.

# %% tags=["remove-input"]
HTML(amendments_html(verdicts))

# %% [markdown]
# ## Intervals that did not cover
#
# Until then, intervals were bootstrap ones (BCa {cite:p}`efron1987`), printed as 95 %. Here samples
# of 5, 10 and 20 are drawn from what single runs of a setting differ by from their mean, metric by
# metric, and it is counted how often an interval holds the mean of all. Student's interval, which
# the book uses now, holds it about as often as it says. It misses on one side more often than on the
# other where values are skewed, so that from ten seeds on a verdict needs the interval that allows
# for skewness {cite:p}`hall1992` to say the same.

# %% tags=["remove-input"]
settings = grid(
    RunSpec(), competition=["none", "softmax"], lambda_tc=list(GRID), seed=first_seeds(20)
)
runs = run(settings, store=open_store(store))
metrics = [
    *("loss", "train_tc", "weight_redundancy", "max_abs_cosine", "effective_rank", "row_norm"),
    *("output_correlation", "hsic", "cofiring_excess", "max_responsibility"),
    *("probe_accuracy", "probe_accuracy_pre", "curvature_max"),
]
covered = coverage_table(residuals(runs, metrics, ["competition", "lambda_tc"]), (5, 10, 20))
rows = {
    label(name) if name in metrics else name: [format_number(value, 1) for value in row]
    for name, row in zip(covered.index, covered.to_numpy(), strict=True)
}
shown(
    pd.DataFrame(rows, index=[f"{n} seeds (%)" for n in covered.columns])
    .T.rename_axis("metric")
    .reset_index()
)

# %% [markdown]
# ## Supported by chance
#
# What would the rules say of an effect that is not there? For every decisive quantity the values
# over seeds are moved so that their mean lies exactly at the bar, and drawn again four thousand
# times (fewer than ten say nothing of their shape, and are taken as normal); a claim with several
# decisive quantities, or about several places, needs all of them: its share is at most the smallest
# of theirs. By Student's interval alone three claims were above 5 %: 000.11, where a quarter of
# the seeds lies far from the others, and 001.7 and 001.28, whose ten values happen to be skewed.

# %% tags=["remove-input"]
rates = sorted(
    ((v.false_support, v.id) for v in verdicts if v.false_support is not None), reverse=True
)
often = ", ".join(f"{name} ({100 * rate:.1f} %)" for rate, name in rates[:3])
say(f"""
{len(rates)} claims are decided by quantities over seeds. The share of experiments without effect
that their rules call supported is {100 * sum(rate for rate, _ in rates) / len(rates):.1f} % in the
mean and largest for {often}. Nothing is corrected
between claims: of {len(rates)} without any effect one would expect
{sum(rate for rate, _ in rates):.1f} to be called supported. Within a claim nothing has to be: one
with several decisive quantities is supported only if all of them hold.
""")
