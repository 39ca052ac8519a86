"""The settings of the machine and of the user that a page's kernel sees: none that shows.

Matplotlib's file, the locale, the time zone, the width of the terminal, switches of Python and of
the libraries that compute: who executes a page has other ones than who did so before.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl

import infomax_lib

#: What is the same everywhere.
FIXED = {
    "COLUMNS": "80",
    "LC_ALL": "C",
    "LINES": "24",
    "MATPLOTLIBRC": os.path.join(mpl.get_data_path(), "matplotlibrc"),
    "PYTHONHASHSEED": "0",
    "PYTHONUTF8": "1",
    "TZ": "UTC",
}
#: Beginnings of names that are taken out: warnings, colours, verbosity, threads by library.
_TAKEN_OUT = (
    *("CLICOLOR", "FORCE_COLOR", "NO_COLOR", "SOURCE_DATE_EPOCH"),
    *("LANG", "LC_", "MPL", "PYTHON", "TQDM_"),
    *("GOMP_", "KMP_", "MKL_", "NUMBA_", "NUMEXPR_", "OMP_", "OPENBLAS_", "TORCH_LOGS"),
)
#: What stays of these: where things are, how many cores may be used, what the processor can do.
_KEPT = {
    *("PYTHONHOME", "PYTHONPATH", "PYTHONNOUSERSITE", "PYTHONUSERBASE"),
    *("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX", "MPLCONFIGDIR", "NUMBA_CACHE_DIR"),
    *("OMP_NUM_THREADS", "MKL_ENABLE_INSTRUCTIONS", "OPENBLAS_CORETYPE"),
    *("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES"),
}


def neutral_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of an environment without the user's settings.

    Args:
        environment: Variables by name, as in ``os.environ``.

    Returns:
        A copy in which what shows on a page is left out or the same everywhere, and in which this
        very library is the first that is found.
    """
    kept = {
        name: value
        for name, value in environment.items()
        if name in _KEPT or not name.startswith(_TAKEN_OUT)
    }
    own, added = Path(infomax_lib.__file__).parents[1], kept.get("PYTHONPATH", "")
    folders = [str(own), *(os.path.abspath(f) for f in added.split(os.pathsep) if added)]
    return kept | FIXED | {"PYTHONPATH": os.pathsep.join(dict.fromkeys(folders))}
