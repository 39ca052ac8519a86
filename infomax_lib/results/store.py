"""Results on disk: immutable Parquet files, each named by the hash of its own bytes.

A file holds the rows of one computed chunk and, in its metadata, where they come from (library and
PyTorch version, code fingerprint, device, threads, seconds, date). It is written to a temporary
name in the same folder, flushed to the disk and renamed, so that it is there whole or not at all;
on reading, bytes that do not match the name are reported, set aside and never used. A sound file in
a format that this version does not know is reported, left where it is and not used either.

The files of two computations of the same runs differ in date and seconds, and perhaps in which runs
share a file; their rows are the same, which :meth:`Store.digest` shows.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import tempfile
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pooch
import pyarrow as pa
import pyarrow.parquet as pq
import torch

__all__ = ["FileInfo", "Store", "StoreWarning", "code_fingerprint", "open_store"]

# How rows are laid out in a file. Raise it when older versions could not read, or would misread,
# what this one writes.
FILE_FORMAT = 1

_NAME_DIGITS = 32
_METADATA = b"infomax"
_WRITING = ".writing-"  # prefix of files that are not finished
_ABANDONED = 24 * 3600.0  # seconds after which such a file belongs to a process that was killed


class StoreWarning(UserWarning):
    """A result file cannot be used, or could not be written; nothing that was computed is lost."""


class _UnknownFormatError(Exception):
    """A file is sound but was not written in a format that this version reads."""


@dataclass(frozen=True)
class FileInfo:
    """A result file: its path, the number of its rows and its provenance."""

    path: Path
    rows: int
    metadata: dict[str, Any]


class Store:
    """Results in a folder, one subfolder per kind of result ("runs", "weights", ...).

    Args:
        folder: Where the files lie; created when the first one is written.

    Several processes may read and write one store at once: files never change. Where two files
    hold the same key, the one with the greater name counts, so that every reader sees the same.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self._rows: dict[str, dict[str, dict[str, Any]]] = {}  # kind -> key -> row
        self._source: dict[str, dict[str, str]] = {}  # kind -> key -> name of the row's file
        self._read: dict[str, set[str]] = {}  # kind -> names of the files already in _rows
        self._ignored: set[Path] = set()  # reported, and left where they are
        self._unsaved: list[tuple[str, int, bytes]] = []  # kind, rows, content of a file

    def __repr__(self) -> str:
        return f"Store({str(self.folder)!r})"

    def load(self, kind: str, keys: Iterable[str]) -> dict[str, dict[str, Any]]:
        """The known rows among ``keys``, by key."""
        known = self._refresh(kind)
        return {key: known[key] for key in keys if key in known}

    def keys(self, kind: str) -> set[str]:
        """Keys of all rows of one kind."""
        return set(self._refresh(kind))

    def write(self, kind: str, rows: Sequence[dict[str, Any]], **provenance: Any) -> None:
        """Add rows, each a dict with a ``key``, as one new file.

        When the disk refuses, the rows stay in memory, readable through this object, a
        :class:`StoreWarning` says so, and the next write tries them again.

        Args:
            kind: Subfolder to write to.
            rows: What to keep; values are numbers, texts, or lists and dicts of them.
            provenance: Facts for the file's metadata, e.g. ``seconds=12.3, device="cpu"``.
        """
        content = _encode(rows, _provenance() | provenance)
        self._refresh(kind)
        self._add(kind, rows, _name_of(content))
        self._unsaved.append((kind, len(rows), content))
        while self._unsaved:
            kind, _, content = self._unsaved[0]
            try:
                self._write_file(kind, content)
            except KeyboardInterrupt:  # what took minutes is not lost for milliseconds
                with contextlib.suppress(OSError):
                    self._write_file(kind, content)
                    self._unsaved.pop(0)
                raise
            except OSError as error:
                count = sum(rows for _, rows, _ in self._unsaved)
                warnings.warn(
                    f"could not write to {self.folder}: {error}. {count} result(s) are kept in "
                    "memory and will be written with the next ones; make room, or they are lost "
                    "when this process ends",
                    StoreWarning,
                    stacklevel=2,
                )
                return
            self._unsaved.pop(0)

    def files(self, kind: str) -> list[FileInfo]:
        """All sound files of one kind with their provenance, oldest first."""
        self._refresh(kind)
        infos = []
        for name in self._read[kind]:
            path = self.folder / kind / name
            schema = pq.read_metadata(path)
            infos.append(FileInfo(path, schema.num_rows, json.loads(schema.metadata[_METADATA])))
        return sorted(infos, key=lambda info: (info.metadata["date"], info.path.name))

    def source_names(self, kind: str, keys: Iterable[str]) -> dict[str, str]:
        """Names of the files that hold the known rows among ``keys``, by key."""
        self._refresh(kind)
        source = self._source.get(kind, {})
        return {key: source[key] for key in keys if key in source}

    def source(self, kind: str, key: str) -> FileInfo | None:
        """The file that holds a row and says where it comes from; None for one not on disk."""
        name = self.source_names(kind, [key]).get(key)
        return next((info for info in self.files(kind) if info.path.name == name), None)

    def digest(self, *kinds: str) -> str:
        """SHA-256 of all rows, 64 hex digits: what was computed, whoever computed it when.

        It depends on every bit of the rows' values, and not on how they are spread over files, in
        which order they were written, nor on the files' metadata.

        Args:
            kinds: Which kinds of result; all by default.
        """
        if not kinds and self.folder.is_dir():
            kinds = tuple(path.name for path in self.folder.iterdir() if path.is_dir())
        digest = hashlib.sha256()
        for kind in sorted(kinds):
            rows = self._refresh(kind)
            for key in sorted(rows):
                # A value that is absent, and one that is None for the sake of others in the file.
                row = {name: value for name, value in rows[key].items() if value is not None}
                # Python's shortest text of a float stands for its bits.
                text = json.dumps([kind, row], sort_keys=True, default=bytes.hex)
                digest.update(text.encode() + b"\n")
        return digest.hexdigest()

    def _add(self, kind: str, rows: Iterable[dict[str, Any]], name: str) -> None:
        known, source = self._rows.setdefault(kind, {}), self._source.setdefault(kind, {})
        for row in rows:
            if name >= source.get(row["key"], ""):
                known[row["key"]], source[row["key"]] = row, name

    def _refresh(self, kind: str) -> dict[str, dict[str, Any]]:
        """Read files that appeared since the last call; return all rows of this kind."""
        rows, read = self._rows.setdefault(kind, {}), self._read.setdefault(kind, set())
        for path in sorted((self.folder / kind).glob("*.parquet")):
            if path.name not in read and path not in self._ignored:
                try:
                    content = path.read_bytes()
                except FileNotFoundError:  # another process has just set it aside
                    continue
                if _name_of(content) != path.name:
                    self._set_aside(path)
                    continue
                try:
                    self._add(kind, _decode(content), path.name)
                    read.add(path.name)
                except _UnknownFormatError as error:
                    self._ignored.add(path)
                    warnings.warn(
                        f"{path} is not used: {error}. It is left where it is; update this "
                        "package to read it, or its results will be computed again",
                        StoreWarning,
                        stacklevel=3,
                    )
        return rows

    def _set_aside(self, path: Path) -> None:
        target = path.with_suffix(".damaged")
        outcome = f"it was renamed to {target.name}"
        try:
            path.replace(target)
        except FileNotFoundError:
            outcome = "another process has set it aside"
        except OSError as error:  # a folder that cannot be written to
            outcome = f"it could not be renamed ({error}), and is ignored"
            self._ignored.add(path)
        warnings.warn(
            f"{path} is damaged (its bytes do not match its name): {outcome}; "
            "its results will be computed again",
            StoreWarning,
            stacklevel=4,
        )

    def _write_file(self, kind: str, content: bytes) -> None:
        folder = self.folder / kind
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / _name_of(content)
        handle, temporary = tempfile.mkstemp(dir=folder, prefix=_WRITING)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, 0o644)
            os.replace(temporary, target)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
        self._read.setdefault(kind, set()).add(target.name)
        _remove_abandoned(target)


def _remove_abandoned(newest: Path) -> None:
    """Remove unfinished files of processes that were killed long before a file was written."""
    with contextlib.suppress(OSError):
        now = newest.stat().st_mtime  # the clock of the disk, which may be another machine's
        for path in newest.parent.glob(f"{_WRITING}*"):
            if path.stat().st_mtime < now - _ABANDONED:
                path.unlink()


def _name_of(content: bytes) -> str:
    return f"{hashlib.sha256(content).hexdigest()[:_NAME_DIGITS]}.parquet"


def _decode(content: bytes) -> list[dict[str, Any]]:
    """The rows of a file.

    Raises:
        _UnknownFormatError: Its bytes or its metadata are not what this version writes.
    """
    try:
        schema = pq.read_schema(pa.BufferReader(content))
        metadata = json.loads(schema.metadata[_METADATA])
        found = metadata.get("format", 1)  # the first version did not say so
    except (pa.ArrowException, KeyError, TypeError, ValueError, AttributeError) as error:
        raise _UnknownFormatError("it does not look like a file of this package") from error
    if found != FILE_FORMAT or "key" not in schema.names:
        raise _UnknownFormatError(
            f"it has format {found} of library version {metadata.get('library')}, "
            f"and this version reads format {FILE_FORMAT}"
        )
    return pq.read_table(pa.BufferReader(content)).to_pylist()


def _encode(rows: Sequence[dict[str, Any]], metadata: dict[str, Any]) -> bytes:
    """A Parquet file of rows, with JSON metadata."""
    table = pa.Table.from_pylist(list(rows))
    table = table.replace_schema_metadata({_METADATA: json.dumps(metadata, sort_keys=True)})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", compression_level=9)
    return sink.getvalue().to_pybytes()


@cache
def _session_folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="infomax-")


def open_store(store: str | os.PathLike[str] | Store | None = "auto") -> Store:
    """The store that a name stands for.

    Args:
        store: A folder; a :class:`Store`, returned as it is; ``"auto"`` for ``$INFOMAX_STORE`` or
            else the ``results`` folder beside the package in a checkout, or the user's cache
            folder where the package is installed on its own; ``"memory"`` or None for a folder
            that lives as long as this process.
    """
    if isinstance(store, Store):
        return store
    if store is None or store == "memory":
        return Store(_session_folder().name)
    if store == "auto":
        beside = Path(__file__).parents[2] / "results"
        cached = Path(pooch.os_cache("infomax")) / "results"
        return Store(os.environ.get("INFOMAX_STORE") or (beside if beside.is_dir() else cached))
    return Store(store)


@cache
def code_fingerprint(package: str = "infomax_lib") -> str:
    """SHA-256 over Python sources, 16 hex digits: which code computed a result.

    Args:
        package: Whose sources are covered beside those of this library; one that has no folder
            (a notebook, a script) adds nothing.
    """
    digest = hashlib.sha256()
    roots = [Path(__file__).parents[1]]
    file = getattr(sys.modules.get(package), "__file__", None)
    if file and Path(file).name == "__init__.py" and Path(file).parent not in roots:
        roots.append(Path(file).parent)
    for root in roots:
        for path in sorted(root.rglob("*.py")):
            digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def _provenance() -> dict[str, Any]:
    from infomax_lib import __version__

    return {
        "format": FILE_FORMAT,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "library": __version__,
        "code": code_fingerprint(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
    }
