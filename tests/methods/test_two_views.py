"""Methods that compare two views: views, losses and training against plain words in NumPy, SciPy
and torch.nn."""

import math
from collections import deque

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from fits import fit
from scipy import ndimage
from torch import nn

from infomax_lib.model.streams import generator
from paper.methods import METHODS, FitError
from paper.methods.descent import xavier
from paper.methods.two_views import (
    augment,
    barlow_twins,
    byol,
    joint_embedding,
    mcr2,
    moco,
    simclr,
    swav,
    vicreg,
    wmse,
)

DOUBLE = torch.float64
SIDE = 6


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=DOUBLE)


@pytest.fixture(scope="module")
def images():
    """130 pictures of 6 x 6 pixels in [0, 1]: noisy versions of five blurred ones."""
    random = np.random.default_rng(1)
    prototypes = ndimage.gaussian_filter(random.random((5, SIDE, SIDE)), (0, 1, 1))
    prototypes = (prototypes - prototypes.min()) / np.ptp(prototypes)
    pictures = prototypes[random.integers(0, 5, 130)] * random.uniform(0.7, 1, (130, SIDE, SIDE))
    return torch.from_numpy(pictures.reshape(130, -1))


# --- views ---------------------------------------------------------------------------------------


def still(count):
    """Angle, scale and shift that leave images as they are."""
    zero = torch.zeros(count, dtype=DOUBLE)
    return {"angle": zero, "scale": zero + 1, "shift": torch.zeros(count, 2, dtype=DOUBLE)}


def test_an_image_that_does_not_move_stays_as_it_is():
    picture = draw(3, 7, 7)
    torch.testing.assert_close(augment.moved(picture, **still(3)), picture)


def test_a_quarter_turn_and_a_shift_by_whole_pixels_move_pixels_to_pixels():
    picture = draw(2, 8, 8)
    quarter = still(2) | {"angle": torch.full((2,), math.pi / 2, dtype=DOUBLE)}
    turned = augment.moved(picture, **quarter)  # anticlockwise, like numpy.rot90
    np.testing.assert_allclose(turned, np.rot90(picture, axes=(1, 2)), atol=1e-12)

    shift = torch.tensor([[2 / 8, -1 / 8]] * 2, dtype=DOUBLE)  # two to the right, one up
    expected = torch.zeros_like(picture)
    expected[:, :7, 2:] = picture[:, 1:, :6]
    torch.testing.assert_close(augment.moved(picture, **still(2) | {"shift": shift}), expected)


def test_any_movement_equals_that_of_scipy():
    """Each picture by its own angle, size and shift."""
    picture, n = draw(4, 9, 9), 9
    angle, scale = 0.4 * draw(4, seed=1), 1 + 0.1 * draw(4, seed=2)
    shift = 0.1 * draw(4, 2, seed=3)
    found = augment.moved(picture, angle, scale, shift)
    for i in range(4):
        a, (right, down) = float(angle[i]), shift[i].tolist()
        # Rows grow downwards: an anticlockwise turn of the plane, for (row, column) coordinates.
        forward = float(scale[i]) * np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
        inverse, centre = np.linalg.inv(forward), np.full(2, (n - 1) / 2)
        offset = centre - inverse @ (centre + n * np.array([down, right]))
        expected = ndimage.affine_transform(
            picture[i].numpy(), inverse, offset, order=1, mode="grid-constant"
        )
        np.testing.assert_allclose(found[i], expected, atol=1e-10)


def test_views_differ_and_stay_beside_their_image(images):
    """Image n has its views in rows n and B + n: they look more like it than like the others."""
    batch = images[None, :50].float()
    views = augment.two_views(batch, [generator(0, "augment")])
    assert views.shape == (1, 100, 36)
    assert views.dtype == batch.dtype
    assert views.min() >= 0
    assert views.max() <= 1
    first, second = views[0].split(50)
    assert (first != second).any(1).all()
    pictures = torch.eye(50).repeat_interleave(36, 1).view(50, 50, 36)[0]  # one picture is lit
    lit = augment.two_views(pictures[None], [generator(0, "augment")])[0].sum(1)
    assert lit.nonzero().flatten().tolist() == [0, 50]


def test_a_quarter_of_the_pixels_is_hidden():
    """Of pixels that are white whatever moves: the centre of a white picture."""
    white = torch.ones(1, 500, 81)
    views = augment.two_views(white, [generator(1, "augment")]).view(1000, 9, 9)[:, 3:6, 3:6]
    assert ((views - 1).abs() < 1e-5).logical_or(views == 0).all()
    # 9000 pixels: the standard error is below 0.005
    assert float((views == 0).float().mean()) == pytest.approx(0.25, abs=0.02)


def test_moves_have_their_ranges_and_both_signs(monkeypatch):
    seen = {}

    def spy(pictures, angle, scale, shift):
        seen.update(angle=angle, scale=scale - 1, right=shift[:, 0], down=shift[:, 1])
        return pictures

    monkeypatch.setattr(augment, "moved", spy)
    augment.two_views(torch.ones(2, 1000, 9), [generator(s, "augment") for s in (0, 1)])
    limits = dict.fromkeys(["right", "down"], augment.SHIFT)
    limits |= {"angle": augment.ROTATION, "scale": augment.SCALE}
    for name, values in seen.items():
        values = values / limits[name]
        assert values.shape == (4000,)
        assert 0.99 < values.max() <= 1
        assert -1 <= values.min() < -0.99
        assert float(values.mean()) == pytest.approx(0, abs=0.05)
    independent = np.corrcoef(torch.stack(list(seen.values())).numpy())
    assert np.abs(independent - np.eye(4)).max() < 0.08  # 5 standard errors


def test_each_batch_of_a_stack_has_the_views_it_has_alone(images):
    batches = images[:60].view(3, 20, 36)
    together = augment.two_views(batches, [generator(s, "augment") for s in (5, 6, 5)])
    for s, seed in enumerate((5, 6, 5)):
        alone = augment.two_views(batches[s : s + 1], [generator(seed, "augment")])[0]
        torch.testing.assert_close(together[s], alone, rtol=0, atol=0)


# --- losses, one model and one number at a time --------------------------------------------------


def views_of(z, n):
    """The two embeddings of image n, from (2B, E)."""
    return z[n], z[len(z) // 2 + n]


def plain_nt_xent(z):
    total = 0.0
    for i in range(len(z)):
        j = (i + len(z) // 2) % len(z)
        similarity = [F.cosine_similarity(z[i], z[k], dim=0) / 0.5 for k in range(len(z))]
        others = torch.stack([similarity[k] for k in range(len(z)) if k != i])
        total = total - torch.log(similarity[j].exp() / others.exp().sum())
    return total / len(z)


def plain_barlow(z, eps=1e-6):
    """Zbontar et al., algorithm 1; eps is that of the objective."""
    first, second = (
        (v - v.mean(0)) / torch.sqrt(v.var(0, correction=0) * len(v) / (len(v) - 1) + eps)
        for v in z.split(len(z) // 2)
    )
    cross = first.T @ second / (len(first) - 1)
    eye = torch.eye(z.shape[1], dtype=DOUBLE)
    squares = (cross - eye) ** 2
    return (squares * eye).sum() + 0.005 * (squares * (1 - eye)).sum()


def plain_vicreg(z):
    """Bardes et al., algorithm 1."""
    n, d = len(z) // 2, z.shape[1]
    total = 25 * F.mse_loss(z[:n], z[n:])
    for view in (z[:n], z[n:]):
        total = total + 25 * F.relu(1 - torch.sqrt(view.var(0) + 1e-4)).mean()
        covariance = torch.cov(view.T)
        for i in range(d):
            for j in range(d):
                if i != j:
                    total = total + covariance[i, j] ** 2 / d
    return total


def plain_wmse(z):
    n, d = len(z) // 2, z.shape[1]
    white = []
    for view in (z[:n], z[n:]):
        sigma = torch.cov(view.T)
        sigma = (1 - 1e-3) * sigma + 1e-3 * torch.trace(sigma) / d * torch.eye(d, dtype=DOUBLE)
        white.append((view - view.mean(0)) @ torch.linalg.inv(torch.linalg.cholesky(sigma)).T)
    unit = [w / w.norm(dim=1, keepdim=True) for w in white]
    return (unit[0] - unit[1]).square().sum(1).mean()


def rate(columns, members, distortion=0.5):
    """R(Z | Π) of the definition, for Z (d, m) and the diagonal of Π (m,), times tr Π / m."""
    d, m = columns.shape
    trace = members.sum()
    inside = torch.eye(d, dtype=DOUBLE) + d / (trace * distortion) * (
        columns @ torch.diag(members) @ columns.T
    )
    return trace / (2 * m) * torch.logdet(inside)


def plain_mcr2(z):
    columns = (z / z.norm(dim=1, keepdim=True)).T
    m = columns.shape[1]
    loss = -rate(columns, torch.ones(m, dtype=DOUBLE))
    for n in range(m // 2):
        members = torch.zeros(m, dtype=DOUBLE)
        members[[n, m // 2 + n]] = 1
        loss = loss + rate(columns, members)
    return loss


def plain_sinkhorn(scores, iterations=3):
    """Caron et al., in the order of the authors' program: prototypes, then images."""
    Q = np.exp(scores.numpy().T / 0.05)
    Q /= Q.sum()
    P, B = Q.shape
    for _ in range(iterations):
        Q *= (1 / P) / Q.sum(1, keepdims=True)
        Q *= (1 / B) / Q.sum(0, keepdims=True)
    return torch.from_numpy((Q / Q.sum(0, keepdims=True)).T)


def plain_swav(scores):
    first, second = scores.split(len(scores) // 2)
    total = 0.0
    for predicted, assigned in ((first, second), (second, first)):
        log_p = torch.log_softmax(predicted / 0.1, 1)
        total = total - (plain_sinkhorn(assigned.detach()) * log_p).sum(1).mean() / 2
    return total


LOSSES = {
    "simclr": (simclr.nt_xent, plain_nt_xent),
    "barlow_twins": (
        lambda z: barlow_twins.barlow_objective(z, barlow_twins.DECORRELATION).loss,
        plain_barlow,
    ),
    "vicreg": (vicreg.vicreg, plain_vicreg),
    "wmse": (wmse.w_mse, plain_wmse),
    "mcr2": (lambda z: -mcr2.rate_reduction(z), plain_mcr2),
    "swav": (lambda z: swav.swapped_prediction(z), plain_swav),
}


@pytest.mark.parametrize("method", LOSSES)
def test_loss_and_gradient_equal_those_in_plain_words(method):
    loss, plain = LOSSES[method]
    z = 0.5 * draw(3, 16, 5, seed=4) + draw(1, 8, 5, seed=5).repeat(1, 2, 1)  # related views
    if method == "swav":
        z = torch.tanh(z)
    z.requires_grad_()
    values = loss(z)
    expected = torch.stack([plain(one) for one in z])
    torch.testing.assert_close(values, expected, rtol=1e-9, atol=1e-10)
    weights = torch.tensor([1.0, -2.0, 0.5], dtype=DOUBLE)  # gradients of the models do not mix
    found, wanted = (torch.autograd.grad(weights @ v, z)[0] for v in (values, expected))
    torch.testing.assert_close(found, wanted, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("method", LOSSES)
def test_a_nan_stays_in_its_model(method):
    z = draw(2, 16, 5)
    z[1, 3, 2] = torch.nan
    z.requires_grad_()
    values = LOSSES[method][0](z)
    assert values[0].isfinite()
    assert values[1].isnan()
    (gradient,) = torch.autograd.grad(values.sum(), z)
    assert gradient[0].isfinite().all()


@pytest.mark.parametrize("method", LOSSES)
def test_views_and_images_have_no_order(method):
    loss, z = LOSSES[method][0], torch.tanh(draw(1, 12, 4))
    first, second = z.chunk(2, 1)
    order = torch.tensor([3, 1, 5, 0, 2, 4])
    value = loss(z)
    torch.testing.assert_close(loss(torch.cat([second, first], 1)), value)
    torch.testing.assert_close(loss(torch.cat([first[:, order], second[:, order]], 1)), value)


@pytest.mark.parametrize("method", ["simclr", "wmse", "mcr2"])
def test_the_size_of_embeddings_does_not_matter(method):
    """Of each embedding for SimCLR and MCR², of all of them for W-MSE, which centres."""
    loss, z = LOSSES[method][0], draw(1, 14, 4)
    factor = 7.0 if method == "wmse" else draw(1, 14, 1, seed=1).exp()
    torch.testing.assert_close(loss(factor * z), loss(z))


def test_nt_xent_of_a_collapse_and_of_perfect_pairs():
    collapsed = torch.ones(1, 10, 3, dtype=DOUBLE)
    assert float(simclr.nt_xent(collapsed)) == pytest.approx(math.log(9))
    pairs = torch.eye(4, dtype=DOUBLE).repeat(2, 1)[None]  # every image its own axis
    expected = -1 / 0.5 + math.log(math.exp(1 / 0.5) + 6)
    assert float(simclr.nt_xent(pairs)) == pytest.approx(expected)


def test_info_nce_is_a_cross_entropy_and_its_keys_are_candidates():
    query, key, queue = (F.normalize(draw(2, n, 4, seed=n), dim=-1) for n in (5, 6, 9))
    key = key[:, :5]
    query.requires_grad_()
    losses = []
    for s in range(2):
        pairs = zip(query[s], key[s], strict=True)
        logits = torch.stack(
            [torch.stack([q @ k, *(q @ old for old in queue[s])]) for q, k in pairs]
        )
        losses.append(F.cross_entropy(logits / 0.1, torch.zeros(5, dtype=torch.long)))
    expected = torch.stack(losses)
    value = moco.info_nce(query, key, queue)
    torch.testing.assert_close(value, expected)
    found, wanted = (torch.autograd.grad(v.sum(), query)[0] for v in (value, expected))
    torch.testing.assert_close(found, wanted)
    same = torch.ones(1, 3, 1, dtype=DOUBLE)
    uniform = moco.info_nce(same, same, torch.ones(1, 8, 1, dtype=DOUBLE))
    assert float(uniform) == pytest.approx(math.log(9))


def test_the_queue_drops_its_oldest_keys():
    queue = moco.Queue([0, 1], 7, 2, torch.zeros(1, dtype=DOUBLE))
    torch.testing.assert_close(queue.keys.norm(dim=-1), torch.ones(2, 7, dtype=DOUBLE))
    kept = deque(maxlen=7)
    number = 0
    for size in (3, 2, 3, 7, 1, 9, 4):  # past the end, exactly full, and longer than the queue
        numbers = torch.arange(number, number + size, dtype=DOUBLE)
        number += size
        queue.push(torch.stack([numbers, -numbers], -1).expand(2, -1, -1))
        kept.extend(numbers.tolist())
        found = sorted(queue.keys[1, :, 0].tolist())
        if number >= 7:
            assert found == sorted(kept)
        else:
            assert set(kept) <= set(found)


def test_byol_regresses_each_view_on_the_other():
    prediction, target = draw(2, 10, 3), draw(2, 10, 3, seed=1)
    prediction.requires_grad_()
    losses = []
    for s in range(2):
        total = 0.0
        for n in range(5):
            (p, p2), (t, t2) = views_of(prediction[s], n), views_of(target[s], n)
            for a, b in ((p, t2), (p2, t)):
                total = total + (a / a.norm() - b / b.norm()).square().sum() / 5
        losses.append(total)
    expected, value = torch.stack(losses), byol.regression(prediction, target)
    torch.testing.assert_close(value, expected)
    found, wanted = (torch.autograd.grad(v.sum(), prediction)[0] for v in (value, expected))
    torch.testing.assert_close(found, wanted)


def test_the_target_of_byol_comes_to_rest():
    values = [byol.momentum(step, 40) for step in range(41)]
    assert values[0] == pytest.approx(byol.MOMENTUM)
    assert values[20] == pytest.approx((1 + byol.MOMENTUM) / 2)
    assert values[40] == 1
    assert values == sorted(values)


def test_a_moving_average_moves_by_its_share():
    target = {"a": draw(3), "b": draw(2, 2, seed=1)}
    before = {name: value.clone() for name, value in target.items()}
    online = {"a": draw(3, seed=2), "b": draw(2, 2, seed=3), "predictor": draw(1)}
    joint_embedding.move_towards(target, online, 0.9)
    assert set(target) == {"a", "b"}
    for name, value in target.items():
        torch.testing.assert_close(value, 0.9 * before[name] + 0.1 * online[name])


def test_codes_are_the_entropic_transport_plan():
    """With enough iterations: equal shares, and the only such plan of the form u exp(s/ε) v."""
    scores = torch.tanh(draw(2, 12, 4))
    plan = swav.codes(scores, 0.5, iterations=500)
    torch.testing.assert_close(plan.sum(2), torch.ones(2, 12, dtype=DOUBLE))
    torch.testing.assert_close(plan.sum(1), torch.full((2, 4), 3.0, dtype=DOUBLE))
    log_ratio = plan.log() - scores / 0.5
    interaction = log_ratio - log_ratio.mean(1, keepdim=True)
    interaction = interaction - interaction.mean(2, keepdim=True)
    assert interaction.abs().max() < 1e-9
    # three iterations end with the images, whose codes sum to one
    torch.testing.assert_close(swav.codes(scores).sum(2), torch.ones(2, 12, dtype=DOUBLE))


def test_no_prototype_can_take_all_images():
    """Scores that prefer one prototype throughout say nothing about which image should have it."""
    scores = torch.zeros(1, 8, 4)
    scores[..., 2] = 0.9
    torch.testing.assert_close(swav.codes(scores), torch.full((1, 8, 4), 0.25))


def test_vicreg_of_a_collapse_and_of_what_it_asks_for():
    collapsed = torch.ones(1, 16, 4, dtype=DOUBLE)
    assert float(vicreg.vicreg(collapsed)) == pytest.approx(2 * 25 * (1 - 0.01))
    signs = torch.tensor([[1, 1], [1, -1], [-1, 1], [-1, -1]], dtype=DOUBLE)  # uncorrelated
    assert float(vicreg.vicreg(2 * signs.repeat(2, 1)[None])) == pytest.approx(0, abs=1e-12)
    # invariance alone: both views have that spread, but each image is moved by 2 in one dimension
    moved = torch.cat([2 * signs, 2 * signs + torch.tensor([2.0, 0.0])])[None]
    assert float(vicreg.vicreg(moved)) == pytest.approx(25 * 4 / 2)


def test_barlow_twins_is_zero_for_independent_embeddings_of_equal_views():
    signs = torch.tensor([[1, 1], [1, -1], [-1, 1], [-1, -1]], dtype=DOUBLE)
    loss = LOSSES["barlow_twins"][0]
    assert float(loss(signs.repeat(2, 1)[None])) == pytest.approx(0, abs=1e-11)
    assert float(loss(torch.cat([signs, -signs])[None])) == pytest.approx(8, rel=1e-5)
    twice = signs[:, [0, 0]].repeat(2, 1)[None]  # one feature, two times
    assert float(loss(twice)) == pytest.approx(2 * 0.005, rel=1e-5)


def test_whitening_whitens():
    z = draw(2, 50, 4) @ draw(4, 4, seed=1) + 3
    white = wmse.whitened(z, 0)
    for w in white:
        np.testing.assert_allclose(np.cov(w.T), np.eye(4), atol=1e-9)
    torch.testing.assert_close(white.mean(1), torch.zeros(2, 4, dtype=DOUBLE))
    shrunk = np.cov(wmse.whitened(z)[0].T)
    assert 0 < np.abs(shrunk - np.eye(4)).max() < 0.2


def test_w_mse_does_not_see_what_whitening_undoes():
    """Shifts, and lower triangular maps, whose Cholesky factor is the product."""
    z = draw(1, 60, 4)
    lower = torch.tril(draw(4, 4, seed=1))
    lower.diagonal().abs_()
    torch.testing.assert_close(wmse.w_mse(z @ lower.T + draw(4), 0), wmse.w_mse(z, 0))
    assert not torch.isclose(wmse.w_mse(z.abs(), 0), wmse.w_mse(z, 0))


def test_w_mse_of_equal_and_of_opposite_views_and_of_short_batches():
    z = draw(1, 30, 4)
    assert float(wmse.w_mse(torch.cat([z, z], 1))) == pytest.approx(0, abs=1e-12)
    assert float(wmse.w_mse(torch.cat([z, -z], 1))) == pytest.approx(4)
    short = draw(1, 10, 32).float().requires_grad_()  # five images cannot fill 32 dimensions
    value = wmse.w_mse(short)
    assert 0 < float(value.detach()) < 4
    assert torch.autograd.grad(value.sum(), short)[0].isfinite().all()


def test_coding_rates_known_in_closed_form():
    """A point, an orthonormal basis, and Sylvester's identity between features and samples."""
    E = 6
    point = torch.zeros(1, 9, E, dtype=DOUBLE)
    point[..., 0] = 1
    assert float(mcr2.coding_rate(point)) == pytest.approx(0.5 * math.log(1 + E / 0.5))
    basis = torch.eye(E, dtype=DOUBLE)[None]
    assert float(mcr2.coding_rate(basis)) == pytest.approx(E / 2 * math.log(1 + 1 / 0.5))
    unit = F.normalize(draw(1, 4, E), dim=-1)
    between = torch.eye(4, dtype=DOUBLE) + E / (4 * 0.5) * unit[0] @ unit[0].T
    assert float(mcr2.coding_rate(unit)) == pytest.approx(0.5 * float(torch.logdet(between)))


def test_rate_reduction_is_never_negative_and_zero_for_a_collapse():
    """Lemma A.4 of the paper: the rate is concave."""
    for seed in range(20):
        z = draw(1, 12, 5, seed=seed)
        assert float(mcr2.rate_reduction(z)) > 0
    assert float(mcr2.rate_reduction(z.new_ones(1, 12, 5))) == pytest.approx(0, abs=1e-12)
    first = draw(1, 6, 5, seed=30)
    invariant = mcr2.rate_reduction(torch.cat([first, first], 1))
    flipped = mcr2.rate_reduction(torch.cat([first, -first], 1))
    torch.testing.assert_close(invariant, flipped)  # a rate has no signs
    other = mcr2.rate_reduction(torch.cat([first, draw(1, 6, 5, seed=31)], 1))
    assert float(invariant) > float(other)


# --- training ------------------------------------------------------------------------------------

NAMES = ("simclr", "moco", "byol", "swav", "barlow_twins", "vicreg", "wmse", "mcr2")
DIMENSIONS = dict.fromkeys(NAMES, 64) | {"barlow_twins": 128, "vicreg": 128, "wmse": 32}
SETTINGS = {"epochs": 3, "learning_rate": 1e-2, "batch_size": 40}  # the last batch has ten images


class Head(nn.Module):
    """A head as anybody would write it."""

    def __init__(self, parameters, name, standardise=True):
        super().__init__()
        hidden, bias, output = (parameters[f"{name}.{x}"][0] for x in ("hidden", "bias", "output"))
        self.first = nn.Linear(hidden.shape[1], len(hidden), bias=False, dtype=DOUBLE)
        self.norm = nn.BatchNorm1d(len(hidden), affine=False, track_running_stats=False)
        self.bias = nn.Parameter(bias.clone())
        self.last = nn.Linear(output.shape[1], len(output), bias=False, dtype=DOUBLE)
        self.standardise = standardise
        with torch.no_grad():
            self.first.weight.copy_(hidden)
            self.last.weight.copy_(output)

    def forward(self, h):
        z = self.first(h)
        return self.last(F.relu((self.norm(z) if self.standardise else z) + self.bias))


class Network(nn.Module):
    def __init__(self, start, standardise=True):
        super().__init__()
        self.layer = nn.Linear(start["weight"].shape[2], start["weight"].shape[1], dtype=DOUBLE)
        self.head = Head(start, "head", standardise)
        with torch.no_grad():
            self.layer.weight.copy_(start["weight"][0])
            self.layer.bias.copy_(start["bias"][0])

    def forward(self, x):
        return self.head(F.relu(self.layer(x)))


def follow(slow, fast, keep):
    with torch.no_grad():
        for old, new in zip(slow.parameters(), fast.parameters(), strict=True):
            old.copy_(keep * old + (1 - keep) * new)


def trained_in_plain_words(method, X, hidden_dim, seed, epochs, learning_rate, batch_size):
    """One seed, view by view, with torch.nn and the losses above."""
    dimension = DIMENSIONS[method]
    start = joint_embedding.network([seed], hidden_dim, X, dimension)
    network, slow = (Network(start, method != "moco") for _ in range(2))
    parameters = list(network.parameters())
    if method == "byol":
        predictor = Head(
            joint_embedding.head([seed], "predictor", dimension, dimension, X), "predictor"
        )
        parameters += predictor.parameters()
    if method == "swav":
        start = xavier([seed], 32, dimension, "prototypes", X)[0]
        prototypes = nn.Parameter(start.clone())
        parameters.append(prototypes)
    if method == "moco":
        noise = torch.randn(len(X) // 2, dimension, generator=generator(seed, "queue"))
        queue = deque(F.normalize(noise, dim=1).double(), maxlen=len(noise))
    optimizer = torch.optim.Adam(parameters, lr=learning_rate)
    order, views = generator(seed, "order"), generator(seed, "augment")
    steps = epochs * math.ceil(len(X) / batch_size)
    step = 0
    for _ in range(epochs):
        for rows in torch.randperm(len(X), generator=order).split(batch_size):
            first, second = augment.two_views(X[rows][None], [views])[0].split(len(rows))
            if method == "moco":
                follow(slow, network, 0.99)
                query = F.normalize(network(first), dim=1)
                key = F.normalize(slow(second), dim=1).detach()
                against = torch.stack(list(queue))
                logits = torch.cat([(query * key).sum(1, keepdim=True), query @ against.T], 1)
                loss = F.cross_entropy(logits / 0.1, torch.zeros(len(rows), dtype=torch.long))
                queue.extend(key)
            elif method == "byol":
                keep = 1 - (1 - 0.99) * (math.cos(math.pi * step / steps) + 1) / 2
                follow(slow, network, keep)
                loss = 0.0
                for online, target in ((first, second), (second, first)):
                    prediction = predictor(network(online))
                    cosine = F.cosine_similarity(prediction, slow(target).detach(), dim=1)
                    loss = loss + (2 - 2 * cosine).mean()
            else:
                z = torch.cat([network(first), network(second)])
                if method == "swav":
                    z = F.normalize(z, dim=1) @ F.normalize(prototypes, dim=1).T
                loss = LOSSES[method][1](z)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
    return network.layer


@pytest.mark.parametrize("method", NAMES)
def test_training_equals_a_plain_loop_with_torch_modules(method, images):
    settings = SETTINGS
    if method in ("simclr", "vicreg"):  # whose losses in plain words take every pair by itself
        settings, images = SETTINGS | {"epochs": 1}, images[:50]
    expected = trained_in_plain_words(method, images, 7, 3, **settings)
    encoder = fit(method, images, 7, 3, **settings)
    start = joint_embedding.network([3], 7, images)["weight"][0]
    assert (encoder.weight - start).abs().max() > 1e-2
    torch.testing.assert_close(encoder.weight, expected.weight.detach(), rtol=0, atol=1e-7)
    torch.testing.assert_close(encoder.bias, expected.bias.detach(), rtol=0, atol=1e-7)
    features = F.relu(expected(images)).detach()
    torch.testing.assert_close(encoder.transform(images), features, rtol=0, atol=1e-6)


@pytest.mark.parametrize("method", NAMES)
def test_a_seed_trained_in_a_stack_equals_the_seed_trained_alone(method, images):
    settings = SETTINGS | {"learning_rate": 1e-3}
    together = METHODS[method].fit(images, 6, [3, 11, 42], **settings)
    for seed, encoder in zip([3, 11, 42], together, strict=True):
        alone = fit(method, images, 6, seed, **settings)
        torch.testing.assert_close(encoder.weight, alone.weight, rtol=0, atol=1e-8)
        torch.testing.assert_close(encoder.bias, alone.bias, rtol=0, atol=1e-8)


def recognised(encoder, X):
    """Share of images whose two views are each other's nearest neighbours by features."""
    views = augment.two_views(X[None], [generator(99, "augment")])[0]
    first, second = F.normalize(encoder.transform(views), dim=1).split(len(X))
    nearest = (first @ second.T).argmax(1)
    return float((nearest == torch.arange(len(X))).double().mean())


@pytest.mark.parametrize("method", NAMES)
def test_inputs_that_are_no_square_images_are_a_failure_that_says_so(method):
    with pytest.raises(FitError, match=r"35 inputs are not a square number.*method without views"):
        fit(method, draw(50, 35).sigmoid(), 4, 0, **SETTINGS)


@pytest.mark.parametrize("method", NAMES)
def test_weights_that_explode_are_a_failure(method, images):
    with pytest.raises(FitError, match="diverged"):
        fit(method, images.float(), 4, 0, **SETTINGS | {"learning_rate": 1e38})


@pytest.mark.parametrize("method", NAMES)
def test_methods_are_in_the_table(method):
    assert METHODS[method].family == "two views"
    assert set(METHODS[method].defaults) == {"epochs", "learning_rate", "batch_size"}
    assert not METHODS[method].reads_labels
