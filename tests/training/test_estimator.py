"""The scikit-learn face: its conventions, and that it trains what the plain loop trains."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from benchmarks.plain_loop import train_reference
from infomax_lib import InfoMax, RunSpec, SpecError


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


@pytest.mark.parametrize(
    ("settings", "message"),
    [
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
