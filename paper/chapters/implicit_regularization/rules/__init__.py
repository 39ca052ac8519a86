"""Rules of the chapter on implicit regularization."""
