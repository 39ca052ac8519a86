"""Chapter: the optimizers."""
