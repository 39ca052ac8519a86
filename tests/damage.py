"""Result files as tests make them and look for them, and ways to damage them."""

import errno
import hashlib
import os
import shutil
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from infomax_lib import Store


def files(folder, pattern="*.parquet"):
    return sorted(Path(folder).rglob(pattern))


def truncate(path):
    path.write_bytes(path.read_bytes()[:-7])


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def file_of_our_naming(folder, content):
    """A file that carries the hash of its bytes, as every version of this package names them."""
    path = folder / f"{hashlib.sha256(content).hexdigest()[:32]}.parquet"
    path.write_bytes(content)
    return path


def parquet(rows, metadata):
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows).replace_schema_metadata(metadata), sink)
    return sink.getvalue().to_pybytes()


def row(key, value=1.0):
    return {
        "key": key,
        "value": value,
        "name": "relu",
        "flag": True,
        "bytes": b"\x00\x01",
        "history": {"epoch": [1, 2], "loss": [0.5, float("nan")]},
    }


def full_disk(*args, **kwargs):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def on_disk(folder):
    """Keys of the runs that a new process would find."""
    copy = Path(tempfile.mkdtemp()) / "copy"
    if Path(folder).exists():
        shutil.copytree(folder, copy)
    return Store(copy).keys("runs") | Store(copy).keys("weights")
