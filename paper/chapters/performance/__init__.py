"""The page on speed: stored benchmarks as figures, tables and sentences."""
