"""Linear CKA against HSIC by its definition, and matching of units against all permutations."""

from itertools import permutations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from infomax_lib.measures.similarity import linear_cka, matched_correlation, stability

seeds = st.integers(0, 10_000)


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def related(seed=0, samples=40, widths=(5, 3)):
    """Two sets of features that share a part; neither centred nor of one scale."""
    common = normal(samples, 2, seed=seed)
    return tuple(
        common @ normal(2, width, seed=seed + 1 + i) + normal(samples, width, seed=seed + 3 + i) + 2
        for i, width in enumerate(widths)
    )


def hsic_definition(x, y):
    """CKA as normalised HSIC, tr(KHLH) with N x N linear kernels."""
    k, m = (f.numpy() @ f.numpy().T for f in (x, y))
    h = np.eye(len(k)) - 1 / len(k)

    def hsic(a, b):
        return np.trace(a @ h @ b @ h)

    return hsic(k, m) / np.sqrt(hsic(k, k) * hsic(m, m))


# --- CKA -----------------------------------------------------------------------------------------


@given(seeds)
def test_cka_is_normalised_hsic_with_linear_kernels(seed):
    x, y = related(seed)
    found = linear_cka(x, y)
    assert found.shape == ()
    assert found.dtype == torch.float64
    assert found.item() == pytest.approx(hsic_definition(x, y), rel=1e-10)
    assert found.item() == pytest.approx(linear_cka(y, x).item(), rel=1e-12)
    assert 0 <= found <= 1


def test_layers_are_compared_each_with_its_own():
    pairs = [related(seed) for seed in range(0, 60, 10)]
    x, y = (torch.stack(side).unflatten(0, (2, 3)) for side in zip(*pairs, strict=True))
    found = linear_cka(x, y)
    assert found.shape == (2, 3)
    expected = [hsic_definition(*pair) for pair in pairs]
    assert found.flatten().tolist() == pytest.approx(expected, rel=1e-10)


@given(seeds)
def test_rotation_scale_and_origin_do_not_matter(seed):
    x, y = related(seed)
    rotation = torch.linalg.qr(normal(5, 5, seed=seed + 7)).Q
    found = linear_cka(-30 * x @ rotation + normal(5, seed=seed), 0.01 * y - 4)
    assert found.item() == pytest.approx(linear_cka(x, y).item(), rel=1e-9)
    assert linear_cka(x, -30 * x @ rotation + 1).item() == pytest.approx(1, rel=1e-9)


def test_other_linear_maps_matter():
    x = normal(200, 5)
    stretched = x * torch.tensor([10.0, 1, 1, 1, 1])
    # variances 100, 1, 1, 1, 1 against five equal ones: 104 / sqrt(5 (100^2 + 4))
    assert linear_cka(x, stretched).item() == pytest.approx(104 / 50020**0.5, abs=0.05)


def test_independent_features_keep_the_mean_over_permutations():
    x, y = related(samples=6)
    found = [linear_cka(x, y[list(order)]).item() for order in permutations(range(6))]
    ranks = []
    for features in (x, y):
        eigenvalues = torch.linalg.eigvalsh(features.mT.cov())
        ranks.append(eigenvalues.sum() ** 2 / eigenvalues.square().sum())
    floor = (ranks[0] * ranks[1]).sqrt().item() / (6 - 1)
    assert np.mean(found) == pytest.approx(floor, rel=1e-10)
    many = linear_cka(normal(4000, 5, seed=1), normal(4000, 3, seed=2))
    assert many < 3 * 15**0.5 / 3999


def test_constant_features_count_as_zero():
    x, y = related()
    constant = torch.full((40, 2), 0.1, dtype=torch.float64)  # its mean is rounded
    with_constants = torch.cat([constant, x], 1)
    assert linear_cka(with_constants, y).item() == pytest.approx(linear_cka(x, y).item(), rel=1e-12)
    assert linear_cka(constant, y).isnan()
    assert linear_cka(x, constant).isnan()
    assert linear_cka(constant, constant).isnan()


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_features_that_are_not_finite_give_nan_for_their_layer_alone(bad):
    x, y = related()
    for whole_column in (False, True):
        broken = x.clone()
        broken[slice(None) if whole_column else 3, 0] = bad
        found = linear_cka(torch.stack([broken, x]), torch.stack([y, y]))
        assert found[0].isnan()
        assert found[1].item() == pytest.approx(linear_cka(x, y).item(), rel=1e-12)
        assert matched_correlation(broken, y).isnan()
        assert matched_correlation(y, broken).isnan()


def test_sums_run_in_float64():
    x, y = (f.float() * 1e-12 for f in related())
    assert linear_cka(x, y) == linear_cka(x.double(), y.double())
    assert linear_cka(x, y).item() == pytest.approx(hsic_definition(*related()), rel=1e-5)


@pytest.mark.parametrize(
    ("x", "y"), [((5, 2), (6, 2)), ((2, 5, 3), (5, 3)), ((5,), (5,)), ((2, 5, 3), (3, 5, 3))]
)
def test_different_samples_are_refused(x, y):
    with pytest.raises(ValueError, match="same samples") as refused:
        linear_cka(torch.zeros(x), torch.zeros(y))
    assert str(x) in str(refused.value)


# --- over seeds ----------------------------------------------------------------------------------


def test_stability_compares_all_pairs_of_seeds_in_order():
    features = torch.stack([related(seed)[0] + related(1)[0] for seed in range(4)])
    found = stability(features)
    assert found.shape == (6,)
    expected = [
        hsic_definition(features[i], features[j])
        for i, j in [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
    ]
    assert found.tolist() == pytest.approx(expected, rel=1e-10)
    assert len(set(np.round(expected, 6))) == 6


def test_stability_of_equal_independent_and_dead_seeds():
    x = normal(500, 4)
    rotation = torch.linalg.qr(normal(4, 4, seed=1)).Q
    dead = torch.full((500, 4), 0.1, dtype=torch.float64)
    found = stability(torch.stack([x, 3 * x @ rotation, normal(500, 4, seed=2), dead]))
    assert found[0].item() == pytest.approx(1, rel=1e-12)
    assert (found[[1, 3]] < 0.05).all()
    assert found[[2, 4, 5]].isnan().all()


@pytest.mark.parametrize("shape", [(1, 8, 2), (8, 2), (2, 2, 8, 2)])
def test_stability_needs_seeds(shape):
    with pytest.raises(ValueError, match="at least 2 seeds"):
        stability(torch.zeros(shape))


# --- units ---------------------------------------------------------------------------------------


@given(seeds, st.sampled_from([(4, 4), (5, 3), (2, 5)]))
def test_the_best_of_all_matchings(seed, widths):
    x, y = related(seed, widths=widths)
    size = np.abs(np.corrcoef(x.numpy().T, y.numpy().T)[: widths[0], widths[0] :])
    if widths[0] > widths[1]:
        size = size.T
    pairs = range(len(size))
    orders = permutations(range(size.shape[1]), len(size))
    expected = max(np.mean([size[k, order[k]] for k in pairs]) for order in orders)
    found = matched_correlation(x, y)
    assert found.shape == ()
    assert found.item() == pytest.approx(expected, rel=1e-10)


def test_order_sign_scale_and_origin_of_units_do_not_matter_but_rotation_does():
    x = normal(300, 6)
    scale = torch.tensor([1e-20, -1, 3, -40, 5, 1e9], dtype=torch.float64)
    found = matched_correlation(x, (x * scale)[:, torch.tensor([3, 0, 5, 1, 4, 2])] + 7 * scale[0])
    assert found.item() == pytest.approx(1, rel=1e-12)
    rotated = x @ torch.linalg.qr(normal(6, 6, seed=1)).Q
    assert linear_cka(x, rotated).item() == pytest.approx(1, rel=1e-12)
    assert matched_correlation(x, rotated) < 0.9


def test_constant_units_have_no_correlation():
    x = normal(50, 3)
    dead = x.clone()
    dead[:, 1] = 0.1
    assert matched_correlation(x[:, [0, 2]], dead).item() == pytest.approx(1, rel=1e-12)
    assert matched_correlation(dead, dead).item() == pytest.approx(2 / 3, rel=1e-12)
    assert matched_correlation(dead[:, 1:2], x).isnan()
    assert matched_correlation(x, dead[:, 1:2]).isnan()


def test_matching_refuses_stacks_and_other_samples():
    with pytest.raises(ValueError, match="one layer at a time"):
        matched_correlation(torch.zeros(2, 5, 3), torch.zeros(2, 5, 3))
    with pytest.raises(ValueError, match="same samples"):
        matched_correlation(torch.zeros(5, 3), torch.zeros(4, 3))
