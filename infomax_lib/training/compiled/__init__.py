"""The training step compiled by Numba, for sparse inputs on a CPU."""
