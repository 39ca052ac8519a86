"""Notebooks executed into the pages of the book."""

from paper import needs

needs("nbformat", "papermill", "jupytext", "myst_nb", "matplotlib")
