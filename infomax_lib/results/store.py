"""Results on disk: immutable Parquet files, each named by the hash of its own bytes.

A file holds the rows of one computed chunk and, in its metadata, where they come from (library and
PyTorch version, code fingerprint, device, threads, seconds, date). It is there whole or not at all
(:mod:`.files`); on reading, bytes that do not match the name are reported, set aside and never
used. A sound file in a format that this version does not know, or one that cannot be read, is
reported, left where it is and not used either; of other names in the folder no notice is taken.

A store may lie on top of others, which are only read: results that a reader computes stand in a
folder of the reader's own above those that came with the book.

The files of two computations of the same runs differ in date and seconds, and perhaps in which runs
share a file; their rows are the same, which :meth:`Store.digest` shows.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import tempfile
import threading
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

from infomax_lib.results.files import (
    code_fingerprint,
    refuse_unwritable,
    remove_abandoned,
    write_whole,
)

__all__ = ["FileInfo", "Store", "StoreError", "StoreWarning", "open_store"]

# How rows are laid out in a file. Raise it when older versions could not read, or would misread,
# what this one writes.
FILE_FORMAT = 1

_METADATA = b"infomax"
_NAME_DIGITS = 32
_OUR_NAME = re.compile(rf"[0-9a-f]{{{_NAME_DIGITS}}}\.parquet")


class StoreError(OSError):
    """Results cannot be stored; the message says why, where they are now, and what to do."""


class StoreWarning(UserWarning):
    """A result file cannot be used, or could not be written; nothing that was computed is lost."""


class _UnusableError(Exception):
    """A file holds nothing that this version can use; the message goes on after its path."""


@dataclass(frozen=True)
class FileInfo:
    """A result file: its path, the number of its rows and its provenance."""

    path: Path
    rows: int
    metadata: dict[str, Any]


@dataclass
class _Unsaved:
    """A file that the disk refused."""

    kind: str
    rows: int
    content: bytes
    rescued: Path | None = None  # where it is kept meanwhile


# What the disk refused, by folder: a store opened anew in this process still has it.
_UNSAVED: dict[Path, list[_Unsaved]] = {}
_LOCK = threading.RLock()


class Store:
    """Results in a folder, one subfolder per kind of result ("runs", "weights", ...).

    Args:
        folder: Where the files lie; created when the first one is written.
        below: Folders with more results, which are only read.

    Several threads and processes may read and write one store at once: files never change. Where
    two files hold the same key, the one with the greater name counts, so that every reader sees the
    same.
    """

    def __init__(
        self, folder: str | os.PathLike[str], below: Sequence[str | os.PathLike[str]] = ()
    ) -> None:
        # Absolute: the process may change its working folder.
        self.folder = Path(folder).expanduser().absolute()
        self.below = tuple(Path(other).expanduser().absolute() for other in below)
        self._rows: dict[str, dict[str, dict[str, Any]]] = {}  # kind -> key -> row
        self._source: dict[str, dict[str, str]] = {}  # kind -> key -> name of the row's file
        self._read: dict[str, dict[str, Path]] = {}  # kind -> name of a file in _rows -> its path
        self._ignored: set[Path] = set()  # reported, and left where they are
        self._unsaved = _UNSAVED.setdefault(self.folder, [])
        self._held: set[str] = set()  # names of files among them whose rows are in _rows

    def __reduce__(self) -> tuple[Any, ...]:
        """In another process a store is the same folders, read anew."""
        return type(self), (self.folder, self.below)

    def __repr__(self) -> str:
        below = f", below={[str(folder) for folder in self.below]}" if self.below else ""
        return f"Store({str(self.folder)!r}{below})"

    def __str__(self) -> str:
        return " on top of ".join(map(str, (self.folder, *self.below)))

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
        with _LOCK:
            self._refresh(kind)
            self._add(kind, rows, _name_of(content))
            self._unsaved.append(_Unsaved(kind, len(rows), content))
            try:
                self._save()
            except KeyboardInterrupt:  # what took minutes is not lost for milliseconds
                with contextlib.suppress(OSError):
                    self._save()
                raise
            except OSError as error:
                warnings.warn(self._refused(error), StoreWarning, stacklevel=2)

    def refuse_unwritable(self) -> None:
        """Find out that nothing can be stored here before it is computed.

        Raises:
            StoreError: It cannot.
        """
        try:
            refuse_unwritable(self.folder)
        except OSError as error:
            raise StoreError(
                f"results cannot be stored in {self.folder}: {error.strerror or error}; name a "
                "folder that can be written to (store=..., --store or $INFOMAX_STORE), or "
                '"memory" to keep nothing'
            ) from error

    def settle(self) -> None:
        """Try once more to store what the disk has refused.

        Raises:
            StoreError: It still refuses.
        """
        with _LOCK:
            try:
                self._save()
            except OSError as error:
                raise StoreError(
                    f"{self._refused(error)}. As long as this process lives the same call gives "
                    "them without computing them again"
                ) from error

    def _save(self) -> None:
        while self._unsaved:
            first = self._unsaved[0]
            target = self.folder / first.kind / _name_of(first.content)
            write_whole(target, first.content)
            self._read.setdefault(first.kind, {})[target.name] = target
            remove_abandoned(target)
            if first.rescued:
                with contextlib.suppress(OSError):
                    first.rescued.unlink()
            self._unsaved.pop(0)

    def _refused(self, error: OSError) -> str:
        """Keep what the disk refused where it can be kept, and say so."""
        for each in self._unsaved:
            if each.rescued is None:
                with contextlib.suppress(OSError):
                    target = _rescue_folder(self.folder) / each.kind / _name_of(each.content)
                    write_whole(target, each.content)
                    each.rescued = target
        count = sum(each.rows for each in self._unsaved)
        places = {each.rescued.parents[1] for each in self._unsaved if each.rescued}
        kept = [f"in {place}, a store of its own" for place in sorted(places)]
        if not all(each.rescued for each in self._unsaved):
            kept.append("in memory, and are lost when this process ends")
        return (
            f"could not write to {self.folder}: {error.strerror or error}. {count} result(s) are "
            f"kept {' and '.join(kept)}; make room, and they are written with the next ones"
        )

    def files(self, kind: str) -> list[FileInfo]:
        """All sound files of one kind with their provenance, oldest first."""
        self._refresh(kind)
        infos = []
        for path in self._read[kind].values():
            schema = pq.read_metadata(path)
            infos.append(FileInfo(path, schema.num_rows, json.loads(schema.metadata[_METADATA])))
        return sorted(infos, key=lambda info: (info.metadata["date"], info.path.name))

    def kinds(self) -> list[str]:
        """Kinds of which there may be results, in order."""
        folders = [folder for folder in (self.folder, *self.below) if folder.is_dir()]
        found = {each for folder in folders for each in folder.iterdir() if each.is_dir()}
        return sorted({each.name for each in found if not each.name.startswith(".")})

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
        digest = hashlib.sha256()
        for kind in sorted(kinds or self.kinds()):
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
        """Read files that appeared since the last call; return a copy of all rows of this kind."""
        with _LOCK:
            rows, read = self._rows.setdefault(kind, {}), self._read.setdefault(kind, {})
            problems = []
            for each in self._unsaved:
                name = _name_of(each.content)
                if each.kind == kind and name not in self._held:
                    self._add(kind, _decode(each.content), name)
                    self._held.add(name)
            for folder in (self.folder, *self.below):
                for path in self._new_files(folder / kind):
                    try:
                        self._add(kind, _decode(self._content(path)), path.name)
                        read[path.name] = path
                    except FileNotFoundError:  # another process has just set it aside
                        continue
                    except _UnusableError as error:
                        self._ignored.add(path)
                        problems.append(f"{path} {error}")
            if problems:
                more = f" (and {len(problems) - 1} more files)" if len(problems) > 1 else ""
                warnings.warn(
                    f"{problems[0]}{more}; what is missing will be computed again",
                    StoreWarning,
                    stacklevel=3,
                )
            return dict(rows)

    def _new_files(self, folder: Path) -> list[Path]:
        """Files that a store has written and that have not been read."""
        return [
            path
            for path in sorted(folder.glob("*.parquet"))
            if _OUR_NAME.fullmatch(path.name)
            and path.name not in self._read[folder.name]
            and path not in self._ignored
        ]

    def _content(self, path: Path) -> bytes:
        """The bytes of a file, which are those that were written."""
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            raise
        except OSError as error:
            raise _UnusableError(
                f"cannot be read ({error.strerror or error}): it is left where it is"
            ) from error
        if _name_of(content) == path.name:
            return content
        target = path.with_suffix(".damaged")
        outcome = f"it was renamed to {target.name}"
        if path.parents[1] != self.folder:
            outcome = "it is left where it is"
        else:
            try:
                path.replace(target)
            except FileNotFoundError:
                outcome = "another process has set it aside"
            except OSError as error:  # a folder that cannot be written to
                outcome = f"it could not be renamed ({error}), and is ignored"
        raise _UnusableError(f"is damaged (its bytes do not match its name): {outcome}")


def _name_of(content: bytes) -> str:
    return f"{hashlib.sha256(content).hexdigest()[:_NAME_DIGITS]}.parquet"


def _decode(content: bytes) -> list[dict[str, Any]]:
    """The rows of a file.

    Raises:
        _UnusableError: Its bytes or its metadata are not what this version writes.
    """
    try:
        schema = pq.read_schema(pa.BufferReader(content))
        metadata = json.loads(schema.metadata[_METADATA])
        found = metadata.get("format", 1)  # the first version did not say so
        if found == FILE_FORMAT and "key" in schema.names:
            # threads of its own would outlive the reader, and end a process that ends meanwhile
            source = pa.BufferReader(content)
            return pq.read_table(source, use_threads=False, pre_buffer=False).to_pylist()
    except (pa.ArrowException, KeyError, TypeError, ValueError, AttributeError) as error:
        raise _UnusableError(
            "is not used: it does not look like a file of this package; it is left where it is"
        ) from error
    raise _UnusableError(
        f"is not used: it has format {found} of library version {metadata.get('library')}, and "
        f"this version reads format {FILE_FORMAT}; it is left where it is; update this package to "
        "read it"
    )


def _encode(rows: Sequence[dict[str, Any]], metadata: dict[str, Any]) -> bytes:
    """A Parquet file of rows, with JSON metadata."""
    table = pa.Table.from_pylist(list(rows))
    table = table.replace_schema_metadata({_METADATA: json.dumps(metadata, sort_keys=True)})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", compression_level=9)
    return sink.getvalue().to_pybytes()


@cache
def _session_folder() -> tempfile.TemporaryDirectory[str]:
    """To be called while holding the lock: of two that are made at once one would go."""
    return tempfile.TemporaryDirectory(prefix="infomax-")


def open_store(store: str | os.PathLike[str] | Store | None = "auto") -> Store:
    """The store that a name stands for.

    Args:
        store: A folder; a :class:`Store`, returned as it is; ``"memory"`` or None for a folder
            that lives as long as this process; ``"auto"`` for what ``$INFOMAX_STORE`` names or
            else, in a checkout, the folder ``own-results``, which git ignores, on top of the
            committed ``results``, and in the user's cache where the package is installed alone.
    """
    if isinstance(store, Store):
        return store
    if store == "auto":
        store = os.environ.get("INFOMAX_STORE") or "auto"
    if store is None or store == "memory":
        with _LOCK:
            return Store(_session_folder().name)
    if store == "auto":
        committed = Path(__file__).parents[2] / "results"
        if committed.is_dir():
            return Store(committed.with_name("own-results"), below=[committed])
        return Store(Path(pooch.os_cache("infomax")) / "results")
    return Store(store)


def _rescue_folder(store: Path) -> Path:
    """A store for what another one refuses, on a disk that may have room."""
    name = f"{store.name}-{hashlib.sha256(str(store).encode()).hexdigest()[:8]}"
    for place in (Path(pooch.os_cache("infomax")), Path(tempfile.gettempdir())):
        with contextlib.suppress(OSError):
            folder = place / "infomax-unsaved" / name
            refuse_unwritable(folder)
            return folder
    raise OSError("nowhere to keep them")


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
