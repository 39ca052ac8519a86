"""What the chapter on prior art measures of every method."""
