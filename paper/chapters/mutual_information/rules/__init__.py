"""Rules of the chapter on mutual information."""
