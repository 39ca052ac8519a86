"""The house style, and the kinds of figure and table that chapters share."""

from paper import needs

needs("matplotlib", "IPython")
