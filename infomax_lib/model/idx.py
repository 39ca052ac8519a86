"""MNIST and Fashion-MNIST as published: IDX files, from a local folder or from public mirrors."""

from __future__ import annotations

import gzip
import hashlib
import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

with warnings.catch_warnings():
    # Its progress bar, which is not used here, misses Jupyter's widgets in every notebook.
    warnings.filterwarnings("ignore", "IProgress not found")
    import pooch

__all__ = ["IDX_SOURCES", "DataError", "IdxFile", "idx_reader"]


class DataError(RuntimeError):
    """A dataset is missing, damaged or out of reach; the message says what to do about it."""


@dataclass(frozen=True)
class IdxFile:
    """One official IDX file: MD5 of its bytes, and of the gzip container that mirrors publish."""

    name: str
    md5: str
    gzip_md5: str


@dataclass(frozen=True)
class IdxSource:
    """Where one IDX dataset comes from: mirrors in order of preference, and its four files."""

    mirrors: tuple[str, ...]
    train_images: IdxFile
    train_labels: IdxFile
    test_images: IdxFile
    test_labels: IdxFile


IDX_SOURCES = {
    "mnist": IdxSource(
        (
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
        IdxFile(
            "train-images-idx3-ubyte",
            "6bbc9ace898e44ae57da46a324031adb",
            "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        ),
        IdxFile(
            "train-labels-idx1-ubyte",
            "a25bea736e30d166cdddb491f175f624",
            "d53e105ee54ea40749a09fcbcd1e9432",
        ),
        IdxFile(
            "t10k-images-idx3-ubyte",
            "2646ac647ad5339dbf082846283269ea",
            "9fb629c4189551a2d022fa330f9573f3",
        ),
        IdxFile(
            "t10k-labels-idx1-ubyte",
            "27ae3e4e09519cfbb04c329615203637",
            "ec29112dd5afa0611ce80d1b7f02629c",
        ),
    ),
    "fashion-mnist": IdxSource(
        (
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
        ),
        IdxFile(
            "train-images-idx3-ubyte",
            "f4a8712d7a061bf5bd6d2ca38dc4d50a",
            "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        ),
        IdxFile(
            "train-labels-idx1-ubyte",
            "9018921c3c673c538a1fc5bad174d6f9",
            "25c81989df183df01b3e8a0aad5dffbe",
        ),
        IdxFile(
            "t10k-images-idx3-ubyte",
            "8181f5470baa50b63fa0f6fddb340f0a",
            "bef4ecab320f06d8554ea6380940ec79",
        ),
        IdxFile(
            "t10k-labels-idx1-ubyte",
            "15d484375f8d13e6eb1aabb0c3f46965",
            "bb300cfdad3c16e7a12a480ee83cd310",
        ),
    ),
}


def idx_reader(name: str, folder: str | None) -> Callable[[IdxFile], np.ndarray]:
    """How to read the files of a dataset in :data:`IDX_SOURCES`: from a folder, or the mirrors."""
    source = IDX_SOURCES[name]
    if folder is None:
        return lambda file: _parse_idx(_download(name, source, file), file)
    return lambda file: _parse_idx(_read_local(Path(folder) / name, file), file)


def _read_local(folder: Path, file: IdxFile) -> bytes:
    plain, zipped = folder / file.name, folder / f"{file.name}.gz"
    if plain.is_file():
        path, content = plain, plain.read_bytes()
    elif zipped.is_file():
        path = zipped
        try:
            content = gzip.decompress(zipped.read_bytes())
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(
                f"{zipped} is damaged ({error}): fetch it again, or unset INFOMAX_DATA to download"
            ) from error
    else:
        raise DataError(
            f"INFOMAX_DATA is set, but neither {plain} nor {zipped.name} beside it exists: put the "
            "official IDX files there, or unset INFOMAX_DATA to download them"
        )
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if found != file.md5:
        raise DataError(
            f"{path} is damaged: its uncompressed bytes have MD5 {found}, the official file has "
            f"{file.md5}; fetch it again, or unset INFOMAX_DATA to download"
        )
    return content


def _download(name: str, source: IdxSource, file: IdxFile) -> bytes:
    failures = []
    for mirror in source.mirrors:
        try:
            path = pooch.retrieve(
                f"{mirror}{file.name}.gz",
                known_hash=f"md5:{file.gzip_md5}",
                fname=f"{file.name}.gz",
                path=pooch.os_cache("infomax") / name,
            )
            return gzip.decompress(Path(path).read_bytes())
        except (OSError, EOFError, ValueError, zlib.error) as error:
            # out of reach, or not the file it should be
            failures.append(f"  {mirror}: {error}")
    raise DataError(
        f"could not download {file.name}.gz of {name} from any mirror:\n"
        + "\n".join(failures)
        + "\nConnect to the network, or put the IDX files into a folder "
        f"FOLDER/{name}/ and set INFOMAX_DATA=FOLDER; dataset='digits' needs no download"
    )


def _parse_idx(content: bytes, file: IdxFile) -> np.ndarray:
    """Parse an IDX file of unsigned bytes: two zero bytes, type, rank, big-endian sizes, values."""
    rank = content[3]
    shape = np.frombuffer(content, ">u4", count=rank, offset=4).astype(int)
    if content[:3] != b"\x00\x00\x08":
        raise DataError(f"{file.name} is not an IDX file of unsigned bytes")
    return np.frombuffer(content, np.uint8, offset=4 + 4 * rank).reshape(shape)
