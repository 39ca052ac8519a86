"""A command under the oldest instructions of x86, so that one machine stands for others.

    python .ci/narrow.py COMMAND [ARGUMENT ...]

PyTorch, oneDNN, MKL, OpenBLAS, NumPy and Numba choose their code by the processor; told to use what
every x86-64 processor has (SSE, no AVX, no fused multiply-add), they round elsewhere. On other
processors nothing is run.
"""

import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

NARROW = {
    "ATEN_CPU_CAPABILITY": "default",
    "DNNL_MAX_CPU_ISA": "SSE41",
    "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
    "OPENBLAS_CORETYPE": "Nehalem",
    "NUMBA_CPU_NAME": "generic",
    "NUMBA_CPU_FEATURES": "",
    # NumPy warns of a name that it does not dispatch on or that the processor lacks.
    "NPY_DISABLE_CPU_FEATURES": " ".join(n for n in __cpu_dispatch__ if __cpu_features__[n]),
    # Code compiled for one set of instructions must not be used by the other.
    "NUMBA_CACHE_DIR": str(Path(tempfile.gettempdir()) / "infomax-narrow-numba"),
}

#: What the libraries say of themselves, for the log.
REPORT = """
import torch
from numba.core.registry import cpu_target
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__
print("PyTorch:", torch.backends.cpu.get_cpu_capability())
print("NumPy beyond its baseline:", [n for n in __cpu_dispatch__ if __cpu_features__[n]])
print("Numba:", *cpu_target.target_context.codegen().magic_tuple())
"""


def main(command: list[str]) -> int:
    """Run the command, or say why not; its exit status."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        print(f"{platform.machine()} has no narrower set of instructions to force: nothing is run")
        return 0
    environment = os.environ | NARROW
    for check in ([sys.executable, "-c", REPORT], command):
        if status := subprocess.run(check, env=environment).returncode:
            return status
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
