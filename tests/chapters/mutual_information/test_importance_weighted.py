"""Bounds on log p(x) by k draws: exact cases, an independent formula, and their order in k."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Bernoulli, Independent, Normal

from infomax_lib import SpecError, grid
from paper.chapters.mutual_information.measured.importance_weighted import (
    ImportanceWeightedSpec,
    VariationalAutoencoder,
    importance_weighted_bound,
    train_importance_weighted,
)

QUICK = ImportanceWeightedSpec(dataset="digits", latents=3, hidden=16, steps=30, seed=0)


def stream(seed=0):
    return torch.Generator().manual_seed(seed)


def model_and_data(seed=0):
    model = VariationalAutoencoder(6, 2, 5, stream(seed)).double()
    x = (torch.rand(4, 6, generator=stream(1)) > 0.5).double()
    return model, x


def test_log_weights_are_those_of_the_distributions():
    model, x = model_and_data()
    noise = torch.randn(3, 4, 2, generator=stream(2), dtype=torch.float64)
    mean, log_std = model.posterior(x)
    z = mean + log_std.exp() * noise
    expected = (
        Independent(Bernoulli(logits=model.decoder(z)), 1).log_prob(x.expand(3, 4, 6))
        + Independent(Normal(torch.zeros_like(z), 1), 1).log_prob(z)
        - Independent(Normal(mean, log_std.exp()), 1).log_prob(z)
    )
    assert torch.allclose(model.log_weights(x, noise), expected)


def test_bound_and_its_gradient_are_those_of_the_formula():
    log_weights = torch.randn(3, 4, generator=stream(), dtype=torch.float64).requires_grad_()
    expected = [math.log(sum(math.exp(v) for v in row) / 3) for row in log_weights.T.tolist()]
    assert importance_weighted_bound(log_weights).tolist() == pytest.approx(expected)
    assert torch.autograd.gradcheck(importance_weighted_bound, log_weights)


@pytest.mark.parametrize("draws", [1, 5, 50])
def test_every_bound_is_exact_where_the_posterior_is_the_prior(draws):
    model, x = model_and_data()
    with torch.no_grad():
        for part in (model.encoder, model.decoder):
            for parameter in part.parameters():
                parameter.zero_()
        model.decoder[2].bias.copy_(torch.linspace(-1, 1, 6))
    noise = torch.randn(draws, 4, 2, generator=stream(3), dtype=torch.float64)
    exact = Bernoulli(logits=torch.linspace(-1, 1, 6, dtype=torch.float64)).log_prob(x).sum(-1)
    assert torch.allclose(importance_weighted_bound(model.log_weights(x, noise)), exact)


def test_more_draws_bound_more_tightly():
    model, x = model_and_data()
    with torch.no_grad():
        model.decoder[0].weight.mul_(5)  # a posterior that is far from q
    noise = torch.randn(4000, 4, 2, generator=stream(4), dtype=torch.float64)
    log_weights = model.log_weights(x, noise).detach()
    means = [
        importance_weighted_bound(log_weights.view(k, -1, 4).flatten(1)).mean().item()
        for k in (1, 4, 20, 200)
    ]
    assert means == sorted(means)
    assert means[-1] > means[0] + 0.01


def test_training_raises_the_bound_and_is_remembered(tmp_path):
    specs = grid(QUICK, draws=[1, 4], steps=[0, 150])
    table = train_importance_weighted(specs, "cpu", tmp_path, progress=False)
    bounds = table.set_index(["draws", "steps"])["bound"]
    for draws in (1, 4):
        assert bounds[draws, 150] > bounds[draws, 0] + 3
    assert (table["likelihood"] >= table["elbo"]).all()
    gap = table["likelihood"] - table["elbo"]
    assert table["inference_gap"].tolist() == pytest.approx(gap.tolist())
    assert table["accuracy"].between(0, 1).all()
    again = train_importance_weighted(specs, "cpu", tmp_path, progress=False)
    assert again["bound"].tolist() == table["bound"].tolist()


def test_a_seed_fixes_everything(tmp_path):
    runs = [
        train_importance_weighted(QUICK.but(seed=seed), "cpu", tmp_path / name, progress=False)
        for seed, name in ((0, "a"), (0, "b"), (1, "c"))
    ]
    first, again, other = (run["bound"][0] for run in runs)
    assert first == again != other


def test_a_training_that_blows_up_is_kept_with_its_reason(tmp_path):
    broken = QUICK.but(learning_rate=1e30)
    row = train_importance_weighted(broken, "cpu", tmp_path, progress=False).iloc[0]
    assert row["failed"] == "the bound is not a finite number"
    assert math.isnan(row["accuracy"])


def test_impossible_settings_are_refused():
    for fields in ({"draws": 0}, {"latents": 0}, {"dataset": "cifar"}):
        with pytest.raises(SpecError):
            ImportanceWeightedSpec(**fields)
