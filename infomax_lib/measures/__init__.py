"""What a layer is worth: its weights and outputs, probes, dependence, curvature, similarity."""
