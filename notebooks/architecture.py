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
# # Architecture
#
# Two packages, one direction. `infomax_lib` is the small library that a user installs: one layer, the
# training of many, their measures, the results store. `paper` is the argument built on it: what is
# drawn, judged and said. The library knows nothing of the paper, and a chapter knows no other chapter.
# This page is drawn from the code.

# %% tags=["parameters", "remove-cell"]
from paper.pages.parameters import Folder

root: Folder = ".."  # folder of the checkout

# %% tags=["remove-cell"]
from pathlib import Path

from IPython.display import HTML

from paper.pages import architecture
from paper.pages.show import say

parts = architecture.storeys(Path(root))

# %% [markdown]
# ## The storeys
#
# Each part imports from the storeys below it, never from above and never from its neighbours;
# `make lint` checks it.

# %% tags=["remove-input"]
HTML(architecture.drawing(parts))

# %% tags=["remove-input"]
say(architecture.described(parts))

# %% [markdown]
# ## The way of a setting
#
# `lambda_tc`, the weight of the TC term, from the page that asks for it to the row that answers.

# %% tags=["remove-input"]
say(architecture.told(architecture.WAY_OF_A_SETTING))

# %% [markdown]
# ## The way of a stored row
#
# From the training of a layer to a line of the [ledger](ledger.ipynb).

# %% tags=["remove-input"]
say(architecture.told(architecture.WAY_OF_A_ROW))

# %% [markdown]
# `CONTRIBUTING.md` says which files an addition touches: a claim, a method, a competition, an
# objective, a dataset, a chapter.
