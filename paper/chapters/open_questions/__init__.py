"""Chapter: the sources' open questions, answered."""
