"""Mixtures, ICA, sparse filtering, Boltzmann machines and Hebbian learning against references.

The references are written anew here: autograd, enumeration of states, loops, SciPy, scikit-learn.
"""

import itertools
import math
import sys

import numpy as np
import pytest
import torch
from fits import fit
from scipy.optimize import linear_sum_assignment
from scipy.stats import multivariate_normal
from sklearn.mixture import GaussianMixture

from paper.methods import METHODS, FitError
from paper.methods.components import rica, sparse_filtering
from paper.methods.density import gmm, rbm, softhebb

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
    return (prototypes[labels] ^ flip).double()


@pytest.fixture(scope="module")
def mixed():
    """Four heavy-tailed sources and their mixture, off the origin: (N, 4) each."""
    random = np.random.default_rng(0)
    sources = random.laplace(size=(5000, 4))
    mixing = random.normal(size=(4, 4))
    return sources, torch.from_numpy(sources @ mixing.T + 2.0)


def matched(a, b):
    """Features of `b` in the order and with the signs that fit those of `a` best (NumPy)."""
    count = a.shape[1]
    correlation = np.corrcoef(a.T, b.T)[:count, count:]
    order = linear_sum_assignment(-np.abs(correlation))[1]
    return b[:, order] * np.sign(correlation[np.arange(count), order])


# --- InfoMax by maximum likelihood ---------------------------------------------------------------


def negative_entropy(weight, x):
    """-log |det W| - mean Σ log σ'(u), Bell & Sejnowski's objective from its definition."""
    sigmoid = torch.sigmoid(x @ weight.T)
    slope = sigmoid * (1 - sigmoid)
    return -torch.linalg.slogdet(weight)[1] - slope.log().sum(1).mean()


def test_picard_maximises_the_entropy_of_sigmoid_outputs(mixed):
    _, x = mixed
    encoder = fit("picard", x, 4, 0, epochs=200)
    assert encoder.note is None
    weight = encoder.weight.clone().requires_grad_()
    loss = negative_entropy(weight, x - x.mean(0))
    (gradient,) = torch.autograd.grad(loss, weight)
    relative = (gradient @ weight.T).detach()
    assert float(relative.abs().max()) < 1e-4
    for seed in range(5):
        moved = torch.linalg.matrix_exp(0.02 * draw(4, 4, seed=seed)) @ weight.detach()
        assert negative_entropy(moved, x - x.mean(0)) > loss.detach()


def test_picard_recovers_sources_up_to_order_sign_and_scale(mixed):
    sources, x = mixed
    found = matched(sources, fit("picard", x, 4, 3, epochs=200).transform(x).numpy())
    for k in range(4):
        assert np.corrcoef(sources[:, k], found[:, k])[0, 1] > 0.995
    np.testing.assert_allclose(found.mean(0), 0, atol=1e-9)


def test_picard_and_fastica_agree(mixed):
    """On the orthogonal model with the contrast log cosh, two algorithms find one solution."""
    _, x = mixed
    ours = fit("picard", x, 4, 0, epochs=200, orthogonal=True)
    theirs = fit("fastica", x, 4, 1, epochs=500)
    assert ours.note is None
    assert theirs.note is None
    a, b = ours.transform(x).numpy(), theirs.transform(x).numpy()
    np.testing.assert_allclose(matched(a, b), a, atol=0.02)
    np.testing.assert_allclose(a.T @ a / (len(a) - 1), np.eye(4), atol=1e-8)


def test_picard_says_when_it_has_not_converged_and_when_it_cannot_be(images):
    assert "not converged after 3" in fit("picard", images, 6, 0, epochs=3).note
    constant = images.clone()
    constant[:, :3] = 1.0
    with pytest.raises(FitError, match="hidden_dim <= 27"):
        fit("picard", constant, 28, 0, epochs=10)


def test_picard_names_the_extra_that_is_missing(images, monkeypatch):
    monkeypatch.setitem(sys.modules, "picard", None)
    with pytest.raises(ImportError, match=r"pip install \.\[baselines\]"):
        fit("picard", images, 4, 0, epochs=10)


# --- mixture of Gaussians ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mixture():
    """Three isotropic Gaussians in four dimensions: samples, means, variances, frequencies."""
    random = np.random.default_rng(2)
    means = np.array([[0.0, 0, 0, 0], [4, 0, 0, 1], [0, 5, 2, 0]])
    variances, frequencies = np.array([0.5, 1.0, 0.2]), np.array([0.5, 0.2, 0.3])
    component = random.choice(3, size=6000, p=frequencies)
    noise = random.normal(size=(6000, 4)) * np.sqrt(variances[component])[:, None]
    return torch.from_numpy(means[component] + noise), means, variances, frequencies


def test_log_responsibilities_match_scipy_densities(mixture):
    x = mixture[0][:200]
    encoder = fit("gmm", mixture[0], 3, 0, epochs=100)
    joint = np.stack(
        [
            math.log(float(encoder.log_weights[k].exp()))
            + multivariate_normal(
                encoder.means[k].numpy(), float(encoder.variances[k]) * np.eye(4)
            ).logpdf(x.numpy())
            for k in range(3)
        ],
        axis=1,
    )
    np.testing.assert_allclose(encoder.log_joint(x).numpy(), joint, rtol=1e-8, atol=1e-8)
    posterior = np.exp(joint) / np.exp(joint).sum(1, keepdims=True)
    np.testing.assert_allclose(encoder.transform(x).exp().numpy(), posterior, atol=1e-10)
    model = GaussianMixture(3, covariance_type="spherical", random_state=0, reg_covar=1e-3)
    model.set_params(init_params="k-means++", max_iter=100, tol=1e-3).fit(mixture[0].numpy())
    np.testing.assert_allclose(model.predict_proba(x.numpy()), posterior, atol=1e-8)


def test_mixture_recovers_the_one_that_made_the_data(mixture):
    x, means, variances, frequencies = mixture
    encoder = fit("gmm", x, 3, 1, epochs=200)
    assert encoder.note is None
    distance = torch.cdist(torch.from_numpy(means), encoder.means)
    order = distance.argmin(1)
    assert sorted(order.tolist()) == [0, 1, 2]
    assert float(distance.min(1).values.max()) < 0.1
    np.testing.assert_allclose(encoder.variances[order], variances, rtol=0.06)
    np.testing.assert_allclose(encoder.log_weights[order].exp(), frequencies, atol=0.02)


def test_em_never_lowers_the_likelihood(images):
    def likelihood(epochs):
        encoder = fit("gmm", images, 6, 0, epochs=epochs)
        return float(encoder.log_joint(images).logsumexp(1).mean()), encoder.note

    values = [likelihood(epochs)[0] for epochs in (1, 2, 3, 5, 8)]
    # The floor under the variances is no part of EM; it costs less than this.
    assert all(after > before - 1e-2 for before, after in itertools.pairwise(values))
    assert values[-1] > values[0]
    assert likelihood(1)[1] == "not converged after 1 iterations"


def test_far_components_are_told_apart_by_their_logarithms_alone():
    """Why the features are logarithms: in single precision the responsibilities are 0 and 1."""
    means = torch.tensor([0.0, 0.5, 1.0])[:, None].expand(3, 784)
    encoder = gmm.MixtureEncoder(means, torch.full((3,), 0.05), torch.full((3,), 1 / 3).log())
    features = encoder.transform(torch.full((1, 784), 0.1))
    assert features.exp().tolist() == [[1.0, 0.0, 0.0]]
    # ||x - μ_k||² = 784 (0.1 - m)², less that of the nearest, over 2σ²
    expected = -784 * (torch.tensor([0.0, 0.16, 0.81]) - torch.tensor([0.0, 0.01, 0.01])) / 0.1
    torch.testing.assert_close(features, expected[None], atol=0.05, rtol=1e-5)


def test_mixture_of_too_many_or_of_equal_samples(images):
    with pytest.raises(FitError, match="301 samples"):
        fit("gmm", images, 302, 0, epochs=1)
    equal = images[:3].repeat(20, 1)
    encoder = fit("gmm", equal, 3, 0, epochs=50)
    torch.testing.assert_close(encoder.variances, torch.full((3,), 1e-3, dtype=DOUBLE))
    assert encoder.transform(equal).isfinite().all()


# --- ICA with a reconstruction cost --------------------------------------------------------------


def test_rica_loss_and_gradient_match_autograd():
    weight = draw(2, 3, 5, seed=1).requires_grad_()
    x = draw(2, 7, 5, seed=2)
    losses = []
    for s in range(2):
        total = 0.0
        for row in x[s]:
            code = weight[s] @ row
            total = total + 0.5 * ((weight[s].T @ code - row) ** 2).sum()
            total = total + rica.SPARSITY * torch.sqrt(code**2 + rica.SMOOTHING).sum()
        losses.append(total / 7)
    (expected,) = torch.autograd.grad(sum(losses), weight)
    loss, gradient = rica.loss_and_gradient(weight.detach(), x)
    torch.testing.assert_close(loss, torch.stack(losses).detach())
    torch.testing.assert_close(gradient, expected)


def test_rica_of_a_rotation_pays_for_sparsity_alone():
    """W Wᵀ = I is ICA's constraint: there is nothing to reconstruct."""
    rotation = torch.linalg.qr(draw(5, 5))[0]
    x = draw(1, 40, 5, seed=1)
    loss, _ = rica.loss_and_gradient(rotation[None], x)
    smooth = ((x @ rotation.T) ** 2 + rica.SMOOTHING).sqrt()
    torch.testing.assert_close(loss, rica.SPARSITY * smooth.sum(-1).mean(-1))


def test_rica_finds_the_sources_of_whitened_data(mixed):
    sources, x = mixed
    centred = (x - x.mean(0)).numpy()
    values, vectors = np.linalg.eigh(np.cov(centred.T))
    white = torch.from_numpy(centred @ vectors / np.sqrt(values))
    encoder = fit("rica", white + 3.0, 4, 0, epochs=200, learning_rate=3e-2, batch_size=500)
    found = encoder.transform(white + 3.0).numpy()
    np.testing.assert_allclose(found.mean(0), 0, atol=1e-9)
    found = matched(sources, found)
    for k in range(4):
        assert np.corrcoef(sources[:, k], found[:, k])[0, 1] > 0.98


# --- sparse filtering ----------------------------------------------------------------------------


def direct_features(weight, x):
    """f̂ of all examples at once, in NumPy, with both norms taken over what is given."""
    values = np.sqrt((x @ weight.T) ** 2 + 1e-8)
    values = values / np.sqrt((values**2).sum(0, keepdims=True))
    return values / np.sqrt((values**2).sum(1, keepdims=True))


def test_sparse_filtering_loss_and_gradient_match_autograd():
    weight, x = draw(3, 5, seed=1).requires_grad_(), draw(9, 5, seed=2)
    active = ((x @ weight.T) ** 2 + 1e-8).sqrt()
    equal = torch.nn.functional.normalize(active, dim=0)
    sparse = torch.nn.functional.normalize(equal, dim=1)
    (expected,) = torch.autograd.grad(sparse.sum(1).mean(), weight)
    loss, gradient = sparse_filtering.loss_and_gradient(weight.detach(), x)
    direct = direct_features(weight.detach().numpy(), x.numpy())
    assert float(loss) == pytest.approx(direct.sum(1).mean(), rel=1e-12)
    torch.testing.assert_close(gradient, expected)


def test_sparse_filtering_does_not_see_the_length_of_a_weight():
    weight, x = draw(3, 5, seed=1), draw(9, 5, seed=2)
    scale = torch.tensor([0.5, 3.0, 20.0], dtype=DOUBLE)[:, None]
    loss, gradient = sparse_filtering.loss_and_gradient(weight, x)
    torch.testing.assert_close(
        sparse_filtering.loss_and_gradient(weight * scale, x)[0], loss, rtol=1e-6, atol=0
    )
    along = (gradient * weight).sum(1)
    torch.testing.assert_close(along, torch.zeros(3, dtype=DOUBLE), rtol=0, atol=1e-6)


def test_sparse_filtering_features_are_those_of_the_training_data(images):
    encoder = fit("sparse_filtering", images, 8, 0, epochs=60)
    centred = (images - images.mean(1, keepdim=True)).numpy()
    features = encoder.transform(images)
    expected = direct_features(encoder.weight.numpy(), centred)
    np.testing.assert_allclose(features.numpy(), expected, atol=1e-6)
    # an example alone, or a brighter one, has the same features
    torch.testing.assert_close(encoder.transform(images[:1]), features[:1])
    torch.testing.assert_close(encoder.transform(images[:9] + 0.3), features[:9])
    start = fit("sparse_filtering", images, 8, 0, epochs=1).transform(images)
    assert features.sum(1).mean() < start.sum(1).mean() - 0.1


def test_sparse_filtering_keeps_to_its_budget(images, monkeypatch):
    calls = []
    loss_and_gradient = sparse_filtering.loss_and_gradient

    def counted(weight, x):
        calls.append(len(x))
        return loss_and_gradient(weight, x)

    monkeypatch.setattr(sparse_filtering, "loss_and_gradient", counted)
    fit("sparse_filtering", images, 8, 0, epochs=20)
    assert set(calls) == {301}
    assert 20 <= len(calls) <= 25


def test_sparse_filtering_of_what_is_not_finite_is_a_failure(images):
    with pytest.raises(FitError, match="finite"):
        fit("sparse_filtering", images * float("inf"), 4, 0, epochs=3)


# --- restricted Boltzmann machine: k steps, and chains that persist -------------------------------


@pytest.fixture(scope="module")
def tiny_rbm():
    """A machine with 4 visible and 3 hidden units, its states, and its distributions.

    p(v), p(h | v) as (V, H) and p(v | h) as (H, V), from the energies of all pairs of states.
    """
    p = {"weight": draw(1, 3, 4, seed=1), "bias": draw(1, 3, seed=2), "offset": draw(1, 4, seed=3)}
    h, v = (
        torch.tensor(list(itertools.product([0.0, 1.0], repeat=n)), dtype=DOUBLE) for n in (3, 4)
    )
    joint = torch.exp(v @ p["offset"][0] + (h @ (p["weight"][0] @ v.T + p["bias"][0][:, None])))
    joint = (joint / joint.sum()).T  # (V, H)
    conditional = joint / joint.sum(1, keepdim=True), (joint / joint.sum(0)).T
    return p, v, h, joint.sum(1), *conditional


def uniforms(seed=0):
    random = torch.Generator().manual_seed(seed)
    return lambda like: torch.rand(like.shape, generator=random, dtype=like.dtype)


def likelihood_gradient(p, v, data, probability):
    """d(-mean log p(data))/dθ with the log-partition summed over all states, by autograd."""
    leaves = {name: value.clone().requires_grad_() for name, value in p.items()}
    free = rbm.free_energy(leaves, v[None])[0]
    loss = rbm.free_energy(leaves, data)[0].mean() + torch.logsumexp(-free, 0)
    torch.testing.assert_close(torch.softmax(-free.detach(), 0), probability)
    return dict(zip(leaves, torch.autograd.grad(loss, leaves.values()), strict=True))


def test_contrast_is_the_finite_difference_of_free_energies():
    """∂/∂θ of mean F(data) less mean F(model), central differences in every parameter."""
    p = {"weight": draw(1, 3, 4, seed=1), "bias": draw(1, 3, seed=2), "offset": draw(1, 4, seed=3)}
    data, model = draw(1, 6, 4, seed=4).sigmoid(), draw(1, 6, 4, seed=5).sigmoid()
    gradient = rbm.contrast(
        data, rbm.hidden_probability(p, data), model, rbm.hidden_probability(p, model)
    )

    def difference():
        return float(rbm.free_energy(p, data).mean() - rbm.free_energy(p, model).mean())

    for name, value in p.items():
        flat, found = value.view(-1), gradient[name].reshape(-1)
        for i in range(len(flat)):
            kept, sides = float(flat[i]), []
            for step in (1e-5, -1e-5):
                flat[i] = kept + step
                sides.append(difference())
            flat[i] = kept
            assert float(found[i]) == pytest.approx((sides[0] - sides[1]) / 2e-5, abs=1e-8)


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_cd_of_k_steps_has_the_enumerated_expectation(tiny_rbm, steps):
    p, v, h, _, given_v, given_h = tiny_rbm
    rows = [5, 12]
    # where the chain's hidden state is before the last reconstruction
    state = given_v[rows].mean(0) @ torch.linalg.matrix_power(given_h @ given_v, steps - 1)
    visible = rbm.visible_probability(p, h[None])
    again = rbm.hidden_probability(p, visible)
    positive = rbm.hidden_probability(p, v[None, rows])
    expected = torch.einsum("h,hk,hd->kd", state, again[0], visible[0])
    expected = expected - positive[0].T @ v[rows] / 2

    repeated = v[rows].repeat_interleave(40_000, dim=0)[None]
    sampled = rbm.cd(p, repeated, uniforms(), steps)["weight"][0]
    # standard error of a mean of 80 000 terms bounded by 1 is below 0.0018
    torch.testing.assert_close(sampled, expected, atol=0.009, rtol=0)


def test_persistent_chains_stay_in_the_model_and_give_its_gradient(tiny_rbm):
    p, v, _, probability, _, _ = tiny_rbm
    counts = (probability * 200_000).round().long()
    chains = v.repeat_interleave(counts, dim=0)[None].clone()
    data = v[[3, 9, 9, 14]].repeat(chains.shape[1] // 4 + 1, 1)[None, : chains.shape[1]]
    expected = likelihood_gradient(p, v, data, probability)
    gradient = rbm.pcd(p, data, chains, uniforms(), steps=1)
    for name, value in expected.items():
        torch.testing.assert_close(gradient[name], value, atol=0.006, rtol=0)
    place = (chains[0] @ torch.tensor([8.0, 4, 2, 1], dtype=DOUBLE)).long()
    frequency = torch.bincount(place, minlength=16) / chains.shape[1]
    torch.testing.assert_close(frequency.double(), probability, atol=0.005, rtol=0)


def test_persistent_chains_forget_where_they_started(tiny_rbm):
    p, v, _, probability, _, _ = tiny_rbm
    data = v[[3, 9]].repeat(20_000, 1)[None]
    chains = torch.ones(1, 40_000, 4, dtype=DOUBLE)
    random = uniforms(1)
    expected = likelihood_gradient(p, v, data, probability)["weight"]
    first = rbm.pcd(p, data, chains, random, steps=1)["weight"]
    for _ in range(60):
        last = rbm.pcd(p, data, chains, random, steps=1)["weight"]
    assert (first - expected).abs().max() > 0.05
    torch.testing.assert_close(last, expected, atol=0.012, rtol=0)


def test_a_short_batch_moves_as_many_chains(tiny_rbm):
    p = tiny_rbm[0]
    chains = torch.full((1, 10, 4), 0.5, dtype=DOUBLE)
    rbm.pcd(p, torch.ones(1, 6, 4, dtype=DOUBLE), chains, uniforms(), steps=2)
    assert set(chains[0, :6].flatten().tolist()) <= {0.0, 1.0}
    assert (chains[0, 6:] == 0.5).all()


@pytest.mark.parametrize("settings", [{"steps": 5}, {"persistent": True}], ids=["cd5", "pcd"])
def test_rbm_learns_to_give_data_a_lower_free_energy_than_noise(images, settings):
    descent = {"learning_rate": 0.1, "batch_size": 32}
    encoder = fit("rbm", images, 8, 0, epochs=30, **descent, **settings)
    start = fit("rbm", images, 8, 0, epochs=1, **descent | {"learning_rate": 1e-9}, **settings)
    order = torch.randperm(30, generator=torch.Generator().manual_seed(0))

    def gap(layer):
        offset = torch.zeros(1, 30, dtype=DOUBLE)  # the same for both, so it may be left out
        p = {"weight": layer.weight[None], "bias": layer.bias[None], "offset": offset}
        energy = [rbm.free_energy(p, x[None]).mean() for x in (images, images[:, order])]
        return float(energy[1] - energy[0])

    assert gap(encoder) > gap(start) + 3


def test_no_steps_of_sampling_are_refused(images):
    with pytest.raises(ValueError, match="at least 1, not 0"):
        fit("rbm", images, 4, 0, epochs=1, learning_rate=0.1, batch_size=32, steps=0)


# --- SoftHebb ------------------------------------------------------------------------------------


def sphere(x):
    return x / x.norm(dim=1, keepdim=True)


def test_softhebb_step_is_the_rule_sample_by_sample():
    weight, x = draw(2, 3, 5, seed=1), draw(2, 7, 5, seed=2)
    expected = torch.zeros(2, 3, 5, dtype=DOUBLE)
    for s in range(2):
        for row in sphere(x[s]):
            match = [float(w @ row) for w in weight[s]]
            powers = [math.exp(20.0 * u) for u in match]
            for k in range(3):
                y = powers[k] / sum(powers)
                expected[s, k] -= y * (row - match[k] * weight[s, k]) / 7
    found = softhebb.negative_change(weight, torch.stack([sphere(x[0]), sphere(x[1])]))
    torch.testing.assert_close(found, expected)


def test_softhebb_rests_where_em_rests(images):
    """EM of a mixture on the sphere: w_k is replaced by E[y_k x̂] at unit length."""
    x = sphere(images)
    weight = x[:4].clone()
    for _ in range(500):
        y = torch.softmax(20.0 * x @ weight.T, 1)
        weight = sphere(y.T @ x)
    assert softhebb.negative_change(weight[None], x[None]).abs().max() < 1e-12
    assert torch.pdist(weight).min() > 0.1
    moved = sphere(weight + 0.02 * draw(4, 30))
    for _ in range(2000):  # and the rule goes back there
        moved = moved - softhebb.negative_change(moved[None], x[None])[0]
    torch.testing.assert_close(moved, weight, atol=1e-6, rtol=0)


def test_units_part_above_the_critical_concentration(images):
    """All units at the mean direction: stable for β < ||m|| / λ, unstable above."""
    x = sphere(images)
    mean = x.mean(0)
    across = torch.eye(30, dtype=DOUBLE) - torch.outer(mean, mean) / (mean @ mean)
    variance = torch.linalg.eigvalsh(across @ torch.cov(x.T, correction=0) @ across)[-1]
    critical = float(mean.norm() / variance)
    spread = {}
    for factor in (0.8, 1.25):
        weight = sphere(mean + 1e-4 * draw(4, 30))[None]
        start = float(torch.pdist(weight[0]).max())
        for _ in range(300):
            weight = weight - softhebb.negative_change(weight, x[None], factor * critical)
        spread[factor] = float(torch.pdist(weight[0]).max()) / start
    assert spread[0.8] < 0.1
    assert spread[1.25] > 10


def test_softhebb_posteriors_do_not_see_brightness(images):
    encoder = fit("softhebb", images, 4, 0, epochs=5, learning_rate=0.5, batch_size=32)
    features = encoder.transform(images)
    torch.testing.assert_close(encoder.transform(images / 7), features)
    torch.testing.assert_close(features.sum(1), torch.ones(301, dtype=DOUBLE))
    blank = encoder.transform(torch.zeros(1, 30, dtype=DOUBLE))
    torch.testing.assert_close(blank, torch.full((1, 4), 0.25, dtype=DOUBLE))


def test_softhebb_finds_prototypes(images):
    """Every group of images has a unit that is on for it, and the weights have unit length."""
    encoder = fit("softhebb", images, 12, 0, epochs=60, learning_rate=0.5, batch_size=32)
    torch.testing.assert_close(
        encoder.weight.norm(dim=1), torch.ones(12, dtype=DOUBLE), atol=0.02, rtol=0
    )
    random = torch.Generator().manual_seed(1)
    prototypes = (torch.rand(5, 30, generator=random) < 0.4).double()
    match = sphere(prototypes) @ encoder.weight.T
    assert float(match.max(1).values.min()) > 0.9


def test_softhebb_that_diverges_is_a_failure(images):
    with pytest.raises(FitError, match="finite"):
        fit("softhebb", images, 4, 0, epochs=3, learning_rate=1e6, batch_size=32)


# --- training in stacks --------------------------------------------------------------------------

STACKED = {
    "rica": {"learning_rate": 1e-2},
    "rbm_cd5": {"learning_rate": 0.1},
    "rbm_pcd": {"learning_rate": 0.05},
    "softhebb": {"learning_rate": 0.5},
}


@pytest.mark.parametrize("method", STACKED)
def test_a_seed_trained_in_a_stack_equals_the_seed_trained_alone(method, images):
    settings = {"epochs": 4, "batch_size": 64} | STACKED[method]
    together = METHODS[method].fit(images, 6, [3, 11, 42], **settings)
    for seed, encoder in zip([3, 11, 42], together, strict=True):
        alone = fit(method, images, 6, seed, **settings)
        torch.testing.assert_close(encoder.weight, alone.weight, rtol=0, atol=1e-10)
        torch.testing.assert_close(encoder.transform(images), alone.transform(images))
    assert (together[0].weight - together[1].weight).abs().max() > 0.01


@pytest.mark.parametrize("method", ["gmm", "sparse_filtering", "picard"])
def test_the_seed_alone_decides(method, images):
    first, again, other = (fit(method, images, 6, seed, epochs=20) for seed in (1, 1, 2))
    assert torch.equal(first.weight, again.weight)
    assert not torch.equal(first.weight, other.weight)
