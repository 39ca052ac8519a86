"""Figures of the chapter on mutual information."""
