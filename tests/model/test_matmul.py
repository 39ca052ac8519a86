"""Matrix products against NumPy in float64, whatever kernel serves them."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from infomax_lib.model import matmul as module
from infomax_lib.model.matmul import product, products

SHAPES = [(1, 1, 1), (3, 5, 2), (16, 128, 50), (40, 128, 50), (130, 784, 128)]
TYPES = {torch.float64: 1e-13, torch.float32: 3e-6, torch.bfloat16: 2e-2}


def pair(rows, inner, columns, dtype, count=None):
    rng = np.random.default_rng(rows + inner + columns)
    leading = () if count is None else (count,)
    a, b = (rng.standard_normal((*leading, n, inner)) for n in (rows, columns))
    return torch.tensor(a).to(dtype), torch.tensor(b).to(dtype)


def close(found, a, b, dtype):
    a, b = a.double().numpy(), b.double().numpy()
    expected = a @ np.swapaxes(b, -1, -2)
    assert found.dtype == dtype
    scale = np.sqrt(a.shape[-1])
    assert_allclose(found.double().numpy(), expected, rtol=TYPES[dtype], atol=TYPES[dtype] * scale)


@pytest.mark.parametrize("onednn", [True, False])
@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("shape", SHAPES)
class TestAgainstNumpy:
    def test_one(self, monkeypatch, shape, dtype, onednn):
        monkeypatch.setattr(module, "_USE_ONEDNN", onednn and module._USE_ONEDNN)
        a, b = pair(*shape, dtype)
        close(product(a, b), a, b, dtype)

    def test_transposed_factors(self, monkeypatch, shape, dtype, onednn):
        monkeypatch.setattr(module, "_USE_ONEDNN", onednn and module._USE_ONEDNN)
        a, b = pair(*shape, dtype)
        found = product(a.mT.contiguous().mT, b.mT.contiguous().mT)
        close(found, a, b, dtype)

    @pytest.mark.parametrize("count", [1, 3])
    @pytest.mark.parametrize("given", [True, False])
    def test_many(self, monkeypatch, shape, dtype, onednn, count, given):
        monkeypatch.setattr(module, "_USE_ONEDNN", onednn and module._USE_ONEDNN)
        a, b = pair(*shape, dtype, count)
        out = torch.empty(count, shape[0], shape[2], dtype=dtype) if given else None
        close(products(a, b, out), a, b, dtype)


def test_rows_do_not_disturb_each_other():
    a, b = pair(40, 128, 30, torch.float32)
    spoiled = a.clone()
    spoiled[7] = torch.nan
    others = [row for row in range(40) if row != 7]
    found, expected = product(spoiled, b), product(a, b)
    assert torch.equal(found[others], expected[others])
    assert found[7].isnan().all()
