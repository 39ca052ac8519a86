"""Executed notebooks in a form that depends on their content alone.

Two executions that found the same must give the same file, byte for byte, or every rebuild
becomes a diff that nobody reads. So timings, random ids, progress bars, memory addresses and
the folder of the checkout are taken out.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

ADDRESS = re.compile(r"(?<= at )0x[0-9a-f]+")
STYLER_ID = re.compile(r"\bT_[0-9a-f]{5}(?=\b|_)")
# tqdm redraws its bar after a carriage return; a bar drawn once has the same look. Its note that
# there are no widgets, which pages cannot show anyway, names a folder of the machine.
PROGRESS = re.compile(
    r"\r|\d+%\||\d+(\.\d+)?(it|s)/(s|it)\b|TqdmWarning: IProgress|from \.autonotebook import"
)
KERNELSPEC = {"display_name": "Python 3", "language": "python", "name": "python3"}
LANGUAGE = {"name": "python", "file_extension": ".py", "pygments_lexer": "ipython3"}


def _without_progress(text: str) -> str:
    """Standard error without the lines a progress bar wrote."""
    return "".join(line for line in re.split(r"(?<=\n)", text) if not PROGRESS.search(line))


def _clean_text(value: Any, root: Path) -> Any:
    """Text without memory addresses, random style ids and the checkout's folder."""
    if not isinstance(value, str):
        return value
    value = value.replace(f"{root}/", "").replace(str(root), ".")
    return STYLER_ID.sub("T_table", ADDRESS.sub("0x…", value))


def _merge_streams(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Join neighbouring pieces of one stream: where they are cut depends on timing alone."""
    merged: list[NotebookNode] = []
    for output in outputs:
        last = merged[-1] if merged else None
        if output.output_type == "stream" and last and last.get("name") == output.name:
            last.text += output.text
        else:
            merged.append(output)
    return merged


def _normalize_output(output: NotebookNode, root: Path) -> NotebookNode:
    if output.output_type == "stream":
        text = _clean_text(output.text, root)
        output.text = _without_progress(text) if output.name == "stderr" else text
        return output
    for mime, value in output.get("data", {}).items():
        output.data[mime] = _clean_text(value, root)
    # nbclient's transient bookkeeping; myst-nb keeps glue names and sizes here, which stay.
    output.get("metadata", {}).pop("execution", None)
    return output


def normalize(notebook: NotebookNode, root: Path) -> NotebookNode:
    """Strip an executed notebook, in place, of all that changes between equal executions.

    Args:
        notebook: As papermill wrote it (nbformat 4).
        root: Folder of the checkout, replaced by a relative path wherever it was printed.

    Returns:
        The same notebook.
    """
    notebook.metadata = NotebookNode(kernelspec=KERNELSPEC, language_info=LANGUAGE)
    for index, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{index:03d}"
        for name in ("papermill", "execution", "lines_to_next_cell"):
            cell.metadata.pop(name, None)
        if cell.cell_type == "code":
            outputs = [_normalize_output(output, root) for output in _merge_streams(cell.outputs)]
            cell.outputs = [o for o in outputs if o.output_type != "stream" or o.text]
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook
