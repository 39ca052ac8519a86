"""Prior art: other ways to find K features, behind one interface.

Every method is a module with ``fit(X, hidden_dim, seed, ...) -> encoder``; an encoder has
``transform(X) -> (N, K)`` and ``weight`` (K, D). `METHODS` names them all, `BaselineSpec` describes
one fit, `run_baselines` computes and stores many.
"""

from paper.methods.encoders import Encoder, FitError, LinearEncoder, TriangleEncoder
from paper.methods.methods import METHODS, Method
from paper.methods.runs import BaselineWarning, fitted_encoder, run_baselines
from paper.methods.spec import BaselineSpec, every_method

__all__ = [
    "METHODS",
    "BaselineSpec",
    "BaselineWarning",
    "Encoder",
    "FitError",
    "LinearEncoder",
    "Method",
    "TriangleEncoder",
    "every_method",
    "fitted_encoder",
    "run_baselines",
]
