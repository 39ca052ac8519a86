"""Notebooks executed into the pages of the book."""
