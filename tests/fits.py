"""One seed of a method of prior art, as tests ask for it."""

from paper.methods import METHODS, FitError


def fit(method, X, hidden_dim, seed, **settings):
    """The encoder at one seed; a failure is raised."""
    (outcome,) = METHODS[method].fit_or_raise(X, hidden_dim, [seed], **settings)
    if isinstance(outcome, FitError):
        raise outcome
    return outcome
