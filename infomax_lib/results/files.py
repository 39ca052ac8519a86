"""Files: written whole or not at all, whatever happens meanwhile, and which of them are source.

A file is written under a temporary name, flushed to the disk, and renamed; then the folder is
flushed, too, so that a name that was seen once is there after a power cut. Of all the states in
which a crash can leave the folder, none holds half a file under the final name.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
import sys
from functools import cache
from pathlib import Path

__all__ = [
    "UNFINISHED",
    "code_fingerprint",
    "refuse_unwritable",
    "remove_abandoned",
    "source_files",
    "write_whole",
]

UNFINISHED = ".writing-"  # prefix of files that are not finished
_BINARY = getattr(os, "O_BINARY", 0)  # Windows would write other line endings
_ABANDONED = 24 * 3600.0  # seconds after which such a file belongs to a process that was killed
# What file systems answer that cannot flush a folder; Windows refuses to open one.
_CANNOT_FLUSH = (errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES, errno.EISDIR, errno.EPERM)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, and its folder where there is none; afterwards both outlast a power cut.

    Raises:
        OSError: The disk refuses; nothing is left under the file's name that was not there before.
    """
    _make_folder(path.parent)
    temporary = path.with_name(f"{UNFINISHED}{secrets.token_hex(8)}")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o644)
        try:
            left = memoryview(content)
            while left:
                left = left[os.write(handle, left) :]
            os.fsync(handle)
        finally:
            os.close(handle)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    _flush_folder(path.parent)


def _make_folder(folder: Path) -> None:
    if not folder.is_dir():
        if folder.parent != folder:
            _make_folder(folder.parent)
        with contextlib.suppress(FileExistsError):  # a file there is met by what comes next
            os.mkdir(folder)
            _flush_folder(folder.parent)


def _flush_folder(folder: Path) -> None:
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        if error.errno in _CANNOT_FLUSH:
            return
        raise
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _CANNOT_FLUSH:
            raise
    finally:
        os.close(handle)


def refuse_unwritable(folder: Path) -> None:
    """Find out whether files can be written to a folder, or to where it would be made.

    Raises:
        OSError: They cannot.
    """
    there = next(place for place in (folder, *folder.parents) if os.path.lexists(place))
    if not there.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, f"{there} is not a folder")
    probe = there / f"{UNFINISHED}{secrets.token_hex(8)}"
    try:
        probe.write_bytes(bytes(4096))  # an empty file fits on a full disk
    finally:
        with contextlib.suppress(OSError):
            probe.unlink()


def remove_abandoned(newest: Path) -> None:
    """Remove unfinished files of processes that were killed long before a file was written."""
    with contextlib.suppress(OSError):
        now = newest.stat().st_mtime  # the clock of the disk, which may be another machine's
        for path in newest.parent.glob(f"{UNFINISHED}*"):
            if path.stat().st_mtime < now - _ABANDONED:
                path.unlink()


def source_files(folder: Path, pattern: str = "**/*.py") -> list[Path]:
    """Files that count as source, in order.

    What begins with a dot does not: editors leave links (``.#cli.py``) and copies
    (``.ipynb_checkpoints``) beside the files they have open.

    Args:
        folder: Where to look.
        pattern: As for :meth:`pathlib.Path.glob`.
    """
    return sorted(
        path
        for path in folder.glob(pattern)
        if path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


@cache
def code_fingerprint(package: str = "infomax_lib") -> str:
    """SHA-256 over Python sources, 16 hex digits: which code computed a result.

    Line endings do not count.

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
        for path in source_files(root):
            digest.update(path.relative_to(root).as_posix().encode() + b"\0")
            digest.update(path.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()[:16]
