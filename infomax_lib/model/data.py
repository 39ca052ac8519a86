"""Datasets as tensors: digits, MNIST, Fashion-MNIST, natural patches, a two-dimensional toy set.

Images are flattened, scaled to [0, 1] and not centred; natural patches are whitened. MNIST and
Fashion-MNIST are read from ``$INFOMAX_DATA/<name>/`` when that variable is set (gzipped or plain
IDX files, whose uncompressed bytes are checked), and otherwise downloaded once from public mirrors
into the user's cache.

A dataset ``NAME-tuning`` holds the training images of ``NAME`` alone, a twelfth of them in the
place of the test images: settings are chosen there, and no test image is ever looked at for it.
``NAME-low`` and ``NAME-high`` hold the images of the classes 0 to 4 and 5 to 9.
"""

from __future__ import annotations

import hashlib
import os
import threading
from dataclasses import dataclass, replace
from functools import cache
from typing import TypeVar

import numpy as np
import torch
from sklearn.datasets import load_digits, load_sample_images
from sklearn.model_selection import train_test_split
from torch import Tensor

from infomax_lib.model.idx import IDX_SOURCES, DataError, idx_reader

__all__ = ["DATASETS", "DataError", "Dataset", "dataset_checksum", "in_half", "load_dataset"]

Labels = TypeVar("Labels", np.ndarray, Tensor)


@dataclass(frozen=True)
class Dataset:
    """A labelled dataset, split into training and test part.

    Attributes:
        name: Name under which :func:`load_dataset` knows it.
        train: Training inputs, float32, shape (N, D); in [0, 1], but for natural patches.
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
    "natural-patches": "c70c9a58c635016f",
}

_PICTURES = ("digits", "mnist", "fashion-mnist")
_PARTS = ("tuning", "low", "high")
_HALF = 5  # the lowest class of the upper half, of ten
DATASETS = (
    *_PICTURES,
    "synthetic",
    *(f"{name}-{part}" for part in _PARTS for name in _PICTURES),
    "natural-patches",
)


def load_dataset(name: str) -> Dataset:
    """Load a dataset by name; later calls in the same process return the same object.

    Args:
        name: One of ``digits`` (scikit-learn's 8x8 digits, embedded), ``mnist``,
            ``fashion-mnist``, ``synthetic`` (points in the unit square), ``natural-patches``
            (12x12, whitened, labelled by their photograph), or one of the first three with
            ``-tuning`` after it: its training images alone, split 11 to 1 (55,000 and 5,000); or
            with ``-low`` or ``-high``: its classes 0 to 4 or 5 to 9, under their own labels.

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
    if name == "natural-patches":
        return _natural_patches()
    whole, _, part = name.rpartition("-")
    if part in _PARTS:
        return _part(_load(whole, folder), part)
    source = IDX_SOURCES[name]
    read = idx_reader(name, folder)
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


def _natural_patches(side: int = 12) -> Dataset:
    """Patches of the two photographs that scikit-learn ships, whitened: uncorrelated inputs.

    Test patches come from the right quarter of each photograph, training patches from the rest. The
    mean of every patch is taken off, and what remains goes through the symmetric inverse root of
    its covariance over the training patches (ZCA; Bell & Sejnowski 1997).
    """
    try:
        photographs = load_sample_images().images
    except ImportError as missing:
        raise DataError(
            "natural-patches are read from JPEG files, and Pillow is not installed: pip install "
            "pillow"
        ) from missing
    rng = np.random.default_rng(0)
    parts: list[list[np.ndarray]] = [[], []]
    for photograph in photographs:
        grey = photograph.sum(axis=2, dtype=np.float64) / 765
        border = 3 * grey.shape[1] // 4
        for patches, region, count in zip(
            parts, (grey[:, :border], grey[:, border:]), (25_000, 5_000), strict=True
        ):
            windows = np.lib.stride_tricks.sliding_window_view(region, (side, side))
            rows, columns = (rng.integers(0, end, count) for end in windows.shape[:2])
            found = windows[rows, columns].reshape(count, -1)
            patches.append(found - found.mean(axis=1, keepdims=True))
    train, test = (np.concatenate(patches) for patches in parts)
    variances, directions = np.linalg.eigh(train.T @ train / len(train))
    # All but the first: nothing varies along the mean, which was taken off.
    kept = directions[:, 1:]
    whitener = (kept / np.sqrt(variances[1:])) @ kept.T
    # In steps of 1/256, so that rounding on another processor does not make other data.
    train, test = (np.rint(patches @ whitener * 256) / 256 + 0 for patches in (train, test))
    labels = [np.repeat([0, 1], len(patches) // 2) for patches in (train, test)]
    data = _dataset("natural-patches", train, labels[0], test, labels[1], (side, side))
    if data.checksum != CHECKSUMS[data.name]:
        raise DataError(
            f"natural-patches have checksum {data.checksum}, not {CHECKSUMS[data.name]}: "
            "scikit-learn and Pillow read other pixels than their versions in requirements.lock; "
            "install those"
        )
    return data


#: How many classes each of the datasets has.
CLASSES = dict.fromkeys(DATASETS, 10) | {"synthetic": 6, "natural-patches": 2}

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
    half = CLASSES[data.name] // 2
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
