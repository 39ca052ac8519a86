"""Figures of the chapter on prior art."""
