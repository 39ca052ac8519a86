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
# # How much our choices decide
#
# A verdict rests on choices that could have been others: which images, how many units, how long to
# train, at which pressure, measured how. Here findings 1 to 4 are asked again under all of them.
# Each set of choices is a *universe* {cite:p}`steegen2016`, with five seeds of its own; in each, one
# number says what the finding claims, positive if the source is right.
#
# Beside MNIST and Fashion-MNIST there are whitened patches of photographs, where independent
# components were first found to be edges {cite:p}`bell1997`. Whitened inputs have no
# favoured direction: what is special about directions of digits is absent there.

# %% tags=["parameters", "remove-cell"]
from paper.pages.parameters import Folder, StorePlace

chapters: Folder = ".."  # folder of the checkout whose executed chapters are collected
store: StorePlace = "auto"  # results store: auto, or a folder

# %% tags=["remove-cell"]
from pathlib import Path

import pandas as pd

from paper.chapters.ledger.front_pages import all_verdicts
from paper.chapters.multiverse.effects import FINDINGS, counts, effects
from paper.chapters.multiverse.figures import specification_curve
from paper.chapters.multiverse.search import searched, stored_points
from paper.chapters.multiverse.words import sentence
from paper.figures.style import use_style
from paper.judging.universes import universes
from paper.pages.show import say, shown

use_style()
every = universes(store)
tables = {finding: effects(finding, every) for finding in FINDINGS}

# %% [markdown]
# ## How to read the figures
#
# A point is one universe, its bar the 95 % interval over five seeds; universes stand in order of
# their effect, as in a specification curve {cite:p}`simonsohn2020`. Below a point, strokes say what
# was chosen. The grey band holds effects too small to be of interest. A choice that matters shows as
# strokes that gather on one side.

# %% [markdown]
# ## Finding 1: the bias loophole

# %% tags=["remove-input"]
say(sentence("bias_loophole", tables["bias_loophole"]))

# %% mystnb={"image": {"alt": "Redundancy of layers without competition over that of random rows, on a logarithmic axis, for every universe in order of size with its interval; strokes below each say dataset, units, epochs, pressure and which random rows. All universes far above zero are those with isotropic rows."}} tags=["remove-input"]
specification_curve("bias_loophole", tables["bias_loophole"])

# %% [markdown]
# ## Finding 2: implicit regularization

# %% tags=["remove-input"]
say(sentence("implicit_regularization", tables["implicit_regularization"]))

# %% mystnb={"image": {"alt": "Redundancy of A over that of B at the same pressure, on a logarithmic axis, for every universe in order of size with its interval; strokes below each say dataset, units, epochs, pressure and measure. The largest are those without pressure."}} tags=["remove-input"]
specification_curve("implicit_regularization", tables["implicit_regularization"])

# %% [markdown]
# ## Finding 3: pressure under softmax

# %% tags=["remove-input"]
say(sentence("tc_pressure", tables["tc_pressure"]))

# %% mystnb={"image": {"alt": "Dependence of softmax outputs under pressure over that without, on a logarithmic axis, for every universe in order of size with its interval; strokes below each say dataset, units, epochs, pressure and measure. Nearly all lie at zero."}} tags=["remove-input"]
specification_curve("tc_pressure", tables["tc_pressure"])

# %% [markdown]
# ## Finding 4: optimizers

# %% tags=["remove-input"]
say(sentence("optimizer_comparison", tables["optimizer_comparison"]))

# %% mystnb={"image": {"alt": "By how many points Adam leads SGD without softmax, less its lead with it, for every universe in order of size with its interval; strokes below each say dataset, units, learning rate of SGD and where the code is read."}} tags=["remove-input"]
specification_curve("optimizer_comparison", tables["optimizer_comparison"])

# %% [markdown]
# ## Dataset by dataset
#
# Universes in which the whole interval lies beyond the smallest effect of interest on the source's
# side (for), within it (none), beyond it on the other side (against), or across (open).

# %% tags=["remove-input"]
shown(
    pd.concat(
        [
            counts(finding, table).assign(finding=FINDINGS[finding].title)
            for finding, table in tables.items()
        ]
    )
    .reset_index()
    .set_index(["finding", "dataset"])
    .reset_index()
)

# %% [markdown]
# ## Claim by claim
#
# The rule of every claim on findings 1 to 4 is asked in every universe that has the runs it needs,
# and that of every claim on prior art in the tables of the second dataset, and of both at equal cost.
# Nothing else was trained twice: a claim that needs more (a grid of learning rates, a construction,
# an experiment of its own) is asked again of the even seeds and of the odd ones. Half of the seeds
# see less, so that "underpowered" there is no contradiction, but counts as another verdict. Half of
# five seeds are too few for a rule, as all but a few claims on mutual information have; their rules
# ask for every estimator or architecture instead. What is proved or constructed needs no share.

# %% tags=["remove-input"]
verdicts = [v for v in all_verdicts(Path(chapters)) if v.universes]
shown(
    pd.DataFrame(
        [
            {
                "claim": v.id,
                "what it says": v.statement,
                "verdict": v.interpretation_verdict,
                "the same in": v.universes,
            }
            for v in verdicts
        ]
    )
)

# %% [markdown]
# ## Settings beside the captions
#
# Where a published setting does not give the published numbers, a neighbouring one may: a caption
# can name the wrong one, as that of the first table does. Every stored run of sixteen units on
# MNIST, at every measured epoch, was searched for each printed row: other pressures, optimizers,
# learning rates, batches, starts, activations and objectives among them.

# %% tags=["remove-input"]
points = stored_points(store)
say(f"""
That makes {len(points)} points of {points["key"].nunique()} runs. A row is met if all its numbers
round to the printed digits; otherwise the point is shown whose worst number is the fewest printed
digits away. With so many points two numbers can be met by chance, four hardly.
""")

# %% tags=["remove-input"]
shown(searched(points))
