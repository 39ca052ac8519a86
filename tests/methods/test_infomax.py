"""This work as methods of the comparison: the layers of the engine, read elsewhere or on views."""

import pytest
import torch
from fits import fit

from infomax_lib import RunSpec, load_dataset
from infomax_lib.model.architectures import INFOMAX_SETTINGS
from infomax_lib.model.streams import generator
from infomax_lib.results.runs import trained_layer
from paper.methods import METHODS
from paper.methods.descent import Descent
from paper.methods.infomax.before_softmax import fit_many_on, infomax
from paper.methods.two_views import augment

SETTINGS = {"epochs": 2, "learning_rate": 3e-3, "batch_size": 64}
LAYERS = ("infomax_relu", "infomax_softmax")


@pytest.fixture(scope="module")
def images():
    return load_dataset("digits").train


def layer_of(name):
    spec = RunSpec(dataset="digits", hidden_dim=6, seed=3, **SETTINGS)
    return trained_layer(spec.but(**INFOMAX_SETTINGS[name]), store=None)


def test_b_before_its_softmax_is_the_layer_of_the_engine_read_as_relu(images):
    encoder, layer = fit("infomax_softmax_before", images, 6, 3, **SETTINGS), layer_of(LAYERS[1])
    torch.testing.assert_close(encoder.weight, layer.weight.detach(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(encoder.bias, layer.bias.detach(), rtol=1e-4, atol=1e-5)
    h = torch.relu(images @ encoder.weight.T + encoder.bias)
    torch.testing.assert_close(encoder.transform(images), h)


@pytest.mark.parametrize("name", LAYERS)
def test_objectives_on_views_are_those_of_a_and_b(name, images):
    """On views that change nothing, the layers are those of the engine."""
    setting = INFOMAX_SETTINGS[name]
    train = fit_many_on(infomax(setting["competition"], setting["lambda_tc"]), lambda x, draws: x)
    (encoder,) = train(images, 6, [3], Descent(**SETTINGS))
    torch.testing.assert_close(encoder.weight, layer_of(name).weight.detach(), rtol=1e-3, atol=1e-5)
    # and on views that change something they are others
    on_views = fit(f"{name}_views", images, 6, 3, **SETTINGS)
    assert (on_views.weight - encoder.weight).abs().max() > 0.01


def test_seeds_trained_together_follow_the_paths_that_they_follow_alone(images):
    for method in ("infomax_softmax_before", "infomax_relu_views", "infomax_softmax_views"):
        together = METHODS[method].fit(images[:300], 4, [1, 5], **SETTINGS)
        for seed, encoder in zip((1, 5), together, strict=True):
            alone = fit(method, images[:300], 4, seed, **SETTINGS)
            torch.testing.assert_close(encoder.weight, alone.weight, rtol=1e-4, atol=1e-6)


def test_one_view_is_drawn_as_two_are():
    pictures = torch.rand(1, 40, 81, dtype=torch.float32)
    one = augment.one_view(pictures.repeat(1, 2, 1), [generator(4, "augment")])
    assert torch.equal(one, augment.two_views(pictures, [generator(4, "augment")]))
    assert augment.one_view(pictures, [generator(4, "augment")]).shape == pictures.shape


def test_who_is_trained_on_views_says_so():
    on_views = {name for name, method in METHODS.items() if method.views}
    two_views = {name for name, method in METHODS.items() if method.family == "two views"}
    assert on_views == two_views | {"infomax_relu_views", "infomax_softmax_views"}
