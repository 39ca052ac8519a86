"""Prior art: other ways to find K features, behind one interface.

A method is one file in the folder of its family, which says in ``METHODS`` what it declares: a
`Method` with its name, its label, its settings and how it is fitted. Nothing else has to know of
it: `METHODS` collects them all, `BaselineSpec` describes one fit, `run_baselines` computes and
stores many, and tables, figures and costs follow. An encoder, which a fit gives, has
``transform(X) -> (N, K)`` and ``weight`` (K, D).
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
