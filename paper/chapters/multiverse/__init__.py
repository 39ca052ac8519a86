"""Findings 1 to 4 under other choices of data, width, length, pressure and measure."""
