"""Shared fixtures, and the profile of property tests: repeatable, without deadlines."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pooch
import pytest
import torch
from browser import chromium, open_browser
from hypothesis import HealthCheck, settings
from matplotlib import rc_context
from threadpoolctl import threadpool_limits
from xdist.scheduler import LoadFileScheduling

from infomax_lib.model.data import Dataset, load_dataset
from infomax_lib.model.idx import IDX_SOURCES
from paper.figures.style import use_style

settings.register_profile(
    "repeatable",
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=30,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
settings.load_profile("repeatable")


#: Files that take a minute or more, the longest first: begun late, they would leave all processes
#: but one idle.
LONG = (
    "test_recompute.py",
    "test_replay.py",
    "test_survival.py",
    "test_site.py",
)


#: Files whose tests share nothing, so that each may run in another process.
ONE_BY_ONE = ("tests/test_recompute.py", "tests/test_replay.py")


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: LONG.index(item.path.name) if item.path.name in LONG else len(LONG))


class _FilesOrTests(LoadFileScheduling):
    """A file goes to one process, but for those of :data:`ONE_BY_ONE`."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return nodeid if file in ONE_BY_ONE else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    return _FilesOrTests(config, log) if config.getvalue("dist") == "loadfile" else None


def installed_library(folder: Path) -> Path:
    """The checkout whose library a program finds that is started elsewhere, as some tests do."""
    code = "import importlib.util as u; print(u.find_spec('infomax_lib').origin)"
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True
    )
    return Path(found.stdout.strip()).resolve().parents[1]


def pytest_configure(config):
    # A test that names no store must neither read the reader's results nor add to them.
    os.environ["INFOMAX_STORE"] = "memory"
    if not hasattr(config, "workerinput"):
        root = Path(__file__).resolve().parents[1]
        installed = installed_library(root / "tests")
        if installed != root:
            raise pytest.UsageError(
                f"the environment works on {installed}, and not on {root}: give that its own by "
                "typing `make install` there"
            )
    # Workers that share cores wait for each other's threads, far longer than one thread computes.
    torch.set_num_threads(1)
    threadpool_limits(1)
    config.addinivalue_line(
        "markers",
        "data: needs the real MNIST or Fashion-MNIST; skipped without them unless "
        "INFOMAX_REQUIRE_DATA is set, which makes their absence a failure",
    )


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


@pytest.fixture
def house_style():
    """The style of the book's figures, for one test."""
    with rc_context():
        use_style()
        yield


#: What a notebook's kernel does first, see `drafts`.
DRAFT = """
from IPython.core.pylabtools import print_figure
from paper.figures import pictures
pictures.one_form = lambda figure: ({"image/png": print_figure(figure, base64=True)}, {})
"""


@pytest.fixture(scope="session")
def drafts(tmp_path_factory) -> dict[str, str]:
    """Environment of kernels that draw a figure once instead of in the two forms of a page.

    For tests that compare what is said: every figure is still drawn, which is a third of the work
    of many a page.
    """
    folder = tmp_path_factory.mktemp("ipython")
    startup = folder / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "draft.py").write_text(DRAFT, "utf8")
    return {"IPYTHONDIR": str(folder)}


@pytest.fixture(scope="module")
def browser():
    """A headless browser; skips without one, and fails in continuous integration."""
    if chromium() is None:
        reason = "no Chromium found: install one (apt-get install chromium) or set $CHROMIUM"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with open_browser() as opened:
        yield opened


@pytest.fixture(scope="session")
def real_dataset():
    """A function from name to real dataset, which skips the test when its files are not at hand."""

    def load(name: str) -> Dataset:
        whole = next(known for known in IDX_SOURCES if name.startswith(known))
        source = IDX_SOURCES[whole]
        files = (
            source.train_images,
            source.train_labels,
            source.test_images,
            source.test_labels,
        )
        cache = Path(pooch.os_cache("infomax")) / whole
        at_hand = os.environ.get("INFOMAX_DATA") or all(
            (cache / f"{file.name}.gz").is_file() for file in files
        )
        if not at_hand and not os.environ.get("INFOMAX_REQUIRE_DATA"):
            pytest.skip(f"{whole} is not at hand: set INFOMAX_DATA, or INFOMAX_REQUIRE_DATA=1")
        return load_dataset(name)

    return load


@pytest.fixture(scope="session")
def tiny() -> Dataset:
    """Seventy samples of ten correlated inputs in three classes: a few milliseconds per epoch.

    Centred, so that no unit is active on all samples of a batch: the gradient of its bias would be
    zero but for rounding, which Adam turns into steps of full size.
    """
    rng = np.random.default_rng(0)
    mixing = rng.standard_normal((10, 10)) / 4

    def part(samples):
        labels = rng.integers(0, 3, samples)
        x = rng.standard_normal((samples, 10)) @ mixing + 0.8 * (
            labels[:, None] == np.arange(10) % 3
        )
        return torch.from_numpy((x - x.mean(0)).astype(np.float32)), torch.from_numpy(labels)

    return Dataset("tiny", *part(70), *part(40), None, "")


@pytest.fixture
def elsewhere(tmp_path_factory, monkeypatch):
    """Where a store keeps what its disk refuses."""
    folder = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.setattr(pooch, "os_cache", lambda name: folder)
    return folder / "infomax-unsaved"
