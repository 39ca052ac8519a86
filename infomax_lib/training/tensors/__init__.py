"""The training step by operations on whole tensors, on any device."""
