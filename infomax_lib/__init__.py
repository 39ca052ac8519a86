"""InfoMax layers with and without competition: training, measures, evidence and verdicts."""

from infomax_lib.model.data import Dataset, load_dataset
from infomax_lib.model.layer import InfoMaxLayer
from infomax_lib.model.objective import infomax_objective
from infomax_lib.model.spec import RunSpec, SpecError, first_seeds, grid
from infomax_lib.results.runs import history, run, trained_layer
from infomax_lib.results.store import Store, open_store
from infomax_lib.training.estimator import InfoMax

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
