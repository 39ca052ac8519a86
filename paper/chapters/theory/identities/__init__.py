"""Identities of the theory, each with its formula, its check and its reason."""
