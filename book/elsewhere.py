"""Ends `jupyter-book build .`, which has nothing to build, with what to type instead."""


def setup(app: object) -> None:
    """Called by Sphinx for _config.yml of the folder above."""
    raise SystemExit("error: the book is in the folder book: type `jupyter-book build book`")
