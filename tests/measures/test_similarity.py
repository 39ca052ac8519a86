"""Linear CKA against HSIC by its definition, and matching of units against all permutations."""

from itertools import permutations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from infomax_lib.measures.similarity import linear_cka

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
