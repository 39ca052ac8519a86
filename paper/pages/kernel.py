"""The kernel that executes a page: IPython in the environment that runs the command.

What is installed elsewhere under the name ``python3`` does not matter, nor what users have set up
for their own sessions. Folders that they name are relative to where the command was typed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ipykernel.kernelspec import get_kernel_dict
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec

from paper.pages.parameters import where_typed
from paper.pages.settings import neutral_environment


def kernel_environment(root: Path, private: Path, rerun: bool) -> dict[str, str]:
    """The variables of the environment of a kernel.

    Args:
        root: Folder of the checkout whose notebook is executed.
        private: Folder for what IPython keeps; without one it would read the user's startup files.
        rerun: Whether this is a rerun; what a page needs is computed into the checkout's results.
    """
    variables = neutral_environment(os.environ) | {"IPYTHONDIR": str(private)}
    if store := variables.get("INFOMAX_STORE"):
        variables["INFOMAX_STORE"] = where_typed(store)
    elif not rerun:
        variables["INFOMAX_STORE"] = str(root / "results")
    if data := variables.get("INFOMAX_DATA"):
        variables["INFOMAX_DATA"] = os.path.abspath(data)
    return variables


def kernel_manager(environment: Mapping[str, str]) -> type[AsyncKernelManager]:
    """A class for nbclient, which starts the kernel of this interpreter in an environment."""

    class OwnKernel(AsyncKernelManager):
        @property
        def kernel_spec(self) -> KernelSpec:
            return KernelSpec(**get_kernel_dict())

        async def _async_pre_start_kernel(self, **options: Any) -> tuple[list[str], dict[str, Any]]:
            return await super()._async_pre_start_kernel(**options, env=dict(environment))

    return OwnKernel
