"""What only the paper measures of a layer."""
