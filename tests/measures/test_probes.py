"""The linear probe against scikit-learn's own pipeline, and what must not change it."""

import pytest
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from infomax_lib import load_dataset
from infomax_lib.measures.logistic import LogisticProblem, logistic_regression
from infomax_lib.measures.probes import linear_probe


@pytest.fixture(scope="module")
def digits():
    data = load_dataset("digits")
    return data.train[:400], data.train_labels[:400], data.test, data.test_labels


def test_equals_scikit_learn(digits):
    train, train_labels, test, test_labels = (part.numpy() for part in digits)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    expected = pipeline.fit(train.astype(float), train_labels).score(test, test_labels)
    found = linear_probe(*digits)
    assert found.dtype == torch.float64
    assert found.shape == ()
    # the unbiased deviation differs from scikit-learn's by a relative 1/2N: at most one image flips
    assert found.item() == pytest.approx(expected, abs=1.01 / len(test))
    assert found > 0.9


def test_layers_are_probed_each_by_itself(digits):
    train, train_labels, test, test_labels = digits
    stacked = torch.stack([train, train.roll(3, -1), train * 0])
    stacked_test = torch.stack([test, test.roll(3, -1), test * 0])
    found = linear_probe(stacked, train_labels, stacked_test, test_labels)
    assert found.shape == (3,)
    assert found[0] == linear_probe(*digits)
    assert found[0].item() == pytest.approx(found[1].item(), abs=1e-9)
    assert found[2] < 0.15  # nothing but constants


def test_scale_and_origin_of_a_feature_do_not_matter(digits):
    train, train_labels, test, test_labels = (
        part.double() if part.is_floating_point() else part for part in digits
    )
    scale = torch.logspace(-3, 3, train.shape[1], dtype=torch.float64)
    found = linear_probe(train * scale - 5, train_labels, test * scale - 5, test_labels)
    expected = linear_probe(train, train_labels, test, test_labels)
    assert found.item() == pytest.approx(expected.item(), abs=1.01 / len(test))


def test_separable_classes_are_read_off_and_shuffled_labels_are_not():
    labels = torch.arange(4).repeat(100)
    x = torch.nn.functional.one_hot(labels, 4) + 0.1 * torch.randn(400, 4)
    assert linear_probe(x[:200], labels[:200], x[200:], labels[200:]) == 1
    shuffled = labels[torch.randperm(400)]
    assert linear_probe(x[:200], shuffled[:200], x[200:], shuffled[200:]) < 0.4


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
@pytest.mark.parametrize("place", ["train", "test"])
def test_features_that_are_not_finite_give_nan_for_their_layer_alone(digits, place, bad):
    train, train_labels, test, test_labels = digits
    stacked, stacked_test = torch.stack([train, train]), torch.stack([test, test])
    (stacked if place == "train" else stacked_test)[0, 0, 0] = bad
    found = linear_probe(stacked, train_labels, stacked_test, test_labels)
    assert found[0].isnan()
    one_sample = 1 / len(test)
    assert found[1].item() == pytest.approx(linear_probe(*digits).item(), abs=1.5 * one_sample)


def test_features_of_any_finite_scale(digits):
    """Weights without bound and units all but silent in training are read, not refused."""
    train, labels, test, test_labels = digits
    expected = linear_probe(train, labels, test, test_labels)
    huge = linear_probe(train * 1e25, labels, test * 1e25, test_labels)
    assert abs(huge - expected) <= 1.01 / len(test)
    silent, loud = train.clone(), test.clone()
    silent[:, 0], loud[:, 0] = 0.0, 1.0
    silent[0, 0] = 1e-38
    assert linear_probe(silent, labels, loud, test_labels).isfinite()


def features_of(kind: str, inputs, units: int):
    """Outputs of one random layer, as a population would give them."""
    weight = torch.randn(units, inputs.shape[-1], generator=torch.Generator().manual_seed(3))
    z = inputs @ weight.T
    outputs = {"relu": z.relu(), "softmax": z.softmax(-1), "saturated": (20 * z).softmax(-1)}
    return outputs[kind]


def scikit_learn(train, labels, c=1.0, tol=1e-4):
    """Coefficients (C, K + 1) of scikit-learn's regression."""
    model = LogisticRegression(C=c, max_iter=20_000, tol=tol).fit(train.numpy(), labels.numpy())
    return torch.cat(
        [torch.from_numpy(model.coef_), torch.from_numpy(model.intercept_).unsqueeze(-1)], -1
    ).double()


@pytest.fixture(scope="module")
def hidden():
    """Standardised features, float64, of layers whose regressions differ in difficulty."""
    data = load_dataset("digits")
    x = torch.stack([features_of(kind, data.train[:600], 12) for kind in ("relu", "saturated")])
    x = x.double()
    return (x - x.mean(1, keepdim=True)) / x.std(1, keepdim=True), data.train_labels[:600]


@pytest.mark.parametrize("c", [0.01, 1.0, 30.0])
def test_the_optimum_is_scikit_learns(hidden, c):
    x, labels = hidden
    found = logistic_regression(x, labels, c, tol=1e-10)
    for layer, coefficients in zip(x, found, strict=True):
        expected = scikit_learn(layer, labels, c, tol=1e-10)
        # the intercepts are free up to a constant
        expected[:, -1] -= expected[:, -1].mean()
        assert torch.allclose(coefficients, expected, atol=1e-4 * expected.abs().max().item())
        problem = LogisticProblem.of(layer[None], labels, c)
        value, gradient = problem.evaluate(coefficients[None])
        assert gradient.abs().max() <= 1e-10
        assert value <= problem.evaluate(expected[None])[0] + 1e-12


def test_two_classes_have_the_objective_of_scikit_learns_binary_regression(hidden):
    x, labels = hidden
    binary = (labels > 4).long()
    found = logistic_regression(x, binary, tol=1e-10)
    for layer, coefficients in zip(x, found, strict=True):
        expected = scikit_learn(layer, binary, tol=1e-10)
        assert torch.allclose(coefficients[1] - coefficients[0], expected[0], atol=1e-5)


def test_value_and_gradient_are_those_of_the_log_losses(hidden):
    x, labels = hidden
    problem = LogisticProblem.of(x, labels, 2.0)
    w = torch.randn(2, 10, x.shape[-1] + 1, dtype=torch.float64, requires_grad=True)
    value, gradient = problem.evaluate(w.detach())
    logits = x @ w[..., :-1].mT + w[..., -1].unsqueeze(1)
    loss = torch.stack([torch.nn.functional.cross_entropy(z, labels) for z in logits])
    loss = loss + w[..., :-1].square().sum((1, 2)) / (2 * 2.0 * len(labels))
    assert torch.allclose(value, loss, rtol=1e-12)
    (expected,) = torch.autograd.grad(loss.sum(), w)
    assert torch.allclose(gradient, expected, atol=1e-12)


@pytest.mark.parametrize("c", [0.01, 100.0])
@pytest.mark.parametrize("precision", [torch.float32, torch.float64])
def test_the_preconditioner_changes_the_path_and_not_the_goal(hidden, monkeypatch, c, precision):
    x, labels = hidden
    x = x.to(precision)
    expected = logistic_regression(x, labels, c, tol=1e-5)
    problem = LogisticProblem.of(x, labels, c)
    for name, value in [("_SAMPLES_PER_COLUMN", 10**6), ("_PRECONDITIONER_SAMPLES", 100)]:
        monkeypatch.setattr(f"infomax_lib.measures.logistic.{name}", value)
        found = logistic_regression(x, labels, c, tol=1e-5)
        assert not torch.equal(found, expected)
        assert problem.evaluate(found)[1].abs().max() <= 1e-5
        values = problem.evaluate(found)[0], problem.evaluate(expected)[0]
        assert torch.allclose(*values, atol=1e-5)


@pytest.mark.parametrize("kind", ["relu", "softmax", "saturated"])
@pytest.mark.parametrize("units", [1, 4, 64])
def test_accuracy_is_that_of_scikit_learn(kind, units):
    data = load_dataset("digits")
    train, test = (features_of(kind, x, units) for x in (data.train, data.test))
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000, tol=1e-6))
    # scikit-learn's own deviation underflows on the smallest outputs in float32
    pipeline.fit(train.double().numpy(), data.train_labels.numpy())
    expected = pipeline.score(test.double().numpy(), data.test_labels.numpy())
    found = linear_probe(train, data.train_labels, test, data.test_labels)
    assert found.item() == pytest.approx(expected, abs=1.01 / len(test))


def test_dead_units_say_nothing(digits):
    train, labels, test, test_labels = digits
    expected = linear_probe(train, labels, test, test_labels)
    dead = torch.full((1, 3), 0.1)  # not exactly its own float32 mean
    stacked = [torch.cat([x, dead.expand(len(x), -1)], -1) for x in (train, test)]
    stacked[0][:, -2] = 1e-38
    stacked[1][:, -2:] = 1e5
    assert linear_probe(stacked[0], labels, stacked[1], test_labels) == expected


def test_a_unit_with_tiny_outputs_counts_like_any_other(digits):
    train, labels, test, test_labels = digits
    scaled = linear_probe(train * 2.0**-100, labels, test * 2.0**-100, test_labels)
    assert scaled == linear_probe(train, labels, test, test_labels)


def test_copies_of_one_feature_and_almost_no_penalty(digits):
    """Singular Hessian blocks: the preconditioner survives them."""
    train, labels, test, test_labels = digits
    copies = [x[:, 20:21].expand(-1, 20) for x in (train, test)]
    alone = linear_probe(train[:, 20:21], labels, test[:, 20:21], test_labels, c=1e6)
    found = linear_probe(copies[0], labels, copies[1], test_labels, c=1e12)
    assert found.item() == pytest.approx(alone.item(), abs=1.01 / len(test))


def test_blocks_without_a_factor_cost_iterations_only(hidden, monkeypatch):
    x, labels = hidden
    factorise = torch.linalg.cholesky_ex

    def failing(blocks):
        factors, failed = factorise(blocks)
        factors[:, ::3], failed[:, ::3] = torch.nan, 1
        return factors, failed

    monkeypatch.setattr(torch.linalg, "cholesky_ex", failing)
    found = logistic_regression(x, labels, tol=1e-6)
    assert LogisticProblem.of(x, labels, 1.0).evaluate(found)[1].abs().max() <= 1e-6


def test_steps_that_are_too_long_are_shortened(hidden, monkeypatch):
    """With the true curvature, not the bounded one, pure classes send steps far away."""
    x, labels = hidden
    monkeypatch.setattr("infomax_lib.measures.logistic._LEAST_VARIANCE", 0.0)
    values = []
    evaluate = LogisticProblem.evaluate

    def recorded(problem, coefficients):
        value, gradient = evaluate(problem, coefficients)
        values.append(value)
        return value, gradient

    monkeypatch.setattr(LogisticProblem, "evaluate", recorded)
    logistic_regression(x, labels, 1e6, tol=1e-5)
    raised = torch.stack(values) > torch.stack(values).cummin(0).values + 1e-3
    assert raised.any()  # a step was too long,
    for first in range(len(raised) - 4):  # and no step was taken from where it led
        assert not raised[first : first + 5].all(0).any()


def test_classes_that_training_lacks_are_never_predicted():
    labels = torch.tensor([7, 3, 9]).repeat(50)
    x = torch.nn.functional.one_hot(labels, 10).float() + 0.01 * torch.randn(150, 10)
    test_labels = labels.clone()
    test_labels[:30] = 0
    assert linear_probe(x, labels, x, test_labels).item() == pytest.approx(0.8)
    only = torch.full((150,), 3)
    assert linear_probe(x, only, x, test_labels) == (test_labels == 3).double().mean()


def test_neighbours_do_not_matter(digits):
    """Bitwise, beside layers that converge sooner, later, or are not finite."""
    train, labels, _, _ = digits
    x, saturated = (features_of(kind, train, 8) for kind in ("relu", "saturated"))
    x, saturated = ((part - part.mean(0)) / part.std(0) for part in (x, saturated))
    first = [
        logistic_regression(torch.stack([x, other]), labels)[0]
        for other in (x, x * 0, saturated, torch.full_like(x, torch.nan))
    ]
    for found in first[1:]:
        assert torch.equal(found, first[0])
    alone = logistic_regression(x[None], labels)[0]
    assert (alone - first[0]).abs().max() < 1e-3 * alone.abs().max()


def test_groups_of_layers_give_the_same_and_keep_their_order(digits, monkeypatch):
    train, labels, test, test_labels = digits
    x, held_out = (
        torch.stack([part[:, :width].repeat(1, 32 // width) for width in (1, 2, 4, 8, 16, 32)])
        for part in (train[:, 20:52], test[:, 20:52])
    )
    together = linear_probe(x.view(2, 3, *x.shape[1:]), labels, held_out, test_labels)
    assert together.shape == (2, 3)
    monkeypatch.setattr("infomax_lib.measures.probes._AT_ONCE_CPU", 2 * x[0].numel())
    in_pairs = linear_probe(x, labels, held_out, test_labels)
    assert torch.allclose(in_pairs, together.flatten(), atol=1.01 / len(test))
    assert together.flatten()[5] > together.flatten()[0] + 0.2


def test_a_regression_that_does_not_converge_says_so(hidden, monkeypatch):
    monkeypatch.setattr("infomax_lib.measures.logistic._MAX_EVALUATIONS", 3)
    with pytest.warns(ConvergenceWarning, match="2 of 2 .* 3 evaluations"):
        logistic_regression(*hidden)
