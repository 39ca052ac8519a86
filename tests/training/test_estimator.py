"""The scikit-learn face: its conventions, and that it trains what the plain loop trains."""

import warnings

import numpy as np
import pytest
import torch
from joblib import Parallel, delayed
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from benchmarks.plain_loop import train_reference
from infomax_lib import InfoMax, RunSpec, SpecError
from infomax_lib.training import estimator


def test_scikit_learn_s_conventions():
    # on_skip: the array-API check needs an environment variable that SciPy reads at import
    check_estimator(InfoMax(n_components=2, max_iter=3, device="cpu"), on_skip=None)


@pytest.fixture
def x(tiny):
    return tiny.train.numpy()


class TestAgainstPlainLoop:
    @pytest.mark.parametrize("competition", ["none", "softmax"])
    @pytest.mark.parametrize("batch_size", [16, "full"])
    def test_weights_and_losses(self, tiny, x, competition, batch_size):
        model = InfoMax(
            4, activation="tanh", competition=competition, lambda_tc=2.0, lambda_wr=0.5,
            batch_size=batch_size, max_iter=4, random_state=7, device="cpu",
        ).fit(x)  # fmt: skip
        spec = RunSpec(
            hidden_dim=4, activation="tanh", competition=competition, lambda_tc=2.0, lambda_wr=0.5,
            batch_size=batch_size, epochs=4, seed=7,
        )  # fmt: skip
        weight, bias, history = train_reference(spec, tiny)
        assert_allclose(model.components_, weight, rtol=1e-4, atol=1e-5)
        assert_allclose(model.intercept_, bias, rtol=1e-4, atol=1e-5)
        assert_allclose(model.loss_curve_, history["loss"], rtol=1e-4)
        assert model.n_iter_ == len(model.loss_curve_) == 4

    def test_outputs(self, x):
        model = InfoMax(4, competition="softmax", max_iter=2, device="cpu").fit(x)
        z = torch.from_numpy(x @ model.components_.T + model.intercept_)
        assert_allclose(model.transform(x), torch.softmax(torch.relu(z), -1), rtol=1e-5)
        assert model.transform(x).dtype == np.float32
        assert model.transform(x.astype(float)).dtype == np.float64

    def test_nothing_of_the_data_is_modified(self, x):
        before = x.copy()
        InfoMax(3, max_iter=2, device="cpu").fit(x).transform(x)
        assert np.array_equal(x, before)


def test_in_a_pipeline(tiny, x):
    model = make_pipeline(
        InfoMax(6, max_iter=5, learning_rate=0.01, device="cpu"),
        StandardScaler(),
        LogisticRegression(),
    )
    labels = tiny.train_labels.numpy()
    score = clone(model).fit(x, labels).score(tiny.test.numpy(), tiny.test_labels.numpy())
    assert score > 0.5  # three classes
    names = model.fit(x, labels)[0].get_feature_names_out()
    assert names.tolist() == [f"infomax{k}" for k in range(6)]


def fit_and_transform(x, model):
    """In a worker, which says what it was lent."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return x.flags.writeable, model.fit(x).transform(x), clone(model).fit(x).components_


class TestBorrowedMemory:
    """Arrays that may only be read: joblib lends them its workers, pandas its users."""

    def test_of_joblib(self):
        x = np.random.default_rng(0).random((4000, 80), np.float32)
        assert x.nbytes > 2**20  # from here on joblib maps arrays into memory
        models = [InfoMax(3, max_iter=1, random_state=seed, device="cpu") for seed in range(2)]
        found = Parallel(2)(delayed(fit_and_transform)(x, model) for model in models)
        for model, (writeable, outputs, weights) in zip(models, found, strict=True):
            assert not writeable
            assert np.array_equal(outputs, model.fit(x).transform(x))
            assert np.array_equal(weights, model.components_)

    @pytest.mark.parametrize("order", ["C", "F"])
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_is_not_changed_and_gives_the_same(self, x, dtype, order):
        lent = np.array(x, dtype, order=order)
        lent.flags.writeable = False
        model = InfoMax(3, max_iter=2, device="cpu").fit(lent)
        assert np.array_equal(
            model.components_, InfoMax(3, max_iter=2, device="cpu").fit(x).components_
        )
        assert np.array_equal(lent, x)
        assert model.transform(lent).dtype == dtype

    def test_what_may_be_written_is_not_copied(self, x, monkeypatch):
        seen = []
        real = estimator.Population
        monkeypatch.setattr(
            estimator, "Population", lambda s, data, *to: (seen.append(data), real(s, data, *to))[1]
        )
        InfoMax(3, max_iter=1, device="cpu").fit(x)
        assert seen[0].train.data_ptr() == x.ctypes.data


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"random_state": -1}, "^random_state=-1 is not possible: Input should be greater than"),
        ({"n_components": 2.5}, "^n_components=2.5 is not possible: Input should be a valid int"),
        ({"max_iter": -1}, "^max_iter=-1 is not possible: Input should be greater than"),
        (
            {"competition": "top_k", "group_size": 3},
            "^group_size=3 is not possible for top_k of 16 units: choose a divisor of n_components",
        ),
        ({"objective": "none"}, "or max_iter=0 for an untrained layer$"),
        ({"n_components": 0, "max_iter": -1, "random_state": None}, "n_comp.*max_iter.*random_s"),
        ({"activation": "seed"}, "^activation='seed' is not possible"),
        ({"competition": "max"}, "choose one of none, softmax"),
        ({"activation": "gelu"}, "choose one of identity, relu"),
        ({"optimizer": "lion"}, "choose one of adam, sgd"),
        ({"n_components": 0}, "greater than or equal to 1"),
        ({"batch_size": 1}, "at least 2"),
        ({"lambda_tc": -1.0}, "greater than or equal to 0"),
        ({"random_state": None}, "valid integer"),
    ],
)
def test_impossible_settings_are_refused_on_fit(x, settings, message):
    with pytest.raises(SpecError, match=message):
        InfoMax(**{"device": "cpu"} | settings).fit(x)


def test_unknown_device(x):
    with pytest.raises(ValueError, match="unknown device"):
        InfoMax(device="tpu").fit(x)


def test_divergence_is_an_error_that_names_the_epoch(x):
    model = InfoMax(3, optimizer="sgd", learning_rate=1e30, max_iter=5, device="cpu")
    with pytest.raises(FloatingPointError, match=r"diverged in epoch 2: lower learning_rate"):
        model.fit(x)  # one step per epoch: the first loss was taken before it
    with pytest.raises(FloatingPointError, match=r"diverged in epoch 1"):
        model.set_params(batch_size=16).fit(x)
    with pytest.raises(FloatingPointError, match=r"diverged in epoch 1"):  # by its weights
        model.set_params(batch_size="full", learning_rate=1e39, max_iter=1).fit(x)
