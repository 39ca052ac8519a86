"""The book's argument: what is drawn, judged and said, built on infomax_lib."""

from importlib.util import find_spec


def needs(*packages: str) -> None:
    """Say which extra has what is missing, before an import fails on a name nobody knows.

    Raises:
        ImportError: One of the packages, all of the extra ``book``, is not installed.
    """
    absent = [name for name in packages if find_spec(name) is None]
    if absent:
        raise ImportError(
            f"the paper's figures and pages need {', '.join(absent)}: install the book's packages "
            "with `pip install -e '.[book]'`, or everything with `make install`"
        )
