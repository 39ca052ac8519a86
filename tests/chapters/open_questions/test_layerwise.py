"""What layers of a stack say about their input: its own outputs, and the most there can be."""

import math

import pytest
import torch

from infomax_lib import load_dataset
from infomax_lib.model.layer import initial_parameters
from infomax_lib.model.streams import generator
from paper.chapters.open_questions.layerwise import (
    FORMS,
    LayerwiseSpec,
    layerwise_information,
    layerwise_specs,
)
from paper.chapters.open_questions.stacks import StackSpec, train_stacks
from paper.information.noisy_outputs import noisy_information

SPEC = LayerwiseSpec(
    dataset="digits", hidden_dim=4, epochs=2, depth=2, samples=200, seed=3, **FORMS["source"]
)


def bounds_of(a):
    draw = generator(SPEC.seed, "layerwise: noise")
    return noisy_information(a[: SPEC.samples], SPEC.noise, draw)


def test_first_and_last_epoch_are_those_of_the_layer_before_and_after(tmp_path):
    table = layerwise_information(SPEC, "cpu", tmp_path, progress=False)
    rows = table.set_index(["level", "epoch"])
    assert rows.index.tolist() == [(1, 0), (1, 1), (1, 2), (2, 0), (2, 1), (2, 2)]
    data = load_dataset("digits").to("cpu", torch.float32)
    weight, bias = initial_parameters(data.train.shape[1], 4, SPEC.seed)
    untrained = bounds_of(data.test @ weight.T + bias)
    assert rows.loc[(1, 0), "lower"] == pytest.approx(untrained.lower, abs=1e-4)
    stack = StackSpec(dataset="digits", hidden_dim=4, epochs=2, depth=2, **FORMS["source"])
    for level in train_stacks(stack, [SPEC.seed], data):
        trained = bounds_of(level.test[0])
        assert rows.loc[(level.depth, 2), "lower"] == pytest.approx(trained.lower, abs=1e-4)
        assert rows.loc[(level.depth, 2), "upper"] == pytest.approx(trained.upper, abs=1e-4)
    assert rows.loc[(1, 0), "lower"] != rows.loc[(1, 2), "lower"]


def test_no_layer_says_more_than_its_units_can(tmp_path):
    table = layerwise_information(SPEC.but(epochs=1), "cpu", tmp_path, progress=False)
    assert (table["lower"] < SPEC.hidden_dim / 2 * math.log(2)).all()
    assert (table["lower"] <= table["upper"]).all()


def test_only_the_form_and_the_seed_differ():
    forms = [layerwise_specs(form, "digits", 4, 2, 1) for form in FORMS]
    assert [len(specs) for specs in forms] == [2, 2, 2]
    assert forms[0][0].activation == "identity"
    assert [specs[0].competition for specs in forms] == ["none", "none", "softmax"]
