"""What every method stands beside: untrained weights, and labels."""
