"""Methods that model the density of the data."""
