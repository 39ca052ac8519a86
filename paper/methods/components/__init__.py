"""Methods that look for directions of the data."""
