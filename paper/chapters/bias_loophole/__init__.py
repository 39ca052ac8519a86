"""Chapter: the bias loophole."""
