"""Datasets as tensors: embedded digits, MNIST, Fashion-MNIST and a two-dimensional toy set.

Images are flattened, scaled to [0, 1] and not centred. MNIST and Fashion-MNIST are read from
``$INFOMAX_DATA/<name>/`` when that variable is set (gzipped or plain IDX files, whose uncompressed
bytes are checked), and otherwise downloaded once from public mirrors into the user's cache.

A dataset ``NAME-tuning`` holds the training images of ``NAME`` alone, a twelfth of them in the
place of the test images: settings are chosen there, and no test image is ever looked at for it.
``NAME-low`` and ``NAME-high`` hold the images of the classes 0 to 4 and 5 to 9.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import threading
import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor

with warnings.catch_warnings():
    # Its progress bar, which is not used here, misses Jupyter's widgets in every notebook.
    warnings.filterwarnings("ignore", "IProgress not found")
    import pooch

__all__ = ["DATASETS", "DataError", "Dataset", "dataset_checksum", "in_half", "load_dataset"]

Labels = TypeVar("Labels", np.ndarray, Tensor)


class DataError(RuntimeError):
    """A dataset is missing, damaged or out of reach; the message says what to do about it."""


@dataclass(frozen=True)
class Dataset:
    """A labelled dataset, split into training and test part.

    Attributes:
        name: Name under which :func:`load_dataset` knows it.
        train: Training inputs, float32, shape (N, D), values in [0, 1].
        train_labels: Class indices, int64, shape (N,).
        test: Test inputs, float32, shape (M, D).
        test_labels: Class indices, int64, shape (M,).
        image_shape: Height and width of one input as a picture, or None when it is not one.
        checksum: First 16 hex digits of the SHA-256 of the split's bytes.
    """

    name: str
    train: Tensor
    train_labels: Tensor
    test: Tensor
    test_labels: Tensor
    image_shape: tuple[int, int] | None
    checksum: str

    @property
    def num_features(self) -> int:
        """Number of inputs D."""
        return self.train.shape[1]

    def to(self, device: torch.device | str, dtype: torch.dtype) -> Dataset:
        """The same data with inputs of another type, all of it on another device."""
        return replace(
            self,
            train=self.train.to(device, dtype),
            test=self.test.to(device, dtype),
            train_labels=self.train_labels.to(device),
            test_labels=self.test_labels.to(device),
        )


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

# Known beforehand, so that looking up stored results does not require the dataset to be at hand.
CHECKSUMS = {
    "digits": "dd82963602a00ec7",
    "mnist": "55c41ac0f5a8c456",
    "fashion-mnist": "a64cc0dca83e19f4",
    "synthetic": "07dba2be294eee97",
    "digits-tuning": "063aa4e05b1044a5",
    "mnist-tuning": "c8fe7077cc3de692",
    "fashion-mnist-tuning": "275269c140e6d0cd",
    "digits-low": "02d936d7f3f4fb89",
    "digits-high": "9eb3b03c3a7e9e32",
    "mnist-low": "eabc9e5d55b2c769",
    "mnist-high": "87e4dca5f6eae112",
    "fashion-mnist-low": "036102d05b46b46d",
    "fashion-mnist-high": "09dd8223b984b465",
}

_PICTURES = ("digits", "mnist", "fashion-mnist")
_PARTS = ("tuning", "low", "high")
_HALF = 5  # the lowest class of the upper half, of ten
DATASETS = (*_PICTURES, "synthetic", *(f"{name}-{part}" for part in _PARTS for name in _PICTURES))


def load_dataset(name: str) -> Dataset:
    """Load a dataset by name; later calls in the same process return the same object.

    Args:
        name: One of ``digits`` (scikit-learn's 8x8 digits, embedded), ``mnist``,
            ``fashion-mnist``, ``synthetic`` (points in the unit square), or one of the first three
            with ``-tuning`` after it: its training images alone, split 11 to 1 (55,000 and 5,000);
            or with ``-low`` or ``-high``: its classes 0 to 4 or 5 to 9, under their own labels.

    Raises:
        ValueError: The name is unknown.
        DataError: Files are missing, damaged, or cannot be downloaded.
    """
    if name not in DATASETS:
        raise ValueError(f"unknown dataset {name!r}: choose one of {', '.join(DATASETS)}")
    with _reading:
        return _load(name, os.environ.get("INFOMAX_DATA") or None)


def dataset_checksum(name: str) -> str:
    """Checksum that enters the key of every run on a dataset, known without reading its files."""
    return CHECKSUMS[name]


_reading = threading.Lock()  # threads that ask at once get one dataset, read once


@cache
def _load(name: str, folder: str | None) -> Dataset:
    if name == "digits":
        return _digits()
    if name == "synthetic":
        return _synthetic()
    whole, _, part = name.rpartition("-")
    if part in _PARTS:
        return _part(_load(whole, folder), part)
    source = IDX_SOURCES[name]
    read = _reader(name, source, folder)
    arrays = [
        read(file)
        for file in (
            source.train_images,
            source.train_labels,
            source.test_images,
            source.test_labels,
        )
    ]
    images = [a.reshape(len(a), -1).astype(np.float32) / 255 for a in arrays[::2]]
    return _dataset(name, images[0], arrays[1], images[1], arrays[3], (28, 28))


def _dataset(
    name: str,
    train: np.ndarray,
    train_labels: np.ndarray,
    test: np.ndarray,
    test_labels: np.ndarray,
    image_shape: tuple[int, int] | None,
) -> Dataset:
    parts = [
        np.ascontiguousarray(part, dtype)
        for part, dtype in zip(
            (train, train_labels, test, test_labels),
            (np.float32, np.int64, np.float32, np.int64),
            strict=True,
        )
    ]
    digest = hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()[:16]
    tensors = [torch.from_numpy(part) for part in parts]
    return Dataset(name, tensors[0], tensors[1], tensors[2], tensors[3], image_shape, digest)


def _digits() -> Dataset:
    images, labels = load_digits(return_X_y=True)
    parts = train_test_split(images / 16, labels, test_size=360, stratify=labels, random_state=0)
    return _dataset("digits", parts[0], parts[2], parts[1], parts[3], (8, 8))


def in_half(labels: Labels, part: str, half: int) -> Labels:
    """Which labels (N,) are below ``half`` (``part`` "low") or not ("high"), boolean (N,)."""
    return (labels < half) == (part == "low")


def _part(whole: Dataset, part: str) -> Dataset:
    arrays = [whole.train, whole.train_labels, whole.test, whole.test_labels]
    train, labels, test, test_labels = (array.numpy() for array in arrays)
    if part == "tuning":
        train, test, labels, test_labels = train_test_split(
            train, labels, test_size=1 / 12, stratify=labels, random_state=0
        )
    else:
        chosen, held_out = (in_half(y, part, _HALF) for y in (labels, test_labels))
        train, labels = train[chosen], labels[chosen]
        test, test_labels = test[held_out], test_labels[held_out]
    name = f"{whole.name}-{part}"
    return _dataset(name, train, labels, test, test_labels, whole.image_shape)


def _synthetic() -> Dataset:
    """Six round clusters on a ring in the unit square: small enough to see every hyperplane."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 6, size=3000)
    angle = labels * (np.pi / 3)
    centres = 0.5 + 0.32 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    points = np.clip(centres + 0.06 * rng.standard_normal((3000, 2)), 0, 1)
    return _dataset("synthetic", points[:2000], labels[:2000], points[2000:], labels[2000:], None)


def _reader(name: str, source: IdxSource, folder: str | None) -> Callable[[IdxFile], np.ndarray]:
    """Return a function from IdxFile to array, for a local folder or for the mirrors."""
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


#: Datasets with inputs of the same size, to which features transfer.
PARTNERS = {"mnist": "fashion-mnist", "fashion-mnist": "mnist"}


#: Parts of a dataset by class: all of them, the lower half (0-4 of ten) or the upper half (5-9).
SOURCES = ("all", "low", "high")


#: The half that is left over.
OTHER_HALF = {"low": "high", "high": "low"}


def part_of(data: Dataset, source: str) -> Dataset:
    """The images of some classes, a name in :data:`SOURCES`; labels stay as they are.

    Raises:
        ValueError: The dataset is such a part itself.
    """
    if source == "all":
        return data
    half = _CLASSES[data.name] // 2
    train, test = (in_half(y, source, half) for y in (data.train_labels, data.test_labels))
    if train.all() or not train.any():
        raise ValueError(
            f"{data.name} holds half of the classes already: take the {source} half of the whole "
            "dataset"
        )
    return replace(
        data,
        train=data.train[train],
        train_labels=data.train_labels[train],
        test=data.test[test],
        test_labels=data.test_labels[test],
    )


_CLASSES = dict.fromkeys(DATASETS, 10) | {"synthetic": 6}
