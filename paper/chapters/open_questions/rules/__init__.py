"""Rules of the chapter on the open questions."""
