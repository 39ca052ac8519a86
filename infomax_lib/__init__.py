"""InfoMax layers with and without competition: training, measures, evidence and verdicts."""

from infomax_lib.data import Dataset, load_dataset
from infomax_lib.estimator import InfoMax
from infomax_lib.layer import InfoMaxLayer
from infomax_lib.objective import infomax_objective
from infomax_lib.runs import history, run, trained_layer
from infomax_lib.spec import RunSpec, SpecError, first_seeds, grid
from infomax_lib.store import Store, open_store

__version__ = "0.1.0"

__all__ = [
    "Dataset",
    "InfoMax",
    "InfoMaxLayer",
    "RunSpec",
    "SpecError",
    "Store",
    "first_seeds",
    "grid",
    "history",
    "infomax_objective",
    "load_dataset",
    "open_store",
    "run",
    "trained_layer",
]
