"""Chapter: mutual information is not representation quality."""
