"""Datasets: what they hold, and what is said when files are missing, damaged or out of reach."""

import gzip
import hashlib
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import requests
import torch
from sklearn.datasets import load_sample_images
from sklearn.utils import Bunch

from infomax_lib import load_dataset
from infomax_lib.measures.weights_and_outputs import data_squared_cosine
from infomax_lib.model import data as data_module
from infomax_lib.model import idx as idx_module
from infomax_lib.model.data import (
    CHECKSUMS,
    DATASETS,
    DataError,
    dataset_checksum,
)
from infomax_lib.model.idx import IDX_SOURCES, IdxFile

SHAPES = {  # training and test samples, inputs, classes, picture
    "digits": (1437, 360, 64, 10, (8, 8)),
    "synthetic": (2000, 1000, 2, 6, None),
    "mnist": (60000, 10000, 784, 10, (28, 28)),
    "fashion-mnist": (60000, 10000, 784, 10, (28, 28)),
    "digits-tuning": (1317, 120, 64, 10, (8, 8)),
    "mnist-tuning": (55000, 5000, 784, 10, (28, 28)),
    "fashion-mnist-tuning": (55000, 5000, 784, 10, (28, 28)),
    "digits-low": (721, 180, 64, 5, (8, 8)),
    "digits-high": (716, 180, 64, 5, (8, 8)),
    "mnist-low": (30596, 5139, 784, 5, (28, 28)),
    "mnist-high": (29404, 4861, 784, 5, (28, 28)),
    "fashion-mnist-low": (30000, 5000, 784, 5, (28, 28)),
    "fashion-mnist-high": (30000, 5000, 784, 5, (28, 28)),
    "natural-patches": (50000, 10000, 144, 2, (12, 12)),
}


def content_checksum(data):
    parts = (data.train, data.train_labels, data.test, data.test_labels)
    return hashlib.sha256(b"".join(p.numpy().tobytes() for p in parts)).hexdigest()[:16]


def check(data, name):
    train, test, inputs, classes, picture = SHAPES[name]
    assert data.name == name
    assert data.train.shape == (train, inputs)
    assert data.test.shape == (test, inputs)
    assert data.num_features == inputs
    assert data.image_shape == picture
    assert data.train.dtype == data.test.dtype == torch.float32
    assert data.train_labels.dtype == data.test_labels.dtype == torch.int64
    assert len(data.train_labels) == train
    assert len(data.test_labels) == test
    for x in (data.train, data.test):
        if name != "natural-patches":
            assert 0 <= x.min() < 0.05
            assert 0.95 < x.max() <= 1
    for labels in (data.train_labels, data.test_labels):
        first = 5 if name.endswith("-high") else 0
        assert torch.equal(labels.unique(), torch.arange(first, first + classes))
    assert data.checksum == content_checksum(data) == CHECKSUMS[name] == dataset_checksum(name)


@pytest.mark.parametrize(
    "name",
    ["digits", "synthetic", "digits-tuning", "digits-low", "digits-high", "natural-patches"],
)
def test_built_in(name):
    check(load_dataset(name), name)


@pytest.mark.data
@pytest.mark.parametrize("name", [n for n in SHAPES if "mnist" in n])
def test_downloaded(name, real_dataset):
    check(real_dataset(name), name)


@pytest.mark.data
def test_mnist_is_mnist(real_dataset):
    data = real_dataset("mnist")
    assert data.train_labels[:8].tolist() == [5, 0, 4, 1, 9, 2, 1, 3]
    # the mean and deviation that every MNIST tutorial subtracts and divides by
    assert data.train.double().mean().item() == pytest.approx(0.1307, abs=5e-5)
    assert data.train.double().std().item() == pytest.approx(0.3081, abs=5e-5)


def test_natural_patches_are_white_along_all_directions_but_the_mean():
    train = load_dataset("natural-patches").train.double()
    variances = torch.linalg.eigvalsh(train.T @ train / len(train))
    assert variances[0] < 1e-5  # every patch has mean zero, but for steps of 1/256
    assert torch.allclose(variances[1:], torch.ones(143, dtype=torch.float64), atol=1e-3)
    # as random rows in all directions of them: the two nulls of redundancy are one
    assert data_squared_cosine(train) == pytest.approx(1 / 143, rel=0.02)


def test_natural_patches_of_other_pixels_are_refused(monkeypatch):
    def brighter():
        photographs = load_sample_images()
        return Bunch(images=[np.minimum(p, 254) + np.uint8(1) for p in photographs.images])

    monkeypatch.setattr(data_module, "load_sample_images", brighter)
    data_module._load.cache_clear()
    with pytest.raises(DataError, match=r"requirements\.lock"):
        load_dataset("natural-patches")


def test_natural_patches_need_pillow(monkeypatch):
    def missing():
        raise ImportError("No module named 'PIL'")

    monkeypatch.setattr(data_module, "load_sample_images", missing)
    data_module._load.cache_clear()
    with pytest.raises(DataError, match="pip install pillow"):
        load_dataset("natural-patches")


def test_every_dataset_has_a_checksum_and_a_shape():
    assert set(DATASETS) == CHECKSUMS.keys() == SHAPES.keys()


def test_loaded_once():
    assert load_dataset("digits") is load_dataset("digits")


def test_threads_that_ask_at_once_get_one_dataset(monkeypatch):
    read = []
    monkeypatch.setattr(
        data_module, "_digits", lambda real=data_module._digits: (read.append(1), real())[1]
    )
    data_module._load.cache_clear()
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(load_dataset, ["digits"] * 8))
    assert len(read) == 1
    assert all(data is found[0] for data in found)


def test_settings_are_chosen_on_training_images_alone():
    whole, tuning = load_dataset("digits"), load_dataset("digits-tuning")
    both = torch.cat([tuning.train, tuning.test])
    rows = [sorted(map(tuple, part.tolist())) for part in (both, whole.train)]
    assert rows[0] == rows[1]
    shares = tuning.test_labels.bincount() / whole.train_labels.bincount()
    assert (shares - 1 / 12).abs().max() < 0.005


def test_halves_are_the_whole_in_two():
    whole = load_dataset("digits")
    for part in ("train", "test"):
        low, high = (getattr(load_dataset(f"digits-{half}"), part) for half in ("low", "high"))
        upper = getattr(whole, f"{part}_labels") >= 5
        assert torch.equal(low, getattr(whole, part)[~upper])
        assert torch.equal(high, getattr(whole, part)[upper])


def test_digits_are_split_by_class():
    data = load_dataset("digits")
    share = data.test_labels.bincount() / data.train_labels.bincount()
    assert ((share - 0.25).abs() < 0.02).all()


@pytest.mark.parametrize("name", ["cifar", "MNIST", ""])
def test_unknown_name(name):
    with pytest.raises(ValueError, match=r"unknown dataset .*digits, mnist, fashion-mnist"):
        load_dataset(name)


# --- a small MNIST of our own, so that files can be damaged -------------------------------------


def idx(array):
    """An IDX file of unsigned bytes."""
    sizes = b"".join(int(size).to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()


@pytest.fixture
def official(monkeypatch):
    """Name -> content of four small IDX files that stand in for the official ones."""
    rng = np.random.default_rng(0)
    source = IDX_SOURCES["mnist"]
    contents, files = {}, {}
    for part in ("train", "test"):
        count = {"train": 6, "test": 4}[part]
        arrays = {
            "images": rng.integers(0, 256, (count, 28, 28), dtype=np.uint8),
            "labels": rng.integers(0, 10, count, dtype=np.uint8),
        }
        for kind, array in arrays.items():
            name = getattr(source, f"{part}_{kind}").name
            contents[name] = idx(array)
            zipped = gzip.compress(contents[name], mtime=0)
            digests = [hashlib.md5(c).hexdigest() for c in (contents[name], zipped)]
            files[f"{part}_{kind}"] = IdxFile(name, *digests)
    monkeypatch.setitem(IDX_SOURCES, "mnist", replace(source, **files))
    data_module._load.cache_clear()
    yield contents
    data_module._load.cache_clear()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty ``$INFOMAX_DATA/mnist``."""
    monkeypatch.setenv("INFOMAX_DATA", str(tmp_path))
    (tmp_path / "mnist").mkdir()
    return tmp_path / "mnist"


def as_expected(data, official):
    images = np.frombuffer(official["train-images-idx3-ubyte"][16:], np.uint8).reshape(6, 784)
    labels = np.frombuffer(official["t10k-labels-idx1-ubyte"][8:], np.uint8)
    assert np.array_equal(data.train.numpy(), images.astype(np.float32) / 255)
    assert data.test_labels.tolist() == labels.tolist()
    assert data.test.shape == (4, 784)


class TestLocalFiles:
    @pytest.mark.parametrize("form", ["plain", "gzip", "mixed"])
    def test_plain_and_gzipped_files(self, official, folder, form):
        for place, (name, content) in enumerate(official.items()):
            if form == "plain" or (form == "mixed" and place % 2):
                (folder / name).write_bytes(content)
            else:  # at another level than the official files: the bytes inside count
                (folder / f"{name}.gz").write_bytes(gzip.compress(content, 1))
        as_expected(load_dataset("mnist"), official)

    @pytest.fixture
    def filled(self, official, folder):
        for name, content in official.items():
            (folder / f"{name}.gz").write_bytes(gzip.compress(content))
        return folder

    def test_missing_file(self, filled):
        (filled / "t10k-labels-idx1-ubyte.gz").unlink()
        with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte.*exists: put the official"):
            load_dataset("mnist")

    def test_missing_folder(self, official, tmp_path, monkeypatch):
        monkeypatch.setenv("INFOMAX_DATA", str(tmp_path / "nowhere"))
        with pytest.raises(DataError, match=r"INFOMAX_DATA is set.*nowhere.*or unset"):
            load_dataset("mnist")

    @pytest.mark.parametrize("keep", [0, 5, 40])
    def test_truncated_gzip(self, filled, keep):
        path = filled / "train-images-idx3-ubyte.gz"
        path.write_bytes(path.read_bytes()[:keep])
        with pytest.raises(DataError, match=r"train-images-idx3-ubyte\.gz is damaged"):
            load_dataset("mnist")

    @pytest.mark.parametrize("place", [0, 12, 60, -6, -1])
    def test_flipped_bits(self, filled, place):
        path = filled / "train-images-idx3-ubyte.gz"
        content = bytearray(path.read_bytes())
        content[place] ^= 0xFF
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"is damaged.*fetch it again, or unset INFOMAX_DATA"):
            load_dataset("mnist")

    def test_sound_gzip_of_other_bytes(self, filled):
        path = filled / "train-labels-idx1-ubyte.gz"
        path.write_bytes(gzip.compress(b"\0\0\x08\x01\0\0\0\x06abcdef"))
        with pytest.raises(DataError, match=r"MD5 \w{32}, the official file has \w{32}"):
            load_dataset("mnist")

    def test_truncated_plain_file(self, official, folder):
        for name, content in official.items():
            (folder / name).write_bytes(content[:-1])
        with pytest.raises(DataError, match="is damaged: its uncompressed bytes"):
            load_dataset("mnist")

    def test_a_file_of_another_kind(self):
        file = IDX_SOURCES["mnist"].train_images
        with pytest.raises(DataError, match="not an IDX file of unsigned bytes"):
            idx_module._parse_idx(bytes([0, 0, 0x0D, 1, 0, 0, 0, 1, 0, 0, 0, 0]), file)


class TestDownload:
    @pytest.fixture(autouse=True)
    def _no_folder_and_an_empty_cache(self, monkeypatch, tmp_path, official):
        monkeypatch.delenv("INFOMAX_DATA", raising=False)
        monkeypatch.setattr(idx_module.pooch, "os_cache", lambda name: tmp_path / name)

    @pytest.fixture
    def mirrors(self, monkeypatch, official, tmp_path):
        """Requested addresses; those that contain a word in ``broken`` fail."""
        broken, asked = {}, []

        def retrieve(url, known_hash, fname, path):
            asked.append(url)
            for word, failure in broken.items():
                if word in url:
                    raise failure
            content = gzip.compress(official[fname.removesuffix(".gz")], mtime=0)
            assert known_hash == f"md5:{hashlib.md5(content).hexdigest()}"
            path.mkdir(parents=True, exist_ok=True)
            (path / fname).write_bytes(content)
            return str(path / fname)

        monkeypatch.setattr(idx_module.pooch, "retrieve", retrieve)
        return broken, asked

    def test_from_the_first_mirror(self, mirrors, official):
        as_expected(load_dataset("mnist"), official)
        assert len(mirrors[1]) == 4
        assert all(url.startswith(IDX_SOURCES["mnist"].mirrors[0]) for url in mirrors[1])

    @pytest.mark.parametrize(
        "failure",
        [
            requests.ConnectionError("name resolution failed"),
            requests.HTTPError("404 Not Found"),
            TimeoutError("timed out"),
            ValueError("MD5 hash of downloaded file does not match the known hash"),
        ],
    )
    def test_from_the_second_when_the_first_fails(self, mirrors, official, failure):
        broken, asked = mirrors
        broken["ossci"] = failure
        as_expected(load_dataset("mnist"), official)
        assert [url.split("/")[2] for url in asked[:2]] == [
            mirror.split("/")[2] for mirror in IDX_SOURCES["mnist"].mirrors
        ]
        assert len(asked) == 8

    def test_no_mirror_can_be_reached(self, mirrors):
        mirrors[0]["http"] = requests.ConnectionError("name resolution failed")
        with pytest.raises(DataError) as refusal:
            load_dataset("mnist")
        message = str(refusal.value)
        assert "could not download train-images-idx3-ubyte.gz of mnist" in message
        for mirror in IDX_SOURCES["mnist"].mirrors:
            assert mirror in message
        assert "name resolution failed" in message
        assert "INFOMAX_DATA=FOLDER" in message
        assert "dataset='digits' needs no download" in message

    def test_without_network(self, monkeypatch):
        def refuse(*args, **kwargs):
            raise OSError("Network is unreachable")

        monkeypatch.setattr(socket, "getaddrinfo", refuse)
        monkeypatch.setattr(socket.socket, "connect", refuse)
        with pytest.raises(DataError, match="Connect to the network"):
            load_dataset("mnist")

    def test_a_failure_is_not_remembered(self, mirrors, official):
        mirrors[0]["http"] = requests.ConnectionError("down")
        with pytest.raises(DataError):
            load_dataset("mnist")
        mirrors[0].clear()
        as_expected(load_dataset("mnist"), official)

    def test_official_digests_are_digests(self):
        for source in IDX_SOURCES.values():
            assert len(source.mirrors) >= 2
            for file in (source.train_images, source.test_labels):
                assert len(file.md5) == len(file.gzip_md5) == 32
