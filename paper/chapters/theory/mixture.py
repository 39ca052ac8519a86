r"""Explicit and implicit EM on a mixture of K equal-weight isotropic Gaussians in D dimensions.

Every component has the energy :math:`E_k(x) = |x - \mu_k|^2 / 2\sigma^2`, with one known variance.
Its responsibility is :math:`r_k = \mathrm{softmax}(-E)_k`, and up to a constant the negative log
likelihood is the mean of :math:`-\mathrm{LSE}(-E)`. *Explicit* EM computes r, then replaces each
mean by the weighted mean of the data (Dempster et al. 1977). *Implicit* EM descends the gradient

.. math:: \nabla_{\mu_k} = \frac{1}{N \sigma^2} \sum_n r_{nk} (\mu_k - x_n),

in which the same responsibilities appear without an E-step. With the step size
:math:`N \sigma^2 / \sum_n r_{nk}` of each component, the two are the same update.

Source: "InfoMax as the Objective for Implicit EM", Connection to Classical EM. Everything is
computed in float64.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor


class MixtureFit(NamedTuple):
    """Trajectory of one fit; the first entry is the start, so T steps give T + 1 entries.

    Attributes:
        means: Shape (T + 1, K, D).
        responsibilities: Shape (T + 1, N, K), at these means.
        log_likelihood: Shape (T + 1,), mean over samples, in nats.
    """

    means: Tensor
    responsibilities: Tensor
    log_likelihood: Tensor


class ImpliedMixture(NamedTuple):
    """The mixture whose responsibilities are the softmax of a linear layer.

    Attributes:
        means: Shape (K, D).
        weights: Mixing weights (K,), summing to one.
    """

    means: Tensor
    weights: Tensor


# --- the model -----------------------------------------------------------------------------------


def sample_mixture(
    means: Tensor, variance: float, samples: int, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """Samples x (N, D) of the mixture and the component (N,) that each came from.

    Args:
        means: Shape (K, D).
        variance: sigma^2 > 0 of every coordinate.
        samples: Number N of samples.
        seed: The same seed gives the same samples.

    Raises:
        ValueError: A variance that is not above zero, or means that are not a matrix.
    """
    means = _checked_means(means, variance)
    generator = torch.Generator().manual_seed(seed)
    component = torch.randint(len(means), (samples,), generator=generator)
    shape = (samples, means.shape[1])
    noise = torch.randn(shape, generator=generator, dtype=torch.float64)
    return means[component] + variance**0.5 * noise, component


def energies(x: Tensor, means: Tensor, variance: float) -> Tensor:
    """E_nk = |x_n - mu_k|^2 / 2 sigma^2 of samples (N, D); shape (N, K).

    Raises:
        ValueError: A variance that is not above zero, or shapes that do not fit.
    """
    means = _checked_means(means, variance)
    if x.ndim != 2 or x.shape[1] != means.shape[1]:
        raise ValueError(
            f"samples of shape {tuple(x.shape)} do not lie in the {means.shape[1]} dimensions of "
            f"the means; pass x of shape (N, {means.shape[1]})"
        )
    # Differences rather than |x|^2 - 2 x.mu + |mu|^2, which cancels far from the origin.
    exact = "donot_use_mm_for_euclid_dist"
    return torch.cdist(x.double(), means, compute_mode=exact).square() / (2 * variance)


def responsibilities(x: Tensor, means: Tensor, variance: float) -> Tensor:
    """P(component k | x_n) = softmax(-E)_nk; shape (N, K), rows summing to one."""
    return torch.softmax(-energies(x, means, variance), -1)


def log_likelihood(x: Tensor, means: Tensor, variance: float) -> Tensor:
    """Mean over samples of log 1/K sum_k N(x; mu_k, sigma^2 I), in nats."""
    components, dimension = means.shape
    normaliser = torch.tensor(2 * torch.pi * variance, dtype=torch.float64).log() * dimension / 2
    prior = torch.tensor(float(components), dtype=torch.float64).log()
    return -implicit_loss(x, means, variance) - normaliser - prior


def implicit_loss(x: Tensor, means: Tensor, variance: float) -> Tensor:
    """-mean_n LSE_k(-E_nk): the negative log likelihood but for a constant."""
    return -torch.logsumexp(-energies(x, means, variance), -1).mean()


def _checked_means(means: Tensor, variance: float) -> Tensor:
    if means.ndim != 2:
        raise ValueError(f"means must have shape (K, D), got {tuple(means.shape)}")
    if not variance > 0:
        raise ValueError(f"variance={variance} is not possible: choose a number above 0")
    return means.double()


# --- one step ------------------------------------------------------------------------------------


def em_step(x: Tensor, means: Tensor, variance: float) -> Tensor:
    """Explicit EM: mu_k = sum_n r_nk x_n / sum_n r_nk; shape (K, D).

    A component without any responsibility stays where it is.
    """
    r = responsibilities(x, means, variance)
    mass = r.sum(0).unsqueeze(-1)
    return torch.where(mass > 0, r.mT @ x.double() / mass, means.double())


def em_step_size(x: Tensor, means: Tensor, variance: float) -> Tensor:
    """Step sizes N sigma^2 / sum_n r_nk (K,) at which a gradient step equals the EM update.

    sigma^2 over the mean responsibility: K sigma^2 where all components are used alike, and the
    longer the less a component is used. Zero for one without any responsibility, which has no
    gradient either.
    """
    use = responsibilities(x, means, variance).mean(0)
    return torch.where(use > 0, variance / use, 0.0)


def implicit_step(x: Tensor, means: Tensor, variance: float, step_size: float | Tensor) -> Tensor:
    """Implicit EM: one gradient step on :func:`implicit_loss`; shape (K, D).

    Args:
        x: Samples (N, D).
        means: Shape (K, D).
        variance: sigma^2 > 0.
        step_size: One for all components, or one each (K,).
    """
    at = means.detach().double().requires_grad_()
    (gradient,) = torch.autograd.grad(implicit_loss(x, at, variance), at)
    size = torch.as_tensor(step_size, dtype=torch.float64).reshape(-1, 1)
    return at.detach() - size * gradient


# --- trajectories --------------------------------------------------------------------------------


def fit_explicit(x: Tensor, means: Tensor, variance: float, steps: int) -> MixtureFit:
    """So many EM updates of the means from a start (K, D). The likelihood never falls."""
    path = [means.detach().double()]
    for _ in range(steps):
        path.append(em_step(x, path[-1], variance))
    return _fit(x, path, variance)


def fit_implicit(
    x: Tensor, means: Tensor, variance: float, steps: int, step_size: float
) -> MixtureFit:
    """So many steps of gradient descent on :func:`implicit_loss` from a start (K, D).

    Args:
        x: Samples (N, D), all of them in every step.
        means: Where they start.
        variance: sigma^2 > 0.
        steps: Number of steps.
        step_size: One for all components. K sigma^2 is EM for components that are used alike; with
            more than 2 sigma^2 / (mean responsibility) a component overshoots.

    Raises:
        ValueError: A step size that is not above zero.
    """
    if not step_size > 0:
        raise ValueError(f"step_size={step_size} is not possible: choose a number above 0")
    at = means.detach().double().clone().requires_grad_()
    descent = torch.optim.SGD([at], lr=step_size)
    return descend(x, at, variance, steps, lambda: implicit_loss(x, at, variance), descent)


def descend(
    x: Tensor,
    means: Tensor,
    variance: float,
    steps: int,
    loss: Callable[[], Tensor],
    descent: torch.optim.Optimizer,
) -> MixtureFit:
    """So many steps of an optimizer on a loss of the means, which it changes in place."""
    path = [means.detach().clone()]
    for _ in range(steps):
        descent.zero_grad()
        loss().backward()
        descent.step()
        path.append(means.detach().clone())
    return _fit(x, path, variance)


def _fit(x: Tensor, path: list[Tensor], variance: float) -> MixtureFit:
    return MixtureFit(
        torch.stack(path),
        torch.stack([responsibilities(x, means, variance) for means in path]),
        torch.stack([log_likelihood(x, means, variance) for means in path]),
    )


def matched_distance(means: Tensor, target: Tensor) -> float:
    """Root mean square distance of means (K, D) from a target (K, D), in the best order.

    A mixture does not know the order of its components; the assignment is the cheapest one.
    """
    squared = torch.cdist(means.double(), target.double()).square()
    rows, columns = linear_sum_assignment(squared.numpy())
    return float(squared[rows, columns].mean().sqrt())


# --- a linear layer as a mixture -----------------------------------------------------------------


def implied_mixture(weight: Tensor, bias: Tensor) -> ImpliedMixture:
    r"""The mixture of unit variance whose responsibilities are softmax(Wx + b).

    Its means are :math:`w_k`, its mixing weights proportional to :math:`\exp(b_k + |w_k|^2 / 2)`.
    This is what breaks when norms are free: the layer still is a mixture, but not one of equal
    weights, and at zero bias a long row is believed a priori to own exponentially more samples than
    a short one. With :math:`b_k = -|w_k|^2 / 2` the weights are equal.

    Args:
        weight: Rows (K, D).
        bias: Shape (K,).
    """
    rows = weight.double()
    return ImpliedMixture(rows, torch.softmax(bias.double() + rows.square().sum(-1) / 2, -1))
