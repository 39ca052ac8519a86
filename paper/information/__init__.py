"""Mutual information: closed forms, bounds from critics, and encoders trained to maximise them."""
