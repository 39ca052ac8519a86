"""Chapter: implicit regularization."""
