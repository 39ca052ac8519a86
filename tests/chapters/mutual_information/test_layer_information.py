"""Information of layers: against closed forms, loops, and layers trained one by one."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import torch

from benchmarks.plain_loop import train_reference
from infomax_lib import RunSpec, SpecError, grid, load_dataset, run
from infomax_lib.model.architectures import layer_outputs
from infomax_lib.model.streams import generator
from paper.chapters.mutual_information.measured import layer_information
from paper.chapters.mutual_information.measured.layer_information import (
    LayerInformationSpec,
    closed_form_information,
    linear_channel_table,
)
from paper.information.entropy import gaussian_mutual_information
from paper.information.noisy_outputs import noisy_information

F64 = torch.float64
BASE = LayerInformationSpec(dataset="digits", hidden_dim=6, epochs=2)


def stream(seed=0):
    return torch.Generator().manual_seed(seed)


def measured(specs, store):
    return layer_information.layer_information(specs, "cpu", store, progress=False)


def outputs_alone(spec, data):
    """Test outputs of the layer of a spec, trained by a plain loop."""
    settings = {name: getattr(spec, name) for name in RunSpec.model_fields}
    weight, bias, _ = train_reference(RunSpec(**settings), data)
    return weight, layer_outputs(spec, weight, bias, data.test)


# --- linear units of Gaussian inputs -------------------------------------------------------------


@pytest.mark.parametrize("noise", [0.1, 1.0, 4.0])
def test_closed_form_is_that_of_the_joint_covariance(noise):
    weight = torch.randn(3, 5, generator=stream(), dtype=F64)
    root = torch.randn(5, 5, generator=stream(1), dtype=F64)
    inputs = root @ root.T
    scaled = weight / (weight @ inputs @ weight.T).diagonal().sqrt()[:, None]
    outputs = scaled @ inputs @ scaled.T + noise**2 * torch.eye(3, dtype=F64)
    joint = torch.cat(
        [torch.cat([inputs, inputs @ scaled.T], 1), torch.cat([scaled @ inputs, outputs], 1)]
    )
    expected = gaussian_mutual_information(joint, 5).item()
    assert closed_form_information(weight, inputs, noise) == pytest.approx(expected)
    louder = weight * torch.tensor([[100.0], [0.01], [-3.0]], dtype=F64)
    assert closed_form_information(louder, inputs, noise) == pytest.approx(expected)


def test_a_unit_without_variance_adds_nothing_and_a_twin_little():
    weight, inputs = torch.eye(3, dtype=F64)[:2], torch.diag(torch.tensor([2.0, 1.0, 0.0]))
    two = closed_form_information(weight, inputs, 0.5)
    assert two == pytest.approx(2 * 0.5 * math.log(1 + 4))
    assert closed_form_information(torch.eye(3), inputs, 0.5) == pytest.approx(two)
    twins = closed_form_information(weight[[0, 0]], inputs, 0.5)
    assert twins == pytest.approx(0.5 * math.log(1 + 8))


def test_impossible_channels_are_refused():
    with pytest.raises(ValueError, match="without noise"):
        closed_form_information(torch.eye(2), torch.eye(2), 0.0)
    with pytest.raises(ValueError, match=r"shape \(2, 2\), got \(3, 3\)"):
        closed_form_information(torch.ones(4, 2), torch.eye(3), 1.0)


def test_bounds_enclose_the_closed_form():
    table = linear_channel_table(noises=(0.3, 2.0, 5.0), hidden_dim=4, samples=600, seeds=4)
    assert len(table) == 12
    assert table.groupby("seed")["closed_form"].apply(lambda v: v.is_monotonic_decreasing).all()
    means = table.groupby("noise").mean()
    below, above = means["closed_form"] - means["lower"], means["upper"] - means["closed_form"]
    assert below.min() > -0.05
    assert above.min() > -0.05
    assert below[2.0] < 0.1
    assert above[2.0] < 0.1
    assert (table["lower"] <= math.log(600)).all()
    np.testing.assert_allclose(table["gaussian"], table["closed_form"], rtol=0.05)


# --- layers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("competition", ["none", "softmax"])
def test_a_row_is_that_of_the_layer_trained_alone(tmp_path, competition):
    spec = BASE.but(competition=competition, noise=0.8, samples=200, seed=3)
    row = measured(spec, tmp_path).iloc[0]
    data = load_dataset("digits")
    _, a = outputs_alone(spec, data)
    pick = torch.randperm(len(a), generator=generator(3, "layer information: images"))[:200]
    chosen = a[pick].double()
    y = (chosen - chosen.mean(0)) / chosen.std(0)
    drawn = torch.randn(y.shape, generator=generator(3, "layer information: noise"), dtype=F64)
    f = torch.distributions.Normal(y[None], 0.8).log_prob((y + 0.8 * drawn)[:, None]).sum(-1)
    others = f.masked_fill(torch.eye(200, dtype=torch.bool), -math.inf)
    lower = f.diag() - f.logsumexp(1) + math.log(200)
    upper = f.diag() - others.logsumexp(1) + math.log(199)
    r = torch.from_numpy(np.corrcoef(y.T.numpy()))
    gaussian = torch.logdet(torch.eye(6, dtype=F64) + r / 0.8**2).item() / 2
    assert row["lower"] == pytest.approx(lower.mean().item(), rel=1e-3)
    assert row["upper"] == pytest.approx(upper.mean().item(), rel=1e-3)
    assert row["gaussian"] == pytest.approx(gaussian, rel=1e-3)
    assert row["images"] == 200
    assert row["failed"] is None


def test_other_measures_are_those_of_the_run(tmp_path):
    specs = grid(BASE, competition=["none", "softmax"], seed=[0, 1])
    table = measured(specs, tmp_path)
    runs = [RunSpec(**{name: getattr(s, name) for name in RunSpec.model_fields}) for s in specs]
    reference = run(runs, "cpu", tmp_path, progress=False)
    for name in ("weight_redundancy", "output_correlation", "dead_units", "row_norm"):
        np.testing.assert_allclose(table[name], reference[name], rtol=1e-3, err_msg=name)
    np.testing.assert_allclose(table["probe_accuracy"], reference["probe_accuracy"], atol=1.5 / 360)
    again = measured(specs, tmp_path)
    pd.testing.assert_frame_equal(again, table)


def test_the_gaussian_bound_is_the_closed_form_for_linear_units(tmp_path):
    """The covariance of the images is what a linear layer sees of them."""
    spec = BASE.but(activation="identity", noise=0.5)
    row = measured(spec, tmp_path).iloc[0]
    data = load_dataset("digits")
    weight, _ = outputs_alone(spec, data)
    images = torch.from_numpy(np.cov(data.test.double().T.numpy()))
    expected = closed_form_information(weight, images, 0.5)
    assert row["gaussian"] == pytest.approx(expected, rel=1e-3)
    assert row["images"] == len(data.test)  # fewer than were asked for


def test_one_training_for_all_levels_of_noise(tmp_path, monkeypatch):
    trained = []
    population = layer_information.Population

    def counted(specs, *args):
        trained.extend(specs)
        return population(specs, *args)

    monkeypatch.setattr(layer_information, "Population", counted)
    specs = grid(BASE, noise=[0.5, 1.0, 2.0], samples=[100, 360], seed=[0, 1])
    table = measured(specs, tmp_path)
    assert len(trained) == 2
    assert table["key"].nunique() == 12
    by_noise = table[table["samples"] == 360].pivot(index="seed", columns="noise", values="lower")
    assert (by_noise.diff(axis=1).iloc[:, 1:] < 0).all(axis=None)
    assert (table["lower"] <= np.log(table["images"])).all()
    assert (table["lower"] < table["upper"]).all()
    alone = measured(specs[-1], tmp_path / "alone").iloc[0]
    assert alone["lower"] == pytest.approx(table["lower"].iloc[-1], rel=1e-3)
    trained.clear()
    more = measured([*specs, BASE.but(noise=4.0, seed=1)], tmp_path)
    assert [spec.seed for spec in trained] == [1]
    assert more["lower"].tolist()[:-1] == table["lower"].tolist()


def test_the_scale_of_a_unit_does_not_matter():
    a = torch.randn(300, 4, generator=stream()) @ torch.randn(4, 4, generator=stream(1))
    spec = BASE.but(noise=0.7, samples=300)
    plain = layer_information._bounds(spec, a)
    tiny = layer_information._bounds(spec, a * torch.tensor([1e-12, 1e-3, 1.0, 1e9]))
    for name in ("lower", "upper", "gaussian"):
        assert tiny[name] == pytest.approx(plain[name], rel=1e-4), name
    assert plain["lower"] < plain["gaussian"] + 0.1
    silent = torch.cat([a, torch.full((300, 1), 0.1)], 1)
    scaled = layer_information._standardised(silent)
    assert (scaled[:, 4] == 0).all()
    assert layer_information._bounds(spec, silent)["gaussian"] == pytest.approx(plain["gaussian"])
    order = torch.randperm(300, generator=generator(spec.seed, "layer information: images"))
    noise = generator(spec.seed, "layer information: noise")
    expected = noisy_information(a[order], 0.7, noise)
    assert plain["lower"] == pytest.approx(expected.lower)


def test_layers_that_diverge_say_so_and_leave_their_neighbours_alone(tmp_path):
    specs = grid(BASE.but(optimizer="sgd"), learning_rate=[1e30, 1e-3])
    table = measured(specs, tmp_path)
    unknown = ["lower", "upper", "gaussian", "probe_accuracy"]
    assert table.loc[0, unknown].isna().all()
    assert "diverged" in table.loc[0, "failed"]
    assert table.loc[1, unknown].notna().all()
    assert pd.isna(table.loc[1, "failed"])
    pd.testing.assert_frame_equal(measured(specs, tmp_path), table)


def test_impossible_settings_are_refused():
    for fields in ({"noise": 0.0}, {"noise": math.inf}, {"samples": 1}, {"bound": "nce"}):
        with pytest.raises(SpecError):
            LayerInformationSpec(**fields)
    with pytest.raises(TypeError, match="LayerInformationSpec"):
        measured([RunSpec(dataset="digits")], None)
    assert BASE.key != BASE.but(noise=0.5).key != BASE.but(samples=100).key
