"""The prior-art methods against independent references: enumeration, autograd, NumPy, loops."""

import itertools

import numpy as np
import pytest
import torch
from fits import fit

from infomax_lib.model.layer import initial_parameters
from infomax_lib.model.streams import generator
from paper.methods import METHODS, FitError, descent
from paper.methods.components import pca
from paper.methods.controls import supervised
from paper.methods.density import rbm
from paper.methods.encoders import encoders_of
from paper.methods.reconstruction import autoencoder

DOUBLE = torch.float64


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=DOUBLE)


@pytest.fixture(scope="module")
def images():
    """A little data set with structure, in [0, 1]: noisy binary prototypes."""
    random = torch.Generator().manual_seed(1)
    prototypes = torch.rand(5, 30, generator=random) < 0.4
    labels = torch.randint(0, 5, (301,), generator=random)
    flip = torch.rand(301, 30, generator=random) < 0.1
    return (prototypes[labels] ^ flip).double(), labels


# --- restricted Boltzmann machine: every expectation is a finite sum -----------------------------


@pytest.fixture
def tiny_rbm():
    """Two machines with 4 visible and 3 hidden units, and all their states."""
    parameters = {
        "weight": draw(2, 3, 4, seed=1),
        "bias": draw(2, 3, seed=2),
        "offset": draw(2, 4, seed=3),
    }
    states = {
        n: torch.tensor(list(itertools.product([0.0, 1.0], repeat=n)), dtype=DOUBLE) for n in (3, 4)
    }
    return parameters, states[4], states[3]


def negative_energy(p, v, h):
    """-E(v, h) for all pairs of states, (S, V, H), written from the definition."""
    return (
        torch.einsum("vd,sd->sv", v, p["offset"])[:, :, None]
        + torch.einsum("hk,sk->sh", h, p["bias"])[:, None]
        + torch.einsum("hk,skd,vd->svh", h, p["weight"], v)
    )


def test_free_energy_is_the_sum_over_hidden_states(tiny_rbm):
    p, v, h = tiny_rbm
    expected = -torch.logsumexp(negative_energy(p, v, h), dim=2)
    torch.testing.assert_close(rbm.free_energy(p, v.expand(2, -1, -1)), expected)


def test_conditional_probabilities_match_enumeration(tiny_rbm):
    p, v, h = tiny_rbm
    joint = negative_energy(p, v, h).exp()
    hidden = torch.einsum("svh,hk->svk", joint / joint.sum(2, keepdim=True), h)
    visible = torch.einsum("svh,vd->shd", joint / joint.sum(1, keepdim=True), v)
    torch.testing.assert_close(rbm.hidden_probability(p, v.expand(2, -1, -1)), hidden)
    torch.testing.assert_close(rbm.visible_probability(p, h.expand(2, -1, -1)), visible)


def test_contrast_with_model_samples_is_the_likelihood_gradient(tiny_rbm):
    """With all states, in their model proportions, as negative phase: d(-log p)/dθ exactly."""
    p, v, _ = tiny_rbm
    data = v[[3, 9, 9, 14]].expand(2, -1, -1)
    leaves = {name: value.clone().requires_grad_() for name, value in p.items()}
    free = rbm.free_energy(leaves, v.expand(2, -1, -1))
    log_partition = torch.logsumexp(-free, dim=1)
    loss = (rbm.free_energy(leaves, data).mean(1) + log_partition).sum()
    expected = dict(zip(leaves, torch.autograd.grad(loss, leaves.values()), strict=True))

    probability = torch.softmax(-free.detach(), dim=1)
    hidden = rbm.hidden_probability(p, data)
    gradient = {name: torch.zeros_like(value) for name, value in p.items()}
    for i in range(len(v)):  # one state at a time, repeated to the size of the data batch
        state = v[i].expand_as(data)
        term = rbm.contrast(data, hidden, state, rbm.hidden_probability(p, state))
        for name, value in term.items():
            weight = probability[:, i].reshape(-1, *[1] * (value.ndim - 1))
            gradient[name] += weight * value
    for name, value in expected.items():
        torch.testing.assert_close(gradient[name], value)


def test_cd1_has_the_enumerated_expectation(tiny_rbm):
    """Averaged over its random hidden states, CD-1 equals the sum over all of them."""
    p, v, h = tiny_rbm
    data = v[[5, 12]].expand(2, -1, -1)
    probability = rbm.hidden_probability(p, data)
    visible = rbm.visible_probability(p, h.expand(2, -1, -1))  # of every hidden state (S, H, D)
    chosen = torch.where(h[:, None, None] > 0, probability, 1 - probability).prod(-1)  # (H, S, B)
    again = rbm.hidden_probability(p, visible)
    expected = torch.einsum("hsb,shk,shd->skd", chosen, again, visible) / 2
    expected = expected - torch.einsum("sbk,sbd->skd", probability, data) / 2

    draws = 40_000
    repeated = data.repeat_interleave(draws, dim=1)
    uniform = torch.rand(2, 2 * draws, 3, generator=torch.Generator().manual_seed(0), dtype=DOUBLE)
    sampled = rbm.cd(p, repeated, lambda _: uniform, steps=1)["weight"]
    # standard error of a mean of 80 000 terms bounded by 1 is below 0.0018
    torch.testing.assert_close(sampled, expected, atol=0.009, rtol=0)


def test_cd1_of_one_sample_and_given_draws(tiny_rbm):
    """Probabilities, not the sampled states, enter the positive phase (Hinton 2012, 3.3)."""
    p, v, _ = tiny_rbm
    W, b, o = (p[name][0] for name in ("weight", "bias", "offset"))
    probability = torch.sigmoid(W @ v[6] + b)
    uniform = torch.tensor([0.1, 0.99, 0.3], dtype=DOUBLE)
    visible = torch.sigmoid(W.T @ (uniform < probability).double() + o)
    again = torch.sigmoid(W @ visible + b)
    first = {name: value[:1] for name, value in p.items()}
    gradient = rbm.cd(first, v[6][None, None], lambda _: uniform[None, None], steps=1)
    expected = torch.outer(again, visible) - torch.outer(probability, v[6])
    torch.testing.assert_close(gradient["weight"][0], expected)
    torch.testing.assert_close(gradient["bias"][0], again - probability)
    torch.testing.assert_close(gradient["offset"][0], visible - v[6])


def test_rbm_learns_to_give_data_a_lower_free_energy_than_noise(images):
    X, _ = images
    encoder = fit("rbm", X, 8, 0, epochs=30, learning_rate=0.1, batch_size=32)
    start = fit("rbm", X, 8, 0, epochs=1, learning_rate=1e-9, batch_size=32)
    pixel_noise = X[:, torch.randperm(30, generator=torch.Generator().manual_seed(0))]

    def gap(layer):
        offset = torch.zeros(1, 30, dtype=DOUBLE)  # the same for both, so it may be left out
        p = {"weight": layer.weight[None], "bias": layer.bias[None], "offset": offset}
        energy = [rbm.free_energy(p, x[None]).mean() for x in (X, pixel_noise)]
        return float(energy[1] - energy[0])

    assert gap(encoder) > gap(start) + 5


def test_rbm_refuses_what_is_no_probability(images):
    with pytest.raises(FitError, match=r"\[0, 1\]"):
        fit("rbm", images[0] * 2, 4, 0, epochs=1, learning_rate=0.1, batch_size=32)


# --- gradients of the descending models ----------------------------------------------------------


def test_autoencoder_loss_and_gradients_match_autograd():
    p = {
        "weight": draw(2, 3, 5, seed=1),
        "bias": draw(2, 3, seed=2),
        "decoder": draw(2, 3, 5, seed=3),
        "offset": draw(2, 5, seed=4),
    }
    x = torch.rand(2, 7, 5, generator=torch.Generator().manual_seed(5), dtype=DOUBLE)
    leaves = {name: value.clone().requires_grad_() for name, value in p.items()}
    losses = []
    for s in range(2):  # one model at a time, in the plain words of torch.nn.functional
        hidden = torch.nn.functional.linear(x[s], leaves["weight"][s], leaves["bias"][s]).relu()
        output = (hidden @ leaves["decoder"][s] + leaves["offset"][s]).sigmoid()
        losses.append(((x[s] - output) ** 2).sum() / 7)
    expected = torch.autograd.grad(sum(losses), leaves.values())

    loss, gradients = autoencoder.loss_and_gradients(p, x)
    torch.testing.assert_close(loss, torch.stack(losses))
    for name, value in zip(leaves, expected, strict=True):
        torch.testing.assert_close(gradients[name], value)


def test_supervised_loss_and_gradients_match_autograd():
    p = {
        "weight": draw(2, 3, 5, seed=1),
        "bias": draw(2, 3, seed=2),
        "head": draw(2, 4, 3, seed=3),
        "head_bias": draw(2, 4, seed=4),
    }
    x = draw(2, 7, 5, seed=5)
    labels = torch.tensor([[0, 1, 2, 3, 0, 1, 3], [3, 3, 1, 0, 2, 2, 1]])
    leaves = {name: value.clone().requires_grad_() for name, value in p.items()}
    losses = []
    for s in range(2):
        hidden = torch.nn.functional.linear(x[s], leaves["weight"][s], leaves["bias"][s]).relu()
        logits = torch.nn.functional.linear(hidden, leaves["head"][s], leaves["head_bias"][s])
        losses.append(torch.nn.functional.cross_entropy(logits, labels[s]))
    expected = torch.autograd.grad(sum(losses), leaves.values())

    loss, gradients = supervised.loss_and_gradients(p, x, labels)
    torch.testing.assert_close(loss, torch.stack(losses))
    for name, value in zip(leaves, expected, strict=True):
        torch.testing.assert_close(gradients[name], value)


DESCENT = {
    "autoencoder": {"learning_rate": 1e-2},
    "rbm": {"learning_rate": 0.1},
    "supervised": {"learning_rate": 1e-2},
}


@pytest.mark.parametrize("method", DESCENT)
def test_a_seed_trained_in_a_stack_equals_the_seed_trained_alone(method, images):
    X, labels = images
    settings = {"epochs": 4, "batch_size": 64} | DESCENT[method]
    if method == "supervised":
        settings["labels"] = labels
    together = METHODS[method].fit(X, 6, [3, 11, 42], **settings)
    for seed, encoder in zip([3, 11, 42], together, strict=True):
        alone = fit(method, X, 6, seed, **settings)
        torch.testing.assert_close(encoder.weight, alone.weight, rtol=0, atol=1e-10)
        torch.testing.assert_close(encoder.bias, alone.bias, rtol=0, atol=1e-10)
    assert (together[0].weight - together[1].weight).abs().max() > 0.01


@pytest.mark.parametrize("method", ["autoencoder", "supervised"])
def test_training_equals_a_plain_loop_with_a_torch_module(method, images):
    """One seed, written as anybody would write it in PyTorch, sees the same weights."""
    X, labels = images
    K, epochs = 6, 3
    weight, bias = initial_parameters(30, K, 7)
    purpose, rows = ("decoder", 30) if method == "autoencoder" else ("head", 5)
    second = torch.nn.Linear(K, rows, dtype=DOUBLE)
    shape = (K, 30) if method == "autoencoder" else (5, K)
    start = descent.xavier([7], *shape, purpose, X)[0]
    first = torch.nn.Linear(30, K, dtype=DOUBLE)
    with torch.no_grad():
        first.weight.copy_(weight)
        first.bias.copy_(bias)
        second.weight.copy_(start.T if method == "autoencoder" else start)
        second.bias.zero_()
    optimizer = torch.optim.Adam([*first.parameters(), *second.parameters()], lr=1e-2)
    order = generator(7, "order")
    for _ in range(epochs):
        for rows in torch.randperm(len(X), generator=order).split(50):
            x, y = X[rows], labels[rows]
            if len(rows) == 1:  # the library leaves out a batch of one
                continue
            output = second(first(x).relu())
            if method == "autoencoder":
                loss = (output.sigmoid() - x).square().sum(1).mean()
            else:
                loss = torch.nn.functional.cross_entropy(output, y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    settings = {"labels": labels} if method == "supervised" else {}
    (encoder,) = METHODS[method].fit(
        X, K, [7], epochs=epochs, learning_rate=1e-2, batch_size=50, **settings
    )
    torch.testing.assert_close(encoder.weight, first.weight.detach(), rtol=0, atol=1e-10)
    torch.testing.assert_close(encoder.transform(X), first(X).relu().detach(), rtol=0, atol=1e-9)


def test_a_seed_that_diverges_leaves_the_others_alone(images):
    X, _ = images
    p = {"weight": torch.stack([X[:4], X[:4] * float("nan")]), "bias": torch.zeros(2, 4)}
    good, bad = encoders_of(p["weight"], p["bias"], "relu")
    assert torch.equal(good.weight, X[:4])
    assert isinstance(bad, FitError)
    assert "finite" in str(bad)


def test_a_nan_stays_in_its_slice_of_the_stack():
    p = {
        "weight": draw(2, 3, 5),
        "bias": draw(2, 3),
        "decoder": draw(2, 3, 5),
        "offset": draw(2, 5),
    }
    p["weight"][1, 0, 0] = float("nan")
    _, gradients = autoencoder.loss_and_gradients(p, draw(2, 7, 5).sigmoid())
    assert all(g[0].isfinite().all() for g in gradients.values())
    assert gradients["decoder"][1].isnan().any()


def test_autoencoder_refuses_data_out_of_range(images):
    with pytest.raises(FitError, match=r"leave \[0, 1\]; rescale"):
        fit("autoencoder", images[0] - 1, 4, 0, epochs=1, learning_rate=1e-3, batch_size=32)


# --- methods in closed form and from scikit-learn ------------------------------------------------


def test_untrained_is_the_start_of_an_infomax_layer(images):
    X, _ = images
    encoder = fit("untrained", X, 6, 5)
    weight, _ = initial_parameters(30, 6, 5)
    torch.testing.assert_close(encoder.weight, weight.double())
    torch.testing.assert_close(encoder.transform(X), (X @ weight.T.double()).clamp(min=0))


def test_pca_matches_the_singular_value_decomposition(images):
    X, _ = images
    encoder = fit("pca", X, 6, 0)
    centred = X.numpy() - X.numpy().mean(0)
    left, values, right = np.linalg.svd(centred, full_matrices=False)
    signs = np.sign((encoder.weight.numpy() * right[:6]).sum(1))
    np.testing.assert_allclose(encoder.weight.numpy() * signs[:, None], right[:6], atol=1e-10)
    projections = encoder.transform(X).numpy() * signs
    np.testing.assert_allclose(projections, left[:, :6] * values[:6], atol=1e-9)
    _, variances, _ = pca.principal_components(X, 6)
    np.testing.assert_allclose(variances.numpy(), values[:6] ** 2 / (len(X) - 1), rtol=1e-10)


def test_pca_relu_keeps_one_half_and_the_seed_decides_which(images):
    X, _ = images
    signed = fit("pca", X, 6, 0).transform(X)
    kept = [fit("pca_relu", X, 6, seed).transform(X) for seed in (0, 1)]
    torch.testing.assert_close(kept[0], signed.relu())
    halves = [torch.equal(kept[1][:, k], kept[0][:, k]) for k in range(6)]
    mirrored = fit("pca", X, 6, 1).transform(X)
    for k, same in enumerate(halves):
        torch.testing.assert_close(mirrored[:, k], signed[:, k] if same else -signed[:, k])
    assert not all(halves)


@pytest.mark.parametrize("method", ["pca", "fastica"])
def test_more_components_than_dimensions_is_a_failure_that_says_what_to_do(method, images):
    X = images[0].clone()
    X[:, :3] = 1.0  # three constant pixels: 27 dimensions remain
    settings = {"epochs": 10} if method == "fastica" else {}
    with pytest.raises(FitError, match="hidden_dim <= 27"):
        fit(method, X, 28, 0, **settings)
    assert fit(method, X, 27, 0, **settings).weight.shape == (27, 30)


def test_triangle_features_match_the_formula_of_coates_et_al(images):
    X, _ = images
    encoder = fit("kmeans", X, 6, 0, epochs=50)
    features = encoder.transform(X)
    for x, feature in zip(X[:20], features, strict=False):
        distances = [float(((x - c) ** 2).sum() ** 0.5) for c in encoder.centres]
        mean = sum(distances) / 6
        expected = [max(0.0, mean - z) for z in distances]
        np.testing.assert_allclose(feature.numpy(), expected, atol=1e-9)


def test_kmeans_centres_are_the_means_of_their_regions(images):
    """The stationarity condition of Lloyd's algorithm."""
    X, _ = images
    centres = fit("kmeans", X, 5, 0, epochs=300).centres
    region = torch.cdist(X, centres).argmin(1)
    means = torch.stack([X[region == k].mean(0) for k in range(5)])
    torch.testing.assert_close(means, centres, atol=1e-8, rtol=0)
    with pytest.raises(FitError, match="301 samples"):
        fit("kmeans", X, 302, 0, epochs=1)


def test_fastica_recovers_sources_up_to_order_sign_and_scale():
    random = np.random.default_rng(0)
    sources = np.stack(
        [random.laplace(size=5000), random.uniform(-1, 1, 5000), random.exponential(size=5000)], 1
    )
    mixing = random.normal(size=(3, 3))
    mixed = torch.from_numpy(sources @ mixing.T + 2.0)
    encoder = fit("fastica", mixed, 3, 0, epochs=200)
    found = encoder.transform(mixed).numpy()
    assert encoder.note is None
    correlation = np.abs(np.corrcoef(sources.T, found.T)[:3, 3:])
    assert (correlation.max(0) > 0.99).all()
    assert sorted(correlation.argmax(0)) == [0, 1, 2]
    np.testing.assert_allclose(np.cov(found.T), np.eye(3), atol=2e-3)


def test_fastica_says_when_it_has_not_converged(images):
    assert "not converged after 2" in fit("fastica", images[0], 6, 0, epochs=2).note
