"""Result files as tests look for them, and ways to damage them."""

import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


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
