"""Variants of the autoencoder against plain formulas, enumeration, integration, known entropy."""

import itertools
import math

import numpy as np
import pytest
import torch
from fits import fit
from torch.distributions import Bernoulli, Normal, kl_divergence
from torch.nn import functional as F

from infomax_lib.model.streams import generator
from paper.methods import METHODS, FitError
from paper.methods.descent import Descent
from paper.methods.prediction import pixel_prediction
from paper.methods.reconstruction import autoencoder, bernoulli, masking, sparse_autoencoder, vae

DOUBLE = torch.float64
VARIANTS = (
    *("denoising_autoencoder", "sparse_autoencoder", "topk_autoencoder", "vae"),
    *("masked_prediction", "autoregressive_prediction"),
)


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=DOUBLE)


def uniform(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=DOUBLE)


def parameters_of(models=2, units=3, inputs=5):
    return {
        "weight": draw(models, units, inputs, seed=1),
        "bias": draw(models, units, seed=2),
        "decoder": draw(models, units, inputs, seed=3),
        "offset": draw(models, inputs, seed=4),
    }


def assert_matches_autograd(loss_and_gradients, parameters, plain_loss):
    """Values and gradients equal those of `plain_loss(model s, its parameters)`."""
    loss, gradients = loss_and_gradients(parameters)
    leaves = {name: value.clone().requires_grad_() for name, value in parameters.items()}
    expected = [plain_loss(s, {n: v[s] for n, v in leaves.items()}) for s in range(len(loss))]
    torch.testing.assert_close(loss, torch.stack(expected).detach())
    assert gradients.keys() == parameters.keys()
    by_autograd = torch.autograd.grad(sum(expected), leaves.values())
    for name, value in zip(leaves, by_autograd, strict=True):
        torch.testing.assert_close(gradients[name], value, msg=lambda text, n=name: f"{n}: {text}")


@pytest.fixture(scope="module")
def images():
    """Noisy binary prototypes of 30 pixels: data with structure, in [0, 1]."""
    random = torch.Generator().manual_seed(1)
    prototypes = torch.rand(5, 30, generator=random) < 0.4
    labels = torch.randint(0, 5, (301,), generator=random)
    flip = torch.rand(301, 30, generator=random) < 0.1
    return (prototypes[labels] ^ flip).double()


def pairs(samples=500, count=4, seed=3):
    """Every pixel stands beside a copy of itself: entropy `count` log 2 for 2 `count` pixels."""
    random = torch.Generator().manual_seed(seed)
    bits = torch.randint(0, 2, (samples, count), generator=random).double()
    return bits.repeat_interleave(2, dim=1)


# --- what all of them share ----------------------------------------------------------------------


@pytest.mark.parametrize("method", VARIANTS)
def test_a_seed_trained_in_a_stack_equals_the_seed_trained_alone(method, images):
    settings = {"epochs": 3, "learning_rate": 1e-2, "batch_size": 64}
    together = METHODS[method].fit(images, 6, [3, 11, 42], **settings)
    for seed, encoder in zip([3, 11, 42], together, strict=True):
        alone = fit(method, images, 6, seed, **settings)
        torch.testing.assert_close(encoder.weight, alone.weight, rtol=0, atol=1e-10)
        torch.testing.assert_close(encoder.bias, alone.bias, rtol=0, atol=1e-10)
    assert (together[0].weight - together[1].weight).abs().max() > 0.01


@pytest.mark.parametrize("method", VARIANTS)
def test_data_that_are_no_probabilities_and_steps_that_diverge_are_failures(method, images):
    settings = {"epochs": 1, "batch_size": 64}
    with pytest.raises(FitError, match=r"\[0, 1\]"):
        fit(method, images - 0.5, 6, 0, learning_rate=1e-3, **settings)
    (outcome,) = METHODS[method].fit(images, 6, [0], learning_rate=1e308, **settings)
    assert isinstance(outcome, FitError)
    assert "finite" in str(outcome)


@pytest.mark.parametrize("method", VARIANTS)
def test_methods_are_registered_with_the_settings_of_descent(method):
    assert set(METHODS[method].defaults) == {"epochs", "learning_rate", "batch_size"}
    assert not METHODS[method].reads_labels


# --- masks ---------------------------------------------------------------------------------------


def test_masks_have_their_share_and_belong_to_their_generators():
    like = torch.zeros(2, 200, 301)  # no multiple of eight
    masks = masking.draw_masks([generator(0, "masks"), generator(1, "masks")], like, 0.25)
    assert masks.shape == like.shape
    assert masks.dtype == torch.bool
    # four standard deviations of a mean of 60 200 draws
    assert masks.double().mean((1, 2)).sub(0.25).abs().max() < 0.0071
    (alone,) = masking.draw_masks([generator(1, "masks")], like[:1], 0.25)
    assert torch.equal(alone, masks[1])
    agreement = (masks[0] == masks[1]).double().mean()
    assert abs(float(agreement) - (0.25**2 + 0.75**2)) < 0.01
    together = (masks[..., 1:] & masks[..., :-1]).double().mean()
    assert abs(float(together) - 0.25**2) < 0.005  # neighbours in one byte stream do not agree


@pytest.mark.parametrize("share", [0.0, 0.5, 255 / 256])
def test_all_shares_can_be_drawn(share):
    masks = masking.draw_masks([generator(0, "masks")], torch.zeros(1, 300, 300), share)
    assert float(masks.double().mean()) == pytest.approx(share, abs=0.007)


@pytest.mark.parametrize("share", [-0.25, 1.0, 1.5, 0.1, float("nan")])
def test_a_share_that_cannot_be_drawn_is_refused(share, images):
    with pytest.raises(ValueError, match="multiple of 1/256"):
        masking.check_share(share)
    settings = {"epochs": 1, "learning_rate": 1e-3, "batch_size": 64}
    with pytest.raises(ValueError, match="multiple of 1/256"):
        fit("denoising_autoencoder", images, 4, 0, corruption=share, **settings)
    with pytest.raises(ValueError, match="multiple of 1/256"):
        fit("masked_prediction", images, 4, 0, hidden_share=share, **settings)


# --- Bernoulli pixels ----------------------------------------------------------------------------


def test_likelihood_of_pixels_matches_the_distribution():
    logits, x = draw(2, 7, 5) * 3, uniform(2, 7, 5).round()
    counted = uniform(2, 7, 5, seed=9) < 0.5
    leaf = logits.clone().requires_grad_()
    each = -Bernoulli(logits=leaf).log_prob(x)
    for chosen in (None, counted):
        kept = each if chosen is None else each * chosen
        expected = kept.sum(-1).mean(-1)
        (by_autograd,) = torch.autograd.grad(expected.sum(), leaf, retain_graph=True)
        loss, gradient = bernoulli.negative_log_likelihood(logits, x, chosen)
        torch.testing.assert_close(loss, expected.detach())
        torch.testing.assert_close(gradient, by_autograd)


def test_likelihood_of_certain_pixels_stays_finite():
    logits = torch.tensor([[[800.0, -800.0]]], dtype=DOUBLE)
    loss, gradient = bernoulli.negative_log_likelihood(
        logits, torch.tensor([[[1.0, 1.0]]]).double()
    )
    assert float(loss) == 800
    assert gradient.flatten().tolist() == [0.0, -1.0]


# --- denoising -----------------------------------------------------------------------------------


def test_denoising_compares_the_code_of_the_corrupted_input_with_the_clean_one():
    x = uniform(2, 7, 5, seed=5)
    corrupted = x * (uniform(2, 7, 5, seed=6) < 0.75)

    def plain(s, p):
        hidden = F.linear(corrupted[s], p["weight"], p["bias"]).relu()
        output = torch.sigmoid(hidden @ p["decoder"] + p["offset"])
        return ((output - x[s]) ** 2).sum() / 7

    assert_matches_autograd(
        lambda p: autoencoder.loss_and_gradients(p, corrupted, target=x), parameters_of(), plain
    )


def test_denoising_trains_on_inputs_with_holes_and_clean_targets(images, monkeypatch):
    """What one step is given: pixels are either kept or 0, and the target has none missing."""
    seen = []
    whole = autoencoder.loss_and_gradients

    def spy(parameters, x, target):
        seen.append((x, target))
        return whole(parameters, x, target)

    monkeypatch.setattr(autoencoder, "loss_and_gradients", spy)
    clean = images + (1 - images) * 0.5  # no pixel is black
    fit(
        "denoising_autoencoder",
        clean,
        4,
        0,
        epochs=2,
        learning_rate=1e-3,
        batch_size=301,
        corruption=0.25,
    )
    for given, target in seen:
        assert (target > 0).all()
        assert ((given == target) | (given == 0)).all()
        assert float((given == 0).double().mean()) == pytest.approx(0.25, abs=0.02)
    assert not torch.equal(seen[0][0] == 0, seen[1][0] == 0)


def test_without_corruption_denoising_is_the_autoencoder(images):
    settings = {"epochs": 3, "learning_rate": 1e-2, "batch_size": 64}
    clean = fit("denoising_autoencoder", images, 6, 0, corruption=0.0, **settings)
    assert torch.equal(clean.weight, fit("autoencoder", images, 6, 0, **settings).weight)
    noisy = fit("denoising_autoencoder", images, 6, 0, **settings)
    assert (noisy.weight - clean.weight).abs().max() > 0.01


def test_denoising_learns_to_fill_in_a_pixel_from_its_copy(monkeypatch):
    """Reconstructions of pairs that have lost pixels: the plain autoencoder copies the holes."""
    X, trained = pairs(), []
    whole = autoencoder.initial
    monkeypatch.setattr(autoencoder, "initial", lambda *a: trained.append(whole(*a)) or trained[-1])
    settings = {"epochs": 60, "learning_rate": 2e-2, "batch_size": 50}
    fit("autoencoder", X, 12, 0, **settings)
    fit("denoising_autoencoder", X, 12, 0, **settings)
    corrupted = X * (uniform(*X.shape, seed=9) < 0.75)
    plain, noisy = (
        float(autoencoder.loss_and_gradients(p, corrupted[None], target=X[None])[0])
        for p in trained
    )
    # A black pair is ambiguous: of the pairs that are white, 1/16 lose both pixels. The best guess
    # there is p = (1/32) / (1/2 + 1/32), and costs p (1 - p) for each of 8 pixels.
    least = 8 * (1 / 2 + 1 / 32) * (1 / 17) * (16 / 17)
    assert least * 0.9 < noisy < 0.5 * plain


# --- sparse --------------------------------------------------------------------------------------


def test_penalised_loss_and_gradients_match_autograd():
    x = uniform(2, 7, 5, seed=5)

    def plain(s, p):
        total = 0
        for row in x[s]:
            hidden = (p["weight"] @ row + p["bias"]).clamp(min=0)
            output = torch.sigmoid(p["decoder"].T @ hidden + p["offset"])
            norms = p["decoder"].pow(2).sum(1).sqrt()
            total = total + (row - output).pow(2).sum() + 0.3 * (hidden * norms).sum()
        return total / 7

    assert_matches_autograd(
        lambda p: sparse_autoencoder.penalised(p, x, penalty=0.3), parameters_of(), plain
    )


def test_the_penalty_is_blind_to_scale():
    """W and b ten times smaller with V ten times larger: the same model at the same price."""
    p, x = parameters_of(), uniform(2, 7, 5, seed=5)
    scaled = p | {
        "weight": p["weight"] / 10,
        "bias": p["bias"] / 10,
        "decoder": p["decoder"] * 10,
    }
    torch.testing.assert_close(
        sparse_autoencoder.penalised(scaled, x, 0.5)[0], sparse_autoencoder.penalised(p, x, 0.5)[0]
    )


def test_without_a_penalty_the_sparse_autoencoder_is_the_autoencoder(images):
    settings = {"epochs": 3, "learning_rate": 1e-2, "batch_size": 64}
    free = fit("sparse_autoencoder", images, 6, 0, penalty=0.0, **settings)
    assert torch.equal(free.weight, fit("autoencoder", images, 6, 0, **settings).weight)


def test_a_higher_penalty_leaves_fewer_units_active(images):
    settings = {"epochs": 30, "learning_rate": 1e-2, "batch_size": 64}

    def active(penalty):
        encoder = fit("sparse_autoencoder", images, 16, 0, penalty=penalty, **settings)
        return float((encoder.transform(images) > 0).double().mean())

    assert active(0.0) > active(0.1) + 0.1 > active(0.5) + 0.2


def test_quota_loss_and_gradients_match_autograd():
    x = uniform(2, 7, 5, seed=5)

    def plain(s, p):
        total = 0
        for row in x[s]:
            hidden = (p["weight"] @ row + p["bias"]).clamp(min=0)
            threshold = sorted(hidden.tolist())[-2]  # 8 units: the 2 largest stay
            hidden = torch.where(hidden >= threshold, hidden, 0.0)
            output = torch.sigmoid(p["decoder"].T @ hidden + p["offset"])
            total = total + (row - output).pow(2).sum()
        return total / 7

    p = parameters_of(units=8)
    quota = {"code": sparse_autoencoder.limited}
    assert_matches_autograd(lambda q: autoencoder.loss_and_gradients(q, x, **quota), p, plain)


@pytest.mark.parametrize(("units", "kept"), [(3, 1), (7, 1), (8, 2), (64, 16)])
def test_quota_keeps_the_largest_activations(units, kept):
    z = draw(50, units)
    hidden = sparse_autoencoder.largest(z)
    for before, after in zip(z.numpy(), hidden.numpy(), strict=True):
        order = np.argsort(before)
        np.testing.assert_array_equal(after[order[-kept:]], np.maximum(before[order[-kept:]], 0))
        assert not after[order[:-kept]].any()
    assert not sparse_autoencoder.largest(-z.abs()).any()


def test_the_fitted_quota_holds_at_inference(images):
    encoder = fit("topk_autoencoder", images, 8, 0, epochs=5, learning_rate=1e-2, batch_size=64)
    features = encoder.transform(images)
    assert ((features > 0).sum(1) <= 2).all()
    torch.testing.assert_close(
        features, sparse_autoencoder.largest(images @ encoder.weight.T + encoder.bias)
    )


def test_a_penalised_code_of_bars_is_the_bars():
    """Földiák's (1990) bars: images that superpose lines. Without the penalty, units mix them."""
    random = torch.Generator().manual_seed(0)
    present = torch.rand(500, 8, generator=random) < 0.2
    X = (present[:, :4, None] | present[:, None, 4:]).double().flatten(1)

    def worst_bar(penalty):
        """Correlation of the bar that is found worst with the unit that finds it best."""
        encoder = fit(
            "sparse_autoencoder",
            X,
            16,
            0,
            epochs=60,
            learning_rate=1e-2,
            batch_size=50,
            penalty=penalty,
        )
        features = encoder.transform(X)
        features = features[:, features.std(0) > 0]
        together = np.corrcoef(present.T.double().numpy(), features.T.numpy())
        return together[:8, 8:].max(1).min()

    assert worst_bar(0.1) > 0.8 > worst_bar(0.0)


def test_a_negative_penalty_is_refused(images):
    settings = {"epochs": 1, "learning_rate": 1e-3, "batch_size": 64}
    with pytest.raises(ValueError, match="at least 0"):
        fit("sparse_autoencoder", images, 4, 0, penalty=-1.0, **settings)


# --- variational ---------------------------------------------------------------------------------


def vae_parameters(models=2, units=3, inputs=5):
    return parameters_of(models, units, inputs) | {
        "spread": draw(models, units, inputs, seed=6) / 2,
        "spread_bias": draw(models, units, seed=7),
    }


def test_divergence_is_that_of_the_two_normal_distributions():
    mean, log_variance = draw(4, 3), draw(4, 3, seed=1)
    posterior = Normal(mean, (log_variance / 2).exp())
    expected = kl_divergence(posterior, Normal(torch.zeros(()), torch.ones(()))).sum(-1)
    torch.testing.assert_close(vae.divergence(mean, log_variance), expected)
    assert float(vae.divergence(torch.zeros(3), torch.zeros(3))) == 0


def test_vae_loss_and_gradients_match_autograd():
    x, noise = uniform(2, 7, 5, seed=5).round(), draw(2, 7, 3, seed=8)

    def plain(s, p):
        posterior = Normal(
            F.linear(x[s], p["weight"], p["bias"]),
            (F.linear(x[s], p["spread"], p["spread_bias"]) / 2).exp(),
        )
        code = posterior.mean + posterior.stddev * noise[s]
        pixels = Bernoulli(logits=code @ p["decoder"] + p["offset"])
        prior = Normal(torch.zeros((), dtype=DOUBLE), torch.ones((), dtype=DOUBLE))
        bound = pixels.log_prob(x[s]).sum(1) - kl_divergence(posterior, prior).sum(1)
        return -bound.mean()

    assert_matches_autograd(lambda p: vae.loss_and_gradients(p, x, noise), vae_parameters(), plain)


def test_the_loss_bounds_the_likelihood_and_its_gap_is_the_posterior_divergence():
    """One code unit: p(x) and the true posterior are sums over a fine grid of z."""
    p = vae_parameters(models=1, units=1)
    x = uniform(1, 1, 5, seed=5).round()
    z = torch.linspace(-12, 12, 20001, dtype=DOUBLE)
    logits = z[:, None] * p["decoder"][0, 0] + p["offset"][0]
    log_joint = Bernoulli(logits=logits).log_prob(x[0]).sum(1) + Normal(0.0, 1.0).log_prob(z)
    step = float(z[1] - z[0])
    log_evidence = torch.logsumexp(log_joint, 0) + math.log(step)
    mean = float(p["weight"][0, 0] @ x[0, 0] + p["bias"][0, 0])
    log_variance = float(p["spread"][0, 0] @ x[0, 0] + p["spread_bias"][0, 0])
    log_q = Normal(mean, math.exp(log_variance / 2)).log_prob(z)
    gap = float((log_q.exp() * (log_q - log_joint + log_evidence)).sum() * step)

    # Quantiles of ε instead of random ones: the mean over them is the expectation.
    count = 20_000
    levels = (torch.arange(count, dtype=DOUBLE) + 0.5) / count
    noise = Normal(0.0, 1.0).icdf(levels).view(1, count, 1)
    loss, _ = vae.loss_and_gradients(p, x.expand(1, count, 5), noise)
    assert gap > 0.01
    assert float(loss) == pytest.approx(float(-log_evidence) + gap, abs=1e-3)


def test_units_collapse_where_there_is_nothing_to_encode(images):
    """Grey noise varies less than the pixels of the model do by themselves, so a code of it costs
    more than it tells: all means go to zero. Prototypes keep some units."""
    noise = uniform(301, 30, seed=2)
    settings = {"epochs": 40, "learning_rate": 1e-2, "batch_size": 50}
    spread = [fit("vae", X, 6, 0, **settings).transform(X).std(0) for X in (noise, images)]
    assert spread[0].max() < 0.25
    assert spread[1].max() > 0.7


def test_vae_features_are_the_means_and_signed(images):
    encoder = fit("vae", images, 6, 0, epochs=5, learning_rate=1e-2, batch_size=64)
    features = encoder.transform(images)
    torch.testing.assert_close(features, images @ encoder.weight.T + encoder.bias)
    assert (features < 0).any()


# --- pixel prediction ----------------------------------------------------------------------------


def test_masked_loss_and_gradients_match_autograd():
    x = uniform(2, 7, 5, seed=5).round()
    hidden_pixels = uniform(2, 7, 5, seed=6) < 0.6

    def plain(s, p):
        total = 0
        for row, missing in zip(x[s], hidden_pixels[s], strict=True):
            hidden = (p["weight"] @ torch.where(missing, 0.0, row) + p["bias"]).relu()
            log_prob = Bernoulli(logits=p["decoder"].T @ hidden + p["offset"]).log_prob(row)
            total = total - log_prob[missing].sum()
        return total / 7

    assert_matches_autograd(
        lambda p: pixel_prediction.masked_loss_and_gradients(p, x, hidden_pixels),
        parameters_of(),
        plain,
    )


def test_masked_prediction_never_sees_what_it_predicts():
    """With logits that cannot tell images apart by hidden pixels, so cannot gradients by W."""
    p, x = parameters_of(), uniform(2, 7, 5, seed=5).round()
    hidden_pixels = torch.zeros(2, 7, 5, dtype=torch.bool)
    hidden_pixels[..., 2] = True
    losses, gradients = pixel_prediction.masked_loss_and_gradients(p, x, hidden_pixels)
    flipped = x.clone()
    flipped[..., 2] = 1 - x[..., 2]
    opposite, _ = pixel_prediction.masked_loss_and_gradients(p, flipped, hidden_pixels)
    # -log p - log(1 - p) with the same p both times, or the encoder has seen the pixel
    hidden = (torch.where(hidden_pixels, 0.0, x) @ p["weight"].mT + p["bias"][:, None]).relu()
    logit = (hidden @ p["decoder"] + p["offset"][:, None])[..., 2]
    expected = (F.softplus(logit) + F.softplus(-logit)).mean(1)
    torch.testing.assert_close(losses + opposite, expected)
    assert not gradients["weight"][..., 2].any()
    assert not gradients["decoder"][..., [0, 1, 3, 4]].any()


def test_every_unit_reads_the_pixels_before_those_it_predicts():
    reads = pixel_prediction.reading_masks(6, 11)
    assert reads.sum(1).tolist() == [1, 3, 5, 6, 8, 10]
    for row in reads.int():
        assert row.diff().le(0).all()  # the first pixels, without a gap
    assert pixel_prediction.reading_masks(5, 2).tolist() == [[True, False]] * 5


def autoregressive_parameters(units=6, inputs=5):
    reads = pixel_prediction.reading_masks(units, inputs)
    p = parameters_of(2, units, inputs)
    return p | {"weight": p["weight"] * reads, "decoder": p["decoder"] * ~reads}, reads


def test_autoregressive_loss_and_gradients_match_autograd():
    """Pixel by pixel: logit d from units that have read fewer than d pixels, and those alone."""
    p, reads = autoregressive_parameters()
    x = uniform(2, 7, 5, seed=5).round()
    read = reads.sum(1).tolist()

    def plain(s, q):
        total = 0
        for row in x[s]:
            for d in range(5):
                logit = q["offset"][d]
                for k, m in enumerate(read):
                    if m <= d:  # 0-based: pixel d has d pixels before it
                        prefix = q["weight"][k, :m] @ row[:m]
                        logit = logit + q["decoder"][k, d] * (prefix + q["bias"][k]).relu()
                total = total - Bernoulli(logits=logit).log_prob(row[d])
        return total / 7

    assert_matches_autograd(
        lambda q: pixel_prediction.autoregressive_loss_and_gradients(q, x, reads), p, plain
    )


def test_autoregressive_probabilities_of_all_images_sum_to_one():
    """Only a product of conditionals does that; a pixel that saw itself would break it."""
    p, reads = autoregressive_parameters()
    states = torch.tensor(list(itertools.product([0.0, 1.0], repeat=5)), dtype=DOUBLE)
    log_p = [
        pixel_prediction.autoregressive_loss_and_gradients(p, state.expand(2, 1, 5), reads)[0]
        for state in states
    ]
    torch.testing.assert_close(torch.stack(log_p).neg().exp().sum(0), torch.ones(2, dtype=DOUBLE))


def test_connections_that_would_reveal_a_pixel_stay_at_zero(images):
    encoder = fit(
        "autoregressive_prediction", images, 8, 0, epochs=20, learning_rate=1e-2, batch_size=64
    )
    reads = pixel_prediction.reading_masks(8, 30)
    assert not encoder.weight[~reads].any()
    assert encoder.weight[reads].ne(0).all()
    changed = images.clone()
    changed[:, 15:] = 1 - changed[:, 15:]
    same = (encoder.transform(changed) == encoder.transform(images)).all(0)
    assert same[reads.sum(1) <= 15].all()
    assert not same.all()


def test_autoregression_reaches_the_entropy_of_pairs():
    """Four fair bits, each followed by its copy: no model does better than 4 log 2 nats."""
    X = pairs()
    parameters = autoencoder.initial(X, 32, [0])
    reads = pixel_prediction.reading_masks(32, 8)
    parameters["weight"].mul_(reads)
    parameters["decoder"].mul_(~reads)
    loss = lambda: float(  # noqa: E731
        pixel_prediction.autoregressive_loss_and_gradients(parameters, X[None], reads)[0]
    )
    assert loss() > 5
    Descent(epochs=60, learning_rate=2e-2, batch_size=50).layers(
        parameters,
        lambda p, x: pixel_prediction.autoregressive_loss_and_gradients(p, x, reads)[1],
        X,
        [0],
    )
    assert loss() == pytest.approx(4 * math.log(2), rel=0.02)


def test_masked_prediction_reaches_the_entropy_of_pairs():
    """Half of the pixels are hidden. One whose copy looks white is white; a copy that looks black
    is black (1/2 1/2) or hidden (1/2), and then one pixel in three is white."""
    X = pairs()
    parameters = autoencoder.initial(X, 16, [0])
    stream = [generator(0, "masks")]

    def loss_and_gradients(p, x):
        return pixel_prediction.masked_loss_and_gradients(p, x, masking.draw_masks(stream, x, 0.5))

    Descent(epochs=60, learning_rate=1e-2, batch_size=50).layers(
        parameters, lambda p, x: loss_and_gradients(p, x)[1], X, [0]
    )
    ambiguous = -(math.log(1 / 3) / 3 + 2 * math.log(2 / 3) / 3)
    least = 8 / 2 * 3 / 4 * ambiguous
    losses = [float(loss_and_gradients(parameters, X[None])[0]) for _ in range(20)]
    assert np.mean(losses) == pytest.approx(least, rel=0.05)
    assert least * 1.05 < 8 / 2 * math.log(2)  # what it costs not to look


def test_masked_features_at_inference_read_all_pixels(images):
    encoder = fit("masked_prediction", images, 6, 0, epochs=5, learning_rate=1e-2, batch_size=64)
    torch.testing.assert_close(
        encoder.transform(images), (images @ encoder.weight.T + encoder.bias).relu()
    )
    assert encoder.weight.ne(0).all()


def test_one_pixel_cannot_be_predicted_from_those_before_it():
    with pytest.raises(FitError, match="two dimensions"):
        fit(
            "autoregressive_prediction",
            torch.zeros(10, 1),
            2,
            0,
            epochs=1,
            learning_rate=1e-3,
            batch_size=5,
        )
