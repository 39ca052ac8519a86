"""Training cost against operations counted by hand, in loops, and in the programs themselves."""

import dataclasses
import math

import numpy as np
import pytest
import scipy.linalg
import torch
from fits import fit
from sklearn.cluster import KMeans, kmeans_plusplus
from sklearn.mixture import GaussianMixture
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from infomax_lib import RunSpec, load_dataset
from infomax_lib.model.layer import InfoMaxLayer
from paper.chapters.prior_art.measured import flops
from paper.chapters.prior_art.measured.flops import (
    count_flops,
    epochs_for,
    parameters,
    training_flops,
)
from paper.methods import METHODS, BaselineSpec, FitError, Method
from paper.methods.density.gmm import VARIANCE_FLOOR
from paper.methods.two_views.joint_embedding import EMBEDDING, HEAD_UNITS
from paper.methods.two_views.moco import QUEUE
from paper.methods.two_views.swav import PROTOTYPES

B, D, K = 32, 16, 6
H, E = HEAD_UNITS, EMBEDDING
DESCENDING = [name for name, method in METHODS.items() if "batch_size" in method.defaults]
LAYER = B * D * K  # multiply-adds of W x for a batch


def baseline(method, **fields):
    return BaselineSpec(dataset="digits", method=method, hidden_dim=K, **fields)


def head(samples, inputs, outputs):
    """Multiply-adds of a head: forward, and back to its inputs and to its weights."""
    return 3 * samples * (inputs * H + H * outputs)


# --- one step by hand ----------------------------------------------------------------------------

# Multiply-adds of one step on B samples of D inputs. Views are twice as many samples, and W x costs
# once forward and once for the gradient by W: inputs have none.
ONE_STEP = {
    # encode, decode, back through the decoder, gradients by both
    "autoencoder": 5 * LAYER,
    "denoising_autoencoder": 5 * LAYER,
    "sparse_autoencoder": 5 * LAYER,
    "topk_autoencoder": 5 * LAYER,
    "masked_prediction": 5 * LAYER,
    "autoregressive_prediction": 5 * LAYER,
    "vae": 7 * LAYER,  # a second encoder, for the variances
    "rica": 5 * LAYER,
    "softhebb": 2 * LAYER,  # W x and y x'
    # h of the data, then per step of the chain v and h, then the two outer products
    "rbm": (1 + 2 + 2) * LAYER,
    "rbm_cd5": (1 + 5 * 2 + 2) * LAYER,
    "rbm_pcd": (2 + 2 + 2) * LAYER,
    "supervised": 2 * LAYER + 3 * B * K * 10,
    # z z' of 2B embeddings, forward and by either factor
    "simclr": 4 * LAYER + head(2 * B, K, E) + 3 * (2 * B) ** 2 * E,
    # the second view passes the slow copy once, and keys of the queue have no gradient
    "moco": 3 * LAYER + head(B, K, E) + head(B, K, E) / 3 + 2 * B * QUEUE * E,
    "byol": 4 * LAYER + head(2 * B, K, E) + head(2 * B, E, E) + (2 * LAYER + head(2 * B, K, E) / 3),
    "swav": 4 * LAYER + head(2 * B, K, E) + 3 * 2 * B * E * PROTOTYPES,
    "barlow_twins": 4 * LAYER + head(2 * B, K, H) + 3 * B * H**2,
    "vicreg": 4 * LAYER + head(2 * B, K, H) + 3 * 2 * B * H**2,
}


@pytest.mark.parametrize("method", ONE_STEP)
def test_a_step_costs_what_its_products_cost(method):
    spec = baseline(method, epochs=1, batch_size=B)
    samples = 100 * B  # beyond the queue of MoCo
    assert training_flops(spec, samples, D) == 100 * 2 * ONE_STEP[method]


@pytest.mark.parametrize(("method", "width", "whitened"), [("mcr2", E, 1), ("wmse", 32, 2)])
def test_factorisations_are_counted(method, width, whitened):
    """At least a Cholesky factor and Z'Z beside the network; less than as if all were cubic."""
    network = 2 * (4 * LAYER + head(2 * B, K, width))
    spec = baseline(method, epochs=1, batch_size=B)
    rest = training_flops(spec, B, D) - network
    products = 3 * 2 * 2 * B * width**2
    assert rest > products + whitened * width**3 / 3
    assert rest < 3 * products + whitened * 10 * width**3


def test_factorisations_cost_their_leading_term():
    n, m = 6, 4
    a = torch.eye(n, dtype=torch.float64).repeat(3, 1, 1)
    assert count_flops(lambda: torch.linalg.cholesky_ex(a)) == pytest.approx(3 * n**3 / 3)
    assert count_flops(lambda: torch.linalg.slogdet(a)) == pytest.approx(3 * 2 * n**3 / 3)
    assert count_flops(lambda: torch.linalg.inv_ex(a)) == pytest.approx(3 * 2 * n**3)
    assert count_flops(lambda: torch.linalg.eigh(a)) == pytest.approx(3 * 14 * n**3 / 3)
    b, solve = torch.ones_like(a[:, :, :m]), torch.linalg.solve_triangular
    assert count_flops(lambda: solve(a, b, upper=False)) == 3 * n**2 * m
    assert count_flops(lambda: solve(a, b.mT, upper=False, left=False)) == 3 * n**2 * m


def test_products_that_add_in_place_are_counted():
    a, b, total = torch.ones(2, 3, 4), torch.ones(2, 4, 5), torch.zeros(2, 3, 5)
    assert count_flops(lambda: total.baddbmm_(a, b)) == 2 * 2 * 3 * 4 * 5
    assert count_flops(lambda: total[0].addmm_(a[0], b[0])) == 2 * 3 * 4 * 5


class Operations(TorchDispatchMode):
    """Names of the operations that run inside."""

    def __init__(self):
        super().__init__()
        self.seen = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.seen.add(func._overloadpacket)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("method", DESCENDING)
def test_no_product_or_factorisation_of_a_method_goes_uncounted(method):
    x = torch.rand(B, D, generator=torch.Generator().manual_seed(0))
    settings = METHODS[method].defaults | {"epochs": 1, "batch_size": B}
    if METHODS[method].reads_labels:
        settings["labels"] = torch.arange(B) % 3
    with Operations() as operations:
        METHODS[method].fit(x, K, [0], **settings)
    # the norm is a sum of squares, mv is a product with a vector
    left_out = {torch.ops.aten.linalg_vector_norm, torch.ops.aten.mv}
    parts = ("mm", "matmul", "linalg", "cholesky", "solve", "conv", "einsum", "cdist", "mkldnn")
    costly = {op for op in operations.seen if any(part in str(op) for part in parts)}
    assert costly - left_out <= {*flop_registry, *flops._UNKNOWN_TO_PYTORCH}
    assert costly


# --- InfoMax layers ------------------------------------------------------------------------------


def layer(**fields):
    return RunSpec(dataset="digits", hidden_dim=K, **{"epochs": 1, "batch_size": B} | fields)


@pytest.mark.parametrize(
    ("fields", "by_hand"),
    [
        # W x, the gradient by W, Z'Z, and the centred outputs times the gradient by it
        ({}, 2 * LAYER + 2 * B * K**2),
        ({"competition": "softmax"}, 2 * LAYER + 2 * B * K**2),
        ({"lambda_lse": 1.0}, 2 * LAYER + 2 * B * K**2),
        ({"precision": "bfloat16"}, 2 * LAYER + 2 * B * K**2),
        ({"objective": "decorrelation"}, 2 * LAYER + 2 * B * K**2),
        ({"objective": "none", "lambda_lse": 1.0}, 2 * LAYER),
        ({"lambda_wr": 1.0}, 2 * LAYER + 2 * B * K**2 + 2 * K**2 * D),  # W W', and back
        ({"objective": "log_det"}, 2 * LAYER + 2 * B * K**2 + K**3 + K**3 / 3),
        ({"objective": "barlow"}, 4 * LAYER + 3 * B * K**2),
        # products of the kernel matrices and, for the variances, of the outputs
        ({"objective": "hsic"}, 2 * LAYER + 3 * K**2 * B**2 + 3 * B * K**2),
    ],
)
def test_a_step_of_an_infomax_layer(fields, by_hand):
    assert training_flops(layer(**fields), B, D) == pytest.approx(2 * by_hand)
    whole = training_flops(layer(**fields, epochs=3), 10 * B, D)
    assert whole == pytest.approx(3 * 10 * 2 * by_hand)


def test_a_full_batch_is_one_step_on_all_samples():
    samples = 1000
    spec = layer(batch_size="full", epochs=7, lambda_wr=1.0)
    step = 2 * samples * D * K + 2 * samples * K**2 + 2 * K**2 * D
    assert training_flops(spec, samples, D) == 7 * 2 * step


def test_an_untrained_layer_costs_nothing():
    assert training_flops(layer(epochs=0), 100, D) == 0
    assert training_flops(baseline("untrained"), 100, D) == 0


# --- epochs, samples, budgets --------------------------------------------------------------------


@pytest.mark.parametrize("method", [m for m in METHODS if METHODS[m].defaults])
def test_cost_is_linear_in_epochs(method):
    one, two, five = (training_flops(baseline(method, epochs=e), 300, D) for e in (1, 2, 5))
    assert five - two == pytest.approx(3 * (two - one))
    assert two > one > 0
    if method in DESCENDING:
        assert two == 2 * one


@pytest.mark.parametrize("method", DESCENDING)
def test_cost_is_linear_in_whole_batches(method):
    """From where MoCo's queue has its full length."""
    spec = baseline(method, epochs=1, batch_size=B)
    few, more, most = (training_flops(spec, n * B, D) for n in (80, 90, 120))
    assert most - more == pytest.approx(3 * (more - few))
    assert few == pytest.approx(80 / 40 * (most - few))


@pytest.mark.parametrize("method", DESCENDING)
@pytest.mark.parametrize("samples", [5, 3 * 512 + 1, 7 * 512 + 100])
def test_cost_is_that_of_the_whole_fit(method, samples):
    """Few batches stand for many, with the rest at the end, and without a rest of one sample."""
    x = torch.rand(samples, D, generator=torch.Generator().manual_seed(1))
    settings = METHODS[method].defaults | {"epochs": 1, "batch_size": 512}
    if METHODS[method].reads_labels:
        settings["labels"] = torch.full((samples,), 9)
    whole = count_flops(lambda: METHODS[method].fit(x, K, [3], **settings))
    spec = baseline(method, epochs=1, batch_size=512, seed=3)
    assert training_flops(spec, samples, D) == pytest.approx(whole, rel=1e-12)


def test_a_rest_of_one_sample_is_not_trained_on():
    spec = baseline("autoencoder", epochs=1, batch_size=B)
    whole, one_more, two_more = (training_flops(spec, 4 * B + rest, D) for rest in (0, 1, 2))
    assert whole == one_more
    assert two_more - whole == 2 * 5 * 2 * D * K


@pytest.mark.parametrize("spec", [baseline(m) for m in ("autoencoder", "moco", "rbm")] + [layer()])
def test_a_budget_gives_back_its_epochs(spec):
    for epochs in (1, 2, 7, 100):
        budget = training_flops(spec.but(epochs=epochs), 1437, 64)
        assert epochs_for(spec, 1437, 64, budget) == epochs
        one = budget / epochs
        assert epochs_for(spec, 1437, 64, budget + 0.4 * one) == epochs
        assert epochs_for(spec, 1437, 64, budget + 0.6 * one) == epochs + 1
    assert epochs_for(spec, 1437, 64, 1e-3) == 1


def test_layers_of_other_seeds_and_rates_cost_the_same_and_are_counted_once():
    flops._counted_epoch.cache_clear()
    first = training_flops(baseline("simclr", seed=1, epochs=4), 1280, D)
    counted = flops._counted_epoch.cache_info().misses
    assert counted > 0
    assert training_flops(baseline("simclr", seed=2, epochs=8), 1280, D) == 2 * first
    assert flops._counted_epoch.cache_info().misses == counted


@pytest.mark.parametrize("name", ["digits", "synthetic"])
def test_the_supervised_layer_tells_the_classes_of_its_dataset_apart(name):
    classes = int(load_dataset(name).train_labels.max()) + 1
    spec = BaselineSpec(dataset=name, method="supervised", hidden_dim=K, epochs=1, batch_size=B)
    assert training_flops(spec, B, D) == 2 * (2 * LAYER + 3 * B * K * classes)


# --- formulas ------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["pca", "pca_relu"])
def test_components_cost_a_covariance_and_its_eigenvectors(method):
    x = torch.rand(70, D, generator=torch.Generator().manual_seed(0))
    assert training_flops(baseline(method), 70, D) == pytest.approx(
        count_flops(lambda: fit("pca", x, K, 0))
    )
    assert training_flops(baseline(method), 70, D) == pytest.approx(2 * 70 * D**2 + 14 / 3 * D**3)


@pytest.fixture
def numpy_products(monkeypatch):
    """A list that gets the cost of every product of matrices, determinant and eigenproblem."""
    costs = []

    def watch(module, name, cost):
        original = getattr(module, name)

        def watched(*args, **kwargs):
            costs.append(cost(*args))
            return original(*args, **kwargs)

        monkeypatch.setattr(module, name, watched)

    def product(a, b):
        return 2 * a.shape[0] * a.shape[1] * b.shape[1] if a.ndim == b.ndim == 2 else 0

    watch(np, "dot", product)
    watch(np, "inner", lambda a, b: product(a, b.T))
    watch(np.linalg, "multi_dot", lambda factors: product(*factors[:2]) + product(*factors[1:]))
    watch(np.linalg, "slogdet", lambda a: 2 / 3 * len(a) ** 3)
    for module in (np.linalg, scipy.linalg):
        watch(module, "eigh", lambda a: 14 / 3 * len(a) ** 3)
    return costs


def mixed_sources(samples):
    rng = np.random.default_rng(0)
    return torch.from_numpy(rng.laplace(size=(samples, D)) @ rng.normal(size=(D, D))).float()


@pytest.mark.parametrize("epochs", [1, 4])
def test_fastica_costs_what_its_program_multiplies(numpy_products, epochs):
    x = mixed_sources(500)
    in_torch = count_flops(lambda: fit("fastica", x, K, 0, epochs=epochs))
    expected = training_flops(baseline("fastica", epochs=epochs), 500, D)
    assert in_torch + sum(numpy_products) == pytest.approx(expected)


@pytest.mark.parametrize("epochs", [1, 4])
def test_picard_costs_what_its_program_multiplies(numpy_products, monkeypatch, epochs):
    x = mixed_sources(500)
    trials = []
    core = pytest.importorskip("picard._core_picard")
    loss = core._loss
    monkeypatch.setattr(core, "_loss", lambda *args: trials.append(1) or loss(*args))
    in_torch = count_flops(lambda: fit("picard", x, K, 0, epochs=epochs))
    repeated = len(trials) - 1 - epochs  # the loss at the start, and one trial per iteration
    expected = training_flops(baseline("picard", epochs=epochs), 500, D)
    expected += repeated * (2 * 500 * K**2 + 8 / 3 * K**3)
    assert in_torch + sum(numpy_products) == pytest.approx(expected)


@pytest.mark.parametrize("epochs", [1, 2, 10])
def test_sparse_filtering_costs_its_evaluations(epochs):
    x = torch.rand(90, D, generator=torch.Generator().manual_seed(0))
    spent = count_flops(lambda: fit("sparse_filtering", x, K, 0, epochs=epochs))
    bound = training_flops(baseline("sparse_filtering", epochs=epochs), 90, D)
    evaluation = 4 * 90 * K * D
    assert spent in (bound, bound - evaluation)


class MultiplyAdds:
    """k-means in loops that counts its multiply-adds."""

    def __init__(self):
        self.count = 0

    def squared_distance(self, x, c):
        """||c||² - 2 c·x + ||x||², of which the norms are no product of matrices."""
        inner = 0.0
        for a, b in zip(x, c, strict=True):
            inner += a * b
            self.count += 1
        return c @ c - 2 * inner + x @ x

    def seeds(self, data, k, rng):
        centres = [data[rng.integers(len(data))]]
        nearest = np.array([self.squared_distance(x, centres[0]) for x in data])
        for _ in range(k - 1):
            share = np.maximum(nearest, 0) / np.maximum(nearest, 0).sum()
            trials = []
            for _ in range(2 + int(math.log(k))):
                candidate = data[rng.choice(len(data), p=share)]
                distance = np.array([self.squared_distance(x, candidate) for x in data])
                trials.append((np.minimum(nearest, distance), candidate))
            nearest, best = min(trials, key=lambda trial: trial[0].sum())
            centres.append(best)
        return np.array(centres)

    def labels(self, data, centres):
        return [np.argmin([self.squared_distance(x, c) for c in centres]) for x in data]

    def iterate(self, data, centres):
        totals, counts = np.zeros_like(centres), np.zeros(len(centres))
        for x, label in zip(data, self.labels(data, centres), strict=True):
            for d in range(len(x)):
                totals[label, d] += 1.0 * x[d]
                self.count += 1
            counts[label] += 1
        return totals / counts[:, None]


@pytest.mark.parametrize(("k", "epochs"), [(2, 1), (3, 2), (8, 3)])
def test_kmeans_costs_the_multiply_adds_of_its_loops(k, epochs):
    rng = np.random.default_rng(0)
    data, loops = rng.random((25, 4)), MultiplyAdds()
    centres = first = loops.seeds(data, k, rng)
    for _ in range(epochs):
        centres = loops.iterate(data, centres)
    loops.labels(data, centres)
    model = KMeans(k, init=first, n_init=1, max_iter=epochs, tol=0, algorithm="lloyd").fit(data)
    np.testing.assert_allclose(centres, model.cluster_centers_)
    spec = BaselineSpec(dataset="digits", method="kmeans", hidden_dim=k, epochs=epochs)
    assert training_flops(spec, 25, 4) == 2 * loops.count


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("epochs", [1, 3])
def test_a_mixture_costs_the_products_of_em(epochs):
    x, k = np.random.default_rng(0).random((60, 5)), 4
    cost = 2 * 60 * 5 * (1 + (k - 1) * 3)  # k-means++, checked in loops above

    def product(a, b):
        nonlocal cost
        cost += 2 * a.shape[0] * a.shape[1] * b.shape[1]
        return a @ b

    def maximise(share):
        total = share.sum(0)
        means = product(share.T, x) / total[:, None]
        squares = product(share.T, x**2) / total[:, None]
        return total, means, (squares - means**2 + VARIANCE_FLOOR).mean(1)

    def expect(total, means, variances):
        squared = (x**2).sum(1)[:, None] + (means**2).sum(1) - 2 * product(x, means.T)
        joint = np.log(total) - 5 / 2 * np.log(variances) - squared / (2 * variances)
        joint = np.exp(joint - joint.max(1, keepdims=True))
        return joint / joint.sum(1, keepdims=True)

    share = np.zeros((60, k))
    share[kmeans_plusplus(x, k, random_state=0)[1], range(k)] = 1
    state = maximise(share)
    for _ in range(epochs):
        state = maximise(expect(*state))
    expect(*state)
    settings = {"covariance_type": "spherical", "init_params": "k-means++", "random_state": 0}
    model = GaussianMixture(k, max_iter=epochs, tol=0, reg_covar=VARIANCE_FLOOR, **settings).fit(x)
    np.testing.assert_allclose(state[1], model.means_, rtol=1e-8)
    spec = BaselineSpec(dataset="digits", method="gmm", hidden_dim=k, epochs=epochs)
    assert training_flops(spec, 60, 5) == cost


# --- parameters ----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_parameters_are_the_numbers_that_the_encoder_keeps(method):
    if method == "picard":
        pytest.importorskip("picard")
    x = torch.rand(64, D, generator=torch.Generator().manual_seed(0))
    settings = {"epochs": 2, "batch_size": B}
    settings = {n: settings.get(n, v) for n, v in METHODS[method].defaults.items()}
    if METHODS[method].reads_labels:
        settings["labels"] = torch.arange(64) % 3
    (encoder,) = METHODS[method].fit(x, K, [0], **settings)
    values = [getattr(encoder, field.name) for field in dataclasses.fields(encoder)]
    kept = sum(value.numel() for value in values if isinstance(value, torch.Tensor))
    assert parameters(baseline(method), D) == kept


def test_parameters_of_an_infomax_layer():
    assert parameters(layer(), D) == sum(p.numel() for p in InfoMaxLayer(D, K).parameters())


# --- errors --------------------------------------------------------------------------------------


def test_a_method_without_batches_needs_a_formula(monkeypatch):
    monkeypatch.setitem(METHODS, "new", Method("new", "new", lambda *_, **__: []))
    with pytest.raises(ValueError, match=r"cost of 'new' is not known.*give it a formula"):
        training_flops(baseline("new"), 100, D)


def test_every_method_has_a_cost():
    for method in METHODS:
        assert math.isfinite(training_flops(baseline(method), 64, D))


@pytest.mark.parametrize("method", ["pca", "kmeans", "sparse_filtering"])
def test_a_budget_sets_the_epochs_of_minibatches_only(method):
    with pytest.raises(ValueError, match=f"{method} does not descend in minibatches"):
        epochs_for(baseline(method), 100, D, 1e9)


@pytest.mark.parametrize("budget", [0, -1.0, math.nan, math.inf])
def test_a_budget_is_a_positive_number(budget):
    with pytest.raises(ValueError, match="choose a finite number above 0"):
        epochs_for(baseline("autoencoder"), 100, D, budget)


@pytest.mark.parametrize(("samples", "inputs"), [(1, 5), (0, 5), (10, 0)])
def test_sizes_are_positive(samples, inputs):
    with pytest.raises(ValueError, match="at least 2 samples and 1 input"):
        training_flops(baseline("pca"), samples, inputs)
    if inputs < 1:
        with pytest.raises(ValueError, match="1 input"):
            parameters(baseline("pca"), inputs)


def test_views_need_square_images():
    with pytest.raises(FitError, match="not a square number"):
        training_flops(baseline("simclr"), 100, 15)
