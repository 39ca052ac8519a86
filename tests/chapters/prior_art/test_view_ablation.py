"""Two views without augmentation: losses by formula, training against plain words, the table."""

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from fits import fit

from infomax_lib import RunSpec, SpecError, grid, load_dataset, run
from infomax_lib.model.streams import batches, generator
from paper.chapters.prior_art.measured import view_ablation
from paper.chapters.prior_art.measured.view_ablation import (
    ABLATED,
    VIEWS,
    ViewAblationSpec,
    equal_views,
    view_ablations,
)
from paper.methods import METHODS, FitError
from paper.methods.two_views import augment, barlow_twins, joint_embedding, simclr

DOUBLE = torch.float64


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=DOUBLE)


def quick(**values):
    base = ViewAblationSpec(dataset="digits", hidden_dim=5, epochs=1)
    return grid(base, **{"method": list(ABLATED), "seed": [0, 1]} | values)


# --- views and losses ----------------------------------------------------------------------------


def test_without_augmentation_both_views_are_the_image_and_nothing_is_drawn():
    x, stream = draw(2, 5, 9), generator(0, "augment")
    before = stream.get_state()
    first, second = equal_views(x, [stream, stream]).split(5, 1)
    assert torch.equal(first, x)
    assert torch.equal(second, x)
    assert torch.equal(stream.get_state(), before)
    assert VIEWS["all"] is augment.two_views


def test_nt_xent_of_equal_views_spreads_images():
    z = draw(12, 4)
    unit = z.numpy() / np.linalg.norm(z.numpy(), axis=1, keepdims=True)
    total = 0.0
    for i in range(12):
        others = [np.exp((unit[i] @ unit[j] - 1) / 0.5) for j in range(12) if j != i]
        total += np.log(1 + 2 * sum(others))
    found = simclr.nt_xent(torch.cat([z, z])[None])
    assert float(found) == pytest.approx(total / 12, rel=1e-12)


def test_barlow_twins_of_equal_views_decorrelates():
    z = draw(40, 4) @ draw(4, 4, seed=1)
    r = np.corrcoef(z.numpy().T)
    expected = 5e-3 * (np.sum(r**2) - np.sum(np.diag(r) ** 2))
    found = barlow_twins.barlow_twins(torch.cat([z, z])[None])
    assert float(found) == pytest.approx(expected, rel=1e-4)  # variances have 1e-6 added


# --- training ------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ABLATED)
def test_training_without_augmentation_is_plain_descent_on_pairs_of_equal_images(method):
    X = draw(50, 9).sigmoid()
    width = 128 if method == "barlow_twins" else 64
    settings = {"epochs": 2, "learning_rate": 1e-2, "batch_size": 20}
    parts = joint_embedding.network([3], 6, X, width)
    own = {name: value[0].clone().requires_grad_() for name, value in parts.items()}
    optimizer = torch.optim.Adam(own.values(), lr=1e-2)
    order = generator(3, "order")
    for _ in range(2):
        for rows in batches(50, 20, [order]):
            h = F.linear(X[rows[0]], own["weight"], own["bias"]).relu()
            z = F.batch_norm(h @ own["head.hidden"].T, None, None, training=True)
            z = (z + own["head.bias"]).relu() @ own["head.output"].T
            if method == "simclr":
                unit = F.normalize(z, dim=1)
                apart = ((unit @ unit.T - 1) / 0.5).exp()
                loss = torch.log(2 * apart.sum(1) - apart.diagonal()).mean()
            else:
                s = (z - z.mean(0)) / (z.var(0) + 1e-6).sqrt()
                r = s.T @ s / (len(s) - 1)
                loss = (1 - r.diagonal()).square().sum() + 5e-3 * (
                    r.square().sum() - r.diagonal().square().sum()
                )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    found = METHODS[method].fit(X, 6, [8, 3], views=equal_views, **settings)[1]
    assert (found.weight - parts["weight"][0]).abs().max() > 1e-2
    torch.testing.assert_close(found.weight, own["weight"].detach(), rtol=0, atol=1e-7)
    torch.testing.assert_close(found.bias, own["bias"].detach(), rtol=0, atol=1e-7)


@pytest.mark.parametrize("method", ABLATED)
def test_augmented_training_is_that_of_the_baseline(method):
    X = draw(50, 9).sigmoid()
    settings = {"epochs": 1, "learning_rate": 1e-2, "batch_size": 20}
    plain = fit(method, X, 4, 0, **settings)
    assert torch.equal(plain.weight, fit(method, X, 4, 0, views=VIEWS["all"], **settings).weight)
    other = fit(method, X, 4, 0, views=VIEWS["none"], **settings)
    assert (plain.weight - other.weight).abs().max() > 1e-3


def test_pictures_that_are_not_square_need_no_square_without_augmentation():
    settings = {"epochs": 1, "learning_rate": 1e-3, "batch_size": 20, "hidden_dim": 3, "seed": 0}
    X = draw(50, 7)
    assert fit("simclr", X, views=equal_views, **settings).weight.shape == (3, 7)
    with pytest.raises(FitError, match="7 inputs are not a square number"):
        fit("simclr", X, **settings)


# --- specs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"method": "byol"}, "method='byol' is not possible: choose one of simclr, barlow_twins"),
        ({"views": "masks"}, "views='masks' is not possible: choose one of all, none"),
        ({"dataset": "cifar"}, "choose one of digits"),
        ({"batch_size": 1}, "batch_size=1 is not possible.*greater than or equal to 2"),
        ({"lr": 0.1}, "unknown field 'lr'"),
    ],
)
def test_impossible_settings_are_refused_with_what_is_allowed(fields, message):
    with pytest.raises(SpecError, match=message):
        ViewAblationSpec(**fields)


def test_things_that_are_no_specs_of_it_are_refused():
    with pytest.raises(TypeError, match="expected ViewAblationSpec objects, got str"):
        view_ablations(["simclr"], "cpu", progress=False)
    with pytest.raises(ValueError, match=r"objective='barlow' sees two views.*choose another"):
        view_ablations(
            RunSpec(dataset="digits", epochs=1, objective="barlow"), "cpu", progress=False
        )


# --- running and storing -------------------------------------------------------------------------


@pytest.fixture
def fitted(monkeypatch):
    """(method, views, batch size, seeds) of every fitting."""
    calls = []
    compute = view_ablation._compute

    def counted(specs, *args, **named):
        first = specs[0]
        seeds = [spec.seed for spec in specs]
        calls.append((first.method, first.views, first.batch_size, seeds))
        return compute(specs, *args, **named)

    monkeypatch.setattr(view_ablation, "_compute", counted)
    return calls


def test_seeds_are_fitted_together_stored_and_not_computed_again(tmp_path, fitted):
    specs = quick(views=list(VIEWS), batch_size=[64, 512])
    table = view_ablations(specs, "cpu", tmp_path, progress=False)
    assert len(fitted) == 8
    assert fitted[0] == ("simclr", "all", 64, [0, 1])
    assert list(table["key"]) == [spec.key for spec in specs]
    for field in ("method", "views", "batch_size", "seed"):
        assert list(table[field]) == [getattr(spec, field) for spec in specs]
    assert table["probe_accuracy"].between(0.2, 1).all()
    assert table["weight_redundancy"].nunique() == len(specs)
    assert table["failed"].isna().all()
    fitted.clear()
    again = view_ablations(specs, "cpu", tmp_path, progress=False)
    pd.testing.assert_frame_equal(again, table)
    assert fitted == []
    view_ablations([*specs, *quick(seed=[2], batch_size=[64])], "cpu", tmp_path, progress=False)
    assert [seeds for *_, seeds in fitted] == [[2], [2]]


def test_measures_are_those_of_features_of_the_image_as_it_is(tmp_path):
    (spec,) = quick(method=["simclr"], views=["none"], seed=[0], epochs=[3])
    row = view_ablations(spec, "cpu", tmp_path, progress=False).iloc[0]
    digits = load_dataset("digits")
    settings = {"epochs": 3, "learning_rate": 1e-3, "batch_size": 128}
    encoder = fit("simclr", digits.train, 5, 0, views=equal_views, **settings)
    rows = encoder.weight.double().numpy()
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    cosines = rows @ rows.T - np.eye(5)
    assert row["weight_redundancy"] == pytest.approx(np.sum(cosines**2), rel=1e-4)
    outputs = np.maximum(digits.test.numpy() @ encoder.weight.numpy().T + encoder.bias.numpy(), 0)
    correlations = np.corrcoef(outputs.T) - np.eye(5)
    assert row["output_correlation"] == pytest.approx(np.sum(correlations**2), rel=1e-3)


def test_infomax_layers_are_ordinary_runs_in_the_same_table(tmp_path):
    layer = RunSpec(dataset="digits", hidden_dim=5, epochs=1)
    specs = [*grid(layer, batch_size=[64, 512]), *quick(method=["simclr"], seed=[1])]
    specs = [specs[2], *specs[:2], specs[1]]  # any order, and twice the same
    table = view_ablations(specs, "cpu", tmp_path, progress=False)
    assert list(table["key"]) == [spec.key for spec in specs]
    assert list(table["method"]) == ["simclr", *["infomax_relu"] * 3]
    assert list(table["views"]) == ["all", *["none"] * 3]
    assert list(table["batch_size"]) == [128, 64, 512, 512]
    runs = run(specs[1:], "cpu", tmp_path, progress=False)
    for name in ("probe_accuracy", "weight_redundancy", "output_correlation"):
        assert list(table[name][1:]) == list(runs[name])
    alone = view_ablations(specs[1], "cpu", tmp_path, progress=False)
    assert list(alone.columns) == list(table.columns)
    assert list(view_ablations([], "cpu", tmp_path).columns) == list(table.columns)


def test_fits_that_fail_are_results_without_numbers(tmp_path):
    specs = quick(views=["none"], learning_rate=[1e38], seed=[0])
    layer = RunSpec(dataset="digits", hidden_dim=5, epochs=1, optimizer="sgd", learning_rate=1e30)
    table = view_ablations([*specs, layer], "cpu", tmp_path, progress=False)
    assert table["failed"].str.contains("diverged").all()
    for name in ("probe_accuracy", "weight_redundancy", "output_correlation"):
        assert table[name].isna().all()


def test_augmentation_that_is_not_possible_is_a_result(tmp_path):
    specs = quick(dataset=["synthetic"], views=["all", "none"], method=["simclr"], seed=[0])
    table = view_ablations(specs, "cpu", tmp_path, progress=False)
    assert "2 inputs are not a square number" in table["failed"][0]
    assert np.isnan(table["probe_accuracy"][0])
    assert pd.isna(table["failed"][1])
    assert table["probe_accuracy"][1] > 0.2
