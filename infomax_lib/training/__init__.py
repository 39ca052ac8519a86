"""Many layers at once: populations, devices, and the scikit-learn estimator."""
