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
# # Status
#
# What these pages were made with, and where each stored result comes from.

# %% tags=["parameters", "remove-cell"]
from paper.pages.parameters import StorePlace

store: StorePlace = "auto"  # results store: auto, or a folder

# %% tags=["remove-cell"]
from IPython.display import HTML

from infomax_lib import open_store
from paper.chapters.ledger.front_pages import package_versions, provenance, provenance_summary
from paper.figures.tables import table_html
from paper.pages.show import shown

files = provenance(open_store(store))

# %% [markdown]
# ## Versions
#
# The environment that executed the pages. All versions are pinned in `requirements.lock`.

# %% tags=["remove-input"]
shown(package_versions())

# %% [markdown]
# ## Results
#
# Each file of the store says when, on what and for how long it was computed. A file is written
# once, is named after its content and never changes.

# %% tags=["remove-input"]
shown(provenance_summary(files))

# %% tags=["remove-input"]
HTML(f"<details><summary>Every file of the store</summary>{table_html(files)}</details>")
