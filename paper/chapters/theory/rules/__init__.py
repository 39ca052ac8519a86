"""Rules of the chapter on the theory."""
