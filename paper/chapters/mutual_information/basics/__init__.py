"""Entropy and mutual information where they are known in closed form."""
