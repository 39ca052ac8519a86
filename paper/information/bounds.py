r"""Estimates of mutual information from a critic's scores of all pairs in a batch, in nats.

A critic scores how well x and y belong together. ``scores[..., i, j]`` is f(x_i, y_j): the diagonal
holds pairs that were drawn together, the rest pairs that were not. Leading dimensions are critics
that are trained side by side. With N pairs in the batch,

.. math::
    I_{NCE} &= \log N + \frac1N \sum_i \Bigl( f_{ii} - \log \sum_j e^{f_{ij}} \Bigr) \\
    I_{NWJ} &= \frac1N \sum_i f_{ii} - \frac{1}{N(N-1)} \sum_{i \ne j} e^{f_{ij} - 1} \\
    I_{DV} &= \frac1N \sum_i f_{ii} - \log \frac{1}{N(N-1)} \sum_{i \ne j} e^{f_{ij}} \\
    J_{JS} &= -\frac1N \sum_i \log(1 + e^{-f_{ii}})
        - \frac{1}{N(N-1)} \sum_{i \ne j} \log(1 + e^{f_{ij}}) \\
    J_{T} &= -\frac{1}{N(N-1)} \sum_{i \ne j} \max(0, 1 + f_{ij} - f_{ii})

With independent pairs the first two are lower bounds in expectation, for every critic; I_NCE is at
most log N. The logarithm of I_DV is taken of a mean over the batch, so that for small batches it is
above what it bounds. J_JS is no estimate: it finds a critic, whose scores estimate as those of NWJ
do (see `from_jensen_shannon`). J_T, minus a triplet loss of metric learning, says nothing about
information.

Sources: van den Oord et al. 2018 (I_NCE); Nguyen, Wainwright and Jordan 2010 (I_NWJ); Donsker and
Varadhan 1983, Belghazi et al. 2018 (I_DV, MINE); Nowozin et al. 2016, Hjelm et al. 2019 (J_JS);
Poole et al. 2019 for all of them; Chechik et al. 2010 (triplets with a bilinear critic).
"""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor
from torch.nn import functional as F


def cap(pairs: int) -> float:
    """log N, which I_NCE cannot exceed with batches of N pairs, whatever the mutual information."""
    return math.log(pairs)


def info_nce(scores: Tensor) -> Tensor:
    """I_NCE of scores (..., N, N), at most `cap` (N); shape (...)."""
    return cap(_pairs(scores)) + (_joint(scores) - scores.logsumexp(-1)).mean(-1)


def nwj(scores: Tensor) -> Tensor:
    """I_NWJ of scores (..., N, N); shape (...). Not bounded below: one large score is enough."""
    return _joint(scores).mean(-1) - (_log_mean_exp(scores) - 1).exp()


def donsker_varadhan(scores: Tensor) -> Tensor:
    """I_DV of scores (..., N, N); shape (...)."""
    return _joint(scores).mean(-1) - _log_mean_exp(scores)


def jensen_shannon(scores: Tensor) -> Tensor:
    """J_JS of scores (..., N, N), at most 0; shape (...)."""
    pairs = _pairs(scores)
    apart = F.softplus(scores).sum((-2, -1)) - F.softplus(_joint(scores)).sum(-1)
    return -F.softplus(-_joint(scores)).mean(-1) - apart / (pairs * (pairs - 1))


def from_jensen_shannon(scores: Tensor) -> Tensor:
    r"""The estimate that belongs to a critic trained by `jensen_shannon`; shape (...).

    The best such critic is :math:`\log p(x, y) / (p(x) p(y))`; that of I_NWJ is larger by one.
    """
    return nwj(scores + 1)


def triplet(scores: Tensor) -> Tensor:
    """J_T of scores (..., N, N), at most 0; shape (...).

    Zero where each x scores its own y higher than every other one by at least 1.
    """
    pairs = _pairs(scores)
    lacking = (1 + scores - _joint(scores).unsqueeze(-1)).relu()
    # each x beside its own y lacks exactly 1
    return -(lacking.sum((-2, -1)) - pairs) / (pairs * (pairs - 1))


def mine(scores: Tensor, average: Tensor | None, decay: float = 0.99) -> tuple[Tensor, Tensor]:
    """I_DV with the gradient of MINE, and the moving average that it needs next time.

    The gradient of the logarithm of a batch's mean is biased; MINE divides by a mean over many
    batches instead. The value is that of `donsker_varadhan`.

    Args:
        scores: Shape (..., N, N).
        average: What the last batch gave; None for the first batch.
        decay: Share of the average that stays, in [0, 1).

    Returns:
        The estimate and the logarithm of the average of e^f, each of shape (...).
    """
    now = _log_mean_exp(scores)
    with torch.no_grad():
        if average is None:
            average = now.detach()
        else:
            average = torch.logaddexp(average + math.log(decay), now + math.log1p(-decay))
    slope = (now - average).exp()  # its gradient is that of the mean over the average
    denominator = now.detach() + slope - slope.detach()
    return _joint(scores).mean(-1) - denominator, average


#: Objectives that a critic and encoders can be trained to maximise, by name.
BOUNDS: Mapping[str, Callable[[Tensor], Tensor]] = MappingProxyType(
    {
        "nce": info_nce,
        "nwj": nwj,
        "donsker_varadhan": donsker_varadhan,
        "jensen_shannon": jensen_shannon,
        "triplet": triplet,
    }
)


def _pairs(scores: Tensor) -> int:
    """N of scores (..., N, N)."""
    if scores.dim() < 2 or scores.shape[-1] != scores.shape[-2]:
        raise ValueError(f"scores of all pairs have the shape (..., N, N), got {(*scores.shape,)}")
    if scores.shape[-1] < 2:
        raise ValueError(
            "a batch of one has no pair that was not drawn together: use batches of at least 2"
        )
    return scores.shape[-1]


def _joint(scores: Tensor) -> Tensor:
    """Scores of what was drawn together, (..., N)."""
    return scores.diagonal(dim1=-2, dim2=-1)


def _log_mean_exp(scores: Tensor) -> Tensor:
    """Logarithm of the mean of e^f over the pairs that were not drawn together; shape (...)."""
    pairs = _pairs(scores)
    drawn = torch.eye(pairs, dtype=torch.bool, device=scores.device)
    apart = scores.masked_fill(drawn, -math.inf).flatten(-2)
    return apart.logsumexp(-1) - math.log(pairs * (pairs - 1))
