"""From published numbers and evidence to a verdict, by rules."""
