"""Chapter: the theory, stated and checked."""
