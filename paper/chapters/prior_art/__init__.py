"""Chapter: prior art, measured."""
