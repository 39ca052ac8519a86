"""One layer: data, spec, activations, competitions and objectives."""
