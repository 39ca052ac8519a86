"""Compiled code kept on disk so that damage, a full disk or a kill cost a compilation at most.

Numba's own cache loads what it finds, and machine code that was cut short ends the process. Here a
file begins with the checksum of all that follows. There is one for each function and types of
arguments, and no index, in which processes that compile at the same time overwrite each other.
"""

from __future__ import annotations

import contextlib
import hashlib
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba.core.caching import FunctionCache, IndexDataCacheFile

_DIGEST = hashlib.sha256().digest_size
_said: set[str] = set()  # what needs no second warning in this process


def keep_on_disk(compiled: Any, function: Callable[..., Any]) -> None:
    """Keep what Numba's dispatcher of a function compiles, if there is a folder for it."""
    with contextlib.suppress(RuntimeError):  # there is none that may be written to
        compiled._cache = _Cache(function)


class _Files(IndexDataCacheFile):
    """Two digests, of all that follows and of what the code was made from, and Numba's bytes."""

    def save(self, key: tuple[Any, ...], data: Any) -> None:
        content = self._origin(key) + self._dump(data)
        with self._open_for_write(self._path(key)) as file:
            file.write(hashlib.sha256(content).digest() + content)

    def load(self, key: tuple[Any, ...]) -> Any:
        path = self._path(key)
        try:
            whole = path.read_bytes()
        except FileNotFoundError:
            return None
        content = whole[_DIGEST:]
        if whole[:_DIGEST] != hashlib.sha256(content).digest():
            with contextlib.suppress(OSError):  # or else the next file takes its place
                path.unlink()
            raise ValueError(f"{path} is damaged")
        if content[:_DIGEST] != self._origin(key):
            return None
        return pickle.loads(content[_DIGEST:])  # noqa: S301 (as Numba does, in its own folder)

    def _path(self, key: tuple[Any, ...]) -> Path:
        types_and_processor = hashlib.sha256(repr(key[:2]).encode()).hexdigest()
        return Path(self._index_path).with_suffix(f".{types_and_processor[:16]}.nbc")

    def _origin(self, key: tuple[Any, ...]) -> bytes:
        return hashlib.sha256(repr((self._version, self._source_stamp, key)).encode()).digest()


class _Cache(FunctionCache):
    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        locator = self._impl.locator
        self._cache_file = _Files(
            self.cache_path, self._impl.filename_base, locator.get_source_stamp()
        )

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except Exception as reason:  # whatever is wrong with a file, there is the source
            _say_once("compiled code could not be read, and is compiled again", reason)

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)
        except OSError as reason:
            _say_once("compiled code could not be kept for the next time", reason)


def _say_once(what: str, reason: Exception) -> None:
    if what not in _said:
        _said.add(what)
        warnings.warn(f"{what}: {reason}", RuntimeWarning, stacklevel=2)
