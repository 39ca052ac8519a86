"""Chapter: TC pressure."""
